"""Gradient and Hessian for boosters: of any kind of loss, into the arrays that a booster takes.

Boosters pass the same targets again and again, in precisions and layouts of their own; some ask for
few rows at a time. What can be prepared is prepared once; rows go through compiled code as they
are, without copies.
"""

from __future__ import annotations

from functools import singledispatch
from math import frexp, isfinite, sqrt

import numpy as np
from sklearn.utils import assert_all_finite, check_consistent_length

from .._arrays import threads
from .._arrays.inputs import (
    DOUBLE,
    RAW_NAMES,
    SINGLE,
    as_floats,
    as_weights,
    check_same_shape,
    limits_of,
)
from .._bases.loss import TermLoss
from .._bases.params import REAL
from .._bases.pointwise import PointwiseLoss
from .._bases.rowwise import RowwiseLoss
from .._kernels import boosting as boost_kernels

WINDOW = 0.6  # of the typical distance to a kink
FLOOR = 0.15  # times a typical slope over the window
FAR = 0.35  # the same where all slopes have one sign
TYPICAL = 0.4  # times the mean slope over the window: about the mean curvature
SMALLEST = 2.0**-4  # mean curvature that thresholds of boosters are made for
MANY = 2**16  # rows that a survey reads, at least, of more
BLOCK = 2**13  # rows at a time, of losses of rows
ROWS = 2**16  # a thread: to hand it fewer takes longer than it saves


@singledispatch
def engine_of(loss):
    """Return what computes the derivatives of a loss, of its kind.

    Its method ``fill(y, raw, weight, groups, g, c)`` writes gradient and PSD Hessian, weighted,
    into arrays of the shape of `raw`.
    """
    raise TypeError(f"{type(loss).__name__} cannot drive a booster.")


@engine_of.register(TermLoss)
class _OfGroups:
    """Of a loss of groups, or of any other kind."""

    def __init__(self, loss):
        self.loss = loss

    def fill(self, y, raw, weight, groups, g, c):
        self.loss.gradient_hessian(y, raw, weight, qid=groups, psd=True, out=(g, c))
        if self.loss.shared_slope:
            _bring_up(g, c, np.ravel(c.mean(dtype=DOUBLE)))


