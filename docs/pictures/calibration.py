"""Cross-entropy and the focal loss: predicted probabilities and observed shares."""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from statsmodels.datasets import randhie

from sklearn_losses import LossClassifier, ReliabilityDisplay

table = randhie.load_pandas().data
X, y = table.drop(columns="mdvis"), np.where(table["mdvis"] > 0, "visit", "no visit")
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.5, random_state=0)

display = None
for loss in ("cross_entropy", "focal"):
    model = make_pipeline(StandardScaler(), LossClassifier(loss)).fit(X_train, y_train)
    ax = None if display is None else display.axes_
    display = ReliabilityDisplay.from_estimator(model, X_test, y_test, strategy="quantile", name=loss, ax=ax)
plt.gcf().set_size_inches(6, 6)
