"""`LossSegmenter` and `PixelFeatures`: a contract of their own, as they take images, no table."""

from __future__ import annotations

import pickle
import warnings
from math import nan

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage, sparse
from sklearn.base import BaseEstimator, clone
from sklearn.callback import ScoringMonitor
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score, jaccard_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import ClassifierTags
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

import sklosses as sl
from sklosses.metrics import iou_score

SIZE = 24


def scenes(n=6, classes=2, channels=None, seed=0):
    """Return images of discs on a noisy ground, brighter ones of higher classes, and masks."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    masks = np.zeros((n, SIZE, SIZE), int)
    for mask in masks:
        for label in range(1, classes):
            y, x = rng.integers(5, SIZE - 5, 2)
            mask[(rows - y) ** 2 + (columns - x) ** 2 < rng.integers(9, 30)] = label
    images = 2.0 * masks + rng.normal(size=masks.shape)
    if channels:
        images = np.stack(
            [images, *(rng.normal(size=masks.shape) for _ in range(channels - 1))], -1
        )
    return images, masks


def small(loss="dice", **params):
    features = params.pop("features", sl.PixelFeatures(sigmas=(1.0, 2.0)))
    return sl.LossSegmenter(loss, features=features, random_state=0, **params)


def as_list(images):
    """Return images of different sizes."""
    return [image[: SIZE - i, : SIZE - 2 * i] for i, image in enumerate(images)]


# ------------------------------------------------------------------ what it learns


@pytest.mark.parametrize("hidden", [(), (8,)])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(
    "loss",
    ["dice", "jaccard", "tversky", "focal_tversky", "lovasz_hinge", "log_loss", "hinge",
     sl.Dice() + sl.BinaryCrossEntropy()],
    ids=repr,
)  # fmt: skip
def test_learns_discs(loss, classes, hidden):
    images, masks = scenes(12, classes)
    model = small(loss, hidden_layer_sizes=hidden, max_iter=150, tol=None if hidden else 1e-4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of networks that could go on
        model.fit(images[:8], masks[:8])
    assert model.score(images[8:], masks[8:]) > (0.7 if classes == 2 else 0.6)
    assert model.loss_curve_[-1] <= model.loss_curve_[0]


def test_scores_the_mean_iou_of_images():
    images, masks = scenes(6)
    model = small().fit(images[:3], masks[:3])
    predicted = model.predict(images)
    each = [jaccard_score(a.ravel(), b.ravel()) for a, b in zip(masks, predicted, strict=True)]
    assert_allclose(model.score(images, masks), np.mean(each))
    weights = np.arange(6.0)
    assert_allclose(model.score(images, masks, weights), np.average(each, weights=weights))
    qid = np.repeat(np.arange(6), SIZE**2).reshape(masks.shape)
    assert_allclose(model.score(images, masks), iou_score(masks, predicted, qid=qid))
    images, masks = scenes(6, classes=3)
    model = small().fit(images, masks)
    expected = iou_score(masks, model.predict(images), average="macro", qid=qid)
    assert_allclose(model.score(images, masks), expected)


@pytest.mark.parametrize("classes", [2, 3])
def test_is_the_model_of_pixels(classes):
    """What it minimises is that of a classifier of rows, with images as groups."""
    images, masks = scenes(5, classes)
    features = sl.PixelFeatures(sigmas=(1.0, 2.0)).fit_transform(images)
    X = np.concatenate([f.reshape(SIZE**2, -1) for f in features])
    qid = np.repeat(np.arange(5), SIZE**2)
    for loss in ("dice", "log_loss"):
        rows = sl.LossClassifier(loss).fit(X, masks.ravel(), qid=qid)
        ours = small(loss).fit(images, masks)
        assert_allclose(ours.coef_, rows.coef_, rtol=1e-3, atol=1e-3)
        assert_allclose(ours.loss_, rows.loss_, rtol=1e-5)
        probabilities = rows.predict_proba(X).reshape(5, SIZE, SIZE, classes)
        assert_allclose(ours.predict_proba(images), probabilities, atol=1e-3)


@pytest.mark.parametrize("labels", [["back", "front"], [False, True], [0.0, 1.0], [3, 255]])
def test_any_labels(labels):
    images, masks = scenes()
    expected = small().fit(images, masks)
    model = small().fit(images, np.array(labels)[masks])
    assert_array_equal(model.classes_, labels)
    assert_array_equal(model.predict(images), np.array(labels)[expected.predict(images)])
    assert model.predict(images).dtype == np.array(labels).dtype
    assert model.score(images, np.array(labels)[masks]) == expected.score(images, masks)


@pytest.mark.parametrize("classes", [2, 3])
def test_shapes(classes):
    images, masks = scenes(3, classes, channels=2)
    model = small().fit(images, masks)
    assert model.n_features_in_ == 2
    assert model.predict(images).shape == (3, SIZE, SIZE)
    assert model.predict_proba(images).shape == (3, SIZE, SIZE, classes)
    assert_allclose(model.predict_proba(images).sum(axis=-1), 1, rtol=1e-6)
    scores = model.decision_function(images)
    assert scores.shape == ((3, SIZE, SIZE) if classes == 2 else (3, SIZE, SIZE, classes))
    best = scores > 0 if classes == 2 else scores.argmax(axis=-1)
    assert_array_equal(model.predict(images), best)


def test_images_of_different_sizes():
    images, masks = scenes()
    images, masks = as_list(images), as_list(masks)
    model = small().fit(images, masks)
    predicted = model.predict(images)
    assert isinstance(predicted, list)
    assert [mask.shape for mask in predicted] == [mask.shape for mask in masks]
    assert [p.shape[-1] for p in model.predict_proba(images)] == [2] * 6
    each = [jaccard_score(a.ravel(), b.ravel()) for a, b in zip(masks, predicted, strict=True)]
    assert_allclose(model.score(images, masks), np.mean(each))


def test_lists_and_arrays_are_the_same():
    images, masks = scenes()
    one = small().fit(images, masks)
    for convert in (list, tuple, lambda a: np.array([*a, None], object)[:-1]):
        other = small().fit(convert(images), convert(masks))
        assert_array_equal(one.coef_, other.coef_)
        assert_array_equal(one.predict(images), np.stack(other.predict(convert(images))))
    kinds = [small().fit(images.astype(kind), masks) for kind in (np.float32, np.float64)]
    assert_array_equal(kinds[0].coef_, kinds[1].coef_)  # in single precision


def test_no_perfect_prediction_is_worse_for_its_size():
    """Empty masks, all of one class, one pixel and constant images are nothing special."""
    images, masks = scenes(4)
    images = [*images, np.zeros((7, 9)), np.full((1, 1), 9.0), images[0][:1]]
    masks = [*masks, np.zeros((7, 9), int), np.ones((1, 1), int), masks[0][:1]]
    model = small(features=None).fit(images, masks)
    assert np.isfinite(model.coef_).all()
    assert model.predict(images[5:6])[0].shape == (1, 1)
    assert model.score([np.zeros((3, 3))], [np.zeros((3, 3), int)]) == 1  # nothing where nothing is
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        constant = small().fit([np.ones((5, 5))] * 2, [np.eye(5, dtype=int)] * 2)
    assert np.isfinite(constant.predict_proba(np.ones((1, 5, 5)))).all()


# ------------------------------------------------------------------ features


class Bright(BaseEstimator):
    """Features of a user's own, learned from the images."""

    def fit(self, X, y=None):
        self.level_ = np.mean([image.mean() for image in X])
        return self

    def transform(self, X):
        return [np.stack((image - self.level_, image > self.level_), axis=-1) for image in X]


