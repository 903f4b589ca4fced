"""Targets, predictions and weights as kernels want them: contiguous, one dtype, checked.

Arrays that are fine already pass through untouched; everything else goes through scikit-learn's
own `check_array`, which knows pandas, lists, missing values and its own words.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from sklearn.utils import assert_all_finite, check_array, check_consistent_length
from sklearn.utils.validation import check_non_negative

from .._kernels.terms import BLOCK

DOUBLE, SINGLE = np.dtype(np.float64), np.dtype(np.float32)
RAW_NAMES = ("y_true", "raw_prediction")
RESPONSE_NAMES = ("y_true", "y_pred")
_ONES = {dtype: np.ones(BLOCK, dtype) for dtype in (DOUBLE, SINGLE)}


def as_floats(array, name):
    """Return `array` as a float ndarray (float32 or float64), not copied if it is one."""
    if type(array) is np.ndarray and array.dtype in (DOUBLE, SINGLE):
        return array
    array = check_array(
        array, dtype="numeric", ensure_2d=False, allow_nd=True, ensure_min_samples=0,
        input_name=name,
    )  # fmt: skip
    return array if array.dtype in (DOUBLE, SINGLE) else array.astype(DOUBLE)


def as_weights(sample_weight, shape, dtype):
    """Return the weight of each term, or one block of ones where there are none."""
    if sample_weight is None:
        return _ONES[dtype]
    w = as_floats(sample_weight, "sample_weight")
    if w.ndim == 0:
        w = np.full(shape[:1], w)
    if w.ndim != 1:
        raise ValueError(
            f"Sample weights must be 1D array or scalar, got {w.ndim}D array. Expected either a "
            f"scalar value or a 1D array of length {shape[0]}."
        )
    if w.shape != shape[:1]:
        raise ValueError(f"sample_weight.shape == {w.shape}, expected {shape[:1]}!")
    if len(shape) > 1:
        w = np.repeat(w, shape[1])
    return as_kernels_take_it(w, dtype)


def require_rows(array):
    """Raise if there are none."""
    if not array.size:
        raise ValueError("Found array with 0 sample(s) while a minimum of 1 is required.")


def require_weight(total):
    """Raise if it is 0: there is no mean of nothing."""
    if not total:
        raise ValueError("Sample weights must contain at least one non-zero number.")


class _Writable:
    """The memory of a read-only array, declared writable."""

    def __init__(self, array):
        self.owner = array
        interface = array.__array_interface__
        self.__array_interface__ = {**interface, "data": (interface["data"][0], False)}


def as_kernels_take_it(array, dtype):
    """Return `array` flat and contiguous, in `dtype`, and not marked read-only.

    Kernels never write into their inputs; for read-only arrays Numba would compile each again.
    """
    array = np.ascontiguousarray(array, dtype).reshape(-1)
    return array if array.flags.writeable else np.asarray(_Writable(array))


def check_same_shape(y, z, names):
    """Raise unless target and prediction have one shape."""
    if y.shape != z.shape or y.ndim not in (1, 2):
        check_consistent_length(y, z)
        raise ValueError(
            f"{names[0]} and {names[1]} must have the same shape, (n_samples,) or "
            f"(n_samples, n_outputs). Got {y.shape} and {z.shape} instead."
        )


def aligned(y_true, prediction, sample_weight, names, dtype=None):
    """Return ``(y, z, w, shape)``: flat contiguous arrays of one dtype and the original shape.

    Float32 is kept if the prediction is float32 and, unless `dtype` says so, the target does not
    hold doubles.
    """
    z = as_floats(prediction, names[1])
    integral = getattr(y_true, "dtype", DOUBLE) != DOUBLE
    y = as_floats(y_true, names[0])
    if y.shape != z.shape or y.ndim != 1:
        check_same_shape(y, z, names)
    if dtype is None:
        dtype = SINGLE if z.dtype == SINGLE and integral else DOUBLE
    shape = z.shape
    with np.errstate(over="ignore"):  # what does not fit float32 is reported as infinite
        w = as_weights(sample_weight, shape, dtype)
        y = as_kernels_take_it(y, dtype)
        z = as_kernels_take_it(z, dtype)
    return y, z, w, shape


@lru_cache(maxsize=1024)
def limits_of(target, prediction, dtype):
    """Return what the kernels check against (see `_kernels.terms`): a tuple; None if all reals."""
    biggest = np.finfo(dtype).max
    ends = (*target.bounds(dtype), *prediction.bounds(dtype))
    if not target.integer and ends == (-biggest, biggest, -biggest, biggest):
        return None
    return tuple(dtype.type(end) for end in (*ends, target.integer))


def check_closely(owner, y, z, w, names, target, prediction):
    """Raise what is wrong with the input, in scikit-learn's words; return if nothing is."""
    for array, name in ((y, names[0]), (z, names[1]), (w, "sample_weight")):
        assert_all_finite(array, input_name=name)
    check_non_negative(w, "`sample_weight`")
    check_domain(owner, y, names[0], target)
    check_domain(owner, z, names[1], prediction)


def check_domain(owner, array, name, domain):
    """Raise unless all entries of `array` are in `domain`."""
    low, high = domain.bounds(array.dtype)
    wrong = ~((array >= low) & (array <= high))
    if domain.integer:
        wrong |= array != np.floor(array)
    if wrong.any():
        raise ValueError(
            f"{owner} can only be used on {name} being {domain}. "
            f"Got {array.flat[wrong.argmax()]} instead."
        )


def as_labels(owner, y, k):
    """Return labels as int64; raise unless they are integers from 0 to ``k - 1``."""
    with np.errstate(invalid="ignore"):
        labels = np.ascontiguousarray(y, np.int64)
    if labels is y and (not y.size or (y.min() >= 0 and y.max() < k)):
        return as_kernels_take_it(y, labels.dtype)
    wrong = (labels != y) | (labels < 0) | (labels >= k)
    if wrong.any():
        raise ValueError(
            f"{owner} needs labels to be integers from 0 to {k - 1}, the columns of the "
            f"prediction. Got {y[wrong.argmax()]} instead."
        )
    return labels
