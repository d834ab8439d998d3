"""Ranking losses of a query's whole list: softmax, the likelihood of its order, a smoothed NDCG."""

from abc import abstractmethod

import numpy as np
from scipy.special import expit

from sklearn_losses.core.component import Interval
from sklearn_losses.core.queries import Queries, gains
from sklearn_losses.losses.annotations import FloatArray
from sklearn_losses.losses.ranking import _GAIN, RankingLoss

__all__ = ["ApproxNDCG", "ListMLE", "ListNet", "XENDCG"]


class _Softmax(RankingLoss):
    """Cross-entropy of the softmax of the scores against a distribution over the rows."""

    @abstractmethod
    def target(self, y: Queries) -> FloatArray:
        """Return the distribution over the rows of each query that the scores should have.

        Parameters
        ----------
        y : Queries
            Relevances by query.

        Returns
        -------
        ndarray of shape (n,)
            At least 0, with a sum of 1 in each query.
        """

    def _softmax(self, y, scores):
        largest = y.max(scores)
        size = y.multiplicity * np.exp(scores - y.spread(largest))
        total = y.sum(size)
        return size / y.spread(total), largest + np.log(total)

    def evaluate(self, y: Queries, scores: FloatArray) -> tuple[FloatArray, FloatArray]:
        target = self.target(y)
        share, log_total = self._softmax(y, scores)
        return y.sum(target * (y.spread(log_total) - scores)), share - target

    def hessian_columns(self, y: Queries, scores: FloatArray, directions: FloatArray) -> FloatArray:
        share = self._softmax(y, scores)[0][:, None]
        moved = share * directions
        return moved - share * y.spread(y.sum(moved))


class ListNet(_Softmax, name="listnet"):
    r"""Cross-entropy of a whole list: fast, smooth and convex.

    Choose it for many long queries: it costs time linear in the rows. It compares the softmax of
    the relevances with that of the scores [1]_, here with the probabilities of the first rank:

    .. math::

        \ell(y, s) = -\sum_i \frac{\exp(y_i)}{\sum_k \exp(y_k)} \log \frac{\exp(s_i)}{\sum_k
            \exp(s_k)}

    with :math:`y` the relevances and :math:`s` the scores of a query. It is convex and smooth, and
    ``solver="newton"`` finds the exact minimum of a linear model. In `LossRanker` it is
    ``loss="listnet"``.

    See Also
    --------
    sklearn_losses.losses.XENDCG : The same form with a target that bounds the NDCG.
    sklearn_losses.losses.ListMLE : The likelihood of the whole order.
    sklearn_losses.losses.RankNet : A loss of pairs.

    References
    ----------
    .. [1] Cao et al., "Learning to rank: from pairwise approach to listwise approach", ICML 2007.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses import LossRanker, make_ranking
    >>> from sklearn_losses.core.queries import Queries
    >>> from sklearn_losses.losses import ListNet
    >>> queries = Queries(np.array([1.0, 0.0]), np.array([0, 2]))
    >>> ListNet().value(queries, np.zeros(2)).round(4)
    array([0.6931])
    >>> X, y, qid = make_ranking(random_state=0)
    >>> round(LossRanker("listnet").fit(X, y, qid=qid).score(X, y, qid=qid), 2)  # NDCG
    0.96
    """

    def target(self, y: Queries) -> FloatArray:
        return y.keep("softmax", lambda: self._softmax(y, y.relevance)[0])


