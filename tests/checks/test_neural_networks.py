"""The checks of the chapter Neural networks take right answers and turn down wrong ones: see test_all.py."""

import numpy as np

from course_lib.checks import neural_networks


class Value:  # the chapter's, as far as division needs it
    def __init__(self, number, made_from=()):
        self.number, self.made_from, self.grad = number, made_from, 0.0

    def __mul__(self, other):
        return Value(self.number * other.number, [(self, other.number), (other, self.number)])


def in_order(value, found):
    for part, _ in value.made_from:
        if part not in found:
            in_order(part, found)
    found[value] = True
    return found


def backward(loss):
    loss.grad = 1.0
    for value in reversed(list(in_order(loss, {}))):
        for part, derivative in value.made_from:
            part.grad += derivative * value.grad


def divide(u, v):
    quotient = u.number / v.number
    return Value(quotient, [(u, 1 / v.number), (v, -quotient / v.number)])


def divide_with_a_wrong_sign(u, v):
    quotient = u.number / v.number
    return Value(quotient, [(u, 1 / v.number), (v, quotient / v.number)])


def stable(a, targets):
    return np.logaddexp(0, np.where(targets == 1, -a, a))


def naive(a, targets):
    with np.errstate(all="ignore"):
        p = 1 / (1 + np.exp(-a))
        return np.where(targets == 1, -np.log(p), -np.log(1 - p))


def elu(a, alpha):
    return np.where(a > 0, a, alpha * (np.exp(a) - 1))


def d_elu(a, alpha):
    return np.where(a > 0, 1.0, alpha * np.exp(a))


def published_elu(a, alpha):
    return np.where(a > 0, a, np.exp(a) - 1)


def squared(logits, targets):
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    dp = 2 * (p - np.eye(p.shape[1])[targets])
    return p * (dp - (dp * p).sum(1, keepdims=True))


def each_alone(logits, targets):
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return 2 * (p - np.eye(p.shape[1])[targets]) * p * (1 - p)


RIGHT = [
    (neural_networks.parameter_count, [235_146]),
    (neural_networks.neuron_or, [[1, 1], -0.5]),
    (neural_networks.neuron_or, [np.array([3.0, 2.0]), -1.0]),
    (neural_networks.divide, [divide, Value, backward]),
    (neural_networks.binary_cross_entropy, [stable]),
    (neural_networks.elu, [elu, d_elu]),
    (neural_networks.squared_error_gradient, [squared]),
]
WRONG = [
    (neural_networks.parameter_count, [784 * 256 + 256 * 128 + 128 * 10], "a bias too"),
    (neural_networks.parameter_count, [1], "m x n weights"),
    (neural_networks.neuron_or, [[1, 1], -1.5], "inputs 0 and 1 the sum should be positive"),
    (neural_networks.neuron_or, [[1, 1], 0], "inputs 0 and 0 the sum should be negative"),
    (neural_networks.neuron_or, [[1, 1, 1], 0], "two weights"),
    (neural_networks.neuron_or, [None, 0], "got None. w holds two weights"),
    (neural_networks.neuron_or, [[1, 1], None], "one number"),
    (neural_networks.divide, [lambda u, v: u.number / v.number, Value, backward], "expected a Value"),
    (neural_networks.divide, [lambda u, v: None / 0, Value, backward], "raised TypeError"),
    (neural_networks.divide, [lambda u, v: Value(u.number * v.number, []), Value, backward], "u.number / v.number"),
    (neural_networks.divide, [lambda u, v: Value(u.number / v.number, []), Value, backward], "respect to u is not right"),
    (neural_networks.divide, [divide_with_a_wrong_sign, Value, backward], "respect to v is not right"),
    (neural_networks.binary_cross_entropy, [lambda a, t: -stable(a, t)], "for target 1"),
    (neural_networks.binary_cross_entropy, [naive], "not inf"),
    (neural_networks.binary_cross_entropy, [lambda a, t: None], "got None. for target 1"),
    (neural_networks.elu, [published_elu, d_elu], "f at alpha = 0.5.*does alpha have its part"),
    (neural_networks.elu, [elu, lambda a, alpha: np.where(a > 0, 1.0, np.exp(a))], "df at alpha = 0.5"),
    (neural_networks.elu, [lambda a, alpha: a if a > 0 else 0, d_elu], "raised ValueError"),
    (neural_networks.squared_error_gradient, [lambda a, t: squared(a, t) / len(t)], "leave out the mean"),
    (neural_networks.squared_error_gradient, [each_alone], "all the probabilities"),
    (neural_networks.squared_error_gradient, [lambda a, t: squared(a, t).sum(1)], "expected shape"),
    (neural_networks.squared_error_gradient, [lambda a, t: -squared(a, t)], "sum over k of 2"),
]
