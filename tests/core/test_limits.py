"""Methods that must agree on a size take it from one place."""

from sklearn_losses.core.limits import SIZES, Sizes
from sklearn_losses.core.recession import RecessionLimits
from sklearn_losses.piecewise.active_set import ActiveSetLimits
from sklearn_losses.piecewise.duality_gap import GapLimits
from sklearn_losses.solvers.auto import AutoLimits
from sklearn_losses.solvers.polish import PolishLimits


def test_methods_agree_on_sizes():
    assert AutoLimits().matrix == RecessionLimits().largest_matrix == SIZES.matrix
    assert ActiveSetLimits().weights == GapLimits().weights == SIZES.kinks_of_weights
    assert PolishLimits().work == SIZES.quick_work


def test_sizes_are_values():
    assert SIZES == Sizes()
    assert SIZES._replace(matrix=5).matrix == 5 and Sizes().matrix != 5
