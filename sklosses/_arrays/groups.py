"""Rows by group: the queries of a ranking, or whatever else a set-wise loss works on."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sklearn.utils import assert_all_finite, check_consistent_length
from sklearn.utils.validation import check_non_negative

from .inputs import DOUBLE, as_weights


class Groups:
    """Rows by group, groups in order of first appearance; made by `Groups.of`.

    Attributes
    ----------
    offsets : ndarray of int64, shape (n_groups + 1,)
        In group order, group `g` has the places ``offsets[g]`` to ``offsets[g + 1]``.
    order : ndarray of int64, shape (n_rows,), or None
        The row at each place, rows of a group in their own order; None: that of the rows.
    names : ndarray of shape (n_groups,)
        The id of each group; None for the one group of rows without ids.
    n_groups : int
        The number of groups.
    """

    __slots__ = ("names", "offsets", "order")

    def __init__(self, offsets, order, names):
        self.offsets = offsets
        self.order = order
        self.names = names

    @classmethod
    def of(cls, qid, n):
        """Return the groups of `n` rows.

        Parameters
        ----------
        qid : array-like of shape (n,), Groups or None
            The group of each row: any hashable, in any order. None: all rows are one group.
        n : int
            The number of rows.

        Returns
        -------
        Groups
            The groups; `qid` itself, if it is one.

        Raises
        ------
        ValueError
            If there is not one id a row, or if ids are missing.
        """
        if isinstance(qid, cls):
            _require_length(qid.offsets[-1], n)
            return qid
        if qid is None:
            return cls(np.array([0, n] if n else [0]), None, np.full(min(n, 1), None))
        ids = _column(qid, n)
        if isinstance(ids, np.ndarray) and ids.dtype.kind in "biuf":
            return cls(*_runs(ids))
        codes, names = _factorized(ids)
        offsets, order, firsts = _runs(codes)
        return cls(offsets, order, names[firsts])

    @property
    def n_groups(self):
        return self.offsets.size - 1

    @property
    def codes(self):
        """The group of each place, in group order."""
        return np.repeat(np.arange(self.n_groups), np.diff(self.offsets))

    def sorted(self, array):
        """Return the rows of `array` in group order; `array` itself if they are."""
        return array if self.order is None else np.take(array, self.order, axis=0)

    def restored(self, array):
        """Return what is in group order in the order of the rows: the inverse of `sorted`."""
        if self.order is None:
            return array
        out = np.empty_like(array)
        out[self.order] = array
        return out

    def weights(self, sample_weight):
        """Return the weight of each group, in doubles.

        Parameters
        ----------
        sample_weight : array-like of shape (n_rows,), float or None
            The weight of each row, the same within a group. None: ones.

        Returns
        -------
        ndarray of shape (n_groups,)
            The weights.

        Raises
        ------
        ValueError
            If weights are missing, infinite, negative or differ within a group.
        """
        if sample_weight is None:
            return np.ones(self.n_groups)
        rows = (int(self.offsets[-1]),)
        w = np.broadcast_to(self.sorted(as_weights(sample_weight, rows, DOUBLE)), rows)
        assert_all_finite(w, input_name="sample_weight")
        check_non_negative(w, "`sample_weight`")
        weights = w[self.offsets[:-1]]
        differs = w != np.repeat(weights, np.diff(self.offsets))
        if differs.any():
            group = np.searchsorted(self.offsets, differs.argmax(), side="right") - 1
            raise ValueError(
                f"sample_weight must be constant within each query (group of equal qid). "
                f"It differs within {self.names[group]!r}."
            )
        return weights


def _require_length(found, n):
    if found != n:
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: {[n, int(found)]}"
        )


def _column(qid, n):
    """Return the ids as a 1D array, of NumPy or of pandas."""
    if not isinstance(qid, np.ndarray):
        import pandas as pd

        check_consistent_length(qid)  # for its words about what is no sequence
        if np.ndim(qid) == 1 or isinstance(qid, (list, tuple)):
            ids = pd.Series(qid).array  # unlike `np.asarray`, keeps tuples whole and 1 from "1"
            qid = ids.to_numpy() if isinstance(ids.dtype, np.dtype) else ids
        else:
            qid = np.asarray(qid)
    if qid.ndim != 1:
        raise ValueError(f"qid should be a 1d array, got an array of shape {qid.shape} instead.")
    _require_length(len(qid), n)
    return qid


def _factorized(ids):
    """Return the number of each id, and the ids by number."""
    import pandas as pd

    codes, names = pd.factorize(ids)
    if (codes < 0).any():
        raise ValueError("Input qid contains NaN.")
    return codes, np.asarray(names)


def _runs(ids):
    """Return offsets and order of the groups of numeric ids, and the id of each group.

    Where equal ids stand together, which one pass tells, there is nothing to sort.
    """
    if ids.dtype.kind == "f":
        assert_all_finite(ids, input_name="qid")
    n = ids.size
    starts = np.flatnonzero(np.concatenate((np.full(min(n, 1), True), ids[1:] != ids[:-1])))
    firsts = ids[starts]
    if (firsts[1:] > firsts[:-1]).all():
        return np.append(starts, n), None, firsts
    codes, names = _factorized(firsts)
    if names.size == firsts.size:
        return np.append(starts, n), None, firsts
    codes = np.repeat(codes, np.diff(starts, append=n))
    # the transpose of a matrix with a one a row is a counting sort, in C and stable
    marks = sparse.csr_array((np.empty(n, np.bool_), codes, np.arange(n + 1))).tocsc()
    return marks.indptr.astype(np.int64), marks.indices.astype(np.int64), names
