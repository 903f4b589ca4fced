"""Boosters that minimise overlap losses: soft F1 of rare classes, of all rows or of groups."""

from __future__ import annotations

import numpy as np
import pytest
from catboost import CatBoostClassifier
from lightgbm import LGBMClassifier
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits, load_wine
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import f1_score
from xgboost import XGBClassifier

import sklosses as sl

# small, without chance, and without limits that count rows: a weight is no number of them
LIGHT = {
    "n_estimators": 60, "learning_rate": 0.2, "num_leaves": 7, "min_child_samples": 0,
    "min_data_in_bin": 1, "n_jobs": 1, "verbose": -1,
}  # fmt: skip
CAT = {
    "iterations": 60, "depth": 3, "learning_rate": 0.2, "bootstrap_type": "No",
    "random_strength": 0, "thread_count": 1, "verbose": 0, "allow_writing_files": False,
}  # fmt: skip
BOOSTERS = {
    "lightgbm": LGBMClassifier(**LIGHT),
    "xgboost": XGBClassifier(n_estimators=60, max_depth=3, learning_rate=0.2, n_jobs=1),
    "catboost": CatBoostClassifier(**CAT),
    "sklearn": HistGradientBoostingClassifier(
        max_iter=60, max_leaf_nodes=7, min_samples_leaf=1, learning_rate=0.2
    ),
}
EACH = pytest.mark.parametrize("name", BOOSTERS)


@pytest.fixture(scope="module")
def rare():
    """One digit among all, seen through few pixels: a class of a tenth of the rows."""
    digits = load_digits()
    X, y = digits.data[:, [20, 28, 36, 43]], digits.target == 8
    return X[:900], y[:900], X[900:], y[900:]


@EACH
def test_dice_beats_log_loss_in_f1(name, rare):
    X, y, X_test, y_test = rare
    model = sl.LossBoostingClassifier(BOOSTERS[name])
    scores = [
        f1_score(y_test, clone(model).set_params(loss=loss).fit(X, y).predict(X_test))
        for loss in ("log_loss", "dice", sl.Dice() + 0.5 * sl.BinaryCrossEntropy())
    ]
    assert min(scores[1:]) > scores[0] + 0.03
    dice = clone(model).set_params(loss="dice").fit(X, y)
    assert dice.predict_proba(X_test).shape == (len(X_test), 2)
    assert_array_equal(dice.classes_, [False, True])


@pytest.mark.parametrize("loss", ["jaccard", "tversky", "focal_tversky", "lovasz_hinge"])
def test_the_others_train(loss, rare):
    X, y, *_ = rare
    model = sl.LossBoostingClassifier(BOOSTERS["lightgbm"], loss).fit(X, y)
    assert f1_score(y, model.predict(X)) > 0.5


@EACH
@pytest.mark.parametrize("loss", ["dice", "lovasz_hinge"])
def test_stops_by_the_loss_of_groups(name, loss, rare):
    """Weights are of rows inside their group, and groups count the same."""
    X, y, X_val, y_val = rare
    rng = np.random.default_rng(0)
    qid, qid_val = rng.integers(0, 5, len(y)), rng.integers(0, 5, len(y_val))
    weight, weight_val = rng.uniform(size=len(y)), rng.uniform(size=len(y_val))
    model = sl.LossBoostingClassifier(BOOSTERS[name], loss)
    model.fit(
        X, y, weight, qid=qid, X_val=X_val, y_val=y_val, sample_weight_val=weight_val,
        qid_val=qid_val,
    )  # fmt: skip
    own = model.loss_function_
    raw = model.decision_function(X_val)
    mean = own(y_val, own.inverse_link(raw), sample_weight=weight_val, qid=qid_val)
    assert_allclose(-model.validation_scores_[model.n_iter_ - 1], mean, rtol=1e-5)
    assert mean < own(y_val, own.inverse_link(np.full(len(raw), -2.0)), qid=qid_val)


@EACH
def test_rows_in_any_order_and_rows_without_weight(name, rare):
    X, y, X_test, _ = rare
    qid = np.random.default_rng(0).integers(0, 5, len(y))
    model = sl.LossBoostingClassifier(BOOSTERS[name], "dice")
    expected = clone(model).fit(X, y, qid=qid).decision_function(X_test)
    by_group = np.argsort(qid, kind="stable")
    sorted_ = clone(model).fit(X[by_group], y[by_group], qid=qid[by_group])
    assert_array_equal(sorted_.decision_function(X_test), expected)
    # as well as some more rows that are not there, of which some are a group of their own
    X, y = np.concatenate((X, X[:50])), np.concatenate((y, ~y[:50]))
    more = clone(model).fit(
        X, y, np.arange(len(y)) < len(y) - 50, qid=np.concatenate((qid, np.arange(50) % 7))
    )
    assert_allclose(more.decision_function(X_test), expected, rtol=1e-5, atol=1e-6)


def test_weight_is_repetition(rare):
    X, y, X_test, _ = rare
    weight = np.random.default_rng(0).integers(1, 4, len(y))
    model = sl.LossBoostingClassifier(BOOSTERS["lightgbm"], "dice")
    weighted = clone(model).fit(X, y, weight).decision_function(X_test)
    repeated = clone(model).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    assert_allclose(weighted, repeated.decision_function(X_test), rtol=1e-4, atol=1e-5)


@EACH
def test_several_classes(name):
    X, y = load_wine(return_X_y=True)
    names = np.array(["a", "b", "c"])[y]
    model = sl.LossBoostingClassifier(BOOSTERS[name], "dice")
    model.fit(X[::2], names[::2], qid=np.arange(len(y[::2])) % 3)
    assert model.score(X[1::2], names[1::2]) > 0.85
    assert_allclose(model.predict_proba(X).sum(axis=1), 1.0)


def test_there_is_no_native_one(rare):
    X, y, *_ = rare
    model = sl.LossBoostingClassifier(BOOSTERS["lightgbm"], "dice", native=True)
    with pytest.raises(ValueError, match="has no objective that is Dice"):
        model.fit(X, y)
