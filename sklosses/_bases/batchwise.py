"""`EmbeddingLoss`: a loss of a batch of embeddings and their labels, anchor by anchor."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from sklearn.utils import assert_all_finite, check_consistent_length, column_or_1d

from .._arrays.geometry import GEOMETRIES
from .._arrays.groups import Groups
from .._arrays.inputs import DOUBLE, SINGLE, as_floats, require_rows
from .._arrays.outputs import check_output, deliver
from .._kernels import batches as batch_kernels
from .._numba import bind, fadd
from .loss import TermLoss
from .params import Interval

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["EmbeddingLoss", "Interval", "fadd"]

BLOCK = 2**18  # entries of the matrix of pairs that are held at a time
LABELS = Interval(-np.inf, np.inf, integer=True)
STEP = 1e-6  # of a difference of gradients
FLOOR = 1e-6  # of the surrogate of a Hessian
KINK = 0.1  # relative difference of two of them that tells of a kink


class EmbeddingLoss(TermLoss):
    """A loss of rows of embeddings and their labels: the mean over terms such as pairs or triplets.

    The terms are those of the rows as anchors, one after the other. Subclasses define, in plain
    Python,

    ``anchor(self, i, start, stop, s, w)``
        Returns the sum of the terms of an anchor and their number, and fills `w` with the
        derivatives of the sum in `s`, its distances (or similarities) to all rows of the batch.
        Those from `start` to `stop` have its label; itself is at `i`, where ``w[i]`` must be 0 and
        ``s[i]`` may be overwritten.

    and ``geometry``, what `s` is: "distance" (Euclidean), "cosine" or "product".

    The array methods are those of `PointwiseLoss`, with these differences:

    * `y_true` : array-like of shape (n_samples,). Labels, integers or strings: only whether two
      are equal matters.
    * `raw_prediction` : array-like of shape (n_samples, n_components). Embeddings.
    * `qid` : array-like of shape (n_samples,), default=None. The batch of each row, of any type and
      in any order; None: all rows are one batch.
    * Values are one a batch, in the order of their first rows: 0 if it has no term, such as a pair.
    * `sample_weight` must be None: a term has several rows.
    """

    required: ClassVar[tuple] = ("anchor",)
    task: ClassVar[str] = "embedding"
    geometry: ClassVar[str] = "distance"
    groupwise: ClassVar[bool] = True
    jit: ClassVar[bool] = True
    response_method: ClassVar[str] = "transform"
    scalar_methods: ClassVar[tuple] = ("anchor",)
    target: ClassVar[Interval] = LABELS

    # ------------------------------------------------------------------ array methods

    def __call__(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        qid: ArrayLike | None = None,
    ) -> float:
        """Return the mean loss of the batches.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels.
        y_pred : array-like of shape (n_samples, n_components)
            Embeddings: what ``transform`` returns.
        sample_weight : None
            Terms have several rows, and no weights.
        qid : array-like of shape (n_samples,), default=None
            The batch of each row; None: all are one.

        Returns
        -------
        float
            The mean of `values`.
        """
        y, z, groups = self._arranged(y_true, y_pred, sample_weight, qid, "y_pred")
        require_rows(z)
        return float(np.mean([self._batch(y[rows], z[rows])[0] for rows in _slices(groups)]))

    def inverse_link(self, raw_prediction: ArrayLike) -> NDArray:
        """Return the embeddings as they are: what ``transform`` shows."""
        self._validate_params()
        return as_floats(raw_prediction, "raw_prediction")

    def init_raw(self, y_true: ArrayLike, sample_weight: ArrayLike | None = None):
        """Return 0: of equal embeddings any are as good."""
        self._validate_params()
        require_rows(np.asarray(y_true))
        return 0.0

    # ------------------------------------------------------------------ for solvers

    def objective(self, y, raw, w, out_gradient):
        """Return the loss of a batch times its rows, and fill the gradient of that.

        Parameters
        ----------
        y : ndarray of shape (n_rows,)
            Labels, of int64.
        raw, out_gradient : ndarray of shape (n_rows, n_components)
            Embeddings; the gradient.
        w : ndarray of shape (n_rows,)
            Ones.
        """
        value, gradient = self._batch(y, raw, gradient=True)
        np.multiply(gradient, y.size, out=out_gradient)
        return value * y.size

    # ------------------------------------------------------------------ inside

    def _arranged(self, y_true, prediction, sample_weight, qid, name, dtype=None):
        """Return labels and embeddings in the order of the groups, and the groups."""
        self._validate_params()
        if sample_weight is not None:
            raise ValueError(
                f"{type(self).__name__} takes no sample_weight: its terms, such as pairs, have "
                "several rows. Leave rows out, or repeat them, instead."
            )
        z = as_floats(prediction, name)
        if z.ndim != 2 or not z.shape[1]:
            raise ValueError(
                f"{type(self).__name__} needs {name} of shape (n_samples, n_components). "
                f"Got {z.shape} instead."
            )
        y = label_codes(y_true, type(self).__name__)
        check_consistent_length(y, z)
        assert_all_finite(z, input_name=name)
        groups = Groups.of(qid, y.size)
        return groups.sorted(y), np.ascontiguousarray(groups.sorted(z), dtype), groups

    def _batch(self, y, z, *, gradient=False):
        """Return the loss of one batch, and its gradient or None."""
        order = None if (y[1:] >= y[:-1]).all() else np.argsort(y, kind="stable")
        if order is not None:
            value, slopes = self._batch(y[order], z[order], gradient=gradient)
            if gradient:
                slopes[order] = slopes.copy()
            return value, slopes
        geometry, n = GEOMETRIES[self.geometry](z), y.size
        size = max(1, min(n, BLOCK // n))
        s, w = np.empty((2, size, n), z.dtype)
        slopes = np.zeros_like(z) if gradient else None
        total = count = 0.0
        for start in range(0, n, size):
            block = slice(start, min(start + size, n))
            own_s, own_w = s[: block.stop - start], w[: block.stop - start]
            geometry.rows(block, own_s)
            part, terms = self._anchors(y, start, own_s, own_w)
            total, count = total + part, count + terms
            if gradient:
                geometry.add(block, own_s, own_w, slopes)
        count = count or 1.0
        if gradient:
            geometry.finish(slopes)
            slopes /= slopes.dtype.type(count)
        return total / count, slopes

    def _anchors(self, y, start, s, w):
        if self.jit:
            return batch_kernels.anchors(bind(self, s.dtype), y, start, s, w)
        return batch_kernels.anchors.py_func(self, y, start, s, w)

    def _fill(self, y_true, raw_prediction, sample_weight, kinds, outs, qid=None):
        dtype = SINGLE if getattr(raw_prediction, "dtype", None) == SINGLE else DOUBLE
        y, z, groups = self._arranged(
            y_true, raw_prediction, sample_weight, qid, "raw_prediction", dtype
        )
        arrays = {}
        for kind, out in zip(kinds, outs, strict=True):
            shape = (groups.n_groups,) if kind == "v" else z.shape
            if out is not None:
                check_output(out, shape)
            arrays[kind] = np.empty(shape, dtype)
        for q, rows in enumerate(_slices(groups)):
            value, gradient = self._batch(y[rows], z[rows], gradient=kinds != "v")
            for kind, array in arrays.items():
                if kind == "v":
                    array[q] = value
                elif kind == "g":
                    array[rows] = gradient
                else:
                    h = self._hessian(y[rows], z[rows])
                    array[rows] = h if kind == "h" else np.where(h > 0, h, np.abs(gradient) + FLOOR)
        return tuple(
            deliver(array if kind == "v" else groups.restored(array), out)
            for (kind, array), out in zip(arrays.items(), outs, strict=True)
        )

    def _hessian(self, y, z):
        """Return the diagonal of the Hessian by differences of gradients: for few rows.

        On both sides of a place, not across it, where there may be a kink.
        """
        z, h = z.astype(DOUBLE), np.empty(z.shape)
        for place in np.ndindex(*z.shape):
            there, step = z[place], STEP * max(1.0, abs(z[place]))
            slopes = []
            for k in (-2.0, -1.0, 1.0, 2.0):
                z[place] = there + k * step
                slopes.append(self._batch(y, z, gradient=True)[1][place])
            z[place] = there
            sides = (slopes[1] - slopes[0]) / step, (slopes[3] - slopes[2]) / step
            apart = abs(sides[0] - sides[1]) > KINK * (1.0 + abs(sides[0]) + abs(sides[1]))
            h[place] = min(sides, key=abs) if apart else 0.5 * (sides[0] + sides[1])
        return h


def label_codes(y, owner):
    """Return labels as int64, those that are equal and no others equal.

    Parameters
    ----------
    y : array-like of shape (n,)
        Integers, or labels of one other kind.
    owner : str
        Who asks, for the message.
    """
    y = column_or_1d(y)
    if y.dtype.kind == "f":
        assert_all_finite(y, input_name="y_true")
        wrong = y != np.floor(y)
        if wrong.any():
            raise ValueError(
                f"{owner} can only be used on y_true being labels: integers or strings. "
                f"Got {y[wrong.argmax()]} instead."
            )
    if y.dtype.kind in "biu":
        return np.ascontiguousarray(y, np.int64)
    return np.unique(y, return_inverse=True)[1].astype(np.int64)


def _slices(groups):
    return [slice(a, b) for a, b in zip(groups.offsets[:-1], groups.offsets[1:], strict=True)]
