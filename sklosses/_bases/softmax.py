"""`SoftmaxLoss`: a row-wise loss of class probabilities, whose kernels run along blocks of rows."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from .._kernels import rows as row_kernels
from .._numba import bind
from .._special import clip_probability, exp, log
from .rowwise import RowwiseLoss, class_shares, share

EPS = 2.0**-52


def _log_norm(z):
    """Return ln Σ exp(z − max z)."""
    top, norm = z.max(), 0.0
    for j in range(z.size):
        norm += exp(z[j] - top)
    return log(norm)


class SoftmaxLoss(RowwiseLoss):
    """A sum over classes of a function of the share t of a class and its probability p.

    The probabilities are the softmax of the raw row. Subclasses define scalar methods, which the
    kernels run along whole blocks of rows:

    ==========================  ===================================================================
    ``term(self, t, p, lp)``    the loss of a class, lp = ln p
    ``slopes(self, t, p, lp)``  u = p ∂term/∂p and v = p ∂u/∂p
    ``response_term(t, p)``     the term for a given probability; default: `p` clipped as in
                                scikit-learn's ``log_loss``
    ``soften(t, k)``            what becomes of shares beforehand; default: nothing
    ==========================  ===================================================================
    """

    task: ClassVar[str] = "multiclass"
    soft_labels: ClassVar[bool] = True
    proper: ClassVar[bool] = False  # whether the class shares themselves are the best constants
    scalar_methods: ClassVar[tuple] = (
        *RowwiseLoss.scalar_methods, "term", "slopes", "response_term", "soften",
    )  # fmt: skip

    def soften(self, t, k):
        return t

    def response_term(self, t, p):
        p = clip_probability(p)
        return self.term(t, p, log(p))

    # ------------------------------------------------------------------ of one row

    def response(self, z, out):
        top, total = z.max(), 0.0
        for j in range(z.size):
            out[j] = exp(z[j] - top)
            total += out[j]
        for j in range(z.size):
            out[j] /= total

    def value(self, y, z):
        top, norm, total = z.max(), _log_norm(z), 0.0
        for j in range(z.size):
            lp = z[j] - top - norm
            total += self.term(self.soften(share(y, j), z.size), exp(lp), lp)
        return total

    def grad(self, y, z, g):
        top, norm, total = z.max(), _log_norm(z), 0.0
        for j in range(z.size):
            lp = z[j] - top - norm
            g[j] = self.slopes(self.soften(share(y, j), z.size), exp(lp), lp)[0]
            total += g[j]
        for j in range(z.size):
            g[j] -= exp(z[j] - top - norm) * total

    def hess(self, y, z, h):
        top, norm, first, second = z.max(), _log_norm(z), 0.0, 0.0
        for j in range(z.size):
            lp = z[j] - top - norm
            u, h[j] = self.slopes(self.soften(share(y, j), z.size), exp(lp), lp)
            first += u
            second += h[j]
        for j in range(z.size):
            p = exp(z[j] - top - norm)
            h[j] = h[j] * (1.0 - p) * (1.0 - p) + p * p * (second - h[j]) - p * (1.0 - p) * first

    def response_value(self, y, p):
        total = 0.0
        for j in range(p.size):
            total += self.response_term(self.soften(share(y, j), p.size), p[j])
        return total

    # ------------------------------------------------------------------ of all rows

    def _check_response(self, p):
        if (p < 0).any() or (p > 1).any():
            raise ValueError(f"{type(self).__name__} needs probabilities as y_pred, from 0 to 1.")

    def _mean_response(self, y, p, w):
        if not self.jit:  # a row at a time
            return super()._mean_response(y, p, w)
        args = (y.reshape(-1), p.reshape(-1), w, p.shape[1], _soft(y))
        return row_kernels.softmax_mean_response(bind(self, p.dtype), *args)

    def _response(self, z, out):
        if not self.jit:
            return super()._response(z, out)
        return row_kernels.softmax_response(z.reshape(-1), z.shape[1], out.reshape(-1))

    def _fill_rows(self, y, z, w, *outs):
        if not self.jit:
            return super()._fill_rows(y, z, w, *outs)
        flat = [None if out is None else out.reshape(-1) for out in outs]
        args = (y.reshape(-1), z.reshape(-1), w, z.shape[1], _soft(y), *flat)
        return row_kernels.softmax_fill(bind(self, z.dtype), *args)

    def objective(self, y, z, w, out_gradient):
        if not self.jit:
            return super().objective(y, z, w, out_gradient)
        args = (y.reshape(-1), z.reshape(-1), w, z.shape[1], _soft(y), out_gradient.reshape(-1))
        return float(row_kernels.softmax_objective(bind(self, z.dtype), *args))

    def _first_constant(self, y, w, k):
        shares = np.array([self.soften(t, k) for t in class_shares(y, w, k)])
        return np.log(np.clip(shares, EPS, 1.0))

    def optimal_constant(self, y, w, k):
        start = self._first_constant(y, w, k)
        return start if self.proper else self._minimise(y, w, start)


def _soft(y):
    """Return what tells kernels whether targets are rows: True or None."""
    return True if y.ndim == 2 else None
