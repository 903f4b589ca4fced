"""Losses that look through a fitted network: against PyTorch, and wherever losses are used."""

from __future__ import annotations

import pickle
from functools import lru_cache
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import NMF, PCA, KernelPCA, TruncatedSVD
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler

import sklosses as sl
from sklosses._registry import example_of
from sklosses.network import ACTIVATIONS, Network, network_of

N, K = 30, 6  # rows, columns of most tests
LOSSES = [sl.Perceptual, sl.Style]
unfinished = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@lru_cache
def digits():
    """Return small images, digits and images of 4×4 pixels."""
    X, y = load_digits(return_X_y=True)
    X = X[:600] / 16
    return X, y[:600], X.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(-1, 16)


@lru_cache
def reader(activation="relu", hidden=(20,)):
    """Return a network that has learned to read digits."""
    X, y, _ = digits()
    model = sl.LossClassifier(
        hidden_layer_sizes=hidden, activation=activation, max_iter=30, tol=None, random_state=0
    )
    return model.fit(X, y)


@lru_cache
def small(activation="tanh", hidden=(5, 4)):
    """Return a network of few columns."""
    X = np.random.default_rng(0).normal(size=(100, K))
    model = sl.LossRegressor(
        hidden_layer_sizes=hidden, activation=activation, max_iter=100, tol=None, random_state=0
    )
    return model.fit(X, 3 * X[:, :2] - X[:, 2:4] + X[:, 4:])


def rows(parts=1, dtype=float):
    rng = np.random.default_rng(1)
    y, z = rng.normal(size=(2, N, K * parts)).astype(dtype)
    return y, z, rng.integers(0, 4, N).astype(dtype)


# ------------------------------------------------------------------ against PyTorch


SHARP = {"rtol": 1e-8, "atol": 1e-10}
TORCH_ACTIVATIONS = {
    "identity": lambda torch, a: a,
    "relu": lambda torch, a: torch.relu(a),
    "tanh": lambda torch, a: torch.tanh(a),
    "logistic": lambda torch, a: torch.sigmoid(a),
    "softplus": lambda torch, a: torch.nn.functional.softplus(a),
}
TORCH_BASES = {
    "squared_error": lambda F, y, z: (y - z) ** 2,
    "huber": lambda F, y, z: F.huber_loss(z, y, reduction="none"),
    "absolute_error": lambda F, y, z: (y - z).abs(),
    "pseudo_huber": lambda F, y, z: (1 + (y - z) ** 2).sqrt() - 1,
}


def outputs(torch, loss, x):
    """Return the outputs of all layers, from what scikit-learn knows of the estimator."""
    model = loss.network.estimator
    if not hasattr(model, "coefs_"):
        return [affine(torch, model, x)]
    layers = []
    for coef, intercept in zip(model.coefs_, model.intercepts_, strict=True):
        x = x @ torch.tensor(coef) + torch.tensor(intercept)
        if len(layers) < len(model.coefs_) - 1:
            x = TORCH_ACTIVATIONS[model.activation](torch, x)
        layers.append(x)
    return layers


def affine(torch, model, x):
    if isinstance(model, Ridge):
        return x @ torch.tensor(model.coef_.T) + torch.tensor(model.intercept_)
    if hasattr(model, "steps"):
        scaler, model = model[0], model[-1]
        x = (x - torch.tensor(scaler.mean_)) / torch.tensor(scaler.scale_)
    scale = model.explained_variance_**0.5 if getattr(model, "whiten", False) else 1.0
    mean = torch.tensor(getattr(model, "mean_", np.zeros(1)))
    return (x - mean) @ torch.tensor(model.components_.T / scale)


def value_in_torch(torch, loss, y, z):
    """Return the loss of each row; `y` and `z` are tensors."""
    pairs = list(zip(seen(torch, loss, y), seen(torch, loss, z), strict=True))
    chosen = pairs[:-1] or pairs
    if loss.layers is not None:
        chosen = [pairs[i] for i in np.atleast_1d(loss.layers)]
    base = TORCH_BASES[sl.get_loss(loss.base).__name__]
    terms = [base(torch.nn.functional, a, b) for a, b in chosen]
    return sum(term.reshape(y.shape[0], -1).sum(1) for term in terms)


def seen(torch, loss, x):
    if isinstance(loss, sl.Perceptual):
        return outputs(torch, loss, x)
    patches, n = int(loss.patches), x.shape[0]
    layers = [h.reshape(n, patches, -1) for h in outputs(torch, loss, x.reshape(n * patches, -1))]
    return [torch.einsum("npj,npk->njk", h, h) / patches for h in layers]


def of_linear_maps():
    X = np.random.default_rng(2).normal(size=(50, K)) @ np.diag(np.arange(1.0, K + 1))
    yield sl.Perceptual(PCA(3).fit(X))
    yield sl.Perceptual(PCA(4, whiten=True).fit(X), base="huber")
    yield sl.Perceptual(TruncatedSVD(3).fit(X))
    yield sl.Perceptual(make_pipeline(StandardScaler(), PCA(3)).fit(X))
    yield sl.Perceptual(Ridge().fit(X, X[:, :2] ** 2), base=sl.PseudoHuber())
    yield sl.Style(PCA(3).fit(X), patches=2)


