"""Quadratic models of an objective at a point, and the steps that minimise them."""

from __future__ import annotations

import numpy as np
from scipy.linalg.lapack import dposv
from scipy.sparse.linalg import LinearOperator, cg

from .._numba import kernel

DENSE = 2000  # columns up to which the Hessian is a matrix
SWEEPS = 200  # over the coordinates
EXCHANGES = 10  # of coordinates that are 0, at most, a column


class DenseModel:
    """The Hessian as a matrix.

    Parameters
    ----------
    hessian : ndarray of shape (size, size)
        Of the loss; changed in place.
    l1, l2 : ndarray of shape (size,)
        The penalties.
    exact : bool
        Whether all rows are in it, in double precision, not only some that stand for all.
    """

    def __init__(self, hessian, l1, l2, *, exact=True):
        self.hessian, self.l1, self.exact = hessian, l1, exact
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
            step = -solved(self.hessian, slope)
            found = step, -0.5 * float(slope @ step)
        self._add(-ridge)
        return found

    def _proximal_step(self, theta, slope):
        step = np.zeros_like(theta)
        if descend(self.hessian, slope, theta, self.l1, step, SWEEPS) == SWEEPS:
            step = exchange(self.hessian, slope, theta, self.l1, step)
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
    exact : bool
        As above.
    """

    def __init__(self, part, curvature, l2, *, exact=True):
        self.part, self.curvature, self.l2, self.exact = part, curvature, l2, exact

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


def exchange(hessian, slope, theta, l1, step):
    """Return the step that `descend` approaches too slowly where little is curved.

    Coordinates keep their signs on the way to the minimum given the signs, until one gets to 0; at
    the minimum, the coordinate at 0 that most wants to leave does [1]_.

    References
    ----------
    .. [1] H. Lee, A. Battle, R. Raina and A. Y. Ng, "Efficient sparse coding algorithms",
       NIPS 19, 2006.
    """
    step = step.copy()
    sign, free = np.sign(theta + step), (theta + step != 0) | (l1 == 0)
    for _ in range(EXCHANGES * theta.size):
        inner, here, cut = hessian[np.ix_(free, free)], (theta + step)[free], l1[free]
        gradient = (slope + hessian @ step)[free]
        change = -solved(inner, gradient + cut * sign[free])
        crossing = (cut > 0) & (sign[free] * (here + change) < 0)
        shares = np.append(-here[crossing] / change[crossing], 1.0)
        square = 0.5 * float(change @ inner @ change)
        ends = (np.abs(here + np.outer(shares, change)) - np.abs(here)) @ cut
        best = int(np.argmin(shares * float(change @ gradient) + shares**2 * square + ends))
        step[free] += shares[best] * change
        if best < shares.size - 1:
            out = np.flatnonzero(free)[np.flatnonzero(crossing)[best]]
            step[out] = -theta[out]
        sign, free = np.sign(theta + step), (theta + step != 0) | (l1 == 0)
        if best < shares.size - 1:
            continue
        gradient = slope + hessian @ step
        wish = np.where(free, 0.0, np.abs(gradient) - l1)
        first = int(np.argmax(wish))
        if wish[first] <= 1e-9 * l1[first]:
            break
        free[first], sign[first] = True, -np.sign(gradient[first])
    return step


def solved(matrix, right):
    """Return the solution of a definite system; rounding may have left the matrix not so."""
    ridge = 0.0
    while right.size:
        _, solution, info = dposv(matrix, right)
        if info == 0:
            return solution
        ridge = 10.0 * ridge or 1e-14 * (float(np.trace(matrix)) / len(matrix) or 1.0)
        matrix = matrix.copy()
        matrix.flat[:: len(matrix) + 1] += ridge
    return right


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
            cut = l1[j] / bend
            aim = here - gradient[j] / bend
            change = -gradient[j] / bend - (cut if here > 0.0 else -cut)
            if cut == 0.0:
                change = -gradient[j] / bend
            elif here * (here + change) <= 0.0:
                change = max(aim - cut, 0.0) + min(aim + cut, 0.0) - here
            if change != 0.0:
                step[j] += change
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
