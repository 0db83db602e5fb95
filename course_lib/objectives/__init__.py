"""What is minimized. An objective holds its networks by name and yields one loss for each example of a batch."""

from .adversarial import Adversarial, Unrolled
from .autoregressive import ExactLikelihood
from .denoising import Denoising
from .objective import Objective
from .supervised import Classification, Regression, Segmentation
from .variational import VariationalBound

__all__ = [
    "Adversarial",
    "Classification",
    "Denoising",
    "ExactLikelihood",
    "Objective",
    "Regression",
    "Segmentation",
    "Unrolled",
    "VariationalBound",
]
