"""Which tolerance a peer gets, and which side has won."""

import time
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from benchmarks.harness import turns
from benchmarks.ladder import Contest, NotDone, Peer, limited, near, settle
from benchmarks.real import measure


def fitted(value):
    return SimpleNamespace(value=value)


def contest(ours, peers, null=2.0, entries=10):
    """A problem of which a fit is its objective."""
    return Contest("data/loss", "loss", "2 x 1", entries, lambda: fitted(ours), peers, lambda model: model.value, null)


def reaches(excess, calls=None):
    """A peer that is so many times its tolerance above 1."""

    def fit(tolerance):
        if calls is not None:
            calls.append(tolerance)
        return fitted(1 + excess * tolerance)

    return Peer(fit, (1e-1, 1e-2, 1e-3, 1e-4, 1e-5))


@pytest.mark.parametrize("excess, tolerance", [(1e-4, 1e-1), (1.0, 1e-4), (0.1, 1e-3), (9.0, 1e-5)])
def test_the_loosest_tolerance_that_is_close_enough(excess, tolerance):
    calls = []
    ours, peer = settle(contest(1.0, {"peer": reaches(excess, calls)}))
    assert (peer.tolerance, peer.reached, ours.reached) == (tolerance, True, True)
    assert calls == sorted(calls, reverse=True) and calls[-1] == tolerance


def test_close_is_relative_to_the_best_constant():
    _, peer = settle(contest(1.0, {"peer": reaches(1.0)}, null=1001.0))
    assert peer.tolerance == 1e-1
    _, peer = settle(contest(1.0, {"peer": reaches(1.0)}, null=1.1))
    assert peer.tolerance == 1e-5


def test_the_optimum_is_the_lowest_of_all_sides():
    """A peer that is as good as ours goes on if another one is better than both."""
    ours, first, second = settle(contest(1.05, {"first": reaches(0.5), "second": reaches(0.0)}))
    assert not ours.reached
    assert (first.tolerance, first.reached) == (1e-4, True)
    assert (second.tolerance, second.reached) == (1e-1, True)


def test_a_peer_that_does_not_get_there_has_its_best():
    ours, peer = settle(contest(1.0, {"peer": reaches(1000.0)}))
    assert ours.reached and not peer.reached
    assert peer.tolerance == 1e-5 and peer.objective == pytest.approx(1.01)


def test_a_peer_without_a_tolerance_and_a_yardstick_run_once():
    calls = []
    once = Peer(lambda tolerance: calls.append(tolerance) or fitted(3.0), (None,))
    yardstick = Peer(lambda tolerance: calls.append(tolerance) or fitted(-100.0), (1e-4, 1e-6), same=False)
    ours, once, yardstick = settle(contest(1.0, {"once": once, "yardstick": yardstick}))
    assert calls == [None, 1e-4]
    assert ours.reached  # the objective of a yardstick does not count
    assert not once.reached and np.isnan(yardstick.objective)


@pytest.mark.parametrize("ours, more", [(0.0, False), (0.03, True)], ids=["quick", "slow"])
def test_no_more_tries_once_patience_is_over(ours, more):
    """At least for three times our seconds."""
    calls = []

    def fit(tolerance):
        calls.append(tolerance)
        return waits(0.025, 2.0)()

    problem = contest(1.0, {"peer": Peer(fit)})
    problem.ours = waits(ours, 1.0)
    _, peer = settle(problem, patience=0.0)
    assert (len(calls) > 1) == more and not peer.reached


def test_no_more_tries_of_a_peer_far_behind():
    calls = []

    def slow(tolerance):
        calls.append(tolerance)
        return waits(0.05, 1 + tolerance)()

    quick = Peer(waits(0.001, 1.0), (1e-2,))
    settle(contest(1.0, {"slow": Peer(slow), "quick": quick}))
    assert calls == [1e-2]
    calls.clear()
    settle(contest(1.0, {"slow": Peer(slow)}))
    assert calls == [1e-2, 1e-3, 1e-4]


def test_what_compiles_has_a_fit_before():
    calls = []
    peer = reaches(0.0, calls)
    peer.compiles = True
    settle(contest(1.0, {"peer": peer}))
    assert calls == [1e-1, 1e-1]


def test_warnings_and_errors_are_kept_apart(capsys):
    def warns(tolerance):
        warnings.warn("not converged", ConvergenceWarning, stacklevel=2)
        return fitted(1.0)

    def fails(tolerance):
        raise ValueError("no such data")

    _, warned, failed = settle(contest(1.0, {"warns": Peer(warns), "fails": Peer(fails)}))
    assert warned.warned and warned.reached
    assert not failed.reached and failed.objective == np.inf
    assert "no such data" in capsys.readouterr().err


def endless(*_):
    while True:
        sum(range(1000))


def test_a_fit_that_does_not_end_is_stopped():
    with pytest.raises(NotDone), limited(0.05):
        endless()
    # The clock is off again.
    start = time.process_time()
    while time.process_time() - start < 0.1:
        pass
    problem = contest(1.0, {"peer": Peer(lambda tolerance: fitted(1.0))})
    problem.ours = endless
    row = measure(problem, limit=0.05)
    assert row["ratio"] == np.inf and not row["won"] and row["reached"] and row["done"] == [False, True]


@pytest.mark.parametrize(
    "value, other, optimum, expected",
    [
        (1.0, 1.0, 1.0, True),
        (0.5, 1.0, 0.5, True),
        (1.00009, 1.0, 1.0, True),
        (1.00011, 1.0, 1.0, False),
        # A worse peer is no excuse beyond the criterion.
        (1.10009, 1.1, 1.0, True),
        (1.10012, 1.1, 1.0, False),
    ],
)
def test_near(value, other, optimum, expected):
    assert near(value, other, 2.0, optimum) is expected


def waits(seconds, value):
    def fit(tolerance=None):
        start = time.process_time()
        while time.process_time() - start < seconds:
            pass
        return fitted(value)

    return fit


@pytest.mark.parametrize(
    "ours, theirs, won, close",
    [
        (waits(0.001, 1.0), waits(0.01, 1.0), True, True),
        (waits(0.01, 1.0), waits(0.001, 1.0), False, True),
        (waits(0.001, 1.1), waits(0.01, 1.0), False, False),
    ],
    ids=["faster", "slower", "worse"],
)
def test_won_is_faster_and_no_worse(ours, theirs, won, close):
    problem = contest(1.0, {"peer": Peer(theirs)})
    problem.ours = ours
    row = measure(problem)
    assert (row["won"], row["close"], row["peak_mb"]) == (won, close, [None, None])


def test_the_best_peer_is_the_fastest_that_got_there():
    peers = {
        "slow": Peer(waits(0.01, 1.0)),
        "good": Peer(waits(0.004, 1.0)),
        "bad": Peer(waits(0.001, 1.5)),
    }
    row = measure(contest(1.0, peers, entries=1_000_000))
    assert row["peer"] == "good" and row["tolerance"] == 1e-2 and set(row["others"]) == {"slow", "bad"}
    assert all(peak >= 0 for peak in row["peak_mb"])


def test_turns():
    order = []
    fits = {name: lambda name=name: order.append(name) for name in "abc"}
    seconds = turns(fits, {"a": 0.1, "b": 0.05, "c": 100.0}, least=0.4)
    assert order == ["a", "b"] * 4
    assert seconds["c"] == [100.0] and len(seconds["a"]) == len(seconds["b"]) == 4
