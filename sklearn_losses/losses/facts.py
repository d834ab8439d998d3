"""The facts of a loss: what solvers and estimators may take for granted of its mathematics."""

from typing import NamedTuple

__all__ = []


class Kink(NamedTuple):
    r"""One kink of a piecewise linear curve: a position, and the slopes to its left and right.

    It stands for the curve

    .. math::

        \max\bigl(l\,(t - p),\ r\,(t - p)\bigr)

    of a number :math:`t`, with :math:`p` the position and :math:`l < r` the slopes to its left and
    right. A curve with several kinks is their sum.

    Parameters
    ----------
    position : float
        Where the kink is, in units of the residual or the margin.
    left : float
        Slope to the left of it.
    right : float
        Slope to the right of it, larger than `left`.

    See Also
    --------
    sklearn_losses.losses.PiecewiseLinear : Base class of losses that are defined by their kinks.
    sklearn_losses.losses.Quantile : A loss with one kink.

    Examples
    --------
    >>> from sklearn_losses.losses import MAE, EpsilonInsensitive
    >>> MAE().kinks
    (Kink(position=0.0, left=-1.0, right=1.0),)
    >>> [kink.position for kink in EpsilonInsensitive(0.5).kinks]
    [-0.5, 0.5]
    """

    position: float
    left: float
    right: float


class Facts:
    """What is true of a loss, as class attributes with the values of most losses.

    Attributes
    ----------
    task : {"regression", "classification", "ranking"}
        Which estimator takes it.
    smooth : bool
        The gradient is continuous. Solvers that need that get ``smoothed(width)`` where it is not.
    convex : bool
        Convex in `raw`.
    has_hessian : bool
        `hessian` and `hessian_product` are there. It follows from what a class defines (`hessian`,
        `hessian_product`, or the `curvature` of a curve); a class that defines one and has none
        after all states False.
    hessian_bound : bool
        They give no second derivative but a bound on it from above that is never negative, as in
        iteratively reweighted least squares: Newton's method then takes a loss that is not convex.
    quadratic : bool
        A square of each raw output, plus what is linear in it: `hessian` is the same at every
        `raw`, and one system of equations gives the minimum.
    has_probabilities : bool
        `inverse_link` gives class probabilities.
    shift_invariant : bool
        Adding one number to all K > 1 raw outputs of a row changes nothing, as for softmax.
    has_minimizer : bool
        A row's loss has a minimum; that of cross-entropy falls for ever as the score of its class
        grows.
    rowwise : bool
        The loss of a row depends on its own raw prediction alone; ranking losses look at all rows
        of a query.
    kinks : tuple of Kink
        The bends of a loss made of straight pieces; empty for all others.
    max_affine : float
        The loss is this number times the largest of the entries of ``violations(y, raw)``, (n, K),
        as for Crammer and Singer; 0 where it is no such maximum.
    residual : bool
        For one real target, a function of ``y - raw`` alone.
    positive_target : bool
        Targets must not be negative.
    soft_labels : bool
        A classification loss that takes probabilities as targets by itself; others get their
        expectation, see `SoftLabels`.
    needs_gains : bool
        Relevances must not be negative, and must be whole numbers for gains ``2**relevance - 1``.
    """

    task: str | None = None
    smooth: bool = True
    convex: bool = True
    has_hessian: bool = False
    hessian_bound: bool = False
    quadratic: bool = False
    has_probabilities: bool = False
    shift_invariant: bool = False
    has_minimizer: bool = True
    rowwise: bool = True
    kinks: tuple[Kink, ...] = ()
    max_affine: float = 0.0
    residual: bool = False
    positive_target: bool = False
    soft_labels: bool = False
    needs_gains: bool = False
