"""Two networks against each other."""

from collections.abc import Callable, Iterator

import torch
from torch import nn
from torch.func import functional_call

from .. import gan_losses, runtime
from .objective import Objective


class Adversarial(Objective):
    """A generator and a discriminator against each other, on batches (x, labels).

    Each batch buys one step of the discriminator, then one of the generator against the discriminator as it then is
    (Goodfellow et al., 2014, algorithm 1, k = 1).

    generator: noise (B, latent_dim), and labels (B,) if conditional, to images in the range of x. If it has a `value_range`,
        as one that ends in a tanh does, images of another are refused.
    discriminator: images, and labels if conditional, to logits (B,) or (B, 1), positive for real.
    latent_dim: numbers of noise for an image.
    loss: what the two minimize; see `course_lib.gan_losses`.
    penalty: a function of (discriminator, real, fake), (B,), added to the discriminator's loss.
    augment: a differentiable function of images, applied to all that the discriminator sees.
    conditional: whether both networks also take the labels.

    Its metrics: "accuracy_real" and "accuracy_fake", the shares of real and of generated images that the discriminator takes
    for what they are.
    """

    parts = ("discriminator", "generator")

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        *,
        latent_dim: int,
        loss: gan_losses.GANLoss = gan_losses.non_saturating,
        penalty: Callable | None = None,
        augment: Callable[[torch.Tensor], torch.Tensor] | None = None,
        conditional: bool = False,
    ):
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.latent_dim, self.loss, self.penalty, self.conditional = latent_dim, loss, penalty, conditional
        self.augment = augment or (lambda x: x)
        self.value_range = getattr(generator, "value_range", None)

    def losses(self, batch: tuple) -> Iterator[tuple[str, torch.Tensor]]:
        real, given = self._read(batch)
        fake = self._fake(real, given)
        loss = self.loss.discriminator(self._judge(real, given), self._judge(fake.detach(), given))
        if self.penalty:
            loss = loss + self.penalty(lambda x: self._judge(x, given), real, fake.detach())
        yield "discriminator", loss
        yield "generator", self.loss.generator(self._judge(fake, given))

    def metrics(self, batch: tuple) -> dict[str, torch.Tensor]:
        real, given = self._read(batch)
        fake = self._fake(real, given)
        return {
            "accuracy_real": (self._judge(real, given) > 0).float(),
            "accuracy_fake": (self._judge(fake, given) < 0).float(),
        }

    @torch.no_grad()
    def sample(
        self, count: int, generator: torch.Generator | None = None, *, labels: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Draw `count` images of the generator as it stands, in its own range.

        generator: a torch.Generator on the CPU, for the noise.
        labels: int64 (count,), for a conditional generator; by default the classes in turn.
        """
        z = torch.randn(count, self.latent_dim, generator=generator).to(runtime.device())
        if not self.conditional:
            return self.generator(z)
        if labels is None:
            labels = torch.arange(count) % self.generator.classes
        return self.generator(z, labels.to(runtime.device()))

    def _read(self, batch):
        """The images of a batch, and what both networks are told of them."""
        real, *targets = batch
        return real, tuple(targets[:1]) if self.conditional else ()

    def _fake(self, real, given):
        return self.generator(torch.randn(len(real), self.latent_dim, device=real.device), *given)

    def _judge(self, x, given):
        """Logits (B,) of images as the discriminator is shown them."""
        return self.discriminator(self.augment(x), *given).view(len(x))


class Unrolled(Adversarial):
    """The game in which the generator looks ahead: it plays against the discriminator as it will be after some more steps.

    These steps are plain gradient descent from the discriminator's weights on the batch in hand, and the generator's gradient
    goes through them. They are forgotten again: the discriminator's own step is that of `Adversarial`. (Metz et al., 2017,
    with gradient descent in place of Adam.)

    generator, discriminator, latent_dim, loss: as for `Adversarial`.
    steps: how far the generator looks ahead; its turn takes about this many times as long.
    rate: the learning rate of those steps.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        *,
        latent_dim: int,
        steps: int,
        rate: float,
        loss: gan_losses.GANLoss = gan_losses.non_saturating,
    ):
        super().__init__(generator, discriminator, latent_dim=latent_dim, loss=loss)
        self.steps, self.rate = steps, rate

    def losses(self, batch: tuple) -> Iterator[tuple[str, torch.Tensor]]:
        yield next(super().losses(batch))
        real, _ = self._read(batch)
        fake, weights = self._fake(real, ()), dict(self.discriminator.named_parameters())

        def judge(x):
            return functional_call(self.discriminator, weights, (x,)).view(len(x))

        for _ in range(self.steps):
            loss = self.loss.discriminator(judge(real), judge(fake)).mean()
            slopes = torch.autograd.grad(loss, list(weights.values()), create_graph=True, materialize_grads=True)
            weights = {name: weight - self.rate * slope for (name, weight), slope in zip(weights.items(), slopes, strict=True)}
        yield "generator", self.loss.generator(judge(fake))
