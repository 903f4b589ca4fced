"""Scores of rankings against definitions in plain Python, scikit-learn, SciPy and by hand."""

from __future__ import annotations

import inspect
import pickle
from math import log2

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose
from scipy import stats
from sklearn import metrics as theirs
from sklearn.base import BaseEstimator, clone
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_validate

import sklosses as sl
from sklosses._arrays.groups import Groups
from sklosses.metrics import _ranking as ranking
from sklosses.metrics import _ranking_kernels as kernels
from sklosses.metrics import (
    average_precision_score,
    compare_rankings,
    expected_reciprocal_rank,
    hit_rate_at_k,
    ndcg_score,
    pairwise_accuracy,
    precision_at_k,
    recall_at_k,
    reciprocal_rank_score,
)

# ------------------------------------------------------------------ definitions in plain Python


def ranked(y, s):
    """Return the grades by place; ties in row order, as Python sorts."""
    return [y[i] for i in sorted(range(len(y)), key=lambda i: -s[i])]


def exponential(y):
    return 2.0**y - 1.0


def dcg(gains, k):
    return sum(gain / log2(place + 1) for place, gain in enumerate(gains[:k], 1))


def plain_ndcg(y, s, k, gain=exponential, averaged=False):
    ideal = dcg(sorted(map(gain, y), reverse=True), k)
    if ideal == 0:
        return None
    gains = [gain(grade) for grade in ranked(y, s)]
    if averaged:
        scores = sorted(s, reverse=True)
        tied = {score: [g for g, other in zip(gains, scores, strict=True) if other == score]
                for score in s}  # fmt: skip
        gains = [sum(tied[score]) / len(tied[score]) for score in scores]
    return dcg(gains, k) / ideal


def hits(y, s):
    return [grade >= 1 for grade in ranked(y, s)]


def plain_average_precision(y, s, k):
    found = hits(y, s)
    precisions = [sum(found[:r]) / r for r in range(1, len(y) + 1)[:k] if found[r - 1]]
    return sum(precisions) / sum(found) if any(found) else None


def plain_reciprocal_rank(y, s, k):
    found = hits(y, s)
    if not any(found):
        return None
    return 1 / (found.index(True) + 1) if any(found[:k]) else 0.0


def plain_err(y, s, k, max_grade):
    total, reading = 0.0, 1.0
    for place, grade in enumerate(ranked(y, s)[:k], 1):
        satisfied = exponential(grade) / 2.0**max_grade
        total += reading * satisfied / place
        reading *= 1 - satisfied
    return total if max(y) > 0 else None


def plain_precision(y, s, k):
    return sum(hits(y, s)[:k]) / (k or len(y)) if any(hits(y, s)) else None


def plain_recall(y, s, k):
    found = hits(y, s)
    return sum(found[:k]) / sum(found) if any(found) else None


def plain_hit_rate(y, s, k):
    found = hits(y, s)
    return float(any(found[:k])) if any(found) else None


def plain_pairwise(y, s, k):
    first = sorted(range(len(y)), key=lambda i: -s[i])[:k]
    rows = range(len(y))
    pairs = [(i, j) for i in rows for j in rows if y[i] > y[j] and (i in first or j in first)]
    right = [1.0 if s[i] > s[j] else 0.5 if s[i] == s[j] else 0.0 for i, j in pairs]
    return sum(right) / len(right) if right else None


CASES = {
    "ndcg": (ndcg_score, lambda y, s, k: plain_ndcg(y, s, k, averaged=True), {}),
    "ndcg order": (ndcg_score, plain_ndcg, {"ties": "order"}),
    "ndcg linear": (
        ndcg_score,
        lambda y, s, k: plain_ndcg(y, s, k, float, averaged=True),
        {"gain": "linear"},
    ),
    "ndcg linear order": (
        ndcg_score,
        lambda y, s, k: plain_ndcg(y, s, k, float),
        {"gain": "linear", "ties": "order"},
    ),
    "average precision": (average_precision_score, plain_average_precision, {}),
    "reciprocal rank": (reciprocal_rank_score, plain_reciprocal_rank, {}),
    "expected reciprocal rank": (
        expected_reciprocal_rank,
        lambda y, s, k: plain_err(y, s, k, 4),
        {"max_grade": 4},
    ),
    "precision": (precision_at_k, plain_precision, {}),
    "recall": (recall_at_k, plain_recall, {}),
    "hit rate": (hit_rate_at_k, plain_hit_rate, {}),
    "pairwise": (pairwise_accuracy, plain_pairwise, {}),
}
every_metric = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
METRICS = {name: function for name, (function, _) in ranking.METRICS.items()}