class XENDCG(_Softmax, name="xe_ndcg", aliases=("xendcg",)):
    r"""Cross-entropy of a whole list whose target bounds the NDCG: fast, smooth and convex.

    Choose it to raise the NDCG in the same time as `ListNet` takes. The target is a perturbed gain
    [1]_:

    .. math::

        \ell(y, s) = -\sum_i \frac{2^{y_i} - g_i}{\sum_k (2^{y_k} - g_k)} \log
            \frac{\exp(s_i)}{\sum_k \exp(s_k)}

    with :math:`y` the relevances and :math:`s` the scores of a query, and :math:`g` numbers in [0,
    1) that are drawn once per fit. It is convex and smooth, and ``solver="newton"`` finds the exact
    minimum of a linear model. In `LossRanker` it is ``loss="xe_ndcg"`` or ``loss="xendcg"``.

    Parameters
    ----------
    gain : {"exp2", "linear"}, default="exp2"
        The target of a row: ``2**relevance - g``, or ``relevance + 1 - g``. "exp2" gives high
        grades more weight and needs whole numbers.

    See Also
    --------
    sklearn_losses.losses.ListNet : The same form with the softmax of the relevances.
    sklearn_losses.losses.LambdaRank : Weighted pairs for the top of the list.

    References
    ----------
    .. [1] Bruch, "An alternative cross entropy loss for learning-to-rank", arXiv 1911.09798,
           section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses import LossRanker, make_ranking
    >>> from sklearn_losses.core.queries import Queries
    >>> from sklearn_losses.losses import XENDCG
    >>> queries = Queries(np.array([1.0, 0.0]), np.array([0, 2]))
    >>> XENDCG().value(queries, np.zeros(2)).round(4)
    array([0.6931])
    >>> X, y, qid = make_ranking(random_state=0)
    >>> round(LossRanker("xe_ndcg").fit(X, y, qid=qid).score(X, y, qid=qid), 2)  # NDCG
    0.96
    """

    needs_gains = True
    parameter_constraints = {"gain": _GAIN}
    examples = ({"gain": "linear"},)

    def __init__(self, gain: str = "exp2") -> None:
        self.gain = gain

    def target(self, y: Queries) -> FloatArray:
        def make():
            size = y.multiplicity * (gains(y.relevance, self.gain) + 1 - y.tie_breaker)
            return size / y.spread(y.sum(size))

        return y.keep(("perturbed", self.gain), make)


