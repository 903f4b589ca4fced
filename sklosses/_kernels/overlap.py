"""The loops of overlap losses: to sums a group and class, from them to values, and back to rows.

Only the step in the middle knows a loss, and it sees a few numbers a group. The first pass leaves
the probabilities where the second puts the gradient. `sums` are, a group and class: Σ w·p·t (the
intersection), Σ w·p, Σ w·t. As in `terms` the input is checked while it is read: see there for
`suspect`. Rows of a group are neighbours, `offsets` tell where each begins.
"""

from __future__ import annotations

import numpy as np

from .._numba import fadd, kernel
from .._special import expit
from .rows import _log_softmax, _of_class, _row_sums, _rows_of, _turn, _turn_back
from .terms import BLOCK

TINY = 1e-12  # of surrogates: less is no positive number to a booster


# ------------------------------------------------------------------------- one raw column


@kernel
def sigmoid(z, out):
    """Fill `out` with the logistic function of `z`."""
    for i in range(z.size):
        out[i] = expit(z[i])


@kernel
def sigmoid_sums(y, z, w, offsets, p, sums):
    """Fill `sums` of the logistic function of `z`, and `p`, unless it is None, with its values."""
    zero, one = z.dtype.type(0), z.dtype.type(1)
    weighted = w.size == z.size
    suspect = 0.0
    sums[:] = 0.0
    for g in range(offsets.size - 1):
        for start in range(offsets[g], offsets[g + 1], BLOCK):
            stop = min(start + BLOCK, offsets[g + 1])
            yb, zb = y[start:stop], z[start:stop]
            wb = w[start:stop] if weighted else w[: stop - start]
            if p is not None:
                pb = p[start:stop]
            both, predicted, true, ill = zero, zero, zero, zero
            for i in range(yb.size):
                q = expit(zb[i])
                if p is not None:
                    pb[i] = q
                both = fadd(both, wb[i] * q * yb[i])
                predicted = fadd(predicted, wb[i] * q)
                true = fadd(true, wb[i] * yb[i])
                fine = (zb[i] - zb[i] == zero) & (yb[i] >= zero) & (yb[i] <= one)
                ill = fadd(ill, zero if fine else one)
            sums[g, 0, 0] += both
            sums[g, 0, 1] += predicted
            sums[g, 0, 2] += true
            suspect += ill
    return suspect


@kernel
def sigmoid_chain(y, w, offsets, slopes, bends, p, out_hessian, out_curvature):
    """Turn the probabilities `p` into the gradient; fill Hessian and surrogate if they are wanted.

    The surrogate is never less than the size of the gradient, which bounds the part of the Hessian
    that changes its sign where p passes ½, and steps by 1.
    """
    real = p.dtype.type
    one, tiny = real(1), real(TINY)
    weighted = w.size == p.size
    for g in range(offsets.size - 1):
        in_both, in_predicted = real(slopes[g, 0, 0]), real(slopes[g, 0, 1])
        if bends is not None:
            twice, mixed, other = real(bends[g, 0, 0]), real(bends[g, 0, 1]), real(bends[g, 0, 2])
        for start in range(offsets[g], offsets[g + 1], BLOCK):
            stop = min(start + BLOCK, offsets[g + 1])
            yb, pb = y[start:stop], p[start:stop]
            wb = w[start:stop] if weighted else w[: stop - start]
            if out_hessian is not None:
                hb = out_hessian[start:stop]
            if out_curvature is not None:
                cb = out_curvature[start:stop]
            for i in range(yb.size):
                q, t = pb[i], yb[i]
                s = wb[i] * q * (one - q)
                gradient = s * (in_both * t + in_predicted)
                pb[i] = gradient
                if bends is not None:
                    h = gradient * (one - q - q) + s * s * (t * (twice * t + mixed + mixed) + other)
                    if out_hessian is not None:
                        hb[i] = h
                    if out_curvature is not None:
                        cb[i] = max(h, abs(gradient), tiny)


# ------------------------------------------------------------------------- a column a class


