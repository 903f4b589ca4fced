"""The checks of `certify`: each takes a loss and a sample, and raises `AssertionError`."""

from __future__ import annotations

import pickle

import numpy as np
from sklearn.base import clone

from .samples import PLAIN

STEP = 1e-3  # of the five-point derivative
TINY_STEP = 1e-6  # of the one-sided ones, for kinks


class DoesNotApplyError(Exception):
    """A check that does not apply to this loss."""


def _require(condition, text):
    if not condition:
        raise AssertionError(text)


def _sum(array):
    """Sum over the columns of a row, where there are several."""
    return array.reshape(array.shape[0], -1).sum(axis=1)


def _times(weight, array):
    return (weight * array.T).T


def _shown(raw):
    return f"{raw:.6g}" if np.ndim(raw) == 0 else f"({', '.join([f'{z:.6g}' for z in raw])})"


def _moved(z, column, values):
    """Return a copy of raw predictions, those of a column replaced."""
    z = z.copy()
    z[column] = values
    return z


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
    return np.minimum(smooth_error, np.maximum(excess, 0)).max()


def _check_derivatives(function, derivative, data, what):
    """Check the derivatives by each column; `function` returns one number a row, or a row."""
    errors = []
    for place, column in enumerate(data.columns):
        name = what if column is ... else f"{what} of column {place}"

        def of_column(values, column=column):
            result = function(_moved(data.z, column, values))
            return result[column] if result.ndim == data.z.ndim else result

        def by_column(values, column=column):
            return derivative(_moved(data.z, column, values))[column]

        errors.append(_check_derivative(of_column, by_column, data.z[column], name))
    return f"largest error {max(errors):.1e}"


def _gradient(loss, data):
    return _check_derivatives(
        lambda z: loss.values(data.y, z), lambda z: loss.gradient(data.y, z), data, "gradient"
    )


def _hessian(loss, data):
    return _check_derivatives(
        lambda z: loss.gradient(data.y, z),
        lambda z: loss.gradient_hessian(data.y, z)[1],
        data,
        "Hessian",
    )


