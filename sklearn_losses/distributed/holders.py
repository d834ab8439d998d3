"""All holders of a fit's rows, as the client sees them: where they are, and how they are asked.

A holder that is lost with its worker is made again, on another worker, from the graph of its
partitions. Calls are pure functions of blocks, so they may be repeated. Sums are added in the order
of the holders, however many of them a worker has, so that a lost worker does not change a digit.
"""

import asyncio
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, NamedTuple

from sklearn_losses.core.parts import added
from sklearn_losses.distributed.holder import ERROR, LOST, BlockFacts, Holder, Node, execute, together

__all__ = ["Holders", "Traffic"]

FAN = 8  # holders that one asks and adds up, the client among them
TRIES = 4  # to make a holder, before it is given up
WAIT = 30.0  # seconds for a first worker
WATCHED = 0.5  # seconds between looks at whether a worker that is waited for is there


@dataclass
class Traffic:
    """What went over the network.

    Attributes
    ----------
    calls : int
    sent, received : int
        Bytes of functions with their parameters, to all holders, and of sums that came back.
    """

    calls: int = 0
    sent: int = 0
    received: int = 0


class _Form(NamedTuple):
    """How a form of the blocks is made of another one."""

    parent: int
    function: bytes
    starts: dict[int, int]  # by number of the block


@dataclass
class _Group:
    """A holder: the partitions in it, and where it is."""

    number: int
    partitions: list[int]
    address: str = ""
    actor: Any = None  # a future
    tries: int = 0

    @property
    def rows(self) -> str:
        return f"the rows of partitions {self.partitions[0]} to {self.partitions[-1]}"

    def node(self) -> Node:
        return Node(self.number, self.address, self.actor.key)


@dataclass
class _Lost(Exception):
    numbers: list[int] = field(default_factory=list)


