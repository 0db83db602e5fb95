"""The leaderboard's runs, with cheap jobs: what a worker that is killed loses, what is refused, what the table says."""

import itertools
import json
import multiprocessing
import os
import re
import shutil
import signal
import time
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.leaderboard import __main__ as command
from benchmarks.leaderboard import families, protocol, runs, table
from course_lib import data, published
from course_lib.grading.batch import dask_client

ROOT = Path(__file__).parents[1]
PROCESSES = partial(ProcessPoolExecutor, 2, mp_context=multiprocessing.get_context("fork"))


def cheap(job):
    """Writes a job's file, which must not be there yet."""
    time.sleep(0.01)
    assert not job.path.exists()
    runs.write(job.path, {"family": job.family, "seed": job.seed})


def killed_once(job):
    """As `cheap`, but the worker with the third job is killed, the first time in the midst of writing."""
    mark = Path(job.folder) / "killed"
    if job.seed == 3 and not mark.exists():
        mark.touch()
        Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    cheap(job)


def always_killed(job):
    if job.seed == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    cheap(job)


def broken(job):
    if job.seed == 3:
        raise ValueError("Expected images, got none.")
    cheap(job)


@pytest.fixture
def jobs(tmp_path):
    return [runs.Job("a family", "published", seed, str(tmp_path)) for seed in range(8)]


def rows_there(folder):
    return [json.loads(path.read_text())["seed"] for path in sorted(folder.glob("published/*.json"))]


def test_a_killed_worker_loses_nothing_and_writes_nothing_twice(jobs, tmp_path):
    runs.run_all(jobs, killed_once, PROCESSES)
    assert (tmp_path / "killed").exists()
    assert rows_there(tmp_path) == list(range(8))
    assert not list(tmp_path.glob("published/*.partial"))


def test_two_dask_workers_one_of_them_killed_lose_nothing(jobs, tmp_path):
    distributed = pytest.importorskip("distributed", reason="no Dask here: pip install -e .[dask]")

    def killed_first(job):  # within the test, so that Dask sends it as it is: workers do not find this file
        mark = Path(job.folder) / "killed"
        if job.seed == 3 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if job.path.exists():  # Dask asks again for what the dead worker had done; `runs.do` says the same
            return
        with open(Path(job.folder) / "written", "a") as file:
            file.write(f"{job.seed}\n")
        runs.write(job.path, {"family": job.family, "seed": job.seed})

    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        dask_client(cluster.scheduler_address) as client,
    ):
        runs.run_all(jobs, killed_first, client.get_executor)
    assert (tmp_path / "killed").exists()
    assert rows_there(tmp_path) == list(range(8))
    assert sorted((tmp_path / "written").read_text().split()) == [str(seed) for seed in range(8)]


def test_a_job_that_kills_its_worker_each_time_is_named(jobs, tmp_path):
    with pytest.raises(BrokenExecutor, match=r"a_family-3.json.*3 times"):
        runs.run_all(jobs[3:4], always_killed, PROCESSES)
    runs.run_all(jobs[:3], cheap, PROCESSES)
    assert rows_there(tmp_path) == [0, 1, 2]


def test_it_goes_on_where_it_stopped_in_any_executor(jobs, tmp_path):
    runs.run_all(jobs[:5], cheap, partial(ThreadPoolExecutor, 2))
    runs.run_all(jobs, cheap, partial(ThreadPoolExecutor, 2))
    assert rows_there(tmp_path) == list(range(8))


def test_a_job_that_fails_leaves_no_row_and_hinders_no_other(jobs, tmp_path):
    with pytest.raises(ValueError, match="Expected images"):
        runs.run_all(jobs, broken, partial(ThreadPoolExecutor, 2))
    assert rows_there(tmp_path) == [0, 1, 2, 4, 5, 6, 7]


@pytest.mark.parametrize("make", [families.one_step, families.memorizing_gan])
def test_what_a_run_trains_itself_draws_digits_in_one_evaluation(make):
    made = make(data.mnist()[0], None, seconds=0.3)
    images = made.draw(20, torch.Generator().manual_seed(0))
    assert (images.shape, made.facts["evaluations"]) == ((20, 1, 28, 28), 1)
    assert 0 <= images.min() < images.max() <= 1
    assert torch.equal(images, made.draw(20, torch.Generator().manual_seed(0)))


def test_results_of_another_version_are_refused(jobs, tmp_path):
    runs.write(jobs[0].path, {"seed": 0})
    jobs[0].path.write_text(jobs[0].path.read_text().replace(f'"version": {protocol.VERSION}', '"version": 0'))
    with pytest.raises(ValueError, match=r"version 1 of the protocol, got version 0 in .*a_family-0.json"):
        runs.run_all(jobs, cheap, partial(ThreadPoolExecutor, 2))
    assert rows_there(tmp_path) == [0]


