"""SVRG: stochastic steps whose variance vanishes at the optimum."""

from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult

from sklearn_losses.core.component import Integer
from sklearn_losses.core.protocols import Estimate, Objective
from sklearn_losses.solvers.run import Callback
from sklearn_losses.solvers.stochastic import State, StochasticSolver

__all__ = ["SVRG"]


class SVRG(StochasticSolver, name="svrg"):
    r"""Stochastic steps that reach the exact optimum, with a constant learning rate.

    Choose it for smooth strongly convex objectives on many rows, if the fit of `SGD` is not close
    enough to the optimum. A step goes along the gradient of a mini-batch, corrected by that at a
    snapshot [1]_:

    .. math::

        w \leftarrow w - \eta\, \left( \nabla_B(w) - \nabla_B(\tilde w) + \nabla(\tilde w) \right)

    with :math:`w` the parameters, :math:`\eta` the learning rate, :math:`\nabla_B` the gradient of
    the batch, :math:`\nabla` that of all rows and :math:`\tilde w` the snapshot. The closer both
    points are to the optimum, the smaller the random part of these steps, so that the convergence
    is linear. Under an L1 penalty each step ends in soft thresholding [2]_. In an estimator it is
    ``solver="svrg"``.

    Parameters
    ----------
    learning_rate : float, default=0.05
        Size of a step, above 0. A larger one is faster, until the fit diverges. Features should be
        standardised.
    snapshot_every : int, default=1
        Passes over the rows between two snapshots, at least 1. Each snapshot costs one more pass
        over the rows. A larger number costs less time per pass, and the steps are more random.
    schedule : {"constant", "invscaling", "adaptive"}, default="constant"
        How the learning rate changes, as for `SGD`.
    power : float, default=0.5
        Exponent of "invscaling", at least 0. With a larger one the rate falls faster.
    batch_size : int, default=32
        Rows per step. A larger one makes fewer and steadier steps; as many as there are rows, or
        more, give gradient descent.

    See Also
    --------
    sklearn_losses.solvers.SGD : The same without the correction.
    sklearn_losses.solvers.Newton : Exact, for losses with second derivatives.

    References
    ----------
    .. [1] Johnson and Zhang, "Accelerating stochastic gradient descent using predictive variance
           reduction", NIPS 2013.
    .. [2] Xiao and Zhang, "A proximal stochastic gradient method with progressive variance
           reduction", SIAM Journal on Optimization 24 (2014).

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_losses import LossClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = LossClassifier(alpha=0.1, solver="svrg", tol=1e-8, random_state=0)
    >>> model = model.fit(scale(X), y)
    >>> exact = LossClassifier(alpha=0.1).fit(scale(X), y)
    >>> bool(model.objective_ - exact.objective_ < 1e-6)
    True
    """

    parameter_constraints = StochasticSolver.parameter_constraints | {"snapshot_every": Integer(1)}

    def __init__(
        self,
        learning_rate: float = 0.05,
        snapshot_every: int = 1,
        schedule: str = "constant",
        power: float = 0.5,
        batch_size: int = 32,
    ) -> None:
        self.learning_rate = learning_rate
        self.snapshot_every = snapshot_every
        self.schedule = schedule
        self.power = power
        self.batch_size = batch_size

    def minimize(
        self,
        objective: Objective,
        params: NDArray[Any],
        *,
        max_iter: int,
        tol: float,
        state: State | None = None,
        callback: Callback | None = None,
        rng: RandomState | None = None,
    ) -> OptimizeResult:
        if state is not None:
            # The rows may be others than those of the last call, such as another part of a stream.
            state.moments.pop("full", None)
        return super().minimize(objective, params, max_iter=max_iter, tol=tol, state=state, callback=callback, rng=rng)

    def begin_epoch(self, state: State, objective: Objective) -> None:
        moments = state.moments
        if not moments or moments["age"][0] == self.snapshot_every:
            moments["snapshot"], moments["age"] = state.params.copy(), np.zeros(1, dtype=int)
            moments.pop("full", None)
        if "full" not in moments:
            # The gradient of all rows, without that of the absolute values of the penalty.
            moments["full"] = objective.value_and_gradient(moments["snapshot"])[1]
        moments["age"] += 1

    def step(self, state: State, gradient: NDArray[Any], rate: float, objective: Objective, estimate: Estimate) -> None:
        moments = state.moments
        gradient -= estimate(moments["snapshot"])[1]
        gradient += moments["full"]
        state.params -= rate * gradient
        if not objective.smooth_penalty:
            state.params[:] = objective.prox(state.params, rate)
