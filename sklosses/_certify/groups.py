"""What losses of groups and masks are tried on by `certify`: a group is a row of a table."""

from __future__ import annotations

import numpy as np
from sklearn.base import clone

from .._bases.optimum import LOGIT_RANGE
from .samples import CLASSES, PLAIN, STEPS, TERMS, RowSample, View, _draw

GROUP = 5  # rows


def masks_of(loss, rng):
    """Return the samples of a loss of masks: of one mask, and of several classes."""
    masks = [MaskSample(loss, rng)] if loss.columns_of(2) == 1 else []
    return [*masks, ClassMaskSample(loss, rng)] if _has_classes(loss) else masks


def _has_classes(loss):
    """Whether a loss of masks has a form of several classes: not all sums have."""
    try:
        loss.for_classes(CLASSES)
    except ValueError:
        return False
    return True


class GroupSample(RowSample):
    """Groups of a few rows, as rows of a table: `ByGroup` makes the loss see them so."""

    name = "groups"

    def _any_number(self):
        return GROUP

    def _targets(self, loss):
        y = np.round(_draw(loss.target, self.rng, TERMS * self.k)).reshape(TERMS, self.k)
        y[::7] = y[::7, :1]  # some groups tell nothing
        return y

    def _kink(self, i, j):
        return self.z[i, (j + 1) % self.k]

    def view(self, loss):
        return ByGroup(loss)

    def rivals(self, raw):
        return np.repeat(np.concatenate([STEPS, np.linspace(-5, 5, 41)])[:, None], self.k, axis=1)

    def plain(self, loss):
        if _is_sum(loss):
            return None
        values = np.zeros(PLAIN)
        gradient, hessian = np.zeros((2, PLAIN, self.k))
        for i in range(PLAIN):
            if loss.counts(self.y[i]):
                values[i] = loss.value(self.y[i], self.z[i])
                loss.grad(self.y[i], self.z[i], gradient[i])
                loss.hess(self.y[i], self.z[i], hessian[i])
        return values, gradient, hessian


class MaskSample(GroupSample):
    """As `GroupSample`, with weights of rows, and targets that are nothing but 0 or 1 in places."""

    name = "masks"
    counts_rows = True
    n_classes = 1

    def __init__(self, loss, rng):
        super().__init__(self.view(loss), rng)
        self.w = rng.integers(0, 4, self.y.shape).astype(float)
        self.w[::9] = 0.0  # some groups are not there
        self.w[:, 0] += self.w.sum(axis=1) == 0

    def view(self, loss):
        return ByGroup(loss, self.n_classes)

    def _any_number(self):
        return GROUP * self.n_classes

    def _targets(self, loss):
        y = _draw(loss.target, self.rng, TERMS * GROUP).reshape(TERMS, GROUP)
        y[::2] = np.round(y[::2])
        y[::7], y[1::7] = 0.0, 1.0
        return y

    def rivals(self, raw):
        return self._clipped(super().rivals(raw))

    @staticmethod
    def _clipped(raw):
        """Return constants inside the range at whose ends `init_raw` may have to stop."""
        return np.clip(raw, -LOGIT_RANGE, LOGIT_RANGE)

    def plain(self, loss):
        if _is_sum(loss):
            return None
        twin = clone(loss.loss)
        twin.jit = False
        twin, y, z = ByGroup(twin, loss.n_classes), self.y[:PLAIN], self.z[:PLAIN]
        return twin.values(y, z), *twin.gradient_hessian(y, z)


class ClassMaskSample(MaskSample):
    """The same with a raw column a class: a group is a row of as many times more columns."""

    name = "masks of classes"
    n_classes = 3

    def _targets(self, loss):
        y = self.rng.integers(0, self.n_classes, (TERMS, GROUP))
        y[::7], y[1::7] = 0, 1
        return y

    def _as_columns(self):
        return 0.0  # labels are no raw predictions

    def rivals(self, raw):
        steps = self.rng.normal(size=(200, self.n_classes)) * np.logspace(-4, 1, 200)[:, None]
        far = 3.0 * self.rng.normal(size=(40, self.n_classes))
        rivals = np.concatenate([raw + np.tile(steps, GROUP), np.tile(far, GROUP)])
        return self._clipped(rivals)


def _is_sum(loss):
    """Whether a loss is made of terms: those are what runs in plain Python."""
    return hasattr(loss.loss, "term0")


class ByGroup(View):
    """A group-wise loss as the checks see losses: a group of k rows is a row of k columns.

    Or k times the number of classes. Weights are of groups, or of their rows.
    """

    n_raw = n_outputs = None

    def __init__(self, loss, n_classes=1):
        super().__init__(loss)
        self.n_classes = n_classes

    def _has_response(self):
        return self.loss._has_response()

    def __sklearn_clone__(self):
        return ByGroup(clone(self.loss), self.n_classes)

    def _rows(self, z):
        """Return raw predictions or responses of the rows of all groups."""
        return z.ravel() if self.n_classes == 1 else z.reshape(-1, self.n_classes)

    def _flat(self, method, y, z, w=None, **options):
        n, k = z.shape[0], z.shape[1] // self.n_classes
        if w is not None:
            w = np.repeat(w, k) if w.ndim == 1 else w.ravel()
        return method(y.ravel(), self._rows(z), w, qid=np.repeat(np.arange(n), k), **options)

    def repeated(self, y, z, counts):
        """Return arguments in which each row of each group stands so many times."""
        qid = np.repeat(np.arange(y.shape[0]), y.shape[1])
        arrays = y.ravel(), self._rows(z), qid
        return [np.repeat(array, counts.ravel().astype(int), axis=0) for array in arrays]

    def inverse_link(self, z):
        return self.loss.inverse_link(self._rows(z)).reshape(z.shape)

    def __call__(self, y, p, *, sample_weight=None):
        def call(y, p, w, qid):
            return self.loss(y, p, sample_weight=w, qid=qid)

        return self._flat(call, y, p, sample_weight)

    def values(self, y, z, w=None):
        return self._flat(self.loss.values, y, z, w)

    def gradient(self, y, z, w=None):
        return self._flat(self.loss.gradient, y, z, w).reshape(z.shape)

    def values_gradient(self, y, z, w=None):
        values, gradient = self._flat(self.loss.values_gradient, y, z, w)
        return values, gradient.reshape(z.shape)

    def gradient_hessian(self, y, z, w=None, *, psd=False):
        pair = self._flat(self.loss.gradient_hessian, y, z, w, psd=psd)
        return tuple(array.reshape(z.shape) for array in pair)

    def init_raw(self, y, w=None):
        n, k = y.shape
        qid = np.repeat(np.arange(n), k)
        if w is None or w.ndim == 1:
            w = None if w is None else np.repeat(w, k)
            return np.full(k, self.loss.init_raw(y.ravel(), w, qid=qid))
        raw = self.loss.init_raw(y.ravel(), w.ravel(), self.n_classes, qid=qid)
        return np.tile(np.atleast_1d(raw), k)
