"""`LossRanker`: it ranks, queries are its rows, and scikit-learn's machinery knows `qid`."""

from __future__ import annotations

import pickle
import warnings
from functools import cache

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.callback import ScoringMonitor
from sklearn.datasets import dump_svmlight_file, load_svmlight_file
from sklearn.exceptions import FitFailedWarning, NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    cross_val_score,
    cross_validate,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks
from sklearn.utils.validation import _num_samples

import sklosses as sl
from sklosses.metrics import ndcg_score

# most fits here are cut short
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

LOSSES = sl.all_losses("ranking")
SHAPES = pytest.mark.parametrize("hidden", [(), (8,)], ids=["linear", "hidden"])
SOLVERS = ["adam", "sgd", "adagrad"]


def letor(queries=40, documents=12, features=5, *, noise=0.5, seed=0):
    """Return X, y, qid: grades 0 to 4 by place within a query, after a linear truth with noise.

    Queries differ in a shift of all their columns, which no ranker but a blind one minds.
    """
    rng = np.random.default_rng(seed)
    qid = np.repeat(np.arange(queries), documents)
    X = rng.normal(size=(qid.size, features))
    truth = X @ np.linspace(1, -1, features) + noise * rng.normal(size=qid.size)
    places = truth.reshape(queries, documents).argsort(axis=1).argsort(axis=1)
    y = np.floor(5 * places.ravel() / documents)
    return X + rng.normal(size=queries)[qid][:, None], y, qid


@cache
def data():
    X, y, qid = letor()
    for array in (X, y, qid):
        array.flags.writeable = False
    return X, y, qid


def quick(**settings):
    return sl.LossRanker(**{"loss": "pairwise_logistic", "max_iter": 8, "random_state": 0,
                            **settings})  # fmt: skip


# ---------------------------------------------------------------- it ranks


@SHAPES
@pytest.mark.parametrize("cls", LOSSES, ids=lambda cls: cls.__name__)
def test_every_loss_ranks(cls, hidden):
    X, y, qid = data()
    y = y >= 3 if cls is sl.BPR else y
    train = qid % 2 == 0
    model = sl.LossRanker(cls(), hidden_layer_sizes=hidden, max_iter=60, random_state=0)
    model.fit(X[train], y[train], qid=qid[train])
    assert model.predict(X).shape == y.shape
    assert model.solver_ == "adam"
    assert len(model.loss_curve_) == model.n_iter_ <= 60
    assert np.isfinite(model.loss_)
    reached = model.score(X[~train], y[~train], qid=qid[~train])
    by_chance = ndcg_score(y[~train], np.zeros(np.sum(~train)), qid=qid[~train])
    assert reached > by_chance + 0.6 * (1 - by_chance)


@SHAPES
@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_ranks(solver, hidden):
    X, y, qid = data()
    model = sl.LossRanker("list_net", solver=solver, hidden_layer_sizes=hidden, random_state=0)
    model.set_params(max_iter=60).fit(X, y, qid=qid)
    assert model.solver_ == solver
    assert model.score(X, y, qid=qid) > 0.9


def test_no_worse_than_least_squares():
    """Which learns what makes a query's documents good all together, and that ranks nothing."""
    rng = np.random.default_rng(0)
    qid = np.repeat(np.arange(200), 50)
    shift = rng.normal(size=200)[qid]
    X = rng.normal(size=(qid.size, 20))
    latent = X @ rng.normal(size=20) / np.sqrt(20) - shift + rng.normal(size=qid.size)
    y = np.searchsorted(np.quantile(latent, [0.6, 0.8, 0.92, 0.98]), latent)  # mostly 0, up to 4
    X += shift[:, None] / 2
    train = qid % 2 == 0
    model = sl.LossRanker(random_state=0).fit(X[train], y[train], qid=qid[train])
    squares = LinearRegression().fit(X[train], y[train])
    ours, theirs = (
        ndcg_score(y[~train], m.predict(X[~train]), qid=qid[~train], k=10) for m in (model, squares)
    )
    assert ours >= theirs > 0.5


