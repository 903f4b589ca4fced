"""Skill scores: how much better than the best constant."""

from __future__ import annotations

import numpy as np

from .._bases.loss import require_prediction
from .._registry import get_loss


def d2_loss_score(y_true, y_pred, *, loss, sample_weight=None):
    """Return the share of a loss that a prediction explains: D², R² for any loss.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Targets; 0 and 1 for binary losses.
    y_pred : array-like of the same shape
        Predictions on the response scale.
    loss : Loss or str
        The loss, or its name.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each row.

    Returns
    -------
    float
        ``1 − loss(y, ŷ) / loss(y, c)``, `c` the best constant. 1 is perfect, 0 no better than the
        constant, negative worse. With a perfect constant: 1 for perfect predictions, else −inf.

    References
    ----------
    Hastie, T., Tibshirani, R. and Wainwright, M. (2015). Statistical Learning with Sparsity,
    eq. 3.11. doi:10.1201/b18401

    Examples
    --------
    >>> d2_loss_score([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], loss="huber")
    1.0
    """
    loss = get_loss(loss)
    require_prediction(loss)
    if np.ndim(y_true) == 1 and np.ndim(y_pred) == 2:
        loss = loss.for_classes(np.shape(y_pred)[1])
    reached = loss(y_true, y_pred, sample_weight=sample_weight)
    if loss.rowwise:
        n_raw = np.shape(y_pred)[1] if loss.n_raw is None else loss.n_raw
        best = loss.init_raw(y_true, sample_weight, n_raw)
        raw = np.broadcast_to(best, (len(y_true), n_raw))
    elif loss.groupwise and np.ndim(y_pred) == 2:
        best = loss.init_raw(y_true, sample_weight, np.shape(y_pred)[1])
        raw = np.broadcast_to(best, np.shape(y_pred))
    else:
        raw = np.broadcast_to(loss.init_raw(y_true, sample_weight), np.shape(y_true))
    constant = loss(y_true, loss.inverse_link(raw), sample_weight=sample_weight)
    if constant == 0:
        return 1.0 if reached == 0 else -np.inf
    return 1.0 - reached / constant
