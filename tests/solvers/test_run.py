"""`Run`: counting, the last finite point, and when an iteration has settled."""

import numpy as np
import pytest
from scipy.optimize import OptimizeResult

from sklearn_losses.core.status import Status
from sklearn_losses.solvers import Run
from sklearn_losses.solvers.run import spent

START = np.zeros(2)


def run_of(values, max_iter=1000, callback=None):
    run = Run(START, max_iter, callback)
    for number, value in enumerate(values):
        run.record(np.full(2, float(number)), value)
    return run


def test_a_fresh_run_has_no_status():
    run = Run(START, 10, None)
    assert run.status is None and run.value == np.inf and run.history == []


def test_records_are_kept_until_the_limit():
    run = Run(START, 3, None)
    assert [run.record(np.full(2, value), value) for value in (3.0, 2.0, 1.0)] == [False, False, True]
    assert run.status is Status.MAX_ITER and run.history == [3.0, 2.0, 1.0] and run.value == 1.0
    result = run.result(state="kept", gap=0.5)
    assert (result.fun, result.nit, result.state, result.gap) == (1.0, 3, "kept", 0.5)
    assert result.status is Status.MAX_ITER and not result.success and result.message == Status.MAX_ITER.sentence
    assert np.array_equal(result.x, [1.0, 1.0])


def test_many_products_count_as_iterations():
    run = Run(START, 3, None)
    assert not run.record(np.ones(2), 2.0, 25) and run.spent == 2
    assert run.record(np.ones(2), 1.0, 5) and run.status is Status.MAX_ITER
    result = run.result()
    assert result.nit == 2 and spent(result) == 3
    assert spent(OptimizeResult(x=START, nit=4)) == 4


@pytest.mark.parametrize(
    ("params", "value"),
    [(np.zeros(2), np.nan), (np.zeros(2), np.inf), (np.array([0.0, np.nan]), 1.0), (np.full(2, np.inf), 1.0)],
)
def test_what_is_not_finite_ends_the_run_at_the_point_before(params, value):
    run = Run(START, 10, None)
    assert not run.record(np.ones(2), 2.0)
    assert run.record(params, value)
    assert run.status is Status.DIVERGED and run.value == 2.0 and np.array_equal(run.params, [1.0, 1.0])
    assert run.history == [2.0]


def test_the_callback_sees_every_point_and_may_stop():
    seen = []

    def callback(params, value):
        seen.append((params[0], value))
        return len(seen) == 2

    run = Run(START, 2, callback)
    assert not run.record(np.ones(2), 5.0)
    assert run.record(np.full(2, 2.0), 4.0)
    assert seen == [(1.0, 5.0), (2.0, 4.0)]
    assert run.status is Status.CALLBACK  # also where it is the last iteration that is allowed
    assert run.result().success


def test_converged_comes_before_the_limit():
    run = run_of([1.0], max_iter=1)
    run.converged()
    assert run.result().status is Status.CONVERGED


def test_a_run_that_just_ends_has_stalled():
    assert run_of([2.0, 1.0]).result().status is Status.STALLED


def geometric(factor, number=12, rest=1.0):
    return [rest + factor**k for k in range(number)]


def test_decreases_that_shrink_steadily_are_summed_up():
    assert run_of(geometric(0.1)).settled(1e-9)  # 1e-12 is left
    assert not run_of(geometric(0.5)).settled(1e-9)  # 5e-4 is left
    assert run_of(geometric(0.5, number=34)).settled(1e-9)


def test_no_verdict_from_a_few_iterations():
    assert not run_of([1.0] * 5).settled(1e-3)
    assert run_of([1.0] * 6).settled(1e-3)
    assert not run_of([1.0] * 20).settled(1e-3, window=20)
    assert run_of([1.0] * 21).settled(1e-3, window=20)


def test_slow_decreases_count_together():
    slow = [1.0 - 1e-5 * k for k in range(10)]
    assert not run_of(slow).settled(1e-4)
    assert run_of(slow).settled(1e-2)


def test_a_rise_is_no_convergence():
    assert not run_of([1.0] * 6 + [1.0 + 1e-3]).settled(1e-6)


def test_a_value_of_zero_is_measured_by_the_first_one():
    assert run_of([1.0] + [0.0] * 6).settled(1e-6)
    assert not run_of([1.0, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8]).settled(1e-6)


def test_words_of_earlier_versions():
    run = Run(START, 10, None)
    with pytest.warns(FutureWarning, match="Run.message follows from Run.status"):
        assert run.message is None
    with pytest.warns(FutureWarning, match="Run.message"):
        run.message = "stalled"
    assert run.status is Status.STALLED
    with pytest.warns(FutureWarning, match="Run.success follows"):
        assert not run.success
    with pytest.warns(FutureWarning, match="Run.message"):
        run.message = None
    with pytest.warns(FutureWarning, match="Run.success"):
        run.success = True
    assert run.status is Status.CONVERGED
    with pytest.warns(FutureWarning, match="Run.message"):
        run.message = "no such word"
    assert run.status is Status.CONVERGED and run.result().message == "no such word"
