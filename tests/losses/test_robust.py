"""Robust losses: their scale, their resistance, and agreement with statsmodels and scikit-learn."""

import numpy as np
import pytest
from problems import by_turns
from sklearn.linear_model import HuberRegressor

from sklearn_losses import LossRegressor
from sklearn_losses.losses import Barron, Cauchy, CVaR, Fair, Huber, Loss, RobustLoss, Tilted, Tukey, Welsch
from sklearn_losses.losses.robust import residual_scale

FAMILY = sorted(name for name, maker in Loss.names().items() if isinstance(maker(), RobustLoss))


REDESCENDING = ["tukey", "cauchy", "welsch", "geman_mcclure"]


def line(n=300, outliers=0.0, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    y = X @ [1.0, -2.0, 3.0] + 4 + 0.5 * rng.normal(size=n)
    bad = rng.permutation(n)[: int(outliers * n)]
    y[bad] = 60 + 20 * rng.normal(size=len(bad))
    return X, y


@pytest.mark.parametrize("loss", [*FAMILY, "adaptive_barron", Huber(scale="joint"), Barron(shape=-1.0)], ids=str)
@pytest.mark.parametrize("factor", [1e-3, 250.0])
def test_a_multiple_of_y_gives_that_multiple_of_the_coefficients(loss, factor):
    X, y = line(outliers=0.1)
    # The objective of the joint scale is not in squared units: no penalty there.
    alpha = 0.0 if isinstance(loss, Huber) else 0.1
    one = LossRegressor(loss, alpha=alpha, tol=1e-9).fit(X, y)
    other = LossRegressor(loss, alpha=alpha, tol=1e-9).fit(X, factor * y)
    np.testing.assert_allclose(other.coef_, factor * one.coef_, rtol=1e-4)
    np.testing.assert_allclose(other.intercept_, factor * one.intercept_, rtol=1e-4)
    np.testing.assert_allclose(other.scale_, factor * one.scale_, rtol=1e-4)


@pytest.mark.parametrize("loss", REDESCENDING + ["adaptive_barron"])
def test_thirty_percent_outliers_leave_the_coefficients(loss):
    X, y = line(outliers=0.3)
    truth = np.array([1.0, -2.0, 3.0])
    robust, plain = LossRegressor(loss, alpha=0).fit(X, y), LossRegressor("mse", alpha=0).fit(X, y)
    assert np.max(np.abs(robust.coef_ / truth - 1)) < 0.06
    assert abs(robust.intercept_ - 4) < 0.2
    assert np.max(np.abs(plain.coef_ / truth - 1)) > 0.3
    assert plain.intercept_ > 15


def test_more_starts_are_never_worse():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(60, 2))
    y = np.where(rng.random(60) < 0.5, X @ [5.0, 0.0], X @ [-5.0, 3.0]) + 0.1 * rng.normal(size=60)
    losses = (Tukey(c=1.0, scale=0.3, n_init=n, start="mae") for n in (1, 20))
    values = [LossRegressor(loss, alpha=0, random_state=0).fit(X, y).objective_ for loss in losses]
    assert values[1] < values[0] - 1e-4


def test_joint_scale_is_that_of_HuberRegressor():
    X, y = line(outliers=0.1)
    for alpha in (0.0, 3.0):
        reference = HuberRegressor(epsilon=1.35, alpha=alpha, tol=1e-10, max_iter=10_000).fit(X, y)
        ours = LossRegressor(Huber(scale="joint"), alpha=2 * alpha / len(y), tol=1e-12).fit(X, y)
        np.testing.assert_allclose(ours.coef_, reference.coef_, rtol=1e-4)
        np.testing.assert_allclose(ours.intercept_, reference.intercept_, rtol=1e-4)
        np.testing.assert_allclose(ours.scale_, reference.scale_, rtol=1e-4)


def two_targets():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4))
    noise = rng.standard_t(3, size=(200, 2)) * [1.0, 2.0]
    return X, X @ np.array([[1.0, -1.0], [2.0, 2.0], [3.0, 0.0], [0.0, 5.0]]) + [1.0, -3.0] + noise


def joint_optimum(X, y, delta=1.35):
    """Coefficients with the intercept last, and the scale: in closed form once the rows beyond
    delta scales are known.
    """
    A = np.column_stack([X, np.ones(len(y))])
    params = np.linalg.lstsq(A, y, rcond=None)[0]
    scale = np.median(np.abs(y - A @ params))
    for _ in range(100):
        rest = y - A @ params
        inside = np.abs(rest) <= delta * scale
        # 0 = A_in' (y - A params)_in + scale * delta * A_out' sign, and scale^2 (n - delta^2 n_out)
        # = |(y - A params)_in|^2.
        fixed = np.linalg.lstsq(A[inside], y[inside], rcond=None)[0]
        moved = np.linalg.solve(A[inside].T @ A[inside], delta * A[~inside].T @ np.sign(rest[~inside]))
        left, along = y[inside] - A[inside] @ fixed, A[inside] @ moved
        scale = np.sqrt(left @ left / (len(y) - delta**2 * np.sum(~inside) - along @ along))
        params = fixed + scale * moved
        if np.array_equal(np.abs(y - A @ params) <= delta * scale, inside):
            return params, scale
    raise AssertionError("the rows beyond delta scales do not settle")


