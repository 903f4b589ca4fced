"""Losses of rankings: of pairs, and of whole lists, of the documents of a query."""

from __future__ import annotations

from math import inf
from typing import Annotated, ClassVar

import numpy as np

from .._groupwise import GroupLoss, Interval, fadd
from .._special import exp, exp_of_negative, expit, expm1, log, log1pexp

POSITIVE = Interval(0, inf)
NON_NEGATIVE = Interval(0, inf, closed="left")
PLACES = Interval(1, inf, closed="left", integer=True)
CLICK = Interval(0, 1, closed="both", integer=True)
LOG2_E = 1.4426950408889634


def falling(x):
    """Return the places of `x` by falling value, ties in order.

    A merge sort: compiled, it is as fast as ``np.argsort``, which takes a second longer to compile.
    """
    order = np.arange(x.size)
    spare, width = np.empty_like(order), 1
    while width < x.size:
        for start in range(0, x.size, 2 * width):
            middle, stop = min(start + width, x.size), min(start + 2 * width, x.size)
            i, j = start, middle
            for place in range(start, stop):
                if i < middle and (j >= stop or x[order[i]] >= x[order[j]]):
                    spare[place] = order[i]
                    i += 1
                else:
                    spare[place] = order[j]
                    j += 1
        order, spare = spare, order
        width *= 2
    return order


def taken(x, order):
    """Return ``x[order]``."""
    out = np.empty_like(x)
    for i in range(order.size):
        out[i] = x[order[i]]
    return out


def next_grades(y, order):
    """Return, for each place of `order`, the first place of a lower target."""
    ends = np.empty(order.size, np.int64)
    end = order.size
    for i in range(order.size - 1, -1, -1):
        if i + 1 < order.size and y[order[i + 1]] < y[order[i]]:
            end = i + 1
        ends[i] = end
    return ends


def discount(rank):
    """Return 1 / log2(1 + rank), for ranks from 1."""
    return 1.0 / (LOG2_E * log(1.0 + rank))


def gain(grade):
    """Return 2**grade - 1."""
    return expm1(0.6931471805599453 * grade)


def ideal_gain(y, k):
    """Return the discounted cumulative gain of the best ranking, of its first `k` places.

    Grades are few, or places: those of a grade are counted, from the highest, instead of a sort.
    """
    total, place, top = 0.0, 0, y.max()
    while place < min(y.size, k):
        count, lower = 0, top - top
        for i in range(y.size):
            count += 1 if y[i] == top else 0
            lower = max(lower, y[i] if y[i] < top else lower)
        part = 0.0
        for i in range(place, min(place + count, k)):
            part += discount(i + 1.0)
        total += gain(top) * part
        place, top = (place + count, lower) if top > 0.0 else (y.size, top)
    return total


def by_score(y, z, k):
    """Return documents by falling score: rows, scores, gains over the ideal ones, discounts."""
    order = falling(z)
    gains, discounts = taken(y, order), np.empty_like(z)
    scale = 1.0 / ideal_gain(y, k)
    for i in range(z.size):
        gains[i] = scale * gain(gains[i])
        discounts[i] = discount(i + 1.0)
    return order, taken(z, order), gains, discounts


