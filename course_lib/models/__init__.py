"""Networks, one architecture a file. Their Keras twins are in `course_lib.keras_twins`."""

from .autoregressive import MADE, GatedPixelCNN, PixelCNN, RowRNN, RowTransformer, draw
from .cnn import ConvNet, LeNet, ResNet
from .gan import Discriminator, Generator
from .inception import Inception
from .mlp import MLP, MLPs
from .unet import UNet
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
    "MLPs",
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