def of_networks():
    for activation in ACTIVATIONS:
        yield sl.Perceptual(small(activation))
        yield sl.Style(small(activation))
    net = small("tanh", (5, 4, 3))
    for layers in ((0,), [2, 0], (-1,), 3, (0, 1, 2, 3)):
        yield sl.Perceptual(net, layers)
    yield sl.Style(net, (1, 3), patches=3)
    yield sl.Perceptual(net, base="absolute_error")
    yield sl.Perceptual(small("relu"), base=sl.Huber())
    yield sl.Style(net, base="huber", patches=2)
    X = np.random.default_rng(3).normal(size=(40, K))
    model = MLPRegressor(hidden_layer_sizes=(4,), activation="logistic", random_state=0)
    yield sl.Perceptual(model.partial_fit(X, X))


ORACLES = [*of_linear_maps(), *of_networks()]


@pytest.mark.parametrize("loss", ORACLES, ids=range(len(ORACLES)))
def test_equals_torch(loss):
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle here: make oracle")
    y, z, w = rows(getattr(loss, "parts", 1))
    raw = torch.tensor(z, requires_grad=True)
    values = value_in_torch(torch, loss, torch.tensor(y), raw)
    (gradient,) = torch.autograd.grad((torch.tensor(w) * values).sum(), raw)
    assert np.abs(gradient.numpy()).max() > 0.01
    assert_allclose(loss.values(y, z, w), w * values.detach().numpy(), **SHARP)
    assert_allclose(loss.gradient(y, z, w), gradient.numpy(), **SHARP)
    ours = loss.values_gradient(y, z, w)
    assert_allclose(ours[0], w * values.detach().numpy(), **SHARP)
    assert_allclose(ours[1], gradient.numpy(), **SHARP)
    assert_allclose(loss(y, z, sample_weight=w), ours[0].sum() / w.sum())


@pytest.mark.parametrize("loss", ORACLES, ids=range(len(ORACLES)))
def test_hessian_equals_torch(loss):
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle here: make oracle")
    y, z, _ = rows(getattr(loss, "parts", 1))
    y, z = y[:4], z[:4]
    expected = [
        torch.autograd.functional.hessian(
            lambda row, target=target: value_in_torch(torch, loss, target[None], row[None])[0],
            torch.tensor(raw),
        )
        .diagonal()
        .numpy()
        for target, raw in zip(torch.tensor(y), z, strict=True)
    ]
    assert_allclose(loss.gradient_hessian(y, z)[1], expected, **SHARP)


def test_images_equal_torch():
    """The network of the examples, on real images."""
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle here: make oracle")
    X, _, low = digits()
    blurred = np.kron(low.reshape(-1, 4, 4), np.ones((1, 2, 2))).reshape(-1, 64)
    for loss in (sl.Perceptual(reader()), sl.Style(reader())):
        raw = torch.tensor(blurred, requires_grad=True)
        values = value_in_torch(torch, loss, torch.tensor(X), raw)
        (gradient,) = torch.autograd.grad(values.sum(), raw)
        ours = loss.values_gradient(X, blurred)
        assert_allclose(ours[0], values.detach().numpy(), rtol=1e-8)
        assert_allclose(ours[1], gradient.numpy(), rtol=1e-8, atol=1e-8)


# ------------------------------------------------------------------ formulas


def test_all_components_are_the_squared_error():
    """A rotation moves no distance."""
    y, z, _ = rows()
    loss = sl.Perceptual(PCA().fit(rows()[0]))
    assert_allclose(loss.values(y, z), ((y - z) ** 2).sum(axis=1))
    assert_allclose(loss.gradient(y, z), sl.SquaredError().gradient(y, z))
    assert loss.convex
    assert loss.hessian == "constant"
    assert_allclose(loss.gradient_hessian(y, z)[1], 2.0)
    assert_allclose(loss.init_raw(y), y.mean(axis=0))


def test_distance_of_what_a_transformer_returns():
    y, z, _ = rows()
    pca = PCA(3, whiten=True).fit(pd.DataFrame(rows()[0], columns=list("abcdef")))  # has names
    expected = np.abs(pca.transform(as_table(y)) - pca.transform(as_table(z))).sum(axis=1)
    assert_allclose(sl.Perceptual(pca, base="mae").values(y, z), expected)


def as_table(array):
    return pd.DataFrame(array, columns=list("abcdef"))


def test_the_same_image_costs_nothing():
    y, _, _ = rows(2)
    for loss in (sl.Perceptual(small(), layers=(0, 1, 2)), sl.Style(small(), patches=2)):
        target = y[:, : loss.n_outputs]
        values, gradient = loss.values_gradient(target, target)
        assert_array_equal(values, 0)
        assert_array_equal(gradient, 0)


def test_style_does_not_see_places():
    y, z, _ = rows(3)
    moved = z.reshape(N, 3, K)[:, [2, 0, 1]].reshape(N, -1)
    style = sl.Style(small(), patches=3)
    assert_allclose(style.values(y, moved), style.values(y, z))
    assert_allclose(style.values(moved, z), 0, atol=1e-12)
    assert (style.values(y, z) > 1e-3).all()


