"""Ranking losses: functions of all scores of a query at once.

`y` is a `Queries`, relevances grouped by query, and `raw` holds one score per row. `value` returns
one number per query (times the query's weight) and `gradient` the derivative of their sum in each
score. A row with `copies` above 1 counts as that many equal rows: a pair counts with the product of
the two.

Pairs are those of a more relevant with a less relevant row of the same query, and a pair loss is
their mean. Losses of softmax form and the hinges cost n log n operations; `RankNet` and its
relatives look at every pair, a block at a time.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.core.component import Integer, Interval, Options
from sklearn_losses.core.queries import Queries, discount
from sklearn_losses.losses.annotations import FloatArray, derived
from sklearn_losses.losses.base import Loss

__all__ = ["LambdaLoss", "LambdaRank", "RankNet", "RankingLoss"]

LARGEST_GRADE = 100  # 2**relevance stays far from overflow
# Scores closer than this share of the query's range are tied: equal rows differ by rounding.
TIE = 1e-9


class RankingLoss(Loss):
    r"""Base class of ranking losses, which look at all scores of a query at once.

    The target is a `Queries` object, relevances grouped by query, and `raw` holds one score per
    row. A subclass gives `evaluate`, the value of each query and its gradient in the scores, and
    `hessian_columns` where it has second derivatives:

    .. math::

        L = \frac{1}{\sum_q w_q} \sum_q w_q\, \ell(y_q, s_q)

    with :math:`y_q` and :math:`s_q` the relevances and scores of query :math:`q` and :math:`w_q`
    its weight. Inside a query the weight of a row is a number of copies of it.

    See Also
    --------
    sklearn_losses.losses.RankNet : Logistic loss of the pairs of a query.
    sklearn_losses.losses.ListNet : Cross-entropy of the whole list.
    sklearn_losses.LossRanker : The estimator that takes ranking losses.

    Examples
    --------
    >>> from sklearn_losses import LossRanker, make_ranking
    >>> from sklearn_losses.losses import RankingLoss
    >>> class SquaredDistance(RankingLoss):  # of the scores from the relevances
    ...     def evaluate(self, y, scores):
    ...         distance = scores - y.relevance
    ...         return y.sum(distance**2), 2 * distance
    >>> X, y, qid = make_ranking(random_state=0)
    >>> LossRanker(SquaredDistance()).fit(X, y, qid=qid).score(X, y, qid=qid) > 0.8
    True
    """

    renamed = Loss.renamed | {"curve": "hessian_columns"}
    task = "ranking"
    rowwise = False
    has_hessian = False  # a loss that gives `hessian_columns` has one
    hessian_from = ("hessian_columns",)

    @abstractmethod
    def evaluate(self, y: Queries, scores: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the value of each query and the gradient in the scores.

        Parameters
        ----------
        y : Queries
            Relevances by query.
        scores : ndarray of shape (n,)
            One score per row, as float64.

        Returns
        -------
        value : ndarray of shape (n_queries,)
            The loss of each query, without the weights of the queries.
        gradient : ndarray of shape (n,)
            The derivative of their sum in each score.
        """

    def hessian_columns(self, y: Queries, scores: FloatArray, directions: FloatArray) -> FloatArray:
        """Return the second derivative of the sum of the queries times some directions.

        Parameters
        ----------
        y : Queries
            Relevances by query.
        scores : ndarray of shape (n,)
            One score per row, as float64.
        directions : ndarray of shape (n, m)
            Changes of the scores, one per column.

        Returns
        -------
        ndarray of shape (n, m)
            The products, without the weights of the queries.

        Raises
        ------
        NotImplementedError
            If the loss has no second derivative.
        """
        return super().hessian(y, scores)

    def value(self, y: Queries, raw: FloatArray) -> FloatArray:
        return self.value_and_gradient(y, raw)[0]

    def gradient(self, y: Queries, raw: FloatArray) -> FloatArray:
        return self.value_and_gradient(y, raw)[1]

    def value_and_gradient(self, y: Queries, raw: FloatArray) -> tuple[FloatArray, FloatArray]:
        value, gradient = self.evaluate(y, raw.astype(np.float64))
        if y.weight is not None:
            value, gradient = value * y.weight, gradient * y.spread(y.weight)
        return value, gradient.astype(raw.dtype, copy=False)

    def hessian_product(self, y: Queries, raw: FloatArray, direction: FloatArray) -> FloatArray:
        columns = direction.reshape(len(raw), -1).astype(np.float64)
        curved = self.hessian_columns(y, raw.astype(np.float64), columns)
        if y.weight is not None:
            curved = curved * y.spread(y.weight)[:, None]
        return curved.reshape(direction.shape).astype(raw.dtype, copy=False)

    def hessian_matrix(self, y: Queries, raw: FloatArray) -> FloatArray:
        """Return the second derivative as one matrix; for few rows.

        Parameters
        ----------
        y : Queries
            Relevances by query.
        raw : ndarray of shape (n,)
            Scores.

        Returns
        -------
        ndarray of shape (n, n)
            The matrix; rows of different queries have 0.
        """
        return self.hessian_product(y, raw, np.eye(len(raw)))

    def hessian(self, y: Queries, raw: FloatArray) -> FloatArray:
        """Return the diagonal of `hessian_matrix`; for few rows.

        Parameters
        ----------
        y : Queries
            Relevances by query.
        raw : ndarray of shape (n,)
            Scores.

        Returns
        -------
        ndarray of shape (n,)
            The second derivative in each score.
        """
        return np.diag(self.hessian_matrix(y, raw))

    def _slope_along(self, y, point, direction):
        return y.sum(self.gradient(y, point) * direction)

    def best_constant(self, y: Queries, sample_weight: FloatArray, n_outputs: int) -> FloatArray:
        return np.zeros(n_outputs)  # differences of scores alone count

    def check_target(self, y: Queries) -> None:
        if not self.needs_gains:
            return
        relevance = y.relevance
        if np.any(relevance < 0):
            raise ValueError(
                f"The loss {self.label!r} works with gains and needs relevances of at least 0; the least one is "
                f"{relevance.min():g}. Add a number to all of them, or use loss='ranknet', which needs their order alone."
            )
        odd = (relevance != np.round(relevance)) | (relevance > LARGEST_GRADE)
        if self.gain == "exp2" and odd.any():
            raise ValueError(
                f"The loss {self.label!r} with gain='exp2' (2**relevance - 1) needs whole numbers from 0 to {LARGEST_GRADE} as "
                f"relevances. Got {relevance[odd][0]:g}. Use gain='linear' for other ones."
            )


