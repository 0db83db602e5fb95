"""How fast the trainer is, as ratios in one run: against the best loop by hand, keras.fit, and a textbook DataLoader loop.

    python benchmarks/trainer.py            (about 5 minutes on two CPU cores; writes benchmarks/results/trainer.json)

The network is the small Keras CNN of the course (conv 32, pool, conv 64, pool, conv 64, dense 64, dense 10), batches of
128, Adam. An epoch is 15,000 images of MNIST where it has been downloaded or COURSE_LIB_DATA names it, else of the embedded
digits, repeated. The contestants take turns, an epoch each, in an order that is reversed from round to round; the two whose
ratio is nearest to one take three turns a round. A machine shared with others is disturbed now and then, so two ratios are
given: the median over pairs of turns side by side, with its quartiles, and that of the best turns.
"""

import json
import statistics
import subprocess
import sys
from functools import partial
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy
from usual import Pictures, compare, keras_arrays, keras_cnn, seconds

from course_lib import data, runtime
from course_lib.data.download import data_folder
from course_lib.models import ConvNet
from course_lib.objectives import Classification
from course_lib.trainer import Trainer

ROUNDS = 10
IMAGES = 15_000
TURNS = ("bare", "trainer") * 3 + ("keras_fit", "textbook")
BATCH = 128
adam = partial(torch.optim.Adam, lr=1e-3, fused=True)


def multiply_adds():
    """Of one image's forward pass, layer by layer: outputs x inputs to each."""
    convolutions = 26 * 26 * 32 * 9 + 11 * 11 * 64 * 32 * 9 + 3 * 3 * 64 * 64 * 9
    return convolutions + 576 * 64 + 64 * 10


def load():
    if (data_folder() / "MNIST" / "raw" / "train-images-idx3-ubyte").exists():
        return data.mnist(profile="full")[0].subset(slice(0, IMAGES))
    embedded, _ = data.mnist(profile="fast")
    return embedded.subset(torch.arange(IMAGES) % len(embedded))


def bare(train):
    """The best loop we can write by hand: same precision, layout, batches and optimizer, and nothing else."""
    device, layout = runtime.device(), runtime.memory_format()
    model = ConvNet().to(device, memory_format=layout)
    optimizer = adam(model.parameters())
    reduced = torch.bfloat16 if runtime.precision() == "bf16" else torch.float32
    images, labels = train.images, train.labels

    def epoch():
        for index in torch.randperm(len(images)).split(BATCH):
            x = images[index].to(reduced).mul_(1 / 255).contiguous(memory_format=layout)
            with torch.autocast(device.type, torch.bfloat16, enabled=reduced is torch.bfloat16):
                logits = model(x)
            loss = cross_entropy(logits.float(), labels[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return loss.item()

    return epoch


def trainer(train):
    """The trainer as a reader calls it, with its progress line and its history."""
    run = Trainer(Classification(ConvNet()), adam, batch_size=BATCH)
    return lambda: run.fit(train, 1)[-1]["loss"]


def keras_fit(train):
    """keras.fit as a reader calls it, on float32 images in memory."""
    model, (x, y) = keras_cnn(), keras_arrays(train)
    return lambda: model.fit(x, y, batch_size=BATCH, epochs=1, verbose=2).history["loss"][-1]


def textbook(train):
    """A DataLoader over images as PIL pictures, with torchvision's ToTensor and Normalize, as most tutorials write it."""
    device = runtime.device()
    model = ConvNet().to(device)
    optimizer = adam(model.parameters())
    loader = torch.utils.data.DataLoader(Pictures(train), batch_size=BATCH, shuffle=True)

    def epoch():
        total = 0.0
        for x, y in loader:
            loss = cross_entropy(model(x.to(device)), y.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        return total / len(loader)

    return epoch


def peak():
    """Multiply-adds a second of a large matrix product, in the precision that the trainer uses."""
    dtype = torch.bfloat16 if runtime.precision() == "bf16" else torch.float32
    a, b = (torch.randn(2048, 2048, device=runtime.device()).to(dtype) for _ in range(2))
    (a @ b).sum().item()
    return max(2048**3 / seconds(lambda: (a @ b)[0, 0].item()) for _ in range(20))


def import_seconds(statement, repeats=7):
    """The fastest of several fresh interpreters."""
    line = f"import time; t = time.perf_counter(); {statement}; print(time.perf_counter() - t)"
    return min(float(subprocess.check_output([sys.executable, "-c", line])) for _ in range(repeats))


def main():
    print(runtime.describe_machine())
    runtime.set_seed(0)
    train = load()
    contestants = {function.__name__: function(train) for function in (bare, trainer, keras_fit, textbook)}
    rates = {name: [] for name in contestants}
    for number in range(ROUNDS + 1):  # the first round warms up
        for name in TURNS if number % 2 else reversed(TURNS):
            rate = len(train) / seconds(contestants[name])
            if number:
                rates[name].append(rate)
    median = {name: statistics.median(values) for name, values in rates.items()}
    ratios = {name: compare(rates["trainer"], rates[name]) for name in contestants if name != "trainer"}
    operations = 3 * multiply_adds() * median["trainer"]  # backward costs twice what forward does
    imports = {name: import_seconds(f"import {name}") for name in ("torch", "course_lib", "course_lib.trainer")}
    result = {
        "machine": runtime.describe_machine().splitlines(),
        "command": "python benchmarks/trainer.py",
        "data": repr(train),
        "rounds": ROUNDS,
        "images_per_second": {name: round(value) for name, value in median.items()},
        "images_per_second_by_turn": {name: [round(value) for value in values] for name, values in rates.items()},
        "trainer_over": ratios,
        "share_of_matrix_product_peak": round(operations / peak(), 3),
        "import_seconds": {name: round(value, 3) for name, value in imports.items()},
        "import_over_torch": round(imports["course_lib"] / imports["torch"], 3),
        "import_trainer_over_torch": round(imports["course_lib.trainer"] / imports["torch"], 3),
    }
    target = Path(__file__).parent / "results" / "trainer.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    print(f"\n{'':10} {'images/s':>9}   trainer over it: median (quartiles), best turns")
    for name, value in median.items():
        text = "{median:.2f} ({lower_quartile:.2f} to {upper_quartile:.2f}), {best:.2f}"
        shown = text.format(**ratios[name]) if name in ratios else ""
        print(f"{name:10} {value:9,.0f}   {shown}")
    print(f"share of the matrix-product peak: {result['share_of_matrix_product_peak']:.1%}")
    print(f"import course_lib costs {result['import_over_torch']:.2f} times import torch")
    print(f"import course_lib.trainer costs {result['import_trainer_over_torch']:.2f} times import torch")


if __name__ == "__main__":
    main()
