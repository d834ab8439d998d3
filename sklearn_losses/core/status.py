"""How a fit ended: one value in place of a word, a flag and a sentence that could disagree."""

from enum import Enum
from inspect import Parameter, Signature
from typing import Any

from scipy.optimize import OptimizeResult

__all__ = ["WORDS", "Status", "set_status"]


class Status(Enum):
    """How the iterations of a solver, or a whole fit, ended.

    A solver sets the `status` of its result to one of these members. The `message` and the
    `success` of the result follow from it, so that the three cannot disagree.

    Parameters
    ----------
    value : str
        The word for the outcome: "converged" (the optimum is reached within `tol`), "callback" (the
        callback asked to stop), "max_iter" (too few iterations), "stalled" (no lower value was
        found, and the optimum is not certified), "diverged" (parameters or value became infinite or
        nan), "unbounded" and "bottomless" (the objective has no minimum), "rose" (the loss rose to
        more than twice its first value) or "interrupted" (Ctrl-C).

    Attributes
    ----------
    sentence : str
        The outcome as a sentence: the `message` of a solver's result.
    success : bool
        Whether the end is one that was asked for: the optimum, or a stop by the callback.

    See Also
    --------
    sklearn_losses.solvers.Solver : Base class of the solvers, whose results carry a status.

    Examples
    --------
    >>> from sklearn_losses.solvers import Status
    >>> Status("max_iter").success
    False
    >>> print(Status.CONVERGED.sentence)
    The optimum is reached within tol.
    """

    # Without it a signature has what Enum's functional interface takes, which differs by version.
    __signature__ = Signature([Parameter("value", Parameter.POSITIONAL_ONLY)])

    CONVERGED = "converged"
    CALLBACK = "callback"
    MAX_ITER = "max_iter"
    STALLED = "stalled"
    DIVERGED = "diverged"
    UNBOUNDED = "unbounded"
    BOTTOMLESS = "bottomless"
    ROSE = "rose"
    INTERRUPTED = "interrupted"

    @property
    def sentence(self) -> str:
        """The outcome as a sentence."""
        return SENTENCES[self]

    @property
    def success(self) -> bool:
        """Whether the end is one that was asked for."""
        return self in (Status.CONVERGED, Status.CALLBACK)

    @property
    def ended_by_itself(self) -> bool:
        """Whether the solver itself saw no way on, with finite numbers."""
        return self in (Status.CONVERGED, Status.STALLED)

    @property
    def is_final(self) -> bool:
        """Whether no other solver may go on from there: stopped from outside, or not finite."""
        return self in (Status.CALLBACK, Status.DIVERGED)


WORDS = {status.value for status in Status}  # by which results of earlier versions name one
SENTENCES = {
    Status.CONVERGED: "The optimum is reached within tol.",
    Status.CALLBACK: "The callback stopped the iterations.",
    Status.MAX_ITER: "max_iter iterations were made before tol was reached.",
    Status.STALLED: "No lower value was found, but tol is not shown to be reached.",
    Status.DIVERGED: "The parameters or the value became infinite or NaN.",
    Status.UNBOUNDED: "The loss has no minimum on these rows and there is no penalty.",
    Status.BOTTOMLESS: "The objective falls without end as the parameters grow.",
    Status.ROSE: "The loss rose to more than twice its first value.",
    Status.INTERRUPTED: "KeyboardInterrupt stopped the iterations.",
}


def set_status(result: OptimizeResult, status: Status, **more: Any) -> OptimizeResult:
    """Write a status, and the message and success that follow from it, into a solver's result.

    Parameters
    ----------
    result : OptimizeResult
        Changed in place.
    status : Status
    **more : dict
        Further fields to set.

    Returns
    -------
    OptimizeResult
        The same object.
    """
    result.update(status=status, message=status.sentence, success=status.success, **more)
    return result
