"""Reports of a fit to scikit-learn's callbacks.

scikit-learn has callbacks from version 1.9 on; under older versions fits run without them.

A fit is a task with one subtask per iteration (per pass of a stochastic solver). Solvers know
nothing of this: they call their monitor after an iteration, which ends the running subtask and
opens the next; the one left over is closed empty, as in scikit-learn's own `LogisticRegression`.
"""

import inspect
from collections.abc import Callable
from typing import Any

from sklearn_losses.core.component import Integer
from sklearn_losses.fitting.checkpoint import Saver

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn < 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]  # there is one of the two
        """Stands in for scikit-learn's: no callbacks."""

    def with_callbacks(method):
        """Stands in for scikit-learn's: the method as it is."""
        return method


__all__ = ["CallbackSupportMixin", "Progress", "with_callbacks"]


class Progress:
    """Tells the callbacks of an estimator how its fit goes; does nothing where it has none.

    Parameters
    ----------
    estimator : LossEstimator, default=None
    work : callable, default=None
        What is about to be called; `arguments` are named after its parameters.
    arguments : tuple, default=()
        X, y and what else the fit was given.

    Attributes
    ----------
    columns : dict
        What the fit knows of the columns of X and the estimator does not know yet.
    stopped : bool
        A callback has asked to stop.
    saver : Saver or None
        What writes the checkpoints of the fit.
    """

    def __init__(self, estimator: Any = None, work: Callable[..., Any] | None = None, arguments: tuple[Any, ...] = ()):
        self.root: Any = None
        self.task: Any = None
        self.stopped = False
        self.columns: dict[str, Any] = {}
        self.saver: Saver | None = None
        if work is None or not (hasattr(estimator, "_skl_callbacks") or hasattr(estimator, "_parent_callback_ctx")):
            return
        given = inspect.signature(work).bind(*arguments).arguments
        metadata = {name: given[name] for name in ("sample_weight", "qid", "cost") if given.get(name) is not None}
        self.data = {"estimator": estimator, "X": given["X"], "y": given["y"], "metadata": metadata or None}
        # The iterations, and one that is open when the fit ends; parameters are not checked yet.
        self.left = estimator.max_iter + 1 if estimator.max_iter in Integer(1) else 1
        self.root = estimator._init_callback_context(max_subtasks=self.left)
        self.root.call_on_fit_task_begin(**self.data)

    def begin(self, fitted: Callable[[], dict[str, Any]]) -> None:
        """Open the next iteration.

        Parameters
        ----------
        fitted : callable
            As for `iteration`.
        """
        if self.root is not None and self.left:
            self.left -= 1
            self.task = self.root.subcontext(task_name="iteration")
            self.task.call_on_fit_task_begin(**self.data, reconstruction_attributes=self._whole(fitted))

    def iteration(self, fitted: Callable[[], dict[str, Any]]) -> bool:
        """End an iteration; True where a callback asks to stop.

        Parameters
        ----------
        fitted : callable
            Gives the fitted attributes as they would be if the fit ended here; called only where
            someone asks.
        """
        if self.task is None:
            return False
        task, self.task = self.task, None
        self.stopped = bool(task.call_on_fit_task_end(**self.data, reconstruction_attributes=self._whole(fitted)))
        if not self.stopped:
            self.begin(fitted)
        return self.stopped

    def saving(self, fitted: Callable[[], dict[str, Any]]) -> Callable[[int], None] | None:
        """What saves the fit after an iteration, given its number; None where nothing does.

        Parameters
        ----------
        fitted : callable
            Gives all fitted attributes as they would be if the fit was stopped here.
        """
        saver = self.saver
        return None if saver is None else lambda iterations: saver(iterations, self._whole(fitted))

    def _whole(self, fitted):
        return lambda: {**self.columns, **fitted()}

    def close(self) -> None:
        """End the iteration that never ran."""
        if self.task is not None:
            task, self.task = self.task, None
            task.call_on_fit_task_end(estimator=self.data["estimator"])

    def end(self) -> None:
        """End the fit, its attributes set."""
        if self.root is not None:
            self.root.call_on_fit_task_end(**self.data, reconstruction_attributes={})
