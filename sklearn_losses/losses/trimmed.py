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
    r"""Mean loss of the best share of the rows, for any loss: ignores the rows that fit worst.

    Choose it where a part of the rows does not belong to the model. With ``"mse"`` it is least
    trimmed squares [1]_. It minimises

    .. math::

        \frac{1}{h} \sum_{i=1}^{h} \ell_{(i)}, \qquad h = \beta n

    with :math:`\ell_{(1)} \le \ell_{(2)} \le \dots` the losses of the :math:`n` rows in order and
    :math:`\beta` the parameter `share`. It is not convex. A fit alternates between the model for
    the rows that are kept and the rows that the model fits best [2]_; each step lowers the
    objective. In an estimator it is ``loss=Trimmed("mse", share=0.75)``.

    Parameters
    ----------
    loss : str or Loss, default="mse"
        The loss of a row: a name, or a loss that learns no constants.
    share : float, default=0.75
        The share :math:`\beta` of the rows that is kept, by weight, in (0, 1]. A smaller one allows
        more wrong rows and uses fewer of the right ones; 1 is the plain mean.
    n_steps : int, default=30
        Maximum number of alternations, at least 1. More take more time and may find a lower
        objective.
    n_init : int, default=1
        Number of starts, at least 1; the further ones give the rows random weights. More take more
        time and may find a lower objective.
    start : {"resistant", "mae"}, default="resistant"
        For losses of a residual, where the fit begins. "resistant": an S-estimate on which outliers
        in the features have no influence, see `Redescending`. "mae": the least absolute deviations.
        Other losses begin with the fit of all rows.

    See Also
    --------
    sklearn_losses.losses.Tukey : Ignores rows by the size of their residual, smoothly.
    sklearn_losses.losses.CVaR : The opposite: the mean of the worst share.

    Notes
    -----
    The fitted attribute ``row_weights_`` of an estimator says which rows are kept: 1 for a row that
    counts, 0 for one that does not, and a share for the one at the boundary. All other attributes,
    such as ``loss_``, ``alpha_`` and ``dual_gap_``, are those of the loss on the rows that are
    kept.

    References
    ----------
    .. [1] Rousseeuw, "Least median of squares regression", JASA 79 (1984), section 4.
    .. [2] Rousseeuw and Van Driessen, "Computing LTS regression for large data sets", Data Mining
           and Knowledge Discovery 12 (2006), theorem 1.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.losses import Trimmed
    >>> X, y = (part[:200] for part in load_diabetes(return_X_y=True))
    >>> y[:20] += 5000  # wrong entries
    >>> model = LossRegressor(Trimmed("mse", share=0.9), alpha=0).fit(X, y)
    >>> float(model.row_weights_[:20].max())
    0.0
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
        """Whether the fit begins with the resistant start; None for losses of no residual."""
        return self.start == "resistant" if getattr(self.inner, "residual", False) else None

    def with_parts(self, parts: tuple[Any, ...]) -> Loss:
        return Trimmed(parts[0], self.share, self.n_steps, self.n_init, self.start)

    @property
    def name(self) -> str:
        return f"Trimmed({self.inner.name})"

    def kept(self, losses: FloatArray, sample_weight: FloatArray) -> FloatArray:
        """Return the weights that the rows keep: all of the best ones and part of the last.

        Parameters
        ----------
        losses : ndarray of shape (n,)
            The loss of each row.
        sample_weight : ndarray of shape (n,)
            Weights of the rows.

        Returns
        -------
        ndarray of shape (n,)
            The weights, whose sum is `share` of that of `sample_weight`.
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
        raise ValueError(
            f"{self.name} looks at all rows at once: it cannot stand inside another loss, and partial_fit cannot use it; "
            "use fit."
        )
