"""What LeNet reaches on CIFAR-10, and what each addition to a plain deep network is worth there.

    python benchmarks/cifar.py                (downloads CIFAR-10 once; writes benchmarks/results/cifar.json)
    python benchmarks/cifar.py FOLDER         (the same images from class folders under FOLDER/train and FOLDER/test)
    python benchmarks/cifar.py resnet         (the full network of 269,722 parameters: for a GPU)

The additions are measured with an eighth of the full network's work, on 10,000 training images and two seeds, so that a CPU
can do it: what counts there is the order, not the level. All 10,000 test images measure; they never train.
"""

import json
import statistics
import sys
import time
from functools import partial
from pathlib import Path

import torch
from torchvision.transforms import v2

from course_lib import data, runtime
from course_lib.callbacks import LRSchedule, one_cycle
from course_lib.models import LeNet, ResNet
from course_lib.objectives import Classification
from course_lib.trainer import Trainer

CROP_AND_FLIP = v2.Compose([v2.RandomCrop(32, padding=4, padding_mode="reflect"), v2.RandomHorizontalFlip()])
SMALL = partial(ResNet, widths=(8, 16, 32), blocks=3)
RATE = 3e-3
STEPS = {  # each adds one thing to the one before
    "plain": {"normalization": None, "residual": False},
    "+ batch norm": {"residual": False},
    "+ residual links": {},
    "+ augmentation": {"augment": CROP_AND_FLIP},
    "+ one-cycle schedule": {"augment": CROP_AND_FLIP, "one_cycle": True},
}


def load(arguments):
    folders = [Path(argument) for argument in arguments if Path(argument).is_dir()]
    if not folders:
        return data.cifar10()
    return [data.image_folder(folders[0] / part, size=32) for part in ("train", "test")]


def fitted(network, train, test, *, epochs, rate, seed, schedule=True, callbacks=(), **options):
    """Test accuracy and seconds of training."""
    callbacks = [*callbacks, *([LRSchedule(one_cycle, epochs=epochs)] if schedule else [])]
    adam = partial(torch.optim.AdamW, lr=rate, weight_decay=0.05, fused=True)
    trainer = Trainer(Classification(network, **options), adam, seed=seed, callbacks=callbacks)
    trainer.fit(train, epochs)
    return trainer.evaluate(test)["accuracy"], sum(row["seconds"] for row in trainer.history)


def additions(train, test, epochs=6, count=10_000):
    few, _ = data.split(train, count / len(train))
    rows = {}
    for name, options in STEPS.items():
        options = dict(options)
        seen = few.augmented(options.pop("augment")) if "augment" in options else few
        schedule = options.pop("one_cycle", False)
        accuracies = []
        for seed in (0, 1):
            runtime.set_seed(seed)
            rate = RATE if schedule else RATE / 3
            accuracies.append(fitted(SMALL(**options), seen, test, epochs=epochs, rate=rate, seed=seed, schedule=schedule)[0])
            print(name, seed, accuracies[-1], flush=True)
        rows[name] = {"accuracy": accuracies, "mean": round(statistics.mean(accuracies), 4)}
    return {"training_images": count, "epochs": epochs, "parameters": parameters(SMALL()), "rows": rows}


def lenet(train, test, epochs=10):
    runtime.set_seed(0)
    accuracy, seconds = fitted(LeNet(), train, test, epochs=epochs, rate=RATE, seed=0)
    return {"parameters": parameters(LeNet()), "epochs": epochs, "seed": 0, "accuracy": accuracy, "seconds": round(seconds)}


def resnet(train, test, epochs=100):
    runtime.set_seed(0)
    train = train.augmented(CROP_AND_FLIP)
    accuracy, seconds = fitted(ResNet(), train, test, epochs=epochs, rate=RATE, seed=0, label_smoothing=0.1)
    return {"parameters": parameters(ResNet()), "epochs": epochs, "seed": 0, "accuracy": accuracy, "seconds": round(seconds)}


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def main():
    print(runtime.describe_machine())
    train, test = load(sys.argv[1:])
    target = Path(__file__).parent / "results" / "cifar.json"
    found = json.loads(target.read_text()) if target.exists() else {}
    for what in (resnet,) if "resnet" in sys.argv else (lenet, additions):
        started = time.perf_counter()
        found[what.__name__] = {
            **what(train, test),
            "data": [repr(train), repr(test)],
            "command": "python benchmarks/cifar.py" + (" FOLDER" if train.name == "train" else ""),
            "machine": runtime.describe_machine().splitlines(),
            "total_seconds": round(time.perf_counter() - started),
        }
        target.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    print(json.dumps(found, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
