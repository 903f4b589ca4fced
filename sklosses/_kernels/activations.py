"""Activations, and the passes over the outputs of a layer: forward, backward, second order.

An activation is written once, as a function of its input and a slope that its output tells.
"""

from __future__ import annotations

from functools import lru_cache
from math import sqrt
from typing import ClassVar

from .._numba import bind, kernel
from .._special import exp, expit, log1pexp, tanh


class Activation:
    """An activation: `value(x)`, and its derivatives `slope(h)` and `bend(h)` where it is h."""

    scalar_methods: ClassVar[tuple] = ("value", "slope", "bend")
    straight: ClassVar[bool] = False  # whether `bend` is 0 everywhere
    gain: ClassVar[float] = 1.0  # of random weights, so that signals keep their variance
    smooth: ClassVar[bool] = True

    @classmethod
    def _get_param_names(cls):
        return []


class Identity(Activation):
    """x."""

    straight: ClassVar[bool] = True

    def value(self, x):
        return x

    def slope(self, h):
        return 1.0

    def bend(self, h):
        return 0.0


class Relu(Activation):
    """max(x, 0)."""

    straight: ClassVar[bool] = True

    gain: ClassVar[float] = sqrt(2.0)
    smooth: ClassVar[bool] = False

    def value(self, x):
        return x if x > 0.0 else 0.0

    def slope(self, h):
        return 1.0 if h > 0.0 else 0.0

    def bend(self, h):
        return 0.0


class Tanh(Activation):
    """Hyperbolic tangent."""

    def value(self, x):
        return tanh(x)

    def slope(self, h):
        return 1.0 - h * h

    def bend(self, h):
        return -2.0 * h * (1.0 - h * h)


class Logistic(Activation):
    """1 / (1 + e^−x)."""

    gain: ClassVar[float] = 4.0

    def value(self, x):
        return expit(x)

    def slope(self, h):
        return h * (1.0 - h)

    def bend(self, h):
        return h * (1.0 - h) * (1.0 - 2.0 * h)


class Softplus(Activation):
    """ln(1 + e^x)."""

    gain: ClassVar[float] = sqrt(2.0)

    def value(self, x):
        return log1pexp(x)

    def slope(self, h):
        return 1.0 - exp(-h)

    def bend(self, h):
        return exp(-h) * (1.0 - exp(-h))


ACTIVATIONS = {
    cls.__name__.lower(): cls for cls in (Identity, Logistic, Relu, Softplus, Tanh)
}  # fmt: skip


@lru_cache(maxsize=32)
def activation_of(name, dtype):
    """Return an activation by name, as kernels take it."""
    return bind(ACTIVATIONS[name](), dtype)


@kernel
def activate(activation, a, bias):
    """Add the bias to each row of `a` and apply the activation, in place."""
    for i in range(a.shape[0]):
        row = a[i]
        for j in range(row.size):
            row[j] = activation.value(row[j] + bias[j])


@kernel
def add_bias(a, bias):
    for i in range(a.shape[0]):
        row = a[i]
        for j in range(row.size):
            row[j] += bias[j]


@kernel
def deactivate(activation, delta, h, out_bias):
    """Multiply `delta` by the slopes at outputs `h`, in place; fill `out_bias` with its sums."""
    out_bias[:] = 0
    for i in range(h.shape[0]):
        row, d = h[i], delta[i]
        for j in range(row.size):
            d[j] *= activation.slope(row[j])
            out_bias[j] += d[j]


@kernel
def multiply_slopes(activation, delta, h):
    """Multiply `delta` by the slopes at outputs `h`, in place."""
    for i in range(h.shape[0]):
        row, d = h[i], delta[i]
        for j in range(row.size):
            d[j] *= activation.slope(row[j])


@kernel
def multiply_bends(activation, delta, tangent, h, out):
    """Fill `out` with products of `delta`, `tangent` and the second derivatives at outputs `h`."""
    for i in range(h.shape[0]):
        row, d, t, o = h[i], delta[i], tangent[i], out[i]
        for j in range(row.size):
            o[j] = d[j] * t[j] * activation.bend(row[j])


@kernel
def push(activation, h, first, second):
    """Turn the derivatives of an activation's inputs into those of its outputs `h`, in place."""
    for i in range(h.shape[0]):
        row, d, dd = h[i], first[i], second[i]
        for j in range(row.size):
            slope, bend = activation.slope(row[j]), activation.bend(row[j])
            dd[j] = slope * dd[j] + bend * d[j] * d[j]
            d[j] *= slope
