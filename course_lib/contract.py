"""What the trainer asks of objectives, data and numbers. Each broken promise is one sentence, at once."""

import inspect
import numbers
from collections.abc import Iterator

import torch


def whole_number(name: str, value, *, at_least: int) -> int:
    """The value as an int; raises TypeError or ValueError unless it is a whole number, not too small."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"Expected {name} as a whole number, {at_least} or more, got {value!r}.")
    if value < at_least:
        raise ValueError(f"Expected {name} of {at_least} or more, got {value}.")
    return int(value)


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


def _kind(value):
    """What something is, in a word or two."""
    if value is None:
        return "None"
    if isinstance(value, torch.Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    return f"{type(value).__name__} {value!r}"[:60]
