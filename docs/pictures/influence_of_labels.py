"""The influence of a row of two classes, by the probability that the model gives to its label."""

import matplotlib.pyplot as plt
import numpy as np

from sklearn_losses.losses import Loss
from sklearn_losses.plotting.drawing import legend, style, tidy

NAMES = [
    "cross_entropy",
    "generalized_cross_entropy",
    "symmetric_cross_entropy",
    "active_passive",
    "bootstrapped",
    "bi_tempered",
]
score = np.linspace(-9, 9, 901)
second = np.ones(len(score), dtype=int)

figure, ax = plt.subplots(figsize=(6.4, 4.8), layout="constrained")
for number, name in enumerate(NAMES):
    loss = Loss.make(name)
    probability = loss.inverse_link(score)
    influence = -loss.gradient(second, score) / loss.inverse_link(-score)
    # As a share of the largest, since a number times the loss changes it too.
    ax.plot(probability, influence / influence.max(), label=name, linewidth=2, **style(number))
ax.set_title("Influence of a row with a given label", fontsize="medium")
ax.set(xlabel="predicted probability of the row's label", xlim=(0, 1))
ax.set(ylabel="influence c, as a share of the largest", ylim=(0, 1.05))
tidy(ax)
legend(ax, True)
