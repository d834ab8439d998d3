"""Fits of a source in a process of its own, whose memory is limited.

RLIMIT_DATA counts what a process has allocated: its heap and private memory of its own, written to
or not. Memory that is mapped from files does not count, as the system takes it back when it needs
some. So the limit is what fits may allocate beyond imports and one small fit of each kind.

Called as ``limited_fits.py FOLDER MEGABYTES BLOCK_ROWS NAME...``; prints what the fits found, as
JSON.
"""

import json
import resource
import sys
import threading
from pathlib import Path

import numpy as np

from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.blocks import ArrayBlocks, NpyBlocks, predict_to_file
from sklearn_losses.solvers import Adam

EXACT = {"tol": 1e-10}
ONCE = {"solver": Adam(0.01, batch_size=1000), "max_iter": 1, "random_state": 0}
FITS = {
    "mse": (LossRegressor, EXACT, "real"),
    "poisson": (LossRegressor, {"loss": "poisson", **EXACT}, "count"),
    "logistic": (LossClassifier, EXACT, "label"),
    "mae": (LossRegressor, {"loss": "mae", "alpha": 1e-3}, "real"),
    "hinge": (LossClassifier, {"loss": "hinge", "alpha": 1e-3}, "label"),
    "adam": (LossRegressor, ONCE, "real"),
    "network": (LossRegressor, {"hidden_layer_sizes": (4,), **ONCE}, "real"),
}


def made(name):
    """The estimator of a fit, and what its target is called."""
    make, options, target = FITS[name]
    return make(**options), target


def allocated():
    """What counts against RLIMIT_DATA now, in bytes."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmData")]
    return int(line.split()[1]) * 1024


def main(folder, megabytes, block_rows, names):
    def source(target):
        return NpyBlocks(f"{folder}/X-*.npy", target=f"{folder}/{target}-*.npy", block_rows=block_rows)

    threading.stack_size(2**18)  # of the thread that reads ahead; else it is 8 MB
    rng = np.random.default_rng(0)
    small = ArrayBlocks(rng.standard_normal((2000, 10)), rng.integers(0, 2, 2000).astype(float), block_rows=500)
    for name in names:  # what is imported on demand, and the buffers of BLAS
        made(name)[0].fit(small)
    resource.setrlimit(resource.RLIMIT_DATA, (allocated() + megabytes * 2**20, resource.RLIM_INFINITY))
    found = {}
    for name in names:
        model, target = made(name)
        model.fit(source(target))
        found[name] = {"coef": np.ravel(getattr(model, "coef_", 0.0)).tolist(), "loss": model.loss_}
        if name == "logistic":
            predictions = predict_to_file(model, source(target), f"{folder}/predictions.npy", method="predict_proba")
            found["predictions"] = {"shape": predictions.shape, "last": predictions[-1].tolist()}
            found["score"] = model.score(source(target))
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
