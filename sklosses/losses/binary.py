"""Losses of a probability, given by its logit, against a label: 1, 0, or a probability itself."""

from __future__ import annotations

from math import inf
from typing import Annotated, ClassVar

from .._bases.native import Native
from .._bases.pointwise import Interval, PointwiseLoss, clipped_logit, weighted_mean
from .._special import clip_probability, exp_of_negative, expit, log, log1p, log1pexp, logit
from .multiclass import CategoricalBrier, CategoricalCrossEntropy

PROBABILITY = Interval(0, 1, closed="both")


class _Probability(PointwiseLoss):
    """Losses whose response is P(y = 1), the logistic function of the raw score."""

    task: ClassVar = "binary"
    target: ClassVar = PROBABILITY
    prediction: ClassVar = PROBABILITY

    def response(self, z):
        return expit(z)

    def link(self, p):
        return logit(p)


class BinaryCrossEntropy(_Probability):
    """Binary cross-entropy (log loss), −t·ln p − (1 − t)·ln(1 − p), t the smoothed label.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        ε in [0, 1): labels become y(1 − ε) + ε/2.

    Notes
    -----
    Domain: y in [0, 1]; logit link; convex; exact Hessian p(1 − p). Equals
    ``sklearn.metrics.log_loss`` and, on raw scores, ``torch.nn.BCEWithLogitsLoss``.
    Probabilities are clipped to [eps, 1 − eps], raw scores never.

    References
    ----------
    Good, I. J. (1952). Rational decisions. doi:10.1111/j.2517-6161.1952.tb00104.x

    Examples
    --------
    >>> round(BinaryCrossEntropy()([1, 0], [0.5, 0.5]), 6)
    0.693147
    """

    label_smoothing: Annotated[float, Interval(0, 1, closed="left")] = 0.0

    convex: ClassVar = True
    aliases: ClassVar = ("log_loss", "bce", "logistic", "binomial_deviance")
    names: ClassVar = {"en": "Binary cross-entropy (log loss)", "zh": "二元交叉熵(对数损失)"}
    formula: ClassVar = r"-y \ln p - (1 - y) \ln(1 - p)"
    use_case: ClassVar = {
        "en": "Binary classification with probabilities.",
        "zh": "需要概率输出的二分类。",
    }
    choose_when: ClassVar = {
        "en": "Calibrated probabilities are wanted; the default of classification.",
        "zh": "需要校准良好的概率;分类的默认选择。",
    }
    reference: ClassVar = "Good (1952), doi:10.1111/j.2517-6161.1952.tb00104.x"
    native: ClassVar = {
        "lightgbm": Native("binary", where={"label_smoothing": 0.0}),
        "xgboost": Native("binary:logistic", where={"label_smoothing": 0.0}),
        "catboost": Native("Logloss", init="zero", where={"label_smoothing": 0.0}),
        "sklearn": Native("log_loss", where={"label_smoothing": 0.0}),
    }

    def for_classes(self, n_classes):
        return self if n_classes < 3 else CategoricalCrossEntropy(self.label_smoothing)

    def _smoothed(self, y):
        return y * (1.0 - self.label_smoothing) + 0.5 * self.label_smoothing

    def value(self, y, z):
        t = self._smoothed(y)
        # (z if z > 0 else 0) - t * z, exact for hard labels, plus ln(1 + e^-|z|)
        return abs(z) * (1.0 - t if z > 0.0 else t) + log1pexp(-abs(z))

    def grad_hess(self, y, z):
        t = self._smoothed(y)
        p, q = expit(z), expit(-z)
        return (1.0 - t) * p - t * q, p * q  # p - t would cancel near 1

    def response_value(self, y, p):
        t = self._smoothed(y)
        p = clip_probability(p)
        return -(t * log(p) + (1.0 - t) * log1p(-p))

    def optimal_constant(self, y, w):
        return clipped_logit(self._smoothed(weighted_mean(y, w)))


