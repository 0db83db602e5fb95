"""Exercises of the chapters on diffusion and flow matching."""

import numpy as np

from .verdict import call, numbers, require, require_close, right


def signal_to_noise(straight, cosine):
    """alpha^2 / sigma^2 at t = 0.2 on the straight and on the cosine path: two numbers."""
    straight, cosine = (numbers(value, (), "one number for each path.") for value in (straight, cosine))
    require(abs(straight - 4) > 1e-6, "straight: alpha / sigma is 4; the ratio is of their squares.")
    require_close(straight, 16, "straight: alpha = 0.8 and sigma = 0.2.", tolerance=1e-3)
    degrees = "cosine: the angle is in radians, pi / 2 times 0.2."
    require_close(cosine, 1 / np.tan(np.pi / 10) ** 2, degrees, tolerance=1e-3)
    right("at the same t the two paths have different amounts of noise; the angle is what counts.")


def best_guess(estimate, score):
    """E[x | z] and the score at z = 2, for a standard normal x, alpha = 0.6 and sigma = 0.8: two numbers."""
    estimate, score = (numbers(value, (), "one number each.") for value in (estimate, score))
    require(abs(estimate - 2 / 0.6) > 1e-6, "2 / 0.6 takes z for alpha x: it forgets that large x are rare.")
    require_close(estimate, 1.2, "the estimate is alpha z / (alpha^2 + sigma^2).")
    require(abs(score - 2) > 1e-6, "the score points to where the density is higher: mind its sign.")
    require_close(score, -2, "z is standard normal here; what is the gradient of -z^2 / 2?")
    right("the best guess is nearer to the middle than the naive one.")


def velocity(function, seed=0):
    """function(z, noise, alpha, sigma, alpha_rate, sigma_rate) -> the velocity, an array as z."""
    hint = "x = (z - sigma noise) / alpha, and the velocity is alpha_rate x + sigma_rate noise."
    random = np.random.default_rng(seed)
    for t in (0.1, 0.4, 0.8):
        x, noise = random.normal(size=(2, 5, 3))
        angle = np.pi / 2 * t
        for alpha, sigma, alpha_rate, sigma_rate in (
            (1 - t, t, -1.0, 1.0),
            (np.cos(angle), np.sin(angle), -np.pi / 2 * np.sin(angle), np.pi / 2 * np.cos(angle)),
            (1.0, 80 * t, 0.0, 80.0),
        ):
            z = alpha * x + sigma * noise
            answer = numbers(call(function, z, noise, alpha, sigma, alpha_rate, sigma_rate, hint=hint), (5, 3), hint)
            require(
                alpha == 1 or not np.allclose(answer, alpha_rate * z + sigma_rate * noise),
                "alpha_rate multiplies the estimate of x, not z.",
            )
            require_close(answer, alpha_rate * x + sigma_rate * noise, hint)
    right("on the straight, the cosine and Karras' path.")


def empirical(function, seed=0):
    """function(z, examples, alpha, sigma) -> E[x | z] if the data are the examples, (B, D), from (B, D) and (N, D)."""
    hint = "weights from a softmax of -|z - alpha x_n|^2 / (2 sigma^2), then their average of the examples."
    random = np.random.default_rng(seed)
    z, examples = random.normal(size=(4, 3)), random.normal(size=(6, 3))

    def answer_at(alpha, sigma):
        return numbers(call(function, z, examples, alpha, sigma, hint=hint), (4, 3), hint)

    def expected(alpha, sigma):
        fit = -np.square(z[:, None] - alpha * examples).sum(2) / (2 * sigma**2)
        weights = np.exp(fit - fit.max(1, keepdims=True))
        return weights / weights.sum(1, keepdims=True) @ examples

    require_close(answer_at(0.6, 0.8), expected(0.6, 0.8), hint)
    with np.errstate(all="ignore"):
        answer = answer_at(1.0, 1e-3)
    stable = "at sigma 0.001 all exponentials are 0: take the largest exponent of each row out first."
    require(np.isfinite(answer).all(), stable)
    require_close(answer, expected(1.0, 1e-3), stable)
    require_close(answer_at(0.0, 1.0), np.tile(examples.mean(0), (4, 1)), "at alpha 0 every example counts the same.")
    right("with little noise it names the nearest example, with much the mean of all.")