def queries(rng, n=60, longest=9, grades=4, scores=5):
    """Return ragged queries of few grades and scores, so that ties abound; some are empty."""
    sizes = rng.integers(1, longest + 1, n)
    qid = np.repeat(np.arange(n), sizes)
    y = rng.integers(0, grades, qid.size) * np.repeat(rng.random(n) < 0.8, sizes)
    return y, rng.integers(0, scores, qid.size) / 4, qid


def plain(definition, y, s, qid, k):
    rows = [np.flatnonzero(qid == name) for name in dict.fromkeys(qid)]
    values = [definition(y[own].tolist(), s[own].tolist(), k) for own in rows]
    return [value for value in values if value is not None]


@every_metric
@pytest.mark.parametrize("k", [None, 1, 2, 3, 5, 100])
def test_metric_is_its_definition(case, k, rng):
    function, definition, kwargs = case
    y, s, qid = queries(rng)
    values = plain(definition, y, s, qid, k)
    assert 0 < len(values) < 60
    score = function(y, s, qid=qid, k=k, **kwargs)
    assert type(score) is float
    assert_allclose(score, np.mean(values), rtol=1e-12)
    filled = function(y, s, qid=qid, k=k, empty_query="one", **kwargs)
    assert_allclose(filled, (sum(values) + 60 - len(values)) / 60, rtol=1e-12)


@every_metric
@pytest.mark.parametrize("k", [None, 10, 64, 65, 150])
def test_long_queries(case, k, rng):
    """Long enough to be merged, and for both ways to the first k places."""
    function, definition, kwargs = case
    y, s, qid = queries(rng, n=3, longest=150, scores=40)
    for scores in (s, np.sort(s), -np.sort(s), np.zeros(s.size), rng.normal(size=s.size)):
        expected = np.mean(plain(definition, y, scores, qid, k))
        assert_allclose(function(y, scores, qid=qid, k=k, **kwargs), expected, rtol=1e-12)


@every_metric
def test_one_query(case, rng):
    function, definition, kwargs = case
    y, s = rng.integers(0, 4, 20), rng.integers(0, 9, 20)
    expected = definition(y.tolist(), s.tolist(), 7)
    assert_allclose(function(y, s, k=7, **kwargs), expected, rtol=1e-12)
    if function is not pairwise_accuracy:
        assert function([2], [0.0], **kwargs) == definition([2], [0.0], None)


# ------------------------------------------------------------------ other implementations


@pytest.mark.parametrize("k", [None, 1, 3, 7, 20])
@pytest.mark.parametrize("scores", [5, 10**6], ids=["tied", "distinct"])
def test_ndcg_is_that_of_sklearn(k, scores, rng):
    y, s = rng.integers(0, 5, (40, 12)), rng.integers(0, scores, (40, 12))
    qid = np.repeat(np.arange(40), 12)
    for gain, relevance in [("linear", y), ("exp", 2.0**y - 1)]:
        ours = ndcg_score(y.ravel(), s.ravel(), qid=qid, k=k, gain=gain, empty_query="zero")
        assert_allclose(ours, theirs.ndcg_score(relevance, s, k=k), rtol=1e-12)
    parts = y * 0.7  # grades that are not whole are sorted, not counted
    ours = ndcg_score(parts.ravel(), s.ravel(), qid=qid, k=k, gain="linear", empty_query="zero")
    assert_allclose(ours, theirs.ndcg_score(parts, s, k=k), rtol=1e-12)
    ratio = theirs.dcg_score(y[:1], s[:1], k=k) / theirs.dcg_score(y[:1], y[:1], k=k)
    assert_allclose(ndcg_score(y[0], s[0], k=k, gain="linear"), ratio, rtol=1e-12)


