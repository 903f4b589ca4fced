"""What an embedding loss is tried on by `certify`: small batches, each as a row of a table."""

from __future__ import annotations

import numpy as np
from sklearn.base import clone

from .groups import ByGroup
from .samples import EXTREMES, STEPS, RowSample

BATCHES = 16
BATCH, COMPONENTS = 6, 2
LARGEST = 1e100  # whose squares are finite


class EmbeddingSample(RowSample):
    """Batches of labels and embeddings; rows coincide in some, where distances have a kink."""

    name = "batches"

    def __init__(self, loss, rng):
        self.rng = rng
        self.k = BATCH * COMPONENTS
        self.columns = tuple([(slice(None), j) for j in range(self.k)])
        self.y = rng.integers(0, 3, (BATCHES, BATCH))
        self.y[:2] = [[0] * BATCH, range(BATCH)]  # no negative; no positive
        z = rng.normal(size=(BATCHES, BATCH, COMPONENTS))
        if loss.geometry == "distance":
            z[::5, 1] = z[::5, 0]  # of one label: those of two are as far from all positives
            self.y[::5, 1] = self.y[::5, 0]
        self.z = z.reshape(BATCHES, self.k)
        self.w = np.ones(BATCHES)

    def view(self, loss):
        """Return the loss as the checks see it."""
        return ByBatch(loss)

    def extremes(self):
        sizes = [s * e for e in EXTREMES if e <= LARGEST for s in (1.0, -1.0)]
        directions = [*np.eye(self.k)[:2], np.ones(self.k), *self.rng.normal(size=(2, self.k))]
        z = np.array([self.z[2] + size * d for size in sizes for d in directions])
        return np.tile(self.y[2], (len(z), 1)), z

    def rivals(self, raw):
        """Return constants: embeddings that are equal."""
        near = STEPS[:, None] * self.rng.normal(size=(STEPS.size, COMPONENTS))
        return np.tile(np.concatenate([near, self.rng.normal(size=(40, COMPONENTS))]), BATCH)

    def plain(self, loss):
        twin = ByBatch(clone(loss.loss))
        twin.loss.jit = False
        return twin.values(self.y, self.z), *twin.gradient_hessian(self.y, self.z)


class ByBatch(ByGroup):
    """An embedding loss as the checks see losses: a batch of embeddings is a row."""

    def __sklearn_clone__(self):
        return ByBatch(clone(self.loss))

    def _flat(self, method, y, z, w=None, **options):
        n, k = y.shape
        return method(
            y.ravel(), z.reshape(n * k, -1), None, qid=np.repeat(np.arange(n), k), **options
        )

    def init_raw(self, y, w=None):
        return np.full(BATCH * COMPONENTS, self.loss.init_raw(y.ravel()))
