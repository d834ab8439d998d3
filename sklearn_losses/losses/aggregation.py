"""Losses made of losses: weighted sums, and other means over the rows than the plain one.

An aggregation acts on all rows at once, and an objective is a sum over rows. Both hold here: the mean of the worst part
and the tilted mean are minima over one further number, a threshold, which is learned with the coefficients. So they
work with every solver, on batches and on blocks.
"""

import numpy as np

from sklearn_losses.component import Interval
from sklearn_losses.losses.base import Loss, least_constant
from sklearn_losses.losses.regression import safe_exp, weighted_quantile

__all__ = ["Aggregated", "CVaR", "Tilted", "WeightedSum"]


class WeightedSum(Loss):
    """A weighted sum of losses for the same task; ``0.7 * Huber() + 0.3 * Quantile(0.9)`` makes one.

    Parameters
    ----------
    losses : tuple of Loss
    weights : tuple of float
        Above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import MAE, MSE
    >>> (0.5 * MSE() + 2 * MAE()).value(np.array([3.0]), np.array([1.0]))
    array([6.])
    """

    def __init__(self, losses, weights):
        self.losses = losses
        self.weights = weights

    @classmethod
    def of(cls, parts):
        """The sum of pairs (weight, loss); sums inside are laid open."""
        flat = []
        for weight, loss in parts:
            loss = Loss.make(loss) if isinstance(loss, str) else loss
            if not isinstance(loss, Loss) or isinstance(weight, Loss):
                raise TypeError(f"A loss can be added to a loss and multiplied by a number. Got {loss!r} and {weight!r}.")
            inner = zip(loss.weights, loss.losses, strict=True) if isinstance(loss, WeightedSum) else [(1.0, loss)]
            flat += [(weight * share, part) for share, part in inner]
        return cls(tuple(loss for _, loss in flat), tuple(float(weight) for weight, _ in flat))

    def check(self):
        for loss, weight in zip(self.losses, self.weights, strict=True):
            loss.check()
            if weight not in Interval(0.0, closed="neither"):
                raise ValueError(f"The weights of a sum of losses must be above 0. Got {weight!r} for {loss.name!r}.")
        if len({loss.task for loss in self.losses}) > 1 or any(loss.n_constants for loss in self.losses):
            raise ValueError(f"These losses cannot be added: {', '.join(loss.name for loss in self.losses)}.")
        if len({(loss.positive_target, loss.has_probabilities) for loss in self.losses}) > 1:
            raise ValueError("Losses with different links cannot be added, since they read the raw prediction differently.")

    @property
    def task(self):
        return self.losses[0].task

    @property
    def pilot(self):
        return next((loss.pilot for loss in self.losses if loss.pilot is not None), None)

    def _map(self, change):
        return WeightedSum(tuple(change(loss) for loss in self.losses), self.weights)

    def _sum(self, method, *arguments):
        return sum(w * getattr(loss, method)(*arguments) for w, loss in zip(self.weights, self.losses, strict=True))

    def value(self, y, raw):
        return self._sum("value", y, raw)

    def gradient(self, y, raw):
        return self._sum("gradient", y, raw)

    def hessian(self, y, raw):
        return self._sum("hessian", y, raw)

    def hessian_product(self, y, raw, direction):
        return self._sum("hessian_product", y, raw, direction)

    def kink_distance(self, y, raw):
        return np.min([loss.kink_distance(y, raw) for loss in self.losses if not loss.smooth], axis=0)

    def smoothing_error(self, width, n_outputs):
        return self._sum("smoothing_error", width, n_outputs)

    def smoothed(self, width):
        return self._map(lambda loss: loss.smoothed(width))

    def inverse_link(self, raw):
        return self.losses[0].inverse_link(raw)

    def log_inverse_link(self, raw):
        """The logarithm of `inverse_link`."""
        return self.losses[0].log_inverse_link(raw)

    def link(self, prediction):
        return self.losses[0].link(prediction)

    def check_target(self, y):
        for loss in self.losses:
            loss.check_target(y)

    def bind(self, y, n_outputs, task):
        return self._map(lambda loss: loss.bind(y, n_outputs, task))

    def pilot_alpha(self, alpha, y, sample_weight):
        return next(loss for loss in self.losses if loss.pilot is not None).pilot_alpha(alpha, y, sample_weight)

    def calibrated(self, y, raw, sample_weight):
        bound = self._map(lambda loss: loss.calibrated(y, raw, sample_weight))
        if any(loss.n_constants for loss in bound.losses):
            raise ValueError("A loss that learns constants, such as Huber(scale='joint'), cannot be part of a sum.")
        return bound

    @property
    def hessian_bound(self):
        return not self.convex and all(loss.convex or loss.hessian_bound for loss in self.losses)

    @property
    def has_hessian(self):
        return all(loss.has_hessian or loss.kinks for loss in self.losses)


