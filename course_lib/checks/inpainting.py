"""Exercises of the chapter on inpainting."""

import numpy as np
import torch

from .verdict import call, numbers, require, require_close, right


def two_fillings(best, its_error, drawn_error):
    """A pixel is 0.2 or, once in four, 1: the best single answer, its mean squared error, and that of a draw: three numbers."""
    best, its_error, drawn_error = (numbers(value, (), "three numbers.") for value in (best, its_error, drawn_error))
    require(abs(best - 0.6) > 1e-6, "0.6 is half way between the two; 0.2 is three times as frequent.")
    require(abs(best - 0.2) > 1e-6, "0.2 is the most frequent value; which answer has the smallest mean SQUARED error?")
    require_close(best, 0.4, "the mean, 0.75 times 0.2 and 0.25 times 1.", tolerance=1e-4)
    require_close(its_error, 0.12, "0.75 (0.4 - 0.2)^2 + 0.25 (0.4 - 1)^2, the variance.", tolerance=1e-4)
    require(abs(drawn_error - 0.12) > 1e-6, "a draw differs from the mean too: its variance comes on top.")
    require_close(drawn_error, 0.24, "truth and draw differ in 2 x 0.75 x 0.25 of the cases, and then by 0.8.", tolerance=1e-4)
    right("a perfect draw has twice the squared error of the mean, and is the only one that can be taken for a digit.")


def passes(repainted, guided):
    """Evaluations of the network for 25 steps of RePaint with 4 rounds, and for 8 steps of Heun's method: two numbers."""
    repainted, guided = (numbers(value, (), "two numbers.") for value in (repainted, guided))
    require(repainted != 25, "RePaint: every step is taken four times.")
    require_close(repainted, 100, "RePaint: 25 steps, four rounds each.")
    require(guided != 16, "Heun: the last step, to t = 0, is one of Euler.")
    require_close(guided, 15, "Heun: two evaluations a step, one in the last.")
    right("and each of the guided ones goes back through the network as well.")


def one_step_back(function):
    """function(z, noise, alpha, sigma, alpha_after, sigma_after) -> z with so much noise added that it is at alpha, sigma."""
    hint = "s z + sqrt(sigma^2 - s^2 sigma_after^2) noise, with s = alpha / alpha_after."
    random = np.random.default_rng(0)
    z, noise = random.normal(size=(2, 5, 3))
    for alpha, sigma, alpha_after, sigma_after in ((0.4, 0.6, 0.5, 0.5), (0.6, 0.8, 0.8, 0.6), (0.0, 1.0, 0.1, 0.9)):
        s = alpha / alpha_after
        answer = numbers(call(function, z, noise, alpha, sigma, alpha_after, sigma_after, hint=hint), (5, 3), hint)
        if alpha:  # from pure noise on, nothing of z is left
            there = "there is noise in z already; only the variance that is missing is to be added."
            require(not np.allclose(answer, s * z + sigma * noise), there)
            shrunk = "x has to shrink too, from alpha_after to alpha."
            require(not np.allclose(answer, z + np.sqrt(sigma**2 - sigma_after**2) * noise), shrunk)
            require(not np.allclose(answer, s * z + (sigma - s * sigma_after) * noise), "variances add up, deviations do not.")
        require_close(answer, s * z + np.sqrt(sigma**2 - (s * sigma_after) ** 2) * noise, hint)
    right("alpha and sigma are those of t again, and the picture in it is nearly the same.")


def shrink(function):
    """function(x) -> the means of blocks of 4 x 4 pixels: a float tensor (B, C, 4 h, 4 w) to (B, C, h, w)."""
    x = torch.rand(3, 2, 8, 12, generator=torch.Generator().manual_seed(0))
    expected = x.reshape(3, 2, 2, 4, 3, 4).mean((3, 5))
    hint = "torch.nn.functional.avg_pool2d(x, 4), or a reshape to (B, C, h, 4, w, 4) and a mean over the fours."
    answer = _differentiated(function, x, hint)
    require(
        answer.shape != expected.shape or not np.allclose(answer, x[..., ::4, ::4]),
        "that takes one pixel of each block; a camera of fewer pixels takes their mean.",
    )
    require_close(answer, expected.numpy(), hint, tolerance=1e-5)
    right("as a camera with a sixteenth of the pixels would see it.")


