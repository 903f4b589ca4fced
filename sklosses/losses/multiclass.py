"""Losses of several classes: of the softmax probabilities, or of the margin between raw scores."""

from __future__ import annotations

from math import inf
from typing import Annotated, ClassVar

from .._bases.native import Native
from .._bases.rowwise import Interval, RowwiseLoss, class_shares
from .._bases.softmax import SoftmaxLoss
from .._special import exp, log

NON_NEGATIVE = Interval(0, inf, closed="left")


class CategoricalCrossEntropy(SoftmaxLoss):
    """Categorical cross-entropy, the negative log-likelihood of the classes.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        ε in [0, 1): class shares become t(1 − ε) + ε/k.

    Notes
    -----
    Domain: labels 0 … k − 1, or rows of class shares; softmax link; convex; exact Hessian. Equals
    ``sklearn.metrics.log_loss`` and, on raw scores, ``torch.nn.CrossEntropyLoss`` (with
    `reduction="none"`). Probabilities are clipped to [eps, 1 − eps], raw scores never.

    References
    ----------
    Good, I. J. (1952). Rational decisions. doi:10.1111/j.2517-6161.1952.tb00104.x

    Examples
    --------
    >>> round(CategoricalCrossEntropy()([0, 2], [[0.5, 0.25, 0.25], [0.25, 0.25, 0.5]]), 6)
    0.693147
    """

    label_smoothing: Annotated[float, Interval(0, 1, closed="left")] = 0.0

    convex: ClassVar = True
    proper: ClassVar = True
    aliases: ClassVar = ("cross_entropy", "cce", "multinomial", "softmax_cross_entropy")
    names: ClassVar = {"en": "Categorical cross-entropy", "zh": "多类交叉熵"}
    formula: ClassVar = r"-\sum_j t_j \ln p_j"
    use_case: ClassVar = {
        "en": "Multiclass classification with probabilities.",
        "zh": "需要概率输出的多分类。",
    }
    choose_when: ClassVar = {
        "en": "Calibrated probabilities of several classes are wanted; the default.",
        "zh": "需要多个类别的校准概率;默认选择。",
    }
    reference: ClassVar = "Good (1952), doi:10.1111/j.2517-6161.1952.tb00104.x"
    native: ClassVar = {
        "lightgbm": Native("multiclass", hessian_factor="k/(k-1)", where={"label_smoothing": 0.0}),
        "xgboost": Native("multi:softprob", hessian_factor=2.0, where={"label_smoothing": 0.0}),
        "catboost": Native("MultiClass", init="zero", where={"label_smoothing": 0.0}),
        "sklearn": Native("log_loss", where={"label_smoothing": 0.0}),
    }

    def soften(self, t, k):
        return t * (1.0 - self.label_smoothing) + self.label_smoothing / k

    def term(self, t, p, lp):
        return -t * lp if t > 0.0 else 0.0

    def slopes(self, t, p, lp):
        return -t, 0.0


class CategoricalFocal(SoftmaxLoss):
    """Focal loss of several classes, (1 − p)^γ times the cross-entropy.

    Parameters
    ----------
    gamma : float, default=2.0
        How much easy rows are played down; ≥ 0. With 0 it is the cross-entropy.

    Notes
    -----
    Domain: labels 0 … k − 1, or rows of class shares; softmax link; not convex; the exact Hessian
    may be negative. The minimiser is not the true probability: calibrate.

    References
    ----------
    Lin, T.-Y. et al. (2017). Focal loss for dense object detection. doi:10.1109/ICCV.2017.324

    Examples
    --------
    >>> round(CategoricalFocal(gamma=2.0)([0], [[0.5, 0.25, 0.25]]), 6)
    0.173287
    """

    gamma: Annotated[float, NON_NEGATIVE] = 2.0

    aliases: ClassVar = ("multiclass_focal", "softmax_focal")
    names: ClassVar = {"en": "Categorical focal loss", "zh": "多类焦点损失"}
    formula: ClassVar = r"-\sum_j t_j (1 - p_j)^\gamma \ln p_j"
    use_case: ClassVar = {
        "en": "Several imbalanced classes, many easy rows.",
        "zh": "多个不平衡类别,易分样本很多。",
    }
    choose_when: ClassVar = {
        "en": "Easy rows of a common class drown those of rare classes.",
        "zh": "常见类的易分样本淹没稀有类时。",
    }
    reference: ClassVar = "Lin et al. (2017), doi:10.1109/ICCV.2017.324"

    def _powers(self, q):
        """Return q^γ and γ q^(γ−1) for q = 1 − p; by logarithm, which is fast."""
        c = self.gamma
        if c == 0.0:
            return 1.0, 0.0
        f = exp(c * log(q)) if q > 0.0 else 0.0
        return f, c * (exp((c - 1.0) * log(q)) if q > 0.0 else 0.0)

    def term(self, t, p, lp):
        f, _ = self._powers(1.0 - p)
        return -t * f * lp if t > 0.0 else 0.0

    def slopes(self, t, p, lp):
        c, q = self.gamma, 1.0 - p
        f, df = self._powers(q)
        bend = (c - 1.0) * df / q if q > 0.0 else 0.0  # γ(γ−1) q^(γ−2)
        plp = p * lp if p > 0.0 else 0.0
        u = t * (df * plp - f)
        v = t * (plp * (df - bend * p) + 2.0 * df * p)
        return (u, v) if t > 0.0 else (0.0, 0.0)


