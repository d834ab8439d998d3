"""The loss of several regression targets: the mean over them of one loss, or of one for each."""

from typing import Any

import numpy as np

from sklearn_losses.losses.annotations import FloatArray, IntArray, Targets, derived
from sklearn_losses.losses.base import Loss
from sklearn_losses.losses.composite import Composite, CompositeOfOne
from sklearn_losses.losses.curves import Kink

__all__ = []


class MeanOverTargets(CompositeOfOne):
    """A regression loss for several targets: its mean over them, as in the metrics.

    Parameters
    ----------
    loss : Loss
        The loss of one target; `y` and `raw` are (n, n_targets) here.
    n_targets : int
    """

    residual = False

    def __init__(self, loss: Any, n_targets: int) -> None:
        self.loss = loss
        self.n_targets = n_targets

    def with_parts(self, parts: tuple[Any, ...]) -> Loss:
        return MeanOverTargets(parts[0], self.n_targets)

    @property
    def by_target(self) -> tuple[Any, ...]:
        """The loss of each target."""
        return (self.loss,) * self.n_targets

    @property
    def name(self) -> str:
        return self.loss.name

    @property
    def label(self) -> str:
        return self.loss.label

    def value(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self.loss.value(y.ravel(), raw.ravel()).reshape(y.shape).mean(axis=1)

    def gradient(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self.loss.gradient(y.ravel(), raw.ravel()).reshape(y.shape) / self.n_targets

    def value_and_gradient(self, y: Targets, raw: FloatArray) -> tuple[FloatArray, FloatArray]:
        value, gradient = self.loss.value_and_gradient(y.ravel(), raw.ravel())
        return value.reshape(y.shape).mean(axis=1), gradient.reshape(y.shape) / self.n_targets

    def hessian(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self.loss.hessian(y.ravel(), raw.ravel()).reshape(y.shape) / self.n_targets

    @derived
    def quadratic(self) -> bool:
        return self.loss.quadratic

    @derived
    def kinks(self) -> tuple[Kink, ...]:
        return tuple(Kink(k.position, k.left / self.n_targets, k.right / self.n_targets) for k in self.loss.kinks)

    def argument(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self.loss.argument(y, raw)

    def direction(self, y: Targets, change: FloatArray) -> FloatArray:
        return self.loss.direction(y, change)

    def pullback(self, y: Targets, slopes: FloatArray) -> FloatArray:
        return self.loss.pullback(y, slopes)

    def argument_outputs(self, y: Targets, n_outputs: int) -> tuple[IntArray | None, IntArray]:
        return self.loss.argument_outputs(y, n_outputs)

    def kink_distance(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self.loss.kink_distance(y.ravel(), raw.ravel()).reshape(y.shape).mean(axis=1)

    def smoothing_error(self, width: float, n_outputs: int) -> float:
        return self.loss.smoothing_error(width, 1)

    def best_constant(self, y: Targets, sample_weight: FloatArray, n_outputs: int) -> FloatArray:
        return np.concatenate([self.loss.best_constant(target, sample_weight, 1) for target in y.T])

    def check_target(self, y: Targets) -> None:
        self.loss.check_target(y.ravel())

    def row_weights(self, y: Targets, raw: FloatArray) -> FloatArray | None:
        weights = self.loss.row_weights(y.ravel(), raw.ravel())
        return None if weights is None else weights.reshape(y.shape)

    def with_scale(self, scale: Any) -> Loss:
        losses = tuple(self.loss.with_scale(own) for own in scale)
        return self if all(loss is self.loss for loss in losses) else EachTarget(losses)

    def calibrated(self, y: Targets, raw: FloatArray, sample_weight: FloatArray) -> Loss:
        losses = [self.loss.calibrated(*columns, sample_weight) for columns in zip(y.T, raw.T, strict=True)]
        return self if all(loss is self.loss for loss in losses) else EachTarget(tuple(losses))


class EachTarget(Composite):
    """The mean over several targets of losses that differ between them.

    Each has a scale of its own.

    Parameters
    ----------
    losses : tuple of Loss
        One per target. The constants that they learn follow the targets in `raw`, loss by loss.
    """

    residual = False

    def __init__(self, losses: tuple[Any, ...]) -> None:
        self.losses = losses

    @property
    def parts(self) -> tuple[Any, ...]:
        return self.losses

    def with_parts(self, parts: tuple[Any, ...]) -> Loss:
        return EachTarget(parts)

    @property
    def by_target(self) -> tuple[Any, ...]:
        """The loss of each target."""
        return self.losses

    @property
    def name(self) -> str:
        return self.losses[0].name

    @derived
    def n_constants(self) -> int:
        return sum(loss.n_constants for loss in self.losses)

    @derived
    def start_constants(self) -> tuple[float, ...]:
        return tuple(constant for loss in self.losses for constant in loss.start_constants)

    @derived
    def constant_units(self) -> tuple[float, ...]:
        return tuple(unit for loss in self.losses for unit in (loss.constant_units or (1.0,) * loss.n_constants))

    @derived
    def has_hessian(self) -> bool:
        return all(loss.has_hessian for loss in self.losses)

    def _columns(self):
        """Each loss with the columns of `raw` that are its own."""
        position = len(self.losses)
        for target, loss in enumerate(self.losses):
            own = [target, *range(position, position + loss.n_constants)]
            position += loss.n_constants
            yield target, loss, own if loss.n_constants else target

    def _mean(self, method, y, raw):
        return sum(getattr(loss, method)(y[:, k], raw[:, own]) for k, loss, own in self._columns()) / len(self.losses)

    def _scatter(self, method, y, raw):
        result = np.empty_like(raw)
        for k, loss, own in self._columns():
            result[:, own] = getattr(loss, method)(y[:, k], raw[:, own])
        return result / len(self.losses)

    def value(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self._mean("value", y, raw)

    def gradient(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self._scatter("gradient", y, raw)

    def hessian(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self._scatter("hessian", y, raw)

    def hessian_product(self, y: Targets, raw: FloatArray, direction: FloatArray) -> FloatArray:
        result = np.empty_like(raw)
        for k, loss, own in self._columns():
            result[:, own] = loss.hessian_product(y[:, k], raw[:, own], direction[:, own])
        return result / len(self.losses)

    def kink_distance(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self._mean("kink_distance", y, raw)

    def smoothing_error(self, width: float, n_outputs: int) -> float:
        return max(loss.smoothing_error(width, 1) for loss in self.losses)

    def check_target(self, y: Targets) -> None:
        for loss, target in zip(self.losses, y.T, strict=True):
            loss.check_target(target)

    def row_weights(self, y: Targets, raw: FloatArray) -> FloatArray | None:
        weights = [loss.row_weights(y[:, k], raw[:, own]) for k, loss, own in self._columns()]
        return None if any(one is None for one in weights) else np.stack(weights, axis=1)

    def with_scale(self, scale: Any) -> Loss:
        return EachTarget(tuple(loss.with_scale(own) for loss, own in zip(self.losses, scale, strict=True)))

    def calibrated(self, y: Targets, raw: FloatArray, sample_weight: FloatArray) -> Loss:
        columns = zip(self.losses, y.T, raw.T, strict=True)
        return EachTarget(tuple(loss.calibrated(target, own, sample_weight) for loss, target, own in columns))

    def best_constant(self, y: Targets, sample_weight: FloatArray, n_outputs: int) -> FloatArray:
        return np.concatenate(
            [loss.best_constant(target, sample_weight, 1) for loss, target in zip(self.losses, y.T, strict=True)]
        )

    def learned(self, constants: FloatArray) -> dict[str, Any]:
        found, start = [], 0
        for loss in self.losses:
            found.append(loss.learned(constants[start : start + loss.n_constants]))
            start += loss.n_constants
        return {name: np.array([one[name] for one in found]) for name in found[0]}
