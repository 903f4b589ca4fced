"""The contract of a loss: `Loss`, what every one is, and `PointwiseLoss`, one number a term."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from . import _kernels, _numpy_kernels
from ._inputs import (
    DOUBLE,
    SINGLE,
    aligned,
    as_floats,
    as_weights,
    check_closely,
    limits_of,
)
from ._numba import bind
from ._optimum import clipped_logit, minimise_constant, weighted_mean, weighted_quantile
from ._params import REAL, Interval, Parametrized, fields_of, frozen

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "REAL", "Interval", "Loss", "PointwiseLoss", "clipped_logit", "weighted_mean",
    "weighted_quantile",
]  # fmt: skip

LABEL = Interval(0, 1, closed="both", integer=True)
RAW_NAMES = ("y_true", "raw_prediction")
RESPONSE_NAMES = ("y_true", "y_pred")
_WORD_ENDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class Loss(Parametrized):
    """What is common to all losses: parameters, name, metadata.

    Parameters are annotated class attributes; metadata are `ClassVar` attributes.

    Attributes
    ----------
    task : str
        The family: "regression", "binary", …
    target : Interval
        The domain of the target.
    prediction : Interval
        The domain of the prediction on the response scale.
    hessian : {"exact", "surrogate", "constant"}
        What `gradient_hessian` is good for: the true second derivative, one that vanishes where it
        exists (boosters then use the surrogate), or a constant.
    convex, smooth : bool
        In the raw prediction; smooth means continuously differentiable.
    formula : str
        LaTeX.
    use_case : dict
        Where to use it, by language ("en", "zh").
    reference : str
        Source, with its DOI where it has one.
    """

    task: ClassVar[str] = "regression"
    prediction: ClassVar[Interval] = REAL
    hessian: ClassVar[str] = "exact"
    convex: ClassVar[bool] = False
    smooth: ClassVar[bool] = True
    formula: ClassVar[str] = ""
    names: ClassVar[dict] = {}
    use_case: ClassVar[dict] = {}
    choose_when: ClassVar[dict] = {}
    reference: ClassVar[str] = ""
    aliases: ClassVar[tuple] = ()

    @classmethod
    def _alias(cls):
        return _WORD_ENDS.sub("_", cls.__name__).lower()

    @property
    def __name__(self):
        """The alias: functions have a name, and `make_scorer` shows it."""
        return self._alias()

    def _key(self):
        return tuple(frozen(getattr(self, name)) for name in fields_of(type(self)))

    def __eq__(self, other):
        if type(self) is not type(other):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self):
        try:
            return hash((type(self).__qualname__, self._key()))
        except TypeError:  # a parameter that cannot be hashed, such as a fitted network
            return hash(type(self).__qualname__)

    # tables of search results sort what they group by: losses among each other and among names

    def __lt__(self, other):
        return repr(self) < str(other) if isinstance(other, (Loss, str)) else NotImplemented

    def __gt__(self, other):
        return repr(self) > str(other) if isinstance(other, (Loss, str)) else NotImplemented

    def scorer(self, **kwargs):
        """Return a scorer of this loss: negated, with the right response method and labels.

        Parameters
        ----------
        **kwargs
            As in `make_loss_scorer`.

        Returns
        -------
        LossScorer
            To be passed as ``scoring=`` or called with ``(estimator, X, y)``.
        """
        from .scoring import make_loss_scorer

        return make_loss_scorer(self, **kwargs)


class PointwiseLoss(Loss):
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
        identity = type(self).response is PointwiseLoss.response
        return "decision_function" if identity else "predict_proba"

    scalar_methods: ClassVar[tuple] = (
        "value", "grad_hess", "curvature", "response", "link", "response_value",
    )  # fmt: skip
    curvature_floor: ClassVar[float] = 1e-6

    # ------------------------------------------------------------------ scalar defaults

    def curvature(self, y, z):
        g, h = self.grad_hess(y, z)
        h = h if h > 0.0 else abs(g)
        return h if h > self.curvature_floor else self.curvature_floor

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
        self._validate_params()
        y_pred = self._one_column(y_true, y_pred)
        y, p, w, _ = aligned(y_true, y_pred, sample_weight, RESPONSE_NAMES)
        if not y.size:
            raise ValueError("Found array with 0 sample(s) while a minimum of 1 is required.")
        backend, loss = self._backend(y.dtype)
        limits = limits_of(self.target, self.prediction, y.dtype)
        total, weight, suspect = backend.mean_response(loss, y, p, w, limits)
        if suspect != 0:
            self._check(y, p, w, RESPONSE_NAMES, self.prediction)
        if sample_weight is None:
            return total / y.size
        if weight == 0:
            raise ValueError("Sample weights must contain at least one non-zero number.")
        return total / weight

    def values(
        self,
        y_true: ArrayLike,
        raw_prediction: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        out: NDArray | None = None,
    ) -> NDArray:
        """Return the weighted loss of each term, of the shape of `raw_prediction`."""
        return self._fill(y_true, raw_prediction, sample_weight, "v", (out,))[0]

    def gradient(
        self,
        y_true: ArrayLike,
        raw_prediction: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        out: NDArray | None = None,
    ) -> NDArray:
        """Return the derivative of the weighted sum in each raw prediction."""
        return self._fill(y_true, raw_prediction, sample_weight, "g", (out,))[0]

    def values_gradient(
        self,
        y_true: ArrayLike,
        raw_prediction: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        out: tuple[NDArray, NDArray] | None = None,
    ) -> tuple[NDArray, NDArray]:
        """Return `values` and `gradient`, computed in one pass."""
        return self._fill(y_true, raw_prediction, sample_weight, "vg", out or (None, None))

    def gradient_hessian(
        self,
        y_true: ArrayLike,
        raw_prediction: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        psd: bool = False,
        out: tuple[NDArray, NDArray] | None = None,
    ) -> tuple[NDArray, NDArray]:
        """Return the gradient and the diagonal of the Hessian.

        With ``psd=True`` the second is a positive surrogate, as boosters need it; otherwise the
        true second derivative, which may be negative, and is 0 on linear pieces.
        """
        kinds = "gc" if psd else "gh"
        return self._fill(y_true, raw_prediction, sample_weight, kinds, out or (None, None))

    def inverse_link(self, raw_prediction: ArrayLike) -> NDArray:
        """Return the response: what ``predict`` or ``predict_proba`` shows for a raw prediction."""
        self._validate_params()
        z = as_floats(raw_prediction, "raw_prediction")
        if type(self).response is PointwiseLoss.response:
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
        if not y.size:
            raise ValueError("Found array with 0 sample(s) while a minimum of 1 is required.")
        w = as_weights(sample_weight, y.shape[:1], DOUBLE)
        y = np.asarray(y, DOUBLE)
        self._check(y.reshape(-1), np.zeros(0), w, RAW_NAMES, REAL)
        if sample_weight is None:
            w = np.ones(y.shape[0])
        if not w.any():
            raise ValueError("Sample weights must contain at least one non-zero number.")
        rows = w > 0
        y, w = y[rows], np.ascontiguousarray(w[rows])
        if y.ndim == 1:
            return float(self.optimal_constant(y, w))
        columns = (np.ascontiguousarray(column) for column in y.T)
        return np.array([self.optimal_constant(column, w) for column in columns])

    def optimal_constant(self, y, w):
        """Return the minimising raw constant of one column; override where it is known."""
        backend, loss = self._backend(DOUBLE)
        free = type(self).response is PointwiseLoss.response and self.task == "regression"
        return minimise_constant(
            lambda z: backend.constant_sums(loss, y, float(z), w), y, convex=self.convex, free=free
        )

    # ------------------------------------------------------------------ inside

    def _backend(self, dtype):
        return (_kernels, bind(self, dtype)) if self.jit else (_numpy_kernels, self)

    def _one_column(self, y_true, y_pred):
        """Return the probability of class 1 if `y_pred` holds both."""
        if self.response_method != "predict_proba" or np.ndim(y_pred) != 2:
            return y_pred
        if np.shape(y_pred)[1] == 2 and np.ndim(y_true) == 1:
            return as_floats(y_pred, "y_pred")[:, 1]
        return y_pred

    def _check(self, y, z, w, names, prediction):
        check_closely(type(self).__name__, y, z, w, names, self.target, prediction)

    def _fill(self, y_true, raw_prediction, sample_weight, kinds, outs):
        self._validate_params()
        single = getattr(raw_prediction, "dtype", None) == SINGLE
        dtype = SINGLE if single else DOUBLE
        y, z, w, shape = aligned(y_true, raw_prediction, sample_weight, RAW_NAMES, dtype)
        arrays = {
            kind: _flat_output(out, shape, dtype) for kind, out in zip(kinds, outs, strict=True)
        }
        backend, loss = self._backend(dtype)
        limits = limits_of(self.target, REAL, dtype)
        suspect = backend.fill(loss, y, z, w, limits, *(arrays.get(kind) for kind in "vghc"))
        if suspect != 0:
            self._check(y, z, w, RAW_NAMES, REAL)
        return tuple(
            _deliver(arrays[kind], out, shape) for kind, out in zip(kinds, outs, strict=True)
        )


def _flat_output(out, shape, dtype):
    """Return a flat array to compute into: `out` itself where it can be."""
    if out is None:
        return np.empty(int(np.prod(shape)), dtype)
    if not isinstance(out, np.ndarray) or out.shape != shape:
        raise ValueError(f"out must be an array of shape {shape}. Got {np.shape(out)} instead.")
    if not out.flags.writeable:
        raise ValueError("output array is read-only")
    if out.dtype == dtype and out.flags.c_contiguous:
        return out.reshape(-1)
    return np.empty(out.size, dtype)


def _deliver(flat, out, shape):
    if out is None:
        return flat.reshape(shape)
    if not np.may_share_memory(flat, out):
        out[...] = flat.reshape(shape)
    return out
