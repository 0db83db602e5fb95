"""What the course does on a GPU: one command of at most eight minutes, and one file of results.

    python benchmarks/gpu.py                      (all parts; writes benchmarks/results/gpu.json)
    python benchmarks/gpu.py speed mnist          (only these; the others stay as they are in the file)
    python benchmarks/gpu.py --cifar FOLDER       (CIFAR-10 from class folders in FOLDER/train and FOLDER/test, or in a zip)
    python benchmarks/gpu.py --tiny --out FILE    (the same code on a few images, for machines without a GPU)

smoke     Every recipe trains some steps, in float32 and bfloat16, with finite losses, and draws if it can.
speed     The trainer against the best loop by hand: as it stands, compiled, and captured as a CUDA graph. The contestants take
          turns, in an order reversed from round to round. Operations are counted by torch over a forward and a backward pass;
          the card's peak is that of a large matrix product on the same card, in TF32 for float32, as cuDNN convolves.
mnist     Seconds of training to 99 % of the test images, with the recipe of benchmarks/mnist.py.
cifar10   Seconds of training to 94 %, with a wider residual network.

A part that fails leaves its error in the file, and the others run; the command then ends with status 1.
"""

import argparse
import json
import sys
import tempfile
import time
import traceback
import zipfile
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import gan
import torch
from mnist import one_cycle_run
from torch.nn.functional import cross_entropy, pad
from torch.utils.flop_counter import FlopCounterMode
from usual import compare, seconds, take_turns

from course_lib import data, models, published, recipes, runtime
from course_lib.callbacks import LRSchedule, one_cycle
from course_lib.data.download import data_folder
from course_lib.objectives import Classification
from course_lib.trainer import Trainer

RESULTS = Path(__file__).parent / "results" / "gpu.json"
LIMIT = 8 * 60  # seconds; a part that would begin later than half a minute before is left out
PRECISIONS = ("fp32", "bf16")


@dataclass(frozen=True)
class Scale:
    """How much each part takes on.

    steps: of each recipe. batch: examples in a step at most. rounds, turn: of the race, and the steps of a turn.
    side: of the matrices. backend: of `torch.compile`. images: that a run to a goal trains on, and at most that many test it.
    epochs: of CIFAR-10. widths: of its network. seeds: of the runs to a goal.
    """

    steps: int = 20
    batch: int = 1024
    rounds: int = 10
    turn: int = 200
    side: int = 8192
    backend: str = "inductor"
    images: int = 60_000
    epochs: int = 30
    widths: tuple[int, ...] = (64, 128, 256)
    seeds: tuple[int, ...] = (0, 1, 2)


TINY = Scale(steps=1, batch=4, rounds=1, turn=2, side=64, backend="eager", images=64, epochs=1, widths=(4, 8), seeds=(0,))
SHAPES = {  # networks whose trainer races the loop by hand, images and batches
    "ConvNet": (models.ConvNet, (1, 28, 28), 128),
    "ResNet": (models.ResNet, (3, 32, 32), 512),
}


def smoke(scale, arguments):
    """The last loss of every recipe, and the shape of what it draws."""
    runtime.configure(profile="fast")  # embedded data
    sets = {name: recipes.DATASETS[name]()[0] for name in {recipe.data for recipe in recipes.RECIPES.values()}}
    found = {}
    for precision in PRECISIONS:
        runtime.configure(precision=precision, profile="fast")
        for name, recipe in recipes.RECIPES.items():
            recipe = replace(recipe, batch_size=min(scale.batch, recipe.batch_size), validation=0.0)
            images = sets[recipe.data].subset(slice(0, scale.steps * recipe.batch_size))
            trainer = recipe.trainer(images.images.shape[1:], len(images.classes))
            trainer.progress = False
            trainer.fit(recipe.prepared(images, trainer.objective.value_range)[0], 1)
            row = {key: value for key, value in trainer.history[-1].items() if "loss" in key}
            if hasattr(trainer.objective, "sample"):
                row["drawn"] = shape_of_finite(trainer.objective.sample(4))
            found[f"{name} {precision}"] = row
        found |= {f"published {name} {precision}": shape_of_finite(published.draw(name, 4)) for name in published.GENERATORS}
    return found


