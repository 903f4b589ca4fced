"""Encoder and decoder as one network, which solvers train as any other."""

from __future__ import annotations

import numpy as np

from ..network import Network

SEED = 0  # of the codes that predictions are made from


class VariationalNetwork:
    """Encoder and decoder; its output is a row of raw reconstruction, means and log-variances.

    In between it draws a code: the mean plus a standard normal number times the deviation. Their
    derivatives, those of the output aside, pass through this sum.

    Parameters
    ----------
    hidden : pair of tuple of int
        Units of the hidden layers of encoder and decoder.
    n_inputs, n_components : int
        Numbers of features and of latents.
    activation, dtype, theta
        As in `Network`; `theta` holds the parameters of both, one after the other.
    noise : numpy.random.Generator
        What codes are drawn with in training.
    """

    def __init__(self, hidden, n_inputs, n_components, activation, dtype, theta=None, noise=None):
        self.shape = hidden, n_inputs, n_components, activation, dtype
        k = self.n_components = n_components
        sizes = (n_inputs, *hidden[0], 2 * k), (k, *hidden[1], n_inputs)
        counts = [Network.count(own) for own in sizes]
        self.theta = np.zeros(sum(counts), dtype) if theta is None else theta
        self.parts = slice(0, counts[0]), slice(counts[0], None)
        self.encoder, self.decoder = (
            Network(own, activation, dtype, self.theta[part])
            for own, part in zip(sizes, self.parts, strict=True)
        )
        self.coefs = self.encoder.coefs + self.decoder.coefs
        self.intercepts = self.encoder.intercepts + self.decoder.intercepts
        self.sizes = (*sizes[0][:-1], n_inputs + 2 * k)  # as seen from outside
        self.dtype = self.encoder.dtype
        self.noise = np.random.default_rng(SEED) if noise is None else noise

    def __reduce__(self):
        return VariationalNetwork, (*self.shape, self.theta, self.noise)

    def views(self, theta):
        """Return the matrices and the vectors that a flat vector of this network holds."""
        first, second = (
            network.views(theta[part])
            for network, part in zip((self.encoder, self.decoder), self.parts, strict=True)
        )
        return first[0] + second[0], first[1] + second[1]

    def copy(self, theta=None):
        """Return a network of the same shape, with other parameters or a copy of these."""
        theta = self.theta.copy() if theta is None else theta
        return VariationalNetwork(*self.shape, theta, self.noise)

    def initialise(self, rng):
        """Draw the weights; those of outputs too, or no code would matter to the decoder."""
        for network in (self.encoder, self.decoder):
            network.initialise(rng, outputs=True)
        self.noise = np.random.default_rng(rng.randint(2**31 - 1))
        return self

    def forward(self, X, noise=None):
        """Return the layers of the encoder, noise, code, layers of the decoder, and the row."""
        encoded = self.encoder.forward(X)
        mean, log_var = np.split(encoded[-1], 2, axis=1)
        noise = self.noise if noise is None else noise
        step = noise.standard_normal(mean.shape, mean.dtype)
        step *= np.exp(0.5 * log_var)
        code = mean + step
        decoded = self.decoder.forward(code)
        return [encoded, step, code, decoded, np.hstack((decoded[-1], encoded[-1]))]

    def backward(self, X, layers, delta, gradient):
        """Fill the flat `gradient` from the derivatives `delta` in the rows of outputs."""
        encoded, step, code, decoded, _ = layers
        d, k = self.decoder.sizes[-1], self.n_components
        first, second = (gradient[part] for part in self.parts)
        inner = self.decoder.backward(code, decoded, np.ascontiguousarray(delta[:, :d]), second)
        through = inner @ self.decoder.coefs[0].T
        delta = np.ascontiguousarray(delta[:, d:])
        delta[:, :k] += through
        through *= step
        through *= 0.5
        delta[:, k:] += through
        return self.encoder.backward(X, encoded, delta, first)

    def predict(self, X):
        """Return the rows of outputs, for codes that are the same at each call."""
        return self.forward(X, np.random.default_rng(SEED))[-1]
