"""Overlap losses: reference cases, PyTorch, brute force, their hard twins, sums, and input."""

import json
from itertools import permutations
from math import inf, nan
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import f1_score, jaccard_score

import sklosses as sl
from sklosses.metrics import dice_score, iou_score

SMOOTH = [
    sl.Dice(), sl.Dice(smooth=0.0), sl.Jaccard(), sl.Jaccard(smooth=0.3),
    sl.Tversky(alpha=0.3, beta=0.9), sl.Tversky(alpha=0.0, beta=2.0, smooth=0.5),
    sl.FocalTversky(), sl.FocalTversky(alpha=0.3, beta=0.9, gamma=2.5, smooth=0.1),
    sl.Dice(include_background=False), sl.FocalTversky(include_background=False),
]  # fmt: skip
ALL = [*SMOOTH, sl.LovaszHinge(), sl.LovaszHinge(include_background=False)]
SUMS = [
    sl.Dice() + sl.BinaryCrossEntropy(),
    sl.Dice() + 0.5 * sl.Focal(),
    sl.Jaccard(include_background=False) + 2.0 * sl.CategoricalCrossEntropy(),
    sl.Dice() + sl.Jaccard() + 0.1 * sl.CategoricalFocal(gamma=1.0),
    sl.LovaszHinge() + 0.5 * sl.Hinge(),
    sl.LovaszHinge() + sl.MulticlassHinge(),
    3.0 * sl.Dice(),
    sl.LambdaRank() + 0.5 * sl.SquaredError(),
    sl.ListNet() + sl.PairwiseLogistic(),
]
CASES = json.loads((Path(__file__).parent / "data" / "segmentation_cases.json").read_text())
CLASSES = 3


def data(rng, n=200, k=1, groups=4):
    """Return targets, raw predictions, weights and groups in no order."""
    y = rng.integers(0, max(k, 2), n)
    z = 2.0 * rng.normal(size=(n, k) if k > 1 else n)
    return y, z, rng.integers(0, 4, n).astype(float), rng.integers(0, groups, n)


def of_sums(loss, i, p, t):
    """Return the textbook formula of the loss, of a number or an array a class."""
    fp, fn = p - i, t - i
    if isinstance(loss, sl.Dice):
        return 1 - (2 * i + loss.smooth) / (p + t + loss.smooth)
    if isinstance(loss, sl.Jaccard):
        return 1 - (i + loss.smooth) / (p + t - i + loss.smooth)
    index = (i + loss.smooth) / (i + loss.alpha * fp + loss.beta * fn + loss.smooth)
    return (1 - index) ** getattr(loss, "gamma", 1)


# ------------------------------------------------------------------ references


def of_case(case):
    """Return our loss of a case of MONAI, which may add another number to both sides."""
    params = case["params"]
    smooth, background = params["smooth_nr"], params["include_background"]
    assert smooth == params["smooth_dr"]
    if case["name"] == "tversky":
        weights = {"alpha": params["alpha"], "beta": params["beta"]}
        return sl.Tversky(**weights, smooth=smooth, include_background=background)
    cls, factor = (sl.Jaccard, 0.5) if params["jaccard"] else (sl.Dice, 1.0)
    return cls(smooth=factor * smooth, include_background=background)


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda case: case["id"])
def test_reference_cases(case):
    y, z = (np.array(case["inputs"][name]) for name in ("y_true", "y_pred"))
    expected, tol = case["expected"], case["tol"]
    if case["kind"] == "metric":
        assert_allclose(iou_score(y, z, **case["params"]), expected["value"], **tol)
        return
    assert case["params"]["sigmoid"]
    images = np.repeat(np.arange(y.shape[0] * y.shape[1]), y[0, 0].size)  # and channels
    loss = of_case(case)
    values = loss.values(y.ravel(), z.ravel(), qid=images)
    assert_allclose(values.mean(), expected["value"], **tol)
    p = loss.inverse_link(z.ravel())
    assert_allclose(loss(y.ravel(), p, qid=images), expected["value"], **tol)
    if "grad" in expected:
        gradient = loss.gradient(y.ravel(), z.ravel(), qid=images) / values.size
        assert_allclose(gradient.reshape(z.shape), expected["grad"]["y_pred"], **tol)


