"""A fit, and a change of parameters, happens as a whole or not at all."""

import copy
import inspect
import pickle
import sys

import numpy as np
import pytest
from problems import problem
from sklearn.base import BaseEstimator
from sklearn.linear_model import LinearRegression

from sklearn_losses import LossClassifier, LossRanker, LossRegressor, MultiQuantileRegressor
from sklearn_losses.estimators import base
from sklearn_losses.fitting.monitor import Monitor
from sklearn_losses.losses import CostSensitive, CustomLoss, CVaR, Huber
from sklearn_losses.solvers import SGD

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = X @ [1.0, 2.0, 3.0] + RNG.normal(size=40)
WIDER, NARROW = np.c_[X, X[:, :1] ** 2], X[:, :2]
Q = np.repeat(np.arange(8), 5)


def state(model):
    """What the estimator holds, down to the numbers."""
    return copy.deepcopy(vars(model))


def assert_same(now, before):
    assert now.keys() == before.keys()
    for name, value in before.items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(now[name], value)
        elif isinstance(value, (list, str, float, int, tuple, bool, type(None))):
            np.testing.assert_equal(now[name], value)
        else:
            assert type(now[name]) is type(value)


class Fails:
    """A solver that comes to its end with an error, after the data has been looked at."""

    def minimize(self, objective, params, **options):
        raise RuntimeError("no luck")


FITS = {
    "regressor": (LossRegressor(), {"y": Y}),
    "classifier": (LossClassifier(), {"y": Y > 0}),
    "ranker": (LossRanker(), {"y": np.digitize(Y, [-1, 1]), "qid": Q}),
    "pointwise ranker": (LossRanker("mse"), {"y": Y, "qid": Q}),
    "quantiles": (MultiQuantileRegressor(), {"y": Y}),
}


@pytest.mark.parametrize("name", FITS)
@pytest.mark.parametrize("other", [WIDER, NARROW], ids=["wider", "narrower"])
def test_a_failing_fit_changes_nothing(name, other):
    model, targets = FITS[name]
    model = copy.deepcopy(model).fit(X, **targets)
    model.solver = Fails()
    before = state(model)
    with pytest.raises(RuntimeError, match="no luck"):
        model.fit(other, **targets)
    assert_same(vars(model), before)
    model.solver = "auto"
    np.testing.assert_array_equal(model.predict(X), copy.deepcopy(model).fit(X, **targets).predict(X))


@pytest.mark.parametrize("name", FITS)
def test_a_failing_first_fit_leaves_nothing(name):
    model, targets = FITS[name]
    model = copy.deepcopy(model).set_params(solver=Fails())
    before = state(model)
    with pytest.raises(RuntimeError, match="no luck"):
        model.fit(X, **targets)
    assert_same(vars(model), before)


def test_names_of_columns_go_with_their_fit():
    pandas = pytest.importorskip("pandas")
    named = pandas.DataFrame(X, columns=list("abc"))
    for model in (LossRegressor(), MultiQuantileRegressor()):
        model.fit(named, Y)
        assert list(model.feature_names_in_) == list("abc")
        solver, model.solver = model.solver, Fails()
        with pytest.raises(RuntimeError):
            model.fit(pandas.DataFrame(NARROW, columns=list("xy")), Y)
        assert list(model.feature_names_in_) == list("abc") and model.n_features_in_ == 3
        model.solver = solver
        model.fit(NARROW, Y)
        assert not hasattr(model, "feature_names_in_") and model.n_features_in_ == 2


class Interrupt:
    """A tracer that raises KeyboardInterrupt before line number `at` of one function's run; counts
    them where there is none.
    """

    def __init__(self, function, at=None):
        self.code, self.at, self.lines = inspect.unwrap(function).__code__, at, 0

    def __enter__(self):
        self.before = sys.gettrace()
        sys.settrace(self.call)
        return self

    def __exit__(self, *error):
        sys.settrace(self.before)

    def call(self, frame, event, argument):
        return self.line if frame.f_code is self.code else None

    def line(self, frame, event, argument):
        if event == "line":
            if self.lines == self.at:
                self.lines += 1
                raise KeyboardInterrupt
            self.lines += 1
        return self.line


