"""`LossDisplay`: the curves are the loss's, for every loss, on the axes one gives it."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import sklosses as sl

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

from matplotlib import pyplot as plt  # noqa: E402 -- after the backend is chosen

from sklosses.plot import LossDisplay  # noqa: E402


@pytest.fixture(autouse=True)
def _closed_figures():
    yield
    plt.close("all")


POINTWISE = [cls for cls in sl.all_losses() if issubclass(cls, sl.PointwiseLoss)]


@pytest.mark.parametrize("cls", POINTWISE)
def test_every_pointwise_loss_can_be_drawn(cls):
    display = LossDisplay.from_loss(cls)

    targets = [0.0, 1.0] if cls.task == "binary" else [1.0]
    assert_array_equal(display.y_true, targets)
    assert len(display.lines_) == 3 * len(targets)
    assert all(np.isfinite(line.get_ydata()).all() for line in display.lines_)
    assert display.ax_.get_title() == repr(cls())
    assert display.figure_ is display.ax_.figure


@pytest.mark.parametrize("loss", [sl.Huber(delta=2.0), sl.Focal(gamma=1.0), sl.PoissonDeviance()])
def test_curves_are_those_of_the_array_methods(loss):
    display = LossDisplay.from_loss(loss)
    raw = display.raw_prediction
    for k, target in enumerate(display.y_true):
        y = np.full_like(raw, target)
        gradient, hessian = loss.gradient_hessian(y, raw)
        assert_allclose(display.curves["value"][k], loss.values(y, raw), rtol=1e-12, atol=1e-15)
        assert_allclose(display.curves["gradient"][k], gradient, rtol=1e-12, atol=1e-15)
        assert_allclose(display.curves["Hessian"][k], hessian, rtol=1e-12, atol=1e-15)


def test_targets_limits_and_value_only():
    display = LossDisplay.from_loss("hinge", y_true=1, limits=(-2, 5), derivatives=False)

    (line,) = display.lines_
    assert line.get_label() == "value"
    assert_allclose(line.get_xdata()[[0, -1]], [-2, 5])
    assert_allclose(line.get_ydata()[[0, -1]], [3.0, 0.0])  # max(0, 1 - z)


def test_draws_on_given_axes_and_again_elsewhere():
    figure, (first, second) = plt.subplots(1, 2)
    display = LossDisplay.from_loss(sl.Pinball(quantile=0.9), ax=first)
    assert display.ax_ is first

    assert display.plot(ax=second, line_kw={"color": "black"}) is display
    assert display.ax_ is second
    assert {line.get_color() for line in display.lines_} == {"black"}
    assert display.figure_ is figure


def test_own_loss_that_stays_numpy():
    class Quartic(sl.PointwiseLoss):
        jit: ClassVar = False

        def value(self, y, z):
            return np.power(z - y, 4)

        def grad_hess(self, y, z):
            return 4 * np.power(z - y, 3), 12 * np.power(z - y, 2)

    display = LossDisplay.from_loss(Quartic(), y_true=0.0, limits=(-1, 1))
    assert_allclose(display.curves["value"][0, [0, 200, 400]], [1.0, 0.0, 1.0], atol=1e-12)


def test_default_limits_show_the_parameter_and_respect_the_domain():
    wide = LossDisplay.from_loss(sl.Huber(delta=30.0)).raw_prediction
    assert wide[0] < 1 - 30
    assert wide[-1] > 1 + 30
    assert LossDisplay.from_loss("squared_log_error").raw_prediction[0] > -1


@pytest.mark.parametrize(
    ("loss", "y_true", "message"),
    [
        ("hinge", 0.5, "an int in the range"),
        ("gamma_deviance", [1.0, 0.0], "float in the range"),
        ("huber", [[1.0]], "one number or several"),
    ],
)
def test_targets_outside_the_domain_raise(loss, y_true, message):
    with pytest.raises(ValueError, match=message):
        LossDisplay.from_loss(loss, y_true=y_true)


def test_bad_parameters_raise():
    with pytest.raises(ValueError, match="delta"):
        LossDisplay.from_loss(sl.Huber(delta=-1.0))


def test_other_objects_raise():
    with pytest.raises(TypeError, match="loss"):
        LossDisplay.from_loss(3)
