"""`LossSequenceLabeler`: it reads, keeps sequences whole, and lists pass through scikit-learn."""

from __future__ import annotations

import pickle
import warnings
from functools import cache
from itertools import groupby, product

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import ClassifierMixin, clone
from sklearn.callback import ScoringMonitor
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import (
    GridSearchCV,
    cross_val_score,
    cross_validate,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_feature_names,
    _check_y,
    check_array,
    check_is_fitted,
)

import sklosses as sl
from sklosses._kernels.decoding import beam, greedy
from sklosses.metrics import label_error_rate

# most fits here are cut short
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SHAPES = pytest.mark.parametrize("hidden", [(), (8,)], ids=["linear", "hidden"])
SOLVERS = ["adam", "sgd", "adagrad"]


def signals(count=60, *, letters="abc", noise=0.3, longest=6, seed=0):
    """Return sequences of frames, each near the direction of a letter or near 0, and their words.

    A letter lasts one to three frames, what separates letters none to two, but one between equals.
    """
    rng = np.random.default_rng(seed)
    X, y = [], []
    for _ in range(count):
        word, shown = rng.integers(0, len(letters), rng.integers(1, longest)), []
        for i, letter in enumerate(word):
            gap = rng.integers(0, 3)
            gap = max(gap, 1) if i and word[i - 1] == letter else gap
            shown += [-1] * gap + [letter] * rng.integers(1, 4)
        frames = np.eye(len(letters) + 1)[shown][:, :-1]
        X.append(frames + noise * rng.normal(size=frames.shape))
        y.append("".join(letters[letter] for letter in word))
    return X, y


@cache
def data():
    X, y = signals()
    for array in X:
        array.flags.writeable = False
    return X, y


def quick(**settings):
    return sl.LossSequenceLabeler(
        **{"max_iter": 20, "batch_size": 50, "random_state": 0, **settings}
    )


def same(first, second):
    """Assert that two models give the same probabilities, exactly."""
    for one, other in zip(first, second, strict=True):
        assert_array_equal(one, other)


# ------------------------------------------------------------------ it reads


@SHAPES
@pytest.mark.parametrize("solver", SOLVERS)
def test_it_reads(solver, hidden):
    X, y = data()
    model = sl.LossSequenceLabeler(
        solver=solver, hidden_layer_sizes=hidden, max_iter=60, batch_size=30, random_state=0
    ).fit(X[:40], y[:40])
    assert model.solver_ == solver
    assert model.classes_.tolist() == list("abc")
    assert len(model.loss_curve_) == model.n_iter_ <= 60
    assert model.loss_curve_[-1] < model.loss_curve_[0] / 3
    assert model.score(X[40:], y[40:]) > 0.85
    assert model.score(X[40:], y[40:]) == 1 - label_error_rate(y[40:], model.predict(X[40:]))


def strings(images, digits, pool, count, rng):
    some = [rng.choice(pool, rng.integers(3, 9)) for _ in range(count)]
    frames = [np.concatenate([image.T for image in images[which]]) for which in some]
    return frames, ["".join(map(str, digits[which])) for which in some]


def test_strings_of_handwritten_digits():
    """Three to eight digits a string; of the test strings no digit was seen in training."""
    X, digits = load_digits(return_X_y=True)
    images, rng = X.reshape(-1, 8, 8).astype(np.float32), np.random.default_rng(0)
    train, test = train_test_split(
        np.arange(len(X)), test_size=0.3, stratify=digits, random_state=0
    )
    assert not set(train) & set(test)
    learn = strings(images, digits, train, 600, rng)
    frames, truth = strings(images, digits, test, 300, rng)
    model = sl.LossSequenceLabeler(
        context=4, hidden_layer_sizes=(64,), max_iter=10, random_state=0
    ).fit(*learn)
    assert label_error_rate(truth, model.predict(frames)) <= 0.08
    assert label_error_rate(truth, model.set_params(decoder="beam").predict(frames)) <= 0.08


def test_the_start_is_the_best_constant():
    X, y = data()
    model = quick(max_iter=1, learning_rate_init=1e-12).fit(X, y)
    (first, *_), *_ = p = model.predict_proba(X)
    assert_allclose(np.concatenate(p), np.tile(first, (sum(map(len, X)), 1)), rtol=1e-6)
    columns = {letter: i for i, letter in enumerate("abc", start=1)}
    labels = [[columns[letter] for letter in word] for word in y]
    constant = sl.CTC().init_raw(labels, n_frames=[len(one) for one in X])
    assert_allclose(first, sl.CTC().inverse_link(constant[None, None])[0, 0], rtol=1e-6)
    assert_allclose(model.loss_curve_[0], sl.CTC()(labels, p), rtol=1e-6)


