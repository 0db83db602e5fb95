"""Networks, one architecture a file. The Keras twins live in `course_lib.models.keras_twins`, which imports keras."""

from .cnn import ConvNet, LeNet, ResNet
from .mlp import MLP
from .unet import UNet

__all__ = ["MLP", "ConvNet", "LeNet", "ResNet", "UNet"]
