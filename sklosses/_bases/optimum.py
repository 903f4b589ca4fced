"""The constant that minimises a loss: where boosters and stochastic solvers start."""

from __future__ import annotations

from dataclasses import dataclass
from math import expm1, log, log1p

import numpy as np
from scipy.optimize import brentq, minimize_scalar

LOGIT_RANGE = 36.0  # expit(36) is 1 - eps: beyond, raw scores of a probability say nothing new
CANDIDATES = 41
EPS = np.finfo(np.float64).eps
SOME_ROWS = 50_000  # rows that tell where to start
CLASSES = ("binary", "multiclass")  # families whose losses have no unit


def weighted_mean(y, w):
    return float(np.average(y, weights=w))


def weighted_quantile(y, quantile, w):
    """Return the smallest value whose cumulated weight reaches `quantile`; an array for several."""
    weights = None if (w == w[0]).all() else w  # equal weights need no sort
    found = np.quantile(y, quantile, weights=weights, method="inverted_cdf")
    return found if found.ndim else float(found)


def clipped_logit(p):
    """Return the logit of a mean label, finite also where all labels agree."""
    p = min(max(p, EPS), 1.0 - EPS)
    return log(p) - log1p(-p)


def softplus_inverse(x):
    """Return z with ln(1 + e^z) = x, for x > 0."""
    return x + log(-expm1(-x))


def minimise_constant(sums, y, *, convex, free):
    """Minimise ``sums(z)[0]``, whose derivative is ``sums(z)[1]``, over one raw number.

    Parameters
    ----------
    sums : callable
        Returns the summed loss and its derivative at a raw prediction.
    y : ndarray
        Targets, for the scale of the search.
    convex : bool
        Whether a root of the derivative is the minimum; else candidates are tried first.
    free : bool
        Whether raw predictions live on the scale of `y` (identity link).
    """
    if free:
        low, high = float(y.min()), float(y.max())
        candidates = np.unique(np.quantile(y, np.linspace(0, 1, CANDIDATES)))
    else:
        low, high = -LOGIT_RANGE, LOGIT_RANGE
        candidates = np.linspace(low, high, CANDIDATES)
    if convex:
        return _root(lambda z: sums(z)[1], low, high)
    totals = [sums(z)[0] for z in candidates]
    best = int(np.argmin(totals))
    left, right = candidates[max(best - 1, 0)], candidates[min(best + 1, candidates.size - 1)]
    if left == right:
        return float(left)
    found = minimize_scalar(
        lambda z: sums(z)[0], bounds=(left, right), method="bounded", options={"xatol": 1e-10}
    )
    return float(found.x if found.fun <= totals[best] else candidates[best])


def _root(slope, low, high):
    """Return where a non-decreasing, perhaps discontinuous function changes sign."""
    step = max(high - low, abs(low), abs(high), 1.0) * 1e-3
    while slope(low) > 0 and np.isfinite(low - step):
        low, step = low - step, 2 * step
    while slope(high) < 0 and np.isfinite(high + step):
        high, step = high + step, 2 * step
    if slope(low) >= 0:
        return low
    if slope(high) <= 0:
        return high
    # around 0, no relative precision is ever reached: the last bracket is as narrow as needs be
    return float(brentq(slope, low, high, xtol=1e-300, rtol=1e-14, maxiter=500, disp=False))


@dataclass
class Constant:
    """The best constant, or about: raw predictions, their units, the mean loss, and its unit."""

    raw: np.ndarray
    scale: np.ndarray
    loss: float
    unit: float


def best_constant(loss, y, weight, n_raw):
    """Return about the best constant of `n_raw` raw columns; of many rows, some tell."""
    if hasattr(loss, "best_constant"):
        return loss.best_constant(y, weight, n_raw)
    if loss.groupwise:
        raw, scale = loss._starts(y, weight, n_raw)
        predicted = np.tile(raw, (weight.size, 1)).astype(weight.dtype)
        value = loss.objective(y, predicted, weight, np.empty_like(predicted))
        return Constant(raw, scale, value / float(weight.sum(dtype=np.float64)), 1.0)
    rows = slice(None, None, max(1, weight.size // SOME_ROWS))
    if weight[rows].any():
        y, weight = y[rows], weight[rows]
    raw, scale = loss._starts(y, weight, n_raw)
    predicted = np.tile(raw, (weight.size, 1)).astype(weight.dtype)
    predicted = predicted if loss.rowwise else predicted.reshape(y.shape)
    total = weight.sum(dtype=np.float64)
    values = np.abs(loss.values(y, predicted, weight))  # a likelihood may be negative
    mean = float(values.sum(dtype=np.float64) / total)
    unit = 1.0
    if loss.task not in CLASSES:  # the size of the slopes that a network sees
        slopes = loss.gradient(y, predicted).reshape(weight.size, n_raw) * scale
        unit = float(np.sqrt(weight @ np.square(slopes).sum(axis=1) / total)) or 1.0
    return Constant(np.asarray(raw, float), scale, mean, unit)
