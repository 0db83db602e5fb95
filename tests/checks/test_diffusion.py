"""The checks of the chapters on diffusion and flow take right answers and turn down wrong ones."""

import numpy as np

from course_lib.checks import diffusion


def velocity(z, noise, alpha, sigma, alpha_rate, sigma_rate):
    return alpha_rate * (z - sigma * noise) / alpha + sigma_rate * noise


def velocity_of_z(z, noise, alpha, sigma, alpha_rate, sigma_rate):
    return alpha_rate * z + sigma_rate * noise


def empirical(z, examples, alpha, sigma):
    fit = -np.square(z[:, None] - alpha * examples).sum(2) / (2 * sigma**2)
    weights = np.exp(fit - fit.max(1, keepdims=True))
    return weights / weights.sum(1, keepdims=True) @ examples


def overflowing(z, examples, alpha, sigma):
    weights = np.exp(-np.square(z[:, None] - alpha * examples).sum(2) / (2 * sigma**2))
    with np.errstate(all="ignore"):
        return weights / weights.sum(1, keepdims=True) @ examples


def ddpm(*, bar="product", fresh=True, last=False):
    """Algorithm 2 of Ho et al. (2020), with its usual mistakes."""

    def sample(predict_noise, z, betas, rng):
        bars = {"product": np.cumprod(1 - betas), "logs": np.cumsum(np.log(1 - betas)), "single": 1 - betas}
        once = rng.standard_normal(z.shape) if not fresh else None
        for t in reversed(range(len(betas))):
            z = (z - betas[t] / np.sqrt(1 - bars[bar][t]) * predict_noise(z, t)) / np.sqrt(1 - betas[t])
            if t > 0 or last:
                z = z + np.sqrt(betas[t]) * (rng.standard_normal(z.shape) if fresh else once)
        return z

    return sample


def guided(network, z, angle, labels, scale):
    free = network(z, angle, np.full_like(labels, -1))
    return free + scale * (network(z, angle, labels) - free)


def turned_around(network, z, angle, labels, scale):
    given, free = network(z, angle, labels), network(z, angle, np.full_like(labels, -1))
    return given + scale * (free - given)


def dropped(labels, share, rng):
    return np.where(rng.random(len(labels)) < share, -1, labels)


def marked_zero(labels, share, rng):
    return np.where(rng.random(len(labels)) < share, 0, labels)


def signs(multiply, size, count, rng):
    return np.mean([r @ multiply(r) for r in rng.choice([-1.0, 1.0], (count, size))])


def normals(multiply, size, count, rng):
    return np.mean([r @ multiply(r) for r in rng.normal(size=(count, size))])


RIGHT = [
    (diffusion.signal_to_noise, [16, 9.472136]),
    (diffusion.best_guess, [1.2, -2]),
    (diffusion.velocity, [velocity]),
    (diffusion.empirical, [empirical]),
    (diffusion.ancestral, [ddpm()]),
    (diffusion.guided_by_hand, [6, -2]),
    (diffusion.cheapest_pairs, [6, 54]),
    (diffusion.guidance, [guided]),
    (diffusion.hutchinson, [signs]),
    (diffusion.trained_for_guidance, [dropped, guided]),
]
WRONG = [
    (diffusion.signal_to_noise, [4, 9.472136], "of their squares"),
    (diffusion.signal_to_noise, [16, 3.077684], "radians"),
    (diffusion.signal_to_noise, [16, None], "one number for each path"),
    (diffusion.best_guess, [2 / 0.6, -2], "large x are rare"),
    (diffusion.best_guess, [1.2, 2], "mind its sign"),
    (diffusion.best_guess, [2, -2], "alpha z"),
    (diffusion.velocity, [velocity_of_z], "not z"),
    (diffusion.velocity, [lambda z, *_: z], "alpha_rate x"),
    (diffusion.empirical, [overflowing], "largest exponent"),
    (diffusion.empirical, [lambda z, *_: z], "softmax"),
    (diffusion.ancestral, [ddpm(bar="logs")], "between 0 and 1|sum of logs"),
    (diffusion.ancestral, [ddpm(bar="single")], "ALL 1 - beta"),
    (diffusion.ancestral, [ddpm(fresh=False)], "each needs its own"),
    (diffusion.ancestral, [ddpm(bar="logs", fresh=False)], "each needs its own"),
    (diffusion.ancestral, [ddpm(last=True)], "add no noise"),
    (diffusion.ancestral, [lambda predict, z, betas, rng: z], "from the last to the first"),
    (diffusion.guided_by_hand, [7, -2], "WITHOUT the label"),
    (diffusion.guided_by_hand, [12, -2], "only the difference"),
    (diffusion.guided_by_hand, [6, 2], "= 0"),
    (diffusion.cheapest_pairs, [54, 6], "in order"),
    (diffusion.cheapest_pairs, [54, 54], "sort both sides"),
    (diffusion.guidance, [turned_around], "free"),
    (diffusion.guidance, [lambda network, z, angle, labels, scale: None], "expected numbers"),
    (diffusion.hutchinson, [normals], "of \\+-1"),
    (diffusion.hutchinson, [lambda multiply, size, count, rng: 0.0], "4000 vectors"),
    (diffusion.trained_for_guidance, [marked_zero, guided], "means a digit"),
    (diffusion.trained_for_guidance, [dropped, turned_around], "wrong way"),
    (diffusion.trained_for_guidance, [lambda labels, *_: labels, guided], "no label is left out"),
]
