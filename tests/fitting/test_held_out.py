"""The rows that early stopping holds out of rows in parts."""

import numpy as np
import pytest

from sklearn_losses.core.indexed_rows import IndexedRows
from sklearn_losses.core.parts import Block, LocalParts
from sklearn_losses.fitting.held_out import NO_VIEWS, Views, split_parts, views_of
from sklearn_losses.fitting.regression import Regression
from sklearn_losses.fitting.rows import Rows
from sklearn_losses.losses import MSE, Huber, Trimmed
from sklearn_losses.models import MLP, Linear
from sklearn_losses.solvers import LBFGS, SGD, Auto

N = 1000
CODES = np.random.default_rng(0).choice(4, N, p=[0.6, 0.3, 0.095, 0.005])
WEIGHT = np.random.default_rng(1).uniform(0.5, 1.5, N)
WEIGHT /= WEIGHT.mean()


def parts_of(size, weight=None):
    """Rows that are their own numbers, in blocks that may be asked for in random order."""

    def block(start):
        rows = np.arange(start, min(start + size, N))
        return Block(rows[:, None].astype(float), CODES[rows], None if weight is None else weight[rows])

    def in_random_order(rng):
        return ((number, block(number * size)) for number in rng.permutation(-(-N // size)).tolist())

    return LocalParts(lambda: map(block, range(0, N, size)), (N, 1), np.float64, in_random_order=in_random_order)


def split(size=1000, fraction=0.1, n_classes=None, weight=None, seed=0):
    rows = Rows(parts_of(size, weight), np.arange(4), None)
    return split_parts(rows, fraction, np.random.RandomState(seed), n_classes)


def numbers(rows):
    return np.concatenate([np.zeros(0, int), *rows.X.each(lambda block: block.X[:, 0].astype(int))])


@pytest.mark.parametrize("n_classes", [None, 4])
@pytest.mark.parametrize("fraction", [0.1, 0.15, 0.5, 0.75, 0.9])
def test_parts(n_classes, fraction):
    kept, held_out = split(7, fraction, n_classes)
    both = [numbers(kept), numbers(held_out)]
    assert np.array_equal(np.sort(np.concatenate(both)), np.arange(N))
    assert [part.X.shape for part in (kept, held_out)] == [(len(part), 1) for part in both]
    if n_classes is None:
        assert abs(len(both[1]) - fraction * N) <= 1
    else:
        for code, count in enumerate(np.bincount(CODES)):
            rare = count * min(fraction, 1 - fraction) < 1
            assert abs(np.sum(CODES[both[1]] == code) - (0 if rare else fraction * count)) <= 1
    assert np.all(np.bincount(CODES[both[0]], minlength=4) > 0)


@pytest.mark.parametrize("n_classes", [None, 4])
def test_blocks_decide_nothing(n_classes):
    expected = numbers(split(1000, n_classes=n_classes)[1])
    for size in (1, 3, 400):
        held_out = split(size, n_classes=n_classes)[1]
        assert np.array_equal(numbers(held_out), expected)
        shuffled = np.concatenate([block.X[:, 0] for block in held_out.X.shuffled(np.random.RandomState(1))])
        assert np.array_equal(np.sort(shuffled), expected)
        assert size == 1000 or not np.array_equal(shuffled, expected)


def test_seeds_and_places():
    """Another seed, other rows; all places within a run are drawn alike."""
    draws = np.array([numbers(split(seed=seed)[1]) for seed in range(40)])
    assert len(np.unique(draws, axis=0)) == 40
    counts = np.bincount(draws.ravel() % 10, minlength=10)
    assert counts.min() > 330 and counts.max() < 470  # of 400 on average
    within = np.corrcoef((draws % 10)[:, :-1].ravel(), (draws % 10)[:, 1:].ravel())[0, 1]
    assert abs(within) < 0.05


def test_weights():
    for part in split(33, 0.2, weight=WEIGHT):
        pieces = list(part.X.each(lambda block: (block.X[:, 0].astype(int), block.weight)))
        rows, weight = (np.concatenate(values) for values in zip(*pieces, strict=True))
        assert weight.mean() == pytest.approx(1)
        np.testing.assert_allclose(weight / weight[0], WEIGHT[rows] / WEIGHT[rows[0]], rtol=1e-12)


def test_nothing_to_hold_out():
    assert split(10, 0.0005) is None
    assert split(10, 0.9995) is None


LINEAR, NETWORK = Linear().bind(5, 1, True), MLP((3,)).bind(5, 1, True)
CHOICES = [
    (MSE(), LINEAR, SGD(), Views(True, True)),
    (MSE(), LINEAR, LBFGS(), Views(False, True)),
    (MSE(), LINEAR, Auto(), Views(False, True)),
    (MSE(), NETWORK, Auto(), Views(True, True)),
    (Huber(), LINEAR, SGD(), Views(False, True)),
    (Trimmed("mse", 0.1), LINEAR, SGD(), NO_VIEWS),
]


@pytest.mark.parametrize(("loss", "model", "solver", "expected"), CHOICES, ids=str)
def test_what_is_a_view(loss, model, solver, expected):
    assert views_of(loss, model, solver, np.ones((100, 5)), large=500) == expected
    assert views_of(loss, model, solver, np.ones((100, 5)), large=501) == NO_VIEWS


def test_views_hold_the_rows_of_copies():
    rows = Rows(np.arange(200.0).reshape(100, 2), np.arange(100.0), np.linspace(0.5, 1.5, 100))
    copies = Regression().split(rows, 0.2, np.random.RandomState(0))
    views = Regression().split(rows, 0.2, np.random.RandomState(0), Views(True, True))
    for copy, view in zip(copies, views, strict=True):
        assert isinstance(view.X, IndexedRows) and np.array_equal(view.X[:], copy.X)
        assert np.array_equal(view.y, copy.y) and np.array_equal(view.weight, copy.weight)
        assert np.array_equal(view.places, copy.places)
