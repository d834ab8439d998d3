"""Ours against the peers: ``python -m benchmarks`` (extra ``bench``)."""
