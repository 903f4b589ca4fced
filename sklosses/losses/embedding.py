"""Losses of embeddings: rows with one label should be near each other, others far."""

from __future__ import annotations

from math import inf
from typing import Annotated, ClassVar

from .._bases.batchwise import EmbeddingLoss, Interval, fadd
from .._special import exp_of_negative, expit, log, log1pexp
from ._triplets import MANY, crossed, ranged

POSITIVE = Interval(0, inf)
NON_NEGATIVE = Interval(0, inf, closed="left")


class Contrastive(EmbeddingLoss):
    """Contrastive loss of pairs: d² if they share a label, max(0, m − d)² if not.

    Parameters
    ----------
    margin : float, default=1.0
        Distance from which rows of different labels are far enough; ≥ 0.

    Notes
    -----
    One value a batch, the mean over its unordered pairs, with Euclidean distances d. Domain: labels
    and rows of any numbers; neither convex nor smooth. Twice that of the paper, which has a ½.

    References
    ----------
    Hadsell, R., Chopra, S. and LeCun, Y. (2006). Dimensionality reduction by learning an invariant
    mapping. doi:10.1109/CVPR.2006.100

    Examples
    --------
    >>> round(Contrastive()([0, 0, 1], [[0.0], [0.5], [2.0]]), 4)  # 0.5², 0, 0
    0.0833
    """

    margin: Annotated[float, NON_NEGATIVE] = 1.0

    smooth: ClassVar = False
    aliases: ClassVar = ("contrastive_loss",)
    names: ClassVar = {"en": "Contrastive loss", "zh": "对比损失"}
    formula: ClassVar = r"[y_i = y_j]\, d_{ij}^2 + [y_i \neq y_j] \max(0,\ m - d_{ij})^2"
    use_case: ClassVar = {
        "en": "Pairs that are alike or not; distances that can be compared with a threshold.",
        "zh": "已知成对样本是否相似;希望距离可与阈值比较。",
    }
    choose_when: ClassVar = {
        "en": "Pairs should be told apart by one distance, the same for all classes.",
        "zh": "希望用同一个距离阈值区分所有类别的样本对时。",
    }
    reference: ClassVar = "Hadsell, Chopra & LeCun (2006), doi:10.1109/CVPR.2006.100"

    def anchor(self, i, start, stop, s, w):
        total = 0.0
        for j in range(s.size):
            d = s[j]
            gap = max(self.margin - d, 0.0)
            alike = start <= j < stop
            total = fadd(total, d * d if alike else gap * gap)
            w[j] = 2.0 * d if alike else -2.0 * gap
        return total, s.size - 1.0


class _AgainstNegatives(EmbeddingLoss):
    """The mean over pairs (i, j) with one label of ln(1 + Σ_k e^(a_ik − a_ij)), k of other labels.

    ``scale`` times the similarity is a.
    """

    def anchor(self, i, start, stop, s, w):
        scale, top, norm = self.scale, -inf, 0.0
        for j in range(s.size):
            top = max(top, -inf if start <= j < stop else s[j])
        for j in range(s.size):
            w[j] = 0.0 if start <= j < stop else exp_of_negative(scale * (s[j] - top))
            norm = fadd(norm, w[j])
        level = scale * top + log(norm)  # ln Σ_k e^a_ik
        total, share = 0.0, 0.0
        for j in range(start, stop):
            if j != i:
                d = level - scale * s[j]
                p = expit(d)
                w[j] = -scale * p
                total += log1pexp(d)
                share += p
        share = scale * share / norm if norm > 0.0 else 0.0
        for j in range(s.size):
            w[j] *= 1.0 if start <= j < stop else share
        return total, stop - start - 1.0


