"""What is minimised. An objective holds its networks by name and yields one loss for each example of a batch."""

import math

import torch
from torch import nn

from . import games, likelihoods, losses, metrics, runtime


class Objective(nn.Module):
    """Networks, and what training them minimises.

    `parts` names the networks, which the constructor assigns as attributes. `losses(batch)` yields (part, loss) pairs, loss
    of shape (B,): each buys one optimizer step on that part. `metrics(batch)` returns what an evaluation averages over
    examples, a dict of (B,) tensors. A generative objective also has `sample(count, generator)`.
    """

    parts = ()
    range = (0.0, 1.0)  # of the images that it takes
    _first = True  # until the first batch has been checked, since a check waits for the device

    def losses(self, batch):
        raise NotImplementedError(f"{type(self).__name__} needs losses(batch), which yields (part, loss of shape (B,)).")

    def metrics(self, batch):
        raise NotImplementedError(f"{type(self).__name__} needs metrics(batch), which returns a dict of (B,) tensors.")


class Classification(Objective):
    """Cross-entropy of a classifier whose logits are (B, K), on batches (x, labels).

    label_smoothing: the share of the target spread over all classes. l1: weight of the sum of absolute weights (not
    biases), added to the loss; the squared penalty, L2, is the optimizer's weight_decay.
    """

    parts = ("classifier",)

    def __init__(self, classifier, *, label_smoothing=0.0, l1=0.0):
        super().__init__()
        self.classifier = classifier
        self.label_smoothing = label_smoothing
        self.l1 = l1

    def losses(self, batch):
        x, labels = batch
        loss = losses.cross_entropy(self.classifier(x), labels, label_smoothing=self.label_smoothing)  # (B,)
        if self.l1:
            loss = loss + self.l1 * sum(weight.abs().sum() for weight in self.classifier.parameters() if weight.ndim > 1)
        yield "classifier", loss

    def metrics(self, batch):
        x, labels = batch
        logits = self.classifier(x)  # (B, K)
        return {"loss": losses.cross_entropy(logits, labels), "accuracy": (logits.argmax(1) == labels).float()}

    def predict(self, batch):
        """The most probable class of each example, int64 (B,)."""
        return self.classifier(batch[0]).argmax(1)


class Segmentation(Objective):
    """Per-pixel cross-entropy of a network whose logits are (B, K, H, W), on batches (x, masks), masks int64 (B, H, W).

    dice: weight of the Dice loss, added to it. Raises ValueError for masks of another size than the logits, and for a class
    in the first batch for which there is no logit (later batches are not searched, for that waits for the device).
    """

    parts = ("segmenter",)

    def __init__(self, segmenter, *, dice=0.0):
        super().__init__()
        self.segmenter = segmenter
        self.dice = dice

    def losses(self, batch):
        logits, masks = self._logits(batch), batch[1]
        loss = losses.cross_entropy(logits, masks)  # (B,)
        if self.dice:
            loss = loss + self.dice * losses.dice_loss(logits, masks)
        yield "segmenter", loss

    def metrics(self, batch):
        """The loss, the share of pixels that are right, and the mean IoU of each image."""
        logits, masks = self._logits(batch), batch[1]
        predictions = logits.argmax(1)  # (B, H, W)
        return {
            "loss": losses.cross_entropy(logits, masks),
            "accuracy": (predictions == masks).float().mean((1, 2)),
            "iou": metrics.image_iou(masks, predictions, logits.shape[1]),
        }

    def predict(self, batch):
        """The most probable class of each pixel, int64 (B, H, W)."""
        return self.segmenter(batch[0]).argmax(1)

    def _logits(self, batch):
        x, masks = batch
        logits = self.segmenter(x)
        if masks.shape != (len(logits), *logits.shape[2:]):
            raise ValueError(
                f"Expected masks (B, H, W) of the size of the logits, {tuple(logits.shape)}, got {tuple(masks.shape)}; "
                "resize the masks with mode='nearest'."
            )
        if self._first and masks.max() >= logits.shape[1]:
            raise ValueError(
                f"Expected classes 0..{logits.shape[1] - 1} in the masks, for there are {logits.shape[1]} logits a pixel, "
                f"got {masks.max().item()}; build the network with an output for every class, the background included."
            )
        self._first = False
        return logits


class Regression(Objective):
    """A loss between a model's outputs (B, ...) and targets of the same shape, on batches (x, targets)."""

    parts = ("model",)

    def __init__(self, model, *, loss=losses.mean_squared_error):
        super().__init__()
        self.model = model
        self.loss = loss

    def losses(self, batch):
        x, targets = batch
        yield "model", self.loss(self.model(x), targets)

    def metrics(self, batch):
        x, targets = batch
        return {"loss": self.loss(self.model(x), targets)}

    def predict(self, batch):
        """The model's outputs, (B, ...)."""
        return self.model(batch[0])


