"""Boosting estimators: four boosters, any loss, one behaviour."""

from __future__ import annotations

import pickle
import sys
from math import inf
from typing import Annotated, ClassVar

import numpy as np
import pandas as pd
import pytest
import sklearn
from catboost import CatBoost, CatBoostClassifier, CatBoostRanker, CatBoostRegressor
from lightgbm import LGBMClassifier, LGBMRanker, LGBMRegressor
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import average_precision_score
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier, XGBRanker, XGBRegressor

import sklosses as sl
from sklosses.metrics import d2_loss_score, ndcg_score

TREES = 20


def light(kind=LGBMRegressor, **params):
    return kind(
        **{"n_estimators": TREES, "num_leaves": 7, "n_jobs": 1, "verbose": -1, **params}
    )  # fmt: skip


def extreme(kind=XGBRegressor, **params):
    return kind(
        **{"n_estimators": TREES, "max_depth": 3, "learning_rate": 0.1, "n_jobs": 1, **params}
    )


def cat(kind=CatBoostRegressor, **params):
    return kind(
        **{"iterations": TREES, "depth": 3, "learning_rate": 0.2, "thread_count": 1, "verbose": 0,
           "bootstrap_type": "No", "random_strength": 0, "allow_writing_files": False, **params}
    )  # fmt: skip


def hist(kind=HistGradientBoostingRegressor, **params):
    return kind(**{"max_iter": TREES, "max_leaf_nodes": 7, "early_stopping": False, **params})


REGRESSORS = {"lightgbm": light, "xgboost": extreme, "catboost": cat, "sklearn": hist}
CLASSIFIERS = {
    "lightgbm": light(LGBMClassifier),
    "xgboost": extreme(XGBClassifier),
    "catboost": cat(CatBoostClassifier),
    "sklearn": hist(HistGradientBoostingClassifier),
}
BOOSTERS = pytest.mark.parametrize("name", REGRESSORS)


@pytest.fixture(scope="module")
def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return X[:300], y[:300], X[300:], y[300:]


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return X, np.array(["setosa", "versicolor", "virginica"])[y]


class Asymmetric(sl.PointwiseLoss):
    """Squared error that charges `ratio` times more for under-prediction."""

    ratio: Annotated[float, sl.Interval(0, inf)] = 3.0

    def value(self, y, z):
        return (z - y) ** 2 if z > y else self.ratio * (z - y) ** 2

    def grad_hess(self, y, z):
        weight = 1.0 if z > y else self.ratio
        return 2.0 * weight * (z - y), 2.0 * weight


# ------------------------------------------------------------------------------ regression


@BOOSTERS
def test_half_the_squared_error_is_what_boosters_minimise(name, diabetes):
    """Also the start: a function starts from 0 or ½, unless somebody tells the booster."""
    X, y, X_test, _ = diabetes
    booster = REGRESSORS[name]()
    model = sl.LossBoostingRegressor(booster, 0.5 * sl.SquaredError(), native=False).fit(X, y)
    theirs = clone(booster).fit(X, y)
    assert_allclose(model.predict(X_test), theirs.predict(X_test), rtol=2e-6)
    # their predictions are raw, and say what to add
    raw = np.asarray(model.estimator_.predict(X_test))
    assert_allclose(model.predict(X_test), raw + model.baseline_[0], rtol=1e-12)


@BOOSTERS
def test_estimator_is_left_alone(name, diabetes):
    X, y, *_ = diabetes
    booster = REGRESSORS[name]()
    before = {key: repr(value) for key, value in booster.get_params().items()}
    model = sl.LossBoostingRegressor(booster, sl.Huber(20.0)).fit(X, y)
    assert {key: repr(value) for key, value in booster.get_params().items()} == before
    assert isinstance(model.estimator_, type(booster))
    assert model.estimator_ is not booster
    assert model.n_iter_ == TREES
    assert model.n_features_in_ == X.shape[1]
    with pytest.raises(Exception, match="not fitted"):
        clone(model).predict(X)


@BOOSTERS
@pytest.mark.parametrize("loss", ["log_cosh", "expectile", "huber", Asymmetric()], ids=repr)
def test_losses_of_numbers(name, loss, diabetes):
    X, y, X_test, y_test = diabetes
    model = sl.LossBoostingRegressor(REGRESSORS[name](), loss).fit(X, y)
    predicted = model.predict(X_test)
    assert np.isfinite(predicted).all()
    # 0.4 is what trees of this size reach in the mean; robust losses less
    assert d2_loss_score(y_test, predicted, loss=model.loss_function_) > 0.2
    assert model.score(X_test, y_test) == sklearn.metrics.r2_score(y_test, predicted)
    assert sl.make_loss_scorer("auto")(model, X_test, y_test) == -model.loss_function_(
        y_test, predicted
    )


