"""The loops over groups: rows of a group are neighbours, `offsets` tell where each begins.

As in `terms` the input is checked while it is read: see there for `suspect`.
"""

from __future__ import annotations

from .._numba import fadd, kernel


@kernel
def _suspicious(y, z):
    zero, one = z.dtype.type(0), z.dtype.type(1)
    count = zero
    for i in range(z.size):
        d = y[i] - z[i]
        count = fadd(count, zero if d - d == zero else one)
    return count


@kernel
def fill(loss, y, z, w, offsets, out_value, out_gradient, out_hessian, out_curvature):
    """Fill the outputs that are not None with ``w *`` value, derivatives or PSD surrogate.

    `w` is a weight a group, and so is a value. Groups that tell nothing have loss 0. The surrogate
    comes with the gradient, and without the value.
    """
    zero = z.dtype.type(0)
    suspect = 0.0
    for q in range(offsets.size - 1):
        start, stop = offsets[q], offsets[q + 1]
        yq, zq, wq = y[start:stop], z[start:stop], w[q]
        suspect += _suspicious(yq, zq)
        counts = wq != zero and loss.counts(yq)
        if out_hessian is not None:
            h = out_hessian[start:stop]
            h[:] = zero
            if counts:
                loss.hess(yq, zq, h)
                h *= wq
        if out_gradient is None:
            if out_value is not None:
                out_value[q] = wq * loss.value(yq, zq) if counts else zero
            continue
        g = out_gradient[start:stop]
        g[:] = zero
        if out_curvature is not None:
            c = out_curvature[start:stop]
            c[:] = zero
            if counts:
                loss.grad_bend(yq, zq, g, c)
            for i in range(c.size):
                c[i] = wq * loss.surrogate(g[i], c[i])
        elif out_value is not None:
            out_value[q] = wq * loss.value_grad(yq, zq, g) if counts else zero
        elif counts:
            loss.grad(yq, zq, g)
        g *= wq
    return suspect
