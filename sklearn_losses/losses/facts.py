"""The facts of a loss: what solvers and estimators may take for granted of its mathematics."""

from typing import NamedTuple

__all__ = []


class Kink(NamedTuple):
    """One bend of a piecewise linear curve.

    It is ``max(left * (t - position), right * (t - position))`` with left < right.
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