def test_reference_case():
    # scikit-learn 1.9.1, `ndcg_score` on 2^y − 1, from the project's open reference cases
    score = ndcg_score([0, 2, 1, 0], [2.0, 1.0, 0.0, -1.0], k=3, ties="order")
    assert_allclose(score, 0.6590018048024133, rtol=1e-12)


def test_metrics_of_binary_relevance_are_those_of_sklearn(rng):
    y, s = rng.integers(0, 2, (40, 12)), rng.normal(size=(40, 12))
    y[:, 0], y[:, 1] = 0, 1
    qid = np.repeat(np.arange(40), 12)
    ours = average_precision_score(y.ravel(), s.ravel(), qid=qid)
    per_query = [theirs.average_precision_score(*pair) for pair in zip(y, s, strict=True)]
    assert_allclose(ours, np.mean(per_query), rtol=1e-12)
    assert_allclose(ours, theirs.label_ranking_average_precision_score(y, s), rtol=1e-12)

    auc = [theirs.roc_auc_score(*pair) for pair in zip(y, s.round(), strict=True)]
    assert_allclose(
        pairwise_accuracy(y.ravel(), s.round().ravel(), qid=qid), np.mean(auc), rtol=1e-12
    )

    # one relevant document a query
    one = rng.integers(0, 12, 40)
    relevant = (np.arange(12) == one[:, None]).ravel()
    top = theirs.top_k_accuracy_score(one, s, k=3, labels=np.arange(12))
    assert_allclose(hit_rate_at_k(relevant, s.ravel(), qid=qid, k=3), top, rtol=1e-12)
    assert_allclose(recall_at_k(relevant, s.ravel(), qid=qid, k=3), top, rtol=1e-12)
    assert_allclose(3 * precision_at_k(relevant, s.ravel(), qid=qid, k=3), top, rtol=1e-12)


def test_pairwise_accuracy_is_kendalls_tau(rng):
    y, s = rng.normal(size=500), rng.normal(size=500)
    tau = stats.kendalltau(y, s).statistic
    assert_allclose(pairwise_accuracy(y, s), (1 + tau) / 2, rtol=1e-12)


def test_expected_reciprocal_rank_by_hand():
    # R = 3/4, 0, 1/4 in places 1, 2, 3
    assert_allclose(expected_reciprocal_rank([1, 2, 0], [1, 3, 2]), 3 / 4 + 1 / 4 / 4 / 3)
    assert_allclose(
        expected_reciprocal_rank([1, 2, 0], [1, 3, 2], max_grade=3), 3 / 8 + 5 / 8 / 8 / 3
    )
    # the highest grade is that of all queries
    assert_allclose(expected_reciprocal_rank([1, 2], [0, 0], qid=[0, 1]), (1 / 4 + 3 / 4) / 2)


def test_ties_are_averaged_over_all_orders(rng):
    y, s = np.array([0, 3, 1, 0, 2, 1]), np.array([1, 1, 1, 0, 0, 2])
    for k in (None, 1, 2, 3, 5):
        orders = [rng.permutation(6) for _ in range(4000)]
        mean = np.mean([ndcg_score(y[o], s[o], k=k, ties="order") for o in orders])
        assert_allclose(ndcg_score(y, s, k=k), mean, rtol=0.02)


# ------------------------------------------------------------------ queries


@every_metric
@pytest.mark.parametrize("k", [None, 2])
def test_order_of_rows_does_not_matter(case, k, rng):
    function, _, kwargs = case
    y, s, qid = queries(rng, scores=10**6)
    order = rng.permutation(y.size)
    shuffled = function(y[order], s[order], qid=qid[order], k=k, **kwargs)
    assert_allclose(shuffled, function(y, s, qid=qid, k=k, **kwargs), rtol=1e-13)


@every_metric
def test_ids_of_any_kind(case, rng):
    function, _, kwargs = case
    y, s, qid = queries(rng)
    order = rng.permutation(y.size)
    y, s, qid = y[order], s[order], qid[order]
    expected = function(y, s, qid=qid, k=3, **kwargs)
    index = rng.permutation(y.size) // 2
    kinds = [
        -qid, qid / 2, qid.astype(str), qid.astype(object), qid.tolist(),
        pd.Series(qid, index=index), pd.Series(qid.astype(str)),
        pd.Series(qid).astype("category"), Groups.of(qid, y.size),
        [(name, "q") for name in qid],
    ]  # fmt: skip
    for ids in kinds:
        assert_allclose(function(y, s, qid=ids, k=3, **kwargs), expected, rtol=1e-13)


