"""Ranking losses: brute force over pairs and permutations, PyTorch, LightGBM, and input."""

import itertools
import pickle
from math import inf, nan
from typing import Annotated, ClassVar

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.model_selection import GroupKFold, cross_validate

import sklosses as sl

CLASSES = sl.all_losses("ranking")
NAMED = {"ids": lambda x: x.__name__ if isinstance(x, type) else repr(x)}
LOSSES = [
    *(cls() for cls in CLASSES),
    sl.PairwiseLogistic(2.5),
    sl.PairwiseHinge(0.5),
    sl.PairwiseHinge(0.0),
    sl.LambdaRank(k=1),
    sl.LambdaRank(k=3, sigma=2.0),
    sl.ListNet(0.3),
    sl.ApproxNDCG(1.0),
]
QUERIES, LONGEST = 60, 6
TINY = 1e-30  # imaginary: f(z + iε) = f(z) + iε f'(z), without a difference of values


# ------------------------------------------------------------------ one query, by definition


def pairs_of(y):
    return [(i, j) for i in range(len(y)) for j in range(len(y)) if y[i] > y[j]]


def softplus(x):
    return np.log(1 + np.exp(x))  # of moderate numbers, complex ones too


def softmax(x):
    return np.exp(x) / np.exp(x).sum()


def mean_over_pairs(y, z, function):
    return np.mean([function(z[i] - z[j]) for i, j in pairs_of(y)])


def ideal(y, k=None):
    return sum((2.0**grade - 1) / np.log2(2 + i) for i, grade in enumerate(sorted(y)[::-1][:k]))


def ndcg_of(y, order, k=None):
    found = sum((2.0 ** y[row] - 1) / np.log2(2 + i) for i, row in enumerate(order[:k]))
    return found / ideal(y, k)


def lambda_rank(loss, y, z):
    """The change of the NDCG is that of two lists, one of them with the pair swapped."""
    order = sorted(range(len(z)), key=lambda row: (-z[row].real, row))
    k, total = loss.k or len(z), 0.0
    for i, j in pairs_of(y):
        a, b = order.index(i), order.index(j)
        if min(a, b) < k:
            swapped = list(order)
            swapped[a], swapped[b] = j, i
            change = abs(ndcg_of(y, swapped) - ndcg_of(y, order)) * ideal(y) / ideal(y, k)
            total = total + change * softplus(-loss.sigma * (z[i] - z[j]))
    return total


def likelihood(order, z):
    """Of a permutation under the Plackett–Luce model: drawn from the top, without replacement."""
    p = 1.0
    for i in range(len(order)):
        p = p * np.exp(z[order[i]]) / sum(np.exp(z[row]) for row in order[i:])
    return p


def list_net(loss, y, z):
    """The probability of a place at the top is that of all permutations beginning with it."""
    z = z / loss.temperature
    tops = np.zeros_like(z)
    for order in itertools.permutations(range(len(z))):
        tops[order[0]] += likelihood(order, z)
    return -(softmax(y / loss.temperature) * np.log(tops)).sum()


def list_mle(loss, y, z):
    return -np.log(likelihood(sorted(range(len(y)), key=lambda row: (-y[row], row)), z))


def approx_ndcg(loss, y, z):
    total = 0.0
    for i in range(len(z)):
        others = [j for j in range(len(z)) if j != i]
        rank = 1 + sum(1 / (1 + np.exp(-(z[j] - z[i]) / loss.temperature)) for j in others)
        total = total + (2.0 ** y[i] - 1) / np.log2(1 + rank)
    return 1 - total / ideal(y)


BRUTE = {
    sl.PairwiseLogistic: lambda loss, y, z: mean_over_pairs(
        y, z, lambda d: softplus(-loss.sigma * d)
    ),
    sl.BPR: lambda loss, y, z: mean_over_pairs(y, z, lambda d: -np.log(1 / (1 + np.exp(-d)))),
    sl.PairwiseHinge: lambda loss, y, z: mean_over_pairs(
        y, z, lambda d: loss.margin - d if d.real < loss.margin else 0.0
    ),
    sl.LambdaRank: lambda_rank,
    sl.ListNet: list_net,
    sl.ListMLE: list_mle,
    sl.ApproxNDCG: approx_ndcg,
}


def by_definition(loss, y, z):
    """Return value, gradient and Hessian of one query."""
    if min(y) == max(y):
        return 0.0, np.zeros(len(z)), np.zeros(len(z))
    function = BRUTE[type(loss)]

    def gradient(at):
        return np.array(
            [function(loss, y, at + TINY * 1j * unit).imag / TINY for unit in np.eye(len(z))]
        )

    def second(j):
        if not loss.smooth:  # beside kinks and where ranks change, within one piece
            return piecewise_second(function, loss, y, z, j)
        step = 1e-3 * np.eye(len(z))[j]
        near, far = (gradient(z + s * step)[j] - gradient(z - s * step)[j] for s in (1, 2))
        return (8 * near - far) / 12e-3

    return (
        function(loss, y, z.astype(complex)).real,
        gradient(z),
        np.array([second(j) for j in range(len(z))]),
    )


def piecewise_second(function, loss, y, z, j):
    """Σ over pairs of the second derivative, their weights read off the gradient of each."""
    if isinstance(loss, sl.PairwiseHinge):
        return 0.0
    total = 0.0
    for pair in pairs_of(y):
        if j in pair:
            total += pair_weight(loss, y, z, pair) * np.prod(
                1 / (1 + np.exp(np.array([1, -1]) * loss.sigma * (z[pair[0]] - z[pair[1]])))
            )
    return total * loss.sigma**2


