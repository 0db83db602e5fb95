"""What the trainer asks of objectives, data and numbers. Each broken promise is one sentence, at once."""

import inspect
import math
import numbers
import re
from collections.abc import Callable, Iterator

import torch

PROGRESS = ("epoch", "step", "batches_done", "totals", "history")  # how far a trainer is, by the names of its attributes


def whole_number(name: str, value, *, at_least: int) -> int:
    """The value as an int; raises TypeError or ValueError unless it is a whole number, not too small."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"Expected {name} as a whole number, {at_least} or more, got {value!r}.")
    if value < at_least:
        raise ValueError(f"Expected {name} of {at_least} or more, got {value}.")
    return int(value)


def drawn(draw: Callable, count: int, generator: torch.Generator, *, shape: tuple[int, int, int]) -> torch.Tensor:
    """The images (count, *shape) in 0..1 of `draw(count, generator)`, anyone's generator, each looked at.

    Raises TypeError or ValueError for another type, shape or range, for NaN, and for the same image each time.
    """
    images, expected = draw(count, generator), (count, *shape)
    if not isinstance(images, torch.Tensor) or not images.is_floating_point():
        got = f"a tensor of {images.dtype}" if isinstance(images, torch.Tensor) else _kind(images)
        raise TypeError(f"Expected draw(count, generator) to return a tensor of floats from 0 to 1, got {got}.")
    if images.shape != expected:
        few = " too few:" if images.ndim and len(images) < count else ""
        raise ValueError(f"Expected {count} images, shape {expected}, got{few} shape {tuple(images.shape)}.")
    if not torch.isfinite(images).all():
        raise ValueError("Expected finite pixels, got NaN or infinity among them; look at the training's losses.")
    low, high = images.min().item(), images.max().item()
    if low < 0 or high > 1:
        raise ValueError(f"Expected pixels from 0 to 1, got {low:.3g} to {high:.3g}; scale -1..1 by (x + 1) / 2, or clamp.")
    if count > 1 and (images == images[:1]).all():
        raise ValueError(f"Expected {count} different images, got the same one each time; draw new noise for each.")
    return images


def dataset(data) -> None:
    """Raises TypeError for what is no data set with `len()` and `batch(index)`, ValueError for an empty one."""
    if not hasattr(data, "batch") or not hasattr(data, "__len__"):
        raise TypeError(
            f"Expected a data set with len() and batch(index), such as course_lib.data.Images, got {type(data).__name__}; "
            "course_lib.data.from_torch(dataset, classes=...) makes one of a torch.utils.data.Dataset."
        )
    if not len(data):
        raise ValueError("Expected a data set with at least one example, got an empty one.")


def losses(objective, batch: tuple) -> Iterator[tuple[str, torch.Tensor]]:
    """The (part, loss) pairs that an objective yields for a batch (x, ...), each looked at as it comes.

    Raises TypeError or ValueError for another kind of value, an unknown part, a loss that is not one number for each example,
    and one without a gradient.
    """
    name, count = type(objective).__name__, len(batch[0])
    yielded = objective.losses(batch)
    if not inspect.isgenerator(yielded):
        raise TypeError(
            f"Expected {name}.losses to yield (part, loss) pairs, got {_kind(yielded)} returned; write `yield` for `return`."
        )
    done = 0
    for pair in yielded:
        if not (isinstance(pair, tuple) and len(pair) == 2):
            raise TypeError(f"Expected {name}.losses to yield (part, loss) pairs, got {_kind(pair)}.")
        part, loss = pair
        if part not in objective.parts:
            raise ValueError(f"Expected {name}.losses to name one of its parts, {', '.join(objective.parts)}; got {part!r}.")
        if not isinstance(loss, torch.Tensor):
            raise TypeError(f"Expected the loss of the {part} as a tensor of shape (B,), got {_kind(loss)}.")
        if loss.shape != (count,):
            raise ValueError(
                f"Expected a loss of the {part} for each of {count} examples, shape ({count},), got {tuple(loss.shape)}; "
                "leave the mean over the batch to the trainer: reduction='none', then .flatten(1).sum(1) or .mean(1)."
            )
        if not loss.requires_grad:
            raise ValueError(
                f"Expected a loss of the {part} with a gradient, got one without: all its weights are frozen, or something on "
                "the way is detached or under torch.no_grad()."
            )
        done += 1
        yield part, loss
    if not done:
        raise ValueError(f"Expected {name}.losses to yield at least one (part, loss) pair, got none.")


def metrics(objective, batch: tuple) -> dict[str, torch.Tensor]:
    """The metrics of a batch (x, ...); raises TypeError or ValueError for what is no dict of one number for each example."""
    name, count = type(objective).__name__, len(batch[0])
    found = objective.metrics(batch)
    if not isinstance(found, dict) or not found:
        raise TypeError(f"Expected {name}.metrics to return a dict of tensors (B,), got {_kind(found)}.")
    for key, values in found.items():
        if not isinstance(values, torch.Tensor) or values.shape != (count,):
            got = f"shape {tuple(values.shape)}" if isinstance(values, torch.Tensor) else _kind(values)
            raise ValueError(f"Expected {name}.metrics[{key!r}] as a number for each of {count} examples, got {got}.")
    return found


def not_finite(what: str, value: float, step: int, *, back_at: int) -> str:
    """The sentence for a training that has left the numbers."""
    return (
        f"The {what} was {value} at step {step}. All is back at step {back_at}, the last check with finite losses. "
        "Usual causes: a learning rate too high, the log or root of zero, data that are not finite."
    )


def progress(found: dict) -> None:
    """Raises ValueError, which names the entry, for a progress that is not as a trainer counts it."""
    tests = dict.fromkeys(("epoch", "step", "batches_done"), lambda count: type(count) is int and count >= 0) | {
        "totals": lambda sums: _numbers(sums, "examples") and all(map(math.isfinite, sums.values())),
        "history": lambda rows: isinstance(rows, list) and all(_numbers(row, "epoch", "step") for row in rows),
    }
    for name, fits in tests.items():
        if not (isinstance(found, dict) and name in found and fits(found[name])):
            raise ValueError(f"Expected the {name} of a run as a trainer counts it, got something else.")


def state(found: dict, like: dict) -> None:
    """Raises ValueError, which names the entry, for a state that is not as `like`, the state of the trainer that takes it."""
    _alike(found, {name: type(value) for name, value in like.items()}, "the state")
    _alike(found["callbacks"], [(str, dict)] * len(found["callbacks"]), "callbacks")
    saved, mine = (sorted(kind for kind, _ in each["callbacks"]) for each in (found, like))
    if saved != mine:
        saved, mine = (", ".join(kinds) or "none" for kinds in (saved, mine))
        raise ValueError(
            f"Expected the callbacks of the run that was saved ({saved}), got {mine}; make the trainer with the same."
        )
    progress(found["progress"])
    _alike(found["progress"], dict.fromkeys(PROGRESS, object), "progress")
    _alike(found["parts"], like["parts"], "parts")
    _alike(found["optimizers"], {name: each | {"state": dict} for name, each in like["optimizers"].items()}, "optimizers")
    _alike(found["random"], like["random"][:1] * max(1, len(found["random"])), "random")  # one for each process that there was


def shortage(error: BaseException) -> str | None:
    """If an error tells of too little memory, whoever raised it: that, and how much was asked for. Else None."""
    asked = re.search(r"allocate ([\d.]+ \w+)", str(error))
    if isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and re.search("allocate|bad_alloc|of memory", str(error))
    ):
        return f"not enough memory for {asked[1]} more" if asked else "not enough memory"
    return None


def _alike(found, expected, where):
    """Raises ValueError unless `found` has the entries, shapes and kinds of `expected`; a type there fits all of its kind."""
    if isinstance(expected, type):
        fits = isinstance(found, expected)
    elif isinstance(expected, torch.Tensor):
        fits = isinstance(found, torch.Tensor) and (found.shape, found.dtype) == (expected.shape, expected.dtype)
    elif isinstance(expected, dict):
        fits = isinstance(found, dict) and found.keys() - {"cuda"} == expected.keys() - {"cuda"}  # a run may change the device
    elif isinstance(expected, (list, tuple)):
        fits = isinstance(found, (list, tuple)) and len(found) == len(expected)
    else:
        plain = isinstance(found, str if isinstance(expected, str) else (bool, int, float)) and found == found
        fits = found is None or expected is None or plain
    if not fits:
        raise ValueError(
            f"Expected {where} as this trainer has it, {_kind(expected)}, got {_kind(found)}; make the trainer with the "
            "objective, the optimizers and the callbacks of the run that was saved."
        )
    if isinstance(expected, dict):
        for key in found.keys() & expected.keys():
            _alike(found[key], expected[key], f"{where}[{key!r}]")
    elif isinstance(expected, (list, tuple)):
        for index, pair in enumerate(zip(found, expected, strict=True)):
            _alike(*pair, f"{where}[{index}]")


def _numbers(entries, *needed):
    """Whether it is a dict of numbers, those needed among them."""
    numeric = (numbers.Real, torch.Tensor)
    return isinstance(entries, dict) and entries.keys() >= {*needed} and all(isinstance(v, numeric) for v in entries.values())


def _kind(value):
    """What something is, in a word or two."""
    if value is None:
        return "None"
    if isinstance(value, type):
        return f"a {value.__name__}"
    if isinstance(value, torch.Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, dict):
        return f"entries {', '.join(map(str, value)) or 'none'}"[:200]
    return " ".join(f"{type(value).__name__} {value!r}".split())[:60]
