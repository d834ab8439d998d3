"""Names of earlier versions still work, and say what they are called now."""

import importlib
import pydoc
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from sklearn_losses import LossRegressor, _moved, losses
from sklearn_losses.core import component
from sklearn_losses.losses import ResidualLoss, RobustLoss, base
from sklearn_losses.solvers import SGD, Run, Status


@pytest.mark.parametrize("old", _moved.MOVED)
def test_an_old_path_gives_the_new_module(old):
    new = importlib.import_module(f"sklearn_losses.{_moved.MOVED[old]}")
    spec = new.__spec__
    sys.modules.pop(f"sklearn_losses.{old}", None)
    with pytest.warns(FutureWarning, match=f"sklearn_losses.{old} has moved to {new.__name__}"):
        assert importlib.import_module(f"sklearn_losses.{old}") is new
    assert new.__spec__ is spec


def test_a_path_that_never_was_is_unknown():
    assert find_spec("sklearn_losses.nowhere") is None


@pytest.mark.parametrize(("old", "new"), [("Whole", "Integer"), ("Choice", "Options")])
def test_old_names_of_conditions(old, new):
    with pytest.warns(FutureWarning, match=f"{old} is called {new} now"):
        assert getattr(component, old) is getattr(component, new)


def test_attributes_of_a_loss_under_their_old_names():
    with (
        pytest.warns(FutureWarning, match="Old.conditions is called parameter_constraints now"),
        pytest.warns(FutureWarning, match="Old.attained is called has_minimizer now"),
    ):

        class Old(ResidualLoss):
            conditions = {"power": component.Interval(1.0)}
            attained = True

            def __init__(self, power=2.0):
                self.power = power

            def curve(self, t):
                return np.abs(t) ** self.power

            def slope(self, t):
                return self.power * np.sign(t) * np.abs(t) ** (self.power - 1)

            def curvature(self, t):
                return self.power * (self.power - 1) * np.abs(t) ** (self.power - 2)

    with pytest.raises(ValueError, match="'power' parameter of Old must be a float in the range"):
        LossRegressor(Old(power=0.5)).fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 3.0])


def test_a_robust_loss_under_its_old_words():
    with pytest.warns(FutureWarning, match="Older.bend is called psi_prime now"):

        class Older(RobustLoss):
            def __init__(self, scale=1.0):
                self.scale = scale

            def rho(self, u):
                return u**2 / 2

            def psi(self, u):
                return u

            def bend(self, u):
                return np.ones_like(u)

    assert np.array_equal(Older().curvature(np.ones(2)), np.ones(2))


@pytest.mark.parametrize("name", ["Kink", "MarginLoss", "PiecewiseLinear", "ResidualLoss", "ScalarLoss"])
def test_families_of_losses_from_the_module_of_the_base_class(name):
    with pytest.warns(FutureWarning, match=f"{name} has moved; import it from sklearn_losses.losses"):
        assert getattr(base, name) is getattr(losses, name)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        base.nothing  # noqa: B018  # the access raises


def test_words_of_a_run():
    run = Run(np.zeros(1), 5, None)
    with pytest.warns(FutureWarning, match="Run.message follows from Run.status now"):
        run.message = "converged"
    assert run.status is Status.CONVERGED and run.result().success


def test_a_step_without_the_estimate():
    with pytest.warns(FutureWarning, match=r"Old.step must take \(state, gradient, rate, objective, estimate\) now"):

        class Old(SGD):
            def step(self, state, gradient, rate, objective):
                state.params -= rate * gradient

    X, y = np.arange(20.0)[:, None] / 10, np.arange(20.0)
    fits = [LossRegressor(solver=solver, random_state=0).fit(X, y) for solver in (Old(), SGD(momentum=0.0))]
    assert np.array_equal(fits[0].coef_, fits[1].coef_)


@pytest.mark.parametrize(
    ("old", "new", "value"),
    [
        ("attained", "has_minimizer", False),
        ("by_steps", "stochastic_only", True),
        ("pilot", "initial_estimator", "mae"),
        ("rivals", "max_affine", 1.0),
    ],
)
def test_facts_of_a_loss_under_their_old_names(old, new, value):
    with pytest.warns(FutureWarning, match=f"Older.{old} is called {new} now"):
        older = type("Older", (ResidualLoss,), {old: value})
    assert getattr(older, new) == value


