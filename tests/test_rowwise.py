"""Row-wise losses: oracles, identities between losses, and input at the edge of what is allowed."""

import mpmath
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import special, stats
from scipy.spatial import distance
from sklearn import metrics
from sklearn._loss import loss as sklearn_loss

import sklosses as sl
from sklosses._kernels import rows as row_kernels

N, K = 300, 4
SOFTMAX = [
    sl.CategoricalCrossEntropy(),
    sl.CategoricalCrossEntropy(0.2),
    sl.CategoricalFocal(),
    sl.CategoricalFocal(0.5),
    sl.KLDivergence(),
    sl.JensenShannon(),
    sl.CategoricalBrier(),
]
MULTICLASS = [*SOFTMAX, sl.MulticlassHinge(), sl.MulticlassHinge(0.5)]
DISTRIBUTIONAL = [sl.MultiQuantile(), sl.MultiQuantile(crossing="free"), sl.GaussianNLL()]
ALL = [*MULTICLASS, *DISTRIBUTIONAL]
NAMED = {"ids": repr}
nan, inf = float("nan"), float("inf")


def draw(loss, rng, n=N, k=K):
    """Return targets (labels where the loss is one of classes) and raw predictions."""
    z = 2 * rng.normal(size=(n, loss.n_raw or k))
    return (rng.integers(0, k, n) if loss.task == "multiclass" else rng.normal(size=n)), z


def shares(rng, n=N, k=K):
    """Return rows of class shares, a third of them with a zero."""
    t = rng.dirichlet(np.ones(k), n)
    t[::3, 0] = 0
    return t / t.sum(axis=1, keepdims=True)


def calls(loss):
    return {
        "values": loss.values,
        "gradient": loss.gradient,
        "values_gradient": loss.values_gradient,
        "gradient_hessian": loss.gradient_hessian,
        "psd": lambda y, z, w=None: loss.gradient_hessian(y, z, w, psd=True),
        "metric": lambda y, z, w=None: loss(y, loss.inverse_link(z), sample_weight=w),
    }


def assert_same(one, other, **close):
    """Compare what two calls return: an array, a pair of arrays, or a number."""
    for a, b in zip(*(x if isinstance(x, tuple) else (x,) for x in (one, other)), strict=True):
        assert_allclose(a, b, **{"rtol": 1e-12, "atol": 1e-15, **close})


def test_lists_are_complete():
    classes = {cls for cls in sl.all_losses() if issubclass(cls, sl.RowwiseLoss) and cls.jit}
    assert classes == {type(loss) for loss in ALL}


# ------------------------------------------------------------------ oracles: SciPy, scikit-learn


def test_log_loss(rng):
    y, z = draw(sl.CategoricalCrossEntropy(), rng)
    p, w = special.softmax(z, axis=1), rng.uniform(size=N)
    for labels in (y, np.eye(K)[y]):
        expected = metrics.log_loss(y, p, sample_weight=w)
        assert_allclose(sl.CategoricalCrossEntropy()(labels, p, sample_weight=w), expected)
    p[0], y[0] = [1, 0, 0, 0], 1  # clipped alike
    assert_allclose(sl.CategoricalCrossEntropy()(y, p), metrics.log_loss(y, p))
    p, y = p.astype(np.float32), y.astype(np.float32)
    assert_allclose(sl.CategoricalCrossEntropy()(y, p), metrics.log_loss(y, p), rtol=1e-5)


def test_hinge_loss(rng):
    y, z = draw(sl.MulticlassHinge(), rng)
    w = rng.uniform(size=N)
    expected = metrics.hinge_loss(y, z, sample_weight=w)
    assert_allclose(sl.MulticlassHinge()(y, z, sample_weight=w), expected)


def test_brier_score(rng):
    y, z = draw(sl.CategoricalBrier(), rng)
    p, w = special.softmax(z, axis=1), rng.uniform(size=N)
    expected = metrics.brier_score_loss(y, p, sample_weight=w, scale_by_half=False)
    assert_allclose(sl.CategoricalBrier()(y, p, sample_weight=w), expected)