@BOOSTERS
@pytest.mark.parametrize("loss", ["poisson_deviance", "gamma_deviance", "tweedie_deviance"])
def test_link_is_applied(name, loss, diabetes):
    X, y, X_test, y_test = diabetes
    model = sl.LossBoostingRegressor(REGRESSORS[name](), loss).fit(X, y)
    predicted = model.predict(X_test)
    assert predicted.min() > 0
    assert d2_loss_score(y_test, predicted, loss=loss) > 0.2
    raw = np.asarray(model.estimator_.predict(X_test)) + model.baseline_[0]
    if name != "sklearn":  # whose `predict` applies the link itself
        assert_allclose(predicted, np.exp(raw), rtol=1e-6)


@BOOSTERS
def test_several_quantiles_never_cross(name, diabetes):
    X, y, X_test, y_test = diabetes
    loss = sl.MultiQuantile((0.05, 0.25, 0.5, 0.75, 0.95))
    booster = REGRESSORS[name](learning_rate=0.3)
    model = sl.LossBoostingRegressor(booster, loss).fit(X, y)
    quantiles = model.predict(X_test)
    assert quantiles.shape == (len(y_test), 5)
    assert (np.diff(quantiles, axis=1) >= 0).all()
    below = (y[:, None] <= model.predict(X)).mean(axis=0)
    assert_allclose(below, loss.quantiles, atol=0.1)
    assert model.score(X_test, y_test) == d2_loss_score(y_test, quantiles, loss=loss) > 0.1


@BOOSTERS
def test_one_quantile_of_several(name, diabetes):
    X, y, *_ = diabetes
    one = sl.LossBoostingRegressor(REGRESSORS[name](), sl.MultiQuantile((0.9,)), native=False)
    assert one.fit(X, y).predict(X).shape == (len(y), 1)
    assert_allclose((y <= one.predict(X)[:, 0]).mean(), 0.9, atol=0.07)


@BOOSTERS
def test_means_with_standard_deviations(name):
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (1000, 2))
    y = 100 * X[:, 0] + np.where(X[:, 1] > 0, 40.0, 5.0) * rng.normal(size=1000)
    booster = REGRESSORS[name](learning_rate=0.3)
    mean, std = (
        sl.LossBoostingRegressor(booster, "gaussian_nll").fit(X, y).predict(X, return_std=True)
    )
    assert_array_equal(mean.shape, std.shape)
    assert np.corrcoef(mean, 100 * X[:, 0])[0, 1] > 0.95
    assert np.median(std[X[:, 1] > 0.1]) > 2 * np.median(std[X[:, 1] < -0.1])


@BOOSTERS
def test_several_targets(name, diabetes):
    """Each as if it were alone, where trees are not shared."""
    X, y, X_test, _ = diabetes
    Y = np.column_stack((y, -3 * y**1.1))
    model = sl.LossBoostingRegressor(REGRESSORS[name](), 0.5 * sl.SquaredError()).fit(X, Y)
    together = model.predict(X_test)
    assert together.shape == (len(X_test), 2)
    if name != "catboost":  # one tree for all targets
        alone = [clone(model).fit(X, column).predict(X_test) for column in Y.T]
        assert_allclose(together, np.column_stack(alone), rtol=1e-4)
    assert model.fit(X, y[:, None]).predict(X_test).shape == (len(X_test), 1)


# ------------------------------------------------------------------------------ weights


def _grid(seed, n=400):
    """Return columns of few values, so that bins do not depend on counts of rows.

    Slopes of losses with kinks are few numbers. With these seeds no two splits are equally good,
    between which rounding would choose.
    """
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 12, (n, 4)).astype(float)
    score = X[:, 0] + np.sin(X[:, 1]) + 0.03 * X[:, 2] * X[:, 3]
    return X, score + rng.normal(size=n), np.digitize(score, [4, 8]), rng.integers(0, 4, n)


# nothing that counts rows, no weight among the penalties, leaves of many rows
BY_WEIGHT = {
    "lightgbm": light(min_child_samples=0, min_data_in_bin=1, num_leaves=4),
    "xgboost": extreme(max_depth=2),
    "catboost": cat(l2_leaf_reg=0, depth=2),
    "sklearn": hist(min_samples_leaf=1, max_leaf_nodes=4),
}


@BOOSTERS
@pytest.mark.parametrize(
    "loss",
    ["squared_error", "huber", sl.Pinball(0.8), sl.MultiQuantile((0.2, 0.8)), Asymmetric()],
    ids=repr,
)
def test_weight_is_repetition(name, loss):
    X, y, _, w = _grid(0)
    rows = np.repeat(np.arange(len(y)), w)
    model = sl.LossBoostingRegressor(BY_WEIGHT[name], loss, native=False)
    weighted = clone(model).fit(X, y, sample_weight=w).predict(X)
    assert_allclose(weighted, model.fit(X[rows], y[rows]).predict(X), rtol=1e-5, atol=1e-5)


