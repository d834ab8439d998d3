"""SVRG: a constant learning rate reaches the optimum, and a fit may be cut into pieces."""

import pickle

import numpy as np
import pytest
from scipy import sparse

from sklearn_losses import LossClassifier, LossRanker, LossRegressor, make_ranking
from sklearn_losses.core.batches import Batches
from sklearn_losses.core.penalties import ElasticNet
from sklearn_losses.fitting.parameters import flat_parameters
from sklearn_losses.losses import CrossEntropy
from sklearn_losses.models import Linear
from sklearn_losses.objective import Objective
from sklearn_losses.solvers import SGD, SVRG, Adam, StochasticSolver
from sklearn_losses.testing import check_solver

N, P, ALPHA = 200, 5, 0.1


def sample(seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N, P))
    return X, (X @ rng.normal(size=P) + rng.normal(size=N) > 0).astype(int)


def logistic(l1_ratio=0.0):
    X, y = sample()
    model = Linear().bind(P, 1)
    return Objective(CrossEntropy(), model, ElasticNet(ALPHA, l1_ratio, model.weights()), Batches(X, y))


def distances(solver, epochs, lowest):
    """How far the objective is from its minimum after each epoch."""
    objective, seen = logistic(), []

    def callback(params, value):
        seen.append(objective.value(params) - lowest)
        return False

    solver.minimize(objective, np.zeros(P + 1), max_iter=epochs, tol=0.0, callback=callback, rng=np.random.RandomState(0))
    return np.array(seen)


@pytest.fixture(scope="module")
def minimum():
    """By Newton's method, written here."""
    X, y = sample()
    A, ridge, w = np.hstack([X, np.ones((N, 1))]), np.append(np.full(P, ALPHA), 0.0), np.zeros(P + 1)
    for _ in range(20):
        p = 1 / (1 + np.exp(-A @ w))
        gradient = A.T @ (p - y) / N + ridge * w
        w -= np.linalg.solve((A.T * (p * (1 - p))) @ A / N + np.diag(ridge), gradient)
    raw = A @ w
    assert np.abs(gradient).max() < 1e-14
    return w, np.mean(np.logaddexp(0, raw) - y * raw) + 0.5 * ridge @ w**2


@pytest.mark.parametrize("snapshot_every", [1, 2])
def test_a_constant_rate_converges_linearly(minimum, snapshot_every):
    lowest = minimum[1]
    svrg = distances(SVRG(learning_rate=0.5, batch_size=10, snapshot_every=snapshot_every), 40, lowest)
    assert svrg[-1] <= 1e-13
    # By the same factor over and over, down to where rounding ends it.
    before = svrg[svrg > 1e-11]
    assert len(before) >= 6 and np.all(before[2:] <= 0.5 * before[:-2])
    sgd = distances(SGD(learning_rate=0.5, momentum=0.0, batch_size=10), 40, lowest)
    assert sgd[-10:].min() >= 1e-5  # it moves around the optimum


def test_the_noise_of_a_step_vanishes_at_the_optimum(minimum):
    objective, noise = logistic(), []

    class Watched(SVRG):
        def step(self, state, gradient, rate, objective, estimate):
            exact = objective.value_and_gradient(state.params)[1]
            before, plain = state.params.copy(), gradient - exact
            super().step(state, gradient, rate, objective, estimate)
            noise.append([np.sum(plain**2), np.sum(((before - state.params) / rate - exact) ** 2)])

    solver = Watched(learning_rate=0.5, batch_size=10)
    solver.minimize(objective, np.zeros(P + 1), max_iter=20, tol=0.0, rng=np.random.RandomState(0))
    plain, reduced = np.array(noise).reshape(20, -1, 2).mean(axis=1).T
    assert plain[-1] >= 0.1 * plain[0]
    assert reduced[-1] <= 1e-12 * plain[-1]


