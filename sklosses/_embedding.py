"""What a metric-learning estimator minimises, where it starts, and how it is judged."""

from __future__ import annotations

import numpy as np
from scipy import linalg, sparse

from ._geometry import Cosine, Distance
from ._optimum import Constant

SAMPLE = 1000  # rows that tell where to start, and how good a map is
WIDE = 1000  # columns from which directions are sought among those of `FEW` rows
FEW = 300
START = 20.0  # distance of rows from their centre, in margins
SHRINKAGE = 1e-2  # of the scatter within classes towards that of a sphere
BLOCK = 256  # rows whose distances to others are held at a time


class EmbeddingObjective:
    """An embedding loss of a network's outputs, as solvers take it.

    Parameters
    ----------
    loss : EmbeddingLoss
    normalize : bool
        Whether the loss sees rows of unit length.
    fit_intercept : bool
        Whether the map may shift.
    """

    groupwise, rowwise = True, False
    jit = True
    convex = False
    task = "embedding"

    def __init__(self, loss, *, normalize, fit_intercept):
        self.loss, self.fit_intercept = loss, fit_intercept
        self.normalize = normalize and loss.geometry != "cosine"  # which does so itself
        self.seen = unit_rows if normalize else np.ascontiguousarray
        self.smooth = loss.smooth

    def objective(self, y, raw, w, out_gradient):
        """Return the loss of a batch times its rows; fill the gradient of that."""
        if not self.normalize:
            return self.loss.objective(y.codes, raw, w, out_gradient)
        unit = Cosine(raw)
        value = self.loss.objective(y.codes, unit.z, w, out_gradient)
        unit.finish(out_gradient)
        return value

    def best_constant(self, y, weight, n_raw):
        """Return what outputs are measured in: margins."""
        unit = getattr(self.loss, "margin", 0.0) or 1.0
        return Constant(np.zeros(n_raw), np.full(n_raw, float(unit)), 1.0, 1.0)

    def accuracy(self, y, raw):
        """Return the share of rows whose nearest neighbour is of their class."""
        return nearest_accuracy(self.seen(raw), y)

    def begin(self, network, coordinates, data, rng):
        """Set the last layer, in place: outputs that are equal, as they are elsewhere, are stuck.

        To the directions of most variance, or to those that tell classes apart best (Fisher's), as
        more nearest neighbours are of the same class.
        """
        rows = data.y.drawn(SAMPLE, np.random.default_rng(rng.randint(2**31 - 1)))[0]
        X, y, k = _rows(data.X, rows), data.y.codes[rows], network.sizes[-1]
        X = coordinates.rows(X)
        linear = len(network.coefs) == 1
        H = X if linear else network.forward(X)[-2]
        basis = _basis(H)
        A = H if basis is None else H @ basis
        A = np.asarray(A.toarray() if sparse.issparse(A) else A, np.float64)
        mean = A.mean(axis=0)
        A = A - mean
        # distances in natural coordinates mean something, where columns are alike
        spread = coordinates.spread if linear and basis is None else np.ones(A.shape[1])
        maps = [W[:, :k] for W in (_discriminant(A, y), _principal(A, spread))]
        W = max(maps, key=lambda W: self.accuracy(y, A @ W))
        W = W * (START / (np.sqrt(np.square(A @ W).sum(axis=1).mean()) or 1.0))
        network.coefs[-1][:, : W.shape[1]] = W if basis is None else basis @ W
        if self.fit_intercept:
            network.intercepts[-1][: W.shape[1]] = -mean @ W


def unit_rows(z):
    """Return rows scaled to a length of 1; zero rows as they are."""
    return Cosine(z).z


def nearest_accuracy(z, y):
    """Return the share of rows whose nearest neighbour, themselves aside, has their label.

    Parameters
    ----------
    z : ndarray of shape (n_rows, n_components)
    y : ndarray of shape (n_rows,)
        Labels.
    """
    space, right, n = Distance(z), 0, y.size
    for start in range(0, n, BLOCK):
        block = slice(start, min(start + BLOCK, n))
        d = np.empty((block.stop - start, n), z.dtype)
        space.rows(block, d)
        d[np.arange(d.shape[0]), np.arange(start, block.stop)] = np.inf
        right += int(np.count_nonzero(y[d.argmin(axis=1)] == y[block]))
    return right / n


def _rows(X, rows):
    return X.draw(rows) if hasattr(X, "draw") else X[rows]


def _basis(H):
    """Return an orthonormal basis of a few rows, if columns are many; else None."""
    if H.shape[1] <= WIDE:
        return None
    gram = H[:FEW] @ H[:FEW].T
    values, vectors = np.linalg.eigh(gram.toarray() if sparse.issparse(gram) else gram)
    there = values > 1e-9 * values[-1]
    return H[:FEW].T @ (vectors[:, there] / np.sqrt(values[there]))


def _principal(A, spread):
    """Return the directions of most variance, of columns times `spread`."""
    natural = A * spread
    vectors = np.linalg.eigh(natural.T @ natural)[1]
    return spread[:, None] * vectors[:, ::-1]


def _discriminant(A, y):
    """Return Fisher's directions: of most variance between classes, in units of that within."""
    _, codes, sizes = np.unique(y, return_inverse=True, return_counts=True)
    members = sparse.csr_array((np.ones(y.size), (codes, np.arange(y.size))))
    between = (members @ A / sizes[:, None])[codes]
    within = A - between
    scatter = within.T @ within
    floor = SHRINKAGE * np.trace(scatter) / scatter.shape[0]
    scatter += (floor or 1.0) * np.eye(scatter.shape[0])
    return linalg.eigh(between.T @ between, scatter)[1][:, ::-1]
