"""Displays as in scikit-learn: a display holds the data and ``plot`` draws it with matplotlib.

Colours are those of Okabe and Ito, which the colour-blind tell apart, and every line has its own
dashes too, so that it can be told from the others in black and white. ``DecisionBoundaryDisplay``
of scikit-learn serves our classifiers as it is.
"""

from sklearn_losses.plotting.comparison import LossComparisonDisplay
from sklearn_losses.plotting.curves import LossCurveDisplay
from sklearn_losses.plotting.functions import LossFunctionDisplay
from sklearn_losses.plotting.outliers import OutlierDisplay

__all__ = ["LossComparisonDisplay", "LossCurveDisplay", "LossFunctionDisplay", "OutlierDisplay"]
