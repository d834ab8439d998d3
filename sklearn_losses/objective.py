"""The one formula that every solver minimises, for every loss, model and batch size:

    sum_i s_i * loss(y_i, raw_i) / sum_i s_i   +   alpha * ( (1 - l1_ratio)/2 * |w|^2 + l1_ratio * |w|_1 )

with ``raw = model(params, X)``, `s` the sample weights and `w` all weights, never the intercepts. So weight 2 is a row twice,
weight 0 no row, the size of the weights does not matter, and alpha means the same under Adam and under L-BFGS.

An objective is the only thing that a solver sees. It is a sum over blocks of rows; derivatives are those of the smooth
part, everything but the absolute values of the penalty, which come in by `prox`.
"""

from functools import partial

import numpy as np

from sklearn_losses.core.hessian import hessian_matrix, hessian_operator, hessian_product, hessian_root
from sklearn_losses.core.recession import falls_for_ever, falls_without_end
from sklearn_losses.core.singular_vectors import SingularVectors
from sklearn_losses.piecewise.max_affine import MaxAffineTerms, MaxAffineTermsWithBounds
from sklearn_losses.piecewise.terms import PiecewiseLinearTerms, TermsWithL1

__all__ = ["Objective"]

LARGEST_ROTATION = 5e9  # entries of the rows times columns or rows up to which their singular values are computed


