"""Losses as boosters call them: layout, precision, sign, weights, groups, and where they lead."""

import copy
import inspect
import os
import pickle
import subprocess
import sys
import warnings
from math import inf
from typing import Annotated, ClassVar

import catboost
import lightgbm
import numpy as np
import pytest
import xgboost
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_diabetes, load_wine
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

import sklosses as sl
from sklosses._arrays import threads
from sklosses._kernels.curvature import curvature_of, curvatures_of
from sklosses.boosting import _derivatives
from sklosses.boosting.catboost import leaf_options
from sklosses.boosting.hist_gradient_boosting import hist_gradient_boosting_loss


class Newsvendor(sl.PointwiseLoss):
    """What a unit missing or left over costs, on top of a fixed cost."""

    shortage: Annotated[float, sl.Interval(0, inf)] = 3.0
    fixed: ClassVar = 1.5

    def value(self, y, z):
        return self.fixed + (self.shortage * (y - z) if y > z else z - y)

    def grad_hess(self, y, z):
        return (-self.shortage if y > z else 1.0), 0.0


class Slow(sl.PointwiseLoss):
    """The absolute error, in NumPy."""

    jit = False
    convex = True
    smooth = False

    def value(self, y, z):
        return np.abs(z - y)

    def grad_hess(self, y, z):
        return np.sign(z - y), np.zeros_like(z)


OWN = [Newsvendor(), Slow(), 0.5 * sl.AbsoluteError(), sl.SquaredError() + 2.0 * sl.Pinball(0.8)]
POINTWISE = [cls() for cls in sl.all_losses() if issubclass(cls, sl.PointwiseLoss)] + OWN
# perceptual losses compare several targets a row, of which most boosters know one
ROWWISE = [
    cls() for cls in sl.all_losses() if issubclass(cls, sl.RowwiseLoss) and cls.task != "generative"
]
GROUPWISE = [cls() for cls in sl.all_losses() if issubclass(cls, sl.GroupLoss)]
NAMED = {"ids": lambda loss: repr(loss)[:40]}
LIBRARIES = {"lightgbm": (np.float64, "F"), "xgboost": (np.float32, "C")}


def draw(loss, dtype=np.float64, n=500, order="C"):
    """Return targets, raw predictions and weights as boosters pass them."""
    rng = np.random.default_rng(0)
    k = (loss.n_raw or 3) if loss.rowwise else 1
    z = rng.normal(size=(n, k))
    y = rng.normal(size=n)
    if loss.task in ("binary", "multiclass"):
        y = rng.integers(0, 2 if k == 1 else k, n)
    elif loss.task == "ranking":
        y = rng.integers(0, 2, n)
    elif y.min() not in loss.target:
        y, z = rng.gamma(2.0, size=n), np.abs(z)
    z = np.asarray(z if k > 1 else z[:, 0], dtype, order=order)
    return y.astype(np.float32), z, rng.integers(1, 4, n).astype(np.float32)


def objective(library, loss, **options):
    """Return a function of targets, raw predictions and weights, as the library calls it."""
    if library == "xgboost":
        own = sl.xgboost_objective(loss, **options)
        return lambda y, z, w, group=None: own(y, z, sample_weight=w)
    return sl.lightgbm_objective(loss)


# ------------------------------------------------------------------------------------ signatures


def test_lightgbm_counts_parameters():
    for made in (sl.lightgbm_objective("huber"), sl.lightgbm_metric("huber")):
        assert list(inspect.signature(made).parameters) == ["y_true", "y_pred", "weight", "group"]


def test_xgboost_looks_for_a_name():
    for made in (sl.xgboost_objective("huber"), sl.xgboost_metric("huber")):
        assert list(inspect.signature(made).parameters) == ["y_true", "y_pred", "sample_weight"]


FACTORIES = [
    sl.lightgbm_objective, sl.lightgbm_metric, sl.xgboost_objective, sl.xgboost_metric,
    sl.catboost_objective, sl.catboost_metric, hist_gradient_boosting_loss,
]  # fmt: skip


