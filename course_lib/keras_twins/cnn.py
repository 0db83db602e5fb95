"""The convolutional classifier in Keras."""

import keras


def cnn(shape: tuple[int, int, int] = (28, 28, 1), classes: int = 10) -> keras.Model:
    """The twin of `course_lib.models.ConvNet`, in Keras' layout: (B, H, W, C), shape = (H, W, C) -> logits (B, classes)."""
    return keras.Sequential(
        [
            keras.Input(shape),
            keras.layers.Conv2D(32, 3, activation="relu"),  # 28 x 28 x 1 -> 26 x 26 x 32
            keras.layers.MaxPooling2D(2),  # -> 13 x 13 x 32
            keras.layers.Conv2D(64, 3, activation="relu"),  # -> 11 x 11 x 64
            keras.layers.MaxPooling2D(2),  # -> 5 x 5 x 64
            keras.layers.Conv2D(64, 3, activation="relu"),  # -> 3 x 3 x 64
            keras.layers.Flatten(),  # -> 576
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(classes),
        ]
    )
