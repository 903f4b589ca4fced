"""The checks of `certify` for the losses of a critic and a generator."""

from __future__ import annotations

import pickle
from types import SimpleNamespace

import numpy as np
from sklearn.base import clone

from .checks import DoesNotApplyError, _check_derivative, _require
from .samples import EXTREMES, PLAIN

OUTPUTS = 60  # of a critic
KINKS = (0.0, 1.0, -1.0)  # outputs at which formulas may change
ROWS, FEATURES = 40, 3  # of input gradients


def outputs_of(loss, rng):
    """Return what a loss is tried on: outputs of a critic, and its input gradients."""
    outputs = 3.0 * rng.normal(size=(2, OUTPUTS))
    outputs[:, : len(KINKS)] = KINKS
    slopes = rng.normal(size=(ROWS, FEATURES))
    return SimpleNamespace(
        name="", view=lambda loss: loss, real=outputs[0], fake=outputs[1], slopes=slopes
    )


def _singles(loss):
    """Return, by name, functions of an array: the values and derivatives of each output alone."""
    offset = loss.discriminator([0.0], [0.0])[0]

    def real(z):
        found = [loss.discriminator([one], [0.0]) for one in z]
        return np.array([(value - offset, grad[0]) for value, grad, _ in found]).T

    def fake(z):
        found = [loss.discriminator([0.0], [one]) for one in z]
        return np.array([(value - offset, grad[0]) for value, _, grad in found]).T

    def fooled(z):
        return np.array([(value, g[0]) for value, g in map(loss.generator, z[:, None])]).T

    return {"discriminator at real rows": real, "discriminator at fake rows": fake,
            "generator": fooled}  # fmt: skip


def _gradient(loss, data):
    errors = [
        _check_derivative(
            lambda z, of=of: of(z)[0], lambda z, of=of: of(z)[1], data.fake, f"gradient of {name}"
        )
        for name, of in _singles(loss).items()
    ]
    return f"largest error {max(errors):.1e}"


def _means(loss, data):
    """A value is the sum of the means over both kinds, whatever their numbers."""
    of_real, of_fake, of_fooled = _singles(loss).values()
    real, fake = data.real, data.fake[: OUTPUTS // 2]
    value, *grads = loss.discriminator(real, fake)
    parts, offset = (of_real(real), of_fake(fake)), loss.discriminator([0.0], [0.0])[0]
    expected = offset + sum(values.mean() for values, _ in parts)
    np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-12)
    for grad, (_, slopes) in zip(grads, parts, strict=True):
        np.testing.assert_allclose(grad, slopes / slopes.size, rtol=1e-12, atol=1e-300)
    value, grad = loss.generator(fake)
    values, slopes = of_fooled(fake)
    np.testing.assert_allclose(value, values.mean(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(grad, slopes / slopes.size, rtol=1e-12, atol=1e-300)


def _penalty(loss, data):
    if not loss.gradient_penalty:
        raise DoesNotApplyError("there is none")
    slopes, errors = data.slopes, []
    for column in range(FEATURES):

        def moved(z, column=column):
            rows = slopes.copy()
            rows[:, column] = z
            return rows

        def value(z, moved=moved):
            return np.array([loss.penalty(row[None])[0] for row in moved(z)])

        def derivative(z, column=column, moved=moved):
            return ROWS * loss.penalty(moved(z))[1][:, column]

        what = f"gradient of the penalty, column {column},"
        errors.append(_check_derivative(value, derivative, slopes[:, column], what))
    alone = [loss.penalty(row[None])[0] for row in slopes]
    np.testing.assert_allclose(loss.penalty(slopes)[0], np.mean(alone), rtol=1e-12)
    flat = loss.penalty(np.zeros((2, FEATURES)))
    _require(np.isfinite(flat[0]) and not flat[1].any(), "the gradient of no slope is not 0")
    return f"largest error {max(errors):.1e}"


def _finite(loss, data):
    far = np.array([s * e for e in EXTREMES for s in (1.0, -1.0)])
    for name, of in _singles(loss).items():
        found = of(far)
        _require(not np.isnan(found).any(), f"{name} is NaN at an extreme output")
        near = np.isfinite(found[:, np.abs(far) <= 30])
        _require(near.all(), f"{name} is infinite at an output of at most 30")


def _convex(loss, data):
    if not loss.convex:
        raise DoesNotApplyError("not claimed to be convex")
    for name, of in _singles(loss).items():
        drop = np.diff(of(np.linspace(-6, 6, 241))[1]).min()
        _require(drop >= -1e-9, f"the slope of {name} falls by {-drop:.3g} as the output rises")


def _smooth(loss, data):
    if not loss.smooth:
        raise DoesNotApplyError("not claimed to be smooth")
    for name, of in _singles(loss).items():
        before, after = of(data.fake - 1e-7)[1], of(data.fake + 1e-7)[1]
        jump = np.abs(after - before) - 1e-5 * (1 + np.abs(before))
        where = data.fake[jump.argmax()]
        _require(jump.max() <= 0, f"the slope of {name} jumps at output {where:.6g}")


def _results(loss, data, dtype=float):
    real, fake = data.real.astype(dtype), data.fake.astype(dtype)
    results = [*loss.discriminator(real, fake), *loss.generator(fake)]
    if loss.gradient_penalty:
        results += loss.penalty(data.slopes.astype(dtype))
    return results


def _single(loss, data):
    """Float32 computes the same to its own precision."""
    for single, double in zip(_results(loss, data, np.float32), _results(loss, data), strict=True):
        dtype = getattr(single, "dtype", np.float32)
        _require(np.isscalar(single) or dtype == np.float32, "float32 gives another dtype")
        np.testing.assert_allclose(single, double, rtol=1e-4, atol=1e-5)


def _copies(loss, data):
    for copy in (pickle.loads(pickle.dumps(loss)), clone(loss)):
        _require(copy == loss and hash(copy) == hash(loss), "a copy is not equal")
        for ours, theirs in zip(_results(copy, data), _results(loss, data), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    _require(type(loss).__name__ in repr(loss), "repr does not name the class")


def _python(loss, data):
    """The scalar methods run as plain Python and give what the compiled ones give."""
    if not loss.jit:
        raise DoesNotApplyError("the loss stays Python")
    z = data.fake[:PLAIN]
    shift = loss.discriminator([0.0], [0.0])[0]
    zero = {"real": shift - loss.fake(0.0)[0], "fake": shift - loss.real(0.0)[0], "fooled": 0.0}
    for name, of in zip(zero, _singles(loss).values(), strict=True):
        plain = np.array([getattr(loss, name)(float(one)) for one in z]).T
        values, slopes = of(z)
        np.testing.assert_allclose(values + zero[name], plain[0], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(slopes, plain[1], rtol=1e-9, atol=1e-12)


CHECKS = {
    "gradient is the derivative of the value": _gradient,
    "a value is a mean": _means,
    "the penalty's gradient is its derivative": _penalty,
    "finite at extremes": _finite,
    "convex if claimed": _convex,
    "smooth if claimed": _smooth,
    "float32 agrees with float64": _single,
    "clone, pickle and equality": _copies,
    "plain Python agrees with compiled code": _python,
}
