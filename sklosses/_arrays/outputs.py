"""The arrays that results are computed into, and delivered in."""

from __future__ import annotations

from math import prod
from sys import getrefcount
from threading import Lock

import numpy as np

LEAST = 2**25  # bytes: less is used again by malloc itself
MOST = 2**27  # bytes: more is not kept
KEPT = 2
UNHELD = 2  # references to an array of the list that nobody else holds: the list's, the call's

_kept: list[np.ndarray] = []
_lock = Lock()


def new_array(shape, dtype):
    """Return an uninitialised array.

    The memory of a large one may be that of an earlier result, if nothing refers to it any more.
    The system has to clear fresh pages, which takes longer than a simple loss on all of their
    numbers; PyTorch and malloc keep memory for the same reason. Two blocks are kept at most, which
    also serve arrays down to a quarter of their size.
    """
    dtype = np.dtype(dtype)
    size = prod(shape) * dtype.itemsize
    if not LEAST <= size <= MOST:
        return np.empty(shape, dtype)
    with _lock:
        for i in range(len(_kept)):
            # views, and views of views, hold the array that owns the memory
            fits = size <= _kept[i].size <= 4 * size
            if fits and getrefcount(_kept[i]) == UNHELD:
                return _kept[i][:size].view(dtype).reshape(shape)
        _kept.append(np.empty(size, np.uint8))
        del _kept[:-KEPT]
        return _kept[-1].view(dtype).reshape(shape)


def check_output(out, shape):
    """Raise unless `out` is an array of that shape that can be written."""
    if not isinstance(out, np.ndarray) or out.shape != shape:
        raise ValueError(f"out must be an array of shape {shape}. Got {np.shape(out)} instead.")
    if not out.flags.writeable:
        raise ValueError("output array is read-only")


def output(out, shape, dtype, inputs=()):
    """Return an array to compute into: `out` itself where it can be, and is none of the inputs."""
    if out is None:
        return new_array(shape, dtype)
    check_output(out, shape)
    fits = out.dtype == dtype and out.flags.c_contiguous
    apart = not any(np.may_share_memory(out, array) for array in inputs)
    return out if fits and apart else new_array(shape, dtype)


def deliver(array, out):
    """Return the result, in `out` if it was given."""
    if out is None:
        return array
    if not np.may_share_memory(array, out):
        out[...] = array
    return out
