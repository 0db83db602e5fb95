"""Checkpoints are whole or not there, nothing else is touched, and what cannot be written is found before a training."""

import errno
import os
import resource
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch

from course_lib import checkpoints, published
from course_lib.callbacks import Callback, Checkpoints
from course_lib.models import MLP


def names(folder):
    """What is in a folder, locks apart."""
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith(".lock"))


@pytest.fixture
def places(tmp_path):
    """Where no checkpoint can be written to, each with the words that say why."""
    (tmp_path / "file").write_text("a file")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere" / "at all")
    return {tmp_path / "file": "no folder", tmp_path / "link": "", "/dev/null": "no folder", "/proc/run": "", "/sys/run": ""}


def test_a_bad_out_is_found_before_data_are_loaded(course_lib, places, monkeypatch):
    from course_lib import recipes

    monkeypatch.setitem(recipes.DATASETS, "mnist", lambda: pytest.fail("data were loaded"))
    for place, reason in places.items():
        status, _ = course_lib("train", "mlp", "--out", place)
        assert status.startswith(f"error: Cannot write into {place} (")
        assert status.endswith("): name a folder that can be written to.")
        assert reason in status
    status, printed = course_lib("train", "mlp", "--out", "")
    assert status == 2
    assert "expected a path, got ''" in printed.err


def test_a_trainer_too_finds_it_before_the_first_step(make, spirals, places):
    for place in places:
        trainer = make(Checkpoints(place))
        with pytest.raises(OSError, match=r"Cannot write into .*: name a folder that can be written to\.$"):
            trainer.fit(spirals, 1)
        assert trainer.step == 0


def test_a_run_that_cannot_be_written_to_is_not_resumed(course_lib, tmp_path, monkeypatch):
    assert course_lib("train", "mlp", "--epochs", 1, "--out", tmp_path)[0] == 0

    def refuse(**_):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(checkpoints.tempfile, "TemporaryFile", refuse)
    status, _ = course_lib("train", "mlp", "--epochs", 2, "--out", tmp_path, "--resume")
    assert status == f"error: Cannot write into {tmp_path} (Read-only file system): name a folder that can be written to."


def test_publish_finds_a_bad_out_before_it_measures(course_lib, tmp_path):
    status, _ = course_lib("publish", tmp_path / "run", "--out", "/dev/null")
    assert status.startswith("error: Cannot write into /dev/null (it is no folder)")


