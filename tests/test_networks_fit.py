"""Fits of networks and of minibatch optimisers, on ordinary and on awkward data; callbacks."""

from __future__ import annotations

import contextlib
import io
import pickle
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.datasets import load_diabetes, load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    StratifiedKFold,
    cross_val_predict,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklosses as sl

SOLVERS = ["adam", "sgd", "adagrad", "lbfgs"]
SHAPES = pytest.mark.parametrize("hidden", [(), (8,)], ids=["linear", "hidden"])
unfinished = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def diabetes():
    return load_diabetes(return_X_y=True)


def wine():
    return load_wine(return_X_y=True)


# ---------------------------------------------------------------- they learn


def test_digits():
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, random_state=0, stratify=y)
    model = sl.LossClassifier(hidden_layer_sizes=(64,), random_state=0).fit(X, y)
    assert model.score(X_test, y_test) >= 0.97
    assert model.solver_ == "adam"
    assert [coef.shape for coef in model.coefs_] == [(64, 64), (64, 10)]
    assert not hasattr(model, "coef_")


@unfinished
@pytest.mark.parametrize("solver", SOLVERS)
@SHAPES
def test_every_solver_learns_from_unscaled_columns(solver, hidden):
    X, y = wine()  # columns from 0.1 to 1,700
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0, stratify=y)
    model = sl.LossClassifier(hidden_layer_sizes=hidden, solver=solver, random_state=0)
    model.fit(X_train, y_train)
    assert model.solver_ == solver
    assert model.score(X_test, y_test) >= 0.93
    assert model.score(X_train, y_train) >= 0.98


@unfinished
@pytest.mark.parametrize("solver", SOLVERS)
def test_networks_learn_what_no_line_can(solver):
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, size=(600, 2))
    y = np.sin(2 * X[:, 0]) * X[:, 1]
    model = sl.LossRegressor(
        hidden_layer_sizes=(30, 30), activation="tanh", solver=solver, alpha=0, batch_size=32,
        random_state=0,
    ).fit(X[:400], y[:400])  # fmt: skip
    assert model.score(X[400:], y[400:]) > 0.95
    assert sl.LossRegressor().fit(X[:400], y[:400]).score(X[400:], y[400:]) < 0.1


@unfinished
@pytest.mark.parametrize("activation", ["identity", "logistic", "relu", "softplus", "tanh"])
def test_every_activation_learns(activation):
    X, y = wine()
    model = sl.LossClassifier(hidden_layer_sizes=(8,), activation=activation, random_state=0)
    assert model.fit(X, y).score(X, y) > 0.95


@pytest.mark.parametrize("cls", sl.all_losses("regression"), ids=lambda cls: cls.__name__)
def test_every_loss_of_numbers_trains_a_network(cls):
    X, y = diabetes()
    y = y / y.std()
    loss = cls()
    model = sl.LossRegressor(loss, hidden_layer_sizes=(8,), random_state=0).fit(X, y)
    raw = model._raw(X)
    constant = loss.values(y, np.full(len(y), loss.init_raw(y))).mean()
    assert loss.values(y, raw).mean() < 0.9 * constant
    assert model.predict(X).shape == y.shape


@pytest.mark.parametrize("crossing", ["monotone", "free"])
@SHAPES
def test_quantiles_do_not_cross_and_cover(crossing, hidden):
    X, y = diabetes()
    loss = sl.MultiQuantile((0.05, 0.5, 0.95), crossing=crossing)
    # columns are small, so their coefficients are large, and so would be a penalty
    model = sl.LossRegressor(loss, hidden_layer_sizes=hidden, alpha=0, random_state=0)
    if hidden:  # without it a network of 442 rows learns them by heart, and its bands are narrow
        search = GridSearchCV(
            model, {"alpha": [1e-3, 1e-2, 1e-1]}, scoring=loss.scorer(), cv=3
        ).fit(X, y)  # fmt: skip
        model = search.best_estimator_
    folds = KFold(5, shuffle=True, random_state=0)
    low, median, high = cross_val_predict(model, X, y, cv=folds).T
    if crossing == "monotone":
        assert (low <= median).all()
        assert (median <= high).all()
    assert 0.85 <= sl.metrics.coverage_score(y, low, high) <= 0.95
    fitted = model.fit(X, y)
    assert fitted.predict(X).shape == (442, 3)
    assert fitted.score(X, y) > 0.15


