"""The losses, by family."""

from .binary import BinaryCrossEntropy, Brier, Focal
from .compose import WeightedSum
from .deviance import GammaDeviance, PoissonDeviance, TweedieDeviance
from .distributional import GaussianNLL, MultiQuantile
from .listwise import ApproxNDCG, ListMLE, ListNet
from .margin import Exponential, Hinge, ModifiedHuber, SquaredHinge
from .multiclass import (
    CategoricalBrier,
    CategoricalCrossEntropy,
    CategoricalFocal,
    JensenShannon,
    KLDivergence,
    MulticlassHinge,
)
from .pairwise import BPR, LambdaRank, PairwiseHinge, PairwiseLogistic
from .perceptual import Perceptual, Style
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
    "Hinge",
    "Huber",
    "JensenShannon",
    "KLDivergence",
    "LambdaRank",
    "ListMLE",
    "ListNet",
    "LogCosh",
    "ModifiedHuber",
    "MultiQuantile",
    "MulticlassHinge",
    "PairwiseHinge",
    "PairwiseLogistic",
    "Perceptual",
    "Pinball",
    "PoissonDeviance",
    "PseudoHuber",
    "SquaredEpsilonInsensitive",
    "SquaredError",
    "SquaredHinge",
    "SquaredLogError",
    "Style",
    "Tukey",
    "TweedieDeviance",
    "WeightedSum",
]