def test_context_is_seen():
    """Whether a frame means one or the other letter is told by the frame before it."""
    rng = np.random.default_rng(0)
    X, y = [], []
    for _ in range(80):
        word = rng.integers(0, 2, rng.integers(1, 5))
        X.append(np.concatenate([[[0, 0], [0, 1 + 0 * c], [1, 0]] if c else [[0, 0], [1, 0]]
                                 for c in word]).astype(float))  # fmt: skip
        y.append(word)
    alone, context = (
        quick(context=c, hidden_layer_sizes=(16,), max_iter=100).fit(X, y) for c in (0, 1)
    )
    assert context.score(X, y) > 0.95
    assert context.n_features_in_ == alone.n_features_in_ == 2
    assert context.coefs_[0].shape == (6, 16)
    linear = quick(context=2, max_iter=1).fit(X, y)
    assert linear.coef_.shape == (3, 10)
    linear.coef_[:] = 0.0
    linear.coef_[1, :2], linear.coef_[2, 8:] = 1.0, 1.0
    linear.intercept_[:] = 0.0
    raw = np.log(linear.predict_proba([np.arange(8.0).reshape(4, 2) / 9])[0])
    raw -= raw[:, :1]
    # two frames back and two ahead; at the ends the last one again
    assert_allclose(raw[:, 1] * 9, [1, 1, 1, 5])
    assert_allclose(raw[:, 2] * 9, [9, 13, 13, 13])
    linear.set_params(context=0)  # is for the next fit
    assert len(linear.predict_proba(X)) == 80


# ------------------------------------------------------------------ labels


KINDS = {
    "strings": lambda word: word,
    "lists": lambda word: [int(c) for c in word],
    "tuples": tuple,
    "arrays": lambda word: np.array([int(c) for c in word]),
    "lists of words": lambda word: [f"word {c}" for c in word],
    "big numbers": lambda word: [10**12 + int(c) for c in word],
}


@pytest.mark.parametrize("kind", KINDS)
def test_labels_come_back_as_they_were(kind):
    X, y = signals(letters="123")
    spell = KINDS[kind]
    plain = quick().fit(X, y)
    model = quick().fit(X, [spell(word) for word in y])
    found = model.predict(X[:5])
    for ours, expected in zip(found, plain.predict(X[:5]), strict=True):
        assert type(ours) is type(spell("1"))
        assert_array_equal(ours, spell(expected))
    assert model.score(X, [spell(word) for word in y]) == plain.score(X, y)
    assert isinstance(found, list)


def test_containers_of_labels():
    X, y = data()
    expected = quick().fit(X, y).predict(X)
    for container in (np.array(y), np.array(y, object), pd.Series(y, index=range(9, 69)), tuple(y)):
        assert quick().fit(X, container).predict(X) == expected
    square = np.random.default_rng(0).integers(0, 3, (20, 2))
    found = quick().fit(np.random.default_rng(0).normal(size=(20, 6, 3)), square).predict(X)
    assert isinstance(found[0], np.ndarray)


@pytest.mark.parametrize("blank", [0, 1, 3])
def test_the_column_of_the_blank(blank):
    X, y = data()
    plain, model = (quick(loss=sl.CTC(b)).fit(X, y) for b in (0, blank))
    order = np.insert(np.arange(1, 4), blank, 0)  # of the columns, as the plain model has them
    for ours, expected in zip(model.predict_proba(X), plain.predict_proba(X), strict=True):
        assert_allclose(ours, expected[:, order], rtol=1e-5, atol=1e-9)
        assert_allclose(ours.sum(axis=1), 1)
    assert model.predict(X) == plain.predict(X)
    for decoder in ({"decoder": "beam"}, {"decoder": "beam", "language_model": "bigram"}):
        first, second = (m.set_params(**decoder).predict(X) for m in (plain, model))
        assert first == second
    with pytest.raises(ValueError, match=r"CTC\(blank=4\) must be one of the columns, 0 to 3"):
        quick(loss=sl.CTC(4)).fit(X, y)


def test_unknown_labels():
    X, y = data()
    model = quick().fit(X, y)
    strange = [*y[:-1], "xay"]
    message = r"labels that are not in classes_: \['x', 'y'\]; classes_ are \['a', 'b', 'c'\]"
    # can never be predicted: two errors, or one where the prediction has an 'a' at most
    assert model.score(X, strange) < 1
    with pytest.raises(ValueError, match="y_true contains " + message):
        sl.CTC().scorer()(model, X, strange)
    with pytest.raises(ValueError, match="y contains " + message):
        model.partial_fit(X, strange)
    with pytest.raises(ValueError, match="y contains " + message):
        quick().fit(X, y, X_val=X, y_val=strange)
    with pytest.raises(ValueError, match=r"not in classes_: \[1, 2\]"):
        model.partial_fit(X, [[1, 2]] * len(X))


