"""Deviances of the exponential family, with the logarithm as link: raw prediction = ln mean."""

from __future__ import annotations

from math import inf
from math import log as natural_log
from typing import Annotated, ClassVar

from .._bases.native import Native
from .._bases.pointwise import REAL, Interval, PointwiseLoss, weighted_mean
from .._special import exp, exp_minus, expm1, log, xlogy

EPS = 2.0**-52
COMPOUND = Interval(1, 2)  # powers that boosters know
SAFE = exp(0.7)  # what LightGBM and XGBoost multiply the Hessian of the Poisson deviance by


def _log_positive(y):
    """Return log(y), and 0 where y is 0: there it is multiplied by y."""
    return log(y) if y > 0.0 else 0.0


class _LogLink(PointwiseLoss):
    """What the deviances share: ŷ = exp(raw) > 0, and the mean as the best constant."""

    prediction: ClassVar = Interval(0, inf)

    def response(self, z):
        return exp(z)

    def link(self, p):
        return log(p)

    def optimal_constant(self, y, w):
        return natural_log(max(weighted_mean(y, w), EPS))


class PoissonDeviance(_LogLink):
    """Poisson deviance, 2(y·ln(y/ŷ) − y + ŷ).

    Notes
    -----
    Domain: y ≥ 0, ŷ > 0; log link; convex in the raw prediction; exact Hessian. Equals
    ``sklearn.metrics.mean_poisson_deviance``; twice the half deviance of scikit-learn's
    ``PoissonRegressor`` and of LightGBM; twice ``torch.nn.PoissonNLLLoss`` up to a constant.

    References
    ----------
    McCullagh, P. and Nelder, J. A. (1989). Generalized Linear Models. doi:10.1007/978-1-4899-3242-6

    Examples
    --------
    >>> PoissonDeviance()([0.0, 1.0], [0.5, 1.0])
    0.5
    """

    target: ClassVar = Interval(0, inf, closed="left")
    convex: ClassVar = True
    aliases: ClassVar = ("poisson", "mean_poisson_deviance")
    names: ClassVar = {"en": "Poisson deviance", "zh": "泊松偏差"}
    formula: ClassVar = r"2\left(y \ln\frac{y}{\hat y} - y + \hat y\right)"
    use_case: ClassVar = {
        "en": "Counts and rates: claims, visits, events.",
        "zh": "计数与发生率:理赔、访问、事件。",
    }
    choose_when: ClassVar = {
        "en": "The variance grows with the mean and effects multiply.",
        "zh": "方差随均值增大、效应相乘时。",
    }
    reference: ClassVar = "McCullagh & Nelder (1989), doi:10.1007/978-1-4899-3242-6"
    native: ClassVar = {
        "lightgbm": Native("poisson", scale=2.0, hessian_factor=SAFE),
        "xgboost": Native(
            "count:poisson", trees={"max_delta_step": 0.7}, scale=2.0, hessian_factor=SAFE
        ),
        "catboost": Native("Poisson", scale=2.0, init="zero"),
        "sklearn": Native("poisson", scale=2.0),
    }

    def value(self, y, z):
        return 2.0 * ((exp(z) - y) - y * (z - _log_positive(y)))

    def grad_hess(self, y, z):
        m = exp(z)
        return 2.0 * (m - y), 2.0 * m

    def response_value(self, y, p):
        return 2.0 * (xlogy(y, y / p) - y + p)


class GammaDeviance(_LogLink):
    """Gamma deviance, 2(ln(ŷ/y) + y/ŷ − 1).

    Notes
    -----
    Domain: y > 0, ŷ > 0; log link; convex in the raw prediction; exact Hessian. Equals
    ``sklearn.metrics.mean_gamma_deviance``; twice the half deviance of ``GammaRegressor``.

    References
    ----------
    McCullagh, P. and Nelder, J. A. (1989). Generalized Linear Models. doi:10.1007/978-1-4899-3242-6

    Examples
    --------
    >>> GammaDeviance()([1.0, 2.0], [1.0, 2.0])
    0.0
    """

    target: ClassVar = Interval(0, inf)
    convex: ClassVar = True
    aliases: ClassVar = ("gamma", "mean_gamma_deviance")
    names: ClassVar = {"en": "Gamma deviance", "zh": "伽马偏差"}
    formula: ClassVar = r"2\left(\ln\frac{\hat y}{y} + \frac{y}{\hat y} - 1\right)"
    use_case: ClassVar = {
        "en": "Positive, skewed amounts: claim sizes, durations, rainfall.",
        "zh": "右偏的正数:赔付额、时长、降雨量。",
    }
    choose_when: ClassVar = {
        "en": "The standard deviation is proportional to the mean.",
        "zh": "标准差与均值成正比时。",
    }
    reference: ClassVar = "McCullagh & Nelder (1989), doi:10.1007/978-1-4899-3242-6"
    native: ClassVar = {
        "lightgbm": Native("gamma", scale=2.0),
        "xgboost": Native("reg:gamma", scale=2.0),
        "sklearn": Native("gamma", scale=2.0),
    }

    def value(self, y, z):
        s = log(y) - z
        return 2.0 * (expm1(s) - s)

    def grad_hess(self, y, z):
        s = log(y) - z
        return -2.0 * expm1(s), 2.0 * exp(s)

    def response_value(self, y, p):
        return 2.0 * (log(p / y) + y / p - 1.0)


