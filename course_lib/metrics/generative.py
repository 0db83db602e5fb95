"""How near generated images are to real ones, from the features that a network makes of both.

Every value depends on the feature network, on the number of images and on which real images it is held against: say all three
with each. Features are float tensors (N, D); the arithmetic is done on the CPU, in float64 where it matters.
"""

from dataclasses import asdict, dataclass

import torch

BLOCK = 1000  # rows whose distances to as many others are in memory at a time


@dataclass(frozen=True)
class GenerativeReport:
    """How near generated images are to real ones.

    frechet: see `frechet_distance`; 0 for the same distribution, as is the next.
    kernel: see `kernel_distance`.
    precision, recall, density, coverage: see `precision_recall`; about 1 for the same distribution.
    count: images of each kind.
    """

    frechet: float
    kernel: float
    precision: float
    recall: float
    density: float
    coverage: float
    count: int

    def __repr__(self):
        values = asdict(self)
        count = values.pop("count")
        return ", ".join(f"{name} {value:.3f}" for name, value in values.items()) + f" ({count:,} images of each)"


def generative_report(real: torch.Tensor, generated: torch.Tensor, *, neighbors: int = 5) -> GenerativeReport:
    """All measures of generated images against as many real ones.

    real, generated: features (N, D).
    neighbors: see `precision_recall`.

    Raises ValueError for features of unlike shape, that are not finite, or of too few images; see each measure.
    """
    if len(real) != len(generated):
        raise ValueError(
            f"Expected as many generated as real images, for the measures depend on their number; "
            f"got {len(generated)} and {len(real)}."
        )
    return GenerativeReport(
        frechet=frechet_distance(real, generated),
        kernel=kernel_distance(real, generated),
        **precision_recall(real, generated, neighbors=neighbors),
        count=len(real),
    )


def frechet_distance(real: torch.Tensor, generated: torch.Tensor) -> float:
    """|m_r - m_g|^2 + tr(C_r + C_g - 2 (C_r C_g)^(1/2)): the squared Fréchet distance of two Gaussians fitted to the features.

    With few images it is too large: the bias falls as 1 / N. Source: Heusel et al., 2017, equation 6.

    real, generated: features (N, D) and (M, D); raises ValueError unless N and M are above D.
    """
    real, generated = _pair(real, generated, at_least=real.shape[-1] + 1, why="to estimate a covariance of full rank")
    means, covariances = zip(*((x.mean(0), x.T.cov()) for x in (real, generated)), strict=True)
    # The eigenvalues of C_r C_g are those of the symmetric C_r^(1/2) C_g C_r^(1/2), whose roots add up to the trace.
    values, vectors = torch.linalg.eigh(covariances[0])
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    shared = torch.linalg.eigvalsh(root @ covariances[1] @ root).clamp(min=0).sqrt().sum()
    distance = (means[0] - means[1]).square().sum() + covariances[0].trace() + covariances[1].trace() - 2 * shared
    return distance.clamp(min=0).item()


def kernel_distance(real: torch.Tensor, generated: torch.Tensor) -> float:
    """The squared maximum mean discrepancy with the kernel (x.y / D + 1)^3, without bias; a little below 0 by chance.

    Source: Binkowski et al., 2018 (KID), here over all images at once.

    real, generated: features (N, D) and (M, D).
    """
    real, generated = _pair(real, generated, at_least=2, why="to compare images with others of their kind")
    same = [(_kernel_sum(x, x) - _kernel_diagonal(x).sum()) / (len(x) * (len(x) - 1)) for x in (real, generated)]
    return (same[0] + same[1] - 2 * _kernel_sum(real, generated) / (len(real) * len(generated))).item()


