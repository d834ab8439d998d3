"""The solvers: everything that minimises an objective.

Every module of this folder is found: a solver whose class is in the ``__all__`` of a new module
needs no line here. The lines below serve tools that read the source without running it.
"""

from sklearn_losses.core.discovery import offer_from_modules, public_classes
from sklearn_losses.core.status import Status
from sklearn_losses.piecewise.duality_gap import dual_gap, gradient_norm
from sklearn_losses.solvers.augmented_lagrangian import *  # noqa: F403
from sklearn_losses.solvers.auto import *  # noqa: F403
from sklearn_losses.solvers.base import *  # noqa: F403
from sklearn_losses.solvers.base import Run, Solver
from sklearn_losses.solvers.gradient_descent import *  # noqa: F403
from sklearn_losses.solvers.interior_point import *  # noqa: F403
from sklearn_losses.solvers.lbfgs import *  # noqa: F403
from sklearn_losses.solvers.newton import *  # noqa: F403
from sklearn_losses.solvers.proximal_newton import *  # noqa: F403
from sklearn_losses.solvers.scipy_methods import *  # noqa: F403
from sklearn_losses.solvers.stochastic import *  # noqa: F403
from sklearn_losses.solvers.svrg import *  # noqa: F403

_found = public_classes(__name__, Solver)
globals().update(_found)

__all__ = ["Run", "Status", "dual_gap", "gradient_norm"]
__all__ += list(_found)
offer_from_modules(__name__)