def test_deviations_follow_the_noise():
    rng = np.random.default_rng(0)
    X = rng.uniform(0, 1, size=(2000, 1))
    spread = 0.1 + X[:, 0]
    y = 3 * X[:, 0] + spread * rng.normal(size=2000)
    for hidden in ((), (16,)):
        model = sl.LossRegressor("gaussian_nll", hidden_layer_sizes=hidden, random_state=0)
        mean, std = model.fit(X, y).predict(X, return_std=True)
        assert np.abs(mean - 3 * X[:, 0]).mean() < 0.15
        assert np.corrcoef(std, spread)[0, 1] > 0.9
        assert_allclose(np.mean(((y - mean) / std) ** 2), 1, atol=0.1)


# ---------------------------------------------------------------- weights, validation


@unfinished
@pytest.mark.parametrize("solver", SOLVERS)
@SHAPES
def test_rows_without_weight_are_ignored(solver, hidden):
    X, y = wine()
    w = (np.arange(len(y)) % 3 > 0).astype(float)
    model = sl.LossClassifier(
        hidden_layer_sizes=hidden, solver=solver, random_state=0, max_iter=50, alpha=0.01
    )
    garbage = np.where(w[:, None] > 0, X, 1e6)
    weighted = clone(model).fit(garbage, y, sample_weight=w)
    removed = clone(model).fit(X[w > 0], y[w > 0])
    assert_allclose(weighted.predict_proba(X), removed.predict_proba(X), rtol=1e-6)
    assert weighted.n_iter_ == removed.n_iter_
    streamed, left = clone(model), clone(model)
    for _ in range(3):
        streamed.partial_fit(garbage, y, classes=[0, 1, 2], sample_weight=w)
        left.partial_fit(X[w > 0], y[w > 0], classes=[0, 1, 2])
    assert_allclose(streamed.predict_proba(X), left.predict_proba(X), rtol=1e-6)


@unfinished
@pytest.mark.parametrize("solver", SOLVERS)
@SHAPES
def test_the_scale_of_weights_does_not_matter(solver, hidden):
    X, y = diabetes()
    w = np.random.default_rng(0).uniform(0.5, 2, len(y))
    model = sl.LossRegressor(
        hidden_layer_sizes=hidden, solver=solver, random_state=0, max_iter=30, activation="tanh"
    )
    first = clone(model).fit(X, y, sample_weight=w)
    second = clone(model).fit(X, y, sample_weight=1024 * w)
    assert_allclose(second.predict(X), first.predict(X), rtol=1e-5)


@SHAPES
def test_class_weights_move_the_decision(hidden):
    X, y = load_iris(return_X_y=True)
    X, y = X[50:, :2], y[50:]  # two classes that overlap
    model = sl.LossClassifier(hidden_layer_sizes=hidden, solver="adam", random_state=0)
    plain = clone(model).fit(X, y)
    heavy = clone(model).set_params(class_weight={2: 10.0}).fit(X, y)
    by_hand = clone(model).fit(X, y, sample_weight=np.where(y == 2, 10.0, 1.0))
    assert_allclose(heavy.predict_proba(X), by_hand.predict_proba(X), rtol=1e-6)
    assert np.mean(heavy.predict(X) == 2) > np.mean(plain.predict(X) == 2)
    balanced = clone(model).set_params(class_weight="balanced").fit(X, y)
    assert_allclose(balanced.predict_proba(X), plain.predict_proba(X), rtol=1e-6)


