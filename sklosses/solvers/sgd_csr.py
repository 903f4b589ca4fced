"""The pass over sparse rows: a step costs what the row has entries, whatever the columns."""

from math import sqrt

import numpy as np

from .._numba import kernel, prefetch
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

# All about a feature, close together: its weight, its rate, the number of its entries, the sum of
# their squares, the time up to which its penalty was applied
FEATURE = np.dtype(
    [("coef", np.float64)]
    + [(name, np.float32) for name in ("scale", "count", "squares", "settled")]
)

AHEAD = 150  # entries ahead whose features are asked for: rows come in blocks, as stored
SETTLE = 16  # one row in so many settles what its features owe, and counts as so many, ...
RARE = 32.0  # ... but a feature of fewer entries is counted in every row
JUMP = 1.2  # growth of the mean square of a feature that makes its weight shrink
GOLDEN = 40503  # / 2**16: multiples of the golden ratio avoid any period of the rows


@kernel
def csr_pass(
    loss, data, indices, indptr, y, weight, order, table, average, numbers,
    schedule, eta0, power, l1, l2, fit_intercept, average_from,
):  # fmt: skip
    """Take one implicit step a row, in the given order; `table`, `average`, `numbers` change.

    Indices are unsigned, which spares the check for negative ones. ``numbers[OFFSET]`` is the
    intercept: sparse columns are not centred.
    """
    real = data.dtype.type
    end = indices.size - 1
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
                offset_rate /= sqrt(max(numbers[TIME], 1.0))
            next_time, next_energy = GROWTH * numbers[TIME], GROWTH * numbers[ENERGY]
        if position * GOLDEN % 65536 < 65536 // SETTLE:
            for k in range(start, stop):
                _settle(table, average, indices[k], numbers[TIME], rate, l1, l2, average_from)
                if adaptive and table[indices[k]].count >= RARE:
                    _count(table, indices[k], data[k], w * SETTLE)
        score = reach = real(0.0)
        for k in range(start, stop):
            prefetch(table, indices[min(k + AHEAD, end)])
            j, x = indices[k], data[k]
            if table[j].count < RARE:
                _count(table, j, x, w)
            score += x * real(table[j].coef)
            reach += x * x * table[j].scale
        z = score + real(numbers[OFFSET])
        numbers[LOSS] += w * loss.value(y[i], z)
        g, h = loss.grad_hess(y[i], z)
        reach = real(rate * reach + offset_rate * fit_intercept)
        step = implicit_gradient(loss, y[i], z, g, h, w, reach, real(numbers[OFFSET]), small)
        move = -rate * step
        for k in range(start, stop if step != 0.0 else start):
            table[indices[k]].coef += move * (data[k] * table[indices[k]].scale)
        numbers[OFFSET] -= offset_rate * step * fit_intercept
        record(numbers, w, g, stop - start)
        if averaging and numbers[TIME] > average_from:
            share = min(1.0, AVERAGING * w / (numbers[TIME] - average_from + AVERAGING))
            numbers[OFFSET_AVERAGE] += share * (numbers[OFFSET] - numbers[OFFSET_AVERAGE])


@kernel
def _count(table, j, x, entries):
    """Count entries of a feature; set its rate to 1 / (mean square * sqrt(count))."""
    if x == 0.0:
        return
    feature = table[j]
    old, before = feature.squares, feature.count
    squares, count = old + entries * x * x, before + entries
    feature.squares, feature.count = squares, count
    feature.scale = sqrt(count) / squares
    # what small values taught must not explode on large ones
    if squares * before > JUMP * old * count:
        feature.coef *= sqrt(old * count / (squares * before))


@kernel
def _settle(table, average, j, now, rate, l1, l2, average_from):
    """Bring the penalty and the average of a feature up to date."""
    feature = table[j]
    coef = shrunk(feature.coef, feature.scale * (now - feature.settled), rate * l1, rate * l2)
    if now > average_from:
        kept = remembered(feature.settled, now, average_from)
        average[j] = coef + kept * (average[j] - coef)
    feature.coef, feature.settled = coef, now


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
    return kept * kept * kept * kept  # to the power of AVERAGING


@kernel
def csr_coefficients(
    table, average, numbers,
    schedule, eta0, power, l1, l2, fit_intercept, average_from,
):  # fmt: skip
    """Return the weights, averaged if that has begun, with all that features owe settled."""
    now = numbers[TIME]
    rate = shared_rate(schedule, eta0, power, l1 + l2, numbers)
    result = np.empty(table.size)
    for j in range(table.size):
        elapsed = table[j].scale * (now - table[j].settled)
        coef = shrunk(table[j].coef, elapsed, rate * l1, rate * l2)
        if now > average_from and not (l1 > 0.0 and coef == 0.0):
            result[j] = coef + remembered(table[j].settled, now, average_from) * (average[j] - coef)
        else:
            result[j] = coef
    return result


def new_table(coef, options):
    """Return the table of features that no row has shown yet."""
    table = np.zeros(coef.size, FEATURE)
    table["coef"] = coef
    if options.learning_rate != "adaptive":
        table["scale"] = 1.0
        table["count"] = RARE
    return table
