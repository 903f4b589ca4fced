"""`GenerativeAdversarialNetwork`: samples like the data, by any adversarial loss."""

from __future__ import annotations

import warnings
from math import inf, sqrt
from typing import Annotated, ClassVar

import numpy as np
from sklearn.callback import with_callbacks
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from .._bases.adversarial import AdversarialLoss
from .._bases.loss import Loss
from .._bases.params import Interval
from .._fit.estimator import COUNT, OPEN_UNIT, SIZES, LossHolder
from .._fit.fitting import WIDE
from .._fit.progress import Progress
from .._fit.solver import hidden_sizes
from .._registry import get_loss
from ..network import ACTIVATIONS, Network
from ..solvers.duel import Duel, DuelOptions
from ..solvers.minibatch import Standardiser
from ..solvers.moments import column_moments
from ._coverage import coverage

STEPS = 100  # of the generator between looks at the game
APART = 40.0  # distance of rows that the usual gradient penalty suits: that of small images
COLLAPSED = 0.6  # coverage below which a warning tells


class GenerativeAdversarialNetwork(LossHolder):
    """Generative adversarial network: a generator of rows, trained against a critic.

    The generator maps codes, standard normal numbers, to rows; the critic learns to tell them from
    rows of the data, and the generator to make it fail. Columns are standardised implicitly.

    Parameters
    ----------
    loss : str or Loss, default="wasserstein"
        `Wasserstein`, `NonSaturating`, `HingeGAN`, `LeastSquaresGAN` or `Minimax`, by name or as an
        object, or your own `AdversarialLoss`.
    n_components : int, default=16
        Length of a code.
    hidden_layer_sizes : tuple of int, default=(64, 64)
        Units of each hidden layer of the generator.
    critic_layer_sizes : tuple of int, default=None
        The same of the critic; None: those of the generator.
    activation : {"relu", "tanh", "logistic", "softplus", "identity"}, default="relu"
        Of the hidden layers.
    n_critic : int or "auto", default="auto"
        Steps of the critic for one of the generator. "auto": 2 where the loss bounds the critic's
        slopes, as `Wasserstein` does, else 1: without a bound a critic that is ahead teaches
        nothing.
    learning_rate_init : float, default=0.003
        Rate of Adam for both, from which it falls linearly to 0.
    beta_1, beta_2 : float, default=0.5, 0.9
        Decays of Adam.
    batch_size : int, default=128
        Rows of the data, and as many of the generator, a step.
    average : bool, default=True
        Whether the generator is an average of its iterates, of which it forgets the early ones;
        else the last one.
    max_iter : int, default=5000
        Steps of the generator: of batches, not of passes over the data.
    random_state : int, RandomState or None, default=None
        Seed of weights, codes and batches.
    verbose : int, default=0
        Prints a line for every 100 steps if positive.

    Attributes
    ----------
    generator_, critic_ : Network
        The networks: from codes to rows, from rows to one score, higher where more real.
    critic_curve_, generator_curve_ : list of float
        What each paid, a mean for every 100 steps. Of `Wasserstein`, the critic's, negated,
        estimates the distance of samples and data, in units of the columns' spread.
    coverage_ : float
        The share of the rows of the data near which a sample lies, as `score` returns it.
    n_iter_ : int
        Steps taken.
    loss_function_ : Loss
        The loss.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.

    See Also
    --------
    VariationalAutoencoder : Codes and likelihoods too, at the price of smoother samples.

    Notes
    -----
    A fit that diverges stops at its last finite networks, and one whose `coverage_` is less than
    0.6 has collapsed onto a part of the data (or has only begun): both warn, and say what helps.

    What factor of a gradient penalty is right depends on the scale of the data. Here it means rows
    that are 40 apart, as the images are that the usual 10 was found on; distances are measured
    accordingly.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal([1.0, 2.0], 0.1, (200, 2))
    >>> model = GenerativeAdversarialNetwork(max_iter=300, random_state=0).fit(X)
    >>> model.sample(500).mean(axis=0).round()
    array([1., 2.])
    """

    loss: Annotated[str | Loss, (str, Loss)] = "wasserstein"
    n_components: Annotated[int, COUNT] = 16
    hidden_layer_sizes: Annotated[tuple, SIZES] = (64, 64)
    critic_layer_sizes: Annotated[tuple | None, (*SIZES, None)] = None
    activation: Annotated[str, tuple(ACTIVATIONS)] = "relu"
    n_critic: Annotated[int | str, (COUNT, "auto")] = "auto"
    learning_rate_init: Annotated[float, Interval(0, inf)] = 0.003
    beta_1: Annotated[float, OPEN_UNIT] = 0.5
    beta_2: Annotated[float, OPEN_UNIT] = 0.9
    batch_size: Annotated[int, COUNT] = 128
    average: Annotated[bool, bool] = True
    max_iter: Annotated[int, COUNT] = 5000
    random_state: int | None = None
    verbose: Annotated[int | bool, (bool, Interval(0, inf, closed="left", integer=True))] = 0

    tasks: ClassVar[tuple] = ("generative",)

    @with_callbacks
    def fit(self, X, y=None):
        """Fit the model.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Data.
        y : ignored
            For pipelines.

        Returns
        -------
        self
        """
        self._validate_params()
        self.loss_function_ = self._resolve_loss()
        progress = Progress(self, X, y, None, -(-self.max_iter // STEPS))
        X = validate_data(self, X, dtype=[np.float64, np.float32], ensure_min_samples=2)
        progress.begin(X, joint=True)
        random_state = check_random_state(self.random_state)
        rng = np.random.default_rng(random_state.randint(2**31 - 1))
        mean, spread = column_moments(X, np.ones(len(X), X.dtype), centre=True)
        inputs = Standardiser(mean, spread, np.zeros(1), np.ones(1), X.dtype)
        codes = np.zeros(self.n_components), np.ones(self.n_components)
        outputs = Standardiser(*codes, mean, spread, X.dtype)
        duel = self._new_duel(X.shape[1], X.dtype, random_state, rng, np.count_nonzero(spread))
        Z = (X - inputs.mean) * inputs.inverse

        def networks():
            made = duel.generator.average if self.average else duel.generator.network.theta
            critic = duel.critic.network
            return outputs.outer(duel.generator.network, made), inputs.outer(critic, critic.theta)

        with threadpool_limits(self._threads(duel), user_api="blas"):
            self._play(duel, Z, progress, networks)
        self._set_model(networks(), single=False)
        self.coverage_ = coverage(X, self._rows, rng)
        if self.coverage_ < COLLAPSED:
            self._warn(
                f"Samples lie near {self.coverage_:.0%} of the data only (coverage_): the "
                "generator has collapsed onto a part of it, or is not there yet. Use "
                "loss='wasserstein', a larger max_iter, or more units."
            )
        progress.end()
        return self

    def sample(self, n_samples=1, random_state=None):
        """Draw rows like those of the data.

        Parameters
        ----------
        n_samples : int, default=1
            How many.
        random_state : int, RandomState or None, default=None
            Seed; None: that of the estimator.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Rows.
        """
        check_is_fitted(self)
        seed = check_random_state(self.random_state if random_state is None else random_state)
        return self._rows(n_samples, np.random.default_rng(seed.randint(2**31 - 1)))

    def score(self, X, y=None):
        """Return how much of the data the samples reach.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Data.
        y : ignored
            For pipelines.

        Returns
        -------
        float
            The share of rows (of 1000, if there are more) that have a sample nearer than the 2% of
            rows nearest to them (5 at least), of as many samples as rows [1]_: 1 for samples of the
            distribution of the data, less by the part of it that they miss.

        References
        ----------
        .. [1] Naeem, M. F. et al. (2020). Reliable fidelity and diversity metrics for generative
           models. ICML. doi:10.48550/arXiv.2002.09797
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        rng = np.random.default_rng(0)  # the same samples at each call
        return coverage(X, self._rows, rng)

    # ------------------------------------------------------------------ inside

    def _resolve_loss(self):
        loss = get_loss(self.loss)
        loss._validate_params()
        if not isinstance(loss, AdversarialLoss):
            raise ValueError(
                f"{type(self).__name__} takes an adversarial loss, such as 'wasserstein' or "
                f"'non_saturating'. Got {loss!r} instead."
            )
        return loss

    def _new_duel(self, n_features, dtype, random_state, rng, n_active):
        hidden = hidden_sizes(self.hidden_layer_sizes)
        own = self.critic_layer_sizes
        sizes = (
            (self.n_components, *hidden, n_features),
            (n_features, *(hidden if own is None else hidden_sizes(own)), 1),
        )
        networks = [
            Network(layers, self.activation, dtype).initialise(random_state, outputs=True)
            for layers in sizes
        ]
        loss = self.loss_function_
        bounded = loss.clip is not None or loss.gradient_penalty > 0
        n_critic = (2 if bounded else 1) if self.n_critic == "auto" else self.n_critic
        options = DuelOptions(
            self.max_iter, n_critic, self.batch_size, self.learning_rate_init,
            self.beta_1, self.beta_2,
        )  # fmt: skip
        # rows of standardised columns are about sqrt(2 d) apart
        unit = APART / sqrt(2 * max(n_active, 1))
        return Duel(loss, *networks, options, rng, unit)

    def _threads(self, duel):
        """Return the limit of threads of the BLAS: they cost small products more than they save."""
        players = (duel.generator, duel.critic)
        widest = max(coef.size for player in players for coef in player.network.coefs)
        return 1 if 2 * self.batch_size * widest < WIDE * 10 else None

    def _play(self, duel, Z, progress, networks):
        """Take the steps, and record, report and watch them."""
        self.critic_curve_, self.generator_curve_, self.n_iter_ = [], [], 0
        kept = duel.state()
        while self.n_iter_ < self.max_iter:
            steps = min(STEPS, self.max_iter - self.n_iter_)
            with np.errstate(all="ignore"):  # told below
                paid = np.mean([duel.step(Z) for _ in range(steps)], axis=0)
            if not (np.isfinite(paid).all() and duel.is_finite()):
                duel.restore(kept)
                self._warn(
                    "The game diverged and stopped at its last finite networks. Use a smaller "
                    "learning_rate_init, or a loss with a gradient penalty, such as 'wasserstein'."
                )
                return
            kept = duel.state()
            self.n_iter_ += steps
            for curve, value in zip((self.critic_curve_, self.generator_curve_), paid, strict=True):
                curve.append(float(value))
            if self.verbose:
                print(  # noqa: T201
                    f"Step {self.n_iter_}, critic = {paid[0]:.6g}, generator = {paid[1]:.6g}"
                )
            if progress.wanted and progress.iteration(networks()):
                return

    def _warn(self, message):
        warnings.warn(message, ConvergenceWarning, stacklevel=4)

    def _set_model(self, model, *, single):
        self.generator_, self.critic_ = model

    def _rows(self, n_samples, rng):
        network = self.generator_
        return network.predict(rng.standard_normal((n_samples, network.sizes[0]), network.dtype))
