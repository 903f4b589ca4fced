"""Sums of pointwise losses: one scalar function, compiled once for a combination of classes.

Numba sees the sum as pairs, a weighted term and the rest.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._arrays.inputs import as_weights
from ..._bases.pointwise import PointwiseLoss
from .algebra import PROBES, WeightedSum


class _Scaled(PointwiseLoss):
    """A weighted term, as compiled code sees it."""

    term: Any
    weight: float

    def value(self, y, z):
        return self.weight * self.term.value(y, z)

    def grad_hess(self, y, z):
        g, h = self.term.grad_hess(y, z)
        return self.weight * g, self.weight * h

    def curvature(self, y, z):
        return self.weight * self.term.curvature(y, z)

    def response(self, z):
        return self.term.response(z)

    def link(self, p):
        return self.term.link(p)

    def response_value(self, y, p):
        return self.weight * self.term.response_value(y, p)


class _Pair(_Scaled):
    """A weighted term plus the rest: a `_Scaled` or another pair."""

    rest: Any

    def value(self, y, z):
        return self.weight * self.term.value(y, z) + self.rest.value(y, z)

    def grad_hess(self, y, z):
        g, h = self.term.grad_hess(y, z)
        rest_g, rest_h = self.rest.grad_hess(y, z)
        return self.weight * g + rest_g, self.weight * h + rest_h

    def curvature(self, y, z):
        return self.weight * self.term.curvature(y, z) + self.rest.curvature(y, z)

    def response_value(self, y, p):
        return self.weight * self.term.response_value(y, p) + self.rest.response_value(y, p)


class _OnArrays(PointwiseLoss):
    """Any term with methods that take arrays: of it sums are made that are not compiled."""

    term: Any

    def _filled(self, y, z, kinds):
        shape, (y, z) = np.shape(z), np.atleast_1d(y, z)
        outs = {kind: np.empty_like(z) for kind in kinds}
        backend, loss = self.term._backend(z.dtype)
        ones = as_weights(None, z.shape, z.dtype)
        backend.fill(loss, y, z, ones, None, *(outs.get(kind) for kind in "vghc"))
        return tuple(out.reshape(shape) for out in outs.values())

    def value(self, y, z):
        return self._filled(y, z, "v")[0]

    def grad_hess(self, y, z):
        return self._filled(y, z, "gh")

    def curvature(self, y, z):
        return self._filled(y, z, "c")[0]

    def response(self, z):
        return self._each("response", z)

    def link(self, p):
        return self._each("link", p)

    def response_value(self, y, p):
        return self._each("response_value", y, p)

    def _each(self, name, *arrays):
        method = getattr(self.term, name)
        return np.vectorize(method, otypes=[float])(*arrays) if self.term.jit else method(*arrays)


class PointwiseSum(WeightedSum, PointwiseLoss):  # type: ignore[override, misc]
    """A sum of pointwise losses."""

    of = PointwiseLoss

    def _has_curvature(self):
        return any(term._has_curvature() for term in self._terms)

    @property
    def _chain(self):
        compiled, chain = self.jit, None
        for weight, term in reversed(self._parts):
            item = term if compiled else _OnArrays(term)
            chain = _Scaled(item, weight) if chain is None else _Pair(item, weight, chain)
        return chain

    def value(self, y, z):
        return self._chain.value(y, z)

    def grad_hess(self, y, z):
        return self._chain.grad_hess(y, z)

    def curvature(self, y, z):
        return self._chain.curvature(y, z)

    def response(self, z):
        return self._chain.response(z)

    def link(self, p):
        return self._chain.link(p)

    def response_value(self, y, p):
        return self._chain.response_value(y, p)

    def optimal_constant(self, y, w):
        if len(self._parts) == 1:
            return self._terms[0].optimal_constant(y, w)
        return super().optimal_constant(y, w)

    def _probe(self, term):
        if not term.jit:
            return term.response(np.array(PROBES))
        return [term.response(z) for z in PROBES]