class Focal(_Probability):
    """Focal loss, α_t(1 − p_t)^γ times the binary cross-entropy.

    Parameters
    ----------
    gamma : float, default=2.0
        How much easy rows are played down; ≥ 0. With 0 it is the (α-weighted) cross-entropy.
    alpha : float or None, default=None
        Weight of the positive class in [0, 1], 1 − alpha that of the negative; None: no weights.

    Notes
    -----
    Domain: y in [0, 1], with p_t = py + (1 − p)(1 − y); logit link; not convex; the exact Hessian
    is negative for badly wrong rows, its surrogate drops the negative term. Equals
    ``torchvision.ops.sigmoid_focal_loss`` for hard labels. The minimiser is not the true
    probability: calibrate.

    References
    ----------
    Lin, T.-Y. et al. (2017). Focal loss for dense object detection. doi:10.1109/ICCV.2017.324

    Examples
    --------
    >>> round(Focal(gamma=2.0)([1], [0.5]), 6)
    0.173287
    """

    gamma: Annotated[float, Interval(0, inf, closed="left")] = 2.0
    alpha: Annotated[float | None, (PROBABILITY, None)] = None

    aliases: ClassVar = ("binary_focal", "sigmoid_focal")
    names: ClassVar = {"en": "Focal loss", "zh": "焦点损失(focal)"}
    formula: ClassVar = r"-\alpha_t (1 - p_t)^\gamma \ln p_t"
    use_case: ClassVar = {
        "en": "Strongly imbalanced classes, many easy negatives: detection, fraud.",
        "zh": "类别严重不平衡、易分负例很多:检测、欺诈识别。",
    }
    choose_when: ClassVar = {
        "en": "Easy rows drown the hard ones and ranking matters more than calibration.",
        "zh": "易分样本淹没难分样本,且排序比校准更重要时。",
    }
    reference: ClassVar = "Lin et al. (2017), doi:10.1109/ICCV.2017.324"
    native: ClassVar = {
        "catboost": Native(
            "Focal", {"focal_alpha": "alpha", "focal_gamma": "gamma"}, init="zero",
            where={"alpha": Interval(0, 1), "gamma": Interval(0, inf)},
        )
    }  # fmt: skip

    @property
    def _positive(self):
        return 1.0 if self.alpha is None else float(self.alpha)

    @property
    def _negative(self):
        return 1.0 if self.alpha is None else 1.0 - self.alpha

    def _power(self, y, log_u):
        """Return α_t·u^γ for u = 1 − p_t; by logarithm, which is fast and precise enough."""
        alpha = self._positive * y + self._negative * (1.0 - y)
        vanished = 1.0 if self.gamma == 0.0 else 0.0
        return alpha * (exp_of_negative(self.gamma * log_u) if log_u > -inf else vanished)

    def _parts(self, y, z):
        """Return α_t·u^γ, the cross-entropy b, u'/u and b' by |z|, and P of both classes.

        The loss of (y, z) is that of (1 − y, −z), so all is worked out at |z|. There u is a sum of
        what no division precedes, times P of the likelier class.
        """
        e, log_sum = exp_of_negative(-abs(z)), log1pexp(-abs(z))
        wrong = 1.0 - y if z > 0.0 else y  # the share of the less likely class in the label
        u = wrong + (1.0 - wrong) * e
        high = 1.0 / (1.0 + e)
        low = e * high
        s = (2.0 * wrong - 1.0) * (low / u if u > 0.0 else 0.0)
        b, db = abs(z) * wrong + log_sum, wrong * high - (1.0 - wrong) * low
        return self._power(y, log(u) - log_sum), b, s, db, high, low

    def value(self, y, z):
        f, b, _, _, _, _ = self._parts(y, z)
        return f * b

    def grad_hess(self, y, z):
        f, b, s, db, high, low = self._parts(y, z)
        c = self.gamma
        g = f * (c * s * b + db)
        h = f * ((c * (c - 1.0) * s * s + c * s * (low - high)) * b + 2.0 * c * s * db + high * low)
        return (g if z > 0.0 else -g), h

    def curvature(self, y, z):
        f, b, s, db, high, low = self._parts(y, z)
        c = self.gamma
        first = (c * (c - 1.0) * s * s + c * s * (low - high)) * b
        second = 2.0 * c * s * db
        positive = (first if first > 0.0 else 0.0) + (second if second > 0.0 else 0.0)
        h = f * (positive + high * low)
        return h if h > 1e-6 else 1e-6

    def response_value(self, y, p):
        p = clip_probability(p)
        entropy = -(y * log(p) + (1.0 - y) * log1p(-p))
        return self._power(y, log(y * (1.0 - p) + (1.0 - y) * p)) * entropy


class Brier(_Probability):
    """Brier score, (p − y)².

    Notes
    -----
    Domain: y in [0, 1]; logit link; bounded, not convex in the raw score; the exact Hessian is
    negative for badly wrong rows. Equals ``sklearn.metrics.brier_score_loss``. Labels of three and
    more classes against a column a class: see `CategoricalBrier`.

    References
    ----------
    Brier, G. W. (1950). Verification of forecasts expressed in terms of probability.
    doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2

    Examples
    --------
    >>> Brier()([1, 0], [0.5, 0.5])
    0.25
    """

    aliases: ClassVar = ("brier_score",)
    names: ClassVar = {"en": "Brier score", "zh": "Brier 分数"}
    formula: ClassVar = r"(p - y)^2"
    use_case: ClassVar = {
        "en": "Probabilities to be judged or trained without infinite penalties.",
        "zh": "评价或训练概率,而不产生无穷惩罚。",
    }
    choose_when: ClassVar = {
        "en": "Labels are noisy: a confident mistake should cost a bounded amount.",
        "zh": "标签有噪声、自信的错误应只付有限代价时。",
    }
    reference: ClassVar = "Brier (1950), doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2"

    def for_classes(self, n_classes):
        return self if n_classes < 3 else CategoricalBrier()

    def value(self, y, z):
        p, q = expit(z), expit(-z)
        d = (1.0 - y) * p - y * q
        return d * d

    def grad_hess(self, y, z):
        p, q = expit(z), expit(-z)
        d, s = (1.0 - y) * p - y * q, p * q
        return 2.0 * d * s, 2.0 * s * (s + d * (q - p))

    def curvature(self, y, z):
        p, q = expit(z), expit(-z)
        bend = ((1.0 - y) * p - y * q) * (q - p)
        h = 2.0 * (p * q) * (p * q + (bend if bend > 0.0 else 0.0))
        return h if h > 1e-6 else 1e-6

    def response_value(self, y, p):
        d = p - y
        return d * d

    def optimal_constant(self, y, w):
        return clipped_logit(weighted_mean(y, w))
