"""Displays as in scikit-learn: a display holds the data and draws it with matplotlib.

As in scikit-learn, the class methods such as ``from_estimator`` compute the data and draw at once,
on the axes ``ax`` or in a new figure, and return the display. Its ``plot`` draws again, elsewhere
or with other options. The data are attributes of the display, and after drawing ``ax_`` and
``figure_`` are there too.

The colours are those of Okabe and Ito, which colour-blind readers can tell apart, and each line and
each mark has dashes or a shape of its own, so that it can be told from the others in black and
white. scikit-learn's own displays, such as ``DecisionBoundaryDisplay``, take our estimators too.
"""

from sklearn_losses.plotting.coefficients import CoefficientsDisplay
from sklearn_losses.plotting.comparison import LossComparisonDisplay
from sklearn_losses.plotting.coverage import CoverageDisplay, PredictionInterval
from sklearn_losses.plotting.curves import LossCurveDisplay
from sklearn_losses.plotting.functions import LossFunctionDisplay
from sklearn_losses.plotting.outliers import OutlierDisplay
from sklearn_losses.plotting.reliability import ReliabilityCurve, ReliabilityDisplay
from sklearn_losses.plotting.residuals import ResidualsDisplay

__all__ = [
    "CoefficientsDisplay",
    "CoverageDisplay",
    "LossComparisonDisplay",
    "LossCurveDisplay",
    "LossFunctionDisplay",
    "OutlierDisplay",
    "PredictionInterval",
    "ReliabilityCurve",
    "ReliabilityDisplay",
    "ResidualsDisplay",
]
