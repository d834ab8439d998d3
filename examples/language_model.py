"""
Character language model with softmax and MLP
=============================================

This example trains small language models, which predict the next character of a text. The text are
the docstrings of Python's standard library, NumPy and scikit-learn on your machine, so nothing is
downloaded and the numbers depend a little on the installed versions.

A row of the data is a place in the text. Its features are the last five characters, and its class
is the next character. Softmax regression and a multi-layer perceptron (MLP) with cross-entropy are
compared with counts of characters. The measure is the perplexity on other docstrings: a perplexity
of 5 means that the model is as unsure as if 5 characters were equally likely.
"""

# sphinx_gallery_thumbnail_number = 1

import ast
import pathlib
import textwrap
import warnings

import matplotlib.pyplot as plt
import numpy as np
import sklearn
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from sklearn_losses import LossClassifier, perplexity_score
from sklearn_losses.solvers import Adam

# %%
# Collect docstrings
# ------------------
#
# The texts are in lower case, in a fixed random order. Four of five are for training.


def docstrings(folder, limit):
    """Docstrings of the modules in a folder, up to a number of characters."""
    found = []
    for path in sorted(folder.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                text = " ".join((ast.get_docstring(node) or "").lower().split())
                if len(text) > 80 and text not in found:
                    found.append(text)
        if sum(map(len, found)) > limit:
            break
    return found


folders = (pathlib.Path(ast.__file__).parent, pathlib.Path(np.__file__).parent / "lib")
folders += (pathlib.Path(sklearn.__file__).parent / "metrics",)
texts = sum((docstrings(folder, 20_000) for folder in folders), [])
texts = [texts[place] for place in np.random.default_rng(0).permutation(len(texts))]
everything = "".join(texts)
alphabet = sorted(sorted(set(everything)), key=everything.count)[-40:]
n_characters = len(alphabet) + 1
print(
    f"{len(texts)} docstrings, {len(everything):,} characters, "
    f"{n_characters} different ones"
)
print(texts[0][:75])

# %%
# Make rows for a classifier
# --------------------------
#
# Each character is a number from 0 to 40; rare characters share the last number. The features of a
# row are the last 1, 2, 3, 4 and 5 characters. Each of these five strings is hashed to one of 8,192
# columns, which gives a sparse matrix with five entries for each row.

ORDER, N_FEATURES = 5, 2**13


def codes(text):
    """Characters as numbers, after five spaces."""
    return np.array(
        [
            alphabet.index(c) if c in alphabet else len(alphabet)
            for c in " " * ORDER + text
        ]
    )


def rows(coded):
    """Hashed features of each place of a coded text."""
    places = np.arange(ORDER, len(coded))
    hashed = np.zeros(len(places), dtype=np.uint64)
    columns = np.empty((len(places), ORDER), dtype=np.int64)
    for back in range(1, ORDER + 1):
        hashed = (
            hashed * np.uint64(1_000_003)
            + coded[places - back].astype(np.uint64)
            + np.uint64(17)
        )
        mixed = (hashed ^ (hashed >> np.uint64(29))) * np.uint64(0x9E3779B97F4A7C15)
        columns[:, back - 1] = (mixed >> np.uint64(40)) % np.uint64(N_FEATURES)
    pointer = np.arange(0, columns.size + 1, ORDER)
    return sparse.csr_matrix(
        (np.ones(columns.size, np.float32), columns.ravel(), pointer),
        (len(places), N_FEATURES),
    )


coded = [codes(text) for text in texts]
split = len(texts) * 4 // 5
parts = {}
for name, some, limit in (
    ("train", coded[:split], 25_000),
    ("test", coded[split:], 8_000),
):
    X = sparse.vstack([rows(text) for text in some], format="csr")[:limit]
    y = np.concatenate([text[ORDER:] for text in some])[:limit]
    previous = np.concatenate([text[ORDER - 1 : -1] for text in some])[:limit]
    parts[name] = X, y, previous
(X, y, previous), (X_test, y_test, previous_test) = parts.values()
print(
    f"{X.shape[0]:,} training rows, {X_test.shape[0]:,} test rows, "
    f"{X.shape[1]:,} columns"
)

# %%
# Count characters for comparison
# -------------------------------
#
# The simplest models count: how often a character occurs (unigrams), and how often it follows the
# previous character (bigrams). One is added to each count.

perplexity = {"all characters equally likely": float(n_characters)}
counts = np.ones((n_characters, n_characters))
np.add.at(counts, (previous, y), 1)
unigrams = np.tile(counts.sum(axis=0) / counts.sum(), (len(y_test), 1))
bigrams = (counts / counts.sum(axis=1, keepdims=True))[previous_test]
for name, proba in (("unigrams", unigrams), ("bigrams", bigrams)):
    perplexity[name] = perplexity_score(y_test, proba, labels=np.arange(n_characters))

# %%
# Fit softmax regression and an MLP
# ---------------------------------
#
# Adam runs at most five passes over the rows. ``early_stopping`` holds out some of the training
# rows and stops when their loss does not fall any more. The number of passes is small on purpose,
# so the warning about convergence is switched off.

models = {}
for name, hidden, rate in (
    ("softmax regression", (), 0.002),
    ("MLP with 48 units", (48,), 0.004),
):
    model = LossClassifier(
        solver=Adam(learning_rate=rate),
        hidden_layer_sizes=hidden,
        alpha=1e-5,
        max_iter=5,
        tol=0.2,
        n_iter_no_change=1,
        early_stopping=True,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        models[name] = model.fit(X, y)
    # Characters that the training text lacks get what smoothing keeps.
    log_proba = model.predict_log_proba(X_test)
    perplexity[name] = perplexity_score(
        y_test, log_proba, labels=model.classes_, log_proba=True, smoothing=1e-4
    )
    print(f"{name}: {model.n_parameters_:,} parameters, {model.n_iter_} passes")
for name, value in perplexity.items():
    print(f"{name:30}{value:6.2f}")

figure, ax = plt.subplots(figsize=(6.8, 3), layout="constrained")
bars = ax.barh(
    list(perplexity), list(perplexity.values()), color="#56B4E9", edgecolor="black"
)
ax.bar_label(bars, fmt="%.1f", padding=3)
ax.invert_yaxis()
ax.set(
    title="Predict the next character",
    xlabel="perplexity on test text (lower is better)",
)
ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# Both models are much better than the counts. The difference between them is small: the features
# contain up to five characters at once, and with so little text a linear model is almost enough.
#
# Write text
# ----------
#
# To write text, draw the next character from the predicted probabilities, again and again. Likely
# characters are drawn a little more often than predicted.

best = min(models, key=perplexity.get)
rng = np.random.default_rng(0)
written = "returns the "
for _ in range(100):
    log_proba = models[best].predict_log_proba(rows(codes(written + " "))[-1])[0] / 0.6
    proba = np.exp(log_proba - log_proba.max())
    code = models[best].classes_[rng.choice(len(proba), p=proba / proba.sum())]
    written += alphabet[code] if code < len(alphabet) else "?"
print(f"{best} writes:")
print(textwrap.fill(written, 75))
