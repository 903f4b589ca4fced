"""Regression losses that outliers cannot dominate. `z` is the prediction and r = z − y."""

from __future__ import annotations

from math import inf
from typing import Annotated, ClassVar

from .._bases.native import Native
from .._bases.pointwise import Interval, PointwiseLoss
from .._special import exp, log1p, log_cosh, sqrt, tanh

POSITIVE = Interval(0, inf)


class Huber(PointwiseLoss):
    """Huber's loss: ½r² for abs(r) ≤ δ, else δ(abs(r) − ½δ).

    Parameters
    ----------
    delta : float, default=1.0
        Where the parabola becomes a line, in units of the target; > 0.

    Notes
    -----
    Domain: all reals; identity link; convex; Hessian 1 inside, 0 outside. Equals
    ``torch.nn.HuberLoss`` and ``sklearn._loss.HuberLoss``. ``HuberRegressor`` also fits a scale.

    References
    ----------
    Huber, P. J. (1964). Robust estimation of a location parameter. doi:10.1214/aoms/1177703732

    Examples
    --------
    >>> Huber(delta=1.0)([0.0, 0.0], [1.0, 3.0])
    1.5
    """

    delta: Annotated[float, POSITIVE] = 1.0

    convex: ClassVar = True
    names: ClassVar = {"en": "Huber loss", "zh": "Huber 损失"}
    formula: ClassVar = (
        r"\begin{cases}\tfrac12 r^2 & |r| \le \delta\\"
        r" \delta(|r| - \tfrac12\delta) & |r| > \delta\end{cases}"
    )
    use_case: ClassVar = {
        "en": "Regression with outliers: squared error near the target, absolute error far away.",
        "zh": "含离群值的回归:近处为平方误差,远处为绝对误差。",
    }
    choose_when: ClassVar = {
        "en": "Most errors are well behaved and the scale of a large one is known.",
        "zh": "多数误差规则,且知道多大的误差算大时。",
    }
    reference: ClassVar = "Huber (1964), doi:10.1214/aoms/1177703732"
    native: ClassVar = {
        "lightgbm": Native("huber", {"alpha": "delta"}, hessian_factor="one", init="mean"),
        "catboost": Native("Huber", {"delta": "delta"}, init="zero"),
    }

    def value(self, y, z):
        a = abs(z - y)
        return 0.5 * a * a if a <= self.delta else self.delta * (a - 0.5 * self.delta)

    def grad_hess(self, y, z):
        r = z - y
        outside = self.delta if r > 0.0 else -self.delta
        inside = abs(r) <= self.delta
        return (r if inside else outside + 0.0 * r), (1.0 if inside else 0.0)


class PseudoHuber(PointwiseLoss):
    """Pseudo-Huber loss, δ²(√(1 + (r/δ)²) − 1): Huber's, infinitely smooth.

    Parameters
    ----------
    delta : float, default=1.0
        Where the parabola bends into a line, in units of the target; > 0.

    Notes
    -----
    Domain: all reals; identity link; convex; exact Hessian. Equals XGBoost's
    ``reg:pseudohubererror``.

    References
    ----------
    Charbonnier, P. et al. (1997). Deterministic edge-preserving regularization in computed
    imaging. doi:10.1109/83.551699

    Examples
    --------
    >>> PseudoHuber(delta=4.0)([0.0], [3.0])
    4.0
    """

    delta: Annotated[float, POSITIVE] = 1.0

    convex: ClassVar = True
    names: ClassVar = {"en": "Pseudo-Huber loss", "zh": "伪 Huber 损失"}
    formula: ClassVar = r"\delta^2\left(\sqrt{1 + (r/\delta)^2} - 1\right)"
    use_case: ClassVar = {
        "en": "Robust regression with solvers and boosters that need second derivatives.",
        "zh": "需要二阶导数的求解器与提升树中的稳健回归。",
    }
    choose_when: ClassVar = {
        "en": "Huber's robustness is wanted together with a smooth Hessian.",
        "zh": "既要 Huber 的稳健性,又要平滑的二阶导数时。",
    }
    reference: ClassVar = "Charbonnier et al. (1997), doi:10.1109/83.551699"
    native: ClassVar = {
        "xgboost": Native("reg:pseudohubererror", {"huber_slope": "delta"}, init="newton")
    }

    def _root(self, u):
        a = abs(u)
        return a if a > 1e10 else sqrt(1.0 + u * u)  # u * u would overflow

    def value(self, y, z):
        u = (z - y) / self.delta
        return self.delta * self.delta * (u * (u / (1.0 + self._root(u))))

    def grad_hess(self, y, z):
        r = z - y
        s = 1.0 / self._root(r / self.delta)
        return r * s, s * s * s


