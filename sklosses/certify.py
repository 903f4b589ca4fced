"""The contract test of a loss: the library's own losses and the user's pass the same one."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field

import numpy as np
from sklearn.base import clone

from ._params import Interval, fields_of
from ._pointwise import PointwiseLoss
from ._registry import get_loss

TERMS = 300
STEP = 1e-3  # of the five-point derivative
TINY_STEP = 1e-6  # of the one-sided ones, for kinks
EXTREMES = (0.0, 1e-300, 1e-8, 1.0, 30.0, 700.0, 1e4, 1e100, 1e300)


@dataclass
class Check:
    """One line of a report: what was checked, whether it held, and what was seen."""

    name: str
    passed: bool
    detail: str = ""


@dataclass(repr=False)
class CertificationReport:
    """What `certify` found.

    Attributes
    ----------
    loss : Loss
        The loss.
    checks : list of Check
        One entry a property.
    """

    loss: object
    checks: list[Check] = field(default_factory=list)

    @property
    def passed(self):
        """Whether every check held."""
        return all(check.passed for check in self.checks)

    def to_frame(self):
        """Return the checks as a DataFrame with columns check, passed, detail."""
        import pandas as pd

        rows = [(check.name, check.passed, check.detail) for check in self.checks]
        return pd.DataFrame(rows, columns=["check", "passed", "detail"])

    def raise_if_failed(self):
        """Raise `AssertionError` naming what failed."""
        if not self.passed:
            raise AssertionError(repr(self))

    def __repr__(self):
        verdict = "passed" if self.passed else "FAILED"
        lines = [f"{self.loss!r}: {verdict}"]
        width = max((len(check.name) for check in self.checks), default=0)
        for check in self.checks:
            mark = "ok    " if check.passed else "FAILED"
            lines.append(f"  {mark} {check.name:<{width}}  {check.detail}".rstrip())
        return "\n".join(lines)


def certify(loss, *, random_state=0):
    """Test that a loss keeps its contract, numerically.

    Parameters
    ----------
    loss : Loss, type or str
        The loss, the library's or your own.
    random_state : int, default=0
        Seed of the targets and predictions it is tried on.

    Returns
    -------
    CertificationReport
        ``passed``, ``to_frame()``, ``raise_if_failed()``.

    Examples
    --------
    >>> certify("huber").passed
    True
    """
    loss = get_loss(loss)
    data = _Sample(loss, np.random.default_rng(random_state))
    report = CertificationReport(loss)
    for name, check in _CHECKS.items():
        try:
            with np.errstate(all="ignore"):
                detail = check(loss, data) or ""
            report.checks.append(Check(name, True, detail))
        except _DoesNotApplyError as reason:
            report.checks.append(Check(name, True, f"does not apply: {reason}"))
        except Exception as error:
            text = str(error) if isinstance(error, AssertionError) else repr(error)
            report.checks.append(Check(name, False, text))
    return report


def check_loss(loss, *, random_state=0):
    """Raise `AssertionError` unless `certify` passes: for the test suite of your own loss.

    Parameters
    ----------
    loss : Loss, type or str
        The loss.
    random_state : int, default=0
        Seed, as in `certify`.
    """
    certify(loss, random_state=random_state).raise_if_failed()


def random_parameters(cls, rng):
    """Draw a value for each parameter of a loss class from its domain."""
    drawn = {}
    for name, known in fields_of(cls).items():
        domains = [domain for domain in known.domains if isinstance(domain, Interval)]
        if domains:
            domain = domains[rng.integers(len(domains))]
            drawn[name] = float(_draw(domain, rng, 1)[0])
    return drawn


def _draw(domain, rng, size):
    """Draw from an interval, its own ends (where they belong to it) first."""
    bounded_below, bounded_above = np.isfinite(domain.low), np.isfinite(domain.high)
    if bounded_below and bounded_above:
        drawn = rng.uniform(domain.low, domain.high, size)
    elif bounded_below:
        drawn = domain.low + rng.gamma(2.0, 1.0, size)
    elif bounded_above:
        drawn = domain.high - rng.gamma(2.0, 1.0, size)
    else:
        drawn = 3.0 * rng.normal(size=size)
    if domain.integer:
        drawn = np.round(drawn)
    ends = [end for end in (domain.low, domain.high) if end in domain]
    if size > len(ends):
        drawn[: len(ends)] = ends
    return drawn


class _Sample:
    """Targets and raw predictions: random ones, and those where formulas change."""

    def __init__(self, loss, rng):
        self.rng = rng
        self.y = _draw(loss.target, rng, TERMS)
        self.free = type(loss).response is PointwiseLoss.response and loss.task == "regression"
        z = self.y + 2.0 * rng.normal(size=TERMS) if self.free else 2.0 * rng.normal(size=TERMS)
        numbers = [getattr(loss, name) for name in fields_of(type(loss))]
        numbers = [abs(float(v)) for v in numbers if isinstance(v, (int, float))]
        shifts = np.array([0.0, 1.0, -1.0, *numbers, *(-v for v in numbers)])
        places = np.arange(shifts.size) + 20
        z[places] = (self.y[places] if self.free else 0.0) + shifts
        self.z = self._inside(loss, z)
        self.w = rng.integers(1, 4, TERMS).astype(float)

    def _inside(self, loss, z):
        """Move predictions to where the response is in its domain (as for ŷ > −1)."""
        if not self.free:
            return z
        low, high = loss.prediction.bounds(z.dtype)
        margin = 0.05
        return np.clip(z, low + margin if np.isfinite(loss.prediction.low) else low, high)


class _DoesNotApplyError(Exception):
    """A check that does not apply to this loss."""


def _require(condition, text):
    if not condition:
        raise AssertionError(text)


def _five_points(function, z, step):
    near = function(z + step) - function(z - step)
    far = function(z + 2 * step) - function(z - 2 * step)
    return (8 * near - far) / (12 * step)


def _check_derivative(function, derivative, z, what):
    """Compare with five-point differences; at a kink, with the one-sided slopes."""
    scale = np.maximum(1.0, np.abs(z))
    claimed = derivative(z)
    magnitude = 1.0 + np.abs(claimed) + np.abs(function(z))
    smooth_error = np.abs(_five_points(function, z, STEP * scale) - claimed) / magnitude
    step = TINY_STEP * scale
    # beside the place, not at it: at a jump neither slope crosses it
    right = function(z + 2 * step) - function(z + step)
    left = function(z - step) - function(z - 2 * step)
    slopes = np.array([right, left]) / step
    excess = np.maximum(slopes.min(axis=0) - claimed, claimed - slopes.max(axis=0)) / magnitude
    wrong = ~((smooth_error < 1e-7) | (excess < 1e-5))
    _require(
        not wrong.any(),
        f"{what} differs from finite differences in {wrong.sum()} of {z.size} places, "
        f"first at raw prediction {z[wrong.argmax()]:.6g}: {claimed[wrong.argmax()]:.6g} "
        f"against {slopes[0, wrong.argmax()]:.6g}",
    )
    return f"largest error {np.minimum(smooth_error, np.maximum(excess, 0)).max():.1e}"


def _gradient(loss, data):
    return _check_derivative(
        lambda z: loss.values(data.y, z), lambda z: loss.gradient(data.y, z), data.z, "gradient"
    )


def _hessian(loss, data):
    return _check_derivative(
        lambda z: loss.gradient(data.y, z),
        lambda z: loss.gradient_hessian(data.y, z)[1],
        data.z,
        "Hessian",
    )


def _fused(loss, data):
    values, gradient = loss.values_gradient(data.y, data.z)
    np.testing.assert_allclose(values, loss.values(data.y, data.z), rtol=1e-13)
    np.testing.assert_allclose(gradient, loss.gradient(data.y, data.z), rtol=1e-13, atol=1e-300)


def _weights(loss, data):
    """Weight k is the row k times, weight 0 the row removed."""
    counts = data.w.astype(int)
    counts[::5] = 0
    w = counts.astype(float)
    y, z = np.repeat(data.y, counts), np.repeat(data.z, counts)
    for name in ("values", "gradient"):
        weighted = getattr(loss, name)(data.y, data.z, w)
        plain = getattr(loss, name)(data.y, data.z)
        np.testing.assert_allclose(weighted, w * plain, rtol=1e-12, atol=1e-300, err_msg=name)
    h = loss.gradient_hessian(data.y, data.z, w)[1]
    np.testing.assert_allclose(
        h, w * loss.gradient_hessian(data.y, data.z)[1], rtol=1e-12, err_msg="Hessian"
    )
    weighted = loss(data.y, loss.inverse_link(data.z), sample_weight=w)
    np.testing.assert_allclose(weighted, loss(y, loss.inverse_link(z)), rtol=1e-10)
    objective = _objective(loss, data.y, w)
    here, there = objective(loss.init_raw(data.y, w)), objective(loss.init_raw(y))
    np.testing.assert_allclose(here, there, rtol=1e-8, err_msg="init_raw")


def _finite(loss, data):
    """No NaN anywhere, and finite values where they are not astronomically far away."""
    extremes = np.array([s * e for e in EXTREMES for s in (1.0, -1.0)])
    y = np.repeat(data.y[:10], extremes.size)
    z = np.tile(extremes, 10)
    values, gradient = loss.values_gradient(y, z)
    curvature = loss.gradient_hessian(y, z, psd=True)[1]
    for name, array in (("value", values), ("gradient", gradient), ("curvature", curvature)):
        bad = np.isnan(array)
        _require(not bad.any(), f"{name} is NaN at raw prediction {z[bad.argmax()]:g}")
        bad = ~np.isfinite(array) & (np.abs(z) <= 30)
        _require(not bad.any(), f"{name} is infinite at raw prediction {z[bad.argmax()]:g}")


def _convex(loss, data):
    if not loss.convex:
        raise _DoesNotApplyError("not claimed to be convex")
    line = np.linspace(-6, 6, 241)
    for y in data.y[:40]:
        z = y + line if data.free else line
        slope = loss.gradient(np.full_like(z, y), z)
        drop = np.diff(slope).min()
        _require(
            drop >= -1e-9 * (1 + np.abs(slope).max()),
            f"the gradient falls by {-drop:.3g} as the prediction rises, for target {y:.6g}",
        )


def _smooth(loss, data):
    if not loss.smooth:
        raise _DoesNotApplyError("not claimed to be smooth")
    step = 1e-7 * np.maximum(1.0, np.abs(data.z))
    before = loss.gradient(data.y, data.z - step)
    after, h = loss.gradient_hessian(data.y, data.z + step)
    jump = np.abs(after - before) - 1e-5 * (1 + np.abs(before) + np.abs(h))
    worst = int(jump.argmax())
    _require(jump[worst] <= 0, f"the gradient jumps at raw prediction {data.z[worst]:.6g}")


def _objective(loss, y, w):
    return lambda c: float(loss.values(y, np.full_like(y, c), w).sum() / w.sum())


def _init_raw(loss, data):
    raw = loss.init_raw(data.y, data.w)
    _require(isinstance(raw, float) and np.isfinite(raw), f"init_raw is {raw!r}")
    objective = _objective(loss, data.y, data.w)
    here = objective(raw)
    steps = np.concatenate([s * np.logspace(-4, 1, 11) for s in (1, -1)])
    others = np.concatenate([raw + steps, np.linspace(-5, 5, 41)])
    if data.free:
        others = np.concatenate([others, np.quantile(data.y, np.linspace(0, 1, 21))])
    best = min(objective(c) for c in others)
    _require(
        here <= best + 1e-7 * (1 + abs(best)),
        f"init_raw = {raw:.6g} has loss {here:.9g}, another constant {best:.9g}",
    )
    return f"init_raw = {raw:.6g}"


def _booster_hessian(loss, data):
    h = loss.gradient_hessian(data.y, data.z, psd=True)[1]
    _require(np.isfinite(h).all() and (h > 0).all(), f"the surrogate is as low as {h.min():.3g}")
    return f"smallest {h.min():.1e}"


def _link(loss, data):
    """The response scale agrees with the raw one."""
    p = loss.inverse_link(data.z)
    mean = loss(data.y, p, sample_weight=data.w)
    expected = loss.values(data.y, data.z, data.w).sum() / data.w.sum()
    np.testing.assert_allclose(mean, expected, rtol=1e-7, atol=1e-12)
    back = np.array([loss.link(float(v)) for v in p[:50]]) if loss.jit else loss.link(p[:50])
    np.testing.assert_allclose(back, data.z[:50], rtol=1e-6, atol=1e-9, err_msg="link")


def _single(loss, data):
    """Float32 computes the same to its own precision."""
    y, z = data.y.astype(np.float32), data.z.astype(np.float32)
    values, gradient = loss.values_gradient(y, z)
    _require(values.dtype == gradient.dtype == np.float32, "float32 input gives another dtype")
    exact = loss.values(y.astype(float), z.astype(float))
    slope = np.abs(loss.gradient(y.astype(float), z.astype(float)))
    room = 1e-5 * (1 + np.abs(exact) + slope * np.maximum(np.abs(z), np.abs(y)))
    _require((np.abs(values - exact) <= room).all(), "float32 values differ from float64 ones")


def _copies(loss, data):
    for copy in (pickle.loads(pickle.dumps(loss)), clone(loss)):
        _require(copy == loss and hash(copy) == hash(loss), "a copy is not equal")
        np.testing.assert_array_equal(copy.values(data.y, data.z), loss.values(data.y, data.z))
    eval_free = repr(loss)
    _require(type(loss).__name__ in eval_free, "repr does not name the class")


def _python(loss, data):
    """The scalar methods run as plain Python and give what the compiled ones give."""
    if not loss.jit:
        raise _DoesNotApplyError("the loss stays NumPy")
    y, z = data.y[:60], data.z[:60]
    pairs = [(float(a), float(b)) for a, b in zip(y, z, strict=True)]
    values = [loss.value(a, b) for a, b in pairs]
    gradient, hessian = zip(*(loss.grad_hess(a, b) for a, b in pairs), strict=True)
    np.testing.assert_allclose(loss.values(y, z), values, rtol=1e-9, atol=1e-12)
    compiled = loss.gradient_hessian(y, z)
    np.testing.assert_allclose(compiled[0], gradient, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(compiled[1], hessian, rtol=1e-9, atol=1e-12)


_CHECKS = {
    "gradient is the derivative of the value": _gradient,
    "Hessian is the derivative of the gradient": _hessian,
    "values_gradient agrees with its parts": _fused,
    "weight k is the row k times": _weights,
    "finite at extremes": _finite,
    "convex if claimed": _convex,
    "smooth if claimed": _smooth,
    "init_raw minimises the loss": _init_raw,
    "the booster Hessian is positive": _booster_hessian,
    "response scale agrees with raw scale": _link,
    "float32 agrees with float64": _single,
    "clone, pickle and equality": _copies,
    "plain Python agrees with compiled code": _python,
}