def test_layers_add_up():
    y, z, _ = rows()
    parts = [sl.Perceptual(small(), layer) for layer in range(3)]
    both = sl.Perceptual(small(), (0, 1))
    assert_allclose(parts[0].values(y, z) + parts[1].values(y, z), both.values(y, z))
    assert_allclose(both.gradient(y, z), sl.Perceptual(small()).gradient(y, z))  # all hidden ones
    assert_allclose(parts[2].values(y, z), sl.Perceptual(small(), (-1,)).values(y, z))


def test_surrogate_is_the_part_that_is_never_negative():
    y, z, _ = rows()
    linear, curved = sl.Perceptual(small("relu")), sl.Perceptual(small("tanh"))
    floor = linear.curvature_floor
    for loss in (linear, curved, sl.Style(small("tanh"))):
        assert (loss.gradient_hessian(y, z, psd=True)[1] >= floor).all()
    # of pieces that are linear, the Hessian is its Gauss-Newton part
    hessian = linear.gradient_hessian(y, z)[1]
    assert_allclose(linear.gradient_hessian(y, z, psd=True)[1], hessian + floor)
    assert curved.gradient_hessian(y, z)[1].min() < 0


@pytest.mark.parametrize("cls", LOSSES)
def test_float32(cls):
    y, z, w = rows(dtype=np.float32)
    loss = cls(small())
    results = [*loss.values_gradient(y, z, w), *loss.gradient_hessian(y, z, w)]
    exact = [*loss.values_gradient(*rows()), *loss.gradient_hessian(*rows())]
    for single, double in zip(results, exact, strict=True):
        assert single.dtype == np.float32
        assert_allclose(single, double, rtol=1e-4, atol=1e-4 * np.abs(double).max())


def test_results_go_where_they_should():
    y, z, w = rows()
    loss = sl.Perceptual(small())
    outs = np.empty(N), np.empty((N, K))
    given = loss.values_gradient(y, z, w, out=outs)
    assert given[0] is outs[0]
    assert given[1] is outs[1]
    for out, expected in zip(outs, loss.values_gradient(y, z, w), strict=True):
        assert_array_equal(out, expected)


@pytest.mark.parametrize("cls", LOSSES)
def test_many_rows_take_little_memory_and_are_no_other(cls, monkeypatch):
    y, z, w = rows()
    loss = cls(small())
    expected = loss.gradient_hessian(y, z, w)
    monkeypatch.setattr(cls, "block", 7)
    for ours, theirs in zip(loss.gradient_hessian(y, z, w), expected, strict=True):
        assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)


def test_no_rows():
    loss, none = sl.Perceptual(small()), np.empty((0, K))
    assert loss.values(none, none).shape == (0,)
    assert loss.gradient(none, none).shape == (0, K)
    with pytest.raises(ValueError, match="0 sample"):
        loss(none, none)


CERTIFIED = [
    sl.Perceptual(small("relu", (6,))),
    sl.Perceptual(small("softplus"), base="log_cosh"),
    sl.Perceptual(small("relu"), base="absolute_error"),
    sl.Style(small("relu", (6,)), patches=2),
    sl.Style(small("logistic"), layers=(0, -1)),
    *of_linear_maps(),
]


@pytest.mark.parametrize("loss", CERTIFIED, ids=range(len(CERTIFIED)))
def test_certified(loss):
    report = sl.certify(loss)
    assert report.passed, repr(report)


@pytest.mark.parametrize(
    ("network", "base", "expected"),
    [
        (PCA(2), "squared_error", (True, True, "constant")),
        (PCA(2), "absolute_error", (True, False, "surrogate")),
        (PCA(2), "cauchy", (False, True, "exact")),
        ("identity", "squared_error", (True, True, "constant")),
        ("tanh", "squared_error", (False, True, "exact")),
        ("relu", "squared_error", (False, False, "exact")),
        ("relu", "pinball", (False, False, "surrogate")),
    ],
)
def test_what_it_says_of_itself(network, base, expected):
    network = small(network) if isinstance(network, str) else network.fit(rows()[0])
    loss = sl.Perceptual(network, base=base)
    assert (loss.convex, loss.smooth, loss.hessian) == expected
    style = sl.Style(network, base=base)
    kind = "exact" if expected[2] == "constant" else expected[2]
    assert (style.convex, style.smooth, style.hessian) == (False, expected[1], kind)


# ------------------------------------------------------------------ the network stays fitted


def test_network_is_frozen_however_it_is_set():
    net, other = small(), PCA(2).fit(rows()[0])
    loss = sl.Perceptual(net)
    assert isinstance(loss.network, FrozenEstimator)
    assert loss.network.estimator is net
    loss.set_params(network=other)
    assert loss.network.estimator is other
    loss.network = net
    assert loss == sl.Perceptual(FrozenEstimator(net)) == sl.Perceptual(network=net)
    nested = (sl.SquaredError() + loss).set_params(term1__network=other)
    assert isinstance(nested.term1.network, FrozenEstimator)
    model = sl.LossRegressor(loss).set_params(loss__network=other)
    assert isinstance(model.loss.network, FrozenEstimator)