class KLDivergence(SoftmaxLoss):
    """Kullback–Leibler divergence of the predicted from the target distribution.

    Notes
    -----
    Domain: rows of class shares, zeros allowed (0 · ln 0 = 0), or labels; softmax link; convex;
    exact Hessian. Equals ``scipy.stats.entropy(y, p)`` and ``torch.nn.KLDivLoss`` summed over
    classes; with labels, the cross-entropy.

    References
    ----------
    Kullback, S. and Leibler, R. A. (1951). On information and sufficiency.
    doi:10.1214/aoms/1177729694

    Examples
    --------
    >>> round(KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]]), 6)
    0.143841
    """

    convex: ClassVar = True
    proper: ClassVar = True
    aliases: ClassVar = ("kl", "kldiv")
    names: ClassVar = {"en": "Kullback–Leibler divergence", "zh": "KL 散度"}
    formula: ClassVar = r"\sum_j t_j \ln \frac{t_j}{p_j}"
    use_case: ClassVar = {
        "en": "Soft labels: annotator votes, distillation, topic shares.",
        "zh": "软标签:标注者投票、知识蒸馏、主题占比。",
    }
    choose_when: ClassVar = {
        "en": "Targets are distributions, and 0 should mean a perfect prediction.",
        "zh": "目标是分布,且希望 0 表示完全正确时。",
    }
    reference: ClassVar = "Kullback & Leibler (1951), doi:10.1214/aoms/1177729694"

    def term(self, t, p, lp):
        return t * (log(t) - lp) if t > 0.0 else 0.0

    def slopes(self, t, p, lp):
        return -t, 0.0


class JensenShannon(SoftmaxLoss):
    """Jensen–Shannon divergence, the symmetric and bounded relative of Kullback–Leibler's.

    Notes
    -----
    Domain: rows of class shares, zeros allowed, or labels; softmax link; in nats, at most ln 2; not
    convex in the raw scores; exact Hessian. The square of
    ``scipy.spatial.distance.jensenshannon``.

    References
    ----------
    Lin, J. (1991). Divergence measures based on the Shannon entropy. doi:10.1109/18.61115

    Examples
    --------
    >>> round(JensenShannon()([[1.0, 0.0]], [[0.5, 0.5]]), 6)
    0.215762
    """

    aliases: ClassVar = ("js_divergence", "jsd")
    names: ClassVar = {"en": "Jensen–Shannon divergence", "zh": "JS 散度"}
    formula: ClassVar = (
        r"\tfrac12 \sum_j \left(t_j \ln \frac{t_j}{m_j} + p_j \ln \frac{p_j}{m_j}\right),"
        r"\ m = \tfrac12 (t + p)"
    )
    use_case: ClassVar = {
        "en": "Soft labels with some that are plainly wrong.",
        "zh": "含有明显错误的软标签。",
    }
    choose_when: ClassVar = {
        "en": "Targets are distributions and a confident mistake should cost a bounded amount.",
        "zh": "目标是分布,且自信的错误应只付有限代价时。",
    }
    reference: ClassVar = "Lin (1991), doi:10.1109/18.61115"

    def term(self, t, p, lp):
        lm = log(0.5 * (t + p))
        own = t * (log(t) - lm) if t > 0.0 else 0.0
        return 0.5 * (own + (p * (lp - lm) if p > 0.0 else 0.0))

    def slopes(self, t, p, lp):
        gap = lp - log(0.5 * (t + p))
        u = 0.5 * p * gap if p > 0.0 else 0.0
        return u, u + 0.5 * (p * t / (t + p) if p > 0.0 else 0.0)


