"""Small problems whose loss has kinks, and their optima by programs that share nothing with the
package.
"""

import numpy as np
from scipy.optimize import linprog, minimize

from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.core.batches import Batches
from sklearn_losses.core.penalties import ElasticNet
from sklearn_losses.losses import Loss
from sklearn_losses.models import Linear
from sklearn_losses.objective import Objective

LOSSES = [("mae", 1), ("quantile", 1), ("epsilon_insensitive", 1), ("hinge", 2), ("hinge", 3), ("crammer_singer", 3)]
PENALTIES = [(0.0, 0.0), (0.05, 0.0), (0.05, 0.5), (0.05, 1.0)]


def made(loss):
    return Loss.make(loss) if loss != "quantile" else Loss.make(loss).set_params(quantile=0.8)


def sample(loss, classes, n=30, p=3, seed=0):
    """Rows in which no model fits all, with weights from 0.1 to 10 and repeated rows."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)).round(1)
    X[X < -1] = 0
    scores = X @ rng.standard_normal((p, max(classes, 1))) + rng.standard_normal((n, max(classes, 1)))
    y = scores[:, 0] if classes == 1 else scores.argmax(axis=1)
    X[-5:], y[-5:] = X[:5], y[:5]
    return X, y, np.exp(rng.uniform(np.log(0.1), np.log(10), n))


def straight_lines(loss, X, y, classes, intercept):
    """The loss as ``slack_i >= lines @ params + constants``: rows of lines per row of X, for a
    linear or quadratic program.
    """
    design = np.hstack([X, np.ones((len(X), 1))]) if intercept else X
    outputs = 1 if classes < 3 else classes
    width = design.shape[1]
    lines, constants, row, share = [], [], [], []
    for i, (x, target) in enumerate(zip(design, y, strict=True)):

        def add(slope, constant, group, x=x, i=i):
            lines.append(np.outer(slope, x).ravel())
            constants.append(constant)
            row.append(group)

        if loss == "mae" or loss == "quantile":
            level, unit = (0.5, 2) if loss == "mae" else (0.8, 1)
            add([-level * unit], level * unit * target, i)
            add([(1 - level) * unit], -(1 - level) * unit * target, i)
        elif loss == "epsilon_insensitive":
            add([-1.0], target - 0.1, i)
            add([1.0], -target - 0.1, i)
            add([0.0], 0.0, i)
        elif classes == 2:
            add([1.0 - 2 * target], 1.0, i)
            add([0.0], 0.0, i)
        else:
            for other in set(range(classes)) - {target}:
                slope = np.zeros(outputs)
                slope[other], slope[target] = 1, -1
                group = i if loss == "crammer_singer" else i * classes + other
                add(slope, 1.0, group)
                add(np.zeros(outputs), 0.0, group)
    groups, row = np.unique(row, return_inverse=True)
    share = groups if loss != "hinge" or classes == 2 else groups // classes
    return np.array(lines), np.array(constants), row, share, outputs * width


def optimum(loss, X, y, weight, classes, alpha, l1_ratio, intercept):
    """The minimum by HiGHS, or, with a ridge, by sequential quadratic programming from a random
    point.
    """
    lines, constants, row, share, size = straight_lines(loss, X, y, classes, intercept)
    n_slack = row.max() + 1
    cost = (weight / weight.sum())[share]
    design = X.shape[1] + intercept
    penalised = np.tile(np.arange(design) < X.shape[1], size // design)
    l1, l2 = alpha * l1_ratio * penalised, alpha * (1 - l1_ratio) * penalised
    # Variables: positive and negative parts of the parameters, then the slacks.
    matrix = np.hstack([lines, -lines, -np.eye(n_slack)[row]])
    if not l2.any():
        bounds = [(0, None)] * (2 * size) + [(None, None)] * n_slack
        return linprog(np.concatenate([l1, l1, cost]), A_ub=matrix, b_ub=-constants, bounds=bounds, method="highs").fun

    def value(v):
        w = v[:size] - v[size : 2 * size]
        gradient = l2 * w
        return (
            float(cost @ v[2 * size :] + l1 @ (v[:size] + v[size : 2 * size]) + l2 @ w**2 / 2),
            np.concatenate([gradient + l1, -gradient + l1, cost]),
        )

    start = np.concatenate([np.full(2 * size, 0.5), np.full(n_slack, 5.0)])
    constraint = {"type": "ineq", "fun": lambda v: -constants - matrix @ v, "jac": lambda v: -matrix}
    bounds = [(0, None)] * (2 * size) + [(None, None)] * n_slack
    options = {"ftol": 1e-13, "maxiter": 2000}
    return minimize(value, start, jac=True, bounds=bounds, constraints=[constraint], method="SLSQP", options=options).fun


def estimator(loss, classes, **params):
    return (LossRegressor if classes == 1 else LossClassifier)(made(loss), **params)


def objective_of(loss, classes, X, y, weight, alpha, l1_ratio, intercept=False):
    outputs = 1 if classes < 3 else classes
    model = Linear().bind(X.shape[1], outputs, fit_intercept=intercept)
    bound = made(loss).bind(y, outputs, "regression" if classes == 1 else "classification")
    return Objective(bound, model, ElasticNet(alpha, l1_ratio, model.weights()), Batches(X, y, weight / weight.mean()))


def problem(loss, classes, alpha=0.0, l1_ratio=0.0, n=40, p=3, seed=0, storage=np.asarray):
    """An objective with intercept, and its minimum by another program."""
    X, y, weight = sample(loss, classes, n, p, seed)
    exact = optimum(loss, X, y, weight, classes, alpha, l1_ratio, intercept=True)
    return objective_of(loss, classes, storage(X), y, weight, alpha, l1_ratio, intercept=True), exact
