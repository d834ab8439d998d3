"""Methods that are there under a condition, and whose absence explains itself."""

from collections.abc import Callable
from functools import wraps
from types import MethodType
from typing import Any, TypeVar, cast

__all__ = ["available_where"]

Method = TypeVar("Method", bound=Callable[..., Any])


def available_where(check: Callable[[Any], Any]) -> Callable[[Method], Method]:
    """A decorator for a method that an estimator has under a condition.

    As `sklearn.utils.metaestimators.available_if`, whose error says that the attribute is missing
    and hides the reason in its cause; here the error of the check is the one that is raised.

    Parameters
    ----------
    check : callable
        Takes the estimator; raises an AttributeError that says what to do.
    """

    def decorated(method: Method) -> Method:
        return cast(Method, _Available(method, check))  # it has the signature of the method

    return decorated


class _Available:
    """The descriptor behind `available_where`."""

    def __init__(self, method, check):
        self.method, self.check = method, check
        self.__doc__, self.__name__ = method.__doc__, method.__name__

    def __get__(self, estimator, owner=None):
        if estimator is not None:
            self._raise_if_missing(estimator)
            return MethodType(self.method, estimator)

        @wraps(self.method)
        def unbound(estimator, *arguments, **named):
            self._raise_if_missing(estimator)
            return self.method(estimator, *arguments, **named)

        return unbound

    def _raise_if_missing(self, estimator):
        try:
            self.check(estimator)
        except AttributeError:
            raise
        except Exception as error:  # such as an unknown loss, which `fit` reports
            raise AttributeError(f"{type(estimator).__name__} has no {self.__name__} with these parameters: {error}") from error