@unfinished
@pytest.mark.parametrize("solver", SOLVERS)
@SHAPES
@pytest.mark.parametrize("task", ["regression", "classes"])
def test_early_stopping_returns_the_best(solver, hidden, task):
    X, y = diabetes() if task == "regression" else wine()
    cls = sl.LossRegressor if task == "regression" else sl.LossClassifier
    settings = {"solver": solver, "alpha": 0, "random_state": 0, "max_iter": 200}
    model = cls(hidden_layer_sizes=hidden, **settings)
    test = np.arange(len(y)) % 4 == 0
    model.fit(X[~test], y[~test], X_val=X[test], y_val=y[test])
    assert len(model.validation_scores_) == len(model.loss_curve_) == model.n_iter_
    reached = -model.loss_function_.values(y[test], model._raw(X[test])).mean()
    if task == "classes":
        reached = -model.loss_function_.values(y[test], model._raw(X[test])).sum() / test.sum()
    assert_allclose(reached, max(model.validation_scores_), rtol=1e-9)
    own = clone(model).set_params(early_stopping=True, validation_fraction=0.3).fit(X, y)
    assert len(own.validation_scores_) == own.n_iter_
    assert clone(model).set_params(early_stopping=False).fit(X, y).validation_scores_ is None


# ---------------------------------------------------------------- streams, warm starts


@pytest.mark.parametrize("settings", [
    {"hidden_layer_sizes": (8,)}, {"hidden_layer_sizes": (8,), "solver": "sgd"},
    {"solver": "adagrad"}, {"loss": "gaussian_nll", "alpha": 0},
    {"loss": sl.MultiQuantile((0.4, 0.6)), "alpha": 0},
], ids=str)  # fmt: skip
def test_streams_of_numbers(settings):
    X, y = diabetes()
    model = sl.LossRegressor(random_state=0, **settings)
    for _ in range(60):
        for rows in np.array_split(np.arange(len(y)), 4):
            model.partial_fit(X[rows], y[rows])
    assert model.n_iter_ == len(model.loss_curve_) == 240
    predicted = model.predict(X)
    predicted = predicted.mean(axis=1) if predicted.ndim == 2 else predicted
    assert 1 - np.mean((predicted - y) ** 2) / y.var() > 0.4
    again = pickle.loads(pickle.dumps(model))
    assert_allclose(again.partial_fit(X, y)._raw(X), model.partial_fit(X, y)._raw(X))


@unfinished
@pytest.mark.parametrize("solver", SOLVERS)
def test_warm_start_continues(solver):
    X, y = diabetes()
    model = sl.LossRegressor(
        hidden_layer_sizes=(8,), solver=solver, activation="tanh", warm_start=True, max_iter=40,
        random_state=0,
    ).fit(X, y)  # fmt: skip
    losses = [model.loss_, *(model.fit(X, y).loss_ for _ in range(3))]
    assert losses[-1] < losses[0]
    assert model.score(X, y) > sl.LossRegressor().fit(X, y).score(X, y) - 0.1
    with pytest.raises(ValueError, match="warm_start"):
        model.set_params(hidden_layer_sizes=(9,)).fit(X, y)
    with pytest.raises(ValueError, match="warm_start"):
        model.set_params(hidden_layer_sizes=(8,)).fit(X[:, :3], y)


# ---------------------------------------------------------------- kinds of data


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@unfinished
def test_several_targets_share_hidden_layers(solver):
    X, y = diabetes()
    Y = np.column_stack((y, 5 - 2 * y, 1e3 * X[:, 2]))
    model = sl.LossRegressor(
        hidden_layer_sizes=(16,), solver=solver, activation="tanh", random_state=0
    ).fit(X, Y)  # fmt: skip
    assert model.predict(X).shape == Y.shape
    assert [coef.shape for coef in model.coefs_] == [(10, 16), (16, 3)]
    assert model.score(X, Y) > 0.4
    # one column of targets is one target, of the same shape
    column = clone(model).fit(X, Y[:, :1]).predict(X)
    assert column.shape == (442, 1)
    assert_allclose(column.ravel(), clone(model).fit(X, y).predict(X), rtol=1e-9)


