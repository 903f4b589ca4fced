"""`GenerativeAdversarialNetwork`: a ring of modes, collapse and divergence, its habits."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.callback import ScoringMonitor
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV

import sklosses as sl
from sklosses._bases.adversarial import AdversarialLoss
from sklosses.generative._coverage import coverage
from sklosses.network import Network
from sklosses.solvers.duel import Duel, DuelOptions

# short fits have not arrived anywhere
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

MODES, RADIUS, SIGMA = 8, 2.0, 0.05
ANGLES = 2 * np.pi * np.arange(MODES) / MODES
CENTRES = RADIUS * np.column_stack((np.cos(ANGLES), np.sin(ANGLES)))
LOSSES = [cls for cls in sl.all_losses("generative") if issubclass(cls, AdversarialLoss)]


def ring(n=2000, seed=0):
    rng = np.random.default_rng(seed)
    return CENTRES[rng.integers(MODES, size=n)] + SIGMA * rng.normal(size=(n, 2))


def modes_of(samples):
    """The share of samples within 4 σ of a mode, and the modes that 2% of them are near."""
    distances = np.linalg.norm(samples[:, None] - CENTRES, axis=2)
    near = distances.min(axis=1) < 4 * SIGMA
    counts = np.bincount(distances.argmin(axis=1)[near], minlength=MODES)
    return near.mean(), int((counts >= 0.02 * len(samples)).sum())


def quick(loss="wasserstein", **options):
    usual = {"max_iter": 200, "hidden_layer_sizes": (16,), "random_state": 0}
    return sl.GenerativeAdversarialNetwork(loss, **{**usual, **options})


@pytest.fixture
def blob(rng):
    return rng.normal([1.0, -2.0, 3.0], [0.1, 1.0, 10.0], (400, 3))


# ------------------------------------------------------------------ what it is for


@pytest.mark.filterwarnings("error")
def test_wasserstein_covers_the_ring():
    """With its defaults, and without a warning; ``benchmarks generative`` tries five seeds."""
    model = sl.GenerativeAdversarialNetwork(random_state=0).fit(ring().astype(np.float32))
    near, modes = modes_of(model.sample(4000))
    assert near >= 0.9
    assert modes == MODES
    assert model.coverage_ > 0.6
    assert_allclose(model.score(ring(1000, seed=100)), model.coverage_, atol=0.15)


@pytest.mark.parametrize("loss", ["minimax", "non_saturating"])
def test_other_games_cover_the_ring_or_say_so(loss):
    model = sl.GenerativeAdversarialNetwork(loss, max_iter=2000, random_state=0)
    _, modes = modes_of(model.fit(ring().astype(np.float32)).sample(4000))
    assert modes >= 4 or model.coverage_ < 0.6


def test_collapse_is_told():
    """A critic that is far ahead, as with many steps of its own."""
    model = sl.GenerativeAdversarialNetwork(
        "non_saturating", n_critic=5, max_iter=600, random_state=0
    )
    with pytest.warns(ConvergenceWarning, match=r"near \d+% of the data.*loss='wasserstein'"):
        model.fit(ring())
    _, modes = modes_of(model.sample(2000))
    assert modes < 4
    assert model.coverage_ < 0.5


def test_clipped_critic():
    model = sl.GenerativeAdversarialNetwork(
        sl.Wasserstein(clip=0.1), max_iter=3000, random_state=0
    ).fit(ring().astype(np.float32))
    near, modes = modes_of(model.sample(4000))
    assert near > 0.3
    assert modes >= 7


def test_digits():
    X, _ = load_digits(return_X_y=True)
    model = sl.GenerativeAdversarialNetwork(max_iter=1000, random_state=0).fit(X)
    samples = model.sample(1000)
    assert model.coverage_ > 0.8
    assert_allclose(samples.mean(axis=0), X.mean(axis=0), atol=1.5)
    constant = X.std(axis=0) == 0
    assert constant.any()
    assert_array_equal(samples[:, constant], 0)  # as in the data
    assert model.critic_curve_[-1] > model.critic_curve_[0]  # the negated distance


@pytest.mark.parametrize("cls", LOSSES, ids=lambda cls: cls.__name__)
def test_every_loss_finds_a_blob_at_any_scale(cls, blob):
    model = quick(cls(), max_iter=1500).fit(blob)
    samples = model.sample(2000)
    assert (np.abs(samples.mean(axis=0) - blob.mean(axis=0)) < 0.5 * blob.std(axis=0)).all()
    assert (samples.std(axis=0) > 0.4 * blob.std(axis=0)).all()
    assert len(model.critic_curve_) == len(model.generator_curve_) == 15
    assert model.n_iter_ == 1500


# ------------------------------------------------------------------ the game


def duel(loss, rng, **options):
    usual = {"max_iter": 10, "n_critic": 1, "batch_size": 16, "learning_rate": 0.01}
    networks = Network((3, 5, 2), "tanh"), Network((2, 6, 1), "tanh")
    for network in networks:
        network.theta[:] = rng.normal(size=network.theta.size)
    settings = DuelOptions(**{**usual, **options}, beta_1=0.5, beta_2=0.9)
    return Duel(loss, *networks, settings, np.random.default_rng(0), unit=2.0)


@pytest.mark.parametrize("cls", LOSSES, ids=lambda cls: cls.__name__)
def test_gradients_of_the_game(cls, rng):
    """Those of a step are the derivatives of what each player pays, by differences."""
    loss, X = cls(), rng.normal(size=(30, 2))
    game = duel(loss, rng)
    start = pickle.dumps(game.rng)

    def paid(step, player, theta):
        kept = player.network.theta.copy()
        player.network.theta[:] = theta
        game.rng = pickle.loads(start)
        player.step = lambda factor: None
        value = step()
        player.network.theta[:] = kept
        return value

    for player, step in (
        (game.critic, lambda: game._critic_step(X, 1.0)),
        (game.generator, lambda: game._generator_step(X.dtype, 1.0)),
    ):
        theta = player.network.theta.copy()
        paid(step, player, theta)
        gradient = player.gradient.copy()
        steps = 1e-5 * np.eye(theta.size)
        slopes = [
            (paid(step, player, theta + s) - paid(step, player, theta - s)) / 2e-5 for s in steps
        ]
        assert_allclose(gradient, slopes, rtol=1e-5, atol=1e-8)


def test_clipping_bounds_the_critic(rng):
    game = duel(sl.Wasserstein(clip=0.05), rng)
    for _ in range(3):
        game.step(rng.normal(size=(30, 2)))
        assert np.abs(game.critic.network.theta).max() <= 0.05


def test_states_are_restored(rng):
    game, X = duel(sl.Wasserstein(), rng), rng.normal(size=(30, 2))
    game.step(X)
    kept = game.state()
    game.step(X)
    assert not np.array_equal(kept[0], game.generator.network.theta)
    game.restore(kept)
    for array, expected in zip(game._arrays(), kept, strict=True):
        assert_array_equal(array, expected)


# ------------------------------------------------------------------ collapse and divergence


def test_coverage(rng):
    X = ring(1500)
    assert coverage(X, lambda n, rng: ring(n, seed=1), rng) > 0.99
    for missing in (2, 4, 6):
        some = ring(9000, seed=2)
        some = some[np.arctan2(some[:, 1], some[:, 0]) % (2 * np.pi) < ANGLES[-missing] - 0.1]
        covered = coverage(X, lambda n, rng, some=some: some[:n], rng)
        assert_allclose(covered, 1 - missing / MODES, atol=0.06)
    assert coverage(X, lambda n, rng: np.zeros((n, 2)), rng) == 0
    scales = np.array([1.0, 1e6])
    assert coverage(scales * X, lambda n, rng: scales * ring(n, seed=1), rng) > 0.99
    assert coverage(np.ones((10, 2)), lambda n, rng: np.ones((n, 2)), rng) == 1
    repeated = np.repeat(X[:100], 20, axis=0)  # no row is its own neighbour
    assert coverage(repeated, lambda n, rng: X[:n] + 1e-3, rng) == 1


def test_divergence_is_told_and_leaves_finite_networks(blob):
    class Explosive(sl.NonSaturating):
        """Whose generator is pushed harder and harder."""

        jit = False

        def fooled(self, z):
            return -np.exp(np.exp(abs(z))), -np.exp(np.exp(abs(z) + 5.0))

    model = quick(Explosive(), learning_rate_init=0.5)
    with pytest.warns(ConvergenceWarning, match="learning_rate_init"):
        model.fit(blob)
    assert model.n_iter_ < 200
    for network in (model.generator_, model.critic_):
        assert np.isfinite(network.theta).all()
    assert np.isfinite(model.sample(10)).all()


# ------------------------------------------------------------------ scikit-learn's habits


def test_random_states_are_reproducible(blob):
    first, second = (quick().fit(blob) for _ in range(2))
    assert_array_equal(first.sample(5), second.sample(5))
    assert_array_equal(first.sample(5), first.sample(5))
    assert first.critic_curve_ == second.critic_curve_
    assert not np.array_equal(first.sample(5), first.sample(5, random_state=1))
    assert not np.array_equal(first.sample(5), quick(random_state=1).fit(blob).sample(5))
    generator = quick(random_state=np.random.RandomState(0)).fit(blob)
    assert generator.critic_curve_ == first.critic_curve_
    restored = pickle.loads(pickle.dumps(first))
    assert_array_equal(restored.sample(5), first.sample(5))
    assert restored.score(blob) == first.score(blob)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtypes(dtype, blob):
    model = quick().fit(blob.astype(dtype))
    assert model.sample(3).dtype == model.critic_.theta.dtype == dtype


def test_the_average_is_another_generator(blob):
    average, last = quick().fit(blob), quick(average=False).fit(blob)
    assert average.critic_curve_ == last.critic_curve_
    assert not np.array_equal(average.generator_.theta, last.generator_.theta)


def test_networks_are_of_natural_rows(blob):
    model = quick(critic_layer_sizes=(7, 6), n_components=4).fit(blob)
    assert model.generator_.sizes == (4, 16, 3)
    assert model.critic_.sizes == (3, 7, 6, 1)
    rng = np.random.default_rng(np.random.RandomState(0).randint(2**31 - 1))
    codes = rng.standard_normal((5, 4))
    assert_allclose(model.generator_.predict(codes), model.sample(5))


def test_data_frames_and_searches(blob):
    frame = pd.DataFrame(blob, columns=list("abc"))
    model = quick().fit(frame)
    assert model.feature_names_in_.tolist() == list("abc")
    with pytest.raises(ValueError, match="feature names"):
        model.score(frame[["a", "b"]])
    search = GridSearchCV(
        quick(sl.Wasserstein()), {"loss__gradient_penalty": [1.0, 10.0], "n_critic": [1, 2]}, cv=2
    ).fit(blob)
    assert (search.cv_results_["mean_test_score"] > 0).any()
    with pytest.raises(ValueError, match="loss=Wasserstein\\(\\) to GenerativeAdversarialNetwork"):
        quick().set_params(loss__clip=0.1)
    assert clone(quick(sl.Wasserstein(clip=0.1))).loss == sl.Wasserstein(clip=0.1)
    with pytest.raises(NotFittedError):
        quick().sample()


class Stop:
    """Ends a fit after two looks."""

    def setup(self, estimator, context):
        self.count = 0

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        self.count += context.task_name == "iteration"
        return self.count >= 2


def test_callbacks(blob):
    monitor = ScoringMonitor(scoring={"own": lambda model, X, y: model.score(X)})
    model = quick(max_iter=400).set_callbacks(monitor).fit(blob, np.zeros(len(blob)))
    log = monitor.get_logs().data_as_pandas
    scores = log.loc[log["task_name"] == "iteration", "own"]
    assert len(scores) == len(model.critic_curve_) == 4
    assert scores.iloc[-1] == pytest.approx(model.score(blob))
    stopped = quick(max_iter=400).set_callbacks(Stop()).fit(blob)
    assert stopped.n_iter_ == 200
    assert stopped.critic_curve_ == model.critic_curve_[:2]


def test_progress_is_printed(blob, capsys):
    quick(max_iter=250, verbose=1).fit(blob)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["Step 100", "Step 200", "Step 250"]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (quick("elbo"), "adversarial loss"),
        (quick("huber"), "adversarial loss"),
        (quick(sl.Wasserstein(clip=-1.0)), "clip"),
        (quick(n_critic=0), "n_critic"),
        (quick(n_critic="some"), "n_critic"),
        (quick(learning_rate_init=0.0), "learning_rate_init"),
        (quick(critic_layer_sizes=(0,)), "critic_layer_sizes"),
    ],
)
def test_bad_parameters(model, message, blob):
    with pytest.raises(ValueError, match=message):
        model.fit(blob)


def test_bad_data(blob):
    with pytest.raises(ValueError, match="NaN"):
        quick().fit(np.where(blob > 5, np.nan, blob))
    with pytest.raises(ValueError, match="minimum of 2"):
        quick().fit(blob[:1])
