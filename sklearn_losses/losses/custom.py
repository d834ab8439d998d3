"""A loss of the user's own: a plain NumPy function of (y_true, y_pred).

Its derivatives are found numerically. A loss is per row, so one shifted evaluation gives the
derivative of every row at once: two evaluations for one output, 2 K for K. Where the function is
analytic in NumPy (no abs, no comparison of y_pred), the complex step [1]_ gives the gradient to
rounding error with one evaluation per output; `bind` finds out on a few rows of the data.

Where the slope of a loss of one output jumps, which `bind` finds out too, the loss averaged over an
interval of half length h has the central difference with step h as its exact gradient. So it is
fitted as mae is, by averages over ever shorter intervals, without a setting. With
several outputs no kinks are looked for: use solver="adam".

.. [1] Squire and Trapp, "Using complex variables to estimate derivatives of real functions", SIAM
   Review 40 (1998).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from sklearn_losses.core.component import Component, Options
from sklearn_losses.losses.annotations import Targets
from sklearn_losses.losses.base import Loss
from sklearn_losses.losses.differentiated import _FAR, _LINKS, DifferentiatedPrediction, DifferentiatedScores, _spread

__all__ = ["CustomLoss"]


class CustomLoss(Component):
    r"""Loss from a plain NumPy function ``f(y_true, y_pred)``, differentiated numerically.

    Choose it where no loss of the package is what you mean. ``loss=f`` in an estimator is short for
    ``loss=CustomLoss(f)``; the class also takes derivatives, a link and the statement that the loss
    is convex. The objective is the weighted mean over the :math:`n` rows,

    .. math::

        \frac{1}{\sum_i w_i} \sum_{i=1}^{n} w_i\, f(y_i, g(r_i))

    with :math:`r_i` the raw prediction of row :math:`i`, :math:`g` the function `inverse_link` and
    :math:`w_i` the sample weights. Kinks in the function are found, and fitted like those of `MAE`.
    ``solver="lbfgs"`` takes any function; with ``convex=True`` ``solver="newton"`` finds the exact
    minimum of a linear model.

    Parameters
    ----------
    function : callable
        ``f(y_true, y_pred) -> ndarray of shape (n,)``, one loss per row, in plain NumPy; rows must
        not depend on each other. In a regressor both arguments have the shape (n,). In a classifier
        both have the shape (n, n_classes): `y_true` is one-hot, with columns in the order of
        ``classes_``, and `y_pred` holds raw scores, or probabilities with
        ``inverse_link="softmax"``. The two scores of a binary problem are ``-decision / 2`` and
        ``decision / 2``.
    gradient : callable, default=None
        ``gradient(y_true, y_pred)``, the derivative of `function` in `y_pred`, of its shape. It
        saves evaluations, and is checked on a few rows. None: found numerically.
    hessian : callable, default=None
        ``hessian(y_true, y_pred)``, the second derivative, of shape (n,); for regressors without
        `inverse_link`. None: found numerically.
    inverse_link : {None, "exp", "softmax"} or callable, default=None
        Turns the raw prediction of the model into `y_pred`, and into what `predict` returns. None
        leaves it, "exp" makes it positive, "softmax" (classifiers only) makes probabilities; a
        callable works element by element.
    convex : bool, default=False
        Whether the loss is convex in the raw prediction; it is not checked. True lets Newton's
        method take the loss, and is wrong for a loss that is not convex.

    See Also
    --------
    sklearn_losses.testing.check_loss : Finds faults in a loss.
    sklearn_losses.losses.ResidualLoss : Base class for a loss of the residual with derivatives of
        your own.
    sklearn_losses.losses.MarginLoss : Base class for a loss of classification margins.
    sklearn_losses.losses.Loss : Base class of all losses.

    Notes
    -----
    Where the function is analytic in NumPy (no `abs`, no comparison of `y_pred`), the complex step
    [1]_ gives the gradient to rounding error with one evaluation per output; elsewhere central
    differences do, with two.

    References
    ----------
    .. [1] Squire and Trapp, "Using complex variables to estimate derivatives of real functions",
           SIAM Review 40 (1998).

    Examples
    --------
    A prediction that is too low costs three times as much as one that is too high:

    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> def cost(y_true, y_pred):
    ...     error = y_true - y_pred
    ...     return np.where(error > 0, 3 * error**2, error**2)
    >>> X, y = load_diabetes(return_X_y=True)
    >>> for loss in ("mse", cost):
    ...     print(round(float(LossRegressor(loss, alpha=0).fit(X, y).predict(X).mean())))
    152
    176
    """

    task = None  # either
    parameter_constraints = {"convex": Options(True, False)}

    def __init__(
        self,
        function: Callable[..., Any],
        gradient: Callable[..., Any] | None = None,
        hessian: Callable[..., Any] | None = None,
        inverse_link: str | Callable[..., Any] | None = None,
        convex: bool = False,
    ) -> None:
        self.function = function
        self.gradient = gradient
        self.hessian = hessian
        self.inverse_link = inverse_link
        self.convex = convex

    def check(self) -> None:
        super().check()
        for name in ("function", "gradient", "hessian"):
            value = getattr(self, name)
            if not callable(value) and (name == "function" or value is not None):
                raise ValueError(f"The {name!r} parameter of CustomLoss must be a function of (y_true, y_pred). Got {value!r}.")
        if not callable(self.inverse_link) and self.inverse_link not in (None, *_LINKS):
            raise ValueError(
                "The 'inverse_link' parameter of CustomLoss must be None, 'exp', 'softmax' or a function. "
                f"Got {self.inverse_link!r}."
            )
        if self.hessian is not None and self.inverse_link is not None:
            raise ValueError("CustomLoss takes a hessian only with inverse_link=None; leave one of them out.")

    def bind(self, y: Targets, n_outputs: int, task: str) -> Loss:
        """Make the loss for the data at hand: check the function, choose how to differentiate it.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Targets, or integer codes of classes.
        n_outputs : int
            Raw predictions per row.
        task : {"regression", "classification"}
            What the loss is for.

        Returns
        -------
        Loss
            The loss that a fit minimises.

        Raises
        ------
        ValueError
            If the function returns a scalar or another shape, mixes rows, changes its input, has no
            finite value for a row or does not depend on the prediction, or if `gradient` is not its
            derivative.
        """
        if task == "classification":
            if self.inverse_link not in (None, "softmax"):
                raise ValueError("In LossClassifier the inverse_link of CustomLoss must be None (raw scores) or 'softmax'.")
            bound = DifferentiatedScores(self, n_outputs)
        elif self.inverse_link == "softmax":
            raise ValueError(
                "inverse_link='softmax' makes class probabilities, which LossClassifier uses; here take 'exp' or None."
            )
        else:
            bound = DifferentiatedPrediction(self, _spread(y) if self.inverse_link is None else 1.0)
        in_units = task != "classification" and self.inverse_link is None
        numbers = np.linspace(0, len(y) - 1, num=8).astype(int)
        rows = y[numbers]
        noise = bound.scale * np.random.default_rng(0).standard_normal((8, n_outputs) if n_outputs > 1 else 8)
        near = noise + np.median(y) if in_units else noise
        bound.check_contract(rows, near)
        center = rows.astype(np.float64) if in_units else np.zeros(8)
        far = [(center if n_outputs == 1 else 0.0) + bound.scale * size + noise for size in _FAR]
        bound.check_faults(numbers, rows, [near, np.roll(near, 1, axis=0), *far])
        bound.complex_step = self.gradient is None and bound.complex_step_agrees(rows, near)
        if n_outputs == 1:
            bound.jump = bound.slope_jump(rows, center, 4 * bound.scale)
        return bound


Loss.of_function = CustomLoss
