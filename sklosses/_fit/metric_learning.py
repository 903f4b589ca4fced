"""What a metric-learning estimator minimises, where it starts, and how it is judged."""

from __future__ import annotations

import numpy as np
from scipy import linalg, sparse

from .._arrays.geometry import Cosine, Distance
from .._bases.optimum import Constant

SAMPLE = 1000  # rows that tell where to start, and how good a map is
WIDE = 500  # columns from which directions are sought among those of as many rows
NEAR = 5  # neighbours of a row
WORTH = 0.01  # of accuracy that directions found with more from labels have to win
START = 20.0  # distance of rows from their centre, in margins
SHRINKAGE = 1e-2  # of scatters towards that of a sphere
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

    groupwise, rowwise, full_batch = True, False, False

    def __init__(self, loss, *, normalize, fit_intercept):
        self.loss, self.fit_intercept = loss, fit_intercept
        self.normalize = normalize and loss.geometry != "cosine"  # which does so itself
        self.seen = unit_rows if normalize else np.ascontiguousarray

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

        To the directions of most variance, to Fisher's, which tell the means of classes apart, or
        to those of neighbours: whichever brings rows of a class together most often. The more they
        follow the labels, the more it has to be, as some of the rows are the same.
        """
        k, linear = network.sizes[-1], len(network.coefs) == 1
        batches = data.y.drawn(SAMPLE, np.random.default_rng(rng.randint(2**31 - 1)))
        if data.y.shared:  # two views of a row are near each other anyway
            batches = [np.unique(rows) for rows in batches]
        basis, parts = None, []
        for rows in (batches[0], batches[-1]):  # to find directions, and to judge them
            X = coordinates.rows(data.X.draw(rows) if hasattr(data.X, "draw") else data.X[rows])
            H = X if linear else network.forward(X)[-2]
            basis = basis if parts else _basis(H)
            H = H if basis is None else H @ basis
            H = H.toarray() if sparse.issparse(H) else H
            parts.append((np.asarray(H, np.float64), data.y.codes[rows]))
        (A, y), (B, y_test) = parts
        mean = A.mean(axis=0)
        A, B = A - mean, B - mean
        # distances in natural coordinates mean something, where columns are alike
        spread = coordinates.spread if linear and basis is None else np.ones(A.shape[1])
        maps = [W[:, :k] for W in (_principal(A, spread), _fisher(A, y), _local(A, y))]
        scores = [self.accuracy(y_test, B @ W) - i * WORTH for i, W in enumerate(maps)]
        W = maps[int(np.argmax(scores))]
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


def _basis(H):
    """Return an orthonormal basis of a few rows, if columns are many; else None."""
    if H.shape[1] <= WIDE:
        return None
    gram = H[:WIDE] @ H[:WIDE].T
    values, vectors = np.linalg.eigh(gram.toarray() if sparse.issparse(gram) else gram)
    there = values > 1e-9 * values[-1]
    return H[:WIDE].T @ (vectors[:, there] / np.sqrt(values[there]))


def _principal(A, spread):
    """Return the directions of most variance, of columns times `spread`."""
    natural = A * spread
    vectors = np.linalg.eigh(natural.T @ natural)[1]
    return spread[:, None] * vectors[:, ::-1]


def _fisher(A, y):
    """Return Fisher's directions: of most variance between classes, in units of that within."""
    _, codes, sizes = np.unique(y, return_inverse=True, return_counts=True)
    members = sparse.csr_array((np.ones(y.size), (codes, np.arange(y.size))))
    between = (members @ A / sizes[:, None])[codes]
    return _ratio(between, A - between)


def _local(A, y):
    """Return the directions in which near rows of other classes are far, as against the own.

    Nonparametric discriminant analysis: classes may be made of several clusters.

    References
    ----------
    Fukunaga, K. and Mantock, J. M. (1983). Nonparametric discriminant analysis.
    doi:10.1109/TPAMI.1983.4767461
    """
    values, vectors = np.linalg.eigh(A.T @ A)
    floor = SHRINKAGE * values.mean() or 1.0
    d = np.empty((y.size, y.size))
    Distance(A @ (vectors / np.sqrt(values + floor))).rows(slice(0, y.size), d)
    np.fill_diagonal(d, np.inf)

    def steps(among):
        d_among = np.where(among, d, np.inf)
        near = np.argpartition(d_among, min(NEAR, y.size - 1), axis=1)[:, :NEAR]
        i, j = np.nonzero(np.isfinite(np.take_along_axis(d_among, near, axis=1)))
        return A[i] - A[near[i, j]]

    same = y[:, None] == y
    return _ratio(steps(~same), steps(same))


def _ratio(signal, noise):
    """Return the directions of most `signal` in units of `noise`, both rows of deviations."""
    scatter = noise.T @ noise
    floor = SHRINKAGE * np.trace(scatter) / scatter.shape[0]
    scatter += (floor or 1.0) * np.eye(scatter.shape[0])
    return linalg.eigh(signal.T @ signal, scatter)[1][:, ::-1]
