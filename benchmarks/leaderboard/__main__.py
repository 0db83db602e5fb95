"""The leaderboard: every family of generators on the same digits, under the same measures, with floors and controls.

    python -m benchmarks.leaderboard                              (published weights as they are)
    python -m benchmarks.leaderboard --budget 30                  (each family trained for 30 processor seconds, tuned first)
    python -m benchmarks.leaderboard --family GAN --family VAE    (some of them)
    python -m benchmarks.leaderboard --enter my_file:draw         (your own generator; nothing else is run or written)
    python -m benchmarks.leaderboard --table                      (only the table, from the runs that are there)
    python -m benchmarks.leaderboard --data shapes                (colored shapes in place of digits; or fashion-mnist)

It goes on where it stopped: each run leaves a JSON file in benchmarks/results/leaderboard, and one that is there is not done
again. Then the table is made from them all, course_lib/studies/leaderboard.json, and a picture of the first digits of each;
shapes and clothes have tables of their own.
Runs are independent jobs for any `concurrent.futures.Executor`: by default processes with one thread each, with --cluster the
workers of a Dask scheduler, started in this folder. All of MNIST is needed: see the book's page on data. Shapes need nothing;
Fashion-MNIST is downloaded, and needs a network that reads it: without one, the command says how to train it.
"""

import argparse
import contextlib
import importlib
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from course_lib.grading.batch import dask_client

from . import families, protocol, runs, table

STUDIES = Path(__file__).parents[2] / "course_lib" / "studies"  # the table comes with the package, since a chapter shows it
SEEDS = (0, 1, 2)


def jobs(kind, budget, chosen, folder):
    """The runs of a budget in waves: those of a wave need the files of the wave before."""
    if budget != "published" and not protocol.PICTURES[kind].gray:
        raise ValueError(
            f"Expected a budget of 'published' for {kind}, got {budget!r}: the families to train draw gray images."
        )
    known = families.PUBLISHED[kind] if budget == "published" else families.TRAINED
    if unknown := [name for name in chosen if name not in known]:
        raise ValueError(f"Expected families of this budget ({', '.join(known)}), got {', '.join(unknown)}.")
    names = chosen or list(known)
    settings = [] if budget == "published" else [runs.Job(name, budget, None, str(folder), kind) for name in names]
    return [settings, [runs.Job(name, budget, seed, str(folder), kind) for name in names for seed in SEEDS]]


def entered(kind, where):
    """The measures of a reader's own `draw`, named as module:function."""
    module, _, function = where.partition(":")
    try:
        draw = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(
            f"Expected module:function, of a file in this folder without its .py, got {where!r}: {error}."
        ) from None
    pictures = protocol.PICTURES[kind]
    train, _, test = pictures.sets()
    how = {"real": test, "training": train, "pictures": pictures}
    return [{"measures": protocol.measured(draw, seed, **how)[0]} for seed in SEEDS]


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.leaderboard", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", choices=protocol.PICTURES, default="mnist", help="what is to be drawn")
    parser.add_argument("--family", action="append", default=[], help="one family; may stand several times")
    parser.add_argument("--budget", default="published", help="'published', or processor seconds of training")
    parser.add_argument("--workers", type=int, default=1, help="processes at a time")
    parser.add_argument("--cluster", metavar="ADDRESS", help="of a Dask scheduler; it takes the place of --workers")
    parser.add_argument("--enter", help="your generator, module:function")
    parser.add_argument("--table", action="store_true", help="make the table alone")
    given = parser.parse_args(arguments)
    if given.budget != "published" and not given.budget.isdecimal():
        parser.error(f"Expected a budget of 'published' or a whole number of seconds, got {given.budget!r}.")
    folder = protocol.RUNS if given.data == "mnist" else protocol.RUNS / given.data
    try:
        if given.enter:
            print(table.lines({given.enter: table.summary(entered(given.data, given.enter))}))
            return
        if not given.table:
            with dask_client(given.cluster) if given.cluster else contextlib.nullcontext() as client:
                processes = partial(ProcessPoolExecutor, given.workers, mp_context=multiprocessing.get_context("spawn"))
                for wave in jobs(given.data, given.budget, given.family, folder):
                    runs.run_all(wave, runs.do, client.get_executor if client else processes)
        print(table.write(folder, STUDIES, given.data))
    except (OSError, TypeError, ValueError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
