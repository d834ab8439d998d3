"""The recipe of a loss: what a fit does before the first step, beside it and after the last one."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.losses.annotations import AnyLoss, FloatArray, Targets
from sklearn_losses.losses.numerics import best_number, best_scores

__all__ = []


class Recipe:
    """How a loss is fitted, as class attributes and methods that suit most losses.

    Attributes
    ----------
    initial_estimator : str, Loss or None
        A loss that the estimator fits first. Its raw predictions go to `calibrated`; a linear fit
        starts from its parameters.
    resistant : bool or None
        The fit begins with the resistant start, and with the initial estimator only where there is
        none. False: it could, and is told not to. None: it has no such choice.
    residual_scale : float, str or None
        Of a loss of ``residual / scale``: the scale, or "mad" where a fit has to find it and tell
        it by `with_scale`, or "joint" where the loss then learns it from there. None for a loss
        without a scale.
    n_init : int
        Starts of a deterministic fit, of which the best is kept: that of the initial estimator, and
        those of initial estimators with random weights.
    n_constants : int
        Numbers learned with the coefficients, the same for all rows (a scale, a threshold): further
        columns of `raw`.
    start_constants : tuple of float
        Where they start.
    constant_units : tuple of float, or None
        How far each moves while a raw prediction moves by 1, about: solvers see the constants over
        these, so that the units of the targets do not matter. None stands for 1.
    stochastic_only : bool
        Made for steps on batches: its exact minimum is of no use.
    starts_from : str, Loss or None
        The loss whose minimum is where the fit of this one starts (ranking losses).
    moving : bool
        The weights of its pairs depend on the current ranking. A fit holds them fixed
        (`Queries.with_fixed_ranking`), minimises, and takes them anew; with fixed weights the loss
        is as smooth and convex as it says.
    measure : tuple or None
        Kind of gain and largest rank of the NDCG by which a fit of a moving loss compares rankings.
    """

    initial_estimator: AnyLoss | None = None
    resistant: bool | None = None
    residual_scale: float | str | None = None
    n_init: int = 1
    n_constants: int = 0
    start_constants: tuple[float, ...] = ()
    constant_units: tuple[float, ...] | None = None
    stochastic_only: bool = False
    starts_from: AnyLoss | None = None
    moving: bool = False
    measure: tuple[str, int | None] | None = None

    def best_constant(self: Any, y: Targets, sample_weight: FloatArray, n_outputs: int) -> FloatArray:
        """The raw prediction that intercepts start from.

        It is the minimiser over constants, found numerically.

        Parameters
        ----------
        y : ndarray of shape (n,)
        sample_weight : ndarray of shape (n,)
            Non-negative, with mean 1.
        n_outputs : int

        Returns
        -------
        ndarray of shape (n_outputs,)
        """
        if self.task == "classification":
            return best_scores(self, y, sample_weight, n_outputs)
        return np.array([best_number(self, y, sample_weight)])

    def null_loss(self: Any, y: Targets, sample_weight: FloatArray) -> float:
        """The weighted mean loss of the best constant prediction.

        It measures the size of the loss, for one target of a regression.

        Parameters
        ----------
        y : ndarray of shape (n,)
        sample_weight : ndarray of shape (n,)

        Returns
        -------
        float
        """
        constant = np.full(len(y), self.best_constant(y, sample_weight, 1)[0])
        return float(np.average(self.value(y, constant), weights=sample_weight))

    def calibrated(self, y: Targets, raw: FloatArray, sample_weight: FloatArray) -> Any:
        """The loss with what it takes from the initial estimator (a scale, a start).

        A new object, or itself.

        Parameters
        ----------
        y, raw : ndarray of shape (n,)
            Targets and the initial estimator's raw predictions; (n, K) raw predictions for K
            outputs.
        sample_weight : ndarray of shape (n,)
        """
        return self

    def with_scale(self, scale: Any) -> Any:
        """The loss with a number for a scale that a fit has to find.

        A new object, or itself where it has none to find.

        Parameters
        ----------
        scale : float
            Of the residuals; one for each target where the loss is of several.
        """
        return self

    def learned(self, constants: FloatArray) -> dict[str, Any]:
        """Fitted attributes that the loss adds to those of the estimator: a dict.

        They come from the learned constants (n_constants,).
        """
        return {}

    def row_weights(self, y: Targets, raw: FloatArray) -> FloatArray | None:
        """The weights by which rows count in a step of reweighted least squares.

        Parameters
        ----------
        y, raw : ndarray of shape (n,)
            `raw` has the learned constants as further columns.

        Returns
        -------
        ndarray of shape (n,) or (n, n_targets), or None
            From 1 for a residual of 0 to 0 for a gross outlier; None for a loss that is no function
            of a residual in units of its scale.
        """
        return None

    def initial_alpha(self, alpha: float, y: Targets, sample_weight: FloatArray) -> float:
        """The strength of the penalty of the initial estimator.

        It differs from `alpha` where the initial loss is not in the units of this one. A loss with
        a `residual_scale` is preceded by Huber's loss at that scale, in the same units.
        """
        return alpha

    def check_target(self, y: Targets) -> None:
        """Raise ValueError where a target is outside the loss's domain."""

    def bind(self, y: Targets, n_outputs: int, task: str) -> Any:
        """The loss made ready for one fit.

        It is a new object where it depends on the data, else the loss itself.
        """
        return self

    def among(self, codes: NDArray[Any], n_classes: int) -> Any:
        """The loss where only the classes of these codes have rows.

        What a loss states by class is cut to them.
        """
        return self
