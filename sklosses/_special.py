"""Scalar numerics that are stable, and that LLVM turns into SIMD when a loop calls them.

Plain Python on floats, which never raises (overflow gives inf, a domain error nan, and nan stays
nan), compiled by the bridge for float64 and float32. Numba's wheels bring no vector libm, so one
``math.exp`` keeps a loop scalar; here are straight lines of sums, products and selects instead.
Errors stay below 3 ulp everywhere (`power`: see there); ``tests/test_special.py`` measures them.

What makes them vectorise and must survive edits:

* No branches: ``a if c else b`` on cheap values becomes a select. Only Python is lazy about it.
* No conversions between integers and floats (AVX2 has none for 64 bits). Adding 1.5 * 2**52 rounds
  a double to an integer, found in its low bits. The flag ``reassoc`` would fold such sums away;
  ``contract`` is harmless, as each product whose rounding matters is exact anyway.
* ``max(x, 0.0)``, never ``max(0.0, x)``: a nan stays when it comes first.

The formulas serve both precisions. What differs sits in small functions with a float32 twin, which
is right in float32 arithmetic only: compiled, or on ``numpy.float32`` scalars. The sign of a zero
result is not kept (``nsz``).

References
----------
.. [1] W. J. Cody and W. Waite, "Software Manual for the Elementary Functions", 1980.
.. [2] Sun Microsystems, fdlibm 5.3, 1993 (``e_log.c``, ``e_pow.c``, ``s_log1p.c``); the
   single-precision coefficients of log are from FreeBSD's ``k_logf.h``.
"""

# A file of coefficients and thresholds:

import struct
from math import fabs, inf, nan
from math import sqrt as _sqrt

# ln 2 = HIGH + LOW, HIGH of 16 bits so that k * HIGH is exact in both precisions; ln 1.5 alike
LN2_HIGH = 0.693145751953125
LN2_LOW = 1.4286068203094173e-06
LN1_5_HIGH = 0.4054718017578125
LN1_5_LOW = -6.693649648118022e-06
LN2 = 0.6931471805599453
LOG2_E = 1.4426950408889634


# ------------------------------------------------------------ bits (intrinsics in the bridge)


def to_bits(x):
    """Return the bits of the double `x` as a signed integer."""
    return struct.unpack("<q", struct.pack("<d", x))[0]


def from_bits(n):
    """Return the double whose bits are the low 64 of `n`."""
    return struct.unpack("<d", struct.pack("<Q", n & 0xFFFFFFFFFFFFFFFF))[0]


def to_bits32(x):
    """Return the bits of the single `x` as a signed integer."""
    return struct.unpack("<i", struct.pack("<f", x))[0]


def from_bits32(n):
    """Return the single whose bits are the low 32 of `n`."""
    return struct.unpack("<f", struct.pack("<I", n & 0xFFFFFFFF))[0]


def float32_of(function):
    """Declare the decorated function to be what float32 code calls instead of `function`."""

    def declare(twin):
        function.float32 = twin
        return twin

    return declare


# ------------------------------------------------------------ parts that depend on the precision


def _exp_range():
    """Return where exp underflows to 0, where it overflows, and the rounding constant.

    Adding the last, 1.5 * 2**52 + 1023, leaves in the low bits the exponent field of 2**k.
    """
    return -746.0, 710.0, 6755399441056767.0


@float32_of(_exp_range)
def _exp_range32():
    return -104.0, 89.0, 12583039.0


def _power_of_two(t):
    """Return 2**k for t = k + the rounding constant."""
    return from_bits(to_bits(t) << 52)


@float32_of(_power_of_two)
def _power_of_two32(t):
    return from_bits32(to_bits32(t) << 23)


def _exp_tail(r):
    """Return (e**r - 1 - r) / r**2 for abs(r) <= ln(2)/2, minimax (Remez), 2**-57 of e**r."""
    z = r * r  # even and odd powers apart: two short chains keep more of the processor busy
    even = 2.4801492388356134e-05 + z * 2.7630523454243115e-07
    odd = 2.7557588429976853e-06 + z * 2.4999855407296043e-08
    even = 0.5000000000000011 + z * (0.0416666666665281 + z * (0.0013888888944249083 + z * even))
    odd = 0.16666666666666408 + z * (0.008333333333496928 + z * (0.00019841269502731754 + z * odd))
    return even + r * odd


