"""Losses of the margin s·f: `f` the decision value, s = −1 or +1 from labels 0 and 1."""

from __future__ import annotations

from typing import ClassVar

from .._bases.pointwise import Interval, PointwiseLoss, clipped_logit, weighted_mean
from .._special import exp, expit, logit

PROBABILITY = Interval(0, 1, closed="both")


class _Margin(PointwiseLoss):
    task: ClassVar = "binary"

    def _sign(self, y):
        return 2.0 * y - 1.0


class Hinge(_Margin):
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

    def optimal_constant(self, y, w):
        share = weighted_mean(y, w)
        return 1.0 if share > 0.5 else (-1.0 if share < 0.5 else 0.0)


class SquaredHinge(_Margin):
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


class ModifiedHuber(_Margin):
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


class Exponential(_Margin):
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
        return 0.5 * clipped_logit(weighted_mean(y, w))
