"""What a Newton method asks of a loss: values, slopes and curvatures, smoothed where it has kinks.

A loss with kinks is averaged over a window of half-width h around the raw prediction. The average's
derivative is a difference of two values of the loss, its second derivative one of two gradients:
so any loss can be smoothed, knowing nothing but its value and gradient. That derivative is also a
subgradient of the convex loss somewhere in the window, which makes it a point of the dual problem:
`lost` sums what it falls short by, a bound on the distance of the smoothed optimum from the true.

`h` is None for smooth losses; Numba then drops what windows need.

References
----------
.. [1] K. Madsen and H. B. Nielsen, "A finite smoothing algorithm for linear l1 estimation",
   SIAM J. Optim. 3, 1993, doi:10.1137/0803010.
.. [2] X. He, X. Pan, K. M. Tan and W.-X. Zhou, "Smoothed quantile regression with large-scale
   inference", J. Econometrics 232, 2023, doi:10.1016/j.jeconom.2021.07.010.
"""

from __future__ import annotations

from .._numba import fadd, kernel


def _smoothed(loss, y, z, h):
    """Return slope and curvature of the average over [z - h, z + h]; what tells the dual loss.

    That is: the gradients at both ends; where their tangents meet, `t` from `z`; and how far above
    that `z` is. The loss lies above the tangents. So its conjugate at a slope between theirs is at
    most that of the tangents, which is taken where they meet: the dual loss is ``over + slope*t``.
    """
    left, right = loss.value(y, z - h), loss.value(y, z + h)
    low, _ = loss.grad_hess(y, z - h)
    high, _ = loss.grad_hess(y, z + h)
    rise = high - low
    bent = rise > 0.0
    slope = (right - left) / (2.0 * h)
    slope = min(max(slope, low), high) if bent else low
    t = (left - right + h * (low + high)) / (rise if bent else 1.0)
    over = loss.value(y, z) - (left + low * (t + h))
    if not bent:
        return low, 0.0, low, low, 0.0, 0.0
    return slope, rise / (2.0 * h), low, high, t, over


@kernel
def terms(loss, y, z, w, h, out_gradient, out_curvature):
    """Return the sums of ``w * value`` and of `lost`; fill weighted slopes and curvatures."""
    total, lost = 0.0, 0.0
    for i in range(y.size):
        value = loss.value(y[i], z[i])
        if h is None:
            g, c = loss.grad_hess(y[i], z[i])
            c = c if c > 0.0 else 0.0
        else:
            g, c, _, _, t, over = _smoothed(loss, y[i], z[i], h)
            missed = over + g * t
            lost = fadd(lost, w[i] * (missed if missed > 0.0 else 0.0))
        total = fadd(total, w[i] * value)
        out_gradient[i] = w[i] * g
        out_curvature[i] = w[i] * c
    return total, lost


@kernel
def slope_along(loss, y, z, step, t, w, h):
    """Return the derivative in `t` of the sum of ``w * loss(y, z + t * step)``, smoothed."""
    total = 0.0
    for i in range(y.size):
        there = z[i] + t * step[i]
        if h is None:
            g, _ = loss.grad_hess(y[i], there)
        else:
            g, _, _, _, _, _ = _smoothed(loss, y[i], there, h)
        total = fadd(total, w[i] * g * step[i])
    return total


@kernel
def window_drift(loss, y, z, w, h, out):
    """Fill the derivative in `h` of the weighted slopes of the smoothed loss."""
    for i in range(y.size):
        slope, _, low, high, _, _ = _smoothed(loss, y[i], z[i], h)
        out[i] = w[i] * (0.5 * (low + high) - slope) / h


@kernel
def shortfall(loss, y, z, w, h, step, out_change, out_curvature):
    """Return the sum of the dual losses of the slopes that a model foresees after a step.

    They are kept between the gradients at both ends of the window. Fill what they change by, and
    the curvature where they need not be kept; weighted.
    """
    total = 0.0
    for i in range(y.size):
        slope, c, low, high, t, over = _smoothed(loss, y[i], z[i], h)
        foreseen = slope + c * step[i]
        bounded = min(max(foreseen, low), high)
        missed = over + bounded * t
        total = fadd(total, w[i] * (missed if missed > 0.0 else 0.0))
        out_change[i] = w[i] * (bounded - slope)
        out_curvature[i] = w[i] * c if bounded == foreseen else 0.0
    return total
