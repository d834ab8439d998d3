"""The loss is found inside pipelines and wrappers, and what belongs to it too."""

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_losses import LossClassifier, LossRanker, LossRegressor
from sklearn_losses.core.loss_parameter import LossParameter

ALONE = LossRegressor("mae")
IN_A_PIPELINE = make_pipeline(StandardScaler(), LossRegressor("mae"))
WRAPPED = TransformedTargetRegressor(LossRegressor("mae"))
DEEP = make_pipeline(StandardScaler(), TransformedTargetRegressor(LossRegressor("mae")))

CASES = {
    "alone": (ALONE, [], True, ""),
    "in a pipeline": (IN_A_PIPELINE, ["lossregressor"], True, "lossregressor__"),
    "wrapped": (WRAPPED, ["regressor"], False, ""),
    "deep": (DEEP, ["transformedtargetregressor", "regressor"], False, "transformedtargetregressor__"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_path_to_the_loss(name):
    estimator, path, in_pipelines, fit_prefix = CASES[name]
    found = LossParameter(estimator)
    assert (found.path, found.in_pipelines, found.fit_prefix) == (path, in_pipelines, fit_prefix)
    assert found.task == "regression"
    assert found.part(estimator).loss == "mae"
    estimator.set_params(**{found.prefix + "loss": "huber"})
    assert found.part(estimator).loss == "huber"
    estimator.set_params(**{found.prefix + "loss": "mae"})


@pytest.mark.parametrize(("estimator", "task"), [(LossClassifier(), "classification"), (LossRanker(), "ranking")])
def test_the_task(estimator, task):
    assert LossParameter(make_pipeline(StandardScaler(), estimator)).task == task


@pytest.mark.parametrize("name", CASES)
def test_the_fitted_part(name):
    estimator = CASES[name][0]
    X = np.random.default_rng(0).standard_normal((30, 2))
    fitted = LossParameter(estimator).fitted_part(estimator.fit(X, X[:, 0]))
    assert isinstance(fitted, LossRegressor) and fitted.coef_.shape == (2,)


def test_names_of_parameters():
    found, params = LossParameter(IN_A_PIPELINE), IN_A_PIPELINE.get_params()
    assert found.full_name("alpha", params) == "lossregressor__alpha"
    assert found.full_name("lossregressor__alpha", params) == "lossregressor__alpha"
    # The part's own before the pipeline's.
    assert found.full_name("verbose", params) == "lossregressor__verbose"
    assert found.full_name("memory", params) == "memory"
    assert found.full_name("unknown", params) is None


@pytest.mark.parametrize(
    ("estimator", "count"),
    [
        (Ridge(), 0),
        (make_pipeline(StandardScaler(), Ridge()), 0),
        (TransformedTargetRegressor(make_pipeline(LossRegressor(), LossRegressor())), 2),
    ],
)
def test_there_is_one_loss_or_an_error(estimator, count):
    with pytest.raises(ValueError, match=f"Found {count} of them in {type(estimator).__name__}"):
        LossParameter(estimator)


def test_a_search_is_a_wrapper_too():
    search = GridSearchCV(LossRegressor(), {"alpha": [0.1]})
    found = LossParameter(search)
    assert found.path == ["estimator"] and not found.in_pipelines
