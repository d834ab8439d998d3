"""The scorers of a comparison, and the metadata that each of them gets."""

import inspect
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from sklearn import config_context, get_config
from sklearn.metrics import get_scorer
from sklearn.pipeline import Pipeline

from sklearn_losses.metrics.costs import make_cost_scorer
from sklearn_losses.metrics.perplexity import neg_perplexity
from sklearn_losses.model_selection.folds import Data

__all__ = ["score", "scorer_of", "scorers_of"]

Scorer: TypeAlias = Callable[..., Any]


def _own_score(estimator, X, y, **metadata):
    """The score of a ranker, which knows its queries: that of a search's best one, and after the
    first steps of a pipeline.
    """
    while isinstance(estimator, Pipeline) or hasattr(estimator, "best_estimator_"):
        if isinstance(estimator, Pipeline):
            X, estimator = estimator[:-1].transform(X), estimator[-1]
        else:
            estimator = estimator.best_estimator_
    return estimator.score(X, y, **_taken(estimator.score, metadata))


DEFAULT_SCORING: dict[str, Any] = {
    "regression": ("r2", "neg_mean_absolute_error", "neg_median_absolute_error"),
    "classification": ("accuracy", "balanced_accuracy", "neg_log_loss"),
    "ranking": {"score": _own_score},  # a ranker's own score knows its queries
}
# With (n, K) costs nothing says what a decision would have cost under another truth.
COSTS = {
    2: {"neg_cost": make_cost_scorer()},
    3: {"neg_cost_by_row": make_cost_scorer(decide="auto"), "neg_cost": make_cost_scorer()},
}
# Names that scikit-learn does not know.
SCORERS: dict[str, Scorer] = {"neg_perplexity": neg_perplexity}


def scorers_of(scoring: Any, task: str, cost: Any = None) -> dict[str, Scorer]:
    """Name -> scorer, from what users pass as ``scoring=``; None is by the costs of the rows."""
    if scoring is None:
        scoring = DEFAULT_SCORING[task] if cost is None else COSTS[np.ndim(cost)]
    if isinstance(scoring, str):
        scoring = (scoring,)
    elif callable(scoring):
        scoring = {"score": scoring}
    named = scoring if isinstance(scoring, dict) else {name: name for name in scoring}
    if not named:
        raise ValueError("scoring must name at least one metric.")
    return {name: scorer_of(spec) for name, spec in named.items()}


def scorer_of(spec: str | Scorer) -> Scorer:
    """A scorer by name, ours and scikit-learn's; a callable is one already."""
    if callable(spec):
        return spec
    return SCORERS.get(spec) or get_scorer(spec)


def _taken(function, metadata):
    """The part of the metadata that a function has keyword arguments for."""
    parameters = inspect.signature(function).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return metadata
    names = {parameter.name for parameter in parameters}
    return {name: value for name, value in metadata.items() if name in names}


def score(scorer: Scorer, estimator: Any, data: Data) -> float:
    """A scorer's value, with the metadata that it can take."""
    metadata = data.metadata()
    metric = getattr(scorer, "_score_func", None)
    if metric is None:
        return float(scorer(estimator, data.X, data.y, **_taken(scorer, metadata)))
    routing: Any = scorer.get_metadata_routing()  # type: ignore[attr-defined]  # scikit-learn's own scorer
    requested = {name for name, asked in routing.score.requests.items() if asked is True}
    if {"qid", "cost"} & requested or get_config()["enable_metadata_routing"]:
        with config_context(enable_metadata_routing=True):
            return float(scorer(estimator, data.X, data.y, **{k: v for k, v in metadata.items() if k in requested}))
    # scikit-learn's scorers hand sample_weight on to any metric, also to one that has no such
    # argument.
    weight = _taken(metric, metadata).get("sample_weight")
    return float(scorer(estimator, data.X, data.y, sample_weight=weight))
