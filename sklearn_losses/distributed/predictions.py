"""Predictions of Dask collections, as lazy collections with the same partitions."""

from copy import copy
from typing import Any

import numpy as np

from sklearn_losses.distributed.collections import check_columns, is_array, of_whole_rows

__all__ = ["lazy_prediction"]

# Fitted attributes that may be large, and that no prediction reads.
LEFT_OUT = ("_state", "loss_curve_", "row_weights_", "validation_scores_")


def lazy_prediction(estimator: Any, method: str, X: Any) -> Any:
    """What a method of a fitted estimator gives for the rows of a Dask collection.

    Parameters
    ----------
    estimator : estimator
        As it is now: a fit that follows does not change what was asked for before.
    method : str
        Such as "predict_proba".
    X : dask array or dask dataframe of shape (n, p)

    Returns
    -------
    dask array, or dask series or dataframe
        Lazy, with the partitions of X, and for frames with its index; of several columns, as those
        of `predict_proba`, a dataframe whose columns are the classes or the numbers of the targets.
    """
    fitted = copy(estimator)
    for name in LEFT_OUT:
        vars(fitted).pop(name, None)
    # One row shows what comes, and whether the columns are those of the fit.
    if is_array(X):
        X = of_whole_rows(X)
        sample = getattr(fitted, method)(np.zeros((1, X.shape[1]), dtype=np.float64))
        return _of_array(fitted, method, X, np.asarray(sample))
    check_columns(X)
    row = X._meta.astype(np.float64).reindex([0], fill_value=0.0)
    return _of_frame(fitted, method, X, np.asarray(getattr(fitted, method)(row)))


def _of_array(fitted, method, X, sample):
    chunks = (X.chunks[0], *((size,) for size in sample.shape[1:]))
    return X.map_blocks(
        predicted,
        fitted=fitted,
        method=method,
        sample=sample,
        dtype=sample.dtype,
        chunks=chunks,
        drop_axis=1 if sample.ndim == 1 else None,
        meta=sample[:0],
    )


def _of_frame(fitted, method, X, sample):
    import pandas as pd

    empty = X._meta.index[:0]
    if sample.ndim == 1:
        names, meta = None, pd.Series(sample[:0], index=empty)
    else:
        classes = getattr(fitted, "classes_", None)
        names = list(range(sample.shape[1])) if classes is None or len(classes) != sample.shape[1] else list(classes)
        meta = pd.DataFrame(sample[:0], index=empty, columns=names)
    return X.map_partitions(predicted_frame, fitted, method, sample, names, meta=meta, enforce_metadata=False)


def predicted(rows: Any, fitted: Any, method: str, sample: Any) -> Any:
    """The predictions of a block, which may have no rows.

    Parameters
    ----------
    rows : {ndarray, sparse matrix, dataframe}
    fitted : estimator
    method : str
    sample : ndarray
        Those of one row.
    """
    if rows.shape[0] == 0:
        return sample[:0]
    if hasattr(rows, "tocsr"):
        rows = rows.tocsr()
    return getattr(fitted, method)(rows)


def predicted_frame(rows: Any, fitted: Any, method: str, sample: Any, names: list[Any] | None) -> Any:
    """The predictions of a partition with its index; parameters as for `predicted`.

    Parameters
    ----------
    names : list or None
        Of the columns; None for a series.
    """
    import pandas as pd

    values = predicted(rows, fitted, method, sample)
    if names is None:
        return pd.Series(values, index=rows.index)
    return pd.DataFrame(values, index=rows.index, columns=names)
