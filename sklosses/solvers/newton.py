"""Newton's method for linear models with any convex pointwise loss, to a certified optimum.

Smooth losses take Newton steps. Losses with kinks are smoothed over a window that narrows as the
fit goes on: each narrowing is foreseen to first order, so that it takes a step or two. The end is
certified: what smoothing may cost is bounded by duality, what is left to descend by Newton's model.

Much data are approached through samples of them, whose optimum lies within the noise of the whole.
The curvature is taken from no more rows than it needs. So a fit of many rows takes few passes.

References
----------
.. [1] K. Madsen and H. B. Nielsen, "A finite smoothing algorithm for linear l1 estimation",
   SIAM J. Optim. 3, 1993, doi:10.1137/0803010.
.. [2] J. D. Lee, Y. Sun and M. A. Saunders, "Proximal Newton-type methods for minimizing composite
   functions", SIAM J. Optim. 24, 2014, doi:10.1137/130921428.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .batch import Fit
from .certificate import duality_gap
from .curvature import curvature_model
from .design import Design, random_rows

FIRST_ROWS = 4000  # rows of the first sample, at least this and ROWS_A_COLUMN a column
ROWS_A_COLUMN = 30
GROWTH = 8  # from a sample to the next
NARROWING = 0.2  # of the window, while nothing tells how fast the cost of smoothing falls
LEAST_NARROWING = 1e-3
SETTLED = 0.1  # of the cost of smoothing: a window needs no more precision
SEARCHES = 40  # in a line
SMOOTH_PRECISION = 1e-4  # of tol: the last step of a smooth loss costs little and gains much
KINKED_PRECISION = 0.05
FLOOR = 1e-6  # of the loss of the start: less is as good as 0
RIDGE, KINKED_RIDGE = 1e-10, 1e-3  # parts of the first mean curvature
SHORT = 0.1  # part of a step, from which on the model is too bold
STUCK = 4  # short steps in a window, after which it widens again
PATIENCE = 60  # steps without progress
TINY, EPS = np.finfo(np.float64).tiny, np.finfo(np.float64).eps
NOISE = 1e-11  # relative: below, sums over rows tell nothing


@dataclass
class Point:
    """Where the objective was computed, and what it was; sums are divided by the total weight."""

    theta: np.ndarray
    raw: np.ndarray
    value: float  # of the loss as it is, penalty included
    lost: float  # what smoothing may cost
    slope: np.ndarray  # of the smoothed loss and the l2 penalty


class Objective:
    """``sum(w * loss(y, X @ coef + intercept)) / sum(w) + penalty``, smoothed over a window.

    Parameters
    ----------
    loss : Loss
        A convex pointwise loss.
    design : Design
    y, weight : ndarray of shape (n_samples,)
    l1, l2 : float
        Strengths of the penalties.
    """

    def __init__(self, loss, design, y, weight, *, l1, l2):
        self.kernels, self.loss = loss.newton_kernels()
        self.smooth = loss.smooth
        self.design = design
        self.y = np.ascontiguousarray(y, np.float64)
        self.w = np.ascontiguousarray(weight, np.float64)
        self.total_weight = float(self.w.sum())
        scale = np.append(design.scale, 0.0) if design.fit_intercept else design.scale
        self.l1, self.l2 = l1 * scale, l2 * scale**2  # the intercept is not penalised
        self.slopes, self.curvature = np.empty_like(self.y), np.empty_like(self.y)

    def sample(self, rows):
        """Return the objective of some rows."""
        part = Objective.__new__(Objective)
        part.__dict__.update(self.__dict__)
        part.design = self.design.rows(rows)
        part.y, part.w = self.y[rows], self.w[rows]
        part.total_weight = float(part.w.sum())
        part.slopes, part.curvature = np.empty_like(part.y), np.empty_like(part.y)
        return part

    def start(self, theta, window):
        """Return the point of `theta`."""
        product, raw = self.design.product(theta), np.empty_like(self.y)

        def work(rows, block):
            raw[rows] = product(block)
            return self._terms(rows, block, raw, window)

        return self._point(theta, raw, self.design.sweep(work))

    def move(self, point, step, raw_step, window):
        """Return the point a step away; fill `raw_step` with what the step adds to predictions.

        One pass over X does it all.
        """
        product, raw = self.design.product(step), np.empty_like(self.y)

        def work(rows, block):
            raw_step[rows] = change = product(block)
            np.add(point.raw[rows], change, out=raw[rows])
            return self._terms(rows, block, raw, window)

        return self._point(point.theta + step, raw, self.design.sweep(work))

    def at(self, theta, raw, window):
        """Return the point of `theta`, whose predictions are known."""
        total = self.design.sweep(lambda rows, block: self._terms(rows, block, raw, window))
        return self._point(theta, raw, total)

    def _terms(self, rows, block, raw, window):
        slopes = self.slopes[rows]
        sums = self.kernels.terms(
            self.loss, self.y[rows], raw[rows], self.w[rows], window, slopes, self.curvature[rows]
        )
        return np.concatenate((self.design.back(block, slopes), sums))

    def _point(self, theta, raw, total):
        value, lost = total[-2:]
        slope = self.design.slope(total[:-2]) / self.total_weight + self.l2 * theta
        value = value / self.total_weight + self.penalty(theta)
        return Point(theta, raw, value, lost / self.total_weight, slope)

    def penalty(self, theta):
        """Return the penalties of `theta`."""
        square = (self.l2 * theta) @ theta  # in this order no overflow meets a 0
        return float(self.l1 @ np.abs(theta) + 0.5 * square)

    def slope_along(self, point, step, raw_step, window):
        """Return the function that gives the derivative of the objective along a step."""
        linear, square = float(self.l2 * step @ point.theta), float(self.l2 * step @ step)

        def slope(t):
            total = self.kernels.slope_along(
                self.loss, self.y, point.raw, raw_step, t, self.w, window
            )
            return (
                total / self.total_weight
                + linear
                + t * square
                + self.l1_slope(point.theta, step, t)
            )

        return slope

    def l1_slope(self, theta, step, t):
        """Return the derivative of the l1 penalty along a step, inwards where it has a kink."""
        if not self.l1.any():
            return 0.0
        there = theta + t * step
        if t == 0.0:
            return float(self.l1 @ np.where(there == 0, np.abs(step), np.sign(there) * step))
        return float(self.l1 @ np.where(there == 0, -np.abs(step), np.sign(there) * step))

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
            self.loss, self.y[rows], point.raw[rows], self.w[rows], window, change
        )
        total = self.design.back(self.design.X[rows], change)
        return self.design.slope(total) / self.total_weight


def minimise(loss, X, y, weight, start, *, window, l1, l2, fit_intercept, tol, max_iter,
             monitor=None, near=False):  # fmt: skip
    """Minimise a convex loss of a linear model plus penalties.

    Parameters
    ----------
    loss : Loss
        A convex pointwise loss.
    X : ndarray or CSR of shape (n_samples, n_features)
    y, weight : ndarray of shape (n_samples,)
    start : tuple
        Coefficients and intercept.
    window : float or None
        The size of raw predictions, for losses with kinks.
    l1, l2, fit_intercept
        The penalties; whether there is an intercept.
    tol : float
        Relative optimality gap to reach.
    max_iter : int
        Steps at most.
    monitor : callable or None
        Called as ``monitor(coef, intercept, value)`` after each step; true stops.
    near : bool
        Whether the start is near the optimum, so that samples have nothing to tell.

    Returns
    -------
    Fit
        ``gap`` is the bound on the distance from the optimum, relative to the objective.
    """
    design = Design(X, weight, fit_intercept=fit_intercept)
    whole = Objective(loss, design, y, weight, l1=l1, l2=l2)
    descent = Descent(None if loss.smooth else window, tol, max_iter, monitor)
    theta = design.coordinates(*start)
    with design.threads(), np.errstate(over="ignore", invalid="ignore"):  # wild steps are tried
        sizes = [] if near else sample_sizes(*X.shape)
        for size in sizes:
            some = whole.sample(random_rows(y.size, size))
            if some.total_weight > 0:
                theta = descent.approach(some, theta, noise=design.size / size)
        return descent.finish(whole, theta)


def sample_sizes(n, d):
    """Return how many rows the samples have."""
    first, sizes = max(FIRST_ROWS, ROWS_A_COLUMN * d), []
    while n > 2 * first:
        n //= GROWTH
        sizes.append(n)
    return sizes[::-1]


class Descent:
    """Newton steps from sample to sample and from window to window."""

    def __init__(self, window, tol, max_iter, monitor):
        self.window, self.tol = window, tol
        self.goal = tol * (SMOOTH_PRECISION if window is None else KINKED_PRECISION)
        self.left, self.monitor = max_iter, monitor
        self.n_iter = 0
        self.bold = True  # whether windows may narrow fast
        self.typical = None  # distance that raw predictions move, in standard errors
        self.ridge = RIDGE if window is None else KINKED_RIDGE
        self.unit = 0.0  # a fraction of the first value
        self.level = 0.0  # the first mean curvature

    def approach(self, objective, theta, noise):
        """Return about the optimum of a sample, to a fraction of its noise."""
        self.typical = None
        goal, self.goal = self.goal, max(self.goal, 0.1 * noise)
        theta = self._run(objective, theta, certify=False)[0].theta
        self.goal = goal
        if self.window is not None and self.typical is not None:
            # the whole lies that far away
            self.window = max(self.window, 0.3 * self.typical * np.sqrt(noise))
        return theta

    def finish(self, objective, theta):
        """Return the `Fit` of the whole data."""
        point, gap, converged = self._run(
            objective, theta, self.monitor, certify=self.window is not None
        )
        coef, intercept = objective.design.coefficients(point.theta)
        message = f"gap {gap:.1e}"
        return Fit(coef, intercept, self.n_iter, point.value, converged, message, gap)

    def _run(self, objective, theta, monitor=None, *, certify):
        """Return the last point, its relative gap, and whether that is good enough."""
        self.n_iter, before = 0, None  # window and cost of smoothing, when it last was settled
        point = objective.start(theta, self.window)
        rounding = objective.rounding(point, self.window) / max(self.goal, NOISE)
        self.unit = max(self.unit, FLOOR * abs(point.value), rounding)
        self.level = self.level or objective.curvature.sum() / objective.total_weight or 1.0
        ridge, least, best, patience, short = self.ridge, np.inf, np.inf, PATIENCE, 0
        while True:
            model = curvature_model(objective)
            size = max(abs(point.value), self.unit, TINY)
            step, decrease = model.step(point.theta, point.slope, ridge * self.level)
            if (point.lost + decrease) / size <= self.goal and ridge > RIDGE:
                ridge = RIDGE  # it may hide a way down
                step, decrease = model.step(point.theta, point.slope, ridge * self.level)
            left = point.lost + max(decrease, 0.0)
            goal, patience = max(self.goal, NOISE * self.tol), patience - 1
            if left < 0.9 * least or (certify and point.value < best - goal * size):
                best, patience = min(best, point.value), PATIENCE
            least, gap = min(least, left), left / size
            # no step is left, or rounding hides the way
            over = self.n_iter >= self.left or not patience
            if certify and (over or gap <= goal):
                goal *= 2.0  # the bound is at most about that much above the estimate
                precision = goal * size
                gap = self._certified(objective, point, step, ridge, precision) / size
            if gap <= goal or over:
                return point, gap, gap <= max(goal, self.tol)
            self.n_iter += 1
            window, first = self.window, None
            if window is not None and decrease <= SETTLED * point.lost:
                before, short = self._narrow(objective, point, before, size), 0
                drift = objective.drift(point, window) * (self.window - window)
                step, _ = model.step(point.theta, point.slope + drift, ridge * self.level)
            else:
                first = float(point.slope @ step) + objective.l1_slope(point.theta, step, 0.0)
            point, length = advance(objective, point, step, self.window, first)
            if length < SHORT:
                ridge = min(10.0 * ridge, 1.0)
                short += 1
                if first is None:  # not so fast
                    self.window = np.sqrt(window * self.window)
                    point = objective.at(point.theta, point.raw, self.window)
                elif window is not None and short >= STUCK:  # few rows in it, soon left
                    self.window = np.sqrt(window * before[0]) if before else window / NARROWING
                    self.bold, short = False, 0
                    point = objective.at(point.theta, point.raw, self.window)
            elif length == 1.0:
                ridge = max(0.1 * ridge, RIDGE)
            now = objective.design.coefficients(point.theta)
            if monitor is not None and monitor(*now, point.value):
                return point, gap, True

    def _certified(self, objective, point, step, ridge, precision):
        """Return a bound on what is left to descend."""
        ridge *= self.level
        return duality_gap(objective, point, self.window, step, ridge, precision)

    def _narrow(self, objective, point, before, size):
        """Narrow the window, to where smoothing should cost what it may."""
        if self.typical is None:  # the size of slopes over that of curvatures
            steep = np.sqrt(np.square(objective.slopes).mean())
            self.typical = steep / max(objective.curvature.mean(), 1e-300)
        window, lost = self.window, max(point.lost, TINY)
        wanted = 0.5 * self.goal * size / lost
        factor = NARROWING
        if before is not None and lost < before[1]:
            order = np.log(lost / before[1]) / np.log(window / before[0])
            order = min(max(order, 0.5), 2.0)
            # a vertex: what is in the window stays there, and the cost falls as the window does
            least = LEAST_NARROWING if order < 1.3 and self.bold else NARROWING
            factor = min(max(wanted ** (1.0 / order), least), 0.5)
        self.window = window * factor
        return window, lost


def advance(objective, point, step, window, first):
    """Return the point after the step or a part of it, on which the objective falls, and the part.

    `first` is the derivative along the step at the point; None if the window has changed since.
    """
    raw_step = np.empty_like(point.raw)
    there = objective.move(point, step, raw_step, window)
    slope = objective.slope_along(point, step, raw_step, window)
    if first is None:
        first = slope(0.0)
    if not first < 0.0:  # it leads uphill in the new window, if anywhere
        return objective.at(point.theta, point.raw, window), 0.0
    last = float(there.slope @ step) + objective.l1_slope(point.theta, step, 1.0)
    rise = there.value - point.value - (there.lost + point.lost + NOISE * abs(point.value))
    if last <= 0.0 or (last <= -0.5 * first and rise <= 0.0):
        return there, 1.0
    low, high, length = (0.0, first), (1.0, last), 1.0
    for _ in range(SEARCHES):
        share = -low[1] / (high[1] - low[1]) if np.isfinite(high[1]) else 0.1
        length = low[0] + (high[0] - low[0]) * min(max(share, 0.1), 0.9)
        now = slope(length)
        fallen = low[0] * low[1] + max(now, 0.0) * (length - low[0])  # at least, by convexity
        if abs(now) <= -0.3 * first and (now <= 0.0 or fallen < 0.0):
            break
        if now < 0:
            low = length, now
        else:
            high = length, now
    else:
        length = low[0]
    theta = point.theta + length * step
    return objective.at(theta, point.raw + length * raw_step, window), length
