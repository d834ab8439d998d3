"""A model of a user's own, in at most 40 lines, goes with everything that the package has."""

import inspect
import pickle

import numpy as np
import pytest
from own_models import Fourier, Gated
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from sklearn_losses import LossClassifier, LossRanker, LossRegressor, make_ranking
from sklearn_losses.losses import CostSensitive, CVaR, Huber, Loss, Trimmed
from sklearn_losses.solvers import Solver
from sklearn_losses.testing import check_model

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 3)) * (RNG.random((80, 3)) < 0.8)
Y = np.where(X[:, 0] > 0, 2 * X[:, 1], X[:, 2]) + 0.1 * RNG.normal(size=80)
CODES = np.digitize(Y, np.quantile(Y, [0.4, 0.7]))
MODELS = {"Fourier": Fourier(12), "Gated": Gated()}
BRIEF = {"max_iter": 3, "random_state": 0}
BOTH = pytest.mark.parametrize("model", MODELS.values(), ids=list(MODELS))
# A few iterations do not converge.
brief = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
LOSSES = [(name, maker) for name, maker in sorted(Loss.names().items())]


def positive(loss):
    return np.abs(Y) + 0.1 if getattr(loss, "positive_target", False) else Y


@pytest.mark.parametrize("kind", [Fourier, Gated])
def test_it_is_short_and_keeps_its_promises(kind):
    assert len(inspect.getsource(kind).splitlines()) <= 40
    check_model(kind())


