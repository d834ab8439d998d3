"""Files from which a fit goes on that was cut off."""

import errno
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sklearn_losses import Checkpoint, LossClassifier, LossRanker, LossRegressor, make_ranking
from sklearn_losses.fitting.monitor import Monitor
from sklearn_losses.solvers import SGD, Adam

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(150, 4))
Y = X @ [1.0, -2.0, 0.5, 0.0] + RNG.standard_t(3, size=150)
LABELS = (Y > 0).astype(int) + (X[:, 0] > 1)
STEPS = {"solver": SGD(learning_rate=0.01), "random_state": 0, "tol": 0.0, "n_iter_no_change": 99}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "fit.checkpoint"


def cut_off(model, data, after):
    """Fit until an iteration raises an error, as an external one would."""
    record = Monitor.__call__

    def stops(self, params, value):
        stop = record(self, params, value)
        if self.save is not None and self.memory.done == after:
            raise MemoryError("cut off")
        return stop

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Monitor, "__call__", stops)
        with pytest.raises(MemoryError, match="cut off"):
            model.fit(*data)


@pytest.mark.parametrize("spec", [str, Path, lambda path: Checkpoint(path, every=10), lambda path: Checkpoint(str(path), 5)])
def test_what_names_a_checkpoint(spec, path):
    model = LossRegressor(checkpoint=spec(path), max_iter=24, **STEPS).fit(X, Y)
    assert joblib.load(path).n_iter_ == 20 and pickle.loads(path.read_bytes()).n_iter_ == 20
    assert os.listdir(path.parent) == [path.name] and model.n_iter_ == 24 and not model.warm_start


@pytest.mark.parametrize("load", [joblib.load, lambda path: pickle.loads(path.read_bytes())], ids=["joblib", "pickle"])
@pytest.mark.parametrize(
    ("make", "data"),
    [
        (lambda **more: LossRegressor("tukey", **STEPS, **more), (X, Y)),
        (lambda **more: LossRegressor("huber", solver="lbfgs", hidden_layer_sizes=(4,), random_state=0, **more), (X, Y)),
        (lambda **more: LossClassifier("hinge", solver="interior_point", **more), (X, LABELS)),
        (lambda **more: LossClassifier(solver=Adam(0.05), early_stopping=True, random_state=0, **more), (X, LABELS)),
    ],
    ids=["tukey-sgd", "network-lbfgs", "hinge-interior_point", "early-adam"],
)
def test_a_fit_that_was_cut_off_ends_as_an_unbroken_one(make, data, load, path):
    whole = make(max_iter=12).fit(*data)
    model = make(max_iter=12, checkpoint=Checkpoint(path, every=3))
    cut_off(model, data, after=8)
    assert not hasattr(model, "n_iter_")
    again = load(path)
    assert again.n_iter_ == 6 and again.warm_start and not again.converged_
    assert np.isfinite(again.predict(data[0])).all() and again.score(*data) > -np.inf and again.objective_ >= again.loss_
    again.set_params(max_iter=6).fit(*data)
    assert again.n_iter_ == whole.n_iter_ and again.loss_curve_ == whole.loss_curve_ and again.loss_ == whole.loss_
    np.testing.assert_array_equal(again.predict(data[0]), whole.predict(data[0]))
    assert load(path).n_iter_ == whole.n_iter_ // 3 * 3 > 6  # it went on to save itself


def test_rankings(path):
    data = make_ranking(n_queries=20, random_state=0)
    make = {"loss": "listnet", "solver": Adam(0.05), "random_state": 0}
    whole = LossRanker(max_iter=9, checkpoint=Checkpoint(path, 4), **make).fit(*data[:2], qid=data[2])
    again = joblib.load(path)
    assert again.n_iter_ == 8
    np.testing.assert_array_equal(again.set_params(max_iter=1).fit(*data[:2], qid=data[2]).coef_, whole.coef_)


def test_fits_of_initial_estimators_are_not_saved(path):
    LossRegressor("tukey", checkpoint=Checkpoint(path, every=1), max_iter=3, **STEPS).fit(X, Y)
    assert joblib.load(path).solver_ == "sgd" and joblib.load(path).loss == "tukey"


@pytest.mark.parametrize(
    "make",
    [
        lambda **more: LossRegressor("tukey", **STEPS, **more),
        lambda **more: LossRegressor("mae", solver="interior_point", **more),
        lambda **more: LossRegressor("huber", solver="lbfgs", hidden_layer_sizes=(4,), random_state=0, **more),
        lambda **more: LossRegressor("mae", solver="augmented_lagrangian", **more),
        lambda **more: LossRegressor("cauchy", early_stopping=True, random_state=0, solver="adam", **more),
    ],
    ids=["tukey-sgd", "mae-interior_point", "network-lbfgs", "mae-augmented_lagrangian", "early-adam"],
)
def test_the_size_is_that_of_the_parameters(make, path):
    sizes = []
    for rows in (1, 10):
        make(max_iter=2, checkpoint=Checkpoint(path, every=2)).fit(np.tile(X, (rows, 1)), np.tile(Y, rows))
        sizes.append(path.stat().st_size)
    assert sizes[1] <= sizes[0] + 500 < 20_000


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        (lambda folder: folder / "missing" / "file", FileNotFoundError, "there is no folder '.*missing'; make it"),
        (lambda folder: folder, OSError, "is not a regular file, which could be replaced; use the path of a file"),
        (lambda folder: os.devnull, OSError, "is not a regular file"),
        (lambda folder: 3, ValueError, "must be the path of a file.*Got 3 instead"),
        (lambda folder: "", ValueError, "must be the path of a file"),
        (lambda folder: Checkpoint(folder / "file", every=0), ValueError, "The 'every' parameter of Checkpoint must be an int"),
        (
            lambda folder: Checkpoint(folder / "file", every=2.5),
            ValueError,
            "The 'every' parameter of Checkpoint must be an int",
        ),
    ],
)
def test_places_that_cannot_be(spec, error, message, tmp_path):
    model = LossRegressor().fit(X, Y)
    before = dict(vars(model))
    with pytest.raises(error, match=message):
        model.set_params(checkpoint=spec(tmp_path)).fit(np.zeros(3), "neither rows")  # before the rows are looked at
    assert {**vars(model), "checkpoint": None} == before and os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_written_to(path, monkeypatch):
    def refuse(self, **options):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(PermissionError, match=f"no file can be written in '{path.parent}' .Permission denied.; use another"):
        LossRegressor(checkpoint=path).fit(X, Y)


