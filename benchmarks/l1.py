"""L1 penalties and wide sparse data, compared with scikit-learn and, if installed, skglm."""

import numpy as np
from scipy import sparse
from sklearn.linear_model import Lasso, LogisticRegression, SGDClassifier
from sklearn.preprocessing import normalize
from sklearn.svm import LinearSVC

from benchmarks.harness import Workload
from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.losses import Huber

__all__ = ["WORKLOADS", "skglm_huber"]


def _text(n=50_000, p=100_000, per_row=50):
    """Normalised rows of about 50 entries in columns by Zipf's law, and labels from a sparse linear
    model with noise.
    """
    rng = np.random.default_rng(0)
    columns = np.exp(rng.uniform(0, np.log(p), n * per_row)).astype(int) - 1
    X = sparse.csr_matrix((rng.exponential(1, n * per_row), columns, np.arange(0, n * per_row + 1, per_row)), shape=(n, p))
    X.sum_duplicates()
    X = normalize(X)
    raw = X @ (rng.standard_normal(p) * (rng.random(p) < 0.1))
    return X, np.where(3 * raw / raw.std() + rng.logistic(size=n) > 0, 1, -1)


def _dense(outliers, n=10_000, p=2_000):
    """Normal columns of which 100 matter; a twentieth of the targets may be outliers."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, p))
    y = X[:, :100] @ rng.standard_normal(100) + 3 * rng.standard_normal(n)
    y[::20] += outliers * rng.standard_normal(len(y[::20]))
    return X, y


def _margins(model, X, y):
    return y * (X @ model.coef_.ravel() + model.intercept_)


def _absolute(model):
    return float(np.abs(model.coef_).sum())


def _half_square(model):
    return 0.5 * float(np.sum(model.coef_**2))


def sparse_logistic():
    X, y = _text()
    yield Workload(
        "logistic, sparse 50,000 x 100,000",
        lambda: LossClassifier(alpha=1 / len(y)).fit(X, y),
        {
            "LogisticRegression(lbfgs)": lambda: LogisticRegression(max_iter=1000, tol=1e-6).fit(X, y),
            "LogisticRegression(newton-cg)": lambda: LogisticRegression(solver="newton-cg", tol=1e-5).fit(X, y),
            "liblinear": lambda: LogisticRegression(solver="liblinear").fit(X, y),
            "SGDClassifier": lambda: SGDClassifier("log_loss", alpha=1 / len(y), max_iter=100, tol=None).fit(X, y),
        },
        lambda model: np.logaddexp(0, -_margins(model, X, y)).sum() + _half_square(model),
        at_most=1.0,
    )


def sparse_hinge():
    """Without an intercept, which the peer would penalise; LinearSVC to the least that counts as
    the same, and to 1e-6.
    """
    X, y = _text()
    yield Workload(
        "hinge, sparse 50,000 x 100,000",
        lambda: LossClassifier("hinge", alpha=1 / len(y), fit_intercept=False).fit(X, y),
        {
            "LinearSVC(tol=1e-3)": lambda: LinearSVC(loss="hinge", fit_intercept=False, tol=1e-3).fit(X, y),
            "LinearSVC(tol=1e-6)": lambda: LinearSVC(loss="hinge", fit_intercept=False, tol=1e-6, max_iter=20_000).fit(X, y),
            "SGDClassifier": lambda: SGDClassifier(alpha=1 / len(y), fit_intercept=False, max_iter=100, tol=None).fit(X, y),
        },
        lambda model: np.maximum(0, 1 - _margins(model, X, y)).sum() + _half_square(model),
        at_most=1.0,
    )


def sparse_l1_logistic():
    X, y = _text()
    yield Workload(
        "L1 logistic, sparse 50,000 x 100,000, C = 1",
        lambda: LossClassifier(alpha=1 / len(y), l1_ratio=1.0).fit(X, y),
        {
            "liblinear": lambda: LogisticRegression(solver="liblinear", l1_ratio=1.0, tol=1e-3).fit(X, y),
            "saga": lambda: LogisticRegression(solver="saga", l1_ratio=1.0, tol=1e-4).fit(X, y),
            **_skglm_logistic(X, y),
        },
        lambda model: np.logaddexp(0, -_margins(model, X, y)).sum() + _absolute(model),
        at_most=0.3,
    )


def lasso():
    X, y = _dense(0)
    alpha = np.max(np.abs((X - X.mean(axis=0)).T @ (y - y.mean()))) / len(y) / 20
    yield Workload(
        "lasso, dense 10,000 x 2,000",
        lambda: LossRegressor(alpha=2 * alpha, l1_ratio=1.0).fit(X, y),
        {"Lasso": lambda: Lasso(alpha=alpha, tol=1e-6).fit(X, y)},
        lambda model: 0.5 * np.mean((y - model.predict(X)) ** 2) + alpha * _absolute(model),
        at_most=1.0,
    )


def l1_huber():
    X, y = _dense(50)
    slope = np.clip(y - np.median(y), -1.35, 1.35)
    alpha = np.max(np.abs((X - X.mean(axis=0)).T @ slope)) / len(y) / 20

    def objective(model):
        residual = np.abs(y - model.predict(X))
        return np.where(residual < 1.35, residual**2 / 2, 1.35 * (residual - 0.675)).mean() + alpha * _absolute(model)

    yield Workload(
        "huber + L1, dense 10,000 x 2,000",
        lambda: LossRegressor(Huber(1.35, scale=1.0), alpha=alpha, l1_ratio=1.0).fit(X, y),
        skglm_huber(1.35, alpha, X, y),
        objective,
        at_most=1.0,
    )


def l1_huber_scale():
    """The scale found under the penalty, against a fit at that scale: what finding it costs."""
    for p in (2_000, 20_000):
        rng = np.random.RandomState(0)
        X = rng.standard_normal((80, p))
        y = X[:, :3] @ [5, -5, 5] + rng.standard_t(3, 80)
        scale = LossRegressor("huber", alpha=0.3, l1_ratio=1.0).fit(X, y).scale_
        known = Huber(scale=scale)

        def objective(model, X=X, y=y, known=known):
            return known.value(y, X @ model.coef_ + model.intercept_).mean() + 0.3 * _absolute(model)

        yield Workload(
            f"huber + L1 with its scale, dense 80 x {p:,}",
            lambda X=X, y=y: LossRegressor("huber", alpha=0.3, l1_ratio=1.0).fit(X, y),
            {"known scale": lambda X=X, y=y, known=known: LossRegressor(known, alpha=0.3, l1_ratio=1.0).fit(X, y)},
            objective,
            at_most=5.0,
        )


def _skglm_logistic(X, y):
    try:
        from skglm import SparseLogisticRegression
    except ImportError:
        return {}
    # Its best form and tolerance here.
    X, model = X.tocsc(), SparseLogisticRegression(alpha=1 / len(y), tol=1e-5)
    model.fit(X[:100], y[:100])  # compiles
    return {"skglm": lambda: SparseLogisticRegression(alpha=1 / len(y), tol=1e-5).fit(X, y)}


def skglm_huber(delta, alpha, X, y):
    """skglm on its best form of X, compiled; nothing where it is not installed."""
    try:
        from skglm import GeneralizedLinearEstimator
        from skglm.datafits import Huber
        from skglm.penalties import L1
        from skglm.solvers import AndersonCD
    except ImportError:
        return {}
    X = np.asfortranarray(X)

    def fit(rows=slice(None)):
        solver = AndersonCD(fit_intercept=True, tol=1e-6)
        return GeneralizedLinearEstimator(Huber(delta), L1(alpha), solver).fit(X[rows], y[rows])

    fit(slice(0, 100))
    return {"skglm": fit}


WORKLOADS = [sparse_logistic, sparse_hinge, sparse_l1_logistic, lasso, l1_huber, l1_huber_scale]
