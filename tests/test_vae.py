"""`VariationalAutoencoder`: its network, its bounds against PyTorch, its habits."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.callback import ScoringMonitor
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

import sklosses as sl
from sklosses.generative._network import VariationalNetwork

X, DIGIT = load_digits(return_X_y=True)
X = X / 16
TRAIN, TEST = X[:1300], X[1300:]


def quick(loss="elbo", **options):
    options = {
        "max_iter": 5,
        "tol": None,
        "hidden_layer_sizes": (32,),
        "random_state": 0,
        **options,
    }
    return sl.VariationalAutoencoder(loss, **options)


@pytest.fixture(scope="module")
def fitted():
    return sl.VariationalAutoencoder(max_iter=60, tol=None, random_state=0).fit(TRAIN)


# ------------------------------------------------------------------ the network


@pytest.mark.parametrize("hidden", [((), ()), ((5,), (4,)), ((5, 4), (3,))])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_gradient_passes_through_the_code(hidden, activation, rng):
    x = rng.random((6, 4))
    network = VariationalNetwork(hidden, 4, 2, activation, np.float64)
    network.theta[:] = 0.5 * rng.normal(size=network.theta.size)
    loss, w = sl.ELBO(beta=0.7), rng.integers(1, 4, 6).astype(float)

    def value(theta):
        rows = network.copy(theta).forward(x, np.random.default_rng(1))[-1]
        return loss.objective(x, rows, w, np.empty_like(rows))

    layers = network.forward(x, np.random.default_rng(1))
    delta = np.empty_like(layers[-1])
    loss.objective(x, layers[-1], w, delta)
    gradient = np.full_like(network.theta, np.nan)
    network.backward(x, layers, delta, gradient)
    steps = 1e-5 * np.eye(network.theta.size)
    slopes = [(value(network.theta + s) - value(network.theta - s)) / 2e-5 for s in steps]
    assert_allclose(gradient, slopes, rtol=1e-5, atol=1e-8)


def test_codes_in_training_are_drawn_anew():
    network = VariationalNetwork(((3,), (3,)), 4, 2, "relu", np.float64)
    network.initialise(np.random.RandomState(0))
    x = np.zeros((5, 4))
    assert not np.array_equal(network.forward(x)[-1], network.forward(x)[-1])
    assert_array_equal(network.predict(x), network.predict(x))
    copy = pickle.loads(pickle.dumps(network))
    assert_array_equal(copy.predict(x), network.predict(x))
    assert np.shares_memory(copy.theta, copy.coefs[-1])
    assert np.shares_memory(copy.theta, copy.encoder.coefs[0])


# ------------------------------------------------------------------ bounds


def test_bound_is_the_mean_loss_of_drawn_codes(fitted, rng):
    mean, log_var = np.split(fitted.encoder_.predict(TEST), 2, axis=1)
    draws = [
        fitted.loss_function_.values(TEST, (fitted.decoder_.predict(code), mean, log_var))
        for code in (mean + np.exp(0.5 * log_var) * rng.normal(size=(64, *mean.shape)))
    ]
    bounds = fitted.score_samples(TEST)
    assert_allclose(bounds.mean(), -np.mean(draws), rtol=2e-3)
    assert np.corrcoef(bounds, -np.mean(draws, axis=0))[0, 1] > 0.98
    assert fitted.score(TEST) == bounds.mean()
    w = np.arange(len(TEST))
    assert_allclose(fitted.score(TEST, sample_weight=w), np.average(bounds, weights=w))


def test_importance_weights_tighten_the_bound(fitted):
    bounds = [fitted.score_samples(TEST, n_importance=k).mean() for k in (1, 10, 100)]
    assert bounds[0] < bounds[1] < bounds[2]
    assert_allclose(bounds[0], fitted.score(TEST), rtol=0.02)
    with pytest.raises(ValueError, match="n_importance"):
        fitted.score_samples(TEST, n_importance=0)


def test_importance_weights_find_the_likelihood_of_a_linear_model():
    """Of x = W z + noise the likelihood is known: that of probabilistic PCA."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 2)) @ np.array([[1.0, 0.5, -0.5], [0.0, 0.5, 1.0]])
    x += 0.7 * rng.normal(size=x.shape)
    loss = 0.5 * sl.SquaredError()  # noise of variance 1
    model = sl.VariationalAutoencoder(
        sl.ELBO(loss), n_components=2, hidden_layer_sizes=(), random_state=0, alpha=0.0
    ).fit(x)
    W, b = model.decoder_.coefs[0], model.decoder_.intercepts[0]
    covariance = W.T @ W + np.eye(3)
    centred = x - b
    quadratic = np.einsum("ij,jk,ik->i", centred, np.linalg.inv(covariance), centred)
    exact = -0.5 * (quadratic + np.linalg.slogdet(covariance)[1])  # without n/2 ln 2π
    assert_allclose(model.score_samples(x, n_importance=500), exact, atol=0.15)
    assert exact.mean() - 0.3 < model.score(x) < exact.mean() + 0.01


