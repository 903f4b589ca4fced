"""CTC: against all paths, PyTorch and its own textbook recursion; forms, limits, threads."""

from __future__ import annotations

import json
import pickle
import tracemalloc
import warnings
from itertools import groupby, product
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from threadpoolctl import threadpool_limits

import sklosses as sl
from sklosses._arrays import threads
from sklosses._arrays.sequences import Labels
from sklosses._bases import sequencewise
from sklosses._kernels import ctc as ctc_kernels

CASES = json.loads((Path(__file__).parent / "data" / "sequence_cases.json").read_text())["cases"]
DTYPES = pytest.mark.parametrize("dtype", [np.float64, np.float32])


def collapsed(path, blank):
    return tuple(label for label, _ in groupby(path) if label != blank)


def all_paths(y, z, blank):
    """Return value and gradient: sums over every path."""
    p = np.exp(z - np.logaddexp.reduce(z, axis=1, keepdims=True))
    total, at = 0.0, np.zeros_like(p)
    for path in product(range(z.shape[1]), repeat=len(z)):
        if collapsed(path, blank) == tuple(y):
            mass = np.prod(p[np.arange(len(z)), path])
            total += mass
            at[np.arange(len(z)), path] += mass
    return -np.log(total), p - at / total


def twin(loss, y, z):
    """Return value and gradient as the scalar methods compute them, in Python with logarithms."""
    gradient = np.empty_like(z)
    loss.grad(y, z, gradient)
    return loss.value(y, z), gradient


def drawn(rng, lengths, sizes, k, *, scale=1.0, dtype=np.float64):
    """Return labels, neighbours often equal, and logits."""
    labels = [
        np.repeat(rng.integers(1, k, size), rng.integers(1, 3, size))[:size] for size in sizes
    ]
    return labels, [(scale * rng.normal(size=(n, k))).astype(dtype) for n in lengths]


# ------------------------------------------------------------------ values and gradients


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_reference_case(case):
    loss, inputs = sl.CTC(**case["params"]), case["inputs"]
    frames = [
        np.array(z)[:n] for z, n in zip(inputs["logits"], inputs["input_lengths"], strict=True)
    ]
    labels = [y[:n] for y, n in zip(inputs["labels"], inputs["label_lengths"], strict=True)]
    tol, expected = case["tol"], case["expected"]
    if "infeasible" in case["tags"]:
        with pytest.warns(RuntimeWarning, match="no alignment for 1 of 1 sequences: 0"):
            values, gradient = loss.values_gradient(labels, frames)
        assert_array_equal(values, [np.inf])
        assert_array_equal(gradient[0], 0)
        return
    values, gradient = loss.values_gradient(labels, frames)
    assert_allclose(values, expected["value"], **tol)
    assert_allclose(gradient, expected["grad"]["logits"], **tol)


def test_reference_cases_are_there():
    assert {tag for case in CASES for tag in case["tags"]} >= {"infeasible", "empty_target"}
    assert len(CASES) == 5


@pytest.mark.parametrize("blank", [0, 1, 2])
@pytest.mark.parametrize("n_frames", [1, 2, 3, 4, 5, 6])
def test_sum_over_all_paths(n_frames, blank, rng):
    z = 2 * rng.normal(size=(n_frames, 3))
    columns = [c for c in range(3) if c != blank]
    targets = [y for size in range(5) for y in product(columns, repeat=size)]
    possible = {collapsed(path, blank) for path in product(range(3), repeat=n_frames)}
    targets = [y for y in targets if y in possible]
    values, gradient = sl.CTC(blank).values_gradient(targets, [z] * len(targets))
    for y, value, slope in zip(targets, values, gradient, strict=True):
        expected = all_paths(y, z, blank)
        assert_allclose(value, expected[0], rtol=1e-12, atol=1e-14)
        assert_allclose(slope, expected[1], rtol=1e-10, atol=1e-14)


def test_probabilities_of_all_labels_sum_to_one(rng):
    z = rng.normal(size=(4, 3))
    targets = sorted({collapsed(path, 0) for path in product(range(3), repeat=4)})
    values = sl.CTC().values(targets, [z] * len(targets))
    assert_allclose(np.exp(-values).sum(), 1)