def test_the_first_step_after_a_snapshot_is_a_full_one():
    objective = logistic()
    found = SVRG(learning_rate=0.3, batch_size=N - 1).minimize(
        objective, np.zeros(P + 1), max_iter=1, tol=0.0, rng=np.random.RandomState(0)
    )
    first = -0.3 * objective.value_and_gradient(np.zeros(P + 1))[1]
    # The second batch has one row; its correction is computed here from the formula of the logistic
    # loss.
    X, y = sample()
    row = np.random.RandomState(0).permutation(N)[-1]
    a = np.append(X[row], 1.0)
    change = a * (1 / (1 + np.exp(-a @ first)) - 0.5) + np.append(np.full(P, ALPHA), 0.0) * first
    np.testing.assert_allclose(found.x, first - 0.3 * (change - first / 0.3), rtol=1e-10, atol=1e-14)


def test_zeros_of_an_l1_penalty_are_exact():
    X, y = sample()
    X = np.hstack([X, np.random.default_rng(1).normal(size=(N, 20))])
    options = {"alpha": 0.05, "l1_ratio": 1.0}
    exact = LossClassifier(**options).fit(X, y)
    fitted = LossClassifier(solver=SVRG(0.3), tol=1e-12, max_iter=400, random_state=0, **options).fit(X, y)
    assert 0 < np.sum(exact.coef_ == 0) < 25
    assert np.array_equal(fitted.coef_ == 0, exact.coef_ == 0)
    np.testing.assert_allclose(fitted.coef_, exact.coef_, atol=1e-8)


FITS = {
    "linear": (LossClassifier, {"loss": "cross_entropy"}),
    "rare snapshots": (LossClassifier, {"solver__snapshot_every": 3}),
    "invscaling": (LossClassifier, {"solver__schedule": "invscaling"}),
    "l1": (LossClassifier, {"l1_ratio": 0.5, "alpha": 0.01}),
    "kinks": (LossClassifier, {"loss": "hinge"}),
    "network": (LossClassifier, {"hidden_layer_sizes": (4,)}),
    "regression": (LossRegressor, {"loss": "huber"}),
}


@pytest.mark.parametrize("name", FITS)
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_partial_fits_are_one_unbroken_fit(name, kind):
    maker, params = FITS[name]
    X, y = sample()
    X = kind(X)
    whole, parts = (
        maker(solver="svrg", max_iter=5, tol=0.0, n_iter_no_change=100, random_state=0).set_params(**params) for _ in range(2)
    )
    with pytest.warns(UserWarning, match="max_iter=5"):
        whole.set_params(solver__learning_rate=0.01).fit(X, y)
    parts.set_params(solver__learning_rate=0.01, warm_start=True, max_iter=1)
    for _ in range(5):
        with pytest.warns(UserWarning, match="max_iter=1"):
            parts.fit(X, y)
        parts = pickle.loads(pickle.dumps(parts))
    one, other = (flat_parameters(model._targets, model._model, vars(model)) for model in (parts, whole))
    np.testing.assert_allclose(one, other, rtol=1e-12)
    assert parts.loss_curve_ == pytest.approx(whole.loss_curve_, rel=1e-12)


def test_a_stream_of_parts_has_no_stale_snapshot():
    """With a snapshot from other rows the steps would lead elsewhere, however long the
    stream is.
    """
    X, y = sample()
    exact = LossClassifier(alpha=ALPHA).fit(X, y)
    streamed = LossClassifier(alpha=ALPHA, solver=SVRG(0.02, snapshot_every=1000), random_state=0)
    for turn in range(400):
        part = slice(100 * (turn % 2), 100 * (turn % 2) + 100)
        streamed.partial_fit(X[part], y[part], classes=[0, 1])
    np.testing.assert_allclose(streamed.coef_, exact.coef_, atol=0.05)


def test_sparse_rows_take_the_same_steps():
    X, y = sample()
    X[np.abs(X) < 0.5] = 0
    dense, thin = (LossClassifier(solver="svrg", random_state=0).fit(rows, y) for rows in (X, sparse.csr_array(X)))
    np.testing.assert_allclose(dense.coef_, thin.coef_, rtol=1e-8, atol=1e-10)