def pair_weight(loss, y, z, pair):
    """|ΔNDCG| of a pair."""
    order = sorted(range(len(z)), key=lambda row: (-z[row], row))
    k = loss.k or len(z)
    a, b = (order.index(row) for row in pair)
    if min(a, b) >= k:
        return 0.0
    gains = 2.0 ** np.asarray(y)[list(pair)]
    discounts = 1 / np.log2(2 + np.array([a, b]))
    return abs(np.diff(gains)[0] * np.diff(discounts)[0]) / ideal(y, k)


def draw(loss, rng, queries=QUERIES, longest=LONGEST, dtype=float):
    """Return grades, scores with ties, and the query of each row, rows of all queries mixed."""
    lengths = rng.integers(1, longest + 1, queries)
    qid = rng.permutation(np.repeat(np.arange(queries), lengths))
    y = rng.integers(0, 2 if isinstance(loss, sl.BPR) else 4, qid.size).astype(dtype)
    z = np.round(2 * rng.normal(size=qid.size), 1).astype(dtype)
    return y, z, qid


def rows_by_query(qid):
    """Return the rows of each query, in order of first appearance."""
    return [np.flatnonzero(np.asarray(qid) == name) for name in pd.unique(np.asarray(qid))]


def test_every_loss_is_computed_by_definition():
    assert set(BRUTE) == set(CLASSES) == set(FORMULAS)
    assert {type(loss) for loss in LOSSES} == set(CLASSES)
    assert len(CLASSES) == 7


@pytest.mark.parametrize("loss", LOSSES, **NAMED)
@pytest.mark.parametrize("weighted", [False, True])
def test_definition(loss, weighted, rng):
    permuted = isinstance(loss, sl.ListNet)  # 720 permutations for a derivative of a query of six
    y, z, qid = draw(loss, rng, queries=10 if permuted else QUERIES)
    queries = rows_by_query(qid)
    w = rng.uniform(0.5, 2, len(queries)) if weighted else np.ones(len(queries))
    rows = np.empty(qid.size)
    values, gradient, hessian = np.empty(len(queries)), *np.empty((2, qid.size))
    for q, own in enumerate(queries):
        rows[own] = w[q]
        value, slopes, bends = by_definition(loss, y[own], z[own])
        values[q], gradient[own], hessian[own] = w[q] * value, w[q] * slopes, w[q] * bends
    weight = rows if weighted else None

    ours = loss.values_gradient(y, z, weight, qid=qid)
    assert_allclose(ours[0], values, rtol=1e-12, atol=1e-13)
    assert_allclose(ours[1], gradient, rtol=1e-11, atol=1e-13)
    assert_allclose(loss.values(y, z, weight, qid=qid), values, rtol=1e-12, atol=1e-13)
    assert_allclose(loss.gradient(y, z, weight, qid=qid), gradient, rtol=1e-11, atol=1e-13)
    ours = loss.gradient_hessian(y, z, weight, qid=qid)
    assert_allclose(ours[0], gradient, rtol=1e-11, atol=1e-13)
    assert_allclose(ours[1], hessian, rtol=1e-6, atol=1e-7)
    mean = loss(y, loss.inverse_link(z), sample_weight=weight, qid=qid)
    assert_allclose(mean, values.sum() / w.sum(), rtol=1e-12)


@pytest.mark.parametrize("loss", LOSSES, **NAMED)
def test_surrogate_is_positive(loss, rng):
    y, z, qid = draw(loss, rng)
    g, h = loss.gradient_hessian(y, z, qid=qid, psd=True)
    exact = loss.gradient_hessian(y, z, qid=qid)
    assert_allclose(g, exact[0], rtol=1e-12, atol=1e-15)
    assert (h > 0).all()
    if loss.convex and loss.hessian == "exact":
        curved = exact[1] > 1e-6 * np.abs(g) + loss.curvature_floor
        assert_allclose(h[curved], exact[1][curved], rtol=1e-2)
        assert (h[~curved] <= np.maximum(np.abs(g), 2 * loss.curvature_floor)[~curved]).all()
    assert (loss.gradient_hessian(y, z, np.zeros(y.size), qid=qid, psd=True)[1] == 0).all()


def test_permutations_share_one():
    """A check of the yardstick."""
    z = np.array([0.3, -1.0, 2.0, 0.3])
    assert_allclose(sum(likelihood(p, z) for p in itertools.permutations(range(4))), 1)
    likely = [
        np.exp(-sl.ListMLE().values(-np.argsort(p) + 4.0, z)[0])
        for p in itertools.permutations(range(4))
    ]
    assert_allclose(sum(likely), 1)


def test_a_cold_approximation_is_the_ndcg(rng):
    y, z, qid = draw(sl.ApproxNDCG(), rng)
    z += 0.01 * rng.permutation(z.size) / z.size  # no ties
    told = [own for own in rows_by_query(qid) if y[own].max() > y[own].min()]
    rows = np.concatenate(told)
    one = 1 - sl.ApproxNDCG(1e-7)(y[rows], z[rows], qid=qid[rows])
    assert_allclose(one, sl.metrics.ndcg_score(y[rows], z[rows], qid=qid[rows]), rtol=1e-6)


def test_a_swap_changes_the_ndcg_so_much():
    """|ΔNDCG| of two documents, each pair worth ln 2 at equal scores, in row order."""
    y, z = [2.0, 0.0, 1.0], [0.0, 0.0, 0.0]
    best = 3 + 1 / np.log2(3)
    second, third = 1 / np.log2(3), 1 / 2
    changes = 3 * (1 - second), (3 - 1) * (1 - third), second - third  # (0,1), (0,2), (2,1)
    assert_allclose(sl.LambdaRank().values(y, z), np.log(2) * sum(changes) / best)
    assert_allclose(sl.LambdaRank(k=1).values(y, z), np.log(2) * sum(changes[:2]) / 3)
    assert_allclose(sl.LambdaRank(k=2).values(y, z), np.log(2) * sum(changes) / best)


