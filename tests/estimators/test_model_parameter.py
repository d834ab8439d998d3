"""`model=` of the estimators: names, objects, short forms, nested parameters and what is wrong."""

import pickle
import re

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from sklearn_losses import LossClassifier, LossRanker, LossRegressor, make_ranking
from sklearn_losses.models import MLP, FactorizationMachine, Linear

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = X[:, 0] * X[:, 1] + 0.1 * RNG.normal(size=60)
BRIEF = {"random_state": 0, "max_iter": 20, "tol": 1.0}
brief = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@brief
@pytest.mark.parametrize(
    "short, model",
    [
        ({}, "linear"),
        ({}, Linear()),
        ({"hidden_layer_sizes": (30,)}, "mlp"),
        ({"hidden_layer_sizes": (4, 3), "activation": "tanh"}, MLP((4, 3), activation="tanh")),
        ({"hidden_layer_sizes": 4}, MLP(4)),
    ],
    ids=repr,
)
def test_short_forms(short, model):
    one, other = LossRegressor(**short, **BRIEF).fit(X, Y), LossRegressor(model=model, **BRIEF).fit(X, Y)
    np.testing.assert_array_equal(one.predict(X), other.predict(X))
    assert one.solver_ == other.solver_
    with_classes = [LossClassifier("hinge", **params, **BRIEF).fit(X, Y > 0) for params in (short, {"model": model})]
    np.testing.assert_array_equal(*(fitted.decision_function(X) for fitted in with_classes))
    rows, y, qid = make_ranking(n_queries=5, random_state=0)
    rankers = [LossRanker(**params, **BRIEF).fit(rows, y, qid=qid) for params in (short, {"model": model})]
    np.testing.assert_array_equal(*(ranker.predict(rows) for ranker in rankers))


@brief
def test_alias_and_attributes():
    fitted = LossRegressor(model="fm", **BRIEF).fit(X, Y)
    assert fitted.coef_.shape == (3,) and fitted.factors_.shape == (3, 8) and isinstance(fitted.intercept_, float)
    assert fitted.n_parameters_ == 3 * 9 + 1 and not hasattr(fitted, "coefs_") and not hasattr(fitted, "gradient_norm_")
    several = LossRegressor(model="fm", **BRIEF).fit(X, np.stack([Y, -Y], axis=1))
    assert several.factors_.shape == (2, 3, 8) and several.intercept_.shape == (2,)
    refitted = fitted.set_params(model="linear").fit(X, Y)
    assert not hasattr(refitted, "factors_")


@pytest.mark.parametrize(
    "params, message",
    [
        ({"model": "liner"}, "Unknown model 'liner'. Did you mean 'linear'?"),
        ({"model": "neural network"}, "Did you mean 'mlp'?"),
        ({"model": MLP}, r"Got the class MLP; write MLP\(\)"),
        ({"model": lambda X: X}, "Got the function '<lambda>'; a model of your own is a class derived from"),
        ({"model": LogisticRegression()}, r"must be a name or an object, such as .* Got LogisticRegression\(\)"),
        ({"model": "mlp", "hidden_layer_sizes": (5,)}, r"model=MLP\(hidden_layer_sizes=\(5,\), activation='relu'\). Leave one"),
        ({"model": "mlp", "activation": "tanh"}, r"model=MLP\(hidden_layer_sizes=\(30,\), activation='tanh'\). Leave one"),
        ({"model": FactorizationMachine(rank=0)}, r"'rank' parameter of FactorizationMachine must be an int .* Got 0"),
        ({"model": FactorizationMachine(init_scale=0.0)}, "'init_scale' parameter of FactorizationMachine"),
        ({"model": MLP(())}, "'hidden_layer_sizes' parameter of MLP must name at least one layer; use model='linear'"),
        ({"model": MLP("many")}, "'hidden_layer_sizes' parameter of MLP must be a tuple of ints"),
        ({"model": MLP(activation="step")}, "'activation' parameter of MLP must be 'relu' or"),
        ({"model": "fm", "solver": "newton"}, "solver 'newton' needs a linear model: use model='linear'"),
    ],
    ids=lambda value: re.sub(" at 0x[0-9a-f]+", "", repr(value)),
)
def test_what_is_wrong_is_said(params, message):
    with pytest.raises(ValueError, match=message.replace("?", r"\?")):
        LossRegressor(**params).fit(X, Y)


def test_parameters_of_a_named_model():
    regressor = LossRegressor(model="factorization_machine")
    assert regressor.set_params(model__rank=2) is regressor and regressor.model.rank == 2
    assert LossRegressor().set_params(model="fm", model__rank=3).model.rank == 3
    copied = clone(regressor)
    assert copied.model is not regressor.model and copied.get_params()["model__rank"] == 2
    assert "model=FactorizationMachine(rank=2)" in repr(copied)
    with pytest.raises(ValueError, match="model=None has no parameters to set; name the model"):
        LossRegressor().set_params(model__rank=3)
    with pytest.raises(ValueError, match="Invalid parameter 'depth'"):
        regressor.set_params(model__rank=5, alpha=1.0, model__depth=2)
    assert regressor.model.rank == 2 and regressor.alpha == "auto"


@brief
def test_grids():
    grid = {"model__rank": [1, 2], "loss__delta": [1.0, 2.0]}
    search = GridSearchCV(LossRegressor("huber", model="fm", **BRIEF), grid, cv=2).fit(X, Y)
    assert search.best_params_["model__rank"] in (1, 2) and len(search.cv_results_["params"]) == 4
    models = ["linear", MLP((4,)), "factorization_machine"]
    search = GridSearchCV(LossRegressor(random_state=0, max_iter=300, tol=0.1), {"model": models}, cv=2).fit(X, Y)
    assert search.best_params_["model"] == "factorization_machine"


@brief
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_warm_start_and_pickle(solver):
    fitted = LossClassifier(model="fm", solver=solver, warm_start=True, max_iter=3, random_state=0).fit(X, Y > 0)
    first = fitted.objective_
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    assert again.fit(X, Y > 0).objective_ < first
    with pytest.raises(ValueError, match=r"model=Linear\(\), but the last one had FactorizationMachine\(\); use warm_start"):
        fitted.set_params(model="linear").fit(X, Y > 0)


def test_a_machine_needs_no_intercept_and_bears_large_columns():
    rows = 1e3 + 1e2 * X
    fitted = LossRegressor(model=FactorizationMachine(2), random_state=0, solver="lbfgs", max_iter=3000, tol=0.1).fit(rows, Y)
    assert fitted.score(rows, Y) > 0.5
    without = LossRegressor(model=FactorizationMachine(2), fit_intercept=False, random_state=0, tol=0.1).fit(X, Y)
    assert without.intercept_ == 0.0 and without.score(X, Y) > 0.9
