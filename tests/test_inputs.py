"""What losses accept, refuse and say: arrays, weights, parameters, names, metadata, docs."""

from __future__ import annotations

import doctest
import importlib
import pickle
import pkgutil
import re
from math import inf
from typing import Annotated, ClassVar

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.utils._param_validation import InvalidParameterError

import sklosses as sl
from sklosses._bases.params import fields_of
from sklosses._kernels import terms as term_kernels
from sklosses._registry import FAMILIES, example_of
from sklosses.certify import random_parameters

LOSSES = [cls for cls in sl.all_losses() if issubclass(cls, sl.PointwiseLoss)]
NAMED = {"ids": lambda value: getattr(value, "__name__", None) or repr(value)[:40]}
nan = float("nan")


@pytest.fixture
def data(rng):
    """Return targets, predictions and weights."""
    return rng.normal(size=20), rng.normal(size=20), rng.integers(1, 4, 20).astype(float)


def calls(loss):
    """Return the array methods as functions of (y, z, w)."""
    return {
        "values": loss.values,
        "gradient": loss.gradient,
        "values_gradient": loss.values_gradient,
        "gradient_hessian": loss.gradient_hessian,
        "psd": lambda y, z, w=None: loss.gradient_hessian(y, z, w, psd=True),
        "metric": lambda y, z, w=None: loss(y, z, sample_weight=w),
    }


CALLS = list(calls(sl.Huber()))


# ------------------------------------------------------------------ bad arrays

A = np.array([1.0, 2.0, 3.0])
BAD = {
    "inconsistent lengths": (A, A[:2], None, ValueError, "inconsistent numbers of samples"),
    "a column against a vector": (A, A[:, None], None, ValueError, "same shape"),
    "a vector against a column": (A[:, None], A, None, ValueError, "same shape"),
    "inconsistent outputs": (np.ones((3, 2)), np.ones((3, 3)), None, ValueError, "same shape"),
    "three dimensions": (np.ones((3, 2, 2)), np.ones((3, 2, 2)), None, ValueError, "n_outputs"),
    "a nan in y_true": (np.array([1, nan, 3]), A, None, ValueError, "y_true contains NaN"),
    "an inf in y_true": (np.array([1, inf, 3]), A, None, ValueError, "y_true contains infinity"),
    "a nan in the prediction": (A, np.array([1, 2, nan]), None, ValueError, "contains NaN"),
    "an inf in the prediction": (A, np.array([1, 2, -inf]), None, ValueError, "contains infinity"),
    "a nan in the weights": (A, A, [1, 1, nan], ValueError, "sample_weight contains NaN"),
    "an inf in the weights": (A, A, [1, 1, inf], ValueError, "sample_weight contains infinity"),
    "a nan in a list": ([1.0, nan, 3.0], A, None, ValueError, "NaN"),
    "None in a list": ([1.0, None, 3.0], A, None, ValueError, "NaN"),
    "a nan in float32": (A, np.array([1, 2, nan], "f4"), None, ValueError, "contains NaN"),
    "an inf in float32": (A, np.array([1, 2, inf], "f4"), None, ValueError, "contains infinity"),
    "a negative weight": (A, A + 1, [1, -1, 1], ValueError, "[Nn]egative values.*sample_weight"),
    "weights of another length": (A, A, [1, 1], ValueError, "sample_weight.shape"),
    "weights of two dimensions": (A, A, np.ones((3, 1)), ValueError, "1D array or scalar"),
    "strings": (["a", "b", "c"], A, None, ValueError, "strings"),
    "predicted strings": (A, ["a", "b", "c"], None, ValueError, "strings"),
    "objects": (np.array([{}, 1, 2], dtype=object), A, None, (TypeError, ValueError), "."),
    "complex numbers": (A + 1j, A, None, ValueError, "Complex data not supported"),
    "a ragged list": ([[1], [1, 2], [3]], A, None, ValueError, "."),
    "no array": (None, A, None, (TypeError, ValueError), "."),
    "numbers": (1.0, 2.0, None, (TypeError, ValueError), "."),
    "sparse targets": (sparse.csr_array(A[None]), A, None, TypeError, "[Ss]parse"),
    "sparse predictions": (A, sparse.csr_matrix(A[None]), None, TypeError, "[Ss]parse"),
}


@pytest.mark.parametrize("case", list(BAD))
@pytest.mark.parametrize("method", CALLS)
def test_bad_arrays(case, method):
    y, z, w, error, message = BAD[case]
    with pytest.raises(error, match=message):
        calls(sl.Huber())[method](y, z, w)


@pytest.mark.parametrize("case", [c for c in BAD if "nan" in c or "inf" in c or "weight" in c])
def test_bad_arrays_of_a_numpy_loss(case):
    class Numpy(sl.PointwiseLoss):
        jit: ClassVar = False

        def value(self, y, z):
            return np.abs(y - z)

        def grad_hess(self, y, z):
            return np.sign(z - y), np.zeros_like(z)

    y, z, w, error, message = BAD[case]
    for method in ("values", "gradient", "metric"):
        with pytest.raises(error, match=message):
            calls(Numpy())[method](y, z, w)


