"""Used as scikit-learn's users use estimators, on data that it bundles."""

import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from problems import MAKERS, estimator, outcome, problem
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.ensemble import StackingRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_validate
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.losses import Huber
from sklearn_losses.solvers import Solver

few_iterations = pytest.mark.filterwarnings("ignore:.*stopped after max_iter:sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return X, (y - y.mean()) / y.std()


def pipeline(estimator):
    return Pipeline([("scale", StandardScaler()), ("model", estimator)])


@few_iterations
def test_search_over_loss_and_model_complexity(diabetes):
    grid = {"model__loss": ["mse", "mae", Huber(0.5)], "model__hidden_layer_sizes": [(), (5,)]}
    estimator = pipeline(LossRegressor(max_iter=50, random_state=0))
    search = GridSearchCV(estimator, grid, cv=3, error_score="raise").fit(*diabetes)
    assert len(search.cv_results_["params"]) == 6
    assert np.all(np.isfinite(search.cv_results_["mean_test_score"]))
    assert search.score(*diabetes) > 0.3


def test_search_over_a_losss_parameter_while_it_is_a_name(diabetes):
    grid = {"model__loss": ["huber"], "model__loss__delta": [0.1, 1.0, 100.0]}
    search = GridSearchCV(pipeline(LossRegressor()), grid, cv=3, error_score="raise").fit(*diabetes)
    assert len(set(np.round(search.cv_results_["mean_test_score"], 10))) == 3
    delta = search.best_params_["model__loss__delta"]
    assert search.best_estimator_["model"].loss.delta == delta
    plain = GridSearchCV(LossRegressor("huber"), {"loss__delta": [0.1, 1.0]}, cv=3, error_score="raise").fit(*diabetes)
    assert plain.estimator.loss == "huber"  # the search worked on copies


@few_iterations
def test_search_over_a_solvers_parameter_while_it_is_a_name(diabetes):
    model = LossRegressor(solver="adam", max_iter=30, random_state=0)
    search = GridSearchCV(model, {"solver__learning_rate": [1e-4, 1e-1]}, cv=3, error_score="raise").fit(*diabetes)
    assert search.best_params_["solver__learning_rate"] == 1e-1
    assert model.solver == "adam"


def test_cross_validation_of_several_losses(diabetes):
    scores = {}
    for loss in ("mse", "mae", "huber", "quantile"):
        result = cross_validate(
            pipeline(LossRegressor(loss)), *diabetes, cv=5, scoring=["r2", "neg_mean_absolute_error"], error_score="raise"
        )
        scores[loss] = result["test_neg_mean_absolute_error"].mean()
    assert all(-0.65 < score < -0.5 for score in scores.values())
    assert scores["mae"] == pytest.approx(scores["quantile"], rel=1e-3)


def test_two_jobs_give_the_same(diabetes):
    one, two = (
        cross_validate(pipeline(LossRegressor("mae")), *diabetes, cv=4, n_jobs=jobs, error_score="raise")["test_score"]
        for jobs in (1, 2)
    )
    np.testing.assert_allclose(one, two, rtol=1e-9)


def test_set_output_of_a_pipeline():
    frame, y = load_wine(return_X_y=True, as_frame=True)
    model = make_pipeline(StandardScaler().set_output(transform="pandas"), LossClassifier()).fit(frame, y)
    assert list(model[-1].feature_names_in_) == list(frame.columns)
    assert isinstance(model[0].transform(frame), pd.DataFrame)
    assert model.score(frame, y) > 0.98


SOLVERS = sorted(set(Solver.names()) - {"scipy"})
SOME = ["mse", "mae", "cross_entropy", "ranknet"]
OTHERS = sorted(set(MAKERS) - set(SOME))


# Two iterations will do.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("hidden", [(), (3,)])
@pytest.mark.parametrize(
    ("solver", "names"),
    [
        *((solver, SOME) for solver in SOLVERS),
        *(pytest.param(solver, OTHERS, marks=() if solver == "auto" else pytest.mark.slow) for solver in SOLVERS),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{len(value)} losses",
)
def test_pickles(solver, names, hidden, tmp_path):
    for name in names:
        X, y, more = problem(name, n=50)
        model = estimator(name, solver=solver, hidden_layer_sizes=hidden, max_iter=2, random_state=0)
        said = outcome(model, X, y, **more)
        if hasattr(model, "n_iter_"):
            assert_pickles(model, X, y, more, tmp_path)
        else:
            assert "solver" in said  # refused, with the way out


def assert_pickles(model, X, y, more, folder):
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    joblib.dump(model, folder / "model")
    np.testing.assert_array_equal(joblib.load(folder / "model").predict(X), model.predict(X))
    if hasattr(model, "partial_fit"):
        np.testing.assert_array_equal(again.partial_fit(X, y, **more).predict(X), model.partial_fit(X, y, **more).predict(X))


def test_weights_are_routed_through_a_search(diabetes):
    X, y = diabetes
    weight = np.random.default_rng(0).integers(1, 4, len(y)).astype(float)
    with config_context(enable_metadata_routing=True):
        model = LossRegressor("huber").set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        search = GridSearchCV(model, {"alpha": [1e-3, 1e-1]}, cv=3, error_score="raise").fit(X, y, sample_weight=weight)
        expected = clone(model).set_params(**search.best_params_).fit(X, y, sample_weight=weight)
        np.testing.assert_allclose(search.best_estimator_.coef_, expected.coef_)
        unweighted = clone(model).set_params(**search.best_params_).fit(X, y)
        assert not np.allclose(expected.coef_, unweighted.coef_)


def test_a_calibrated_hinge():
    X, y = load_breast_cancer(return_X_y=True)
    model = make_pipeline(StandardScaler(), CalibratedClassifierCV(LossClassifier("hinge", alpha=0.01), cv=3)).fit(X, y)
    proba = model.predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert model.score(X, y) > 0.96


def test_stacking(diabetes):
    parts = [(loss, pipeline(LossRegressor(loss))) for loss in ("mse", "mae")]
    model = StackingRegressor(parts, final_estimator=Ridge(), cv=3).fit(*diabetes)
    assert model.score(*diabetes) > 0.45


def test_out_of_fold_probabilities():
    X, y = load_wine(return_X_y=True)
    proba = cross_val_predict(pipeline(LossClassifier()), X, y, cv=5, method="predict_proba")
    assert np.mean(proba.argmax(axis=1) == y) > 0.95


def test_repr_and_html():
    model = LossRegressor("huber").set_params(loss__delta=2)
    assert repr(model) == "LossRegressor(loss=Huber(delta=2))"
    assert "Huber" in model._repr_html_()