def test_identities(rng):
    y, z, qid = draw(sl.BPR(), rng)
    for method in ("values", "gradient"):
        ours = getattr(sl.BPR(), method)(y, z, qid=qid)
        assert_allclose(ours, getattr(sl.PairwiseLogistic(), method)(y, z, qid=qid), rtol=1e-14)
    y, z, qid = draw(sl.ListNet(), rng)
    for loss in map(type, LOSSES):
        if loss is not sl.BPR:
            shifted = loss().gradient(y, z + 10.0, qid=qid)
            assert_allclose(shifted, loss().gradient(y, z, qid=qid), rtol=1e-9, atol=1e-12)
            totals = np.bincount(qid, loss().gradient(y, z, qid=qid))
            assert_allclose(totals, 0, atol=1e-12)


# ------------------------------------------------------------------ reference cases

REFERENCE = {"rtol": 1e-9, "atol": 1e-12}


def test_reference_of_pairs():
    """Of PyTorch; two queries of a pair each, losses and gradients of the mean."""
    y, qid = [1.0, 0.0, 1.0, 0.0], [0, 0, 1, 1]
    hinge = sl.PairwiseHinge(margin=0.5)
    z = [1.0, 0.3, 0.2, 0.9]
    assert_allclose(hinge(y, z, qid=qid), 0.6, **REFERENCE)
    assert_allclose(hinge.gradient(y, z, qid=qid) / 2, [0, 0, -0.5, 0.5], **REFERENCE)

    z = [1.0, 0.0, -0.5, 0.5]
    slopes = [-0.13447071068499755, 0.13447071068499755, -0.36552928931500245, 0.36552928931500245]
    for loss in (sl.BPR(), sl.PairwiseLogistic()):
        assert_allclose(loss(y, z, qid=qid), 0.8132616875182228, **REFERENCE)
        assert_allclose(loss.gradient(y, z, qid=qid) / 2, slopes, **REFERENCE)


def test_reference_of_queries():
    """The sum over queries of a pair each."""
    y, z, qid = [1.0, 0.0, 0.0, 2.0], [0.5, 1.0, 3.0, 2.0], [0, 0, 1, 1]
    values, gradient = sl.PairwiseLogistic(sigma=1.0).values_gradient(y, z, qid=qid)
    assert_allclose(values.sum(), 2.2873386716983295, **REFERENCE)
    p = [0.6224593312018546, 0.7310585786300049]
    assert_allclose(gradient, [-p[0], p[0], p[1], -p[1]], **REFERENCE)


def test_reference_of_a_list():
    value, gradient = sl.ListNet().values_gradient([0.0, 2.0, 1.0, 0.0], [2.0, 1.0, 0.0, -1.0])
    assert_allclose(value, [1.7472994737040364], **REFERENCE)
    expected = [0.5613197204444369, -0.373412867323713, -0.13737091695727346, -0.05053593616345039]
    assert_allclose(gradient, expected, **REFERENCE)


# ------------------------------------------------------------------ automatic differentiation


def _pairs(y):
    return (y[:, None] > y[None, :]).nonzero(as_tuple=True)


def _torch_pairs(function):
    def formula(torch, loss, y, z):
        i, j = _pairs(y)
        return function(torch, loss, z[i] - z[j]).mean()

    return formula


def _torch_ideal(torch, y, k):
    places = torch.arange(1, y.numel() + 1).double()
    return ((2 ** y.sort(descending=True).values - 1) / torch.log2(1 + places))[:k].sum()


def _torch_lambda_rank(torch, loss, y, z):
    order = torch.argsort(-z.detach(), stable=True)
    ranks = torch.empty_like(y)
    ranks[order] = torch.arange(1, z.numel() + 1).double()
    k = loss.k or z.numel()
    gains, discounts = 2**y - 1, 1 / torch.log2(1 + ranks)
    i, j = _pairs(y)
    weights = torch.abs((gains[i] - gains[j]) * (discounts[i] - discounts[j]))
    weights = weights * (torch.minimum(ranks[i], ranks[j]) <= k) / _torch_ideal(torch, y, k)
    return (weights * torch.nn.functional.softplus(-loss.sigma * (z[i] - z[j]))).sum()


def _torch_list_mle(torch, loss, y, z):
    s = z[torch.argsort(-y, stable=True)]
    return (torch.logcumsumexp(s.flip(0), 0).flip(0) - s).sum()


def _torch_approx_ndcg(torch, loss, y, z):
    ranks = 0.5 + torch.sigmoid((z[None, :] - z[:, None]) / loss.temperature).sum(1)
    return 1 - ((2**y - 1) / torch.log2(1 + ranks)).sum() / _torch_ideal(torch, y, None)


FORMULAS = {
    sl.PairwiseLogistic: _torch_pairs(
        lambda torch, loss, d: torch.nn.functional.softplus(-loss.sigma * d)
    ),
    sl.BPR: _torch_pairs(lambda torch, loss, d: -torch.nn.functional.logsigmoid(d)),
    sl.PairwiseHinge: _torch_pairs(lambda torch, loss, d: torch.relu(loss.margin - d)),
    sl.LambdaRank: _torch_lambda_rank,
    sl.ListNet: lambda torch, loss, y, z: torch.nn.functional.cross_entropy(
        z / loss.temperature, torch.softmax(y / loss.temperature, 0)
    ),
    sl.ListMLE: _torch_list_mle,
    sl.ApproxNDCG: _torch_approx_ndcg,
}


