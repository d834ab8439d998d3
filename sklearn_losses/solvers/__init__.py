"""The solvers: everything that minimises an objective."""

from sklearn_losses.core.status import Status
from sklearn_losses.piecewise.duality_gap import dual_gap, gradient_norm
from sklearn_losses.solvers.augmented_lagrangian import AugmentedLagrangian
from sklearn_losses.solvers.auto import Auto
from sklearn_losses.solvers.base import Run, SmoothSolver, Solver
from sklearn_losses.solvers.foreign import ForeignSolver as ForeignSolver
from sklearn_losses.solvers.gradient_descent import GradientDescent
from sklearn_losses.solvers.interior_point import InteriorPoint
from sklearn_losses.solvers.lbfgs import LBFGS
from sklearn_losses.solvers.newton import Newton
from sklearn_losses.solvers.proximal_newton import ProximalNewton
from sklearn_losses.solvers.scipy_methods import Scipy
from sklearn_losses.solvers.stochastic import SGD, Adam, StochasticSolver

__all__ = [
    "LBFGS",
    "SGD",
    "Adam",
    "AugmentedLagrangian",
    "Auto",
    "GradientDescent",
    "InteriorPoint",
    "Newton",
    "ProximalNewton",
    "Run",
    "Scipy",
    "SmoothSolver",
    "Solver",
    "Status",
    "StochasticSolver",
    "dual_gap",
    "gradient_norm",
]