@pytest.mark.parametrize("cls", LOSSES)
def test_copies_compute_the_same(cls):
    y, z, _ = rows()
    loss = cls(small(), layers=(0,), base=sl.Huber(0.5))
    model = sl.LossRegressor(loss=2 * sl.SquaredError() + loss)
    copies = [clone(loss), pickle.loads(pickle.dumps(loss)), clone(model).loss.term1]
    copies += [cls(**loss.get_params(deep=False)), model.get_params()["loss__term1"]]
    copies += [clone(sl.get_loss(cls._alias(), **loss.get_params(deep=False)))]
    for copy in copies:
        assert copy == loss
        assert hash(copy) == hash(loss)
        assert_array_equal(copy.values(y, z), loss.values(y, z))
    assert loss.network is clone(loss).network  # no copy of a network is made
    assert repr(loss) == repr(pickle.loads(pickle.dumps(loss)))
    assert repr(loss).startswith(f"{cls.__name__}(base=Huber(delta=0.5)")
    assert "LossRegressor(" in repr(loss)
    assert "Perceptual" in sl.LossRegressor(sl.Perceptual(small()))._repr_html_()


def test_equal_if_networks_compute_the_same():
    X, *_ = rows()
    loss = sl.Perceptual(PCA(2).fit(X))
    assert loss == sl.Perceptual(PCA(2).fit(X))
    others = [PCA(3).fit(X), PCA(2).fit(X[:20]), small(), PCA(2), Ridge(), "nothing"]
    assert len({sl.Perceptual(other) for other in [*others, loss.network]}) == 7
    for other in others:
        assert loss != sl.Perceptual(other)
    assert loss != sl.Perceptual(loss.network, layers=0)
    assert loss != sl.Style(loss.network)
    unfitted = sl.Perceptual(PCA(2))
    assert unfitted == clone(unfitted)


def test_a_network_that_is_fitted_again_is_seen_as_it_is_now():
    X, z, _ = rows()
    pca = PCA(2).fit(X)
    loss = sl.Perceptual(pca)
    before = loss.values(X, z)
    pca.fit(z)
    assert_allclose(loss.values(X, z), sl.Perceptual(PCA(2).fit(z)).values(X, z))
    assert not np.allclose(loss.values(X, z), before)


def test_cross_validation_keeps_it_fitted():
    X, _, low = digits()
    loss = sl.SquaredError() + 0.1 * sl.Perceptual(reader())
    model = sl.LossRegressor(loss, max_iter=60, tol=None)
    scores = cross_val_score(model, low, X, cv=3, scoring=sl.Perceptual(reader()).scorer())
    assert scores.shape == (3,)
    constant = -sl.Perceptual(reader())(X, np.tile(X.mean(axis=0), (len(X), 1)))
    assert scores.mean() > 0.7 * constant


@unfinished
def test_grids_of_its_parameters():
    X, _, low = digits()
    X, low = X[:200], low[:200]
    model = sl.LossRegressor(sl.SquaredError() + 0.1 * sl.Perceptual(reader()), max_iter=5)
    grid = {
        "loss__weight1": [0, 0.1],
        "loss__term1__layers": [None, (0, 1)],
        "loss__term1__base": ["huber", sl.SquaredError()],
        "loss__term1__network": [FrozenEstimator(reader()), FrozenEstimator(PCA(4).fit(X))],
    }
    del grid["loss__term1__layers"]  # a linear map has no second layer
    search = GridSearchCV(model, grid, cv=2).fit(low, X)
    assert len(search.cv_results_["params"]) == 8
    assert isinstance(search.best_params_["loss__term1__network"], FrozenEstimator)
    base = sl.Perceptual(reader(), base=sl.Huber())
    search = GridSearchCV(
        sl.LossRegressor(base, max_iter=5),
        {"loss__base__delta": [0.1, 1.0], "loss__layers": [0, (0, 1)]}, cv=2,
    ).fit(low, X)  # fmt: skip
    assert search.best_estimator_.loss.base.delta in (0.1, 1.0)
    frame = pd.DataFrame(search.cv_results_)
    assert frame.groupby(frame["param_loss__layers"].astype(str)).size().tolist() == [2, 2]


def test_a_grid_of_bare_networks_is_told_how():
    """Searches clone candidates, and a clone is not fitted."""
    X, _, low = digits()
    model = sl.LossRegressor(sl.Perceptual(reader()))
    search = GridSearchCV(model, {"loss__network": [reader()]}, cv=2, error_score="raise")
    with pytest.raises(NotFittedError, match=r"LossClassifier.*FrozenEstimator\(network\)"):
        search.fit(low, X)


# ------------------------------------------------------------------ what is no loss


