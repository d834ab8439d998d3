"""How a fit ended: one value in place of a word, a flag and a sentence that could disagree."""

from enum import Enum
from inspect import Parameter, Signature
from typing import Any

from scipy.optimize import OptimizeResult

__all__ = ["WORDS", "Status", "set_status"]


class Status(Enum):
    """How the iterations of a solver, or a whole fit, ended: a name and a sentence.

    A solver sets it as ``run.status``, and its result has it as ``result.status``. The notes below
    list the members.

    Parameters
    ----------
    value : str
        The value of a member, such as "converged".

    Attributes
    ----------
    sentence : str
        The outcome as a sentence: the ``message`` of a solver's result.
    success : bool
        Whether the solver reached the optimum or was stopped by the callback.
    ended_by_itself : bool
        Whether the solver ended by its own rule, with finite numbers.
    is_final : bool
        Whether no other solver continues from the result.

    See Also
    --------
    sklearn_losses.solvers.Run : Sets the status of an iteration.
    sklearn_losses.solvers.Solver : Returns it in its result.

    Notes
    -----
    The members and their sentences:

    - ``CONVERGED``: "The optimum is reached within tol."
    - ``CALLBACK``: "The callback stopped the iterations."
    - ``MAX_ITER``: "max_iter iterations were made before tol was reached."
    - ``STALLED``: "No lower value was found, and it could not be shown that tol is reached."
    - ``DIVERGED``: "The parameters or the value became infinite or NaN."
    - ``UNBOUNDED``: "The loss has no minimum on these rows and there is no penalty."
    - ``BOTTOMLESS``: "The objective falls without end as the parameters grow."
    - ``ROSE``: "The loss rose to more than twice its first value."
    - ``INTERRUPTED``: "KeyboardInterrupt stopped the iterations."

    Examples
    --------
    >>> from sklearn_losses.solvers import Status
    >>> Status.CONVERGED.sentence, Status.CONVERGED.success
    ('The optimum is reached within tol.', True)
    >>> [status.name for status in Status if status.is_final]
    ['CALLBACK', 'DIVERGED']
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
        """Whether the solver reached the optimum or was stopped by the callback."""
        return self in (Status.CONVERGED, Status.CALLBACK)

    @property
    def ended_by_itself(self) -> bool:
        """Whether the solver ended by its own rule, with finite numbers."""
        return self in (Status.CONVERGED, Status.STALLED)

    @property
    def is_final(self) -> bool:
        """Whether no other solver continues: it was stopped by the callback, or is not finite."""
        return self in (Status.CALLBACK, Status.DIVERGED)


WORDS = {status.value for status in Status}  # by which results of earlier versions name one
SENTENCES = {
    Status.CONVERGED: "The optimum is reached within tol.",
    Status.CALLBACK: "The callback stopped the iterations.",
    Status.MAX_ITER: "max_iter iterations were made before tol was reached.",
    Status.STALLED: "No lower value was found, and it could not be shown that tol is reached.",
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