@pytest.mark.parametrize("factor", [1e-6, 1e-5, 1e-2, 1.0, 1e4, 1e6])
def test_the_optimum_with_a_joint_scale_in_any_unit(factor):
    X, Y = two_targets()
    model = LossRegressor(Huber(scale="joint"), alpha=0).fit(X, factor * Y[:, 0])
    params, scale = joint_optimum(X, Y[:, 0])
    np.testing.assert_allclose([*model.coef_, model.intercept_, model.scale_], factor * np.append(params, scale), rtol=1e-7)


@pytest.mark.parametrize("factors", [(1e-5, 1e-5), (1e4, 1e4), (1.0, 1e6), (1e3, 1e-3)])
def test_the_optima_with_joint_scales_of_several_targets(factors):
    X, Y = two_targets()
    model = LossRegressor(Huber(scale="joint"), alpha=0).fit(X, Y * factors)
    for k, factor in enumerate(factors):
        params, scale = joint_optimum(X, Y[:, k])
        found = [*model.coef_[k], model.intercept_[k], model.scale_[k]]
        # Of a share of 1e-6 of the objective.
        np.testing.assert_allclose(found, factor * np.append(params, scale), rtol=1e-5)


def test_a_joint_scale_of_rows_without_noise():
    X, Y = two_targets()
    y = X @ [1.0, 2.0, -1.0, 0.5] + 3
    model = LossRegressor(Huber(scale="joint"), alpha=0).fit(X, y)
    np.testing.assert_allclose(model.predict(X), y, atol=1e-8)
    assert model.scale_ < 1e-5


@pytest.mark.parametrize(
    "inner_and_power, factor", by_turns([("mse", 2), ("mae", 1), ("huber", 2), ("fair", 2)], [1e-6, 1e-3, 1e3, 1e6])
)
def test_worst_parts_in_any_unit(inner_and_power, factor):
    inner, power = inner_and_power
    X, Y = two_targets()
    one, other = (LossRegressor(CVaR(inner, 0.2), alpha=0).fit(X, size * Y[:, 0]) for size in (1.0, factor))
    # The loss has kinks, at which a fit that is within tol leaves the coefficients some room.
    assert other.objective_ == pytest.approx(factor**power * one.objective_, rel=1e-6)
    np.testing.assert_allclose([*other.coef_, other.intercept_], factor * np.append(one.coef_, one.intercept_), rtol=2e-3)


@pytest.mark.parametrize("factor", [1e-6, 1e6])
@pytest.mark.parametrize("inner, power", [("mse", 2), ("mae", 1), ("huber", 2)])
def test_tilted_means_in_any_unit(inner, power, factor):
    X, Y = two_targets()
    one = LossRegressor(Tilted(inner, tilt=0.1), alpha=0).fit(X, Y[:, 0])
    other = LossRegressor(Tilted(inner, tilt=0.1 / factor**power), alpha=0).fit(X, factor * Y[:, 0])
    np.testing.assert_allclose([*other.coef_, other.intercept_], factor * np.append(one.coef_, one.intercept_), rtol=1e-6)


def test_scale_is_the_weighted_median_absolute_deviation():
    statsmodels = pytest.importorskip("statsmodels.robust.scale")
    rng = np.random.default_rng(0)
    residual = rng.normal(size=101)
    ours = residual_scale(residual, np.zeros(101), np.ones(101))
    np.testing.assert_allclose(ours, statsmodels.mad(residual), rtol=1e-12)
    weight = rng.integers(1, 5, 101)
    repeated = np.repeat(residual, weight)
    np.testing.assert_allclose(
        residual_scale(residual, np.zeros(101), weight / weight.mean()),
        residual_scale(repeated, np.zeros(len(repeated)), np.ones(len(repeated))),
        rtol=1e-12,
    )


def test_scale_of_data_without_noise_is_that_of_the_targets():
    X = np.arange(20.0)[:, None]
    y = 2 * X[:, 0] + 1
    model = LossRegressor("huber", alpha=0).fit(X, y)
    np.testing.assert_allclose(model.predict(X), y, atol=1e-8)
    assert model.scale_ > 1


def test_each_target_has_its_own_scale():
    X, y = line(outliers=0.1)
    both = LossRegressor("tukey", alpha=0).fit(X, np.stack([y, 100 * y], axis=1))
    alone = LossRegressor("tukey", alpha=0).fit(X, y)
    np.testing.assert_allclose(both.scale_, [alone.scale_, 100 * alone.scale_], rtol=1e-6)
    np.testing.assert_allclose(both.coef_, [alone.coef_, 100 * alone.coef_], rtol=1e-3)
    joint = LossRegressor(Huber(scale="joint"), alpha=0).fit(X, np.stack([y, 100 * y], axis=1))
    np.testing.assert_allclose(joint.scale_[1] / joint.scale_[0], 100, rtol=1e-2)


