"""The losses that fit a data set, and scikit-learn's and skglm's ways to the same objective.

alpha is 1/n, which is the peers' C = 1, except for L1 penalties of regressions, where it is a
twentieth of the least one that leaves no column, and for quantiles, which have none. liblinear
penalises an intercept: its problems have a column of ones instead, for all sides.
"""

import warnings

import numpy as np
from scipy import sparse
from sklearn.linear_model import (
    ElasticNet,
    GammaRegressor,
    HuberRegressor,
    Lasso,
    LogisticRegression,
    PoissonRegressor,
    QuantileRegressor,
    Ridge,
)
from sklearn.svm import LinearSVC

from benchmarks.ladder import TOLERANCES, Contest, Peer
from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.losses import Huber, Loss, Quantile

__all__ = ["ROWS"]

MANY = 100_000  # iterations that no peer needs
# Multiplications that liblinear and saga may take for all their passes, about two seconds, where
# their default allows less; they do not end before at a tolerance that is too tight.
WORK = 2e9
SAGA = 300_000  # entries from which liblinear and skglm are always faster, for two classes
HESSIAN = 3_000  # parameters up to which newton-cholesky gets its turn
PROGRAM = {"time_limit": 20.0}  # of HiGHS, in seconds
LARGE_PROGRAM = 10_000  # rows from which one program is enough


class _Problem:
    """A data set together with one loss.

    Parameters
    ----------
    name : str
        Of the data set.
    row : str
        Of the summary.
    data : Data
    loss : str or Loss
    alpha : float
    l1_ratio : float, default=0.0
    column : bool, default=False
        Whether a column of ones stands for the intercept.
    """

    def __init__(self, name, row, data, loss, alpha, l1_ratio=0.0, column=False):
        self.name, self.row, self.data = name, row, data
        self.loss, self.alpha, self.l1_ratio = loss, alpha, l1_ratio
        self.X, self.y, self.intercept = data.X, data.y, not column
        if column:
            ones = np.ones((len(data.y), 1))
            self.X = sparse.hstack([data.X, ones]).tocsr() if sparse.issparse(data.X) else np.hstack([data.X, ones])
        self._turned = None

    def ours(self):
        maker = LossRegressor if self.y.dtype.kind == "f" else LossClassifier
        model = maker(self.loss, alpha=self.alpha, l1_ratio=self.l1_ratio, fit_intercept=self.intercept)
        return model.fit(self.X, self.y)

    def objective(self, model):
        """From the coefficients alone."""
        coef = np.atleast_2d(model.coef_)
        raw = np.asarray(self.X @ coef.T) + np.ravel(model.intercept_)
        penalty = (1 - self.l1_ratio) / 2 * np.sum(coef**2) + self.l1_ratio * np.sum(np.abs(coef))
        return float(np.mean(self._values(self.y, raw)) + self.alpha * penalty)

    def null(self):
        """The objective of the best constant model: of a regression on a column of zeros, or of
        classes with one row each, as heavy as the class. Without an intercept the constant is 0.
        """
        if self.y.dtype.kind == "f":
            best = LossRegressor(self.loss, alpha=0.0).fit(np.zeros((len(self.y), 1)), self.y)
            return float(np.mean(self._values(self.y, np.full((len(self.y), 1), float(best.intercept_)))))
        classes, counts = np.unique(self.y, return_counts=True)
        raw = np.zeros((len(classes), 1 if len(classes) == 2 else len(classes)))
        if np.ptp(counts) and self.intercept:  # equal classes have 0 by symmetry
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # as many classes as rows
                best = LossClassifier(self.loss, alpha=0.0).fit(np.zeros((len(classes), 1)), classes, sample_weight=counts)
            raw = raw + np.ravel(best.intercept_)
        return float(np.average(self._values(classes, raw), weights=counts))

    def _values(self, y, raw):
        return Loss.make(self.loss).value(y, raw[:, 0] if raw.shape[1] == 1 else raw)

    def peer(self, estimator, tolerances=TOLERANCES, same=True, by_columns=False, compiles=False, **parameters):
        """A peer on the same rows.

        `by_columns`: X in the form that is best for coordinate descent. The tolerances (None,):
        it has none.
        """
        if "fit_intercept" not in parameters:
            parameters["fit_intercept"] = self.intercept

        def fit(tolerance):
            more = {} if tolerance is None else {"tol": tolerance}
            return estimator(**parameters, **more).fit(self._by_columns() if by_columns else self.X, self.y)

        return Peer(fit, tolerances, same, compiles)

    def _by_columns(self):
        if self._turned is None:
            self._turned = self.X.tocsc() if sparse.issparse(self.X) else np.asfortranarray(self.X)
        return self._turned

    def contest(self, peers):
        n, p = self.data.X.shape
        return Contest(
            f"{self.name}/{self.row}",
            self.row,
            f"{n:,} x {p:,}",
            self.data.entries,
            self.ours,
            peers,
            self.objective,
            self.null(),
        )


