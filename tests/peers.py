"""scikit-learn's estimators in the words of whichever version is installed."""

import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.utils.fixes import parse_version


def l1_logistic_regression(**params):
    """The lasso's penalty: before 1.8 l1_ratio needs a penalty's name, later it is deprecated."""
    named = {} if parse_version(sklearn.__version__) >= parse_version("1.8") else {"penalty": "elasticnet"}
    return LogisticRegression(l1_ratio=1.0, solver="saga", **named, **params)