@pytest.mark.parametrize("loss", LOSSES, **NAMED)
def test_autograd(loss, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle here: make oracle")
    y, z, qid = draw(loss, rng, queries=6, longest=40)
    z += 1e-3 * rng.normal(size=z.size)  # off the kinks
    values, (gradient, hessian) = loss.values(y, z, qid=qid), loss.gradient_hessian(y, z, qid=qid)
    for q, own in enumerate(rows_by_query(qid)):
        if y[own].min() == y[own].max():
            continue
        raw = torch.tensor(z[own], requires_grad=True)
        value = FORMULAS[type(loss)](torch, loss, torch.tensor(y[own]), raw)
        (slopes,) = torch.autograd.grad(value, raw, create_graph=True)
        bends = torch.zeros(own.size)
        if slopes.requires_grad and not isinstance(loss, sl.PairwiseHinge):
            rows = [torch.autograd.grad(s, raw, retain_graph=True)[0] for s in slopes]
            bends = torch.stack(rows).diagonal()
        assert_allclose(values[q], value.item(), rtol=1e-10)
        assert_allclose(gradient[own], slopes.numpy(force=True), rtol=1e-9, atol=1e-12)
        assert_allclose(hessian[own], bends.numpy(force=True), rtol=1e-6, atol=1e-7)


# ------------------------------------------------------------------ LightGBM

TREE = {
    "lambdarank_norm": False,
    "learning_rate": 1.0,
    "num_leaves": 12,
    "min_data_in_leaf": 5,
    "min_sum_hessian_in_leaf": 0.0,
    "deterministic": True,
    "num_threads": 1,
    "verbosity": -1,
}


@pytest.mark.parametrize("start", ["zero", "anywhere"])
@pytest.mark.parametrize(("k", "sigma"), [(30, 1.0), (5, 1.0), (1, 0.5), (10, 2.0)])
def test_tree_of_lightgbm(k, sigma, start, rng):
    """Its gradient and Hessian cannot be asked for, but the tree it grows from them can."""
    lightgbm = pytest.importorskip("lightgbm", reason="LightGBM is the oracle here")
    lengths = rng.integers(1, 60, 50)
    qid, n = np.repeat(np.arange(50), lengths), lengths.sum()
    X = rng.normal(size=(n, 3))
    y = np.clip(np.round(1.5 + X[:, 0] + rng.normal(size=n)), 0, 4)
    scores = rng.normal(size=n) if start == "anywhere" else np.zeros(n)
    loss = sl.LambdaRank(k=k, sigma=sigma)

    def objective(raw, data):
        return loss.gradient_hessian(y, raw, qid=qid)

    def grown(objective):
        data = lightgbm.Dataset(X, y, group=lengths, init_score=scores, params=TREE)
        options = {"lambdarank_truncation_level": k, "sigmoid": sigma, "objective": objective}
        return lightgbm.train(TREE | options, data, num_boost_round=1).trees_to_dataframe()

    ours, theirs = grown(objective), grown("lambdarank")
    columns = ["node_depth", "node_index", "split_feature", "threshold", "count"]
    pd.testing.assert_frame_equal(ours[columns], theirs[columns])
    assert len(ours) == 2 * TREE["num_leaves"] - 1
    # it looks up its sigmoid in a table, whose rows are 5e-5 apart; 0 has a row
    close = 1e-6 if start == "zero" else 1e-4
    assert_allclose(ours["value"], theirs["value"], rtol=close, atol=close)


# ------------------------------------------------------------------ queries

every_class = pytest.mark.parametrize("cls", CLASSES, **NAMED)


def asked(loss, y, z, **options):
    """Return all that the array methods give, and the metric."""
    return [
        loss.values(y, z, **options),
        loss.gradient(y, z, **options),
        *loss.values_gradient(y, z, **options),
        *loss.gradient_hessian(y, z, **options),
        *loss.gradient_hessian(y, z, psd=True, **options),
        loss(y, z, **options),
    ]


def assert_same(found, expected, **close):
    for ours, theirs in zip(found, expected, strict=True):
        assert_allclose(ours, theirs, **close)


@every_class
def test_ids_of_any_kind(cls, rng):
    loss = cls()
    y, z, qid = draw(loss, rng, queries=20)
    expected = asked(loss, y, z, qid=qid)
    names = np.array([f"query {q % 7}/{q}" for q in range(20)])
    index = rng.permutation(qid.size)
    kinds = [
        names[qid],
        list(names[qid]),
        [(q, "a") for q in qid],
        qid.astype(float) - 3.5,
        -qid.astype("i1"),
        pd.Series(qid, index=index),
        pd.Series(names[qid], index=index, dtype="category"),
        np.datetime64("2020-01-01") + qid,
    ]
    for kind in kinds:
        assert_same(asked(loss, y, z, qid=kind), expected, rtol=0)
    frame = pd.DataFrame({"y": y, "z": z, "q": qid}, index=index)
    assert_same(asked(loss, frame["y"], frame["z"], qid=frame["q"]), expected, rtol=0)
    assert_same(asked(loss, y.tolist(), z.tolist(), qid=qid.tolist()), expected, rtol=0)


@every_class
def test_order_of_rows_and_queries(cls, rng):
    """Values come by first appearance; where rows stand does not matter, but for ties."""
    loss = cls()
    y, z, qid = draw(loss, rng, queries=20)
    z = z + 1e-3 * rng.permutation(z.size)
    if cls is sl.ListMLE:
        y = rng.permutation(z.size) / 10  # no ties of grades either
    values, gradient = loss.values_gradient(y, z, qid=qid)
    single = [loss.values(y[own], z[own])[0] for own in rows_by_query(qid)]
    assert_allclose(values, single, rtol=1e-14)
    order = rng.permutation(qid.size)
    shuffled = loss.values_gradient(y[order], z[order], qid=qid[order])
    assert_allclose(shuffled[1], gradient[order], rtol=1e-10, atol=1e-13)
    where = {name: q for q, name in enumerate(pd.unique(qid))}
    expected = values[[where[name] for name in pd.unique(qid[order])]]
    assert_allclose(shuffled[0], expected, rtol=1e-10, atol=1e-13)


@every_class
def test_without_ids_all_rows_are_one_query(cls, rng):
    loss = cls()
    y, z, _ = draw(loss, rng, queries=5)
    assert_same(asked(loss, y, z), asked(loss, y, z, qid=np.zeros(y.size)), rtol=0)
    assert loss.values(y, z).shape == (1,)
    assert_allclose(loss(y, z), loss.values(y, z)[0])


@every_class
def test_queries_that_tell_nothing(cls, rng):
    """No pair, or no relevant document: 0, and counted in the mean."""
    loss = cls()
    y = np.array([1, 0, 0, 0, 1, 1, 1.0])
    z, qid = rng.normal(size=7), [0, 0, 1, 1, 2, 2, 3]
    values, gradient = loss.values_gradient(y, z, qid=qid)
    assert values[0] > 0
    assert_array_equal(values[1:], 0)
    assert_array_equal(gradient[2:], 0)
    assert_array_equal(loss.gradient_hessian(y, z, qid=qid)[1][2:], 0)
    assert_allclose(loss(y, z, qid=qid), values[0] / 4)
    assert loss(y[2:4], z[2:4]) == 0
    assert loss([1.0], [3.0]) == 0


@every_class
def test_ties_of_scores(cls):
    """Equal scores: both documents of a pair feel the same, and rows decide the order."""
    loss = cls()
    for y in ([1.0, 0.0], [0.0, 1.0]):
        gradient = loss.gradient(y, [2.0, 2.0])
        assert_allclose(gradient.sum(), 0, atol=1e-15)
        assert gradient[int(y[1])] < 0
        assert np.isfinite(asked(loss, y, [2.0, 2.0])[-1])
    once = loss.values([1.0, 0.0, 0.0], [0.0, 0.0, 0.0])
    if cls is not sl.LambdaRank:  # of which the order is part
        assert_allclose(loss.values([0.0, 1.0, 0.0], [0.0, 0.0, 0.0]), once)


# ------------------------------------------------------------------ weights


@pytest.mark.parametrize("loss", LOSSES, **NAMED)
def test_weights(loss, rng):
    y, z, qid = draw(loss, rng, queries=20)
    own = rng.integers(0, 3, 20).astype(float)
    own[0] = 0.0
    w = own[qid]
    by_value = own[pd.unique(qid)]
    plain = asked(loss, y, z, qid=qid)
    found = asked(loss, y, z, sample_weight=w, qid=qid)
    for ours, array in zip(found[:-1], plain[:-1], strict=True):
        weight = by_value if array.size == 20 and array is not plain[1] else w
        assert_allclose(ours, weight * array, rtol=1e-13)
    assert_allclose(found[-1], (by_value * plain[0]).sum() / by_value.sum())
    # a query twice is one of weight 2, and one of weight 0 is not there
    copies = np.repeat(np.arange(qid.size), 2)
    ids = np.column_stack((qid, qid + 100)).ravel()
    twice = loss(y[copies], z[copies], qid=ids)
    assert_allclose(twice, plain[-1])
    kept = w > 0
    again = loss(y[kept], z[kept], sample_weight=w[kept], qid=qid[kept])
    assert_allclose(again, found[-1])
    assert_allclose(loss.values(y, z, 2.0, qid=qid), 2 * plain[0])
    assert_same(
        asked(loss, y, z, sample_weight=pd.Series(w, index=rng.permutation(w.size)), qid=qid), found
    )


@every_class
def test_weights_differ_within_no_query(cls):
    loss = cls()
    y, z, qid = [1, 0, 1, 0], [0.0, 1.0, 2.0, 3.0], ["a", "a", "b", "b"]
    for call in (loss.values, loss.gradient, loss.values_gradient, loss.gradient_hessian):
        with pytest.raises(ValueError, match=r"within each query.*'b'"):
            call(y, z, [1, 1, 1, 2], qid=qid)
    with pytest.raises(ValueError, match="constant within each query"):
        loss(y, z, sample_weight=[1, 1, 1, 2])
    with pytest.raises(ValueError, match="non-zero"):
        loss(y, z, sample_weight=np.zeros(4), qid=qid)
    assert_array_equal(loss.values(y, z, np.zeros(4), qid=qid), 0)


# ------------------------------------------------------------------ dtypes, memory, extremes


@pytest.mark.parametrize("loss", LOSSES, **NAMED)
def test_float32(loss, rng):
    y, z, qid = draw(loss, rng, dtype=np.float32)
    if isinstance(loss, sl.PairwiseHinge):
        z += np.float32(0.03)  # no difference but ties lies on the kink, in either precision
        z *= np.float32(1.01)
    found = asked(loss, y, z, qid=qid)
    expected = asked(loss, y.astype(float), z.astype(float), qid=qid)
    for place, (ours, theirs) in enumerate(zip(found[:-1], expected[:-1], strict=True)):
        assert ours.dtype == np.float32
        differences = isinstance(loss, sl.ApproxNDCG) and place == 5
        if place == 7:  # where the Hessian vanishes in one precision, another number stands in
            vanishing = (expected[5] > 0) & (expected[5] < 1e-5)
            told = (expected[place] > 1e-5) & ~vanishing
            ours, theirs = ours[told], theirs[told]  # noqa: PLW2901
        assert_allclose(ours, theirs, rtol=2e-4, atol=0.1 if differences else 2e-5)
    assert_allclose(found[-1], expected[-1], rtol=1e-5)
    mixed = loss.values_gradient(y.astype(float), z, qid=qid)  # doubles among the targets
    assert mixed[0].dtype == mixed[1].dtype == np.float32


@every_class
def test_inputs_of_any_layout(cls, rng):
    loss = cls()
    y, z, qid = draw(loss, rng, queries=10)
    w = (1.0 + qid) / 2
    expected = asked(loss, y, z, sample_weight=w, qid=qid)
    kept = [array.copy() for array in (y, z, w, qid)]
    arrays = [array.copy() for array in kept]
    for array in arrays:
        array.flags.writeable = False
    for layout in (arrays, [np.repeat(array, 2)[::2] for array in arrays]):
        own_y, own_z, own_w, own_qid = layout
        assert_same(asked(loss, own_y, own_z, sample_weight=own_w, qid=own_qid), expected, rtol=0)
    for dtype in ("int8", "int64", "uint8", "float32"):
        assert_same(asked(loss, y.astype(dtype), z, sample_weight=w, qid=qid), expected, rtol=1e-12)
    if cls is sl.BPR:
        assert_same(asked(loss, y > 0, z, sample_weight=w, qid=qid), expected, rtol=0)
    for array, copy in zip((y, z, w, qid), kept, strict=True):
        assert_array_equal(array, copy)


@every_class
@pytest.mark.parametrize("mixed", [False, True])
def test_out(cls, mixed, rng):
    loss = cls()
    y, z, qid = draw(loss, rng, queries=10)
    qid = qid if mixed else np.sort(qid)
    value, gradient = loss.values_gradient(y, z, qid=qid)
    hessian = loss.gradient_hessian(y, z, qid=qid)[1]
    outs = np.full(value.size, nan), np.full(y.size, nan)
    found = loss.values_gradient(y, z, qid=qid, out=outs)
    assert found[0] is outs[0]
    assert found[1] is outs[1]
    assert_same(outs, (value, gradient), rtol=0)
    strided = np.full(2 * y.size, nan)[::2]
    assert loss.gradient(y, z, qid=qid, out=strided) is strided
    assert_allclose(strided, gradient, rtol=1e-13, atol=1e-16)
    single = np.full(y.size, nan, np.float32)
    own = z.copy()
    assert loss.gradient_hessian(y, own, qid=qid, out=(own, single))[0] is own  # out is an input
    assert_allclose(own, gradient, rtol=1e-13, atol=1e-16)
    assert_allclose(single, hessian, rtol=1e-6)
    with pytest.raises(ValueError, match="out must be an array of shape"):
        loss.values(y, z, qid=qid, out=np.empty(y.size + 1))
    with pytest.raises(ValueError, match="out must be an array of shape"):
        loss.gradient(y, z, qid=qid, out=np.empty((y.size, 1)))
    frozen = np.empty(y.size)
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        loss.gradient(y, z, qid=qid, out=frozen)


@pytest.mark.parametrize("loss", LOSSES, **NAMED)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_huge_scores(loss, dtype):
    """No NaN, though differences and values may be infinite."""
    huge = float(np.finfo(dtype).max)
    sizes = [0.0, 1.0, 1e3, huge**0.5, 1e300 if dtype is np.float64 else 1e37]
    numbers = np.array([s * a for a in sizes for s in (1, -1)], dtype)
    rows = np.array(list(itertools.product(numbers, repeat=3)), dtype)
    qid = np.repeat(np.arange(len(rows)), 3)
    for y in ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 1.0]):
        grades = np.tile(np.array(y, dtype), len(rows))
        results = asked(loss, grades, rows.ravel(), qid=qid)
        del (
            results[8],
            results[5],
        )  # the mean may be infinite, and differences of gradients anything
        for found in results:
            assert not np.isnan(found).any()
        for found in (results[1], results[6]):
            assert np.isfinite(found).all()


