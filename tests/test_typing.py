"""What is public is annotated, and the user's file that mypy checks in ``.ci/run`` also runs."""

import inspect
import runpy
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from sklearn_losses.losses import Loss

USER = Path(__file__).parent / "typing" / "user.py"
PUBLIC = ["", ".datasets", ".losses", ".metrics", ".model_selection", ".models", ".plotting", ".solvers", ".testing"]


def test_a_users_file_runs(monkeypatch):
    # The loss that the file defines stays there.
    monkeypatch.setattr(Loss, "registry", dict(Loss.registry))
    scores = runpy.run_path(str(USER))["main"]()
    assert len(scores) == 13 and np.isfinite(scores).all()


def functions_of(thing, name):
    """A public function, or the public methods that a class defines itself, as (name, function)."""
    if inspect.isclass(thing):
        for key, member in vars(thing).items():
            function = getattr(member, "fget", None) or getattr(member, "__func__", None) or member
            if inspect.isfunction(function) and (not key.startswith("_") or key in ("__init__", "__call__")):
                yield f"{name}.{key}", function
    elif inspect.isfunction(thing):
        yield name, inspect.unwrap(thing)


@pytest.mark.parametrize("module", PUBLIC)
def test_public_signatures_are_annotated(module):
    package = import_module(f"sklearn_losses{module}")
    bare = []
    for public in package.__all__:
        for name, function in functions_of(getattr(package, public), public):
            parameters = list(inspect.signature(function).parameters.values())
            own = [parameter for parameter in parameters if parameter.name not in ("self", "cls")]
            if any(p.annotation is p.empty for p in own) or "return" not in function.__annotations__:
                bare.append(name)
    assert bare == []
