"""Minibatch optimisers for networks (and linear maps): SGD with momentum, Adam, AdaGrad.

What makes the defaults work on raw data: columns are standardised implicitly, a batch at a time;
outputs are measured in units of the targets and start at the best constant; and the result is an
average of the iterates that forgets the early ones polynomially, which does what a decaying rate
would do, without a horizon.

References
----------
.. [1] D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015.
.. [2] J. Duchi, E. Hazan and Y. Singer, "Adaptive subgradient methods for online learning and
   stochastic optimization", JMLR 12, 2011.
.. [3] O. Shamir and T. Zhang, "Stochastic gradient descent for non-smooth optimization:
   convergence results and optimal averaging schemes", ICML 2013.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from .._numba import kernel, prefetch
from ..network import Network

AVERAGING = 8.0  # the average weighs step t by t**7
SOLVERS = ("sgd", "adam", "adagrad")
RATES = {"sgd": 0.05, "adam": 0.002, "adagrad": 0.02}
LINEAR_RATES = {"sgd": 0.05, "adam": 0.05, "adagrad": 0.5}  # convex, and started at 0
FEW, FEW_GROUPS = 200, 16  # rows of a batch; groups, of losses whose terms are groups
MANY = 10_000  # rows whose outputs are computed at a time
LINE = 64  # bytes of a cache line


@dataclass(frozen=True)
class MinibatchOptions:
    """Options of `Minibatch`; the names are those of scikit-learn's `MLPRegressor`.

    Parameters
    ----------
    solver : {"adam", "sgd", "adagrad"}
        The rule of a step; "sgd" has momentum.
    l1, l2 : float
        Strengths of the penalties on the matrices; biases are not penalised.
    fit_intercept : bool
        Whether the last layer has a bias.
    learning_rate : {"adaptive", "constant", "invscaling"}
        "constant" and "adaptive" keep `learning_rate_init` (the caller of "adaptive" lowers
        `Minibatch.rate` on a plateau); "invscaling" divides it by ``t**power_t``.
    learning_rate_init : float, default=None
        None: 0.002 for "adam", 0.05 for "sgd", 0.02 for "adagrad"; more without hidden layers.
    power_t, momentum, beta_1, beta_2, epsilon : float
        As in scikit-learn.
    batch_size : int or "auto"
        Rows a step; "auto": 200, fewer if there are few. Groups stay whole, and "auto" takes 16 of
        usual length at least.
    average : bool
        Whether the result is an average of the iterates.
    shuffle : bool
        Whether an epoch visits the rows in random order.
    """

    solver: str = "adam"
    l1: float = 0.0
    l2: float = 1e-4
    fit_intercept: bool = True
    learning_rate: str = "adaptive"
    learning_rate_init: float | None = None
    power_t: float = 0.5
    momentum: float = 0.9
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    batch_size: int | str = "auto"
    average: bool = True
    shuffle: bool = True


# ------------------------------------------------------------------------- kernels


@kernel
def _gather(X, rows, mean, inverse, out):
    """Fill `out` with the standardised rows of `X`."""
    d = mean.size
    for i in range(rows.size):
        if i + 4 < rows.size:
            for element in range(0, d, LINE // X.itemsize):
                prefetch(X, rows[i + 4] * d + element)
        source, target = X[rows[i]], out[i]
        for j in range(d):
            target[j] = (source[j] - mean[j]) * inverse[j]


@kernel
def adam(theta, gradient, first, second, average, rate, beta_1, beta_2, epsilon, share):
    """Take a step of Adam (`rate` has the bias corrections in it) and add it to the average."""
    real = theta.dtype.type
    b1, b2, e, r, s = real(beta_1), real(beta_2), real(epsilon), real(rate), real(share)
    c1, c2 = real(1.0 - beta_1), real(1.0 - beta_2)
    for i in range(theta.size):
        g = gradient[i]
        first[i] = b1 * first[i] + c1 * g
        second[i] = b2 * second[i] + c2 * g * g
        theta[i] -= r * first[i] / (np.sqrt(second[i]) + e)
        average[i] += s * (theta[i] - average[i])


@kernel
def _adagrad(theta, gradient, second, average, rate, epsilon, share):
    real = theta.dtype.type
    e, r, s = real(epsilon), real(rate), real(share)
    for i in range(theta.size):
        g = gradient[i]
        second[i] += g * g
        theta[i] -= r * g / (np.sqrt(second[i]) + e)
        average[i] += s * (theta[i] - average[i])


@kernel
def _momentum(theta, gradient, velocity, average, rate, momentum, share):
    """Take a step of Nesterov's accelerated gradient."""
    real = theta.dtype.type
    m, r, s = real(momentum), real(rate), real(share)
    for i in range(theta.size):
        step = r * gradient[i]
        velocity[i] = m * velocity[i] - step
        theta[i] += m * velocity[i] - step
        average[i] += s * (theta[i] - average[i])


