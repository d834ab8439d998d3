"""The evaluations of a solver, kept so that its path can be taken again without the rows.

What a quasi-Newton method knows of the curvature, a line search of its last step or a trust region
of its size stands inside the method. All of them are functions of what was evaluated on the way. So
a fit that was stopped goes on by taking the same way from the same start: the evaluations that were
made are answered from the journal, and the first new one is that which the unbroken fit would have
made.
"""

from collections.abc import Callable
from copy import deepcopy
from hashlib import blake2b
from typing import Any

import numpy as np

__all__ = ["Journal", "journaled"]

LARGEST = 2**23  # numbers in all, 64 MB


class Journal:
    """The results of a solver's functions at all points at which they were evaluated.

    Parameters
    ----------
    answers : dict or None, default=None
        The results of the fit that this one goes on from.
    largest : int, default=2**23
        How many numbers are kept; beyond that, nothing.

    Attributes
    ----------
    answers : dict or None
        By the number of the function and its arguments; None once they were too many.

    Examples
    --------
    >>> journal = Journal()
    >>> journal.of(np.square)(np.array([3.0]))
    array([9.])
    >>> again = Journal(journal.answers).of(None)  # not called
    >>> again(np.array([3.0]))
    array([9.])
    """

    def __init__(self, answers: dict[bytes, Any] | None = None, largest: int = LARGEST):
        self.answers: dict[bytes, Any] | None = dict(answers or {})
        self.largest, self.functions = largest, 0
        self.size = sum(map(_size, self.answers.values()))

    def of(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, whose results are kept, or known already.

        A solver asks for its functions in the same order whenever it takes the same path.
        """
        self.functions += 1
        number = self.functions

        def known(*arguments):
            if self.answers is None:
                return function(*arguments)
            place = _place(number, arguments)
            if place not in self.answers:
                answer = function(*arguments)
                self._keep(place, answer)
                return answer
            return deepcopy(self.answers[place])  # a solver may change its own in place

        return known

    def _keep(self, place, answer):
        self.size += _size(answer)
        if self.size > self.largest:
            self.answers = None
        else:
            self.answers[place] = deepcopy(answer)


def _place(number, arguments):
    """What tells an evaluation from all others."""
    mark = blake2b(number.to_bytes(8, "little"), digest_size=16)
    for argument in arguments:
        mark.update(np.ascontiguousarray(argument).tobytes())
    return mark.digest()


def _size(answer):
    """The numbers in a result."""
    return sum(np.size(part) for part in answer) if isinstance(answer, tuple) else np.size(answer)


def journaled(function: Callable[..., Any], callback: Any) -> Callable[..., Any]:
    """The function by the journal of a callback, if it has one.

    Parameters
    ----------
    function : callable
    callback : callable or None
        The solver's; its attribute ``journal`` is a `Journal` where the fit wants one.
    """
    journal = getattr(callback, "journal", None)
    return function if journal is None else journal.of(function)
