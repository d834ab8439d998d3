"""The copy that a fit works on, and the one assignment with which an estimator takes over what was
fitted.
"""

import numpy as np

from sklearn_losses import LossRegressor
from sklearn_losses.estimators.atomic import take_over, working_copy


def test_a_copy_holds_the_same_objects_and_is_not_the_estimator():
    loss = object()
    estimator = LossRegressor(loss)
    copy = working_copy(estimator)
    assert type(copy) is LossRegressor and copy is not estimator and copy.loss is loss
    copy.n_features_in_ = 3
    assert not hasattr(estimator, "n_features_in_")


def test_what_was_fitted_before_goes_with_its_fit():
    estimator = LossRegressor()
    first, second = working_copy(estimator), working_copy(estimator)
    first.n_features_in_, first.feature_names_in_ = 2, np.array(["a", "b"])
    take_over(estimator, first, {"coef_": 1, "gap_": 2})
    assert (estimator.coef_, estimator.gap_, estimator.n_features_in_) == (1, 2, 2)
    estimator.mine = "kept"
    second.n_features_in_ = 5
    take_over(estimator, second, {"coef_": 3})
    assert (estimator.coef_, estimator.n_features_in_, estimator.mine) == (3, 5, "kept")
    assert not hasattr(estimator, "gap_") and not hasattr(estimator, "feature_names_in_")
    assert estimator.get_params() == LossRegressor().get_params()