@pytest.mark.parametrize("factory", FACTORIES, ids=lambda factory: factory.__name__)
def test_callbacks_are_of_names_and_objects_and_can_be_copied(factory):
    made = factory(sl.Huber(delta=2.0))
    assert "Huber(delta=2.0)" in repr(made)
    for twin in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made)):
        assert repr(twin) == repr(made)
    assert "Pinball" in repr(factory("quantile"))
    with pytest.raises(ValueError, match="Unknown loss"):
        factory("hubber")
    with pytest.raises(ValueError, match="'delta' parameter of Huber"):
        factory(sl.Huber(delta=-1.0))


@pytest.mark.parametrize("factory", FACTORIES[:6], ids=lambda factory: factory.__name__)
def test_install_hint(factory, monkeypatch):
    library = factory.__name__.partition("_")[0]
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError, match=f"pip install {library}"):
        factory("huber")


def test_private_class_of_scikit_learn_is_missed(monkeypatch):
    module = sys.modules[hist_gradient_boosting_loss.__module__]
    monkeypatch.setattr(module, "_class", None)
    monkeypatch.setitem(sys.modules, "sklearn._loss.loss", None)
    with pytest.raises(ImportError, match=r"sklearn\._loss\.loss\.BaseLoss"):
        hist_gradient_boosting_loss("huber")


# ----------------------------------------------------------------------------------- derivatives


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("loss", POINTWISE + ROWWISE, **NAMED)
def test_derivatives_are_those_of_the_loss(loss, library):
    dtype, order = LIBRARIES[library]
    y, z, w = draw(loss, dtype, order=order)
    g, h = objective(library, loss)(y, z, w, None)
    assert g.dtype == h.dtype == np.float32
    assert g.shape == h.shape == z.shape
    assert g.flags.f_contiguous == z.flags.f_contiguous  # as the booster has them: no copy
    expected = loss.gradient_hessian(y, np.ascontiguousarray(z), w, psd=True)
    assert_allclose(g, expected[0], rtol=2e-6, atol=1e-6)
    assert (h > 0).all()
    if not (loss.hessian == "surrogate" or has_lines(loss, y, z)):
        assert_allclose(h, expected[1], rtol=1e-4 if dtype == np.float32 else 1e-6, atol=1e-6)


