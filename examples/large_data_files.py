"""
Fit data larger than memory from files
======================================

This example fits a model to rows that stay in files. :class:`~sklearn_losses.blocks.NpyBlocks`
reads ``.npy`` files block by block, and ``fit`` takes it in the place of ``X`` and ``y``. The
result is that of a fit in memory. The data are simulated and small here, 240,000 rows, so that the
memory of both ways can be compared. The memory of a fit from files hardly grows with the number of
rows.
"""

# sphinx_gallery_thumbnail_number = 1

import tempfile
import tracemalloc
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from sklearn_losses import LossRegressor
from sklearn_losses.blocks import NpyBlocks, predict_to_file

# %%
# Write some files
# ----------------
#
# Each file holds 20,000 rows with 20 features and, in the last column, the target. The files are
# written to a temporary folder.

temporary = tempfile.TemporaryDirectory()
folder = Path(temporary.name)
rng = np.random.default_rng(0)
coefficients = rng.normal(size=20)
for number in range(12):
    X = rng.normal(size=(20_000, 20))
    y = X @ coefficients + rng.standard_t(3, size=20_000)
    np.save(folder / f"part-{number}.npy", np.column_stack([X, y]))
paths = sorted(folder.glob("part-*.npy"))
print(f"{len(paths)} files of {paths[0].stat().st_size / 1e6:.1f} MB")

# %%
# Fit from files and in memory
# ----------------------------
#
# ``target=-1`` says that the target is the last column. The absolute error (``mae``) is fitted
# here; most losses work in the same way. A block has 4,000 rows in this example. By default it has
# as many rows as fit into 16 MiB.

source = NpyBlocks(paths, target=-1, block_rows=4000)
from_files = LossRegressor("mae").fit(source)
table = np.concatenate([np.load(path) for path in paths])
in_memory = LossRegressor("mae").fit(table[:, :-1], table[:, -1])
difference = np.max(np.abs(from_files.coef_ - in_memory.coef_))
print(f"shape of the source: {source.shape}")
print(f"converged: {from_files.converged_}, duality gap {from_files.dual_gap_:.0e}")
print(
    f"largest difference from the coefficients of the fit in memory: {difference:.0e}"
)

# %%
# Write the predictions to a file
# -------------------------------
#
# ``score`` takes the source as well. Predictions of so many rows may not fit into memory, so
# :func:`~sklearn_losses.blocks.predict_to_file` writes them to a file and returns a memory map.

predictions = predict_to_file(from_files, source, folder / "predictions.npy")
print(f"{len(predictions):,} predictions, R2 {from_files.score(source):.3f}")

# %%
# Compare the memory
# ------------------
#
# The peak of the memory that Python and NumPy allocate is measured for 1 to 12 files.


def peak_megabytes(function, some):
    """The largest memory allocated at one time while the function runs."""
    tracemalloc.start()
    function(some)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def fit_in_memory(some):
    table = np.concatenate([np.load(path) for path in some])
    LossRegressor("mae").fit(table[:, :-1], table[:, -1])


def fit_from_files(some):
    source = NpyBlocks(some, target=-1, block_rows=4000)
    LossRegressor("mae").fit(source)


del table, X, y
counts = (1, 4, 8, 12)
memory = {"rows in memory": [], "rows in files": []}
for count in counts:
    some = paths[:count]
    memory["rows in memory"].append(peak_megabytes(fit_in_memory, some))
    memory["rows in files"].append(peak_megabytes(fit_from_files, some))
print(f"{'rows':>10}{'in memory':>16}{'from files':>16}")
for count, loaded, read in zip(counts, *memory.values(), strict=True):
    print(f"{20_000 * count:10,}{loaded:13.0f} MB{read:13.0f} MB")

figure, ax = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
rows = [20_000 * count for count in counts]
for (name, peaks), color, marker in zip(
    memory.items(), ("#D55E00", "#0072B2"), "os", strict=True
):
    ax.plot(rows, peaks, color=color, marker=marker, linewidth=2, label=name)
ax.set(
    title="Peak memory of a fit",
    xlabel="number of rows",
    ylabel="memory, MB",
    ylim=(0, None),
)
ax.grid(color="0.9")
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False)
plt.show()

# %%
# In memory, a fit needs the rows and copies of them. From files it needs a few blocks, a sample of
# the rows and those rows that decide on the solution, so the memory hardly grows any more. At the
# end the temporary folder is removed.

del predictions
temporary.cleanup()
