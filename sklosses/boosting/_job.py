"""What is to be boosted: a loss, data, and where to start."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing

from .._arrays.groups import Groups
from .._arrays.inputs import DOUBLE
from .._bases.loss import TermLoss
from .._bases.native import Native
from .._fit.responses import BINARY
from .._registry import get_loss
from ._callback import Callback


@dataclass
class Data:
    """Rows, targets as the loss takes them, their weights, and the groups of a loss of groups.

    Rows of a group are neighbours.
    """

    X: Any
    y: np.ndarray
    weight: np.ndarray | None = None
    groups: Groups | None = None

    @property
    def n(self):
        return len(self.y)

    @property
    def sizes(self):
        """The rows of each group."""
        return None if self.groups is None else np.diff(self.groups.offsets)

    def some(self, most):
        """Return about as many rows, if they go one by one."""
        every = -(-self.n // most)
        if every == 1 or self.groups is not None:
            return self
        rows = np.arange(0, self.n, every)
        weight = None if self.weight is None else self.weight[rows]
        return Data(_safe_indexing(self.X, rows), self.y[rows], weight)


@dataclass
class Job:
    """A loss, how many raw columns it has, the data, and the native objective to use, if any."""

    loss: TermLoss
    n_raw: int
    data: Data
    validation: Data | None = None
    native: Native | None = None

    @property
    def plain(self):
        """Whether a raw prediction is one number that goes with one target, as boosters think."""
        several = self.loss.rowwise or (self.loss.groupwise and self.n_raw > 1)
        return not several and self.data.y.ndim == 1

    @property
    def parts(self):
        """The data, and those to validate on if there are any."""
        return tuple(part for part in (self.data, self.validation) if part)

    @cached_property
    def start(self):
        """Where to start: the best constant, a number a raw column; 0 of native objectives."""
        if self.native:
            return np.zeros(self.n_raw)
        return best_constant(self.loss, self.data.y, self.data.weight, self.n_raw)

    def starts(self, data):
        """Return the start of each row: (n,) of one raw column, else (n, n_raw)."""
        if self.n_raw == 1:
            return np.full(data.n, self.start[0])
        return np.tile(self.start, (data.n, 1))

    def shaped(self, raw):
        """Return raw predictions in the shape that the loss takes them."""
        return raw.reshape(len(raw), -1) if self.loss.rowwise or self.n_raw > 1 else raw

    def mean(self, raw, data):
        """Return the mean loss of raw predictions."""
        return Callback(self.loss).mean(data.y, self.shaped(raw), data.weight, data.groups)


def best_constant(loss, y, weight, n_raw):
    """Return the constant raw row that minimises a loss, or where it is better to start."""
    if loss.groupwise and loss.convex_start:  # a mask that covers all has no slope to go down
        loss = get_loss(loss.convex_start).for_classes(max(n_raw, BINARY))
    if loss.rowwise or (loss.groupwise and n_raw > 1):
        return np.asarray(loss.init_raw(y, weight, n_raw), DOUBLE)
    return np.atleast_1d(np.asarray(loss.init_raw(y, weight), DOUBLE))


def row_numbers(first, n):
    """Return numbers of rows, which boosters take for targets."""
    return np.arange(first, first + n, dtype=DOUBLE)


class Bound:
    """A callback that knows its targets, for those that are rows.

    Libraries look at the signature of ``__call__``: that is for subclasses.

    Parameters
    ----------
    call : callable
        An objective or a metric, whose first arguments are targets and raw predictions.
    y : ndarray
    """

    def __init__(self, call, y):
        self.call, self.y = call, y

    @property
    def __name__(self):
        return self.call.__name__

    def __repr__(self):
        return repr(self.call)

    def __deepcopy__(self, memo):  # boosters copy their parameters; data are large
        return self

    def __getstate__(self):
        return {"call": self.call, "y": None}  # in a fitted model there is nothing left to learn

    def _called(self, raw, *fields):
        found = self.call(self.y, raw.reshape(len(raw), -1), *fields)
        if isinstance(found, tuple) and isinstance(found[0], np.ndarray):
            return tuple(array.reshape(raw.shape) for array in found)
        return found

    def release(self):
        """Let go of the data."""
        self.y = None