class _PairLoss(GroupLoss):
    """The mean over pairs with ``y_i > y_j`` of a function of ``s_i - s_j``.

    Subclasses define ``pair(self, d)``, the loss of a difference, and ``pair_slopes(self, d)``, its
    first and second derivative. Documents are sorted by target, so that the documents below one are
    a slice, and the loop along them SIMD.
    """

    task: ClassVar = "ranking"
    scalar_methods: ClassVar = (
        *GroupLoss.scalar_methods,
        "pair",
        "pair_slopes",
        "pair_bend",
        "sweep",
    )

    def pair_bend(self, d):
        """Return the curvature that boosters use; default: the second derivative."""
        return self.pair_slopes(d)[1]

    def value(self, y, z):
        order = falling(y)
        ends, s = next_grades(y, order), taken(z, order)
        total, pairs = 0.0, 0
        for i in range(s.size):
            below = s[ends[i] :]
            part, high = 0.0, s[i]
            for j in range(below.size):
                part = fadd(part, self.pair(high - below[j]))
            total += part
            pairs += below.size
        return total / pairs

    def value_grad(self, y, z, g):
        order = falling(y)
        ends, s = next_grades(y, order), taken(z, order)
        slopes = np.zeros_like(s)
        total, pairs = 0.0, 0
        for i in range(s.size):
            below, own_slopes = s[ends[i] :], slopes[ends[i] :]
            high, part, slope_sum = s[i], s[i] - s[i], s[i] - s[i]
            for j in range(below.size):
                d = high - below[j]
                slope, _ = self.pair_slopes(d)
                part, slope_sum = fadd(part, self.pair(d)), fadd(slope_sum, slope)
                own_slopes[j] -= slope
            total += part
            slopes[i] += slope_sum
            pairs += below.size
        for i in range(s.size):
            g[order[i]] += slopes[i] / pairs
        return total / pairs

    def grad(self, y, z, g):
        self.sweep(y, z, g, np.empty_like(z), False)

    def sweep(self, y, z, g, h, bent):
        """Add the slopes of the pairs to `g`, their second derivatives (or bends) to `h`."""
        order = falling(y)
        ends, s = next_grades(y, order), taken(z, order)
        slopes, bends = np.zeros_like(s), np.zeros_like(s)
        pairs = 0
        for i in range(s.size):
            below, own_slopes, own_bends = s[ends[i] :], slopes[ends[i] :], bends[ends[i] :]
            high, slope_sum, bend_sum = s[i], s[i] - s[i], s[i] - s[i]
            for j in range(below.size):
                d = high - below[j]
                slope, bend = self.pair_slopes(d)
                bend = self.pair_bend(d) if bent else bend
                slope_sum, bend_sum = fadd(slope_sum, slope), fadd(bend_sum, bend)
                own_slopes[j] -= slope
                own_bends[j] += bend
            slopes[i] += slope_sum
            bends[i] += bend_sum
            pairs += below.size
        for i in range(s.size):
            g[order[i]] += slopes[i] / pairs
            h[order[i]] += bends[i] / pairs

    def hess(self, y, z, h):
        self.sweep(y, z, np.empty_like(z), h, False)

    def grad_bend(self, y, z, g, h):
        self.sweep(y, z, g, h, True)


class PairwiseLogistic(_PairLoss):
    """Logistic loss of pairs (RankNet): the mean of ln(1 + e^(−σ(s_i − s_j))) over y_i > y_j.

    Parameters
    ----------
    sigma : float, default=1.0
        Steepness; > 0.

    Notes
    -----
    One value a query, the *mean* over its pairs. Domain: y ≥ 0; convex and smooth in the scores.
    The sum over pairs that PyTorch code often has is the mean times their number.

    References
    ----------
    Burges, C. et al. (2005). Learning to rank using gradient descent. doi:10.1145/1102351.1102363

    Examples
    --------
    >>> round(PairwiseLogistic()([1, 0], [0.0, 0.0]), 4)
    0.6931
    """

    sigma: Annotated[float, POSITIVE] = 1.0

    convex: ClassVar = True
    aliases: ClassVar = ("ranknet", "rank_net", "pairwise")
    names: ClassVar = {"en": "Pairwise logistic loss (RankNet)", "zh": "成对逻辑损失(RankNet)"}
    formula: ClassVar = (
        r"\frac{1}{|P|}\sum_{(i,j) \in P} \ln\left(1 + e^{-\sigma (s_i - s_j)}\right),"
        r"\quad P = \{(i, j): y_i > y_j\}"
    )
    use_case: ClassVar = {
        "en": "Search and recommendation where the order within a query matters, not the grade.",
        "zh": "搜索与推荐:关心同一查询内的先后顺序,而非具体等级。",
    }
    choose_when: ClassVar = {
        "en": "Every wrong pair costs the same, wherever it stands in the list.",
        "zh": "任何位置上的错误排序对代价相同时。",
    }
    reference: ClassVar = "Burges et al. (2005), doi:10.1145/1102351.1102363"

    def pair(self, d):
        return log1pexp(-self.sigma * d)

    def pair_slopes(self, d):
        p = expit(-self.sigma * d)
        return -self.sigma * p, self.sigma * self.sigma * p * (1.0 - p)