def ancestral(function):
    """function(predict_noise, z, betas, rng) -> samples, as DDPM draws: z (B, D), betas (T,), rng a NumPy generator."""
    hint = "x_{t-1} = (z - beta / sqrt(1 - alpha_bar) eps) / sqrt(1 - beta) + sqrt(beta) new noise, none at the end."
    random = np.random.default_rng(0)
    z, betas = random.normal(size=(5, 2)), np.array([0.1, 0.2, 0.4])
    asked = []

    def predict(z, t):
        asked.append(int(t))
        return 0.5 * z

    class Counting:
        """A generator whose k-th draw is k everywhere."""

        draws = 0

        def standard_normal(self, size=None):
            self.draws += 1
            return np.full(size, float(self.draws))

    rng = Counting()
    answer = numbers(call(lambda: function(predict, z.copy(), betas, rng), hint=hint), z.shape, hint)
    require(asked == [2, 1, 0], f"the times must be asked for from the last to the first, 2, 1, 0, got {asked}.")
    require(np.isfinite(answer).all(), "alpha_bar must lie between 0 and 1: it is a product of 1 - beta.")

    def steps(bar, draws):
        x = z
        for t, draw in zip((2, 1, 0), draws, strict=True):
            x = (x - betas[t] / np.sqrt(1 - bar[t]) * 0.5 * x) / np.sqrt(1 - betas[t]) + np.sqrt(betas[t]) * draw
        return x

    product, total = np.cumprod(1 - betas), np.cumsum(np.log(1 - betas))
    for bar, wrong in ((product, ""), (total, "alpha_bar is the product of all 1 - beta so far; a sum of logs is its log. ")):
        if np.allclose(answer, steps(bar, (1, 1, 0))):
            require(False, f"{wrong}The same noise is used in every step: each needs its own.")
        if wrong and np.allclose(answer, steps(bar, (1, 2, 0))):
            require(False, wrong)
    require(not np.allclose(answer, steps(product, (1, 2, 3))), "the last step must add no noise.")
    require(not np.allclose(answer, steps(1 - betas, (1, 2, 0))), "alpha_bar is the product of ALL 1 - beta so far.")
    require_close(answer, steps(product, (1, 2, 0)), hint)
    right("step for step what the paper prints.")


def guided_by_hand(velocity, scale):
    """What guidance 4 makes of 2 without a label and 3 with it, and the guidance that gives 0: two numbers."""
    velocity, scale = (numbers(value, (), "one number each.") for value in (velocity, scale))
    require(abs(velocity - 7) > 1e-6, "the step starts at the velocity WITHOUT the label, 2, not at the one with it.")
    require(abs(velocity - 12) > 1e-6, "only the difference of the two is multiplied.")
    require_close(velocity, 6, "2 + 4 (3 - 2).")
    require_close(scale, -2, "2 + g (3 - 2) = 0.")
    right("a negative guidance leads away from the label.")


def cheapest_pairs(smallest, in_order):
    """Two sums of squared distances between 0, 4, 5 and 6, 1, 2: the smallest, and that of the pairs in order."""
    smallest, in_order = (numbers(value, (), "one number each.") for value in (smallest, in_order))
    require_close(in_order, 54, "in order: 0 to 6, 4 to 1, 5 to 2.")
    require_close(smallest, 6, "sort both sides and pair them one by one.")
    right("on a line the best pairs never cross.")


def guidance(function):
    """function(network, z, angle, labels, scale) -> the guided prediction; label -1 stands for none."""
    hint = "free + scale (given - free), where free is the prediction with all labels -1."
    _guides(function, hint)
    right("at 0 the label is ignored, at 1 it counts as learned.")


def hutchinson(function):
    """function(multiply, size, count, rng) -> the mean of r . multiply(r) over random vectors r of signs."""
    hint = "draw count vectors of +-1 with rng.choice and average r @ multiply(r)."
    random = np.random.default_rng(0)
    matrix = random.normal(size=(5, 5))
    asked = []

    def multiply(r):
        asked.append(np.asarray(r, dtype=float))
        return matrix @ asked[-1]

    answer = numbers(call(lambda: function(multiply, 5, 4000, np.random.default_rng(1)), hint=hint), (), hint)
    require(len(asked) == 4000, f"4000 vectors were asked for, {len(asked)} came. {hint}")
    require(all(each.shape == (5,) and (np.abs(each) == 1).all() for each in asked), f"vectors must be of +-1. {hint}")
    require(len(np.unique(np.array(asked), axis=0)) == 32, "the vectors must be drawn anew, each sign by itself.")
    require_close(answer, np.mean([r @ matrix @ r for r in asked]), hint)
    right("a trace from products alone.")


def trained_for_guidance(drop_labels, guide):
    """drop_labels(labels, share, rng) -> labels, some left out; guide(network, z, angle, labels, scale) -> prediction."""
    hint = "a label that is left out becomes -1."
    labels = np.arange(4000) % 10
    found = numbers(call(drop_labels, labels, 0.25, np.random.default_rng(0), hint=hint), (4000,), hint)
    changed = found != labels
    require(changed.any(), f"no label is left out. {hint}")
    require((found[changed] == -1).all(), "labels that are left out got a number that means a digit: take -1, which none has.")
    require(abs(changed.mean() - 0.25) < 0.03, f"a quarter should be left out, not {changed.mean():.0%}.")
    _guides(guide, "guidance runs the wrong way: free + scale (given - free).")
    right("both halves of guidance are mended.")


def _guides(function, hint):
    """Raises NotYet unless a function computes guidance."""
    random = np.random.default_rng(0)
    z, labels = random.normal(size=(4, 3)), np.array([0, 3, 9, 1])

    def network(z, angle, labels):
        return z + np.cos(angle)[:, None] * (np.asarray(labels)[:, None] + 2.0)

    angle = random.random(4)
    for scale in (0.0, 1.0, 2.5):
        given, free = network(z, angle, labels), network(z, angle, np.full(4, -1))
        answer = numbers(call(lambda: function(network, z, angle, labels, scale), hint=hint), (4, 3), hint)  # noqa: B023
        require_close(answer, free + scale * (given - free), f"at scale {scale:g}: {hint}")
