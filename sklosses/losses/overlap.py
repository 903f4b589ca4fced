"""Losses of masks: how little of the target a prediction covers, and how much else."""

from __future__ import annotations

from math import inf
from typing import Annotated, ClassVar

from .._bases.overlap import Interval, LovaszLoss, OverlapLoss
from .._special import power

NON_NEGATIVE = Interval(0, inf, closed="left")
ROUNDING = 1e-15  # of one minus an index

# One minus the Tversky index is n / d with n = α FP + β FN and d = i + n + smooth, both linear in i
# and p; false positives FP are p − i, missed rows FN t − i. Empty masks that are predicted empty
# leave 0/0 without smoothing: that is right, and its loss 0.


def _wrong(i, p, t, alpha, beta):
    """Return n; sums that round apart make it negative."""
    return max(alpha * (p - i) + beta * (t - i), 0.0)


def _shortfall(i, p, t, alpha, beta, smooth):
    n = _wrong(i, p, t, alpha, beta)
    d = i + n + smooth
    return n / d if d > 0.0 else 0.0


def _shortfall_slopes(i, p, t, alpha, beta, smooth):
    n, c = _wrong(i, p, t, alpha, beta), alpha + beta
    d = i + n + smooth
    square = d * d if d * d > 0.0 else inf
    return -(c * d + (1.0 - c) * n) / square, alpha * (i + smooth) / square


def _shortfall_bends(i, p, t, alpha, beta, smooth):
    n, c = _wrong(i, p, t, alpha, beta), alpha + beta
    d = i + n + smooth
    cube = d * d * d if d * d * d > 0.0 else inf
    twice = 2.0 * (1.0 - c) * (c * d + (1.0 - c) * n) / cube
    mixed = alpha * (c * d - (1.0 - c) * (i + smooth - n)) / cube
    return twice, mixed, -2.0 * alpha * alpha * (i + smooth) / cube


class Dice(OverlapLoss):
    """Dice loss, one minus the Dice coefficient (the F1 score) of probabilities.

    Parameters
    ----------
    smooth : float, default=1.0
        Added to numerator and denominator, in units of rows; ≥ 0. With it a prediction of nothing
        where there is nothing is right, and small masks count less.
    include_background : bool, default=True
        Whether class 0 is one of those whose mean the loss is, of several raw columns.

    Notes
    -----
    One value a group (image), 1 − (2 Σpt + s)/(Σp + Σt + s), p the logistic function of the raw
    prediction; of k raw columns the softmax, and the mean over classes. Domain: t in [0, 1], or
    labels 0 … k − 1; not convex; exact Hessian. Equals MONAI's ``DiceLoss`` with `smooth_nr` and
    `smooth_dr` both `smooth`; scikit-learn's ``f1_score`` is 1 minus it for hard predictions and
    ``smooth=0``. Gradients are small, about 1/n: scale the loss, not the learning rate.

    References
    ----------
    Milletari, F., Navab, N. and Ahmadi, S.-A. (2016). V-Net. doi:10.1109/3DV.2016.79

    Examples
    --------
    >>> round(Dice(smooth=0.0)([1, 1, 0, 0], [1.0, 0.5, 0.5, 0.0]), 6)
    0.25
    """

    smooth: Annotated[float, NON_NEGATIVE] = 1.0  # type: ignore[assignment, misc]
    include_background: Annotated[bool, bool] = True  # type: ignore[misc]

    aliases: ClassVar = ("soft_f1", "f1", "sorensen_dice")
    names: ClassVar = {"en": "Dice loss", "zh": "Dice 损失"}
    formula: ClassVar = r"1 - \frac{2 \sum p t + s}{\sum p + \sum t + s}"
    use_case: ClassVar = {
        "en": "Masks and rare classes that are scored by Dice or F1.",
        "zh": "以 Dice 或 F1 评分的分割掩膜与稀有类别。",
    }
    choose_when: ClassVar = {
        "en": "The foreground is rare and overlap counts, not calibrated probabilities.",
        "zh": "前景稀少,且看重重叠而非校准概率时。",
    }
    reference: ClassVar = "Milletari et al. (2016), doi:10.1109/3DV.2016.79"

    def value(self, i, p, t):
        return _shortfall(i, p, t, 0.5, 0.5, 0.5 * self.smooth)

    def slopes(self, i, p, t):
        return _shortfall_slopes(i, p, t, 0.5, 0.5, 0.5 * self.smooth)

    def bends(self, i, p, t):
        return _shortfall_bends(i, p, t, 0.5, 0.5, 0.5 * self.smooth)


