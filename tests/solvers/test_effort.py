"""Work is bounded: iterations with many products count by these."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from sklearn_losses import LossClassifier
from sklearn_losses.core.batches import Batches
from sklearn_losses.core.penalties import ElasticNet
from sklearn_losses.core.status import Status
from sklearn_losses.losses import Loss
from sklearn_losses.models import Linear
from sklearn_losses.objective import Objective
from sklearn_losses.solvers import AugmentedLagrangian, Newton
from sklearn_losses.solvers.run import PRODUCTS


def hard(n=1500, p=400):
    """Sparse rows along directions that span many orders of magnitude, and labels of these."""
    rng = np.random.default_rng(0)
    chain = sparse.diags([np.ones(p), -np.ones(p - 1)], [0, 1])
    X = sparse.random(n, p, density=0.05, random_state=rng, format="csr") @ chain @ chain @ chain @ chain
    return sparse.csr_matrix(X), rng.integers(0, 2, n)


SOLVERS = pytest.mark.parametrize(
    ("loss", "solver"),
    [("cross_entropy", Newton(largest_matrix=0)), ("hinge", AugmentedLagrangian())],
    ids=["newton", "augmented_lagrangian"],
)


@SOLVERS
def test_products_end_a_solver_before_its_iterations_do(loss, solver, monkeypatch):
    X, y = hard()
    model, made = Linear().bind(X.shape[1], 1), Loss.make(loss)
    objective = Objective(made.bind(y, 2, made.task), model, ElasticNet(1e-9, 0.0, model.weights()), Batches(X, y))
    passes, total = [], Batches.total

    def counted(self, *arguments, **options):
        passes.append(self.n_rows / len(y))
        return total(self, *arguments, **options)

    monkeypatch.setattr(Batches, "total", counted)
    result = solver.minimize(objective, np.zeros(objective.n_params), max_iter=10, tol=1e-12)
    assert result.status is Status.MAX_ITER and result.nit < 10 <= result.spent
    # One direction may take a few hundred products more.
    assert sum(passes) <= PRODUCTS * 10 + 500


@SOLVERS
def test_a_fit_says_so(loss, solver):
    X, y = hard()
    with pytest.warns(ConvergenceWarning, match=r"after \d iterations, with as many products .* as max_iter=10 allows"):
        fitted = LossClassifier(loss, solver=solver, alpha=1e-9, max_iter=10, tol=1e-12).fit(X, y)
    assert fitted.n_iter_ < 10 and not fitted.converged_
