"""What each part of the package may ask of the others.

A protocol lists what is used and nothing else, so that a floor of the package can be typed without
importing those above it.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Loss", "Model", "Objective", "RowMatrix", "Rows", "Solver"]

Rows: TypeAlias = Any  # what a fit works on: an ndarray or one of SciPy's CSR matrices, (n, p)
Map: TypeAlias = Callable[[NDArray[Any]], NDArray[Any]]
# Params -> value, gradient.
Estimate: TypeAlias = Callable[[NDArray[Any]], tuple[float, NDArray[Any]]]


class RowMatrix(Protocol):
    """Rows as losses and models see them: all that they may ask of an X.

    An ndarray is one, and so are SciPy's sparse matrices and `sparse_rows.SparseRows`.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, p)."""

    @property
    def dtype(self) -> Any:
        """What products with the rows are computed in."""

    @property
    def T(self) -> Any:
        """The transpose, of which only ``dot`` with an array (n,) or (n, k) is asked."""

    def __matmul__(self, other: Any, /) -> Any:
        """The product with an array (p,) or (p, k)."""


class Loss(Protocol):
    """What an `Objective` asks of a loss; `losses.Loss` says what each of it means."""

    @property
    def label(self) -> str: ...

    @property
    def smooth(self) -> bool: ...

    @property
    def convex(self) -> bool: ...

    @property
    def rowwise(self) -> bool: ...

    @property
    def has_hessian(self) -> bool: ...

    @property
    def hessian_bound(self) -> bool: ...

    @property
    def quadratic(self) -> bool: ...

    @property
    def has_minimizer(self) -> bool: ...

    @property
    def stochastic_only(self) -> bool: ...

    @property
    def shift_invariant(self) -> bool: ...

    @property
    def kinks(self) -> Sequence[Any]: ...

    @property
    def max_affine(self) -> float: ...

    def value(self, y: Any, raw: NDArray[Any]) -> NDArray[Any]: ...

    def gradient(self, y: Any, raw: NDArray[Any]) -> NDArray[Any]: ...

    def value_and_gradient(self, y: Any, raw: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]: ...

    def hessian(self, y: Any, raw: NDArray[Any]) -> NDArray[Any]: ...

    def hessian_product(self, y: Any, raw: NDArray[Any], direction: NDArray[Any]) -> NDArray[Any]: ...

    def hessian_map(self, y: Any, raw: NDArray[Any]) -> Map: ...

    def hessian_matrix(self, y: Any, raw: NDArray[Any]) -> NDArray[Any]: ...

    def hessian_factors(self, y: Any, raw: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]] | None: ...

    def trend(self, y: Any, raw: NDArray[Any]) -> NDArray[Any]: ...

    def smoothed(self, width: float) -> "Loss": ...

    def spread(self, width: float) -> "Loss": ...

    def kink_distance(self, y: Any, raw: NDArray[Any]) -> NDArray[Any]: ...

    def smoothing_error(self, width: float, n_outputs: int) -> float: ...

    def shortfall(self, y: Any, raw: NDArray[Any], gradient: NDArray[Any]) -> NDArray[Any] | None: ...


class Model(Protocol):
    """What an `Objective` asks of any model.

    Where `linear` is True it asks for the further methods of `models.LinearModel` too.
    """

    @property
    def linear(self) -> bool: ...

    @property
    def n_params(self) -> int: ...

    @property
    def n_outputs(self) -> int: ...

    @property
    def n_constants(self) -> int: ...

    @property
    def base(self) -> Any: ...

    def predict(self, params: NDArray[Any], X: Any) -> NDArray[Any]: ...

    def linearize(self, params: NDArray[Any], X: Any) -> tuple[NDArray[Any], Map, Map]: ...

    def weights(self, hidden: float = 1.0) -> NDArray[Any]: ...


