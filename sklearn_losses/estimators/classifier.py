"""LossClassifier."""

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d, compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from sklearn_losses.core.floating import ignoring_floating_errors
from sklearn_losses.core.validation import check_weights, mean_one
from sklearn_losses.estimators.available import available_where
from sklearn_losses.estimators.base import LossEstimator, Rows, _steps_on_batches
from sklearn_losses.losses.aggregation import Aggregated
from sklearn_losses.losses.base import Loss
from sklearn_losses.losses.classification import SoftLabels

__all__ = ["LossClassifier"]

LOWEST = -1e30  # the score of a class without rows: finite, and small enough to be squared or scaled by who takes it further


def _gives_probabilities(estimator):
    loss = getattr(estimator, "_loss", None) or estimator._loss_spec()
    if loss.has_probabilities:
        return True
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

    Minimises ``mean loss + alpha * ((1 - l1_ratio)/2 * |w|^2 + l1_ratio * |w|_1)``, the mean weighted by `sample_weight`
    times `class_weight`, `w` all weights and never the intercepts; the same formula for every loss and solver.

    Parameters
    ----------
    loss : str, Loss or callable, default="cross_entropy"
        A name such as "cross_entropy", "hinge" or "focal", an object such as ``Focal(gamma=1)``, or a function
        ``f(y_true, y_pred)`` of one-hot targets and raw scores that
        returns one value per row (see `sklearn_losses.losses.CustomLoss`).
    solver : str, Solver or object with ``minimize``, default="auto"
        As for `LossRegressor`.
    alpha : float or "auto", default="auto"
        Strength of the penalty, at least 0; "auto" is 1e-4. That of `sklearn.linear_model.LogisticRegression` is
        ``1 / (C * n_samples)``.
    l1_ratio : float, default=0.0
        Share of the absolute values in the penalty, from 0 (ridge) to 1 (lasso).
    hidden_layer_sizes : tuple of int, default=()
        Units of the hidden layers; () is the linear model.
    activation : {"relu", "tanh", "logistic", "identity"}, default="relu"
        Of the hidden units.
    fit_intercept : bool, default=True
    max_iter : int, default=1000
        Iterations at the most; for stochastic solvers, passes over the data.
    tol : float, default=1e-6
        As for `LossRegressor`.
    early_stopping : bool, default=False
        Hold rows out (the same share of each class), stop when their loss no longer falls, keep the best parameters.
    validation_fraction : float, default=0.1
        Share of the rows held out.
    n_iter_no_change : int, default=10
        Passes (iterations, with early stopping) without progress after which to stop.
    warm_start : bool, default=False
        Start from the last fit; a stochastic solver goes on exactly where it was.
    random_state : int, RandomState or None, default=None
        Seeds an MLP's first weights, shuffles and the held-out part.
    verbose : int, default=0
        Print a line every this many iterations.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class, times `sample_weight`; "balanced": ``n_samples / (n_classes * count of the class)``.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels in `y`. The fit is that of the classes of rows with a weight above zero; any other class has probability
        0 and the lowest score.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Linear models only; one row for two classes, and zeros for a class without weight.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Linear models only; -1e30 for a class without weight.
    coefs_, intercepts_ : list of ndarray
        MLPs only: per layer the weights (n_in, n_out) and intercepts (n_out,).
    alpha_, l1_ratio_, n_iter_, loss_, objective_, loss_curve_, validation_scores_, best_validation_score_, converged_, \
