"""A cluster of two processes with one thread each, started once in a session."""

import logging

import pytest


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
