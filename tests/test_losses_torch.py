"""Values, gradients and Hessians against PyTorch's automatic differentiation, in float64."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import sklosses as sl

torch = pytest.importorskip("torch", reason="PyTorch is the oracle here: make oracle")
F = torch.nn.functional

N = 200
CLOSE = {"rtol": 1e-10, "atol": 1e-12}


def _power(p):
    def deviance(y, z):
        constant = torch.clamp(y, min=0) ** (2 - p) / ((1 - p) * (2 - p))
        return 2 * (
            constant - y * torch.exp((1 - p) * z) / (1 - p) + torch.exp((2 - p) * z) / (2 - p)
        )

    return deviance


def _entropy(y, z):
    return F.binary_cross_entropy_with_logits(z, y, reduction="none")


def _poisson(y, z):
    return 2 * (F.poisson_nll_loss(z, y, reduction="none") + torch.special.xlogy(y, y) - y)


def _focal(gamma, alpha=None):
    def focal(y, z):
        p = torch.sigmoid(z)
        p_t = p * y + (1 - p) * (1 - y)
        factor = 1 if alpha is None else alpha * y + (1 - alpha) * (1 - y)
        return (
            factor * (1 - p_t) ** gamma * F.binary_cross_entropy_with_logits(z, y, reduction="none")
        )

    return focal


def _margin(function):
    return lambda y, z: function((2 * y - 1) * z)


def _modified_huber(m):
    return torch.where(m >= -1, torch.relu(1 - m) ** 2, -4 * m)


def _tukey(c):
    return lambda y, z: c**2 / 6 * (1 - (1 - torch.clamp(((y - z) / c) ** 2, max=1)) ** 3)


# raw scores, targets: none of the samples lies on a kink
FORMULAS = [
    (sl.SquaredError(), lambda y, z: F.mse_loss(z, y, reduction="none")),
    (sl.AbsoluteError(), lambda y, z: F.l1_loss(z, y, reduction="none")),
    (sl.Huber(0.7), lambda y, z: F.huber_loss(z, y, delta=0.7, reduction="none")),
    (sl.Huber(2.0), lambda y, z: F.huber_loss(z, y, delta=2.0, reduction="none")),
    (sl.PseudoHuber(0.7), lambda y, z: 0.7**2 * (torch.sqrt(1 + ((y - z) / 0.7) ** 2) - 1)),
    (sl.LogCosh(), lambda y, z: torch.log(torch.cosh(y - z))),
    (sl.Pinball(0.2), lambda y, z: torch.maximum(0.2 * (y - z), -0.8 * (y - z))),
    (sl.Expectile(0.2), lambda y, z: torch.abs(0.2 - (y < z).double()) * (y - z) ** 2),
    (sl.EpsilonInsensitive(0.3), lambda y, z: torch.relu(torch.abs(y - z) - 0.3)),
    (sl.SquaredEpsilonInsensitive(0.3), lambda y, z: torch.relu(torch.abs(y - z) - 0.3) ** 2),
    (sl.Cauchy(0.7), lambda y, z: 0.7**2 / 2 * torch.log1p(((y - z) / 0.7) ** 2)),
    (sl.Tukey(2.0), _tukey(2.0)),
    (sl.SquaredLogError(), lambda y, z: (torch.log1p(y) - torch.log1p(z)) ** 2),
    (sl.AbsolutePercentageError(), lambda y, z: torch.abs(y - z) / torch.abs(y)),
    (sl.PoissonDeviance(), _poisson),
    (sl.GammaDeviance(), lambda y, z: 2 * (z - torch.log(y) + y * torch.exp(-z) - 1)),
    (sl.TweedieDeviance(-1.0), _power(-1.0)),
    (sl.TweedieDeviance(0), lambda y, z: (y - torch.exp(z)) ** 2),
    (sl.TweedieDeviance(1.3), _power(1.3)),
    (sl.TweedieDeviance(1.5), _power(1.5)),
    (sl.TweedieDeviance(3.0), _power(3.0)),
    (sl.BinaryCrossEntropy(), _entropy),
    (sl.BinaryCrossEntropy(0.2), lambda y, z: _entropy(0.8 * y + 0.1, z)),
    (sl.Focal(), _focal(2.0)),
    (sl.Focal(0.5, 0.25), _focal(0.5, 0.25)),
    (sl.Focal(3.0, 1.0), _focal(3.0, 1.0)),
    (sl.Brier(), lambda y, z: (torch.sigmoid(z) - y) ** 2),
    (sl.Hinge(), _margin(lambda m: torch.relu(1 - m))),
    (sl.SquaredHinge(), _margin(lambda m: torch.relu(1 - m) ** 2)),
    (sl.ModifiedHuber(), _margin(_modified_huber)),
    (sl.Exponential(), _margin(lambda m: torch.exp(-m))),
]


def _cross_entropy(smoothing=0.0):
    return lambda t, z: F.cross_entropy(z, t, label_smoothing=smoothing, reduction="none")


def _categorical_focal(gamma):
    def focal(t, z):
        lp = F.log_softmax(z, dim=1)
        return -(t * (1 - lp.exp()) ** gamma * lp).sum(1)

    return focal


def _kl(t, z):
    return F.kl_div(F.log_softmax(z, dim=1), t, reduction="none").sum(1)


def _jensen_shannon(t, z):
    p = F.softmax(z, dim=1)
    m = torch.log((t + p) / 2)
    return (F.kl_div(m, t, reduction="none") + F.kl_div(m, p, reduction="none")).sum(1) / 2


def _crammer_singer(margin):
    def hinge(y, z):
        own = z.gather(1, y[:, None])
        wrong = z + margin * (1 - F.one_hot(y, z.shape[1]).double())
        return (wrong - own).max(1).values

    return hinge


def _quantiles(levels, monotone):
    def pinball(y, z):
        q = torch.cumsum(torch.cat([z[:, :1], F.softplus(z[:, 1:])], 1), 1) if monotone else z
        r, tau = y[:, None] - q, torch.tensor(levels, dtype=z.dtype)
        return torch.maximum(tau * r, (tau - 1) * r).mean(1)

    return pinball


def _normal(y, z):
    return F.gaussian_nll_loss(z[:, 0], y, z[:, 1].exp(), eps=0, reduction="none")


ROWWISE = [
    (sl.CategoricalCrossEntropy(), _cross_entropy()),
    (sl.CategoricalCrossEntropy(0.2), _cross_entropy(0.2)),
    (sl.CategoricalFocal(), _categorical_focal(2.0)),
    (sl.CategoricalFocal(0.5), _categorical_focal(0.5)),
    (sl.KLDivergence(), _kl),
    (sl.JensenShannon(), _jensen_shannon),
    (sl.CategoricalBrier(), lambda t, z: ((F.softmax(z, dim=1) - t) ** 2).sum(1)),
    (sl.MulticlassHinge(), _crammer_singer(1.0)),
    (sl.MulticlassHinge(0.3), _crammer_singer(0.3)),
    (sl.MultiQuantile((0.1, 0.3, 0.8)), _quantiles((0.1, 0.3, 0.8), True)),
    (sl.MultiQuantile((0.1, 0.3), crossing="free"), _quantiles((0.1, 0.3), False)),
    (sl.GaussianNLL(), _normal),
]


IDS = [repr(loss) for loss, _ in FORMULAS]


def test_every_loss_is_compared():
    compared = {type(loss) for loss, _ in FORMULAS} | {type(loss) for loss, _ in ROWWISE}
    others = set(sl.all_losses("ranking"))  # in tests/test_ranking_losses.py
    others |= set(sl.all_losses("sequence"))  # in tests/test_ctc.py
    others |= set(sl.all_losses("embedding"))  # in tests/test_embedding_losses.py
    others |= set(sl.all_losses("generative"))  # in tests/test_generative_losses.py
    others |= set(sl.all_losses("overlap"))  # in tests/test_overlap.py
    others |= {sl.Perceptual, sl.Style}  # in tests/test_perceptual.py
    assert compared == set(sl.all_losses()) - others


def draw(loss, rng):
    target = loss.target
    if target.low == -np.inf:
        return 2 * rng.normal(size=N)
    if target.high == np.inf:
        y = target.low + rng.gamma(2.0, 1.0, N)
        y[:5] = 0.0 if 0.0 in target else y[:5]
        return y
    y = rng.uniform(size=N)
    return np.round(y) if target.integer else y


@pytest.mark.parametrize(
    ("loss", "formula"), FORMULAS, ids=lambda x: repr(x) if isinstance(x, sl.Loss) else ""
)
@pytest.mark.parametrize("weighted", [False, True])
def test_autograd(loss, formula, weighted, rng):
    y = draw(loss, rng)
    z = (
        np.abs(rng.normal(size=N))
        if isinstance(loss, sl.SquaredLogError)
        else 2 * rng.normal(size=N)
    )
    w = rng.uniform(0, 2, N) if weighted else np.ones(N)
    raw = torch.tensor(z, dtype=torch.float64, requires_grad=True)
    values = torch.tensor(w) * formula(torch.tensor(y, dtype=torch.float64), raw)
    (gradient,) = torch.autograd.grad(values.sum(), raw, create_graph=True)
    hessian = np.zeros(N)
    if gradient.requires_grad:
        (found,) = torch.autograd.grad(gradient.sum(), raw, allow_unused=True)
        hessian = hessian if found is None else found.numpy(force=True)
    weight = w if weighted else None
    assert_allclose(loss.values(y, z, weight), values.detach().numpy(), **CLOSE)
    assert_allclose(loss.gradient(y, z, weight), gradient.detach().numpy(), **CLOSE)
    ours = loss.gradient_hessian(y, z, weight)
    assert_allclose(ours[0], gradient.detach().numpy(), **CLOSE)
    assert_allclose(ours[1], hessian, **CLOSE)


@pytest.mark.parametrize(
    ("loss", "formula"), FORMULAS, ids=lambda x: repr(x) if isinstance(x, sl.Loss) else ""
)
def test_float32(loss, formula, rng):
    y = draw(loss, rng).astype(np.float32)
    z = np.abs(rng.normal(size=N)).astype(np.float32)
    raw = torch.tensor(z, dtype=torch.float64, requires_grad=True)
    values = formula(torch.tensor(y, dtype=torch.float64), raw)
    (gradient,) = torch.autograd.grad(values.sum(), raw)
    ours = loss.values_gradient(y, z)
    room = 1e-5 * (1 + np.abs(values.detach().numpy()) + np.abs(gradient.numpy()) * (1 + np.abs(y)))
    assert (np.abs(ours[0] - values.detach().numpy()) <= room).all()
    hessian = np.abs(loss.gradient_hessian(y.astype(float), z.astype(float))[1])
    room += 1e-5 * hessian * (1 + np.abs(y))
    assert (np.abs(ours[1] - gradient.numpy()) <= room).all()


# ------------------------------------------------------------------ row-wise losses


def draw_rows(loss, rng):
    """Return targets for us, the same for a formula, and raw predictions."""
    k = loss.n_raw or 5
    z = 2 * rng.normal(size=(N, k))
    if loss.task != "multiclass":
        y = rng.normal(size=N)
        return y, torch.tensor(y), z
    if not loss.soft_labels:
        y = rng.integers(0, k, N)
        return y, torch.tensor(y), z
    y = rng.dirichlet(np.ones(k), N)
    y[: N // 2] = np.eye(k)[rng.integers(0, k, N // 2)]
    return y, torch.tensor(y), z


@pytest.mark.parametrize(
    ("loss", "formula"), ROWWISE, ids=lambda x: repr(x) if isinstance(x, sl.Loss) else ""
)
@pytest.mark.parametrize("weighted", [False, True])
def test_autograd_of_rows(loss, formula, weighted, rng):
    y, target, z = draw_rows(loss, rng)
    w = rng.uniform(0, 2, N) if weighted else np.ones(N)
    raw = torch.tensor(z, requires_grad=True)
    values = torch.tensor(w) * formula(target, raw)
    (gradient,) = torch.autograd.grad(values.sum(), raw, create_graph=True)
    hessian = np.zeros_like(z)
    if gradient.requires_grad:
        for j in range(z.shape[1]):
            (row,) = torch.autograd.grad(
                gradient[:, j].sum(), raw, retain_graph=True, allow_unused=True
            )
            hessian[:, j] = 0 if row is None else row[:, j].numpy(force=True)
    weight = w if weighted else None
    assert_allclose(loss.values(y, z, weight), values.detach().numpy(), **CLOSE)
    ours = loss.gradient_hessian(y, z, weight)
    assert_allclose(ours[0], gradient.detach().numpy(), **CLOSE)
    assert_allclose(ours[1], hessian, **CLOSE)


def test_cross_entropy_of_labels(rng):
    """Labels, as both take them, smoothed by both."""
    y, z = rng.integers(0, 5, N), rng.normal(size=(N, 5))
    for smoothing in (0.0, 0.1):
        raw = torch.tensor(z, requires_grad=True)
        values = _cross_entropy(smoothing)(torch.tensor(y), raw)
        (gradient,) = torch.autograd.grad(values.sum(), raw)
        ours = sl.CategoricalCrossEntropy(smoothing).values_gradient(y, z)
        assert_allclose(ours[0], values.detach().numpy(), **CLOSE)
        assert_allclose(ours[1], gradient.numpy(), **CLOSE)
