"""Every loss keeps the contract, and the certificate tells when one does not."""

from math import inf
from typing import Annotated, ClassVar

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import sklosses as sl
from sklosses._params import fields_of
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
        yield cls()
        if not fields_of(cls):
            continue
        rng = np.random.default_rng(0)
        for _ in range(DRAWS):
            yield cls(**random_parameters(cls, rng))
        if ends := at_the_ends(cls):
            yield cls(**ends)


def failures(loss):
    return {check.name for check in sl.certify(loss).checks if not check.passed}


def test_losses_are_discovered():
    classes = sl.all_losses()
    assert len(classes) == len(set(classes)) > 20
    assert all(issubclass(cls, sl.Loss) for cls in classes)
    assert {sl.Huber, sl.Focal, sl.TweedieDeviance} <= set(classes)


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


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("cls", sl.all_losses(), ids=lambda cls: cls.__name__)
def test_certified_on_other_samples(cls, seed):
    report = sl.certify(cls, random_state=seed)
    assert report.passed, repr(report)


# ------------------------------------------------------------------ a user's loss


class Asymmetric(sl.PointwiseLoss):
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
    report = sl.certify(Asymmetric(ratio))
    assert report.passed, repr(report)


def test_users_loss_computes_its_formula():
    loss = Asymmetric(ratio=3.0)
    y, z = np.array([2.0, 0.0]), np.array([1.0, 2.0])
    assert_allclose(loss.values(y, z), [3.0 * 1**2, 2.0**2])
    assert_allclose(loss.gradient(y, z), [-2 * 3.0 * 1, 2 * 2.0])
    assert_allclose(loss(y, z, sample_weight=[1, 3]), (1 * 3.0 + 3 * 4.0) / 4)
    assert_allclose(loss.scorer()._sign, -1)
    assert sl.get_loss("asymmetric", ratio=3.0) == loss
    assert Asymmetric not in sl.all_losses()


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
