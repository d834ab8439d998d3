"""The loss library: references, best constants, custom losses with kinks, aggregations, scorers."""

import warnings
from itertools import combinations

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import GammaRegressor, LinearRegression, LogisticRegression, PoissonRegressor, TweedieRegressor
from sklearn.metrics import mean_tweedie_deviance
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.preprocessing import StandardScaler, scale
from sklearn.svm import LinearSVC, LinearSVR

from sklearn_losses import LossClassifier, LossRanker, LossRegressor
from sklearn_losses.losses import (
    MAE,
    MSE,
    CostSensitive,
    CrossEntropy,
    CustomLoss,
    CVaR,
    EpsilonInsensitive,
    Expectile,
    Hinge,
    Huber,
    Loss,
    Quantile,
    SquaredEpsilonInsensitive,
    Tilted,
    Trimmed,
    Tweedie,
    WeightedSum,
)
from sklearn_losses.metrics import loss_scorers, make_loss_scorer


@pytest.fixture(scope="module")
def counts():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4))
    return X, rng.poisson(np.exp(X @ [0.5, -0.3, 0.2, 0.0] + 0.5)).astype(float), rng.uniform(0.5, 2, 200)


@pytest.mark.parametrize(
    "loss, reference",
    [
        ("poisson", PoissonRegressor(alpha=0.1)),
        ("gamma", GammaRegressor(alpha=0.1)),
        ("tweedie", TweedieRegressor(power=1.5, alpha=0.1)),
        (Tweedie(1.9), TweedieRegressor(power=1.9, alpha=0.1)),
        (Tweedie(3.0), TweedieRegressor(power=3.0, alpha=0.1, link="log")),
    ],
    ids=str,
)
def test_deviances_equal_the_generalised_linear_models(loss, reference, counts):
    X, y, weight = counts
    y = y + (0.5 if loss in ("gamma",) or getattr(loss, "power", 0) >= 2 else 0.0)
    reference.set_params(tol=1e-10, max_iter=10_000).fit(X, y, weight)
    # scikit-learn's objective has half the deviance.
    ours = LossRegressor(loss, alpha=0.2, tol=1e-10).fit(X, y, weight)
    np.testing.assert_allclose(ours.coef_, reference.coef_, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(ours.intercept_, reference.intercept_, rtol=1e-5)
    np.testing.assert_allclose(ours.predict(X), reference.predict(X), rtol=1e-5)
    power = {"poisson": 1, "gamma": 2, "tweedie": 1.5}.get(loss) or loss.power
    np.testing.assert_allclose(
        ours.loss_, mean_tweedie_deviance(y, ours.predict(X), sample_weight=weight, power=power), rtol=1e-10
    )


@pytest.mark.parametrize("loss, least", [("poisson", -1e-9), ("gamma", 0.0), (Tweedie(1.5), -1.0), (Tweedie(2.0), 0.0)])
def test_targets_outside_a_log_links_domain_are_refused(loss, least):
    X, y = np.ones((3, 1)), np.array([1.0, 2.0, least])
    with pytest.raises(ValueError, match="needs targets"):
        LossRegressor(loss).fit(X, y)


def test_svr_with_the_squared_tube():
    X, y = load_diabetes(return_X_y=True)
    y = scale(y)
    ours = LossRegressor(SquaredEpsilonInsensitive(0.2), alpha=0.01, fit_intercept=False).fit(X, y)
    reference = LinearSVR(
        loss="squared_epsilon_insensitive", epsilon=0.2, C=1 / (0.01 * len(y)), fit_intercept=False, tol=1e-10, max_iter=100_000
    )
    # LinearSVR has |w|^2 / 2 + C sum of squares.
    np.testing.assert_allclose(ours.coef_, reference.fit(X, y).coef_, rtol=1e-5)


def test_expectile_of_a_half_is_half_the_squared_error():
    t, zero = np.linspace(-3, 3, 13), np.zeros(13)
    np.testing.assert_allclose(Expectile(0.5).value(t, zero), 0.5 * t**2)


def test_crammer_singer_equals_liblinear():
    """The best of five of the peer's ends, which depend on its draws: now and then one does not converge."""
    X, y = load_iris(return_X_y=True)
    X = scale(X)
    ours = LossClassifier("crammer_singer", alpha=0.05, fit_intercept=False, tol=1e-9).fit(X, y)
    values = []
    for seed in range(5):
        reference = LinearSVC(
            multi_class="crammer_singer",
            C=1 / (0.05 * len(y)),
            fit_intercept=False,
            tol=1e-6,
            max_iter=1_000_000,
            random_state=seed,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            scores = reference.fit(X, y).decision_function(X)
        violation = 1 + scores - np.take_along_axis(scores, y[:, None], axis=1)
        np.put_along_axis(violation, y[:, None], 0, axis=1)
        values.append(violation.max(axis=1).mean() + 0.025 * (reference.coef_**2).sum())
    np.testing.assert_allclose(ours.objective_, min(values), rtol=1e-5)


class TestTorch:
    """Values and gradients of PyTorch's losses."""

    def compare(self, loss, y, raw, function):
        torch = pytest.importorskip("torch")
        point = torch.tensor(raw, requires_grad=True)
        value = function(torch, point)
        value.sum().backward()
        np.testing.assert_allclose(loss.value(y, raw), value.detach().numpy(), rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(loss.gradient(y, raw), point.grad.numpy(), rtol=1e-9, atol=1e-12)

    def test_losses(self):
        rng = np.random.default_rng(0)
        raw, y, codes = rng.normal(size=(50, 4)), rng.normal(size=50) * 3, rng.integers(0, 4, 50)
        soft = rng.dirichlet(np.ones(4), 50)
        single = raw[:, 0].copy()

        def classes(torch, p, target=codes, smoothing=0.0):
            return torch.nn.functional.cross_entropy(p, torch.tensor(target), reduction="none", label_smoothing=smoothing)

        self.compare(CrossEntropy(), codes, raw, classes)
        self.compare(CrossEntropy(0.2), codes, raw, lambda t, p: classes(t, p, smoothing=0.2))
        self.compare(CrossEntropy(), soft, raw, lambda t, p: classes(t, p, soft))
        self.compare(CrossEntropy(0.3), soft, raw, lambda t, p: classes(t, p, soft, 0.3))
        self.compare(
            Huber(1.2, scale=1.0), y, single,
            lambda t, p: t.nn.functional.huber_loss(p, t.tensor(y), reduction="none", delta=1.2),
        )  # fmt: skip
        self.compare(
            Hinge(), codes, raw,
            lambda t, p: 4 * t.nn.functional.multi_margin_loss(p, t.tensor(codes), reduction="none"),
        )  # fmt: skip
        counted = np.abs(np.round(y))

        def poisson(torch, p):
            full = torch.nn.functional.poisson_nll_loss(p, torch.tensor(counted), reduction="none")
            return 2 * (full + torch.xlogy(torch.tensor(counted), torch.tensor(counted)) - torch.tensor(counted))

        self.compare(Loss.make("poisson"), counted, single, poisson)


REGRESSION = sorted(name for name, maker in Loss.names().items() if maker.task == "regression")


@pytest.mark.parametrize("name", REGRESSION)
def test_best_constant_is_the_least_of_a_fine_grid(name):
    rng = np.random.default_rng(2)
    y, weight = rng.gamma(1.5, size=80) + 0.05, rng.uniform(0.1, 3, 80)
    loss = Loss.make(name)
    [best] = loss.best_constant(y, weight / weight.mean(), 1)

    def mean(constant):
        return np.average(loss.value(y, np.full(80, constant)), weights=weight)

    grid = np.linspace(best - 3, best + 3, 3001)
    assert mean(best) <= min(mean(constant) for constant in grid) + 1e-7


CLASSIFICATION = sorted(name for name, maker in Loss.names().items() if maker.task == "classification")


@pytest.mark.parametrize("name", CLASSIFICATION)
def test_best_constant_scores_are_no_worse_than_others_and_leave_a_gradient(name):
    y, weight = np.array([0] * 5 + [1] * 4 + [2] * 3), np.random.default_rng(0).uniform(0.5, 2, 12)
    loss = Loss.make(name)
    for codes, outputs in ((y, 3), (np.minimum(y, 1), 1)):
        best = loss.best_constant(codes, weight, outputs)

        def mean(scores, codes=codes, outputs=outputs):
            raw = np.full(12, scores[0]) if outputs == 1 else np.tile(scores, (12, 1))
            return np.average(loss.value(codes, raw), weights=weight)

        assert np.max(np.abs(best)) < 10
        for step in np.eye(outputs):  # of active_passive the best scores lie at infinity, so nothing is claimed there
            if name != "active_passive":
                assert mean(best) <= min(mean(best + step / 10), mean(best - step / 10)) + 1e-9
        assert mean(best) <= mean(np.zeros(outputs)) + 1e-12


def test_best_constant_of_a_custom_loss_with_a_log_link():
    y = np.random.default_rng(0).gamma(2.0, size=50)
    bound = CustomLoss(lambda a, b: (a - b) ** 2, inverse_link="exp").bind(y, 1, "regression")
    np.testing.assert_allclose(bound.best_constant(y, np.ones(50), 1), np.log(y.mean()), rtol=1e-5)


# Custom losses with kinks.


def absolute(y_true, y_pred):
    return np.abs(y_true - y_pred)


def pinball(y_true, y_pred):
    return np.where(y_true > y_pred, 0.8 * (y_true - y_pred), 0.2 * (y_pred - y_true))


def tube(y_true, y_pred):
    return np.maximum(np.abs(y_true - y_pred) - 0.3, 0)


def huber(y_true, y_pred):
    size = np.abs(y_true - y_pred)
    return np.where(size <= 1.35, 0.5 * size**2, 1.35 * size - 0.5 * 1.35**2)


@pytest.mark.parametrize(
    "function, name",
    [
        (tube, EpsilonInsensitive(0.3)),
        pytest.param(absolute, "mae", marks=pytest.mark.slow),
        pytest.param(pinball, Quantile(0.8), marks=pytest.mark.slow),
    ],
)
def test_a_custom_loss_with_kinks_reaches_the_optimum(function, name):
    X, y = load_diabetes(return_X_y=True)
    X, y = scale(X), scale(y)
    exact = LossRegressor(name, alpha=1e-3).fit(X, y)
    custom = LossRegressor(function, alpha=1e-3).fit(X, y)
    assert not custom._loss.smooth and custom.converged_
    assert exact.objective_ <= custom.objective_ <= exact.objective_ * (1 + 1e-4)


def test_a_custom_loss_of_the_margin_with_a_kink():
    X, y = load_breast_cancer(return_X_y=True)
    X = scale(X)

    def hinge(y_true, y_pred):
        return np.maximum(0, 1 - (2 * y_true[:, 1] - 1) * (y_pred[:, 1] - y_pred[:, 0]))

    exact, custom = (LossClassifier(loss, alpha=0.01).fit(X, y) for loss in ("hinge", hinge))
    assert exact.objective_ <= custom.objective_ <= exact.objective_ * (1 + 1e-4)


@pytest.mark.parametrize("solver", ["lbfgs", "auto"])
def test_a_smooth_custom_loss_reaches_the_built_ins_coefficients(solver):
    X, y = load_diabetes(return_X_y=True)
    X, y = scale(X), scale(y)
    custom = LossRegressor(CustomLoss(huber, convex=True), solver=solver).fit(X, y)
    built_in = LossRegressor(Huber(scale=1.0), solver=solver).fit(X, y)
    assert custom._loss.smooth and custom.solver_ == built_in.solver_
    np.testing.assert_allclose(custom.coef_, built_in.coef_, rtol=1e-5, atol=1e-7)


# Sums and other means over the rows.


def test_a_weighted_sum_is_the_sum():
    X, y = load_diabetes(return_X_y=True)
    y = scale(y)
    loss = 0.7 * Huber(scale=1.0) + 0.3 * Quantile(0.9) + MSE() * 2
    assert isinstance(loss, WeightedSum) and loss.weights == (0.7, 0.3, 2.0)
    raw = np.zeros_like(y)
    expected = 0.7 * Huber(scale=1.0).value(y, raw) + 0.3 * Quantile(0.9).value(y, raw) + 2 * y**2
    np.testing.assert_allclose(loss.value(y, raw), expected)
    assert loss.convex and not loss.smooth
    kinked = LossRegressor(0.25 * MAE() + 0.75 * Quantile(0.5), alpha=1e-3).fit(X, y)
    # Half the absolute error is the pinball loss of a half.
    exact = LossRegressor(0.625 * MAE(), alpha=1e-3).fit(X, y)
    np.testing.assert_allclose(kinked.objective_, exact.objective_, rtol=1e-5)


def test_sums_of_what_does_not_fit_are_refused():
    with pytest.raises(ValueError, match="cannot be added"):
        LossRegressor(MSE() + Hinge()).fit(np.ones((3, 1)), np.arange(3.0))
    with pytest.raises(ValueError, match="different links"):
        LossRegressor(MSE() + Tweedie()).fit(np.ones((3, 1)), np.arange(3.0))
    with pytest.raises(TypeError, match="multiplied by a number"):
        MSE() * Hinge()


def test_cvar_minimises_the_mean_of_the_worst_part():
    from scipy.optimize import minimize

    X, y = load_diabetes(return_X_y=True)
    X, y = scale(X)[:, :3], scale(y)
    model = LossRegressor(CVaR("mse", share=0.25), alpha=0, tol=1e-8).fit(X[:440], y[:440])

    def worst(params):
        return np.sort((y[:440] - X[:440] @ params[:3] - params[3]) ** 2)[-110:].mean()

    ours = worst(np.append(model.coef_, model.intercept_))
    np.testing.assert_allclose(model.loss_, ours, rtol=1e-5)
    other = minimize(
        worst, np.append(model.coef_, model.intercept_), method="Nelder-Mead", options={"maxiter": 4000, "xatol": 1e-8}
    )
    assert ours <= other.fun * (1 + 1e-4)
    everything = LossRegressor(CVaR("mse", share=1.0), alpha=0).fit(X, y)
    np.testing.assert_allclose(everything.loss_, LossRegressor("mse", alpha=0).fit(X, y).loss_, rtol=1e-5)


def test_cvar_of_absolute_errors_is_a_linear_program():
    from scipy.optimize import linprog

    X, y = load_diabetes(return_X_y=True)
    X, y = scale(X)[:60, :2], scale(y)[:60]
    n, share = 60, 0.2
    # Variables: 2 coefficients, intercept, c, excesses e >= 0 with e >= +-(y - Xw - b) - c.
    cost = np.concatenate([[0, 0, 0, 1], np.full(n, 1 / (share * n))])
    rows = np.hstack([X, np.ones((n, 1))])
    A = np.vstack([np.hstack([-rows, -np.ones((n, 1)), -np.eye(n)]), np.hstack([rows, -np.ones((n, 1)), -np.eye(n)])])
    exact = linprog(cost, A_ub=A, b_ub=np.concatenate([-y, y]), bounds=[(None, None)] * 4 + [(0, None)] * n)
    ours = LossRegressor(CVaR("mae", share=share), alpha=0).fit(X, y)
    np.testing.assert_allclose(ours.objective_, exact.fun, rtol=1e-4)


@pytest.mark.parametrize("inner", ["mse", "huber", "mae"])
def test_trimmed_is_a_fixed_point_of_concentration(inner):
    """The model is the plain loss's on the rows that it keeps, and these are the rows that it fits best."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 2))
    y = X @ [2.0, -1.0] + 1 + 0.3 * rng.normal(size=120)
    y[:30] = 50 + 5 * rng.normal(size=30)
    inner = Huber(scale=1.0) if inner == "huber" else inner
    model = LossRegressor(Trimmed(inner, share=0.6), alpha=0).fit(X, y)
    losses = Loss.make(inner).value(y, model.predict(X))
    kept = losses <= np.sort(losses)[71]
    assert not kept[:30].any()
    alone = LossRegressor(inner, alpha=0).fit(X[kept], y[kept])
    np.testing.assert_allclose(model.coef_, alone.coef_, rtol=1e-8)
    assert model.loss_ == pytest.approx(np.sort(losses)[:72].mean(), rel=1e-10)


def test_trimmed_follows_the_units_and_takes_weights_as_rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 2))
    y = X @ [2.0, -1.0] + 0.3 * rng.normal(size=80)
    y[:16] += 30
    plain = LossRegressor(Trimmed("mse"), alpha=0.01).fit(X, y)
    np.testing.assert_allclose(LossRegressor(Trimmed("mse"), alpha=0.01).fit(X, 1e3 * y).coef_, 1e3 * plain.coef_, rtol=1e-9)
    weight = rng.integers(0, 4, 80)
    rows = np.repeat(np.arange(80), weight)
    weighted = LossRegressor(Trimmed("mse"), alpha=0.01).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(LossRegressor(Trimmed("mse"), alpha=0.01).fit(X[rows], y[rows]).coef_, weighted.coef_, rtol=1e-9)
    both = LossRegressor(Trimmed("mae"), alpha=0.01).fit(X, np.column_stack([y, -y]))
    np.testing.assert_allclose(both.coef_[0], -both.coef_[1], atol=1e-6)


def test_where_trimming_makes_no_sense():
    X, y = load_iris(return_X_y=True)
    for fit in (
        lambda: LossClassifier(Trimmed("cross_entropy"), solver="adam").partial_fit(X, y, classes=[0, 1, 2]),
        lambda: LossRegressor(0.5 * Trimmed("mse") + 0.5 * Quantile(0.5)).fit(X, y),
        lambda: LossRegressor(CVaR(Trimmed("mse"))).fit(X, y),
    ):
        with pytest.raises(ValueError, match="outermost"):
            fit()
    with pytest.raises(ValueError, match="learns constants"):
        LossRegressor(Trimmed("adaptive_barron")).fit(X, y)
    with pytest.raises(ValueError, match="whole queries"):
        LossRanker(Trimmed("ranknet")).fit(X, y)


def test_trimmed_finds_the_least_trimmed_squares():
    """All subsets of a small problem tried, as the definition says."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(10, 1))
    y = X[:, 0] + 0.2 * rng.normal(size=10)
    y[:2] += 8
    best = np.inf
    for rows in combinations(range(10), 7):
        part = np.column_stack([X[list(rows)], np.ones(7)])
        coefficients, *_ = np.linalg.lstsq(part, y[list(rows)], rcond=None)
        best = min(best, np.sum((part @ coefficients - y[list(rows)]) ** 2))
    model = LossRegressor(Trimmed("mse", share=0.7, n_init=20), alpha=0, random_state=0).fit(X, y)
    assert np.sort((y - model.predict(X)) ** 2)[:7].sum() == pytest.approx(best, rel=1e-6)


def test_trimming_nothing_changes_nothing():
    X, y = load_iris(return_X_y=True)
    plain, trimmed = (LossClassifier(loss, alpha=0.01).fit(X, y) for loss in ("cross_entropy", Trimmed("cross_entropy", 1.0)))
    np.testing.assert_allclose(trimmed.predict_proba(X), plain.predict_proba(X), atol=1e-6)


def test_trimmed_gives_up_wrong_labels():
    """The tenth of the rows that are plainest, mislabelled, pulls an unbounded loss the most."""
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    plain = np.abs(LossClassifier(alpha=0.01).fit(X, y).decision_function(X))
    wrong = np.where(plain >= np.quantile(plain, 0.9), 1 - y, y)
    losses = ("cross_entropy", Trimmed("cross_entropy", 0.85))
    scores = [LossClassifier(loss, alpha=0.01).fit(X, wrong).score(X, y) for loss in losses]
    assert scores[0] < 0.9 and scores[1] > 0.95


def test_tilted_is_the_tilted_mean():
    X, y = load_diabetes(return_X_y=True)
    X, y = scale(X), scale(y)
    model = LossRegressor(Tilted("mse", tilt=0.5), alpha=0, tol=1e-9).fit(X, y)
    squares = (y - model.predict(X)) ** 2
    np.testing.assert_allclose(model.loss_, np.log(np.mean(np.exp(0.5 * squares))) / 0.5, rtol=1e-6)
    slight = LossRegressor(Tilted("mse", tilt=1e-6), alpha=0, tol=1e-9).fit(X, y)
    np.testing.assert_allclose(slight.coef_, LossRegressor("mse", alpha=0).fit(X, y).coef_, rtol=1e-3, atol=1e-4)


# Soft labels and costs.


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


# Scorers.


def test_scorers_equal_sklearns_of_the_same_loss():
    X, y = load_diabetes(return_X_y=True)
    model = LinearRegression().fit(X, y)
    for name, reference in (("mse", "neg_mean_squared_error"), ("mae", "neg_mean_absolute_error")):
        from sklearn.metrics import get_scorer

        np.testing.assert_allclose(make_loss_scorer(name)(model, X, y), get_scorer(reference)(model, X, y), rtol=1e-12)
    X, y = load_iris(return_X_y=True)
    for labels in (y, np.array(["a", "b", "c"])[y], y > 0):
        classifier = LogisticRegression(max_iter=1000).fit(X, labels)
        for name in ("cross_entropy", "log_loss"):
            np.testing.assert_allclose(
                make_loss_scorer(name)(classifier, X, labels), get_scorer("neg_log_loss")(classifier, X, labels), rtol=1e-10
            )


def test_a_scorer_for_every_loss():
    X, y = load_diabetes(return_X_y=True)
    y = y / 100
    regressor = LossRegressor("poisson").fit(X, y)
    Xc, yc = load_iris(return_X_y=True)
    classifier = LossClassifier().fit(Xc, yc)
    for name, scorer in loss_scorers().items():
        task = Loss.make(name[4:]).task
        data = (classifier, Xc, yc) if task == "classification" else (regressor, X, np.round(y) if task == "ranking" else y)
        score = scorer(*data)
        assert np.isfinite(score) and score < 1 + (name == "neg_approx_ndcg"), name
        weight = np.arange(len(data[2])) % 3
        repeated = np.repeat(np.arange(len(weight)), weight)
        weighted = scorer(*data, sample_weight=weight)
        if name[4:] in ("mse", "poisson", "focal", "hinge"):
            np.testing.assert_allclose(weighted, scorer(data[0], data[1][repeated], data[2][repeated]), rtol=1e-10)


def test_the_training_loss_is_the_score():
    X, y = load_diabetes(return_X_y=True)
    for loss in (Huber(scale=30.0), "log_cosh", "gamma", Tweedie(1.2), CVaR("mse", 0.2), Trimmed("mae", 0.8)):
        model = LossRegressor(loss).fit(X, y)
        np.testing.assert_allclose(make_loss_scorer(loss)(model, X, y), -model.loss_, rtol=1e-5)
    X, y = load_iris(return_X_y=True)
    for loss in ("crammer_singer", "focal", "bi_tempered", CrossEntropy(0.1), "active_passive", CostSensitive()):
        model = LossClassifier(loss, alpha=0.01).fit(X, y)
        np.testing.assert_allclose(make_loss_scorer(loss)(model, X, y), -model.loss_, rtol=1e-6)


def test_scorers_in_a_search():
    X, y = load_diabetes(return_X_y=True)
    scores = cross_validate(LinearRegression(), X, y, scoring={"neg_huber": loss_scorers()["neg_huber"], "r2": "r2"})
    assert np.all(scores["test_neg_huber"] < 0)
    search = GridSearchCV(LossRegressor("huber"), {"loss__delta": [0.1, 1.35]}, scoring=make_loss_scorer("mae")).fit(X, y)
    assert search.best_score_ < 0
