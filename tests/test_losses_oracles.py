"""Values, gradients and Hessians of every loss against independent implementations."""

import json
from pathlib import Path

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose
from scipy import special
from sklearn import metrics
from sklearn._loss import loss as sklearn_loss
from sklearn.linear_model._sgd_fast import EpsilonInsensitive as SGDEpsilonInsensitive
from sklearn.linear_model._sgd_fast import ModifiedHuber as SGDModifiedHuber
from sklearn.linear_model._sgd_fast import SquaredEpsilonInsensitive as SGDSquaredEpsilon
from sklearn.linear_model._sgd_fast import SquaredHinge as SGDSquaredHinge

import sklosses as sl

POINTWISE = [cls for cls in sl.all_losses() if issubclass(cls, sl.PointwiseLoss)]
N = 200
IDS = {"ids": lambda case: repr(case) if isinstance(case, sl.Loss) else ""}


def draw(interval, rng, size=N):
    """Draw from a domain, a few exact ends included."""
    low, high = interval.low, interval.high
    if np.isfinite(low) and np.isfinite(high):
        drawn = rng.uniform(low, high, size)
    elif np.isfinite(low):
        drawn = low + rng.gamma(1.5, 2.0, size)
    else:
        drawn = 3 * rng.normal(size=size)
    if interval.integer:
        drawn = np.round(drawn)
    if low in interval:
        drawn[:10] = low
    if high in interval:
        drawn[10:20] = high
    return drawn


@pytest.fixture
def sample(rng):
    """Return a function that draws (targets, predictions, weights) for a loss."""

    def of(loss):
        y, p = draw(loss.target, rng), draw(loss.prediction, rng)
        if loss.task == "regression":
            p[-20:] = np.abs(y[-20:]) + 0.5  # near and at the target
            p[-40:-20] = np.where(p[-40:-20] > 0, y[-40:-20], p[-40:-20])
            inside = np.array([v in loss.prediction for v in p])
            p = np.where(inside, p, 1.0)
        return y, p, rng.integers(0, 4, N).astype(float)

    return of


# ------------------------------------------------------------------ scikit-learn's metrics


POWERS = (-1, 0, 1, 1.2, 1.5, 1.9, 2, 2.5, 3)


def tweedie(power):
    return lambda y, p, **kw: metrics.mean_tweedie_deviance(y, p, power=power, **kw)


def pinball(quantile):
    return lambda y, p, **kw: metrics.mean_pinball_loss(y, p, alpha=quantile, **kw)


METRICS = [
    (sl.SquaredError(), metrics.mean_squared_error),
    (sl.AbsoluteError(), metrics.mean_absolute_error),
    (sl.Pinball(0.1), pinball(0.1)),
    (sl.Pinball(0.5), pinball(0.5)),
    (sl.Pinball(0.93), pinball(0.93)),
    (sl.AbsolutePercentageError(), metrics.mean_absolute_percentage_error),
    (sl.SquaredLogError(), metrics.mean_squared_log_error),
    (sl.PoissonDeviance(), metrics.mean_poisson_deviance),
    (sl.GammaDeviance(), metrics.mean_gamma_deviance),
    *(
        (sl.TweedieDeviance(power), tweedie(power))
        for power in (-1, 0, 1, 1.2, 1.5, 1.9, 2, 2.5, 3)
    ),
    (sl.Hinge(), lambda y, p, **kw: metrics.hinge_loss(y, p, labels=[0, 1], **kw)),
]


@pytest.mark.parametrize(("loss", "metric"), METRICS, **IDS)
@pytest.mark.parametrize("weighted", [False, True])
def test_metric_of_sklearn(loss, metric, weighted, sample):
    y, p, w = sample(loss)
    if isinstance(loss, sl.SquaredLogError):  # that of scikit-learn wants y, p >= 0
        y, p = np.abs(y), np.abs(p)
    w = w if weighted else None
    assert_allclose(loss(y, p, sample_weight=w), metric(y, p, sample_weight=w), rtol=1e-10)


PROBABILITIES = [
    (sl.BinaryCrossEntropy(), metrics.log_loss),
    (sl.Brier(), metrics.brier_score_loss),
]


