"""Adam on an MLP, and L-BFGS on linear classifiers, compared with scikit-learn's."""

import numpy as np
from scipy.special import logsumexp
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier

from benchmarks.harness import Workload
from sklearn_losses import LossClassifier
from sklearn_losses.solvers import Adam

__all__ = ["WORKLOADS"]

EPOCHS = 20


def mlp():
    """64-100-10, batches of 200, 20 epochs, digits ten times. Both start from the same distribution
    of weights; the objective is the cross-entropy reached, which differs by the chance of the
    shuffles."""
    X, y = load_digits(return_X_y=True)
    X, y = np.tile(X / 16, (10, 1)), np.tile(y, 10)
    never = {"max_iter": EPOCHS, "tol": 0.0, "n_iter_no_change": EPOCHS + 1, "random_state": 0}
    for dtype in (np.float64, np.float32):
        rows = X.astype(dtype)
        yield Workload(
            f"MLP 64-100-10, Adam, {np.dtype(dtype).name}",
            lambda rows=rows: LossClassifier(hidden_layer_sizes=(100,), solver=Adam(batch_size=200), **never).fit(rows, y),
            {"MLPClassifier": lambda rows=rows: MLPClassifier((100,), solver="adam", batch_size=200, **never).fit(rows, y)},
            # Either has fitted the rows by then: to a hundredth, so that the chance of the shuffles
            # does not decide.
            lambda model, rows=rows: max(0.02, log_loss(y, model.predict_proba(rows))),
            at_most=0.7,
        )


def lbfgs():
    """Logistic and softmax regression on 100,000 x 50, C = 1."""
    rng = np.random.default_rng(0)
    n, p = 100_000, 50
    X = rng.standard_normal((n, p))
    for classes, name in ((2, "logistic"), (10, "softmax")):
        y = (X @ rng.standard_normal((p, classes)) + 2 * rng.gumbel(size=(n, classes))).argmax(axis=1)

        def objective(model, y=y, classes=classes):
            raw = X @ model.coef_.T + model.intercept_
            raw = np.hstack([np.zeros((n, 1)), raw]) if classes == 2 else raw
            loss = np.mean(logsumexp(raw, axis=1) - raw[np.arange(n), y])
            return loss + np.sum(model.coef_**2) / (2 * n)

        yield Workload(
            f"{name} {n:,} x {p}, L-BFGS",
            lambda y=y: LossClassifier(solver="lbfgs", alpha=1 / n).fit(X, y),
            {"LogisticRegression(lbfgs)": lambda y=y: LogisticRegression(max_iter=1000).fit(X, y)},
            objective,
            at_most=1.0,
        )


WORKLOADS = [mlp, lbfgs]