_GAIN = Options("exp2", "linear")
_MAX_RANK = Options(Integer(1), None)


class RankNet(RankingLoss, name="ranknet", aliases=("pairwise_logistic",)):
    r"""Logistic loss of pairs of rows: the usual start for rankings; smooth and convex.

    Choose it where every pair in the wrong order costs the same, wherever it is in the list. With
    one query and two relevances it is a smooth form of 1 - AUC. For a query it is the mean over its
    pairs :math:`(i, j)` of which :math:`i` is more relevant [1]_:

    .. math::

        \ell(y, s) = \frac{1}{|P|} \sum_{(i, j) \in P} \log\left(1 + \exp(-(s_i - s_j))\right)

    with :math:`s` the scores and :math:`P` the set of these pairs. It is convex and smooth, and
    ``solver="newton"`` finds the exact minimum of a linear model. A query of :math:`n` rows costs
    :math:`n^2` operations and memory linear in :math:`n`. In `LossRanker` it is ``loss="ranknet"``
    or ``loss="pairwise_logistic"``.

    See Also
    --------
    sklearn_losses.losses.LambdaRank : The same pairs, weighted by what they matter for the NDCG.
    sklearn_losses.losses.SquaredPairwiseHinge : A pair loss that needs n log n operations.
    sklearn_losses.losses.ListNet : A loss of the whole list, linear in the rows.

    References
    ----------
    .. [1] Burges et al., "Learning to rank using gradient descent", ICML 2005, equation 3.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses import LossRanker, make_ranking
    >>> from sklearn_losses.core.queries import Queries
    >>> from sklearn_losses.losses import RankNet
    >>> queries = Queries(np.array([1.0, 0.0]), np.array([0, 2]))
    >>> RankNet().value(queries, np.array([0.0, 0.0])).round(4)
    array([0.6931])
    >>> X, y, qid = make_ranking(random_state=0)
    >>> round(LossRanker("ranknet").fit(X, y, qid=qid).score(X, y, qid=qid), 2)  # NDCG
    0.95
    """

    has_minimizer = False  # falls for ever where every pair is in order

    def pair_weights(self, y: Queries, scores: FloatArray) -> Callable[..., FloatArray] | None:
        """Return a function that weights pairs of rows; None for equal weights.

        Parameters
        ----------
        y : Queries
            Relevances by query.
        scores : ndarray of shape (n,)
            One score per row.

        Returns
        -------
        callable or None
            ``weigh(i, j)`` with two arrays of row numbers, which returns the weights of their
            pairs.
        """
        return None

    def _blocks(self, y, scores):
        """Rows, others, and the weights and differences of scores of their pairs, block by
        block.
        """
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

    def evaluate(self, y: Queries, scores: FloatArray) -> tuple[FloatArray, FloatArray]:
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

    def hessian_columns(self, y: Queries, scores: FloatArray, directions: FloatArray) -> FloatArray:
        product = np.zeros_like(directions)
        for rows, valid, others, others_valid, weight, difference in self._blocks(y, scores):
            small = np.exp(-np.abs(difference))
            second = weight * small / (1 + small) ** 2
            left, right = directions[rows], directions[others]
            product[rows[valid]] += (second.sum(axis=2)[:, :, None] * left - second @ right)[valid]
            back = second.sum(axis=1)[:, :, None] * right - second.transpose(0, 2, 1) @ left
            product[others[others_valid]] += back[others_valid]
        return product * y.spread(_inverse(y.pairs))[:, None]


