"""What the callbacks of all boosters share: a loss, seen as derivatives and as a mean."""

from __future__ import annotations

import numpy as np
from sklearn.base import clone

from .._arrays.groups import Groups
from .._arrays.inputs import DOUBLE, SINGLE
from .._arrays.outputs import new_array
from .._registry import get_loss
from ._derivatives import engine_of


def hint(module):
    """Return what to say if a booster is not installed."""
    return f"{module} is not installed: pip install {module}, or pip install 'sklosses[boosting]'."


def of_sizes(sizes):
    """Return groups of neighbouring rows, given how many rows each has."""
    offsets = np.concatenate(([0], np.cumsum(sizes, dtype=np.int64)))
    return Groups(offsets, None, np.arange(len(sizes)))


class Callback:
    """A loss, as it is now, in the form that a booster calls: picklable, named after the loss.

    Parameters
    ----------
    loss : str, type or Loss
    qid : array-like of shape (n_samples,) or None
        The group of each training row, for boosters that do not pass it.
    """

    _engine = None

    def __init__(self, loss, qid=None):
        self.loss = clone(get_loss(loss))
        self.qid = qid
        self.loss._validate_params()

    @property
    def __name__(self):
        return self.loss.__name__

    def __repr__(self):
        return f"<{type(self).__name__.lstrip('_')} of {self.loss!r}>"

    def __getstate__(self):
        return {name: value for name, value in vars(self).items() if name != "_engine"}

    def derivatives(self, y, raw, weight, groups=None):
        """Return gradient and PSD Hessian, weighted, in single precision and the order of `raw`."""
        g, c = _like(raw), _like(raw)
        self.fill(y, raw, weight, groups, g, c)
        return g, c

    def fill(self, y, raw, weight, groups, g, c):
        """Write gradient and PSD Hessian, weighted, into arrays of the shape of `raw`."""
        if self._engine is None:
            self._engine = engine_of(self._for_columns(raw, y))
        self._engine.fill(y, raw, weight, self._groups(groups), g, c)

    def total(self, y, raw, weight, groups=None):
        """Return the weighted sum of the loss and the sum of the weights, of terms."""
        groups = self._groups(groups)
        values = self.loss.values(y, raw, weight, qid=groups)
        if weight is None:
            return float(values.sum(dtype=DOUBLE)), float(len(values))
        if self.loss.groupwise:
            weight = self.loss._weights(weight, Groups.of(groups, len(y)), DOUBLE).terms
        return float(values.sum(dtype=DOUBLE)), float(np.sum(weight, dtype=DOUBLE))

    def mean(self, y, raw, weight, groups=None):
        """Return the weighted mean of the loss."""
        total, weights = self.total(y, raw, weight, groups)
        return total / weights

    def _for_columns(self, raw, y):
        """Return the loss, in its form for several classes where it has one and there are."""
        return self.loss.for_classes(raw.shape[1]) if _classes(raw, y) else self.loss

    def _groups(self, groups):
        return groups if groups is not None else self.qid


def _classes(raw, y):
    return np.ndim(raw) == 2 and np.ndim(y) == 1


def _like(raw):
    return new_array(raw.shape, SINGLE) if raw.flags.c_contiguous else np.empty_like(raw, SINGLE)