@every_class
def test_scores_far_from_each_other(cls):
    """The right order costs nothing, the wrong one its distance, where the loss grows."""
    loss = cls()
    for far in (50.0, 1e4, 1e300):
        right, wrong = loss.values_gradient([1, 0, 1, 0], [far, 0, -far, 0], qid=[0, 0, 1, 1])[0]
        if cls is sl.ListNet:
            assert_allclose(right, far / (1 + np.e), rtol=1e-12)
            continue
        assert 0 <= right < 1e-15
        if cls is not sl.ApproxNDCG:
            assert_allclose(wrong, far * loss.values([1, 0], [0, 50.0])[0] / 50, rtol=0.03)


@pytest.mark.parametrize("loss", [sl.LambdaRank(), sl.LambdaRank(k=2), sl.ApproxNDCG()], **NAMED)
def test_tiny_grades(loss):
    """2^y − 1 to full precision: only its ratios count."""
    y, z = np.array([3.0, 1.0, 2.0, 0.0]), np.array([0.1, 0.4, 0.2, 0.3])
    values, gradient = loss.values_gradient(1e-12 * y, z)
    again, slopes = loss.values_gradient(1e-9 * y, z)
    assert_allclose(values, again, rtol=1e-8)
    assert_allclose(gradient, slopes, rtol=1e-8)