def test_scores_do_not_depend_on_the_company(fitted):
    scores = fitted.score_samples(TEST)
    assert_allclose(fitted.score_samples(TEST[::-1])[::-1], scores, rtol=1e-10)
    assert_allclose(fitted.score_samples(TEST[:1]), scores[:1], rtol=1e-10)
    alone = fitted.score_samples(TEST[5:6], n_importance=7)
    assert_allclose(alone, fitted.score_samples(TEST, n_importance=7)[5:6], rtol=1e-10)


@pytest.mark.parametrize("beta", [1.0, 4.0])
def test_as_good_as_pytorch(beta):
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle here: make oracle")
    torch.manual_seed(0)
    torch.set_num_threads(1)
    epochs, batch, hidden, k = 40, 100, 64, 4
    Linear = torch.nn.Linear
    encoder = torch.nn.Sequential(Linear(64, hidden), torch.nn.ReLU(), Linear(hidden, 2 * k))
    decoder = torch.nn.Sequential(Linear(k, hidden), torch.nn.ReLU(), Linear(hidden, 64))
    optimiser = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=2e-3)
    train, test = (torch.tensor(array, dtype=torch.float32) for array in (TRAIN, TEST))

    def bound(x):
        mean, log_var = encoder(x).chunk(2, 1)
        raw = decoder(mean + torch.exp(0.5 * log_var) * torch.randn_like(mean))
        fit = torch.nn.functional.binary_cross_entropy_with_logits(raw, x, reduction="sum")
        kl = 0.5 * (mean**2 + torch.exp(log_var) - 1 - log_var).sum()
        return (fit + beta * kl) / len(x)

    for _ in range(epochs):
        for rows in torch.randperm(len(train)).split(batch):
            optimiser.zero_grad()
            bound(train[rows]).backward()
            optimiser.step()
    with torch.no_grad():
        theirs = -np.mean([bound(test).item() for _ in range(16)])
    model = quick(
        sl.ELBO(beta=beta), max_iter=epochs, batch_size=batch, hidden_layer_sizes=(hidden,),
        n_components=k, learning_rate_init=2e-3,
    ).fit(TRAIN)  # fmt: skip
    assert model.score(TEST) > theirs - 0.02 * abs(theirs)


# ------------------------------------------------------------------ what it is for


def test_anomalies():
    normal = DIGIT != 0
    loss = sl.ELBO("squared_error", beta=0.1)
    model = sl.VariationalAutoencoder(loss, max_iter=150, tol=None, random_state=0)
    model.fit(TRAIN[normal[:1300]])
    usual, unusual = TEST[normal[1300:]], X[~normal]
    scores = model.score_samples(np.concatenate([usual, unusual]))
    assert roc_auc_score(np.arange(len(scores)) < len(usual), scores) > 0.95


def test_codes_tell_digits_apart(fitted):
    neighbours = KNeighborsClassifier().fit(fitted.transform(TRAIN), DIGIT[:1300])
    assert neighbours.score(fitted.transform(TEST), DIGIT[1300:]) > 0.9


def test_samples_and_reconstructions(fitted):
    samples = fitted.sample(500)
    assert samples.shape == (500, 64)
    assert (samples >= 0).all()
    assert (samples <= 1).all()
    assert_allclose(samples.mean(axis=0), TRAIN.mean(axis=0), atol=0.12)
    codes = fitted.transform(TEST)
    again = fitted.inverse_transform(codes)
    assert ((again - TEST) ** 2).mean() < 0.5 * TRAIN.var(axis=0).mean()
    assert_array_equal(fitted.sample(5), fitted.sample(5))
    assert not np.array_equal(fitted.sample(5), fitted.sample(5, random_state=1))