def shape_of_finite(images):
    if not torch.isfinite(images).all():
        raise FloatingPointError(f"Expected finite images, got NaN or infinity among {tuple(images.shape)}.")
    return list(images.shape)


def speed(scale, arguments):
    """Images a second of each contestant, the trainer over each, and shares of the card's peak."""
    found = {}
    for precision in PRECISIONS:
        runtime.configure(precision=precision)
        peak = best_product(scale.side, precision)
        rows = {name: race(*settings, peak, scale) for name, settings in SHAPES.items()}
        found[precision] = {"peak_teraflops": round(peak / 1e12, 3), **rows, "GAN": race_of_gans(scale)}
    return found


def best_product(side, precision):
    """Operations a second of a product of two matrices; of float32 in TF32 where there is such a thing."""
    device, before = runtime.device(), torch.get_float32_matmul_precision()
    a, b = (torch.randn(side, side, device=device, dtype=torch.bfloat16 if precision == "bf16" else None) for _ in range(2))
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
    spent = min([seconds(lambda: a @ b) for _ in range(12)][2:])
    torch.set_float32_matmul_precision(before)
    return 2 * side**3 / spent


def operations(make, shape, count=8):
    """Of one image, forward and backward; a multiplication and an addition are two."""
    with FlopCounterMode(display=False) as counter:
        make()(torch.rand(count, *shape)).sum().backward()
    return counter.get_total_flops() / count


def noise(shape, count):
    """Images of nothing: how fast they are does not depend on what they show."""
    pixels, labels = torch.randint(256, (count, *shape)).byte(), torch.arange(count) % 10
    return data.Images(pixels, {"label": labels}, {"label": data.standard.DIGITS}, name="noise")


