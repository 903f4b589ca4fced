"""The losses, by family."""

from .binary import (
    BinaryCrossEntropy,
    Brier,
    Exponential,
    Focal,
    Hinge,
    ModifiedHuber,
    SquaredHinge,
)
from .deviance import GammaDeviance, PoissonDeviance, TweedieDeviance
from .regression import (
    AbsoluteError,
    AbsolutePercentageError,
    Cauchy,
    EpsilonInsensitive,
    Expectile,
    Huber,
    LogCosh,
    Pinball,
    PseudoHuber,
    SquaredEpsilonInsensitive,
    SquaredError,
    SquaredLogError,
    Tukey,
)

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