@pytest.mark.parametrize("cls", LOSSES, **NAMED)
@pytest.mark.parametrize("place", ["y_true", "raw_prediction", "sample_weight"])
@pytest.mark.parametrize("bad", [nan, inf, -inf])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_every_loss_refuses_nan_and_inf(cls, place, bad, dtype):
    n = 3000  # several blocks, the bad one last
    arrays = {"y_true": np.ones(n, dtype), "raw_prediction": np.full(n, 0.5, dtype)}
    arrays["sample_weight"] = np.ones(n, dtype)
    arrays[place][-1] = bad
    loss = cls()
    with pytest.raises(ValueError, match=r"NaN|infinity|being|[Nn]egative"):
        loss.values(**arrays)
    arrays["y_pred"] = arrays.pop("raw_prediction")
    with pytest.raises(ValueError, match=r"NaN|infinity|being|[Nn]egative"):
        loss(**arrays)


def test_nan_is_refused_where_the_weight_is_zero():
    with pytest.raises(ValueError, match="NaN"):
        sl.Huber().values([1.0, nan], [1.0, 1.0], [1.0, 0.0])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_two_faults_do_not_cancel(dtype):
    """One target outside the domain, and a weight of -1: as many as a sum of signs would hide."""
    y, p, w = (np.array(a, dtype) for a in ([-1.0, 1.0], [1.0, 1.0], [2.0, -1.0]))
    with pytest.raises(ValueError, match=r"[Nn]egative"):
        sl.PoissonDeviance()(y, p, sample_weight=w)
    with pytest.raises(ValueError, match=r"[Nn]egative"):
        sl.PoissonDeviance().values(y, p, w)


def test_what_overflows_float32_is_infinite():
    z = np.ones(2, np.float32)
    with pytest.raises(ValueError, match="infinity"):
        sl.Huber().values([1.0, 1e300], z)
    with pytest.raises(ValueError, match="infinity"):
        sl.Huber().values([1.0, 1.0], z, [1.0, 1e300])


@pytest.mark.parametrize("method", [c for c in CALLS if c != "metric"])
def test_empty_arrays_have_empty_terms(method):
    result = calls(sl.Huber())[method](np.empty(0), np.empty(0))
    for array in result if isinstance(result, tuple) else (result,):
        assert array.shape == (0,)


def test_empty_arrays_have_no_mean():
    with pytest.raises(ValueError, match="0 sample"):
        sl.Huber()([], [])
    with pytest.raises(ValueError, match="0 sample"):
        sl.Huber().init_raw([])


@pytest.mark.parametrize("n", [3, 3000])
def test_all_zero_weights(n):
    y, w = np.ones(n), np.zeros(n)
    loss = sl.Huber()
    with pytest.raises(ValueError, match="at least one non-zero"):
        loss(y, y, sample_weight=w)
    with pytest.raises(ValueError, match="at least one non-zero"):
        loss.init_raw(y, w)
    # terms have no mean: all are 0
    assert_array_equal(loss.values(y, y + 1, w), w)
    assert_array_equal(loss.gradient(y, y + 1, w), w)


def test_zero_weight_removes_an_overflow():
    values = sl.SquaredError().values([0.0, 0.0], [1.0, 1e200], [1.0, 0.0])
    assert_array_equal(values, [1.0, 0.0])
    assert sl.SquaredError()([0.0, 0.0], [1.0, 1e200], sample_weight=[1.0, 0.0]) == 1.0


# ------------------------------------------------------------------ domains

DOMAINS = [
    (sl.PoissonDeviance(), "y_true", -1.0),
    (sl.PoissonDeviance(), "y_pred", 0.0),
    (sl.PoissonDeviance(), "y_pred", -1.0),
    (sl.GammaDeviance(), "y_true", 0.0),
    (sl.GammaDeviance(), "y_pred", 0.0),
    (sl.TweedieDeviance(1.5), "y_true", -0.5),
    (sl.TweedieDeviance(2.5), "y_true", 0.0),
    (sl.TweedieDeviance(-1.0), "y_pred", 0.0),
    (sl.SquaredLogError(), "y_true", -1.0),
    (sl.SquaredLogError(), "y_pred", -1.0),
    (sl.BinaryCrossEntropy(), "y_true", 1.5),
    (sl.BinaryCrossEntropy(), "y_true", -1.0),
    (sl.BinaryCrossEntropy(), "y_pred", 1.001),
    (sl.Focal(), "y_pred", -0.1),
    (sl.Brier(), "y_pred", 2.0),
    (sl.Hinge(), "y_true", -1.0),
    (sl.Hinge(), "y_true", 0.5),
    (sl.SquaredHinge(), "y_true", 2.0),
    (sl.ModifiedHuber(), "y_true", 0.25),
    (sl.Exponential(), "y_true", 0.5),
    (sl.Exponential(), "y_pred", 1.5),
]


