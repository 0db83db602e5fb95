"""The same networks in Keras 3 on the torch backend, and the way to copy weights across."""

from . import backend  # noqa: F401  (first: it looks at the backend)
from .autoregressive import RowRNN
from .cnn import cnn
from .copying import copy_weights
from .denoising import NoiseMLP
from .gan import GAN, discriminator, generator
from .mlp import mlp
from .vae import VAE, bernoulli_nll, dense_vae

__all__ = [
    "GAN",
    "VAE",
    "NoiseMLP",
    "RowRNN",
    "bernoulli_nll",
    "cnn",
    "copy_weights",
    "dense_vae",
    "discriminator",
    "generator",
    "mlp",
]
