"""What `_kernels` does, on whole arrays: for losses with ``jit = False``, which stay NumPy.

Always suspicious, so that the caller checks the input with NumPy too.
"""

from __future__ import annotations

import numpy as np

SUSPECT = 1.0


def _weights(w, y):
    return w if w.size == y.size else np.ones_like(y)


def _weighted(w, array):
    return np.where(w != 0, w * array, 0)


def _curvature(loss, y, z, g, h):
    if type(loss).curvature.__module__ != f"{__package__}._pointwise":  # not the scalar default
        return loss.curvature(y, z)
    return np.maximum(np.where(h > 0, h, np.abs(g)), loss.curvature_floor)


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
