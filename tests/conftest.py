"""One BLAS thread per test process: the tests' small products are slower, and with pytest -n much slower, on more."""

import pytest
from threadpoolctl import threadpool_limits  # scikit-learn depends on it


@pytest.fixture(autouse=True, scope="session")
def one_blas_thread():
    with threadpool_limits(limits=1, user_api="blas"):
        yield