@pytest.mark.parametrize(("loss", "name", "value"), DOMAINS, **NAMED)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_out_of_domain(loss, name, value, dtype):
    arrays = {"y_true": np.ones(5, dtype), "y_pred": np.full(5, 0.5, dtype)}
    arrays[name][3] = value
    shown = re.escape(f"Got {arrays[name][3]} instead")
    with pytest.raises(ValueError, match=f"{name}.*{shown}") as caught:
        loss(**arrays)
    assert type(loss).__name__ in str(caught.value)
    if name == "y_true":
        with pytest.raises(ValueError, match=f"y_true.*{shown}"):
            loss.values(arrays["y_true"], np.zeros(5, dtype))
        with pytest.raises(ValueError, match="y_true"):
            loss.init_raw(arrays["y_true"])


IN_DOMAIN = [
    (sl.PoissonDeviance(), 0.0, 0.5),
    (sl.TweedieDeviance(1.5), 0.0, 0.5),
    (sl.TweedieDeviance(0), -1.0, -1.0),
    (sl.TweedieDeviance(-1.0), -1.0, 0.5),
    (sl.SquaredLogError(), -0.5, -0.5),
    (sl.BinaryCrossEntropy(), 0.3, 0.0),
    (sl.BinaryCrossEntropy(), 0.0, 1.0),
    (sl.Focal(), 0.3, 1.0),
    (sl.Brier(), 0.3, 0.0),
    (sl.Hinge(), 0.0, -70.0),
    (sl.Exponential(), 1.0, 0.5),
]


@pytest.mark.parametrize(("loss", "y", "p"), IN_DOMAIN, **NAMED)
def test_in_domain(loss, y, p):
    assert np.isfinite(loss([y, y], [p, p]))


def test_raw_predictions_have_no_domain():
    for cls in LOSSES:
        assert np.isfinite(cls().values([1.0, 1.0], [-2.0, 2.0])).all()


# ------------------------------------------------------------------ parameters

PARAMETERS = [
    (sl.Pinball, "quantile", [1.5, 0.0, 1.0, -0.1, "a", True, None, nan, [0.5], np.array([0.5])]),
    (sl.Expectile, "level", [0, 1, 2.0, "0.5", True]),
    (sl.Huber, "delta", [-1, 0, 0.0, inf, nan, "a", True, np.bool_(True), None, 1j]),
    (sl.PseudoHuber, "delta", [-1.0, 0.0]),
    (sl.Cauchy, "scale", [-1.0, 0.0]),
    (sl.Tukey, "c", [-1.0, 0.0]),
    (sl.EpsilonInsensitive, "epsilon", [-1e-9, nan]),
    (sl.SquaredEpsilonInsensitive, "epsilon", [-1.0]),
    (sl.TweedieDeviance, "power", [0.5, 1e-9, 0.999, nan, "1.5", None]),
    (sl.BinaryCrossEntropy, "label_smoothing", [1.0, -0.1]),
    (sl.Focal, "gamma", [-0.5, None]),
    (sl.Focal, "alpha", [-0.1, 1.1, "balanced", False]),
]
BAD_PARAMETERS = [(cls, name, value) for cls, name, values in PARAMETERS for value in values]


def test_every_parameter_is_in_the_table():
    declared = {(cls, name) for cls in LOSSES for name in fields_of(cls)}
    assert declared == {(cls, name) for cls, name, _ in PARAMETERS}


@pytest.mark.parametrize(("cls", "name", "value"), BAD_PARAMETERS, **NAMED)
def test_bad_parameter_raises_at_use(cls, name, value):
    loss = cls(**{name: value})  # not in the constructor
    cls().set_params(**{name: value})  # not in set_params
    assert loss.get_params()[name] is value
    clone(loss, safe=False), repr(loss)
    message = rf"The '{name}' parameter of {cls.__name__} must be .* Got .* instead\."
    y, p = np.ones(3), np.full(3, 0.5)
    uses = [
        lambda: loss(y, p),
        lambda: loss.values(y, p),
        lambda: loss.gradient(y, p),
        lambda: loss.gradient_hessian(y, p),
        lambda: loss.init_raw(y),
        lambda: loss.inverse_link(p),
    ]
    for use in uses:
        with pytest.raises(InvalidParameterError, match=message):
            use()


GOOD_PARAMETERS = [
    (sl.Huber, "delta", [1, 1e-300, np.float32(2), np.int64(3), 1e300]),
    (sl.EpsilonInsensitive, "epsilon", [0, 0.0]),
    (sl.Focal, "alpha", [None, 0, 1, 0.25]),
    (sl.Focal, "gamma", [0]),
    (sl.TweedieDeviance, "power", [-3, 0, 1, 2, 3.5]),
    (sl.BinaryCrossEntropy, "label_smoothing", [0, 0.999]),
]


@pytest.mark.parametrize(("cls", "name", "values"), GOOD_PARAMETERS, **NAMED)
def test_good_parameters(cls, name, values):
    for value in values:
        loss = cls(**{name: value})
        assert not np.isnan(loss.values([1.0], [0.5])).any()


def test_set_params_takes_effect():
    loss = sl.Huber(1.0)
    assert_allclose(loss([0.0], [3.0]), 1 * (3 - 0.5))
    assert loss.set_params(delta=2.0) is loss
    assert_allclose(loss([0.0], [3.0]), 2 * (3 - 1))
    with pytest.raises(ValueError, match="Invalid parameter"):
        loss.set_params(quantile=0.5)


# ------------------------------------------------------------------ odd but good arrays


