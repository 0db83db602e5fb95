"""Eight broken runs for the page Symptoms, each trained anew when it is asked for, and what ails them."""

import copy

import torch
import torch.nn.functional as F

from .. import gan_losses, runtime
from ..data import Images, ring_of_gaussians
from ..losses import gaussian_kl
from ..models import MLP, dense_vae

# Each cause with what it looks like.
SIGNS = {
    "scale": "the loss on new images is many times too large, and most answers are right all the same.",
    "stale": "there is a gradient, and no weight moves.",
    "labels": "what is learned holds for the training examples alone: chance on new ones, from first to last.",
    "overfit": "new examples profit at first, stay far above chance, and their loss turns and rises.",
    "rate": "the loss leaps up within the first few steps, before anything is learned.",
    "gradients": "the gradient stays long though the training loss is next to nothing, and the weights run on and on.",
    "lead": "one network is right about everything, and the other's gradient is next to nothing.",
    "mean": "the code says nothing, a KL of zero, and every sample is the same gray mean.",
}
RUNS = dict(zip("ABCDEFGH", ("scale", "overfit", "stale", "gradients", "labels", "rate", "lead", "mean"), strict=True))


def broken_run(letter: str, train: Images, test: Images, *, fixed: bool = False) -> list[dict]:
    """Trains one of the runs on some digits; returns the curves, a dict for each row.

    A to F are classifiers, G is a GAN on the ring of Gaussians, H a VAE.

    letter: "A" to "H"; raises ValueError for another.
    train, test: images in 0..1.
    fixed: the same run without its fault.
    """
    if letter not in RUNS:
        raise ValueError(f"Expected a run from A to H, got {letter!r}.")
    runtime.set_seed(0)
    if letter == "G":
        return _game(fixed)
    if letter == "H":
        return _vae(train, test, fixed)
    return _classifier(None if fixed else RUNS[letter], train, test)


def _classifier(fault, train, test):
    """200 steps of gradient descent with momentum, each on all of 500 digits (100 in the run that learns by heart)."""
    x, labels = train.batch(slice(0, 100 if fault == "overfit" else 500))
    x_new, labels_new = test.batch(slice(0, 500))
    if fault == "scale":
        x_new = 255 * x_new
    if fault == "labels":
        labels = labels[torch.randperm(len(labels), device=labels.device)]
    network = MLP((784, 64, 10)).to(x.device)
    rate = {"rate": 5.0, "gradients": 0.02}.get(fault, 0.1)
    optimizer = torch.optim.SGD(network.parameters(), lr=rate, momentum=0.0 if fault == "gradients" else 0.9)
    if fault == "stale":
        network = MLP((784, 64, 10)).to(x.device)
    start, rows = copy.deepcopy(network), []
    for step in range(201):
        if fault != "gradients":
            optimizer.zero_grad()
            network.zero_grad()
        logits = network(x)
        loss = F.cross_entropy(logits, labels)
        loss.backward()
        if step % 5 == 0:
            with torch.no_grad():
                new = network(x_new)
                rows.append(
                    {
                        "step": step,
                        "training loss": loss.item(),
                        "loss on new digits": F.cross_entropy(new, labels_new).item(),
                        "training accuracy": (logits.argmax(1) == labels).float().mean().item(),
                        "accuracy on new digits": (new.argmax(1) == labels_new).float().mean().item(),
                        "norm of the gradient": _length(p.grad for p in network.parameters()),
                        "distance from the start": _length(
                            p - q for p, q in zip(network.parameters(), start.parameters(), strict=True)
                        ),
                    }
                )
        optimizer.step()
    return rows


def _game(fixed):
    """Minimax on the ring of Gaussians; before step 0 the discriminator has trained alone for 400. Fixed: the non-saturating
    game, and no such lead.
    """
    ring = ring_of_gaussians(2048, deviation=0.15)
    game = gan_losses.non_saturating if fixed else gan_losses.minimax
    generator, discriminator = (MLP(widths).to(runtime.device()) for widths in ((8, 64, 64, 64, 2), (2, 64, 64, 64, 1)))
    movers = [torch.optim.Adam(player.parameters(), lr=2e-3, betas=(0.5, 0.9)) for player in (discriminator, generator)]
    rows = []
    for step in range(0 if fixed else -400, 201):
        real = ring.points[torch.randint(len(ring), (128,), device=runtime.device())]
        fake = generator(torch.randn(128, 8, device=runtime.device()))
        told_real, told_fake = discriminator(real), discriminator(fake.detach())
        movers[0].zero_grad()
        game.discriminator(told_real, told_fake).mean().backward()
        movers[0].step()
        if step < 0:
            continue
        movers[1].zero_grad()
        game.generator(discriminator(fake)).mean().backward()
        if step % 5 == 0:
            rows.append(
                {
                    "step": step,
                    "accuracy on real points": (told_real > 0).float().mean().item(),
                    "accuracy on generated points": (told_fake < 0).float().mean().item(),
                    "norm of the generator's gradient": _length(p.grad for p in generator.parameters()),
                    "points' distance from the center": fake.norm(dim=1).mean().item(),
                }
            )
        movers[1].step()
    return rows


def _vae(train, test, fixed):
    """200 steps on 500 digits; the reconstruction's loss is averaged over the 784 pixels. Fixed, it is their sum."""
    x, _ = train.batch(slice(0, 500))
    x_new, _ = test.batch(slice(0, 200))
    vae = dense_vae(latent_dim=8).to(x.device)
    optimizer = torch.optim.Adam(vae.parameters(), lr=2e-3)
    rows = []

    def terms(images):
        pixels, mean, logvar = vae(images, torch.randn(len(images), 8, device=x.device))
        nats = F.binary_cross_entropy_with_logits(pixels, images, reduction="none").flatten(1)  # (B, 784)
        return nats, gaussian_kl(mean, logvar).sum(1)  # (B,)

    for step in range(201):
        if step % 5 == 0:
            with torch.no_grad():
                nats, kl = terms(x_new)
                samples = vae.decode(torch.randn(100, 8, device=x.device)).sigmoid()
                rows.append(
                    {
                        "step": step,
                        "reconstruction": nats.sum(1).mean().item(),
                        "KL": kl.mean().item(),
                        "spread of the samples": samples.std(0).mean().item(),
                        "spread of the digits": x_new.std(0).mean().item(),
                    }
                )
        nats, kl = terms(x[torch.randint(len(x), (50,), device=x.device)])
        loss = ((nats.sum(1) if fixed else nats.mean(1)) + kl).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return rows


def _length(tensors):
    return torch.cat([t.flatten() for t in tensors]).norm().item()