@pytest.mark.parametrize(
    ("network", "error", "message"),
    [
        (PCA(2), NotFittedError, "PCA instance is not fitted"),
        (sl.LossClassifier(), NotFittedError, "LossClassifier instance is not fitted"),
        ("resnet", ValueError, "'network' parameter of Perceptual must be a fitted network"),
        (None, ValueError, "'network' parameter of Perceptual"),
        (Network((3, 2)), ValueError, "'network' parameter of Perceptual"),
        (PCA, TypeError, "class"),
        (KernelPCA(2, kernel="rbf"), ValueError, "KernelPCA is not linear"),
        (Normalizer(), ValueError, "Normalizer is not linear"),
    ],
)
def test_what_is_no_network(network, error, message):
    if error is ValueError and hasattr(network, "fit"):
        network.fit(rows()[0])
    loss = sl.Perceptual(network)  # tells when it is used
    y, z, _ = rows()
    for use in (loss, loss.values, loss.gradient_hessian, loss.init_raw):
        with pytest.raises(error, match=message):
            use(y, z) if use != loss.init_raw else use(y)


def test_factors_that_are_fitted_to_each_row_are_no_linear_map():
    X = np.abs(rows()[0])
    loss = sl.Perceptual(NMF(2, init="nndsvda", tol=1e-2).fit(X))
    with pytest.raises(ValueError, match=r"NMF|[Nn]egative"):
        loss.values(X, X)


@pytest.mark.parametrize("layers", [3, (0, 3), (-4,), (), (0.5,), ("first",), "all", 1.0, {0: 1}])
@pytest.mark.parametrize("cls", LOSSES)
def test_unknown_layers(cls, layers):
    y, z, _ = rows()
    loss = cls(small(), layers=layers)  # of three, with its output
    with pytest.raises(ValueError, match=rf"layers.*{cls.__name__}"):
        loss.values(y, z)
    with pytest.raises(ValueError, match="layers"):
        sl.LossRegressor(loss).fit(z, y)


def test_layers_that_there_are_is_what_the_message_says():
    with pytest.raises(ValueError, match=r"some of 0 to 2, .* Got \(7,\) instead"):
        sl.Perceptual(small(), layers=(7,)).values(*rows()[:2])


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ("poisson_deviance", "compares real numbers"),
        ("hinge", "compares real numbers"),
        ("squared_log_error", "compares real numbers"),
        ("gaussian_nll", "compares real numbers"),
        ("hubber", "Did you mean 'huber'"),
        (sl.Huber(-1.0), "'delta' parameter of Huber"),
        (sl.CategoricalBrier(), "'base' parameter of Perceptual"),
        (1.0, "'base' parameter of Perceptual"),
    ],
)
def test_what_is_no_base(base, message):
    with pytest.raises(ValueError, match=message):
        sl.Perceptual(small(), base=base).values(*rows()[:2])


def test_rows_of_another_width():
    y, z, _ = rows()
    loss = sl.Perceptual(small())
    for use in (loss, loss.values, loss.gradient):
        with pytest.raises(ValueError, match=r"must have 6 columns\. Got 4"):
            use(y, z[:, :4])
        with pytest.raises(ValueError, match=r"y_true of shape \(n_samples, 6\). Got \(30, 4\)"):
            use(y[:, :4], z)
        with pytest.raises(ValueError, match=r"of shape \(n_samples, 6\)"):
            use(y[:, 0], z[:, 0])
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            use(y[:-1], z)
    X, _, low = digits()
    for target in (low, X[:, 0]):
        with pytest.raises(ValueError, match=r"Perceptual needs y_true of shape \(n_samples, 64\)"):
            sl.LossRegressor(sl.Perceptual(reader())).fit(X, target)
    with pytest.raises(ValueError, match="must have 12 columns"):
        sl.Style(small(), patches=2).values(y, z)
    with pytest.raises(ValueError, match="'patches' parameter of Style"):
        sl.Style(small(), patches=0).values(y, z)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_numbers_are_finite(wrong):
    y, z, w = rows()
    loss = sl.Perceptual(small())
    for place in range(2):
        arrays = [y.copy(), z.copy()]
        arrays[place][3, 2] = wrong
        for use in (loss, loss.values, loss.gradient):
            with pytest.raises(ValueError, match=r"NaN|infinity"):
                use(*arrays)
    with pytest.raises(ValueError, match="Negative values"):
        loss.values(y, z, -w)
    with pytest.raises(ValueError, match="non-zero"):
        loss(y, z, sample_weight=np.zeros(N))


def test_a_name_alone_has_no_network():
    with pytest.raises(TypeError, match="network"):
        sl.get_loss("perceptual")
    with pytest.raises(TypeError, match="network"):
        sl.LossRegressor("perceptual").fit(*rows()[:2])
    assert sl.get_loss("perceptual", network=small()) == sl.Perceptual(small())
    assert sl.get_scorer("neg_style", network=small()).loss == sl.Style(small())


def test_other_estimators_refuse_it():
    X, y, _ = digits()
    with pytest.raises(ValueError, match="Perceptual is one of 'generative'"):
        sl.LossClassifier(sl.Perceptual(reader())).fit(X, y)


def test_in_the_tables():
    assert set(LOSSES) <= set(sl.all_losses("generative"))
    assert sl.catalog("generative").loc["Perceptual", "Alias"] == "perceptual"
    assert sl.catalog("generative", lang="zh").loc["Style", "任务"] == "生成"


