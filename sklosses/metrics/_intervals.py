"""Scores of predicted intervals, quantiles and distributions: small is good, but for coverage."""

from __future__ import annotations

from math import pi, sqrt

import numpy as np
from scipy.special import erf
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.validation import _check_sample_weight

ROUNDING = 1e-6  # 1 − 0.9 is not 0.1, the less so in float32


def interval_score(y_true, lower, upper, *, alpha, sample_weight=None):
    """Return the interval (Winkler) score: width, plus a charge for each target left outside.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Targets.
    lower : array-like of shape (n_samples,)
        Predicted quantiles of level ``alpha / 2``.
    upper : array-like of shape (n_samples,)
        Predicted quantiles of level ``1 − alpha / 2``.
    alpha : float
        The share of targets that is meant to lie outside, in (0, 1): 0.1 for a 90 % interval.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each row.

    Returns
    -------
    float
        The weighted mean of ``(u − l) + 2/α · max(l − y, 0) + 2/α · max(y − u, 0)``, in units of
        the target; ≥ 0.

    Notes
    -----
    Equals 2/α times the sum of the pinball losses of both ends, also where they cross; that is
    why crossing raises no error.

    References
    ----------
    Gneiting, T. and Raftery, A. E. (2007). Strictly proper scoring rules, prediction, and
    estimation, eq. 43. doi:10.1198/016214506000001437

    Examples
    --------
    >>> interval_score([1.0, 4.0], [0.0, 0.0], [2.0, 3.0], alpha=0.5)
    4.5
    """
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha must be a float in the range (0, 1). Got {alpha!r} instead.")
    y, low, high = _columns(y_true=y_true, lower=lower, upper=upper)
    outside = np.maximum(low - y, 0.0) + np.maximum(y - high, 0.0)
    return _mean(high - low + 2.0 / alpha * outside, sample_weight)


def weighted_interval_score(y_true, quantiles, *, levels, sample_weight=None):
    """Return the weighted interval score (WIS): several central intervals judged at once.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Targets.
    quantiles : array-like of shape (n_samples, n_levels)
        Predicted quantiles.
    levels : array-like of shape (n_levels,)
        Their levels in (0, 1), in any order, all different; with each `level` also ``1 − level``.
        The median, 0.5, may be among them or not.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each row.

    Returns
    -------
    float
        The weighted mean of ``(½|y − m| + Σₖ αₖ/2 · ISₖ) / (K + ½)``: `m` the median, `ISₖ` the
        interval score of the k-th of `K` intervals; in units of the target, ≥ 0. Without the
        median, ``Σₖ αₖ/2 · ISₖ / K``.

    Notes
    -----
    Either way it is twice the mean pinball loss of all quantiles, and approaches the CRPS with
    many evenly spaced ones. The paper always has the median; without it, this is what ``wis`` of
    the R package scoringutils returns. For levels that are not symmetric there is the loss
    `MultiQuantile`.

    References
    ----------
    Bracher, J., Ray, E. L., Gneiting, T. and Reich, N. G. (2021). Evaluating epidemic forecasts in
    an interval format. doi:10.1371/journal.pcbi.1008618

    Examples
    --------
    >>> weighted_interval_score([1.0], [[0.0, 1.5, 2.0]], levels=[0.25, 0.5, 0.75])
    0.5
    """
    y, q, levels = _quantiles(y_true, quantiles, levels)
    rising = np.sort(levels)
    paired = np.allclose(rising + rising[::-1], 1.0, rtol=0.0, atol=ROUNDING)
    if not paired or np.any(np.diff(rising) == 0.0):
        raise ValueError(
            f"levels must be different and symmetric about 0.5, with each level also 1 - level. "
            f"Got {levels.tolist()} instead."
        )
    residual = y[:, None] - q
    pinball = np.maximum(levels * residual, (levels - 1.0) * residual)
    return _mean(2.0 * pinball.mean(axis=1), sample_weight)


def coverage_score(y_true, lower, upper, *, sample_weight=None):
    """Return the share of targets inside their predicted interval, ends included.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Targets.
    lower : array-like of shape (n_samples,)
        Lower ends.
    upper : array-like of shape (n_samples,)
        Upper ends; an interval that ends before it begins covers nothing.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each row.

    Returns
    -------
    float
        The weighted share, in [0, 1]. To be compared with the nominal coverage: more is not
        better, for `interval_score` judges coverage and width together.

    References
    ----------
    Gneiting, T., Balabdaoui, F. and Raftery, A. E. (2007). Probabilistic forecasts, calibration
    and sharpness. doi:10.1111/j.1467-9868.2007.00587.x

    Examples
    --------
    >>> coverage_score([1.0, 4.0], [0.0, 0.0], [1.0, 3.0])
    0.5
    """
    y, low, high = _columns(y_true=y_true, lower=lower, upper=upper)
    return _mean((low <= y) & (y <= high), sample_weight)


