"""Losses without a minimum are found by a direction along which they fall for ever, and no
others.
"""

import numpy as np
import pytest

from sklearn_losses.core.batches import Batches
from sklearn_losses.core.penalties import ElasticNet
from sklearn_losses.core.recession import RecessionLimits, falls_for_ever, falls_without_end
from sklearn_losses.losses import Loss
from sklearn_losses.models import Linear
from sklearn_losses.objective import Objective


def problem(loss, X, y, outputs=1):
    task = "classification" if np.issubdtype(y.dtype, np.integer) else "regression"
    return Loss.make(loss).bind(y, outputs, task), Linear().bind(X.shape[1], outputs), Batches(X, y)


def classes(overlap):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 2))
    y = (X[:, 0] > 0).astype(int)
    if overlap:
        y[:10] = 1 - y[:10]
    return X, y


@pytest.mark.parametrize("loss", ["cross_entropy", "exponential"])
def test_a_direction_that_separates_the_classes(loss):
    X, y = classes(overlap=False)
    assert falls_for_ever(*problem(loss, X, y), np.array([30.0, 0.0, 0.0]))
    assert not falls_for_ever(*problem(loss, X, y), np.array([0.0, 30.0, 0.0]))  # the wrong feature
    X, y = classes(overlap=True)
    assert not falls_for_ever(*problem(loss, X, y), np.array([1.0, 0.0, 0.0]))


def test_several_classes():
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(3), 20)
    X = np.eye(3)[y] + 0.1 * rng.standard_normal((60, 3))
    apart = np.concatenate([30 * np.eye(3).ravel(), np.zeros(3)])
    assert falls_for_ever(*problem("cross_entropy", X, y, 3), apart)
    y[:5] = 1
    assert not falls_for_ever(*problem("cross_entropy", X, y, 3), apart)


def quasi_separable():
    """Rows of a group, in feature 0, are all of class 1; the classes of the others overlap along
    feature 1.
    """
    X, y = classes(overlap=True)
    X = np.column_stack([np.zeros(60), X[:, 0]])
    X[50:, 0], y[50:] = 1.0, 1
    return X, y


def test_some_rows_alone():
    X, y = quasi_separable()
    loss, model, batches = problem("cross_entropy", X, y)
    far = np.array([25.0, 0.5, 0.0])
    assert falls_for_ever(loss, model, batches, far)
    assert not falls_for_ever(loss, model, batches, far, RecessionLimits(largest_matrix=2))
    assert not falls_for_ever(loss, model, batches, far, RecessionLimits(still_curved=()))
    # No row has left the others yet.
    assert not falls_for_ever(loss, model, batches, np.array([0.5, 0.5, 0.0]))


def test_counts_of_a_group_that_are_all_0():
    rng = np.random.default_rng(0)
    X = np.column_stack([np.repeat([0.0, 1.0], 30), rng.standard_normal(60)])
    y = np.where(X[:, 0] == 1, 0.0, rng.poisson(3.0, 60).astype(float))
    assert falls_for_ever(*problem("poisson", X, y), np.array([-30.0, 0.0, 1.0]))
    y[45] = 2.0
    assert not falls_for_ever(*problem("poisson", X, y), np.array([-2.0, 0.0, 1.0]))


@pytest.mark.parametrize(("loss", "alpha", "l1_ratio", "expected"), [
    ("cross_entropy", 0.0, 0.0, True), ("cross_entropy", 1e-3, 0.0, False), ("cross_entropy", 1e-3, 1.0, False),
    ("hinge", 0.0, 0.0, False),
])  # fmt: skip
def test_a_penalty_or_a_loss_with_a_minimum_ends_it(loss, alpha, l1_ratio, expected):
    X, y = classes(overlap=False)
    loss, model, batches = problem(loss, X, y)
    objective = Objective(loss, model, ElasticNet(alpha, l1_ratio, model.weights()), batches)
    assert objective.unbounded(np.array([30.0, 0.0, 0.0])) == expected


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda params: -params.sum(), True),
        (lambda params: -np.exp(params.sum()), True),
        (lambda params: -np.log1p(params.sum()), False),
        (lambda params: params @ params - params.sum(), False),
        (lambda params: 1.0 - 1 / (1 + params.sum()), False),
    ],
    ids=["a line", "to minus infinity", "a logarithm", "a parabola", "a bounded function"],
)
def test_functions_that_fall_without_end(function, expected):
    assert falls_without_end(function, np.ones(3)) is expected
