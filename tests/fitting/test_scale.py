"""The scale of a robust loss under a penalty, on data that lie on a plane, and with few rows."""

import numpy as np
import pytest
from numpy.random import RandomState
from scipy import sparse

from sklearn_losses import LossRegressor
from sklearn_losses.fitting.rows import Rows
from sklearn_losses.fitting.scale import fixed_point, scale_of_residuals
from sklearn_losses.losses import AdaptiveBarron, Barron, Cauchy, Fair, GemanMcClure, Huber, Tukey, Welsch

STARTED = [loss(start="mae") for loss in (Tukey, Cauchy, Welsch, GemanMcClure, Barron)]
SCALED = [Huber(), Fair(), *STARTED]
LEARNED = [Huber(scale="joint"), AdaptiveBarron(start="mae")]


def few_rows(n=200, p=400):
    """Rows with three columns that matter, noise of heavy tails and a tenth of outliers."""
    rng = RandomState(1)
    X = rng.randn(n, p)
    noise = rng.standard_t(3, n)
    y = X[:, :3] @ [5, -5, 5] + noise
    y[: n // 10] += 100
    return X, y


def mad(values):
    return np.median(np.abs(values - np.median(values))) / 0.6744897501960817


@pytest.mark.parametrize("loss", SCALED, ids=str)
def test_the_scale_of_an_l1_fit_is_that_of_its_noise(loss):
    X, y = few_rows()
    model = LossRegressor(loss, alpha=0.3, l1_ratio=1).fit(X, y)
    # 1.1 of the noise, and what the penalty leaves of the columns: more under a small gradient.
    assert 1 < model.scale_ < (2 if loss == "geman_mcclure" else 1.7)


@pytest.mark.parametrize("loss", [Huber(), Tukey(start="mae")], ids=str)
def test_outliers_do_not_matter_to_an_l1_fit(loss):
    X, y = few_rows()
    test = RandomState(2).randn(1000, 400)
    error = LossRegressor(loss, alpha=0.3, l1_ratio=1).fit(X, y).predict(test) - test[:, :3] @ [5, -5, 5]
    assert np.sqrt(np.mean(error**2)) < 0.8


@pytest.mark.parametrize("alpha, l1_ratio", [(0.3, 1.0), (0.3, 0.5), (1.0, 0.0), (30.0, 0.0), (1e3, 1.0)])
def test_the_scale_is_that_of_the_residuals_of_the_fit_at_it(alpha, l1_ratio):
    X, y = few_rows()
    found = LossRegressor("huber", alpha=alpha, l1_ratio=l1_ratio).fit(X, y).scale_
    # The correction by the number of parameters comes last, so the scale before it is looked for.
    scales = found * np.geomspace(0.6, 1, 8)
    left = [mad(y - LossRegressor(Huber(scale=s), alpha=alpha, l1_ratio=l1_ratio).fit(X, y).predict(X)) for s in scales]
    assert left[-1] <= 1.001 * scales[-1] and left[0] >= 0.99 * scales[0]


def test_a_fixed_point_from_above():
    for share in (0.1, 0.9, -0.5, -3.0):
        calls = []

        def found(scale, tol, share=share, calls=calls):
            calls.append(scale)
            return min(2.0 * (scale / 2.0) ** share, 50.0)

        assert fixed_point(found, 50.0, 1e-9) == pytest.approx(2.0, rel=1e-3)
        assert len(calls) <= 20


def test_a_fixed_point_may_be_missing():
    assert fixed_point(lambda scale, tol: 0.5 * scale, 1.0, 1e-8) <= 1e-8
    assert fixed_point(lambda scale, tol: 2.0 * scale, 1.0, 1e-8) == 1.0
    # A jump has none; it is told where it is.
    assert fixed_point(lambda scale, tol: 1.0 if scale > 2 else 4.0, 10.0, 1e-8) == pytest.approx(2.0, rel=1e-3)


def test_the_scale_of_several_targets_and_of_sparse_rows_in_float32():
    X, y = few_rows()
    alone = LossRegressor("huber", alpha=0.6, l1_ratio=1).fit(X, y)
    both = LossRegressor("huber", alpha=0.3, l1_ratio=1).fit(X, np.stack([y, 1 - 2 * y], axis=1))
    assert both.scale_[0] == pytest.approx(alone.scale_, rel=1e-6) and 1.0 < both.scale_[1] / 2 < alone.scale_
    rows = np.where(np.abs(X) > 0.5, X, 0).astype(np.float32)
    dense = LossRegressor("huber", alpha=0.3, l1_ratio=0.5).fit(rows, y)
    found = LossRegressor("huber", alpha=0.3, l1_ratio=0.5).fit(sparse.csr_array(rows), y.astype(np.float32))
    assert found.scale_ == pytest.approx(dense.scale_, rel=1e-3)


@pytest.mark.parametrize("alpha, l1_ratio", [(0.3, 1.0), (0.1, 0.5), (0.5, 0.0), (0.0, 0.0), ("auto", 0.0)])
def test_a_weight_of_two_is_a_row_twice(alpha, l1_ratio):
    X, y = few_rows(60, 40)
    count = RandomState(0).randint(0, 4, 60)
    weighted = LossRegressor("huber", alpha=alpha, l1_ratio=l1_ratio).fit(X, y, 3.7 * count)
    repeated = LossRegressor("huber", alpha=alpha, l1_ratio=l1_ratio).fit(np.repeat(X, count, axis=0), np.repeat(y, count))
    assert weighted.scale_ == pytest.approx(repeated.scale_, rel=1e-6)


@pytest.mark.parametrize("alpha, l1_ratio", [(0.3, 1.0), (1.0, 0.0)])
def test_the_scale_is_smooth_in_the_penalty_and_follows_the_unit(alpha, l1_ratio):
    X, y = few_rows()
    scales = [LossRegressor("huber", alpha=a, l1_ratio=l1_ratio).fit(X, y).scale_ for a in alpha * np.linspace(1, 1.1, 5)]
    assert np.max(np.abs(np.diff(np.log(scales)))) < 0.02
    in_units = LossRegressor("huber", alpha=alpha * 1e8**l1_ratio, l1_ratio=l1_ratio).fit(X, 1e8 * y)
    assert in_units.scale_ == pytest.approx(1e8 * scales[0], rel=1e-4)


@pytest.mark.parametrize("n_columns, low, high", [(10, 0.8, 1.2), (60, 0.8, 1.25), (100, 0.9, 1.4), (150, 0.9, 1.7)])
def test_rows_that_the_least_absolute_deviations_pass_through_do_not_count(n_columns, low, high):
    rng = RandomState(0)
    X = rng.randn(200, n_columns)
    y = X @ rng.randn(n_columns) + rng.randn(200)
    assert low < LossRegressor("huber", alpha=0).fit(X, y).scale_ < high


PLANE = np.array([1.0, -2.0, 3.0, 0.5])


def plane(n=120, outliers=0.4):
    rng = RandomState(0)
    X = rng.randn(n, 4)
    y = X @ PLANE + 4
    y[: int(outliers * n)] = 10 * rng.randn(int(outliers * n)) + 30
    return X, y


def assert_plane(model, coef, intercept, unit=1.0, close=1e-6):
    np.testing.assert_allclose(np.append(model.coef_, model.intercept_) / unit, np.append(coef, intercept), atol=close)
    assert model.converged_ and 0 < model.scale_ < 1e-5 * unit


@pytest.mark.parametrize("loss", SCALED + LEARNED, ids=str)
def test_a_majority_on_a_plane_is_followed(loss):
    X, y = plane()
    assert_plane(LossRegressor(loss).fit(X, y), PLANE, 4)
    for unit in (1e8, 1e-8):
        assert_plane(LossRegressor(loss, alpha=0).fit(X, unit * y), PLANE, 4, unit, 3e-6)
    assert_plane(LossRegressor(loss, l1_ratio=1).fit(X, y, RandomState(1).uniform(0.5, 1, len(y))), PLANE, 4)
    assert_plane(LossRegressor(loss).fit(X.astype(np.float32), y.astype(np.float32)), PLANE, 4, close=1e-5)


@pytest.mark.parametrize("loss", SCALED + LEARNED, ids=str)
@pytest.mark.parametrize("penalty", [{}, {"alpha": 0.1}, {"alpha": 0.1, "l1_ratio": 1.0}], ids=str)
def test_a_constant_majority_is_followed(loss, penalty):
    rng = RandomState(0)
    X, y = rng.randn(100, 3), np.append(np.zeros(60), rng.poisson(3, 40) + 1.0)
    assert_plane(LossRegressor(loss, **penalty).fit(X, y + 7), np.zeros(3), 7, close=3e-6)


def test_a_majority_in_each_of_some_groups_is_followed():
    group = np.repeat(np.arange(5), 40)
    X = np.eye(5)[group][:, 1:]
    y = np.where(np.arange(200) % 40 < 26, group**2, RandomState(0).randn(200) * 10)
    assert_plane(LossRegressor("huber").fit(X, y), [1, 4, 9, 16], 0, close=3e-6)


def test_rows_that_any_fit_passes_through_are_no_plane():
    rng = RandomState(0)
    X, y = rng.randn(60, 35), rng.randn(60)
    fitted = LossRegressor("mae", alpha=0).fit(X, y)
    assert np.mean(np.abs(y - fitted.predict(X)) < 1e-9) > 0.5
    for rows, target, weight in (
        (X, y, None),
        (X, y, rng.uniform(0.2, 5, 60)),
        (np.repeat(X, 3, axis=0), np.repeat(y, 3), None),
        (sparse.csr_array(X), y, None),
    ):
        assert 0.3 < LossRegressor("huber", alpha=0).fit(rows, target, weight).scale_ < 3


def test_a_fit_without_any_residual_knows_no_scale():
    X, y = few_rows(20, 40)
    for penalty in ({}, {"l1_ratio": 1.0}, {"alpha": 0.0}):
        assert LossRegressor("huber", **penalty).fit(X, y).scale_ == pytest.approx(mad(y))
    assert scale_of_residuals(Rows(X, np.full(20, 3.0), None), np.full(20, 3.0)) > 0


def test_a_subclass_need_not_take_the_parameters_of_its_base():
    class Lasso(LossRegressor):
        def __init__(self, strength):
            super().__init__("huber", alpha=strength, l1_ratio=1.0)
            self.strength = strength

    X, y = few_rows()
    assert Lasso(0.3).fit(X, y).scale_ == LossRegressor("huber", alpha=0.3, l1_ratio=1.0).fit(X, y).scale_


def test_one_row_and_constant_columns():
    assert LossRegressor("huber", alpha=0.1).fit([[1.0]], [2.0]).predict([[1.0]]) == pytest.approx(2)
    X, y = few_rows(50, 4)
    wide = np.column_stack([X, np.full(50, 1e6), X[:, :1]])
    for l1_ratio in (0.0, 1.0):
        one, other = (LossRegressor("huber", alpha=0.1, l1_ratio=l1_ratio).fit(rows, y) for rows in (X, wide[:, :5]))
        assert other.scale_ == pytest.approx(one.scale_, rel=1e-5)
        assert 0.5 < LossRegressor("huber", alpha=0.1, l1_ratio=l1_ratio).fit(wide, y).scale_ < 2


def test_rows_that_are_all_alike_take_nothing_from_the_others():
    """A fifth of the rows has X = 0 and the same target; next to it lie rows that all differ."""
    rng = np.random.RandomState(0)
    X = rng.standard_normal((1000, 5))
    y = X.sum(axis=1) + rng.standard_normal(1000)
    X[:200], y[:200] = 0.0, 0.5
    alike = LossRegressor("huber", alpha=0.01).fit(X, y)
    y[:200] += 1e-9 * rng.standard_normal(200)
    assert alike.scale_ == pytest.approx(LossRegressor("huber", alpha=0.01).fit(X, y).scale_, rel=1e-2)
