"""
Classify handwritten digits: losses and networks
================================================

This example classifies 1,797 images of handwritten digits, 8 by 8 pixels each. It compares three
losses on two models: cross-entropy, the hinge loss and the squared hinge loss, each with a linear
model and with a network with one hidden layer. The loss and the model are independent parameters of
:class:`~sklearn_losses.LossClassifier`: softmax regression, a multi-class support vector machine
and a neural network are the same class.
"""

# sphinx_gallery_thumbnail_number = 2

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from sklearn_losses import LossClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
print(f"{len(X_train)} training images, {len(X_test)} test images")

# %%
# Fit six combinations of loss and model
# --------------------------------------
#
# ``solver="auto"`` chooses the solver for each loss and model. Networks are fitted with
# mini-batches. With ``early_stopping=True`` they hold out one tenth of the training images and stop
# when the loss on these does not improve any more.

losses = ("cross_entropy", "hinge", "squared_hinge")
accuracy, predicted = {}, {}
print(f"{'loss':16}{'model':10}{'solver':22}{'parameters':>10}{'test accuracy':>15}")
for kind, hidden in (("linear", ()), ("network", (64,))):
    for loss in losses:
        classifier = LossClassifier(
            loss,
            hidden_layer_sizes=hidden,
            alpha=1e-3,
            early_stopping=bool(hidden),
            random_state=0,
        )
        model = make_pipeline(MinMaxScaler(), classifier).fit(X_train, y_train)
        predicted[loss, kind] = model.predict(X_test)
        accuracy[loss, kind] = np.mean(predicted[loss, kind] == y_test)
        print(
            f"{loss:16}{kind:10}{classifier.solver_:22}"
            f"{classifier.n_parameters_:10}{accuracy[loss, kind]:15.1%}"
        )

figure, ax = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
for kind, color, marker in (("linear", "#0072B2", "o"), ("network", "#D55E00", "D")):
    ax.plot(
        [100 * accuracy[loss, kind] for loss in losses],
        losses,
        marker,
        color=color,
        markersize=9,
        label=kind,
    )
ax.set(
    title="Handwritten digits",
    xlabel="accuracy on 450 test images, percent",
    ylim=(2.5, -0.5),
    xlim=(94, 100),
)
ax.grid(axis="x", color="0.9")
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False, title="model", loc="lower right")
plt.show()

# %%
# All six are right on more than 95 % of the test images. The differences between the losses are
# about as large as what chance makes of 450 images: the standard error of each accuracy is almost 1
# percentage point. The network is a little better than the linear model under each loss.
#
# Look at the mistakes
# --------------------
#
# These are the test images that the best combination gets wrong, with the true digit and the
# prediction.

best = max(accuracy, key=accuracy.get)
mistakes = np.flatnonzero(predicted[best] != y_test)
print(f"{best[0]}, {best[1]}: {len(mistakes)} of {len(y_test)} test images are wrong")

figure, panels = plt.subplots(2, 5, figsize=(7, 3.6), layout="constrained")
for ax in panels.flat:
    ax.set_axis_off()
for ax, row in zip(panels.flat, mistakes, strict=False):
    ax.imshow(X_test[row].reshape(8, 8), cmap="gray_r")
    ax.set_title(f"{y_test[row]}, taken for {predicted[best][row]}", fontsize=10)
figure.suptitle(f"Mistakes of {best[0]} with a {best[1]}")
plt.show()
