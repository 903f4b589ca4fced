"""Every loss keeps the contract, and the certificate tells when one does not."""

import math
from math import inf
from typing import Annotated, ClassVar

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import sklosses as sl
from sklosses._bases.params import fields_of
from sklosses._bases.softmax import SoftmaxLoss
from sklosses._registry import example_of
from sklosses.certify import random_parameters

DRAWS = 2

GRADIENT = "gradient is the derivative of the value"
HESSIAN = "Hessian is the derivative of the gradient"
FUSED = "values_gradient agrees with its parts"
WEIGHT = "weight k is the row k times"
FINITE = "finite at extremes"
CONVEX = "convex if claimed"
SMOOTH = "smooth if claimed"
INIT_RAW = "init_raw minimises the loss"
BOOSTER = "the booster Hessian is positive"
LINK = "response scale agrees with raw scale"
SINGLE = "float32 agrees with float64"
COPIES = "clone, pickle and equality"
PYTHON = "plain Python agrees with compiled code"


def at_the_ends(cls):
    """Return parameters at the ends of their domains, those that belong to them."""
    drawn = {}
    for name, field in fields_of(cls).items():
        intervals = [domain for domain in field.domains if isinstance(domain, sl.Interval)]
        ends = [end for i in intervals for end in (i.low, i.high) if end in i]
        if ends:
            drawn[name] = ends[-1]
    return drawn


def variants():
    for cls in sl.all_losses():
        yield example_of(cls)
        if not fields_of(cls):
            continue
        rng = np.random.default_rng(0)
        for _ in range(DRAWS):
            yield cls(**random_parameters(cls, rng))
        if ends := at_the_ends(cls):
            yield example_of(cls).set_params(**ends)


def failures(loss):
    return {check.name for check in sl.certify(loss).checks if not check.passed}


def test_losses_are_discovered():
    classes = sl.all_losses()
    assert len(classes) == len(set(classes)) > 20
    assert all(issubclass(cls, sl.Loss) for cls in classes)
    assert {sl.Huber, sl.Focal, sl.TweedieDeviance} <= set(classes)
    assert {sl.KLDivergence, sl.MulticlassHinge, sl.GaussianNLL} <= set(classes)


@pytest.mark.parametrize("loss", list(variants()), ids=repr)
def test_certified(loss):
    report = sl.certify(loss)
    assert report.passed, repr(report)


@pytest.mark.parametrize("power", [-1, 0, 1, 1.001, 1.999, 2, 2.001, 3])
def test_certified_at_special_powers(power):
    report = sl.certify(sl.TweedieDeviance(power))
    assert report.passed, repr(report)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 5.0])
@pytest.mark.parametrize("alpha", [None, 0.0, 0.25, 1.0])
def test_certified_focal(gamma, alpha):
    report = sl.certify(sl.Focal(gamma=gamma, alpha=alpha))
    assert report.passed, repr(report)


@pytest.mark.parametrize("gamma", [0.0, 0.1, 1.0, 5.0])
def test_certified_categorical_focal(gamma):
    report = sl.certify(sl.CategoricalFocal(gamma))
    assert report.passed, repr(report)


@pytest.mark.parametrize("crossing", ["monotone", "free"])
@pytest.mark.parametrize("quantiles", [(0.3,), (0.01, 0.99), (0.1, 0.2, 0.3, 0.9)])
def test_certified_quantiles(quantiles, crossing):
    report = sl.certify(sl.MultiQuantile(quantiles, crossing=crossing))
    assert report.passed, repr(report)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("cls", sl.all_losses(), ids=lambda cls: cls.__name__)
def test_certified_on_other_samples(cls, seed):
    report = sl.certify(cls, random_state=seed)
    assert report.passed, repr(report)


# ------------------------------------------------------------------ a user's loss


class AsymmetricOfUser(sl.PointwiseLoss):
    """Squared error that charges `ratio` times more for under-prediction."""

    ratio: Annotated[float, sl.Interval(0, inf)] = 2.0

    convex: ClassVar = True

    def value(self, y, z):
        r = y - z
        return self.ratio * r * r if r > 0 else r * r

    def grad_hess(self, y, z):
        r = y - z
        w = self.ratio if r > 0 else 1.0
        return -2.0 * w * r, 2.0 * w


@pytest.mark.parametrize("ratio", [0.5, 2.0, 30.0])
def test_users_loss_is_certified(ratio):
    report = sl.certify(AsymmetricOfUser(ratio))
    assert report.passed, repr(report)


