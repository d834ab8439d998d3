"""The rule of ``solver="auto"``, row by row of its documentation."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_losses.batches import Batches
from sklearn_losses.losses import Loss
from sklearn_losses.models import MLP, Linear
from sklearn_losses.objective import Objective
from sklearn_losses.penalties import ElasticNet
from sklearn_losses.solvers import Auto


def choice(loss, n, p, outputs=1, l1_ratio=0.0, as_sparse=False, hidden=()):
    model = MLP((p, *hidden, outputs), "relu") if hidden else Linear(p, outputs)
    X = sparse.csr_matrix((n, p)) if as_sparse else np.broadcast_to(0.0, (n, p))  # its numbers do not matter
    made = Loss.make(loss)
    made = made.bind(np.zeros(n, dtype=int), outputs, made.task)
    return Auto().choose(Objective(made, model, ElasticNet(0.1, l1_ratio, model.weights()), Batches(X, np.zeros(n)))).label


@pytest.mark.parametrize(
    ("expected", "problem"),
    [
        ("adam", {"loss": "mse", "n": 100, "p": 5, "hidden": (4,)}),
        ("adam", {"loss": "perceptron", "n": 100, "p": 5}),
        ("newton", {"loss": "mse", "n": 100_000, "p": 50}),
        ("newton", {"loss": "cross_entropy", "n": 100, "p": 999}),
        ("lbfgs", {"loss": "cross_entropy", "n": 100, "p": 1000}),
        ("newton", {"loss": "cross_entropy", "n": 100, "p": 1000, "as_sparse": True}),
        ("newton", {"loss": "cross_entropy", "n": 2_000, "p": 50, "outputs": 10}),
        ("lbfgs", {"loss": "cross_entropy", "n": 100_000, "p": 50, "outputs": 10}),
        ("interior_point", {"loss": "mae", "n": 1_000_000, "p": 50}),
        ("interior_point", {"loss": "hinge", "n": 100, "p": 20, "outputs": 3}),
        ("augmented_lagrangian", {"loss": "hinge", "n": 100, "p": 1000}),
        ("augmented_lagrangian", {"loss": "mae", "n": 100, "p": 1000, "as_sparse": True}),
        ("interior_point", {"loss": "crammer_singer", "n": 500, "p": 40, "outputs": 10}),
        ("augmented_lagrangian", {"loss": "crammer_singer", "n": 1_000, "p": 40, "outputs": 10}),
        ("interior_point", {"loss": "mae", "n": 100, "p": 1400, "l1_ratio": 0.5}),
        ("proximal_newton", {"loss": "mae", "n": 100, "p": 1500, "l1_ratio": 0.5}),
        ("proximal_newton", {"loss": "mse", "n": 100, "p": 5, "l1_ratio": 1.0}),
    ],
    ids=str,
)
def test_rule(expected, problem):
    assert choice(**problem) == expected