@kernel
def softmax_sums(y, z, w, offsets, k, p, sums):
    """As `sigmoid_sums`, of the softmax of rows of `k`; `y` are labels, `z` and `p` flat.

    Probabilities are left in `p` block by block, each turned over as `rows` does.
    """
    zero = z.dtype.type(0)
    block = _rows_of(k)
    weighted = w.size == y.size
    lp, share = np.empty(block * k, z.dtype), np.empty(block * k, z.dtype)
    top, norm = np.empty(block, z.dtype), np.empty(block, z.dtype)
    suspect = 0.0
    sums[:] = 0.0
    for g in range(offsets.size - 1):
        for start in range(offsets[g], offsets[g + 1], block):
            rows = min(block, offsets[g + 1] - start)
            _turn(z, start, rows, k, lp)
            suspect += _log_softmax(lp, rows, k, share, top, norm, z, start)
            yb = y[start : start + rows]
            wb = w[start : start + rows] if weighted else w[:rows]
            for j in range(k):
                own = _of_class(share, rows, j)
                both, predicted, true = zero, zero, zero
                for i in range(rows):
                    mine = wb[i] if yb[i] == j else zero
                    both = fadd(both, mine * own[i])
                    predicted = fadd(predicted, wb[i] * own[i])
                    true = fadd(true, mine)
                sums[g, j, 0] += both
                sums[g, j, 1] += predicted
                sums[g, j, 2] += true
            if p is not None:
                p[start * k : (start + rows) * k] = share[: rows * k]
    return suspect


@kernel
def softmax_chain(y, w, offsets, k, slopes, bends, p, out_hessian, out_curvature):  # noqa: PLR0912
    """As `sigmoid_chain`, for rows of `k`.

    With u = p ∂L/∂p and U its sum over a row, the gradient is ``u - p U``. Its own derivative is
    the gradient times ``1 - 2p``, plus what the sums of the group add: with b their second
    derivative along p, and V the sum of b p² over a row, ``p² (b (1 - 2p) + V)``.
    """
    real = p.dtype.type
    zero, one, tiny = real(0), real(1), real(TINY)
    block = _rows_of(k)
    weighted = w.size == y.size
    share, u = np.empty(block * k, p.dtype), np.empty(block * k, p.dtype)
    v, h = np.empty_like(share), np.empty_like(share)
    sums, more, ones = np.empty(block, p.dtype), np.empty(block, p.dtype), np.ones(block, p.dtype)
    for g in range(offsets.size - 1):
        for start in range(offsets[g], offsets[g + 1], block):
            rows = min(block, offsets[g + 1] - start)
            part = slice(start * k, (start + rows) * k)
            share[: rows * k] = p[part]
            yb = y[start : start + rows]
            wb = w[start : start + rows] if weighted else w[:rows]
            for j in range(k):
                own, mine = _of_class(share, rows, j), _of_class(u, rows, j)
                in_both, in_predicted = real(slopes[g, j, 0]), real(slopes[g, j, 1])
                for i in range(rows):
                    slope = (in_both if yb[i] == j else zero) + in_predicted
                    mine[i] = own[i] * slope
            _row_sums(u, rows, k, sums)
            for j in range(k):
                own, mine = _of_class(share, rows, j), _of_class(u, rows, j)
                for i in range(rows):
                    mine[i] = wb[i] * (mine[i] - own[i] * sums[i])
            if bends is not None:
                for j in range(k):
                    own, mine = _of_class(share, rows, j), _of_class(v, rows, j)
                    twice, mixed = real(bends[g, j, 0]), real(bends[g, j, 1])
                    other = real(bends[g, j, 2])
                    for i in range(rows):
                        bend = (twice + mixed + mixed if yb[i] == j else zero) + other
                        mine[i] = own[i] * own[i] * bend
                _row_sums(v, rows, k, more)
                for j in range(k):
                    own, mine = _of_class(share, rows, j), _of_class(u, rows, j)
                    bent, out = _of_class(v, rows, j), _of_class(h, rows, j)
                    for i in range(rows):
                        q = own[i]
                        slack = one - q - q
                        spread = bent[i] * slack + q * q * more[i]
                        out[i] = mine[i] * slack + wb[i] * wb[i] * spread
                if out_hessian is not None:
                    _turn_back(h, rows, k, ones, out_hessian[part])
                if out_curvature is not None:
                    for e in range(rows * k):
                        h[e] = max(h[e], abs(u[e]), tiny)
                    _turn_back(h, rows, k, ones, out_curvature[part])
            _turn_back(u, rows, k, ones, p[part])


# ------------------------------------------------------------------------- probabilities as given


@kernel
def given_sums(y, p, w, offsets, k, sums):
    """Fill `sums` of given probabilities, flat; of one column `y` are shares, else labels."""
    one, zero = p.dtype.type(1), p.dtype.type(0)
    weighted = w.size == y.size
    suspect = 0.0
    sums[:] = 0.0
    for g in range(offsets.size - 1):
        for i in range(offsets[g], offsets[g + 1]):
            wi = w[i] if weighted else one
            for j in range(k):
                t = y[i] if k == 1 else one if y[i] == j else zero
                predicted = wi * p[i * k + j]
                sums[g, j, 0] += predicted * t
                sums[g, j, 1] += predicted
                sums[g, j, 2] += wi * t
                fine = (p[i * k + j] >= zero) & (p[i * k + j] <= one) & (t >= zero) & (t <= one)
                suspect += 0.0 if fine else 1.0
    return suspect