def test_there_is_no_intercept():
    X, y, qid = data()
    model = quick().fit(X + 100, y, qid=qid)
    assert model.intercept_ == 0.0
    assert model.coef_.shape == (5,)
    assert "fit_intercept" not in model.get_params()
    assert_allclose(model.predict(X), X @ model.coef_)
    assert "fit_intercept" not in sl.LossRanker.__doc__
    assert "lbfgs" not in sl.LossRanker.__doc__.partition("solver :")[2].partition("\n    pen")[0]


def test_a_query_that_tells_nothing_changes_little():
    X, y, qid = data()
    flat = np.where(qid == 3, 2.0, y)
    assert quick().fit(X, flat, qid=qid).score(X, y, qid=qid) > 0.9
    nothing = quick().fit(X, np.ones_like(y), qid=qid)
    assert_allclose(nothing.coef_, 0)


# ---------------------------------------------------------------- queries


@pytest.mark.parametrize("spell", [
    str, float, lambda q: f"query {q % 7}/{q}", lambda q: (q, "x"),
    lambda q: pd.Timestamp(q, unit="D"),
], ids=["str", "float", "text", "tuple", "date"])  # fmt: skip
def test_ids_of_any_type(spell):
    X, y, qid = data()
    named = [spell(q) for q in qid.tolist()]
    plain, model = quick().fit(X, y, qid=qid), quick().fit(X, y, qid=named)
    assert_array_equal(model.coef_, plain.coef_)
    assert model.score(X, y, qid=named) == plain.score(X, y, qid=qid)
    assert_array_equal(quick().fit(X, y, qid=pd.Series(named)).coef_, plain.coef_)


@SHAPES
def test_rows_of_a_query_need_not_stand_together(hidden):
    X, y, qid = data()
    model = quick(hidden_layer_sizes=hidden)
    together = clone(model).fit(X, y, qid=qid)
    mixed = np.arange(y.size).reshape(40, 12).T.ravel()  # the first of each query, then the second
    apart = clone(model).fit(X[mixed], y[mixed], qid=qid[mixed])
    assert_array_equal(apart.predict(X), together.predict(X))
    thin = clone(model).fit(sparse.csr_array(X[mixed]), y[mixed], qid=qid[mixed])
    assert thin.score(X, y, qid=qid) > 0.9
    # any order at all: other batches, for queries are taken as they come, and as good a ranking
    order = np.random.default_rng(0).permutation(y.size)
    shuffled = clone(model).fit(X[order], y[order], qid=qid[order])
    assert_allclose(shuffled.score(X, y, qid=qid), together.score(X, y, qid=qid), atol=0.01)