class ListMLE(RankingLoss, name="listmle"):
    r"""Likelihood of the order of a list in the Plackett-Luce model; smooth and convex.

    Choose it where the whole order matters, as for preferences. It is the negative log-likelihood
    of drawing the rows one after the other in the order of their relevance [1]_:

    .. math::

        \ell(y, s) = \sum_k \left( \log \sum_{m \ge k} \exp(s_{(m)}) - s_{(k)} \right)

    with :math:`s_{(k)}` the score of the row at rank :math:`k` by relevance. Ties in relevance are
    broken at random, once per fit. It is convex and smooth, and ``solver="newton"`` finds the exact
    minimum of a linear model. In `LossRanker` it is ``loss="listmle"``.

    See Also
    --------
    sklearn_losses.losses.ListNet : The distribution of the first rank alone.
    sklearn_losses.losses.RankNet : A loss of pairs.

    Notes
    -----
    The loss is a sum over the rows of a query, so that long queries count more. Copies of a row
    stay together, each compared with all of them (Breslow's form of a partial likelihood).

    References
    ----------
    .. [1] Xia et al., "Listwise approach to learning to rank: theory and algorithm", ICML 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses import LossRanker, make_ranking
    >>> from sklearn_losses.core.queries import Queries
    >>> from sklearn_losses.losses import ListMLE
    >>> queries = Queries(np.array([1.0, 0.0]), np.array([0, 2]))
    >>> ListMLE().value(queries, np.zeros(2)).round(4)
    array([0.6931])
    >>> X, y, qid = make_ranking(random_state=0)
    >>> round(LossRanker("listmle").fit(X, y, qid=qid).score(X, y, qid=qid), 2)  # NDCG
    0.95
    """

    def _lists(self, y, scores):
        """For queries of similar length: rows by rank, their ties, and sums of exponentials.

        It yields the rows by rank, which are there, where the ties of a row begin and end, copies,
        and the logarithms of the exponentials of a row (none where no row is), summed from it on
        and from the first of its ties on.
        """
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

    def evaluate(self, y: Queries, scores: FloatArray) -> tuple[FloatArray, FloatArray]:
        value, gradient = np.zeros(len(y)), np.zeros(y.n_rows)
        for rows, valid, _, last, copies, _, log_total in self._lists(y, scores):
            value[y.query[rows[:, 0]]] = (copies * (log_total - scores[rows])).sum(axis=1)
            with np.errstate(divide="ignore"):
                reached = np.logaddexp.accumulate(np.log(copies) - log_total, axis=1)
            reached = np.take_along_axis(reached, last, axis=1)
            pulled = copies * np.expm1(np.where(valid, scores[rows] + reached, 0.0))
            gradient[rows[valid]] = pulled[valid]
        return value, gradient

    def hessian_columns(self, y: Queries, scores: FloatArray, directions: FloatArray) -> FloatArray:
        product = np.zeros_like(directions)
        for rows, valid, first, last, copies, from_here, log_total in self._lists(y, scores):
            # Sums over the rows from a rank on and up to a rank, in units of the exponentials
            # summed from there on, which shares of at most 1 lead from one rank to the next: a list
            # may span any number of orders of magnitude.
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
    """``x_k = share_k * x_(k-1) + term_k`` along the second axis.

    It takes as many steps as the length has binary digits.

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
    r"""The NDCG itself with smooth ranks; not convex.

    Choose it where only the NDCG matters. Its fit starts from that of a convex loss. It is minus
    the NDCG with ranks that are smooth in the scores [1]_:

    .. math::

        \ell(y, s) &= -\sum_i \frac{G_i}{\log_2(1 + \hat r_i)}

        \hat r_i &= 1 + \sum_{k \ne i} \frac{1}{1 + \exp(-\tau\,(s_k - s_i))}

    with :math:`s` the scores, :math:`G` the gain of a row over the largest possible DCG of its
    query, and :math:`\tau` the parameter `steepness`. A query of :math:`n` rows costs :math:`n^2`
    operations. It is smooth but not convex. The fit starts from that of `ListNet`, and
    ``solver="lbfgs"`` finds the minimum next to it. In `LossRanker` it is ``loss="approx_ndcg"``.

    Parameters
    ----------
    steepness : float, default=10.0
        How steep the smooth ranks are in the scores, above 0. A larger one follows the NDCG more
        closely and leaves a fit more local minima.
    gain : {"exp2", "linear"}, default="exp2"
        The gain of a relevance: ``2**relevance - 1``, or the relevance itself.

    See Also
    --------
    sklearn_losses.losses.LambdaRank : Convex steps towards the NDCG.
    sklearn_losses.losses.XENDCG : A convex bound of the NDCG.

    References
    ----------
    .. [1] Qin, Liu and Li, "A general approximation framework for direct optimization of
           information retrieval measures", Information Retrieval 13 (2010), equations 10 and 11.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses import LossRanker, make_ranking
    >>> from sklearn_losses.core.queries import Queries
    >>> from sklearn_losses.losses import ApproxNDCG
    >>> queries = Queries(np.array([1.0, 0.0]), np.array([0, 2]))
    >>> ApproxNDCG().value(queries, np.array([5.0, 0.0])).round(4)
    array([-1.])
    >>> X, y, qid = make_ranking(random_state=0)
    >>> round(LossRanker("approx_ndcg").fit(X, y, qid=qid).score(X, y, qid=qid), 2)  # NDCG
    0.96
    """

    convex = False
    starts_from = "listnet"
    needs_gains = True
    parameter_constraints = {"steepness": Interval(0.0, closed="neither"), "gain": _GAIN}
    examples = ({"steepness": 1.0}, {"gain": "linear"})

    def __init__(self, steepness: float = 10.0, gain: str = "exp2") -> None:
        self.steepness = steepness
        self.gain = gain

    def evaluate(self, y: Queries, scores: FloatArray) -> tuple[FloatArray, FloatArray]:
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
