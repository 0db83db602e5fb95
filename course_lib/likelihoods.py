"""How probable an image is, given what a decoder says of it: three likelihoods, and which data each fits.

A decoder's output, `parameters` (B, numbers x C, H, W), holds `numbers` maps for each channel of the image. A likelihood
turns them into nats, `nll(parameters, x)`, -log p(x | z) summed over all pixels and channels, (B,); and into images: `mean`
is what one shows, `draw` is a sample, both (B, C, H, W). Pixels are numbers in its `range`, 0..1. A density
of them, as the Gaussian's, can be above 1 and its -log below 0; Bernoulli and DiscretisedLogistic give probabilities.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F


class Bernoulli(NamedTuple):
    """Each pixel is white with a probability, black otherwise; one logit a pixel. x in 0..1.

    Fits binary images. For grey values -log p is a cross-entropy and no longer a probability of the image: a grey pixel
    costs at least its own entropy, up to log 2, however well it is drawn (Loaiza-Ganem and Cunningham, 2019).
    """

    numbers = 1
    range = (0, 1)

    def nll(self, parameters, x):
        _check(parameters, x, self.numbers)
        return F.binary_cross_entropy_with_logits(parameters, x, reduction="none").flatten(1).sum(1)

    def mean(self, parameters):
        return parameters.sigmoid()

    def draw(self, parameters):
        return torch.bernoulli(parameters.sigmoid())


class Gaussian(NamedTuple):
    """Each pixel is normal around its mean with one standard deviation for all, a density. x in 0..1, the mean is a sigmoid.

    Half the squared error over deviation^2, plus a constant: the deviation is what weighs reconstruction against the KL.
    """

    deviation: float = 0.1
    numbers = 1
    range = (0, 1)

    def nll(self, parameters, x):
        _check(parameters, x, self.numbers)
        off = (x - parameters.sigmoid()) / self.deviation
        return (0.5 * off.square() + math.log(self.deviation * math.sqrt(2 * math.pi))).flatten(1).sum(1)

    def mean(self, parameters):
        return parameters.sigmoid()

    def draw(self, parameters):
        mean = parameters.sigmoid()
        return mean + self.deviation * torch.randn_like(mean)


class DiscretisedLogistic(NamedTuple):
    """Each pixel is one of 256 grey levels, with the mass that a logistic distribution puts into that level's bin. x in 0..1.

    Two numbers a pixel: the mean less one half, and the log of the scale. The lowest and the highest level take all that lies
    beyond (Kingma et al., 2016, appendix; Salimans et al., 2017, equation 2). The mean may lie beyond too: that is how to be
    sure of black. Held within 0..1 it cannot say so, and a pixel that is always black drives the scale up instead.
    """

    numbers = 2
    range = (0, 1)

    def nll(self, parameters, x):
        _check(parameters, x, self.numbers)
        mean, log_scale = self._split(parameters)
        low = (x - 0.5 / 255 - mean) / log_scale.exp()
        high = (x + 0.5 / 255 - mean) / log_scale.exp()
        middle = (x - mean) / log_scale.exp()
        within = high.sigmoid() - low.sigmoid()
        # Far out both sigmoids round to the same number; there the density times the bin's width stands in for the mass.
        density = middle - log_scale - 2 * F.softplus(middle) - math.log(255)
        log_mass = torch.where(within > 1e-5, within.clamp(min=1e-12).log(), density)
        log_mass = torch.where(x < 0.5 / 255, -F.softplus(-high), log_mass)  # log sigmoid(high)
        log_mass = torch.where(x > 1 - 0.5 / 255, -F.softplus(low), log_mass)  # log(1 - sigmoid(low))
        return -log_mass.flatten(1).sum(1)

    def mean(self, parameters):
        return self._split(parameters)[0].clamp(0, 1)

    def draw(self, parameters):
        mean, log_scale = self._split(parameters)
        u = torch.rand_like(mean).clamp(1e-5, 1 - 1e-5)
        drawn = mean + log_scale.exp() * (u.log() - (-u).log1p())
        return drawn.clamp(0, 1).mul(255).round().div(255)

    def _split(self, parameters):
        mean, log_scale = parameters.chunk(2, dim=1)
        return mean + 0.5, log_scale.clamp(-7, 2)  # exp(-7) is about a quarter of a grey level


def _check(parameters, x, numbers):
    if parameters.shape != (len(x), numbers * x.shape[1], *x.shape[2:]):
        raise ValueError(
            f"Expected {numbers} x {x.shape[1]} maps of the images' size from the decoder, for images {tuple(x.shape)}; "
            f"got {tuple(parameters.shape)}: build the decoder for this likelihood and this image size."
        )