def interrupted_everywhere(make, fit, function):
    """The estimator after a fit that was cut off before each line of `function`."""
    with Interrupt(function) as counting:
        fit(make())
    assert counting.lines > 1
    for at in range(counting.lines):
        model = make()
        with Interrupt(function, at), pytest.raises(KeyboardInterrupt):
            fit(model)
        yield model


@pytest.mark.parametrize("function", [base.LossEstimator._atomic, base.take_over, base.working_copy])
@pytest.mark.parametrize("name", FITS)
def test_an_interrupt_between_any_two_lines_leaves_the_old_state_or_the_new_one(name, function):
    unfitted, targets = FITS[name]
    if name == "quantiles" and function is base.LossEstimator._atomic:
        function = MultiQuantileRegressor.fit
    old = copy.deepcopy(unfitted).fit(X, **targets)
    new = copy.deepcopy(unfitted).fit(WIDER, **targets)
    ends = []
    for model in interrupted_everywhere(lambda: copy.deepcopy(old), lambda model: model.fit(WIDER, **targets), function):
        end = new if model.n_features_in_ == 4 else old
        ends.append(end is new)
        assert_same(vars(model), vars(end))
    assert ends == sorted(ends) and not ends[0]


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_a_partial_fit_that_is_cut_off_leaves_the_state_of_the_solver(solver):
    calls, last = [], [np.inf]

    def loss(y_true, y_pred):
        calls.append(1)
        if len(calls) == last[0]:
            raise last[1]
        return np.log(np.cosh(y_true - y_pred))

    model = LossRegressor(loss, solver=solver, random_state=0, alpha=1e-3).partial_fit(X, Y)
    straight = copy.deepcopy(model)
    calls.clear()
    straight.partial_fit(X, Y)
    last[:] = len(calls) // 2, RuntimeError("cut off")
    calls.clear()
    before = state(model)
    with pytest.raises(RuntimeError, match="cut off"):
        model.partial_fit(X, Y)
    assert_same(vars(model), before)
    np.testing.assert_array_equal(model.partial_fit(X, Y).coef_, straight.coef_)


def test_after_an_interrupt_batches_go_on_from_the_last_whole_pass():
    passes, record = [0], Monitor.__call__

    model = LossRegressor("mse", solver=SGD(learning_rate=0.01), max_iter=3, tol=0.0, warm_start=True, random_state=0)
    with pytest.warns(Warning, match="max_iter"):
        model.fit(X, Y)
    shorter = copy.deepcopy(model).set_params(max_iter=2)

    def stops(self, params, value):
        record(self, params, value)
        passes[0] += 1
        if passes[0] == 2:
            raise KeyboardInterrupt
        return False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Monitor, "__call__", stops)
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, 100 + Y)
    with pytest.warns(Warning, match="max_iter"):
        shorter.fit(X, 100 + Y)
    np.testing.assert_array_equal(model.coef_, shorter.coef_)
    np.testing.assert_array_equal(model.partial_fit(X, Y).coef_, shorter.partial_fit(X, Y).coef_)


@pytest.mark.parametrize("estimator", [LossRegressor("huber"), LossClassifier(CostSensitive("hinge")), LossRanker("mse")])
@pytest.mark.parametrize(
    "wrong",
    [
        {"alpha": 1.0, "unknown": 2},
        {"alpha": 1.0, "loss__unknown": 2},
        {"alpha": 1.0, "solver": SGD(), "solver__unknown": 2},
        {"loss": "fair", "loss__c": 3.0, "loss__unknown": 2},
        {"loss": "no such loss", "loss__delta": 3.0, "alpha": 1.0},
    ],
)
def test_parameters_are_set_all_or_none(estimator, wrong):
    estimator = copy.deepcopy(estimator)
    before = dict(vars(estimator))
    with pytest.raises(ValueError, match="unknown|Unknown"):
        estimator.set_params(**wrong)
    assert vars(estimator) == before


