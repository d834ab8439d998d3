"""Solvers that step on mini-batches: what they share, SGD and Adam.

What they carry from one epoch, or one call, to the next (moments, the schedule's clock, the
shuffle's generator) is one small picklable state, so that a fit which goes on from it takes the
very steps that an unbroken fit would have taken.
"""

import inspect
from abc import abstractmethod
from collections.abc import Callable
from copy import deepcopy
from functools import partial, wraps
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult

from sklearn_losses.core.component import Integer, Interval, Options
from sklearn_losses.core.protocols import Estimate, Objective
from sklearn_losses.core.renamed import warn_of_old
from sklearn_losses.solvers.base import Solver
from sklearn_losses.solvers.run import Callback, Run

__all__ = ["SGD", "Adam", "State", "StochasticSolver"]


class State:
    """What a stochastic solver carries along.

    Attributes
    ----------
    params : ndarray
        The current iterate (an averaging solver reports another point).
    steps : int
        Steps taken: the clock of the schedule.
    rng : numpy.random.RandomState or None
        The shuffle's generator; None where one batch holds all rows.
    moments : dict of str to ndarray
        Running averages, named by the solver.
    rate : float
        The learning rate of the adaptive schedule.
    best, waited : float, int
        The lowest epoch loss so far, and the epochs since: for the adaptive schedule.
    """

    def __init__(self, params: NDArray[Any], rng: RandomState | None, rate: float) -> None:
        self.params, self.rng, self.rate = params, rng, rate
        self.steps = 0
        self.moments: dict[str, NDArray[Any]] = {}
        self.best, self.waited = np.inf, 0

    def snapshot(self) -> Callable[[], "State"]:
        """What gives this state as it is now, whatever the steps to come change in place."""
        kept = {name: value for name, value in vars(self).items() if name != "rng"}
        kept["params"], kept["moments"] = self.params.copy(), _copied(self.moments)
        return partial(_restored, type(self), kept, None if self.rng is None else self.rng.get_state())


def _copied(moments):
    # `deepcopy` of the whole would cost a few percent of a fit with short epochs.
    return {name: value.copy() if isinstance(value, np.ndarray) else deepcopy(value) for name, value in moments.items()}


def _restored(kind, kept, chance):
    """The state of a snapshot."""
    state = object.__new__(kind)
    state.__dict__ = {**kept, "params": kept["params"].copy(), "moments": _copied(kept["moments"]), "rng": None}
    if chance is not None:
        state.rng = RandomState()
        state.rng.set_state(chance)
    return state


