"""Embedding losses: reference cases, autograd, near duplicates, degenerate batches, inputs."""

from __future__ import annotations

import json
from math import log
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import sklosses as sl
from sklosses._arrays.geometry import Distance
from sklosses._bases import batchwise
from sklosses.losses import _triplets

CASES = {
    case["name"]: case
    for case in json.loads(
        (Path(__file__).parent / "data" / "embedding_cases.json").read_text(encoding="utf-8")
    )["cases"]
}
LOSSES = [
    sl.Contrastive(), sl.Contrastive(2.5), sl.Contrastive(0.0),
    sl.Triplet(), sl.Triplet(0.2), sl.Triplet(mining="all"), sl.Triplet(0.2, "all"),
    sl.Triplet(mining="hard"), sl.Triplet(0.2, "hard"),
    sl.NTXent(), sl.NTXent(0.05), sl.SupervisedContrastive(), sl.SupervisedContrastive(1.0),
    sl.NPairs(),
]  # fmt: skip
BY_REPR = {"ids": repr}


def batch(rng, n=60, d=3, classes=5):
    return rng.integers(0, classes, n), rng.normal(size=(n, d))


def unit(z):
    return z / np.linalg.norm(z, axis=1, keepdims=True)


# ------------------------------------------------------------------ reference cases


def anchor(loss, s, alike):
    """Return the loss of the first row as an anchor, its number of terms, and the slopes.

    The first `alike` of its distances (or similarities) are to rows of its label.
    """
    w = np.empty(len(s))
    total, count = loss.anchor(0, 0, alike, np.array(s, float), w)
    return total, count, w


def test_reference_of_triplets():
    """Those of PyTorch, which adds 1e-6 to each difference: of one triplet each."""
    case = CASES["triplet_margin"]
    a, p, n = (np.array(case["inputs"][name]) for name in ("anchor", "positive", "negative"))
    eps, loss = case["params"]["eps"], sl.Triplet(case["params"]["margin"], "all")
    to_p, to_n = a - p + eps, a - n + eps
    total, slopes = 0.0, np.zeros((3, *a.shape))
    for i in range(len(a)):
        d = [0.0, np.linalg.norm(to_p[i]), np.linalg.norm(to_n[i])]
        value, count, w = anchor(loss, d, 2)
        assert count == 1
        total += value / len(a)
        pull, push = w[1] * to_p[i] / d[1], w[2] * to_n[i] / d[2]
        slopes[:, i] = np.array([pull + push, -pull, -push]) / len(a)
    expected = case["expected"]
    assert_allclose(total, expected["value"], **case["tol"])
    for got, name in zip(slopes, ("anchor", "positive", "negative"), strict=True):
        assert_allclose(got, expected["grad"][name], **case["tol"])


def test_reference_of_contrastive_pairs():
    case = CASES["contrastive_pair"]
    for i, (same, d) in enumerate(
        zip(case["inputs"]["same"], case["inputs"]["distance"], strict=True)
    ):
        value, count, w = anchor(sl.Contrastive(1.0), [0.0, d], 2 if same else 1)
        assert count == 1
        assert_allclose(value, case["expected"]["value"][i], **case["tol"])
        assert_allclose(w[1], case["expected"]["grad"]["distance"][i], **case["tol"])


def test_reference_of_info_nce():
    """A query, its key and the other keys are a batch with one pair of equal labels."""
    case = CASES["info_nce"]
    queries, keys = (np.array(case["inputs"][name]) for name in ("queries", "keys"))
    n, T = len(queries), case["params"]["temperature"]
    cosines = unit(queries) @ unit(keys).T
    total, slopes = 0.0, np.zeros_like(queries)
    for i in range(n):
        order = [i, *(j for j in range(n) if j != i)]
        value, count, w = anchor(sl.NTXent(T), [1.0, *cosines[i, order]], 2)
        assert count == 1
        total += value / n
        turn = w[1:] @ unit(keys)[order] / n
        q = queries[i] / np.linalg.norm(queries[i])
        slopes[i] = (turn - (turn @ q) * q) / np.linalg.norm(queries[i])
    assert_allclose(total, case["expected"]["value"], **case["tol"])
    assert_allclose(slopes, case["expected"]["grad"]["queries"], **case["tol"])


