"""The mean of the best part of the rows: the rest is given up as not of this model."""

from typing import Any

import numpy as np

from sklearn_losses.core.component import Integer, Interval
from sklearn_losses.losses.annotations import AnyLoss, FloatArray, Targets, derived
from sklearn_losses.losses.base import Loss
from sklearn_losses.losses.composite import CompositeOfOne
from sklearn_losses.losses.redescending import START

__all__ = ["Trimmed"]


class Trimmed(CompositeOfOne):
    """The mean of the best part of the rows, of any loss: rows that fit worst do not count [1]_.

    With "mse" that is least trimmed squares, which tolerates gross errors in up to ``1 - share`` of
    the rows. `fit` alternates [2]_ between the model for the rows that are kept and the rows that
    the model fits best, which lowers the trimmed mean at each step, until neither changes; for a
    loss of a residual it begins as `start` says, else with the loss of all rows. Not convex: more
    starts (`n_init`) may find better. Everything else (alpha, `loss_`, the solver, certificates) is
    that of the loss on the rows that are kept. The attribute `row_weights_` of the estimator says
    which these are: 1 for a row that counts, 0 for one that is left out, and a share for the one at
    the boundary.

    Parameters
    ----------
    loss : str or Loss, default="mse"
        One that learns no constants.
    share : float, default=0.75
        The part of the rows that counts, by weight, in (0, 1]; 1 is the plain mean.
    n_steps : int, default=30
        Number of alternations at the most.
    n_init : int, default=1
        Number of starts; the further ones give the rows random weights.
    start : "resistant" or "mae", default="resistant"
        For losses of a residual: "resistant" is an S-estimate on which outliers in X have no
        influence, see `Redescending`; "mae" are the least absolute deviations.

    References
    ----------
    .. [1] Rousseeuw, "Least median of squares regression", JASA 79 (1984), section 4.
    .. [2] Rousseeuw and Van Driessen, "Computing LTS regression for large data sets", Data Mining
       and Knowledge Discovery 12 (2006), theorem 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.losses import Trimmed
    >>> X = np.arange(10.0)[:, None]
    >>> y = 2 * X[:, 0] + 1
    >>> y[[1, 8]] = 1000.0
    >>> LossRegressor(Trimmed("mse", share=0.8), alpha=0).fit(X, y).coef_.round(6)
    array([2.])
    """

    parameter_constraints = {
        "share": Interval(0.0, 1.0, closed="right"), "n_steps": Integer(1), "n_init": Integer(1), "start": START,
    }  # fmt: skip
    convex = False
    smooth = False
    has_hessian = False

    def __init__(
        self, loss: AnyLoss = "mse", share: float = 0.75, n_steps: int = 30, n_init: int = 1, start: str = "resistant"
    ) -> None:
        self.loss = loss
        self.share = share
        self.n_steps = n_steps
        self.n_init = n_init
        self.start = start

    @derived
    def resistant(self) -> bool | None:
        return self.start == "resistant" if getattr(self.inner, "residual", False) else None

    def with_parts(self, parts: tuple[Any, ...]) -> Loss:
        return Trimmed(parts[0], self.share, self.n_steps, self.n_init, self.start)

    @property
    def name(self) -> str:
        return f"Trimmed({self.inner.name})"

    def kept(self, losses: FloatArray, sample_weight: FloatArray) -> FloatArray:
        """The weights that the rows keep: all of the best ones, part of the last, none beyond.

        Parameters
        ----------
        losses, sample_weight : ndarray of shape (n,)

        Returns
        -------
        ndarray of shape (n,)
        """
        order = np.argsort(losses, kind="stable")
        before = np.cumsum(sample_weight[order]) - sample_weight[order]
        weights = np.clip(self.share * sample_weight.sum() - before, 0, sample_weight[order])
        weights[weights < 1e-9 * sample_weight[order]] = 0  # a rounding error of the sum is no row
        kept = np.empty_like(weights)
        kept[order] = weights
        return kept

    def value(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self.inner.value(y, raw)

    def gradient(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self.inner.gradient(y, raw)

    def bind(self, y: Targets, n_outputs: int, task: str) -> Loss:
        raise ValueError(f"{self.name} looks at all rows: it must be the outermost loss, and is for fit, not for partial_fit.")