class BPR(_PairLoss):
    """Bayesian personalised ranking: the mean of −ln expit(s_i − s_j) over clicked i, other j.

    Notes
    -----
    One value a user (query), the mean over pairs of a clicked and another item. Domain: y of 0 and
    1; convex and smooth. Equals `PairwiseLogistic` with ``sigma=1`` on such targets.

    References
    ----------
    Rendle, S. et al. (2009). BPR: Bayesian personalized ranking from implicit feedback.
    doi:10.48550/arXiv.1205.2618

    Examples
    --------
    >>> round(BPR()([1, 0], [0.0, 0.0]), 4)
    0.6931
    """

    convex: ClassVar = True
    aliases: ClassVar = ("bayesian_personalized_ranking",)
    names: ClassVar = {"en": "Bayesian personalised ranking", "zh": "贝叶斯个性化排序(BPR)"}
    formula: ClassVar = (
        r"-\frac{1}{|P|}\sum_{(i,j) \in P} \ln \sigma(s_i - s_j),"
        r"\quad P = \{(i, j): y_i = 1, y_j = 0\}"
    )
    use_case: ClassVar = {
        "en": "Implicit feedback: clicks, purchases, plays.",
        "zh": "隐式反馈:点击、购买、播放。",
    }
    choose_when: ClassVar = {
        "en": "It is known what was chosen, but nothing of what was not.",
        "zh": "只知道用户选了什么,对未选项一无所知时。",
    }
    reference: ClassVar = "Rendle et al. (2009), doi:10.48550/arXiv.1205.2618"

    @property
    def target(self):
        """The domain of the target: clicks."""
        return CLICK

    def pair(self, d):
        return log1pexp(-d)

    def pair_slopes(self, d):
        p = expit(-d)
        return -p, p * (1.0 - p)


class PairwiseHinge(_PairLoss):
    """Hinge loss of pairs: the mean of max(0, margin − (s_i − s_j)) over y_i > y_j.

    Parameters
    ----------
    margin : float, default=1.0
        Difference of scores from which on a pair costs nothing; ≥ 0.

    Notes
    -----
    One value a query, the mean over its pairs, as ``torch.nn.MarginRankingLoss``. Domain: y ≥ 0;
    convex, with kinks; the Hessian is 0, and boosters get a surrogate.

    References
    ----------
    Joachims, T. (2002). Optimizing search engines using clickthrough data.
    doi:10.1145/775047.775067

    Examples
    --------
    >>> PairwiseHinge()([1, 0], [0.25, 0.0])
    0.75
    """

    margin: Annotated[float, NON_NEGATIVE] = 1.0

    convex: ClassVar = True
    smooth: ClassVar = False
    hessian: ClassVar = "surrogate"
    aliases: ClassVar = ("margin_ranking", "rank_svm")
    names: ClassVar = {"en": "Pairwise hinge loss", "zh": "成对合页损失"}
    formula: ClassVar = (
        r"\frac{1}{|P|}\sum_{(i,j) \in P} \max(0, m - (s_i - s_j)), \quad P = \{(i,j): y_i > y_j\}"
    )
    use_case: ClassVar = {
        "en": "Rankings where pairs that are right by a margin should not matter any more.",
        "zh": "排序:已以足够间隔排对的样本对不应再有影响。",
    }
    choose_when: ClassVar = {
        "en": "Clear pairs are many and should leave the rest alone.",
        "zh": "明显的样本对很多、不应干扰其余时。",
    }
    reference: ClassVar = "Joachims (2002), doi:10.1145/775047.775067"

    def pair(self, d):
        return max(self.margin - d, 0.0)

    def pair_slopes(self, d):
        return (-1.0 if d < self.margin else 0.0), 0.0

    def pair_bend(self, d):
        return 1.0 if d < self.margin else 0.0