def test_float32_rows():
    X, y = sample()
    fitted = LossClassifier(solver="svrg", random_state=0, alpha=ALPHA).fit(X.astype(np.float32), y)
    exact = LossClassifier(alpha=ALPHA).fit(X, y)
    assert fitted.coef_.dtype == np.float32
    np.testing.assert_allclose(fitted.coef_, exact.coef_, atol=1e-2)


def test_networks_rankings_and_early_stopping():
    X, y = sample()
    deep = LossClassifier(solver="svrg", hidden_layer_sizes=(8,), early_stopping=True, random_state=0).fit(X, y)
    assert deep.score(X, y) > 0.75 and len(deep.validation_scores_) == deep.n_iter_
    X, y, qid = make_ranking(n_queries=30, random_state=0)
    assert (
        LossRanker("ranknet", solver="svrg", alpha=0.01, tol=1e-2, random_state=0).fit(X, y, qid=qid).score(X, y, qid=qid) > 0.8
    )


def test_it_keeps_the_promises_of_a_solver():
    check_solver(SVRG())
    check_solver(SVRG(snapshot_every=4, batch_size=10))
    with pytest.raises(ValueError, match="'snapshot_every' parameter of SVRG must be an int"):
        LossRegressor(solver=SVRG(snapshot_every=0)).fit([[0.0], [1.0]], [0.0, 1.0])


def plain_steps():
    """A class with the `step` of earlier versions."""

    class Plain(StochasticSolver):
        def __init__(self, learning_rate=0.05, schedule="constant", power=0.5, batch_size=32):
            self.learning_rate, self.schedule, self.power, self.batch_size = learning_rate, schedule, power, batch_size

        def step(self, state, gradient, rate, objective):
            state.params -= rate * gradient

    return Plain


def test_a_step_of_earlier_versions_still_works():
    with pytest.warns(FutureWarning, match=r"Plain.step must take \(state, gradient, rate, objective, estimate\) now"):
        plain = plain_steps()
    X, y = sample()
    ours, theirs = (LossClassifier(solver=solver, random_state=0).fit(X, y) for solver in (SGD(0.05, momentum=0.0), plain()))
    np.testing.assert_array_equal(ours.coef_, theirs.coef_)


def test_a_step_that_goes_on_to_that_of_a_parent():
    with pytest.warns(FutureWarning, match="Clipped.step"):

        class Clipped(Adam):
            def step(self, state, gradient, rate, objective):
                super().step(state, np.clip(gradient, -1, 1), rate, objective)

    class Noisy(SGD):
        def step(self, *arguments):
            super().step(*arguments)

    X, y = sample()
    for solver in (Clipped(0.01), Noisy()):
        assert LossClassifier(solver=solver, alpha=ALPHA, tol=1e-4, random_state=0).fit(X, y).score(X, y) > 0.7


def test_begin_epoch_is_called_once_for_each_pass():
    calls = []

    class Counts(SGD):
        def begin_epoch(self, state, objective):
            calls.append((state.steps, objective.n_rows))

    objective = logistic()
    Counts(batch_size=50).minimize(objective, np.zeros(P + 1), max_iter=3, tol=0.0, rng=np.random.RandomState(0))
    assert calls == [(0, N), (4, N), (8, N)]


@pytest.mark.parametrize("every", [1, 2])
def test_a_call_that_goes_on_makes_one_pass_over_all_rows(monkeypatch, every):
    """For the gradient of a new snapshot, or of the old one on rows that may be others."""
    objective, solver, passes = logistic(), SVRG(0.1, snapshot_every=every), []
    options = {"max_iter": 1, "tol": 0.0, "rng": np.random.RandomState(0)}
    first = solver.minimize(objective, np.zeros(P + 1), **options)
    evaluate = Objective.value_and_gradient
    monkeypatch.setattr(Objective, "value_and_gradient", lambda self, params: passes.append(1) or evaluate(self, params))
    solver.minimize(objective, first.x, state=first.state, **options)
    assert len(passes) == 1
