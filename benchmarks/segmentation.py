"""How quickly shapes are drawn, and how well a small U-Net segments them after less than a minute of training.

    python benchmarks/segmentation.py     (some eight minutes of processor time)

`shapes`: seconds for 50,000 pictures of 32 x 32 pixels with masks and factors, best and median of several turns, clean and
with noise and bars. `clean`: mean IoU on 2,000 held-out clean pictures after training on 5,000, three seeds; a seed chooses
the training pictures, the weights and the order. `hard`: a longer training on pictures with noise and bars, and how its mean
IoU falls with either. Results go to benchmarks/results/segmentation.json.
"""

import json
import statistics
import time
from functools import partial
from pathlib import Path

import torch

from course_lib import data, runtime
from course_lib.callbacks import LRSchedule, one_cycle
from course_lib.metrics import segmentation_report
from course_lib.models import UNet
from course_lib.objectives import Segmentation
from course_lib.trainer import Trainer

RESULTS = Path(__file__).parent / "results" / "segmentation.json"
WIDTHS = (8, 16, 32, 64)
TEST = partial(data.shapes, 2000, seed=1_000_000)  # a seed that no training uses


def seconds(function):
    """On the clock, and of processor time (over all cores), which others who use the machine do not lengthen as much."""
    started, started_processor = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - started, time.process_time() - started_processor


def drawing(turns=5):
    """Seconds for 50,000 pictures, after one turn to warm up."""
    kinds = {"clean": {}, "noise_and_bars": {"noise": (0, 60), "occlusion": (0, 0.6)}}
    found = {}
    for name, how in kinds.items():
        spent = [seconds(lambda how=how: data.shapes(50_000, **how))[0] for _ in range(turns + 1)][1:]
        found[name] = {"median": round(statistics.median(spent), 2), "best": round(min(spent), 2)}
    return found


def trained(pictures, *, epochs, seed):
    """A U-Net trained with one cycle of Adam; returns its trainer and the seconds that it took."""
    runtime.set_seed(seed)
    trainer = Trainer(
        Segmentation(UNet(3, len(pictures.classes), widths=WIDTHS)),
        partial(torch.optim.Adam, lr=0.01),
        batch_size=16,
        seed=seed,
        callbacks=[LRSchedule(one_cycle, epochs=epochs)],
    )
    return trainer, seconds(lambda: trainer.fit(pictures, epochs))


def mean_iou(trainer, **how):
    test = TEST(**how)
    return round(segmentation_report(test.targets["mask"], trainer.predict(test), test.classes).mean_iou, 4)


def clean(seeds=(0, 1, 2)):
    """Mean IoU and seconds of training, a seed each."""
    runs = [trained(data.shapes(5000, seed=seed), epochs=2, seed=seed) for seed in seeds]
    ious = [mean_iou(trainer) for trainer, _ in runs]
    return {
        "pictures": 5000,
        "epochs": 2,
        "mean_iou": ious,
        "mean": round(statistics.mean(ious), 4),
        "seconds": [round(clock, 1) for _, (clock, _) in runs],
        "processor_seconds": [round(processor, 1) for _, (_, processor) in runs],
    }


def hard(seed=0):
    """One longer training on pictures with noise of up to 60 gray levels and bars of up to 0.6."""
    pictures = data.shapes(20_000, seed=seed, noise=(0, 60), occlusion=(0, 0.6))
    trainer, spent = trained(pictures, epochs=3, seed=seed)
    return {
        "pictures": len(pictures),
        "epochs": 3,
        "processor_seconds": round(spent[1], 1),
        "noise": {level: mean_iou(trainer, noise=level) for level in (0, 20, 40, 60)},
        "bar": {width: mean_iou(trainer, occlusion=width) for width in (0.1, 0.2, 0.3, 0.4, 0.6)},
        "noise_30_and_bar_0.3": mean_iou(trainer, noise=30, occlusion=0.3),
    }


def main():
    print(runtime.describe_machine())
    result = {
        "machine": runtime.describe_machine().splitlines(),
        "command": "python benchmarks/segmentation.py",
        "shapes_50000_seconds": drawing(),
        "network": f"UNet(3, 6, widths={WIDTHS})",
        "parameters": sum(p.numel() for p in UNet(3, 6, widths=WIDTHS).parameters()),
        "recipe": "cross-entropy, Adam, one cycle up to 0.01, batches of 16, 2,000 held-out pictures",
    }
    for part in (clean, hard):
        result[part.__name__] = part()
        RESULTS.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    print(json.dumps(result, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
