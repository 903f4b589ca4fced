"""Losses of one number against another. Throughout, `z` is the prediction and r = z − y."""

from __future__ import annotations

from math import inf
from typing import Annotated, ClassVar

from .._bases.native import Native
from .._bases.pointwise import Interval, PointwiseLoss, weighted_mean, weighted_quantile
from .._special import log1p

EPS = 2.0**-52
LOWEST = -1.0 + 1e-6  # where SquaredLogError turns into its tangent
NON_NEGATIVE = Interval(0, inf, closed="left")


class SquaredError(PointwiseLoss):
    """Squared error, (y − ŷ)².

    Notes
    -----
    Domain: all reals; identity link; convex; constant Hessian 2. Equals
    ``sklearn.metrics.mean_squared_error`` and ``torch.nn.MSELoss``; twice the half squared error
    of scikit-learn's and LightGBM's objectives.

    References
    ----------
    Legendre, A.-M. (1805). Nouvelles méthodes pour la détermination des orbites des comètes.

    Examples
    --------
    >>> SquaredError()([1.0, 2.0], [1.0, 4.0])
    2.0
    """

    hessian: ClassVar = "constant"
    convex: ClassVar = True
    aliases: ClassVar = ("mse", "l2", "mean_squared_error")
    names: ClassVar = {"en": "Squared error (MSE)", "zh": "平方误差(均方误差,MSE)"}
    formula: ClassVar = r"(y - \hat y)^2"
    use_case: ClassVar = {
        "en": "General regression; large errors count much more than small ones.",
        "zh": "一般回归;大误差的惩罚远重于小误差。",
    }
    choose_when: ClassVar = {
        "en": "The conditional mean is wanted and the noise has no heavy tails.",
        "zh": "需要条件均值,且噪声没有厚尾时。",
    }
    reference: ClassVar = "Legendre (1805), Nouvelles méthodes"
    native: ClassVar = {
        "lightgbm": Native("regression", scale=2.0),
        "xgboost": Native("reg:squarederror", scale=2.0),
        "catboost": Native("RMSE", scale=2.0),
        "sklearn": Native("squared_error", scale=2.0),
    }

    def value(self, y, z):
        r = z - y
        return r * r

    def grad_hess(self, y, z):
        return 2.0 * (z - y), 2.0

    def optimal_constant(self, y, w):
        return weighted_mean(y, w)


class AbsoluteError(PointwiseLoss):
    """Absolute error, abs(y − ŷ).

    Notes
    -----
    Domain: all reals; identity link; convex, not smooth; the Hessian is 0. Equals
    ``sklearn.metrics.mean_absolute_error`` and ``torch.nn.L1Loss``; twice ``Pinball(0.5)``. The
    gradient at 0 is 0.

    References
    ----------
    Boscovich, R. J. (1757). De litteraria expeditione per pontificiam ditionem.

    Examples
    --------
    >>> AbsoluteError()([1.0, 2.0], [1.0, 4.0])
    1.0
    """

    hessian: ClassVar = "surrogate"
    convex: ClassVar = True
    smooth: ClassVar = False
    aliases: ClassVar = ("mae", "l1", "mean_absolute_error")
    names: ClassVar = {"en": "Absolute error (MAE)", "zh": "绝对误差(平均绝对误差,MAE)"}
    formula: ClassVar = r"|y - \hat y|"
    use_case: ClassVar = {
        "en": "Regression that outliers in the target must not dominate.",
        "zh": "目标含离群值、又不应被其主导的回归。",
    }
    choose_when: ClassVar = {
        "en": "The conditional median is wanted, or errors cost in proportion to their size.",
        "zh": "需要条件中位数,或代价与误差大小成正比时。",
    }
    reference: ClassVar = "Boscovich (1757)"
    native: ClassVar = {
        "lightgbm": Native("regression_l1", hessian_factor="one", refits=True),
        "xgboost": Native("reg:absoluteerror", hessian_factor="one", refits=True),
        "catboost": Native("MAE", scale=2.0, hessian_factor="one", refits=True),
        "sklearn": Native("absolute_error", hessian_factor="one", refits=True),
    }

    def value(self, y, z):
        return abs(z - y)

    def grad_hess(self, y, z):
        return (1.0 if z > y else -1.0 if z < y else 0.0 * (z - y)), 0.0

    def optimal_constant(self, y, w):
        return weighted_quantile(y, 0.5, w)


