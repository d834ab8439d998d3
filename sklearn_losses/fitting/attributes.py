"""The fitted attributes of an estimator from an outcome, and the last fit from them."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from sklearn_losses.core.coordinates import Coordinates
from sklearn_losses.fitting.parameters import fitted_parameters, flat_parameters
from sklearn_losses.fitting.problem import LastFit, Problem
from sklearn_losses.fitting.solve import Outcome

__all__ = ["fit_attributes", "last_fit", "model_attributes", "row_weights"]


def model_attributes(problem: Problem, params: NDArray[Any]) -> dict[str, Any]:
    """The attributes that a prediction needs.

    Parameters
    ----------
    problem : Problem
    params : ndarray of shape (n_params,)
        The solver's.
    """
    user_params = problem.to_user(params)
    dtype = problem.type_to_keep(user_params)
    model, (own, constants) = problem.model.base, problem.separated(user_params)
    return {
        **problem.task.attributes,
        **problem.loss.learned(constants),
        **fitted_parameters(problem.task, model, own.astype(dtype, copy=False)),
        "_targets": problem.task,
        "_loss": problem.loss,
        "_source": problem.source,
        "_constants": constants,
        "_model": model,
        "_coordinates": problem.coordinates if problem.solver.stochastic else Coordinates(),
    }


def fit_attributes(problem: Problem, outcome: Outcome, last: LastFit | None = None) -> dict[str, Any]:
    """All fitted attributes.

    Parameters
    ----------
    problem : Problem
    outcome : Outcome
    last : LastFit, default=None
        The fit that this one went on from.
    """
    earlier = []
    if last is not None and problem.solver.stochastic:
        # A fit that goes on has the losses of the one that was stopped among its own.
        earlier = last.loss_curve[: len(last.loss_curve) - outcome.before]
    fitted = {
        **model_attributes(problem, outcome.params),
        "alpha_": problem.strength.alpha,
        "l1_ratio_": problem.strength.l1_ratio,
        "n_iter_": max(1, outcome.nit),
        "loss_": outcome.mean_loss,
        "objective_": outcome.mean_loss + problem.original.penalty_value(problem.to_user(outcome.params)),
        "loss_curve_": [*earlier, *outcome.losses],
        "converged_": outcome.status.success,
        "solver_": outcome.solver,
        "n_parameters_": problem.model.n_params,
        **outcome.certificate,
        "_units": problem.units,
        "_state": outcome.state,
    }
    if outcome.point is not None:
        fitted["_point"] = outcome.point
    if problem.start is not None:
        fitted["start_"] = problem.start
    if problem.held_out is not None:
        fitted["validation_scores_"] = outcome.scores
        fitted["best_validation_score_"] = max(outcome.scores)
    return fitted


def row_weights(problem: Problem, outcome: Outcome) -> NDArray[Any] | None:
    """The weight of each row in the last step, in the order of the rows that the user gave.

    Parameters
    ----------
    problem : Problem
    outcome : Outcome

    Returns
    -------
    ndarray of shape (n,) or (n, n_targets), or None
        By `Loss.row_weights`, for rows that were held out too; 0 for rows without a sample weight.
        None for a loss without such weights.
    """
    params = problem.to_user(outcome.params)
    if "scale_" not in problem.loss.learned(problem.separated(params)[1]):
        return None
    weights = _row_weights(problem, problem.rows, params)
    if weights is None or problem.held_out is None:
        return weights
    return weights + _row_weights(problem, problem.held_out, params)


def _row_weights(problem, rows, params):
    """The weights of some rows, 0 for the others; None for a loss without such weights."""
    part = problem.over(rows)
    raw = part.batches.joined(lambda batch, _: part.model.predict(params, batch.X))
    weights = problem.loss.row_weights(rows.y, raw)
    return None if weights is None else rows.in_given_order(weights.astype(float, copy=False))


def last_fit(fitted: Mapping[str, Any]) -> LastFit | None:
    """What a fit that goes on takes from the attributes of the last one; None if there are none."""
    if "_fitted_names" not in fitted:
        return None
    return LastFit(
        task=fitted["_targets"],
        model=fitted["_model"],
        params=flat_parameters(fitted["_targets"], fitted["_model"], fitted),
        loss=fitted["_loss"],
        source=fitted["_source"],
        units=fitted["_units"],
        constants=fitted["_constants"],
        coordinates=fitted["_coordinates"],
        solver=fitted["solver_"],
        state=fitted["_state"],
        loss_curve=fitted["loss_curve_"],
        start=fitted.get("start_"),
        loss_value=fitted["loss_"],
        columns=fitted.get("feature_names_in_"),
        point=fitted.get("_point"),
    )
