"""A fit happens as a whole or not at all.

It works on a copy, whose attributes the estimator takes over in one assignment."""

from typing import Any, TypeVar

__all__ = ["COLUMNS", "take_over", "working_copy"]

COLUMNS = ("n_features_in_", "feature_names_in_")  # what scikit-learn's `validate_data` sets
Estimator = TypeVar("Estimator")


def working_copy(estimator: Estimator) -> Estimator:
    """A copy for a fit to work on, which holds the same objects."""
    copy = object.__new__(type(estimator))
    copy.__dict__ = vars(estimator).copy()
    return copy


def take_over(estimator: Estimator, working: Estimator, fitted: dict[str, Any]) -> None:
    """Replace the fitted attributes of `estimator` in one assignment.

    The new ones are `fitted` and what the working copy learned of the columns.
    """
    fitted = {**{name: vars(working)[name] for name in COLUMNS if name in vars(working)}, **fitted}
    old = {*COLUMNS, *vars(estimator).get("_fitted_names", ())}
    kept = {name: value for name, value in vars(estimator).items() if name not in old}
    estimator.__dict__ = {**kept, **fitted, "_fitted_names": tuple(fitted)}
