"""More than 200 fits, recorded before a change of the code and compared after it.

    python -m benchmarks.recorded_fits record before.pkl
    python -m benchmarks.recorded_fits compare before.pkl

A change of the layout must not change a number: `compare` prints every fit whose fitted attributes
differ from the recorded ones by more than 1e-12 of their size, and how many are equal bit by bit.
Fits are compared on the machine that recorded them.
"""

import pickle
import sys
import warnings

import numpy as np
from scipy import sparse
from sklearn.datasets import load_diabetes, load_iris
from sklearn.preprocessing import StandardScaler

from sklearn_losses import LossClassifier, LossRanker, LossRegressor, MultiQuantileRegressor, make_ranking
from sklearn_losses.losses import CVaR, Huber, Loss, Trimmed
from sklearn_losses.solvers import Solver

TOLERANCE = 1e-12
ATTRIBUTES = (
    "coef_", "intercept_", "coefs_", "intercepts_", "loss_", "objective_", "n_iter_", "solver_", "converged_", "dual_gap_",
    "gradient_norm_", "alpha_", "l1_ratio_", "loss_curve_", "scale_", "n_parameters_", "classes_", "best_validation_score_",
)  # fmt: skip
NETWORK = {"hidden_layer_sizes": (5,), "max_iter": 20, "random_state": 0}
STEPS = {"max_iter": 20, "random_state": 0}


def data():
    """The data sets by task: X, y, and further arguments of `fit`."""
    diabetes, iris = load_diabetes(), load_iris()
    X, relevance, qid = make_ranking(n_queries=12, random_state=0)
    return {
        "regression": (diabetes.data[:120], diabetes.target[:120] / 100, {}),
        "classification": (StandardScaler().fit_transform(iris.data), iris.target, {}),
        "ranking": (X, relevance, {"qid": qid}),
    }


def of_task(task):
    """The names of the losses of a task."""
    return sorted(name for name, maker in Loss.names().items() if maker.task == task)


def fits():
    """(label, fitted estimator) of every fit, one after the other."""
    made = data()
    estimators = {"regression": LossRegressor, "classification": LossClassifier, "ranking": LossRanker}
    for task, estimator in estimators.items():
        X, y, more = made[task]
        for loss in of_task(task):
            steps = STEPS if estimator is LossRanker else {"random_state": 0}
            yield f"{task} {loss}", estimator(loss, **steps).fit(X, y, **more)
            yield f"{task} {loss} ridge", estimator(loss, alpha=0.1, fit_intercept=task == "ranking", **steps).fit(X, y, **more)
    yield from _variants(made)
    yield from _solvers(made)
    yield from _networks(made)
    yield from _going_on(made)


def _variants(made):
    X, y, _ = made["regression"]
    weight = 0.5 + np.arange(len(y)) % 3
    kinds = {
        "sparse": (sparse.csr_matrix(np.where(X > 0, X, 0)), {}),
        "float32": (X.astype(np.float32), {}),
        "weighted": (X, {"sample_weight": weight}),
        "wide": (np.tile(X[:8], (1, 2)), {}),
    }
    for kind, (rows, more) in kinds.items():
        for loss in ("mse", "mae", "huber", "tukey", "poisson", "expectile"):
            yield f"{kind} {loss}", LossRegressor(loss, random_state=0).fit(rows, y[: rows.shape[0]], **_part(more, rows))
    for loss in ("mse", "mae", "huber", "log_cosh"):
        yield f"l1 {loss}", LossRegressor(loss, alpha=0.05, l1_ratio=1.0).fit(X, y)
        yield f"two targets {loss}", LossRegressor(loss).fit(X, np.column_stack([y, -y]))
    X, y, _ = made["classification"]
    for loss in ("cross_entropy", "hinge", "squared_hinge", "crammer_singer", "focal"):
        yield f"two classes {loss}", LossClassifier(loss).fit(X[:100], y[:100])
        yield f"sparse {loss}", LossClassifier(loss).fit(sparse.csr_matrix(np.where(X > 0, X, 0)), y)
        yield f"float32 {loss}", LossClassifier(loss).fit(X.astype(np.float32), y, sample_weight=1 + y)
    for loss in ("cross_entropy", "squared_hinge", "hinge"):
        yield f"l1 {loss}", LossClassifier(loss, alpha=0.02, l1_ratio=0.9).fit(X, y)


def _part(more, rows):
    return {name: value[: rows.shape[0]] for name, value in more.items()}


def _solvers(made):
    for solver, maker in sorted(Solver.names().items()):
        # SciPy's takes other steps from one run of the same code to the next.
        if solver == "trust-krylov":
            continue
        for task, losses in (("regression", ("mse", "mae", "huber")), ("classification", ("cross_entropy", "hinge"))):
            X, y, _ = made[task]
            for loss in losses:
                estimator = LossRegressor if task == "regression" else LossClassifier
                made_of = estimator(loss, solver=solver, alpha=0.01, **(STEPS if maker().stochastic else {"random_state": 0}))
                try:
                    yield f"{solver} {loss}", made_of.fit(X, y)
                except ValueError as refused:
                    yield f"{solver} {loss}", refused