@pytest.mark.parametrize("cls", LOSSES)
def test_examples_for_tables_and_tests(cls):
    loss = example_of(cls)
    assert loss == example_of(cls._alias()) == example_of(loss)
    assert loss.n_outputs == 3
    assert loss.layers is None


# ------------------------------------------------------------------ sums with pointwise losses


def test_sum_with_a_pointwise_loss_is_a_loss_of_rows():
    y, z, w = rows()
    perceptual = sl.Perceptual(small())
    for loss in (sl.SquaredError() + 0.1 * perceptual, 0.1 * perceptual + sl.SquaredError()):
        assert isinstance(loss, sl.RowwiseLoss)
        pixels = sl.SquaredError().values(y, z).sum(axis=1)
        assert_allclose(loss.values(y, z), pixels + 0.1 * perceptual.values(y, z))
        assert_allclose(loss.values(y, z, w), w * loss.values(y, z))
        gradients = sl.SquaredError().gradient(y, z, w), perceptual.gradient(y, z, w)
        assert_allclose(loss.gradient(y, z, w), gradients[0] + 0.1 * gradients[1])
        hessians = [part.gradient_hessian(y, z, w)[1] for part in (sl.SquaredError(), perceptual)]
        assert_allclose(loss.gradient_hessian(y, z, w)[1], hessians[0] + 0.1 * hessians[1])
        assert_allclose(loss(y, z, sample_weight=w), loss.values(y, z, w).sum() / w.sum())
        out = np.empty_like(z)
        assert_allclose(loss.objective(y, z, w, out), loss.values(y, z, w).sum())
        assert_allclose(out, loss.gradient(y, z, w))
        assert loss.values(y.astype("f4"), z.astype("f4")).dtype == np.float32
        assert_array_equal(loss.inverse_link(z), z)


class Distance(sl.RowwiseLoss):
    """Euclidean distance of target and prediction, a little smoothed."""

    convex: ClassVar = True

    def value(self, y, z):
        total = 1e-2
        for j in range(z.size):
            total += (z[j] - y[j]) * (z[j] - y[j])
        return np.sqrt(total)

    def grad(self, y, z, g):
        total = self.value(y, z)
        for j in range(z.size):
            g[j] = (z[j] - y[j]) / total


SUMS = [
    sl.SquaredError() + 0.1 * sl.Perceptual(small()),
    0.5 * sl.Style(small()) + sl.LogCosh() + 0.2 * sl.Perceptual(small("relu")),
    sl.Huber() + sl.Perceptual(PCA(2).fit(rows()[0])),
    sl.Pinball(0.7) + 0.5 * Distance(),
    Distance() + 2 * sl.Perceptual(small()),
    2 * sl.Perceptual(small()),
    sl.AbsoluteError() + 0 * sl.Perceptual(small()),
]


@pytest.mark.parametrize("loss", SUMS, ids=range(len(SUMS)))
def test_sums_keep_the_contract(loss):
    report = sl.certify(loss)
    assert report.passed, repr(report)
    for copy in (clone(loss), pickle.loads(pickle.dumps(loss))):
        assert copy == loss
        assert type(copy) is type(loss)


@pytest.mark.parametrize("loss", SUMS, ids=range(len(SUMS)))
def test_sums_are_fitted(loss):
    y, z, _ = rows()
    model = sl.LossRegressor(loss, random_state=0).fit(z, y + z)
    constant = loss(y + z, np.tile(loss.init_raw(y + z), (N, 1)))
    assert loss(y + z, model.predict(z)) < 0.95 * constant


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (sl.PoissonDeviance(), "different scales"),
        (sl.BinaryCrossEntropy(), "two families"),
        (sl.CategoricalCrossEntropy(), "two families"),
        (sl.GaussianNLL(), "two families"),
        (sl.Perceptual(PCA(2).fit(rows()[0][:, :4])), "they need 6 and 4 raw columns"),
        (sl.Perceptual(PCA(2)), "not fitted"),
    ],
)
def test_what_cannot_be_added(other, message):
    y, z, _ = rows()
    with pytest.raises(ValueError, match=message):
        (sl.Perceptual(small()) + other).values(y, z)
    if "need" not in message:
        with pytest.raises(ValueError, match=message):
            (other + sl.Perceptual(small())).values(y, z)


class OwnNormal(sl.RowwiseLoss):
    """A loss of rows whose target is one number."""

    n_raw: ClassVar = 2

    def value(self, y, z):
        return (y - z[0]) ** 2 + z[1] ** 2

    def grad(self, y, z, g):
        g[0], g[1] = 2 * (z[0] - y), 2 * z[1]


def test_one_target_a_row_is_no_row_of_targets():
    with pytest.raises(ValueError, match="SquaredError cannot be a term of this sum"):
        (OwnNormal() + sl.SquaredError()).values([1.0], [[1.0, 2.0]])
    with pytest.raises(ValueError, match="Perceptual cannot be a term of this sum"):
        (OwnNormal() + sl.Perceptual(small())).values(*rows()[:2])


