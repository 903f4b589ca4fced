"""`AdversarialLoss`: what a generator and the critic of its samples minimise against each other."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from sklearn.utils import assert_all_finite

from .._arrays.inputs import DOUBLE, SINGLE, as_floats, as_kernels_take_it, require_rows
from .._numba import bind, fadd, kernel
from .loss import REAL, Interval, Loss

__all__ = ["AdversarialLoss", "Interval", "norm_penalty"]


@kernel
def _discriminate(loss, real, fake, grad_real, grad_fake):
    """Return the mean of both kinds' losses of the critic; fill its gradient."""
    first, second = 0.0, 0.0
    for i in range(real.size):
        value, slope = loss.real(real[i])
        first = fadd(first, value)
        grad_real[i] = slope / real.size
    for i in range(fake.size):
        value, slope = loss.fake(fake[i])
        second = fadd(second, value)
        grad_fake[i] = slope / fake.size
    return first / real.size + second / fake.size


@kernel
def _generate(loss, fake, grad):
    """Return the mean loss of the generator; fill its gradient."""
    total = 0.0
    for i in range(fake.size):
        value, slope = loss.fooled(fake[i])
        total = fadd(total, value)
        grad[i] = slope / fake.size
    return total / fake.size


class AdversarialLoss(Loss):
    """The losses of a critic and of a generator, on the critic's raw outputs.

    Subclasses define three scalar functions in plain Python; each returns a pair, the loss of one
    output `z` of the critic and its derivative:

    ==============================  ===========================================================
    ``real(self, z)``               what the critic pays at a row of the data
    ``fake(self, z)``               what it pays at a row of the generator
    ``fooled(self, z)``             what the generator pays there
    ==============================  ===========================================================

    The critic rises where it takes a row for real. A loss may penalise the norms of the critic's
    input gradients (`gradient_penalty`, `penalty`), or bound its parameters by `clip`.
    """

    task: ClassVar[str] = "generative"
    required: ClassVar[tuple] = ("real", "fake", "fooled")
    scalar_methods: ClassVar[tuple] = ("real", "fake", "fooled")
    response_method: ClassVar[None] = None
    jit: ClassVar[bool] = True
    target: ClassVar[Interval] = REAL
    # of losses that have no such parameters
    gradient_penalty: ClassVar[float] = 0.0
    clip: ClassVar[float | None] = None

    def discriminator(self, real, fake):
        """Return what the critic pays, and its derivatives.

        Parameters
        ----------
        real, fake : array-like
            Raw outputs of the critic at rows of the data and of the generator.

        Returns
        -------
        value : float
            The mean over `real` plus the mean over `fake`.
        grad_real, grad_fake : ndarray
            Derivatives of that value, of the shapes of `real` and `fake`.
        """
        self._validate_params()
        real, fake = self._checked(real, "real"), self._checked(fake, "fake")
        dtype = SINGLE if real.dtype == fake.dtype == SINGLE else DOUBLE
        grads = np.empty(real.shape, dtype), np.empty(fake.shape, dtype)
        arrays = (as_kernels_take_it(array, dtype) for array in (real, fake, *grads))
        return self.critic_objective(*arrays), *grads

    def generator(self, fake):
        """Return what the generator pays, and its derivatives.

        Parameters
        ----------
        fake : array-like
            Raw outputs of the critic at rows of the generator.

        Returns
        -------
        value : float
            The mean over `fake`.
        grad : ndarray
            Its derivatives, of the shape of `fake`.
        """
        self._validate_params()
        fake = self._checked(fake, "fake")
        grad = np.empty(fake.shape, fake.dtype)
        arrays = (as_kernels_take_it(array, fake.dtype) for array in (fake, grad))
        return self.generator_objective(*arrays), grad

    # ------------------------------------------------------------------ for solvers

    def critic_objective(self, real, fake, grad_real, grad_fake):
        """Return what the critic pays and fill its gradients; flat arrays of one dtype, checked."""
        return self._run(_discriminate, real, fake, grad_real, grad_fake)

    def generator_objective(self, fake, grad):
        """Return what the generator pays and fill its gradient."""
        return self._run(_generate, fake, grad)

    # ------------------------------------------------------------------ inside

    def _checked(self, array, name):
        array = as_floats(array, name)
        require_rows(array)
        assert_all_finite(array, input_name=name)
        return array

    def _run(self, function, *arrays):
        if self.jit:
            return function(bind(self, arrays[0].dtype), *arrays)
        return float(function.py_func(self, *arrays))


def norm_penalty(gradients, factor):
    """Return the mean of ``factor * (norm − 1)**2`` of rows of gradients, and its derivatives."""
    norms = np.sqrt(np.square(gradients).sum(axis=1, keepdims=True))
    excess = norms - 1.0
    directions = np.divide(gradients, norms, out=np.zeros_like(gradients), where=norms > 0)
    value = factor * float(np.mean(excess * excess))
    return value, (2.0 * factor / gradients.shape[0]) * excess * directions