# ------------------------------------------------------------------------- from sums to values


@kernel
def evaluate(loss, sums, first, terms, out_value, slopes, bends):
    """Fill the values of groups, means over classes from `first` on, and derivatives in the sums.

    `terms` are the weights of the groups; derivatives are left out where they are None.
    """
    k = sums.shape[1]
    for g in range(sums.shape[0]):
        share, total = terms[g] / (k - first), 0.0
        for j in range(k):
            both, predicted, true = sums[g, j, 0], sums[g, j, 1], sums[g, j, 2]
            counts = j >= first and share > 0.0
            if out_value is not None and counts:
                total += loss.value(both, predicted, true)
            if slopes is not None:
                slopes[g, j] = 0.0
                if counts:
                    in_both, in_predicted = loss.slopes(both, predicted, true)
                    slopes[g, j, 0], slopes[g, j, 1] = share * in_both, share * in_predicted
            if bends is not None:
                bends[g, j] = 0.0
                if counts:
                    twice, mixed, other = loss.bends(both, predicted, true)
                    bends[g, j, 0], bends[g, j, 1] = share * twice, share * mixed
                    bends[g, j, 2] = share * other
        if out_value is not None:
            out_value[g] = share * total


# ------------------------------------------------------------------------- errors in order


@kernel
def errors_of(loss, y, z, k, j, out):
    """Fill the errors of column `j`; return how many raw predictions or targets are ill."""
    zero, one = z.dtype.type(0), z.dtype.type(1)
    suspect = 0.0
    for i in range(y.size):
        f = z[i * k + j]
        t = y[i] if k == 1 else one if y[i] == j else zero
        out[i] = loss.error(t, f)[0]
        fine = (f - f == zero) & ((t == zero) | (t == one))
        suspect += 0.0 if fine else 1.0
    return suspect


@kernel
def extend(loss, y, z, w, codes, k, j, order, errors, sums, share, out_value, out_gradient):
    """Add the extension of a set function of class `j` to values and gradient.

    Rows are visited by falling error, in each group: each is taken from what its group predicts
    rightly, and its error counts as much as that costs. `sums` are those of a prediction that is
    right, and are used up. Rows of one group and error go together: what they cost is the mean of
    both ways to take them, by target, so that it depends on no order.
    """
    one, zero = z.dtype.type(1), z.dtype.type(0)
    weighted = w.size == y.size
    seen, done = np.full(share.size, -1), np.full(share.size, -1)
    missed, added = np.empty(share.size), np.empty(share.size)
    lost = np.empty_like(share)  # the value of what was taken so far
    for g in range(share.size):
        lost[g] = loss.value(sums[g, 0], sums[g, 1], sums[g, 2])
    start = 0
    while start < order.size:
        stop, error = start + 1, errors[order[start]]
        while stop < order.size and errors[order[stop]] == error:
            stop += 1
        for place in range(start, stop):
            i = order[place]
            g, wi = codes[i], w[i] if weighted else one
            t = y[i] if k == 1 else one if y[i] == j else zero
            if seen[g] != start:
                seen[g], missed[g], added[g] = start, 0.0, 0.0
            missed[g] += wi * t
            added[g] += wi * (one - t)
        for place in range(start, stop):
            i = order[place]
            g, wi = codes[i], w[i] if weighted else one
            if done[g] != start:  # costs take the place of weights
                done[g] = start
                both, predicted, true = sums[g, 0], sums[g, 1], sums[g, 2]
                fewer, less = max(both - missed[g], 0.0), max(predicted - missed[g], 0.0)
                more = less + added[g]
                after = loss.value(fewer, more, true)
                cost = share[g] * (after - lost[g])
                if out_value is not None:
                    out_value[g] += cost * error
                if missed[g] > 0.0 and added[g] > 0.0:
                    first = loss.value(fewer, less, true)
                    second = loss.value(both, predicted + added[g], true)
                    gap = 0.5 * share[g] * (first - second)
                    missed[g], added[g] = (
                        (0.5 * cost + gap) / missed[g],
                        (0.5 * cost - gap) / added[g],
                    )
                elif missed[g] > 0.0:
                    missed[g] = cost / missed[g]
                elif added[g] > 0.0:
                    added[g] = cost / added[g]
                sums[g, 0], sums[g, 1], lost[g] = fewer, more, after
            if out_gradient is not None:
                t = y[i] if k == 1 else one if y[i] == j else zero
                cost = wi * (missed[g] if t > zero else added[g])
                out_gradient[i * k + j] = cost * loss.error(t, z[i * k + j])[1]
        start = stop
