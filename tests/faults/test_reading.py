"""A checkpoint is read as it was written, or refused in a sentence that names the file and what still stands."""

import copy
import hashlib
import json

import pytest
import safetensors.torch
import torch

from course_lib import checkpoints
from course_lib.callbacks import EMA, Checkpoints, EarlyStopping
from course_lib.models import MLP

from .conftest import sentence


@pytest.fixture
def run(make, spirals, tmp_path):
    """The folder of a run with two checkpoints, at steps 4 and 8."""
    make(Checkpoints(tmp_path / "run", every=4)).fit(spirals, 2)
    return tmp_path / "run"


DAMAGES = {
    "emptied": lambda content: b"",
    "halved": lambda content: content[: len(content) // 2],
    "one byte less": lambda content: content[:-1],
    "one byte more": lambda content: content + b"\0",
    "one bit": lambda content: content[:-100] + bytes([content[-100] ^ 1]) + content[-99:],
    "zeros": lambda content: bytes(len(content)),
    "gone": None,
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", ["resume.pt", "classifier.safetensors", "config.json"])
def test_a_damaged_file_is_named_and_so_is_the_older_checkpoint(make, run, file, damage):
    path = run / "step-00000008" / file
    if file == "config.json" and damage in ("one byte more", "one bit", "one byte less", "gone"):
        return  # a space at its end, a digit in a note; without it, there is no checkpoint
    whole = path.read_bytes()
    path.unlink()
    if DAMAGES[damage]:
        path.write_bytes(DAMAGES[damage](whole))
    trainer = make(Checkpoints(run))
    before = copy.deepcopy(trainer.state_dict())
    with pytest.raises(ValueError, match="cannot be resumed from or used") as caught:
        trainer.resume(run)
    text = str(caught.value)
    assert text.startswith(f"{path} is ")
    assert text.endswith(f"; {run / 'step-00000004'} is whole: move step-00000008 away to go on from there.")
    assert "weights_only" not in text
    assert "\n" not in text
    assert same(before, trainer.state_dict())
    path.parent.rename(run / "away")
    trainer.resume(run)
    assert trainer.step == 4


def same(a, b):
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def test_when_no_checkpoint_is_whole(make, run):
    for step in (4, 8):
        (run / f"step-{step:08d}" / "resume.pt").write_bytes(b"")
    with pytest.raises(ValueError, match=r"step-00000008/resume\.pt is not as it was written, .*; no older one is whole\.$"):
        make(Checkpoints(run)).resume(run)


PROGRESS = {
    "epoch": [None, -1, 1.5, "2", True],
    "step": [None, -1, [8]],
    "batches_done": [None, {}],
    "totals": [None, {}, {"examples": "many"}, {"examples": float("nan")}, [1]],
    "history": [None, {}, [1], [{"epoch": 1}], [{"epoch": "one", "step": 4}]],
}


@pytest.mark.parametrize("name", PROGRESS)
def test_progress_that_no_trainer_counts(make, run, name):
    file = run / "step-00000008" / "config.json"
    whole = json.loads(file.read_text())
    for wrong in PROGRESS[name]:
        file.write_text(json.dumps(whole | {name: wrong}))
        with pytest.raises(ValueError, match=rf"config\.json is not as it was written \(Expected the {name} of a run"):
            checkpoints.config(file.parent)
        state = make().state_dict()
        state["progress"] |= {name: wrong}
        with pytest.raises(ValueError, match=f"Expected the {name} of a run as a trainer counts it"):
            make().load_state_dict(state)
    file.write_text(json.dumps({key: value for key, value in whole.items() if key != name}))
    with pytest.raises(ValueError, match=f"Expected the {name} of a run"):
        checkpoints.config(file.parent)


@pytest.mark.parametrize("content", ["", "null", "[]", "3", "{}", "{", "[" * 100_000, '{"epoch": 1}'])
def test_a_config_that_is_none(run, content):
    (run / "step-00000008" / "config.json").write_text(content)
    with pytest.raises(ValueError, match=r"config\.json is not as it was written"):
        checkpoints.config(run / "step-00000008")


def rewritten(checkpoint, change):
    """Change resume.pt, and its hash with it, as someone who means it would."""
    state = torch.load(checkpoint / "resume.pt", weights_only=True)
    change(state)
    torch.save(state, checkpoint / "resume.pt")
    config = json.loads((checkpoint / "config.json").read_text())
    config["files"]["resume.pt"] = hashlib.sha256((checkpoint / "resume.pt").read_bytes()).hexdigest()
    (checkpoint / "config.json").write_text(json.dumps(config))


CHANGES = {
    "no random state": lambda s: s.pop("random"),
    "random states of nobody": lambda s: s["random"].clear(),
    "another random state": lambda s: s["random"][0].update(torch=torch.zeros(3, dtype=torch.uint8)),
    "a broken random state": lambda s: s["random"][0].update(python=(3, (-1,) * 625, None)),
    "no optimizers": lambda s: s.pop("optimizers"),
    "another optimizer": lambda s: s["optimizers"]["classifier"]["param_groups"][0].pop("betas"),
    "a learning rate of text": lambda s: s["optimizers"]["classifier"]["param_groups"][0].update(lr="high"),
    "a learning rate of nan": lambda s: s["optimizers"]["classifier"]["param_groups"][0].update(lr=float("nan")),
    "optimizers as a list": lambda s: s.update(optimizers=[]),
    "an optimizer's state as a list": lambda s: s["optimizers"]["classifier"].update(state=[]),
    "no progress": lambda s: s.pop("progress"),
    "progress of text": lambda s: s.update(progress="far"),
    "progress that names methods": lambda s: s["progress"].update(fit="gone", callbacks=[]),
    "callbacks as text": lambda s: s.update(callbacks="EMA"),
    "callbacks without kinds": lambda s: s.update(callbacks=[{}]),
    "another entry": lambda s: s.update(evil=1),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_state_that_is_not_the_trainers_changes_nothing(make, run, change):
    rewritten(run / "step-00000008", CHANGES[change])
    trainer = make(Checkpoints(run))
    before = copy.deepcopy(trainer.state_dict())
    with pytest.raises(ValueError, match="Expected") as caught:
        trainer.resume(run)
    assert "\n" not in str(caught.value)
    assert same(before, trainer.state_dict())
    assert callable(trainer.fit)


def test_a_run_of_another_optimizer_is_told(make, run):
    with pytest.raises(ValueError, match=r"Expected optimizers\['classifier'\]\['param_groups'\]\[0\] as this trainer has it"):
        make(Checkpoints(run), optimizer=torch.optim.SGD).resume(run)


@pytest.mark.parametrize("callback", [EMA(0.9), EarlyStopping("loss", patience=9)])
def test_what_was_saved_is_taken(make, spirals, tmp_path, callback):
    trainer = make(callback)
    trainer.fit(spirals, 1)
    trainer.save(tmp_path)
    again = make(type(callback)(*([0.9] if isinstance(callback, EMA) else ["loss"])))
    again.resume(tmp_path)
    assert same(trainer.state_dict()["parts"], again.state_dict()["parts"])
    assert again.step == 4


CONFIGS = {
    "recipe": ["mpl", None, ["mlp"], {}],
    "data": ["minst", None, {}],
    "profile": ["slow", None],
    "shape": [[1, 28], "1x28x28", [1, "28", 28], None],
    "classes": [None, 10, [0, 1]],
    "options": [None, {}, {"epochs": 1}],
    "seed": [-1, "0", None],
    "batch_size": [0, "128", None],
}


def test_a_config_with_names_that_nobody_knows(course_lib, tmp_path):
    out = tmp_path / "run"
    assert course_lib("train", "mlp", "--epochs", 1, "--out", out)[0] == 0
    file = checkpoints.latest(out) / "config.json"
    whole = json.loads(file.read_text())
    lines = ("evaluate", out), ("sample", out, "--out", tmp_path / "x.png"), ("publish", out, "--out", tmp_path / "p")
    for name, wrongs in CONFIGS.items():
        for wrong in (*wrongs, ...):
            config = whole | {name: wrong} if wrong is not ... else {key: whole[key] for key in whole if key != name}
            file.write_text(json.dumps(config))
            for line in (*lines, ("train", "mlp", "--epochs", 2, "--out", out, "--resume")):
                status, _ = course_lib(*line)
                assert sentence(status)
                assert f"without a right {name}" in status


def test_a_damaged_run_is_told_by_every_command(course_lib, tmp_path):
    out = tmp_path / "run"
    assert course_lib("train", "mlp", "--epochs", 1, "--out", out)[0] == 0
    (checkpoints.latest(out) / "resume.pt").write_bytes(b"")
    for line in (("evaluate", out), ("describe", out), ("train", "mlp", "--epochs", 2, "--out", out, "--resume")):
        status, _ = course_lib(*line)
        assert sentence(status)
        assert "resume.pt is not as it was written" in status


def test_describe_escapes_what_a_terminal_would_obey(course_lib, make, spirals, tmp_path):
    evil = tmp_path / "run\x1b[2J"
    make(Checkpoints(evil, config={"note": "\x1b]0;title\x07\r\n"})).fit(spirals, 1)
    status, printed = course_lib("describe", evil)
    assert status == 0
    assert "note: \\x1b]0;title\\x07\\r\\n" in printed.out
    assert not {"\x1b", "\x07", "\r"} & set(printed.out)
    (checkpoints.latest(evil) / "resume.pt").unlink()
    status, _ = course_lib("describe", evil)
    assert "\x1b" not in status


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda t: t.to(torch.int8), "is torch.int8 in the file, torch.float32 in the model"),
        (lambda t: t > 0, "is torch.bool in the file, torch.float32 in the model"),
        (lambda t: t.to(torch.complex64), "is torch.complex64 in the file, torch.float32 in the model"),
        (lambda t: t / 0, "has values that are not finite"),
        (lambda t: t.index_fill(0, torch.tensor([1]), float("nan")), "has values that are not finite"),
    ],
    ids=["int8", "bool", "complex", "infinite", "one nan"],
)
def test_weights_of_another_kind_change_nothing(tmp_path, change, problem):
    network = MLP((2, 3))
    tensors = network.state_dict()
    safetensors.torch.save_file(
        {**tensors, "layers.0.weight": change(tensors["layers.0.weight"])}, tmp_path / "mlp.safetensors"
    )
    before = copy.deepcopy(tensors)
    with pytest.raises(ValueError, match=f"mlp.safetensors does not fit the model: layers.0.weight {problem}"):
        checkpoints.load_weights(network, tmp_path / "mlp.safetensors")
    assert same(before, network.state_dict())


