"""Quadratic models of an objective at a point, and the steps that minimise them."""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse.linalg import LinearOperator, cg

from .._numba import kernel
from .design import random_rows

DENSE = 2000  # columns up to which the Hessian is a matrix
ROWS = 20_000  # that the curvature is taken from, at least this and ROWS_A_COLUMN a column
ROWS_A_COLUMN = 50
SWEEPS = 200  # over the coordinates
EXCHANGES = 10  # of coordinates that are 0, at most, a column


def curvature_model(objective):
    """Return the quadratic model of an `Objective` where it was last computed."""
    curvature, design = objective.curvature, objective.design
    most = max(ROWS, ROWS_A_COLUMN * design.size)
    rows = None if objective.smooth else np.flatnonzero(curvature)
    count = curvature.size if rows is None else rows.size
    scale = 1.0 / objective.total_weight
    if count > 2 * most:
        some = random_rows(count, most)
        rows = some if rows is None else rows[some]
        scale *= curvature.sum() / max(curvature[rows].sum(), np.finfo(float).tiny)
    elif rows is None:
        rows = np.arange(count)
    kind = DenseModel if design.size <= DENSE else ImplicitModel
    model = kind(objective, rows, curvature[rows] * scale, objective.l2)
    # slopes in single precision do not balance anyway
    model.exact = count == rows.size and design.X.dtype == np.float64
    return model


class DenseModel:
    """The Hessian as a matrix."""

    exact = True  # all rows are in it, in double precision

    def __init__(self, objective, rows, curvature, diagonal):
        self.l1 = objective.l1
        self.hessian = objective.design.gram(rows, curvature)
        self._add(diagonal)

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
        if descend(self.hessian, slope, theta, self.l1, step, SWEEPS) == SWEEPS:
            step = exchange(self.hessian, slope, theta, self.l1, step)
        change = self.l1 @ (np.abs(theta + step) - np.abs(theta))
        return step, -float(slope @ step + 0.5 * step @ self.hessian @ step + change)


class ImplicitModel:
    """The Hessian as products with it, for many columns; without an l1 penalty."""

    exact = True

    def __init__(self, objective, rows, curvature, diagonal):
        self.part = objective.design.rows(rows)
        self.curvature, self.diagonal = curvature, diagonal

    def product(self, vector):
        """Return the Hessian times a vector."""
        vector = np.ravel(vector)
        coef, centre = self.part.coefficients(vector)
        raw = self.part.X @ coef + centre
        total = self.part.back(self.part.X, self.curvature * raw)
        return self.part.slope(total) + self.diagonal * vector

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
        change = -cho_solve(factor(inner), gradient + cut * sign[free], check_finite=False)
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