@BOOSTERS
@pytest.mark.parametrize("loss", ["log_loss", "focal", "hinge"])
def test_weight_is_repetition_of_classes(name, loss):
    X, _, y, w = _grid(3)
    rows = np.repeat(np.arange(len(y)), w)
    model = sl.LossBoostingClassifier(BY_WEIGHT[name], loss)
    weighted = clone(model).fit(X, y, sample_weight=w).decision_function(X)
    repeated = model.fit(X[rows], y[rows]).decision_function(X)
    assert_allclose(weighted, repeated, rtol=1e-5, atol=1e-5)


@BOOSTERS
def test_no_weight_is_no_row(name, diabetes):
    """Even where the booster counts rows and makes bins of them."""
    X, y, X_test, y_test = diabetes
    w = (np.arange(len(y)) % 3 > 0) * 2.0
    model = sl.LossBoostingRegressor(REGRESSORS[name](), "huber")
    held = {"X_val": X_test, "y_val": y_test}
    a = clone(model).fit(X, y, sample_weight=w, **held, sample_weight_val=1.0 * (y_test > 99))
    held = {"X_val": X_test[y_test > 99], "y_val": y_test[y_test > 99]}
    b = model.fit(X[w > 0], y[w > 0], sample_weight=w[w > 0], **held)
    assert_array_equal(a.predict(X), b.predict(X))
    assert_allclose(a.validation_scores_, b.validation_scores_, rtol=1e-6)
    with pytest.raises(ValueError, match="non-zero"):
        model.fit(X, y, sample_weight=0 * w)


# ------------------------------------------------------------------------------ stopping early


@BOOSTERS
@pytest.mark.parametrize("loss", [Asymmetric(), sl.MultiQuantile((0.1, 0.9))], ids=repr)
def test_own_loss_stops_early_by_itself(name, loss, diabetes):
    """The metric is the loss: weighted, and on the same raw predictions."""
    X, y, X_test, y_test = diabetes
    rng = np.random.default_rng(0)
    w, w_test = rng.uniform(0.5, 2, len(y)), rng.uniform(0.5, 2, len(y_test))
    trees = {"sklearn": "max_iter", "catboost": "iterations"}.get(name, "n_estimators")
    booster = REGRESSORS[name](learning_rate=0.5, **{trees: 300})
    model = sl.LossBoostingRegressor(booster, loss)
    model.fit(X, y, w, X_val=X_test, y_val=y_test, sample_weight_val=w_test)
    assert 0 < model.n_iter_ < 200
    assert model.n_iter_ <= len(model.validation_scores_) <= model.n_iter_ + 11
    reached = loss(y_test, model.predict(X_test), sample_weight=w_test)
    used = model.n_iter_ - 1  # which is the best, but scikit-learn keeps the last
    rtol = 1e-5 if loss == Asymmetric() else 0.02  # quantiles are sorted afterwards
    assert_allclose(-model.validation_scores_[used], reached, rtol=rtol)
    assert name == "sklearn" or np.argmax(model.validation_scores_) == used


PATIENT = {
    "lightgbm": {"early_stopping_round": 3}, "xgboost": {"early_stopping_rounds": 3},
    "catboost": {"od_wait": 3}, "sklearn": {"n_iter_no_change": 3},
}  # fmt: skip


@BOOSTERS
def test_patience_of_the_booster_is_kept(name, diabetes):
    X, y, X_test, y_test = diabetes
    trees = {"sklearn": "max_iter", "catboost": "iterations"}.get(name, "n_estimators")
    booster = REGRESSORS[name](learning_rate=0.5, **{trees: 300}, **PATIENT[name])
    model = sl.LossBoostingRegressor(booster, sl.Huber(20.0))
    model.fit(X, y, eval_set=[(X_test, y_test)])
    scores = model.validation_scores_
    assert len(scores) <= np.argmax(scores) + 4
    assert model.n_iter_ == (len(scores) if name == "sklearn" else np.argmax(scores) + 1)
    same = clone(model).fit(X, y, X_val=X_test, y_val=y_test)
    assert_array_equal(same.predict(X), model.predict(X))
    if name != "sklearn":  # which holds out rows itself
        with pytest.raises(ValueError, match="X_val and y_val"):
            model.fit(X, y)