@pytest.mark.parametrize(
    ("features", "width"),
    [("auto", 17), (None, 1), (Bright(), 2),
     (FunctionTransformer(lambda images: [image.reshape(-1, 1) for image in images]), 1)],
)  # fmt: skip
def test_features_of_any_kind(features, width):
    images, masks = scenes()
    model = small(features=features).fit(images, masks)
    assert model.coef_.shape == (1, width)
    assert model.score(images, masks) > 0.3
    if isinstance(features, Bright):
        assert not hasattr(features, "level_")
        assert_allclose(model.features_.level_, images.mean())


def test_pixel_features_by_hand():
    image = np.random.default_rng(0).normal(size=(12, 15)).astype(np.float32)
    found = sl.PixelFeatures(sigmas=(1.5,)).fit_transform([image])[0]
    blurred = ndimage.gaussian_filter(image, 1.5)
    steep = ndimage.gaussian_gradient_magnitude(image, 1.5)
    orders = (2, 0), (1, 1), (1, 1), (0, 2)
    second = [ndimage.gaussian_filter(image, 1.5, order=order) for order in orders]
    eigenvalues = np.linalg.eigvalsh(np.stack(second, -1).reshape(12, 15, 2, 2))
    expected = np.dstack((image, blurred, steep, eigenvalues[..., ::-1]))
    assert found.dtype == np.float32
    assert_allclose(found, expected, atol=1e-6)


