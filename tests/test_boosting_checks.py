"""scikit-learn's own checks of the boosting estimators, with each booster, counted."""

from __future__ import annotations

import numpy as np
import pytest
from catboost import CatBoostClassifier, CatBoostRegressor
from lightgbm import LGBMClassifier, LGBMRegressor
from scipy import sparse
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks
from sklearn.utils.validation import _num_samples
from xgboost import XGBClassifier, XGBRegressor

import sklosses as sl

# small, without chance, and without limits that count rows: a weight is no number of them
LIGHT = {
    "n_estimators": 10, "num_leaves": 4, "learning_rate": 0.3, "min_child_samples": 0,
    "min_data_in_bin": 1, "n_jobs": 1, "verbose": -1,
}  # fmt: skip
EXTREME = {"n_estimators": 10, "max_depth": 2, "n_jobs": 1}
CAT = {
    "iterations": 10, "depth": 2, "learning_rate": 0.3, "bootstrap_type": "No",
    "random_strength": 0, "thread_count": 1, "verbose": 0, "allow_writing_files": False,
}  # fmt: skip
HIST = {"max_iter": 10, "max_leaf_nodes": 4, "learning_rate": 0.3, "min_samples_leaf": 1}
REGRESSORS = [
    LGBMRegressor(**LIGHT), XGBRegressor(**EXTREME), CatBoostRegressor(**CAT, l2_leaf_reg=0),
    HistGradientBoostingRegressor(**HIST),
]  # fmt: skip
CLASSIFIERS = [
    LGBMClassifier(**LIGHT), XGBClassifier(**EXTREME), CatBoostClassifier(**CAT),
    HistGradientBoostingClassifier(**HIST),
]  # fmt: skip


class Blocks(sl.LossBoostingRanker):
    """A ranker that takes rows by fives, for checks that know no queries."""

    def fit(self, X, y, sample_weight=None, qid=None):
        return super().fit(X, y, sample_weight, self._qid(X, qid))

    def score(self, X, y, sample_weight=None, qid=None):
        return super().score(X, y, sample_weight, self._qid(X, qid))

    @staticmethod
    def _qid(X, qid):
        rows = _num_samples(X if sparse.issparse(X) else np.asarray(X))
        return np.arange(rows) // 5 if qid is None else qid


CHECKED = [
    *(sl.LossBoostingRegressor(booster) for booster in REGRESSORS),
    *(sl.LossBoostingClassifier(booster) for booster in CLASSIFIERS),
    *(sl.LossBoostingClassifier(booster, "dice") for booster in CLASSIFIERS),
    *(Blocks(booster) for booster in REGRESSORS),
]
COUNTS = {sl.LossBoostingRegressor: 60, sl.LossBoostingClassifier: 63, Blocks: 49}

# what a weight is: test_boosting.py, test_weight_is_repetition
EQUIVALENCE = {f"check_sample_weight_equivalence_on_{kind}_data" for kind in ("dense", "sparse")}
BY_ROW = "weights are those of queries, and must not differ within one"
TIES = "30 columns of 15 rows split alike, and rounding picks one; rows without weight tell which"
L2 = "l2_leaf_reg grows with the mean weight"
SINGLE = "sums are in single precision: equal up to 2e-7, where 1e-7 is asked for"


def expected(estimator):
    """Return the checks that fail, and why."""
    sparse_too = estimator.__sklearn_tags__().input_tags.sparse
    names = {name for name in EQUIVALENCE if sparse_too or "sparse" not in name}
    if isinstance(estimator, Blocks):
        return dict.fromkeys({*names, "check_sample_weights_not_overwritten"}, BY_ROW)
    reasons = {
        LGBMRegressor: None, CatBoostRegressor: None, XGBRegressor: SINGLE, CatBoostClassifier: L2,
    }  # fmt: skip
    reason = reasons.get(type(estimator.estimator), TIES)
    if estimator.loss == "dice" and isinstance(estimator.estimator, HistGradientBoostingClassifier):
        reason = None  # there rounding picks the same
    return dict.fromkeys(names, reason) if reason else {}


@parametrize_with_checks(CHECKED, expected_failed_checks=expected)
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", CHECKED, ids=lambda e: type(e.estimator).__name__)
def test_every_check_is_run(estimator):
    names = [
        getattr(check, "func", check).__name__ for _, check in estimator_checks_generator(estimator)
    ]
    dense = not estimator.__sklearn_tags__().input_tags.sparse  # one of sparse data is left out
    assert len(names) == COUNTS[type(estimator)] - dense
    assert set(expected(estimator)) <= set(names)


def test_few_failures_are_expected():
    assert sum(len(expected(estimator)) for estimator in CHECKED) == 27
