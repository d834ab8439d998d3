"""A small language model from the docstrings on this machine: which character comes next?

The text is what comes with Python, NumPy and scikit-learn, so nothing is downloaded. A row is a
place in the text, its features the hashed n-grams of the characters before it, its class the next
character: softmax regression and a multi-layer perceptron with the same cross-entropy. Judged by
perplexity, the number of equally likely characters that the model is as unsure as, against counting
characters (unigrams) and pairs of characters (bigrams). Test text comes from other docstrings.

    python examples/language_model.py
"""

import ast
import pathlib
import time

import numpy as np
import sklearn
from scipy import sparse

from sklearn_losses import LossClassifier, perplexity_score
from sklearn_losses.solvers import Adam

ORDER = 5  # characters that a model looks back
N_FEATURES = 2**13


def docstrings(at_most):
    """Docstrings of the standard library, NumPy and scikit-learn, in an order that is always the
    same.
    """
    folders = [
        pathlib.Path(ast.__file__).parent,
        pathlib.Path(np.__file__).parent / "lib",
        pathlib.Path(sklearn.__file__).parent / "metrics",
    ]
    found, seen = [], set()
    for folder in folders:
        of_folder = 0
        for path in sorted(folder.glob("*.py")):
            try:
                tree = ast.parse(path.read_text(encoding="utf-8"))
            except (SyntaxError, UnicodeDecodeError):
                continue
            for node in ast.walk(tree):
                if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                    text = " ".join((ast.get_docstring(node) or "").lower().split())
                    if len(text) > 80 and text not in seen:
                        seen.add(text)
                        found.append(text)
                        of_folder += len(text)
            if of_folder > at_most / len(folders):
                break
    return [found[place] for place in np.random.default_rng(0).permutation(len(found))]


def codes(texts, alphabet):
    """Characters as numbers, the rare ones all the last; before each text ORDER spaces."""
    number = {character: code for code, character in enumerate(alphabet)}
    return [np.array([number.get(c, len(alphabet)) for c in " " * ORDER + text]) for text in texts]


def rows(texts, limit):
    """Sparse features (n, N_FEATURES), one entry per n-gram length, and the next characters."""
    columns, targets = [], []
    for text in texts:
        places = np.arange(ORDER, len(text))
        hashed = np.zeros(len(places), dtype=np.uint64)
        row = np.empty((len(places), ORDER), dtype=np.int64)
        for back in range(1, ORDER + 1):  # the n-gram of length `back` extends the one before it
            hashed = hashed * np.uint64(1_000_003) + text[places - back].astype(np.uint64) + np.uint64(17)
            mixed = (hashed ^ (hashed >> np.uint64(29))) * np.uint64(0x9E3779B97F4A7C15)
            row[:, back - 1] = (mixed >> np.uint64(40)) % np.uint64(N_FEATURES)
        columns.append(row)
        targets.append(text[places])
    columns, targets = np.concatenate(columns)[:limit], np.concatenate(targets)[:limit]
    pointer = np.arange(0, columns.size + 1, ORDER)
    return sparse.csr_matrix((np.ones(columns.size, np.float32), columns.ravel(), pointer), (len(columns), N_FEATURES)), targets


def counted(contexts, targets, new_contexts, n):
    """Probabilities (n_new, n) by counting, one added to each count."""
    counts = np.ones((contexts.max() + 1, n))
    np.add.at(counts, (contexts, targets), 1)
    return (counts / counts.sum(axis=1, keepdims=True))[new_contexts]


def main(n_rows=40_000, hidden=64, epochs=6, draw=True):
    """Print perplexities and a few words of the model's own; return {model: perplexity}."""
    texts = docstrings(2 * n_rows)
    everything = "".join(texts)
    alphabet = sorted(sorted(set(everything)), key=everything.count)[-40:]
    split = len(texts) * 4 // 5
    coded = codes(texts, alphabet)
    X, y = rows(coded[:split], n_rows)
    X_new, y_new = rows(coded[split:], n_rows // 4)
    n = len(alphabet) + 1
    previous, previous_new = (np.concatenate([t[ORDER - 1 : -1] for t in part]) for part in (coded[:split], coded[split:]))
    labels = np.arange(n)
    print(f"{len(y):,} characters to learn from, {len(y_new):,} to judge by, {n} different ones\n")

    found, models = {"a blind guess": float(n)}, {}
    nothing, nothing_new = np.zeros_like(y), np.zeros_like(y_new)
    for name, before, before_new in (
        ("unigrams", nothing, nothing_new),
        ("bigrams", previous[: len(y)], previous_new[: len(y_new)]),
    ):
        found[name] = perplexity_score(y_new, counted(before, y, before_new, n), labels=labels)
    for name, hidden_layer_sizes, rate in (("softmax regression", (), 0.001), (f"MLP ({hidden})", (hidden,), 0.003)):
        began = time.perf_counter()
        # A share of the training text held out says when to stop; the last pass may well be the
        # best.
        models[name] = LossClassifier(
            solver=Adam(learning_rate=rate), hidden_layer_sizes=hidden_layer_sizes, alpha=1e-5, max_iter=epochs, tol=0.2,
            n_iter_no_change=1, early_stopping=True, random_state=0,
        )  # fmt: skip
        model = fit_quietly(models[name], X, y)
        # A character that the training text lacks gets the share that smoothing keeps back for it.
        proba = model.predict_log_proba(X_new)
        found[name] = perplexity_score(y_new, proba, labels=model.classes_, log_proba=True, smoothing=1e-4)
        print(f"{name}: {model.n_parameters_:,} parameters, {model.n_iter_} passes in {time.perf_counter() - began:.0f} s")
    print()
    for name, value in found.items():
        print(f"  {name:<22}{value:>8.2f}")
    best = min(models, key=found.get)
    print(f"\n{best}, left to itself: ...{write(models[best], alphabet, 'returns the ')}")
    if draw:
        picture(found)
    return found


def fit_quietly(model, X, y):
    """The number of passes is fixed on purpose; that the loss would still fall is no news."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y)


def write(model, alphabet, start, length=120):
    """Draw characters one after the other, likely ones a little more often than predicted."""
    rng = np.random.default_rng(0)
    text = start
    for _ in range(length):
        [code] = codes([text + " "], alphabet)
        X, _ = rows([code], None)
        logs = model.predict_log_proba(X[-1])[0] / 0.6
        p = np.exp(logs - logs.max())
        code = model.classes_[rng.choice(len(p), p=p / p.sum())]
        text += alphabet[code] if code < len(alphabet) else "?"
    return text


def picture(found):
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(6.4, 2.8), layout="constrained")
    bars = ax.barh(list(found), list(found.values()), color="#56B4E9", edgecolor="black")
    ax.bar_label(bars, fmt="%.1f", padding=3)
    ax.invert_yaxis()
    ax.set(xlabel="perplexity per character (lower is better)")
    ax.spines[["top", "right"]].set_visible(False)
    return figure


if __name__ == "__main__":
    main()
    import matplotlib.pyplot as plt

    plt.show()
