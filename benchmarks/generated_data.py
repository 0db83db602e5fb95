"""Does generated data help? A small classifier of digits on n real ones, and on pictures that are added to them.

    COURSE_LIB_PROFILE=full python benchmarks/generated_data.py

takes all of MNIST. Each row of course_lib/studies/generated_data.json, which a chapter reads, is one arm with n real digits; a
row that is there is not measured again. Every arm but the first has 2,000 made pictures, beside real digits or alone. It may
try four learning rates, and three shares of such pictures in a batch where both are there, on 5,000 validation digits (one draw
of n digits, seed 0), and keeps the best; "test" has its accuracies on all 10,000 test digits for five more draws (seeds 1 to 5,
the same n digits for every arm). Test digits choose nothing. The two generators of n digits are trained with fixed settings.
"memory" has, for each seed, the share of copies (`metrics.copied`), and how well a digit that was trained on is told from one
that was not by the distance to the nearest of 2,000 pictures of its label (AUC).
"""

from functools import cache

import torch
from sklearn.metrics import roc_auc_score
from torch import nn
from torch.nn import functional as F
from usual import save, saved

from course_lib import data, metrics, models, objectives, published, runtime

RESULTS = published.STUDIES / "generated_data.json"
COUNTS = (10, 100, 1000, 30, 300)
SEEDS = (1, 2, 3, 4, 5)
DRAWN = 2000  # pictures that are added
STEPS, BATCH = 250, 32  # of the classifier
RATES = (1e-3, 4e-3, 16e-3, 64e-3)
SETTINGS = [(rate, share) for rate in RATES for share in (0.1, 0.5, 0.9)]  # the share of a batch that is made
ONE_KIND = [(rate, None) for rate in RATES]  # real alone and generated alone have nothing to mix


@cache
def digits():
    """Training, validation and test digits: images in 0..1 and labels."""
    train, test = data.mnist(profile="full")
    x, y = train.batch(slice(None))
    return (x[:55_000], y[:55_000]), (x[55_000:], y[55_000:]), test.batch(slice(None))


