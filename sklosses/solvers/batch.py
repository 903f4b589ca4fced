"""Full-batch fits of linear models: SciPy's L-BFGS over the loss kernels.

The problem is solved in coordinates in which its Hessian is about the identity: columns are
centred and divided by their scale *implicitly* (X is never copied or densified), the penalty is
part of that scale, and the objective is measured in units of the loss of the best constant. So
columns of any scale, and targets of any scale, take the same number of iterations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

ROWS = 4096  # rows centred at a time for the column scales
SMALL = 10**6  # entries of X below which one thread is faster
MEMORY = 20  # pairs that L-BFGS keeps; more help ill-conditioned problems, and cost little


@dataclass
class Fit:
    """What a batch solver found."""

    coef: np.ndarray
    intercept: float
    n_iter: int
    objective: float
    converged: bool
    message: str


class LinearObjective:
    """``sum(w * loss(y, X @ coef + intercept)) / sum(w) + penalty`` and its derivatives.

    Parameters
    ----------
    loss : Loss
        A pointwise loss.
    X : ndarray or CSR of shape (n_samples, n_features)
        Float32 or float64; any memory order.
    y, sample_weight : ndarray of shape (n_samples,)
        Of the dtype of `X`.
    l1, l2 : float
        Strengths of the penalties.
    fit_intercept : bool
        Whether there is an intercept; it is not penalised.
    start : float
        Raw prediction at which the curvature of the loss is measured.
    """

    def __init__(self, loss, X, y, sample_weight, *, l1, l2, fit_intercept, start):
        self.X, self.y, self.w = X, y, sample_weight
        self.l1, self.l2, self.fit_intercept = l1, l2, fit_intercept
        self.backend, self.loss = loss._backend(y.dtype)
        self.total_weight = float(sample_weight.sum(dtype=np.float64))
        self.gradient = np.empty_like(y)
        self.mean, spread = column_moments(X, sample_weight, centre=fit_intercept)

        raw = np.full_like(y, start)
        value = self.backend.objective(self.loss, y, raw, self.w, self.gradient)
        self.unit = max(value / self.total_weight, np.finfo(np.float64).tiny)
        curvature = np.mean(loss.gradient_hessian(y, raw, sample_weight, psd=True)[1])
        self.curvature = float(curvature) * y.size / self.total_weight
        stiffness = self.curvature * spread**2 + l2
        flat = (spread == 0) | (stiffness == 0)  # a constant column: the intercept has its effect
        self.scale = np.sqrt(self.unit / np.where(flat, 1.0, stiffness))
        self.scale[flat] = 0.0
        self.intercept_scale = np.sqrt(self.unit / self.curvature)

    def to_coordinates(self, coef, intercept):
        """Return the point of the solver's coordinates for coefficients and intercept."""
        inverse = np.divide(1.0, self.scale, out=np.zeros_like(self.scale), where=self.scale > 0)
        theta = coef * inverse
        if self.fit_intercept:
            centre = intercept + self.mean @ coef
            theta = np.append(theta, centre / self.intercept_scale)
        return theta

    def from_coordinates(self, theta):
        """Return ``(coef, intercept)`` for a point of the solver's coordinates."""
        coef = self.scale * theta[: self.scale.size]
        if not self.fit_intercept:
            return coef, 0.0
        return coef, float(theta[-1] * self.intercept_scale - self.mean @ coef)

    def _raw(self, coef, intercept):
        raw = self.X @ coef.astype(self.y.dtype, copy=False)
        raw += self.y.dtype.type(intercept)
        return raw

    def smooth_part(self, theta):
        """Return the objective without its l1 term, and the gradient, in solver coordinates."""
        coef, intercept = self.from_coordinates(theta)
        raw = self._raw(coef, intercept)
        value = self.backend.objective(self.loss, self.y, raw, self.w, self.gradient)
        slope = self.X.T @ self.gradient
        total = self.gradient.sum(dtype=np.float64)
        slope = (slope - self.mean * total) / self.total_weight + self.l2 * coef
        value = value / self.total_weight + 0.5 * self.l2 * float(coef @ coef)
        gradient = slope * self.scale
        if self.fit_intercept:
            gradient = np.append(gradient, total / self.total_weight * self.intercept_scale)
        return value / self.unit, gradient / self.unit


