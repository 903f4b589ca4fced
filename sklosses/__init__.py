"""Loss functions for the scikit-learn world: written once, used everywhere."""

from . import metrics
from ._groupwise import GroupLoss
from ._loss import Interval, Loss
from ._overlap import OverlapLoss
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
    CTC,
    AbsoluteError,
    AbsolutePercentageError,
    ApproxNDCG,
    BinaryCrossEntropy,
    Brier,
    CategoricalBrier,
    CategoricalCrossEntropy,
    CategoricalFocal,
    Cauchy,
    Dice,
    EpsilonInsensitive,
    Expectile,
    Exponential,
    Focal,
    FocalTversky,
    GammaDeviance,
    GaussianNLL,
    Hinge,
    Huber,
    Jaccard,
    JensenShannon,
    KLDivergence,
    LambdaRank,
    ListMLE,
    ListNet,
    LogCosh,
    LovaszHinge,
    ModifiedHuber,
    MulticlassHinge,
    MultiQuantile,
    PairwiseHinge,
    PairwiseLogistic,
    Pinball,
    PoissonDeviance,
    PseudoHuber,
    SquaredEpsilonInsensitive,
    SquaredError,
    SquaredHinge,
    SquaredLogError,
    Tukey,
    Tversky,
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
from .sequence import LossSequenceLabeler

__version__ = "0.1.0"

__all__ = [
    "BPR",
    "CTC",
    "AbsoluteError",
    "AbsolutePercentageError",
    "ApproxNDCG",
    "BinaryCrossEntropy",
    "Brier",
    "CategoricalBrier",
    "CategoricalCrossEntropy",
    "CategoricalFocal",
    "Cauchy",
    "Dice",
    "EpsilonInsensitive",
    "Expectile",
    "Exponential",
    "Focal",
    "FocalTversky",
    "GammaDeviance",
    "GaussianNLL",
    "GroupLoss",
    "Hinge",
    "Huber",
    "Interval",
    "Jaccard",
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
    "LossSequenceLabeler",
    "LovaszHinge",
    "ModifiedHuber",
    "MultiQuantile",
    "MultiTask",
    "MultiTaskEstimator",
    "MulticlassHinge",
    "OverlapLoss",
    "PairwiseHinge",
    "PairwiseLogistic",
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
    "TrainingCurveDisplay",
    "Tukey",
    "Tversky",
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