def test_validation_data_are_one_pair(diabetes):
    X, y, X_test, y_test = diabetes
    model = sl.LossBoostingRegressor(hist())
    with pytest.raises(ValueError, match="both"):
        model.fit(X, y, X_val=X_test, y_val=y_test, eval_set=(X_test, y_test))
    with pytest.raises(ValueError, match="one pair"):
        model.fit(X, y, eval_set=[(X_test, y_test), (X, y)])
    with pytest.raises(ValueError, match="together"):
        model.fit(X, y, X_val=X_test)
    model.fit(X, y, eval_set=(X_test, y_test))
    assert len(model.validation_scores_) == TREES


class PrecisionGap(sl.PointwiseLoss):
    """Squared error by another name: XGBoost maximises what begins with "pre"."""

    def value(self, y, z):
        return (z - y) ** 2

    def grad_hess(self, y, z):
        return 2.0 * (z - y), 2.0


@pytest.mark.parametrize("unit", [1.0, 1e-4])
@BOOSTERS
def test_neither_the_name_nor_the_unit_of_a_loss_stops_a_fit(name, unit, diabetes):
    """XGBoost guesses directions from names, and keeps six decimals of a metric."""
    X, y, X_test, y_test = diabetes
    booster = REGRESSORS[name]()
    model = sl.LossBoostingRegressor(booster, PrecisionGap())
    tol = {"estimator__tol": 0.0} if name == "sklearn" else {}
    model.set_params(**tol).fit(X, unit * y, X_val=X_test, y_val=unit * y_test)
    assert model.n_iter_ > 5
    assert model.score(X_test, unit * y_test) > 0.3


# ------------------------------------------------------------------------------ native objectives

OWN_PINBALL = {
    "lightgbm": "quantile", "xgboost": "reg:quantileerror", "catboost": "Quantile:alpha=0.8",
    "sklearn": "quantile",
}  # fmt: skip


@BOOSTERS
def test_native_objectives_refit_leaves(name, diabetes):
    X, y, X_test, y_test = diabetes
    loss = sl.Pinball(0.8)
    model = sl.LossBoostingRegressor(REGRESSORS[name](), loss)
    native = clone(model).fit(X, y, X_val=X_test, y_val=y_test)
    assert native.objective_ == OWN_PINBALL[name]
    reached = loss(y_test, native.predict(X_test))
    assert_allclose(-native.validation_scores_[native.n_iter_ - 1], reached, rtol=1e-5)
    own = clone(model).set_params(native=False).fit(X, y)
    assert not isinstance(own.objective_, str)
    assert "Pinball(quantile=0.8)" in repr(own.objective_)
    native = clone(model).fit(X, y)
    reached = [loss(y, fitted.predict(X)) for fitted in (native, own)]
    assert reached[1] < 1.05 * reached[0]


@BOOSTERS
def test_native_where_it_is_asked_for(name, diabetes):
    X, y, X_test, _ = diabetes
    model = sl.LossBoostingRegressor(REGRESSORS[name](), "squared_error", native=True).fit(X, y)
    assert isinstance(model.objective_, str)
    theirs = REGRESSORS[name]().fit(X, y)
    assert_allclose(model.predict(X_test), theirs.predict(X_test), rtol=1e-6)
    assert not isinstance(clone(model).set_params(native="auto").fit(X, y).objective_, str)
    with pytest.raises(ValueError, match="no objective that is Cauchy"):
        clone(model).set_params(loss="cauchy").fit(X, y)
    with pytest.raises(ValueError, match="for these targets"):
        model.fit(X, np.column_stack((y, y)))


@BOOSTERS
@pytest.mark.parametrize("classes", [2, 3])
def test_native_objectives_of_classes(name, classes, iris):
    X, y = iris
    rows = y != "setosa" if classes == 2 else y != ""
    model = sl.LossBoostingClassifier(CLASSIFIERS[name], native=True)
    model.fit(X[rows], y[rows], X_val=X[rows][::2], y_val=y[rows][::2])
    assert isinstance(model.objective_, str)
    own = clone(model).set_params(native=False).fit(X[rows], y[rows])
    assert model.score(X[rows], y[rows]) > 0.9
    difference = model.predict_proba(X[rows]) - own.predict_proba(X[rows])
    assert np.abs(difference).max() < 0.35  # other Hessians, and CatBoost starts from 0


def test_native_several_quantiles_where_they_may_cross(diabetes):
    X, y, *_ = diabetes
    loss = sl.MultiQuantile((0.1, 0.5, 0.9), crossing="free")
    for booster, objective in ((extreme(), "reg:quantileerror"), (cat(), "MultiQuantile")):
        model = sl.LossBoostingRegressor(booster, loss).fit(X, y)
        assert model.objective_.startswith(objective)
        below = (y[:, None] <= model.predict(X)).mean(axis=0)
        assert_allclose(below, loss.quantiles, atol=0.1)


