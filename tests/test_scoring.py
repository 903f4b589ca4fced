"""Losses as scorers: sign, response method, labels, weights, searches; and D²."""

import pickle
import warnings

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose
from sklearn import metrics
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge
from sklearn.metrics import check_scoring, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    PredefinedSplit,
    StratifiedKFold,
    cross_val_score,
    cross_validate,
)
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

import sklosses as sl
from sklosses._bases.params import fields_of
from sklosses._registry import example_of

N = 90
FOLDS = KFold(3)

POINTWISE = [cls for cls in sl.all_losses() if issubclass(cls, sl.PointwiseLoss)]


@pytest.fixture
def regression(rng):
    X = rng.normal(size=(N, 3))
    y = X @ [1.0, 2.0, 3.0] + rng.normal(size=N)
    return X, y, rng.integers(1, 4, N).astype(float)


@pytest.fixture
def binary(rng):
    X = rng.normal(size=(N, 3))
    y = (X @ [1.0, 2.0, 3.0] + rng.normal(size=N) > 0).astype(int)
    return X, y, rng.integers(1, 4, N).astype(float)


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


class Constant(RegressorMixin, BaseEstimator):
    """Predicts one number that is in every domain."""

    def fit(self, X, y):
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X):
        return np.full(len(X), 0.5)


# ------------------------------------------------------------------ one number


@pytest.mark.parametrize("cls", sl.all_losses("regression"), ids=lambda cls: cls.__name__)
def test_scorer_is_minus_the_loss_of_predict(cls, rng):
    loss = cls()
    X, y = rng.normal(size=(20, 2)), rng.gamma(2.0, size=20)
    scorer = loss.scorer()
    assert_allclose(scorer(Constant().fit(X, y), X, y), -loss(y, np.full(20, 0.5)))


@pytest.mark.parametrize("cls", sl.all_losses("binary"), ids=lambda cls: cls.__name__)
def test_scorer_calls_the_right_method(cls, binary):
    X, y, w = binary
    model = LogisticRegression().fit(X, y)
    loss = cls()
    response = getattr(model, loss.response_method)(X)
    if loss.response_method == "predict_proba":
        response = response[:, 1]
    assert_allclose(loss.scorer()(model, X, y), -loss(y, response))
    assert_allclose(
        loss.scorer()(model, X, y, sample_weight=w), -loss(y, response, sample_weight=w)
    )


MAKERS = {
    "loss.scorer": lambda: sl.Huber(2.0).scorer(),
    "of an object": lambda: sl.make_loss_scorer(sl.Huber(2.0)),
    "of a name": lambda: sl.make_loss_scorer("huber", delta=2.0),
    "by name": lambda: sl.get_scorer("neg_huber", delta=2.0),
    "make_scorer": lambda: make_scorer(sl.Huber(2.0), greater_is_better=False),
    "pickled": lambda: pickle.loads(pickle.dumps(sl.Huber(2.0).scorer())),
    "cloned": lambda: clone(sl.Huber(2.0).scorer(), safe=False),
}


@pytest.mark.parametrize("maker", list(MAKERS))
def test_ways_to_a_scorer(maker, regression):
    X, y, w = regression
    model = Ridge().fit(X, y)
    scorer = MAKERS[maker]()
    assert_allclose(scorer(model, X, y), -sl.Huber(2.0)(y, model.predict(X)))
    weighted = -sl.Huber(2.0)(y, model.predict(X), sample_weight=w)
    assert_allclose(scorer(model, X, y, sample_weight=w), weighted)
    assert "huber" in repr(scorer).lower()
    assert "2.0" in repr(scorer) or maker == "make_scorer"  # which shows the function's name


