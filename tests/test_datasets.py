"""Generated data."""

import numpy as np

from sklearn_losses.datasets import make_ranking


def test_generated_queries():
    X, y, qid = make_ranking(n_queries=20, n_rows=(3, 8), n_features=4, n_grades=3, random_state=1)
    lengths = np.unique(qid, return_counts=True)[1]
    assert len(lengths) == 20 and lengths.min() >= 3 and lengths.max() <= 8 and X.shape == (lengths.sum(), 4)
    assert all(set(y[qid == query]) == {0, 1, 2} for query in range(20))
    again = make_ranking(n_queries=20, n_rows=(3, 8), n_features=4, n_grades=3, random_state=1)
    assert all(np.array_equal(one, other) for one, other in zip((X, y, qid), again, strict=True))