class TweedieDeviance(_LogLink):
    """Tweedie deviance of a given power of the variance.

    Parameters
    ----------
    power : float, default=1.5
        Var(y) ∝ mean^power; ≤ 0 or ≥ 1. 0 is normal, 1 Poisson, 2 gamma, 3 inverse Gaussian;
        between 1 and 2 targets may be exactly 0.

    Notes
    -----
    Domain: y real for power ≤ 0, ≥ 0 for 1 ≤ power < 2, > 0 from 2 on; ŷ > 0 (any for power 0);
    log link for every power; convex in the raw prediction for 1 ≤ power ≤ 2; exact Hessian.
    Equals ``sklearn.metrics.mean_tweedie_deviance``; twice the half deviance of
    ``TweedieRegressor``.

    References
    ----------
    Jørgensen, B. (1987). Exponential dispersion models. doi:10.1111/j.2517-6161.1987.tb01685.x

    Examples
    --------
    >>> TweedieDeviance(power=1.5)([4.0], [4.0])
    0.0
    """

    power: Annotated[
        float, (Interval(-inf, 0, closed="right"), Interval(1, inf, closed="left"))
    ] = 1.5

    aliases: ClassVar = ("tweedie", "mean_tweedie_deviance")
    names: ClassVar = {"en": "Tweedie deviance", "zh": "Tweedie 偏差"}
    formula: ClassVar = (
        r"2\left(\frac{\max(y, 0)^{2-p}}{(1-p)(2-p)} - \frac{y\,\hat y^{1-p}}{1-p}"
        r" + \frac{\hat y^{2-p}}{2-p}\right)"
    )
    use_case: ClassVar = {
        "en": "Amounts with exact zeros: insurance cost, rainfall, sales of rare items.",
        "zh": "含精确零值的金额:保险成本、降雨、长尾商品销量。",
    }
    choose_when: ClassVar = {
        "en": "Many zeros and a skewed positive part have to be modelled as one.",
        "zh": "需要把大量零值与右偏正值作为一个整体建模时。",
    }
    reference: ClassVar = "Jørgensen (1987), doi:10.1111/j.2517-6161.1987.tb01685.x"
    native: ClassVar = {
        "lightgbm": Native(
            "tweedie", {"tweedie_variance_power": "power"}, scale=2.0, where={"power": COMPOUND}
        ),
        "xgboost": Native(
            "reg:tweedie", {"tweedie_variance_power": "power"}, scale=2.0, where={"power": COMPOUND}
        ),
        "catboost": Native(
            "Tweedie", {"variance_power": "power"}, scale=2.0, init="zero",
            where={"power": COMPOUND},
        ),
    }  # fmt: skip

    @property
    def _is_normal(self):  # a flag is a constant of the compiled code: no branch in the loop
        return bool(self.power == 0)

    @property
    def _is_poisson(self):
        return bool(self.power == 1)

    @property
    def _is_gamma(self):
        return bool(self.power == 2)

    # in double also for float32 data: near 1 and 2 a rounded power would lose its digits here
    @property
    def _a(self):
        return 1.0 - self.power

    @property
    def _b(self):
        return 2.0 - self.power

    @property
    def convex(self):
        return bool(1 <= self.power <= 2)

    @property
    def target(self):
        if self.power <= 0:
            return REAL
        return Interval(0, inf, closed="left" if self.power < 2 else "neither")

    @property
    def prediction(self):
        return REAL if self.power == 0 else Interval(0, inf)

    def value(self, y, z):
        if self._is_normal:
            r = exp(z) - y
            return r * r
        a, b = self._a, self._b
        log_y = _log_positive(y)
        s = log_y - z
        # near the minimum by expm1, which does not cancel; far from it by what cannot overflow
        near = (y > 0.0) & (abs(s) < 10.0)
        end = exp_minus(a * s if near else b * log_y, 1.0 if near else 0.0)
        slope = y * exp(a * z) if y != 0.0 else 0.0
        mean = exp(b * z)
        constant = end if y > 0.0 else 0.0
        rise = slope * end if near else constant - slope
        fall = mean * expm1(b * s) if near else constant - mean
        rise = slope * s if self._is_poisson else rise * (1.0 / a)
        fall = s if self._is_gamma else fall * (1.0 / b)
        total = 2.0 * (rise - fall)
        # inf - inf only where the dominant term is +inf; a NaN in z survives
        return total if total == total else inf + z

    def grad_hess(self, y, z):
        a, b = self._a, self._b
        slope = y * exp(a * z) if y != 0.0 else 0.0
        mean = exp(b * z)
        g, h = 2.0 * (mean - slope), 2.0 * (b * mean - a * slope)
        # inf - inf: the first dominates far right, the second far left; a NaN in z survives
        return (g if g == g else inf * z), (h if h == h else inf * abs(z))

    def response_value(self, y, p):
        return (p - y) * (p - y) if self._is_normal else self.value(y, log(p))