class Jaccard(OverlapLoss):
    """Jaccard loss, one minus the intersection over union (IoU) of probabilities.

    Parameters
    ----------
    smooth : float, default=1.0
        Added to intersection and union, in units of rows; ≥ 0.
    include_background : bool, default=True
        Whether class 0 is one of those whose mean the loss is, of several raw columns.

    Notes
    -----
    One value a group (image), 1 − (Σpt + s)/(Σp + Σt − Σpt + s), p the logistic function of the
    raw prediction; of k raw columns the softmax, and the mean over classes. Domain: t in [0, 1], or
    labels 0 … k − 1; not convex; exact Hessian. Equals MONAI's ``DiceLoss(jaccard=True)`` with
    `smooth_nr` and `smooth_dr` both twice `smooth`; ``sklearn.metrics.jaccard_score`` is 1 minus it
    for hard predictions and ``smooth=0``. It ranks predictions of one group as Dice does.

    References
    ----------
    Rahman, M. A. and Wang, Y. (2016). Optimizing intersection-over-union in deep neural networks
    for image segmentation. doi:10.1007/978-3-319-50835-1_22

    Examples
    --------
    >>> round(Jaccard(smooth=0.0)([1, 1, 0, 0], [1.0, 0.5, 0.5, 0.0]), 6)
    0.4
    """

    smooth: Annotated[float, NON_NEGATIVE] = 1.0  # type: ignore[assignment, misc]
    include_background: Annotated[bool, bool] = True  # type: ignore[misc]

    aliases: ClassVar = ("iou", "soft_iou")
    names: ClassVar = {"en": "Jaccard loss (IoU)", "zh": "Jaccard 损失(交并比)"}
    formula: ClassVar = r"1 - \frac{\sum p t + s}{\sum p + \sum t - \sum p t + s}"
    use_case: ClassVar = {
        "en": "Masks that are scored by the intersection over union.",
        "zh": "以交并比(IoU)评分的分割掩膜。",
    }
    choose_when: ClassVar = {
        "en": "The score is the mean IoU: over groups it differs from the mean Dice.",
        "zh": "评分为平均 IoU 时:对多组取平均与平均 Dice 不同。",
    }
    reference: ClassVar = "Rahman and Wang (2016), doi:10.1007/978-3-319-50835-1_22"

    def value(self, i, p, t):
        return _shortfall(i, p, t, 1.0, 1.0, self.smooth)

    def slopes(self, i, p, t):
        return _shortfall_slopes(i, p, t, 1.0, 1.0, self.smooth)

    def bends(self, i, p, t):
        return _shortfall_bends(i, p, t, 1.0, 1.0, self.smooth)


