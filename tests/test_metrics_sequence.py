"""Label error rates, against a recursion and by hand."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sklosses as sl
from sklosses.metrics import label_error_rate


def distance(a, b):
    """Return the edit distance, by its definition."""

    @cache
    def of(i, j):
        if i == 0 or j == 0:
            return i + j
        return min(of(i - 1, j) + 1, of(i, j - 1) + 1, of(i - 1, j - 1) + (a[i - 1] != b[j - 1]))

    return of(len(a), len(b))


@pytest.mark.parametrize(("truth", "guess", "edits"), [
    ("kitten", "sitting", 3), ("flaw", "lawn", 2), ("abc", "abc", 0), ("abc", "", 3),
    ("a", "bcd", 3), ("abcd", "acbd", 2), ("aaa", "aa", 1), ("intention", "execution", 5),
])  # fmt: skip
def test_known_distances(truth, guess, edits):
    assert label_error_rate([truth], [guess]) == edits / len(truth)


WORDS = st.lists(st.text(alphabet="abc", max_size=7), min_size=1, max_size=6)


@settings(derandomize=True, deadline=None)
@given(truth=WORDS, guess=WORDS)
def test_definition(truth, guess):
    size = min(len(truth), len(guess))
    truth, guess = ["ab", *truth[:size]], ["ba", *guess[:size]]
    edits = sum(map(distance, truth, guess))
    assert label_error_rate(truth, guess) == edits / sum(map(len, truth))


def test_kinds_of_sequences():
    expected = label_error_rate(["123", "42"], ["13", "421"])
    assert expected == 2 / 5
    for kind in (list, tuple, np.array):
        as_kind = [[kind([int(c) for c in word]) for word in words]
                   for words in (["123", "42"], ["13", "421"])]  # fmt: skip
        assert label_error_rate(*as_kind) == expected
    assert label_error_rate(np.array([[1, 2], [3, 4]]), [[1], [3, 4]]) == 1 / 4
    assert label_error_rate(["ab"], [["a", "b"]]) == 0
    assert label_error_rate([["the", "cat"]], [["the", "cut"]]) == 1 / 2  # words
    assert label_error_rate([[1, 2]], [["1", "2"]]) == 1  # numbers are no text


def test_weights_are_repetitions():
    truth, guess = ["abc", "d", "ef"], ["abd", "de", "xy"]
    weighted = label_error_rate(truth, guess, sample_weight=[2, 0, 1])
    assert weighted == label_error_rate([*truth[:1] * 2, "ef"], [*guess[:1] * 2, "xy"]) == 4 / 8
    assert label_error_rate(truth, guess, sample_weight=np.full(3, 7.0)) == label_error_rate(
        truth, guess
    )


def test_without_labels():
    assert label_error_rate(["", ""], ["", ""]) == 0
    assert label_error_rate(["", ""], ["", "a"]) == np.inf
    assert label_error_rate(["", "a"], ["b", "a"]) == 1


@pytest.mark.parametrize(("args", "options", "message"), [
    ((["a"], ["a", "b"]), {}, "inconsistent numbers of samples"),
    (([], []), {}, "minimum of 1"),
    (([1], ["a"]), {}, "y_true must be a list of sequences of labels. Got 1 at place 0"),
    ((["a"], [None]), {}, "y_pred must be a list of sequences of labels. Got None at place 0"),
    ((["a"], ["a"]), {"sample_weight": [0.0]}, "at least one non-zero"),
    ((["a"], ["a"]), {"sample_weight": [-1.0]}, "sample_weight"),
    ((["a"], ["a"]), {"sample_weight": [np.nan]}, "sample_weight contains NaN"),
    ((["a"], ["a"]), {"sample_weight": [1.0, 2.0]}, "sample_weight"),
])  # fmt: skip
def test_bad_input(args, options, message):
    with pytest.raises(ValueError, match=message):
        label_error_rate(*args, **options)


def test_scorer_has_a_name():
    scorer = sl.get_scorer("neg_label_error_rate")
    assert "label_error_rate" in repr(scorer)
    with pytest.raises(ValueError, match="'neg_label_error_rate'"):
        sl.get_scorer("label_error")
