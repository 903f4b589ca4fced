"""The pass over dense rows."""

from .._numba import fadd, kernel, prefetch
from .sgd_step import (
    ADAPTIVE,
    AVERAGING,
    ENERGY,
    GROWTH,
    LENGTH,
    LOSS,
    OFFSET,
    OFFSET_AVERAGE,
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
AHEAD = 4096  # bytes of coming rows to ask for


@kernel
def dense_pass(
    loss, X, y, weight, order, theta, average, mean, inverse, numbers,
    schedule, eta0, power, l1, l2, fit_intercept, average_from,
):  # fmt: skip
    """Take one implicit step a row, in the given order; `theta`, `average`, `numbers` change.

    ``theta`` are the weights of the standardised columns ``(X - mean) * inverse``.
    """
    real = X.dtype.type
    d = theta.size
    row = theta.copy()
    ahead = min(max(AHEAD // (d * X.itemsize), 1), 16)
    numbers[LOSS] = numbers[WEIGHT] = 0.0
    rate = next_time = next_energy = pending = 0.0
    small = real(SMALL * numbers[LENGTH] / max(numbers[PROBES], 1.0))
    for position in range(order.size):
        coming = order[min(position + ahead, order.size - 1)] * d
        for element in range(0, d, LINE // X.itemsize):
            prefetch(X, coming + element)
        i = order[position]
        w = weight[i]
        if w == 0.0:
            continue
        if numbers[TIME] >= next_time or numbers[ENERGY] > next_energy:
            rate = shared_rate(schedule, eta0, power, l1 + l2, numbers)
            if schedule == ADAPTIVE:
                rate *= max(numbers[TIME], 1.0) ** -power
            next_time, next_energy = GROWTH * numbers[TIME], GROWTH * numbers[ENERGY]
        z, reach = _score(X, i, mean, inverse, theta, row)
        z += real(numbers[OFFSET])
        numbers[LOSS] += w * loss.value(y[i], z)
        reach = real(rate * (reach + fit_intercept))
        g, h = loss.grad_hess(y[i], z)
        step = implicit_gradient(loss, y[i], z, g, h, w, reach, real(numbers[OFFSET]), small)
        _add(theta, real(-rate * step), row)
        numbers[OFFSET] -= rate * step * fit_intercept
        record(numbers, w, g, d)
        pending += w
        if position % SETTLE == 0:
            _settle(theta, average, inverse, numbers, rate, l1, l2, pending, average_from)
            pending = 0.0
    _settle(theta, average, inverse, numbers, rate, l1, l2, pending, average_from)


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
def _settle(theta, average, inverse, numbers, rate, l1, l2, elapsed, average_from):
    """Apply the penalties of the last rows as a proximal step; sample the average."""
    real = theta.dtype.type
    if l1 + l2 > 0.0:
        shrinkage, threshold = real(rate * l2 * elapsed), real(rate * l1 * elapsed)
        for j in range(theta.size):
            t, cut = theta[j], threshold * inverse[j]
            t = max(t - cut, real(0.0)) + min(t + cut, real(0.0))
            theta[j] = t / (real(1.0) + shrinkage * inverse[j] * inverse[j])
    passed = numbers[TIME] - average_from
    if passed >= 0.0:
        share = min(1.0, AVERAGING * elapsed / (passed + AVERAGING))
        for j in range(theta.size):
            average[j] += real(share) * (theta[j] - average[j])
        numbers[OFFSET_AVERAGE] += share * (numbers[OFFSET] - numbers[OFFSET_AVERAGE])
