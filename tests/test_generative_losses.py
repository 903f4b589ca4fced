"""Losses of generative models: reference values, PyTorch, Monte Carlo, input, the certificate."""

import json
import pickle
from math import log
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

import sklosses as sl
from sklosses._bases.adversarial import AdversarialLoss
from sklosses.network import ACTIVATIONS, Network

CASES = json.loads((Path(__file__).parent / "data" / "generative_cases.json").read_text())["cases"]
BY_NAME = {case["name"]: case for case in CASES}
ADVERSARIAL = [cls for cls in sl.all_losses("generative") if issubclass(cls, AdversarialLoss)]
CLOSE = {"rtol": 1e-10, "atol": 1e-12}


def columns(rng, n=40, d=5, k=3):
    """Data in [0, 1], raw outputs, means and log-variances."""
    x, raw = rng.random((n, d)), rng.normal(size=(n, d))
    return x, (raw, rng.normal(size=(n, k)), rng.normal(size=(n, k)))


# ------------------------------------------------------------------ divergence and lower bound


def test_reference_of_the_divergence():
    case = BY_NAME["gaussian_kl_standard"]
    z = case["inputs"]["mu"], case["inputs"]["logvar"]
    loss, expected = sl.GaussianKL(), case["expected"]
    assert_allclose(loss.values(None, z), expected["value"], **case["tol"])
    mean, log_var = loss.gradient(None, z)
    assert_allclose(mean, expected["grad"]["mu"], **case["tol"])
    assert_allclose(log_var, expected["grad"]["logvar"], **case["tol"])


@pytest.mark.parametrize("with_prior", [False, True])
def test_divergence_is_what_monte_carlo_finds(with_prior, rng):
    z = np.array([[0.5, -1.0]]), np.array([[0.3, -0.8]])
    prior = (np.array([[0.2, 0.1]]), np.array([[-0.4, 0.6]])) if with_prior else None

    def log_density(x, mean, log_var):
        return -0.5 * ((x - mean) ** 2 / np.exp(log_var) + log_var + log(2 * np.pi)).sum(axis=1)

    x = z[0] + np.exp(0.5 * z[1]) * rng.normal(size=(200_000, 2))
    terms = log_density(x, *z) - log_density(x, *(prior or (0.0, np.zeros((1, 2)))))
    error = terms.std() / np.sqrt(len(terms))
    assert error < 0.003
    assert_allclose(sl.GaussianKL().values(prior, z)[0], terms.mean(), atol=4 * error)


def test_a_standard_prior_is_none(rng):
    z = rng.normal(size=(2, 6, 3))
    zeros = np.zeros((6, 3))
    loss = sl.GaussianKL()
    for prior in ((zeros, zeros), np.zeros((6, 6)), (0.0, 0.0)):
        assert_allclose(loss.values(prior, tuple(z)), loss.values(None, tuple(z)), rtol=1e-14)
    assert_allclose(loss.values(tuple(z), tuple(z)), 0, atol=1e-14)


def test_divergence_of_pytorch(rng):
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle here: make oracle")
    Normal = torch.distributions.Normal
    arrays = [torch.tensor(array) for array in rng.normal(size=(4, 7, 3))]
    mean, log_var = arrays[0].requires_grad_(), arrays[1].requires_grad_()
    prior = arrays[2:]
    posterior = Normal(mean, torch.exp(0.5 * log_var))
    kl = torch.distributions.kl_divergence(posterior, Normal(prior[0], torch.exp(0.5 * prior[1])))
    kl.sum().backward()
    z = mean.detach().numpy(), log_var.detach().numpy()
    given = tuple(array.numpy() for array in prior)
    loss = sl.GaussianKL()
    assert_allclose(loss.values(given, z), kl.sum(axis=1).detach().numpy(), **CLOSE)
    for ours, theirs in zip(loss.gradient(given, z), (mean, log_var), strict=True):
        assert_allclose(ours, theirs.grad.numpy(), **CLOSE)


