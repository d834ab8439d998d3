"""The one formula that every solver minimises, for every loss, model and batch size.

      sum_i s_i * loss(y_i, raw_i) / sum_i s_i
    + alpha * ( (1 - l1_ratio)/2 * |w|^2 + l1_ratio * |w|_1 )

with ``raw = model(params, X)``, `s` the sample weights and `w` all weights, never the intercepts.
So weight 2 is a row twice, weight 0 no row, the size of the weights does not matter, and alpha
means the same under Adam and under L-BFGS.

An objective is the only thing that a solver sees. It is a sum over blocks of rows; derivatives are
those of the smooth part, everything but the absolute values of the penalty, which come in by
`prox`.
"""

from collections.abc import Callable, Iterator
from functools import cached_property, partial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.core import protocols
from sklearn_losses.core.batches import Batches
from sklearn_losses.core.class_shifts import add_curvature_along_shifts, without_shift
from sklearn_losses.core.facts import Facts
from sklearn_losses.core.hessian import hessian_matrix, hessian_operator, hessian_product, hessian_root
from sklearn_losses.core.hessian_block import hessian_block
from sklearn_losses.core.hessian_operator import HessianOperator
from sklearn_losses.core.linear_algebra import diagonal
from sklearn_losses.core.penalties import ElasticNet
from sklearn_losses.core.recession import falls_for_ever, falls_without_end
from sklearn_losses.core.singular_vectors import SingularVectors
from sklearn_losses.core.summed_batches import SummedBatches
from sklearn_losses.piecewise.max_affine import MaxAffineTerms
from sklearn_losses.piecewise.output_terms import OutputTerms
from sklearn_losses.piecewise.smoothed_around import best_slopes, slopes_of_terms, smoothed_around, smoothed_slopes
from sklearn_losses.piecewise.terms import PiecewiseLinearTerms, TermsWithL1

__all__ = ["Objective"]

STEERED = 1e7  # multiplications of a matrix from which on float32 saves time
Change = Callable[[NDArray[Any]], NDArray[Any]]  # of the coordinates of a point


