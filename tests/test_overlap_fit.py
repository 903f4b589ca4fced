"""Models of tables that minimise overlap losses: soft F1 for rare classes, and their groups."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_validate, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklosses as sl
from sklosses.metrics import d2_loss_score

NAMES = ["dice", "jaccard", "tversky", "focal_tversky", "lovasz_hinge"]


@pytest.fixture(scope="module")
def rare():
    """Return rows of which 4 % are positive, in two halves."""
    X, y = make_classification(
        6000, 20, n_informative=6, weights=[0.97], flip_y=0.02, class_sep=0.7, random_state=0
    )
    return train_test_split(X, y, test_size=0.5, stratify=y, random_state=0)


@pytest.fixture(scope="module")
def three():
    X, y = make_classification(
        600, 8, n_informative=5, n_classes=3, weights=[0.7, 0.2], random_state=1
    )
    return X, np.array(["many", "some", "few"])[y]


def objective(model, loss, X, y, alpha=1e-4, qid=None):
    raw = model.decision_function(X)
    penalty = 0.5 * alpha * (model.coef_**2).sum()
    return loss.values(y, raw, qid=qid).mean() + penalty


# ------------------------------------------------------------------ what it is for


@pytest.mark.parametrize("loss", NAMES[:4])
def test_soft_f1_finds_the_rare_class(loss, rare):
    X, X_test, y, y_test = rare
    usual = f1_score(y_test, sl.LossClassifier().fit(X, y).predict(X_test))
    model = sl.LossClassifier(loss).fit(X, y)
    assert model.solver_ == "lbfgs"
    assert f1_score(y_test, model.predict(X_test)) > usual + 0.15


def test_real_data():
    """Eights among digits: what Dice is trained for, it does better in training."""
    X, digit = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(
        X, digit == 8, test_size=0.5, stratify=digit, random_state=0
    )
    models = [sl.LossClassifier(loss).fit(X, y) for loss in ("log_loss", "dice")]
    train = [f1_score(y, model.predict(X)) for model in models]
    test = [f1_score(y_test, model.predict(X_test)) for model in models]
    assert train[1] > train[0] + 0.03
    assert test[1] > test[0] - 0.02  # of 87 eights one more or less is 0.006


def test_loss_is_the_objective(rare):
    X, _, y, _ = rare
    for loss in (sl.Dice(), sl.FocalTversky(), sl.Dice() + sl.BinaryCrossEntropy()):
        model = sl.LossClassifier(loss).fit(X, y)
        assert_allclose(model.loss_, objective(model, loss, X, y), rtol=1e-9)


@pytest.mark.parametrize("loss", [sl.Dice(), sl.Jaccard(), sl.Dice() + sl.Focal()], ids=repr)
def test_fit_ends_where_the_slope_does(loss, rare):
    X, _, y, _ = rare
    model = sl.LossClassifier(loss, tol=1e-8).fit(X, y)
    slope = loss.gradient(y, model.decision_function(X)) @ X + 1e-4 * model.coef_[0]
    start = loss.gradient(y, np.full(y.size, -3.0)) @ X
    assert np.abs(slope).max() < 1e-3 * np.abs(start).max()


def test_no_seed_changes_linear_models(rare):
    X, _, y, _ = rare
    fits = [sl.LossClassifier("dice", random_state=seed).fit(X, y).coef_ for seed in (0, 1)]
    assert_array_equal(*fits)


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_columns_of_any_scale(scale, rare):
    X, _, y, _ = rare
    factors = np.where(np.arange(X.shape[1]) % 2, scale, 1.0)
    plain = sl.LossClassifier("dice", penalty=None).fit(X, y)
    model = sl.LossClassifier("dice", penalty=None).fit(X * factors, y)
    assert_allclose(model.loss_, plain.loss_, rtol=1e-2)


@pytest.mark.parametrize(
    ("loss", "params"),
    [*((name, {"solver": "adam"}) for name in NAMES), ("dice", {"solver": "sgd"}),
     ("dice", {"solver": "adagrad"}), ("dice", {"hidden_layer_sizes": (8,)}),
     ("jaccard", {"hidden_layer_sizes": (8,), "solver": "lbfgs", "activation": "tanh"}),
     ("dice", {"penalty": "l1"}), ("dice", {"penalty": "elasticnet", "solver": "adam"}),
     ("lovasz_hinge", {"hidden_layer_sizes": (8,)})],
    ids=str,
)  # fmt: skip
def test_other_solvers(loss, params, rare):
    X, _, y, _ = rare
    model = sl.LossClassifier(loss, random_state=0, max_iter=200, **params)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y)
    assert f1_score(y, model.predict(X)) > 0.15  # cross-entropy: 0.03
    if not model.hidden_layer_sizes and loss == "dice" and params.get("penalty") is None:
        exact = sl.LossClassifier(loss).fit(X, y)
        assert objective(model, sl.Dice(), X, y) < 1.2 * exact.loss_


def test_solvers_that_do_not_apply(rare):
    X, _, y, _ = rare
    with pytest.raises(ValueError, match="solver='lbfgs' needs a smooth loss, and LovaszHinge"):
        sl.LossClassifier("lovasz_hinge", solver="lbfgs").fit(X, y)
    with pytest.raises(ValueError, match="solver='newton' fits linear models of convex losses"):
        sl.LossClassifier("dice", solver="newton").fit(X, y)


def test_batches_hold_some_of_the_rare_class():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20_000, 2)), np.zeros(20_000, int)
    y[:100] = 1
    X[:100] += 2.0
    order = rng.permutation(y.size)
    model = sl.LossClassifier("dice", solver="adam", max_iter=1, tol=None, random_state=0)
    model.fit(X[order], y[order])
    y_seen, sizes = [], []
    loss = model.loss_function_
    whole = type(loss).objective

    def watched(self, y, *args):
        y_seen.append(y.y.sum())
        sizes.append(len(y))
        return whole(self, y, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sl.Dice, "objective", watched)
        clone(model).fit(X[order], y[order])
    assert min(y_seen) > 3
    assert max(sizes[1:]) < 4000


# ------------------------------------------------------------------ classes, weights


@pytest.mark.parametrize(
    "loss",
    [*NAMES, sl.Dice(include_background=False), sl.Dice() + sl.BinaryCrossEntropy()],
    ids=repr,
)
def test_several_classes(loss, three):
    X, y = three
    model = sl.LossClassifier(loss, random_state=0, max_iter=500).fit(X, y)
    assert model.coef_.shape == (3, 8)
    usual = f1_score(y, sl.LossClassifier().fit(X, y).predict(X), average="macro")
    assert f1_score(y, model.predict(X), average="macro") > usual - 0.03
    if hasattr(model, "predict_proba"):
        assert_allclose(model.predict_proba(X).sum(axis=1), 1)
    codes = np.searchsorted(model.classes_, y)
    own = model.loss_function_
    shown = getattr(model, own.response_method)(X)
    assert_allclose(sl.make_loss_scorer(loss)(model, X, y), -own(codes, shown))


def test_sum_with_a_row_of_two_classes(rare):
    """Categorical cross-entropy sees a column a class, though there be two."""
    X, _, y, _ = rare
    model = sl.LossClassifier(sl.Dice() + sl.CategoricalCrossEntropy()).fit(X, y)
    assert model.coef_.shape == (2, X.shape[1])
    assert model.predict_proba(X).shape == (y.size, 2)
    with pytest.raises(ValueError, match="Focal has no form of several classes"):
        sl.LossClassifier(sl.Dice() + sl.Focal()).fit(X, np.arange(y.size) % 3)


@pytest.mark.parametrize("loss", ["dice", sl.Dice() + sl.Focal()], ids=repr)
def test_weight_k_is_the_row_k_times(loss, rare):
    X, _, y, _ = rare
    X, y = X[:800], y[:800]
    rng = np.random.default_rng(0)
    counts, qid = rng.integers(0, 4, y.size), rng.integers(0, 3, y.size)
    weighted = sl.LossClassifier(loss).fit(X, y, sample_weight=counts, qid=qid)
    rows = np.repeat(np.arange(y.size), counts)
    repeated = sl.LossClassifier(loss).fit(X[rows], y[rows], qid=qid[rows])
    assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-5)


def test_class_weights_are_weights_of_rows(rare):
    X, _, y, _ = rare
    by_class = sl.LossClassifier("dice", class_weight={1: 5.0}).fit(X, y)
    by_row = sl.LossClassifier("dice").fit(X, y, sample_weight=np.where(y, 5.0, 1.0))
    assert_allclose(by_class.coef_, by_row.coef_)
    assert by_class.predict(X).sum() > sl.LossClassifier("dice").fit(X, y).predict(X).sum()


def test_sparse_and_single_precision(rare):
    X, _, y, _ = rare
    dense = sl.LossClassifier("dice").fit(X, y)
    assert_allclose(
        sl.LossClassifier("dice").fit(sparse.csr_array(X), y).loss_, dense.loss_, rtol=1e-3
    )
    single = sl.LossClassifier("dice").fit(X.astype(np.float32), y)
    assert_allclose(single.loss_, dense.loss_, rtol=1e-3)


# ------------------------------------------------------------------ groups


def grouped(rare):
    X, _, y, _ = rare
    qid = np.random.default_rng(0).integers(0, 12, y.size)
    return X, y, qid


@pytest.mark.parametrize("solver", ["auto", "adam"])
def test_groups_count_equally(solver, rare):
    X, y, qid = grouped(rare)
    qid[qid > 8] = 8  # a large one
    model = sl.LossClassifier("dice", solver=solver, random_state=0).fit(X, y, qid=qid)
    loss = objective(model, sl.Dice(), X, y, qid=qid)
    if solver == "auto":
        assert_allclose(model.loss_, loss, rtol=1e-9)
    other = sl.LossClassifier("dice", solver=solver, random_state=0).fit(X, y)
    assert loss < objective(other, sl.Dice(), X, y, qid=qid) + 1e-3


def test_groups_by_names_in_any_order(rare):
    X, y, qid = grouped(rare)
    names = np.array([f"image {i}" for i in range(12)], object)[qid]
    order = np.argsort(qid, kind="stable")
    fits = [
        sl.LossClassifier("dice").fit(X, y, qid=names),
        sl.LossClassifier("dice").fit(X[order], y[order], qid=qid[order]),
    ]
    assert_allclose(fits[0].coef_, fits[1].coef_, rtol=1e-4, atol=1e-6)


def test_others_ignore_groups(rare):
    X, y, qid = grouped(rare)
    with_qid = sl.LossClassifier().fit(X, y, qid=qid)
    assert_array_equal(with_qid.coef_, sl.LossClassifier().fit(X, y).coef_)


def test_early_stopping_keeps_groups_whole(rare):
    X, y, qid = grouped(rare)
    model = sl.LossClassifier("dice", solver="adam", early_stopping=True, random_state=0)
    model.fit(X, y, qid=qid)
    assert len(model.validation_scores_) == model.n_iter_
    with pytest.raises(ValueError, match="holds out whole queries, and there is only one"):
        model.fit(X, y, qid=np.zeros(y.size))
    model.fit(X, y)  # without groups rows are held out
    model.fit(X[500:], y[500:], qid=qid[500:], X_val=X[:500], y_val=y[:500], qid_val=qid[:500])
    expected = -sl.Dice()(y[:500], model.predict_proba(X[:500])[:, 1], qid=qid[:500])
    assert_allclose(max(model.validation_scores_), expected, rtol=1e-9)


def test_partial_fit_of_groups(rare):
    X, y, qid = grouped(rare)
    model = sl.LossClassifier("dice", random_state=0, learning_rate_init=0.02)
    for _ in range(10):
        for start in range(0, 3000, 500):
            rows = slice(start, start + 500)
            model.partial_fit(X[rows], y[rows], classes=[0, 1], qid=qid[rows])
    assert f1_score(y, model.predict(X)) > 0.2


def test_groups_pass_through_searches(rare):
    X, y, qid = grouped(rare)
    pipe = make_pipeline(StandardScaler(), sl.LossClassifier(sl.Dice() + sl.Focal()))
    grid = {
        "lossclassifier__loss__term1__gamma": [0.0, 2.0],
        "lossclassifier__loss__weight1": [0, 1],
    }
    with sklearn.config_context(enable_metadata_routing=True):
        search = GridSearchCV(pipe, grid, scoring=sl.Dice().scorer(), cv=GroupKFold(3))
        search.fit(X, y, qid=qid, groups=qid)
        found = cross_validate(pipe, X, y, cv=GroupKFold(3), params={"qid": qid, "groups": qid})
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert np.ptp(search.cv_results_["mean_test_score"]) > 0
    assert np.isfinite(found["test_score"]).all()


def test_scorers_take_groups(rare):
    X, y, qid = grouped(rare)
    model = sl.LossClassifier("dice").fit(X, y, qid=qid)
    expected = sl.Dice()(y, model.predict_proba(X)[:, 1], qid=qid)
    assert_allclose(sl.Dice().scorer()(model, X, y, qid=qid), -expected)
    assert_allclose(
        sl.make_loss_scorer("iou")(model, X, y), -sl.Jaccard()(y, model.predict_proba(X)[:, 1])
    )
    assert_allclose(
        sl.get_scorer("neg_dice", smooth=0.0)(model, X, y),
        -sl.Dice(0.0)(y, model.predict_proba(X)[:, 1]),
    )


def test_skill(rare, three):
    for X, y in ((rare[0], rare[2]), three):
        model = sl.LossClassifier("dice").fit(X, y)
        p = model.predict_proba(X)
        codes = np.searchsorted(model.classes_, y)
        assert 0 < d2_loss_score(codes, p if p.shape[1] > 2 else p[:, 1], loss="dice") < 1


def test_rankers_minimise_sums():
    rng = np.random.default_rng(0)
    X, qid = rng.normal(size=(300, 3)), np.repeat(np.arange(30), 10)
    y = np.clip(np.round(X[:, 0] + 1.5), 0, 4)
    loss = sl.LambdaRank() + 5.0 * sl.SquaredError()
    model = sl.LossRanker(loss, random_state=0).fit(X, y, qid=qid)
    assert model.score(X, y, qid=qid) > 0.95
    # differences of scores are those of grades, which ranking alone does not ask for
    assert_allclose(np.polyfit(model.predict(X), y, 1)[0], 1.0, atol=0.2)