class NTXent(_AgainstNegatives):
    """Normalised temperature-scaled cross-entropy (SimCLR), of pairs with one label.

    Parameters
    ----------
    temperature : float, default=0.5
        Divides the cosines; > 0. The lower, the more the nearest negatives count.

    Notes
    -----
    One value a batch: the mean over ordered pairs with one label of
    −ln(e^(s_ij/T) / (e^(s_ij/T) + Σ e^(s_ik/T))), with k of other labels, s the cosine. A pair sees
    no other positive; where a label has two rows, as two views of an image, it is
    cross-entropy over all other rows as PyTorch has it. Domain: labels and rows of any numbers; not
    convex, smooth but at 0.

    References
    ----------
    Chen, T., Kornblith, S., Norouzi, M. and Hinton, G. (2020). A simple framework for contrastive
    learning of visual representations. doi:10.48550/arXiv.2002.05709

    Examples
    --------
    >>> z = [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    >>> round(NTXent(temperature=1.0)([0, 0, 1], z), 4)  # ln(1 + e^(0 − 1))
    0.3133
    """

    temperature: Annotated[float, POSITIVE] = 0.5

    geometry: ClassVar = "cosine"
    aliases: ClassVar = ("ntxent", "simclr")
    names: ClassVar = {"en": "NT-Xent", "zh": "NT-Xent(归一化温度交叉熵)"}
    formula: ClassVar = (
        r"-\ln \frac{e^{s_{ij}/T}}{e^{s_{ij}/T} + \sum_{k:\,y_k \neq y_i} e^{s_{ik}/T}}"
    )
    use_case: ClassVar = {
        "en": "Learning without labels: two views of a row are alike, all others are not.",
        "zh": "自监督学习:同一样本的两个视图相似,与其余样本不相似。",
    }
    choose_when: ClassVar = {
        "en": "There are no labels, but it is known how a row may be changed.",
        "zh": "没有标签,但知道样本可以如何变换而含义不变时。",
    }
    reference: ClassVar = "Chen et al. (2020), doi:10.48550/arXiv.2002.05709"

    @property
    def scale(self):
        return 1.0 / self.temperature


class NPairs(_AgainstNegatives):
    """N-pairs loss: each pair with one label against all rows of other labels, by inner products.

    Notes
    -----
    One value a batch: the mean over ordered pairs with one label of
    ln(1 + Σ e^(z_i·z_k − z_i·z_j)), with k of other labels. Rows are not normalised, and no penalty
    on their length is added, as the paper does. Domain: labels and rows of any numbers; smooth, not
    convex.

    References
    ----------
    Sohn, K. (2016). Improved deep metric learning with multi-class N-pair loss objective. NIPS 29.
    https://proceedings.neurips.cc/paper/2016/hash/6b180037abbebea991d8b1232f8a8ca9-Abstract.html

    Examples
    --------
    >>> round(NPairs()([0, 0, 1], [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), 4)  # ln(1 + e^(0 − 1))
    0.3133
    """

    geometry: ClassVar = "product"
    scale: ClassVar = 1.0
    aliases: ClassVar = ("npairs", "n_pair")
    names: ClassVar = {"en": "N-pairs loss", "zh": "N 对损失"}
    formula: ClassVar = (
        r"\ln\bigl(1 + \sum_{k:\,y_k \neq y_i} e^{z_i^\top z_k - z_i^\top z_j}\bigr)"
    )
    use_case: ClassVar = {
        "en": "Many classes with few rows each, compared by inner products.",
        "zh": "类别多而每类样本少,以内积比较。",
    }
    choose_when: ClassVar = {
        "en": "Likeness is an inner product, as in retrieval, and no parameter should be tuned.",
        "zh": "以内积衡量相似度(如检索),且不想调参数时。",
    }
    reference: ClassVar = "Sohn (2016), NIPS 29"


class SupervisedContrastive(EmbeddingLoss):
    """Supervised contrastive loss: the rows of an anchor's label against all others, by cosines.

    Parameters
    ----------
    temperature : float, default=0.1
        Divides the cosines; > 0. The lower, the more the nearest rows count.

    Notes
    -----
    One value a batch: the mean over anchors i with a positive, other rows p of the label, of the
    mean over those of −ln(e^(s_ip/T) / Σ_(k ≠ i) e^(s_ik/T)), with s the cosine: L_out of the
    paper. Domain: labels and rows of any numbers; smooth but at 0, not convex.

    References
    ----------
    Khosla, P. et al. (2020). Supervised contrastive learning. doi:10.48550/arXiv.2004.11362

    Examples
    --------
    >>> z = [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    >>> round(SupervisedContrastive(temperature=1.0)([0, 0, 1], z), 4)  # ln(e + 1) − 1
    0.3133
    """

    temperature: Annotated[float, POSITIVE] = 0.1

    geometry: ClassVar = "cosine"
    aliases: ClassVar = ("supcon",)
    names: ClassVar = {"en": "Supervised contrastive loss", "zh": "监督对比损失"}
    formula: ClassVar = (
        r"-\frac{1}{|P_i|} \sum_{p \in P_i} "
        r"\ln \frac{e^{s_{ip}/T}}{\sum_{k \neq i} e^{s_{ik}/T}}"
    )
    use_case: ClassVar = {
        "en": "Representations of labelled data, to be compared by angles.",
        "zh": "有标签数据的表示学习,以夹角比较。",
    }
    choose_when: ClassVar = {
        "en": "Classes have many rows, and only the direction of a row should count.",
        "zh": "每类样本较多,且只有方向有意义时。",
    }
    reference: ClassVar = "Khosla et al. (2020), doi:10.48550/arXiv.2004.11362"

    def anchor(self, i, start, stop, s, w):
        count, scale = stop - start - 1, 1.0 / self.temperature
        if count == 0:
            w[:] = 0.0
            return 0.0, 0.0
        s[i] = -inf
        top, norm, inner = s.max(), 0.0, 0.0
        for j in range(s.size):
            w[j] = exp_of_negative(scale * (s[j] - top))
            norm = fadd(norm, w[j])
        for j in range(start, stop):
            inner += scale * (s[j] - top) if j != i else 0.0
        for j in range(s.size):
            w[j] = scale * (w[j] / norm - (1.0 / count if start <= j < stop else 0.0))
        w[i] = 0.0
        return log(norm) - inner / count, 1.0