@unfinished
@pytest.mark.parametrize("solver", SOLVERS)
@SHAPES
def test_single_precision_stays(solver, hidden):
    X, y = diabetes()
    X, y = X.astype(np.float32), y.astype(np.float32)
    model = sl.LossRegressor(hidden_layer_sizes=hidden, solver=solver, random_state=0).fit(X, y)
    assert model.predict(X).dtype == np.float32
    assert model.predict(X.astype(float)).dtype == np.float64
    if hidden:
        assert {array.dtype for array in (*model.coefs_, *model.intercepts_)} == {X.dtype}
    assert model.score(X, y) > 0.45
    classes = sl.LossClassifier(hidden_layer_sizes=hidden, solver=solver, random_state=0)
    classes.fit(X, y > np.median(y))
    assert classes.predict_proba(X).dtype == np.float32


@unfinished
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csr_array, sparse.csc_array])
def test_sparse_is_dense(solver, container):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 8)) * (rng.random((300, 8)) < 0.4)
    y = np.abs(X @ rng.normal(size=8)) + 1.0
    # centres differ: only columns that are not centred give the same network
    model = sl.LossRegressor(
        hidden_layer_sizes=(10,), solver=solver, activation="tanh", random_state=0, max_iter=300
    )
    dense, thin = clone(model).fit(X, y), clone(model).fit(container(X), y)
    assert thin.score(container(X), y) > 0.5
    assert abs(thin.score(container(X), y) - dense.score(X, y)) < 0.15
    assert_allclose(thin.predict(container(X)), thin.predict(X), rtol=1e-9)
    free = model.set_params(fit_intercept=False, max_iter=30)
    same = clone(free).fit(container(X), y).predict(X)
    assert_allclose(same, clone(free).fit(X, y).predict(X), rtol=1e-6)


@unfinished
@pytest.mark.parametrize("solver", SOLVERS)
@SHAPES
def test_columns_of_any_scale(solver, hidden):
    X, y = diabetes()
    scales = 2.0 ** np.linspace(-10, 20, X.shape[1]).round()  # 1e-3 to 1e6, without rounding
    model = sl.LossRegressor(
        hidden_layer_sizes=hidden, solver=solver, alpha=0, random_state=0, max_iter=100
    )
    plain = clone(model).fit(X, y).score(X, y)
    scaled = clone(model).fit(X * scales, y).score(X * scales, y)
    moved = clone(model).fit((X + 1) * scales, y).score((X + 1) * scales, y)
    assert plain > 0.4
    assert_allclose(scaled, plain, atol=0.005)
    # shifts are rounded, and lbfgs enlarges that from iteration to iteration
    assert_allclose(moved, plain, atol=0.05)


@unfinished
@pytest.mark.parametrize("loss", [
    "squared_error", sl.Pinball(0.5), "multi_quantile", "gaussian_nll",
], ids=str)  # fmt: skip
@pytest.mark.parametrize("solver", SOLVERS)
@SHAPES
def test_targets_of_any_scale(loss, solver, hidden):
    if solver == "lbfgs" and loss not in ("squared_error", "gaussian_nll"):
        return  # not smooth
    X, y = diabetes()
    model = sl.LossRegressor(
        loss, hidden_layer_sizes=hidden, solver=solver, alpha=0, random_state=0, max_iter=100
    )
    # e**-0.5 times the standard deviation: there the mean loss of the constant is 0
    if loss == "gaussian_nll":
        y = y / y.std() * np.exp(-0.5)
    scores = [clone(model).fit(X, y * c).score(X, y * c) for c in (1.0, 1e6, 1e-6)]
    assert scores[0] > 0.2
    assert_allclose(scores, scores[0], atol=0.02)


