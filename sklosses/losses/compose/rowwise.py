"""Sums of row-wise losses: terms are evaluated one after the other, each by its own fast kernel.

A pointwise loss is a term as well, where targets are rows: its sum over the columns.
"""

from __future__ import annotations

import numpy as np

from ..._arrays.inputs import check_domain
from ..._bases.blockwise import BatchLoss, entries
from ..._bases.pointwise import PointwiseLoss
from ..._bases.rowwise import RowwiseLoss
from .algebra import PROBES, WeightedSum

ANY_COLUMNS = 3


class _ByColumn(BatchLoss):
    """A pointwise loss of several outputs as a loss of rows: the sum over the columns."""

    term: PointwiseLoss

    def terms(self, y, z, kinds):
        terms = entries(self.term, y, z, kinds)
        return terms | {"v": terms["v"].sum(axis=1)} if "v" in kinds else terms

    def optimal_constant(self, y, w, k):
        return self.term.init_raw(y, w)

    def _starts(self, y, w, k):
        return self.term._starts(y, w, k)

    def _check_response(self, p):
        check_domain(type(self.term).__name__, p, "y_pred", self.term.prediction)


class RowwiseSum(WeightedSum, RowwiseLoss):  # type: ignore[override, misc]
    """A sum of row-wise losses."""

    of = RowwiseLoss

    @property
    def _by_row(self):
        """The weights that are not 0, and their terms as row-wise losses."""
        parts = self._parts
        return [(w, _ByColumn(t) if isinstance(t, PointwiseLoss) else t) for w, t in parts]

    def _fixed(self, name):
        """Return a number of columns, where a term fixes it."""
        numbers = (getattr(term, name) for _, term in self._by_row)
        return next((number for number in numbers if number is not None), None)

    @property
    def n_raw(self):
        """The number of raw columns, where a term fixes it."""
        return self._fixed("n_raw")

    @property
    def n_outputs(self):
        """The number of columns of targets and raw predictions, where a term fixes it."""
        return self._fixed("n_outputs")

    @property
    def response_names(self):
        """What the response columns are called."""
        return self._by_row[0][1].response_names

    @property
    def soft_labels(self):
        """Whether all terms take rows of class shares."""
        return all(term.soft_labels for _, term in self._by_row)

    @property
    def target(self):
        """Labels or class shares, or what all terms allow."""
        own = RowwiseLoss.target.fget(self)
        return own if self.task == "multiclass" else super().target

    def value(self, y, z):
        return sum(weight * term.value(y, z) for weight, term in self._by_row)

    def grad(self, y, z, g):
        self._add_rows("grad", y, z, g)

    def hess(self, y, z, h):
        self._add_rows("hess", y, z, h)

    def response(self, z, out):
        self._by_row[0][1].response(z, out)

    def response_value(self, y, p):
        return sum(weight * term.response_value(y, p) for weight, term in self._by_row)

    def _add_rows(self, name, y, z, out):
        own, total = np.empty_like(out), np.zeros_like(out)
        for weight, term in self._by_row:
            getattr(term, name)(y, z, own)
            total += weight * own
        out[:] = total

    def _takes(self, term):
        if isinstance(term, RowwiseLoss) and term.n_outputs is None:
            return True
        # these compare a row of targets: others must not take one target a row, such as a label
        rows = [other for other in self._terms if isinstance(other, RowwiseLoss)]
        numbers = all(row.n_raw is None and row.task != "multiclass" for row in rows)
        return numbers and isinstance(term, RowwiseLoss | PointwiseLoss)

    def _same_response(self, first, other):
        for name in ("n_raw", "n_outputs"):
            wanted, own = self._fixed(name), getattr(other, name, None)
            if own not in (None, wanted):
                raise ValueError(
                    f"{type(first).__name__} and {type(other).__name__} cannot be added: they need "
                    f"{wanted} and {own} raw columns."
                )
        return super()._same_response(first, other)

    def _probe(self, term):
        z = np.resize(PROBES, self.n_raw or ANY_COLUMNS)
        if isinstance(term, PointwiseLoss):
            return term.inverse_link(z)
        out = np.empty_like(z)
        term.response(z, out)
        return out

    # ------------------------------------------------------------------ of all rows

    def _check_response(self, p):
        for _, term in self._by_row:
            term._check_response(p)

    def _mean_response(self, y, p, w):
        sums = [(weight, *term._mean_response(y, p, w)) for weight, term in self._by_row]
        return sum(weight * total for weight, total, _ in sums), sums[0][2]

    def _response(self, z, out):
        self._by_row[0][1]._response(z, out)

    def _fill_rows(self, y, z, w, *outs):
        suspect = 0.0
        own = [None if out is None else np.empty_like(out) for out in outs]
        sums = [pair for pair in zip(outs, own, strict=True) if pair[0] is not None]
        for total, _ in sums:
            total.fill(0.0)
        for weight, term in self._by_row:
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
        for weight, term in self._by_row:
            total += weight * term.objective(y, z, w, own)
            own *= weight
            out_gradient += own
        return total

    def optimal_constant(self, y, w, k):
        known = [np.asarray(term.optimal_constant(y, w, k), float) for _, term in self._by_row]
        if np.allclose(known, known[0], rtol=1e-9, atol=0.0):
            return known[0]  # best for every term, so for their sum
        totals = [self.values(y, np.tile(raw, (y.shape[0], 1)), w).sum() for raw in known]
        raw = self._minimise(y, w, known[int(np.argmin(totals))])
        return raw if self.is_smooth else self._minimise(y, w, raw)  # at kinks a restart goes on

    def _of_constant(self, y, w):
        means = [(weight, term._of_constant(y, w)) for weight, term in self._by_row]

        def mean(z):
            values, gradients = zip(*(term(z) for _, term in means), strict=True)
            weights = [weight for weight, _ in means]
            return np.dot(weights, values), np.dot(weights, gradients)

        return mean

    def raw_scale(self, y, w):
        return self._by_row[0][1].raw_scale(y, w)

    def _starts(self, y, w, k):
        terms = [term for _, term in self._by_row]
        batches = any(isinstance(term, BatchLoss) for term in terms)
        return terms[0]._starts(y, w, k) if batches else super()._starts(y, w, k)