def test_half_precision_is_for_floats(tmp_path):
    checkpoints.save_weights(MLP((2, 3)).half(), tmp_path / "mlp.safetensors")
    assert checkpoints.load_weights(MLP((2, 3)), tmp_path / "mlp.safetensors").layers[0].weight.dtype == torch.float32


def test_a_count_in_floats_is_refused(tmp_path):
    network = torch.nn.BatchNorm2d(2)
    tensors = network.state_dict()
    tensors["num_batches_tracked"] = torch.tensor(1.5)
    safetensors.torch.save_file(tensors, tmp_path / "norm.safetensors")
    with pytest.raises(ValueError, match=r"num_batches_tracked is torch\.float32 in the file, torch\.int64 in the model"):
        checkpoints.load_weights(network, tmp_path / "norm.safetensors")


def test_evaluate_refuses_weights_that_are_not_finite(course_lib, tmp_path):
    assert course_lib("train", "mlp", "--epochs", 1, "--out", tmp_path)[0] == 0
    checkpoint = checkpoints.latest(tmp_path)
    file = checkpoint / "classifier.safetensors"
    tensors = safetensors.torch.load_file(file)
    tensors[min(tensors)][0] = float("inf")
    safetensors.torch.save_file(tensors, file)
    config = json.loads((checkpoint / "config.json").read_text())
    config["files"][file.name] = hashlib.sha256(file.read_bytes()).hexdigest()
    (checkpoint / "config.json").write_text(json.dumps(config))
    status, _ = course_lib("evaluate", tmp_path)
    assert sentence(status)
    assert "has values that are not finite" in status


def test_sample_loads_no_data_set(course_lib, tmp_path, monkeypatch):
    from course_lib import recipes

    out = tmp_path / "run"
    assert course_lib("train", "vae", "--epochs", 1, "--batch-size", 40, "--out", out)[0] == 0
    for name in recipes.DATASETS:
        monkeypatch.setitem(recipes.DATASETS, name, lambda: pytest.fail("data were loaded"))
    assert course_lib("sample", out, "--count", 2, "--out", tmp_path / "drawn.png")[0] == 0
