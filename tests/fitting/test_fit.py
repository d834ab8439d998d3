"""A fit as a whole, the fits inside it, and what it warns of."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from sklearn_losses import LossClassifier, LossRanker, LossRegressor, MultiQuantileRegressor
from sklearn_losses.fitting.classification import Classification
from sklearn_losses.fitting.fit import fit_batch, fit_rows, initial_fit
from sklearn_losses.fitting.regression import Regression
from sklearn_losses.fitting.rows import Rows
from sklearn_losses.fitting.settings import Settings
from sklearn_losses.losses import Huber, Loss, Trimmed, Tukey
from sklearn_losses.solvers import SGD, Solver

RNG = np.random.default_rng(2)
X = RNG.normal(size=(40, 3))
Y = X @ [1.0, -2.0, 0.5] + RNG.standard_t(2, size=40)
WEIGHT = RNG.uniform(0.5, 2, 40)
QID = np.repeat(np.arange(8), 5)


def rng():
    return np.random.RandomState(0)


def test_fits_need_no_estimator():
    done = fit_rows(Regression(), Loss.make("mae"), Solver.make("auto"), Rows(X, Y, None), Settings(), rng())
    model = LossRegressor("mae").fit(X, Y)
    user = done.problem.to_user(done.outcome.params)
    np.testing.assert_array_equal(user, [*model.coef_, model.intercept_])
    assert done.outcome.mean_loss == model.loss_ and done.fault is None and done.outcome.solver == model.solver_


def test_a_batch_is_one_pass():
    settings = Settings(max_iter=50)
    done = fit_batch(Regression(), Loss.make("mse"), SGD(), Rows(X, Y, None), settings, rng())
    assert done.outcome.nit == 1 and len(done.outcome.losses) == 1 and done.outcome.state is not None
    assert not done.problem.coordinates.moved


@pytest.mark.parametrize("alpha", ["auto", 0.0])
@pytest.mark.parametrize("weight", [None, WEIGHT / WEIGHT.mean()], ids=["equal", "weighted"])
def test_an_initial_fit_is_that_of_the_estimator_with_its_loss(alpha, weight):
    initial = initial_fit(Regression(), Tukey(start="mae"), Rows(X, Y, weight), Settings(alpha=alpha))
    model = LossRegressor("mae", alpha=alpha).fit(X, Y, weight)
    np.testing.assert_array_equal(initial.params, [*model.coef_, model.intercept_])
    np.testing.assert_array_equal(initial.raw, model.predict(X))


def test_initial_fits_of_several_targets_are_as_if_each_were_alone():
    y = np.stack([Y, 100 * Y**2], axis=1)
    task, rows = Regression((2,)), Rows(X, y, None)
    initial = initial_fit(task, task.bound(Tukey(), rows), rows, Settings())
    for target in (0, 1):
        alone = initial_fit(Regression(), Tukey(), Rows(X, y[:, target], None), Settings())
        np.testing.assert_array_equal(initial.raw[:, target], alone.raw)
        np.testing.assert_array_equal(initial.params.reshape(4, 2)[:, target], alone.params)


def test_a_batch_that_lacks_a_class_has_no_initial_fit():
    task = Classification(np.arange(3), np.arange(3))
    loss = type("Told", (Tukey,), {"initial_estimator": "cross_entropy"})()
    assert initial_fit(task, loss, Rows(X, np.arange(40) % 2, None), Settings()) is None
    assert initial_fit(task, loss, Rows(X, np.arange(40) % 3, None), Settings()).raw.shape == (40, 3)


@pytest.mark.parametrize("loss", [Tukey(), Huber(), Tukey(n_init=2), Trimmed("mae"), "mse"], ids=str)
def test_a_subclass_may_have_a_constructor_of_its_own(loss):
    class Robust(LossRegressor):
        def __init__(self, loss, strength):
            super().__init__(loss, alpha=strength, random_state=0)
            self.strength = strength

    own = Robust(loss, 0.01).fit(X, Y)
    np.testing.assert_array_equal(own.coef_, LossRegressor(loss, alpha=0.01, random_state=0).fit(X, Y).coef_)


WARNING_FITS = {
    "regressor": (LossRegressor(solver="lbfgs", max_iter=1), {"y": Y}),
    "classifier": (LossClassifier(solver="lbfgs", max_iter=1), {"y": Y > 0}),
    "ranker": (LossRanker(solver="lbfgs", max_iter=1), {"y": np.digitize(Y, [-1, 1]), "qid": QID}),
    "quantiles": (MultiQuantileRegressor((0.1, 0.9), solver="lbfgs", max_iter=1), {"y": Y}),
    "trimmed": (LossClassifier(Trimmed("cross_entropy", share=0.5)), {"y": np.arange(40) > 35}),
}


@pytest.mark.parametrize("name", WARNING_FITS)
def test_a_warning_names_the_line_that_called_fit(name):
    model, targets = WARNING_FITS[name]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, **targets)
    assert caught and {warning.filename for warning in caught} == {__file__}
    assert {warning.category for warning in caught} == {ConvergenceWarning}
    assert len(caught) == (2 if name == "quantiles" else 1)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_one_query_is_told_at_the_line_of_the_call(method):
    ranker = LossRanker(solver=SGD(0.01), max_iter=2, tol=10.0, n_iter_no_change=1)
    with pytest.warns(UserWarning, match="was given no qid") as caught:
        getattr(ranker, method)(X, np.digitize(Y, [-1, 1]))
    assert {warning.filename for warning in caught} == {__file__}


def test_a_fit_whose_warning_is_an_error_is_there():
    model = LossRegressor(solver="lbfgs", max_iter=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ConvergenceWarning, match="LossRegressor: solver 'lbfgs' stopped after max_iter=1"):
            model.fit(X, Y)
    assert not model.converged_ and model.predict(X).shape == (40,)


def test_partial_fit_warns_of_no_convergence():
    model = LossRegressor(solver=SGD(1e-4)).partial_fit(X, Y)
    assert not model.converged_ and model.n_iter_ == 1