@kernel
def _penalise(theta, gradient, l1, l2):
    """Add the derivatives of the penalties, whose strengths differ by parameter."""
    for i in range(theta.size):
        x = theta[i]
        gradient[i] += l2[i] * x + (l1[i] if x > 0.0 else -l1[i] if x < 0.0 else 0.0)


# ------------------------------------------------------------------------- training


class Standardiser:
    """The natural coordinates of a network's inputs and outputs, and those it is trained in.

    Parameters
    ----------
    mean, spread : ndarray of shape (n_features,)
        Of the columns; a spread of 0 leaves a column out.
    start, scale : ndarray of shape (n_outputs,)
        Raw outputs to start from, and their units.
    unit : float
        What the loss is measured in, so that targets of any scale take the same steps.
    """

    def __init__(self, mean, spread, start, scale, dtype, unit=1.0):
        with np.errstate(divide="ignore"):
            inverse = np.where(spread > 0, 1.0 / spread, 0.0)
        self.mean, self.inverse = mean.astype(dtype), inverse.astype(dtype)
        self.spread = spread
        self.start, self.scale = np.asarray(start, float), np.asarray(scale, float)
        self.unit = unit

    def fill_gaps(self):
        """Give columns that look constant so far a spread of 1: further rows may differ."""
        gaps = self.spread == 0
        self.spread = np.where(gaps, 1.0, self.spread)
        self.inverse[gaps] = 1.0

    def rows(self, X):
        """Return rows in these coordinates."""
        if sparse.issparse(X):
            return X.multiply(self.inverse).tocsr()
        return (X - self.mean) * self.inverse

    def outer(self, network, theta):
        """Return a network of natural inputs and outputs from one of standardised ones."""
        natural = network.copy(theta.copy())
        last, shift = natural.coefs[-1], natural.intercepts[-1]
        start, scale = self._outputs(shift)
        last *= scale
        shift *= scale
        shift += start
        first = natural.coefs[0]
        first *= self.inverse[:, None]
        natural.intercepts[0] -= (self.mean @ first).astype(first.dtype)
        return natural

    def inner(self, natural):
        """Return the parameters of the network of standardised inputs and outputs."""
        network = natural.copy()
        first = network.coefs[0]
        network.intercepts[0] += (self.mean @ first).astype(first.dtype)
        first *= self.spread[:, None].astype(first.dtype)
        shift = network.intercepts[-1]
        start, scale = self._outputs(shift)
        shift -= start
        network.coefs[-1][...] /= scale
        shift /= scale
        return network.theta

    def _outputs(self, last):
        """Return start and scale of the outputs of the last layer; others may follow them."""
        return self.start[: last.size].astype(last.dtype), self.scale[: last.size].astype(
            last.dtype
        )


