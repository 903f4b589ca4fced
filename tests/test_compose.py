"""Sums of losses: the algebra, the parameters, and that a sum is a loss like any other."""

import operator
import os
import pickle
import subprocess
import sys
import textwrap
from pathlib import Path

import cloudpickle
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.model_selection import GridSearchCV, cross_val_score

import sklosses as sl

ROOT = Path(sl.__file__).parents[1]
N = 200
REGRESSION = {
    "smooth": [(1.0, sl.SquaredError()), (0.3, sl.LogCosh()), (2.0, sl.Huber(0.7))],
    "kinks": [(1.0, sl.SquaredError()), (0.1, sl.Pinball(0.9))],
    "only kinks": [(0.5, sl.Pinball(0.2)), (1.5, sl.EpsilonInsensitive(0.3))],
    "alone": [(0.25, sl.Expectile(0.8))],
    "log link": [(1.0, sl.PoissonDeviance()), (0.5, sl.TweedieDeviance(1.5))],
    "half-line": [(1.0, sl.SquaredLogError()), (0.5, sl.SquaredError())],
}
BINARY = {
    "probability": [(0.5, sl.Focal(alpha=0.3)), (1.0, sl.BinaryCrossEntropy()), (2.0, sl.Brier())],
    "margin": [(1.0, sl.Hinge()), (0.2, sl.SquaredHinge())],
}
POINTWISE = REGRESSION | BINARY
ROWWISE = {
    "softmax": [(0.5, sl.CategoricalFocal()), (2.0, sl.CategoricalCrossEntropy(0.1))],
    "hinges": [(1.0, sl.MulticlassHinge()), (0.5, sl.MulticlassHinge(3.0))],
    "quantiles": [(1.0, sl.MultiQuantile()), (0.5, sl.MultiQuantile((0.2, 0.5, 0.7)))],
    "normal": [(0.5, sl.GaussianNLL())],
}


def made(parts):
    return sum(weight * term for weight, term in parts)


def data_of(parts, dtype=float):
    """Return targets in the domain of the terms, raw predictions and sample weights."""
    term, rng = parts[0][1], np.random.default_rng(0)
    w = rng.integers(0, 4, N).astype(dtype)
    if term.task == "binary":
        return rng.integers(0, 2, N).astype(dtype), (2 * rng.normal(size=N)).astype(dtype), w
    if isinstance(term, sl.RowwiseLoss):
        k = term.n_raw or 4
        y = rng.integers(0, k, N) if term.task == "multiclass" else rng.normal(size=N).astype(dtype)
        return y, rng.normal(size=(N, k)).astype(dtype), w
    y, z = rng.gamma(2.0, 1.0, N), rng.normal(size=N)
    return y.astype(dtype), (abs(z) if term.prediction.low == -1 else z).astype(dtype), w


# ------------------------------------------------------------------ the algebra


def test_operators_make_flat_sums():
    a, b, c = sl.Huber(2.0), sl.SquaredError(), sl.Pinball(0.9)
    assert (a + b).get_params(deep=False) == {"term0": a, "weight0": 1.0, "term1": b, "weight1": 1}
    assert 0.5 * a == a * 0.5 == sl.WeightedSum(term0=a, weight0=0.5)
    assert 0.5 * (a + b) == 0.5 * a + 0.5 * b
    assert (a + b) + c == a + (b + c) == sum([a, b, c])
    assert 2 * (3 * a) == 6 * a
    assert 0 + a is a
    for loss in (a + b, 0.5 * a, a * 0.5, sum([a, b])):
        assert isinstance(loss, sl.WeightedSum)
        assert isinstance(loss, sl.PointwiseLoss)
    assert isinstance(2 * sl.GaussianNLL(), sl.RowwiseLoss)
    assert a + b != b + a
    assert a + b != a + a