# ------------------------------------------------------------------ PyTorch


def torch_formula(torch, loss):
    """Return the loss as PyTorch has it, of labels and embeddings."""
    F = torch.nn.functional

    def positives(y):
        return (y[:, None] == y[None, :]) & ~torch.eye(len(y), dtype=torch.bool)

    def negatives(y):
        return y[:, None] != y[None, :]

    def distances(z):
        squares = ((z[:, None] - z[None]) ** 2).sum(-1)
        apart = squares > 0
        return torch.where(apart, torch.sqrt(torch.where(apart, squares, 1.0)), 0.0)

    def contrastive(y, z):
        d = distances(z)
        pairs = d**2 * positives(y) + torch.relu(loss.margin - d) ** 2 * negatives(y)
        return pairs.sum() / (len(y) * (len(y) - 1))

    def triplet(y, z):
        d, p, n = distances(z), positives(y), negatives(y)
        if loss.mining == "hard":
            far = torch.where(p, d, -torch.inf).amax(1)
            near = torch.where(n, d, torch.inf).amin(1)
            return torch.relu(far - near + loss.margin)[p.any(1) & n.any(1)].mean()
        gaps = d[:, :, None] - d[:, None, :] + loss.margin
        valid = p[:, :, None] & n[:, None, :]
        if loss.mining == "semihard":
            valid &= (d[:, :, None] < d[:, None, :]) & (gaps > 0)
        return torch.relu(gaps)[valid].mean()

    def against_negatives(y, z):
        s = z @ z.T if loss == sl.NPairs() else F.normalize(z, dim=1) @ F.normalize(z, dim=1).T
        s = s * loss.scale
        others = torch.logsumexp(torch.where(negatives(y), s, -torch.inf), 1)
        return F.softplus(others[:, None] - s, threshold=1e9)[positives(y)].mean()

    def supervised(y, z):
        s = F.normalize(z, dim=1) @ F.normalize(z, dim=1).T / loss.temperature
        p = positives(y)
        others = torch.where(torch.eye(len(y), dtype=torch.bool), -torch.inf, s)
        logs = torch.where(p, s - torch.logsumexp(others, 1)[:, None], 0.0).sum(1)
        return -(logs[p.any(1)] / p.sum(1)[p.any(1)]).mean()

    kinds = {
        sl.Contrastive: contrastive, sl.Triplet: triplet, sl.NTXent: against_negatives,
        sl.NPairs: against_negatives, sl.SupervisedContrastive: supervised,
    }  # fmt: skip
    return kinds[type(loss)]


@pytest.mark.parametrize("shape", [(60, 3, 5), (41, 1, 2), (40, 16, 15)], ids=str)
@pytest.mark.parametrize("loss", LOSSES, **BY_REPR)
def test_equals_autograd(loss, shape, rng):
    torch = pytest.importorskip("torch", reason="an independent implementation")
    y, z = batch(rng, *shape)
    y[0] = 99  # a class of one row
    raw = torch.tensor(z, requires_grad=True)
    value = torch_formula(torch, loss)(torch.tensor(y), raw)
    values, gradient = loss.values_gradient(y, z)
    if value.isnan():  # no triplet is semihard
        assert_array_equal(values, 0)
        return
    (expected,) = torch.autograd.grad(value, raw)
    assert_allclose(values, [value.item()], rtol=1e-8, atol=1e-12)
    assert_allclose(gradient, expected.numpy(), rtol=1e-8, atol=1e-12)
    single, slopes = loss.values_gradient(y, z.astype(np.float32))
    assert single.dtype == slopes.dtype == np.float32
    assert_allclose(single, values, rtol=1e-4, atol=1e-5)
    assert_allclose(slopes, gradient, rtol=1e-3, atol=2e-4 * np.abs(gradient).max() + 1e-6)


