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

from .moments import column_moments

SMALL = 10**6  # entries of X below which one thread is faster
TINY = np.finfo(np.float64).tiny
FLOOR = 1.01e-6  # about the least curvature that losses give as positive
MEMORY = 20  # pairs that L-BFGS keeps; more help ill-conditioned problems, and cost little


@dataclass
class Fit:
    """What a batch solver found."""

    coef: np.ndarray
    intercept: float | np.ndarray
    n_iter: int
    objective: float
    converged: bool
    message: str
    gap: float = np.nan


class LinearObjective:
    """``sum(w * loss(y, X @ coef + intercept)) / sum(w) + penalty`` and its derivatives.

    Parameters
    ----------
    loss : Loss
        A pointwise or row-wise loss.
    X : ndarray or CSR of shape (n_samples, n_features)
        Float32 or float64; any memory order.
    y, sample_weight : ndarray of shape (n_samples,)
        Targets as the loss takes them; weights of the dtype of `X`.
    l1, l2 : float
        Strengths of the penalties.
    fit_intercept : bool
        Whether there is an intercept; it is not penalised.
    start : float or ndarray of shape (n_raw,)
        Raw prediction at which the curvature of the loss is measured; an array for a row-wise loss.
        Coefficients are then of shape (n_features, n_raw).
    unit : float, default=None
        What the loss is measured in; None: its mean at `start`, if it is never negative.
    """

    def __init__(self, loss, X, y, sample_weight, *, l1, l2, fit_intercept, start, unit=None):
        self.X, self.y, self.w = X, y, sample_weight
        self.l1, self.l2, self.fit_intercept = l1, l2, fit_intercept
        self.loss, self.dtype = loss, X.dtype
        self.total_weight = float(sample_weight.sum(dtype=np.float64))
        self.mean, spread = column_moments(X, sample_weight, centre=fit_intercept)
        start = np.asarray(start)
        self.rowwise = start.ndim == 1

        raw = np.empty((X.shape[0], *start.shape), self.dtype)
        raw[...] = start
        self.gradient = np.empty_like(raw)
        if unit is None:
            unit = loss.objective(y, raw, self.w, self.gradient) / self.total_weight
        self.unit = max(unit, TINY)
        curvature = loss.gradient_hessian(y, raw, sample_weight, psd=True)[1]
        self.curvature = curvature.sum(axis=0, dtype=np.float64) / self.total_weight
        if np.min(self.curvature) <= FLOOR:  # targets are huge: the true one is smaller still
            hessian = loss.gradient_hessian(y, raw, sample_weight)[1]
            true = hessian.sum(axis=0, dtype=np.float64) / self.total_weight
            self.curvature = np.where((true > 0) & (true < FLOOR), true, self.curvature)
        spread = self._by_column(spread)
        stiffness = self.curvature * spread**2 + l2
        # a constant column: the intercept has its effect
        flat = np.broadcast_to(spread == 0, stiffness.shape) | (stiffness == 0)
        self.scale = np.sqrt(self.unit / np.where(flat, 1.0, stiffness))
        self.scale[flat] = 0.0
        self.intercept_scale = np.sqrt(self.unit / self.curvature)

    def _by_column(self, array):
        """Return what belongs to columns of `X` so that it multiplies coefficients."""
        return array[:, None] if self.rowwise else array

    def to_coordinates(self, coef, intercept):
        """Return the point of the solver's coordinates for coefficients and intercept."""
        inverse = np.divide(1.0, self.scale, out=np.zeros_like(self.scale), where=self.scale > 0)
        theta = (coef * inverse).ravel()
        if self.fit_intercept:
            centre = intercept + self.mean @ coef
            theta = np.append(theta, centre / self.intercept_scale)
        return theta

    def from_coordinates(self, theta):
        """Return ``(coef, intercept)`` for a point of the solver's coordinates."""
        size = self.scale.size
        coef = self.scale * theta[:size].reshape(self.scale.shape)
        if not self.fit_intercept:
            return coef, np.zeros(self.scale.shape[1]) if self.rowwise else 0.0
        centre = theta[size:] if self.rowwise else theta[-1]
        intercept = centre * self.intercept_scale - self.mean @ coef
        return coef, intercept if self.rowwise else float(intercept)

    def _raw(self, coef, intercept):
        raw = self.X @ coef.astype(self.dtype, copy=False)
        raw += np.asarray(intercept, self.dtype)
        return raw

    def smooth_part(self, theta):
        """Return the objective without its l1 term, and the gradient, in solver coordinates."""
        coef, intercept = self.from_coordinates(theta)
        raw = self._raw(coef, intercept)
        value = self.loss.objective(self.y, raw, self.w, self.gradient)
        slope = self.X.T @ self.gradient
        total = self.gradient.sum(axis=0, dtype=np.float64)
        slope = (slope - self._by_column(self.mean) * total) / self.total_weight + self.l2 * coef
        value = value / self.total_weight + 0.5 * self.l2 * float(np.vdot(coef, coef))
        gradient = (slope * self.scale).ravel()
        if self.fit_intercept:
            gradient = np.append(gradient, total / self.total_weight * self.intercept_scale)
        return value / self.unit, gradient / self.unit


