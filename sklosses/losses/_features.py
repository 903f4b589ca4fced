"""What `Perceptual` and `Style` share: a fitted estimator that both arrays are shown to.

Derivatives go through it by the chain rule: the gradient backward, from its layers to its inputs;
the diagonal of the Hessian forward, one input column after the other.
"""

from __future__ import annotations

from numbers import Integral
from typing import Annotated, Any, ClassVar

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from .._bases.blockwise import BatchLoss, entries
from .._bases.loss import REAL, Loss
from .._bases.pointwise import PointwiseLoss
from .._bases.rowwise import descended
from ..network import Network, network_of

QUANTILES = np.linspace(0, 1, 11)  # of targets, to start a descent to a constant from
DESCENTS = 6
NOT_FITTED = (
    "This %(name)s instance is not fitted yet. Fit the network before a loss looks through it; a "
    "grid of networks is one of FrozenEstimator(network), which keeps them fitted."
)


class FittedNetwork:
    """The domain of a parameter: fitted estimators that derivatives can go through."""

    def __contains__(self, value):
        return hasattr(value, "fit")

    def __str__(self):
        return "a fitted network, or a fitted transformer with a linear map"

    def draw(self, rng):
        """Return a small one, for tests and tables."""
        from sklearn.neural_network import MLPRegressor

        X, seed = rng.normal(size=(20, 3)), int(rng.integers(2**31))
        return MLPRegressor(
            hidden_layer_sizes=(4, 3), activation="tanh", random_state=seed
        ).partial_fit(X, X)