@pytest.mark.parametrize("size", [1, 12, 50, 10**6])
def test_batches_hold_whole_queries(size, monkeypatch):
    X, y, qid = data()
    seen = []
    objective = sl.PairwiseLogistic.objective

    def watched(self, y, raw, w, out_gradient):
        seen.append(y.codes)
        return objective(self, y, raw, w, out_gradient)

    monkeypatch.setattr(sl.PairwiseLogistic, "objective", watched)
    quick(batch_size=size, max_iter=1).fit(X, y, qid=qid)
    _, *batches = seen  # the first asks for the loss of a constant
    per_batch = max(1, min(size, y.size) // 12)
    assert max(len(np.unique(codes)) for codes in batches) <= per_batch + 1
    assert sorted(np.concatenate(batches)) == sorted(qid)
    for codes in batches:
        assert_array_equal(np.unique(codes, return_counts=True)[1], 12)


def test_queries_of_any_length(rng):
    lengths = rng.integers(1, 60, size=80)
    qid = np.repeat(np.arange(80), lengths)
    X = rng.normal(size=(qid.size, 3))
    y = np.digitize(X @ [1, 2, 3], [-3, 0, 3])
    for size in ("auto", 7):
        model = quick(batch_size=size, max_iter=40).fit(X, y, qid=qid)
        assert model.score(X, y, qid=qid) > 0.98


# ---------------------------------------------------------------- weights


@SHAPES
def test_a_query_without_weight_is_not_there(hidden):
    X, y, qid = data()
    kept = qid % 3 > 0
    garbage = np.where(kept[:, None], X, 1e6)
    model = quick(hidden_layer_sizes=hidden)
    weighted = clone(model).fit(garbage, y, qid=qid, sample_weight=kept)
    removed = clone(model).fit(X[kept], y[kept], qid=qid[kept])
    assert_allclose(weighted.predict(X), removed.predict(X), rtol=1e-9)
    assert weighted.loss_curve_ == pytest.approx(removed.loss_curve_)
    streamed, left = clone(model), clone(model)
    for _ in range(3):
        streamed.partial_fit(garbage, y, qid=qid, sample_weight=kept)
        left.partial_fit(X[kept], y[kept], qid=qid[kept])
    assert_allclose(streamed.predict(X), left.predict(X), rtol=1e-9)
    assert streamed.loss_curve_ == pytest.approx(left.loss_curve_)
    ours, theirs = (
        m.score(garbage, y, sample_weight=kept, qid=qid) for m in (weighted, removed)
    )  # fmt: skip
    assert ours == pytest.approx(theirs) == removed.score(X[kept], y[kept], qid=qid[kept])


def test_a_weight_of_two_is_the_query_twice():
    """Exactly, where all queries are one batch."""
    X, y, qid = data()
    w = 1.0 + (qid % 2)
    again = np.concatenate((np.arange(y.size), np.flatnonzero(w == 2)))
    names = np.concatenate((qid, 100 + qid[w == 2]))
    model = quick(batch_size=10**6, alpha=0.01, max_iter=30)
    weighted = clone(model).fit(X, y, qid=qid, sample_weight=w)
    repeated = clone(model).fit(X[again], y[again], qid=names)
    assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-6)
    assert weighted.loss_curve_ == pytest.approx(repeated.loss_curve_)
    unweighted = clone(model).fit(X, y, qid=qid)
    assert not np.allclose(weighted.coef_, unweighted.coef_, rtol=1e-3)


@pytest.mark.parametrize("factor", [1024, 2.0**-10])
def test_the_scale_of_weights_does_not_matter(factor):
    X, y, qid = data()
    w = np.random.default_rng(0).uniform(0.5, 2, 40)[qid]
    first = quick().fit(X, y, qid=qid, sample_weight=w)
    second = quick().fit(X, y, qid=qid, sample_weight=factor * w)
    assert_allclose(second.coef_, first.coef_, rtol=1e-9)


def test_a_long_query_weighs_as_much_as_a_short_one():
    """Also in a stream, and against the penalty: documents that are copies change nothing."""
    X, y, qid = letor(30, 6)
    long = np.repeat(np.arange(y.size), np.where(qid == 0, 50, 1))
    settings = {"batch_size": 10**6, "alpha": 0.05, "max_iter": 400, "tol": None}
    short = quick(**settings).fit(X, y, qid=qid)
    copied = quick(**settings).fit(X[long], y[long], qid=qid[long])
    columns = np.std(X, axis=0) / np.std(X[long], axis=0)  # only steps differ, by the columns
    assert_allclose(copied.coef_, short.coef_, rtol=0.02)
    assert np.abs(columns - 1).max() > 0.02
    stream = quick(**settings)
    for _ in range(400):
        stream.partial_fit(X, y, qid=qid)
    assert_allclose(stream.coef_, short.coef_, rtol=0.02)


# ---------------------------------------------------------------- early stopping


@SHAPES
def test_early_stopping_keeps_the_best_iterate(hidden):
    X, y, qid = letor(noise=2.0)
    val = qid % 4 == 0
    w = 1.0 + qid % 3
    model = sl.LossRanker(hidden_layer_sizes=hidden, alpha=0, max_iter=60, random_state=0)
    model.fit(
        X[~val], y[~val], qid=qid[~val],
        X_val=X[val], y_val=y[val], sample_weight_val=w[val], qid_val=qid[val],
    )  # fmt: skip
    assert len(model.validation_scores_) == len(model.loss_curve_) == model.n_iter_
    reached = model.score(X[val], y[val], w[val], qid[val])
    assert_allclose(reached, max(model.validation_scores_), rtol=1e-9)
    # ids of the validation set are its own, in any order
    order = np.random.default_rng(0).permutation(np.flatnonzero(val))
    again = clone(model).fit(
        X[~val], y[~val], qid=qid[~val], X_val=X[order], y_val=y[order],
        sample_weight_val=w[order], qid_val=[f"v{q}" for q in qid[order]],
    )  # fmt: skip
    assert_allclose(again.validation_scores_, model.validation_scores_)
    assert_array_equal(again.predict(X), model.predict(X))


