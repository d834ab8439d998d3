"""alpha="auto": the penalty in the units of the loss and of the target."""

import warnings

import numpy as np
import pytest
from problems import by_turns
from scipy.optimize import minimize
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler

from sklearn_losses import LossClassifier, LossRanker, LossRegressor, MultiQuantileRegressor, make_ranking
from sklearn_losses.fitting.strength import Units
from sklearn_losses.losses import (
    MAE,
    MSE,
    CustomLoss,
    CVaR,
    EpsilonInsensitive,
    Expectile,
    Huber,
    LogCosh,
    Loss,
    Quantile,
    Tilted,
    Trimmed,
)  # fmt: skip
from sklearn_losses.solvers import Adam


def three_to_one(y_true, y_pred):
    error = y_true - y_pred
    return np.maximum(3 * error, -error)


def absolute(y_true, y_pred):
    return np.abs(y_true - y_pred)


RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 4)) * [1.0, 2.0, 0.5, 3.0] + [0.0, 1.0, 0.0, 0.0]
Y = X @ [1.0, -2.0, 0.0, 0.3] + 5 + RNG.standard_t(3, size=120)
TWO = np.stack([Y, 50 * Y**2 + RNG.normal(size=120)], axis=1)
FACTORS = (1e-6, 7.0, 1e6)

NAMED = [maker() for _, maker in sorted(Loss.names().items()) if maker.task == "regression"]
COMPOSED = [
    Huber(scale="joint"), Quantile(0.9), Expectile(0.1), CVaR("mae", share=0.5), CVaR("mse", share=0.5), Trimmed("mse"),
    Trimmed("mae"), 0.5 * MAE() + 2 * Quantile(0.6), 0.5 * MSE() + 2 * Huber(), EpsilonInsensitive(0.0),
    CustomLoss(three_to_one), CustomLoss(absolute), CustomLoss(absolute, convex=True),
]  # fmt: skip


def in_fit(loss, y):
    """The loss as a fit would use it."""
    bound = loss.inner if isinstance(loss, Trimmed) else loss.bind(y, 1, "regression")
    return bound.calibrated(y, np.full(len(y), np.median(y)), np.ones(len(y)))


def degree(loss):
    """The power of c by which c * y and c * raw change the values of a loss, told from the values;
    None where there is none.
    """
    raw = Y + np.linspace(-3, 3, len(Y))
    if getattr(loss, "positive_target", False):
        return None

    def values(factor):
        used = in_fit(loss, factor * Y)
        return used.value(factor * Y, factor * raw) if not used.n_constants else None

    # Which constants a loss learns is its own affair; the family says what it is homogeneous in.
    if values(1.0) is None:
        return 1 if isinstance(loss, Huber) or getattr(loss, "loss", None) == "mae" else 2
    power = np.log(values(8.0).sum() / values(1.0).sum()) / np.log(8)
    return round(power) if np.allclose(values(8.0), 8 ** round(power) * values(1.0), rtol=1e-6) else None


HOMOGENEOUS = [loss for loss in NAMED + COMPOSED if degree(loss)]


def label(loss):
    # The address of a function is another in each process.
    return getattr(loss, "__name__", repr(loss))[:40]


def test_the_homogeneous_losses_are_the_expected_ones():
    others = {loss.name for loss in NAMED if loss not in HOMOGENEOUS}
    expected = {"epsilon_insensitive", "squared_epsilon_insensitive", "log_cosh", "poisson", "gamma", "tweedie"}
    assert others == expected and set(COMPOSED) <= set(HOMOGENEOUS)


def parts(model):
    """The strengths of half the squared weights and of their absolute values."""
    return np.array([model.alpha_ * (1 - model.l1_ratio_), model.alpha_ * model.l1_ratio_])


@pytest.mark.parametrize("loss, l1_ratio", by_turns(HOMOGENEOUS, [0.0, 0.5, 1.0]), ids=label)
def test_coefficients_follow_the_unit_of_the_target(loss, l1_ratio):
    check_units(loss, l1_ratio, Y)


@pytest.mark.parametrize("loss", [loss for loss in HOMOGENEOUS if not isinstance(loss, (CVaR, CustomLoss))], ids=label)
def test_coefficients_follow_the_unit_of_several_targets(loss):
    check_units(loss, 0.5 if loss.convex else 0.0, TWO)


