"""Scores of rankings, averaged over queries: large is good."""

from __future__ import annotations

from ._queries import (
    Queries,
    average_precision_of,
    expected_reciprocal_rank_of,
    hit_rate_of,
    ndcg_of,
    pairwise_accuracy_of,
    precision_of,
    recall_of,
    reciprocal_rank_of,
    require_option,
)

GAINS = ("exp", "linear")
TIES = ("average", "order")

PARAMETERS = """y_true : array-like of shape (n_samples,)
        Grade of each document, {grades}.
    y_score : array-like of shape (n_samples,)
        Predicted scores: the document of the largest comes first, {ties}.
    qid : array-like of shape (n_samples,), default=None
        Query of each document, in any order and of any hashable type. None: all are of one query.
    k : int, default=None
        {cutoff}; None: all.
    empty_query : {{"skip", "zero", "one", "raise"}}, default="skip"
        What to do with a query that has {nothing}: leave it out of the mean, count it as 0 or as 1,
        or raise.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each document's query, the same throughout a query: weight 2 is the query
        repeated, weight 0 the query removed."""

RAISES = """ValueError
        If the input is not finite or not of one length, if weights differ within a query, or if no
        query is left to average over."""

BINARY = "relevant if at least 1"
GRADED = "not negative; 0 is irrelevant"
ROW_ORDER = "ties in the order of the rows"
PLACES = "How many places to look at"
NO_RELEVANT = "no relevant document"


def _documented(*, grades=BINARY, ties=ROW_ORDER, cutoff=PLACES, nothing=NO_RELEVANT):
    """Fill in the part of a docstring that the metrics share."""
    shared = PARAMETERS.format(grades=grades, ties=ties, cutoff=cutoff, nothing=nothing)

    def decorate(function):
        doc = function.__doc__ or ""  # none with `python -OO`
        function.__doc__ = doc.replace("<parameters>", shared).replace("<raises>", RAISES)
        return function

    return decorate


# ------------------------------------------------------------------ graded relevance


@_documented(grades=GRADED, ties="ties as `ties` says", nothing="no document with a gain")
def ndcg_score(
    y_true,
    y_score,
    *,
    qid=None,
    k=None,
    empty_query="skip",
    sample_weight=None,
    gain="exp",
    ties="average",
):
    """Return the normalised discounted cumulative gain (NDCG).

    Parameters
    ----------
    <parameters>
    gain : {"exp", "linear"}, default="exp"
        What a document of grade y is worth: ``2**y − 1`` or ``y``.
    ties : {"average", "order"}, default="average"
        Documents of equal score share their places equally, which is the mean over all orders of
        them, or stand in the order of the rows.

    Returns
    -------
    float
        The weighted mean over queries of DCG / (largest possible DCG), with
        DCG = Σ gain(y at place r) / log2(1 + r) over places r = 1 … k; in [0, 1].

    Raises
    ------
    <raises>

    Notes
    -----
    ``gain="linear"`` with ``ties="average"`` is `sklearn.metrics.ndcg_score`, one query a row;
    ``gain="exp"`` is what LightGBM and XGBoost report, and ``ndcg_burges`` of ranx.

    References
    ----------
    Järvelin, K. and Kekäläinen, J. (2002). Cumulated gain-based evaluation of IR techniques.
    doi:10.1145/582415.582418

    Burges, C. et al. (2005). Learning to rank using gradient descent. doi:10.1145/1102351.1102363

    McSherry, F. and Najork, M. (2008). Computing information retrieval performance measures
    efficiently in the presence of tied scores. doi:10.1007/978-3-540-78646-7_38

    Examples
    --------
    >>> ndcg_score([0, 1, 0, 1], [0.1, 0.9, 0.8, 0.2], qid=["a", "a", "b", "b"], k=1)
    0.5
    """
    require_option("gain", "ndcg_score", gain, GAINS)
    require_option("ties", "ndcg_score", ties, TIES)
    queries = Queries(y_true, y_score, qid, k, "ndcg_score")
    values = ndcg_of(queries, gain=gain, ties=ties)
    return queries.mean(values, empty_query, sample_weight)