def test_the_table_has_means_and_intervals_and_the_settings_that_were_tried(tmp_path):
    for seed, value in enumerate((1.0, 2.0, 3.0)):
        path = runs.Job("a family", "30", seed, str(tmp_path)).path
        facts = {"family": "a family", "budget": "30", "seed": seed, "setting": 0.1, "bits": value, "machine": ["m"]}
        runs.write(path, facts | {"measures": {"frechet": value, "copied": 1.0}})
        Image.new("L", (28, 28), seed).save(path.with_suffix(".png"))
    runs.write(runs.Job("a family", "30", None, str(tmp_path)).path, {"tried": {"0.1": {"frechet": 1.0}}})
    for seed, value in enumerate((0.5, 1.4, 2.6)):  # real digits, held against the same others as the family
        path = runs.Job("real digits", "published", seed, str(tmp_path)).path
        facts = {"family": "real digits", "budget": "published", "seed": seed, "machine": ["m"]}
        runs.write(path, facts | {"measures": {"frechet": value, "copied": 0.0}})
        Image.new("L", (28, 28), seed).save(path.with_suffix(".png"))
    told = table.write(tmp_path, tmp_path / "out")
    assert re.search(r"a family +2 ± 2", told)
    found = json.loads((tmp_path / "out" / "leaderboard.json").read_text())
    row = found["budgets"]["30"]["a family"]
    assert row["frechet"] == pytest.approx([2.0, 4.303 / 3**0.5], rel=0.02)
    assert row["bits"] == row["frechet"]
    assert row["above_floor"] == pytest.approx([0.5, 4.303 * 0.1 / 3**0.5], rel=0.02)  # of paired differences 0.5, 0.6, 0.4
    assert found["budgets"]["published"]["real digits"]["above_floor"] == [0.0, 0.0]
    assert row["copied"] == [1.0, 0.0]
    assert row["setting"] == 0.1
    assert row["tried"] == {"0.1": {"frechet": 1.0}}
    assert row["runs"] == 3


def test_rows_of_a_table_stay_where_only_others_ran(tmp_path):
    def ran(folder, family, frechet, shade):
        path = runs.Job(family, "30", 0, str(tmp_path / folder)).path
        facts = {"family": family, "budget": "30", "seed": 0, "machine": [folder]}
        runs.write(path, facts | {"measures": {"frechet": frechet, "copied": 0.0}})
        Image.new("L", (28, 28), shade).save(path.with_suffix(".png"))
        table.write(tmp_path / folder, tmp_path / "out")

    ran("here", "a family", 1.0, 10)
    ran("here", "z family", 2.0, 20)
    ran("elsewhere", "m family", 3.0, 30)
    ran("elsewhere", "z family", 4.0, 40)
    found = json.loads((tmp_path / "out" / "leaderboard.json").read_text())
    rows = found["budgets"]["30"]
    assert {name: row["frechet"][0] for name, row in rows.items()} == {"a family": 1.0, "m family": 3.0, "z family": 4.0}
    assert found["machines"] == [["elsewhere"], ["here"]]
    sheet = np.asarray(Image.open(tmp_path / "out" / "leaderboard.png"))
    assert [sheet[28 * row["row_of_the_picture"], 0] for row in rows.values()] == [10, 30, 40]


def test_the_protocol_measures_anyones_draw_and_refuses_what_is_none():
    train, test = (each.subset(slice(0, 150)) for each in data.mnist())
    measure = partial(protocol.measured, seed=0, real=test, training=train, count=100)

    def copies(count, generator):
        return train.batch(torch.randperm(len(train), generator=generator)[:count])[0]

    row, images = measure(copies)
    assert images.shape == (100, 1, 28, 28)
    assert row["copied"] == 1.0
    assert row["seconds_an_image"] >= 0
    assert measure(copies)[0] | {"seconds_an_image": 0} == row | {"seconds_an_image": 0}
    with pytest.raises(ValueError, match="the same one each time"):
        measure(lambda count, generator: torch.zeros(count, 1, 28, 28))


def test_closed_forms_have_the_moments_of_their_data():
    train = data.mnist()[0].subset(slice(0, 900))
    made = families.TRAINED["probabilistic PCA"].fit(train, 60, 0, 0)
    images = made.draw(400, torch.Generator().manual_seed(0))
    assert images.shape == (400, 1, 28, 28)
    assert 0 <= images.min() < images.max() <= 1
    wide, narrow = (families.TRAINED["Gaussian"].fit(train, ridge, 0, 0) for ridge in (1e-1, 1e-3))
    assert narrow.likelihood(train)["bits"] < wide.likelihood(train)["bits"] < 8


def test_a_kernel_density_is_a_distribution_over_black_and_white_images():
    train = data.mnist()[0].subset(slice(0, 3))
    made = families.TRAINED["kernel density"].fit(train, 0.1, 0, 0)
    own = made.likelihood(train)["nats"]
    assert 0 < own < made.likelihood(data.mnist()[1].subset(slice(0, 50)))["nats"]