def odd_forms(y):
    """Return {name: the same numbers in another form}."""
    n = y.size
    read_only = y.copy()
    read_only.flags.writeable = False
    padded = np.zeros((n, 3))
    padded[:, 1] = y
    return {
        "a list": y.tolist(),
        "a tuple": tuple(y.tolist()),
        "read only": read_only,
        "strided": padded[:, 1],
        "reversed": y[::-1].copy()[::-1],
        "unaligned": np.frombuffer(b"x" + y.tobytes(), dtype=np.uint8)[1:].view(np.float64),
        "big endian": y.astype(">f8"),
        "a memmap": y.view(np.memmap),
        "a Series": pd.Series(y),
        "a shuffled index": pd.Series(y, index=np.random.default_rng(0).permutation(n)),
        "a duplicate index": pd.Series(y, index=np.zeros(n)),
        "nullable floats": pd.Series(y, dtype="Float64"),
        "objects": y.astype(object),
        "a subclass": y.view(np.matrix).A1,
        "long doubles": y.astype(np.longdouble),
    }


FORMS = list(odd_forms(np.arange(3.0)))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("method", ["values", "gradient_hessian", "metric"])
def test_odd_forms(form, method, data):
    y, z, w = data
    call = calls(sl.Huber())[method]
    expected = call(y, z, w)
    odd_y, odd_z, odd_w = (odd_forms(array)[form] for array in (y, z, w))
    for arguments in [(odd_y, z, w), (y, odd_z, w), (y, z, odd_w), (odd_y, odd_z, odd_w)]:
        assert_allclose(call(*arguments), expected)
    assert_allclose(sl.Huber().init_raw(odd_y, odd_w), sl.Huber().init_raw(y, w))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "int64", "bool", "float16", "Int64"])
def test_other_dtypes(dtype):
    y, z = np.array([0, 1, 1, 0]), np.array([1, 1, 0, 0])
    expected = sl.Huber().values(y.astype(float), z.astype(float))
    if dtype == "Int64":
        cast = [pd.Series(array, dtype=dtype) for array in (y, z)]
    else:
        cast = [array.astype(dtype) for array in (y, z)]
    values = sl.Huber().values(*cast)
    assert values.dtype == np.float64
    assert_array_equal(values, expected)
    assert_array_equal(sl.Huber()(*cast), expected.mean())
    binary = sl.BinaryCrossEntropy()
    assert_allclose(binary.values(cast[0], z), binary.values(y, z.astype(float)))


def test_missing_nullable_values_are_refused():
    y = pd.Series([1, None, 3], dtype="Int64")
    with pytest.raises(ValueError, match=r"NaN|NA"):
        sl.Huber().values(y, [1.0, 2.0, 3.0])


def test_series_is_not_aligned_by_its_index():
    """As in scikit-learn: rows go by position."""
    y = pd.Series([1.0, 2.0, 3.0], index=[2, 1, 0])
    z = pd.Series([1.0, 2.0, 5.0], index=[0, 1, 2])
    assert_array_equal(sl.SquaredError().values(y, z), [0, 0, 4])


@pytest.mark.parametrize("method", CALLS)
def test_inputs_are_never_modified(method, data):
    y, z, w = data
    copies = [array.copy() for array in data]
    calls(sl.Huber())[method](y, z, w)
    for array, copy in zip(data, copies, strict=True):
        assert_array_equal(array, copy)


@pytest.mark.parametrize("cls", LOSSES, **NAMED)
def test_init_raw_never_modifies(cls):
    y, w = np.array([1.0, 0.0, 1.0, 1.0]), np.array([1.0, 2.0, 0.0, 1.0])
    y = y if 0.0 in cls().target else y + 1
    copies = y.copy(), w.copy()
    read_only = y.copy(), w.copy()
    for array in read_only:
        array.flags.writeable = False
    cls().init_raw(y), cls().init_raw(y, w), cls().init_raw(*read_only)
    assert_array_equal(y, copies[0])
    assert_array_equal(w, copies[1])


class Counted(sl.PointwiseLoss):
    """A loss of this test only, so that what is compiled for it can be counted."""

    def value(self, y, z):
        return abs(z - y) + 0.125

    def grad_hess(self, y, z):
        return (1.0 if z > y else -1.0), 0.0


def test_odd_forms_compile_nothing_new(data):
    """§5.3 of the design: arrays are made alike in front of the kernels, which cost 0.5 s each."""
    loss = Counted()
    loss.values(*data)
    compiled_for, count = [], 1
    for form in FORMS:
        loss.values(*(odd_forms(array)[form] for array in data))
        known = term_kernels.fill.dispatcher.signatures
        before, count = count, sum("Counted" in signature[0].name for signature in known)
        compiled_for += [form] * (count - before)
    assert compiled_for == []


def test_results_do_not_share_memory(data):
    y, z, _ = data
    assert not np.shares_memory(sl.Huber().values(y, z), z)
    first, second = sl.Huber().values(y, z), sl.Huber().values(y, z)
    assert not np.shares_memory(first, second)


