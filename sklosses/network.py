"""Forward and backward through a linear map or a multilayer perceptron, on BLAS.

All parameters are one flat vector, so that an optimiser is one loop; matrices are views into it.
What follows each matrix product (bias, activation, their derivatives) is one pass over memory.
"""

from __future__ import annotations

from itertools import pairwise
from math import sqrt

import numpy as np
from scipy import sparse
from sklearn.utils.extmath import safe_sparse_dot

from ._kernels.activations import (
    ACTIVATIONS,
    activate,
    activation_of,
    add_bias,
    deactivate,
    multiply_bends,
    multiply_slopes,
    push,
)

SMALLER = 0.5  # weights to start from than would keep the variance of a signal


class Network:
    """A linear map, or a multilayer perceptron.

    Parameters
    ----------
    sizes : sequence of int
        Numbers of inputs, of units of each hidden layer, of outputs.
    activation : {"identity", "logistic", "relu", "softplus", "tanh"}
        Of the hidden layers.
    dtype : dtype
        Float32 or float64.
    theta : ndarray of shape (n_parameters,), default=None
        All parameters; None: zeros.

    Attributes
    ----------
    theta : ndarray of shape (n_parameters,)
        All parameters.
    coefs, intercepts : list of ndarray
        Views: matrices of shape (n_in, n_out), vectors of shape (n_out,).
    """

    def __init__(self, sizes, activation="relu", dtype=np.float64, theta=None):
        self.sizes = tuple(int(size) for size in sizes)
        self.activation = activation
        self.dtype = np.dtype(dtype)
        self.theta = np.zeros(self.count(self.sizes), self.dtype) if theta is None else theta
        self.coefs, self.intercepts = self.views(self.theta)

    @property
    def linear(self):
        """Whether the outputs of all layers are linear in the inputs."""
        return len(self.coefs) == 1 or self.activation == "identity"

    @property
    def smooth(self):
        """Whether the outputs are smooth in the inputs."""
        return self.linear or ACTIVATIONS[self.activation].smooth

    def __reduce__(self):
        # a pickle of the matrices would cut them off from the vector they are views of
        return Network, (self.sizes, self.activation, self.dtype, self.theta)

    @staticmethod
    def count(sizes):
        """Return the number of parameters of a network of these sizes."""
        return sum(n * m + m for n, m in pairwise(sizes))

    def views(self, theta):
        """Return the matrices and the vectors that a flat vector of this network holds."""
        coefs, intercepts, at = [], [], 0
        for n, m in pairwise(self.sizes):
            coefs.append(theta[at : at + n * m].reshape(n, m))
            intercepts.append(theta[at + n * m : at + n * m + m])
            at += n * m + m
        return coefs, intercepts

    def copy(self, theta=None):
        """Return a network of the same shape, with other parameters or a copy of these."""
        theta = self.theta.copy() if theta is None else theta
        return Network(self.sizes, self.activation, self.dtype, theta)

    def initialise(self, rng, *, outputs=False):
        """Draw the weights of hidden layers; outputs start at 0, unless they are drawn too.

        A model thus starts as the best constant, whatever the seed. Weights are half those that
        would keep the variance of a signal: the smaller they are, the more of them a step of Adam
        changes. Scikit-learn's are larger, and learn more slowly.
        """
        gain = ACTIVATIONS[self.activation].gain
        for coef in self.coefs if outputs else self.coefs[:-1]:
            coef[...] = rng.standard_normal(coef.shape) * (SMALLER * gain / sqrt(coef.shape[0]))
        return self

    def forward(self, X, depth=None):
        """Return the outputs of all layers, the last one raw: a list of (n_samples, n_units).

        With `depth` only those of the first layers.
        """
        bound = activation_of(self.activation, self.dtype)
        layers, h = [], X
        for coef, intercept in zip(self.coefs[:depth], self.intercepts[:depth], strict=True):
            h = (
                h @ coef
                if isinstance(h, np.ndarray)
                else safe_sparse_dot(h, coef, dense_output=True)
            )
            if len(layers) < len(self.coefs) - 1:
                activate(bound, h, intercept)
            else:
                add_bias(h, intercept)
            layers.append(h)
        return layers

    def backward(self, X, layers, delta, gradient):
        """Fill the flat `gradient` from the derivatives `delta` in the raw outputs.

        `delta` is overwritten. Returns the derivatives in the inputs of the first layer's product,
        from which those in `X` follow by ``@ coefs[0].T``.
        """
        bound = activation_of(self.activation, self.dtype)
        coefs, intercepts = self.views(gradient)
        intercepts[-1][:] = delta.sum(axis=0)
        for depth in range(len(coefs) - 1, 0, -1):
            np.matmul(layers[depth - 1].T, delta, out=coefs[depth])
            delta = delta @ self.coefs[depth].T
            deactivate(bound, delta, layers[depth - 1], intercepts[depth - 1])
        if isinstance(X, np.ndarray):
            np.matmul(X.T, delta, out=coefs[0])
        else:
            coefs[0][...] = safe_sparse_dot(X.T, delta, dense_output=True)
        return delta

    def input_gradients(self, layers, delta):
        """Return the derivatives in the inputs, of shape (n_samples, n_inputs), and on the way.

        Parameters
        ----------
        layers : list of ndarray
            What `forward` returned.
        delta : ndarray of shape (n_samples, n_outputs)
            Derivatives in the raw outputs.

        Returns
        -------
        gradients : ndarray of shape (n_samples, n_inputs)
        deltas : list of ndarray
            Derivatives in what each layer's activation is applied to.
        """
        bound, deltas = activation_of(self.activation, self.dtype), [delta]
        for depth in range(len(self.coefs) - 1, 0, -1):
            delta = delta @ self.coefs[depth].T
            multiply_slopes(bound, delta, layers[depth - 1])
            deltas.append(delta)
        return delta @ self.coefs[0].T, deltas[::-1]

    def add_second_order(self, X, layers, deltas, direction, gradient):
        """Add to `gradient` the derivatives of the sum of ``direction * input_gradients``.

        That is what a penalty on the input gradients needs, `direction` being its derivatives in
        them. The sum is the derivative of the outputs along `direction`: it goes forward through
        the layers, and is differentiated backward with them. See `input_gradients` for `deltas`.
        """
        bound, last = activation_of(self.activation, self.dtype), len(self.coefs) - 1
        coefs, intercepts = self.views(gradient)
        tangents, inputs = [], [direction]  # before and after the slopes of each layer
        for depth in range(last):
            tangents.append(inputs[-1] @ self.coefs[depth])
            inputs.append(tangents[-1].copy())
            multiply_slopes(bound, inputs[-1], layers[depth])
        for depth in range(last + 1):
            coefs[depth] += inputs[depth].T @ deltas[depth]
        if ACTIVATIONS[self.activation].straight:
            return
        inner = None  # derivatives in what the activations of a layer are applied to
        for depth in range(last, 0, -1):
            bent = np.empty_like(tangents[depth - 1])
            outer = deltas[depth] @ self.coefs[depth].T
            multiply_bends(bound, outer, tangents[depth - 1], layers[depth - 1], bent)
            if inner is not None:
                through = inner @ self.coefs[depth].T
                multiply_slopes(bound, through, layers[depth - 1])
                bent += through
            inner = bent
            below = layers[depth - 2] if depth > 1 else X
            coefs[depth - 1] += below.T @ inner
            intercepts[depth - 1] += inner.sum(axis=0)

    def pull_back(self, layers, deltas):
        """Return the derivatives in the inputs from those in the outputs of some layers.

        Parameters
        ----------
        layers : list of ndarray
            What `forward` returned.
        deltas : dict of int to ndarray
            Derivatives in the outputs of a layer, by its place.

        Returns
        -------
        ndarray of shape (n_samples, n_inputs)
        """
        bound = activation_of(self.activation, self.dtype)
        delta = 0.0
        for depth in range(max(deltas), -1, -1):
            delta = delta + deltas[depth] if depth in deltas else delta
            if depth < len(self.coefs) - 1:
                multiply_slopes(bound, delta, layers[depth])
            delta = delta @ self.coefs[depth].T
        return delta

    def push_forward(self, layers, column):
        """Yield the first and second derivatives of each layer's outputs in one input column.

        Parameters
        ----------
        layers : list of ndarray
            What `forward` returned.
        column : int
            Of the inputs.

        Yields
        ------
        tuple of two ndarrays of the shape of the layer's outputs
            To be read only.
        """
        bound = activation_of(self.activation, self.dtype)
        first = np.tile(self.coefs[0][column], (layers[0].shape[0], 1))
        second = np.zeros_like(first)
        for depth, h in enumerate(layers):
            if depth > 0:
                first, second = first @ self.coefs[depth], second @ self.coefs[depth]
            if depth < len(self.coefs) - 1:
                push(bound, h, first, second)
            yield first, second

    def predict(self, X):
        """Return the raw outputs, of shape (n_samples, n_outputs)."""
        return self.forward(X)[-1]


