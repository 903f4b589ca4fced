"""`GroupwiseLoss`: a loss with a term a group of rows; `GroupLoss`, its kind for rankings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from .._arrays.groups import Groups
from .._arrays.inputs import (
    DOUBLE,
    RAW_NAMES,
    RESPONSE_NAMES,
    SINGLE,
    aligned,
    as_floats,
    check_closely,
    require_rows,
    require_weight,
)
from .._arrays.outputs import check_output, deliver, output
from .._kernels import groups as group_kernels
from .._kernels.curvature import curvature_of
from .._numba import bind, fadd
from .._special import float32_of
from .loss import TermLoss
from .params import REAL, Interval

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["GroupLoss", "GroupedTargets", "GroupwiseLoss", "Interval", "fadd"]

GRADES = Interval(0, np.inf, closed="left")


def _difference():
    """Return the step of a difference of gradients."""
    return 1e-5


@float32_of(_difference)
def _difference32():
    return 5e-3


@dataclass
class Weights:
    """Weights of the rows inside their groups' terms (None: ones), and of the terms."""

    rows: NDArray | None
    terms: NDArray

    def spread(self, offsets):
        """Return the weights of the terms, spread over the rows of their groups."""
        lengths = np.diff(offsets)
        if self.rows is None:
            return np.repeat(self.terms / lengths, lengths)
        totals = np.add.reduceat(self.rows, offsets[:-1], dtype=DOUBLE)
        shares = np.divide(self.terms, totals, out=np.zeros_like(totals), where=totals > 0)
        return self.rows * np.repeat(shares, lengths)


class GroupwiseLoss(TermLoss):
    """A loss that is a sum over groups of rows: the array methods that all kinds share.

    A kind says how targets and predictions are arranged (`_arranged`), what weights mean
    (`_weights`), and computes: `_run` on raw predictions, `_respond` on the response scale.
    """

    groupwise: ClassVar[bool] = True
    jit: ClassVar[bool] = True
    full_batch: ClassVar[bool] = False  # whether linear models are fitted to all groups at once
    convex_start: ClassVar[str | None] = None  # a loss whose minimum is a good place to start from

    def __call__(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        qid: ArrayLike | None = None,
    ) -> float:
        """Return the weighted mean loss of the groups.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Targets, such as grades of relevance, or labels.
        y_pred : array-like of shape (n_samples,) or (n_samples, k)
            Predictions on the response scale.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights; of ranking losses the same in all rows of a group.
        qid : array-like of shape (n_samples,), default=None
            The group of each row; None: all are one.

        Returns
        -------
        float
            ``sum(w * loss) / sum(w)`` over groups; those that tell nothing count with a loss of 0.
        """
        names = RESPONSE_NAMES
        y, p, groups, weights = self._prepared(y_true, y_pred, sample_weight, qid, names)
        require_rows(p)
        require_weight(weights.terms.any())
        values = np.empty(groups.n_groups, p.dtype)
        self._respond(y, p, weights, groups, values)
        return float(values.sum(dtype=DOUBLE) / weights.terms.sum())

    # ------------------------------------------------------------------ for solvers

    def raw_scale(self, y, w):
        """Return what raw predictions are measured in."""
        return 1.0

    def objective(self, y, raw, w, out_gradient):
        """Return the sum of ``w * value`` and fill ``w * gradient``.

        Parameters
        ----------
        y : GroupedTargets
            Rows of a group are neighbours.
        raw, w, out_gradient : ndarray
            Of as many rows; a group's weight is the sum of those of its rows.
        """
        y, z, groups, weights = self._prepared(y, raw, w, None, RAW_NAMES)
        values = np.empty(groups.n_groups, z.dtype)
        self._run(y, z, weights, groups.offsets, values, out_gradient.reshape(z.shape))
        return float(values.sum(dtype=DOUBLE))

    # ------------------------------------------------------------------ inside

    def _arranged(self, y_true, prediction, qid, names, dtype=None):
        """Return targets and predictions in the order of the groups, and the groups."""
        raise NotImplementedError

    def _weights(self, sample_weight, groups, dtype):
        """Return the `Weights` of rows in the order of the groups."""
        raise NotImplementedError

    def _run(self, y, z, weights, offsets, *outs):
        """Fill values, gradient, Hessian, surrogate; return not 0 if input looks wrong."""
        raise NotImplementedError

    def _respond(self, y, p, weights, groups, out_value):
        """Fill the values of predictions on the response scale."""
        raise NotImplementedError

    def _check(self, suspect, y, z, weights, names):
        """Raise what is wrong with the input; return if nothing is."""
        low, high = self.target.bounds(y.dtype)
        suspect = suspect != 0 or not (y.min() >= low and y.max() <= high)
        if suspect or (self.target.integer and (y != np.floor(y)).any()):
            check_closely(type(self).__name__, y, z, weights.terms, names, self.target, REAL)

    def _prepared(self, y_true, prediction, sample_weight, qid, names, dtype=None):
        """Return targets, predictions, groups and weights as kernels take them."""
        if isinstance(y_true, GroupedTargets):  # from a solver: all is in order
            one = prediction.ndim > 1 and prediction.shape[1] == 1
            weights = y_true.weights(sample_weight)
            return y_true.y, prediction.reshape(-1) if one else prediction, y_true.groups, weights
        self._validate_params()
        y, z, groups = self._arranged(y_true, prediction, qid, names, dtype)
        return y, z, groups, self._weights(sample_weight, groups, z.dtype)

    def _fill(self, y_true, raw_prediction, sample_weight, kinds, outs, qid=None):
        single = getattr(raw_prediction, "dtype", None) == SINGLE
        dtype, names = SINGLE if single else DOUBLE, RAW_NAMES
        y, z, groups, weights = self._prepared(
            y_true, raw_prediction, sample_weight, qid, names, dtype
        )
        direct = groups.order is None  # results are computed in the order they are delivered in
        arrays = {}
        for kind, out in zip(kinds, outs, strict=True):
            shape = (groups.n_groups,) if kind == "v" else np.shape(raw_prediction)
            if out is not None:
                check_output(out, shape)
            own = out if out is None or kind == "v" or direct else None
            arrays[kind] = output(own, shape, dtype, inputs=(y, z))
        if z.size:
            flat = {kind: a if kind == "v" else a.reshape(z.shape) for kind, a in arrays.items()}
            suspect = self._run(y, z, weights, groups.offsets, *(flat.get(kind) for kind in "vghc"))
            self._check(suspect, y, z, weights, names)
        return tuple(
            deliver(array if kind == "v" or direct else groups.restored(array), out)
            for (kind, array), out in zip(arrays.items(), outs, strict=True)
        )


