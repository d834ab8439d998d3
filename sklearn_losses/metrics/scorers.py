"""Scores: any loss as a scorer for cross-validation and searches."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import is_classifier

from sklearn_losses.core.floating import ignoring_floating_errors
from sklearn_losses.core.validation import check_weights
from sklearn_losses.losses.aggregation import Aggregated
from sklearn_losses.losses.annotations import AnyLoss
from sklearn_losses.losses.base import Loss
from sklearn_losses.losses.trimmed import Trimmed
from sklearn_losses.metrics.query_scorer import QueryScorer
from sklearn_losses.metrics.ranking import neg_query_loss

__all__ = ["LossScorer", "loss_scorers", "make_loss_scorer"]


class LossScorer:
    """A scorer that returns minus the mean loss of the predictions; larger is better.

    `make_loss_scorer` makes it. It is called as ``scorer(estimator, X, y, sample_weight=None)``.

    Parameters
    ----------
    loss : str or Loss
        The loss: a name or an object.

    Raises
    ------
    ValueError
        When it is called: for targets that the loss does not take, labels that the estimator does
        not know, and predictions of another shape than the targets.

    See Also
    --------
    make_loss_scorer : Makes it, or a scorer of rankings.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn_losses.metrics import make_loss_scorer
    >>> X, y = load_diabetes(return_X_y=True)
    >>> scorer = make_loss_scorer("mae")
    >>> round(scorer(LinearRegression().fit(X, y), X, y), 1)
    -43.3
    """

    def __init__(self, loss: str | Loss) -> None:
        self.loss = loss

    def __repr__(self) -> str:
        return f"make_loss_scorer({self.loss!r})"

    @ignoring_floating_errors
    def __call__(self, estimator: Any, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        loss = Loss.make(self.loss)
        loss.check()
        trimmed, loss = (loss, loss.inner) if isinstance(loss, Trimmed) else (None, loss)
        y = np.asarray(y)
        weight = check_weights(sample_weight, len(y))
        weight = np.ones(len(y)) if weight is None else weight
        if (loss.task or ("classification" if is_classifier(estimator) else "regression")) == "classification":
            loss, targets, raw = _class_scores(loss, estimator, X, y)
            center = raw
        else:
            targets, prediction = y.astype(np.float64), np.asarray(estimator.predict(X), dtype=np.float64)
            if targets.shape != prediction.shape:
                raise ValueError(f"The predictions have shape {prediction.shape}, but the targets have shape {targets.shape}.")
            weight = np.repeat(weight, targets[0].size)
            targets = targets.ravel()
            loss = loss.bind(targets, 1, "regression")
            loss.check_target(targets)
            raw = loss.link(prediction).ravel()
            center = raw if isinstance(loss, Aggregated) else np.full_like(raw, np.median(targets))
        if loss.initial_estimator is not None:
            loss = loss.calibrated(targets, center, weight)
        if loss.n_constants:
            constants = np.broadcast_to(loss.start_constants, (len(raw), loss.n_constants))
            raw = np.hstack([raw.reshape(len(raw), -1), constants])
        values = loss.value(targets, raw)
        return -float(np.average(values, weights=weight if trimmed is None else trimmed.kept(values, weight)))


def _class_scores(loss, estimator, X, y):
    """The loss for these classes, their codes, and raw scores.

    The scores come from probabilities, for a loss of margins from decisions.
    """
    classes = np.asarray(estimator.classes_)
    codes = np.searchsorted(classes, y).clip(0, len(classes) - 1)
    unseen = np.unique(y[classes[codes] != y])
    if len(unseen):
        raise ValueError(f"y has labels that the estimator has not seen: {unseen.tolist()}.")
    loss = loss.bind(codes, 1 if len(classes) == 2 else len(classes), "classification")
    if not loss.has_probabilities:
        return loss, codes, np.asarray(estimator.decision_function(X), dtype=np.float64)
    proba = np.asarray(estimator.predict_proba(X), dtype=np.float64)
    return loss, codes, loss.link(proba[:, 1] if len(classes) == 2 else proba)


def make_loss_scorer(loss: AnyLoss) -> LossScorer | QueryScorer:
    """Make a scorer from any loss, for any estimator of scikit-learn.

    It is for ``scoring=`` in `cross_validate` and in searches.

    Parameters
    ----------
    loss : str or Loss
        A name, also with ``"neg_"`` before it, or an object. Losses for regression and ranking
        score `predict`, losses of class probabilities score `predict_proba`, losses of margins
        score `decision_function`. The scale of the residuals that a fit would estimate is here that
        of the targets around their median, so that it is the same for all models that are compared;
        give the loss a number as scale for another one.

    Returns
    -------
    LossScorer or QueryScorer
        Called as ``scorer(estimator, X, y, sample_weight=None)``, it returns minus the mean loss.
        That of a ranking loss asks for `qid`.

    Raises
    ------
    ValueError
        For an unknown name.

    See Also
    --------
    loss_scorers : The scorers of all losses by name.
    make_cost_scorer : A scorer by what decisions cost.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn_losses.metrics import make_loss_scorer
    >>> X, y = load_diabetes(return_X_y=True)
    >>> scorer = make_loss_scorer("neg_mae")
    >>> scores = cross_val_score(LinearRegression(), X, y, scoring=scorer)
    >>> print(scores.mean().round(1))
    -44.3
    """
    if isinstance(loss, str) and loss.startswith("neg_"):
        loss = loss[4:]
    made = Loss.make(loss)  # an unknown name is refused now, not in a search
    return QueryScorer(neg_query_loss, loss=loss) if made.task == "ranking" else LossScorer(loss)


def loss_scorers() -> dict[str, LossScorer | QueryScorer]:
    """Return scorers of all losses by name, such as "neg_huber".

    The dict, or a part of it, can be passed as ``scoring=`` to `cross_validate`, which then reports
    all of them.

    Returns
    -------
    dict of str to LossScorer or QueryScorer
        One scorer for each name of a loss, under that name with ``"neg_"`` before it.

    See Also
    --------
    make_loss_scorer : Makes one of them.

    Examples
    --------
    >>> from sklearn_losses.metrics import loss_scorers
    >>> loss_scorers()["neg_poisson"]
    make_loss_scorer('poisson')
    """
    return {f"neg_{name}": make_loss_scorer(name) for name in sorted(Loss.names())}