def test_users_loss_computes_its_formula():
    loss = AsymmetricOfUser(ratio=3.0)
    y, z = np.array([2.0, 0.0]), np.array([1.0, 2.0])
    assert_allclose(loss.values(y, z), [3.0 * 1**2, 2.0**2])
    assert_allclose(loss.gradient(y, z), [-2 * 3.0 * 1, 2 * 2.0])
    assert_allclose(loss(y, z, sample_weight=[1, 3]), (1 * 3.0 + 3 * 4.0) / 4)
    assert_allclose(loss.scorer()._sign, -1)
    assert sl.get_loss("asymmetric_of_user", ratio=3.0) == loss
    assert AsymmetricOfUser not in sl.all_losses()


class Sound(sl.PointwiseLoss):
    """Pseudo-Huber in NumPy: what the faults below are planted in."""

    scale: Annotated[float, sl.Interval(0, inf)] = 1.0

    jit: ClassVar = False
    convex: ClassVar = True

    def value(self, y, z):
        u = (z - y) / self.scale
        return self.scale**2 * u * (u / (1 + np.hypot(1, u)))

    def grad_hess(self, y, z):
        r = z - y
        s = 1 / np.hypot(1, r / self.scale)
        return r * s, s * s * s

    def curvature(self, y, z):
        return np.hypot(1, (z - y) / self.scale) ** -3.0 + 1e-6


class SoundWithoutCurvature(Sound):
    curvature = sl.PointwiseLoss.curvature


@pytest.mark.parametrize("cls", [Sound, SoundWithoutCurvature])
@pytest.mark.parametrize("scale", [0.5, 1.0, 4.0])
def test_numpy_loss_is_certified(cls, scale):
    report = sl.certify(cls(scale))
    assert report.passed, repr(report)


def test_numpy_loss_equals_compiled_one(rng):
    y, z, w = rng.normal(size=(3, 50))
    w = np.abs(w)
    for numpy, compiled in [(Sound(2.0), sl.PseudoHuber(2.0))]:
        assert_allclose(numpy(y, z, sample_weight=w), compiled(y, z, sample_weight=w))
        assert_allclose(numpy.values(y, z, w), compiled.values(y, z, w), atol=1e-15)
        for ours, theirs in zip(
            numpy.gradient_hessian(y, z, w), compiled.gradient_hessian(y, z, w), strict=True
        ):
            assert_allclose(ours, theirs)
        assert_allclose(numpy.init_raw(y, w), compiled.init_raw(y, w), rtol=1e-6)


# ------------------------------------------------------------------ planted faults


class WrongGradient(Sound):
    def grad_hess(self, y, z):
        g, h = super().grad_hess(y, z)
        return 1.001 * g, 1.001 * h


class WrongGradientSign(Sound):
    def grad_hess(self, y, z):
        g, h = super().grad_hess(y, z)
        return -g, -h

    def optimal_constant(self, y, w):
        return Sound(self.scale).optimal_constant(y, w)


class WrongHessian(Sound):
    def grad_hess(self, y, z):
        g, h = super().grad_hess(y, z)
        return g, 1.001 * h


class WrongHessianSign(Sound):
    def grad_hess(self, y, z):
        g, h = super().grad_hess(y, z)
        return g, -h


class ForgottenFactor(Sound):
    """Right for the default parameter only."""

    def value(self, y, z):
        return super().value(y, z) / self.scale


class WrongStart(Sound):
    def optimal_constant(self, y, w):
        return super().optimal_constant(y, w) + 0.1


class UnweightedStart(Sound):
    def optimal_constant(self, y, w):
        return super().optimal_constant(y, np.ones_like(w))


class UnweightedValues(Sound):
    def values(self, y_true, raw_prediction, sample_weight=None, *, out=None):
        return super().values(y_true, raw_prediction, out=out)


class UnweightedMetric(Sound):
    def __call__(self, y_true, y_pred, *, sample_weight=None, qid=None):
        return super().__call__(y_true, y_pred)


class WrongPair(Sound):
    def values_gradient(self, y_true, raw_prediction, sample_weight=None, *, out=None):
        values, gradient = super().values_gradient(y_true, raw_prediction, sample_weight)
        return values, 2 * gradient