@pytest.mark.parametrize("k", [1, CLASSES])
@pytest.mark.parametrize("loss", SMOOTH, ids=repr)
def test_equals_autograd(loss, k, rng):
    torch = pytest.importorskip("torch")
    y, z, w, qid = data(rng, n=60, k=k)

    def values(raw):
        if k == 1:
            p, t = torch.sigmoid(raw)[:, None], torch.tensor(y, dtype=torch.float64)[:, None]
        else:
            p = torch.softmax(raw, 1)
            t = torch.nn.functional.one_hot(torch.tensor(y), k).double()
        found = []
        for group in dict.fromkeys(qid.tolist()):
            rows = torch.tensor(qid == group)
            weight = torch.tensor(w)[rows, None]
            sums = [(weight * part[rows]).sum(0) for part in (p * t, p, t)]
            by_class = of_sums(loss, *sums)
            found.append(by_class[0 if k == 1 or loss.include_background else 1 :].mean())
        return torch.stack(found)

    raw = torch.tensor(z, requires_grad=True)
    (gradient,) = torch.autograd.grad(values(raw).sum(), raw)
    hessian = torch.autograd.functional.hessian(lambda raw: values(raw).sum(), raw)
    hessian = hessian.reshape(z.size, z.size).diagonal().reshape(z.shape)
    ours = loss.values_gradient(y, z, w, qid=qid)
    assert_allclose(ours[0], values(raw).detach(), rtol=1e-8)
    assert_allclose(ours[1], gradient, rtol=1e-8, atol=1e-15)
    ours = loss.gradient_hessian(y, z, w, qid=qid)
    assert_allclose(ours[0], gradient, rtol=1e-8, atol=1e-15)
    assert_allclose(ours[1], hessian, rtol=1e-8, atol=1e-15)


def jaccard_of(wrong, y, w):
    """Return the Jaccard loss of the prediction that errs in some rows."""
    predicted = np.where(wrong, 1 - y, y)
    union = (w * np.maximum(predicted, y)).sum()
    return 1 - (w * predicted * y).sum() / union if union else 0.0


def lovasz(y, f, w):
    """Return the extension by its definition, of one group."""
    errors = np.maximum(0, 1 - (2 * y - 1) * f)
    total, wrong, before = 0.0, np.zeros(y.size, bool), 0.0
    for i in np.argsort(-errors):
        wrong[i] = True
        now = jaccard_of(wrong, y, w)
        total, before = total + errors[i] * (now - before), now
    return total


def test_lovasz_hinge_by_its_definition(rng):
    y, z, w, qid = data(rng, n=40)
    for loss, rows in ((sl.LovaszHinge(), qid == q) for q in range(4)):
        assert_allclose(
            loss(y[rows], z[rows], sample_weight=w[rows]), lovasz(y[rows], z[rows], w[rows])
        )
    values = sl.LovaszHinge().values(y, z, w, qid=qid)
    assert_allclose(
        values, [lovasz(y[qid == q], z[qid == q], w[qid == q]) for q in dict.fromkeys(qid)]
    )


def test_lovasz_hinge_is_the_largest_over_orders(rng):
    """The extension of a submodular function is the support function of its base polytope."""
    y, f, w = np.array([1, 0, 1, 0, 0]), rng.normal(size=5), np.ones(5)
    errors = np.maximum(0, 1 - (2 * y - 1) * f)
    totals = []
    for order in permutations(range(5)):
        wrong, total, before = np.zeros(5, bool), 0.0, 0.0
        for i in order:
            wrong[i] = True
            now = jaccard_of(wrong, y, w)
            total, before = total + errors[i] * (now - before), now
        totals.append(total)
    assert_allclose(sl.LovaszHinge()(y, f), max(totals))


def test_lovasz_hinge_equals_the_authors_code(rng):
    torch = pytest.importorskip("torch")
    y, f = (rng.uniform(size=50) < 0.3).astype(float), rng.normal(size=50)
    logits, labels = torch.tensor(f, requires_grad=True), torch.tensor(y)
    errors, order = torch.sort(1 - logits * (2 * labels - 1), descending=True)
    sorted_labels = labels[order]
    both = sorted_labels.sum() - sorted_labels.cumsum(0)
    jaccard = 1 - both / (sorted_labels.sum() + (1 - sorted_labels).cumsum(0))
    jaccard = torch.cat((jaccard[:1], jaccard[1:] - jaccard[:-1]))
    value = torch.dot(torch.relu(errors), jaccard)
    (gradient,) = torch.autograd.grad(value, logits)
    ours = sl.LovaszHinge().values_gradient(y, f)
    assert_allclose(ours[0], value.item(), rtol=1e-8)
    assert_allclose(ours[1], gradient, rtol=1e-8, atol=1e-15)