def test_early_stopping_holds_out_whole_queries():
    X, y, qid = letor(noise=2.0)
    model = sl.LossRanker(early_stopping=True, validation_fraction=0.25, random_state=3)
    model.set_params(max_iter=40).fit(X, y, qid=qid)
    _, test = train_test_split(
        np.arange(40), test_size=0.25, random_state=np.random.RandomState(3)
    )  # fmt: skip
    rows = np.isin(qid, test)
    assert rows.sum() == 10 * 12
    reached = model.score(X[rows], y[rows], qid=qid[rows])
    assert_allclose(reached, max(model.validation_scores_), rtol=1e-9)
    plain = clone(model).set_params(early_stopping=False).fit(X, y, qid=qid)
    assert plain.validation_scores_ is None


def test_patience_is_measured_in_ndcg():
    """Not in units of the loss, which of ListMLE are tens: no improvement would be one."""
    X, y, qid = letor(noise=2.0)
    val = qid < 10
    model = sl.LossRanker("list_mle", learning_rate_init=1e-3, random_state=0)
    model.set_params(max_iter=200, learning_rate="constant", tol=1e-3, n_iter_no_change=4)
    model.fit(X[~val], y[~val], qid=qid[~val], X_val=X[val], y_val=y[val], qid_val=qid[val])
    scores = model.validation_scores_
    gains = np.array([score - max(scores[:i], default=0) for i, score in enumerate(scores)])
    better = gains > 1e-3
    assert not better[-4:].any()
    assert all(better[i : i + 4].any() for i in range(len(better) - 4))
    # some improvements are smaller than the tolerance would be in units of the loss
    constant = sl.ListMLE()(y[val], np.zeros(val.sum()), qid=qid[val])
    assert (better & (gains < 1e-3 * constant)).any()


# ---------------------------------------------------------------- streams, warm starts


@SHAPES
def test_streams(hidden):
    X, y, qid = data()
    model = quick(hidden_layer_sizes=hidden)
    for _ in range(20):
        for part in range(4):
            rows = qid % 4 == part
            model.partial_fit(X[rows], y[rows], qid=qid[rows])
    assert model.n_iter_ == len(model.loss_curve_) == 80
    assert model.score(X, y, qid=qid) > 0.93
    again = pickle.loads(pickle.dumps(model))
    first, second = (m.partial_fit(X, y, qid=qid).predict(X) for m in (again, model))
    assert_array_equal(first, second)
    fitted = quick(hidden_layer_sizes=hidden, max_iter=40).fit(X, y, qid=qid)
    before = fitted.score(X, y, qid=qid)
    assert fitted.partial_fit(X, y, qid=qid).score(X, y, qid=qid) > before - 0.02


@SHAPES
def test_warm_start_goes_on(hidden):
    X, y, qid = data()
    model = quick(hidden_layer_sizes=hidden, warm_start=True, max_iter=3, learning_rate_init=1e-3)
    losses = [model.fit(X, y, qid=qid).loss_ for _ in range(5)]
    assert losses == sorted(losses, reverse=True)
    assert model.n_iter_ == 3
    with pytest.raises(ValueError, match="warm_start"):
        model.fit(X[:, :3], y, qid=qid)


def test_path():
    X, y, qid = data()
    models = quick().path(X, y, "alpha", [1.0, 1e-3], qid=qid)
    assert np.linalg.norm(models[0].coef_) < np.linalg.norm(models[1].coef_)


# ---------------------------------------------------------------- kinds of data