def has_lines(loss, y, z):
    g, h = loss.gradient_hessian(y, np.ascontiguousarray(z))
    return not loss.smooth or (h * 1e6 < np.abs(g)).any()


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("loss", POINTWISE + ROWWISE, **NAMED)
def test_weight_is_repetition(loss, library):
    y, z, w = draw(loss, *LIBRARIES[library][:1])
    z = np.asarray(z, order=LIBRARIES[library][1])
    times = w.astype(int)
    rows = np.repeat(np.arange(y.size), times)
    weighted = objective(library, loss)(y, z, w, None)
    repeated = objective(library, loss)(y[rows], np.asarray(z[rows], order="F"), None, None)
    for ours, each in zip(weighted, repeated, strict=True):
        summed = np.add.reduceat(each.astype(float), np.cumsum(times) - times, axis=0)
        assert_allclose(ours, summed, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("loss", POINTWISE + ROWWISE, **NAMED)
def test_catboost_and_scikit_learn_get_the_same(loss):
    y, z, w = draw(loss)
    g, h = sl.lightgbm_objective(loss)(y, z, w, None)
    if not loss.rowwise:
        ders = sl.catboost_objective(loss).calc_ders_range(z, y, w)
        assert_allclose(ders, -np.column_stack((g, h)), rtol=1e-6, atol=1e-7)
    elif loss.smooth:
        row = sl.catboost_objective(loss).calc_ders_multi(z[3], float(y[3]), float(w[3]))
        assert_allclose(row[0], -g[3], rtol=1e-6, atol=1e-7)
        assert_allclose(row[1], -np.diag(h[3]), rtol=1e-6, atol=1e-7)
    outs = np.empty(z.shape, np.float32, "F"), np.empty(z.shape, np.float32, "F")
    made = hist_gradient_boosting_loss(loss)
    filled = made.gradient_hessian(y, z, w, gradient_out=outs[0], hessian_out=outs[1])
    assert filled[0] is outs[0]
    assert_allclose(outs[0], g, rtol=1e-6)
    assert_allclose(outs[1], h, rtol=1e-6)


@pytest.mark.parametrize("loss", GROUPWISE, **NAMED)
def test_groups(loss):
    y, z, _ = draw(loss)
    qid = np.sort(np.random.default_rng(1).integers(0, 40, y.size))
    w = np.random.default_rng(2).uniform(0.5, 2.0, 40).astype(np.float32)[qid]
    expected = loss.gradient_hessian(y, z, w, qid=qid, psd=True)
    sizes = np.bincount(qid)
    sizes = sizes[sizes > 0].astype(np.int32)
    pairs = (
        sl.lightgbm_objective(loss)(y, z, w, sizes),
        sl.xgboost_objective(loss, qid=qid)(y, z, sample_weight=w),
    )
    for g, h in pairs:
        assert_allclose(g, expected[0], rtol=1e-5, atol=1e-7)
        assert_allclose(h, expected[1], rtol=1e-5, atol=1e-7)
    mean = loss(y, z, sample_weight=w, qid=qid)
    assert_allclose(sl.lightgbm_metric(loss)(y, z, w, sizes)[1], mean, rtol=1e-6)
    assert_allclose(sl.xgboost_metric(loss, qid=qid)(y, z, sample_weight=w), mean, rtol=1e-6)


@pytest.mark.parametrize("loss", POINTWISE + ROWWISE, **NAMED)
def test_metrics_are_the_mean_loss(loss):
    y, z, w = draw(loss)
    y = y.astype(float)
    values = loss.values(y, z, w)
    mean = values.sum() / w.sum()
    name, value, larger_is_better = sl.lightgbm_metric(loss)(y, z, w, None)
    assert name == loss.__name__
    assert not larger_is_better
    assert_allclose(value, mean, rtol=1e-9)
    metric = sl.xgboost_metric(loss)
    assert metric.__name__ == loss.__name__
    assert_allclose(metric(y, z, sample_weight=w), mean, rtol=1e-9)
    assert_allclose(metric(y, z), loss.values(y, z).mean(), rtol=1e-9)
    own = sl.catboost_metric(loss)
    columns = (z,) if z.ndim == 1 else tuple(z.T)
    assert_allclose(own.get_final_error(*own.evaluate(columns, y, w)), mean, rtol=1e-9)
    assert not own.is_max_optimal()
    assert type(own).__name__ == loss.__name__
    # with native objectives, boosters pass responses
    p = loss.inverse_link(z)
    assert_allclose(sl.lightgbm_metric(loss, raw=False)(y, p, w, None)[1], mean, rtol=1e-6)
    assert_allclose(sl.xgboost_metric(loss, raw=False)(y, p, sample_weight=w), mean, rtol=1e-6)
    made = hist_gradient_boosting_loss(loss)
    assert_allclose(made(y, z, sample_weight=w), mean, rtol=1e-9)


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_the_number_of_columns_tells_the_form(kind):
    cross_entropy = sl.CategoricalCrossEntropy()
    y, z, w = draw(cross_entropy, order="F")
    if kind == "binary":
        y, z, cross_entropy = (y > 0).astype(np.float32), z[:, 0].copy(), sl.BinaryCrossEntropy()
    expected = sl.lightgbm_objective(cross_entropy)(y, z, w, None)
    for ours, same in zip(sl.lightgbm_objective("log_loss")(y, z, w, None), expected, strict=True):
        assert_array_equal(ours, same)


@pytest.mark.parametrize("order", ["C", "F"])
def test_several_outputs(order):
    rng, loss = np.random.default_rng(0), sl.Huber()
    y, z = (np.asarray(a, order=order) for a in rng.normal(size=(2, 50, 3)))
    w = rng.uniform(size=50)
    g, h = sl.xgboost_objective(loss)(y, z, sample_weight=w)
    assert_allclose(g, loss.gradient(y, z, w), rtol=1e-6)
    for j in range(3):
        assert (h[:, j] > 0).all()
        assert_allclose(g[:, j], loss.gradient(y[:, j], z[:, j], w), rtol=1e-6)


def test_soft_labels():
    loss, rng = sl.CategoricalCrossEntropy(), np.random.default_rng(0)
    shares = rng.dirichlet(np.ones(3), 50)
    z = rng.normal(size=(50, 3))
    g, _ = sl.xgboost_objective(loss)(shares.astype(np.float32), z.astype(np.float32))
    assert_allclose(g, loss.gradient(shares, z), rtol=1e-5, atol=1e-6)
    row = sl.catboost_objective(loss).calc_ders_multi(z[0], shares[0], 1.0)[0]
    assert_allclose(row, -loss.gradient(shares, z)[0], rtol=1e-6)


@pytest.mark.parametrize("loss", ["pinball", "log_loss", "poisson", "categorical_cross_entropy"])
def test_bad_input_is_told(loss):
    loss = sl.get_loss(loss)
    y, z, w = draw(loss)
    made = sl.lightgbm_objective(loss)
    made(y, z, w, None)
    for position, bad in ((0, np.nan), (1, np.inf), (2, -1.0), (2, np.nan)):
        arrays = [y.copy(), z.copy(), w.copy()]
        arrays[position].flat[7] = bad
        with pytest.raises(ValueError, match=r"NaN|infinity|Negative|labels"):
            made(*arrays, None)
    if loss.task in ("binary", "multiclass"):
        for label in (-1.0, 5.0):
            wrong = y.copy()
            wrong[7] = label
            with pytest.raises(ValueError, match=r"y_true|labels"):
                made(wrong, z, w, None)
            with pytest.raises(ValueError, match=r"y_true|labels"):  # and not once only
                made(wrong, z, w, None)
    with pytest.raises(ValueError, match=r"same shape|inconsistent"):
        made(y[:-1], z, None, None)


def test_many_rows_go_in_blocks():
    """The blocks of row-wise losses, and a survey of some of the rows."""
    loss, rng = sl.CategoricalCrossEntropy(), np.random.default_rng(0)
    n = 20_000
    z = np.asfortranarray(rng.normal(size=(n, 4)))
    y, w = rng.integers(0, 4, n).astype(np.float32), rng.uniform(size=n).astype(np.float32)
    g, h = sl.lightgbm_objective(loss)(y, z, w, None)
    exact = loss.gradient_hessian(y, z, w)
    assert_allclose(g, exact[0], rtol=1e-6, atol=1e-7)
    assert_allclose(h, exact[1], rtol=1e-6, atol=1e-7)
    few, many = (draw(sl.AbsoluteError(), n=size) for size in (60_000, 600_000))
    mean = [sl.lightgbm_objective("mae")(y, z, None, None)[1].mean() for y, z, _ in (few, many)]
    assert_allclose(*mean, rtol=0.02)


THREADED = [sl.Pinball(0.9), sl.BinaryCrossEntropy(), sl.CategoricalCrossEntropy(), OWN[0], OWN[1]]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", THREADED, **NAMED)
def test_threads_change_nothing(loss, weighted, monkeypatch):
    y, z, w = draw(loss, n=10_007)
    given = w if weighted else None
    alone = sl.lightgbm_objective(loss)(y, z, given, None)
    used, total = [], threads.total

    def counted(work, parts):
        used.append(len(parts))
        return total(work, parts)

    monkeypatch.setattr(_derivatives, "ROWS", 1000)
    monkeypatch.setattr(threads, "_openmp_effective_n_threads", lambda: 3)
    monkeypatch.setattr(threads, "total", counted)
    assert_array_equal(sl.lightgbm_objective(loss)(y, z, given, None), alone)
    assert used == [3 if loss.jit else 1]  # what is not compiled may not be made for them
    z[-1] = np.nan  # in the last thread's part
    with pytest.raises(ValueError, match="raw_prediction contains NaN"):
        sl.lightgbm_objective(loss)(y, z, given, None)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="of systems that fork")
