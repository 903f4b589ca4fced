"""Losses of what a fitted network sees in targets and predictions, such as images."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from .._batchwise import BatchLoss, entries
from .._loss import REAL, Loss
from .._pointwise import PointwiseLoss
from ..network import network_of


class Perceptual(BatchLoss):
    """Perceptual loss."""

    network: Annotated[Any, BaseEstimator]
    layers: Annotated[tuple | list | int | None, (tuple, list, int, None)] = None
    base: Annotated[str | Loss, (str, PointwiseLoss)] = "squared_error"

    task: ClassVar = "generative"
    smooth: ClassVar = False

    def __setattr__(self, name, value):
        if name == "network" and not isinstance(value, FrozenEstimator):
            value = FrozenEstimator(value)  # or clone would unfit it, and so every fold
        super().__setattr__(name, value)

    @property
    def n_outputs(self):
        return self._map(np.dtype(float)).sizes[0]

    def _map(self, dtype):
        return network_of(self.network, dtype)

    def _base(self):
        from .._registry import get_loss

        return get_loss(self.base)

    def _layers(self, n):
        if self.layers is None:
            return [*range(max(n - 1, 1))]
        return [layer % n for layer in np.atleast_1d(self.layers)]

    def terms(self, y, z, kinds):
        net, base = self._map(z.dtype), self._base()
        layers = self._layers(len(net.coefs))
        wanted, there = (net.forward(rows, max(layers) + 1) for rows in (y, z))
        parts = {i: entries(base, wanted[i], there[i], kinds) for i in layers}
        out = {}
        if "v" in kinds:
            out["v"] = sum(part["v"].sum(axis=1) for part in parts.values())
        if "g" in kinds:
            out["g"] = net.pull_back(there, {i: part["g"] for i, part in parts.items()})
        return out
