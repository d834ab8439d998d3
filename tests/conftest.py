"""One BLAS thread per test process: small products are slower on more, and much with pytest -n.

And a Dask cluster of two processes with one thread each, started once in a session.
"""

import logging
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


@pytest.fixture(scope="session")
def cluster():
    # Not "distributed": where it is not installed, that is this folder.
    deploy = pytest.importorskip("distributed.deploy")
    with deploy.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs=logging.CRITICAL
    ) as cluster:
        yield cluster


@pytest.fixture
def client(cluster):
    """A client of the cluster, which has both of its workers."""
    from distributed import Client

    with Client(cluster) as client:
        client.wait_for_workers(2, timeout=100)
        yield client
