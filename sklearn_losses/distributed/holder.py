"""What lives on a worker: blocks of rows, over which it adds up.

This module does not import dask. Messages are bytes, so that their size is known.
"""

import asyncio
import pickle
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from numbers import Number
from traceback import format_exc
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from sklearn_losses.core.parts import Block, added

__all__ = ["ERROR", "LOST", "VALUE", "BlockFacts", "Holder", "Node", "Piece", "execute", "together"]

VALUE, ERROR, LOST = "value", "error", "lost"  # kinds of replies


class BlockFacts(NamedTuple):
    """What a client has to know of a block."""

    n_rows: int
    n_columns: int
    dtype: np.dtype[Any]
    sparse: bool
    nnz: int

    @classmethod
    def of(cls, block: Any) -> "BlockFacts":
        """The facts of a block."""
        X = block.X
        stored = X.nnz if sparse.issparse(X) else X.size
        return cls(X.shape[0], X.shape[1], X.dtype, sparse.issparse(X), int(stored))


class Node(NamedTuple):
    """A holder in a tree of holders, as others address it.

    Parameters
    ----------
    number : int
        Of the holder.
    address : str
        Of its worker.
    key : str
        Of the actor.
    below : tuple of Node
        The holders whose sums it adds to its own, in this order.
    """

    number: int
    address: str
    key: str
    below: tuple["Node", ...] = ()


class Holder:
    """Blocks of rows on a worker: an actor.

    Parameters
    ----------
    blocks : list
        What a partition gives, in order of their numbers.
    numbers : list of int
        The places of the blocks among all blocks.
    threads : int, default=1
        Blocks that are worked on at a time.
    worker : Worker, default=None
        The worker that it lives on; None: the one that makes it.
    """

    def __init__(self, blocks: list[Any], numbers: list[int], threads: int = 1, worker: Any = None) -> None:
        if worker is None:
            from distributed import get_worker

            worker = get_worker()
        self._worker = worker
        self._numbers = numbers
        self._forms: dict[int, list[Any]] = {0: list(blocks)}
        # Calls come one after the other, whatever the worker does besides.
        self._caller = ThreadPoolExecutor(1)
        self._threads = ThreadPoolExecutor(threads) if threads > 1 and len(blocks) > 1 else None

    # What a client asks for. All replies are pickled pairs of their kind and their content.

    async def total(self, form: int, function: bytes, rows: Any = None, below: tuple[Node, ...] = ()) -> bytes:
        """The sum of ``function(block)`` over the blocks here and those of the holders below.

        Of all rows, or of those with the numbers `rows`, in ascending order, alone.
        """
        own = asyncio.get_running_loop().run_in_executor(self._caller, told, self._total, form, function, rows)
        replies = await asyncio.gather(own, *(self._of_node(node, form, function, rows) for node in below))
        return own.result() if len(replies) == 1 else told_together(replies)

    async def each(self, form: int, function: bytes, rows: Any = None) -> bytes:
        """Pairs of the number of a block and ``function(block)``; `rows` as for `total`."""
        return await self._answer(self._each, form, function, rows)

    async def change(self, form: int, new: int, function: bytes) -> bytes:
        """Keep ``function(block)`` as the form `new` of the blocks.

        The content of the reply are pairs of the number of a block and its `BlockFacts`.
        """
        return await self._answer(self._change, form, new, function)

    async def begin(self, form: int, starts: list[int]) -> bytes:
        """Note the numbers of the first rows of the blocks among all rows."""
        return await self._answer(self._begin, form, starts)

    async def forget(self, form: int) -> bytes:
        """Let go of a form of the blocks."""
        return await self._answer(self._forms.pop, form, None)

    async def _answer(self, work, *arguments):
        return await asyncio.get_running_loop().run_in_executor(self._caller, told, work, *arguments)

    async def _of_node(self, node, form, function, rows):
        try:
            return await execute(self._worker.rpc(node.address), node.key, "total", form, function, rows, node.below)
        except (OSError, KeyError):
            return pickle.dumps((LOST, [node.number]))

    # The work, on a thread of its own.

    def _total(self, form, function, rows):
        filled = self._filled(form, rows)
        values = self._ordered(pickle.loads(function), [block for _, block in filled])
        pieces = (Piece(number, number + 1, value) for (number, _), value in zip(filled, values, strict=True))
        return VALUE, list(together(pieces))

    def _each(self, form, function, rows):
        filled = self._filled(form, rows)
        values = self._ordered(pickle.loads(function), [block for _, block in filled])
        return VALUE, [(number, value) for (number, _), value in zip(filled, values, strict=True)]

    def _change(self, form, new, function):
        change = pickle.loads(function)
        self._forms[new] = list(self._ordered(change, self._forms[form]))
        return VALUE, [(number, BlockFacts.of(block)) for number, block in zip(self._numbers, self._forms[new], strict=True)]

    def _begin(self, form, starts):
        for block, start in zip(self._forms[form], starts, strict=True):
            if isinstance(block, Block):
                block.start = start
        return VALUE, None

    def _filled(self, form, rows):
        """The blocks with rows and their numbers."""
        blocks = self._forms[form]
        if rows is not None:
            blocks = [picked(block, rows) for block in blocks]
        return [pair for pair in zip(self._numbers, blocks, strict=True) if pair[1].X.shape[0]]

    def _ordered(self, function: Callable[[Any], Any], blocks: list[Any]) -> Iterator[Any]:
        """``map(function, blocks)``, on threads where there are any.

        A few results at the most wait to be taken.
        """
        if self._threads is None:
            yield from map(partial(_quiet, function), blocks)
            return
        waiting: deque[Any] = deque()
        for block in blocks:
            waiting.append(self._threads.submit(_quiet, function, block))
            if len(waiting) > 2 * self._threads._max_workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def picked(block: Block, rows: Any) -> Block:
    """The rows of a block that are among those with the numbers `rows`, in ascending order."""
    if not isinstance(block.y, np.ndarray):
        raise ValueError(
            "Solvers that step on batches take no Dask collection with a ranking loss; use solver='auto', or row blocks."
        )
    first, last = np.searchsorted(rows, (block.start, block.start + block.X.shape[0]))
    return block.part(rows[first:last] - block.start)