def check_units(loss, l1_ratio, y):
    # L-BFGS's steps have a unit: its strength alone is looked at.
    max_iter = 2 if isinstance(loss, CustomLoss) else 100
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        one, *others = (LossRegressor(loss, l1_ratio=l1_ratio, max_iter=max_iter).fit(X, c * y) for c in (1.0, *FACTORS))
    power = degree(loss)
    for factor, other in zip(FACTORS, others, strict=True):
        np.testing.assert_allclose(parts(other), parts(one) * factor ** np.array([power - 2.0, power - 1]), rtol=1e-7)
        if "lbfgs" not in one.solver_ + other.solver_:
            size = np.max(np.abs(one.coef_))
            np.testing.assert_allclose(other.coef_ / factor, one.coef_, rtol=1e-8, atol=1e-10 * size)
            np.testing.assert_allclose(other.intercept_ / factor, one.intercept_, rtol=1e-8)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("weight", [None, np.arange(120) % 5 + 0.5], ids=["equal", "weighted"])
def test_one_loss_by_four_names_is_one_model(l1_ratio, weight):
    with warnings.catch_warnings():
        # Of the custom loss under an L1 penalty.
        warnings.simplefilter("ignore", ConvergenceWarning)
        models = [
            LossRegressor(loss, l1_ratio=l1_ratio).fit(X, Y, weight)
            for loss in ("mae", "quantile", EpsilonInsensitive(0.0), CustomLoss(absolute, convex=True))
        ]
    known, *others = models
    for model, factor in zip(others, (0.5, 1.0, 1.0), strict=True):
        assert model.alpha_ == pytest.approx(factor * known.alpha_, rel=1e-8)
        assert not model.converged_ or model.objective_ == pytest.approx(factor * known.objective_, rel=2e-6)
    for model in others[:2]:
        np.testing.assert_allclose(model.coef_, known.coef_, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["poisson", "gamma", "tweedie"])
@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
def test_a_log_link_moves_the_intercept_alone(name, l1_ratio):
    y = np.exp(X[:, 0] / 3 + RNG.normal(size=120))
    one = LossRegressor(name, l1_ratio=l1_ratio, tol=1e-10).fit(X, y)
    for factor in FACTORS:
        other = LossRegressor(name, l1_ratio=l1_ratio, tol=1e-10).fit(X, factor * y)
        np.testing.assert_allclose(other.coef_, one.coef_, rtol=1e-5, atol=1e-7)
        assert other.intercept_ == pytest.approx(one.intercept_ + np.log(factor), rel=1e-6)
    assert one.alpha_ == pytest.approx(1e-4 * one._loss.null_loss(y, np.ones(120)), rel=1e-12) and one.l1_ratio_ == l1_ratio


def worst_half(values, weight):
    """The mean of the half of the rows with the largest values, by weight."""
    order = np.argsort(-values)
    room = np.clip(weight.sum() / 2 - (np.cumsum(weight[order]) - weight[order]), 0, weight[order])
    return room @ values[order] / room.sum()


TEXTBOOK = [
    ("mae", lambda t, w: np.average(np.abs(t), weights=w)),
    (Quantile(0.9), lambda t, w: np.average(np.maximum(0.9 * t, -0.1 * t), weights=w)),
    (EpsilonInsensitive(1.0), lambda t, w: np.average(np.maximum(np.abs(t) - 1, 0), weights=w)),
    (LogCosh(), lambda t, w: np.average(np.log(np.cosh(t)), weights=w)),
    (Huber(scale=1.0), lambda t, w: np.average(np.where(abs(t) < 1.35, t**2 / 2, 1.35 * abs(t) - 1.35**2 / 2), weights=w)),
    (CustomLoss(three_to_one), lambda t, w: np.average(np.maximum(3 * t, -t), weights=w)),
    (CVaR("mse", share=0.5), lambda t, w: worst_half(t**2, w)),
    (CVaR("mae", share=0.5), lambda t, w: worst_half(np.abs(t), w)),
]


@pytest.mark.parametrize(("loss", "mean"), TEXTBOOK, ids=[label(loss) for loss, _ in TEXTBOOK])
def test_alpha_is_the_loss_of_the_best_constant_over_the_variance(loss, mean):
    weight = np.arange(120) % 3 + 1.0
    model = LossRegressor(loss).fit(X, Y, weight)
    spread = np.ptp(Y)
    grid = np.linspace(Y.min(), Y.max(), 2001)
    near = grid[np.argmin([mean(Y - c, weight) for c in grid])]
    found = minimize(lambda c: mean(Y - c, weight), near, method="Nelder-Mead", options={"xatol": 1e-10 * spread, "fatol": 0})
    variance = np.average((Y - np.average(Y, weights=weight)) ** 2, weights=weight)
    assert model.alpha_ == pytest.approx(1e-4 * found.fun / variance, rel=1e-8) and model.l1_ratio_ == 0