@engine_of.register(PointwiseLoss)
class _OfTerms:
    """Of a pointwise loss."""

    def __init__(self, loss):
        self.loss, self.target = loss, loss.target
        # a link that saturates makes lines far away only: there Newton's steps are the right ones
        links = loss.smooth and loss._has_response()
        self.told = loss.hessian == "constant" or loss._has_curvature() or links
        self.flat = loss.hessian == "surrogate" or not loss.smooth
        self.kinked = None if loss.smooth else True
        self.own = True if loss.task == "regression" and not loss._has_response() else None
        self.known, self.bound = None, {}
        self.surveyed = ()

    def survey(self, y, raw, weight):
        """Let all rows tell how the loss bends, for later calls with some of them."""
        z = as_floats(raw, RAW_NAMES[1])
        _, benders, bound = self._kernels(z.dtype)
        self.surveyed = (self._bend(benders, bound, *_flat(y, z, weight)),)

    def fill(self, y, raw, weight, groups, g, c):
        z, array = as_floats(raw, RAW_NAMES[1]), y
        backend, benders, bound = self._kernels(z.dtype)
        y, z, w = _flat(y, z, weight)
        limits = None if array is self.known else limits_of(self.target, REAL, y.dtype)
        outs = [_row(array) for array in (g, c)]
        if self.told:
            bend = None
        else:
            (bend,) = self.surveyed or (self._bend(benders, bound, y, z, w),)

        def work(rows):
            args, slope, curvature = (bound, y[rows], z[rows]), outs[0][rows], outs[1][rows]
            own = w if weight is None else w[rows]
            if bend is None:
                return backend.fill(*args, own, limits, None, slope, None, curvature)
            own = None if weight is None else own
            return benders.fill_bent(*args, own, limits, *bend, slope, curvature)

        if threads.total(work, _parts(self.loss, y.size)) != 0:
            self.loss._check(y, z, w, RAW_NAMES, REAL)
        self.known = array
        if not g.flags.c_contiguous:  # several outputs, each a column
            g[...], c[...] = (out.reshape(g.shape) for out in outs)

    def _kernels(self, dtype):
        if dtype not in self.bound:
            backend, bound = self.loss._backend(dtype)
            self.bound[dtype] = backend, boost_kernels if self.loss.jit else backend, bound
        return self.bound[dtype]

    def _bend(self, kernels, bound, y, z, w):
        """Return window, floor, scale, whether there are kinks; None if the loss bends itself."""
        every = max(1, y.size // MANY)
        if not (self.flat or kernels.has_lines(bound, y, z, w, every)):
            return None
        sums = kernels.survey(bound, y, z, w, every, self.own)
        total, lost, tilt, steep, square, bent = sums
        if not (0 < lost and isfinite(lost) and 0 < steep and isfinite(square)):
            return None
        window = WINDOW * lost / steep
        # with all kinks on one side, steps are not twice the mean distance to them
        floor = max(FLOOR, FAR * (tilt / steep) ** 2) * sqrt(square / total) / window
        scale = _scale(max(bent / total, TYPICAL * steep / total / window))
        number = z.dtype.type
        return number(window), number(floor), None if scale == 1 else number(scale), self.kinked


def _row(array):
    """Return the array flat; if its rows are not together, another of its size."""
    return array.reshape(-1) if array.flags.c_contiguous else np.empty(array.size, array.dtype)


def _flat(y, z, weight):
    """Return contiguous arrays of one length, each in its own precision."""
    y = as_floats(y, RAW_NAMES[0])
    if y.shape != z.shape or y.ndim != 1:
        check_same_shape(y, z, RAW_NAMES)
    w = as_weights(weight, z.shape, SINGLE if _is_single(weight) else z.dtype)
    y = np.ascontiguousarray(y, SINGLE if _is_single(y) else z.dtype)
    return y.reshape(-1), np.ascontiguousarray(z).reshape(-1), w


def _is_single(array):
    return getattr(array, "dtype", None) == SINGLE


def _scale(mean):
    """Return what brings a small mean curvature up to 1 or less: a power of 2, which is exact.

    In large units, curvatures are too small for `min_child_weight` and its like.
    """
    return 2.0 ** -frexp(mean)[1] if mean < SMALLEST else 1.0


def _bring_up(g, c, mean):
    """Scale derivatives, in place, as their mean curvatures ask for: one, or one a column."""
    scale = np.array([_scale(m) if m > 0 else 1.0 for m in mean], c.dtype)
    if (scale != 1).any():
        g *= scale
        c *= scale


@engine_of.register(RowwiseLoss)
class _OfRows:
    """Of a row-wise loss, a block of rows at a time: boosters have them in any order."""

    def __init__(self, loss):
        self.loss = loss
        self.told = loss.smooth or loss._has_curvature()
        self.known = self.y = None

    def fill(self, y, raw, weight, groups, g, c):
        loss, z = self.loss, as_floats(raw, RAW_NAMES[1])
        loss._check_columns(z, RAW_NAMES[1])
        if y is not self.known:
            self.known = None
            self.y = loss._checked_targets(as_floats(y, RAW_NAMES[0]), z.shape[1], z.dtype)
            self.known = y
        check_consistent_length(self.y, z)
        y, w = self.y, loss._checked_weights(weight, z.shape[0], z.dtype)
        bend = None if self.told else self._bend(y, z, w)

        def work(some):
            suspect = 0
            for rows in _blocks(some):
                part, own = np.ascontiguousarray(z[rows]), w if weight is None else w[rows]
                slopes, curvatures = np.empty_like(part), np.empty_like(part)
                args = y[rows], part, own
                if bend is None:
                    suspect += loss._fill_rows(*args, None, slopes, None, curvatures)
                else:
                    suspect += self._fill_bent(*args, bend, slopes, curvatures)
                g[rows], c[rows] = slopes, curvatures
            return suspect

        if threads.total(work, _parts(loss, z.shape[0])) != 0:
            assert_all_finite(z, input_name=RAW_NAMES[1])
        if self.told and loss.task != "multiclass":  # columns are in units of the target
            _bring_up(g, c, c.mean(axis=0, dtype=DOUBLE) / w.mean(dtype=DOUBLE))

    def _bend(self, y, z, w):
        """Return windows and floors of the columns, and a scale; None if there is nothing to do."""
        rows = slice(None, None, max(1, z.shape[0] // MANY))
        y, part = np.ascontiguousarray(y[rows]), np.ascontiguousarray(z[rows])
        n, k = part.shape
        w = w[rows].astype(DOUBLE) if w.size == z.shape[0] else np.ones(n)
        values, slopes, bends = np.empty(n, z.dtype), np.empty_like(part), np.empty_like(part)
        ones = as_weights(None, (n,), z.dtype)
        self.loss._fill_rows(y, part, ones, values, slopes, bends, None)
        total, lost, steep = w.sum(), w @ values / k, w @ np.abs(slopes)
        if not (0 < lost < np.inf and 0 < steep.max() < np.inf):
            return None
        window = WINDOW * lost / np.maximum(steep, 1e-6 * steep.max())
        tilt = np.abs(w @ slopes) / np.maximum(steep, 1e-6 * steep.max())
        floor = np.maximum(FLOOR, FAR * tilt**2) * np.sqrt(w @ slopes**2 / total) / window
        mean = np.maximum(w @ np.maximum(bends, 0), TYPICAL * steep / window) / total
        return window, np.maximum(floor, 1e-6 * floor.max()), _scale(mean.max())

    def _fill_bent(self, y, z, w, bend, slopes, curvatures):
        """As `boost_kernels.fill_bent`, a column at a time."""
        window, floor, scale = bend
        suspect = self.loss._fill_rows(y, z, w, None, slopes, curvatures, None)
        weight = w if w.size == z.shape[0] else 1.0
        there, low, high = z.copy(), np.empty_like(z), np.empty_like(z)
        np.maximum(curvatures, 0, out=curvatures)
        for j in range(z.shape[1]):
            there[:, j] = z[:, j] - window[j]
            self.loss._fill_rows(y, there, w, None, low, None, None)
            there[:, j] = z[:, j] + window[j]
            self.loss._fill_rows(y, there, w, None, high, None, None)
            there[:, j] = z[:, j]
            rise = (high[:, j] - low[:, j]) / (2 * window[j])
            least = np.where(slopes[:, j] != 0, floor[j], 0.01 * floor[j]) * weight
            np.maximum(curvatures[:, j], np.maximum(rise, least), out=curvatures[:, j])
        slopes *= scale
        curvatures *= scale
        return suspect


def _parts(loss, n):
    """Return the rows of each thread; what is not compiled may not be made for several."""
    return threads.slices(n, ROWS if loss.jit else n)


def _blocks(rows):
    starts = range(rows.start, rows.stop, BLOCK)
    return (slice(start, min(start + BLOCK, rows.stop)) for start in starts)
