"""
What wrong decisions cost
=========================

442 diabetes patients are to be treated by the grade of their disease in the next year: mild, medium
or severe. A treatment that is too strong costs 1 for each grade. One that is too weak costs the
more the longer the patient has to live with it. So the costs are different from row to row, and
known before the decision, since the age is known.

Three ways to take the costs into account are compared, by the average cost on held-out rows:

1. Fit probabilities without costs, and decide row by row: the class of least expected cost.
2. `CostSensitive`, a loss whose best scores rank the decisions by their expected cost.
3. `ExpectedCost`, the cost itself, made smooth.

The decision by the most probable class shows what the costs are worth.

    python examples/costs_of_decisions.py
"""

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_losses import LossClassifier, compare_losses, make_cost_scorer
from sklearn_losses.losses import CostSensitive, ExpectedCost

GRADES = ("mild", "medium", "severe")
LOSSES = {
    "cross_entropy": "cross_entropy",
    "CostSensitive": CostSensitive("cross_entropy"),
    "ExpectedCost": ExpectedCost(),
}


def patients():
    """Columns, grades, ages, and what each treatment costs under each grade, patient by patient."""
    X, progression = load_diabetes(return_X_y=True)
    grade = np.digitize(progression, np.quantile(progression, [1 / 3, 2 / 3]))
    age = load_diabetes(scaled=False).data[:, 0]
    # Rows: the true grade; columns: the treatment.
    too_strong = np.array([[0, 1, 2], [0, 0, 1], [0, 0, 0]])
    too_weak = np.array([[0, 0, 0], [1, 0, 0], [3, 1, 0]])
    return X, grade, age, too_strong + (85 - age)[:, None, None] / 15 * too_weak


def main(losses=LOSSES, n_splits=5, n_repeats=2, draw=True):
    """Print both comparisons and return them: costs row by row, and one matrix for all rows."""
    X, grade, age, cost = patients()
    model = make_pipeline(StandardScaler(), LossClassifier())
    folds = RepeatedStratifiedKFold(n_splits=n_splits, n_repeats=n_repeats, random_state=0)

    print("Costs row by row. neg_cost: minus the average cost of predict(X); neg_cost_by_row: of the")
    print("class of least expected cost, where the loss has probabilities.\n")
    by_row = compare_losses(model, X, grade, losses, params={"cost": cost}, cv=folds)
    print(by_row)

    matrix = cost.mean(axis=0)
    print("\nThe average costs for all rows:", *matrix.round(1).tolist())
    fixed = {
        name: loss if isinstance(loss, str) else type(loss)(**{**loss.get_params(deep=False), "cost": matrix})
        for name, loss in losses.items()
    }
    scoring = {"neg_cost_by_matrix": make_cost_scorer(matrix, decide="auto"), "neg_cost": make_cost_scorer(matrix)}
    by_matrix = compare_losses(model, X, grade, fixed, scoring=scoring, cv=folds)
    print(by_matrix)

    if draw:
        by_row.plot()
        picture(model.fit(X, grade), X, age, cost)
    return by_row, by_matrix


def picture(model, X, age, cost):
    """The probability of a severe disease and the age, with the treatments that they lead to."""
    import matplotlib.pyplot as plt

    severe = model.predict_proba(X)[:, 2]
    decisions = {"the most probable grade": model.predict(X), "the least expected cost": model.predict(X, cost=cost)}
    figure, panels = plt.subplots(1, 2, figsize=(11, 4.6), sharey=True, layout="constrained")
    looks = (("o", "#56B4E9"), ("s", "#E69F00"), ("^", "#D55E00"))
    for ax, (title, decided) in zip(panels, decisions.items(), strict=True):
        for code, (name, (marker, color)) in enumerate(zip(GRADES, looks, strict=True)):
            rows = decided == code
            look = {"marker": marker, "color": color, "edgecolor": "black", "linewidth": 0.3, "s": 22}
            ax.scatter(age[rows], severe[rows], label=f"{name} ({rows.sum()})", **look)
        ax.set(title=f"Treatment by {title}", xlabel="age")
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False, fontsize="small", ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.13))
    panels[0].set_ylabel("probability of a severe disease")
    return figure


if __name__ == "__main__":
    main()
    import matplotlib.pyplot as plt

    plt.show()
