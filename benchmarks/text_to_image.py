"""Pictures from sentences: how often they obey, and how varied they are, against the guidance.

    python benchmarks/text_to_image.py obedience   (five minutes on one CPU core)
    python benchmarks/text_to_image.py distance    (eight minutes: how far 2,000 pictures are from drawn ones as a set)

Captions tell all; they are drawn with another seed than those of the card, so that a guidance may be chosen here. Told are the
share of pictures that published.shapes_reader reads as the caption says, of pairs of color and shape that are in the training
set and of those that are not; and what 100 pictures to "a star" differ in: the effective number of each attribute's values, the
exponential of their entropy. The distance is that of the card of published.shapes_gan, to pictures that the rule drew; beside
it stands how many points the share of any value of an attribute is off, as the reader reads it. Results go to
benchmarks/results/text_to_image.json.
"""

import sys
from pathlib import Path

import torch
from usual import save

from course_lib import data, metrics, published, runtime
from course_lib.objectives import Attributes

RESULTS = Path(__file__).parent / "results" / "text_to_image.json"
SCALES = (1.0, 2.0, 4.0)
DISTANT = (1.0, 4.0)
CAPTIONS, STARS = 200, 100


def effective(values, count):
    """How many values would, equally often, have the same entropy."""
    p = values.bincount(minlength=count) / len(values)
    return torch.special.entr(p).sum().exp().item()


@torch.no_grad()
def obedience():
    network, reader = published.shapes_text(), Attributes(published.shapes_reader(), data.WORDS)
    asked = data.shapes(CAPTIONS, seed=3)
    told, unseen = torch.stack([asked.targets[name] for name in data.WORDS], 1), data.unseen_pairs(asked)
    varied = [name for name in data.WORDS if name != "shape"]

    def row(pictures, stars):
        right = reader.predict(pictures) == told
        found = {name: right[:, place] for place, name in enumerate(data.WORDS)} | {"all": right.all(1)}
        read = dict(zip(data.WORDS, reader.predict(stars).T, strict=True))
        return {
            "seen": {name: round(each[~unseen].float().mean().item(), 3) for name, each in found.items()},
            "unseen": {name: round(each[unseen].float().mean().item(), 3) for name, each in found.items()},
            "varied": {name: round(effective(read[name], len(data.WORDS[name])), 2) for name in varied},
        }

    real = data.shapes(4_000, seed=4)
    stars = real.subset(torch.where(real.targets["shape"] == data.WORDS["shape"].index("star"))[0][:STARS])
    save(RESULTS, "obedience", {"real": row(asked.batch(slice(None))[0], stars.batch(slice(None))[0])})
    for scale in SCALES:
        with runtime.mixed_precision({"network": network}):
            draw = published.GENERATORS["shapes_text"]
            how = {"guidance": scale, "captions": [*asked.targets["caption"], *["a star"] * STARS]}
            drawn = draw(network, CAPTIONS + STARS, torch.Generator().manual_seed(0), **how).float()
        save(RESULTS, "obedience", {f"{scale:g}": row(drawn[:CAPTIONS], drawn[CAPTIONS:])})


@torch.no_grad()
def distance(count=2_000):
    network, reader = published.shapes_text(), Attributes(published.shapes_reader(), data.WORDS)
    real, others = (data.shapes(count, seed=seed) for seed in (1, 2))

    def row(pictures):  # in 0..1
        read = dict(zip(data.WORDS, reader.predict(pictures).T, strict=True))
        shares = {name: read[name].bincount(minlength=len(words)) / count for name, words in data.WORDS.items()}
        off = {name: round(100 * (each - 1 / len(each)).abs().max().item(), 1) for name, each in shares.items()}
        against = (2 * each - 1 for each in (real.batch(slice(None))[0], pictures))
        return {"distance": round(metrics.patch_distance(*against), 2), "points_off": off}

    save(RESULTS, "distance", {"real": row(others.batch(slice(None))[0])})
    for scale in DISTANT:
        with runtime.mixed_precision({"network": network}):
            draw = published.GENERATORS["shapes_text"]
            how = {"guidance": scale, "captions": others.targets["caption"]}
            drawn = draw(network, count, torch.Generator().manual_seed(0), **how).float()
        save(RESULTS, "distance", {f"{scale:g}": row(drawn)})


if __name__ == "__main__":
    {"obedience": obedience, "distance": distance}[sys.argv[1]]()
