"""`LossClassifier` of several classes: optima, kinds of labels, streams, validation, scorers."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss
from sklearn.model_selection import (
    GridSearchCV,
    PredefinedSplit,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

import sklosses as sl

TIGHT = {"tol": 1e-10, "max_iter": 10_000}
FOLDS = StratifiedKFold(3, shuffle=True, random_state=0)


def iris():
    X, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def named(y):
    return np.array(["setosa", "versicolor", "virginica"])[np.asarray(y, int)]


def weights(n):
    return np.random.default_rng(0).integers(0, 4, n).astype(float)


def objective(coef, intercept, X, y, w, alpha):
    """Multinomial cross-entropy and its penalty, by hand."""
    raw = X @ coef.T + intercept
    raw = raw - raw.max(axis=1, keepdims=True)
    log_p = raw - np.log(np.exp(raw).sum(axis=1, keepdims=True))
    return -(w * log_p[np.arange(len(y)), y]).sum() / w.sum() + 0.5 * alpha * np.sum(coef**2)


# ---------------------------------------------------------------- the multinomial optimum


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 1.0, 1: 5.0, 2: 0.5}])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array], ids=["dense", "csr"])
def test_multinomial_fit_is_the_optimum_of_logistic_regression(weighted, class_weight, container):
    X, y = iris()
    y = np.where(np.arange(150) < 30, 0, y)[20:]  # 30 rows of class 0, so that balance matters
    X = X[20:]
    w = weights(len(y)) if weighted else np.ones(len(y))
    C = 0.3
    theirs = LogisticRegression(C=C, tol=1e-10, max_iter=10_000, class_weight=class_weight)
    theirs.fit(X, y, sample_weight=w)
    # their sum over rows is our mean times the sum of all weights, those of classes included
    codes = np.unique(y)
    if class_weight == "balanced":
        factors = w.sum() / (3 * np.bincount(y, weights=w))
    else:
        factors = np.array([(class_weight or {}).get(code, 1.0) for code in codes])
    total = w * factors[y]
    alpha = 1 / (C * total.sum())
    ours = sl.LossClassifier(alpha=alpha, class_weight=class_weight, **TIGHT)
    ours.fit(container(X), y, sample_weight=w)
    assert isinstance(ours.loss_function_, sl.CategoricalCrossEntropy)
    best = objective(theirs.coef_, theirs.intercept_, X, y, total, alpha)
    reached = objective(ours.coef_, ours.intercept_, X, y, total, alpha)
    assert ours.solver_ == "newton"
    assert ours.coef_.shape == (3, 4)
    assert_allclose(reached, best, rtol=1e-6)
    assert_allclose(ours.loss_, reached, rtol=1e-9)
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-3)
    assert_allclose(ours.coef_, theirs.coef_, atol=2e-3)


@pytest.mark.parametrize("penalty", ["l1", "elasticnet"])
def test_sparse_multinomial_fit(penalty):
    X, y = iris()
    C, ratio = 0.2, {"l1": 1.0, "elasticnet": 0.5}[penalty]
    theirs = LogisticRegression(
        C=C, l1_ratio=ratio, solver="saga", tol=1e-8, max_iter=50_000
    ).fit(X, y)  # fmt: skip
    ours = sl.LossClassifier(
        alpha=1 / (C * len(y)), penalty=penalty, l1_ratio=ratio, **TIGHT
    ).fit(X, y)  # fmt: skip
    assert_allclose(ours.coef_, theirs.coef_, atol=1e-3)
    assert (ours.coef_ == 0).sum() >= 2


def test_weights_are_repetitions():
    X, y = iris()
    counts = weights(len(y)).astype(int)
    for loss in ("log_loss", "categorical_focal", "jensen_shannon"):
        model = sl.LossClassifier(loss, alpha=0.01, **TIGHT)
        weighted = clone(model).fit(X, y, sample_weight=counts)
        repeated = clone(model).fit(np.repeat(X, counts, axis=0), np.repeat(y, counts))
        assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), atol=1e-4)


def test_two_classes_are_binomial():
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)[:, :3]  # few enough that the optimum is finite
    binomial = sl.LossClassifier("binary_cross_entropy", alpha=0, **TIGHT).fit(X, y)
    multinomial = sl.LossClassifier("categorical_cross_entropy", alpha=0, **TIGHT).fit(X, y)
    assert multinomial.coef_.shape == (2, 3)
    assert_allclose(multinomial.predict_proba(X), binomial.predict_proba(X), atol=1e-6)
    assert_allclose(multinomial.decision_function(X), binomial.decision_function(X), atol=1e-4)
    assert_array_equal(multinomial.predict(X), binomial.predict(X))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver", ["lbfgs", "adam", "sgd", "adagrad"])
@pytest.mark.parametrize("hidden", [(), (4,)], ids=["linear", "hidden"])
def test_no_intercept(solver, hidden):
    X, y = iris()
    model = sl.LossClassifier(
        fit_intercept=False, solver=solver, hidden_layer_sizes=hidden, activation="tanh",
        max_iter=20, random_state=0,
    ).fit(X, y)  # fmt: skip
    assert not np.any(model.intercepts_[-1] if hidden else model.intercept_)
    assert model.score(X, y) > 0.7


# ---------------------------------------------------------------- all losses, on three classes

MULTICLASS, BINARY = sl.all_losses("multiclass"), sl.all_losses("binary")


@pytest.mark.parametrize("cls", [*MULTICLASS, *BINARY], ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("hidden", [(), (6,)], ids=["linear", "hidden"])
def test_every_loss_of_classes_learns_three(cls, hidden):
    X, y = iris()
    # steps of all 150 rows would be few: hidden layers ask for more
    model = sl.LossClassifier(
        cls(), hidden_layer_sizes=hidden, batch_size=16, random_state=0
    ).fit(X, named(y))  # fmt: skip
    assert list(model.classes_) == ["setosa", "versicolor", "virginica"]
    assert model.decision_function(X).shape == (150, 3)
    assert model.score(X, named(y)) > 0.9
    assert_array_equal(model.predict(X), model.classes_[model.decision_function(X).argmax(axis=1)])
    assert len(model.loss_curve_) == model.n_iter_
    if cls().response_method == "predict_proba":
        p = model.predict_proba(X)
        assert p.shape == (150, 3)
        assert (p >= 0).all()
        assert_allclose(p.sum(axis=1), 1)
    else:
        assert not hasattr(model, "predict_proba")
    restored = pickle.loads(pickle.dumps(model))
    assert_allclose(restored.decision_function(X), model.decision_function(X), rtol=0)


@pytest.mark.parametrize("loss", ["squared_hinge", "exponential", sl.Focal(1.0)], ids=str)
def test_one_versus_rest_is_that_of_scikit_learn(loss):
    X, y = iris()
    model = sl.LossClassifier(loss, alpha=0.01, **TIGHT)
    theirs = OneVsRestClassifier(model).fit(X, y)
    ours = clone(model).fit(X, y)
    coefs = np.vstack([each.coef_ for each in theirs.estimators_])
    assert_allclose(ours.coef_, coefs, rtol=1e-4, atol=1e-5)
    assert_array_equal(ours.predict(X), theirs.predict(X))
    if ours.loss_function_.response_method == "predict_proba":
        assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-5)


def test_crammer_singer_is_that_of_linear_svc():
    X, y = iris()
    alpha = 0.05
    theirs = LinearSVC(
        multi_class="crammer_singer", C=1 / (alpha * len(y)), fit_intercept=False, tol=1e-8,
        max_iter=100_000,
    ).fit(X, y)  # fmt: skip
    ours = sl.LossClassifier(
        "multiclass_hinge",
        alpha=alpha,
        fit_intercept=False,
        random_state=0,
        max_iter=5000,
        tol=1e-6,
    ).fit(X, y)

    def total(coef):
        raw = X @ coef.T
        return sl.MulticlassHinge().values(y, raw).mean() + 0.5 * alpha * np.sum(coef**2)

    assert ours.solver_ == "adam"
    assert total(ours.coef_) <= 1.01 * total(theirs.coef_)


def test_log_loss_by_the_number_of_classes():
    X, y = iris()
    assert isinstance(sl.LossClassifier().fit(X, y > 0).loss_function_, sl.BinaryCrossEntropy)
    assert isinstance(sl.LossClassifier().fit(X, y).loss_function_, sl.CategoricalCrossEntropy)
    assert isinstance(sl.LossClassifier("brier").fit(X, y).loss_function_, sl.CategoricalBrier)
    smoothed = sl.LossClassifier(sl.BinaryCrossEntropy(0.1)).fit(X, y)
    assert smoothed.loss_function_ == sl.CategoricalCrossEntropy(0.1)
    model = sl.LossClassifier()
    assert model.fit(X, y).loss == "log_loss"
    assert model.fit(X, y > 0).coef_.shape == (1, 4)


# ---------------------------------------------------------------- labels and shares


@pytest.mark.parametrize("labels", [
    np.array(["b", "c", "a"]), np.array([7, -3, 100]), np.array([0.0, 2.0, 5.0]),
    np.array(["x", "yy", "zzz"], object),
], ids=["str", "int", "float", "object"])  # fmt: skip
def test_labels_of_any_kind(labels):
    X, y = iris()
    expected = sl.LossClassifier().fit(X, y)
    model = sl.LossClassifier().fit(X, labels[y])
    assert_array_equal(model.classes_, np.unique(labels))
    assert_array_equal(model.predict(X), labels[expected.predict(X)])
    order = np.searchsorted(model.classes_, labels)
    assert_allclose(model.predict_proba(X)[:, order], expected.predict_proba(X), atol=1e-3)
    column = pd.Series(labels[y], index=np.arange(150)[::-1])
    assert_allclose(sl.LossClassifier().fit(X, column).coef_, model.coef_)


@pytest.mark.parametrize("loss", [
    "log_loss", "categorical_focal", "kl_divergence", "jensen_shannon", "categorical_brier",
])  # fmt: skip
@pytest.mark.parametrize("hidden", [(), (5,)], ids=["linear", "hidden"])
def test_one_hot_shares_are_labels(loss, hidden):
    X, y = iris()
    model = sl.LossClassifier(loss, hidden_layer_sizes=hidden, random_state=0, alpha=0.01)
    hard, soft = clone(model).fit(X, y), clone(model).fit(X, np.eye(3)[y])
    assert_array_equal(soft.classes_, [0, 1, 2])
    assert_allclose(soft.predict_proba(X), hard.predict_proba(X), atol=1e-3)
    framed = clone(model).fit(X, pd.DataFrame(np.eye(3)[y]))
    assert_allclose(framed.predict_proba(X), soft.predict_proba(X), rtol=1e-12)


def test_divergence_from_labels_is_cross_entropy():
    X, y = iris()
    entropy = sl.LossClassifier(alpha=0.01, **TIGHT).fit(X, y)
    divergence = sl.LossClassifier("kl_divergence", alpha=0.01, **TIGHT).fit(X, np.eye(3)[y])
    assert_allclose(divergence.coef_, entropy.coef_, atol=1e-5)


def test_shares_are_weighted_labels():
    X, _ = iris()
    shares = np.random.default_rng(0).dirichlet([1.0, 1.0, 1.0], 150)
    soft = sl.LossClassifier(alpha=0.01, **TIGHT).fit(X, shares)
    hard = sl.LossClassifier(alpha=0.01, **TIGHT).fit(
        np.repeat(X, 3, axis=0), np.tile([0, 1, 2], 150), sample_weight=shares.ravel()
    )
    assert_allclose(soft.coef_, hard.coef_, atol=1e-5)
    # two shares are soft labels of the categorical form too
    two = np.column_stack((shares[:, 0], 1 - shares[:, 0]))
    model = sl.LossClassifier(alpha=0, **TIGHT).fit(X, two)
    assert_allclose(model.predict_proba(X).mean(axis=0), two.mean(axis=0), atol=1e-5)


@pytest.mark.parametrize("epsilon", [0.1, 0.3])
def test_smoothed_labels_are_shares(epsilon):
    X, y = iris()
    loss = sl.CategoricalCrossEntropy(label_smoothing=epsilon)
    smoothed = sl.LossClassifier(loss, alpha=0, **TIGHT).fit(X, y)
    shares = np.eye(3)[y] * (1 - epsilon) + epsilon / 3
    soft = sl.LossClassifier(alpha=0, **TIGHT).fit(X, shares)
    assert_allclose(smoothed.predict_proba(X), soft.predict_proba(X), atol=1e-5)


def test_bad_shares_are_refused():
    X, y = iris()
    with pytest.raises(ValueError, match="sum of 1"):
        sl.LossClassifier().fit(X, np.eye(3)[y] * 2)
    with pytest.raises(ValueError, match="1d array"):
        sl.LossClassifier("hinge").fit(X, np.eye(3)[y])
    with pytest.raises(ValueError, match="1d array"):
        sl.LossClassifier("multiclass_hinge").fit(X, np.eye(3)[y])
    with pytest.raises(ValueError, match="balanced"):
        sl.LossClassifier(class_weight="balanced").fit(X, np.eye(3)[y])
    by_class = sl.LossClassifier(class_weight={1: 5.0}, alpha=0.01, **TIGHT)
    assert_allclose(by_class.fit(X, np.eye(3)[y]).coef_, by_class.fit(X, y).coef_, atol=1e-4)


def test_one_class_is_not_enough():
    X, _ = iris()
    with pytest.raises(ValueError, match="class"):
        sl.LossClassifier(hidden_layer_sizes=(3,)).fit(X, np.zeros(150))


# ---------------------------------------------------------------- streams, warm starts, validation


@pytest.mark.parametrize("settings", [
    {}, {"loss": "multiclass_hinge"}, {"loss": "hinge"}, {"hidden_layer_sizes": (8,)},
    {"solver": "adagrad"}, {"solver": "adam"}, {"hidden_layer_sizes": (8,), "solver": "sgd"},
], ids=str)  # fmt: skip
def test_streams(settings):
    X, y = load_wine(return_X_y=True)
    y = np.array(["red", "rosé", "white"])[y]
    order = np.random.default_rng(0).permutation(len(y))
    model = sl.LossClassifier(random_state=0, **settings)
    with pytest.raises(ValueError, match="classes"):
        clone(model).partial_fit(X, y)
    for _ in range(40):
        for rows in np.array_split(order, 4):
            model.partial_fit(X[rows], y[rows], classes=["white", "red", "rosé"])
    assert model.n_iter_ == len(model.loss_curve_) == 160
    assert model.score(X, y) > 0.95
    with pytest.raises(ValueError, match="not the same"):
        model.partial_fit(X, y, classes=["white", "red"])
    with pytest.raises(ValueError, match="not in classes_"):
        model.partial_fit(X[:1], ["green"])
    again = pickle.loads(pickle.dumps(model))
    raw = model.partial_fit(X, y).decision_function(X)
    assert_allclose(again.partial_fit(X, y).decision_function(X), raw)


def test_a_stream_begins_with_one_class_of_constant_columns():
    X, y = load_wine(return_X_y=True)
    for settings in ({}, {"hidden_layer_sizes": (8,)}, {"loss": "hinge"}):
        model = sl.LossClassifier(random_state=0, **settings)
        model.partial_fit(np.repeat(X[:1], 3, axis=0), y[:3], classes=[0, 1, 2])
        for _ in range(10):
            model.partial_fit(X, y)
        assert np.isfinite(model.decision_function(X)).all()


def test_partial_fit_goes_on_from_fit():
    X, y = iris()
    for settings in ({}, {"hidden_layer_sizes": (8,)}, {"solver": "adam"}):
        model = sl.LossClassifier(random_state=0, **settings).fit(X, y)
        before = model.score(X, y)
        model.partial_fit(X, y)
        assert model.score(X, y) >= before - 0.02


@pytest.mark.parametrize("settings", [
    {}, {"loss": "multiclass_hinge"}, {"hidden_layer_sizes": (8,)},
    {"hidden_layer_sizes": (8,), "solver": "lbfgs", "activation": "tanh", "alpha": 1e-2},
], ids=str)  # fmt: skip
def test_warm_start_continues(settings):
    X, y = iris()
    model = sl.LossClassifier(warm_start=True, random_state=0, **settings).fit(X, y)
    before, steps = model.loss_, model.n_iter_
    model.fit(X, y)
    assert model.n_iter_ <= steps
    assert model.loss_ <= before * 1.05
    with pytest.raises(ValueError, match="warm_start"):
        model.fit(X, np.arange(150) % 4)
    cold = clone(model).set_params(warm_start=False).fit(X, y)
    assert_allclose(cold.fit(X, y).decision_function(X), cold.decision_function(X), rtol=0)


@pytest.mark.parametrize("settings", [
    {}, {"solver": "lbfgs"}, {"hidden_layer_sizes": (8,), "solver": "lbfgs"},
    {"hidden_layer_sizes": (8,)}, {"loss": "hinge"},
], ids=str)  # fmt: skip
def test_validation_data_pass_through_a_pipeline(settings):
    X, y = load_wine(return_X_y=True)
    y = np.array(["red", "rosé", "white"])[y]
    train, test = np.arange(len(y)) % 3 > 0, np.arange(len(y)) % 3 == 0
    with config_context(enable_metadata_routing=True):
        pipeline = Pipeline(
            [("scale", StandardScaler()), ("model", sl.LossClassifier(random_state=0, **settings))],
            transform_input=["X_val"],
        )
        pipeline.fit(X[train], y[train], X_val=X[test], y_val=y[test])
    model = pipeline[-1]
    assert len(model.validation_scores_) == model.n_iter_
    raw = model._raw(pipeline[0].transform(X[test]))
    codes = np.searchsorted(model.classes_, y[test])
    loss = model.loss_function_
    if loss.task == "binary":
        codes = (codes[:, None] == np.arange(3)).astype(float)
    # one-versus-rest: the sum over classes, each of which keeps its own best
    reached = -loss.values(codes, raw).sum() / len(codes)
    best = max(model.validation_scores_)
    assert reached >= best - 1e-9 if loss.task == "binary" else np.isclose(reached, best)
    assert pipeline.score(X[test], y[test]) > 0.9


def test_validation_data_without_some_class():
    X, y = iris()
    for class_weight in (None, "balanced", {0: 2.0}):
        model = sl.LossClassifier(
            class_weight=class_weight, hidden_layer_sizes=(4,), max_iter=20, tol=None,
            random_state=0,
        )  # fmt: skip
        model.fit(X, y, X_val=X[y < 2], y_val=y[y < 2])
        assert len(model.validation_scores_) == model.n_iter_
    with pytest.raises(ValueError, match="not in classes_"):
        sl.LossClassifier().fit(X[y < 2], y[y < 2], X_val=X, y_val=y)


# ---------------------------------------------------------------- scorers


@pytest.mark.parametrize("model", [
    sl.LossClassifier(), sl.LossClassifier(hidden_layer_sizes=(5,), random_state=0),
    LogisticRegression(max_iter=1000),
], ids=lambda m: repr(m)[:40])  # fmt: skip
@pytest.mark.parametrize("names", [False, True])
def test_scorer_is_neg_log_loss(model, names):
    X, y = iris()
    y = named(y) if names else y
    expected = cross_val_score(model, X, y, scoring="neg_log_loss", cv=FOLDS)
    for scoring in (
        sl.CategoricalCrossEntropy().scorer(), sl.get_scorer("neg_categorical_cross_entropy"),
        sl.get_scorer("neg_log_loss"),
    ):  # fmt: skip
        assert_allclose(cross_val_score(model, X, y, scoring=scoring, cv=FOLDS), expected)


def test_shares_are_scored_by_their_loss():
    X, y = iris()
    shares = np.eye(3)[y] * 0.9 + 0.1 / 3
    model = sl.LossClassifier().fit(X, shares)
    loss = sl.CategoricalCrossEntropy()
    constant = np.tile(shares.mean(axis=0), (150, 1))
    expected = loss(shares, model.predict_proba(X)), loss(shares, constant)
    assert_allclose(model.score(X, shares), 1 - expected[0] / expected[1])
    assert_allclose(sl.make_loss_scorer("auto")(model, X, shares), -expected[0])
    two = np.column_stack((shares[:, 0], 1 - shares[:, 0]))
    model.fit(X, two)
    for scorer in (sl.make_loss_scorer("auto"), sl.BinaryCrossEntropy().scorer()):
        assert_allclose(scorer(model, X, two), -loss(two, model.predict_proba(X)))
    assert 0 < model.score(X, two) < 1


def test_categorical_losses_score_two_classes():
    X, y = iris()
    model = LogisticRegression().fit(X, named(y == 2))
    expected = -log_loss(y == 2, model.predict_proba(X))
    for loss in (sl.CategoricalCrossEntropy(), sl.BinaryCrossEntropy()):
        assert_allclose(loss.scorer()(model, X, named(y == 2)), expected)


def test_brier_score_of_three_classes():
    X, y = iris()
    model = LogisticRegression().fit(X, y)
    expected = -brier_score_loss(y, model.predict_proba(X), scale_by_half=False)
    assert_allclose(sl.Brier().scorer()(model, X, y), expected)
    assert_allclose(sl.CategoricalBrier().scorer()(model, X, y), expected)
    assert isinstance(sl.Brier().for_classes(3), sl.CategoricalBrier)
    assert sl.Brier().for_classes(2) == sl.Brier()
    ours = sl.LossClassifier("brier").fit(X, y)
    assert_allclose(sl.make_loss_scorer("auto")(ours, X, y), sl.Brier().scorer()(ours, X, y))


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_binary_cross_entropy_of_three_classes_keeps_its_smoothing(smoothing):
    X, y = iris()
    model = LogisticRegression().fit(X, y)
    binary = sl.BinaryCrossEntropy(label_smoothing=smoothing)
    categorical = sl.CategoricalCrossEntropy(label_smoothing=smoothing)
    assert_allclose(binary.scorer()(model, X, y), categorical.scorer()(model, X, y))


def test_multiclass_hinge_scores_decisions():
    X, y = iris()
    loss = sl.MulticlassHinge()
    for model in (LinearSVC(), sl.LossClassifier(loss, random_state=0), LogisticRegression()):
        model.fit(X, named(y))
        expected = -loss.values(y, model.decision_function(X)).mean()
        assert_allclose(loss.scorer()(model, X, named(y)), expected)
    two = LinearSVC().fit(X, y > 0)
    margin = np.where(y > 0, 1, -1) * two.decision_function(X)
    assert_allclose(loss.scorer()(two, X, y > 0), -np.maximum(0, 1 - margin).mean())
    with pytest.raises(AttributeError):
        sl.CategoricalCrossEntropy().scorer()(LinearSVC().fit(X, y), X, y)


def test_a_class_missing_from_the_tested_fold():
    X, y = iris()
    fold = PredefinedSplit(np.where(y == 2, -1, np.arange(150) % 2))  # class 2 is only trained on
    for loss, metric in ((sl.CategoricalCrossEntropy(), log_loss), (sl.Brier(), None)):
        scores = cross_val_score(LogisticRegression(), X, named(y), scoring=loss.scorer(), cv=fold)
        assert np.isfinite(scores).all()
        if metric is not None:
            expected = []
            for train, test in fold.split():
                p = LogisticRegression().fit(X[train], y[train]).predict_proba(X[test])
                expected.append(-metric(y[test], p, labels=[0, 1, 2]))
            assert_allclose(scores, expected)


def test_a_class_missing_from_the_training_folds():
    X, y = iris()
    model = LogisticRegression().fit(X[y < 2], named(y)[y < 2])
    with pytest.raises(ValueError, match=r"has not seen in fit: \['virginica'\]"):
        sl.CategoricalCrossEntropy().scorer()(model, X, named(y))


@pytest.mark.parametrize("loss", [*MULTICLASS, *BINARY], ids=lambda cls: cls.__name__)
def test_auto_scores_every_loss_of_three_classes(loss):
    X, y = iris()
    model = make_pipeline(StandardScaler(), sl.LossClassifier(loss(), random_state=0))
    model.fit(X, named(y))
    score = sl.make_loss_scorer("auto")(model, X, named(y))
    assert np.isfinite(score)
    assert score <= 0
    weighted = sl.make_loss_scorer("auto")(model, X, named(y), sample_weight=weights(150))
    assert np.isfinite(weighted)


def test_search_by_a_multiclass_scorer():
    X, y = iris()
    loss = sl.CategoricalFocal()
    search = GridSearchCV(
        sl.LossClassifier(loss), {"loss__gamma": [0.0, 2.0], "alpha": [1e-3, 1.0]},
        scoring=sl.CategoricalCrossEntropy().scorer(), cv=FOLDS,
    ).fit(X, named(y))  # fmt: skip
    assert search.best_params_ == {"loss__gamma": 0.0, "alpha": 1e-3}
    p = cross_val_predict(search.best_estimator_, X, y, cv=FOLDS, method="predict_proba")
    assert_allclose(-search.best_score_, log_loss(y, p), rtol=0.05)


@pytest.mark.parametrize("hidden", [(), (5,)], ids=["linear", "hidden"])
def test_scorers_of_distributions(hidden):
    X, y = load_diabetes(return_X_y=True)
    model = sl.LossRegressor("gaussian_nll", hidden_layer_sizes=hidden, random_state=0).fit(X, y)
    mean, std = model.predict(X, return_std=True)
    assert_array_equal(model.predict(X), mean)
    assert (std > 0).all()
    expected = -np.mean(np.log(std) + (y - mean) ** 2 / (2 * std**2))
    for scorer in (sl.GaussianNLL().scorer(), sl.make_loss_scorer("auto")):
        assert_allclose(scorer(model, X, y), expected)
    assert_allclose(model.score(X, y), 1 - np.mean((y - mean) ** 2) / y.var())
    with pytest.raises(ValueError, match="standard deviations"):
        sl.LossRegressor().fit(X, y).predict(X, return_std=True)

    loss = sl.MultiQuantile((0.1, 0.9))
    model = sl.LossRegressor(loss, hidden_layer_sizes=hidden, random_state=0).fit(X, y)
    quantiles = model.predict(X)
    below = y[:, None] - quantiles
    pinballs = np.maximum([0.1, 0.9] * below, [-0.9, -0.1] * below)
    for scorer in (loss.scorer(), sl.make_loss_scorer("auto")):
        assert_allclose(scorer(model, X, y), -np.mean(pinballs))
    assert 0 < model.score(X, y) < 1
