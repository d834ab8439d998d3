"""NumPy's floating-point errors, which a fit ignores: one place that says so.

Iterations try points that are too far out, squares of tiny numbers underflow, and a row of next to
no weight divides by nothing. None of that is an error: a value that is no finite number is looked
at where it counts, and sends a line search back or ends the fit with a `ConvergenceWarning`. So
`fit`, `predict`, `score` and the scorers do their work with all floating-point errors ignored,
whatever the caller's `numpy.errstate` is, and a user's loss that they call is part of that work.
"""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import numpy as np

__all__ = ["ignoring_floating_errors"]

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def ignoring_floating_errors(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Decorate a function so that NumPy's floating-point errors neither warn nor raise in it."""

    # `numpy.errstate` as a decorator is one object for all calls until NumPy 2, which calls inside
    # calls would confuse.
    @wraps(function)
    def quiet(*arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
        with np.errstate(all="ignore"):
            return function(*arguments, **named)

    return quiet
