"""Scores of predicted sequences of labels: small is good."""

from __future__ import annotations

import numpy as np
from sklearn.utils import assert_all_finite, check_consistent_length
from sklearn.utils.validation import check_non_negative

from .._arrays.inputs import DOUBLE, as_weights, require_rows, require_weight
from .._numba import kernel


@kernel
def edit_distances(y, starts, p, p_starts):
    """Return the least number of insertions, deletions and substitutions for each pair."""
    out = np.empty(starts.size - 1)
    row = np.empty(np.max(p_starts[1:] - p_starts[:-1]) + 1, np.int64)
    for i in range(out.size):
        own, other = y[starts[i] : starts[i + 1]], p[p_starts[i] : p_starts[i + 1]]
        n = other.size
        for j in range(n + 1):
            row[j] = j
        for a in range(own.size):
            diagonal, row[0] = row[0], a + 1
            for j in range(n):
                best = min(row[j], row[j + 1]) + 1
                best = min(best, diagonal + (own[a] != other[j]))
                diagonal, row[j + 1] = row[j + 1], best
        out[i] = row[n]
    return out


def label_error_rate(y_true, y_pred, *, sample_weight=None):
    """Return the label error rate: edits that lead from prediction to truth, by labels.

    Of characters it is the character error rate, of words the word error rate.

    Parameters
    ----------
    y_true : list of sequences
        The labels of each sequence: a string (of characters), or a list, tuple or array of labels
        of any kind.
    y_pred : list of sequences
        The predicted labels.
    sample_weight : array-like of shape (n_sequences,), default=None
        Weight of each sequence: 2 is the sequence twice.

    Returns
    -------
    float
        ``sum(w * edits) / sum(w * labels)`` over the set, with insertions, deletions and
        substitutions as edits; 0 is perfect, and 1 is exceeded by predictions that are too long.
        Without a label in `y_true`: 0 if nothing is predicted, else inf.

    References
    ----------
    Levenshtein, V. I. (1966). Binary codes capable of correcting deletions, insertions, and
    reversals. Soviet Physics Doklady 10(8), 707-710.

    Examples
    --------
    >>> label_error_rate(["cat", "dog"], ["cut", "dog"])  # one of six
    0.16666666666666666
    >>> label_error_rate([[1, 2, 3, 4]], [[1, 3, 4]])
    0.25
    """
    y, p = list(y_true), list(y_pred)
    check_consistent_length(y, p)
    w = np.ones(len(y))
    require_rows(w)
    if sample_weight is not None:
        w = as_weights(sample_weight, w.shape, DOUBLE)
        assert_all_finite(w, input_name="sample_weight")
        check_non_negative(w, "`sample_weight`")
    require_weight(w.any())
    codes: dict = {}
    flat, lengths = _coded(y, codes, "y_true")
    p_flat, p_lengths = _coded(p, codes, "y_pred")
    edits = edit_distances(flat, _starts(lengths), p_flat, _starts(p_lengths))
    labels, wrong = float(w @ lengths), float(w @ edits)
    if labels == 0.0:
        return 0.0 if wrong == 0.0 else np.inf
    return wrong / labels


def _coded(sequences, codes, name):
    """Return all labels as numbers, those of `codes` or new ones, and how many a sequence has."""
    flat, lengths = [], []
    for place, one in enumerate(sequences):
        labels = one.tolist() if isinstance(one, np.ndarray) else one
        if not hasattr(labels, "__len__"):
            raise ValueError(
                f"{name} must be a list of sequences of labels. Got {one!r} at place {place}."
            )
        flat += [codes.setdefault(label, len(codes)) for label in labels]
        lengths.append(len(labels))
    return np.array(flat, np.int64), np.array(lengths, np.int64)


def _starts(lengths):
    return np.append(0, np.cumsum(lengths))
