"""Predictions of Dask collections, as lazy collections with the same partitions."""

from collections.abc import Callable
from copy import copy
from functools import partial
from typing import Any

import numpy as np

from sklearn_losses.distributed import is_dask
from sklearn_losses.distributed.collections import check_columns, is_array, is_table, of_whole_rows

__all__ = ["lazy_prediction"]

# Fitted attributes that may be large, and that no prediction reads.
LEFT_OUT = ("_state", "loss_curve_", "row_weights_", "validation_scores_")


def lazy_prediction(estimator: Any, method: str, X: Any, **named: Any) -> Any:
    """What a method of a fitted estimator gives for the rows of a Dask collection.

    Parameters
    ----------
    estimator : estimator
        As it is now: a fit that follows does not change what was asked for before.
    method : str
        Such as "predict_proba".
    X : dask array or dask dataframe of shape (n, p)
    **named : dict
        Further arguments of the method, the same for all rows.

    Returns
    -------
    dask array, or dask series or dataframe
        Lazy, with the partitions of X, and for frames with its index; of several columns, as those
        of `predict_proba`, a dataframe whose columns are the classes or the numbers of the targets.
    """
    if any(is_dask(value) or np.ndim(value) > 2 for value in named.values()):
        raise ValueError(f"{' and '.join(named)} must be the same for all rows if X is a Dask collection.")
    fitted = copy(estimator)
    for name in LEFT_OUT:
        vars(fitted).pop(name, None)
    call = partial(_call, fitted, method, named)
    # One row shows what comes, and whether the columns are those of the fit.
    if is_array(X):
        X = of_whole_rows(X)
        return _of_array(call, X, np.asarray(call(np.zeros((1, X.shape[1]), dtype=X.dtype))))
    if not is_table(X):
        raise TypeError(f"X must be a Dask array or a Dask dataframe. Got {type(X).__module__}.{type(X).__name__}.")
    check_columns(X)
    row = X._meta.astype(np.float64).reindex([0], fill_value=0.0)
    return _of_frame(call, getattr(fitted, "classes_", ()), X, np.asarray(call(row)))


def _call(fitted, method, named, rows):
    return getattr(fitted, method)(rows, **named)


def _of_array(call, X, sample):
    chunks = (X.chunks[0], *((size,) for size in sample.shape[1:]))
    return X.map_blocks(
        predicted,
        call=call,
        sample=sample,
        dtype=sample.dtype,
        chunks=chunks,
        drop_axis=1 if sample.ndim == 1 else None,
        meta=sample[:0],
    )


def _of_frame(call, classes, X, sample):
    import pandas as pd

    empty = X._meta.index[:0]
    if sample.ndim == 1:
        names, meta = None, pd.Series(sample[:0], index=empty)
    else:
        names = list(classes) if len(classes) == sample.shape[1] else list(range(sample.shape[1]))
        meta = pd.DataFrame(sample[:0], index=empty, columns=names)
    return X.map_partitions(predicted_frame, call, sample, names, meta=meta, enforce_metadata=False)


def predicted(rows: Any, call: Callable[[Any], Any], sample: Any) -> Any:
    """The predictions of a block, which may have no rows.

    Parameters
    ----------
    rows : {ndarray, sparse matrix, dataframe}
    call : callable
        Gives those of some rows.
    sample : ndarray
        Those of one row.
    """
    if rows.shape[0] == 0:
        return sample[:0]
    if hasattr(rows, "tocsr"):
        rows = rows.tocsr()
    return call(rows)


def predicted_frame(rows: Any, call: Callable[[Any], Any], sample: Any, names: list[Any] | None) -> Any:
    """The predictions of a partition with its index; parameters as for `predicted`.

    Parameters
    ----------
    names : list or None
        Of the columns; None for a series.
    """
    import pandas as pd

    values = predicted(rows, call, sample)
    if names is None:
        return pd.Series(values, index=rows.index)
    return pd.DataFrame(values, index=rows.index, columns=names)