class Tversky(OverlapLoss):
    """Tversky loss: overlap in which false positives and missed rows cost differently.

    Parameters
    ----------
    alpha : float, default=0.5
        Cost of false positives; ≥ 0.
    beta : float, default=0.5
        Cost of missed rows; ≥ 0. More than `alpha` favours recall.
    smooth : float, default=1.0
        Added to numerator and denominator, in units of rows; ≥ 0.
    include_background : bool, default=True
        Whether class 0 is one of those whose mean the loss is, of several raw columns.

    Notes
    -----
    One value a group (image), 1 − (I + s)/(I + α·FP + β·FN + s) with I = Σpt, FP = Σp − I and
    FN = Σt − I; p the logistic function of the raw prediction, of k raw columns the softmax, and
    the mean over classes. Domain: t in [0, 1], or labels 0 … k − 1; not convex; exact Hessian.
    Equals MONAI's ``TverskyLoss``; with ½ and ½ it is `Dice` of twice the `smooth`, with 1 and 1
    `Jaccard`, and 1 minus an F-score of β² = beta/alpha where they sum to 1.

    References
    ----------
    Salehi, S. S. M., Erdogmus, D. and Gholipour, A. (2017). Tversky loss function for image
    segmentation using 3D fully convolutional deep networks. doi:10.1007/978-3-319-67389-9_44

    Examples
    --------
    >>> round(Tversky(alpha=0.2, beta=0.8, smooth=0.0)([1, 1, 0, 0], [1.0, 0.5, 0.5, 0.0]), 6)
    0.25
    """

    alpha: Annotated[float, NON_NEGATIVE] = 0.5
    beta: Annotated[float, NON_NEGATIVE] = 0.5
    smooth: Annotated[float, NON_NEGATIVE] = 1.0  # type: ignore[assignment, misc]
    include_background: Annotated[bool, bool] = True  # type: ignore[misc]

    names: ClassVar = {"en": "Tversky loss", "zh": "Tversky 损失"}
    formula: ClassVar = r"1 - \frac{I + s}{I + \alpha\, FP + \beta\, FN + s}"
    use_case: ClassVar = {
        "en": "Lesions, defects, fraud: what is missed costs more than a false alarm.",
        "zh": "病灶、缺陷、欺诈:漏检比误报代价更高。",
    }
    choose_when: ClassVar = {
        "en": "Recall matters more than precision (beta > alpha), or less.",
        "zh": "召回率比精确率更重要(beta > alpha),或相反。",
    }
    reference: ClassVar = "Salehi et al. (2017), doi:10.1007/978-3-319-67389-9_44"

    def value(self, i, p, t):
        return _shortfall(i, p, t, self.alpha, self.beta, self.smooth)

    def slopes(self, i, p, t):
        return _shortfall_slopes(i, p, t, self.alpha, self.beta, self.smooth)

    def bends(self, i, p, t):
        return _shortfall_bends(i, p, t, self.alpha, self.beta, self.smooth)


