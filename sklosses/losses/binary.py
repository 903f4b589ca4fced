"""Losses of a raw score against a label: 1 positive, 0 negative, in between a probability."""

from __future__ import annotations

from math import log as natural_log
from typing import Annotated, ClassVar

from .._loss import Interval, PointwiseLoss, weighted_mean
from .._special import clip_probability, exp, expit, log, log1p, log1pexp, logit

EPS = 2.0**-52
PROBABILITY = Interval(0, 1, closed="both")


def _clipped_logit(p):
    """Return the logit of a mean label, finite also where all labels agree."""
    p = min(max(p, EPS), 1.0 - EPS)
    return natural_log(p) - natural_log(1.0 - p)


class _Binary(PointwiseLoss):
    task: ClassVar = "binary"

    def _sign(self, y):
        return 2.0 * y - 1.0


class _Probability(_Binary):
    """Losses whose response is P(y = 1), the logistic function of the raw score."""

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
        return _clipped_logit(self._smoothed(weighted_mean(y, w)))


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

    gamma: Annotated[float, Interval(0, float("inf"), closed="left")] = 2.0
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

    @property
    def _positive(self):
        return 1.0 if self.alpha is None else float(self.alpha)

    @property
    def _negative(self):
        return 1.0 if self.alpha is None else 1.0 - self.alpha

    def _factor(self, y, u):
        """Return α_t·u^γ for u = 1 − p_t; by logarithm, which is fast and precise enough."""
        alpha = self._positive * y + self._negative * (1.0 - y)
        vanished = 1.0 if self.gamma == 0.0 else 0.0
        return alpha * (exp(self.gamma * log(u)) if u > 0.0 else vanished)

    def value(self, y, z):
        p, q = expit(z), expit(-z)
        entropy = abs(z) * (1.0 - y if z > 0.0 else y) + log1pexp(-abs(z))
        return self._factor(y, y * q + (1.0 - y) * p) * entropy

    def grad_hess(self, y, z):
        p, q = expit(z), expit(-z)
        b = abs(z) * (1.0 - y if z > 0.0 else y) + log1pexp(-abs(z))
        db = (1.0 - y) * p - y * q
        u = y * q + (1.0 - y) * p
        s = (1.0 - 2.0 * y) * (p * q / u if u > 0.0 else 0.0)  # u'/u
        f = self._factor(y, u)
        c = self.gamma
        g = f * (c * s * b + db)
        h = f * ((c * (c - 1.0) * s * s + c * s * (q - p)) * b + 2.0 * c * s * db + p * q)
        return g, h

    def curvature(self, y, z):
        p, q = expit(z), expit(-z)
        b = abs(z) * (1.0 - y if z > 0.0 else y) + log1pexp(-abs(z))
        db = (1.0 - y) * p - y * q
        u = y * q + (1.0 - y) * p
        s = (1.0 - 2.0 * y) * (p * q / u if u > 0.0 else 0.0)
        c = self.gamma
        first = (c * (c - 1.0) * s * s + c * s * (q - p)) * b
        second = 2.0 * c * s * db
        positive = (first if first > 0.0 else 0.0) + (second if second > 0.0 else 0.0)
        h = self._factor(y, u) * (positive + p * q)
        return h if h > 1e-6 else 1e-6

    def response_value(self, y, p):
        p = clip_probability(p)
        entropy = -(y * log(p) + (1.0 - y) * log1p(-p))
        return self._factor(y, y * (1.0 - p) + (1.0 - y) * p) * entropy


