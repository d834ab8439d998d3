"""Several quantiles at once: each at its optimum, in order everywhere, cheaper than one by one."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import mean_pinball_loss
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_losses import LossRegressor, MultiQuantileRegressor
from sklearn_losses.losses import Quantile
from sklearn_losses.piecewise.terms import PiecewiseLinearTerms

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


@pytest.fixture(scope="module")
def spread_grows():
    """The noise is proportional to the first feature, so that the true quantiles fan out and linear
    ones meet at its 0.
    """
    rng = np.random.default_rng(0)
    X = rng.uniform(0.5, 2, (400, 4))
    return X, X @ np.array([1.0, 2.0, 0.0, -1.0]) + 0.5 * X[:, 0] * rng.standard_normal(400)


@pytest.mark.parametrize("storage", [np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])
@pytest.mark.parametrize("penalty", [{"alpha": 0.0}, {"alpha": 0.01}, {"alpha": 0.01, "l1_ratio": 1.0}], ids=str)
def test_each_level_is_its_own_optimum(spread_grows, penalty, storage):
    X, y = spread_grows
    weight = np.random.default_rng(1).exponential(1.0, len(y))
    together = MultiQuantileRegressor(LEVELS, **penalty).fit(storage(X), y, weight)
    assert together.converged_ and np.all(together.dual_gap_ <= 1e-6)
    for level, coef, intercept in zip(LEVELS, together.coef_, together.intercept_, strict=True):
        alone = LossRegressor(Quantile(level), **penalty).fit(X, y, weight)
        value = np.average(Quantile(level).value(y, X @ coef + intercept), weights=weight)
        ratio = penalty.get("l1_ratio", 0.0)
        value += penalty["alpha"] * ((1 - ratio) / 2 * coef @ coef + ratio * np.abs(coef).sum())
        assert value == pytest.approx(alone.objective_, rel=1e-9)


def test_predictions_never_cross_and_sorting_lowers_the_loss(spread_grows):
    X, y = spread_grows
    fitted = MultiQuantileRegressor(LEVELS, alpha=0.0).fit(X, y)
    grid = np.vstack([X, X - [3, 0, 0, 0], 10 * X - 20])
    planes = grid @ fitted.coef_.T + fitted.intercept_
    assert np.any(np.diff(planes, axis=1) < -1e-3)  # the planes themselves do cross out there
    predicted = fitted.predict(grid)
    assert np.all(np.diff(predicted, axis=1) >= 0)
    targets = np.random.default_rng(2).standard_normal(len(grid))
    losses = [sum(mean_pinball_loss(targets, p[:, k], alpha=q) for k, q in enumerate(LEVELS)) for p in (predicted, planes)]
    assert losses[0] < losses[1]
    covered = np.mean((predicted[:400, 0] <= y) & (y <= predicted[:400, -1]))
    assert covered == pytest.approx(0.9, abs=0.02)
    expected = -np.mean([mean_pinball_loss(y, fitted.predict(X)[:, k], alpha=q) for k, q in enumerate(LEVELS)])
    assert fitted.score(X, y) == pytest.approx(expected)


@pytest.fixture
def work(monkeypatch):
    """The multiplications of rows and columns that exact solvers make, as a list that grows."""
    done = []

    def counted(method, columns):
        def counting(self, array):
            done.append(self.batches.X.size * columns(self))
            return method(self, array)

        return counting

    for name in ("_arguments", "direction", "adjoint"):
        monkeypatch.setattr(PiecewiseLinearTerms, name, counted(getattr(PiecewiseLinearTerms, name), lambda terms: 1))
    monkeypatch.setattr(PiecewiseLinearTerms, "gram", counted(PiecewiseLinearTerms.gram, lambda terms: terms.model.n_params))
    return done


def test_a_path_costs_a_fraction_of_cold_fits(work):
    """Also through a plain `warm_start`: a new level starts from the old plane at its own
    height.
    """
    rng = np.random.default_rng(0)
    X = rng.standard_normal((6000, 8))
    y = X @ rng.standard_normal(8) + (1 + np.abs(X[:, 0])) * rng.standard_normal(6000)
    levels = np.linspace(0.1, 0.9, 9)
    together = MultiQuantileRegressor(levels, alpha=0.0).fit(X, y)
    costs = [sum(work)]
    for options in ({"warm_start": True}, {}):
        work.clear()
        model, fits = LossRegressor(Quantile(), alpha=0.0, **options), []
        for level in levels:
            model = model if options else clone(model)
            fits.append(model.set_params(loss__quantile=level).fit(X, y).coef_)
        costs.append(sum(work))
        np.testing.assert_allclose(together.coef_, fits, atol=1e-7)
    assert costs[0] == costs[1] < 0.6 * costs[2]


def test_a_path_of_alpha_costs_a_fraction_too(work):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((6000, 8))
    y = X @ rng.standard_normal(8) + rng.standard_t(2, 6000)
    warm, costs = LossRegressor("mae", warm_start=True), [[], []]
    for alpha in np.geomspace(1e-2, 1e-4, 5):
        for k, model in enumerate((warm.set_params(alpha=alpha), LossRegressor("mae", alpha=alpha))):
            work.clear()
            model.fit(X, y)
            costs[k].append(sum(work))
        assert warm.objective_ == pytest.approx(model.objective_, rel=1e-10)
    assert sum(costs[0][1:]) < 0.5 * sum(costs[1][1:])


@pytest.mark.parametrize("quantiles", [(0.5, 0.1), (0.5, 0.5), (0.0, 0.5), (0.5, 1.0), (), 0.5, ("a",), None, (0.1, np.nan)])
def test_bad_levels(quantiles):
    with pytest.raises(ValueError, match="increasing numbers strictly between 0 and 1"):
        MultiQuantileRegressor(quantiles).fit(np.eye(3), np.arange(3.0))


def test_max_iter_warns_and_parameters_stay(spread_grows):
    model = MultiQuantileRegressor(np.array([0.2, 0.8]), max_iter=2)
    with pytest.warns(ConvergenceWarning, match="max_iter=2"):
        model.fit(*spread_grows)
    assert not model.converged_
    assert model.coef_.shape == (2, 4) and model.intercept_.shape == (2,)
    assert clone(model).max_iter == 2


@parametrize_with_checks([MultiQuantileRegressor()])
def test_check_estimator(estimator, check):
    """All but two checks, which want one column of predictions."""
    if check.func.__name__ in ("check_estimator_sparse_array", "check_estimator_sparse_matrix"):
        assert estimator.fit(sparse.csr_array(np.eye(30)), np.arange(30.0)).predict(np.eye(30)).shape == (30, 3)
    else:
        check(estimator)
