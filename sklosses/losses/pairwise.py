"""Ranking losses of the pairs of documents of a query."""

from __future__ import annotations

from math import inf
from typing import Annotated, ClassVar

import numpy as np

from .._bases.groupwise import GroupLoss, Interval, fadd
from .._bases.native import Native
from .._special import exp_of_negative, expit, log1pexp
from ._lists import by_score, falling, next_grades, taken

POSITIVE = Interval(0, inf)
NON_NEGATIVE = Interval(0, inf, closed="left")
PLACES = Interval(1, inf, closed="left", integer=True)
CLICK = Interval(0, 1, closed="both", integer=True)


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
    One value a query: the sum over pairs with y_i > y_j of ln(1 + e^(−σ(s_i − s_j)))
    times the absolute change of the NDCG, ΔNDCG, if they were swapped.
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
    native: ClassVar = {
        "lightgbm": Native(
            "lambdarank", {"sigmoid": "sigma", "lambdarank_truncation_level": "_places"},
            {"lambdarank_norm": False},
            note="its logistic function is a table of 5 digits",
        ),
        "xgboost": Native(
            "rank:ndcg", {"lambdarank_num_pair_per_sample": "_places"},
            {"lambdarank_pair_method": "topk", "lambdarank_normalization": False,
             "lambdarank_score_normalization": False},
            hessian_factor=2.0, where={"sigma": 1.0},
        ),
    }  # fmt: skip

    @property
    def _places(self):
        return 2**31 - 1 if self.k is None else int(self.k)

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