def test_classes_of_a_stream():
    X, y = data()
    model = quick().partial_fit(X[:3], y[:3], classes="abcd")
    assert model.classes_.tolist() == list("abcd")
    with pytest.raises(ValueError, match="is not the same as on last call to partial_fit"):
        model.partial_fit(X, y, classes="abc")
    for _ in range(60):
        model.partial_fit(X, y)
    assert model.score(X, y) > 0.85
    assert "d" not in "".join(model.predict(X))
    assert quick().partial_fit(X, y).classes_.tolist() == list("abc")
    # labels that a fold lacks have no column, and are no trouble
    few = [i for i, word in enumerate(y) if "c" not in word]
    fitted = quick().fit([X[i] for i in few], [y[i] for i in few])
    assert fitted.predict_proba(X)[0].shape[1] == 3
    assert 0 < fitted.score(X, y) < 1


# ------------------------------------------------------------------ decoding


def best_labels(p, blank, factors=None):
    """Return the most probable labels: summed over all paths, times what a language model says."""
    n, k = p.shape
    masses = {}
    for path in product(range(k), repeat=n):
        labels = tuple(c for c, _ in groupby(path) if c != blank)
        masses[labels] = masses.get(labels, 0.0) + np.prod(p[np.arange(n), path])
    if factors is not None:
        for labels in masses:
            for a, b in zip([k, *labels], [*labels, k], strict=True):
                masses[labels] *= factors[a, b]
    return max(masses, key=masses.get)


@pytest.mark.parametrize("blank", [0, 2])
@pytest.mark.parametrize("language", [False, True])
def test_a_wide_beam_finds_the_best_labels(language, blank, rng):
    for n in (0, 1, 3, 5):
        p = rng.dirichlet(np.full(3, 0.7), n)
        factors = rng.uniform(0.1, 2, (4, 4)) if language else None
        columns, ends = beam(p, np.array([0, n]), blank, 200, factors)
        assert tuple(columns.tolist()) == best_labels(p, blank, factors)
        assert ends.tolist() == [0, columns.size]


def test_beams_and_greed_on_several_sequences(rng):
    p = rng.dirichlet(np.full(4, 0.5), 50)
    offsets = np.array([0, 7, 7, 20, 21, 50])
    for decode in (lambda p, o: greedy(p, o, 1), lambda p, o: beam(p, o, 1, 8, None)):
        columns, ends = decode(p, offsets)
        assert ends[0] == 0
        assert ends[-1] == columns.size
        for i in range(5):
            own = p[offsets[i] : offsets[i + 1]]
            alone, _ = decode(own, np.array([0, len(own)]))
            assert_array_equal(columns[ends[i] : ends[i + 1]], alone)


def test_greedy_is_the_best_path(rng):
    p = rng.dirichlet(np.ones(4), 40)
    columns, _ = greedy(p, np.array([0, 40]), 0)
    expected = [c for c, _ in groupby(p.argmax(axis=1)) if c != 0]
    assert columns.tolist() == expected
    narrow, _ = beam(np.eye(4)[[1, 1, 0, 1, 2, 2, 3]], np.array([0, 7]), 0, 1, None)
    assert narrow.tolist() == [1, 1, 2, 3]


def test_a_beam_sums_what_greed_does_not_see():
    """At each frame the blank is likelier than the label, but some frame has it, most likely."""
    p = np.array([[0.6, 0.4], [0.6, 0.4]])
    assert greedy(p, np.array([0, 2]), 0)[0].tolist() == []
    assert beam(p, np.array([0, 2]), 0, 5, None)[0].tolist() == [1]