ALIKE = [
    ("neg_mse", "neg_mean_squared_error", Ridge()),
    ("neg_mae", "neg_mean_absolute_error", Ridge()),
    ("neg_mape", "neg_mean_absolute_percentage_error", Ridge()),
    ("neg_log_loss", "neg_log_loss", LogisticRegression()),
    ("neg_brier", "neg_brier_score", LogisticRegression()),
    ("neg_poisson", "neg_mean_poisson_deviance", PoissonRegressor()),
    ("neg_gamma", "neg_mean_gamma_deviance", PoissonRegressor()),
]


@pytest.mark.parametrize(("ours", "theirs", "model"), ALIKE, ids=lambda x: x if str(x) == x else "")
def test_equals_scorer_of_sklearn(ours, theirs, model, regression, binary):
    X, y, w = binary if model.__class__ is LogisticRegression else regression
    y = np.abs(y) + 0.1 if isinstance(model, PoissonRegressor) else y
    found = cross_val_score(model, X, y, scoring=sl.get_scorer(ours), cv=FOLDS)
    assert_allclose(found, cross_val_score(model, X, y, scoring=theirs, cv=FOLDS))
    fitted = clone(model).fit(X, y)
    expected = metrics.get_scorer(theirs)(fitted, X, y, sample_weight=w)
    assert_allclose(sl.get_scorer(ours)(fitted, X, y, sample_weight=w), expected)


def test_cross_val_score_by_hand(regression):
    X, y, _ = regression
    loss = sl.Pinball(0.9)
    by_hand = [
        -loss(y[test], Ridge().fit(X[train], y[train]).predict(X[test]))
        for train, test in FOLDS.split(X)
    ]
    assert_allclose(cross_val_score(Ridge(), X, y, scoring=loss.scorer(), cv=FOLDS), by_hand)


def test_several_outputs(rng):
    X, y = rng.normal(size=(N, 3)), rng.normal(size=(N, 2))
    model = MultiOutputRegressor(Ridge()).fit(X, y)
    assert_allclose(sl.Huber().scorer()(model, X, y), -sl.Huber()(y, model.predict(X)))


@pytest.mark.parametrize("cls", POINTWISE, ids=lambda cls: cls.__name__)
def test_perfect_prediction_scores_best(cls, rng):
    loss = cls()
    if loss.task == "binary":
        y = rng.integers(0, 2, N).astype(float)
        perfect = y if loss.response_method == "predict_proba" else 10 * (2 * y - 1)
        others = [perfect * 0.8 + 0.1, 1 - perfect, np.where(np.arange(N) == 3, 1 - y, perfect)]
    else:
        y = rng.gamma(2.0, size=N) + 0.5
        perfect = y
        others = [perfect + 0.4, perfect * 0.8, perfect + 0.3 * np.sin(np.arange(N))]
    best = loss(y, perfect)
    assert_allclose(best, 0, atol=1e-12)
    for other in others:
        assert loss(y, other) > best or loss.response_method == "decision_function"
    assert all(loss(y, other) >= best for other in others)


# ------------------------------------------------------------------ names and errors


def test_get_scorer_refuses_other_names():
    for name in ("huber", "r2", 1.0, None, sl.Huber()):
        with pytest.raises(ValueError, match="neg_"):
            sl.get_scorer(name)
    with pytest.raises(ValueError, match="Did you mean 'huber'"):
        sl.get_scorer("neg_hubber")
    with pytest.raises(TypeError, match="quantile"):
        sl.get_scorer("neg_huber", quantile=0.5)


PREDICTED = [cls for cls in sl.all_losses() if getattr(cls, "response_method", "") is not None]


@pytest.mark.parametrize("cls", PREDICTED, ids=lambda cls: cls.__name__)
def test_every_name_has_a_scorer(cls):
    loss = example_of(cls)
    needed = {name: getattr(loss, name) for name, f in fields_of(cls).items() if f.required}
    for name in (cls._alias(), *cls.aliases):
        assert sl.get_scorer(f"neg_{name}", **needed).loss == loss


