"""Live widgets: networks that run in the page, in the book, in Colab and in Jupyter alike."""

import base64
import hashlib
import html
import io
import json
import zlib
from importlib import import_module
from pathlib import Path

import torch
from PIL import Image
from torch import nn

from .. import runtime
from .export import digest

HERE = Path(__file__).parent
STRINGS = json.loads((HERE / "strings.json").read_text(encoding="utf-8"))
SCRIPTS = {  # of each kind, in the order in which a page loads them
    "ask": ["ask"],
    "boundary": ["training", "boundary"],
    "convolution": ["convolution"],
    "draw": ["drawing", "draw"],
    "judge": ["judge"],
    "latent": ["drawing", "latent"],
    "ring": ["training", "ring"],
    "sampler": ["sampler"],
    "sentence": ["attention", "sentence"],
}
PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 1rem auto; max-width: 50rem; padding: 0 1rem }}
@media (prefers-color-scheme: dark) {{ :root {{ --pst-color-border: #37424e; --pst-color-surface: #1f262e;
--pst-color-text-base: #dde3e9; --pst-color-text-muted: #a3afbb; --pst-color-primary: #6cc0f0; --pst-color-background: #14181d;
--pst-color-accent: #f2b544 }} body {{ background: #14181d; color: #dde3e9 }} }}
</style>
<main><h1>{title}</h1><p><strong>{first}</strong> {prediction}</p>
{widget}
<p>{seen}</p></main></html>
"""


class Widget:
    """What `show` returns: a notebook shows it live, and where there is no HTML it is a sentence.

    kind: one of `show`.
    network: as `show` takes it.
    """

    def __init__(self, kind: str, network: nn.Module | None = None):
        if kind not in SCRIPTS:
            raise ValueError(f"Expected the kind of a widget ({', '.join(SCRIPTS)}), got {kind!r}.")
        self.kind, self.words = kind, STRINGS[kind]
        with torch.no_grad():
            if network is None:
                self.parts = import_module(f".{kind}", __package__).parts()
            else:
                with runtime.evaluation_mode(network):
                    self.parts = import_module(f".{kind}", __package__).parts(network)

    def __repr__(self):
        return f"{self.words['title']}: a live widget, where a page shows it. {self.words['alternative']}"

    def _repr_html_(self):
        names = {name: f"{name}-{digest(file)}" for name, file in self.parts.networks.items()}
        facts = json.dumps(self.parts.facts, separators=(",", ":"))
        told = f"{self.kind}-{hashlib.sha256(facts.encode()).hexdigest()[:8]}"
        files = scripts(self.kind)
        for name, file in self.parts.networks.items():
            packed = base64.b64encode(deflated(file)).decode()
            files[f"{names[name]}.js"] = f'courseWidgets.file("{names[name]}", "{packed}");\n'
        files[f"{told}.js"] = f'courseWidgets.facts("{told}", {facts});\n'
        files["mount.js"] = files.pop("mount.js")  # last, once all is known
        return self._place(names, told) + "".join(_tag(name, text) for name, text in files.items())

    def _place(self, names, told):
        """What a page holds before its scripts have run, and without them: a picture by the same network."""
        data = {"kind": self.kind, "networks": json.dumps(names), "facts": told}
        attributes = "".join(f' data-{key}="{html.escape(value)}"' for key, value in data.items())
        return (
            f'<section class="course-widget"{attributes} aria-label="{html.escape(self.words["title"])}">'
            "<noscript><style>.course-widget { min-height: 0 !important }</style></noscript>"
            f'<figure class="fallback">{_image(self.parts.picture, self.words["alternative"])}'
            f"<figcaption>{html.escape(STRINGS['page']['fallback'])}</figcaption></figure></section>\n"
        )


def deflated(file: bytes) -> bytes:
    """A file of `export`: its header as usual, and weights with few bits for frequent bytes (Huffman's code), without a search
    for repeats, of which they have none."""
    length = 8 + int.from_bytes(file[:8], "little")
    header = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    weights = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, 9, zlib.Z_HUFFMAN_ONLY)
    parts = header.compress(file[:length]), header.flush(zlib.Z_SYNC_FLUSH), weights.compress(file[length:]), weights.flush()
    return b"\x78\xda" + b"".join(parts) + zlib.adler32(file).to_bytes(4, "big")


def scripts(kind: str) -> dict[str, str]:
    """The style and the scripts of a kind, by the names of their files, in the order in which a page loads them."""
    names = ["widgets.css", "engine.js", "page.js", *(f"{name}.js" for name in SCRIPTS[kind])]
    files = {name: (HERE / name).read_text(encoding="utf-8") for name in names}
    for name in ("page", kind):
        files[f"words-{name}.js"] = f'courseWidgets.words("{name}", {json.dumps(STRINGS[name], ensure_ascii=False)});\n'
    return files | {"mount.js": "courseWidgets.mount();\n"}


def show(kind: str, network: nn.Module | None = None) -> Widget:
    """A live widget, as the last line of a cell: networks run in the page itself, also offline.

    kind: which one.
    network: yours, trained, of that kind; by default the course's own.

    The kinds, and what each takes for a network

        ask           a generator of digits to order, `models.Generator(classes=10)` for (1, 28, 28)
        boundary      an `MLP` of (2, ..., 3) with ReLU or tanh
        convolution   a `Classifier` of images with one channel, whose first 3 x 3 kernels are offered
        draw          a `Classifier` of (1, 28, 28) with 10 classes
        judge         a generator, as ask
        latent        a `models.VAE` of (1, 28, 28) with a Bernoulli likelihood
        ring          none: it trains its own in the page
        sampler       a flow of the published VAE's codes, `models.NoiseMLP(32, classes=10)` of the velocity, straight path
        sentence      a flow of captioned shapes, as `published.shapes_text`: `models.NoiseUNet(3, patch=1, text=...)`

    Raises ValueError for another kind, a network of another shape and weights that are not finite, TypeError for a layer that
    a page cannot run.
    """
    return Widget(kind, network)


def export_page(kind: str, network: nn.Module | None, path: str | Path) -> Path:
    """Write a widget as one HTML file that needs nothing else: to open from disk, or to send to a friend. Returns the path.

    kind, network: as `show` takes them; None for the course's own network.
    path: of the file, ending in .html.

    Raises what `show` raises, and ValueError for another ending; nothing is written then.
    """
    path = Path(path)
    if path.suffix != ".html":
        raise ValueError(f"Expected a path that ends in .html, got {str(path)!r}.")
    widget = Widget(kind, network)
    told = {name: html.escape(widget.words[name]) for name in ("title", "prediction", "seen")}
    page = PAGE.format(widget=widget._repr_html_(), first=html.escape(STRINGS["page"]["first"]), **told)
    path.write_text(page, encoding="utf-8")
    return path


def _tag(name, text):
    """An element with a script or a style; the book makes one file of each name, see book/extension/live_widgets.py."""
    kind = "style" if name.endswith(".css") else "script"
    return f'<{kind} data-file="{name}">{text}</{kind}>\n'


def _image(picture, alternative):
    """An <img> of a picture in 0..1, (H, W) or (H, W, 3), enlarged where it is small."""
    image, file = Image.fromarray(picture.mul(255).round().to(torch.uint8).numpy()), io.BytesIO()
    image.save(file, "png", optimize=True)
    times = max(1, 560 // image.width)
    source = base64.b64encode(file.getvalue()).decode()
    sides = f'width="{times * image.width}" height="{times * image.height}"'
    return f'<img alt="{html.escape(alternative)}" src="data:image/png;base64,{source}" {sides}>'
