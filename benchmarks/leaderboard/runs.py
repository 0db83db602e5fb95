"""Runs are independent jobs for any `concurrent.futures.Executor`; each leaves one JSON file, whole or not at all."""

import json
import time
from collections.abc import Callable, Iterable
from concurrent.futures import BrokenExecutor, Executor
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from PIL import Image

from course_lib import runtime

from . import families, protocol

SHOWN = 20  # images that a run keeps
TRIES = 3  # times that a job may lose its worker
SEARCH = 20.0  # processor seconds at most in which a setting is tried


@dataclass(frozen=True)
class Job:
    """One run of the leaderboard, or, without a seed, the choice of a family's setting.

    family: see `families`.
    budget: "published", or processor seconds of training.
    seed: of the training and of the sampling.
    folder: where its file goes.
    kind: of pictures, see `protocol.PICTURES`.
    """

    family: str
    budget: str
    seed: int | None
    folder: str
    kind: str = "mnist"

    @property
    def path(self) -> Path:
        name = "setting" if self.seed is None else str(self.seed)
        return Path(self.folder) / self.budget / f"{self.family.replace(' ', '_')}-{name}.json"


def read(path: Path) -> dict:
    """A run's file; raises ValueError for one of another version of the protocol."""
    row = json.loads(Path(path).read_text())
    if row.get("version") != protocol.VERSION:
        raise ValueError(
            f"Expected results of version {protocol.VERSION} of the protocol, got version {row.get('version')} in {path}; "
            "move that file away and run it again."
        )
    return row


def write(path: Path, row: dict) -> None:
    """Write a run's file so that it is there whole or not at all; what a killed writer left is written over."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps({"version": protocol.VERSION} | row, indent=1) + "\n")
    partial.replace(path)


def run_all(jobs: Iterable[Job], do: Callable[[Job], None], make_executor: Callable[[], Executor]) -> None:
    """Do all jobs whose file is not there yet, in the workers of an executor; those whose worker was killed, again.

    do: writes the file of a job; a function that can be pickled.
    make_executor: makes a new executor, for one that has lost a worker may take no more jobs.

    Raises what a job raised when all others are done, and BrokenExecutor for one that lost its worker several times.
    """
    jobs, failed = list(jobs), {}
    for job in jobs:
        if job.path.exists():
            read(job.path)
    for _ in range(TRIES):
        left = [job for job in jobs if not job.path.exists() and job not in failed]
        if not left:
            break
        with make_executor() as executor:
            for job, future in [(job, executor.submit(do, job)) for job in left]:
                error = future.exception()
                if error is not None and not isinstance(error, BrokenExecutor):
                    failed[job] = error
    for error in failed.values():
        raise error
    if missing := [job.path.name for job in jobs if not job.path.exists()]:
        raise BrokenExecutor(
            f"Expected a file of every job, got none of {', '.join(missing)}: each lost its worker {TRIES} times."
        )


def do(job: Job) -> None:
    """Run one job and write its file."""
    if job.path.exists():
        return
    torch.set_num_threads(1)
    pictures = protocol.PICTURES[job.kind]
    train, validation, test = pictures.sets()
    if job.seed is None:
        write(job.path, settled(job, train, validation))
        return
    started, facts = time.process_time(), {}
    runtime.set_seed(job.seed)
    if job.budget == "published":
        made = families.PUBLISHED[job.kind][job.family](train, validation)
    else:
        family = families.TRAINED[job.family]
        facts["setting"] = read(replace(job, seed=None).path)["setting"]
        made = family.fit(train, facts["setting"], float(job.budget), job.seed)
        facts["training_seconds"] = time.process_time() - started
    facts |= made.facts
    if made.likelihood:
        facts |= made.likelihood(test)
    measures, images = protocol.measured(made.draw, job.seed, real=test, training=train, pictures=pictures)
    sheet = images[:SHOWN].mul(255).round().byte().permute(2, 0, 3, 1).flatten(1, 2)  # (N, C, H, W) -> (H, N * W, C)
    job.path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet.squeeze(2).numpy()).save(job.path.with_suffix(".png"))
    told = {"family": job.family, "budget": job.budget, "seed": job.seed} | facts | machine()
    write(job.path, told | {"measures": measures})


def settled(job, train, validation, count=1_000):
    """What each setting reaches on validation images, and which has the least Fréchet distance.

    Each is tried for a third of the budget, and for `SEARCH` seconds at most.
    """
    seconds = min(float(job.budget) / 3, SEARCH)
    family, tried, pictures = families.TRAINED[job.family], {}, protocol.PICTURES[job.kind]
    for setting in family.settings:
        runtime.set_seed(100)
        made = family.fit(train, setting, seconds, 100)
        with runtime.own_random(0), torch.no_grad():
            images = made.draw(count, torch.Generator().manual_seed(0))
            reader = pictures.reader()
            found, real = (
                protocol.features(reader, pictures.seen(each)) for each in (images, validation.batch(slice(0, count))[0])
            )
            tried[setting] = {"frechet": protocol.metrics.frechet_distance(real, found)}
        if made.likelihood:
            tried[setting] |= made.likelihood(validation)
    chosen = min(tried, key=lambda setting: tried[setting]["frechet"])
    return {
        "family": job.family,
        "budget": job.budget,
        "setting": chosen,
        "tried": {str(k): v for k, v in tried.items()},
    } | machine()


def machine():
    return {"machine": runtime.describe_machine().splitlines()}
