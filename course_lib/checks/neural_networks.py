"""Exercises of the chapter Neural networks."""

import numpy as np

from .verdict import call, numbers, require, require_close, right


def parameter_count(answer):
    """Weights and biases of dense layers 784 - 256 - 128 - 10, an int."""
    weights_only = 784 * 256 + 256 * 128 + 128 * 10
    require(answer != weights_only, "these are the weights; each neuron has a bias too.")
    require(answer == 235_146, "a layer from m to n units has m x n weights and n biases; add up three layers.")
    right("31,616 more than with the one hidden layer of 256.")


def neuron_or(w, b):
    """Weights (2,) and bias of one neuron that is positive exactly where at least one of two inputs is 1."""
    inputs = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    w = numbers(w, (2,), "w holds two weights, such as [1, 1].")
    b = numbers(b, (), "b is one number.")
    for x, a, wanted in zip(inputs, inputs @ w + b, (False, True, True, True), strict=True):
        wish = "positive" if wanted else "negative"
        require((a > 0) == wanted and a != 0, f"for the inputs {x[0]} and {x[1]} the sum should be {wish}; it is {a:g}.")
    right("one line separates (0, 0) from the rest.")


def leaky_relu(f, df):
    """f(a) = a for a > 0 and 0.1 a otherwise, elementwise, and its slope df; both take and return arrays."""
    a = np.array([[-3.0, -0.5, 0.7], [2.0, -1e-3, 5.0]])
    hint = "f: a where a > 0, a tenth of it elsewhere; it gets whole arrays, and np.where chooses by element."
    require_close(call(f, a, hint=hint), np.where(a > 0, a, 0.1 * a), hint)
    hint = "df: the slope of f is 1 where a > 0 and 0.1 elsewhere, for whole arrays."
    require_close(call(df, a, hint=hint), np.where(a > 0, 1.0, 0.1), hint)
    right("f and its slope.")


def binary_cross_entropy(function):
    """-log sigmoid(a) for target 1 and -log(1 - sigmoid(a)) for target 0, from logits a (N,) and targets (N,); returns (N,)."""
    a, targets = np.array([0.0, 2.0, -1.5, 3.0]), np.array([1, 1, 0, 0])
    expected = np.log1p(np.exp(np.where(targets == 1, -a, a)))
    hint = "for target 1 it is log(1 + exp(-a)), for target 0 log(1 + exp(a)); np.where chooses by element."
    require_close(call(function, a, targets, hint=hint), expected, hint)
    hint = "logits of 1000 and -1000 must give 1000, not inf: see np.logaddexp."
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        large = call(function, np.array([1000.0, -1000.0]), np.array([0, 1]), hint=hint)
    require_close(large, [1000.0, 1000.0], hint)
    right("also for logits of a thousand.")


def tanh_backward(function):
    """The derivative with respect to a of a loss whose derivative with respect to tanh(a) is given: (d_h, a) -> d_a."""
    random = np.random.default_rng(0)
    a, d_h = random.normal(size=(3, 4)), random.normal(size=(3, 4))
    numerical = d_h * (np.tanh(a + 1e-6) - np.tanh(a - 1e-6)) / 2e-6
    hint = "multiply what comes back by the slope of tanh, 1 - tanh(a)^2, element by element."
    require_close(call(function, d_h, a, hint=hint), numerical, hint, tolerance=1e-5)
    right("it agrees with finite differences.")
