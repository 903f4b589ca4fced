"""What a model is fitted to: rows, targets and weights, by rows or by groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._bases.groupwise import GroupedTargets


@dataclass
class Data:
    """Rows, targets as the loss takes them, and weights."""

    X: Any
    y: Any
    weight: np.ndarray

    def rows(self, index):
        """Return some of the rows."""
        return Data(self.X[index], self.y[index], self.weight[index])

    def sample(self):
        """Return rows and weights that tell what all are like: all of them."""
        return self.X, self.weight

    def predict(self, network):
        """Return the raw predictions of a network."""
        return network.predict(self.X)

    def run_epoch(self, trainer, loss, weight, seed):
        """Let a `Minibatch` take steps along all rows; return their mean loss."""
        return trainer.run_epoch(loss, self.X, self.y, weight, seed)

    @classmethod
    def by_group(cls, X, y, groups, weights, **options):
        """Return rows in the order of their groups.

        A group's weight is the sum of those of its rows, in units that make usual ones 1, as
        streams expect them.

        Parameters
        ----------
        X, y : array-like
            Rows, and targets as the loss takes them.
        groups : Groups
        weights : Weights
        **options
            Of `GroupedTargets`.
        """
        targets = GroupedTargets(groups.sorted(y), groups.codes, weights.rows, **options)
        usual = np.diff(groups.offsets)[weights.terms > 0].mean()
        weight = (usual * weights.spread(groups.offsets)).astype(X.dtype)
        return cls(X if groups.order is None else X[groups.order], targets, weight)


@dataclass
class ByGroup:
    """Targets of a fit, and the group of each row; None: all are one."""

    y: Any
    qid: Any