def test_scalar_weight_is_the_weight_of_all(data):
    y, z, _ = data
    assert_allclose(sl.Huber().values(y, z, 2.0), 2 * sl.Huber().values(y, z))
    assert_allclose(sl.Huber()(y, z, sample_weight=2.0), sl.Huber()(y, z))


# ------------------------------------------------------------------ float32

MIXED = [  # dtypes of y, z, w and of the result of the array methods
    ("f8", "f8", None, "f8"),
    ("f4", "f8", None, "f8"),
    ("f8", "f4", None, "f4"),
    ("f4", "f4", None, "f4"),
    ("f4", "f4", "f8", "f4"),
    ("i8", "f4", "i8", "f4"),
    ("f8", "i8", None, "f8"),
    ("f2", "f2", None, "f8"),
]


@pytest.mark.parametrize(("y", "z", "w", "result"), MIXED)
def test_result_dtype_is_that_of_the_prediction(y, z, w, result):
    ones = np.ones(4)
    weight = None if w is None else ones.astype(w)
    loss = sl.Huber()
    for array in loss.gradient_hessian(ones.astype(y), 3 * ones.astype(z), weight):
        assert array.dtype == np.dtype(result)
    assert isinstance(loss(ones.astype(y), ones.astype(z), sample_weight=weight), float)


@pytest.mark.parametrize("cls", LOSSES, **NAMED)
def test_metric_is_a_python_float(cls):
    for dtype in (np.float64, np.float32):
        assert type(cls()(np.ones(3, dtype), np.full(3, 0.5, dtype))) is float


# ------------------------------------------------------------------ out=


def test_out_is_filled_and_returned(data):
    y, z, w = data
    loss = sl.Huber()
    out = np.full(y.size, nan)
    assert loss.values(y, z, w, out=out) is out
    assert_array_equal(out, loss.values(y, z, w))
    assert loss.gradient(y, z, w, out=out) is out
    assert_array_equal(out, loss.gradient(y, z, w))


@pytest.mark.parametrize("method", ["values_gradient", "gradient_hessian"])
def test_out_pair(method, data):
    y, z, w = data
    call = getattr(sl.Huber(), method)
    expected = call(y, z, w)
    pair = np.full(y.size, nan), np.full(y.size, nan)
    result = call(y, z, w, out=pair)
    for got, out, wanted in zip(result, pair, expected, strict=True):
        assert got is out
        assert_array_equal(out, wanted)


OUTS = {
    "strided": lambda n, m: np.full((n, 3 * m), nan)[:, ::3],
    "Fortran": lambda n, m: np.full((n, m), nan, order="F"),
    "single": lambda n, m: np.full((n, m), nan, "f4"),
    "reversed": lambda n, m: np.full((n, m), nan)[::-1],
}


@pytest.mark.parametrize("form", list(OUTS))
def test_odd_out(form, rng):
    y, z = rng.normal(size=(2, 30, 2))
    out = OUTS[form](30, 2)
    assert sl.Huber().values(y, z, out=out) is out
    assert_allclose(out, sl.Huber().values(y, z), rtol=1e-6)


def test_out_may_be_an_input(data):
    y, z, _ = data
    expected = sl.Huber().gradient(y, z)
    other = z.copy()
    assert sl.Huber().gradient(y, other, out=other) is other
    assert_array_equal(other, expected)


@pytest.mark.parametrize("out", [np.empty(3), np.empty((20, 1)), [0.0] * 20, 1.0, "a"])
def test_bad_out(out, data):
    y, z, _ = data
    with pytest.raises(ValueError, match=re.escape("out must be an array of shape (20,)")):
        sl.Huber().values(y, z, out=out)


def test_bad_out_pair(data):
    y, z, _ = data
    one = np.empty(20)
    for out in ((one,), (one, one, one), one):
        with pytest.raises(ValueError):  # noqa: PT011
            sl.Huber().values_gradient(y, z, out=out)


def test_read_only_out(data):
    y, z, _ = data
    out = np.full(20, nan)
    out.flags.writeable = False
    with pytest.raises((ValueError, TypeError), match=r"read-only|writ"):
        sl.Huber().values(y, z, out=out)
    assert np.isnan(out).all()


# ------------------------------------------------------------------ several outputs


@pytest.mark.parametrize("cls", LOSSES, **NAMED)
@pytest.mark.parametrize("order", ["C", "F"])
def test_several_outputs(cls, order, rng):
    loss = cls()
    y = np.asarray(rng.integers(0, 2, (50, 2)), float, order=order)
    y = y if 0.0 in loss.target else y + 1
    p = np.asarray(rng.uniform(0.1, 0.9, (50, 2)), order=order)
    w = rng.integers(1, 4, 50).astype(float)
    columns = [loss.values(y[:, k], p[:, k], w) for k in range(2)]
    assert_allclose(loss.values(y, p, w), np.column_stack(columns))
    columns = [loss.gradient(y[:, k], p[:, k], w) for k in range(2)]
    assert_allclose(loss.gradient(y, p, w), np.column_stack(columns))
    means = [loss(y[:, k], p[:, k], sample_weight=w) for k in range(2)]
    assert_allclose(loss(y, p, sample_weight=w), np.mean(means))
    assert_allclose(loss(y, p), np.mean([loss(y[:, k], p[:, k]) for k in range(2)]))
    raws = [loss.init_raw(y[:, k], w) for k in range(2)]
    assert_allclose(loss.init_raw(y, w), raws)
    assert loss.inverse_link(p).shape == p.shape


