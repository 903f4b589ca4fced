"""Compile ahead of time: for images, servers and the first cell of a lecture."""

from __future__ import annotations

import numpy as np

from ._registry import all_losses, get_loss

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
    for loss in map(get_loss, all_losses() if losses is None else losses):
        y = np.full(1, 0.5 if 0.5 in loss.target else 1.0)
        for dtype in dtypes:
            target, raw = y.astype(dtype), np.zeros(1, dtype)
            loss(target, loss.inverse_link(raw))
            loss.values(target, raw)
            loss.gradient(target, raw)
            loss.values_gradient(target, raw)
            loss.gradient_hessian(target, raw)
            loss.gradient_hessian(target, raw, psd=True)
