"""Exact solvers without an L1 penalty, compared with scikit-learn's specialised estimators."""

import numpy as np
from scipy.special import logsumexp
from sklearn.linear_model import HuberRegressor, LogisticRegression, QuantileRegressor
from sklearn.svm import LinearSVC

from benchmarks.harness import Workload
from benchmarks.l1 import skglm_huber
from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.core.batches import Batches
from sklearn_losses.core.penalties import ElasticNet
from sklearn_losses.core.threads import block_threads
from sklearn_losses.losses import CrossEntropy, Huber, Quantile
from sklearn_losses.models import Linear
from sklearn_losses.objective import Objective

__all__ = ["WORKLOADS"]


def _regression(n, p, seed=0):
    """Rows whose noise has heavy tails."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    return X, X @ rng.standard_normal(p) + rng.standard_t(2, n)


def _classes(n, p, classes, seed=0, condition=1.0):
    """Rows of overlapping classes; columns mixed so that their covariance has about this condition
    number.
    """
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    y = (X @ rng.standard_normal((p, classes)) + 2 * rng.gumbel(size=(n, classes))).argmax(axis=1)
    return _mixed(X, condition, rng), y


def _mixed(X, condition, rng):
    if condition == 1:
        return X
    p = X.shape[1]
    turn = np.linalg.qr(rng.standard_normal((p, p)))[0]
    return X @ (turn * np.geomspace(1, condition**-0.5, p)) @ np.linalg.qr(rng.standard_normal((p, p)))[0]


def _mean_loss(loss, X, y, alpha=0.0):
    """The objective of a fitted linear model, from its coefficients alone."""

    def objective(model):
        raw = X @ np.atleast_2d(model.coef_).T + model.intercept_
        return float(np.mean(loss(y, raw[:, 0] if raw.shape[1] == 1 else raw)) + alpha / 2 * np.sum(model.coef_**2))

    return objective


def _hinge(y, raw):
    return np.maximum(0, 1 - (2 * y - 1) * raw)


def _strongest_rival(y, raw):
    rows = np.arange(len(y))
    margin = 1 + raw - raw[rows, y][:, None]
    margin[rows, y] = 0
    return margin.max(axis=1)


def _log_loss(y, raw):
    if raw.ndim == 1:
        return np.logaddexp(0, (1 - 2 * y) * raw)
    return logsumexp(raw, axis=1) - raw[np.arange(len(y)), y]


def quantiles():
    """Two quantiles; the peer solves a linear program."""
    X, y = _regression(5000, 50)
    for level in (0.5, 0.9):
        loss = Quantile(level)
        yield Workload(
            f"{'mae' if level == 0.5 else 'quantile 0.9'} 5,000 x 50",
            lambda loss=loss: LossRegressor(loss, alpha=0.0).fit(X, y),
            {"QuantileRegressor": lambda level=level: QuantileRegressor(quantile=level, alpha=0.0).fit(X, y)},
            _mean_loss(loss.value, X, y),
            at_most=0.01,
        )


def mae():
    """The peer solves another problem, its own loss's: a yardstick of time, so the objective is a
    constant.
    """
    X, y = _regression(100_000, 50)
    yield Workload(
        "mae 100,000 x 50",
        lambda: LossRegressor("mae", alpha=0.0).fit(X, y),
        {"HuberRegressor": lambda: HuberRegressor(alpha=0.0, max_iter=1000).fit(X, y)},
        lambda model: 1.0,
        at_most=1.0,
    )


def huber():
    """The peer learns a scale with the coefficients; ours gets the scale that it found, so that
    both have one minimum.
    """
    for condition in (1.0, 1e6):
        X, y = _regression(100_000, 50)
        X = _mixed(X, condition, np.random.default_rng(1))
        scale = HuberRegressor(alpha=0.0, max_iter=10_000, tol=1e-10).fit(X, y).scale_
        loss = Huber(1.35, scale=float(scale))
        yield Workload(
            f"huber 100,000 x 50, condition {condition:g}",
            lambda X=X, y=y, loss=loss: LossRegressor(loss, alpha=0.0).fit(X, y),
            {
                "HuberRegressor": lambda X=X, y=y: HuberRegressor(alpha=0.0, max_iter=1000).fit(X, y),
                # At the other condition its coordinate descent takes three minutes and stops short
                # of the optimum.
                **(skglm_huber(1.35 * float(scale), 0.0, X, y) if condition == 1 else {}),
            },
            _mean_loss(loss.value, X, y),
            at_most=0.5,
        )


def hinge():
    """C = 1 without an intercept, which the peer would penalise."""
    n = 100_000
    X, y = _classes(n, 50, 2)
    yield Workload(
        "hinge 100,000 x 50",
        lambda: LossClassifier("hinge", alpha=1 / n, fit_intercept=False).fit(X, y),
        {"LinearSVC": lambda: LinearSVC(loss="hinge", C=1.0, fit_intercept=False, max_iter=100_000).fit(X, y)},
        _mean_loss(_hinge, X, y, 1 / n),
        at_most=0.1,
    )


def crammer_singer():
    """The peer needs minutes to converge: it gets a number of passes that shows what it reaches in
    a good one.
    """
    n = 20_000
    X, y = _classes(n, 200, 10)
    yield Workload(
        "crammer_singer 20,000 x 200 x 10",
        lambda: LossClassifier("crammer_singer", alpha=1 / n, fit_intercept=False).fit(X, y),
        {"LinearSVC": lambda: LinearSVC(multi_class="crammer_singer", C=1.0, fit_intercept=False, max_iter=300).fit(X, y)},
        _mean_loss(_strongest_rival, X, y, 1 / n),
        at_most=0.02,
    )


def logistic():
    n = 100_000
    for condition in (1.0, 1e6):
        X, y = _classes(n, 50, 2, condition=condition)
        yield Workload(
            f"logistic 100,000 x 50, condition {condition:g}",
            lambda X=X, y=y: LossClassifier(alpha=1 / n).fit(X, y),
            {
                solver: lambda X=X, y=y, solver=solver: LogisticRegression(solver=solver, max_iter=10_000, tol=1e-5).fit(X, y)
                for solver in ("lbfgs", "newton-cholesky", "newton-cg")
            },
            _mean_loss(_log_loss, X, y, 1 / n),
            at_most=0.7,
        )


def softmax():
    n = 20_000
    X, y = _classes(n, 200, 10)
    yield Workload(
        "softmax 20,000 x 200 x 10",
        lambda: LossClassifier(alpha=1 / n).fit(X, y),
        {
            solver: lambda solver=solver: LogisticRegression(solver=solver, max_iter=10_000, tol=1e-5).fit(X, y)
            for solver in ("lbfgs", "newton-cg")
        },
        _mean_loss(_log_loss, X, y, 1 / n),
        at_most=0.8,
    )


def growth():
    """Ten times the rows against ten times the time of a tenth of them: at most 10**0.1 = 1.26 for
    n**1.1.
    """
    for name, make, data in (
        ("mae", lambda: LossRegressor("mae", alpha=0.0), _regression),
        ("logistic", lambda: LossClassifier(alpha=1e-5), lambda n, p: _classes(n, p, 2)),
    ):
        for n in (100_000, 1_000_000):
            few, many = data(n // 10, 50), data(n, 50)

            def ten_times(make=make, few=few):
                for _ in range(10):
                    model = make().fit(*few)
                return model

            yield Workload(
                f"{name} {n:,} x 50, X of {many[0].nbytes / 2**20:.0f} MB",
                lambda make=make, many=many: make().fit(*many),
                {f"10 fits of {n // 10:,} rows": ten_times},
                lambda model: 1.0,
                at_most=10**0.1,
            )


def precision():
    """Ten evaluations of the logistic objective on rows of float32, against ten on the same rows of
    float64.
    """
    n, p = 1_000_000, 100
    X, y = _classes(n, p, 2)
    model, loss = Linear().bind(p, 1), CrossEntropy().bind(y, 1, "classification")
    params = np.random.default_rng(0).standard_normal((10, model.n_params)) / 10

    def evaluate(rows):
        objective = Objective(loss, model, ElasticNet(1e-5, 0.0, model.weights()), Batches(rows, y))
        with block_threads():
            return [objective.value_and_gradient(point)[0] for point in params]

    narrow = X.astype(np.float32)
    yield Workload(
        "ten evaluations, 1,000,000 x 100, float32",
        lambda: evaluate(narrow),
        {"float64": lambda: evaluate(X)},
        np.mean,
        at_most=0.5,
    )


WORKLOADS = [quantiles, mae, huber, hinge, crammer_singer, logistic, softmax, growth, precision]
