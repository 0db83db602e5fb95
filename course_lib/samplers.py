"""Samplers: from noise to data along a path, each a short loop over a denoiser.

A denoiser is a function from (z, t) to its estimates (x, noise) of what z = alpha(t) x + sigma(t) noise is made of: z is
(B, ...), t a tensor () between 0, the data, and 1, the noise. `denoiser` makes one of a network.
"""

from collections.abc import Callable
from itertools import pairwise

import torch

from .paths import Path, separate

Denoiser = Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]


def denoiser(
    network: Callable,
    path: Path,
    prediction: str,
    *,
    labels: torch.Tensor | None = None,
    guidance: float = 1.0,
) -> Denoiser:
    """A network's estimates of x and noise, steered towards the labels by classifier-free guidance (Ho and Salimans, 2022).

    network: from what `path.seen` gives, and labels (B,) for one with classes, to the prediction; label -1 is none.
    path, prediction: on which it was trained, and of what; see `course_lib.paths`. As networks see the same of every path,
        one that predicts "x", "noise" or "v" may be used on another.
    labels: int64 (B,), or None for pictures of any class.
    guidance: 1 takes the network's estimate for the label, g takes the one without a label and g times the step from there to
        the one with it; above 1 pictures become more typical of their label, and more alike.

    Raises ValueError for labels or guidance that the network does not take, and for labels out of range.
    """
    classes = getattr(network, "classes", 0)
    if labels is None and guidance != 1:
        raise ValueError(f"Expected labels to guide by, got guidance {guidance:g} and none.")
    if labels is not None and not classes:
        raise ValueError("Expected a conditional network for labels and guidance, got one without classes.")
    if labels is not None and (labels.is_floating_point() or labels.min() < -1 or labels.max() >= classes):
        raise ValueError(f"Expected labels 0..{classes - 1}, integers, or -1 for none, got {labels.min()}..{labels.max()}.")

    def denoise(z, t):
        seen, angle = path.seen(z, t)
        seen, angle = seen.float(), angle.float()
        if labels is None:
            output = network(seen, angle)
        elif guidance == 1:
            output = network(seen, angle, labels)
        else:  # both in one batch
            both = torch.cat([labels, torch.full_like(labels, -1)])
            given, free = network(torch.cat([seen, seen]), torch.cat([angle, angle]), both).chunk(2)
            output = free + guidance * (given - free)
        return separate(z, output.to(z.dtype), path, prediction, t)

    return denoise


def euler(denoise: Denoiser, z: torch.Tensor, path: Path, times: torch.Tensor) -> torch.Tensor:
    """Steps along the velocity, whose error falls with their number.

    denoise: a denoiser.
    z: where to start, (B, ...), at times[0]: noise times sigma there.
    path: of the denoiser.
    times: t of each stop, falling, such as `path.times(20)`.

    Returns z at times[-1]. Raises ValueError for times out of 0..1, or that do not fall.
    """
    for t, after in _steps(times, z):
        z = z + (after - t) * path.velocity(*denoise(z, t), t)
    return z


def heun(denoise: Denoiser, z: torch.Tensor, path: Path, times: torch.Tensor) -> torch.Tensor:
    """Steps along the mean of the velocities at both ends, twice the evaluations; the error falls with the number squared.

    Karras et al. (2022), algorithm 1. The last step to t = 0 is one of Euler.

    denoise, z, path, times: as for `euler`.
    """
    for t, after in _steps(times, z):
        velocity = path.velocity(*denoise(z, t), t)
        ahead = z + (after - t) * velocity
        if after > 0:
            velocity = (velocity + path.velocity(*denoise(ahead, after), after)) / 2
        z = z + (after - t) * velocity
    return z


def ddim(denoise: Denoiser, z: torch.Tensor, path: Path, times: torch.Tensor) -> torch.Tensor:
    """Steps that take the estimates of x and noise as true and mix them anew at the next time (Song et al., 2021, DDIM).

    On the straight path they are Euler's.

    denoise, z, path, times: as for `euler`.
    """
    for t, after in _steps(times, z):
        z = path.mix(*denoise(z, t), after)
    return z