@_documented(grades=GRADED, nothing="no document with a grade above 0")
def expected_reciprocal_rank(
    y_true,
    y_score,
    *,
    qid=None,
    k=None,
    empty_query="skip",
    sample_weight=None,
    max_grade=None,
):
    """Return the expected reciprocal rank (ERR): that of the document at which a user stops.

    Parameters
    ----------
    <parameters>
    max_grade : float, default=None
        The highest grade there can be; None: the highest in `y_true`, of all queries.

    Returns
    -------
    float
        The weighted mean over queries of Σ 1/r · R_r · Π_{i<r} (1 − R_i) over places r = 1 … k,
        where ``R = (2**y − 1) / 2**max_grade`` is the chance that a document satisfies; in [0, 1).

    Raises
    ------
    <raises> Also if a grade is above `max_grade`.

    Notes
    -----
    Not normalised: a perfect ranking scores less than 1. Give `max_grade` if subsets are to be
    compared, such as folds, whose highest grades may differ.

    References
    ----------
    Chapelle, O., Metlzer, D., Zhang, Y. and Grinspan, P. (2009). Expected reciprocal rank for
    graded relevance. doi:10.1145/1645953.1646033

    Examples
    --------
    >>> expected_reciprocal_rank([1, 1], [0.9, 0.5])  # ½ + ½ · ½ · ½
    0.625
    """
    queries = Queries(y_true, y_score, qid, k, "expected_reciprocal_rank")
    weights = queries.groups.weights(sample_weight)
    values = expected_reciprocal_rank_of(queries, max_grade=max_grade, weights=weights)
    return queries.mean(values, empty_query, sample_weight)


# ------------------------------------------------------------------ binary relevance


@_documented()
def average_precision_score(
    y_true, y_score, *, qid=None, k=None, empty_query="skip", sample_weight=None
):
    """Return the mean average precision (MAP).

    Parameters
    ----------
    <parameters>

    Returns
    -------
    float
        The weighted mean over queries of Σ precision@r over the places r = 1 … k of relevant
        documents, divided by the number of all relevant documents; in [0, 1].

    Raises
    ------
    <raises>

    Notes
    -----
    For one query without ties that is `sklearn.metrics.average_precision_score`; with ties, that
    one counts the tied documents as one place. With `k` it is ``map_cut`` of trec_eval.

    References
    ----------
    Manning, C. D., Raghavan, P. and Schütze, H. (2008). Introduction to Information Retrieval,
    section 8.4. doi:10.1017/CBO9780511809071

    Examples
    --------
    >>> average_precision_score([1, 0, 0, 1], [0.9, 0.8, 0.7, 0.6])  # (1 + 2/4) / 2
    0.75
    """
    queries = Queries(y_true, y_score, qid, k, "average_precision_score")
    return queries.mean(average_precision_of(queries), empty_query, sample_weight)


@_documented()
def reciprocal_rank_score(
    y_true, y_score, *, qid=None, k=None, empty_query="skip", sample_weight=None
):
    """Return the mean reciprocal rank (MRR): 1 over the place of the first relevant document.

    Parameters
    ----------
    <parameters>

    Returns
    -------
    float
        The weighted mean over queries of 1/r, where r is the first place of a relevant document, or
        of 0 if r > k; in [0, 1].

    Raises
    ------
    <raises>

    References
    ----------
    Voorhees, E. M. (1999). The TREC-8 question answering track report.
    https://trec.nist.gov/pubs/trec8/papers/qa_report.pdf

    Examples
    --------
    >>> reciprocal_rank_score([0, 1, 1], [0.9, 0.8, 0.7])
    0.5
    """
    queries = Queries(y_true, y_score, qid, k, "reciprocal_rank_score")
    return queries.mean(reciprocal_rank_of(queries), empty_query, sample_weight)


@_documented()
def precision_at_k(y_true, y_score, *, qid=None, k=None, empty_query="skip", sample_weight=None):
    """Return the share of relevant documents in the first k places.

    Parameters
    ----------
    <parameters>

    Returns
    -------
    float
        The weighted mean over queries of (relevant documents in places 1 … k) / k; in [0, 1].

    Raises
    ------
    <raises>

    Notes
    -----
    A query of fewer than k documents is divided by k all the same, as in trec_eval: the places
    left empty are no success. Without `k` it is divided by the number of its documents.

    References
    ----------
    Manning, C. D., Raghavan, P. and Schütze, H. (2008). Introduction to Information Retrieval,
    section 8.4. doi:10.1017/CBO9780511809071

    Examples
    --------
    >>> precision_at_k([1, 0, 1], [0.9, 0.8, 0.7], k=2)
    0.5
    """
    queries = Queries(y_true, y_score, qid, k, "precision_at_k")
    return queries.mean(precision_of(queries), empty_query, sample_weight)