class Triplet(EmbeddingLoss):
    """Triplet loss: an anchor's positive nearer than its negative, max(0, d_ap − d_an + m).

    Parameters
    ----------
    margin : float, default=1.0
        How much nearer; ≥ 0.
    mining : {"all", "hard", "semihard"}, default="semihard"
        What it is the mean of. "all": all triplets, zeros included. "hard": that of the farthest
        positive and the nearest negative of each anchor. "semihard": triplets whose negative is
        farther than the positive, but not by the margin: d_ap < d_an < d_ap + m.

    Notes
    -----
    One value a batch, with Euclidean distances. Domain: labels and rows of any numbers; neither
    convex nor smooth. Which triplets are mined is held fixed in the gradient. As PyTorch's
    ``triplet_margin_loss``, without the 1e-6 that it adds to differences.

    References
    ----------
    Schroff, F., Kalenichenko, D. and Philbin, J. (2015). FaceNet: a unified embedding for face
    recognition and clustering. doi:10.1109/CVPR.2015.7298682

    Hermans, A., Beyer, L. and Leibe, B. (2017). In defense of the triplet loss for person
    re-identification. doi:10.48550/arXiv.1703.07737

    Examples
    --------
    >>> y, z = [0, 0, 1], [[0.0], [1.0], [1.5]]
    >>> Triplet()(y, z), Triplet(mining="all")(y, z)  # of 1 − 1.5 + 1 alone; and of 1 − 0.5 + 1
    (0.5, 1.0)
    """

    margin: Annotated[float, NON_NEGATIVE] = 1.0
    mining: Annotated[str, ("all", "hard", "semihard")] = "semihard"

    smooth: ClassVar = False
    aliases: ClassVar = ("triplet_margin",)
    names: ClassVar = {"en": "Triplet loss", "zh": "三元组损失"}
    formula: ClassVar = r"\max(0,\ d_{ap} - d_{an} + m)"
    use_case: ClassVar = {
        "en": "Nearest neighbours, recognition and search by distance.",
        "zh": "最近邻分类、识别,以及按距离检索。",
    }
    choose_when: ClassVar = {
        "en": "Only the order of distances matters; the default of metric learning.",
        "zh": "只关心距离的大小次序时;度量学习的默认选择。",
    }
    reference: ClassVar = "Schroff et al. (2015), doi:10.1109/CVPR.2015.7298682"

    @property
    def _hard(self):
        return self.mining == "hard"

    @property
    def _beyond(self):
        return self.mining == "semihard"

    def anchor(self, i, start, stop, s, w):
        w[:] = 0.0
        s[i] = -inf  # as a positive of itself it has no loss then
        near, others = s[start:stop], s.size - (stop - start)
        if near.size == 1 or others == 0:
            return 0.0, 0.0
        if self._hard:
            return self._hardest(start, stop, s, w)
        total, count = 0.0, 0.0
        for far, push in ((s[:start], w[:start]), (s[stop:], w[stop:])):
            if near.size > MANY:
                part, used = ranged(near, far, self.margin, self._beyond, w[start:stop], push)
            else:
                part, used = crossed(near, far, self.margin, self._beyond, w[start:stop], push)
            total += part
            count += used
        return total, count if self._beyond else (near.size - 1.0) * others

    def _hardest(self, start, stop, s, w):
        p, n = start, -1
        for j in range(s.size):
            if start <= j < stop:
                p = j if s[j] > s[p] else p
            else:
                n = j if n < 0 or s[j] < s[n] else n
        loss = s[p] - s[n] + self.margin
        if loss > 0.0:
            w[p], w[n] = 1.0, -1.0
        return max(loss, 0.0), 1.0
