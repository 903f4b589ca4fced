"""Losses whose raw row describes a distribution: several quantiles, or mean and variance."""

from __future__ import annotations

from itertools import pairwise
from math import sqrt
from typing import Annotated, ClassVar

from .._bases.native import Native
from .._bases.rowwise import (
    Interval,
    Numbers,
    RowwiseLoss,
    softplus_inverse,
    weighted_mean,
    weighted_quantile,
)
from .._special import exp, expit, log, log1pexp

NARROWEST = 1e-9  # gap between quantiles to start from, of the spread of the targets


class MultiQuantile(RowwiseLoss):
    """Several quantiles at once: the mean of their pinball losses.

    Parameters
    ----------
    quantiles : sequence of float, default=(0.1, 0.5, 0.9)
        Levels in (0, 1), increasing.
    crossing : {"monotone", "free"}, default="monotone"
        "monotone": the first raw column is the first quantile, each further one adds its softplus,
        so that quantiles never cross; "free": raw columns are the quantiles.

    Notes
    -----
    Domain: all reals. Predictions are the quantiles, of shape (n, q). Convex if free, not smooth.
    Each quantile scores as ``sklearn.metrics.mean_pinball_loss``; with levels all over (0, 1),
    twice the loss approaches the CRPS.

    References
    ----------
    Koenker, R. and Bassett, G. (1978). Regression quantiles. doi:10.2307/1913643

    Examples
    --------
    >>> MultiQuantile((0.25, 0.75))([1.0, 2.0], [[0.0, 2.0], [1.0, 3.0]])
    0.25
    """

    quantiles: Annotated[tuple, Numbers(Interval(0, 1), increasing=True)] = (0.1, 0.5, 0.9)
    crossing: Annotated[str, ("monotone", "free")] = "monotone"

    task: ClassVar = "distributional"
    smooth: ClassVar = False
    hessian: ClassVar = "surrogate"
    aliases: ClassVar = ("multi_pinball", "quantiles")
    names: ClassVar = {"en": "Several quantiles", "zh": "多分位数损失"}
    formula: ClassVar = r"\frac1q \sum_j \max(\tau_j (y - q_j),\ (\tau_j - 1)(y - q_j))"
    use_case: ClassVar = {
        "en": "Prediction intervals and whole distributions from one model.",
        "zh": "用一个模型给出预测区间乃至整个分布。",
    }
    choose_when: ClassVar = {
        "en": "Several quantiles are wanted that must not cross.",
        "zh": "需要多个互不交叉的分位数时。",
    }
    reference: ClassVar = "Koenker & Bassett (1978), doi:10.2307/1913643"
    native: ClassVar = {
        "xgboost": Native(
            "reg:quantileerror", {"quantile_alpha": "quantiles"}, hessian_factor="one",
            where={"crossing": "free"}, refits=True,
        ),
        "catboost": Native(
            "MultiQuantile", {"alpha": "quantiles"}, hessian_factor="one",
            where={"crossing": "free"}, refits=True,
        ),
    }  # fmt: skip

    @property
    def n_raw(self):
        return len(self.quantiles)

    @property
    def _monotone(self):
        return self.crossing == "monotone"

    def _for_boosters(self):
        return type(self)(self.quantiles, "free") if self._monotone else self

    def _quantile(self, z, j, below):
        return below + log1pexp(z[j]) if self._monotone and j > 0 else z[j]

    def _pinball(self, j, y, q):
        return (self.quantiles[j] - (y < q)) * (y - q)

    def value(self, y, z):
        q, total = 0.0, 0.0
        for j in range(z.size):
            q = self._quantile(z, j, q)
            total += self._pinball(j, y, q)
        return total / z.size

    def grad(self, y, z, g):
        q = 0.0
        for j in range(z.size):
            q = self._quantile(z, j, q)
            g[j] = ((y < q) - self.quantiles[j] * (y != q)) / z.size
        for j in range(z.size - 1 if self._monotone else 0, 0, -1):
            g[j - 1] += g[j]  # a column moves its own quantile and all above
            g[j] *= expit(z[j])

    def hess(self, y, z, h):
        self.grad(y, z, h)
        for j in range(z.size):
            h[j] *= expit(-z[j]) if self._monotone and j > 0 else 0.0

    def response(self, z, out):
        for j in range(z.size):
            out[j] = self._quantile(z, j, out[j - 1])

    def response_value(self, y, p):
        total = 0.0
        for j in range(p.size):
            total += self._pinball(j, y, p[j])
        return total / p.size

    def optimal_constant(self, y, w, k):
        levels = [weighted_quantile(y, quantile, w) for quantile in self.quantiles]
        least = NARROWEST * (float(y.max() - y.min()) or 1.0)
        gaps = (softplus_inverse(max(high - low, least)) for low, high in pairwise(levels))
        return [levels[0], *gaps] if self._monotone else levels

    def raw_scale(self, y, w):
        spread = sqrt(weighted_mean((y - weighted_mean(y, w)) ** 2, w)) or 1.0
        _, *others = self.optimal_constant(y, w, self.n_raw)
        return [spread, *(max(1.0, raw) if self._monotone else spread for raw in others)]