class Objective:
    """Loss, model, penalty and rows put together.

    Parameters
    ----------
    loss : Loss
    model : Model
    penalty : ElasticNet
    batches : Batches
    """

    def __init__(self, loss, model, penalty, batches):
        self.loss, self.model, self.penalty, self.batches = loss, model, penalty, batches
        # Fits end with several questions about one point: the last ones of `value_and_gradient` and `mean_loss` are kept.
        self._last = self._valued = self._terms = None

    # What the objective is.

    @property
    def n_params(self):
        return self.model.n_params

    @property
    def n_outputs(self):
        return self.model.n_outputs

    @property
    def n_rows(self):
        return self.batches.n_rows

    @property
    def smooth_loss(self):
        """The loss has a continuous gradient; the penalty may still have kinks, see `smooth_penalty`."""
        return self.loss.smooth

    @property
    def smooth_penalty(self):
        return self.penalty.smooth

    @property
    def has_hessian(self):
        return self.loss.has_hessian

    @property
    def smooth_form_has_hessian(self):
        """The loss that a smooth solver meets, which is a smoothed one where the loss has kinks, has a Hessian."""
        return (self.loss if self.loss.smooth else self.loss.smoothed(1.0)).has_hessian

    @property
    def linear(self):
        return self.model.linear

    @property
    def convex(self):
        return self.loss.convex and self.model.linear

    @property
    def bounded_hessian(self):
        """The Hessian is that of a convex function, or a bound from above that is never negative."""
        return self.linear and (self.loss.convex or self.loss.hessian_bound)

    @property
    def stochastic_only(self):
        """The loss is made for steps on batches: its exact minimum is of no use."""
        return self.loss.stochastic_only

    @property
    def sparse(self):
        return self.batches.sparse

    @property
    def penalized(self):
        """1 for each weight, 0 for each intercept."""
        return self.model.weights()

    @property
    def l1(self):
        """The factor of the absolute value of each parameter in the penalty, (n_params,); 0 for intercepts."""
        return self.penalty.l1

    @property
    def l2(self):
        """The factor of half the square of each parameter in the penalty, (n_params,); 0 for intercepts."""
        return self.penalty.l2

    @property
    def n_features(self):
        """The number of features that the model has weights for."""
        return self.model.base.n_features

    def by_feature(self, params):
        """The entries of an array like `params` that belong to weights, as (n_features, n_outputs): linear models.

        It is a view of them.
        """
        model = self.model.base
        return params[: model.n_weights].reshape(model.n_features, model.n_outputs)

    @property
    def n_constants(self):
        """How many constants of the loss are learned with the parameters, as the last of which they stand."""
        return self.model.n_constants

    @property
    def dtype(self):
        """What the rows are computed in."""
        return self.batches.dtype

    @property
    def precision(self):
        """The rounding unit of an evaluation."""
        return float(np.finfo(self.dtype).eps)

    def describe(self):
        """The loss's name, for messages."""
        return f"loss {self.loss.label!r}"

    # Values and derivatives at a point.

    def value(self, params):
        """The whole formula."""
        return self.mean_loss(params) + self.penalty_value(params)

    def mean_loss(self, params):
        """The first term: the weighted mean of the loss."""
        if self._last is not None and np.array_equal(params, self._last[0]):
            return self._last[1]

        def weighted(batch, _):
            return batch.sum(self.loss.value(batch.y, self.model.predict(params, batch.X)))

        if self._valued is None or not np.array_equal(params, self._valued[0]):
            self._valued = params.copy(), sum(self.batches.each(weighted)) / self.n_rows
        return self._valued[1]

    def mean_loss_of_rounded(self, params):
        """`mean_loss` where the parameters and the raw predictions have the rows' own type: what rounding makes of it."""

        def weighted(batch, _):
            raw = self.model.predict(params, batch.X).astype(np.float64, copy=False)
            return batch.sum(self.loss.value(batch.y, raw))

        return sum(self.batches.unconverted().each(weighted)) / self.n_rows

    def losses(self, params):
        """The loss of each row."""
        return self.batches.joined(lambda batch, _: self.loss.value(batch.y, self.model.predict(params, batch.X)))

    def unbounded(self, params):
        """Whether `params` shows that there is no minimum: the loss of a linear model without a penalty falls for ever."""
        if self.loss.has_minimizer or not self.linear or self.penalty.l2.any() or not self.penalty.smooth:
            return False
        return falls_for_ever(self.loss, self.model, self.batches, params)

    def bottomless(self, params):
        """Whether the whole formula runs to minus infinity on the ray from 0 through `params`."""
        return falls_without_end(self.value, params)

    def penalty_value(self, params):
        """The second term."""
        return self.penalty.smooth_value_and_gradient(params)[0] + self.penalty.l1_value(params)

    def value_and_gradient(self, params):
        """The formula less the absolute values, and its gradient (a subgradient where the loss has a kink)."""
        if self._last is None or not np.array_equal(params, self._last[0]):
            total, gradient = 0.0, np.zeros(self.n_params)
            for value, pulled in self.batches.each(lambda batch, _: self._evaluate(params, batch)):
                total += value
                gradient += pulled
            self._last = params.copy(), total / self.n_rows, gradient / self.n_rows
        _, mean_loss, gradient = self._last
        penalty, penalty_gradient = self.penalty.smooth_value_and_gradient(params)
        return mean_loss + penalty, gradient + penalty_gradient

    def _evaluate(self, params, batch):
        """Weighted sums of the loss and of its gradient over a batch."""
        raw, _, vjp = self.model.linearize(params, batch.X)
        value, gradient = self.loss.value_and_gradient(batch.y, raw)
        return batch.sum(value), vjp(batch.weighted(gradient)).astype(np.float64, copy=False)

    def minibatches(self, size, rng):
        """Value and gradient of unbiased estimates of the smooth part, one after the other, all rows once.

        Yields
        ------
        share : float
            The batch's share of the rows.
        estimate : callable
            params -> (value, gradient); their mean over the epoch, weighted by `share`, is the objective's.
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

    def hessian_product(self, params, direction):
        """The second derivative at `params` applied to `direction`; for an MLP the Gauss-Newton part of it."""
        product = hessian_product(self.loss, self.model, self.batches, params, direction)
        return product + self.penalty.l2 * direction

    def hessian_operator(self, params):
        """The second derivative of the loss, without that of the penalty, as an operator (linear models)."""
        return hessian_operator(self.loss, self.model, self.batches, params)

    def hessian(self, params):
        """The second derivative at `params` as a matrix (linear models; sparse rows are made dense)."""
        matrix = hessian_matrix(self.loss, self.model, self.batches, params)
        matrix[np.diag_indices_from(matrix)] += self.penalty.l2
        return matrix

    @property
    def has_hessian_root(self):
        """`hessian_root` is there."""
        rowwise = self.loss.convex and self.loss.rowwise
        return self.linear and self.model.n_outputs == 1 and not self.model.n_constants and rowwise

    def hessian_root(self, params):
        """A triangular R with ``R.T @ R`` the second derivative at `params`, never squared: see `has_hessian_root`."""
        return hessian_root(self.loss, self.model, self.batches, params, self.penalty.l2)

    # The same problem in other coordinates, on fewer rows or columns, in another precision.

    def rotated(self):
        """This objective in coordinates in which no column depends on others: linear models, dense rows, no L1 penalty.

        See `SingularVectors`.

        Returns
        -------
        objective : Objective
        forward, back : callable
            This one's parameters -> the other's, and back.
        """
        base, batches = self.model.base, self.batches
        ridge = base.unpack(self.penalty.l2[: base.n_params])[0][0][:, 0]
        change, columns = SingularVectors.of(batches.whole(), batches.sample_weight, base.fit_intercept, ridge)
        model = self.model.resized(columns.shape[1])
        penalty = type(self.penalty)(float(np.all(ridge > 0)), 0.0, change.factors(model))
        rotated = type(self)(self.loss, model, penalty, batches.of_columns(columns))
        return rotated, partial(change.from_user, self.model), partial(change.to_user, self.model)

    def restricted(self, features):
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
        part = type(self)(self.loss, model, self.penalty.restricted(coordinates), self.batches.columns(features))
        return part, coordinates

    @property
    def n_directions(self):
        """In how many directions the parameters can move the rows at the most, as `rotated` tells where that costs little."""
        if self.penalized_anywhere or not self.rotates:
            return self.n_params
        return min(self.n_params, self.n_outputs * (self.batches.X.shape[0] + 1))

    @property
    def rotates(self):
        """`rotated` is there, and the rows are of a size at which it costs little."""
        X = self.batches.X
        return self.linear and not self.sparse and X.size * min(X.shape) <= LARGEST_ROTATION

    @property
    def penalized_anywhere(self):
        """There is a penalty."""
        return bool(self.penalty.l2.any() or self.penalty.l1.any())

    def samples(self, size, number):
        """This objective over `number` random parts of the rows, always the same ones, that have no row in common."""
        order = np.random.RandomState(0).permutation(self.n_rows)[: number * size]
        for rows in np.split(order, number):
            yield type(self)(self.loss, self.model, self.penalty, self.batches.some(np.sort(rows)))

    def in_data_dtype(self):
        """This objective computed in the precision of its rows; None where that is its own."""
        batches = self.batches.in_data_dtype()
        return None if batches is None else type(self)(self.loss, self.model, self.penalty, batches)

    def relative_move(self, params, direction):
        """The largest change of a raw prediction along `direction`, as a share of the largest prediction."""

        def sizes(batch, _):
            raw = self.model.predict(params, batch.X)
            return np.max(np.abs(self.model.predict(params + direction, batch.X) - raw)), np.max(np.abs(raw))

        moves, size = np.max(list(self.batches.each(sizes)), axis=0)
        return float(moves / (size or 1.0))

    def centered(self, params):
        """The same point without a common shift of all classes, to which neither the loss nor the optimum has a claim.

        Of the weights of a feature that is the shift of least penalty, of the intercepts their mean.
        """
        model = self.model.base
        if not (self.loss.shift_invariant and model.linear and model.n_outputs > 1):
            return params
        own, constants = np.split(params, [model.n_params])
        [weights], [intercept] = model.unpack(own)
        weights = weights - self.penalty.best_shift(weights)[:, None]
        return np.concatenate([model.pack(weights, intercept - intercept.mean()), constants])

    def prox(self, params, step):
        """Minimiser of ``step * l1 part + |. - params|^2 / 2``."""
        return self.penalty.prox(params, step)

    def l1_value(self, params):
        """The absolute part of the penalty."""
        return self.penalty.l1_value(params)

    # Non-smooth losses.

    @property
    def piecewise_linear(self):
        """The loss is piecewise linear, which `terms` lists."""
        return bool(self.loss.kinks)

    @property
    def max_affine(self):
        """The loss is a maximum of straight lines over the classes, which `terms` lists (no L1 penalty)."""
        return bool(self.loss.rivals)

    def terms(self):
        """The kinks of a piecewise linear loss over all rows, and those of an L1 penalty, for exact solvers."""
        if self._terms is None:
            kind = MaxAffineTerms if self.loss.rivals else PiecewiseLinearTerms
            self._terms = kind(self.loss, self.model, self.penalty, self.batches)
            if not (self.loss.rivals or self.smooth_penalty):
                self._terms = TermsWithL1(self._terms, self.penalty.l1)
        return self._terms

    def terms_with_bounds(self):
        """Those of a loss with rivals as kinks of one number each, with a bound for each row beside the parameters."""
        return MaxAffineTermsWithBounds(self.terms())

    def kink_distance(self, params):
        """The mean distance of the rows from the kinks of the loss: a width to start smoothing with."""
        total = 0.0
        for batch in self.batches.blocks():
            total += batch.sum(self.loss.kink_distance(batch.y, self.model.predict(params, batch.X)))
        return total / self.n_rows or 1.0

    def smoothing_error(self, width):
        """A bound on how far the objective and ``smoothed(width)`` are apart."""
        return self.loss.smoothing_error(width, self.model.n_outputs)

    def smoothed_slopes(self, params, width):
        """The gradient of the loss of ``smoothed(width)`` as slopes of this one: what a duality gap is made of.

        Returns
        -------
        tuple of (float, ndarray of shape (n_params,)) or None
            The mean `Loss.shortfall` of the slopes, and the gradient without the penalty; None where the loss knows none.
        """
        smooth = self.loss.smoothed(width)

        def of_block(batch, _):
            raw, _, vjp = self.model.linearize(params, batch.X)
            gradient = smooth.gradient(batch.y, raw)
            shortfall = self.loss.shortfall(batch.y, raw, gradient)
            if shortfall is None:
                return None
            return batch.sum(shortfall), vjp(batch.weighted(gradient))

        total, gradient = 0.0, np.zeros(self.n_params)
        for part in self.batches.each(of_block):
            if part is None:
                return None
            total += part[0]
            gradient += part[1]
        return total / self.n_rows, gradient / self.n_rows

    def smoothed(self, width):
        """This objective with a smooth loss within O(width) of its own."""
        return type(self)(self.loss.smoothed(width), self.model, self.penalty, self.batches)
