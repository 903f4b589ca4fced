"""The losses, by family."""

from .adversarial import HingeGAN, LeastSquaresGAN, Minimax, NonSaturating, Wasserstein
from .binary import BinaryCrossEntropy, Brier, Focal
from .compose import WeightedSum
from .deviance import GammaDeviance, PoissonDeviance, TweedieDeviance
from .distributional import GaussianNLL, MultiQuantile
from .embedding import Contrastive, NPairs, NTXent, SupervisedContrastive, Triplet
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
from .overlap import Dice, FocalTversky, Jaccard, LovaszHinge, Tversky
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
from .sequence import CTC
from .variational import ELBO, GaussianKL

__all__ = [
    "BPR",
    "CTC",
    "ELBO",
    "AbsoluteError",
    "AbsolutePercentageError",
    "ApproxNDCG",
    "BinaryCrossEntropy",
    "Brier",
    "CategoricalBrier",
    "CategoricalCrossEntropy",
    "CategoricalFocal",
    "Cauchy",
    "Contrastive",
    "Dice",
    "EpsilonInsensitive",
    "Expectile",
    "Exponential",
    "Focal",
    "FocalTversky",
    "GammaDeviance",
    "GaussianKL",
    "GaussianNLL",
    "Hinge",
    "HingeGAN",
    "Huber",
    "Jaccard",
    "JensenShannon",
    "KLDivergence",
    "LambdaRank",
    "LeastSquaresGAN",
    "ListMLE",
    "ListNet",
    "LogCosh",
    "LovaszHinge",
    "Minimax",
    "ModifiedHuber",
    "MultiQuantile",
    "MulticlassHinge",
    "NPairs",
    "NTXent",
    "NonSaturating",
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
    "SupervisedContrastive",
    "Triplet",
    "Tukey",
    "Tversky",
    "TweedieDeviance",
    "Wasserstein",
    "WeightedSum",
]
