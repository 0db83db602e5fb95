import pytest
import torch

from course_lib.data import Images, batches, split


def order(count=100, batch_size=8, *, epoch=0, seed=0):
    return torch.cat([index for index, _ in batches(count, batch_size, epoch=epoch, seed=seed)]).tolist()


def test_the_order_follows_from_seed_and_epoch_alone():
    first = order(epoch=3, seed=5)
    torch.manual_seed(123)
    assert order(epoch=3, seed=5) == first
    assert order(epoch=3, seed=5, batch_size=30) == first
    assert order(epoch=4, seed=5) != first
    assert order(epoch=3, seed=6) != first


@pytest.mark.parametrize("epoch", range(3))
def test_each_epoch_sees_each_example_once(epoch):
    assert order(epoch=epoch) != list(range(100))
    assert sorted(order(epoch=epoch)) == list(range(100))


@pytest.mark.parametrize(
    ("count", "batch_size", "sizes"),
    [(24, 8, [8, 8, 8]), (23, 8, [8, 8, 7]), (17, 8, [8, 8, 1]), (5, 8, [5]), (1, 1, [1])],
)
def test_only_the_last_batch_is_short(count, batch_size, sizes):
    pairs = batches(count, batch_size, epoch=0, seed=0)
    assert [len(index) for index, _ in pairs] == sizes
    assert [size for _, size in pairs] == sizes


@pytest.mark.parametrize("world", [2, 3])
@pytest.mark.parametrize(("count", "batch_size"), [(24, 8), (23, 8), (60, 7), (5, 8)])
def test_processes_share_out_the_batches_of_one(count, batch_size, world):
    alone = batches(count, batch_size, epoch=1, seed=2)
    shared = [batches(count, batch_size, epoch=1, seed=2, rank=rank, world=world) for rank in range(world)]
    for (whole, size), *shares in zip(alone, *shared, strict=True):
        assert sorted(torch.cat([index for index, _ in shares]).tolist()) == sorted(whole.tolist())
        assert {total for _, total in shares} == {size}
        lengths = [len(index) for index, _ in shares]
        assert min(lengths) >= 1
        assert max(lengths) - min(lengths) <= 1


def test_a_last_batch_too_short_for_the_processes_joins_the_one_before():
    shared = [batches(18, 8, epoch=0, seed=0, rank=rank, world=3) for rank in range(3)]
    assert [[size for _, size in pairs] for pairs in shared] == [[8, 10]] * 3
    seen = torch.cat([index for pairs in shared for index, _ in pairs])
    assert sorted(seen.tolist()) == list(range(18))


@pytest.mark.parametrize(
    ("count", "batch_size", "world"), [(2, 8, 3), (100, 2, 3), (0, 8, 1), (10, 0, 1)], ids=["few", "small", "none", "zero"]
)
def test_too_few_examples_for_the_processes(count, batch_size, world):
    expected = f"each of {world} processes; got {count} examples in batches of {batch_size}; take"
    with pytest.raises(ValueError, match=expected):
        batches(count, batch_size, epoch=0, seed=0, rank=0, world=world)


def unbalanced():
    """120 images, 60, 40 and 20 a class, each with its own gray value."""
    labels = torch.tensor([0] * 60 + [1] * 40 + [2] * 20)
    images = torch.arange(120, dtype=torch.uint8).reshape(-1, 1, 1, 1)
    return Images(images, {"label": labels}, {"label": "abc"}, name="unbalanced")


def test_split_takes_the_fraction_of_each_class():
    first, second = split(unbalanced(), 0.75)
    assert first.labels.bincount().tolist() == [45, 30, 15]
    assert second.labels.bincount().tolist() == [15, 10, 5]
    values = torch.cat([first.images, second.images]).flatten()
    assert sorted(values.tolist()) == list(range(120))
    assert torch.equal(first.labels, unbalanced().labels[first.images.flatten().long()])
    assert first.labels.diff().count_nonzero() > 10


def test_split_follows_its_seed():
    values = [split(unbalanced(), 0.5, seed=seed)[0].images.flatten().tolist() for seed in (0, 0, 1)]
    assert values[0] == values[1]
    assert sorted(values[0]) != sorted(values[2])


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5])
def test_split_refuses_what_is_no_fraction(fraction):
    with pytest.raises(ValueError, match=rf"between 0 and 1, got {fraction}"):
        split(unbalanced(), fraction)