@pytest.fixture
def small_files():
    """The largest file that this process may write is of 6,000 bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))

    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_file_that_grows_too_large_is_a_sentence_and_the_last_checkpoint_stands(course_lib, tmp_path, small_files):
    assert course_lib("train", "mlp", "--epochs", 1, "--out", tmp_path)[0] == 0
    small_files(20_000)
    status, _ = course_lib("train", "mlp", "--epochs", 2, "--out", tmp_path, "--resume")
    small_files(resource.RLIM_INFINITY)
    whole = checkpoints.latest(tmp_path)
    assert "(File too large, for the 9" in status
    assert status.endswith(f" bytes of classifier.safetensors). The last whole checkpoint is {whole}.")
    assert names(tmp_path) == [whole.name]
    assert course_lib("train", "mlp", "--epochs", 2, "--out", tmp_path, "--resume")[0] == 0


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MemoryError(), r"not enough memory"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4096 bytes. E"),
            "for 4096 bytes more",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), r"No space left on device, for the [\d,]+ bytes of resume\.pt"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), r"Disk quota exceeded, for the [\d,]+ bytes of resume\.pt"),
    ],
)
def test_what_stops_a_writer_is_one_sentence_that_names_the_last_whole_checkpoint(
    make, spirals, tmp_path, monkeypatch, error, reason
):
    trainer = make()
    trainer.fit(spirals, 1)
    trainer.save(tmp_path)
    fsync = os.fsync

    def fail(descriptor):
        if "resume.pt" in os.readlink(f"/proc/self/fd/{descriptor}"):
            raise error
        fsync(descriptor)

    trainer.fit(spirals, 1)
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(
        OSError, match=rf"Could not write the checkpoint .*step-00000008 \(.*{reason}.*\)\. The last .* is .*4\.$"
    ):
        trainer.save(tmp_path)
    assert names(tmp_path) == ["step-00000004"]
    assert checkpoints.config(tmp_path / "step-00000004")["step"] == 4


def test_too_little_memory_is_a_sentence(course_lib, tmp_path, monkeypatch):
    def hungry(self, *_):
        torch.empty(2**60)

    monkeypatch.setattr(MLP, "forward", hungry)
    status, _ = course_lib("train", "mlp", "--epochs", 1, "--out", tmp_path)
    assert status.startswith("error: There was not enough memory for ")
    assert status.endswith("take a smaller --batch-size or --count, or end other programs. No checkpoint was written before.")


def test_pruning_touches_checkpoints_alone(make, spirals, tmp_path):
    kept = ["step-0-raw-data", "step-foo", "step-1", "step-", "notes"]
    for name in kept:
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}")
    (tmp_path / "step-00000002-best").symlink_to(tmp_path / "notes")
    (tmp_path / "step-file").write_text("mine")
    make(Checkpoints(tmp_path, every=1, keep=1)).fit(spirals, 2)
    assert names(tmp_path) == sorted([*kept, "step-00000002-best", "step-file", "step-00000008"])
    again = make(Checkpoints(tmp_path))
    again.resume(tmp_path)
    assert again.step == 8


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_what_only_has_the_name_of_a_checkpoint_is_told_before_the_first_step(make, spirals, tmp_path, kind):
    stranger = tmp_path / "step-00000003"
    {"folder": stranger.mkdir, "file": stranger.touch, "link": lambda: stranger.symlink_to("/etc")}[kind]()
    trainer = make(Checkpoints(tmp_path, every=1))
    with pytest.raises(FileExistsError, match=r"step-00000003 is named as a checkpoint, but holds none .*: move it away first"):
        trainer.fit(spirals, 1)
    assert trainer.step == 0
    trainer.step = 3
    with pytest.raises(FileExistsError, match="move it away first"):
        trainer.save(tmp_path)
    assert names(tmp_path) == ["step-00000003"]


@pytest.mark.parametrize("options", [{"keep": 0}, {"keep": -1}, {"keep": 1.5}, {"every": 0}, {"every": -3}, {"every": True}])
def test_numbers_of_checkpoints(tmp_path, options):
    with pytest.raises((TypeError, ValueError), match=f"Expected {next(iter(options))} .*1 or more, got"):
        Checkpoints(tmp_path, **options)


def test_a_new_trainer_does_not_take_over_the_folder_of_an_older_run(make, spirals, tmp_path):
    make(Checkpoints(tmp_path)).fit(spirals, 3)
    for earlier in (0, 5):  # a trainer behind the run, and one ahead of it
        other = make()
        other.fit(spirals, earlier)
        other.callbacks.append(Checkpoints(tmp_path))
        with pytest.raises(
            FileExistsError, match=r"already holds a run, at step 12, .*resume that run first, .*another folder"
        ):
            other.fit(spirals, 1)
        assert names(tmp_path) == ["step-00000012"]
    resumed = make(Checkpoints(tmp_path))
    resumed.resume(tmp_path)
    resumed.fit(spirals, 1)
    resumed.fit(spirals, 1)  # and a trainer goes on in its own folder
    assert names(tmp_path) == ["step-00000016", "step-00000020"]


HOLD = """
    import sys
    from course_lib.locks import lock
    with lock(sys.argv[1], told="The run"):
        print("held", flush=True)
        sys.stdin.read()
"""


def test_two_runs_in_one_folder(make, spirals, course_lib, tmp_path):
    line = [sys.executable, "-c", textwrap.dedent(HOLD), str(tmp_path / ".lock")]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        other.stdout.readline()
        expected = f"The run in {tmp_path} is in use by process {other.pid} on .* since .*: wait until it ends, or end it"
        with pytest.raises(BlockingIOError, match=expected):
            make(Checkpoints(tmp_path)).fit(spirals, 1)
        status, _ = course_lib("train", "mlp", "--out", tmp_path)
        assert f"in use by process {other.pid}" in status
        other.kill()  # its lock goes with it
    make(Checkpoints(tmp_path)).fit(spirals, 1)
    assert names(tmp_path) == ["step-00000004"]


def test_the_lock_is_let_go_however_a_training_ends(make, spirals, tmp_path):
    class Fail(Callback):
        def on_step_end(self, trainer):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        make(Checkpoints(tmp_path), Fail()).fit(spirals, 1)
    line = [sys.executable, "-c", textwrap.dedent(HOLD), str(tmp_path / ".lock")]
    assert subprocess.run(line, input="", capture_output=True, text=True, timeout=60).stdout == "held\n"


def living():
    """The number of a process that runs, and of one that has ended."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return os.getppid(), ended.pid


