"""The rule of ``solver="auto"``, row by row of its documentation."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from sklearn_losses import LossRegressor
from sklearn_losses.core.batches import Batches
from sklearn_losses.core.penalties import ElasticNet
from sklearn_losses.losses import Loss
from sklearn_losses.models import MLP, FactorizationMachine, Linear
from sklearn_losses.objective import Objective
from sklearn_losses.solvers import LBFGS, AugmentedLagrangian, Auto, InteriorPoint, Newton


def choice(loss, n, p, outputs=1, l1_ratio=0.0, as_sparse=False, model=None):
    model = (model or Linear()).bind(p, outputs)
    # Its numbers do not matter.
    X = sparse.csr_matrix((n, p)) if as_sparse else np.broadcast_to(0.0, (n, p))
    made = Loss.make(loss)
    made = made.bind(np.zeros(n, dtype=int), outputs, made.task)
    return Auto().choose(Objective(made, model, ElasticNet(0.1, l1_ratio, model.weights()), Batches(X, np.zeros(n)))).label


@pytest.mark.parametrize(
    ("expected", "problem"),
    [
        ("adam", {"loss": "mse", "n": 100, "p": 5, "model": MLP((4,))}),
        ("adam", {"loss": "mse", "n": 100, "p": 5, "model": FactorizationMachine(2)}),
        ("adam", {"loss": "perceptron", "n": 100, "p": 5}),
        ("newton", {"loss": "mse", "n": 100_000, "p": 50}),
        ("newton", {"loss": "cross_entropy", "n": 100, "p": 999}),
        ("newton", {"loss": "cross_entropy", "n": 100, "p": 1000}),
        ("newton", {"loss": "cross_entropy", "n": 100, "p": 1000, "as_sparse": True}),
        ("newton", {"loss": "cross_entropy", "n": 2_000, "p": 50, "outputs": 10}),
        ("newton", {"loss": "cross_entropy", "n": 100_000, "p": 50, "outputs": 10}),
        ("newton", {"loss": "tukey", "n": 100, "p": 999}),
        ("lbfgs", {"loss": "tukey", "n": 100, "p": 1000}),
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


def made_objective(loss, l1_ratio=0.0):
    model, made = Linear().bind(3, 1), Loss.make(loss)
    return Objective(made, model, ElasticNet(0.1, l1_ratio, model.weights()), Batches(np.ones((5, 3)), np.arange(5.0)))


def test_what_goes_on():
    auto, kinked, smooth = Auto(), made_objective("mae"), made_objective("mse")
    assert isinstance(auto.next_after(InteriorPoint(), kinked), AugmentedLagrangian)
    assert isinstance(auto.next_after(AugmentedLagrangian(), kinked), LBFGS)
    assert isinstance(auto.next_after(InteriorPoint(), made_objective("mae", 0.5)), LBFGS)
    assert isinstance(auto.next_after(Newton(), smooth), LBFGS)
    assert auto.next_after(LBFGS(), smooth) is None


class Spends(InteriorPoint):
    """Uses up its iterations and gets nowhere."""

    def minimize(self, objective, params, *, max_iter, **more):
        result = super().minimize(objective, params, max_iter=1, **more)
        result.x, result.fun, result.nit, result.success, result.message = params, np.inf, max_iter, False, "max_iter"
        return result


def test_the_next_solver_comes_after_max_iter_too(monkeypatch):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 3)), rng.normal(size=40)
    best = LossRegressor("mae").fit(X, y)
    monkeypatch.setattr(Auto, "choose", lambda self, objective: Spends())
    fitted = LossRegressor("mae").fit(X, y)
    assert fitted.solver_ == "Spends, augmented_lagrangian"
    assert fitted.converged_ and fitted.n_iter_ <= fitted.max_iter
    assert fitted.objective_ == pytest.approx(best.objective_, rel=1e-8)


def test_a_worse_end_is_not_kept(monkeypatch):
    """The next solver starts from the best point so far, and its end counts only where it is
    better.
    """

    class Worsens(AugmentedLagrangian):
        def minimize(self, objective, params, **more):
            starts.append(objective.value(params))
            result = super().minimize(objective, params, **more)
            result.x, result.fun, result.success, result.message = params + 1.0, np.inf, False, "stalled"
            return result

    class Halfway(InteriorPoint):
        def minimize(self, objective, params, **more):
            result = super().minimize(objective, params, **more | {"max_iter": 3})
            result.success, result.message = False, "stalled"
            return result

    rng, starts = np.random.default_rng(0), []
    X, y = rng.normal(size=(40, 3)), rng.normal(size=40)
    monkeypatch.setattr(Auto, "choose", lambda self, objective: Halfway())
    monkeypatch.setattr(Auto, "next_after", lambda self, solver, objective: Worsens() if len(starts) < 2 else None)
    with pytest.warns(ConvergenceWarning, match="Halfway, Worsens"):
        fitted = LossRegressor("mae").fit(X, y)
    assert starts[0] == pytest.approx(starts[1]) and fitted.objective_ == pytest.approx(starts[0])
