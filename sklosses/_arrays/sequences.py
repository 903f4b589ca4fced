"""Sequences of frames and of labels as kernels want them, and labels as columns."""

from __future__ import annotations

import numpy as np
from sklearn.utils import assert_all_finite

from .inputs import DOUBLE, SINGLE, as_floats, as_kernels_take_it


class Frames:
    """Sequences of frames, rows of k numbers: one table, or an array a sequence; see `of`.

    Attributes
    ----------
    offsets : ndarray of int64, shape (n_sequences + 1,)
        Sequence `i` has the frames ``offsets[i]`` to ``offsets[i + 1]``.
    k : int
        Numbers of a frame.
    dtype : dtype
        Float32 if all sequences are, else float64.
    """

    def __init__(self, offsets, k, dtype, *, table=None, arrays=None, stacked=None):
        self.offsets, self.k, self.dtype = offsets, k, np.dtype(dtype)
        self.table, self.arrays, self.stacked = table, arrays, stacked

    @classmethod
    def of(cls, sequences, name):
        """Return frames as floats, without a copy where they are in order.

        Parameters
        ----------
        sequences : list of array-like of shape (n_frames, k), or ndarray of three dimensions
            The frames of each sequence.
        name : str
            What messages call them.
        """
        if getattr(sequences, "ndim", None) == 3:
            array = as_floats(sequences, name)
            n, size, k = array.shape
            table = as_kernels_take_it(array, array.dtype).reshape(n * size, k)
            return cls(np.arange(n + 1) * size, k, array.dtype, table=table, stacked=(n, size))
        arrays = [as_floats(one, name) for one in sequences]
        wrong = [i for i, array in enumerate(arrays) if array.ndim != 2]
        if wrong:
            raise ValueError(
                f"{name} must be a list of arrays of shape (n_frames, k), or one array of shape "
                f"(n_sequences, n_frames, k). Got an array of shape {arrays[wrong[0]].shape} at "
                f"place {wrong[0]} instead."
            )
        widths = {array.shape[1] for array in arrays}
        if len(widths) > 1:
            raise ValueError(
                f"The sequences of {name} must have the same number of columns. "
                f"Got {sorted(widths)}."
            )
        single = bool(arrays) and all(array.dtype == SINGLE for array in arrays)
        dtype, k = SINGLE if single else DOUBLE, next(iter(widths), 0)
        arrays = [as_kernels_take_it(array, dtype).reshape(array.shape) for array in arrays]
        return cls(_offsets([len(array) for array in arrays]), k, dtype, arrays=arrays)

    def __len__(self):
        return self.offsets.size - 1

    def whole(self):
        """Return the same frames as one table."""
        table = self.part(0, len(self)) if len(self) else np.empty((0, self.k), self.dtype)
        return Frames(self.offsets, self.k, self.dtype, table=table)

    @property
    def lengths(self):
        """The number of frames of each sequence."""
        return np.diff(self.offsets)

    @property
    def tables(self):
        """All frames, in one table or in several."""
        return self.arrays if self.table is None else [self.table]

    def part(self, first, last):
        """Return the frames of some sequences as one table, a copy only if they are apart."""
        if self.table is not None:
            return self.table[self.offsets[first] : self.offsets[last]]
        if last - first == 1:
            return self.arrays[first]
        return np.concatenate(self.arrays[first:last])

    def shaped(self, table):
        """Return a table of all frames in the form in which these came."""
        if self.stacked:
            return table.reshape(*self.stacked, table.shape[1])
        return np.split(table, self.offsets[1:-1]) if len(self) else []