class FalselyConvex(Sound):
    """Cauchy's loss."""

    def value(self, y, z):
        return self.scale**2 / 2 * np.log1p(((z - y) / self.scale) ** 2)

    def grad_hess(self, y, z):
        r = z - y
        q = 1 / (1 + (r / self.scale) ** 2)
        return r * q, q * (2 * q - 1)

    def curvature(self, y, z):
        return np.ones_like(z)


class FalselySmooth(Sound):
    """The absolute error."""

    def value(self, y, z):
        return np.abs(z - y)

    def grad_hess(self, y, z):
        return np.sign(z - y), np.zeros_like(z)

    def curvature(self, y, z):
        return np.ones_like(z)


class NanFarAway(Sound):
    def value(self, y, z):
        u = (z - y) / self.scale
        return self.scale**2 * (u * u / (1 + np.sqrt(1 + u * u)))


class FlatCurvature(Sound):
    def curvature(self, y, z):
        return np.where(np.abs(z - y) > self.scale, 0.0, 1.0)


class WrongLink(Sound):
    def link(self, p):
        return p + 0.5


class WrongMetric(Sound):
    def response_value(self, y, p):
        return 2 * self.value(y, p)


class PoorInSingle(Sound):
    """The square, by a difference of large numbers."""

    def value(self, y, z):
        r = z - y
        return (r + 100) ** 2 - 200 * r - 10_000

    def grad_hess(self, y, z):
        return 2 * (z - y), np.full_like(z, 2)


class ForgetfulCopy(Sound):
    def __getstate__(self):
        return {**super().__getstate__(), "scale": 1.0}


class RaisesInPython(sl.PointwiseLoss):
    """Fair's loss, sound compiled, where 1/0 is inf."""

    convex: ClassVar = True

    def value(self, y, z):
        a = abs(z - y)
        return a - np.log1p(a)

    def grad_hess(self, y, z):
        a = abs(z - y)
        g = 1.0 / (1.0 + 1.0 / a)
        return (g if z > y else -g), 1.0 / (1.0 + a) ** 2


FAULTS = {
    WrongGradient(2.0): {GRADIENT},
    WrongGradientSign(2.0): {GRADIENT, CONVEX},
    WrongHessian(2.0): {HESSIAN},
    WrongHessianSign(2.0): {HESSIAN},
    ForgottenFactor(1.0): set(),
    ForgottenFactor(2.0): {GRADIENT},
    WrongStart(2.0): {INIT_RAW},
    UnweightedStart(2.0): {INIT_RAW, WEIGHT},
    UnweightedValues(2.0): {WEIGHT, INIT_RAW, LINK},
    UnweightedMetric(2.0): {WEIGHT, LINK},
    WrongPair(2.0): {FUSED},
    FalselyConvex(2.0): {CONVEX},
    FalselySmooth(2.0): {SMOOTH},
    NanFarAway(2.0): {FINITE},
    FlatCurvature(2.0): {BOOSTER},
    WrongLink(2.0): {LINK},
    WrongMetric(2.0): {LINK},
    PoorInSingle(2.0): {SINGLE},
    ForgetfulCopy(2.0): {COPIES},
    RaisesInPython(): {PYTHON},
}


@pytest.mark.parametrize("loss", list(FAULTS), ids=repr)
def test_fault_is_found(loss):
    assert failures(loss) == FAULTS[loss], repr(sl.certify(loss))


def test_each_check_can_fail():
    report = sl.certify("squared_error")
    assert {check.name for check in report.checks} == set().union(*FAULTS.values())


# ------------------------------------------------------------------ row-wise losses


class Temperature(sl.RowwiseLoss):
    """Cross-entropy at a temperature, from nothing but value and gradient."""

    temperature: Annotated[float, sl.Interval(0, inf)] = 1.0

    task: ClassVar = "multiclass"
    convex: ClassVar = True

    def value(self, y, z):
        top, norm, inner = z.max() / self.temperature, 0.0, 0.0
        for j in range(z.size):
            norm += np.exp(z[j] / self.temperature - top)
            inner += sl.share(y, j) * (z[j] / self.temperature - top)
        return np.log(norm) - inner

    def grad(self, y, z, g):
        top, norm = z.max() / self.temperature, 0.0
        for j in range(z.size):
            g[j] = np.exp(z[j] / self.temperature - top)
            norm += g[j]
        for j in range(z.size):
            g[j] = (g[j] / norm - sl.share(y, j)) / self.temperature


