"""Blocks of rows on threads: the same numbers, in the same order, whatever the number of
threads.
"""

import os
import signal
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest
from scipy import sparse
from threadpoolctl import threadpool_info, threadpool_limits

from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.core import threads
from sklearn_losses.core.threads import block_threads, each
from sklearn_losses.losses import Loss


def blas_threads():
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_results_come_in_order_from_several_threads():
    both = threading.Barrier(2, timeout=20)

    def square(number):
        if number < 2:
            both.wait()  # passes only where two run at the same time
        return number**2

    with threadpool_limits(2, "blas"), block_threads():
        assert list(each(square, list(range(200)))) == [number**2 for number in range(200)]


def test_blas_has_one_thread_inside_and_its_own_after():
    with threadpool_limits(2, "blas"):
        before = blas_threads()
        with block_threads():
            assert set(blas_threads()) == {1}
            with block_threads():
                assert list(each(abs, [-1, -2, -3])) == [1, 2, 3]
        assert blas_threads() == before
        with pytest.raises(ZeroDivisionError), block_threads():
            list(each(lambda number: 1 / number, [1, 0]))
        assert blas_threads() == before


@pytest.mark.parametrize("storage", [np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])
@pytest.mark.parametrize("loss", ["mae", "huber", "hinge", "cross_entropy"])
def test_the_number_of_threads_changes_no_bit(loss, storage):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30_000, 12))
    made = LossRegressor if Loss.make(loss).task == "regression" else LossClassifier
    score = X @ rng.standard_normal(12) + rng.standard_t(2, len(X))
    y = score if made is LossRegressor else score > 0
    fits = []
    for number in (1, 2):
        with threadpool_limits(number, "blas"):
            fits.append(made(loss, alpha=1e-3).fit(storage(X), y))
    np.testing.assert_array_equal(fits[0].coef_, fits[1].coef_)
    assert fits[0].objective_ == fits[1].objective_


def in_thread(work):
    """What `work` returns in a thread of its own."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result(timeout=60)


def blas_inside():
    with block_threads():
        return set(blas_threads())


def test_blas_has_one_thread_in_a_fit_of_any_thread():
    # threadpoolctl 3.8 ignores what a thread sets once another one has set a number, as the first
    # line here does.
    with threadpool_limits(2, "blas"):
        assert in_thread(blas_inside) == {1}
        assert blas_inside() == {1}
        assert in_thread(blas_inside) == {1}
        assert set(blas_threads()) == {2}


@contextmanager
def fit_elsewhere():
    """A fit that lasts in another thread; gives the function that ends it."""
    begun, over = threading.Event(), threading.Event()

    def fit():
        with block_threads():
            begun.set()
            assert over.wait(60)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(fit)
        assert begun.wait(60)

        def end():
            over.set()
            running.result(timeout=60)

        try:
            yield end
        finally:
            end()


def test_the_limit_lasts_while_any_fit_runs():
    with threadpool_limits(2, "blas"):
        with fit_elsewhere() as end_first:
            with fit_elsewhere() as end_second:
                assert set(blas_threads()) == {1}
                end_first()
                assert set(blas_threads()) == {1}
                with block_threads():
                    end_second()
                    assert set(blas_threads()) == {1}
            assert set(blas_threads()) == {2}
        assert set(blas_threads()) == {2}


def test_a_number_that_someone_sets_during_a_fit_stays():
    with threadpool_limits(3, "blas"):
        with block_threads():
            threadpool_limits(2, "blas")
        assert set(blas_threads()) == {2}


def test_fits_side_by_side_use_no_threads_of_their_own():
    caller = threading.get_ident()
    with threadpool_limits(2, "blas"), block_threads(), fit_elsewhere():
        assert set(each(lambda _: threading.get_ident(), range(100))) == {caller}


class OwnNumber:
    """A BLAS whose number of threads is each thread's own, as that of OpenBLAS on OpenMP."""

    def __init__(self):
        self.numbers = threading.local()

    @property
    def num_threads(self):
        return getattr(self.numbers, "value", 2)

    def set_num_threads(self, number):
        self.numbers.value = number


def test_a_number_of_threads_that_is_each_threads_own(monkeypatch):
    library, both = OwnNumber(), threading.Barrier(2, timeout=60)
    monkeypatch.setattr(threads, "_blas", lambda by_thread: [library] if by_thread else [])

    def number(_):
        both.wait()  # passes only where two run at the same time
        return library.num_threads

    with fit_elsewhere() as end:
        with block_threads():
            assert library.num_threads == 1
        end()
    assert library.num_threads == 2
    with block_threads():
        assert list(each(number, range(4))) == [1] * 4
    assert library.num_threads == 2


def succeeds_in_child(work):
    """Whether a forked child comes to the end of `work`, where it may not hang."""
    with warnings.catch_warnings():
        # Python warns of a fork with threads, which is what is tried here.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(30)
            work()
            status = 0
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1] == 0


def fits_as_ever():
    assert set(blas_threads()) == {2}
    with block_threads():
        assert set(blas_threads()) == {1}
        assert list(each(abs, list(range(100)))) == list(range(100))
    assert set(blas_threads()) == {2}
    X = np.arange(20.0)[:, None]
    LossRegressor("mae").fit(X, X[:, 0])


forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")


@forks
def test_a_child_forked_during_a_fit_of_another_thread():
    with threadpool_limits(2, "blas"), fit_elsewhere():
        assert succeeds_in_child(fits_as_ever)
        assert set(blas_threads()) == {1}


@forks
def test_a_child_forked_by_the_thread_that_fits():
    with threadpool_limits(2, "blas"), block_threads():
        list(each(abs, list(range(100))))
        assert succeeds_in_child(fits_as_ever)
        assert list(each(abs, list(range(100)))) == list(range(100))


@forks
def test_a_child_forked_while_another_thread_is_at_the_limit(monkeypatch):
    inside, asked = threading.Event(), threading.Event()
    set_threads = threads._set_threads

    def slowly(libraries, number):
        if not inside.is_set():
            inside.set()
            asked.wait(0.5)  # meanwhile the main thread asks for a fork
        set_threads(libraries, number)

    with threadpool_limits(2, "blas"), ThreadPoolExecutor(1) as pool:
        monkeypatch.setattr(threads, "_set_threads", slowly)
        running = pool.submit(blas_inside)
        assert inside.wait(60)
        assert succeeds_in_child(fits_as_ever)
        asked.set()
        assert running.result(timeout=60) == {1}
