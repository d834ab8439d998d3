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
    """Base class: subclasses give `evaluate` and, where they are convex, `curve`."""

    renamed = Loss.renamed | {"curve": "hessian_columns"}
    task = "ranking"
    rowwise = False
    has_hessian = False  # a loss that gives `hessian_columns` has one
    hessian_from = ("hessian_columns",)

    @abstractmethod
    def evaluate(self, y: Queries, scores: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Values (n_queries,) and gradient (n,), without the weights of the queries.

        `scores` is float64.
        """

    def hessian_columns(self, y: Queries, scores: FloatArray, directions: FloatArray) -> FloatArray:
        """The second derivative applied to the columns of `directions`, (n, m)."""
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
        """The second derivative as one matrix (n, n), for few rows."""
        return self.hessian_product(y, raw, np.eye(len(raw)))

    def hessian(self, y: Queries, raw: FloatArray) -> FloatArray:
        """The diagonal of `hessian_matrix`, for few rows."""
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
    """``log(1 + exp(-(s_i - s_j)))``, the mean over pairs with i more relevant than j [1]_.

    With one query and a binary y this is a smooth stand-in for 1 - AUC. Every pair is looked at:
    n^2 operations for a query of n rows, memory linear in n.

    References
    ----------
    .. [1] Burges et al., "Learning to rank using gradient descent", ICML 2005, equation 3.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import RankNet
    >>> from sklearn_losses.core.queries import Queries
    >>> queries = Queries(np.array([1.0, 0.0]), np.array([0, 2]))
    >>> RankNet().value(queries, np.array([0.0, 0.0])).round(4)
    array([0.6931])
    """

    has_minimizer = False  # falls for ever where every pair is in order

    def pair_weights(self, y: Queries, scores: FloatArray) -> Callable[..., FloatArray] | None:
        """A function of two arrays of row numbers that gives the weights of their pairs.

        None stands for equal weights.
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
    """`RankNet` with pairs weighted by the change of the NDCG if the two swap places [1]_.

    The weights ``|G_i - G_j| * |1/D(rank_i) - 1/D(rank_j)|``, with ``G = gain / largest DCG`` and
    ``D(k) = log2(1 + k)``, come from the current ranking. They are held fixed while the loss is
    minimised and then taken anew, starting from the minimum of `RankNet`, until the ranking no
    longer changes or five such rounds have not raised the NDCG of the training queries; the best
    round counts. Stochastic solvers take them at every step.

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

    def __init__(self, max_rank: int | None = 30, gain: str = "exp2") -> None:
        self.max_rank = max_rank
        self.gain = gain

    @derived
    def measure(self) -> tuple[str, int | None] | None:
        return self.gain, self.max_rank

    def ranks(self, y: Queries, scores: FloatArray) -> tuple[NDArray[Any], NDArray[Any]]:
        """Rows above each row, and rows that share its place.

        They are those of the ranking held fixed, or else of the current one.
        """
        return y.ranking_without_ties(scores) if y.reference_scores is None else y.ranking(y.reference_scores, TIE)

    def pair_weights(self, y: Queries, scores: FloatArray) -> Callable[..., FloatArray] | None:
        gain = y.gains(self.gain, self.max_rank)
        worth = discount(*self.ranks(y, scores), self.max_rank)
        return lambda i, j: np.abs(gain[i] - gain[j]) * np.abs(worth[i] - worth[j])


class LambdaLoss(LambdaRank, name="lambdaloss"):
    """NDCG-Loss2++ of the LambdaLoss framework: lambdarank's weights and a tighter bound's [1]_.

    The weights are
    ``|G_i - G_j| * (mu * |1/D(apart) - 1/D(apart + 1)| + |1/D(rank_i) - 1/D(rank_j)|)`` with
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
    .. [1] Wang et al., "The LambdaLoss framework for ranking metric optimization", CIKM 2018,
       equation 18.

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