@SHAPES
@pytest.mark.parametrize("solver", SOLVERS)
def test_single_precision_stays(solver, hidden):
    X, y, qid = data()
    X32 = X.astype(np.float32)
    model = quick(hidden_layer_sizes=hidden, solver=solver, max_iter=40).fit(X32, y, qid=qid)
    assert model.predict(X32).dtype == np.float32
    assert model.predict(X).dtype == np.float64
    assert model.score(X32, y, qid=qid) > 0.9


@SHAPES
@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csr_array, sparse.csc_array])
def test_sparse_data(container, hidden):
    X, y, qid = letor()
    X[np.random.default_rng(0).random(X.shape) < 0.3] = 0.0
    model = quick(hidden_layer_sizes=hidden, max_iter=30)
    thin = clone(model).fit(container(X), y, qid=qid)
    assert_allclose(thin.predict(container(X)), thin.predict(X), rtol=1e-9)
    dense = clone(model).fit(X, y, qid=qid)
    assert_allclose(thin.score(X, y, qid=qid), dense.score(X, y, qid=qid), atol=0.03)


def test_data_frames():
    X, y, qid = data()
    frame = pd.DataFrame(X, columns=list("abcde")).assign(query=qid, grade=y)
    frame.index = frame.index[::-1]
    model = quick().fit(frame[list("abcde")], frame["grade"], qid=frame["query"])
    assert model.feature_names_in_.tolist() == list("abcde")
    assert_allclose(model.coef_, quick().fit(X, y, qid=qid).coef_, rtol=1e-12)
    assert model.score(frame[list("abcde")], frame["grade"], qid=frame["query"]) > 0.9


def test_letor_files(tmp_path):
    """``grade qid:7 1:0.3 …``, as LETOR, MSLR and Yahoo's sets are distributed."""
    X, y, qid = data()
    path = tmp_path / "train.txt"
    dump_svmlight_file(X, y, str(path), query_id=qid.copy(), zero_based=False)
    assert path.read_text().splitlines()[12].startswith(f"{y[12]:g} qid:1 1:")
    loaded, grades, queries = load_svmlight_file(str(path), query_id=True)
    model = quick().fit(loaded, grades, qid=queries)
    assert sparse.issparse(loaded)
    assert model.score(loaded, grades, qid=queries) > 0.9
    dense = quick().fit(loaded.toarray(), grades, qid=queries)
    assert_allclose(dense.coef_, quick().fit(X, y, qid=qid).coef_, rtol=1e-6)


# ---------------------------------------------------------------- scikit-learn's habits


@SHAPES
def test_random_states_are_reproducible(hidden):
    X, y, qid = data()
    model = quick(hidden_layer_sizes=hidden, random_state=3)
    first, second = (clone(model).fit(X, y, qid=qid) for _ in range(2))
    assert_array_equal(first.predict(X), second.predict(X))
    assert_array_equal(pickle.loads(pickle.dumps(first)).predict(X), first.predict(X))
    other = clone(model).set_params(random_state=4).fit(X, y, qid=qid)
    assert not np.array_equal(other.predict(X), first.predict(X))
    generator = clone(model).set_params(random_state=np.random.RandomState(3)).fit(X, y, qid=qid)
    assert_array_equal(generator.predict(X), first.predict(X))


def test_parameters():
    model = sl.LossRanker(sl.LambdaRank(k=5), alpha=0.1)
    assert repr(model) == "LossRanker(alpha=0.1, loss=LambdaRank(k=5))"
    assert clone(model).get_params()["loss__k"] == 5
    assert clone(model).set_params(loss__k=3).loss == sl.LambdaRank(k=3)
    assert model.loss.k == 5
    with pytest.raises(ValueError, match="loss=LambdaRank\\(\\) to LossRanker"):
        sl.LossRanker().set_params(loss__k=3)
    with pytest.raises(NotFittedError):
        model.predict([[1.0]])


class Stop:
    """Ends a fit after some iterations."""

    def __init__(self, after):
        self.after, self.count = after, 0

    def setup(self, estimator, context):
        self.count = 0

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        assert isinstance(y, np.ndarray)
        assert_array_equal(metadata["qid"], data()[2])

    def on_fit_task_end(self, estimator, context):
        self.count += context.task_name == "iteration"
        return self.count >= self.after