def test_threads_of_a_forked_process_are_its_own():
    code = """if True:
        import os, numpy as np, sklosses as sl
        from sklosses._arrays import threads
        from sklosses.boosting import _derivatives
        _derivatives.ROWS, threads._openmp_effective_n_threads = 1000, lambda: 2
        made, y, z = sl.lightgbm_objective("squared_error"), np.ones(5000), np.zeros(5000)
        print(made(y, z, None, None)[0].sum(), threads._pool.cache_info().currsize, flush=True)
        if (child := os.fork()) == 0:
            print(made(y, z, None, None)[0].sum(), flush=True)
            os._exit(0)
        print(os.waitpid(child, 0)[1])
    """
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, timeout=100, capture_output=True, text=True
    )
    assert done.stdout.split() == ["-10000.0", "1", "-10000.0", "0"]


def test_targets_are_not_confused():
    """What is prepared for one array is not used for the next."""
    loss = sl.CategoricalCrossEntropy()
    made = sl.lightgbm_objective(loss)
    y, z, _ = draw(loss)
    for labels in (y, np.roll(y, 1), y):
        assert_allclose(made(labels, z, None, None)[0], loss.gradient(labels, z), atol=1e-6)
    assert "_engine" not in pickle.loads(pickle.dumps(made)).__dict__


