"""Figures from arrays alone, in one style. Every function takes the axes to draw on, or makes a figure; it returns the axes."""

from collections.abc import Callable, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.ticker import MaxNLocator

# Okabe and Ito's colors, which people with any color vision can tell apart.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999", "#F0E442", "#332288", "#882255")
STYLE = {
    "axes.prop_cycle": plt.cycler(color=COLORS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "figure.dpi": 110,
    "figure.figsize": (6.4, 3.4),
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
    "font.size": 10,
    "image.cmap": "gray",
    "legend.frameon": False,
    "savefig.facecolor": "white",
}


def use_style() -> None:
    """Give every figure made after it the course's style."""
    plt.rcParams.update(STYLE)


def image_grid(
    images: torch.Tensor | np.ndarray,
    *,
    columns: int = 10,
    titles: Sequence[str] | None = None,
    limits: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes | np.ndarray:
    """Images side by side, pixels crisp.

    images: (N, C, H, W), C = 1 or 3, or (N, H, W).
    columns: images in a row.
    titles: a text above each image; the images then have axes of their own, which are returned as an array.
    limits: the values shown as black and white; by default 0..255 for uint8, and the lowest and highest value otherwise.
    ax: where to draw; by default a figure of its own.

    Raises ValueError for another shape, for a title too many or too few, and for titles together with `ax`.
    """
    images = _array(images)
    if not len(images) or not (images.ndim == 3 or (images.ndim == 4 and images.shape[1] in (1, 3))):
        raise ValueError(f"Expected images (N, C, H, W), C = 1 or 3, or (N, H, W), N at least 1; got {images.shape}.")
    if titles is not None and (ax is not None or len(titles) != len(images)):
        raise ValueError(
            f"Expected a title for each of {len(images)} images and no ax, for each image gets axes of its own; "
            f"got {len(titles)} titles{' and an ax' if ax is not None else ''}."
        )
    if images.ndim == 4:
        images = images.transpose(0, 2, 3, 1)  # (N, C, H, W) -> (N, H, W, C)
        images = images[..., 0] if images.shape[-1] == 1 else images
    low, high = limits or ((0, 255) if images.dtype == np.uint8 else (images.min(), images.max()))
    images = ((images.astype(float) - low) / max(high - low, 1e-12)).clip(0, 1)
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    if titles is None:
        height, width = images.shape[1:3]
        sheet = np.ones((rows * (height + 1) - 1, columns * (width + 1) - 1, *images.shape[3:]))
        for i, image in enumerate(images):
            top, left = i // columns * (height + 1), i % columns * (width + 1)
            sheet[top : top + height, left : left + width] = image
        ax = ax or plt.subplots(figsize=(0.64 * columns, 0.64 * rows * height / width))[1]
        ax.imshow(sheet, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        ax.axis("off")
        return ax
    axes = plt.subplots(rows, columns, figsize=(0.9 * columns, 1.1 * rows), squeeze=False)[1].ravel()
    for axis in axes:
        axis.axis("off")
    for axis, image, title in zip(axes, images, titles, strict=False):
        axis.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axis.set_title(title, fontsize=8)
    return axes


def history(
    rows: list[dict], names: Sequence[str] | dict[str, str], *, ax: Axes | None = None, ylabel: str = "loss (nats)"
) -> Axes:
    """Curves over epochs. A column that some epochs lack is drawn over the others.

    rows: a trainer's history, a dict for each epoch.
    names: the columns to draw, or a dict from column to label.
    ax: where to draw; by default a figure of its own.
    ylabel: what the curves measure, with its unit.

    Raises ValueError for a column that all epochs lack.
    """
    labels = names if isinstance(names, dict) else {name: name.replace("_", " ") for name in names}
    for name in labels:
        if not any(name in row for row in rows):
            raise ValueError(f"Expected columns of the history ({', '.join(sorted(set().union(*rows)))}), got {name!r}.")
    ax = ax or plt.subplots()[1]
    for name, label in labels.items():
        drawn = [row for row in rows if name in row]
        ax.plot([row["epoch"] for row in drawn], [row[name] for row in drawn], label=label)
    ax.set(xlabel="epoch", ylabel=ylabel)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend()
    return ax


def points(
    x: torch.Tensor | np.ndarray, labels: torch.Tensor | np.ndarray, *, ax: Axes | None = None, size: float = 10
) -> Axes:
    """Points in the plane, colored by label.

    x: (N, 2).
    labels: integers (N,).
    ax: where to draw; by default a figure of its own.
    size: area of a point, in square points.
    """
    ax = ax or plt.subplots(figsize=(3.6, 3.6))[1]
    x, labels = _array(x), _array(labels)
    for label in np.unique(labels):
        ax.scatter(*x[labels == label].T, s=size, color=COLORS[int(label) % len(COLORS)], edgecolor="white", linewidth=0.3)
    ax.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
    return ax


def decision_regions(
    predict: Callable,
    x: torch.Tensor | np.ndarray,
    labels: torch.Tensor | np.ndarray,
    *,
    ax: Axes | None = None,
    resolution: int = 200,
    margin: float = 0.15,
    size: float = 8,
) -> Axes:
    """The class that a classifier gives at each place of the plane, under the points.

    predict: from points, a float32 array (M, 2), to labels (M,).
    x: the points, (N, 2).
    labels: integers (N,), their colors.
    ax: where to draw; by default a figure of its own.
    resolution: places along each side at which `predict` is asked.
    margin: from the outermost points to the edge, in the points' unit.
    size: area of a point, in square points.
    """
    x = _array(x)
    low, high = x.min(0) - margin, x.max(0) + margin
    ticks = [np.linspace(low[i], high[i], resolution, dtype=np.float32) for i in range(2)]
    places = np.stack(np.meshgrid(*ticks), axis=-1).reshape(-1, 2)  # (resolution^2, 2)
    classes = _array(predict(places)).reshape(resolution, resolution) % len(COLORS)
    ax = points(x, labels, ax=ax, size=size)
    ax.grid(False)
    colors = ListedColormap(COLORS)
    limits = {"vmin": -0.5, "vmax": len(COLORS) - 0.5}
    ax.pcolormesh(*ticks, classes, cmap=colors, **limits, alpha=0.3, rasterized=True, zorder=0)
    return ax


def confusion(matrix: torch.Tensor | np.ndarray, classes: Sequence[str], *, ax: Axes | None = None) -> Axes:
    """A confusion matrix: counts written in, color by share of the true class.

    matrix: counts (K, K), true x predicted.
    classes: the names of the K classes; raises ValueError for another number.
    ax: where to draw; by default a figure of its own.
    """
    matrix = _array(matrix)
    if matrix.shape != (len(classes), len(classes)):
        raise ValueError(f"Expected a matrix of {len(classes)} x {len(classes)} for as many classes, got {matrix.shape}.")
    ax = ax or plt.subplots(figsize=(4.6, 4.4))[1]
    shares = matrix / matrix.sum(1, keepdims=True).clip(1)
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(matrix):
        if count:
            ax.text(
                column,
                row,
                count,
                ha="center",
                va="center",
                fontsize=8,
                color="white" if shares[row, column] > 0.5 else "black",
            )
    ax.set(xlabel="predicted class", ylabel="true class", xticks=range(len(classes)), yticks=range(len(classes)))
    ax.set_xticklabels(classes, rotation=45 if max(map(len, classes)) > 2 else 0)
    ax.set_yticklabels(classes)
    ax.grid(False)
    return ax


def reliability(
    right: torch.Tensor | np.ndarray, confidence: torch.Tensor | np.ndarray, *, bins: int = 10, ax: Axes | None = None
) -> Axes:
    """How often a classifier is right against how sure it says it is; a perfectly calibrated one lies on the dashed line.

    Each point is a bin with the number of its examples beside it; empty bins have none (Guo et al., 2017; the counting is
    scikit-learn's).

    right: (N,), whether each answer was right.
    confidence: (N,), the probability 0..1 that it gave its answer.
    bins: parts of equal width that 0..1 is cut into.
    ax: where to draw; by default a figure of its own.

    Raises ValueError for another shape, or for a confidence outside of 0..1.
    """
    from sklearn.calibration import calibration_curve

    right, confidence = _array(right), _array(confidence)
    if right.ndim != 1 or right.shape != confidence.shape or not len(right):
        raise ValueError(f"Expected right and confidence of one shape (N,), got {right.shape} and {confidence.shape}.")
    if confidence.min() < 0 or confidence.max() > 1:
        raise ValueError(
            f"Expected confidences 0..1, got {confidence.min():.3g}..{confidence.max():.3g}; take the softmax of logits."
        )
    accuracy, mean = calibration_curve(right.astype(bool), confidence, n_bins=bins)
    counts = np.bincount(np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], confidence))
    ax = ax or plt.subplots(figsize=(4.2, 4.0))[1]
    ax.plot([0, 1], [0, 1], linestyle="--", color="0.6", linewidth=1)
    ax.plot(mean, accuracy, "o-")
    for x, y, count in zip(mean, accuracy, counts[counts > 0], strict=True):
        ax.annotate(f"{count:,}", (x, y), xytext=(0, -8), textcoords="offset points", fontsize=8, ha="center", va="top")
    ax.set(xlabel="confidence", ylabel="share right", xlim=(0, 1.08), ylim=(-0.02, 1.05))
    return ax


def _array(values):
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)
