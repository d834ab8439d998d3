"""Floating-point errors are ignored inside a decorated function, and nowhere else."""

import numpy as np
import pytest

from sklearn_losses.core.floating import ignoring_floating_errors


@ignoring_floating_errors
def one_over(value, *, deeper=False):
    """The docstring stays."""
    if deeper:
        one_over(value)
    return np.ones(1) / value


@pytest.mark.parametrize("deeper", [False, True])
def test_errors_are_ignored_inside_and_the_callers_state_comes_back(deeper):
    with np.errstate(all="raise"):
        assert one_over(np.zeros(1), deeper=deeper) == np.inf
        with pytest.raises(FloatingPointError):
            np.ones(1) / np.zeros(1)


def test_the_state_comes_back_after_an_error():
    @ignoring_floating_errors
    def fails():
        raise KeyError("inside")

    with np.errstate(all="raise"):
        with pytest.raises(KeyError, match="inside"):
            fails()
        assert set(np.geterr().values()) == {"raise"}


def test_name_and_docstring_are_those_of_the_function():
    assert one_over.__name__ == "one_over" and one_over.__doc__ == "The docstring stays."