def race(make, shape, batch, peak, scale):
    batch = min(batch, scale.batch)
    train = noise(shape, batch * scale.turn)
    adam = partial(torch.optim.Adam, lr=1e-3, fused=True)
    run = Trainer(Classification(make()), adam, batch_size=batch, progress=False)
    contestants, left_out = {"trainer": lambda: run.fit(train, 1)}, {}
    for kind in ("eager", "compiled", "captured"):
        try:
            if kind == "captured" and runtime.device().type != "cuda":
                raise RuntimeError("a CUDA graph needs a GPU of Nvidia's")
            contestants[kind] = by_hand(make, train, batch, kind, scale.backend)
        except Exception as error:  # a compiler that is missing, say
            left_out[kind] = sentence(error)
    rates = take_turns(contestants, tuple(contestants), scale.rounds, len(train))
    middle = {name: sorted(values)[len(values) // 2] for name, values in rates.items()}
    work = operations(make, shape)
    return {
        "batch": batch,
        "operations_an_image": round(work),
        "images_per_second": {name: round(rate) for name, rate in middle.items()},
        "trainer_over": {name: compare(rates["trainer"], rates[name]) for name in rates if name != "trainer"},
        "share_of_peak": {name: round(work * rate / peak, 4) for name, rate in middle.items()},
        "left_out": left_out,
    }


def by_hand(make, train, batch, kind, backend):
    """An epoch of the best loop by hand, after its first steps: same precision, layout, batches and optimizer."""
    device, layout = runtime.device(), runtime.memory_format()
    model = make().to(device, memory_format=layout)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True, capturable=kind == "captured")
    forward = torch.compile(model, backend=backend) if kind == "compiled" else model
    reduced = {"enabled": runtime.precision() == "bf16", "cache_enabled": kind != "captured"}

    def step(index):
        x = train.images[index].float().mul_(1 / 255).contiguous(memory_format=layout)
        with torch.autocast(device.type, torch.bfloat16, **reduced):
            logits = forward(x)
        loss = cross_entropy(logits.float(), train.labels[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    if kind == "captured":
        step = captured(step, torch.zeros(batch, dtype=torch.int64, device=device))

    def epoch():
        for index in torch.randperm(len(train), device=device).split(batch):
            loss = step(index)
        return loss.item()

    epoch()
    return epoch


def captured(step, index):
    """The same step as one CUDA graph, which reads its indices from the tensor `index`."""
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(3):  # allocates what the graph then finds
            step(index)
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss = step(index)

    def replay(new):
        index.copy_(new)
        graph.replay()
        return loss

    return replay


def race_of_gans(scale):
    """The trainer over the loop by hand of benchmarks/gan.py: two networks, two steps a batch."""
    train = noise((1, 28, 28), gan.BATCH * scale.turn).with_value_range(-1, 1)
    contestants = {"bare": gan.bare(train), "trainer": gan.trainer(train)}
    rates = take_turns(contestants, tuple(contestants), scale.rounds, len(train))
    return {"batch": gan.BATCH, "trainer_over": {"eager": compare(rates["trainer"], rates["bare"])}}


def mnist(scale, arguments):
    """Seconds of training and test accuracy of one cycle over one epoch, a seed each."""
    runtime.configure()
    full = (data_folder() / "MNIST" / "raw" / "train-images-idx3-ubyte").exists()
    if not full and scale is not TINY:
        return {"skipped": "MNIST is not there: set COURSE_LIB_DATA to a folder with MNIST/raw."}
    train, test = (part.subset(slice(0, scale.images)) for part in data.mnist(profile="full" if full else "fast"))
    settings = {"epochs": 1, "rate": 3e-3, "batch_size": 32}
    one_cycle_run(train.subset(slice(0, 64)), **settings, seed=0)  # the device warms up
    runs = []
    for seed in scale.seeds:
        trainer, spent = one_cycle_run(train, **settings, seed=seed)
        runs.append({"seed": seed, "seconds": round(spent, 2), "accuracy": trainer.evaluate(test)["accuracy"]})
    return settings | {"data": repr(train), "goal": 0.99} | summary(runs, 0.99)


class CropAndFlip:
    """Images that are moved by up to 4 pixels and mirrored at random as they are drawn, each in its own way, all at once."""

    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def batch(self, index):
        x, labels = self.images.batch(index)  # (B, C, H, W)
        count, _, height, width = x.shape
        where = partial(torch.randint, size=(count, 1), device=x.device)
        rows = where(9) + torch.arange(height, device=x.device)  # (B, H)
        columns = where(9) + torch.arange(width, device=x.device)  # (B, W)
        columns = torch.where(where(2) > 0, columns, columns.flip(1))
        which = torch.arange(count, device=x.device)[:, None, None]
        moved = pad(x, [4] * 4, mode="reflect").permute(0, 2, 3, 1)[which, rows[:, :, None], columns[:, None]]  # (B, H, W, C)
        return moved.permute(0, 3, 1, 2), labels


def cifar10(scale, arguments):
    """Seconds of training and test accuracy of one cycle of a residual network as wide as a GPU likes."""
    runtime.configure()
    with tempfile.TemporaryDirectory() as unpacked:
        sets = load_cifar10(arguments.cifar, Path(unpacked), scale)
    if sets is None:
        return {"skipped": "CIFAR-10 is not there: pass --cifar, or set COURSE_LIB_DATA to a folder with cifar-10-batches-bin."}
    train, test = (part.subset(slice(0, scale.images)).with_value_range(-1, 1) for part in sets)
    settings = {"epochs": scale.epochs, "rate": 0.2, "batch_size": min(512, scale.batch), "widths": scale.widths}
    sgd = partial(torch.optim.SGD, lr=settings["rate"], momentum=0.9, nesterov=True, weight_decay=5e-4, fused=True)

    def run(images, epochs, seed):
        runtime.set_seed(seed)
        objective = Classification(models.ResNet(widths=scale.widths, blocks=3), label_smoothing=0.1)
        schedule = LRSchedule(one_cycle, epochs=epochs)
        trainer = Trainer(objective, sgd, batch_size=settings["batch_size"], seed=seed, callbacks=[schedule], progress=False)
        trainer.fit(CropAndFlip(images), epochs)
        return trainer, sum(row["seconds"] for row in trainer.history)

    run(train.subset(slice(0, settings["batch_size"])), 1, 0)  # the device warms up
    trainer, spent = run(train, scale.epochs, 0)
    runs = [{"seed": 0, "seconds": round(spent, 1), "accuracy": trainer.evaluate(test)["accuracy"]}]
    return settings | {"data": repr(train), "goal": 0.94} | summary(runs, 0.94)


def load_cifar10(given, unpacked, scale):
    """(train, test), from a folder, a zip, the user's data folder, or drawn shapes instead of them in a tiny run; or None."""
    if scale is TINY:
        shapes = data.shapes(64).by("shape")
        return shapes, shapes
    if given is None:
        return data.cifar10() if (data_folder() / "cifar-10-batches-bin").exists() else None
    if given.is_file():
        zipfile.ZipFile(given).extractall(unpacked)
        given = next(unpacked.rglob("train")).parent
    return [data.image_folder(given / part, size=32) for part in ("train", "test")]


def summary(runs, goal):
    """Runs, and the mean of their seconds if each has arrived."""
    arrived = all(run["accuracy"] >= goal for run in runs)
    mean = sum(run["seconds"] for run in runs) / len(runs)
    return {"runs": runs, "seconds_to_goal": round(mean, 2) if arrived else None}


def sentence(error):
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"


PARTS = {part.__name__: part for part in (smoke, speed, mnist, cifar10)}


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"one or more of {', '.join(PARTS)}; default: all")
    parser.add_argument("--tiny", action="store_true", help="a few images, for machines without a GPU")
    parser.add_argument("--cifar", type=Path, help="a folder or a zip of CIFAR-10 as pictures")
    parser.add_argument("--out", type=Path, default=RESULTS, help="the file of results (%(default)s)")
    arguments = parser.parse_args(arguments)
    if unknown := set(arguments.parts) - PARTS.keys():
        parser.error(f"Expected parts of {', '.join(PARTS)}, got {', '.join(unknown)}.")
    if arguments.tiny == (arguments.out == RESULTS):
        parser.error("Expected --out FILE with --tiny, whose times say nothing, and without it none.")
    if runtime.device().type == "cpu" and not arguments.tiny:
        parser.error("Expected a GPU, found none; --tiny --out FILE runs the same code on a few images.")
    started, failed = time.perf_counter(), []
    found = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
    for name in arguments.parts or PARTS:
        print(f"{name} ...", flush=True)
        begun = time.perf_counter()
        try:
            if begun - started > LIMIT - 30:
                raise TimeoutError(f"no time was left: {LIMIT} seconds are up")
            found[name] = PARTS[name](TINY if arguments.tiny else Scale(), arguments)
        except Exception as error:
            traceback.print_exc()
            found[name] = {"error": sentence(error)}
            failed.append(name)
        found[name]["part_seconds"] = round(time.perf_counter() - begun, 1)
        runtime.configure()
        found["machine"] = runtime.describe_machine().splitlines()
        found["command"] = "python benchmarks/gpu.py" + " --tiny" * arguments.tiny
        arguments.out.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    print(json.dumps(found, indent=2, ensure_ascii=False))
    return f"failed: {', '.join(failed)}" if failed else 0


if __name__ == "__main__":
    sys.exit(main())
