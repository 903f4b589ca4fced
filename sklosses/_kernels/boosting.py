"""What boosters ask of a pointwise loss with linear pieces: a curvature that tells how far to go.

On a linear piece the second derivative is 0, and a constant in its place makes steps of a constant
length. The curvature here is the rise of the slope over a window around the raw prediction, as the
Newton solver has it: of the share of rows whose kink is near. The window is a part of the typical
distance to the kink, the loss over its slope; it shrinks as the fit goes on. A row whose kink lies
outside gets the curvature of a step of typical length, times a factor.

As in `terms`, `suspect` is not zero if the input is not fine.
Targets and weights may be of another dtype than raw predictions, outputs too: boosters mix them.
"""

from __future__ import annotations

from .._numba import fadd, kernel
from .curvature import LONGEST_STEP
from .terms import BLOCK, _outside, _weigh


@kernel
def has_lines(loss, y, z, w, every):
    """Whether the loss is linear in some row; of blocks of rows, each `every`-th is read."""
    zero, one = z.dtype.type(0), z.dtype.type(1)
    weighted = w.size == y.size
    for start in range(0, y.size, BLOCK * every):
        yb = y[start : start + BLOCK]
        zb = z[start : start + BLOCK]
        wb = w[start : start + BLOCK] if weighted else w[: yb.size]
        lines = zero
        for i in range(yb.size):
            g, h = loss.grad_hess(one * yb[i], zb[i])
            linear = (h * LONGEST_STEP < abs(g)) & (wb[i] != 0)
            lines = fadd(lines, one if linear else zero)
        if lines > zero:
            return True
    return False


@kernel
def survey(loss, y, z, w, every, own):
    """Return sums over rows.

    They are of weights, and of ``w *`` loss, slope, its size, its square, and curvature.

    Of blocks of rows, each `every`-th is read. With `own` (True or None) the loss of a row is at
    most what its slope makes of the residual: a loss may have a constant added.
    """
    zero, one = z.dtype.type(0), z.dtype.type(1)
    total, lost, tilt, steep, square, bent = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    weighted = w.size == y.size
    for start in range(0, y.size, BLOCK * every):
        yb = y[start : start + BLOCK]
        zb = z[start : start + BLOCK]
        wb = w[start : start + BLOCK] if weighted else w[: yb.size]
        sum_w, sum_v, sum_t, sum_g, sum_s, sum_h = zero, zero, zero, zero, zero, zero
        for i in range(yb.size):
            yi, zi, wi = one * yb[i], zb[i], one * wb[i]
            value = loss.value(yi, zi)
            g, h = loss.grad_hess(yi, zi)
            a = abs(g)
            if own is not None:
                most = a * abs(zi - yi)
                value = most if (value > most) | (value < zero) else value
            counts = wi != zero
            sum_w = fadd(sum_w, wi)
            sum_v = fadd(sum_v, wi * value if counts else zero)
            sum_t = fadd(sum_t, wi * g if counts else zero)
            sum_g = fadd(sum_g, wi * a if counts else zero)
            sum_s = fadd(sum_s, wi * a * a if counts else zero)
            sum_h = fadd(sum_h, wi * h if counts & (h > zero) else zero)
        total += sum_w
        lost += sum_v
        tilt += sum_t
        steep += sum_g
        square += sum_s
        bent += sum_h
    return total, lost, tilt, steep, square, bent


@kernel
def fill_bent(loss, y, z, w, limits, window, floor, scale, kinked, out_gradient, out_curvature):
    """Fill ``scale * w *`` gradient and curvature; `w` and `scale` may be None for 1.

    The latter is the rise of the slope over the window, at least `floor` on slopes. Where the loss
    is curved it is the second derivative or, if `kinked` (True or None), the larger of both.
    """
    zero, one = z.dtype.type(0), z.dtype.type(1)
    least = floor * z.dtype.type(0.01)
    half = one / (window + window)
    suspect = 0.0
    for start in range(0, y.size, BLOCK):
        yb = y[start : start + BLOCK]
        zb = z[start : start + BLOCK]
        if w is not None:
            wb = w[start : start + BLOCK]
        gb = out_gradient[start : start + BLOCK]
        cb = out_curvature[start : start + BLOCK]
        nothing = zero
        for i in range(yb.size):
            yi, zi = one * yb[i], zb[i]
            nothing = fadd(nothing, zero * (zi - yi))  # nan if not finite
            g, h = loss.grad_hess(yi, zi)
            low, _ = loss.grad_hess(yi, zi - window)
            high, _ = loss.grad_hess(yi, zi + window)
            rise = (high - low) * half
            own = floor if g != zero else least
            rise = rise if rise > own else own
            if kinked is None:  # no jump between what is curved and what is not
                missing = (abs(g) - LONGEST_STEP * h) * LONGEST_STEP
                part = rise if (rise < missing) | (h <= zero) else missing
                rise = (h if h > zero else zero) + (part if part > zero else zero)
            c = rise if rise > h else h
            if w is not None:
                weight = one * wb[i]
                if scale is not None:
                    weight = scale * weight
                g = weight * g if weight != zero else zero
                c = weight * c if weight != zero else zero
            elif scale is not None:
                g, c = scale * g, scale * c
            gb[i] = g
            cb[i] = c
        suspect += nothing
        if limits is not None:
            suspect += _outside(yb, zb, limits)
        if w is not None:
            suspect += _weigh(wb)[1]
    return suspect