def test_patches_by_hand():
    image = np.arange(20.0).reshape(4, 5)
    made = sl.PixelFeatures(sigmas=(), patch=1).fit([image])
    found = made.transform([image])[0]
    padded = np.pad(image, 1, mode="symmetric")
    for i in range(4):
        for j in range(5):
            assert_array_equal(found[i, j], padded[i : i + 3, j : j + 3].ravel())
    assert made.get_feature_names_out()[0] == "x0_-1-1"
    assert made.get_feature_names_out()[4] == "x0_+0+0"


@pytest.mark.parametrize(
    "features",
    [sl.PixelFeatures(), sl.PixelFeatures(sigmas=(), patch=2), sl.PixelFeatures(edges=False),
     sl.PixelFeatures(sigmas=(3.0, 1.0), intensity=False, texture=False)],
    ids=repr,
)  # fmt: skip
def test_names_of_features(features):
    images, _ = scenes(2, channels=2)
    found = features.fit_transform(images)
    names = features.get_feature_names_out(["red", "green"])
    assert found[0].shape == (SIZE, SIZE, names.size)
    assert len(set(names)) == names.size
    # channels are seen one by one
    half = clone(features).fit_transform(images[..., 1])
    assert_array_equal(found[0][..., names.size // 2 :], half[0])


# ------------------------------------------------------------------ memory


@pytest.mark.parametrize("hidden", [(), (6,)])
@pytest.mark.parametrize(
    "loss", ["dice", "categorical_focal", sl.Dice() + sl.BinaryCrossEntropy()], ids=repr
)
def test_streams_what_does_not_fit(loss, hidden, monkeypatch):
    images, masks = scenes(8, classes=3)
    images, masks = as_list(images), as_list(masks)
    held = []
    load = sl.segmentation.PixelStream.load

    def watched(stream):
        rows = load(stream)
        held.append((rows.nbytes, len(stream.images)))
        return rows

    monkeypatch.setattr(sl.segmentation.PixelStream, "load", watched)
    budget = 3 * SIZE**2 * 9 * 4 / 2**20  # of some three images
    params = {"hidden_layer_sizes": hidden, "max_iter": 40, "tol": None}
    whole = small(loss, solver="adam", **params).fit(images, masks)
    assert held.pop() == (sum(image.size for image in images) * 9 * 4, 8)
    assert not held
    model = small(loss, working_memory=budget, **params).fit(
        images, masks, X_val=images[:2], y_val=masks[:2]
    )
    assert model.solver_ == "adam"
    assert len(held) >= 2 * model.n_iter_
    assert max(size for size, _ in held) <= budget * 2**20
    assert model.score(images, masks) > whole.score(images, masks) - 0.1


def test_one_image_may_exceed_the_budget():
    images, masks = scenes(3)
    model = small(working_memory=1e-6, max_iter=3, tol=None).fit(images, masks)
    assert model.solver_ == "adam"
    for solver in ("lbfgs", "newton"):
        with pytest.raises(ValueError, match=r"exceed working_memory.*'adam'"):
            small(working_memory=1e-6, solver=solver).fit(images, masks)
    with pytest.raises(ValueError, match="exceed working_memory"):
        small("hinge", working_memory=1e-6, solver="sgd").fit(images, masks)


def test_large_images_are_taken_in_parts():
    images, masks = scenes(3)
    models = [small(solver="adam", batch_size=size, max_iter=2, tol=None) for size in (64, 10**6)]
    few, many = (model.fit(images, masks).loss_curve_[-1] for model in models)
    assert few < many  # nine times as many steps an epoch for each image


# ------------------------------------------------------------------ weights, validation, streams


def test_weights_of_pixels():
    """Weight 0 leaves a pixel out, an image too; k is the pixel k times."""
    images, masks = scenes(4)
    ignored = images.copy()
    ignored[:, :, 12:] = 50.0
    weights = np.ones(masks.shape)
    weights[:, :, 12:] = 0.0
    weights[3] = 0.0
    half = small(features=None).fit(images[:3, :, :12], masks[:3, :, :12])
    weighted = small(features=None).fit(ignored, masks, sample_weight=weights)
    assert_allclose(weighted.coef_, half.coef_, rtol=1e-5)
    assert_allclose(weighted.intercept_, half.intercept_, rtol=1e-5)
    assert_allclose(
        weighted.score(ignored, masks, weights), half.score(images[:3, :, :12], masks[:3, :, :12])
    )
    counts = np.full(masks.shape, 2)
    doubled = [np.concatenate((array, array), axis=1) for array in (images, masks)]
    twice = small(features=None).fit(images, masks, sample_weight=counts)
    assert_allclose(twice.coef_, small(features=None).fit(*doubled).coef_, rtol=1e-4)


@pytest.mark.parametrize("loss", ["dice", "log_loss"])
def test_weights_of_images(loss):
    images, masks = scenes(4)
    weighted = small(loss).fit(images, masks, sample_weight=[2, 1, 0, 1])
    repeated = small(loss).fit(images[[0, 0, 1, 3]], masks[[0, 0, 1, 3]])
    assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-3)
    assert_allclose(weighted.loss_, repeated.loss_, rtol=1e-5)


def test_class_weight_favours_a_class():
    images, masks = scenes(4)
    shares = [
        small(class_weight=weight).fit(images, masks).predict(images).mean()
        for weight in ({0: 3.0, 1: 1.0}, None, "balanced")
    ]
    assert shares[0] < shares[1] < shares[2]


def test_validation_and_early_stopping():
    images, masks = scenes(10)
    params = {"hidden_layer_sizes": (8,), "tol": 0.05, "n_iter_no_change": 3}
    given = small(**params).fit(images[:8], masks[:8], X_val=images[8:], y_val=masks[8:])
    assert len(given.validation_scores_) == given.n_iter_
    loss = sl.Dice().scorer()(given, images[8:], masks[8:])
    assert_allclose(loss, max(given.validation_scores_), rtol=1e-4)
    held = small(early_stopping=True, **params).fit(images, masks)
    assert held.validation_scores_ is not None
    with pytest.raises(ValueError, match="holds out whole images, and there is only one"):
        small(early_stopping=True).fit(images[:1], masks[:1])
    with pytest.raises(ValueError, match="y_val is required"):
        small().fit(images, masks, X_val=images)


class Stop:
    """Ends a fit after some iterations, and keeps what was predicted after each."""

    def __init__(self, after):
        self.after, self.masks = after, []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        assert len(X) == len(y)

    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        if context.task_name == "iteration":
            self.masks.append(fitted_estimator.predict(X))
        return len(self.masks) >= self.after


@pytest.mark.parametrize(
    "params", [{}, {"hidden_layer_sizes": (4,)}, {"working_memory": 1e-3}], ids=str
)
def test_callbacks(params):
    images, masks = scenes()
    stop = Stop(3)
    model = small(**params).set_callbacks(stop).fit(images, masks)
    assert model.n_iter_ == len(stop.masks) == 3
    assert_array_equal(model.predict(images), stop.masks[-1])
    monitor = ScoringMonitor(scoring=sl.Dice().scorer())
    model = small(max_iter=4, tol=None, solver="adam", **params).set_callbacks(monitor)
    model.fit(images, masks)
    log = monitor.get_logs().data_as_pandas
    scores = log.loc[log["task_name"] == "iteration", "score"]
    assert len(scores) == 4
    assert_allclose(scores.iloc[-1], sl.Dice().scorer()(model, images, masks))


def test_partial_fit():
    images, masks = scenes(8)
    model = small(solver="adam", learning_rate_init=0.02)
    for _ in range(20):
        for start in range(0, 8, 2):
            model.partial_fit(images[start : start + 2], masks[start : start + 2], classes=[0, 1])
    assert model.n_iter_ == 80
    assert model.score(images, masks) > 0.7
    with pytest.raises(ValueError, match="classes must be passed"):
        small().partial_fit(images, masks)


def test_warm_start():
    images, masks = scenes()
    model = small(warm_start=True).fit(images, masks)
    first = model.n_iter_
    assert model.fit(images, masks).n_iter_ < first


# ------------------------------------------------------------------ scorers and searches


def test_scorers_see_images():
    images, masks = scenes(6, classes=3)
    model = small().fit(images[:4], masks[:4])
    p = model.predict_proba(images).reshape(-1, 3)
    qid = np.repeat(np.arange(6), SIZE**2)
    for loss in (sl.Dice(), sl.Jaccard(include_background=False), sl.CategoricalCrossEntropy()):
        expected = loss(masks.ravel(), p, qid=qid)
        assert_allclose(loss.scorer()(model, images, masks), -expected)
        assert_allclose(loss.scorer()(model, list(images), list(masks)), -expected)
    assert sl.make_loss_scorer("auto")(model, images, masks) == sl.Dice().scorer()(
        model, images, masks
    )
    scores = model.decision_function(images).reshape(-1, 3)
    expected = np.mean([sl.Hinge()((masks == j).ravel(), scores[:, j]) for j in range(3)])
    assert_allclose(sl.Hinge().scorer()(model, images, masks), -expected)


def test_scorers_of_two_classes_and_weights():
    images, masks = scenes(4)
    model = small().fit(images, masks)
    p = model.predict_proba(images)[..., 1]
    weights = np.random.default_rng(0).uniform(size=masks.shape)
    each = [
        sl.Dice()(m.ravel(), q.ravel(), sample_weight=w.ravel())
        for m, q, w in zip(masks, p, weights, strict=True)
    ]
    assert_allclose(sl.Dice().scorer()(model, images, masks, sample_weight=weights), -np.mean(each))
    each = [sl.Dice()(m.ravel(), q.ravel()) for m, q in zip(masks, p, strict=True)]
    found = sl.Dice().scorer()(model, images, masks, sample_weight=[1, 2, 3, 0])
    assert_allclose(found, -np.average(each, weights=[1, 2, 3, 0]))


@pytest.mark.parametrize("convert", [np.asarray, as_list])
def test_search_over_images(convert):
    images, masks = scenes(8)
    model = small(sl.Tversky())
    grid = {"loss__beta": [0.2, 0.8], "features__sigmas": [(1.0,), (1.0, 2.0)]}
    search = GridSearchCV(model, grid, cv=4, scoring=sl.Dice().scorer())
    search.fit(convert(images), convert(masks))
    assert search.best_params_["features__sigmas"] == (1.0, 2.0)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    scores = cross_val_score(search.best_estimator_, convert(images), convert(masks), cv=4)
    assert scores.mean() > 0.7


# ------------------------------------------------------------------ the contract


ESTIMATORS = [
    small(),
    small(hidden_layer_sizes=(4,), max_iter=5, tol=None),
    small("lovasz_hinge", solver="adam", max_iter=5, tol=None),
]


@pytest.mark.parametrize("model", ESTIMATORS, ids=repr)
def test_clone_pickle_and_refit(model):
    images, masks = scenes()
    before = model.get_params(deep=False)
    fitted = clone(model).fit(images, masks)
    assert {name: getattr(fitted, name) for name in before} == before | {
        "loss": fitted.loss,
        "features": fitted.features,
    }
    for other in (
        pickle.loads(pickle.dumps(fitted)),
        clone(model).fit(images, masks),
        fitted.fit(images, masks),
    ):
        assert_array_equal(other.predict(images), fitted.predict(images))
        assert_allclose(other.decision_function(images), fitted.decision_function(images))
    assert not hasattr(clone(fitted), "classes_")


@pytest.mark.parametrize("model", ESTIMATORS, ids=repr)
def test_input_is_left_as_it_is(model):
    images, masks = scenes()
    weights = np.ones(masks.shape)
    before = [array.copy() for array in (images, masks, weights)]
    for array in (images, masks, weights):
        array.setflags(write=False)
    fitted = clone(model).fit(images, masks, sample_weight=weights)
    assert 0 <= fitted.score(images, masks, weights) <= 1
    for array, own in zip((images, masks, weights), before, strict=True):
        assert_array_equal(array, own)


@pytest.mark.parametrize("model", ESTIMATORS, ids=repr)
def test_images_are_predicted_one_by_one(model):
    images, masks = scenes()
    fitted = clone(model).fit(images, masks)
    together = fitted.predict(images)
    for i in (3, 0):
        assert_array_equal(fitted.predict(images[i : i + 1])[0], together[i])


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function", "score"])
def test_not_fitted(method):
    images, masks = scenes()
    arguments = (images, masks) if method == "score" else (images,)
    with pytest.raises(NotFittedError):
        getattr(small(), method)(*arguments)
    with pytest.raises(NotFittedError):
        sl.PixelFeatures().transform(images)


def test_probabilities_only_where_there_are_some():
    assert not hasattr(small("lovasz_hinge"), "predict_proba")
    assert hasattr(small("dice"), "predict_proba")


def broken(change):
    images, masks = scenes()
    given = {"X": images, "y": masks, "sample_weight": None}
    return {**given, **change(images, masks)}


def with_(array, value, index=(0, 0, 0)):
    array = array.astype(float)
    array[index] = value
    return array


BAD = {
    "nan": (lambda X, y: {"X": with_(X, nan)}, "X contains NaN"),
    "infinity": (lambda X, y: {"X": with_(X, np.inf)}, "X contains infinity"),
    "nan in a mask": (lambda X, y: {"y": with_(y, nan)}, "y contains NaN"),
    "a table": (lambda X, y: {"X": X[0], "y": y[0]}, r"an array of shape \(n, h, w\)"),
    "no images": (lambda X, y: {"X": X[:0], "y": y[:0]}, "0 sample"),
    "no pixels": (lambda X, y: {"X": X[:, :0], "y": y[:, :0]}, "Got an image of shape"),
    "text": (lambda X, y: {"X": np.full(X.shape, "a")}, "could not convert string"),
    "fewer masks": (lambda X, y: {"y": y[1:]}, "inconsistent numbers of samples"),
    "another shape": (lambda X, y: {"y": y[:, 1:]}, r"needs \(24, 24\)\. Got \(23, 24\)"),
    "no masks": (lambda X, y: {"y": None}, "requires y to be passed, but the target y is None"),
    "one class": (lambda X, y: {"y": 0 * y}, "at least 2 classes"),
    "numbers": (lambda X, y: {"y": y + 0.5 * X}, "Unknown label type"),
    "channels": (lambda X, y: {"X": [*X[1:], np.dstack((X[0], X[0]))]}, "same number of channels"),
    "weights": (lambda X, y: {"sample_weight": np.ones(3)}, "inconsistent numbers of samples"),
    "weight of a pixel": (
        lambda X, y: {"sample_weight": np.ones((6, 3, 3))}, "sample_weight must have a number a",
    ),
    "negative weight": (lambda X, y: {"sample_weight": -np.ones(6)}, "Negative values"),
    "no weight": (lambda X, y: {"sample_weight": np.zeros(6)}, "at least one non-zero"),
    "nan weight": (lambda X, y: {"sample_weight": np.full(6, nan)}, "sample_weight contains NaN"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    change, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        small().fit(**broken(change))


def test_bad_input_after_fit():
    images, masks = scenes()
    model = small().fit(images, masks)
    two = np.stack((images, images), axis=-1)
    message = "X has 2 features, but LossSegmenter is expecting 1 features as input"
    with pytest.raises(ValueError, match=message):
        model.predict(two)
    with pytest.raises(ValueError, match="X has 2 features, but PixelFeatures is expecting 1"):
        sl.PixelFeatures().fit(images).transform(two)
    with pytest.raises(ValueError, match=r"labels that are not in classes_: \[7\]"):
        model.score(images, 7 * masks)
    with pytest.raises(ValueError, match="X contains NaN"):
        model.predict(with_(images, nan))
    with pytest.raises(TypeError, match="Sparse data was passed"):
        model.predict(sparse.csr_array(images[0]))


PARAMS = [
    ({"loss": "huber"}, "LossSegmenter minimises losses of the families"),
    ({"loss": sl.Dice(smooth=-1.0)}, "The 'smooth' parameter of Dice"),
    ({"features": "pixels"}, "features must be a transformer of images, 'auto' or None"),
    ({"features": sl.PixelFeatures(sigmas=(0.0,))}, "The 'sigmas' parameter of PixelFeatures"),
    ({"working_memory": 0.0}, "The 'working_memory' parameter of LossSegmenter"),
    ({"batch_size": 0}, "The 'batch_size' parameter"),
]


@pytest.mark.parametrize(("params", "message"), PARAMS, ids=str)
def test_bad_parameters_raise_at_fit(params, message):
    images, masks = scenes()
    with pytest.raises(ValueError, match=message):
        small(**params).fit(images, masks)


def test_features_that_are_not_finite():
    images, masks = scenes()
    logarithm = FunctionTransformer(lambda images: [0 * image + nan for image in images])
    with pytest.raises(ValueError, match="features contains NaN"):
        small(features=logarithm).fit(images, masks)


def test_nested_parameters_need_objects():
    with pytest.raises(ValueError, match="needs a loss object"):
        sl.LossSegmenter("dice").set_params(loss__smooth=0.1)
    model = sl.LossSegmenter(sl.Dice(), features=sl.PixelFeatures())
    model.set_params(loss__smooth=0.1, features__patch=2)
    assert (model.loss.smooth, model.features.patch) == (0.1, 2)


# ------------------------------------------------------------------ scikit-learn's own checks


class Table(sl.LossSegmenter):
    """A segmenter that takes a table: an image of one column, a pixel a row."""

    features = None

    def _image(self, X, y=None, *, fitting=False, first=True):
        if not fitting:
            check_is_fitted(self)
            return [validate_data(self, X, reset=False)[:, None]]
        X, y = validate_data(self, X, y, reset=first)
        check_classification_targets(y)
        return [X[:, None]], [y[:, None]]

    def _weight(self, w, X):
        if w is None:
            return None
        w = np.asarray(w, float)
        return [np.full((len(X[0]), 1), w) if w.ndim == 0 else w[:, None]]

    def fit(self, X, y, sample_weight=None):
        X, y = self._image(X, y, fitting=True)
        return super().fit(X, y, self._weight(sample_weight, X))

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        X, y = self._image(X, y, fitting=True, first=not hasattr(self, "n_iter_"))
        return super().partial_fit(X, y, classes, self._weight(sample_weight, X))

    def decision_function(self, X):
        return super().decision_function(self._image(X))[0][:, 0]

    def predict_proba(self, X):
        return super().predict_proba(self._image(X))[0][:, 0]

    def predict(self, X):
        return super().predict(self._image(X))[0][:, 0]

    def score(self, X, y, sample_weight=None):
        return accuracy_score(y, self.predict(X), sample_weight=sample_weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.three_d_array = True, False
        tags.estimator_type, tags.classifier_tags = "classifier", ClassifierTags()
        return tags


CHECKED = [Table(), Table(hidden_layer_sizes=(5,), max_iter=300), Table("log_loss")]
# see test_weights_of_pixels
EXPECTED = {"check_sample_weight_equivalence_on_dense_data": "pixels are in single precision"}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(CHECKED, expected_failed_checks=lambda _: EXPECTED)
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", CHECKED, ids=repr)
def test_every_check_is_run(estimator):
    checks = [check for _, check in estimator_checks_generator(estimator)]
    names = {getattr(check, "func", check).__name__ for check in checks}
    assert len(checks) == 63
    assert set(EXPECTED) < names
