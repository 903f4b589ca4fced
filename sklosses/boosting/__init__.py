"""Gradient boosters driven by any loss: objectives and metrics in the form each library wants."""

from .._bases.native import Native
from ._estimators import LossBoostingClassifier, LossBoostingRanker, LossBoostingRegressor
from ._parity import compare_with_native
from .catboost import catboost_metric, catboost_objective
from .hist_gradient_boosting import hist_gradient_boosting_loss
from .lightgbm import lightgbm_metric, lightgbm_objective
from .xgboost import xgboost_metric, xgboost_objective

__all__ = [
    "LossBoostingClassifier",
    "LossBoostingRanker",
    "LossBoostingRegressor",
    "Native",
    "catboost_metric",
    "catboost_objective",
    "compare_with_native",
    "hist_gradient_boosting_loss",
    "lightgbm_metric",
    "lightgbm_objective",
    "xgboost_metric",
    "xgboost_objective",
]
