"""Mistakes get one clear sentence, and change nothing."""

import math

import numpy as np
import pandas as pd
import pytest
from problems import estimator, outcome, problem
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning

from sklearn_losses import LossClassifier, LossRanker, LossRegressor, MultiQuantileRegressor
from sklearn_losses.losses import CustomLoss, Huber, Loss, Quantile
from sklearn_losses.solvers import LBFGS, SGD, Adam, Solver

X, Y = load_diabetes(return_X_y=True)
XC, YC = load_iris(return_X_y=True)


def with_entry(array, value):
    array = np.array(array, dtype=float)
    array.flat[3] = value
    return array


REGRESSION = [
    ({"loss": "hubber"}, {}, "Unknown loss 'hubber'. Did you mean 'huber'.* mae, .*mse"),
    ({"solver": "adm"}, {}, "Unknown solver 'adm'. Did you mean 'adam'.* lbfgs"),
    ({"loss": "hinge"}, {}, "'hinge' is a classification loss; use LossClassifier for it. LossRegressor takes.*mae"),
    ({"loss": Huber}, {}, r"Got the class Huber; write Huber\(\)"),
    ({"loss": 3}, {}, "must be a name or an object"),
    ({"solver": 3}, {}, "A solver must be a name, such as .adam., or an object with a method minimize. Got 3"),
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
    ({"loss": "mse"}, {}, "'mse' is a regression loss; use LossRegressor for it. LossClassifier takes.*hinge"),
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
    with pytest.raises(ValueError, match="must be those of the first call"):
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
    with pytest.raises(ValueError, match="n_features=.*use warm_start=False"):
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
    # The same fit, cut off about where its last iteration ended: what looks at the end takes the
    # calls of a few more.
    last[0] = len(calls) - 1
    calls.clear()
    model = clone(model).set_params(max_iter=100)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert not model.converged_
    assert 1 <= model.n_iter_ <= 6
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


@pytest.mark.parametrize(
    ("spec", "meant"),
    [
        ("MSE", "mse"), ("mean_squared_error", "mse"), ("neg_mean_squared_error", "mse"), ("mean_absolute_error", "mae"),
        ("Huber", "huber"), ("mean_pinball_loss", "quantile"), ("mean_poisson_deviance", "poisson"),
        ("CrossEntropy", "cross_entropy"), ("binary_crossentropy", "cross_entropy"), ("hinge_loss", "hinge"),
    ],
)  # fmt: skip
def test_names_of_other_libraries_are_understood(spec, meant):
    with pytest.raises(ValueError, match=f"Unknown loss '{spec}'. Did you mean '{meant}'"):
        Loss.make(spec)


@pytest.mark.parametrize(
    ("spec", "meant"), [("L-BFGS", "lbfgs"), ("SGD", "sgd"), ("Adam", "adam"), ("adm", "adam"), ("newton-cholesky", "newton")]
)
def test_names_of_solvers_too(spec, meant):
    with pytest.raises(ValueError, match=f"Unknown solver '{spec}'. Did you mean '{meant}'"):
        Solver.make(spec)


DATES = np.arange(442).astype("datetime64[D]")


@pytest.mark.parametrize(
    "dates", [DATES, DATES - DATES[0], DATES.astype(object), pd.Series(DATES), pd.Series(DATES, dtype="datetime64[ns, UTC]")]
)
def test_dates_are_no_numbers(dates):
    for model in (LossRegressor(), LossRanker("mse"), MultiQuantileRegressor(), LossRegressor(solver="adam", max_iter=1)):
        with pytest.raises(ValueError, match="y holds dates or time spans.*converted to numbers"):
            model.fit(X, dates)
        frame = pd.DataFrame({"a": X[:, 0], "when": np.asarray(dates)})
        with pytest.raises(ValueError, match="X holds dates or time spans"):
            model.fit(frame, Y)


@pytest.mark.parametrize("weight", [np.full(442, 1j), np.ones(442, dtype="timedelta64[s]"), ["heavy"] * 442])
def test_weights_are_real_numbers(weight):
    for model in (LossRegressor(), MultiQuantileRegressor()):
        with pytest.raises(ValueError, match="sample_weight must hold real numbers"):
            model.fit(X, Y, weight)


def test_one_hot_labels_of_whole_numbers_say_what_to_pass():
    codes = np.arange(442) % 3
    one_hot = np.eye(3, dtype=int)[codes]
    with pytest.raises(ValueError, match=r"one-hot.*y.argmax\(axis=1\), or pass y.astype\(float\)"):
        LossClassifier().fit(X, one_hot)
    LossClassifier().fit(X, one_hot.argmax(axis=1))
    LossClassifier().fit(X, one_hot.astype(float))
    with pytest.raises(ValueError, match="takes one label per row.*MultiOutputClassifier"):
        LossClassifier().fit(X, np.stack([codes, codes], axis=1))


def test_the_error_of_a_missing_method_says_why():
    for model in (LossClassifier("hinge"), LossClassifier("hinge").fit(X, Y > 150)):
        assert not hasattr(model, "predict_proba") and not hasattr(model, "predict_log_proba")
        with pytest.raises(AttributeError, match="'hinge' gives no probabilities.*CalibratedClassifierCV"):
            model.predict_proba  # noqa: B018  # the access raises
    for model in (LossRegressor(), LossClassifier(), LossRanker()):
        assert not hasattr(model, "partial_fit")
        with pytest.raises(AttributeError, match="use solver='sgd' or solver='adam'"):
            model.partial_fit  # noqa: B018  # the access raises
    assert hasattr(LossClassifier(solver="sgd"), "partial_fit") and hasattr(LossClassifier(), "predict_proba")


@pytest.mark.filterwarnings("ignore:.*stopped after max_iter:sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver", ["lbfgs", "newton", "gd", "adam"])
def test_verbose_prints_no_nan(solver, capsys):
    LossRegressor(solver=solver, verbose=1, max_iter=3).fit(X, (Y - Y.mean()) / Y.std())
    printed = capsys.readouterr().out
    assert "iteration 1 " in printed and "step" in printed and "nan" not in printed


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix, sparse.csc_array, np.float32], ids=lambda form: form.__name__)
@pytest.mark.parametrize("name", ["mse", "cross_entropy", "ranknet"])
def test_features_that_are_no_numbers(name, form, value):
    X, y, more = problem(name)
    model = estimator(name).fit(X, y, **more)
    before = dict(vars(model))
    X[3, 2] = value
    with pytest.raises(ValueError, match="NaN|infinity"):
        model.fit(form(X), y, **more)
    assert all(vars(model)[key] is before[key] for key in before)
    with pytest.raises(ValueError, match="NaN|infinity"):
        model.predict(form(X))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["mse", "poisson", "cross_entropy", "ranknet"])
