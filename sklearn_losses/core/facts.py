"""What an objective is, read off its loss, its model, its penalty and its rows."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.core import protocols
from sklearn_losses.core.limits import SIZES, WORK
from sklearn_losses.core.penalties import ElasticNet

__all__ = ["Facts"]


class Facts:
    """The four parts of an objective and what follows from them.

    Nothing here computes with the rows.

    Parameters
    ----------
    loss : Loss
    model : Model
    penalty : ElasticNet
    batches : Batches or SummedBatches

    Attributes
    ----------
    summed : bool
        The rows are in parts: there are sums over them, and no rows.
    """

    summed: bool = False
    # What rounding may have done to lines that stand for rows, in rounding units, (n_params,).
    rounding_of_lines: Any = 0.0
    # Changes of the parameters -> by how much the rows move that are lines, see `MovesOfRows`.
    moves_of_lines: Any = None

    def __init__(self, loss: protocols.Loss, model: protocols.Model, penalty: ElasticNet, batches: Any) -> None:
        self.loss, self.penalty, self.batches = loss, penalty, batches
        self.model: Any = model  # a `LinearModel` wherever its further methods are called

    @property
    def n_params(self) -> int:
        """The number of parameters: the length of a point."""
        return self.model.n_params

    @property
    def n_outputs(self) -> int:
        """The number of raw predictions of each row."""
        return self.model.n_outputs

    @property
    def n_constants(self) -> int:
        """The number of constants that the loss learns with the coefficients.

        They are the last parameters.
        """
        return self.model.n_constants

    @property
    def n_rows(self) -> int:
        """The number of rows, or of queries, over which the loss is a mean."""
        return self.batches.n_rows

    @property
    def smooth_loss(self) -> bool:
        """Whether the gradient of the loss is continuous.

        The penalty may still have kinks, see `smooth_penalty`.
        """
        return self.loss.smooth

    @property
    def smooth_penalty(self) -> bool:
        """Whether the penalty has no absolute values."""
        return self.penalty.smooth

    @property
    def has_penalty(self) -> bool:
        """Whether there is a penalty."""
        return bool(self.l2.any() or self.l1.any())

    @property
    def has_hessian(self) -> bool:
        """Whether the loss has a second derivative."""
        return self.loss.has_hessian

    @property
    def smooth_form_has_hessian(self) -> bool:
        """Whether the loss that a smooth solver meets has a Hessian.

        That is a smoothed one where the loss has kinks.
        """
        return (self.loss if self.loss.smooth else self.loss.smoothed(1.0)).has_hessian

    @property
    def linear(self) -> bool:
        """Whether the raw predictions are linear in the parameters."""
        return self.model.linear

    @property
    def convex(self) -> bool:
        """Whether the objective is convex."""
        return self.loss.convex and self.linear

    @property
    def bounded_hessian(self) -> bool:
        """Whether Newton's method can use the Hessian.

        It is that of a convex function, or a bound from above that is never negative.
        """
        return self.linear and (self.loss.convex or self.loss.hessian_bound)

    @property
    def quadratic(self) -> bool:
        """Whether the loss is a quadratic function of the parameters."""
        return self.linear and self.loss.quadratic

    @property
    def stochastic_only(self) -> bool:
        """Whether the loss is made for steps on batches: its exact minimum is of no use."""
        return self.loss.stochastic_only

    @property
    def rowwise(self) -> bool:
        """Whether the loss of a row depends on its own raw predictions alone."""
        return self.loss.rowwise

    @property
    def sparse(self) -> bool:
        """Whether the rows are a sparse matrix."""
        return self.batches.sparse

    @property
    def dtype(self) -> np.dtype[Any]:
        """What the rows are computed in."""
        return self.batches.dtype

    @property
    def precision(self) -> float:
        """The rounding unit of an evaluation."""
        return float(np.finfo(self.dtype).eps)

    @property
    def penalized(self) -> NDArray[Any]:
        """1 for each weight, 0 for each intercept, (n_params,)."""
        return self.model.weights()

    @property
    def l1(self) -> NDArray[Any]:
        """The factor of each parameter's absolute value in the penalty, (n_params,).

        It is 0 for intercepts.
        """
        return self.penalty.l1

    @property
    def l2(self) -> NDArray[Any]:
        """The factor of half of each parameter's square in the penalty, (n_params,).

        It is 0 for intercepts.
        """
        return self.penalty.l2

    def by_feature(self, params: NDArray[Any]) -> NDArray[Any]:
        """The weights among the entries of an array like `params`: linear models.

        They come as a view of shape (n_features, n_outputs).
        """
        model = self.model.base
        return params[: model.n_weights].reshape(model.n_features, model.n_outputs)

    def describe(self) -> str:
        """The loss's name, for messages."""
        return f"loss {self.loss.label!r}"

    @property
    def n_rotated_params(self) -> int:
        """How many parameters there are at the most after `Objective.rotated`.

        It is `n_params` where the rotation does not help, or costs much.
        """
        if self.has_penalty or not self.can_rotate:
            return self.n_params
        return min(self.n_params, self.n_outputs * (self.batches.X.shape[0] + 1))

    @property
    def product_work(self) -> float:
        """The multiplications of a product with the Hessian, in units of those of large matrices.

        It reads the rows twice, which takes longer than its multiplications do.
        """
        X, outputs = self.batches.X, self.n_outputs
        if self.sparse:
            return 2.0 * max(1, X.nnz) * (WORK.sparse_read + WORK.sparse_output * outputs)
        return 2.0 * X.size * (WORK.read + WORK.output * outputs)

    @property
    def hessian_work(self) -> float:
        """The multiplications of the Hessian as a matrix, of which sparse rows are made dense, and
        its factor.
        """
        n, p = self.batches.X.shape
        return 0.5 * n * (p * self.n_outputs) ** 2 + self.n_params**3 / 3

    @property
    def gram_work(self) -> float:
        """The multiplications of the Gram matrix of dense rows and its factor."""
        n, p = self.batches.X.shape
        return 0.5 * n * p**2 + p**3 / 3

    @property
    def can_rotate(self) -> bool:
        """Whether `Objective.rotated` is there, and costs little for rows of this size."""
        X = self.batches.X
        return self.linear and not (self.sparse or self.summed) and X.size * min(X.shape) <= SIZES.rotation

    @property
    def has_hessian_root(self) -> bool:
        """Whether `Objective.hessian_root` is there."""
        return not self.summed and self.convex and self.loss.rowwise and self.n_outputs == 1 and not self.n_constants

    @property
    def piecewise_linear(self) -> bool:
        """Whether the loss is piecewise linear; `Objective.terms` lists its kinks."""
        return bool(self.loss.kinks)

    @property
    def max_affine(self) -> bool:
        """Whether the loss is a maximum of affine functions over the classes.

        `Objective.terms` lists them.
        """
        return bool(self.loss.max_affine)

    @property
    def by_passes(self) -> bool:
        """Whether the rows are in parts and the loss is made of lines.

        Then few passes find the exact minimum, with few rows in memory.
        """
        return self.summed and self.convex and (self.piecewise_linear or self.max_affine)
