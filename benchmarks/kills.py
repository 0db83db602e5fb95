"""Kills trainings at random moments, as they write, prune and save anew, and sees whether each goes on bit for bit.

python benchmarks/kills.py              (100 kills, some minutes; writes benchmarks/results/kills.json)
python benchmarks/kills.py 10 --seed 3  (fewer, of one seed; prints alone)

Six small trainings, which save every step, are sent SIGINT, SIGTERM or SIGKILL: at a random time, or as they are about to
touch the disk for the n-th time. After each kill, every folder with the name of a checkpoint must be whole; then the run is
resumed, and perhaps killed again. At its end it must have, to the bit, the weights and losses of a run that nobody killed.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path

os.environ.update(COURSE_LIB_DEVICE="cpu", COURSE_LIB_PRECISION="fp32", OMP_NUM_THREADS="1")

import torch

from course_lib import checkpoints, data, models, objectives, runtime
from course_lib.callbacks import EMA, Checkpoints, EarlyStopping, LRSchedule, cosine
from course_lib.trainer import Trainer

EPOCHS, SHAPE = 4, (1, 16, 16)  # of three steps each
DISK = ("open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.rmtree")  # moments that Python tells of
OBJECTIVES = {
    "mlp": lambda: objectives.Classification(models.MLP((256, 16, 10), dropout=0.2)),
    "lenet": lambda: objectives.Classification(models.LeNet(SHAPE)),
    "resnet": lambda: objectives.Classification(models.ResNet(SHAPE, widths=(4, 8), blocks=1)),
    "unet": lambda: objectives.Segmentation(models.UNet(1, 2, widths=(4, 8))),
    "gan": lambda: objectives.Adversarial(
        models.Generator(SHAPE, latent_dim=8, width=4), models.Discriminator(SHAPE, width=4), latent_dim=8
    ),
    "vae": lambda: objectives.VariationalBound(models.dense_vae(SHAPE, hidden=(16,), latent_dim=4)),
}


def images(model):
    """48 random images, which suit the model."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (48, *SHAPE), dtype=torch.uint8, generator=generator)
    masks = (pixels[:, 0] > 127).long()
    targets = {"mask": masks} if model == "unet" else {"label": torch.arange(48) % 10}
    names = {"mask": ("dark", "light")} if model == "unet" else {"label": "0123456789"}
    made = data.Images(pixels, targets, names, name="noise")
    return made.with_value_range(-1, 1) if model == "gan" else made


def train(model, folder):
    """Train to the end, from the last checkpoint in the folder if there is one."""
    runtime.set_seed(0)
    callbacks = [EMA(0.9), LRSchedule(cosine, epochs=EPOCHS), Checkpoints(folder, every=1, keep=1 + (model in ("gan", "vae")))]
    if model == "mlp":
        callbacks.append(EarlyStopping("loss", patience=99))
    trainer = Trainer(
        OBJECTIVES[model](), partial(torch.optim.Adam, lr=1e-2), batch_size=16, callbacks=callbacks, progress=False
    )
    if checkpoints.every(folder):
        trainer.resume(folder)
    trainer.fit(images(model), EPOCHS - trainer.epoch)


def start(model, folder, *, number=None, moment=None):
    """A process of its own that trains; it sends itself a signal as it is about to touch the disk for the `moment`-th time."""
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a child is deaf to it until it can answer
    if process := os.fork():
        signal.signal(signal.SIGINT, usual)
        return process
    touched = 0

    def watch(event, arguments):
        nonlocal touched
        if event in DISK and arguments and str(folder) in str(arguments[0]):
            touched += 1
            if touched == moment:
                os.kill(os.getpid(), number)

    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        torch.set_num_threads(1)
        sys.addaudithook(watch)
        train(model, folder)
        Path(f"{folder}.touched").write_text(str(touched))
        os._exit(0)
    except KeyboardInterrupt:
        os._exit(130)
    except BaseException as error:
        Path(f"{folder}.error").write_text(f"{type(error).__name__}: {error}")
        os._exit(1)


def end(folder):
    """What a finished run has learned: the bytes of its weights, and its losses."""
    last = checkpoints.latest(folder)
    weights = {file.name: file.read_bytes() for file in sorted(last.glob("*.safetensors"))}
    times = ("seconds", "examples_per_second")
    history = [{name: row[name] for name in row if name not in times} for row in checkpoints.config(last)["history"]]
    return last.name, weights, history


def kill(model, folder, draw, touched, seconds):
    """Start a run, or go on with it, and kill it; returns the kind of kill, None when the run was at its end before."""
    number = draw.choice((signal.SIGINT, signal.SIGTERM, signal.SIGKILL))
    if draw.random() < 0.7:
        how, process = "as it touched the disk", start(model, folder, number=number, moment=draw.randint(1, touched))
    else:
        how, process = "at a random time", start(model, folder)
        time.sleep(draw.random() * seconds)
        os.kill(process, number)
    _, status = os.waitpid(process, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 1:
        raise SystemExit(f"{model} failed: {Path(f'{folder}.error').read_text()}")
    for found in checkpoints.every(folder):
        checkpoints.config(found)  # raises ValueError unless it is whole
    if strange := [path.name for path in folder.glob("step-*") if path not in checkpoints.every(folder)]:
        raise SystemExit(f"{model}: half a checkpoint under a name, {strange}")
    return None if status == 0 else (number.name, how)


def kills_of(model, count, draw, root):
    """Kill trainings of one model so often, resume each to its end, and compare; returns how often each kind of kill was."""
    whole, begun = root / f"{model}-whole", time.monotonic()
    os.waitpid(start(model, whole), 0)
    seconds, touched = time.monotonic() - begun, int(Path(f"{whole}.touched").read_text())
    expected, kinds, folder = end(whole), Counter(), root / model
    while kinds.total() < count:
        if kind := kill(model, folder, draw, touched, seconds):
            kinds[kind] += 1
        if not kind or kinds.total() == count or draw.random() < 0.2:  # to its end, and then a new run
            os.waitpid(start(model, folder), 0)
            if end(folder) != expected:
                raise SystemExit(f"{model}: the resumed run ended elsewhere, see {folder}")
            shutil.rmtree(folder)
    return kinds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kills", type=int, nargs="?", default=100)
    parser.add_argument("--seed", type=int, help="of the moments; default: another one each time")
    args = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if args.seed is None else args.seed
    print(f"seed {seed}", flush=True)
    kinds, root = Counter(), Path(tempfile.mkdtemp(prefix="kills-"))
    names = list(OBJECTIVES)
    for place, model in enumerate(names):
        share = args.kills // len(names) + (place < args.kills % len(names))
        if share:
            kinds += kills_of(model, share, random.Random(f"{seed} {model}"), root)
            print(f"{model}: {share} kills, every run resumed bit for bit", flush=True)
    shutil.rmtree(root)
    told = {f"{name} {how}": count for (name, how), count in sorted(kinds.items())}
    print(*(f"{kind}: {count}" for kind, count in told.items()), sep="\n")
    if len(sys.argv) == 1:
        result = {"machine": runtime.describe_machine().splitlines(), "command": "python benchmarks/kills.py", "seed": seed}
        result |= {"models": names, "kills": told, "resumed_bit_for_bit": kinds.total()}
        target = Path(__file__).parent / "results" / "kills.json"
        target.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