def test_a_callback_is_of_the_loss_as_it_was():
    loss = sl.PseudoHuber(delta=1.0)
    made = sl.lightgbm_objective(loss)
    loss.delta = 9.0
    g, _ = made(np.zeros(1, np.float32), np.full(1, 20.0), None, None)
    assert_allclose(g, 20 / np.sqrt(401), rtol=1e-6)


# ------------------------------------------------------------------------------------- curvature


def test_saturated_logits_have_no_jump():
    """Neither before the Hessian underflows nor where it does."""
    z = -np.linspace(0, 800, 80_001)
    for loss in (sl.BinaryCrossEntropy(), sl.Exponential()):
        g, h = loss.gradient_hessian(np.ones_like(z), np.maximum(z, -300), psd=True)
        assert (h > 0).all()
        exact = loss.gradient_hessian(np.ones_like(z), np.maximum(z, -300))[1]
        usual = exact > 2e-6 * np.abs(g)
        assert_allclose(h[usual], exact[usual], rtol=1e-12)
    _, h = sl.BinaryCrossEntropy().gradient_hessian(np.ones_like(z), z, psd=True)
    assert np.abs(np.diff(h)).max() < 0.02  # steps of 0.01: it used to jump by 1


def test_curvature_of_arrays_is_that_of_numbers():
    g, h = np.random.default_rng(0).normal(size=(2, 300)) * np.logspace(-9, 1, 300)
    assert_allclose(curvatures_of(g, h), [curvature_of(*pair) for pair in zip(g, h, strict=True)])


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e5])
@pytest.mark.parametrize(
    "loss", [sl.AbsoluteError(), sl.Pinball(0.9), Newsvendor(), Slow()], **NAMED
)
def test_units_do_not_matter(loss, scale):
    """A Newton step is as long in other units, and small Hessians are brought up, exactly."""
    y, z, _ = draw(loss)
    g, h = sl.lightgbm_objective(loss)(y, z, None, None)
    if type(loss) is Newsvendor:
        loss = type("Newsvendor", (Newsvendor,), {"fixed": 1.5 * scale})()
    there, bend = sl.lightgbm_objective(loss)((scale * y).astype(np.float32), scale * z, None, None)
    assert_allclose(np.abs(there / bend).mean(), scale * np.abs(g / h).mean(), rtol=1e-3)
    assert bend.mean() > 2.0**-5
    factor = (there / loss.gradient(scale * y, scale * z))[0]
    assert_allclose(np.log2(factor), max(np.round(np.log2(factor)), 0), atol=1e-6)