@every_metric
def test_inputs_of_any_kind(case, rng):
    function, _, kwargs = case
    y, s, qid = queries(rng)
    expected = function(y, s, qid=qid, k=3, **kwargs)
    index = rng.permutation(y.size) // 2
    frozen = s.copy()
    frozen.flags.writeable = False
    for y_true in (y.astype(np.float32), y.astype(float), y.tolist(), pd.Series(y, index=index)):
        for y_score in (
            s.astype(np.float32), s.tolist(), pd.Series(s, index=index), frozen,
            np.repeat(s, 2)[::2], (4 * s).astype(int),
        ):  # fmt: skip
            assert_allclose(function(y_true, y_score, qid=qid, k=3, **kwargs), expected)


@every_metric
@pytest.mark.parametrize("k", [None, 2])
def test_weight_is_repetition_of_the_query(case, k, rng):
    function, _, kwargs = case
    y, s, qid = queries(rng)
    weights = rng.integers(0, 4, qid.max() + 1)
    rows = [np.flatnonzero(qid == q) for q in range(weights.size) for _ in range(weights[q])]
    copies = np.repeat(np.arange(len(rows)), [own.size for own in rows])
    rows = np.concatenate(rows)
    for policy in ("skip", "zero", "one"):
        options = {"k": k, "empty_query": policy, **kwargs}
        weighted = function(y, s, qid=qid, sample_weight=weights[qid], **options)
        repeated = function(y[rows], s[rows], qid=copies, **options)
        assert_allclose(weighted, repeated, rtol=1e-12)


def test_query_of_weight_0_is_not_there():
    y, s, qid, w = [5, 0, 1, 0, 0], [1, 2, 2, 1, 0], [0, 0, 1, 1, 2], [0, 0, 2, 2, 0]
    for function in METRICS.values():
        with_it = function(y, s, qid=qid, sample_weight=w, empty_query="raise")
        assert with_it == function(y[2:4], s[2:4])


def test_many_queries(rng):
    y, s = rng.integers(0, 5, 10**6), rng.normal(size=10**6)
    qid = np.repeat(np.arange(10**4), 100)
    order = s.reshape(-1, 100).argsort(axis=1)[:, ::-1]
    by_place = np.take_along_axis(y.reshape(-1, 100), order, axis=1)
    discounts = 1 / np.log2(np.arange(2, 12))
    ideal = (2.0 ** np.sort(y.reshape(-1, 100))[:, :-11:-1] - 1) @ discounts
    expected = np.mean((2.0 ** by_place[:, :10] - 1) @ discounts / ideal)
    assert_allclose(ndcg_score(y, s, qid=qid, k=10), expected, rtol=1e-12)
    relevant = by_place >= 1
    assert_allclose(precision_at_k(y, s, qid=qid, k=10), relevant[:, :10].mean(), rtol=1e-12)
    first = 1 / (relevant.argmax(axis=1) + 1)
    assert_allclose(reciprocal_rank_score(y, s, qid=qid), first.mean(), rtol=1e-12)


def test_one_long_query_takes_no_square_of_its_length(rng):
    y, s = rng.normal(size=200_000), rng.normal(size=200_000)
    assert_allclose(pairwise_accuracy(y, s), 0.5, atol=0.01)
    assert pairwise_accuracy(y, y) == 1
    assert pairwise_accuracy(y, -y) == 0
    assert pairwise_accuracy(y, np.zeros(y.size)) == 0.5


# ------------------------------------------------------------------ extremes


@every_metric
def test_perfect_and_reversed(case, rng):
    function, _, kwargs = case
    y = rng.permutation(np.arange(30) % 5)
    best = function(y, y, k=5, **kwargs)
    worst = function(y, -y, k=5, **kwargs)
    others = [function(y, rng.normal(size=30), k=5, **kwargs) for _ in range(20)]
    assert worst <= min(others)
    assert max(others) <= best
    if function not in (expected_reciprocal_rank, recall_at_k):
        assert function(y, y, **kwargs) <= 1
    if function in (ndcg_score, pairwise_accuracy):
        assert_allclose(best, 1, rtol=1e-14)