@brief
@BOTH
@pytest.mark.parametrize("name, maker", LOSSES, ids=[name for name, _ in LOSSES])
def test_with_every_loss(name, maker, model):
    loss = maker()
    if loss.task == "ranking":
        rows, relevance, qid = make_ranking(n_queries=8, n_features=3, random_state=0)
        ranker = LossRanker(name, model=model, **BRIEF).fit(rows, relevance, qid=qid)
        assert np.all(np.isfinite(ranker.predict(rows))) and np.isfinite(ranker.loss_)
        return
    estimator, y = (LossRegressor, positive(loss)) if loss.task == "regression" else (LossClassifier, CODES)
    fitted = estimator(name, model=model, **BRIEF).fit(X, y)
    assert np.isfinite(fitted.loss_) and fitted.predict(X).shape == y.shape
    again = clone(fitted).fit(sparse.csr_matrix(X), y)
    assert again.loss_ == pytest.approx(fitted.loss_, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("loss", ["mse", "mae", "huber", "tukey", Huber(scale="joint"), CVaR("mse"), Trimmed("mse")], ids=repr)
def test_columns_of_a_linear_model_are_as_columns_of_the_data(loss):
    """Exact solvers, certificates and standardised columns work on what `columns` returns."""
    own = LossRegressor(loss, model=Fourier(12), alpha=0.01, random_state=0).fit(X, Y)
    plain = LossRegressor(loss, alpha=0.01, random_state=0).fit(Fourier(12).columns(X), Y)
    assert own.converged_ and own.solver_ == plain.solver_ and own.coef_.shape == (12,)
    np.testing.assert_allclose(own.coef_, plain.coef_, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(own.predict(X), plain.predict(Fourier(12).columns(X)), rtol=1e-9, atol=1e-12)
    for name in ("dual_gap_", "gradient_norm_"):
        assert hasattr(own, name) == hasattr(plain, name)


@pytest.mark.parametrize("name", sorted(Solver.names()))
@brief
def test_with_every_solver(name):
    if name in ("newton", "proximal_newton", "interior_point", "augmented_lagrangian"):
        with pytest.raises(ValueError, match="needs a linear model"):
            LossRegressor("mse", model=Gated(), solver=name).fit(X, Y)
        fitted = LossRegressor("mae", model=Fourier(12), solver=name, alpha=0.01, max_iter=500).fit(X, Y)
        assert fitted.loss_ < 0.9 * np.mean(np.abs(Y - np.median(Y)))
        return
    fitted = LossRegressor("mse", model=Gated(), solver=name, max_iter=20, random_state=0).fit(X, Y)
    assert fitted.loss_ < np.var(Y)


@brief
@BOTH
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_warm_start_goes_on(model, solver):
    fitted = LossRegressor("log_cosh", model=model, solver=solver, warm_start=True, max_iter=5, random_state=0).fit(X, Y)
    first = fitted.objective_
    assert fitted.fit(X, Y).objective_ < first
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict(X), fitted.predict(X))
    assert again.fit(X, Y).objective_ == fitted.fit(X, Y).objective_
    with pytest.raises(ValueError, match="n_features=2, but the last one had 3"):
        fitted.fit(X[:, :2], Y)


@brief
def test_partial_fit():
    whole = LossClassifier(model=Gated(), solver="adam", max_iter=4, tol=0, random_state=0).fit(X, CODES)
    parts, plain = (LossClassifier(model=model, solver="adam", random_state=0) for model in (Gated(), None))
    own = LossClassifier(model=Fourier(12), solver="adam", random_state=0)
    for _ in range(4):
        parts.partial_fit(X, CODES, classes=[0, 1, 2])
        own.partial_fit(X, CODES, classes=[0, 1, 2])
        plain.partial_fit(Fourier(12).columns(X), CODES, classes=[0, 1, 2])
    np.testing.assert_allclose(parts.decision_function(X), whole.decision_function(X), rtol=1e-6)
    np.testing.assert_allclose(own.coef_, plain.coef_, rtol=1e-9)
    assert hasattr(LossRegressor(model=Gated()), "partial_fit") and not hasattr(LossRegressor(model=Fourier()), "partial_fit")


@brief
@BOTH
@pytest.mark.parametrize("loss", ["mse", "huber"])
def test_float32(model, loss):
    fitted = LossRegressor(loss, model=model, random_state=0, max_iter=30).fit(X.astype(np.float32), Y)
    assert fitted.predict(X.astype(np.float32)).dtype == np.float32
    whole = LossRegressor(loss, model=model, random_state=0, max_iter=30).fit(X, Y)
    np.testing.assert_allclose(fitted.predict(X.astype(np.float32)), whole.predict(X), rtol=0.05, atol=0.05)


@brief
@pytest.mark.parametrize("loss", ["huber", "tukey", Trimmed("mse", share=0.7), Huber(scale="joint")], ids=repr)
def test_outliers_under_initial_estimators(loss):
    spoiled = np.where(np.arange(80) < 8, 40.0, Y)
    fitted = LossRegressor(loss, model=Gated(), random_state=0, solver="lbfgs", max_iter=300, tol=1e-4).fit(X, spoiled)
    squares = LossRegressor("mse", model=Gated(), random_state=0, solver="lbfgs", max_iter=300, tol=1e-4).fit(X, spoiled)
    assert np.median(np.abs(fitted.predict(X) - Y)[8:]) < 0.5 * np.median(np.abs(squares.predict(X) - Y)[8:])


@brief
@BOTH
def test_several_outputs_and_weights(model):
    both = np.stack([Y, -3 * Y], axis=1)
    fitted = LossRegressor("huber", model=model, **BRIEF).fit(X, both)
    assert fitted.predict(X).shape == both.shape and np.isfinite(fitted.loss_)
    weight = np.where(np.arange(80) < 40, 1.0, 0.0)
    weighted = LossClassifier(CostSensitive("cross_entropy"), model=model, solver="lbfgs", **BRIEF)
    half = clone(weighted).fit(X[:40], CODES[:40])
    weighted.fit(X, CODES, weight)
    np.testing.assert_allclose(weighted.decision_function(X), half.decision_function(X), rtol=1e-5, atol=1e-6)
    balanced = LossClassifier("hinge", model=model, class_weight="balanced", **BRIEF).fit(X, CODES)
    assert set(balanced.predict(X)) <= {0, 1, 2}


@brief
@BOTH
@pytest.mark.parametrize("without", [[0], [0, 1]])
def test_classes_without_weight(model, without):
    weight = np.where(np.isin(CODES, without), 0.0, 1.0)
    codes = np.where(CODES == 2, CODES + (np.arange(80) % 2), CODES)
    fitted = LossClassifier(model=model, warm_start=True, **BRIEF).fit(X, codes, weight)
    kept = weight > 0
    plain = LossClassifier(model=model, **BRIEF).fit(X[kept], codes[kept])
    assert fitted.predict_proba(X).shape == (80, 4) and np.all(fitted.predict_proba(X)[:, without] == 0)
    np.testing.assert_allclose(fitted.predict_proba(X)[:, len(without) :], plain.predict_proba(X), rtol=1e-6)
    assert fitted.fit(X, codes, weight).n_iter_ >= 1


@BOTH
def test_early_stopping_keeps_the_best(model):
    fitted = LossRegressor(
        "mse", model=model, solver="adam", early_stopping=True, n_iter_no_change=3, tol=1.0, random_state=0, max_iter=500
    ).fit(X, Y)
    assert fitted.best_validation_score_ == max(fitted.validation_scores_) and fitted.n_iter_ < 500


def test_parameters_are_an_attribute_by_default():
    fitted = LossRegressor(model=Gated(), random_state=0, tol=1.0).fit(X, Y)
    bound = Gated().bind(3, 1)
    assert fitted.params_.shape == (bound.n_params,) == (7,) and fitted.n_parameters_ == 7
    np.testing.assert_array_equal(fitted.predict(X), bound.predict(fitted.params_, X))


def test_a_model_that_claims_to_be_linear_says_how():
    with pytest.raises(TypeError, match="The model Mine says that it is linear; derive it from LinearModel"):
        type("Mine", (Gated,), {"linear": True})


def test_it_can_have_a_name(monkeypatch):
    monkeypatch.setattr("sklearn_losses.models.Model.registry", dict(Gated.registry))

    class Named(Gated, name="gated_test_model"):
        pass

    with pytest.warns(ConvergenceWarning):
        assert LossRegressor(model="gated_test_model", max_iter=2, random_state=0).fit(X, Y).params_.shape == (7,)
    regressor = LossRegressor(model="gated_test_model").set_params(model__spread=0.5)
    assert isinstance(regressor.model, Named) and regressor.model.spread == 0.5
