"""What the displays share of their input: the last step of an estimator, checked rows, weights."""

from __future__ import annotations

from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_losses.core.validation import check_weights, real_numbers, refuse_dates

__all__ = [
    "BAND_LEVEL",
    "LastStep",
    "binomial_band",
    "checked_count",
    "checked_numbers",
    "checked_weights",
    "effective_rows",
    "last_step",
    "one_target",
    "same_length",
]

BAND_LEVEL = 0.95


class LastStep(NamedTuple):
    """The last step of a fitted pipeline or wrapper.

    Attributes
    ----------
    estimator : estimator
        The last step.
    X : {ndarray, sparse matrix, dataframe} or None
        The rows as the last step gets them.
    names : ndarray of str or None
        The names of its columns; None where nothing gives names.
    in_units : bool
        Whether it predicts in the units of y: False inside a `TransformedTargetRegressor`.
    """

    estimator: Any
    X: Any
    names: NDArray[Any] | None
    in_units: bool


def last_step(estimator: Any, X: Any = None) -> LastStep:
    """Walk through searches, wrappers and pipelines down to the estimator that holds the model."""
    check_is_fitted(estimator)
    names, in_units = None, True
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "regressor_"):  # of a transformed target
            estimator, in_units = estimator.regressor_, False
        elif isinstance(estimator, Pipeline):
            if len(estimator) > 1:
                names = _names_after(estimator[:-1], names)
                X = None if X is None else estimator[:-1].transform(X)
            estimator = estimator[-1]
        elif hasattr(estimator, "estimator_") and not (hasattr(estimator, "coef_") or hasattr(estimator, "estimators_")):
            if hasattr(estimator, "get_support"):  # a selection of features, such as RFE
                names = _names_after(estimator, names)
                X = None if X is None else estimator.transform(X)
            estimator = estimator.estimator_  # also that of a threshold that was tuned
        else:
            own = getattr(estimator, "feature_names_in_", None)
            return LastStep(estimator, X, own if names is None else names, in_units)


def _names_after(steps, names):
    """The names of the columns after some steps; None where a step cannot tell."""
    try:
        return steps.get_feature_names_out(names)
    except (AttributeError, ValueError):
        return None


def checked_count(value: Any, name: str) -> int:
    """A whole number of at least 1; an error that names the parameter otherwise."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} must be an int of at least 1. Got {value!r}.")
    return int(value)


def checked_numbers(values: ArrayLike, name: str) -> NDArray[np.float64]:
    """Finite numbers as float64; an error that says what to do where they are not."""
    refuse_dates(values, name)
    numbers = real_numbers(values, name)
    if not np.all(np.isfinite(numbers)):
        raise ValueError(f"{name} contains nan or infinity; leave these rows out of all arguments.")
    return numbers


def checked_weights(sample_weight: ArrayLike | None, n_rows: int) -> NDArray[np.float64]:
    """Weights of the rows; ones where there are none."""
    weight = check_weights(sample_weight, n_rows)
    return np.ones(n_rows) if weight is None else weight


def same_length(owner: str, **arrays: Any) -> None:
    """Raise ValueError where arguments have different numbers of rows, or none."""
    lengths = {name: len(values) for name, values in arrays.items()}
    if not any(lengths.values()):
        raise ValueError(f"{owner} needs at least one row; {' and '.join(lengths)} have none.")
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise ValueError(f"{owner} needs the same rows in all arguments: {told}.")


def one_target(values: NDArray[Any], target: int | None, owner: str) -> NDArray[Any]:
    """One column of targets or predictions."""
    if values.ndim == 1:
        return values
    n_targets = values.shape[1]
    if target is None and n_targets > 1:
        raise ValueError(f"{owner} draws one target of several; choose it by target=0 to {n_targets - 1}.")
    if target is not None and not 0 <= target < n_targets:
        raise ValueError(f"target={target} is none of the {n_targets} targets, which count from 0.")
    return values[:, target or 0]


def effective_rows(weight: NDArray[Any]) -> float:
    """How many rows of equal weight tell as much: ``sum(w)**2 / sum(w**2)``."""
    return float(weight.sum() ** 2 / np.sum(weight**2))


def binomial_band(share: Any, n_rows: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Between which values 95 % of observed shares lie, where the true share is `share`."""
    from scipy.stats import binom

    n = np.maximum(1, np.round(n_rows))
    tail = (1 - BAND_LEVEL) / 2
    return binom.ppf(tail, n, share) / n, binom.ppf(1 - tail, n, share) / n
