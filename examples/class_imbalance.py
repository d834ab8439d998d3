"""
Imbalanced classes: weights, focal and pairwise losses
======================================================

In this example one class is rare: 3.6 % of the images of handwritten digits show an 8. It compares
cross-entropy without weights, cross-entropy with ``class_weight="balanced"`` and the focal loss.
The comparison looks at three things that are often confused: the order of the scores, the labels,
and the probabilities. At the end, pairwise losses maximise the area under the ROC curve (AUC)
directly.
"""

# sphinx_gallery_thumbnail_number = 1

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import (
    average_precision_score,
    precision_recall_curve,
    precision_score,
    recall_score,
    roc_auc_score,
)
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from sklearn_losses import LossClassifier, LossRanker, ReliabilityDisplay

# %%
# Data with a rare class
# ----------------------
#
# Only the first 60 images of an 8 are kept.

X, digit = load_digits(return_X_y=True)
y = (digit == 8).astype(int)
kept = np.delete(np.arange(len(y)), np.flatnonzero(y)[60:])
X, y = X[kept] / 16, y[kept]
print(f"{y.sum()} of {len(y)} images show an 8: {y.mean():.1%}")

# %%
# Compare scores, labels and probabilities
# ----------------------------------------
#
# All numbers come from predictions by cross-validation. Average precision judges the order of the
# scores alone. Recall is the share of the eights that get the label 8, and precision is the share
# of eights among the images that get this label. The label is the class with the larger
# probability.

models = {
    "cross_entropy": LossClassifier("cross_entropy"),
    "balanced weights": LossClassifier("cross_entropy", class_weight="balanced"),
    "focal": LossClassifier("focal"),
}
folds = StratifiedKFold(5, shuffle=True, random_state=0)
proba = {}
for name, model in models.items():
    p = cross_val_predict(model, X, y, cv=folds, method="predict_proba")
    proba[name] = p[:, 1]
print(
    f"{'':18}{'average precision':>18}{'recall':>9}"
    f"{'precision':>11}{'mean probability':>18}"
)
for name, p in proba.items():
    label = p > 0.5
    average = average_precision_score(y, p)
    recall, precision = recall_score(y, label), precision_score(y, label)
    print(f"{name:18}{average:18.2f}{recall:9.2f}{precision:11.2f}{p.mean():18.3f}")

figure, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
looks = (("#0072B2", "-", "o"), ("#D55E00", "--", "s"), ("#000000", ":", "^"))
for (name, p), (color, dashes, marker) in zip(proba.items(), looks, strict=True):
    precision, recall, _ = precision_recall_curve(y, p)
    ax.plot(recall, precision, color=color, linestyle=dashes, linewidth=1.8, label=name)
    ax.plot(
        recall_score(y, p > 0.5),
        precision_score(y, p > 0.5),
        marker,
        color=color,
        markersize=10,
        markeredgecolor="white",
    )
ax.plot([], [], "o", color="0.5", label="labels of predict")
ax.set(
    title="Precision and recall for a rare class",
    xlabel="recall",
    ylabel="precision",
    ylim=(0.2, 1.02),
)
ax.grid(color="0.9")
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False, loc="lower left")
plt.show()

# %%
# The three curves are about the same: weights do not improve the order of the scores here. They
# move the labels along the curve. With balanced weights more eights are found, and more other
# images are taken for an 8. A lower threshold for the probability has the same effect without
# another fit. If the costs of both mistakes are known, the threshold follows from them
# (:ref:`sphx_glr_auto_examples_costs_of_decisions.py`).
#
# Check the probabilities
# -----------------------
#
# The mean probability should be the share of the rare class, 0.036. The display compares the
# predicted probabilities with the observed shares.

figure, ax = plt.subplots(figsize=(6.4, 5), layout="constrained")
reliability = {}
for name, p in proba.items():
    reliability[name] = ReliabilityDisplay.from_predictions(
        y, p, n_bins=5, name=name, ax=ax
    ).curves["class 1"]
ax.set_title("Calibration of the probabilities of an 8")
plt.show()

# %%
# The probabilities of cross-entropy without weights are right, up to chance (the bars). Those with
# balanced weights are too high, because the fit sees eights as often as other digits. The focal
# loss predicts probabilities that are too near to 0.5. Use weights or the focal loss for labels and
# scores, not for probabilities.
#
# Maximise the area under the curve
# ---------------------------------
#
# A :class:`~sklearn_losses.LossRanker` with all rows in one query compares each positive row with
# each negative one. This is what the AUC does. It helps where a linear model does not fit well. In
# these simulated data 3 % of the rows are positive, and 2 % of the negative ones are far out on the
# positive side of one feature.


def simulated(n, seed):
    rng = np.random.default_rng(seed)
    positive = rng.random(n) < 0.03
    X = rng.standard_normal((n, 5))
    X[positive, :2] += 1
    X[~positive & (rng.random(n) < 0.02), 0] += 5
    return X, positive.astype(int)


rankers = {
    "cross_entropy": LossClassifier("cross_entropy"),
    "ranknet": LossRanker("ranknet"),
    "squared_pairwise_hinge": LossRanker("squared_pairwise_hinge"),
    "pairwise_hinge": LossRanker("pairwise_hinge"),
}
auc = {name: [] for name in rankers}
for seed in range(3):
    X_train, y_train = simulated(2000, seed)
    X_test, y_test = simulated(20_000, 100 + seed)
    for name, model in rankers.items():
        if isinstance(model, LossRanker):
            model.fit(X_train, y_train, qid=np.zeros(len(y_train)))
        else:
            model.fit(X_train, y_train)
        auc[name].append(roc_auc_score(y_test, X_test @ np.ravel(model.coef_)))
for name, values in auc.items():
    print(f"{name:26}mean AUC on test rows {np.mean(values):.3f}")

# %%
# The pairwise losses have a larger AUC. Cross-entropy is influenced strongly by the few negative
# rows that are far out. Where the log-odds are linear in the features, cross-entropy is as good.