@pytest.mark.parametrize(
    "reconstruction",
    ["squared_error", "log_cosh", "poisson_deviance", "pinball", "brier", sl.Huber(0.3)],
)
def test_any_reconstruction(reconstruction):
    loss = sl.ELBO(reconstruction)
    model = quick(loss, max_iter=25).fit(TRAIN)
    start = quick(loss, max_iter=1).fit(TRAIN)
    assert model.loss_curve_[-1] < model.loss_curve_[0]
    assert model.score(TEST) > start.score(TEST)
    assert model.sample(3).shape == (3, 64)
    if reconstruction == "poisson_deviance":
        assert (model.sample(50) > 0).all()


def test_scale_of_columns_needs_no_care():
    scales = np.logspace(-2, 3, 5)
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(500, 2)) @ rng.normal(size=(2, 5))) * scales + 7 * scales
    model = sl.VariationalAutoencoder(n_components=2, random_state=0, max_iter=300, tol=None).fit(x)
    assert model.loss_function_ == sl.ELBO("squared_error")
    again = model.inverse_transform(model.transform(x))
    assert (((again - x) ** 2).mean(axis=0) < 0.3 * x.var(axis=0))[-1]
    assert np.isfinite(model.sample(10)).all()


# ------------------------------------------------------------------ scikit-learn's habits


def test_name_of_the_loss_looks_at_the_data():
    assert quick().fit(TRAIN).loss_function_ == sl.ELBO()
    assert quick().fit(16 * TRAIN).loss_function_ == sl.ELBO("squared_error")
    with pytest.raises(ValueError, match="BinaryCrossEntropy can only be used"):
        quick(sl.ELBO()).fit(16 * TRAIN)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtypes(dtype):
    model = quick().fit(TRAIN.astype(dtype))
    for array in (
        model.transform(TEST.astype(dtype)), model.sample(2), model.encoder_.theta,
        model.score_samples(TEST.astype(dtype)),
    ):  # fmt: skip
        assert array.dtype == dtype
    other = quick().fit(TRAIN.astype(np.float64))
    assert_allclose(model.loss_, other.loss_, rtol=0.05)


def test_random_states_are_reproducible():
    first, second = (quick().fit(TRAIN) for _ in range(2))
    assert_array_equal(first.transform(TEST), second.transform(TEST))
    assert_array_equal(first.score_samples(TEST), second.score_samples(TEST))
    restored = pickle.loads(pickle.dumps(first))
    assert_array_equal(restored.transform(TEST), first.transform(TEST))
    assert_array_equal(restored.sample(3), first.sample(3))
    other = quick(random_state=1).fit(TRAIN)
    assert not np.array_equal(other.transform(TEST), first.transform(TEST))


def test_sizes_and_names():
    model = quick(hidden_layer_sizes=(20, 10), decoder_layer_sizes=(15,), n_components=3).fit(TRAIN)
    assert model.encoder_.sizes == (64, 20, 10, 6)
    assert model.decoder_.sizes == (3, 15, 64)
    assert quick(hidden_layer_sizes=(20, 10)).fit(TRAIN).decoder_.sizes == (8, 10, 20, 64)
    names = model.get_feature_names_out()
    assert names.tolist() == [f"variationalautoencoder{i}" for i in range(3)]
    frame = pd.DataFrame(TRAIN, columns=[f"p{i}" for i in range(64)])
    codes = quick(n_components=2).set_output(transform="pandas").fit_transform(frame)
    assert codes.columns.tolist() == ["variationalautoencoder0", "variationalautoencoder1"]
    for unfitted in (quick().transform, quick().score_samples, quick().inverse_transform):
        with pytest.raises(NotFittedError):
            unfitted(TEST)
    with pytest.raises(NotFittedError):
        quick().sample()
    with pytest.raises(ValueError, match="3"):
        model.inverse_transform(np.zeros((2, 4)))