@_documented()
def recall_at_k(y_true, y_score, *, qid=None, k=None, empty_query="skip", sample_weight=None):
    """Return the share of all relevant documents that is in the first k places.

    Parameters
    ----------
    <parameters>

    Returns
    -------
    float
        The weighted mean over queries of (relevant documents in places 1 … k) / (all relevant
        documents); in [0, 1], and 1 without `k`.

    Raises
    ------
    <raises>

    References
    ----------
    Manning, C. D., Raghavan, P. and Schütze, H. (2008). Introduction to Information Retrieval,
    section 8.4. doi:10.1017/CBO9780511809071

    Examples
    --------
    >>> recall_at_k([1, 0, 1, 1, 1], [0.9, 0.8, 0.7, 0.6, 0.5], k=2)
    0.25
    """
    queries = Queries(y_true, y_score, qid, k, "recall_at_k")
    return queries.mean(recall_of(queries), empty_query, sample_weight)


@_documented()
def hit_rate_at_k(y_true, y_score, *, qid=None, k=None, empty_query="skip", sample_weight=None):
    """Return the share of queries with a relevant document in the first k places.

    Parameters
    ----------
    <parameters>

    Returns
    -------
    float
        The weighted mean over queries of 1 (some relevant document in places 1 … k) or 0 (none);
        in [0, 1]. Called success@k elsewhere.

    Raises
    ------
    <raises>

    References
    ----------
    Deshpande, M. and Karypis, G. (2004). Item-based top-N recommendation algorithms.
    doi:10.1145/963770.963776

    Examples
    --------
    >>> hit_rate_at_k([1, 0, 0, 1], [0.9, 0.8, 0.7, 0.6], qid=[1, 1, 2, 2], k=1)
    0.5
    """
    queries = Queries(y_true, y_score, qid, k, "hit_rate_at_k")
    return queries.mean(hit_rate_of(queries), empty_query, sample_weight)


# ------------------------------------------------------------------ pairs


@_documented(
    grades="any numbers",
    cutoff="Count the pairs with a document in the first `k` places",
    nothing="no such pair",
)
def pairwise_accuracy(y_true, y_score, *, qid=None, k=None, empty_query="skip", sample_weight=None):
    """Return the share of pairs of documents that are in the right order.

    Parameters
    ----------
    <parameters>

    Returns
    -------
    float
        The weighted mean over queries of the share of pairs with y_i > y_j that have s_i > s_j;
        pairs of equal score count ½. In [0, 1]; about ½ for scores that tell nothing.

    Raises
    ------
    <raises>

    Notes
    -----
    For grades 0 and 1 it is the area under the ROC curve of each query; for any, with distinct
    scores and grades, (1 + Kendall's τ) / 2. It is counted while sorting, in O(n log n).

    References
    ----------
    Knight, W. R. (1966). A computer method for calculating Kendall's tau with ungrouped data.
    doi:10.1080/01621459.1966.10480879

    Cohen, W. W., Schapire, R. E. and Singer, Y. (1999). Learning to order things.
    doi:10.1613/jair.587

    Examples
    --------
    >>> pairwise_accuracy([2, 1, 0], [0.9, 0.3, 0.3])  # two right, one tied
    0.8333333333333334
    """
    queries = Queries(y_true, y_score, qid, k, "pairwise_accuracy")
    return queries.mean(pairwise_accuracy_of(queries), empty_query, sample_weight)


# by the short names of the field: the metric, and its numbers a query
METRICS = {
    "ndcg": (ndcg_score, ndcg_of),
    "map": (average_precision_score, average_precision_of),
    "mrr": (reciprocal_rank_score, reciprocal_rank_of),
    "err": (expected_reciprocal_rank, expected_reciprocal_rank_of),
    "precision": (precision_at_k, precision_of),
    "recall": (recall_at_k, recall_of),
    "hit_rate": (hit_rate_at_k, hit_rate_of),
    "pairwise_accuracy": (pairwise_accuracy, pairwise_accuracy_of),
}


def parse(name):
    """Return the two functions and the k of a metric's name, such as "ndcg@10"."""
    short, at, k = name.partition("@") if isinstance(name, str) else (name, "", "")
    if short not in METRICS or (at and not k.isdecimal()):
        raise ValueError(
            f"A ranking metric is called by one of {list(METRICS)}, with '@k' for the first k "
            f"places, such as 'ndcg@10'. Got {name!r} instead."
        )
    return *METRICS[short], int(k) if at else None
