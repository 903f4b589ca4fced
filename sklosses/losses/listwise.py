"""Ranking losses of the whole list of documents of a query."""

from __future__ import annotations

from math import inf
from typing import Annotated, ClassVar

import numpy as np

from .._bases.groupwise import GroupLoss, Interval, fadd
from .._special import exp, expit, log, log1pexp
from ._lists import LOG2_E, discount, falling, gain, ideal_gain, taken

POSITIVE = Interval(0, inf)


class ListNet(GroupLoss):
    """Cross-entropy of two softmaxes: of the targets and of the scores.

    Parameters
    ----------
    temperature : float, default=1.0
        Divides both; > 0. The lower, the more the top counts.

    Notes
    -----
    One value a query, −Σ softmax(y/T) · ln softmax(s/T). Domain: y ≥ 0; convex and smooth. A query
    whose targets are all equal has loss 0 here, though the formula would give ln of its length.

    References
    ----------
    Cao, Z. et al. (2007). Learning to rank: from pairwise approach to listwise approach.
    doi:10.1145/1273496.1273513

    Examples
    --------
    >>> round(ListNet()([1, 0], [0.0, 0.0]), 4)
    0.6931
    """

    temperature: Annotated[float, POSITIVE] = 1.0

    task: ClassVar = "ranking"
    convex: ClassVar = True
    aliases: ClassVar = ("listnet", "softmax_ranking")
    names: ClassVar = {"en": "ListNet", "zh": "ListNet(列表级交叉熵)"}
    formula: ClassVar = r"-\sum_i \mathrm{softmax}(y/T)_i \ln \mathrm{softmax}(s/T)_i"
    use_case: ClassVar = {
        "en": "Many long lists: linear in their length, one softmax each.",
        "zh": "大量长列表:对长度线性,每个列表只需一次 softmax。",
    }
    choose_when: ClassVar = {
        "en": "Speed matters and grades differ by their share of attention.",
        "zh": "注重速度,且等级差异可视为注意力份额时。",
    }
    reference: ClassVar = "Cao et al. (2007), doi:10.1145/1273496.1273513"
    scalar_methods: ClassVar = (*GroupLoss.scalar_methods, "shares")

    def shares(self, x):
        """Return the softmax of ``x / T``, and ln of its norm relative to the largest."""
        e, top = np.empty_like(x), x.max()
        total = x[0] - x[0]
        for i in range(x.size):
            e[i] = exp((x[i] - top) / self.temperature)
        for i in range(x.size):
            total = fadd(total, e[i])
        for i in range(x.size):
            e[i] /= total
        return e, log(total)

    def value_grad(self, y, z, g):
        target, _ = self.shares(y)
        p, norm = self.shares(z)
        top, total = z.max(), z[0] - z[0]
        for i in range(y.size):
            total = fadd(total, target[i] * (norm + (top - z[i]) / self.temperature))
            g[i] += (p[i] - target[i]) / self.temperature
        return total

    def value(self, y, z):
        return self.value_grad(y, z, np.empty_like(z))

    def grad(self, y, z, g):
        self.value_grad(y, z, g)

    def hess(self, y, z, h):
        p, _ = self.shares(z)
        for i in range(z.size):
            h[i] += p[i] * (1.0 - p[i]) / (self.temperature * self.temperature)


class ListMLE(GroupLoss):
    """Negative log-likelihood of the ranking by targets under the Plackett–Luce model.

    Notes
    -----
    One value a query, summed over places: Σ_i ln Σ_{j ≥ i} e^(s_j) − s_i, documents by falling
    target, ties in row order. Domain: y ≥ 0; convex and smooth. Not divided by the length.

    References
    ----------
    Xia, F. et al. (2008). Listwise approach to learning to rank: theory and algorithm.
    doi:10.1145/1390156.1390306

    Examples
    --------
    >>> round(ListMLE()([1, 0], [0.0, 0.0]), 4)
    0.6931
    """

    task: ClassVar = "ranking"
    convex: ClassVar = True
    aliases: ClassVar = ("listmle", "plackett_luce")
    names: ClassVar = {"en": "ListMLE", "zh": "ListMLE(Plackett–Luce 似然)"}
    formula: ClassVar = (
        r"\sum_i \left(\ln \sum_{j \geq i} e^{s_{(j)}} - s_{(i)}\right), \quad"
        r"y_{(1)} \geq y_{(2)} \geq \dots"
    )
    use_case: ClassVar = {
        "en": "Complete rankings: races, votes, ordered preferences.",
        "zh": "完整排名:比赛、投票、偏好次序。",
    }
    choose_when: ClassVar = {
        "en": "The whole order was observed, with few ties.",
        "zh": "观测到完整次序且并列很少时。",
    }
    reference: ClassVar = "Xia et al. (2008), doi:10.1145/1390156.1390306"
    scalar_methods: ClassVar = (*GroupLoss.scalar_methods, "tails")

    def tails(self, s):
        """Return ln of the sums of e^s from each place to the last."""
        tails = np.empty_like(s)
        last = s[s.size - 1]
        for i in range(s.size - 1, -1, -1):
            if i < s.size - 1:
                high, low = max(last, s[i]), min(last, s[i])
                last = high + log1pexp(low - high)
            tails[i] = last
        return tails

    def value_grad(self, y, z, g):
        order = falling(y)
        s = taken(z, order)
        tails, total = self.tails(s), 0.0
        for i in range(s.size):
            total += tails[i] - s[i]
            g[order[i]] -= 1.0
        # Σ_{i ≤ j} e^(s_j − tail_i), by a running sum relative to the current tail
        weight = s[0] - s[0]
        for j in range(s.size):
            previous = tails[j - 1] if j > 0 else tails[0]
            weight = weight * exp(tails[j] - previous) + 1.0
            g[order[j]] += weight * exp(s[j] - tails[j])
        return total

    def value(self, y, z):
        return self.value_grad(y, z, np.empty_like(z))

    def grad(self, y, z, g):
        self.value_grad(y, z, g)

    def hess(self, y, z, h):
        order = falling(y)
        s = taken(z, order)
        tails = self.tails(s)
        weight, square = s[0] - s[0], s[0] - s[0]
        for j in range(s.size):
            previous = tails[j - 1] if j > 0 else tails[0]
            ratio = exp(tails[j] - previous)
            weight, square = weight * ratio + 1.0, square * ratio * ratio + 1.0
            p = exp(s[j] - tails[j])
            h[order[j]] += weight * p - square * p * p


