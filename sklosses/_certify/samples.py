"""What a loss is tried on by `certify`: parameters, targets, raw predictions and weights."""

from __future__ import annotations

import numpy as np
from sklearn.base import clone

from .._bases.params import Interval, Numbers, fields_of

TERMS = 300
PLAIN = 60  # terms computed in plain Python
CLASSES = 4
COLUMNS = 3  # of a loss that takes any number
PLACES = 8  # at each distance from another raw score: not every score counts in every row
NUMBERS = 3  # of a parameter that is a sequence
EXTREMES = (0.0, 1e-300, 1e-8, 1.0, 30.0, 700.0, 1e4, 1e100, 1e300)
STEPS = np.concatenate([s * np.logspace(-4, 1, 11) for s in (1, -1)])


def random_parameters(cls, rng):
    """Draw a value for each parameter of a loss class from its domain."""
    drawn = {}
    for name, known in fields_of(cls).items():
        domains = [domain for domain in known.domains if _can_be_drawn(domain)]
        if not domains:
            continue
        domain = domains[rng.integers(len(domains))]
        if isinstance(domain, Interval):
            drawn[name] = float(_draw(domain, rng, 1)[0])
        elif hasattr(domain, "draw"):
            drawn[name] = domain.draw(rng)
        else:
            numbers = [_draw(domain.domain, rng, 1)[0] for _ in range(NUMBERS)]
            drawn[name] = tuple(map(float, sorted(numbers) if domain.increasing else numbers))
    return drawn


def _can_be_drawn(domain):
    return isinstance(domain, Interval | Numbers) or hasattr(domain, "draw")


def _draw(domain, rng, size):
    """Draw from an interval, its own ends (where they belong to it) first."""
    bounded_below, bounded_above = np.isfinite(domain.low), np.isfinite(domain.high)
    if bounded_below and bounded_above:
        drawn = rng.uniform(domain.low, domain.high, size)
    elif bounded_below:
        drawn = domain.low + rng.gamma(2.0, 1.0, size)
    elif bounded_above:
        drawn = domain.high - rng.gamma(2.0, 1.0, size)
    else:
        drawn = 3.0 * rng.normal(size=size)
    if domain.integer:
        drawn = np.round(drawn)
    ends = [end for end in (domain.low, domain.high) if end in domain]
    if size > len(ends):
        drawn[: len(ends)] = ends
    return drawn


def _shifts(loss):
    """Return the distances from the target (or another raw score) at which formulas may change."""
    numbers = [getattr(loss, name) for name in fields_of(type(loss))]
    numbers = [abs(float(v)) for v in numbers if isinstance(v, (int, float))]
    return np.array([0.0, 1.0, -1.0, *numbers, *(-v for v in numbers)])


class PointSample:
    """Targets and raw predictions: random ones, and those where formulas change.

    Checks see both kinds of losses through this: `columns` are what indexes the columns of raw
    predictions, here their only one; other methods return what has the shape of `y` and `z`.
    """

    name = ""
    columns = (...,)
    constant = float  # type of `init_raw`
    counts_rows = False  # whether weights are of the rows inside a term

    def __init__(self, loss, rng):
        self.rng = rng
        self.y = _draw(loss.target, rng, TERMS)
        self.free = loss.task == "regression" and not loss._has_response()
        z = self.y + 2.0 * rng.normal(size=TERMS) if self.free else 2.0 * rng.normal(size=TERMS)
        shifts = _shifts(loss)
        places = np.arange(shifts.size) + 20
        z[places] = (self.y[places] if self.free else 0.0) + shifts
        self.z = self._inside(loss, z)
        self.w = rng.integers(1, 4, TERMS).astype(float)

    def _inside(self, loss, z):
        """Move predictions to where the response is in its domain (as for ŷ > −1)."""
        if not self.free:
            return z
        low, high = loss.prediction.bounds(z.dtype)
        margin = 0.05
        return np.clip(z, low + margin if np.isfinite(loss.prediction.low) else low, high)

    def view(self, loss):
        """Return the loss as the checks see it."""
        return loss

    def extremes(self):
        extremes = np.array([s * e for e in EXTREMES for s in (1.0, -1.0)])
        return np.repeat(self.y[:10], extremes.size), np.tile(extremes, 10)

    def lines(self):
        """Yield targets and raw predictions along a line, and the step from one to the next."""
        line = np.linspace(-6, 6, 241)
        for y in self.y[:40]:
            yield np.full_like(line, y), y + line if self.free else line, 1.0

    def rivals(self, raw):
        """Return constants that should not be better than `raw`."""
        others = np.concatenate([raw + STEPS, np.linspace(-5, 5, 41)])
        if self.free:
            others = np.concatenate([others, np.quantile(self.y, np.linspace(0, 1, 21))])
        return others

    def plain(self, loss):
        """Return values, gradient and Hessian of the first terms, computed in plain Python."""
        pairs = [(float(y), float(z)) for y, z in zip(self.y[:PLAIN], self.z[:PLAIN], strict=True)]
        derivatives = [loss.grad_hess(y, z) for y, z in pairs]
        gradient, hessian = zip(*derivatives, strict=True)
        return [loss.value(y, z) for y, z in pairs], gradient, hessian