def test_scikit_learns_multinomial_loss(rng):
    y, z = draw(sl.CategoricalCrossEntropy(), rng)
    w = rng.uniform(0, 2, N)
    theirs = sklearn_loss.HalfMultinomialLoss(n_classes=K)
    gradient, hessian = theirs.gradient_hessian(y.astype(float), z, w)
    ours = sl.CategoricalCrossEntropy().gradient_hessian(y, z, w)
    assert_allclose(ours[0], gradient, rtol=1e-12, atol=1e-15)
    assert_allclose(ours[1], hessian, rtol=1e-12, atol=1e-15)
    values = sl.CategoricalCrossEntropy().values(y, z, w)
    assert_allclose(values, theirs.loss(y.astype(float), z, w), rtol=1e-12, atol=1e-15)


def test_entropies_of_scipy(rng):
    t, z = shares(rng), 2 * rng.normal(size=(N, K))
    p = special.softmax(z, axis=1)
    assert_allclose(sl.KLDivergence().values(t, z), stats.entropy(t, p, axis=1), atol=1e-14)
    assert_allclose(sl.KLDivergence()(t, p), stats.entropy(t, p, axis=1).mean())
    expected = distance.jensenshannon(t, p, axis=1) ** 2
    assert_allclose(sl.JensenShannon().values(t, z), expected, atol=1e-14)
    assert_allclose(sl.JensenShannon()(t, p), expected.mean())


def test_pinball_losses_of_scikit_learn(rng):
    loss = sl.MultiQuantile((0.1, 0.4, 0.8))
    y, q, w = rng.normal(size=N), rng.normal(size=(N, 3)), rng.uniform(size=N)  # crossing as well
    each = [
        metrics.mean_pinball_loss(y, q[:, j], alpha=level, sample_weight=w)
        for j, level in enumerate(loss.quantiles)
    ]
    assert_allclose(loss(y, q, sample_weight=w), np.mean(each))
    free = sl.MultiQuantile(loss.quantiles, crossing="free")
    assert_allclose(free(y, q, sample_weight=w), np.mean(each))
    columns = [sl.Pinball(level).gradient(y, q[:, j]) for j, level in enumerate(loss.quantiles)]
    assert_allclose(free.gradient(y, q), np.column_stack(columns) / 3)


def test_normal_density(rng):
    y, z = draw(sl.GaussianNLL(), rng)
    p = sl.GaussianNLL().inverse_link(z)
    expected = -stats.norm.logpdf(y, p[:, 0], p[:, 1]) - np.log(2 * np.pi) / 2
    assert_allclose(sl.GaussianNLL().values(y, z), expected, rtol=1e-10)
    assert_allclose(sl.GaussianNLL()(y, p), expected.mean())
    assert sl.GaussianNLL()(y, tuple(p.T)) == sl.GaussianNLL()(y, p)  # predict(return_std=True)


def test_reference_cases():
    """Of PyTorch; see the README of the reference cases."""
    z = [[1.0, 2.0, 3.0], [0.5, 0.0, -0.5]]
    values = [0.4076059644443804, 0.6802696706417346]
    gradient = [
        [0.09003057317038043, 0.24472847105479764, -0.3347590442251782],
        [-0.493519608944346, 0.3071958857184984, 0.18632372322584756],
    ]
    ours = sl.CategoricalCrossEntropy().values_gradient([2, 0], z)
    assert_allclose(ours[0], values, rtol=1e-9, atol=1e-12)
    assert_allclose(ours[1], gradient, rtol=1e-9, atol=1e-12)
    t = np.array([[0.2, 0.8], [1.0, 0.0]])
    log_p = [
        [-0.6931471805599453, -0.6931471805599453],
        [-0.10536051565782628, -2.3025850929940455],
    ]
    value, gradient = sl.KLDivergence().values_gradient(t, log_p)
    assert_allclose(value.mean(), 0.14905263633979182, rtol=1e-9)
    # theirs is with respect to ln p; ours to raw scores adds p
    assert_allclose(gradient / 2 - np.exp(log_p) / 2, [[-0.1, -0.4], [-0.5, 0.0]], atol=1e-12)


# ------------------------------------------------------------------ identities


