"""Rows on the machines of a Dask cluster.

Neither `dask` nor `distributed` is imported before a collection of theirs arrives.
"""

from typing import Any

__all__ = ["is_dask"]


def is_dask(X: Any) -> bool:
    """Whether an object is of Dask; nothing is imported for the answer."""
    return type(X).__module__.partition(".")[0] in ("dask", "dask_expr")
