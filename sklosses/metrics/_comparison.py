"""Rankings of several models side by side, with tests of their differences."""

from __future__ import annotations

import numpy as np
from scipy.special import stdtr
from sklearn.utils import check_random_state

from .._arrays.groups import Groups
from ._queries import Queries, require_option
from ._ranking import parse
from ._ranking_kernels import EMPTY

TESTS = ("student", "fisher")
LEVELS = (0.05, 0.01, 0.001)  # one star for each
BLOCK = 2**22  # random signs at a time


def compare_rankings(
    y_true,
    scores,
    *,
    qid,
    metrics=("ndcg@10", "map", "mrr"),
    baseline=None,
    test="student",
    n_resamples=9999,
    random_state=None,
):
    """Return a table of models and metrics, each model tested against the baseline.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Grade of each document; not negative, relevant if at least 1.
    scores : dict
        Name of each model → its scores, array-like of shape (n_samples,).
    qid : array-like of shape (n_samples,)
        Query of each document, in any order and of any hashable type.
    metrics : sequence of str, default=("ndcg@10", "map", "mrr")
        Short names: "ndcg", "map", "mrr", "err", "precision", "recall", "hit_rate",
        "pairwise_accuracy", each with "@k" for the first k places.
    baseline : hashable, default=None
        Name of the model the others are compared with; None: the first.
    test : {"student", "fisher"}, default="student"
        The two-sided test of the paired differences over queries: Student's t or Fisher's
        randomisation of their signs, which assumes no distribution.
    n_resamples : int, default=9999
        Draws of signs of the randomisation test.
    random_state : int, RandomState or None, default=None
        Seed of those.

    Returns
    -------
    DataFrame
        One row a model; for each metric the columns "score", the mean over queries, "p_value" and
        "mark": ``▲`` where significantly better than the baseline, ``▼`` where worse, followed by
        ``*``, ``**`` or ``***`` for p < 0.05, 0.01 or 0.001. Queries without a relevant document
        are left out.

    Raises
    ------
    ValueError
        As the metrics do; if names of metrics or of the baseline are unknown; if there is no model.

    Notes
    -----
    The p-values are of one comparison each: of many, some are small by chance.

    References
    ----------
    Smucker, M. D., Allan, J. and Carterette, B. (2007). A comparison of statistical significance
    tests for information retrieval evaluation. doi:10.1145/1321440.1321528

    Examples
    --------
    >>> table = compare_rankings(
    ...     [1, 0, 1, 0], {"old": [2, 1, 1, 2], "new": [2, 1, 2, 1]}, qid=[1, 1, 2, 2],
    ...     metrics=["mrr", "precision@1"],
    ... )  # fmt: skip
    >>> table.xs("score", axis=1, level=1)
    metric   mrr  precision@1
    old     0.75          0.5
    new     1.00          1.0
    """
    import pandas as pd

    require_option("test", "compare_rankings", test, TESTS)
    if not scores:
        raise ValueError("scores must hold the scores of at least one model.")
    baseline = next(iter(scores)) if baseline is None else baseline
    if baseline not in scores:
        raise ValueError(f"baseline must be one of {list(scores)}. Got {baseline!r} instead.")
    random_state = check_random_state(random_state)
    groups = Groups.of(qid, len(y_true))
    columns = {}
    for name in metrics:
        values = {model: _values(name, y_true, s, groups) for model, s in scores.items()}
        differences = {model: v - values[baseline] for model, v in values.items()}
        p_values = [
            np.nan if model == baseline else _p_value(d, test, n_resamples, random_state)
            for model, d in differences.items()
        ]
        columns[name, "score"] = [v.mean() for v in values.values()]
        columns[name, "p_value"] = p_values
        columns[name, "mark"] = [
            _mark(d.mean(), p) for d, p in zip(differences.values(), p_values, strict=True)
        ]
    return pd.DataFrame(
        columns,
        index=pd.Index(scores, tupleize_cols=False),
        columns=pd.MultiIndex.from_tuples(columns, names=["metric", None]),
    )


def _values(name, y_true, y_score, groups):
    """Return the metric of each query that has one; which ones depends on `y_true` alone."""
    function, of, k = parse(name)
    values = of(Queries(y_true, y_score, groups, k, function.__name__))
    values = values[values != EMPTY]
    if not values.size:
        raise ValueError(f"{name} is not defined for any query.")
    return values


def _p_value(differences, test, n_resamples, random_state):
    """Return the two-sided p-value of "the differences are symmetric about 0"."""
    n, observed = differences.size, abs(differences.mean())
    if observed == 0.0:
        return 1.0
    if test == "student":
        if n < 2:
            return np.nan
        error = differences.std(ddof=1) / np.sqrt(n)
        return float(2.0 * stdtr(n - 1, -observed / error)) if error > 0.0 else 0.0
    differences = differences[differences != 0.0]  # whose sign changes nothing
    block = max(1, BLOCK // differences.size)
    extreme = 1  # the observed signs are one draw
    for start in range(0, n_resamples, block):
        shape = (min(block, n_resamples - start), differences.size)
        signs = random_state.randint(0, 2, shape, dtype=np.int8)
        sums = np.abs(differences.sum() - 2.0 * (signs @ differences))
        extreme += np.count_nonzero(sums >= observed * n * (1.0 - 1e-12))
    return extreme / (n_resamples + 1)


def _mark(difference, p_value):
    stars = sum(p_value < level for level in LEVELS)
    return ("▲" if difference > 0.0 else "▼") + "*" * stars if stars else ""