class Pinball(PointwiseLoss):
    """Pinball (quantile) loss, max(q·(y − ŷ), (q − 1)·(y − ŷ)).

    Parameters
    ----------
    quantile : float, default=0.5
        The quantile of the target to be predicted, in (0, 1).

    Notes
    -----
    Domain: all reals; identity link; convex, not smooth; the Hessian is 0. Equals
    ``sklearn.metrics.mean_pinball_loss(alpha=quantile)``. The gradient at 0 is 0.

    References
    ----------
    Koenker, R. and Bassett, G. (1978). Regression quantiles. doi:10.2307/1913643

    Examples
    --------
    >>> Pinball(quantile=0.75)([2.0, 0.0], [0.0, 2.0])
    1.0
    """

    quantile: Annotated[float, Interval(0, 1)] = 0.5

    hessian: ClassVar = "surrogate"
    convex: ClassVar = True
    smooth: ClassVar = False
    aliases: ClassVar = ("quantile", "pinball_loss", "mean_pinball_loss")
    names: ClassVar = {"en": "Quantile (pinball) loss", "zh": "分位数损失(pinball)"}
    formula: ClassVar = r"\max\left(q\,(y - \hat y),\ (q - 1)(y - \hat y)\right)"
    use_case: ClassVar = {
        "en": "Quantile regression: prediction intervals, stock levels, risk limits.",
        "zh": "分位数回归:预测区间、库存水平、风险限额。",
    }
    choose_when: ClassVar = {
        "en": "Under- and over-prediction cost differently, or an interval is wanted.",
        "zh": "低估与高估代价不同,或需要预测区间时。",
    }
    reference: ClassVar = "Koenker & Bassett (1978), doi:10.2307/1913643"
    native: ClassVar = {
        "lightgbm": Native("quantile", {"alpha": "quantile"}, hessian_factor="one", refits=True),
        "xgboost": Native(
            "reg:quantileerror", {"quantile_alpha": "quantile"}, hessian_factor="one", refits=True
        ),
        "catboost": Native("Quantile", {"alpha": "quantile"}, hessian_factor="one", refits=True),
        "sklearn": Native("quantile", {"quantile": "quantile"}, hessian_factor="one", refits=True),
    }

    def value(self, y, z):
        r = y - z
        return self.quantile * r if r >= 0.0 else (self.quantile - 1.0) * r

    def grad_hess(self, y, z):
        above, below = 1.0 - self.quantile, -self.quantile
        return (above if z > y else below if z < y else 0.0 * (z - y)), 0.0

    def optimal_constant(self, y, w):
        return weighted_quantile(y, self.quantile, w)


class Expectile(PointwiseLoss):
    """Expectile loss: squared error weighted `level` below the target, 1 − `level` above it.

    Parameters
    ----------
    level : float, default=0.5
        The expectile to be predicted, in (0, 1); 0.5 is the mean.

    Notes
    -----
    Domain: all reals; identity link; convex; Hessian 2·level or 2·(1 − level). ``Expectile(0.5)``
    is half the squared error.

    References
    ----------
    Newey, W. K. and Powell, J. L. (1987). Asymmetric least squares estimation and testing.
    doi:10.2307/1911031

    Examples
    --------
    >>> Expectile(level=0.75)([2.0, 0.0], [0.0, 2.0])
    2.0
    """

    level: Annotated[float, Interval(0, 1)] = 0.5

    convex: ClassVar = True
    names: ClassVar = {"en": "Expectile loss", "zh": "期望分位数(expectile)损失"}
    formula: ClassVar = r"|\tau - \mathbf 1\{y < \hat y\}|\,(y - \hat y)^2"
    use_case: ClassVar = {
        "en": "Asymmetric regression that stays smooth; tail risk (expected shortfall).",
        "zh": "保持平滑的非对称回归;尾部风险(预期损失)。",
    }
    choose_when: ClassVar = {
        "en": "Like a quantile, but the size of the excess matters as well.",
        "zh": "类似分位数,但超出的幅度同样重要时。",
    }
    reference: ClassVar = "Newey & Powell (1987), doi:10.2307/1911031"
    native: ClassVar = {"catboost": Native("Expectile", {"alpha": "level"}, init="zero")}

    def _weight(self, y, z):
        return 1.0 - self.level if z > y else self.level

    def value(self, y, z):
        r = z - y
        return self._weight(y, z) * (r * r)

    def grad_hess(self, y, z):
        h = 2.0 * self._weight(y, z)
        return h * (z - y), h


