"""Variational autoencoders: an encoder that gives a normal distribution over z for an image, and a decoder from z back."""

import math
from itertools import pairwise

import torch
from torch import nn

from ..layers import PreActivationBlock

LOGVAR_LIMIT = 10.0  # a log variance stays within -10..10, so that neither its exponential nor the KL can overflow


class VAE(nn.Module):
    """An encoder and a decoder around a latent space of `latent_dim` dimensions (Kingma and Welling, 2014).

    encoder: images (B, *shape) to (B, 2 latent_dim), means and log variances.
    decoder: z (B, latent_dim) to what a likelihood needs, (B, params_per_channel x C, H, W).
    shape: (C, H, W) of the images.
    latent_dim: the number of latent dimensions.

    Raises ValueError for images or z of another shape.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, *, shape: tuple[int, ...], latent_dim: int):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.shape, self.latent_dim = tuple(shape), latent_dim

    def forward(self, x: torch.Tensor, noise: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """x (B, *shape), standard normal noise (B, latent_dim) -> the likelihood's parameters, mean and logvar of q(z | x)."""
        mean, logvar = self.encode(x)
        z = mean + (logvar / 2).exp() * noise  # a sample of q(z | x) through which gradients flow: the reparametrization
        return self.decode(z), mean, logvar

    def encode(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """x (B, *shape) -> mean and logvar of q(z | x), both (B, latent_dim); logvar is held within -10..10."""
        if tuple(x.shape[1:]) != self.shape:
            raise ValueError(f"This VAE expects images (B, {', '.join(map(str, self.shape))}), got {tuple(x.shape)}.")
        mean, logvar = self.encoder(x).chunk(2, dim=1)
        return mean, logvar.clamp(-LOGVAR_LIMIT, LOGVAR_LIMIT)

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        """z (B, latent_dim) -> the likelihood's parameters, (B, params_per_channel x C, H, W)."""
        if z.ndim != 2 or z.shape[1] != self.latent_dim:
            raise ValueError(f"This VAE expects z of shape (B, {self.latent_dim}), got {tuple(z.shape)}.")
        return self.decoder(z)


def dense_vae(
    shape: tuple[int, ...] = (1, 28, 28),
    *,
    latent_dim: int = 32,
    hidden: tuple[int, ...] = (256, 128),
    params_per_channel: int = 1,
) -> VAE:
    """Dense layers with ReLU, the decoder the mirror of the encoder: 784 - 256 - 128 - z - 128 - 256 - 784.

    shape: (C, H, W) of the images.
    latent_dim: the number of latent dimensions.
    hidden: units of the encoder's hidden layers.
    params_per_channel: maps for each channel that the likelihood takes.
    """
    size = math.prod(shape)

    def stack(*widths):
        layers = []
        for fan_in, fan_out in pairwise(widths):
            layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
        return layers[:-1]

    encoder = nn.Sequential(nn.Flatten(), *stack(size, *hidden, 2 * latent_dim))
    decoder = stack(latent_dim, *reversed(hidden), params_per_channel * size)
    decoder = nn.Sequential(*decoder, nn.Unflatten(1, (params_per_channel * shape[0], *shape[1:])))
    return VAE(encoder, decoder, shape=shape, latent_dim=latent_dim)


def conv_vae(
    shape: tuple[int, int, int] = (1, 28, 28),
    *,
    latent_dim: int = 32,
    width: int = 32,
    hidden: int = 256,
    dropout: float = 0.0,
    params_per_channel: int = 1,
) -> VAE:
    """Two convolutions of stride 2 and a dense layer; the decoder mirrors them with transposed convolutions.

    shape: (C, H, W) of the images, H and W divisible by 4.
    latent_dim: the number of latent dimensions.
    width: channels after the first convolution; twice as many after the second.
    hidden: units of the dense layer.
    dropout: the share of the encoder's features that is set to zero in training.
    params_per_channel: maps for each channel that the likelihood takes.

    Raises ValueError for a size that two doublings do not reach.
    """
    channels, rows, columns = _quarter(shape)  # C, H/4, W/4
    flat = 2 * width * rows * columns
    encoder = nn.Sequential(
        nn.Conv2d(channels, width, 4, 2, padding=1),  # -> width x H/2 x W/2
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, 2 * width, 4, 2, padding=1),  # -> 2 width x H/4 x W/4
        nn.LeakyReLU(0.2),
        nn.Dropout(dropout),
        nn.Flatten(),
        nn.Linear(flat, hidden),
        nn.LeakyReLU(0.2),
        nn.Linear(hidden, 2 * latent_dim),
    )
    decoder = nn.Sequential(
        nn.Linear(latent_dim, hidden),
        nn.LeakyReLU(0.2),
        nn.Linear(hidden, flat),
        nn.Unflatten(1, (2 * width, rows, columns)),
        nn.LeakyReLU(0.2),
        nn.ConvTranspose2d(2 * width, width, 4, 2, padding=1),  # -> width x H/2 x W/2
        nn.LeakyReLU(0.2),
        nn.ConvTranspose2d(width, params_per_channel * channels, 4, 2, padding=1),  # -> params_per_channel C x H x W
    )
    return VAE(encoder, decoder, shape=shape, latent_dim=latent_dim)


