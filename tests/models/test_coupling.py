"""The coupling flow, against autograd's Jacobian and against sums over space."""

import math

import pytest
import torch

from course_lib import data
from course_lib.models import CouplingFlow
from course_lib.objectives import Density
from course_lib.objectives.density import dequantized
from course_lib.trainer import Trainer


def flow(shape=(1, 4, 4), **options):
    """One that does something: at first a layer changes nothing."""
    made = CouplingFlow(shape, **({"layers": 6, "hidden": 12} | options))
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return made.double()


@pytest.fixture
def x():
    return torch.rand(5, 1, 4, 4, dtype=torch.float64)


def test_inverse_undoes_forward_both_ways(x):
    made = flow()
    torch.testing.assert_close(made.inverse(made(x)[0]), x)
    z = torch.randn(5, 16, dtype=torch.float64)
    torch.testing.assert_close(made(made.inverse(z))[0], z, rtol=1e-6, atol=1e-6)


def test_the_log_determinant_is_that_of_autograds_jacobian(x):
    made = flow()
    _, log_det = made(x)
    for image, found in zip(x, log_det, strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda some: made(some[None])[0][0], image).reshape(16, 16)
        torch.testing.assert_close(torch.linalg.slogdet(jacobian).logabsdet, found)


def test_the_density_adds_up_to_one():
    torch.manual_seed(1)
    made = flow((1, 2, 2), layers=3)
    z = torch.randn(50_000, 4, dtype=torch.float64)
    with torch.no_grad():
        inside = made.inverse(z)
        inside = (
            ((inside > 0) & (inside < 1)).flatten(1).all(1).double().mean()
        )  # the share of the flow's noise that stays in 0..1
        x = torch.rand(50_000, 1, 2, 2, dtype=torch.float64)
        density = made.log_prob(x).exp()
    assert density.mean().item() == pytest.approx(inside.item(), abs=5 * (density.std() / len(x) ** 0.5).item())


def test_each_number_is_changed_by_some_layer_and_each_half_is_a_half():
    for shape in ((1, 4, 4), (3, 6, 2)):
        made = CouplingFlow(shape, layers=6)
        for first, second in zip(made.layers[::2], made.layers[1::2], strict=True):
            assert sorted([*first.changed.tolist(), *second.changed.tolist()]) == list(range(math.prod(shape)))
        assert {len(layer.known) for layer in made.layers} == {math.prod(shape) // 2}


def test_at_first_it_only_scales_and_starts_from_the_data():
    made, images = CouplingFlow((1, 4, 4)), dequantized(torch.rand(500, 1, 4, 4))
    images[:, :, 0, 0] = 0
    made.start_from(images)
    z, _ = made(images)
    torch.testing.assert_close(z.mean(0), torch.zeros(16), rtol=0, atol=1e-4)
    torch.testing.assert_close(z.std(0)[1:], torch.ones(15), rtol=0, atol=1e-4)


@pytest.mark.parametrize("shape", [(1, 5, 4), (4, 4)])
def test_odd_sides_are_refused(shape):
    with pytest.raises(ValueError, match="even sides"):
        CouplingFlow(shape)


def test_inputs_of_another_shape_are_refused(x):
    made = flow()
    with pytest.raises(ValueError, match=r"images \(B, 1, 4, 4\), got \(5, 16\)"):
        made(x.flatten(1))
    with pytest.raises(ValueError, match=r"noise \(B, 16\)"):
        made.inverse(x)


def test_noise_within_a_level_stays_there():
    x = torch.tensor([0.0, 1.0, 17 / 255]).repeat(1000, 1)
    assert (dequantized(x).mul(256).floor() == torch.tensor([0.0, 255.0, 17.0])).all()


def test_bits_of_even_odds_are_eight():
    class Even(torch.nn.Module):
        def log_prob(self, x):
            return torch.zeros(len(x))

    found = Density(Even()).metrics((torch.rand(3, 1, 4, 4),))
    torch.testing.assert_close(found["bits"], torch.full((3,), 8.0))


def test_it_learns_and_draws():
    train = data.mnist()[0].subset(slice(0, 300))
    made = CouplingFlow(hidden=32, layers=2)
    made.start_from(dequantized(train.batch(slice(None))[0]))
    trainer = Trainer(Density(made), lambda weights: torch.optim.Adam(weights, lr=3e-3), batch_size=30, progress=False)
    before = trainer.evaluate(train)["bits"]
    trainer.fit(train, 3)
    assert trainer.evaluate(train)["bits"] < before - 0.05
    first, again = (trainer.objective.sample(4, torch.Generator().manual_seed(0)) for _ in range(2))
    assert first.shape == (4, 1, 28, 28)
    assert torch.equal(first, again)
    assert 0 <= first.min() < first.max() <= 1