@pytest.mark.parametrize("number", [np.float64(0.5), np.float32(0.5), np.int64(2), 2])
def test_numbers_of_all_kinds_are_weights(number):
    loss = sl.WeightedSum(term0=sl.Huber(), weight0=number)
    assert number * sl.Huber() == sl.Huber() * number == loss
    assert_allclose((number * sl.Huber()).values([0.0], [3.0]), number * 2.5)


@pytest.mark.parametrize("other", [1, 1.5, None, "huber", [1.0], True, sl.Huber])
def test_what_cannot_be_added(other):
    with pytest.raises(TypeError):
        sl.Huber() + other
    with pytest.raises(TypeError):
        other + sl.Huber()


@pytest.mark.parametrize("other", [None, "huber", [1.0], True, 1j, sl.Huber()])
def test_what_is_no_weight(other):
    with pytest.raises(TypeError):
        sl.Huber() * other
    with pytest.raises(TypeError):
        other * sl.Huber()


def test_operators_copy_their_terms():
    focal = sl.Focal()
    loss = focal + focal
    loss.set_params(term0__gamma=3.0)
    assert (focal.gamma, loss.term0.gamma, loss.term1.gamma) == (2.0, 3.0, 2.0)


# ------------------------------------------------------------------ parameters


def test_nested_parameters():
    loss = 0.5 * sl.Focal() + sl.BinaryCrossEntropy()
    assert set(loss.get_params()) == {
        "term0", "weight0", "term0__gamma", "term0__alpha",
        "term1", "weight1", "term1__label_smoothing",
    }  # fmt: skip
    loss.set_params(term0__gamma=3.0, weight1=0.2)
    assert loss == 0.5 * sl.Focal(3.0) + 0.2 * sl.BinaryCrossEntropy()
    loss.set_params(term1=sl.Brier())
    assert loss.term1 == sl.Brier()
    for name in ("weight2", "term2__gamma", "gamma"):
        with pytest.raises(ValueError, match="weight0"):
            loss.set_params(**{name: 1.0})
    with pytest.raises(ValueError, match="gamma"):
        loss.set_params(term0__delta=1.0)


@pytest.mark.parametrize("parts", (POINTWISE | ROWWISE).values(), ids=POINTWISE | ROWWISE)
def test_copies_are_equal(parts):
    loss = made(parts)
    names = {**vars(sl), "np": np}
    copies = clone(loss), pickle.loads(pickle.dumps(loss)), cloudpickle.loads(
        cloudpickle.dumps(loss)
    ), eval(repr(loss), names)  # fmt: skip
    for copy in copies:
        assert type(copy) is type(loss)
        assert copy == loss
        assert hash(copy) == hash(loss)
    assert repr(loss).startswith("WeightedSum(")
    assert loss.__name__ == "weighted_sum"
    assert loss.set_params(weight0=0.125) != copies[0]


def test_shown_inside_an_estimator():
    shown = repr(sl.LossRegressor(loss=0.5 * sl.Huber(2.0)))
    assert shown == "LossRegressor(loss=WeightedSum(term0=Huber(delta=2.0), weight0=0.5))"
    assert "term0" in sl.LossRegressor(loss=0.5 * sl.Huber(2.0))._repr_html_()


@pytest.mark.parametrize(
    "params", [{}, {"weight0": 1.0}, {"term1": sl.Huber()}, {"term0": sl.Huber(), "weight1": 1.0}]
)
def test_constructor_wants_terms_from_0(params):
    with pytest.raises(TypeError, match="term0"):
        sl.WeightedSum(**params)


def test_sums_are_not_in_the_tables():
    assert sl.WeightedSum not in sl.all_losses()
    assert "WeightedSum" not in sl.catalog().index
    with pytest.raises(ValueError, match="Unknown loss"):
        sl.get_loss("weighted_sum")
    loss = 2 * sl.Huber()
    assert sl.get_loss(loss) is loss