class TemperatureInNumPy(Temperature):
    """The same without loops, not to be compiled."""

    jit: ClassVar = False

    def value(self, y, z):
        s = z / self.temperature
        shares = y if np.ndim(y) else np.eye(z.size)[y]
        return np.log(np.exp(s - s.max()).sum()) - (shares * (s - s.max())).sum()

    def grad(self, y, z, g):
        p = np.exp(z / self.temperature - z.max() / self.temperature)
        g[:] = (p / p.sum() - (y if np.ndim(y) else np.eye(z.size)[y])) / self.temperature


class Distance(sl.RowwiseLoss):
    """Smoothed Euclidean distance of target and prediction, for any number of columns."""

    width: Annotated[float, sl.Interval(0, inf)] = 1.0

    convex: ClassVar = True

    def value(self, y, z):
        total = 1.0
        for j in range(z.size):
            total = math.hypot(total, (z[j] - y[j]) / self.width)
        return total

    def grad(self, y, z, g):
        total = self.value(y, z)
        for j in range(z.size):
            g[j] = (z[j] - y[j]) / self.width / total / self.width


class DistanceInNumPy(Distance):
    jit: ClassVar = False

    def value(self, y, z):
        return np.linalg.norm([1, *(z - y) / self.width])

    def hess(self, y, z, h):
        total = self.value(y, z)
        h[:] = (1 - ((z - y) / self.width / total) ** 2) / total / self.width**2


class Largest(sl.RowwiseLoss):
    """The largest score less that of the target: kinks, and no Hessian given."""

    task: ClassVar = "multiclass"
    convex: ClassVar = True
    smooth: ClassVar = False
    soft_labels: ClassVar = False

    def value(self, y, z):
        return z.max() - z[y]

    def grad(self, y, z, g):
        g[:] = 0.0
        g[z.argmax()] += 1.0
        g[y] -= 1.0


class OwnSoftmax(SoftmaxLoss):
    """The quadratic score by its terms."""

    factor: Annotated[float, sl.Interval(0, inf)] = 1.0

    def term(self, t, p, lp):
        return self.factor * (p - t) * (p - t)

    def slopes(self, t, p, lp):
        return self.factor * 2.0 * p * (p - t), self.factor * 2.0 * p * (2.0 * p - t)

    def response_term(self, t, p):
        return self.term(t, p, 0.0)


class OwnSoftmaxInNumPy(OwnSoftmax):
    jit: ClassVar = False


@pytest.mark.parametrize("cls", [Distance, DistanceInNumPy, Temperature, TemperatureInNumPy])
@pytest.mark.parametrize("size", [0.5, 3.0])
def test_users_rowwise_loss_is_certified(cls, size):
    report = sl.certify(cls(size))
    assert report.passed, repr(report)


@pytest.mark.parametrize("cls", [Largest, OwnSoftmax, OwnSoftmaxInNumPy])
def test_users_loss_of_classes_is_certified(cls):
    report = sl.certify(cls)
    assert report.passed, repr(report)


@pytest.mark.parametrize(
    ("compiled", "numpy", "known"),
    [
        (Temperature(), TemperatureInNumPy(), sl.CategoricalCrossEntropy()),
        (OwnSoftmax(), OwnSoftmaxInNumPy(), sl.CategoricalBrier()),
    ],
)
def test_users_rowwise_loss_computes_its_formula(compiled, numpy, known, rng):
    y, z, w = rng.integers(0, 3, 40), rng.normal(size=(40, 3)), rng.uniform(size=40)
    for loss in (compiled, numpy):
        for target in (y, np.eye(3)[y]):
            assert_allclose(loss.values(target, z, w), known.values(target, z, w))
            ours, expected = (one.gradient_hessian(target, z, w) for one in (loss, known))
            assert_allclose(ours[0], expected[0], atol=1e-15)
            assert_allclose(ours[1], expected[1], atol=1e-9)
    assert_allclose(numpy(y, numpy.inverse_link(z)), compiled(y, compiled.inverse_link(z)))
    assert sl.get_loss(compiled.__name__) == compiled
    assert type(compiled) not in sl.all_losses()


def test_hessian_by_differences_sees_no_kink():
    """All raw scores are equal where every fit starts."""
    z = np.zeros((3, 3))
    assert_allclose(Largest().gradient_hessian([0, 1, 2], z)[1], 0, atol=1e-9)


class WrongRowGradient(Distance):
    def grad(self, y, z, g):
        total = self.value(y, z)
        for j in range(z.size):
            g[j] = (z[j] - y[j]) / self.width / total / self.width
        g[0] *= 1.001


