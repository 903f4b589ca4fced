"""One stochastic step along a row of a linear model, for any pointwise loss.

What the passes over dense and sparse rows share; see `sgd` for the algorithm.
"""

from math import isfinite, sqrt

from .._numba import kernel

CONSTANT, INVSCALING, OPTIMAL, ADAPTIVE = range(4)

# places in the float64 array of numbers that passes read and update
TIME = 0  # total weight of the rows so far
ENERGY = 1  # weighted sum of squared (implicit) gradients
ENTRIES = 2  # weighted sum of the number of entries a row
OFFSET = 3  # intercept, of the centred columns
OFFSET_AVERAGE = 4
LOSS = 5  # weighted sum of losses before each step, in this pass
WEIGHT = 6  # total weight in this pass
LENGTH = 7  # sum over probed rows of the natural length of the loss
SLOPE = 8  # and of its squared gradient at the start
PROBES = 9  # number of probed rows
OWED = 10  # l1 penalty that each weight should have paid, times its rate
SCANNED = 11  # total weight of the rows scanned for what `sgd_csr` knows of features
N_NUMBERS = 12

GROWTH = 1.05  # of time or energy, before the rate is computed again
AVERAGING = 4.0  # the average weighs step t by t**3: early steps are soon forgotten
FINER = 1.4142135  # factor of the search for that length
OUTLIER = 100.0  # times the mean squared gradient
NEVER = 1e30  # a time after all
ENCLOSURE = 1.0 / 34.0  # of a kink: its two ends are within 1 / 16
SMALL = 0.05  # of the natural length: a move on which the gradient hardly changes


@kernel
def shared_rate(schedule, eta0, power, alpha, numbers):
    """Return the rate that all coordinates share; "adaptive" ones decay by their own count.

    "adaptive": steps of `eta0` natural lengths, spread over the entries of a row, in units of the
    typical gradient. "optimal" is 1 / (alpha * t), started so that the first rate is `eta0`.
    """
    time = max(numbers[TIME], 1.0)
    if schedule == CONSTANT:
        return eta0
    if schedule == INVSCALING:
        return eta0 / time**power
    if schedule == OPTIMAL:
        return eta0 / (1.0 + eta0 * alpha * time)
    probes = max(numbers[PROBES], 1.0)
    length = numbers[LENGTH] / probes if numbers[PROBES] > 0.0 else 1.0
    energy = (numbers[ENERGY] + numbers[SLOPE] / probes) / time
    entries = 1.0 + numbers[ENTRIES] / time
    return eta0 * length / sqrt(energy * entries) if energy > 0.0 else 0.0


@kernel
def implicit_gradient(loss, y, z, g, h, weight, reach, origin, small):
    """Return s with ``s = weight * g(z - reach * s)``: the gradient where the step arrives.

    Such a step never passes the minimum of its own term, whatever the weight, the rate or the row.
    One Newton iteration solves the equation nearly, if the move is small or the loss about
    quadratic; else bisection. An overflow is bracketed by a return to `origin`.
    """
    step = weight * g
    if step == 0.0:
        return step
    if h > 0.0:
        step /= 1.0 + weight * reach * h
    if abs(step * reach) <= small:
        return step
    if isfinite(step):
        arrived, _ = loss.grad_hess(y, z - reach * step)
        if weight * arrived / step >= 0.5:
            return step
        high = step
    else:
        high = (z - origin) / reach
    return _bisect(loss, y, z, weight, reach, high)


@kernel
def record(numbers, weight, g, entries):
    """Count a row. An outlier's gradient is capped: it must not stop the learning for good."""
    typical = numbers[ENERGY] + numbers[SLOPE] / max(numbers[PROBES], 1.0)
    typical /= max(numbers[TIME], 1.0)
    energy = g * g
    if not energy <= OUTLIER * typical:
        energy = OUTLIER * typical
    numbers[ENERGY] += weight * energy
    numbers[ENTRIES] += weight * entries
    numbers[TIME] += weight
    numbers[WEIGHT] += weight


@kernel
def _bisect(loss, y, z, weight, reach, high):
    """Solve the equation of `implicit_gradient` to 1 / 16, by a step that is rather too short.

    The first two trials enclose the kink that the tangents at both ends point at: it is the
    solution if the loss is piecewise linear.
    """
    low = high - high
    sign = 1.0 if high > 0.0 else -1.0
    kink = _meeting(loss, y, z, reach, high)
    near, far = kink - kink * ENCLOSURE, kink + kink * ENCLOSURE
    for trial in range(60):
        middle = (low + high) / 2
        if trial < 2 and 0.0 < near * sign and far * sign < high * sign:
            middle = near if trial == 0 else far
        arrived, _ = loss.grad_hess(y, z - reach * middle)
        if weight * arrived * sign < middle * sign:  # false for nan: an overflow means too little
            high = middle
        else:
            low = middle
        if abs(high - low) <= abs(high) / 16:
            break
    return low if isfinite(low) else low - low


@kernel
def _meeting(loss, y, z, reach, high):
    """Return the step to where the tangents at `z` and at the end of the step `high` meet."""
    end = z - reach * high
    (g, _), (g_end, _) = loss.grad_hess(y, z), loss.grad_hess(y, end)
    return (loss.value(y, z) - loss.value(y, end) - g_end * (z - end)) / ((g - g_end) * reach)


@kernel
def probe(loss, y, weight, rows, z, numbers):
    """Learn from some rows the natural length of the loss and its squared slope at `z`.

    The length of a term is how far the prediction has to go downhill until its gradient has
    halved: half the residual of a squared error, about 1 for a logistic loss.
    """
    for i in rows:
        g, _ = loss.grad_hess(y[i], z)
        if weight[i] == 0.0 or g == 0.0 or not isfinite(g):
            continue
        far = y.dtype.type(-1e-6 if g > 0.0 else 1e-6)
        for _ in range(120):
            there, _ = loss.grad_hess(y[i], z + far)
            if not there / g > 0.5:
                break
            far *= FINER
        numbers[LENGTH] += weight[i] * abs(far)
        numbers[SLOPE] += weight[i] * g * g
        numbers[PROBES] += weight[i]