@pytest.mark.parametrize("loss", SOFTMAX, **NAMED)
def test_labels_are_shares_of_one_class(loss, rng):
    y, z = draw(loss, rng)
    w, soft = rng.uniform(size=N), np.eye(K)[y]
    for name, call in calls(loss).items():
        assert_same(call(y, z, w), call(soft, z, w), err_msg=name)
    assert_allclose(loss.init_raw(y, w), loss.init_raw(soft, w), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("one", "other", "soft"),
    [
        (sl.CategoricalFocal(0.0), sl.CategoricalCrossEntropy(), True),
        (sl.KLDivergence(), sl.CategoricalCrossEntropy(), False),
    ],
)
def test_one_loss_is_another(one, other, soft, rng):
    y, z = draw(one, rng)
    targets = [y, shares(rng)] if soft else [y, np.eye(K)[y]]
    for target in targets:
        for (name, call), same in zip(calls(one).items(), calls(other).values(), strict=True):
            assert_same(call(target, z), same(target, z), err_msg=name)


@pytest.mark.parametrize(
    ("binary", "categorical", "factor"),
    [
        (sl.BinaryCrossEntropy(), sl.CategoricalCrossEntropy(), 1),
        (sl.BinaryCrossEntropy(0.3), sl.CategoricalCrossEntropy(0.3), 1),
        (sl.Focal(2.0), sl.CategoricalFocal(2.0), 1),
        (sl.Brier(), sl.CategoricalBrier(), 2),
        (sl.Hinge(), sl.MulticlassHinge(), 1),
    ],
)
def test_two_classes(binary, categorical, factor, rng):
    y, z = rng.integers(0, 2, N), 2 * rng.normal(size=N)
    columns = np.column_stack((np.zeros(N), z))
    margin = categorical.task == "multiclass" and isinstance(categorical, sl.MulticlassHinge)
    if margin:  # the margin is the difference of two scores, the decision value one of them
        z = columns[:, 1]
    close = {"rtol": 1e-12, "atol": 1e-14}
    expected = factor * binary.values(y, z)
    assert_allclose(categorical.values(y, columns), expected, **close)
    g, h = categorical.gradient_hessian(y, columns)
    ours = binary.gradient_hessian(y, z)
    assert_allclose(g, factor * np.column_stack((-ours[0], ours[0])), **close)
    assert_allclose(h, factor * np.column_stack((ours[1], ours[1])), **close)
    if not margin:
        p = categorical.inverse_link(columns)
        assert_allclose(p[:, 1], binary.inverse_link(z), **close)
        assert_allclose(categorical(y, p), factor * binary(y, p))


def test_smoothing_is_of_the_targets(rng):
    y, z = draw(sl.CategoricalCrossEntropy(), rng)
    t = np.eye(K)[y] * 0.7 + 0.3 / K
    smoothed, plain = sl.CategoricalCrossEntropy(0.3), sl.CategoricalCrossEntropy()
    assert_allclose(smoothed.values(y, z), plain.values(t, z))
    assert_allclose(smoothed.gradient(y, z), plain.gradient(t, z), atol=1e-15)
    assert_allclose(smoothed.init_raw(y), plain.init_raw(t))


def test_zeros_in_the_targets():
    t, z = np.array([[0.0, 0.5, 0.5]]), np.log([[0.5, 0.25, 0.25]])
    assert_allclose(sl.KLDivergence().values(t, z), [np.log(2)])
    # KL(t‖m) = ln(0.5/0.375); KL(p‖m) = 0.5 ln(0.5/0.25) + 0.5 ln(0.25/0.375)
    expected = (np.log(4 / 3) + 0.5 * np.log(2) + 0.5 * np.log(2 / 3)) / 2
    assert_allclose(sl.JensenShannon().values(t, z), [expected])
    assert sl.KLDivergence()([[0.0, 1.0]], [[0.0, 1.0]]) == pytest.approx(0, abs=1e-15)


