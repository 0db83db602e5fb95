"""How well and how soon the small CNN of the course (`models.ConvNet`) reads all of MNIST.

    python benchmarks/mnist.py accuracy     (an hour on two CPU cores: 5 seeds, without and with augmentation)
    python benchmarks/mnist.py embedded     (a minute: the 4,000 embedded digits, as the chapter on convolution trains)
    python benchmarks/mnist.py time         (half an hour: seconds of training to 99 %, against two usual recipes)

Training sees the 60,000 training images; the 10,000 test images only measure. Results go to benchmarks/results/mnist.json.
"Time to 99 %" is the time spent training, without evaluation, until an epoch ends with at least 99 % of the test images
right. A one-cycle run is right only at its end, so its recipe is fixed beforehand and each seed has to arrive. The usual
recipes are rebuilt from what they say they do: `keras.fit` with Adam, its default batches and float32 images in memory; and
a DataLoader of pictures with transforms, two convolutions without pooling between them, dropout, Adadelta at 1.0 falling by
0.7 an epoch, batches of 64.
"""

import json
import statistics
import sys
import time
from functools import partial
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torchvision.transforms import v2
from usual import Pictures, keras_arrays, keras_cnn

from course_lib import data, models, runtime
from course_lib.callbacks import LRSchedule, one_cycle
from course_lib.objectives import Classification
from course_lib.trainer import Trainer

RESULTS = Path(__file__).parent / "results" / "mnist.json"
GOAL = 0.99
WARP = v2.RandomAffine(degrees=10, translate=(0.08, 0.08), scale=(0.9, 1.1), shear=5)
ADAM = partial(torch.optim.Adam, fused=True)


def one_cycle_run(train, *, epochs, rate, batch_size, seed):
    """A ConvNet trained with one cycle and label smoothing of 0.1; returns its trainer and the seconds of training."""
    runtime.set_seed(seed)
    schedule = LRSchedule(one_cycle, epochs=epochs)
    adam = partial(ADAM, lr=rate)
    objective = Classification(models.ConvNet(), label_smoothing=0.1)
    trainer = Trainer(objective, adam, batch_size=batch_size, seed=seed, callbacks=[schedule])
    trainer.fit(train, epochs)
    return trainer, sum(row["seconds"] for row in trainer.history)


def accuracy(train, test, seeds=range(5)):
    """Test accuracy over seeds, without and with augmentation."""
    recipes = {
        "plain": (train, {"epochs": 3, "rate": 3e-3, "batch_size": 64}),
        "augmented": (train.augmented(WARP), {"epochs": 5, "rate": 3e-3, "batch_size": 64}),
    }
    found = {}
    for name, (images, settings) in recipes.items():
        values = []
        for seed in seeds:
            trainer, _ = one_cycle_run(images, **settings, seed=seed)
            values.append(trainer.evaluate(test)["accuracy"])
            print(name, seed, values[-1], flush=True)
        half = 2.776 * statistics.stdev(values) / len(values) ** 0.5  # Student's t, five values
        found[name] = settings | {"accuracy": values, "mean": statistics.mean(values), "interval_95": half}
    return found


def embedded(train, test, seeds=range(5)):
    """Accuracy on the 1,000 embedded test digits, and seconds of training of all seeds together."""
    settings = {"epochs": 4, "rate": 5e-3, "batch_size": 32}
    values, spent = [], 0.0
    for seed in seeds:
        trainer, seconds = one_cycle_run(train, **settings, seed=seed)
        values.append(trainer.evaluate(test)["accuracy"])
        spent += seconds
    return settings | {"accuracy": values, "mean": statistics.mean(values), "seconds_all_seeds": round(spent, 1)}


def course(train, test, seed):
    """The trainer: one cycle over one epoch."""
    trainer, seconds = one_cycle_run(train, epochs=1, rate=3e-3, batch_size=32, seed=seed)
    return seconds, trainer.evaluate(test)["accuracy"], 1


def keras_fit(train, test, seed):
    """The small Keras CNN as introductions train it."""
    import keras

    keras.utils.set_random_seed(seed)
    model, (x, y), (x_test, y_test) = keras_cnn(), keras_arrays(train), keras_arrays(test)

    def epoch():
        model.fit(x, y, epochs=1, verbose=0)

    return until_goal(epoch, lambda: model.evaluate(x_test, y_test, batch_size=500, verbose=0)[1])


def dataloader_adadelta(train, test, seed):
    """The recipe that most PyTorch beginners meet first."""
    torch.manual_seed(seed)
    device = runtime.device()
    model = nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.25), nn.Flatten(),
        nn.Linear(9216, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10),
    ).to(device)  # fmt: skip
    optimizer = torch.optim.Adadelta(model.parameters(), lr=1.0)
    fall = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.7)
    loader = torch.utils.data.DataLoader(Pictures(train), batch_size=64, shuffle=True)
    held_out = torch.utils.data.DataLoader(Pictures(test), batch_size=1000)

    def epoch():
        model.train()
        for x, y in loader:
            optimizer.zero_grad()
            cross_entropy(model(x.to(device)), y.to(device)).backward()
            optimizer.step()
        fall.step()

    @torch.no_grad()
    def measure():
        model.eval()
        return sum((model(x.to(device)).argmax(1).cpu() == y).sum().item() for x, y in held_out) / len(test)

    return until_goal(epoch, measure)


def until_goal(epoch, measure, most=14):
    """Seconds inside `epoch`, the last accuracy, and the epochs, until `measure` reaches the goal."""
    spent = 0.0
    for number in range(1, most + 1):
        started = time.perf_counter()
        epoch()
        spent += time.perf_counter() - started
        reached = measure()
        print(f"  epoch {number}: {spent:.0f} s, {reached:.4f}", flush=True)
        if reached >= GOAL:
            break
    return spent, reached, number


def time_to_goal(train, test):
    """Seconds to the goal of each recipe, three seeds of ours and one of each of the slow ones, in turns."""
    contestants = {course: (0, 1, 2), keras_fit: (0,), dataloader_adadelta: (0,)}
    found = {}
    for contestant, seeds in contestants.items():
        runs = [contestant(train, test, seed) for seed in seeds]
        names = ("seconds", "accuracy", "epochs")
        found[contestant.__name__] = {name: [run[i] for run in runs] for i, name in enumerate(names)}
        print(contestant.__name__, found[contestant.__name__], flush=True)
    ours = statistics.mean(found["course"]["seconds"])
    others = [name for name in found if name != "course"]
    return found | {"times_shorter": {name: statistics.mean(found[name]["seconds"]) / ours for name in others}}


def main():
    what = {"accuracy": accuracy, "embedded": embedded, "time": time_to_goal}[sys.argv[1]]
    print(runtime.describe_machine())
    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    found[sys.argv[1]] = {
        "machine": runtime.describe_machine().splitlines(),
        "command": f"python benchmarks/mnist.py {sys.argv[1]}",
        **what(*data.mnist(profile="fast" if what is embedded else "full")),
    }
    RESULTS.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    print(json.dumps(found[sys.argv[1]], indent=2))


if __name__ == "__main__":
    main()