@pytest.mark.parametrize(("loss", "metric"), PROBABILITIES, **IDS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_probability_metric_of_sklearn(loss, metric, weighted, dtype, rng):
    y = rng.integers(0, 2, N).astype(dtype)
    p = rng.uniform(size=N).astype(dtype)
    p[:4] = y[:4] = 0, 1, 0, 1
    p[4:6], y[4:6] = (0, 1), (1, 0)  # certain and wrong: clipped at eps of the dtype
    w = rng.integers(0, 4, N).astype(dtype) if weighted else None
    expected = metric(y, p, sample_weight=w)
    rtol = 1e-12 if dtype == np.float64 else 2e-5
    assert_allclose(loss(y, p, sample_weight=w), expected, rtol=rtol)
    # the two columns of predict_proba as well
    both = np.column_stack([1 - p, p])
    assert_allclose(loss(y, both, sample_weight=w), expected, rtol=rtol)


# ------------------------------------------------------------------ scipy


SCIPY = [
    (sl.Huber(0.3), lambda y, z: special.huber(0.3, y - z)),
    (sl.Huber(2.0), lambda y, z: special.huber(2.0, y - z)),
    (sl.PseudoHuber(0.3), lambda y, z: special.pseudo_huber(0.3, y - z)),
    (sl.PseudoHuber(2.0), lambda y, z: special.pseudo_huber(2.0, y - z)),
    (sl.LogCosh(), lambda y, z: np.logaddexp(y - z, z - y) - np.log(2)),
    (sl.Cauchy(0.7), lambda y, z: 0.7**2 / 2 * np.log1p(((y - z) / 0.7) ** 2)),
    (sl.Expectile(0.8), lambda y, z: np.where(y < z, 0.2, 0.8) * (y - z) ** 2),
    (sl.EpsilonInsensitive(0.4), lambda y, z: np.clip(np.abs(y - z) - 0.4, 0, None)),
    (sl.SquaredEpsilonInsensitive(0.4), lambda y, z: np.clip(np.abs(y - z) - 0.4, 0, None) ** 2),
    (sl.PoissonDeviance(), lambda y, z: 2 * special.kl_div(y, np.exp(z))),
    (
        sl.BinaryCrossEntropy(),
        lambda y, z: -y * special.log_expit(z) - (1 - y) * special.log_expit(-z),
    ),
    (sl.Brier(), lambda y, z: (special.expit(z) - y) ** 2),
    (sl.Hinge(), lambda y, z: np.clip(1 - (2 * y - 1) * z, 0, None)),
    (sl.SquaredHinge(), lambda y, z: np.clip(1 - (2 * y - 1) * z, 0, None) ** 2),
    (sl.Exponential(), lambda y, z: np.exp(-(2 * y - 1) * z)),
]


@pytest.mark.parametrize(("loss", "formula"), SCIPY, **IDS)
def test_formula(loss, formula, rng):
    y, z, w = draw(loss.target, rng), 3 * rng.normal(size=N), rng.integers(0, 4, N)
    assert_allclose(loss.values(y, z), formula(y, z), rtol=1e-11, atol=1e-14)
    assert_allclose(loss.values(y, z, w), w * formula(y, z), rtol=1e-11, atol=1e-14)
    expected = np.average(formula(y, z), weights=w)
    assert_allclose(loss(y, loss.inverse_link(z), sample_weight=w), expected, rtol=1e-8)


@pytest.mark.parametrize("c", [0.5, 4.685])
def test_tukey_of_statsmodels(c, rng):
    norms = pytest.importorskip("statsmodels.robust.norms", reason="oracle of Tukey's biweight")
    norm, loss = norms.TukeyBiweight(c=c), sl.Tukey(c=c)
    y, z = np.zeros(N), 2 * c * rng.normal(size=N)
    assert_allclose(loss.values(y, z), norm.rho(z), rtol=1e-12, atol=1e-15)
    assert_allclose(loss.gradient(y, z), norm.psi(z), rtol=1e-12, atol=1e-15)
    assert_allclose(loss.gradient_hessian(y, z)[1], norm.psi_deriv(z), rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("t", [0.5, 1.345])
def test_huber_of_statsmodels(t, rng):
    norms = pytest.importorskip("statsmodels.robust.norms", reason="oracle of Huber's loss")
    norm, loss = norms.HuberT(t=t), sl.Huber(delta=t)
    z = 2 * rng.normal(size=N)
    assert_allclose(loss.values(np.zeros(N), z), norm.rho(z), rtol=1e-12)
    assert_allclose(loss.gradient(np.zeros(N), z), norm.psi(z), rtol=1e-12)
    assert_allclose(loss.gradient_hessian(np.zeros(N), z)[1], norm.psi_deriv(z))


# ------------------------------------------------------------------ derivatives of scikit-learn


HALVES = [  # ours, theirs, the factor between them
    (sl.SquaredError(), sklearn_loss.HalfSquaredError(), 2),
    (sl.AbsoluteError(), sklearn_loss.AbsoluteError(), 1),
    (sl.Pinball(0.2), sklearn_loss.PinballLoss(quantile=0.2), 1),
    (sl.PoissonDeviance(), sklearn_loss.HalfPoissonLoss(), 2),
    (sl.GammaDeviance(), sklearn_loss.HalfGammaLoss(), 2),
    (sl.TweedieDeviance(1.0), sklearn_loss.HalfTweedieLoss(power=1.0), 2),
    (sl.TweedieDeviance(1.5), sklearn_loss.HalfTweedieLoss(power=1.5), 2),
    (sl.TweedieDeviance(2.0), sklearn_loss.HalfTweedieLoss(power=2.0), 2),
    (sl.TweedieDeviance(3.0), sklearn_loss.HalfTweedieLoss(power=3.0), 2),
    (sl.BinaryCrossEntropy(), sklearn_loss.HalfBinomialLoss(), 1),
    (sl.Exponential(), sklearn_loss.ExponentialLoss(), 1),
]


@pytest.mark.parametrize(("ours", "theirs", "factor"), HALVES, **IDS)
def test_derivatives_of_sklearn(ours, theirs, factor, rng):
    y, z, w = draw(ours.target, rng), 2 * rng.normal(size=N), rng.uniform(0, 2, N)
    close = {"rtol": 1e-11, "atol": 1e-13}
    gradient, hessian = theirs.gradient_hessian(y, z, w)
    assert_allclose(ours.gradient(y, z, w), factor * gradient, **close)
    if ours.hessian != "surrogate":  # theirs is 1 by decree where it vanishes
        both = ours.gradient_hessian(y, z, w)
        assert_allclose(both[0], factor * gradient, **close)
        assert_allclose(both[1], factor * hessian, **close)
    constant = theirs.constant_to_optimal_zero(y, w) if ours.task == "regression" else 0
    values = factor * (theirs.loss(y, z, w) + constant)
    if not isinstance(ours, sl.PoissonDeviance | sl.TweedieDeviance | sl.GammaDeviance):
        assert_allclose(ours.values(y, z, w), values, rtol=1e-9, atol=1e-11)
    assert_allclose(ours.inverse_link(z), theirs.link.inverse(z), rtol=1e-12)


@pytest.mark.parametrize(("ours", "theirs", "factor"), HALVES, **IDS)
def test_optimal_constant_of_sklearn(ours, theirs, factor, rng):
    y, w = draw(ours.target, rng), rng.integers(0, 4, N).astype(float)
    if ours.smooth:
        # theirs on repeated rows, ours on weighted ones
        repeated = np.repeat(y, w.astype(int))
        assert_allclose(ours.init_raw(y, w), theirs.fit_intercept_only(repeated), rtol=1e-10)
    else:
        # a median of an even number of rows is an interval: compare the loss reached
        at = [np.sum(ours.values(y, np.full(N, c), w))
              for c in (ours.init_raw(y, w), theirs.fit_intercept_only(y, w))]  # fmt: skip
        assert at[0] <= at[1] * (1 + 1e-12)


SGD = [  # with labels -1/+1 of ours
    (sl.SquaredHinge(), SGDSquaredHinge(1.0)),
    (sl.ModifiedHuber(), SGDModifiedHuber()),
    (sl.EpsilonInsensitive(0.3), SGDEpsilonInsensitive(0.3)),
    (sl.SquaredEpsilonInsensitive(0.3), SGDSquaredEpsilon(0.3)),
]


@pytest.mark.parametrize(("ours", "theirs"), SGD, **IDS)
def test_sgd_losses_of_sklearn(ours, theirs, rng):
    y, z = draw(ours.target, rng), 2 * rng.normal(size=N)
    label = 2 * y - 1 if ours.task == "binary" else y
    values = [theirs.py_loss(p, t) for p, t in zip(z, label, strict=True)]
    gradient = [theirs.py_dloss(p, t) for p, t in zip(z, label, strict=True)]
    assert_allclose(ours.values(y, z), values, rtol=1e-12, atol=1e-15)
    assert_allclose(ours.gradient(y, z), gradient, rtol=1e-12, atol=1e-15)


# ------------------------------------------------------------------ one loss in terms of another


LIMITS = [
    (sl.Focal(gamma=0.0), sl.BinaryCrossEntropy(), 1),
    (sl.BinaryCrossEntropy(label_smoothing=0.0), sl.BinaryCrossEntropy(), 1),
    (sl.Pinball(0.5), sl.AbsoluteError(), 1 / 2),
    (sl.Expectile(0.5), sl.SquaredError(), 1 / 2),
    (sl.TweedieDeviance(1), sl.PoissonDeviance(), 1),
    (sl.TweedieDeviance(2), sl.GammaDeviance(), 1),
    (sl.Huber(1e6), sl.SquaredError(), 1 / 2),
    (sl.EpsilonInsensitive(0.0), sl.AbsoluteError(), 1),
    (sl.SquaredEpsilonInsensitive(0.0), sl.SquaredError(), 1),
]


@pytest.mark.parametrize(("loss", "limit", "factor"), LIMITS, **IDS)
def test_special_case(loss, limit, factor, rng):
    y, z, w = draw(limit.target, rng), 2 * rng.normal(size=N), rng.uniform(0, 2, N)
    close = {"rtol": 1e-12, "atol": 1e-14}
    assert_allclose(loss.values(y, z, w), factor * limit.values(y, z, w), **close)
    for ours, theirs in zip(
        loss.gradient_hessian(y, z, w), limit.gradient_hessian(y, z, w), strict=True
    ):
        assert_allclose(ours, factor * theirs, **close)
    p = limit.inverse_link(z)
    assert_allclose(loss(y, p, sample_weight=w), factor * limit(y, p, sample_weight=w), rtol=1e-12)


LIMITS_APPROACHED = [
    (sl.PseudoHuber(1e4), sl.SquaredError(), 1 / 2),
    (sl.Cauchy(1e4), sl.SquaredError(), 1 / 2),
    (sl.Tukey(1e4), sl.SquaredError(), 1 / 2),
    (sl.Focal(gamma=1e-9), sl.BinaryCrossEntropy(), 1),
    (sl.TweedieDeviance(1 + 1e-7), sl.PoissonDeviance(), 1),
    (sl.TweedieDeviance(2 - 1e-7), sl.TweedieDeviance(2), 1),
    (sl.TweedieDeviance(2 + 1e-7), sl.TweedieDeviance(2), 1),
    (sl.TweedieDeviance(-1e-7), sl.TweedieDeviance(0), 1),
]


@pytest.mark.parametrize(("loss", "limit", "factor"), LIMITS_APPROACHED, **IDS)
def test_limit_is_approached(loss, limit, factor, rng):
    y, z = draw(limit.target, rng), 2 * rng.normal(size=N)
    if isinstance(limit, sl.TweedieDeviance):
        y = np.abs(y) + 0.1
    close = {"rtol": 1e-5, "atol": 1e-6}
    assert_allclose(loss.values(y, z), factor * limit.values(y, z), **close)
    assert_allclose(loss.gradient(y, z), factor * limit.gradient(y, z), **close)


def test_power_zero_is_squared_error_of_the_exponential(rng):
    loss = sl.TweedieDeviance(0)
    y, z = rng.normal(size=(2, N))
    m = np.exp(z)
    assert_allclose(loss.values(y, z), (m - y) ** 2)
    assert_allclose(loss.gradient(y, z), 2 * (m - y) * m)
    assert_allclose(loss.gradient_hessian(y, z)[1], 2 * m * (2 * m - y), atol=1e-13)


@pytest.mark.parametrize("smoothing", [0.1, 0.5, 0.99])
def test_label_smoothing(smoothing, rng):
    y, z = rng.integers(0, 2, N).astype(float), 2 * rng.normal(size=N)
    smooth, plain = sl.BinaryCrossEntropy(smoothing), sl.BinaryCrossEntropy()
    t = y * (1 - smoothing) + smoothing / 2
    assert_allclose(smooth.values(y, z), plain.values(t, z))
    assert_allclose(smooth.gradient(y, z), plain.gradient(t, z), atol=1e-15)
    assert_allclose(smooth.gradient_hessian(y, z)[1], plain.gradient_hessian(t, z)[1])
    p = plain.inverse_link(z)
    assert_allclose(smooth(y, p), plain(t, p))
    assert_allclose(smooth.init_raw(y), plain.init_raw(t))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("alpha", [None, 0.0, 0.25, 1.0])
def test_focal_of_soft_labels(gamma, alpha, rng):
    y, z = rng.uniform(size=N), 2 * rng.normal(size=N)
    p = special.expit(z)
    a = 1 if alpha is None else alpha * y + (1 - alpha) * (1 - y)
    u = 1 - (p * y + (1 - p) * (1 - y))
    expected = a * u**gamma * sl.BinaryCrossEntropy().values(y, z)
    assert_allclose(sl.Focal(gamma, alpha).values(y, z), expected, rtol=1e-11)


# ------------------------------------------------------------------ far away


def _log_mean(formula):
    return lambda y, z: formula(y, mpmath.exp(z))


def _entropy(y, z):
    far = abs(z) > 1e4  # mpmath cannot print e**1e300: there the softplus is max(0, z)
    softplus = max(z, 0) if far else mpmath.log1p(mpmath.exp(z))
    return softplus - y * z


def _expit(z):
    return 1 / (1 + mpmath.exp(-z)) if abs(z) < 1e4 else (1 + mpmath.sign(z)) / 2


def _power(p):
    return lambda y, m: 2 * (
        mpmath.mpf(y) ** (2 - p) / ((1 - p) * (2 - p)) - y * m ** (1 - p) / (1 - p)
        + m ** (2 - p) / (2 - p)
    )  # fmt: skip


EXACT = {
    sl.SquaredError(): lambda y, z: (y - z) ** 2,
    sl.AbsoluteError(): lambda y, z: abs(y - z),
    sl.Huber(2.0): lambda y, z: (y - z) ** 2 / 2 if abs(y - z) <= 2 else 2 * (abs(y - z) - 1),
    sl.PseudoHuber(2.0): lambda y, z: 4 * (mpmath.sqrt(1 + ((y - z) / 2) ** 2) - 1),
    sl.LogCosh(): lambda y, z: abs(y - z) - mpmath.ln2
    + (mpmath.log1p(mpmath.exp(-2 * abs(y - z))) if abs(y - z) < 1e4 else 0),
    sl.Pinball(0.25): lambda y, z: max((y - z) / 4, -3 * (y - z) / 4),
    sl.Expectile(0.25): lambda y, z: (y - z) ** 2 * (3 if y < z else 1) / 4,
    sl.EpsilonInsensitive(0.5): lambda y, z: max(0, abs(y - z) - mpmath.mpf("0.5")),
    sl.SquaredEpsilonInsensitive(0.5): lambda y, z: max(0, abs(y - z) - mpmath.mpf("0.5")) ** 2,
    sl.Cauchy(2.0): lambda y, z: 2 * mpmath.log1p(((y - z) / 2) ** 2),
    sl.Tukey(2.0): lambda y, z: (4 - 4 * (1 - min(1, ((y - z) / 2) ** 2)) ** 3) / mpmath.mpf(6),
    sl.AbsolutePercentageError(): lambda y, z: abs(y - z) / max(abs(y), mpmath.mpf(2) ** -52),
    sl.PoissonDeviance(): _log_mean(
        lambda y, m: 2 * ((y * mpmath.log(y / m) if y else 0) - y + m)
    ),
    sl.GammaDeviance(): _log_mean(lambda y, m: 2 * (mpmath.log(m / y) + y / m - 1)),
    sl.TweedieDeviance(1.5): _log_mean(_power(mpmath.mpf("1.5"))),
    sl.TweedieDeviance(3.0): _log_mean(_power(mpmath.mpf(3))),
    sl.TweedieDeviance(-1.0): _log_mean(
        lambda y, m: 2 * (max(y, 0) ** 3 / mpmath.mpf(6) - y * m**2 / 2 + m**3 / 3)
    ),
    sl.BinaryCrossEntropy(): _entropy,
    sl.Hinge(): lambda y, z: max(0, 1 - (2 * y - 1) * z),
    sl.SquaredHinge(): lambda y, z: max(0, 1 - (2 * y - 1) * z) ** 2,
    sl.ModifiedHuber(): lambda y, z: max(0, 1 - (2 * y - 1) * z) ** 2
    if (2 * y - 1) * z >= -1
    else -4 * (2 * y - 1) * z,
    sl.Exponential(): lambda y, z: mpmath.exp(-(2 * y - 1) * z),
    sl.Focal(gamma=2.0): lambda y, z: _entropy(y, z) * _expit((1 - 2 * y) * z) ** 2,
    sl.Brier(): lambda y, z: (_expit(z) - y) ** 2,
}  # fmt: skip
TARGETS = {"regression": [0.0, 1e-8, 1.0, 1e6], "binary": [0.0, 1.0]}
PLACES = [s * e for e in (1e-300, 1e-8, 0.5, 3.0, 40.0, 350.0) for s in (1.0, -1.0)] + [0.0]
FAR = [s * e for e in (710.0, 1e4, 1e100, 1e153, 1e300) for s in (1.0, -1.0)]
BIGGEST = mpmath.mpf(np.finfo(np.float64).max)


@pytest.mark.parametrize("loss", list(EXACT), ids=repr)
def test_exact_values(loss):
    exact = EXACT[loss]
    exponential = loss.task == "regression" and type(loss).response is not sl.SquaredError.response
    places = PLACES if exponential else PLACES + FAR
    targets = [y for y in TARGETS[loss.task] if y in loss.target]
    pairs = [(y, z) for y in targets for z in places]
    with mpmath.workdps(400 if exponential else 700):
        expected = [exact(mpmath.mpf(y), mpmath.mpf(z)) for y, z in pairs]
    expected = np.array([float(e) if e <= BIGGEST else np.inf for e in expected])
    y, z = np.array(pairs).T
    values = loss.values(y, z)
    finite = np.isfinite(expected)
    assert not np.isnan(values).any()
    assert np.isinf(values[~finite]).all()
    y, z, values, expected = y[finite], z[finite], values[finite], expected[finite]
    # a rounding error of the prediction costs the gradient times its last digit
    slope = np.abs(loss.gradient(y, z)) * np.minimum(np.maximum(np.abs(z), np.abs(y)), 1e3)
    floor = 1e-14 * np.maximum(1, np.abs(y)) if exponential else 1e-300
    error = np.abs(values - expected) / (1e-13 * (expected + slope) + floor)
    worst = error.argmax()
    assert error[worst] <= 1, (y[worst], z[worst], values[worst], expected[worst])


def test_every_loss_has_an_exact_formula():
    missing = {cls.__name__ for cls in POINTWISE} - {type(loss).__name__ for loss in EXACT}
    assert missing <= {"SquaredLogError"}, missing  # test_squared_log_error


@pytest.mark.parametrize("cls", POINTWISE, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_nothing_is_nan_far_away(cls, dtype):
    loss = cls()
    biggest = float(np.finfo(dtype).max)
    ends = np.array([0, 1e-30, 1, 80, 100, 700, 1e4, 1e20, 1e30, biggest / 4], dtype)
    places = np.concatenate([ends, -ends])
    y = np.array([t for t in (0.0, 0.5, 1.0, 1e10) if t in loss.target], dtype)
    y, z = (a.ravel() for a in np.meshgrid(y, places))
    values, gradient = loss.values_gradient(y, z)
    curvature = loss.gradient_hessian(y, z, psd=True)[1]
    for array in (values, gradient, curvature):
        assert not np.isnan(array).any()
    assert (values >= -1e-5).all()
    assert (curvature > 0).all()


def test_squared_log_error_and_its_continuation():
    loss = sl.SquaredLogError()
    y = np.array([-0.5, 0.0, 1e6, 3.0])
    z = np.array([0.5, -0.999, 1e-8, 1e300])
    assert_allclose(loss.values(y, z), (np.log1p(y) - np.log1p(z)) ** 2, rtol=1e-12)
    # below -1 + 1e-6 the tangent, as §8 of the design says
    edge = -1 + 1e-6
    d = np.log1p(edge) - np.log1p(2.0)
    for below in (-1.0, -2.0, -1e3):
        expected = d**2 + 2 * d / (1 + edge) * (below - edge)
        assert_allclose(loss.values([2.0], [below]), [expected], rtol=1e-9)
        assert_allclose(loss.gradient([2.0], [below]), [2 * d / (1 + edge)], rtol=1e-9)
        assert_allclose(loss.gradient_hessian([2.0], [below])[1], [0.0])


# ------------------------------------------------------------------ reference cases


CASES = json.loads((Path(__file__).parent / "data" / "pointwise_cases.json").read_text())["cases"]


def loss_of(case):
    """Return our loss of a reference case, and the factor of its convention."""
    params = dict(case["params"])
    factor = params.pop("factor", 1)
    for convention, value in (("from_logits", True), ("margin", 1.0)):
        assert params.pop(convention, value) == value
    name = {"sigmoid_focal": "focal"}.get(case["name"], case["name"])
    return sl.get_loss(name, **params), factor


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_reference_case(case):
    loss, factor = loss_of(case)
    y, z = (np.array(case["inputs"][name]) for name in ("y_true", "y_pred"))
    w = case["inputs"].get("sample_weight")
    if "-1/+1" in case["y_pred_kind"]:
        y = (y + 1) / 2
    tol, expected = case["tol"], case["expected"]
    mean = case["reduction"] in ("mean", "weighted_mean")
    if loss.task == "regression" and mean:
        assert_allclose(factor * loss(y, z, sample_weight=w), expected["value"], **tol)
    else:
        values = factor * loss.values(y, z, w)
        assert_allclose(values.mean() if mean else values, expected["value"], **tol)
    scale = factor / y.size if mean else factor
    if "grad" in expected:
        assert_allclose(scale * loss.gradient(y, z, w), expected["grad"]["y_pred"], **tol)
    if "hess" in expected:
        hessian = np.diag(expected["hess"]["y_pred"])
        assert_allclose(scale * loss.gradient_hessian(y, z, w)[1], hessian, **tol)


def test_reference_cases_are_there():
    assert {case["name"] for case in CASES} >= {"huber", "pinball", "hinge", "sigmoid_focal"}


# ------------------------------------------------------------------ properties


numbers = st.floats(-50, 50, allow_subnormal=False)


@pytest.mark.parametrize("cls", POINTWISE, ids=lambda cls: cls.__name__)
@settings(derandomize=True, max_examples=25, deadline=None)
@given(z=arrays(float, 8, elements=numbers), w=arrays(float, 8, elements=st.integers(0, 5)))
def test_weights_multiply(cls, z, w):
    loss = cls()
    y = draw(loss.target, np.random.default_rng(0), 30)[:8]
    assert_allclose(loss.values(y, z, w), w * loss.values(y, z))
    assert_allclose(loss.gradient(y, z, w), w * loss.gradient(y, z))
    assert_allclose(loss.values(y, z, 2 * w), 2 * loss.values(y, z, w))
    both, apart = loss.values_gradient(y, z, w), (loss.values(y, z, w), loss.gradient(y, z, w))
    for one, other in zip(both, apart, strict=True):
        assert_allclose(one, other)


@pytest.mark.parametrize("cls", POINTWISE, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("n", [1, 2, 7, 1023, 1024, 1025, 5000])
def test_every_length(cls, n, rng):
    """The loops run in blocks of 1024 terms."""
    loss = cls()
    y, z, w = draw(loss.target, rng, 6000)[:n], rng.normal(size=n), rng.integers(1, 4, n)
    values = loss.values(y, z)
    assert_allclose(values[-1:], loss.values(y[-1:], z[-1:]))
    assert_allclose(values[:1], loss.values(y[:1], z[:1]))
    p = loss.inverse_link(z)
    if all(v in loss.prediction for v in p):
        assert_allclose(loss(y, p), values.mean(), rtol=1e-9)
        assert_allclose(loss(y, p, sample_weight=w), np.average(values, weights=w), rtol=1e-9)


@pytest.mark.parametrize("cls", sl.all_losses("binary"), ids=lambda cls: cls.__name__)
def test_binary_losses_are_symmetric(cls, rng):
    loss = cls()
    z = 3 * rng.normal(size=N)
    y = rng.integers(0, 2, N)
    assert_allclose(loss.values(y, z), loss.values(1 - y, -z))
    assert_allclose(loss.gradient(y, z), -loss.gradient(1 - y, -z))


@pytest.mark.parametrize("cls", POINTWISE, ids=lambda cls: cls.__name__)
def test_init_raw_is_finite_where_all_targets_agree(cls):
    loss = cls()
    for target in (0.0, 1.0, 2.0, 1e6):
        if target in loss.target:
            raw = loss.init_raw(np.full(5, target))
            assert isinstance(raw, float)
            assert np.isfinite(raw)
            if type(loss).response is sl.SquaredError.response and loss.task == "regression":
                assert_allclose(raw, target, rtol=1e-9, atol=0.11)
