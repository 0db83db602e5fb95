"""Trains the generator of digits on order, as mnist_gan but with labels: python -m course_lib.recipes.mnist_conditional_gan."""

from .mnist_gan import main

if __name__ == "__main__":
    main("mnist_conditional_gan")
