"""python -m course_lib, as a person types it."""

import re
import signal
import subprocess
import sys

import PIL.Image
import pytest
import torch

from course_lib.__main__ import MODELS, main


@pytest.fixture
def course_lib(monkeypatch, capsys):
    """Runs one command line in this process: (exit status or message, standard output)."""

    def run(line):
        monkeypatch.setattr(sys, "argv", ["course_lib", *line.split()])
        try:
            main()
            status = 0
        except SystemExit as exit:
            status = exit.code
        return status, capsys.readouterr()

    return run


def test_train_evaluate_describe_and_resume(course_lib, tmp_path):
    out = tmp_path / "mlp"
    status, printed = course_lib(f"train mlp --data mnist --epochs 2 --out {out}")
    assert status == 0
    assert re.search(r"epoch 2/2: loss [\d.]+, validation loss [\d.]+, validation accuracy [\d.]+", printed.out)
    status, printed = course_lib(f"train mlp --data mnist --epochs 3 --out {out} --resume")
    assert status == 0
    assert "epoch 3/3" in printed.out
    assert "epoch 2/" not in printed.out
    assert "saved" in printed.out
    status, printed = course_lib(f"evaluate {out}")
    assert status == 0
    assert float(re.search(r"accuracy ([\d.]+)", printed.out)[1]) > 0.85
    assert "1,000" in printed.out  # the test images
    status, printed = course_lib(f"describe {out}")
    assert status == 0
    assert "model: mlp" in printed.out
    assert "epoch: 3" in printed.out


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32)])
@pytest.mark.parametrize("name", MODELS)
def test_every_model_fits_every_data_set(name, shape):
    objective = MODELS[name](torch.Size(shape), 10)
    low, high = objective.range
    x = torch.rand(2, *shape) * (high - low) + low
    yields = dict(objective.losses([x, torch.tensor([3, 9])]))
    assert {part: tuple(loss.shape) for part, loss in yields.items()} == dict.fromkeys(objective.parts, (2,))
    if objective.parts == ("classifier",):
        assert objective.predict([x]).shape == (2,)
    else:
        assert objective.eval().sample(3).shape == (3, *shape)


@pytest.mark.parametrize(("model", "measured"), [("gan", "accuracy_fake"), ("vae", "rate")])
def test_a_model_that_draws(course_lib, tmp_path, model, measured):
    out, picture = tmp_path / "run", tmp_path / "drawn.png"
    assert course_lib(f"train {model} --epochs 1 --batch-size 500 --out {out}")[0] == 0
    status, printed = course_lib(f"evaluate {out}")
    assert status == 0
    assert re.search(rf"{measured} [\d.]+", printed.out)
    assert course_lib(f"sample {out} --count 20 --out {picture}")[0] == 0
    with PIL.Image.open(picture) as image:
        assert image.size == (10 * 30 + 2, 2 * 30 + 2)


def test_a_classifier_does_not_draw(course_lib, tmp_path):
    course_lib(f"train mlp --epochs 1 --out {tmp_path}")
    status, _ = course_lib(f"sample {tmp_path} --out {tmp_path / 'x.png'}")
    assert "a model that draws, gan or vae" in status


def test_describe_the_machine(course_lib):
    status, printed = course_lib("describe")
    assert status == 0
    assert len(printed.out.splitlines()) == 2


def test_a_run_is_not_overwritten_or_resumed_with_other_settings(course_lib, tmp_path):
    course_lib(f"train mlp --epochs 1 --out {tmp_path}")
    status, _ = course_lib(f"train mlp --epochs 1 --out {tmp_path}")
    assert "already holds a run: add --resume" in status
    status, _ = course_lib(f"train mlp --epochs 2 --out {tmp_path} --resume --batch-size 64 --seed 1")
    assert "started with batch_size 128, not 64; seed 0, not 1: resume it with the same" in status


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("train mpl --out x", "choose from .*mlp"),
        ("train mlp --data minst --out x", "choose from .*mnist.*fashion-mnist.*cifar10"),
        ("train mlp", "required: --out"),
        ("tarin mlp", "choose from .*train.*evaluate.*describe"),
        ("describe --device tpu", "choose from .*cpu.*cuda.*mps"),
    ],
)
def test_a_wrong_name_lists_the_right_ones(course_lib, line, expected):
    status, printed = course_lib(line)
    assert status == 2
    assert re.search(expected, printed.err)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("evaluate {folder}", "error: Expected a checkpoint such as .*; found none"),
        ("train mlp --out {folder} --resume", "error: Expected a checkpoint such as"),
        ("describe --device cuda", "error: The device 'cuda' was asked for .*finds none"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(course_lib, tmp_path, line, expected):
    if "cuda" in line and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    status, _ = course_lib(line.format(folder=tmp_path))
    assert re.match(expected, status)
    assert "\n" not in status


def test_help_names_every_command_and_option(course_lib):
    assert {"train", "evaluate", "sample", "describe"} <= set(course_lib("--help")[1].out.split())
    shown = course_lib("train --help")[1].out
    for option in (
        "--data",
        "--epochs",
        "--out",
        "--resume",
        "--batch-size",
        "--learning-rate",
        "--seed",
        "--checkpoint-every",
    ):
        assert option in shown
    assert "torchrun" in shown


def test_ctrl_c_saves_and_says_where_it_stopped(tmp_path):
    line = [sys.executable, "-m", "course_lib", "train", "mlp", "--epochs", "10000", "--out", str(tmp_path)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        for printed in running.stdout:
            if printed.startswith("epoch 2/"):
                running.send_signal(signal.SIGINT)
        error = running.stderr.read()
    assert running.returncode == 130
    step = int(
        re.fullmatch(r"Stopped after step (\d+)[.] What was learned is kept, and fit\(\) goes on from here[.]\n", error)[1]
    )
    assert [entry.name for entry in tmp_path.iterdir()] == [f"step-{step:08d}"]


def test_the_same_line_under_torchrun(tmp_path):
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone", "-m", "course_lib"]
    line = [*launcher, "train", "mlp", "--epochs", "1", "--out", str(tmp_path)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert len(re.findall("epoch 1/1", done.stdout)) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["step-00000029"]
