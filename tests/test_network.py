"""Networks: gradients of every loss through every activation and depth, views, sparse inputs."""

from __future__ import annotations

import pickle
from copy import deepcopy

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

import sklosses as sl
from sklosses._bases.optimum import best_constant
from sklosses._registry import example_of
from sklosses.network import ACTIVATIONS, Network
from sklosses.solvers.batch import NetworkObjective
from sklosses.solvers.minibatch import Minibatch, MinibatchOptions, Standardiser

N, FEATURES, CLASSES, STEP = 12, 3, 3, 1e-5
DEPTHS = {0: (), 1: (4,), 2: (4, 3), 3: (4, 3, 3)}
# without hidden layers there is no activation
SHAPES = [("relu", 0), *((activation, depth) for activation in ACTIVATIONS for depth in (1, 2, 3))]
LOSSES = [cls for cls in sl.all_losses() if issubclass(cls, (sl.PointwiseLoss, sl.RowwiseLoss))]


def targets(loss, rng):
    """Targets in the domain of a loss, and the number of raw columns."""
    if loss.task == "multiclass":
        return np.arange(N) % CLASSES, CLASSES
    if loss.task == "binary":
        return np.arange(N) % 2.0, 1
    # counts are in every domain of regression; fractions are off every kink
    integral = getattr(loss.target, "integer", False)
    y = 1.0 + rng.poisson(3.0, N) + (0.0 if integral else 0.123)
    n_raw = getattr(loss, "n_raw", None) or getattr(loss, "n_outputs", None) or 1
    return y[:, None] + np.arange(n_raw) if getattr(loss, "n_outputs", None) else y, n_raw


def drawn(sizes, activation, rng, scale=0.6):
    network = Network(sizes, activation)
    network.theta[:] = scale * rng.standard_normal(network.theta.size)
    return network


def differences(function, theta):
    """The central difference of four points, of each parameter."""
    slopes = np.empty_like(theta)
    for i in range(theta.size):
        step = np.zeros_like(theta)
        step[i] = STEP * 10
        near = function(theta + step) - function(theta - step)
        far = function(theta + 2 * step) - function(theta - 2 * step)
        slopes[i] = (8 * near - far) / (12 * step[i])
    return slopes


def identity(X, n_raw, start=0.0, scale=1.0):
    """Coordinates that change nothing, but for a start and a scale of the outputs."""
    ones, zeros = np.ones(X.shape[1]), np.zeros(X.shape[1])
    return Standardiser(zeros, ones, np.full(n_raw, start), np.full(n_raw, scale), X.dtype)


@pytest.mark.parametrize("cls", LOSSES, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize(("activation", "depth"), SHAPES)
def test_gradients_of_whole_networks(cls, activation, depth):
    loss = example_of(cls)
    rng = np.random.default_rng(3)
    y, n_raw = targets(loss, rng)
    X, w = rng.normal(size=(N, FEATURES)), rng.integers(1, 4, N).astype(float)
    network = drawn((FEATURES, *DEPTHS[depth], n_raw), activation, rng)
    coordinates = identity(X, n_raw, start=0.3, scale=0.7)
    y = loss._checked_targets(y, n_raw, X.dtype) if hasattr(loss, "columns") else y
    problem = NetworkObjective(loss, X, y, w, network, coordinates, l2=0.1)
    value, gradient = problem(network.theta)
    expected = differences(lambda theta: problem(theta)[0], network.theta)
    assert np.isfinite(value)
    # at a kink a difference says nothing; the data have none so near
    assert_allclose(gradient, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_slopes_are_derivatives_told_by_the_output(activation):
    bound = ACTIVATIONS[activation]()
    for x in (-30.0, -2.0, -0.1, 0.1, 2.0, 30.0):
        difference = (bound.value(x + 1e-6) - bound.value(x - 1e-6)) / 2e-6
        assert_allclose(bound.slope(bound.value(x)), difference, atol=1e-8)


@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csr_array])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sparse_inputs_are_dense_inputs(container, dtype, rng):
    X = (rng.normal(size=(20, 6)) * (rng.random((20, 6)) < 0.4)).astype(dtype)
    network = Network((6, 5, 2), "tanh", dtype).initialise(rng)
    network.coefs[-1][...] = rng.normal(size=(5, 2))
    delta = rng.normal(size=(20, 2)).astype(dtype)
    results = []
    for data in (X, container(X)):
        layers = network.forward(data)
        gradient = np.empty_like(network.theta)
        inner = network.backward(data, layers, delta.copy(), gradient)
        assert all(layer.dtype == dtype for layer in layers)
        results.append((layers[-1], gradient, inner))
    for dense, thin in zip(*results, strict=True):
        assert_allclose(thin, dense, rtol=1e-4 if dtype == np.float32 else 1e-12, atol=1e-6)


