"""Items that users did not choose."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from scipy import stats
from sklearn.utils._param_validation import InvalidParameterError

import sklosses as sl


def interactions(n_users=30, n_items=20, n=200, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(n_users, size=n), rng.integers(n_items, size=n)


@pytest.mark.parametrize("n_negatives", [1, 4, 50])
def test_what_is_drawn_was_not_chosen(n_negatives):
    user, item = interactions()
    users, items, click = sl.sample_negatives(
        user, item, n_negatives=n_negatives, n_items=20, random_state=0
    )
    assert users.shape == items.shape == click.shape == (200 * (1 + n_negatives),)
    assert users.dtype == user.dtype
    assert items.dtype == item.dtype
    table = items.reshape(200, -1)
    assert_array_equal(users.reshape(200, -1), np.tile(user[:, None], 1 + n_negatives))
    assert_array_equal(click.reshape(200, -1)[:, 0], 1)
    assert click.sum() == 200
    assert_array_equal(table[:, 0], item)
    chosen = set(zip(user.tolist(), item.tolist(), strict=True))
    drawn = set(zip(users[click == 0].tolist(), items[click == 0].tolist(), strict=True))
    assert not chosen & drawn
    assert table.min() >= 0
    assert table.max() < 20


def test_draws_are_uniform():
    user, item = np.array([1, 1, 1, 0, 0]), np.array([0, 4, 5, 9, 9])
    users, items, click = sl.sample_negatives(
        user, item, n_negatives=4000, n_items=10, random_state=0
    )
    for who, free in ((1, [1, 2, 3, 6, 7, 8, 9]), (0, list(range(9)))):
        counts = np.bincount(items[(users == who) & (click == 0)], minlength=10)
        assert set(np.flatnonzero(counts)) == set(free)
        assert stats.chisquare(counts[free]).pvalue > 0.01


def test_ids_of_any_type():
    user, item = interactions()
    names = np.array([f"u{u}" for u in user]), np.array([f"item {i}" for i in item])
    plain = sl.sample_negatives(user, item, random_state=0)
    named = sl.sample_negatives(*map(pd.Series, names), random_state=0)
    assert_array_equal(named[0], [f"u{u}" for u in plain[0]])
    assert_array_equal(named[1], [f"item {i}" for i in plain[1]])
    assert_array_equal(named[2], plain[2])
    # without n_items the items are those seen
    sparse_ids = sl.sample_negatives(user, 1000 * item, random_state=0)[1]
    assert_array_equal(sparse_ids, 1000 * plain[1])


def test_random_states():
    user, item = interactions()
    first, again, other = (sl.sample_negatives(user, item, random_state=s)[1] for s in (0, 0, 1))
    assert_array_equal(first, again)
    assert (first != other).any()


def test_a_user_with_one_item_left():
    user, item = np.zeros(9, int), np.delete(np.arange(10), 3)
    _, items, click = sl.sample_negatives(user, item, n_items=10, random_state=0)
    assert_array_equal(items[click == 0], 3)


BAD = [
    ({"n_negatives": 0}, r"The 'n_negatives' parameter of sample_negatives must be an int in"),
    ({"n_negatives": 1.5}, "n_negatives"),
    ({"n_items": 0}, "n_items"),
    ({"random_state": "x"}, "random_state"),
    ({"item": [0, 1]}, "inconsistent numbers of samples"),
    ({"user": [], "item": []}, "0 sample"),
    ({"user": [[0, 1], [1, 2]]}, "should be a 1d array"),
    ({"user": [0, 0, None]}, "Input user contains NaN"),
    ({"item": [0, np.nan, 1]}, "Input item contains NaN"),
    ({"item": ["a", "b", "c"], "n_items": 5}, "item must be integers if n_items is given"),
    ({"item": [0, 1, 7], "n_items": 5}, r"item must be in the range \[0, 5\)"),
    ({"item": [-1, 1, 2], "n_items": 5}, r"item must be in the range \[0, 5\)"),
    ({"user": ["a", "a", "a"]}, "user .*'a'.* has chosen all 3 items"),
]


@pytest.mark.parametrize(("change", "message"), BAD, ids=str)
def test_bad_input(change, message):
    given = {"user": [0, 0, 1], "item": [0, 1, 2], **change}
    with pytest.raises(ValueError, match=message) as caught:
        sl.sample_negatives(**given)
    assert isinstance(caught.value, InvalidParameterError) == message.startswith(
        ("The", "n_", "random")
    )


def test_bpr_learns_what_users_like():
    """Items have features; what users choose is a matter of these."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(50, 4))
    appeal = np.exp(features @ [2.0, -1.0, 0.0, 0.5])
    item = rng.choice(50, p=appeal / appeal.sum(), size=1000)
    user = rng.integers(100, size=1000)
    users, items, click = sl.sample_negatives(user, item, n_items=50, random_state=0)
    model = sl.LossRanker("bpr", random_state=0).fit(features[items], click, qid=users)
    assert np.corrcoef(features @ model.coef_, np.log(appeal))[0, 1] > 0.97
