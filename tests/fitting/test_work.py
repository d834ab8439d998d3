"""How much work a small fit is: passes over the rows, matrices, validations, whatever the clock."""

from collections import Counter

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.preprocessing import StandardScaler

from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.core import validation
from sklearn_losses.models import LinearModel


@pytest.fixture
def work(monkeypatch):
    """Counts the calls of what takes the time of a small fit."""
    calls = Counter()

    def counted(owner, name):
        original = getattr(owner, name)

        def counting(*arguments, **named):
            calls[name] += 1
            return original(*arguments, **named)

        monkeypatch.setattr(owner, name, counting)

    counted(LinearModel, "predict")  # a pass over the rows
    counted(LinearModel, "curvature")  # a pass that makes a matrix
    counted(validation, "validate_data")
    counted(BaseEstimator, "__repr__")
    return calls


def standardized(load):
    X, y = load(return_X_y=True)
    return StandardScaler().fit_transform(X), y


@pytest.mark.parametrize("unit", [1.0, 1e8])
def test_least_squares_are_one_system_of_equations(work, unit):
    X, y = standardized(load_diabetes)
    model = LossRegressor(alpha=1 / len(y)).fit(X, unit * y)
    # Of the start and of the minimum.
    assert work == {"predict": 2, "curvature": 1, "validate_data": 1}
    assert model.n_iter_ == 1 and model.gradient_norm_ < 1e-12 * unit * np.abs(y).max()


def test_columns_in_other_units_take_one_pass_more(work):
    X, y = standardized(load_diabetes)
    LossRegressor(alpha=1 / len(y)).fit(X * np.geomspace(1e-6, 1e6, 10) + 1e3, y)
    assert work == {"predict": 3, "curvature": 1, "validate_data": 1}


def test_several_targets_are_one_system_of_equations(work):
    X, y = standardized(load_diabetes)
    LossRegressor(alpha=1 / len(y)).fit(X, np.stack([y, y**2, -y], axis=1))
    assert work == {"predict": 2, "curvature": 1, "validate_data": 1}


@pytest.mark.parametrize(
    "load, loss", [(load_breast_cancer, "cross_entropy"), (load_breast_cancer, "squared_hinge"), (load_iris, "cross_entropy")]
)
def test_newton_makes_no_matrix_for_its_end(work, load, loss):
    X, y = standardized(load)
    model = LossClassifier(loss, alpha=1 / len(y)).fit(X, y)
    # Where it ended needs no matrix of its own.
    assert work["curvature"] <= model.n_iter_ <= 12
    assert work["predict"] <= work["curvature"] + 2 * model.n_iter_
    assert work["validate_data"] == 1 and work["__repr__"] == 0


def test_a_scale_under_a_penalty_is_found_in_few_steps(work):
    X, y = standardized(load_diabetes)
    LossRegressor("huber", alpha=1 / len(y)).fit(X, y)
    assert work["curvature"] <= 15 and work["predict"] <= 70
    assert work["validate_data"] == 1 and work["__repr__"] == 0


def test_a_prediction_is_one_pass(work):
    X, y = standardized(load_iris)
    model = LossClassifier().fit(X, y)
    for method in ("predict", "predict_proba", "decision_function"):
        work.clear()
        getattr(model, method)(X)
        assert work == {"predict": 1, "validate_data": 1}