def test_language_model():
    """Words in which a vowel follows each consonant, read through noise."""
    X, y = signals(200, letters="bd", noise=0.9, seed=1)
    rng = np.random.default_rng(1)
    X, y = [], []
    directions = {"a": [1.0, 0.0, 0.0], "e": [0.8, 0.5, 0.0], "b": [0.0, 0.0, 1.0]}
    for _ in range(300):
        word = "".join(
            "b" + rng.choice(["a", "e"], p=[0.9, 0.1]) for _ in range(rng.integers(1, 4))
        )
        frames = np.repeat([directions[c] for c in word], 2, axis=0)
        X.append(frames + 0.5 * rng.normal(size=frames.shape))
        y.append(word)
    model = quick(decoder="beam", max_iter=40).fit(X[:200], y[:200])
    plain = model.score(X[200:], y[200:])
    model.set_params(language_model="bigram")
    assert model.score(X[200:], y[200:]) > plain + 0.02
    counts = model.bigrams_
    assert counts[-1].tolist() == [0, 200, 0, 0]  # a word begins with b
    assert counts[1, 1] == counts[1, -1] == 0  # after b comes no b, nor the end
    assert counts.sum() == sum(map(len, y[:200])) + 200
    learned = model.predict(X[200:])
    given = (counts + 1) / (counts.sum(axis=1, keepdims=True) + 4)
    assert model.set_params(language_model=given).predict(X[200:]) == learned
    uniform = model.set_params(language_model=np.full((4, 4), 0.25)).predict(X[200:])
    assert uniform == model.set_params(language_model=None).predict(X[200:])
    model.set_params(language_model="bigram", language_weight=0.0)
    assert model.predict(X[200:]) == uniform
    strict = np.array([[0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 1], [0, 1, 0, 0]], float)
    found = model.set_params(language_model=strict, language_weight=1.0).predict(X[200:])
    assert all(len(word) % 2 == 0 and set(word[::2]) <= {"b"} for word in found)
    with pytest.raises(ValueError, match=r"language_model must be an array of shape \(4, 4\)"):
        model.set_params(language_model=np.ones((3, 3))).predict(X)


def test_pairs_of_a_stream_add_up():
    X, y = data()
    model = quick()
    for part in (slice(20), slice(20, 60)):
        model.partial_fit(X[part], y[part], classes="abc")
    assert_array_equal(model.bigrams_, quick().fit(X, y).bigrams_)
    w = np.arange(60) % 3
    again = np.repeat(np.arange(60), w)
    weighted = quick().fit(X, y, sample_weight=w)
    repeated = quick().fit([X[i] for i in again], [y[i] for i in again])
    assert_array_equal(weighted.bigrams_, repeated.bigrams_)


# ------------------------------------------------------------------ weights, batches


@SHAPES
def test_a_sequence_without_weight_is_not_there(hidden):
    X, y = data()
    kept = np.arange(60) % 3 > 0
    garbage = [frames if k else 1e6 * frames for frames, k in zip(X, kept, strict=True)]
    left = [X[i] for i in np.flatnonzero(kept)], [y[i] for i in np.flatnonzero(kept)]
    model = quick(hidden_layer_sizes=hidden)
    weighted = clone(model).fit(garbage, y, sample_weight=kept)
    removed = clone(model).fit(*left)
    for one, other in zip(weighted.predict_proba(X), removed.predict_proba(X), strict=True):
        assert_allclose(one, other, rtol=1e-7, atol=1e-9)
    assert weighted.loss_curve_ == pytest.approx(removed.loss_curve_)
    assert weighted.score(X, y, sample_weight=kept) == pytest.approx(removed.score(*left))
    streamed, rest = clone(model), clone(model)
    for _ in range(3):
        streamed.partial_fit(garbage, y, sample_weight=kept)
        rest.partial_fit(*left)
    assert streamed.loss_curve_ == pytest.approx(rest.loss_curve_)
    # also if it would be too short
    y_short = [*y[:-1], "abcabcabcabcabcabcabc"]
    last = np.arange(60) < 59
    quick().fit(X, y_short, sample_weight=last)


def test_a_weight_of_two_is_the_sequence_twice():
    """Exactly, where all sequences are one batch."""
    X, y = data()
    w = 1.0 + np.arange(60) % 2
    again = np.concatenate((np.arange(60), np.flatnonzero(w == 2)))
    model = quick(batch_size=10**6, alpha=0.01, max_iter=30)
    weighted = clone(model).fit(X, y, sample_weight=w)
    repeated = clone(model).fit([X[i] for i in again], [y[i] for i in again])
    assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-5, atol=1e-9)
    assert weighted.loss_curve_ == pytest.approx(repeated.loss_curve_)
    unweighted = clone(model).fit(X, y)
    assert not np.allclose(weighted.coef_, unweighted.coef_, rtol=1e-3)


