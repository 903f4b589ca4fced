"""Loss functions for the scikit-learn world: written once, used everywhere."""

from . import metrics
from ._groupwise import GroupLoss
from ._loss import Interval, Loss
from ._pointwise import PointwiseLoss
from ._registry import all_losses, get_loss
from ._rowwise import RowwiseLoss, share
from ._warmup import warmup
from .catalog import catalog
from .certify import certify, check_loss
from .classification import LossClassifier
from .displays import QuantileCalibrationDisplay, TrainingCurveDisplay
from .losses import (
    BPR,
    AbsoluteError,
    AbsolutePercentageError,
    ApproxNDCG,
    BinaryCrossEntropy,
    Brier,
    CategoricalBrier,
    CategoricalCrossEntropy,
    CategoricalFocal,
    Cauchy,
    EpsilonInsensitive,
    Expectile,
    Exponential,
    Focal,
    GammaDeviance,
    GaussianNLL,
    Hinge,
    Huber,
    JensenShannon,
    KLDivergence,
    LambdaRank,
    ListMLE,
    ListNet,
    LogCosh,
    ModifiedHuber,
    MulticlassHinge,
    MultiQuantile,
    PairwiseHinge,
    PairwiseLogistic,
    Perceptual,
    Pinball,
    PoissonDeviance,
    PseudoHuber,
    SquaredEpsilonInsensitive,
    SquaredError,
    SquaredHinge,
    SquaredLogError,
    Style,
    Tukey,
    TweedieDeviance,
    WeightedSum,
)
from .losses.multitask import MultiTask
from .multitask import MultiTaskEstimator
from .plot import LossDisplay
from .ranking import LossRanker
from .regression import LossRegressor
from .sampling import sample_negatives
from .scoring import get_scorer, make_loss_scorer, make_ranking_scorer

__version__ = "0.1.0"

__all__ = [
    "BPR",
    "AbsoluteError",
    "AbsolutePercentageError",
    "ApproxNDCG",
    "BinaryCrossEntropy",
    "Brier",
    "CategoricalBrier",
    "CategoricalCrossEntropy",
    "CategoricalFocal",
    "Cauchy",
    "EpsilonInsensitive",
    "Expectile",
    "Exponential",
    "Focal",
    "GammaDeviance",
    "GaussianNLL",
    "GroupLoss",
    "Hinge",
    "Huber",
    "Interval",
    "JensenShannon",
    "KLDivergence",
    "LambdaRank",
    "ListMLE",
    "ListNet",
    "LogCosh",
    "Loss",
    "LossClassifier",
    "LossDisplay",
    "LossRanker",
    "LossRegressor",
    "ModifiedHuber",
    "MultiQuantile",
    "MultiTask",
    "MultiTaskEstimator",
    "MulticlassHinge",
    "PairwiseHinge",
    "PairwiseLogistic",
    "Perceptual",
    "Pinball",
    "PointwiseLoss",
    "PoissonDeviance",
    "PseudoHuber",
    "QuantileCalibrationDisplay",
    "RowwiseLoss",
    "SquaredEpsilonInsensitive",
    "SquaredError",
    "SquaredHinge",
    "SquaredLogError",
    "Style",
    "TrainingCurveDisplay",
    "Tukey",
    "TweedieDeviance",
    "WeightedSum",
    "all_losses",
    "catalog",
    "certify",
    "check_loss",
    "get_loss",
    "get_scorer",
    "make_loss_scorer",
    "make_ranking_scorer",
    "metrics",
    "sample_negatives",
    "share",
    "warmup",
]
