"""``python -m benchmarks [NAME ...] [--repeats N]``: all workloads, or those whose function's name
contains a NAME.
"""

import argparse

from benchmarks import costs, exact, first_order, l1, ranking
from benchmarks.harness import main

parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
parser.add_argument("names", nargs="*")
parser.add_argument("--repeats", type=int, default=5)
arguments = parser.parse_args()
workloads = [*exact.WORKLOADS, *l1.WORKLOADS, *first_order.WORKLOADS, *ranking.WORKLOADS, *costs.WORKLOADS]
main(workloads, arguments.names, arguments.repeats)
