"""Compile ahead of time: for images, servers and the first cell of a lecture."""

from __future__ import annotations

import numpy as np

from ._bases.adversarial import AdversarialLoss
from ._bases.rowwise import RowwiseLoss
from ._bases.variational import VariationalLoss
from ._registry import all_losses, example_of

DTYPES = ("float64", "float32")


def warmup(losses=None, *, dtypes=DTYPES):
    """Compile the kernels of losses and keep them in the disk cache.

    Parameters
    ----------
    losses : list of Loss, type or str, default=None
        Which losses; None: all of the library's.
    dtypes : sequence of str, default=("float64", "float32")
        For which kinds of arrays.
    """
    for loss in map(example_of, all_losses() if losses is None else losses):
        for dtype in dtypes:
            if isinstance(loss, AdversarialLoss):
                loss.discriminator(np.zeros(1, dtype), np.zeros(1, dtype))
                loss.generator(np.zeros(1, dtype))
                continue
            for y, raw in _samples(loss):
                _use(loss, y.astype(dtype), raw.astype(dtype))


def _samples(loss):
    """Return targets and raw predictions: one pair for each kind of targets."""
    if loss.task == "sequence":
        blank = int(loss.blank)
        return [(np.array([[0 if blank else 1]]), np.zeros((1, 1, max(blank + 1, 2))))]
    if loss.task == "embedding":
        return [(np.array([0.0, 0.0, 1.0]), np.eye(3))]
    if isinstance(loss, VariationalLoss):
        return []  # of arrays
    if not isinstance(loss, RowwiseLoss):
        one = np.full(1, 0.5 if 0.5 in loss.target else 1.0), np.zeros(1)
        return [one, (np.ones(1), np.zeros((1, 2)))] if loss.task == "overlap" else [one]
    raw = np.zeros((1, loss.n_raw or loss.n_outputs or 2))
    hard, soft = np.ones(1), np.full(raw.shape, 1 / raw.size)
    if loss.task != "multiclass":
        return [(hard if loss.n_raw else soft, raw)]
    return [(hard, raw), (soft, raw)] if loss.soft_labels else [(hard, raw)]


def _use(loss, y, raw):
    loss(y, loss.inverse_link(raw))
    loss.values(y, raw)
    loss.gradient(y, raw)
    loss.values_gradient(y, raw)
    loss.gradient_hessian(y, raw)
    loss.gradient_hessian(y, raw, psd=True)