def _networks(made):
    X, y, _ = made["regression"]
    for loss in ("mse", "mae", "huber", "tukey", "quantile"):
        yield f"network {loss}", LossRegressor(loss, **NETWORK).fit(X, y)
    yield "network float32", LossRegressor("huber", **NETWORK).fit(X.astype(np.float32), y)
    yield "network lbfgs", LossRegressor("huber", solver="lbfgs", activation="tanh", **NETWORK).fit(X, y)
    yield "network early", LossRegressor("mse", early_stopping=True, **NETWORK).fit(X, y)
    X, y, _ = made["classification"]
    for loss in ("cross_entropy", "hinge", "focal", "exponential"):
        yield f"network {loss}", LossClassifier(loss, **NETWORK).fit(X, y)
    yield "network sgd sparse", LossClassifier(solver="sgd", **NETWORK).fit(sparse.csr_matrix(X), y)
    X, y, more = made["ranking"]
    yield "network ranknet", LossRanker("ranknet", **NETWORK).fit(X, y, **more)


def _going_on(made):
    X, y, _ = made["regression"]
    for solver in ("sgd", "adam", "lbfgs", "newton"):
        model = LossRegressor("huber", solver=solver, warm_start=True, alpha=0.01, **STEPS).fit(X[:60], y[:60])
        yield f"warm {solver}", model.fit(X[60:], y[60:])
    yield "other quantile", LossRegressor("quantile", warm_start=True).fit(X, y).set_params(loss__quantile=0.9).fit(X, y)
    model = LossRegressor("tukey", solver="adam", random_state=0)
    for start in range(0, 120, 40):
        model.partial_fit(X[start : start + 40], y[start : start + 40])
    yield "partial_fit", model
    yield "early stopping", LossRegressor("mae", solver="adam", early_stopping=True, **STEPS).fit(X, y)
    yield "restarts", LossRegressor("tukey", random_state=0).set_params(loss__n_init=3).fit(X, y)
    yield "trimmed", LossRegressor(Trimmed("mse", 0.2), random_state=0).fit(X, y)
    yield "sum", LossRegressor(0.5 * Huber() + Loss.make("log_cosh"), alpha=0.01).fit(X, y)
    yield "cvar", LossRegressor(CVaR("mse", 0.3), alpha=0.01).fit(X, y)
    yield "quantiles", MultiQuantileRegressor([0.1, 0.5, 0.9]).fit(X, y)


def state_of(fitted):
    """The fitted attributes of a fit, as plain numbers."""
    if isinstance(fitted, Exception):
        return {"error": str(fitted)}
    return {name: getattr(fitted, name) for name in ATTRIBUTES if hasattr(fitted, name)}


def record():
    """The state of every fit by its label."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {label: state_of(fitted) for label, fitted in fits()}


def difference(old, new):
    """The largest difference of two states, relative to the size of the old one; inf where they are
    of another kind.
    """
    if isinstance(old, dict):
        return max((difference(old[key], new.get(key)) for key in old), default=0.0)
    if isinstance(old, (list, tuple)) and any(np.ndim(part) for part in old):
        same = isinstance(new, (list, tuple)) and len(old) == len(new)
        return max((difference(*pair) for pair in zip(old, new, strict=True)), default=0.0) if same else np.inf
    if isinstance(old, str) or old is None:
        return 0.0 if old == new else np.inf
    old, new = np.asarray(old), np.asarray(new)
    if old.shape != new.shape or old.dtype != new.dtype:
        return np.inf
    if old.dtype.kind != "f":
        return 0.0 if np.array_equal(old, new) else np.inf
    apart = np.abs(np.where(old == new, 0.0, old - new))  # inf less inf is no number
    return float(np.max(apart, initial=0.0) / (np.max(np.abs(old), initial=0.0) or 1.0))


def compare(recorded):
    """Print the fits that differ from the recorded ones; the number of those that do."""
    now = record()
    apart = {label: difference(state, now.get(label, {})) for label, state in recorded.items()}
    for label, size in sorted(apart.items(), key=lambda pair: -pair[1]):
        if not size <= TOLERANCE:
            new = now.get(label, {})
            names = [name for name, old in recorded[label].items() if not difference(old, new.get(name)) <= TOLERANCE]
            print(f"{label}: {size:.2g} in {', '.join(names)}")
    print(f"{len(apart)} fits, {sum(size == 0 for size in apart.values())} equal bit by bit, largest {max(apart.values()):.2g}")
    return sum(not size <= TOLERANCE for size in apart.values())


def main(command, path):
    """Record to a file, or compare with one."""
    if command == "record":
        with open(path, "wb") as file:
            pickle.dump(record(), file)
        return 0
    with open(path, "rb") as file:
        return compare(pickle.load(file))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
