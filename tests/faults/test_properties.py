"""What holds for every data set, batch, checkpoint and objective, on examples that hypothesis looks for."""

import math
import tempfile
from functools import partial

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course_lib import checkpoints, contract, data, losses, models, objectives
from course_lib.callbacks import Callback
from course_lib.data import batches
from course_lib.trainer import Trainer

examples = partial(settings, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
seeds = st.integers(0, 2**31)


def pixels(count, channels, height, width, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, channels, height, width), dtype=torch.uint8, generator=generator)


@examples(max_examples=400)
@given(count=st.integers(1, 200), batch_size=st.integers(1, 250), epoch=st.integers(0, 9), seed=seeds, world=st.integers(1, 5))
def test_batches_hold_each_example_once(count, batch_size, epoch, seed, world):
    if min(count, batch_size) < world:
        with pytest.raises(ValueError, match="Expected at least one example in each batch for each of"):
            batches(count, batch_size, epoch=epoch, seed=seed, world=world)
        return
    shares = [batches(count, batch_size, epoch=epoch, seed=seed, rank=rank, world=world) for rank in range(world)]
    assert sorted(torch.cat([index for share in shares for index, _ in share]).tolist()) == list(range(count))
    for pieces in zip(*shares, strict=True):  # of one step
        assert len({size for _, size in pieces}) == 1
        assert sum(len(index) for index, _ in pieces) == pieces[0][1] < batch_size + world
        assert all(len(index) for index, _ in pieces)
    again = batches(count, batch_size, epoch=epoch, seed=seed, rank=0, world=world)
    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(shares[0], again, strict=True))


@examples(max_examples=300)
@given(
    shape=st.tuples(st.integers(1, 6), st.sampled_from([1, 3]), st.integers(1, 6), st.integers(1, 6)),
    low=st.floats(-10, 10),
    length=st.floats(0.1, 10),
    seed=seeds,
    classes=st.integers(1, 5),
)
def test_images_give_back_what_they_were_given(shape, low, length, seed, classes):
    images, labels = pixels(*shape, seed), torch.arange(shape[0]) % classes
    made = data.Images(images, {"label": labels}, {"label": [str(i) for i in range(classes)]}, name="some")
    x, y = made.with_value_range(low, low + length).batch(slice(None))
    assert x.shape == images.shape
    assert x.dtype == torch.float32
    assert torch.equal(((x - low) / length * 255).round().to(torch.uint8), images)
    assert torch.equal(y, labels)
    order = torch.randperm(len(made), generator=torch.Generator().manual_seed(seed))
    assert torch.equal(made.subset(order).images, images[order])
    assert torch.equal(made.subset(order).labels, labels[order])


STATES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def trainer(width, seed, *callbacks, batch_size=8):
    torch.manual_seed(seed)
    classifier = objectives.Classification(models.MLP((2, width, 3), dropout=0.1))
    adam = partial(torch.optim.Adam, lr=1e-2)
    return Trainer(classifier, adam, batch_size=batch_size, seed=seed, callbacks=callbacks, progress=False)


@examples(max_examples=100)
@given(width=st.integers(1, 5), seed=seeds, epochs=st.integers(0, 2), batch_size=st.integers(1, 30), state=STATES)
def test_a_checkpoint_gives_back_the_state(width, seed, epochs, batch_size, state):
    kept = Callback()
    run = trainer(width, seed, kept, batch_size=batch_size)
    run.fit(data.spirals(20), epochs)
    kept.state = {"any": state}
    with tempfile.TemporaryDirectory() as folder:
        path = run.save(folder)
        other = trainer(width, seed + 1, Callback(), batch_size=batch_size)
        other.resume(folder)
        assert checkpoints.config(path)["history"] == run.history
    assert other.callbacks[0].state == {"any": state}
    contract.state(other.state_dict(), run.state_dict())
    for mine, theirs in zip(run.objective.parameters(), other.objective.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    assert (other.epoch, other.step, other.history) == (run.epoch, run.step, run.history)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """One for all examples."""
    return trainer(3, 0).save(tmp_path_factory.mktemp("run"))


@examples(max_examples=300)
@given(content=st.binary(max_size=400), at=st.floats(0, 1), file=st.sampled_from(["resume.pt", "classifier.safetensors"]))
def test_a_file_written_over_is_refused_or_the_same(checkpoint, content, at, file):
    path = checkpoint / file
    whole = path.read_bytes()
    place = int(at * len(whole))
    damaged = whole[:place] + content + whole[place + len(content) :]
    path.write_bytes(damaged)
    try:
        if damaged == whole:
            checkpoints.config(path.parent)
        else:
            with pytest.raises(ValueError, match=rf"{file} is not as it was written"):
                checkpoints.config(path.parent)
    finally:
        path.write_bytes(whole)


@examples(max_examples=300)
@given(json_like=STATES, name=st.sampled_from(contract.PROGRESS))
def test_progress_is_taken_or_refused_in_a_sentence(json_like, name):
    progress = {"epoch": 0, "step": 0, "batches_done": 0, "totals": {"examples": 0}, "history": []} | {name: json_like}
    counted = type(json_like) is int and json_like >= 0
    if (counted and name in ("epoch", "step", "batches_done")) or (name == "history" and json_like == []):
        contract.progress(progress)
    else:  # totals would need an entry "examples", longer than any that is tried
        with pytest.raises(ValueError, match=f"^Expected the {name} of a run as a trainer counts it, got something else\\.$"):
            contract.progress(progress)


@examples(max_examples=250)
@given(count=st.integers(1, 12), classes=st.integers(2, 6), seed=seeds, smoothing=st.floats(0, 0.9), scale=st.floats(0, 50))
def test_losses_are_one_for_each_example_and_never_below_zero(count, classes, seed, smoothing, scale):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(count, classes, generator=generator) * scale
    labels = torch.randint(0, classes, (count,), generator=generator)

    class Fixed(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.logits = torch.nn.Parameter(logits)

        def forward(self, x):
            return self.logits

    objective = objectives.Classification(Fixed(), label_smoothing=smoothing)
    ((part, loss),) = contract.losses(objective, (torch.zeros(count, 2), labels))
    assert part == "classifier"
    assert loss.shape == (count,)
    assert (loss > -1e-5).all()
    plain = objective.metrics((torch.zeros(count, 2), labels))["cross_entropy"]
    byhand = -logits.double().log_softmax(1)[torch.arange(count), labels]
    assert torch.allclose(plain.double(), byhand, atol=1e-4, rtol=1e-4)


@examples(max_examples=150)
@given(shape=st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(1, 4)), seed=seeds, shift=st.floats(-5, 5))
def test_the_divergence_from_a_standard_normal_is_zero_only_there(shape, seed, shift):
    generator = torch.Generator().manual_seed(seed)
    mean, logvar = torch.randn(shape[:2], generator=generator) + shift, torch.randn(shape[:2], generator=generator)
    divergence = losses.gaussian_kl(mean, logvar)
    assert divergence.shape[0] == shape[0]
    assert (divergence > -1e-6).all()
    assert losses.gaussian_kl(mean * 0, logvar * 0).abs().max() == 0
    assert math.isfinite(divergence.sum())