class Holders:
    """The holders of the rows of a fit.

    Parameters
    ----------
    client : distributed.Client
    partitions : list of Delayed
        Each gives the block of a partition.
    places : list of str, default=None
        The worker on which each partition is now; None where they are not computed yet, and
        each worker gets a run of them.
    fan : int, default=8
        The number of holders up to which the client asks all of them itself. More of them form a
        tree in which each asks so many others.
    wait : float, default=30.0
        Seconds that a cluster without workers is waited for.
    tries : int, default=4
        How often a holder is made, before its rows are given up.
    """

    def __init__(
        self,
        client: Any,
        partitions: list[Any],
        places: list[str] | None = None,
        fan: int = FAN,
        wait: float = WAIT,
        tries: int = TRIES,
    ) -> None:
        if client.asynchronous:
            raise ValueError(
                "The active Dask client is asynchronous, but a fit waits for its results; use Client(asynchronous=False)."
            )
        self.client, self.partitions, self.fan, self.wait, self.tries = client, partitions, fan, wait, tries
        self.traffic = Traffic()
        self._forms: dict[int, _Form] = {}
        self._forgotten: set[int] = set()
        self._next = 1
        workers = self._workers()
        if places is None:
            groups = _runs(len(partitions), list(workers.values()))
            addresses = list(workers)
        else:
            addresses = list(dict.fromkeys(places))
            groups = [[i for i, place in enumerate(places) if place == address] for address in addresses]
        self._groups = [
            _Group(number, some, address)
            for number, (some, address) in enumerate(pair for pair in zip(groups, addresses, strict=False) if pair[0])
        ]
        self._make(self._groups)

    # What a fit asks for.

    def total(self, form: int, function: Callable[[Any], Any], rows: Any = None) -> Any:
        """The sum of ``function(block)`` over all blocks of a form; None without rows.

        Of all rows, or of those with the numbers `rows`, in ascending order, alone.
        """
        payload = self._pickled(function)
        replies = self._asked(lambda: [(node, ("total", form, payload, rows, node.below)) for node in self._tree()])
        pieces = sorted((piece for _, some in replies for piece in some), key=lambda piece: piece.start)
        values = [piece.value for piece in together(pieces)]
        return reduce(added, values) if values else None

    def each(self, form: int, function: Callable[[Any], Any], rows: Any = None) -> list[Any]:
        """What ``function(block)`` gives for each block with rows, in their order; `rows`
        as above.
        """
        payload = self._pickled(function)
        replies = self._asked(lambda: [(node, ("each", form, payload, rows)) for node in self._nodes()])
        return [value for _, value in _in_order(replies)]

    def change(self, form: int, function: Callable[[Any], Any]) -> tuple[int, list[BlockFacts]]:
        """A new form of the blocks, ``function(block)``, and the facts of each."""
        new, self._next = self._next, self._next + 1
        payload = self._pickled(function)
        replies = self._asked(lambda: [(node, ("change", form, new, payload)) for node in self._nodes()])
        facts = [fact for _, fact in _in_order(replies)]
        starts, first = {}, 0
        for number, fact in enumerate(facts):
            starts[number], first = first, first + fact.n_rows
        self._forms[new] = _Form(form, payload, starts)
        self._asked(lambda: [(node, self._begin(node, new)) for node in self._nodes()])
        return new, facts

    def forget(self, form: int) -> None:
        """Let the holders forget a form; how it was made is still known, for those made of it."""
        self._forgotten.add(form)
        if self.client.status == "running":
            # It may be called by the garbage collector, in any thread, so it waits for nothing.
            self.client.loop.add_callback(self._tell, self._nodes(), form)

    # Messages.

    def _pickled(self, function):
        import cloudpickle  # Dask depends on it

        payload = cloudpickle.dumps(function, protocol=5)
        self.traffic.calls += 1
        self.traffic.sent += len(payload) * len(self._groups)
        return payload

    def _begin(self, node, form):
        starts = self._forms[form].starts
        return "begin", form, [starts[number] for number in self._groups[node.number].partitions]

    def _nodes(self):
        return [group.node() for group in self._groups]

    def _tree(self):
        return _tree(self._nodes(), self.fan)

    def _asked(self, messages: Callable[[], list[tuple[Node, tuple[Any, ...]]]]) -> list[tuple[str, Any]]:
        """The replies to messages to holders; those that are lost are made again meanwhile."""
        while True:
            try:
                replies = self.client.sync(self._send, messages())
                break
            except _Lost as lost:
                self._make([self._groups[number] for number in sorted(set(lost.numbers))])
        self.traffic.received += sum(map(len, replies))
        return _contents(replies)

    async def _send(self, messages):
        tasks = [asyncio.ensure_future(self._one(node, message)) for node, message in messages]
        replies = await asyncio.gather(*tasks, return_exceptions=True)
        lost = _Lost()
        for reply in replies:
            if isinstance(reply, _Lost):
                lost.numbers.extend(reply.numbers)
            elif isinstance(reply, BaseException):
                raise reply
        if lost.numbers:
            raise lost
        return replies

    async def _one(self, node, message):
        """The reply of one holder; `_Lost` where it, or one below, is not there."""
        watched = _numbers_of(node)
        self._check(watched)
        call = asyncio.ensure_future(execute(self._rpc(node.address), node.key, *message))
        try:
            while not (await asyncio.wait({call}, timeout=WATCHED))[0]:
                self._check(watched)
            reply = call.result()
        except (OSError, KeyError):
            raise _Lost([node.number]) from None
        finally:
            call.cancel()
        kind, content = pickle.loads(reply) if len(reply) < 1000 else (None, None)
        if kind == LOST:
            raise _Lost(content)
        return reply

    def _check(self, numbers):
        gone = [number for number in numbers if self._groups[number].actor.status != "finished"]
        if gone:
            raise _Lost(gone)

    def _rpc(self, address):
        if self.client.direct_to_workers:
            return self.client.rpc(address)
        from distributed.actor import ProxyRPC

        return ProxyRPC(self.client.scheduler, address)

    async def _tell(self, nodes, form):
        await asyncio.gather(
            *(execute(self._rpc(node.address), node.key, "forget", form) for node in nodes), return_exceptions=True
        )

    # Where holders are.

    def _workers(self) -> dict[str, int]:
        """The threads of each worker by its address."""
        found = self.client.scheduler_info(n_workers=-1)["workers"]
        if not found:
            found = self._waited_for()
        return {address: worker["nthreads"] for address, worker in sorted(found.items())}

    def _waited_for(self):
        try:
            self.client.wait_for_workers(1, timeout=self.wait)
        except TimeoutError:
            raise RuntimeError(
                f"The Dask cluster has had no worker for {self.wait:g} seconds; start workers, and fit again."
            ) from None
        return self.client.scheduler_info(n_workers=-1)["workers"]

    def _make(self, groups: Sequence[_Group]) -> None:
        """Make holders, each on the worker of its group, or on another one where that is gone."""
        waiting = list(groups)
        for group in waiting:
            group.tries = 0
        while waiting:
            workers = self._workers()
            for group in waiting:
                self._submit(group, workers)
            made = [group for group in waiting if self._made(group)]
            lost = self._restore(made)
            waiting = [group for group in waiting if group not in made or group.number in lost]

    def _submit(self, group, workers):
        group.tries += 1
        if group.tries > self.tries:
            raise RuntimeError(
                f"Workers that held {group.rows} were lost repeatedly, most likely because they ran out of memory; use "
                "smaller chunks, or workers with more memory."
            )
        if group.address not in workers:
            group.address = self._least_loaded(workers)
        # The scheduler keeps a wish with the tasks, and may wait for a lost worker: it must forget
        # those of the last try, and in the next one they may be computed anywhere.
        group.actor = None
        wish = {"workers": [group.address], "allow_other_workers": True} if group.tries == 1 else {}
        blocks = self.client.compute([self.partitions[i] for i in group.partitions], **wish)
        group.actor = self.client.submit(
            Holder, blocks, group.partitions, workers[group.address],
            workers=[group.address], allow_other_workers=False, actor=True, pure=False,
        )  # fmt: skip

    def _least_loaded(self, workers):
        load = dict.fromkeys(workers, 0)
        for group in self._groups:
            if group.address in load:
                load[group.address] += len(group.partitions)
        return min(workers, key=lambda address: load[address] / workers[address])

    def _made(self, group):
        """Whether a holder was made; False where its worker was lost meanwhile."""
        from distributed import CancelledError, wait

        while group.actor.status == "pending":
            try:
                wait(group.actor, timeout=WATCHED)
            except TimeoutError:
                if group.address not in self._workers():
                    break
            except CancelledError:
                break
        if group.actor.status == "finished":
            return True
        self._check_failure(group)
        return False

    def _check_failure(self, group):
        """Raise what says why a holder cannot be made, unless its worker was lost."""
        if group.actor.status in ("cancelled", "lost"):
            raise RuntimeError(
                f"A worker was lost, and {group.rows} cannot be computed again, because they do not depend on stored data. "
                "Load the collection again, and repeat the fit."
            )
        if group.actor.status == "error":
            error = group.actor.exception()
            if type(error).__name__ != "KilledWorker" and "Worker holding Actor was lost" not in str(error):
                raise error

    def _restore(self, groups):
        """Make the forms again that the others have; returns the numbers of holders lost
        meanwhile.
        """
        nodes = [group.node() for group in groups]
        for form, made in self._forms.items():
            messages = [(node, ("change", made.parent, form, made.function)) for node in nodes]
            for then in (messages, [(node, self._begin(node, form)) for node in nodes]):
                try:
                    _contents(self.client.sync(self._send, then))
                except _Lost as error:
                    return set(error.numbers)
        for form in self._forgotten:
            self.client.sync(self._tell, nodes, form)
        return set()