# ------------------------------------------------------------------------- of fitted estimators

PROBES = 8  # random rows that tell whether a map is linear
LINEAR = 1e-6  # relative error that still is rounding: some transformers compute in float32


def network_of(estimator, dtype=None):
    """Return the map of a fitted estimator as a network, a copy.

    Parameters
    ----------
    estimator : estimator
        With hidden layers (`coefs_`, `intercepts_`, `activation`; scikit-learn's too), a
        transformer whose output is linear in its input, or a linear model.
    dtype : dtype, default=None
        None: that of its parameters.

    Returns
    -------
    Network
        The raw outputs of a model, what a transformer returns.
    """
    if hasattr(estimator, "coefs_"):
        sizes = [estimator.coefs_[0].shape[0], *(coef.shape[1] for coef in estimator.coefs_)]
        network = Network(sizes, estimator.activation, dtype or estimator.coefs_[0].dtype)
        pairs = zip(estimator.coefs_, estimator.intercepts_, strict=True)
    else:
        coef, intercept = _linear_map(estimator)
        network = Network(coef.shape, dtype=dtype or np.float64)
        pairs = [(coef, intercept)]
    for i, (coef, intercept) in enumerate(pairs):
        network.coefs[i][...], network.intercepts[i][...] = coef, intercept
    return network


