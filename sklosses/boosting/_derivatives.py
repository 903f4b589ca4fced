"""Gradient and Hessian for boosters: of any kind of loss, into the arrays that a booster takes."""

from __future__ import annotations

from functools import singledispatch
from math import frexp, isfinite, sqrt

import numpy as np
from sklearn.utils import assert_all_finite

from .. import _boost_kernels
from .._inputs import (
    DOUBLE,
    RAW_NAMES,
    SINGLE,
    as_floats,
    as_weights,
    check_same_shape,
    limits_of,
)
from .._loss import TermLoss
from .._outputs import new_array
from .._params import REAL
from .._pointwise import PointwiseLoss
from .._rowwise import RowwiseLoss

WINDOW = 0.6  # of the typical distance to a kink
FLOOR = 0.2  # times a typical slope over the window
TYPICAL = 0.4  # times the mean slope over the window: about the mean curvature
SMALLEST = 2.0**-4  # mean curvature that thresholds of boosters are made for
MANY = 2**16  # rows that a survey reads, at least, of more
BLOCK = 2**13  # rows at a time, of losses of rows


class Targets:
    """The targets of the last call: boosters pass one array again and again, checked once."""

    def __init__(self):
        self.array = self.form = None

    def are(self, array):
        """Tell whether they are, and make them, these."""
        same = array is self.array
        self.array = array
        return same

    def prepared(self, array, prepare):
        """Return ``prepare(array)``, from the last call if that was of the same array."""
        if not self.are(array) or self.form is None:
            self.form = None
            self.form = prepare(array)
        return self.form

    def __reduce__(self):
        return Targets, ()  # what it remembers is no part of what holds it


@singledispatch
def derivatives(loss, y, raw, weight, groups, dtype, known):
    """Return gradient and PSD Hessian of the weighted loss.

    Parameters
    ----------
    loss : Loss
    y, raw, weight : ndarray
        As a booster passes them: float32 or float64, rows of several columns in any order.
    groups : Groups, ndarray or None
    dtype : dtype
        Of the results.
    known : Targets
        What it was called with last.

    Returns
    -------
    tuple of ndarray
        Of the shape of `raw`, and its order.
    """
    raise TypeError(f"{type(loss).__name__} cannot drive a booster.")


@derivatives.register
def _(loss: TermLoss, y, raw, weight, groups, dtype, known):
    pair = loss.gradient_hessian(y, raw, weight, qid=groups, psd=True)
    return tuple(array.astype(dtype, copy=False) for array in pair)


# ------------------------------------------------------------------------------ pointwise losses


@derivatives.register
def _(loss: PointwiseLoss, y, raw, weight, groups, dtype, known):
    own = loss._for_columns(raw, y)
    if own is not loss:
        return derivatives(own, y, raw, weight, groups, dtype, known)
    loss._validate_params()
    seen = known.are(y)
    y, z, w = _flat(y, raw, weight)
    g, c = new_array(z.shape, dtype), new_array(z.shape, dtype)
    limits = None if seen else limits_of(loss.target, REAL, y.dtype)
    backend, bound = loss._backend(z.dtype)
    benders = _boost_kernels if loss.jit else backend
    bend = _bend_of(loss, benders, bound, y, z, w)
    if bend is None:
        suspect = backend.fill(bound, y, z, w, limits, None, g, None, c)
    else:
        given = None if weight is None else w
        suspect = benders.fill_bent(bound, y, z, given, limits, *bend, g, c)
    if suspect != 0:
        known.are(None)
        loss._check(y, z, w, RAW_NAMES, REAL)
    return g.reshape(raw.shape), c.reshape(raw.shape)


def _flat(y, raw, weight):
    """Return contiguous arrays of one length, each in its own precision."""
    z, y = as_floats(raw, RAW_NAMES[1]), as_floats(y, RAW_NAMES[0])
    if y.shape != z.shape or y.ndim != 1:
        check_same_shape(y, z, RAW_NAMES)
    w = as_weights(weight, z.shape, SINGLE if _is_single(weight) else z.dtype)
    y = np.ascontiguousarray(y, SINGLE if _is_single(y) else z.dtype)
    return y.reshape(-1), np.ascontiguousarray(z).reshape(-1), w


def _is_single(array):
    return getattr(array, "dtype", None) == SINGLE


