"""Newton's method for linear models with any convex loss, to a certified optimum.

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

import numpy as np

from .batch import Fit
from .certificate import duality_gap
from .design import Design, random_rows
from .objective import TINY, PointwiseObjective, RowwiseObjective
from .whitened import minimise_rows, rows_of_sample

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
KINKED_RIDGE = 1e-3  # part of the first mean curvature
FAST, SLOW = 0.1, 0.5  # parts of the gap that a step leaves, of a model good enough for another:
CLOSE = 1e-3  # far from the optimum, and closer, where a new model would be about the same
SHORT = 0.1  # part of a step, from which on the model is too bold
STUCK = 4  # short steps in a window, after which it widens again
PATIENCE = 60  # steps without progress
NOISE = 1e-11  # relative: below, sums over rows tell nothing


def minimise(loss, X, y, weight, start, *, window, l1, l2, fit_intercept, tol, max_iter,
             monitor=None, near=False):  # fmt: skip
    """Minimise a convex loss of a linear model plus penalties.

    Parameters
    ----------
    loss : Loss
        A convex loss; with kinks only if it is pointwise.
    X : ndarray or CSR of shape (n_samples, n_features)
    y, weight : ndarray of shape (n_samples,)
    start : tuple
        Coefficients and intercept; arrays of a column a raw prediction for row-wise losses.
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
        Whether the start is near the optimum; samples then tell nothing new of a smooth loss.

    Returns
    -------
    Fit
        ``gap`` is the bound on the distance from the optimum, relative to the objective.
    """
    design = Design(X, weight, fit_intercept=fit_intercept)
    kind = RowwiseObjective if np.ndim(start[1]) else PointwiseObjective
    whole = kind(loss, design, y, weight, l1=l1, l2=l2, shape=np.shape(start[1]))
    theta = design.coordinates(*start).ravel()
    descent = Descent(None if loss.is_smooth else window, tol, max_iter, monitor)
    with design.threads(), np.errstate(over="ignore", invalid="ignore"):  # wild steps are tried
        if whole.shape:
            if count := rows_of_sample(y.shape[0], theta.size):
                return minimise_rows(
                    whole, theta, count, goal=descent.goal, tol=tol, max_iter=max_iter,
                    monitor=monitor, near=near,
                )  # fmt: skip
            return descent.finish(whole, theta)
        near = whole.quadratic or (near and loss.is_smooth)
        for size in [] if near else sample_sizes(*X.shape):
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
        self.bold = True  # whether windows may narrow fast
        self.typical = None  # distance that raw predictions move, in standard errors
        self.unit = 0.0  # a fraction of the first value
        self.level = 0.0  # the first mean curvature
        self.model = None

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
        coef, intercept = objective.coefficients(point.theta)
        message = f"gap {gap:.1e}"
        return Fit(coef, intercept, self.n_iter, point.value, converged, message, gap)

    def _run(self, objective, theta, monitor=None, *, certify):
        """Return the last point, its relative gap, and whether that is good enough."""
        self._begin(objective, theta)
        while True:
            size = max(abs(self.point.value), self.unit, TINY)
            step, decrease = self._step(objective, size)
            left = self.point.lost + max(decrease, 0.0)
            self._wait(left, size, certify=certify)
            # no step is left, or rounding hides the way
            over, goal = self.n_iter >= self.left or not self.patience, self._goal()
            gap = left / size
            if certify and (over or gap <= goal):
                goal *= 2.0  # the bound is at most about that much above the estimate
                gap = self._certified(objective, step, goal * size) / size
            if gap <= goal or over:
                return self.point, gap, gap <= max(goal, self.tol)
            self.n_iter += 1
            self._advance(objective, step, decrease, size, gap)
            now = objective.coefficients(self.point.theta)
            if monitor is not None and monitor(*now, self.point.value):
                return self.point, gap, True

    def _begin(self, objective, theta):
        self.n_iter, self.settled = 0, None  # window and cost of smoothing, when last settled
        self.point = objective.start(theta, self.window)
        goal = self._goal()
        rounding = objective.rounding(self.point, self.window) / goal if goal else 0.0
        self.unit = max(self.unit, FLOOR * abs(self.point.value), rounding)
        self.level = self.level or objective.level(self.point) or 1.0
        self.ridge = objective.ridge if self.window is None else KINKED_RIDGE
        self.patience, self.short = PATIENCE, 0
        self.least = self.best = self.gap = np.inf

    def _goal(self):
        return max(self.goal, NOISE * self.tol)

    def _step(self, objective, size):
        """Return the step of the model and how far that is down."""
        point = self.point
        self.model = self.model or objective.model(point)
        found = self.model.step(point.theta, point.slope, self.ridge * self.level)
        if (point.lost + found[1]) / size <= self.goal and self.ridge > objective.ridge:
            self.ridge = objective.ridge  # it may hide a way down
            found = self.model.step(point.theta, point.slope, self.ridge * self.level)
        return found

    def _wait(self, left, size, *, certify):
        """Lose patience, unless there is progress: in what is left, or of a bound in the value."""
        self.patience -= 1
        fallen = certify and self.point.value < self.best - self._goal() * size
        if left < 0.9 * self.least or fallen:
            self.best, self.patience = min(self.best, self.point.value), PATIENCE
        self.least = min(self.least, left)

    def _advance(self, objective, step, decrease, size, gap):
        """Take the step, or one into a narrower window; adapt window and ridge to how it went."""
        point, window, first = self.point, self.window, None
        if window is not None and decrease <= SETTLED * point.lost:
            self._narrow(objective, size)
            drift = objective.drift(point, window) * (self.window - window)
            step, _ = self.model.step(point.theta, point.slope + drift, self.ridge * self.level)
        else:
            first = float(point.slope @ step) + objective.l1_slope(point.theta, step, 0.0)
        self.point, length = advance(objective, point, step, self.window, first)
        fast = gap <= (FAST if gap > CLOSE else SLOW) * self.gap
        if window is not None or length < 1.0 or not fast:
            self.model = None  # else it serves again
        self.gap = gap
        if length == 1.0:
            self.ridge = max(0.1 * self.ridge, objective.ridge)
        elif length < SHORT:
            self.ridge = min(10.0 * self.ridge, 1.0)
            self.short += 1
            self._widen(objective, window, narrowed=first is None)

    def _widen(self, objective, window, *, narrowed):
        """Widen the window if it was narrowed too fast, or if steps in it stay short.

        Few rows are then in it, which soon leave.
        """
        if narrowed:
            self.window = np.sqrt(window * self.window)
        elif window is not None and self.short >= STUCK:
            self.window = np.sqrt(window * self.settled[0]) if self.settled else window / NARROWING
            self.bold, self.short = False, 0
        else:
            return
        self.point = objective.at(self.point.theta, self.point.raw, self.window)

    def _certified(self, objective, step, precision):
        """Return a bound on what is left to descend."""
        ridge = self.ridge * self.level
        return duality_gap(objective, self.point, self.window, step, ridge, precision)

    def _narrow(self, objective, size):
        """Narrow the window, to where smoothing should cost what it may."""
        if self.typical is None:  # the size of slopes over that of curvatures
            steep = np.sqrt(np.square(objective.slopes).mean())
            self.typical = steep / max(objective.curvature.mean(), TINY)
        window, lost = self.window, max(self.point.lost, TINY)
        wanted = 0.5 * self.goal * size / lost
        factor = NARROWING
        if self.settled is not None and lost < self.settled[1]:
            order = np.log(lost / self.settled[1]) / np.log(window / self.settled[0])
            order = min(max(order, 0.5), 2.0)
            # a vertex: what is in the window stays there, and the cost falls as the window does
            least = LEAST_NARROWING if order < 1.3 and self.bold else NARROWING
            factor = min(max(wanted ** (1.0 / order), least), 0.5)
        self.settled, self.short = (window, lost), 0
        self.window = window * factor


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
