"""The scalar numerics against mpmath: every function, both precisions, compiled and as Python."""

import itertools
import math
import platform
import re
from functools import cache

import mpmath
import numba
import numpy as np
import pytest

from sklosses import _special
from sklosses._numba import specialise

MAX_ULP = 4.0
TOOLS = {"to_bits", "from_bits", "to_bits32", "from_bits32", "float32_of"}
NAMES = sorted(
    name
    for name, value in vars(_special).items()
    if getattr(value, "__module__", "") == _special.__name__ and name[0] != "_"
    if name not in TOOLS
)
DTYPES = [np.float64, np.float32]
FORMS = [("compiled", np.float64), ("compiled", np.float32), ("python", np.float64)]
ARITY = {name: getattr(_special, name).__code__.co_argcount for name in NAMES}


def _exact_log1pexp(x):
    return max(x, 0) + mpmath.log1p(mpmath.exp(-abs(x)))


def _exact_log_cosh(x):
    if abs(x) < 1:
        return mpmath.log1p(2 * mpmath.sinh(x / 2) ** 2)
    return abs(x) - mpmath.ln2 + mpmath.log1p(mpmath.exp(-2 * abs(x)))


# the definition in exact arithmetic, and the open interval an argument is drawn from
EXACT = {
    "exp": (mpmath.exp, -math.inf, math.inf),
    "exp_minus": (lambda x, c: mpmath.expm1(x) if c else mpmath.exp(x), -math.inf, math.inf),
    "exp_of_negative": (mpmath.exp, -math.inf, 0),
    "expit": (lambda x: 1 / (1 + mpmath.exp(-x)), -math.inf, math.inf),
    "expm1": (mpmath.expm1, -math.inf, math.inf),
    "log": (mpmath.log, 0, math.inf),
    "log1p": (mpmath.log1p, -1, math.inf),
    "log1pexp": (_exact_log1pexp, -math.inf, math.inf),
    "log_cosh": (_exact_log_cosh, -math.inf, math.inf),
    "logit": (lambda p: mpmath.log(p) - mpmath.log1p(-p), 0, 1),
    "power": (mpmath.power, 0, math.inf),
    "sqrt": (mpmath.sqrt, 0, math.inf),
    "tanh": (mpmath.tanh, -math.inf, math.inf),
    "xlogy": (lambda x, y: x * mpmath.log(y), 0, math.inf),
}


def _specials(eps):
    """Return {name: [(arguments, expected), ...]}, to be met exactly."""
    inf, nan = math.inf, math.nan
    one = {
        "clip_probability": {0: eps, 1: 1 - eps, 0.5: 0.5, -inf: eps, inf: 1 - eps},
        "exp": {0: 1, -inf: 0, inf: inf, -1e4: 0, 1e4: inf},
        "exp_of_negative": {0: 1, -inf: 0, -1e4: 0},
        "expit": {0: 0.5, -inf: 0, inf: 1, -1e4: 0, 1e4: 1},
        "expm1": {0: 0, -inf: -1, inf: inf, -1e4: -1, 1e4: inf},
        "log": {1: 0, 0: -inf, inf: inf, -1: nan, -inf: nan},
        "log1p": {0: 0, -1: -inf, inf: inf, -2: nan, -inf: nan},
        "log1pexp": {-inf: 0, inf: inf, -1e4: 0, 1e4: 1e4},
        "log_cosh": {0: 0, -inf: inf, inf: inf},
        "logit": {0: -inf, 1: inf, 0.5: 0, -0.5: nan, 1.5: nan, -inf: nan, inf: nan},
        "sqrt": {0: 0, 4: 2, inf: inf, -1: nan, -inf: nan},
        "tanh": {0: 0, -inf: -1, inf: 1, -1e4: -1, 1e4: 1},
    }
    two = {
        "exp_minus": {
            **{(-inf, c): -c for c in (0, 1)},
            **{(-1e4, c): -c for c in (0, 1)},
            **{(0, c): 1 - c for c in (0, 1)},
            **{(1e4, c): inf for c in (0, 1)},
            **{(inf, c): inf for c in (0, 1)},
        },
        "power": {
            **{(x, 0): 1 for x in (0, 0.3, 1, 7, inf)},
            **{(1, a): 1 for a in (-inf, -2, 3, inf)},
            **{(0, a): 0 for a in (0.5, 2, inf)},
            **{(0, a): inf for a in (-0.5, -inf)},
            **{(-1, a): nan for a in (0, 1, 2.5)},
            (inf, 0.5): inf,
            (inf, -0.5): 0,
            (2, inf): inf,
            (2, -inf): 0,
            (0.5, inf): 0,
        },
        "xlogy": {
            **{(0, y): 0 for y in (0, 1, 2, inf, -1)},
            (1, 0): -inf,
            (-1, 0): inf,
            (1, inf): inf,
            (1, -1): nan,
            (2, 1): 0,
        },
    }
    table = {name: [((x,), value) for x, value in rows.items()] for name, rows in one.items()}
    return table | {name: list(rows.items()) for name, rows in two.items()}


