"""What the callbacks of all boosters share: a loss, seen as derivatives and as a mean."""

from __future__ import annotations

import numpy as np

from .._groups import Groups
from .._inputs import DOUBLE, SINGLE
from .._registry import get_loss
from ._derivatives import Targets, derivatives


def hint(module):
    """Return what to say if a booster is not installed."""
    return f"{module} is not installed: pip install {module}, or pip install 'sklosses[boosting]'."


def of_sizes(sizes):
    """Return groups of neighbouring rows, given how many rows each has."""
    offsets = np.concatenate(([0], np.cumsum(sizes, dtype=np.int64)))
    return Groups(offsets, None, np.arange(len(sizes)))


class Callback:
    """A loss, as a booster calls it: picklable, named after the loss.

    Parameters
    ----------
    loss : str, type or Loss
    qid : array-like of shape (n_samples,) or None
        The group of each training row, for boosters that do not pass it.
    """

    def __init__(self, loss, qid=None):
        self.loss = get_loss(loss)
        self.qid = qid
        self._known = Targets()
        self.loss._validate_params()

    @property
    def __name__(self):
        return self.loss.__name__

    def __repr__(self):
        return f"<{type(self).__name__.lstrip('_')} of {self.loss!r}>"

    def derivatives(self, y, raw, weight, groups=None, dtype=SINGLE):
        """Return gradient and PSD Hessian, weighted."""
        return derivatives(self.loss, y, raw, weight, self._groups(groups), dtype, self._known)

    def total(self, y, raw, weight, groups=None):
        """Return the weighted sum of the loss and the sum of the weights, of terms."""
        groups = self._groups(groups)
        values = self.loss.values(y, raw, weight, qid=groups)
        if weight is None:
            return float(values.sum(dtype=DOUBLE)), float(len(values))
        if self.loss.groupwise:
            weight = Groups.of(groups, len(y)).weights(weight)
        return float(values.sum(dtype=DOUBLE)), float(np.sum(weight, dtype=DOUBLE))

    def mean(self, y, raw, weight, groups=None):
        """Return the weighted mean of the loss."""
        total, weights = self.total(y, raw, weight, groups)
        return total / weights

    def _groups(self, groups):
        return groups if groups is not None else self.qid
