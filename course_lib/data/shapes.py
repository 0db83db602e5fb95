"""Pictures of one shape each, drawn by rule: what is where is known of every pixel and of every picture."""

import math

import torch

from ..text import Vocabulary
from .images import Images

COLORS = {
    "red": (214, 39, 40),
    "orange": (255, 140, 0),
    "yellow": (245, 215, 60),
    "green": (44, 160, 60),
    "blue": (40, 90, 230),
    "purple": (140, 50, 190),
}
BACKGROUNDS = {"black": (15, 15, 15), "gray": (128, 128, 128), "white": (245, 245, 245), "brown": (90, 60, 35)}

# Each shape, in a circle of radius 1, falls into equal sectors around its tips (the square: around its edges). There it ends
# at a line, given by the angle in degrees between the sector's middle and the line's normal, and by the line's distance;
# the arms of the cross also end at the sides, half their width from the middle.
_STAR = math.atan2(1 - 0.5 * math.cos(math.pi / 5), 0.5 * math.sin(math.pi / 5))  # inner corners at half the radius
_GEOMETRY = {  # sectors, angle, distance, half width
    "circle": (0, 0, 1, 1),
    "square": (4, 0, math.sqrt(0.5), 1),
    "triangle": (3, 60, 0.5, 1),
    "star": (5, math.degrees(_STAR), math.cos(_STAR), 1),
    "cross": (4, 0, math.sqrt(1 - 0.35**2), 0.35),
}
WORDS = {
    "shape": tuple(_GEOMETRY),
    "color": tuple(COLORS),
    "size": ("small", "medium", "large"),
    "place": (
        "at the top left", "at the top", "at the top right",
        "at the left", "in the middle", "at the right",
        "at the bottom left", "at the bottom", "at the bottom right",
    ),
    "background": tuple(BACKGROUNDS),
}  # fmt: skip
VOCABULARY = Vocabulary(" ".join(["a on background", *(" ".join(names) for names in WORDS.values())]).split(), longest=12)
DIAMETER, PLACE = (0.36, 0.64), (0.32, 0.68)  # of a shape, and of its center; the largest shape still fits at every place
_CHUNK = 2**18  # pixels drawn at a time, so that they stay in the processor's cache