def ancestral(
    denoise: Denoiser, z: torch.Tensor, path: Path, times: torch.Tensor, generator: torch.Generator | None = None
) -> torch.Tensor:
    """Steps of DDIM in which part of the noise is drawn anew, as DDPM does (Ho et al., 2020; Song et al., 2021, eta = 1).

    The new part is the standard deviation of z at the next time, given z now and the estimated x.

    denoise, z, path, times: as for `euler`.
    generator: a torch.Generator on the CPU, for the new noise.
    """
    for t, after in _steps(times, z):
        x, noise = denoise(z, t)
        alpha, sigma, alpha_after, sigma_after = path.alpha(t), path.sigma(t), path.alpha(after), path.sigma(after)
        fresh = sigma_after * torch.sqrt((1 - (alpha * sigma_after / (alpha_after * sigma)) ** 2).clamp(min=0))
        kept = torch.sqrt((sigma_after**2 - fresh**2).clamp(min=0))
        new = torch.randn(z.shape, generator=generator).to(z)
        z = alpha_after * x + kept * noise + fresh * new
    return z


def log_likelihood(
    denoise: Denoiser, x: torch.Tensor, path: Path, times: torch.Tensor, *, generator: torch.Generator | None = None
) -> torch.Tensor:
    """log p(x) in nats, (B,): the density that the velocity carries noise to, by Heun's steps from the data to the noise.

    Chen et al. (2018): log p(x) = log p_noise(z) + the integral of the divergence of the velocity along the way, up to t =
    times[0], where z counts as noise of standard deviation sigma. Too few steps give any number; double them until it stays.

    denoise: a denoiser that can be differentiated.
    x: data, (B, ...).
    path: of the denoiser.
    times: as for sampling; they are passed from the last, the data, to the first.
    generator: None for the divergence itself, which takes as many passes as x has numbers; or a torch.Generator on the CPU
        for Hutchinson's estimate from one random direction of +-1 an example (Grathwohl et al., 2019).
    """
    if generator is None:
        directions = torch.eye(x[0].numel()).reshape(-1, 1, *x.shape[1:]).to(x)  # (D, 1, ...)
    else:
        directions = (torch.randint(2, x.shape, generator=generator) * 2 - 1).to(x)[None]  # (1, B, ...)

    @torch.enable_grad()
    def flow(z, t):  # velocity and divergence
        z = z.detach().requires_grad_()
        velocity = path.velocity(*denoise(z, t), t)
        slopes = (torch.autograd.grad((velocity * each).sum(), z, retain_graph=True)[0] * each for each in directions)
        return velocity.detach(), sum(slope.flatten(1).sum(1) for slope in slopes)

    z, gained = x, 0.0
    for after, t in reversed([*_steps(times, x)]):  # t is nearer to the data
        velocity, divergence = flow(z, t)
        ahead, divergence_ahead = flow(z + (after - t) * velocity, after)
        z = z + (after - t) * (velocity + ahead) / 2
        gained = gained + (after - t) * (divergence + divergence_ahead) / 2
    noise = torch.distributions.Normal(0.0, path.sigma(torch.as_tensor(times[0])).item())
    return noise.log_prob(z).flatten(1).sum(1) + gained


def _steps(times, z):
    """Each time and the next, on the device of z; raises ValueError for times that are none of a path from noise to data."""
    times = torch.as_tensor(times)
    if len(times) < 2 or times.max() > 1 or times.min() < 0 or not (times.diff() < 0).all():
        raise ValueError(f"Expected two times or more that fall from at most 1 to at least 0, got {times.tolist()[:5]}.")
    return pairwise(times.to(z.device, z.dtype))


SAMPLERS = {"euler": euler, "heun": heun, "ddim": ddim, "ancestral": ancestral}
