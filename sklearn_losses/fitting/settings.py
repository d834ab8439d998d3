"""The parameters of an estimator that a fit needs, as one value."""

from dataclasses import dataclass, field
from typing import Literal

from sklearn_losses.models import Linear, Model

__all__ = ["Settings"]


@dataclass(frozen=True)
class Settings:
    """What a fit is asked for beside its loss, its solver and its rows.

    The defaults are those of the estimators.

    Parameters
    ----------
    alpha : float or "auto"
    l1_ratio : float
    fit_intercept : bool
    max_iter : int
    tol : float
    validation_fraction : float or None
        The share of the rows that is held out; None without early stopping.
    patience : int
        Passes (iterations, with early stopping) without progress after which to stop.
    verbose : int
    model : Model
        Not bound yet to the sizes of the data.
    resumable : bool
        Solvers keep what they need to go on after a stop as if there had been none.
    """

    alpha: float | Literal["auto"] = "auto"
    l1_ratio: float = 0.0
    fit_intercept: bool = True
    max_iter: int = 1000
    tol: float = 1e-4
    validation_fraction: float | None = None
    patience: int = 10
    verbose: int = 0
    model: Model = field(default_factory=Linear)
    resumable: bool = False
