"""For the tests and the examples of docstrings: pictures are drawn without a window, and closed."""

import os
import sys

import pytest

os.environ.setdefault("MPLBACKEND", "Agg")


@pytest.fixture(autouse=True)
def figures_are_closed():
    """Close the figures of a test: matplotlib warns of more than 20 that are open."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