@pytest.mark.parametrize("name", ["Kink", "MarginLoss", "PiecewiseLinear", "ResidualLoss", "ScalarLoss"])
def test_families_of_losses_where_they_were(name):
    with pytest.warns(FutureWarning, match=f"{name} has moved; import it from sklearn_losses.losses"):
        assert getattr(base, name) is getattr(losses, name)


def test_what_never_was_among_the_losses():
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = base.Nothing


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("losses.robust", "Tukey"),
        ("losses.ranking", "ListNet"),
        ("losses.classification", "CrammerSinger"),
        ("solvers.scipy_methods", "LBFGS"),
    ],
)
def test_a_class_from_the_module_where_it_was(module, name):
    package = importlib.import_module(f"sklearn_losses.{module.partition('.')[0]}")
    old = importlib.import_module(f"sklearn_losses.{module}")
    with pytest.warns(FutureWarning, match=f"{name} has moved; import it from {package.__name__}") as caught:
        assert getattr(old, name) is getattr(package, name)
    assert caught[0].filename == __file__
    with pytest.raises(AttributeError, match="no attribute 'np_'"):
        old.np_  # noqa: B018


def test_constraints_made_of_the_old_ones_of_a_base_class():
    with pytest.warns(FutureWarning, match="conditions is called parameter_constraints now") as caught:

        class Mine(SGD):
            conditions = SGD.conditions | {"momentum": component.Interval(0.5, 1.0)}

    assert {warning.filename for warning in caught} == {__file__}
    assert Mine.parameter_constraints.keys() == SGD.parameter_constraints.keys()
    with pytest.raises(ValueError, match="'momentum' parameter of Mine"):
        Mine(momentum=0.1).check()


@pytest.mark.parametrize(("old", "new"), losses.Loss.renamed.items())
def test_facts_of_a_loss_read_under_their_old_names(old, new):
    loss = losses.Tukey()
    with pytest.warns(FutureWarning, match=f"Tukey.{old} is called {new} now") as caught:
        assert getattr(loss, old) == getattr(loss, new)
    assert caught[0].filename == __file__


def test_an_old_method_that_calls_the_one_of_its_base_class():
    with pytest.warns(FutureWarning, match="Older.bend is called psi_prime now"):

        class Older(losses.Tukey):
            def bend(self, u):
                return 2 * super().bend(u)

    u = np.linspace(-1, 1, 5)
    with pytest.warns(FutureWarning, match="bend is called psi_prime now"):
        assert np.array_equal(Older().psi_prime(u), 2 * losses.Tukey().psi_prime(u))


def test_an_old_name_of_what_an_object_has_itself():
    loss = losses.MSE()
    loss.has_minimizer = False
    with pytest.warns(FutureWarning, match="attained is called has_minimizer now"):
        assert loss.attained is False


@pytest.mark.parametrize("thing", [losses.Tukey, losses.Tukey(), losses.RankNet], ids=repr)
def test_old_names_are_no_members(thing):
    assert not {"pilot", "pilot_alpha", "attained", "bend", "conditions"} & set(dir(thing))
    assert {"initial_estimator", "initial_alpha", "has_minimizer", "parameter_constraints"} <= set(dir(thing))


def test_help_warns_of_no_old_name():
    assert "psi_prime" in pydoc.render_doc(losses.Tukey)


@pytest.mark.filterwarnings("ignore:Run:FutureWarning")
@pytest.mark.parametrize("success", [True, False])
@pytest.mark.parametrize("word", ["within my tolerance", "max_iter", "converged"])
@pytest.mark.parametrize("first", ["word", "success"])
def test_words_and_success_of_a_run_that_are_set_apart(first, word, success):
    run = Run(np.zeros(1), 1, None)
    run.record(np.zeros(1), 1.0)
    if first == "word":
        run.message = word
    run.success = success
    if first == "success" and word == "within my tolerance":
        run.message = word
    result = run.result()
    assert result.success is success and result.status.success is success
    if word == "within my tolerance":
        assert result.message == run.message == word


def test_own_words_reach_the_user():
    class Old:
        def minimize(self, objective, params, *, max_iter, callback):
            run = Run(params, max_iter, callback)
            run.record(params, objective.value(params))
            run.message = "my line search failed"
            return run.result()

    with (
        pytest.warns(FutureWarning, match="Run.message follows from Run.status now"),
        pytest.warns(ConvergenceWarning, match="my line search failed"),
    ):
        LossRegressor(solver=Old()).fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 3.0])
