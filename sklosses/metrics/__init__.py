"""What is scored but not differentiated."""

from ._comparison import compare_rankings
from ._intervals import (
    coverage_score,
    crps_ensemble,
    crps_gaussian,
    interval_score,
    weighted_interval_score,
)
from ._overlap import dice_score, iou_score
from ._ranking import (
    average_precision_score,
    expected_reciprocal_rank,
    hit_rate_at_k,
    ndcg_score,
    pairwise_accuracy,
    precision_at_k,
    recall_at_k,
    reciprocal_rank_score,
)
from ._sequence import label_error_rate
from ._skill import d2_loss_score

__all__ = [
    "average_precision_score",
    "compare_rankings",
    "coverage_score",
    "crps_ensemble",
    "crps_gaussian",
    "d2_loss_score",
    "dice_score",
    "expected_reciprocal_rank",
    "hit_rate_at_k",
    "interval_score",
    "iou_score",
    "label_error_rate",
    "ndcg_score",
    "pairwise_accuracy",
    "precision_at_k",
    "recall_at_k",
    "reciprocal_rank_score",
    "weighted_interval_score",
]
