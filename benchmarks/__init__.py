"""Our fits compared with those of other packages: ``python -m benchmarks`` (extra ``bench``)."""
