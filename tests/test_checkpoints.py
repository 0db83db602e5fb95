"""Weights and training state on disk, and what can happen to them."""

import builtins
import json
import pickle
import random
import signal
import subprocess
import sys
import textwrap
import time
from functools import partial

import pytest
import torch

from course_lib import checkpoints, data, runtime
from course_lib.callbacks import EMA, Checkpoints, EarlyStopping
from course_lib.models import MLP
from course_lib.objectives import Classification
from course_lib.trainer import Trainer


def trainer(**options):
    runtime.set_seed(0)
    adam = partial(torch.optim.Adam, lr=1e-2)
    return Trainer(Classification(MLP((2, 16, 3), dropout=0.2)), adam, **{"batch_size": 16, "progress": False} | options)


def weights(run):
    return torch.cat([p.detach().flatten() for p in run.objective.parameters()])


def test_weights_survive_a_round_trip(tmp_path):
    source, target = MLP((2, 4, 3)), MLP((2, 4, 3))
    checkpoints.save_weights(source, tmp_path / "mlp.safetensors")
    assert checkpoints.load_weights(target, tmp_path / "mlp.safetensors") is target
    assert all(torch.equal(a, b) for a, b in zip(source.parameters(), target.parameters(), strict=True))


def test_weights_that_do_not_fit_are_listed_and_change_nothing(tmp_path):
    checkpoints.save_weights(MLP((2, 4, 4, 3)), tmp_path / "mlp.safetensors")
    target = MLP((2, 5, 3))
    before = [p.clone() for p in target.parameters()]
    with pytest.raises(ValueError, match="does not fit") as caught:
        checkpoints.load_weights(target, tmp_path / "mlp.safetensors")
    message = str(caught.value)
    assert "layers.0.weight is (4, 2) in the file, (5, 2) in the model" in message
    assert "unexpected layers.6.weight" in message
    assert all(torch.equal(a, b) for a, b in zip(before, target.parameters(), strict=True))


class Bomb:
    """Unpickling it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("write", [pickle.dump, torch.save])
@pytest.mark.parametrize("name", ["classifier.safetensors", "classifier.pt"])
def test_a_pickle_offered_as_weights_is_refused_and_not_run(tmp_path, write, name):
    with open(tmp_path / name, "wb") as file:
        write(Bomb(tmp_path / "ran"), file)
    with pytest.raises(ValueError, match=r"Expected a safetensors file, .* refused"):
        checkpoints.load_weights(MLP((2, 3)), tmp_path / name)
    assert not (tmp_path / "ran").exists()


def test_a_pickle_in_the_place_of_the_training_state_is_refused_and_not_run(tmp_path):
    trainer().save(tmp_path)
    torch.save(Bomb(tmp_path / "ran"), checkpoints.latest(tmp_path) / "resume.pt")
    with pytest.raises(ValueError, match="cannot be resumed from"):
        trainer().resume(tmp_path)
    assert not (tmp_path / "ran").exists()


def test_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"Expected a checkpoint such as .*step-00000100; found none"):
        trainer().resume(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"Expected a safetensors file of weights at .*none.safetensors"):
        checkpoints.load_weights(MLP((2, 3)), tmp_path / "none.safetensors")


def test_resuming_gives_what_an_unbroken_run_gives(tmp_path):
    spirals = data.spirals(100)
    whole = trainer(callbacks=[EMA(0.9), EarlyStopping("loss", patience=99)])
    whole.fit(spirals, 4)
    first = trainer(callbacks=[EMA(0.9), EarlyStopping("loss", patience=99)])
    first.fit(spirals, 2)
    first.save(tmp_path)
    second = trainer(callbacks=[EMA(0.9), EarlyStopping("loss", patience=99)])
    torch.manual_seed(99)  # the random state is the checkpoint's, not this one
    second.resume(tmp_path)
    second.fit(spirals, 2)
    assert torch.equal(weights(whole), weights(second))
    assert [row["loss"] for row in whole.history] == [row["loss"] for row in second.history]
    assert torch.equal(
        whole.callbacks[0].state["classifier"]["layers.0.weight"], second.callbacks[0].state["classifier"]["layers.0.weight"]
    )


def test_the_callbacks_must_be_those_of_the_run(tmp_path):
    trainer(callbacks=[EMA()]).save(tmp_path)
    with pytest.raises(ValueError, match=r"Expected the callbacks of the run that was saved \(EMA\), got none"):
        trainer().resume(tmp_path)


RUN = """
    import sys
    from functools import partial
    import torch
    from course_lib import data, models, objectives, runtime
    from course_lib.callbacks import Callback, Checkpoints
    from course_lib.trainer import Trainer

    class Say(Callback):
        def on_step_end(self, trainer):
            print(trainer.step, flush=True)

    runtime.set_seed(0)
    trainer = Trainer(
        objectives.Classification(models.MLP((2, 64, 3), dropout=0.2)), partial(torch.optim.Adam, lr=1e-2),
        batch_size=16, callbacks=[Checkpoints(sys.argv[1], every=3), Say()], progress=False,
    )
    if sys.argv[2] == "resume":
        trainer.resume(sys.argv[1])
    trainer.fit(data.spirals(200), 12 - trainer.epoch)
