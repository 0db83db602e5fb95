"""Draw what a sentence says: a flow that reads, and the words that it knows."""

import torch
from torch import nn

from .. import data, models, paths, published, runtime
from .export import export
from .parts import Parts, expect, sheet
from .rounding import study

SENTENCES = (
    "a large red star in the middle on a white background",
    "a small blue circle at the top left on a black background",
    "a medium green square at the bottom on a gray background",
    "a large yellow cross at the right on a black background",
)
SEED = 3
EXAMPLES = 96  # pictures, some of them noisy, with which the bits are chosen
BITS = 2.4  # so that all of it, as text, is some 680 kB


def parts(network: nn.Module | None = None) -> Parts:
    """The reader of sentences, the U-Net that draws, and the vocabulary."""
    network = network or published.shapes_text()
    words = data.VOCABULARY
    fits = isinstance(network, models.NoiseUNet) and (network.channels, network.patch) == (3, 1) and network.text is not None
    fits = fits and (network.text.words, network.text.longest) == (len(words), words.longest)
    text = "text=models.TextEncoder(len(data.VOCABULARY), data.VOCABULARY.longest)"
    expect(
        network, f"a flow of captioned shapes, models.NoiseUNet(3, patch=1, {text}), of the velocity on the straight path", fits
    )
    drawn = published.GENERATORS["shapes_text"](
        network, len(SENTENCES), torch.Generator().manual_seed(SEED), captions=list(SENTENCES)
    )
    studied = study(network, lambda: network(*examples()))
    networks = {
        "reader": export(network.text, (len(words) + 1 + words.longest, 1, 1), bits=BITS, studied=studied),
        "painter": export(network, (3, 32, 32), bits=BITS, studied=studied),
    }
    facts = {"words": words.words, "longest": words.longest, "sentences": SENTENCES}
    return Parts(sheet(drawn, len(SENTENCES)).permute(1, 2, 0), networks, facts)


def examples() -> list[torch.Tensor]:
    """Noisy pictures, the angle of their noise, and their sentences, of which every other one is left out."""
    shapes = data.shapes(EXAMPLES, seed=11)
    random = torch.Generator().manual_seed(0)
    x = shapes.with_value_range(-1, 1).batch(slice(None))[0].cpu()
    t = torch.sigmoid(1 + 1.2 * torch.randn(EXAMPLES, generator=random))
    z = paths.STRAIGHT.mix(x, torch.randn(x.shape, generator=random), t)
    tokens = data.VOCABULARY.encode(shapes.targets["caption"])
    tokens[::2] = -1
    return [each.to(runtime.device()) for each in (*paths.STRAIGHT.seen(z, t), tokens)]
