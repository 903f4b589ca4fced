"""The loops over queries: one number a query, `EMPTY` where there is nothing to rank.

Rows come in query order, in doubles, which hold single precision exactly, ties included; query `q`
has the rows ``offsets[q]`` to ``offsets[q + 1]``. Sorting is stable: ties of score stay in row
order. Keys are negated scores, so that the first place is that of the smallest key.
"""

from __future__ import annotations

import numpy as np

from .._numba import kernel

EMPTY = -1.0
FEW = 64  # places up to which keeping the first so far beats sorting all
RUN = 16  # rows up to which insertion beats merging
LEVELS = 64  # whole grades below are counted, not sorted


@kernel
def _ascending(keys, order, spare):
    """Sort the row numbers in `order` by their `keys`, stably; return the number of inversions.

    That is how many pairs stood in the wrong order: sorting answers it as it goes.
    """
    n = order.size
    inversions = 0
    for start in range(0, n, RUN):
        for i in range(start + 1, min(start + RUN, n)):
            row = order[i]
            j = i
            while j > start and keys[order[j - 1]] > keys[row]:
                order[j] = order[j - 1]
                j -= 1
            order[j] = row
            inversions += i - j
    width = RUN
    while width < n:
        for start in range(0, n - width, 2 * width):
            middle = start + width
            stop = min(middle + width, n)
            if keys[order[middle - 1]] <= keys[order[middle]]:
                continue
            # the left run moves out of the way, and both are merged from the front
            spare[:width] = order[start:middle]
            i, j, out = 0, middle, start
            while i < width and j < stop:
                if keys[spare[i]] <= keys[order[j]]:
                    order[out] = spare[i]
                    i += 1
                else:
                    order[out] = order[j]
                    j += 1
                    inversions += width - i
                out += 1
            while i < width:
                order[out] = spare[i]
                i += 1
                out += 1
        width *= 2
    return inversions


@kernel
def _first(keys, k, order, spare):
    """Fill the first `k` places of `order`, or all, with the rows of the smallest `keys`.

    Return how many places that are.
    """
    n = keys.size
    if k >= n or k > FEW:
        for row in range(n):
            order[row] = row
        _ascending(keys, order[:n], spare)
        return min(k, n)
    last = np.inf
    for row in range(n):
        key = keys[row]
        if row >= k and not key < last:
            continue
        j = min(row, k - 1)
        while j > 0 and key < keys[order[j - 1]]:
            order[j] = order[j - 1]
            j -= 1
        order[j] = row
        last = keys[order[min(row, k - 1)]]
    return k


def _longest(offsets):
    longest = 0
    for query in range(offsets.size - 1):
        longest = max(longest, offsets[query + 1] - offsets[query])
    return longest


@kernel
def _largest(grade, k, keys, order, spare, out):
    """Fill the first `k` places of `out`, or all, with the largest grades; return how many."""
    n = grade.size
    counts = np.zeros(LEVELS, np.int64)
    counted = 0
    for i in range(n):
        level = int(min(max(grade[i], 0.0), LEVELS - 1.0))
        counted += level == grade[i]
        counts[level] += 1
    places = min(k, n)
    if counted == n:
        place = 0
        for level in range(LEVELS - 1, -1, -1):
            for _ in range(min(counts[level], places - place)):
                out[place] = level
                place += 1
        return places
    for i in range(n):
        keys[i] = -grade[i]
    _first(keys, k, order, spare)
    for place in range(places):
        out[place] = grade[order[place]]
    return places


def _gain(y, best, least, exponential):
    """Return the gain of grade `y` on a scale where that of the `best` is about 1.

    The scale cancels in NDCG; without it 2 to the power of a large grade is infinite.
    """
    return np.exp2(y - best) - least if exponential else y / best


@kernel
def ndcg(y, score, offsets, k, discounts, exponential, averaged):
    """Return DCG@k over the largest possible; `averaged`: over all orders of tied scores."""
    longest = _longest(offsets)
    keys, largest = np.empty(longest), np.empty(longest)
    order, spare = np.empty(longest, np.int64), np.empty(longest, np.int64)
    values = np.full(offsets.size - 1, EMPTY)
    for query in range(values.size):
        begin, end = offsets[query], offsets[query + 1]
        n = end - begin
        grade, key = y[begin:end], keys[:n]
        places = _largest(grade, k, key, order, spare, largest)
        best = largest[0]
        if not best > 0.0:
            continue
        least = np.exp2(-best)
        ideal = 0.0
        for place in range(places):
            ideal += discounts[place] * _gain(largest[place], best, least, exponential)
        if not ideal > 0.0:
            continue

        for i in range(n):
            key[i] = -score[begin + i]
        _first(key, k, order, spare)
        reached, start = 0.0, 0
        while start < places:
            stop, gain, discount = start, 0.0, 0.0
            tied = key[order[start]]
            while stop < places and (stop == start or (averaged and key[order[stop]] == tied)):
                gain += _gain(grade[order[stop]], best, least, exponential)
                discount += discounts[stop]
                stop += 1
            count = stop - start
            if averaged and stop == places and places < n:  # ties may go on below place k
                count, gain = 0, 0.0
                for i in range(n):
                    if key[i] == tied:
                        count += 1
                        gain += _gain(grade[i], best, least, exponential)
            reached += gain / count * discount
            start = stop
        values[query] = min(reached / ideal, 1.0)  # rounding aside
    return values


