"""LossRanker."""

import warnings
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import column_or_1d
from sklearn.utils.validation import check_consistent_length

from sklearn_losses.blocks import is_row_source
from sklearn_losses.core.floating import ignoring_floating_errors
from sklearn_losses.core.queries import codes_of
from sklearn_losses.core.validation import check_weights, mean_one, validated, with_weight
from sklearn_losses.distributed.lazy import lazy_on_dask
from sklearn_losses.estimators.available import available_where
from sklearn_losses.estimators.base import LossEstimator
from sklearn_losses.estimators.components import ModelLike, SolverLike, steps_on_batches
from sklearn_losses.estimators.scores import rows_of_source, targets_given
from sklearn_losses.fitting.checkpoint import CheckpointLike
from sklearn_losses.fitting.query_parts import pointwise_parts, query_parts
from sklearn_losses.fitting.ranking import PointwiseRanking, queries
from sklearn_losses.fitting.rows import Rows
from sklearn_losses.losses.annotations import AnyLoss
from sklearn_losses.metrics.query_scorer import need_queries
from sklearn_losses.metrics.ranking import query_ndcg_score

__all__ = ["LossRanker"]

ONE_QUERY = (
    "LossRanker was given no qid, so that all rows are one query, each compared with all others; pass qid=, the "
    "query of each row. If it really is one query, qid=np.zeros(len(y)) says so."
)


