"""
Lasso and elastic net paths
===========================

The lasso and the elastic net select features: their penalty sets coefficients to exactly 0. This
example draws the coefficients of a linear model for the diabetes data while the penalty becomes
weaker, chooses its strength by cross-validation, and compares the features that different losses
select. The penalty can be combined with any loss.
"""

# sphinx_gallery_thumbnail_number = 1

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_losses import CoefficientsDisplay, LossRegressor

X, y = load_diabetes(return_X_y=True, as_frame=True)
X_scaled = StandardScaler().fit_transform(X)

# %%
# Draw the paths
# --------------
#
# ``alpha`` is the strength of the penalty, and ``l1_ratio`` is the share of absolute values in it:
# 1 is the lasso, 0 is ridge regression, and the elastic net is between them. With
# ``warm_start=True`` each fit starts from the coefficients of the fit before.
#
# The squared error here is not halved, so ``alpha`` is twice that of
# :class:`sklearn.linear_model.Lasso` and :class:`sklearn.linear_model.ElasticNet`.

alphas = np.geomspace(100, 0.1, 40)
paths = {}
for name, l1_ratio in (("Lasso", 1.0), ("Elastic net, l1_ratio = 0.7", 0.7)):
    model = LossRegressor("mse", l1_ratio=l1_ratio, warm_start=True)
    coefficients = []
    for alpha in alphas:
        model.set_params(alpha=alpha).fit(X_scaled, y)
        coefficients.append(model.coef_)
    paths[name] = np.array(coefficients)

colors = ["#000000", "#E69F00", "#0072B2", "#D55E00", "#009E73"] * 2
figure, panels = plt.subplots(
    1, 2, figsize=(10, 4.4), sharey=True, layout="constrained"
)
for ax, (name, path) in zip(panels, paths.items(), strict=True):
    for column, feature in enumerate(X.columns):
        ax.semilogx(
            alphas,
            path[:, column],
            color=colors[column],
            linestyle="-" if column < 5 else "--",
            label=feature,
        )
    ax.set(title=name, xlabel="alpha (weaker penalty to the right)", xlim=(100, 0.1))
    ax.grid(color="0.9")
    ax.spines[["top", "right"]].set_visible(False)
panels[0].set_ylabel("coefficient of the standardised feature")
figure.legend(
    *panels[0].get_legend_handles_labels(), frameon=False, loc="outside right center"
)
plt.show()

for alpha in (30, 10, 1):
    place = np.argmin(np.abs(np.log(alphas / alpha)))
    for name, path in paths.items():
        selected = X.columns[path[place] != 0]
        print(f"alpha {alpha:2}  {name.split(',')[0]:13}{' '.join(selected)}")

# %%
# The body mass index (``bmi``) and the blood value ``s5`` enter first. The lasso takes one of
# several correlated blood values and leaves the others at 0. The elastic net shares the effect
# among them, so more coefficients are different from 0, and they change less along the path.
#
# Choose the strength by cross-validation
# ---------------------------------------
#
# Three losses are fitted with the lasso penalty. ``alpha`` has the unit of the loss, so each loss
# has its own grid. The rule of one standard error takes the strongest penalty whose error is within
# one standard error of the lowest. It selects fewer features for about the same error.


def one_standard_error(results):
    """The strongest penalty that is within one standard error."""
    error = -results["mean_test_score"]
    best = np.argmin(error)
    highest = error[best] + results["std_test_score"][best] / np.sqrt(5)
    return int(np.flatnonzero(error <= highest)[0])


grid = np.geomspace(30, 0.1, 12)
searches = {}
for loss, values in {"mse": grid, "huber": grid / 2, "mae": grid / 40}.items():
    pipeline = make_pipeline(
        StandardScaler().set_output(transform="pandas"),
        LossRegressor(loss, l1_ratio=1.0),
    )
    search = GridSearchCV(
        pipeline,
        {"lossregressor__alpha": values},
        scoring="neg_mean_absolute_error",
        cv=5,
        refit=one_standard_error,
    )
    searches[loss] = search.fit(X, y)
    chosen = search.best_params_["lossregressor__alpha"]
    selected = X.columns[search.best_estimator_[-1].coef_ != 0]
    error = -search.cv_results_["mean_test_score"]
    print(f"{loss:6} alpha {chosen:.2f}, {' '.join(selected)}", end="; ")
    print(f"error {error[search.best_index_]:.1f}, lowest {error.min():.1f}")

results = searches["mse"].cv_results_
figure, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
ax.errorbar(
    grid,
    -results["mean_test_score"],
    results["std_test_score"] / np.sqrt(5),
    color="#0072B2",
    marker="o",
    capsize=3,
)
chosen = searches["mse"].best_params_["lossregressor__alpha"]
ax.axvline(
    chosen, color="#D55E00", linestyle="--", label=f"one standard error: {chosen:.1f}"
)
ax.set(
    title="Lasso with mse: error by the strength of the penalty",
    xlabel="alpha",
    ylabel="mean absolute error, 5 folds",
)
ax.set_xscale("log")
ax.invert_xaxis()
ax.grid(color="0.9")
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False)
plt.show()

# %%
# The bars are standard errors over the folds.
#
# Compare the coefficients of three losses
# ----------------------------------------
#
# :class:`~sklearn_losses.CoefficientsDisplay` sorts the features by size. A hollow mark is a
# coefficient of exactly 0.

display = CoefficientsDisplay.from_estimator(
    {loss: search.best_estimator_ for loss, search in searches.items()}
)
display.ax_.set_title("Lasso with three losses, standardised features")
plt.show()

# %%
# All three losses select ``bmi``, ``s5``, ``bp``, ``s3`` and ``sex``, with the same signs.