def test_large_grades_do_not_overflow():
    assert_allclose(ndcg_score([2000, 1999], [0, 1]), (0.5 + 1 / log2(3)) / (1 + 0.5 / log2(3)))
    huge = [1.7e308, 1.7e308, 1.0]
    assert ndcg_score(huge, [2, 1, 0], gain="linear") == 1
    assert_allclose(ndcg_score([5e-324, 0.0], [0, 1], gain="linear"), 1 / log2(3))
    assert_allclose(expected_reciprocal_rank([5000, 0], [0, 1]), 0.5)


def test_single_precision_keeps_its_ties():
    close = np.array([1.0, 1.0 + 1e-9])
    assert reciprocal_rank_score([1, 0], close) == 0.5
    assert reciprocal_rank_score([1, 0], close.astype(np.float32)) == 1
    assert reciprocal_rank_score([1, 0], [-0.0, 0.0]) == 1  # equal


def test_negative_grades_are_not_relevant():
    y, s = [-2, 1, 0], [3, 2, 1]  # -2 is how TREC marks junk
    assert reciprocal_rank_score(y, s) == 0.5
    assert pairwise_accuracy(y, s) == 1 / 3
    for function in (ndcg_score, expected_reciprocal_rank):
        with pytest.raises(ValueError, match="should not be used on negative y_true values"):
            function(y, s)


def test_fractional_grades():
    y, s = [0.5, 0.25, 0.0], [0.0, 2.0, 1.0]
    gain = exponential
    expected = (gain(0.25) + gain(0.5) / 2) / (gain(0.5) + gain(0.25) / log2(3))
    assert_allclose(ndcg_score(y, s), expected, rtol=1e-12)
    with pytest.raises(ValueError, match="not defined for any query"):
        precision_at_k(y, s)  # relevant means 1 at least


# ------------------------------------------------------------------ nothing to rank


@every_metric
def test_policies_of_empty_queries(case):
    function, _, kwargs = case
    y, s, qid = [0, 0, 1, 0], [2, 1, 2, 1], ["none", "none", "some", "some"]
    full = function(y[2:], s[2:], **kwargs)
    assert function(y, s, qid=qid, **kwargs) == full
    assert function(y, s, qid=qid, empty_query="skip", **kwargs) == full
    assert function(y, s, qid=qid, empty_query="zero", **kwargs) == full / 2
    assert function(y, s, qid=qid, empty_query="one", **kwargs) == (1 + full) / 2
    with pytest.raises(ValueError, match=r"is not defined for the query 'none'"):
        function(y, s, qid=qid, empty_query="raise", **kwargs)
    with pytest.raises(ValueError, match="is not defined for any query"):
        function(y[:2], s[:2], **kwargs)
    assert function(y[:2], s[:2], empty_query="zero", **kwargs) == 0
    with pytest.raises(ValueError, match="is not defined for any query"):
        function(y, s, qid=qid, sample_weight=[1, 1, 0, 0], **kwargs)


def test_query_of_equal_grades_has_no_pairs():
    y, s, qid = [1, 1, 1, 0], [1, 2, 2, 1], [0, 0, 1, 1]
    assert pairwise_accuracy(y, s, qid=qid) == 1
    assert pairwise_accuracy(y, s, qid=qid, empty_query="zero") == 0.5
    # all pairs of the first place are of equal grade
    assert pairwise_accuracy([1, 1, 0], [3, 2, 1], k=1) == 1
    with pytest.raises(ValueError, match="not defined for any query"):
        pairwise_accuracy([2], [1.0])