def test_data_frames(rng):
    y, z = rng.normal(size=(2, 30, 3))
    index = rng.permutation(30)
    frames = pd.DataFrame(y, index=index), pd.DataFrame(z)
    assert_allclose(sl.Huber().values(*frames), sl.Huber().values(y, z))
    mixed = pd.DataFrame({"a": [1, 2], "b": [0.5, 1.5]})
    assert_allclose(sl.AbsoluteError()(mixed, np.zeros((2, 2))), (1 + 2 + 0.5 + 1.5) / 4)


def test_one_column_stays_a_column(rng):
    y, z = rng.normal(size=(2, 9, 1))
    assert sl.Huber().values(y, z).shape == (9, 1)
    assert_allclose(sl.Huber()(y, z), sl.Huber()(y[:, 0], z[:, 0]))


def test_two_columns_of_probabilities():
    loss = sl.BinaryCrossEntropy()
    p = np.array([0.2, 0.9])
    both = np.column_stack([1 - p, p])
    assert_allclose(loss([0, 1], both), loss([0, 1], p))
    assert_allclose(loss([0, 1], both.tolist()), loss([0, 1], p))
    assert_allclose(loss([0, 1], pd.DataFrame(both)), loss([0, 1], p))
    thirds = np.ones((2, 3)) / 3
    assert_allclose(loss([0, 1], thirds), np.log(3))  # three classes: `for_classes`
    for one, bad in ((sl.Focal(), thirds), (loss, p[:, None])):
        with pytest.raises(ValueError, match="shape"):
            one([0, 1], bad)
    with pytest.raises(ValueError, match="shape"):  # a decision is not two columns
        sl.Hinge()([0, 1], both)


# ------------------------------------------------------------------ parameter objects


def examples():
    for cls in LOSSES:
        yield cls()
        if fields_of(cls):
            yield cls(**random_parameters(cls, np.random.default_rng(1)))


EXAMPLES = list(examples())


@pytest.mark.parametrize("loss", EXAMPLES, ids=repr)
def test_parameter_object(loss):
    params = loss.get_params()
    assert list(params) == sorted(params) or set(params) == set(fields_of(type(loss)))
    assert type(loss)(**params) == loss
    assert clone(loss) == loss
    assert clone(loss) is not loss
    copy = pickle.loads(pickle.dumps(loss))
    assert copy == loss
    assert hash(copy) == hash(loss) == hash(clone(loss))
    assert repr(copy) == repr(loss)
    assert eval(repr(loss), vars(sl)) == loss  # the repr is the constructor
    assert type(loss)().set_params(**params) == loss
    assert loss.__name__ == loss._alias()
    assert {loss: 1}[copy] == 1


def test_equality():
    assert sl.Huber() == sl.Huber(1.0) == sl.Huber(delta=1)
    assert sl.Huber(1.0) != sl.Huber(2.0)
    assert sl.Huber(1.0) != sl.PseudoHuber(1.0)
    assert sl.Huber() != "huber"
    assert sl.Huber() != 1.0
    assert len({sl.Huber(), sl.Huber(1), sl.Huber(2), sl.Cauchy()}) == 3


def test_hash_of_odd_parameters():
    losses = [sl.Huber(np.array([1.0, 2.0])), sl.Huber([1.0]), sl.Huber({"a": 1}), sl.Huber({1, 2})]
    copies = [pickle.loads(pickle.dumps(loss)) for loss in losses]
    assert losses == copies
    assert [hash(loss) for loss in losses] == [hash(loss) for loss in copies]
    assert sl.Huber(np.array([1.0, 2.0])) != sl.Huber(np.array([1.0, 3.0]))


def test_losses_are_grouped_by_pandas():
    frame = pd.DataFrame(
        {
            "param_loss": [sl.Huber(1.0), sl.Cauchy(), sl.Huber(1.0), sl.Huber(2.0)],
            "score": [1.0, 2.0, 3.0, 4.0],
        }
    )
    means = frame.groupby("param_loss")["score"].mean()
    assert means.to_dict() == {sl.Huber(1.0): 2.0, sl.Cauchy(): 2.0, sl.Huber(2.0): 4.0}


def test_construction():
    assert sl.Focal(1.0, 0.5) == sl.Focal(gamma=1.0, alpha=0.5) == sl.Focal(1.0, alpha=0.5)
    with pytest.raises(TypeError, match="quantile"):
        sl.Huber(quantile=0.5)
    with pytest.raises(TypeError, match="too many positional"):
        sl.Huber(1.0, 2.0)
    with pytest.raises(TypeError, match="multiple values"):
        sl.Huber(1.0, delta=2.0)
    with pytest.raises(TypeError, match="too many positional"):
        sl.SquaredError(1.0)


def test_repr():
    assert repr(sl.Huber()) == "Huber()"
    assert repr(sl.Huber(delta=2.0)) == "Huber(delta=2.0)"
    assert repr(sl.Focal(gamma=1.0, alpha=0.25)) in (
        "Focal(gamma=1.0, alpha=0.25)", "Focal(alpha=0.25, gamma=1.0)",
    )  # fmt: skip
    assert str(sl.Huber()) == "Huber()"


