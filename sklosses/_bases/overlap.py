"""`OverlapLoss`: a loss of a mask, a function of how much of it the prediction covers."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from scipy.optimize import minimize
from sklearn.utils import assert_all_finite, check_consistent_length
from sklearn.utils.validation import check_non_negative

from .._arrays.groups import Groups
from .._arrays.inputs import (
    DOUBLE,
    RAW_NAMES,
    RESPONSE_NAMES,
    as_floats,
    as_kernels_take_it,
    as_labels,
    as_weights,
    check_closely,
    check_domain,
    require_rows,
    require_weight,
)
from .._kernels import overlap as overlap_kernels
from .._kernels import rows as row_kernels
from .._numba import bind
from .groupwise import GroupwiseLoss, Weights
from .optimum import LOGIT_RANGE, clipped_logit, minimise_constant
from .params import REAL, Interval

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Interval", "LovaszLoss", "OverlapLoss"]

SHARE = Interval(0, 1, closed="both")
LABEL = Interval(0, 1, closed="both", integer=True)
EPS = np.finfo(DOUBLE).eps
FEW_ROWS = 200  # of a group, up to which all are sorted at once
STEP = 1e-4  # of a difference of slopes, relative


class _MaskLoss(GroupwiseLoss):
    """What losses of masks share: a group is an image, or whatever `qid` says.

    One raw column is of the foreground; of several, each is of a class.
    """

    task: ClassVar[str] = "overlap"
    full_batch: ClassVar[bool] = True
    shared_slope: ClassVar[bool] = True
    include_background: ClassVar[bool] = True
    target: ClassVar[Interval] = SHARE

    @property
    def response_method(self):
        """The method of an estimator that returns what the loss is called with."""
        return "predict_proba" if self._has_response() else "decision_function"

    def init_raw(
        self,
        y_true: ArrayLike,
        sample_weight: ArrayLike | None = None,
        n_raw: int | None = None,
        *,
        qid: ArrayLike | None = None,
    ):
        """Return the raw constant that minimises the loss: a float, or an array a class.

        Always finite: clipped where the minimiser is at infinity, as it usually is. There the
        gradient has vanished: solvers start elsewhere. `n_raw` is the number of columns; None: one
        for targets from 0 to 1.
        """
        return best_constant_of(self, y_true, sample_weight, n_raw, qid)

    def columns(self, y):
        """Return the number of raw columns that targets `y` ask for."""
        return 1 if y.max() <= 1 else int(y.max()) + 1

    def columns_of(self, n_classes):
        """Return the number of raw columns of a model of so many classes."""
        return 1 if n_classes < 3 else n_classes

    # ------------------------------------------------------------------ inside

    def _targets(self, y, k, dtype):
        """Return targets as kernels take them: shares of one column, else int64 labels."""
        if y.ndim != 1:
            raise ValueError(
                f"{type(self).__name__} needs y_true of shape (n_samples,), with qid as the image "
                f"of each row. Got an array of shape {y.shape} instead."
            )
        if k > 1:
            return as_labels(type(self).__name__, y, k)
        return as_kernels_take_it(y, dtype)

    def _checked_targets(self, y, k, dtype):
        """Return targets as kernels take them, which check those of one column no more."""
        assert_all_finite(y, input_name="y_true")
        y = self._targets(y, k, dtype)
        if k == 1:
            check_domain(type(self).__name__, y, "y_true", self.target)
        return y

    def _arranged(self, y_true, prediction, qid, names, dtype=None):
        z = as_floats(prediction, names[1])
        if z.ndim == 2 and z.shape[1] == 1:
            z = z[:, 0]
        if z.ndim not in (1, 2) or 0 in z.shape[1:]:
            raise ValueError(
                f"{type(self).__name__} needs {names[1]} of shape (n_samples,) or (n_samples, k). "
                f"Got {z.shape} instead."
            )
        y = as_floats(y_true, names[0])
        check_consistent_length(y, z)
        if dtype is None:
            dtype = DOUBLE
        groups = Groups.of(qid, z.shape[0])
        with np.errstate(over="ignore"):  # what does not fit float32 is reported as infinite
            y = self._targets(groups.sorted(y), 1 if z.ndim == 1 else z.shape[1], dtype)
            z = groups.sorted(z)
            return y, as_kernels_take_it(z, dtype).reshape(z.shape), groups

    def _weights(self, sample_weight, groups, dtype):
        if sample_weight is None:
            return Weights(None, np.ones(groups.n_groups))
        w = as_weights(sample_weight, (int(groups.offsets[-1]),), dtype)
        assert_all_finite(w, input_name="sample_weight")
        check_non_negative(w, "`sample_weight`")
        w = groups.sorted(w)
        there = np.add.reduceat(w > 0, groups.offsets[:-1]) if w.size else np.zeros(0)
        return Weights(w, (there > 0).astype(DOUBLE))  # a group without weight is not there

    def _check(self, suspect, y, z, weights, names):
        if suspect != 0:
            target = self.target if z.ndim == 1 else REAL  # labels were checked before
            prediction = self.prediction if names is RESPONSE_NAMES else REAL
            check_closely(type(self).__name__, y, z, weights.terms, names, target, prediction)

    def _size(self, z):
        """Return the number of raw columns, and the first class that counts."""
        k = 1 if z.ndim == 1 else z.shape[1]
        return k, 0 if k == 1 or self.include_background else 1

    def _with_loss(self, kernel, *arguments):
        """Run a kernel that calls methods of the loss, in double or in plain Python."""
        return (
            kernel(bind(self, DOUBLE), *arguments) if self.jit else kernel.py_func(self, *arguments)
        )


class OverlapLoss(_MaskLoss):
    """A loss of masks, a function of sums over the rows of a group.

    With p the probability of a row (the logistic function of its raw prediction; the softmax, for
    a column a class), t its target and w its weight, the sums are i = Σ w·p·t (the intersection),
    p = Σ w·p and t = Σ w·t. Subclasses define, in plain Python on three numbers:

    =========================  ====================================================================
    ``value(self, i, p, t)``   the loss of a group, or of one class of it
    ``slopes(self, i, p, t)``  its derivatives in i and in p
    ``bends(self, i, p, t)``   its second derivatives: in i twice, in i and p, in p twice; default:
                               differences of ``slopes``
    =========================  ====================================================================

    The array methods are those of `PointwiseLoss`, with these differences:

    * `y_true` : array-like of shape (n_samples,). Of one raw column numbers in [0, 1]; of k the
      integers 0 … k − 1, and the loss is the mean over classes. Class 0, the background, is one of
      them unless ``include_background=False``, for classes that have this parameter.
    * `raw_prediction` : array-like of shape (n_samples,) or (n_samples, k).
    * `qid` : array-like of shape (n_samples,), default=None. The group of each row, such as its
      image, of any type and in any order; None: all rows are one group.
    * `sample_weight` weighs each row inside the sums; groups count equally.
    * Values are one a group, in the order of their first rows.
    """

    scalar_methods: ClassVar[tuple] = ("value", "slopes", "bends")
    prediction: ClassVar[Interval] = SHARE
    convex_start: ClassVar[str] = "log_loss"

    def bends(self, i, p, t):
        a, b = STEP * (1.0 + abs(i)), STEP * (1.0 + abs(p))
        right, left = self.slopes(i + a, p, t), self.slopes(i - a, p, t)
        high, low = self.slopes(i, p + b, t), self.slopes(i, p - b, t)
        twice, mixed = (right[0] - left[0]) / (2.0 * a), (right[1] - left[1]) / (2.0 * a)
        return twice, mixed, (high[1] - low[1]) / (2.0 * b)

    @classmethod
    def _has_response(cls):
        return True

    def inverse_link(self, raw_prediction: ArrayLike) -> NDArray:
        """Return the probability of the foreground, or of each class."""
        self._validate_params()
        z = as_floats(raw_prediction, "raw_prediction")
        flat, out = as_kernels_take_it(z, z.dtype), np.empty(z.shape, z.dtype)
        if z.ndim == 2 and z.shape[1] > 1:
            row_kernels.softmax_response(flat, z.shape[1], out.reshape(-1))
        else:
            overlap_kernels.sigmoid(flat, out.reshape(-1))
        return out

    # ------------------------------------------------------------------ inside

    def _starts(self, y, w, k):
        """Return where to start, the class shares, and what raw predictions are measured in."""
        y, total = getattr(y, "y", y), w.sum(dtype=DOUBLE)
        if k == 1:
            return np.array([clipped_logit(float(y @ w) / total)]), np.ones(1)
        shares = np.bincount(y, weights=w, minlength=k) / total
        return np.log(np.maximum(shares, EPS)), np.ones(k)

    def _run(self, y, z, weights, offsets, *outs):
        out_value, gradient, hessian, curvature = outs + (None,) * (4 - len(outs))
        k, first = self._size(z)
        w = as_weights(None, (), z.dtype) if weights.rows is None else weights.rows
        flat = [None if a is None else a.reshape(-1) for a in (z, gradient, hessian, curvature)]
        sums = np.empty((offsets.size - 1, k, 3))
        if k == 1:
            suspect = overlap_kernels.sigmoid_sums(y, flat[0], w, offsets, flat[1], sums)
        else:
            suspect = overlap_kernels.softmax_sums(y, flat[0], w, offsets, k, flat[1], sums)
        bent = hessian is not None or curvature is not None
        values, *derivatives = self._of_sums(sums, first, weights.terms, bent=bent)
        if out_value is not None:
            out_value[...] = values
        if gradient is not None and k == 1:
            overlap_kernels.sigmoid_chain(y, w, offsets, *derivatives, *flat[1:])
        elif gradient is not None:
            overlap_kernels.softmax_chain(y, w, offsets, k, *derivatives, *flat[1:])
        return suspect

    def _of_sums(self, sums, first, terms, *, bent=False):
        """Return the values of groups and the derivatives in their sums, second ones if `bent`."""
        groups, k, _ = sums.shape
        values, slopes = np.empty(groups), np.empty((groups, k, 2))
        bends = np.empty((groups, k, 3)) if bent else None
        self._with_loss(overlap_kernels.evaluate, sums, first, terms, values, slopes, bends)
        return values, slopes, bends

    def _respond(self, y, p, weights, groups, out_value):
        k, first = self._size(p)
        w = as_weights(None, (), p.dtype) if weights.rows is None else weights.rows
        sums = np.empty((groups.n_groups, k, 3))
        suspect = overlap_kernels.given_sums(y, p.reshape(-1), w, groups.offsets, k, sums)
        self._check(suspect, y, p, weights, RESPONSE_NAMES)
        out_value[...] = self._of_sums(sums, first, weights.terms)[0]


class LovaszLoss(_MaskLoss):
    """The Lovász extension of an overlap loss: convex, piecewise linear in the errors of rows.

    Subclasses define ``value(self, i, p, t)`` of hard predictions, as `OverlapLoss` does, and
    ``error(self, t, f)``, the error of a row of target 0 or 1 and its derivative in the raw
    prediction f. Errors count in falling order, each as much as taking its row from what is
    predicted rightly costs. Of several raw columns each is a class against the rest.
    """

    scalar_methods: ClassVar[tuple] = ("value", "error")
    target: ClassVar[Interval] = LABEL
    hessian: ClassVar[str] = "surrogate"
    smooth: ClassVar[bool] = False

    @classmethod
    def _has_response(cls):
        return False

    def inverse_link(self, raw_prediction: ArrayLike) -> NDArray:
        """Return the decision values as they are."""
        self._validate_params()
        return as_floats(raw_prediction, "raw_prediction")

    # ------------------------------------------------------------------ inside

    def _starts(self, y, w, k):
        """Return where to start, and what raw predictions are measured in."""
        return np.zeros(k), np.ones(k)

    def _run(self, y, z, weights, offsets, *outs):
        out_value, gradient, hessian, curvature = outs + (None,) * (4 - len(outs))
        k, first = self._size(z)
        w = as_weights(None, (), z.dtype) if weights.rows is None else weights.rows
        codes = np.repeat(np.arange(offsets.size - 1), np.diff(offsets))
        share = weights.terms / (k - first)
        values, errors, suspect = np.zeros(share.size), np.empty(y.size, z.dtype), 0.0
        flat, slopes = z.reshape(-1), None if gradient is None else gradient.reshape(-1)
        for array in (gradient, hessian):
            if array is not None:
                array.fill(0.0)
        for j in range(first, k):
            suspect += self._with_loss(overlap_kernels.errors_of, y, flat, k, j, errors)
            rows = _falling(errors, offsets)
            true = (y if k == 1 else y == j) * (w if w.size == y.size else 1.0)
            true = np.add.reduceat(true, offsets[:-1], dtype=DOUBLE)
            sums = np.column_stack((true, true, true))
            arguments = codes, k, j, rows, errors, sums, share, values, slopes
            self._with_loss(overlap_kernels.extend, y, flat, w, *arguments)
        if out_value is not None:
            out_value[...] = values
        if curvature is not None:
            np.maximum(np.abs(gradient), overlap_kernels.TINY, out=curvature)
        return suspect

    def _respond(self, y, p, weights, groups, out_value):
        suspect = self._run(y, p, weights, groups.offsets, out_value)
        self._check(suspect, y, p, weights, RESPONSE_NAMES)


def _falling(errors, offsets):
    """Return the rows whose error is positive, by falling error in each group."""
    if errors.size < FEW_ROWS * offsets.size:  # many groups: all in one go
        return _sorted(errors, 0)
    parts = pairwise(offsets)
    return np.concatenate([_sorted(errors[start:stop], start) for start, stop in parts])


def _sorted(errors, start):
    rows = np.flatnonzero(errors > 0)
    return start + rows[np.argsort(-errors[rows])]


def best_constant_of(loss, y_true, sample_weight, n_raw, qid):
    """Return the raw constant that minimises a loss of masks: a float, or an array a class."""
    loss._validate_params()
    y = as_floats(y_true, "y_true")
    require_rows(y)
    k = n_raw or loss.columns(y)
    y = loss._checked_targets(y, k, DOUBLE)
    y, _, groups = loss._arranged(y, np.zeros((y.size, k)), qid, RAW_NAMES, DOUBLE)
    weights = loss._weights(sample_weight, groups, DOUBLE)
    require_weight(weights.terms.any())
    y, codes, w = _merged(y, groups.codes, weights.rows)

    def mean(raw):
        z = np.full(y.size, raw[0]) if k == 1 else np.tile(raw, (y.size, 1))
        values, gradient = loss.values_gradient(y, z, w, qid=codes)
        return values.sum(), gradient.reshape(y.size, -1).sum(axis=0)

    def sums(z):
        value, slopes = mean([z])
        return value, slopes[0]

    if k == 1:
        return float(minimise_constant(sums, y, convex=loss.convex, free=False))
    corners = [np.where(np.arange(k) == j, LOGIT_RANGE, -LOGIT_RANGE) for j in range(k)]
    options = {"maxiter": 500, "ftol": 1e-15, "gtol": 1e-10}
    bounds = [(-LOGIT_RANGE, LOGIT_RANGE)] * k
    found = [
        minimize(mean, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x
        for start in (loss._starts(y, w, k)[0], np.zeros(k))
    ]
    return min([*found, *corners], key=lambda raw: mean(raw)[0])


def _merged(y, codes, w):
    """Return rows, groups and weights; of labels all rows of one group and target as one."""
    w = np.ones(y.size) if w is None else w
    labels = y.astype(np.intp)
    if (labels != y).any():  # shares are seldom equal
        return y, codes, w
    k = int(labels.max()) + 1
    weights = np.bincount(k * codes + labels, weights=w)
    pairs = np.flatnonzero(weights)
    return (pairs % k).astype(y.dtype), pairs // k, weights[pairs]