# ------------------------------------------------------------------ bad input

Y, Z = [1.0, 0.0, 1.0], [0.5, 1.0, 2.0]
BAD = {
    "a negative grade": ([1.0, -1.0, 0.0], Z, {}, "y_true being"),
    "a nan in y_true": ([1.0, nan, 0.0], Z, {}, "y_true contains NaN"),
    "an inf in y_true": ([1.0, inf, 0.0], Z, {}, "y_true contains infinity"),
    "a nan in the scores": (Y, [0.5, nan, 1.0], {}, "contains NaN"),
    "an inf in the scores": (Y, [0.5, -inf, 1.0], {}, "contains infinity"),
    "a nan in a query that tells nothing": ([1.0, 1.0, 1.0], [0.5, nan, 1.0], {}, "contains NaN"),
    "scores of another length": (Y, Z[:2], {}, "inconsistent numbers of samples"),
    "a column of scores": (np.array(Y), np.array(Z)[:, None], {}, "same shape"),
    "columns": (np.ones((3, 2)), np.ones((3, 2)), {}, r"shape \(n_samples,\)"),
    "ids of another length": (Y, Z, {"qid": [0, 0]}, "inconsistent numbers of samples"),
    "columns of ids": (Y, Z, {"qid": np.zeros((3, 1))}, "1d array"),
    "a missing id": (Y, Z, {"qid": ["a", None, "b"]}, "qid contains NaN"),
    "a nan among ids": (Y, Z, {"qid": [0.0, nan, 1.0]}, "qid contains NaN"),
    "a negative weight": (Y, Z, {"sample_weight": [-1.0, -1.0, -1.0]}, "Negative values"),
    "a nan in the weights": (Y, Z, {"sample_weight": [nan, 1, 1]}, "sample_weight contains NaN"),
    "weights of another length": (Y, Z, {"sample_weight": [1.0, 1.0]}, "sample_weight.shape"),
}


