"""`BatchLoss`: a row-wise loss computed for many rows at once, by NumPy and the BLAS."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from .._arrays.inputs import as_weights
from .rowwise import DOUBLE, RowwiseLoss

KINDS = "vghc"  # values, gradient, Hessian, its surrogate


class BatchLoss(RowwiseLoss):
    """A loss of rows of numbers whose rows are computed together, not one after the other.

    Subclasses define ``terms(self, y, z, kinds)``, which returns a dict of what `kinds` asks for,
    of all rows and without weights: "v" values of shape (n,), "g" the gradient, "h" the diagonal
    of the Hessian and "c" its positive surrogate, each of the shape of `z`. Nothing is compiled.
    """

    jit: ClassVar[bool] = False
    task: ClassVar[str] = None  # type: ignore[assignment]  # a base is of no family
    block: ClassVar[int] = 2048  # rows computed at once: more would only take memory

    def terms(self, y, z, kinds):
        raise NotImplementedError

    # ------------------------------------------------------------------ one row

    def value(self, y, z):
        return self.terms(y[None], z[None], "v")["v"][0]

    def grad(self, y, z, g):
        g[:] = self.terms(y[None], z[None], "g")["g"][0]

    def hess(self, y, z, h):
        h[:] = self.terms(y[None], z[None], "h")["h"][0]

    # ------------------------------------------------------------------ all rows

    def _fill_rows(self, y, z, w, *outs):
        if not np.isfinite(z).all():
            return 1.0
        asked = {kind: out for kind, out in zip(KINDS, outs, strict=True) if out is not None}
        w = w if w.size == z.shape[0] else None
        for start in range(0, z.shape[0], self.block):
            rows = slice(start, start + self.block)
            with np.errstate(over="ignore", invalid="ignore"):  # as compiled losses
                terms = self.terms(y[rows], z[rows], "".join(asked))
            for kind, out in asked.items():
                out[rows] = terms[kind] if w is None else _weighted(w[rows], terms[kind])
        return 0.0

    def _mean_response(self, y, p, w):
        values = np.empty(p.shape[0], p.dtype)
        self._fill_rows(y, p, w, values, None, None, None)
        return float(values.sum(dtype=DOUBLE)), float(w.sum(dtype=DOUBLE))

    # ------------------------------------------------------------------ constants

    def _first_constant(self, y, w, k):
        return np.average(y, axis=0, weights=w)

    def raw_scale(self, y, w):
        mean = self._first_constant(y, w, y.shape[1])
        spread = np.sqrt(np.average((y - mean) ** 2, axis=0, weights=w))
        return np.where(spread > 0, spread, 1.0)

    def _starts(self, y, w, k):
        # about the best constant is all that a solver needs, and much cheaper than the best
        return self._first_constant(y, w, k), self.raw_scale(y, w)


def entries(loss, y, z, kinds):
    """Return what `kinds` asks for of each entry of two arrays, by a pointwise loss."""
    y, z = np.ascontiguousarray(y), np.ascontiguousarray(z)
    terms = {kind: np.empty(z.shape, z.dtype) for kind in kinds}
    backend, bound = loss._backend(z.dtype)
    flat = (terms[kind].reshape(-1) if kind in terms else None for kind in KINDS)
    ones = as_weights(None, (z.size,), z.dtype)
    backend.fill(bound, y.reshape(-1), z.reshape(-1), ones, None, *flat)
    return terms


def _weighted(w, array):
    return np.where(w != 0, (w * array.T), 0).T
