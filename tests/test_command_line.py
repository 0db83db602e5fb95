"""python -m course_lib, as a person types it."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from functools import partial

import numpy as np
import PIL.Image
import pytest
import torch

from course_lib import checkpoints, published, samplers
from course_lib.__main__ import main
from course_lib.recipes import RECIPES


@pytest.fixture
def course_lib(monkeypatch, capsys):
    """Runs one command line in this process: (exit status or message, standard output)."""

    def run(line):
        monkeypatch.setattr(sys, "argv", ["course_lib", *shlex.split(line)])
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
    assert re.search(
        r"epoch 2/2: loss [\d.]+, validation loss [\d.]+, validation cross entropy [\d.]+, validation accuracy [\d.]+",
        printed.out,
    )
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
    assert "recipe: mlp" in printed.out
    assert "epoch: 3" in printed.out


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32)])
@pytest.mark.parametrize("name", ["mlp", "cnn", "lenet", "resnet", "gan", "vae"])
def test_every_model_fits_every_data_set(name, shape):
    objective = RECIPES[name].objective(shape, 10)
    low, high = objective.value_range or (0, 1)
    x = torch.rand(2, *shape) * (high - low) + low
    yields = dict(objective.losses([x, torch.tensor([3, 9])]))
    assert {part: tuple(loss.shape) for part, loss in yields.items()} == dict.fromkeys(objective.parts, (2,))
    if objective.parts == ("classifier",):
        assert objective.predict(x).shape == (2,)
    else:
        assert objective.eval().sample(3).shape == (3, *shape)


@pytest.mark.parametrize("name", ["rnn", "pixelcnn"])
def test_networks_that_draw_pixel_by_pixel_take_gray_images_of_any_size(name):
    objective = RECIPES[name].objective((1, 9, 8), 10)
    ((part, loss),) = objective.losses([torch.rand(2, 1, 9, 8), torch.tensor([3, 9])])
    assert (part, loss.shape) == ("network", (2,))
    assert objective.eval().sample(3).shape == (3, 1, 9, 8)
    with pytest.raises(ValueError, match="one channel"):
        RECIPES[name].objective((3, 32, 32), 10)


@pytest.mark.parametrize(("model", "measured"), [("gan", "accuracy_fake"), ("vae", "rate"), ("rnn", "nats")])
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
    assert "Expected a run of a model that draws, got" in status


@pytest.mark.parametrize("name", published.GENERATORS)
def test_a_published_generator_draws(course_lib, tmp_path, name):
    picture = tmp_path / "drawn.png"
    assert course_lib(f"sample {name} --count 10 --seed 3 --out {picture}")[0] == 0
    expected = published.draw(name, 10, generator=torch.Generator().manual_seed(3))
    with PIL.Image.open(picture) as image:
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[:, 2:-2, 2 : 2 + expected.shape[3]]  # the first, framed
    torch.testing.assert_close(pixels / 255, expected[0].cpu().expand(3, -1, -1), atol=1 / 255, rtol=0)


def test_a_label_can_be_asked_for(course_lib, tmp_path):
    picture = tmp_path / "drawn.png"
    assert course_lib(f"sample mnist_gan --label 7 --count 10 --out {picture}")[0] == 0
    with PIL.Image.open(picture) as image:
        row = torch.from_numpy(np.array(image))[2:-2, :, 0]  # (28, 302)
    digits = torch.stack([row[:, 2 + 30 * i : 30 + 30 * i] for i in range(10)])[:, None] / 255
    assert (published.mnist_features()(digits).argmax(1) == 7).sum() >= 9
    for line in ("sample mnist_gan --label 12", "sample shapes_gan --label 1", "sample mnist_gan --steps 3"):
        status, _ = course_lib(f"{line} --out {tmp_path / 'x.png'}")
        assert str(status).startswith("error: Expected")
        assert not (tmp_path / "x.png").exists()


def test_a_picture_to_a_sentence(course_lib, tmp_path):
    picture = tmp_path / "drawn.png"
    assert course_lib(f"sample shapes_text --caption 'a red star' --count 2 --steps 2 --seed 3 --out {picture}")[0] == 0
    how = {"captions": ["a red star"] * 2, "steps": 2}
    expected = published.draw("shapes_text", 2, generator=torch.Generator().manual_seed(3), **how)
    with PIL.Image.open(picture) as image:
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[:, 2:-2, 2:34]
    torch.testing.assert_close(pixels / 255, expected[0].cpu(), atol=1 / 255, rtol=0)
    for name, told in (
        ("shapes_text", "Expected words of the vocabulary, got 'rad'"),
        ("mnist_gan", "only labels, got captions"),
    ):
        status, _ = course_lib(f"sample {name} --caption 'a rad star' --out {tmp_path / 'x.png'}")
        assert told in status


def test_a_flow_draws_as_it_is_told(course_lib, tmp_path):
    picture = tmp_path / "drawn.png"
    told = "--label 3 --steps 2 --sampler euler --guidance 2"
    assert course_lib(f"sample mnist_flow {told} --count 10 --seed 3 --out {picture}")[0] == 0
    how = {"labels": torch.full((10,), 3), "steps": 2, "sampler": samplers.euler, "guidance": 2.0}
    expected = published.draw("mnist_flow", 10, generator=torch.Generator().manual_seed(3), **how)
    with PIL.Image.open(picture) as image:
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[:, 2:-2, 2:30]
    torch.testing.assert_close(pixels / 255, expected[0].cpu().expand(3, -1, -1), atol=1 / 255, rtol=0)
    assert course_lib(f"train vae --epochs 1 --batch-size 500 --out {tmp_path / 'run'}")[0] == 0
    status, _ = course_lib(f"sample {tmp_path / 'run'} --steps 3 --out {picture}")
    assert "Expected a run of diffusion or flow for --steps, --sampler and --guidance, got" in status


def test_describe_a_recipe(course_lib):
    status, printed = course_lib("describe gan")
    assert status == 0
    assert "objective: adversarial(generator=Generator(latent_dim=64, width=48), " in printed.out
    assert "Adam(fused=True, lr=0.0005, betas=(0.5, 0.99)), batches of 64, 24 epochs, " in printed.out


def test_publish_measures_and_writes_where_it_is_told(course_lib, tmp_path):
    run, out = tmp_path / "run", tmp_path / "published"
    assert course_lib(f"train features --epochs 1 --batch-size 500 --out {run}")[0] == 0
    status, _ = course_lib(f"publish {run} --out {out}")
    assert status == 0
    card = json.loads((out / "mnist_features.json").read_text())
    assert card["steps"] == 8
    assert card["command"] == "python -m course_lib train features --profile fast --out RUN"
    assert card["recipe"].startswith("AdamW(lr=0.004, weight_decay=0.05), batches of 500, 1 epochs, ")
    assert 0 <= card["test_accuracy"] <= 1
    again = checkpoints.load_weights(published.mnist_features(trained=False), out / "mnist_features.safetensors")
    assert all(torch.isfinite(tensor).all() for tensor in again.state_dict().values())
    course_lib(f"train mlp --epochs 1 --out {tmp_path / 'mlp'}")
    status, _ = course_lib(f"publish {tmp_path / 'mlp'} --out {out}")
    assert "a recipe that publishes (features, " in status
    assert status.endswith("got mlp.")


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
        ("train mpl --out x", "choose from .*mlp.*shapes_gan"),
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
    assert [entry.name for entry in checkpoints.every(tmp_path)] == [f"step-{step:08d}"]
    assert {entry.name for entry in tmp_path.iterdir()} == {f"step-{step:08d}", ".lock"}


def test_the_same_line_under_torchrun(tmp_path):
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone", "-m", "course_lib"]
    line = [*launcher, "train", "mlp", "--epochs", "1", "--out", str(tmp_path)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert len(re.findall("epoch 1/1", done.stdout)) == 1
    assert {entry.name for entry in tmp_path.iterdir()} == {"step-00000029", ".lock"}


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space as Linux does")
def test_too_little_memory_for_the_packages_is_a_sentence():
    import resource

    limits = partial(resource.setrlimit, resource.RLIMIT_AS, (300_000_000, 300_000_000))
    line = [sys.executable, "-m", "course_lib", "describe"]
    ended = subprocess.run(line, preexec_fn=limits, capture_output=True, text=True)
    assert ended.returncode == 1
    assert re.fullmatch(r"error: Could not load the packages \(.+\): install them, and allow 4 GB of .+\.\n", ended.stderr)


def test_what_torch_does_at_the_end_of_a_failed_import_is_not_shown(tmp_path):
    (tmp_path / "torch.py").write_text("import atexit\natexit.register(lambda: 1 / 0)\nraise MemoryError\n")
    line = [sys.executable, "-m", "course_lib", "describe"]
    ended = subprocess.run(line, env=os.environ | {"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True)
    assert ended.returncode == 1
    assert re.fullmatch(r"error: Could not load the packages \(not enough memory\): install them, .+\.\n", ended.stderr)
