"""Grades and scores by query, and what the ranking metrics compute of each query."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np
from sklearn.utils import assert_all_finite, check_consistent_length

from .._arrays.groups import Groups
from .._arrays.inputs import DOUBLE, as_floats, as_kernels_take_it, require_rows, require_weight
from . import _ranking_kernels as kernels
from ._ranking_kernels import EMPTY

EMPTY_QUERY = ("skip", "zero", "one", "raise")


class Queries:
    """Grades and scores in query order, checked."""

    def __init__(self, y_true, y_score, qid, k, name):
        y, score = _column(y_true, "y_true"), _column(y_score, "y_score")
        check_consistent_length(y, score)
        require_rows(y)
        if k is not None and (isinstance(k, bool) or not isinstance(k, Integral) or k < 1):
            raise ValueError(
                f"The 'k' parameter of {name} must be an int in the range [1, inf) or None. "
                f"Got {k!r} instead."
            )
        self.name = name
        self.k = k
        self.groups = groups = Groups.of(qid, y.size)
        #: how many places a query has at most
        self.places = min(int(np.diff(groups.offsets).max()), y.size if k is None else int(k))
        # doubles on all sides: single precision keeps its ties, and kernels compile once
        self.arrays = (
            as_kernels_take_it(groups.sorted(y), DOUBLE),
            as_kernels_take_it(groups.sorted(score), DOUBLE),
            groups.offsets,
            self.places,
        )

    def require_grades(self):
        if self.arrays[0].min() < 0.0:
            raise ValueError(f"{self.name} should not be used on negative y_true values.")

    def mean(self, values, empty_query, sample_weight):
        """Return the weighted mean over queries."""
        require_option("empty_query", self.name, empty_query, EMPTY_QUERY)
        weights = self.groups.weights(sample_weight)
        require_weight(weights.any())
        empty = values == EMPTY
        if empty_query == "raise" and (empty & (weights > 0.0)).any():
            first = self.groups.names[(empty & (weights > 0.0)).argmax()]
            raise ValueError(f"{self.name} is not defined for the query {first!r}: {_WHY}.")
        if empty_query == "skip":
            weights = np.where(empty, 0.0, weights)
            if not weights.any():
                raise ValueError(
                    f"{self.name} is not defined for any query: {_WHY}. With "
                    f"empty_query='zero' such queries count as 0."
                )
        values = np.where(empty, float(empty_query == "one"), values)
        return float(np.average(values, weights=weights))


_WHY = "there is no relevant document, or no pair of different grades"


def _column(array, name):
    column = as_floats(array, name)
    if column.ndim != 1:
        raise ValueError(
            f"{name} should be a 1d array, got an array of shape {column.shape} instead."
        )
    assert_all_finite(column, input_name=name)
    return column


def require_option(parameter, name, value, options):
    if value not in options:
        raise ValueError(
            f"The {parameter!r} parameter of {name} must be a str among {set(options)}. "
            f"Got {value!r} instead."
        )


# ------------------------------------------------------------------ one number a query


def ndcg_of(queries, *, gain="exp", ties="average"):
    queries.require_grades()
    discounts = 1.0 / np.log2(np.arange(2.0, queries.places + 2.0))
    return kernels.ndcg(*queries.arrays, discounts, gain == "exp", ties == "average")


def expected_reciprocal_rank_of(queries, *, max_grade=None, weights=None):
    queries.require_grades()
    y = queries.arrays[0]
    if weights is not None and weights.any():  # weight 0: the query is not there
        y = y[np.repeat(weights, np.diff(queries.groups.offsets)) > 0.0]
    highest = float(y.max())
    if max_grade is None:
        max_grade = highest
    elif isinstance(max_grade, bool) or not isinstance(max_grade, Real):
        raise ValueError(f"max_grade must be a number or None. Got {max_grade!r} instead.")
    if not highest <= max_grade:
        raise ValueError(
            f"max_grade={max_grade} must not be less than the highest of y_true, {highest}."
        )
    return kernels.expected_reciprocal_rank(*queries.arrays, float(max_grade))


def average_precision_of(queries):
    return kernels.average_precision(*queries.arrays)


def reciprocal_rank_of(queries):
    return kernels.reciprocal_rank(*queries.arrays)


def hit_rate_of(queries):
    return np.sign(kernels.reciprocal_rank(*queries.arrays))  # EMPTY stays −1


def precision_of(queries):
    found, relevant = kernels.hits(*queries.arrays)
    places = np.diff(queries.groups.offsets) if queries.k is None else queries.k
    return np.where(relevant > 0.0, found / places, EMPTY)


def recall_of(queries):
    found, relevant = kernels.hits(*queries.arrays)
    return np.divide(found, relevant, out=np.full_like(found, EMPTY), where=relevant > 0.0)


def pairwise_accuracy_of(queries):
    return kernels.pairwise_accuracy(*queries.arrays)