def _passes(data, outputs=1, default=1000):
    """How many passes over the rows a peer may take: at least its default."""
    return int(np.clip(WORK / (data.entries * outputs), default, MANY))


def _skglm():
    """The package, or None where it is not installed with numba."""
    try:
        import skglm
    except ImportError:
        return None
    return skglm


def _mse(name, row, data):
    n = len(data.y)
    problem = _Problem(name, row, data, "mse", 1 / n)
    exact = () if sparse.issparse(data.X) else ("cholesky", "svd")
    peers = {f"Ridge({solver})": problem.peer(Ridge, (None,), alpha=0.5, solver=solver) for solver in exact}
    for solver in ("lsqr", "sparse_cg"):
        peers[f"Ridge({solver})"] = problem.peer(Ridge, alpha=0.5, solver=solver, max_iter=MANY)
    return problem.contest(peers)


def _huber(name, row, data):
    """At the scale that the peer finds with the coefficients."""
    scale = float(HuberRegressor(alpha=1.0, max_iter=10_000, tol=1e-5).fit(data.X, data.y).scale_)
    if scale < 1e-3 * data.y.std():  # most targets are equal, and the scale goes to 0
        return None
    problem = _Problem(name, row, data, Huber(1.35, scale=scale), scale / len(data.y))
    return problem.contest({"HuberRegressor": problem.peer(HuberRegressor, alpha=1.0, max_iter=10_000)})


def _quantile(level):
    def built(name, row, data):
        if level != 0.5 and len(data.y) > LARGE_PROGRAM:
            return None
        problem = _Problem(name, row, data, "mae" if level == 0.5 else Quantile(level), 0.0)
        highs = problem.peer(QuantileRegressor, (None,), quantile=level, alpha=0.0, solver_options=PROGRAM)
        return problem.contest({"QuantileRegressor": highs})

    return built


def _deviance(loss, estimator):
    def built(name, row, data):
        problem = _Problem(name, row, data, loss, 1 / len(data.y))
        solvers = ("lbfgs", *(["newton-cholesky"] if data.X.shape[1] < HESSIAN else []))
        return problem.contest(
            {
                f"{estimator.__name__}({solver})": problem.peer(
                    estimator, alpha=problem.alpha / 2, solver=solver, max_iter=10_000
                )
                for solver in solvers
            }
        )

    return built


def _largest(data, slope):
    """The least L1 penalty that leaves no column, from the slope of each row at the best
    constant.
    """
    center = np.asarray(data.X.mean(axis=0)).ravel()
    return float(np.max(np.abs(data.X.T @ slope - center * slope.sum()))) / len(data.y)


def _squares_with_l1(l1_ratio):
    def built(name, row, data):
        alpha = _largest(data, data.y - data.y.mean()) / 20 / l1_ratio
        problem = _Problem(name, row, data, "mse", 2 * alpha, l1_ratio)
        if l1_ratio == 1:
            peers = {"Lasso": problem.peer(Lasso, alpha=alpha, max_iter=MANY, by_columns=True)}
        else:
            peers = {"ElasticNet": problem.peer(ElasticNet, alpha=alpha, l1_ratio=l1_ratio, max_iter=MANY, by_columns=True)}
        if _skglm():
            maker, more = (_skglm().Lasso, {}) if l1_ratio == 1 else (_skglm().ElasticNet, {"l1_ratio": l1_ratio})
            peers[f"skglm {maker.__name__}"] = problem.peer(maker, alpha=alpha, by_columns=True, compiles=True, **more)
        return problem.contest(peers)

    return built


def _huber_with_l1(name, row, data):
    """In the unit of the target's median absolute deviation."""
    if not _skglm():
        return None
    from skglm import GeneralizedLinearEstimator, datafits, penalties, solvers

    center = np.median(data.y)
    delta = 1.35 * float(np.median(np.abs(data.y - center)) / 0.6745 or data.y.std())
    alpha = _largest(data, np.clip(data.y - center, -delta, delta)) / 20
    problem = _Problem(name, row, data, Huber(delta, scale=1.0), alpha, 1.0)

    def estimator(tol, fit_intercept):
        solver = solvers.AndersonCD(fit_intercept=fit_intercept, tol=tol)
        return GeneralizedLinearEstimator(datafits.Huber(delta), penalties.L1(alpha), solver)

    return problem.contest({"skglm Huber": problem.peer(estimator, by_columns=True, compiles=True)})


def _outputs(data):
    classes = len(np.unique(data.y))
    return 1 if classes == 2 else classes


def _cross_entropy(name, row, data):
    outputs = _outputs(data)
    problem = _Problem(name, row, data, "cross_entropy", 1 / len(data.y))
    solvers = ["lbfgs", "newton-cg"]
    if data.X.shape[1] * outputs < HESSIAN and not sparse.issparse(data.X):
        solvers.append("newton-cholesky")
    peers = {solver: problem.peer(LogisticRegression, solver=solver, max_iter=10_000) for solver in solvers}
    if outputs == 1:
        # The objective says whether its penalty of the intercept, a hundredth, matters.
        peers["liblinear"] = problem.peer(
            LogisticRegression, solver="liblinear", intercept_scaling=10.0, max_iter=_passes(data)
        )
    return problem.contest(peers)


