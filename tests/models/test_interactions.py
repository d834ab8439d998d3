"""Interactions of pairs of one-hot columns that no training row shows."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_losses import LossClassifier, LossRanker, LossRegressor
from sklearn_losses.models import FactorizationMachine
from sklearn_losses.solvers import Adam

USERS, ITEMS, RANK = 40, 30, 2
MACHINE = FactorizationMachine(rank=4)


def ratings(dtype=np.float64):
    """Every pair of a user and an item as a sparse row, with scores of low rank."""
    rng = np.random.default_rng(0)
    taste, kind = rng.normal(size=(USERS, RANK)), rng.normal(size=(ITEMS, RANK))
    user, item = np.divmod(np.arange(USERS * ITEMS), ITEMS)
    n = len(user)
    columns = np.stack([user, USERS + item], axis=1).ravel()
    X = sparse.csr_matrix((np.ones(2 * n, dtype), columns, np.arange(0, 2 * n + 1, 2)), shape=(n, USERS + ITEMS))
    score = (taste @ kind.T)[user, item] + 0.1 * rng.normal(size=n)
    return X, score, user, rng.random(n) < 0.5


X, SCORE, USER, TRAIN = ratings()
BRIEF = {"random_state": 0, "tol": 0.1, "max_iter": 400, "alpha": 1e-3}
STEPS = {**BRIEF, "model": MACHINE, "solver": Adam(learning_rate=0.01), "max_iter": 100}
# Held-out scores settle earlier.
brief = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def held_out(estimator, y):
    fitted = estimator.fit(X[TRAIN], y[TRAIN])
    return fitted.score(X[~TRAIN], y[~TRAIN])


@brief
@pytest.mark.parametrize("loss", ["mse", "mae", "huber"])
def test_regression(loss):
    line = held_out(LossRegressor(loss, **BRIEF), SCORE)
    machine = held_out(LossRegressor(loss, **STEPS), SCORE)
    assert line < 0.1 and machine > 0.8


@brief
@pytest.mark.parametrize("loss", ["hinge", "cross_entropy"])
def test_two_classes(loss):
    line = held_out(LossClassifier(loss, **BRIEF), SCORE > 0)
    machine = held_out(LossClassifier(loss, **STEPS), SCORE > 0)
    assert line < 0.6 and machine > 0.8


@brief
@pytest.mark.parametrize("loss", ["hinge", "cross_entropy"])
def test_three_classes_with_factors_of_their_own(loss):
    y = np.digitize(SCORE, [-0.5, 0.5])
    line = held_out(LossClassifier(loss, **BRIEF), y)
    machine = LossClassifier(loss, **STEPS).fit(X[TRAIN], y[TRAIN])
    assert line < 0.5 and machine.score(X[~TRAIN], y[~TRAIN]) > line + 0.2
    assert machine.factors_.shape == (3, USERS + ITEMS, 4) and machine.coef_.shape == (3, USERS + ITEMS)


@brief
def test_ranking_the_items_of_a_user():
    relevance = np.digitize(SCORE, [-1.0, 0.0, 1.0]).astype(float)
    scores = []
    for model in (None, MACHINE):
        ranker = LossRanker("ranknet", solver="lbfgs", model=model, **BRIEF).fit(X[TRAIN], relevance[TRAIN], qid=USER[TRAIN])
        scores.append(ranker.score(X[~TRAIN], relevance[~TRAIN], qid=USER[~TRAIN]))
    assert scores[1] > scores[0] + 0.2


@brief
def test_float32_and_dense_rows_give_the_same():
    fit = {"model": MACHINE, "solver": "lbfgs", **BRIEF}
    whole = LossRegressor(**fit).fit(X[TRAIN], SCORE[TRAIN])
    dense = LossRegressor(**fit).fit(X[TRAIN].toarray(), SCORE[TRAIN])
    np.testing.assert_allclose(dense.objective_, whole.objective_, rtol=1e-4)
    single = ratings(np.float32)[0]
    short = LossRegressor(**fit).fit(single[TRAIN], SCORE[TRAIN])
    assert short.predict(single).dtype == short.factors_.dtype == np.float32
    np.testing.assert_allclose(short.objective_, whole.objective_, rtol=1e-2)


@brief
def test_the_penalty_counts_weights_and_factors_and_no_intercept():
    fitted = LossRegressor(**STEPS).fit(X[TRAIN], SCORE[TRAIN])
    squares = np.sum(fitted.coef_**2) + np.sum(fitted.factors_**2)
    assert fitted.objective_ - fitted.loss_ == pytest.approx(0.5 * BRIEF["alpha"] * squares, rel=1e-9)


@brief
def test_the_fit_follows_the_unit_of_the_target():
    fit = {"model": MACHINE, "solver": "lbfgs", "random_state": 0, "max_iter": 400, "tol": 1e-6}
    one, ten = (LossRegressor(**fit).fit(X[TRAIN], unit * SCORE[TRAIN]) for unit in (1.0, 10.0))
    assert ten.objective_ == pytest.approx(100 * one.objective_, rel=0.05)
    assert ten.score(X[~TRAIN], 10 * SCORE[~TRAIN]) == pytest.approx(one.score(X[~TRAIN], SCORE[~TRAIN]), abs=0.05)