@pytest.mark.parametrize(
    "cls", [cls for cls in sl.all_losses() if cls not in PREDICTED], ids=lambda cls: cls.__name__
)
def test_losses_without_predictions_refuse_to_score(cls):
    assert cls.task == "generative"
    refusals = [
        cls().scorer, lambda: sl.get_scorer(f"neg_{cls._alias()}"),
        lambda: d2_loss_score([0.0], [0.0], loss=cls),
    ]  # fmt: skip
    for refused in refusals:
        with pytest.raises(TypeError, match="scoring=None"):
            refused()


def test_make_loss_scorer_refuses():
    with pytest.raises(TypeError, match="delta"):
        sl.make_loss_scorer("auto", delta=1.0)
    with pytest.raises(TypeError, match="object already"):
        sl.make_loss_scorer(sl.Huber(), delta=1.0)
    with pytest.raises(TypeError, match="loss object"):
        sl.make_loss_scorer(3)


def test_bad_parameter_raises_at_use(regression):
    X, y, _ = regression
    scorer = sl.get_scorer("neg_huber", delta=-1.0)
    with pytest.raises(ValueError, match="'delta' parameter of Huber"):
        scorer(Ridge().fit(X, y), X, y)


@pytest.mark.parametrize("scorer", [
    sl.Huber(2.0).scorer(), sl.make_loss_scorer("auto"),
    sl.BinaryCrossEntropy().scorer(pos_label="yes"),
    sl.Hinge().scorer(response_method="decision_function"),
], ids=repr)  # fmt: skip
def test_repr_is_the_call(scorer):
    again = eval(repr(scorer), vars(sl))
    assert repr(again) == repr(scorer)
    assert again.loss == scorer.loss


def test_check_scoring_takes_it(regression):
    X, y, _ = regression
    model = Ridge().fit(X, y)
    scorer = check_scoring(model, scoring=sl.Huber().scorer())
    assert_allclose(scorer(model, X, y), -sl.Huber()(y, model.predict(X)))


# ------------------------------------------------------------------ labels


LABELS = {
    "strings": ["no", "yes"],
    "numbers": [3, 7],
    "signs": [-1, 1],
    "bools": [False, True],
    "objects": np.array(["a", "b"], dtype=object),
}


@pytest.mark.parametrize("labels", list(LABELS))
@pytest.mark.parametrize("loss", [sl.BinaryCrossEntropy(), sl.Hinge(), sl.Brier()], ids=repr)
def test_labels(labels, loss, binary):
    X, codes, _ = binary
    expected = loss.scorer()(LogisticRegression().fit(X, codes), X, codes)
    y = np.asarray(LABELS[labels])[codes]
    model = LogisticRegression().fit(X, y)
    assert_allclose(loss.scorer()(model, X, y), expected)
    assert_allclose(loss.scorer()(model, X, y.tolist()), expected)


@pytest.mark.parametrize("loss", [sl.Focal(alpha=0.9), sl.Hinge()], ids=repr)
def test_pos_label(loss, binary):
    X, codes, _ = binary
    y = np.array(["no", "yes"])[codes]
    model = LogisticRegression().fit(X, y)
    if loss.response_method == "predict_proba":
        p = model.predict_proba(X)
    else:
        p = np.column_stack([-model.decision_function(X), model.decision_function(X)])
    assert_allclose(loss.scorer(pos_label="no")(model, X, y), -loss(1 - codes, p[:, 0]))
    assert_allclose(loss.scorer(pos_label="yes")(model, X, y), -loss(codes, p[:, 1]))
    with pytest.raises(ValueError, match="pos_label=maybe is not a valid label"):
        loss.scorer(pos_label="maybe")(model, X, y)