def test_constant_targets_and_columns():
    X, y = np.ones((30, 3)), np.full(30, 7.0)
    for solver in SOLVERS:
        for hidden in ((), (4,)):
            model = sl.LossRegressor(hidden_layer_sizes=hidden, solver=solver, random_state=0)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                assert_allclose(model.fit(X, y).predict(X), 7.0, rtol=1e-6)
                noisy = clone(model).fit(X, np.arange(30.0)).predict(X)
            assert_allclose(noisy, 14.5, rtol=0.02)


@unfinished
def test_fewer_rows_than_anything():
    X, y = diabetes()
    for solver in SOLVERS:
        model = sl.LossRegressor(
            hidden_layer_sizes=(5,), solver=solver, batch_size=1000, random_state=0, max_iter=50
        )
        for rows in (1, 2, 7):
            predicted = model.fit(X[:rows], y[:rows]).predict(X)
            assert np.isfinite(predicted).all()


def test_divergence_is_told_and_leaves_a_model():
    X, y = diabetes()
    for hidden in ((), (8,)):
        model = sl.LossRegressor(
            hidden_layer_sizes=hidden, solver="sgd", learning_rate="constant",
            learning_rate_init=1e4, random_state=0,
        )  # fmt: skip
        if hidden:
            with pytest.warns(ConvergenceWarning, match="sgd diverged.*learning_rate_init"):
                model.fit(X, y)
            assert np.isfinite(model.predict(X)).all()
            assert model.score(X, y) > -0.1
    stream = sl.LossRegressor(
        hidden_layer_sizes=(8,), solver="sgd", learning_rate_init=1e9, random_state=0
    )
    with warnings.catch_warnings(record=True, action="always") as told:
        for _ in range(5):
            stream.partial_fit(X, y)
    assert any("sgd diverged" in str(warning.message) for warning in told)
    assert np.isfinite(stream.predict(X)).all()


# ---------------------------------------------------------------- scikit-learn's habits


@unfinished
@pytest.mark.parametrize("solver", SOLVERS)
@SHAPES
def test_random_states_are_reproducible(solver, hidden):
    X, y = wine()
    model = sl.LossClassifier(hidden_layer_sizes=hidden, solver=solver, random_state=3, max_iter=20)
    first, second = clone(model).fit(X, y), clone(model).fit(X, y)
    assert_array_equal(first.decision_function(X), second.decision_function(X))
    restored = pickle.loads(pickle.dumps(first))
    assert_array_equal(restored.decision_function(X), first.decision_function(X))
    other = clone(model).set_params(random_state=4).fit(X, y).decision_function(X)
    assert np.array_equal(other, first.decision_function(X)) == (solver == "lbfgs" and not hidden)
    generator = clone(model).set_params(random_state=np.random.RandomState(3)).fit(X, y)
    assert_array_equal(generator.decision_function(X), first.decision_function(X))


@unfinished
def test_searches_over_layers_and_parameters_of_the_loss():
    X, y = wine()
    search = GridSearchCV(
        make_pipeline(
            StandardScaler(), sl.LossClassifier(sl.Focal(), max_iter=30, random_state=0)
        ),
        {
            "lossclassifier__hidden_layer_sizes": [(), (4,), (4, 4)],
            "lossclassifier__loss__gamma": [0.0, 1.0],
        },
        scoring=sl.make_loss_scorer("auto"), cv=StratifiedKFold(3), n_jobs=2,
    ).fit(X, y)  # fmt: skip
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.score(X, y) <= 0
    assert np.mean(search.predict(X) == y) > 0.9


