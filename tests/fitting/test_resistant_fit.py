"""Fits that begin with the resistant start: where they end, and what their attributes say."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sklearn_losses import LossClassifier, LossRanker, LossRegressor
from sklearn_losses.fitting.resistant import far_out, notice
from sklearn_losses.losses import (
    AdaptiveBarron,
    Barron,
    Cauchy,
    CVaR,
    Fair,
    GemanMcClure,
    Huber,
    Trimmed,
    Tukey,
    Welsch,
)

TRUTH = np.array([1.0, -1.0, 2.0])


def leverage(n=160, share=0.3, noise=1.0, seed=0):
    """Rows of a plane, and at their end a share of rows far away in X and in y."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 3))
    y = X @ TRUTH + 3 + noise * rng.standard_normal(n)
    bad = round(share * n)
    if bad:
        X[-bad:] = 8 + 0.5 * rng.standard_normal((bad, 3))
        y[-bad:] = -40 + rng.standard_normal(bad)
    return X, y, np.arange(n) >= n - bad


X, Y, BAD = leverage()


@pytest.fixture(scope="module")
def tukey():
    return LossRegressor("tukey").fit(X, Y)


def error(model):
    return np.max(np.abs(model.coef_ - TRUTH))


@pytest.mark.parametrize("loss", [Tukey(), Welsch(), GemanMcClure(), Barron(-2.0), Barron(-np.inf, c=2.0)], ids=repr)
def test_leverage_points_have_no_weight(loss):
    model = LossRegressor(loss).fit(X, Y)
    assert error(model) < 0.3 and model.converged_ and model.start_ == "resistant"
    assert model.row_weights_.shape == (160,) and model.row_weights_.dtype == np.float64
    assert np.max(model.row_weights_[BAD]) < 1e-3 < 0.5 < np.mean(model.row_weights_[~BAD])
    assert np.max(model.row_weights_) <= 1
    beside = LossRegressor(loss.set_params(start="mae")).fit(X, Y)
    assert error(beside) > 1 and beside.start_ == "mae"


@pytest.mark.parametrize("loss", [Cauchy(), Barron(0.0), AdaptiveBarron()], ids=repr)
def test_losses_that_grow_without_bound_resist_a_tenth(loss):
    rows, y, _ = leverage(share=0.1)
    assert error(LossRegressor(loss).fit(rows, y)) < 0.4
    assert error(LossRegressor(loss.set_params(start="mae")).fit(rows, y)) > 1


@pytest.mark.parametrize("solver", ["lbfgs", "gd", "newton", "cg", "adam"])
def test_all_solvers_end_where_newtons_method_does(tukey, solver):
    model = LossRegressor("tukey", solver=solver, random_state=0).fit(X, Y)
    np.testing.assert_allclose(model.coef_, tukey.coef_, atol=0.05 if solver == "adam" else 1e-3)
    assert np.max(model.row_weights_[BAD]) == 0 and model.scale_ == tukey.scale_


def test_the_weights_are_those_of_the_last_step(tukey):
    u = (Y - tukey.predict(X)) / tukey.scale_
    np.testing.assert_allclose(tukey.row_weights_, np.maximum(1 - (u / 4.685) ** 2, 0) ** 2, atol=1e-12)
    rows = np.column_stack([X, np.ones(160)])
    weighted = rows * tukey.row_weights_[:, None]
    again = np.linalg.solve(weighted.T @ rows, weighted.T @ Y)
    np.testing.assert_allclose([*tukey.coef_, tukey.intercept_], again, atol=1e-3)


@pytest.mark.parametrize(
    "loss", [Huber(), Fair(), Huber(scale="joint"), Barron(), AdaptiveBarron(), Tukey() + Huber()], ids=str
)
def test_every_robust_loss_has_row_weights(loss):
    rows, y, bad = leverage(share=0.1)
    rows[bad] /= 8
    model = LossRegressor(loss).fit(rows, y)
    assert np.max(model.row_weights_[bad]) < 0.4 < 0.5 < np.median(model.row_weights_[~bad])
    if isinstance(loss, Huber):
        u = (y - model.predict(rows)) / model.scale_
        np.testing.assert_allclose(model.row_weights_, np.minimum(1, 1.35 / np.maximum(np.abs(u), 1e-300)), atol=1e-9)