def column_moments(X, w, *, centre):
    """Return the weighted mean of each column (0 without `centre`) and its spread about it."""
    total = w.sum(dtype=np.float64)
    n, d = X.shape
    mean = np.asarray(X.T @ w, dtype=np.float64) / total if centre else np.zeros(d)
    if sparse.issparse(X):
        square = np.asarray(X.multiply(X).T @ w, dtype=np.float64) / total
        variance = np.maximum(square - mean**2, 0.0)
        variance[variance <= square * 1e-14 * n] = 0.0
        return mean, np.sqrt(variance)
    variance = np.zeros(d)
    for start in range(0, n, ROWS):
        rows = slice(start, start + ROWS)
        block = X[rows] - mean
        variance += w[rows].astype(np.float64) @ np.square(block, out=block)
    variance /= total
    rounding = np.finfo(X.dtype).eps * np.abs(mean)
    variance[np.sqrt(variance) <= 4 * rounding] = 0.0
    return mean, np.sqrt(variance)


def lbfgs(problem, coef, intercept, *, tol, max_iter, monitor=None):
    """Minimise a `LinearObjective` from `coef` and `intercept`.

    Parameters
    ----------
    problem : LinearObjective
        What to minimise.
    coef, intercept : ndarray of shape (n_features,), float
        Where to start.
    tol : float
        Relative optimality gap to reach.
    max_iter : int
        Iterations at most.
    monitor : callable or None
        Called as ``monitor(coef, intercept, objective)`` after each iteration; true stops.

    Returns
    -------
    Fit
        ``converged`` is False if `max_iter` came first.
    """
    l1 = problem.l1 * problem.scale / problem.unit if problem.l1 else None
    theta = problem.to_coordinates(coef, intercept)
    d = problem.scale.size

    def split(point):
        """Return theta from its positive and negative parts; the l1 norm is linear in them."""
        return point if l1 is None else np.append(point[:d] - point[d : 2 * d], point[2 * d :])

    def value_gradient(point):
        value, gradient = problem.smooth_part(split(point))
        if l1 is None:
            return value, gradient
        value += float(l1 @ (point[:d] + point[d : 2 * d]))
        parts = (gradient[:d] + l1, l1 - gradient[:d], gradient[d:])
        return value, np.concatenate(parts)

    def after_iteration(intermediate_result):
        now = problem.from_coordinates(split(intermediate_result.x))
        if monitor(*now, intermediate_result.fun * problem.unit):
            raise StopIteration

    bounds = None
    point = theta
    if l1 is not None:
        point = np.concatenate((np.maximum(theta[:d], 0), np.maximum(-theta[:d], 0), theta[d:]))
        bounds = [(0, None)] * (2 * d) + [(None, None)] * (theta.size - d)
    single = problem.y.dtype == np.float32
    # with a Hessian of about 1 the gap is about half the squared gradient
    gtol = max(1e-4 * np.sqrt(tol), 1e-5 if single else 1e-9)
    options = {
        "maxiter": max_iter, "maxfun": 20 * max_iter, "maxcor": MEMORY, "maxls": 50,
        "gtol": gtol, "ftol": 0.0,
    }  # fmt: skip
    # threads of the BLAS cost a small problem more than they save
    with threadpool_limits(1 if problem.X.size < SMALL else None, user_api="blas"):
        found = minimize(
            value_gradient, point, jac=True, method="L-BFGS-B", bounds=bounds, options=options,
            callback=None if monitor is None else after_iteration,
        )  # fmt: skip
    coef, intercept = problem.from_coordinates(split(found.x))
    ended = found.status != 1 and np.isfinite(found.fun)
    return Fit(coef, intercept, found.nit, found.fun * problem.unit, bool(ended), found.message)
