"""How probable an image is, given what a network says of it: four likelihoods, and which data each fits.

A decoder's output, `parameters` (B, params_per_channel x C, H, W), holds that many maps for each channel of the image. A
likelihood turns them into `log_prob(parameters, x)`, log p(x | z) in nats, summed over all pixels and channels, (B,); and into
images (B, C, H, W): `mean` is what one shows, `sample` is a draw. Pixels are numbers in its `value_range`, 0..1. A density of
them, as the Gaussian's, can be above 1 and its logarithm above 0; the others give probabilities of a pixel's levels.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F


class Likelihood:
    """What all likelihoods share: how many maps they take, and which values.

    params_per_channel: maps for each channel of the image.
    value_range: (low, high) of the pixels.
    levels: how many values a pixel can take, evenly spaced over the range, or None for a density.
    """

    params_per_channel: ClassVar[int] = 1
    value_range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    levels: ClassVar[int | None] = None

    def log_prob(self, parameters: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """log p(x | z) in nats, (B,).

        parameters: (B, params_per_channel x C, H, W), what the decoder gives; raises ValueError where they do not fit x.
        x: images (B, C, H, W) in `value_range`.
        """
        expected = (len(x), self.params_per_channel * x.shape[1], *x.shape[2:])
        if parameters.shape != expected:
            raise ValueError(
                f"Expected {self.params_per_channel} x {x.shape[1]} maps of the images' size from the decoder, {expected}, for "
                f"images {tuple(x.shape)}; got {tuple(parameters.shape)}: build the decoder for this likelihood and image size."
            )
        return self._log_prob(parameters, x).flatten(1).sum(1)

    def mean(self, parameters: torch.Tensor) -> torch.Tensor:
        """The mean of p(x | z), which is what one shows: images (B, C, H, W)."""
        raise NotImplementedError

    def sample(self, parameters: torch.Tensor) -> torch.Tensor:
        """A draw from p(x | z): images (B, C, H, W)."""
        raise NotImplementedError

    def check(self, x: torch.Tensor) -> None:
        """Raises ValueError for images with values outside of the range, NaN too. It waits for the device."""
        low, high = self.value_range
        if not (x.min() >= low and x.max() <= high):  # so put, NaN is refused too
            raise ValueError(
                f"Expected images from {low:g} to {high:g}, as the likelihood counts them, got {x.min():.3g} to {x.max():.3g}; "
                f"take images.with_value_range({low:g}, {high:g})."
            )


@dataclass(frozen=True)
class Bernoulli(Likelihood):
    """Each pixel is white with a probability, black otherwise; one logit a pixel. x in 0..1.

    Fits binary images. For gray values -log p is a cross-entropy and no longer a probability of the image: a gray pixel
    costs at least its own entropy, up to log 2, however well it is drawn (Loaiza-Ganem and Cunningham, 2019).
    """

    levels: ClassVar[int] = 2

    def _log_prob(self, parameters, x):
        return -F.binary_cross_entropy_with_logits(parameters, x, reduction="none")

    def mean(self, parameters: torch.Tensor) -> torch.Tensor:
        return parameters.sigmoid()

    def sample(self, parameters: torch.Tensor) -> torch.Tensor:
        return torch.bernoulli(parameters.sigmoid())


@dataclass(frozen=True)
class Gaussian(Likelihood):
    """Each pixel is normal around its mean with one standard deviation for all, a density. x in 0..1, the mean is a sigmoid.

    Half the squared error over deviation^2, plus a constant: the deviation is what weighs reconstruction against the KL.

    deviation: standard deviation of every pixel, above 0.
    """

    deviation: float = 0.1

    def _log_prob(self, parameters, x):
        off = (x - parameters.sigmoid()) / self.deviation
        return -0.5 * off.square() - math.log(self.deviation * math.sqrt(2 * math.pi))

    def mean(self, parameters: torch.Tensor) -> torch.Tensor:
        return parameters.sigmoid()

    def sample(self, parameters: torch.Tensor) -> torch.Tensor:
        mean = parameters.sigmoid()
        return mean + self.deviation * torch.randn_like(mean)


@dataclass(frozen=True)
class DiscretizedLogistic(Likelihood):
    """Each pixel is one of 256 gray levels, with the mass that a logistic distribution puts into that level's bin. x in 0..1.

    Two numbers a pixel: the mean less one half, and the log of the scale. The lowest and the highest level take all that lies
    beyond (Kingma et al., 2016, appendix; Salimans et al., 2017, equation 2). The mean may lie beyond too: that is how to be
    sure of black. Held within 0..1 it cannot say so, and a pixel that is always black drives the scale up instead.
    """

    params_per_channel: ClassVar[int] = 2
    levels: ClassVar[int] = 256

    def _log_prob(self, parameters, x):
        return _log_mass(x, *self._split(parameters))

    def mean(self, parameters: torch.Tensor) -> torch.Tensor:
        """Its location, cut to 0..1: the mean but for what piles up at black and at white."""
        return self._split(parameters)[0].clamp(0, 1)

    def sample(self, parameters: torch.Tensor) -> torch.Tensor:
        return _sample_level(*self._split(parameters))

    def _split(self, parameters):
        mean, log_scale = parameters.chunk(2, dim=1)
        return mean + 0.5, log_scale.clamp(-7, 2)  # exp(-7) is about a quarter of a gray level


@dataclass(frozen=True)
class LogisticMixture(Likelihood):
    """As `DiscretizedLogistic`, with a weighted sum of several such distributions for each pixel (Salimans et al., 2017).

    Three numbers a pixel and component: the logit of its weight, the mean less one half, and the log of the scale. A pixel can
    so be *black or light, but not between*. `mean` is that of the mixture.

    components: how many are mixed.
    """

    components: int = 5
    levels: ClassVar[int] = 256

    @property
    def params_per_channel(self) -> int:
        return 3 * self.components

    def _log_prob(self, parameters, x):
        log_weight, mean, log_scale = self._split(parameters)  # (B, K, C, H, W) each
        return (log_weight + _log_mass(x[:, None], mean, log_scale)).logsumexp(1)

    def mean(self, parameters: torch.Tensor) -> torch.Tensor:
        log_weight, mean, _ = self._split(parameters)
        return (log_weight.exp() * mean.clamp(0, 1)).sum(1)

    def sample(self, parameters: torch.Tensor) -> torch.Tensor:
        log_weight, mean, log_scale = self._split(parameters)
        noise = -torch.empty_like(log_weight).exponential_().log()  # Gumbel: the largest sum is a draw of the weights
        chosen = (log_weight + noise).argmax(1, keepdim=True)  # (B, 1, C, H, W)
        return _sample_level(*(of.gather(1, chosen)[:, 0] for of in (mean, log_scale)))

    def _split(self, parameters):
        """Log weights, means and log scales, (B, K, C, H, W) each."""
        logit, mean, log_scale = parameters.unflatten(1, (3, self.components, -1)).unbind(1)
        return logit.log_softmax(1), mean + 0.5, log_scale.clamp(-7, 2)


def _log_mass(x, mean, log_scale):
    """log of what a logistic distribution puts into the bin of the gray level x; black and white take all beyond them."""
    low = (x - 0.5 / 255 - mean) / log_scale.exp()
    high = (x + 0.5 / 255 - mean) / log_scale.exp()
    middle = (x - mean) / log_scale.exp()
    within = high.sigmoid() - low.sigmoid()
    # Far out both sigmoids round to the same number; there the density times the bin's width stands in for the mass.
    density = middle - log_scale - 2 * F.softplus(middle) - math.log(255)
    log_mass = torch.where(within > 1e-5, within.clamp(min=1e-12).log(), density)
    log_mass = torch.where(x < 0.5 / 255, -F.softplus(-high), log_mass)  # log sigmoid(high)
    return torch.where(x > 1 - 0.5 / 255, -F.softplus(low), log_mass)  # log(1 - sigmoid(low))


def _sample_level(mean, log_scale):
    """A draw from a logistic distribution, rounded to a gray level."""
    u = torch.rand_like(mean).clamp(1e-5, 1 - 1e-5)
    drawn = mean + log_scale.exp() * (u.log() - (-u).log1p())
    return drawn.clamp(0, 1).mul(255).round().div(255)