# ------------------------------------------------------------------ formulas by hand


def test_contrastive_by_hand():
    z = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 0.5]])  # distances 5, 0.5, √(9 + 3.5²)
    assert_allclose(sl.Contrastive()([1, 1, 2], z), (25 + 0.5**2 + 0) / 3)
    assert_allclose(sl.Contrastive(6.0)([1, 2, 2], z), (1 + 5.5**2 + 9 + 3.5**2) / 3)


def test_triplets_by_hand():
    """On a line: anchors at 0 and 1, negatives at 1.5 and 4."""
    y, z = [0, 0, 1, 2], np.array([[0.0], [1.0], [1.5], [4.0]])
    losses = {(0, 2): 0.5, (0, 3): 0.0, (1, 2): 1.5, (1, 3): 0.0}
    assert_allclose(sl.Triplet(mining="all")(y, z), sum(losses.values()) / 4)
    assert_allclose(sl.Triplet(mining="hard")(y, z), (0.5 + 1.5) / 2)
    assert_allclose(sl.Triplet(mining="semihard")(y, z), 0.5)  # 1 < 1.5 < 1 + 1 alone
    assert_allclose(sl.Triplet(3.5, "semihard")(y, z), ((1 - 1.5) + (1 - 4) + (1 - 3) + 10.5) / 3)


@pytest.mark.parametrize("T", [0.5, 2.0])
def test_softmax_losses_by_hand(T):
    z = np.array([[2.0, 0.0], [0.0, 3.0], [-1.0, 0.0]])  # cosines 0, −1, 0
    pairs = log(1 + np.exp(-1 / T)), log(1 + np.exp(0))  # of anchors 0 and 1
    assert_allclose(sl.NTXent(T)([7, 7, 8], z), sum(pairs) / 2)
    assert_allclose(sl.SupervisedContrastive(T)([7, 7, 8], z), sum(pairs) / 2)
    # inner products 0, −2, 0
    assert_allclose(sl.NPairs()([7, 7, 8], z), (log(1 + np.exp(-2)) + log(2)) / 2)
    # of three rows with one label, L_out is the mean over positives of the whole softmax
    expected = [log(1 + np.exp(-1 / T)) + 0.5 / T, log(2.0), log(1 + np.exp(-1 / T)) + 0.5 / T]
    assert_allclose(sl.SupervisedContrastive(T)([7, 7, 7], z), np.mean(expected))
    assert_allclose(sl.NTXent(T)([7, 7, 7], z), 0)


def test_two_views_are_cross_entropy(rng):
    """Of pairs, NTXent is SimCLR's loss, and the same as SupervisedContrastive."""
    y, z = np.tile(np.arange(8), 2), rng.normal(size=(16, 4))
    s = unit(z) @ unit(z).T / 0.3
    np.fill_diagonal(s, -np.inf)
    expected = np.log(np.exp(s).sum(axis=1)) - s[np.arange(16), (np.arange(16) + 8) % 16]
    assert_allclose(sl.NTXent(0.3)(y, z), expected.mean())
    assert_allclose(sl.SupervisedContrastive(0.3)(y, z), expected.mean())


# ------------------------------------------------------------------ numerics


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-11), (np.float32, 3e-5)])
@pytest.mark.parametrize("gap", [1e-12, 1e-8, 1e-5, 1e-3, 0.03])
def test_distances_of_near_rows(gap, dtype, rtol, rng):
    """The product of rows would lose all digits of a distance below 1e-8 of their length."""
    centres = rng.normal(size=(20, 5)).astype(dtype)
    z = np.concatenate([centres, centres + (gap * rng.normal(size=(20, 5))).astype(dtype), centres])
    z = z.astype(dtype)
    exact = np.linalg.norm(z[:, None].astype(float) - z[None], axis=2)
    d = np.empty((60, 60), dtype)
    Distance(z).rows(slice(0, 60), d)
    assert_allclose(d, exact, rtol=rtol, atol=0)


