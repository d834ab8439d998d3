"""Losses in expectation over labels: soft labels and costs."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.preprocessing import scale

from sklearn_losses import LossClassifier
from sklearn_losses.losses import (
    CostSensitive,
)


def test_soft_labels_that_are_certain_are_hard_labels():
    X, y = load_iris(return_X_y=True)
    for loss in ("cross_entropy", "squared_hinge", "hinge", "generalized_cross_entropy"):
        hard = LossClassifier(loss, alpha=0.01).fit(X, y)
        soft = LossClassifier(loss, alpha=0.01).fit(X, np.eye(3)[y])
        np.testing.assert_allclose(soft.objective_, hard.objective_, rtol=1e-5, err_msg=loss)
        np.testing.assert_array_equal(soft.predict(X), hard.predict(X))


@pytest.mark.parametrize("loss", ["cross_entropy", "modified_huber"])
def test_soft_labels_are_rows_of_each_class_with_their_weights(loss):
    X, y = load_breast_cancer(return_X_y=True)
    X = scale(X)
    q = 0.1 + 0.8 * y
    soft = LossClassifier(loss, alpha=0.01).fit(X, np.stack([1 - q, q], axis=1))
    both = LossClassifier(loss, alpha=0.01).fit(np.vstack([X, X]), np.repeat([0, 1], len(y)), np.concatenate([1 - q, q]))
    # The mean is over rows here and over twice as many halves there.
    np.testing.assert_allclose(soft.coef_, both.coef_, rtol=1e-5, atol=1e-8)


def test_bad_soft_labels_are_refused():
    X = np.ones((3, 2))
    with pytest.raises(ValueError, match="must be probabilities"):
        LossClassifier().fit(X, np.full((3, 3), 0.5))
    with pytest.raises(ValueError, match="hard labels"):
        LossClassifier(class_weight="balanced").fit(X, np.full((3, 2), 0.5))


@pytest.mark.parametrize("loss", ["cross_entropy", "hinge", "focal"])
def test_costs_of_zero_and_one_change_nothing(loss):
    X, y = load_iris(return_X_y=True)
    plain = LossClassifier(loss, alpha=0.01).fit(X, y)
    costly = LossClassifier(CostSensitive(loss, cost=1 - np.eye(3)), alpha=0.01).fit(X, y)
    np.testing.assert_allclose(costly.objective_, plain.objective_, rtol=1e-4)


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


def test_a_cost_matrix_of_another_size_is_refused():
    with pytest.raises(ValueError, match="shape .3, 3."):
        LossClassifier(CostSensitive(cost=[[0, 1], [1, 0]])).fit(*load_iris(return_X_y=True))
