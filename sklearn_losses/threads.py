"""Blocks of rows on threads, with BLAS on one thread inside.

NumPy and SciPy bring a BLAS each, whose threads wait in a loop for their next task. A solver that alternates between the two
(Gram matrices by NumPy, Cholesky factors by SciPy) keeps more threads busy than there are cores: measured, 20 times slower on
two. So during a fit BLAS has one thread, and blocks of rows get the threads that BLAS would have had.
"""

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from threading import Lock

from threadpoolctl import ThreadpoolController  # scikit-learn depends on it

__all__ = ["block_threads", "each"]

AHEAD = 4  # blocks handed out before the first result is taken; a result may be a large matrix

_pool = ContextVar("pool", default=None)
_lock = Lock()
_users, _restore = 0, None


@cache
def _blas():
    return ThreadpoolController().select(user_api="blas")


@contextmanager
def block_threads():
    """A context in which `each` works on threads and BLAS does not.

    The number of threads is BLAS's: the environment (``OMP_NUM_THREADS``), joblib's workers and `threadpoolctl` set it. Fits
    that run side by side in one process have no threads of their own beyond the first.
    """
    global _users, _restore
    with _lock:
        threads = 1
        if _users == 0:
            threads = max((library["num_threads"] for library in _blas().info()), default=1)
            _restore = _blas().limit(limits=1)
        _users += 1
    try:
        if threads == 1:
            yield
            return
        with ThreadPoolExecutor(threads - 1) as pool:  # the caller is one of them
            token = _pool.set(pool)
            try:
                yield
            finally:
                _pool.reset(token)
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                _restore.restore_original_limits()


def each(function, items):
    """``function(item)`` for each item, in order, on the threads of `block_threads` where there are any.

    A few results at the most wait to be taken, so that sums over many blocks take no memory.

    Parameters
    ----------
    function : callable
        Must not change anything shared.
    items : sequence

    Yields
    ------
    object
    """
    pool = _pool.get()
    if pool is None or len(items) < 2:
        yield from map(function, items)
        return
    waiting = deque()
    for item in items:
        waiting.append(_Task(item, pool.submit(function, item)))
        if len(waiting) > AHEAD:
            yield _first(function, waiting)
    while waiting:
        yield _first(function, waiting)


class _Task:
    """An item, and either its future or its result."""

    __slots__ = ("future", "item", "result")

    def __init__(self, item, future):
        self.item, self.future, self.result = item, future, None


def _first(function, waiting):
    """The result of the first task; until it is there the caller works too, on what no thread has begun."""
    for task in waiting:
        if waiting[0].future is None or waiting[0].future.done():
            break
        if task.future is not None and task.future.cancel():
            task.future, task.result = None, function(task.item)
    task = waiting.popleft()
    return task.result if task.future is None else task.future.result()
