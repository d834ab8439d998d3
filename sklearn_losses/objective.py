"""The one formula that every solver minimises, for every loss, model and batch size:

    sum_i s_i * loss(y_i, raw_i) / sum_i s_i   +   alpha * ( (1 - l1_ratio)/2 * |w|^2 + l1_ratio * |w|_1 )

with ``raw = model(params, X)``, `s` the sample weights and `w` all weights, never the intercepts. So weight 2 is a row twice,
weight 0 no row, the size of the weights does not matter, and alpha means the same under Adam and under L-BFGS.

An objective is the only thing that a solver sees. It is a sum over blocks of rows; derivatives are those of the smooth
part, everything but the absolute values of the penalty, which come in by `prox`.
"""

import numpy as np
from scipy import linalg

from sklearn_losses.core.batches import squares
from sklearn_losses.core.hessian_operator import Curvature, gram_operator
from sklearn_losses.piecewise.max_affine import MaxAffineTerms
from sklearn_losses.piecewise.terms import PiecewiseLinearTerms, TermsWithL1

__all__ = ["Objective"]

LARGEST_ROTATION = 5e9  # entries of the rows times columns or rows up to which their singular values are computed
LARGEST_MATRIX = 1000  # parameters up to which a direction is looked for in which a loss falls for ever
DECIDED = 1e-4, 1e-2  # curvature of a row's loss, as a share of the largest one, that may go to 0: one after the other
FLAT = 1e-10  # square of a singular value, as a share of the largest one, that is none
STILL = 1e-6  # movement of a row, as a share of the largest one, that is none


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
    def precision(self):
        """The rounding unit of an evaluation."""
        return float(np.finfo(self.batches.dtype).eps)

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
            return _weighted(self.loss.value(batch.y, self.model.predict(params, batch.X)), batch.weight)

        if self._valued is None or not np.array_equal(params, self._valued[0]):
            self._valued = params.copy(), sum(self.batches.each(weighted)) / self.n_rows
        return self._valued[1]

    def mean_loss_of_rounded(self, params):
        """`mean_loss` where the parameters and the raw predictions have the rows' own type: what rounding makes of it."""

        def weighted(batch, _):
            raw = self.model.predict(params, batch.X).astype(np.float64, copy=False)
            return _weighted(self.loss.value(batch.y, raw), batch.weight)

        return sum(self.batches.unconverted().each(weighted)) / self.n_rows

    def losses(self, params):
        """The loss of each row."""
        return np.concatenate(
            list(self.batches.each(lambda batch, _: self.loss.value(batch.y, self.model.predict(params, batch.X))))
        )

    def unbounded(self, params):
        """Whether `params` shows that there is no minimum: an unpenalised linear model goes along with a falling loss for ever.

        It separates the classes, or some rows along a direction in which no other row moves (quasi-complete separation [1]_):
        rows of a class that the features tell from another, or counts that are all 0.

        References
        ----------
        .. [1] Albert and Anderson, "On the existence of maximum likelihood estimates in logistic regression models",
               Biometrika 71 (1984).
        """
        if self.loss.has_minimizer or not self.linear or self.penalty.l2.any() or not self.penalty.smooth:
            return False
        return self._separates(params) or any(self._separates_some(params, share) for share in DECIDED)

    def bottomless(self, params):
        """Whether the whole formula runs to minus infinity on the ray from 0 through `params`."""
        with np.errstate(over="ignore", invalid="ignore"):
            here, further, far = (self.value(factor * params) for factor in (1.0, 1e2, 1e4))
        return bool(further < min(here, 0.0) and (np.isneginf(further) or far < 10 * further))

    def _separates(self, params):
        """Whether the loss rises in no row and falls in some, the further out the parameters are."""
        model = self.model.base
        own = params[: model.n_params]
        trends = [self.loss.trend(batch.y, model.predict(own, batch.X)) for batch in self.batches.blocks()]
        return all(np.all(trend <= 0) for trend in trends) and any(np.any(trend < 0) for trend in trends)

    def _separates_some(self, params, share):
        """The same for some rows only, those whose loss has a curvature of at most `share` of the largest one."""
        model, codes = self.model.base, self.batches.y.dtype.kind != "f"
        several = model.n_outputs > 1
        known = self.loss.rowwise and (self.loss.has_hessian or not several) and (codes or not self.loss.shift_invariant)
        if not known or self.n_params > LARGEST_MATRIX:
            return False
        own = params[: model.n_params]
        moving = self._bends(params)
        moving = moving > share * np.max(moving)
        if moving.all():
            return False

        def held(batch, rows):
            part = moving[rows].astype(batch.X.dtype)
            if several:  # raw outputs do not move, or only together where their differences alone count
                together = part.sum(axis=1)[:, None, None] + (part.sum(axis=1) == 0)[:, None, None]
                matrix = part[:, :, None] * np.eye(part.shape[1], dtype=part.dtype)
                part = matrix - self.loss.shift_invariant * part[:, :, None] * part[:, None, :] / together
            return model.curvature(batch.X, part)

        sizes, vectors = linalg.eigh(self.batches.total(held, dense=True))
        flat = vectors[:, sizes <= FLAT * sizes[-1]]
        direction = flat @ (flat.T @ own)
        along = np.concatenate(list(self.batches.each(lambda batch, _: model.predict(direction, batch.X))))
        if several and self.loss.shift_invariant:
            along -= np.take_along_axis(along, self.batches.y[:, None], axis=1)
        along[np.abs(along) <= STILL * np.max(np.abs(along))] = 0
        if np.max(np.abs(along)) < 1:
            return False
        trend = self.loss.trend(self.batches.y, along)
        return bool(np.all(trend <= 0) and np.any(trend < 0))

    def _bends(self, params):
        """How curved the loss of each row is in each raw output of the model, of the shape of these."""

        def of_block(batch, _):
            raw = self.model.predict(params, batch.X)
            if not self.loss.has_hessian:
                return np.abs(self.loss.gradient(batch.y, raw))
            bend = self.loss.hessian(batch.y, raw)
            return bend if bend.ndim == 1 else bend[:, : self.model.base.n_outputs]

        bends = np.concatenate(list(self.batches.each(of_block)))
        return bends[:, 0] if bends.ndim == 2 and self.model.base.n_outputs == 1 else bends

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
        return _weighted(value, batch.weight), vjp(_by_row(gradient, batch.weight)).astype(np.float64, copy=False)

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

    def hessian_product(self, params, direction):
        """The second derivative at `params` applied to `direction`; for an MLP the Gauss-Newton part of it."""

        def pulled(batch, _):
            raw, jvp, vjp = self.model.linearize(params, batch.X)
            return vjp(_by_row(self.loss.hessian_product(batch.y, raw, jvp(direction)), batch.weight))

        return self.batches.total(pulled) / self.n_rows + self.penalty.l2 * direction

    def curvature(self, params):
        """The second derivative of the loss at `params` as an operator (linear models): see `Curvature`."""
        if self.loss.rowwise and self.n_outputs == 1 and self.loss.has_hessian:

            def bend(batch, _):
                return _by_row(self.loss.hessian(batch.y, self.model.predict(params, batch.X)), batch.weight)

            return gram_operator(self.model, self.batches, np.concatenate(list(self.batches.each(bend))) / self.n_rows)

        known = np.concatenate(list(self.batches.each(lambda batch, _: self.model.predict(params, batch.X))))

        of_rows = self.loss.hessian_product if self.loss.has_hessian else self._difference

        def product(direction):
            def of_block(batch, rows):
                jvp, vjp = self.model.derivative(batch.X)
                return vjp(_by_row(of_rows(batch.y, known[rows], jvp(direction)), batch.weight))

            return self.batches.total(of_block) / self.n_rows

        def diagonal():
            def of_block(batch, rows):
                return self.model.diagonal(squares(batch.X), _by_row(self.loss.hessian(batch.y, known[rows]), batch.weight))

            return self.batches.total(of_block) / self.n_rows

        known_by_row = self.loss.rowwise and self.loss.has_hessian and not self.model.n_constants
        return Curvature(product, diagonal if known_by_row else None)

    def _difference(self, y, raw, change):
        """The loss's second derivative in `raw` applied to `change`, by central differences of its gradient."""
        size = max(float(np.std(raw)), 1e-3 * float(np.max(np.abs(raw))), 1e-9)
        step = np.cbrt(np.finfo(np.float64).eps) * size / (float(np.max(np.abs(change))) or 1.0)
        return (self.loss.gradient(y, raw + step * change) - self.loss.gradient(y, raw - step * change)) / (2 * step)

    def rotated(self):
        """This objective in coordinates in which no column depends on others: linear models, dense rows, no L1 penalty.

        The columns are the left singular vectors of the centred rows, taken in units in which the penalty is the same along
        all of them. Directions that no row sees are left at 0.

        Returns
        -------
        objective : Objective
        forward, back : callable
            This one's parameters -> the other's, and back.
        """
        base, X = self.model.base, self.batches.whole()
        ridge = base.unpack(self.penalty.l2[: base.n_params])[0][0][:, 0]
        penalized = bool(np.all(ridge > 0))
        unit = 1 / np.sqrt(ridge) if penalized else np.ones(len(ridge))
        center = np.average(X, axis=0, weights=self.batches.sample_weight) if base.fit_intercept else np.zeros(len(ridge))
        left, size, right = np.linalg.svd((X - center) * unit, full_matrices=False)
        kept = size > np.finfo(np.float64).eps * np.sqrt(max(X.shape)) * size[0]
        size, right, columns = size[kept] / np.sqrt(len(X)), right[kept], left[:, kept] * np.sqrt(len(X))
        model = self.model.resized(len(size))
        factors = np.zeros(model.n_params)
        factors[: model.base.n_weights] = np.repeat(1 / size, base.n_outputs)
        penalty = type(self.penalty)(float(penalized), 0.0, factors)

        def forward(params):
            own, constants = np.split(params, [base.n_params])
            [weights], [intercept] = base.unpack(own)
            turned = size[:, None] * (right @ (weights / unit[:, None]))
            return np.concatenate([model.base.pack(turned, intercept + center @ weights), constants])

        def back(params):
            own, constants = np.split(params, [model.base.n_params])
            [weights], [intercept] = model.base.unpack(own)
            turned = unit[:, None] * (right.T @ (weights / size[:, None]))
            return np.concatenate([base.pack(turned, intercept - center @ turned), constants])

        return type(self)(self.loss, model, penalty, self.batches.of_columns(columns)), forward, back

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

    def hessian(self, params):
        """The second derivative at `params` as a matrix (linear models, dense rows)."""

        def of_block(batch, _):
            raw = self.model.predict(params, batch.X)
            if not self.loss.rowwise:
                jacobian = self.model.rows(batch.X, np.ones((len(raw), 1), dtype=raw.dtype))
                return jacobian.T @ self.loss.hessian_product(batch.y, raw, jacobian)
            return self.model.curvature(batch.X, _by_row(self.loss.hessian_matrix(batch.y, raw), batch.weight))

        matrix = self.batches.total(of_block, dense=True)
        matrix /= self.n_rows
        matrix[np.diag_indices_from(matrix)] += self.penalty.l2
        return matrix

    @property
    def has_hessian_root(self):
        """`hessian_root` is there."""
        rowwise = self.loss.convex and self.loss.rowwise
        return self.linear and self.model.n_outputs == 1 and not self.model.n_constants and rowwise

    def hessian_root(self, params):
        """A triangular R with ``R.T @ R`` the second derivative at `params`, never squared: one output, dense rows."""

        def of_block(batch, _):
            curvature = _by_row(self.loss.hessian(batch.y, self.model.predict(params, batch.X)), batch.weight)
            root = np.sqrt(np.maximum(curvature, 0) / self.n_rows)
            return np.linalg.qr(self.model.rows(batch.X, np.ones((len(root), 1))) * root[:, None], mode="r")

        root = np.diag(np.sqrt(self.penalty.l2))
        for part in self.batches.each(of_block, dense=True):
            root = np.linalg.qr(np.vstack([root, part]), mode="r")
        return root

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
            kind = MaxAffineTerms if self.max_affine else PiecewiseLinearTerms
            of_rows = kind.of(self.loss, self.model, self.penalty, self.batches)
            with_l1 = not (self.max_affine or self.smooth_penalty)
            self._terms = TermsWithL1(of_rows, self.penalty.l1) if with_l1 else of_rows
        return self._terms

    def kink_distance(self, params):
        """The mean distance of the rows from the kinks of the loss: a width to start smoothing with."""
        total = 0.0
        for batch in self.batches.blocks():
            total += _weighted(self.loss.kink_distance(batch.y, self.model.predict(params, batch.X)), batch.weight)
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
            return _weighted(shortfall, batch.weight), vjp(_by_row(gradient, batch.weight))

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


def _weighted(values, weight):
    return float(values.sum(dtype=np.float64)) if weight is None else float(values @ weight)


def _by_row(array, weight):
    if weight is None:
        return array
    return array * weight.reshape(-1, *(1,) * (array.ndim - 1)).astype(array.dtype, copy=False)