def test_parameters_of_components_are_set_all_or_none():
    loss, given, solver = CVaR(Huber(delta=2.0), share=0.5), Huber(), SGD(momentum=0.5)
    model = LossRegressor(loss, solver=solver)
    for wrong in (
        {"loss__share": 0.1, "loss__loss__delta": 3.0, "loss__loss__unknown": 1},
        {"solver__momentum": 0.0, "loss__share": 0.1, "loss__unknown": 1},
        {"loss": given, "loss__delta": 9.0, "loss__unknown": 1},
    ):
        with pytest.raises(ValueError, match="unknown"):
            model.set_params(**wrong)
        assert model.loss is loss and (loss.share, loss.loss.delta, solver.momentum) == (0.5, 2.0, 0.5)
        assert given.delta == Huber().delta
    with pytest.raises(ValueError, match="unknown"):
        loss.set_params(share=0.1, unknown=1)
    assert loss.share == 0.5
    assert model.set_params(loss__share=0.2, loss__loss__delta=4.0).loss.loss.delta == 4.0


def test_a_fit_works_on_a_copy():
    seen = []

    def loss(y_true, y_pred):
        seen.append((model.n_features_in_, model.coef_.shape))
        return (y_true - y_pred) ** 2

    model = LossRegressor("mse").fit(X, Y)
    model.set_params(loss=loss).fit(WIDER, Y)
    assert set(seen) == {(3, (3,))} and model.coef_.shape == (4,)
    reference = LinearRegression().fit(WIDER, Y)
    assert isinstance(model, BaseEstimator) and np.corrcoef(model.predict(WIDER), reference.predict(WIDER))[0, 1] > 0.999


@pytest.mark.parametrize("solver", ["auto", "lbfgs", "newton", "gd", "cg", "adam"])
@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
@pytest.mark.filterwarnings("ignore:.*stopped after max_iter:sklearn.exceptions.ConvergenceWarning")
def test_a_fit_that_is_cut_off_anywhere_leaves_a_consistent_state(solver, failure):
    X, y, _ = problem("mse")
    calls, last = [], [np.inf]

    def interrupted(y_true, y_pred):
        calls.append(1)
        if len(calls) == last[0] + 1:  # once: what keeps the last point must be able to evaluate it
            raise failure("cut off")
        return np.log(np.cosh(y_true - y_pred))

    loss = CustomLoss(interrupted, hessian=lambda y_true, y_pred: np.cosh(y_true - y_pred) ** -2.0, convex=True)
    model = LossRegressor(loss, solver=solver, max_iter=5, random_state=0).fit(X, y)
    total, ends = len(calls), set()
    # Most of the calls look for the first intercept; the iterations come at the end.
    for last[0] in [*range(1, total - 12, max(1, total // 6)), *range(max(1, total - 12), total)]:
        cut_off = pickle.loads(pickle.dumps(LossRegressor().fit(X, y)))
        before = dict(vars(cut_off))
        cut_off.set_params(**model.get_params(deep=False))
        calls.clear()
        with pytest.raises(failure):
            cut_off.fit(X, 2 * y)
        old = all(vars(cut_off)[key] is before[key] for key in before if key.endswith("_") or key.startswith("_"))
        ends.add(old)
        if not old:
            assert failure is KeyboardInterrupt and not cut_off.converged_
            residual = 2 * y - cut_off.predict(X)
            assert cut_off.loss_ == pytest.approx(np.mean(np.log(np.cosh(residual))), rel=1e-12)
            assert cut_off.objective_ == pytest.approx(cut_off.loss_ + cut_off.alpha_ / 2 * np.sum(cut_off.coef_**2), rel=1e-9)
    assert ends == ({True} if failure is RuntimeError else {True, False})
