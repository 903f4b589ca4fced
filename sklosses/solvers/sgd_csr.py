"""The pass over sparse rows: a step costs what the row has entries, whatever the columns."""

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
    PROBES,
    SMALL,
    TIME,
    WEIGHT,
    implicit_gradient,
    record,
    shared_rate,
)

# A table holds one feature a row, so that an entry of X touches one cache line: its weight, its
# rate, 1 / sqrt(count of its entries), and the time up to which its penalty was applied
COEF, SCALE, ROOT, SETTLED = range(4)

AHEAD = 150  # entries ahead whose features are asked for: rows come in blocks, as stored
LINE = 64  # bytes of a cache line
SETTLE = 16  # one row in so many settles what its features owe, and counts as so many, ...
RARE = 0.5  # ... but a feature seen fewer than 1 / RARE**2 times does in every row
GOLDEN = 40503  # / 2**16: multiples of the golden ratio avoid any period of the rows


@kernel
def csr_pass(
    loss, data, indices, indptr, y, weight, order, table, average, numbers,
    schedule, eta0, power, l1, l2, fit_intercept, average_from,
):  # fmt: skip
    """Take one implicit step a row, in the given order; `table`, `average`, `numbers` change.

    Indices are unsigned, which spares the check for negative ones.
    """
    real = data.dtype.type
    averaging = average_from < NEVER
    adaptive = schedule == ADAPTIVE
    numbers[LOSS] = numbers[WEIGHT] = 0.0
    rate = offset_rate = next_time = next_energy = 0.0
    small = real(SMALL * numbers[LENGTH] / max(numbers[PROBES], 1.0))
    for position in range(order.size):
        i = order[position]
        w = weight[i]
        if w == 0.0:
            continue
        start, stop = indptr[i], indptr[i + 1]
        if numbers[TIME] >= next_time or numbers[ENERGY] > next_energy:
            rate = offset_rate = shared_rate(schedule, eta0, power, l1 + l2, numbers)
            if adaptive:
                offset_rate *= max(numbers[TIME], 1.0) ** -0.5
            next_time, next_energy = GROWTH * numbers[TIME], GROWTH * numbers[ENERGY]
        now = real(numbers[TIME])
        common = position * GOLDEN % 65536 < 65536 // SETTLE
        _settle(table, average, data, indices, start, stop, w, now, real(rate * l1),
                real(rate * l2), real(average_from), adaptive, common)  # fmt: skip
        score, reach = _score(table, data, indices, start, stop)
        z = score + real(numbers[OFFSET])
        numbers[LOSS] += w * loss.value(y[i], z)
        g, h = loss.grad_hess(y[i], z)
        reach = real(rate * reach + offset_rate * fit_intercept)
        step = implicit_gradient(loss, y[i], z, g, h, w, reach, real(numbers[OFFSET]), small)
        _step(table, data, indices, start, stop, real(-rate * step))
        numbers[OFFSET] -= offset_rate * step * fit_intercept
        record(numbers, w, g, stop - start)
        if averaging and numbers[TIME] > average_from:
            share = min(1.0, AVERAGING * w / (numbers[TIME] - average_from + AVERAGING))
            numbers[OFFSET_AVERAGE] += share * (numbers[OFFSET] - numbers[OFFSET_AVERAGE])


@kernel
def _settle(
    table, average, data, indices, start, stop, w, now, l1, l2, average_from, adaptive, common
):  # fmt: skip
    """Settle rare features and, if `common`, the others: penalty, average, count, rate."""
    rare = table.dtype.type(RARE)
    for k in range(start, stop):
        j = indices[k]
        if not (common or table[j, ROOT] > rare or table[j, ROOT] == 0.0):
            continue
        seen = table[j, SETTLED]
        table[j, COEF] = shrunk(table[j, COEF], table[j, SCALE] * (now - seen), l1, l2)
        table[j, SETTLED] = now
        if now > average_from:
            kept = remembered(seen, now, average_from)
            average[j] = table[j, COEF] + kept * (average[j] - table[j, COEF])
        if adaptive and data[k] != 0.0:
            _count(table, j, data[k] * data[k], w if table[j, ROOT] > rare else w * SETTLE, w)


@kernel
def shrunk(coef, elapsed, l1, l2):
    """Return a weight after the penalties of `elapsed` steps of rate 1: a proximal step."""
    zero, cut = coef * 0, l1 * elapsed
    coef = max(coef - cut, zero) + min(coef + cut, zero)
    return coef / (1 + l2 * elapsed)


@kernel
def remembered(seen, now, average_from):
    """Return the share that the steps until `seen` have in the average of those until `now`."""
    origin = average_from - AVERAGING
    kept = (max(seen, average_from) - origin) / (now - origin)
    for _ in range(4):  # to the power of AVERAGING = 16
        kept *= kept
    return kept


@kernel
def _count(table, j, square, entries, first):
    """Count entries of a feature; set its rate to 1 / (mean square * sqrt(count))."""
    one, root = table.dtype.type(1.0), table[j, ROOT]
    if root == 0.0:
        table[j, ROOT] = one / first**0.5
        table[j, SCALE] = table[j, ROOT] / square
        return
    share = entries * root * root
    table[j, ROOT] = root / (one + share) ** 0.5
    # the mean square before is root / scale
    growth = one + share / (one + share) * (square * table[j, SCALE] / root - one)
    table[j, SCALE] *= table[j, ROOT] / (root * growth)
    if growth > one:  # what small values taught must not explode on large ones
        table[j, COEF] /= growth**0.5


@kernel
def _score(table, data, indices, start, stop):
    """Return the score of a row without the intercept, and how far a step of rate 1 moves it."""
    score = reach = data.dtype.type(0.0)
    last = indices.size - 1
    for k in range(start, stop):
        prefetch(table, indices[min(k + AHEAD, last)] * table.shape[1])
        j, x = indices[k], data[k]
        score = fadd(score, x * table[j, COEF])
        reach = fadd(reach, x * x * table[j, SCALE])
    return score, reach


@kernel
def _step(table, data, indices, start, stop, step):
    for k in range(start, stop):
        j = indices[k]
        table[j, COEF] += step * table[j, SCALE] * data[k]
