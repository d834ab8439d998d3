"""Which losses are compared, under which labels, and with which parameter settings."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import clone
from sklearn.base import BaseEstimator
from sklearn.model_selection import ParameterGrid

from sklearn_losses.core.loss_parameter import LossParameter
from sklearn_losses.core.queries import Queries
from sklearn_losses.losses.base import Loss

__all__ = ["fixed_seeds", "grids_of", "labelled"]


def fixed_seeds(estimator: Any, seed: int) -> Any:
    """A copy whose open random states are set, so that every fit of it is the same."""
    estimator = clone(estimator)
    rng = np.random.RandomState(seed)
    fixed = {}
    for key, value in sorted(estimator.get_params(deep=True).items()):
        if key.rsplit("__", 1)[-1] == "random_state" and not isinstance(value, (int, np.integer)):
            fixed[key] = rng.randint(2**31 - 1)
    return estimator.set_params(**fixed)


def labelled(losses: Any, parameter: LossParameter, y: NDArray[Any]) -> dict[str, Any]:
    """Label -> what `loss` is set to; ValueError for what is no loss."""
    if losses is None:
        chosen = {}
        for name in sorted(Loss.names()):
            loss = Loss.make(name)
            if loss.task in (None, parameter.task, *parameter.more_tasks) and _takes(loss, parameter.task, y):
                chosen[name] = name
        return chosen
    if isinstance(losses, str) or not hasattr(losses, "__iter__"):
        losses = [losses]
    pairs = list(losses.items()) if isinstance(losses, dict) else [(_label(spec), spec) for spec in losses]
    if not pairs:
        raise ValueError("compare_losses needs at least one loss; losses=None takes all that fit the task.")
    chosen = {}
    for label, spec in pairs:
        number, unique = 2, label
        while unique in chosen:
            unique, number = f"{label} ({number})", number + 1
        Loss.make(spec)  # what is no loss is refused now, and not after the fits of the others
        chosen[unique] = clone(spec) if isinstance(spec, BaseEstimator) else spec
    return chosen


def _label(spec):
    if isinstance(spec, str):
        return spec
    if isinstance(spec, BaseEstimator):
        return " ".join(repr(spec).split())
    return getattr(spec, "__name__", repr(spec))


def _takes(loss, task, y):
    """Whether the targets are in the loss's domain."""
    if task == "classification":
        y = np.unique(y, return_inverse=True)[1] if y.ndim == 1 else y
    else:
        y = y.astype(np.float64).ravel()
        y = Queries(y, np.array([0, len(y)])) if loss.task == "ranking" else y
    try:
        loss.check_target(y)
    except ValueError:
        return False
    return True


def grids_of(
    param_grid: dict[str, Iterable[Any]] | None, specs: dict[str, Any], estimator: Any, parameter: LossParameter
) -> dict[str, list[dict[str, Any]]]:
    """Label -> the parameter settings that the search for this loss tries.

    ValueError for names that no loss has.
    """
    grids = {label: _candidates(estimator, parameter, spec, param_grid or {}) for label, spec in specs.items()}
    used = {key for candidates in grids.values() for candidate in candidates for key in candidate}
    unknown = sorted(name for name in param_grid or {} if not {name, parameter.prefix + name} & used)
    if unknown:
        raise ValueError(
            f"param_grid has parameters that neither the estimator nor any of the losses has: {', '.join(unknown)}."
        )
    return grids


def _candidates(estimator, parameter, spec, grid):
    """The settings of one loss: one empty setting without a search.

    It is empty too where the parameters cannot be set. The loss fails in its row of the table then.
    """
    try:
        known = clone(estimator).set_params(**{f"{parameter.prefix}loss": spec}).get_params(deep=True)
        loss = Loss.make(spec)
        known.update({f"{parameter.prefix}loss__{name}": value for name, value in loss.get_params(deep=True).items()})
        full_names = {name: parameter.full_name(name, known) for name in grid}
        return list(ParameterGrid({full: grid[name] for name, full in full_names.items() if full is not None}))
    except ValueError:
        return [{}]
