"""LossEmbedder: what it learns, its batches, its data, and scikit-learn's habits."""

from __future__ import annotations

import pickle
from functools import cache

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.callback import ScoringMonitor
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.neighbors import KNeighborsClassifier, NeighborhoodComponentsAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

import sklosses as sl
from sklosses._fit.balanced import Labelled
from sklosses._fit.metric_learning import nearest_accuracy

# most fits here are cut short
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SHAPES = pytest.mark.parametrize("hidden", [(), (16,)], ids=["linear", "hidden"])
LOSSES = [*(cls() for cls in sl.all_losses("embedding")), sl.Triplet(mining="hard")]


@cache
def digits():
    X, y = load_digits(return_X_y=True)
    return train_test_split(X, y, test_size=0.3, stratify=y, random_state=0)


def clusters(n=2000, classes=5, per_class=1, informative=4, columns=12, *, seed=0):
    """Return Gaussian clusters, those of a class on either side of 0, among columns of noise."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    sign = rng.integers(0, per_class, n) * 2 - 1
    centres = 2.5 * rng.normal(size=(classes, informative))
    X = 4.0 * rng.normal(size=(n, columns))
    X[:, :informative] = sign[:, None] * centres[y] + rng.normal(size=(n, informative))
    return X @ np.linalg.qr(rng.normal(size=(columns, columns)))[0], y


@cache
def data():
    X, y = clusters(300)
    for array in (X, y):
        array.flags.writeable = False
    return X, y


def quick(**settings):
    return sl.LossEmbedder(**{"max_iter": 5, "random_state": 0, **settings})


def neighbours(model, X, X_test, y, y_test):
    """Return the accuracy of nearest neighbours in the map of a model."""
    model.fit(X, y)
    return KNeighborsClassifier().fit(model.transform(X), y).score(model.transform(X_test), y_test)


# ------------------------------------------------------------------ what it learns


def test_digits_in_two_dimensions():
    accuracy = neighbours(sl.LossEmbedder(random_state=0), *digits())
    assert accuracy > neighbours(LinearDiscriminantAnalysis(n_components=2), *digits()) + 0.03
    accuracy = neighbours(sl.LossEmbedder(hidden_layer_sizes=(64,), random_state=0), *digits())
    assert accuracy > 0.85


def test_digits_in_sixteen_dimensions():
    accuracy = neighbours(sl.LossEmbedder(n_components=16, random_state=0), *digits())
    peer = NeighborhoodComponentsAnalysis(16, random_state=0)
    assert accuracy >= neighbours(peer, *digits()) - 0.005


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_every_loss_finds_one_cluster_a_class(loss):
    X, y = clusters()
    split = X[:1500], X[1500:], y[:1500], y[1500:]
    best = neighbours(LinearDiscriminantAnalysis(), *split)
    assert best > neighbours(PCA(4), *split) + 0.2
    accuracy = neighbours(sl.LossEmbedder(loss, n_components=4, random_state=0), *split)
    assert accuracy > best - 0.05


@pytest.mark.parametrize("loss", [loss for loss in LOSSES if loss != sl.Triplet(mining="hard")],
                         ids=repr)  # fmt: skip
def test_every_loss_finds_two_clusters_a_class(loss):
    """Their means are 0: what tells classes apart is not in their means."""
    X, y = clusters(per_class=2)
    split = X[:1500], X[1500:], y[:1500], y[1500:]
    best = neighbours(LinearDiscriminantAnalysis(), *split)
    accuracy = neighbours(sl.LossEmbedder(loss, n_components=4, random_state=0), *split)
    assert accuracy > best + 0.25


def test_the_neighborhood_keeps_clusters_apart():
    """Where two clusters a class lie anywhere, no linear map brings all pairs together."""
    rng = np.random.default_rng(0)
    y, cluster = rng.integers(0, 20, 2000), rng.integers(0, 2, 2000)
    X = rng.normal(size=(2000, 20))
    X[:, :10] += 1.5 * rng.normal(size=(20, 2, 10))[y, cluster]
    settings = {"n_components": 10, "learning_rate_init": 0.1, "max_iter": 20, "tol": None}
    near, anywhere = (
        quick(neighborhood=share, **settings).fit(X, y).validation_scores_ for share in (0.25, 1.0)
    )
    assert near[-1] > anywhere[-1] + 0.05
    assert near[-1] > near[0] - 0.02


def test_linear_maps_are_a_metric():
    X, y = data()
    model = quick().fit(X, y)
    z = model.transform(X)
    assert_allclose(z, X @ model.components_.T)
    assert model.components_.shape == (2, 12)
    assert_array_equal(model.intercept_, 0)  # distances do not see it
    metric = model.components_.T @ model.components_
    step = X[0] - X[1]
    assert_allclose(step @ metric @ step, np.sum((z[0] - z[1]) ** 2))
    turned = quick(loss="n_pairs").fit(X, y)
    assert turned.intercept_.any()
    assert_allclose(turned.transform(X), X @ turned.components_.T + turned.intercept_)
    fixed = quick(loss="n_pairs", fit_intercept=False).fit(X, y)
    assert_array_equal(fixed.intercept_, 0)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_rows_of_unit_length(loss):
    X, y = data()
    lengths = np.linalg.norm(quick(loss=loss).fit(X, y).transform(X), axis=1)
    assert_allclose(lengths.max(), 1) if loss.geometry == "cosine" else None
    assert (abs(lengths - 1) < 1e-12).all() == (loss.geometry == "cosine")
    forced = quick(loss=loss, normalize=True, n_components=4).fit(X, y)
    assert_allclose(np.linalg.norm(forced.transform(X), axis=1), 1)
    assert forced.score(X, y) > 0.6
    free = quick(loss=loss, normalize=False).fit(X, y).transform(X)
    assert not np.allclose(np.linalg.norm(free, axis=1), 1)


def test_the_loss_that_is_minimised_falls():
    """Also where a map of unit rows is trained: the loss is that of what `transform` shows."""
    X, y = data()
    for loss in (sl.SupervisedContrastive(), sl.Contrastive()):
        model = quick(loss=loss, normalize=True, max_iter=40, tol=None, neighborhood=1.0)
        model.set_params(early_stopping=False).fit(X, y)
        assert np.mean(model.loss_curve_[-5:]) < np.mean(model.loss_curve_[:5])
        one = clone(model).set_params(max_iter=1).fit(X, y)
        assert_allclose(one.loss_curve_[0], loss(y, one.transform(X)), rtol=0.3)


def test_columns_of_any_scale():
    X, y = data()
    scales = 10.0 ** np.random.default_rng(0).integers(-6, 7, 12)
    plain, scaled = (quick(n_components=4, max_iter=20) for _ in range(2))
    assert scaled.fit(X * scales, y).score(X * scales, y) > plain.fit(X, y).score(X, y) - 0.03


@pytest.mark.parametrize("margin", [1e-3, 1.0, 1e3])
def test_the_margin_is_a_unit(margin):
    X, y = data()
    model = quick(loss=sl.Triplet(margin), alpha=0.0).fit(X, y)
    unit = quick(loss=sl.Triplet(1.0), alpha=0.0).fit(X, y)
    assert_allclose(model.components_ / margin, unit.components_, rtol=1e-2)


# ------------------------------------------------------------------ batches


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("n", "classes", "size"), [(500, 3, 60), (500, 100, 64), (90, 2, "auto")])
def test_batches_hold_several_rows_of_several_classes(n, classes, size, seed):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, classes, n)
    codes[:5] = 0
    batches = Labelled(codes).drawn(size, rng)
    assert len(batches) == -(-n // min(n, 192 if size == "auto" else size))
    for batch in batches:
        assert len(set(batch.tolist())) == batch.size <= (192 if size == "auto" else size)
        sizes = np.unique(codes[batch], return_counts=True)[1]
        assert sizes.size == (16 if classes == 100 else classes)
        assert sizes.max() == (4 if classes == 100 else 20 if n == 500 else 45)
        assert np.median(sizes) >= 2
    seen = np.unique(np.concatenate(batches))
    assert seen.size > 0.6 * n


def test_all_rows_are_seen():
    codes = np.repeat([0, 1, 2], [10, 40, 70])
    batches = Labelled(codes, steps=(8, 8)).drawn(30, np.random.default_rng(0))
    assert len(batches) == 8
    assert_array_equal(np.unique(np.concatenate(batches)), np.arange(120))
    for batch in batches:
        assert_array_equal(np.bincount(codes[batch]), 10)


def test_rare_classes_are_in_each_batch():
    codes = np.r_[np.zeros(2000, int), np.ones(20, int), 2]
    for batch in Labelled(codes).drawn("auto", np.random.default_rng(0)):
        assert_array_equal(np.bincount(codes[batch]), [64, 20, 1])


def test_classes_of_one_row_are_left_out_where_there_are_many():
    codes = np.r_[np.repeat(np.arange(50), 4), np.arange(50, 300)]
    for batch in Labelled(codes).drawn(40, np.random.default_rng(0)):
        assert (codes[batch] < 50).all()


def test_batches_of_near_rows():
    """Of two clusters of a class, a batch takes one."""
    rng = np.random.default_rng(0)
    codes, side = rng.integers(0, 2, 4000), rng.integers(0, 2, 4000)
    z = np.column_stack([codes * 10.0, side * 10.0]) + rng.normal(size=(4000, 2))
    batches = Labelled(codes, 0.25).drawn(64, rng, lambda rows: z[rows])
    for batch in batches:
        assert_array_equal(np.bincount(codes[batch]), 32)
        for c in (0, 1):
            assert np.unique(side[batch][codes[batch] == c]).size == 1


def test_views():
    batches = Labelled(np.arange(100), views=2).drawn(20, np.random.default_rng(0))
    assert len(batches) == 10
    for batch in batches:
        assert_array_equal(np.unique(batch, return_counts=True)[1], np.full(10, 2))
    assert_array_equal(np.unique(np.concatenate(batches)), np.arange(100))


@pytest.mark.parametrize("batch_size", [16, 50, 10_000, "auto"])
def test_batch_sizes(batch_size):
    X, y = data()
    assert quick(batch_size=batch_size, n_components=4, max_iter=20).fit(X, y).score(X, y) > 0.85


def test_many_classes():
    X, y = clusters(3000, classes=400, columns=20, informative=10)
    split = X[:2000], y[:2000]
    model = sl.LossEmbedder(n_components=10, random_state=0).fit(*split)
    assert model.score(*split) > nearest_accuracy(X[:2000], y[:2000]) + 0.1


# ------------------------------------------------------------------ scores, early stopping


def test_score_is_that_of_the_nearest_neighbour():
    X, y = data()
    model = quick().fit(X, y)
    d = np.linalg.norm(model.transform(X)[:, None] - model.transform(X), axis=2)
    np.fill_diagonal(d, np.inf)
    assert_allclose(model.score(X, y), np.mean(y[d.argmin(axis=1)] == y))
    assert model.score(X, y.astype(str)) == model.score(X, y)


@SHAPES
def test_the_best_map_is_kept(hidden):
    X, y = clusters(600, per_class=2)
    model = quick(hidden_layer_sizes=hidden, max_iter=30)
    model.fit(X[:400], y[:400], X_val=X[400:], y_val=y[400:].astype(str))
    assert len(model.validation_scores_) == len(model.loss_curve_) == model.n_iter_
    assert model.score(X[400:], y[400:]) >= max(model.validation_scores_)  # or the start
    held = clone(model).set_params(early_stopping=True, validation_fraction=0.25).fit(X, y)
    _, rows = train_test_split(
        np.arange(600), test_size=0.25, random_state=np.random.RandomState(0), stratify=y
    )
    assert held.score(X[rows], y[rows]) >= max(held.validation_scores_)


def test_the_start_may_be_the_best_map():
    X, y = data()
    model = quick(n_components=4, learning_rate_init=1e3, max_iter=3, early_stopping=False)
    start = quick(n_components=4, learning_rate_init=1e-12, max_iter=1).fit(X, y)
    assert start.score(X, y) > 0.9
    assert_allclose(model.fit(X, y).score(X, y), start.score(X, y), atol=0.02)


def test_a_fit_ends_by_itself():
    X, y = data()
    model = sl.LossEmbedder(random_state=0).fit(X, y)
    assert 5 <= model.n_iter_ < 60
    best = int(np.argmax(model.validation_scores_[::-1]))  # from the end
    assert best <= model.n_iter_no_change


def test_scorers():
    X, y = data()
    model = quick(loss=sl.Triplet(2.0)).fit(X, y.astype(str))
    expected = -sl.Triplet(2.0)(y, model.transform(X))
    assert_allclose(sl.Triplet(2.0).scorer()(model, X, y.astype(str)), expected)
    assert_allclose(sl.make_loss_scorer("auto")(model, X, y), expected)
    assert_allclose(sl.get_scorer("neg_triplet", margin=2.0)(model, X, y), expected)
    scores = cross_val_score(model, X, y, scoring=sl.Triplet().scorer(), cv=3)
    assert (scores < 0).all()


# ------------------------------------------------------------------ streams, warm starts


@SHAPES
def test_streams(hidden):
    X, y = data()
    model = quick(hidden_layer_sizes=hidden, n_components=4)
    for _ in range(20):
        for part in range(3):
            model.partial_fit(X[part::3], y[part::3])
    assert model.score(X, y) > 0.85
    model.partial_fit(X[:20], np.full(20, 99))  # one new class says nothing
    assert model.score(X, y) > 0.85
    alone = clone(model).partial_fit(X[:1], y[:1])
    assert np.isfinite(alone.partial_fit(X, y).transform(X)).all()
    fitted = quick(hidden_layer_sizes=hidden, n_components=4, max_iter=30).fit(X, y)
    before = fitted.score(X, y)
    assert fitted.partial_fit(X, y).score(X, y) > before - 0.03


@SHAPES
def test_warm_start_goes_on(hidden):
    X, y = data()
    model = quick(hidden_layer_sizes=hidden, warm_start=True, max_iter=2)
    scores = [model.fit(X, y).score(X, y) for _ in range(6)]
    assert scores[-1] >= scores[0]
    assert model.n_iter_ == 2
    with pytest.raises(ValueError, match="warm_start"):
        model.fit(X[:, :3], y)


# ------------------------------------------------------------------ kinds of data


@SHAPES
@pytest.mark.parametrize("solver", ["adam", "sgd", "adagrad"])
def test_single_precision_stays(solver, hidden):
    X, y = data()
    X32 = X.astype(np.float32)
    model = quick(hidden_layer_sizes=hidden, solver=solver, n_components=4).fit(X32, y)
    assert model.transform(X32).dtype == np.float32
    assert model.transform(X).dtype == np.float64
    assert model.score(X32, y) > 0.7


@SHAPES
@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csr_array, sparse.csc_array])
def test_sparse_data(container, hidden):
    X, y = clusters(300)
    X[np.abs(X) < 1] = 0.0
    model = quick(hidden_layer_sizes=hidden, n_components=4, max_iter=20)
    thin = clone(model).fit(container(X), y)
    assert_allclose(thin.transform(container(X)), thin.transform(X), rtol=1e-9)
    assert thin.score(container(X), y) > clone(model).fit(X, y).score(X, y) - 0.08


@pytest.mark.parametrize("wide", [np.asarray, sparse.csr_array])
def test_more_columns_than_a_matrix_of_them_could_hold(wide):
    X, y = clusters(200)
    mixing = np.random.default_rng(0).normal(size=(12, 3000))
    X = wide(X @ mixing)
    assert quick(n_components=4, max_iter=20).fit(X, y).score(X, y) > 0.8


@pytest.mark.parametrize("n_components", [1, 12, 30])
def test_components(n_components):
    X, y = data()
    model = quick(n_components=n_components).fit(X, y)
    assert model.transform(X).shape == (300, n_components)
    assert model.components_.shape == (n_components, 12)
    assert np.isfinite(model.components_).all()


@pytest.mark.parametrize("spell", [
    lambda y: y.astype(str), lambda y: y.astype(float), lambda y: y > 2, lambda y: y - 7,
    lambda y: np.array(list("edcba"), object)[y],
], ids=["str", "float", "bool", "negative", "object"])  # fmt: skip
def test_labels_of_any_kind(spell):
    X, y = data()
    labels = spell(y)
    codes = np.unique(labels, return_inverse=True)[1]
    assert_array_equal(quick().fit(X, labels).transform(X), quick().fit(X, codes).transform(X))
    assert_array_equal(
        quick().fit(X, list(labels)).transform(X), quick().fit(X, codes).transform(X)
    )


def test_data_frames():
    X, y = data()
    frame = pd.DataFrame(X, columns=[f"c{j}" for j in range(12)]).assign(label=y)
    columns = list(frame.columns[:-1])
    model = quick().set_output(transform="pandas").fit(frame[columns], frame["label"])
    assert model.feature_names_in_.tolist() == columns
    mapped = model.transform(frame[columns])
    assert mapped.columns.tolist() == ["lossembedder0", "lossembedder1"]
    assert model.get_feature_names_out().tolist() == mapped.columns.tolist()
    assert_allclose(mapped, quick().fit_transform(X, y))


# ------------------------------------------------------------------ augmentation


def shaken(X, rng):
    return X + 0.3 * rng.normal(size=X.shape)


@pytest.mark.parametrize("loss", ["nt_xent", "supervised_contrastive", "triplet"])
def test_self_supervised(loss):
    """Two noisy copies of a row are alike: what they share is not the noise."""
    signal, y = clusters(600, columns=4)
    X = np.c_[signal, 5.0 * np.random.default_rng(0).normal(size=(600, 8))]

    def augment(X, rng):
        return X + np.c_[np.zeros((len(X), 4)), 5.0 * rng.normal(size=(len(X), 8))]

    model = sl.LossEmbedder(loss, n_components=4, augment=augment, random_state=0, max_iter=40)
    model.fit(X)
    assert model.validation_scores_ is None
    assert model.score(X, y) > nearest_accuracy(X, y) + 0.1
    weights = np.linalg.norm(model.components_ * X.std(axis=0), axis=0)
    assert weights[:4].min() > 2 * weights[4:].max()


def test_augmentations_of_labelled_rows():
    X, y = data()
    seen = []

    def augment(X):
        seen.append(X.shape[0])
        return -X

    model = quick(augment=augment, n_components=4, max_iter=3).fit(X, y)
    assert model.score(X, y) > 0.8
    assert model.validation_scores_ is not None
    assert max(seen) <= 1000
    labelled = quick(augment=shaken, n_components=4, early_stopping=True).fit(X, y)
    assert labelled.score(X, y) > 0.8
    judged = quick(loss="nt_xent", augment=shaken).fit(X, X_val=X, y_val=y)
    assert judged.score(X, y) >= max(judged.validation_scores_)


def test_augmentations_are_reproducible():
    X, _ = data()
    first, second = (quick(loss="nt_xent", augment=shaken).fit(X) for _ in range(2))
    assert_array_equal(first.transform(X), second.transform(X))
    thin = sparse.csr_array(np.where(np.abs(X) > 1, X, 0))
    model = quick(loss="nt_xent", augment=lambda X: X * 1.1).fit(thin)
    assert model.transform(thin).shape == (300, 2)
    seen = []

    def remembered(X, generator):
        seen.append(shaken(X, generator) - X)
        return X + seen[-1]

    streamed = quick(loss="nt_xent", augment=remembered)
    for _ in range(2):
        streamed.partial_fit(X[:90])
    assert streamed.transform(X).shape == (300, 2)
    firsts = [views[0, 0] for views in seen]
    assert len(set(firsts)) == len(firsts)  # the generator goes on from call to call
    assert quick(augment=np.negative).fit(X, data()[1]).n_iter_ == 5


def test_bad_augmentations():
    X, y = data()
    with pytest.raises(ValueError, match="augment must return an array of the shape"):
        quick(augment=lambda X: X[:, 1:]).fit(X, y)
    with pytest.raises(ValueError, match="NaN"):
        quick(augment=lambda X: X * np.nan).fit(X, y)
    with pytest.raises(ValueError, match="requires y to be passed"):
        quick().fit(X)
    with pytest.raises(ValueError, match="needs X_val and y_val"):
        quick(augment=shaken, early_stopping=True).fit(X)


# ------------------------------------------------------------------ scikit-learn's habits


@SHAPES
def test_random_states_are_reproducible(hidden):
    X, y = data()
    model = quick(hidden_layer_sizes=hidden, random_state=3)
    first, second = (clone(model).fit(X, y) for _ in range(2))
    assert_array_equal(first.transform(X), second.transform(X))
    assert_array_equal(pickle.loads(pickle.dumps(first)).transform(X), first.transform(X))
    other = clone(model).set_params(random_state=4).fit(X, y)
    assert not np.array_equal(other.transform(X), first.transform(X))


def test_parameters():
    model = sl.LossEmbedder(sl.Triplet(2.0), n_components=3)
    assert repr(model) == "LossEmbedder(loss=Triplet(margin=2.0), n_components=3)"
    assert clone(model).set_params(loss__mining="hard").loss == sl.Triplet(2.0, "hard")
    assert sl.LossEmbedder().loss == "triplet"
    with pytest.raises(ValueError, match="loss=Triplet\\(\\) to LossEmbedder"):
        sl.LossEmbedder().set_params(loss__margin=3)
    with pytest.raises(NotFittedError):
        model.transform([[1.0]])
    with pytest.raises(NotFittedError):
        model.get_feature_names_out()


def test_a_step_of_a_pipeline():
    X, X_test, y, y_test = digits()
    pipeline = make_pipeline(
        StandardScaler(), sl.LossEmbedder(sl.Triplet(), random_state=0), KNeighborsClassifier()
    )
    grid = {"lossembedder__n_components": [1, 8], "lossembedder__loss__margin": [0.5, 1.0]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(X[:600], y[:600].astype(str))
    assert search.best_params_["lossembedder__n_components"] == 8
    assert search.score(X_test, y_test.astype(str)) > 0.9


class Stop:
    """Ends a fit after some iterations."""

    def __init__(self, after):
        self.after, self.count = after, 0

    def setup(self, estimator, context):
        self.count = 0

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        assert_array_equal(y, data()[1])

    def on_fit_task_end(self, estimator, context):
        self.count += context.task_name == "iteration"
        return self.count >= self.after


@SHAPES
def test_callbacks(hidden):
    X, y = data()
    stopped = sl.LossEmbedder(hidden_layer_sizes=hidden, random_state=0).set_callbacks(Stop(3))
    assert stopped.fit(X, y).n_iter_ == 3
    monitor = ScoringMonitor(scoring=sl.make_loss_scorer("auto"))
    model = quick(hidden_layer_sizes=hidden).set_callbacks(monitor).fit(X, y)
    log = monitor.get_logs().data_as_pandas
    scores = log.loc[log["task_name"] == "iteration", "score"]
    assert len(scores) == model.n_iter_
    again = quick(hidden_layer_sizes=hidden).fit(X, y)
    assert_array_equal(again.transform(X), model.transform(X))


BAD = {
    "one class": (lambda X, y: quick().fit(X, np.zeros(300)), "contains only 1 class"),
    "single rows": (lambda X, y: quick().fit(X[:20], np.arange(20)), "at least 2 samples"),
    "numbers": (lambda X, y: quick().fit(X, y + 0.5), "Unknown label type"),
    "lengths": (lambda X, y: quick().fit(X, y[1:]), "inconsistent numbers of samples"),
    "nan": (lambda X, y: quick().fit(np.where(X > 0, X, np.nan), y), "NaN"),
    "columns": (lambda X, y: quick().fit(X, y).transform(X[:, 1:]), "11 features"),
    "y_val": (lambda X, y: quick().fit(X, y, X_val=X), "y_val is required"),
    "loss": (lambda X, y: quick(loss="huber").fit(X, y), "families \\('embedding',\\)"),
    "solver": (lambda X, y: quick(solver="lbfgs").fit(X, y), "'solver' parameter"),
    "components": (lambda X, y: quick(n_components=0).fit(X, y), "'n_components' parameter"),
    "neighborhood": (lambda X, y: quick(neighborhood=0.0).fit(X, y), "'neighborhood' parameter"),
    "augment": (lambda X, y: quick(augment="flip").fit(X, y), "'augment' parameter"),
    "score": (lambda X, y: quick().fit(X, y).score(X, y[1:]), "inconsistent numbers"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    act, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        act(*data())


def test_weights_are_not_taken():
    X, y = data()
    with pytest.raises(TypeError, match="sample_weight"):
        quick().fit(X, y, sample_weight=np.ones(300))


def test_fit_leaves_data_as_they_are():
    X, y = clusters(100)
    before = X.copy(), y.copy()
    quick().fit(X, y)
    assert_array_equal(X, before[0])
    assert_array_equal(y, before[1])


# ------------------------------------------------------------------ scikit-learn's own checks

CHECKED = [
    sl.LossEmbedder(), sl.LossEmbedder(hidden_layer_sizes=(5,)),
    sl.LossEmbedder("supervised_contrastive"), sl.LossEmbedder("n_pairs", solver="sgd"),
]  # fmt: skip


@parametrize_with_checks(CHECKED)
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


def _checks(estimator):
    checks = [check for _, check in estimator_checks_generator(estimator)]
    return [getattr(check, "func", check).__name__ for check in checks]


@pytest.mark.parametrize("estimator", CHECKED, ids=repr)
def test_every_check_is_run(estimator):
    assert len(_checks(estimator)) == 48
    assert set(_checks(NeighborhoodComponentsAnalysis())) <= set(_checks(estimator))