@unfinished
@pytest.mark.parametrize("settings", [
    {}, {"solver": "adam"}, {"hidden_layer_sizes": (8,)}, {"loss": "hinge"},
    {"hidden_layer_sizes": (8,), "solver": "lbfgs"}, {"solver": "sgd"},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("max_iter", [1, 7, 400])
def test_curves_are_as_long_as_the_fit(settings, max_iter):
    X, y = wine()
    model = sl.LossClassifier(max_iter=max_iter, random_state=0, **settings).fit(X, y)
    assert len(model.loss_curve_) == model.n_iter_ <= max_iter
    assert model.loss_curve_[-1] <= model.loss_curve_[0]
    assert np.isfinite(model.loss_)


@pytest.mark.parametrize("solver", SOLVERS)
def test_not_converging_warns(solver):
    X, y = wine()
    model = sl.LossClassifier(hidden_layer_sizes=(8,), solver=solver, max_iter=2, random_state=0)
    with pytest.warns(ConvergenceWarning, match=f"{solver} failed to converge.*max_iter"):
        model.fit(X, y)


BAD = [
    ({"hidden_layer_sizes": (0,)}, "hidden_layer_sizes"),
    ({"hidden_layer_sizes": (-1,)}, "hidden_layer_sizes"),
    ({"hidden_layer_sizes": 0}, "hidden_layer_sizes"),
    ({"hidden_layer_sizes": (2.5,)}, "hidden_layer_sizes"),
    ({"hidden_layer_sizes": "a"}, "hidden_layer_sizes"),
    ({"hidden_layer_sizes": ("a",)}, "hidden_layer_sizes"),
    ({"hidden_layer_sizes": None}, "hidden_layer_sizes"),
    ({"activation": "x"}, "activation"),
    ({"solver": "nelder_mead"}, "solver"),
    ({"batch_size": 0}, "batch_size"),
    ({"batch_size": "all"}, "batch_size"),
    ({"momentum": 1.0}, "momentum"),
    ({"momentum": -0.1}, "momentum"),
    ({"beta_1": 1.0}, "beta_1"),
    ({"beta_2": -1}, "beta_2"),
    ({"epsilon": 0.0}, "epsilon"),
    ({"learning_rate": "fast"}, "learning_rate"),
    ({"learning_rate_init": 0.0}, "learning_rate_init"),
    ({"max_iter": 0}, "max_iter"),
    ({"alpha": -1.0}, "alpha"),
    ({"validation_fraction": 1.0}, "validation_fraction"),
    ({"random_state": "a"}, "seed|random_state"),
]


@pytest.mark.parametrize(("params", "name"), BAD, ids=str)
def test_bad_parameters_raise_at_fit(params, name):
    X, y = wine()
    for model in (sl.LossClassifier(**params), sl.LossRegressor(**params)):
        with pytest.raises(ValueError, match=name):
            model.fit(X, y)
    if "random_state" not in params:
        with pytest.raises(ValueError, match=f"The '{name}' parameter of Loss.* must be"):
            model.fit(X, y)


@unfinished
@pytest.mark.parametrize("sizes", [5, (5,), [5], np.array([5]), (np.int64(5),)], ids=repr)
def test_sizes_in_any_form(sizes):
    X, y = diabetes()
    model = sl.LossRegressor(hidden_layer_sizes=sizes, max_iter=3, random_state=0).fit(X, y)
    assert model.coefs_[0].shape == (10, 5)
    assert model.predict(X).shape == y.shape
    clone(model)
    repr(model)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e3, 1e6])
def test_likelihoods_of_any_scale(scale):
    X, y = diabetes()  # there are scales at which the mean loss of the constant is 0, or negative
    expected = sl.LossRegressor("gaussian_nll", alpha=0, tol=1e-8).fit(X, y)
    model = sl.LossRegressor("gaussian_nll", alpha=0).fit(X, y * scale)
    assert_allclose(model.loss_ - np.log(scale), expected.loss_, atol=1e-5)
    assert model.n_iter_ < 100


