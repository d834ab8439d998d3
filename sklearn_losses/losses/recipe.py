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
        """Return the raw prediction that intercepts start from: the best constant one.

        It is the minimiser of the mean loss over constants, found numerically unless a loss
        overrides it.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Targets, or integer codes of classes.
        sample_weight : ndarray of shape (n,)
            Weights of the rows, not negative, with mean 1.
        n_outputs : int
            Raw predictions per row.

        Returns
        -------
        ndarray of shape (n_outputs,)
            The constant of each output.
        """
        if self.task == "classification":
            return best_scores(self, y, sample_weight, n_outputs)
        return np.array([best_number(self, y, sample_weight)])

    def null_loss(self: Any, y: Targets, sample_weight: FloatArray) -> float:
        """Return the weighted mean loss of the best constant prediction, for one regression target.

        It measures the size of the loss.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Targets.
        sample_weight : ndarray of shape (n,)
            Weights of the rows.

        Returns
        -------
        float
            The mean loss.
        """
        constant = np.full(len(y), self.best_constant(y, sample_weight, 1)[0])
        return float(np.average(self.value(y, constant), weights=sample_weight))

    def calibrated(self, y: Targets, raw: FloatArray, sample_weight: FloatArray) -> Any:
        """Return the loss with what it takes from the initial estimator, such as a scale.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Targets.
        raw : ndarray of shape (n,) or (n, K)
            Raw predictions of the initial estimator.
        sample_weight : ndarray of shape (n,)
            Weights of the rows.

        Returns
        -------
        Loss
            A new loss, or the loss itself where it takes nothing.
        """
        return self

    def with_scale(self, scale: Any) -> Any:
        """Return the loss with a number for a scale that a fit has to find.

        Parameters
        ----------
        scale : float
            The scale of the residuals, in the unit of the target; one for each target where the
            loss is of several.

        Returns
        -------
        Loss
            A new loss, or the loss itself where it has no scale to find.
        """
        return self

    def learned(self, constants: FloatArray) -> dict[str, Any]:
        """Return the fitted attributes that the loss adds to those of the estimator.

        Parameters
        ----------
        constants : ndarray of shape (n_constants,)
            The constants that were learned with the coefficients.

        Returns
        -------
        dict
            Names of attributes and their values.
        """
        return {}

    def row_weights(self, y: Targets, raw: FloatArray) -> FloatArray | None:
        """Return the weights by which rows count in a step of reweighted least squares.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Targets.
        raw : ndarray of shape (n,) or (n, 1 + n_constants)
            Predictions, with the learned constants as further columns.

        Returns
        -------
        ndarray of shape (n,) or (n, n_targets), or None
            From 1 for a residual of 0 to 0 for a gross outlier; None for a loss that is no function
            of a residual in units of its scale.
        """
        return None

    def initial_alpha(self, alpha: float, y: Targets, sample_weight: FloatArray) -> float:
        """Return the strength of the penalty for the initial estimator.

        It differs from `alpha` where the initial loss is not in the units of this one. A loss with
        a `residual_scale` is preceded by Huber's loss at that scale, in the same units.

        Parameters
        ----------
        alpha : float
            The strength of the fit.
        y : ndarray of shape (n,)
            Targets.
        sample_weight : ndarray of shape (n,)
            Weights of the rows.

        Returns
        -------
        float
            The strength of the initial fit.
        """
        return alpha

    def check_target(self, y: Targets) -> None:
        """Raise ValueError if a target is outside the domain of the loss.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Targets.
        """

    def bind(self, y: Targets, n_outputs: int, task: str) -> Any:
        """Return the loss made ready for one fit.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Targets, or integer codes of classes.
        n_outputs : int
            Raw predictions per row.
        task : {"regression", "classification", "ranking"}
            The task of the estimator.

        Returns
        -------
        Loss
            A new loss where it depends on the data, else the loss itself.
        """
        return self

    def among(self, codes: NDArray[Any], n_classes: int) -> Any:
        """Return the loss for a subset of the classes, with only their costs and other settings.

        Parameters
        ----------
        codes : ndarray of int
            The classes that have rows.
        n_classes : int
            The number of all classes.

        Returns
        -------
        Loss
            The loss for these classes; itself if it has no settings for single classes.
        """
        return self
