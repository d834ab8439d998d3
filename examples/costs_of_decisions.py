"""
Cost-sensitive classification: costs of wrong decisions
=======================================================

In this example wrong decisions have different costs. 442 diabetes patients get a treatment for the
grade of their disease in the next year: mild, medium or severe. A treatment that is too strong
costs 1 for each grade. A treatment that is too weak costs more, the younger the patient is, because
the patient has to live with the consequences for longer. The costs differ from row to row, and they
are known before the decision.

Three losses are compared by the average cost of their decisions on held-out rows:

- ``cross_entropy`` fits probabilities without costs. The decision is the class with the least
  expected cost.
- :class:`~sklearn_losses.losses.CostSensitive` fits scores whose order is that of the expected
  costs.
- :class:`~sklearn_losses.losses.ExpectedCost` minimises a smooth form of the cost itself.
"""

# sphinx_gallery_thumbnail_number = 2

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_losses import LossClassifier, compare_losses, make_cost_scorer
from sklearn_losses.losses import CostSensitive, ExpectedCost

# %%
# Patients, grades and costs
# --------------------------
#
# ``cost[i, j, k]`` is the cost of treatment ``k`` for patient ``i`` if the true grade is ``j``.
# Below, each row is a true grade and each column a treatment.

X, progression = load_diabetes(return_X_y=True)
grade = np.digitize(progression, np.quantile(progression, [1 / 3, 2 / 3]))
age = load_diabetes(scaled=False).data[:, 0]
too_strong = np.array([[0, 1, 2], [0, 0, 1], [0, 0, 0]])
too_weak = np.array([[0, 0, 0], [1, 0, 0], [3, 1, 0]])
cost = too_strong + (85 - age)[:, None, None] / 15 * too_weak
for patient in (np.argmin(age), np.argmax(age)):
    print(f"Costs for a patient of {age[patient]:.0f} years")
    print(cost[patient].round(1))

# %%
# Compare losses by their costs
# -----------------------------
#
# The metric ``neg_cost_by_row`` is minus the average cost. Losses with probabilities decide by the
# least expected cost, others by ``predict``. The metric ``neg_cost`` is minus the average cost of
# ``predict(X)``, which does not know the costs of the row.

losses = {
    "cross_entropy": "cross_entropy",
    "CostSensitive": CostSensitive("cross_entropy"),
    "ExpectedCost": ExpectedCost(),
}
model = make_pipeline(StandardScaler(), LossClassifier())
folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=2, random_state=0)
by_row = compare_losses(model, X, grade, losses, params={"cost": cost}, cv=folds)
print(by_row)

display = by_row.plot()
display.ax_.set_title("Average cost of the decisions on held-out rows")
plt.show()

# %%
# Decisions by the least expected cost are about equally good under all three losses. What matters
# is that the costs are used: the most probable class under ``cross_entropy`` (the column
# ``neg_cost``) costs one half more.
#
# Look at the decisions
# ---------------------
#
# ``predict(X)`` returns the most probable grade. ``predict(X, cost=cost)`` returns the class with
# the least expected cost.

model.fit(X, grade)
severe = model.predict_proba(X)[:, 2]
decisions = {
    "the most probable grade": model.predict(X),
    "the least expected cost": model.predict(X, cost=cost),
}
figure, panels = plt.subplots(
    1, 2, figsize=(10, 4.4), sharey=True, layout="constrained"
)
for ax, (title, decided) in zip(panels, decisions.items(), strict=True):
    for code, (name, marker, color) in enumerate(
        (
            ("mild", "o", "#56B4E9"),
            ("medium", "s", "#E69F00"),
            ("severe", "^", "#D55E00"),
        )
    ):
        rows = decided == code
        label = f"{name} ({rows.sum()})"
        ax.scatter(
            age[rows],
            severe[rows],
            marker=marker,
            color=color,
            edgecolor="black",
            linewidth=0.3,
            s=22,
            label=label,
        )
    ax.set(title=f"Treatment by {title}", xlabel="age in years")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.13))
panels[0].set_ylabel("probability of a severe disease")
plt.show()

# %%
# Without costs (left), the treatment depends on the probabilities alone. With costs (right), more
# patients get a strong treatment, and younger patients get it at a lower probability of a severe
# disease.
#
# One cost matrix for all rows
# ----------------------------
#
# If the costs are the same for all rows, they are a parameter of the loss. Then ``predict`` knows
# them. Here the matrix is the average over the patients.

matrix = cost.mean(axis=0)
print(matrix.round(1))
fixed = {
    "cross_entropy": "cross_entropy",
    "CostSensitive": CostSensitive("cross_entropy", cost=matrix),
    "ExpectedCost": ExpectedCost(cost=matrix),
}
scoring = {
    "neg_cost_by_matrix": make_cost_scorer(matrix, decide="auto"),
    "neg_cost": make_cost_scorer(matrix),
}
by_matrix = compare_losses(model, X, grade, fixed, scoring=scoring, cv=folds)
print(by_matrix)

# %%
# Again the three losses are about equally good if ``cross_entropy`` decides by the costs
# (``neg_cost_by_matrix``).