def crps_gaussian(y_true, mean, std, *, sample_weight=None):
    """Return the continuous ranked probability score (CRPS) of predicted normal distributions.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Targets.
    mean : array-like of shape (n_samples,)
        Predicted means.
    std : array-like of shape (n_samples,)
        Predicted standard deviations; ≥ 0. With 0 the score is the absolute error.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each row.

    Returns
    -------
    float
        The weighted mean of ``σ (ω (2Φ(ω) − 1) + 2φ(ω) − 1/√π)`` with ``ω = (y − μ) / σ``, in
        units of the target; ≥ 0.

    References
    ----------
    Gneiting, T., Raftery, A. E., Westveld, A. H. and Goldman, T. (2005). Calibrated probabilistic
    forecasting using ensemble model output statistics and minimum CRPS estimation, eq. 5.
    doi:10.1175/MWR2904.1

    Examples
    --------
    >>> crps_gaussian([3.0], [1.0], [0.0])
    2.0
    >>> round(crps_gaussian([0.0], [0.0], [1.0]), 4)
    0.2337
    """
    y, mean, std = _columns(y_true=y_true, mean=mean, std=std)
    if (std < 0.0).any():
        raise ValueError(f"std must be non-negative. Got {std[std < 0.0][0]} instead.")
    distance = np.abs(y - mean)
    # σω is the distance: written with it, the formula holds for σ → 0, where ω is infinite
    with np.errstate(over="ignore"):
        omega = np.divide(distance, std, out=np.full_like(std, np.inf), where=std > 0.0)
        density = np.exp(-0.5 * omega**2) / sqrt(2.0 * pi)
    score = distance * erf(omega / sqrt(2.0)) + std * (2.0 * density - 1.0 / sqrt(pi))
    return _mean(score, sample_weight)


def crps_ensemble(y_true, ensemble, *, fair=False, sample_weight=None):
    """Return the continuous ranked probability score (CRPS) of predicted ensembles.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Targets.
    ensemble : array-like of shape (n_samples, n_members)
        Predicted members, in any order.
    fair : bool, default=False
        False: the CRPS of the empirical distribution of the members. True: an unbiased estimate of
        that of the distribution they are a random sample from; it needs two members and may be
        negative.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each row.

    Returns
    -------
    float
        The weighted mean of ``E|X − y| − ½ E|X − X′|``, in units of the target; the second mean is
        over all pairs of members, with `fair` over those of different members.

    Notes
    -----
    Sorting makes it O(m log m) in the number of members, not O(m²).

    References
    ----------
    Gneiting, T. and Raftery, A. E. (2007). Strictly proper scoring rules, prediction, and
    estimation, eq. 21. doi:10.1198/016214506000001437

    Ferro, C. A. T. (2014). Fair scores for ensemble forecasts. doi:10.1002/qj.2270

    Examples
    --------
    >>> crps_ensemble([1.0], [[0.0, 2.0]])
    0.5
    >>> crps_ensemble([1.0], [[0.0, 2.0]], fair=True)
    0.0
    """
    (y,), members = _columns(y_true=y_true), _matrix(ensemble, "ensemble")
    check_consistent_length(y, members)
    m = members.shape[1]
    if fair and m < 2:
        raise ValueError(f"fair=True needs an ensemble of at least 2 members. Got {m} instead.")
    # the gap above the k-th member lies between k (m − k) pairs; no term is negative, so that a
    # large offset does not cancel digits as it does with the usual weights 2k − m − 1
    below = np.arange(1.0, m)
    spread = np.diff(np.sort(members, axis=1)) @ (below * (m - below))
    error = np.abs(members - y[:, None]).mean(axis=1)
    return _mean(error - spread / (m * (m - 1.0) if fair else m * m), sample_weight)


# ------------------------------------------------------------------ input


def _columns(**arrays):
    """Return each array as 1D doubles, all of one length.

    A column (n, 1) is refused: against (n,) it would broadcast to a square.
    """
    columns = []
    for name, array in arrays.items():
        column = check_array(
            array, dtype=np.float64, ensure_2d=False, allow_nd=True, input_name=name
        )
        if column.ndim != 1:
            raise ValueError(
                f"{name} should be a 1d array, got an array of shape {column.shape} instead."
            )
        columns.append(column)
    check_consistent_length(*columns)
    return columns


def _matrix(array, name):
    return check_array(array, dtype=np.float64, input_name=name)


def _quantiles(y_true, quantiles, levels):
    """Return targets, their predicted quantiles and the levels of these, checked."""
    y, levels = _columns(y_true=y_true)[0], _columns(levels=levels)[0]
    q = _matrix(quantiles, "quantiles")
    check_consistent_length(y, q)
    outside = (levels <= 0.0) | (levels >= 1.0)
    if outside.any():
        raise ValueError(
            f"levels must be floats in the range (0, 1). Got {levels[outside][0]} instead."
        )
    if q.shape[1] != levels.size:
        raise ValueError(
            f"quantiles must have a column for each of the {levels.size} levels. "
            f"Got {q.shape[1]} instead."
        )
    return y, q, levels


def _weights(sample_weight, values):
    return _check_sample_weight(sample_weight, values, dtype=np.float64, ensure_non_negative=True)


def _mean(values, sample_weight):
    return float(np.average(values, weights=_weights(sample_weight, values)))
