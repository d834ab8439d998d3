"""Losses of the margin of a row, and the influence of the row on its score."""

import matplotlib.pyplot as plt
import numpy as np

from sklearn_losses.losses import Loss
from sklearn_losses.plotting.drawing import legend, style, tidy

NAMES = ["cross_entropy", "focal", "hinge", "squared_hinge", "modified_huber", "exponential"]
margin = np.linspace(-3, 3, 601)
second = np.ones(len(margin), dtype=int)

figure, panels = plt.subplots(2, 1, figsize=(6.4, 6.8), layout="constrained", sharex=True)
for number, name in enumerate(NAMES):
    value, gradient = Loss.make(name).value_and_gradient(second, margin)
    for ax, curve in zip(panels, (value, -gradient), strict=True):
        ax.plot(margin, curve, label=name, linewidth=2, **style(number))
panels[0].set(title="Losses of a row", ylabel="loss", ylim=(0, 6))
panels[1].set(title="Influence of a row on its score", ylabel="minus the slope of the loss", ylim=(0, 6))
panels[1].set_xlabel("margin (below 0: wrong side)")
for ax in panels:
    tidy(ax)
legend(panels, True, columns=3)
