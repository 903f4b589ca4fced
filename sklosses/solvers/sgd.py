"""Stochastic gradient descent for linear models with any pointwise loss, without tuning.

Minimises ``sum(w * loss(y, X @ coef + b)) / sum(w) + l1 * |coef|_1 + l2 / 2 * |coef|_2**2``, a row
at a time. What makes it insensitive to the scales of columns, targets and weights:

* Steps are *implicit*: the gradient is the one where the step arrives, so no step passes the
  minimum of its own term (`sgd_step.implicit_gradient`).
* The rate is in natural units: the length on which the gradient of the loss halves, over the
  typical gradient, over the square root of the entries of a row and of the steps so far.
* Columns are standardised implicitly. Dense ones are centred and divided by their deviation, as
  a sample tells; sparse ones are divided by their root mean square, and each
  decays with the expected number of its own entries, as in AdaGrad; of both a sample tells.

With ``average``, the result is a mean of the iterates that forgets the first ones polynomially.

References
----------
.. [1] S. Ross, P. Mineiro and J. Langford, "Normalized online learning", UAI 2013.
.. [2] N. Karampatziakis and J. Langford, "Online importance weight aware updates", UAI 2011.
.. [3] O. Shamir and T. Zhang, "Stochastic gradient descent for non-smooth optimization:
   convergence results and optimal averaging schemes", ICML 2013.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from .sgd_csr import copied, csr_pass, new_table
from .sgd_dense import dense_pass
from .sgd_step import (
    ENTRIES,
    LOSS,
    N_NUMBERS,
    NEVER,
    OFFSET,
    OFFSET_AVERAGE,
    PROBES,
    SCANNED,
    TIME,
    WEIGHT,
    probe,
)

LEARNING_RATES = ("constant", "invscaling", "optimal", "adaptive")  # numbered so in the kernels
PROBED = 1024  # rows that tell the length of the loss
OBSERVED = 2048  # rows that tell the moments of the columns
OBSERVED_LATER = 256  # rows a pass that refine them
BLOCK = 64  # neighbouring rows visited together when X is larger than the cache
CACHE = 2**20  # bytes
ROUNDING = 1e-12  # relative deviation below which a column is constant


@dataclass(frozen=True)
class SGDOptions:
    """Options of `SGD`; the names are those of `SGDRegressor` where the meaning is.

    Parameters
    ----------
    l1, l2 : float
        Strengths of the penalties.
    fit_intercept : bool
        Whether there is an intercept; it is not penalised.
    learning_rate : {"adaptive", "constant", "invscaling", "optimal"}
        "adaptive" is described in the module; "constant" is `learning_rate_init`, "invscaling"
        that divided by ``t**power_t``, "optimal" that divided by
        ``1 + learning_rate_init * (l1 + l2) * t``; these three leave the columns as they are.
    learning_rate_init : float, default=None
        None means 1, in natural units, for "adaptive", and 0.01 for the others.
    power_t : float
        Exponent of "invscaling".
    average : bool or int
        Whether to average the iterates, or the number of rows after which to begin.
    shuffle : bool
        Whether a pass visits the rows in random order.
    """

    l1: float = 0.0
    l2: float = 1e-4
    fit_intercept: bool = True
    learning_rate: str = "adaptive"
    learning_rate_init: float | None = None
    power_t: float = 0.5
    average: bool | int = False
    shuffle: bool = True

    @property
    def average_from(self):
        """Time from which the iterates are averaged."""
        return 0.0 if self.average is True else float(self.average or NEVER)

    @property
    def eta0(self):
        """Initial rate."""
        if self.learning_rate_init is not None:
            return float(self.learning_rate_init)
        return 1.0 if self.learning_rate == "adaptive" else 0.01

    def arguments(self):
        """Return the trailing arguments of the passes."""
        return (
            LEARNING_RATES.index(self.learning_rate), self.eta0, float(self.power_t),
            float(self.l1), float(self.l2), float(self.fit_intercept), self.average_from,
        )  # fmt: skip


class SGD:
    """A linear model in training: all that is needed to go on with the same or with new rows.

    Parameters
    ----------
    n_features : int
    dtype : dtype
        Float32 or float64, that of `X`.
    options : SGDOptions
    coef : ndarray of shape (n_features,), default=None
        Where to start; None means 0.
    intercept : float
        Where to start: the best constant, if there is an intercept.

    Attributes
    ----------
    diverged : bool
        Whether the last pass overflowed; its steps were then taken back.
    """

    def __init__(self, n_features, dtype, options, *, coef=None, intercept=0.0):
        self.options = options
        self.dtype = np.dtype(dtype)
        self.diverged = False
        self.numbers = np.zeros(N_NUMBERS)
        self.numbers[OFFSET] = self.numbers[OFFSET_AVERAGE] = self.start = float(intercept)
        self.coef = np.zeros(n_features) if coef is None else np.array(coef, dtype=np.float64)
        self.average = self.coef.copy()
        self.paid = np.zeros(n_features)  # to the l1 penalty, of dense rows
        self.moments = Moments(n_features)
        self.table = self.history = None  # of the features of sparse rows; see `sgd_csr`

    def run_epoch(self, loss, X, y, sample_weight, seed=None):
        """Take one step for each row of positive weight.

        Parameters
        ----------
        loss : Bound
            ``bind(loss, X.dtype)``.
        X : ndarray or CSR of shape (n_samples, n_features)
            Float32 or float64; dense rows are copied unless C-contiguous.
        y, sample_weight : ndarray of shape (n_samples,)
            Of the dtype of `X`; the mean weight should be about 1.
        seed : int or None
            Of the order of the rows.

        Returns
        -------
        float
            The weighted mean of the losses before each step; inf if the pass overflowed.
        """
        order = visiting_order(X, sample_weight, seed, shuffle=self.options.shuffle)
        if order.size == 0:
            return 0.0
        before = self.__dict__ | {"numbers": self.numbers.copy()}
        self._probe(loss, y, sample_weight, order)
        with np.errstate(over="ignore", invalid="ignore"):
            if sparse.issparse(X):
                self._pass_csr(loss, X, y, sample_weight, order)
            else:
                self._pass_dense(loss, X, y, sample_weight, order)
            mean = self.numbers[LOSS] / self.numbers[WEIGHT]
            coef, intercept = self.coefficients()
        self.diverged = not (np.isfinite(coef).all() and np.isfinite(intercept))
        if self.diverged:
            self.__dict__.update(before)
            self.diverged = True
        return mean if np.isfinite(mean) and not self.diverged else np.inf

    def coefficients(self):
        """Return ``(coef, intercept)``, averaged if asked for; the state does not change."""
        averaging = self.numbers[TIME] > self.options.average_from
        offset = self.numbers[OFFSET_AVERAGE if averaging else OFFSET]
        if averaging:
            return np.where(self._dropped(), 0.0, self.average), float(offset)
        return self._last().astype(np.float64), float(offset)

    def _last(self):
        return self.coef if self.table is None else self.table["coef"]

    def _dropped(self):
        # the l1 penalty selects by the last iterate: an average over zeros is never zero
        return self._last() == 0.0 if self.options.l1 > 0.0 else False

    def _probe(self, loss, y, sample_weight, order):
        missing = PROBED - int(self.numbers[PROBES])
        if missing > 0:
            start = self.dtype.type(self.start)
            probe(loss, y, sample_weight, order[:missing], start, self.numbers)

    def _pass_dense(self, loss, X, y, sample_weight, order):
        """Standardise, pass, and return to the natural coordinates."""
        if self.table is not None:
            (self.coef, self.numbers[OFFSET]), self.table = self.coefficients(), None
            self.average, self.numbers[OFFSET_AVERAGE] = self.coef.copy(), self.numbers[OFFSET]
        X = np.ascontiguousarray(X)
        mean, inverse = np.zeros_like(self.coef), np.ones_like(self.coef)
        if self.options.learning_rate == "adaptive":
            self.moments.observe(X, order)
            mean, inverse = self.moments.standard(centre=self.options.fit_intercept)
        mean, inverse = mean.astype(X.dtype), inverse.astype(X.dtype)
        spread = np.divide(1.0, inverse, out=np.zeros_like(inverse), where=inverse > 0.0)
        theta = (self.coef * spread).astype(X.dtype)
        average = (self.average * spread).astype(X.dtype)
        paid = (self.paid * spread).astype(X.dtype)
        numbers = self.numbers
        numbers[OFFSET] += mean @ self.coef
        numbers[OFFSET_AVERAGE] += mean @ self.average
        if numbers[TIME] == 0.0:
            numbers[ENTRIES] = X.shape[1]
        dense_pass(
            loss, X, y, sample_weight, order, theta, average, paid, mean, inverse, numbers,
            *self.options.arguments(),
        )  # fmt: skip
        moving, inverse = inverse > 0.0, inverse.astype(np.float64)
        self.coef = np.where(moving, theta * inverse, self.coef)
        self.average = np.where(moving, average * inverse, self.average)
        self.paid = paid * inverse
        numbers[OFFSET] -= mean @ self.coef
        numbers[OFFSET_AVERAGE] -= mean @ self.average

    def _pass_csr(self, loss, X, y, sample_weight, order):
        if self.table is None:
            self.table, self.history = new_table(self.coef, self.options)
            self.numbers[SCANNED] = 0.0
        else:
            self.table, self.history = copied(self.table), copied(self.history)
            self.average = self.average.copy()
        if self.numbers[TIME] == 0.0:
            self.numbers[ENTRIES] = X.nnz / X.shape[0]
        csr_pass(
            loss, X.data, unsigned(X.indices), unsigned(X.indptr), y, sample_weight, order,
            self.table, self.history, self.average, self.numbers, *self.options.arguments(),
        )  # fmt: skip


class Moments:
    """Means and mean squared deviations of columns, of the rows observed so far."""

    def __init__(self, n_features):
        self.count = np.zeros(n_features)
        self.mean = np.zeros(n_features)
        self.squares = np.zeros(n_features)  # sum of squared deviations from the mean

    def observe(self, X, order):
        """Add the first rows of `order`; all rows for columns that look constant on them."""
        enough = OBSERVED if self.count.max(initial=0.0) < OBSERVED else OBSERVED_LATER
        self._add(X[order[:enough]], slice(None))
        flat = np.flatnonzero(self.squares == 0.0)
        if flat.size:
            for start in range(enough, order.size, OBSERVED):
                self._add(X[order[start : start + OBSERVED]][:, flat], flat)

    def _add(self, rows, columns):
        rows = rows.astype(np.float64)
        n, m = rows.shape[0], self.count[columns]
        mean = rows.mean(axis=0)
        shift = mean - self.mean[columns]
        rows -= mean
        squares = np.einsum("ij,ij->j", rows, rows)
        self.squares[columns] += squares + shift**2 * (m * n / (m + n))
        self.mean[columns] += shift * (n / (m + n))
        self.count[columns] += n

    def standard(self, *, centre):
        """Return the means and inverse deviations, 0 for a constant column; or both about 0."""
        variance = self.squares / self.count
        if not centre:
            mean, variance = np.zeros_like(self.mean), variance + self.mean**2
        else:
            mean = self.mean
            variance[variance <= (ROUNDING * np.abs(mean)) ** 2] = 0.0
        inverse = np.zeros_like(mean)
        np.divide(1.0, np.sqrt(variance), out=inverse, where=variance > 0.0)
        return mean, inverse


def visiting_order(X, sample_weight, seed, *, shuffle):
    """Return the rows of positive weight in the order to visit them.

    A random row misses the cache, so blocks of neighbours are shuffled once X is large.
    """
    positive = sample_weight > 0.0
    n = np.count_nonzero(positive)
    if not shuffle:
        return np.flatnonzero(positive)
    rng = np.random.default_rng(seed)
    n_bytes = X.data.nbytes if sparse.issparse(X) else X.nbytes
    block = 1 if n_bytes <= CACHE else max(1, min(BLOCK, n // 256))
    if block == 1:
        return rng.permutation(np.flatnonzero(positive))
    starts = rng.permutation(-(-n // block)) * block
    order = (starts[:, None] + np.arange(block)).ravel()
    if n % block:
        order = order[order < n]
    return order if n == positive.size else np.flatnonzero(positive)[order]


def unsigned(indices):
    """Return a view of non-negative `indices` that tells the kernels so."""
    return indices.view(np.uint32 if indices.itemsize == 4 else np.uint64)
