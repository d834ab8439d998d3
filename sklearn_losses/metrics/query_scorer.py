"""A scorer of rankings that gets the query ids by metadata routing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import ArrayLike

from sklearn_losses.core.floating import ignoring_floating_errors
from sklearn_losses.metrics.ranking import query_ndcg_score
from sklearn_losses.metrics.routed import RoutedScorer

__all__ = ["QueryScorer", "need_queries"]


def need_queries(estimator: Any, qid: Any) -> None:
    """Raise where a ranker that was fitted with query ids is scored without them.

    All rows would count as one query.
    """
    ranker = estimator
    while hasattr(ranker, "steps") or hasattr(ranker, "best_estimator_"):
        ranker = ranker.steps[-1][1] if hasattr(ranker, "steps") else ranker.best_estimator_
    if qid is None and getattr(ranker, "_with_qid", False):
        raise ValueError(
            "The ranker was fitted with qid, but is scored without it, which would take all rows for one query. Pass qid to "
            "score. Under cross-validation, call sklearn.set_config(enable_metadata_routing=True) and "
            "ranker.set_fit_request(qid=True).set_score_request(qid=True)."
        )


class QueryScorer(RoutedScorer):
    """A scorer of rankings, called as ``scorer(estimator, X, y, qid=...)``.

    It asks for the query ids `qid` by metadata routing, so that cross-validation passes the ids of
    the rows of each part. Switch routing on with
    ``sklearn.set_config(enable_metadata_routing=True)``.

    Parameters
    ----------
    metric : callable, default=query_ndcg_score
        A metric of `sklearn_losses.metrics`, or any function ``metric(y_true, y_score, qid=...)``
        that is larger for better scores.
    **params : dict
        Further arguments of the metric, such as ``k=10``.

    Raises
    ------
    ValueError
        When it is called: if the ranker was fitted with queries, and `qid` is not given.

    See Also
    --------
    query_ndcg_score : The default metric.
    sklearn_losses.LossRanker : Its method `score` is the same with the default metric.

    Examples
    --------
    >>> from sklearn import config_context
    >>> from sklearn.model_selection import GroupKFold, cross_val_score
    >>> from sklearn_losses import LossRanker, make_ranking
    >>> from sklearn_losses.metrics import QueryScorer, query_ndcg_score
    >>> X, y, qid = make_ranking(random_state=0)
    >>> with config_context(enable_metadata_routing=True):
    ...     ranker = LossRanker().set_fit_request(qid=True)
    ...     scores = cross_val_score(
    ...         ranker, X, y, scoring=QueryScorer(query_ndcg_score, k=10),
    ...         cv=GroupKFold(5), params={"qid": qid, "groups": qid},
    ...     )
    >>> bool(scores.min() > 0.5)
    True
    """

    def __init__(self, metric: Callable[..., float] = query_ndcg_score, **params: Any) -> None:
        self.metric = metric
        self.params = params
        super().__init__({"qid": True, "sample_weight": None})

    def __repr__(self) -> str:
        name = getattr(self.metric, "__name__", repr(self.metric))
        params = "".join(f", {key}={value!r}" for key, value in self.params.items())
        return f"QueryScorer({name}{params})"

    @ignoring_floating_errors
    def __call__(
        self, estimator: Any, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None, qid: ArrayLike | None = None
    ) -> float:
        need_queries(estimator, qid)
        weight = {} if sample_weight is None else {"sample_weight": sample_weight}
        return self.metric(y, estimator.predict(X), qid=qid, **weight, **self.params)