class GroupLoss(GroupwiseLoss):
    """A loss that is a sum over groups of rows, each a function of its targets and raw predictions.

    Subclasses define, in plain Python, with `y` and `z` the slices of a group:

    ================================  =========================================================
    ``value(self, y, z)``             the loss of one group
    ``grad(self, y, z, g)``           adds its derivatives to `g`, which is 0
    ``hess(self, y, z, h)``           adds its second derivatives, the diagonal, to `h`; default:
                                      differences of ``grad``
    ``bend(self, y, z, h)``           the same, or what serves boosters better; default: ``hess``
    ``value_grad(self, y, z, g)``     value and ``grad`` at once, if that is faster
    ``grad_bend(self, y, z, g, h)``   ``grad`` and ``bend`` at once, if that is faster
    ``surrogate(self, g, h)``         a positive stand-in for one of them, for boosters
    ``counts(self, y)``               whether a group tells anything: if not, its loss is 0;
                                      default: not all targets are equal
    ================================  =========================================================

    The array methods are those of `PointwiseLoss`, with these differences:

    * `qid` : array-like of shape (n_samples,), default=None. The group of each row, of any type and
      in any order; None: all rows are one group.
    * `sample_weight` must be the same in all rows of a group, and multiplies its term.
    * Values are one a group, in the order of their first rows.
    """

    response_method: ClassVar[str] = "predict"
    curvature_floor: ClassVar[float] = 1e-12  # most documents of a query are in few pairs
    scalar_methods: ClassVar[tuple] = (
        "value",
        "grad",
        "hess",
        "bend",
        "value_grad",
        "grad_bend",
        "surrogate",
        "counts",
    )

    @property
    def target(self):
        """The domain of the target."""
        return GRADES

    # ------------------------------------------------------------------ defaults of a group

    def counts(self, y):
        return y.size > 1 and y.min() < y.max()

    def hess(self, y, z, h):
        there, left, right = z.copy(), z.copy(), z.copy()
        for j in range(z.size):
            step = _difference() * (1.0 + abs(z[j]))
            left[:] = 0.0
            right[:] = 0.0
            there[j] = z[j] + step
            self.grad(y, there, right)
            there[j] = z[j] - step
            self.grad(y, there, left)
            there[j] = z[j]
            h[j] += (right[j] - left[j]) / (2.0 * step)

    def bend(self, y, z, h):
        self.hess(y, z, h)

    def value_grad(self, y, z, g):
        self.grad(y, z, g)
        return self.value(y, z)

    def grad_bend(self, y, z, g, h):
        self.grad(y, z, g)
        self.bend(y, z, h)

    def surrogate(self, g, h):
        c = curvature_of(g, h)
        return c if c > self.curvature_floor else self.curvature_floor

    # ------------------------------------------------------------------ array methods

    def inverse_link(self, raw_prediction: ArrayLike) -> NDArray:
        """Return the scores as they are: what ``predict`` shows."""
        self._validate_params()
        return as_floats(raw_prediction, "raw_prediction")

    def init_raw(
        self,
        y_true: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        qid: ArrayLike | None = None,
    ):
        """Return 0: only differences of scores matter."""
        self._validate_params()
        require_rows(as_floats(y_true, "y_true"))
        return 0.0

    def columns(self, y):
        """Return the number of raw columns: one."""
        return 1

    # ------------------------------------------------------------------ inside

    @classmethod
    def _has_response(cls):
        return False

    def _starts(self, y, w, k):
        """Return where to start, and what raw predictions are measured in: differences matter."""
        return np.zeros(k), np.ones(k)

    def _arranged(self, y_true, prediction, qid, names, dtype=None):
        y, z, _, shape = aligned(y_true, prediction, None, names, dtype)
        if len(shape) != 1:
            raise ValueError(f"{names[1]} must be of shape (n_samples,). Got {shape} instead.")
        groups = Groups.of(qid, y.size)
        return groups.sorted(y), groups.sorted(z), groups

    def _weights(self, sample_weight, groups, dtype):
        return Weights(None, groups.weights(sample_weight))

    def _respond(self, y, p, weights, groups, out_value):
        suspect = self._run(y, p, weights, groups.offsets, out_value)
        self._check(suspect, y, p, weights, RESPONSE_NAMES)

    def _run(self, y, z, weights, offsets, *outs):
        outs = (*outs, *(None,) * (4 - len(outs)))
        args = (y, z, weights.terms.astype(z.dtype), offsets, *outs)
        if self.jit:
            return group_kernels.fill(bind(self, z.dtype), *args)
        return group_kernels.fill.py_func(self, *args)