def test_ratio_with_a_string_annotation():
    """This file's annotations are strings, as with ``from __future__ import annotations``."""

    class Late(sl.PointwiseLoss):
        ratio: Annotated[float, sl.Interval(0, inf)] = 2.0
        odd: NotImportedAnywhere = 1.0  # noqa: F821
        note: ClassVar[str] = "no parameter"

        def value(self, y, z):
            return self.ratio * abs(z - y)

        def grad_hess(self, y, z):
            return 0.0, 0.0

    assert set(Late().get_params()) == {"ratio", "odd"}
    assert_allclose(Late(3.0)([0.0], [2.0]), 6)
    with pytest.raises(InvalidParameterError, match="ratio"):
        Late(-1.0)([0.0], [2.0])


def test_required_parameter():
    class Required(sl.PointwiseLoss):
        ratio: float

        def value(self, y, z):
            return self.ratio * abs(z - y)

        def grad_hess(self, y, z):
            return 0.0, 0.0

    with pytest.raises(TypeError, match="ratio"):
        Required()
    assert_allclose(Required(2.0)([0.0], [2.0]), 4)
    assert repr(Required(2.0)) == "Required(ratio=2.0)"
    assert clone(Required(2.0)) == Required(2.0)


def test_subclass_inherits_and_overrides():
    class Wide(sl.Huber):
        delta: Annotated[float, sl.Interval(0, inf)] = 10.0

    assert Wide().get_params() == {"delta": 10.0}
    assert Wide() != sl.Huber(10.0)
    assert_allclose(Wide()([0.0], [4.0]), 8)
    assert sl.Huber().delta == 1.0


# ------------------------------------------------------------------ names

KNOWN = {
    "mse": sl.SquaredError, "mae": sl.AbsoluteError, "l1": sl.AbsoluteError, "l2": sl.SquaredError,
    "squared_error": sl.SquaredError, "quantile": sl.Pinball, "pinball": sl.Pinball,
    "log_loss": sl.BinaryCrossEntropy, "bce": sl.BinaryCrossEntropy, "huber": sl.Huber,
    "binary_cross_entropy": sl.BinaryCrossEntropy, "log_cosh": sl.LogCosh, "mape":
    sl.AbsolutePercentageError, "msle": sl.SquaredLogError, "poisson": sl.PoissonDeviance,
    "gamma": sl.GammaDeviance, "tweedie": sl.TweedieDeviance, "pseudo_huber": sl.PseudoHuber,
    "epsilon_insensitive": sl.EpsilonInsensitive, "modified_huber": sl.ModifiedHuber,
}  # fmt: skip


@pytest.mark.parametrize("name", list(KNOWN))
def test_name(name):
    assert type(sl.get_loss(name)) is KNOWN[name]


@pytest.mark.parametrize("cls", LOSSES, **NAMED)
def test_names_of_each_loss(cls):
    alias = cls._alias()
    assert re.fullmatch("[a-z]+(_[a-z]+)*", alias)
    assert alias.replace("_", "") == cls.__name__.lower()
    for name in (alias, *cls.aliases):
        assert type(sl.get_loss(name)) is cls
    assert type(sl.get_loss(cls)) is cls


def test_names_are_unique():
    names = [name for cls in LOSSES for name in (cls._alias(), *cls.aliases)]
    assert len(set(names)) == len(names)


def test_get_loss():
    loss = sl.Huber(2.0)
    assert sl.get_loss(loss) is loss
    assert sl.get_loss("huber", delta=2.0) == loss
    assert sl.get_loss(sl.Huber, delta=2.0) == loss
    with pytest.raises(TypeError, match="loss object already"):
        sl.get_loss(loss, delta=1.0)
    with pytest.raises(TypeError, match="quantile"):
        sl.get_loss("huber", quantile=0.5)
    for bad in (1.0, None, ["huber"], int):
        with pytest.raises(TypeError, match="name, a loss class or a loss object"):
            sl.get_loss(bad)


@pytest.mark.parametrize(
    ("typo", "meant"),
    [("hubber", "huber"), ("pinbal", "pinball"), ("mean_squared_eror", "mean_squared_error"),
     ("Huber", "huber"), ("logcosh", "log_cosh"), ("tweedy", "tweedie")],
)  # fmt: skip
def test_unknown_name_suggests_the_nearest(typo, meant):
    with pytest.raises(ValueError, match=f"Unknown loss '{typo}'. Did you mean '{meant}'"):
        sl.get_loss(typo)


def test_unknown_name_without_a_neighbour():
    with pytest.raises(ValueError, match=r"Known names.*huber"):
        sl.get_loss("xyzzy")


def test_all_losses_by_task():
    everything = sl.all_losses()
    assert set(LOSSES) <= set(everything)
    for task in FAMILIES:
        assert all(cls.task == task for cls in sl.all_losses(task))
    assert [cls for task in FAMILIES for cls in sl.all_losses(task)] == everything
    with pytest.raises(ValueError, match=r"'task' parameter.*regression"):
        sl.all_losses("regresion")


