"""LossRanker."""

import warnings

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.validation import check_consistent_length, validate_data

from sklearn_losses.core.batches import QueryBatches
from sklearn_losses.core.floating import ignoring_floating_errors
from sklearn_losses.core.queries import Queries, codes_of, group
from sklearn_losses.core.validation import check_weights, mean_one
from sklearn_losses.estimators.available import available_where
from sklearn_losses.estimators.base import LossEstimator, Rows, _steps_on_batches
from sklearn_losses.fitting.staged import RankingObjective, Staged
from sklearn_losses.metrics.ranking import need_queries, query_ndcg_score
from sklearn_losses.models import Linear

__all__ = ["LossRanker"]


class LossRanker(LossEstimator):
    """Learning to rank with any ranking loss and any solver, linear or multi-layer perceptron.

    Minimises ``mean loss of the queries + alpha * ((1 - l1_ratio)/2 * |w|^2 + l1_ratio * |w|_1)``, `w` all weights and never
    the intercepts. Queries with nothing to order (one row, or one relevance) are left out. Neither the order of the rows nor
    the names of the queries have an influence on the fit. A regression loss works too, row by row ("pointwise"): the fit is
    then that of `LossRegressor`, and queries matter for `score` alone.

    Parameters
    ----------
    loss : str, Loss or callable, default="ranknet"
        "ranknet", "pairwise_hinge", "squared_pairwise_hinge", "lambdarank", "lambdaloss", "listnet", "listmle", "xe_ndcg",
        "approx_ndcg", any regression loss, or an object such as ``LambdaRank(max_rank=10)``.
    solver : str, Solver or object with ``minimize``, default="auto"
        As for `LossRegressor`; the batches of stochastic solvers count queries.
    alpha : float or "auto", default="auto"
        Strength of the penalty, at least 0; "auto" is 1e-4 for ranking losses, and as for `LossRegressor` for others.
    l1_ratio : float, default=0.0
        Share of the absolute values in the penalty, from 0 (ridge) to 1 (lasso).
    hidden_layer_sizes : tuple of int, default=()
        Units of the hidden layers; () is the linear model.
    activation : {"relu", "tanh", "logistic", "identity"}, default="relu"
        Of the hidden units.
    fit_intercept : bool, default=True
        Ranking losses see differences of scores alone: a linear model has intercept 0 with them.
    max_iter : int, default=1000
        Iterations at the most; for stochastic solvers, passes over the data.
    tol : float, default=1e-6
        As for `LossRegressor`.
    early_stopping : bool, default=False
        Hold queries out, stop when their loss no longer falls, and keep the best parameters.
    validation_fraction : float, default=0.1
        Share of the queries held out.
    n_iter_no_change : int, default=10
        Passes (iterations, with early stopping) without progress after which to stop.
    warm_start : bool, default=False
        Start from the last fit; a stochastic solver goes on exactly where it was.
    random_state : int, RandomState or None, default=None
        Seeds an MLP's first weights, shuffles, the held-out part; an int also the ties and perturbations that
        "listmle" and "xe_ndcg" draw once per fit (else: 0).
    verbose : int, default=0
        Print a line every this many iterations.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,)
        Linear models only.
    intercept_ : float
        Linear models only.
    n_queries_ : int
        Queries that the fit used, for ranking losses those with something to order.
    coefs_, intercepts_, alpha_, l1_ratio_, n_iter_, loss_, objective_, loss_curve_, validation_scores_, \
best_validation_score_, converged_, solver_, n_parameters_
        As for `LossRegressor`; for "lambdarank" and "lambdaloss" with the weights of the final ranking.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)

    See Also
    --------
    LossRegressor : For real targets.
    sklearn_losses.metrics.ranking : Metrics grouped by query, and scorers.

    Notes
    -----
    Weights are "per row, or one per query". A query counts with the mean weight of its rows; inside it a row counts as often
    as its weight exceeds the smallest one of the query: weights 2, 1, 1 are the first row twice, and 3, 3, 3 a query three
    times. Rows of weight 0 are left out.

    With one query and a binary y the mean over pairs of "pairwise_hinge" or "ranknet" bounds 1 - AUC (up to a factor): the
    fit aims at the area under the ROC curve, whatever the balance of the classes.

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
    _why_unbounded = "the features put all pairs in order"
    _more_tasks = ("regression",)
    _frames = 7

    def __init__(
        self, loss="ranknet", *, solver="auto", alpha="auto", l1_ratio=0.0, hidden_layer_sizes=(), activation="relu",
        fit_intercept=True, max_iter=1000, tol=1e-6, early_stopping=False, validation_fraction=0.1, n_iter_no_change=10,
        warm_start=False, random_state=None, verbose=0,
    ):  # fmt: skip
        super().__init__(
            loss, solver=solver, alpha=alpha, l1_ratio=l1_ratio, hidden_layer_sizes=hidden_layer_sizes, activation=activation,
            fit_intercept=fit_intercept, max_iter=max_iter, tol=tol, early_stopping=early_stopping,
            validation_fraction=validation_fraction, n_iter_no_change=n_iter_no_change, warm_start=warm_start,
            random_state=random_state, verbose=verbose,
        )  # fmt: skip

    def _pointwise(self):
        return self._loss_spec().task != "ranking"

    # Fitting.

    def fit(self, X, y, sample_weight=None, *, qid=None):
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
            The id of each row's query, of any hashable type; None: one query, with a warning for ranking losses.

        Returns
        -------
        self
        """
        self._atomic(self._fit, X, y, sample_weight, qid)
        self._warn_of_one_query(qid)
        return self

    @available_where(_steps_on_batches)
    def partial_fit(self, X, y, sample_weight=None, *, qid=None):
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
        self._warn_of_one_query(qid)
        return self

    def _warn_of_one_query(self, qid):
        if qid is None and not self._pointwise():
            warnings.warn(
                "LossRanker was given no qid, so that all rows are one query, each compared with all others; pass qid=, the "
                "query of each row. If it really is one query, qid=np.zeros(len(y)) says so.",
                stacklevel=3,
            )

    # Callbacks are told the arguments by these names.

    def _fit(self, X, y, sample_weight, qid):
        return super()._fit(X, y, sample_weight, qid=qid)

    def _partial_fit(self, X, y, sample_weight, qid):
        return super()._partial_fit(X, y, sample_weight, qid=qid)

    def _rows(self, X, y, sample_weight, *, first, qid):
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=[np.float64, np.float32], y_numeric=True, reset=first)
        y = column_or_1d(y, warn=True).astype(np.float64, copy=False)
        codes = codes_of(qid, X.shape[0])
        weight = check_weights(sample_weight, X.shape[0])
        if weight is not None and not np.all(weight > 0):
            kept = weight > 0
            X, y, codes, weight = X[kept], y[kept], codes[kept], weight[kept]
        attributes = {"_with_qid": qid is not None}
        if self._pointwise():
            attributes["n_queries_"] = len(np.unique(codes))
            return Rows(X, y, mean_one(weight)), attributes
        order, offsets = _canonical(X, y, codes)
        ordered = Queries(y[order], offsets, draw=np.zeros(len(y)))
        orderable = np.flatnonzero(ordered.pairs > 0)
        if len(orderable) == 0:
            raise ValueError(
                f"No query has rows of two different relevances, so there is nothing to order: {len(offsets) - 1} queries, "
                f"n_samples={len(y)}; look at y and qid, or use a regression loss such as loss='mse'."
            )
        order = order[ordered.rows(orderable)]
        ordered = ordered.part(orderable)
        X, weight = X[order], np.ones(len(order)) if weight is None else weight[order]
        queries = Queries(
            ordered.relevance,
            ordered.offsets,
            copies=_none_if_equal(weight / ordered.spread(np.minimum.reduceat(weight, ordered.offsets[:-1]))),
            weight=mean_one(ordered.sum(weight) / ordered.lengths),
            draw=self._draw(X, ordered.relevance),
        )
        attributes["n_queries_"] = len(queries)
        return Rows(X, queries, mean_one(weight)), attributes

    def _draw(self, X, relevance):
        """One number in [0, 1) per row; equal rows share theirs, whatever their query, so that a query may come twice."""
        seed = self.random_state if isinstance(self.random_state, (int, np.integer)) else 0
        order = np.lexsort((relevance, _key(X)))
        ordered = X[order]
        same = np.asarray(abs(ordered[1:] - ordered[:-1]).sum(axis=1)).ravel() == 0
        same &= np.diff(relevance[order]) == 0
        numbers = np.empty(len(order), dtype=np.intp)
        numbers[order] = np.cumsum(np.concatenate([[True], ~same])) - 1
        return np.random.default_rng(seed).uniform(size=numbers.max() + 1)[numbers]

    def _n_outputs(self, attributes):
        return 1

    def _flat_output(self, attributes):
        return True

    def _split(self, rows, rng):
        if self._pointwise():
            return super()._split(rows, rng)
        y = rows.y
        held = max(1, round(self.validation_fraction * len(y)))
        if held >= len(y):
            raise ValueError(
                f"early_stopping=True cannot hold out validation_fraction={self.validation_fraction} of {len(y)} queries with "
                "something to order; use early_stopping=False, or pass qid."
            )
        shuffled = rng.permutation(len(y))
        parts = []
        for queries in (np.sort(shuffled[held:]), np.sort(shuffled[:held])):
            part = y.part(queries)
            part.weight = None if part.weight is None else mean_one(part.weight)
            where = y.rows(queries)
            parts.append(Rows(rows.X[where], part, None if rows.weight is None else mean_one(rows.weight[where])))
        return tuple(parts)

    def _model_for(self, n_features, n_outputs):
        if not (self._hidden_sizes() or self._pointwise()):
            return Linear(n_features, n_outputs, fit_intercept=False)
        return super()._model_for(n_features, n_outputs)

    def _start(self, loss, solver, *arguments, **keywords):
        fit = super()._start(loss, solver, *arguments, **keywords)
        staged = fit.loss.starts_from and not fit.solver.stochastic
        return fit._replace(solver=Staged(fit.solver)) if staged else fit

    def _objective(self, loss, model, strength, rows, standardization, dtype):
        if loss.task != "ranking":
            return super()._objective(loss, model, strength, rows, standardization, dtype)
        factors = model.weights() if standardization is None else standardization.factors(model)
        penalty = strength.penalty(factors.astype(dtype))
        return RankingObjective(loss, model, penalty, QueryBatches(rows.X, rows.y, standardization, dtype))

    # Using it.

    @ignoring_floating_errors
    def predict(self, X):
        """A score per row; within a query, the row with the largest goes first.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        raw = self._raw(X)
        return self._loss.inverse_link(raw)

    @ignoring_floating_errors
    def score(self, X, y, sample_weight=None, *, qid=None):
        """Mean NDCG over queries, with gains ``2**relevance - 1``.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
            Relevances, at least 0.
        sample_weight : array-like of shape (n_samples,), default=None
            A query counts with the mean weight of its rows.
        qid : array-like of shape (n_samples,), default=None
            Query ids; needed if the ranker was fitted with them.

        Returns
        -------
        float
            See `sklearn_losses.metrics.ranking.query_ndcg_score`.
        """
        need_queries(self, qid)
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


def _canonical(X, y, codes):
    """An order of rows that depends on their content alone, queries together, and the offsets of the queries.

    Queries come by the least of their rows, rows by relevance, from the best; a fixed projection of X breaks ties, so
    that equal rows lie side by side.
    """
    key = _key(X)
    order, offsets = group(codes)
    least = np.minimum.reduceat(key[order], offsets[:-1])
    query = np.empty(len(y), dtype=np.intp)
    query[order] = np.repeat(np.argsort(np.argsort(least, kind="stable")), np.diff(offsets))
    order = np.lexsort((key, -y, query))
    return order, group(query[order])[1]


def _key(X):
    """A number per row that depends on its content alone; no two rows that differ are likely to share it."""
    projection = np.sqrt(2.0) + np.modf(np.arange(1, X.shape[1] + 1) * np.sqrt(5.0))[0]
    return np.asarray(X @ projection, dtype=np.float64).ravel()


def _none_if_equal(values):
    return None if np.all(values == values[0]) else values
