"""The loops over rows: a row at a time for any row-wise loss, in flat blocks for softmax losses.

Rows are short, so a loop along one is no SIMD. What a softmax loss does to every entry alike
(exponentials above all) is done to a block of rows as one long array; only sums and maxima go by
row. As in `terms` the input is checked while it is read: see there for `suspect`.

Targets are labels ``(n,)`` (int64 for classes) or rows ``(n, k)``; both come flat, ``y[i]`` or
``y[i * k + j]``, which `soft` tells apart at compile time.
"""

from __future__ import annotations

import numpy as np

from .._numba import fadd, kernel, prefetch
from .._special import exp_of_negative, log

BLOCK = 2048  # entries, about
LANES = 32  # the rows of a block are a multiple: none remain for the slow end of a SIMD loop


@kernel
def fill(loss, y, z, w, out_value, out_gradient, out_hessian, out_curvature):  # noqa: PLR0912
    """Fill the outputs that are not None with ``w *`` value, derivatives or PSD surrogate."""
    zero, one = z.dtype.type(0), z.dtype.type(1)
    suspect = 0.0
    weighted = w.size == y.shape[0]
    scratch = z[0].copy()
    for i in range(z.shape[0]):
        row, wi = z[i], w[i] if weighted else one
        for j in range(row.size):
            suspect += zero if row[j] - row[j] == zero else one
        if wi == zero:
            if out_value is not None:
                out_value[i] = zero
            if out_gradient is not None:
                out_gradient[i] = zero
            if out_hessian is not None:
                out_hessian[i] = zero
            if out_curvature is not None:
                out_curvature[i] = zero
            continue
        if out_value is not None:
            out_value[i] = wi * loss.value(y[i], row)
        if out_gradient is not None:
            g = out_gradient[i]
            loss.grad(y[i], row, g)
            for j in range(row.size):
                g[j] *= wi
        if out_hessian is not None:
            h = out_hessian[i]
            loss.hess(y[i], row, h)
            for j in range(row.size):
                h[j] *= wi
        if out_curvature is not None:
            h = out_curvature[i]
            loss.hess(y[i], row, h)
            loss.grad(y[i], row, scratch)
            for j in range(row.size):
                h[j] = wi * loss.surrogate(scratch[j], h[j])
    return suspect


@kernel
def response(loss, z, out):
    """Fill `out` with the response of each row."""
    for i in range(z.shape[0]):
        loss.response(z[i], out[i])


@kernel
def mean_response(loss, y, p, w):
    """Return the sums of ``w * loss`` (on the response scale) and of ``w``."""
    one = p.dtype.type(1)
    total, weight = 0.0, 0.0
    weighted = w.size == y.shape[0]
    for i in range(p.shape[0]):
        wi = w[i] if weighted else one
        if wi != 0.0:
            total += wi * loss.response_value(y[i], p[i])
        weight += wi
    return total, weight


# ------------------------------------------------------------------------- softmax losses
#
# A block is turned over: entry j of its row i is at j * rows + i. Then every step, sums and maxima
# over a row as well, is a loop along many rows, which becomes SIMD; a row of ten entries does not.