class Objective(Protocol):
    """What solvers may ask of an objective; `objective.Objective` says what each of it means."""

    # What it is.

    @property
    def n_params(self) -> int: ...

    @property
    def n_outputs(self) -> int: ...

    @property
    def n_constants(self) -> int: ...

    @property
    def n_rows(self) -> int: ...

    @property
    def n_rotated_params(self) -> int: ...

    @property
    def linear(self) -> bool: ...

    @property
    def convex(self) -> bool: ...

    @property
    def smooth_loss(self) -> bool: ...

    @property
    def smooth_penalty(self) -> bool: ...

    @property
    def has_penalty(self) -> bool: ...

    @property
    def has_hessian(self) -> bool: ...

    @property
    def bounded_hessian(self) -> bool: ...

    @property
    def quadratic(self) -> bool: ...

    @property
    def has_hessian_root(self) -> bool: ...

    @property
    def smooth_form_has_hessian(self) -> bool: ...

    @property
    def piecewise_linear(self) -> bool: ...

    @property
    def max_affine(self) -> bool: ...

    @property
    def stochastic_only(self) -> bool: ...

    @property
    def rowwise(self) -> bool: ...

    @property
    def sparse(self) -> bool: ...

    @property
    def can_rotate(self) -> bool: ...

    @property
    def product_work(self) -> float: ...

    @property
    def hessian_work(self) -> float: ...

    @property
    def gram_work(self) -> float: ...

    @property
    def summed(self) -> bool: ...

    @property
    def by_passes(self) -> bool: ...

    @property
    def dtype(self) -> np.dtype[Any]: ...

    @property
    def precision(self) -> float: ...

    def describe(self) -> str: ...

    # The penalty.

    @property
    def l1(self) -> NDArray[Any]: ...

    @property
    def l2(self) -> NDArray[Any]: ...

    @property
    def penalized(self) -> NDArray[Any]: ...

    def l1_value(self, params: NDArray[Any]) -> float: ...

    def prox(self, params: NDArray[Any], step: float | NDArray[Any]) -> NDArray[Any]: ...

    # Values and derivatives.

    def value(self, params: NDArray[Any]) -> float: ...

    def penalty_value(self, params: NDArray[Any]) -> float: ...

    def value_without_weights(self, params: NDArray[Any]) -> float: ...

    def value_and_gradient(self, params: NDArray[Any]) -> tuple[float, NDArray[Any]]: ...

    def slope_along(self, params: NDArray[Any], direction: NDArray[Any]) -> Callable[[float], float]: ...

    def minibatches(self, size: int, rng: Any) -> Iterator[tuple[float, Estimate]]: ...

    def hessian(self, params: NDArray[Any]) -> NDArray[Any]: ...

    def hessian_block(self, params: NDArray[Any], chosen: NDArray[np.intp]) -> NDArray[Any]: ...

    def hessian_product(self, params: NDArray[Any], direction: NDArray[Any]) -> NDArray[Any]: ...

    def hessian_operator(self, params: NDArray[Any], spread: float = 0.0) -> Any: ...

    def hessian_root(self, params: NDArray[Any]) -> NDArray[Any]: ...

    # Points.

    def by_feature(self, params: NDArray[Any]) -> NDArray[Any]: ...

    def centered(self, params: NDArray[Any]) -> NDArray[Any]: ...

    def unshifted(self, change: NDArray[Any]) -> NDArray[Any]: ...

    def with_curved_shifts(self, hessian: NDArray[Any]) -> NDArray[Any]: ...

    def steering(self) -> Self | None: ...

    def by_matrices(self) -> None: ...

    def steer_in_full(self) -> None: ...

    @property
    def steers_in_full(self) -> bool: ...

    def relative_move(self, params: NDArray[Any], direction: NDArray[Any]) -> float: ...

    def unbounded(self, params: NDArray[Any]) -> bool: ...

    # Other forms of the same problem, and parts of it.

    def in_data_dtype(self) -> Self | None: ...

    def restricted(self, features: NDArray[Any]) -> tuple[Self, NDArray[Any]]: ...

    def rotated(self) -> tuple[Self, Map, Map]: ...

    def samples(self, size: int, number: int) -> Iterator[Self]: ...

    # A loss with kinks.

    def smoothed(self, width: float) -> Self: ...

    def smoothed_around(self, centers: NDArray[Any] | None, width: float) -> Self: ...

    def best_slopes(self, params: NDArray[Any]) -> tuple[NDArray[Any], float]: ...

    def slopes_of_terms(self, slopes: NDArray[Any]) -> NDArray[Any] | None: ...

    def smoothing_error(self, width: float) -> float: ...

    def smoothed_slopes(self, params: NDArray[Any], width: float) -> tuple[float, NDArray[Any]] | None: ...

    def kink_distance(self, params: NDArray[Any]) -> float: ...

    def terms(self) -> Any: ...


class ObjectiveInParts(Objective, Protocol):
    """What the methods for losses with kinks ask besides of an objective over rows in parts.

    `SummedObjective` says what each of it means, and `PartWithLines` what is asked of the rows of
    it that are in memory.
    """

    loss: Any
    model: Any
    batches: Any

    def sample(self, most: int) -> Any: ...

    def part(self, near: Any, most: int) -> Any: ...

    def smoothed_sums(self, params: NDArray[Any], width: float, way: NDArray[Any] | None = None) -> Any: ...

    def bound_of_smoothed(self, params: NDArray[Any], near: NDArray[Any], width: float) -> float: ...

    def proven_gap(self, params: NDArray[Any], slopes: Any, width: float | None, enough: float) -> float | None: ...


class PartOfObjective(Objective, Protocol):
    """What they ask besides of the rows that are in memory; `PartWithLines` says what it means."""

    null: float | None
    rounding_of_lines: NDArray[Any]
    moves_of_lines: Any


class Solver(Protocol):
    """What a fit asks of a solver; `solvers.Solver` says what each of it means."""

    @property
    def label(self) -> str: ...

    @property
    def stochastic(self) -> bool: ...

    @property
    def standardizes(self) -> bool: ...

    @property
    def double(self) -> bool: ...

    def refusal(self, objective: Any) -> str | None: ...

    def solve(
        self,
        objective: Any,
        params: NDArray[Any],
        *,
        max_iter: int,
        tol: float,
        state: Any = None,
        callback: Callable[[NDArray[Any], float], bool] | None = None,
        rng: Any = None,
    ) -> Any: ...