class GroupedTargets:
    """Targets of rows whose groups are neighbours, as solvers pass them to `GroupLoss.objective`.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
    codes : ndarray of shape (n_samples,)
        The group of each row; equal ones are neighbours.
    row_weights : ndarray of shape (n_samples,), default=None
        Weights inside the terms; None: ones.
    whole : bool, default=True
        Whether batches hold whole groups; if not, the rows of a batch are a group.
    least : int, default=0
        Rows of a batch, at least, that tell about as much as a group.
    most : int, default=None
        Rows of a group from which on batches hold random parts of it, which are groups there.
    """

    ndim = 1

    def __init__(self, y, codes, row_weights=None, *, whole=True, least=0, most=None):
        self.y, self.codes, self.row_weights = y, codes, row_weights
        self.whole, self.least, self.most = whole, least, most
        self.shape = y.shape
        self.groups = Groups.of(codes, y.size)

    def __len__(self):
        return self.y.size

    def __getitem__(self, rows):
        row_weights = None if self.row_weights is None else self.row_weights[rows]
        options = {"whole": self.whole, "least": self.least, "most": self.most}
        return GroupedTargets(self.y[rows], self.codes[rows], row_weights, **options)

    def weights(self, w):
        """Return the `Weights` of solvers' weights, of which a group's is the sum of its rows'."""
        terms = np.add.reduceat(w, self.groups.offsets[:-1], dtype=DOUBLE)
        return Weights(self.row_weights, terms)

    def batches(self, order, size, rng=None):
        """Return arrays of rows, each of whole groups of `order`, alike in size: `size` or less.

        Parameters
        ----------
        order : ndarray
            Indices of groups.
        size : int
            Rows of a batch, about.
        rng : Generator, default=None
            What divides large groups; None: their rows in order.
        """
        lengths = np.diff(self.groups.offsets)[order]
        if self.most is not None and lengths.max() > self.most:
            return self._parts(order, lengths, rng)
        ends = np.cumsum(lengths)
        first = self.groups.offsets[order]
        rows = np.repeat(first - ends + lengths, lengths) + np.arange(ends[-1])
        number = (ends - 1) * -(-ends[-1] // size) // ends[-1]  # where the last row would be
        return np.split(rows, ends[np.flatnonzero(np.diff(number))])

    def _parts(self, order, lengths, rng):
        """Return arrays of rows, each a group or a part of one."""
        parts = []
        for start, length in zip(self.groups.offsets[order], lengths, strict=True):
            rows = np.arange(start, start + length)
            if rng is not None:
                rng.shuffle(rows)
            parts += np.array_split(rows, -(-length // self.most))
        if rng is not None:
            rng.shuffle(parts)
        return [np.sort(part) for part in parts]
