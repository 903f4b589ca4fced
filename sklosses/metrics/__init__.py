"""What is scored but not differentiated."""

from ._intervals import (
    coverage_score,
    crps_ensemble,
    crps_gaussian,
    interval_score,
    weighted_interval_score,
)
from ._skill import d2_loss_score

__all__ = [
    "coverage_score",
    "crps_ensemble",
    "crps_gaussian",
    "d2_loss_score",
    "interval_score",
    "weighted_interval_score",
]