class ApproxNDCG(GroupLoss):
    """One minus the NDCG of smoothed ranks.

    Parameters
    ----------
    temperature : float, default=0.1
        Of the sigmoid in place of each comparison of scores; > 0. The lower, the nearer to the
        NDCG, and the flatter.

    Notes
    -----
    One value a query in [0, 1): 1 − Σ (2^y_i − 1) / log2(1 + π_i) / IDCG with
    π_i = 1 + Σ_{j≠i} expit((s_j − s_i)/T). Domain: y ≥ 0; smooth, not convex.

    References
    ----------
    Qin, T., Liu, T.-Y. and Li, H. (2010). A general approximation framework for direct optimization
    of information retrieval measures. doi:10.1007/s10791-009-9124-x

    Examples
    --------
    >>> round(ApproxNDCG()([1, 0], [0.0, 0.0]), 4)
    0.2435
    """

    temperature: Annotated[float, POSITIVE] = 0.1

    task: ClassVar = "ranking"
    aliases: ClassVar = ("approxndcg", "approx_ndcg")
    names: ClassVar = {"en": "Approximate NDCG", "zh": "近似 NDCG"}
    formula: ClassVar = (
        r"1 - \frac{1}{\mathrm{IDCG}} \sum_i \frac{2^{y_i} - 1}{\log_2(1 + \pi_i)}, \quad"
        r"\pi_i = 1 + \sum_{j \neq i} \sigma\left(\frac{s_j - s_i}{T}\right)"
    )
    use_case: ClassVar = {
        "en": "Fine-tuning of a ranker directly on the metric it is judged by.",
        "zh": "直接以评价指标微调排序模型。",
    }
    choose_when: ClassVar = {
        "en": "A good start is at hand: far from it the loss is flat.",
        "zh": "已有较好的初始模型时:远离最优处该损失很平。",
    }
    reference: ClassVar = "Qin et al. (2010), doi:10.1007/s10791-009-9124-x"
    scalar_methods: ClassVar = (*GroupLoss.scalar_methods, "ranks")

    def bend(self, y, z, h):  # negative in places: boosters take the gradient's size
        h[:] = 0.0

    def ranks(self, z):
        """Return the smoothed ranks."""
        ranks = np.empty_like(z)
        for i in range(z.size):
            rank, own = z[i] - z[i] + 0.5, z[i]  # the document itself counts one half below
            for j in range(z.size):
                rank = fadd(rank, expit((z[j] - own) / self.temperature))
            ranks[i] = rank
        return ranks

    def value(self, y, z):
        ranks, total = self.ranks(z), 0.0
        for i in range(z.size):
            total += gain(y[i]) * discount(ranks[i])
        return 1.0 - total / ideal_gain(y, y.size)

    def value_grad(self, y, z, g):
        ranks, ideal = self.ranks(z), ideal_gain(y, y.size)
        push, value = np.empty_like(z), 0.0  # derivative of the loss in the rank
        for i in range(z.size):
            share, log_rank = gain(y[i]) / (LOG2_E * ideal), log(1.0 + ranks[i])
            push[i] = share / (log_rank * log_rank * (1.0 + ranks[i]))
            value += share / log_rank
        for i in range(z.size):
            own, own_push, total = z[i], push[i], z[i] - z[i]
            for j in range(z.size):
                p = expit((z[j] - own) / self.temperature)
                total = fadd(total, p * (1.0 - p) * (push[j] - own_push))
            g[i] += total / self.temperature
        return 1.0 - value

    def grad(self, y, z, g):
        self.value_grad(y, z, g)