# ------------------------------------------------------------------ values and derivatives


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("parts", (POINTWISE | ROWWISE).values(), ids=POINTWISE | ROWWISE)
def test_is_the_sum_by_hand(parts, dtype):
    loss, (y, z, w) = made(parts), data_of(parts, dtype)
    rtol, atol = (1e-12, 1e-14) if dtype == np.float64 else (2e-5, 2e-5)

    def by_hand(method):
        return sum(weight * np.asarray(method(term)) for weight, term in parts)

    for weights in (None, w):
        for name, options in (
            ("values", {}), ("gradient", {}), ("values_gradient", {}), ("gradient_hessian", {}),
            ("gradient_hessian", {"psd": True}),
        ):  # fmt: skip

            def call(loss, name=name, options=options, weights=weights):
                result = getattr(loss, name)(y, z, weights, **options)
                arrays = result if isinstance(result, tuple) else (result,)
                assert all(array.dtype == dtype for array in arrays)
                return np.concatenate([array.ravel() for array in arrays])

            expected = by_hand(call)
            assert_allclose(call(loss), expected, rtol=rtol, atol=atol * abs(expected).max())
        p = loss.inverse_link(z)
        assert_array_equal(p, parts[0][1].inverse_link(z))
        means = by_hand(lambda term, p=p, w=weights: term(y, p, sample_weight=w))
        assert_allclose(loss(y, p, sample_weight=weights), means, rtol=max(rtol, 1e-6))


@pytest.mark.parametrize("parts", ROWWISE.values(), ids=ROWWISE)
def test_rowwise_objective_is_the_sum_by_hand(parts):
    loss, (y, z, w) = made(parts), data_of(parts)
    gradient = np.empty_like(z)
    total = loss.objective(y, z, w, gradient)
    assert_allclose(total, loss.values(y, z, w).sum(), rtol=1e-12)
    assert_allclose(gradient, loss.gradient(y, z, w), rtol=1e-12, atol=1e-14)


def test_results_go_where_they_should():
    for parts in (REGRESSION["smooth"], ROWWISE["softmax"]):
        loss, (y, z, w) = made(parts), data_of(parts)
        outs = np.full_like(z, np.nan), np.full_like(z, np.nan)
        given = loss.gradient_hessian(y, z, w, out=outs)
        assert given[0] is outs[0]
        assert_array_equal(outs, loss.gradient_hessian(y, z, w))


@pytest.mark.parametrize("parts", (POINTWISE | ROWWISE).values(), ids=POINTWISE | ROWWISE)
def test_sums_keep_the_contract(parts):
    sl.check_loss(made(parts))


@pytest.mark.parametrize("parts", (POINTWISE | ROWWISE).values(), ids=POINTWISE | ROWWISE)
def test_start_is_the_best_constant(parts):
    loss, (y, _, w) = made(parts), data_of(parts)

    def mean(raw):
        raw = np.broadcast_to(raw, (N, *np.shape(raw)))
        return loss.values(y, raw, w).sum() / w.sum()

    raw = loss.init_raw(y, w)
    best, rng = mean(raw), np.random.default_rng(1)
    nearby = rng.normal(size=(300, *np.shape(raw))) * np.logspace(-6, 0, 300).reshape(
        -1, *[1] * np.ndim(raw)
    )
    assert best <= min(mean(raw + step) for step in nearby) + 1e-8 * (1 + abs(best))