class GaussianNLL(RowwiseLoss):
    """Negative log-likelihood of a normal distribution, without its constant.

    Notes
    -----
    Domain: all reals; raw columns are the mean and the logarithm of the variance; the response is
    mean and standard deviation. Not jointly convex; exact Hessian. Equals
    ``torch.nn.GaussianNLLLoss``, which takes the variance.

    References
    ----------
    Nix, D. A. and Weigend, A. S. (1994). Estimating the mean and variance of the target
    probability distribution. doi:10.1109/ICNN.1994.374138

    Examples
    --------
    >>> GaussianNLL()([1.0, 2.0], [[0.0, 1.0], [2.0, 1.0]])
    0.25
    """

    task: ClassVar = "distributional"
    n_raw: ClassVar = 2
    response_names: ClassVar = ("mean", "std")
    aliases: ClassVar = ("gaussian_nll", "normal_nll")
    names: ClassVar = {"en": "Gaussian negative log-likelihood", "zh": "高斯负对数似然"}
    formula: ClassVar = r"\tfrac12 \left(\ln \sigma^2 + \frac{(y - \mu)^2}{\sigma^2}\right)"
    use_case: ClassVar = {
        "en": "Regression with an error bar of its own for each prediction.",
        "zh": "为每个预测给出各自误差棒的回归。",
    }
    choose_when: ClassVar = {
        "en": "Noise is about normal and its size depends on the inputs.",
        "zh": "噪声近似正态,且其大小随输入而变时。",
    }
    reference: ClassVar = "Nix & Weigend (1994), doi:10.1109/ICNN.1994.374138"

    def _residual(self, y, z):
        """Return the residual in units of the deviation; 0 stays 0 when that underflows."""
        r = y - z[0]
        return r * exp(-0.5 * z[1]) if r != 0.0 else 0.0

    def value(self, y, z):
        s = self._residual(y, z)
        return 0.5 * (z[1] + s * s)

    def grad(self, y, z, g):
        s = self._residual(y, z)
        g[0] = -s * exp(-0.5 * z[1]) if s != 0.0 else 0.0
        g[1] = 0.5 - 0.5 * s * s

    def hess(self, y, z, h):
        s = self._residual(y, z)
        h[0] = exp(-z[1])
        h[1] = 0.5 * s * s

    def response(self, z, out):
        out[0] = z[0]
        out[1] = exp(0.5 * z[1])

    def response_value(self, y, p):
        r = (y - p[0]) / p[1]
        return log(p[1]) + 0.5 * r * r

    def _check_response(self, p):
        if (p[:, 1] <= 0).any():
            raise ValueError("GaussianNLL needs standard deviations > 0 in y_pred.")

    def _moments(self, y, w):
        mean = weighted_mean(y, w)
        floor = 2.0**-52 * (mean * mean or 1.0)
        return mean, max(weighted_mean((y - mean) ** 2, w), floor)

    def optimal_constant(self, y, w, k):
        mean, variance = self._moments(y, w)
        return [mean, log(variance)]

    def raw_scale(self, y, w):
        return [sqrt(self._moments(y, w)[1]), 1.0]
