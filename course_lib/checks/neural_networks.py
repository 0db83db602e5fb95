"""Exercises of the chapter Neural networks."""

import numpy as np

from .verdict import call, call_as_it_is, numbers, require, require_close, right


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


def divide(function, value, backward):
    """function(u, v) -> u / v for the chapter's Value; `value` is that class and `backward` its way back from a loss."""
    hint = "return Value(quotient, [(u, derivative with respect to u), (v, derivative with respect to v)])."
    for top, bottom in ((3.0, 2.0), (-1.5, 0.4)):
        u, v = value(top), value(bottom)
        quotient = call_as_it_is(function, u, v, hint=hint)
        require(isinstance(quotient, value), f"expected a Value, got {quotient!r}. {hint}")
        require_close(quotient.number, top / bottom, "its number should be u.number / v.number.")
        backward(quotient * quotient)
        above = "with respect to u it is 1 / v."
        require_close(u.grad, 2 * top / bottom**2, f"the derivative with respect to u is not right yet: {above}")
        below = "u / v is u times v to the power -1; lower the power by one and bring it to the front."
        require_close(v.grad, -2 * top**2 / bottom**3, f"the derivative with respect to v is not right yet: {below}")
    u = value(1.7)
    backward(call_as_it_is(function, u, u, hint=hint))
    require_close(u.grad, 0.0, "u / u is always 1, so its derivative should be 0.")
    right("the number and both derivatives.")


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


def elu(f, df):
    """f(a, alpha) = a for a > 0 and alpha (exp(a) - 1) otherwise, elementwise, and its derivative df(a, alpha)."""
    a = np.array([[-3.0, -0.5, 0.7], [2.0, -1e-3, 5.0]])
    for alpha in (1.0, 0.5, 2.0):
        hint = f"f at alpha = {alpha:g}: a where a > 0, alpha (exp(a) - 1) elsewhere; does alpha have its part in it?"
        require_close(call(f, a, alpha, hint=hint), np.where(a > 0, a, alpha * np.expm1(a)), hint)
        hint = f"df at alpha = {alpha:g}: compare it with finite differences of f."
        require_close(call(df, a, alpha, hint=hint), np.where(a > 0, 1.0, alpha * np.exp(a)), hint)
    right("also at values of alpha that nobody uses.")


def squared_error_gradient(function):
    """From logits (B, K) and targets (B,), the derivatives (B, K) of the sum over k of (p_k - [k = target])^2."""
    random = np.random.default_rng(0)
    logits, targets = random.normal(size=(4, 3)), np.array([0, 2, 1, 1])

    def losses(logits):
        p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        return ((p - np.eye(3)[targets]) ** 2).sum(1)

    nudges = 1e-5 * np.eye(3)
    expected = np.stack([(losses(logits + nudge) - losses(logits - nudge)) / 2e-5 for nudge in nudges], axis=1)
    hint = "it takes logits (B, K) and targets (B,) and returns an array (B, K)."
    answer = numbers(call(function, logits, targets, hint=hint), (4, 3), hint)
    require(not np.allclose(answer * 4, expected, atol=1e-7), "these are divided by B; leave out the mean over the batch.")
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    alone = 2 * (p - np.eye(3)[targets]) * p * (1 - p)
    require(not np.allclose(answer, alone), "each logit changes all the probabilities, not its own alone: sum over k.")
    hint = "sum over k of 2 (p_k - [k = target]) times the derivative of p_k with respect to a_j."
    require_close(answer, expected, hint, tolerance=1e-7)
    right("it agrees with finite differences.")
