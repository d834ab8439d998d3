"""Bootstrap of the slope of a median, and the interval of a formula."""

import matplotlib.pyplot as plt
import numpy as np
import statsmodels.api as sm
from statsmodels.datasets import engel

from sklearn_losses import LossRegressor
from sklearn_losses.plotting.drawing import COLORS, legend, tidy

table = engel.load_pandas().data
income, food = table[["income"]].to_numpy(), table["foodexp"].to_numpy()
median = LossRegressor("mae", alpha=0)
rng = np.random.default_rng(0)
slopes = []
for _ in range(400):
    times = rng.multinomial(len(food), np.full(len(food), 1 / len(food)))
    slopes.append(median.fit(income, food, sample_weight=times).coef_[0])
formula = sm.QuantReg(food, sm.add_constant(income)).fit(q=0.5)

figure, ax = plt.subplots(figsize=(6.4, 4.6), layout="constrained")
counts = ax.hist(slopes, bins=40, color=COLORS[6], edgecolor="white")[0]
intervals = {"bootstrap, percentiles": np.quantile(slopes, [0.025, 0.975]), "QuantReg, formula": formula.conf_int()[1]}
for number, (name, ends) in enumerate(intervals.items()):
    height = (1.08 + 0.08 * number) * counts.max()
    ax.plot(ends, [height, height], color=COLORS[2 + number], linewidth=3, marker="|", markersize=12, label=name)
ax.set_title("Slope of the median of food by income, 235 households", fontsize="medium")
ax.set(xlabel="slope", ylabel="number of bootstrap fits")
tidy(ax)
legend(ax, True)