def test_parameters_of_a_sum():
    loss = sl.SquaredError() + 0.1 * sl.Perceptual(small())
    assert {"term1__network", "term1__layers", "term1__base"} <= set(loss.get_params())
    loss.set_params(term1__layers=(0,), weight1=0.2)
    assert loss == sl.SquaredError() + 0.2 * sl.Perceptual(small(), (0,))
    loss.set_params(term1=sl.Huber())
    assert isinstance(loss, sl.PointwiseLoss)
    loss.set_params(term1=sl.Perceptual(small()))
    assert isinstance(loss, sl.RowwiseLoss)
    assert loss.formula.count("phi") == 2


# ------------------------------------------------------------------ as the loss of an estimator


FITS = {
    "linear": {},
    "hidden": {"hidden_layer_sizes": (32,)},
    "lbfgs": {"hidden_layer_sizes": (16,), "solver": "lbfgs", "max_iter": 60},
    "sgd": {"solver": "sgd"},
    "adagrad": {"hidden_layer_sizes": (32,), "solver": "adagrad"},
}


@unfinished
@pytest.mark.parametrize("options", FITS.values(), ids=FITS)
@pytest.mark.parametrize("alone", [True, False], ids=["alone", "sum"])
def test_image_to_image(options, alone):
    X, _, low = digits()
    perceptual = sl.Perceptual(reader("tanh"))
    loss = perceptual if alone else sl.SquaredError() + 0.1 * perceptual
    model = sl.LossRegressor(loss, random_state=0, **{"max_iter": 150, **options}).fit(low, X)
    restored = model.predict(low)
    assert restored.shape == X.shape
    assert model.loss_curve_[-1] < model.loss_curve_[0]
    constant = loss(X, np.tile(X.mean(axis=0), (len(X), 1)))
    assert loss(X, restored) < 0.5 * constant
    if not alone:
        assert model.score(low, X) > 0.5
    again = clone(model).fit(low, X)
    assert_array_equal(again.predict(low), restored)
    assert_array_equal(pickle.loads(pickle.dumps(model)).predict(low), restored)


def test_linear_maps_are_fitted_to_the_optimum():
    """Through a linear map, a linear model is least squares of what is seen."""
    X, _, low = digits()
    pca = PCA(8).fit(X)
    loss = sl.Perceptual(pca)
    first = sl.LossRegressor(loss, alpha=1e-3).fit(low, X)
    assert first.solver_ == "newton"
    second = sl.LossRegressor(loss, alpha=1e-3, solver="lbfgs").fit(low, X)
    assert_allclose(second.loss_, first.loss_, rtol=1e-5)
    model = sl.LossRegressor(loss, alpha=1e-8).fit(low, X)
    seen = pca.transform(X)
    A = np.column_stack([low, np.ones(len(low))])
    expected = seen - A @ np.linalg.lstsq(A, seen, rcond=None)[0]
    assert_allclose(loss(X, model.predict(low)), (expected**2).sum() / len(X), rtol=1e-4)


def test_all_components_give_least_squares():
    X, _, low = digits()
    model = sl.LossRegressor(sl.Perceptual(PCA().fit(X)), alpha=1e-3).fit(low, X)
    plain = sl.LossRegressor(alpha=1e-3).fit(low, X)
    assert_allclose(model.predict(low), plain.predict(low), atol=1e-5)


def test_weights_are_repetitions():
    X, _, low = digits()
    X, low, w = X[:200], low[:200], np.random.default_rng(0).integers(0, 3, 200)
    loss = sl.SquaredError() + 0.1 * sl.Perceptual(PCA(8).fit(X))
    weighted = sl.LossRegressor(loss).fit(low, X, sample_weight=w)
    repeated = sl.LossRegressor(loss).fit(np.repeat(low, w, axis=0), np.repeat(X, w, axis=0))
    assert_allclose(weighted.predict(low), repeated.predict(low), atol=1e-6)
    curved = sl.Perceptual(reader())
    args = np.repeat(X, w, axis=0), np.repeat(X, w, axis=0) + 0.1
    assert_allclose(curved(X, X + 0.1, sample_weight=w), curved(*args))
    assert_allclose(curved.init_raw(X, w), curved.init_raw(args[0]))


@unfinished
def test_streams_single_precision_and_sparse_columns():
    X, _, low = digits()
    loss = sl.SquaredError() + 0.1 * sl.Perceptual(reader())
    stream = sl.LossRegressor(loss, hidden_layer_sizes=(16,), random_state=0)
    for _ in range(30):
        stream.partial_fit(low, X)
    assert loss(X, stream.predict(low)) < 0.6 * loss(X, np.tile(X.mean(axis=0), (len(X), 1)))
    options = {"random_state": 0, "max_iter": 30}
    single = sl.LossRegressor(loss, **options).fit(low.astype("f4"), X.astype("f4"))
    assert single.predict(low.astype("f4")).dtype == np.float32
    double = sl.LossRegressor(loss, **options).fit(low, X)
    rows = sl.LossRegressor(loss, **options).fit(sparse.csr_array(low), X)
    assert_allclose(single.predict(low), double.predict(low), atol=0.01)
    assert rows.predict(sparse.csr_array(low)).shape == X.shape