def _quiet(function, block):
    with np.errstate(all="ignore"):
        return function(block)


def told(work: Callable[..., tuple[str, Any]], *arguments: Any) -> bytes:
    """The reply of ``work(*arguments)``; of an error, the error."""
    try:
        reply = work(*arguments)
        return pickle.dumps(reply, protocol=5)
    except Exception as error:
        said = f"on a worker:\n{format_exc()}"
        try:
            return pickle.dumps((ERROR, (error, said)))
        except Exception:
            return pickle.dumps((ERROR, (RuntimeError(f"{type(error).__name__}: {error}"), said)))


def told_together(replies: list[bytes]) -> bytes:
    """The sum of several replies in their order, in one reply."""
    found = [pickle.loads(reply) for reply in replies]
    lost = [number for kind, numbers in found if kind == LOST for number in numbers]
    if lost:
        return pickle.dumps((LOST, lost))
    for reply, (kind, _) in zip(replies, found, strict=True):
        if kind == ERROR:
            return reply
    pieces = sorted((piece for _, some in found for piece in some), key=lambda piece: piece.start)
    return pickle.dumps((VALUE, list(together(pieces))), protocol=5)


class Piece(NamedTuple):
    """The sum over some blocks, from the number `start` to before `stop`."""

    start: int
    stop: int
    value: Any


def together(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Pieces in the order of their starts, added up as far as that may be done.

    That is all of them for numbers and arrays. Other objects may depend on the order of the rows:
    of these, only neighbours are added.
    """
    last = None
    for piece in pieces:
        if last is None:
            last = piece
        elif last.stop == piece.start or _of_numbers(piece.value):
            last = Piece(last.start, piece.stop, added(last.value, piece.value))
        else:
            yield last
            last = piece
    if last is not None:
        yield last


def _of_numbers(value):
    if isinstance(value, tuple):
        return all(map(_of_numbers, value))
    return value is None or isinstance(value, (Number, np.ndarray, np.generic))


async def execute(rpc: Any, key: str, method: str, *arguments: Any) -> bytes:
    """Call a method of an actor, as `distributed.Actor` does.

    That class itself never returns where a worker answers with an error other than OSError, such as
    one that does not know the actor.
    """
    from distributed.protocol import to_serialize

    reply = await rpc.actor_execute(function=method, actor=key, args=[to_serialize(one) for one in arguments], kwargs={})
    if reply["status"] != "OK":
        raise reply["exception"]
    result: bytes = reply["result"]
    return result