@pytest.mark.parametrize("loss", ["mse", "mae", CVaR(Tukey(), 0.5)], ids=str)
def test_other_losses_have_no_row_weights(loss):
    assert not hasattr(LossRegressor(loss).fit(X[:60], Y[:60]), "row_weights_")


def test_each_target_has_a_start_of_its_own(tukey):
    clean = X @ [[1.0], [2.0], [3.0]]
    both = LossRegressor("tukey").fit(X, np.column_stack([100 * Y, clean]))
    np.testing.assert_allclose(both.coef_, [100 * tukey.coef_, [1, 2, 3]], rtol=1e-5)
    np.testing.assert_allclose(both.scale_[0], 100 * tukey.scale_)
    np.testing.assert_allclose(both.row_weights_[:, 0], tukey.row_weights_, atol=1e-5)
    assert both.start_ == ["resistant"] * 2 and np.min(both.row_weights_[:, 1]) > 1 - 1e-6


def test_a_weight_is_a_number_of_copies():
    weight = np.random.default_rng(0).integers(0, 3, 160)
    rows = np.repeat(np.arange(160), weight)
    weighted = LossRegressor("tukey", alpha=0.1).fit(X, Y, weight)
    repeated = LossRegressor("tukey", alpha=0.1).fit(X[rows], Y[rows])
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-7)
    assert weighted.scale_ == pytest.approx(repeated.scale_, rel=1e-9)
    np.testing.assert_allclose(np.repeat(weighted.row_weights_, weight), repeated.row_weights_, atol=1e-9)
    assert not np.any(weighted.row_weights_[weight == 0])


@pytest.mark.parametrize("loss", [Tukey(), Trimmed("mse", 0.6)], ids=str)
def test_rows_held_out_have_weights_too(loss):
    model = LossRegressor(loss, early_stopping=True, random_state=0).fit(X, Y)
    assert np.max(model.row_weights_[BAD]) == 0 and np.mean(model.row_weights_[~BAD]) > 0.8


def test_sparse_rows_are_as_dense_ones(tukey):
    model = LossRegressor("tukey").fit(sparse.csr_array(X), Y)
    np.testing.assert_allclose(model.coef_, tukey.coef_, atol=1e-5)


