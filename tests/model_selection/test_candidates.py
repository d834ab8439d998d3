"""The losses of a comparison and their parameter settings."""

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.core.loss_parameter import LossParameter
from sklearn_losses.losses import Huber, Loss
from sklearn_losses.model_selection.candidates import fixed_seeds, grids_of, labelled


def test_each_loss_takes_the_parameters_that_it_has():
    model = make_pipeline(StandardScaler(), LossRegressor())
    parameter = LossParameter(model)
    grid = {"alpha": [0.1, 1.0], "loss__delta": [1.0, 2.0]}
    grids = grids_of(grid, {"mse": "mse", "huber": Huber()}, model, parameter)
    assert grids["mse"] == [{"lossregressor__alpha": 0.1}, {"lossregressor__alpha": 1.0}]
    assert len(grids["huber"]) == 4 and all("lossregressor__loss__delta" in setting for setting in grids["huber"])
    with pytest.raises(ValueError, match="any of the losses has: loss__q"):
        grids_of({"loss__q": [1]}, {"mse": "mse"}, model, parameter)


def test_the_losses_that_fit_by_default():
    negative = labelled(None, LossParameter(LossRegressor()), np.array([-1.0, 2.0]))
    assert "mse" in negative and "poisson" not in negative and "hinge" not in negative
    assert "poisson" in labelled(None, LossParameter(LossRegressor()), np.array([1.0, 2.0]))
    for_classes = labelled(None, LossParameter(LossClassifier()), np.array(["a", "b"]))
    assert all(Loss.make(name).task in ("classification", None) for name in for_classes)
    assert {"hinge", "cross_entropy"} <= set(for_classes)


def test_labels_do_not_repeat():
    parameter = LossParameter(LossRegressor())
    assert list(labelled(["mse", "mse", Huber()], parameter, np.zeros(2))) == ["mse", "mse (2)", "Huber()"]
    assert list(labelled("mae", parameter, np.zeros(2))) == ["mae"]
    with pytest.raises(ValueError, match="at least one loss"):
        labelled([], parameter, np.zeros(2))


def test_open_random_states_are_set():
    model = make_pipeline(StandardScaler(), LossRegressor())
    fixed = fixed_seeds(model, 3)
    assert isinstance(fixed[-1].random_state, int) and model[-1].random_state is None
    assert fixed_seeds(model, 3)[-1].random_state == fixed[-1].random_state
    assert fixed_seeds(LossRegressor(random_state=7), 3).random_state == 7
