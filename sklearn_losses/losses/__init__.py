"""The losses: names, formulas, derivatives.

Every module of this folder is found: a loss whose class is in the ``__all__`` of its module needs
no line here. The lines below serve tools that read the source without running it.
"""

from sklearn_losses.core.component import Component
from sklearn_losses.core.discovery import offer_from_modules, public_classes
from sklearn_losses.losses.aggregation import *  # noqa: F403
from sklearn_losses.losses.barron import *  # noqa: F403
from sklearn_losses.losses.base import *  # noqa: F403
from sklearn_losses.losses.classification import *  # noqa: F403
from sklearn_losses.losses.costs import *  # noqa: F403
from sklearn_losses.losses.crammer_singer import *  # noqa: F403
from sklearn_losses.losses.curves import *  # noqa: F403
from sklearn_losses.losses.curves import Kink, PiecewiseLinear
from sklearn_losses.losses.custom import *  # noqa: F403
from sklearn_losses.losses.expected import *  # noqa: F403
from sklearn_losses.losses.expected_cost import *  # noqa: F403
from sklearn_losses.losses.listwise import *  # noqa: F403
from sklearn_losses.losses.noisy_labels import *  # noqa: F403
from sklearn_losses.losses.pairwise import *  # noqa: F403
from sklearn_losses.losses.ranking import *  # noqa: F403
from sklearn_losses.losses.redescending import *  # noqa: F403
from sklearn_losses.losses.regression import *  # noqa: F403
from sklearn_losses.losses.robust import *  # noqa: F403
from sklearn_losses.losses.trimmed import *  # noqa: F403

_found = public_classes(__name__, Component)
globals().update(_found)

__all__ = ["Kink", "PiecewiseLinear"]
__all__ += list(_found)
offer_from_modules(__name__)
