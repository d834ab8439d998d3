"""Rows on the machines of a Dask cluster.

Neither `dask` nor `distributed` is imported before a collection of theirs arrives.
"""

from typing import Any

__all__ = ["is_dask"]


def is_dask(X: Any) -> bool:
    """Return whether an object is a Dask collection.

    Neither `dask` nor `distributed` is imported for the answer.

    Parameters
    ----------
    X : object
        Anything: rows for `fit`, for example.

    Returns
    -------
    bool
        True for objects whose class is defined in the package `dask`.

    See Also
    --------
    sklearn_losses.blocks.is_row_source : The same question for sources of row blocks.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.distributed import is_dask
    >>> is_dask(np.zeros((5, 2)))
    False
    """
    return type(X).__module__.partition(".")[0] in ("dask", "dask_expr")