class RowSample:
    """As `PointSample`, with rows of raw predictions; targets are numbers, or rows of them."""

    name = ""
    constant = np.ndarray
    counts_rows = False

    def __init__(self, loss, rng):
        self.rng = rng
        self.k = loss.n_raw or loss.n_outputs or self._any_number()
        self.columns = tuple([(slice(None), j) for j in range(self.k)])
        self.free = loss.task != "multiclass" and not loss._has_response()
        self.y = self._targets(loss)
        self.z = 2.0 * rng.normal(size=(TERMS, self.k))
        if self.free:
            self.z += self._as_columns()
        for place, shift in enumerate(np.tile(_shifts(loss), PLACES), start=20):
            j = int(rng.integers(self.k))
            self.z[place, j] = self._kink(place, j) + shift
        self.w = rng.integers(1, 4, TERMS).astype(float)

    def _any_number(self):
        return COLUMNS

    def view(self, loss):
        return loss

    def _targets(self, loss):
        if loss.n_raw is not None:
            return _draw(loss.target, self.rng, TERMS)
        return _draw(loss.target, self.rng, TERMS * self.k).reshape(TERMS, self.k)

    def _as_columns(self):
        """Return targets as something that broadcasts with raw predictions."""
        return self.y if self.y.ndim == 2 else self.y[:, None]

    def _kink(self, i, j):
        return self.y[i, j] if self.y.ndim == 2 else self.y[i]

    def extremes(self):
        """Each column, all of them and some with some sign at an extreme, the others anywhere."""
        signs = self.rng.choice([-1.0, 0.0, 1.0], (10, self.k))
        directions = np.concatenate([np.eye(self.k), np.ones((1, self.k)), signs])
        rows = [s * e * d for e in EXTREMES for s in (1.0, -1.0) for d in directions]
        return np.repeat(self.y[:10], len(rows), axis=0), np.tile(rows, (10, 1))

    def lines(self):
        line = np.linspace(-6, 6, 241)
        for i in range(40):
            j = i % (2 * self.k)  # along a column, or anywhere
            step = np.eye(self.k)[j] if j < self.k else self.rng.normal(size=self.k)
            yield np.repeat(self.y[i : i + 1], 241, axis=0), self.z[i] + line[:, None] * step, step

    def rivals(self, raw):
        directions = np.concatenate([np.eye(self.k), self.rng.normal(size=(20, self.k))])
        near = [raw + s * d for s in STEPS for d in directions]
        far = [3.0 * self.rng.normal(size=(40, self.k))]
        if self.free:
            quantiles = np.quantile(self._as_columns(), np.linspace(0, 1, 21), axis=0)
            far.append(np.broadcast_to(quantiles, (21, self.k)))
        return np.concatenate([near, *far])

    def plain(self, loss):
        gradient, hessian = np.empty((2, PLAIN, self.k))
        values = np.empty(PLAIN)
        for i in range(PLAIN):
            y = self.y[i] if self.y.ndim == 2 else self.y[i].item()
            values[i] = loss.value(y, self.z[i])
            loss.grad(y, self.z[i], gradient[i])
            loss.hess(y, self.z[i], hessian[i])
        return values, gradient, hessian


class LabelSample(RowSample):
    """Labels from 0, each of them at least once."""

    name = "labels"

    def _any_number(self):
        return CLASSES

    def _targets(self, loss):
        y = np.minimum(self.rng.integers(0, 2 * self.k, TERMS), self.k - 1)  # most are of the last
        y[: self.k] = np.arange(self.k)
        return y

    def _kink(self, i, j):
        return self.z[i, (j + 1) % self.k]


class SoftSample(LabelSample):
    """Rows of class shares, zeros and ones among them."""

    name = "class shares"

    def _targets(self, loss):
        y = self.rng.dirichlet(np.ones(self.k), TERMS)
        y[np.arange(0, TERMS, 3), self.rng.integers(0, self.k, TERMS)[::3]] = 0.0
        y /= y.sum(axis=1, keepdims=True)
        y[: self.k] = np.eye(self.k)
        return y


class View:
    """A loss in another form."""

    def __init__(self, loss):
        self.loss = loss

    def __getattr__(self, name):
        if name == "loss":  # not yet there, as while unpickling
            raise AttributeError(name)
        return getattr(self.loss, name)

    def __repr__(self):
        return repr(self.loss)

    def __eq__(self, other):
        return self.loss == other.loss

    def __hash__(self):
        return hash(self.loss)

    def __sklearn_clone__(self):
        return type(self)(clone(self.loss))
