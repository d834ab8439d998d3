"""Names and short forms of an estimator's loss, solver and model become objects."""

import numpy as np
import pytest

from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.estimators.components import checked_components, model_of, with_objects
from sklearn_losses.losses import CustomLoss, Huber
from sklearn_losses.models import MLP, FactorizationMachine, Linear
from sklearn_losses.solvers import SGD


def test_the_short_forms_of_models():
    assert type(model_of(LossRegressor())) is Linear
    network = model_of(LossRegressor(hidden_layer_sizes=(3, 2), activation="tanh"))
    assert type(network) is MLP and network.get_params() == {"hidden_layer_sizes": (3, 2), "activation": "tanh"}
    assert type(model_of(LossRegressor(model="linear"))) is Linear
    mine = FactorizationMachine(rank=2)
    assert model_of(LossRegressor(model=mine)) is mine


@pytest.mark.parametrize("short", [{"hidden_layer_sizes": (3,)}, {"activation": "tanh"}])
def test_a_model_and_its_short_form_are_one_too_many(short):
    with pytest.raises(ValueError, match="takes either model, or hidden_layer_sizes"):
        model_of(LossRegressor(model="mlp", **short))


def test_parameters_of_a_name_need_its_object():
    estimator = LossRegressor("huber", solver="sgd", model="factorization_machine")
    found = with_objects(estimator, {"loss__delta": 2.0, "solver__learning_rate": 0.1, "model__rank": 3, "alpha": 1.0})
    assert type(found["loss"]) is Huber and type(found["solver"]) is SGD and type(found["model"]) is FactorizationMachine
    assert (found["loss__delta"], found["alpha"]) == (2.0, 1.0)
    assert with_objects(estimator, {"alpha": 1.0}) == {"alpha": 1.0}
    objects = LossRegressor(Huber())
    assert with_objects(objects, {"loss__delta": 2.0}) == {"loss__delta": 2.0}
    function = LossRegressor(lambda y_true, y_pred: (y_true - y_pred) ** 2)
    assert type(with_objects(function, {"loss__convex": True})["loss"]) is CustomLoss


@pytest.mark.parametrize(
    "params, message", [({"solver__learning_rate": 1.0}, "solver='auto'"), ({"model__rank": 2}, "model=None")]
)
def test_what_has_no_parameters_says_so(params, message):
    with pytest.raises(ValueError, match=f"{message} has no parameters to set"):
        with_objects(LossRegressor(), params)


def test_a_loss_of_another_task_names_its_estimator():
    loss, solver, model = checked_components(LossClassifier("hinge", solver=SGD(0.5)))
    assert (loss.name, solver.learning_rate, model.name) == ("hinge", 0.5, "linear")
    with pytest.raises(ValueError, match="'hinge' is a classification loss; use LossClassifier.* LossRegressor takes"):
        checked_components(LossRegressor("hinge"))
    with pytest.raises(ValueError, match="'learning_rate' parameter of SGD"):
        checked_components(LossRegressor(solver=SGD(np.nan)))
