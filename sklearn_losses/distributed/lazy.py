"""Methods that give lazy collections for Dask collections."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from sklearn.utils.validation import check_is_fitted

from sklearn_losses.distributed import is_dask

__all__ = ["lazy_on_dask"]

Method = TypeVar("Method", bound=Callable[..., Any])


def lazy_on_dask(method: Method) -> Method:
    """Decorate a method of the rows X, so that a Dask collection gets a lazy one in return.

    What it gives is that of `lazy_prediction`.
    """

    @wraps(method)
    def asked(self, X, *arguments, **named):
        if not is_dask(X):
            return method(self, X, *arguments, **named)
        check_is_fitted(self)
        # Dask is imported here, once one of its collections is there.
        from sklearn_losses.distributed.predictions import lazy_prediction

        return lazy_prediction(self, method.__name__, X, *arguments, **named)

    return cast(Method, asked)