def test_class_missing_from_a_test_fold(binary):
    X, codes, _ = binary
    y = np.array(["no", "yes"])[codes]
    order = np.argsort(y, kind="stable")
    X, y = X[order], y[order]
    fold = np.full(N, -1)
    fold[:10] = 0  # only "no"
    fold[-10:] = 1  # only "yes"
    split = PredefinedSplit(fold)
    loss = sl.BinaryCrossEntropy()
    by_hand = []
    for train, test in split.split():
        model = LogisticRegression().fit(X[train], y[train])
        true_class = np.searchsorted(model.classes_, y[test])
        by_hand.append(np.log(model.predict_proba(X[test])[np.arange(10), true_class]).mean())
    found = cross_val_score(LogisticRegression(), X, y, scoring=loss.scorer(), cv=split)
    assert_allclose(found, by_hand)


def test_label_unseen_in_training():
    X = np.arange(12.0)[:, None]
    y = np.array(["a"] * 5 + ["b"] * 4 + ["c"] * 3)
    model = LogisticRegression().fit(X[:9], y[:9])
    scorer = sl.BinaryCrossEntropy().scorer()
    with pytest.raises(ValueError, match=r"LogisticRegression has not seen in fit: \['c'\]"):
        scorer(model, X, y)
    split = [(np.arange(9), np.arange(12))]
    with pytest.raises(ValueError, match="has not seen in fit"):
        cross_validate(LogisticRegression(), X, y, scoring=scorer, cv=split, error_score="raise")


def test_binary_loss_scores_three_classes_one_versus_rest(rng):
    X, y = rng.normal(size=(30, 2)), np.arange(30) % 3
    model = LogisticRegression().fit(X, y)
    columns = zip(np.eye(3)[y].T, model.decision_function(X).T, strict=True)
    expected = -np.mean([sl.Hinge()(target, column) for target, column in columns])
    assert_allclose(sl.Hinge().scorer()(model, X, y), expected)
    with pytest.raises(ValueError, match="two classes"):
        sl.Hinge().scorer(pos_label=1)(model, X, y)


def test_classifier_of_one_class():
    X, y = np.zeros((4, 1)), np.array(["yes"] * 4)
    model = DummyClassifier().fit(X, y)
    # it is certain, and right: the loss of a certain right answer
    assert_allclose(sl.BinaryCrossEntropy().scorer()(model, X, y), 0, atol=1e-12)
    assert_allclose(sl.Brier().scorer()(model, X, y), 0)
    with pytest.raises(ValueError, match="has not seen in fit"):
        sl.Brier().scorer()(model, X, np.array(["no"] * 4))


def test_soft_targets_of_a_regressor(rng):
    """A probability predicted by a regressor is scored as it is."""
    X, y = rng.normal(size=(20, 2)), rng.uniform(size=20)
    model = DummyRegressor().fit(X, y)
    loss = sl.BinaryCrossEntropy()
    assert_allclose(loss.scorer()(model, X, y), -loss(y, np.full(20, y.mean())))


def test_classifier_without_the_response_method(binary):
    X, y, _ = binary
    model = LinearSVC().fit(X, y)
    assert_allclose(sl.Hinge().scorer()(model, X, y), -sl.Hinge()(y, model.decision_function(X)))
    with pytest.raises(AttributeError, match="predict_proba"):
        sl.BinaryCrossEntropy().scorer()(model, X, y)


def test_regression_loss_of_a_classifier(binary):
    """As in scikit-learn: what predict returns."""
    X, y, _ = binary
    model = LogisticRegression().fit(X, y)
    assert_allclose(sl.AbsoluteError().scorer()(model, X, y), -np.abs(y - model.predict(X)).mean())


# ------------------------------------------------------------------ weights


class Weightless(ClassifierMixin, BaseEstimator):
    """A classifier whose fit takes no weights."""

    def fit(self, X, y):
        self.inner_ = LogisticRegression().fit(X, y)
        self.classes_ = self.inner_.classes_
        return self

    def predict_proba(self, X):
        return self.inner_.predict_proba(X)

    def predict(self, X):
        return self.inner_.predict(X)