def test_steps_point_at_the_quantile():
    """Newton's steps with this curvature converge to the minimiser, from far away too."""
    y = np.random.default_rng(0).normal(size=2000).astype(np.float32)
    for loss in (sl.Pinball(0.9), sl.AbsoluteError(), Newsvendor(), sl.Huber(0.1)):
        made, best = sl.lightgbm_objective(loss), loss.values(y, np.full(2000, loss.init_raw(y)))
        z = -7.0
        for _ in range(60):
            g, h = made(y, np.full(2000, z), None, None)
            z -= 0.8 * g.sum() / h.sum()
        assert loss.values(y, np.full(2000, z)).mean() < 1.001 * best.mean()


# ------------------------------------------------------------------------- fits with each booster

X, Y = load_diabetes(return_X_y=True)


def fitted(library, loss, X, y, weight=None, rounds=30, **options):
    """Return raw predictions of the training rows."""
    start = loss.init_raw(y, weight)
    starts = np.tile(start, (len(y), 1)) if np.ndim(start) else np.full(len(y), start)
    if library == "lightgbm":
        model = lightgbm.LGBMRegressor(
            n_estimators=rounds, verbose=-1, objective=sl.lightgbm_objective(loss), n_jobs=1,
            **options,
        )  # fmt: skip
        model.fit(X, y, sample_weight=weight, init_score=starts)
        return model.predict(X) + start
    if library == "xgboost":
        model = xgboost.XGBRegressor(
            n_estimators=rounds, learning_rate=0.1, objective=sl.xgboost_objective(loss), n_jobs=1,
            base_score=0.0, **options,
        )  # fmt: skip
        model.fit(X, y, sample_weight=weight, base_margin=starts)
        return model.predict(X, base_margin=starts)
    if library == "catboost":
        model = catboost.CatBoostRegressor(
            iterations=rounds, learning_rate=0.1, loss_function=sl.catboost_objective(loss),
            eval_metric=sl.catboost_metric(loss), verbose=0, allow_writing_files=False,
            thread_count=1, **leaf_options(loss), **options,
        )  # fmt: skip
        model.fit(catboost.Pool(X, y, weight=weight, baseline=starts))
        return model.predict(X) + start
    model = HistGradientBoostingRegressor(
        max_iter=rounds, loss=hist_gradient_boosting_loss(loss), early_stopping=False, **options
    )
    return model.fit(X, y, sample_weight=weight)._raw_predict(X)[:, 0]


BOOSTERS = ["lightgbm", "xgboost", "catboost", "sklearn"]


def natively(library, quantile, rounds=30):
    kinds = {
        "lightgbm": lambda: lightgbm.LGBMRegressor(
            n_estimators=rounds, verbose=-1, objective="quantile", alpha=quantile, n_jobs=1
        ),
        "xgboost": lambda: xgboost.XGBRegressor(
            n_estimators=rounds, learning_rate=0.1, objective="reg:quantileerror",
            quantile_alpha=quantile, n_jobs=1,
        ),
        "catboost": lambda: catboost.CatBoostRegressor(
            iterations=rounds, learning_rate=0.1, loss_function=f"Quantile:alpha={quantile}",
            verbose=0, allow_writing_files=False, thread_count=1,
        ),
        "sklearn": lambda: HistGradientBoostingRegressor(
            max_iter=rounds, loss="quantile", quantile=quantile, early_stopping=False
        ),
    }  # fmt: skip
    return kinds[library]().fit(X, Y).predict(X)


@pytest.mark.parametrize("library", BOOSTERS)
@pytest.mark.parametrize(
    ("loss", "quantile"),
    [(sl.Pinball(0.9), 0.9), (sl.AbsoluteError(), 0.5), (Newsvendor(), 0.75), (Slow(), 0.5)],
    **NAMED,
)
def test_as_good_as_leaves_refitted_natively(library, loss, quantile):
    """Targets up to 346: with a Hessian of 1, twenty steps would hardly move the predictions."""
    gone = loss.values(Y, Y).mean()  # what is lost anyhow
    native = loss.values(Y, natively(library, quantile)).mean() - gone
    ours = loss.values(Y, fitted(library, loss, X, Y)).mean() - gone
    assert ours <= 1.05 * native


