"""What is to be boosted: data, the loss, and a loss that knows its targets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from .._groups import Groups
from .._inputs import DOUBLE
from .._loss import TermLoss
from .._native import Native
from ._derivatives import derivatives


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


@dataclass
class Job:
    """A loss, how many raw columns it has, the data, and the native objective to use, if any."""

    loss: TermLoss
    n_raw: int
    data: Data
    validation: Data | None = None
    native: Native | None = None

    def __post_init__(self):
        self._bound = []

    @property
    def plain(self):
        """Whether a raw prediction is one number that goes with one target, as boosters think."""
        return not self.loss.rowwise and self.data.y.ndim == 1

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

    def view(self, data):
        """Return the loss as callbacks of whole data sets take it, and targets to pass them."""
        if self.native or self.plain or self.loss.groupwise:
            return self.loss, data.y
        return self.bound(data), row_numbers(0, data.n)

    def bound(self, *parts):
        """Return the loss with the targets of some parts of the data."""
        self._bound.append(Bound(self.loss, self.n_raw, parts))
        return self._bound[-1]

    def release(self):
        """Let go of the data, which losses that were bound to them would keep in the model."""
        for bound in self._bound:
            bound.parts = ()


def row_numbers(first, n):
    """Return numbers of rows, as targets of a `Bound` loss."""
    return np.arange(first, first + n, dtype=DOUBLE)


def best_constant(loss, y, weight, n_raw):
    """Return the constant raw row that minimises a loss."""
    if loss.rowwise:
        return np.asarray(loss.init_raw(y, weight, n_raw), DOUBLE)
    return np.atleast_1d(np.asarray(loss.init_raw(y, weight), DOUBLE))


class Bound(TermLoss):
    """A loss that knows its targets, for boosters that pass on one number a row.

    In place of targets it takes numbers of rows, which go on from one part of the data to the next:
    all of a part, or some.

    Parameters
    ----------
    loss : TermLoss
    n_raw : int
        Number of raw columns.
    parts : tuple of Data
    """

    response_method: ClassVar[str] = "predict"

    def __init__(self, loss, n_raw, parts):
        self.loss, self.n_raw, self.parts = loss, n_raw, parts

    @property
    def __name__(self):
        return self.loss.__name__

    def __repr__(self):
        return repr(self.loss)

    def __deepcopy__(self, memo):
        """Boosters copy their parameters; data are large."""
        return self

    def init_raw(self, rows, sample_weight=None):
        y, _ = self._of(rows)
        return best_constant(self.loss, y, sample_weight, self.n_raw)

    def inverse_link(self, raw):
        return self.loss.inverse_link(raw)

    def derivatives(self, rows, raw, weight, dtype):
        """Return gradient and PSD Hessian, of the shape of `raw`."""
        y, part = self._of(rows)
        groups = part.groups
        pair = derivatives(self.loss, y, self._shaped(raw, y), weight, groups, dtype)
        return tuple(array.reshape(raw.shape) for array in pair)

    def _fill(self, rows, raw, weight, kinds, outs, qid=None):
        y, part = self._of(rows)
        raw = np.asarray(raw)
        arrays = self.loss._fill(y, self._shaped(raw, y), weight, kinds, outs, part.groups)
        return tuple(
            _by_row(array, part) if kind == "v" else array.reshape(raw.shape)
            for kind, array in zip(kinds, arrays, strict=True)
        )

    def _of(self, rows):
        """Return the targets of rows, and the part they are of: all of it, or some without groups.

        Numbers are no more than a sign of the part where they are all: boosters round them.
        """
        rows = np.asarray(rows).reshape(len(rows), -1)[:, 0]
        part, before = self.parts[0], 0
        if rows[0] >= part.n and len(self.parts) > 1:
            part, before = self.parts[1], part.n
        if rows.size == part.n:
            return part.y, part
        some = part.y[rows.astype(np.intp) - before]
        return some, Data(None, some)

    def _shaped(self, raw, y):
        """Return raw predictions in the shape that the loss takes them."""
        return raw.reshape(len(y), -1) if self.loss.rowwise else raw.reshape(y.shape)


def _by_row(values, part):
    """Return one value a row, with the same weighted mean: terms may be columns, or groups."""
    if part.groups is None:
        return values if values.ndim == 1 else values.sum(axis=1)
    weights = part.groups.weights(part.weight)
    rows = part.n if part.weight is None else part.weight.sum()
    return np.repeat(values * (rows / weights.sum()) / part.sizes, part.sizes)


@derivatives.register
def _(loss: Bound, rows, raw, weight, groups, dtype):
    return loss.derivatives(rows, raw, weight, dtype)
