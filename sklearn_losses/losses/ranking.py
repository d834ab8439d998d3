"""Ranking losses: functions of all scores of a query at once.

`y` is a `Queries`, relevances grouped by query, and `raw` holds one score per row. `value` returns one number per query (times
the query's weight) and `gradient` the derivative of their sum in each score. A row with `copies` above 1 counts as that many
equal rows: a pair counts with the product of the two.

Pairs are those of a more relevant with a less relevant row of the same query, and a pair loss is their mean. Losses of
softmax form and the hinges cost n log n operations; `RankNet` and its relatives look at every pair, a block at a time.
"""

from abc import abstractmethod

import numpy as np
from scipy.special import expit

from sklearn_losses.core.component import Integer, Interval, Options
from sklearn_losses.core.queries import discount, gains
from sklearn_losses.losses.base import Kink, Loss, MarginLoss, PiecewiseLinear

__all__ = [
    "ApproxNDCG",
    "LambdaLoss",
    "LambdaRank",
    "ListMLE",
    "ListNet",
    "PairwiseHinge",
    "RankNet",
    "RankingLoss",
    "SquaredPairwiseHinge",
    "XENDCG",
]

LARGEST_GRADE = 100  # 2**relevance stays far from overflow
TIE = 1e-9  # scores closer than this share of the query's range are tied: equal rows differ by rounding


class RankingLoss(Loss):
    """Base class: subclasses give `evaluate` and, where they are convex, `curve`."""

    task = "ranking"
    rowwise = False

    @abstractmethod
    def evaluate(self, y, scores):
        """Values (n_queries,) and gradient (n,), without the weights of the queries; `scores` is float64."""

    def curve(self, y, scores, directions):
        """The second derivative applied to the columns of `directions`, (n, m)."""
        return super().hessian(y, scores)

    def value(self, y, raw):
        return self.value_and_gradient(y, raw)[0]

    def gradient(self, y, raw):
        return self.value_and_gradient(y, raw)[1]

    def value_and_gradient(self, y, raw):
        value, gradient = self.evaluate(y, raw.astype(np.float64))
        if y.weight is not None:
            value, gradient = value * y.weight, gradient * y.spread(y.weight)
        return value, gradient.astype(raw.dtype, copy=False)

    def hessian_product(self, y, raw, direction):
        columns = direction.reshape(len(raw), -1).astype(np.float64)
        curved = self.curve(y, raw.astype(np.float64), columns)
        if y.weight is not None:
            curved = curved * y.spread(y.weight)[:, None]
        return curved.reshape(direction.shape).astype(raw.dtype, copy=False)

    def hessian_matrix(self, y, raw):
        """The second derivative as one matrix (n, n), for few rows."""
        return self.hessian_product(y, raw, np.eye(len(raw)))

    def hessian(self, y, raw):
        """The diagonal of `hessian_matrix`, for few rows."""
        return np.diag(self.hessian_matrix(y, raw))

    def _slope_along(self, y, point, direction):
        return y.sum(self.gradient(y, point) * direction)

    def best_constant(self, y, sample_weight, n_outputs):
        return np.zeros(n_outputs)  # differences of scores alone count

    def check_target(self, y):
        if not self.needs_gains:
            return
        relevance = y.relevance
        if np.any(relevance < 0):
            raise ValueError(
                f"loss {self.label!r} works with gains and needs relevances of at least 0; the least is {relevance.min():g}. "
                "Shift them, or use loss='ranknet', which needs their order alone."
            )
        odd = (relevance != np.round(relevance)) | (relevance > LARGEST_GRADE)
        if self.gain == "exp2" and odd.any():
            raise ValueError(
                f"loss {self.label!r} with gain='exp2' (2**relevance - 1) needs grades, whole numbers from 0 to "
                f"{LARGEST_GRADE}; got {relevance[odd][0]:g}. Use gain='linear'."
            )


_GAIN = Options("exp2", "linear")
_MAX_RANK = Options(Integer(1), None)