def of_torch(labels, frames, dtype, blank=0, zero_infinity=False):
    torch = pytest.importorskip("torch", reason="an oracle, installed for these tests only")
    longest = max(map(len, frames))
    padded = np.zeros((longest, len(frames), frames[0].shape[1]))
    for i, z in enumerate(frames):
        padded[: len(z), i] = z
    z = torch.tensor(padded, dtype=dtype and getattr(torch, dtype), requires_grad=True)
    values = torch.nn.functional.ctc_loss(
        z.log_softmax(-1), torch.tensor(np.concatenate([*labels, []]).astype(int)),
        torch.tensor([len(one) for one in frames]), torch.tensor([len(one) for one in labels]),
        blank=blank, reduction="none", zero_infinity=zero_infinity,
    )  # fmt: skip
    values.sum().backward()
    gradient = z.grad.numpy().transpose(1, 0, 2)
    return values.detach().numpy(), [g[: len(one)] for g, one in zip(gradient, frames, strict=True)]


@pytest.mark.parametrize("scale", [0.1, 1.0, 10.0])
def test_torch(scale, rng):
    lengths = [30, 7, 50, 12, 1, 9]
    labels, frames = drawn(rng, lengths, [8, 0, 20, 6, 0, 5], 6, scale=scale)
    labels[3][:] = 2  # all equal: every second frame at least is a blank
    expected = of_torch(labels, frames, "float64")
    values, gradient = sl.CTC().values_gradient(labels, frames)
    assert_allclose(values, expected[0], rtol=1e-8)
    for ours, theirs in zip(gradient, expected[1], strict=True):
        assert_allclose(ours, theirs, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("scale", [1.0, 8.0])
def test_torch_on_long_sequences(scale, rng):
    labels, frames = drawn(rng, [1000, 900], [100, 250], 40, scale=scale)
    values, gradient = sl.CTC().values_gradient(labels, frames)
    expected = of_torch(labels, frames, "float64")
    assert_allclose(values, expected[0], rtol=1e-10)
    for ours, theirs in zip(gradient, expected[1], strict=True):
        assert_allclose(ours, theirs, atol=1e-8)


def test_single_precision_is_computed_in_double(rng):
    """PyTorch's own is off by a percent of the gradient where sequences are long."""
    labels, frames = drawn(rng, [1000], [100], 40, dtype=np.float32)
    exact = sl.CTC().values_gradient(labels, [z.astype(float) for z in frames])
    values, (gradient,) = sl.CTC().values_gradient(labels, frames)
    assert values.dtype == gradient.dtype == np.float32
    assert_allclose(values, exact[0], rtol=1e-6)
    error = np.abs(gradient - exact[1][0]).max()
    assert error < 1e-6
    theirs = of_torch(labels, frames, "float32")[1][0]
    assert error < 0.01 * np.abs(theirs - exact[1][0]).max()


@pytest.mark.parametrize("zero_infinity", [False, True])
def test_torch_on_what_cannot_be_aligned(zero_infinity, rng):
    labels, frames = drawn(rng, [4, 3, 6], [2, 0, 3], 3)
    labels[1], labels[2] = np.array([1, 1, 2]), np.array([1, 2, 1])
    loss = sl.CTC(zero_infinity=zero_infinity)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        values, gradient = loss.values_gradient(labels, frames)
    expected = of_torch(labels, frames, "float64", zero_infinity=zero_infinity)[0]
    assert_allclose(values, expected)
    assert len(caught) == (not zero_infinity)
    assert values[1] == (0 if zero_infinity else np.inf)
    assert_array_equal(gradient[1], 0)
    for i in (0, 2):
        assert_allclose(gradient[i], loss.gradient(labels[i : i + 1], frames[i : i + 1])[0])


# ------------------------------------------------------------------ where sums would vanish


def kernel_keeps(y, z, *, blank=0):
    """Return whether scaled sums suffice: no underflow in the softmax nor in what is common."""
    size, n, k = len(z), len(y) + 1, z.shape[1]
    emission, alpha = np.empty((size, n)), np.empty((size + 1, 2 * n))
    skip = np.zeros(n)
    skip[1:-1] = y[1:] != y[:-1]
    small, _ = ctc_kernels._emissions(z, y, blank, None, emission, np.empty(k), None)
    if small:
        return False
    ctc_kernels._forward(emission, skip, alpha)
    scratch = np.empty(10 * n)
    return ctc_kernels._backward(emission, skip, alpha, y, 1.0, blank, np.empty(k), scratch, None)


def misled(n_frames, strength):
    """Return labels and logits that say with certainty the labels come at the other end."""
    y = np.tile([1, 2], n_frames // 8)
    z = np.zeros((n_frames, 3))
    z[: n_frames // 3, 0] = strength
    z[n_frames // 3 : 2 * n_frames // 3, 1] = strength
    z[2 * n_frames // 3 :, 0] = strength
    return y, z


HARD = {
    "certain and wrong": misled(400, 20.0),
    "certain beyond doubles": misled(40, 800.0),
    "far beyond": misled(40, 1e5),
    "blank forbidden": (np.array([1, 1]), np.array([[-3e3, 0.0, 0.0]] * 9)),
    "one label forbidden": (np.array([1, 2, 1]), np.array([[0.0, 0.0, -900.0]] * 5)),
}


@pytest.mark.parametrize("case", HARD)
def test_logarithms_take_over(case):
    y, z = HARD[case]
    assert not kernel_keeps(y, z)
    loss = sl.CTC()
    expected = twin(loss, y, z)
    values, (gradient,) = loss.values_gradient([y], [z])
    assert_allclose(values, expected[0], rtol=1e-12)
    assert_allclose(gradient, expected[1], atol=1e-10)
    assert_allclose(loss.values([y], [z]), values)
    easy = np.random.default_rng(0).normal(size=z.shape)
    several = loss.gradient([y, y], [z, easy], [2.0, 1.0])
    assert_allclose(several[0], 2 * gradient, atol=1e-10)
    assert_allclose(several[1], twin(loss, y, easy)[1], atol=1e-10)


@pytest.mark.parametrize("scale", [0.1, 3.0, 30.0, 100.0, 1000.0])
@pytest.mark.parametrize(("n_frames", "n_labels"), [(60, 5), (60, 29), (300, 20), (300, 140)])
def test_any_scale_and_shape(n_frames, n_labels, scale, rng):
    y, z = rng.integers(1, 5, n_labels), scale * rng.normal(size=(n_frames, 5))
    y[1::2] = np.where(y[1::2] == y[::2][: n_labels // 2], y[1::2] % 4 + 1, y[1::2])
    loss = sl.CTC()
    expected = twin(loss, y, z)
    values, (gradient,) = loss.values_gradient([y], [z])
    assert_allclose(values, expected[0], rtol=1e-11)
    assert_allclose(gradient, expected[1], atol=1e-9)


def test_scaled_sums_do_for_usual_sequences(rng):
    """A thousand frames and more of an untrained model, and a trained one."""
    for n_frames, n_labels, scale in ((1500, 150, 1.0), (1000, 100, 2.0), (1000, 400, 1.0)):
        y, z = rng.integers(1, 30, n_labels), scale * rng.normal(size=(n_frames, 30))
        assert kernel_keeps(y, z)
    y = np.arange(1, 30)
    z = 15 * np.eye(30)[np.repeat(np.append(y, 0), 10)]
    assert kernel_keeps(y, z)
    assert sl.CTC().values([y], [z])[0] < 1


@pytest.mark.parametrize("logit", [1e300, 1e4, -1e4, -1e300])
def test_extreme_logits(logit):
    z = np.array([[0.0, 0.0, logit]])
    values, gradient = sl.CTC().values_gradient([[1], [2]], [z, z])
    assert_allclose(values, [max(logit, np.log(2)), np.log(2) - logit if logit < 0 else 0])
    assert_allclose(gradient[0], [[0, -1, 1]] if logit > 0 else [[0.5, -0.5, 0]], atol=1e-15)
    assert_allclose(gradient[1], [[0, 0, 0]] if logit > 0 else [[0.5, 0.5, -1]], atol=1e-15)


# ------------------------------------------------------------------ too short, empty, weightless


def test_nothing_to_say_and_no_frames():
    frames = [np.zeros((0, 3)), np.zeros((0, 3)), np.zeros((2, 3))]
    labels = [[], [1], []]
    with pytest.warns(RuntimeWarning, match=r"sequences: 1\. Sequence 1 has 0 frames.* take 1"):
        values, gradient = sl.CTC().values_gradient(labels, frames)
    assert_allclose(values, [0, np.inf, 2 * np.log(3)])
    assert [g.shape for g in gradient] == [(0, 3), (0, 3), (2, 3)]
    assert_allclose(gradient[2], [[-2 / 3, 1 / 3, 1 / 3]] * 2)


def test_every_short_sequence_is_named():
    frames, labels = [np.zeros((2, 3))] * 9, [[1, 1]] * 9
    labels[4] = [1, 2]
    message = r"7 of 9 sequences: 0, 1, 2, 3, 5, …\. Sequence 0 has 2 frames, and .* take 3"
    weights = np.ones(9)
    weights[8] = 0.0  # is not there
    for method in ("values", "gradient", "values_gradient", "gradient_hessian"):
        with pytest.warns(RuntimeWarning, match=message):
            result = getattr(sl.CTC(), method)(labels, frames, weights)
        assert not np.isnan(np.concatenate([np.ravel(r) for r in result])).any()
    with pytest.warns(RuntimeWarning, match=message):
        assert sl.CTC()(labels, [np.full((2, 3), 1 / 3)] * 9, sample_weight=weights) == np.inf
    assert sl.CTC(zero_infinity=True).values(labels, frames, weights).tolist().count(0.0) == 8


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("place", ["usual", "weightless", "short"])
def test_bad_numbers_never_hide(bad, place):
    labels = [[1], [1], [1, 1, 1]]
    frames = [np.zeros((3, 3)) for _ in range(3)]
    weights = np.array([1.0, 0.0, 1.0])
    frames[["usual", "weightless", "short"].index(place)][1, 2] = bad
    for loss in (sl.CTC(), sl.CTC(zero_infinity=True)):
        with pytest.raises(ValueError, match=r"raw_prediction contains (NaN|infinity)"):
            loss.gradient(labels, frames, weights)
        with pytest.raises(ValueError, match=r"y_pred contains (NaN|infinity)"):
            loss(labels, frames, sample_weight=weights)


# ------------------------------------------------------------------ forms of the arguments


@DTYPES
def test_forms_of_the_arguments(dtype, rng):
    z = rng.normal(size=(3, 5, 4)).astype(dtype)
    y = rng.integers(1, 4, (3, 2))
    loss = sl.CTC()
    values, gradient = loss.values_gradient(y, z)
    assert gradient.shape == z.shape
    assert values.dtype == gradient.dtype == dtype
    reversed_ = np.ascontiguousarray(z[:, ::-1, ::-1])[:, ::-1, ::-1]  # strides of both signs
    read_only = z.copy()
    read_only.flags.writeable = False
    forms = [
        (y.tolist(), list(z)), (list(y), list(z)), (y, list(reversed_)), (y, reversed_),
        (y, read_only), (tuple(map(tuple, y)), tuple(z)), (y.astype(float), np.asfortranarray(z)),
    ]  # fmt: skip
    for labels, frames in forms:
        again = loss.values_gradient(labels, frames)
        assert_array_equal(again[0], values)
        assert isinstance(again[1], np.ndarray) == isinstance(frames, np.ndarray)
        for one, expected in zip(again[1], gradient, strict=True):
            assert_array_equal(one, expected)
    assert_array_equal(loss.values(y, z), values)
    assert_array_equal(loss.gradient(y, z), gradient)
    assert_allclose(loss.values(y, z.tolist()), values, rtol=1e-6)
    mixed = loss.values(y, [z[0], z[1].astype(float), z[2]])
    assert mixed.dtype == np.float64
    assert_allclose(mixed, values, rtol=1e-6)


def test_no_sequences():
    values, gradient = sl.CTC().values_gradient([], [])
    assert values.shape == (0,)
    assert gradient == []
    assert sl.CTC().gradient([], np.zeros((0, 4, 3))).shape == (0, 4, 3)


def test_inputs_are_left_alone(rng):
    labels, frames = drawn(rng, [9, 4], [3, 1], 4)
    before = [array.copy() for array in (*labels, *frames)]
    sl.CTC().values_gradient(labels, frames, [1.0, 2.0])
    for array, kept in zip((*labels, *frames), before, strict=True):
        assert_array_equal(array, kept)


def test_outputs_are_filled(rng):
    labels, frames = drawn(rng, [9, 4], [3, 1], 4)
    values, gradient = sl.CTC().values_gradient(labels, frames)
    out = np.empty(2), [np.empty_like(z) for z in frames]
    result = sl.CTC().values_gradient(labels, frames, out=out)
    assert result[0] is out[0]
    assert result[1] is out[1]
    assert_array_equal(out[0], values)
    for one, expected in zip(out[1], gradient, strict=True):
        assert_array_equal(one, expected)
    stacked = np.stack([frames[0], frames[0][::-1]])
    out = np.empty_like(stacked)
    assert sl.CTC().gradient([labels[0]] * 2, stacked, out=out) is out
    assert_array_equal(out[0], gradient[0])
    with pytest.raises(ValueError, match="out must be an array of shape"):
        sl.CTC().gradient(labels, frames, out=[np.empty((9, 4)), np.empty((9, 4))])


BAD = {
    "blank is no label": (([[0, 1]], [np.zeros((3, 3))]), r"0 to 2.*other than 0.*Got 0 in seq"),
    "label too large": (([[1], [2, 3]], [np.zeros((3, 3))] * 2), r"Got 3 in sequence 1"),
    "label negative": (([[-1]], [np.zeros((3, 3))]), r"Got -1 in sequence 0"),
    "label between": (([[1.5]], [np.zeros((3, 3))]), r"sequences of integers. Got \[1.5\]"),
    "label missing": (([[np.nan]], [np.zeros((3, 3))]), "sequences of integers"),
    "label a word": ((["ab"], [np.zeros((3, 3))]), "sequences of integers. Got 'ab' at place 0"),
    "label a table": (([[[1]]], [np.zeros((3, 3))]), "sequences of integers"),
    "labels alone": (([1, 2], [np.zeros((3, 3))] * 2), "sequences of integers. Got 1 at place 0"),
    "one table": (([[1]], np.zeros((3, 3))), r"list of arrays of shape \(n_frames, k\)"),
    "other lengths": (([[1], [1]], [np.zeros((3, 3))]), r"numbers of samples: \[2, 1\]"),
    "other widths": (([[1], [1]], [np.zeros((3, 3)), np.zeros((3, 2))]), r"columns. Got \[2, 3\]"),
    "complex": (([[1]], [np.zeros((3, 3), complex)]), "Complex data not supported"),
    "words": (([[1]], [[["a", "b"]]]), "could not convert|numeric"),
    "short weights": (([[1]], [np.zeros((3, 3))], [1.0, 1.0]), "sample_weight"),
    "negative weights": (([[1]], [np.zeros((3, 3))], [-1.0]), "sample_weight"),
    "NaN weights": (([[1]], [np.zeros((3, 3))], [np.nan]), "sample_weight contains NaN"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    args, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        sl.CTC().values_gradient(*args)


def test_bad_parameters_raise_at_use(rng):
    labels, frames = [[1]], [np.zeros((3, 3))]
    for loss, message in (
        (sl.CTC(blank=-1), "'blank' parameter of CTC must be an int in the range"),
        (sl.CTC(blank=0.5), "'blank' parameter of CTC must be an int in the range"),
        (sl.CTC(zero_infinity="yes"), "'zero_infinity' parameter of CTC must be"),
        (sl.CTC(blank=3), r"blank of CTC\(blank=3\) must be a column of raw_prediction, .* 3\."),
    ):
        with pytest.raises(ValueError, match=message):
            loss.values(labels, frames)


# ------------------------------------------------------------------ weights, response, constants


@DTYPES
def test_weights_multiply(dtype, rng):
    labels, frames = drawn(rng, [9, 4, 6], [3, 1, 2], 4, dtype=dtype)
    w = np.array([2.0, 0.0, 0.5])
    plain, weighted = (sl.CTC().values_gradient(labels, frames, v) for v in (None, w))
    assert_allclose(weighted[0], w * plain[0], rtol=1e-6)
    for factor, ours, expected in zip(w, weighted[1], plain[1], strict=True):
        assert_allclose(ours, factor * expected, rtol=1e-5, atol=1e-7)
    first, second = (sl.CTC().gradient_hessian(labels, frames, v) for v in (None, w))
    for i in range(2):
        for factor, ours, expected in zip(w, second[i], first[i], strict=True):
            assert_allclose(ours, factor * expected, rtol=1e-4, atol=1e-7)


def test_response_scale(rng):
    labels, frames = drawn(rng, [9, 4, 6], [3, 1, 2], 4)
    w = np.array([1.0, 3.0, 0.0])
    loss = sl.CTC()
    p = loss.inverse_link(frames)
    for one, z in zip(p, frames, strict=True):
        assert_allclose(one, np.exp(z) / np.exp(z).sum(axis=1, keepdims=True))
    assert_allclose(loss(labels, p), loss.values(labels, frames).mean())
    expected = np.average(loss.values(labels, frames), weights=w)
    assert_allclose(loss(labels, p, sample_weight=w), expected)
    assert isinstance(loss.inverse_link(np.stack(frames[:1] * 2)), np.ndarray)


def test_probability_of_zero():
    sure = np.eye(3)[[1, 0, 2]]
    assert sl.CTC()([[1, 2]], [sure]) == 0
    assert sl.CTC()([[2, 1]], [sure]) == np.inf
    assert sl.CTC()([[1, 2], [1]], [sure, sure], sample_weight=[1, 0]) == 0
    assert sl.CTC(zero_infinity=True)([[2, 1]], [sure]) == 0
    p = np.array([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    assert_allclose(sl.CTC()([[1, 2], [2]], [p, p]), np.log(2))
    for wrong in (1.01, -0.01):
        p[0, 0] = wrong
        with pytest.raises(ValueError, match="CTC needs probabilities as y_pred, from 0 to 1"):
            sl.CTC()([[2]], [p])
    with pytest.raises(ValueError, match="minimum of 1 is required"):
        sl.CTC()([], [])
    with pytest.raises(ValueError, match="at least one non-zero number"):
        sl.CTC()([[2]], [sure], sample_weight=[0.0])


def test_best_constant(rng):
    labels = [rng.integers(1, 4, size) for size in (3, 5, 2, 0)]
    lengths = np.array([9, 20, 7, 3])
    w = np.array([1.0, 2.0, 1.0, 1.0])
    loss = sl.CTC()
    raw = loss.init_raw(labels, w, n_raw=6, n_frames=lengths)
    assert raw.shape == (6,)
    assert np.isfinite(raw).all()
    assert raw[:4].min() > raw[4:].max() + 5  # of classes that were not seen

    def value(raw):
        return loss.values(labels, [np.tile(raw, (n, 1)) for n in lengths], w).sum()

    for _ in range(50):
        assert value(raw) <= value(raw + 0.3 * rng.normal(size=6)) + 1e-9
    longer = loss.init_raw(labels, w, n_frames=4 * lengths)
    assert longer[1:].max() < raw[1:4].max()  # the longer, the more of it is blank
    assert sl.CTC(blank=2).init_raw([[0, 1], [1]]).shape == (3,)
    with pytest.raises(ValueError, match="at least one non-zero"):
        loss.init_raw(labels, np.zeros(4))
    with pytest.raises(ValueError, match="Got 0 in sequence 0"):
        loss.init_raw([[0]])


def test_second_derivatives(rng):
    y, z = np.array([1, 1, 2]), rng.normal(size=(6, 3))
    loss, step = sl.CTC(), 1e-5
    (gradient,), (hessian,) = loss.gradient_hessian([y], [z])
    for t, c in product(range(6), range(3)):
        there = [z.copy(), z.copy()]
        there[0][t, c] += step
        there[1][t, c] -= step
        right, left = loss.values([y, y], there)
        slopes = loss.gradient([y, y], there)
        assert_allclose(gradient[t, c], (right - left) / (2 * step), atol=1e-9)
        expected = (slopes[0][t, c] - slopes[1][t, c]) / (2 * step)
        assert_allclose(hessian[t, c], expected, atol=1e-9)
    assert hessian.min() < 0 < loss.gradient_hessian([y], [z], psd=True)[1][0].min()


# ------------------------------------------------------------------ many sequences


@pytest.mark.parametrize("stacked", [False, True])
def test_threads_change_nothing(stacked, rng, monkeypatch):
    lengths = [40] * 30 if stacked else rng.integers(1, 80, 30)
    labels, frames = drawn(rng, lengths, rng.integers(0, 12, 30), 5)
    frames = np.stack(frames) if stacked else frames
    w = rng.integers(0, 3, 30).astype(float)
    loss = sl.CTC(zero_infinity=True)
    expected = loss.values_gradient(labels, frames, w)
    used = set()
    compute = sl.CTC._compute

    def watched(self, *arrays):
        used.add(len(arrays[1]) - 1)
        return compute(self, *arrays)

    monkeypatch.setattr(sl.CTC, "_compute", watched)
    monkeypatch.setattr(sequencewise, "LARGE", 1)
    monkeypatch.setattr(sequencewise, "PART", 500)
    monkeypatch.setattr(threads, "_openmp_effective_n_threads", lambda: 3)
    values, gradient = loss.values_gradient(labels, frames, w)
    assert_array_equal(values, expected[0])
    for ours, theirs in zip(gradient, expected[1], strict=True):
        assert_array_equal(ours, theirs)
    assert max(used) < 30


def test_order_does_not_matter(rng):
    labels, frames = drawn(rng, rng.integers(9, 40, 12), rng.integers(0, 5, 12), 5)
    values, gradient = sl.CTC().values_gradient(labels, frames)
    order = rng.permutation(12)
    again = sl.CTC().values_gradient([labels[i] for i in order], [frames[i] for i in order])
    assert_array_equal(again[0], values[order])
    for i, one in zip(order, again[1], strict=True):
        assert_array_equal(one, gradient[i])


def test_memory_is_that_of_one_sequence(rng):
    labels, frames = drawn(rng, [500] * 40, [60] * 40, 30)
    loss = sl.CTC()
    loss.values_gradient(labels[:1], frames[:1])
    tracemalloc.start()
    with threadpool_limits(1):  # each thread has scratch of its own
        loss.values_gradient(labels, frames)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    scratch = 8 * ctc_kernels.scratch_size(500, 60, 30)
    gradient = 40 * 500 * 30 * 8
    assert peak < gradient + 1.2 * scratch + 2**19
    assert scratch < 3.3 * 8 * 500 * 61


# ------------------------------------------------------------------ a loss like others


def test_parameters():
    loss = sl.get_loss("ctc", blank=2)
    assert loss == sl.CTC(blank=2) != sl.CTC()
    assert repr(loss) == "CTC(blank=2)"
    assert clone(loss) == pickle.loads(pickle.dumps(loss)) == loss
    assert sl.get_loss("ctc_loss") == sl.CTC()
    assert sl.all_losses("sequence") == [sl.CTC]
    assert loss.task == "sequence"
    assert sl.catalog("sequence").loc["CTC", "Target"] == "sequences of labels"


def test_labels_know_how_many_frames_they_take():
    targets = [[], [1], [1, 1], [1, 2, 1], [2, 2, 2, 2], [], [1, 1, 2, 2], []]
    labels = Labels.of(targets, "y_true")
    assert labels.least_frames().tolist() == [0, 1, 3, 3, 7, 0, 6, 0]
    some = labels.taken(np.array([3, 0, 4]))
    assert some.flat.tolist() == [1, 2, 1, 2, 2, 2, 2]
    assert some.least_frames().tolist() == [3, 0, 7]
    assert Labels.of([[], []], "y_true").least_frames().tolist() == [0, 0]
