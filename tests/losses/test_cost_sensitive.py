"""Losses under costs of decisions."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris

from sklearn_losses import LossClassifier
from sklearn_losses.losses import CostSensitive


@pytest.mark.parametrize("loss", ["cross_entropy", "hinge", "focal"])
def test_costs_of_zero_and_one_change_nothing_for_two_classes(loss):
    X, y = load_breast_cancer(return_X_y=True)
    plain = LossClassifier(loss, alpha=0.01).fit(X, y)
    costly = LossClassifier(CostSensitive(loss, cost=1 - np.eye(2)), alpha=0.01).fit(X, y)
    np.testing.assert_allclose(costly.objective_, plain.objective_, rtol=1e-5)


def test_costs_lower_the_cost():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 900)
    X = np.eye(3)[y] + 0.9 * rng.normal(size=(900, 3))
    cost = np.array([[0, 1, 10], [1, 0, 10], [1, 1, 0]])
    for loss in ("cross_entropy", "squared_hinge"):
        plain = LossClassifier(loss).fit(X[::2], y[::2])
        costly = LossClassifier(CostSensitive(loss, cost)).fit(X[::2], y[::2])
        paid = [cost[y[1::2], model.predict(X[1::2])].mean() for model in (plain, costly)]
        assert paid[1] < 0.8 * paid[0]


@pytest.mark.parametrize(
    "cost, message",
    [
        ([[0, 1], [1, 0]], "shape .3, 3."),
        ([[0, 1, 1], [1, 0]], "shape .3, 3."),
        ([[0, 1, np.nan], [1, 0, 1], [1, 1, 0]], "nan or infinite"),
        (np.ones((3, 3)), "the same"),
        (np.eye(3), "gains"),
    ],
)
def test_what_is_no_matrix_of_costs_is_refused(cost, message):
    with pytest.raises(ValueError, match=message):
        LossClassifier(CostSensitive(cost=cost)).fit(*load_iris(return_X_y=True))
