"""The expected cost as a loss."""

import numpy as np
import pytest
from cost_problems import ASYMMETRIC, DISTANCE
from sklearn.datasets import load_iris

from sklearn_losses import LossClassifier
from sklearn_losses.losses import ExpectedCost, GeneralizedCrossEntropy


def softmax(raw):
    share = np.exp(raw - raw.max(axis=1, keepdims=True))
    return share / share.sum(axis=1, keepdims=True)


def test_it_is_the_expected_cost():
    rng = np.random.default_rng(0)
    raw, y = 2 * rng.normal(size=(30, 3)), rng.integers(0, 3, 30)
    expected = (softmax(raw) * ASYMMETRIC[y]).sum(axis=1)
    np.testing.assert_allclose(ExpectedCost(ASYMMETRIC).value(y, raw), expected)
    np.testing.assert_allclose(ExpectedCost(ASYMMETRIC).value(np.eye(3)[y], raw), expected)
    np.testing.assert_allclose(ExpectedCost().of_rows().value(ASYMMETRIC[y], raw), expected)


def test_without_costs_it_is_the_share_of_wrong_decisions():
    rng = np.random.default_rng(0)
    for raw in (rng.normal(size=(20, 4)), rng.normal(size=20)):
        y = rng.integers(0, 2, 20)
        for one, other in zip(
            ExpectedCost().value_and_gradient(y, raw), GeneralizedCrossEntropy(1.0).value_and_gradient(y, raw), strict=True
        ):
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("n_classes", [2, 3, 6])
@pytest.mark.parametrize("size", [1.0, 20.0])
def test_derivatives(n_classes, size):
    rng = np.random.default_rng(0)
    shape = 40 if n_classes == 2 else (40, n_classes)
    cost, raw, way = rng.normal(size=(40, n_classes)), size * rng.normal(size=shape), rng.normal(size=shape)
    loss, step = ExpectedCost().of_rows(), 1e-5
    slope = (loss.value(cost, raw + step * way) - loss.value(cost, raw - step * way)) / (2 * step)
    np.testing.assert_allclose((loss.gradient(cost, raw) * way).reshape(40, -1).sum(axis=1), slope, atol=1e-9)
    bend = (loss.gradient(cost, raw + step * way) - loss.gradient(cost, raw - step * way)) / (2 * step)
    np.testing.assert_allclose(loss.hessian_product(cost, raw, way), bend, atol=1e-8)
    matrix = loss.hessian_matrix(cost, raw)
    diagonal = matrix if n_classes == 2 else np.einsum("nkk->nk", matrix)
    np.testing.assert_allclose(diagonal, loss.hessian(cost, raw), rtol=1e-12, atol=1e-18)


def test_what_is_left_where_a_decision_is_as_good_as_certain():
    """Shares of 1e-17 beside 1: neither is lost."""
    raw, cost = np.array([[40.0, 0.0, -1.0]]), np.array([[1e9, 0.0, 5.0]])
    long = raw.astype(np.longdouble)
    share = softmax(long)[0]
    above = np.array([(share * (cost[0, k] - cost[0])).sum() for k in range(3)])
    value, gradient = ExpectedCost().of_rows().value_and_gradient(cost, raw)
    np.testing.assert_allclose(gradient[0], (share * above).astype(float), rtol=1e-12)
    assert value[0] == 1e9
    for dtype in (np.float32, np.float64):
        for far in (np.array([[1e4, -1e4, 0.0]], dtype), np.array([-1e4], dtype)):
            found = ExpectedCost().of_rows().value_and_gradient(cost[:, : 3 if far.ndim > 1 else 2], far)
            assert all(np.all(np.isfinite(part)) and part.dtype == dtype for part in found)


def test_it_gives_up_some_rows_where_a_line_cannot_be_right():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(2000, 1))
    y = (X[:, 0] < -0.8) | (X[:, 0] > 0.3)  # a tenth is on the wrong side of any threshold near 0.3
    wrong = [np.mean(LossClassifier(loss, alpha=1e-4).fit(X, y).predict(X) != y) for loss in ("cross_entropy", "expected_cost")]
    assert wrong[1] < 0.11 and wrong[0] > 0.2


def test_the_fit_starts_from_the_convex_losses():
    X, y = load_iris(return_X_y=True)
    model = LossClassifier(ExpectedCost(DISTANCE), alpha=0.001).fit(X, y)
    assert repr(model.loss.initial_estimator).startswith("CostSensitive")
    assert model.converged_ and model.loss_ < 0.06
    assert not hasattr(model, "predict_proba")


def test_soft_labels_and_their_rows():
    X, y = load_iris(return_X_y=True)
    hard = LossClassifier(ExpectedCost(DISTANCE), alpha=0.01).fit(X, y)
    soft = LossClassifier(ExpectedCost(DISTANCE), alpha=0.01).fit(X, np.eye(3)[y])
    assert soft.objective_ == pytest.approx(hard.objective_, rel=1e-5)
