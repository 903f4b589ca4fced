"""Calibration and training displays: they show what was measured, of the estimator inside."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklosses as sl

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

from matplotlib import pyplot as plt  # noqa: E402 -- after the backend is chosen

from sklosses.displays import (  # noqa: E402
    DIAGONAL,
    EmbeddingDisplay,
    QuantileCalibrationDisplay,
    TrainingCurveDisplay,
)

LEVELS = (0.1, 0.5, 0.9)


@pytest.fixture(autouse=True)
def _closed_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    return X, X @ [1.0, -2.0, 0.5] + rng.normal(size=200)


class ConstantQuantiles(RegressorMixin, BaseEstimator):
    """Predicts the quantiles of the targets it has seen."""

    def __init__(self, levels=LEVELS):
        self.levels = levels

    def fit(self, X, y):
        self.loss_function_ = sl.MultiQuantile(quantiles=self.levels)
        self.quantiles_ = np.quantile(y, self.levels)
        return self

    def predict(self, X):
        return np.tile(self.quantiles_, (len(X), 1))

    def score(self, X, y):
        return -self.loss_function_(y, self.predict(X))


def _labels(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


# ------------------------------------------------------------------ calibration of quantiles


def test_observed_is_the_weighted_share_at_or_below():
    y = [0.0, 1.0, 2.0, 3.0]
    quantiles = np.tile([2.5, 1.0, -1.0], (4, 1))  # the second lies on a target
    display = QuantileCalibrationDisplay.from_predictions(y, quantiles, levels=[0.7, 0.4, 0.1])
    assert_array_equal(display.levels, [0.7, 0.4, 0.1])
    assert_array_equal(display.observed, [0.75, 0.5, 0.0])
    # the line goes from the left to the right all the same
    assert_array_equal(display.line_.get_xdata(), [0.1, 0.4, 0.7])
    assert_array_equal(display.line_.get_ydata(), [0.0, 0.5, 0.75])

    display = QuantileCalibrationDisplay.from_predictions(
        y, quantiles, levels=[0.7, 0.4, 0.1], sample_weight=[1, 2, 0, 1]
    )
    assert_array_equal(display.observed, [0.75, 0.75, 0.0])


def test_calibrated_quantiles_are_on_the_diagonal(data):
    X, y = data
    display = QuantileCalibrationDisplay.from_estimator(ConstantQuantiles().fit(X, y), X, y)
    assert_array_equal(display.levels, LEVELS)
    assert_allclose(display.observed, LEVELS, atol=1 / len(y))
    assert display.figure_ is display.ax_.figure
    diagonal, line = display.ax_.lines
    assert line is display.line_
    assert_array_equal(diagonal.get_xydata(), [[0, 0], [1, 1]])
    assert _labels(display) == [DIAGONAL, "ConstantQuantiles"]


def test_levels_are_found_inside(data):
    X, y = data
    pipeline = make_pipeline(StandardScaler(), ConstantQuantiles())
    search = GridSearchCV(pipeline, {"constantquantiles__levels": [(0.2, 0.8)]}, cv=2).fit(X, y)
    display = QuantileCalibrationDisplay.from_estimator(search, X, y)
    assert_array_equal(display.levels, (0.2, 0.8))
    assert display.name == "GridSearchCV"


def test_given_levels_need_no_loss(data):
    X, y = data
    model = ConstantQuantiles().fit(X, y)
    del model.loss_function_
    display = QuantileCalibrationDisplay.from_estimator(model, X, y, levels=LEVELS, name="mine")
    assert_allclose(display.observed, LEVELS, atol=1 / len(y))
    assert display.name == "mine"
    with pytest.raises(ValueError, match="ConstantQuantiles was not fitted with a loss of"):
        QuantileCalibrationDisplay.from_estimator(model, X, y)


def test_two_models_share_axes_and_diagonal():
    figure, ax = plt.subplots()
    first = QuantileCalibrationDisplay([0.1, 0.9], [0.2, 0.8], name="one").plot(ax=ax)
    second = QuantileCalibrationDisplay([0.1, 0.9], [0.1, 0.9])
    assert second.plot(ax, name="two", c="red", ls="--") is second
    assert first.ax_ is second.ax_ is ax
    assert second.figure_ is figure
    assert _labels(second) == [DIAGONAL, "one", "two"]
    assert (second.line_.get_color(), second.line_.get_linestyle()) == ("red", "--")


def test_without_name_and_diagonal_there_is_no_legend():
    display = QuantileCalibrationDisplay([0.1, 0.9], [0.2, 0.8]).plot(ref_line=False)
    assert len(display.ax_.lines) == 1
    assert display.ax_.get_legend() is None


@pytest.mark.parametrize(
    ("y", "levels", "weight", "message"),
    [
        ([1.0, np.nan], [0.1, 0.9], None, "Input y_true contains NaN"),
        ([[1.0], [2.0]], [0.1, 0.9], None, "y_true should be a 1d array"),
        ([1.0], [0.1, 0.9], None, "inconsistent numbers of samples"),
        ([1.0, 2.0], [0.1], None, "a column for each of the 1 levels. Got 2"),
        ([1.0, 2.0], [0.1, 1.0], None, r"in the range \(0, 1\)"),
        ([1.0, 2.0], [0.1, 0.9], [0.0, 0.0], "at least one non-zero"),
    ],
)
def test_bad_predictions_raise(y, levels, weight, message):
    with pytest.raises(ValueError, match=message):
        QuantileCalibrationDisplay.from_predictions(
            y, np.zeros((2, 2)), levels=levels, sample_weight=weight
        )


def test_loss_without_quantiles_asks_for_levels(data):
    model = sl.LossRegressor().fit(*data)
    with pytest.raises(ValueError, match=r"SquaredError\(\) does not say .* give levels"):
        QuantileCalibrationDisplay.from_estimator(model, *data)


# ------------------------------------------------------------------ training curves


@pytest.fixture(scope="module")
def validated(data):
    X, y = data
    return sl.LossRegressor(early_stopping=True, random_state=0).fit(X, y)


def test_curves_are_those_of_the_estimator(validated):
    display = TrainingCurveDisplay.from_estimator(validated)
    epochs = np.arange(1, len(validated.loss_curve_) + 1)
    assert_array_equal(display.line_.get_xdata(), epochs)
    assert_array_equal(display.line_.get_ydata(), validated.loss_curve_)
    assert_array_equal(display.validation_line_.get_xdata(), epochs)
    assert_array_equal(
        display.validation_line_.get_ydata(), np.negative(validated.validation_scores_)
    )
    assert display.validation_line_.get_color() == display.line_.get_color()
    assert display.validation_line_.get_linestyle() == "--"
    assert display.figure_ is display.ax_.figure
    assert _labels(display) == ["LossRegressor, training", "LossRegressor, validation"]
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("Epoch", "Loss")


def test_curve_without_validation(data):
    display = TrainingCurveDisplay.from_estimator(sl.LossRegressor().fit(*data), name="mine")
    assert display.validation_scores is None
    assert display.validation_line_ is None
    assert _labels(display) == ["mine, training"]


def test_curve_of_the_estimator_inside(data):
    X, y = data
    pipeline = make_pipeline(StandardScaler(), sl.LossRegressor())
    search = GridSearchCV(pipeline, {"lossregressor__alpha": [0.1, 1.0]}, cv=2).fit(X, y)
    display = TrainingCurveDisplay.from_estimator(search)
    assert display.loss_curve == search.best_estimator_[-1].loss_curve_
    assert display.name == "GridSearchCV"


def test_curves_go_on_with_partial_fit(data):
    model = sl.LossRegressor(random_state=0)
    for _ in range(3):
        model.partial_fit(*data)
    display = TrainingCurveDisplay.from_estimator(model)
    assert_array_equal(display.line_.get_xdata(), [1, 2, 3])


def test_draws_on_given_axes_and_again_elsewhere():
    figure, (first, second) = plt.subplots(1, 2)
    display = TrainingCurveDisplay([3.0, 2.0, 1.5], [-4.0, -3.0]).plot(ax=first)
    assert display.ax_ is first
    assert _labels(display) == ["training", "validation"]

    assert display.plot(second, c="black", name="new") is display
    assert display.ax_ is second
    assert display.figure_ is figure
    assert {line.get_color() for line in second.lines} == {"black"}
    assert_array_equal(display.validation_line_.get_ydata(), [4.0, 3.0])
    assert _labels(display) == ["new, training", "new, validation"]


def test_estimators_of_others_are_refused(data):
    """A validation score of `MLPRegressor` is R², not a negated loss."""
    with pytest.raises(ValueError, match="LinearRegression was not fitted with a loss of"):
        TrainingCurveDisplay.from_estimator(LinearRegression().fit(*data))
    other = MLPRegressor(hidden_layer_sizes=2, early_stopping=True, tol=1e9, random_state=0)
    with pytest.raises(ValueError, match="Pipeline was not fitted with a loss of sklosses"):
        TrainingCurveDisplay.from_estimator(make_pipeline(other).fit(*data))


def test_estimator_without_curve_is_refused(data):
    with pytest.raises(ValueError, match="ConstantQuantiles keeps no loss_curve_"):
        TrainingCurveDisplay.from_estimator(ConstantQuantiles().fit(*data))


@pytest.mark.parametrize("model", [sl.LossRegressor(), make_pipeline(sl.LossRegressor())])
def test_unfitted_estimators_raise(model, data):
    with pytest.raises(NotFittedError):
        TrainingCurveDisplay.from_estimator(model)
    with pytest.raises(NotFittedError):
        QuantileCalibrationDisplay.from_estimator(model, *data)


def test_missing_matplotlib_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"TrainingCurveDisplay\.plot requires matplotlib"):
        TrainingCurveDisplay([1.0]).plot()
    with pytest.raises(ImportError, match=r"QuantileCalibrationDisplay\.from_predictions"):
        QuantileCalibrationDisplay.from_predictions([1.0], [[1.0]], levels=[0.5])
    with pytest.raises(ImportError, match=r"TrainingCurveDisplay\.from_estimator"):
        TrainingCurveDisplay.from_estimator(SimpleNamespace())


# ------------------------------------------------------------------ maps


@pytest.mark.parametrize("n_components", [1, 2, 5])
def test_map(n_components):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 6)), np.repeat(["c", "a", "b"], 20)
    model = make_pipeline(
        StandardScaler(),
        sl.LossEmbedder(n_components=n_components, max_iter=1, tol=None, random_state=0),
    )
    display = EmbeddingDisplay.from_estimator(model.fit(X, y), X, y, s=3)
    assert [scatter.get_label() for scatter in display.scatters_] == ["a", "b", "c"]
    drawn = display.scatters_[0].get_offsets()
    assert drawn.shape == (20, 2)
    z = model.transform(X)
    if n_components < 3:
        assert_allclose(drawn, z[20:40][:, [0, -1]])
    else:  # the plane in which the map is widest
        spread = np.linalg.svd(z - z.mean(axis=0))[1][:2]
        everything = np.concatenate([scatter.get_offsets() for scatter in display.scatters_])
        assert_allclose(np.linalg.norm(everything, axis=0), spread)
    assert display.figure_ is display.ax_.figure
    assert display.scatters_[0].get_sizes() == [3]


def test_map_without_labels():
    _, ax = plt.subplots()
    display = EmbeddingDisplay(np.eye(4)[:, :2]).plot(ax=ax)
    assert display.ax_ is ax
    assert len(display.scatters_) == 1
    assert ax.get_legend() is None
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        EmbeddingDisplay(np.eye(4)[:, :2], [1, 2]).plot()
    with pytest.raises(NotFittedError):
        EmbeddingDisplay.from_estimator(sl.LossEmbedder(), np.eye(3))