@every_class
@pytest.mark.parametrize("case", list(BAD))
def test_bad_input(cls, case):
    y, z, options, message = BAD[case]
    loss = cls()
    for dtype in (np.float64, np.float32):
        own = [np.asarray(array, dtype) for array in (y, z)]
        for call in (loss.values, loss.gradient, loss.values_gradient, loss.gradient_hessian, loss):
            with pytest.raises(ValueError, match=message):
                call(*own, **options)


def test_nothing_is_no_query():
    for cls in CLASSES:
        assert cls().values([], []).shape == cls().gradient([], []).shape == (0,)
        with pytest.raises(ValueError, match="0 sample"):
            cls()([], [])


@pytest.mark.parametrize("bad", [2.0, 0.5])
def test_clicks_are_0_or_1(bad):
    for call in (sl.BPR().values, sl.BPR()):
        with pytest.raises(ValueError, match="BPR can only be used on y_true being an int"):
            call([bad, 0.0, 1.0], Z)


@pytest.mark.parametrize(
    ("cls", "name", "value"),
    [
        (sl.PairwiseLogistic, "sigma", -1),
        (sl.PairwiseLogistic, "sigma", 0),
        (sl.PairwiseHinge, "margin", -0.1),
        (sl.PairwiseHinge, "margin", "1"),
        (sl.LambdaRank, "k", 0),
        (sl.LambdaRank, "k", 1.5),
        (sl.LambdaRank, "k", "10"),
        (sl.LambdaRank, "sigma", -1),
        (sl.LambdaRank, "sigma", nan),
        (sl.ListNet, "temperature", 0),
        (sl.ApproxNDCG, "temperature", 0),
        (sl.ApproxNDCG, "temperature", inf),
    ],
)
def test_bad_parameters(cls, name, value):
    loss = cls(**{name: value})  # raise at use, never before
    for call in (loss.values, loss.gradient, loss.values_gradient, loss.gradient_hessian, loss):
        with pytest.raises(ValueError, match=f"The '{name}' parameter of {cls.__name__} must be"):
            call(Y, Z)


# ------------------------------------------------------------------ views

ALIASES = {
    "pairwise_logistic": sl.PairwiseLogistic,
    "ranknet": sl.PairwiseLogistic,
    "pairwise_hinge": sl.PairwiseHinge,
    "margin_ranking": sl.PairwiseHinge,
    "lambda_rank": sl.LambdaRank,
    "lambdarank": sl.LambdaRank,
    "list_net": sl.ListNet,
    "listnet": sl.ListNet,
    "list_mle": sl.ListMLE,
    "listmle": sl.ListMLE,
    "approx_ndcg": sl.ApproxNDCG,
    "bpr": sl.BPR,
}


@pytest.mark.parametrize("name", ALIASES)
def test_aliases(name):
    assert sl.get_loss(name) == ALIASES[name]()
    assert sl.get_scorer(f"neg_{name}").loss == ALIASES[name]()


def test_names_are_classes_of_their_own():
    assert sl.get_loss("lambda_rank", k=10).k == 10
    assert {cls._alias() for cls in CLASSES} <= set(ALIASES)


@pytest.mark.parametrize("loss", LOSSES, **NAMED)
def test_objects(loss, rng):
    y, z, qid = draw(loss, rng, queries=5)
    copies = pickle.loads(pickle.dumps(loss)), clone(loss), eval(repr(loss), {**vars(sl)})
    for copy in copies:
        assert copy == loss
        assert hash(copy) == hash(loss)
        assert_array_equal(copy.values(y, z, qid=qid), loss.values(y, z, qid=qid))
    assert loss.init_raw(y) == 0.0
    assert_array_equal(loss.inverse_link(z), z)


class Scores(RegressorMixin, BaseEstimator):
    """Predicts the first column, whatever it was fitted on."""

    def fit(self, X, y):
        self.fitted_ = True
        return self

    def predict(self, X):
        return X[:, 0]


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@every_class
def test_scorer(cls, rng, routing):
    loss = cls()
    y, z, qid = draw(loss, rng, queries=12)
    scorer = loss.scorer()
    assert repr(scorer) == f"make_loss_scorer({loss!r})"
    X = z[:, None]
    assert scorer(Scores().fit(X, y), X, y, qid=qid) == -loss(y, z, qid=qid)
    folds = GroupKFold(3)
    params = {"qid": qid, "groups": qid}
    found = cross_validate(Scores(), X, y, cv=folds, scoring=scorer, params=params)
    expected = [-loss(y[own], z[own], qid=qid[own]) for _, own in folds.split(X, y, qid)]
    assert_allclose(found["test_score"], expected, rtol=1e-14)
    weighted = loss.scorer().set_score_request(sample_weight=True)
    w = 1.0 + qid % 3
    params |= {"sample_weight": w}
    found = cross_validate(Scores(), X, y, cv=folds, scoring=weighted, params=params)
    expected = [
        -loss(y[own], z[own], sample_weight=w[own], qid=qid[own])
        for _, own in folds.split(X, y, qid)
    ]
    assert_allclose(found["test_score"], expected, rtol=1e-14)