BAD = [
    ({"y_true": []}, "0 sample|inconsistent"),
    ({"y_true": [], "y_score": [], "qid": None}, "0 sample"),
    ({"y_true": [1, 0, 1]}, "inconsistent numbers of samples"),
    ({"y_true": [[1, 0, 0, 1]]}, "y_true should be a 1d array"),
    ({"y_score": np.zeros((4, 1))}, r"y_score should be a 1d array, got .* \(4, 1\)"),
    ({"y_true": [1, np.nan, 0, 0]}, "y_true contains NaN"),
    ({"y_score": [1, np.inf, 0, 0]}, "y_score contains infinity"),
    ({"y_score": np.array([1, np.nan, 0, 0])}, "y_score contains NaN"),
    ({"y_true": ["a", "b", "c", "d"]}, "convert|numeric"),
    ({"qid": [0, 0, 1]}, "inconsistent numbers of samples"),
    ({"qid": [0, 0, np.nan, 1]}, "qid contains NaN"),
    ({"k": 0}, "The 'k' parameter of .* must be an int in the range .*Got 0"),
    ({"k": -3}, "'k' parameter"),
    ({"k": 2.0}, "'k' parameter"),
    ({"k": True}, "'k' parameter"),
    ({"k": "all"}, "'k' parameter"),
    ({"empty_query": "nan"}, "The 'empty_query' parameter of .* must be a str among"),
    ({"sample_weight": [1, 2, 1, 1]}, "constant within each query"),
    ({"sample_weight": [1, 1, -1, -1]}, "Negative values"),
    ({"sample_weight": [1, 1, 1]}, r"expected \(4,\)"),
    ({"sample_weight": [0, 0, 0, 0]}, "at least one non-zero"),
    ({"sample_weight": [1, 1, np.nan, np.nan]}, "sample_weight contains NaN"),
]


@pytest.mark.parametrize("function", METRICS.values(), ids=METRICS)
@pytest.mark.parametrize(("change", "message"), BAD)
def test_bad_input_raises(function, change, message):
    good = {"y_true": [1, 0, 0, 1], "y_score": [2.0, 1, 2, 1], "qid": [0, 0, 1, 1]}
    with pytest.raises(ValueError, match=message):
        function(**{**good, **change})


def test_bad_parameters_raise():
    with pytest.raises(ValueError, match="'gain' parameter of ndcg_score"):
        ndcg_score([1], [1], gain="square")
    with pytest.raises(ValueError, match="'ties' parameter of ndcg_score"):
        ndcg_score([1], [1], ties="random")
    for max_grade in (1, np.nan):
        with pytest.raises(ValueError, match="must not be less than the highest of y_true, 2"):
            expected_reciprocal_rank([2], [1], max_grade=max_grade)
    with pytest.raises(ValueError, match="max_grade must be a number or None"):
        expected_reciprocal_rank([2], [1], max_grade="2")
    with pytest.raises(TypeError):
        ndcg_score([1], [1], [0])  # qid is a keyword


def test_inputs_are_left_alone(rng):
    y, s, qid = queries(rng)
    before = y.copy(), s.copy(), qid.copy()
    for function in METRICS.values():
        function(y, s, qid=qid, k=3)
    for array, copy in zip((y, s, qid), before, strict=True):
        assert_allclose(array, copy, rtol=0)


def test_every_metric_has_a_name_and_one_signature():
    public = {getattr(sl.metrics, name) for name in sl.metrics.__all__}
    ours = {f for f in public if f.__module__ == ranking.__name__}
    assert ours == set(METRICS.values())
    common = ["y_true", "y_score", "qid", "k", "empty_query", "sample_weight"]
    for function in ours:
        assert list(inspect.signature(function).parameters)[:6] == common
        assert "<parameters>" not in function.__doc__
        assert "<raises>" not in function.__doc__


def test_compiled_is_plain_python(rng, monkeypatch):
    y, s, qid = queries(rng, n=8)
    y = np.where(qid % 2 == 0, y, 1.1 * y)
    expected = {name: f(y, s, qid=qid, k=3) for name, f in METRICS.items()}
    for name, value in vars(kernels).items():
        if hasattr(value, "py_func"):
            monkeypatch.setattr(kernels, name, value.py_func)
    for name, function in METRICS.items():
        assert_allclose(function(y, s, qid=qid, k=3), expected[name], rtol=1e-13)


# ------------------------------------------------------------------ scorers


