"""Networks, one architecture a file. The Keras twins live in `course_lib.models.keras_twins`, which imports keras."""

from .cnn import ConvNet, LeNet, ResNet
from .gan import Discriminator, Generator
from .inception import Inception
from .mlp import MLP
from .unet import UNet

__all__ = ["MLP", "ConvNet", "Discriminator", "Generator", "Inception", "LeNet", "ResNet", "UNet"]