def test_an_estimator_that_cannot_be_pickled(path):
    with pytest.raises(
        ValueError, match="cannot be pickled .*lambda.*; define its functions and classes at the top level of a module"
    ):
        LossRegressor(lambda y_true, y_pred: (y_true - y_pred) ** 2, checkpoint=path).fit(X, Y)


@pytest.mark.parametrize(("solver", "call"), [("adam", "fsync"), ("lbfgs", "fsync"), ("newton", "replace"), ("tnc", "fsync")])
def test_a_full_disk(solver, call, path, monkeypatch):
    model = LossRegressor("log_cosh", solver=solver, checkpoint=Checkpoint(path, every=1), random_state=0, max_iter=9, alpha=0)
    model.fit(X, 2 * Y)
    last, before, real, calls = path.read_bytes(), dict(vars(model)), getattr(os, call), []

    def full(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*arguments)

    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match="could not be written after iteration 2 .No space left on device.; the fit was given up"):
        model.fit(X, Y)
    assert vars(model) == before and os.listdir(path.parent) == [path.name]
    assert joblib.load(path).n_iter_ == 1 and path.read_bytes() != last


def test_links_are_followed(path):
    link = path.with_name("link")
    link.symlink_to(path)
    LossRegressor(checkpoint=Checkpoint(link, 1), max_iter=2, **STEPS).fit(X, Y)
    assert link.is_symlink() and joblib.load(path).n_iter_ == 2


def test_a_plain_parameter(path):
    model = LossRegressor(checkpoint=Checkpoint(path, 1), max_iter=3, **STEPS)
    twin = clone(model)
    assert twin.checkpoint == Checkpoint(path, 1) and repr(twin) == repr(model)
    search = GridSearchCV(model, {"alpha": [0.1, 1.0]}, cv=2).fit(X, Y)
    assert joblib.load(path).alpha == search.best_params_["alpha"]  # the last fit was that of the best
    assert LossRegressor().get_params()["checkpoint"] is None


def test_batches_are_not_saved(path):
    LossRegressor(checkpoint=Checkpoint(path, 1), **STEPS).partial_fit(X, Y)
    assert not path.exists()


def test_other_columns_and_classes(path):
    LossClassifier(checkpoint=Checkpoint(path, 1), solver="adam", max_iter=2).fit(X, LABELS)
    with pytest.raises(ValueError, match="n_features=3, but the last one had 4; use warm_start=False"):
        joblib.load(path).fit(X[:, :3], LABELS)
    with pytest.raises(ValueError, match="has the classes .*use warm_start=False"):
        joblib.load(path).fit(X, LABELS + 1)


CHILD = """
import sys
import numpy as np
sys.path.insert(0, {folder!r})
from test_checkpoint import killed_fit
killed_fit(sys.argv[1])
"""


def killed_fit(path, **options):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 20))
    return LossClassifier(
        hidden_layer_sizes=(10,), solver=Adam(batch_size=30), early_stopping=True, n_iter_no_change=10**6, random_state=0,
        checkpoint=path and Checkpoint(path, every=1), **{"max_iter": 10**6, **options},
    ).fit(X, (X[:, 0] + X[:, 1] * X[:, 2] > 0).astype(int))  # fmt: skip


def test_a_killed_process(path):
    """The file is whole whenever the process ends, and the fit goes on from it."""
    child = subprocess.Popen([sys.executable, "-c", CHILD.format(folder=str(Path(__file__).parent)), str(path)])
    try:
        seen, end = set(), time.monotonic() + 300
        while len(seen) < 4 and time.monotonic() < end and child.poll() is None:
            if path.exists():
                seen.add(joblib.load(path).n_iter_)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert len(seen) == 4
    model = joblib.load(path)
    done = model.n_iter_
    assert done >= max(seen)
    whole = killed_fit(None, max_iter=done + 4)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 20))
    model.set_params(max_iter=4, checkpoint=None).fit(X, (X[:, 0] + X[:, 1] * X[:, 2] > 0).astype(int))
    assert model.n_iter_ == done + 4
    np.testing.assert_allclose(model.loss_curve_, whole.loss_curve_, rtol=1e-9)
    np.testing.assert_allclose(model.predict_proba(X), whole.predict_proba(X), atol=1e-9)
    assert model.best_validation_score_ == pytest.approx(whole.best_validation_score_, rel=1e-9)