class LossRanker(LossEstimator):
    """Learning to rank with any ranking loss and any solver, linear or multi-layer perceptron.

    Minimises ``mean loss of the queries + alpha * ((1 - l1_ratio)/2 * |w|^2 + l1_ratio * |w|_1)``,
    `w` all weights and never the intercepts. Queries with nothing to order (one row, or one
    relevance) are left out. Neither the order of the rows nor the names of the queries have an
    influence on the fit. A regression loss works too, row by row ("pointwise"): the fit is then
    that of `LossRegressor`, and queries matter for `score` alone.

    Parameters
    ----------
    loss : str, Loss or callable, default="ranknet"
        "ranknet", "pairwise_hinge", "squared_pairwise_hinge", "lambdarank", "lambdaloss",
        "listnet", "listmle", "xe_ndcg", "approx_ndcg", any regression loss, or an object such as
        ``LambdaRank(max_rank=10)``.
    solver : str, Solver or object with ``minimize``, default="auto"
        As for `LossRegressor`; the batches of stochastic solvers count queries.
    alpha : float or "auto", default="auto"
        Strength of the penalty, at least 0; "auto" is 1e-4 for ranking losses, and as for
        `LossRegressor` for others.
    l1_ratio : float, default=0.0
        Share of the absolute values in the penalty, from 0 (ridge) to 1 (lasso).
    model : str or Model, default=None
        As for `LossRegressor`.
    hidden_layer_sizes : tuple of int, default=()
        Units of the hidden layers of a multi-layer perceptron, short for
        ``model=MLP(hidden_layer_sizes, activation)``; () is the linear model.
    activation : {"relu", "tanh", "logistic", "identity"}, default="relu"
        The activation function of the hidden units.
    fit_intercept : bool, default=True
        Ranking losses see differences of scores alone: a linear model has intercept 0 with them.
    max_iter : int, default=1000
        Iterations at the most; for stochastic solvers, passes over the data.
    tol : float, default=0.0001
        As for `LossRegressor`.
    early_stopping : bool, default=False
        Hold queries out, stop when their loss no longer falls, and keep the best parameters.
    validation_fraction : float, default=0.1
        Share of the queries held out.
    n_iter_no_change : int, default=10
        Passes (iterations, with early stopping) without progress after which to stop.
    warm_start : bool, default=False
        As for `LossRegressor`: also a fit that was stopped goes on.
    random_state : int, RandomState or None, default=None
        Seeds the random parameters that a model starts from, shuffles and the held-out part; an int
        also the ties and perturbations that "listmle" and "xe_ndcg" draw once per fit (else: 0).
    verbose : int, default=0
        Print a line every this many iterations.
    checkpoint : str, path or Checkpoint, default=None
        A file to which `fit` saves itself every 10 iterations, as for `LossRegressor`.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,)
        Linear models only.
    intercept_ : float
        Linear models only.
    n_queries_ : int
        Queries that the fit used, for ranking losses those with something to order.
    factors_, params_, coefs_, intercepts_, alpha_, l1_ratio_, n_iter_, loss_, objective_, \
loss_curve_, validation_scores_, \
best_validation_score_, converged_, solver_, n_parameters_, n_passes_
        As for `LossRegressor`; for "lambdarank" and "lambdaloss" with the weights of the final
        ranking.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)

    See Also
    --------
    LossRegressor : For real targets.
    sklearn_losses.metrics.ranking : Metrics grouped by query, and scorers.

    Notes
    -----
    Weights are "per row, or one per query". A query counts with the mean weight of its rows; inside
    it a row counts as often as its weight exceeds the smallest one of the query: weights 2, 1, 1
    are the first row twice, and 3, 3, 3 a query three times. Rows of weight 0 are left out.

    With one query and a binary y the mean over pairs of "pairwise_hinge" or "ranknet" bounds 1 -
    AUC (up to a factor): the fit aims at the area under the ROC curve, whatever the balance of the
    classes.

    Under cross-validation each part of the data needs its query ids: switch on metadata routing
    (``sklearn.set_config(enable_metadata_routing=True)``), and ask for them,
    ``LossRanker().set_fit_request(qid=True).set_score_request(qid=True)``.

    Examples
    --------
    >>> from sklearn_losses import LossRanker, make_ranking
    >>> X, y, qid = make_ranking(n_queries=50, random_state=0)
    >>> ranker = LossRanker("listnet").fit(X, y, qid=qid)
    >>> ranker.predict(X).shape, ranker.score(X, y, qid=qid) > 0.9
    ((1000,), True)
    """

    _task = "ranking"
    _more_tasks = ("regression",)

    def __init__(
        self,
        loss: AnyLoss = "ranknet",
        *,
        solver: SolverLike = "auto",
        alpha: float | str = "auto",
        l1_ratio: float = 0.0,
        model: ModelLike = None,
        hidden_layer_sizes: Sequence[int] = (),
        activation: str = "relu",
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float = 1e-4,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = None,
        verbose: int | bool = 0,
        checkpoint: CheckpointLike = None,
    ) -> None:
        super().__init__(
            loss, solver=solver, alpha=alpha, l1_ratio=l1_ratio, model=model, hidden_layer_sizes=hidden_layer_sizes,
            activation=activation, fit_intercept=fit_intercept, max_iter=max_iter, tol=tol, early_stopping=early_stopping,
            validation_fraction=validation_fraction, n_iter_no_change=n_iter_no_change, warm_start=warm_start,
            random_state=random_state, verbose=verbose, checkpoint=checkpoint,
        )  # fmt: skip

    def _pointwise(self):
        return self._loss_spec().task != "ranking"

    # Fitting.

    def fit(
        self, X: ArrayLike, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None, *, qid: ArrayLike | None = None
    ) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Training rows, in any order.
        y : array-like of shape (n_samples,)
            Relevance of each row; larger is better.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, not negative, per row or the same for all rows of a query; see Notes.
        qid : array-like of shape (n_samples,), default=None
            The id of each row's query, of any hashable type; None: one query, with a warning for
            ranking losses.

        Returns
        -------
        self
        """
        for sentence in self._atomic(self._fit, X, y, sample_weight, qid):
            warnings.warn(sentence, ConvergenceWarning, stacklevel=2)
        if y is not None and self._is_one_query(qid):
            warnings.warn(ONE_QUERY, stacklevel=2)
        return self

    @available_where(steps_on_batches)
    def partial_fit(
        self, X: ArrayLike, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None, *, qid: ArrayLike | None = None
    ) -> Self:
        """One pass over the queries with a stochastic solver, from where the last call ended.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), default=None
        qid : array-like of shape (n_samples,), default=None
            Queries come whole: an id in another call is another query.

        Returns
        -------
        self
        """
        self._atomic(self._partial_fit, X, y, sample_weight, qid)
        if self._is_one_query(qid):
            warnings.warn(ONE_QUERY, stacklevel=2)
        return self

    def _is_one_query(self, qid):
        """All rows are compared with all others, and nobody said that they are to."""
        return qid is None and not self._pointwise()

    # Callbacks are told the arguments by these names.

    def _fit(self, X, y, sample_weight, qid):
        return super()._fit(X, y, sample_weight, qid=qid)

    def _partial_fit(self, X, y, sample_weight, qid):
        return super()._partial_fit(X, y, sample_weight, qid=qid)

    def _read_parts(self, parts, classes=None):
        if self._pointwise():
            return pointwise_parts(parts)
        loss = self._loss_spec()
        if loss.starts_from or not loss.smooth:
            raise ValueError(
                f"loss {loss.label!r} looks at the ranking of all rows at once, which a source of row blocks does not give; "
                "use 'ranknet' or 'squared_pairwise_hinge', or pass arrays."
            )
        return query_parts(parts, self._seed())

    def _seed(self):
        return self.random_state if isinstance(self.random_state, (int, np.integer)) else 0

    def _read(self, X, y, sample_weight, *, first, qid):
        X, y = validated(self, X, y, y_numeric=True, reset=first)
        y = column_or_1d(y, warn=True).astype(np.float64, copy=False)
        codes = codes_of(qid, X.shape[0])
        n_given = X.shape[0]
        X, y, codes, places, weight = with_weight(check_weights(sample_weight, n_given), X, y, codes, np.arange(n_given))
        if self._pointwise():
            task = PointwiseRanking(len(np.unique(codes)), qid is not None)
            return task, Rows(X, y, mean_one(weight), places, n_given)
        return queries(X, y, codes, weight, with_qid=qid is not None, seed=self._seed())

    # Using it.

    @lazy_on_dask
    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """A score per row; within a query, the row with the largest goes first.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features), or source

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        return self._of_rows(X, lambda raw: self._loss.inverse_link(raw))

    @ignoring_floating_errors
    def score(
        self, X: ArrayLike, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None, *, qid: ArrayLike | None = None
    ) -> float:
        """Mean NDCG over queries, with gains ``2**relevance - 1``.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features), or source
            A source of row blocks has relevances, weights and queries with it; a number of each row
            is kept, and its rows are not.
        y : array-like of shape (n_samples,)
            Relevances, at least 0; None for a source.
        sample_weight : array-like of shape (n_samples,), default=None
            A query counts with the mean weight of its rows.
        qid : array-like of shape (n_samples,), default=None
            Query ids; needed if the ranker was fitted with them.

        Returns
        -------
        float
            See `sklearn_losses.metrics.ranking.query_ndcg_score`.
        """
        if is_row_source(X):
            scores, y, sample_weight, qid = rows_of_source(self, X, y=y, sample_weight=sample_weight, qid=qid)
            need_queries(self, qid)
            return query_ndcg_score(y, scores, qid=qid, sample_weight=sample_weight)
        need_queries(self, qid)
        y = targets_given(y)
        scores = self.predict(X)
        check_consistent_length(X, y)
        return query_ndcg_score(y, scores, qid=qid, sample_weight=sample_weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.estimator_type = "ranker"
        tags.target_tags.required = True
        try:
            loss = self._loss_spec()
            tags.target_tags.positive_only = bool(
                getattr(loss, "needs_gains", False) or getattr(loss, "positive_target", False)
            )
        except ValueError:  # fit says what is wrong with the loss
            pass
        return tags