def test_monotone_quantiles_never_cross(rng):
    loss = sl.MultiQuantile((0.1, 0.5, 0.9))
    z = 20 * rng.normal(size=(N, 3))
    q = loss.inverse_link(z)
    assert (np.diff(q, axis=1) >= 0).all()
    assert_allclose(q, np.cumsum(np.column_stack((z[:, 0], np.logaddexp(0, z[:, 1:]))), axis=1))
    assert_array_equal(sl.MultiQuantile(crossing="free").inverse_link(z), z)


# ------------------------------------------------------------------ the best constant


@pytest.mark.parametrize("loss", MULTICLASS, **NAMED)
def test_init_raw_where_one_class_is_absent(loss):
    y = np.array([0, 0, 0, 2])
    raw = loss.init_raw(y, n_raw=4)
    assert raw.shape == (4,)
    assert np.isfinite(raw).all()
    assert loss.init_raw(y).shape == (3,)
    assert loss.init_raw([0, 0]).shape == (2,)
    assert np.isfinite(loss.init_raw([0, 0])).all()


def test_init_raw_is_known():
    y, w = [0, 1, 2, 2], [1.0, 2.0, 0.5, 0.5]
    p = np.array([1, 2, 1]) / 4
    for loss in (sl.CategoricalCrossEntropy(), sl.KLDivergence(), sl.CategoricalBrier()):
        assert_allclose(loss.inverse_link([loss.init_raw(y, w)])[0], p)
    assert_array_equal(sl.MulticlassHinge().init_raw(y, w), [0, 0, 0])
    assert_array_equal(sl.MulticlassHinge(2.0).init_raw(y, [1, 3, 0, 1]), [0, 2, 0])
    y = np.array([1.0, 2.0, 6.0])
    assert_allclose(sl.GaussianNLL().init_raw(y), [3, np.log(14 / 3)])
    for crossing in ("monotone", "free"):
        loss = sl.MultiQuantile((0.3, 0.6), crossing=crossing)
        assert_allclose(loss.inverse_link([loss.init_raw(y)]), [[1, 2]])


@pytest.mark.parametrize("loss", DISTRIBUTIONAL, **NAMED)
@pytest.mark.parametrize("y", [[0.0, 0.0], [5.0, 5.0, 5.0], [1e10, 1e10], [3.0]])
def test_init_raw_of_equal_targets_is_finite(loss, y):
    assert np.isfinite(loss.init_raw(y)).all()


# ------------------------------------------------------------------ far away


@pytest.mark.parametrize("loss", ALL, **NAMED)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_nothing_is_nan_far_away(loss, dtype, rng):
    biggest = float(np.finfo(dtype).max)
    ends = np.array([0, 1e-30, 1, 80, 100, 700, 1e4, 1e20, 1e30, biggest / 4], dtype)
    k = loss.n_raw or 3
    z = rng.choice(np.concatenate([ends, -ends]), (2000, k))
    if loss.task == "multiclass":
        targets = [rng.integers(0, k, 2000)]
        targets += [shares(rng, 2000, k)] if loss.soft_labels else []
    else:
        targets = [rng.choice(np.array([0, 1e-30, 1, -1e10], dtype), 2000)]
    for y in targets:
        values, gradient = loss.values_gradient(y, z)
        hessian = loss.gradient_hessian(y, z)[1]
        curvature = loss.gradient_hessian(y, z, psd=True)[1]
        for array in (values, gradient, hessian, curvature):
            assert array.dtype == dtype
            assert not np.isnan(array).any()
        assert (curvature > 0).all()
        response = loss.inverse_link(z)
        assert not np.isnan(response).any()


def test_gaussian_does_not_lose_what_can_be_told():
    """The square of the residual, or the inverse variance alone, would overflow or vanish."""
    y, z = [1e-200, 1e200], [[0.0, -900.0], [0.0, 900.0]]
    with mpmath.workdps(50):
        exact = [(mpmath.mpf(a), mpmath.mpf(b[1])) for a, b in zip(y, z, strict=True)]
        values = [float((s + r**2 * mpmath.exp(-s)) / 2) for r, s in exact]
        slopes = [[float(-r * mpmath.exp(-s)), float((1 - r**2 * mpmath.exp(-s)) / 2)]
                  for r, s in exact]  # fmt: skip
    ours = sl.GaussianNLL().values_gradient(y, z)
    assert_allclose(ours[0], values, rtol=1e-12)
    assert_allclose(ours[1], slopes, rtol=1e-12)