class EpsilonInsensitive(PointwiseLoss):
    """ε-insensitive loss, max(0, abs(r) − ε).

    Parameters
    ----------
    epsilon : float, default=0.1
        Half width of the tube in which errors are free, in units of the target; ≥ 0.

    Notes
    -----
    Domain: all reals; identity link; convex, not smooth; the Hessian is 0. The loss of
    ``sklearn.svm.LinearSVR`` and of ``SGDRegressor(loss="epsilon_insensitive")``.

    References
    ----------
    Drucker, H. et al. (1997). Support vector regression machines. NIPS 9.

    Examples
    --------
    >>> EpsilonInsensitive(epsilon=0.5)([0.0, 0.0], [0.25, 2.0])
    0.75
    """

    epsilon: Annotated[float, NON_NEGATIVE] = 0.1

    hessian: ClassVar = "surrogate"
    convex: ClassVar = True
    smooth: ClassVar = False
    names: ClassVar = {"en": "ε-insensitive loss", "zh": "ε-不敏感损失"}
    formula: ClassVar = r"\max(0, |r| - \varepsilon)"
    use_case: ClassVar = {
        "en": "Support vector regression: errors within a tolerance cost nothing.",
        "zh": "支持向量回归:容差以内的误差不计代价。",
    }
    choose_when: ClassVar = {
        "en": "A measuring tolerance is known and outliers occur.",
        "zh": "已知测量容差,且存在离群值时。",
    }
    reference: ClassVar = "Drucker et al. (1997), NIPS 9"

    def value(self, y, z):
        excess = abs(z - y) - self.epsilon
        return 0.0 if excess < 0.0 else excess

    def grad_hess(self, y, z):
        r = z - y
        return (1.0 if r > self.epsilon else -1.0 if r < -self.epsilon else 0.0 * r), 0.0


class SquaredEpsilonInsensitive(PointwiseLoss):
    """Squared ε-insensitive loss, max(0, abs(r) − ε)².

    Parameters
    ----------
    epsilon : float, default=0.1
        Half width of the tube in which errors are free, in units of the target; ≥ 0.

    Notes
    -----
    Domain: all reals; identity link; convex; Hessian 2 outside the tube, 0 inside. The loss of
    ``LinearSVR(loss="squared_epsilon_insensitive")``.

    References
    ----------
    Ho, C.-H. and Lin, C.-J. (2012). Large-scale linear support vector regression. JMLR 13.

    Examples
    --------
    >>> SquaredEpsilonInsensitive(epsilon=0.5)([0.0, 0.0], [0.25, 2.5])
    2.0
    """

    epsilon: Annotated[float, NON_NEGATIVE] = 0.1

    convex: ClassVar = True
    names: ClassVar = {"en": "Squared ε-insensitive loss", "zh": "平方 ε-不敏感损失"}
    formula: ClassVar = r"\max(0, |r| - \varepsilon)^2"
    use_case: ClassVar = {
        "en": "Support vector regression with a smooth loss.",
        "zh": "损失平滑的支持向量回归。",
    }
    choose_when: ClassVar = {
        "en": "A tolerance is known and there are no heavy tails.",
        "zh": "已知容差且没有厚尾时。",
    }
    reference: ClassVar = "Ho & Lin (2012), JMLR 13:3323"

    def _excess(self, y, z):
        excess = abs(z - y) - self.epsilon
        return 0.0 if excess < 0.0 else excess

    def value(self, y, z):
        excess = self._excess(y, z)
        return excess * excess

    def grad_hess(self, y, z):
        r, excess = abs(z - y), self._excess(y, z)
        return (2.0 * excess if z > y else -2.0 * excess), (2.0 if r >= self.epsilon else 0.0)


