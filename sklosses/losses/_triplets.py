"""The triplets of an anchor: each positive with each negative, without a matrix of them."""

from __future__ import annotations

from math import inf

import numpy as np

from .._bases.batchwise import fadd
from ._lists import falling, taken

MANY = 300  # positives from which `ranged` is faster


def crossed(near, far, margin, beyond, pull, push):
    """Add up the triplets of an anchor by its distances to positives and to negatives.

    Those whose ``near - far + margin`` is positive, and with `beyond` whose negative is farther
    than the positive. Returns their sum and number; adds to `pull`, and takes from `push`, how many
    there are of each distance.
    """
    total, count = 0.0, 0.0
    for p in range(near.size):
        bound, floor = near[p] + margin, near[p] if beyond else -inf
        part, used = 0.0, 0.0
        for n in range(far.size):
            gap = max(bound - far[n], 0.0)
            on = 1.0 if (gap > 0.0) & (far[n] > floor) else 0.0
            part, used = fadd(part, on * gap), fadd(used, on)
            push[n] -= on
        pull[p] += used
        total += part
        count += used
    return total, count


def _leading(x, t, ties):
    """Return how many of falling numbers are above `t`, or with `ties` not below."""
    low, high = 0, x.size
    while low < high:
        middle = (low + high) // 2
        if x[middle] > t or (ties and x[middle] == t):
            low = middle + 1
        else:
            high = middle
    return low


def ranged(near, far, margin, beyond, pull, push):
    """Do the same by sorting: the positives that count for a negative are a range."""
    order = falling(near)
    x = taken(near, order)
    sums, active = np.zeros(x.size + 1), np.zeros(x.size + 1)
    for p in range(x.size):
        sums[p + 1] = sums[p] + x[p]
    total, count = 0.0, 0.0
    for n in range(far.size):
        last = _leading(x, far[n] - margin, False)
        first = min(_leading(x, far[n], True), last) if beyond else 0
        used = float(last - first)
        push[n] -= used
        active[first] += 1.0
        active[last] -= 1.0
        total += sums[last] - sums[first] - used * (far[n] - margin)
        count += used
    run = 0.0
    for p in range(x.size):
        run += active[p]
        pull[order[p]] += run
    return total, count
