"""`check_loss`, `check_solver` and `check_model` find faults in a component of one's own.

Each check raises an AssertionError whose message says which promise is broken and by how much. The
package's own losses, solvers and models pass the same checks.
"""

from sklearn_losses.testing.losses import check_loss
from sklearn_losses.testing.models import check_model
from sklearn_losses.testing.solvers import check_solver

__all__ = ["check_loss", "check_model", "check_solver"]