def _linear_map(estimator):
    """Return matrix and vector of what an estimator computes from its input."""
    ours = hasattr(estimator, "loss_function_")  # its transform may scale rows to unit length
    if hasattr(estimator, "coef_") and (ours or not hasattr(estimator, "transform")):
        return np.atleast_2d(estimator.coef_).T, np.atleast_1d(estimator.intercept_)
    n = getattr(estimator, "n_features_in_", None)
    if n is None or not hasattr(estimator, "transform"):
        raise ValueError(
            f"{type(estimator).__name__} is neither a network nor a linear transformer."
        )

    def transformed(X):
        if hasattr(estimator, "feature_names_in_"):
            import pandas as pd

            X = pd.DataFrame(X, columns=estimator.feature_names_in_)
        out = estimator.transform(X)
        return out.toarray() if sparse.issparse(out) else np.asarray(out, np.float64)

    # whitening, scaling and rotating transformers have their own attributes; all have this
    intercept = transformed(np.zeros((1, n)))[0]
    coef = transformed(np.eye(n)) - intercept
    X = np.random.default_rng(0).standard_normal((PROBES, n))
    found, expected = transformed(X), X @ coef + intercept
    if np.abs(found - expected).max() > LINEAR * np.abs(expected).max():
        raise ValueError(f"The output of {type(estimator).__name__} is not linear in its input.")
    return coef, intercept
