"""What `minimize` returns, checked and completed."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult

from sklearn_losses.core.protocols import Objective
from sklearn_losses.core.status import WORDS, Status, set_status
from sklearn_losses.solvers.run import Callback

__all__ = ["Record", "completed", "returned"]

FIELDS = "x", "fun", "nit", "status", "message", "success", "state"
ADVICE = "return scipy.optimize.OptimizeResult(x=params, fun=value, nit=iterations, success=True)"


class Record:
    """A callback in front of another one that keeps the last finite point.

    Parameters
    ----------
    callback : callable or None
        Called as ``callback(params, value)``; True stops.

    Attributes
    ----------
    calls : int
    params : ndarray or None
        A copy of the last point whose numbers are all finite.
    asked_to_stop : bool
    """

    def __init__(self, callback: Callback | None) -> None:
        self.callback, self.calls, self.asked_to_stop = callback, 0, False
        self.params: NDArray[Any] | None = None

    def __call__(self, params: NDArray[Any], value: float) -> bool:
        self.calls += 1
        if np.all(np.isfinite(params)):
            self.params = np.array(params)
        self.asked_to_stop = bool(self.callback is not None and self.callback(params, value))
        return self.asked_to_stop


def returned(result: Any, name: str, shape: tuple[int, ...]) -> OptimizeResult:
    """Check that `minimize` returned a point; the result with `x` as an array of floats.

    Parameters
    ----------
    result : object
        An OptimizeResult, another mapping, or an object with the same attributes.
    name : str
        The solver's, for the message.
    shape : tuple of int
        The shape that the parameters must have.
    """
    fields = (
        result if isinstance(result, Mapping) else {name: getattr(result, name) for name in FIELDS if hasattr(result, name)}
    )
    if fields.get("x") is None:
        what = f"a result without x, with the fields {sorted(fields)}" if fields else f"{type(result).__name__}"
        raise TypeError(f"The method minimize of solver {name!r} must {ADVICE}. It returned {what}.")
    found = result if isinstance(result, OptimizeResult) else OptimizeResult(fields)
    x = np.asarray(found.x)
    if x.dtype.kind not in "fiu":
        raise TypeError(
            f"The method minimize of solver {name!r} must return an array of floats as x. Its x has the dtype {x.dtype}."
        )
    if x.shape != shape:
        raise ValueError(
            f"The method minimize of solver {name!r} must return x in the shape of the params that it was given, {shape}. "
            f"Its x has the shape {x.shape}."
        )
    found.x = x if x.dtype.kind == "f" else x.astype(np.float64)
    return found


def completed(
    result: Any,
    objective: Objective,
    start: NDArray[Any],
    name: str,
    *,
    max_iter: int,
    record: Record | None = None,
) -> OptimizeResult:
    """Complete the result of `minimize` with all the fields that a fit reads.

    `fun` is computed where it is missing; `nit` is the number of calls of the callback. The status
    is what `status` or the message says (a `Status`, or its word such as "converged"), unless
    `success` contradicts it; else it follows from `success`. Where x is not finite, the last finite
    point takes its place, and the status is DIVERGED.

    Parameters
    ----------
    result : object
        What `minimize` returned.
    objective : Objective
    start : ndarray of shape (n_params,)
        Where the solver started.
    name : str
        The solver's, for messages.
    max_iter : int
    record : Record, default=None
        Through which the solver called back.

    Returns
    -------
    OptimizeResult
        With ``x``, ``fun``, ``nit``, ``status``, ``message``, ``success`` and ``state``.
    """
    result = returned(result, name, np.shape(start))
    nit = result.get("nit")
    if nit is not None and not isinstance(nit, (int, float, np.number)):
        raise TypeError(
            f"The method minimize of solver {name!r} must return a number of iterations as nit. Its nit is {nit!r}."
        )
    result.nit = int(nit) if nit is not None else record.calls if record else 1
    result.setdefault("state", None)
    if not np.all(np.isfinite(result.x)):
        result.x = start if record is None or record.params is None else record.params
        result.fun = objective.value(result.x)
        return set_status(result, Status.DIVERGED)
    value = result.get("fun")
    result.fun = objective.value(result.x) if value is None or np.size(value) != 1 else float(np.ravel(value)[0])
    status, said = _status(result, max_iter, record), result.get("message")
    set_status(result, status)
    if isinstance(said, str) and said and said not in WORDS:
        result.message = said
    return result


def _status(result, max_iter, record):
    """The status of a result, from what it says."""
    said, success = result.get("message"), result.get("success")
    told = [Status(said)] if said in WORDS else []
    if isinstance(result.get("status"), Status):
        told.append(result.status)
    for status in told:
        if success is None or status.success == bool(success):
            return status
    if record is not None and record.asked_to_stop:
        return Status.CALLBACK
    if success or (success is None and result.nit < max_iter):
        return Status.CONVERGED
    return Status.MAX_ITER if result.nit >= max_iter else Status.STALLED