def precision_recall(real: torch.Tensor, generated: torch.Tensor, *, neighbors: int = 5) -> dict[str, float]:
    """Precision, recall, density and coverage, by name.

    Each image has a ball that reaches to its `neighbors`-th nearest neighbor of its own kind. Precision: the share of
    generated images in some real ball. Recall: the share of real images in some generated ball. Density: the mean number of
    real balls around a generated image, over `neighbors`; it can exceed 1. Coverage: the share of real balls with a generated
    image in them. Sources: Kynkäänniemi et al., 2019; Naeem et al., 2020.

    real, generated: features (N, D) and (M, D).
    neighbors: how far the balls reach; raises ValueError unless N and M are above it.
    """
    real, generated = _pair(real, generated, at_least=neighbors + 1, why=f"for each to have {neighbors} neighbors")
    center, scale = real.mean(0), real.std().clamp(min=torch.finfo(torch.float64).tiny)  # no ball changes with either
    real, generated = ((x - center).div(scale).float() for x in (real, generated))
    reach, reach_generated = _reach(real, neighbors), _reach(generated, neighbors)  # (N,), (M,)
    around = torch.zeros(len(generated), device=real.device)  # real balls around each generated image
    covered, recalled = [], []
    for some, radius in zip(real.split(1000), reach.split(1000), strict=True):
        distances = torch.cdist(some, generated)  # (1000, M)
        inside = distances < radius[:, None]
        around += inside.sum(0)
        covered.append(inside.any(1))
        recalled.append((distances < reach_generated).any(1))
    return {
        "precision": (around > 0).double().mean().item(),
        "recall": torch.cat(recalled).double().mean().item(),
        "density": around.double().mean().item() / neighbors,
        "coverage": torch.cat(covered).double().mean().item(),
    }


def nearest(queries: torch.Tensor, references: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """For each query, the distance to its nearest reference and which one that is: (N,) and int64 (N,).

    queries: features (N, D).
    references: features (M, D).
    """
    found = [torch.cdist(some, references).min(1) for some in queries.split(1000)]
    return torch.cat([each.values for each in found]), torch.cat([each.indices for each in found])


def modes_covered(points: torch.Tensor, centers: torch.Tensor, deviation: float) -> tuple[int, float]:
    """How many modes of a mixture of round Gaussians the points cover, and the share of good points.

    A point is good within three deviations of the nearest center; a mode is covered if its good points are at least a tenth
    of its fair share, N / K. After Srivastava et al., 2017, who ask for one.

    points: (N, D).
    centers: (K, D).
    deviation: the standard deviation of each Gaussian.

    Raises ValueError without points.
    """
    if not len(points):
        raise ValueError("Expected at least one point, got none: without any, no mode can be covered or missed.")
    distance, mode = torch.cdist(points, centers).min(1)  # (N,), (N,)
    good = distance <= 3 * deviation
    found = torch.bincount(mode[good], minlength=len(centers))  # (K,)
    return int((found >= len(points) / len(centers) / 10).sum()), good.float().mean().item()


def _kernel_sum(a, b):
    """The sum of (x.y / D + 1)^3 over all rows x of a (N, D) and y of b (M, D), in blocks, so that memory stays as it is."""
    blocks = (((some @ others.T).div_(a.shape[1]).add_(1) ** 3).sum() for some in a.split(BLOCK) for others in b.split(BLOCK))
    return sum(blocks)


def _kernel_diagonal(x):
    return (x.square().sum(1) / x.shape[1] + 1) ** 3  # (N, D) -> (N,)


def _reach(x, neighbors):
    """The distance of each row to its `neighbors`-th nearest other row."""
    return torch.cat([torch.cdist(some, x).kthvalue(neighbors + 1).values for some in x.split(1000)])  # the first is itself


def _pair(real, generated, *, at_least, why):
    """Both as float64; raises ValueError for what no measure can use."""
    if real.ndim != 2 or generated.ndim != 2 or real.shape[1] != generated.shape[1]:
        raise ValueError(
            f"Expected real and generated features (N, D) of one width, got {tuple(real.shape)} and {tuple(generated.shape)}; "
            "pass both through the same feature network."
        )
    fewest = min(len(real), len(generated))
    if fewest < at_least:
        raise ValueError(f"Expected at least {at_least} images of each kind {why}, got {fewest}; generate more.")
    if not (torch.isfinite(real).all() and torch.isfinite(generated).all()):
        raise ValueError("Expected finite features, got NaN or infinity: look at the generated images.")
    return real.detach().cpu().double(), generated.detach().cpu().double()