def some(n, seed):
    """n training digits, n / 10 of each class."""
    x, y = digits()[0]
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    kept = torch.cat([order[y[order] == label][: n // 10] for label in range(10)])
    return x[kept], y[kept]


def classifier(real, made, rate, share):
    """Trained on `real`, on `made`, or on batches of which a share is made."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = torch.optim.Adam(network.parameters(), rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    parts = [(real or made, BATCH)]
    if real and made:
        parts = [(real, BATCH - round(share * BATCH)), (made, round(share * BATCH))]
    for _ in range(STEPS):
        chosen = [(x, y, torch.randint(len(x), (count,))) for (x, y), count in parts]
        x, y = (torch.cat(each) for each in zip(*((x[index], y[index]) for x, y, index in chosen), strict=True))
        optimizer.zero_grad()
        F.cross_entropy(network(x), y).backward()
        optimizer.step()
        schedule.step()
    return network


@torch.no_grad()
def accuracy(network, digits):
    x, y = digits
    return (torch.cat([network(part) for part in x.split(1000)]).argmax(1) == y).float().mean().item()


def moved(x, y):
    """2,000 times one of the digits, turned by up to 15 degrees, scaled by up to 10 %, shifted by up to two pixels."""
    index = torch.arange(DRAWN) % len(x)
    angle, size = (2 * torch.rand(2, DRAWN) - 1) * torch.tensor([[0.26], [0.1]])
    across, down = (2 * torch.rand(2, DRAWN) - 1) / 7
    cos, sin = angle.cos() * (1 + size), angle.sin() * (1 + size)
    maps = torch.stack([cos, -sin, across, sin, cos, down], 1).view(-1, 2, 3)
    grid = F.affine_grid(maps, (DRAWN, 1, 28, 28), align_corners=False)
    return F.grid_sample(x[index], grid, align_corners=False), y[index]


class ConditionalVAE(nn.Module):
    """Dense, with the label at both ends."""

    def __init__(self, latent=16, hidden=256):
        super().__init__()
        self.latent = latent
        self.encoder = nn.Sequential(nn.Linear(784 + 10, hidden), nn.ReLU(), nn.Linear(hidden, 2 * latent))
        self.decoder = nn.Sequential(nn.Linear(latent + 10, hidden), nn.ReLU(), nn.Linear(hidden, 784))

    def decode(self, z, labels):
        return self.decoder(torch.cat([z, F.one_hot(labels, 10)], 1))

    def losses(self, x, labels):
        """The negative bound on log p(x | label), (B,)."""
        mean, logvar = self.encoder(torch.cat([x, F.one_hot(labels, 10)], 1)).chunk(2, 1)
        logits = self.decode(mean + (logvar / 2).exp() * torch.randn_like(mean), labels)
        kl = 0.5 * (mean**2 + logvar.exp() - 1 - logvar).sum(1)
        return F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1) + kl


def by_vae(x, y, steps=500):
    """2,000 pictures of a VAE that is trained on x and y alone."""
    vae, labels = ConditionalVAE(), torch.arange(DRAWN) % 10
    optimizer = torch.optim.Adam(vae.parameters(), 2e-3, fused=True)
    for _ in range(steps):
        index = torch.randint(len(x), (32,))
        optimizer.zero_grad()
        vae.losses(x[index].flatten(1), y[index]).mean().backward()
        optimizer.step()
    with torch.no_grad():
        return vae.decode(torch.randn(DRAWN, vae.latent), labels).sigmoid().view(-1, 1, 28, 28), labels


def by_flow(x, y, steps=400):
    """The same of a dense network trained by flow matching."""
    flow = objectives.Denoising(models.NoiseMLP(784, width=192, blocks=2, classes=10), (784,), prediction="x")
    optimizer, labels = torch.optim.Adam(flow.parameters(), 2e-3, fused=True), torch.arange(DRAWN) % 10
    for _ in range(steps):
        index = torch.randint(len(x), (32,))
        for _, loss in flow.losses((2 * x[index].flatten(1) - 1, y[index])):
            optimizer.zero_grad()
            loss.mean().backward()
            optimizer.step()
    return flow.sample(DRAWN, labels=labels, steps=8).clamp(-1, 1).add(1).div(2).view(-1, 1, 28, 28), labels


@cache
def by_published(name):
    """2,000 pictures of a generator that has seen all 60,000 training digits, whatever n is."""
    labels = torch.arange(DRAWN) % 10
    return published.draw(name, DRAWN, generator=torch.Generator().manual_seed(0), labels=labels), labels


def membership(members, others, made):
    """The AUC of 'nearer to a generated picture of its label' as a sign of having been trained on."""
    pictures, labels = made
    nearness, truth = [], []
    for (x, y), member in ((members, 1), (others, 0)):
        for label in range(10):
            mine = x[y == label].flatten(1)
            nearness += (-torch.cdist(mine, pictures[labels == label].flatten(1)).min(1).values).tolist()
            truth += [member] * len(mine)
    return roc_auc_score(truth, nearness)


def measure(arm, n, settings, pair):
    """One row: `pair(seed)` gives the real digits and the made ones, either of which may be None."""
    name = f"{n}, {arm}"
    if name in saved(RESULTS, "study"):
        return
    validated = {setting: trained(pair(0), setting, 0, digits()[1]) for setting in settings}
    rate, share = best = max(validated, key=validated.get)
    test = [trained(pair(seed), best, seed, digits()[2]) for seed in SEEDS]
    validated = {f"{rate:g}, {share}": value for (rate, share), value in validated.items()}
    save(RESULTS, "study", {name: {"validated": validated, "rate": rate, "share": share, "test": test}})


def trained(pair, setting, seed, held_out):
    """The accuracy of a classifier that starts the same in every arm."""
    torch.manual_seed(seed)
    return round(accuracy(classifier(*pair, *setting), held_out), 4)


@cache
def made(draw, n, seed):
    """What `draw` makes of n digits, each time the same."""
    torch.manual_seed(100 + seed)
    return draw(*some(n, seed))


def moved_and_by_vae(n, seed):
    halves = zip(made(moved, n, seed), made(by_vae, n, seed), strict=True)
    return tuple(torch.cat([a[: DRAWN // 2], b[DRAWN // 2 :]]) for a, b in halves)


def remember(family, n, draw):
    """What pictures of a generator of n digits tell of these."""
    if f"{n}, {family}" in saved(RESULTS, "memory"):
        return
    others, found = digits()[1], {"copied": [], "membership": []}
    for seed in SEEDS:
        pictures, known = made(draw, n, seed), some(n, seed)
        control = others[0][:1000].flatten(1)
        found["copied"].append(round(metrics.copied(pictures[0].flatten(1), known[0].flatten(1), control), 4))
        found["membership"].append(round(membership(known, others, pictures), 4))
    save(RESULTS, "memory", {f"{n}, {family}": found})


def main():
    """n of very different sizes come first, and the lines of the figure before all else."""
    for n in COUNTS:
        measure("real alone", n, ONE_KIND, lambda seed, n=n: (some(n, seed), None))
        measure("GAN of all", n, SETTINGS, lambda seed, n=n: (some(n, seed), by_published("mnist_gan")))
        for arm, draw in (("moved", moved), ("VAE", by_vae), ("flow", by_flow)):
            measure(arm, n, SETTINGS, lambda seed, n=n, draw=draw: (some(n, seed), made(draw, n, seed)))
    measure("GAN of all alone", 0, ONE_KIND, lambda seed: (None, by_published("mnist_gan")))
    for n in COUNTS:
        for family, draw in (("VAE", by_vae), ("flow", by_flow)):
            measure(f"{family} alone", n, ONE_KIND, lambda seed, n=n, draw=draw: (None, made(draw, n, seed)))
            remember(family, n, draw)
    for n in COUNTS:
        measure("moved and VAE", n, SETTINGS, lambda seed, n=n: (some(n, seed), moved_and_by_vae(n, seed)))


if __name__ == "__main__":
    with runtime.own_random(0):
        main()