@SHAPES
def test_callbacks(hidden):
    X, y, qid = data()
    stopped = sl.LossRanker(hidden_layer_sizes=hidden, random_state=0).set_callbacks(Stop(3))
    assert stopped.fit(X, y, qid=qid).n_iter_ == 3
    monitor = ScoringMonitor(scoring=sl.get_scorer("ndcg"))
    model = quick(hidden_layer_sizes=hidden).set_callbacks(monitor).fit(X, y, qid=qid)
    log = monitor.get_logs().data_as_pandas
    scores = log.loc[log["task_name"] == "iteration", "score"]
    assert len(scores) == model.n_iter_
    assert scores.iloc[-1] == pytest.approx(model.score(X, y, qid=qid))
    again = quick(hidden_layer_sizes=hidden).fit(X, y, qid=qid)
    assert_array_equal(again.predict(X), model.predict(X))


# ---------------------------------------------------------------- metadata routing


@pytest.fixture
def routing():
    with config_context(enable_metadata_routing=True):
        yield


@pytest.mark.usefixtures("routing")
def test_cross_validation():
    X, y, qid = data()
    given = {"qid": qid, "groups": qid}
    found = cross_validate(quick(), X, y, cv=GroupKFold(4), params=given, return_estimator=True)
    for (train, test), score, model in zip(
        GroupKFold(4).split(X, y, qid), found["test_score"], found["estimator"], strict=True
    ):
        fitted = quick().fit(X[train], y[train], qid=qid[train])
        assert score == fitted.score(X[test], y[test], qid=qid[test])
        assert_array_equal(model.coef_, fitted.coef_)
    pipeline = make_pipeline(StandardScaler(), quick())
    found = cross_validate(pipeline, X, y, cv=GroupKFold(4), params=given)
    assert found["test_score"].min() > 0.9
    weighted = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), quick())
    found = cross_validate(
        weighted, X, y, cv=GroupKFold(4), params={**given, "sample_weight": 1.0 + qid % 2}
    )
    assert found["test_score"].min() > 0.9


@pytest.mark.usefixtures("routing")
@pytest.mark.parametrize("scoring", [
    None, sl.get_scorer("ndcg@10"), sl.LambdaRank().scorer(), sl.make_ranking_scorer("mrr"),
], ids=repr)  # fmt: skip
def test_searches(scoring):
    X, y, qid = data()
    model = make_pipeline(StandardScaler(), quick(loss=sl.LambdaRank(), max_iter=4))
    search = GridSearchCV(
        model, {"lossranker__loss__k": [3, None], "lossranker__hidden_layer_sizes": [(), (4,)]},
        cv=GroupKFold(3), scoring=scoring,
    )  # fmt: skip
    search.fit(X, y, qid=qid, groups=qid)
    scores = search.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all()
    assert len(set(scores)) > 1 or scoring == sl.make_ranking_scorer("mrr")
    assert np.isfinite(search.score(X, y, qid=qid))
    assert ndcg_score(y, search.predict(X), qid=qid) > 0.9


@pytest.mark.usefixtures("routing")
def test_validation_sets_pass_through_pipelines():
    X, y, qid = letor(noise=2.0)
    val = qid % 4 == 0
    pipeline = make_pipeline(
        StandardScaler(), quick(max_iter=20), transform_input=["X_val"]
    ).fit(
        100 * X[~val], y[~val], qid=qid[~val],
        X_val=100 * X[val], y_val=y[val], qid_val=qid[val],
    )  # fmt: skip
    reached = pipeline.score(100 * X[val], y[val], qid=qid[val])
    assert_allclose(reached, max(pipeline[-1].validation_scores_), rtol=1e-9)