@pytest.fixture
def data(rng):
    X = rng.normal(size=(120, 3))
    y = np.clip(np.round(X[:, 0] + rng.normal(size=120) + 1), 0, 4)
    return X, y, rng.permutation(np.repeat([f"q{i}" for i in range(20)], 6))


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("k", [None, 3])
def test_scorer_is_the_metric_of_predict(name, k, data):
    X, y, qid = data
    model = Ridge().fit(X, y)
    scorer = sl.get_scorer(name if k is None else f"{name}@{k}")
    expected = METRICS[name](y, model.predict(X), qid=qid, k=k)
    assert scorer(model, X, y, qid=qid) == expected
    assert pickle.loads(pickle.dumps(scorer))(model, X, y, qid=qid) == expected
    assert clone(GridSearchCV(model, {}, scoring=scorer)).scoring.metric == scorer.metric
    w = np.unique(qid, return_inverse=True)[1]
    weighted = METRICS[name](y, model.predict(X), qid=qid, k=k, sample_weight=w)
    assert scorer(model, X, y, qid=qid, sample_weight=w) == weighted


def test_scorer_in_cross_validation(data, routing):
    X, y, qid = data
    scoring = {
        "ndcg": sl.make_ranking_scorer("ndcg@3", gain="linear").set_score_request(
            sample_weight=False
        ),
        "mrr": sl.get_scorer("mrr").set_score_request(sample_weight=True),  # `qid` stays
        "mse": theirs.make_scorer(theirs.mean_squared_error).set_score_request(sample_weight=False),
    }
    model = Ridge().set_fit_request(sample_weight=True)
    w = np.unique(qid, return_inverse=True)[1]
    done = cross_validate(
        model, X, y, scoring=scoring, cv=GroupKFold(4), return_indices=True, return_estimator=True,
        params={"qid": qid, "groups": qid, "sample_weight": w}, error_score="raise",
    )  # fmt: skip
    for fold, test in enumerate(done["indices"]["test"]):
        s = done["estimator"][fold].predict(X[test])
        expected = ndcg_score(y[test], s, qid=qid[test], k=3, gain="linear")
        assert_allclose(done["test_ndcg"][fold], expected, rtol=1e-13)
        expected = reciprocal_rank_score(y[test], s, qid=qid[test], sample_weight=w[test])
        assert_allclose(done["test_mrr"][fold], expected, rtol=1e-13)


def test_scorer_in_a_search(data, routing):
    X, y, qid = data
    search = GridSearchCV(
        Ridge(), {"alpha": [1e-3, 1e3]}, scoring=sl.get_scorer("ndcg@3"), cv=GroupKFold(4)
    )
    search.fit(X, y, qid=qid, groups=qid)
    expected = ndcg_score(y, search.predict(X), qid=qid, k=3)
    assert_allclose(search.score(X, y, qid=qid), expected, rtol=1e-13)


def test_scorer_of_classifiers(data):
    X, y, qid = data
    model = LogisticRegression().fit(X, y >= 2)
    expected = average_precision_score(y >= 2, model.decision_function(X), qid=qid)
    assert sl.get_scorer("map")(model, X, y >= 2, qid=qid) == expected
    scorer = sl.make_ranking_scorer("ndcg", response_method="predict")
    assert scorer(model, X, y >= 2, qid=qid) == ndcg_score(y >= 2, model.predict(X), qid=qid)
    dummy = DummyClassifier().fit(X, y >= 2)  # has no decision_function
    expected = precision_at_k(y >= 2, np.ones(120), k=10)
    assert sl.get_scorer("precision@10")(dummy, X, y >= 2) == expected


class Backwards(BaseEstimator):
    """A ranker of no kind that scikit-learn knows."""

    def fit(self, X, y):
        self.fitted_ = True
        return self

    def predict(self, X):
        return -X[:, 0]


def test_scorer_of_anything_that_predicts(data):
    X, y, qid = data
    model = Backwards().fit(X, y)
    assert sl.get_scorer("ndcg")(model, X, y, qid=qid) == ndcg_score(y, -X[:, 0], qid=qid)


def test_repr_of_scorers_is_the_call():
    assert repr(sl.get_scorer("ndcg@10")) == "make_ranking_scorer('ndcg@10')"
    scorer = sl.make_ranking_scorer("map", response_method="predict", empty_query="zero")
    call = "make_ranking_scorer('map', empty_query='zero', response_method='predict')"
    assert repr(scorer) == call


def test_unknown_scorers_raise():
    for name in ("dcg", "ndcg@", "ndcg@x", "ndcg@-1", None):
        with pytest.raises(ValueError, match="called by one of"):
            sl.make_ranking_scorer(name)
    with pytest.raises(ValueError, match="neg_huber"):
        sl.get_scorer("dcg@10")
    with pytest.raises(TypeError, match="'map' takes the parameters"):
        sl.get_scorer("map", gain="exp")


