"""
Label noise: robust losses on handwritten digits
================================================

In this example a part of the training labels is wrong: up to 40 % of the labels of handwritten
digits are replaced by another digit, drawn at random. The test labels are right. Cross-entropy fits
all labels as well as it can. Losses that are bounded, or nearly so, can leave out rows that
contradict the others, and are right on more test images.
"""

# sphinx_gallery_thumbnail_number = 2

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sklearn_losses import LossClassifier, add_label_noise
from sklearn_losses.losses import GeneralizedCrossEntropy

# %%
# Digits with wrong labels
# ------------------------

X, y = load_digits(return_X_y=True)
noisy, changed = add_label_noise(y, 0.4, random_state=0)
print(f"{changed.sum()} of {len(y)} labels are wrong")

figure, panels = plt.subplots(2, 6, figsize=(8, 3), layout="constrained")
for ax, image, label, wrong in zip(panels.flat, X, noisy, changed, strict=False):
    ax.imshow(image.reshape(8, 8), cmap="gray_r")
    ax.set_title(
        f"{label} (wrong)" if wrong else f"{label}",
        color="#D55E00" if wrong else "black",
    )
    ax.set_axis_off()
figure.suptitle("Training images with their labels, 40 % wrong")
plt.show()

# %%
# Compare seven losses
# --------------------
#
# Linear models are fitted with three strengths ``alpha`` of the penalty. The table shows the mean
# accuracy on right test labels over two splits.

noise_tolerant = [
    "generalized_cross_entropy",
    GeneralizedCrossEntropy(q=1.0),
    "symmetric_cross_entropy",
    "active_passive",
]
losses = ["cross_entropy", "bootstrapped", "bi_tempered", *noise_tolerant]


def accuracy(loss, alpha, noise, seeds=(0, 1)):
    """Mean accuracy on right test labels after a fit to noisy labels."""
    scores = []
    for seed in seeds:
        X_train, X_test, y_train, y_test = train_test_split(
            X / 16, y, random_state=seed, stratify=y
        )
        y_noisy, _ = add_label_noise(y_train, noise, random_state=seed)
        model = LossClassifier(loss, alpha=alpha).fit(X_train, y_noisy)
        scores.append(model.score(X_test, y_test))
    return np.mean(scores)


alphas = (1e-4, 1e-3, 1e-2)
found = {str(loss): [accuracy(loss, alpha, 0.4) for alpha in alphas] for loss in losses}
print(f"{'':32}" + "".join(f"{f'alpha={alpha:g}':>14}" for alpha in alphas))
for name, scores in found.items():
    print(f"{name:32}" + "".join(f"{score:14.3f}" for score in scores))

# %%
# With 40 % wrong labels, cross-entropy needs a strong penalty. The four losses in the last rows are
# better than cross-entropy, each at its best ``alpha``, and they are good with a weak penalty.
#
# Change the share of wrong labels
# --------------------------------

levels = (0.0, 0.2, 0.4, 0.6)
curves = {
    loss: [accuracy(loss, 1e-3, level) for level in levels]
    for loss in ("cross_entropy", "active_passive")
}
figure, ax = plt.subplots(figsize=(6.4, 4), layout="constrained")
for (loss, scores), color, marker in zip(
    curves.items(), ("#D55E00", "#0072B2"), "os", strict=True
):
    ax.plot(levels, scores, color=color, marker=marker, linewidth=2, label=loss)
    print(f"{loss:16}" + "".join(f"{score:8.3f}" for score in scores))
ax.set_xticks(levels, [f"{level:.0%}" for level in levels])
ax.set(
    title="Digits with wrong labels, alpha = 0.001",
    xlabel="share of wrong training labels",
    ylabel="accuracy on test images",
)
ax.grid(color="0.9")
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False)
plt.show()

# %%
# Without wrong labels the two losses are equally good. The more labels are wrong, the larger is the
# advantage of the noise-tolerant loss.
