"""What the tests of faults share: a small trainer, a small data set, and the command line in this process."""

import sys
from functools import partial

import pytest
import torch

from course_lib import data, recipes, runtime
from course_lib.__main__ import main
from course_lib.models import MLP
from course_lib.objectives import Classification
from course_lib.trainer import Trainer


@pytest.fixture
def spirals():
    return data.spirals(64)


@pytest.fixture
def make():
    """A trainer of a small classifier, the same each time."""

    def make(*callbacks, optimizer=torch.optim.Adam):
        runtime.set_seed(0)
        classifier = Classification(MLP((2, 8, 3)))
        return Trainer(classifier, partial(optimizer, lr=1e-2), batch_size=16, callbacks=callbacks, progress=False)

    return make


@pytest.fixture
def course_lib(monkeypatch, capsys):
    """Runs one command line in this process, where MNIST has 100 digits: (exit status or message, standard output)."""
    images = torch.randint(0, 256, (100, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    digits = data.Images(images, {"label": torch.arange(100) % 10}, {"label": "0123456789"}, name="MNIST")
    monkeypatch.setitem(recipes.DATASETS, "mnist", lambda: (digits, digits))

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["course_lib", *map(str, arguments)])
        try:
            main()
            status = 0
        except SystemExit as exit:
            status = exit.code
        return status, capsys.readouterr()

    return run


def sentence(status):
    """Whether the command line ended with one sentence that helps, and no trace."""
    return isinstance(status, str) and status.startswith("error: ") and "\n" not in status and status.endswith(".")
