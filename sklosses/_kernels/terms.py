"""The loops over terms. Weighted is the only version; each checks its input while it reads it.

Without weights `w` is one block of ones, read again for each block of terms: it stays in cache, so
unweighted costs no memory traffic and needs no second version of any loop.

Checking costs no second pass over memory either. A kernel returns a `suspect` number, zero if all
is well; otherwise (something not finite or outside `limits`, or an overflow in the check itself)
the caller looks closer and raises, or finds nothing and carries on.
"""

from __future__ import annotations

from math import floor

from .._numba import fadd, kernel

BLOCK = 1024  # terms: amortises the slicing and fits the first-level cache


def _outside(y, z, limits):
    """Return how many targets or predictions of a block lie outside `limits`."""
    y_low, y_high, z_low, z_high, integer = limits
    zero, one = y.dtype.type(0), y.dtype.type(1)  # the block's own dtype: no conversions
    count = zero
    for i in range(y.size):
        inside = (y[i] >= y_low) & (y[i] <= y_high) & (z[i] >= z_low) & (z[i] <= z_high)
        whole = (integer == zero) | (y[i] == floor(y[i]))
        count = fadd(count, zero if inside & whole else one)
    return count


def _weigh(w):
    """Return the sum of the weights of a block, and how many are negative or not finite."""
    zero, one = w.dtype.type(0), w.dtype.type(1)
    total, count = zero, zero
    for i in range(w.size):
        total = fadd(total, w[i])
        count = fadd(count, zero if (w[i] >= zero) & (w[i] - w[i] == zero) else one)
    return total, count


@kernel
def mean_response(loss, y, p, w, limits):
    """Return the sums of ``w * loss`` (on the response scale) and of ``w``, and `suspect`.

    `limits` is None where nothing is out of bounds; Numba then drops the check.
    """
    zero, one = y.dtype.type(0), y.dtype.type(1)
    # sums of a block in its own dtype, of blocks in double
    total, weight, suspect = 0.0, 0.0, 0.0
    weighted = w.size == y.size
    for start in range(0, y.size, BLOCK):
        yb = y[start : start + BLOCK]
        pb = p[start : start + BLOCK]
        wb = w[start : start + BLOCK] if weighted else w[: yb.size]
        block, block_suspect = zero, zero
        for i in range(yb.size):
            yi, pi, wi = yb[i], pb[i], wb[i]
            value = wi * loss.response_value(yi, pi)
            block = fadd(block, value if wi != zero else zero)  # weight 0: the row is not there
            # not `+ (d - d)`: LLVM reassociates that to nothing, and infinity would pass
            d = yi - pi
            block_suspect = fadd(block_suspect, zero if d - d == zero else one)
        total += block
        suspect += block_suspect
        if limits is not None:
            suspect += _outside(yb, pb, limits)
        if weighted:
            block_weight, ill = _weigh(wb)
            weight += block_weight
            suspect += ill
    return total, weight, suspect


@kernel
def fill(loss, y, z, w, limits, out_value, out_gradient, out_hessian, out_curvature):
    """Fill the outputs that are not None with ``w *`` value, derivatives or PSD surrogate.

    Numba drops the branches on None, so each set of outputs compiles to its own fused loop.
    Arrays may differ in precision; what is computed has that of `z`.
    """
    zero, one = z.dtype.type(0), z.dtype.type(1)
    suspect = 0.0
    weighted = w.size == y.size
    for start in range(0, y.size, BLOCK):
        yb = y[start : start + BLOCK]
        zb = z[start : start + BLOCK]
        wb = w[start : start + BLOCK] if weighted else w[: yb.size]
        if out_value is not None:
            vb = out_value[start : start + BLOCK]
        if out_gradient is not None:
            gb = out_gradient[start : start + BLOCK]
        if out_hessian is not None:
            hb = out_hessian[start : start + BLOCK]
        if out_curvature is not None:
            cb = out_curvature[start : start + BLOCK]
        block_suspect = zero
        for i in range(yb.size):
            yi, zi, wi = one * yb[i], zb[i], one * wb[i]
            d = yi - zi
            block_suspect = fadd(block_suspect, zero if d - d == zero else one)
            if out_value is not None:
                value = loss.value(yi, zi)
                vb[i] = wi * value if wi != zero else zero
            g, h = loss.grad_hess(yi, zi)
            if out_gradient is not None:
                gb[i] = wi * g if wi != zero else zero
            if out_hessian is not None:
                hb[i] = wi * h if wi != zero else zero
            if out_curvature is not None:
                c = loss.curvature(yi, zi)
                cb[i] = wi * c if wi != zero else zero
        suspect += block_suspect
        if limits is not None:
            suspect += _outside(yb, zb, limits)
        if weighted:
            suspect += _weigh(wb)[1]
    return suspect


@kernel
def objective(loss, y, z, w, out_gradient):
    """Return the sum of ``w * value`` and fill ``w * gradient``: what a batch solver asks for."""
    zero = y.dtype.type(0)
    total = 0.0
    weighted = w.size == y.size
    for start in range(0, y.size, BLOCK):
        yb = y[start : start + BLOCK]
        zb = z[start : start + BLOCK]
        wb = w[start : start + BLOCK] if weighted else w[: yb.size]
        gb = out_gradient[start : start + BLOCK]
        block = 0.0
        for i in range(yb.size):
            yi, zi, wi = yb[i], zb[i], wb[i]
            value = wi * loss.value(yi, zi)
            g, _ = loss.grad_hess(yi, zi)
            block = fadd(block, value if wi != zero else zero)
            gb[i] = wi * g if wi != zero else zero
        total += block
    return total


@kernel
def constant_sums(loss, y, z, w):
    """Return the sums of ``w * value`` and ``w * gradient`` at one raw prediction for all."""
    zero = y.dtype.type(0)
    total, slope = 0.0, 0.0
    weighted = w.size == y.size
    for start in range(0, y.size, BLOCK):
        yb = y[start : start + BLOCK]
        wb = w[start : start + BLOCK] if weighted else w[: yb.size]
        block, block_slope = 0.0, 0.0
        for i in range(yb.size):
            value = wb[i] * loss.value(yb[i], z)
            g, _ = loss.grad_hess(yb[i], z)
            block = fadd(block, value if wb[i] != zero else zero)
            block_slope = fadd(block_slope, wb[i] * g if wb[i] != zero else zero)
        total += block
        slope += block_slope
    return total, slope


@kernel
def response(loss, z, out):
    """Fill `out` with the response (the inverse link) of `z`."""
    for i in range(z.size):
        out[i] = loss.response(z[i])