@pytest.mark.usefixtures("routing")
def test_routed_weights(regression):
    X, y, w = regression
    loss = sl.Huber()
    scorer = loss.scorer().set_score_request(sample_weight=True)
    model = Ridge().set_fit_request(sample_weight=False)
    by_hand = [
        -loss(y[t], Ridge().fit(X[r], y[r]).predict(X[t]), sample_weight=w[t])
        for r, t in FOLDS.split(X)
    ]
    found = cross_validate(
        model, X, y, scoring=scorer, cv=FOLDS, params={"sample_weight": w}, error_score="raise"
    )
    assert_allclose(found["test_score"], by_hand)


@pytest.mark.usefixtures("routing")
def test_weights_not_requested(regression):
    X, y, w = regression
    loss = sl.Huber()
    scorer = loss.scorer().set_score_request(sample_weight=False)
    model = Ridge().set_fit_request(sample_weight=True)
    by_hand = [-loss(y[t], Ridge().fit(X[r], y[r], w[r]).predict(X[t])) for r, t in FOLDS.split(X)]
    found = cross_val_score(model, X, y, scoring=scorer, cv=FOLDS, params={"sample_weight": w})
    assert_allclose(found, by_hand)


@pytest.mark.usefixtures("routing")
def test_unset_request_is_an_error(regression):
    X, y, w = regression
    model = Ridge().set_fit_request(sample_weight=True)
    with pytest.raises(sklearn.exceptions.UnsetMetadataPassedError, match="sample_weight"):
        cross_val_score(
            model, X, y, scoring=sl.Huber().scorer(), cv=FOLDS, params={"sample_weight": w}
        )


@pytest.mark.usefixtures("routing")
def test_requests_survive_pickle_and_clone():
    scorer = sl.Huber().scorer().set_score_request(sample_weight=True)
    for copy in (pickle.loads(pickle.dumps(scorer)), clone(scorer, safe=False)):
        request = copy.get_metadata_routing().score.requests
        assert request["sample_weight"] is True


def test_weights_without_routing(binary):
    X, y, w = binary
    model = Weightless().fit(X, y)
    loss = sl.BinaryCrossEntropy()
    expected = -loss(y, model.predict_proba(X)[:, 1], sample_weight=w)
    assert_allclose(loss.scorer()(model, X, y, sample_weight=w), expected)
    repeated = np.repeat(np.arange(N), w.astype(int))
    assert_allclose(loss.scorer()(model, X[repeated], y[repeated]), expected)


# ------------------------------------------------------------------ searches


def test_grid_search_over_the_loss(regression):
    X, y, _ = regression
    loss = sl.Pinball(0.8)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), Ridge()),
        {"ridge__alpha": [0.1, 1.0, 1e3]},
        scoring=loss.scorer(), cv=FOLDS, n_jobs=2,
    ).fit(X, y)  # fmt: skip
    by_hand = [
        cross_val_score(
            make_pipeline(StandardScaler(), Ridge(alpha=alpha)),
            X,
            y,
            scoring=loss.scorer(),
            cv=FOLDS,
        ).mean()
        for alpha in (0.1, 1.0, 1e3)
    ]
    assert_allclose(search.cv_results_["mean_test_score"], by_hand)
    assert search.best_index_ == np.argmax(by_hand)


def test_grid_search_over_parameters_of_the_loss(regression):
    X, y, _ = regression
    model = sl.LossRegressor(loss=sl.Huber())
    grid = {"loss__delta": [0.5, 5.0], "alpha": [0, 1e-2]}
    search = GridSearchCV(model, grid, scoring=sl.Huber(1.0).scorer(), cv=FOLDS, n_jobs=2).fit(X, y)
    for params, score in zip(
        search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
    ):
        alone = clone(model).set_params(**params)
        expected = cross_val_score(alone, X, y, scoring=sl.Huber(1.0).scorer(), cv=FOLDS)
        assert_allclose(score, expected.mean(), rtol=1e-6)
    assert model.loss == sl.Huber()  # untouched
    assert search.best_estimator_.loss_function_.delta == search.best_params_["loss__delta"]


