"""Compare our fits with those of other packages.

``python -m benchmarks [NAME ...] [--repeats N]`` measures all workloads on random data, or those
whose function's name contains a NAME. ``python -m benchmarks real [NAME ...] [--limit SECONDS]
[--write]`` measures real data on one thread. ``python -m benchmarks stream`` compares rows in files
with rows in memory, and ``python -m benchmarks dask`` measures the cost of a cluster.
"""

import argparse
import os

parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
parser.add_argument("names", nargs="*", help="what to measure: parts of names; all without")
parser.add_argument("--repeats", type=int, default=5, help="random data: runs of each fit, whose median counts")
parser.add_argument("--limit", type=float, default=30.0, help="real: seconds after which a fit is stopped")
parser.add_argument("--write", action="store_true", help="real: write the results to docs/ and README.md")
parser.add_argument("--rows", type=int, default=1_000_000, help="stream: number of rows")
parser.add_argument("--columns", type=int, default=30, help="stream: number of columns of X")
parser.add_argument("--format", choices=["npy", "parquet"], default="npy", help="stream: format of the files")
parser.add_argument("--peers", action="store_true", help="stream: also measure scikit-learn's partial_fit")
arguments = parser.parse_intermixed_args()
if arguments.names[:1] in (["dask"], ["real"], ["stream"]):
    for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
        os.environ[f"{library}_NUM_THREADS"] = "1"  # read when NumPy is imported
    from benchmarks import cluster, real, stream

    if arguments.names[0] == "real":
        real.main(arguments.names[1:], arguments.limit, arguments.write)
    elif arguments.names[0] == "dask":
        cluster.main()
    else:
        stream.main(arguments.names[1:], arguments.rows, arguments.columns, arguments.format, arguments.peers)
else:
    from benchmarks import costs, exact, first_order, l1, leverage, ranking
    from benchmarks.harness import main

    modules = [exact, l1, first_order, ranking, leverage, costs]
    main([workload for module in modules for workload in module.WORKLOADS], arguments.names, arguments.repeats)