@pytest.mark.parametrize("k", [2, CLASSES])
@pytest.mark.parametrize(
    "loss", [sl.LovaszHinge(), sl.LovaszHinge(include_background=False)], ids=repr
)
def test_lovasz_hinge_of_classes_is_one_against_the_rest(loss, k, rng):
    y, z, w, qid = data(rng, k=k)
    classes = range(0 if loss.include_background else 1, k)
    parts = [sl.LovaszHinge().values_gradient(y == j, z[:, j], w, qid=qid) for j in classes]
    values, gradient = loss.values_gradient(y, z, w, qid=qid)
    assert_allclose(values, np.mean([part[0] for part in parts], axis=0))
    for j in range(k):
        own = parts[classes.index(j)][1] / len(classes) if j in classes else 0.0
        assert_allclose(gradient[:, j], own + np.zeros(y.size))


@pytest.mark.parametrize("smooth", [0.0, 1.0])
def test_a_parameter_called_smooth_is_no_claim(smooth):
    loss = sl.Dice(smooth=smooth)
    assert loss.is_smooth is True
    assert (loss + sl.BinaryCrossEntropy()).smooth is True
    assert sl.LovaszHinge().is_smooth is sl.Hinge().is_smooth is False
    assert (sl.catalog("overlap")["Smooth"] == [True, True, True, False, True]).all()
    model = sl.LossClassifier(loss).fit([[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1])
    assert model.solver_ == "lbfgs"


def test_the_family_is_one():
    """Tversky's index is that of Dice and of Jaccard at ½ and at 1."""
    y, p = np.array([1, 1, 0, 0, 1]), np.array([0.9, 0.2, 0.4, 0.0, 1.0])
    assert_allclose(sl.Tversky(0.5, 0.5, smooth=0.5)(y, p), sl.Dice(smooth=1.0)(y, p))
    assert_allclose(sl.Tversky(1.0, 1.0, smooth=0.7)(y, p), sl.Jaccard(smooth=0.7)(y, p))
    assert_allclose(sl.FocalTversky(0.3, 0.7, gamma=1.0)(y, p), sl.Tversky(0.3, 0.7)(y, p))
    dice = sl.Dice(smooth=0.0)(y, p)
    assert_allclose(sl.Jaccard(smooth=0.0)(y, p), 2 * dice / (1 + dice))


# ------------------------------------------------------------------ groups, weights, scales


@pytest.mark.parametrize("k", [1, CLASSES])
@pytest.mark.parametrize("loss", ALL, ids=repr)
def test_groups_in_any_order(loss, k, rng):
    y, z, w, qid = data(rng, k=k)
    names = np.array(["b", "a", "d", "c"])[qid]
    values, gradient = loss.values_gradient(y, z, w, qid=names)
    _, hessian = loss.gradient_hessian(y, z, w, qid=names)
    for place, name in enumerate(dict.fromkeys(names.tolist())):
        rows = names == name
        own = loss.values_gradient(y[rows], z[rows], w[rows])
        assert_allclose(values[place], own[0][0])
        assert_allclose(gradient[rows], own[1], atol=1e-15)
        assert_allclose(hessian[rows], loss.gradient_hessian(y[rows], z[rows], w[rows])[1])


@pytest.mark.parametrize("loss", ALL, ids=repr)
def test_a_group_without_weight_is_not_there(loss, rng):
    y, z, w, qid = data(rng)
    w[qid == 2] = 0.0
    p, there = loss.inverse_link(z), qid != 2
    assert_allclose(
        loss(y, p, sample_weight=w, qid=qid),
        loss(y[there], p[there], sample_weight=w[there], qid=qid[there]),
    )
    assert loss.values(y, z, w, qid=qid)[list(dict.fromkeys(qid)).index(2)] == 0
    with pytest.raises(ValueError, match="at least one non-zero"):
        loss(y, p, sample_weight=0 * w, qid=qid)


@pytest.mark.parametrize("loss", SMOOTH, ids=repr)
def test_certain_predictions(loss):
    """The response scale is that of p itself, 0 and 1 included."""
    y = np.array([1, 1, 0, 0, 0])
    p = np.array([1.0, 0.0, 1.0, 0.0, 0.0])
    assert_allclose(loss(y, p), of_sums(loss, 1.0, 2.0, 2.0))
    assert_allclose(loss(y, y.astype(float)), of_sums(loss, 2.0, 2.0, 2.0), atol=1e-15)


@pytest.mark.parametrize("loss", SMOOTH, ids=repr)
def test_one_column_is_a_column(loss, rng):
    y, z, w, qid = data(rng)
    for flat, column in zip(
        loss.values_gradient(y, z, w, qid=qid),
        loss.values_gradient(y, z[:, None], w, qid=qid),
        strict=True,
    ):
        assert_array_equal(flat, column.ravel())
    assert loss.gradient(y, z[:, None], qid=qid).shape == (y.size, 1)
    assert loss.inverse_link(z[:, None]).shape == (y.size, 1)


def test_soft_targets(rng):
    y, z = rng.uniform(size=20), rng.normal(size=20)
    p = 1 / (1 + np.exp(-z))
    for loss in SMOOTH:
        assert_allclose(loss.values(y, z)[0], of_sums(loss, (p * y).sum(), p.sum(), y.sum()))


@pytest.mark.parametrize("loss", [*ALL, *SUMS], ids=repr)
def test_results_go_where_they_should(loss, rng):
    k = CLASSES if "Categorical" in repr(loss) or "Multiclass" in repr(loss) else 1
    y, z, _, qid = data(rng, k=k)
    values, gradient = np.empty(4), np.empty((y.size, k))[:, ::1].squeeze()
    loss.values_gradient(y, z, qid=qid, out=(values, gradient))
    assert_array_equal(values, loss.values(y, z, qid=qid))
    assert_allclose(gradient, loss.gradient(y, z, qid=qid), rtol=1e-13, atol=1e-16)


def test_empty_masks():
    """Nothing where there is nothing is right; without smoothing anything else is all wrong."""
    nothing = np.zeros(6)
    for loss in (*SMOOTH, *(type(loss)(smooth=0.0) for loss in SMOOTH)):
        assert loss(nothing, nothing) == 0
        assert_allclose(loss.values(nothing, np.full(6, -800.0)), 0, atol=1e-12)
        assert np.isfinite(loss.gradient_hessian(nothing, np.full(6, -800.0))).all()
    assert sl.Dice(smooth=0.0)(nothing, nothing + 0.1) == 1
    assert_allclose(sl.Dice(smooth=1.0)(nothing, nothing + 0.1), 0.6 / 1.6)
    assert sl.LovaszHinge()(nothing, nothing - 1) == 0
    assert sl.LovaszHinge()(nothing, np.array([-1.0, 0.5, 2.0, -3.0, 0, 0])) == 3  # the worst row


# ------------------------------------------------------------------ hard twins


TWINS = [(sl.Dice, dice_score), (sl.Jaccard, iou_score)]


@pytest.mark.parametrize("smooth", [0.0, 1.0, 2.5])
@pytest.mark.parametrize(("cls", "score"), TWINS)
def test_loss_is_one_minus_the_score(cls, score, smooth, rng):
    y, z, w, qid = data(rng, k=CLASSES)
    qid[y == 2] = 0  # some groups lack a class
    predicted = z.argmax(axis=1)
    keys = {"qid": qid, "sample_weight": w}
    found = score(y > 0, predicted > 0, smooth=smooth, **keys)
    hard = (predicted > 0).astype(float)
    assert_allclose(cls(smooth)(y > 0, hard, **keys), 1 - found, rtol=1e-14)
    found = score(y, predicted, average="macro", smooth=smooth, **keys)
    assert_allclose(cls(smooth)(y, np.eye(CLASSES)[predicted], **keys), 1 - found, rtol=1e-14)
    each = score(y, predicted, average=None, smooth=smooth, **keys)
    assert_allclose(each.mean(), found)
    foreground = cls(smooth, include_background=False)
    assert_allclose(
        foreground(y, np.eye(CLASSES)[predicted], **keys), 1 - each[1:].mean(), rtol=1e-14
    )


@pytest.mark.parametrize("smooth", [0.0, 1.0])
@pytest.mark.parametrize(("cls", "score"), TWINS)
def test_empty_masks_are_scored_as_they_are_lost(cls, score, smooth):
    nothing = np.zeros(4, int)
    assert score(nothing, nothing, smooth=smooth) == 1 == 1 - cls(smooth)(nothing, nothing)
    found = score([0, 0, 1, 1], [0, 0, 1, 0], smooth=smooth, qid=[1, 1, 2, 2])
    assert found == (1 + score([1, 1], [1, 0], smooth=smooth)) / 2


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("average", ["macro", "micro", None])
@pytest.mark.parametrize(("ours", "theirs"), [(dice_score, f1_score), (iou_score, jaccard_score)])
def test_scores_equal_those_of_scikit_learn(ours, theirs, average, weighted, rng):
    y, z, w, _ = data(rng, k=CLASSES)
    labels = np.array(["cat", "dog", "owl"])
    weights = w if weighted else None
    args = labels[y], labels[z.argmax(axis=1)]
    expected = theirs(*args, average=average, sample_weight=weights)
    assert_allclose(ours(*args, average=average, sample_weight=weights), expected)


def test_scores_of_masks_of_any_labels_and_shapes(rng):
    mask, predicted = rng.integers(0, 2, (2, 3, 4, 5))
    expected = jaccard_score(mask.ravel(), predicted.ravel())
    for convert in (
        np.asarray,
        lambda m: m.astype(bool),
        lambda m: 255 * m,
        lambda m: np.array(["a", "b"])[m],
    ):
        assert_allclose(iou_score(convert(mask), convert(predicted)), expected)
    images = np.repeat([0, 1, 2], 20).reshape(mask.shape)
    expected = np.mean(
        [jaccard_score(a.ravel(), b.ravel()) for a, b in zip(mask, predicted, strict=True)]
    )
    assert_allclose(iou_score(mask, predicted, qid=images), expected)


BAD_SCORES = {
    "multiclass": (([0, 1, 2], [0, 1, 1]), {}, "average='binary'"),
    "average": (([0, 1], [0, 1]), {"average": "weighted"}, "'average' parameter"),
    "smooth": (([0, 1], [0, 1]), {"smooth": -1.0}, "'smooth' parameter of Jaccard"),
    "lengths": (([0, 1], [0]), {}, "inconsistent numbers of samples"),
    "shapes": (([[0, 1]], [0]), {}, "must have the same shape"),
    "nothing": (([], []), {}, "0 sample"),
    "nan": (([0, nan], [0, 1]), {}, "y_true contains NaN"),
    "no weight": (([0, 1], [0, 1]), {"sample_weight": [0, 0]}, "at least one non-zero"),
    "negative weight": (([0, 1], [0, 1]), {"sample_weight": [-1, 2]}, "Negative values"),
    "groups": (([0, 1], [0, 1]), {"qid": [1]}, "inconsistent numbers of samples"),
}


@pytest.mark.parametrize("case", BAD_SCORES)
def test_bad_input_of_scores(case):
    args, keys, message = BAD_SCORES[case]
    with pytest.raises(ValueError, match=message):
        iou_score(*args, **keys)


# ------------------------------------------------------------------ sums


@pytest.mark.parametrize("loss", SUMS, ids=repr)
def test_sums_are_certified(loss):
    report = sl.certify(loss)
    assert report.passed, repr(report)


@pytest.mark.parametrize("k", [1, 2, CLASSES])
def test_rows_are_averaged_within_groups(k, rng):
    y, z, w, qid = data(rng, k=k)
    loss = 2.0 * sl.Dice() + 0.5 * sl.BinaryCrossEntropy()
    rows = sl.BinaryCrossEntropy() if k == 1 else sl.CategoricalCrossEntropy()
    entropies, slopes = rows.values_gradient(y, z, w)
    expected = 2.0 * sl.Dice().values(y, z, w, qid=qid)
    gradient = 2.0 * sl.Dice().gradient(y, z, w, qid=qid)
    for place, group in enumerate(dict.fromkeys(qid.tolist())):
        own = qid == group
        expected[place] += 0.5 * entropies[own].sum() / w[own].sum()
        gradient[own] += 0.5 * slopes[own] / w[own].sum()
    assert_allclose(loss.values(y, z, w, qid=qid), expected)
    assert_allclose(loss.gradient(y, z, w, qid=qid), gradient, atol=1e-15)
    assert_allclose(loss(y, loss.inverse_link(z), sample_weight=w, qid=qid), expected.mean())


def test_sum_with_a_ranking_loss(rng):
    y, z, _, qid = data(rng)
    weights = 1.0 + qid  # of queries
    loss = sl.ListNet() + 0.5 * sl.SquaredError()
    squares = [
        weights[qid == q][0] * ((y - z)[qid == q] ** 2).mean() for q in dict.fromkeys(qid.tolist())
    ]
    expected = sl.ListNet().values(y, z, weights, qid=qid) + 0.5 * np.array(squares)
    assert_allclose(loss.values(y, z, weights, qid=qid), expected)
    total = sum(weights[qid == q][0] for q in range(4))
    assert_allclose(loss(y, z, sample_weight=weights, qid=qid), expected.sum() / total)


def test_nested_parameters_of_sums():
    loss = sl.Dice() + sl.Focal(gamma=1.0)
    loss.set_params(term1__gamma=3.0, term0__smooth=0.5, weight1=2.0)
    assert loss == sl.Dice(smooth=0.5) + 2.0 * sl.Focal(gamma=3.0)
    assert (0.5 * loss).get_params()["weight1"] == 1.0
    y, p = np.array([0, 1, 1]), np.array([0.2, 0.9, 0.4])
    loss.set_params(weight0=0.0)  # not there: the mean of the rows, in each group
    assert_allclose(loss(y, p), 2.0 * sl.Focal(gamma=3.0)(y, p))


REFUSED = [
    (sl.Dice() + sl.LovaszHinge(), "different scales"),
    (sl.Dice() + sl.Hinge(), "different scales"),
    (sl.Dice() + sl.LambdaRank(), "Dice is one of 'overlap', LambdaRank of 'ranking'"),
    (sl.Dice() + sl.SquaredError(), "Dice is one of 'overlap', SquaredError of 'regression'"),
    (sl.LambdaRank() + sl.BinaryCrossEntropy(), "different scales"),
]


@pytest.mark.parametrize(("loss", "message"), REFUSED, ids=repr)
def test_what_cannot_be_added(loss, message):
    with pytest.raises(ValueError, match=message):
        loss([0, 1], [0.2, 0.9])


def test_a_term_without_a_form_of_several_classes():
    with pytest.raises(ValueError, match="Focal has no form of several classes"):
        (sl.Dice() + sl.Focal()).values([0, 1, 2], np.zeros((3, 3)))


# ------------------------------------------------------------------ your own


class Volume(sl.OverlapLoss):
    """How far the predicted size is off, relative: two methods, no second derivatives."""

    floor: Annotated[float, sl.Interval(0, inf)] = 1.0

    def value(self, i, p, t):
        return ((p - t) / (t + self.floor)) ** 2

    def slopes(self, i, p, t):
        return 0.0, 2.0 * (p - t) / (t + self.floor) ** 2


class VolumeInPython(Volume):
    jit: ClassVar = False


@pytest.mark.parametrize("cls", [Volume, VolumeInPython])
def test_users_loss(cls, rng):
    loss = cls(floor=2.0)
    report = sl.certify(loss)
    assert report.passed, repr(report)
    y, z, _, _ = data(rng)
    p = 1 / (1 + np.exp(-z))
    assert_allclose(loss(y, p), ((p.sum() - y.sum()) / (y.sum() + 2.0)) ** 2)
    assert cls not in sl.all_losses()
    X = np.column_stack((z, rng.normal(size=y.size)))
    assert sl.LossClassifier(loss).fit(X, y).loss_ < 1e-3


class WrongSlopes(Volume):
    def slopes(self, i, p, t):
        return 0.0, 2.1 * (p - t) / (t + self.floor) ** 2


class ForgetsWeights(sl.Dice):
    def values(self, y_true, raw_prediction, sample_weight=None, *, qid=None, out=None):
        return super().values(y_true, raw_prediction, qid=qid, out=out)


@pytest.mark.parametrize(
    ("loss", "check"),
    [
        (WrongSlopes(), "gradient is the derivative of the value"),
        (ForgetsWeights(), "response scale agrees with raw scale"),
    ],
    ids=repr,
)
def test_faults_are_found(loss, check):
    assert check in {found.name for found in sl.certify(loss).checks if not found.passed}


# ------------------------------------------------------------------ input


BAD = {
    "nan": (([0, 1], [nan, 0.0]), {}, "raw_prediction contains NaN"),
    "infinity": (([0, 1], [inf, 0.0]), {}, "raw_prediction contains infinity"),
    "nan target": (([nan, 1], [1.0, 0.0]), {}, "y_true contains NaN"),
    "target": (([0, 2], [1.0, 0.0]), {}, r"y_true being a.* in the range \[0, 1\]"),
    "label": (([0, 3], np.zeros((2, 3))), {}, "integers from 0 to 2"),
    "half a label": (([0, 0.5], np.zeros((2, 3))), {}, "integers from 0 to 2"),
    "one-hot": ((np.eye(2), np.zeros((2, 2))), {}, r"y_true of shape \(n_samples,\), with qid"),
    "cube": (([0, 1], np.zeros((2, 2, 2))), {}, r"of shape \(n_samples,\) or \(n_samples, k\)"),
    "lengths": (([0, 1], [0.0]), {}, "inconsistent numbers of samples"),
    "groups": (([0, 1], [0.0, 1.0]), {"qid": [1]}, "inconsistent numbers of samples"),
    "weights": (([0, 1], [0.0, 1.0]), {"sample_weight": [1, -1]}, "Negative values"),
    "nan weight": (([0, 1], [0.0, 1.0]), {"sample_weight": [1, nan]}, "sample_weight contains NaN"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize(
    "loss", [sl.Dice(), sl.LovaszHinge(), sl.Dice() + sl.BinaryCrossEntropy()], ids=repr
)
def test_bad_input(loss, case):
    args, keys, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        loss.values_gradient(*args, **keys)


def test_bad_probabilities():
    for p in ([0.1, 1.1], [-0.1, 0.5]):
        with pytest.raises(ValueError, match=r"y_pred being a float in the range \[0, 1\]"):
            sl.Dice()([0, 1], p)
    with pytest.raises(ValueError, match="y_pred contains NaN"):
        sl.Dice()([0, 1], [nan, 0.5])


@pytest.mark.parametrize(
    "loss",
    [
        sl.Dice(smooth=-1.0),
        sl.Tversky(alpha=-0.1),
        sl.FocalTversky(gamma=inf),
        sl.Dice(include_background=1),
    ],
    ids=repr,
)
def test_bad_parameters_raise_at_use(loss):
    with pytest.raises(ValueError, match="parameter of"):
        loss([0, 1], [0.2, 0.8])


def test_names():
    assert sl.get_loss("iou", smooth=0.5) == sl.Jaccard(smooth=0.5)
    assert sl.get_loss("dice") == sl.Dice() == sl.get_loss("f1")
    assert sl.get_loss("lovasz_hinge") == sl.LovaszHinge()
    assert [cls.__name__ for cls in sl.all_losses("overlap")] == [
        "Dice",
        "FocalTversky",
        "Jaccard",
        "LovaszHinge",
        "Tversky",
    ]
    table = sl.catalog("overlap", lang="zh")
    assert set(table["任务"]) == {"重叠"}
    assert table.notna().all(axis=None)


@pytest.mark.parametrize("k", [1, CLASSES])
@pytest.mark.parametrize("loss", [*SMOOTH[:8], sl.LovaszHinge()], ids=repr)
def test_best_constant(loss, k, rng):
    y, _, w, qid = data(rng, k=k)
    best = loss.init_raw(y, w, k, qid=qid)
    assert np.isfinite(best).all()
    assert np.shape(best) == (() if k == 1 else (k,))

    def mean(raw):
        return loss.values(y, np.broadcast_to(raw, (y.size, k)).squeeze(), w, qid=qid).mean()

    others = rng.normal(size=(200, k)) * 3.0
    assert mean(best) <= min(mean(raw) for raw in others) + 1e-9