def test_grid_search_over_losses(regression):
    X, y, _ = regression
    losses = [sl.Huber(2.0), sl.SquaredError(), "log_cosh"]
    search = GridSearchCV(
        sl.LossRegressor(), {"loss": losses}, scoring=sl.AbsoluteError().scorer(), cv=FOLDS
    ).fit(X, y)
    assert search.cv_results_["param_loss"].tolist() == losses
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_several_scorers(regression):
    X, y, _ = regression
    scoring = {"huber": sl.Huber().scorer(), "mae": sl.get_scorer("neg_mae"), "r2": "r2"}
    found = cross_validate(Ridge(), X, y, scoring=scoring, cv=FOLDS, return_train_score=True)
    for name, scorer in scoring.items():
        alone = cross_val_score(Ridge(), X, y, scoring=scorer, cv=FOLDS)
        assert_allclose(found[f"test_{name}"], alone)
    search = GridSearchCV(Ridge(), {"alpha": [0.1, 1]}, scoring=scoring, refit="huber", cv=FOLDS)
    assert_allclose(search.fit(X, y).score(X, y), scoring["huber"](search, X, y))


def test_several_scorers_of_a_classifier_share_predictions(binary):
    X, y, _ = binary
    calls = []

    class Counting(LogisticRegression):
        def predict_proba(self, X):
            calls.append("predict_proba")
            return super().predict_proba(X)

    model = Counting().fit(X, y)
    scoring = {"a": sl.BinaryCrossEntropy().scorer(), "b": sl.Brier().scorer(), "c": "neg_log_loss"}
    scores = check_scoring(model, scoring=scoring)(model, X, y)
    assert_allclose(scores["a"], scores["c"])
    assert calls == ["predict_proba"]


@pytest.mark.parametrize("scoring", [
    sl.Huber(2.0).scorer(), sl.make_loss_scorer("auto"), {"a": sl.Huber(2.0).scorer()},
    make_scorer(sl.Huber(2.0), greater_is_better=False), sl.Huber(2.0),
], ids=["scorer", "auto", "dict", "make_scorer", "loss"])  # fmt: skip
def test_repr_of_a_search(scoring):
    search = GridSearchCV(sl.LossRegressor(sl.Huber(3.0)), {"alpha": [1.0]}, scoring=scoring)
    for text in (repr(search), str(search), search._repr_html_()):
        assert "GridSearchCV" in text
    assert repr(clone(search)) == repr(search)
    assert search.get_params()["scoring"] is scoring


# ------------------------------------------------------------------ "auto"


def test_auto_is_the_loss_of_the_fit(regression):
    X, y, w = regression
    loss = sl.Pinball(0.7)
    model = sl.LossRegressor(loss=loss).fit(X, y)
    auto = sl.make_loss_scorer("auto")
    expected = -loss(y, model.predict(X))
    assert_allclose(auto(model, X, y), expected)
    assert_allclose(auto(model, X, y, sample_weight=w), -loss(y, model.predict(X), sample_weight=w))
    assert_allclose(pickle.loads(pickle.dumps(auto))(model, X, y), expected)
    assert_allclose(sl.make_loss_scorer()(model, X, y), expected)
    model.set_params(loss="mse")  # the fitted loss counts, not the one set since
    assert_allclose(auto(model, X, y), expected)


NESTED = {
    "pipeline": lambda m: make_pipeline(StandardScaler(), m),
    "search": lambda m: GridSearchCV(m, {"alpha": [1e-4]}, scoring="r2", cv=FOLDS),
    "target": lambda m: TransformedTargetRegressor(m, func=np.cbrt, inverse_func=lambda t: t**3),
    "pipeline in a search": lambda m: GridSearchCV(
        make_pipeline(StandardScaler(), m), {"lossregressor__alpha": [1e-4]}, scoring="r2", cv=FOLDS
    ),
    "search in a pipeline": lambda m: make_pipeline(
        StandardScaler(), GridSearchCV(m, {"alpha": [1e-4]}, scoring="r2", cv=FOLDS)
    ),
    "target of a pipeline": lambda m: TransformedTargetRegressor(make_pipeline(m)),
}


