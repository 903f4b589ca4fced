"""The losses, by family."""

from .binary import BinaryCrossEntropy, Brier, Focal
from .deviance import GammaDeviance, PoissonDeviance, TweedieDeviance
from .margin import Exponential, Hinge, ModifiedHuber, SquaredHinge
from .regression import (
    AbsoluteError,
    AbsolutePercentageError,
    EpsilonInsensitive,
    Expectile,
    Pinball,
    SquaredEpsilonInsensitive,
    SquaredError,
    SquaredLogError,
)
from .robust import Cauchy, Huber, LogCosh, PseudoHuber, Tukey

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
    "LogCosh",
    "ModifiedHuber",
    "Pinball",
    "PoissonDeviance",
    "PseudoHuber",
    "SquaredEpsilonInsensitive",
    "SquaredError",
    "SquaredHinge",
    "SquaredLogError",
    "Tukey",
    "TweedieDeviance",
]
