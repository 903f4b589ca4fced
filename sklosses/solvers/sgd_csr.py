"""The pass over sparse rows: a step costs what the row has entries, whatever the columns."""

from math import exp

from .._numba import kernel, prefetch
from .sgd_step import (
    ADAPTIVE,
    AVERAGING,
    ENERGY,
    ENTRIES,
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
    shared_rate,
)

# columns of the table that holds one feature a row, so that an entry touches one cache line
COEF, SCALE, SQUARES, COUNT, DUE, SEEN, AVERAGE = range(7)
N_COLUMNS = 8

LINE = 64  # bytes of a cache line
FAR, NEAR = 8, 3  # rows ahead whose entries, and whose features, are asked for
RESCALE = 1.1  # growth of the count of a feature before its scale is computed again


@kernel
def csr_pass(
    loss, data, indices, indptr, y, weight, order, table, numbers,
    schedule, eta0, power, l1, l2, fit_intercept, average_from,
):  # fmt: skip
    """Take one implicit step a row, in the given order; `table` and `numbers` change.

    Indices are unsigned, which spares the check for negative ones.
    """
    real = data.dtype.type
    last = order.size - 1
    numbers[LOSS] = numbers[WEIGHT] = 0.0
    rate = offset_rate = next_time = next_energy = 0.0
    small = real(SMALL * numbers[LENGTH] / max(numbers[PROBES], 1.0))
    adaptive = schedule == ADAPTIVE
    for position in range(order.size):
        _prefetch_entries(data, indices, indptr, order[min(position + FAR, last)])
        _prefetch_features(indices, indptr, order[min(position + NEAR, last)], table)
        i = order[position]
        w = weight[i]
        if w == 0.0:
            continue
        start, stop = indptr[i], indptr[i + 1]
        if numbers[TIME] >= next_time or numbers[ENERGY] > next_energy:
            rate = offset_rate = shared_rate(schedule, eta0, power, l1 + l2, numbers)
            if adaptive:
                offset_rate *= max(numbers[TIME], 1.0) ** -power
            next_time, next_energy = GROWTH * numbers[TIME], GROWTH * numbers[ENERGY]
        score = reach = real(0.0)
        now = real(numbers[TIME])
        for k in range(start, stop):
            j, x = indices[k], data[k]
            _catch_up(table, j, now, real(rate * l1), real(rate * l2), real(average_from))
            if adaptive:
                _count(table, j, x, w, power)
            score += x * table[j, COEF]
            reach += table[j, SCALE] * x * x
        z = score + real(numbers[OFFSET])
        numbers[LOSS] += w * loss.value(y[i], z)
        reach = real(rate * reach + offset_rate * fit_intercept)
        step = implicit_gradient(loss, y[i], z, w, reach, real(numbers[OFFSET]), small)
        move = real(rate * step)
        for k in range(start, stop):
            j = indices[k]
            table[j, COEF] -= move * table[j, SCALE] * data[k]
        numbers[OFFSET] -= offset_rate * step * fit_intercept
        numbers[ENERGY] += step * step / w
        numbers[ENTRIES] += w * (stop - start)
        numbers[TIME] += w
        numbers[WEIGHT] += w
        passed = numbers[TIME] - average_from
        if passed >= 0.0:
            share = min(1.0, AVERAGING * w / (passed + AVERAGING))
            numbers[OFFSET_AVERAGE] += share * (numbers[OFFSET] - numbers[OFFSET_AVERAGE])


@kernel
def _prefetch_entries(data, indices, indptr, i):
    start, stop = indptr[i], indptr[i + 1]
    for k in range(start, stop, LINE // data.itemsize):
        prefetch(data, k)
    for k in range(start, stop, LINE // indices.itemsize):
        prefetch(indices, k)


@kernel
def _prefetch_features(indices, indptr, i, table):
    for k in range(indptr[i], indptr[i + 1]):
        prefetch(table, indices[k] * N_COLUMNS)


@kernel
def _catch_up(table, j, now, l1, l2, average_from):
    """Apply to a feature the penalties, and add to its average the steps, since it was seen."""
    one, zero = table.dtype.type(1.0), table.dtype.type(0.0)
    coef, seen = table[j, COEF], table[j, SEEN]
    if now > average_from:
        start = average_from - table.dtype.type(AVERAGING)
        kept = (max(seen, average_from) - start) / (now - start)
        kept *= kept
        kept *= kept
        kept *= kept
        kept *= kept
        table[j, AVERAGE] = coef + kept * (table[j, AVERAGE] - coef)
    if l1 + l2 > zero:
        elapsed = (now - seen) * table[j, SCALE]
        cut = l1 * elapsed
        if cut > zero:
            coef = max(coef - cut, zero) + min(coef + cut, zero)
        shrinkage = l2 * elapsed
        coef *= one - shrinkage if shrinkage < 0.01 else exp(-shrinkage)
        table[j, COEF] = coef
    table[j, SEEN] = now


@kernel
def _count(table, j, x, w, power):
    """Count an entry of a feature; now and then set its rate from the count and mean square."""
    before, count = table[j, COUNT], table[j, COUNT] + w
    squares = table[j, SQUARES] + w * x * x
    table[j, COUNT], table[j, SQUARES] = count, squares
    if count < table[j, DUE] or squares == 0.0:
        return
    table[j, DUE] = RESCALE * count
    table[j, SCALE] = count ** (1.0 - power) / squares
    growth = squares / count * before / (squares - w * x * x) if before > 0.0 else 1.0
    if growth > 1.0:  # what was learnt on small values must not explode on a large one
        table[j, COEF] /= growth**0.5
