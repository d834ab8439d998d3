"""LossRanker."""

from __future__ import annotations

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
    "LossRanker was given no qid, and takes all rows for one query. Pass qid=, the query of each row; if all rows "
    "are one query, pass qid=np.zeros(len(y))."
)


class LossRanker(LossEstimator):
    """Linear or network ranking with any ranking loss, fitted by any solver.

    Learns scores that order the rows of each query by relevance. Minimises ``mean loss of the
    queries + alpha * ((1 - l1_ratio)/2 * |w|^2 + l1_ratio * |w|_1)``, where `w` are all weights of
    the model without the intercepts. Queries with nothing to order (one row, or one relevance) are
    left out. Neither the order of the rows nor the names of the queries have an influence on the
    fit.

    X may be an array, a sparse matrix, a dataframe, a source of row blocks (see
    `sklearn_losses.blocks`) or a Dask collection. Standardise features of different size
    (`sklearn.preprocessing.StandardScaler`), since the penalty counts the coefficients in the units
    of X.

    Parameters
    ----------
    loss : str, Loss or callable, default="ranknet"
        What a wrong ranking costs: a name, an object of `sklearn_losses.losses` with parameters of
        its own such as ``LambdaRank(max_rank=10)``, or a function ``f(y_true, y_pred)`` that
        returns one value per row. The names by purpose:

        - Pairs of rows in the right order, convex: "ranknet", "pairwise_hinge",
          "squared_pairwise_hinge".
        - NDCG, in which the top of the ranking counts most: "lambdarank", "lambdaloss",
          "approx_ndcg".
        - The whole list at once, convex: "listnet", "listmle", "xe_ndcg".
        - Regression losses, row by row (pointwise ranking): the names of `LossRegressor`, such as
          the squared error ``"mse"``. The fit is then that of `LossRegressor`, and queries matter
          for `score` alone.

        Parameters of a loss are set by ``set_params(loss__max_rank=10)``, also while `loss` is a
        name.
    solver : str, Solver or object with ``minimize``, default="auto"
        What minimises the objective: a name, an object such as ``SGD(learning_rate=0.1)``, or an
        object of your own with a method `minimize`. All solvers minimise the same objective. They
        differ in speed and in the losses, models and penalties that they accept; one that does not
        accept yours raises a ValueError that names another. A loss with kinks is one whose slope
        jumps, such as the absolute error or the hinge loss. The names:

        - "auto" chooses by the loss, the model, the penalty and the size of the data. The attribute
          `solver_` names the solver that ran.
        - Linear models, to the exact optimum: "newton" (smooth losses), "proximal_newton" (L1
          penalties), "interior_point" (losses with kinks), "augmented_lagrangian" (losses with
          kinks, many columns).
        - Any loss and model, all rows in each step: "lbfgs" (quasi-Newton), "gd" (gradient
          descent).
        - Any loss and model, a batch of rows in each step: "sgd", "adam" (networks), "svrg". With
          these the estimator has `partial_fit`.
        - Methods of `scipy.optimize.minimize`: "bfgs", "cg", "newton-cg", "tnc", "slsqp",
          "trust-constr", "trust-krylov", "trust-ncg"; "scipy" is BFGS unless ``Scipy(method)`` says
          otherwise.

        The batches of ranking losses count queries. Parameters of a solver are set by
        ``set_params(solver__learning_rate=0.1)``, also while `solver` is a name.
    alpha : float or "auto", default="auto"
        Strength of the penalty, at least 0. A larger value gives smaller coefficients, and 0 is no
        penalty. A number is the alpha of the formula above: its effect depends on the units of X.
        "auto" is 1e-4 for ranking losses, and as for `LossRegressor` for regression losses.
    l1_ratio : float, default=0.0
        Share of the L1 penalty (absolute values) in the penalty, from 0 (ridge) to 1 (lasso). Above
        0, some coefficients are exactly 0; a larger value gives more of them.
    model : str or Model, default=None
        How the scores are computed from the features: "linear", "mlp" (a multi-layer perceptron),
        "factorization_machine" (linear, with an interaction of low rank for each pair of columns),
        or an object of `sklearn_losses.models` such as ``FactorizationMachine(rank=4)``. None is
        "linear", or the network that `hidden_layer_sizes` describes.
    hidden_layer_sizes : tuple of int, default=()
        Number of units in each hidden layer of a multi-layer perceptron: short for
        ``model=MLP(hidden_layer_sizes, activation)``. () is the linear model. More units fit more
        complex functions, take longer and overfit sooner.
    activation : {"relu", "tanh", "logistic", "identity"}, default="relu"
        Activation function of the hidden units. Only used with `hidden_layer_sizes`.
    fit_intercept : bool, default=True
        Whether to fit a constant for each output. It is never penalised. Ranking losses see
        differences of scores alone, so that a linear model has intercept 0 with them.
    max_iter : int, default=1000
        Maximum number of iterations; for solvers that step on batches, of passes over the data. A
        fit that ends before `tol` is reached raises a `ConvergenceWarning`. Some iterations solve
        equations by conjugate gradients, which takes many products with X: a fit makes at most
        ``10 * max_iter`` of these products.
    tol : float, default=0.0001
        How close to its minimum the objective must be. The remaining distance is at most `tol`
        times the objective, and at most `tol` times what the coefficients reduce the objective by,
        compared with intercepts alone. A larger value gives a faster and less exact fit. For losses
        with kinks a duality gap proves the distance (see `dual_gap_`), for smooth losses Newton's
        model of the objective estimates it. A fit that is not shown to be so close raises a
        `ConvergenceWarning`. Small fits go on to the exact optimum. Solvers that step on batches,
        and networks, cannot tell the distance. They stop once the loss has not fallen by more than
        ``tol / 100`` of its value for `n_iter_no_change` passes.
    early_stopping : bool, default=False
        Whether to hold out queries, to stop when their loss no longer falls, and to keep the
        parameters with their lowest loss.
    validation_fraction : float, default=0.1
        Share of the queries that early stopping holds out, between 0 and 1. A larger share measures
        their loss better and leaves fewer queries to fit.
    n_iter_no_change : int, default=10
        Number of passes over the data (with early stopping, of iterations) without progress after
        which the fit stops. A larger value is slower and stops less often by chance. Not used by
        solvers that work on all rows at once without early stopping.
    warm_start : bool, default=False
        Whether `fit` starts from the last fit. With the same data and parameters, a fit that
        `max_iter`, a callback or Ctrl-C stopped goes on where it was, also after pickling;
        `max_iter` counts the further iterations. With other data or parameters, `fit` starts from
        the last coefficients.
    random_state : int, RandomState or None, default=None
        Seed of the random numbers: of the order of the batches, of the first parameters of networks
        and factorization machines, and of the queries that early stopping holds out. An int also
        seeds the order of ties and the perturbations that "listmle" and "xe_ndcg" draw once per
        fit. Pass an int for the same result in each call.
    verbose : int, default=0
        Print one line (objective, length of the step, time left) after every `verbose` iterations.
        0 prints nothing.
    checkpoint : str, path or Checkpoint, default=None
        A file to which `fit` saves itself every 10 iterations, or as often as
        ``Checkpoint(path, every=...)`` says. After a crash ``joblib.load(path)`` gives an estimator
        whose `fit` on the same data goes on from there. None saves nothing.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,)
        Coefficients of the scores, in the units of X. Only for linear models and factorization
        machines.
    intercept_ : float
        Intercept of the scores; 0 with ranking losses. Only for linear models and factorization
        machines.
    factors_ : ndarray of shape (n_features, rank)
        Factors of the interactions. Only for factorization machines, which have `coef_` and
        `intercept_` as well.
    coefs_ : list of ndarray
        Weights of each layer, of shape (n_in, n_out). Only for multi-layer perceptrons.
    intercepts_ : list of ndarray
        Intercepts of each layer, of shape (n_out,). Only for multi-layer perceptrons.
    params_ : ndarray of shape (n_params,)
        All parameters in one vector. Only for models of your own that do not name theirs.
    n_queries_ : int
        Number of queries that the fit used; for ranking losses, of those with something to order.
    alpha_ : float
        Strength of the penalty that the fit used: `alpha`, or what "auto" found.
    l1_ratio_ : float
        Share of the absolute values in the penalty that the fit used.
    n_iter_ : int
        Number of iterations; for solvers that step on batches, of passes over the data.
    n_passes_ : int
        Number of times that the rows were read. Only after a fit of a source of row blocks or of a
        Dask collection.
    loss_ : float
        Mean training loss of the queries, without the penalty; for "lambdarank" and "lambdaloss"
        with the weights of the final ranking.
    objective_ : float
        Mean training loss plus the penalty: the value that was minimised.
    loss_curve_ : list of float
        The objective after each iteration. For a loss with kinks under a solver of smooth losses it
        is that of the smoothed loss.
    validation_scores_ : list of float
        Minus the mean loss of the held-out queries after each iteration. Only with
        `early_stopping`.
    best_validation_score_ : float
        The largest of `validation_scores_`. Only with `early_stopping`.
    converged_ : bool
        Whether the fit is shown to be as close to the minimum as `tol` asks for. For solvers that
        step on batches, whether they stopped by the rule that `tol` describes.
    solver_ : str
        Name of the solver that ran; several names, joined by ", ", where one stalled and the next
        went on.
    dual_gap_ : float
        Proven bound on ``(objective_ - minimum) / objective_``, from the duality gap. inf where
        nothing can be proven, as for nearly dependent columns without a penalty; the fit has not
        converged then. Only for linear models with a convex loss with kinks, and not after solvers
        that step on batches.
    gradient_norm_ : float
        Largest entry of the gradient of the objective, in the units of X and y; under an L1
        penalty, of the smallest subgradient. Only for linear models with a smooth loss, and not
        after solvers that step on batches.
    n_parameters_ : int
        Number of parameters of the model, with intercepts and constants that the loss learns.
    scale_ : float
        Scale of the residuals, in the units of y. Only for regression losses with a parameter
        `scale`, such as "huber", and for "adaptive_barron".
    shape_ : float
        The learned shape of Barron's loss. Only for "adaptive_barron".
    row_weights_ : ndarray of shape (n_samples,)
        Weight of each training row in the last step, as for `LossRegressor`. Only for losses that
        have `scale_` and for `Trimmed`.
    start_ : str
        Where the fit started: "resistant", "mae", or "mae: " and why a resistant start was not
        possible. Only for losses with a parameter `start`.
    n_features_in_ : int
        Number of features of X in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features. Only if all columns of X have names that are strings.

    See Also
    --------
    LossRegressor : The same for real targets.
    LossClassifier : The same for classes.
    make_ranking : Makes synthetic ranking data.
    sklearn_losses.metrics.query_ndcg_score : The metric of `score`; more are next to it.
    sklearn_losses.metrics.QueryScorer : A scorer for cross-validation.

    Notes
    -----
    The weight of a query is the mean weight of its rows: a query with the weights 3, 3, 3 counts as
    three equal queries. Within a query, the weight of a row divided by the smallest weight of the
    query is a number of copies of the row: with the weights 2, 1, 1 the first row counts as two
    rows. Rows of weight 0 are left out.

    With one query and a binary y the mean over pairs of "pairwise_hinge" or "ranknet" bounds 1 -
    AUC (up to a factor): the fit aims at the area under the ROC curve, whatever the balance of the
    classes.

    Under cross-validation each part of the data needs its query ids. Switch on metadata routing,
    ``sklearn.set_config(enable_metadata_routing=True)``, and ask for them,
    ``LossRanker().set_fit_request(qid=True).set_score_request(qid=True)``.

    References
    ----------
    .. [1] Burges, "From RankNet to LambdaRank to LambdaMART: an overview", Microsoft Research
       Technical Report MSR-TR-2010-82 (2010).
    .. [2] Liu, "Learning to rank for information retrieval", Foundations and Trends in Information
       Retrieval 3 (2009).

    Examples
    --------
    >>> from sklearn_losses import LossRanker, make_ranking
    >>> X, y, qid = make_ranking(n_queries=50, random_state=0)
    >>> ranker = LossRanker("listnet").fit(X, y, qid=qid)
    >>> ranker.predict(X).shape, ranker.score(X, y, qid=qid) > 0.9
    ((1000,), True)

    In a pipeline, `qid` is passed to the last step by its name:

    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> pipeline = make_pipeline(StandardScaler(), LossRanker())
    >>> pipeline.fit(X, y, lossranker__qid=qid).predict(X).shape
    (1000,)

    A grid search over losses whose folds keep queries whole:

    >>> from sklearn import config_context
    >>> from sklearn.model_selection import GridSearchCV, GroupKFold
    >>> with config_context(enable_metadata_routing=True):
    ...     ranker = LossRanker().set_fit_request(qid=True)
    ...     ranker = ranker.set_score_request(qid=True)
    ...     grid = {"loss": ["ranknet", "listnet", "mse"]}
    ...     search = GridSearchCV(ranker, grid, cv=GroupKFold(3))
    ...     search = search.fit(X, y, qid=qid, groups=qid)
    >>> bool(search.best_score_ > 0.9)
    True
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
        """Fit the model to training rows and their queries.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features), or source
            Training rows, in any order: an array, a sparse matrix, a dataframe, a source of row
            blocks (see `sklearn_losses.blocks`), or a Dask collection.
        y : array-like of shape (n_samples,), default=None
            Relevance of each row; larger is better. None for a source, which has it with it.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, at least 0: per row, or the same for all rows of a query; see Notes of the
            class. None is 1 for each row.
        qid : array-like of shape (n_samples,), default=None
            The query of each row, as an id of any hashable type; the rows of a query need not be
            next to each other. None takes all rows for one query, with a warning unless the loss is
            a regression loss.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter is outside its range, a name is unknown, the loss is one for another
            task, the solver cannot take the loss, the model or the penalty, or the data are unfit:
            nan or infinity, a wrong shape, no query with something to order.
        OSError
            If the file of `checkpoint` cannot be written.

        Warns
        -----
        ConvergenceWarning
            If the fit did not get as close to the minimum as `tol` asks for. The message says what
            to change.
        UserWarning
            If the loss is a ranking loss and `qid` is not given.
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
        """Make one pass over the queries, from where the last call ended.

        Only with a solver that steps on batches, such as "adam". The first call begins a new fit,
        and further calls may bring other queries.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features), or source
            Rows of this call.
        y : array-like of shape (n_samples,), default=None
            Relevance of each row; None for a source, which has it with it.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, at least 0, as for `fit`.
        qid : array-like of shape (n_samples,), default=None
            The query of each row. Queries must come whole: the same id in another call is another
            query.

        Returns
        -------
        self
            The estimator after the pass.

        Raises
        ------
        AttributeError
            If the solver does not step on batches.
        ValueError
            As for `fit`, if the columns differ from those of the last call, and with
            ``early_stopping=True``.

        Warns
        -----
        UserWarning
            If the loss is a ranking loss and `qid` is not given.
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
                f"The loss {loss.label!r} needs all rows at once, so it cannot be fitted to a source of row blocks; use "
                "'ranknet' or 'squared_pairwise_hinge', or pass arrays."
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
        """Predict a score for each row; within a query the largest is ranked first.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features), or source
            Rows, with the columns of the training rows. A Dask collection gives a lazy prediction.

        Returns
        -------
        ndarray of shape (n_samples,)
            Scores. Those of different queries are not comparable with ranking losses.
        """
        return self._of_rows(X, lambda raw: self._loss.inverse_link(raw))

    @ignoring_floating_errors
    def score(
        self, X: ArrayLike, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None, *, qid: ArrayLike | None = None
    ) -> float:
        """Return the mean NDCG over queries, with gains ``2**relevance - 1``.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features), or source
            Test rows. A source of row blocks has relevances, weights and queries with it.
        y : array-like of shape (n_samples,), default=None
            Relevances, at least 0; None for a source.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows. A query counts with the mean weight of its rows.
        qid : array-like of shape (n_samples,), default=None
            The query of each row. Needed if the ranker was fitted with queries.

        Returns
        -------
        float
            The score of `sklearn_losses.metrics.query_ndcg_score`, between 0 and 1.

        Raises
        ------
        ValueError
            If `y` is missing, or `qid` is missing although `fit` had one.
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
