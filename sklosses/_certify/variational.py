"""What the losses of autoencoders are tried on by `certify`: their arrays, as columns of one."""

from __future__ import annotations

import numpy as np

from .samples import COLUMNS, TERMS, RowSample, View, _draw

CODES = 2  # latent columns


class CodeSample(RowSample):
    """Rows of data, or of a prior, and rows of raw outputs, means and log-variances."""

    def __init__(self, loss, rng):
        seen = self.view(loss)
        self.rng = rng
        self.k = sum(seen.widths)
        self.columns = tuple([(slice(None), j) for j in range(self.k)])
        self.free = False
        # data, as what is reconstructed; or a prior, means and log-variances as the prediction
        width = COLUMNS if "raw" in loss.parts else self.k
        self.y = _draw(loss.target, rng, TERMS * width).reshape(TERMS, width)
        self.z = rng.normal(size=(TERMS, self.k))
        self.w = rng.integers(1, 4, TERMS).astype(float)

    def view(self, loss):
        return ByColumns(loss)


class ByColumns(View):
    """A loss of several arrays as the checks see losses: they are columns of one."""

    @property
    def widths(self):
        """How many columns each array has."""
        return tuple(COLUMNS if name == "raw" else CODES for name in self.loss.parts)

    def _parts(self, z):
        return np.split(z, np.cumsum(self.widths)[:-1], axis=1)

    def __call__(self, y, p, *, sample_weight=None):
        return self.loss(y, self._parts(p), sample_weight=sample_weight)

    def inverse_link(self, z):
        return np.hstack(self.loss.inverse_link(self._parts(z)))

    def init_raw(self, y, w=None):
        constants = zip(self.loss.init_raw(y, w), self.widths, strict=True)
        return np.concatenate([np.broadcast_to(part, width) for part, width in constants])