def test_without_routing_the_failure_explains_itself():
    X, y, qid = data()
    advice = r"needs qid.*enable_metadata_routing=True.*params=\{'qid': qid\}"
    with pytest.raises(ValueError, match=r"(?s)All the 3 fits failed.*" + advice):
        cross_val_score(quick(), X, y, cv=GroupKFold(3), groups=qid)
    grid = {"qid_given": [False, True]}

    class Sometimes(sl.LossRanker):
        qid_given: bool = False

        def fit(self, X, y):
            return super().fit(X, y, qid=np.zeros(len(y)) if self.qid_given else None)

    model = Sometimes(max_iter=2, random_state=0)
    search = GridSearchCV(model, grid, cv=3, scoring=sl.get_scorer("ndcg"))
    with (
        pytest.warns(FitFailedWarning, match="(?s)" + advice),
        pytest.warns(UserWarning, match="non-finite"),
    ):
        search.fit(X, y)
    # in a pipeline qid can be given to the step by name
    pipeline = make_pipeline(StandardScaler(), quick()).fit(X, y, lossranker__qid=qid)
    assert ndcg_score(y, pipeline.predict(X), qid=qid) > 0.9


# ---------------------------------------------------------------- bad input


def _with(array, value):
    array = np.array(array, float)
    array.flat[7] = value
    return array


