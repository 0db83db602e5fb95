"""What the benchmarks share: the small Keras CNN and a DataLoader's pictures, as many write them, and how to compare."""

import json
import statistics
import time

import numpy as np
import torch
from torchvision import transforms

from course_lib import runtime


def keras_cnn():
    """The same network as `course_lib.models.ConvNet`, compiled with Adam."""
    import keras

    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((28, 28, 1)), layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(),
         layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(), layers.Conv2D(64, 3, activation="relu"),
         layers.Flatten(), layers.Dense(64, activation="relu"), layers.Dense(10, activation="softmax")]
    )  # fmt: skip
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def keras_arrays(images):
    """Float32 images (N, 28, 28, 1) of values 0 to 1 and labels (N,), in memory."""
    x = (images.images.cpu().numpy() / 255).astype(np.float32).transpose(0, 2, 3, 1)
    return x, images.labels.cpu().numpy()


class Pictures(torch.utils.data.Dataset):
    """PIL pictures one by one through torchvision's ToTensor and Normalize, for a DataLoader."""

    def __init__(self, images):
        self.pictures = [transforms.functional.to_pil_image(image) for image in images.images.cpu()]
        self.labels = images.labels.tolist()
        self.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, i):
        return self.transform(self.pictures[i]), self.labels[i]


def seconds(function):
    """Until all is done that the function asked of the device."""
    wait = torch.cuda.synchronize if torch.cuda.is_available() else lambda: None
    wait()
    started = time.perf_counter()
    function()
    wait()
    return time.perf_counter() - started


def take_turns(contestants, turns, rounds, images):
    """Images a second of each contestant, turn by turn: {name: [rate, ...]}.

    contestants: functions by name, each of which works through `images` images. turns: the names in the order of a round,
    which is reversed from round to round. One more round before the others warms up and does not count.
    """
    rates = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name in turns if number % 2 else reversed(turns):
            rate = images / seconds(contestants[name])
            if number:
                rates[name].append(rate)
    return rates


def compare(ours, theirs):
    """The ratio of our rates to theirs: median and quartiles over turns side by side, and that of the best turns."""
    each = len(ours) // len(theirs)  # we may have had several turns to one of theirs
    pairs = np.array([statistics.mean(ours[i * each : (i + 1) * each]) for i in range(len(theirs))]) / theirs
    low, median, high = np.quantile(pairs, [0.25, 0.5, 0.75])
    values = {"median": median, "lower_quartile": low, "upper_quartile": high, "best": max(ours) / max(theirs)}
    return {name: round(value, 3) for name, value in values.items()}


def trainer_over_bare(trainer, bare, rounds, images):
    """Images a second of a trainer's epoch and of the same by a loop by hand, and the ratio; each works through `images`."""
    contestants = {"bare": bare, "trainer": trainer}
    rates = take_turns(contestants, tuple(contestants), rounds, images)
    found = {"images_per_second": {name: round(statistics.median(values)) for name, values in rates.items()}}
    return found | {"trainer_over_bare": compare(rates["trainer"], rates["bare"])}


def saved(results, key):
    """The rows under a key of a results file, a dict; empty without the file or the key."""
    return json.loads(results.read_text()).get(key, {}).get("rows", {}) if results.exists() else {}


def save(results, key, rows):
    """Print rows, a dict, and add them to those under a key of a results file, with the machine that they come from."""
    print(key, rows, flush=True)
    found = json.loads(results.read_text()) if results.exists() else {}
    rows = found.get(key, {}).get("rows", {}) | rows
    found[key] = {"machine": runtime.describe_machine().splitlines(), "rows": rows}
    results.write_text(json.dumps(found, indent=2) + "\n")