class RankNet(RankingLoss, name="ranknet", aliases=("pairwise_logistic",)):
    """``log(1 + exp(-(s_i - s_j)))``, the mean over the pairs with i more relevant than j (Burges et al. 2005 [1]_).

    With one query and a binary y this is a smooth stand-in for 1 - AUC. Every pair is looked at: n^2 operations for a query
    of n rows, memory linear in n.

    References
    ----------
    .. [1] Burges et al., "Learning to rank using gradient descent", ICML 2005, equation 3.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import RankNet
    >>> from sklearn_losses.core.queries import Queries
    >>> RankNet().value(Queries(np.array([1.0, 0.0]), np.array([0, 2])), np.array([0.0, 0.0])).round(4)
    array([0.6931])
    """

    has_minimizer = False  # falls for ever where every pair is in order

    def pair_weights(self, y, scores):
        """A function of two arrays of row numbers that gives the weights of their pairs; None for equal ones."""
        return None

    def _blocks(self, y, scores):
        """Rows, others, and the weights and differences of scores of their pairs, block by block."""
        weigh = self.pair_weights(y, scores)
        relevance = y.relevance
        for rows, valid, others, others_valid in y.pair_blocks():
            weight = relevance[rows][:, :, None] > relevance[others][:, None, :]
            weight &= valid[:, :, None] & others_valid[:, None, :]
            if y.copies is not None:
                weight = weight * (y.copies[rows][:, :, None] * y.copies[others][:, None, :])
            if weigh is not None:
                weight = weight * weigh(rows[:, :, None], others[:, None, :])
            yield rows, valid, others, others_valid, weight, scores[rows][:, :, None] - scores[others][:, None, :]

    def evaluate(self, y, scores):
        total, gradient = np.zeros(len(y)), np.zeros(y.n_rows)
        for rows, valid, others, others_valid, weight, difference in self._blocks(y, scores):
            small = np.exp(-np.abs(difference))
            loss = np.log1p(small)
            loss -= np.minimum(difference, 0)
            loss *= weight
            total[y.query[others[:, 0]]] += loss.sum(axis=(1, 2))
            slope = np.where(difference > 0, small, 1.0)
            slope /= 1 + small
            slope *= weight
            gradient[rows[valid]] -= slope.sum(axis=2)[valid]
            gradient[others[others_valid]] += slope.sum(axis=1)[others_valid]
        scale = _inverse(y.pairs)
        return total * scale, gradient * y.spread(scale)

    def curve(self, y, scores, directions):
        product = np.zeros_like(directions)
        for rows, valid, others, others_valid, weight, difference in self._blocks(y, scores):
            small = np.exp(-np.abs(difference))
            bend = weight * small / (1 + small) ** 2
            left, right = directions[rows], directions[others]
            product[rows[valid]] += (bend.sum(axis=2)[:, :, None] * left - bend @ right)[valid]
            back = bend.sum(axis=1)[:, :, None] * right - bend.transpose(0, 2, 1) @ left
            product[others[others_valid]] += back[others_valid]
        return product * y.spread(_inverse(y.pairs))[:, None]


def _inverse(values):
    return 1 / np.where(values > 0, values, 1.0)


class LambdaRank(RankNet, name="lambdarank"):
    """`RankNet` with each pair weighted by what swapping the two would change in the NDCG (Burges et al. 2006 [1]_).

    The weights ``|G_i - G_j| * |1/D(rank_i) - 1/D(rank_j)|``, with ``G = gain / largest DCG`` and ``D(k) = log2(1 + k)``,
    come from the current ranking. They are held fixed while the loss is minimised and then taken anew, starting from the
    minimum of `RankNet`, until the ranking no longer changes or five such rounds have not raised the NDCG of the training
    queries; the best round counts. Stochastic solvers take them at every step.

    Parameters
    ----------
    max_rank : int or None, default=30
        Ranks below this one have discount 0: the NDCG@k that counts. None: all ranks.
    gain : {"exp2", "linear"}, default="exp2"
        ``2**relevance - 1``, or the relevance itself.

    References
    ----------
    .. [1] Burges, Ragno and Le, "Learning to rank with nonsmooth cost functions", NIPS 2006.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import LambdaRank
    >>> from sklearn_losses.core.queries import Queries
    >>> y = Queries(np.array([1.0, 0.0]), np.array([0, 2]))
    >>> LambdaRank().value(y, np.array([1.0, 0.0])).round(4)  # log(1 + 1/e) times 1 - 1/log2(3)
    array([0.1156])
    """

    moving = True
    starts_from = "ranknet"
    needs_gains = True
    parameter_constraints = {"max_rank": _MAX_RANK, "gain": _GAIN}
    examples = ({"max_rank": 3}, {"max_rank": None, "gain": "linear"})

    def __init__(self, max_rank=30, gain="exp2"):
        self.max_rank = max_rank
        self.gain = gain

    @property
    def measure(self):
        return self.gain, self.max_rank

    def ranks(self, y, scores):
        """Rows above, and rows that share the place: of the ranking held fixed, or else of the current one."""
        return y.ranking_without_ties(scores) if y.reference_scores is None else y.ranking(y.reference_scores, TIE)

    def pair_weights(self, y, scores):
        gain = y.gains(self.gain, self.max_rank)
        worth = discount(*self.ranks(y, scores), self.max_rank)
        return lambda i, j: np.abs(gain[i] - gain[j]) * np.abs(worth[i] - worth[j])