def test_the_constant_of_a_joint_scale_is_the_best_one():
    model = LossRegressor(Huber(scale="joint")).fit(X, Y)

    def mean(point):
        u = np.abs(Y - point[0]) / np.exp(point[1])
        return np.exp(point[1]) * np.mean(1 + np.where(u < 1.35, u**2, 2 * 1.35 * u - 1.35**2))

    found = minimize(mean, [np.median(Y), 0.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-14, "maxiter": 2000})
    assert model.alpha_ == pytest.approx(1e-4 * found.fun / np.var(Y), rel=1e-7)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e5])
def test_least_squares_keeps_its_strength(scale):
    model = LossRegressor(tol=1e-12).fit(X, scale * Y)
    assert (model.alpha_, model.l1_ratio_) == (1e-4, 0.0)
    np.testing.assert_allclose(model.coef_, Ridge(alpha=120 * 1e-4 / 2).fit(X, scale * Y).coef_, rtol=1e-9)
    two = LossRegressor(tol=1e-12).fit(X, scale * TWO)
    assert two.alpha_ == pytest.approx(1e-4, rel=1e-12)
    np.testing.assert_allclose(two.coef_, Ridge(alpha=2 * 120 * 1e-4 / 2).fit(X, scale * TWO).coef_, rtol=1e-9)


def test_a_number_means_what_the_formula_says():
    for alpha in (1e-3, 0, np.float64(2.0)):
        model = LossRegressor("mae", alpha=alpha, l1_ratio=0.3).fit(X, 1000 * Y)
        assert (model.alpha_, model.l1_ratio_) == (alpha, 0.3)
        penalty = 0.7 / 2 * np.sum(model.coef_**2) + 0.3 * np.sum(np.abs(model.coef_))
        assert model.objective_ == pytest.approx(np.mean(np.abs(1000 * Y - model.predict(X))) + alpha * penalty, rel=1e-9)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.4, 1.0])
