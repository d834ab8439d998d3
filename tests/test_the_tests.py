"""What holds for all tests: none ends before it has asserted something, and none patches a
constant.
"""

import ast
from pathlib import Path

import pytest

FILES = sorted(Path(__file__).parent.rglob("*.py"))
# How names of functions begin that assert.
ASSERTING = ("assert", "check", "raises", "warns", "deprecated_call")
ENDS = (ast.Return, ast.Continue, ast.Break)


def asserts(node, helpers):
    """Whether there is an assertion in a statement or an expression."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Assert):
            return True
        if isinstance(inner, ast.Call):
            name = getattr(inner.func, "attr", getattr(inner.func, "id", ""))
            if name.startswith(ASSERTING) or name in helpers:
                return True
    return False


def verdict(body, helpers):
    """Return "asserts" if each path through the statements meets an assertion, "ends" if one ends
    before it, else "neither".
    """
    for statement in body:
        found = verdict_of_one(statement, helpers)
        if found != "neither":
            return found
    return "neither"


def verdict_of_one(statement, helpers):
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        return "neither"
    if isinstance(statement, ENDS):
        return "asserts" if asserts(statement, helpers) else "ends"
    if isinstance(statement, ast.If):
        ways = {verdict(statement.body, helpers), verdict(statement.orelse, helpers)}
        return "ends" if "ends" in ways else "asserts" if ways == {"asserts"} else "neither"
    if isinstance(statement, (ast.For, ast.While)):
        if not asserts(statement, helpers):
            return "neither"
        # A loop over many things may look at some of them alone.
        return "ends" if verdict(statement.body, helpers) == "ends" else "asserts"
    if isinstance(statement, ast.With) and not any(asserts(item.context_expr, helpers) for item in statement.items):
        return verdict(statement.body, helpers)
    if isinstance(statement, ast.Try):
        return verdict([*statement.body, *statement.finalbody], helpers)
    return "asserts" if asserts(statement, helpers) else "neither"


def functions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def faulty(text):
    """The names of the tests in a file that may end without an assertion."""
    found, helpers, known = functions(ast.parse(text)), set(), None
    while helpers != known:  # a function that calls one that asserts does so too
        known = set(helpers)
        helpers |= {function.name for function in found if verdict(function.body, known) == "asserts"}
    return [function.name for function in found if function.name.startswith("test_") and function.name not in helpers]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_test_asserts_on_every_path(path):
    assert faulty(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_test_patches_a_constant_of_a_module(path):
    """Limits and schedules are arguments, of which tests pass their own."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "setattr" and len(node.args) == 3:
            assert not str(getattr(node.args[1], "value", "")).isupper(), node.lineno


@pytest.mark.parametrize(
    "body",
    [
        "fit()",
        "if x:\n        return\n    assert x",
        "for y in x:\n        if y:\n            continue\n        assert y",
        "if x:\n        assert x",
        "if x:\n        assert x\n    elif y:\n        assert y",
        "with x:\n        fit()",
        "def inner():\n        assert x\n    fit(inner)",
    ],
)
def test_a_test_that_may_not_assert_is_found(body):
    assert faulty(f"def test_one():\n    {body}") == ["test_one"]


@pytest.mark.parametrize(
    "body",
    [
        "assert x",
        "if x:\n        assert x\n    else:\n        assert y",
        "for y in x:\n        if y:\n            assert y",
        "with pytest.raises(ValueError):\n        fit()",
        "np.testing.assert_array_equal(x, y)",
        "helper(x)",
    ],
)
def test_a_test_that_asserts_is_left_alone(body):
    assert faulty(f"def helper(x):\n    assert x\n\ndef test_one():\n    {body}") == []
