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
    """Loss, model, penalty and rows put together.

    What a solver may ask of it is `protocols.Objective`; `loss`, `model`, `penalty` and `batches`
    are for the fit that makes it.

    Parameters
    ----------
    loss : Loss
        Ready for the targets, see `Loss.bind`.
    model : Model
        Methods that say "linear models" need a `LinearModel`.
    penalty : ElasticNet
        With one factor for each of the model's parameters.
    batches : Batches or SummedBatches

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.core.batches import Batches
    >>> from sklearn_losses.core.penalties import ElasticNet
    >>> from sklearn_losses.losses import MSE
    >>> from sklearn_losses.models import Linear
    >>> model = Linear().bind(2, 1, fit_intercept=False)
    >>> batches = Batches(np.eye(2), np.array([1.0, 3.0]))
    >>> objective = Objective(MSE(), model, ElasticNet(0.0, 0.0, model.weights()), batches)
    >>> objective.value(np.zeros(2))
    5.0
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
        """The whole formula."""
        return self.mean_loss(params) + self.penalty_value(params)

    def mean_loss(self, params: NDArray[Any]) -> float:
        """The first term: the weighted mean of the loss."""
        if self._last is not None and np.array_equal(params, self._last[0]):
            return self._last[1]

        def weighted(batch, _):
            return batch.sum(self.loss.value(batch.y, self.model.predict(params, batch.X)))

        if self._valued is None or not np.array_equal(params, self._valued[0]):
            self._valued = params.copy(), self.batches.total(weighted) / self.n_rows
        return self._valued[1]

    def value_without_weights(self, params: NDArray[Any]) -> float:
        """The whole formula with the intercepts of `params` alone, for which no row is read."""
        bare = np.where(self.penalized > 0, 0.0, params)
        if not (self.linear and self.loss.rowwise):
            return self.value(bare)
        raw = self.model.predict(bare, np.zeros((1, self.model.base.n_features), self.dtype))

        def weighted(batch, _):
            return batch.sum(self.loss.value(batch.y, np.repeat(raw, len(batch.y), axis=0)))

        return self.batches.total(weighted) / self.n_rows

    def mean_loss_of_rounded(self, params: NDArray[Any]) -> float:
        """`mean_loss` with parameters and raw predictions in the rows' own type.

        It shows what rounding makes of the loss.
        """

        def weighted(batch, _):
            raw = self.model.predict(params, batch.X).astype(np.float64, copy=False)
            return batch.sum(self.loss.value(batch.y, raw))

        return self.batches.unconverted().total(weighted) / self.n_rows

    def losses(self, params: NDArray[Any]) -> NDArray[Any]:
        """The loss of each row."""
        return self.batches.joined(lambda batch, _: self.loss.value(batch.y, self.model.predict(params, batch.X)))

    def unbounded(self, params: NDArray[Any]) -> bool:
        """Whether `params` shows that there is no minimum.

        The loss of a linear model without a penalty may fall for ever.
        """
        if self.loss.has_minimizer or not self.linear or self.has_penalty:
            return False
        return falls_for_ever(self.loss, self.model, self.batches, params)

    def bottomless(self, params: NDArray[Any]) -> bool:
        """Whether the whole formula runs to minus infinity on the ray from 0 through `params`."""
        return falls_without_end(self.value, params)

    def penalty_value(self, params: NDArray[Any]) -> float:
        """The second term."""
        return self.penalty.smooth_value_and_gradient(params)[0] + self.penalty.l1_value(params)

    def value_and_gradient(self, params: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        """The formula less the absolute values, and its gradient.

        Where the loss has a kink it is a subgradient.
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
        """The slope of the smooth part on a line, ``t -> slope at params + t * direction``.

        For linear models: the rows are read once for all t.
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
        """Unbiased estimates of the smooth part, one after the other.

        Together they see all rows once.

        Yields
        ------
        share : float
            The batch's share of the rows.
        estimate : callable
            params -> (value, gradient); their mean over the epoch, weighted by `share`, is the
            objective's.
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
        """The second derivative at `params` applied to `direction`.

        For a model that is not linear it is the Gauss-Newton part.
        """
        product = hessian_product(self.loss, self.model, self.batches, params, direction)
        return product + self.l2 * direction

    def hessian_operator(self, params: NDArray[Any], spread: float = 0.0) -> HessianOperator:
        """The second derivative of the loss as an operator: linear models.

        That of the penalty is not in it. Where it jumps it is a mean over moves of the raw
        predictions by about `spread`.
        """
        return hessian_operator(self.loss.spread(spread), self.model, self.batches, params)

    def hessian(self, params: NDArray[Any]) -> NDArray[Any]:
        """The second derivative at `params` as a matrix: linear models.

        Sparse rows are made dense.
        """
        matrix = hessian_matrix(self.loss, self.model, self.batches, params)
        diagonal(matrix)[:] += self.l2
        return matrix

    def hessian_block(self, params: NDArray[Any], chosen: NDArray[np.intp]) -> NDArray[Any]:
        """The rows and columns `chosen`, which hold all intercepts, of `hessian`."""
        matrix = hessian_block(self.loss, self.model, self.batches, params, chosen)
        diagonal(matrix)[:] += self.l2[chosen]
        return matrix

    def hessian_root(self, params: NDArray[Any]) -> NDArray[Any]:
        """A triangular R with ``R.T @ R`` the second derivative at `params`.

        It is there where `has_hessian_root` says so.
        """
        return hessian_root(self.loss, self.model, self.batches, params, self.l2)

    # The same problem in other coordinates, on fewer rows or columns, in another precision.

    def rotated(self) -> tuple[Self, Change, Change]:
        """This objective in coordinates in which no column depends on others.

        For linear models, dense rows and no L1 penalty; see `SingularVectors`.

        Returns
        -------
        objective : Objective
        forward, back : callable
            This one's parameters -> the other's, and back.
        """
        base, batches = self.model.base, self.batches
        ridge = base.unpack(self.l2[: base.n_params])[0][0][:, 0]
        change, columns = SingularVectors.of(batches.whole(), batches.sample_weight, base.fit_intercept, ridge)
        model = self.model.resized(columns.shape[1])
        penalty = type(self.penalty)(float(np.all(ridge > 0)), 0.0, change.factors(model))
        rotated = self._replace(model=model, penalty=penalty, batches=batches.of_columns(columns))
        return rotated, partial(change.from_user, self.model), partial(change.to_user, self.model)

    def restricted(self, features: NDArray[Any]) -> tuple[Self, NDArray[Any]]:
        """This objective with the weights of all other features at 0 (linear models).

        Parameters
        ----------
        features : ndarray of int
            In rising order.

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
        """This objective over `number` random parts of the rows.

        They are always the same ones and have no row in common.
        """
        order = np.random.RandomState(0).permutation(self.n_rows)[: number * size]
        for rows in np.split(order, number):
            yield self._replace(batches=self.batches.some(np.sort(rows)))

    def in_data_dtype(self) -> Self | None:
        """This objective computed in the precision of its rows; None where that is its own."""
        batches = self.batches.in_data_dtype()
        return None if batches is None else self._replace(batches=batches)

    def steering(self) -> Self | None:
        """This objective in a precision in which matrices that only steer steps take less time.

        That is that of the rows, or float32 for many rows and columns. None where it is this one's,
        or its digits were not enough.
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
        """The largest change of a raw prediction along `direction`.

        It is given as a share of the largest prediction.
        """

        def sizes(batch, _):
            raw = self.model.predict(params, batch.X)
            return np.max(np.abs(self.model.predict(params + direction, batch.X) - raw)), np.max(np.abs(raw))

        moves, size = np.max(list(self.batches.each(sizes)), axis=0)
        return float(moves / (size or 1.0))

    def centered(self, params: NDArray[Any]) -> NDArray[Any]:
        """The same point without a common shift of all classes.

        Neither the loss nor the optimum depends on that shift.
        """
        return without_shift(params, self.model.base, self.penalty) if self._shifts else params

    def unshifted(self, change: NDArray[Any]) -> NDArray[Any]:
        """A change of the parameters less its mean over the classes, which changes no loss."""
        return without_shift(change, self.model.base, ElasticNet(0.0, 0.0, self.penalty.factors)) if self._shifts else change

    @cached_property
    def _shifts(self):
        """Whether a common shift of all classes changes nothing but the penalty."""
        return self.loss.shift_invariant and self.linear and self.model.base.n_outputs > 1

    def with_curved_shifts(self, hessian: NDArray[Any]) -> NDArray[Any]:
        """A second derivative with curvature along the common shifts of all classes.

        It is changed in place.
        """
        if self._shifts:
            add_curvature_along_shifts(hessian, self.model.base)
        return hessian

    def prox(self, params: NDArray[Any], step: float | NDArray[Any]) -> NDArray[Any]:
        """Minimiser of ``step * l1 part + |. - params|^2 / 2``."""
        return self.penalty.prox(params, step)

    def l1_value(self, params: NDArray[Any]) -> float:
        """The absolute part of the penalty."""
        return self.penalty.l1_value(params)

    # Non-smooth losses.

    def terms(self) -> Any:
        """The terms of a loss with kinks over all rows, for exact solvers.

        Those of an L1 penalty are among them.
        """
        if self._terms is None:
            of_rows = self._terms_of_rows()
            self._terms = of_rows if self.max_affine or self.smooth_penalty else TermsWithL1(of_rows, self.l1)
        return self._terms

    def _terms_of_rows(self) -> Any:
        kind = MaxAffineTerms if self.max_affine else PiecewiseLinearTerms if self.n_outputs == 1 else OutputTerms
        return kind.of(self.loss, self.model, self.penalty, self.batches)

    def kink_distance(self, params: NDArray[Any]) -> float:
        """The mean distance of the rows from the kinks of the loss.

        It is a width to start smoothing with.
        """

        def of_block(batch, _):
            return batch.sum(self.loss.kink_distance(batch.y, self.model.predict(params, batch.X)))

        return self.batches.total(of_block) / self.n_rows or 1.0

    def smoothing_error(self, width: float) -> float:
        """A bound on how far the objective and ``smoothed(width)`` are apart."""
        return self.loss.smoothing_error(width, self.model.n_outputs)

    def smoothed_slopes(self, params: NDArray[Any], width: float) -> tuple[float, NDArray[Any]] | None:
        """The gradient of the loss of ``smoothed(width)`` as slopes, for a duality gap.

        That is the mean `Loss.shortfall` of the slopes, and the gradient without the penalty; None
        where the loss knows none.
        """
        return smoothed_slopes(self.loss, self.model, self.batches, params, width)

    def smoothed_around(self, centers: NDArray[Any] | None, width: float) -> Self:
        """This objective with a piecewise linear loss smoothed around slopes, see `best_slopes`."""
        loss, batches = smoothed_around(self.loss, self.model, self.batches, centers, width)
        return self._replace(loss=loss, batches=batches)

    def best_slopes(self, params: NDArray[Any]) -> tuple[NDArray[Any], float]:
        """The slopes of `smoothed_around`, and how far their lines are below the loss."""
        return best_slopes(self.loss, self.model, self.batches, params)

    def slopes_of_terms(self, slopes: NDArray[Any]) -> NDArray[Any] | None:
        """`best_slopes` as slopes of `terms`; None where some rows have no terms."""
        return slopes_of_terms(self.loss, self.terms().loss_terms, slopes)

    def smoothed(self, width: float) -> Self:
        """This objective with a smooth loss within O(width) of its own."""
        return self._replace(loss=self.loss.smoothed(width))