def _bend_of(loss, kernels, bound, y, z, w):
    """Return window, floor, scale, whether there are kinks; None if the loss tells it itself."""
    if loss.hessian == "constant" or loss._has_curvature():
        return None
    every = max(1, y.size // MANY)
    own = True if loss.task == "regression" and not loss._has_response() else None
    total, lost, steep, square, flat, bent = kernels.survey(bound, y, z, w, every, own)
    kinked = None if loss.smooth else True
    if not (flat > 0 or kinked) or not (0 < lost and isfinite(lost) and isfinite(steep)):
        return None
    window = WINDOW * lost / steep
    floor = FLOOR * sqrt(square / total) / window
    scale = _scale(max(bent / total, TYPICAL * steep / total / window))
    number = z.dtype.type
    return number(window), number(floor), number(scale), kinked


def _scale(mean):
    """Return what brings a small mean curvature up to 1 or less: a power of 2, which is exact.

    In large units, curvatures are too small for `min_child_weight` and its like.
    """
    return 2.0 ** -frexp(mean)[1] if mean < SMALLEST else 1.0


# ------------------------------------------------------------------------------- losses of rows


@derivatives.register
def _(loss: RowwiseLoss, y, raw, weight, groups, dtype, known):
    loss._validate_params()
    z = as_floats(raw, RAW_NAMES[1])
    loss._check_columns(z, RAW_NAMES[1])
    k, dtype_of_z = z.shape[1], z.dtype
    y = known.prepared(y, lambda y: loss._checked_targets(as_floats(y, "y_true"), k, dtype_of_z))
    w = loss._checked_weights(weight, z.shape[0], z.dtype)
    g, c = np.empty_like(z, dtype), np.empty_like(z, dtype)  # in the order of z
    bend = _bend_of_rows(loss, y, z, w)
    suspect = 0
    for rows in _blocks(z.shape[0]):
        part, own = np.ascontiguousarray(z[rows]), w[rows] if w.size == z.shape[0] else w
        slopes, curvatures = np.empty_like(part), np.empty_like(part)
        args = y[rows], part, own
        if bend is None:
            suspect += loss._fill_rows(*args, None, slopes, None, curvatures)
        else:
            suspect += _fill_bent_rows(loss, *args, bend, slopes, curvatures)
        g[rows], c[rows] = slopes, curvatures
    if suspect:
        assert_all_finite(z, input_name=RAW_NAMES[1])
    return g, c


def _blocks(n):
    return (slice(start, start + BLOCK) for start in range(0, n, BLOCK))


def _bend_of_rows(loss, y, z, w):
    """Return windows and floors of the columns, and a scale; None if the loss tells all itself."""
    if loss.smooth or loss._has_curvature():
        return None
    rows = slice(None, None, max(1, z.shape[0] // MANY))
    y, part = np.ascontiguousarray(y[rows]), np.ascontiguousarray(z[rows])
    n, k = part.shape
    w = w[rows].astype(DOUBLE) if w.size == z.shape[0] else np.ones(n)
    values, slopes, bends = np.empty(n, z.dtype), np.empty_like(part), np.empty_like(part)
    loss._fill_rows(y, part, as_weights(None, (n,), z.dtype), values, slopes, bends, None)
    total, lost, steep = w.sum(), w @ values / k, w @ np.abs(slopes)
    if not (0 < lost < np.inf and 0 < steep.max() < np.inf):
        return None
    window = WINDOW * lost / np.maximum(steep, 1e-6 * steep.max())
    floor = FLOOR * np.sqrt(w @ slopes**2 / total) / window
    mean = np.maximum(w @ np.maximum(bends, 0), TYPICAL * steep / window) / total
    return window, np.maximum(floor, 1e-6 * floor.max()), _scale(mean.max())


def _fill_bent_rows(loss, y, z, w, bend, out_gradient, out_curvature):
    """As `_boost_kernels.fill_bent`, a column at a time."""
    window, floor, scale = bend
    suspect = loss._fill_rows(y, z, w, None, out_gradient, out_curvature, None)
    weight = (w if w.size == z.shape[0] else np.ones(z.shape[0], z.dtype))[:, None]
    there, low, high = z.copy(), np.empty_like(z), np.empty_like(z)
    np.maximum(out_curvature, 0, out=out_curvature)
    for j in range(z.shape[1]):
        there[:, j] = z[:, j] - window[j]
        loss._fill_rows(y, there, w, None, low, None, None)
        there[:, j] = z[:, j] + window[j]
        loss._fill_rows(y, there, w, None, high, None, None)
        there[:, j] = z[:, j]
        rise = (high[:, j] - low[:, j]) / (2 * window[j])
        least = np.where(out_gradient[:, j] != 0, floor[j], 0.01 * floor[j]) * weight[:, 0]
        np.maximum(out_curvature[:, j], np.maximum(rise, least), out=out_curvature[:, j])
    out_gradient *= scale
    out_curvature *= scale
    return suspect
