"""What the estimators promise beyond scikit-learn's own checks."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_linnerud
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.preprocessing import StandardScaler

from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.solvers import SGD, Adam

few_iterations = pytest.mark.filterwarnings("ignore:.*stopped after max_iter:sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return StandardScaler().fit_transform(X), (y - y.mean()) / y.std()


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X), np.array(["setosa", "versicolor", "virginica"])[y]


def test_fitted_attributes_of_a_linear_model(diabetes):
    X, y = diabetes
    model = LossRegressor("huber", alpha=0.01).fit(X, y)
    assert model.coef_.shape == (10,)
    assert isinstance(model.intercept_, float)
    assert not hasattr(model, "coefs_")
    assert model.n_parameters_ == 11
    assert model.n_features_in_ == 10
    assert model.converged_ is True
    assert model.n_iter_ == len(model.loss_curve_) >= 1
    assert model.solver_ == "newton"
    assert model.objective_ == pytest.approx(model.loss_ + 0.01 / 2 * np.sum(model.coef_**2), rel=1e-12)
    assert model.loss_curve_[-1] == pytest.approx(model.objective_, rel=1e-10)
    np.testing.assert_allclose(model.predict(X), X @ model.coef_ + model.intercept_)
    assert not hasattr(model, "validation_scores_")


@few_iterations
def test_fitted_attributes_of_an_mlp(iris):
    X, y = iris
    model = LossClassifier(hidden_layer_sizes=(5, 4), activation="tanh", max_iter=30, random_state=0).fit(X, y)
    assert [w.shape for w in model.coefs_] == [(4, 5), (5, 4), (4, 3)]
    assert [b.shape for b in model.intercepts_] == [(5,), (4,), (3,)]
    assert not hasattr(model, "coef_")
    assert not hasattr(model, "intercept_")
    assert model.n_parameters_ == 4 * 5 + 5 + 5 * 4 + 4 + 4 * 3 + 3
    assert list(model.classes_) == ["setosa", "versicolor", "virginica"]
    hidden = np.tanh(np.tanh(X @ model.coefs_[0] + model.intercepts_[0]) @ model.coefs_[1] + model.intercepts_[1])
    np.testing.assert_allclose(model.decision_function(X), hidden @ model.coefs_[2] + model.intercepts_[2])
    model.set_params(activation="relu")  # what was fitted stays as it was
    np.testing.assert_allclose(model.decision_function(X), hidden @ model.coefs_[2] + model.intercepts_[2])
    linear = clone(model).set_params(hidden_layer_sizes=(), max_iter=100).fit(X, y)
    model.set_params(hidden_layer_sizes=(), max_iter=100).fit(X, y)
    assert not hasattr(model, "coefs_")
    np.testing.assert_array_equal(model.coef_, linear.coef_)


def test_predictions_of_a_classifier(iris):
    X, y = iris
    model = LossClassifier().fit(X, y)
    proba = model.predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), proba)
    np.testing.assert_array_equal(model.predict(X), model.classes_[model.decision_function(X).argmax(axis=1)])
    two = LossClassifier().fit(X[50:], y[50:])
    assert two.decision_function(X).shape == (150,)
    assert two.coef_.shape == (1, 4)
    np.testing.assert_array_equal(two.predict(X) == "virginica", two.decision_function(X) > 0)
    np.testing.assert_allclose(two.predict_proba(X)[:, 1], 1 / (1 + np.exp(-two.decision_function(X))))


def test_log_probabilities_survive_underflow():
    X, y = np.array([[-1.0], [1.0]] * 10), np.array([0, 1] * 10)
    model = LossClassifier(alpha=1e-3).fit(X, y)
    far = model.predict_log_proba([[1e6]])
    assert np.isfinite(far).all()
    assert far[0, 0] == pytest.approx(-model.decision_function([[1e6]])[0], rel=1e-12)


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
def test_no_probabilities_with_a_reason(loss, iris):
    model = LossClassifier(loss).fit(*iris)
    assert not hasattr(model, "predict_proba")
    assert not hasattr(model, "predict_log_proba")
    with pytest.raises(AttributeError) as caught:
        _ = model.predict_proba
    assert "cross_entropy" in str(caught.value)
    assert "CalibratedClassifierCV" in str(caught.value)


def test_partial_fit_needs_batches(diabetes):
    model = LossRegressor(solver="lbfgs")
    assert not hasattr(model, "partial_fit")
    with pytest.raises(AttributeError) as caught:
        _ = model.partial_fit
    assert "solver='sgd'" in str(caught.value)
    assert hasattr(LossRegressor(hidden_layer_sizes=(3,)), "partial_fit")


@few_iterations
@pytest.mark.parametrize(("hidden", "X_factor"), [((), 1.0), ((4,), 1.0), ((), 30.0)])
@pytest.mark.parametrize("solver", [SGD(learning_rate=0.01, batch_size=50, average=True), Adam(batch_size=50, amsgrad=True)])
def test_a_resumed_fit_is_an_unbroken_one(solver, hidden, X_factor, diabetes):
    X, y = X_factor * diabetes[0], diabetes[1]
    params = {"solver": solver, "hidden_layer_sizes": hidden, "random_state": 3, "tol": 0.0, "n_iter_no_change": 100}
    whole = LossRegressor(max_iter=7, **params).fit(X, y)
    parts = LossRegressor(max_iter=4, warm_start=True, **params).fit(X, y).set_params(max_iter=3).fit(X, y)
    np.testing.assert_array_equal(parts.predict(X), whole.predict(X))
    assert parts.loss_curve_ == whole.loss_curve_
    steps = LossRegressor(**params)
    for _ in range(7):
        steps.partial_fit(X, y)
    assert len(steps.loss_curve_) == 7
    # A stream's first batch says nothing of the columns' scale; a whole fit uses it.
    if X_factor == 1.0:
        np.testing.assert_array_equal(steps.predict(X), whole.predict(X))
    else:
        assert np.isfinite(steps.predict(X)).all()


def test_partial_fit_learns_classes_in_any_order(iris):
    X, y = iris
    model = LossClassifier(solver=SGD(learning_rate=0.05), random_state=0)
    for _ in range(30):
        for label in np.unique(y):
            model.partial_fit(X[y == label], y[y == label], classes=np.unique(y))
    assert model.score(X, y) > 0.9
    assert list(model.classes_) == list(np.unique(y))


@pytest.mark.parametrize("solver", ["lbfgs", "newton", "gd", "interior_point"])
def test_warm_start_begins_at_the_last_fit(solver, diabetes):
    X, y = diabetes
    loss = "mae" if solver == "interior_point" else "huber"
    model = LossRegressor(loss, solver=solver, warm_start=True).fit(X, y)
    cold, first = model.n_iter_, model.objective_
    model.fit(X, y)
    assert model.objective_ == pytest.approx(first, rel=1e-9)
    if solver != "interior_point":  # which has to start far from all bounds
        assert model.n_iter_ < cold


def test_early_stopping_keeps_the_best_parameters():
    X, y = load_digits(return_X_y=True)
    X, y = X[:400] / 16, y[:400]
    rng = np.random.default_rng(0)
    noisy = np.where(rng.random(400) < 0.3, rng.integers(0, 10, 400), y)
    model = LossClassifier(
        hidden_layer_sizes=(50,), solver=Adam(learning_rate=0.01), early_stopping=True, validation_fraction=0.25, random_state=0
    ).fit(X, noisy)
    assert model.converged_
    assert len(model.validation_scores_) == model.n_iter_ < 200
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert model.validation_scores_[-1] < model.best_validation_score_
    # Fitting again for just as many epochs as led to the best shows that those parameters were
    # kept.
    best = int(np.argmax(model.validation_scores_)) + 1
    again = clone(model).set_params(max_iter=best, n_iter_no_change=1000)
    with pytest.warns(ConvergenceWarning):
        again.fit(X, noisy)
    np.testing.assert_allclose(again.predict_proba(X), model.predict_proba(X))


def test_class_weight(iris):
    X, y = iris
    X, y = X[30:], y[30:]
    balanced = LossClassifier(class_weight="balanced").fit(X, y)
    counts = {label: np.sum(y == label) for label in np.unique(y)}
    weight = np.array([len(y) / (3 * counts[label]) for label in y])
    by_hand = LossClassifier().fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(balanced.coef_, by_hand.coef_, rtol=1e-8, atol=1e-10)
    both = LossClassifier(class_weight={"setosa": 2.0}).fit(X, y, sample_weight=weight)
    product = LossClassifier().fit(X, y, sample_weight=weight * np.where(y == "setosa", 2.0, 1.0))
    np.testing.assert_allclose(both.coef_, product.coef_, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("loss", ["mse", "mae", "huber"])
def test_the_scale_of_weights_does_not_matter(loss, diabetes):
    X, y = diabetes
    weight = np.random.default_rng(0).uniform(0, 2, len(y))
    weight[::5] = 0
    reference = LossRegressor(loss).fit(X[weight > 0], y[weight > 0], sample_weight=weight[weight > 0])
    for scale in (1e-300, 1.0, 1e300):
        fitted = LossRegressor(loss).fit(X, y, sample_weight=scale * weight)
        np.testing.assert_allclose(fitted.coef_, reference.coef_, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("loss", ["mse", "mae", "huber"])
def test_several_targets_are_single_fits(loss):
    X, Y = load_linnerud(return_X_y=True)
    X, Y = StandardScaler().fit_transform(X), StandardScaler().fit_transform(Y)
    together = LossRegressor(loss, alpha=0.01).fit(X, Y)
    assert together.coef_.shape == (3, 3)
    assert together.intercept_.shape == (3,)
    assert together.predict(X).shape == Y.shape
    for target in range(3):
        # The mean over 3 targets: a third of the loss.
        alone = LossRegressor(loss, alpha=0.03).fit(X, Y[:, target])
        np.testing.assert_allclose(together.coef_[target], alone.coef_, rtol=1e-5, atol=1e-7)
    column = LossRegressor(loss).fit(X, Y[:, :1])
    assert column.predict(X).shape == (20, 1)
    np.testing.assert_allclose(column.predict(X)[:, 0], LossRegressor(loss).fit(X, Y[:, 0]).predict(X))


@few_iterations
@pytest.mark.parametrize("hidden", [(), (4,)])
@pytest.mark.parametrize("loss", ["mse", "mae", "cross_entropy", "hinge"])
def test_sparse_equals_dense(loss, hidden):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((80, 12)) * (rng.random((80, 12)) < 0.3) * 5 + 0.0
    y = X @ rng.standard_normal(12)
    estimator = LossRegressor if loss in ("mse", "mae") else LossClassifier
    y = y if loss in ("mse", "mae") else np.digitize(y, [-2, 2])
    model = estimator(loss, hidden_layer_sizes=hidden, random_state=0, max_iter=100, alpha=0.01)
    dense = clone(model).fit(X, y)
    for form in (sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array, sparse.csc_array):
        other = clone(model).fit(form(X), y)
        assert other.objective_ == pytest.approx(dense.objective_, rel=1e-8)
        np.testing.assert_allclose(other._raw(form(X)), dense._raw(X), rtol=1e-4, atol=1e-6)


@few_iterations
@pytest.mark.parametrize("solver", ["auto", "lbfgs", "sgd", "adam", "gd"])
@pytest.mark.parametrize("hidden", [(), (3,)])
def test_float32_stays_float32(solver, hidden, diabetes):
    X, y = diabetes
    params = {"solver": solver, "hidden_layer_sizes": hidden, "max_iter": 200, "random_state": 0}
    single = LossRegressor(**params).fit(X.astype(np.float32), y.astype(np.float32))
    double = LossRegressor(**params).fit(X, y)
    weights = single.coef_ if not hidden else single.coefs_[0]
    assert weights.dtype == np.float32
    assert single.predict(X.astype(np.float32)).dtype == np.float32
    assert single.loss_ == pytest.approx(double.loss_, rel=1e-3 if not hidden else 0.05)


@pytest.mark.parametrize("solver", ["newton", "lbfgs"])
@pytest.mark.parametrize("condition", [1.0, 1e4])
@pytest.mark.parametrize("classes", [2, 10])
def test_float32_rows_are_solved_to_the_tolerance_of_float64(classes, condition, solver):
    """A start in float32, whose rounding is above tol, and an end in float64: no false alarm, the
    same optimum.
    """
    rng = np.random.default_rng(0)
    X = (rng.standard_normal((3000, 30)) * np.geomspace(1, 1 / condition, 30)).astype(np.float32)
    raw = (X * np.geomspace(1, condition, 30)) @ rng.standard_normal((30, classes))
    y = (raw + 2 * rng.gumbel(size=raw.shape)).argmax(axis=1)
    single = LossClassifier(alpha=1e-4, solver=solver, max_iter=5000).fit(X, y)
    double = LossClassifier(alpha=1e-4, solver=solver, max_iter=5000).fit(X.astype(np.float64), y)
    assert single.converged_ and single.coef_.dtype == np.float32
    assert single.objective_ == pytest.approx(double.objective_, rel=1e-6)


def test_float32_targets_beyond_its_range_for_squares():
    """Targets whose squares overflow float32: the start there is no help, and the end is that of
    float64.
    """
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 3)).astype(np.float32)
    y = 1e25 * (X @ np.ones(3) + 0.1 * rng.standard_normal(200))
    single = LossRegressor(alpha=0.0).fit(X, y)
    double = LossRegressor(alpha=0.0).fit(X.astype(np.float64), y)
    assert single.converged_
    assert single.objective_ == pytest.approx(double.objective_, rel=1e-6)


def test_frames_name_their_features(diabetes):
    X, y = diabetes
    names = [f"feature {index}" for index in range(10)]
    for frame in (pd.DataFrame(X, columns=names), pl.DataFrame(X, schema=names)):
        model = LossRegressor().fit(frame, y)
        # Not every version reads those of polars.
        known = getattr(StandardScaler().fit(frame), "feature_names_in_", ())
        assert list(getattr(model, "feature_names_in_", ())) == list(known)
        np.testing.assert_allclose(model.predict(frame), LossRegressor().fit(X, y).predict(X))
    with pytest.raises(ValueError, match="feature names"):
        LossRegressor().fit(pd.DataFrame(X, columns=names), y).predict(pd.DataFrame(X, columns=names[::-1]))


def test_verbose_prints_iterations(diabetes, capsys):
    LossRegressor(solver="lbfgs", verbose=1).fit(*diabetes)
    assert "[lbfgs]" in capsys.readouterr().out


def test_a_fit_that_diverges_says_so_and_no_more(capsys):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((20, 3)), rng.standard_normal(20)
    with pytest.warns(ConvergenceWarning, match="diverged") as caught:
        LossRegressor("mse", solver=SGD(learning_rate=1e30), verbose=1).fit(X, y)
    # The length of a step that overflows.
    assert len(caught) == 1 and "inf" in capsys.readouterr().out


@pytest.mark.parametrize("rate", [3.0, 1e4])
def test_a_fit_whose_objective_rises_has_not_converged(rate):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((20, 3)), rng.standard_normal(20)
    with pytest.warns(ConvergenceWarning, match="rose from .* lower solver__learning_rate"):
        model = LossRegressor("mse", solver=SGD(learning_rate=rate), max_iter=100).fit(X, y)
    assert not model.converged_


def test_not_fitted():
    with pytest.raises(NotFittedError):
        LossRegressor().predict([[0.0]])


def test_set_params_reaches_losses_and_solvers_by_name():
    model = LossRegressor("huber", solver="adam")
    model.set_params(loss__delta=3, solver__learning_rate=0.1)
    assert model.get_params()["loss__delta"] == 3
    assert model.get_params()["solver__learning_rate"] == 0.1
    assert clone(model).loss.delta == 3
    model.set_params(loss="quantile", loss__quantile=0.2)
    assert model.loss.quantile == 0.2
    with pytest.raises(ValueError, match="Invalid parameter"):
        model.set_params(loss__delta=1)
    with pytest.raises(ValueError, match="solver='auto' has no parameters"):
        LossRegressor().set_params(solver__learning_rate=1)


def test_separable_classes_without_a_penalty_warn():
    X, y = load_iris(return_X_y=True)
    for solver in ("auto", "lbfgs", "gd"):
        with pytest.warns(ConvergenceWarning, match="no minimum"):
            model = LossClassifier(alpha=0, solver=solver).fit(X[:100], y[:100])
        assert not model.converged_


@pytest.mark.parametrize("shift", [1e3, 1e4, 1e8])
@pytest.mark.parametrize("loss", ["cross_entropy", "hinge", "squared_hinge", "huber", "mae", "mse"])
def test_a_shift_of_the_columns_changes_nothing(loss, shift):
    rng = np.random.default_rng(0)
    X = np.round(rng.standard_normal((100, 4)) * 2**10) / 2**10  # exact after the shift
    y = X @ [1.0, -2.0, 0.5, 0.0] + 0.5 * rng.standard_normal(100)
    estimator = LossRegressor if loss in ("huber", "mae", "mse") else LossClassifier
    y = y if estimator is LossRegressor else y > 0
    here, there = estimator(loss).fit(X, y), estimator(loss).fit(X + shift, y)
    assert there.objective_ == pytest.approx(here.objective_, rel=1e-6)
    np.testing.assert_allclose(there.coef_, here.coef_, rtol=1e-4, atol=1e-6)


def test_image_classification():
    X, y = load_digits(return_X_y=True)
    X = X / 16
    for loss in ("cross_entropy", "hinge"):
        linear = LossClassifier(loss, alpha=1e-3, solver="lbfgs").fit(X[:1200], y[:1200])
        assert linear.score(X[1200:], y[1200:]) > 0.9


def test_regularisation_does_not_depend_on_the_batch():
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    exact = LossClassifier(alpha=0.3).fit(X, y)
    for batch_size in (20, 569):
        solver = Adam(learning_rate=0.05, schedule="invscaling", power=0.6, batch_size=batch_size)
        model = LossClassifier(alpha=0.3, solver=solver, max_iter=400, tol=1e-9, random_state=0)
        with pytest.warns(ConvergenceWarning):
            model.set_params(tol=0.0, n_iter_no_change=1000).fit(X, y)
        np.testing.assert_allclose(model.coef_, exact.coef_, atol=5e-3)


@pytest.mark.parametrize("storage", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_a_network_starts_alike_in_all_units(storage):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 3))
    y = X @ [1.0, -1.0, 0.5] + 0.1 * rng.standard_normal(200)
    far = 64.0 * X + 256.0  # powers of two, so that the same start has the same digits
    for model in (LossRegressor(solver="lbfgs"), LossClassifier("exponential", solver="lbfgs")):
        model.set_params(hidden_layer_sizes=(5,), random_state=0, max_iter=1, alpha=0.0)
        targets = y if isinstance(model, LossRegressor) else y > 0
        with pytest.warns(ConvergenceWarning):
            near = model.fit(X, targets).loss_curve_[0]
        with pytest.warns(ConvergenceWarning):
            assert model.fit(storage(far), targets).loss_curve_[0] <= 1.5 * near
