"""Costs of decisions for held-out rows: ours compared with CSLogitClassifier and scikit-learn.

The number that all sides are held to is what their decisions for the held-out rows cost, as a share
of the best decision that is the same for all rows. The folds are those of
``RepeatedStratifiedKFold(n_splits=5, n_repeats=4, random_state=0)``; every side has its default
parameters. On the churn data one repetition may differ from another by .01, as only 449 customers
leave, so smaller differences are not significant.
"""

import numpy as np
from sklearn import clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from benchmarks.harness import Workload
from sklearn_losses import LossClassifier, average_cost
from sklearn_losses.losses import CostSensitive, ExpectedCost

__all__ = ["WORKLOADS", "churn", "travel"]


def churn():
    """Customers of a television company, who may be offered an incentive to stay: two classes.

    Returns
    -------
    X : ndarray of shape (9379, 46)
        The last five columns are codes of 3 to 12 levels.
    y : ndarray of shape (9379,)
        1 for the 449 customers who left.
    cost : ndarray of shape (9379, 2, 2)
        What an offer and none cost with each customer, from the data.
    """
    import pandas
    from empulse.datasets import load_churn_tv_subscriptions

    data = load_churn_tv_subscriptions(backend=pandas)
    of = data.instance_costs
    cost = np.stack([of[name] for name in ("tn_cost", "fp_cost", "fn_cost", "tp_cost")], axis=1)
    return data.data.to_numpy(), data.target.to_numpy().astype(int), cost.reshape(-1, 2, 2)


def travel():
    """Travellers between Sydney and Melbourne, for whom a seat is booked in advance: four classes.

    The classes are plane, train, bus and car, the costs those of a rule: a booking that is not used
    is lost, and what is then taken costs half as much again at the last minute. All fares are the
    traveller's own, times the size of the party.

    Returns
    -------
    X : ndarray of shape (210, 13)
        Times and fares of the ways to travel, income, size of the party.
    y : ndarray of shape (210,)
    cost : ndarray of shape (210, 4, 4)
    """
    from statsmodels.datasets import modechoice

    data = modechoice.load_pandas().data
    of = {name: data[name].to_numpy().reshape(-1, 4) for name in ("choice", "ttme", "invc", "invt", "hinc", "psize")}
    fare = of["invc"] * of["psize"]
    X = np.column_stack([of["ttme"][:, :3], of["invc"], of["invt"], of["hinc"][:, 0], of["psize"][:, 0]])
    cost = (fare[:, None, :] + 0.5 * fare[:, :, None]) * (1 - np.eye(4))
    return X, of["choice"].argmax(axis=1), cost


def _standardised():
    return StandardScaler()


def _with_codes():
    codes = list(range(41, 46))
    return make_column_transformer(
        (StandardScaler(), list(range(41))), (OneHotEncoder(handle_unknown="ignore", sparse_output=False), codes)
    )


# Each takes the prepared columns of the training rows, their labels and costs, the columns of the
# held-out rows and their costs, and returns decisions.


def _by_costs(loss):
    def decided(X, y, cost, new, _):
        return LossClassifier(loss).fit(X, y, cost=cost).predict(new)

    return decided


def _each_row(X, y, cost, new, new_cost):
    return LossClassifier().fit(X, y).predict(new, cost=new_cost)


def _plain(model):
    def decided(X, y, cost, new, _):
        return clone(model).fit(X, y).predict(new)

    return decided


def _least_cost(model):
    def decided(X, y, cost, new, new_cost):
        proba = clone(model).fit(X, y).predict_proba(new)
        return np.einsum("ij,ijk->ik", proba, new_cost).argmin(axis=1)

    return decided


def _cslogit(X, y, cost, new, _):
    from empulse.models import CSLogitClassifier

    of = {"tn_cost": cost[:, 0, 0], "fp_cost": cost[:, 0, 1], "fn_cost": cost[:, 1, 0], "tp_cost": cost[:, 1, 1]}
    return CSLogitClassifier().fit(X, y, **of).predict(new)


def _held_out(decided, prepare, X, y, cost, repeats):
    """The cost of the held-out decisions."""
    paid = []
    for train, test in RepeatedStratifiedKFold(n_splits=5, n_repeats=repeats, random_state=0).split(X, y):
        steps = prepare()
        rows, new = steps.fit_transform(X[train]), steps.transform(X[test])
        paid.append(average_cost(y[test], decided(rows, y[train], cost[train], new, cost[test]), cost[test], normalize=False))
    return np.sum(paid) / repeats / len(y)


def _workload(name, ours, peers, prepare, data, repeats):
    X, y, cost = data
    best = cost[np.arange(len(y)), y].mean(axis=0).min()
    sides = {side: lambda decided=decided: _held_out(decided, prepare, X, y, cost, repeats) for side, decided in peers.items()}
    return Workload(name, lambda: _held_out(ours, prepare, X, y, cost, repeats), sides, lambda paid: paid / best, at_most=1.0)


def churn_costs(repeats=4):
    """`churn`: the expected cost, and the likelihood with a decision in each row."""
    data = churn()
    peers = {
        "CSLogitClassifier": _cslogit,
        "cross_entropy, decision per row": _each_row,
        "rows weighted by cost": _by_costs(CostSensitive()),
        "LogisticRegression": _plain(LogisticRegression(max_iter=1000)),
    }
    for columns, prepare in (("standardised", _standardised), ("codes one-hot", _with_codes)):
        yield _workload(f"churn, {columns}: ExpectedCost", _by_costs(ExpectedCost()), peers, prepare, data, repeats)


def travel_costs(repeats=4):
    """`travel`: four classes, which CSLogitClassifier does not take."""
    logistic = LogisticRegression(max_iter=1000)
    peers = {
        "cross_entropy, decision per row": _each_row,
        "CostSensitive": _by_costs(CostSensitive()),
        "cross_entropy": _plain(LossClassifier()),
        "OneVsRest": _plain(OneVsRestClassifier(logistic)),
        "OneVsRest, decision per row": _least_cost(OneVsRestClassifier(logistic)),
    }
    yield _workload("travel: ExpectedCost", _by_costs(ExpectedCost()), peers, _standardised, travel(), repeats)


WORKLOADS = [churn_costs, travel_costs]
