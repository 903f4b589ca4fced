"""How much of a mask a prediction covers, and how much else: the hard twins of overlap losses."""

from __future__ import annotations

import numpy as np
from sklearn.utils import assert_all_finite, check_consistent_length
from sklearn.utils.validation import check_non_negative

from .._arrays.groups import Groups
from .._arrays.inputs import DOUBLE, as_weights, require_rows, require_weight
from ..losses.overlap import Dice, Jaccard

AVERAGES = ("binary", "macro", "micro", None)
PARAMETERS = """y_true : array-like of shape (n_samples,)
        Labels of any kind: 0 and 1 of a mask, or classes. Masks of another shape are made flat, and
        so are `qid` and `sample_weight` of that shape.
    y_pred : array-like of shape (n_samples,)
        Predicted labels.
    average : {"binary", "macro", "micro"} or None, default="binary"
        "binary": of the greater of two labels, the foreground; "macro": the mean over all labels
        that occur, background included; "micro": of the counts of all labels together; None: one
        number a label, in sorted order.
    smooth : float, default=0.0
        Added as in the loss; ≥ 0.
    qid : array-like of shape (n_samples,), default=None
        The group of each row, such as its image, in any order; the score is then the mean over
        groups. None: all rows are one group.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each row inside the counts; groups count equally, those without weight not."""

RETURNS = """float, or ndarray of shape (n_labels,)
        From 0 to 1, which is perfect. Where a label occurs neither in the target nor in the
        prediction of a group, both agree: the score is 1, as the loss is 0."""


def _documented(function):
    doc = function.__doc__ or ""  # none with `python -OO`
    function.__doc__ = doc.replace("<parameters>", PARAMETERS).replace("<returns>", RETURNS)
    return function


@_documented
def dice_score(y_true, y_pred, *, average="binary", smooth=0.0, qid=None, sample_weight=None):
    """Return the Dice coefficient, (2 TP + s) / (2 TP + FP + FN + s): the F1 score of masks.

    Parameters
    ----------
    <parameters>

    Returns
    -------
    <returns>

    Notes
    -----
    1 − `Dice` of the same predictions, `smooth` and groups; of one group without smoothing
    ``sklearn.metrics.f1_score``, but for labels that do not occur.

    References
    ----------
    Dice, L. R. (1945). Measures of the amount of ecologic association between species.
    doi:10.2307/1932409

    Examples
    --------
    >>> round(dice_score([0, 1, 1, 0], [0, 1, 0, 0]), 6)
    0.666667
    """
    return _score(Dice(smooth), y_true, y_pred, average, qid, sample_weight)


@_documented
def iou_score(y_true, y_pred, *, average="binary", smooth=0.0, qid=None, sample_weight=None):
    """Return the intersection over union, (TP + s) / (TP + FP + FN + s): the Jaccard index.

    Parameters
    ----------
    <parameters>

    Returns
    -------
    <returns>

    Notes
    -----
    1 − `Jaccard` of the same predictions, `smooth` and groups; of one group without smoothing
    ``sklearn.metrics.jaccard_score``, but for labels that do not occur.

    References
    ----------
    Jaccard, P. (1912). The distribution of the flora in the alpine zone.
    doi:10.1111/j.1469-8137.1912.tb05611.x

    Examples
    --------
    >>> iou_score([0, 1, 1, 0], [0, 1, 0, 0])
    0.5
    """
    return _score(Jaccard(smooth), y_true, y_pred, average, qid, sample_weight)


def _score(loss, y_true, y_pred, average, qid, sample_weight):
    loss._validate_params()
    if average not in AVERAGES:
        raise ValueError(
            f"The 'average' parameter must be one of {AVERAGES}. Got {average!r} instead."
        )
    true, predicted = _labels(y_true, "y_true"), _labels(y_pred, "y_pred")
    check_consistent_length(true, predicted)
    if true.shape != predicted.shape:
        raise ValueError(
            f"y_true and y_pred must have the same shape. Got {true.shape} and {predicted.shape}."
        )
    require_rows(true)
    qid, sample_weight = _flat(qid, true), _flat(sample_weight, true)
    true, predicted = true.ravel(), predicted.ravel()
    labels, codes = np.unique(np.concatenate((true, predicted)), return_inverse=True)
    groups = Groups.of(qid, true.size)
    sums, there = overlap_sums(*np.split(codes, 2), labels.size, groups, sample_weight)
    require_weight(there.any())
    if average == "binary":
        sums = sums[:, [_foreground(labels)]]
    elif average == "micro":
        sums = sums.sum(axis=1, keepdims=True)
    return averaged(loss, sums[there], each=average is None)


def averaged(loss, sums, *, each=False):
    """Return one minus the loss of sums of groups and labels, the mean over groups and labels."""
    each_one = np.ascontiguousarray(sums).reshape(-1, 1, 3)
    scores = 1.0 - loss._of_sums(each_one, 0, np.ones(each_one.shape[0]))[0].reshape(sums.shape[:2])
    return scores.mean(axis=0) if each else float(scores.mean())


def overlap_sums(true, predicted, k, groups, sample_weight=None):
    """Return the sums of an overlap loss of hard predictions, and which groups have any weight.

    Parameters
    ----------
    true, predicted : ndarray of shape (n_samples,)
        Labels from 0 to k − 1.
    k : int
    groups : Groups
    sample_weight : array-like of shape (n_samples,), default=None

    Returns
    -------
    tuple of ndarray
        Of shape (n_groups, k, 3): in both, predicted, true; and (n_groups,).
    """
    w = 1.0 if sample_weight is None else sample_weight
    w = as_weights(w, true.shape, DOUBLE)
    assert_all_finite(w, input_name="sample_weight")
    check_non_negative(w, "`sample_weight`")
    w, place = groups.sorted(w), k * groups.codes
    true, predicted = groups.sorted(true), groups.sorted(predicted)

    def counted(labels, w):
        return np.bincount(place + labels, weights=w, minlength=k * groups.n_groups)

    parts = counted(true, w * (true == predicted)), counted(predicted, w), counted(true, w)
    sums = np.stack(parts, axis=-1).reshape(groups.n_groups, k, 3)
    return sums, sums[:, :, 2].sum(axis=1) > 0


def _labels(y, name):
    y = np.asarray(y)
    if y.dtype.kind == "f":
        assert_all_finite(y, input_name=name)
    return y


def _flat(array, like):
    """Return what belongs to each pixel of masks as a flat array; others as they are."""
    return np.ravel(array) if array is not None and np.shape(array) == like.shape else array


def _foreground(labels):
    """Return the place of the foreground: of labels 0 and 1 that of 1, else the greater of two."""
    if labels.size > 2:
        raise ValueError(
            "Target is multiclass but average='binary'. Please choose another average setting, "
            f"one of {AVERAGES[1:]}."
        )
    return labels.size - 1