class StochasticSolver(Solver):
    """Base class of solvers that step on mini-batches: the loop over epochs and batches.

    A subclass gives `step`. The loop shuffles the rows in every epoch, keeps the schedule of the
    learning rate, and returns a state that can be pickled, so that `partial_fit` and
    ``warm_start=True`` take the steps of an unbroken fit. A subclass keeps the parameters
    `learning_rate`, `schedule`, `power` and `batch_size`.

    Attributes
    ----------
    learning_rate : float
        The size of a step on the gradient.
    schedule : {"constant", "invscaling", "adaptive"}
        How the learning rate changes, see `SGD`.
    power : float
        Exponent of "invscaling".
    batch_size : int
        Rows per step.

    See Also
    --------
    sklearn_losses.solvers.SGD : Steps along the gradient, with momentum.
    sklearn_losses.solvers.Adam : Steps scaled for each parameter.
    sklearn_losses.solvers.Solver : Base class of all solvers.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_losses import LossClassifier
    >>> from sklearn_losses.solvers import StochasticSolver
    >>> class SignDescent(StochasticSolver):
    ...     def __init__(
    ...         self, learning_rate=0.01, schedule="adaptive", power=0.5, batch_size=32
    ...     ):
    ...         self.learning_rate, self.schedule = learning_rate, schedule
    ...         self.power, self.batch_size = power, batch_size
    ...     def step(self, state, gradient, rate, objective, estimate):
    ...         state.params -= rate * np.sign(gradient)
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LossClassifier(solver=SignDescent(), tol=0.01, random_state=0)
    >>> model.fit(X, y).score(X, y) > 0.95
    True
    """

    stochastic = True
    learning_rate: float
    schedule: str
    power: float
    batch_size: int
    parameter_constraints = {
        "learning_rate": Interval(0.0, closed="neither"),
        "schedule": Options("constant", "invscaling", "adaptive"),
        "power": Interval(0.0),
        "batch_size": Integer(1),
    }

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        step = vars(cls).get("step")
        if step is not None and not _takes_estimate(step):
            warn_of_old(
                f"{cls.__name__}.step must take (state, gradient, rate, objective, estimate) now; add the last parameter."
            )
            cls.step = _without_estimate(step)  # type: ignore[method-assign]  # it takes the place of an old form of the method

    @abstractmethod
    def step(self, state: State, gradient: NDArray[Any], rate: float, objective: Objective, estimate: Estimate) -> None:
        """Move ``state.params`` in place, once for each mini-batch.

        Parameters
        ----------
        state : State
            The state of the solver: ``params``, ``steps``, and ``moments`` for running averages.
        gradient : ndarray of shape (n_params,)
            That of the batch at ``state.params``.
        rate : float
            The learning rate of this step.
        objective : Objective
            That of all rows.
        estimate : callable
            ``estimate(params)`` gives the value and the gradient of the batch at any other point.
        """

    def begin_epoch(self, state: State, objective: Objective) -> None:
        """Prepare a pass over the rows, for solvers that look at all of them.

        Parameters
        ----------
        state : State
            The state of the solver.
        objective : Objective
            That of all rows.
        """

    def reported(self, state: State) -> NDArray[Any]:
        """Return the point to report at the end of an epoch.

        Parameters
        ----------
        state : State
            The state of the solver.

        Returns
        -------
        ndarray of shape (n_params,)
            The current parameters by default.
        """
        return state.params

    def rate(self, state: State) -> float:
        """Return the learning rate of the next step.

        Parameters
        ----------
        state : State
            The state of the solver.

        Returns
        -------
        float
            By the schedule.
        """
        if self.schedule == "invscaling":
            return self.learning_rate / (1 + state.steps) ** self.power
        return state.rate

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
        dtype = objective.dtype
        if state is None:
            state = State(params.astype(dtype), rng, self.learning_rate)
        run = Run(self.reported(state).copy(), max_iter, callback)
        while True:
            total = 0.0
            # A diverging epoch overflows before it is noticed at its end.
            with np.errstate(over="ignore", invalid="ignore"):
                self.begin_epoch(state, objective)
                for share, estimate in objective.minibatches(self.batch_size, state.rng):
                    value, gradient = estimate(state.params)
                    total += share * value
                    self.step(state, gradient, self.rate(state), objective, estimate)
                    state.steps += 1
            total += objective.l1_value(state.params)
            self._adapt(state, total, tol)  # before the state is recorded: it belongs to this epoch
            if run.record(self.reported(state).copy(), total, state=state):
                break
        return run.result(state=state)

    def _adapt(self, state, value, tol):
        """A fifth of the rate after five epochs without progress (schedule="adaptive")."""
        if np.isinf(state.best) or value < state.best - tol * abs(state.best):
            state.best, state.waited = value, 0
        else:
            state.waited += 1
        if self.schedule == "adaptive" and state.waited >= 5:
            state.rate, state.waited = state.rate / 5, 0


def _takes_estimate(step):
    """Whether a `step` has a parameter for the batch's estimate."""
    parameters = inspect.signature(step).parameters.values()
    return len(parameters) > 5 or any(
        parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) for parameter in parameters
    )


def _without_estimate(step):
    """A `step` of earlier versions, called as one of today."""

    @wraps(step)
    def called(self, state, gradient, rate, objective, estimate=None):
        return step(self, state, gradient, rate, objective)

    return called