class LambdaRank(GroupLoss):
    """Pairwise logistic loss, each pair weighed by what swapping it would change of the NDCG.

    Parameters
    ----------
    k : int or None, default=None
        Places that count; pairs have a document among them. None: all.
    sigma : float, default=1.0
        Steepness; > 0.

    Notes
    -----
    One value a query: the sum over pairs with y_i > y_j of |ΔNDCG| · ln(1 + e^(−σ(s_i − s_j))).
    Gains are 2^y − 1, discounts log2(1 + rank), ties in row order, the ideal that of the first `k`
    places; discounts beyond `k` are kept in full. Ranks and ΔNDCG are held fixed in the gradient,
    as everywhere. Domain: y ≥ 0. Native ``lambdarank`` of LightGBM with ``lambdarank_norm=False``
    has the same gradients.

    References
    ----------
    Burges, C. (2010). From RankNet to LambdaRank to LambdaMART: an overview. MSR-TR-2010-82.
    Wang, X. et al. (2018). The LambdaLoss framework for ranking metric optimization.
    doi:10.1145/3269206.3271784

    Examples
    --------
    >>> round(LambdaRank()([1, 0], [0.0, 0.0]), 4)
    0.2558
    """

    k: Annotated[int | None, (PLACES, None)] = None
    sigma: Annotated[float, POSITIVE] = 1.0

    task: ClassVar = "ranking"
    smooth: ClassVar = False  # where ranks change
    aliases: ClassVar = ("lambdarank", "lambdamart")
    names: ClassVar = {"en": "LambdaRank", "zh": "LambdaRank(NDCG 加权的成对损失)"}
    formula: ClassVar = (
        r"\sum_{y_i > y_j} |\Delta \mathrm{NDCG}_{ij}|"
        r"\ln\left(1 + e^{-\sigma (s_i - s_j)}\right)"
    )
    use_case: ClassVar = {
        "en": "Web search and product search, judged by NDCG.",
        "zh": "网页与商品搜索,以 NDCG 评价。",
    }
    choose_when: ClassVar = {
        "en": "The top of the list is what counts; the default of ranking.",
        "zh": "最看重列表顶部时;排序任务的默认选择。",
    }
    reference: ClassVar = "Burges (2010), MSR-TR-2010-82"

    @property
    def _places(self):
        return 2**31 if self.k is None else int(self.k)

    def value(self, y, z):
        _, s, gains, discounts = by_score(y, z, self._places)
        total = 0.0
        for i in range(min(z.size, self._places)):  # a row of the triangle of pairs
            high, top, place = s[i], gains[i], discounts[i]
            lows, others, places = s[i + 1 :], gains[i + 1 :], discounts[i + 1 :]
            part = high - high
            for j in range(lows.size):
                change = (top - others[j]) * (place - places[j])  # > 0 if they stand right
                d = self.sigma * (high - lows[j])
                cost = log1pexp(-d) + (0.0 if change >= 0.0 else d)
                part = fadd(part, abs(change) * cost)
            total += part
        return total

    def grad_bend(self, y, z, g, h):
        order, s, gains, discounts = by_score(y, z, self._places)
        slopes, bends = np.zeros_like(s), np.zeros_like(s)
        for i in range(min(z.size, self._places)):
            high, top, place = s[i], gains[i], discounts[i]
            lows, others, places = s[i + 1 :], gains[i + 1 :], discounts[i + 1 :]
            own_slopes, own_bends = slopes[i + 1 :], bends[i + 1 :]
            slope_sum, bend_sum = high - high, high - high
            for j in range(lows.size):
                change = (top - others[j]) * (place - places[j])
                e = exp_of_negative(-self.sigma * (high - lows[j]))
                p = 1.0 / (1.0 + e)
                slope = change * (e * p if change > 0.0 else p)
                bend = abs(change) * (e * p) * p
                slope_sum, bend_sum = fadd(slope_sum, slope), fadd(bend_sum, bend)
                own_slopes[j] += slope
                own_bends[j] += bend
            slopes[i] -= slope_sum
            bends[i] += bend_sum
        for i in range(z.size):
            g[order[i]] += self.sigma * slopes[i]
            h[order[i]] += self.sigma * self.sigma * bends[i]

    def grad(self, y, z, g):
        self.grad_bend(y, z, g, np.empty_like(z))

    def hess(self, y, z, h):
        self.grad_bend(y, z, np.empty_like(z), h)


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
