"""Metrics and scorers: one for every loss, those of rankings, perplexity, costs of decisions."""

from sklearn_losses.datasets import make_ranking
from sklearn_losses.metrics.costs import CostScorer, average_cost, make_cost_scorer, savings_score
from sklearn_losses.metrics.perplexity import neg_perplexity, perplexity_score
from sklearn_losses.metrics.query_scorer import QueryScorer
from sklearn_losses.metrics.ranking import (
    neg_query_loss,
    query_average_precision_score,
    query_err_score,
    query_kendall_tau_score,
    query_ndcg_score,
    query_reciprocal_rank_score,
)
from sklearn_losses.metrics.scorers import LossScorer, loss_scorers, make_loss_scorer

__all__ = [
    "CostScorer",
    "LossScorer",
    "QueryScorer",
    "average_cost",
    "loss_scorers",
    "make_cost_scorer",
    "make_loss_scorer",
    "make_ranking",
    "neg_perplexity",
    "neg_query_loss",
    "perplexity_score",
    "query_average_precision_score",
    "query_err_score",
    "query_kendall_tau_score",
    "query_ndcg_score",
    "query_reciprocal_rank_score",
    "savings_score",
]