@pytest.mark.parametrize("size", [1, 30, 100, 10**6])
def test_batches_hold_whole_sequences(size, monkeypatch):
    X, y = data()
    seen = []
    objective = sl.CTC.objective

    def watched(self, y, raw, w, out_gradient):
        seen.append(y.codes)
        return objective(self, y, raw, w, out_gradient)

    monkeypatch.setattr(sl.CTC, "objective", watched)
    quick(batch_size=size, max_iter=1).fit(X, y)
    _, *batches = seen  # the first asks for the loss of a constant
    lengths = np.array([len(frames) for frames in X])
    assert sorted(np.concatenate(batches)) == np.repeat(np.arange(60), lengths).tolist()
    assert max(codes.size for codes in batches) <= max(size, 0) + lengths.max()
    assert len(batches) >= min(60, lengths.sum() // (size + lengths.max()))
    for codes in batches:
        own, counts = np.unique(codes, return_counts=True)
        assert_array_equal(counts, lengths[own])


# ------------------------------------------------------------------ early stopping, streams


@SHAPES
def test_early_stopping_keeps_the_best_iterate(hidden):
    X, y = signals(80, noise=0.8)
    w = 1.0 + np.arange(20) % 3
    model = quick(hidden_layer_sizes=hidden, alpha=0, max_iter=60)
    model.fit(X[:60], y[:60], X_val=X[60:], y_val=y[60:], sample_weight_val=w)
    assert len(model.validation_scores_) == len(model.loss_curve_) == model.n_iter_
    reached = sl.CTC().scorer()(model, X[60:], y[60:], sample_weight=w)
    assert_allclose(reached, max(model.validation_scores_), rtol=1e-6)


def test_early_stopping_holds_out_whole_sequences():
    X, y = signals(80, noise=0.8)
    model = quick(early_stopping=True, validation_fraction=0.25, random_state=3, max_iter=40)
    model.fit(X, y)
    _, test = train_test_split(np.arange(80), test_size=0.25, random_state=np.random.RandomState(3))
    reached = sl.CTC().scorer()(model, [X[i] for i in test], [y[i] for i in test])
    assert_allclose(reached, max(model.validation_scores_), rtol=1e-6)
    assert clone(model).set_params(early_stopping=False).fit(X, y).validation_scores_ is None
    with pytest.raises(ValueError, match="holds out whole sequences, and there is only one"):
        model.fit(X[:1], y[:1])


@SHAPES
def test_streams(hidden):
    X, y = data()
    model = quick(hidden_layer_sizes=hidden)
    for _ in range(40):
        for part in range(4):
            model.partial_fit(X[part::4], y[part::4], classes="abc")
    assert model.n_iter_ == len(model.loss_curve_) == 160
    assert model.score(X, y) > 0.85
    again = pickle.loads(pickle.dumps(model))
    same(*(m.partial_fit(X, y).predict_proba(X) for m in (again, model)))
    fitted = quick(hidden_layer_sizes=hidden, max_iter=40).fit(X, y)
    before = fitted.score(X, y)
    assert fitted.partial_fit(X, y).score(X, y) > before - 0.05


@SHAPES
def test_warm_start_goes_on(hidden):
    X, y = data()
    model = quick(hidden_layer_sizes=hidden, warm_start=True, max_iter=3, learning_rate_init=1e-3)
    losses = [model.fit(X, y).loss_ for _ in range(5)]
    assert losses == sorted(losses, reverse=True)
    with pytest.raises(ValueError, match="warm_start goes on with a model of the same labels"):
        model.fit(X, [word.replace("c", "d") for word in y])
    with pytest.raises(ValueError, match="warm_start goes on with a model of the same layers"):
        model.set_params(context=1).fit(X, y)


# ------------------------------------------------------------------ kinds of data


@SHAPES
@pytest.mark.parametrize("solver", SOLVERS)
def test_single_precision_stays(solver, hidden):
    X, y = data()
    X32 = [frames.astype(np.float32) for frames in X]
    model = quick(hidden_layer_sizes=hidden, solver=solver, context=1, max_iter=40).fit(X32, y)
    assert model.predict_proba(X32)[0].dtype == np.float32
    assert model.predict_proba(X)[0].dtype == np.float64
    assert model.score(X32, y) > 0.6


def test_containers_of_frames(rng):
    cube, y = rng.normal(size=(20, 6, 3)), ["ab"] * 10 + ["c"] * 10
    expected = quick().fit(list(cube), y)
    objects = np.empty(20, object)
    objects[:] = list(cube)
    for X in (cube, tuple(cube), cube.tolist(), objects, [pd.DataFrame(one) for one in cube]):
        model = quick().fit(X, y)
        same(model.predict_proba(X), expected.predict_proba(cube))
        assert model.n_features_in_ == 3
    ints = [np.round(3 * one).astype(int) for one in cube]
    same(quick().fit(ints, y).predict_proba(ints),
         quick().fit([one.astype(float) for one in ints], y).predict_proba(ints))  # fmt: skip
    backwards = [np.asfortranarray(one)[::-1][::-1] for one in cube]
    same(quick().fit(backwards, y).predict_proba(cube), expected.predict_proba(cube))


def test_sequences_without_frames():
    X, y = data()
    model = quick().fit([*X, np.empty((0, 3))], [*y, ""])
    same(model.predict_proba(X), quick().fit(X, y).predict_proba(X))
    for decoder in ("greedy", "beam"):
        model.set_params(decoder=decoder)
        assert model.predict([np.empty((0, 3))]) == [""]
        assert model.predict([X[0], np.empty((0, 3)), X[1]])[1] == ""
        with pytest.raises(ValueError, match="0 sample"):
            model.predict([])
    assert [p.shape for p in model.predict_proba([np.empty((0, 3)), X[0][:2]])] == [(0, 4), (2, 4)]
    assert model.score([np.empty((0, 3)), X[0]], ["ab", y[0]]) < 1


def test_words_without_labels():
    X, y = data()
    nothing = [np.zeros((4, 3))] * 20
    model = quick(max_iter=60).fit([*X, *nothing], [*y, *[""] * 20])
    assert model.predict(nothing[:1]) == [""]
    with pytest.raises(ValueError, match="y has no label: all sequences are empty"):
        quick().fit(nothing, [""] * 20)


def test_sequences_too_short_for_their_labels():
    X, y = data()
    X_short, y_short = [*X, np.zeros((3, 3)), np.zeros((2, 3))], [*y, "aab", "abc"]
    message = (
        r"2 sequence\(s\) are too short .* place 60: 3 frames, and its labels take 4.*zero_inf"
    )
    for fit in (quick().fit, quick().partial_fit):
        with pytest.raises(ValueError, match=message):
            fit(X_short, y_short)
    with pytest.raises(ValueError, match=message):
        quick().fit(X, y, X_val=X_short, y_val=y_short)
    ignored = quick(loss=sl.CTC(zero_infinity=True)).fit(X_short, y_short)
    assert np.isfinite(ignored.loss_curve_).all()
    assert ignored.score(X, y) > 0.6
    # as a score there is no harm in them, as a loss they are infinite
    assert ignored.score(X_short, y_short) < ignored.score(X, y)
    with pytest.warns(RuntimeWarning, match=r"2 of 62 sequences: 60, 61\. Sequence 60 has 3"):
        assert sl.CTC().scorer()(ignored, X_short, y_short) == -np.inf
    assert np.isfinite(sl.make_loss_scorer("auto")(ignored, X_short, y_short))


# ------------------------------------------------------------------ scikit-learn's habits


@SHAPES
def test_random_states_are_reproducible(hidden):
    X, y = data()
    model = quick(hidden_layer_sizes=hidden, random_state=3)
    first, second = (clone(model).fit(X, y) for _ in range(2))
    same(first.predict_proba(X), second.predict_proba(X))
    same(first.fit(X, y).predict_proba(X), second.predict_proba(X))  # refitted
    same(pickle.loads(pickle.dumps(first)).predict_proba(X), first.predict_proba(X))
    other = clone(model).set_params(random_state=4).fit(X, y)
    assert not np.array_equal(other.predict_proba(X)[0], first.predict_proba(X)[0])


def test_parameters():
    model = sl.LossSequenceLabeler(sl.CTC(blank=2), decoder="beam")
    assert repr(model) == "LossSequenceLabeler(decoder='beam', loss=CTC(blank=2))"
    assert clone(model).get_params()["loss__blank"] == 2
    assert clone(model).set_params(loss__zero_infinity=True).loss == sl.CTC(2, True)
    with pytest.raises(ValueError, match="loss=CTC\\(\\) to LossSequenceLabeler"):
        sl.LossSequenceLabeler().set_params(loss__blank=3)
    for method in ("predict", "predict_proba"):
        with pytest.raises(NotFittedError):
            getattr(model, method)([[[1.0]]])
    with pytest.raises(NotFittedError):
        model.score([[[1.0]]], ["a"])
    table = np.eye(4)
    assert_array_equal(
        clone(sl.LossSequenceLabeler(language_model=table)).get_params()["language_model"], table
    )
    doc = sl.LossSequenceLabeler.__doc__
    assert "lbfgs" not in doc.partition("solver :")[2].partition("\n    pen")[0]
    assert "<parameters>" not in doc


def test_inputs_are_left_alone():
    X, y = signals(20)
    w = 1.0 + np.arange(20) % 2
    before = [array.copy() for array in (*X, w)]
    words = list(y)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        quick(context=1).fit(X, y, sample_weight=w)
    assert y == words
    for array, kept in zip((*X, w), before, strict=True):
        assert_array_equal(array, kept)


class Stop:
    """Ends a fit after some iterations."""

    def __init__(self, after):
        self.after, self.count = after, 0

    def setup(self, estimator, context):
        self.count = 0

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        assert isinstance(X, list)
        assert isinstance(y[0], str)

    def on_fit_task_end(self, estimator, context):
        self.count += context.task_name == "iteration"
        return self.count >= self.after


@SHAPES
def test_callbacks(hidden):
    X, y = data()
    stopped = quick(hidden_layer_sizes=hidden).set_callbacks(Stop(3))
    assert stopped.fit(X, y).n_iter_ == 3
    monitor = ScoringMonitor(scoring=sl.get_scorer("neg_label_error_rate"))
    model = quick(hidden_layer_sizes=hidden, decoder="beam", language_model="bigram")
    model.set_callbacks(monitor).fit(X, y)
    log = monitor.get_logs().data_as_pandas
    scores = log.loc[log["task_name"] == "iteration", "score"]
    assert len(scores) == model.n_iter_
    assert scores.iloc[-1] == pytest.approx(model.score(X, y) - 1)
    again = quick(hidden_layer_sizes=hidden).fit(X, y)
    same(again.predict_proba(X), model.predict_proba(X))


def test_cross_validation():
    X, y = data()
    scoring = {
        "error": sl.get_scorer("neg_label_error_rate"), "ctc": sl.get_scorer("neg_ctc"),
        "own": sl.make_loss_scorer("auto"),
    }  # fmt: skip
    found = cross_validate(quick(loss=sl.CTC(1)), X, y, cv=3, scoring=scoring)
    assert_allclose(found["test_error"], cross_val_score(quick(loss=sl.CTC(1)), X, y, cv=3) - 1)
    # the scorer's own blank is another column: that of the model is meant
    assert_allclose(found["test_ctc"], found["test_own"])
    assert (found["test_ctc"] < 0).all()
    search = GridSearchCV(
        quick(loss=sl.CTC(), max_iter=10),
        {"context": [0, 1], "hidden_layer_sizes": [(), (8,)], "decoder": ["greedy", "beam"],
         "loss__blank": [0, 3]},
        cv=2, scoring=scoring["error"],
    ).fit(X, y)  # fmt: skip
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.score(X, y) > -0.5
    assert len(search.predict(X)) == 60
    pipeline = make_pipeline(FunctionTransformer(lambda X: [2 * one for one in X]), quick())
    assert pipeline.fit(X, y).score(X, y) > 0.5
    assert scoring["ctc"](pipeline, X, y) < 0
    train_X, test_X, train_y, test_y = train_test_split(X, y, random_state=0)
    assert quick().fit(train_X, train_y).score(test_X, test_y) > 0.5


def test_path():
    X, y = data()
    models = quick().path(X, y, "alpha", [1.0, 1e-3])
    assert np.linalg.norm(models[0].coef_) < np.linalg.norm(models[1].coef_)


# ------------------------------------------------------------------ bad input


def _with(X, value):
    X = [frames.copy() for frames in X]
    X[7][0, 1] = value
    return X


BAD = {
    "NaN": (lambda X, y: {"X": _with(X, np.nan)}, "X contains NaN"),
    "infinite": (lambda X, y: {"X": _with(X, np.inf)}, "X contains infinity"),
    "other width": (lambda X, y: {"X": [*X[:-1], X[-1][:, 1:]]}, r"columns. Got \[2, 3\]"),
    "a table": (lambda X, y: {"X": X[0], "y": y[: len(X[0])]}, r"list of arrays of shape \(n_fr"),
    "a sequence that is flat": (lambda X, y: {"X": [*X[:-1], X[-1].ravel()]}, "at place 59"),
    "four dimensions": (lambda X, y: {"X": np.zeros((60, 2, 3, 4))}, "list of arrays of shape"),
    "complex": (lambda X, y: {"X": [1j * one for one in X]}, "Complex data not supported"),
    "text": (lambda X, y: {"X": [[["a", "b", "c"]]] * 60}, "could not convert|numeric"),
    "no columns": (lambda X, y: {"X": [one[:, :0] for one in X]}, r"0 feature\(s\)"),
    "no sequences": (lambda X, y: {"X": [], "y": []}, "0 sample|no label"),
    "no frames": (lambda X, y: {"X": [np.zeros((0, 3))] * 60}, "no frames"),
    "short y": (lambda X, y: {"y": y[1:]}, "inconsistent numbers of samples"),
    "no y": (lambda X, y: {"y": None}, "requires y to be passed"),
    "y of labels": (lambda X, y: {"y": [1] * 60}, r"y must be a list of sequences.*Got 1 at pl"),
    "NaN labels": (lambda X, y: {"y": [[np.nan]] * 60}, "y contains NaN"),
    "tables of labels": (lambda X, y: {"y": [[[1]]] * 60}, "y must be a list of sequences"),
    "zero weights": (lambda X, y: {"sample_weight": np.zeros(60)}, "Sample weights must"),
    "negative weights": (lambda X, y: {"sample_weight": -np.ones(60)}, "sample_weight"),
    "NaN weights": (lambda X, y: {"sample_weight": np.full(60, np.nan)}, "contains NaN"),
    "short weights": (lambda X, y: {"sample_weight": np.ones(59)}, "sample_weight"),
    "weight of nothing": (
        lambda X, y: {"X": [*X, X[0][:0]], "y": [*y, ""], "sample_weight": [0] * 60 + [1]},
        "no frame in any sequence of positive weight",
    ),
    "no y_val": (lambda X, y: {"X_val": X}, "y_val is required"),
    "X_val of other columns": (
        lambda X, y: {"X_val": [one[:, 1:] for one in X], "y_val": y}, "expecting 3 features",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    X, y = data()
    change, message = BAD[case]
    given = {"X": X, "y": y, **change(X, y)}
    with pytest.raises((ValueError, TypeError), match=message):
        quick().fit(**given)
    if not any("_val" in name for name in given):
        with pytest.raises((ValueError, TypeError), match=message):
            quick().partial_fit(**given)


def test_bad_input_of_a_fitted_model():
    X, y = data()
    model = quick().fit(X, y)
    for method in (model.predict, model.predict_proba, lambda X: model.score(X, y[: len(X)])):
        with pytest.raises(ValueError, match="X has 2 features, but LossSequenceLabeler is expec"):
            method([X[0][:, 1:]])
        with pytest.raises(ValueError, match="X contains NaN"):
            method(_with(X, np.nan))
        with pytest.raises(ValueError, match="list of arrays of shape"):
            method(X[0])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.score(X, y[1:])
    with pytest.raises(ValueError, match="expecting 3 features"):
        model.partial_fit([one[:, 1:] for one in X], y)


PARAMS = [
    ({"loss": "huber"}, r"minimises losses of the families \('sequence',\); Huber is"),
    ({"loss": "ctcc"}, "Did you mean 'ctc'"),
    ({"loss": sl.CTC(blank=-1)}, "The 'blank' parameter of CTC must be"),
    ({"solver": "lbfgs"}, "CTC is fitted by batches of groups: solver.*'adam'"),
    ({"solver": "newton"}, "CTC is fitted by batches of groups: solver"),
    ({"context": -1}, "The 'context' parameter of LossSequenceLabeler must be"),
    ({"context": 1.5}, "The 'context' parameter of LossSequenceLabeler must be"),
    ({"decoder": "best"}, "The 'decoder' parameter of LossSequenceLabeler must be"),
    ({"beam_width": 0}, "The 'beam_width' parameter of LossSequenceLabeler must be"),
    ({"language_model": "trigram"}, "The 'language_model' parameter of LossSequenceLabeler"),
    ({"language_weight": -1.0}, "The 'language_weight' parameter of LossSequenceLabeler"),
    ({"learning_rate": "optimal"}, "learning_rate='optimal'"),
]


@pytest.mark.parametrize(("params", "message"), PARAMS, ids=str)
def test_bad_parameters_raise_at_fit(params, message):
    with pytest.raises(ValueError, match=message):
        quick(**params).fit(*data())


# ------------------------------------------------------------------ scikit-learn's own checks


class OneFrame(ClassifierMixin, sl.LossSequenceLabeler):
    """Rows as sequences of one frame with one label each: a classifier of a table."""

    def fit(self, X, y, sample_weight=None):
        frames, labels = self._rows(X, y)
        super().fit(frames, labels, sample_weight)
        _check_feature_names(self, X, reset=True)
        return self

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        return super().partial_fit(*self._rows(X, y), classes, sample_weight)

    def predict_proba(self, X):
        check_is_fitted(self)
        _check_feature_names(self, X, reset=False)
        X = check_array(X)[:, None]
        labels = np.concatenate(super().predict_proba(X))[:, 1:]
        return labels / labels.sum(axis=1, keepdims=True)

    def predict(self, X):
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    def score(self, X, y, sample_weight=None):
        return ClassifierMixin.score(self, X, y, sample_weight)

    def _rows(self, X, y):
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None")
        y = _check_y(y, estimator=self)
        check_classification_targets(y)
        return check_array(X)[:, None], list(y[:, None])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.three_d_array = False
        return tags


CHECKED = [OneFrame(), OneFrame(hidden_layer_sizes=(5,))]


@parametrize_with_checks(CHECKED)
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", CHECKED, ids=repr)
def test_every_check_is_run(estimator):
    """Those of `LossClassifier`, but for those of sparse data and of class weights."""
    ours, theirs = (
        {getattr(check, "func", check).__name__ for _, check in estimator_checks_generator(model)}
        for model in (estimator, sl.LossClassifier())
    )
    assert len(list(estimator_checks_generator(estimator))) == 62
    left_out = {name for name in theirs - ours if "sparse" not in name}
    assert left_out == {"check_class_weight_classifiers"}
