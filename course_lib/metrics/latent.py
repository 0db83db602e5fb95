"""What latent numbers tell about known factors of the images."""

import torch


def mutual_information(z: torch.Tensor, factors: torch.Tensor, *, bins: int = 20) -> tuple[torch.Tensor, torch.Tensor]:
    """What each latent number tells about each factor, in nats: (K, D); and the entropy of each factor, (K,).

    The counts of a histogram make every value too large, by about (bins - 1) (levels - 1) / (2 N). Returned on the CPU in
    float64.

    z: latent numbers (N, D).
    factors: (N, K), numbers of any kind.
    bins: parts of about equal count that a column with more different values is cut into.

    Raises ValueError for other shapes, or values that are not finite.
    """
    if z.ndim != 2 or factors.ndim != 2 or len(z) != len(factors) or not len(z):
        raise ValueError(
            f"Expected z (N, D) and factors (N, K) of the same images, got {tuple(z.shape)} and {tuple(factors.shape)}."
        )
    columns, rows = (
        [_levels(column, bins) for column in x.detach().cpu().double().T.contiguous()]
        for x in (_finite(z, "z"), _finite(factors, "factors"))
    )
    information = torch.stack([torch.stack([_information(row, column) for column in columns]) for row in rows])
    return information, torch.stack([_information(row, row) for row in rows])


def mutual_information_gap(z: torch.Tensor, factors: torch.Tensor, *, bins: int = 20) -> float:
    """The mean over factors of (largest - second largest information) / entropy: 1 if each factor has a number of its own.

    Source: Chen et al., 2018, equation 6, here with one z for each image, in bins (as Locatello et al., 2019).

    z: latent numbers (N, D), D at least 2.
    factors: (N, K); raises ValueError for one that never changes.
    bins: see `mutual_information`.
    """
    information, entropy = mutual_information(z, factors, bins=bins)
    if information.shape[1] < 2:
        raise ValueError("Expected at least two latent numbers, for the gap is between the best and the second best; got one.")
    if (entropy <= 0).any():
        raise ValueError("Expected factors that change from image to image, got one that never does; leave it out.")
    best, second = information.topk(2, dim=1).values.T  # (K,), (K,)
    return ((best - second) / entropy).mean().item()


def _finite(x, name):
    if not torch.isfinite(x).all():
        raise ValueError(f"Expected finite {name}, got NaN or infinity.")
    return x


def _levels(values, bins):
    """Values (N,) as the numbers of their bins, int64 (N,)."""
    different = values.unique()
    if len(different) <= bins:
        return torch.searchsorted(different, values)
    return torch.bucketize(values, values.quantile(torch.linspace(0, 1, bins + 1, dtype=values.dtype)[1:-1]))


def _information(a, b):
    """Mutual information of two int64 (N,), in nats."""
    width = b.max() + 1
    joint = torch.bincount(a * width + b, minlength=int((a.max() + 1) * width)).view(-1, width).double() / len(a)
    apart = joint.sum(1, keepdim=True) * joint.sum(0)
    return joint.xlogy(joint / apart.clamp(min=1e-300)).sum()
