"""Fits of Dask collections end where fits of the same rows in memory do."""

import os
import signal
from functools import partial

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from sklearn_losses import LossClassifier, LossRanker, LossRegressor
from sklearn_losses.losses import CustomLoss

da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")
pandas = pytest.importorskip("pandas")

rng = np.random.default_rng(0)
N, P = 400, 4
X = rng.standard_normal((N, P)) * [1, 20, 0.1, 1] + [0, 50, 0, 1]
LINE = X @ [1, 0.05, 3, -0.5]
REAL = LINE + rng.standard_t(3, N)
COUNTS = rng.poisson(np.exp(0.2 * LINE))
CLASSES = np.array(["low", "middle", "up"])[np.searchsorted([-1, 2], REAL - np.median(REAL))]
WEIGHT = rng.integers(0, 3, N).astype(float)

ROWS = [100, 0, 1, 250, 49]


def chunked(array):
    return da.from_array(array, chunks=(tuple(ROWS), *array.shape[1:]))


def close(one, other):
    np.testing.assert_allclose(one.coef_, other.coef_, rtol=1e-8, atol=1e-8 * np.abs(other.coef_).max())
    np.testing.assert_allclose(one.intercept_, other.intercept_, rtol=1e-8, atol=1e-8)
    assert one.converged_ and other.converged_


CASES = [
    ("mse", REAL, {}),
    ("mse", np.stack([REAL, LINE**2], axis=1), {}),
    ("poisson", COUNTS, {"alpha": 0.01}),
    ("quantile", REAL, {}),
    ("cross_entropy", CLASSES, {}),
    ("cross_entropy", CLASSES == "up", {"class_weight": "balanced"}),
    ("hinge", CLASSES == "low", {}),
]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("loss", "y", "parameters"), CASES, ids=[f"{case[0]}-{np.ndim(case[1])}-{len(case[2])}" for case in CASES]
)
def test_fits_are_those_in_memory(client, loss, y, parameters, weighted):
    make = LossRegressor if y.dtype.kind in "fi" else LossClassifier
    weight = WEIGHT if weighted else None
    there = make(loss, **parameters).fit(chunked(X), chunked(y), sample_weight=chunked(WEIGHT) if weighted else None)
    close(there, make(loss, **parameters).fit(X, y, sample_weight=weight))
    assert there.n_features_in_ == P and there.n_passes_ < 60


@pytest.mark.parametrize("chunks", [(N, P), (7, 2)])
def test_chunks_do_not_matter(client, chunks):
    there = LossRegressor("poisson").fit(da.from_array(X, chunks=chunks), da.from_array(COUNTS, chunks=50))
    close(there, LossRegressor("poisson").fit(X, COUNTS))


def test_sparse_blocks(client):
    rows = np.where(rng.uniform(size=X.shape) < 0.5, X, 0)
    there = LossRegressor("poisson").fit(chunked(rows).map_blocks(sparse.csr_matrix), COUNTS)
    close(there, LossRegressor("poisson").fit(sparse.csr_matrix(rows), COUNTS))


def test_frames(client):
    frame = pandas.DataFrame(X, columns=list("abcd")).assign(y=REAL)
    data = dd.from_pandas(frame, npartitions=3)
    there = LossRegressor().fit(data[list("abcd")], data.y)
    close(there, LossRegressor().fit(frame[list("abcd")], REAL))
    assert list(there.feature_names_in_) == list("abcd")


def test_without_a_client():
    there = LossRegressor("poisson").fit(chunked(X), chunked(COUNTS))
    close(there, LossRegressor("poisson").fit(X, COUNTS))


def many(seed=0, n=40_000):
    """More rows than are gathered to be solved in memory."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((n, P))
    return rows, rows @ [1, -1, 0.5, 0] + rng.standard_t(3, n)


LARGE = [("mse", LossRegressor), ("log_cosh", LossRegressor), ("quantile", LossRegressor)]
LARGE += [("cross_entropy", LossClassifier), ("hinge", LossClassifier)]


@pytest.mark.parametrize(("loss", "make"), LARGE, ids=[loss for loss, _ in LARGE])
def test_sums_over_many_rows(client, loss, make):
    rows, y = many()
    y = y if make is LossRegressor else np.where(y > 0, "yes", "no")
    there = make(loss, alpha=0.01).fit(da.from_array(rows, chunks=(15_000, 2)), da.from_array(y, chunks=15_000))
    close(there, make(loss, alpha=0.01).fit(rows, y))


met = 0


def deadly(y, raw, marker, home):
    """A loss that kills the first process besides `home` that meets it for the fifth time."""
    global met
    if os.getpid() != home and not marker.exists():
        met += 1
        if met == 5:
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    return np.log1p((raw - y) ** 2 / 4) + 0.1 * (raw - y) ** 2


@pytest.mark.slow
def test_a_worker_is_killed_in_the_middle_of_a_fit(client, tmp_path):
    marker = tmp_path / "killed"
    rows, y = many()
    array, targets = da.from_array(rows, chunks=(9_000, P)), da.from_array(y, chunks=9_000)
    loss = CustomLoss(partial(deadly, marker=marker, home=os.getpid()))
    there = LossRegressor(loss, solver="lbfgs", tol=1e-12).fit(array, targets)
    assert marker.exists()
    client.wait_for_workers(2, timeout=100)
    undisturbed = LossRegressor(loss, solver="lbfgs", tol=1e-12).fit(array, targets)
    np.testing.assert_array_equal(there.coef_, undisturbed.coef_)
    close(there, LossRegressor(loss, solver="lbfgs", tol=1e-12).fit(rows, y))


def test_a_failed_fit_leaves_the_estimator_as_it_was(client):
    model = LossRegressor().fit(X, REAL)
    before = dict(vars(model))
    wrong = X.copy()
    wrong[-1, 2] = np.nan
    with pytest.raises(ValueError, match="Row 48 of partition 4 has nan in X"):
        model.fit(chunked(wrong), chunked(REAL))
    with pytest.raises(ValueError, match="needs y"):
        model.fit(chunked(X), None)
    assert vars(model) == before


@pytest.mark.parametrize("solver", ["sgd", "adam", "svrg"])
def test_stochastic_solvers_take_the_steps_of_a_fit_in_memory(client, solver):
    """The batches are the same rows."""
    model = LossRegressor("huber", solver=solver, max_iter=3, random_state=0, tol=0)
    with pytest.warns(ConvergenceWarning):
        there = clone(model).fit(chunked(X / 10), chunked(REAL))
    with pytest.warns(ConvergenceWarning):
        here = clone(model).fit(X / 10, REAL)
    np.testing.assert_allclose(there.coef_, here.coef_, rtol=1e-9)
    np.testing.assert_allclose(there.loss_curve_, here.loss_curve_, rtol=1e-9)


@pytest.mark.parametrize(("loss", "chunks"), [("ranknet", 100), ("squared_pairwise_hinge", 93), ("mse", 60)])
def test_rankings(client, loss, chunks):
    """Queries that a border cuts are made whole."""
    qid = np.repeat(np.arange(40), 10)
    relevance = np.digitize(REAL, np.quantile(REAL, [0.5, 0.8]))
    array, y, ids = (da.from_array(values, chunks=(chunks, *values.shape[1:])) for values in (X, relevance, qid))
    close(LossRanker(loss).fit(array, y, qid=ids), LossRanker(loss).fit(X, relevance, qid=qid))
    if loss == "ranknet":
        with pytest.raises(ValueError, match="Solvers that step on batches take no Dask collection with a ranking loss"):
            LossRanker(loss, solver="sgd").fit(array, y, qid=ids)
