"""Whether the losses of a comparison were fitted on equal terms.

That is, whether their penalties are about as strong, and each fit reached the minimum of its own
loss.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sklearn_losses.core.loss_parameter import LossParameter
from sklearn_losses.fitting.costs import takes_costs
from sklearn_losses.fitting.strength import Strength, Units
from sklearn_losses.losses.aggregation import Aggregated
from sklearn_losses.losses.base import Loss
from sklearn_losses.losses.trimmed import Trimmed
from sklearn_losses.metrics.scorers import LossScorer
from sklearn_losses.model_selection.folds import Data

__all__ = ["beaten", "judged", "judges", "relative_alpha", "searches_alpha", "strength_sentence"]

MOST_ROWS = 5000  # training rows on which a fit is judged
UNEQUAL = 3.0  # ratio of two strengths from which on they are said not to be comparable
CLEAR = 0.05  # share of the loss of a constant by which a loss must be beaten


def searches_alpha(grids: Mapping[str, Sequence[dict[str, Any]]]) -> bool:
    """Whether each loss chooses its own alpha, so that terms are equal in that.

    The strength that generalises best is then strong enough.
    """
    return any(name.rsplit("__", 1)[-1] == "alpha" for grid in grids.values() for candidate in grid for name in candidate)


def judges(specs: Mapping[str, Any]) -> dict[str, LossScorer]:
    """Label -> scorer by that loss, for losses whose mean over rows is what their fit minimises."""
    made = {label: Loss.make(spec) for label, spec in specs.items()}
    learns = {label for label, loss in made.items() if isinstance(loss, Aggregated) or int(getattr(loss, "n_constants", 0)) > 0}
    return {
        label: LossScorer(loss)
        for label, loss in made.items()
        if label not in learns
        and getattr(loss, "initial_estimator", None) is None
        and not isinstance(loss, Trimmed)
        and not takes_costs(loss)
    }


def judged(
    scorers: Mapping[str, LossScorer], estimator: Any, parameter: LossParameter, label: str, data: Data
) -> dict[str, float]:
    """The mean losses of a fitted model by each judge on its training rows.

    "constant" is the mean loss of the best constant prediction, by the model's own loss.
    """
    part = parameter.fitted_part(estimator)
    if parameter.task == "ranking" or data.y.ndim > 1 or not parameter.in_pipelines or getattr(part, "class_weight", None):
        return {}
    some = data.rows(np.unique(np.linspace(0, len(data.y) - 1, min(len(data.y), MOST_ROWS)).astype(int)))
    means = {}
    for other, scorer in scorers.items():
        try:
            means[other] = -scorer(estimator, some.X, some.y, some.sample_weight)
        except Exception:  # predictions outside the domain of another loss, such as below 0
            means[other] = np.nan
    if label in means:
        means["constant"] = _of_constant(part, some)
    return means


def _of_constant(part, data):
    loss, weight = part._loss, np.ones(len(data.y)) if data.sample_weight is None else data.sample_weight
    y, n_outputs = data.y, 1
    if hasattr(part, "classes_"):
        y = np.searchsorted(part.classes_, y)
        n_outputs = 1 if len(part.classes_) == 2 else len(part.classes_)
    constant = np.broadcast_to(loss.best_constant(y, weight, n_outputs), (len(y), n_outputs))
    return float(np.average(loss.value(y, constant[:, 0] if n_outputs == 1 else constant), weights=weight))


def beaten(means: Mapping[str, Sequence[Mapping[str, float]]]) -> dict[str, tuple[str, float, float]]:
    """The losses that the model of another loss minimises better.

    Label -> (the other's label, mean loss, mean loss of the other's model).

    Parameters
    ----------
    means : dict of str to list of dict
        By label and fold, what `judged` returned.
    """
    found: dict[str, tuple[str, float, float]] = {}
    for label, folds in means.items():
        own = np.mean([fold.get(label, np.nan) for fold in folds])
        size = np.mean([fold.get("constant", np.nan) for fold in folds])
        others = {
            other: np.mean([fold.get(label, np.nan) for fold in means[other]]) for other in means if other != label
        }  # fmt: skip
        others = {other: value for other, value in others.items() if own - value > CLEAR * size}
        if others:
            best = min(others, key=lambda other: others[other])
            found[label] = (best, float(own), float(others[best]))
    return found


def relative_alpha(estimator: Any, parameter: LossParameter, data: Data) -> float:
    """The penalty of a fitted regressor as a multiple of that of alpha="auto".

    It is nan where no unit tells.
    """
    part = parameter.fitted_part(estimator)
    if parameter.task != "regression" or data.y.ndim > 1 or not parameter.in_pipelines or part.alpha == "auto":
        return float("nan")
    weight = np.ones(len(data.y)) if data.sample_weight is None else data.sample_weight
    units = Units.of(part._loss, data.y.astype(np.float64), weight)
    return part.alpha_ / Strength.of("auto", part.l1_ratio, units).alpha


def strength_sentence(strengths: Mapping[str, float], alpha: float | str) -> str | None:
    """The sentence that one alpha is another strength for each loss.

    None where the strength is about the same, or weak for all.

    Parameters
    ----------
    strengths : dict of str to float
        What `relative_alpha` returned.
    alpha : float or "auto"
        The parameter.
    """
    known = {label: value for label, value in strengths.items() if np.isfinite(value)}
    if alpha == "auto" or len(known) < 2:
        return None
    weakest, strongest = min(known, key=lambda label: known[label]), max(known, key=lambda label: known[label])
    if known[strongest] <= max(1.0, UNEQUAL * known[weakest]):
        return None
    return (
        f"alpha={alpha:g} is not the same strength for all losses: for {strongest} it is {known[strongest]:.2g} times that "
        f"of alpha='auto', for {weakest} {known[weakest]:.2g} times. Use alpha='auto', which is in units of each loss, or let "
        "each loss choose its own: param_grid={'alpha': [...]}."
    )