class LambdaLoss(LambdaRank, name="lambdaloss"):
    """NDCG-Loss2++ of the LambdaLoss framework (Wang et al. 2018 [1]_): lambdarank's weights and a tighter bound's.

    The weights are ``|G_i - G_j| * (mu * |1/D(apart) - 1/D(apart + 1)| + |1/D(rank_i) - 1/D(rank_j)|)`` with
    ``apart = |rank_i - rank_j|``, held fixed and taken anew as for `LambdaRank`.

    Parameters
    ----------
    mu : float, default=10.0
        Weight of the bound's part, at least 0; 0 is lambdarank.
    max_rank : int or None, default=None
        Pairs of two rows ranked below this one do not count. None: all pairs.
    gain : {"exp2", "linear"}, default="exp2"

    References
    ----------
    .. [1] Wang et al., "The LambdaLoss framework for ranking metric optimization", CIKM 2018, equation 18.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import LambdaLoss
    >>> from sklearn_losses.core.queries import Queries
    >>> y = Queries(np.array([1.0, 0.0]), np.array([0, 2]))
    >>> LambdaLoss(mu=0.0).value(y, np.array([1.0, 0.0])).round(4)  # lambdarank
    array([0.1156])
    """

    parameter_constraints = LambdaRank.parameter_constraints | {"mu": Interval(0.0)}
    examples = ({"max_rank": 3, "mu": 2.0}, {"gain": "linear"})

    def __init__(self, mu=10.0, max_rank=None, gain="exp2"):
        super().__init__(max_rank, gain)
        self.mu = mu

    def pair_weights(self, y, scores):
        gain = y.gains(self.gain, self.max_rank)
        above, count = self.ranks(y, scores)
        worth, rank = discount(above, count, self.max_rank), above + (count + 1) / 2
        top = np.ones(y.n_rows, dtype=bool) if self.max_rank is None else rank <= self.max_rank

        def weigh(i, j):
            apart = np.maximum(np.abs(rank[i] - rank[j]), 1)
            bound = self.mu * (1 / np.log2(1 + apart) - 1 / np.log2(2 + apart)) * (top[i] | top[j])
            return np.abs(gain[i] - gain[j]) * (bound + np.abs(worth[i] - worth[j]))

        return weigh


# Hinges of pairs.