def test_what_killed_writers_left_is_swept_and_what_living_ones_write_is_not(make, tmp_path):
    running, ended = living()
    for name in (running, ended, "someone"):
        (tmp_path / f".writing-{name}").mkdir()
        (tmp_path / f".writing-{name}" / "resume.pt").write_bytes(b"half")
    make().save(tmp_path)
    assert names(tmp_path) == sorted([f".writing-{running}", ".writing-someone", "step-00000000"])


def test_at_every_moment_there_is_a_whole_checkpoint(make, spirals, tmp_path):
    """Looked at each time the writer touches the disk: a process can be killed at none but such moments."""
    trainer = make(Checkpoints(tmp_path, every=1, keep=1))
    trainer.fit(spirals, 1)
    seen = []

    def look(event, arguments):
        if watching and event in ("open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.rmtree"):
            watching.clear()  # what looking itself opens is not looked at
            seen.append([path.name for path in checkpoints.every(tmp_path)])
            assert all(not checkpoints._verified(tmp_path / name)[1] for name in seen[-1])
            watching.append(True)

    watching = []
    sys.addaudithook(look)
    watching.append(True)
    trainer.fit(spirals, 2)  # saves every step, prunes, and saves the last step anew
    watching.clear()
    assert len(seen) > 100
    assert all(seen)
    assert ["step-00000012", "step-000000012"] in seen  # both editions, for a moment
    assert names(tmp_path) == ["step-00000012"]


@pytest.mark.parametrize("older", [True, False])
def test_a_step_saved_anew_and_killed_before_it_took_its_name(make, spirals, tmp_path, older):
    trainer = make()
    trainer.save(tmp_path, note="older")
    final, again = tmp_path / "step-00000000", tmp_path / "step-000000000"
    final.rename(tmp_path / "older")
    trainer.save(tmp_path, note="newer")
    final.rename(again)
    if older:
        (tmp_path / "older").rename(final)
    assert checkpoints.config(checkpoints.latest(tmp_path))["note"] == "newer"
    trainer.fit(spirals, 1)
    trainer.save(tmp_path)
    assert [path.name for path in checkpoints.every(tmp_path)] == ["step-00000000", "step-00000004"]
    assert checkpoints.config(final)["note"] == "newer"


def test_files_have_the_permissions_of_their_neighbors(make, tmp_path):
    path = make().save(tmp_path)
    published.publish(tmp_path / "out", "mlp", MLP((2, 3)), {})
    (tmp_path / "ordinary").touch()
    modes = {stat.S_IMODE(file.stat().st_mode) for file in (*path.iterdir(), *(tmp_path / "out").iterdir())}
    assert modes == {stat.S_IMODE((tmp_path / "ordinary").stat().st_mode)}


def test_states_of_numpy_and_paths_survive(make, spirals, tmp_path):
    class Keep(Callback):
        def on_step_end(self, trainer):
            self.state = {"best": np.float64(0.5), "count": np.int64(3), "where": Path("runs/one"), "all": np.arange(3)}
            trainer.history and trainer.history[-1].update(extra=np.float32(0.25))

    trainer = make(Keep())
    trainer.fit(spirals, 2)
    trainer.save(tmp_path, root=Path("data"), share=np.float32(0.5))
    again = make(Keep())
    again.resume(tmp_path)
    kept = again.callbacks[0].state
    assert (kept["best"], kept["count"], kept["where"], kept["all"].tolist()) == (0.5, 3, "runs/one", [0, 1, 2])
    assert again.history[0]["extra"] == 0.25
    saved = checkpoints.config(checkpoints.latest(tmp_path))
    assert (saved["root"], saved["share"]) == ("data", 0.5)


def test_a_state_that_could_not_be_read_again_is_not_written(make, tmp_path):
    callback = Callback()
    callback.state = {"seen": {1, 2}}
    with pytest.raises(TypeError, match=r"Expected the state of a callback in tensors, numbers, strings, .* got set"):
        make(callback).save(tmp_path)
    assert names(tmp_path) == []
