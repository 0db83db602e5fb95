"""How like real digits generated ones are: what the cards of all generators of digits tell."""

from dataclasses import asdict

import torch

from .. import metrics, published


def likeness(images, references, ordered=None):
    """The measures of generated digits, and how often the reader is sure, and sees what was ordered."""
    reader = published.mnist_features()
    features = [torch.cat([reader.features(some) for some in each.split(500)]) for each in (references, images)]
    probabilities = reader.head(features[1]).softmax(1).cpu()  # (N, 10)
    values = asdict(metrics.generative_report(*features))
    values["confident"] = (probabilities.max(1).values > 0.9).float().mean().item()
    if ordered is not None:
        values["agreement"] = (probabilities.argmax(1) == ordered).float().mean().item()
    return {key: round(value, 4) for key, value in values.items()}
