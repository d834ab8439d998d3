"""The rows that a trimmed loss keeps, for a model that is one number."""

import numpy as np

from sklearn_losses.fitting.trimming import concentrated
from sklearn_losses.losses import Trimmed

Y = np.array([0.0, 0.1, -0.1, 0.2, -0.2, 50.0, 60.0])


def losses_under(weight):
    return (Y - np.average(Y, weights=weight)) ** 2


def test_the_rows_far_away_are_left_out():
    kept = concentrated(Trimmed("mse", share=5 / 7), np.ones(7), losses_under, losses_under, np.random.RandomState(0))
    np.testing.assert_allclose(kept > 0, np.arange(7) < 5)


def test_it_ends_where_neither_changes():
    calls = []

    def counted(weight):
        calls.append(weight)
        return losses_under(weight)

    kept = concentrated(Trimmed("mse", share=5 / 7, n_steps=50), np.ones(7), losses_under, counted, np.random.RandomState(0))
    assert len(calls) < 5
    np.testing.assert_array_equal(calls[-1], kept)


def test_of_several_starts_the_one_with_the_least_loss_is_kept():
    """A first start at the far rows alone ends there; a later one is better."""
    starts = []

    def from_start(weight):
        starts.append(weight)
        return (Y - (55.0 if len(starts) == 1 else 0.0)) ** 2

    trimmed = Trimmed("mse", share=2 / 7, n_init=3)
    kept = concentrated(trimmed, np.ones(7), from_start, losses_under, np.random.RandomState(0))
    assert len(starts) == 3 and not np.array_equal(starts[1], starts[2])
    assert kept[5:].sum() == 0
    np.testing.assert_array_equal(starts[0], np.ones(7))
