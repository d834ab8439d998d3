"""What the checks of losses and models share."""

import pickle

import numpy as np
from sklearn.base import clone

from sklearn_losses.core.component import Component

__all__ = ["check_component", "fail", "relative"]


def fail(component, message):
    """Raise AssertionError: which object, or text that names one, breaks which promise."""
    raise AssertionError(f"{component if isinstance(component, str) else repr(component)}: {message}")


def relative(one, other):
    """The largest difference of two arrays, relative to the size of the second."""
    one, other = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    return float(np.max(np.abs(one - other) / (np.abs(other) + 1e-3 * np.max(np.abs(other)) + 1e-300)))


def check_component(component):
    """Check that parameters are in range and kept, and that clone and pickle give equals."""
    component.check()
    try:
        params = component.get_params(deep=False)
    except AttributeError as error:
        fail(type(component).__name__, f"a parameter is lost: __init__ must store each argument under its own name ({error}).")
    for name, value in type(component)(**params).get_params(deep=False).items():
        if value is not params[name] and not np.array_equal(value, params[name]):
            fail(component, f"parameter {name!r} is lost: given {params[name]!r}, __init__ keeps {value!r}.")
    copies = {"clone": clone(component)}
    if isinstance(component, Component):
        try:
            copies["pickle"] = pickle.loads(pickle.dumps(component))
        except (pickle.PicklingError, AttributeError):
            # A class that was written in a notebook or inside a function; pickle wants a module.
            pass
    for how, copy in copies.items():
        if repr(copy) != repr(component):
            fail(component, f"{how} gives another object: {copy!r}.")
