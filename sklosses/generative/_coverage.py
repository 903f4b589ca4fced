"""How much of the data the samples of a model reach."""

from __future__ import annotations

import numpy as np
from sklearn.neighbors import NearestNeighbors

NEIGHBOURS = 5  # at least
SHARE = 0.02  # of the rows, that are neighbours: what is missing, if it is more, is found
ROWS = 1000  # of the data, and of the samples, that tell


def coverage(X, draw, rng):
    """Return the share of rows of `X` that have a sample nearer than the nearest 2% of other rows.

    ``draw(n, rng)`` returns samples, as many as there are rows, up to 1000.

    Of a sample of the same distribution it is 1, of one that misses a part of it, less by that
    part [1]_. Rows that occur more than once count once. Columns count by their spread.

    References
    ----------
    .. [1] Naeem, M. F. et al. (2020). Reliable fidelity and diversity metrics for generative
       models. ICML. doi:10.48550/arXiv.2002.09797
    """
    if X.shape[0] > ROWS:
        X = X[rng.choice(X.shape[0], ROWS, replace=False)]
    X = np.unique(X, axis=0)
    spread = X.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    X, samples = X / scale, draw(X.shape[0], rng) / scale
    k = min(max(NEIGHBOURS, int(SHARE * X.shape[0])), X.shape[0] - 1)
    if k == 0:
        return 1.0
    radii = NearestNeighbors(n_neighbors=k + 1).fit(X).kneighbors(X)[0][:, -1]
    nearest = NearestNeighbors(n_neighbors=1).fit(samples).kneighbors(X)[0][:, 0]
    return float(np.mean(nearest <= radii))
