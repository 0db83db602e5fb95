"""Networks, one architecture a file. Their Keras twins are in `course_lib.keras_twins`."""

from .autoregressive import MADE, GatedPixelCNN, PixelCNN, RowRNN, RowTransformer, draw
from .cnn import ConvNet, LeNet, ResNet
from .gan import Discriminator, Generator
from .inception import Inception
from .mlp import MLP
from .unet import NoiseUNet, UNet
from .vae import VAE, conv_vae, dense_vae, residual_vae

__all__ = [
    "MADE",
    "MLP",
    "VAE",
    "ConvNet",
    "Discriminator",
    "GatedPixelCNN",
    "Generator",
    "Inception",
    "LeNet",
    "NoiseUNet",
    "PixelCNN",
    "ResNet",
    "RowRNN",
    "RowTransformer",
    "UNet",
    "conv_vae",
    "dense_vae",
    "draw",
    "residual_vae",
]