def test_what_ranking_losses_cannot_do():
    with pytest.raises(TypeError, match="draws pointwise losses"):
        sl.LossDisplay.from_loss("lambda_rank")
    with pytest.raises(ValueError, match="ranking"):
        sl.LossRegressor("lambda_rank").fit([[1.0], [2.0]], [0.0, 1.0])


# ------------------------------------------------------------------ a user's own


class Spread(sl.GroupLoss):
    """ln of the mean of e^(scale·(s_i − s_best)) over a query, s_best that of the best grade."""

    scale: Annotated[float, sl.Interval(0, inf)] = 1.0

    task: ClassVar = "ranking"
    convex: ClassVar = True

    def best(self, y):
        place = 0
        for i in range(y.size):
            if y[i] > y[place]:
                place = i
        return place

    def value(self, y, z):
        best, top, total = self.best(y), z.max(), 0.0
        for i in range(z.size):
            total += np.exp(self.scale * (z[i] - top))
        return np.log(total / z.size) + self.scale * (top - z[best])

    def grad(self, y, z, g):
        top, total = z.max(), 0.0
        for i in range(z.size):
            total += np.exp(self.scale * (z[i] - top))
        for i in range(z.size):
            g[i] += self.scale * np.exp(self.scale * (z[i] - top)) / total
        g[self.best(y)] -= self.scale

    scalar_methods: ClassVar = (*sl.GroupLoss.scalar_methods, "best")


class SpreadInNumPy(Spread):
    jit: ClassVar = False

    def best(self, y):
        return y.argmax()

    def value(self, y, z):
        return np.log(np.exp(self.scale * (z - z.max())).mean()) + self.scale * (
            z.max() - z[self.best(y)]
        )

    def grad(self, y, z, g):
        p = np.exp(self.scale * (z - z.max()))
        g += self.scale * p / p.sum()
        g[y.argmax()] -= self.scale


class WrongSpread(SpreadInNumPy):
    def grad(self, y, z, g):
        super().grad(y, z, g)
        g *= 1.001


class Pairs(sl.GroupLoss):
    """Deviation from the mean of the query: of any targets, also where all are equal."""

    task: ClassVar = "regression"
    convex: ClassVar = True

    @property
    def target(self):
        """Any number."""
        return sl.SquaredError().target

    def counts(self, y):
        return y.size > 0

    def value(self, y, z):
        mean, total = z.mean() - y.mean(), 0.0
        for i in range(z.size):
            total += (z[i] - y[i] - mean) ** 2
        return total

    def grad(self, y, z, g):
        mean = z.mean() - y.mean()
        for i in range(z.size):
            g[i] += 2.0 * (z[i] - y[i] - mean)

    def hess(self, y, z, h):
        for i in range(z.size):
            h[i] += 2.0 * (1.0 - 1.0 / y.size)


@pytest.mark.parametrize("cls", [Spread, SpreadInNumPy])
@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_users_loss_is_certified(cls, scale):
    report = sl.certify(cls(scale))
    assert report.passed, repr(report)


def test_users_loss_computes_its_formula(rng):
    y, z, qid = draw(Spread(), rng)
    for found, expected in zip(
        asked(Spread(2.0), y, z, qid=qid), asked(SpreadInNumPy(2.0), y, z, qid=qid), strict=True
    ):
        assert_allclose(found, expected, rtol=1e-10, atol=1e-8)
    # of a query of two: ln((e^a + e^b) / 2) − a
    assert_allclose(Spread().values([1.0, 0.0], [0.0, 0.0]), 0, atol=1e-15)
    assert_allclose(Spread().values([1, 0], [0.0, 3.0]), np.log((1 + np.exp(3)) / 2))
    assert sl.get_loss("spread", scale=3.0) == Spread(3.0)
    assert Spread not in sl.all_losses()
    assert repr(Spread(2.0).scorer()) == "make_loss_scorer(Spread(scale=2.0))"


def test_users_fault_is_found():
    failed = [check.name for check in sl.certify(WrongSpread()).checks if not check.passed]
    assert "gradient is the derivative of the value" in failed


def test_users_loss_of_groups_that_all_count(rng):
    report = sl.certify(Pairs())
    assert report.passed, repr(report)
    y, z = np.array([1.0, 1.0, 5.0]), np.array([0.0, 2.0, 7.0])
    assert_allclose(Pairs().values(y, z, qid=[0, 0, 1]), [2.0, 0.0])
    assert_allclose(Pairs().gradient(y, z, qid=[0, 0, 1]), [-2.0, 2.0, 0.0])


def test_users_loss_is_compiled_anew(rng):
    """A rebound method is what counts from then on."""
    y, z = [1.0, 0.0], [0.0, 1.0]
    before = Spread().values(y, z)
    value = Spread.value
    Spread.value = lambda self, y, z: 2.0 * z[0] + 5.0
    try:
        assert_allclose(Spread().values(y, z), 5.0)
    finally:
        Spread.value = value
    assert_array_equal(Spread().values(y, z), before)


class Arrays(sl.GroupLoss):
    """A user's loss in whole-array expressions, with constants."""

    task: ClassVar = "ranking"
    convex: ClassVar = True

    def value(self, y, z):
        r = z - y
        return 0.5 * ((r - r.mean()) ** 2).sum()

    def grad(self, y, z, g):
        r = z - y
        g += 1.0 * (r - r.mean())


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_array_expressions_compile_in_both_precisions(dtype):
    y, z = np.array([0.0, 1.0, 2.0]), np.array([1.0, 0.0, 3.0], dtype)
    r = z - y
    gradient = Arrays().gradient(y, z)
    assert gradient.dtype == dtype
    assert_allclose(gradient, r - r.mean(), rtol=1e-6)
