"""Each exercise's check takes a right answer and turns down wrong ones with a hint, never with a crash.

The tables of the first two chapters are here, those of the others in the other files: RIGHT holds (check, arguments), WRONG
(check, arguments, hint).
"""

import runpy
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from course_lib import checks
from course_lib.checks import neural_networks, training


def leaky(a):
    return np.where(a > 0, a, 0.1 * a)


def d_leaky(a):
    return np.where(a > 0, 1.0, 0.1)


def stable(a, targets):
    return np.logaddexp(0, np.where(targets == 1, -a, a))


def naive(a, targets):
    with np.errstate(all="ignore"):
        p = 1 / (1 + np.exp(-a))
        return np.where(targets == 1, -np.log(p), -np.log(1 - p))


def rmsprop(w, gradient, square, rate, decay):
    square = decay * square + (1 - decay) * gradient**2
    return w - rate * gradient / (np.sqrt(square) + 1e-8), square


def dropout(h, share, rng, training):
    return h * (rng.random(h.shape) >= share) / (1 - share) if training else h


def interval(values):
    return np.mean(values), stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))


def normal_interval(values):
    return np.mean(values), 1.96 * np.std(values, ddof=1) / np.sqrt(len(values))


def rounded_t(values):
    t = {3: 4.303, 5: 2.776}[len(values)]
    return t * np.std(values, ddof=1) / np.sqrt(len(values))


unseeded = np.random.default_rng()


def in_place(a):
    a[a < 0] *= 0.1
    return a


def epsilon_inside(w, gradient, square, rate, decay):
    square = decay * square + (1 - decay) * gradient**2
    return w - rate * gradient / np.sqrt(square + 1e-8), square


RIGHT = [
    (neural_networks.parameter_count, [235_146]),
    (neural_networks.neuron_or, [[1, 1], -0.5]),
    (neural_networks.neuron_or, [np.array([3.0, 2.0]), -1.0]),
    (neural_networks.leaky_relu, [leaky, d_leaky]),
    (neural_networks.leaky_relu, [in_place, d_leaky]),
    (neural_networks.binary_cross_entropy, [stable]),
    (neural_networks.tanh_backward, [lambda d, a: d * (1 - np.tanh(a) ** 2)]),
    (training.rmsprop, [rmsprop]),
    (training.dropout, [dropout]),
    (training.interval, [interval]),
    (training.interval, [lambda values: (np.mean(values), rounded_t(values))]),
    (training.weight_decay, ["sgd"]),
    (training.valley, [0.98, 342]),
    (training.valley, [1 - 2 / 100, np.log(1000) / -np.log(0.98)]),
]
WRONG = [
    (neural_networks.parameter_count, [784 * 256 + 256 * 128 + 128 * 10], "a bias too"),
    (neural_networks.parameter_count, [1], "m x n weights"),
    (neural_networks.neuron_or, [[1, 1], -1.5], "inputs 0 and 1 the sum should be positive"),
    (neural_networks.neuron_or, [[1, 1], 0], "inputs 0 and 0 the sum should be negative"),
    (neural_networks.leaky_relu, [np.abs, d_leaky], "np.where chooses"),
    (neural_networks.leaky_relu, [leaky, leaky], "the slope of f is 1 where"),
    (neural_networks.binary_cross_entropy, [lambda a, t: -stable(a, t)], "for target 1"),
    (neural_networks.binary_cross_entropy, [naive], "not inf"),
    (neural_networks.tanh_backward, [lambda d, a: 1 - np.tanh(a) ** 2], "multiply what comes back"),
    (neural_networks.tanh_backward, [lambda d, a: d[0]], "expected shape"),
    (neural_networks.neuron_or, [[1, 1, 1], 0], "two weights"),
    (neural_networks.neuron_or, [None, 0], "got None. w holds two weights"),
    (neural_networks.neuron_or, [[1, 1], None], "one number"),
    (neural_networks.leaky_relu, [lambda a: a if a > 0 else 0.1 * a, d_leaky], "raised ValueError.*np.where"),
    (neural_networks.leaky_relu, [None, d_leaky], "raised TypeError"),
    (neural_networks.binary_cross_entropy, [lambda a, t: None], "got None. for target 1"),
    (training.rmsprop, [lambda w, g, s, rate, decay: (w - rate * g, s)], "step 1, square"),
    (training.rmsprop, [lambda w, g, s, rate, decay: w], "expected two things"),
    (training.rmsprop, [epsilon_inside], "step 1, w"),
    (training.dropout, [lambda h, share, rng, training: None], "got None. .*an array of h's shape"),
    (training.dropout, [lambda h, s, rng, training: dropout(h, s, unseeded, training)], "from rng alone"),
    (training.interval, [lambda values: 0.5], "expected two things"),
    (training.interval, [lambda values: (np.mean(values), 2 * interval(values)[1])], "full width"),
    (training.valley, [0.9, 342], "multiplies by 1 - rate"),
    (training.valley, [0.98, 100], "solve factor"),
    (training.dropout, [lambda h, share, rng, training: h * (rng.random(h.shape) >= share)], "nothing changes"),
    (training.dropout, [lambda h, s, rng, training: h * (rng.random(h.shape) >= s) if training else h], "divide what is kept"),
    (training.dropout, [lambda h, s, rng, training: dropout(h, s, np.random.default_rng(5), training)], "draw it from rng"),
    (training.interval, [normal_interval], "Student's t gives 4.30"),
    (training.interval, [lambda values: (np.median(values) + 1, 0)], "the first number is the mean"),
    (training.weight_decay, ["adam"], "large gradients are spared"),
    (training.weight_decay, ["both"], 'answer "sgd" or "adam"'),
]


TABLES = [runpy.run_path(path) for path in sorted(Path(__file__).parent.glob("test_*.py")) if path != Path(__file__)]


@pytest.mark.parametrize(("check", "answer"), RIGHT + [row for table in TABLES for row in table["RIGHT"]])
def test_a_right_answer_passes(check, answer, capsys):
    check(*answer)
    assert capsys.readouterr().out.startswith("Right: ")


@pytest.mark.parametrize(("check", "answer", "hint"), WRONG + [row for table in TABLES for row in table["WRONG"]])
def test_a_wrong_answer_gets_a_hint(check, answer, hint, capsys):
    with pytest.raises(checks.NotYet, match=hint):
        check(*answer)
    assert capsys.readouterr().out == ""


def test_jupyter_shows_a_hint_as_one_line():
    assert checks.NotYet("look there.")._render_traceback_() == ["Not yet: look there."]
