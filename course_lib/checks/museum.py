"""The museum of bugs: each check turns the published fault down, and takes its cure.

A check `test_of_...` takes a reader's test: a function that is given an implementation, and asserts.
"""

import numpy as np
from scipy.special import log_softmax

from .verdict import NotYet, call, call_as_it_is, numbers, require, require_close, right


def _require_test(test, right_ones, faults):
    """Raise NotYet unless the test passes each of the right versions and fails each fault; faults: (version, what it does)."""
    for version in right_ones:
        answer = call(test, version, hint="It was given a version that is right, which a test has to pass.")
        require(answer is None, f"a test asserts, and returns nothing; yours returned {answer!r}.")
    for version, what in faults:
        try:
            test(version)
        except Exception:
            continue
        raise NotYet(f"your test passes a version that {what}.")


def cross_entropy(function):
    """function(logits, labels) -> the cross-entropy of each example in nats, (B,), from (B, K) and whole numbers (B,)."""
    random = np.random.default_rng(0)
    hint = "minus the log-softmax of the logits, at the label."
    sure = numbers(call(function, np.array([[40.0, 0, 0]]), np.array([0]), hint=hint), (1,), hint)
    require(sure[0] < 0.1, f"a right answer that is sure costs {sure[0]:.2f} nats; it should cost nothing.")
    logits, labels = random.normal(0, 3, (6, 5)), random.integers(0, 5, 6)
    expected = np.log(np.exp(logits).sum(1)) - logits[np.arange(6), labels]
    require_close(call(function, logits, labels, hint=hint), expected, hint)
    right("one softmax, and being sure and right is free.")


def negative_elbo(function):
    """function(x, logits, mean, logvar) -> minus the bound of each image, (B,), from (B, D), (B, D), (B, K) and (B, K)."""
    random = np.random.default_rng(0)
    hint = "both terms are sums: over pixels the one, over latent numbers the other."
    for pixels, size in ((12, 3), (30, 5)):
        x, logits = random.integers(0, 2, (4, pixels)).astype(float), random.normal(size=(4, pixels))
        mean, logvar = random.normal(size=(2, 4, size))
        distortion = (np.logaddexp(0, logits) - x * logits).sum(1)
        rate = 0.5 * (np.exp(logvar) + mean**2 - 1 - logvar).sum(1)
        answer = numbers(call(function, x, logits, mean, logvar, hint=hint), (4,), hint)
        for share, fault in ((rate / pixels, "the pixels"), (rate / size, "the latent numbers")):
            require(not np.allclose(answer, distortion + share), f"the divergence is divided by the number of {fault}.")
        require_close(answer, distortion + rate, hint)
    right("nats and nats, added.")


def gradient_penalty(function):
    """function(critic, x) -> (|gradient| - 1)^2 of each image, a tensor (B,), from a critic and images (B, C, H, W)."""
    import torch

    random = torch.Generator().manual_seed(0)
    hint = "the norm is over all numbers of an image: flatten the gradient to (B, C H W) first."
    weights = torch.randn(2, 3, 3, generator=random, requires_grad=True)
    x = torch.randn(4, 2, 3, 3, generator=random)
    scales = torch.tensor([0.1, 0.5, 1.0, 3.0])  # the gradient at each image is so many times the weights
    answer = call_as_it_is(function, lambda x: scales * (weights * x).sum((1, 2, 3)), x.clone(), hint=hint)
    require(torch.is_tensor(answer), "expected a tensor (B,).")
    expected = (scales * weights.norm() - 1).square()
    require_close(answer.detach().numpy(), expected.detach().numpy(), hint, tolerance=1e-4)
    require(answer.requires_grad, "the penalty is a constant to the optimizer: keep the graph of the gradient (create_graph).")
    right("one norm for each image.")


def between(function):
    """function(real, fake, rng) -> images between them, (B, C, H, W), one place on the line for each pair, in 0..1."""
    random = np.random.default_rng(0)
    real, fake = random.normal(size=(2, 6, 2, 3, 3))
    hint = "each pair has one place of its own."
    answer = numbers(call(function, real, fake, np.random.default_rng(1), hint=hint), real.shape, hint)
    place = ((answer - fake) / (real - fake)).reshape(6, -1)
    require(bool(np.allclose(place, place[:, :1])), f"the pixels of an image lie at different places between the two; {hint}")
    require(bool(np.ptp(place[:, 0]) > 1e-6), f"all images lie at the same place between the two; {hint}")
    require(bool((place >= 0).all() and (place <= 1).all()), "places lie from 0 to 1.")
    right("each image lies on the straight line between its two ends.")


