"""Random problems, convex losses, solvers: no fit is wrong in silence.

A seed makes a problem of any kind that a user may have (columns of all sizes, nearly equal ones,
wide weights, no noise, separable classes) and an estimator for it. Whatever comes of it is held
against the optimum that `reference_optimum` finds in extended precision:

- nothing is raised but a ValueError of our own or of scikit-learn's validation, no warning but a
  ConvergenceWarning;
- a fit that ended in silence is at most 1e-5 of what there was to gain above the optimum, or `tol`
  times the value: that is all that an estimator promises, and it is more where coefficients gain
  next to nothing;
- a reported duality gap is never below the true one;
- `objective_` is the formula at the returned coefficients, and predictions are finite.

A failure says its seed and size; ``PYTHONPATH=. python tests/test_fuzz.py SEED SIZE`` runs one
alone and prints the problem.
"""

import os
import sys
import traceback
import warnings
from typing import NamedTuple

import numpy as np
import pytest
import reference_optimum as reference
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses import losses as ours

SEEDS = 250  # of the fast tests
BATCH = 25  # seeds of one test
MORE_SEEDS = int(os.environ.get("FUZZ_SEEDS", 2000))  # of the slow ones
# Seeds further on that found a fault.
FOUND = (346, 485, 549, 559, 578, 661, 726, 1092, 1149, 1227, 1303, 1439, 1543)
FOUND_SMALL = (874, 1045, 1118, 1513)  # the same of the smaller size
FAR = 1e-5  # of what there was to gain, that a fit in silence may be above the optimum


class Case(NamedTuple):
    """A loss of the package, its convex twin of `reference_optimum`, and what y it needs."""

    name: str
    loss: object
    twin: object  # a function of the fitted scales
    target: str = "real"  # "real", "positive", "counts" or "classes"
    several: bool = True  # takes several targets


def _residual(name, loss, curve, **more):
    return Case(name, loss, lambda scale: reference.Residual(curve), **more)


def _scaled(name, loss, curve):
    return Case(name, loss, lambda scale: reference.Residual(curve(reference.LONG(scale))))


def _margin(name, loss, twin):
    return Case(name, loss, lambda scale: twin, target="classes")


def lopsided(y_true, y_pred):
    error = y_true - y_pred
    return np.where(error > 0, 3 * error**2, error**2)


def steep(y_true, y_pred):
    return np.maximum(3 * (y_true - y_pred), y_pred - y_true)


COST = np.array([[0.0, 1.0], [5.0, 0.0]])