@kernel
def _rows_of(k):
    return max(LANES, BLOCK // k // LANES * LANES)


@kernel
def _of_class(block, rows, j):
    """Return the entries of class `j`: a slice, so that loops along it need no index checks."""
    return block[j * rows : (j + 1) * rows]


@kernel
def _turn(z, start, rows, k, block):
    """Fill a block with rows of `z`."""
    part = z[start * k : (start + rows) * k]
    for i in range(rows):
        for j in range(k):
            block[j * rows + i] = part[i * k + j]


@kernel
def _turn_back(block, rows, k, weight, out):
    """Write a block, times the weights of its rows, to rows of `out`."""
    zero = block.dtype.type(0)
    for i in range(rows):
        w = weight[i]
        for j in range(k):
            out[i * k + j] = w * block[j * rows + i] if w != zero else zero


@kernel
def _ask_for(z, start, stop):
    """Ask for entries of `z` that the next block reads, while this one is worked on."""
    for e in range(start, min(stop, z.size), 64 // z.itemsize):
        prefetch(z, e)


@kernel
def _log_softmax(lp, rows, k, p, top, norm, z, start):
    """Turn raw predictions `lp` into log-probabilities; fill `p` with probabilities.

    `lp` are rows of `z` from `start` on. Returns how many raw predictions are not finite.
    """
    zero, one = lp.dtype.type(0), lp.dtype.type(1)
    ill = zero
    top[:rows] = lp[:rows]
    for j in range(k):
        own = _of_class(lp, rows, j)
        for i in range(rows):
            top[i] = own[i] if own[i] > top[i] else top[i]
            ill = fadd(ill, zero if own[i] - own[i] == zero else one)
    norm[:rows] = zero
    for j in range(k):
        own, share = _of_class(lp, rows, j), _of_class(p, rows, j)
        _ask_for(z, (start + rows) * k + j * rows, (start + rows) * k + (j + 1) * rows)
        for i in range(rows):
            own[i] -= top[i]
            share[i] = exp_of_negative(own[i])
            norm[i] += share[i]
    for i in range(rows):
        top[i] = log(norm[i])
        norm[i] = one / norm[i]
    for j in range(k):
        own, share = _of_class(lp, rows, j), _of_class(p, rows, j)
        for i in range(rows):
            own[i] -= top[i]
            share[i] *= norm[i]
    return ill


@kernel
def _targets(loss, y, start, rows, k, t, soft):
    """Fill the block with the class shares of the targets."""
    if soft is not None:
        _turn(y, start, rows, k, t)
        for e in range(rows * k):
            t[e] = loss.soften(t[e], k)
    else:
        off, on = loss.soften(t.dtype.type(0), k), loss.soften(t.dtype.type(1), k)
        labels = y[start : start + rows]
        for j in range(k):
            own = _of_class(t, rows, j)
            for i in range(rows):
                own[i] = on if labels[i] == j else off


@kernel
def _row_sums(block, rows, k, out):
    out[:rows] = block[:rows]
    for j in range(1, k):
        own = _of_class(block, rows, j)
        for i in range(rows):
            out[i] += own[i]


@kernel
def softmax_fill(  # noqa: PLR0912
    loss, y, z, w, k, soft, out_value, out_gradient, out_hessian, out_curvature
):  # fmt: skip
    """As `fill`, for a sum over classes of ``term(t, p, ln p)``; arrays are flat.

    With u = p ∂f/∂p and v = p ∂u/∂p, U and V their sums over a row, the gradient is ``u - p U`` and
    the diagonal of the Hessian ``v (1 - p)² + p² (V - v) - p (1 - p) U``.
    """
    zero, one = z.dtype.type(0), z.dtype.type(1)
    n, block = z.size // k, _rows_of(k)
    weighted = w.size == n
    a, b = np.empty(block * k, z.dtype), np.empty(block * k, z.dtype)
    lp, p, t = np.empty_like(a), np.empty_like(a), np.empty_like(a)
    sums, others, weight = (
        np.empty(block, z.dtype),
        np.empty(block, z.dtype),
        np.ones(block, z.dtype),
    )
    second = out_hessian is not None or out_curvature is not None
    slope = second or out_gradient is not None
    suspect = 0.0
    for start in range(0, n, block):
        rows = min(block, n - start)
        part = slice(start * k, (start + rows) * k)
        if weighted:
            weight[:rows] = w[start : start + rows]
        _turn(z, start, rows, k, lp)
        suspect += _log_softmax(lp, rows, k, p, sums, others, z, start)
        _targets(loss, y, start, rows, k, t, soft)
        if out_value is not None:
            for e in range(rows * k):
                a[e] = loss.term(t[e], p[e], lp[e])
            _row_sums(a, rows, k, sums)
            for i in range(rows):
                out_value[start + i] = weight[i] * sums[i] if weight[i] != zero else zero
        if not slope:
            continue
        if second:
            for e in range(rows * k):
                a[e], b[e] = loss.slopes(t[e], p[e], lp[e])
        else:
            for e in range(rows * k):
                a[e], _ = loss.slopes(t[e], p[e], lp[e])
        _row_sums(a, rows, k, sums)
        for j in range(k):
            own, share = _of_class(a, rows, j), _of_class(p, rows, j)
            for i in range(rows):
                own[i] -= share[i] * sums[i]
        if out_gradient is not None:
            _turn_back(a, rows, k, weight, out_gradient[part])
        if second:
            _row_sums(b, rows, k, others)
            for j in range(k):
                own, share = _of_class(b, rows, j), _of_class(p, rows, j)
                for i in range(rows):
                    q = share[i]
                    h = own[i] * (one - q) * (one - q) + q * q * (others[i] - own[i])
                    own[i] = h - q * (one - q) * sums[i]
        if out_hessian is not None:
            _turn_back(b, rows, k, weight, out_hessian[part])
        if out_curvature is not None:
            for e in range(rows * k):
                b[e] = loss.surrogate(a[e], b[e])
            _turn_back(b, rows, k, weight, out_curvature[part])
    return suspect


@kernel
def softmax_objective(loss, y, z, w, k, soft, out_gradient):
    """Return the sum of ``w * value`` and fill ``w * gradient``."""
    values = np.empty(z.size // k, z.dtype)
    softmax_fill(loss, y, z, w, k, soft, values, out_gradient, None, None)
    total = 0.0
    for i in range(values.size):
        total = fadd(total, values[i])
    return total


@kernel
def softmax_response(z, k, out):
    """Fill `out` with the probabilities of each row."""
    n, block = z.size // k, _rows_of(k)
    lp, p, weight = (
        np.empty(block * k, z.dtype),
        np.empty(block * k, z.dtype),
        np.ones(block, z.dtype),
    )
    top, norm = np.empty(block, z.dtype), np.empty(block, z.dtype)
    for start in range(0, n, block):
        rows = min(block, n - start)
        _turn(z, start, rows, k, lp)
        _log_softmax(lp, rows, k, p, top, norm, z, start)
        _turn_back(p, rows, k, weight, out[start * k : (start + rows) * k])


@kernel
def softmax_mean_response(loss, y, p, w, k, soft):
    """Return the sums of ``w * loss`` of given probabilities and of ``w``."""
    n, block = p.size // k, _rows_of(k)
    weighted = w.size == n
    t, a, sums = (
        np.empty(block * k, p.dtype),
        np.empty(block * k, p.dtype),
        np.empty(block, p.dtype),
    )
    one = p.dtype.type(1)
    total, weight = 0.0, 0.0
    for start in range(0, n, block):
        rows = min(block, n - start)
        _targets(loss, y, start, rows, k, t, soft)
        _turn(p, start, rows, k, a)
        for e in range(rows * k):
            a[e] = loss.response_term(t[e], a[e])
        _row_sums(a, rows, k, sums)
        for i in range(rows):
            wi = w[start + i] if weighted else one
            if wi != 0.0:
                total += wi * sums[i]
            weight += wi
    return total, weight