# ------------------------------------------------------------------------------ classes


@BOOSTERS
@pytest.mark.parametrize(
    "loss",
    ["log_loss", "categorical_focal", "brier", "multiclass_hinge", "focal", "hinge", "exponential"],
)
def test_classes(name, loss, iris):
    """Jointly, or one against the rest; labels of any kind, with any class of booster."""
    X, y = iris
    model = sl.LossBoostingClassifier(CLASSIFIERS[name], loss).fit(X, y)
    assert_array_equal(model.classes_, np.unique(y))
    assert model.score(X, y) > 0.9
    scores = model.decision_function(X)
    assert scores.shape == (len(y), 3)
    assert_array_equal(model.predict(X), model.classes_[scores.argmax(axis=1)])
    assert hasattr(model, "predict_proba") == ("hinge" not in loss)
    if "hinge" not in loss:
        p = model.predict_proba(X)
        assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
        assert p.min() >= 0
    other = sl.LossBoostingClassifier(REGRESSORS[name](), loss).fit(X, y)
    assert_allclose(other.decision_function(X), scores, rtol=1e-12)


@BOOSTERS
def test_two_classes(name):
    X, y = load_breast_cancer(return_X_y=True)
    labels = np.where(y == 1, "benign", "malignant")
    held = {"X_val": X[::2], "y_val": labels[::2]}
    model = sl.LossBoostingClassifier(CLASSIFIERS[name]).fit(X[1::2], labels[1::2], **held)
    scores, p = model.decision_function(X), model.predict_proba(X)
    assert scores.shape == (len(y),)
    assert_allclose(p[:, 1], 1 / (1 + np.exp(-scores)), rtol=1e-6)
    assert_array_equal(model.predict(X), np.where(scores > 0, "malignant", "benign"))
    assert model.score(X, labels) > 0.9
    reached = sl.BinaryCrossEntropy()(labels[::2] == "malignant", p[::2])
    assert_allclose(-model.validation_scores_[model.n_iter_ - 1], reached, rtol=1e-5)


@BOOSTERS
@pytest.mark.parametrize("loss", ["log_loss", "kl_divergence", "categorical_focal"])
def test_soft_labels(name, loss, iris):
    X, y = iris
    hard = np.eye(3)[np.unique(y, return_inverse=True)[1]]
    model = sl.LossBoostingClassifier(CLASSIFIERS[name], loss)
    soft = clone(model).fit(X, 0.7 * hard + 0.1)
    assert_array_equal(soft.classes_, [0, 1, 2])
    mean = 0.7 * hard.mean(axis=0) + 0.1
    assert_allclose(soft.predict_proba(X).mean(axis=0), mean, atol=0.04)
    assert soft.score(X, 0.7 * hard + 0.1) > 0.3
    certain = clone(model).fit(X, hard).decision_function(X)
    assert_allclose(certain, model.fit(X, y).decision_function(X), rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="soft labels"):
        model.set_params(loss="hinge").fit(X, hard)


@BOOSTERS
def test_class_weight_multiplies_weights(name, iris):
    X, y = iris
    weights = {"setosa": 1.0, "versicolor": 2.0, "virginica": 0.5}
    model = sl.LossBoostingClassifier(CLASSIFIERS[name])
    w = pd.Series(y).map(weights).to_numpy()
    by_row = clone(model).fit(X, y, sample_weight=w).predict_proba(X)
    by_class = clone(model).set_params(class_weight=weights).fit(X, y).predict_proba(X)
    assert_allclose(by_class, by_row, rtol=1e-6)
    assert not np.allclose(by_class, model.fit(X, y).predict_proba(X))


@pytest.mark.parametrize(
    "booster",
    [
        light(LGBMClassifier, class_weight="balanced"), light(LGBMClassifier, is_unbalance=True),
        extreme(XGBClassifier, scale_pos_weight=3.0),
        cat(CatBoostClassifier, auto_class_weights="Balanced"),
        hist(HistGradientBoostingClassifier, class_weight="balanced"),
    ],
    ids=lambda booster: type(booster).__name__,
)  # fmt: skip
def test_weights_behind_the_back_are_refused(booster, iris):
    with pytest.raises(ValueError, match="would change the loss"):
        sl.LossBoostingClassifier(booster).fit(*iris)


def test_labels_that_cannot_be(iris):
    X, y = iris
    model = sl.LossBoostingClassifier(hist())
    with pytest.raises(ValueError, match="one class"):
        model.fit(X[:50], y[:50])
    with pytest.raises(ValueError, match="not in classes_"):
        model.fit(X[:100], y[:100], X_val=X[100:], y_val=y[100:])
    with pytest.raises(ValueError, match="families"):
        model.set_params(loss="huber").fit(X, y)


