"""Rows by group against a dictionary."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from sklosses._arrays.groups import Groups

RANDOM = np.random.default_rng(0).integers(0, 7, 60)
LETTERS = np.array(list("qwertyu"))
IDS = {
    "random": RANDOM,
    "sorted": np.sort(RANDOM),
    "contiguous": np.repeat([3, -1, 2], [2, 1, 4]),
    "contiguous but one": np.array([3, 3, 1, 1, 3]),
    "unsigned": RANDOM.astype(np.uint8),
    "bool": RANDOM > 3,
    "float": RANDOM / 2,
    "float32": RANDOM.astype(np.float32),
    "strings": LETTERS[RANDOM],
    "sorted strings": np.sort(LETTERS[RANDOM]),
    "objects": np.array([1, "1", 2.5, "1", (1, 2), 1], dtype=object),
    "list": RANDOM.tolist(),
    "mixed list": [1, "1", 1, "1", "a"],
    "list of tuples": [(1, 2), (1, 3), (1, 2)],
    "series": pd.Series(RANDOM, index=RANDOM[::-1]),
    "series of strings": pd.Series(LETTERS[RANDOM]),
    "nullable": pd.Series(RANDOM, dtype="Int64"),
    "categorical": pd.Series(LETTERS[RANDOM], dtype="category"),
    "index": pd.Index(RANDOM),
    "dates": pd.to_datetime("2020-01-01") + pd.to_timedelta(RANDOM, unit="D"),
    "datetime64": np.datetime64("2020-01-01") + RANDOM,
    "range": range(5),
    "one row": [5],
    "strided": RANDOM[::3],
}
every_kind = pytest.mark.parametrize("qid", IDS.values(), ids=IDS)


@every_kind
def test_groups_are_those_of_a_dictionary(qid):
    rows = {}
    for row, name in enumerate(qid):
        rows.setdefault(name, []).append(row)
    groups = Groups.of(qid, len(qid))

    assert groups.n_groups == len(rows)
    assert list(groups.names) == list(rows)
    order = [row for own in rows.values() for row in own]
    assert_array_equal(np.arange(len(qid)) if groups.order is None else groups.order, order)
    assert_array_equal(groups.offsets, np.cumsum([0, *map(len, rows.values())]))
    assert (groups.order is None) == (order == sorted(order))
    assert groups.offsets.dtype == np.int64
    assert groups.order is None or groups.order.dtype == np.int64


@every_kind
@pytest.mark.parametrize("shape", [(), (2,)])
def test_sorted_and_restored(qid, shape):
    groups = Groups.of(qid, len(qid))
    array = np.arange(len(qid) * 2, dtype=np.float32)[: len(qid) * (2 if shape else 1)]
    array = array.reshape(len(qid), *shape)
    assert_array_equal(groups.restored(groups.sorted(array)), array)
    own = groups.sorted(np.arange(len(qid)))[groups.offsets[0] : groups.offsets[1]]
    assert_array_equal(own, [row for row, name in enumerate(qid) if name == list(qid)[0]])  # noqa: RUF015


def test_no_ids_are_one_group():
    groups = Groups.of(None, 4)
    assert_array_equal(groups.offsets, [0, 4])
    assert groups.order is None
    assert list(groups.names) == [None]


@pytest.mark.parametrize("qid", [None, [], np.empty(0), pd.Series([], dtype=str)])
def test_no_rows(qid):
    groups = Groups.of(qid, 0)
    assert groups.n_groups == 0
    assert_array_equal(groups.offsets, [0])
    assert groups.weights(None).shape == (0,)


def test_groups_of_groups_are_themselves():
    groups = Groups.of(RANDOM, RANDOM.size)
    assert Groups.of(groups, RANDOM.size) is groups
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        Groups.of(groups, RANDOM.size + 1)


@pytest.mark.parametrize(
    ("qid", "message"),
    [
        ([1, 2], r"inconsistent numbers of samples: \[3, 2\]"),
        (np.arange(4), r"inconsistent numbers of samples: \[3, 4\]"),
        ([1, np.nan, 2], "qid contains NaN"),
        (np.array([1, 2, np.inf]), "qid contains infinity"),
        (np.array([1, None, "a"], dtype=object), "qid contains NaN"),
        (pd.Series(["a", None, "b"]), "qid contains NaN"),
        (pd.Series([1, None, 2], dtype="Int64"), "qid contains NaN"),
        (pd.Series(["a", None, "b"], dtype="category"), "qid contains NaN"),
        (np.array(["2020", "NaT", "2021"], dtype="datetime64[D]"), "qid contains NaN"),
        (np.zeros((3, 1)), r"qid should be a 1d array.*\(3, 1\)"),
        (pd.DataFrame({"qid": [1, 2, 3]}), r"qid should be a 1d array.*\(3, 1\)"),
    ],
)
def test_bad_ids_raise(qid, message):
    with pytest.raises(ValueError, match=message):
        Groups.of(qid, 3)


def test_no_sequence_raises():
    with pytest.raises(TypeError, match="array-like"):
        Groups.of(5, 1)
    with pytest.raises(TypeError, match="unhashable"):
        Groups.of([[1], [2]], 2)


# ------------------------------------------------------------------ weights


def test_weights():
    groups = Groups.of(["b", "a", "b"], 3)
    assert_array_equal(groups.weights([2, 0.5, 2]), [2, 0.5])
    assert_array_equal(groups.weights(np.float32([2, 0.5, 2])), [2, 0.5])
    assert_array_equal(groups.weights(pd.Series([0, 3, 0], index=[7, 7, 7])), [0, 3])
    assert_array_equal(groups.weights(None), [1, 1])
    assert_array_equal(groups.weights(4.0), [4, 4])
    assert groups.weights([1, 2, 1]).dtype == np.float64


@pytest.mark.parametrize(
    ("sample_weight", "message"),
    [
        ([1, 2, 3], "constant within each query.*'b'"),
        ([1, -2, 1], "Negative values in data passed to `sample_weight`"),
        ([1, np.nan, 1], "sample_weight contains NaN"),
        ([1, np.inf, 1], "sample_weight contains infinity"),
        ([1, 2], r"sample_weight.shape == \(2,\), expected \(3,\)"),
        (np.ones((3, 1)), "1D array or scalar"),
    ],
)
def test_bad_weights_raise(sample_weight, message):
    with pytest.raises(ValueError, match=message):
        Groups.of(["b", "a", "b"], 3).weights(sample_weight)


# ------------------------------------------------------------------ cost


@pytest.mark.parametrize("step", [1, -1], ids=["ascending", "descending"])
def test_contiguous_ids_cost_less_than_a_sort(step):
    qid = np.repeat(np.arange(10_000)[::step], 100)
    shuffled = np.random.default_rng(0).permutation(qid)

    def seconds(work):
        times = []
        for _ in range(5):
            start = time.perf_counter()
            work()
            times.append(time.perf_counter() - start)
        return min(times)

    seconds(lambda: Groups.of(qid[:300], 300))  # pandas, imported
    grouping = seconds(lambda: Groups.of(qid, qid.size))
    assert grouping < seconds(lambda: np.argsort(shuffled, kind="stable")) / 5
    assert Groups.of(qid, qid.size).order is None
