"""The strength of the penalty: a number, or "auto", the same share of the loss in any unit.

Let L be the mean loss of the best constant prediction and s the standard deviation of the target.
With "auto" the penalty is

    SHARE * L * ( (1 - l1_ratio)/2 * |w / s|^2 + l1_ratio * |w / s|_1 )

for a loss whose raw predictions are in the units of the target, and the same without s for one with
another link. This is the formula of the objective with

    alpha = SHARE * ( (1 - l1_ratio) * L / s^2 + l1_ratio * L / s )

and l1_ratio the share of the second term in it. So a fit of c * y gives c times the coefficients
where the loss is homogeneous, twice the loss gives the same fit, and for the squared error without
an L1 part alpha is SHARE. For classes L is 1; under costs it is their size (`costs.cost_unit`).
"""

from typing import Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.core.penalties import ElasticNet
from sklearn_losses.losses.base import Loss
from sklearn_losses.losses.targets import EachTarget, MeanOverTargets

__all__ = ["Strength", "Units"]

SHARE = 1e-4
LEAST_SPREAD = 1e-13  # of a target, as a share of its size; less is a rounding error
_PROBE = np.array([-1.0, 0.5, 2.0])


class Units(NamedTuple):
    """What turns a share of the loss into a strength.

    Parameters
    ----------
    ridge : float
        L / s**2 for half the squared weights.
    lasso : float
        L / s for their absolute values.
    hidden : float
        s: a weight of a hidden layer has no unit of the target, so it counts s times.
    """

    ridge: float = 1.0
    lasso: float = 1.0
    hidden: float = 1.0

    @classmethod
    def of(cls, loss: Loss, y: Any, sample_weight: NDArray[Any]) -> Self:
        """The units of a loss that is bound to the data, and calibrated.

        With several targets they are the smallest that a target has alone: none is penalised more
        than in a fit of its own. All are 1 for classes and rankings, and where nothing can be
        measured (a constant target, a loss of 0, an overflow).

        Parameters
        ----------
        loss : Loss
        y : ndarray of shape (n,) or (n, n_targets), or Queries
        sample_weight : ndarray of shape (n,)
        """
        if loss.task != "regression":
            return cls()
        with np.errstate(all="ignore"):
            alone = [_of_target(own, target, sample_weight) for own, target in _targets(loss, y)]
        known = [units for units in alone if np.all(np.isfinite(units)) and min(units) > 0]
        return cls(*np.min(known, axis=0).tolist()) if known else cls()


class Strength(NamedTuple):
    """The strength that a fit uses.

    `alpha` and `l1_ratio` are those of the formula, `hidden` is the factor of the weights of hidden
    layers.

    `relative` is the strength of the quadratic part, in units of the loss where alpha is "auto".
    """

    alpha: float
    l1_ratio: float
    hidden: float
    relative: float

    @classmethod
    def of(cls, alpha: float | Literal["auto"], l1_ratio: float, units: Units | None = None) -> Self:
        """From the parameters of an estimator.

        Parameters
        ----------
        alpha : float or "auto"
        l1_ratio : float
        units : Units, default=None
            What "auto" needs; None for a loss without units, as for classes.
        """
        l1_ratio = float(l1_ratio)
        if alpha != "auto":
            return cls(float(alpha), l1_ratio, 1.0, float(alpha) * (1 - l1_ratio))
        units = Units() if units is None else units
        ridge, lasso = (1 - l1_ratio) * units.ridge, l1_ratio * units.lasso
        return cls(SHARE * (ridge + lasso), lasso / (ridge + lasso), units.hidden, SHARE * (1 - l1_ratio))

    def penalty(self, factors: NDArray[Any]) -> ElasticNet:
        """The penalty with these factors of the parameters."""
        return ElasticNet(self.alpha, self.l1_ratio, factors)


def _targets(loss, y):
    """Each target's own loss, and the target."""
    several = isinstance(loss, (MeanOverTargets, EachTarget))
    return list(zip(loss.by_target, y.T, strict=True)) if several else [(loss, y)]


def _of_target(loss, y, sample_weight):
    mean_loss = loss.null_loss(y, sample_weight)
    if not _in_units_of_target(loss):
        return Units(mean_loss, mean_loss, 1.0)
    center = np.average(y, weights=sample_weight)
    size = np.max(np.abs(y - center))
    if not size > LEAST_SPREAD * abs(center):
        return Units(0.0, 0.0, 0.0)
    # Squares of a target in units of a power of two neither overflow nor lose a digit.
    size = np.ldexp(1.0, int(np.frexp(size)[1]))
    variance = np.average(((y - center) / size) ** 2, weights=sample_weight)
    deviation = np.sqrt(variance)
    if not mean_loss > 0 and not loss.n_constants:
        # A loss that falls below 0 has no size of its own; its slope at the best constant times the
        # spread has.
        constant = np.full(len(y), loss.best_constant(y, sample_weight, 1)[0])
        mean_loss = np.average(np.abs(loss.gradient(y, constant)), weights=sample_weight) * size * deviation
    return Units(mean_loss / size / size / variance, mean_loss / size / deviation, size * deviation)


def _in_units_of_target(loss):
    """Whether the raw predictions are the predictions: the loss has no link."""
    return np.array_equal(loss.inverse_link(_PROBE), _PROBE)