class Objective(Facts):
    r"""The function that a fit minimises: loss, model, penalty and rows put together.

    It is the only thing that a solver sees:

    .. math::

        \frac{1}{\sum_i s_i} \sum_i s_i\, \ell(y_i, f_i) + \alpha \left( \frac{1 - \rho}{2}
            \|w\|_2^2 + \rho\, \|w\|_1 \right)

    with :math:`s_i` the weight, :math:`y_i` the target and :math:`f_i` the raw prediction of row
    :math:`i`, :math:`w` all weights of the model without the intercepts, :math:`\alpha` the
    strength of the penalty and :math:`\rho` its `l1_ratio`. Derivatives are those of everything but
    the absolute values, which come in by `prox`. Methods for "linear models" need a `LinearModel`.

    Parameters
    ----------
    loss : Loss
        Ready for the targets, see `Loss.bind`.
    model : Model
        Bound to the sizes of the data, see `Model.bind`.
    penalty : ElasticNet
        With one factor for each of the model's parameters.
    batches : Batches or SummedBatches
        The rows, their targets and their weights.

    See Also
    --------
    sklearn_losses.solvers.Solver : What minimises it.
    sklearn_losses.losses.Loss : What it asks of a loss.
    sklearn_losses.models.Model : What it asks of a model.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.core.batches import Batches
    >>> from sklearn_losses.core.penalties import ElasticNet
    >>> from sklearn_losses.losses import MSE
    >>> from sklearn_losses.models import Linear
    >>> from sklearn_losses.objective import Objective
    >>> model = Linear().bind(2, 1, fit_intercept=False)
    >>> batches = Batches(np.eye(2), np.array([1.0, 3.0]))
    >>> objective = Objective(MSE(), model, ElasticNet(0.0, 0.0, model.weights()), batches)
    >>> objective.value(np.zeros(2)), objective.value_and_gradient(np.zeros(2))[1]
    (5.0, array([-1., -3.]))
    """

    def __init__(
        self, loss: protocols.Loss, model: protocols.Model, penalty: ElasticNet, batches: Batches | SummedBatches
    ) -> None:
        super().__init__(loss, model, penalty, batches)
        # Fits end with several questions about one point: the last ones of `value_and_gradient` and
        # `mean_loss` are kept.
        self._last: tuple[NDArray[Any], float, NDArray[Any]] | None = None
        self._valued: tuple[NDArray[Any], float] | None = None
        self._terms: Any = None
        self._steering: Self | None = None
        self._steers = True

    def _replace(self, **changes: Any) -> Self:
        """This objective with another loss, model, penalty or other batches."""
        given = {"loss": self.loss, "model": self.model, "penalty": self.penalty, "batches": self.batches}
        return type(self)(**(given | changes))

    # Values and derivatives at a point.

    def value(self, params: NDArray[Any]) -> float:
        """Return the whole formula at a point.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            The point.

        Returns
        -------
        float
            The mean loss and the penalty.
        """
        return self.mean_loss(params) + self.penalty_value(params)

    def mean_loss(self, params: NDArray[Any]) -> float:
        """Return the first term: the weighted mean of the loss.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            The point.

        Returns
        -------
        float
            The mean over the rows.
        """
        if self._last is not None and np.array_equal(params, self._last[0]):
            return self._last[1]

        def weighted(batch, _):
            return batch.sum(self.loss.value(batch.y, self.model.predict(params, batch.X)))

        if self._valued is None or not np.array_equal(params, self._valued[0]):
            self._valued = params.copy(), self.batches.total(weighted) / self.n_rows
        return self._valued[1]

    def value_without_weights(self, params: NDArray[Any]) -> float:
        """Return the whole formula with the intercepts alone, for which no row is read.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            The point.

        Returns
        -------
        float
            The value with all weights 0.
        """
        bare = np.where(self.penalized > 0, 0.0, params)
        if not (self.linear and self.loss.rowwise):
            return self.value(bare)
        raw = self.model.predict(bare, np.zeros((1, self.model.base.n_features), self.dtype))

        def weighted(batch, _):
            return batch.sum(self.loss.value(batch.y, np.repeat(raw, len(batch.y), axis=0)))

        return self.batches.total(weighted) / self.n_rows

    def mean_loss_of_rounded(self, params: NDArray[Any]) -> float:
        """Return the mean loss computed in the dtype of the rows: what rounding makes of it.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            The point.

        Returns
        -------
        float
            The mean over the rows.
        """

        def weighted(batch, _):
            raw = self.model.predict(params, batch.X).astype(np.float64, copy=False)
            return batch.sum(self.loss.value(batch.y, raw))

        return self.batches.unconverted().total(weighted) / self.n_rows

    def losses(self, params: NDArray[Any]) -> NDArray[Any]:
        """Return the loss of each row.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            The point.

        Returns
        -------
        ndarray of shape (n_rows,)
            The losses, without weights.
        """
        return self.batches.joined(lambda batch, _: self.loss.value(batch.y, self.model.predict(params, batch.X)))

    def unbounded(self, params: NDArray[Any]) -> bool:
        """Return whether a point shows that there is no minimum.

        The loss of a linear model without a penalty may fall for ever.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            The point.

        Returns
        -------
        bool
            Whether it falls for ever from there.
        """
        if self.loss.has_minimizer or not self.linear or self.has_penalty:
            return False
        return falls_for_ever(self.loss, self.model, self.batches, params)

    def bottomless(self, params: NDArray[Any]) -> bool:
        """Return whether the formula falls to minus infinity along a ray from 0 through a point.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            The point.

        Returns
        -------
        bool
            Whether it falls without end.
        """
        return falls_without_end(self.value, params)

    def penalty_value(self, params: NDArray[Any]) -> float:
        """Return the second term: the penalty.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            The point.

        Returns
        -------
        float
            Its squares and absolute values.
        """
        return self.penalty.smooth_value_and_gradient(params)[0] + self.penalty.l1_value(params)

    def value_and_gradient(self, params: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        """Return the formula without the absolute values of the penalty, and its gradient.

        Where the loss has a kink it is a subgradient. The absolute values come in by `prox`.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            The point.

        Returns
        -------
        value : float
            The smooth part.
        gradient : ndarray of shape (n_params,)
            Its derivative.
        """
        if self._last is None or not np.array_equal(params, self._last[0]):
            total, gradient = self.batches.total(lambda batch, _: self._evaluate(params, batch))
            gradient /= self.n_rows
            self._last = params.copy(), total / self.n_rows, gradient
        _, mean_loss, gradient = self._last
        penalty, penalty_gradient = self.penalty.smooth_value_and_gradient(params)
        return mean_loss + penalty, gradient + penalty_gradient

    def _evaluate(self, params, batch):
        """Weighted sums of the loss and of its gradient over a batch."""
        raw, _, vjp = self.model.linearize(params, batch.X)
        value, gradient = self.loss.value_and_gradient(batch.y, raw)
        return batch.sum(value), vjp(batch.weighted(gradient)).astype(np.float64, copy=False)

    def slope_along(self, params: NDArray[Any], direction: NDArray[Any]) -> Callable[[float], float]:
        """Return the slope of the smooth part on a line as a function; for linear models.

        The rows are read once for all points of the line.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            The point.
        direction : ndarray of shape (n_params,)
            Change of the parameters.

        Returns
        -------
        callable
            ``function(t) -> slope at params + t * direction``.
        """
        raw = self.batches.joined(lambda batch, _: self.model.predict(params, batch.X))
        move = self.batches.joined(lambda batch, _: self.model.predict(direction, batch.X))
        start, rise = float((self.l2 * params) @ direction), float((self.l2 * direction) @ direction)

        def slope(t):
            def of_block(batch, rows):
                return float(np.vdot(batch.weighted(self.loss.gradient(batch.y, raw[rows] + t * move[rows])), move[rows]))

            return self.batches.total(of_block) / self.n_rows + start + t * rise

        return slope

    def minibatches(self, size: int, rng: Any) -> Iterator[tuple[float, protocols.Estimate]]:
        """Yield unbiased estimates of the smooth part, which together see all rows once.

        Parameters
        ----------
        size : int
            Rows of a batch.
        rng : numpy.random.RandomState
            Source of the order of the rows.

        Yields
        ------
        share : float
            The share of the batch among the rows.
        estimate : callable
            ``estimate(params) -> (value, gradient)``. The mean over the epoch, weighted by `share`,
            is that of the objective.
        """
        for batch in self.batches.minibatches(size, rng):
            rows = len(batch.y)

            def estimate(params, batch=batch, rows=rows):
                value, gradient = self._evaluate(params, batch)
                penalty, penalty_gradient = self.penalty.smooth_value_and_gradient(params)
                gradient /= rows
                gradient += penalty_gradient
                return value / rows + penalty, gradient

            yield rows / self.n_rows, estimate

    # Second derivatives.

    def hessian_product(self, params: NDArray[Any], direction: NDArray[Any]) -> NDArray[Any]:
        """Return the second derivative of the smooth part times a direction.

        For a model that is not linear it is the Gauss-Newton part.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            The point.
        direction : ndarray of shape (n_params,)
            Change of the parameters.

        Returns
        -------
        ndarray of shape (n_params,)
            The product.
        """
        product = hessian_product(self.loss, self.model, self.batches, params, direction)
        return product + self.l2 * direction

    def hessian_operator(self, params: NDArray[Any], spread: float = 0.0) -> HessianOperator:
        """Return the second derivative of the loss as an operator; for linear models.

        That of the penalty is not in it.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            The point.
        spread : float, default=0.0
            Moves of the raw predictions over which a second derivative that jumps is averaged.

        Returns
        -------
        HessianOperator
            Products, and systems of equations solved by conjugate gradients.
        """
        return hessian_operator(self.loss.spread(spread), self.model, self.batches, params)

    def hessian(self, params: NDArray[Any]) -> NDArray[Any]:
        """Return the second derivative of the smooth part as a matrix; for linear models.

        Sparse rows are made dense.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            The point.

        Returns
        -------
        ndarray of shape (n_params, n_params)
            A symmetric matrix.
        """
        matrix = hessian_matrix(self.loss, self.model, self.batches, params)
        diagonal(matrix)[:] += self.l2
        return matrix

    def hessian_block(self, params: NDArray[Any], chosen: NDArray[np.intp]) -> NDArray[Any]:
        """Return some rows and columns of `hessian`.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            The point.
        chosen : ndarray of int
            Numbers of parameters; all intercepts are among them.

        Returns
        -------
        ndarray of shape (n_chosen, n_chosen)
            A symmetric matrix.
        """
        matrix = hessian_block(self.loss, self.model, self.batches, params, chosen)
        diagonal(matrix)[:] += self.l2[chosen]
        return matrix

    def hessian_root(self, params: NDArray[Any]) -> NDArray[Any]:
        """Return a triangular matrix whose square is `hessian`, where `has_hessian_root`.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            The point.

        Returns
        -------
        ndarray of shape (n_params, n_params)
            R with ``R.T @ R`` the second derivative.
        """
        return hessian_root(self.loss, self.model, self.batches, params, self.l2)

    # The same problem in other coordinates, on fewer rows or columns, in another precision.

    def rotated(self) -> tuple[Self, Change, Change]:
        """Return this objective in coordinates in which no column depends on others.

        For linear models, dense rows and no L1 penalty; see `SingularVectors`.

        Returns
        -------
        objective : Objective
            The same problem.
        forward : callable
            Parameters of this objective -> those of the other one.
        back : callable
            And back.
        """
        base, batches = self.model.base, self.batches
        ridge = base.unpack(self.l2[: base.n_params])[0][0][:, 0]
        change, columns = SingularVectors.of(batches.whole(), batches.sample_weight, base.fit_intercept, ridge)
        model = self.model.resized(columns.shape[1])
        penalty = type(self.penalty)(float(np.all(ridge > 0)), 0.0, change.factors(model))
        rotated = self._replace(model=model, penalty=penalty, batches=batches.of_columns(columns))
        return rotated, partial(change.from_user, self.model), partial(change.to_user, self.model)

    def restricted(self, features: NDArray[Any]) -> tuple[Self, NDArray[Any]]:
        """Return this objective with the weights of all other features at 0; for linear models.

        Parameters
        ----------
        features : ndarray of int
            Numbers of features, in rising order.

        Returns
        -------
        objective : Objective
            With the parameters of these features, and the intercepts.
        coordinates : ndarray of int
            Where they are among all parameters.
        """
        model, coordinates = self.model.restricted(features)
        part = self._replace(model=model, penalty=self.penalty.restricted(coordinates), batches=self.batches.columns(features))
        return part, coordinates

    def samples(self, size: int, number: int) -> Iterator[Self]:
        """Yield this objective over some random parts of the rows, which have no row in common.

        They are the same ones in each call.

        Parameters
        ----------
        size : int
            Rows of a part.
        number : int
            How many parts.

        Yields
        ------
        Objective
            The objective of a part.
        """
        order = np.random.RandomState(0).permutation(self.n_rows)[: number * size]
        for rows in np.split(order, number):
            yield self._replace(batches=self.batches.some(np.sort(rows)))

    def in_data_dtype(self) -> Self | None:
        """Return this objective computed in the precision of its rows.

        Returns
        -------
        Objective or None
            None where that is its own precision.
        """
        batches = self.batches.in_data_dtype()
        return None if batches is None else self._replace(batches=batches)

    def steering(self) -> Self | None:
        """Return this objective in a precision in which matrices take less time.

        It is for matrices that only steer steps: the precision of the rows, or float32 for many
        rows and columns.

        Returns
        -------
        Objective or None
            None where that is its own precision, or its digits were not enough.
        """
        if self._steers and self._steering is None:
            coarse = self.batches.in_data_dtype()
            if coarse is None and self.hessian_work > STEERED:
                coarse = self.batches.steering()
            self._steers = coarse is not None
            self._steering = None if coarse is None else self._replace(batches=coarse)
        return self._steering if self._steers else None

    def by_matrices(self) -> None:
        """Note that a solver will ask for the Hessian at most points that it evaluates.

        Sums over rows that are read anew are then taken together.
        """

    def steer_in_full(self) -> None:
        """Note that the digits of `steering` are not enough."""
        self._steers = False

    @property
    def steers_in_full(self) -> bool:
        """Whether that was noted, or there is nothing coarser."""
        return not self._steers

    def relative_move(self, params: NDArray[Any], direction: NDArray[Any]) -> float:
        """Return the largest change of a raw prediction along a direction.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            The point.
        direction : ndarray of shape (n_params,)
            Change of the parameters.

        Returns
        -------
        float
            As a share of the largest raw prediction.
        """

        def sizes(batch, _):
            raw = self.model.predict(params, batch.X)
            return np.max(np.abs(self.model.predict(params + direction, batch.X) - raw)), np.max(np.abs(raw))

        moves, size = np.max(list(self.batches.each(sizes)), axis=0)
        return float(moves / (size or 1.0))

    def centered(self, params: NDArray[Any]) -> NDArray[Any]:
        """Return the same point without a common shift of all classes.

        Neither the loss nor the optimum depends on that shift.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            The point.

        Returns
        -------
        ndarray of shape (n_params,)
            The shifted point; the point itself where there is no such shift.
        """
        return without_shift(params, self.model.base, self.penalty) if self._shifts else params

    def unshifted(self, change: NDArray[Any]) -> NDArray[Any]:
        """Return a change of the parameters less its mean over the classes.

        That mean changes no loss.

        Parameters
        ----------
        change : ndarray of shape (n_params,)
            Change of the parameters.

        Returns
        -------
        ndarray of shape (n_params,)
            The rest of it.
        """
        return without_shift(change, self.model.base, ElasticNet(0.0, 0.0, self.penalty.factors)) if self._shifts else change

    @cached_property
    def _shifts(self):
        """Whether a common shift of all classes changes nothing but the penalty."""
        return self.loss.shift_invariant and self.linear and self.model.base.n_outputs > 1

    def with_curved_shifts(self, hessian: NDArray[Any]) -> NDArray[Any]:
        """Return a second derivative with curvature along common shifts of all classes.

        Parameters
        ----------
        hessian : ndarray of shape (n_params, n_params)
            The second derivative; changed in place.

        Returns
        -------
        ndarray of shape (n_params, n_params)
            The same array.
        """
        if self._shifts:
            add_curvature_along_shifts(hessian, self.model.base)
        return hessian

    def prox(self, params: NDArray[Any], step: float | NDArray[Any]) -> NDArray[Any]:
        """Return the minimiser of the absolute values of the penalty next to a point.

        It is that of ``step * l1_value(v) + |v - params|**2 / 2`` over v: soft thresholding.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            The point.
        step : float or ndarray of shape (n_params,)
            The step; one per parameter for a diagonal metric. A larger one sets more weights to 0.

        Returns
        -------
        ndarray of shape (n_params,)
            The minimiser.
        """
        return self.penalty.prox(params, step)

    def l1_value(self, params: NDArray[Any]) -> float:
        """Return the absolute values of the penalty.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            The point.

        Returns
        -------
        float
            0 where there are none.
        """
        return self.penalty.l1_value(params)

    # Non-smooth losses.

    def terms(self) -> Any:
        """Return the terms of a loss with kinks over all rows, for exact solvers.

        Those of an L1 penalty are among them.

        Returns
        -------
        object
            The terms, see `piecewise.terms`.
        """
        if self._terms is None:
            of_rows = self._terms_of_rows()
            self._terms = of_rows if self.max_affine or self.smooth_penalty else TermsWithL1(of_rows, self.l1)
        return self._terms

    def _terms_of_rows(self) -> Any:
        kind = MaxAffineTerms if self.max_affine else PiecewiseLinearTerms if self.n_outputs == 1 else OutputTerms
        return kind.of(self.loss, self.model, self.penalty, self.batches)

    def kink_distance(self, params: NDArray[Any]) -> float:
        """Return the mean distance of the rows from the kinks of the loss.

        It is a width to start smoothing with.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            The point.

        Returns
        -------
        float
            In units of the raw predictions; 1 where all rows are on a kink.
        """

        def of_block(batch, _):
            return batch.sum(self.loss.kink_distance(batch.y, self.model.predict(params, batch.X)))

        return self.batches.total(of_block) / self.n_rows or 1.0

    def smoothing_error(self, width: float) -> float:
        """Return a bound of the difference between this objective and ``smoothed(width)``.

        Parameters
        ----------
        width : float
            How wide the smoothing is, in units of the raw predictions.

        Returns
        -------
        float
            The bound.
        """
        return self.loss.smoothing_error(width, self.model.n_outputs)

    def smoothed_slopes(self, params: NDArray[Any], width: float) -> tuple[float, NDArray[Any]] | None:
        """Return the gradient of the loss of ``smoothed(width)`` as slopes, for a duality gap.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            The point.
        width : float
            How wide the smoothing is, in units of the raw predictions.

        Returns
        -------
        tuple of (float, ndarray) or None
            The mean `Loss.shortfall` of the slopes, and the gradient without the penalty; None
            where the loss knows none.
        """
        return smoothed_slopes(self.loss, self.model, self.batches, params, width)

    def smoothed_around(self, centers: NDArray[Any] | None, width: float) -> Self:
        """Return this objective with a piecewise linear loss smoothed around slopes.

        Parameters
        ----------
        centers : ndarray or None
            Slopes as `best_slopes` returns them; None for the first ones.
        width : float
            How wide the smoothing is, in units of the raw predictions.

        Returns
        -------
        Objective
            The smooth objective.
        """
        loss, batches = smoothed_around(self.loss, self.model, self.batches, centers, width)
        return self._replace(loss=loss, batches=batches)

    def best_slopes(self, params: NDArray[Any]) -> tuple[NDArray[Any], float]:
        """Return the slopes of `smoothed_around`, and how far their lines are below the loss.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            The point.

        Returns
        -------
        slopes : ndarray
            The slopes.
        shortfall : float
            The mean distance.
        """
        return best_slopes(self.loss, self.model, self.batches, params)

    def slopes_of_terms(self, slopes: NDArray[Any]) -> NDArray[Any] | None:
        """Return `best_slopes` as slopes of `terms`.

        Parameters
        ----------
        slopes : ndarray
            Slopes as `best_slopes` returns them.

        Returns
        -------
        ndarray or None
            None where some rows have no terms.
        """
        return slopes_of_terms(self.loss, self.terms().loss_terms, slopes)

    def smoothed(self, width: float) -> Self:
        """Return this objective with a smooth loss that is close to its own.

        Parameters
        ----------
        width : float
            How wide the smoothing is, in units of the raw predictions.

        Returns
        -------
        Objective
            The smooth objective; it differs by at most ``smoothing_error(width)``.
        """
        return self._replace(loss=self.loss.smoothed(width))
