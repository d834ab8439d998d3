"""Synthetic data for which scikit-learn has no generator."""

from numbers import Integral

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state

__all__ = ["make_ranking"]


def make_ranking(
    n_queries: int = 50,
    n_rows: int | tuple[int, int] = 20,
    n_features: int = 10,
    *,
    n_grades: int = 5,
    noise: float = 0.5,
    query_effect: float = 1.0,
    random_state: int | np.random.RandomState | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.intp]]:
    """Make synthetic ranking data: queries whose rows are ordered by the features.

    A row's utility is ``X_own @ weights + noise``, of variance 1 without the noise. Within each
    query the utilities are cut into grades, with about equally many rows in each. The features are
    `X_own` plus an offset that all rows of a query share. The offset tells nothing about the order
    of the rows in their query, and it acts as noise in a regression on the grades.

    Parameters
    ----------
    n_queries : int, default=50
        Number of queries.
    n_rows : int or tuple of (int, int), default=20
        Rows of each query. A pair is a range, ends included, from which the number of rows of each
        query is drawn.
    n_features : int, default=10
        Number of features.
    n_grades : int, default=5
        Number of grades of relevance. The relevances are 0, 1, ..., n_grades - 1.
    noise : float, default=0.5
        Standard deviation of the part of the utility that the features do not explain. With a
        larger value the rows are harder to rank.
    query_effect : float, default=1.0
        Standard deviation of the offsets of the queries. With a larger value, methods that ignore
        the queries do worse.
    random_state : int, RandomState or None, default=None
        Seed of the random numbers. Pass an int for the same data in each call.

    Returns
    -------
    X : ndarray of shape (n, n_features)
        The features of all rows. The rows are in no order.
    y : ndarray of shape (n,) of int
        The relevances.
    qid : ndarray of shape (n,) of int
        The query of each row.

    Raises
    ------
    ValueError
        For a number below 1, and for a pair `n_rows` that does not rise.

    See Also
    --------
    sklearn_losses.LossRanker : Learns to rank such data.
    sklearn_losses.metrics.query_ndcg_score : Scores a ranking.

    Examples
    --------
    >>> from sklearn_losses import make_ranking
    >>> X, y, qid = make_ranking(n_queries=3, n_rows=(5, 9), random_state=0)
    >>> X.shape[1], len(set(qid.tolist())), sorted(set(y.tolist()))
    (10, 3, [0, 1, 2, 3, 4])
    """
    rng = check_random_state(random_state)
    low, high = n_rows if isinstance(n_rows, (tuple, list)) else (n_rows, n_rows)
    for name, number in (("n_queries", n_queries), ("n_rows", low), ("n_features", n_features), ("n_grades", n_grades)):
        if not isinstance(number, Integral) or number < 1:
            raise ValueError(f"The {name!r} parameter of make_ranking must be at least 1, as an int. Got {number!r}.")
    if not low <= high:
        raise ValueError(f"The 'n_rows' parameter of make_ranking must be an int or a rising pair of ints. Got {n_rows!r}.")
    lengths = rng.randint(low, high + 1, size=n_queries)
    qid = np.repeat(np.arange(n_queries), lengths)
    own = rng.standard_normal((len(qid), n_features))
    weights = rng.standard_normal(n_features)
    utility = own @ (weights / np.linalg.norm(weights)) + noise * rng.standard_normal(len(qid))
    offsets = np.concatenate([[0], np.cumsum(lengths)])[:-1]
    place = np.empty(len(qid), dtype=np.intp)
    place[np.lexsort((utility, qid))] = np.arange(len(qid)) - np.repeat(offsets, lengths)
    y = place * n_grades // np.repeat(lengths, lengths)
    X = own + query_effect * rng.standard_normal((n_queries, n_features))[qid]
    order = rng.permutation(len(qid))
    return X[order], y[order], qid[order]