REGRESSION = [
    _residual("mse", "mse", reference.squared),
    _residual("mae", "mae", reference.absolute),
    _residual("quantile", ours.Quantile(0.9), reference.pinball(0.9)),
    _residual("low quantile", ours.Quantile(0.02), reference.pinball(0.02)),
    _residual("expectile", ours.Expectile(0.05), reference.expectile(0.05)),
    _residual("epsilon", ours.EpsilonInsensitive(0.5), reference.insensitive(0.5)),
    _residual("epsilon 0", ours.EpsilonInsensitive(0.0), reference.insensitive(0)),
    _residual("squared epsilon", ours.SquaredEpsilonInsensitive(0.5), reference.squared_insensitive(0.5)),
    _residual("log_cosh", "log_cosh", reference.log_cosh),
    _residual("huber", ours.Huber(1.0, scale=1.0), reference.huber(1, reference.LONG(1))),
    _scaled("huber, mad", "huber", lambda scale: reference.huber(1.35, scale)),
    _scaled("fair", "fair", lambda scale: reference.fair(1.4, scale)),
    _scaled("barron", ours.Barron(1.0), lambda scale: reference.barron(1, 1, scale)),
    _scaled("barron 1.5", ours.Barron(1.5), lambda scale: reference.barron(1.5, 1, scale)),
    _residual("custom", ours.CustomLoss(lopsided, convex=True), reference.lopsided, several=False),
    _residual("custom kink", ours.CustomLoss(steep, convex=True), lambda t, mu: reference.kink(t, -1, 3, mu), several=False),
    Case("poisson", "poisson", lambda scale: reference.Deviance(1), "counts"),
    Case("gamma", "gamma", lambda scale: reference.Deviance(2), "positive"),
    Case("tweedie", "tweedie", lambda scale: reference.Deviance(1.5), "counts"),
    Case(
        "mse + mae",
        0.5 * ours.MSE() + 2 * ours.MAE(),
        lambda scale: reference.Sum(
            [(0.5, reference.Residual(reference.squared)), (2, reference.Residual(reference.absolute))]
        ),
    ),
    Case(
        "quantiles",
        ours.Quantile(0.9) + ours.Quantile(0.2),
        lambda scale: reference.Sum([(1, reference.Residual(reference.pinball(q))) for q in (0.9, 0.2)]),
    ),
    Case(
        "cvar of mae",
        ours.CVaR("mae", 0.3),
        lambda scale: reference.WorstShare(reference.Residual(reference.absolute), 0.3),
        several=False,
    ),
    Case(
        "cvar of mse",
        ours.CVaR("mse", 0.3),
        lambda scale: reference.WorstShare(reference.Residual(reference.squared), 0.3),
        several=False,
    ),
]
CLASSIFICATION = [
    _margin("cross_entropy", "cross_entropy", reference.Softmax()),
    _margin("smoothed labels", ours.CrossEntropy(0.1), reference.Softmax(0.1)),
    _margin("hinge", "hinge", reference.Margin(reference.hinge)),
    _margin("squared_hinge", "squared_hinge", reference.Margin(reference.squared_hinge)),
    _margin("modified_huber", "modified_huber", reference.Margin(reference.modified_huber)),
    _margin("exponential", "exponential", reference.Margin(reference.exponential)),
    _margin("crammer_singer", "crammer_singer", reference.Largest()),
    _margin(
        "hinges",
        ours.Hinge() + 0.1 * ours.SquaredHinge(),
        reference.Sum([(1, reference.Margin(reference.hinge)), (0.1, reference.Margin(reference.squared_hinge))]),
    ),
    _margin("cvar of hinge", ours.CVaR("hinge", 0.5), reference.WorstShare(reference.Margin(reference.hinge), 0.5)),
    _margin("tilted", ours.Tilted("cross_entropy", 2.0), reference.Tilted(reference.Softmax(), 2.0)),
    _margin("costs, cross_entropy", "cross_entropy", reference.Softmax()),
    _margin("costs, hinge", "hinge", reference.Margin(reference.hinge)),
]
SOLVERS = (
    ["auto"] * 12
    + ["lbfgs", "newton", "interior_point", "proximal_newton", "augmented_lagrangian"] * 2
    + ["gd", "bfgs", "cg", "newton-cg", "tnc", "slsqp", "trust-constr", "trust-krylov", "trust-ncg", "sgd", "adam"]
)
# A step takes the cube of the number of parameters.
CUBIC = ("trust-constr", "slsqp")


class Trial(NamedTuple):
    """What a seed makes: an estimator, the data, and the same problem in extended precision."""

    estimator: object
    X: object
    y: np.ndarray
    weight: np.ndarray | None
    case: Case
    outputs: int
    words: str

    def problem(self, model):
        """The problem with the scales that the fit found."""
        X = self.X.toarray() if sparse.issparse(self.X) else self.X
        if self.case.target == "classes":
            y = np.searchsorted(model.classes_, self.y)
            twin = self.case.twin(None)
            if self.case.name.startswith("costs") and len(model.classes_) == 2:
                twin = reference.Costs(twin, COST)
        else:
            y = self.y
            scales = np.broadcast_to(getattr(model, "scale_", 1.0), self.outputs)
            twin = self.case.twin(scales[0])
            if y.ndim == 2:
                twin = reference.Targets([self.case.twin(scale) for scale in scales])
        return reference.Problem(
            twin, X, y, self.weight, self.outputs, model.alpha_, model.l1_ratio_, model.fit_intercept
        )  # fmt: skip


def pick(rng, options):
    return options[rng.integers(len(options))]


