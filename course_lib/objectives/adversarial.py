"""Two networks against each other."""

from collections.abc import Callable, Iterator

import torch
from torch import nn

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