@pytest.mark.parametrize("gamma", [0.01, 0.5, 2.0])
def test_focal_hessian_of_certain_rows(gamma):
    """Here 1 − p is a rounding error: no term may grow with its inverse."""
    z = np.column_stack((np.linspace(30, 40, 11), np.zeros((11, 2))))
    h = sl.CategoricalFocal(gamma).gradient_hessian(np.zeros(11, int), z)[1]
    assert (np.abs(h) < 1e-12).all()


def test_hinge_of_large_scores():
    z = np.array([[1e17, 1e17], [1e17, 0.0]])
    assert_array_equal(sl.MulticlassHinge().values([0, 0], z), [1.0, 0.0])


# ------------------------------------------------------------------ forms of arrays


@pytest.mark.parametrize("loss", ALL, **NAMED)
def test_any_form_of_array(loss, rng):
    y, z = draw(loss, rng, 50)
    w = rng.uniform(size=50)
    frozen = [array.copy() for array in (y, z, w)]
    for array in frozen:
        array.flags.writeable = False
    forms = [
        (y.tolist(), z.tolist(), w.tolist()),
        (y, np.asfortranarray(z), w),
        (np.repeat(y, 2)[::2], np.repeat(z, 2, axis=1)[:, ::2], np.repeat(w, 2)[::2]),
        frozen,
        (pd.Series(y), pd.DataFrame(z), pd.Series(w)),
        (y.astype(float), z.astype(np.longdouble), w),
    ]
    for name, call in calls(loss).items():
        expected = call(y, z, w)
        for form in forms:
            assert_same(call(*form), expected, err_msg=name)
    assert_allclose(loss.init_raw(*forms[3][::2]), loss.init_raw(y, w))
    for array, before in zip(frozen, (y, z, w), strict=True):
        assert_array_equal(array, before)


@pytest.mark.parametrize("loss", MULTICLASS, **NAMED)
@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint64, np.float32, float, object])
def test_any_form_of_labels(loss, dtype, rng):
    y, z = draw(loss, rng, 40, 2)
    assert_allclose(loss.values(y.astype(dtype), z), loss.values(y, z))


WIDTHS = [(loss, k) for loss in MULTICLASS for k in (2, 3, 7, 1000, 5000)]
WIDTHS += [(loss, loss.n_raw) for loss in DISTRIBUTIONAL]


@pytest.mark.parametrize(("loss", "k"), WIDTHS, ids=repr)
def test_any_number_of_columns(loss, k, rng):
    """Softmax losses go in blocks of about 2048 entries, of 32 rows at least."""
    y, z = draw(loss, rng, 37, k)
    together = loss.values(y, z), loss.gradient(y, z), *loss.gradient_hessian(y, z)
    one = [loss.values(y[i : i + 1], z[i : i + 1]) for i in range(37)]
    assert_allclose(together[0], np.concatenate(one))
    one = [np.array(loss.gradient_hessian(y[i : i + 1], z[i : i + 1])) for i in range(37)]
    assert_allclose(together[2:], np.concatenate(one, axis=1), rtol=1e-12, atol=1e-300)
    assert_array_equal(together[1], together[2])


BLOCK = row_kernels.BLOCK