@pytest.mark.parametrize("nested", list(NESTED))
def test_auto_looks_inside(nested, regression):
    X, y, _ = regression
    loss = sl.Huber(0.5)
    model = NESTED[nested](sl.LossRegressor(loss=loss)).fit(X, y)
    expected = -loss(y, model.predict(X))
    assert_allclose(sl.make_loss_scorer("auto")(model, X, y), expected)


@pytest.mark.parametrize("loss", ["log_loss", "hinge", sl.Focal(1.0)], ids=str)
def test_auto_of_a_classifier(loss, binary):
    X, codes, _ = binary
    y = np.array(["no", "yes"])[codes]
    model = make_pipeline(StandardScaler(), sl.LossClassifier(loss=loss)).fit(X, y)
    own = sl.get_loss(loss)
    response = getattr(model, own.response_method)(X)
    response = response[:, 1] if response.ndim == 2 else response
    assert_allclose(sl.make_loss_scorer("auto")(model, X, y), -own(codes, response))


def test_auto_scores_each_candidate_by_its_own_loss(regression):
    X, y, _ = regression
    deltas = [0.5, 5.0]
    search = GridSearchCV(
        sl.LossRegressor(sl.Huber()), {"loss__delta": deltas},
        scoring=sl.make_loss_scorer("auto"), cv=FOLDS,
    ).fit(X, y)  # fmt: skip
    by_hand = [
        cross_val_score(
            sl.LossRegressor(sl.Huber(d)), X, y, scoring=sl.Huber(d).scorer(), cv=FOLDS
        ).mean()
        for d in deltas
    ]
    assert_allclose(search.cv_results_["mean_test_score"], by_hand, rtol=1e-6)


def test_auto_of_another_estimator(regression):
    X, y, _ = regression
    model = make_pipeline(StandardScaler(), Ridge()).fit(X, y)
    with pytest.raises(ValueError, match="Name the loss instead"):
        sl.make_loss_scorer("auto")(model, X, y)


def test_auto_of_an_unfitted_estimator(regression):
    X, y, _ = regression
    with pytest.raises((ValueError, sklearn.exceptions.NotFittedError)):
        sl.make_loss_scorer("auto")(sl.LossRegressor(), X, y)


def test_stratified_classification_end_to_end(binary):
    X, codes, _ = binary
    y = np.array(["no", "yes"])[codes]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = cross_val_score(
            sl.LossClassifier(),
            X,
            y,
            scoring=sl.make_loss_scorer(),
            cv=StratifiedKFold(3),
            n_jobs=2,
        )
    assert (scores < 0).all()
    assert (scores > -np.log(2)).all()


# ------------------------------------------------------------------ D²


d2_loss_score = sl.metrics.d2_loss_score
D2 = [
    ("squared_error", {}, metrics.r2_score),
    ("absolute_error", {}, metrics.d2_absolute_error_score),
    (sl.Pinball(0.9), {"alpha": 0.9}, metrics.d2_pinball_score),
    (sl.PoissonDeviance(), {"power": 1}, metrics.d2_tweedie_score),
    (sl.TweedieDeviance(1.5), {"power": 1.5}, metrics.d2_tweedie_score),
    (sl.GammaDeviance(), {"power": 2}, metrics.d2_tweedie_score),
]


