"""One BLAS thread per test process: small products are slower on more, and much with pytest -n."""

import os

# Before scipy is imported: scikit-learn skips a check without it.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

import pytest
from threadpoolctl import threadpool_limits  # scikit-learn depends on it

# It registers a loss when it is imported; tests/test_typing.py runs it.
collect_ignore = ["typing/user.py"]


@pytest.fixture(autouse=True, scope="session")
def one_blas_thread():
    with threadpool_limits(limits=1, user_api="blas"):
        yield
