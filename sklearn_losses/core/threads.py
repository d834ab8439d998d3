"""Blocks of rows on threads, with BLAS on one thread inside.

NumPy and SciPy bring a BLAS each, whose threads wait in a loop for their next task. A solver that
alternates between the two (Gram matrices by NumPy, Cholesky factors by SciPy) keeps more threads
busy than there are cores: measured, 20 times slower on two. So during a fit BLAS has one thread,
and blocks of rows get the threads that BLAS would have had.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from functools import cache
from threading import RLock
from typing import TypeVar

import numpy as np
from threadpoolctl import ThreadpoolController  # scikit-learn depends on it

__all__ = ["block_threads", "each"]

Item = TypeVar("Item")
Result = TypeVar("Result")

_pool = ContextVar("pool", default=None)  # of the fit that runs here: an executor, or `_NO_THREADS`
_NO_THREADS = object()


class _Limit:
    """BLAS on one thread while any fit runs, in whatever thread.

    The first fit sets the limit, the last one lifts it.
    """

    def __init__(self):
        self.lock = RLock()  # a signal's handler may fork inside of it
        self.fits = set()
        self.before = ()

    def enter(self, fit):
        """Count a fit in. Returns whether it is the only one."""
        with self.lock:
            first = not self.fits
            if first:
                self.before = _numbers(_blas(False))
            self.fits.add(fit)
            if first and set(self.before) != {1}:
                _set_threads(_blas(False), 1)
            return first

    def leave(self, fit):
        """Count a fit out, which a forked child has done already."""
        with self.lock:
            if fit in self.fits:
                self.fits.remove(fit)
                if not self.fits:
                    self.lift()

    def lift(self):
        """Give BLAS its threads back, where nobody else has set another number meanwhile."""
        for library, threads in zip(_blas(False), self.before, strict=True):
            if threads != 1 and library.num_threads == 1:
                _set_threads([library], threads)

    def forked(self):
        """Begin anew in a child, which has none of the threads that fit in its parent."""
        fits, self.fits, self.lock = self.fits, set(), RLock()
        _pool.set(None)
        if fits:
            self.lift()


_limit = _Limit()
if hasattr(os, "register_at_fork"):  # not on Windows
    # With the lock taken, no other thread is in the middle of a change when the child gets its
    # copy.
    os.register_at_fork(
        before=lambda: _limit.lock.acquire(), after_in_parent=lambda: _limit.lock.release(), after_in_child=_limit.forked
    )


@cache
def _blas(by_thread):
    """The BLAS libraries, of one of two kinds.

    The number of threads is each calling thread's own (OpenBLAS on OpenMP) or the process's.
    """
    libraries = ThreadpoolController().select(user_api="blas").lib_controllers
    return [library for library in libraries if (getattr(library, "threading_layer", None) == "openmp") == by_thread]


def _numbers(libraries):
    return [library.num_threads for library in libraries]


def _set_threads(libraries, threads):
    """Set the number of threads of each library.

    From threadpoolctl 3.8 on, the first thread that sets the number for a BLAS is the only one that
    can, and what the others set is ignored. Fits begin and end in any thread.
    """
    for library in libraries:
        release = getattr(library, "clear_controlling_thread", lambda force: None)
        release(force=True)
        library.set_num_threads(threads)
        release(force=True)


@contextmanager
def block_threads() -> Iterator[None]:
    """A context in which `each` works on threads and BLAS does not.

    The number of threads is BLAS's: the environment (``OMP_NUM_THREADS``), joblib's workers and
    `threadpoolctl` set it. Of fits that run side by side in one process only the first has threads
    of its own, and uses them while it is alone.
    """
    if _pool.get() is not None:  # a fit inside a fit
        yield
        return
    fit, own = object(), []
    try:
        first = _limit.enter(fit)
        own = _numbers(_blas(True))
        _set_threads(_blas(True), 1)
        threads = max((*_limit.before, *own), default=1) if first else 1
        with _executor(threads - 1) as pool:  # the caller is one of the threads
            token = _pool.set(pool)
            try:
                yield
            finally:
                _pool.reset(token)
    finally:
        # `own` is shorter where an interrupt came first.
        for library, number in zip(_blas(True), own, strict=False):
            _set_threads([library], number)
        _limit.leave(fit)


def _executor(threads):
    """A context that gives an executor of so many threads, whose BLAS has one as well."""
    if threads == 0:
        return nullcontext(_NO_THREADS)
    return ThreadPoolExecutor(threads, initializer=_begin_thread)


def _begin_thread():
    """Set what holds in a fit and is each thread's own.

    BLAS has one thread, and floating-point errors are ignored.
    """
    _set_threads(_blas(True), 1)
    np.seterr(all="ignore")


def each(function: Callable[[Item], Result], items: Sequence[Item], ahead: int = 4) -> Iterator[Result]:
    """Call ``function(item)`` for each item, in order.

    It runs on the threads of `block_threads` where there are any.

    A few results at the most wait to be taken, so that sums over many blocks take no memory.

    Parameters
    ----------
    function : callable
        Must not change anything shared.
    items : sequence
    ahead : int, default=4
        Items handed out before the first result is taken: a result may be a large matrix.

    Returns
    -------
    iterator of object
    """
    pool = _pool.get()
    if pool in (None, _NO_THREADS) or len(_limit.fits) > 1 or len(items) < 2:
        return map(function, items)
    return _on_threads(function, items, ahead, pool)


def _on_threads(function, items, ahead, pool):
    waiting = deque()
    for item in items:
        waiting.append(_Task(item, pool.submit(function, item)))
        if len(waiting) > ahead:
            yield _first(function, waiting)
    while waiting:
        yield _first(function, waiting)


class _Task:
    """An item, and either its future or its result."""

    __slots__ = ("future", "item", "result")

    def __init__(self, item, future):
        self.item, self.future, self.result = item, future, None


def _first(function, waiting):
    """The result of the first task.

    Until it is there the caller works too, on what no thread has begun.
    """
    for task in waiting:
        if waiting[0].future is None or waiting[0].future.done():
            break
        if task.future is not None and task.future.cancel():
            task.future, task.result = None, function(task.item)
    task = waiting.popleft()
    return task.result if task.future is None else task.future.result()