BAD = {
    "no qid": (lambda X, y, q: {"qid": None}, r"fit needs qid, the query of each row: fit\(X, y,"),
    "short qid": (lambda X, y, q: {"qid": q[1:]}, "inconsistent numbers of samples"),
    "one qid": (lambda X, y, q: {"qid": 3}, "qid|sequence|array-like|len"),
    "missing qid": (lambda X, y, q: {"qid": _with(q, np.nan)}, "qid contains NaN"),
    "qid without value": (lambda X, y, q: {"qid": [None, *q[1:].tolist()]}, "qid contains NaN"),
    "table of qid": (lambda X, y, q: {"qid": q[:, None]}, "qid should be a 1d array"),
    "short y": (lambda X, y, q: {"y": y[1:]}, "inconsistent numbers of samples"),
    "no y": (lambda X, y, q: {"y": None}, "requires y|y cannot be None"),
    "several y": (lambda X, y, q: {"y": np.column_stack((y, y))}, "y should be a 1d array"),
    "negative grade": (lambda X, y, q: {"y": _with(y, -1)}, r"PairwiseLogistic.*\[0"),
    "NaN grade": (lambda X, y, q: {"y": _with(y, np.nan)}, "y contains NaN"),
    "infinite grade": (lambda X, y, q: {"y": _with(y, np.inf)}, "y contains infinity"),
    "text grade": (lambda X, y, q: {"y": ["good"] * len(y)}, "could not convert|numeric"),
    "NaN": (lambda X, y, q: {"X": _with(X, np.nan)}, "X contains NaN"),
    "infinite": (lambda X, y, q: {"X": _with(X, np.inf)}, "X contains infinity"),
    "flat X": (lambda X, y, q: {"X": X[:, 0]}, "Expected 2D array"),
    "uneven weights": (
        lambda X, y, q: {"sample_weight": np.arange(len(y)) + 1.0},
        "sample_weight must be constant within each query",
    ),
    "zero weights": (lambda X, y, q: {"sample_weight": 0.0 * y}, "at least one non-zero number"),
    "negative weights": (lambda X, y, q: {"sample_weight": -1 - q}, "sample_weight"),
    "NaN weights": (lambda X, y, q: {"sample_weight": q * np.nan}, "sample_weight contains NaN"),
    "short weights": (lambda X, y, q: {"sample_weight": 1.0 + q[1:]}, "sample_weight"),
    "X_val alone": (lambda X, y, q: {"X_val": X}, "qid_val|y_val"),
    "no y_val": (lambda X, y, q: {"X_val": X, "qid_val": q}, "y_val is required"),
    "no qid_val": (
        lambda X, y, q: {"X_val": X, "y_val": y},
        r"fit needs qid_val, the query of each row: fit\(X, y, qid_val=qid_val\)",
    ),
    "other columns": (
        lambda X, y, q: {"X_val": X[:, 1:], "y_val": y, "qid_val": q}, "expecting 5 features",
    ),
    "nothing to validate": (
        lambda X, y, q: {"X_val": X, "y_val": 0 * y, "qid_val": q}, "not defined for any query",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    X, y, qid = data()
    change, message = BAD[case]
    given = {"X": X, "y": y, "qid": qid, **change(X, y, qid)}
    with pytest.raises((ValueError, TypeError), match=message):
        quick().fit(**given)
    if not any("_val" in name for name in given):
        with pytest.raises((ValueError, TypeError), match=message.replace("fit", "partial_fit")):
            quick().partial_fit(**given)


PARAMS = [
    ({"loss": "huber"}, r"LossRanker minimises losses of the families \('ranking',\); Huber"),
    ({"loss": sl.CategoricalCrossEntropy()}, "LossRanker minimises losses of the families"),
    ({"loss": "lamdba_rank"}, "lamdba_rank"),
    ({"loss": sl.LambdaRank(k=0)}, "The 'k' parameter of LambdaRank must be"),
    ({"solver": "lbfgs"}, "PairwiseLogistic is fitted by batches of groups: solver.*'adam'"),
    ({"solver": "newton"}, "PairwiseLogistic is fitted by batches of groups: solver"),
    ({"solver": "x"}, "The 'solver' parameter of LossRanker must be"),
    ({"batch_size": 0}, "The 'batch_size' parameter of LossRanker must be"),
    ({"learning_rate": "optimal"}, "learning_rate='optimal'"),
    ({"early_stopping": True, "validation_fraction": 1.0}, "validation_fraction"),
]


@pytest.mark.parametrize(("params", "message"), PARAMS, ids=str)
def test_bad_parameters_raise_at_fit(params, message):
    X, y, qid = data()
    with pytest.raises(ValueError, match=message):
        quick(**params).fit(X, y, qid=qid)


def test_one_query_cannot_be_split():
    X, y, _ = data()
    with pytest.raises(ValueError, match="early_stopping holds out whole queries, and there is"):
        quick(early_stopping=True).fit(X, y, qid=np.zeros(y.size))


def test_scores_need_queries():
    X, y, qid = data()
    model = quick().fit(X, y, qid=qid)
    with pytest.raises(ValueError, match=r"LossRanker\.score needs qid"):
        model.score(X, y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.score(X, y, qid=qid[1:])
    with pytest.raises(TypeError, match="fit_intercept"):
        sl.LossRanker(fit_intercept=False)


# ---------------------------------------------------------------- scikit-learn's own checks


class Blocks(sl.LossRanker):
    """A ranker that takes rows by fives, for checks that know no queries."""

    def fit(self, X, y, sample_weight=None, qid=None):
        return super().fit(X, y, sample_weight, self._qid(X, qid))

    def partial_fit(self, X, y, sample_weight=None, qid=None):
        return super().partial_fit(X, y, sample_weight, self._qid(X, qid))

    def score(self, X, y, sample_weight=None, qid=None):
        return super().score(X, y, sample_weight, self._qid(X, qid))

    @staticmethod
    def _qid(X, qid):
        rows = _num_samples(X if sparse.issparse(X) else np.asarray(X))
        return np.arange(rows) // 5 if qid is None else qid


CHECKED = [Blocks(), Blocks(hidden_layer_sizes=(5,))]
# their weights differ from row to row; of queries: test_a_weight_of_two_is_the_query_twice and
# test_a_query_without_weight_is_not_there
BY_ROW = "weights are those of queries, and must not differ within one"
EXPECTED = {
    "check_sample_weights_not_overwritten": BY_ROW,
    "check_sample_weight_equivalence_on_dense_data": BY_ROW,
    "check_sample_weight_equivalence_on_sparse_data": BY_ROW,
}


@parametrize_with_checks(CHECKED, expected_failed_checks=lambda _: EXPECTED)
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", CHECKED, ids=repr)
def test_every_check_is_run(estimator):
    checks = [check for _, check in estimator_checks_generator(estimator)]
    names = {getattr(check, "func", check).__name__ for check in checks}
    assert len(checks) == 50
    assert set(EXPECTED) < names


def test_fit_leaves_weights_as_they_are():
    X, y, qid = letor()
    w = 1.0 + qid % 2
    before = [array.copy() for array in (X, y, qid, w)]
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        quick().fit(X, y, sample_weight=w, qid=qid)
    for array, kept in zip((X, y, qid, w), before, strict=True):
        assert_array_equal(array, kept)
