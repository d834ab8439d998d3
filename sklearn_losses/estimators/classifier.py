"""LossClassifier."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from sklearn_losses.core.costs import MATRIX, ROWS, cheapest, checked_costs
from sklearn_losses.core.floating import ignoring_floating_errors
from sklearn_losses.core.validation import are_codes, check_weights, validated
from sklearn_losses.distributed.lazy import lazy_on_dask
from sklearn_losses.estimators.available import available_where
from sklearn_losses.estimators.base import LossEstimator
from sklearn_losses.estimators.components import ModelLike, SolverLike, steps_on_batches
from sklearn_losses.estimators.scores import Accuracy, score_in_blocks, targets_given
from sklearn_losses.fitting.checkpoint import CheckpointLike
from sklearn_losses.fitting.classification import labelled, soft_labelled
from sklearn_losses.fitting.sources import labelled_parts
from sklearn_losses.losses import CostSensitive, ExpectedCost
from sklearn_losses.losses.annotations import AnyLoss
from sklearn_losses.losses.base import Loss

__all__ = ["LossClassifier"]


def _gives_probabilities(estimator):
    loss = getattr(estimator, "_loss", None) or estimator._loss_spec()
    if loss.has_probabilities:
        return True
    if getattr(vars(estimator).get("_targets"), "by_cost", False) or isinstance(loss, (CostSensitive, ExpectedCost)):
        raise AttributeError(
            f"{type(estimator).__name__} was fitted with costs: its scores rank decisions by their costs and are no "
            "probabilities; fit a loss that has these, such as 'cross_entropy', without costs, and decide by "
            "predict(X, cost=...)."
        )
    known = sorted(name for name, maker in Loss.names().items() if maker.has_probabilities)
    raise AttributeError(
        f"loss {loss.label!r} gives no probabilities; use one of {', '.join(known)}, or wrap the classifier in "
        "sklearn.calibration.CalibratedClassifierCV."
    )


def _one_label_per_row(targets):
    """What to do with targets of several columns that are no probabilities."""
    one_hot = targets.dtype.kind in "biu" and np.all((targets == 0) | (targets == 1)) and np.all(targets.sum(axis=1) == 1)
    if one_hot:
        return (
            f"y is one-hot, with whole numbers in shape {targets.shape}: pass the labels, y.argmax(axis=1), or "
            "y.astype(float) to have the rows taken as probabilities of the classes (soft labels)."
        )
    return (
        f"LossClassifier takes one label per row, and y has shape {targets.shape}: fit a classifier per column "
        "(sklearn.multioutput.MultiOutputClassifier), or pass probabilities of the classes as floats (soft labels)."
    )


class LossClassifier(ClassifierMixin, LossEstimator):
    """Classification with any loss and any solver, linear or multi-layer perceptron.

    Minimises ``mean loss + alpha * ((1 - l1_ratio)/2 * |w|^2 + l1_ratio * |w|_1)``, the mean
    weighted by `sample_weight` times `class_weight`, `w` all weights and never the intercepts; the
    same formula for every loss and solver.

    Parameters
    ----------
    loss : str, Loss or callable, default="cross_entropy"
        A name such as "cross_entropy", "hinge" or "focal", an object such as ``Focal(gamma=1)``, or
        a function ``f(y_true, y_pred)`` of one-hot targets and raw scores that returns one value
        per row (see `sklearn_losses.losses.CustomLoss`).
    solver : str, Solver or object with ``minimize``, default="auto"
        As for `LossRegressor`.
    alpha : float or "auto", default="auto"
        Strength of the penalty, at least 0; "auto" is 1e-4, under costs times the mean difference
        between the dearest and the cheapest decision of a row. That of
        `sklearn.linear_model.LogisticRegression` is ``1 / (C * n_samples)``.
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
        Fit a constant per output, which is never penalised.
    max_iter : int, default=1000
        Iterations at the most; for stochastic solvers, passes over the data.
    tol : float, default=0.0001
        As for `LossRegressor`.
    early_stopping : bool, default=False
        Hold rows out (the same share of each class), stop when their loss no longer falls, keep the
        best parameters.
    validation_fraction : float, default=0.1
        Share of the rows held out.
    n_iter_no_change : int, default=10
        Passes (iterations, with early stopping) without progress after which to stop.
    warm_start : bool, default=False
        As for `LossRegressor`: also a fit that was stopped goes on.
    random_state : int, RandomState or None, default=None
        Seeds the random parameters that a model starts from, shuffles and the held-out part.
    verbose : int, default=0
        Print a line every this many iterations.
    checkpoint : str, path or Checkpoint, default=None
        A file to which `fit` saves itself every 10 iterations, as for `LossRegressor`.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class, times `sample_weight`; "balanced": ``n_samples / (n_classes * count of
        the class)``.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels in `y`. The fit is that of the classes of rows with a weight above zero; any
        other class has probability 0 and the lowest score.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Linear models only; one row for two classes, and zeros for a class without weight.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Linear models only; -1e30 for a class without weight.
    factors_ : ndarray of shape (1, n_features, rank) or (n_classes, n_features, rank)
        Factorization machines only, which have `coef_` and `intercept_` too, all without the
        classes that have no weight.
    params_ : ndarray of shape (n_params,)
        Models of your own only, unless they give their parameters other names.
    coefs_, intercepts_ : list of ndarray
        MLPs only: per layer the weights (n_in, n_out) and intercepts (n_out,).
    alpha_, l1_ratio_, n_iter_, loss_, objective_, loss_curve_, validation_scores_, \