def test_a_term_of_weight_0_is_not_there():
    loss, y = sl.SquaredError() + 0.0 * sl.Pinball(), np.array([1.0, 2.0, 6.0])
    assert loss.smooth
    assert loss.hessian == "constant"
    assert loss.init_raw(y) == pytest.approx(3.0)
    assert_array_equal(loss.values(y, y + 1), 1.0)
    # an overflow elsewhere stays elsewhere
    assert (sl.PoissonDeviance() + 0 * sl.TweedieDeviance(3.0)).values([1.0], [-400.0]) < 1e3


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (sl.SquaredError() + sl.Huber(), ("regression", True, True, "exact", True)),
        (sl.SquaredError() + sl.Pinball(), ("regression", True, False, "surrogate", True)),
        (sl.Huber() + sl.Cauchy(), ("regression", False, True, "exact", True)),
        (2 * sl.SquaredError(), ("regression", True, True, "constant", True)),
        (sl.Focal() + sl.BinaryCrossEntropy(), ("binary", False, True, "exact", True)),
        (2 * sl.MulticlassHinge(), ("multiclass", True, False, "surrogate", True)),
    ],
)
def test_metadata_follow_from_the_terms(loss, expected):
    assert (loss.task, loss.convex, loss.smooth, loss.hessian, loss.jit) == expected


def test_domains_are_what_all_terms_allow():
    loss = sl.PoissonDeviance() + sl.GammaDeviance()
    assert loss.target == sl.GammaDeviance().target
    assert (sl.SquaredError() + sl.SquaredLogError()).prediction == sl.SquaredLogError().prediction
    assert loss.formula.count(" + ") >= 1
    assert (0.5 * sl.Huber()).formula == rf"0.5 \left({sl.Huber().formula}\right)"
    with pytest.raises(ValueError, match="WeightedSum can only be used on y_true"):
        loss.values([0.0], [1.0])
    labels = sl.BinaryCrossEntropy() + Unlinked()
    assert (labels.target.low, labels.target.high, labels.target.integer) == (0, 1, True)
    hinge = 2 * sl.MulticlassHinge()
    assert hinge.n_raw is None
    with pytest.raises(ValueError, match="labels"):
        hinge.values(np.eye(3), np.eye(3))


# ------------------------------------------------------------------ what does not fit


class Unlinked(sl.PointwiseLoss):
    """A loss of a probability, with the logistic response written once more."""

    task = "binary"

    def value(self, y, z):
        return (y - self.response(z)) ** 2

    def grad_hess(self, y, z):
        p = self.response(z)
        return 2 * (p - y) * p * (1 - p), 1.0

    def response(self, z):
        return 1 / (1 + np.exp(-z))

    def link(self, p):
        return np.log(p / (1 - p))


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (sl.SquaredError() + sl.Hinge(), "families.*'regression'.*'binary'"),
        (sl.SquaredError() + sl.PoissonDeviance(), "SquaredError and PoissonDeviance.*scales"),
        (sl.Hinge() + sl.BinaryCrossEntropy(), "Hinge and BinaryCrossEntropy.*scales"),
        (sl.Exponential() + sl.BinaryCrossEntropy(), "scales"),
        (sl.GaussianNLL() + sl.MultiQuantile(), "2 and 3 raw columns"),
        (sl.MultiQuantile() + sl.MultiQuantile(crossing="free"), "scales"),
        (sl.CategoricalFocal() + sl.MulticlassHinge(), "scales"),
        (sl.Focal() + sl.CategoricalFocal(), "families"),
        (-1 * sl.Huber(), r"'weight0' parameter of WeightedSum .*\[0, inf\).*-1"),
        (float("nan") * sl.Huber(), "'weight0' parameter"),
        (float("inf") * sl.Huber(), "'weight0' parameter"),
        (0 * sl.Huber() + 0 * sl.Pinball(), "must not all be zero"),
        (sl.Huber() + sl.Huber(-1.0), "'delta' parameter of Huber"),
        (sl.WeightedSum(term0="huber"), "'term0' parameter of WeightedSum must be a Loss"),
    ],
    ids=str,
)
def test_errors_come_at_use(loss, message):
    clone(loss), repr(loss), hash(loss)
    y, z = [0, 1], np.zeros((2, 3)) if isinstance(loss, sl.RowwiseLoss) else np.full(2, 0.5)
    uses = [
        (loss, (y, z)), (loss.values, (y, z)), (loss.init_raw, (y,)), (loss.inverse_link, (z,))
    ]  # fmt: skip
    for use, arguments in uses:
        with pytest.raises(ValueError, match=message):
            use(*arguments)