class Adversarial(Objective):
    """A generator and a discriminator against each other, on batches (x, labels).

    Each batch buys one step of the discriminator, then one of the generator against the discriminator as it then is
    (Goodfellow et al., 2014, algorithm 1, k = 1). generator: noise (B, generator's latent_dim) to images in the range of x.
    discriminator: images to logits (B,) or (B, 1), positive for real. game: see `course_lib.games`. penalty: a function of
    (discriminator, real, fake), added to the discriminator's loss. augment: a differentiable function of images, applied to
    all that the discriminator sees. conditional: whether both networks also take the labels.
    Raises ValueError when the first batch is not in the range that a tanh generator makes.
    """

    parts = ("discriminator", "generator")
    range = (-1.0, 1.0)

    def __init__(
        self,
        generator,
        discriminator,
        *,
        latent_dim,
        game=games.non_saturating,
        penalty=None,
        augment=None,
        conditional=False,
    ):
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.latent_dim, self.game, self.penalty, self.conditional = latent_dim, game, penalty, conditional
        self.augment = augment or (lambda x: x)

    def losses(self, batch):
        real, labels = batch
        given = (labels,) if self.conditional else ()
        self._check_range(real)

        def judge(x):
            return self.discriminator(self.augment(x), *given).view(len(x))

        fake = self.generator(torch.randn(len(real), self.latent_dim, device=real.device), *given)
        loss = self.game.discriminator(judge(real), judge(fake.detach()))
        if self.penalty:
            loss = loss + self.penalty(judge, real, fake.detach())
        yield "discriminator", loss
        yield "generator", self.game.generator(judge(fake))

    def metrics(self, batch):
        """Shares of real and of generated images that the discriminator takes for what they are."""
        real, labels = batch
        given = (labels,) if self.conditional else ()
        fake = self.generator(torch.randn(len(real), self.latent_dim, device=real.device), *given)
        real, fake = (self.discriminator(x, *given).view(len(x)) for x in (real, fake))
        return {"accuracy_real": (real > 0).float(), "accuracy_fake": (fake < 0).float()}

    @torch.no_grad()
    def sample(self, count, generator=None, *, labels=None):
        """`count` images of the generator as it stands. generator: a torch.Generator on the CPU, for the noise.

        labels: int64 (count,), for a conditional generator; by default the classes in turn.
        """
        z = torch.randn(count, self.latent_dim, generator=generator).to(runtime.device())
        if not self.conditional:
            return self.generator(z)
        if labels is None:
            labels = torch.arange(count) % self.generator.classes
        return self.generator(z, labels.to(runtime.device()))

    def _check_range(self, real):
        if not self._first or not hasattr(self.generator, "range"):
            return
        low, high = real.min().item(), real.max().item()
        if low < -1 or high > 1 or low >= 0:
            raise ValueError(
                f"Expected images from -1 to 1, as the generator's tanh makes them, got {low:.3g} to {high:.3g}; "
                "take images.with_range(-1, 1)."
            )
        self._first = False


class VariationalBound(Objective):
    """Minus the evidence lower bound in nats an image, -log p(x | z) + beta KL(q(z | x) || p(z)), on batches (x, labels).

    The expectation is taken with one sample of z (Kingma and Welling, 2014, equation 10). vae: see `course_lib.models.VAE`.
    likelihood: see `course_lib.likelihoods`; sums over pixels, as the bound demands. beta: 1 for the bound itself (Higgins et
    al., 2017, for others). free_bits: nats of KL of each latent dimension, mean over the batch, that cost nothing
    (Kingma et al., 2016, appendix). Raises ValueError for images outside the likelihood's range: in training looked at in the
    first batch, in measures always.
    """

    parts = ("vae",)

    def __init__(self, vae, *, likelihood=likelihoods.Bernoulli(), beta=1.0, free_bits=0.0):  # noqa: B008  (immutable)
        super().__init__()
        self.vae, self.likelihood, self.beta, self.free_bits = vae, likelihood, beta, free_bits
        self.range = likelihood.range

    def losses(self, batch):
        if self._first:
            self._check_range(batch[0])
        self._first = False
        distortion, kl = self._terms(batch)  # (B,), (B, D)
        if self.free_bits:
            kl = torch.where(kl.mean(0) > self.free_bits, kl, self.free_bits)
        yield "vae", distortion + self.beta * kl.sum(1)

    def metrics(self, batch):
        """Minus the bound (beta 1), and its two terms: distortion, -log p(x | z), and rate, the KL; all in nats an image."""
        self._check_range(batch[0])
        distortion, kl = self._terms(batch)
        return {"loss": distortion + kl.sum(1), "distortion": distortion, "rate": kl.sum(1)}

    def sample(self, count, generator=None):
        """`count` images, the likelihood's mean for z from the prior. generator: a torch.Generator on the CPU, for z."""
        with torch.no_grad():
            z = torch.randn(count, self.vae.latent_dim, generator=generator).to(runtime.device())
            return self.likelihood.mean(self.vae.decode(z))

    @torch.no_grad()
    def importance_bound(self, x, samples, *, at_once=2048):
        """log of the mean of p(x, z) / q(z | x) over `samples` draws of z, in nats: (B,), a tighter bound than the first.

        In expectation it grows with `samples`, up to log p(x) (Burda et al., 2016, equation 8). at_once: images decoded at
        a time.
        """
        self._check_range(x)
        found = []
        for image in x:
            mean, logvar = self.vae.encode(image[None])  # (1, D)
            weights = []
            for count in [at_once] * (samples // at_once) + [samples % at_once] * (samples % at_once > 0):
                noise = torch.randn(count, self.vae.latent_dim, device=x.device)
                z = mean + (logvar / 2).exp() * noise  # (count, D)
                nll = self.likelihood.nll(self.vae.decode(z), image.expand(count, *image.shape))  # (count,)
                weights.append(-nll + 0.5 * (noise.square() - z.square() + logvar).sum(1))  # + log p(z) - log q(z | x)
            found.append(torch.cat(weights).logsumexp(0) - math.log(samples))
        return torch.stack(found)

    def _terms(self, batch):
        x, _ = batch
        parameters, mean, logvar = self.vae(x, torch.randn(len(x), self.vae.latent_dim, device=x.device))
        return self.likelihood.nll(parameters, x), losses.gaussian_kl(mean, logvar)

    def _check_range(self, x):
        low, high = self.range
        if not (x.min() >= low and x.max() <= high):  # so put, NaN is refused too
            raise ValueError(
                f"Expected images from {low} to {high}, as the likelihood counts them, got {x.min():.3g} to {x.max():.3g}; "
                f"take images.with_range({low}, {high})."
            )