def mask(function):
    """function(kernel) -> the mask of kind B of an odd kernel, (kernel, kernel): 1 for what may be seen."""
    for kernel in (3, 5, 7):
        answer = numbers(call(function, kernel, hint="an array of zeros and ones."), (kernel, kernel), "one for each weight.")
        middle = kernel // 2
        require(not answer[middle + 1 :].any(), "the rows below are still to be drawn: the network must not see them.")
        require(
            bool(answer[middle, :middle].all()), "the pixels to the left in the same row are drawn already: they may be seen."
        )
        require(bool(answer[middle, middle]), "kind B sees the middle, which holds features of the pixels before.")
        require_close(answer, (np.arange(kernel**2) <= kernel**2 // 2).reshape(kernel, kernel), "what comes later is hidden.")
    right("all before, the middle, and nothing after.")


def noised(function):
    """function(x, noise, alpha_bar) -> noisy images of the same variance, as x, from arrays of one shape and a number."""
    random = np.random.default_rng(0)
    x, noise = random.normal(size=(2, 5, 4))
    for alpha_bar in (0.95, 0.5, 0.02):
        hint = f"at alpha_bar {alpha_bar} the weights' squares have to add up to one, so that the variance stays 1."
        expected = alpha_bar**0.5 * x + (1 - alpha_bar) ** 0.5 * noise
        require_close(call(function, x, noise, alpha_bar, hint=hint), expected, hint)
    right("what has variance 1 keeps it at all times.")


def posterior_variance(function):
    """function(betas) -> the variance of x_{t-1} given x_t and x_0 at each step, (T,), from (T,)."""
    hint = "beta_t (1 - alpha_bar_{t-1}) / (1 - alpha_bar_t), and before the first step alpha_bar is 1."
    for betas in (np.array([0.1, 0.2, 0.4]), np.linspace(0.01, 0.3, 9)):
        answer = numbers(call(function, betas, hint=hint), betas.shape, hint)
        kept = np.cumprod(1 - betas)
        require(abs(answer[0]) < 1e-12, "given x_0 and x_1 there is no doubt about x_0: the first variance is 0.")
        require_close(answer, betas * (1 - np.append(1, kept[:-1])) / (1 - kept), hint)
    right("no doubt at the first step, and less than beta at each.")


def test_of_cross_entropy(test):
    """test(cross_entropy), which asserts: a cross-entropy takes logits (B, K) and labels (B,) and returns nats (B,)."""

    def right_one(logits, labels):
        return -np.take_along_axis(log_softmax(logits, axis=1), np.asarray(labels)[:, None], 1)[:, 0]

    def another(logits, labels):
        return np.array([np.logaddexp.reduce(row) - row[k] for row, k in zip(logits, labels, strict=True)])

    faults = [
        (lambda logits, labels: right_one(np.exp(log_softmax(logits, axis=1)), labels), "applies the softmax twice"),
        (
            lambda logits, labels: right_one(logits, labels) / logits.shape[1],
            "divides by the number of classes; its right answers, when sure, cost nothing too. What costs log K, to the digit?",
        ),
    ]
    _require_test(test, [right_one, another], faults)
    right("it passes what is right and catches a second softmax, and a mean over the classes.")


def test_of_between(test):
    """test(between), which asserts: between takes real and generated images (B, C, H, W) and a NumPy Generator."""

    def mixed(shape, share_of=0):
        def between(real, fake, rng):
            share = rng.random(shape(real))
            ends = (real, fake)
            return share * ends[share_of] + (1 - share) * ends[1 - share_of]

        return between

    right_ones = [mixed(lambda x: (len(x), 1, 1, 1)), mixed(lambda x: (len(x), 1, 1, 1), share_of=1)]
    faults = [
        (mixed(np.shape), "draws a place for each pixel"),
        (mixed(lambda x: ()), "draws one place for the whole batch. How many pairs does your test have?"),
    ]
    _require_test(test, right_ones, faults)
    right("it passes what is right, and catches a place for each pixel and one for all pairs.")


def test_of_noised(test):
    """test(noised), which asserts: noised takes images, noise of the same shape, and alpha_bar from 1 (clean) to 0."""
    right_ones = [
        lambda x, noise, alpha_bar: np.sqrt(alpha_bar) * x + np.sqrt(1 - alpha_bar) * noise,
        lambda x, noise, alpha_bar: noise * (1 - alpha_bar) ** 0.5 + x * alpha_bar**0.5,
    ]
    faults = [
        (lambda x, noise, alpha_bar: np.sqrt(alpha_bar) * x + (1 - alpha_bar) * noise, "lacks the root of the second weight"),
        (
            lambda x, noise, alpha_bar: right_ones[0](noise, x, alpha_bar),
            "has its weights swapped, and so keeps the variance all the same. At which alpha_bar do you know every pixel?",
        ),
    ]
    _require_test(test, right_ones, faults)
    right("it passes what is right, and catches a missing root and swapped weights.")
