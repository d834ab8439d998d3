"""Blocks of rows on threads: the same numbers, in the same order, whatever the number of threads."""

import threading

import numpy as np
import pytest
from scipy import sparse
from threadpoolctl import threadpool_info, threadpool_limits

from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.losses import Loss
from sklearn_losses.threads import block_threads, each


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
    for threads in (1, 2):
        with threadpool_limits(threads, "blas"):
            fits.append(made(loss, alpha=1e-3).fit(storage(X), y))
    np.testing.assert_array_equal(fits[0].coef_, fits[1].coef_)
    assert fits[0].objective_ == fits[1].objective_
