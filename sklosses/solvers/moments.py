"""Mean and spread of columns, without a copy of X."""

from __future__ import annotations

import numpy as np
from scipy import sparse

ROWS = 4096  # rows centred at a time


def column_moments(X, w, *, centre):
    """Return the weighted mean of each column (0 without `centre`) and its spread about it."""
    total = w.sum(dtype=np.float64)
    n, d = X.shape
    mean = np.asarray(X.T @ w, dtype=np.float64) / total if centre else np.zeros(d)
    if sparse.issparse(X):
        square = np.asarray(X.multiply(X).T @ w, dtype=np.float64) / total
        variance = np.maximum(square - mean**2, 0.0)
        variance[variance <= square * 1e-14 * n] = 0.0
        return mean, np.sqrt(variance)
    variance = np.zeros(d)
    for start in range(0, n, ROWS):
        rows = slice(start, start + ROWS)
        block = X[rows] - mean
        variance += w[rows].astype(np.float64) @ np.square(block, out=block)
    variance /= total
    rounding = np.finfo(X.dtype).eps * np.abs(mean)
    variance[np.sqrt(variance) <= 4 * rounding] = 0.0
    return mean, np.sqrt(variance)