def test_the_fitted_layers_count():
    X, y = diabetes()
    model = sl.LossRegressor(hidden_layer_sizes=(3,), max_iter=300, random_state=0).fit(X, y)
    expected = model.predict(X)
    assert_array_equal(model.set_params(hidden_layer_sizes=()).predict(X), expected)
    model.fit(X, y)
    assert not hasattr(model, "coefs_")
    expected = model.predict(X)
    assert_array_equal(model.set_params(hidden_layer_sizes=(2,)).predict(X), expected)
    assert not hasattr(model.fit(X, y), "coef_")


def test_a_loss_of_several_columns_of_ones_own_is_scored_by_itself():
    class Twice(sl.RowwiseLoss):
        n_raw = 2

        def value(self, y, z):
            return (z[0] - y) ** 2 + (z[1] - 2 * y) ** 2

        def grad(self, y, z, g):
            g[0], g[1] = 2 * (z[0] - y), 2 * (z[1] - 2 * y)

    X, y = diabetes()
    for hidden in ((), (8,)):
        model = sl.LossRegressor(Twice(), hidden_layer_sizes=hidden, alpha=0, random_state=0)
        score = model.fit(X, y).score(X, y)
        assert_allclose(score, 1 - np.square(model.predict(X) - y[:, None] * [1, 2]).sum()
                        / (5 * y.var() * len(y)))  # fmt: skip
        assert score > 0.4


def test_combinations_that_cannot_be():
    X, y = diabetes()
    with pytest.raises(ValueError, match="smooth"):
        sl.LossRegressor("pinball", solver="lbfgs", hidden_layer_sizes=(3,)).fit(X, y)
    with pytest.raises(ValueError, match="penalty"):
        sl.LossRegressor(solver="lbfgs", hidden_layer_sizes=(3,), penalty="l1").fit(X, y)
    with pytest.raises(ValueError, match="optimal"):
        sl.LossRegressor(solver="adam", learning_rate="optimal").fit(X, y)
    with pytest.raises(ValueError, match="optimal"):
        sl.LossRegressor(solver="adam", learning_rate="optimal").partial_fit(X, y)
    with pytest.raises(ValueError, match="classes"):
        sl.LossClassifier(hidden_layer_sizes=(3,)).partial_fit(X, y > 100)


@unfinished
def test_l1_penalty_of_hidden_layers():
    X, y = diabetes()
    settings = {"hidden_layer_sizes": (8,), "random_state": 0, "max_iter": 200}
    loose = sl.LossRegressor(penalty=None, **settings).fit(X, y)
    tight = sl.LossRegressor(penalty="l1", alpha=0.1, **settings).fit(X, y)
    size = [sum(np.abs(coef).sum() for coef in model.coefs_[1:]) for model in (loose, tight)]
    assert size[1] < 0.7 * size[0]


# ---------------------------------------------------------------- callbacks

FITS = {
    "linear lbfgs": lambda: (sl.LossRegressor(solver="lbfgs", max_iter=20), diabetes()),
    "linear sgd": lambda: (sl.LossRegressor(solver="sgd", max_iter=20), diabetes()),
    "linear newton": lambda: (sl.LossRegressor("pinball", max_iter=20), diabetes()),
    "hidden adam": lambda: (
        sl.LossRegressor(hidden_layer_sizes=(5,), max_iter=20), diabetes()
    ),
    "hidden lbfgs": lambda: (
        sl.LossRegressor(hidden_layer_sizes=(5,), solver="lbfgs", max_iter=20), diabetes()
    ),
    "several targets": lambda: (
        sl.LossRegressor(hidden_layer_sizes=(5,), max_iter=20),
        (diabetes()[0], np.column_stack((diabetes()[1], diabetes()[0]))),
    ),
    "multiclass": lambda: (sl.LossClassifier(max_iter=20), wine()),
    "multiclass adam": lambda: (sl.LossClassifier(solver="adam", max_iter=20), wine()),
    "two classes": lambda: (sl.LossClassifier(max_iter=20), (wine()[0], wine()[1] > 0)),
    "quantiles": lambda: (sl.LossRegressor("multi_quantile", max_iter=20), diabetes()),
    "hidden classes": lambda: (
        sl.LossClassifier("hinge", hidden_layer_sizes=(5,), max_iter=20), wine()
    ),
}  # fmt: skip