def blur(function):
    """function(x) -> the mean of 5 x 5 pixels around each, black beyond the edge: (B, C, H, W) to the same shape, floats."""
    x = torch.rand(2, 1, 9, 8, generator=torch.Generator().manual_seed(0))
    padded = np.pad(x.numpy(), ((0, 0), (0, 0), (2, 2), (2, 2)))
    expected = np.lib.stride_tricks.sliding_window_view(padded, (5, 5), axis=(2, 3)).mean((4, 5))
    hint = "torch.nn.functional.avg_pool2d(x, 5, stride=1, padding=2)."
    answer = _differentiated(function, x, hint)
    require(
        answer.shape == expected.shape, f"the picture keeps its size: expected {expected.shape}, got {answer.shape}. {hint}"
    )
    inside = np.allclose(answer[..., 2:-2, 2:-2], expected[..., 2:-2, 2:-2], atol=1e-5)
    require(not inside or np.allclose(answer, expected, atol=1e-5), "inside it is right; beyond the edge it is black, 0.")
    require_close(answer, expected, hint, tolerance=1e-5)
    right("a hand that shook, or a lens out of focus.")


def repaint(function):
    """function(denoise, known, keep, times, rounds, rng) -> known, (H, W), where keep is True, and elsewhere drawn.

    On the straight path. denoise(z, t) gives the estimates of x and noise; times fall from 1 to 0; rng is NumPy's.
    """
    hint = (
        "known pixels get the noise of the time reached; then s z + sqrt(t^2 - s^2 after^2) noise, s = (1 - t) / (1 - after)."
    )
    shape, level, times = (200, 200), 0.7, [1.0, 0.8, 0.6, 0.4, 0.2, 0.0]
    keep = np.arange(200)[:, None] < np.full(shape, 100)
    seen = []

    def denoise(z, t):
        seen.append((t, np.array(z, dtype=float)))
        return np.full(shape, level), (z - (1 - t) * level) / t

    for rounds in (1, 3):
        seen.clear()
        rng = np.random.default_rng(0)
        answer = call(
            lambda rounds=rounds, rng=rng: function(denoise, np.full(shape, level), keep, times, rounds, rng), hint=hint
        )
        answer = numbers(answer, shape, hint)
        asked = [t for t, _ in seen]
        expected = [t for t in times[:-1] for _ in range(rounds)]
        require(asked == expected, f"with {rounds} rounds the network is to be asked at {expected[:6]}..., got {asked[:6]}....")
        for number, (t, z) in enumerate(seen):
            again = rounds > 1 and number % rounds
            for name, part in (("known", z[keep]), ("hidden", z[~keep])):
                fits = abs(part.mean() - (1 - t) * level) < 0.03 and abs(part.std() - t) < 0.03
                told = f"at t = {t:g} the {name} pixels should be 0.7 x {1 - t:.1f} with noise of {t:g}, "
                told += f"and are {part.mean():.2f} with noise of {part.std():.2f}"
                why = "look at how it goes back." if again else "look at what is put back, and with how much noise."
                require(fits, f"{told}: {why}")
        require_close(answer[keep], np.full(keep.sum(), level), "at the end the known pixels must be as they were.")
    right("at every time all pixels have the noise that the network expects.")


def _differentiated(function, x, hint):
    """What a reader's function of a tensor returns, as an array; raises NotYet if a gradient cannot go back through it."""
    x = x.clone().requires_grad_()
    answer = call(lambda: function(x), hint=hint)
    require(isinstance(answer, torch.Tensor) and answer.requires_grad, f"the gradient has to find its way back to x. {hint}")
    return answer.detach().numpy()