@BOOSTERS
def test_focal_loss_on_rare_classes(name):
    X, digit = load_digits(return_X_y=True)
    X, rare = X[::2], np.where(np.isin(digit[::2], [8]), "eight", "other")
    baseline = sl.LossBoostingClassifier(CLASSIFIERS[name]).fit(X[200:], rare[200:])
    for loss in (sl.Focal(gamma=2.0), sl.Focal(gamma=5.0, alpha=0.9)):
        model = sl.LossBoostingClassifier(CLASSIFIERS[name], loss).fit(X[200:], rare[200:])
        scores = [-m.decision_function(X[:200]) for m in (model, baseline)]
        assert np.isfinite(scores).all()
        ap = [average_precision_score(rare[:200] == "eight", score) for score in scores]
        assert ap[0] > max(0.3, ap[1] - 0.15)
    labels = np.select([digit[::2] == 8, digit[::2] == 1], ["eight", "one"], "other")
    model = sl.LossBoostingClassifier(
        CLASSIFIERS[name], "categorical_focal", class_weight="balanced"
    )
    recall = sklearn.metrics.recall_score(
        labels[:200], model.fit(X[200:], labels[200:]).predict(X[:200]), average="macro"
    )
    assert recall > 0.6


# ------------------------------------------------------------------------------ rankings


@pytest.fixture(scope="module")
def letor():
    """Return X, grades and queries, rows in any order."""
    rng = np.random.default_rng(0)
    qid = rng.permutation(np.repeat(np.arange(60), 10))
    X = rng.normal(size=(600, 5))
    truth = X[:, 0] + np.sin(2 * X[:, 1]) + 0.3 * rng.normal(size=600)
    return X, np.clip(np.round(truth + 1), 0, 4), np.char.add("q", qid.astype(str)), qid < 40


RANKERS = {
    "lightgbm": light(LGBMRanker), "xgboost": extreme(XGBRanker, learning_rate=0.3),
    "catboost": cat(CatBoostRanker), "sklearn": hist(),
}  # fmt: skip


@BOOSTERS
@pytest.mark.parametrize("loss", ["lambda_rank", "list_net", "approx_ndcg", "pairwise_logistic"])
def test_any_ranking_loss_on_any_booster(name, loss, letor):
    X, y, qid, train = letor
    w = 1.0 + (qid == "q7") + 2.0 * (qid == "q50")
    model = sl.LossBoostingRanker(RANKERS[name], loss)
    model.fit(
        X[train], y[train], w[train], qid=qid[train], X_val=X[~train], y_val=y[~train],
        qid_val=qid[~train], sample_weight_val=w[~train],
    )  # fmt: skip
    score = model.score(X[~train], y[~train], qid=qid[~train])
    assert score == ndcg_score(y[~train], model.predict(X[~train]), qid=qid[~train])
    assert score > 0.9
    own = model.loss_function_
    reached = own(y[~train], model.predict(X[~train]), sample_weight=w[~train], qid=qid[~train])
    assert_allclose(-model.validation_scores_[model.n_iter_ - 1], reached, rtol=1e-5)
    # the order of rows does not matter, nor the class of the booster
    order = np.argsort(qid[train], kind="stable")
    again = sl.LossBoostingRanker(REGRESSORS[name](**_rate(name)), loss)
    again.fit(X[train][order], y[train][order], w[train][order], qid=qid[train][order])
    unsorted = clone(again).fit(X[train], y[train], w[train], qid=qid[train])
    assert_allclose(again.predict(X), unsorted.predict(X), rtol=1e-3, atol=1e-3)


def _rate(name):
    return {"learning_rate": 0.3} if name == "xgboost" else {}


@BOOSTERS
def test_weight_of_a_query(name, letor):
    X, y, qid, _ = letor
    w = 1.0 * (np.char.str_len(qid) == 3)
    model = sl.LossBoostingRanker(RANKERS[name])
    a = clone(model).fit(X, y, w, qid=qid).predict(X)
    b = model.fit(X[w > 0], y[w > 0], qid=qid[w > 0]).predict(X)
    assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="constant within each query"):
        model.fit(X, y, np.arange(600) + 1.0, qid=qid)


@pytest.mark.parametrize(
    ("booster", "objective"), [(light(), "lambdarank"), (extreme(), "rank:ndcg")]
)
def test_native_rankings(booster, objective, letor):
    X, y, qid, train = letor
    model = sl.LossBoostingRanker(booster, native=True).fit(X[train], y[train], qid=qid[train])
    assert model.objective_ == objective
    assert model.score(X[~train], y[~train], qid=qid[~train]) > 0.9
    if objective == "rank:ndcg":
        with pytest.raises(ValueError, match="query after query"):
            model.fit(X, y, qid=qid, X_val=X, y_val=y, qid_val=qid)