@unfinished
@pytest.mark.parametrize("fit", FITS)
def test_scores_of_each_iteration(fit):
    model, (X, y) = FITS[fit]()
    model.set_params(random_state=0)
    plain = clone(model).fit(X, y)
    monitor = ScoringMonitor(scoring=sl.make_loss_scorer("auto"))
    watched = clone(model).set_callbacks(monitor).fit(X, y)
    assert_array_equal(watched._raw(X), plain._raw(X))  # to watch changes nothing
    log = monitor.get_logs().data_as_pandas
    iterations = log[log["task_name"] == "iteration"]
    assert len(iterations) == watched.n_iter_
    final = log[log["task_name"] == "fit"]
    assert len(final) == 1
    reached = sl.make_loss_scorer("auto")(watched, X, y)
    assert_allclose(final["score"].iloc[0], reached)
    assert_allclose(iterations["score"].iloc[-1], reached, rtol=1e-6)
    assert np.isfinite(iterations["score"]).all()


@unfinished
@pytest.mark.parametrize("fit", FITS)
def test_progress_bar(fit):
    pytest.importorskip("rich")
    model, (X, y) = FITS[fit]()
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        model.set_callbacks(ProgressBar()).fit(X, y)
    assert type(model).__name__ in out.getvalue()


class Stop:
    """Ends a fit after some iterations."""

    def __init__(self, after):
        self.after, self.count, self.ended = after, 0, 0

    def setup(self, estimator, context):
        self.count = 0

    def teardown(self, estimator, context):
        self.ended += 1

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        self.count += context.task_name == "iteration"
        return self.count >= self.after


@pytest.mark.parametrize("fit", FITS)
def test_a_callback_stops_the_fit(fit):
    model, (X, y) = FITS[fit]()
    model.set_params(max_iter=1000, random_state=0)
    callback = Stop(3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # to be stopped is no failure to converge
        model.set_callbacks(callback).fit(X, y)
    assert model.n_iter_ == len(model.loss_curve_) == 3
    assert callback.ended == 1
    assert np.isfinite(model.predict(X)).all()


def test_outputs_fitted_one_by_one_tell_their_iterations():
    """But show no model: there is none before the last of them."""
    X, y = diabetes()
    callback = Stop(np.inf)
    model = sl.LossRegressor().set_callbacks(callback).fit(X, np.column_stack((y, X)))
    curves = [sl.LossRegressor().fit(X, column).n_iter_ for column in (y, *X.T)]
    assert callback.count == sum(curves)
    assert model.n_iter_ == max(curves)
    monitor = ScoringMonitor(scoring="accuracy")
    X, y = wine()
    sl.LossClassifier("squared_hinge").set_callbacks(monitor).fit(X, y)
    assert monitor.get_logs().data_as_pandas["task_name"].tolist() == ["fit"]


def test_a_failed_fit_takes_callbacks_down():
    X, y = diabetes()
    callback = Stop(3)
    model = sl.LossRegressor("poisson").set_callbacks(callback)
    with pytest.raises(ValueError, match="PoissonDeviance"):
        model.fit(X, -y)
    assert callback.ended == 1


@unfinished
def test_callbacks_of_a_search():
    X, y = wine()
    monitor = ScoringMonitor(scoring="accuracy")
    model = sl.LossClassifier(max_iter=5).set_callbacks(monitor)
    search = GridSearchCV(model, {"alpha": [1e-4, 1.0]}, cv=2).fit(X, y)
    assert search.best_score_ > 0.8
    assert monitor.get_logs(select="all")