@unfinished
def test_validation_set_and_warm_start():
    X, _, low = digits()
    loss = sl.SquaredError() + 0.1 * sl.Perceptual(reader())
    model = sl.LossRegressor(loss, hidden_layer_sizes=(16,), random_state=0, max_iter=40)
    model.fit(low[:400], X[:400], X_val=low[400:], y_val=X[400:])
    assert_allclose(-max(model.validation_scores_), loss(X[400:], model.predict(low[400:])))
    warm = sl.LossRegressor(loss, random_state=0, max_iter=5, tol=None, warm_start=True)
    first = warm.fit(low, X).loss_
    assert warm.fit(low, X).loss_ < first


def test_scorer_is_the_loss():
    X, _, low = digits()
    loss = sl.SquaredError() + 0.1 * sl.Perceptual(reader())
    model = sl.LossRegressor(loss, max_iter=20, tol=None).fit(low, X)
    assert_allclose(loss.scorer()(model, low, X), -loss(X, model.predict(low)))
    assert_allclose(sl.make_loss_scorer("auto")(model, low, X), -loss(X, model.predict(low)))
    seen = sl.Perceptual(PCA(8).fit(X))
    skill = sl.metrics.d2_loss_score(X, model.predict(low), loss=seen)
    spread = ((X - X.mean(axis=0)) @ seen.network.components_.T).var(axis=0).sum()
    assert_allclose(skill, 1 - seen(X, model.predict(low)) / spread)


@unfinished
def test_as_a_task_among_others():
    X, y, low = digits()
    image = sl.SquaredError() + 0.1 * sl.Perceptual(reader())
    loss = sl.MultiTask({"image": image, "digit": sl.CategoricalCrossEntropy()})
    table = {"image": pd.DataFrame(X), "digit": pd.DataFrame({"digit": y})}
    model = sl.MultiTaskEstimator(loss, hidden_layer_sizes=(32,), random_state=0, max_iter=30)
    predicted = model.fit(low, pd.concat(table, axis=1)).predict(low)
    assert predicted.shape == (len(X), 65)
    error = ((predicted.to_numpy()[:, :64].astype(float) - X) ** 2).mean()
    assert error < 0.6 * X.var(axis=0).mean()


# ------------------------------------------------------------------ the network itself


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_slope_and_bend_of_activations(name):
    activation, x = ACTIVATIONS[name](), np.array([-3.0, -0.7, 0.4, 2.5])
    step = 1e-4
    low, mid, high = (
        np.array([activation.value(float(v)) for v in x + s]) for s in (-step, 0.0, step)
    )
    slope = [activation.slope(float(h)) for h in mid]
    bend = [activation.bend(float(h)) for h in mid]
    assert_allclose(slope, (high - low) / (2 * step), atol=1e-7)
    assert_allclose(bend, (high - 2 * mid + low) / step**2, atol=1e-6)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_derivatives_go_both_ways(depth):
    rng = np.random.default_rng(0)
    net = Network((3, 5, 4, 2)[: depth + 1], "tanh")
    net.theta[:] = rng.normal(size=net.theta.size)
    X, step = rng.normal(size=(7, 3)), 1e-4
    layers = net.forward(X)
    deltas = {i: rng.normal(size=h.shape) for i, h in enumerate(layers) if i != 1}
    kept = {i: delta.copy() for i, delta in deltas.items()}
    pulled = net.pull_back(layers, deltas)
    for i, delta in deltas.items():
        assert_array_equal(delta, kept[i])
    for column in range(3):
        moved = step * np.eye(3)[column]
        high, low = net.forward(X + moved), net.forward(X - moved)
        slope = 0.0
        for i, (first, second) in enumerate(net.push_forward(layers, column)):
            assert_allclose(first, (high[i] - low[i]) / (2 * step), atol=1e-6)
            bend = (high[i] - 2 * layers[i] + low[i]) / step**2
            assert_allclose(second, bend, atol=1e-5)
            slope = slope + (first * deltas[i]).sum(axis=1) if i in deltas else slope
        assert_allclose(pulled[:, column], slope, rtol=1e-10)
    assert len(net.forward(X, 1)) == 1
    assert_array_equal(net.forward(X, 1)[0], layers[0])


def test_networks_of_estimators():
    X, y, _ = digits()
    models = {
        reader(): lambda model: model.decision_function(X),
        sl.LossClassifier().fit(X, y): lambda model: model.decision_function(X),
        sl.LossRegressor().fit(X, X[:, :3]): lambda model: model.predict(X),
        Ridge().fit(X, X[:, :3] ** 2): lambda model: model.predict(X),
        PCA(5, whiten=True).fit(X): lambda model: model.transform(X),
        make_pipeline(StandardScaler(), PCA(5)).fit(X): lambda model: model.transform(X),
    }
    for model, output in models.items():
        assert_allclose(network_of(model).predict(X), output(model), atol=1e-9)
    with pytest.raises(ValueError, match="neither a network nor a linear transformer"):
        network_of(KernelPCA())
