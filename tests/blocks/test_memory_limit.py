"""Fits of data that is 20 times as large as the memory that they may use."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from limited_fits import made

SCRIPT = Path(__file__).with_name("limited_fits.py")
MEGABYTES = 24  # of X in a file
# What malloc is told: one heap for all threads, and arrays from 1 MB on are given back when they
# are no longer used, instead of staying with the process. The limit is on what fits ask for.
MALLOC = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "1000000", "MALLOC_TRIM_THRESHOLD_": "1000000"}
# Blocks have 0.8 MB. The rest are a distribution of the targets (8 MB) and a sample of the rows (up
# to 65,536); of losses with kinks as many rows are solved for exactly, and a method keeps several
# numbers for each of these.
CASES = {
    "sums": (20, ("mse", "poisson", "logistic", "adam", "network")),
    "kinks": (40, ("mae", "hinge")),  # they need 29 to 33 MB, as the thread that reads ahead has it
}


def data():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((MEGABYTES * 2**20 // 80, 10))
    raw = X @ rng.standard_normal(10) / 3
    targets = {
        "real": raw + rng.standard_normal(len(X)),
        "count": rng.poisson(np.exp(raw / 2)).astype(float),
        "label": (raw + rng.logistic(size=len(X)) > 0).astype(int),
    }
    return X, targets


def write(folder, X, targets, n_files):
    """As many files as that, which are all the same: links to one on the disk.

    The mean loss of equal files is that of one, so that one in memory has the same optimum.
    """
    for name, array in {"X": X, **targets}.items():
        np.save(folder / f"{name}-0.npy", array)
        for number in range(1, n_files):
            os.link(folder / f"{name}-0.npy", folder / f"{name}-{number}.npy")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # of one pass
@pytest.mark.parametrize("kind", CASES)
def test_fits(kind, tmp_path):
    megabytes, names = CASES[kind]
    X, targets = data()
    n_files = -(-20 * megabytes // MEGABYTES)
    write(tmp_path, X, targets, n_files)
    call = [sys.executable, SCRIPT, tmp_path, str(megabytes), "10000", *names]
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(call, env={**os.environ, **MALLOC, **threads}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    for name in names:
        model, target = made(name)
        model.fit(X, targets[target])
        if name in ("adam", "network"):  # other steps: more rows, in another order
            assert found[name]["loss"] == pytest.approx(model.loss_, rel=0.05)
            continue
        exact = kind == "sums"
        np.testing.assert_allclose(found[name]["coef"], model.coef_.ravel(), rtol=0, atol=1e-8 if exact else 1e-4)
        assert found[name]["loss"] == pytest.approx(model.loss_, rel=1e-10 if exact else 1e-6)
        if name == "logistic":
            assert found["predictions"]["shape"] == [n_files * len(X), 2]
            np.testing.assert_allclose(found["predictions"]["last"], model.predict_proba(X[-1:])[0], rtol=1e-6)
            assert found["score"] == pytest.approx(model.score(X, targets["label"]), rel=1e-12)
            assert (tmp_path / "predictions.npy").stat().st_size > 16 * n_files * len(X)
