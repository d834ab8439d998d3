"""LossRegressor."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import column_or_1d

from sklearn_losses.core.floating import ignoring_floating_errors
from sklearn_losses.core.validation import check_weights, mean_one, validated, with_weight
from sklearn_losses.distributed.lazy import lazy_on_dask
from sklearn_losses.estimators.base import LossEstimator
from sklearn_losses.estimators.components import ModelLike, SolverLike
from sklearn_losses.estimators.scores import RSquared, score_in_blocks, targets_given
from sklearn_losses.fitting.checkpoint import CheckpointLike
from sklearn_losses.fitting.regression import Regression
from sklearn_losses.fitting.rows import Rows
from sklearn_losses.fitting.sources import regression_parts
from sklearn_losses.losses.annotations import AnyLoss

__all__ = ["LossRegressor"]


class LossRegressor(MultiOutputMixin, RegressorMixin, LossEstimator):
    """Regression with any loss and any solver, linear or multi-layer perceptron.

    Minimises ``mean loss + alpha * ((1 - l1_ratio)/2 * |w|^2 + l1_ratio * |w|_1)``, the mean
    weighted by `sample_weight`, `w` all weights and never the intercepts; the same formula for
    every loss and solver, so alpha means the same everywhere.

    Parameters
    ----------
    loss : str, Loss or callable, default="mse"
        A name such as "mse", "mae", "huber" or "poisson", an object such as ``Huber(delta=2)``, or
        a function ``f(y_true, y_pred)`` that returns one value per row (see
        `sklearn_losses.losses.CustomLoss`). With several targets the mean over them.
    solver : str, Solver or object with ``minimize``, default="auto"
        "gd", "sgd", "adam", "lbfgs", "newton", "interior_point", a method of
        `scipy.optimize.minimize` such as "bfgs", or an object such as ``SGD(learning_rate=0.1)``.
        "auto" chooses, see `sklearn_losses.solvers.Auto`.
    alpha : float or "auto", default="auto"
        Strength of the penalty: a number of at least 0, as in the formula, or "auto", a
        ten-thousandth of the loss in units of the target. With L the mean loss of the best constant
        prediction and s the standard deviation of y, the penalty is then ``1e-4 * L * ((1 -
        l1_ratio)/2 * |w/s|^2 + l1_ratio * |w/s|_1)``, so that c * y has c times the coefficients
        (losses with a link, such as "poisson": without s). For "mse" and ``l1_ratio=0`` alpha is
        1e-4. In a multi-layer perceptron s divides the weights of the output alone. With several
        targets the smallest strength of a target counts.
    l1_ratio : float, default=0.0
        Share of the absolute values in the penalty, from 0 (ridge) to 1 (lasso).
    model : str or Model, default=None
        A name, "linear", "mlp" or "factorization_machine", or an object such as
        ``FactorizationMachine(rank=4)`` (see `sklearn_losses.models`). None is "linear", or what
        the next two parameters are short for.
    hidden_layer_sizes : tuple of int, default=()
        Units of the hidden layers of a multi-layer perceptron, short for
        ``model=MLP(hidden_layer_sizes, activation)``; () is the linear model.
    activation : {"relu", "tanh", "logistic", "identity"}, default="relu"
        The activation function of the hidden units.
    fit_intercept : bool, default=True
        Fit a constant per output, which is never penalised.
    max_iter : int, default=1000
        Iterations at the most; for stochastic solvers, passes over the data. Iterations that solve
        equations by conjugate gradients may take hundreds of products with X: a fit makes no more
        than ``10 * max_iter`` of these.
    tol : float, default=0.0001
        How far above its minimum the fit may leave the objective: by this share of its value, and
        by this share of what the coefficients gain over a model with intercepts alone. A duality
        gap proves it for losses with kinks, Newton's model of the objective estimates it for smooth
        ones, and a fit that is not shown to be so close raises a `ConvergenceWarning`. Small fits
        go on to the exact optimum. Where the distance cannot be told, `tol` counts decreases:
        stochastic solvers stop when the loss has not fallen by more than a hundredth of `tol`, as a
        share of it, for `n_iter_no_change` passes, and networks under other solvers likewise. A
        larger value gives a faster and coarser fit.
    early_stopping : bool, default=False
        Hold rows out, stop when their loss no longer falls, and keep the best parameters.
    validation_fraction : float, default=0.1
        Share of the rows held out.
    n_iter_no_change : int, default=10
        Passes (iterations, with early stopping) without progress after which to stop.
    warm_start : bool, default=False
        Start from the last fit. A fit that `max_iter`, a callback or Ctrl-C stopped goes on, also
        after pickling: `max_iter` are further iterations, and a stochastic solver takes the very
        steps of a fit without the stop. The page "Stop and go on" of the guide has the details.
    random_state : int, RandomState or None, default=None
        Seeds the random parameters that a model starts from, shuffles and the held-out part.
    verbose : int, default=0
        Print a line every this many iterations.
    checkpoint : str, path or Checkpoint, default=None
        A file to which `fit` saves itself every 10 iterations (passes of a stochastic solver), or
        as often as ``Checkpoint(path, every=...)`` says. ``joblib.load(path)`` is an estimator with
        warm_start=True, whose `fit` on the same data goes on.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        Linear models and factorization machines only.
    intercept_ : float or ndarray of shape (n_targets,)
        Linear models and factorization machines only.
    factors_ : ndarray of shape (n_features, rank) or (n_targets, n_features, rank)
        Factorization machines only, which have `coef_` and `intercept_` too.
    params_ : ndarray of shape (n_params,)
        Models of your own only, unless they give their parameters other names.
    coefs_, intercepts_ : list of ndarray
        MLPs only: per layer the weights (n_in, n_out) and intercepts (n_out,).
    alpha_, l1_ratio_ : float
        The numbers of the formula that the fit used: the parameters, or what "auto" found. An MLP
        under "auto" multiplies the weights of hidden layers by the standard deviation of y before
        they are penalised.
    n_iter_ : int
        Iterations run.
    n_passes_ : int
        Fits of a source of row blocks only: how often its rows were read.
    loss_ : float
        The training loss, without penalty; for "mse" the mean squared error.
    objective_ : float
        The value of the formula above.
    loss_curve_ : list of float
        The objective by iteration (a non-smooth loss under a smooth solver: of its smoothed form).
    validation_scores_ : list of float
        With early stopping: minus the loss of the held-out rows, by iteration.
    best_validation_score_ : float
        The largest of them.
    converged_ : bool
        Whether the fit is shown to be as close to the minimum as `tol` asks for; for stochastic
        solvers, whether they stopped by its rule.
    solver_ : str
        The solver that ran; several, joined by ", ", where one stalled and the next went on.
    dual_gap_ : float
        Convex losses with kinks, linear models: a proven bound on ``(objective_ - minimum) /
        objective_``, from the duality gap. Where nothing can be proven, as for nearly dependent
        columns without a penalty, it is inf, and the fit has not converged. (An objective below
        1e-12 of the losses at coefficients of 0 counts as that much: it is 0 to rounding.)
    gradient_norm_ : float
        Smooth losses, linear models: the largest entry of the objective's gradient (under an L1
        penalty, of its smallest subgradient) in the units of X and y. Neither attribute is there
        after stochastic solvers.
    n_parameters_ : int
    scale_ : float or ndarray of shape (n_targets,)
        Robust losses only: the scale of the residuals.
    row_weights_ : ndarray of shape (n_samples,) or (n_samples, n_targets)
        Robust losses and `Trimmed` only, not after `partial_fit`: the weight of each training row
        in the last step, from 1 (no residual) to 0 (a gross outlier). For `Trimmed` it is the share
        of the row that was kept. 0 for rows without a sample weight.
    start_ : str, or list of str with several targets
        Losses with a parameter `start` only: "resistant", "mae", or "mae: " and why a resistant
        start was not possible.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)

    See Also
    --------
    LossClassifier : The same for classes.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = LossRegressor(loss="mae", alpha=1e-8).fit(X, y)
    >>> model.solver_, round(model.loss_, 1)
    ('interior_point', 43.0)
    """

    _task = "regression"

    def __init__(
        self,
        loss: AnyLoss = "mse",
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

    def _read(self, X, y, sample_weight, *, first):
        try:
            X, y = validated(self, X, y, multi_output=True, y_numeric=True, reset=first)
            y = y.astype(np.float64, copy=False)
        except ValueError as error:
            if any(isinstance(label, str) for label in np.asarray(y, dtype=object).ravel()):
                raise ValueError("LossRegressor needs numbers in y, and y has text; use LossClassifier for labels.") from error
            raise
        n_given = X.shape[0]
        X, y, places, weight = with_weight(check_weights(sample_weight, n_given), X, y, np.arange(n_given))
        task = Regression(y.shape[1:])
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=self.__sklearn_tags__().target_tags.positive_only)
        return task, Rows(X, y, mean_one(weight), places, n_given)

    def _read_parts(self, parts, classes=None):
        return regression_parts(parts)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        try:
            tags.target_tags.positive_only = bool(getattr(self._loss_spec(), "positive_target", False))
        except ValueError:  # fit says what is wrong with the loss
            pass
        # Several positive targets work; but whoever reads the tags feeds such estimators targets of
        # any sign.
        tags.target_tags.multi_output = not tags.target_tags.positive_only
        return tags

    @lazy_on_dask
    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Predictions in the units of the target.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features), or source

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_targets)
        """
        return self._of_rows(X, lambda raw: self._loss.inverse_link(raw).reshape(len(raw), *self._targets.shape))

    @ignoring_floating_errors
    def score(self, X: ArrayLike, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None) -> float:
        """The coefficient of determination R2 of `predict`, as scikit-learn's regressors have it.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features), or source
            A source of row blocks has the targets and weights with it.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            None for a source.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        float
        """
        score = score_in_blocks(self, X, y, sample_weight, RSquared)
        return super().score(X, targets_given(y), sample_weight) if score is None else score
