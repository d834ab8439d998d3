"""Files from which a fit goes on that was cut off, also by a kill or a power cut."""

import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from sklearn_losses.core.component import Integer, check_parameters
from sklearn_losses.core.new_file import beside, new_file

__all__ = ["Checkpoint", "CheckpointLike", "Saver"]

ENDING = ".checkpoint"  # of the name of a file that is being written
# What an estimator holds of scikit-learn's callbacks and of the fit that is under way.
OF_THIS_RUN = ("_progress", "_skl_callbacks", "_skl_callbacks_to_teardown", "_parent_callback_ctx")


@dataclass(frozen=True)
class Checkpoint:
    """Where an estimator saves a fit that is under way, and how often.

    After every so many iterations the file holds the estimator as if the fit had been stopped
    there, with ``warm_start=True``. ``joblib.load`` or ``pickle.load`` gives it back, also after
    the process was killed, and its `fit` on the same data goes on. The size of the file depends on
    the number of parameters and on the state of the solver (up to 64 MB for solvers that are not
    stochastic), and not on the number of rows. The file is replaced as a whole, so that there is a
    complete one at any time.

    Parameters
    ----------
    path : str or path
        The file. An existing one is replaced.
    every : int, default=10
        Number of iterations (of passes over the data, for solvers that step on batches) from one
        checkpoint to the next. With a larger value, writing takes less time, and a crash loses
        more.

    See Also
    --------
    LossRegressor : Takes it, or the path alone, as `checkpoint`.

    Examples
    --------
    A fit of which only the checkpoint is left goes on to the same result:

    >>> import os, tempfile, joblib
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_losses import Checkpoint, LossClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> path = os.path.join(tempfile.mkdtemp(), "iris.checkpoint")
    >>> options = {"solver": "sgd", "early_stopping": True, "random_state": 0}
    >>> checkpoint = Checkpoint(path, every=50)
    >>> model = LossClassifier(checkpoint=checkpoint, **options).fit(X, y)
    >>> again = joblib.load(path)
    >>> again.n_iter_ % 50, again.warm_start
    (0, True)
    >>> bool((again.fit(X, y).coef_ == model.coef_).all())
    True
    """

    path: str | os.PathLike[str]
    every: int = 10

    @classmethod
    def make(cls, spec: "CheckpointLike") -> "Checkpoint | None":
        """Turn what the parameter `checkpoint` of an estimator holds into a checkpoint.

        Parameters
        ----------
        spec : str, path, Checkpoint or None
            The parameter. A path alone is saved to every 10 iterations.

        Returns
        -------
        Checkpoint or None
            None for None.

        Raises
        ------
        ValueError
            If `spec` is something else, or `every` is not an int of at least 1.
        """
        if spec is None:
            return None
        checkpoint = spec if isinstance(spec, cls) else cls(spec)  # type: ignore[arg-type]  # looked at next
        if not isinstance(checkpoint.path, (str, os.PathLike)) or not os.fspath(checkpoint.path):
            raise ValueError(f"checkpoint must be the path of a file, a Checkpoint(path) or None. Got {spec!r} instead.")
        check_parameters(checkpoint, {"every": Integer(1)})
        return checkpoint

    @property
    def file(self) -> Path:
        """The file itself, with symbolic links resolved."""
        return Path(os.path.realpath(self.path))


CheckpointLike: TypeAlias = str | os.PathLike[str] | Checkpoint | None  # what users pass


class Saver:
    """Writes the checkpoints of one fit.

    Parameters
    ----------
    checkpoint : Checkpoint
    estimator : LossEstimator
        Whose fit it is.

    Raises
    ------
    OSError
        Where no such file can be written.
    ValueError
        For an estimator that cannot be pickled.
    """

    def __init__(self, checkpoint: Checkpoint, estimator: Any):
        self.checkpoint, self.estimator = checkpoint, estimator
        self._check_place()
        try:
            pickle.dumps(self._with({}))
        except Exception as error:
            raise ValueError(
                f"checkpoint={self.name} cannot save the estimator, because it cannot be pickled ({error}); define its "
                "functions and classes at the top level of a module."
            ) from error

    @classmethod
    def of(cls, estimator: Any) -> "Saver | None":
        """What saves the fit of an estimator; None where its parameters ask for no checkpoint."""
        checkpoint = Checkpoint.make(estimator.checkpoint)
        return None if checkpoint is None else cls(checkpoint, estimator)

    @property
    def name(self) -> str:
        """The path, for messages."""
        return repr(os.fspath(self.checkpoint.path))

    def _check_place(self):
        file = self.checkpoint.file
        if not file.parent.is_dir():
            folder = str(file.parent)
            raise FileNotFoundError(f"checkpoint={self.name}: there is no folder {folder!r}; make it, or use another path.")
        if file.exists() and not file.is_file():
            raise OSError(f"checkpoint={self.name} is not a regular file, which could be replaced; use the path of a file.")
        trial = beside(file, ENDING)
        try:
            trial.touch(exist_ok=False)
            trial.unlink()
        except OSError as error:
            raise type(error)(
                f"checkpoint={self.name}: no file can be written in {str(file.parent)!r} ({error.strerror}); use another path."
            ) from error

    def __call__(self, iterations: int, fitted: Callable[[], dict[str, Any]]) -> None:
        """Write the fit as it is after so many iterations, if it is time to.

        Parameters
        ----------
        iterations : int
        fitted : callable
            Gives the fitted attributes as they would be if the fit was stopped here.
        """
        if iterations % self.checkpoint.every:
            return
        content = pickle.dumps(self._with(fitted()), protocol=pickle.HIGHEST_PROTOCOL)
        try:
            with new_file(self.checkpoint.file, ENDING) as target:
                target.write(content)
        except OSError as error:
            raise type(error)(
                f"checkpoint={self.name} could not be written after iteration {iterations} ({error.strerror}); the fit was "
                "given up, and the checkpoint before this one, if there was one, is unchanged."
            ) from error

    def _with(self, fitted):
        """The estimator with these fitted attributes and warm_start=True."""
        old = {*OF_THIS_RUN, *vars(self.estimator).get("_fitted_names", ())}
        copy = object.__new__(type(self.estimator))
        copy.__dict__ = {name: value for name, value in vars(self.estimator).items() if name not in old}
        copy.__dict__.update(fitted, warm_start=True)
        if fitted:
            copy.__dict__["_fitted_names"] = tuple(fitted)
        return copy
