"""LossClassifier."""

from __future__ import annotations

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
            f"{type(estimator).__name__} gives no probabilities if it minimises costs of decisions: its scores rank decisions "
            "by their costs. Fit a loss with probabilities, such as 'cross_entropy', without costs, and decide by "
            "predict(X, cost=...)."
        )
    known = sorted(name for name, maker in Loss.names().items() if maker.has_probabilities)
    raise AttributeError(
        f"The loss {loss.label!r} gives no probabilities; use one of {', '.join(known)}, or wrap the classifier in "
        "sklearn.calibration.CalibratedClassifierCV."
    )


def _one_label_per_row(targets):
    """What to do with targets of several columns that are no probabilities."""
    one_hot = targets.dtype.kind in "biu" and np.all((targets == 0) | (targets == 1)) and np.all(targets.sum(axis=1) == 1)
    if one_hot:
        return (
            f"y is one-hot, with integers in shape {targets.shape}. Pass the labels, y.argmax(axis=1), or pass "
            "y.astype(float), whose rows are taken as probabilities of the classes (soft labels)."
        )
    return (
        f"LossClassifier takes one label per row, but y has shape {targets.shape}. Fit a classifier per column "
        "(sklearn.multioutput.MultiOutputClassifier), or pass probabilities of the classes as floats (soft labels)."
    )


