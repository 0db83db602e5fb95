"""What the benchmarks compare the course with: the small Keras CNN and a DataLoader's pictures, as introductions write them."""

import numpy as np
import torch
from torchvision import transforms


def keras_cnn():
    """The same network as `course_lib.models.ConvNet`, compiled with Adam."""
    import keras

    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((28, 28, 1)), layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(),
         layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(), layers.Conv2D(64, 3, activation="relu"),
         layers.Flatten(), layers.Dense(64, activation="relu"), layers.Dense(10, activation="softmax")]
    )  # fmt: skip
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def keras_arrays(images):
    """Float32 images (N, 28, 28, 1) of values 0 to 1 and labels (N,), in memory."""
    x = (images.images.cpu().numpy() / 255).astype(np.float32).transpose(0, 2, 3, 1)
    return x, images.labels.cpu().numpy()


class Pictures(torch.utils.data.Dataset):
    """PIL pictures one by one through torchvision's ToTensor and Normalize, for a DataLoader."""

    def __init__(self, images):
        self.pictures = [transforms.functional.to_pil_image(image) for image in images.images.cpu()]
        self.labels = images.labels.tolist()
        self.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, i):
        return self.transform(self.pictures[i]), self.labels[i]