def residual_vae(
    shape: tuple[int, int, int] = (1, 28, 28),
    *,
    latent_dim: int = 32,
    width: int = 32,
    hidden: int = 256,
    params_per_channel: int = 1,
) -> VAE:
    """As `conv_vae`, with residual blocks at H/4 x W/4, and fewer channels where a dense layer meets them.

    Two blocks in the encoder, one in the decoder. Source: the residual network of Kingma et al., 2016, here far smaller.

    shape: (C, H, W) of the images, H and W divisible by 4.
    latent_dim: the number of latent dimensions.
    width: channels after the first convolution; twice as many after the second.
    hidden: units of the dense layer.
    params_per_channel: maps for each channel that the likelihood takes.

    Raises ValueError for a size that two doublings do not reach.
    """
    channels, rows, columns = _quarter(shape)  # C, H/4, W/4
    inner, few = 2 * width, 3 * width // 4
    encoder = nn.Sequential(
        nn.Conv2d(channels, width, 4, 2, padding=1),  # -> width x H/2 x W/2
        nn.SiLU(),
        nn.Conv2d(width, inner, 4, 2, padding=1),  # -> inner x H/4 x W/4
        PreActivationBlock(inner, inner),
        PreActivationBlock(inner, inner),
        nn.SiLU(),
        nn.Conv2d(inner, few, 1),  # -> few x H/4 x W/4
        nn.SiLU(),
        nn.Flatten(),
        nn.Linear(few * rows * columns, hidden),
        nn.SiLU(),
        nn.Linear(hidden, 2 * latent_dim),
    )
    decoder = nn.Sequential(
        nn.Linear(latent_dim, hidden),
        nn.SiLU(),
        nn.Linear(hidden, few * rows * columns),
        nn.Unflatten(1, (few, rows, columns)),
        nn.SiLU(),
        nn.Conv2d(few, inner, 1),  # -> inner x H/4 x W/4
        PreActivationBlock(inner, inner),
        nn.SiLU(),
        nn.ConvTranspose2d(inner, width, 4, 2, padding=1),  # -> width x H/2 x W/2
        nn.SiLU(),
        nn.ConvTranspose2d(width, params_per_channel * channels, 4, 2, padding=1),  # -> params_per_channel C x H x W
    )
    return VAE(encoder, decoder, shape=shape, latent_dim=latent_dim)


def _quarter(shape):
    channels, height, width = shape
    if height % 4 or width % 4:
        raise ValueError(f"Expected an image size divisible by 4, got {height} x {width}; pad or resize the images.")
    return channels, height // 4, width // 4