def _fused(loss, data):
    values, gradient = loss.values_gradient(data.y, data.z)
    # a value near 0 may be a difference of numbers near 1
    np.testing.assert_allclose(values, loss.values(data.y, data.z), rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(gradient, loss.gradient(data.y, data.z), rtol=1e-13, atol=1e-300)


def _weights(loss, data):
    """Weight k is the row k times, weight 0 the row removed."""
    if data.counts_rows:
        _row_weights(loss, data)
        return
    if (data.w == 1).all():
        raise DoesNotApplyError("a term has several rows, and no weight")
    counts = data.w.astype(int)
    counts[::5] = 0
    w = counts.astype(float)
    y, z = np.repeat(data.y, counts, axis=0), np.repeat(data.z, counts, axis=0)
    for name in ("values", "gradient"):
        weighted = getattr(loss, name)(data.y, data.z, w)
        plain = getattr(loss, name)(data.y, data.z)
        np.testing.assert_allclose(
            weighted, _times(w, plain), rtol=1e-12, atol=1e-300, err_msg=name
        )
    h = loss.gradient_hessian(data.y, data.z, w)[1]
    plain = loss.gradient_hessian(data.y, data.z)[1]
    np.testing.assert_allclose(h, _times(w, plain), rtol=1e-12, err_msg="Hessian")
    weighted = loss(data.y, loss.inverse_link(data.z), sample_weight=w)
    np.testing.assert_allclose(weighted, loss(y, loss.inverse_link(z)), rtol=1e-10)
    objective = _objective(loss, data, w)
    here, there = objective(loss.init_raw(data.y, w)), objective(loss.init_raw(y))
    np.testing.assert_allclose(here, there, rtol=1e-8, err_msg="init_raw")


def _row_weights(loss, data):
    """The same of the rows inside a term, whose value then changes with their weights."""
    y, z, qid = loss.repeated(data.y, data.z, data.w)
    there = data.w.any(axis=1)
    values, gradient = loss.values_gradient(data.y, data.z, data.w)
    expected = loss.loss.values_gradient(y, z, qid=qid)
    np.testing.assert_allclose(values[there], expected[0], rtol=1e-11, atol=1e-14)
    _require(not values[~there].any(), "a group without weight has a loss")
    counts, rows = data.w.ravel().astype(int), loss._rows(gradient)
    last = np.cumsum(counts[counts > 0]) - 1
    expected = _times(counts[counts > 0], expected[1][last])
    np.testing.assert_allclose(rows[counts > 0], expected, rtol=1e-10, atol=1e-14)
    _require(not rows[counts == 0].any(), "a row of weight 0 has a slope")
    _check_derivatives(
        lambda z: loss.gradient(data.y, z, data.w),
        lambda z: loss.gradient_hessian(data.y, z, data.w)[1],
        data,
        "weighted Hessian",
    )
    p = loss.inverse_link(data.z)
    weighted = loss(data.y, p, sample_weight=data.w)
    np.testing.assert_allclose(weighted, loss.loss(y, loss.loss.inverse_link(z), qid=qid))


def _finite(loss, data):
    """No NaN anywhere, and finite values where they are not astronomically far away."""
    y, z = data.extremes()
    values, gradient = loss.values_gradient(y, z)
    curvature = loss.gradient_hessian(y, z, psd=True)[1]
    near = np.abs(z).reshape(y.shape[0], -1).max(axis=1) <= 30
    for name, array in (("value", values), ("gradient", gradient), ("curvature", curvature)):
        bad = _sum(np.isnan(array)) > 0
        _require(not bad.any(), f"{name} is NaN at raw prediction {_shown(z[bad.argmax()])}")
        bad = (_sum(~np.isfinite(array)) > 0) & near
        _require(not bad.any(), f"{name} is infinite at raw prediction {_shown(z[bad.argmax()])}")


def _convex(loss, data):
    if not loss.convex:
        raise DoesNotApplyError("not claimed to be convex")
    for y, z, step in data.lines():
        slope = _sum(loss.gradient(y, z) * step)
        drop = np.diff(slope).min()
        target = _shown(y[0])
        _require(
            drop >= -1e-9 * (1 + np.abs(slope).max()),
            f"the gradient falls by {-drop:.3g} as the prediction rises, for target {target}",
        )


def _smooth(loss, data):
    if not loss.is_smooth:
        raise DoesNotApplyError("not claimed to be smooth")
    for column in data.columns:
        z = data.z[column]
        step = 1e-7 * np.maximum(1.0, np.abs(z))
        before = loss.gradient(data.y, _moved(data.z, column, z - step))[column]
        after, h = loss.gradient_hessian(data.y, _moved(data.z, column, z + step))
        after, h = after[column], h[column]
        jump = np.abs(after - before) - 1e-5 * (1 + np.abs(before) + np.abs(h))
        worst = int(jump.argmax())
        where = _shown(data.z[worst])
        _require(jump[worst] <= 0, f"the gradient jumps at raw prediction {where}")


def _mean(values, w):
    """Return the mean of weighted values; where weights are of rows inside, groups are equal."""
    return float(values.sum() / (w.sum() if w.ndim == 1 else w.any(axis=1).sum()))


def _objective(loss, data, w):
    shape = (*data.y.shape[:1], *data.z.shape[1:])
    return lambda c: _mean(loss.values(data.y, np.full(shape, c), w), w)


def _init_raw(loss, data):
    raw = loss.init_raw(data.y, data.w)
    fits = isinstance(raw, data.constant) and np.shape(raw) == data.z.shape[1:]
    _require(fits and np.isfinite(raw).all(), f"init_raw is {raw!r}")
    objective = _objective(loss, data, data.w)
    here = objective(raw)
    best = min(objective(c) for c in data.rivals(raw))
    _require(
        here <= best + 1e-7 * (1 + abs(best)),
        f"init_raw = {_shown(raw)} has loss {here:.9g}, another constant {best:.9g}",
    )
    return f"init_raw = {_shown(raw)}"


def _booster_hessian(loss, data):
    h = loss.gradient_hessian(data.y, data.z, psd=True)[1]
    _require(np.isfinite(h).all() and (h > 0).all(), f"the surrogate is as low as {h.min():.3g}")
    return f"smallest {h.min():.1e}"


def _link(loss, data):
    """The response scale agrees with the raw one."""
    p = loss.inverse_link(data.z)
    mean = loss(data.y, p, sample_weight=data.w)
    expected = _mean(loss.values(data.y, data.z, data.w), data.w)
    np.testing.assert_allclose(mean, expected, rtol=1e-7, atol=1e-12)
    if not hasattr(loss, "link"):
        return
    back = np.array([loss.link(float(v)) for v in p[:50]]) if loss.jit else loss.link(p[:50])
    np.testing.assert_allclose(back, data.z[:50], rtol=1e-6, atol=1e-9, err_msg="link")


def _single(loss, data):
    """Float32 computes the same to its own precision."""
    y, z = data.y.astype(np.float32), data.z.astype(np.float32)
    values, gradient = loss.values_gradient(y, z)
    _require(values.dtype == gradient.dtype == np.float32, "float32 input gives another dtype")
    exact = loss.values(y.astype(float), z.astype(float))
    slope = np.abs(loss.gradient(y.astype(float), z.astype(float)))
    target = y if y.shape == z.shape else np.abs(y).reshape(y.shape[0], -1).max(axis=1)[:, None]
    moved = _sum(slope * np.maximum(np.abs(z), np.abs(target)))
    room = 1e-5 * (1 + np.abs(exact) + moved)
    _require((np.abs(values - exact) <= room).all(), "float32 values differ from float64 ones")


def _copies(loss, data):
    for copy in (pickle.loads(pickle.dumps(loss)), clone(loss)):
        _require(copy == loss and hash(copy) == hash(loss), "a copy is not equal")
        np.testing.assert_array_equal(copy.values(data.y, data.z), loss.values(data.y, data.z))
    name = type(getattr(loss, "loss", loss)).__name__  # of what `ByGroup` holds
    _require(name in repr(loss), "repr does not name the class")


def _python(loss, data):
    """The scalar methods run as plain Python and give what the compiled ones give."""
    if not loss.jit:
        raise DoesNotApplyError("the loss stays NumPy")
    y, z = data.y[:PLAIN], data.z[:PLAIN]
    plain = data.plain(loss)
    if plain is None:
        raise DoesNotApplyError("a sum, of terms that are computed in Python themselves")
    values, gradient, hessian = plain
    np.testing.assert_allclose(loss.values(y, z), values, rtol=1e-9, atol=1e-12)
    compiled = loss.gradient_hessian(y, z)
    np.testing.assert_allclose(compiled[0], gradient, rtol=1e-9, atol=1e-12)
    # a Hessian by differences of gradients has their rounding errors, magnified
    np.testing.assert_allclose(compiled[1], hessian, rtol=1e-9, atol=1e-8)


CHECKS = {
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
