"""The thread that reads ahead: what it holds, what it passes on, and when it ends."""

import gc
import multiprocessing
import threading
import time
from contextlib import closing

import numpy as np
import pytest

from sklearn_losses.blocks import NpyBlocks, read_ahead


def readers():
    """The threads that read ahead."""
    return [thread for thread in threading.enumerate() if "read_ahead" in thread.name]


def until(condition):
    """Wait until something holds, ten seconds at the most."""
    for _ in range(1000):
        if condition():
            return True
        time.sleep(0.01)
    return False


class Item:
    """What counts how many of its kind are alive."""

    alive = 0
    most = 0

    def __init__(self):
        Item.alive += 1
        Item.most = max(Item.most, Item.alive)

    def __del__(self):
        Item.alive -= 1


@pytest.fixture(autouse=True)
def no_thread_is_left():
    assert readers() == []
    yield
    assert until(lambda: readers() == [])


def test_all_items_in_order_on_one_thread():
    names = []

    def items():
        for number in range(50):
            names.append(threading.current_thread().name)
            yield number

    assert list(read_ahead(items())) == list(range(50))
    assert list(read_ahead([])) == [] and list(read_ahead([3])) == [3]
    assert len(set(names)) == 1 and "read_ahead" in names[0]


def test_one_item_is_made_ahead_and_no_more():
    made = []
    ahead = read_ahead(made.append(number) or number for number in range(10))
    assert made == []  # nothing before the first one is asked for
    for _ in range(8):
        known = next(ahead) + 2
        assert until(lambda expected=known: len(made) == expected)
        time.sleep(0.005)
        assert len(made) == known
    assert list(ahead) == [8, 9]


def test_memory_is_that_of_two_items():
    Item.most = 0
    for number, item in enumerate(read_ahead(Item() for _ in range(20))):
        assert number == 19 or until(lambda: Item.alive == 2)
        del item
    # The third one is made while the reader still hands the first one back.
    assert Item.alive == 0 and Item.most <= 3


def test_errors_reach_the_reader_in_their_place():
    def items():
        yield 1
        raise OSError("the disk is gone")

    ahead = read_ahead(items())
    assert next(ahead) == 1
    with pytest.raises(OSError, match="the disk is gone"):
        next(ahead)
    assert list(ahead) == [] and readers() == []


@pytest.mark.parametrize("end", ["close", "forget", "cycle", "break", "error", "never begun"])
def test_the_thread_ends_with_the_pass(end):
    closed = []

    def items():
        try:
            yield from range(100)
        finally:
            closed.append(True)

    ahead = read_ahead(items())
    if end == "never begun":
        del ahead
    elif end == "break":
        with closing(ahead):
            for _ in ahead:
                break
    elif end == "error":
        with pytest.raises(ZeroDivisionError):
            for number in ahead:
                1 / number
        del ahead
    else:
        assert next(ahead) == 0 and len(readers()) == 1
        if end == "close":
            ahead.close()
            assert readers() == []
        elif end == "cycle":
            cycle = [ahead]
            cycle.append(cycle)
            del ahead, cycle
            gc.collect()
        else:
            del ahead
    assert until(lambda: readers() == [])
    assert closed == ([] if end == "never begun" else [True])


def test_the_thread_itself_may_be_the_one_that_forgets():
    held = []

    def items():
        yield 0
        held.clear()  # the last reference to the generator that reads ahead
        yield 1

    held.append(read_ahead(items()))
    assert next(held[0]) == 0
    assert until(lambda: held == [])


def test_two_passes_at_a_time():
    pairs = zip(read_ahead(range(9)), read_ahead(range(9)), strict=True)
    assert list(pairs) == [(number, number) for number in range(9)]


def in_child(source, passing, answers):
    try:
        next(passing)
        answers.put("went on")
    except RuntimeError as error:
        answers.put(str(error))
    answers.put(sum(block.X.sum() for block in source.blocks()))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="the platform has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # of threads, which is what is tried
def test_a_fork_in_the_middle_of_an_item():
    """The thread stays in the parent, so the iterator cannot be closed in the child."""
    begun, go_on = threading.Event(), threading.Event()

    def slow():
        yield 1
        begun.set()
        go_on.wait(20)
        yield 2

    passing = read_ahead(slow())
    assert next(passing) == 1 and begun.wait(20)
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=next_in_child, args=(passing, answers))
    child.start()
    assert "cannot continue in a forked process" in answers.get(timeout=20)
    child.join(20)
    go_on.set()
    assert list(passing) == [2]


def next_in_child(passing, answers):
    try:
        answers.put(next(passing))
    except Exception as error:
        answers.put(str(error))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="the platform has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_reads_anew(tmp_path):
    np.save(tmp_path / "X.npy", np.arange(100.0).reshape(50, 2))
    source = NpyBlocks(tmp_path / "X.npy", block_rows=5)
    passing = source.blocks()
    assert len(next(passing).X) == 5
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=in_child, args=(source, passing, answers))
    child.start()
    assert "cannot continue in a forked process" in answers.get(timeout=20)
    assert answers.get(timeout=20) == 4950
    child.join(20)
    assert child.exitcode == 0
    assert len(list(passing)) == 9
