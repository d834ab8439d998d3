"""The folder of solvers: what it offers, that a new module is found, and that solvers see nothing
but the objective.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from sklearn_losses import solvers
from sklearn_losses.core.discovery import public_classes
from sklearn_losses.solvers import SmoothSolver, Solver

FOLDER = Path(solvers.__file__).parent
MODULES = sorted(FOLDER.glob("*.py"))

NEW = '''
from sklearn_losses.solvers.lbfgs import LBFGS

__all__ = ["Fresh"]


class Fresh(LBFGS, name="fresh"):
    """A solver in a module of its own."""
'''


def test_the_public_names():
    assert set(solvers.__all__) >= {
        "LBFGS", "SGD", "SVRG", "Adam", "AugmentedLagrangian", "Auto", "GradientDescent", "InteriorPoint", "Newton",
        "ProximalNewton", "Run", "Scipy", "SmoothSolver", "Solver", "Status", "StochasticSolver", "dual_gap", "gradient_norm",
    }  # fmt: skip
    assert len(solvers.__all__) == len(set(solvers.__all__))
    assert all(hasattr(solvers, name) for name in solvers.__all__)


def test_the_registered_names():
    known = {
        "adam", "augmented_lagrangian", "auto", "bfgs", "cg", "gd", "interior_point", "lbfgs", "newton", "newton-cg",
        "proximal_newton", "scipy", "sgd", "slsqp", "svrg", "tnc", "trust-constr", "trust-krylov", "trust-ncg",
    }  # fmt: skip
    assert {name for name, maker in Solver.names().items() if "tests" not in str(maker)} >= known
    assert Solver.aliases["gradient_descent"] == "gd" and Solver.aliases["l-bfgs-b"] == "lbfgs"


@pytest.mark.parametrize("name", sorted(solvers.__all__))
def test_every_class_says_what_it_does(name):
    assert getattr(solvers, name).__doc__.strip().split("\n\n")[0].endswith(".")


@pytest.mark.parametrize(
    ("name", "meant"), [("newton_cholesky", "newton"), ("adamw", "adam"), ("SVRGG", "svrg"), ("admm", "augmented_lagrangian")]
)
def test_a_name_that_is_close_is_suggested(name, meant):
    with pytest.raises(ValueError, match=f"Did you mean '{meant}'"):
        Solver.make(name)


def test_classes_of_a_family_are_found():
    found = public_classes("sklearn_losses.solvers", SmoothSolver)
    assert list(found) == sorted(found)
    assert {"GradientDescent", "LBFGS", "Newton", "ProximalNewton", "Scipy", "SmoothSolver"} <= set(found)
    assert not {"SGD", "InteriorPoint", "Solver"} & set(found)
    assert all(found[name] is getattr(solvers, name) for name in found)


def test_a_new_module_is_all_that_a_new_solver_takes(tmp_path):
    package = tmp_path / "sklearn_losses"
    for path in FOLDER.parent.rglob("*.py"):
        copy = package / path.relative_to(FOLDER.parent)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    (package / "solvers" / "fresh.py").write_text(NEW)
    ask = (
        "from sklearn_losses import LossRegressor; from sklearn_losses.solvers import Fresh, __all__; import sklearn_losses;"
        "fitted = LossRegressor(solver='fresh').fit([[0.0], [1.0]], [0.0, 1.0]);"
        "print(sklearn_losses.__file__, fitted.solver_, 'Fresh' in __all__)"
    )
    said = subprocess.run([sys.executable, "-c", ask], cwd=tmp_path, capture_output=True, text=True, check=True).stdout.split()
    assert said == [str(package / "__init__.py"), "fresh", "True"]


def chain(node):
    """The names of an attribute chain, calls left out: ``a.b().c`` is ["a", "b", "c"]."""
    names = []
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Attribute):
            names.append(node.attr)
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        else:
            return names[::-1]
    return [node.id, *names[::-1]]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_solver_sees_nothing_but_the_objective(path):
    """Nor what the objective is made of: its loss, its model, its penalty and its rows are
    its own.
    """
    inside = {"loss", "model", "penalty", "batches"}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            names = chain(node)
            assert not inside & set(names[1:]), (path.name, node.lineno, names)
            assert names[-2:] != ["terms", "terms"] or names[0] != "objective", (path.name, node.lineno)


def test_the_walk_sees_through_calls():
    [node] = [n for n in ast.walk(ast.parse("objective.terms().model.n_weights")) if isinstance(n, ast.Attribute)][:1]
    assert chain(node) == ["objective", "terms", "model", "n_weights"]


def test_nobody_asks_a_solver_what_it_is():
    """The adapter has all attributes, so that no one needs a default for one."""
    for path in FOLDER.parent.rglob("*.py"):
        if path.name != "foreign.py":
            assert "getattr(solver" not in path.read_text() and "getattr(self.solver" not in path.read_text(), path.name


def test_no_outcome_is_a_word():
    """`Status` alone knows the words."""
    words = {"converged", "stalled", "diverged", "bottomless", "interrupted"}
    for path in FOLDER.parent.rglob("*.py"):
        # In `model_selection` the word heads a column.
        if path.name != "status.py" and path.parent.name != "model_selection":
            strings = {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)}
            assert not words & {string for string in strings if isinstance(string, str)}, path.name