def test_the_fitted_numbers_are_those_of_the_formula(l1_ratio):
    model = LossRegressor("mae", l1_ratio=l1_ratio).fit(X, 1000 * Y)
    squares, sizes = np.sum(model.coef_**2), np.sum(np.abs(model.coef_))
    penalty = model.alpha_ * ((1 - model.l1_ratio_) / 2 * squares + model.l1_ratio_ * sizes)
    assert model.objective_ == pytest.approx(model.loss_ + penalty, rel=1e-12)
    null, spread = np.mean(np.abs(1000 * Y - np.median(1000 * Y))), np.std(1000 * Y)
    share = (1 - l1_ratio) / 2 * squares / spread**2 + l1_ratio * sizes / spread
    assert penalty == pytest.approx(1e-4 * null * share, rel=1e-9)
    same = LossRegressor("mae", alpha=model.alpha_, l1_ratio=model.l1_ratio_).fit(X, 1000 * Y)
    np.testing.assert_allclose(same.coef_, model.coef_, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    "loss", ["mae", "log_cosh", "epsilon_insensitive", "quantile", Huber(scale="joint"), Huber(scale=1.0), "huber", absolute],
    ids=lambda loss: getattr(loss, "__name__", str(loss)),
)  # fmt: skip
@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_every_loss_explains_the_target_about_as_well_as_least_squares(loss, scale):
    rows, y = load_diabetes(return_X_y=True)
    rows, y = StandardScaler().fit_transform(rows)[::3], y[::3]
    squares = LossRegressor().fit(rows, scale * y).score(rows, scale * y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LossRegressor(loss, max_iter=60).fit(rows, scale * y)
    assert model.score(rows, scale * y) > squares - 0.02


def test_several_targets_are_penalised_no_more_than_alone():
    y = np.stack([Y, 1e5 * Y[::-1], np.full(120, 3.0)], axis=1)
    for loss in ("mse", "mae", CVaR("mae", share=0.5), "huber"):
        for l1_ratio in (0.0, 1.0):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                both = LossRegressor(loss, l1_ratio=l1_ratio, max_iter=2).fit(X, y)
                alone = [LossRegressor(loss, l1_ratio=l1_ratio, max_iter=2).fit(X, column).alpha_ for column in y.T[:2]]
            assert both.alpha_ == pytest.approx(min(alone), rel=1e-7)


def test_quantiles_have_strengths_of_their_own():
    model = MultiQuantileRegressor((0.05, 0.5, 0.9)).fit(X, Y)
    for row, level in enumerate((0.05, 0.5, 0.9)):
        alone = LossRegressor(Quantile(level)).fit(X, Y)
        assert model.alpha_[row] == alone.alpha_ and model.l1_ratio_[row] == 0
        np.testing.assert_allclose(model.coef_[row], alone.coef_, rtol=1e-8, atol=1e-10)
    for factor in FACTORS:
        other = MultiQuantileRegressor((0.05, 0.5, 0.9)).fit(X, factor * Y)
        np.testing.assert_allclose(other.coef_ / factor, model.coef_, rtol=1e-8, atol=1e-10)
    assert MultiQuantileRegressor(alpha=0.5).fit(X, Y).alpha_.tolist() == [0.5] * 3


def test_classes_and_rankings_have_no_unit():
    labels = (Y > 5).astype(int)
    model = LossClassifier(tol=1e-12).fit(X, labels)
    assert model.alpha_ == 1e-4
    peer = LogisticRegression(C=1 / (1e-4 * 120), tol=1e-12, max_iter=10_000).fit(X, labels)
    np.testing.assert_allclose(model.coef_, peer.coef_, rtol=1e-4)
    rows, relevance, qid = make_ranking(n_queries=10, random_state=0)
    assert LossRanker("listnet").fit(rows, relevance, qid=qid).alpha_ == 1e-4
    pointwise, regressor = LossRanker("mae").fit(rows, relevance, qid=qid), LossRegressor("mae").fit(rows, relevance)
    assert pointwise.alpha_ == regressor.alpha_ != 1e-4
    np.testing.assert_allclose(pointwise.coef_, regressor.coef_, rtol=1e-9)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_one_loss_by_three_names_is_one_network(solver):
    def fitted(loss):
        model = LossRegressor(loss, hidden_layer_sizes=(5,), solver=solver, random_state=0, max_iter=30, tol=1e-3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return model.fit(X, Y)

    known = fitted("mae")
    for loss in ("quantile", EpsilonInsensitive(0.0)):
        np.testing.assert_allclose(fitted(loss).predict(X), known.predict(X), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
@pytest.mark.parametrize(("loss", "power"), [("mse", 2), ("mae", 1), (Huber(scale="joint"), 1)])
def test_a_network_has_the_same_objective_in_any_unit(loss, power, l1_ratio, activation):
    """Output weights c times as large give c times the predictions, and c**power times the
    objective.
    """
    network = LossRegressor(
        loss, hidden_layer_sizes=(4, 3), activation=activation, l1_ratio=l1_ratio, solver="lbfgs", random_state=0, max_iter=5
    )

    def penalty(model):
        size = np.std(y)
        weights = np.concatenate([*(size * w.ravel() for w in model.coefs_[:-1]), model.coefs_[-1].ravel()])
        return np.array([weights @ weights, np.abs(weights).sum()])

    one = None
    for factor in (1.0, *FACTORS):
        y = factor * Y
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = clone(network).fit(X, y)
            linear = LossRegressor(loss, l1_ratio=l1_ratio, max_iter=5).fit(X, y)
        # The strengths are those of the linear model; weights of hidden layers, which have no unit,
        # count std(y) times.
        assert (model.alpha_, model.l1_ratio_) == (linear.alpha_, linear.l1_ratio_)
        expected = model.loss_ + model.alpha_ * (1 - model.l1_ratio_) / 2 * penalty(model)[0]
        assert model.objective_ == pytest.approx(expected + model.alpha_ * model.l1_ratio_ * penalty(model)[1], rel=1e-12)
        one = parts(model) if one is None else one
        np.testing.assert_allclose(parts(model), one * factor ** np.array([power - 2.0, power - 1]), rtol=1e-7)


DEGENERATE = {
    "zero": 0 * Y,
    "constant": np.full(120, 0.1),
    "rounding": 1 + 1e-16 * Y,
    "tiny": 1e-165 * Y,
    "subnormal": 1e-310 * Y,
    "large": 1e155 * Y,
    "huge": 1e300 * Y,
    "one row": np.eye(1, 120)[0],
}


@pytest.mark.parametrize("name", DEGENERATE)
@pytest.mark.parametrize(
    "loss", [loss for loss in NAMED + COMPOSED[:-3] if degree(loss)] + [LogCosh(), Tilted("mae")], ids=label
)
def test_targets_without_a_spread_that_can_be_measured_have_a_strength(loss, name):
    y = DEGENERATE[name]
    with np.errstate(all="ignore"):
        used = in_fit(loss, y)
    with np.errstate(all="raise"):
        units = Units.of(used, y, np.ones(120))
    assert np.all(np.isfinite(units)) and min(units) > 0
    if name in ("zero", "constant", "rounding"):
        assert units == Units(1.0, 1.0, 1.0)


@pytest.mark.parametrize("name", ["zero", "constant"])
@pytest.mark.parametrize("loss", ["mse", "mae", "huber", "log_cosh", Expectile(0.05), absolute], ids=label)
def test_a_constant_target_is_predicted(loss, name):
    model = LossRegressor(loss).fit(X, DEGENERATE[name])
    np.testing.assert_allclose(model.predict(X), DEGENERATE[name], atol=1e-6)
    assert model.alpha_ == 1e-4


def test_a_loss_below_zero_has_the_size_of_its_slope():
    def moved(y_true, y_pred):
        return (y_true - y_pred) ** 2 / 2 - 1000

    alphas = [LossRegressor(CustomLoss(moved, convex=True)).fit(X, factor * Y).alpha_ for factor in (1.0, 2.0)]
    expected = 1e-4 * np.mean(np.abs(Y - Y.mean())) / np.std(Y)
    np.testing.assert_allclose(alphas, expected, rtol=1e-6)


def test_the_strength_is_found_anew_by_fit_and_kept_by_partial_fit():
    warm = LossRegressor("mae", warm_start=True).fit(X, Y)
    assert warm.fit(X, 10 * Y).alpha_ == pytest.approx(LossRegressor("mae").fit(X, Y).alpha_ / 10, rel=1e-12)
    stream = LossRegressor("mae", solver=Adam(), l1_ratio=0.5).partial_fit(X, Y)
    first = stream.alpha_
    assert stream.partial_fit(X, 100 * Y).alpha_ == first == LossRegressor("mae", l1_ratio=0.5).fit(X, Y).alpha_
    assert stream.set_params(l1_ratio=0.0).partial_fit(X, Y).alpha_ == LossRegressor("mae").fit(X, Y).alpha_
    assert stream.set_params(alpha=0.25).partial_fit(X, Y).alpha_ == 0.25
    assert stream.set_params(alpha="auto", loss="mse").partial_fit(X, Y).alpha_ == pytest.approx(1e-4, rel=1e-12)


def test_early_stopping_measures_the_training_rows():
    y = Y.copy()
    whole = LossRegressor("mae").fit(X, y)
    stopped = LossRegressor("mae", early_stopping=True, validation_fraction=0.5, random_state=0).fit(X, y)
    assert stopped.alpha_ != whole.alpha_ and stopped.alpha_ == pytest.approx(whole.alpha_, rel=0.5)


def test_trimmed_rows_do_not_count():
    y = Y.copy()
    y[::10] = 1e6
    for loss in ("mae", "mse"):
        trimmed = LossRegressor(Trimmed(loss, share=0.8), l1_ratio=1.0).fit(X, y)
        clean = LossRegressor(loss, l1_ratio=1.0).fit(
            np.delete(X, slice(0, None, 10), axis=0), np.delete(y, slice(0, None, 10))
        )
        assert trimmed.alpha_ == pytest.approx(clean.alpha_, rel=0.5)


def test_auto_is_a_value_like_others():
    model = LossRegressor("mae").set_params(alpha=1.0).set_params(alpha="auto")
    assert model.fit(X, Y).alpha_ == LossRegressor("mae").fit(X, Y).alpha_
    search = GridSearchCV(LossRegressor("mae"), {"alpha": ["auto", 1e-3, 1e3]}, cv=3).fit(X, Y)
    assert search.best_params_["alpha"] != 1e3
    assert repr(LossRegressor()) == "LossRegressor()" and LossClassifier().alpha == LossRanker().alpha == "auto"
    for estimator in (LossRegressor, LossClassifier, LossRanker, MultiQuantileRegressor):
        for wrong in ("Auto", -1, None, True):
            with pytest.raises(
                ValueError, match=r"'alpha' parameter of \w+ must be a float in the range \[0.0, inf\) or 'auto'"
            ):
                estimator(alpha=wrong).fit(X, (Y > 5).astype(int))


@pytest.mark.parametrize("loss", [CVaR("mae", share=0.5), CVaR("mse", share=0.5), Tilted("mse", tilt=0.1)], ids=label)
@pytest.mark.parametrize("alpha", ["auto", 0.1])
def test_a_loss_with_learned_constants_takes_an_l1_penalty(loss, alpha):
    model = LossRegressor(loss, alpha=alpha, l1_ratio=1.0).fit(X, Y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        other = LossRegressor(loss, alpha=alpha, l1_ratio=1.0, solver="lbfgs").fit(X, Y)
    assert model.converged_ and model.objective_ <= other.objective_ * (1 + 1e-9)
    assert other.objective_ == pytest.approx(model.objective_, rel=2e-6)
