"""Find the tolerance that a peer gets, and decide which side has won.

The distance of an objective from the optimum is measured in parts of null - optimum, where null is
the objective of the best constant model and optimum the lowest objective that any side has reached.
"""

import signal
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from sklearn.exceptions import ConvergenceWarning

__all__ = ["BEHIND", "CLOSE", "Contest", "NotDone", "Peer", "Settled", "limited", "near", "settle"]

CLOSE = 1e-4  # parts of null - optimum
BEHIND = 3.0  # times the fastest peer's seconds from which another one cannot win
TOLERANCES = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-8, 1e-10)


class NotDone(BaseException):
    """A fit did not end within its time. No handler of other errors catches it."""


@contextmanager
def limited(seconds):
    """Raise `NotDone` in the code inside after so many seconds of the processor; compiled code ends
    its call first.

    The timer is that of the wall clock: Linux counts the processor's time in steps of some
    milliseconds while a timer of that time is set.
    """
    start = time.process_time()

    def stop(*_):
        if time.process_time() - start >= seconds:
            raise NotDone

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, min(seconds, 1.0), min(seconds, 1.0))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@dataclass
class Peer:
    """Another way to a minimum.

    Attributes
    ----------
    fit : callable
        Tolerance -> fitted estimator.
    tolerances : sequence of float
        From the loosest on. None for a peer that has no tolerance.
    same : bool, default=True
        Whether it minimises the same objective. Another one is a yardstick of time alone, at the
        first of its tolerances.
    compiles : bool, default=False
        Whether its first fit compiles code, which does not count.
    """

    fit: Callable
    tolerances: tuple = TOLERANCES
    same: bool = True
    compiles: bool = False


@dataclass
class Contest:
    """One problem of real data.

    Attributes
    ----------
    name : str
        Data set and loss.
    loss : str
        The row of the summary.
    shape : str
    entries : int
        Stored numbers of X.
    ours : callable
        Fits and returns the estimator.
    peers : dict of str to Peer
    objective : callable
        Fitted estimator -> value of the objective of both.
    null : float
        The objective of the best constant model.
    """

    name: str
    loss: str
    shape: str
    entries: int
    ours: Callable
    peers: dict[str, Peer]
    objective: Callable
    null: float


@dataclass
class Settled:
    """A side, the tolerance that it got, and what it came to with it.

    Attributes
    ----------
    name : str
    fit : callable
    same : bool
    tolerance : float or None
    objective : float
        nan for a yardstick.
    seconds : float
        Of the one fit of the search.
    done : bool
        False for a fit that was stopped or failed; its objective is inf.
    warned : bool
        Whether the fit warned that it did not converge.
    reached : bool
        Whether the objective is within `CLOSE` of the optimum.
    """

    name: str
    fit: Callable
    same: bool
    tolerance: float | None
    objective: float
    seconds: float
    done: bool
    warned: bool
    reached: bool = field(default=False)


def _tried(name, fit, same, tolerance, objective, limit):
    """One fit of a side."""
    start = time.process_time()
    model, caught = None, []
    try:
        with warnings.catch_warnings(record=True) as caught, limited(limit):
            warnings.simplefilter("always")
            model = fit()
    except NotDone:
        pass
    except Exception as error:  # the others go on
        print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
    seconds = time.process_time() - start
    value = np.inf if model is None else float(objective(model)) if same else np.nan
    done = value < np.inf if same else model is not None
    warned = any(issubclass(warning.category, ConvergenceWarning) for warning in caught)
    return Settled(name, fit, same, tolerance, value if done else np.inf, seconds, done, warned)


def near(value, other, null, optimum=None):
    """Whether an objective is as good as another one, within `CLOSE` of null - optimum, or
    `CLOSE`**2 of its size where that is next to nothing. The other one is the optimum by default.
    """
    optimum = other if optimum is None else optimum
    return value <= other + max(CLOSE * (null - optimum), CLOSE**2 * abs(other))


def settle(contest, limit=30.0, patience=5.0):
    """Find each peer's loosest tolerance that is within `CLOSE` of the optimum; it is not timed.

    Parameters
    ----------
    contest : Contest
    limit : float, default=30
        Seconds after which a fit is not done.
    patience : float, default=5
        No tighter tolerance is tried after so many seconds of tries of a peer, or `BEHIND` times
        ours where that is more, nor of one that is so far behind another that got there.

    Returns
    -------
    list of Settled
        Ours first. A peer of which no tolerance is close enough has its best one.
    """
    ours = _tried("ours", contest.ours, True, None, contest.objective, limit)
    patience = max(patience, BEHIND * ours.seconds if ours.done else 0.0)
    tried = {name: [] for name in contest.peers}
    left = {name: list(peer.tolerances if peer.same else peer.tolerances[:1]) for name, peer in contest.peers.items()}
    while True:
        optimum = min([ours.objective, *(one.objective for tries in tried.values() for one in tries if one.same)])
        there = {name: [one for one in tries if near(one.objective, optimum, contest.null)] for name, tries in tried.items()}
        fastest = min((one.seconds for tries in there.values() for one in tries), default=np.inf)
        open_ones = [
            name
            for name, tries in tried.items()
            if left[name] and not there[name] and (not tries or _may_win(tries, fastest, patience))
        ]
        if not open_ones:
            break
        for name in open_ones:
            peer, tolerance = contest.peers[name], left[name].pop(0)
            fit = _with(peer.fit, tolerance)
            if peer.compiles and not tried[name]:
                _tried(name, fit, peer.same, tolerance, contest.objective, limit)
            tried[name].append(_tried(name, fit, peer.same, tolerance, contest.objective, limit))
    for one in (ours, *(one for tries in tried.values() for one in tries)):
        one.reached = near(one.objective, optimum, contest.null)
    return [ours, *(_best(tries) for tries in tried.values())]


def _may_win(tries, fastest, patience):
    """Whether a tighter tolerance of a peer can matter beside the fastest one that got there."""
    return tries[-1].seconds <= BEHIND * fastest and sum(one.seconds for one in tries) < patience


def _with(fit, tolerance):
    return lambda: fit(tolerance)


def _best(tries):
    """The loosest that reached, or the one of the lowest objective."""
    reached = [one for one in tries if one.reached]
    return reached[0] if reached else min(tries, key=lambda one: one.objective)
