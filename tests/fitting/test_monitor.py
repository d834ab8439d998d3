"""The callback of every fit: history, early stopping, printing."""

import numpy as np
import pytest

from sklearn_losses.fitting.monitor import Monitor


def monitor(**changes):
    options = {
        "solver": "adam", "tol": 0.1, "patience": 2, "watch_training": True, "validation": None, "verbose": 0, "max_iter": 10,
    }  # fmt: skip
    return Monitor(**{**options, **changes})


class HeldOut:
    """Held-out rows, whose mean loss is the first parameter."""

    def mean_loss(self, params):
        return float(params[0])


def run(monitor, values):
    """How many iterations are run before the monitor stops."""
    for count, value in enumerate(values, 1):
        if monitor(np.array([float(value)]), float(value)):
            return count
    return len(values)


def test_history_and_the_point_before():
    watched = monitor()
    run(watched, [5, 4, 3])
    assert watched.losses == [5, 4, 3] and watched.params.tolist() == [3] and watched.earlier.tolist() == [4]
    assert not watched.stopped and not watched.rose and watched.best_params is None


@pytest.mark.parametrize(("values", "stops"), [([10, 8, 7.5, 7.4, 7.3, 1], 4), ([10, 9.5, 9.2, 1], 3), ([10, 8, 6, 4, 2], 5)])
def test_passes_that_lower_the_loss_by_less_than_tol_are_no_progress(values, stops):
    watched = monitor()
    assert run(watched, values) == stops and watched.stopped == (stops < len(values))


def test_a_deterministic_solver_is_not_stopped_by_its_training_loss():
    watched = monitor(watch_training=False)
    assert run(watched, [5] * 6) == 6 and not watched.stopped


def test_the_best_of_the_held_out_rows_is_kept():
    watched = monitor(watch_training=False, validation=HeldOut())
    assert run(watched, [5, 3, 4, 3.5, 1]) == 4
    assert watched.scores == [-5, -3, -4, -3.5] and watched.best_params.tolist() == [3] and watched.stopped


def test_a_loss_that_rises_to_more_than_twice_its_first_value():
    watched = monitor()
    run(watched, [2, 3, 5])
    assert watched.rose
    for values in ([2, 3, 4], [2, 5]):  # not more than twice; not stopped
        other = monitor()
        run(other, values)
        assert not other.rose
    held_out = monitor(validation=HeldOut())
    run(held_out, [2, 3, 5])
    assert not held_out.rose


def test_a_report_can_stop():
    seen, closed = [], []
    watched = monitor(report=lambda params: seen.append(params[0]) or len(seen) == 2, close=lambda: closed.append(1))
    assert run(watched, [5, 4, 3]) == 2 and seen == [5, 4] and watched.stopped
    watched.close()
    assert closed == [1]
    monitor().close()


def test_the_line_of_an_iteration(capsys):
    watched = monitor(verbose=2, start=np.array([7.0]))
    run(watched, [5, 4, 3, 2])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and all("step 1 " in line and line.startswith("[adam] iteration") for line in lines)
    run(monitor(verbose=1, start=np.array([7.0])), [5])
    assert "step 2 " in capsys.readouterr().out
    run(monitor(verbose=1, start=np.zeros(3), validation=HeldOut()), [5])
    line = capsys.readouterr().out
    assert "step" not in line and "validation 5" in line