"""


def start(folder, how):
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(RUN), str(folder), how], stdout=subprocess.PIPE, text=True)


def test_a_run_killed_at_a_random_step_resumes_bit_for_bit(tmp_path):
    stop_at = random.SystemRandom().randint(5, 150)
    with start(tmp_path / "whole", "fresh") as whole, start(tmp_path / "killed", "fresh") as killed:
        for line in killed.stdout:
            if int(line) == stop_at:
                time.sleep(random.SystemRandom().random() / 100)
                killed.send_signal(signal.SIGKILL)
        whole.stdout.read()
    assert killed.returncode == -signal.SIGKILL
    with start(tmp_path / "killed", "resume") as resumed:
        assert int(resumed.stdout.readline()) > stop_at - 3
        resumed.stdout.read()
    assert whole.returncode == resumed.returncode == 0
    ends = [checkpoints.latest(tmp_path / run) for run in ("whole", "killed")]
    assert ends[0].name == ends[1].name == "step-00000156"
    weights = [(end / "classifier.safetensors").read_bytes() for end in ends]
    assert weights[0] == weights[1], f"killed after step {stop_at}"
    losses = [[row["loss"] for row in json.loads((end / "config.json").read_text())["history"]] for end in ends]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("file", ["classifier.safetensors", "resume.pt", "config.json"])
def test_a_full_disk_leaves_the_last_checkpoint_whole(tmp_path, monkeypatch, file):
    run = trainer()
    spirals = data.spirals(40)
    run.fit(spirals, 1)
    run.save(tmp_path)
    kept, step = weights(run), run.step

    write = checkpoints._write

    def full(path, content):
        write(path, content)
        if path.name == file:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints, "_write", full)
    run.fit(spirals, 1)
    with pytest.raises(OSError, match=rf"\(No space left on device\)\. The last whole checkpoint is .*step-{step:08d}\.$"):
        run.save(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == [f"step-{step:08d}"]
    again = trainer()
    again.resume(tmp_path)
    assert torch.equal(weights(again), kept)


def test_a_kill_while_writing_leaves_the_last_checkpoint_whole(tmp_path):
    run = trainer()
    run.fit(data.spirals(40), 1)
    run.save(tmp_path)
    half = tmp_path / ".writing-1"  # what a killed process leaves behind
    half.mkdir()
    (half / "classifier.safetensors").write_bytes(b"half")
    again = trainer()
    again.resume(tmp_path)
    assert torch.equal(weights(again), weights(run))


def test_saving_the_same_step_again_replaces_it(tmp_path):
    run = trainer()
    run.save(tmp_path, note="first")
    run.save(tmp_path, note="second")
    assert [entry.name for entry in tmp_path.iterdir()] == ["step-00000000"]
    assert checkpoints.config(checkpoints.latest(tmp_path))["note"] == "second"


def test_nothing_is_ever_unpickled(tmp_path, monkeypatch):
    run = trainer(callbacks=[EMA(), Checkpoints(tmp_path, every=1)])
    run.fit(data.spirals(40), 1)

    def refuse(*_, **__):
        raise AssertionError("unpickled")

    monkeypatch.setattr(pickle, "load", refuse)
    monkeypatch.setattr(pickle, "loads", refuse)
    monkeypatch.setattr(builtins, "exec", refuse)
    trainer(callbacks=[EMA(), Checkpoints(tmp_path)]).resume(tmp_path)
