"""scikit-learn's own checks, counted so that a tag cannot silence them."""

from __future__ import annotations

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

import sklosses as sl

ESTIMATORS = [sl.LossRegressor(), sl.LossClassifier()]


@parametrize_with_checks(ESTIMATORS)
def test_default_estimators(estimator, check):
    check(estimator)