@cache
def _points(name, dtype):
    """Return the arguments to try: every few binades, the range of exp, and near what cancels."""
    rng = np.random.default_rng(sum(map(ord, name)))
    info = np.finfo(dtype)
    log_max = float(np.log(info.max))
    exponents = np.linspace(info.minexp - info.nmant, info.maxexp - 1, 300).round()
    binades = np.ldexp(rng.uniform(1, 2, 300), exponents.astype(int))
    near = np.ldexp(rng.uniform(1, 2, 60), -rng.integers(2, info.nmant + 2, 60))
    parts = [rng.uniform(-1.06 * log_max, 1.02 * log_max, 400), rng.uniform(-3, 3, 400)]
    parts += [rng.uniform(0, 1, 300), binades, -binades]
    parts += [centre + sign * near for centre in (-1, 0.5, 1) for sign in (-1, 1)]
    parts += [[-info.max, info.max, -math.log(2) / 2, math.log(2) / 2, math.log(2)]]
    pool = np.concatenate(parts).astype(dtype)
    _, low, high = EXACT[name]
    inside = rng.permutation(pool[(pool > low) & (pool < high) & (pool != 0)])
    if name == "xlogy":
        return rng.permutation(pool)[: len(inside)], inside
    if name == "exp_minus":
        return inside, rng.integers(0, 2, len(inside)).astype(dtype)
    if name == "power":
        logs = np.log(inside.astype(float))
        logs[logs == 0] = 1
        return inside, (rng.uniform(-50, 50, len(inside)) / logs).clip(-1e30, 1e30).astype(dtype)
    return (inside,)


@cache
def _expected(name, dtype):
    with mpmath.workprec(140):
        exact = EXACT[name][0]
        rows = zip(*_points(name, dtype), strict=True)
        return [exact(*(mpmath.mpf(float(x)) for x in row)) for row in rows]


@cache
def _loop(name, dtype):
    """Return a compiled loop that calls the function, as the kernels do."""
    function = specialise(getattr(_special, name), dtype is np.float32)
    if ARITY[name] == 1:

        def loop(x, out):
            for i in range(x.size):
                out[i] = function(x[i])

    else:

        def loop(x, y, out):
            for i in range(x.size):
                out[i] = function(x[i], y[i])

    array = numba.types.Array(numba.from_dtype(np.dtype(dtype)), 1, "C")
    compiled = numba.njit(error_model="numpy")(loop)
    compiled.compile((array,) * (ARITY[name] + 1))
    return compiled


def _evaluate(name, form, dtype, arrays):
    arrays = [np.ascontiguousarray(a, dtype) for a in arrays]
    if form == "python":
        function = getattr(_special, name)
        values = [function(*map(float, row)) for row in zip(*arrays, strict=True)]
        assert all(type(value) is float for value in values), "Python floats in, floats out"
        return np.array(values)
    out = np.empty_like(arrays[0])
    _loop(name, dtype)(*arrays, out)
    return out


def _ulps(got, want, info):
    """Return the error of `got` in units of the last place of `want`, inf where out of range."""
    if abs(want) >= mpmath.mpf(float(info.max)) * (1 + mpmath.mpf(2) ** -(info.nmant + 2)):
        return 0.0 if got == math.copysign(math.inf, want) else math.inf
    if not math.isfinite(got):
        return math.inf
    exponent = max(mpmath.frexp(want)[1] - 1 if want else info.minexp, info.minexp)
    return float(abs(mpmath.mpf(got) - want) * mpmath.mpf(2) ** (info.nmant - exponent))