def shapes(
    count: int,
    *,
    size: int = 32,
    seed: int = 0,
    noise: float | tuple[float, float] = 0.0,
    occlusion: float | tuple[float, float] = 0.0,
) -> Images:
    """`count` pictures (N, 3, size, size) of a circle, square, triangle, star or cross on a plain background.

    What made them is drawn independently for each, and known: the targets are

        mask                        (N, size, size): 0 for the background, 1.. for the shapes in the order of WORDS["shape"];
                                    the whole shape, also where something covers it. Batches hold the mask.
        shape, color, background    int64 (N,), index into WORDS[name]
        size, place                 the same, of the diameter and the center cut into thirds: small, medium, large; left,
                                    middle, right; top, middle, bottom
        caption                     a sentence, such as "a small red triangle at the top left on a gray background"
        diameter                    float32 (N,), of the circle around the shape, 0.36 to 0.64 of the picture's side
        x, y                        float32 (N,), center from the left and from the top, 0.32 to 0.68 of the picture's side
        angle                       float32 (N,), degrees clockwise from upright, below the turn after which the shape looks the
                                    same again: 90 for square and cross, 120 for triangle, 72 for star; 0 for the circle

    count: pictures.
    size: their height and width, in pixels.
    seed: gives the same pictures on every device, and the same shapes whatever the count, the noise and the occlusion.
    noise: standard deviation, in gray levels, of Gaussian noise on every value; a number, or a pair (low, high), from which
        each picture draws evenly.
    occlusion: width of a straight bar in another color over the shape, as a share of the shape's diameter, 0 (no bar) to
        0.8; a number or a pair.

    Raises ValueError for a count below 1, a size below 16, noise below 0 or occlusion outside 0..0.8.
    """
    noise, occlusion = _pair(noise), _pair(occlusion)
    if count < 1 or size < 16:
        raise ValueError(f"Expected at least 1 picture of at least 16 pixels a side, got count={count} and size={size}.")
    if not 0 <= noise[0] <= noise[1] or not 0 <= occlusion[0] <= occlusion[1] <= 0.8:
        raise ValueError(
            "Expected noise of 0 or more and occlusion from 0 to 0.8, each a number or a pair (low, high); "
            f"got noise={noise} and occlusion={occlusion}."
        )
    random = torch.Generator().manual_seed(seed)
    draws = torch.rand(count, 12, generator=random).T  # (12, N): a row of 12 for each picture, so the first are always the same
    factors = {
        "shape": (draws[0] * len(WORDS["shape"])).long(),
        "color": (draws[1] * len(COLORS)).long(),
        "background": (draws[2] * len(BACKGROUNDS)).long(),
        "diameter": _between(DIAMETER, draws[3]),
        "x": _between(PLACE, draws[4]),
        "y": _between(PLACE, draws[5]),
    }
    sectors = torch.tensor([values[0] for values in _GEOMETRY.values()])[factors["shape"]]
    factors["angle"] = torch.where(sectors > 0, draws[6] * 360 / sectors.clamp(min=1), 0.0)
    bars = {
        "color": (factors["color"] + 1 + (draws[7] * (len(COLORS) - 1)).long()) % len(COLORS),  # not the shape's own
        "angle": draws[8] * math.pi,
        "offset": draws[9] - 0.5,
        "width": _between(occlusion, draws[10]) * factors["diameter"],
    }
    deviation = _between(noise, draws[11])
    images = torch.empty(count, 3, size, size, dtype=torch.uint8)
    masks = torch.empty(count, size, size, dtype=torch.uint8)
    for part in torch.arange(count).split(max(1, _CHUNK // size**2)):
        part = slice(part[0].item(), part[-1].item() + 1)
        picture, masks[part] = _draw(*({key: values[part] for key, values in d.items()} for d in (factors, bars)), size)
        if noise[1]:
            picture += torch.randn(picture.shape, generator=random) * deviation[part, None, None, None]
        images[part] = picture.round_().clamp_(0, 255).to(torch.uint8)
    extras = [f"{word} {low:g}" + (f" to {high:g}" if high > low else "")
              for word, (low, high) in (("noise", noise), ("occlusion", occlusion)) if high]  # fmt: skip
    factors["size"] = _third(factors["diameter"], DIAMETER)
    factors["place"] = 3 * _third(factors["y"], PLACE) + _third(factors["x"], PLACE)
    targets = {"mask": masks, "caption": _captions(factors, torch.ones(4, count, dtype=torch.bool))} | factors
    return Images(images, targets, {"mask": ("background", *WORDS["shape"])} | WORDS, name=", ".join(["shapes", *extras]))


def unseen_pairs(images: Images) -> torch.Tensor:
    """Which of the pictures show a color and a shape that go together in no training set of captioned shapes, bool (N,).

    They are 10 of the 30 pairs, spread so that each color and each shape is seen with others.
    """
    return (images.targets["color"] + images.targets["shape"]) % 3 == 0


def captions(images: Images, *, left_out: float = 0.0, seed: int = 0) -> list[str]:
    """A sentence for each picture of shapes, such as "a small red triangle at the top left on a gray background".

    images: pictures with the targets of `shapes`.
    left_out: the share of sentences that do not tell the size; as many do not tell the color, the place, the background, each
        left out by a draw of its own.
    seed: of what is left out.
    """
    return _captions(images.targets, torch.rand(4, len(images), generator=torch.Generator().manual_seed(seed)) >= left_out)


def _captions(factors, told):
    """A sentence for each picture, of what is told, bool (4, N): size, color, place, background."""
    indices = [factors[name].tolist() for name in ("size", "color", "shape", "place", "background")]
    sentences = []
    for size, color, shape, place, background, *tells in zip(*indices, *told.tolist(), strict=True):
        parts = ["a", WORDS["size"][size], WORDS["color"][color], WORDS["shape"][shape], WORDS["place"][place]]
        parts += [f"on a {WORDS['background'][background]} background"]
        kept = [True, tells[0], tells[1], True, tells[2], tells[3]]
        sentences.append(" ".join(part for part, keep in zip(parts, kept, strict=True) if keep))
    return sentences


def _draw(factors, bars, size):
    """Pictures float32 (n, 3, size, size) and masks uint8 (n, size, size)."""
    ticks = (torch.arange(size) + 0.5) / size  # the pixels' centers
    right = (ticks - factors["x"][:, None])[:, None, :]  # (n, 1, size), from the shape's center
    down = (ticks - factors["y"][:, None])[:, :, None]  # (n, size, 1)
    sectors, normal, distance, half_width = torch.tensor(list(_GEOMETRY.values()))[factors["shape"]].T[..., None, None]
    turn = 2 * math.pi / sectors.clamp(min=1)  # (n, 1, 1)
    angle = torch.atan2(right, -down) - factors["angle"].deg2rad()[:, None, None]  # (n, size, size), clockwise from the tip
    angle = (angle - turn * (angle / turn).round()).abs_() * (sectors > 0)  # from the middle of the sector; none in a circle
    radius = (right.square() + down.square()).sqrt_()
    across, scale = radius * angle.sin(), factors["diameter"][:, None, None] / 2
    along = radius * angle.cos_()
    normal = normal.deg2rad()
    outside = along * normal.cos() + across * normal.sin() - distance * scale  # signed distances from the edge
    outside = torch.maximum(outside, across - half_width * scale)
    cover = (0.5 - outside * size).clamp_(0, 1)  # the share of the pixel within, (n, size, size)

    def painted(below, colors, index, cover):
        color = torch.tensor(list(colors.values()), dtype=torch.float32)[index][:, :, None, None]  # (n, 3, 1, 1)
        return torch.lerp(below, color, cover[:, None])

    ground = torch.tensor(list(BACKGROUNDS.values()), dtype=torch.float32)[factors["background"]][:, :, None, None]
    picture = painted(ground, COLORS, factors["color"], cover)
    if bars["width"].any():
        half = (bars["width"] * size / 2)[:, None, None]  # in pixels, as what follows
        middle = (bars["offset"] * (factors["diameter"] - bars["width"]))[:, None, None]  # within the circle around the shape
        direction = bars["angle"][:, None, None]
        beside = (right * direction.cos() + down * direction.sin() - middle).abs_() * size  # from the bar's middle line
        cover = (torch.minimum(half, beside + 0.5) - torch.maximum(-half, beside - 0.5)).clamp_(0, 1)
        picture = painted(picture, COLORS, bars["color"], cover)
    return picture, ((outside < 0) * (factors["shape"] + 1)[:, None, None]).to(torch.uint8)


def _between(limits, share):
    return limits[0] + (limits[1] - limits[0]) * share


def _third(values, limits):
    """0, 1 or 2: the lower, middle or upper third of the range, int64."""
    return (3 * (values - limits[0]) / (limits[1] - limits[0])).long().clamp(0, 2)


def _pair(value):
    return tuple(value) if isinstance(value, (tuple, list)) else (value, value)