@pytest.mark.parametrize("library", BOOSTERS)
@pytest.mark.parametrize(
    "loss",
    [
        sl.SquaredError() + 5.0 * sl.AbsoluteError(),  # no ties, which rounding would decide
        sl.Huber(4.0),
        sl.PoissonDeviance(),
        sl.SquaredEpsilonInsensitive(1.0),
    ],
    **NAMED,
)
def test_weighted_fit_is_that_of_rows_repeated(library, loss):
    rng = np.random.default_rng(0)
    whole = rng.integers(0, 6, (120, 3)).astype(float)  # few values: bins do not depend on weights
    y = np.float64(np.float32(10 + 3 * whole[:, 0] + rng.gamma(2.0, 3.0, 120)))
    w = rng.integers(1, 4, 120)
    rows = np.repeat(np.arange(120), w)
    options = {
        "lightgbm": {"min_child_samples": 0, "min_data_in_bin": 1, "num_leaves": 8},
        "xgboost": {"max_depth": 3},
        # CatBoost takes the penalty times the mean weight
        "catboost": {"bootstrap_type": "No", "random_strength": 0, "depth": 3, "l2_leaf_reg": 0},
        "sklearn": {"min_samples_leaf": 1, "max_leaf_nodes": 8},
    }[library]
    weighted = fitted(library, loss, whole, y, w.astype(float), **options)
    repeated = fitted(library, loss, whole[rows], y[rows], **options)
    first = np.cumsum(w) - w
    assert_allclose(weighted, repeated[first], rtol=2e-4)


@pytest.mark.parametrize("library", BOOSTERS)
@pytest.mark.parametrize("loss", [sl.LogCosh(), sl.Expectile(0.8), sl.Cauchy(30.0)], **NAMED)
def test_nothing_diverges(library, loss):
    p = fitted(library, loss, X, Y, rounds=100)
    assert np.isfinite(p).all()
    assert loss.values(Y, p).mean() < 0.8 * loss.values(Y, np.full(Y.size, loss.init_raw(Y))).mean()


def test_several_quantiles_in_one_model():
    for crossing in ("monotone", "free"):
        loss = sl.MultiQuantile((0.1, 0.5, 0.9), crossing)
        raw = fitted("lightgbm", loss, X, Y, num_class=3, metric="None")
        p = loss.inverse_link(raw)
        one = [natively("lightgbm", q) for q in loss.quantiles]
        assert loss(Y, p) <= 1.05 * loss(Y, np.column_stack(one))
        assert crossing == "free" or (np.diff(p, axis=1) >= 0).all()


@pytest.mark.parametrize("loss", ["log_loss", sl.CategoricalFocal(), sl.MulticlassHinge()], ids=str)
def test_classes(loss):
    X, y = load_wine(return_X_y=True)
    own = sl.get_loss(loss).for_classes(3)
    models = {
        "lightgbm": lightgbm.LGBMClassifier(
            n_estimators=20, verbose=-1, objective=sl.lightgbm_objective(loss), n_jobs=1
        ),
        "xgboost": xgboost.XGBClassifier(
            n_estimators=20, objective=sl.xgboost_objective(loss), n_jobs=1
        ),
        "catboost": catboost.CatBoostClassifier(
            iterations=20, loss_function=sl.catboost_objective(loss), learning_rate=0.3,
            eval_metric=sl.catboost_metric(own), classes_count=3, verbose=0,
            allow_writing_files=False, thread_count=1, bootstrap_type="No",
        ),
        "sklearn": HistGradientBoostingClassifier(
            max_iter=20, loss=hist_gradient_boosting_loss(loss), early_stopping=False
        ),
    }  # fmt: skip
    for name, model in models.items():
        model.fit(X, y)
        raw = {
            "lightgbm": lambda m: m.predict(X, raw_score=True),
            "xgboost": lambda m: m.predict(X, output_margin=True),
            "catboost": lambda m: m.predict(X, prediction_type="RawFormulaVal"),
            "sklearn": lambda m: m.decision_function(X),
        }[name](model)
        assert (raw.argmax(axis=1) == y).mean() > 0.95, name