def test_what_rankers_need(letor):
    X, y, qid, _ = letor
    with pytest.raises(ValueError, match="needs qid"):
        sl.LossBoostingRanker(hist()).fit(X, y)
    with pytest.raises(ValueError, match="needs qid_val"):
        sl.LossBoostingRanker(hist()).fit(X, y, qid=qid, X_val=X, y_val=y)
    with pytest.raises(ValueError, match="without regard to their groups"):
        sl.LossBoostingRanker(hist(early_stopping=True)).fit(X, y, qid=qid)
    for name, value in {"boosting_type": "Ordered", "leaf_estimation_iterations": 2}.items():
        with pytest.raises(ValueError, match=name):
            sl.LossBoostingRanker(cat(**{name: value})).fit(X, y, qid=qid)


def test_queries_pass_through_cross_validation(letor):
    X, y, qid, _ = letor
    model = make_pipeline(StandardScaler(), sl.LossBoostingRanker(light()))
    with sklearn.config_context(enable_metadata_routing=True):
        found = cross_validate(
            model, X, y, cv=GroupKFold(3), params={"qid": qid, "groups": qid}, error_score="raise"
        )
    assert found["test_score"].min() > 0.9


# ------------------------------------------------------------------------------ scikit-learn


@BOOSTERS
def test_search_for_parameters_of_both(name, diabetes):
    X, y, *_ = diabetes
    depth = {"lightgbm": "num_leaves", "sklearn": "max_leaf_nodes"}.get(name, "max_depth")
    depth = "depth" if name == "catboost" else depth
    search = GridSearchCV(
        sl.LossBoostingRegressor(REGRESSORS[name](), sl.Huber()),
        {f"estimator__{depth}": [2, 5], "loss__delta": [5.0, 50.0]},
        cv=2,
        error_score="raise",
    ).fit(X, y)
    assert len(search.cv_results_["params"]) == 4
    best = search.best_estimator_
    assert best.estimator.get_params()[depth] == search.best_params_[f"estimator__{depth}"]
    assert best.loss_function_.delta == search.best_params_["loss__delta"]
    named = sl.LossBoostingRegressor(REGRESSORS[name](), "huber")
    with pytest.raises(ValueError, match=r"pass loss=Huber\(\) to LossBoostingRegressor"):
        named.set_params(loss__delta=3.0)


def test_validation_data_pass_through_pipelines(diabetes):
    X, y, X_test, y_test = diabetes
    with sklearn.config_context(enable_metadata_routing=True):
        model = make_pipeline(
            StandardScaler(), sl.LossBoostingRegressor(hist(), "huber"), transform_input=["X_val"]
        ).fit(X, y, X_val=X_test, y_val=y_test)
    loss, predicted = sl.Huber(), model.predict(X_test)
    assert_allclose(-model[-1].validation_scores_[-1], loss(y_test, predicted), rtol=1e-6)


@BOOSTERS
@pytest.mark.parametrize("loss", [sl.Huber(), sl.MultiQuantile((0.1, 0.9))], ids=repr)
def test_models_are_pickled_without_data(name, loss, diabetes):
    X, y, X_test, y_test = diabetes
    model = sl.LossBoostingRegressor(REGRESSORS[name](), loss)
    model.fit(X, y, X_val=X_test, y_val=y_test)
    blob = pickle.dumps(model)
    assert_array_equal(pickle.loads(blob).predict(X), model.predict(X))
    few = sl.LossBoostingRegressor(REGRESSORS[name](), loss)
    many = np.tile(X, (20, 1)), np.tile(y, 20)
    few.fit(*many, X_val=X_test, y_val=y_test)
    assert len(pickle.dumps(few)) - len(blob) < 8 * 20 * len(y)  # one number a row


@BOOSTERS
def test_importances(name, diabetes):
    X, y, *_ = diabetes
    model = sl.LossBoostingRegressor(REGRESSORS[name](), "huber").fit(X, y)
    assert hasattr(model, "feature_importances_") == (name != "sklearn")
    if name != "sklearn":
        assert model.feature_importances_.shape == (X.shape[1],)
        assert model.feature_importances_[[2, 8]].min() > model.feature_importances_[1]


@BOOSTERS
def test_tables_keep_their_names_and_categories(name):
    rng = np.random.default_rng(0)
    letter = rng.choice(["a", "b", "c", "d"], 400)
    X = pd.DataFrame({"letter": letter, "x": rng.normal(size=400)})
    y = 5.0 * np.isin(letter, ["a", "c"]) + X["x"].to_numpy()
    if name == "catboost":
        booster = cat(cat_features=("letter",))
    else:
        X["letter"] = X["letter"].astype("category")
        booster = REGRESSORS[name](**({"enable_categorical": True} if name == "xgboost" else {}))
    model = sl.LossBoostingRegressor(booster).fit(
        X[100:], y[100:], X_val=X[:100], y_val=y[:100], sample_weight=np.arange(300) % 5
    )
    assert_array_equal(model.feature_names_in_, ["letter", "x"])
    assert model.score(X[:100], y[:100]) > 0.8
    with pytest.raises(ValueError, match="feature names"):
        model.predict(X.rename(columns={"x": "z"}))


