"""Losses of several raw columns: L-BFGS in coordinates where the Hessian is about the identity.

Their Hessian has a block for each pair of columns, so that a new one at each step would cost more
than it saves. One is made, from some rows, near the optimum: a sample is fitted first, which costs
little. In its coordinates a few steps of L-BFGS correct what the sample did not know.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve_triangular
from scipy.linalg.lapack import dpotrf
from scipy.optimize import minimize

from .batch import MEMORY, Fit
from .design import random_rows
from .objective import TINY

ROWS_A_COEFFICIENT = 10  # of the sample
RIDGE = 1e-8  # part of the mean curvature


def minimise_rows(whole, theta, *, goal, tol, max_iter, monitor=None, near=False):
    """Minimise a `RowwiseObjective` without an l1 penalty; return a `Fit`."""
    n, count = whole.w.size, max(2000, ROWS_A_COEFFICIENT * theta.size)
    if not near and n > 2 * count:
        some = whole.sample(random_rows(n, count))
        noise = 0.1 * theta.size / count
        theta = _lbfgs(some, theta, None, max(goal, noise), max_iter)[0].theta
    point = whole.start(theta, None)
    root = _root(whole.model(point).hessian)
    point, gap, n_iter, stopped = _lbfgs(whole, theta, root, goal, max_iter, monitor)
    return Fit(
        *whole.coefficients(point.theta), n_iter, point.value, stopped or gap <= tol,
        f"gap {gap:.1e}", gap,
    )  # fmt: skip


def _root(hessian):
    """Return the lower Cholesky factor of a matrix, made definite."""
    ridge = RIDGE * (float(np.trace(hessian)) / len(hessian) or 1.0)
    while True:
        matrix = hessian.copy()
        matrix.flat[:: len(matrix) + 1] += ridge
        root, info = dpotrf(matrix, lower=1, clean=1)
        if info == 0:
            return root
        ridge *= 10.0


def _lbfgs(objective, theta, root, goal, max_iter, monitor=None):
    """Return the last point, its relative gap, the number of steps, and whether it was stopped.

    With `root`, coordinates are ``root.T @ (theta - start)``; half the squared gradient is then
    about what is left to descend.
    """
    start, seen, steps = theta, {}, 0
    stopped = False

    def value_gradient(u):
        there = start + (u if root is None else solve_triangular(root, u, trans="T", lower=True))
        point = objective.start(there, None)
        slope = point.slope if root is None else solve_triangular(root, point.slope, lower=True)
        seen.update({"u": u.copy(), "point": point, "slope": slope})
        return point.value, slope

    def gap_of(slope, point):
        return 0.5 * float(slope @ slope) / max(abs(point.value), TINY)

    def after_step(intermediate_result):
        nonlocal steps, stopped
        steps += 1
        if not np.array_equal(seen["u"], intermediate_result.x):
            value_gradient(intermediate_result.x)
        point = seen["point"]
        if monitor is not None and monitor(*objective.coefficients(point.theta), point.value):
            stopped = True
        if stopped or gap_of(seen["slope"], point) <= goal:
            raise StopIteration

    options = {"maxiter": max_iter, "maxfun": 20 * max_iter, "maxcor": MEMORY, "maxls": 50,
               "gtol": 0.0, "ftol": 0.0}  # fmt: skip
    found = minimize(
        value_gradient, np.zeros(theta.size), jac=True, method="L-BFGS-B", options=options,
        callback=after_step,
    )  # fmt: skip
    if not np.array_equal(seen["u"], found.x):
        value_gradient(found.x)
    return seen["point"], gap_of(seen["slope"], seen["point"]), steps, stopped
