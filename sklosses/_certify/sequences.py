"""The samples on which `certify` tries losses of sequences."""

from __future__ import annotations

import numpy as np
from sklearn.base import clone

from .groups import ByGroup
from .samples import PLAIN, STEPS, TERMS, RowSample

FRAMES = 5
CLASSES = 3


class SequenceSample(RowSample):
    """Sequences of a few frames, as rows of a table: `BySequence` makes the loss see them so.

    A target is the number of a pattern: no labels, equal neighbours, as many as there is room for.
    """

    name = "sequences"

    def __init__(self, loss, rng):
        self.n_classes = max(CLASSES, int(loss.blank) + 2)
        a, b = rng.permutation(np.delete(np.arange(self.n_classes), int(loss.blank)))[:2].tolist()
        self.patterns = [[], [a], [a, b], [b, b], [a, b, a], [b, a, b, a, b]]
        super().__init__(self.view(loss), rng)

    def view(self, loss):
        return BySequence(loss, self.patterns, self.n_classes)

    def _any_number(self):
        return FRAMES * self.n_classes

    def _targets(self, loss):
        return np.arange(TERMS) % len(self.patterns)

    def _kink(self, i, j):
        return 0.0

    def rivals(self, raw):
        """Return raw predictions that are the same in all frames."""
        steps = self.rng.normal(size=(len(STEPS), self.n_classes)) * np.abs(STEPS)[:, None]
        far = 3.0 * self.rng.normal(size=(40, self.n_classes))
        return np.concatenate([raw + np.tile(steps, FRAMES), np.tile(far, FRAMES)])

    def plain(self, loss):
        values, arrays = np.empty(PLAIN), np.empty((2, PLAIN, FRAMES, self.n_classes))
        for i in range(PLAIN):
            y, z = self.patterns[self.y[i]], self.z[i].reshape(FRAMES, -1)
            values[i] = loss.value(y, z)
            loss.grad(y, z, arrays[0, i])
            loss.hess(y, z, arrays[1, i])
        return values, *arrays.reshape(2, PLAIN, -1)


class BySequence(ByGroup):
    """A loss of sequences as the checks see losses: the frames of a sequence side by side."""

    def __init__(self, loss, patterns, n_classes):
        super().__init__(loss, n_classes)
        self.patterns = patterns

    def _has_response(self):
        return True

    def __sklearn_clone__(self):
        return BySequence(clone(self.loss), self.patterns, self.n_classes)

    def _labels(self, y):
        return [self.patterns[number] for number in np.asarray(y, int)]

    def _flat(self, method, y, z, w=None, **options):
        frames = z.reshape(z.shape[0], -1, self.n_classes)
        return method(self._labels(y), frames, w, **options)

    def inverse_link(self, z):
        return self.loss.inverse_link(z.reshape(len(z), -1, self.n_classes)).reshape(z.shape)

    def __call__(self, y, p, *, sample_weight=None):
        return self._flat(lambda y, p, w: self.loss(y, p, sample_weight=w), y, p, sample_weight)

    def init_raw(self, y, w=None):
        frames = np.full(len(y), FRAMES)
        raw = self.loss.init_raw(self._labels(y), w, self.n_classes, n_frames=frames)
        return np.tile(raw, FRAMES)
