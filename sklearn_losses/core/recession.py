"""Whether a loss has no minimum: a direction along which it falls, or stays level, for ever.

Convex analysis calls it a direction of recession. Classes that the features tell apart have one,
and so have counts that are all 0.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from sklearn_losses.core.limits import SIZES

__all__ = [
    "LIMITS",
    "RecessionLimits",
    "curvature_of_rows",
    "falls_for_ever",
    "falls_without_end",
    "is_known",
    "matrix_of_held",
    "open_part",
]


class RecessionLimits(NamedTuple):
    """Where rounding ends and a direction of recession begins.

    Attributes
    ----------
    largest_matrix : int
        Parameters up to which such a direction of some rows alone is looked for.
    still_curved : tuple of float
        The curvature of a row's loss, as a share of the largest one, up to which the row may be one
        whose loss goes to its infimum: one share after the other is tried.
    flat : float
        The square of a singular value, as a share of the largest one, up to which the rows do not
        move.
    still : float
        The movement of a row, as a share of the largest one, up to which it does not move.
    """

    largest_matrix: int = SIZES.matrix
    still_curved: tuple[float, ...] = (1e-4, 1e-2)
    flat: float = 1e-10
    still: float = 1e-6


LIMITS = RecessionLimits()


def falls_for_ever(loss: Any, model: Any, batches: Any, params: NDArray[Any], limits: RecessionLimits = LIMITS) -> bool:
    """Whether `params` shows a direction of recession of the loss of a linear model.

    It separates the classes, or some rows along a direction in which no other row moves
    (quasi-complete separation [1]_): rows of a class that the features tell from another, or counts
    that are all 0.

    Parameters
    ----------
    loss : Loss
        Ready for the targets.
    model : LinearModel
    batches : Batches
    params : ndarray of shape (n_params,)
        Where a solver got to: far out, where there is such a direction.
    limits : RecessionLimits, default=RecessionLimits()

    References
    ----------
    .. [1] Albert and Anderson, "On the existence of maximum likelihood estimates in logistic
           regression models", Biometrika 71 (1984).
    """
    if _falls_along(loss, model, batches, params):
        return True
    return any(_some_fall(loss, model, batches, params, share, limits) for share in limits.still_curved)


def falls_without_end(function: Callable[[NDArray[Any]], float], params: NDArray[Any]) -> bool:
    """Whether a function runs to minus infinity on the ray from 0 through `params`."""
    with np.errstate(over="ignore", invalid="ignore"):
        here, further, far = (function(factor * params) for factor in (1.0, 1e2, 1e4))
    return bool(further < min(here, 0.0) and (np.isneginf(further) or far < 10 * further))


def _falls_along(loss, model, batches, params):
    """Whether the loss rises in no row and falls in some, the further out the parameters are."""
    own = params[: model.base.n_params]
    trends = [loss.trend(batch.y, model.base.predict(own, batch.X)) for batch in batches.blocks()]
    return all(np.all(trend <= 0) for trend in trends) and any(np.any(trend < 0) for trend in trends)


def is_known(loss: Any, model: Any, y: NDArray[Any], limits: RecessionLimits = LIMITS) -> bool:
    """Whether rows that are held by their curvature can be told, and a matrix costs little."""
    several, codes = model.base.n_outputs > 1, y.dtype.kind != "f"
    known = loss.rowwise and (loss.has_hessian or not several) and (codes or not loss.shift_invariant)
    return bool(known and model.n_params <= limits.largest_matrix)


def _some_fall(loss, model, batches, params, share, limits):
    """As `_falls_along` for some rows only.

    These are the rows whose loss has a curvature of at most `share` of the largest one.
    """
    own_model, several = model.base, model.base.n_outputs > 1
    if not is_known(loss, model, batches.y, limits):
        return False
    held = _curvatures(loss, model, batches, params)
    held = held > share * np.max(held)
    if held.all():
        return False
    direction = _along_which_these_stay(loss, model, batches, held, params[: own_model.n_params], limits.flat)
    along = batches.joined(lambda batch, _: own_model.predict(direction, batch.X))
    if several and loss.shift_invariant:
        along -= np.take_along_axis(along, batches.y[:, None], axis=1)
    along[np.abs(along) <= limits.still * np.max(np.abs(along))] = 0
    if np.max(np.abs(along)) < 1:
        return False
    trend = loss.trend(batches.y, along)
    return bool(np.all(trend <= 0) and np.any(trend < 0))


def _along_which_these_stay(loss, model, batches, held, params, flat):
    """The part of `params` along which some raw predictions do not move.

    `held` is the mask of these, (n,) or (n, n_outputs).
    """

    def of_block(batch, rows):
        return matrix_of_held(loss, model, batch, held[rows])

    return open_part(batches.total(of_block, dense=True), params, flat)


def open_part(matrix: NDArray[Any], params: NDArray[Any], flat: float) -> NDArray[Any]:
    """The part of `params` along which a matrix of `matrix_of_held` says that no row moves."""
    sizes, vectors = linalg.eigh(matrix)
    open_directions = vectors[:, sizes <= flat * sizes[-1]]
    return np.asarray(open_directions @ (open_directions.T @ params))


def matrix_of_held(loss: Any, model: Any, batch: Any, held: NDArray[np.bool_]) -> NDArray[Any]:
    """A matrix of the parameters: by how much a direction moves the held rows of a batch, squared.

    Parameters
    ----------
    loss : Loss
    model : LinearModel
    batch : Batch
        Of dense rows.
    held : ndarray of bool of shape (n,) or (n, n_outputs)
    """
    own_model, part = model.base, held.astype(batch.X.dtype)
    # Raw outputs do not move, or only together where their differences alone count.
    if own_model.n_outputs > 1:
        together = part.sum(axis=1)[:, None, None] + (part.sum(axis=1) == 0)[:, None, None]
        matrix = part[:, :, None] * np.eye(part.shape[1], dtype=part.dtype)
        part = matrix - loss.shift_invariant * part[:, :, None] * part[:, None, :] / together
    return np.asarray(own_model.curvature(batch.X, part))


def _curvatures(loss, model, batches, params):
    """How curved the loss of each row is in each raw output of the model, of the shape of these."""

    return np.asarray(batches.joined(lambda batch, _: curvature_of_rows(loss, model, params, batch)))


def curvature_of_rows(loss: Any, model: Any, params: NDArray[Any], batch: Any) -> NDArray[Any]:
    """How curved the loss of each row of a batch is in each raw output, of the shape of these.

    For a loss without a Hessian its slope stands in.
    """
    raw = model.predict(params, batch.X)
    if not loss.has_hessian:
        curvature = np.abs(loss.gradient(batch.y, raw))
    else:
        curvature = loss.hessian(batch.y, raw)
        curvature = curvature if curvature.ndim == 1 else curvature[:, : model.base.n_outputs]
    return np.asarray(curvature[:, 0] if curvature.ndim == 2 and model.base.n_outputs == 1 else curvature)