@BOOSTERS
def test_arrays_after_tables_and_tables_after_arrays(name, diabetes):
    X, y, *_ = diabetes
    table = pd.DataFrame(X).add_prefix("c")
    model = sl.LossBoostingRegressor(REGRESSORS[name](), "huber")
    by_table = clone(model).fit(table, y)
    expected = by_table.predict(table)
    with pytest.warns(UserWarning, match="fitted with feature names"):
        assert_array_equal(by_table.predict(X), expected)
    model.fit(X, y)
    with pytest.warns(UserWarning, match="fitted without feature names"):
        assert_array_equal(model.predict(table), model.predict(X))
    with pytest.raises(ValueError, match="features"):
        model.predict(X[:, :3])


@BOOSTERS
@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csc_matrix])
def test_sparse_data(name, kind, diabetes):
    _, y, *_ = diabetes
    rng = np.random.default_rng(0)
    X = np.where(rng.random((len(y), 5)) < 0.7, 0.0, 1 + rng.random((len(y), 5)))
    y = 3 * X[:, 0] - X[:, 1] ** 2 + rng.normal(size=len(y))
    model = sl.LossBoostingRegressor(REGRESSORS[name](), "huber")
    if name == "sklearn":
        with pytest.raises(TypeError, match="Sparse data"):
            model.fit(kind(X), y)
        return
    w = np.arange(len(y)) % 3
    thin = clone(model).fit(kind(X), y, sample_weight=w)
    assert thin.score(kind(X), y) > 0.5
    if name != "xgboost":  # for which what is not stored is missing
        dense = model.fit(X, y, sample_weight=w)
        assert_allclose(thin.predict(kind(X)), dense.predict(X), rtol=1e-6)


@BOOSTERS
def test_missing_values_are_the_boosters_business(name, diabetes):
    X, y, *_ = (array.copy() for array in diabetes)
    X[::7, 2] = np.nan
    model = sl.LossBoostingRegressor(REGRESSORS[name](), "huber").fit(X, y)
    assert np.isfinite(model.predict(X)).all()
    X[0, 0] = inf
    with pytest.raises(ValueError, match="infinity"):
        model.predict(X)


@BOOSTERS
def test_constant_targets(name):
    X = np.random.default_rng(0).normal(size=(50, 3))
    model = sl.LossBoostingRegressor(REGRESSORS[name](), "huber").fit(X, np.full(50, 7.0))
    assert_allclose(model.predict(X), 7.0, rtol=1e-6)


def test_generic_class_of_catboost(diabetes):
    X, y, *_ = diabetes
    params = {"iterations": 5, "verbose": 0, "allow_writing_files": False}
    model = sl.LossBoostingRegressor(CatBoost(params), "huber").fit(X, y)
    assert type(model.estimator_) is CatBoost
    assert model.estimator_.tree_count_ == 5


def test_divergence_is_said():
    class Steep(sl.PointwiseLoss):
        """A loss that hides its curvature."""

        target: ClassVar = sl.Interval(-inf, inf)

        def value(self, y, z):
            return (z - y) ** 2

        def grad_hess(self, y, z):
            return 2.0 * (z - y), 0.5

        def curvature(self, y, z):
            return 0.5

    X = np.arange(100.0)[:, None]
    model = sl.LossBoostingRegressor(hist(learning_rate=1.0), Steep())
    with pytest.warns(ConvergenceWarning, match=r"Steep\(\) diverged.*learning_rate"):
        model.fit(X, np.sin(X[:, 0]))


@pytest.mark.parametrize("estimator", [None, "lightgbm", LGBMRegressor, StandardScaler()])
def test_what_is_no_booster(estimator, diabetes):
    X, y, *_ = diabetes
    with pytest.raises(TypeError, match=r"LGBM\*.*HistGradientBoosting\*.*sklosses\[boosting\]"):
        sl.LossBoostingRegressor(estimator).fit(X, y)


@pytest.mark.parametrize("package", ["lightgbm", "xgboost", "catboost"])
def test_absent_boosters(package, diabetes, monkeypatch):
    X, y, *_ = diabetes
    booster = REGRESSORS[package]()
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"pip install {package}"):
        sl.LossBoostingRegressor(booster).fit(X, y)
