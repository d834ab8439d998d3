"""Mistakes get one clear sentence, and change nothing."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning

from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.losses import CustomLoss, Huber, Quantile
from sklearn_losses.solvers import LBFGS, SGD, Adam

X, Y = load_diabetes(return_X_y=True)
XC, YC = load_iris(return_X_y=True)


def with_entry(array, value):
    array = np.array(array, dtype=float)
    array.flat[3] = value
    return array


REGRESSION = [
    ({"loss": "hubber"}, {}, "Unknown loss 'hubber'. Did you mean 'huber'.* mae, .*mse"),
    ({"solver": "adm"}, {}, "Unknown solver 'adm'. Did you mean 'adam'.* lbfgs"),
    ({"loss": "hinge"}, {}, "'hinge' is a classification loss and LossRegressor takes.*mae.*LossClassifier"),
    ({"loss": Huber}, {}, r"Got the class Huber; write Huber\(\)"),
    ({"loss": 3}, {}, "must be a name or an object"),
    ({"solver": 3}, {}, "must be a name or an object"),
    ({"loss": Huber(-1)}, {}, r"'delta' parameter of Huber must be a float in the range \(0.0, inf\). Got -1"),
    ({"loss": Quantile(1.0)}, {}, r"'quantile' parameter of Quantile must be a float in the range \(0.0, 1.0\)"),
    ({"solver": SGD(learning_rate=0)}, {}, "'learning_rate' parameter of SGD"),
    ({"solver": SGD(schedule="linear")}, {}, "'schedule' parameter of SGD must be 'constant' or 'invscaling' or 'adaptive'"),
    ({"solver": Adam(beta1=1.0)}, {}, "'beta1' parameter of Adam"),
    ({"solver": LBFGS(memory=2.5)}, {}, "'memory' parameter of LBFGS must be an int"),
    (
        {"alpha": -1},
        {},
        r"'alpha' parameter of LossRegressor must be a float in the range \[0.0, inf\) or 'auto'. Got -1 instead",
    ),
    ({"alpha": "1"}, {}, "'alpha' parameter of LossRegressor"),
    ({"alpha": True}, {}, "'alpha' parameter of LossRegressor"),
    ({"l1_ratio": 1.5}, {}, "'l1_ratio' parameter of LossRegressor"),
    ({"max_iter": 0}, {}, "'max_iter' parameter of LossRegressor must be an int"),
    ({"hidden_layer_sizes": (3, 0)}, {}, "'hidden_layer_sizes' parameter"),
    ({"hidden_layer_sizes": "many"}, {}, "'hidden_layer_sizes' parameter"),
    ({"activation": "swish"}, {}, "'activation' parameter of LossRegressor must be 'relu' or"),
    ({"validation_fraction": 1.0, "early_stopping": True}, {}, "'validation_fraction' parameter"),
    ({}, {"sample_weight": -np.ones(len(Y))}, "sample_weight must not be negative"),
    ({}, {"sample_weight": np.zeros(len(Y))}, "sample_weight must contain a weight above zero"),
    ({}, {"sample_weight": with_entry(np.ones(len(Y)), np.nan)}, "sample_weight must be finite"),
    ({}, {"sample_weight": np.ones(3)}, r"sample_weight must have shape \(442,\)"),
    ({}, {"X": with_entry(X, np.nan)}, "NaN"),
    ({}, {"X": with_entry(X, np.inf)}, "infinity"),
    ({}, {"y": with_entry(Y, np.nan)}, "NaN"),
    ({}, {"y": with_entry(Y, np.inf)}, "infinity"),
    ({}, {"y": np.array(["a", "b"] * 221)}, "y has text; use LossClassifier"),
    ({"early_stopping": True}, {"X": X[:1], "y": Y[:1]}, "early_stopping=True cannot hold out"),
]


@pytest.mark.parametrize(("params", "data", "message"), REGRESSION)
def test_regressor(params, data, message):
    model = LossRegressor().fit(X, Y)
    before = dict(vars(model))
    vars(model).update(params)
    with pytest.raises(ValueError, match=message):
        model.fit(data.get("X", X), data.get("y", Y), sample_weight=data.get("sample_weight"))
    assert_same_state(model, {**before, **params})
    fresh = LossRegressor(**params)
    with pytest.raises(ValueError, match=message):
        fresh.fit(data.get("X", X), data.get("y", Y), sample_weight=data.get("sample_weight"))
    assert not [name for name in vars(fresh) if name.endswith("_") or name.startswith("_")]


def assert_same_state(model, before):
    assert list(vars(model)) == list(before)
    assert all(vars(model)[name] is before[name] for name in before)


CLASSIFICATION = [
    ({"loss": "mse"}, {}, "'mse' is a regression loss and LossClassifier takes.*hinge.*LossRegressor"),
    ({}, {"y": np.zeros(150)}, "at least two classes.*one class, 0.0"),
    ({}, {"sample_weight": (YC == 1) * 1.0}, "at least two classes"),
    ({}, {"y": YC + 0.5}, "Unknown label type"),
    ({"class_weight": "even"}, {}, "'class_weight' parameter of LossClassifier must be a dict, 'balanced' or None"),
    ({"class_weight": {0: -1.0}}, {}, "class_weight must not be negative"),
    ({"early_stopping": True}, {"X": XC[48:52], "y": YC[48:52]}, "early_stopping=True cannot hold out"),
]


@pytest.mark.parametrize(("params", "data", "message"), CLASSIFICATION)
def test_classifier(params, data, message):
    model = LossClassifier().fit(XC, YC)
    before = dict(vars(model))
    vars(model).update(params)
    with pytest.raises(ValueError, match=message):
        model.fit(data.get("X", XC), data.get("y", YC), sample_weight=data.get("sample_weight"))
    assert_same_state(model, {**before, **params})


def test_partial_fit():
    model = LossClassifier(solver="sgd")
    with pytest.raises(ValueError, match="needs classes="):
        model.partial_fit(XC, YC)
    with pytest.raises(ValueError, match=r"labels that are not in classes: \[2\]"):
        model.partial_fit(XC, YC, classes=[0, 1])
    with pytest.raises(ValueError, match="at least two labels"):
        model.partial_fit(XC, YC, classes=[0])
    assert not hasattr(model, "classes_")
    model.partial_fit(XC[:100], YC[:100], classes=[0, 1])
    before = dict(vars(model))
    with pytest.raises(ValueError, match=r"labels that are not in classes: \[2\]"):
        model.partial_fit(XC, YC)
    with pytest.raises(ValueError, match="differs from the first call"):
        model.partial_fit(XC[:100], YC[:100], classes=[0, 1, 2])
    with pytest.raises(ValueError, match="features"):
        model.partial_fit(XC[:100, :2], YC[:100])
    assert_same_state(model, before)
    with pytest.raises(ValueError, match="stop early"):
        LossClassifier(solver="sgd", early_stopping=True).partial_fit(XC, YC, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="balance"):
        LossClassifier(solver="sgd", class_weight="balanced").partial_fit(XC, YC, classes=[0, 1, 2])


def test_warm_start_of_another_problem():
    model = LossRegressor(warm_start=True).fit(X, Y)
    before = dict(vars(model))
    with pytest.raises(ValueError, match="layer_sizes=.*use warm_start=False"):
        model.fit(X[:, :3], Y)
    assert_same_state(model, before)
    labels = LossClassifier(warm_start=True).fit(XC, YC)
    with pytest.raises(ValueError, match=r"classes \[1, 2\]"):
        labels.fit(XC[50:], YC[50:])


def test_a_diverging_learning_rate():
    model = LossRegressor(solver=SGD(learning_rate=1e4), random_state=0)
    with pytest.warns(ConvergenceWarning, match="diverged in iteration.*learning_rate") as caught:
        model.fit(X, Y)
    assert caught[0].filename == __file__
    assert np.all(np.isfinite(model.coef_))
    assert np.isfinite(model.loss_)
    assert not model.converged_


def test_max_iter_warns():
    for solver in ("lbfgs", "gd", "newton", "interior_point", "sgd", "adam", "bfgs"):
        loss = "mae" if solver == "interior_point" else "huber"
        with pytest.warns(ConvergenceWarning, match="max_iter=1 iterations.*increase max_iter"):
            model = LossRegressor(loss, solver=solver, max_iter=1).fit(X, Y)
        assert model.n_iter_ == 1
        assert not model.converged_
        assert np.isfinite(model.loss_)


@pytest.mark.filterwarnings("ignore:.*stopped after max_iter:sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver", ["lbfgs", "gd", "sgd", "adam", "newton", "bfgs"])
def test_an_interrupt_keeps_the_best_parameters_and_goes_on(solver):
    calls, last = [], [np.inf]

    def interrupted(y_true, y_pred):
        calls.append(1)
        if len(calls) == last[0] + 1:  # once, as Ctrl-C does
            raise KeyboardInterrupt
        return np.sqrt(1 + (y_true - y_pred) ** 2)

    def hessian(y_true, y_pred):
        return (1 + (y_true - y_pred) ** 2) ** -1.5

    loss = CustomLoss(interrupted, hessian=hessian, convex=True)
    y = (Y - Y.mean()) / Y.std()
    model = LossRegressor(loss, solver=solver, tol=0.0, max_iter=3, n_iter_no_change=100, random_state=0).fit(X, y)
    at_start = np.mean(np.sqrt(1 + (y - np.median(y)) ** 2))
    last[0] = len(calls) - 1  # the same fit, cut off in its last iteration or just after it
    calls.clear()
    model = clone(model).set_params(max_iter=100)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert not model.converged_
    assert 1 <= model.n_iter_ <= 3
    assert model.loss_ < at_start
    assert model.loss_ == pytest.approx(np.mean(np.sqrt(1 + (y - model.predict(X)) ** 2)), rel=1e-12)


def test_an_interrupt_before_the_first_iteration_keeps_the_old_state():
    def at_once(y_true, y_pred):
        raise KeyboardInterrupt

    model = LossRegressor().fit(X, Y)
    before = dict(vars(model))
    model.loss = at_once
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y)
    assert_same_state(model, {**before, "loss": at_once})
