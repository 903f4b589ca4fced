"""A generator and a critic, trained against each other by Adam.

What keeps the game stable: columns are standardised, the critic takes several steps for one of the
generator, both rates fall linearly to 0, and the generator that is returned is an average of its
iterates that forgets the early ones, in which it circles around the solution.

References
----------
.. [1] I. Gulrajani et al., "Improved training of Wasserstein GANs", NeurIPS 2017.
.. [2] Y. Yazıcı et al., "The unusual effectiveness of averaging in GAN training", ICLR 2019.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .minibatch import AVERAGING, adam

EPSILON = 1e-8  # of Adam


@dataclass(frozen=True)
class DuelOptions:
    """Options of `Duel`.

    Parameters
    ----------
    max_iter : int
        Steps of the generator over which the rates fall to 0.
    n_critic : int
        Steps of the critic for one of the generator.
    batch_size : int
        Rows of the data, and of the generator, a step.
    learning_rate : float
        Initial rate of Adam.
    beta_1, beta_2 : float
        Its decays.
    """

    max_iter: int
    n_critic: int
    batch_size: int
    learning_rate: float
    beta_1: float
    beta_2: float


class Player:
    """A network, and the state of its optimiser."""

    def __init__(self, network, options):
        self.network, self.options = network, options
        theta = network.theta
        self.average = theta.copy()
        self.gradient, self.first, self.second = (np.zeros_like(theta) for _ in range(3))
        self.time = 0

    def step(self, factor):
        """Take a step along the gradient, at `factor` times the rate."""
        options, theta = self.options, self.network.theta
        self.time += 1
        b1, b2 = options.beta_1, options.beta_2
        root = np.sqrt(1.0 - b2**self.time)
        rate = factor * options.learning_rate * root / (1.0 - b1**self.time)
        share = AVERAGING / (self.time + AVERAGING - 1)
        adam(theta, self.gradient, self.first, self.second, self.average, rate, b1, b2,
             EPSILON * root, share)  # fmt: skip

    def state(self):
        """Return all arrays that a step changes."""
        return [self.network.theta, self.average, self.first, self.second]


class Duel:
    """The game of a generator and a critic on standardised rows.

    Parameters
    ----------
    loss : object
        With `critic_objective`, `generator_objective`, `gradient_penalty`, `penalty`, `clip`.
    generator, critic : Network
        The networks to start from; they are changed.
    options : DuelOptions
    rng : numpy.random.Generator
    unit : float, default=1.0
        What the penalty on the critic's slopes is measured in.
    """

    def __init__(self, loss, generator, critic, options, rng, unit=1.0):
        self.loss, self.options, self.rng, self.unit = loss, options, rng, unit
        self.generator, self.critic = Player(generator, options), Player(critic, options)
        self.penalised = loss.clip is None and loss.gradient_penalty > 0
        self.time = 0
        if loss.clip is not None:
            self._clip()

    def step(self, X):
        """Take a step of the generator after those of the critic; return what both paid last."""
        factor = 1.0 - self.time / self.options.max_iter
        self.time += 1
        for _ in range(self.options.n_critic):
            paid = self._critic_step(X, factor)
        return paid, self._generator_step(X.dtype, factor)

    def is_finite(self):
        """Return whether all parameters are."""
        players = self.generator, self.critic
        return all(np.isfinite(player.network.theta).all() for player in players)

    def state(self):
        """Return copies of what the steps change, for `restore`."""
        return [array.copy() for array in self._arrays()]

    def restore(self, state):
        """Go back to a state."""
        for array, kept in zip(self._arrays(), state, strict=True):
            array[...] = kept

    def _arrays(self):
        return self.generator.state() + self.critic.state()

    def _codes(self, dtype):
        shape = self.options.batch_size, self.generator.network.sizes[0]
        return self.rng.standard_normal(shape, dtype)

    def _critic_step(self, X, factor):
        player, n = self.critic, self.options.batch_size
        critic = player.network
        rows = np.empty((2 * n, X.shape[1]), X.dtype)
        X.take(self.rng.integers(X.shape[0], size=n), axis=0, out=rows[:n])
        rows[n:] = self.generator.network.predict(self._codes(X.dtype))
        layers = critic.forward(rows)
        scores = layers[-1].reshape(-1)
        grads = np.empty_like(scores)
        value = self.loss.critic_objective(scores[:n], scores[n:], grads[:n], grads[n:])
        critic.backward(rows, layers, grads[:, None], player.gradient)
        if self.penalised:
            value += self._penalise(rows[:n], rows[n:])
        player.step(factor)
        if self.loss.clip is not None:
            self._clip()
        return value

    def _penalise(self, real, fake):
        """Add the penalty's gradient at random points between rows of both kinds."""
        critic = self.critic.network
        rows = fake + self.rng.random((len(real), 1), real.dtype) * (real - fake)
        layers = critic.forward(rows)
        ones = np.ones((len(rows), 1), real.dtype)
        slopes, deltas = critic.input_gradients(layers, ones)
        value, direction = self.loss.penalty(slopes)
        direction /= self.unit
        critic.add_second_order(rows, layers, deltas, direction, self.critic.gradient)
        return value / self.unit

    def _clip(self):
        theta = self.critic.network.theta
        np.clip(theta, -self.loss.clip, self.loss.clip, out=theta)

    def _generator_step(self, dtype, factor):
        player, critic = self.generator, self.critic.network
        codes = self._codes(dtype)
        made = player.network.forward(codes)
        layers = critic.forward(made[-1])
        scores = layers[-1].reshape(-1)
        grad = np.empty_like(scores)
        value = self.loss.generator_objective(scores, grad)
        delta, _ = critic.input_gradients(layers, grad[:, None])
        player.network.backward(codes, made, delta, player.gradient)
        player.step(factor)
        return value
