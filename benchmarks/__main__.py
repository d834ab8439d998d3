"""``python -m benchmarks [NAME ...] [--repeats N]``: all workloads, or those whose function's name
contains a NAME.
"""

import argparse

from benchmarks import costs, exact, first_order, l1, leverage, ranking
from benchmarks.harness import main

parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
parser.add_argument("names", nargs="*")
parser.add_argument("--repeats", type=int, default=5)
arguments = parser.parse_args()
modules = [exact, l1, first_order, ranking, leverage, costs]
workloads = [workload for module in modules for workload in module.WORKLOADS]
main(workloads, arguments.names, arguments.repeats)
