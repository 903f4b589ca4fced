"""The pass over sparse rows: a step costs what the row has entries, whatever the columns.

Random access to the features takes nearly all the time, so the loops over the entries touch but
eight bytes a feature, its weight and its rate. The rest is done elsewhere: before the pass, some
rows are scanned for the mean square and the frequency of each feature, which make its rate; and
now and then, in the order of the memory, all weights pay their penalties and are averaged.
"""

from math import sqrt

import numpy as np

from .._numba import fadd, kernel, prefetch
from .._special import to_bits32
from .sgd_step import (
    ADAPTIVE,
    ENERGY,
    ENTRIES,
    GROWTH,
    LENGTH,
    LOSS,
    OFFSET,
    OFFSET_AVERAGE,
    PROBES,
    SCANNED,
    SMALL,
    TIME,
    WEIGHT,
    implicit_gradient,
    record,
    shared_rate,
)

FEATURE = np.dtype([("coef", np.float32), ("rate", np.float32)])  # a rare one has its sign set
# Number and sum of squares of the counted entries, and the mean square on which the rate rests
HISTORY = np.dtype([(name, np.float32) for name in ("count", "squares", "mean")])

SCAN = 16  # entries a feature that tell its mean square and frequency; then 1 / SCAN of the rows
NEIGHBOURS = 64  # rows scanned together
RARE = 4  # a feature that showed fewer entries is counted by the pass
SWEEP = 8  # entries a feature between two sweeps over all features
JUMP = 1.2  # growth of the mean square of a feature that makes its weight shrink
REFRESH = 4.0  # growth of the time, before the rates of the features are computed again
LARGEST = 1e30  # rate
AHEAD = 8  # rows to go until the entries asked for are read
LINE = 8  # entries: no cache line has fewer


@kernel
def csr_pass(
    loss, data, indices, indptr, y, weight, order, table, history, average, numbers,
    schedule, eta0, power, l1, l2, fit_intercept, average_from,
):  # fmt: skip
    """Take one implicit step a row, in the given order; the next four arguments change.

    Indices are unsigned, which spares the check for negative ones. ``numbers[OFFSET]`` is the
    intercept: sparse columns are not centred.
    """
    real = data.dtype.type
    adaptive = schedule == ADAPTIVE
    numbers[WEIGHT] = 0.0
    rate = offset_rate = next_time = next_energy = next_refresh = 0.0
    swept, sweeps = numbers[TIME], SWEEP * table.size * order.size / max(indices.size, 1)
    small = real(SMALL * numbers[LENGTH] / max(numbers[PROBES], 1.0))
    scores = np.empty(order.size, data.dtype)
    coming, rare, stale = real(0.0), False, True
    if adaptive:
        _scan(data, indices, indptr, weight, order, history, numbers)
    for position in range(order.size):
        i = order[min(position + AHEAD, order.size - 1)]
        _foresee(data, indices, indptr[i], indptr[i + 1])
        i = order[position]
        w = weight[i]
        start, stop = indptr[i], indptr[i + 1]
        if numbers[TIME] >= next_time or numbers[ENERGY] > next_energy:
            rate = offset_rate = shared_rate(schedule, eta0, power, l1 + l2, numbers)
            if adaptive:
                rate /= sqrt(_early(numbers, table.size))
                offset_rate /= sqrt(max(numbers[TIME], 1.0))
                if numbers[TIME] >= next_refresh:
                    _refresh(table, history, numbers)
                    stale = True
                    next_refresh = REFRESH * _early(numbers, table.size)
            next_time, next_energy = GROWTH * numbers[TIME], GROWTH * numbers[ENERGY]
        if numbers[TIME] - swept >= sweeps:
            _sweep(table, average, numbers, rate, l1, l2, numbers[TIME] - swept, average_from)
            swept = numbers[TIME]
        if rare or stale:
            coming = _count(data, indices, start, stop, w, table, history, numbers)
            stale = False
        reach = real(rate * coming + offset_rate * fit_intercept)
        z = _score(data, indices, start, stop, table) + real(numbers[OFFSET])
        scores[position] = z
        g, h = loss.grad_hess(y[i], z)
        # already that of the next row: something to do while the loss is computed
        after = order[min(position + 1, order.size - 1)]
        coming, rare = _reach(data, indices, indptr[after], indptr[after + 1], table)
        step = implicit_gradient(loss, y[i], z, g, h, w, reach, real(numbers[OFFSET]), small)
        move = real(-rate * step)
        for k in range(start, stop if step != 0.0 else start):
            j = indices[k]
            table[j].coef += np.float32(move * data[k]) * abs(table[j].rate)
        numbers[OFFSET] -= offset_rate * step * fit_intercept
        record(numbers, w, g, stop - start)
    numbers[LOSS] = _total(loss, y, weight, order, scores)
    _sweep(table, average, numbers, rate, l1, l2, numbers[TIME] - swept, average_from)


@kernel
def _total(loss, y, weight, order, scores):
    """Return the weighted sum of the losses: in a loop of its own, they are computed by SIMD."""
    total = 0.0
    for position in range(order.size):
        i = order[position]
        total = fadd(total, np.float64(weight[i] * loss.value(y[i], scores[position])))
    return total


