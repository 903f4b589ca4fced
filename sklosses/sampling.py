"""Implicit feedback: what users did not choose, to rank what they chose above."""

from __future__ import annotations

from numbers import Integral

import numpy as np
from sklearn.utils import check_consistent_length, check_random_state, column_or_1d
from sklearn.utils._param_validation import Interval, validate_params


@validate_params(
    {
        "n_negatives": [Interval(Integral, 1, None, closed="left")],
        "n_items": [Interval(Integral, 1, None, closed="left"), None],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def sample_negatives(user, item, *, n_negatives=4, n_items=None, random_state=None):
    """Add items that a user has not chosen to those chosen, as `BPR` and its kin need them.

    Parameters
    ----------
    user : array-like of shape (n_pairs,)
        Who chose something: ids of any type.
    item : array-like of shape (n_pairs,)
        What each chose: ids of any type. A pair may occur more than once.
    n_negatives : int, default=4
        Items not chosen for each pair, drawn uniformly, with replacement, from those that the user
        chose in no pair.
    n_items : int, default=None
        The items are 0, …, n_items − 1. None: they are those that occur in `item`.
    random_state : int, RandomState or None, default=None
        Seed of the draw.

    Returns
    -------
    user, item : ndarray of shape (n_pairs * (1 + n_negatives),)
        Each pair, in the order given, followed by those drawn for it. `user` is the `qid`.
    click : ndarray of int, of the same shape
        1 of the pairs that were given, 0 of those drawn: the target.

    Raises
    ------
    ValueError
        If ids are missing or out of range, or if a user has chosen all items.

    See Also
    --------
    BPR : The loss made for these data.

    References
    ----------
    Rendle, S., Freudenthaler, C., Gantner, Z. and Schmidt-Thieme, L. (2009). BPR: Bayesian
    personalized ranking from implicit feedback. doi:10.48550/arXiv.1205.2618

    Examples
    --------
    >>> user, item, click = sample_negatives(
    ...     ["Ann", "Bob"], ["tea", "jam"], n_negatives=2, random_state=0
    ... )
    >>> list(zip(user.tolist(), item.tolist(), click.tolist()))[:3]
    [('Ann', 'tea', 1), ('Ann', 'jam', 0), ('Ann', 'jam', 0)]
    """
    user, item = column_or_1d(user), column_or_1d(item)
    check_consistent_length(user, item)
    if not user.size:
        raise ValueError("Found array with 0 sample(s) while a minimum of 1 is required.")
    users, names = _codes(user, "user")
    items, catalogue = _codes(item, "item") if n_items is None else _numbers(item, n_items)
    n_items = catalogue.size
    # keys in ascending order: by user, then by item
    chosen = np.unique(users * n_items + items)
    owner = chosen // n_items
    starts = np.searchsorted(owner, np.arange(names.size + 1))
    counts = np.diff(starts)
    if (counts == n_items).any():
        raise ValueError(
            f"user {names[(counts == n_items).argmax()]!r} has chosen all {n_items} items, which "
            "leaves none to draw: remove such users, or give n_items if there are more."
        )
    # the r-th of the items that a user has not chosen: r, and one more for each chosen one before
    # which at most r are not; all are found in one sorted array
    rows = np.repeat(users, n_negatives)
    random = check_random_state(random_state)
    r = random.randint(0, (n_items - counts)[rows], dtype=np.int64)
    before = chosen - (np.arange(chosen.size) - starts[owner])
    drawn = r + np.searchsorted(before, rows * n_items + r, side="right") - starts[rows]
    shape = (user.size, 1 + n_negatives)
    every = np.empty(shape, item.dtype)
    every[:, 0], every[:, 1:] = item, catalogue[drawn].reshape(user.size, n_negatives)
    click = np.zeros(shape, np.int64)
    click[:, 0] = 1
    return np.repeat(user, 1 + n_negatives), every.ravel(), click.ravel()


def _codes(ids, name):
    """Return the number of each id, and the ids by number."""
    import pandas as pd

    codes, names = pd.factorize(ids)
    if (codes < 0).any():
        raise ValueError(f"Input {name} contains NaN.")
    return codes, np.asarray(names)


def _numbers(item, n_items):
    """Return items that are numbers already."""
    if item.dtype.kind not in "iu":
        raise ValueError(f"item must be integers if n_items is given. Got {item.dtype} instead.")
    if item.min() < 0 or item.max() >= n_items:
        raise ValueError(
            f"item must be in the range [0, {n_items}), as n_items={n_items} says. "
            f"Found {item.min()} and {item.max()}."
        )
    return item.astype(np.int64), np.arange(n_items, dtype=item.dtype)