class Minibatch:
    """A network in training: all that is needed to go on with the same or with new rows.

    Parameters
    ----------
    network : Network
        The network to start from, of natural inputs and outputs.
    standardiser : Standardiser
        The coordinates to train in.
    options : MinibatchOptions

    Attributes
    ----------
    rate : float
        Factor of the learning rate.
    diverged : bool
        Whether the last epoch overflowed; its steps were then taken back.
    """

    def __init__(self, network, standardiser, options):
        self.options = options
        self.shape = network
        self.standardiser = standardiser
        self.network = network.copy(standardiser.inner(network))
        theta = self.network.theta
        self.average = theta.copy()
        self.state = [np.zeros_like(theta), np.zeros_like(theta)]
        self.time = 0
        self.rate = 1.0
        self.diverged = False
        self.l1, self.l2 = self._penalties()
        self.gradient = np.zeros_like(theta)

    def _penalties(self):
        """Return the strength of both penalties for each parameter.

        A linear model is penalised in natural coordinates, as everywhere in scikit-learn; the
        hidden layers of a network see standardised columns, and so does the penalty, which is
        then in units of the loss.
        """
        l1, l2 = np.zeros_like(self.network.theta), np.zeros_like(self.network.theta)
        for strength, array in ((self.options.l1, l1), (self.options.l2, l2)):
            for coef in self.network.views(array)[0]:
                coef[...] = strength
        if len(self.network.coefs) == 1:
            inverse = self.standardiser.inverse[:, None] * self.standardiser.scale
            self.network.views(l1)[0][0][...] *= np.abs(inverse) / self.standardiser.unit
            self.network.views(l2)[0][0][...] *= inverse**2 / self.standardiser.unit
        return l1, l2

    def batch_size(self, sample_weight):
        """Return the number of rows a step."""
        size = self.options.batch_size
        return min(FEW if size == "auto" else size, np.count_nonzero(sample_weight))

    def penalty(self):
        """Return the penalty at the last iterate."""
        theta = self.network.theta
        value = self.l1 @ np.abs(theta) + 0.5 * (self.l2 @ theta**2)
        return float(value) * self.standardiser.unit

    def run_epoch(self, loss, X, y, sample_weight, seed=None):
        """Take a step for each batch of rows of positive weight.

        Parameters
        ----------
        loss : object
            With `objective(y, raw, w, out_gradient)`: the sum of losses, its gradient.
        X : ndarray or CSR of shape (n_samples, n_features)
            Of the network's dtype. Or an object whose method `draw` returns rows.
        y : ndarray or other sequence of targets that takes arrays of rows as an index
            It may have batches of its own: `drawn`, or `batches` of whole groups.
        sample_weight : ndarray of shape (n_samples,)
            The mean weight should be about 1.
        seed : int or None
            Of the order of the rows.

        Returns
        -------
        float
            The weighted mean of the losses before each step; inf if an overflow stopped it.
        """
        batches = self._batches(X, y, sample_weight, seed)
        if not batches:
            return 0.0
        saved = [array.copy() for array in (self.network.theta, self.average, *self.state)]
        total = weight = 0.0
        scale = self.standardiser.scale.astype(self.network.dtype)
        scaled = not (scale == 1.0).all()
        offset = self.standardiser.start.astype(self.network.dtype)
        with np.errstate(over="ignore", invalid="ignore"):  # told below
            for batch in batches:
                rows = self._rows(X, batch)
                layers = self.network.forward(rows)
                raw = layers[-1]
                if scaled:
                    raw *= scale
                raw += offset
                delta = np.empty_like(raw)
                w = sample_weight[batch]
                total += loss.objective(y[batch], raw, w, delta)
                weight += float(w.sum())
                if scaled:
                    delta *= scale
                delta /= batch.size * self.standardiser.unit
                self.network.backward(rows, layers, delta, self.gradient)
                self._step()
        self.diverged = not (np.isfinite(total) and np.isfinite(self.network.theta).all())
        if self.diverged:
            for array, kept in zip(
                (self.network.theta, self.average, *self.state), saved, strict=True
            ):
                array[...] = kept
            return np.inf
        return total / weight

    def _batches(self, X, y, sample_weight, seed):
        """Return arrays of rows of positive weight; groups of rows stay together."""
        if hasattr(y, "drawn"):
            rng = np.random.default_rng(seed)
            return y.drawn(self.options.batch_size, rng, lambda rows: self._outputs(X, rows))
        grouped = getattr(y, "whole", False)
        weight = sample_weight
        if grouped:
            weight = np.add.reduceat(sample_weight, y.groups.offsets[:-1])
        order = np.flatnonzero(weight > 0.0)
        if order.size == 0:
            return []
        rng = np.random.default_rng(seed) if self.options.shuffle else None
        if rng is not None:
            rng.shuffle(order)
        size = self.batch_size(sample_weight)
        if self.options.batch_size == "auto":
            size = max(size, getattr(y, "least", 0))
        if grouped:
            if self.options.batch_size == "auto":
                if not y.least:
                    size = max(size, FEW_GROUPS * -(-np.count_nonzero(sample_weight) // order.size))
                size = size if y.most is None else y.most
            return y.batches(order, size, rng)
        return np.array_split(order, -(-order.size // size))

    def _rows(self, X, batch):
        if sparse.issparse(X) or hasattr(X, "draw"):
            return self.standardiser.rows(X[batch] if sparse.issparse(X) else X.draw(batch))
        out = np.empty((batch.size, X.shape[1]), X.dtype)
        _gather(X, batch, self.standardiser.mean, self.standardiser.inverse, out)
        return out

    def _outputs(self, X, rows):
        """Return the outputs of rows, as many at a time as keep hidden layers small."""
        parts = np.array_split(rows, -(-rows.size // MANY))
        return np.concatenate([self.network.predict(self._rows(X, part)) for part in parts])

    def _step(self):
        options, theta, gradient = self.options, self.network.theta, self.gradient
        if options.l1 or options.l2:
            _penalise(theta, gradient, self.l1, self.l2)
        if not options.fit_intercept:
            self.network.views(gradient)[1][-1][...] = 0.0
        self.time += 1
        rates = RATES if len(self.network.coefs) > 1 else LINEAR_RATES
        rate = self.rate * (options.learning_rate_init or rates[options.solver])
        if options.learning_rate == "invscaling":
            rate /= self.time**options.power_t
        share = AVERAGING / (self.time + AVERAGING - 1) if options.average else 1.0
        first, second = self.state
        if options.solver == "adam":
            b1, b2, t = options.beta_1, options.beta_2, self.time
            root = np.sqrt(1.0 - b2**t)
            rate *= root / (1.0 - b1**t)
            epsilon = options.epsilon * root
            adam(theta, gradient, first, second, self.average, rate, b1, b2, epsilon, share)
        elif options.solver == "adagrad":
            _adagrad(theta, gradient, second, self.average, rate, options.epsilon, share)
        else:
            _momentum(theta, gradient, first, self.average, rate, options.momentum, share)

    def result(self) -> Network:
        """Return the network of natural inputs and outputs that training has arrived at."""
        return self.standardiser.outer(self.shape, self.average)
