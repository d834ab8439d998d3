"""Queries that a partition border cuts, made whole.

The rows of a query must be in one block. Those of a query that begins in one partition and goes on
in the next ones are moved to the first, by the graph of the collection, so that they are computed
again with it.
"""

from collections.abc import Hashable
from typing import Any

import numpy as np
from scipy import sparse

from sklearn_losses.blocks.rows import RowBlock

__all__ = ["with_whole_queries"]

MOST_MOVED = 2  # cut queries for each border, beyond which rows are taken to be in no order


def with_whole_queries(blocks: list[Any], qid: list[Any], client: Any) -> list[Any]:
    """Blocks in which no query is in two of them.

    Parameters
    ----------
    blocks : list of Delayed
        Of `RowBlock`.
    qid : list of Delayed
        The ids of the rows of each.
    client : distributed.Client or None
        Which computes the ids that are in each block.

    Raises
    ------
    ValueError
        Where so many queries are cut that the rows are in no order of them.
    """
    import dask

    ids = [dask.delayed(ids_in)(part) for part in qid]
    found = [part.result() for part in client.compute(ids)] if client is not None else dask.compute(*ids)
    homes: dict[Hashable, int] = {}  # the first block of each query
    moved: dict[tuple[int, int], list[Any]] = {}  # from one block to another: queries
    for number, some in enumerate(found):
        for one in some:
            home = homes.setdefault(one, number)
            if home != number:
                moved.setdefault((number, home), []).append(one)
    cut = {one for some in moved.values() for one in some}
    if len(cut) > MOST_MOVED * (len(blocks) - 1):
        raise ValueError(
            f"{len(cut)} of {len(homes)} queries have rows in several of {len(blocks)} partitions, and the rows of a query "
            "must be on one machine; sort the rows by qid, such as with set_index, and fit again."
        )
    if not moved:
        return blocks
    take, join = dask.delayed(rows_of_queries), dask.delayed(with_rows)
    whole = list(blocks)
    for number in sorted({place for pair in moved for place in pair}):
        gone = [one for (source, _), some in moved.items() if source == number for one in some]
        came = [take(blocks[source], some) for (source, home), some in sorted(moved.items()) if home == number]
        whole[number] = join(blocks[number], gone, came)
    return whole


def ids_in(qid: Any) -> list[Any]:
    """The different ids of a partition, in the order of their first rows."""
    return list(dict.fromkeys(np.asarray(qid).tolist()))


def _is_of(block, some):
    """Whether the query of each row is among some."""
    some = set(some)
    return np.fromiter((one in some for one in np.asarray(block.qid).tolist()), dtype=bool, count=len(block.qid))


def rows_of_queries(block: RowBlock, some: list[Any]) -> RowBlock:
    """The rows of some queries."""
    return _part(block, _is_of(block, some))


def with_rows(block: RowBlock, gone: list[Any], came: list[RowBlock]) -> RowBlock:
    """A block without the rows of some queries, and with the rows of others at its end."""
    parts = [_part(block, ~_is_of(block, gone)) if gone else block, *came]
    rows = [part.X for part in parts]
    X: Any = sparse.vstack(rows).tocsr() if sparse.issparse(block.X) else np.concatenate(rows)
    fields = zip(*(part[1:] for part in parts), strict=True)
    return RowBlock(X, *(None if values[0] is None else np.concatenate(values) for values in fields))


def _part(block, rows):
    return RowBlock(*(None if values is None else values[rows] for values in block))