@kernel
def average_precision(y, score, offsets, k):
    """Return the sum of precisions at the relevant of the first `k` places, over all relevant."""
    longest = _longest(offsets)
    keys = np.empty(longest)
    order, spare = np.empty(longest, np.int64), np.empty(longest, np.int64)
    values = np.full(offsets.size - 1, EMPTY)
    for query in range(values.size):
        begin, end = offsets[query], offsets[query + 1]
        relevant = 0
        for i in range(begin, end):
            keys[i - begin] = -score[i]
            relevant += y[i] >= 1.0
        if relevant == 0:
            continue
        hits, total = 0, 0.0
        for place in range(_first(keys[: end - begin], k, order, spare)):
            if y[begin + order[place]] >= 1.0:
                hits += 1
                total += hits / (place + 1)
        values[query] = total / relevant
    return values


@kernel
def hits(y, score, offsets, k):
    """Return how many documents are relevant among the first `k` places, and in all."""
    longest = _longest(offsets)
    keys = np.empty(longest)
    order, spare = np.empty(longest, np.int64), np.empty(longest, np.int64)
    found = np.zeros(offsets.size - 1)
    relevant = np.zeros(offsets.size - 1)
    for query in range(found.size):
        begin, end = offsets[query], offsets[query + 1]
        n = end - begin
        for i in range(begin, end):
            keys[i - begin] = -score[i]
            relevant[query] += y[i] >= 1.0
        if k >= n or relevant[query] == 0.0:
            found[query] = relevant[query]
            continue
        for place in range(_first(keys[:n], k, order, spare)):
            found[query] += y[begin + order[place]] >= 1.0
    return found, relevant


@kernel
def reciprocal_rank(y, score, offsets, k):
    """Return 1 over the place of the first relevant document, 0 if that is beyond `k`.

    Only that document's place is needed, so nothing is sorted.
    """
    values = np.full(offsets.size - 1, EMPTY)
    for query in range(values.size):
        begin, end = offsets[query], offsets[query + 1]
        first = end
        for i in range(begin, end):
            if y[i] >= 1.0 and (first == end or score[i] > score[first]):
                first = i
        if first == end:
            continue
        place = 1
        for i in range(begin, end):
            place += score[i] > score[first] or (score[i] == score[first] and i < first)
        values[query] = 1.0 / place if place <= k else 0.0
    return values


@kernel
def expected_reciprocal_rank(y, score, offsets, k, max_grade):
    """Return the expectation of 1 over the place at which a user, reading down, is satisfied."""
    longest = _longest(offsets)
    keys = np.empty(longest)
    order, spare = np.empty(longest, np.int64), np.empty(longest, np.int64)
    values = np.full(offsets.size - 1, EMPTY)
    least = np.exp2(-max_grade)
    for query in range(values.size):
        begin, end = offsets[query], offsets[query + 1]
        some = False
        for i in range(begin, end):
            keys[i - begin] = -score[i]
            some |= y[i] > 0.0
        if not some:
            continue
        reading, total = 1.0, 0.0
        for place in range(_first(keys[: end - begin], k, order, spare)):
            satisfied = np.exp2(y[begin + order[place]] - max_grade) - least
            total += reading * satisfied / (place + 1)
            reading *= 1.0 - satisfied
        values[query] = total
    return values


def _couples(n):
    return n * (n - 1) // 2


@kernel
def _ordered_pairs(y, keys, order, spare):
    """Return the number of pairs of different `y`, and twice how many of them are right.

    `order` holds rows sorted by `keys` and is sorted anew. A pair with equal keys is half right.
    """
    n = order.size
    twice, start = 0, 0
    while start < n:
        stop = start + 1
        while stop < n and keys[order[stop]] == keys[order[start]]:
            stop += 1
        if stop > start + 1:
            # within ties by y, lest sorting all by y count their inversions
            _ascending(y, order[start:stop], spare)
            twice += _couples(stop - start) - _equal_pairs(y, order[start:stop])
        start = stop
    # in front of a lower y with a larger key: higher y, higher score
    twice += 2 * _ascending(y, order, spare)
    return _couples(n) - _equal_pairs(y, order), twice


@kernel
def _equal_pairs(y, order):
    """Return the number of pairs of equal `y` among rows in the order of `y`."""
    pairs, run = 0, 0
    for i in range(1, order.size):
        run = run + 1 if y[order[i]] == y[order[i - 1]] else 0
        pairs += run
    return pairs


@kernel
def pairwise_accuracy(y, score, offsets, k):
    """Return the share of pairs that are in the right order, one of them in the first `k`."""
    longest = _longest(offsets)
    keys = np.empty(longest)
    order, spare = np.empty(longest, np.int64), np.empty(longest, np.int64)
    rest = np.empty(longest, np.int64)
    values = np.full(offsets.size - 1, EMPTY)
    for query in range(values.size):
        begin, end = offsets[query], offsets[query + 1]
        n = end - begin
        grade, key = y[begin:end], keys[:n]
        for i in range(n):
            key[i] = -score[begin + i]
        _first(key, n, order, spare)
        below = max(n - k, 0)
        rest[:below] = order[n - below : n]
        pairs, twice = _ordered_pairs(grade, key, order[:n], spare)
        if below > 1:  # all pairs but those with both documents below
            pairs_below, twice_below = _ordered_pairs(grade, key, rest[:below], spare)
            pairs -= pairs_below
            twice -= twice_below
        if pairs > 0:
            values[query] = 0.5 * twice / pairs
    return values