def _hinge(loss):
    """Two classes: the peer's objective. More: a yardstick, as LinearSVC fits one against the rest
    and we all together.
    """

    def built(name, row, data):
        two = _outputs(data) == 1
        problem = _Problem(name, row, data, loss, 1 / len(data.y), column=True)
        if not two:
            yardstick = problem.peer(LinearSVC, (1e-4,), same=False, loss=loss)
            return problem.contest({"LinearSVC, one against the rest": yardstick})
        duals = (True, False) if loss == "squared_hinge" else (True,)
        return problem.contest(
            {
                f"LinearSVC({'dual' if dual else 'primal'})": problem.peer(
                    LinearSVC, loss=loss, dual=dual, max_iter=_passes(data), random_state=0
                )
                for dual in duals
            }
        )

    return built


def _crammer_singer(name, row, data):
    problem = _Problem(name, row, data, "crammer_singer", 1 / len(data.y), column=True)
    passes = _passes(data, 4 * _outputs(data))  # each with a sort of the classes
    peer = problem.peer(LinearSVC, multi_class="crammer_singer", max_iter=passes, random_state=0)
    return problem.contest({"LinearSVC(crammer_singer)": peer})


def _l1_logistic(name, row, data):
    two = _outputs(data) == 1
    problem = _Problem(name, row, data, "cross_entropy", 1 / len(data.y), 1.0, column=two)
    parameters = {"l1_ratio": 1.0, "random_state": 0}
    # Its passes take five times as long as liblinear's.
    passes = _passes(data, 5 * _outputs(data), 100)
    peers = {}
    if not two or data.entries < SAGA:
        peers["saga"] = problem.peer(LogisticRegression, solver="saga", max_iter=passes, **parameters)
    if two:
        peers["liblinear"] = problem.peer(LogisticRegression, solver="liblinear", max_iter=_passes(data), **parameters)
        if _skglm():
            maker = _skglm().SparseLogisticRegression
            peers["skglm"] = problem.peer(maker, alpha=problem.alpha, by_columns=True, compiles=True)
    return problem.contest(peers)


def _l1_hinge(loss):
    """Beside LinearSVC's squared hinge; it has no other loss with L1."""

    def built(name, row, data):
        two = _outputs(data) == 1
        problem = _Problem(name, row, data, loss, 1 / len(data.y), 1.0, column=True)
        same = two and loss == "squared_hinge"
        parameters = {"penalty": "l1", "dual": False, "random_state": 0, "max_iter": _passes(data)}
        peer = problem.peer(LinearSVC, TOLERANCES if same else (1e-4,), same, **parameters)
        return problem.contest({"LinearSVC(L1)" if same else "LinearSVC(L1), squared, one against the rest": peer})

    return built


_HINGES = {"squared_hinge": _hinge("squared_hinge"), "hinge": _hinge("hinge")}
_L1_SQUARES = {"lasso": _squares_with_l1(1.0), "elastic net": _squares_with_l1(0.5)}
_SEVERAL = {f"{row}, several classes": built for row, built in {"cross_entropy": _cross_entropy, **_HINGES}.items()}
_SEVERAL["crammer_singer"] = _crammer_singer
_TWO = {"cross_entropy": _cross_entropy, **_HINGES, "L1 cross_entropy": _l1_logistic}
_ROBUST = {"mse": _mse, "huber": _huber, "mae": _quantile(0.5)}
_POISSON = {"poisson": _deviance("poisson", PoissonRegressor)}
_L1_SEVERAL = {"L1 cross_entropy, several classes": _l1_logistic}

# By task: the rows of the summary, and what builds the problem of a row from the name of a data
# set, the row and the data. None is no problem.
ROWS = {
    "regression": {**_ROBUST, "quantile 0.9": _quantile(0.9), **_L1_SQUARES, "huber + L1": _huber_with_l1},
    "counts": {**_ROBUST, **_POISSON, **_L1_SQUARES, "huber + L1": _huber_with_l1},
    "positive": {"gamma": _deviance("gamma", GammaRegressor)},
    "sparse regression": {"mse": _mse, "huber": _huber, "lasso": _squares_with_l1(1.0)},
    "sparse counts": {"mse": _mse, **_POISSON},
    "two classes": _TWO,
    "sparse two classes": _TWO,
    "classes": {**_SEVERAL, **_L1_SEVERAL},
    "sparse classes": {**_SEVERAL, **_L1_SEVERAL},
    "text": {
        **_SEVERAL,
        **_L1_SEVERAL,
        "L1 squared_hinge, several classes": _l1_hinge("squared_hinge"),
        "L1 hinge, several classes": _l1_hinge("hinge"),
    },
    "many classes": _SEVERAL,
}