class CategoricalBrier(SoftmaxLoss):
    """Brier score of several classes, Σ_j (p_j − t_j)².

    Notes
    -----
    Domain: labels 0 … k − 1, or rows of class shares; softmax link; bounded, not convex in the raw
    scores. Equals ``sklearn.metrics.brier_score_loss`` with `scale_by_half=False`. `Brier` becomes
    this for three or more classes.

    References
    ----------
    Brier, G. W. (1950). Verification of forecasts expressed in terms of probability.
    doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2

    Examples
    --------
    >>> CategoricalBrier()([0], [[0.5, 0.25, 0.25]])
    0.375
    """

    proper: ClassVar = True
    aliases: ClassVar = ("multiclass_brier",)
    names: ClassVar = {"en": "Brier score of several classes", "zh": "多类 Brier 分数"}
    formula: ClassVar = r"\sum_j (p_j - t_j)^2"
    use_case: ClassVar = {
        "en": "Class probabilities to be judged or trained without infinite penalties.",
        "zh": "评价或训练类别概率,而不产生无穷惩罚。",
    }
    choose_when: ClassVar = {
        "en": "Labels are noisy: a confident mistake should cost a bounded amount.",
        "zh": "标签有噪声、自信的错误应只付有限代价时。",
    }
    reference: ClassVar = "Brier (1950), doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2"

    def term(self, t, p, lp):
        return (p - t) * (p - t)

    def slopes(self, t, p, lp):
        return 2.0 * p * (p - t), 2.0 * p * (2.0 * p - t)

    def response_term(self, t, p):
        return (p - t) * (p - t)


class MulticlassHinge(RowwiseLoss):
    """Crammer and Singer's hinge: the best wrong score must stay a margin below the right one.

    Parameters
    ----------
    margin : float, default=1.0
        The margin; ≥ 0.

    Notes
    -----
    Domain: labels 0 … k − 1; decision values, no link; convex, not smooth; the Hessian is 0 where
    it exists. Equals ``sklearn.metrics.hinge_loss`` for three and more classes.

    References
    ----------
    Crammer, K. and Singer, Y. (2001). On the algorithmic implementation of multiclass kernel-based
    vector machines. JMLR 2:265–292.

    Examples
    --------
    >>> MulticlassHinge()([0, 1], [[2.0, 0.0, 0.5], [1.0, 1.5, 0.0]])
    0.25
    """

    margin: Annotated[float, NON_NEGATIVE] = 1.0

    task: ClassVar = "multiclass"
    convex: ClassVar = True
    smooth: ClassVar = False
    soft_labels: ClassVar = False
    hessian: ClassVar = "surrogate"
    aliases: ClassVar = ("crammer_singer", "multi_margin")
    names: ClassVar = {"en": "Multiclass hinge (Crammer–Singer)", "zh": "多类合页损失"}
    formula: ClassVar = r"\max_j (f_j + m\,[j \ne y]) - f_y"
    use_case: ClassVar = {
        "en": "Maximum-margin decisions between several classes.",
        "zh": "多个类别之间的最大间隔决策。",
    }
    choose_when: ClassVar = {
        "en": "Only the decision matters, and one joint margin beats one-vs-rest.",
        "zh": "只关心决策,且联合间隔优于一对多时。",
    }
    reference: ClassVar = "Crammer & Singer (2001), JMLR 2:265–292"

    def _rival(self, y, z):
        """Return the wrong class of the highest score."""
        rival = 1 if y == 0 else 0
        for j in range(z.size):
            if j != y and z[j] > z[rival]:
                rival = j
        return rival

    def value(self, y, z):
        return max(z[self._rival(y, z)] - z[y] + self.margin, 0.0)

    def grad(self, y, z, g):
        rival = self._rival(y, z)
        wrong = 1.0 if z[rival] - z[y] + self.margin > 0.0 else 0.0
        for j in range(z.size):
            g[j] = 0.0
        g[rival] = wrong
        g[y] = -wrong

    def hess(self, y, z, h):
        for j in range(z.size):
            h[j] = 0.0

    def optimal_constant(self, y, w, k):
        """Return the margin for a class of more than half of the weight, 0 for all others."""
        shares = class_shares(y, w, k)
        return self.margin * (shares > 0.5)
