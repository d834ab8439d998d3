"""Reading ahead: a thread prepares the next block while the reader works on the last one."""

import os
import threading
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

__all__ = ["closing", "read_ahead"]

Item = TypeVar("Item")

NAME = "sklearn_losses-read_ahead"  # how the threads are called
_END: Any = object()


@contextmanager
def closing(items: Iterable[Item]) -> Iterator[Iterator[Item]]:
    """A context that gives an iterator, and closes it at the end where it can be closed."""
    iterator = iter(items)
    try:
        yield iterator
    finally:
        _close(iterator)


def read_ahead(items: Iterable[Item]) -> Generator[Item, None, None]:
    """Iterate over items while a thread prepares the next one.

    While the reader works on an item, a thread prepares the next one, so that at most two items are
    in memory. The thread begins with the first item that is asked for and ends with the last one,
    or when the generator is closed or forgotten. An error of the items is raised in the reader.

    Parameters
    ----------
    items : iterable
        The items. They are iterated over on one thread.

    Yields
    ------
    object
        The items, in their order.

    Raises
    ------
    RuntimeError
        If the process was forked between two items.

    See Also
    --------
    NpyBlocks : Reads ahead by itself, as `ParquetBlocks` does.
    RowSource : What a source of your own must have.

    Examples
    --------
    >>> from sklearn_losses.blocks import read_ahead
    >>> list(read_ahead(number**2 for number in range(4)))
    [0, 1, 4, 9]
    """
    process, iterator = os.getpid(), iter(items)
    pool = ThreadPoolExecutor(1, thread_name_prefix=NAME)
    try:
        coming = pool.submit(next, iterator, _END)
        while (item := coming.result()) is not _END:
            coming = pool.submit(next, iterator, _END)
            handed = [item]
            del item  # it is the reader's: how long it is in memory is not decided here
            yield handed.pop()
            if os.getpid() != process:  # the thread stayed in the parent
                raise RuntimeError("Iteration over blocks cannot continue in a forked process; start a new iteration there.")
    finally:
        # The garbage collector may run on such a thread, which cannot wait for its own end. The
        # iterator then ends with it. A forked process has no thread, and the iterator may be in the
        # middle of an item there.
        if os.getpid() == process:
            outside = not threading.current_thread().name.startswith(NAME)
            pool.shutdown(wait=outside)
            if outside:
                _close(iterator)


def _close(iterator):
    getattr(iterator, "close", lambda: None)()