best_validation_score_, converged_, solver_, n_parameters_, n_passes_
        As for `LossRegressor`.
    dual_gap_, gradient_norm_
        As for `LossRegressor`.
    row_weights_ : ndarray of shape (n_samples,)
        `Trimmed` only, as for `LossRegressor`.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)

    See Also
    --------
    LossRegressor : The same for real targets.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn_losses import LossClassifier
    >>> X, y = load_wine(return_X_y=True)
    >>> LossClassifier(loss="hinge", alpha=0.01).fit(X, y).score(X, y) > 0.98
    True
    """

    _task = "classification"

    def __init__(
        self,
        loss: AnyLoss = "cross_entropy",
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
        class_weight: Mapping[Any, float] | str | None = None,
    ) -> None:
        super().__init__(
            loss, solver=solver, alpha=alpha, l1_ratio=l1_ratio, model=model, hidden_layer_sizes=hidden_layer_sizes,
            activation=activation, fit_intercept=fit_intercept, max_iter=max_iter, tol=tol, early_stopping=early_stopping,
            validation_fraction=validation_fraction, n_iter_no_change=n_iter_no_change, warm_start=warm_start,
            random_state=random_state, verbose=verbose, checkpoint=checkpoint,
        )  # fmt: skip
        self.class_weight = class_weight

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        cost: ArrayLike | None = None,
    ) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features), or source
            Training rows, or a source of row blocks, which has targets and weights with it.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels, or probabilities of the classes as floats (soft labels); None for a source.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, not negative; 2 counts as the row twice, 0 as no row; their scale does not
            matter.
        cost : array-like of shape (n_samples, n_classes) or (n_samples, n_classes, n_classes), \
default=None
            What decisions cost, row by row, in the order of the sorted labels: ``cost[i, decided]``
            or ``cost[i, true, decided]``, of which the part of ``y[i]`` counts; negative costs are
            gains. The fit then minimises the costs of its decisions, and y only names the classes:
            `CostSensitive` and `ExpectedCost` take the costs in the place of their matrix, any
            other loss is fitted as ``CostSensitive(loss)``. There are no probabilities then. To
            decide by costs after a fit without them, see `predict`.

        Returns
        -------
        self
        """
        for sentence in self._atomic(self._fit, X, y, sample_weight, cost):
            warnings.warn(sentence, ConvergenceWarning, stacklevel=2)
        return self

    # Callbacks are told the arguments by these names.

    def _fit(self, X, y, sample_weight, cost):
        return super()._fit(X, y, sample_weight, cost=cost)

    def _read(self, X, y, sample_weight, *, first, cost, classes=None):
        targets, last = np.asarray(y), vars(self).get("_targets")
        soft = targets.ndim == 2 and targets.shape[1] > 1
        if soft and targets.dtype.kind != "f":
            raise ValueError(_one_label_per_row(targets))
        X, y = validated(self, X, y, reset=first, **({"multi_output": True, "y_numeric": True} if soft else {}))
        weight = check_weights(sample_weight, X.shape[0])
        if soft:
            if self.class_weight is not None:
                raise ValueError("class_weight needs hard labels, one class per row; use sample_weight with soft ones.")
            y = y.astype(np.float64, copy=False)
            return soft_labelled(X, y, weight, streaming=classes is not None, last=last, cost=cost)
        y = column_or_1d(y, warn=True)
        if not are_codes(y):
            check_classification_targets(y)
        return labelled(X, y, weight, classes=classes, class_weight=self.class_weight, last=last, cost=cost)

    def _read_parts(self, parts, classes=None):
        return labelled_parts(parts, self.class_weight, classes, vars(self).get("_targets"))

    def _checked_components(self):
        if not (self.class_weight is None or self.class_weight == "balanced" or isinstance(self.class_weight, dict)):
            raise ValueError(
                f"The 'class_weight' parameter of {type(self).__name__} must be a dict, 'balanced' or None. "
                f"Got {self.class_weight!r} instead."
            )
        return super()._checked_components()

    # The order of the arguments is that of scikit-learn's classifiers.
    @available_where(steps_on_batches)
    def partial_fit(  # type: ignore[override]  # `classes` comes third, as in scikit-learn
        self,
        X: ArrayLike,
        y: ArrayLike | None = None,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        cost: ArrayLike | None = None,
    ) -> Self:
        """One pass over the rows with a stochastic solver, from where the last call ended.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features), or source
        y : array-like of shape (n_samples,)
            None for a source.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come; needed by the first call.
        sample_weight : array-like of shape (n_samples,), default=None
        cost : array-like of shape (n_samples, n_classes) or (n_samples, n_classes, n_classes), \
default=None
            As for `fit`, in the order of the sorted `classes`; with every call or with none.

        Returns
        -------
        self
        """
        self._atomic(self._partial_fit, X, y, sample_weight, classes, cost)
        return self

    def _partial_fit(self, X, y, sample_weight, classes, cost):
        if isinstance(self.class_weight, str):
            raise ValueError("partial_fit cannot balance classes that it has not seen; pass a dict as class_weight.")
        known = getattr(self, "classes_", None)
        if classes is None and known is None:
            raise ValueError("The first call of partial_fit needs classes=, all labels that will ever come.")
        if classes is not None:
            classes = np.unique(classes)
            if known is not None and not np.array_equal(classes, known):
                raise ValueError(f"classes={classes.tolist()} differs from the first call's {known.tolist()}.")
            if len(classes) < 2:
                raise ValueError(f"classes must hold at least two labels. Got {classes.tolist()}.")
        last = vars(self).get("_targets")
        if last is not None and last.by_cost is (cost is None):
            said = ("had no costs", "this one has some") if cost is not None else ("had costs", "this one has none")
            raise ValueError(f"The last fit {said[0]}, and {said[1]}: partial_fit needs cost= with every call or with none.")
        return super()._partial_fit(X, y, sample_weight, cost=cost, classes=known if classes is None else classes)

    @lazy_on_dask
    def decision_function(self, X: ArrayLike) -> NDArray[Any]:
        """Raw scores.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features), or source

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes one score, positive for ``classes_[1]``.
        """
        return self._of_rows(X, lambda raw: self._targets.scores_of_all(raw))

    @lazy_on_dask
    def predict(self, X: ArrayLike, *, cost: ArrayLike | None = None) -> NDArray[Any]:
        """The label with the highest score, or that of least expected cost.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        cost : array-like of shape (n_samples, n_classes, n_classes) or (n_classes, n_classes), \
default=None
            ``cost[i, true, decided]``, or ``cost[true, decided]`` for all rows, in the order of
            `classes_`; negative costs are gains. The decision is the class k of least ``sum_j p[i,
            j] cost[i, j, k]``, with the probabilities `predict_proba`, which the loss must have; of
            classes that cost the same it is the most probable one.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        if cost is not None:
            return self._of_least_cost(X, cost)
        return self._of_rows(X, lambda raw: self._targets.labels(raw))

    def _of_least_cost(self, X, cost):
        check_is_fitted(self)
        try:
            proba = self.predict_proba(X)
        except AttributeError as error:
            raise ValueError(f"predict(X, cost=...) decides by probabilities. {error}") from error
        return self.classes_[cheapest(proba, checked_costs(cost, len(proba), self.classes_, takes=(MATRIX, ROWS)))]

    @available_where(_gives_probabilities)
    @lazy_on_dask
    def predict_proba(self, X: ArrayLike) -> NDArray[Any]:
        """Class probabilities, for losses that have them.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features), or source

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`.
        """
        return self._of_rows(X, lambda raw: self._targets.columns_of_all(_by_class(raw, self._loss.inverse_link), 0.0))

    @available_where(_gives_probabilities)
    @lazy_on_dask
    def predict_log_proba(self, X: ArrayLike) -> NDArray[Any]:
        """Logarithms of the class probabilities.

        They are finite where a probability is too small for its type, and -inf where it is 0.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        return self._of_rows(X, self._log_proba)

    def _log_proba(self, raw):
        proba, logs = _by_class(raw, self._loss.inverse_link), _by_class(raw, self._loss.log_inverse_link)
        positive = proba >= np.finfo(proba.dtype).tiny
        return self._targets.columns_of_all(np.log(proba, out=logs, where=positive), -np.inf)

    @ignoring_floating_errors
    def score(self, X: ArrayLike, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None) -> float:
        """The accuracy of `predict`, as scikit-learn's classifiers have it.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features), or source
            A source of row blocks has the labels and weights with it.
        y : array-like of shape (n_samples,)
            None for a source.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        float
        """
        score = score_in_blocks(self, X, y, sample_weight, Accuracy)
        return super().score(X, targets_given(y), sample_weight) if score is None else score


def _by_class(raw, link):
    """What a link makes of raw scores, a column per class; one score is the second class's."""
    return link(raw) if raw.ndim > 1 else np.stack([link(-raw), link(raw)], axis=1)