def _inverse(values):
    return 1 / np.where(values > 0, values, 1.0)


class LambdaRank(RankNet, name="lambdarank"):
    r"""RankNet with pairs weighted by their effect on the NDCG: for the top of the list.

    Choose it where the first ranks matter most. For a query it is the mean over its pairs
    :math:`(i, j)` of which :math:`i` is more relevant [1]_:

    .. math::

        \ell(y, s) &= \frac{1}{|P|} \sum_{(i, j) \in P} w_{ij} \log\left(1 + \exp(-(s_i -
            s_j))\right)

        w_{ij} &= |G_i - G_j|\, \left| \frac{1}{D(r_i)} - \frac{1}{D(r_j)} \right|

    with :math:`s` the scores, :math:`P` the set of these pairs, :math:`G` the gain of a row over
    the largest possible DCG of its query, :math:`r` the rank by the current scores and :math:`D(r)
    = \log_2(1 + r)`. In `LossRanker` it is ``loss="lambdarank"``.

    A deterministic solver holds the weights of the pairs fixed, so that the loss is convex and
    smooth, minimises, and takes the weights anew. The fit starts from that of `RankNet` and ends
    when the ranking no longer changes, or after five rounds that have not raised the NDCG of the
    training queries; the best round counts. Stochastic solvers take the weights at every step.

    Parameters
    ----------
    max_rank : int or None, default=30
        The last rank that counts: that of the NDCG@k to be raised. A larger one gives lower places
        of the list more weight; None: all ranks.
    gain : {"exp2", "linear"}, default="exp2"
        The gain of a relevance: ``2**relevance - 1``, or the relevance itself. "exp2" gives high
        grades more weight and needs whole numbers.

    See Also
    --------
    sklearn_losses.losses.LambdaLoss : Weights that follow from a tighter bound.
    sklearn_losses.losses.RankNet : The same pairs with equal weights.
    sklearn_losses.losses.ApproxNDCG : The NDCG itself, smoothed; not convex.

    References
    ----------
    .. [1] Burges, Ragno and Le, "Learning to rank with nonsmooth cost functions", NIPS 2006.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses import LossRanker, make_ranking
    >>> from sklearn_losses.core.queries import Queries
    >>> from sklearn_losses.losses import LambdaRank
    >>> queries = Queries(np.array([1.0, 0.0]), np.array([0, 2]))
    >>> scores = np.array([1.0, 0.0])
    >>> LambdaRank().value(queries, scores).round(4)  # log(1 + 1/e) (1 - 1/log2(3))
    array([0.1156])
    >>> X, y, qid = make_ranking(random_state=0)
    >>> round(LossRanker("lambdarank").fit(X, y, qid=qid).score(X, y, qid=qid), 2)  # NDCG
    0.95
    """

    moving = True
    starts_from = "ranknet"
    needs_gains = True
    parameter_constraints = {"max_rank": _MAX_RANK, "gain": _GAIN}
    examples = ({"max_rank": 3}, {"max_rank": None, "gain": "linear"})

    def __init__(self, max_rank: int | None = 30, gain: str = "exp2") -> None:
        self.max_rank = max_rank
        self.gain = gain

    @derived
    def measure(self) -> tuple[str, int | None] | None:
        """Kind of gain and last rank of the NDCG by which a fit compares rankings."""
        return self.gain, self.max_rank

    def ranks(self, y: Queries, scores: FloatArray) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return where each row stands in the ranking that gives the weights.

        It is the ranking held fixed, or else that of the current scores.

        Parameters
        ----------
        y : Queries
            Relevances by query.
        scores : ndarray of shape (n,)
            One score per row.

        Returns
        -------
        above : ndarray of shape (n,)
            Rows of the query that are ranked above each row.
        count : ndarray of shape (n,)
            Rows that share its place, itself among them.
        """
        return y.ranking_without_ties(scores) if y.reference_scores is None else y.ranking(y.reference_scores, TIE)

    def pair_weights(self, y: Queries, scores: FloatArray) -> Callable[..., FloatArray] | None:
        gain = y.gains(self.gain, self.max_rank)
        worth = discount(*self.ranks(y, scores), self.max_rank)
        return lambda i, j: np.abs(gain[i] - gain[j]) * np.abs(worth[i] - worth[j])


class LambdaLoss(LambdaRank, name="lambdaloss"):
    r"""LambdaRank with the weights of a tighter bound of the NDCG (NDCG-Loss2++).

    Choose it as an alternative to `LambdaRank`, from which it differs in the weights. For a query
    it is the mean over its pairs :math:`(i, j)` of which :math:`i` is more relevant [1]_:

    .. math::

        \ell(y, s) &= \frac{1}{|P|} \sum_{(i, j) \in P} w_{ij} \log\left(1 + \exp(-(s_i -
            s_j))\right)

        w_{ij} &= |G_i - G_j| \left( \mu\, b_{ij} + \left| \frac{1}{D(r_i)} - \frac{1}{D(r_j)}
            \right| \right)

        b_{ij} &= \frac{1}{D(a)} - \frac{1}{D(a + 1)}, \quad a = |r_i - r_j|

    with :math:`a` the distance of the ranks, :math:`\mu` the parameter `mu`, and the other symbols
    as in `LambdaRank`. The weights are held fixed and taken anew as there. In `LossRanker` it is
    ``loss="lambdaloss"``.

    Parameters
    ----------
    mu : float, default=10.0
        Weight of the part of the bound, at least 0. A larger one gives pairs of neighbouring ranks
        more weight; 0 is `LambdaRank` with ``max_rank=None``.
    max_rank : int or None, default=None
        The last rank that counts: pairs of two rows ranked below it have no weight. None: all
        pairs.
    gain : {"exp2", "linear"}, default="exp2"
        The gain of a relevance: ``2**relevance - 1``, or the relevance itself.

    See Also
    --------
    sklearn_losses.losses.LambdaRank : The loss without the part of the bound.
    sklearn_losses.losses.RankNet : The same pairs with equal weights.

    References
    ----------
    .. [1] Wang et al., "The LambdaLoss framework for ranking metric optimization", CIKM 2018,
           equation 18.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses import LossRanker, make_ranking
    >>> from sklearn_losses.core.queries import Queries
    >>> from sklearn_losses.losses import LambdaLoss
    >>> queries = Queries(np.array([1.0, 0.0]), np.array([0, 2]))
    >>> LambdaLoss(mu=0.0).value(queries, np.array([1.0, 0.0])).round(4)  # as LambdaRank
    array([0.1156])
    >>> X, y, qid = make_ranking(n_queries=20, random_state=0)
    >>> LossRanker("lambdaloss").fit(X, y, qid=qid).score(X, y, qid=qid) > 0.9  # NDCG
    True
    """

    parameter_constraints = LambdaRank.parameter_constraints | {"mu": Interval(0.0)}
    examples = ({"max_rank": 3, "mu": 2.0}, {"gain": "linear"})

    def __init__(self, mu: float = 10.0, max_rank: int | None = None, gain: str = "exp2") -> None:
        super().__init__(max_rank, gain)
        self.mu = mu

    def pair_weights(self, y: Queries, scores: FloatArray) -> Callable[..., FloatArray] | None:
        gain = y.gains(self.gain, self.max_rank)
        above, count = self.ranks(y, scores)
        worth, rank = discount(above, count, self.max_rank), above + (count + 1) / 2
        top = np.ones(y.n_rows, dtype=bool) if self.max_rank is None else rank <= self.max_rank

        def weigh(i, j):
            apart = np.maximum(np.abs(rank[i] - rank[j]), 1)
            bound = self.mu * (1 / np.log2(1 + apart) - 1 / np.log2(2 + apart)) * (top[i] | top[j])
            return np.abs(gain[i] - gain[j]) * (bound + np.abs(worth[i] - worth[j]))

        return weigh
