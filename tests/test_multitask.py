"""Several tasks at once: the loss, and one network with a head a task."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold, cross_val_score

import sklosses as sl

N = 12


@pytest.fixture
def rows(rng):
    y = {
        "price": rng.normal(size=N),
        "sold": rng.integers(0, 2, N).astype(float),
        "kind": rng.integers(0, 3, N),
    }
    raw = {"price": rng.normal(size=N), "sold": rng.normal(size=N), "kind": rng.normal(size=(N, 3))}
    return y, raw, rng.integers(0, 3, N).astype(float)


def several(**params):
    losses = {
        "price": sl.Huber(), "sold": sl.BinaryCrossEntropy(), "kind": sl.CategoricalCrossEntropy(),
    }  # fmt: skip
    return sl.MultiTask(losses, **params)


def wine():
    data = load_wine(as_frame=True)
    X = data.data.drop(columns="alcohol")
    return X, pd.DataFrame(
        {"cultivar": data.target_names[data.target], "alcohol": data.data["alcohol"]}
    )


def wine_loss(**params):
    losses = {"cultivar": sl.CategoricalCrossEntropy(), "alcohol": sl.SquaredError()}
    return sl.MultiTask(losses, **params)


# ------------------------------------------------------------------ the loss


def test_fixed_weights_are_a_sum(rows):
    y, raw, w = rows
    loss = several(weights={"sold": 0.5})
    expected = (
        sl.Huber().values(y["price"], raw["price"], w)
        + 0.5 * sl.BinaryCrossEntropy().values(y["sold"], raw["sold"], w)
        + sl.CategoricalCrossEntropy().values(y["kind"], raw["kind"], w)
    )
    assert_allclose(loss.values(y, raw, w), expected)
    gradient = loss.gradient(y, raw, w)
    assert_allclose(
        gradient["sold"], 0.5 * sl.BinaryCrossEntropy().gradient(y["sold"], raw["sold"], w)
    )
    assert gradient["kind"].shape == (N, 3)
    assert_allclose(
        loss(y, loss.inverse_link(raw), sample_weight=w), expected.sum() / w.sum(), rtol=1e-10
    )
    frame = pd.DataFrame(y)
    assert_allclose(loss.values(frame, raw, w), expected)


def test_uncertainty_is_the_formula_of_kendall(rows):
    y, raw, _ = rows
    s = {"price": 0.3, "sold": -0.4}
    loss = several(weighting="uncertainty")
    expected = (
        0.5 * np.exp(-0.3) * sl.Huber().values(y["price"], raw["price"]) + 0.15
        + np.exp(0.4) * sl.BinaryCrossEntropy().values(y["sold"], raw["sold"]) - 0.2
        + sl.CategoricalCrossEntropy().values(y["kind"], raw["kind"])
    )  # fmt: skip
    assert_allclose(loss.values(y, raw, log_vars=s), expected)
    slope = loss.gradient(y, raw, log_vars=s)["price"]
    assert_allclose(slope, 0.5 * np.exp(-0.3) * sl.Huber().gradient(y["price"], raw["price"]))


@pytest.mark.parametrize("weighting", ["fixed", "uncertainty", "dynamic"])
def test_missing_targets_are_masked(rows, weighting):
    y, raw, w = rows
    loss = several(weighting=weighting)
    gaps = {**y, "price": y["price"].copy(), "kind": y["kind"].astype(float)}
    gaps["price"][::2] = np.nan
    gaps["kind"][1::3] = np.nan
    gradient = loss.gradient(gaps, raw, w)
    assert (gradient["price"][::2] == 0).all()
    assert (gradient["kind"][1::3] == 0).all()
    full = loss.gradient(y, raw, w)
    assert_allclose(gradient["price"][1::2], full["price"][1::2])
    without = sl.MultiTask({"sold": sl.BinaryCrossEntropy()}, weighting=weighting)
    nothing = {**y, "price": np.full(N, np.nan), "kind": np.full(N, np.nan)}
    assert_allclose(loss.values(nothing, raw, w), without.values(y, raw, w))
    assert np.isfinite(loss(gaps, loss.inverse_link(raw), sample_weight=w))


def test_gradient_is_the_derivative(rows):
    y, raw, w = rows
    loss, step = several(weighting="uncertainty"), 1e-6
    for name, gradient in loss.gradient(y, raw, w).items():
        for place in np.ndindex(gradient.shape):
            up, down = ({**raw, name: raw[name].copy()} for _ in range(2))
            up[name][place] += step
            down[name][place] -= step
            slope = (loss.values(y, up, w).sum() - loss.values(y, down, w).sum()) / (2 * step)
            assert_allclose(gradient[place], slope, atol=1e-7)


def test_parameters_are_nested():
    loss = several()
    assert loss.get_params()["price__delta"] == 1.0
    other = clone(loss).set_params(price__delta=3.0, weighting="dynamic")
    assert other.losses["price"] == sl.Huber(3.0)
    assert loss.losses["price"] == sl.Huber(1.0)
    assert other != loss == clone(loss)
    assert pickle.loads(pickle.dumps(other)) == other
    assert hash(clone(loss)) == hash(loss)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (sl.MultiTask({}), "at least one"),
        (sl.MultiTask({"a": "huber"}), "must be a Loss"),
        (sl.MultiTask({"a": sl.Huber()}, weighting="x"), "weighting"),
        (sl.MultiTask({"a": sl.Huber()}, weights={"b": 1.0}), "unknown"),
        (sl.MultiTask({"a": sl.Huber(-1.0)}), "delta"),
        (sl.MultiTask({"b": sl.Huber()}), "no column"),
    ],
)
def test_bad_parameters(loss, message):
    with pytest.raises((ValueError, TypeError), match=message):
        loss.values({"a": [1.0]}, {"a": [1.0]})


def test_all_zero_weights():
    y = {"price": [1.0], "sold": [1.0], "kind": [1]}
    p = {"price": [1.0], "sold": [0.5], "kind": [[0.5, 0.5]]}
    with pytest.raises(ValueError, match="non-zero"):
        several()(y, p, sample_weight=[0])


# ------------------------------------------------------------------ the estimator

OPTIONS = {"hidden_layer_sizes": (64,), "early_stopping": True, "random_state": 0}


@pytest.mark.parametrize("weighting", ["fixed", "uncertainty", "dynamic"])
def test_no_worse_than_separate_networks(weighting):
    """Held out, up to two wines and 0.03 of R²."""
    X, y = wine()
    joint, alone = [], []
    for train, test in StratifiedKFold(5, shuffle=True, random_state=0).split(X, y["cultivar"]):
        X_train, y_train, X_test, y_test = X.iloc[train], y.iloc[train], X.iloc[test], y.iloc[test]
        model = sl.MultiTaskEstimator(wine_loss(weighting=weighting), **OPTIONS)
        joint.append(model.fit(X_train, y_train).task_scores(X_test, y_test))
        classes = sl.LossClassifier(**OPTIONS).fit(X_train, y_train["cultivar"])
        number = sl.LossRegressor(**OPTIONS).fit(X_train, y_train["alcohol"])
        alone.append(
            {
                "cultivar": classes.score(X_test, y_test["cultivar"]),
                "alcohol": number.score(X_test, y_test["alcohol"]),
            }
        )
    joint, alone = pd.DataFrame(joint).mean(), pd.DataFrame(alone).mean()
    assert joint["cultivar"] > alone["cultivar"] - 2 / len(X)
    assert joint["alcohol"] > alone["alcohol"] - 0.03
    curves = model.task_loss_curves_
    assert {len(curve) for curve in curves.values()} == {model.n_iter_}
    assert set(model.task_weights_) == {"cultivar", "alcohol"}
    if weighting == "uncertainty":  # the minimiser of c e^-s l + s / 2 at the last mean losses
        assert_allclose(model.log_vars_["alcohol"], np.log(curves["alcohol"][-1]))
        assert model.log_vars_["cultivar"] != 0
    if weighting == "dynamic":
        assert_allclose(sum(model.task_weights_.values()), 2)


def test_linear_heads_equal_separate_linear_fits():
    X, y = wine()
    X = (X - X.mean()) / X.std()
    options = {"tol": 1e-6, "alpha": 1e-2}
    joint = sl.MultiTaskEstimator(wine_loss(), hidden_layer_sizes=(), **options).fit(X, y)
    assert joint.solver_ == "lbfgs"
    alone = sl.LossRegressor(**options).fit(X, y["alcohol"])
    assert_allclose(joint.predict(X)["alcohol"], alone.predict(X), rtol=1e-6)
    classes = sl.LossClassifier(**options).fit(X, y["cultivar"])
    assert_allclose(joint.predict_proba(X)["cultivar"], classes.predict_proba(X), atol=1e-5)


def test_fitted_again_with_other_layers():
    X, y = wine()
    model = sl.MultiTaskEstimator(wine_loss(), hidden_layer_sizes=(4,), max_iter=2, random_state=0)
    with pytest.warns(ConvergenceWarning):
        model.fit(X, y)
    model.set_params(hidden_layer_sizes=(), max_iter=1000, tol=1e-2).fit(X, y)
    assert_allclose(model.predict(X)["alcohol"], clone(model).fit(X, y).predict(X)["alcohol"])


def test_missing_targets_in_fit():
    X, y = wine()
    gaps = y.copy()
    gaps.loc[::3, "alcohol"] = np.nan
    gaps.loc[1::4, "cultivar"] = None
    model = sl.MultiTaskEstimator(wine_loss(), **OPTIONS).fit(X, gaps)
    scores = model.task_scores(X, y)
    assert scores["cultivar"] > 0.95
    assert scores["alcohol"] > 0.4
    assert model.task_scores(X, gaps).keys() == scores.keys()
    # a linear fit of one task with gaps is the fit of its observed rows
    linear = sl.MultiTaskEstimator(wine_loss(), hidden_layer_sizes=(), tol=1e-9, alpha=0.0,
                                   max_iter=5000)  # fmt: skip
    only = sl.MultiTask({"alcohol": sl.SquaredError()})
    seen = gaps["alcohol"].notna().to_numpy()
    masked = linear.set_params(loss=only).fit(X, gaps[["alcohol"]])
    alone = sl.LossRegressor(tol=1e-9, alpha=0.0).fit(X[seen], y["alcohol"][seen])
    assert_allclose(masked.predict(X)["alcohol"], alone.predict(X), rtol=1e-5)


def test_two_numbers_binary_labels_and_quantiles():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    targets = pd.DataFrame(
        {"y": y, "high": np.where(y > 150, "yes", "no"), "bmi": X["bmi"], "band": y}, index=X.index
    )
    losses = {
        "y": sl.SquaredError(), "high": sl.Hinge(), "bmi": sl.Huber(0.01),
        "band": sl.MultiQuantile((0.1, 0.9)),
    }  # fmt: skip
    inputs = X.drop(columns="bmi")
    model = sl.MultiTaskEstimator(sl.MultiTask(losses), **OPTIONS).fit(inputs, targets)
    predicted = model.predict(inputs)
    assert list(predicted.columns) == ["y", "high", "bmi", "band_0", "band_1"]
    assert (predicted["band_0"] <= predicted["band_1"]).all()
    assert set(predicted["high"]) == {"yes", "no"}
    assert (predicted.index == X.index).all()
    assert model.predict_proba(inputs) == {}
    scores = model.task_scores(inputs, targets)
    bands = predicted[["band_0", "band_1"]].to_numpy()
    expected = sl.metrics.d2_loss_score(y, bands, loss=losses["band"])
    assert_allclose(scores["band"], expected)
    assert scores["y"] > 0.3
    assert model.score(inputs, targets) == np.mean(list(scores.values()))


def test_rows_without_weight_are_not_there():
    X, y = wine()
    w = np.arange(len(X)) % 4 > 0
    model = sl.MultiTaskEstimator(wine_loss(), random_state=0, max_iter=20, tol=None)
    weighted = clone(model).fit(X, y, sample_weight=w)
    fewer = clone(model).fit(X[w], y[w])
    assert_allclose(weighted.coefs_[0], fewer.coefs_[0], rtol=1e-10)


def test_searches_copies_and_reproducibility():
    X, y = wine()
    model = sl.MultiTaskEstimator(wine_loss(), random_state=0, max_iter=30, tol=None)
    grid = {"alpha": [1e-4, 1e-2], "loss__weighting": ["fixed", "dynamic"]}
    folds = KFold(3, shuffle=True, random_state=0)  # the rows are sorted by class
    search = GridSearchCV(model, grid, cv=folds).fit(X, y)
    assert search.best_score_ > 0.5
    first, second = clone(model).fit(X, y), clone(model).fit(X, y)
    assert_allclose(first.coefs_[0], second.coefs_[0], rtol=0)
    restored = pickle.loads(pickle.dumps(first))
    pd.testing.assert_frame_equal(restored.predict(X), first.predict(X))
    assert np.isfinite(cross_val_score(model, X, y, cv=folds)).all()


def test_bad_input():
    X, y = wine()
    model = sl.MultiTaskEstimator(wine_loss(), max_iter=5, tol=None)
    with pytest.raises(ValueError, match="DataFrame"):
        model.fit(X, y["alcohol"])
    with pytest.raises(ValueError, match="inconsistent"):
        model.fit(X, y.iloc[:-1])
    with pytest.raises(ValueError, match="NaN"):
        model.fit(X.mask(X > 100), y)
    with pytest.raises(ValueError, match="2 classes"):
        model.fit(X, y.assign(cultivar="one"))
    with pytest.raises(ValueError, match="MultiTask"):
        sl.MultiTaskEstimator(sl.Huber()).fit(X, y)