class Brier(_Probability):
    """Brier score, (p − y)².

    Notes
    -----
    Domain: y in [0, 1]; logit link; bounded, not convex in the raw score; the exact Hessian is
    negative for badly wrong rows. Equals ``sklearn.metrics.brier_score_loss``.

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
        return _clipped_logit(weighted_mean(y, w))


class Hinge(_Binary):
    """Hinge loss, max(0, 1 − s·f) with s = 2y − 1.

    Notes
    -----
    Domain: y 0 or 1, read as −1 and +1; f is the decision value; convex, not smooth; the Hessian
    is 0. Equals ``sklearn.metrics.hinge_loss``; the loss of ``LinearSVC(loss="hinge")``.

    References
    ----------
    Cortes, C. and Vapnik, V. (1995). Support-vector networks. doi:10.1007/BF00994018

    Examples
    --------
    >>> Hinge()([1, 0], [0.5, -2.0])
    0.25
    """

    hessian: ClassVar = "surrogate"
    convex: ClassVar = True
    smooth: ClassVar = False
    aliases: ClassVar = ("hinge_loss",)
    names: ClassVar = {"en": "Hinge loss", "zh": "合页损失(hinge)"}
    formula: ClassVar = r"\max(0,\ 1 - (2y - 1) f)"
    use_case: ClassVar = {
        "en": "Support vector machines: a wide margin, no probabilities.",
        "zh": "支持向量机:追求大间隔,不需要概率。",
    }
    choose_when: ClassVar = {
        "en": "Only the decision matters, and rows far from the margin should not.",
        "zh": "只关心判决结果,远离间隔的样本不应有影响时。",
    }
    reference: ClassVar = "Cortes & Vapnik (1995), doi:10.1007/BF00994018"

    def value(self, y, z):
        m = 1.0 - self._sign(y) * z
        return 0.0 if m < 0.0 else m

    def grad_hess(self, y, z):
        s = self._sign(y)
        return (-s if s * z < 1.0 else 0.0 * z), 0.0


class SquaredHinge(_Binary):
    """Squared hinge loss, max(0, 1 − s·f)² with s = 2y − 1.

    Notes
    -----
    Domain: y 0 or 1, read as −1 and +1; f is the decision value; convex; Hessian 2 inside the
    margin, 0 outside. The loss of ``LinearSVC()``.

    References
    ----------
    Chang, K.-W., Hsieh, C.-J. and Lin, C.-J. (2008). Coordinate descent method for large-scale
    L2-loss linear support vector machines. JMLR 9:1369.

    Examples
    --------
    >>> SquaredHinge()([1, 0], [-1.0, -2.0])
    2.0
    """

    convex: ClassVar = True
    names: ClassVar = {"en": "Squared hinge loss", "zh": "平方合页损失"}
    formula: ClassVar = r"\max(0,\ 1 - (2y - 1) f)^2"
    use_case: ClassVar = {
        "en": "Support vector machines with a smooth loss.",
        "zh": "损失平滑的支持向量机。",
    }
    choose_when: ClassVar = {
        "en": "A margin is wanted and labels are clean.",
        "zh": "追求间隔且标签干净时。",
    }
    reference: ClassVar = "Chang, Hsieh & Lin (2008), JMLR 9:1369"

    def _margin(self, y, z):
        m = 1.0 - self._sign(y) * z
        return 0.0 if m < 0.0 else m

    def value(self, y, z):
        m = self._margin(y, z)
        return m * m

    def grad_hess(self, y, z):
        m = self._margin(y, z)
        return -2.0 * self._sign(y) * m, (2.0 if m > 0.0 else 0.0)


class ModifiedHuber(_Binary):
    """Modified Huber loss: the squared hinge for s·f ≥ −1, else −4·s·f.

    Notes
    -----
    Domain: y 0 or 1, read as −1 and +1; f is the decision value; convex; Hessian 2 or 0. The loss
    of ``SGDClassifier(loss="modified_huber")``.

    References
    ----------
    Zhang, T. (2004). Statistical behavior and consistency of classification methods based on
    convex risk minimization. doi:10.1214/aos/1079120130

    Examples
    --------
    >>> ModifiedHuber()([1, 1], [-2.0, 1.0])
    4.0
    """

    convex: ClassVar = True
    names: ClassVar = {"en": "Modified Huber loss", "zh": "修正 Huber 损失"}
    formula: ClassVar = (
        r"\begin{cases}\max(0, 1 - sf)^2 & sf \ge -1\\ -4sf & sf < -1\end{cases},\ s = 2y - 1"
    )
    use_case: ClassVar = {
        "en": "Classification with mislabelled rows.",
        "zh": "含错误标签的分类。",
    }
    choose_when: ClassVar = {
        "en": "A smooth margin loss is wanted that outliers do not dominate.",
        "zh": "需要平滑的间隔损失且不受离群值主导时。",
    }
    reference: ClassVar = "Zhang (2004), doi:10.1214/aos/1079120130"

    def value(self, y, z):
        a = self._sign(y) * z
        m = 0.0 if a > 1.0 else 1.0 - a
        return m * m if a >= -1.0 else -4.0 * a

    def grad_hess(self, y, z):
        s = self._sign(y)
        a = s * z
        m = 0.0 if a > 1.0 else 1.0 - a
        return (-2.0 * s * m if a >= -1.0 else -4.0 * s), (2.0 if abs(a) < 1.0 else 0.0)


class Exponential(_Binary):
    """Exponential loss, exp(−s·f) with s = 2y − 1; P(y = 1) = expit(2f).

    Notes
    -----
    Domain: y 0 or 1, read as −1 and +1; link ½·logit; convex; exact Hessian. The loss of AdaBoost
    and of ``GradientBoostingClassifier(loss="exponential")``.

    References
    ----------
    Friedman, J., Hastie, T. and Tibshirani, R. (2000). Additive logistic regression: a
    statistical view of boosting. doi:10.1214/aos/1016218223

    Examples
    --------
    >>> round(Exponential()([1, 0], [0.5, 0.5]), 6)
    1.0
    """

    prediction: ClassVar = PROBABILITY
    convex: ClassVar = True
    names: ClassVar = {"en": "Exponential loss", "zh": "指数损失"}
    formula: ClassVar = r"\exp(-(2y - 1) f)"
    use_case: ClassVar = {
        "en": "Boosting in the manner of AdaBoost.",
        "zh": "AdaBoost 式的提升。",
    }
    choose_when: ClassVar = {
        "en": "Labels are clean and every mistake must be corrected.",
        "zh": "标签干净、每个错误都必须纠正时。",
    }
    reference: ClassVar = "Friedman, Hastie & Tibshirani (2000), doi:10.1214/aos/1016218223"

    def response(self, z):
        return expit(2.0 * z)

    def link(self, p):
        return 0.5 * logit(p)

    def value(self, y, z):
        return exp(-self._sign(y) * z)

    def grad_hess(self, y, z):
        s = self._sign(y)
        e = exp(-s * z)
        return -s * e, e

    def optimal_constant(self, y, w):
        return 0.5 * _clipped_logit(weighted_mean(y, w))