for _fact in ("smooth", "convex", "has_probabilities", "shift_invariant", "soft_labels", "positive_target"):
    setattr(WeightedSum, _fact, property(lambda self, fact=_fact: all(getattr(loss, fact) for loss in self.losses)))


class Aggregated(Loss):
    """A mean over the rows that is a minimum over a threshold: the last column of `raw`."""

    n_constants = 1

    def _of_excess(self, excess):
        """The function of ``loss - threshold`` whose mean plus the threshold is to be minimised, its slope and its bend."""
        raise NotImplementedError

    def _threshold(self, values, sample_weight):
        """The best threshold for given losses of the rows."""
        raise NotImplementedError

    @property
    def _loss(self):
        return Loss.make(self.loss)

    @property
    def name(self):
        return f"{type(self).__name__}({self._loss.name})"

    @property
    def pilot(self):
        return self._loss.pilot or self._loss

    def check(self):
        super().check()
        self._loss.check()

    def check_target(self, y):
        self._loss.check_target(y)

    def bind(self, y, n_outputs, task):
        return self._with(self._loss.bind(y, n_outputs, task))

    def pilot_alpha(self, alpha, y, sample_weight):
        return self._loss.pilot_alpha(alpha, y, sample_weight) if self._loss.pilot else alpha

    def calibrated(self, y, raw, sample_weight):
        loss = self._loss.calibrated(y, raw, sample_weight)
        if loss.n_constants:
            raise ValueError(f"{self.name} cannot aggregate a loss that learns constants itself; give it a fixed scale.")
        bound = self._with(loss)
        bound.start_constants = (self._threshold(loss.value(y, raw), sample_weight),)
        return bound

    def value(self, y, raw):
        inner, threshold = _inner(raw)
        return threshold + self._of_excess(self._loss.value(y, inner) - threshold)[0]

    def gradient(self, y, raw):
        return self.value_and_gradient(y, raw)[1]

    def value_and_gradient(self, y, raw):
        inner, threshold = _inner(raw)
        value, gradient = self._loss.value_and_gradient(y, inner)
        aggregated, slope, _ = self._of_excess(value - threshold)
        pulled = gradient.reshape(len(raw), -1) * slope[:, None]
        return threshold + aggregated, np.hstack([pulled, (1 - slope)[:, None]]).astype(raw.dtype, copy=False)

    @property
    def has_hessian(self):
        return self._loss.has_hessian or bool(self._loss.kinks)

    def hessian(self, y, raw):
        return np.einsum("nkk->nk", self.hessian_matrix(y, raw)).copy()

    def hessian_product(self, y, raw, direction):
        inner, threshold = _inner(raw)
        inward, change = _inner(direction)
        value, gradient = self._loss.value_and_gradient(y, inner)
        _, slope, bend = self._of_excess(value - threshold)
        gradient, width = gradient.reshape(len(raw), -1), (len(raw), -1)
        rise = bend * ((gradient * inward.reshape(width)).sum(axis=1) - change)
        curved = self._loss.hessian_product(y, inner, inward).reshape(width) * slope[:, None] + gradient * rise[:, None]
        return np.hstack([curved, -rise[:, None]]).astype(raw.dtype, copy=False)

    def best_constant(self, y, sample_weight, n_outputs):
        return self._loss.best_constant(y, sample_weight, n_outputs)

    def null_loss(self, y, sample_weight):
        def mean(constant):
            values = self._loss.value(y, np.full(len(y), constant))
            threshold = self._threshold(values, sample_weight)
            return threshold + float(np.average(self._of_excess(values - threshold)[0], weights=sample_weight))

        return least_constant(mean, self, y, sample_weight / sample_weight.sum())[1]

    def inverse_link(self, raw):
        return self._loss.inverse_link(raw)

    def link(self, prediction):
        return self._loss.link(prediction)

    def log_inverse_link(self, raw):
        """The logarithm of `inverse_link`."""
        return self._loss.log_inverse_link(raw)


for _fact in ("task", "smooth", "convex", "has_probabilities", "shift_invariant", "soft_labels", "positive_target"):
    setattr(Aggregated, _fact, property(lambda self, fact=_fact: getattr(self._loss, fact)))


def _inner(raw):
    """The raw predictions and the threshold."""
    inner = raw[:, :-1]
    return inner[:, 0] if inner.shape[1] == 1 else inner, raw[:, -1]