@float32_of(_exp_tail)
def _exp_tail32(r):
    p = 0.00836885068565607 + r * 0.0013814320554956794
    p = 0.041668400168418884 + r * p
    return 0.4999999403953552 + r * (0.1666651964187622 + r * p)


def _significand(x):
    """Return (m, k) with x = m * 2**k and m in [sqrt(1/2), sqrt(2)), for a normal x > 0."""
    n = to_bits(x) + 0x00095F619980C433  # bits of 1 less those of sqrt(1/2)
    m = from_bits((n & 0x000FFFFFFFFFFFFF) + 0x3FE6A09E667F3BCD)
    # the exponent as the low bits of a double near 2**52: a conversion by subtraction
    return m, from_bits(((n >> 52) & 0xFFF) | 0x4330000000000000) - 4503599627371519.0


@float32_of(_significand)
def _significand32(x):
    n = to_bits32(x) + 0x004AFB0D
    m = from_bits32((n & 0x007FFFFF) + 0x3F3504F3)
    return m, from_bits32(((n >> 23) & 0x1FF) | 0x4B000000) - 8388735.0


def _log_tail(z):
    """Return log((1+s)/(1-s))/s - 2 as a polynomial in z = s**2 <= 0.0295 (fdlibm)."""
    p = 0.1818357216161805012 + z * (0.1531383769920937332 + z * 0.1479819860511658591)
    p = 0.2857142874366239149 + z * (0.2222219843214978396 + z * p)
    return z * (0.6666666666666735130 + z * (0.3999999999940941908 + z * p))


@float32_of(_log_tail)
def _log_tail32(z):
    p = 0.28498786688 + z * 0.24279078841
    return z * (0.66666662693 + z * (0.40000972152 + z * p))


def _power_tail(z):
    """Return the same for z <= 0.0104, closer: minimax (Remez), 2**-65 in the logarithm."""
    p = 0.222222644210349 + z * (0.1817531080541631 + z * 0.15862327649764488)
    return z * (0.6666666666666666 + z * (0.40000000000147984 + z * (0.2857142844224751 + z * p)))


@float32_of(_power_tail)
def _power_tail32(z):
    return z * (0.6666666666666666 + z * (0.3999794125556946 + z * 0.2898138761520386))


def _upper(x):
    """Return `x` without the lower half of its significand: products of two such are exact."""
    return from_bits(to_bits(x) & -0x8000000)


@float32_of(_upper)
def _upper32(x):
    return from_bits32(to_bits32(x) & -0x1000)


def _log_cosh_tail(z):
    """Return log(cosh(x))/x**2 as a polynomial in z = x**2 <= 9/16, minimax (Remez), 2**-56."""
    p = 3.959821513566389e-06 + z * (-1.092066256890665e-06 + z * 1.7254962193262885e-07)
    p = 3.2683723590716254e-05 + z * (-1.170856172371708e-05 + z * p)
    p = 0.00025657583756424603 + z * (-9.096401183979243e-05 + z * p)
    p = 0.0021869488070861624 + z * (-0.0007386023737138606 + z * p)
    p = 0.022222222222171472 + z * (-0.006746031743864251 + z * p)
    return 0.5 + z * (-0.08333333333333291 + z * p)


@float32_of(_log_cosh_tail)
def _log_cosh_tail32(z):
    p = 0.0020203785970807076 + z * -0.0004337844729889184
    p = 0.022217050194740295 + z * (-0.006702145095914602 + z * p)
    return 0.5 + z * (-0.08333313465118408 + z * p)


def _epsilon():
    """Return the distance from 1 to the next float."""
    return 2.220446049250313e-16


@float32_of(_epsilon)
def _epsilon32():
    return 1.1920928955078125e-07


# ------------------------------------------------------------ exponentials