@pytest.mark.parametrize(("loss", "params", "score"), D2, ids=lambda x: getattr(x, "__name__", ""))
@pytest.mark.parametrize("weighted", [False, True])
def test_d2_of_sklearn(loss, params, score, weighted, rng):
    y, p = rng.gamma(2.0, size=(2, 101)) + 0.1
    w = rng.integers(1, 4, 101).astype(float) if weighted else None
    if weighted and w.sum() % 2 == 0:
        w[0] += 1  # an odd number of rows has one median
    expected = score(y, p, sample_weight=w, **params)
    assert_allclose(d2_loss_score(y, p, loss=loss, sample_weight=w), expected, rtol=1e-3)
    if score is not metrics.d2_pinball_score:  # whose weighted quantile is interpolated
        assert_allclose(d2_loss_score(y, p, loss=loss, sample_weight=w), expected, rtol=1e-9)


@pytest.mark.parametrize("weighted", [False, True])
def test_d2_of_probabilities(weighted, rng):
    y, p = rng.integers(0, 2, 80), rng.uniform(0.01, 0.99, 80)
    w = rng.integers(0, 4, 80).astype(float) if weighted else None
    expected = metrics.d2_log_loss_score(y, p, sample_weight=w)
    assert_allclose(d2_loss_score(y, p, loss="log_loss", sample_weight=w), expected)
    both = np.column_stack([1 - p, p])
    assert_allclose(d2_loss_score(y, both, loss="log_loss", sample_weight=w), expected)
    expected = metrics.d2_brier_score(y, p, sample_weight=w)
    assert_allclose(d2_loss_score(y, p, loss="brier", sample_weight=w), expected)


# of embedding losses all constants are the best one; those of sequences are of lists
PREDICTIVE = [cls for cls in PREDICTED if cls.task not in ("embedding", "sequence")]


@pytest.mark.parametrize("cls", PREDICTIVE, ids=lambda cls: cls.__name__)
def test_d2_of_the_best_constant_is_zero(cls, rng):
    loss = example_of(cls)
    if isinstance(loss, sl.RowwiseLoss):
        shape = 50 if loss.n_outputs is None else (50, loss.n_outputs)
        y = rng.integers(0, 3, 50) if loss.task == "multiclass" else rng.gamma(2.0, size=shape)
        constant = loss.inverse_link(np.tile(loss.init_raw(y), (50, 1)))
        if loss != sl.GaussianNLL():  # which may be negative, so that its ratio says nothing
            assert_allclose(d2_loss_score(y, constant, loss=loss), 0, atol=1e-9)
        return
    labels = loss.task in ("binary", "overlap") or loss.target.integer
    y = rng.integers(0, 2, 50).astype(float) if labels else rng.gamma(2.0, size=50)
    constant = loss.inverse_link(np.full(50, loss.init_raw(y)))
    assert_allclose(d2_loss_score(y, constant, loss=loss), 0, atol=1e-9)


def test_d2_of_perfect_predictions(rng):
    y = rng.normal(size=20)
    assert d2_loss_score(y, y, loss="huber") == 1
    ones = np.ones(5)
    assert d2_loss_score(ones, ones, loss="mse") == 1
    assert d2_loss_score(ones, 2 * ones, loss="mse") == -np.inf


def test_d2_of_several_outputs(rng):
    y, p = rng.normal(size=(2, 40, 3))
    w = rng.integers(1, 4, 40)
    expected = (
        1
        - metrics.mean_squared_error(y, p, sample_weight=w)
        / np.average((y - np.average(y, axis=0, weights=w)) ** 2, axis=0, weights=w).mean()
    )
    assert_allclose(d2_loss_score(y, p, loss="mse", sample_weight=w), expected)
    assert_allclose(d2_loss_score(y.tolist(), p.tolist(), loss="mse", sample_weight=w), expected)


def test_d2_needs_a_loss():
    with pytest.raises(TypeError, match="loss"):
        d2_loss_score([1.0], [1.0])
    with pytest.raises(ValueError, match="Unknown loss"):
        d2_loss_score([1.0], [1.0], loss="nothing of the kind")
