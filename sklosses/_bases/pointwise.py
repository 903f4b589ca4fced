"""`PointwiseLoss`: a loss whose terms are functions of one target and one raw prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from sklearn.utils import assert_all_finite

from .._arrays.inputs import (
    DOUBLE,
    RAW_NAMES,
    RESPONSE_NAMES,
    SINGLE,
    aligned,
    as_floats,
    as_weights,
    check_closely,
    check_domain,
    limits_of,
    require_rows,
    require_weight,
)
from .._arrays.outputs import deliver, output
from .._kernels import newton as newton_kernels
from .._kernels import terms as term_kernels
from .._kernels import whole_arrays as numpy_kernels
from .._kernels.curvature import curvature_of
from .._numba import bind
from .loss import Loss, TermLoss
from .optimum import clipped_logit, minimise_constant, weighted_mean, weighted_quantile
from .params import REAL, Interval

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "REAL", "Interval", "PointwiseLoss", "clipped_logit", "weighted_mean", "weighted_quantile",
]  # fmt: skip

LABEL = Interval(0, 1, closed="both", integer=True)
ONE_SIGMA = (0.1587, 0.8413)  # quantiles a standard deviation from the median of a normal variable


class PointwiseLoss(TermLoss):
    """A loss that is a sum over terms, each a function of one target and one raw prediction.

    Subclasses define two scalar methods in plain Python and, if they need them, those below:

    ==============================  ===========================================================
    ``value(self, y, z)``           the loss of one term; `y` target, `z` raw prediction
    ``grad_hess(self, y, z)``       its first and second derivative in `z`
    ``curvature(self, y, z)``       a positive stand-in for the second derivative
    ``response(self, z)``           the inverse link; default: identity
    ``link(self, p)``               its inverse
    ``response_value(self, y, p)``  the loss on the response scale; default: through ``link``
    ==============================  ===========================================================

    The array methods below are the same for all. Their arguments:

    * `y_true` : array-like of shape (n_samples,) or (n_samples, n_outputs). Targets.
    * `raw_prediction` : array-like of the same shape. Model output on the link scale; float32 is
      computed in float32.
    * `sample_weight` : array-like of shape (n_samples,), default=None. Multiplies each term.

    They raise `ValueError` for NaN or infinity, inconsistent lengths, negative weights, targets
    outside `target`, and parameters outside their domain.
    """

    jit: ClassVar[bool] = True

    @property
    def target(self):
        """The domain of the target: labels 0 and 1 for binary losses, else all reals."""
        return LABEL if self.task == "binary" else REAL

    @property
    def response_method(self):
        """The method of an estimator that returns what the loss is called with."""
        if self.task == "regression":
            return "predict"
        return "predict_proba" if self._has_response() else "decision_function"

    @classmethod
    def _has_response(cls):
        return cls.response is not PointwiseLoss.response

    def _has_curvature(self):
        """Whether it says itself what its curvature is, for boosters."""
        return type(self).curvature is not PointwiseLoss.curvature

    scalar_methods: ClassVar[tuple] = (
        "value", "grad_hess", "curvature", "response", "link", "response_value",
    )  # fmt: skip
    curvature_floor: ClassVar[float] = 1e-6

    # ------------------------------------------------------------------ scalar defaults

    def curvature(self, y, z):
        g, h = self.grad_hess(y, z)
        c = curvature_of(g, h)
        return c if c > self.curvature_floor else self.curvature_floor

    def response(self, z):
        return z

    def link(self, p):
        return p

    def response_value(self, y, p):
        return self.value(y, self.link(p))

    # ------------------------------------------------------------------ array methods

    def __call__(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        qid: ArrayLike | None = None,
    ) -> float:
        """Return the weighted mean loss of predictions on the response scale.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        y_pred : array-like of the same shape
            What ``predict`` (``predict_proba``, ``decision_function``) returns. Binary losses on
            probabilities take the two columns of ``predict_proba`` as well.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.
        qid : ignored
            For losses on groups of rows.

        Returns
        -------
        float
            ``sum(w * loss) / sum(w)``; the mean over all entries for several outputs.
        """
        own = self._for_columns(y_pred, y_true)
        if own is not self:
            return own(y_true, y_pred, sample_weight=sample_weight)
        self._validate_params()
        y_pred = self._one_column(y_true, y_pred)
        y, p, w, _ = aligned(y_true, y_pred, sample_weight, RESPONSE_NAMES)
        require_rows(y)
        backend, loss = self._backend(y.dtype)
        limits = limits_of(self.target, self.prediction, y.dtype)
        total, weight, suspect = backend.mean_response(loss, y, p, w, limits)
        if suspect != 0:
            self._check(y, p, w, RESPONSE_NAMES, self.prediction)
        if sample_weight is None:
            return total / y.size
        require_weight(weight)
        return total / weight

    def inverse_link(self, raw_prediction: ArrayLike) -> NDArray:
        """Return the response: what ``predict`` or ``predict_proba`` shows for a raw prediction."""
        own = self._for_columns(raw_prediction)
        if own is not self:
            return own.inverse_link(raw_prediction)
        self._validate_params()
        z = as_floats(raw_prediction, "raw_prediction")
        if not self._has_response():
            return z
        flat = np.ascontiguousarray(z).reshape(-1)
        out = np.empty_like(flat)
        backend, loss = self._backend(flat.dtype)
        backend.response(loss, flat, out)
        return out.reshape(z.shape)

    def init_raw(self, y_true: ArrayLike, sample_weight: ArrayLike | None = None):
        """Return the raw constant that minimises the loss: a float, or an array an output.

        Always finite: clipped where the minimiser is at infinity (labels all 0, counts all 0).
        """
        self._validate_params()
        y = as_floats(y_true, "y_true")
        require_rows(y)
        w = as_weights(sample_weight, y.shape[:1], DOUBLE)
        y = np.asarray(y, DOUBLE)
        self._check(y.reshape(-1), np.zeros(0), w, RAW_NAMES, REAL)
        if sample_weight is None:
            w = np.ones(y.shape[0])
        require_weight(w.any())
        rows = w > 0
        y, w = y[rows], np.ascontiguousarray(w[rows])
        if y.ndim == 1:
            return float(self.optimal_constant(y, w))
        columns = (np.ascontiguousarray(column) for column in y.T)
        return np.array([self.optimal_constant(column, w) for column in columns])

    def columns(self, y):
        """Return the number of raw columns that targets `y` ask for."""
        return 1 if y.ndim == 1 else y.shape[1]

    def optimal_constant(self, y, w):
        """Return the minimising raw constant of one column; override where it is known."""
        backend, loss = self._backend(DOUBLE)
        free = self.task == "regression" and not self._has_response()
        return minimise_constant(
            lambda z: backend.constant_sums(loss, y, float(z), w), y, convex=self.convex, free=free
        )

    # ------------------------------------------------------------------ for solvers

    def objective(self, y, raw, w, out_gradient):
        """Return the sum of ``w * value`` and fill ``w * gradient``.

        Arrays are of one float dtype, contiguous and checked; `raw` of shape (n,) or (n, m).
        """
        backend, loss = self._backend(raw.dtype)
        if raw.size > w.size:
            w = np.repeat(w, raw.size // w.size)
        arrays = (array.reshape(-1) for array in (y, raw, w, out_gradient))
        return float(backend.objective(loss, *arrays))

    def newton_kernels(self):
        """Return the kernels of `newton_kernels`, and this loss as they take it (float64)."""
        return (newton_kernels, bind(self, DOUBLE)) if self.jit else (numpy_kernels, self)

    def raw_scale(self, y, w):
        """Return what raw predictions are measured in: the spread of the targets, or 1."""
        if self.task != "regression" or self._has_response():
            return 1.0
        low, high = weighted_quantile(y, ONE_SIGMA, w)
        return (high - low) / 2 or float(np.sqrt(weighted_mean((y - y.mean()) ** 2, w))) or 1.0

    def _starts(self, y, w, k):
        """Return the best constant of each of `k` raw columns and what it is measured in."""
        columns, weight = y.reshape(y.shape[0], k).T.astype(DOUBLE), w.astype(DOUBLE)
        scale = [self.raw_scale(column, weight) for column in columns]
        return np.atleast_1d(self.init_raw(y, w)), np.asarray(scale, float)

    # ------------------------------------------------------------------ inside

    def _backend(self, dtype):
        return (term_kernels, bind(self, dtype)) if self.jit else (numpy_kernels, self)

    def _for_columns(self, prediction, labels=None):
        """Return the form of the loss for a column a class, where it has one and that is meant."""
        several = type(self).for_classes is not Loss.for_classes and np.ndim(prediction) == 2
        if not several or (labels is not None and np.ndim(labels) != 1):
            return self
        return self.for_classes(np.shape(prediction)[1])

    def _one_column(self, y_true, y_pred):
        """Return the probability of class 1 if `y_pred` holds both."""
        if self.response_method != "predict_proba" or np.ndim(y_pred) != 2:
            return y_pred
        if np.shape(y_pred)[1] == 2 and np.ndim(y_true) == 1:
            return as_floats(y_pred, "y_pred")[:, 1]
        return y_pred

    def _check(self, y, z, w, names, prediction):
        check_closely(type(self).__name__, y, z, w, names, self.target, prediction)

    def _checked_targets(self, y, k, dtype):
        """Return targets as kernels take them: floats, `k` a row or, of one raw column, flat."""
        y = np.ascontiguousarray(y, dtype)
        assert_all_finite(y, input_name="y")
        check_domain(type(self).__name__, y, "y", self.target)
        return y

    def _fill(self, y_true, raw_prediction, sample_weight, kinds, outs, qid=None):
        own = self._for_columns(raw_prediction, y_true)
        if own is not self:
            return own._fill(y_true, raw_prediction, sample_weight, kinds, outs)
        self._validate_params()
        single = getattr(raw_prediction, "dtype", None) == SINGLE
        dtype = SINGLE if single else DOUBLE
        y, z, w, shape = aligned(y_true, raw_prediction, sample_weight, RAW_NAMES, dtype)
        arrays = {kind: output(out, shape, dtype) for kind, out in zip(kinds, outs, strict=True)}
        flat = [arrays[kind].reshape(-1) if kind in arrays else None for kind in "vghc"]
        backend, loss = self._backend(dtype)
        limits = limits_of(self.target, REAL, dtype)
        suspect = backend.fill(loss, y, z, w, limits, *flat)
        if suspect != 0:
            self._check(y, z, w, RAW_NAMES, REAL)
        return tuple(deliver(arrays[kind], out) for kind, out in zip(kinds, outs, strict=True))