def active_sums(y, scores, margin, payload):
    """Sums over the rows that a row forms a pair within the margin with: ``s_i - s_j < margin``, i more relevant.

    Rows of different relevance differ first in some bit of the number of their level. For each bit, rows that agree in the
    higher ones are merged by score, and cumulative sums give what lies on the right side of each row: n log n operations
    per bit (the idea of Lee and Lin, Neural Computation 26 (2014), with sorts in place of trees).

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
    """Scores less the mean of their query: pairs do not notice and sums of squares lose fewer digits."""
    return scores - y.spread(y.sum(scores) / y.lengths)


def _squared_hinges(y, scores, margin):
    """Sums of ``max(0, margin - (s_i - s_j))**2`` over the pairs of each query, and the gradient."""
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
    """``max(0, 1 - (s_i - s_j))**2``, the mean over the pairs with i more relevant than j (Chapelle and Keerthi 2010 [1]_).

    n log n operations for a query of n rows with a few grades, by sorting [2]_.

    References
    ----------
    .. [1] Chapelle and Keerthi, "Efficient algorithms for ranking with SVMs", Information Retrieval 13 (2010).
    .. [2] Lee and Lin, "Large-scale linear RankSVM", Neural Computation 26 (2014).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import SquaredPairwiseHinge
    >>> from sklearn_losses.core.queries import Queries
    >>> y = Queries(np.array([2.0, 1.0, 0.0]), np.array([0, 3]))
    >>> SquaredPairwiseHinge().value(y, np.array([3.0, 1.0, 1.0])).round(4)  # margins 2, 2 and 0
    array([0.3333])
    """

    def evaluate(self, y, scores):
        value, gradient = _squared_hinges(y, scores, 1.0)
        scale = _inverse(y.pairs)
        return value * scale, gradient * y.spread(scale)

    def curve(self, y, scores, directions):
        return _squared_hinges_curve(y, scores, 1.0, directions) * y.spread(_inverse(y.pairs))[:, None]


class PairwiseHinge(RankingLoss, name="pairwise_hinge"):
    """``max(0, 1 - (s_i - s_j))``, the mean over the pairs with i more relevant than j: the ranking SVM [1]_.

    n log n operations for a query of n rows with a few grades. A linear fit ends on the exact optimum where the differences of
    all pairs fit into 40 MB; beyond, it closes in on it by smoothed losses, with ``dual_gap_`` for what is left: allow it
    ``tol=1e-4``, or take `SquaredPairwiseHinge`, which is smooth.

    References
    ----------
    .. [1] Joachims, "Optimizing search engines using clickthrough data", KDD 2002.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import PairwiseHinge
    >>> from sklearn_losses.core.queries import Queries
    >>> y = Queries(np.array([2.0, 1.0, 0.0]), np.array([0, 3]))
    >>> PairwiseHinge().value(y, np.array([3.0, 1.0, 1.5])).round(4)  # margins 2, 1.5 and -0.5
    array([0.5])
    """

    smooth = False
    has_hessian = False
    kinks = (Kink(1.0, -1.0, 0.0),)  # of each pair's difference

    def evaluate(self, y, scores):
        s, copies = _centred(y, scores), y.multiplicity
        lower, higher = active_sums(y, s, 1.0, np.stack([copies, copies * s], axis=1))
        value = y.sum(copies * ((1 - s) * lower[:, 0] + lower[:, 1]))
        scale = _inverse(y.pairs)
        return np.maximum(value, 0) * scale, copies * (higher[:, 0] - lower[:, 0]) * y.spread(scale)

    def smoothed(self, width):
        return SmoothedPairwiseHinge(width)

    def smoothing_error(self, width, n_outputs):
        return width / 4


class OfDifferences(PiecewiseLinear, MarginLoss):
    """A pair loss of straight pieces as a loss of the difference of two rows, the more relevant one first.

    Parameters
    ----------
    kinks : tuple of Kink
    """

    kinks = ()

    def __init__(self, kinks):
        self.kinks = kinks


class SmoothedPairwiseHinge(RankingLoss):
    """The pairwise hinge averaged over differences of scores +- `width`: two squared hinges, less each other.

    Parameters
    ----------
    width : float
    """

    def __init__(self, width):
        self.width = width

    @property
    def label(self):
        return PairwiseHinge.name

    def evaluate(self, y, scores):
        (wide, wide_gradient), (narrow, narrow_gradient) = (
            _squared_hinges(y, scores, 1 + shift) for shift in (self.width, -self.width)
        )
        scale = _inverse(y.pairs) / (4 * self.width)
        return (wide - narrow) * scale, (wide_gradient - narrow_gradient) * y.spread(scale)

    def curve(self, y, scores, directions):
        wide, narrow = (_squared_hinges_curve(y, scores, 1 + shift, directions) for shift in (self.width, -self.width))
        return (wide - narrow) * y.spread(_inverse(y.pairs) / (4 * self.width))[:, None]


# Losses of lists.


class _Softmax(RankingLoss):
    """Cross-entropy of the softmax of the scores against a distribution over the rows."""

    @abstractmethod
    def target(self, y):
        """The distribution of each query, (n,)."""

    def _softmax(self, y, scores):
        largest = y.max(scores)
        size = y.multiplicity * np.exp(scores - y.spread(largest))
        total = y.sum(size)
        return size / y.spread(total), largest + np.log(total)

    def evaluate(self, y, scores):
        target = self.target(y)
        share, log_total = self._softmax(y, scores)
        return y.sum(target * (y.spread(log_total) - scores)), share - target

    def curve(self, y, scores, directions):
        share = self._softmax(y, scores)[0][:, None]
        moved = share * directions
        return moved - share * y.spread(y.sum(moved))


class ListNet(_Softmax, name="listnet"):
    """Cross-entropy between ``softmax(relevance)`` and ``softmax(score)`` of a query (Cao et al. 2007 [1]_).

    References
    ----------
    .. [1] Cao et al., "Learning to rank: from pairwise approach to listwise approach", ICML 2007, with top-one probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import ListNet
    >>> from sklearn_losses.core.queries import Queries
    >>> ListNet().value(Queries(np.array([1.0, 0.0]), np.array([0, 2])), np.zeros(2)).round(4)
    array([0.6931])
    """

    def target(self, y):
        return y.keep("softmax", lambda: self._softmax(y, y.relevance)[0])


class XENDCG(_Softmax, name="xe_ndcg", aliases=("xendcg",)):
    """Cross-entropy against ``2**relevance - g``, normalised, with g uniform in [0, 1) (Bruch 2019 [1]_).

    A convex bound of the NDCG. The perturbations g are drawn once per fit.

    Parameters
    ----------
    gain : {"exp2", "linear"}, default="exp2"
        "linear": ``relevance + 1 - g``.

    References
    ----------
    .. [1] Bruch, "An alternative cross entropy loss for learning-to-rank", arXiv 1911.09798, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import XENDCG
    >>> from sklearn_losses.core.queries import Queries
    >>> XENDCG().value(Queries(np.array([1.0, 0.0]), np.array([0, 2])), np.zeros(2)).round(4)
    array([0.6931])
    """

    needs_gains = True
    parameter_constraints = {"gain": _GAIN}
    examples = ({"gain": "linear"},)

    def __init__(self, gain="exp2"):
        self.gain = gain

    def target(self, y):
        def make():
            size = y.multiplicity * (gains(y.relevance, self.gain) + 1 - y.tie_breaker)
            return size / y.spread(y.sum(size))

        return y.keep(("perturbed", self.gain), make)


class ListMLE(RankingLoss, name="listmle"):
    """Minus the log-likelihood of the order by relevance under the Plackett-Luce model (Xia et al. 2008 [1]_).

    ``sum_k (logsumexp(s_(k), ..., s_(n)) - s_(k))`` with (k) the row at rank k. Ties in relevance are broken at random, once
    per fit; equal rows stay together, each against all of them (Breslow's form of a partial likelihood).

    References
    ----------
    .. [1] Xia et al., "Listwise approach to learning to rank: theory and algorithm", ICML 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import ListMLE
    >>> from sklearn_losses.core.queries import Queries
    >>> ListMLE().value(Queries(np.array([1.0, 0.0]), np.array([0, 2])), np.zeros(2)).round(4)
    array([0.6931])
    """

    def _lists(self, y, scores):
        """For queries of similar length: rows by rank, which are there, where the ties of a row begin and end, copies, and the
        logarithms of the exponentials of a row (none where no row is), summed from it on and from the first of its ties on."""
        logs = np.log(y.multiplicity)
        order = y.keep("best first", lambda: np.lexsort((y.tie_breaker, -y.relevance, y.query)))
        for rows, valid in y.matrices():
            rows = order[rows]
            relevance, draw = y.relevance[rows], y.tie_breaker[rows]
            new = np.ones(rows.shape, dtype=bool)
            new[:, 1:] = (relevance[:, 1:] != relevance[:, :-1]) | (draw[:, 1:] != draw[:, :-1]) | ~valid[:, 1:]
            place = np.arange(rows.shape[1])
            first = np.maximum.accumulate(np.where(new, place, 0), axis=1)
            last_of = np.where(np.hstack([new[:, 1:], np.ones((len(new), 1), dtype=bool)]), place, rows.shape[1])
            last = np.minimum.accumulate(last_of[:, ::-1], axis=1)[:, ::-1]
            size = np.where(valid, logs[rows] + scores[rows], -np.inf)
            from_here = np.logaddexp.accumulate(size[:, ::-1], axis=1)[:, ::-1]
            log_total = np.where(valid, np.take_along_axis(from_here, first, axis=1), 0.0)
            copies = np.where(valid, y.multiplicity[rows], 0.0)
            yield rows, valid, first, last, copies, from_here, log_total

    def evaluate(self, y, scores):
        value, gradient = np.zeros(len(y)), np.zeros(y.n_rows)
        for rows, valid, _, last, copies, _, log_total in self._lists(y, scores):
            value[y.query[rows[:, 0]]] = (copies * (log_total - scores[rows])).sum(axis=1)
            with np.errstate(divide="ignore"):
                reached = np.logaddexp.accumulate(np.log(copies) - log_total, axis=1)
            reached = np.take_along_axis(reached, last, axis=1)
            pulled = copies * np.expm1(np.where(valid, scores[rows] + reached, 0.0))
            gradient[rows[valid]] = pulled[valid]
        return value, gradient

    def curve(self, y, scores, directions):
        product = np.zeros_like(directions)
        for rows, valid, first, last, copies, from_here, log_total in self._lists(y, scores):
            # Sums over the rows from a rank on and up to a rank, in units of the exponentials summed from there on, which
            # shares of at most 1 lead from one rank to the next: a list may span any number of orders of magnitude.
            from_here = np.where(valid, from_here, 0.0)
            left = np.exp(np.where(valid[:, 1:], from_here[:, 1:] - from_here[:, :-1], -np.inf))
            own = copies * np.exp(np.where(valid, scores[rows] - from_here, 0.0))
            moved = directions[rows]
            after = np.hstack([left, np.zeros_like(left[:, :1])])[:, ::-1]
            mean = _recurrence(after, (own[:, :, None] * moved)[:, ::-1])[:, ::-1]
            mean = np.take_along_axis(mean, first[:, :, None], axis=1)
            summed = np.stack([np.ones_like(moved), mean], axis=-1).reshape(*mean.shape[:2], -1)
            before = np.exp(np.where(valid[:, 1:], log_total[:, 1:] - log_total[:, :-1], -np.inf))
            summed = _recurrence(np.hstack([np.zeros_like(before[:, :1]), before]), copies[:, :, None] * summed)
            summed = np.take_along_axis(summed, last[:, :, None], axis=1).reshape(*mean.shape, 2)
            share = copies * np.exp(np.where(valid, scores[rows] - log_total, 0.0))
            curved = share[:, :, None] * (moved * summed[..., 0] - summed[..., 1])
            product[rows[valid]] = curved[valid]
        return product


def _recurrence(share, term):
    """``x_k = share_k * x_(k-1) + term_k`` along the second axis, in as many steps as the length has binary digits.

    Parameters
    ----------
    share : ndarray of shape (n, length)
        Between 0 and 1; what stands first is not used.
    term : ndarray of shape (n, length, m)
    """
    share, term = share[:, :, None].copy(), term.copy()
    reach = 1
    while reach < term.shape[1]:
        term[:, reach:] += share[:, reach:] * term[:, :-reach]
        share[:, reach:] *= share[:, :-reach].copy()
        reach *= 2
    return term


class ApproxNDCG(RankingLoss, name="approx_ndcg"):
    """Minus the NDCG with ranks made smooth: ``1 + sum_k sigmoid(steepness * (s_k - s_i))`` (Qin et al. 2010 [1]_).

    Not convex: fits start from the minimum of `ListNet` and end in a local one. Every pair is looked at.

    Parameters
    ----------
    steepness : float, default=10.0
        Larger values follow the NDCG more closely and have smaller basins.
    gain : {"exp2", "linear"}, default="exp2"

    References
    ----------
    .. [1] Qin, Liu and Li, "A general approximation framework for direct optimization of information retrieval measures",
       Information Retrieval 13 (2010), equations 10 and 11.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import ApproxNDCG
    >>> from sklearn_losses.core.queries import Queries
    >>> y = Queries(np.array([1.0, 0.0]), np.array([0, 2]))
    >>> ApproxNDCG().value(y, np.array([5.0, 0.0])).round(4)
    array([-1.])
    """

    convex = False
    has_hessian = False
    starts_from = "listnet"
    needs_gains = True
    parameter_constraints = {"steepness": Interval(0.0, closed="neither"), "gain": _GAIN}
    examples = ({"steepness": 1.0}, {"gain": "linear"})

    def __init__(self, steepness=10.0, gain="exp2"):
        self.steepness = steepness
        self.gain = gain

    def evaluate(self, y, scores):
        value, gradient = np.zeros(len(y)), np.zeros(y.n_rows)
        worth = y.multiplicity * y.gains(self.gain)
        for rows, valid, others, others_valid in y.pair_blocks():
            there = np.where(others_valid, y.multiplicity[others], 0.0)[:, None, :]
            above = expit(self.steepness * (scores[others][:, None, :] - scores[rows][:, :, None]))
            # A row's own half, and those of its equals, complete the sum.
            rank = 0.5 + (there * above).sum(axis=2)
            log = np.log1p(rank)
            share = np.where(valid, worth[rows], 0.0)
            value[y.query[others[:, 0]]] -= (share * np.log(2) / log).sum(axis=1)
            pull = (share * np.log(2) / (log * log * (1 + rank)) * self.steepness)[:, :, None] * there * above * (1 - above)
            gradient[rows[valid]] -= pull.sum(axis=2)[valid]
            gradient[others[others_valid]] += pull.sum(axis=1)[others_valid]
        return value, gradient
