"""Methods under a condition: there or not, and the reason of the one that is not."""

import pytest

from sklearn_losses.estimators.available import available_where


def has_size(owner):
    if owner.size is None:
        raise AttributeError("no size: set one")
    if owner.size < 0:
        raise ValueError("a size below 0")


class Owner:
    def __init__(self, size=None):
        self.size = size

    @available_where(has_size)
    def twice(self, plus=0):
        """Two times the size."""
        return 2 * self.size + plus


def test_a_method_whose_condition_holds_is_bound():
    owner = Owner(3)
    assert hasattr(owner, "twice") and owner.twice() == 6 and owner.twice(plus=1) == 7
    assert owner.twice.__doc__ == "Two times the size."


def test_the_error_is_that_of_the_condition():
    assert not hasattr(Owner(), "twice")
    with pytest.raises(AttributeError, match="^no size: set one$"):
        Owner().twice  # noqa: B018  # the access raises


def test_another_error_becomes_one_of_a_missing_attribute_and_names_its_cause():
    assert not hasattr(Owner(-1), "twice")
    with pytest.raises(AttributeError, match="^Owner has no twice with these parameters: a size below 0$") as caught:
        Owner(-1).twice()
    assert isinstance(caught.value.__cause__, ValueError)


def test_from_the_class_it_is_a_function_that_checks():
    assert Owner.twice(Owner(2), plus=1) == 5 and Owner.twice.__name__ == "twice"
    with pytest.raises(AttributeError, match="no size"):
        Owner.twice(Owner())
