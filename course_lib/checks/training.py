"""Exercises of the chapter Training."""

import numpy as np

from .verdict import call_as_it_is, numbers, require, require_close, right


def valley(factor, steps):
    """The factor along the floor at the largest rate, and the steps for a thousandfold: two numbers, to half a step."""
    require_close(factor, 0.98, "along the floor each step multiplies by 1 - rate; the rate is at most 2 / 100.")
    steps = numbers(steps, (), "one number.")
    require(abs(steps - 342) < 1, "solve factor ** steps = 1 / 1000 for the number of steps.")
    right("a hundred times steeper across than along costs hundreds of steps.")


def fading(factor, standard_deviation):
    """By how much nine layers of 100 tanh units with weights of 0.05 shrink a small signal, and the weights that keep it."""
    hint = "one layer multiplies the mean square by 100 x 0.05^2, and the size by the root of that; there are nine steps."
    factor = numbers(factor, (), "one number.")
    require(abs(factor * 4**9 - 1) > 0.01, "this is the factor of the mean square; the size is its root.")
    require(abs(factor * 2**10 - 1) > 0.01, "from the first hidden layer to the tenth there are nine steps, not ten.")
    require(abs(factor * 2**9 - 1) < 0.01, hint)
    require_close(standard_deviation, 0.1, "100 times the variance should be 1; this asks for its root.", tolerance=1e-3)
    right("halved nine times; 0.1 would keep it.")


def adamw(function):
    """function(w, g, memory, rate, decay) -> new w, a step of Adam and a shrinking of the old w by the share rate x decay."""
    w = expected = np.array([1.0, -2.0, 0.5])
    memory, u, s = {}, np.zeros(3), np.zeros(3)
    for k in range(1, 4):
        g = 2 * expected
        u, s = 0.9 * u + 0.1 * g, 0.999 * s + 0.001 * g**2
        step = 0.01 * u / (1 - 0.9**k) / (np.sqrt(s / (1 - 0.999**k)) + 1e-8)
        hint = "it takes w, g, memory, rate, decay and returns the new weights, of the shape of w."
        w = numbers(call_as_it_is(function, w.copy(), g, memory, 0.01, 0.5, hint=hint), (3,), hint)
        if k == 1:
            require(not np.allclose(w, expected - step), "this is Adam without decay, or with the decay in its gradient.")
            require(not np.allclose(w, (expected - step) * 0.995), "shrink the weights before the step, not the new ones.")
        expected = expected - step - 0.01 * 0.5 * expected
        hint = "Adam's step from the plain gradient, and besides rate x decay x w taken away; memory must last."
        require_close(w, expected, f"step {k}: {hint}", tolerance=1e-9)
    right("three steps; the decay never enters the gradient.")


def train_step(function):
    """function(model, optimizer, loss_of, batch): one optimizer step from the gradient of this batch alone."""
    import torch

    hint = "zero_grad, then loss_of(model, batch).backward(), then step."
    model = torch.nn.Linear(2, 1, bias=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[1.0, -1.0]]))
    weight = np.array([1.0, -1.0])
    for number in range(1, 4):
        batch = torch.tensor([[1.0, 2.0], [0.5, -1.0]]) * number
        gradient = batch.numpy().mean(0)
        call_as_it_is(function, model, optimizer, lambda model, batch: model(batch).mean(), batch, hint=hint)
        found = model.weight.detach().numpy()[0]
        require(not np.allclose(found, weight), f"step {number} leaves the weights where they are. {hint}")
        weight = weight - 0.1 * gradient
        hint = "the gradients of earlier batches are still in it: when are they set to zero?" if number > 1 else hint
        require_close(found, weight, f"step {number}: {hint}", tolerance=1e-5)
    right("each step is that of its own batch.")


def decayed(sgd, adam, adamw):
    """The weight 2 after a step with gradient 0, rate 0.1 and penalty or decay 0.05: three numbers."""
    require_close(sgd, 1.99, "sgd: the gradient is 0.05 x 2, and the step is a tenth of it.")
    hint = "adam: the corrected means are g and g^2, so the step is g over its own size, times the rate."
    require_close(adam, 1.9, hint)
    require_close(adamw, 1.99, "adamw: Adam's step from a gradient of zero, and the weight shrunk by the share 0.1 x 0.05.")
    right("under Adam the strength of the penalty has dropped out.")