RECONSTRUCTIONS = {
    "binary_cross_entropy": lambda torch, x, raw: (
        torch.nn.functional.binary_cross_entropy_with_logits(raw, x, reduction="none")
    ),
    "squared_error": lambda torch, x, raw: (x - raw) ** 2,
    "log_cosh": lambda torch, x, raw: torch.log(torch.cosh(x - raw)),
    "poisson_deviance": lambda torch, x, raw: (
        2 * (torch.exp(raw) - x * raw + torch.special.xlogy(x, x) - x)
    ),
}


@pytest.mark.parametrize("name", RECONSTRUCTIONS)
@pytest.mark.parametrize("beta", [1.0, 0.3])
def test_lower_bound_of_pytorch(name, beta, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle here: make oracle")
    x, z = columns(rng)
    w = rng.integers(0, 4, len(x)).astype(float)
    loss = sl.ELBO(name, beta=beta)
    raw, mean, log_var = tensors = [torch.tensor(array).requires_grad_() for array in z]
    kl = 0.5 * (mean**2 + torch.exp(log_var) - 1 - log_var).sum(axis=1)
    values = RECONSTRUCTIONS[name](torch, torch.tensor(x), raw).sum(axis=1) + beta * kl
    (torch.tensor(w) * values).sum().backward()
    assert_allclose(loss.values(x, z, w), w * values.detach().numpy(), **CLOSE)
    filled, gradient = loss.values_gradient(x, z, w)
    assert_array_equal(filled, loss.values(x, z, w))
    for ours, theirs in zip(gradient, tensors, strict=True):
        assert_allclose(ours, theirs.grad.numpy(), **CLOSE)
    # what a solver asks for
    rows, out = np.hstack(z), np.empty((len(x), 11))
    total = loss.objective(x, rows, w, out)
    assert_allclose(total, loss.values(x, z, w).sum(), rtol=1e-12)
    assert_allclose(out, np.hstack(gradient), rtol=1e-12, atol=1e-15)


def test_columns_side_by_side_are_the_tuple(rng):
    x, z = columns(rng)
    for loss, y in ((sl.ELBO(), x), (sl.GaussianKL(), None)):
        parts = z[3 - len(loss.parts) :]
        assert_array_equal(loss.values(y, np.hstack(parts)), loss.values(y, parts))
        assert_array_equal(loss.gradient(y, np.hstack(parts)), np.hstack(loss.gradient(y, parts)))


def test_metric_of_the_lower_bound(rng):
    x, z = columns(rng, d=4)  # as many columns as classes could have
    w = rng.random(len(x))
    loss = sl.ELBO(beta=2.0)
    reconstructed, *codes = loss.inverse_link(z)
    assert_allclose(reconstructed, 1 / (1 + np.exp(-z[0])), rtol=1e-12)
    expected = np.average(loss.values(x, z), weights=w)
    assert_allclose(loss(x, (reconstructed, *codes), sample_weight=w), expected, rtol=1e-9)
    assert_allclose(loss(x, (reconstructed, *codes)), loss.values(x, z).mean(), rtol=1e-9)


def test_parameters_of_a_reconstruction():
    loss = sl.ELBO(sl.Huber(delta=2.0))
    copy = clone(loss).set_params(reconstruction__delta=3.0, beta=0.5)
    assert copy == sl.ELBO(sl.Huber(3.0), beta=0.5)
    assert loss == sl.ELBO(sl.Huber(2.0))
    assert pickle.loads(pickle.dumps(loss)) == loss
    assert sl.get_loss("elbo", beta=0.5) == sl.ELBO(beta=0.5)
    by_name, by_object = sl.ELBO("huber"), sl.ELBO(sl.Huber())
    assert by_name == by_object
    assert hash(by_name) == hash(by_object)
    assert by_name != sl.ELBO(sl.Huber(2.0))
    weighted = sl.ELBO(0.5 * sl.SquaredError())
    assert_allclose(weighted.values([[2.0]], ([[0.0]], [[0.0]], [[0.0]])), 0.5 * 2**2)


@pytest.mark.parametrize(
    ("loss", "y", "z", "message"),
    [
        (sl.ELBO(beta=-1.0), [[0.5]], ([[0.0]], [[0.0]], [[0.0]]), "'beta' parameter of ELBO"),
        (sl.ELBO("list_net"), [[0.5]], ([[0.0]], [[0.0]], [[0.0]]), "pointwise loss"),
        (sl.ELBO(sl.Huber(-1.0)), [[0.5]], ([[0.0]], [[0.0]], [[0.0]]), "'delta' parameter"),
        (sl.ELBO(), [[1.5]], ([[0.0]], [[0.0]], [[0.0]]), "can only be used on y_true"),
        (sl.ELBO(), [[0.5]], ([[0.0]], [[np.nan]], [[0.0]]), "NaN"),
        (sl.ELBO(), [[0.5]], ([[0.0]], [[0.0], [1.0]], [[0.0]]), "inconsistent numbers"),
        (sl.ELBO(), [[0.5, 0.5]], ([[0.0]], [[0.0]], [[0.0]]), "same shape"),
    ],
)
def test_bad_input_of_the_lower_bound(loss, y, z, message):
    with pytest.raises((ValueError, TypeError), match=message):
        loss.values(y, z)


def test_weights_of_the_lower_bound(rng):
    x, z = columns(rng)
    for w, message in ((-np.ones(40), "Negative"), (np.full(40, np.nan), "NaN")):
        with pytest.raises(ValueError, match=message):
            sl.ELBO().values(x, z, w)
    with pytest.raises(ValueError, match="at least one non-zero"):
        sl.ELBO()(x, sl.ELBO().inverse_link(z), sample_weight=np.zeros(40))


def test_losses_that_are_no_terms():
    for sum_ in (sl.ELBO() + sl.GaussianKL(), sl.Wasserstein() + sl.HingeGAN()):
        with pytest.raises(ValueError, match="cannot be a term"):
            sum_._validate_params()


# ------------------------------------------------------------------ critic and generator


def test_reference_of_the_discriminator():
    case = BY_NAME["gan_discriminator"]
    real, fake = case["inputs"]["real_logits"], case["inputs"]["fake_logits"]
    for loss in (sl.Minimax(), sl.NonSaturating()):
        value, grad_real, grad_fake = loss.discriminator(real, fake)
        assert_allclose(value, case["expected"]["value"], **case["tol"])
        assert_allclose(grad_real, case["expected"]["grad"]["real_logits"], **case["tol"])
        assert_allclose(grad_fake, case["expected"]["grad"]["fake_logits"], **case["tol"])


def _formulas(torch):
    sigmoid = torch.nn.functional.logsigmoid
    relu = torch.relu
    return {
        sl.Minimax: (
            lambda r, f: -sigmoid(r).mean() - sigmoid(-f).mean(),
            lambda f: sigmoid(-f).mean(),
        ),
        sl.NonSaturating: (
            lambda r, f: -sigmoid(r).mean() - sigmoid(-f).mean(),
            lambda f: -sigmoid(f).mean(),
        ),
        sl.LeastSquaresGAN: (
            lambda r, f: 0.5 * ((r - 1) ** 2).mean() + 0.5 * (f**2).mean(),
            lambda f: 0.5 * ((f - 1) ** 2).mean(),
        ),
        sl.HingeGAN: (
            lambda r, f: relu(1 - r).mean() + relu(1 + f).mean(),
            lambda f: -f.mean(),
        ),
        sl.Wasserstein: (lambda r, f: f.mean() - r.mean(), lambda f: -f.mean()),
    }


@pytest.mark.parametrize("cls", ADVERSARIAL, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("shape", [(7,), (7, 1)])
def test_adversarial_losses_of_pytorch(cls, shape, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle here: make oracle")
    r, f = (torch.tensor(2 * rng.normal(size=s)).requires_grad_() for s in (shape, (9, *shape[1:])))
    of_critic, of_generator = _formulas(torch)[cls]
    expected = of_critic(r, f)
    expected.backward()
    value, grad_real, grad_fake = cls().discriminator(r.detach().numpy(), f.detach().numpy())
    assert_allclose(value, expected.item(), **CLOSE)
    assert_allclose(grad_real, r.grad.numpy(), **CLOSE)
    assert_allclose(grad_fake, f.grad.numpy(), **CLOSE)
    f.grad = None
    expected = of_generator(f)
    expected.backward()
    value, grad = cls().generator(f.detach().numpy())
    assert isinstance(value, float)
    assert_allclose(value, expected.item(), **CLOSE)
    assert_allclose(grad, f.grad.numpy(), **CLOSE)


@pytest.mark.parametrize("cls", ADVERSARIAL, ids=lambda cls: cls.__name__)
def test_bad_outputs_of_a_critic(cls):
    for call in (lambda: cls().discriminator([1.0], [np.nan]), lambda: cls().generator([np.inf])):
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            call()
    with pytest.raises(ValueError, match=r"0 sample"):
        cls().generator([])


@pytest.mark.parametrize(
    ("params", "name"),
    [({"gradient_penalty": -1.0}, "gradient_penalty"), ({"clip": 0.0}, "clip")],
)
def test_bad_parameters_raise_at_use(params, name):
    loss = sl.Wasserstein(**params)
    with pytest.raises(ValueError, match=f"'{name}' parameter of Wasserstein"):
        loss.generator([0.0])


@pytest.mark.parametrize("hidden", [(), (6,), (6, 5), (4, 5, 3)])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_second_order_gradient_of_pytorch(activation, hidden, rng):
    """The gradient of a penalty on the critic's slopes, in the critic's parameters."""
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle here: make oracle")
    loss = sl.Wasserstein(gradient_penalty=3.0)
    network = Network((4, *hidden, 1), activation)
    network.theta[:] = rng.normal(size=network.theta.size)
    X = rng.normal(size=(8, 4))
    layers = network.forward(X)
    slopes, deltas = network.input_gradients(layers, np.ones((8, 1)))
    value, direction = loss.penalty(slopes)
    gradient = np.zeros_like(network.theta)
    network.add_second_order(X, layers, deltas, direction, gradient)

    functions = {
        "identity": lambda x: x, "logistic": torch.sigmoid, "relu": torch.relu,
        "softplus": torch.nn.functional.softplus, "tanh": torch.tanh,
    }  # fmt: skip
    pairs = [
        (torch.tensor(coef).requires_grad_(), torch.tensor(intercept).requires_grad_())
        for coef, intercept in zip(network.coefs, network.intercepts, strict=True)
    ]
    x = h = torch.tensor(X).requires_grad_()
    for i, (coef, intercept) in enumerate(pairs):
        h = h @ coef + intercept
        h = functions[activation](h) if i < len(pairs) - 1 else h
    (theirs,) = torch.autograd.grad(h.sum(), x, create_graph=True)
    expected = 3.0 * ((theirs.norm(dim=1) - 1) ** 2).mean()
    flat = [array for pair in pairs for array in pair]
    derivatives = torch.autograd.grad(expected, flat, allow_unused=True)
    derivatives = [
        np.zeros(array.shape) if d is None else d.numpy()
        for array, d in zip(flat, derivatives, strict=True)
    ]
    assert_allclose(slopes, theirs.detach().numpy(), **CLOSE)
    assert_allclose(value, expected.item(), rtol=1e-10)
    assert_allclose(gradient, np.concatenate([d.ravel() for d in derivatives]), **CLOSE)


@pytest.mark.parametrize("activation", ["tanh", "softplus", "logistic"])
def test_second_order_gradient_by_differences(activation, rng):
    network = Network((3, 5, 4, 2), activation)
    network.theta[:] = rng.normal(size=network.theta.size)
    X, direction, delta = (rng.normal(size=(6, n)) for n in (3, 3, 2))

    def total(theta):
        copy = network.copy(theta)
        return float((copy.input_gradients(copy.forward(X), delta)[0] * direction).sum())

    layers = network.forward(X)
    start = rng.normal(size=network.theta.size)
    gradient = start.copy()
    deltas = network.input_gradients(layers, delta)[1]
    network.add_second_order(X, layers, deltas, direction, gradient)
    steps = 1e-5 * np.eye(network.theta.size)
    slopes = [(total(network.theta + s) - total(network.theta - s)) / 2e-5 for s in steps]
    assert_allclose(gradient - start, slopes, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_bends_are_derivatives_of_slopes(activation):
    bound = ACTIVATIONS[activation]()
    for x in (-30.0, -2.0, -0.1, 0.1, 2.0, 30.0):
        slopes = [bound.slope(bound.value(x + s)) for s in (1e-5, -1e-5)]
        bend = bound.bend(bound.value(x))
        assert_allclose(bend, (slopes[0] - slopes[1]) / 2e-5, atol=1e-8)
        assert bend == 0 or not bound.straight


# ------------------------------------------------------------------ a user's game, and its faults


class Bounded(AdversarialLoss):
    """Least squares with targets ±`size`."""

    size: Annotated[float, sl.Interval(0, np.inf)] = 1.0

    convex: ClassVar = True

    def real(self, z):
        return (z - self.size) ** 2, 2.0 * (z - self.size)

    def fake(self, z):
        return (z + self.size) ** 2, 2.0 * (z + self.size)

    def fooled(self, z):
        return z * z, 2.0 * z


class BoundedInPython(Bounded):
    jit: ClassVar = False


class WrongReal(Bounded):
    def real(self, z):
        return (z - self.size) ** 2, 2.001 * (z - self.size)


class WrongFooled(Bounded):
    def fooled(self, z):
        return z * z, -2.0 * z


class FalselyConvex(Bounded):
    def fooled(self, z):
        return -z * z, -2.0 * z


class FalselySmooth(Bounded):
    def fake(self, z):
        return (z, 1.0) if z > 0.0 else (0.0, 0.0)


class NanFarAway(Bounded):
    def fooled(self, z):
        e = np.exp(z)
        return np.log1p(e), e / (1.0 + e)


class NoMean(BoundedInPython):
    def generator(self, fake):
        value, grad = super().generator(fake)
        return value * len(fake), grad * len(fake)


class WrongPenalty(sl.Wasserstein):
    def penalty(self, input_gradients):
        value, gradient = super().penalty(input_gradients)
        return value, 1.001 * gradient


class ForgetfulCopy(Bounded):
    def __getstate__(self):
        return {**super().__getstate__(), "size": 1.0}


FAULTS = {
    WrongReal(2.0): "gradient is the derivative of the value",
    WrongFooled(2.0): "gradient is the derivative of the value",
    FalselyConvex(2.0): "convex if claimed",
    FalselySmooth(2.0): "smooth if claimed",
    NanFarAway(2.0): "finite at extremes",
    NoMean(2.0): "a value is a mean",
    WrongPenalty(2.0): "the penalty's gradient is its derivative",
    ForgetfulCopy(2.0): "clone, pickle and equality",
}


@pytest.mark.parametrize("loss", [Bounded(3.0), BoundedInPython(3.0)], ids=repr)
def test_users_game_is_certified(loss):
    report = sl.certify(loss)
    assert report.passed, repr(report)
    assert_allclose(loss.discriminator([1.0], [0.0])[0], (1 - 3) ** 2 + 3**2)
    assert type(loss) not in sl.all_losses()


@pytest.mark.parametrize("loss", FAULTS, ids=repr)
def test_fault_of_a_game_is_found(loss):
    failed = {check.name for check in sl.certify(loss).checks if not check.passed}
    assert FAULTS[loss] in failed
    assert len(failed) <= 2  # what follows from a wrong slope may be another


class WrongCode(sl.GaussianKL):
    def grad(self, y, z):
        mean, log_var = super().grad(y, z)
        return mean, 1.001 * log_var


class WrongCodeHessian(sl.GaussianKL):
    def hess(self, y, z, *, psd=False):
        mean, log_var = super().hess(y, z)
        return mean, 2 * log_var


class WrongBound(sl.ELBO):
    def mean_response(self, y, p, w):
        return 1.01 * super().mean_response(y, p, w)


@pytest.mark.parametrize(
    ("loss", "name"),
    [
        (WrongCode(), "gradient is the derivative of the value"),
        (WrongCodeHessian(), "Hessian is the derivative of the gradient"),
        (WrongBound(), "response scale agrees with raw scale"),
    ],
)
def test_fault_of_a_bound_is_found(loss, name):
    failed = {check.name for check in sl.certify(loss).checks if not check.passed}
    assert name in failed


@pytest.mark.parametrize("name", ["squared_error", "huber", "poisson_deviance", "brier", "hinge"])
@pytest.mark.parametrize("beta", [0.0, 4.0])
def test_bounds_of_other_reconstructions_are_certified(name, beta):
    report = sl.certify(sl.ELBO(name, beta=beta))
    assert report.passed, repr(report)
