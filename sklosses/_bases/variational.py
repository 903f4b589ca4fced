"""`VariationalLoss`: a loss of rows whose prediction is several arrays, as of an autoencoder."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from sklearn.utils import assert_all_finite, check_consistent_length
from sklearn.utils.validation import check_non_negative

from .._arrays.inputs import DOUBLE, SINGLE, as_floats, require_rows, require_weight
from .._arrays.outputs import deliver
from .loss import REAL, Interval, Loss, TermLoss
from .optimum import weighted_mean
from .pointwise import PointwiseLoss

__all__ = ["REAL", "Interval", "Loss", "ReconstructionLoss", "VariationalLoss"]


class VariationalLoss(TermLoss):
    """A loss with a term a row, of several arrays of predictions such as means and log-variances.

    Subclasses define

    ==============================  ===========================================================
    ``split(self, y, z)``           the arrays that the columns of the array `z` are, a tuple
    ``target_rows(self, y, z)``     the target as floats, checked against predictions `z`
    ``value(self, y, z)``           the loss of each row, `z` the tuple of arrays
    ``grad(self, y, z)``            its derivatives, a tuple alike
    ``hess(self, y, z, psd)``       its second derivatives, or what stands in for them, alike
    ==============================  ===========================================================

    The array methods take `raw_prediction` as that tuple, or as one array with all columns side by
    side, and return derivatives alike. `sample_weight` multiplies each row. Values are of shape
    (n_samples,).
    """

    #: names of the arrays of predictions
    parts: ClassVar[tuple] = ("mean", "log_var")

    task: ClassVar[str] = "generative"
    rowwise: ClassVar[bool] = True  # as solvers see it: a row of columns
    response_method: ClassVar[None] = None
    jit: ClassVar[bool] = False
    target: ClassVar[Interval] = REAL
    curvature_floor: ClassVar[float] = 1e-6

    def __call__(self, y_true, y_pred, *, sample_weight=None, qid=None):
        """Return the weighted mean loss of predictions on the response scale.

        Parameters
        ----------
        y_true : array-like
            Targets, as in `values`.
        y_pred : tuple of array-like
            As `inverse_link` returns it.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.
        qid : ignored
            For losses on groups of rows.

        Returns
        -------
        float
            ``sum(w * loss) / sum(w)``.
        """
        self._validate_params()
        y, z, _ = self._checked(y_true, y_pred)
        w = self._weights(sample_weight, z)
        require_rows(w)
        require_weight(w.any())
        return self.mean_response(y, z, w)

    def mean_response(self, y, p, w):
        """Return the weighted mean loss on the response scale."""
        return weighted_mean(self.value(y, p), w)

    def inverse_link(self, raw_prediction):
        """Return the arrays of the response."""
        return raw_prediction

    # ------------------------------------------------------------------ inside

    def _checked(self, y_true, prediction):
        """Return target and arrays of one float dtype, and whether they were columns of one."""
        together = not isinstance(prediction, (tuple, list))
        arrays = [prediction] if together else prediction
        arrays = [np.atleast_2d(as_floats(array, "raw_prediction")) for array in arrays]
        single = all(array.dtype == SINGLE for array in arrays)
        arrays = [np.asarray(array, SINGLE if single else DOUBLE) for array in arrays]
        for array in arrays:
            assert_all_finite(array, input_name="raw_prediction")
        check_consistent_length(*arrays)
        z = self.split(y_true, arrays[0]) if together else tuple(arrays)
        y = self.target_rows(y_true, z)
        return y, z, together

    def _weights(self, sample_weight, z):
        shape, dtype = z[0].shape[:1], z[0].dtype
        if sample_weight is None:
            return np.ones(shape, dtype)
        w = np.broadcast_to(np.asarray(as_floats(sample_weight, "sample_weight"), dtype), shape)
        assert_all_finite(w, input_name="sample_weight")
        check_non_negative(w, "`sample_weight`")
        return w

    def _fill(self, y_true, raw_prediction, sample_weight, kinds, outs, qid=None):
        self._validate_params()
        y, z, together = self._checked(y_true, raw_prediction)
        w = self._weights(sample_weight, z)
        with np.errstate(over="ignore", invalid="ignore"):
            results = [self._filled(kind, y, z, w) for kind in kinds]
        pairs = zip(results, outs, strict=True)
        return tuple(self._delivered(result, out, together) for result, out in pairs)

    def _filled(self, kind, y, z, w):
        if kind == "v":
            return np.where(w > 0, w * self.value(y, z), 0)
        arrays = self.grad(y, z) if kind == "g" else self.hess(y, z, psd=kind == "c")
        if kind == "c":
            arrays = [np.maximum(array, self.curvature_floor) for array in arrays]
        w = w[:, None]
        return tuple(np.where(w > 0, w * array, 0) for array in arrays)

    def _delivered(self, result, out, together):
        if not isinstance(result, tuple):
            return deliver(result, out)
        if together:
            return deliver(np.hstack(result), out)
        outs = (None,) * len(result) if out is None else out
        return tuple(deliver(array, own) for array, own in zip(result, outs, strict=True))


class ReconstructionLoss(VariationalLoss):
    """A pointwise loss of each feature, plus a multiple of a loss of the code.

    Subclasses have the parameters `reconstruction` and `beta`, and `divergence`, a
    `VariationalLoss` whose target is None.
    """

    parts: ClassVar[tuple] = ("raw", "mean", "log_var")
    required: ClassVar[tuple] = ("divergence",)

    @property
    def inner(self):
        """The loss of the reconstruction."""
        from .._registry import get_loss

        return get_loss(self.reconstruction)

    def _key(self):
        return self.inner, self.beta  # by name or as an object

    @property
    def target(self):
        """The domain of the data."""
        return self.inner.target

    @property
    def prediction(self):
        """The domain of a reconstruction."""
        return self.inner.prediction

    @property
    def convex(self):
        """Whether both losses are."""
        return self.inner.convex and self.divergence.convex

    @property
    def smooth(self):
        """Whether both losses are."""
        return self.inner.smooth and self.divergence.smooth

    @property
    def hessian(self):
        """That of the reconstruction, unless it is constant."""
        return "surrogate" if self.inner.hessian == "surrogate" else "exact"

    def _validate_params(self):
        super()._validate_params()
        if not isinstance(self.inner, PointwiseLoss):
            raise ValueError(
                f"The reconstruction of {type(self).__name__} must be a pointwise loss. "
                f"Got {self.inner!r} instead."
            )
        self.inner._validate_params()

    def split(self, y, z):
        d = np.shape(y)[1]
        return z[:, :d], *self.divergence.split(None, z[:, d:])

    def target_rows(self, y, z):
        return np.atleast_2d(np.asarray(y, z[0].dtype))

    def value(self, y, z):
        return self.inner.values(y, z[0]).sum(axis=1) + self._divergence("value", z[1:])

    def grad(self, y, z):
        return self.inner.gradient(y, z[0]), *self._divergence("grad", z[1:])

    def hess(self, y, z, *, psd=False):
        first = self.inner.gradient_hessian(y, z[0], psd=psd)[1]
        return first, *self._divergence("hess", z[1:])

    def _divergence(self, method, code):
        found = getattr(self.divergence, method)(None, code)
        if isinstance(found, tuple):
            return tuple(self._times_beta(part) for part in found)
        return self._times_beta(found)

    def _times_beta(self, array):
        return self.beta * array if self.beta else np.zeros_like(array)  # also where it is infinite

    def mean_response(self, y, p, w):
        mean = y.shape[1] * self.inner(y, p[0], sample_weight=w)
        return mean + weighted_mean(self._divergence("value", p[1:]), w)

    def inverse_link(self, raw_prediction):
        """Return the reconstruction, means and log-variances."""
        raw, *code = raw_prediction
        return self.reconstructed(raw), *code

    def reconstructed(self, raw):
        """Return reconstructions from raw ones."""
        raw = np.asarray(raw)
        # flat: a row of features is no row of classes
        return self.inner.inverse_link(raw.reshape(-1)).reshape(raw.shape)

    def init_raw(self, y_true, sample_weight=None):
        """Return the best constants: raw outputs, and those of the code."""
        return self.inner.init_raw(y_true, sample_weight), *self.divergence.init_raw(None)

    # ------------------------------------------------------------------ for solvers

    def objective(self, y, rows, w, out_gradient):
        """Return the sum of ``w * value`` of rows of columns, and fill ``w * gradient``."""
        raw, *code = self.split(y, rows)
        raw = np.ascontiguousarray(raw)
        first = np.empty_like(raw)
        total = self.inner.objective(y, raw, w, first)
        parts = [w[:, None] * part for part in self._divergence("grad", code)]
        np.concatenate((first, *parts), axis=1, out=out_gradient)
        return total + float(w @ self._divergence("value", code))

    def _starts(self, y, w, n_raw):
        """Return the best constant of each column of a row and what it is measured in."""
        raw, scale = self.inner._starts(y, w, y.shape[1])
        width = n_raw - y.shape[1]
        return np.append(raw, np.zeros(width)), np.append(scale, np.ones(width))
