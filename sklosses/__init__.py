"""Loss functions for the scikit-learn world: written once, used everywhere."""

from . import metrics
from ._loss import Interval, Loss, PointwiseLoss
from ._registry import all_losses, get_loss
from ._warmup import warmup
from .catalog import catalog
from .certify import certify, check_loss
from .classification import LossClassifier
from .losses import (
    AbsoluteError,
    AbsolutePercentageError,
    BinaryCrossEntropy,
    Brier,
    Cauchy,
    EpsilonInsensitive,
    Expectile,
    Exponential,
    Focal,
    GammaDeviance,
    Hinge,
    Huber,
    LogCosh,
    ModifiedHuber,
    Pinball,
    PoissonDeviance,
    PseudoHuber,
    SquaredEpsilonInsensitive,
    SquaredError,
    SquaredHinge,
    SquaredLogError,
    Tukey,
    TweedieDeviance,
)
from .plot import LossDisplay
from .regression import LossRegressor
from .scoring import get_scorer, make_loss_scorer

__version__ = "0.1.0"

__all__ = [
    "AbsoluteError",
    "AbsolutePercentageError",
    "BinaryCrossEntropy",
    "Brier",
    "Cauchy",
    "EpsilonInsensitive",
    "Expectile",
    "Exponential",
    "Focal",
    "GammaDeviance",
    "Hinge",
    "Huber",
    "Interval",
    "LogCosh",
    "Loss",
    "LossClassifier",
    "LossDisplay",
    "LossRegressor",
    "ModifiedHuber",
    "Pinball",
    "PointwiseLoss",
    "PoissonDeviance",
    "PseudoHuber",
    "SquaredEpsilonInsensitive",
    "SquaredError",
    "SquaredHinge",
    "SquaredLogError",
    "Tukey",
    "TweedieDeviance",
    "all_losses",
    "catalog",
    "certify",
    "check_loss",
    "get_loss",
    "get_scorer",
    "make_loss_scorer",
    "metrics",
    "warmup",
]