def _reduce(x, low, shift):
    """Return (q, s) with exp(x + low) = (1 + q) * s; s = 2**k if `shift` is the rounding constant.

    `low` is a correction far below `x`; a shift off by n makes s = 2**(k + n).
    """
    t = x * LOG2_E + shift
    k = t - shift
    r = ((x - k * LN2_HIGH) - k * LN2_LOW) + low
    return r + r * r * _exp_tail(r), _power_of_two(t)


def _exp_sum(x, low):
    """Return exp(x + low); 2**k alone leaves the range before the result does, at both ends."""
    bottom, top, shift = _exp_range()
    low = low if bottom < x < top else 0.0
    shift = shift + 54.0 if x < 0.0 else shift - 2.0
    q, s = _reduce(min(max(x, bottom), top), low, shift)
    return (s + s * q) * (5.551115123125783e-17 if x < 0.0 else 4.0)  # 2**-54, 2**2


def exp_of_negative(x):
    """Return exp(x) for x <= 0, with less to guard than `_exp_sum`."""
    bottom, _, shift = _exp_range()
    q, s = _reduce(max(x, bottom), 0.0, shift + 54.0)
    return (s + s * q) * 5.551115123125783e-17


def exp(x):
    """Return e**x."""
    return _exp_sum(x, 0.0)


def expm1(x):
    """Return e**x - 1, to full precision near 0."""
    _, top, shift = _exp_range()
    # half of 2**k, since 2**1024 does not fit; below -60 the result is -1
    q, s = _reduce(min(max(x, -60.0), top), 0.0, shift - 1.0)
    return 2.0 * (s * q + (s - 0.5))


def exp_minus(x, c):
    """Return e**x - c for c = 0 or 1: `exp` and `expm1` in one, where each term needs either."""
    bottom, top, shift = _exp_range()
    shift = shift + 54.0 if x < 0.0 else shift - 2.0
    q, s = _reduce(min(max(x, bottom), top), 0.0, shift)
    c = c * (18014398509481984.0 if x < 0.0 else 0.25)
    return (s * q + (s - c)) * (5.551115123125783e-17 if x < 0.0 else 4.0)  # 2**-54, 2**2


# ------------------------------------------------------------ logarithms


def _split(x):
    """Return what `_significand` does, also for subnormal `x`."""
    small = x < 1e-30
    m, k = _significand(x * 18014398509481984.0 if small else x)
    return m, k - (54.0 if small else 0.0)


def _log_sum(f, k):
    """Return log((1 + f) * 2**k) for 1 + f in [sqrt(1/2), sqrt(2)].

    log(1 + f) = 2 s + s R(s**2) = f - s (f - R): the exact `f` leads.
    """
    s = f / (2.0 + f)
    return k * LN2_HIGH - ((s * (f - _log_tail(s * s)) - k * LN2_LOW) - f)


def _log_domain(x, y):
    """Return `y`, the logarithm of `x`, corrected where `x` is not finite and positive."""
    y = y if x < inf else x
    return y if x > 0.0 else (-inf if x == 0.0 else nan)


def log(x):
    """Return the natural logarithm of `x`: -inf at 0, nan below."""
    m, k = _split(x)
    return _log_domain(x, _log_sum(m - 1.0, k))


def log1p(x):
    """Return log(1 + x), to full precision near 0."""
    u = 1.0 + x
    m, k = _significand(u)
    # what rounding lost in u, on the scale of m; where k = 0, the sum below is x itself
    lost = (x - (u - 1.0)) * (m / (u if u > 0.0 else 1.0))
    return _log_domain(u, _log_sum((m - 1.0) + lost, k))


def _log1p_unit(u):
    """Return log(1 + u) for u in [0, 1], all that a softplus needs."""
    far = u > 0.41421356
    f = 0.5 * u - 0.5 if far else u
    s = f / (2.0 + f)
    return (f - s * (f - _log_tail(s * s))) + (LN2 if far else 0.0)


def xlogy(x, y):
    """Return x * log(y), and 0 where x = 0 whatever `y` is, nan excepted."""
    product = x * log(y)
    return product if x != 0.0 else (0.0 if fabs(y) <= inf else y)