def test_scikit_learn_pickles_clones_and_stops():
    loss = hist_gradient_boosting_loss(sl.Focal(gamma=1.5))
    y = (Y > 140).astype(int)
    model = HistGradientBoostingClassifier(loss=loss, early_stopping=True, random_state=0).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert_allclose(model.predict_proba(X).sum(axis=1), 1)
    assert len(model.validation_score_) == model.n_iter_ + 1
    hinge = HistGradientBoostingClassifier(loss=hist_gradient_boosting_loss("hinge")).fit(X, y)
    assert hinge.score(X, y) > 0.8
    assert not hasattr(hist_gradient_boosting_loss("hinge"), "predict_proba")
    p = HistGradientBoostingRegressor(loss=hist_gradient_boosting_loss("poisson")).fit(X, Y)
    assert (p.predict(X) > 0).all()


def test_train_functions_of_the_libraries():
    """``lightgbm.train`` and ``xgboost.train`` pass predictions first."""
    w = np.random.default_rng(0).uniform(0.5, 2.0, Y.size)
    loss = sl.Huber(20.0)
    metric = sl.lightgbm_metric(loss)
    data = lightgbm.Dataset(X, Y, weight=w)
    seen = {}
    own = {"objective": sl.lightgbm_objective(loss), "verbose": -1, "metric": "None"}
    booster = lightgbm.train(
        own, data, 5, valid_sets=[data], valid_names=["own"], feval=metric,
        callbacks=[lightgbm.record_evaluation(seen)],
    )  # fmt: skip
    value = loss.values(Y, booster.predict(X), w).sum() / w.sum()
    assert_allclose(seen["own"]["huber"][-1], value, rtol=1e-6)
    matrix = xgboost.DMatrix(X, Y, weight=w)
    booster = xgboost.train(
        {"base_score": 0.0, "disable_default_eval_metric": True}, matrix, 5,
        obj=sl.xgboost_objective(loss), custom_metric=sl.xgboost_metric(loss),
        evals=[(matrix, "own")], evals_result=seen, verbose_eval=False,
    )  # fmt: skip
    value = loss.values(Y, booster.predict(matrix), w).sum() / w.sum()
    assert_allclose(seen["own"]["huber"][-1], value, rtol=1e-5)


def test_catboost_takes_more_steps_where_there_are_kinks():
    kinked = [sl.Pinball(0.9), Newsvendor(), Slow(), sl.MultiQuantile()]
    smooth = [sl.SquaredError(), sl.BinaryCrossEntropy(), sl.PoissonDeviance(), sl.LambdaRank()]
    for steps, losses in ((3, kinked), (1, smooth)):
        assert all(leaf_options(loss)["leaf_estimation_iterations"] == steps for loss in losses)


def test_catboost_does_not_complain():
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        fitted("catboost", sl.Huber(20.0), X, Y, rounds=2)
    assert not said


@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
def test_rankers(library):
    X, y = load_wine(return_X_y=True)
    qid = np.repeat(np.arange(18), 10)[: y.size]
    loss = sl.LambdaRank()
    if library == "lightgbm":
        model = lightgbm.LGBMRanker(
            n_estimators=20, objective=sl.lightgbm_objective(loss), verbose=-1, n_jobs=1
        ).fit(X, y, group=np.bincount(qid))
    else:
        model = xgboost.XGBRegressor(
            n_estimators=20, objective=sl.xgboost_objective(loss, qid=qid), n_jobs=1,
            min_child_weight=1e-3,
        ).fit(X, y)  # fmt: skip
    shuffled = np.random.default_rng(0).permutation(y.size)
    best = sl.metrics.ndcg_score(y, model.predict(X), qid=qid)
    assert best > max(0.95, sl.metrics.ndcg_score(y, shuffled, qid=qid))