# ------------------------------------------------------------------ comparison


@pytest.fixture
def models(rng):
    y, _, qid = queries(rng, n=200)
    noise = [rng.normal(size=y.size) for _ in range(3)]
    scores = {"chance": noise[0], "good": y + noise[1], "good too": y + 1.01 * noise[1]}
    return y, scores, qid


@pytest.mark.parametrize("test", ["student", "fisher"])
def test_comparison(models, test):
    y, scores, qid = models
    names = ("ndcg@3", "map", "pairwise_accuracy")
    table = compare_rankings(
        y, scores, qid=qid, metrics=names, test=test, n_resamples=2000, random_state=0
    )
    assert list(table.index) == list(scores)
    assert list(table.columns.get_level_values(0).unique()) == list(names)
    for model, s in scores.items():
        assert_allclose(table.loc[model, ("ndcg@3", "score")], ndcg_score(y, s, qid=qid, k=3))
    assert table.loc["chance"].xs("p_value", level=1).isna().all()
    assert (table.loc["chance"].xs("mark", level=1) == "").all()
    assert (table.loc["good"].xs("mark", level=1) == "▲***").all()
    worse = compare_rankings(y, scores, qid=qid, baseline="good", test=test, random_state=0)
    assert (worse.loc["chance"].xs("mark", level=1) == "▼***").all()
    assert (worse.loc["good too"].xs("mark", level=1) == "").all()


def test_p_values_are_those_of_scipy(models):
    y, scores, qid = models

    def a_query(s):
        return np.array([ndcg_score(y[own], s[own]) for own in rows])

    rows = [np.flatnonzero(qid == q) for q in np.unique(qid)]
    rows = [own for own in rows if y[own].any()]
    blurred = scores["good"] + 0.3 * scores["chance"]
    pair = {"a": scores["good"], "b": blurred}
    differences = a_query(blurred) - a_query(scores["good"])
    table = compare_rankings(y, pair, qid=qid, metrics=["ndcg"])
    expected = stats.ttest_1samp(differences, 0.0).pvalue
    assert_allclose(table.loc["b", ("ndcg", "p_value")], expected, rtol=1e-9)

    table = compare_rankings(y, pair, qid=qid, metrics=["ndcg"], test="fisher", random_state=0)
    signs = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", rng=np.random.default_rng(0)
    )
    assert_allclose(table.loc["b", ("ndcg", "p_value")], signs.pvalue, atol=0.02)


def test_comparison_of_equals():
    y, qid = [1, 0, 1, 0, 1, 0], [0, 0, 1, 1, 2, 2]
    scores = {0: [1, 0, 1, 0, 1, 0], ("same", 1): [1, 0, 1, 0, 1, 0], 2: [0, 1, 0, 1, 0, 1]}
    for test in ("student", "fisher"):
        table = compare_rankings(y, scores, qid=qid, metrics=["mrr"], test=test, n_resamples=99)
        assert table["mrr", "p_value"].iloc[1] == 1
        assert table["mrr", "score"].tolist() == [1, 1, 0.5]
    # every difference is the same: certain for Student, at best 2 of 2³ signs for Fisher
    assert 0.1 < table["mrr", "p_value"].iloc[2] < 0.4
    one = compare_rankings([1, 0], {"a": [1, 0], "b": [0, 1]}, qid=[0, 0], metrics=["mrr"])
    assert np.isnan(one["mrr", "p_value"].iloc[1])


def test_bad_comparisons_raise(models):
    y, scores, qid = models
    with pytest.raises(ValueError, match="at least one model"):
        compare_rankings(y, {}, qid=qid)
    with pytest.raises(ValueError, match="baseline must be one of"):
        compare_rankings(y, scores, qid=qid, baseline="best")
    with pytest.raises(ValueError, match="called by one of"):
        compare_rankings(y, scores, qid=qid, metrics=["dcg"])
    with pytest.raises(ValueError, match="'test' parameter"):
        compare_rankings(y, scores, qid=qid, test="wilcoxon")
    with pytest.raises(ValueError, match="not defined for any query"):
        compare_rankings(np.zeros(y.size), scores, qid=qid)
