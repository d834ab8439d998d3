"""A loss made of losses: what it is follows from its parts, by one table."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.losses.annotations import FloatArray, Targets, derived
from sklearn_losses.losses.base import Loss
from sklearn_losses.losses.facts import Facts
from sklearn_losses.losses.recipe import Recipe

__all__ = []


def _first(values):
    """The first value that says something."""
    return next((value for value in values if value is not None), None)


def _any_known(values):
    """Whether any is true, of those that say something; None where none does."""
    known = [value for value in values if value is not None]
    return any(known) if known else None


def _unknown_first(values):
    """The first word for a scale that a fit has to find, else the first number."""
    return next((value for value in values if isinstance(value, str)), _first(values))


# What a loss made of others is, from what these are. Nothing that `Loss` declares may be missing
# here: see `unruled`.
RULES = {
    "task": _first,
    "smooth": all,
    "convex": all,
    "has_probabilities": all,
    "shift_invariant": all,
    "has_minimizer": all,
    "rowwise": all,
    "residual": all,
    "soft_labels": all,
    "positive_target": any,
    "stochastic_only": any,
    "moving": any,
    "needs_gains": any,
    "n_init": max,
    "initial_estimator": _first,
    "resistant": _any_known,
    "residual_scale": _unknown_first,
    "starts_from": _first,
    "measure": _first,
}
# What no part says about the whole: a class that has it states it, as `Composite` does for its
# Hessian.
STATED = (
    "has_hessian", "hessian_bound", "quadratic", "kinks", "max_affine", "n_constants", "start_constants", "constant_units",
    "examples",
)  # fmt: skip


def declared(*groups: type) -> list[str]:
    """The names of the attributes by which a `Loss` says what it is and how it is fitted.

    Parameters
    ----------
    *groups : Facts, Recipe
        Only those of these groups; without one, those of both and `examples`.
    """
    chosen: tuple[type, ...] = groups or (Facts, Recipe)
    found = [name for group in chosen for name in vars(group)] + ([] if groups else ["examples"])
    return [name for name in found if not name.startswith("_") and not callable(getattr(Loss, name))]


def unruled() -> list[str]:
    """Those of them that `Composite` would lose."""
    return [name for name in declared() if name not in RULES and name not in STATED]


class _OfParts:
    """An attribute of a `Composite` by its rule.

    The class or the object may state another value.
    """

    def __init__(self, fact) -> None:
        self.fact = fact

    def __get__(self, loss, kind=None):
        default = getattr(Loss, self.fact)
        if loss is None:
            return default
        # A plain function that is not bound yet (`CustomLoss`) says little.
        return RULES[self.fact]([getattr(part, self.fact, default) for part in loss.parts])


class Composite(Loss):
    """A loss made of other losses, its `parts`, from which its facts follow.

    A subclass gives `parts` and `with_parts`, and values and derivatives. Facts follow by the table
    `RULES`; methods are those of the parts, which a subclass need not mention.
    """

    @property
    @abstractmethod
    def parts(self) -> tuple[Any, ...]:
        """The losses inside, as a tuple."""

    @abstractmethod
    def with_parts(self, parts: tuple[Any, ...]) -> Loss:
        """Return the same loss of other parts.

        Parameters
        ----------
        parts : tuple of Loss
            The new parts.

        Returns
        -------
        Loss
            A new loss.
        """

    def map(self, change: Callable[[Any], Any]) -> Any:
        """Return the same loss with a function applied to each part.

        Parameters
        ----------
        change : callable
            ``change(part) -> part``.

        Returns
        -------
        Loss
            A new loss; the loss itself where no part changes.
        """
        parts = tuple(change(part) for part in self.parts)
        return self if all(new is old for new, old in zip(parts, self.parts, strict=True)) else self.with_parts(parts)

    @derived
    def has_hessian(self) -> bool:
        # A curve of straight pieces has curvature 0 off its kinks, and its smoothed form a
        # curvature.
        return not self.kinks and all(getattr(part, "has_hessian", False) or _kinks(part) for part in self.parts)

    @derived
    def hessian_bound(self) -> bool:
        bounded = all(part.convex or getattr(part, "hessian_bound", False) for part in self.parts)
        return bounded and not self.convex and self.has_hessian

    def check(self) -> None:
        super().check()
        for part in self.parts:
            part.check()

    def check_target(self, y: Targets) -> None:
        for part in self.parts:
            if isinstance(part, Loss):
                part.check_target(y)

    def bind(self, y: Targets, n_outputs: int, task: str) -> Loss:
        return self.map(lambda part: part.bind(y, n_outputs, task))

    def among(self, codes: NDArray[Any], n_classes: int) -> Loss:
        return self.map(lambda part: part.among(codes, n_classes))

    def initial_alpha(self, alpha: float, y: Targets, sample_weight: FloatArray) -> float:
        led = next((part for part in self.parts if getattr(part, "initial_estimator", None) is not None), None)
        return alpha if led is None else led.initial_alpha(alpha, y, sample_weight)

    def calibrated(self, y: Targets, raw: FloatArray, sample_weight: FloatArray) -> Loss:
        return self.map(lambda part: part.calibrated(y, raw, sample_weight))

    def with_scale(self, scale: Any) -> Loss:
        return self.map(lambda part: part.with_scale(scale))

    def smoothed(self, width: float) -> Loss:
        return self.map(lambda part: part.smoothed(width))

    def spread(self, width: float) -> Loss:
        return self.map(lambda part: part.spread(width))

    def learned(self, constants: FloatArray) -> dict[str, Any]:
        """Return what the parts have learned, as far as they agree.

        Parameters
        ----------
        constants : ndarray of shape (n_constants,)
            The constants that were learned with the coefficients.

        Returns
        -------
        dict
            Names of attributes and their values.
        """
        found: dict[str, Any] = {}
        disputed = set()
        for name, value in (item for part in self.parts for item in part.learned(constants[:0]).items()):
            if not np.array_equal(found.setdefault(name, value), value):
                disputed.add(name)
        return {name: value for name, value in found.items() if name not in disputed}

    def inverse_link(self, raw: FloatArray) -> FloatArray:
        return self.parts[0].inverse_link(raw)

    def log_inverse_link(self, raw: FloatArray) -> FloatArray:
        """Return the logarithm of `inverse_link`.

        Parameters
        ----------
        raw : ndarray of shape (n,) or (n, K)
            Scores.

        Returns
        -------
        ndarray of the shape of `raw`
            Logarithms of the class probabilities.
        """
        return self.parts[0].log_inverse_link(raw)

    def link(self, prediction: FloatArray) -> FloatArray:
        return self.parts[0].link(prediction)


class CompositeOfOne(Composite):
    """A loss made of one other loss, its parameter `loss`: a name, an object or a function."""

    loss: Any

    @property
    def inner(self) -> Any:
        """The other loss as an object."""
        return Loss.make(self.loss)

    @property
    def parts(self) -> tuple[Any, ...]:
        return (self.inner,)


def _kinks(loss):
    return bool(getattr(loss, "kinks", ()))


if unruled():
    raise TypeError(f"These attributes of Loss have no rule for losses made of losses: {', '.join(unruled())}.")
for _fact in RULES:
    setattr(Composite, _fact, _OfParts(_fact))