def _assert_close(name, arrays, got, expected, limit=MAX_ULP):
    info = np.finfo(arrays[0].dtype)
    with mpmath.workprec(140):
        errors = [_ulps(float(g), w, info) for g, w in zip(got, expected, strict=True)]
    worst = int(np.argmax(errors))
    where = ", ".join(repr(float(a[worst])) for a in arrays)
    assert errors[worst] <= limit, (
        f"{name}({where}) is {float(got[worst])!r}, {errors[worst]:.2f} ulp from "
        f"{mpmath.nstr(expected[worst], 20)}"
    )


def test_every_function_has_a_reference():
    assert set(EXACT) | {"clip_probability"} == set(NAMES)
    assert set(_specials(0.0)) == set(NAMES)


@pytest.mark.parametrize(("form", "dtype"), FORMS)
@pytest.mark.parametrize("name", sorted(EXACT))
def test_accuracy(name, form, dtype):
    arrays = _points(name, dtype)
    got = _evaluate(name, form, dtype, arrays)
    _assert_close(name, arrays, got, _expected(name, dtype))


@pytest.mark.parametrize(("form", "dtype"), FORMS)
def test_power_up_to_the_ends_of_the_range(form, dtype):
    info = np.finfo(dtype)
    rng = np.random.default_rng(0)
    x = np.exp(rng.choice([-1, 1], 400) * rng.uniform(0.2, 2, 400) ** 3).astype(dtype)
    target = rng.uniform(1.05 * np.log(info.smallest_subnormal), 1.02 * np.log(info.max), 400)
    arrays = x, (target / np.log(x.astype(float))).astype(dtype)
    with mpmath.workprec(140):
        pairs = zip(*arrays, strict=True)
        expected = [mpmath.power(mpmath.mpf(float(x)), mpmath.mpf(float(a))) for x, a in pairs]
    got = _evaluate("power", form, dtype, arrays)
    _assert_close("power", arrays, got, expected, limit=2 * MAX_ULP)


@pytest.mark.parametrize(("form", "dtype"), FORMS)
@pytest.mark.parametrize("name", NAMES)
def test_special_values(name, form, dtype):
    rows = _specials(float(np.finfo(dtype).eps))[name]
    arrays = list(zip(*(row for row, _ in rows), strict=True))
    got = _evaluate(name, form, dtype, arrays)
    for (row, want), value in zip(rows, got, strict=True):
        assert value == want or (math.isnan(want) and math.isnan(value)), (
            f"{name}{row} is {value}, not {want}"
        )


@pytest.mark.parametrize(("form", "dtype"), FORMS)
@pytest.mark.parametrize("name", NAMES)
def test_nan_propagates(name, form, dtype):
    others = [-math.inf, -1.0, 0.0, 0.5, 1.0, 2.0, math.inf, math.nan]
    rows = np.array(list(itertools.product(others, repeat=ARITY[name])))
    rows = rows[np.isnan(rows).any(axis=1)]
    got = _evaluate(name, form, dtype, list(rows.T))
    assert np.isnan(got).all(), f"{name} is a number at {rows[~np.isnan(got)].tolist()}"


@pytest.mark.parametrize("name", NAMES)
def test_plain_python_never_raises(name):
    info = np.finfo(float)
    sizes = [0.0, 5e-324, float(info.tiny), 1e-9, 0.5, 1.0, 2.0, 709.9, 1e9, float(info.max)]
    floats = [sign * x for x in [*sizes, math.inf, math.nan] for sign in (-1, 1)]
    for row in itertools.product(floats, repeat=ARITY[name]):
        assert isinstance(getattr(_special, name)(*row), float), f"{name}{row}"


@pytest.mark.parametrize("name", ["expm1", "log1p", "tanh"])
@pytest.mark.parametrize(("form", "dtype"), FORMS)
def test_tiny_arguments_pass_through(name, form, dtype):
    info = np.finfo(dtype)
    x = np.array([info.tiny, 64 * info.tiny, 1e-30], dtype)
    x = np.concatenate([x, -x])
    np.testing.assert_array_equal(_evaluate(name, form, dtype, [x]), x)


@pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64"), reason="reads x86 assembly"
)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_loops_are_simd(name, dtype):
    (assembly,) = _loop(name, dtype).inspect_asm().values()
    width = "d" if dtype is np.float64 else "s"
    found = re.findall(rf"\bv?(?:mul|div|sqrt|min|max|fn?m\w+)p{width}\b", assembly)
    assert found, f"a loop over {name} compiled to scalar code only"
