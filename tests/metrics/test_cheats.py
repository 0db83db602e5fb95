"""Tests of copies and of two samples: who must be convicted is, who is innocent is not."""

import pytest
import torch

from course_lib.metrics import copied, two_sample_accuracy


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def test_copies_are_found_and_fresh_ones_are_not():
    training, held_out, fresh = torch.randn(2000, 8), torch.randn(1000, 8), torch.randn(1000, 8)
    assert copied(fresh, training, held_out) < 0.03
    assert copied(training[:1000] + 0.01 * fresh, training, held_out) == 1.0
    assert copied(torch.cat([fresh[:900], training[:100]]), training, held_out) == pytest.approx(0.11, abs=0.02)


def test_two_samples_of_one_distribution_cannot_be_told_apart():
    found = two_sample_accuracy(torch.randn(2000, 5), torch.randn(2000, 5), epochs=10)
    assert found == pytest.approx(0.5, abs=0.04)


def test_a_difference_that_no_mean_and_no_covariance_shows_is_found():
    signs = torch.randint(2, (2000, 4)) * 2.0 - 1
    assert two_sample_accuracy(torch.randn(2000, 4), signs, epochs=15) > 0.95


def test_it_answers_for_images_that_it_has_not_seen():
    few = torch.randn(200, 400)  # more numbers than images: all can be learned by heart
    assert two_sample_accuracy(few, torch.randn(200, 400)) == pytest.approx(0.5, abs=0.12)


def test_it_repeats_and_leaves_the_random_generator_alone():
    real, generated = torch.randn(100, 3), torch.randn(100, 3) + 0.5
    before = torch.get_rng_state()
    with torch.no_grad():
        first = two_sample_accuracy(real, generated, seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    assert two_sample_accuracy(real, generated, seed=3) == first


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"of one width.*\(5, 2\), \(5, 3\), \(100, 3\)"):
        copied(torch.rand(5, 2), torch.rand(5, 3), torch.rand(100, 3))
    with pytest.raises(ValueError, match="at least 100"):
        copied(torch.rand(5, 3), torch.rand(5, 3), torch.rand(99, 3))
    with pytest.raises(ValueError, match=r"of one shape.*\(30, 2\) and \(29, 2\)"):
        two_sample_accuracy(torch.rand(30, 2), torch.rand(29, 2))
