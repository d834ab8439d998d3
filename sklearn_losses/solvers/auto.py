"""``solver="auto"``: the choice of a solver, by a rule of a few lines."""

from typing import Any, NamedTuple

from numpy.random import RandomState
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult

from sklearn_losses.core.allowance import exact_is_cheap
from sklearn_losses.core.limits import SIZES
from sklearn_losses.core.protocols import Objective
from sklearn_losses.solvers.augmented_lagrangian import AugmentedLagrangian
from sklearn_losses.solvers.base import Solver
from sklearn_losses.solvers.interior_point import InteriorPoint
from sklearn_losses.solvers.lbfgs import LBFGS
from sklearn_losses.solvers.newton import Newton
from sklearn_losses.solvers.proximal_newton import ProximalNewton
from sklearn_losses.solvers.run import Callback
from sklearn_losses.solvers.stochastic import Adam

__all__ = ["Auto"]


class AutoLimits(NamedTuple):
    """The sizes that decide which solver is chosen.

    Attributes
    ----------
    matrix : int
        Parameters up to which a matrix of them per iteration pays.
    matrix_with_weights : int
        The same for a loss with kinks where each weight has a kink as well.
    work : float
        Multiplications of a Hessian of several outputs of a loss that is not convex; L-BFGS is
        ahead from there on.
    work_of_maximum : float
        The same for a maximum over classes.
    sample : int
        Dense rows for each parameter from which on a sample shows which of them are near a kink.
    first : int
        Iterations of which none is kept for the next solver,
    reserve : int
        and how many of more are.
    """

    matrix: int = SIZES.matrix
    matrix_with_weights: int = 1500
    work: float = 2e9
    work_of_maximum: float = 1e8
    sample: int = 1000
    first: int = 200
    reserve: int = 300


