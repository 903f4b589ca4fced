"""Objectives of linear models as Newton's method sees them: values, slopes, quadratic models.

Coefficients are those of a `Design`, as one flat array theta. One pass over X does it all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .curvature import DENSE, DenseModel, ImplicitModel
from .design import random_rows

ROWS = 20_000  # that the curvature is taken from, at least this and ROWS_A_COLUMN a column
ROWS_A_COLUMN = 50
ROWS_OF_SEVERAL = 10  # the same a coefficient, of losses of several columns: each row tells much
FLAT = 1e-6  # part of the curvature
DIFFERENCE = 1e-5  # step of raw predictions, for the curvature of losses of several columns
TINY, EPS = np.finfo(np.float64).tiny, np.finfo(np.float64).eps


@dataclass
class Point:
    """Where the objective was computed, and what it was; sums are divided by the total weight."""

    theta: np.ndarray
    raw: np.ndarray
    value: float  # of the loss as it is, penalty included
    lost: float  # what smoothing may cost
    slope: np.ndarray  # of the smoothed loss and the l2 penalty


class Objective:
    """``sum(w * loss(y, X @ coef + intercept)) / sum(w) + penalty``.

    Parameters
    ----------
    loss : Loss
        A convex loss.
    design : Design
    y, weight : ndarray of shape (n_samples, …)
        Targets as the loss takes them, weights.
    l1, l2 : float
        Strengths of the penalties.
    shape : tuple
        Of a raw prediction: (), or (k,) of losses of several columns.
    """

    def __init__(self, loss, design, y, weight, *, l1, l2, shape=()):
        self.loss, self.design, self.shape = loss, design, shape
        self.smooth, self.quadratic = loss.is_smooth, loss.hessian == "constant"
        scale = np.append(design.scale, 0.0) if design.fit_intercept else design.scale
        scale = np.repeat(scale, shape[0] if shape else 1)  # the intercept is not penalised
        self.l1, self.l2 = l1 * scale, l2 * scale**2
        self._set_rows(y, np.ascontiguousarray(weight, np.float64))

    def _set_rows(self, y, weight):
        self.y, self.w, self.total_weight = y, weight, float(weight.sum())
        self.slopes = self._empty()

    def _empty(self):
        return np.empty((self.w.size, *self.shape))

    def sample(self, rows):
        """Return the objective of some rows."""
        part = object.__new__(type(self))
        part.__dict__.update(self.__dict__)
        part.design = self.design.rows(rows)
        part._set_rows(self.y[rows], self.w[rows])
        return part

    # ------------------------------------------------------------------ for subclasses

    def _terms(self, rows, raw, window):
        """Fill the slopes of some rows; return the sums of the loss and of what smoothing costs."""
        raise NotImplementedError

    def _slope_along(self, raw, step, t, window):
        """Return the derivative in `t` of the sum of the losses at ``raw + t * step``."""
        raise NotImplementedError

    def level(self, point):
        """Return the mean curvature in a raw prediction."""
        raise NotImplementedError

    def model(self, point):
        """Return the quadratic model at a point, the last that was computed."""
        raise NotImplementedError

    def rounding(self, point, window):
        """Return about what the value changes by when raw predictions are rounded."""
        steep = np.abs(self.slopes)
        return EPS * float(np.vdot(steep, np.abs(point.raw))) / self.total_weight

    def coefficients(self, theta):
        """Return coefficients and intercept, an array or a float."""
        return self.design.coefficients(self._matrix(theta))

    # ------------------------------------------------------------------ points

    def start(self, theta, window):
        """Return the point of `theta`."""
        product, raw = self.design.product(self._matrix(theta)), self._empty()

        def work(rows, block):
            raw[rows] = product(block)
            return self._back(rows, block, raw, window)

        return self._point(theta, raw, self.design.sweep(work))

    def move(self, point, step, raw_step, window):
        """Return the point a step away; fill `raw_step` with what the step adds to predictions."""
        product, raw = self.design.product(self._matrix(step)), self._empty()

        def work(rows, block):
            raw_step[rows] = change = product(block)
            np.add(point.raw[rows], change, out=raw[rows])
            return self._back(rows, block, raw, window)

        return self._point(point.theta + step, raw, self.design.sweep(work))

    def at(self, theta, raw, window):
        """Return the point of `theta`, whose predictions are known."""
        total = self.design.sweep(lambda rows, block: self._back(rows, block, raw, window))
        return self._point(theta, raw, total)

    def _matrix(self, theta):
        return theta.reshape(-1, *self.shape)

    def _back(self, rows, block, raw, window):
        sums = self._terms(rows, raw, window)
        return np.concatenate((self.design.back(block, self.slopes[rows]).ravel(), sums))

    def _point(self, theta, raw, total):
        value, lost = total[-2:]
        slope = self.design.slope(self._matrix(total[:-2])).ravel() / self.total_weight
        value = value / self.total_weight + self.penalty(theta)
        return Point(theta, raw, value, lost / self.total_weight, slope + self.l2 * theta)

    # ------------------------------------------------------------------ along a step

    def penalty(self, theta):
        """Return the penalties of `theta`."""
        square = (self.l2 * theta) @ theta  # in this order no overflow meets a 0
        return float(self.l1 @ np.abs(theta) + 0.5 * square)

    def slope_along(self, point, step, raw_step, window):
        """Return the function that gives the derivative of the objective along a step."""
        linear, square = float(self.l2 * step @ point.theta), float(self.l2 * step @ step)

        def slope(t):
            total = self._slope_along(point.raw, raw_step, t, window) / self.total_weight
            return total + linear + t * square + self.l1_slope(point.theta, step, t)

        return slope

    def l1_slope(self, theta, step, t):
        """Return the derivative of the l1 penalty along a step, inwards where it has a kink."""
        if not self.l1.any():
            return 0.0
        there = theta + t * step
        at_kink = np.abs(step) if t == 0.0 else -np.abs(step)
        return float(self.l1 @ np.where(there == 0, at_kink, np.sign(there) * step))


class PointwiseObjective(Objective):
    """Of a pointwise loss, smoothed over a window where it has kinks."""

    ridge = 1e-10  # part of the mean curvature that always is added

    def _set_rows(self, y, weight):
        super()._set_rows(np.ascontiguousarray(y, np.float64), weight)
        self.kernels, self.bound = self.loss.newton_kernels()
        self.curvature = self._empty()

    def _terms(self, rows, raw, window):
        return self.kernels.terms(
            self.bound, self.y[rows], raw[rows], self.w[rows], window,
            self.slopes[rows], self.curvature[rows],
        )  # fmt: skip

    def _slope_along(self, raw, step, t, window):
        return self.kernels.slope_along(self.bound, self.y, raw, step, t, self.w, window)

    def rounding(self, point, window):
        """Return about what the value changes by when raw predictions are rounded."""
        window = window or 0.0
        steep = np.abs(self.slopes) + self.curvature * window
        return EPS * float(steep @ np.maximum(np.abs(point.raw), window)) / self.total_weight

    def drift(self, point, window):
        """Return the derivative of the slope in the window."""
        rows = np.flatnonzero(self.curvature)
        change = np.empty(rows.size)
        self.kernels.window_drift(
            self.bound, self.y[rows], point.raw[rows], self.w[rows], window, change
        )
        total = self.design.back(self.design.X[rows], change)
        return self.design.slope(total) / self.total_weight

    def level(self, point):
        """Return the mean curvature."""
        return float(self.curvature.sum()) / self.total_weight

    def model(self, point):
        """Return the quadratic model: of the rows in the window, or of some."""
        curvature, design = self.curvature, self.design
        most = max(ROWS, ROWS_A_COLUMN * design.size)
        rows = None if self.smooth else np.flatnonzero(curvature)  # few, in a narrow window
        count = curvature.size if rows is None else rows.size
        scale = 1.0 / self.total_weight
        if count > 2 * most and not self.quadratic:  # of which one exact model is enough
            some = random_rows(count, most)
            rows = some if rows is None else rows[some]
            scale *= curvature.sum() / max(curvature[rows].sum(), TINY)
        elif rows is None:
            rows = np.arange(count)
        curvature = curvature[rows] * scale
        # slopes in single precision do not balance anyway
        exact = count == rows.size and design.X.dtype == np.float64
        if design.size > DENSE:
            return ImplicitModel(design.rows(rows), curvature, self.l2, exact=exact)
        return DenseModel(design.gram(rows, curvature), self.l1, self.l2, exact=exact)


class RowwiseObjective(Objective):
    """Of a smooth loss of several raw columns."""

    ridge = 1e-10

    def _terms(self, rows, raw, window):
        value = self.loss.objective(self.y[rows], raw[rows], self.w[rows], self.slopes[rows])
        return value, 0.0

    def _slope_along(self, raw, step, t, window):
        slopes = self._empty()
        self.loss.objective(self.y, raw + t * step, self.w, slopes)
        return float(np.vdot(slopes, step))

    def level(self, point):
        """Return the mean curvature of a column."""
        rows = random_rows(self.w.size, min(self.w.size, 1000))
        blocks = self._curvatures(rows, point.raw[rows])
        trace = np.trace(blocks, axis1=1, axis2=2).sum()
        return float(trace) / (self.shape[0] * self.w[rows].sum())

    def model(self, point):
        """Return the quadratic model, as some rows tell."""
        size, k = self.design.size, self.shape[0]
        most = max(2000, ROWS_OF_SEVERAL * size * k)
        n = self.w.size
        rows = np.arange(n) if n <= 2 * most else random_rows(n, most)
        blocks = self._curvatures(rows, point.raw[rows]) / self.w[rows].sum()
        hessian = np.empty((size, k, size, k))
        for a in range(k):
            for b in range(a, k):
                hessian[:, a, :, b] = self.design.gram(rows, blocks[:, a, b])
                hessian[:, b, :, a] = hessian[:, a, :, b]
        if np.abs(blocks.sum(axis=2)).max() <= FLAT * np.abs(blocks).max():
            self._hold(hessian)
        return DenseModel(hessian.reshape(size * k, size * k), self.l1, self.l2)

    def _hold(self, hessian):
        """Add curvature where all columns move alike, of losses that see only their differences.

        Rounding errors must not move what neither loss nor penalty holds.
        """
        size, k = self.design.size, self.shape[0]
        level = np.trace(hessian.reshape(size * k, -1)) / (size * k)
        free = np.flatnonzero(self.l2.reshape(size, k)[:, 0] == 0)
        for i in free:
            hessian[i, :, i, :] += level / k

    def _curvatures(self, rows, raw):
        """Return the weighted k × k second derivatives of some rows, by differences of slopes."""
        y, w = self.y[rows], self.w[rows]
        ends = np.empty_like(raw), np.empty_like(raw)
        blocks = np.empty((*raw.shape, raw.shape[1]))
        for j in range(raw.shape[1]):
            for end, sign in zip(ends, (1.0, -1.0), strict=True):
                there = raw.copy()
                there[:, j] += sign * DIFFERENCE
                self.loss.objective(y, there, w, end)
            blocks[:, :, j] = (ends[0] - ends[1]) / (2 * DIFFERENCE)
        return (blocks + blocks.transpose(0, 2, 1)) / 2
