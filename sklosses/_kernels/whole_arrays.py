"""What `terms` does, on whole arrays: for losses with ``jit = False``, which stay NumPy.

Always suspicious, so that the caller checks the input with NumPy too.
"""

from __future__ import annotations

import numpy as np

from .curvature import LONGEST_STEP, curvatures_of

SUSPECT = 1.0
SCALAR = "sklosses._bases.pointwise"  # where the default curvature is, of numbers


def _weights(w, y):
    return w if w.size == y.size else np.ones_like(y)


def _weighted(w, array):
    return np.where(w != 0, w * array, 0)


def _curvature(loss, y, z, g, h):
    if type(loss).curvature.__module__ == SCALAR:
        return np.maximum(curvatures_of(g, h), loss.curvature_floor)
    return loss.curvature(y, z)


def mean_response(loss, y, p, w, limits):
    w = _weights(w, y)
    return float(_weighted(w, loss.response_value(y, p)).sum()), float(w.sum()), SUSPECT


def fill(loss, y, z, w, limits, out_value, out_gradient, out_hessian, out_curvature):
    w = _weights(w, y)
    if out_value is not None:
        out_value[:] = _weighted(w, loss.value(y, z))
    g, h = loss.grad_hess(y, z)
    for out, array in ((out_gradient, g), (out_hessian, h)):
        if out is not None:
            out[:] = _weighted(w, array)
    if out_curvature is not None:
        out_curvature[:] = _weighted(w, _curvature(loss, y, z, g, h))
    return SUSPECT


# ---------------------------------------------------------------------- what `boosting` does


def has_lines(loss, y, z, w, every):
    g, h = loss.grad_hess(y, z)
    return bool(((h * LONGEST_STEP < np.abs(g)) & (_weights(w, y) != 0)).any())


def survey(loss, y, z, w, every, own):
    y, z, w = y[::every], z[::every], _weights(w, y)[::every]
    g, h = loss.grad_hess(y, z)
    value, steep = loss.value(y, z), np.abs(g)
    if own is not None:
        most = steep * np.abs(z - y)
        value = np.where((value > most) | (value < 0), most, value)
    arrays = (np.ones_like(z), value, g, steep, steep**2, np.maximum(h, 0))
    return tuple(float(_weighted(w, array).sum()) for array in arrays)


def fill_bent(loss, y, z, w, limits, window, floor, scale, kinked, out_gradient, out_curvature):
    w = (np.ones_like(y) if w is None else w) * (1.0 if scale is None else scale)
    g, h = loss.grad_hess(y, z)
    low, high = loss.grad_hess(y, z - window)[0], loss.grad_hess(y, z + window)[0]
    rise = np.maximum((high - low) / (2 * window), np.where(g != 0, floor, 0.01 * floor))
    if kinked is None:
        missing = (np.abs(g) - LONGEST_STEP * h) * LONGEST_STEP
        part = np.where((rise < missing) | (h <= 0), rise, missing)
        rise = np.maximum(h, 0) + np.maximum(part, 0)
    out_gradient[:], out_curvature[:] = _weighted(w, g), _weighted(w, np.maximum(rise, h))
    return SUSPECT


def objective(loss, y, z, w, out_gradient):
    w = _weights(w, y)
    out_gradient[:] = _weighted(w, loss.grad_hess(y, z)[0])
    return float(_weighted(w, loss.value(y, z)).sum())


def constant_sums(loss, y, z, w):
    w = _weights(w, y)
    z = np.full_like(y, z)
    total = _weighted(w, loss.value(y, z)).sum()
    return float(total), float(_weighted(w, loss.grad_hess(y, z)[0]).sum())


def response(loss, z, out):
    out[:] = loss.response(z)


# -------------------------------------------------------------------- what `newton` does


def _smoothed(loss, y, z, h):
    left, right = loss.value(y, z - h), loss.value(y, z + h)
    low, high = loss.grad_hess(y, z - h)[0], loss.grad_hess(y, z + h)[0]
    rise = high - low
    bent = rise > 0
    slope = np.where(bent, np.clip((right - left) / (2 * h), low, high), low)
    t = (left - right + h * (low + high)) / np.where(bent, rise, 1)
    over = loss.value(y, z) - (left + low * (t + h))
    curvature = np.where(bent, rise / (2 * h), 0)
    return slope, curvature, low, np.where(bent, high, low), t * bent, over * bent


def _dual_loss(w, over, slope, t):
    return float((w * np.maximum(over + slope * t, 0)).sum())


def terms(loss, y, z, w, h, out_gradient, out_curvature):
    if h is None:
        g, c = loss.grad_hess(y, z)
        lost = 0.0
    else:
        g, c, _, _, t, over = _smoothed(loss, y, z, h)
        lost = _dual_loss(w, over, g, t)
    out_gradient[:], out_curvature[:] = w * g, w * np.maximum(c, 0)
    return float((w * loss.value(y, z)).sum()), lost


def slope_along(loss, y, z, step, t, w, h):
    there = z + t * step
    g = loss.grad_hess(y, there)[0] if h is None else _smoothed(loss, y, there, h)[0]
    return float((w * g * step).sum())


def window_drift(loss, y, z, w, h, out):
    slope, _, low, high, _, _ = _smoothed(loss, y, z, h)
    out[:] = w * (0.5 * (low + high) - slope) / h


def shortfall(loss, y, z, w, h, step, out_change, out_curvature):
    slope, c, low, high, t, over = _smoothed(loss, y, z, h)
    foreseen = slope + c * step
    bounded = np.clip(foreseen, low, high)
    out_change[:] = w * (bounded - slope)
    out_curvature[:] = np.where(bounded == foreseen, w * c, 0)
    return _dual_loss(w, over, bounded, t)
