"""Solvers ask an objective for what its protocol lists, and for nothing else; the classes have what
their protocols list.
"""

import ast
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

import sklearn_losses
from sklearn_losses.core import protocols
from sklearn_losses.core.batches import Batches
from sklearn_losses.core.coordinates import Standardization
from sklearn_losses.core.penalties import ElasticNet
from sklearn_losses.losses import Loss
from sklearn_losses.models import Linear, Model
from sklearn_losses.objective import Objective
from sklearn_losses.part_with_lines import PartWithLines
from sklearn_losses.solvers import Solver
from sklearn_losses.summed_objective import SummedObjective

PACKAGE = Path(sklearn_losses.__file__).parent
FILES = sorted(path for folder in ("solvers", "piecewise") for path in (PACKAGE / folder).glob("*.py"))
FILES += [PACKAGE / "core" / "allowance.py"]
OBJECTIVES = {"objective", "part"}  # names of parameters that are objectives
GIVES_ONE = {"smoothed", "smoothed_around", "in_data_dtype"}  # methods that return an objective,
GIVES_ONE_FIRST = {"restricted", "rotated"}  # one and something else,
GIVES_SEVERAL = {"samples"}  # or several


# What knows of rows in parts.
OF_PARTS = {"duality_gap", "sums_of_rows", "by_passes", "smoothed_passes"}


def members(protocol):
    return {name for name in {**vars(protocol), **vars(protocol).get("__annotations__", {})} if not name.startswith("_")}


def method_of(node, names):
    """The method in a call of an objective's method; None for everything else."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and is_objective(node.func.value, names):
        return node.func.attr
    return None


def is_objective(node, names):
    if isinstance(node, ast.Name):
        return node.id in names
    if isinstance(node, ast.Attribute):
        return node.attr == "objective"
    if isinstance(node, ast.IfExp):
        return is_objective(node.body, names)
    return method_of(node, names) in GIVES_ONE


def bound(assignment, names):
    """The names that an assignment binds to objectives."""
    [target], value = assignment.targets, assignment.value
    if isinstance(target, ast.Name) and is_objective(value, names):
        yield target.id
    if isinstance(target, ast.Tuple):
        method = method_of(value, names)
        elements = {**dict.fromkeys(GIVES_ONE_FIRST, target.elts[:1]), **dict.fromkeys(GIVES_SEVERAL, target.elts)}
        yield from (element.id for element in elements.get(method, ()))
        if isinstance(value, ast.Tuple):
            for element, part in zip(target.elts, value.elts, strict=True):
                if isinstance(element, ast.Name) and is_objective(part, names):
                    yield element.id


def asked_for(source):
    """The attributes of objectives that appear in a module, with their lines."""
    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, ast.FunctionDef):
            continue
        names = {argument.arg for argument in function.args.args} & OBJECTIVES
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and len(node.targets) == 1:
                names |= set(bound(node, names))
        for node in ast.walk(function):
            if isinstance(node, ast.Attribute) and is_objective(node.value, names):
                yield node.attr, node.lineno


def test_what_an_objective_is_asked_for_is_found():
    source = """
def minimize(self, objective, params):
    part, where = objective.restricted(params)
    coarse = objective.in_data_dtype()
    one, other = objective.samples(3, 2)
    smooth, width = objective.smoothed(1.0), 1.0
    part.of_part, coarse.of_coarse, other.of_other, smooth.of_smooth, self.objective.of_attribute
    objective.smoothed(2.0).of_call, where.of_no_objective
"""
    found = {name for name, _ in asked_for(source)}
    assert {name for name in found if name.startswith("of_")} == {
        "of_part", "of_coarse", "of_other", "of_smooth", "of_attribute", "of_call",
    }  # fmt: skip
    assert found >= {"restricted", "in_data_dtype", "samples", "smoothed"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_an_objective_is_asked_for_what_its_protocol_lists(path):
    allowed = members(protocols.Objective)
    if path.stem in OF_PARTS:
        allowed |= members(protocols.ObjectiveInParts) | members(protocols.PartOfObjective)
    assert [(name, line) for name, line in asked_for(path.read_text()) if name not in allowed] == []


def test_the_protocol_of_an_objective_lists_nothing_else():
    used = {name for path in FILES for name, _ in asked_for(path.read_text())}
    listed = (protocols.Objective, protocols.ObjectiveInParts, protocols.PartOfObjective)
    assert set().union(*map(members, listed)) - used == set()


def test_classes_have_what_their_protocols_list():
    model = Linear().bind(2, 1)
    objective = Objective(Loss.make("mse"), model, ElasticNet(0.1, 0.0, model.weights()), Batches(np.eye(2), np.zeros(2)))
    for name in members(protocols.Objective):
        assert hasattr(objective, name), name
    of_parts = {SummedObjective: protocols.ObjectiveInParts, PartWithLines: protocols.PartOfObjective}
    for kind, protocol in of_parts.items():
        part = kind(objective.loss, model, objective.penalty, objective.batches)
        assert [name for name in members(protocol) if not hasattr(part, name)] == []
    for maker in Loss.names().values():
        loss = maker()
        assert [name for name in members(protocols.Loss) if not hasattr(loss, name)] == []
    for maker in Solver.names().values():
        solver = maker()
        assert [name for name in members(protocols.Solver) if not hasattr(solver, name)] == []
    for maker in Model.names().values():
        model = maker().bind(2, 1)
        assert [name for name in members(protocols.Model) if not hasattr(model, name)] == []


@pytest.mark.parametrize("standardized", [False, True])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix, sparse.csr_array])
def test_rows_are_what_their_protocol_says(form, standardized):
    rng = np.random.default_rng(0)
    dense = rng.standard_normal((6, 3))
    columns = Standardization(np.array([0.5, 0.0, 1.0]), np.array([1.0, 2.0, 0.5])) if standardized else None
    batches = Batches(form(dense), np.zeros(6), None, columns)
    expected = (dense - columns.center) / columns.scale if standardized else dense
    shuffled = next(batches.minibatches(4, np.random.default_rng(1)))
    assert shuffled.X.shape == (4, 3)
    for batch in (*batches.blocks(), batches.take(np.arange(6))):
        assert batch.X.shape == (6, 3) and batch.X.dtype == np.float64
        np.testing.assert_allclose(batch.X @ np.eye(3), expected, atol=1e-15)
        np.testing.assert_allclose(batch.X.T.dot(np.eye(6)), expected.T, atol=1e-15)
    for name in members(protocols.RowMatrix):
        assert hasattr(batch.X, name)