class CVaR(Aggregated):
    """The mean of the worst part of the rows, the conditional value at risk of any loss [1]_.

    ``min over c of c + mean(max(0, loss - c)) / share``; convex where the loss is. `loss_` is that mean.

    Parameters
    ----------
    loss : str or Loss, default="mse"
    share : float, default=0.1
        The part of the rows, by weight, in (0, 1]; 1 is the plain mean.

    References
    ----------
    .. [1] Rockafellar and Uryasev, "Optimization of conditional value-at-risk", Journal of Risk 2 (2000), theorem 1.

    Examples
    --------
    The fit with the least mean of the worst tenth of the errors gives up a little on the others:

    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.losses import CVaR
    >>> X, y = load_diabetes(return_X_y=True)
    >>> def worst_tenth(loss):
    ...     error = (y - LossRegressor(loss, alpha=0).fit(X, y).predict(X)) ** 2
    ...     return np.sort(error)[-44:].mean()
    >>> bool(worst_tenth(CVaR("mse", share=0.1)) < worst_tenth("mse"))
    True
    """

    smooth = False
    conditions = {"share": Interval(0.0, 1.0, closed="right")}

    def __init__(self, loss="mse", share=0.1):
        self.loss = loss
        self.share = share

    def _with(self, loss):
        return CVaR(loss, self.share)

    def _of_excess(self, excess):
        return np.maximum(excess, 0) / self.share, (excess > 0) / self.share, np.zeros_like(excess)

    def _threshold(self, values, sample_weight):
        return float(weighted_quantile(values, 1 - self.share, sample_weight))

    def kink_distance(self, y, raw):
        inner, threshold = _inner(raw)
        return np.abs(self._loss.value(y, inner) - threshold)

    def smoothing_error(self, width, n_outputs):
        return (width / 4 + self._loss.smoothing_error(width, n_outputs - 1)) / self.share

    def smoothed(self, width):
        return _SmoothedCVaR(self._loss.smoothed(width), self.share, width)


class _SmoothedCVaR(CVaR):
    """`CVaR` with a parabola in place of its kink."""

    smooth = True

    def __init__(self, loss, share, width):
        super().__init__(loss, share)
        self.width = width

    def _of_excess(self, excess):
        inside = np.clip(excess + self.width, 0, 2 * self.width)
        value = inside**2 / (4 * self.width) + np.maximum(excess - self.width, 0)
        bend = (np.abs(excess) < self.width) / (2 * self.width * self.share)
        return value / self.share, inside / (2 * self.width * self.share), bend


class Tilted(Aggregated):
    """The tilted mean ``log(mean(exp(tilt * loss))) / tilt`` of any loss: between the mean (0) and the maximum [1]_.

    Found as ``min over c of c + mean(exp(tilt * (loss - c)) - 1) / tilt``; convex where the loss is.

    Parameters
    ----------
    loss : str or Loss, default="mse"
    tilt : float, default=1.0
        Above 0, in units of one over the loss.

    References
    ----------
    .. [1] Li, Beirami, Sanjabi and Smith, "Tilted empirical risk minimization", ICLR 2021, equation 2.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.losses import Tilted
    >>> X, y = np.zeros((4, 1)), np.array([0.0, 0.0, 0.0, 1.0])
    >>> model = LossRegressor(Tilted("mse", tilt=100.0), alpha=0).fit(X, y)
    >>> model.predict(X[:1]).round(2)  # towards the middle of the range, where the largest error is least
    array([0.49])
    """

    conditions = {"tilt": Interval(0.0, closed="neither")}

    def __init__(self, loss="mse", tilt=1.0):
        self.loss = loss
        self.tilt = tilt

    def _with(self, loss):
        return Tilted(loss, self.tilt)

    def _of_excess(self, excess):
        value, slope, bend = safe_exp(self.tilt * excess)
        small = np.clip(self.tilt * excess, -1, 1)  # where a slight tilt leaves nothing of exp(.) - 1 but rounding
        value = np.where(small == self.tilt * excess, np.expm1(small), value - 1)
        return value / self.tilt, slope, self.tilt * bend

    def _threshold(self, values, sample_weight):
        top = values.max()
        return float(top + np.log(np.average(np.exp(self.tilt * (values - top)), weights=sample_weight)) / self.tilt)

    def kink_distance(self, y, raw):
        return self._loss.kink_distance(y, _inner(raw)[0])

    def smoothing_error(self, width, n_outputs):
        return self._loss.smoothing_error(width, n_outputs - 1)

    def smoothed(self, width):
        bound = Tilted(self._loss.smoothed(width), self.tilt)
        bound.start_constants = self.start_constants
        return bound