class SomethingElse(sl.Loss):
    """A loss of neither kind."""


@pytest.mark.parametrize("loss", [2 * SomethingElse(), sl.Huber() + SomethingElse()], ids=str)
def test_terms_are_pointwise_or_rowwise(loss):
    with pytest.raises(ValueError, match="SomethingElse cannot be a term of this sum"):
        loss.values([0.0], [0.0])


def test_terms_may_be_replaced_by_others_of_another_kind():
    loss = (2 * sl.Huber()).set_params(term0=sl.GaussianNLL())
    assert isinstance(loss, sl.RowwiseLoss)
    assert loss == clone(loss) == 2 * sl.GaussianNLL()


def test_the_same_response_written_twice_is_one_response():
    loss, y, z = sl.Brier() + Unlinked(), np.array([0.0, 1.0]), np.array([0.3, -2.0])
    assert_allclose(loss.values(y, z), 2 * sl.Brier().values(y, z), rtol=1e-12)


# ------------------------------------------------------------------ losses that stay NumPy


class Plain(sl.PointwiseLoss):
    """Squared error for whole arrays only."""

    jit = False

    def value(self, y, z):
        return np.where(y > z, (y - z) ** 2, (z - y) ** 2)

    def grad_hess(self, y, z):
        return np.where(y > z, -2 * (y - z), 2 * (z - y)), np.full_like(z, 2.0)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_term_that_stays_numpy(dtype):
    loss, twin = 0.5 * sl.Pinball(0.9) + Plain(), 0.5 * sl.Pinball(0.9) + sl.SquaredError()
    y, z, w = data_of(REGRESSION["smooth"], dtype)
    assert not loss.jit
    assert_allclose(loss.values(y, z, w), twin.values(y, z, w), rtol=1e-5)
    for options in ({}, {"psd": True}):
        ours = loss.gradient_hessian(y, z, w, **options)
        theirs = twin.gradient_hessian(y, z, w, **options)
        assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    assert loss(y, z) == pytest.approx(twin(y, z), rel=1e-5)
    sl.check_loss(loss)
    sl.check_loss(0.5 * sl.LogCosh() + Plain())
    X = z[:, None]
    smooth = sl.LossRegressor(loss=0.5 * sl.LogCosh() + Plain(), tol=1e-8).fit(X, y)
    compiled = sl.LossRegressor(loss=0.5 * sl.LogCosh() + sl.SquaredError(), tol=1e-8).fit(X, y)
    assert smooth.solver_ == "lbfgs"
    assert_allclose(smooth.coef_, compiled.coef_, atol=1e-3)


# ------------------------------------------------------------------ every view of a loss


class ByHand(sl.PointwiseLoss):
    """Squared error and a tenth of the pinball loss, in one formula."""

    smooth = False
    convex = True

    def value(self, y, z):
        return (y - z) ** 2 + 0.1 * (0.9 * (y - z) if y > z else 0.1 * (z - y))

    def grad_hess(self, y, z):
        kink = -0.09 if y > z else (0.01 if y < z else 0.0)
        return 2.0 * (z - y) + kink, 2.0


@pytest.fixture(scope="module")
def numbers():
    return make_regression(200, 4, noise=10.0, random_state=0)


@pytest.fixture(scope="module")
def classes():
    X, y = make_classification(200, 5, random_state=0)
    return X, np.array(["no", "yes"])[y]


