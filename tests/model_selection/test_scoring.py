"""Scorers of a comparison get the metadata that they take."""

import numpy as np
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.metrics import make_scorer, max_error, mean_absolute_error

from sklearn_losses.metrics import neg_perplexity
from sklearn_losses.model_selection.folds import Data
from sklearn_losses.model_selection.scoring import score, scorer_of, scorers_of

X, Y = np.zeros((4, 1)), np.array([0.0, 0.0, 0.0, 4.0])
MODEL = DummyRegressor(strategy="constant", constant=0.0).fit(X, Y)
WEIGHTED = Data(X, Y, sample_weight=np.array([1.0, 1.0, 1.0, 0.0]))


def test_names_objects_and_functions():
    assert list(scorers_of(None, "regression")) == ["r2", "neg_mean_absolute_error", "neg_median_absolute_error"]
    assert list(scorers_of("r2", "regression")) == ["r2"]
    assert scorers_of(neg_perplexity, "classification") == {"score": neg_perplexity}
    assert scorers_of({"mine": "neg_perplexity"}, "classification") == {"mine": neg_perplexity}
    assert scorer_of("neg_perplexity") is neg_perplexity
    with pytest.raises(ValueError, match="at least one metric"):
        scorers_of([], "regression")


def test_weights_go_to_metrics_that_take_them():
    # The wrong row has no weight.
    assert score(make_scorer(mean_absolute_error), MODEL, WEIGHTED) == 0
    assert score(make_scorer(max_error), MODEL, WEIGHTED) == 4  # max_error takes no weights


@pytest.mark.parametrize("takes, expected", [(True, 3.0), (False, -1.0)])
def test_weights_go_to_functions_that_take_them(takes, expected):
    def with_weight(estimator, X, y, sample_weight=None):
        return -1.0 if sample_weight is None else sample_weight.sum()

    assert score(with_weight if takes else lambda estimator, X, y: -1.0, MODEL, WEIGHTED) == expected
