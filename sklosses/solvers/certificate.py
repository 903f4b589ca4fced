"""How far at most an objective with kinks is above its minimum: a bound by duality.

A slope a row is a point of the dual problem if each lies between two gradients of the loss and all
balance: the product with the design is minus a slope of the penalty. Within the gradients at both
ends of the window lie the slopes of the smoothed loss; the step to the minimum of its model makes
them balance. Where both hold, primal and dual value bound what is left, whatever the model is worth
farther away: rows that leave the window soon promise more curvature than they keep.
"""

from __future__ import annotations

import numpy as np

ROUNDS = 10
REST = 0.1  # part of the precision that the balance may lack


def duality_gap(objective, point, window, step, ridge, precision):
    """Return a bound on the distance of an `Objective` at a point from its minimum.

    Parameters
    ----------
    objective : Objective
        Last computed at `point`.
    point : Point
    window : float
    step : ndarray
        To the minimum of the model.
    ridge : float
        As `DenseModel.step` takes it.
    precision : float
        The distance that matters.

    Returns
    -------
    float
        Infinite if no slopes were found that balance.
    """
    whole = objective.curvature
    rows = np.flatnonzero(whole)
    few = 0 < 2 * rows.size < whole.size
    part, rows = (objective.sample(rows), rows) if few else (objective, np.arange(whole.size))
    raw, change, curvature = point.raw[rows], np.empty(rows.size), np.empty(rows.size)
    kept = None
    try:
        for _ in range(ROUNDS):
            product = part.design.product(step)

            def work(some, block, product=product):
                lost = part.kernels.shortfall(
                    part.bound, part.y[some], raw[some], part.w[some], window, product(block),
                    change[some], curvature[some],
                )  # fmt: skip
                return np.append(part.design.back(block, change[some]), lost)

            total = part.design.sweep(work) / objective.total_weight
            slope = point.slope + part.design.slope(total[:-1]) + objective.l2 * step
            if kept is None or not np.array_equal(kept, curvature):
                kept = curvature.copy()
                objective.curvature = np.zeros_like(whole)
                objective.curvature[rows] = kept
                model = objective.model(point)
            more, rest = model.step(point.theta + step, slope, ridge)
            inner = np.clip(-slope, -objective.l1, objective.l1)
            if model.exact:  # rows of steep curvature hide
                rest = max(rest, _imbalance(objective, point.theta, slope + inner))
            if rest <= REST * precision:
                l1 = float(objective.l1 @ np.abs(point.theta) - inner @ point.theta)
                return total[-1] + l1 + 0.5 * float(objective.l2 @ step**2) + rest
            step = step + more
    finally:
        objective.curvature = whole
    return np.inf


def _imbalance(objective, theta, slope):
    """Return what a slope may promise elsewhere: the minimum is taken to be as far as 0 is."""
    far = np.abs(theta[: objective.design.n_columns]).max()
    square = np.divide(slope**2, 2.0 * objective.l2, out=np.full_like(slope, np.inf),
                       where=objective.l2 > 0)  # fmt: skip
    return float(np.minimum(np.abs(slope) * far, square).sum())
