"""Generated data."""

import numpy as np
import pytest

from sklearn_losses.datasets import make_ranking


def test_generated_queries():
    X, y, qid = make_ranking(n_queries=20, n_rows=(3, 8), n_features=4, n_grades=3, random_state=1)
    lengths = np.unique(qid, return_counts=True)[1]
    assert len(lengths) == 20 and lengths.min() >= 3 and lengths.max() <= 8 and X.shape == (lengths.sum(), 4)
    assert all(set(y[qid == query]) == {0, 1, 2} for query in range(20))
    again = make_ranking(n_queries=20, n_rows=(3, 8), n_features=4, n_grades=3, random_state=1)
    assert all(np.array_equal(one, other) for one, other in zip((X, y, qid), again, strict=True))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"n_queries": 0}, "'n_queries' parameter of make_ranking must be at least 1, as an int. Got 0"),
        ({"n_grades": 2.5}, "'n_grades' parameter of make_ranking must be at least 1, as an int. Got 2.5"),
        ({"n_rows": (9, 5)}, r"must be an int or a rising pair of ints. Got \(9, 5\)"),
    ],
    ids=["queries", "grades", "rows"],
)
def test_sizes_that_make_no_data_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        make_ranking(**options)
