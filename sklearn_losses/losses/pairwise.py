"""Hinge losses of the pairs of a query, found by sorting instead of looking at each pair."""

import numpy as np

from sklearn_losses.core.queries import Queries
from sklearn_losses.losses.annotations import FloatArray
from sklearn_losses.losses.base import Loss
from sklearn_losses.losses.curves import Kink, MarginLoss, PiecewiseLinear
from sklearn_losses.losses.ranking import RankingLoss, _inverse

__all__ = ["PairwiseHinge", "SquaredPairwiseHinge"]


def active_sums(y: Queries, scores: FloatArray, margin: float, payload: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Sums over the rows that a row forms a pair within the margin with.

    Such a pair has ``s_i - s_j < margin``, i more relevant. Rows of different relevance differ
    first in some bit of the number of their level. For each bit, rows that agree in the higher ones
    are merged by score, and cumulative sums give what lies on the right side of each row: n log n
    operations per bit (the idea of Lee and Lin, Neural Computation 26 (2014), with sorts in place
    of trees).

    Parameters
    ----------
    y : Queries
    scores : ndarray of shape (n,)
    margin : float
    payload : ndarray of shape (n, m)
        What is summed, copies included.

    Returns
    -------
    lower, higher : ndarray of shape (n, m)
        Sums over a row's less relevant and over its more relevant partners.
    """
    lower, higher = np.zeros_like(payload), np.zeros_like(payload)
    span = int(y.level.max(initial=0)) + 1
    for bit in range((span - 1).bit_length()):
        high = (y.level >> bit) & 1
        family = y.query * span + (y.level >> (bit + 1))
        # At the margin itself the more relevant row comes last: such a pair is not active.
        order = np.lexsort((high, scores - margin * high, family))
        is_high = high[order].astype(bool)
        starts = np.flatnonzero(np.concatenate([[True], np.diff(family[order]) != 0]))
        sizes = np.diff(np.append(starts, len(order)))
        values = payload[order]
        of_low, of_high = np.where(is_high[:, None], 0.0, values), np.where(is_high[:, None], values, 0.0)
        low_total = np.repeat(np.add.reduceat(of_low, starts, axis=0), sizes, axis=0)
        lower[order[is_high]] += (low_total - _running(of_low, starts, sizes))[is_high]
        higher[order[~is_high]] += _running(of_high, starts, sizes)[~is_high]
    return lower, higher


def _running(values, starts, sizes):
    """Cumulative sums that start anew at `starts`."""
    total = np.cumsum(values, axis=0)
    return total - np.repeat(total[starts] - values[starts], sizes, axis=0)


def _centred(y, scores):
    """Scores less the mean of their query.

    Pairs stay as they are, and sums of squares lose fewer digits.
    """
    return scores - y.spread(y.sum(scores) / y.lengths)


def _squared_hinges(y, scores, margin):
    """Sums of ``max(0, margin - (s_i - s_j))**2`` over the pairs of each query, and the
    gradient.
    """
    s, copies = _centred(y, scores), y.multiplicity
    payload = np.stack([copies, copies * s, copies * s * s], axis=1)
    lower, higher = active_sums(y, s, margin, payload)
    short, long = margin - s, margin + s
    value = y.sum(copies * (short * short * lower[:, 0] + 2 * short * lower[:, 1] + lower[:, 2]))
    pulled = long * higher[:, 0] - higher[:, 1] - short * lower[:, 0] - lower[:, 1]
    return np.maximum(value, 0), 2 * copies * pulled


def _squared_hinges_curve(y, scores, margin, directions):
    copies = y.multiplicity[:, None]
    lower, higher = active_sums(y, _centred(y, scores), margin, np.hstack([copies, copies * directions]))
    return 2 * copies * (directions * (lower[:, :1] + higher[:, :1]) - lower[:, 1:] - higher[:, 1:])


class SquaredPairwiseHinge(RankingLoss, name="squared_pairwise_hinge"):
    r"""Squared hinge of pairs of rows: a smooth ranking SVM for long queries.

    Choose it for queries with many rows: it needs :math:`n \log n` operations for :math:`n` rows
    with a few grades, by sorting [2]_. For a query it is the mean over its pairs :math:`(i, j)` of
    which :math:`i` is more relevant [1]_:

    .. math::

        \ell(y, s) = \frac{1}{|P|} \sum_{(i, j) \in P} \max(0,\ 1 - (s_i - s_j))^2

    with :math:`s` the scores and :math:`P` the set of these pairs. It is convex and smooth, and
    ``solver="newton"`` finds the exact minimum of a linear model. In `LossRanker` it is
    ``loss="squared_pairwise_hinge"``.

    See Also
    --------
    sklearn_losses.losses.PairwiseHinge : The hinge without the square.
    sklearn_losses.losses.RankNet : A logistic loss of the same pairs.

    References
    ----------
    .. [1] Chapelle and Keerthi, "Efficient algorithms for ranking with SVMs", Information Retrieval
           13 (2010).
    .. [2] Lee and Lin, "Large-scale linear RankSVM", Neural Computation 26 (2014).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses import LossRanker, make_ranking
    >>> from sklearn_losses.core.queries import Queries
    >>> from sklearn_losses.losses import SquaredPairwiseHinge
    >>> queries = Queries(np.array([2.0, 1.0, 0.0]), np.array([0, 3]))
    >>> scores = np.array([3.0, 1.0, 1.0])  # the pairs have the differences 2, 2 and 0
    >>> SquaredPairwiseHinge().value(queries, scores).round(4)
    array([0.3333])
    >>> X, y, qid = make_ranking(random_state=0)
    >>> LossRanker("squared_pairwise_hinge").fit(X, y, qid=qid).converged_
    True
    """

    def evaluate(self, y: Queries, scores: FloatArray) -> tuple[FloatArray, FloatArray]:
        value, gradient = _squared_hinges(y, scores, 1.0)
        scale = _inverse(y.pairs)
        return value * scale, gradient * y.spread(scale)

    def hessian_columns(self, y: Queries, scores: FloatArray, directions: FloatArray) -> FloatArray:
        return _squared_hinges_curve(y, scores, 1.0, directions) * y.spread(_inverse(y.pairs))[:, None]


class PairwiseHinge(RankingLoss, name="pairwise_hinge"):
    r"""Hinge of pairs of rows, as in the ranking SVM: pairs in clear order have no influence.

    Choose it where pairs that are clearly in order should not act on the fit. For a query it is the
    mean over its pairs :math:`(i, j)` of which :math:`i` is more relevant [1]_:

    .. math::

        \ell(y, s) = \frac{1}{|P|} \sum_{(i, j) \in P} \max(0,\ 1 - (s_i - s_j))

    with :math:`s` the scores and :math:`P` the set of these pairs. It is convex and has kinks. It
    needs :math:`n \log n` operations for a query of :math:`n` rows with a few grades. In
    `LossRanker` it is ``loss="pairwise_hinge"``.

    See Also
    --------
    sklearn_losses.losses.SquaredPairwiseHinge : The smooth form, for large data.
    sklearn_losses.losses.RankNet : A logistic loss of the same pairs.

    Notes
    -----
    A linear fit ends on the exact minimum where the differences of all pairs fit into 40 MB.
    Beyond, it comes close to it by smoothed losses, and ``dual_gap_`` bounds what is left:
    ``tol=1e-4`` is then a reasonable request.

    References
    ----------
    .. [1] Joachims, "Optimizing search engines using clickthrough data", KDD 2002.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses import LossRanker, make_ranking
    >>> from sklearn_losses.core.queries import Queries
    >>> from sklearn_losses.losses import PairwiseHinge
    >>> queries = Queries(np.array([2.0, 1.0, 0.0]), np.array([0, 3]))
    >>> scores = np.array([3.0, 1.0, 1.5])  # the pairs have the differences 2, 1.5 and -0.5
    >>> PairwiseHinge().value(queries, scores).round(4)
    array([0.5])
    >>> X, y, qid = make_ranking(random_state=0)
    >>> LossRanker("pairwise_hinge").fit(X, y, qid=qid).converged_
    True
    """

    smooth = False
    kinks = (Kink(1.0, -1.0, 0.0),)  # of each pair's difference

    def evaluate(self, y: Queries, scores: FloatArray) -> tuple[FloatArray, FloatArray]:
        s, copies = _centred(y, scores), y.multiplicity
        lower, higher = active_sums(y, s, 1.0, np.stack([copies, copies * s], axis=1))
        value = y.sum(copies * ((1 - s) * lower[:, 0] + lower[:, 1]))
        scale = _inverse(y.pairs)
        return np.maximum(value, 0) * scale, copies * (higher[:, 0] - lower[:, 0]) * y.spread(scale)

    def smoothed(self, width: float) -> Loss:
        return SmoothedPairwiseHinge(width)

    def smoothing_error(self, width: float, n_outputs: int) -> float:
        return width / 4


class OfDifferences(PiecewiseLinear, MarginLoss):
    """A piecewise linear pair loss as a loss of the difference of two rows.

    The more relevant row comes first.

    Parameters
    ----------
    kinks : tuple of Kink
    """

    kinks: tuple[Kink, ...] = ()

    def __init__(self, kinks: tuple[Kink, ...]) -> None:
        self.kinks = kinks


class SmoothedPairwiseHinge(RankingLoss):
    """The pairwise hinge averaged over differences of scores +- `width`.

    It is the difference of two squared hinges.

    Parameters
    ----------
    width : float
    """

    def __init__(self, width: float) -> None:
        self.width = width

    @property
    def label(self) -> str:
        return PairwiseHinge.name

    def evaluate(self, y: Queries, scores: FloatArray) -> tuple[FloatArray, FloatArray]:
        (wide, wide_gradient), (narrow, narrow_gradient) = (
            _squared_hinges(y, scores, 1 + shift) for shift in (self.width, -self.width)
        )
        scale = _inverse(y.pairs) / (4 * self.width)
        return (wide - narrow) * scale, (wide_gradient - narrow_gradient) * y.spread(scale)

    def hessian_columns(self, y: Queries, scores: FloatArray, directions: FloatArray) -> FloatArray:
        wide, narrow = (_squared_hinges_curve(y, scores, 1 + shift, directions) for shift in (self.width, -self.width))
        return (wide - narrow) * y.spread(_inverse(y.pairs) / (4 * self.width))[:, None]