def test_backward_returns_the_derivatives_for_inputs(rng):
    X = rng.normal(size=(5, 3))
    network = drawn((3, 4, 2), "softplus", rng)
    delta = rng.normal(size=(5, 2))
    inner = network.backward(X, network.forward(X), delta.copy(), np.empty_like(network.theta))
    expected = differences(
        lambda x: float((network.predict(x.reshape(X.shape)) * delta).sum()), X.ravel()
    )
    assert_allclose((inner @ network.coefs[0].T).ravel(), expected, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("order", ["C", "F"])
def test_inputs_of_any_layout_are_left_alone(order, rng):
    X = np.asarray(rng.normal(size=(9, 3)), order=order)
    X.flags.writeable = False
    network = drawn((3, 4, 2), "relu", rng)
    by_hand = np.maximum(X @ network.coefs[0] + network.intercepts[0], 0)
    by_hand = by_hand @ network.coefs[1] + network.intercepts[1]
    assert_allclose(network.predict(X), by_hand, rtol=1e-12)


def test_parameters_are_views_of_one_vector(rng):
    network = Network((3, 4, 2))
    assert network.theta.size == 3 * 4 + 4 + 4 * 2 + 2
    assert [coef.shape for coef in network.coefs] == [(3, 4), (4, 2)]
    assert [len(intercept) for intercept in network.intercepts] == [4, 2]
    network.theta[:] = np.arange(network.theta.size)
    pieces = [
        part.ravel()
        for pair in zip(network.coefs, network.intercepts, strict=True)
        for part in pair
    ]
    assert_array_equal(np.concatenate(pieces), network.theta)
    for array in (*network.coefs, *network.intercepts):
        assert np.shares_memory(array, network.theta)


def test_copies_are_independent(rng):
    network = drawn((3, 4, 2), "tanh", rng)
    copy = network.copy()
    assert (copy.sizes, copy.activation, copy.dtype) == (network.sizes, "tanh", network.dtype)
    copy.theta += 1
    assert not np.shares_memory(copy.theta, network.theta)
    assert_allclose(copy.coefs[0], network.coefs[0] + 1)
    given = np.zeros_like(network.theta)
    assert np.shares_memory(network.copy(given).coefs[0], given)


@pytest.mark.parametrize("copied", [deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_pickles_hold_views_too(copied, rng):
    network = drawn((3, 4, 2), "tanh", rng)
    copy = copied(network)
    assert_array_equal(copy.theta, network.theta)
    copy.theta += 1
    assert_allclose(copy.coefs[1], network.coefs[1] + 1)
    assert (copy.activation, copy.dtype) == ("tanh", network.dtype)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_networks_start_as_a_constant(activation, dtype):
    networks = [
        Network((50, 400, 2), activation, dtype).initialise(np.random.RandomState(seed))
        for seed in (0, 0, 1)
    ]
    assert_array_equal(networks[0].theta, networks[1].theta)
    assert not np.array_equal(networks[0].theta, networks[2].theta)
    first, last = networks[0].coefs
    assert first.dtype == dtype
    gain = 0.5 * ACTIVATIONS[activation].gain / np.sqrt(50)
    assert_allclose(first.std(), gain, rtol=0.05)
    assert not last.any()
    assert not networks[0].intercepts[0].any()


@pytest.mark.parametrize("hidden", [(), (4,)])
def test_coordinates_change_nothing_that_is_predicted(hidden, rng):
    X = rng.normal(size=(8, 3)) * [1e-3, 1.0, 1e4] + [5.0, 0.0, -2e4]
    natural = drawn((3, *hidden, 2), "tanh", rng, scale=1e-3)
    mean, spread = X.mean(axis=0), X.std(axis=0)
    coordinates = Standardiser(mean, spread, [1.0, -2.0], [3.0, 1e-2], X.dtype)
    inner = natural.copy(coordinates.inner(natural))
    raw = inner.predict((X - mean) / spread) * coordinates.scale + coordinates.start
    assert_allclose(raw, natural.predict(X), rtol=1e-8)
    back = coordinates.outer(natural, inner.theta)
    assert_allclose(back.theta, natural.theta, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("solver", ["adam", "sgd", "adagrad"])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_steps_do_not_depend_on_the_scale_of_the_targets(solver, scale, rng):
    X = rng.normal(size=(60, 3))
    y = X @ [1.0, -2.0, 0.5] + 0.1 * rng.normal(size=60)
    fitted = []
    for target in (y, y * scale):
        loss, w = sl.SquaredError(), np.ones(60)
        constant = best_constant(loss, target, w, 1)
        coordinates = Standardiser(
            X.mean(axis=0), X.std(axis=0), constant.raw, constant.scale, X.dtype, constant.unit
        )
        network = Network((3, 4, 1)).initialise(np.random.RandomState(0))
        network = coordinates.outer(network, network.theta)
        trainer = Minibatch(network, coordinates, MinibatchOptions(solver=solver, batch_size=10))
        for seed in range(5):
            trainer.run_epoch(loss, X, target, w, seed)
        fitted.append(trainer.result().predict(X))
    assert_allclose(fitted[1], fitted[0] * scale, rtol=1e-6)