def test_redefined_loss_replaces_the_old_name():
    def define(factor):
        class RunTwice(sl.PointwiseLoss):
            def value(self, y, z):
                return factor * abs(z - y)

            def grad_hess(self, y, z):
                return 0.0, 0.0

        return RunTwice

    first = define(1.0)
    assert type(sl.get_loss("run_twice")) is first
    second = define(2.0)
    assert type(sl.get_loss("run_twice")) is second
    assert_allclose(sl.get_loss("run_twice")([0.0], [1.0]), 2.0)


# ------------------------------------------------------------------ metadata


@pytest.mark.parametrize("cls", sl.all_losses(), **NAMED)
def test_metadata(cls):
    loss = example_of(cls)
    assert loss.task in FAMILIES
    assert loss.hessian in ("exact", "surrogate", "constant")
    assert isinstance(loss.convex, bool)
    assert isinstance(loss.is_smooth, bool)
    assert isinstance(loss.target, sl.Interval)
    assert isinstance(loss.prediction, sl.Interval)
    known = ("predict", "predict_proba", "decision_function", "transform")
    # some generative losses compare no prediction with a target, and score no estimator
    assert loss.response_method in ((*known, None) if loss.task == "generative" else known)
    assert loss.formula.count("{") == loss.formula.count("}") > -1
    assert loss.formula.strip()
    assert len(loss.reference) > 5
    assert isinstance(loss.aliases, tuple)
    for table in (loss.names, loss.use_case, loss.choose_when):
        assert set(table) == {"en", "zh"}
        assert all(text.strip() == text and text for text in table.values())
        assert not re.search("[一-鿿]", table["en"])
        assert re.search("[一-鿿]", table["zh"])


@pytest.mark.parametrize("cls", sl.all_losses(), **NAMED)
def test_docstring(cls):
    doc = cls.__doc__
    for section in ("Notes", "References", "Examples"):
        assert re.search(rf"^\s*{section}\n\s*-+$", doc, re.M), section
    assert doc.split("\n")[0].endswith((".", ":"))
    for name in fields_of(cls):
        assert re.search(rf"^    {name} : ", doc, re.M), name
    assert ("Parameters\n" in doc) == bool(fields_of(cls))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_catalog(lang):
    table = sl.catalog(lang=lang)
    assert table.index.tolist() == [cls.__name__ for cls in sl.all_losses()]
    assert not table.isna().any(axis=None)
    assert (table.map(str) != "").all(axis=None)
    assert table.columns.is_unique
    assert sl.catalog("binary", lang=lang).index.tolist() == [
        cls.__name__ for cls in sl.all_losses("binary")
    ]


def test_catalog_in_another_language():
    with pytest.raises(ValueError, match=r"'lang' parameter.*'en', 'zh'"):
        sl.catalog(lang="de")


def test_catalog_goes_to_excel(tmp_path):
    pytest.importorskip("openpyxl", reason="pandas writes Excel files with it")
    sl.catalog(lang="zh").to_excel(tmp_path / "losses.xlsx")
    back = pd.read_excel(tmp_path / "losses.xlsx", index_col=0)
    assert back.shape == sl.catalog(lang="zh").shape


# ------------------------------------------------------------------ Interval


@pytest.mark.parametrize("closed", ["neither", "left", "right", "both"])
def test_interval(closed):
    interval = sl.Interval(0, 1, closed=closed)
    assert (0 in interval) == (closed in ("left", "both"))
    assert (1 in interval) == (closed in ("right", "both"))
    assert 0.5 in interval
    for outside in (-0.1, 1.1, nan, inf, "a", None, True, np.bool_(False)):
        assert outside not in interval
    low, high = interval.bounds(np.dtype(np.float32))
    assert low in interval
    assert high in interval
    assert (low == 0) == (0 in interval)
    assert (high == 1) == (1 in interval)


def test_interval_of_integers():
    interval = sl.Interval(0, 3, closed="both", integer=True)
    assert 2 in interval
    assert 2.0 in interval
    assert 2.5 not in interval
    assert "int" in str(interval)


def test_interval_refuses_an_unknown_end():
    with pytest.raises(ValueError, match="closed must be one of"):
        sl.Interval(0, 1, closed="open")
    with pytest.raises(AttributeError):
        sl.Interval(0, 1).low = 2


# ------------------------------------------------------------------ examples in docstrings


def modules():
    yield "sklosses"
    for module in pkgutil.walk_packages(sl.__path__, "sklosses."):
        if not module.name.endswith("__main__"):
            yield module.name


@pytest.mark.parametrize("name", list(modules()))
def test_docstring_examples(name):
    module = importlib.import_module(name)
    finder = doctest.DocTestFinder(exclude_empty=True)
    globs = {**vars(sl), **vars(module)}
    failed = 0
    for test in finder.find(module, name, globs=globs):
        failed += doctest.DocTestRunner(verbose=False).run(test).failed
    assert failed == 0


@pytest.mark.parametrize("cls", LOSSES, **NAMED)
def test_every_loss_has_an_example(cls):
    assert doctest.DocTestParser().get_examples(cls.__doc__)
