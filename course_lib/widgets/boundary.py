"""Decision boundary: points in the plane, and a small network that is trained on them in the page."""

import torch
from torch import nn

from .. import data, models, plots
from .export import export
from .parts import Parts, expect

COUNT = 160  # points of a set; every other one is for training
REACH = 1.25  # the picture shows -REACH..REACH of both coordinates
SIDE = 140  # pixels of the picture


def parts(network: nn.Module | None = None) -> Parts:
    """The sets of points; a reader's own network to begin from."""
    sets = {
        "spirals": data.spirals(COUNT, noise=0.8),
        "moons": data.moons(COUNT, noise=0.3),
    }
    points = {name: _told(each, 0.6 if name == "moons" else 1.0) for name, each in sets.items()}
    networks, facts = {}, {"sets": points, "reach": REACH, "colors": list(plots.COLORS[:3])}
    if network is None:
        network = _trained(points["spirals"])
    else:
        layers = list(network.layers) if isinstance(network, models.MLP) else []
        dense = [layer for layer in layers if isinstance(layer, nn.Linear)]
        bent = {type(layer) for layer in layers} - {nn.Linear, nn.Dropout}
        fits = len(dense) > 1 and dense[0].in_features == 2 and dense[-1].out_features == 3 and bent in ({nn.ReLU}, {nn.Tanh})
        expect(network, "an MLP from two numbers to three classes with ReLU or tanh, models.MLP((2, 16, 16, 3))", fits)
        networks["network"] = export(network, (2, 1, 1), bits=32)
        facts["widths"] = [2, *(layer.out_features for layer in dense)]
        facts["activation"] = "relu" if nn.ReLU in bent else "tanh"
    return Parts(_picture(network, points["spirals"]), networks, facts)


def _told(points, shrink):
    """Points as the script has them: [x, y, label], in the order in which every other one is for training."""
    centered = (points.points - points.points.mean(0)).mul(shrink).cpu()
    return [[round(x, 3), round(y, 3), label] for (x, y), label in zip(centered.tolist(), points.labels.tolist(), strict=True)]


def _trained(told):
    """A network as the page makes it, after 300 steps."""
    told = torch.tensor(told[::2])
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(0)
        network = models.MLP((2, 16, 16, 3))
        adam = torch.optim.Adam(network.parameters(), lr=0.02)
        for _ in range(300):
            adam.zero_grad()
            nn.functional.cross_entropy(network(told[:, :2]), told[:, 2].long()).backward()
            adam.step()
    return network


def _picture(network, told):
    """What a network answers at each place, and the points: (SIDE, SIDE, 3)."""
    ticks = torch.linspace(-REACH, REACH, SIDE)
    y, x = torch.meshgrid(-ticks, ticks, indexing="ij")
    places = torch.stack([x, y], -1).view(-1, 2).to(next(network.parameters()).device)
    classes = network(places).argmax(1).view(SIDE, SIDE).cpu()
    colors = torch.tensor([[int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)] for color in plots.COLORS[:3]])
    picture = 0.35 * colors[classes] + 0.65
    for x, y, label in told[::2]:
        row, column = (round((value / REACH + 1) / 2 * (SIDE - 1)) for value in (-y, x))
        picture[max(row - 1, 0) : row + 1, max(column - 1, 0) : column + 1] = colors[label]
    return picture