def test_fit_equals_that_of_the_combined_loss(numbers):
    X, y = numbers
    ours = sl.LossRegressor(loss=sl.SquaredError() + 0.1 * sl.Pinball(0.9), random_state=0)
    theirs = sl.LossRegressor(loss=ByHand(), random_state=0)
    assert ours.fit(X, y).solver_ == "newton"
    assert_allclose(ours.coef_, theirs.fit(X, y).coef_, rtol=1e-6)
    halves = sl.LossRegressor(loss=0.5 * sl.Huber(2.0) + 0.5 * sl.Huber(2.0), tol=1e-10).fit(X, y)
    whole = sl.LossRegressor(loss=sl.Huber(2.0), tol=1e-10).fit(X, y)
    assert halves.solver_ == "newton"
    assert_allclose(halves.coef_, whole.coef_, rtol=1e-5)


@pytest.mark.parametrize("solver", ["lbfgs", "sgd"])
def test_classifier_lies_between_its_terms(classes, solver):
    X, y = classes
    terms = sl.Focal(), sl.BinaryCrossEntropy()
    model = sl.LossClassifier(loss=terms[0] + terms[1], solver=solver, alpha=0.0, random_state=0)
    model.fit(X, y)
    assert model.predict_proba(X).shape == (200, 2)
    assert model.loss_function_ == terms[0] + terms[1]
    total = sum(term(y == "yes", model.predict_proba(X)[:, 1]) for term in terms)
    assert model.loss_function_(y == "yes", model.predict_proba(X)) == pytest.approx(total)
    for term in terms:
        other = clone(model).set_params(loss=term).fit(X, y).predict_proba(X)
        assert total <= sum(each(y == "yes", other) for each in terms) + 1e-3


def test_classifier_of_a_margin_has_no_probabilities(classes):
    X, y = classes
    model = sl.LossClassifier(loss=sl.Hinge() + sl.SquaredHinge()).fit(X, y)
    assert not hasattr(model, "predict_proba")
    assert model.loss_function_.response_method == "decision_function"


def test_grid_over_nested_parameters_in_processes(classes):
    X, y = classes
    loss = 0.5 * sl.Focal() + sl.BinaryCrossEntropy()
    grid = {"loss__term0__gamma": [1.0, 3.0], "loss__weight0": [0.0, 1.0]}
    search = GridSearchCV(
        sl.LossClassifier(loss=loss), grid, scoring=sl.BinaryCrossEntropy().scorer(), cv=3, n_jobs=2
    ).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_estimator_.loss.weight0 == search.best_params_["loss__weight0"]
    plain = cross_val_score(
        sl.LossClassifier(loss="log_loss"), X, y, scoring=sl.BinaryCrossEntropy().scorer(), cv=3
    )
    without = search.cv_results_["mean_test_score"][
        [p["loss__weight0"] == 0 for p in search.cv_results_["params"]]
    ]
    assert_allclose(without, plain.mean(), rtol=1e-6)
    assert loss.term0.gamma == 2.0  # the search worked on copies
    whole = GridSearchCV(
        sl.LossRegressor(), {"loss": [sl.Huber() + sl.SquaredError(), 2 * sl.Huber()]}, cv=3
    )
    assert len(whole.fit(X, X[:, 0]).cv_results_["params"]) == 2


def test_more_than_two_classes():
    X, y = make_classification(200, 6, n_informative=4, n_classes=3, random_state=0)
    names = np.array(["a", "b", "c"])[y]
    rows = sl.CategoricalFocal() + 0.5 * sl.CategoricalCrossEntropy()
    for loss, used in (
        (rows, rows),
        (2 * sl.Brier(), 2 * sl.CategoricalBrier()),  # its form of several classes
        (sl.Focal() + sl.BinaryCrossEntropy(), None),  # one against the rest
    ):
        model = sl.LossClassifier(loss=loss, random_state=0).fit(X, names)
        assert model.loss_function_ == (used or loss)
        assert_allclose(model.predict_proba(X).sum(axis=1), 1.0)
        assert model.score(X, names) > 0.5
        if used is not None:
            expected = -used(y, model.predict_proba(X))
            assert loss.scorer()(model, X, names) == pytest.approx(expected)
    assert_allclose(
        sl.LossClassifier(loss=2 * sl.Brier(), alpha=2e-4).fit(X, names).coef_,
        sl.LossClassifier(loss=sl.Brier(), alpha=1e-4).fit(X, names).coef_,
        rtol=1e-2, atol=1e-3,
    )  # fmt: skip


