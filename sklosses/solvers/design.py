"""`Design`: the data of a linear model, columns standardised implicitly, read block by block.

X is never copied: dense of any memory order, float32 or float64, or CSR. A pass over the rows does
all there is to do with a block while it is in cache, and large data are shared among a few threads.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import lru_cache
from itertools import pairwise

import numpy as np
from scipy import sparse
from threadpoolctl import ThreadpoolController

from .._arrays import threads
from .moments import column_moments

BLOCK = 2**17  # entries read at a time: a megabyte
LARGE = 5 * 10**5  # entries a thread, from which threads pay
SAMPLE = 4000  # rows that tell the scales of the columns, which need not be exact


class Design:
    """A matrix ``[(X - mean) * scale, 1]`` and the products with it that a solver needs.

    Coefficients in these coordinates are called theta; the last is the intercept, if there is one.

    Parameters
    ----------
    X : ndarray or CSR of shape (n_samples, n_features)
    weight : ndarray of shape (n_samples,)
    fit_intercept : bool
    moments : tuple of ndarray, default=None
        Mean and spread of the columns, if known.
    """

    def __init__(self, X, weight, *, fit_intercept, moments=None):
        self.X, self.fit_intercept = X, fit_intercept
        self.n_columns = X.shape[1]
        self.size = self.n_columns + bool(fit_intercept)
        self.mean, self.spread = moments or _sampled_moments(X, weight, centre=fit_intercept)
        self.scale = np.divide(1.0, self.spread, out=np.zeros_like(self.spread),
                               where=self.spread > 0)  # fmt: skip
        self.blocks = list(_blocks(X))
        self._workers = 1

    def rows(self, index):
        """Return the design of some rows, in the same coordinates."""
        moments = self.mean, self.spread
        return Design(self.X[index], None, fit_intercept=self.fit_intercept, moments=moments)

    @contextmanager
    def threads(self):
        """Share the passes inside the ``with`` among threads, each with a BLAS of one thread."""
        entries = self.X.nnz if sparse.issparse(self.X) else self.X.size
        self._workers = threads.workers(entries, LARGE)
        try:
            with _controller().limit(limits=1, user_api="blas"):
                yield
        finally:
            self._workers = 1

    def sweep(self, work):
        """Return the sum of the arrays that ``work(rows, block)`` returns for each block."""

        def some(blocks):
            with np.errstate(over="ignore", invalid="ignore"):  # in this thread
                return sum(work(rows, block) for rows, block in blocks)

        k = min(self._workers, len(self.blocks))
        bounds = [len(self.blocks) * i // k for i in range(k + 1)]
        return threads.total(some, [self.blocks[a:b] for a, b in pairwise(bounds)])

    # ------------------------------------------------------------------ coordinates

    def coefficients(self, theta):
        """Return coefficients and intercept of the columns as they are."""
        coef = along(self.scale, theta) * theta[: self.n_columns]
        if self.fit_intercept:
            return coef, theta[-1] - self.mean @ coef
        return coef, np.zeros(theta.shape[1:])[()]

    def coordinates(self, coef, intercept):
        """Return theta for coefficients and intercept."""
        theta = np.asarray(coef, np.float64) * along(self.spread, coef)
        centre = intercept + self.mean @ coef
        return np.concatenate((theta, [centre])) if self.fit_intercept else theta

    # ------------------------------------------------------------------ products

    def product(self, theta):
        """Return the function that maps a block to its product with theta."""
        coef, intercept = self.coefficients(theta)
        coef = coef.astype(self.X.dtype, copy=False)
        return lambda block: block @ coef + intercept

    def back(self, block, a):
        """Return what the rows of a block add to ``[X, 1].T @ a``; see `slope`."""
        total = np.empty((self.n_columns + 1, *a.shape[1:]))
        total[:-1], total[-1] = block.T @ a.astype(block.dtype, copy=False), a.sum(axis=0)
        return total

    def slope(self, total):
        """Return the product of the transposed design with `a`, for the sum of `back`."""
        slope = total[:-1] - along(self.mean, total) * total[-1]
        slope *= along(self.scale, total)
        return np.concatenate((slope, total[-1:])) if self.fit_intercept else slope

    def gram(self, rows, curvature):
        """Return the design of some rows, squared: ``A[rows].T @ diag(curvature) @ A[rows]``."""
        result = np.zeros((self.size, self.size))
        count = max(256, BLOCK // max(self.n_columns, 1))
        # of few rows, which may be singular, in double precision: it costs little
        dtype = self.X.dtype if curvature.size > 20 * self.size else np.float64
        curvature = curvature.astype(dtype)
        mean, scale = self.mean.astype(dtype), self.scale.astype(dtype)
        for start in range(0, curvature.size, count):
            some = slice(start, start + count)
            block = self.X[rows[some]]
            if sparse.issparse(block):
                block = block.toarray()
            factor = np.empty((block.shape[0], self.size), dtype)
            inner = factor[:, : self.n_columns]
            np.subtract(block, mean, out=inner)
            inner *= scale
            if self.fit_intercept:
                factor[:, -1] = 1.0
            result += factor.T @ (factor * curvature[some, None])
        return result


def along(array, like):
    """Return what belongs to columns of X so that it multiplies an array of coefficients."""
    return array if np.ndim(like) == 1 else array[:, None]


def _blocks(X):
    """Yield slices of rows and views of them."""
    n, d = X.shape
    if sparse.issparse(X):
        count = max(1, int(n * BLOCK * 4 // max(X.nnz, 1)))
    else:
        count = max(256, BLOCK // max(d, 1))
    for start in range(0, n, count):
        rows = slice(start, min(start + count, n))
        if not sparse.issparse(X):
            yield rows, X[rows]
            continue
        first, last = X.indptr[rows.start], X.indptr[rows.stop]
        pointers = X.indptr[rows.start : rows.stop + 1] - first
        parts = (X.data[first:last], X.indices[first:last], pointers)
        yield rows, sparse.csr_matrix(parts, shape=(rows.stop - rows.start, d), copy=False)


def _sampled_moments(X, weight, *, centre):
    """Return the mean and the spread of the columns as some rows tell; none stays 0 by chance."""
    n = X.shape[0]
    if n <= 2 * SAMPLE:
        return column_moments(X, weight, centre=centre)
    some = random_rows(n, SAMPLE)
    mean, spread = column_moments(X[some], weight[some], centre=centre)
    flat = np.flatnonzero(spread == 0)
    if flat.size:
        mean[flat], spread[flat] = column_moments(X[:, flat], weight, centre=centre)
    return mean, spread


def random_rows(n, count):
    """Return `count` of `n` rows, in order, one of each stretch; always the same."""
    jitter = np.random.default_rng(0).random(count)
    return ((np.arange(count) + jitter) * (n / count)).astype(np.intp)


@lru_cache(maxsize=1)
def _controller():
    return ThreadpoolController()  # looking for the libraries takes longer than a small fit