class NetworkObjective:
    """The mean loss of a network on standardised rows, and its gradient, for `lbfgs_network`."""

    def __init__(self, loss, X, y, sample_weight, network, standardiser, *, l2, fit_intercept=True):
        if sparse.issparse(X):
            self.X = X.multiply(standardiser.inverse).tocsr()
        else:
            self.X = (X - standardiser.mean) * standardiser.inverse
        self.loss, self.y, self.w, self.l2 = loss, y, sample_weight, l2 * standardiser.unit
        self.network, self.standardiser = network, standardiser
        self.fit_intercept = fit_intercept
        self.total_weight = float(sample_weight.sum(dtype=np.float64))
        self.unit = standardiser.unit

    def __call__(self, theta):
        """Return the objective, penalty included, and its gradient."""
        network = self.network.copy(theta.astype(self.network.dtype))
        layers = network.forward(self.X)
        scale = self.standardiser.scale.astype(network.dtype)
        raw = layers[-1] * scale + self.standardiser.start.astype(network.dtype)
        delta, gradient = np.empty_like(raw), np.empty_like(network.theta)
        value = self.loss.objective(self.y, raw, self.w, delta)
        delta *= scale / self.total_weight
        network.backward(self.X, layers, delta, gradient)
        value /= self.total_weight
        gradient = gradient.astype(np.float64)
        slopes, biases = network.views(gradient)
        if not self.fit_intercept:
            biases[-1][...] = 0.0
        for depth, coef in enumerate(network.coefs):
            value += 0.5 * self.l2 * float(np.vdot(coef, coef))
            slopes[depth][...] += self.l2 * coef
        return value / self.unit, gradient / self.unit


def lbfgs_network(problem, theta, *, tol, max_iter, monitor):
    """Minimise a `NetworkObjective` from `theta`; return ``(theta, n_iter, value, converged)``."""

    def after_iteration(intermediate_result):
        # SciPy goes on with the same array
        if monitor(intermediate_result.x.copy(), intermediate_result.fun * problem.unit):
            raise StopIteration

    options = {
        "maxiter": max_iter, "maxfun": 20 * max_iter, "maxcor": MEMORY, "maxls": 50,
        "gtol": 1e-2 * tol, "ftol": 1e-3 * tol,
    }  # fmt: skip
    found = minimize(
        problem, theta.astype(np.float64), jac=True, method="L-BFGS-B", options=options,
        callback=after_iteration,
    )  # fmt: skip
    return found.x, found.nit, found.fun * problem.unit, found.status != 1


def lbfgs(problem, coef, intercept, *, tol, max_iter, monitor=None, flat=0.0):
    """Minimise a `LinearObjective` from `coef` and `intercept`.

    Parameters
    ----------
    problem : LinearObjective
        What to minimise.
    coef, intercept : ndarray of shape (n_features,) or (n_features, n_raw), float or ndarray
        Where to start.
    tol : float
        Relative optimality gap to reach.
    max_iter : int
        Iterations at most.
    monitor : callable or None
        Called as ``monitor(coef, intercept, objective)`` after each iteration; true stops.
    flat : float
        Decrease an iteration, relative, that ends it as well: of losses that are not convex
        gradients vanish slowly where predictions are certain.

    Returns
    -------
    Fit
        ``converged`` is False if `max_iter` came first.
    """
    l1 = problem.l1 * problem.scale.ravel() / problem.unit if problem.l1 else None
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
    single = problem.dtype == np.float32
    # with a Hessian of about 1 the gap is about half the squared gradient
    gtol = max(1e-4 * np.sqrt(tol), 1e-5 if single else 1e-9)
    options = {
        "maxiter": max_iter, "maxfun": 20 * max_iter, "maxcor": MEMORY, "maxls": 50,
        "gtol": gtol, "ftol": flat,
    }  # fmt: skip
    # threads of the BLAS cost a small problem more than they save
    with threadpool_limits(1 if problem.X.size < SMALL else None, user_api="blas"):
        found = minimize(
            value_gradient, point, jac=True, method="L-BFGS-B", bounds=bounds, options=options,
            callback=None if monitor is None else after_iteration,
        )  # fmt: skip
    coef, intercept = problem.from_coordinates(split(found.x))
    ended = found.status != 1 and np.isfinite(found.fun)
    # where the Hessian is about 1, half the squared gradient is what is left to descend
    gradient = np.asarray(found.jac)
    if l1 is not None:  # parts at 0 stay there if the gradient keeps them
        gradient[: 2 * d][found.x[: 2 * d] == 0] = 0.0
    gap = 0.5 * float(gradient @ gradient) / max(abs(found.fun), TINY)
    value = found.fun * problem.unit
    return Fit(coef, intercept, found.nit, value, bool(ended), found.message, gap)
