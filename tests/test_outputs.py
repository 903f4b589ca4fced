"""Results of a call belong to the caller, whatever memory they are in."""

import threading

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import sklosses as sl
from sklosses._arrays import outputs

LARGE = outputs.LEAST // 8  # float64 numbers


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    return rng.normal(size=LARGE), rng.normal(size=LARGE)


def address(array):
    return array.__array_interface__["data"][0]


def test_memory_of_large_results_is_used_again_once_nobody_holds_them(arrays):
    y, z = arrays
    loss = sl.SquaredError()
    values, gradient = loss.values_gradient(y, z)
    before, few = {address(values), address(gradient)}, values[5:10].copy()
    held = values[5:10].reshape(5, 1)  # a view of a view
    del values, gradient
    values, gradient = loss.values_gradient(y, z + 1.0)
    assert len({address(values), address(gradient)} & before) == 1
    assert_array_equal(held.ravel(), few)
    assert_array_equal(values, loss.values(y, z + 1.0, out=np.empty(LARGE)))
    assert_array_equal(gradient, loss.gradient(y, z + 1.0, out=np.empty(LARGE)))


def test_results_that_are_held_are_never_shared(arrays):
    y, z = arrays
    held = [sl.SquaredError().values(y, z + k) for k in range(5)]
    assert len({address(array) for array in held}) == 5
    for k, array in enumerate(held):
        assert array[7] == (y[7] - (z[7] + k)) ** 2
    assert len(outputs._kept) <= outputs.KEPT


def test_small_and_huge_results_are_plain_arrays():
    kept = list(outputs._kept)
    small = outputs.new_array((10, 3), np.float32)
    huge = outputs.new_array((outputs.MOST // 8 + 1,), np.float64)
    assert small.base is None
    assert huge.base is None
    assert small.shape == (10, 3)
    assert [id(array) for array in kept] == [id(array) for array in outputs._kept]


def test_threads_never_get_the_same_memory():
    taken, barrier = [], threading.Barrier(4)

    def take():
        barrier.wait()
        taken.extend(outputs.new_array((LARGE,), np.float64) for _ in range(5))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({address(array) for array in taken}) == len(taken) == 20


def test_two_dimensions_and_float32():
    z = np.random.default_rng(0).normal(size=(LARGE // 4, 10)).astype(np.float32)
    y = np.arange(len(z)) % 10
    loss = sl.CategoricalCrossEntropy()
    gradient = loss.gradient(y, z)
    copy, where = gradient.copy(), address(gradient)
    del gradient
    again = loss.gradient(y, z)
    assert address(again) == where
    assert again.dtype == np.float32
    assert_array_equal(again, copy)
