"""The bookkeeping of an iteration: how far it is, whether it has settled, and its outcome."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult

from sklearn_losses.core.renamed import warn_of_old
from sklearn_losses.core.status import WORDS, Status, set_status

__all__ = ["PRODUCTS", "SETTLING", "Callback", "Run", "Settling", "spent"]

PRODUCTS = 10  # products with the Hessian that a solver may make for each iteration of max_iter

Callback: TypeAlias = Callable[[NDArray[Any], float], bool]  # (params, value) -> whether to stop


class Settling(NamedTuple):
    """When the decreases of an iteration count as those of its end.

    Attributes
    ----------
    steps : int
        Decreases in a row that must shrink by a steady factor,
    factor : float
        which is the largest that counts as one,
    share : float
        and the share of what is asked for that the sum of all decreases to come may be.
    window_share : float
        Where they do not shrink so: the share of what is asked for that those of a whole window may
        be together.
    """

    steps: int = 5
    factor: float = 0.7
    share: float = 0.3
    window_share: float = 0.01


SETTLING = Settling()


class Run:
    """Count the iterations of a solver, keep the last finite point and decide when to stop.

    A solver records each iteration, and returns `result` at the end. The point that it returns is
    the last one whose numbers are all finite, so that a fit that diverges leaves usable parameters.

    Parameters
    ----------
    params : ndarray of shape (n_params,)
        Where the iteration starts.
    max_iter : int
        Maximum number of iterations. Methods that solve their equations by conjugate gradients may
        make up to ten times as many products with the rows.
    callback : callable or None
        ``callback(params, value) -> bool`` after each iteration; True stops.

    Attributes
    ----------
    params : ndarray of shape (n_params,)
        The last point whose numbers are all finite.
    value : float
        Its value.
    history : list of float
        The value after each iteration.
    products : float
        The products with the Hessian in all iterations.
    status : Status or None
        None while the iteration may go on.

    See Also
    --------
    sklearn_losses.solvers.Solver : What uses it.
    sklearn_losses.solvers.Status : How an iteration ended.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.solvers import Run
    >>> run = Run(np.array([4.0]), max_iter=100, callback=None)
    >>> while run.status is None:  # Newton's method for the root of 2
    ...     params = (run.params + 2 / run.params) / 2
    ...     value = float((params[0] ** 2 - 2) ** 2)
    ...     if not run.record(params, value) and run.settled(1e-10):
    ...         run.converged()
    >>> run.result().x.round(4), run.result().message
    (array([1.4142]), 'The optimum is reached within tol.')
    """

    def __init__(self, params: NDArray[Any], max_iter: int, callback: Callback | None) -> None:
        self.params = params
        self.value = float(np.inf)
        self.history: list[float] = []
        self.products = 0.0
        self.max_iter = max_iter
        self.callback = callback
        self._carry = getattr(callback, "carry", None)
        self.status: Status | None = None
        self._words: str | None = None

    def record(self, params: NDArray[Any], value: float, products: float = 1.0, state: Any = None) -> bool:
        """Take note of an iteration; True if it must be the last.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            Where it ended.
        value : float
            The objective there.
        products : float, default=1.0
            The products with the Hessian that it took.
        state : object, default=None
            What a further call goes on from. A callback with a method ``carry(state)`` is shown it
            first, and copies what it keeps.

        Returns
        -------
        bool
            Whether the iteration must end: numbers are not finite, the callback says so, or
            `max_iter` is used up. `status` says which.
        """
        self.products += products
        if not (np.isfinite(value) and np.all(np.isfinite(params))):
            self.status = Status.DIVERGED
            return True
        self.params, self.value = params, value
        self.history.append(value)
        if state is not None and self._carry is not None:
            self._carry(state)
        if self.callback is not None and self.callback(params, value):
            self.status = Status.CALLBACK
        elif self.spent >= self.max_iter and self.status is None:
            self.status = Status.MAX_ITER
        return self.status is not None

    @property
    def spent(self) -> int:
        """How much of `max_iter` is used up: the iterations, or what their products are worth."""
        return max(len(self.history), int(self.products / PRODUCTS))

    def converged(self) -> None:
        """Note that the optimum is reached."""
        self.status = Status.CONVERGED

    def settled(self, tol: float, window: int = 5, limits: Settling = SETTLING) -> bool:
        """Return whether what is left to gain looks smaller than `tol` times the value.

        While the decreases shrink by a steady factor, the rest of their sum is that of a geometric
        series. Where they do not, the decreases of a whole window together must be a small share of
        what `tol` asks for.

        Parameters
        ----------
        tol : float
            Relative to the value; a larger one ends earlier.
        window : int, default=5
            Iterations that are looked at together; the answer is False before.
        limits : Settling, default=SETTLING
            The numbers of the rule.

        Returns
        -------
        bool
            Whether the iteration may end.
        """
        if len(self.history) <= window:
            return False
        goal = tol * max(abs(self.value), np.finfo(float).eps * abs(self.history[0]))
        decreases = -np.diff(self.history[-limits.steps - 1 :])
        if np.all(decreases > 0):
            factor = np.max(decreases[1:] / decreases[:-1])
            if factor < limits.factor and decreases[-1] * factor / (1 - factor) <= limits.share * goal:
                return True
        recent = self.history[-window - 1 :]
        fallen, risen = max(recent) - self.value, self.value - min(recent)
        return bool(fallen <= limits.window_share * goal and risen <= goal)

    def result(self, state: Any = None, **more: Any) -> OptimizeResult:
        """Return the outcome in the form of SciPy.

        Parameters
        ----------
        state : object, default=None
            What a further call needs to go on from there.
        **more : dict
            Further fields.

        Returns
        -------
        scipy.optimize.OptimizeResult
            With ``x``, ``fun``, ``nit``, ``status``, ``message``, ``success`` and ``state``. A run
            without a status has stalled.
        """
        nit = len(self.history)
        result = OptimizeResult(x=self.params, fun=self.value, nit=nit, spent=self.spent, state=state, **more)
        set_status(result, self.status or Status.STALLED)
        if self._words is not None:
            result.message = self._words
        return result

    @property
    def message(self) -> str | None:
        """The word of the status, for solvers written for earlier versions."""
        _warn_of_old("message")
        return self._words or (None if self.status is None else self.status.value)

    @message.setter
    def message(self, word: str | None) -> None:
        _warn_of_old("message")
        known = word is None or word in WORDS
        self._words = None if known else word
        if known:
            self.status = None if word is None else Status(word)
        elif self.status is None:
            self.status = Status.STALLED

    @property
    def success(self) -> bool:
        """Whether the status is a success, for solvers written for earlier versions."""
        _warn_of_old("success")
        return self.status is not None and self.status.success

    @success.setter
    def success(self, value: bool) -> None:
        _warn_of_old("success")
        if bool(value) != (self.status is not None and self.status.success):
            self.status = Status.CONVERGED if value else Status.STALLED


def spent(result: OptimizeResult) -> int:
    """How much of `max_iter` a result has used up; its iterations where it does not say."""
    return max(int(result.nit), int(result.get("spent", 0)))


def _warn_of_old(name):
    warn_of_old(f"Run.{name} follows from Run.status now; set run.status = Status.CONVERGED.")
