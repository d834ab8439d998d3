"""Fits report to scikit-learn's callbacks where it has them, and print lines everywhere."""

import re
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.solvers import Adam

X, Y = load_diabetes(return_X_y=True)
XC, YC = load_iris(return_X_y=True)
YC = np.array(["one", "two", "three"])[YC]
LINE = r"\[lbfgs\] iteration \d+  objective [-\d.e+]+  step \S+  at most \S+ s left"


def callbacks():
    return pytest.importorskip("sklearn.callback", reason="scikit-learn >= 1.9")


class Recorder:
    """Notes every hook; asks to stop after some iterations."""

    def __init__(self, stop_after=None):
        self.events, self.predictions, self.stop_after = [], [], stop_after

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.events.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None):
        self.events.append(("end", context.task_name, context.task_id))
        if hasattr(fitted_estimator, "predict"):  # in a pipeline, scalers report too
            self.predictions.append(fitted_estimator.predict(X))
            self.metadata = metadata
        return self.stop_after is not None and context.task_name == "iteration" and context.task_id + 1 >= self.stop_after


@pytest.mark.parametrize("solver", ["lbfgs", "newton", "gd", "adam"])
@pytest.mark.parametrize("loss", ["mse", "mae"])
def test_every_task_that_begins_ends(solver, loss):
    callbacks()
    if (solver, loss) == ("newton", "mae"):
        solver = "interior_point"
    recorder = Recorder()
    weight = np.linspace(1, 2, len(Y))
    solver, tol = (Adam(0.05), 1e-2) if solver == "adam" else (solver, 1e-4)
    model = LossRegressor(loss, solver=solver, tol=tol, n_iter_no_change=3).set_callbacks(recorder)
    model.fit(X, Y / 100, sample_weight=weight)
    events = recorder.events
    assert events[:3] == ["setup", ("begin", "fit", 0), ("begin", "iteration", 0)]
    assert events[-2:] == [("end", "fit", 0), "teardown"]
    begun = [event[1:] for event in events if event[0] == "begin"]
    ended = [event[1:] for event in events if event[0] == "end"]
    assert sorted(begun) == sorted(ended)
    # One prediction per iteration and one for the whole fit; the last iteration predicts as the fit
    # does.
    assert model.n_iter_ <= len(recorder.predictions) - 1 == len(model.loss_curve_)
    np.testing.assert_allclose(recorder.predictions[-1], model.predict(X))
    np.testing.assert_array_equal(recorder.metadata["sample_weight"], weight)
    assert not {"_callback_fit_ctx", "_progress"} & set(vars(model))


def test_callbacks_change_nothing():
    callbacks()
    for model in (LossRegressor(), LossRegressor(solver="adam", max_iter=5, tol=10.0, n_iter_no_change=2, random_state=0)):
        plain = clone(model).fit(X, Y / 100)
        watched = clone(model).set_callbacks(Recorder()).fit(X, Y / 100)
        np.testing.assert_array_equal(plain.coef_, watched.coef_)
        assert plain.n_iter_ == watched.n_iter_


def test_a_callback_can_stop_a_fit():
    callbacks()
    model = LossRegressor(solver="lbfgs").set_callbacks(Recorder(stop_after=2)).fit(X, Y)
    assert model.n_iter_ == 2 and not model.converged_
    expected = LossRegressor(solver="lbfgs").fit(X, Y)
    assert expected.n_iter_ > 2 and model.objective_ > expected.objective_


def test_a_failing_fit_tears_down_and_keeps_its_old_state():
    callbacks()
    recorder = Recorder()
    model = LossRegressor().fit(X, Y).set_callbacks(recorder)
    coef = model.coef_.copy()
    with pytest.raises(ValueError, match="alpha"):
        model.set_params(alpha=-1).fit(X, Y)
    assert recorder.events[0] == "setup" and recorder.events[-1] == "teardown"
    np.testing.assert_array_equal(model.coef_, coef)
    assert "_callback_fit_ctx" not in vars(model)
    with pytest.raises(ValueError, match="max_iter"):
        model.set_params(alpha=1, max_iter="many").fit(X, Y)


def test_scoring_monitor_follows_labels_and_early_stopping():
    monitor = callbacks().ScoringMonitor(scoring="accuracy")
    model = LossClassifier(solver=Adam(0.05), early_stopping=True, tol=1.0, n_iter_no_change=3, random_state=0).set_callbacks(
        monitor
    )
    model.fit(XC, YC)
    log = monitor.get_logs().data
    iterations = [row["accuracy"] for row in log if row["task_name"] == "iteration"]
    assert len(iterations) == len(model.loss_curve_)
    assert max(iterations) > iterations[0]
    [whole] = [row["accuracy"] for row in log if row["task_name"] == "fit"]
    assert whole == model.score(XC, YC)


def test_inside_a_pipeline():
    callbacks()
    recorder = Recorder()
    recorder.max_propagation_depth = None
    pipeline = make_pipeline(StandardScaler(), LossRegressor(solver="lbfgs")).set_callbacks(recorder)
    pipeline.fit(X, Y)
    iterations = [event for event in recorder.events if event[:2] == ("end", "iteration")]
    assert len(iterations) == pipeline[-1].n_iter_ + 1  # the last one is empty
    assert recorder.events.count("setup") == recorder.events.count("teardown") == 1


def test_progress_bar_runs():
    pytest.importorskip("rich")
    bar = callbacks().ProgressBar()
    model = LossRegressor(solver="lbfgs").set_callbacks(bar).fit(X, Y)
    assert model.converged_


def test_older_scikit_learn_has_no_callbacks(monkeypatch):
    import importlib

    monkeypatch.setitem(sys.modules, "sklearn.callback", None)
    spec = importlib.util.find_spec("sklearn_losses.fitting.progress")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert not hasattr(module.CallbackSupportMixin, "set_callbacks")

    class Estimator(module.CallbackSupportMixin):
        @module.with_callbacks
        def fit(self, X, y):
            progress = module.Progress(self, self.fit, (X, y))
            progress.begin(lambda: 1 / 0)
            assert progress.iteration(lambda: 1 / 0) is False
            progress.close()
            progress.end()
            return self

    assert Estimator().fit(X, Y)


def test_warnings_name_the_line_of_the_fit():
    with pytest.warns(ConvergenceWarning) as caught:
        LossRegressor(solver="lbfgs", max_iter=1).fit(X, Y)
    assert caught[0].filename == __file__


def test_lines(capsys):
    LossRegressor(solver="lbfgs", verbose=2).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert lines and all(re.fullmatch(LINE, line) for line in lines)
    assert "iteration 2 " in lines[0]
    LossRegressor(solver="lbfgs").fit(X, Y)
    assert capsys.readouterr().out == ""


@pytest.mark.filterwarnings("ignore:.*stopped after max_iter:sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver", ["lbfgs", "newton", "adam"])
def test_an_iteration_begins_with_the_estimator_as_it_is_then(solver):
    callbacks()
    seen = []

    class Looker(Recorder):
        def on_fit_task_begin(self, estimator, context, *, X=None, fitted_estimator=None):
            if context.task_name == "iteration":
                seen.append(fitted_estimator.predict(X))

    recorder = Looker()
    LossRegressor("log_cosh", solver=solver, max_iter=4).set_callbacks(recorder).fit(X, Y / 100)
    assert len(seen) >= 2 and np.ptp(seen[0]) == 0  # the first begins at a constant
    for begun, ended in zip(seen[1:], recorder.predictions, strict=False):
        np.testing.assert_array_equal(begun, ended)
