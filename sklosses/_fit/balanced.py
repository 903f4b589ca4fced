"""Batches that hold several rows of several classes, as losses of pairs and triplets need them."""

from __future__ import annotations

from math import inf

import numpy as np
from sklearn.utils import check_array

ROWS = 192  # of a batch
SEVERAL = 4  # rows of a class in a batch of many classes


class Labelled:
    """Labels of rows that solvers are to take in batches, classes alike; see `drawn`.

    Parameters
    ----------
    codes : ndarray of int64, shape (n_samples,)
        Labels: small numbers, from 0.
    share : float, default=1.0
        The part of a class in a batch is this share of rows that are looked at: those nearest to
        one of them. Other parts of the class, which may be clusters of their own, are not there to
        be pulled to it.
    views : int, default=1
        How often a batch has each of its rows.
    steps : tuple of float, default=(1, inf)
        The least and the most batches of an epoch.
    """

    ndim = 1

    def __init__(self, codes, share=1.0, views=1, steps=(1, inf)):
        self.codes, self.share, self.views, self.steps = codes, share, views, steps
        self.shape = codes.shape

    def __len__(self):
        return self.codes.size

    def __getitem__(self, rows):
        return Labelled(self.codes[rows], self.share, self.views, self.steps)

    @property
    def shared(self):
        """Whether any rows share a label."""
        return np.unique(self.codes).size < self.codes.size

    def drawn(self, size, rng, place=None):
        """Return the batches of an epoch: arrays of rows, each class with as many, if it has them.

        Batches of few classes hold rows of all, others `SEVERAL` of as many classes as fit. Within
        a class rows take turns, so that all are seen; so do classes, those of a single row aside.

        Parameters
        ----------
        size : int or "auto"
            Rows of a batch, at most.
        rng : Generator
        place : callable, default=None
            Returns where rows are now, for `share`. None: any rows are as good.
        """
        n = self.codes.size
        size = max(1, min((ROWS if size == "auto" else size) // self.views, n))
        sizes = np.bincount(self.codes)
        usable = np.flatnonzero(sizes)
        several = min(SEVERAL, max(2 // self.views, int(np.median(sizes[usable]))), size)
        if usable.size * several > size and self.views == 1 and (sizes > 1).any():
            usable = np.flatnonzero(sizes > 1)
        together = max(1, min(usable.size, size // several))
        each = size // together
        near = place is not None and self.share < 1.0 and each > 1
        looked = np.arange(int(each / self.share) if near else each)
        rows = np.argsort(self.codes + rng.random(n))  # by class, in random order
        places = place(rows) if near else None
        starts, turn = np.cumsum(sizes) - sizes, np.zeros_like(sizes)
        batches, queue = [], usable[:0]
        for _ in range(int(min(max(-(-n // size), self.steps[0]), self.steps[1]))):
            if queue.size < together:
                queue = np.append(queue, rng.permutation(usable))
            chosen, queue = np.sort(queue[:together]), queue[together:]
            count = sizes[chosen][:, None]
            at = starts[chosen][:, None] + (turn[chosen][:, None] + looked) % count
            turn[chosen] += looked.size
            there = looked < count
            if near:
                at, there = _nearest(places, at, there, each)
            batches.append(np.repeat(rows[at[there]], self.views))
        return batches


def _nearest(places, at, there, each):
    """Return `each` of the rows of a class, those nearest to the first, and which of them exist."""
    z = places[at]
    d = np.square(z - z[:, :1]).sum(axis=2)
    d[~there] = np.inf
    order = np.argpartition(d, min(each, d.shape[1] - 1), axis=1)[:, :each]
    return np.take_along_axis(at, order, 1), np.take_along_axis(there, order, 1)


class Views:
    """Data of which solvers see random views instead of rows.

    Parameters
    ----------
    X : ndarray or CSR of shape (n_samples, n_features)
    augment : callable
        Returns a view of each row it is given.
    """

    def __init__(self, X, augment):
        self.X, self.augment = X, augment
        self.shape, self.dtype = X.shape, X.dtype

    def __getitem__(self, rows):
        return Views(self.X[rows], self.augment)

    def draw(self, rows):
        """Return a view of each of some rows."""
        rows = self.X[rows]
        views = check_array(
            self.augment(rows), accept_sparse="csr", dtype=self.dtype, input_name="augment(X)"
        )
        if views.shape != rows.shape:
            raise ValueError(
                f"augment must return an array of the shape it is given, {rows.shape}. "
                f"Got {views.shape} instead."
            )
        return views
