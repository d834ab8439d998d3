"""L1 penalties and wide sparse data against scikit-learn: ``python -m benchmarks.l1 [--rounds 3]``.

Ours and the peers run alternately; a row shows the median seconds, the ratio to the fastest peer whose objective is no
worse than ours by more than 1e-6 relative, and the objective that each reached.
"""

import argparse
import time
import warnings
from statistics import median

import numpy as np
from scipy import sparse
from sklearn.linear_model import Lasso, LogisticRegression
from sklearn.preprocessing import normalize
from sklearn.svm import LinearSVC

from sklearn_losses import LossClassifier, LossRegressor

__all__ = ["WORKLOADS", "main"]


def text(n=50_000, p=100_000, per_row=50):
    """Normalised rows of about 50 entries in columns by Zipf's law, and labels from a sparse linear model with noise."""
    rng = np.random.default_rng(0)
    columns = np.exp(rng.uniform(0, np.log(p), n * per_row)).astype(int) - 1
    X = sparse.csr_matrix((rng.exponential(1, n * per_row), columns, np.arange(0, n * per_row + 1, per_row)), shape=(n, p))
    X.sum_duplicates()
    X = normalize(X)
    raw = X @ (rng.standard_normal(p) * (rng.random(p) < 0.1))
    return X, np.where(3 * raw / raw.std() + rng.logistic(size=n) > 0, 1, -1)


def dense(outliers, n=10_000, p=2_000):
    """Normal columns of which 100 matter; a twentieth of the targets may be outliers."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, p))
    y = X[:, :100] @ rng.standard_normal(100) + 3 * rng.standard_normal(n)
    y[::20] += outliers * rng.standard_normal(len(y[::20]))
    return X, y


def margins(model, X, y):
    return y * (X @ model.coef_.ravel() + model.intercept_)


def logistic(model, X, y):
    return np.logaddexp(0, -margins(model, X, y)).sum()


def hinge(model, X, y):
    return np.maximum(0, 1 - margins(model, X, y)).sum()


def ridge(model):
    return 0.5 * float(np.sum(model.coef_**2))


def absolute(model):
    return float(np.abs(model.coef_).sum())


def squared(model, X, y):
    return 0.5 * np.mean((y - model.predict(X)) ** 2)


def huber(model, X, y):
    residual = np.abs(y - model.predict(X))
    return np.where(residual < 1.35, residual**2 / 2, 1.35 * (residual - 0.675)).mean()


def sparse_logistic():
    X, y = text()
    peers = {
        "LogisticRegression(lbfgs)": LogisticRegression(max_iter=1000, tol=1e-6),
        "LogisticRegression(newton-cg)": LogisticRegression(solver="newton-cg", tol=1e-5),
        "liblinear": LogisticRegression(solver="liblinear"),
    }
    return X, y, LossClassifier(alpha=1 / len(y)), peers, lambda m: logistic(m, X, y) + ridge(m)


def sparse_hinge():
    X, y = text()
    peers = {"LinearSVC(hinge)": LinearSVC(loss="hinge", tol=1e-6, max_iter=20_000)}
    return X, y, LossClassifier("hinge", alpha=1 / len(y)), peers, lambda m: hinge(m, X, y) + ridge(m)


def sparse_l1_logistic():
    X, y = text()
    peers = {
        "liblinear": LogisticRegression(solver="liblinear", l1_ratio=1.0),
        "saga": LogisticRegression(solver="saga", l1_ratio=1.0, tol=1e-4),
    }
    return X, y, LossClassifier(alpha=1 / len(y), l1_ratio=1.0), peers, lambda m: logistic(m, X, y) + absolute(m)


def lasso():
    X, y = dense(0)
    alpha = np.max(np.abs((X - X.mean(axis=0)).T @ (y - y.mean()))) / len(y) / 20
    ours = LossRegressor(alpha=2 * alpha, l1_ratio=1.0)
    return X, y, ours, {"Lasso": Lasso(alpha=alpha, tol=1e-6)}, lambda m: squared(m, X, y) + alpha * absolute(m)


def l1_huber():
    X, y = dense(50)
    slope = np.clip(y - np.median(y), -1.35, 1.35)
    alpha = np.max(np.abs((X - X.mean(axis=0)).T @ slope)) / len(y) / 20
    ours = LossRegressor("huber", alpha=alpha, l1_ratio=1.0)
    return X, y, ours, skglm_huber(alpha), lambda m: huber(m, X, y) + alpha * absolute(m)


def skglm_huber(alpha):
    """skglm's own, where it is installed with numba."""
    try:
        from skglm import GeneralizedLinearEstimator
        from skglm.datafits import Huber
        from skglm.penalties import L1
        from skglm.solvers import AndersonCD
    except ImportError:
        return {}
    return {"skglm": GeneralizedLinearEstimator(Huber(1.35), L1(alpha), AndersonCD(fit_intercept=True, tol=1e-6))}


WORKLOADS = {
    "logistic, sparse 50,000 x 100,000": sparse_logistic,
    "L1 logistic, the same, C = 1": sparse_l1_logistic,
    "lasso, dense 10,000 x 2,000": lasso,
    "huber + L1, dense 10,000 x 2,000": l1_huber,
    "hinge, sparse 50,000 x 100,000": sparse_hinge,
}


def measure(make, rounds):
    """The median seconds, the objective and the warnings of each contestant; ours comes first."""
    X, y, ours, peers, objective = make()
    seconds, values = {}, {}
    for _ in range(rounds):
        for name, model in {"ours": ours, **peers}.items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # peers that stop early show it in their objective
                start = time.perf_counter()
                model.fit(X, y)
                seconds.setdefault(name, []).append(time.perf_counter() - start)
            values[name] = objective(model)
    return {name: (median(times), values[name]) for name, times in seconds.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="part of a workload's name")
    options = parser.parse_args()
    for workload, make in WORKLOADS.items():
        if options.only not in workload:
            continue
        results = measure(make, options.rounds)
        ours_time, ours_value = results["ours"]
        print(workload)
        for name, (seconds, value) in results.items():
            print(f"    {name:32} {seconds:8.3f} s   objective {value:.10g}")
        equal = [t for name, (t, value) in results.items() if name != "ours" and value <= ours_value * (1 + 1e-6)]
        behind = min(value for _, value in results.values()) * (1 + 1e-6) < ours_value
        if behind:
            print("    ours ends above a peer's objective")
        elif equal:
            print(f"    ratio {ours_time / min(equal):.2f}")
        else:
            print("    no peer reaches ours")


if __name__ == "__main__":
    main()