class FeatureLoss(BatchLoss):
    """The distance of two rows as a fitted estimator sees them: of all outputs of its layers.

    Subclasses may compare something else, which these methods compute from the outputs h of a
    layer, of shape (n * parts, n_units):

    =================================  ========================================================
    ``features(self, h)``              what is compared: an array of n rows, of any shape
    ``pull(self, h, delta)``           derivatives in h from those in the features
    ``push(self, h, first, second)``   yields, for each part of the rows, first and second
                                       derivatives of the features from those of h
    =================================  ========================================================
    """

    network: Annotated[Any, FittedNetwork()]
    layers: Annotated[tuple | list | int | None, (tuple, list, Integral, None)] = None
    base: Annotated[str | Loss, (str, PointwiseLoss)] = "squared_error"

    task: ClassVar[str] = None  # type: ignore[assignment]  # a base is of no family
    parts: ClassVar[int] = 1  # of a row, each of them seen by the estimator

    def __setattr__(self, name, value):
        frozen = isinstance(value, FrozenEstimator) or not hasattr(value, "fit")
        if name == "network" and not frozen:
            value = FrozenEstimator(value)  # or clone, and so every fold, would unfit it
        self.__dict__.pop("_known", None)
        super().__setattr__(name, value)

    def _key(self):
        # networks are equal if they compute the same, and so are copies
        network, *others = super()._key()
        try:
            net = network_of(self.network.estimator)
        except (AttributeError, ValueError):
            return network, *others
        return net.activation, net.sizes, net.theta.tobytes(), *others

    def _validate_params(self):
        super()._validate_params()
        check_is_fitted(self.network.estimator, msg=NOT_FITTED)
        known = network_of(self.network.estimator, np.float64), self._own_base()
        # the objective of solvers, a batch at a time, goes by what was found here
        self.__dict__["_known"] = known
        self._places()

    def _own_base(self):
        from .._registry import get_loss

        base = get_loss(self.base)
        numbers = isinstance(base, PointwiseLoss) and base.target == REAL == base.prediction
        if base.task != "regression" or not numbers or base._has_response():
            raise ValueError(
                f"The base of {type(self).__name__} compares real numbers, as squared_error, huber "
                f"and absolute_error do. Got {base!r} instead."
            )
        base._validate_params()
        return base

    def _net_base(self):
        if "_known" not in self.__dict__:
            self._validate_params()
        return self._known

    def _places(self):
        """Return the places of the layers, counted from the first."""
        n = len(self._net_base()[0].coefs)
        if self.layers is None:
            return list(range(max(n - 1, 1)))
        layers = np.atleast_1d(self.layers).tolist()
        unknown = [i for i in layers if not (isinstance(i, int) and -n <= i < n)]
        if unknown or not layers:
            raise ValueError(
                f"layers of {type(self).__name__} must be some of 0 to {n - 1}, the layers of the "
                f"network, the last one its output. Got {self.layers!r} instead."
            )
        return sorted({i % n for i in layers})

    @property
    def n_outputs(self):
        """The columns that targets and predictions have: what the network takes."""
        return self.parts * self._net_base()[0].sizes[0]

    @property
    def smooth(self):
        """Whether base and network are."""
        net, base = self._net_base()
        return base.smooth and net.smooth

    # ------------------------------------------------------------------ what is compared

    def features(self, h):
        return h

    def pull(self, h, delta):
        return delta

    def push(self, h, first, second):
        yield first, second

    # ------------------------------------------------------------------ constants

    def optimal_constant(self, y, w, k):
        """Return the minimising raw constants; of a curved map, the best end of some descents."""
        # where descents end depends on rounding: a row k times and one of weight k are summed alike
        y, rows = np.unique(y, axis=0, return_inverse=True)
        w = np.bincount(rows.ravel(), w)
        start = self._first_constant(y, w, k)
        if not self.convex:
            mean = self._of_constant(y, w)
            places = np.quantile(y, QUANTILES, axis=0, weights=w, method="inverted_cdf")
            starts = [start, *places]
            starts = sorted(starts, key=lambda row: mean(row)[0])[:DESCENTS]
            start = min((descended(mean, row) for row in starts), key=lambda row: mean(row)[0])
        return self._minimise(y, w, start)

    def _of_constant(self, y, w):
        (net, base), layers = self._net_base(), self._places()
        if base.hessian != "constant":
            return super()._of_constant(y, w)
        # of many targets, squared error sees the mean of their features
        size, total = net.sizes[0], w.sum()
        wanted = dict.fromkeys(layers, 0.0)
        for start in range(0, w.size, self.block):
            rows = slice(start, start + self.block)
            seen = net.forward(y[rows].reshape(-1, size), layers[-1] + 1)
            for i in layers:
                features = self.features(seen[i])
                wanted[i] = wanted[i] + np.tensordot(w[rows] / total, features, 1)[None]

        def mean(z):
            there = net.forward(z.reshape(-1, size), layers[-1] + 1)
            own = {i: entries(base, wanted[i], self.features(there[i]), "vg") for i in layers}
            deltas = {i: self.pull(there[i], own[i]["g"]) for i in layers}
            return sum(own[i]["v"].sum() for i in layers), net.pull_back(there, deltas).ravel()

        return mean

    # ------------------------------------------------------------------ all rows

    def terms(self, y, z, kinds):
        (net, base), layers = self._net_base(), self._places()
        if z.dtype != net.dtype:
            net = Network(net.sizes, net.activation, z.dtype, net.theta.astype(z.dtype))
        wanted, there = (net.forward(a.reshape(-1, net.sizes[0]), layers[-1] + 1) for a in (y, z))
        asked = kinds + "g" if "h" in kinds and "g" not in kinds else kinds
        seen = {
            i: entries(base, self.features(wanted[i]), self.features(there[i]), asked)
            for i in layers
        }
        terms = {}
        if "v" in kinds:
            terms["v"] = sum(_by_row(own["v"]) for own in seen.values())
        if "g" in kinds:
            deltas = {i: self.pull(there[i], own["g"]) for i, own in seen.items()}
            terms["g"] = net.pull_back(there, deltas).reshape(z.shape)
        for kind in set(kinds) & set("hc"):
            terms[kind] = self._diagonal(net, there, seen, kind).reshape(z.shape)
        return terms

    def _diagonal(self, net, there, seen, kind):
        """Return the diagonal of the Hessian; as "c" without what may be negative."""
        out = np.zeros((there[0].shape[0] // self.parts, self.parts, net.sizes[0]), net.dtype)
        for column in range(net.sizes[0]):
            for i, derivatives in enumerate(net.push_forward(there, column)):
                pushed = self.push(there[i], *derivatives) if i in seen else ()
                for part, (first, second) in enumerate(pushed):
                    bent = seen[i][kind] * first**2
                    bent += seen[i]["g"] * second if kind == "h" else 0.0
                    out[:, part, column] += _by_row(bent)
        return out if kind == "h" else out + net.dtype.type(self.curvature_floor)


def _by_row(array):
    return array.reshape(array.shape[0], -1).sum(axis=1)