@pytest.mark.parametrize("name", ["VAE", "GAN", "WGAN-GP", "coupling flow", "row LSTM", "PixelCNN", "diffusion"])
def test_each_family_trains_and_draws(name):
    train, test = (each.subset(slice(0, 130)) for each in data.mnist())
    family = families.TRAINED[name]
    made = family.fit(train, family.settings[0], 0.05, 0)
    images = made.draw(3, torch.Generator().manual_seed(0))
    assert images.shape == (3, 1, 28, 28)
    assert 0 <= images.min() <= images.max() <= 1
    assert made.facts["parameters"] < 1_000_000
    if made.likelihood:
        assert all(value > 0 for value in made.likelihood(test).values())


def test_what_the_command_cannot_run_is_one_sentence(capsys):
    with pytest.raises(SystemExit, match=r"Expected families of this budget \(real digits"):
        command.main(["--family", "GNA"])
    with pytest.raises(SystemExit, match=r"Expected module:function"):
        command.main(["--enter", "no_such_file:draw"])
    with pytest.raises(SystemExit, match="Expected a budget of 'published' for shapes, got '60'"):
        command.main(["--data", "shapes", "--budget", "60"])
    with pytest.raises(SystemExit):
        command.main(["--budget", "soon"])
    assert "whole number of seconds, got 'soon'" in capsys.readouterr().err


def test_shapes_are_held_to_their_rule():
    train = data.shapes(300).by("shape")
    measure = partial(
        protocol.measured, seed=0, real=data.shapes(300, seed=1).by("shape"), training=train, count=200,
        pictures=protocol.PICTURES["shapes"],
    )  # fmt: skip
    red = train.subset(train.targets["color"] == data.WORDS["color"].index("red"))

    def from_(images):
        return lambda count, generator: images.batch(torch.randint(len(images), (count,), generator=generator))[0]

    all_colors, one = measure(from_(train))[0], measure(from_(red))[0]
    assert all_colors["copied"] == one["copied"] == 1.0
    assert one["color_imbalance"] == pytest.approx(5 / 6, abs=0.01)
    assert one["pairs_missing"] == 25
    assert all_colors["color_imbalance"] < 0.15
    assert all_colors["pairs_missing"] == 0
    assert one["frechet"] > all_colors["frechet"]


def test_clothes_stand_in_a_table_of_their_own(tmp_path, monkeypatch):
    clothes = data.mnist()[0]  # digits in their place
    sets = clothes.subset(slice(0, 150)), clothes.subset(slice(150, 300)), clothes.subset(slice(300, 450))
    stand_in = replace(protocol.PICTURES["fashion-mnist"], sets=lambda: sets, count=120)
    monkeypatch.setitem(protocol.PICTURES, "fashion-mnist", stand_in)
    job = runs.Job("real clothes", "published", 0, str(tmp_path), "fashion-mnist")
    monkeypatch.setattr(protocol, "READER", tmp_path / "mnist_features.safetensors")
    with pytest.raises(OSError, match="train features --data fashion-mnist"):
        runs.do(job)
    shutil.copy(published.WEIGHTS / "mnist_features.safetensors", protocol.READER)
    runs.do(job)
    assert "real clothes" in table.write(tmp_path, tmp_path / "out", "fashion-mnist")
    found = json.loads((tmp_path / "out" / "leaderboard_fashion.json").read_text())
    assert found["count"] == 120
    assert found["budgets"]["published"]["real clothes"]["copied"] == [pytest.approx(0.01, abs=0.03), None]
    assert np.asarray(Image.open(tmp_path / "out" / "leaderboard_fashion.png")).shape == (28, 28 * 20)


def test_a_sheet_of_shapes_is_in_color(tmp_path, monkeypatch):
    some = [data.shapes(150, seed=seed).by("shape") for seed in range(3)]
    monkeypatch.setitem(protocol.PICTURES, "shapes", replace(protocol.PICTURES["shapes"], sets=lambda: some, count=120))
    for family in ("real shapes", "Gaussian"):
        runs.do(runs.Job(family, "published", 0, str(tmp_path), "shapes"))
    for _ in range(2):  # the second time from the rows that stand
        table.write(tmp_path, tmp_path / "out", "shapes")
    found = json.loads((tmp_path / "out" / "leaderboard_shapes.json").read_text())["budgets"]["published"]
    assert found["Gaussian"]["above_floor"][0] > 1
    assert np.asarray(Image.open(tmp_path / "out" / "leaderboard_shapes.png")).shape == (64, 32 * 20, 3)


def test_half_an_hour_is_a_budget_like_another(monkeypatch):
    (settings, seeds) = command.jobs("mnist", "1800", ["VAE"], "runs")
    assert [job.path.as_posix() for job in settings] == ["runs/1800/VAE-setting.json"]
    assert len(seeds) == 3
    clock = itertools.count(0, 200)  # each look at it is 200 seconds later
    monkeypatch.setattr(families.time, "process_time", lambda: next(clock))
    made = families.TRAINED["VAE"].fit(data.mnist()[0], 4e-3, float(seeds[0].budget), 0)
    assert made.facts["images_seen"] == 8 * 64