class LogCosh(PointwiseLoss):
    """Log-cosh loss, ln cosh(y − ŷ).

    Notes
    -----
    Domain: all reals; identity link; convex; exact Hessian. About ½r² for small errors and
    abs(r) − ln 2 for large ones. Equals ``keras.losses.LogCosh``.

    References
    ----------
    Saleh, R. A. and Saleh, A. K. M. E. (2022). Statistical properties of the log-cosh loss
    function used in machine learning. doi:10.48550/arXiv.2208.04564

    Examples
    --------
    >>> round(LogCosh()([0.0], [2.0]), 6)
    1.325003
    """

    convex: ClassVar = True
    names: ClassVar = {"en": "Log-cosh loss", "zh": "对数双曲余弦损失(log-cosh)"}
    formula: ClassVar = r"\ln\cosh(y - \hat y)"
    use_case: ClassVar = {
        "en": "Robust regression with a smooth loss and nothing to tune.",
        "zh": "损失平滑、无需调参的稳健回归。",
    }
    choose_when: ClassVar = {
        "en": "Errors of about 1 (after scaling) separate usual from unusual.",
        "zh": "(缩放后)误差约为 1 即为正常与异常的分界时。",
    }
    reference: ClassVar = "Saleh & Saleh (2022), doi:10.48550/arXiv.2208.04564"
    native: ClassVar = {"catboost": Native("LogCosh", init="zero")}

    def value(self, y, z):
        return log_cosh(z - y)

    def grad_hess(self, y, z):
        r = z - y
        e = exp(-2.0 * abs(r))
        s = 1.0 + e
        return tanh(r), 4.0 * e / (s * s)  # 1 - tanh² would cancel


class Cauchy(PointwiseLoss):
    """Cauchy (Lorentzian) loss, ½c²·ln(1 + (r/c)²).

    Parameters
    ----------
    scale : float, default=1.0
        The error from which influence falls, in units of the target; > 0.

    Notes
    -----
    Domain: all reals; identity link; not convex; the exact Hessian is negative for abs(r) > c.
    ``scipy.optimize.least_squares(loss="cauchy")`` minimises it.

    References
    ----------
    Black, M. J. and Anandan, P. (1996). The robust estimation of multiple motions.
    doi:10.1006/cviu.1996.0006

    Examples
    --------
    >>> round(Cauchy(scale=1.0)([0.0], [1.0]), 6)
    0.346574
    """

    scale: Annotated[float, POSITIVE] = 1.0

    names: ClassVar = {"en": "Cauchy loss", "zh": "柯西损失"}
    formula: ClassVar = r"\tfrac12 c^2 \ln\left(1 + (r/c)^2\right)"
    use_case: ClassVar = {
        "en": "Regression with gross outliers whose influence should fade.",
        "zh": "含粗大离群值、应逐渐削弱其影响的回归。",
    }
    choose_when: ClassVar = {
        "en": "Some targets are plainly wrong, and a good starting point is at hand.",
        "zh": "部分目标明显错误,且有较好初值时。",
    }
    reference: ClassVar = "Black & Anandan (1996), doi:10.1006/cviu.1996.0006"

    def value(self, y, z):
        u = abs(z - y) / self.scale
        big = u > 1e10  # u * u would overflow; there ln(1 + u²) = 2 ln u
        t = log1p(u if big else u * u)
        return 0.5 * self.scale * self.scale * (2.0 * t if big else t)

    def grad_hess(self, y, z):
        r = z - y
        u = r / self.scale
        q = 1.0 / (1.0 + u * u)
        return r * q, q * (2.0 * q - 1.0)

    def curvature(self, y, z):
        u = (z - y) / self.scale
        return 1.0 / (1.0 + u * u) + 1e-6  # the weight of IRLS: a majoriser


class Tukey(PointwiseLoss):
    """Tukey's biweight, c²/6·(1 − (1 − (r/c)²)³) for abs(r) ≤ c, else c²/6.

    Parameters
    ----------
    c : float, default=4.685
        The error beyond which a row has no influence, in units of the target; > 0. The default is
        95 % efficient for Gaussian noise of variance 1.

    Notes
    -----
    Domain: all reals; identity link; bounded, not convex; exact Hessian, negative for
    abs(r) > c/√5. Equals ``statsmodels.robust.norms.TukeyBiweight``.

    References
    ----------
    Beaton, A. E. and Tukey, J. W. (1974). The fitting of power series, meaning polynomials,
    illustrated on band-spectroscopic data. doi:10.1080/00401706.1974.10489171

    Examples
    --------
    >>> Tukey(c=6.0)([0.0, 0.0], [10.0, 0.0])
    3.0
    """

    c: Annotated[float, POSITIVE] = 4.685

    names: ClassVar = {"en": "Tukey's biweight", "zh": "Tukey 双权损失"}
    formula: ClassVar = (
        r"\begin{cases}\tfrac{c^2}{6}\left(1 - (1 - (r/c)^2)^3\right) & |r| \le c\\"
        r" \tfrac{c^2}{6} & |r| > c\end{cases}"
    )
    use_case: ClassVar = {
        "en": "Regression in which gross outliers are to be ignored altogether.",
        "zh": "应完全忽略粗大离群值的回归。",
    }
    choose_when: ClassVar = {
        "en": "A robust start (Huber) is at hand to refine.",
        "zh": "已有稳健初值(如 Huber)可供进一步优化时。",
    }
    reference: ClassVar = "Beaton & Tukey (1974), doi:10.1080/00401706.1974.10489171"

    def _square(self, y, z):
        u = (z - y) / self.c
        u = u * u
        return 1.0 if u > 1.0 else u

    def value(self, y, z):
        u = self._square(y, z)
        return self.c * self.c / 6.0 * (u * (3.0 - u * (3.0 - u)))

    def grad_hess(self, y, z):
        u = self._square(y, z)
        return (z - y) * ((1.0 - u) * (1.0 - u)), (1.0 - u) * (1.0 - 5.0 * u)

    def curvature(self, y, z):
        v = 1.0 - self._square(y, z)
        return v * v + 1e-6  # the weight of IRLS: a majoriser
