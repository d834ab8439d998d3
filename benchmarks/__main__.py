"""``python -m benchmarks [NAME ...] [--repeats N]``: all workloads, or those whose function's name
contains a NAME. ``python -m benchmarks real [NAME ...] [--limit SECONDS] [--write]``: the data
that people have, on one thread. ``python -m benchmarks dask``: what a cluster costs.
"""

import argparse
import os

parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
parser.add_argument("names", nargs="*")
parser.add_argument("--repeats", type=int, default=5)
parser.add_argument("--limit", type=float, default=30.0, help="real: seconds after which a fit is not done")
parser.add_argument("--write", action="store_true", help="real: bring the results into the documentation and the README")
parser.add_argument("--rows", type=int, default=1_000_000, help="stream: rows of the files")
parser.add_argument("--columns", type=int, default=30, help="stream: columns of X")
parser.add_argument("--format", choices=["npy", "parquet"], default="npy", help="stream: of the files")
parser.add_argument("--peers", action="store_true", help="stream: scikit-learn's partial_fit too")
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