class WrongRowHessian(DistanceInNumPy):
    def hess(self, y, z, h):
        super().hess(y, z, h)
        h[1] = -h[1]


class WrongRowStart(DistanceInNumPy):
    def optimal_constant(self, y, w, k):
        return super().optimal_constant(y, w, k) + np.array([0.0, 0.2, 0.0])


class WrongRowMetric(DistanceInNumPy):
    def response_value(self, y, p):
        return 1.01 * self.value(y, p)


class FlatRowSurrogate(Distance):
    def surrogate(self, g, h):
        return h if h > 0.1 else 0.0


class FalselyConvexRow(DistanceInNumPy):
    """Its logarithm."""

    def value(self, y, z):
        return np.log(super().value(y, z))

    def grad(self, y, z, g):
        g[:] = (z - y) / self.width**2 / np.exp(2 * self.value(y, z))

    hess = sl.RowwiseLoss.hess


class FalselySmoothRow(Largest):
    smooth: ClassVar = True


class NanFarAwayInARow(Temperature):
    def value(self, y, z):
        norm, total = 0.0, 0.0
        for j in range(z.size):
            norm += np.exp(z[j] / self.temperature)
        for j in range(z.size):
            total -= sl.share(y, j) * np.log(np.exp(z[j] / self.temperature) / norm)
        return total


class WrongSlopes(OwnSoftmax):
    """Right for labels, not for shares."""

    def slopes(self, t, p, lp):
        t = 1.0 if t > 0.5 else 0.0
        return self.factor * 2.0 * p * (p - t), self.factor * 2.0 * p * (2.0 * p - t)


ROW_FAULTS = {
    WrongRowGradient(2.0): {GRADIENT},
    WrongRowHessian(2.0): {HESSIAN},
    WrongRowStart(2.0): {INIT_RAW},
    WrongRowMetric(2.0): {LINK},
    FlatRowSurrogate(2.0): {BOOSTER},
    FalselyConvexRow(2.0): {CONVEX},
    FalselySmoothRow(): {SMOOTH},
    NanFarAwayInARow(2.0): {FINITE},
    WrongSlopes(): {GRADIENT},
}


@pytest.mark.parametrize("loss", list(ROW_FAULTS), ids=repr)
def test_fault_of_a_rowwise_loss_is_found(loss):
    found = failures(loss)
    assert ROW_FAULTS[loss] <= found, repr(sl.certify(loss))
    # what follows from a wrong gradient: a minimiser that goes by it
    assert found <= ROW_FAULTS[loss] | {INIT_RAW, WEIGHT}, repr(sl.certify(loss))


def test_report_tells_labels_from_shares():
    report = sl.certify(WrongSlopes())
    (gradient,) = [check for check in report.checks if check.name == GRADIENT]
    assert gradient.detail.startswith("class shares: gradient of column 0 differs")
    passed = sl.certify("categorical_brier").checks[0]
    assert passed.detail.startswith("labels: largest error")
    assert "class shares: largest error" in passed.detail


# ------------------------------------------------------------------ the report


def test_report_of_a_failure():
    report = sl.certify(WrongStart())
    assert not report.passed
    with pytest.raises(AssertionError, match="init_raw minimises the loss"):
        report.raise_if_failed()
    with pytest.raises(AssertionError, match="FAILED"):
        sl.check_loss(WrongStart())
    frame = report.to_frame()
    assert isinstance(frame, pd.DataFrame)
    assert frame.loc[~frame["passed"], "check"].tolist() == [INIT_RAW]
    assert "FAILED" in repr(report)
    assert repr(WrongStart()) in repr(report)


def test_report_of_a_success():
    report = sl.certify("huber")
    assert "FAILED" not in repr(report)
    assert report.raise_if_failed() is None
    assert sl.check_loss(sl.Huber) is None


def test_invalid_parameters_fail_the_certificate():
    report = sl.certify(sl.Huber(delta=-1.0))
    assert not report.passed
    assert "delta" in repr(report)


def test_certificate_depends_on_its_seed_only():
    first, again = (sl.certify("cauchy", random_state=3).to_frame() for _ in range(2))
    pd.testing.assert_frame_equal(first, again)


@pytest.mark.parametrize("cls", sl.all_losses(), ids=lambda cls: cls.__name__)
def test_random_parameters_are_in_their_domains(cls, rng):
    for _ in range(20):
        loss = cls(**random_parameters(cls, rng))
        assert loss._validate_params() is None