@pytest.mark.parametrize("model", ["mlp", "factorization_machine"])
def test_a_model_that_is_not_linear_takes_the_scale(model, tukey):
    fitted = LossRegressor("tukey", model=model, max_iter=5, tol=0.1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted.fit(X, Y)
    assert fitted.scale_ == tukey.scale_ and fitted.row_weights_.shape == (160,)


def test_a_scale_that_is_a_number_stays():
    model = LossRegressor(Tukey(scale=1.0)).fit(X, Y)
    assert model.scale_ == 1.0 and model.start_ == "resistant" and error(model) < 0.3


def test_further_starts_resist_as_well(tukey):
    model = LossRegressor(Tukey(n_init=3), random_state=0).fit(X, Y)
    np.testing.assert_allclose(model.coef_, tukey.coef_, atol=1e-3)


def test_the_first_batch_decides_on_the_start():
    model = LossRegressor("tukey", solver="adam", random_state=0).partial_fit(X[::2], Y[::2])
    scale = model.scale_
    model.partial_fit(X[1::2], Y[1::2])
    assert model.scale_ == scale and model.start_ == "resistant" and error(model) < 0.3
    assert not hasattr(model, "row_weights_")


def test_a_warm_start_goes_on_from_a_fit_with_the_same_start(tukey):
    model = LossRegressor(Tukey(start="mae"), warm_start=True).fit(X, Y)
    assert error(model) > 1
    model.set_params(loss__start="resistant").fit(X, Y)
    np.testing.assert_allclose(model.coef_, tukey.coef_, atol=1e-6)
    assert model.fit(X, Y).n_iter_ == 1


# Little noise, none, and penalties.


@pytest.mark.parametrize("alpha", ["auto", 0.0])
def test_a_majority_on_a_plane_is_followed(alpha):
    rows, y, bad = leverage(share=0.4, noise=0.0)
    model = LossRegressor("tukey", alpha=alpha).fit(rows, y)
    np.testing.assert_allclose(model.coef_, TRUTH, rtol=1e-6)
    np.testing.assert_allclose(model.row_weights_, ~bad, atol=1e-3)
    assert model.scale_ < 1e-6


def test_rows_on_one_plane_all_count():
    rows, y, _ = leverage(share=0.0, noise=0.0)
    model = LossRegressor("tukey", alpha=0).fit(rows, y)
    np.testing.assert_allclose(model.coef_, TRUTH, rtol=1e-8)
    assert np.min(model.row_weights_) > 0.999 and model.scale_ > 0.1


@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
def test_leverage_points_have_no_weight_under_absolute_values(l1_ratio):
    model = LossRegressor("tukey", alpha=0.1, l1_ratio=l1_ratio).fit(X, Y)
    good = LossRegressor("mse", alpha=0.2 * len(Y) / np.sum(~BAD), l1_ratio=l1_ratio).fit(X[~BAD], Y[~BAD])
    assert model.start_ == "resistant" and np.max(model.row_weights_[BAD]) == 0
    np.testing.assert_allclose(model.coef_, good.coef_, atol=0.15)


@pytest.mark.parametrize("noise", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("loss", [Tukey(), GemanMcClure()], ids=str)
def test_a_penalty_does_not_draw_the_fit_away(loss, noise):
    """It is about least squares on the rows that are no outliers."""
    rows, y, bad = leverage(share=0.4, noise=noise)
    model = LossRegressor(loss, alpha=0.1).fit(rows, y)
    ridge = LossRegressor("mse", alpha=0.2 * 160 / np.sum(~bad)).fit(rows[~bad], y[~bad])
    np.testing.assert_allclose(model.coef_, ridge.coef_, atol=0.1 if noise < 1 else 0.3)
    assert np.mean(model.row_weights_[~bad]) > 0.5


@pytest.mark.parametrize("factor", [1e-8, 1e8])
def test_any_unit_of_the_target(factor, tukey):
    model = LossRegressor("tukey").fit(X, factor * Y)
    np.testing.assert_allclose(model.coef_, factor * tukey.coef_, rtol=1e-5)
    assert model.scale_ == pytest.approx(factor * tukey.scale_)


def test_a_penalty_of_auto_that_counts_is_seen():
    """Of columns of tiny numbers the weights are huge, and so is what "auto" takes from them."""
    model = LossRegressor("tukey").fit(1e-6 * X[~BAD], Y[~BAD])
    assert model.scale_ > 1.5 * LossRegressor("tukey", alpha=0).fit(1e-6 * X[~BAD], Y[~BAD]).scale_
    assert np.mean(model.row_weights_) > 0.7


# Trimmed.


@pytest.mark.parametrize("inner", ["mse", "mae", "huber"])
def test_trimmed_rows_have_no_weight(inner):
    model = LossRegressor(Trimmed(inner, 0.613)).fit(X, Y)
    assert error(model) < 0.4 and model.start_ == "resistant"
    weights = model.row_weights_
    assert np.max(weights[BAD]) == 0 and weights.sum() == pytest.approx(0.613 * 160)
    assert np.sum((weights > 0) & (weights < 1)) == 1
    losses = np.abs(Y - model.predict(X))
    assert np.max(losses[weights == 1]) <= np.min(losses[weights == 0])
    assert error(LossRegressor(Trimmed(inner, 0.613, start="mae")).fit(X, Y)) > 1


def test_trimmed_rows_of_several_targets():
    model = LossRegressor(Trimmed("mse", 0.6)).fit(X, np.column_stack([Y, -Y]))
    assert model.row_weights_.shape == (160,) and np.max(model.row_weights_[BAD]) == 0
    assert model.start_ == ["resistant"] * 2


def test_trimmed_rows_of_classes_stand_in_the_order_of_the_rows():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((100, 2))
    y = (rows[:, 0] > 0).astype(int)
    y[:5] = 1 - y[:5]
    rows[:5] *= 5
    weight = np.where(np.arange(100) % 10 == 9, 0.0, 1.0)
    model = LossClassifier(Trimmed("cross_entropy", 0.9), alpha=0.1).fit(rows, y, weight)
    assert model.row_weights_.sum() == pytest.approx(81) and not hasattr(model, "start_")
    assert not np.any(model.row_weights_[:5]) and not np.any(model.row_weights_[weight == 0])
    soft = LossClassifier(Trimmed("cross_entropy", 0.9), alpha=0.1).fit(rows, np.eye(2)[y], weight)
    np.testing.assert_array_equal(soft.row_weights_ > 0, model.row_weights_ > 0)


def test_rows_of_queries_have_weights():
    model = LossRanker("tukey").fit(X, Y, qid=np.arange(160) % 7)
    assert np.max(model.row_weights_[BAD]) == 0 and model.start_ == "resistant"


# Where there is no resistant start.


def few(far):
    rows, y = X[:9].copy(), Y[:9]
    rows[0, 0] = 50.0 if far else rows[0, 0]
    return rows, y


@pytest.mark.parametrize("loss", [Tukey(), Trimmed("mse", 0.8)], ids=str)
def test_too_few_rows_are_told_where_a_row_lies_far_out(loss):
    model = LossRegressor(loss)
    with pytest.warns(
        UserWarning, match="LossRegressor: A resistant start needs .* and there are 9 rows for 4 parameters.*start='mae'"
    ) as caught:
        model.fit(*few(far=True))
    assert len(caught) == 1 and caught[0].filename == __file__
    assert model.start_.startswith("mae: A resistant start needs 3 different rows for each ")
    told = LossRegressor(clone(loss).set_params(start="mae")).fit(*few(far=True))
    np.testing.assert_array_equal(model.coef_, told.coef_)
    assert told.start_ == "mae"


def test_too_few_rows_near_each_other_are_not_told():
    model = LossRegressor("tukey").fit(*few(far=False))
    assert model.start_.startswith("mae: A resistant start needs")


def test_what_counts_as_far_out():
    rows = np.random.default_rng(0).uniform(size=(30, 3))
    assert not far_out(rows) and not far_out(rows[:1]) and not far_out(np.zeros((5, 0)))
    rows[3, 1] = 9.0
    assert far_out(rows) and far_out(sparse.csr_array(rows))
    dummies = np.zeros((30, 2))
    dummies[0, 0] = 1.0
    assert not far_out(dummies)
    dummies[1, 0] = 70.0
    assert far_out(dummies)
    assert far_out(sparse.csr_array((10**6, 100)))


@pytest.mark.parametrize("start", [None, "mae", "resistant", ["resistant", "mae"]])
def test_nothing_to_warn_of(start):
    assert notice(start, np.array([[0.0], [1.0], [0.5], [99.0]])) is None


# The parameter.


def test_the_start_is_a_parameter_as_others_are():
    model = LossRegressor("tukey").set_params(loss__start="mae")
    assert repr(model) == "LossRegressor(loss=Tukey(start='mae'))" and clone(model).loss.start == "mae"
    search = GridSearchCV(model, {"loss__start": ["mae", "resistant"]}, scoring="neg_median_absolute_error", cv=2)
    order = np.random.default_rng(0).permutation(160)
    assert search.fit(X[order], Y[order]).best_params_ == {"loss__start": "resistant"}
    with pytest.raises(ValueError, match="The 'start' parameter of Tukey must be 'resistant' or 'mae'. Got 'lts' instead"):
        model.set_params(loss__start="lts").fit(X, Y)


@pytest.mark.parametrize("loss", [Barron(), Barron(1.5), Huber(), "mse"], ids=repr)
def test_convex_losses_have_no_choice_of_a_start(loss):
    assert not hasattr(LossRegressor(loss).fit(X, Y), "start_")


def test_a_loss_of_the_users_own_that_redescends_has_the_start():
    class Own(Tukey):
        def __init__(self, c=4.685, scale="mad"):
            self.c, self.scale = c, scale

    model = LossRegressor(Own()).fit(X, Y)
    assert model.start_ == "resistant" and error(model) < 0.3
