"""`RowwiseLoss`: a loss whose terms see a row of raw predictions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from scipy.optimize import minimize
from sklearn.utils import assert_all_finite, check_consistent_length
from sklearn.utils.validation import check_non_negative

from .._arrays.inputs import (
    DOUBLE,
    SINGLE,
    as_floats,
    as_kernels_take_it,
    as_labels,
    as_weights,
    check_domain,
    require_rows,
    require_weight,
)
from .._arrays.outputs import deliver, output
from .._kernels import rows as row_kernels
from .._kernels.curvature import curvature_of
from .._numba import bind, share
from .._special import float32_of
from .loss import TermLoss
from .optimum import softplus_inverse, weighted_mean, weighted_quantile
from .params import REAL, Interval, Numbers

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "REAL", "Interval", "Numbers", "RowwiseLoss", "class_shares", "share", "softplus_inverse",
    "weighted_mean", "weighted_quantile",
]  # fmt: skip

SUM_TOLERANCE = 1e-3  # of the shares of a row, whose sum is 1; float32 rows come close
DISTRIBUTION = Interval(0, 1, closed="both")
FEW_COLUMNS = 16  # up to which kinks are worth a search without gradients
LABELS = Interval(0, np.inf, closed="left", integer=True)


def _difference():
    """Return the relative step of a difference: the cube root of the rounding error, about."""
    return 1e-5


@float32_of(_difference)
def _difference32():
    return 5e-3


class RowwiseLoss(TermLoss):
    """A loss that is a sum over rows, each a function of one target and a row of raw predictions.

    Subclasses define, in plain Python, with `z` the row of raw predictions (k numbers):

    ==============================  ===========================================================
    ``value(self, y, z)``           the loss of one row
    ``grad(self, y, z, g)``         writes its derivatives into the row `g`
    ``hess(self, y, z, h)``         writes its second derivatives, the diagonal of the Hessian,
                                    into `h`; default: differences of ``grad``
    ``surrogate(self, g, h)``       a positive stand-in for one of them, for boosters
    ``response(self, z, out)``      writes the inverse link into `out`; default: identity
    ``response_value(self, y, p)``  the loss of a row on the response scale; default: ``value``
    ==============================  ===========================================================

    `y` is a number: for classes (``task = "multiclass"``) an integer from 0 to k − 1. Where targets
    are rows, as soft labels are, `y` is that row; ``share(y, j)`` reads both.

    `n_raw` is the number of columns of the raw predictions; None means one a class, or one a
    column of the targets. `n_outputs` is the number of columns of both, where targets are rows and
    the loss fixes their width.

    The array methods are those of `PointwiseLoss`, with `raw_prediction` of shape (n_samples, k)
    and values of shape (n_samples,).
    """

    rowwise: ClassVar[bool] = True
    jit: ClassVar[bool] = True
    n_raw: ClassVar[int | None] = None
    n_outputs: ClassVar[int | None] = None
    response_names: ClassVar[tuple] = ()  # of response columns: `predict` shows "mean" alone
    soft_labels: ClassVar[bool | None] = (
        None  # whether targets may be rows of shares; None: unknown
    )
    curvature_floor: ClassVar[float] = 1e-6
    scalar_methods: ClassVar[tuple] = (
        "value", "grad", "hess", "surrogate", "response", "response_value",
    )  # fmt: skip

    @property
    def target(self):
        """The domain of the target."""
        if self.task != "multiclass":
            return REAL
        return DISTRIBUTION if self.soft_labels else LABELS

    @property
    def response_method(self):
        """The method of an estimator that returns what the loss is called with."""
        if self.task != "multiclass":
            return "predict"
        return "predict_proba" if self._has_response() else "decision_function"

    @classmethod
    def _has_response(cls):
        return cls.response is not RowwiseLoss.response

    def _has_curvature(self):
        """Whether it says itself what its curvature is, for boosters."""
        return type(self).surrogate is not RowwiseLoss.surrogate

    # ------------------------------------------------------------------ defaults of a row

    def hess(self, y, z, h):
        there, g, here = z.copy(), z.copy(), z.copy()
        self.grad(y, z, here)
        for j in range(z.size):
            step = _difference() * (1.0 + abs(z[j]))
            there[j] = z[j] + step
            self.grad(y, there, g)
            right = (g[j] - here[j]) / step
            there[j] = z[j] - step
            self.grad(y, there, g)
            left = (here[j] - g[j]) / step
            there[j] = z[j]
            h[j] = 0.5 * (left + right)
            if abs(right - left) > 0.1 * (1.0 + abs(left) + abs(right)):  # a kink: of one side
                h[j] = right if abs(right) < abs(left) else left

    def surrogate(self, g, h):
        c = curvature_of(g, h)
        return c if c > self.curvature_floor else self.curvature_floor

    def response(self, z, out):
        for j in range(z.size):
            out[j] = z[j]

    def response_value(self, y, p):
        return self.value(y, p)

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
        y_true : array-like of shape (n_samples,) or (n_samples, n_classes)
            Targets: numbers, labels from 0, or rows of class shares.
        y_pred : array-like of shape (n_samples, k), or a tuple of its columns
            What ``predict_proba``, ``decision_function`` or ``predict`` returns.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.
        qid : ignored
            For losses on groups of rows.

        Returns
        -------
        float
            ``sum(w * loss) / sum(w)``.
        """
        if isinstance(y_pred, tuple):
            y_pred = np.column_stack(y_pred)
        y, p, w = self._aligned(y_true, y_pred, sample_weight, None, "y_pred")
        require_rows(p)
        assert_all_finite(p, input_name="y_pred")
        self._check_response(p)
        total, weight = self._mean_response(y, p, w)
        if sample_weight is None:
            return total / p.shape[0]
        require_weight(weight)
        return total / weight

    def inverse_link(self, raw_prediction: ArrayLike) -> NDArray:
        """Return the response: what ``predict`` or ``predict_proba`` shows for raw predictions."""
        self._validate_params()
        z = as_floats(raw_prediction, "raw_prediction")
        if not self._has_response():
            return z
        self._check_columns(z, "raw_prediction")
        out = np.empty(z.shape, z.dtype)
        if z.size:
            self._response(_rows(z, z.dtype), out)
        return out

    def init_raw(self, y_true: ArrayLike, sample_weight: ArrayLike | None = None, n_raw=None):
        """Return the raw constants that minimise the loss: an array of shape (k,), always finite.

        `n_raw` is their number where neither the loss nor the targets tell.
        """
        self._validate_params()
        y = as_floats(y_true, "y_true")
        require_rows(y)
        assert_all_finite(y, input_name="y_true")
        k = self.columns(y) if n_raw is None else n_raw
        y = self._checked_targets(y, k, DOUBLE)
        w = self._checked_weights(sample_weight, y.shape[0], DOUBLE)
        w = np.ones(y.shape[0]) if sample_weight is None else w
        require_weight(w.any())
        rows = w > 0
        return np.asarray(self.optimal_constant(y[rows], w[rows], k), DOUBLE)

    def columns(self, y):
        """Return the number of raw columns that targets `y` ask for."""
        if self.n_raw is not None:
            return self.n_raw
        if y.ndim == 2:
            return y.shape[1]
        if self.task != "multiclass":
            return 1
        return max(int(y.max()) + 1, 2)

    def optimal_constant(self, y, w, k):
        """Return the minimising raw constants; override where they are known."""
        return self._minimise(y, w, self._first_constant(y, w, k))

    def raw_scale(self, y, w):
        """Return what raw columns are measured in: where networks start, one unit is a lot."""
        return np.ones(self.columns(y))

    def _starts(self, y, w, k):
        """Return the best constant of each of `k` raw columns and what it is measured in."""
        scale = np.asarray(self.raw_scale(y, w), float)
        scale = np.broadcast_to(scale, (k,)) if scale.size == k else np.ones(k)
        return self.init_raw(y, w, k), scale

    # ------------------------------------------------------------------ inside

    def _first_constant(self, y, w, k):
        return np.zeros(k)

    def _of_constant(self, y, w):
        """Return a function: of a row that is predicted everywhere, the mean loss, its gradient."""
        total = w.sum()

        def mean(z):
            values, gradient = self.values_gradient(y, np.tile(z, (y.shape[0], 1)), w)
            return values.sum() / total, gradient.sum(axis=0) / total

        return mean

    def _minimise(self, y, w, start):
        k = start.size
        if y.ndim == 1 and self.task == "multiclass":  # one row a class, of its weight, is enough
            w, y = w.sum() * class_shares(y, w, k), np.arange(k)
            y, w = y[w > 0], w[w > 0]
        mean = self._of_constant(y, w)
        raw = descended(mean, start)
        if not self.is_smooth and k <= FEW_COLUMNS:
            raw = minimize(
                lambda z: mean(z)[0], raw, method="Nelder-Mead",
                options={"maxiter": 2000, "xatol": 1e-10, "fatol": 1e-14},
            ).x  # fmt: skip
        return raw if np.isfinite(raw).all() else start

    def _aligned(self, y_true, prediction, sample_weight, dtype, name):
        """Return targets, predictions (n, k) and weights, of matching lengths and dtype."""
        self._validate_params()
        z = as_floats(prediction, name)
        self._check_columns(z, name)
        y = y_true if self._takes_labels(y_true) else as_floats(y_true, "y_true")
        check_consistent_length(y, z)
        if dtype is None:
            exact = self.task != "multiclass" and getattr(y_true, "dtype", DOUBLE) == DOUBLE
            dtype = DOUBLE if exact else z.dtype
        with np.errstate(over="ignore"):  # what does not fit float32 is reported as infinite
            w = self._checked_weights(sample_weight, z.shape[0], dtype)
            z = _rows(z, dtype)
            return self._checked_targets(y, z.shape[1], dtype), z, w

    def _takes_labels(self, y):
        """Whether `y` are labels in the form of kernels: large ones are worth no copy."""
        return self.task == "multiclass" and type(y) is np.ndarray and y.dtype == np.int64

    def _check_columns(self, z, name):
        k = self.n_raw or self.n_outputs
        if z.ndim != 2 or z.shape[1] == 0:
            raise ValueError(
                f"{type(self).__name__} needs {name} of shape (n_samples, {k or 'k'}). "
                f"Got {z.shape} instead."
            )
        if k is not None and z.shape[1] != k:
            raise ValueError(f"{name} must have {k} columns. Got {z.shape[1]} instead.")

    def _checked_weights(self, sample_weight, n, dtype):
        w = as_weights(sample_weight, (n,), dtype)
        if sample_weight is not None:
            assert_all_finite(w, input_name="sample_weight")
            check_non_negative(w, "`sample_weight`")
        return w

    def _checked_targets(self, y, k, dtype):
        """Return targets as kernels take them: int64 labels, rows of shares, or numbers."""
        if y.ndim not in (1, 2):
            raise ValueError(f"y_true must be 1D or 2D. Got an array of shape {y.shape} instead.")
        if self.task != "multiclass":
            return self._checked_numbers(y, k, dtype)
        assert_all_finite(y, input_name="y_true")
        if y.ndim == 1:
            return as_labels(type(self).__name__, y, k)
        if self.soft_labels is False:
            raise ValueError(
                f"{type(self).__name__} needs labels of shape (n_samples,), integers from 0. "
                f"Got an array of shape {y.shape} instead."
            )
        if y.shape[1] != k:
            raise ValueError(f"y_true has {y.shape[1]} classes, the prediction {k} columns.")
        if (y < 0).any() or (np.abs(y.sum(axis=1) - 1) > SUM_TOLERANCE).any():
            raise ValueError("Rows of y_true must be class shares: not negative, with a sum of 1.")
        return _rows(y, dtype)

    def _checked_numbers(self, y, k, dtype):
        if y.ndim == 2 and self.n_raw is not None:
            raise ValueError(f"y_true must be 1D. Got an array of shape {y.shape} instead.")
        if self.n_outputs is not None and y.shape[1:] != (self.n_outputs,):
            raise ValueError(
                f"{type(self).__name__} needs y_true of shape (n_samples, {self.n_outputs}). "
                f"Got {y.shape} instead."
            )
        if y.ndim == 2 and y.shape[1] != k:
            raise ValueError(f"y_true has {y.shape[1]} columns, the prediction {k}.")
        y = _rows(y, dtype)
        assert_all_finite(y, input_name="y_true")
        check_domain(type(self).__name__, y, "y_true", self.target)
        return y

    def _check_response(self, p):
        """Raise if predictions on the response scale are out of its domain."""

    def _run(self, kernel, dtype, inputs, outs=()):
        """Run a kernel: compiled for `dtype`, or a row at a time in plain Python."""
        if self.jit:
            return kernel(bind(self, dtype), *inputs, *outs)
        # plain Python computes in double: so do the functions of `_special`
        inputs = [np.asarray(a, DOUBLE) if a.dtype == SINGLE else a for a in inputs]
        return kernel.py_func(self, *inputs, *outs)

    def _mean_response(self, y, p, w):
        return self._run(row_kernels.mean_response, p.dtype, (y, p, w))

    def _response(self, z, out):
        self._run(row_kernels.response, z.dtype, (z,), (out,))

    def _fill(self, y_true, raw_prediction, sample_weight, kinds, outs, qid=None):
        single = getattr(raw_prediction, "dtype", None) == SINGLE
        dtype = SINGLE if single else DOUBLE
        y, z, w = self._aligned(y_true, raw_prediction, sample_weight, dtype, "raw_prediction")
        arrays = {
            # a row is read again after some of it was written
            kind: output(out, z.shape[:1] if kind == "v" else z.shape, dtype, inputs=(y, z))
            for kind, out in zip(kinds, outs, strict=True)
        }
        if z.size and self._fill_rows(y, z, w, *(arrays.get(kind) for kind in "vghc")) != 0:
            assert_all_finite(z, input_name="raw_prediction")
        return tuple(deliver(arrays[kind], out) for kind, out in zip(kinds, outs, strict=True))

    def _fill_rows(self, y, z, w, *outs):
        return self._run(row_kernels.fill, z.dtype, (y, z, w), outs)

    def _row_filler(self):
        """Return what does so for single rows of doubles, with the least of ceremony."""
        return partial(row_kernels.fill, bind(self, DOUBLE)) if self.jit else self._fill_rows

    def objective(self, y, z, w, out_gradient):
        """Return the sum of ``w * value`` and fill ``w * gradient``: arrays are as kernels want."""
        values = np.empty(z.shape[0], z.dtype)
        self._fill_rows(y, z, w, values, out_gradient, None, None)
        return float(values.sum(dtype=DOUBLE))


def descended(mean, start):
    """Return where L-BFGS ends up: `mean` returns a number and its gradient."""
    options = {"maxiter": 500, "ftol": 1e-14, "gtol": 1e-9}
    return minimize(mean, start, jac=True, method="L-BFGS-B", options=options).x


def class_shares(y, w, k):
    """Return the share of each class in the weight: of labels or of rows of shares."""
    return (np.bincount(y, weights=w, minlength=k) if y.ndim == 1 else w @ y) / w.sum()


def _rows(array, dtype):
    return as_kernels_take_it(array, dtype).reshape(array.shape)