class SquaredLogError(PointwiseLoss):
    """Squared logarithmic error, (ln(1 + y) − ln(1 + ŷ))².

    Notes
    -----
    Domain: y > −1 and ŷ > −1; identity link; not convex; exact Hessian, negative far above the
    target. In training it continues as its tangent below ŷ = −1 + 1e-6. Equals
    ``sklearn.metrics.mean_squared_log_error``; twice XGBoost's ``reg:squaredlogerror``.

    References
    ----------
    Törnqvist, L., Vartia, P. and Vartia, Y. O. (1985). How should relative changes be measured?
    doi:10.1080/00031305.1985.10479385

    Examples
    --------
    >>> SquaredLogError()([0.0], [0.0])
    0.0
    """

    target: ClassVar = Interval(-1, inf)
    prediction: ClassVar = Interval(-1, inf)
    aliases: ClassVar = ("msle", "mean_squared_log_error")
    names: ClassVar = {"en": "Squared logarithmic error (MSLE)", "zh": "平方对数误差(MSLE)"}
    formula: ClassVar = r"\left(\ln(1 + y) - \ln(1 + \hat y)\right)^2"
    use_case: ClassVar = {
        "en": "Positive targets over several orders of magnitude: prices, counts, sizes.",
        "zh": "跨多个数量级的正值目标:价格、计数、规模。",
    }
    choose_when: ClassVar = {
        "en": "Relative errors matter, and zero occurs.",
        "zh": "关注相对误差且目标可能为零时。",
    }
    reference: ClassVar = "Törnqvist et al. (1985), doi:10.1080/00031305.1985.10479385"
    native: ClassVar = {
        "xgboost": Native(
            "reg:squaredlogerror",
            scale=2.0,
            init="newton",
            note="its Hessian is the exact one, where not negative",
        )
    }

    def value(self, y, z):
        p = z if z > LOWEST else LOWEST
        d = log1p(p) - log1p(y)
        return d * d + 2.0 * d / (1.0 + p) * (z - p)

    def grad_hess(self, y, z):
        p = z if z > LOWEST else LOWEST
        d = log1p(p) - log1p(y)
        q = 1.0 / (1.0 + p)
        return 2.0 * d * q, (2.0 * (1.0 - d) * q * q if z > LOWEST else 0.0)

    def curvature(self, y, z):
        p = z if z > LOWEST else LOWEST
        q = 1.0 / (1.0 + p)
        h = 2.0 * q * q  # Gauss-Newton
        return h if h > 1e-6 else 1e-6

    def response_value(self, y, p):
        d = log1p(p) - log1p(y)
        return d * d


class AbsolutePercentageError(PointwiseLoss):
    """Absolute percentage error, abs(r) / max(abs(y), eps): a fraction, not a percentage.

    Notes
    -----
    Domain: all reals; identity link; convex, not smooth; the Hessian is 0. Equals
    ``sklearn.metrics.mean_absolute_percentage_error`` (eps is that of float64).

    References
    ----------
    de Myttenaere, A. et al. (2016). Mean absolute percentage error for regression models.
    doi:10.1016/j.neucom.2015.12.114

    Examples
    --------
    >>> AbsolutePercentageError()([2.0, 4.0], [1.0, 4.0])
    0.25
    """

    hessian: ClassVar = "surrogate"
    convex: ClassVar = True
    smooth: ClassVar = False
    aliases: ClassVar = ("mape", "mean_absolute_percentage_error")
    names: ClassVar = {"en": "Absolute percentage error (MAPE)", "zh": "绝对百分比误差(MAPE)"}
    formula: ClassVar = r"\frac{|y - \hat y|}{\max(|y|, \epsilon)}"
    use_case: ClassVar = {
        "en": "Forecasts reported as percentages; targets well away from zero.",
        "zh": "以百分比报告的预测;目标远离零。",
    }
    choose_when: ClassVar = {
        "en": "Relative errors count, and under-prediction may be preferred.",
        "zh": "关注相对误差,且可接受偏低预测时。",
    }
    reference: ClassVar = "de Myttenaere et al. (2016), doi:10.1016/j.neucom.2015.12.114"

    def _scale(self, y):
        a = abs(y)
        return a if a > EPS else EPS

    def value(self, y, z):
        return abs(z - y) / self._scale(y)

    def grad_hess(self, y, z):
        s = 1.0 if z > y else -1.0 if z < y else 0.0 * (z - y)
        return s / self._scale(y), 0.0

    def optimal_constant(self, y, w):
        scale = abs(y)
        scale[scale < EPS] = EPS
        return weighted_quantile(y, 0.5, w / scale)
