"""Scores of intervals, quantiles and distributions against definitions, integrals and packages."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import integrate, stats

import sklosses as sl
from sklosses.metrics import (
    coverage_score,
    crps_ensemble,
    crps_gaussian,
    interval_score,
    weighted_interval_score,
)

N = 12
LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])


def _data():
    """Return targets that fall on all sides, and on the ends, of what is predicted."""
    rng = np.random.default_rng(0)
    y = rng.normal(size=N)
    centre = y + rng.normal(scale=1.5, size=N)
    quantiles = centre[:, None] + np.sort(rng.normal(size=(N, LEVELS.size)), axis=1)
    quantiles[0] = y[0]
    quantiles[1] = quantiles[1] - quantiles[1, 0] + y[1]
    return y, quantiles


Y, QUANTILES = _data()
LOWER, UPPER = QUANTILES[:, 0], QUANTILES[:, -1]

SCORES = {
    "interval": lambda y, p, **kw: interval_score(y, p[:, 0], p[:, -1], alpha=0.1, **kw),
    "weighted interval": lambda y, p, **kw: weighted_interval_score(y, p, levels=LEVELS, **kw),
    "coverage": lambda y, p, **kw: coverage_score(y, p[:, 0], p[:, -1], **kw),
    "gaussian": lambda y, p, **kw: crps_gaussian(y, p[:, 0], p[:, -1] - p[:, 0], **kw),
    "ensemble": crps_ensemble,
    "fair ensemble": lambda y, p, **kw: crps_ensemble(y, p, fair=True, **kw),
}
every_score = pytest.mark.parametrize("score", SCORES.values(), ids=SCORES)


# ------------------------------------------------------------------ definitions


@pytest.mark.parametrize("alpha", [0.01, 0.1, 0.5, 0.99])
def test_interval_score_is_two_pinball_losses(alpha):
    low, high = sl.Pinball(quantile=alpha / 2), sl.Pinball(quantile=1 - alpha / 2)
    for lower, upper in [(LOWER, UPPER), (UPPER, LOWER)]:  # in order and crossing
        expected = 2 / alpha * (low(Y, lower) + high(Y, upper))
        assert_allclose(interval_score(Y, lower, upper, alpha=alpha), expected, rtol=1e-12)


def test_interval_score_by_hand():
    # inside, on both ends, below by 1, above by 2
    y, lower, upper = [1.0, 0.0, 2.0, -1.0, 4.0], np.zeros(5), np.full(5, 2.0)
    assert_allclose(interval_score(y, lower, upper, alpha=0.1), 2 + (1 + 2) * 20 / 5)


@pytest.mark.parametrize("columns", [[0, 1, 2, 3, 4], [0, 1, 3, 4], [1, 2, 3], [0, 4], [2]])
def test_weighted_interval_score_is_that_of_the_paper_and_twice_the_pinball_loss(columns):
    levels, quantiles = LEVELS[columns], QUANTILES[:, columns]
    score = weighted_interval_score(Y, quantiles, levels=levels)

    terms, parts = 0.0, 0.0
    for level, column in zip(levels, quantiles.T, strict=True):
        if level == 0.5:
            terms, parts = terms + 0.5 * np.abs(Y - column).mean(), parts + 0.5
        elif level < 0.5:
            opposite = quantiles[:, np.isclose(levels, 1 - level)].ravel()
            alpha = 2 * level
            terms += alpha / 2 * interval_score(Y, column, opposite, alpha=alpha)
            parts += 1
    assert_allclose(score, terms / parts, rtol=1e-12)

    pinball = [sl.Pinball(quantile=q)(Y, quantiles[:, j]) for j, q in enumerate(levels)]
    assert_allclose(score, 2 * np.mean(pinball), rtol=1e-12)
    if columns == [0, 1, 2, 3, 4]:
        loss = sl.MultiQuantile(quantiles=tuple(LEVELS))
        assert_allclose(score, 2 * loss(Y, quantiles), rtol=1e-12)


def test_levels_in_any_order_and_precision():
    order = [3, 0, 4, 2, 1]
    expected = weighted_interval_score(Y, QUANTILES, levels=LEVELS)
    shuffled = weighted_interval_score(Y, QUANTILES[:, order], levels=LEVELS[order])
    assert_allclose(shuffled, expected, rtol=1e-14)
    single = weighted_interval_score(Y, QUANTILES, levels=LEVELS.astype(np.float32))
    assert_allclose(single, expected, rtol=1e-6)
    sums = np.cumsum(np.full(9, 0.1))  # 0.1 + 0.2 is not 0.3
    assert weighted_interval_score(Y, np.tile(Y[:, None], 9), levels=sums) == 0


def test_coverage_includes_the_ends():
    assert coverage_score([0.0, 1.0, 2.0, -1.0, 3.0], np.zeros(5), np.full(5, 2.0)) == 0.6
    assert coverage_score([1.0], [2.0], [0.0]) == 0  # crossing: nothing is between
    assert coverage_score([0, 1], [0, 2], [1, 3], sample_weight=[3, 1]) == 0.75


@pytest.mark.parametrize("y", [-6.0, -0.3, 0.7, 2.0, 9.0])
@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (0.7, 0.05), (-2.0, 4.0)])
def test_crps_gaussian_is_the_integral(y, mean, std):
    normal = stats.norm(mean, std)
    ends = [y, mean - 10 * std, mean, mean + 10 * std]  # beyond them the integrand is 0
    expected, _ = integrate.quad(
        lambda x: (normal.cdf(x) - (y <= x)) ** 2, min(ends), max(ends), points=ends
    )
    assert_allclose(crps_gaussian([y], [mean], [std]), expected, rtol=1e-7)


def test_crps_gaussian_without_width_is_the_absolute_error():
    y, mean = np.array([1.0, -2.0, 3.0]), np.array([1.0, 2.0, 2.5])
    for std in (0.0, 1e-300, 5e-324):
        assert crps_gaussian(y, mean, np.full(3, std)) == sl.AbsoluteError()(y, mean)
    # far out it is the distance less σ/√π
    far = crps_gaussian([1e200], [0.0], [1e-200])
    assert far == 1e200


@pytest.mark.parametrize(
    ("m", "fair"), [(1, False), *((m, fair) for m in (2, 3, 10, 101) for fair in (False, True))]
)
def test_crps_ensemble_is_the_double_sum(m, fair):
    ensemble = np.random.default_rng(m).normal(size=(N, m)).round(1)  # with ties
    pairs = np.abs(ensemble[:, :, None] - ensemble[:, None, :]).sum(axis=(1, 2))
    pairs /= m * (m - 1) if fair else m * m
    expected = np.mean(np.abs(ensemble - Y[:, None]).mean(axis=1) - pairs / 2)
    assert_allclose(crps_ensemble(Y, ensemble, fair=fair), expected, rtol=1e-12)


def test_crps_ensemble_is_the_integral():
    members, y = np.array([0.1, 0.5, -0.4, 1.3, 0.2]), 0.3
    steps = np.sort([*members, y])
    cdf = (members <= steps[:-1, None]).mean(axis=1)  # constant between steps
    expected = np.sum((cdf - (y <= steps[:-1])) ** 2 * np.diff(steps))
    assert_allclose(crps_ensemble([y], members[None]), expected, rtol=1e-12)


def test_crps_ensemble_of_one_member_is_the_absolute_error():
    assert_allclose(crps_ensemble(Y, LOWER[:, None]), sl.AbsoluteError()(Y, LOWER), rtol=1e-15)


def test_crps_ensemble_survives_an_offset():
    ensemble = np.array([[0.0, 0.5, 2.0, 0.25]])
    far = 2.0**40  # with it, all numbers here are exact
    expected = crps_ensemble([1.0], ensemble)
    assert crps_ensemble([1.0 + far], ensemble + far) == expected


def test_many_quantiles_tell_the_distribution():
    y, mean, std = Y, LOWER, UPPER - LOWER
    keep = std > 0
    y, mean, std = y[keep], mean[keep], std[keep]
    levels = (np.arange(4000) + 0.5) / 4000
    quantiles = stats.norm.ppf(levels, mean[:, None], std[:, None])
    exact = crps_gaussian(y, mean, std)
    assert_allclose(crps_ensemble(y, quantiles), exact, rtol=1e-4)
    assert_allclose(weighted_interval_score(y, quantiles, levels=levels), exact, rtol=1e-4)


def test_fair_score_of_samples_is_unbiased():
    samples = np.random.default_rng(0).normal(size=(200_000, 3))
    y = np.full(len(samples), 0.4)
    exact = crps_gaussian([0.4], [0.0], [1.0])
    assert_allclose(crps_ensemble(y, samples, fair=True), exact, atol=0.005)
    # the other counts a member as its own neighbour: E|X − X′| / 2m = 1 / (3 √π) too much
    biased = exact + 1 / (3 * np.sqrt(np.pi))
    assert_allclose(crps_ensemble(y, samples), biased, atol=0.005)


# ------------------------------------------------------------------ other packages

# properscoring 0.1 (the CRPS) and scoringrules 0.10.0 (all), which agree; the weighted interval
# score with backend="numba", because backend="numpy" of that version forgets |y − m|
REFERENCE_Y = np.array([0.3, -1.2, 2.5, 0.0])


def _each(score, *arrays, **kwargs):
    """Return the score of each row alone."""
    return [score(*(array[[i]] for array in arrays), **kwargs) for i in range(len(arrays[0]))]


def test_crps_gaussian_of_other_packages():
    mean, std = np.array([0.0, -1.0, 0.5, 0.0]), np.array([1.0, 0.25, 0.8, 3.0])
    expected = [0.2693329, 0.11905622, 1.55185495, 0.70108493]
    assert_allclose(_each(crps_gaussian, REFERENCE_Y, mean, std), expected, rtol=1e-7)


@pytest.mark.parametrize(
    ("fair", "expected"),
    [(False, [0.136, 0.056, 1.336, 0.492]), (True, [0.06, 0.02, 1.23, 0.26])],
)
def test_crps_ensemble_of_other_packages(fair, expected):
    ensemble = np.array(
        [
            [0.1, 0.5, -0.4, 1.3, 0.2],
            [-1.0, -1.5, -0.7, -1.2, -1.2],
            [0.5, 0.4, 1.1, -0.3, 2.0],
            [2.0, -3.0, 1.0, 0.5, -0.6],
        ]
    )
    assert_allclose(_each(crps_ensemble, REFERENCE_Y, ensemble, fair=fair), expected, rtol=1e-12)


def test_interval_scores_of_other_packages():
    quantiles = np.array(
        [
            [-1.5, -0.7, 0.1, 1.1, 1.6],
            [-2.0, -1.2, -1.1, -1.0, -0.5],
            [-1.3, -0.5, 0.7, 1.6, 2.1],
            [0.0, 0.8, 1.0, 1.9, 2.4],
        ]
    )
    lower, upper = quantiles[:, 0] + 0.5, quantiles[:, -1] - 0.4
    one = _each(interval_score, REFERENCE_Y, lower, upper, alpha=0.2)
    assert_allclose(one, [2.2, 0.6, 10.5, 6.5], rtol=1e-12)
    several = _each(weighted_interval_score, REFERENCE_Y, quantiles, levels=LEVELS)
    assert_allclose(several, [0.282, 0.07, 1.158, 0.678], rtol=1e-12)


# ------------------------------------------------------------------ weights and input


@every_score
def test_weights_are_repetitions(score):
    counts = np.arange(N) % 4
    weighted = score(Y, QUANTILES, sample_weight=counts)
    assert type(weighted) is float
    repeated = score(np.repeat(Y, counts), np.repeat(QUANTILES, counts, axis=0))
    assert_allclose(weighted, repeated, rtol=1e-12)
    assert_allclose(score(Y, QUANTILES, sample_weight=3.0), score(Y, QUANTILES), rtol=1e-14)


@every_score
def test_takes_what_scikit_learn_takes(score):
    expected = score(Y, QUANTILES)
    assert score(Y.tolist(), QUANTILES) == expected
    assert score(pd.Series(Y, index=range(5, 5 + N)), QUANTILES) == expected
    y, quantiles = Y.copy(), QUANTILES.copy()
    y.flags.writeable = quantiles.flags.writeable = False
    assert score(y, quantiles) == expected
    assert_allclose(score(Y.astype("f4"), QUANTILES.astype("f4")), expected, rtol=1e-5)


@every_score
@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.zeros(N), "Sample weights must contain at least one non-zero number."),
        (np.full(N, np.nan), "Input sample_weight contains NaN"),
        (np.arange(N) - 1.0, "Negative values in data passed to `sample_weight`"),
        (np.ones(N - 1), r"sample_weight.shape == \(11,\), expected \(12,\)!"),
        (np.ones((N, 1)), "Sample weights must be 1D array or scalar"),
    ],
)
def test_bad_weights_raise(score, weight, message):
    with pytest.raises(ValueError, match=message):
        score(Y, QUANTILES, sample_weight=weight)


@every_score
@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.where(np.arange(N) == 3, np.nan, Y), "Input y_true contains NaN."),
        (np.where(np.arange(N) == 3, np.inf, Y), "Input y_true contains infinity"),
        (Y[:, None], r"y_true should be a 1d array, got an array of shape \(12, 1\) instead."),
        (Y[:-1], "Found input variables with inconsistent numbers of samples"),
        (Y[:0], r"Found array with 0 sample\(s\)"),
    ],
)
def test_bad_targets_raise(score, y, message):
    with pytest.raises(ValueError, match=message):
        score(y, QUANTILES)


@every_score
@pytest.mark.parametrize(("bad", "message"), [(np.nan, "contains NaN"), (-np.inf, "infinity")])
def test_bad_predictions_raise(score, bad, message):
    predictions = QUANTILES.copy()
    predictions[2, 0] = bad
    with pytest.raises(ValueError, match=message):
        score(Y, predictions)


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, 10, np.nan])
def test_alpha_outside_its_range_raises(alpha):
    with pytest.raises(ValueError, match=r"alpha must be a float in the range \(0, 1\)"):
        interval_score(Y, LOWER, UPPER, alpha=alpha)


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ([0.1, 0.5, 0.8], "symmetric about 0.5"),
        ([0.1, 0.2, 0.9], "symmetric about 0.5"),
        ([0.2, 0.2, 0.5], "symmetric about 0.5"),
        ([0.5, 0.5, 0.5], "different"),
        ([0.0, 0.5, 1.0], r"levels must be floats in the range \(0, 1\). Got 0.0"),
        ([0.1, 0.5, 90], r"levels must be floats in the range \(0, 1\). Got 90.0"),
        ([0.1, 0.5, np.nan], "Input levels contains NaN"),
        ([0.1, 0.9], "a column for each of the 2 levels. Got 3"),
        ([[0.1], [0.5], [0.9]], "levels should be a 1d array"),
    ],
)
def test_bad_levels_raise(levels, message):
    with pytest.raises(ValueError, match=message):
        weighted_interval_score(Y, QUANTILES[:, :3], levels=levels)


def test_predictions_of_a_wrong_shape_raise():
    with pytest.raises(ValueError, match="lower should be a 1d array"):
        interval_score(Y, LOWER[:, None], UPPER, alpha=0.1)
    with pytest.raises(ValueError, match="Expected 2D array, got 1D array"):
        crps_ensemble(Y, LOWER)
    with pytest.raises(ValueError, match="Expected 2D array, got 1D array"):
        weighted_interval_score(Y, LOWER, levels=[0.5])


def test_negative_std_and_single_fair_member_raise():
    with pytest.raises(ValueError, match="std must be non-negative"):
        crps_gaussian([0.0, 1.0], [0.0, 0.0], [1.0, -1.0])
    with pytest.raises(ValueError, match="at least 2 members"):
        crps_ensemble(Y, LOWER[:, None], fair=True)