def test_far_from_the_origin(rng):
    y, z = batch(rng)
    z = z.round(6)
    for loss in LOSSES:
        if loss.geometry == "distance":
            near, far = loss.values_gradient(y, z), loss.values_gradient(y, z + 2**20)
            for one, other in zip(near, far, strict=True):
                assert_allclose(one, other, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("loss", LOSSES, **BY_REPR)
def test_gradient_of_coinciding_rows(loss):
    """At a distance of 0 there is no direction: those pairs pull and push nothing."""
    y, z = np.array([0, 0, 1, 1]), np.ones((4, 3))
    values, gradient = loss.values_gradient(y, z)
    assert np.isfinite(values).all()
    assert_allclose(gradient, 0, atol=1e-15)
    z[3] = 2.0  # what is elsewhere still does
    gradient = loss.gradient(y, z)
    assert np.isfinite(gradient).all()


def test_gradient_of_nearly_coinciding_rows(rng):
    """Directions of near pairs are exact, be they pushed apart however hard."""
    z = np.concatenate([rng.normal(size=(30, 4)), np.zeros((2, 4))])
    z[31] += 1e-9 * np.array([1.0, 2.0, 3.0, 4.0]) + z[30]
    y = np.arange(32)
    gradient = sl.Contrastive(1e-3).gradient(y, z)
    step = z[31] - z[30]
    expected = 2 * (1e-3 - np.linalg.norm(step)) * step / np.linalg.norm(step) / (32 * 31 / 2)
    assert_allclose(gradient[30], expected, rtol=1e-9)
    assert_allclose(gradient[31], -expected, rtol=1e-9)


def test_cosine_of_a_zero_row_is_0():
    z = np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])
    values, gradient = sl.NTXent(1.0).values_gradient([0, 0, 1], z)
    assert_allclose(values, log(2))  # both cosines of either anchor are 0
    assert np.isfinite(gradient).all()
    assert_array_equal(gradient[1], 0)


def test_large_exponents():
    z = 1e3 * np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    values, gradient = sl.NPairs().values_gradient([0, 1, 1, 0], z)
    assert np.isfinite(gradient).all()
    assert_allclose(values, (2e6 + 1e6 + 1e6 + log(1 + 2)) / 4, rtol=1e-6)
    assert np.isfinite(sl.SupervisedContrastive(1e-5).gradient([0, 1, 1, 0], z)).all()