def _foresee(data, indices, start, stop):
    """Ask for the cache lines of a row: the hardware does not foresee the next block of rows."""
    for k in range(start, stop, LINE):
        prefetch(data, k)
        prefetch(indices, k)


def _score(data, indices, start, stop, table):
    """Return the score of a row."""
    score = data.dtype.type(0.0)
    for k in range(start, stop):
        score = fadd(score, data[k] * table[indices[k]].coef)
    return score


def _reach(data, indices, start, stop, table):
    """Return how far a step of rate 1 moves the score of a row, and if a feature is rare.

    The signs are read as bits: to find the lowest rate, each comparison waits for the last one.
    """
    reach = data.dtype.type(0.0)
    signs = np.int32(0)
    for k in range(start, stop):
        x, rate = data[k], table[indices[k]].rate
        reach = fadd(reach, x * x * abs(rate))
        signs |= to_bits32(rate)
    return reach, signs < 0


@kernel
def _scan(data, indices, indptr, weight, order, history, numbers):
    """Count the entries of the features and sum their squares, over as many rows as it takes."""
    missing = history.size * SCAN - numbers[SCANNED] * numbers[ENTRIES] / max(numbers[TIME], 1.0)
    stride = min(max(indices.size / max(missing, 1.0), 1.0), SCAN)
    block = 0.0
    while block < order.size:
        for position in range(int(block), min(int(block) + NEIGHBOURS, order.size)):
            i = order[position]
            w = np.float32(weight[i])
            numbers[SCANNED] += w
            for k in range(indptr[i], indptr[i + 1]):
                j, x = indices[k], np.float32(data[k])
                if x != 0.0:
                    history[j].count += w
                    history[j].squares += w * x * x
        block += NEIGHBOURS * stride


@kernel
def _early(numbers, n_features):
    """Return the time, but at least that in which rows show as many entries as features."""
    time = max(numbers[TIME], 1.0)
    return max(time, n_features * time / max(numbers[ENTRIES], 1.0))


@kernel
def _refresh(table, history, numbers):
    """Set the rates of the features, as of now."""
    scanned = np.float32(1.0 / max(numbers[SCANNED], 1.0))
    early = np.float32(1.0 / _early(numbers, table.size))
    for j in range(table.size):
        _set_rate(table[j], history[j], scanned, early)


@kernel
def _set_rate(feature, past, scanned, early):
    """Set a rate to sqrt(time) / (mean square * sqrt(1 + entries by now)), negative if rare.

    The first factor is undone by what all features share: thus only the 1 grows old. The last two
    arguments are the inverses of the number of scanned rows and of the time.
    """
    if past.count > 0.0 and past.squares > 0.0:
        mean, before = past.squares / past.count, past.mean
        # what small values taught must not explode on large ones
        if mean > np.float32(JUMP) * before > 0.0:
            feature.coef *= sqrt(before / mean)
        past.mean = mean
        rate = np.float32(1.0) / (mean * sqrt(past.count * scanned + early))
        rate = min(rate, np.float32(LARGEST))
        feature.rate = -rate if past.count < RARE else rate


@kernel
def _count(data, indices, start, stop, w, table, history, numbers):
    """Count the rare features of a row; return its reach, by their new rates."""
    scanned = np.float32(1.0 / max(numbers[SCANNED], 1.0))
    early = np.float32(1.0 / _early(numbers, table.size))
    for k in range(start, stop):
        j, x = indices[k], np.float32(data[k])
        if x != 0.0 and to_bits32(table[j].rate) < 0:
            history[j].count += w
            history[j].squares += w * x * x
            _set_rate(table[j], history[j], scanned, early)
    reach, _ = _reach(data, indices, start, stop, table)
    return reach


@kernel
def _sweep(table, average, numbers, rate, l1, l2, elapsed, average_from):
    """Apply the penalties of the last rows, as a proximal step; sample the average."""
    zero = np.float32(0.0)
    if l2 > 0.0:
        shrinkage = np.float32(rate * l2 * elapsed)
        for j in range(table.size):
            table[j].coef /= np.float32(1.0) + shrinkage * abs(table[j].rate)
    if l1 > 0.0:
        for j in range(table.size):
            coef, cut = table[j].coef, np.float32(rate * l1 * elapsed) * abs(table[j].rate)
            table[j].coef = max(coef - cut, zero) + min(coef + cut, zero)
    passed = numbers[TIME] - average_from
    if passed > 0.0:
        kept = max(1.0 - elapsed / passed, 0.0)
        share = 1.0 - kept * kept * kept * kept  # to the power of AVERAGING
        for j in range(table.size):
            average[j] += share * (table[j].coef - average[j])
        numbers[OFFSET_AVERAGE] += share * (numbers[OFFSET] - numbers[OFFSET_AVERAGE])


def new_table(coef, options):
    """Return the features and their history, which no row has shown yet."""
    table, history = np.zeros(coef.size, FEATURE), np.zeros(coef.size, HISTORY)
    table["coef"] = coef
    table["rate"] = -0.0 if options.learning_rate == "adaptive" else 1.0
    return table, history


def copied(records):
    """Return a copy, which NumPy makes much faster of bytes than of records."""
    return records.view(np.uint8).copy().view(records.dtype)
