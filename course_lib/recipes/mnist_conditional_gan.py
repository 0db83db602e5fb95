"""Trains the generator of digits on order, as mnist_gan but with labels: python -m course_lib.recipes.mnist_conditional_gan."""

from .mnist_gan import EPOCHS, train_and_publish


def main():
    train_and_publish("mnist_conditional_gan", EPOCHS)


if __name__ == "__main__":
    main()