def test_the_first_batch_decides_on_the_scale():
    X, y = line()
    model = LossRegressor("huber", solver="sgd", random_state=0)
    first = model.partial_fit(X[:100], y[:100]).scale_
    assert model.partial_fit(X[100:], 50 * y[100:]).scale_ == first


def test_a_perceptron_network_with_a_scale():
    X, y = line(outliers=0.1)
    model = LossRegressor("tukey", hidden_layer_sizes=(8,), max_iter=20, tol=0, random_state=0)
    with pytest.warns(UserWarning, match="max_iter"):
        model.fit(X, y)
    assert 0.3 < model.scale_ < 1.0  # the noise is 0.5


def norms():
    robust = pytest.importorskip("statsmodels.robust.norms")
    return [
        (Huber(1.345, scale=1.0), robust.HuberT(1.345)),
        (Tukey(4.685, scale=1.0), robust.TukeyBiweight(4.685)),
    ]


def test_values_and_gradients_are_those_of_statsmodels():
    t, zero = np.linspace(-8, 8, 161), np.zeros(161)
    for loss, norm in norms():
        # statsmodels' bisquare is shifted so that it ends at 0.
        np.testing.assert_allclose(loss.value(t, zero), norm.rho(t) - norm.rho(np.zeros(1)), atol=1e-12)
        np.testing.assert_allclose(loss.gradient(t, zero), -norm.psi(t), atol=1e-12)


class TestStackloss:
    """Coefficients of statsmodels' RLM at the scale that it ends with."""

    @pytest.fixture
    def data(self):
        api = pytest.importorskip("statsmodels.api")
        data = api.datasets.stackloss.load_pandas().data
        return api, data.drop(columns="STACKLOSS").to_numpy(), data["STACKLOSS"].to_numpy()

    @pytest.mark.parametrize("loss", [Huber(1.345), Tukey(4.685)], ids=str)
    def test_huber_and_tukey(self, data, loss):
        api, X, y = data
        norm = api.robust.norms.HuberT(1.345) if isinstance(loss, Huber) else api.robust.norms.TukeyBiweight(4.685)
        reference = api.RLM(y, api.add_constant(X), M=norm).fit(tol=1e-12, maxiter=500)
        ours = LossRegressor(type(loss)(**loss.get_params() | {"scale": float(reference.scale)}), alpha=0, tol=1e-12).fit(X, y)
        np.testing.assert_allclose(ours.coef_, reference.params[1:], rtol=1e-4)
        np.testing.assert_allclose(ours.intercept_, reference.params[0], rtol=1e-4)

    @pytest.mark.parametrize("loss", [Cauchy(), Welsch(), Fair()], ids=str)
    def test_others_by_reweighted_least_squares(self, data, loss):
        """The same stationary point as iteratively reweighted least squares, which shares nothing
        with our solvers.
        """
        api, X, y = data
        scale = 2.0
        loss = type(loss)(**loss.get_params() | {"scale": scale})
        rows = api.add_constant(X)
        params = np.linalg.lstsq(rows, y, rcond=None)[0]
        if not loss.convex:
            start = LossRegressor("mae", alpha=0).fit(X, y)
            params = np.append(start.intercept_, start.coef_)
        for _ in range(5000):
            u = (y - rows @ params) / scale
            root = np.sqrt(loss.psi(u) / np.where(u == 0, 1, u) + (u == 0))
            params = np.linalg.lstsq(rows * root[:, None], y * root, rcond=None)[0]
        ours = LossRegressor(loss, alpha=0, tol=1e-12).fit(X, y)
        np.testing.assert_allclose(ours.coef_, params[1:], rtol=1e-4)
        np.testing.assert_allclose(ours.intercept_, params[0], rtol=1e-4)

    def test_published_optimum(self, data):
        """MASS rlm's scale; the optimum at that scale to ten digits."""
        _, X, y = data
        ours = LossRegressor(Huber(1.345, scale=2.4407137948), alpha=0).fit(X, y)
        np.testing.assert_allclose(ours.coef_, [0.8293789118, 0.9260907096, -0.1278482622], rtol=1e-7)
        np.testing.assert_allclose(ours.intercept_, -41.0265473776, rtol=1e-8)
        ours = LossRegressor(Tukey(4.685, scale=2.2818858796), alpha=0, tol=1e-12).fit(X, y)
        np.testing.assert_allclose(ours.coef_, [0.9275570518, 0.6507187397, -0.1123331588], rtol=1e-5)


def test_joint_scale_needs_a_wide_delta():
    with pytest.raises(ValueError, match="delta above 1"):
        LossRegressor(Huber(delta=0.9, scale="joint")).fit(*line())