class SGD(StochasticSolver, name="sgd"):
    """Stochastic gradient descent with momentum, schedules and averaging.

    Choose it for data that is too large for passes over all rows, with standardised features. It
    takes any loss and any model, and `partial_fit`. It comes close to the optimum but does not
    reach it: use early stopping, a schedule or averaging. Under an L1 penalty each step ends in
    soft thresholding. In an estimator it is ``solver="sgd"``.

    Parameters
    ----------
    learning_rate : float, default=0.01
        Size of a step on the gradient, above 0. A larger one is faster, until the fit diverges.
    momentum : float, default=0.9
        Share of the last step that is kept, in [0, 1). A larger one smooths the path over more
        batches.
    nesterov : bool, default=True
        Whether to use Nesterov's form of the momentum [1]_.
    schedule : {"constant", "invscaling", "adaptive"}, default="constant"
        "constant": `learning_rate`. "invscaling": ``learning_rate / (1 + steps)**power``.
        "adaptive": the learning rate is divided by 5 after five epochs without progress.
    power : float, default=0.5
        Exponent of "invscaling", at least 0. With a larger one the rate falls faster.
    average : bool, default=False
        Whether to report the mean of all iterates so far [2]_ instead of the last one.
    batch_size : int, default=32
        Rows per step. A larger one makes fewer and steadier steps; as many as there are rows, or
        more, give full passes.

    See Also
    --------
    sklearn_losses.solvers.Adam : Needs less tuning of the learning rate.
    sklearn_losses.solvers.SVRG : Reaches the optimum with a constant learning rate.
    sklearn_losses.solvers.LBFGS : For data in memory.

    References
    ----------
    .. [1] Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum in
           deep learning", ICML 2013, equations 3 and 4.
    .. [2] Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", SIAM
           Journal on Control and Optimization 30 (1992).

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_losses import LossClassifier
    >>> from sklearn_losses.solvers import SGD
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LossClassifier(solver=SGD(learning_rate=0.05), random_state=0)
    >>> model.fit(X, y).score(X, y) > 0.95
    True
    """

    parameter_constraints = StochasticSolver.parameter_constraints | {
        "momentum": Interval(0.0, 1.0),
        "nesterov": Options(True, False),
        "average": Options(True, False),
    }

    def __init__(
        self,
        learning_rate: float = 0.01,
        momentum: float = 0.9,
        nesterov: bool = True,
        schedule: str = "constant",
        power: float = 0.5,
        average: bool = False,
        batch_size: int = 32,
    ) -> None:
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.nesterov = nesterov
        self.schedule = schedule
        self.power = power
        self.average = average
        self.batch_size = batch_size

    def step(
        self,
        state: State,
        gradient: NDArray[Any],
        rate: float,
        objective: Objective,
        estimate: Estimate | None = None,
    ) -> None:
        held = 1.0  # how much of a slope that stays the same one step takes, in units of the rate
        if self.momentum:
            velocity = state.moments.get("velocity")
            if velocity is None:
                velocity = state.moments["velocity"] = np.zeros_like(state.params)
            velocity *= self.momentum
            velocity += gradient
            gradient = gradient + self.momentum * velocity if self.nesterov else velocity
            held = (1 - self.momentum ** (state.steps + 1 + self.nesterov)) / (1 - self.momentum)
        state.params -= rate * gradient
        if not objective.smooth_penalty:
            # The absolute values pull as long as the gradient that they are to balance.
            state.params[:] = objective.prox(state.params, rate * held)
        if self.average:
            mean = state.moments.setdefault("average", state.params.copy())
            mean += (state.params - mean) / (state.steps + 1)

    def reported(self, state: State) -> NDArray[Any]:
        return state.moments.get("average", state.params) if self.average else state.params


