"""Real or generated? Twenty digits to judge, and what a classifier and the measures say of them."""

import torch
from torch import nn

from .. import metrics, published
from .ask import digits_to_order, draw
from .parts import Parts, digits, packed, sheet

OFFERED = 100  # of each kind, from which a round takes ten
LEARNED = 1000  # of each kind, from which the classifier learns


def parts(network: nn.Module | None = None) -> Parts:
    """Digits of both kinds, the verdicts of a logistic regression on the features of mnist_features, and measures."""
    generator = network or published.mnist_gan()
    digits_to_order(generator)
    count = OFFERED + LEARNED
    random = torch.Generator().manual_seed(0)
    generated = draw(generator, torch.randn(count, generator.latent_dim, generator=random), torch.arange(count) % 10)
    train, _ = digits()
    real = train.batch(torch.randperm(len(train), generator=random)[:count])[0][:, 0].cpu()
    reader = published.mnist_features()
    device = next(reader.parameters()).device
    features = [reader.features(images[:, None].to(device)).cpu() for images in (real, generated)]
    known = torch.cat([each[OFFERED:] for each in features])
    mean, deviation = known.mean(0), known.std(0) + 1e-6
    weights = _separate((known - mean) / deviation, LEARNED)
    offered = torch.cat([each[:OFFERED] for each in features])
    suspicion = ((offered - mean) / deviation) @ weights[:-1] + weights[-1]  # above 0: generated
    same = suspicion.view(2, OFFERED).gt(0).tolist()
    half = LEARNED // 2
    first, second, drawn = features[0][-2 * half : -half], features[0][-half:], features[1][-half:]
    facts = {
        "real": packed(real[:OFFERED]),
        "generated": packed(generated[:OFFERED].clamp(0, 1)),
        "suspected": {"real": same[0], "generated": same[1]},
        "distance": round(float(metrics.frechet_distance(first, drawn)), 2),
        "floor": round(float(metrics.frechet_distance(first, second)), 2),
        "count": half,
    }
    shown = torch.cat([real[:5], generated[:5], generated[5:10], real[5:10]])
    return Parts(sheet(shown, 10), facts=facts)


def _separate(x, count):
    """Weights (D + 1,), the bias last, of a logistic regression: the first `count` rows of x (N, D) are real."""
    x = torch.cat([x, torch.ones(len(x), 1)], 1)
    labels = (torch.arange(len(x)) >= count).float()
    weights = torch.zeros(x.shape[1])
    for _ in range(10):  # Newton's method, with a small price on the weights
        p = (x @ weights).sigmoid()
        slope = x.T @ (p - labels) + weights
        curve = (x.T * (p * (1 - p))) @ x + torch.eye(x.shape[1])
        weights = weights - torch.linalg.solve(curve, slope)
    return weights