@pytest.mark.parametrize("loss", LOSSES, **BY_REPR)
def test_blocks_do_not_matter(loss, rng, monkeypatch):
    y, z = batch(rng)
    whole = loss.values_gradient(y, z)
    monkeypatch.setattr(batchwise, "BLOCK", 7 * 60)
    for one, other in zip(whole, loss.values_gradient(y, z), strict=True):
        assert_allclose(one, other, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("margin", [0.0, 0.3, 2.0])
@pytest.mark.parametrize("beyond", [False, True])
def test_sorting_finds_the_same_triplets(margin, beyond, rng):
    for ties in (False, True):
        near, far = (rng.gamma(2.0, size=n) for n in (40, 90))
        if ties:  # multiples of 1/4 are exact
            near, far, margin = np.round(4 * near) / 4, np.round(4 * far) / 4, np.round(margin)
        results = []
        for way in (_triplets.crossed, _triplets.ranged):
            pull, push = np.zeros(40), np.zeros(90)
            total, count = way(near, far, margin, beyond, pull, push)
            results.append([total, count, *pull, *push])
        assert_allclose(*results, rtol=1e-12, atol=1e-12)


def test_many_positives(rng):
    """So many that sorting is chosen: the same as of plain pairs of a few."""
    n = _triplets.MANY + 100
    y, z = np.append(np.zeros(n, int), [1, 2, 3]), rng.normal(size=(n + 3, 2))
    d = np.linalg.norm(z[:, None] - z, axis=2)
    gaps = [
        d[a, p] - d[a, n + k] + 1 for a in range(n) for p in range(n) for k in range(3) if a != p
    ]
    assert_allclose(sl.Triplet(mining="all")(y, z), np.maximum(gaps, 0).mean())
    chosen = [g for g in gaps if 0 < g < 1]
    assert_allclose(sl.Triplet(mining="semihard")(y, z), np.mean(chosen))


# ------------------------------------------------------------------ degenerate batches


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("loss", LOSSES, **BY_REPR)
def test_without_a_term(loss, dtype, rng):
    z = rng.normal(size=(5, 2)).astype(dtype)
    without_positive = np.arange(5)
    if not isinstance(loss, sl.Contrastive):  # which has pairs here
        values, gradient = loss.values_gradient(without_positive, z)
        assert_array_equal(values, 0)
        assert_array_equal(gradient, 0)
    single = loss.values_gradient([3], z[:1])
    assert_array_equal(single[0], 0)
    assert_array_equal(single[1], 0)
    if isinstance(loss, sl.Triplet):
        assert_array_equal(loss.values(np.zeros(5, int), z), 0)
    h = loss.gradient_hessian(without_positive, z, psd=True)[1]
    assert (h > 0).all()


# ------------------------------------------------------------------ arrays


@pytest.mark.parametrize("loss", LOSSES, **BY_REPR)
def test_batches_by_qid(loss, rng):
    y, z = batch(rng)
    qid = rng.permutation(np.repeat(["b", "a", "c"], [30, 20, 10]))
    order = list(dict.fromkeys(qid.tolist()))
    values, gradient = loss.values_gradient(y, z, qid=qid)
    assert values.shape == (3,)
    assert gradient.shape == z.shape
    for place, name in enumerate(order):
        mine = qid == name
        own = loss.values_gradient(y[mine], z[mine])
        assert_allclose(values[place], own[0][0])
        assert_allclose(gradient[mine], own[1])
    assert_allclose(loss(y, z, qid=qid), values.mean())
    assert loss.values(y, z).shape == (1,)
    assert isinstance(loss(y, z), float)
    assert_allclose(loss(y, z), loss.values(y, z)[0])


@pytest.mark.parametrize("loss", LOSSES[::3], **BY_REPR)
def test_labels_of_any_kind(loss, rng):
    y, z = batch(rng)
    expected = loss.values(y, z)
    for labels in (
        y - 3, y.astype(np.int8), y.astype(float), y.astype(str), y.tolist(),
        np.array(["x", "y", "z", "u", "v"], object)[y], 10**15 * y,
    ):  # fmt: skip
        assert_allclose(loss.values(labels, z), expected, rtol=1e-13)
    assert_array_equal(loss.values(y > 2, z), loss.values((y > 2).astype(int), z))


@pytest.mark.parametrize("loss", LOSSES[::3], **BY_REPR)
def test_refuses(loss, rng):
    y, z = batch(rng, n=6)
    for call in (loss, loss.values, loss.gradient, loss.gradient_hessian):
        with pytest.raises(ValueError, match="no sample_weight"):
            call(y, z, sample_weight=np.ones(6))
        with pytest.raises(ValueError, match="of shape"):
            call(y, z[:, 0])
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            call(y[:5], z)
        with pytest.raises(ValueError, match="contains NaN"):
            call(y, np.where(z > 0, z, np.nan))
        with pytest.raises(ValueError, match="infinity"):
            call(y, np.where(z > 0, z, np.inf))
        with pytest.raises(ValueError, match="NaN"):
            call(np.where(y > 0, y, np.nan), z)
        with pytest.raises(ValueError, match="labels: integers or strings"):
            call(y + 0.5, z)
    with pytest.raises(ValueError, match="minimum of 1"):
        loss([], np.empty((0, 2)))


@pytest.mark.parametrize(
    "loss",
    [
        sl.Contrastive(-1.0), sl.Triplet(-0.1), sl.Triplet(mining="easy"), sl.NTXent(0.0),
        sl.SupervisedContrastive(-1.0),
    ],
    **BY_REPR,
)  # fmt: skip
def test_bad_parameters_raise_at_use(loss):
    with pytest.raises(ValueError, match="parameter of"):
        loss([0, 0, 1], np.eye(3))


def test_results_in_given_arrays(rng):
    loss, (y, z) = sl.Triplet(), batch(rng)
    values, gradient = np.empty(1), np.empty_like(z)
    out = loss.values_gradient(y, z, out=(values, gradient))
    assert out[0] is values
    assert out[1] is gradient
    assert_array_equal(gradient, loss.gradient(y, z))
    strided = np.empty((60, 6))[:, ::2]
    assert loss.gradient(y, z, out=strided) is strided
    assert_array_equal(strided, gradient)
    with pytest.raises(ValueError, match="out must be"):
        loss.gradient(y, z, out=np.empty(3))


def test_inputs_are_left_alone(rng):
    y, z = batch(rng)
    y.flags.writeable = z.flags.writeable = False
    kept = z.copy()
    for loss in LOSSES:
        loss.gradient_hessian(y[:8], z[:8])
        loss.gradient(y, z[:, ::-1])
        loss.gradient(y, np.asfortranarray(z))
    assert_array_equal(z, kept)


def test_names():
    names = {"contrastive": sl.Contrastive, "triplet": sl.Triplet, "nt_xent": sl.NTXent,
             "supervised_contrastive": sl.SupervisedContrastive, "n_pairs": sl.NPairs,
             "supcon": sl.SupervisedContrastive, "simclr": sl.NTXent}  # fmt: skip
    for name, cls in names.items():
        assert type(sl.get_loss(name)) is cls
    assert set(sl.all_losses("embedding")) == set(names.values())
    assert sl.get_loss("triplet", mining="hard") == sl.Triplet(mining="hard")
    assert sl.catalog("embedding", lang="zh").loc["Triplet", "任务"] == "度量学习"


# ------------------------------------------------------------------ a user's own


class Neighbors(sl.EmbeddingLoss):
    """−ln of the probability that a random neighbour shares the anchor's label."""

    def anchor(self, i, start, stop, s, w):
        own, norm = 0.0, 0.0
        for j in range(s.size):
            w[j] = np.exp(-s[j] * s[j]) if j != i else 0.0
            norm += w[j]
            own += w[j] if start <= j < stop else 0.0
        if own == 0.0:
            w[:] = 0.0
            return 0.0, 0.0
        for j in range(s.size):
            w[j] *= 2.0 * s[j] * ((1.0 / own if start <= j < stop else 0.0) - 1.0 / norm)
        return np.log(norm / own), 1.0


class WrongSlope(Neighbors):
    factor: ClassVar = 1.001

    def anchor(self, i, start, stop, s, w):
        total, count = Neighbors.anchor(self, i, start, stop, s, w)
        w *= self.factor
        return total, count


class NeighborsInNumPy(Neighbors):
    jit: ClassVar = False


@pytest.mark.parametrize("cls", [Neighbors, NeighborsInNumPy])
def test_users_loss(cls, rng):
    report = sl.certify(cls)
    assert report.passed, repr(report)
    y, z = batch(rng, n=12)
    e = np.exp(-(np.linalg.norm(z[:, None] - z, axis=2) ** 2)) * (1 - np.eye(12))
    own = (e * (y[:, None] == y)).sum(axis=1)
    expected = np.log(e.sum(axis=1) / np.where(own > 0, own, e.sum(axis=1)))
    assert_allclose(cls()(y, z), expected.sum() / (own > 0).sum())
    assert cls not in sl.all_losses()


def test_wrong_slopes_are_found():
    failed = [check.name for check in sl.certify(WrongSlope).checks if not check.passed]
    assert "gradient is the derivative of the value" in failed