class Labels:
    """The labels of sequences, one after the other; see `of`.

    Attributes
    ----------
    flat : ndarray of int64
        All labels.
    offsets : ndarray of int64, shape (n_sequences + 1,)
        Sequence `i` has the labels ``offsets[i]`` to ``offsets[i + 1]``.
    """

    def __init__(self, flat, offsets):
        self.flat, self.offsets = flat, offsets

    @classmethod
    def of(cls, sequences, name):
        """Return labels from a list of sequences of integers; these themselves, if they are."""
        if isinstance(sequences, cls):
            return sequences
        arrays = [np.asarray(one) for one in sequences]
        for i, array in enumerate(arrays):
            numeric = array.dtype.kind in "iub" or (
                array.dtype.kind == "f" and (array == np.floor(array)).all()
            )
            if array.ndim != 1 or not (numeric or array.size == 0):
                raise ValueError(
                    f"{name} must be a list of sequences of integers. Got {sequences[i]!r} at "
                    f"place {i} instead."
                )
        flat = np.concatenate([*arrays, np.zeros(0)]).astype(np.int64)
        return cls(flat, _offsets([array.size for array in arrays]))

    def __len__(self):
        return self.offsets.size - 1

    def taken(self, index):
        """Return those of some sequences."""
        lengths = np.diff(self.offsets)[index]
        offsets = _offsets(lengths)
        places = np.arange(offsets[-1]) + np.repeat(self.offsets[index] - offsets[:-1], lengths)
        return Labels(self.flat[places], offsets)

    def least_frames(self):
        """Return how many frames an alignment needs: a blank stands between equal labels."""
        equal = np.append(0, np.cumsum(np.append(0, self.flat[1:] == self.flat[:-1])))
        first = np.minimum(self.offsets[:-1] + 1, self.offsets[1:])
        return np.diff(self.offsets) + equal[self.offsets[1:]] - equal[first]

    def check(self, owner, k, blank):
        """Raise unless all are columns of a prediction of `k`, other than that of the blank."""
        wrong = (self.flat < 0) | (self.flat >= k) | (self.flat == blank)
        if wrong.any():
            place = int(wrong.argmax())
            sequence = int(np.searchsorted(self.offsets, place, side="right")) - 1
            raise ValueError(
                f"{owner} needs labels to be integers from 0 to {k - 1}, the columns of the "
                f"prediction, other than {blank}, that of the blank. Got {self.flat[place]} in "
                f"sequence {sequence}."
            )


class Alphabet:
    """Labels of any kind, and the columns of predictions that stand for them: all but the blank's.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The labels, in order.
    blank : int
        The column of the blank; those of labels are in their order around it.
    """

    def __init__(self, classes, blank):
        self.classes, self.blank = classes, blank
        places = np.arange(classes.size)
        self.columns = places + (places >= blank)

    def encode(self, sequences, name):
        """Return the columns of labels, or raise a `ValueError` that names those not known."""
        flat, offsets = _joined(sequences, name)
        text = [array.dtype.kind in "US" for array in (flat, self.classes)]
        known = np.isin(flat, self.classes) & (text[0] == text[1])
        if not known.all():
            raise ValueError(
                f"{name} contains labels that are not in classes_: "
                f"{np.unique(flat[~known]).tolist()}; classes_ are {self.classes.tolist()}."
            )
        places = np.searchsorted(self.classes, flat) if flat.size else np.zeros(0, np.int64)
        return Labels(self.columns[places], offsets)

    def decode(self, columns, offsets, kind):
        """Return sequences of labels of a kind: str, list, tuple or ndarray."""
        labels = self.classes[columns - (columns > self.blank)]
        parts = np.split(labels, offsets[1:-1]) if offsets.size > 1 else []
        if kind is str:
            return ["".join(part.tolist()) for part in parts]
        return parts if kind is np.ndarray else [kind(part.tolist()) for part in parts]


def classes_of(sequences, name):
    """Return the labels that are in sequences, in order."""
    return np.unique(_joined(sequences, name)[0])


def _joined(sequences, name):
    """Return all labels in one array, and where those of each sequence begin."""
    arrays = []
    for place, one in enumerate(sequences):
        array = np.array(list(one), "U1") if isinstance(one, str) else np.asarray(one)
        if array.ndim != 1:
            raise ValueError(
                f"{name} must be a list of sequences of labels (strings, lists or arrays). "
                f"Got {one!r} at place {place}."
            )
        arrays.append(array)
    filled = [array for array in arrays if array.size]
    flat = np.concatenate(filled) if filled else np.zeros(0, np.int64)
    assert_all_finite(flat, input_name=name)
    return flat, _offsets([array.size for array in arrays])


def _offsets(lengths):
    return np.append(0, np.cumsum(np.asarray(lengths, np.int64)))