solver_, n_parameters_
        As for `LossRegressor`.
    dual_gap_, gradient_norm_
        As for `LossRegressor`.
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
        self, loss="cross_entropy", *, solver="auto", alpha="auto", l1_ratio=0.0, hidden_layer_sizes=(), activation="relu",
        fit_intercept=True, max_iter=1000, tol=1e-6, early_stopping=False, validation_fraction=0.1, n_iter_no_change=10,
        warm_start=False, random_state=None, verbose=0, class_weight=None,
    ):  # fmt: skip
        super().__init__(
            loss, solver=solver, alpha=alpha, l1_ratio=l1_ratio, hidden_layer_sizes=hidden_layer_sizes, activation=activation,
            fit_intercept=fit_intercept, max_iter=max_iter, tol=tol, early_stopping=early_stopping,
            validation_fraction=validation_fraction, n_iter_no_change=n_iter_no_change, warm_start=warm_start,
            random_state=random_state, verbose=verbose,
        )  # fmt: skip
        self.class_weight = class_weight

    def _rows(self, X, y, sample_weight, *, first, classes=None):
        targets = np.asarray(y)
        if targets.ndim == 2 and targets.shape[1] > 1:
            if targets.dtype.kind != "f":
                raise ValueError(_one_label_per_row(targets))
            return self._soft_rows(X, y, sample_weight, first, streaming=classes is not None)
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=[np.float64, np.float32], reset=first)
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        weight = check_weights(sample_weight, X.shape[0])
        streaming = classes is not None
        classes = classes if streaming else np.unique(y)
        X, y, weight = _with_weight(X, y, weight)
        codes = np.searchsorted(classes, y).clip(0, len(classes) - 1)
        unseen = np.unique(y[classes[codes] != y])
        if len(unseen):
            raise ValueError(
                f"y has labels that are not in classes: {unseen.tolist()}; pass all labels as classes= to the first call "
                "of partial_fit."
            )
        if self.class_weight is not None:
            by_class = check_weights(self._weight_of_classes(classes, codes)[codes], len(y), "class_weight")
            weight = check_weights(by_class if weight is None else by_class * weight, len(y))
            X, codes, weight = _with_weight(X, codes, weight)
        counted = self._counted(np.bincount(codes, minlength=len(classes)) > 0, classes, streaming)
        codes = np.searchsorted(counted, codes)
        return Rows(X, codes.astype(np.intp, copy=False), mean_one(weight)), {"classes_": classes, "_counted_classes": counted}

    def _weight_of_classes(self, classes, codes):
        if self.class_weight != "balanced":
            return compute_class_weight(self.class_weight, classes=classes, y=classes)
        by_class, present = np.ones(len(classes)), np.unique(codes)
        by_class[present] = compute_class_weight("balanced", classes=present, y=codes)
        return by_class

    def _counted(self, present, classes, streaming):
        """The codes of the classes that the model tells apart, given which of them have rows with a weight above zero."""
        codes = np.flatnonzero(present)
        if streaming:
            counted = vars(self).get("_counted_classes", np.arange(len(classes)))
            beyond = np.setdiff1d(codes, counted)
            if len(beyond):
                raise ValueError(
                    f"The classes {classes[beyond].tolist()} had no rows with a weight above zero in the last fit, which has "
                    "no score for them; clone the estimator and begin with partial_fit and classes=."
                )
            return counted
        if len(codes) < 2:
            raise ValueError(
                f"{type(self).__name__} needs at least two classes in y among the rows with a weight above zero (sample_weight "
                f"times class_weight); got one class, {classes[codes[0]]}."
            )
        return codes

    def _soft_rows(self, X, y, sample_weight, first, streaming):
        """Rows whose targets are probabilities, (n, n_classes); those of the second class alone where there are two."""
        X, y = validate_data(
            self, X, y, accept_sparse="csr", dtype=[np.float64, np.float32], multi_output=True, y_numeric=True, reset=first
        )
        y = y.astype(np.float64, copy=False)
        if np.any(y < 0) or not np.allclose(y.sum(axis=1), 1, atol=1e-6):
            raise ValueError("Soft labels must be probabilities: y of shape (n_samples, n_classes), at least 0, rows of sum 1.")
        if self.class_weight is not None:
            raise ValueError("class_weight needs hard labels, one class per row; use sample_weight with soft ones.")
        X, y, weight = _with_weight(X, y, check_weights(sample_weight, X.shape[0]))
        classes = np.arange(y.shape[1])
        counted = self._counted(np.any(y > 0, axis=0), classes, streaming)
        y = y[:, counted[1]] if len(counted) == 2 else y[:, counted]
        return Rows(X, y, mean_one(weight)), {"classes_": classes, "_counted_classes": counted}

    def _loss_for(self, loss, attributes):
        counted, n_classes = attributes["_counted_classes"], len(attributes["classes_"])
        return loss if len(counted) == n_classes else loss.among(counted, n_classes)

    def _fault_of_kept(self, trimmed, rows, attributes):
        counted = attributes["_counted_classes"]
        if rows.y.dtype.kind != "f":
            kept = np.bincount(rows.y, minlength=len(counted)) > 0
        else:
            kept = np.any(rows.y > 0, axis=0) if rows.y.ndim == 2 else np.array([np.any(rows.y < 1), np.any(rows.y > 0)])
        if np.all(kept):
            return None
        lost = attributes["classes_"][counted[~kept]].tolist()
        return (
            f"{type(self).__name__}: {trimmed.name} with share={trimmed.share} left out every row of the classes {lost}, since "
            "they fit worst, so that nothing says how far below the others their scores are; use a larger share, or a loss "
            "that bears wrong labels, such as 'generalized_cross_entropy'."
        )

    def _bound_loss(self, loss, rows, n_outputs):
        bound = super()._bound_loss(loss, rows, n_outputs)
        if rows.y.dtype.kind != "f" or bound.soft_labels:
            return bound
        return bound.map(SoftLabels) if isinstance(bound, Aggregated) else SoftLabels(bound)

    def _pilot_targets(self, rows, n_outputs):
        if rows.y.dtype.kind == "f":
            return np.stack([1 - rows.y, rows.y], axis=1) if rows.y.ndim == 1 else rows.y
        return rows.y if len(np.unique(rows.y)) == max(n_outputs, 2) else None

    def _checked_components(self):
        if not (self.class_weight is None or self.class_weight == "balanced" or isinstance(self.class_weight, dict)):
            raise ValueError(
                f"The 'class_weight' parameter of {type(self).__name__} must be a dict, 'balanced' or None. "
                f"Got {self.class_weight!r} instead."
            )
        return super()._checked_components()

    def _n_outputs(self, attributes):
        n_classes = len(attributes["_counted_classes"])
        return 1 if n_classes == 2 else n_classes

    def _check_continues(self, attributes, rows):
        if not np.array_equal(attributes["classes_"], self.classes_):
            raise ValueError(
                f"This fit has the classes {attributes['classes_'].tolist()}, the last one had {self.classes_.tolist()}; "
                "use warm_start=False."
            )
        if not np.array_equal(attributes["_counted_classes"], self._counted_classes):
            now, last = (self.classes_[counted].tolist() for counted in (attributes["_counted_classes"], self._counted_classes))
            raise ValueError(
                f"This fit has weights above zero for rows of the classes {now}, the last one had them for {last}; use "
                "warm_start=False."
            )
        super()._check_continues(attributes, rows)

    # A model tells apart the classes with weight; its attributes have a place for each of `classes_`.

    def _shaped(self, model, params, attributes):
        fitted = super()._shaped(model, params, attributes)
        counted, n_classes = attributes["_counted_classes"], len(attributes["classes_"])
        if len(counted) == n_classes:
            return fitted
        if model.linear:
            coef, intercept = fitted["coef_"], fitted["intercept_"]
            return {
                "coef_": _placed(coef, counted, n_classes, 0.0),
                "intercept_": _placed(intercept, counted, n_classes, LOWEST),
            }
        *below, weights = fitted["coefs_"]
        *below_intercepts, intercept = fitted["intercepts_"]
        return {
            "coefs_": [*below, _placed(weights.T, counted, n_classes, 0.0).T],
            "intercepts_": [*below_intercepts, _placed(intercept, counted, n_classes, LOWEST)],
        }

    def _packed(self, model):
        counted = self._counted_classes
        if len(counted) == len(self.classes_):
            return super()._packed(model)
        if model.linear:
            return model.pack(_taken(self.coef_, counted).T, _taken(self.intercept_, counted))
        *below, weights = self.coefs_
        *below_intercepts, intercept = self.intercepts_
        return model.pack([*below, _taken(weights.T, counted).T], [*below_intercepts, _taken(intercept, counted)])

    @available_where(_steps_on_batches)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """One pass over the rows with a stochastic solver, from where the last call ended.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come; needed by the first call.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self
        """
        return self._atomic(self._partial_fit, X, y, sample_weight, classes)

    def _partial_fit(self, X, y, sample_weight, classes):
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
        return super()._partial_fit(X, y, sample_weight, classes=known if classes is None else classes)

    @ignoring_floating_errors
    def decision_function(self, X):
        """Raw scores.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes one score, positive for ``classes_[1]``.
        """
        raw = self._raw(X)
        if len(self._counted_classes) == len(self.classes_):
            return raw
        scores = np.stack([-raw / 2, raw / 2], axis=1) if raw.ndim == 1 else raw
        below = np.nextafter(scores.min(axis=1, keepdims=True), raw.dtype.type(-np.inf))
        # Where a fit diverged, the scores of its classes may be lower than the lowest.
        return self._of_all_classes(scores, np.minimum(below, raw.dtype.type(LOWEST)))

    @ignoring_floating_errors
    def predict(self, X):
        """The label with the highest score.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        raw = self._raw(X)
        best = (raw > 0).astype(np.intp) if raw.ndim == 1 else raw.argmax(axis=1)
        return self.classes_[self._counted_classes[best]]

    @available_where(_gives_probabilities)
    @ignoring_floating_errors
    def predict_proba(self, X):
        """Class probabilities, for losses that have them.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`.
        """
        return self._of_all_classes(_by_class(self._raw(X), self._loss.inverse_link), 0.0)

    @available_where(_gives_probabilities)
    @ignoring_floating_errors
    def predict_log_proba(self, X):
        """Logarithms of the class probabilities; finite where a probability is too small for its type, -inf where it is 0.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        raw = self._raw(X)
        proba, logs = _by_class(raw, self._loss.inverse_link), _by_class(raw, self._loss.log_inverse_link)
        positive = proba >= np.finfo(proba.dtype).tiny
        return self._of_all_classes(np.log(proba, out=logs, where=positive), -np.inf)

    def _of_all_classes(self, columns, other):
        """Columns for each of `classes_`, given those of the classes with weight, and what the others have."""
        if len(self._counted_classes) == len(self.classes_):
            return columns
        placed = np.empty((len(columns), len(self.classes_)), dtype=columns.dtype)
        placed[:] = other
        placed[:, self._counted_classes] = columns
        return placed


def _with_weight(X, y, weight):
    """The rows with a weight above zero."""
    if weight is None or np.all(weight > 0):
        return X, y, weight
    kept = weight > 0
    return X[kept], y[kept], weight[kept]


def _by_class(raw, link):
    """What a link makes of raw scores, a column per class; of two classes, the score is the second one's."""
    return link(raw) if raw.ndim > 1 else np.stack([link(-raw), link(raw)], axis=1)


def _placed(part, counted, n_classes, other):
    """Rows for all classes, given those of the counted ones; the one row of two classes is the difference of theirs."""
    rows = np.full((n_classes, *part.shape[1:]), other, dtype=part.dtype)
    rows[counted] = np.concatenate([-part / 2, part / 2]) if len(counted) == 2 else part
    return rows


def _taken(rows, counted):
    """The inverse of `_placed`."""
    return rows[counted[1:]] - rows[counted[:1]] if len(counted) == 2 else rows[counted]
