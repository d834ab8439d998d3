"""What arrives in a fit, a prediction or a score: rows, weights, and dates that are no numbers."""

from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.utils.validation import validate_data

__all__ = [
    "are_codes",
    "check_weights",
    "mean_one",
    "real_numbers",
    "refuse_dates",
    "row_not_finite",
    "validated",
    "with_weight",
]


ROWS = (np.dtype(np.float64), np.dtype(np.float32))  # the types of rows


def validated(estimator: Any, X: Any, *targets: Any, **options: Any) -> Any:
    """X, and y if it is given, checked for an estimator by scikit-learn's `validate_data`.

    Dates are refused.

    Parameters
    ----------
    estimator : estimator
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
    *targets : array-like
        y, or nothing.
    **options : dict
        For `validate_data`.

    Returns
    -------
    {ndarray, sparse matrix}, or a tuple of X and y
        Rows of float64 or float32; sparse ones as CSR.
    """
    if _plain(X, targets, options.get("multi_output", False)):
        # What it finds in arrays is known here, and takes longer than a small fit.
        return validate_data(estimator, X, *targets, reset=options.get("reset", True), skip_check_array=True)
    refuse_dates(X, "X")
    for y in targets:
        refuse_dates(y, "y")
    try:
        return validate_data(estimator, X, *targets, **{"accept_sparse": "csr", "dtype": list(ROWS), **options})
    except ValueError as error:
        if "could not convert string to float" not in str(error):
            raise
        raise ValueError(
            f"X must have numbers only ({error}). Encode text and categories, for example with OneHotEncoder in a pipeline."
        ) from error


def _plain(X, targets, multi_output):
    """Whether the arguments are finite arrays of numbers: `validate_data` returns these."""
    return (
        type(X) is np.ndarray
        and X.dtype in ROWS
        and X.ndim == 2
        and _finite(X)
        and all(
            type(y) is np.ndarray
            and y.dtype.kind in "fiu"
            and y.shape[:1] == X.shape[:1]
            and (y.ndim == 1 or (multi_output and y.ndim == 2))
            and _finite(y)
            for y in targets
        )
    )


def _finite(array):
    """Whether an array is not empty and its sum is finite: nothing is missing or infinite."""
    return array.size > 0 and bool(np.isfinite(array.sum()))


def row_not_finite(array: Any) -> int | None:
    """The first row that holds nan or infinity, or None.

    Parameters
    ----------
    array : {ndarray, CSR matrix} of float of shape (n, ...)
    """
    entries = array.data if sparse.issparse(array) else array
    if np.isfinite(entries.sum()) or np.all(finite := np.isfinite(entries)):
        return None
    if sparse.issparse(array):
        return int(np.searchsorted(array.indptr, np.argmin(finite), side="right")) - 1
    return int(np.argmin(finite.reshape(len(array), -1).all(axis=1)))


def are_codes(y: NDArray[Any]) -> bool:
    """Whether labels are whole numbers out of a range of at most half as many as there are rows.

    Such are labels of classes, as scikit-learn's `check_classification_targets` has them.

    Parameters
    ----------
    y : ndarray of shape (n,)
    """
    return y.dtype.kind in "iu" and len(y) > 0 and 2 * (int(y.max()) - int(y.min()) + 1) <= len(y)


def check_weights(sample_weight: ArrayLike | None, n_rows: int, name: str = "sample_weight") -> NDArray[Any] | None:
    """Weights as float64 (n_rows,), scaled to a largest of 1; None where all are equal.

    Raises
    ------
    ValueError
        For another length, nan, inf, negative weights, or none above zero.
    """
    if sample_weight is None:
        return None
    weight = real_numbers(sample_weight, name)
    if weight.ndim == 0:
        weight = np.full(n_rows, float(weight))
    if weight.shape != (n_rows,):
        raise ValueError(f"{name} must have shape ({n_rows},), one weight per row. Got {weight.shape}.")
    if not np.all(np.isfinite(weight)):
        raise ValueError(f"{name} must be finite, but it contains nan or infinity.")
    if np.any(weight < 0):
        raise ValueError(f"{name} must not be negative; a weight of 0 leaves a row out. Got {weight.min():g}.")
    if not np.any(weight > 0):
        raise ValueError(f"{name} must contain a weight above zero, but all weights are zero.")
    return weight / weight.max()


def real_numbers(values, name):
    """Numbers as float64, without a cast from what only looks like numbers."""
    values = np.asarray(values)
    try:
        if values.dtype.kind in "cmM":
            raise TypeError(f"dtype {values.dtype}")
        return values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must hold real numbers. Got {error}.") from error


def refuse_dates(values: Any, name: str) -> None:
    """Raise ValueError for dates and spans of time.

    scikit-learn reads them as counts of whatever unit they are stored in.
    """
    dtypes: Any = getattr(values, "dtypes", None)  # of a frame; a column has one
    dtypes = list(dtypes) if hasattr(dtypes, "__iter__") else [getattr(values, "dtype", np.dtype(object))]
    if any(getattr(dtype, "kind", "O") == "O" for dtype in dtypes):
        dates = (date, timedelta, np.datetime64, np.timedelta64)
        found = any(isinstance(value, dates) for value in np.asarray(values, dtype=object).ravel()[:100])
    else:
        found = False
    if found or any(getattr(dtype, "kind", "O") in "mM" or str(dtype).startswith("period") for dtype in dtypes):
        raise ValueError(
            f"{name} holds dates or time spans, which must be converted to numbers first, for example to days by "
            "(t - t.min()) / np.timedelta64(1, 'D')."
        )


def with_weight(weight: NDArray[Any] | None, *arrays: Any) -> tuple[Any, ...]:
    """The rows of some arrays that have a weight above zero.

    Parameters
    ----------
    weight : ndarray of shape (n,), or None
        Not negative; None where all are equal.
    *arrays : {ndarray, sparse matrix} of shape (n, ...), or None

    Returns
    -------
    tuple
        The arrays, and the weight as the last one. All are as they were where no weight is zero.
    """
    if weight is None or np.all(weight > 0):
        return *arrays, weight
    kept = weight > 0
    return *(None if array is None else array[kept] for array in arrays), weight[kept]


def mean_one(weight: NDArray[Any] | None) -> NDArray[Any] | None:
    """Weights of mean 1, or None where they are all equal."""
    if weight is None or np.all(weight == weight[0]):
        return None
    return weight / weight.mean()
