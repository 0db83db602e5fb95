"""Networks, one architecture a file. Their Keras twins are in `course_lib.keras_twins`."""

from .autoregressive import MADE, GatedPixelCNN, PixelCNN, RowRNN, RowTransformer, draw
from .cnn import ConvNet, LeNet, ResNet
from .coupling import CouplingFlow
from .gan import Discriminator, Generator
from .inception import Inception
from .mlp import MLP, MLPs, NoiseMLP
from .resnet18 import ResNet18
from .text_encoder import TextEncoder
from .unet import NoiseUNet, UNet
from .vae import VAE, conv_vae, dense_vae, residual_vae
from .vit import ViT

__all__ = [
    "MADE",
    "MLP",
    "VAE",
    "ConvNet",
    "CouplingFlow",
    "Discriminator",
    "GatedPixelCNN",
    "Generator",
    "Inception",
    "LeNet",
    "MLPs",
    "NoiseMLP",
    "NoiseUNet",
    "PixelCNN",
    "ResNet",
    "ResNet18",
    "RowRNN",
    "RowTransformer",
    "TextEncoder",
    "UNet",
    "ViT",
    "conv_vae",
    "dense_vae",
    "draw",
    "residual_vae",
]
