"""``python -m benchmarks [NAME ...] [--repeats N]``: all workloads, or those whose function's name contains a NAME."""

import argparse

from benchmarks import first_order, ranking
from benchmarks.harness import main

parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
parser.add_argument("names", nargs="*")
parser.add_argument("--repeats", type=int, default=5)
arguments = parser.parse_args()
main([*first_order.WORKLOADS, *ranking.WORKLOADS], arguments.names, arguments.repeats)
