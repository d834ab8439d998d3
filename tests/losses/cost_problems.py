"""Problems with costs of decisions of which the best decisions are known."""

import numpy as np

# The cost of each decision (columns) for each class (rows).
DISTANCE = np.abs(np.subtract.outer(np.arange(3.0), np.arange(3.0)))
ASYMMETRIC = np.array([[0.0, 1.0, 10.0], [1.0, 0.0, 10.0], [1.0, 1.0, 0.0]])
NOT_ORDERED = np.array([[0.0, 3.0, 1.0], [2.0, 0.0, 5.0], [1.0, 4.0, 0.0]])
GAINS_AND_COSTS = np.array([[-4.0, 0.0, 1.0], [2.0, 1.0, 2.0], [0.0, -1.0, -3.0]])

CENTERS = {
    "a triangle": [[0.0, 0.0], [1.0, 0.0], [0.5, 0.866]],
    "a right angle": [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]],
    "a line": [[-1.0, 0.0], [0.0, 0.0], [1.0, 0.0]],
    "another line": [[0.0, 0.0], [-1.0, 0.0], [1.0, 0.0]],
}


def normal_classes(centers, distance, n, seed):
    """Rows of three classes with normal noise around centers, and the rows' probabilities."""
    rng = np.random.default_rng(seed)
    centers = distance * np.array(CENTERS[centers])
    y = rng.integers(0, 3, n)
    X = centers[y] + rng.normal(size=(n, 2))
    logs = -0.5 * ((X[:, None] - centers) ** 2).sum(axis=2)
    p = np.exp(logs - logs.max(axis=1, keepdims=True))
    return X, y, p / p.sum(axis=1, keepdims=True)


def places(n_classes, n=16, seed=0):
    """Places with a column each, and the probabilities of the classes in each of them."""
    return np.eye(n), np.random.default_rng([seed, n_classes]).dirichlet(np.full(n_classes, 0.7), size=n)


def costs(n_classes, seed=0):
    """Costs without any order; some right decisions cost something too."""
    cost = np.random.default_rng([7, seed, n_classes]).exponential(size=(n_classes, n_classes))
    return cost + np.where(np.eye(n_classes) > 0, -0.5, 1.0)


def excess(decisions, probabilities, cost):
    """What decisions cost more than the best, as a share of what random ones cost more."""
    expected = probabilities @ cost
    best = expected.min(axis=1)
    return float((expected[np.arange(len(expected)), decisions] - best).mean() / (expected.mean(axis=1) - best).mean())