class Adam(StochasticSolver, name="adam"):
    r"""Adam: stochastic steps scaled for each parameter; the default for networks.

    Choose it for multi-layer perceptrons and other models that are not linear, and for large data.
    Steps are scaled by running averages of the gradient :math:`g` and of its square [1]_:

    .. math::

        m &\leftarrow \beta_1 m + (1 - \beta_1)\, g

        v &\leftarrow \beta_2 v + (1 - \beta_2)\, g^2

        w &\leftarrow w - \eta\, \frac{\hat m}{\sqrt{\hat v} + \epsilon}

    with :math:`w` the parameters, :math:`\eta` the learning rate and :math:`\hat m`, :math:`\hat v`
    the averages corrected for their start at 0. It takes any loss and any model, and `partial_fit`.
    Under an L1 penalty each step ends in soft thresholding. In an estimator it is
    ``solver="adam"``.

    Parameters
    ----------
    learning_rate : float, default=0.001
        About the largest change of a parameter in one step, above 0. A larger one is faster, until
        the fit oscillates.
    beta1 : float, default=0.9
        Decay of the average of the gradient, in [0, 1). A larger one smooths the path over more
        batches.
    beta2 : float, default=0.999
        Decay of the average of the square, in [0, 1). With a larger one the scale of the steps
        changes more slowly.
    epsilon : float, default=1e-8
        Added to the root of the average of the square, above 0. A larger one makes small steps
        where gradients are small.
    amsgrad : bool, default=False
        Whether to divide by the largest average of the square so far [2]_.
    weight_decay : float, default=0.0
        Decay of the weights per unit of learning rate, as in AdamW [3]_, at least 0; besides the
        penalty of the objective. A larger one gives smaller weights.
    schedule : {"constant", "invscaling", "adaptive"}, default="constant"
        How the learning rate changes, as for `SGD`.
    power : float, default=0.5
        Exponent of "invscaling", at least 0. With a larger one the rate falls faster.
    batch_size : int, default=200
        Rows per step. A larger one makes fewer and steadier steps; as many as there are rows, or
        more, give full passes.

    See Also
    --------
    sklearn_losses.solvers.SGD : Steps along the gradient, with momentum.
    sklearn_losses.solvers.LBFGS : For networks on small data.
    sklearn_losses.models.MLP : The multi-layer perceptron.

    References
    ----------
    .. [1] Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1.
    .. [2] Reddi, Kale and Kumar, "On the convergence of Adam and beyond", ICLR 2018, algorithm 2.
    .. [3] Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_losses import LossClassifier
    >>> X, y = load_digits(n_class=4, return_X_y=True)
    >>> model = LossClassifier(
    ...     hidden_layer_sizes=(16,), solver="adam", early_stopping=True, random_state=0
    ... )
    >>> model.fit(X / 16, y).score(X / 16, y) > 0.95
    True
    """

    parameter_constraints = StochasticSolver.parameter_constraints | {
        "beta1": Interval(0.0, 1.0),
        "beta2": Interval(0.0, 1.0),
        "epsilon": Interval(0.0, closed="neither"),
        "amsgrad": Options(True, False),
        "weight_decay": Interval(0.0),
    }

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        amsgrad: bool = False,
        weight_decay: float = 0.0,
        schedule: str = "constant",
        power: float = 0.5,
        batch_size: int = 200,
    ) -> None:
        self.learning_rate = learning_rate
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.amsgrad = amsgrad
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.power = power
        self.batch_size = batch_size

    def step(
        self,
        state: State,
        gradient: NDArray[Any],
        rate: float,
        objective: Objective,
        estimate: Estimate | None = None,
    ) -> None:
        moments = state.moments
        if "mean" not in moments or (self.amsgrad and "largest" not in moments):
            for name in ("mean", "square", "work") + ("largest",) * self.amsgrad:
                moments.setdefault(name, np.zeros_like(state.params))
        mean, square, work = moments["mean"], moments["square"], moments["work"]
        clock = state.steps + 1
        # In place throughout: on a small network these few lines are a good part of a step.
        mean *= self.beta1
        np.multiply(gradient, 1 - self.beta1, out=work)
        mean += work
        square *= self.beta2
        np.multiply(gradient, gradient, out=work)
        work *= 1 - self.beta2
        square += work
        second = np.maximum(moments["largest"], square, out=moments["largest"]) if self.amsgrad else square
        np.sqrt(second, out=work)
        work *= 1 / np.sqrt(1 - self.beta2**clock)
        work += self.epsilon
        rate_now = rate / (1 - self.beta1**clock)
        if self.weight_decay:
            state.params *= 1 - rate * self.weight_decay * objective.penalized
        if objective.smooth_penalty:
            np.divide(mean, work, out=work)
            work *= rate_now
            state.params -= work
        else:
            steps = rate / work
            state.params -= rate_now * mean / work
            state.params[:] = objective.prox(state.params, steps)
