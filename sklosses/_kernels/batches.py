"""The loops over the rows of a batch of embeddings: distances, anchors, and the way back."""

from __future__ import annotations

import numpy as np

from .._numba import fadd, kernel


@kernel
def anchors(loss, y, start, s, w):
    """Fill `w` with the derivatives of the loss in `s`; return its sum and the number of terms.

    Each row of `s` is of an anchor, the first of them at place `start` of the batch. Rows with one
    label are neighbours.
    """
    total, count = 0.0, 0.0
    first = last = start
    while first > 0 and y[first - 1] == y[start]:
        first -= 1
    for a in range(s.shape[0]):
        i = start + a
        if i == last or a == 0:
            first = i if a > 0 else first
            last = i + 1
            while last < y.size and y[last] == y[i]:
                last += 1
        part, terms = loss.anchor(i, first, last, s[a], w[a])
        total += part
        count += terms
    return total, count


@kernel
def to_distances(z, norms, start, near, s):
    """Turn inner products into distances, in place.

    Where rows are nearer to each other than to the origin, by a factor, the difference of their
    norms and their product has lost its digits: there the distance is computed coordinatewise.
    """
    zero, one, two = z.dtype.type(0), z.dtype.type(1), z.dtype.type(2)
    near = z.dtype.type(near)
    for a in range(s.shape[0]):
        i, row = start + a, s[a]
        own, lost = norms[i], zero
        for j in range(row.size):
            scale = own + norms[j]
            square = scale - two * row[j]
            known = square > near * scale  # not where it is nan
            row[j] = np.sqrt(square) if known else -one
            lost = fadd(lost, zero if known else one)
        row[i] = zero
        if lost == one:  # nothing but itself
            continue
        for j in range(row.size):
            if row[j] < zero:
                square = zero
                for k in range(z.shape[1]):
                    d = z[i, k] - z[j, k]
                    square = fadd(square, d * d)
                row[j] = np.sqrt(square)


@kernel
def by_distance(z, norms, start, near, s, w, gradient, row_sums, column_sums):
    """Divide `w` by the distances `s`, in place, 0 where they are 0, and add up what it is then.

    For near rows add what follows for the gradient at once, and leave 0.
    """
    zero, one = z.dtype.type(0), z.dtype.type(1)
    near = z.dtype.type(near)
    for a in range(s.shape[0]):
        i, row, slopes = start + a, s[a], w[a]
        own, lost = norms[i], zero
        for j in range(row.size):
            d, slope = row[j], slopes[j]
            slopes[j] = slope / d if d > zero else zero
            far = (d * d > near * (own + norms[j])) | (slope == zero)
            lost = fadd(lost, zero if far else one)
        for j in range(row.size if lost > zero else 0):
            if slopes[j] != zero and not row[j] * row[j] > near * (own + norms[j]):
                for k in range(z.shape[1]):
                    step = slopes[j] * (z[i, k] - z[j, k])
                    gradient[i, k] += step
                    gradient[j, k] -= step
                slopes[j] = zero
        total = zero
        for j in range(row.size):
            total = fadd(total, slopes[j])
            column_sums[j] += slopes[j]
        row_sums[a] = total
