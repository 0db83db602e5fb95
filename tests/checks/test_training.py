"""The checks of the chapter Training take right answers and turn down wrong ones: see test_all.py."""

import numpy as np

from course_lib.checks import training


def adam(w, g, memory, rate):
    k = memory["k"] = memory.get("k", 0) + 1
    memory["u"] = 0.9 * memory.get("u", 0) + 0.1 * g
    memory["s"] = 0.999 * memory.get("s", 0) + 0.001 * g**2
    return w - rate * memory["u"] / (1 - 0.9**k) / (np.sqrt(memory["s"] / (1 - 0.999**k)) + 1e-8)


def adamw(w, g, memory, rate, decay):
    return adam(w, g, memory, rate) - rate * decay * w


def penalty_in_the_gradient(w, g, memory, rate, decay):
    return adam(w, g + decay * w, memory, rate)


def train_step(model, optimizer, loss_of, batch):
    optimizer.zero_grad()
    loss_of(model, batch).backward()
    optimizer.step()


def never_set_to_zero(model, optimizer, loss_of, batch):
    loss_of(model, batch).backward()
    optimizer.step()


def no_step(model, optimizer, loss_of, batch):
    loss_of(model, batch).backward()


RIGHT = [
    (training.valley, [0.98, 342]),
    (training.valley, [1 - 2 / 100, np.log(1000) / -np.log(0.98)]),
    (training.fading, [1 / 512, 0.1]),
    (training.adamw, [adamw]),
    (training.train_step, [train_step]),
    (training.decayed, [1.99, 1.9, 1.99]),
]
WRONG = [
    (training.valley, [0.9, 342], "multiplies by 1 - rate"),
    (training.valley, [0.98, 100], "solve factor"),
    (training.fading, [1 / 4**9, 0.1], "mean square; the size is its root"),
    (training.fading, [1 / 1024, 0.1], "nine steps, not ten"),
    (training.fading, [1, 0.1], "one layer multiplies"),
    (training.fading, [1 / 512, 0.01], "asks for its root"),
    (training.fading, [None, 0.1], "one number"),
    (training.adamw, [lambda w, g, memory, rate, decay: adam(w, g, memory, rate)], "Adam without decay"),
    (training.adamw, [lambda w, g, m, rate, decay: adam(w, g, m, rate) * (1 - rate * decay)], "before the step"),
    (training.adamw, [penalty_in_the_gradient], "the decay in its gradient"),
    (training.adamw, [lambda w, g, memory, rate, decay: adamw(w, g, {}, rate, decay)], "memory must last"),
    (training.adamw, [lambda w, g, memory, rate, decay: None], "got None"),
    (training.train_step, [never_set_to_zero], "gradients of earlier batches"),
    (training.train_step, [no_step], "leaves the weights"),
    (training.train_step, [lambda model, optimizer: None], "raised TypeError"),
    (training.decayed, [1.9, 1.9, 1.99], "sgd: "),
    (training.decayed, [1.99, 1.99, 1.99], "adam: "),
    (training.decayed, [1.99, 1.9, 1.9], "adamw: "),
]