def columns(rng, n, p):
    """Columns of many sizes, some of them constant, repeated or nearly so."""
    X = rng.standard_normal((n, p))
    if rng.random() < 0.15:
        X = (X > 1).astype(float)
    for _ in range(p // 3 if rng.random() < 0.4 else 0):
        one, other = rng.integers(p, size=2)
        X[:, one] = X[:, other] + pick(rng, [0, 0, 1e-2, 1e-4, 1e-6, 1e-8]) * rng.standard_normal(n)
    if rng.random() < 0.2:
        X[:, rng.integers(p)] = pick(rng, [0.0, 1.0, 1e3])
    if rng.random() < 0.3:
        X += pick(rng, [1.0, 1e2, 1e4]) * rng.standard_normal(p)
    if rng.random() < 0.5:
        X *= 10.0 ** pick(rng, [rng.integers(-6, 7), rng.integers(-6, 7, p), rng.integers(-2, 3, p)])
    return X


def targets(rng, case, score, several):
    """y of the kind that the loss takes, more or less well explained by `score` (n,), of
    spread 1.
    """
    n = len(score)
    noise = pick(rng, [0, 1e-6, 0.1, 1, 1, 3])
    if several:
        score = np.stack([score, rng.standard_normal(n)], axis=1)
    shape = score.shape
    if case.target == "real":
        y = score + noise * pick(rng, [rng.standard_normal, lambda size: rng.standard_t(1.5, size)])(shape)
        y = np.round(3 * y) if rng.random() < 0.15 else y
        if rng.random() < 0.2:
            y[rng.integers(n, size=max(1, n // 20))] += 100
        y = y * 10.0 ** pick(rng, [0, 0, 0, rng.integers(-6, 7)])
        return y + pick(rng, [0, 0, 10, 1e4]) * np.std(y)
    mean = np.exp(np.clip(score, -5, 5) + 0.3 * noise * rng.standard_normal(shape))
    if case.target == "counts" and rng.random() < 0.7:
        return rng.poisson(mean).astype(float)
    return np.maximum(mean * 10.0 ** pick(rng, [0, 0, rng.integers(-4, 5)]), 1e-30)


def labels(rng, score):
    """Two to four classes, from separable to independent of `score`; each has a row."""
    n, number = len(score), min(pick(rng, [2, 2, 2, 3, 4]), len(score))
    noisy = score + pick(rng, [0, 0.1, 1, 1, 3]) * rng.standard_normal(n)
    ranks = np.argsort(np.argsort(noisy))
    cuts = np.sort(rng.choice(np.arange(1, n), size=number - 1, replace=False))
    return np.searchsorted(cuts, ranks, side="right")


def weights(rng, n, y):
    kind = rng.random()
    if kind < 0.6:
        return None
    weight = rng.uniform(0.1, 3, n)
    if kind < 0.75:
        return weight
    if kind < 0.9:
        return np.exp(-np.arange(n) / n * pick(rng, [10, 25]))
    weight[rng.random(n) < 0.3] = 0
    weight[[np.flatnonzero(y == label)[0] for label in np.unique(y)] if y.dtype.kind == "i" else 0] = 1
    return weight


def trial(seed, largest=60):
    rng = np.random.default_rng(seed)
    case = pick(rng, REGRESSION if rng.random() < 0.6 else CLASSIFICATION)
    n, p = int(rng.integers(1, 4 if rng.random() < 0.03 else largest)), int(rng.integers(1, pick(rng, [3, 6, 6, largest // 4])))
    n = max(n, 2) if case.target == "classes" else n
    if rng.random() < 0.1:
        p = int(rng.integers(n, n + 10))
    X = columns(rng, n, p)
    standard = (X - X.mean(axis=0)) / np.where(X.std(axis=0) > 1e-12 * np.abs(X).max(axis=0), X.std(axis=0), np.inf)
    score = standard @ rng.standard_normal(p) / np.sqrt(p)
    if case.target == "classes":
        y = labels(rng, score)
        outputs = len(np.unique(y))
        outputs = 1 if outputs == 2 else outputs
    else:
        y = targets(rng, case, score, case.several and rng.random() < 0.15)
        outputs = 1 if y.ndim == 1 else y.shape[1]
    weight = weights(rng, n, y)
    zeros = 1100 if rng.random() < 0.04 else 0
    dtype = np.float32 if rng.random() < 0.15 else np.float64
    as_sparse = rng.random() < 0.15
    alpha = pick(rng, ["auto", 0.0, 0.0, 1e-10, 1e-4, 1e-2, 1.0, 1e3])
    params = {
        "solver": pick(rng, SOLVERS),
        "alpha": alpha,
        "l1_ratio": pick(rng, [0.0, 0.0, 0.0, 0.5, 1.0]),
        "fit_intercept": bool(rng.random() < 0.85),
        "random_state": 0,
    }
    # Beyond a thousand parameters either way.
    zeros //= outputs if params["solver"] in CUBIC else 1
    X = np.hstack([X, np.zeros((n, zeros))]).astype(dtype)
    X = sparse.csr_matrix(X) if as_sparse else X
    params["max_iter"] = 20 if params["solver"] in ("sgd", "adam") else 300
    loss = case.loss
    if case.name.startswith("costs") and outputs == 1:  # with more classes it is not convex
        loss = ours.CostSensitive(loss, COST)
    estimator = (LossClassifier if case.target == "classes" else LossRegressor)(loss, **params)
    words = (
        f"{case.name}, {params}, n={n}, p={X.shape[1]}, outputs={outputs}, {X.dtype}, sparse={sparse.issparse(X)}, "
        f"weighted={weight is not None and float(weight[weight > 0].max() / weight[weight > 0].min())}"
    )
    return Trial(estimator, X, y, weight, case, outputs, words)


def fitted(trial):
    """The fit, None where a ValueError refused it, and whether it was silent; anything else is
    raised.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("error")
        warnings.simplefilter("always", ConvergenceWarning)
        try:
            model = trial.estimator.fit(trial.X, trial.y, sample_weight=trial.weight)
        except ValueError as error:
            raised_by = traceback.extract_tb(error.__traceback__)[-1].filename
            if type(error) is ValueError and ("sklearn_losses" in raised_by or "validation" in raised_by):
                return None, False
            raise
    return model, not caught


def faults(trial):
    """What is wrong with the fit, a list of sentences."""
    try:
        model, silent = fitted(trial)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        return [f"{type(error).__name__}: {error} ({where.filename.split('/')[-1]}:{where.lineno})"]
    if model is None:
        return []
    found = [] if silent == model.converged_ else [f"converged_ is {model.converged_}, and silence {silent}"]
    if not np.all(np.isfinite(model.predict(trial.X))):
        found.append("predictions are not finite")
    return found + (faults_of_values(trial, model, silent) if "coef_" in vars(model) else [])


def faults_of_values(trial, model, silent):
    """What is wrong with the value that a fit ended at, and with what it says of it."""
    found, problem = [], trial.problem(model)
    coef, intercept = np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)
    value, null = problem.value(coef, intercept), problem.null()
    scale = max(null, problem.value(0 * coef, 0 * intercept))
    noise = 4 * problem.rounding(coef, intercept, np.finfo(model.coef_.dtype).eps) + 1e-13 * scale
    # Where all is 0 there is no unit: what is left is the square of a step that differentiates, or
    # of a width that smooths.
    noise += 1e-50 if scale else 1e-12
    # The formula takes the best threshold of an aggregate, which a fit knows to `tol` once it has
    # converged.
    steps = model.solver_ in ("sgd", "adam")  # they stop by patience, and promise no optimum
    threshold = 0 if not problem.loss.constants else model.tol * value + 1e-12 * scale if silent and not steps else np.inf
    if not -noise - 1e-9 * value <= model.objective_ - value <= noise + 1e-9 * value + threshold:
        found.append(f"objective_ is {model.objective_:.12g}, the formula {value:.12g}")
    if steps:
        return found
    optimum = min(value, problem.minimum()[0])
    above, gain = value - optimum, null - optimum
    if silent and above > max(FAR * gain, model.tol * value) + noise:
        found.append(
            f"{value:.9g} in silence, {above / gain if gain else np.inf:.2g} of the way from {optimum:.9g} to {null:.9g}"
        )
    gap = getattr(model, "dual_gap_", np.inf)
    if np.isfinite(gap) and above > gap * model.objective_ + 1e-11 * scale + noise:
        found.append(f"dual_gap_ {gap:.2g}, true gap {above / value:.2g}")
    return found


def check(seeds, largest=60):
    """Assert that no fit of the seeds has a fault."""
    wrong = []
    for seed in seeds:
        one = trial(seed, largest)
        wrong += [f"{seed} {largest}: {fault} [{one.words}]" for fault in faults(one)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("first", range(0, SEEDS, BATCH))
def test_no_fit_is_wrong_in_silence(first):
    check(range(first, first + BATCH), largest=40)


def test_seeds_that_found_a_fault():
    check(FOUND)
    check(FOUND_SMALL, largest=40)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(SEEDS, SEEDS + MORE_SEEDS, BATCH))
def test_no_fit_of_more_is_wrong_in_silence(first):
    check(range(first, min(first + BATCH, SEEDS + MORE_SEEDS)), largest=40 if first // SEEDS % 2 else 60)


if __name__ == "__main__":
    one = trial(*map(int, sys.argv[1:]))
    print(one.words, *faults(one), sep="\n  ")