def test_distributions(numbers):
    X, y = numbers
    mean, std = sl.LossRegressor(loss=0.5 * sl.GaussianNLL()).fit(X, y).predict(X, return_std=True)
    assert mean.shape == std.shape == y.shape
    assert (std > 0).all()
    loss = sl.MultiQuantile((0.1, 0.9)) + sl.MultiQuantile((0.2, 0.8))
    model = sl.LossRegressor(loss=loss, random_state=0, max_iter=50, tol=None).fit(X, y)
    low, high = model.predict(X).T
    assert (low < high).all()


def test_scorer_is_the_negated_sum(numbers, classes):
    X, y = numbers
    model = sl.LossRegressor().fit(X, y)
    loss = sl.SquaredError() + 0.1 * sl.Pinball(0.9)
    assert loss.scorer()(model, X, y) == -loss(y, model.predict(X))
    assert repr(loss) in repr(loss.scorer())
    X, y = classes
    model = sl.LossClassifier().fit(X, y)
    loss = sl.Brier() + sl.BinaryCrossEntropy()
    assert loss.scorer()(model, X, y) == pytest.approx(-loss(y == "yes", model.predict_proba(X)))
    assert sl.metrics.d2_loss_score(y == "yes", model.predict_proba(X)[:, 1], loss=loss) < 1


def test_warmup():
    from sklosses._kernels.terms import fill

    loss, y = 2 * sl.SquaredError() + sl.Tukey(), np.arange(3.0)
    before = len(fill.dispatcher.signatures)
    sl.warmup([loss], dtypes=["float64"])
    known = len(fill.dispatcher.signatures)
    loss.values_gradient(y, y)
    assert before < known == len(fill.dispatcher.signatures)


# ------------------------------------------------------------------ compiled code


def test_one_compilation_for_all_weights(numbers):
    from sklosses._kernels.terms import fill

    loss, y = sl.PseudoHuber() + sl.LogCosh(), numbers[1]
    loss.values(y, y)
    known = len(fill.dispatcher.signatures)
    for weight in (0.5, 2, np.float32(3.0)):
        (weight * sl.PseudoHuber(weight) + 7 * sl.LogCosh()).values(y, y)
    assert len(fill.dispatcher.signatures) == known


TERM = """
    import sklosses as sl

    class Mine(sl.PointwiseLoss):
        def value(self, y, z):
            return {factor} * (z - y)

        def grad_hess(self, y, z):
            return {factor}, 0.0
"""
RUN = """
    import sklosses as sl
    from mine import Mine
    from sklosses._kernels.terms import fill

    print((0.5 * Mine() + sl.SquaredError()).values([0.0], [4.0])[0])
    print(sum(fill.dispatcher.stats.cache_hits.values()))
"""


def test_an_edited_term_is_compiled_anew(tmp_path):
    def run(factor):
        (tmp_path / "mine.py").write_text(textwrap.dedent(TERM.format(factor=factor)))
        environment = {
            **os.environ,
            "NUMBA_CACHE_DIR": str(tmp_path / "cache"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
        }
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", textwrap.dedent(RUN)],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return tuple(map(float, done.stdout.split()))

    assert run(factor=1.0) == (18.0, 0)
    assert run(factor=1.0) == (18.0, 1)
    assert run(factor=3.0) == (22.0, 0)
    assert run(factor=1.0) == (18.0, 1)


def test_losses_still_sort_and_compare():
    losses = [sl.Huber(), 2 * sl.Huber(), sl.Huber() + sl.Pinball()]
    assert sorted(losses) == sorted([*reversed(losses)])
    assert operator.ne(*losses[:2])