@pytest.mark.parametrize("loss", ALL, **NAMED)
@pytest.mark.parametrize("n", [1, BLOCK // K - 1, BLOCK // K, BLOCK // K + 1, 1024, 20_000])
def test_every_length(loss, n, rng):
    y, z = draw(loss, rng, n)
    w = rng.integers(0, 3, n).astype(float)
    w[0] = 1
    values = loss.values(y, z)
    assert values.shape == (n,)
    for i in {0, n // 2, n - 1}:
        row = slice(i, i + 1)
        assert_allclose(values[row], loss.values(y[row], z[row]))
        assert_allclose(loss.gradient(y, z)[row], loss.gradient(y[row], z[row]))
    assert_allclose(loss.values(y, z, w), w * values)
    mean = loss(y, loss.inverse_link(z), sample_weight=w)
    assert_allclose(mean, np.average(values, weights=w), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("loss", ALL, **NAMED)
def test_no_rows(loss):
    z = np.zeros((0, loss.n_raw or K))
    assert loss.values([], z).shape == (0,)
    assert loss.gradient(np.zeros(0), z).shape == z.shape
    assert all(array.shape == z.shape for array in loss.gradient_hessian([], z, psd=True))
    assert loss.inverse_link(z).shape == z.shape
    for call in (lambda: loss([], z), lambda: loss.init_raw([])):
        with pytest.raises(ValueError, match=r"0 sample\(s\)"):
            call()


@pytest.mark.parametrize("loss", ALL, **NAMED)
def test_float32_stays_float32(loss, rng):
    y, z = draw(loss, rng)
    exact = loss.values_gradient(y, z.astype(np.float32).astype(float))
    single = loss.values_gradient(y, z.astype(np.float32))
    for a, b in zip(single, exact, strict=True):
        assert a.dtype == np.float32
        assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    assert loss.inverse_link(z.astype(np.float32)).dtype == np.float32
    p = loss.inverse_link(z.astype(np.float32))
    assert_allclose(loss(y, p), exact[0].mean(), rtol=1e-4)


def test_double_targets_are_not_rounded():
    """As for pointwise losses: float32 predictions against doubles are compared as doubles."""
    q = np.array([[1e8, 1e8 + 8, 1e8 + 16]], np.float32)
    assert sl.MultiQuantile((0.2, 0.5, 0.8))([1e8 + 1.0], q) == pytest.approx(
        (0.2 * 1 + 0.5 * 7 + 0.2 * 15) / 3, rel=1e-12
    )


@pytest.mark.parametrize("loss", ALL, **NAMED)
def test_out(loss, rng):
    y, z = draw(loss, rng, 50)
    for dtype in (np.float64, np.float32):
        values, g, h = np.empty(50, dtype), np.empty(z.shape, dtype), np.empty_like(z, order="F")
        assert loss.values(y, z, out=values) is values
        assert_allclose(values, loss.values(y, z), rtol=1e-6)
        both = loss.gradient_hessian(y, z, out=(g, h))
        assert both[0] is g
        assert both[1] is h
        for ours, expected in zip((g, h), loss.gradient_hessian(y, z), strict=True):
            assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)
    expected = loss.values_gradient(y, z)
    inside = z.copy()  # the raw predictions themselves
    values, gradient = loss.values_gradient(y, inside, out=(None, inside))
    assert gradient is inside
    assert_array_equal(gradient, expected[1])
    assert_array_equal(values, expected[0])
    with pytest.raises(ValueError, match="out must be an array of shape"):
        loss.gradient(y, z, out=values)
    frozen = np.empty_like(z)
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        loss.gradient(y, z, out=frozen)


# ------------------------------------------------------------------ bad input


@pytest.mark.parametrize("loss", ALL, **NAMED)
@pytest.mark.parametrize("bad", [nan, inf, -inf])
def test_not_finite(loss, bad, rng):
    y, z = draw(loss, rng, 30)
    y, w = y.astype(float), rng.uniform(size=30)
    ill_y, ill_z, ill_w = y.copy(), z.copy(), w.copy()
    ill_y[7] = ill_z[7, 0] = ill_w[7] = bad
    methods = calls(loss)
    metric = methods.pop("metric")
    for call in (*methods.values(), metric, lambda y, z, w: loss.init_raw(y, w)):
        with pytest.raises(ValueError, match="Input y_true contains"):
            call(ill_y, z, w)
        with pytest.raises(ValueError, match="Input sample_weight contains"):
            call(y, z, ill_w)
    for call in methods.values():
        for weight in (w, 0 * w):  # a weight of 0 hides nothing
            with pytest.raises(ValueError, match="Input raw_prediction contains"):
                call(y, ill_z, weight)
    with pytest.raises(ValueError, match="Input y_pred contains"):
        loss(y, ill_z)


def test_targets_beyond_float32():
    z = np.zeros((1, 2), np.float32)
    with pytest.raises(ValueError, match="Input y_true contains infinity"):
        sl.GaussianNLL().values([1e300], z)


@pytest.mark.parametrize("loss", ALL, **NAMED)
def test_weights(loss, rng):
    y, z = draw(loss, rng, 30)
    p = loss.inverse_link(z)
    assert_allclose(loss(y, p, sample_weight=2.0), loss(y, p))
    assert_array_equal(loss.values(y, z, np.zeros(30)), np.zeros(30))
    for call in (lambda w: loss(y, p, sample_weight=w), lambda w: loss.init_raw(y, w)):
        with pytest.raises(ValueError, match="at least one non-zero"):
            call(np.zeros(30))
        with pytest.raises(ValueError, match="Negative values"):
            call(np.full(30, -1.0))
        with pytest.raises(ValueError, match=r"sample_weight\.shape"):
            call(np.ones(29))
        with pytest.raises(ValueError, match="1D"):
            call(np.ones((30, 2)))
    g = loss.gradient(y, z, np.arange(30.0))
    assert_allclose(g, np.arange(30.0)[:, None] * loss.gradient(y, z))


@pytest.mark.parametrize("loss", MULTICLASS, **NAMED)
@pytest.mark.parametrize("label", [-1, 3, 0.5, 1e300, -1e19])
def test_labels_out_of_range(loss, label):
    y, z = [0, 1, label], np.zeros((3, 3))
    for call in (lambda: loss.values(y, z), lambda: loss(y, np.full((3, 3), 1 / 3))):
        with pytest.raises(ValueError, match="labels to be integers from 0 to 2"):
            call()


@pytest.mark.parametrize("loss", SOFTMAX, **NAMED)
@pytest.mark.parametrize("row", [[0.5, 0.4, 0.0], [1.0, 1.0, 0.0], [1.5, -0.5, 0.0]])
def test_rows_that_are_not_shares(loss, row):
    y, z = [[1.0, 0.0, 0.0], row], np.zeros((2, 3))
    for call in (lambda: loss.values(y, z), lambda: loss.init_raw(y)):
        with pytest.raises(ValueError, match="class shares"):
            call()
    with pytest.raises(ValueError, match="3 classes, the prediction 4"):
        loss.values([[1.0, 0.0, 0.0]], np.zeros((1, 4)))


@pytest.mark.parametrize("loss", ALL, **NAMED)
def test_shapes(loss, rng):
    y, z = draw(loss, rng, 5)
    k = z.shape[1]
    for shape in ((5,), (5, k, 1), (5, 0)):
        for call in (loss.values, loss):
            with pytest.raises(ValueError, match=r"of shape \(n_samples, "):
                call(y, np.zeros(shape))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        loss.values(y[:4], z)
    with pytest.raises(ValueError, match=r"y_true|labels"):
        loss.values(np.zeros((5, k, 1)), z)
    if loss.n_raw is not None:
        for call in (lambda p: loss.values(y, p), loss.inverse_link, lambda p: loss(y, p)):
            if call == loss.inverse_link and not loss._has_response():
                continue
            with pytest.raises(ValueError, match=f"must have {k} columns. Got {k + 1}"):
                call(np.ones((5, k + 1)))
        with pytest.raises(ValueError, match="y_true must be 1D"):
            loss.values(y[:, None], z)


def test_responses_out_of_their_domain():
    with pytest.raises(ValueError, match="needs probabilities as y_pred"):
        sl.CategoricalBrier()([0], [[1.5, -0.5]])
    with pytest.raises(ValueError, match="standard deviations > 0"):
        sl.GaussianNLL()([0.0], [[1.0, 0.0]])
    with pytest.raises(ValueError, match=r"labels of shape \(n_samples,\)"):
        sl.MulticlassHinge().values([[1.0, 0.0]], [[1.0, 0.0]])


@pytest.mark.parametrize(
    "quantiles", [(), (0.5, 0.5), (0.9, 0.1), (0.0, 0.5), (0.5, 1.0), (nan,), 0.5, "median"]
)
def test_bad_quantiles(quantiles):
    loss = sl.MultiQuantile(quantiles)
    with pytest.raises(ValueError, match="'quantiles' parameter of MultiQuantile"):
        loss([1.0], [[1.0]])


@pytest.mark.parametrize("quantiles", [[0.2, 0.7], (0.2, 0.7), np.array([0.2, 0.7])])
def test_quantiles_in_any_sequence(quantiles):
    loss = sl.MultiQuantile(quantiles)
    assert loss([1.0], [[0.0, 2.0]]) == pytest.approx((0.2 * 1 + 0.3 * 1) / 2)
    assert loss == sl.MultiQuantile(quantiles)
    assert hash(loss) == hash(sl.MultiQuantile(quantiles))


# ------------------------------------------------------------------ the Brier score of any classes


def test_brier_of_several_classes(rng):
    loss, several = sl.Brier(), sl.CategoricalBrier()
    assert loss.for_classes(2) is loss
    assert loss.for_classes(3) == several
    assert sl.Huber().for_classes(3) == sl.Huber()
    y, z = draw(several, rng)
    w, p = rng.uniform(size=N), special.softmax(z, axis=1)
    expected = ((p - np.eye(K)[y]) ** 2).sum(axis=1)
    assert_allclose(loss.inverse_link(z), p)
    assert_allclose(loss(y, p, sample_weight=w), np.average(expected, weights=w))
    assert_allclose(loss.values(y, z, w), w * expected)
    assert_array_equal(loss.gradient(y, z, w), several.gradient(y, z, w))
    for psd in (False, True):
        ours = loss.gradient_hessian(y, z, w, psd=psd)
        assert_array_equal(ours, several.gradient_hessian(y, z, w, psd=psd))
    assert_array_equal(loss.values_gradient(y, z)[1], several.gradient(y, z))
    out = np.empty_like(z)
    assert loss.gradient(y, z, out=out) is out
    # two columns are the probabilities of two classes, columns of targets several outputs
    assert_allclose(loss([1, 0], [[0.2, 0.8], [0.5, 0.5]]), (0.2**2 + 0.5**2) / 2)
    outputs = loss.values(np.eye(K)[y], z)
    assert_allclose(outputs, (special.expit(z) - np.eye(K)[y]) ** 2)


# ------------------------------------------------------------------ elsewhere


@pytest.mark.parametrize("loss", ALL, **NAMED)
def test_response_of_a_row_in_plain_python(loss, rng):
    y, z = draw(loss, rng, 20)
    w, p = rng.uniform(size=20), loss.inverse_link(z)
    rows, values = np.empty_like(z), np.empty(20)
    for i in range(20):
        loss.response(z[i], rows[i])
        values[i] = loss.response_value(y[i].item(), p[i])
    assert_allclose(p, rows, rtol=1e-12)
    assert_allclose(loss(y, p, sample_weight=w), np.average(values, weights=w))


@pytest.mark.parametrize("loss", [sl.CategoricalCrossEntropy(), sl.MultiQuantile()], **NAMED)
def test_a_row_cannot_be_drawn(loss):
    pytest.importorskip("matplotlib")
    with pytest.raises(TypeError, match="LossDisplay draws pointwise losses; got"):
        sl.LossDisplay.from_loss(loss)


@pytest.mark.parametrize("loss", ALL, **NAMED)
def test_warmup(loss):
    assert sl.warmup([loss], dtypes=("float64",)) is None


KINDS = [(loss, False) for loss in ALL] + [(loss, True) for loss in SOFTMAX]


@pytest.mark.parametrize(("loss", "soft"), KINDS, ids=repr)
def test_objective_is_the_sum(loss, soft, rng):
    y, z = draw(loss, rng)
    y = shares(rng) if soft else y
    w, gradient = rng.uniform(size=N), np.empty_like(z)
    total = loss.objective(y, z, w, gradient)
    values, expected = loss.values_gradient(y, z, w)
    assert_allclose(total, values.sum())
    assert_array_equal(gradient, expected)


def test_share_of_a_class():
    assert [sl.share(2, j) for j in range(3)] == [0, 0, 1]
    assert [sl.share(np.array([0.25, 0.75]), j) for j in range(2)] == [0.25, 0.75]
