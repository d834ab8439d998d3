"""LossRegressor."""

from __future__ import annotations

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
    """Linear or network regression with any loss, fitted by any solver.

    Minimises ``mean loss + alpha * ((1 - l1_ratio)/2 * |w|^2 + l1_ratio * |w|_1)``. The mean is
    weighted by `sample_weight`, and `w` are all weights of the model without the intercepts. The
    formula is the same for every loss, solver and model, so that `alpha` means the same everywhere.

    Targets may be of shape (n_samples,) or (n_samples, n_targets). X may be an array, a sparse
    matrix, a dataframe, a source of row blocks (see `sklearn_losses.blocks`) or a Dask collection.
    Standardise features of different size (`sklearn.preprocessing.StandardScaler`), since the
    penalty counts the coefficients in the units of X.

    Parameters
    ----------
    loss : str, Loss or callable, default="mse"
        What a wrong prediction costs: a name, an object of `sklearn_losses.losses` with parameters
        of its own such as ``Huber(delta=2)``, or a function ``f(y_true, y_pred)`` that returns one
        value per row (see `sklearn_losses.losses.CustomLoss`). The names by purpose:

        - Mean of the target: "mse".
        - Median, quantiles, expectiles: "mae", "quantile" (``Quantile(0.9)``), "expectile".
        - Outliers in y, convex: "huber", "fair", "log_cosh", "barron" (``Barron(shape)`` with a
          shape of at least 1).
        - Outliers in y and in X (leverage points), not convex: "tukey", "cauchy", "welsch",
          "geman_mcclure", "adaptive_barron".
        - No cost up to an error of epsilon: "epsilon_insensitive", "squared_epsilon_insensitive".
        - Counts and rates: "poisson". Positive targets: "gamma". Targets that are 0 or positive:
          "tweedie". These three have a logarithmic link: the prediction is the exponential of the
          raw prediction, which the model computes.

        ``CVaR(loss)``, ``Tilted(loss)`` and ``Trimmed(loss)`` average the losses of the rows in
        another way, and ``0.7 * MSE() + 0.3 * MAE()`` adds losses. With several targets the mean
        over them is minimised. Parameters of a loss are set by ``set_params(loss__delta=2)``, also
        while `loss` is a name.
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
        penalty. A number is the alpha of the formula above: its effect depends on the units of X
        and y. "auto" is a weak penalty that does not depend on the units of y, a ten-thousandth of
        the loss: with L the mean loss of the best constant prediction and s the standard deviation
        of y, the penalty is ``1e-4 * L * ((1 - l1_ratio)/2 * |w/s|^2 + l1_ratio * |w/s|_1)``. For
        "mse" and ``l1_ratio=0`` that is ``alpha=1e-4``. For losses with a logarithmic link
        ("poisson", "gamma", "tweedie") s is left out, and in a multi-layer perceptron it divides
        the weights of the output alone. With several targets the smallest strength of a target
        counts.
    l1_ratio : float, default=0.0
        Share of the L1 penalty (absolute values) in the penalty, from 0 (ridge) to 1 (lasso). Above
        0, some coefficients are exactly 0; a larger value gives more of them.
    model : str or Model, default=None
        How the raw prediction of a row is computed from its features (it is the prediction, except
        for losses with a logarithmic link): "linear", "mlp" (a multi-layer perceptron),
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
        Whether to hold out rows, to stop when their loss no longer falls, and to keep the
        parameters with their lowest loss.
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

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        Coefficients in the units of X and y. Only for linear models and factorization machines.
    intercept_ : float or ndarray of shape (n_targets,)
        Intercept. Only for linear models and factorization machines.
    factors_ : ndarray of shape (n_features, rank) or (n_targets, n_features, rank)
        Factors of the interactions. Only for factorization machines, which have `coef_` and
        `intercept_` as well.
    coefs_ : list of ndarray
        Weights of each layer, of shape (n_in, n_out). Only for multi-layer perceptrons.
    intercepts_ : list of ndarray
        Intercepts of each layer, of shape (n_out,). Only for multi-layer perceptrons.
    params_ : ndarray of shape (n_params,)
        All parameters in one vector. Only for models of your own that do not name theirs.
    alpha_ : float
        Strength of the penalty that the fit used: `alpha`, or what "auto" found.
    l1_ratio_ : float
        Share of the absolute values in the penalty that the fit used. With ``alpha="auto"`` it
        differs from `l1_ratio`, because "auto" measures both parts of the penalty in units of the
        target.
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
    scale_ : float or ndarray of shape (n_targets,)
        Scale of the residuals, in the units of y. Only for losses with a parameter `scale`, such as
        "huber" and "tukey", and for "adaptive_barron".
    shape_ : float or ndarray of shape (n_targets,)
        The learned shape of Barron's loss. Only for "adaptive_barron".
    row_weights_ : ndarray of shape (n_samples,) or (n_samples, n_targets)
        Weight of each training row in the last step, from 1 (no residual) to 0 (a gross outlier).
        For `Trimmed`, the share of the row that was kept. 0 for rows with a sample weight of 0.
        Only for losses that have `scale_` and for `Trimmed`, and not after `partial_fit`.
    start_ : str or list of str
        Where the fit started: "resistant", "mae", or "mae: " and why a resistant start was not
        possible; with several targets, one for each. Only for losses with a parameter `start`.
    n_features_in_ : int
        Number of features of X in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features. Only if all columns of X have names that are strings.

    See Also
    --------
    MultiQuantileRegressor : Several quantiles in one fit, whose predictions never cross.
    LossClassifier : The same for classes.
    LossRanker : The same for rankings.
    compare_losses : Compares losses on your data by cross-validation.
    suggest_losses : Suggests losses for your data.

    Notes
    -----
    `fit` either ends with all fitted attributes set, or leaves the estimator as it was. After
    Ctrl-C it has the attributes of the last whole iteration.

    A fitted estimator holds no copy of the training rows.

    References
    ----------
    .. [1] Zou and Hastie, "Regularization and variable selection via the elastic net", Journal of
       the Royal Statistical Society B 67 (2005).
    .. [2] Maronna, Martin, Yohai and Salibian-Barrera, "Robust Statistics: Theory and Methods (with
       R)", 2nd edition, Wiley (2019), chapters 4 and 5.

    Examples
    --------
    Outliers in the target have a limited influence on the fit of Huber's loss:

    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = LossRegressor("huber").fit(X, y)
    >>> round(model.score(X, y), 2), model.solver_, model.converged_
    (0.52, 'newton', True)

    The quantile of level 0.9 in a pipeline; nine tenths of the targets are below it:

    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_losses.losses import Quantile
    >>> pipeline = make_pipeline(StandardScaler(), LossRegressor(Quantile(0.9)))
    >>> float((y <= pipeline.fit(X, y).predict(X)).mean().round(2))
    0.9

    A grid search over losses, judged by one metric:

    >>> from sklearn.model_selection import GridSearchCV
    >>> grid = {"loss": ["mse", "mae", "huber"]}
    >>> search = GridSearchCV(
    ...     LossRegressor(), grid, scoring="neg_mean_absolute_error"
    ... )
    >>> search.fit(X, y).best_params_
    {'loss': 'huber'}

    A loss of your own: predictions that are too low cost three times as much:

    >>> import numpy as np
    >>> def asymmetric(y_true, y_pred):
    ...     error = y_true - y_pred
    ...     return np.where(error > 0, 3 * error**2, error**2)
    >>> model = LossRegressor(asymmetric).fit(X, y)
    >>> float((model.predict(X) > y).mean().round(2))
    0.67

    A network of one hidden layer:

    >>> network = LossRegressor(
    ...     "huber", hidden_layer_sizes=(10,), early_stopping=True, random_state=0
    ... )
    >>> pipeline = make_pipeline(StandardScaler(), network).fit(X, y / 100)
    >>> network.n_parameters_, network.solver_
    (121, 'adam')
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
                raise ValueError("LossRegressor needs numbers in y, but y has text; use LossClassifier for labels.") from error
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
        """Predict the target, in its own units.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features), or source
            Rows, with the columns of the training rows. A Dask collection gives a lazy prediction.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_targets)
            What the loss estimates: the mean for "mse", the median for "mae", a quantile for
            "quantile".
        """
        return self._of_rows(X, lambda raw: self._loss.inverse_link(raw).reshape(len(raw), *self._targets.shape))

    @ignoring_floating_errors
    def score(self, X: ArrayLike, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None) -> float:
        """Return the coefficient of determination R2 of `predict`.

        The same as in scikit-learn's regressors: 1 is perfect, 0 is as good as the mean of y. It
        judges predictions by squared errors, whatever the loss. To judge by the loss itself, see
        `sklearn_losses.metrics.make_loss_scorer`.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features), or source
            Test rows. A source of row blocks has the targets and weights with it.
        y : array-like of shape (n_samples,) or (n_samples, n_targets), default=None
            True targets; None for a source.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        float
            R2, with several targets the mean over them.

        Raises
        ------
        ValueError
            If `y` is missing, or given although X is a source.
        """
        score = score_in_blocks(self, X, y, sample_weight, RSquared)
        return super().score(X, targets_given(y), sample_weight) if score is None else score
