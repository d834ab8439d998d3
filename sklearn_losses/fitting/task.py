"""What regression, classification and ranking do in a way of their own within a fit."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from sklearn_losses.core.batches import Batches
from sklearn_losses.core.parts import Parts
from sklearn_losses.core.penalties import ElasticNet
from sklearn_losses.core.summed_batches import SummedBatches
from sklearn_losses.fitting.held_out import NO_VIEWS, Views, split_parts
from sklearn_losses.fitting.rows import Rows
from sklearn_losses.fitting.settings import Settings
from sklearn_losses.fitting.strength import Units
from sklearn_losses.losses.base import Loss
from sklearn_losses.losses.trimmed import Trimmed
from sklearn_losses.models import Model
from sklearn_losses.objective import Objective
from sklearn_losses.solvers import Solver
from sklearn_losses.summed_objective import SummedObjective

__all__ = ["Task"]


class Task(ABC):
    """What a fit has to know of the targets that it was given.

    Attributes
    ----------
    name : {"regression", "classification", "ranking"}
        As `Loss.task` has it.
    unbounded_where : str
        What the features do where a loss without a minimum falls for ever, for the message.
    flat : bool
        The coef_ of a linear model has shape (n_features,), and its intercept_ is a float.
    complete : bool
        The model has all outputs that the targets ask for.
    """

    name: ClassVar[str]
    unbounded_where: ClassVar[str] = "the features separate the classes, or some of their rows"
    flat: bool = False
    complete: bool = True

    @property
    @abstractmethod
    def n_outputs(self) -> int:
        """The number of raw outputs."""

    @property
    def attributes(self) -> dict[str, Any]:
        """The fitted attributes that come from the targets."""
        return {}

    def model(self, settings: Settings, n_features: int) -> Model:
        """The model in the size of the data."""
        return settings.model.bind(n_features, self.n_outputs, settings.fit_intercept)

    def loss_of_rows(self, loss: Loss) -> Loss:
        """The loss of what the rows hold, such as of some of the classes alone."""
        return loss

    def bound(self, loss: Loss, rows: Rows) -> Loss:
        """The loss made ready for the rows; ValueError where a target is outside its domain."""
        if isinstance(loss, Loss):  # a plain function has no domain yet
            loss.check_target(rows.y)
        return loss.bind(rows.y, self.n_outputs, self.name)

    def units(self, loss: Loss, rows: Rows) -> Units:
        """What turns alpha="auto" into a strength."""
        return Units.of(loss, rows.y, rows.weights)

    def check_size(self, loss: Loss, rows: Rows) -> None:  # noqa: B027  # most tasks have nothing to check
        """Raise ValueError where float64 cannot hold the loss of these targets."""

    def initial_targets(self, rows: Rows) -> Any:
        """The targets for a loss's initial estimator; None if it cannot be fitted to these rows."""
        return rows.y

    def of_initial_fit(self) -> "Task":
        """The task of the fit of an initial estimator to these targets, or to one of several."""
        return self

    def objective(
        self, loss: Loss, model: Model, penalty: ElasticNet, rows: Rows, columns, dtype: np.dtype[Any] | type
    ) -> Objective:
        """The objective over the rows.

        Parameters
        ----------
        loss : Loss
        model : Model
        penalty : ElasticNet
        rows : Rows
        columns : Standardization or None
        dtype : dtype
            In which it is computed.
        """
        if isinstance(rows.X, Parts):
            batches = SummedBatches(rows.X, rows.y, rows.weight, standardization=columns, dtype=dtype)
            return SummedObjective(loss, model, penalty, batches)
        return Objective(loss, model, penalty, Batches(rows.X, self._targets(rows.y, dtype), rows.weight, columns, dtype))

    def _targets(self, y, dtype):
        return y.astype(dtype, copy=False)

    def solver_for(self, loss: Loss, solver: Solver) -> Solver:
        """The solver as this task calls it."""
        return solver

    def split(self, rows: Rows, fraction: float, rng: RandomState, views: Views = NO_VIEWS) -> tuple[Rows, Rows]:
        """The rows to fit, and those to hold out for early stopping, which are views or copies."""
        if isinstance(rows.X, Parts):
            parted = split_parts(rows, fraction, rng, None if self._classes(rows) is None else self.n_classes)
            if parted is None:
                raise ValueError(
                    f"early_stopping=True cannot hold out validation_fraction={fraction} of {rows.X.shape[0]} rows; use "
                    "early_stopping=False, or another validation_fraction."
                )
            return parted
        # What it loads takes longer than this package, and few fits need it.
        from sklearn.model_selection import train_test_split

        n_rows = rows.X.shape[0]
        try:
            parts = train_test_split(np.arange(n_rows), test_size=fraction, random_state=rng, stratify=self._classes(rows))
        except ValueError as error:
            raise ValueError(
                f"early_stopping=True cannot hold out validation_fraction={fraction} of {n_rows} rows "
                f"({error}); use early_stopping=False, or another validation_fraction."
            ) from error
        kept, held_out = (rows.view(part) if view else rows.part(part) for part, view in zip(parts, views, strict=True))
        return kept, held_out

    @property
    def n_classes(self) -> int:
        """The number of classes that the model tells apart."""
        return 0

    def _classes(self, rows):
        """The classes of which the same share is held out, or None."""
        return None

    def fault_of_kept(self, trimmed: Trimmed, rows: Rows) -> str | None:
        """What is wrong with the rows that a trimmed loss keeps, a sentence or None."""
        return None

    def check_continues(self, last: "Task") -> None:  # noqa: B027  # most tasks have nothing to check
        """Raise ValueError if the last fit was of other targets: nothing can go on from it."""

    def all_outputs(self, weights: NDArray[Any], intercept: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """The last layer's weights (n_in, n) and intercepts (n,), completed.

        What is added are the outputs that the targets have and the model does not. Only a task that
        is not `complete` is asked.
        """
        return weights, intercept

    def own_outputs(self, weights: NDArray[Any], intercept: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """The inverse of `all_outputs`."""
        return weights, intercept