def test_targets_that_are_no_numbers(name, value):
    X, y, more = problem(name)
    y = y.astype(float)
    y[3] = value
    with pytest.raises(ValueError, match="NaN|infinity"):
        estimator(name).fit(X, y, **more)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("parameter", ["alpha", "l1_ratio", "tol", "loss__delta", "loss__scale", "solver__learning_rate"])
def test_parameters_that_are_no_numbers(parameter, value):
    X, y, _ = problem("huber")
    model = LossRegressor(Huber(), solver=SGD()).set_params(**{parameter: value})
    with pytest.raises(ValueError, match=f"'{parameter.split('__')[-1]}' parameter of .* must be"):
        model.fit(X, y)


@pytest.mark.parametrize("solver", ["auto", "lbfgs", "gd", "bfgs", "sgd", "adam"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_custom_loss_that_is_no_number_names_the_iteration(solver, value):
    X, _, _ = problem("mse")
    y = 10 * X[:, 0] + X[:, 1]
    assert y.max() > 19

    def broken(y_true, y_pred):
        """The squared error, but no number for predictions that are far from any constant, on the
        way to the optimum.
        """
        return np.where(y_pred > 15, value, (y_true - y_pred) ** 2)

    model = LossRegressor(CustomLoss(broken, convex=True), solver=solver, max_iter=2000, random_state=0)
    said = outcome(model, X, y)
    assert "iteration" in said
    if hasattr(model, "coef_"):
        assert not model.converged_
        assert np.all(np.isfinite(model.coef_)) and np.isfinite(model.objective_)