def test_early_stopping_keeps_the_best():
    model = quick(max_iter=200, tol=1e-4).fit(TRAIN[:200], X_val=TEST)
    best = max(model.validation_scores_)
    assert len(model.validation_scores_) == model.n_iter_ < 200
    assert_allclose(model.score(TEST), best, rtol=0.02)
    held_out = quick(early_stopping=True, max_iter=200, tol=1e-4).fit(TRAIN)
    assert held_out.validation_scores_ is not None


def test_weights_are_repetitions_in_what_is_fitted():
    """Rows of no weight are not there; others weigh in the bound."""
    w = (np.arange(len(TRAIN)) % 3 > 0).astype(float)
    weighted = quick().fit(TRAIN, sample_weight=w)
    fewer = quick().fit(TRAIN[w > 0])
    assert_allclose(weighted.transform(TEST), fewer.transform(TEST), rtol=1e-8)
    heavy = np.where(DIGIT[:1300] == 0, 30.0, 1.0)
    model = quick(max_iter=30).fit(TRAIN, sample_weight=heavy)
    plain = quick(max_iter=30).fit(TRAIN)
    zeros = TEST[DIGIT[1300:] == 0]
    assert model.score(zeros) > plain.score(zeros)


def test_streams():
    model, scores = quick(batch_size=50), []
    for _ in range(10):
        for part in np.array_split(TRAIN, 3):
            model.partial_fit(part)
        scores.append(model.score(TEST))
    assert model.n_iter_ == len(model.loss_curve_) == 30
    assert scores[0] < scores[4] < scores[-1]
    restored = pickle.loads(pickle.dumps(model)).partial_fit(TRAIN[:300])
    assert_array_equal(restored.transform(TEST), model.partial_fit(TRAIN[:300]).transform(TEST))


def test_warm_start_goes_on():
    model = quick(warm_start=True).fit(TRAIN)
    first = model.loss_
    assert model.fit(TRAIN).loss_ < first
    model.set_params(n_components=3)
    with pytest.raises(ValueError, match="warm_start"):
        model.fit(TRAIN)
    model = quick(warm_start=True).fit(TRAIN).set_params(decoder_layer_sizes=(5,))
    with pytest.raises(ValueError, match="warm_start"):
        model.fit(TRAIN)


def test_searches_and_pipelines():
    pipeline = make_pipeline(MinMaxScaler(clip=True), quick(sl.ELBO(), max_iter=3))
    grid = {
        "variationalautoencoder__loss__beta": [0.5, 2.0],
        "variationalautoencoder__n_components": [2],
    }
    search = GridSearchCV(pipeline, grid, cv=3).fit(X)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    with pytest.raises(ValueError, match="loss=ELBO\\(\\) to VariationalAutoencoder"):
        quick().set_params(loss__beta=2.0)
    assert clone(quick(sl.ELBO(beta=2.0))).get_params()["loss__beta"] == 2.0


def test_callbacks():
    monitor = ScoringMonitor(scoring={"own": lambda model, X, y: model.score(X)})
    model = quick().set_callbacks(monitor).fit(TRAIN, DIGIT[:1300])  # without y it does nothing
    log = monitor.get_logs().data_as_pandas
    scores = log.loc[log["task_name"] == "iteration", "own"]
    assert len(scores) == 5
    assert scores.iloc[-1] == pytest.approx(model.score(TRAIN))
    assert_array_equal(quick().fit(TRAIN).transform(TEST), model.transform(TEST))


def test_fits_that_do_not_end_well_say_so():
    with pytest.warns(ConvergenceWarning, match="max_iter"):
        quick(tol=1e-9).fit(TRAIN)
    with pytest.warns(ConvergenceWarning, match="learning_rate_init"):
        model = quick(solver="sgd", learning_rate_init=1e12, max_iter=20).fit(TRAIN)
    assert np.isfinite(model.transform(TEST)).all()
    assert np.isfinite(model.score_samples(TEST)).all()


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (quick("huber"), "minimises an ELBO"),
        (quick("wasserstein"), "minimises an ELBO"),
        (quick(n_components=0), "n_components"),
        (quick(solver="newton"), "solver"),
        (quick(decoder_layer_sizes=(0,)), "decoder_layer_sizes"),
    ],
)
def test_bad_parameters(model, message):
    with pytest.raises(ValueError, match=message):
        model.fit(TRAIN)