# ------------------------------------------------------------ the logistic family


def log1pexp(x):
    """Return log(1 + e**x), the softplus."""
    return max(x, 0.0) + _log1p_unit(exp_of_negative(-fabs(x)))


def expit(x):
    """Return 1 / (1 + e**-x).

    Compiled, it shares its exponential with `log1pexp`, and all of its work with ``expit(-x)``.
    """
    e = exp_of_negative(-fabs(x))
    high = 1.0 / (1.0 + e)
    return high if x > 0.0 else e * high


def logit(p):
    """Return log(p / (1 - p)): -inf at 0, inf at 1, nan outside [0, 1]."""
    q = 1.0 - p
    x = p / q if q != 0.0 else inf
    m, k = _split(x)
    d = q if q != 0.0 else 1.0
    # near p = 1/2 the odds round too coarsely, whereas 2p - 1 is exact; elsewhere put back what
    # rounding lost in q
    f = (2.0 * p - 1.0) / d if k == 0.0 else (m - 1.0) - m * (((1.0 - q) - p) / d)
    return _log_domain(x, _log_sum(f, k))


def clip_probability(p):
    """Return `p` clipped to [eps, 1 - eps], as scikit-learn's ``log_loss`` does; nan stays."""
    low = _epsilon()
    return min(max(p, low), 1.0 - low)


# ------------------------------------------------------------ hyperbolic functions


def tanh(x):
    """Return the hyperbolic tangent."""
    t = expm1(-2.0 * fabs(x))
    y = t / (2.0 + t)
    return -y if x > 0.0 else y


def log_cosh(x):
    """Return log(cosh(x)); shares its exponential with `tanh`."""
    y = fabs(x)
    t = expm1(-2.0 * fabs(x))
    far = y + (_log1p_unit(1.0 + t) - LN2)
    near = x * x * _log_cosh_tail(x * x)
    return near if y < 0.75 else far


# ------------------------------------------------------------ powers


def sqrt(x):
    """Return the square root of `x`, nan below 0."""
    return _sqrt(x) if x >= 0.0 else nan


def power(x, a):
    """Return x**a for x >= 0: 0**0 = 1, and nan for x < 0 or where either is nan.

    The logarithm is a sum of two floats (as in fdlibm's ``e_pow.c``), since `a` times its error is
    the relative error of the result: below 2 ulp while abs(a * log(x)) <= 100, 6 ulp at the ends of
    the range. Where log(x) is at hand, ``exp(a * log_x)`` is four times faster.
    """
    a = min(max(a, -1e30), 1e30)  # finite: products below shall not be inf - inf
    m, k = _split(x)
    # m in [0.87, 1.73), close to b = 1 or b = 1.5, which keeps s below 0.102
    low = m < 0.8660254
    k = k - 1.0 if low else k
    m = 2.0 * m if low else m
    up = m > 1.2247449
    b = 1.5 if up else 1.0
    d = m + b
    inverse = 1.0 / d
    s = (m - b) * inverse
    s_high = _upper(s)
    d_high = _upper(d)
    s_low = (((m - b) - s_high * d_high) - s_high * (m - (d_high - b))) * inverse
    s = s_high + s_low
    # log x = log_high + log_low, exact but for the last term's rounding
    start = k * LN2_HIGH + (LN1_5_HIGH if up else 0.0)
    total = start + 2.0 * s_high
    rest = (k * LN2_LOW + (LN1_5_LOW if up else 0.0)) + (2.0 * s_low + s * _power_tail(s * s))
    rest = (2.0 * s_high - (total - start)) + rest
    log_high = _upper(total + rest)
    log_low = (total - log_high) + rest
    a_high = _upper(a)
    y = _exp_sum(a_high * log_high, (a - a_high) * log_high + a * log_low)
    at_0 = 0.0 if a > 0.0 else (inf if a < 0.0 else y)
    at_inf = inf if a > 0.0 else (0.0 if a < 0.0 else y)
    y = at_0 if x == 0.0 else y
    y = at_inf if x == inf else y
    return y if x >= 0.0 else nan
