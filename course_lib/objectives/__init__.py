"""What is minimized. An objective holds its networks by name and yields one loss for each example of a batch."""

from .adversarial import Adversarial, Unrolled
from .autoregressive import ExactLikelihood
from .denoising import Denoising, LatentDenoising, Reflow
from .density import Density
from .objective import Objective
from .supervised import Attributes, Classification, Regression, Segmentation
from .variational import VariationalBound

__all__ = [
    "Adversarial",
    "Attributes",
    "Classification",
    "Denoising",
    "Density",
    "ExactLikelihood",
    "LatentDenoising",
    "Objective",
    "Reflow",
    "Regression",
    "Segmentation",
    "Unrolled",
    "VariationalBound",
]
