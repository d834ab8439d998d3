"""Errors and times of regressions on data with leverage points, ours and other packages'.

    python -m benchmarks leverage    # times, and the error as the objective, against peers
    python -m benchmarks.leverage    # a table of errors for each kind of outlier, share and size

The error is the largest one of a coefficient, in units of the noise. A ratio counts as missed where
the error of the other side is smaller, by chance too.
"""

import time
import tracemalloc
from functools import partial
from itertools import product

import numpy as np
from sklearn.linear_model import HuberRegressor, LinearRegression, RANSACRegressor, TheilSenRegressor

from benchmarks.contamination import KINDS, contaminated
from benchmarks.harness import Workload
from sklearn_losses import LossRegressor
from sklearn_losses.losses import Tukey

__all__ = ["WORKLOADS", "grid"]

SHARES = (0.0, 0.1, 0.2, 0.3, 0.4)


class _Coefficients:
    def __init__(self, coef):
        self.coef_ = np.asarray(coef)


def _tukey(X, y, start="resistant"):
    return LossRegressor(Tukey(start=start), alpha=0).fit(X, y)


def _error(data):
    return lambda model: data.error(model.coef_)


def leverage_statsmodels():
    """MM from deterministic starts, in statsmodels from 0.15 on; the larger one takes minutes."""
    try:
        from statsmodels.robust.resistant_linear_model import RLMDetSMM
    except ImportError:
        return
    for n, p in [(500, 10), (2000, 20)]:
        data = contaminated(n, p, 0.3)
        A = np.column_stack([np.ones(n), data.X])
        yield Workload(
            f"30 % leverage points, {n:,} x {p}",
            partial(_tukey, data.X, data.y),
            {"statsmodels RLMDetSMM": lambda y=data.y, A=A: _Coefficients(RLMDetSMM(y, A).fit().params[1:])},
            _error(data),
            at_most=0.02,
        )


def _peers(X, y):
    return {
        "tukey, start='mae'": lambda: _tukey(X, y, "mae"),
        "RANSACRegressor": lambda: RANSACRegressor(LinearRegression(), max_trials=1000, random_state=0).fit(X, y).estimator_,
        "TheilSenRegressor": lambda: TheilSenRegressor(random_state=0).fit(X, y),
        "HuberRegressor": lambda: HuberRegressor(alpha=0, max_iter=1000).fit(X, y),
    }


def leverage_sklearn():
    """Peers that are faster, but less robust or less exact: no ratio is aimed at."""
    for (n, p), share in product([(200, 5), (2000, 20)], [0.0, 0.3]):
        data = contaminated(n, p, share)
        ours = partial(_tukey, data.X, data.y)
        yield Workload(f"{100 * share:.0f} % leverage points, {n:,} x {p}", ours, _peers(data.X, data.y), _error(data), np.inf)


def leverage_sizes():
    for n, p in [(20_000, 20), (100_000, 20), (100_000, 50)]:
        data = contaminated(n, p, 0.3)
        ours, other = partial(_tukey, data.X, data.y), partial(_tukey, data.X, data.y, "mae")
        yield Workload(f"30 % leverage points, {n:,} x {p}", ours, {"tukey, start='mae'": other}, _error(data), np.inf)


WORKLOADS = [leverage_statsmodels, leverage_sklearn, leverage_sizes]


def grid(sizes=None, most=2e6):
    """A Markdown table of the largest error of a coefficient, in units of the noise.

    Beside it stand the error of least squares on the clean rows, seconds, and memory beyond X.

    Parameters
    ----------
    sizes : list of (int, int), default=None
        Rows and columns; None for all with at least four rows for each column.
    most : float, default=2e6
        Entries of X at the most.
    """
    sizes = sizes or list(product([200, 500, 2000, 20_000, 100_000], [2, 5, 20, 50]))
    print("| kind | n x p | " + " | ".join(f"{share:.0%}" for share in SHARES) + " | least squares | seconds | peak MB |")
    print("|---|---|" + "---|" * (len(SHARES) + 3))
    for (n, p), kind in product(sizes, KINDS):
        if n < 4 * p or n * p > most:
            continue
        errors, clean, seconds = [], 0.0, 0.0
        for share in SHARES:
            data = contaminated(n, p, share, kind)
            start = time.process_time()
            model = _tukey(data.X, data.y)
            seconds = max(seconds, time.process_time() - start)
            clean = max(clean, data.least_squares())
            errors.append(f"{data.error(model.coef_):.3f}")
        tracemalloc.start()
        _tukey(data.X, data.y)
        peak = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
        print(f"| {kind} | {n:,} x {p} | {' | '.join(errors)} | {clean:.3f} | {seconds:.2f} | {peak:.0f} |", flush=True)


if __name__ == "__main__":
    grid()
