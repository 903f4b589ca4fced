"""What a batch of embeddings is compared by: distances, products or cosines, of BLAS.

Each class gives, for a block of rows, their relation to all rows, and takes derivatives back.
"""

from __future__ import annotations

import numpy as np

from .._kernels import batches as batch_kernels

NEAR = {8: 1e-4, 4: 1e-2}  # squared distance over squared norms, by bytes of a number


class Product:
    """Inner products.

    Parameters
    ----------
    z : ndarray of shape (n_rows, n_components)
    """

    def __init__(self, z):
        self.z = z

    def rows(self, block, out):
        """Fill `out` with the relation of a block of rows, a slice, to all rows."""
        np.matmul(self.z[block], self.z.T, out=out)

    def add(self, block, s, w, gradient):
        """Add the gradient that follows from derivatives `w` in `s`; both may be overwritten."""
        gradient[block] += w @ self.z
        gradient += w.T @ self.z[block]

    def finish(self, gradient):
        """Complete the gradient, in place."""


class Cosine(Product):
    """Cosines; that of a zero row is 0."""

    def __init__(self, z):
        norms = np.sqrt(np.einsum("ij,ij->i", z, z))[:, None]
        self.inverse = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
        super().__init__(z * self.inverse)

    def finish(self, gradient):
        """Keep what turns a row; divide by its norm."""
        gradient -= np.einsum("ij,ij->i", gradient, self.z)[:, None] * self.z
        gradient *= self.inverse


class Distance(Product):
    """Euclidean distances."""

    def __init__(self, z):
        self.original = z
        self.near = NEAR[z.itemsize]
        super().__init__(z - z.mean(axis=0))
        self.norms = np.einsum("ij,ij->i", self.z, self.z)

    def rows(self, block, out):
        """Fill `out` with the distances of a block of rows to all rows."""
        super().rows(block, out)
        batch_kernels.to_distances(self.original, self.norms, block.start, self.near, out)

    def add(self, block, s, w, gradient):
        """Add the gradient that follows from derivatives `w` in the distances `s`."""
        rows, columns = np.empty(w.shape[0], w.dtype), np.zeros(w.shape[1], w.dtype)
        batch_kernels.by_distance(
            self.original, self.norms, block.start, self.near, s, w, gradient, rows, columns
        )
        columns[block] += rows
        gradient += columns[:, None] * self.z
        gradient[block] -= w @ self.z
        gradient -= w.T @ self.z[block]


GEOMETRIES = {"product": Product, "cosine": Cosine, "distance": Distance}
