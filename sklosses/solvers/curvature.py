"""Quadratic models of an objective at a point, and the steps that minimise them."""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse.linalg import LinearOperator, cg

from .._numba import kernel

DENSE = 2000  # columns up to which the Hessian is a matrix
SWEEPS = 1000  # over the coordinates


class DenseModel:
    """The Hessian as a matrix.

    Parameters
    ----------
    hessian : ndarray of shape (size, size)
        Of the loss; changed in place.
    l1, l2 : ndarray of shape (size,)
        The penalties.
    """

    def __init__(self, hessian, l1, l2):
        self.hessian, self.l1 = hessian, l1
        self._add(l2)

    def _add(self, diagonal):
        self.hessian.flat[:: len(self.hessian) + 1] += diagonal

    def step(self, theta, slope, ridge):
        """Return the step to the minimum of the model, and how far that is down.

        Parameters
        ----------
        theta, slope : ndarray of shape (size,)
            Where the model was made, and the slope there.
        ridge : float
            Added to the diagonal: it keeps steps in check along which nothing is curved.
        """
        self._add(ridge)
        if self.l1.any():
            found = self._proximal_step(theta, slope)
        else:
            step = -cho_solve(factor(self.hessian), slope, check_finite=False)
            found = step, -0.5 * float(slope @ step)
        self._add(-ridge)
        return found

    def _proximal_step(self, theta, slope):
        step = np.zeros_like(theta)
        descend(self.hessian, slope, theta, self.l1, step, SWEEPS)
        change = self.l1 @ (np.abs(theta + step) - np.abs(theta))
        return step, -float(slope @ step + 0.5 * step @ self.hessian @ step + change)


class ImplicitModel:
    """The Hessian as products with it, for many columns; without an l1 penalty.

    Parameters
    ----------
    part : Design
        Of the rows with a curvature.
    curvature : ndarray of shape (n_rows,)
    l2 : ndarray of shape (size,)
    """

    def __init__(self, part, curvature, l2):
        self.part, self.curvature, self.l2 = part, curvature, l2

    def product(self, vector):
        """Return the Hessian times a vector."""
        vector = np.ravel(vector)
        coef, centre = self.part.coefficients(vector)
        raw = self.part.X @ coef + centre
        total = self.part.back(self.part.X, self.curvature * raw)
        return self.part.slope(total) + self.l2 * vector

    def step(self, theta, slope, ridge):
        """Return the step to the minimum of the model, about, and how far that is down."""
        size = slope.size

        def product(vector):
            return self.product(vector) + ridge * np.ravel(vector)

        operator = LinearOperator((size, size), matvec=product, dtype=np.float64)
        step, _ = cg(operator, -slope, rtol=1e-3, maxiter=200)
        return step, -0.5 * float(slope @ step)


def factor(matrix):
    """Return the Cholesky factor of a matrix, made definite if rounding left it not so."""
    ridge = 0.0
    while True:
        try:
            return cho_factor(matrix, check_finite=False)
        except np.linalg.LinAlgError:
            ridge = 10.0 * ridge or 1e-14 * (float(np.trace(matrix)) / len(matrix) or 1.0)
            matrix = matrix.copy()
            matrix[np.diag_indices_from(matrix)] += ridge


@kernel
def descend(hessian, slope, theta, l1, step, sweeps):
    """Minimise ``slope @ step + step @ hessian @ step / 2 + l1 @ |theta + step|`` by coordinates.

    Coordinates at 0 that want to stay there are visited but now and then.
    """
    gradient = slope.copy()
    everything, rounds = True, 0
    for _ in range(sweeps):
        largest = 0.0
        for j in range(step.size):
            here = theta[j] + step[j]
            if not everything and here == 0.0:
                continue
            bend = hessian[j, j]
            if bend <= 0.0:
                continue
            aim = here - gradient[j] / bend
            cut = l1[j] / bend
            there = max(aim - cut, 0.0) + min(aim + cut, 0.0)
            change = there - here
            if change != 0.0:
                step[j] = there - theta[j]
                for i in range(step.size):
                    gradient[i] += hessian[j, i] * change
                largest = max(largest, change * change * bend)
        rounds += 1
        if rounds == 1:
            first = largest
        if largest <= 1e-20 * first:
            if everything:
                break
            everything = True
        else:
            everything = False
    return rounds
