"""Sums of row-wise losses: terms are evaluated one after the other, each by its own fast kernel."""

from __future__ import annotations

import numpy as np

from ..._rowwise import RowwiseLoss
from .algebra import PROBES, WeightedSum

ANY_COLUMNS = 3


class RowwiseSum(WeightedSum, RowwiseLoss):  # type: ignore[override, misc]
    """A sum of row-wise losses."""

    of = RowwiseLoss

    @property
    def n_raw(self):
        """The number of raw columns, where a term fixes it."""
        return next((term.n_raw for term in self._terms if term.n_raw is not None), None)

    @property
    def response_names(self):
        """What the response columns are called."""
        return self._terms[0].response_names

    @property
    def soft_labels(self):
        """Whether all terms take rows of class shares."""
        return all(term.soft_labels for term in self._terms)

    @property
    def target(self):
        """Labels or class shares, or what all terms allow."""
        own = RowwiseLoss.target.fget(self)
        return own if self.task == "multiclass" else super().target

    def value(self, y, z):
        return sum(weight * term.value(y, z) for weight, term in self._parts)

    def grad(self, y, z, g):
        self._add_rows("grad", y, z, g)

    def hess(self, y, z, h):
        self._add_rows("hess", y, z, h)

    def response(self, z, out):
        self._terms[0].response(z, out)

    def response_value(self, y, p):
        return sum(weight * term.response_value(y, p) for weight, term in self._parts)

    def _add_rows(self, name, y, z, out):
        own, total = np.empty_like(out), np.zeros_like(out)
        for weight, term in self._parts:
            getattr(term, name)(y, z, own)
            total += weight * own
        out[:] = total

    def _same_response(self, first, other):
        if other.n_raw is not None and other.n_raw != self.n_raw:
            raise ValueError(
                f"{type(first).__name__} and {type(other).__name__} cannot be added: they need "
                f"{self.n_raw} and {other.n_raw} raw columns."
            )
        return super()._same_response(first, other)

    def _probe(self, term):
        z = np.resize(PROBES, self.n_raw or ANY_COLUMNS)
        out = np.empty_like(z)
        term.response(z, out)
        return out

    # ------------------------------------------------------------------ of all rows

    def _check_response(self, p):
        for term in self._terms:
            term._check_response(p)

    def _mean_response(self, y, p, w):
        sums = [(weight, *term._mean_response(y, p, w)) for weight, term in self._parts]
        return sum(weight * total for weight, total, _ in sums), sums[0][2]

    def _response(self, z, out):
        self._terms[0]._response(z, out)

    def _fill_rows(self, y, z, w, *outs):
        suspect = 0.0
        own = [None if out is None else np.empty_like(out) for out in outs]
        sums = [pair for pair in zip(outs, own, strict=True) if pair[0] is not None]
        for total, _ in sums:
            total.fill(0.0)
        for weight, term in self._parts:
            suspect += term._fill_rows(y, z, w, *own)
            for total, addend in sums:
                np.multiply(addend, weight, out=addend)
                np.add(total, addend, out=total)
        return suspect

    def _row_filler(self):
        return self._fill_rows

    def objective(self, y, z, w, out_gradient):
        total, own = 0.0, np.empty_like(out_gradient)
        out_gradient[:] = 0.0
        for weight, term in self._parts:
            total += weight * term.objective(y, z, w, own)
            own *= weight
            out_gradient += own
        return total

    def optimal_constant(self, y, w, k):
        known = [np.asarray(term.optimal_constant(y, w, k), float) for term in self._terms]
        if np.allclose(known, known[0], rtol=1e-9, atol=0.0):
            return known[0]  # best for every term, so for their sum
        totals = [self.values(y, np.tile(raw, (y.shape[0], 1)), w).sum() for raw in known]
        raw = self._minimise(y, w, known[int(np.argmin(totals))])
        return raw if self.is_smooth else self._minimise(y, w, raw)  # at kinks a restart goes on

    def raw_scale(self, y, w):
        return self._terms[0].raw_scale(y, w)
