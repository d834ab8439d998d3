"""The docstring of every public name: numpydoc's validation, and what it does not ask."""

import ast
import builtins
import inspect
import re
import sys
import textwrap
from functools import cache
from importlib import import_module
from itertools import chain

import pytest
from numpydoc.docscrape import get_doc_object
from numpydoc.validate import Validator, validate

PUBLIC = ["", *"blocks datasets distributed estimators losses metrics model_selection models plotting solvers testing".split()]
# A method stands on the page of its class, which has these for all of its methods.
ON_THE_CLASS = {"ES01", "EX01", "SA01"}


def folder_of(thing):
    """The folder, or the module, of the package that defines a class or a function; else ""."""
    if not isinstance(thing, type) and not inspect.isfunction(thing):
        return ""
    parts = (getattr(thing, "__module__", None) or "").split(".")
    return parts[1] if parts[0] == "sklearn_losses" and len(parts) > 1 else ""


def public_objects():
    """Path -> class or function, each of them once."""
    found = {}
    for module in PUBLIC:
        path = f"sklearn_losses.{module}".rstrip(".")
        names = import_module(path).__all__
        found |= {f"{path}.{name}": getattr(import_module(path), name) for name in names}
    by_identity = {id(thing): (path, thing) for path, thing in found.items() if folder_of(thing)}
    return dict(by_identity.values())


def function_of(member):
    """The function behind what stands in the body of a class; None where it is no method."""
    if isinstance(member, property):
        return member.fget
    function = getattr(member, "__func__", getattr(member, "method", getattr(member, "func", member)))
    return inspect.unwrap(function) if inspect.isfunction(function) else None


def methods_of(kind):
    """Path -> function of the public methods of a class and of our classes that it derives from.

    An override without a docstring has that of the method which it overrides.
    """
    found = {}
    for base in kind.__mro__:
        if not folder_of(base):
            continue
        for name, member in vars(base).items():
            function = None if name.startswith("_") else function_of(member)
            if function is None or not folder_of(function):
                continue
            path = f"{base.__module__}.{base.__qualname__}.{name}"
            if function.__doc__ is not None or not inspect.getdoc(getattr(base, name)):
                found[path] = function
    return found


OBJECTS = public_objects()
CLASSES = {path: thing for path, thing in OBJECTS.items() if isinstance(thing, type)}
METHODS = dict(chain.from_iterable(methods_of(thing).items() for thing in CLASSES.values()))


@cache
def page(path):
    """numpydoc's reading of a docstring."""
    return Validator(get_doc_object(Validator._load_obj(path)))


def faults_of(path):
    return [
        f"{code}: {message}" for code, message in validate(path)["errors"] if not (path in METHODS and code in ON_THE_CLASS)
    ]


def test_all_public_names_are_looked_at():
    assert len(OBJECTS) > 95 and len(CLASSES) > 70 and len(METHODS) > 150


@pytest.mark.parametrize("path", [*OBJECTS, *METHODS])
def test_numpydoc_finds_no_fault(path):
    assert faults_of(path) == []


def stated_default(described):
    """The default in the type of a parameter, as a value; a text where it is no literal."""
    found = re.search(r"default=(.*)$", described)
    if found is None:
        return inspect.Parameter.empty
    try:
        return ast.literal_eval(found[1])
    except (SyntaxError, ValueError):
        return found[1]


@pytest.mark.parametrize("path", OBJECTS)
def test_parameters_state_their_defaults(path):
    described, wrong = page(path).doc_all_parameters, {}
    for name, parameter in inspect.signature(OBJECTS[path]).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) or name not in described:
            continue
        stated = stated_default(described[name][0])
        literal = type(parameter.default) in (type(None), bool, int, float, str, tuple, list, dict, type(parameter.empty))
        if (stated is parameter.empty) != (parameter.default is parameter.empty) or (literal and stated != parameter.default):
            wrong[name] = described[name][0]
    assert wrong == {}


@cache
def statements_of(function):
    """A function's own statements, as a tree without the functions inside it."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    inner = [node for node in ast.walk(tree) if node is not tree and isinstance(node, (ast.FunctionDef, ast.Lambda))]
    inside = {id(node) for outer in inner for node in ast.walk(outer)}
    return [node for node in ast.walk(tree) if id(node) not in inside]


def name_of_call(node):
    return getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else ""


@cache
def raised_and_warned(function):
    """The names of the exceptions that a function, or one of its module that it calls, raises; and
    whether it warns.
    """
    raised, warned, known, waiting = set(), False, set(), [function]
    while waiting:
        current = waiting.pop()
        known.add(current)
        for node in statements_of(current):
            if isinstance(node, ast.Raise) and node.exc is not None:
                raised.add(name_of_call(node.exc) or getattr(node.exc, "id", ""))
            called = vars(sys.modules[current.__module__]).get(name_of_call(node))
            warned |= name_of_call(node) == "warn"
            if inspect.isfunction(called) and called.__module__ == function.__module__ and called not in known:
                waiting.append(called)
    errors = {name for name in raised if isinstance(getattr(builtins, name, None), type)}
    return errors - {"NotImplementedError", "AttributeError"}, warned


def parts_of(thing):
    """The functions whose errors a docstring has to list."""
    if not isinstance(thing, type):
        return [inspect.unwrap(thing)]
    return [function for name in ("__init__", "__new__", "__call__") if folder_of(function := vars(thing).get(name))]


@pytest.mark.parametrize("path", [*OBJECTS, *METHODS])
def test_errors_and_warnings_are_described(path):
    thing = {**OBJECTS, **METHODS}[path]
    found = [raised_and_warned(part) for part in parts_of(thing) if part.__code__.co_filename != "<string>"]
    raised, warned = set().union(*(errors for errors, _ in found)), any(warns for _, warns in found)
    described = {kind for entry in page(path).doc["Raises"] for kind in re.split(r"\W+", entry.type)}
    assert raised <= described
    assert page(path).doc["Warns"] or not warned


@cache
def attributes_set_in(kind):
    """The attributes whose names end in one underscore and that the methods in the body of a class
    set.
    """
    nodes = ast.walk(ast.parse(textwrap.dedent(inspect.getsource(kind))))
    found = {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    return {name for name in found if name.endswith("_") and not name.startswith("_")}


def attributes_set_by(kind):
    return set().union(*(attributes_set_in(base) for base in kind.__mro__ if folder_of(base)))


def described_attributes(path):
    return {name.strip() for entry in page(path).doc["Attributes"] for name in entry.name.split(",")}


@pytest.mark.parametrize("path", CLASSES)
def test_attributes_are_described(path):
    assert attributes_set_by(CLASSES[path]) <= described_attributes(path)


@pytest.mark.parametrize("path", [*OBJECTS, *METHODS])
def test_code_of_examples_fits_its_page(path):
    lines = page(path).clean_doc.split("\n")
    assert [line for line in lines if line.lstrip().startswith((">>>", "...")) and len(line) > 88] == []


@pytest.mark.parametrize("path", [*OBJECTS, *METHODS])
def test_help_shows_a_signature_that_can_be_read(path):
    """Types such as `ArrayLike` by their names, and not as what they stand for."""
    assert "numpy._typing" not in str(inspect.signature({**OBJECTS, **METHODS}[path]))
