"""The pass over dense rows."""

from .._numba import fadd, kernel, prefetch
from .sgd_step import (
    ADAPTIVE,
    AVERAGING,
    ENERGY,
    GROWTH,
    LENGTH,
    LOSS,
    NEVER,
    OFFSET,
    OFFSET_AVERAGE,
    OWED,
    PROBES,
    SMALL,
    TIME,
    WEIGHT,
    implicit_gradient,
    record,
    shared_rate,
)

SETTLE = 16  # rows between two applications of the penalty and two samples of the average
LINE = 64  # bytes of a cache line
AVERAGED, LAST = -0.5, -0.6  # exponents of the rate: the last iterate alone needs a faster decay
AHEAD = 2048  # bytes of coming rows to ask for


@kernel
def dense_pass(
    loss, X, y, weight, order, theta, average, paid, mean, inverse, numbers,
    schedule, eta0, power, l1, l2, fit_intercept, average_from,
):  # fmt: skip
    """Take one implicit step a row, in the given order.

    ``theta`` are the weights of the standardised columns ``(X - mean) * inverse``, ``average``
    their average, ``paid`` what the l1 penalty has moved them; these and ``numbers`` change.
    """
    real = X.dtype.type
    d = theta.size
    row = theta.copy()
    averaging = average_from < NEVER
    ahead = AHEAD // (d * X.itemsize)  # 0 for long rows: the hardware foresees those by itself
    numbers[LOSS] = numbers[WEIGHT] = 0.0
    rate = next_time = next_energy = pending = 0.0
    small = real(SMALL * numbers[LENGTH] / max(numbers[PROBES], 1.0))
    for position in range(order.size):
        coming = order[min(position + min(ahead, 16), order.size - 1)] * d
        for element in range(0, d if ahead > 0 else 0, LINE // X.itemsize):
            prefetch(X, coming + element)
        i = order[position]
        w = weight[i]
        if w == 0.0:
            continue
        if numbers[TIME] >= next_time or numbers[ENERGY] > next_energy:
            rate = shared_rate(schedule, eta0, power, l1 + l2, numbers)
            if schedule == ADAPTIVE:
                rate *= max(numbers[TIME], 1.0) ** (AVERAGED if averaging else LAST)
            next_time, next_energy = GROWTH * numbers[TIME], GROWTH * numbers[ENERGY]
        z, reach = _score(X, i, mean, inverse, theta, row)
        z += real(numbers[OFFSET])
        numbers[LOSS] += w * loss.value(y[i], z)
        reach = real(rate * (reach + fit_intercept))
        g, h = loss.grad_hess(y[i], z)
        step = implicit_gradient(loss, y[i], z, g, h, w, reach, real(numbers[OFFSET]), small)
        if step != 0.0:
            _add(theta, real(-rate * step), row)
            numbers[OFFSET] -= rate * step * fit_intercept
        record(numbers, w, g, d)
        pending += w
        if position % SETTLE == 0:
            _settle(theta, average, paid, inverse, numbers, rate, l1, l2, pending, average_from)
            pending = 0.0
    _settle(theta, average, paid, inverse, numbers, rate, l1, l2, pending, average_from)


@kernel
def _score(X, i, mean, inverse, theta, row):
    """Standardise a row; return its score, and how far a step of rate 1 moves that."""
    score = reach = X.dtype.type(0.0)
    for j in range(theta.size):
        x = (X[i, j] - mean[j]) * inverse[j]
        row[j] = x
        score = fadd(score, x * theta[j])
        reach = fadd(reach, x * x)
    return score, reach


@kernel
def _add(theta, step, row):
    for j in range(theta.size):
        theta[j] += step * row[j]


@kernel
def _settle(theta, average, paid, inverse, numbers, rate, l1, l2, elapsed, average_from):
    """Apply the penalties of the last rows; sample the average.

    The l1 penalty is cumulative [1]_: a weight that noise lifts off zero pays all it still owes.

    References
    ----------
    .. [1] Y. Tsuruoka, J. Tsujii and S. Ananiadou, "Stochastic gradient descent training for
       L1-regularized log-linear models with cumulative penalty", ACL 2009.
    """
    real = theta.dtype.type
    if l2 > 0.0:
        shrinkage = real(rate * l2 * elapsed)
        for j in range(theta.size):
            theta[j] /= real(1.0) + shrinkage * inverse[j] * inverse[j]
    if l1 > 0.0:
        numbers[OWED] += rate * l1 * elapsed
        for j in range(theta.size):
            before, owed = theta[j], real(numbers[OWED]) * inverse[j]
            if before > 0.0:
                theta[j] = max(before - max(owed + paid[j], real(0.0)), real(0.0))
            elif before < 0.0:
                theta[j] = min(before + max(owed - paid[j], real(0.0)), real(0.0))
            paid[j] += theta[j] - before
    passed = numbers[TIME] - average_from
    if passed >= 0.0:
        share = min(1.0, AVERAGING * elapsed / (passed + AVERAGING))
        for j in range(theta.size):
            average[j] += real(share) * (theta[j] - average[j])
        numbers[OFFSET_AVERAGE] += share * (numbers[OFFSET] - numbers[OFFSET_AVERAGE])