class FocalTversky(OverlapLoss):
    """Focal Tversky loss, a power of the Tversky loss, by class.

    Parameters
    ----------
    alpha : float, default=0.5
        Cost of false positives; ≥ 0.
    beta : float, default=0.5
        Cost of missed rows; ≥ 0. More than `alpha` favours recall.
    gamma : float, default=0.75
        Exponent; ≥ 0. Less than 1 looks at groups that are nearly right, more at the others.
    smooth : float, default=1.0
        Added to numerator and denominator, in units of rows; ≥ 0.
    include_background : bool, default=True
        Whether class 0 is one of those whose mean the loss is, of several raw columns.

    Notes
    -----
    One value a group (image), (1 − (I + s)/(I + α·FP + β·FN + s))^γ as in `Tversky`, and the mean
    over classes. Domain: t in [0, 1], or labels 0 … k − 1; not convex; exact Hessian. The exponent
    of the paper is 1/γ: its 4/3 is the 0.75 here.

    References
    ----------
    Abraham, N. and Khan, N. M. (2019). A novel focal Tversky loss function with improved attention
    U-Net for lesion segmentation. doi:10.1109/ISBI.2019.8759329

    Examples
    --------
    >>> round(FocalTversky(gamma=0.5, smooth=0.0)([1, 1, 0, 0], [1.0, 0.5, 0.5, 0.0]), 6)
    0.5
    """

    alpha: Annotated[float, NON_NEGATIVE] = 0.5
    beta: Annotated[float, NON_NEGATIVE] = 0.5
    gamma: Annotated[float, NON_NEGATIVE] = 0.75
    smooth: Annotated[float, NON_NEGATIVE] = 1.0  # type: ignore[assignment, misc]
    include_background: Annotated[bool, bool] = True  # type: ignore[misc]

    names: ClassVar = {"en": "Focal Tversky loss", "zh": "焦点 Tversky 损失"}
    formula: ClassVar = r"\left(1 - \frac{I + s}{I + \alpha\, FP + \beta\, FN + s}\right)^\gamma"
    use_case: ClassVar = {
        "en": "Small structures among easy images.",
        "zh": "大量易分图像中的小目标。",
    }
    choose_when: ClassVar = {
        "en": "Some images are much harder than others, and an exponent should weigh them.",
        "zh": "图像难度悬殊,需以指数加以权衡时。",
    }
    reference: ClassVar = "Abraham and Khan (2019), doi:10.1109/ISBI.2019.8759329"

    def value(self, i, p, t):
        return power(_shortfall(i, p, t, self.alpha, self.beta, self.smooth), self.gamma)

    def _factors(self, u):
        """Return the derivatives of u^γ; of a perfect overlap, where they may be infinite, 0."""
        c, lost = self.gamma, u > ROUNDING
        first = c * power(u, c - 1.0) if lost else 0.0
        return first, (c - 1.0) * first / u if lost else 0.0

    def slopes(self, i, p, t):
        u = _shortfall(i, p, t, self.alpha, self.beta, self.smooth)
        a, b = _shortfall_slopes(i, p, t, self.alpha, self.beta, self.smooth)
        first, _ = self._factors(u)
        return first * a, first * b

    def bends(self, i, p, t):
        u = _shortfall(i, p, t, self.alpha, self.beta, self.smooth)
        a, b = _shortfall_slopes(i, p, t, self.alpha, self.beta, self.smooth)
        twice, mixed, other = _shortfall_bends(i, p, t, self.alpha, self.beta, self.smooth)
        first, second = self._factors(u)
        return (
            first * twice + second * a * a,
            first * mixed + second * a * b,
            first * other + second * b * b,
        )


class LovaszHinge(LovaszLoss):
    """Lovász hinge, the convex extension of the Jaccard loss to hinge errors.

    Parameters
    ----------
    include_background : bool, default=True
        Whether class 0 is one of those whose mean the loss is, of several raw columns.

    Notes
    -----
    One value a group (image): errors max(0, 1 − (2t − 1)f) in falling order, each times what its
    row adds to the Jaccard loss of the rows before it. Domain: t 0 or 1; of k raw columns labels
    0 … k − 1, each class against the rest. Predictions are decision values; convex and piecewise
    linear, so boosters use a surrogate Hessian. Equals ``lovasz_hinge`` of the authors' code and
    of segmentation_models_pytorch.

    References
    ----------
    Berman, M., Rannen Triki, A. and Blaschko, M. B. (2018). The Lovász-softmax loss.
    doi:10.1109/CVPR.2018.00464

    Examples
    --------
    >>> LovaszHinge()([1, 0], [0.0, -2.0])
    1.0
    """

    include_background: Annotated[bool, bool] = True  # type: ignore[misc]

    convex: ClassVar = True
    names: ClassVar = {"en": "Lovász hinge", "zh": "Lovász 铰链损失"}
    formula: ClassVar = r"\sum_i \max(0,\ 1 - (2t_i - 1) f_i)\, \Delta_i"
    use_case: ClassVar = {
        "en": "Masks that are scored by the intersection over union, without probabilities.",
        "zh": "以交并比评分、无需概率的分割掩膜。",
    }
    choose_when: ClassVar = {
        "en": "A convex stand-in for the IoU of hard predictions is wanted.",
        "zh": "需要硬预测 IoU 的凸替代时。",
    }
    reference: ClassVar = "Berman et al. (2018), doi:10.1109/CVPR.2018.00464"

    def value(self, i, p, t):
        return _shortfall(i, p, t, 1.0, 1.0, 0.0)

    def error(self, t, f):
        e = 1.0 - (2.0 * t - 1.0) * f
        return (e, 1.0 - 2.0 * t) if e > 0.0 else (0.0, 0.0)