class Auto(Solver, name="auto"):
    """Automatic choice of the solver by the model, the loss, the penalty and the size of the data.

    This is the default. The fitted attribute ``solver_`` names the solver that ran. In an estimator
    it is ``solver="auto"``.

    See Also
    --------
    sklearn_losses.solvers.Newton : For smooth convex losses.
    sklearn_losses.solvers.InteriorPoint : For losses with kinks.
    sklearn_losses.solvers.ProximalNewton : For L1 penalties.
    sklearn_losses.solvers.LBFGS : For everything else.

    Notes
    -----
    The rules, in their order:

    1. A model that is not linear, such as a multi-layer perceptron, or a loss that is made for
       steps on batches (the perceptron): ``adam``.
    2. Rows in files or on other machines and a piecewise linear loss: ``interior_point`` on the few
       rows that determine the fit.
    3. A linear model with a convex loss and an L1 penalty: ``interior_point`` where the loss is
       piecewise linear and there are up to 1,500 parameters, else ``proximal_newton``. Zeros are
       exact.
    4. A linear model without an L1 penalty and a convex loss with a Hessian: ``newton``. The same
       for a redescending loss with up to 1,000 parameters; with several raw outputs only while rows
       times the square of the parameters are up to 2e9.
    5. A linear model without an L1 penalty and a loss with kinks: ``interior_point`` with up to
       1,000 parameters where it takes little time, that is where rows times the square of the
       parameters are up to 1e8, or there is no penalty, or there are one raw output and 1,000 dense
       rows for each parameter. Else ``augmented_lagrangian``, which needs no matrix. For a maximum
       over classes (`CrammerSinger`) the limit of 1e8 alone decides.
    6. Everything else: ``lbfgs``.

    If a solver does not reach the optimum, or cannot prove that it did, another one continues from
    the best point so far, and ``solver_`` names all that ran: without an L1 penalty
    ``augmented_lagrangian`` after ``interior_point`` and the other way round, then ``lbfgs``. If
    `max_iter` is above 200, up to 300 of the iterations above 200 are reserved for the solver that
    may have to continue.

    A linear model with fewer rows than columns is fitted in the space that its rows span (up to
    1,000 rows, no L1 penalty), and the parameters above are those of that space: at most one per
    row and raw output, and the intercepts.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> LossRegressor("huber", solver="auto").fit(X, y).solver_
    'newton'
    >>> LossRegressor("mae", solver="auto").fit(X, y).solver_
    'interior_point'
    """

    limits = AutoLimits()

    def choose(self, objective: Objective) -> Solver:
        """Return the solver for an objective.

        Parameters
        ----------
        objective : Objective
            What shall be minimised.

        Returns
        -------
        Solver
            The solver of the first rule that holds.
        """
        if not objective.linear or objective.stochastic_only:
            return Adam()
        if objective.by_passes:
            return InteriorPoint()
        if not (objective.smooth_penalty or ProximalNewton().refusal(objective)):
            exact = objective.piecewise_linear and objective.n_params <= self.limits.matrix_with_weights
            return InteriorPoint() if exact else ProximalNewton()
        several = objective.n_outputs > 1 and objective.piecewise_linear and objective.convex
        if (objective.max_affine or several) and objective.smooth_penalty:
            small = objective.n_rows * objective.n_rotated_params**2 <= self.limits.work_of_maximum
            exact = several and not objective.has_penalty and objective.n_rotated_params <= self.limits.matrix
            return InteriorPoint() if small or exact else AugmentedLagrangian()
        if objective.convex and objective.piecewise_linear and objective.smooth_penalty:
            matrix = objective.n_rotated_params <= self.limits.matrix
            return InteriorPoint() if matrix and self._few_rows_decide(objective) else AugmentedLagrangian()
        if objective.smooth_penalty and objective.has_hessian and objective.bounded_hessian:
            few = objective.n_params <= self.limits.matrix
            cheap = few and (objective.n_outputs == 1 or objective.n_rows * objective.n_params**2 <= self.limits.work)
            return Newton() if objective.convex or cheap else LBFGS()
        return LBFGS()

    def _few_rows_decide(self, objective):
        """Whether the interior point method has few rows to solve for, or takes no time anyway.

        Without a penalty there is no bound that ends the other method early.
        """
        if not objective.has_penalty or exact_is_cheap(objective):
            return True
        dense = objective.n_outputs == 1 and not objective.sparse
        return dense and objective.n_rows >= self.limits.sample * objective.n_params

    def next_after(self, solver: Solver, objective: Objective) -> Solver | None:
        """Return the solver to go on with where one ended short of the optimum.

        Parameters
        ----------
        solver : Solver
            The solver that ended.
        objective : Objective
            What shall be minimised.

        Returns
        -------
        Solver or None
            None after the last one.
        """
        if isinstance(solver, (LBFGS, Adam)) or not objective.linear or objective.by_passes:
            return None
        first, both = self.choose(objective), (InteriorPoint(), AugmentedLagrangian())
        if (
            not isinstance(solver, type(first))
            or objective.n_params > self.limits.matrix
            and isinstance(solver, AugmentedLagrangian)
        ):
            return LBFGS()
        return next((other for other in both if not isinstance(solver, type(other)) and not other.refusal(objective)), LBFGS())

    def share(self, max_iter: int) -> int:
        """Return the iterations for a solver that another may have to go on from.

        Parameters
        ----------
        max_iter : int
            The iterations of the whole fit.

        Returns
        -------
        int
            A part of them; all if there are few.
        """
        return max_iter - min(self.limits.reserve, max(0, max_iter - self.limits.first))

    def minimize(
        self,
        objective: Objective,
        params: NDArray[Any],
        *,
        max_iter: int,
        tol: float,
        state: Any = None,
        callback: Callback | None = None,
        rng: RandomState | None = None,
    ) -> OptimizeResult:
        chosen = self.choose(objective)
        return chosen.minimize(objective, params, max_iter=max_iter, tol=tol, state=state, callback=callback, rng=rng)