class LossClassifier(ClassifierMixin, LossEstimator):
    """Linear or network classification with any loss, fitted by any solver.

    Minimises ``mean loss + alpha * ((1 - l1_ratio)/2 * |w|^2 + l1_ratio * |w|_1)``. The mean is
    weighted by `sample_weight` times `class_weight`, and `w` are all weights of the model without
    the intercepts. The formula is the same for every loss, solver and model, so that `alpha` means
    the same everywhere.

    `y` holds labels of any type, for two or more classes, or probabilities of the classes (soft
    labels). X may be an array, a sparse matrix, a dataframe, a source of row blocks (see
    `sklearn_losses.blocks`) or a Dask collection. Standardise features of different size
    (`sklearn.preprocessing.StandardScaler`), since the penalty counts the coefficients in the units
    of X.

    Parameters
    ----------
    loss : str, Loss or callable, default="cross_entropy"
        What a wrong prediction costs: a name, an object of `sklearn_losses.losses` with parameters
        of its own such as ``Focal(gamma=1)``, or a function ``f(y_true, y_pred)`` of one-hot
        targets and raw scores that returns one value per row (see
        `sklearn_losses.losses.CustomLoss`). The names by purpose; those of the first three lines
        give probabilities:

        - Probabilities: "cross_entropy", and "focal", in which rows that are classified right count
          less.
        - Wrong labels, bounded losses, not convex: "generalized_cross_entropy",
          "symmetric_cross_entropy", "active_passive", "bi_tempered".
        - Wrong labels, targets mixed with the model's own probabilities: "bootstrapped".
        - Labels, convex: "hinge" (support vectors), "squared_hinge", "modified_huber",
          "exponential", "perceptron", "crammer_singer" (one hinge for all classes).
        - Costs of decisions: "expected_cost" (``ExpectedCost(cost)``), not convex.

        Of the losses with probabilities only "cross_entropy" and "bi_tempered" are proper scoring
        rules: the probabilities of the others are not those of the labels, even with many rows.

        ``CostSensitive(loss, cost)`` takes costs of decisions into a loss, ``CVaR(loss)``,
        ``Tilted(loss)`` and ``Trimmed(loss)`` average the losses of the rows in another way, and
        ``0.7 * CrossEntropy() + 0.3 * Focal()`` adds losses. Parameters of a loss are set by
        ``set_params(loss__gamma=1)``, also while `loss` is a name.
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

        Parameters of a solver are set by ``set_params(solver__learning_rate=0.1)``, also while
        `solver` is a name.
    alpha : float or "auto", default="auto"
        Strength of the penalty, at least 0. A larger value gives smaller coefficients, and 0 is no
        penalty. A number is the alpha of the formula above: its effect depends on the units of X.
        "auto" is 1e-4; with costs of decisions it is 1e-4 times the mean difference between the
        dearest and the cheapest decision of a row. `C` of `sklearn.linear_model.LogisticRegression`
        is ``1 / (alpha * n_samples)``.
    l1_ratio : float, default=0.0
        Share of the L1 penalty (absolute values) in the penalty, from 0 (ridge) to 1 (lasso). Above
        0, some coefficients are exactly 0; a larger value gives more of them.
    model : str or Model, default=None
        How the raw scores of the classes are computed from the features: "linear", "mlp" (a
        multi-layer perceptron), "factorization_machine" (linear, with an interaction of low rank
        for each pair of columns), or an object of `sklearn_losses.models` such as
        ``FactorizationMachine(rank=4)``. None is "linear", or the network that `hidden_layer_sizes`
        describes.
    hidden_layer_sizes : tuple of int, default=()
        Number of units in each hidden layer of a multi-layer perceptron: short for
        ``model=MLP(hidden_layer_sizes, activation)``. () is the linear model. More units fit more
        complex functions, take longer and overfit sooner.
    activation : {"relu", "tanh", "logistic", "identity"}, default="relu"
        Activation function of the hidden units. Only used with `hidden_layer_sizes`.
    fit_intercept : bool, default=True
        Whether to fit a constant for each output. It is never penalised.
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
        Whether to hold out rows, the same share of each class, to stop when their loss no longer
        falls, and to keep the parameters with their lowest loss.
    validation_fraction : float, default=0.1
        Share of the rows that early stopping holds out, between 0 and 1. A larger share measures
        their loss better and leaves fewer rows to fit.
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
        and factorization machines, and of the rows that early stopping holds out. Pass an int for
        the same result in each call.
    verbose : int, default=0
        Print one line (objective, length of the step, time left) after every `verbose` iterations.
        0 prints nothing.
    checkpoint : str, path or Checkpoint, default=None
        A file to which `fit` saves itself every 10 iterations, or as often as
        ``Checkpoint(path, every=...)`` says. After a crash ``joblib.load(path)`` gives an estimator
        whose `fit` on the same data goes on from there. None saves nothing.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class, by which `sample_weight` is multiplied. A larger weight makes errors
        on a class more expensive. "balanced" weights a class by
        ``n_samples / (n_classes * count of the class)``, so that rare classes count as much as
        frequent ones. None is 1 for each class.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels in `y`, sorted. A class whose rows all have weight 0 gets probability 0 and the
        lowest score.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Coefficients of the raw scores, in the units of X; for two classes, one row, for
        ``classes_[1]``. Zeros for a class without weight. Only for linear models and factorization
        machines.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Intercepts of the raw scores; -1e30 for a class without weight. Only for linear models and
        factorization machines.
    factors_ : ndarray of shape (1, n_features, rank) or (n_classes, n_features, rank)
        Factors of the interactions. Only for factorization machines, whose attributes leave out the
        classes without weight.
    coefs_ : list of ndarray
        Weights of each layer, of shape (n_in, n_out). Only for multi-layer perceptrons.
    intercepts_ : list of ndarray
        Intercepts of each layer, of shape (n_out,). Only for multi-layer perceptrons.
    params_ : ndarray of shape (n_params,)
        All parameters in one vector. Only for models of your own that do not name theirs.
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
        Mean training loss, without the penalty.
    objective_ : float
        Mean training loss plus the penalty: the value that was minimised.
    loss_curve_ : list of float
        The objective after each iteration. For a loss with kinks under a solver of smooth losses it
        is that of the smoothed loss.
    validation_scores_ : list of float
        Minus the mean loss of the held-out rows after each iteration. Only with `early_stopping`.
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
    row_weights_ : ndarray of shape (n_samples,)
        Share of each training row that was kept, from 0 to 1. 0 for rows without a sample weight.
        Only for `Trimmed`, and not after `partial_fit`.
    n_features_in_ : int
        Number of features of X in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features. Only if all columns of X have names that are strings.

    See Also
    --------
    LossRegressor : The same for real targets.
    LossRanker : The same for rankings.
    compare_losses : Compares losses on your data by cross-validation.
    suggest_losses : Suggests losses for your data.
    sklearn.calibration.CalibratedClassifierCV : Probabilities for losses without them.

    Notes
    -----
    For K classes the model has K raw scores, for two classes one score, which is positive for
    ``classes_[1]``.

    `fit` either ends with all fitted attributes set, or leaves the estimator as it was. After
    Ctrl-C it has the attributes of the last whole iteration. A fitted estimator holds no copy of
    the training rows.

    References
    ----------
    .. [1] Bartlett, Jordan and McAuliffe, "Convexity, classification, and risk bounds", Journal of
       the American Statistical Association 101 (2006).
    .. [2] Zou and Hastie, "Regularization and variable selection via the elastic net", Journal of
       the Royal Statistical Society B 67 (2005).

    Examples
    --------
    Cross-entropy gives probabilities, as in logistic regression:

    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn_losses import LossClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = LossClassifier().fit(X, y)
    >>> model.score(X, y) > 0.95, model.predict_proba(X).shape, model.solver_
    (True, (569, 2), 'newton')

    Decide by costs: to miss class 0 costs ten times as much as a false alarm. Class 1 is then
    decided less often:

    >>> cost = [[0, 10], [1, 0]]  # cost[true][decided]
    >>> bool(model.predict(X, cost=cost).sum() < model.predict(X).sum())
    True

    A grid search over losses in a pipeline:

    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> pipeline = make_pipeline(StandardScaler(), LossClassifier(alpha=0.01))
    >>> grid = {"lossclassifier__loss": ["cross_entropy", "hinge", "focal"]}
    >>> search = GridSearchCV(pipeline, grid, cv=3).fit(X, y)
    >>> bool(search.best_score_ > 0.96)
    True

    A loss of your own, the Brier score of the probabilities:

    >>> from sklearn_losses.losses import CustomLoss
    >>> def brier(y_true, y_pred):
    ...     return ((y_true - y_pred) ** 2).sum(axis=1)
    >>> loss = CustomLoss(brier, inverse_link="softmax")
    >>> pipeline = make_pipeline(StandardScaler(), LossClassifier(loss))
    >>> pipeline.fit(X, y).score(X, y) > 0.95
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
        """Fit the model to training rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features), or source
            Training rows: an array, a sparse matrix, a dataframe, a source of row blocks (see
            `sklearn_losses.blocks`), or a Dask collection.
        y : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            Labels, or probabilities of the classes as floats (soft labels), whose rows sum to 1.
            None for a source, which has them with it.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, at least 0. Weight 2 counts as two equal rows, weight 0 as no row;
            the scale of the weights does not matter. None is 1 for each row.
        cost : array-like of 2 or 3 dimensions, default=None
            Costs of the decisions, row by row, in the order of the sorted labels:
            ``cost[i, decided]``, or ``cost[i, true, decided]``, of which the part of ``y[i]``
            counts. Negative costs are gains. The fit then minimises the costs of its decisions, and
            `y` only names the classes: `CostSensitive` and `ExpectedCost` take these costs instead
            of their matrix, and any other loss is fitted as ``CostSensitive(loss)``. Such a fit
            gives no probabilities. To decide by costs after a fit without them, see `predict`.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter is outside its range, a name is unknown, the loss is one for another
            task, the solver cannot take the loss, the model or the penalty, or the data are unfit:
            nan or infinity, a wrong shape, one class only.
        OSError
            If the file of `checkpoint` cannot be written.

        Warns
        -----
        ConvergenceWarning
            If the fit did not get as close to the minimum as `tol` asks for. The message says what
            to change.
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
                raise ValueError(
                    "class_weight cannot be used with soft labels (probabilities of the classes); use sample_weight."
                )
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
        """Make one pass over the rows, from where the last call ended.

        Only with a solver that steps on batches, such as "adam". The first call begins a new fit,
        and further calls may bring other rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features), or source
            Rows of this call.
        y : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            Labels, or probabilities of the classes; None for a source, which has them with it.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come. The first call needs them.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, at least 0, as for `fit`.
        cost : array-like of 2 or 3 dimensions, default=None
            Costs of the decisions, as for `fit`, in the order of the sorted `classes`: with every
            call, or with none.

        Returns
        -------
        self
            The estimator after the pass.

        Raises
        ------
        AttributeError
            If the solver does not step on batches.
        ValueError
            As for `fit`; if the first call has no `classes`, or a further call has others; with
            ``class_weight="balanced"`` or ``early_stopping=True``.
        """
        self._atomic(self._partial_fit, X, y, sample_weight, classes, cost)
        return self

    def _partial_fit(self, X, y, sample_weight, classes, cost):
        if isinstance(self.class_weight, str):
            raise ValueError(
                "partial_fit cannot use class_weight='balanced', since it does not see all rows; pass a dict of weights."
            )
        known = getattr(self, "classes_", None)
        if classes is None and known is None:
            raise ValueError("The first call of partial_fit needs classes=, the labels of this and all later calls.")
        if classes is not None:
            classes = np.unique(classes)
            if known is not None and not np.array_equal(classes, known):
                raise ValueError(f"classes must be those of the first call, {known.tolist()}. Got {classes.tolist()}.")
            if len(classes) < 2:
                raise ValueError(f"classes must hold at least two labels. Got {classes.tolist()}.")
        last = vars(self).get("_targets")
        if last is not None and last.by_cost is (cost is None):
            said = ("had no costs", "this one has some") if cost is not None else ("had costs", "this one has none")
            raise ValueError(f"The last fit {said[0]}, but {said[1]}. Pass cost= to every call of partial_fit, or to none.")
        return super()._partial_fit(X, y, sample_weight, cost=cost, classes=known if classes is None else classes)

    @lazy_on_dask
    def decision_function(self, X: ArrayLike) -> NDArray[Any]:
        """Compute the raw scores of the classes.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features), or source
            Rows, with the columns of the training rows. A Dask collection gives a lazy prediction.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            One score for each class, in the order of `classes_`; for two classes one score, which
            is positive for ``classes_[1]``.
        """
        return self._of_rows(X, lambda raw: self._targets.scores_of_all(raw))

    @lazy_on_dask
    def predict(self, X: ArrayLike, *, cost: ArrayLike | None = None) -> NDArray[Any]:
        """Predict the label with the highest score, or that of least expected cost.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features), or source
            Rows, with the columns of the training rows. A Dask collection gives a lazy prediction.
        cost : array-like of 2 or 3 dimensions, default=None
            Costs of decisions: ``cost[i, true, decided]``, or ``cost[true, decided]`` for all rows,
            in the order of `classes_`. Negative costs are gains. The decision is the class k of
            least ``sum_j p[i, j] * cost[i, j, k]``, with p the probabilities of `predict_proba`,
            which the loss must have. Of classes that cost the same it is the most probable one.

        Returns
        -------
        ndarray of shape (n_samples,)
            The labels.

        Raises
        ------
        ValueError
            If `cost` is given and the loss gives no probabilities, or `cost` has a wrong shape.
        """
        if cost is not None:
            return self._of_least_cost(X, cost)
        return self._of_rows(X, lambda raw: self._targets.labels(raw))

    def _of_least_cost(self, X, cost):
        check_is_fitted(self)
        try:
            proba = self.predict_proba(X)
        except AttributeError as error:
            raise ValueError(f"predict(X, cost=...) needs probabilities of the classes: {error}") from error
        return self.classes_[cheapest(proba, checked_costs(cost, len(proba), self.classes_, takes=(MATRIX, ROWS)))]

    @available_where(_gives_probabilities)
    @lazy_on_dask
    def predict_proba(self, X: ArrayLike) -> NDArray[Any]:
        """Compute the probabilities of the classes.

        Only for losses that give probabilities, such as "cross_entropy".

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features), or source
            Rows, with the columns of the training rows. A Dask collection gives a lazy prediction.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities, with columns in the order of `classes_`.

        Raises
        ------
        AttributeError
            If the loss gives no probabilities. The message names those that do.
        """
        return self._of_rows(X, lambda raw: self._targets.columns_of_all(_by_class(raw, self._loss.inverse_link), 0.0))

    @available_where(_gives_probabilities)
    @lazy_on_dask
    def predict_log_proba(self, X: ArrayLike) -> NDArray[Any]:
        """Compute the logarithms of the probabilities of the classes.

        They are finite where a probability is too small for its type, and -inf where it is 0.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features), or source
            Rows, with the columns of the training rows. A Dask collection gives a lazy prediction.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Logarithms of the probabilities, with columns in the order of `classes_`.

        Raises
        ------
        AttributeError
            If the loss gives no probabilities. The message names those that do.
        """
        return self._of_rows(X, self._log_proba)

    def _log_proba(self, raw):
        proba, logs = _by_class(raw, self._loss.inverse_link), _by_class(raw, self._loss.log_inverse_link)
        positive = proba >= np.finfo(proba.dtype).tiny
        return self._targets.columns_of_all(np.log(proba, out=logs, where=positive), -np.inf)

    @ignoring_floating_errors
    def score(self, X: ArrayLike, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None) -> float:
        """Return the accuracy of `predict`: the share of labels that are right.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features), or source
            Test rows. A source of row blocks has the labels and weights with it.
        y : array-like of shape (n_samples,), default=None
            True labels; None for a source.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        float
            The accuracy, between 0 and 1.

        Raises
        ------
        ValueError
            If `y` is missing, or given although X is a source.
        """
        score = score_in_blocks(self, X, y, sample_weight, Accuracy)
        return super().score(X, targets_given(y), sample_weight) if score is None else score


def _by_class(raw, link):
    """What a link makes of raw scores, a column per class; one score is the second class's."""
    return link(raw) if raw.ndim > 1 else np.stack([link(-raw), link(raw)], axis=1)
