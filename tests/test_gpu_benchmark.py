"""benchmarks/gpu.py, on a few images and a CPU: every part runs, and the file has what a reader of it looks for."""

import importlib
import json
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("gpu")


def test_every_part_runs_and_writes_its_results(gpu, tmp_path):
    assert gpu.main(["--tiny", "--out", str(tmp_path / "gpu.json")]) == 0
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert found.keys() == {*gpu.PARTS, "machine", "command"}
    assert found["command"] == "python benchmarks/gpu.py --tiny"
    assert {name.rsplit(" ", 1)[0].removeprefix("published ") for name in found["smoke"]} >= {
        *gpu.recipes.RECIPES,
        *gpu.published.GENERATORS,
    }
    for precision in gpu.PRECISIONS:
        rows = found["speed"][precision]
        assert rows.keys() == {"peak_teraflops", *gpu.SHAPES, "GAN"}
        for name in gpu.SHAPES:
            assert rows[name]["trainer_over"].keys() == {"eager", "compiled"}
            assert rows[name]["left_out"] == {"captured": "RuntimeError: a CUDA graph needs a GPU of Nvidia's"}
            assert all(share > 0 for share in rows[name]["share_of_peak"].values())
    assert len(found["mnist"]["runs"]) == len(found["cifar10"]["runs"]) == 1
    assert found["mnist"]["seconds_to_goal"] is None  # 64 digits do not reach it


def test_operations_are_those_that_the_layers_say(gpu):
    forward = 2 * (26 * 26 * 32 * 9 + 11 * 11 * 64 * 32 * 9 + 3 * 3 * 64 * 64 * 9 + 576 * 64 + 64 * 10)
    first = 2 * 26 * 26 * 32 * 9  # whose images need no gradient
    assert gpu.operations(gpu.models.ConvNet, (1, 28, 28)) == pytest.approx(3 * forward - first)


def test_a_part_that_fails_leaves_its_error_and_the_others_run(gpu, tmp_path, monkeypatch, capsys):
    def broken(scale, arguments):
        raise RuntimeError("no kernel\nfor this card")

    monkeypatch.setattr(gpu, "PARTS", {"broken": broken, "whole": lambda scale, arguments: {"value": 1}})
    assert gpu.main(["--tiny", "--out", str(tmp_path / "gpu.json")]) == "failed: broken"
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert found["broken"]["error"] == "RuntimeError: no kernel"
    assert found["whole"]["value"] == 1
    assert "for this card" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--out", "results.json"], "Expected --out FILE with --tiny"),
        (["--tiny"], "Expected --out FILE with --tiny"),
        ([], "Expected a GPU, found none"),
        (["--tiny", "--out", "results.json", "cat"], "Expected parts of smoke, speed, mnist, cifar10, got cat"),
    ],
)
def test_what_is_asked_for_wrongly(gpu, arguments, sentence, capsys):
    with pytest.raises(SystemExit):
        gpu.main(arguments)
    assert sentence in " ".join(capsys.readouterr().err.split())


def test_images_are_moved_and_mirrored_each_in_its_own_way(gpu):
    images = gpu.data.shapes(200, seed=0).by("shape").subset([0] * 200)
    whole, labels = images.batch(slice(None))
    drawn, same = gpu.CropAndFlip(images).batch(slice(None))
    assert drawn.shape == whole.shape
    assert (same == labels).all()
    assert len({tuple(image.flatten().tolist()) for image in drawn}) > 90  # of 9 x 9 x 2 ways
    padded = gpu.pad(whole[:1], [4] * 4, mode="reflect")
    ways = {
        tuple((crop.flip(3) if mirrored else crop).flatten().tolist())
        for mirrored in (False, True)
        for top in range(9)
        for left in range(9)
        for crop in [padded[:, :, top : top + 32, left : left + 32]]
    }
    assert {tuple(image.flatten().tolist()) for image in drawn} <= ways