def _contents(replies: list[bytes]) -> list[tuple[str, Any]]:
    """What is in replies; an error that came back is raised."""
    found = [pickle.loads(reply) for reply in replies]
    for kind, content in found:
        if kind == ERROR:
            error, said = content
            raise error from RuntimeError(said)
    return found


def _runs(count: int, threads: list[int]) -> list[list[int]]:
    """The numbers below `count` in runs, one for each worker, as long as it has threads."""
    ends = [0]
    for so_far in range(len(threads)):
        ends.append(round(count * sum(threads[: so_far + 1]) / sum(threads)))
    return [list(range(start, stop)) for start, stop in zip(ends, ends[1:], strict=False)]


def _tree(nodes: list[Node], fan: int) -> list[Node]:
    """Nodes in a tree: at most `fan` of them at the top, in their order, each with as many
    below.
    """
    if len(nodes) <= fan:
        return nodes
    size = -(-len(nodes) // fan)
    parts = [nodes[start : start + size] for start in range(0, len(nodes), size)]
    return [part[0]._replace(below=tuple(_tree(part[1:], fan))) for part in parts]


def _numbers_of(node: Node) -> list[int]:
    return [node.number, *(number for below in node.below for number in _numbers_of(below))]


def _in_order(replies: list[tuple[str, Any]]) -> list[tuple[int, Any]]:
    return sorted((pair for _, pairs in replies for pair in pairs), key=lambda pair: pair[0])
