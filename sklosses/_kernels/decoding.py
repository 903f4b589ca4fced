"""From the probabilities of frames to the most likely sequence of columns: greedy, prefix beam.

References
----------
.. [1] A. Hannun, A. Maas, D. Jurafsky and A. Ng, "First-pass large vocabulary continuous speech
   recognition using bi-directional recurrent DNNs", 2014. doi:10.48550/arXiv.1408.2873
"""

from __future__ import annotations

import numpy as np

from .._numba import kernel

START = -1


def greedy(scores, offsets, blank):
    """Return the columns of the best alignment of each sequence, repetitions and blanks dropped.

    Parameters
    ----------
    scores : ndarray of shape (n_frames, k)
        Probabilities or logits.
    offsets : ndarray of shape (n_sequences + 1,)
        Where the frames of each sequence begin.
    blank : int
        The column of the blank.

    Returns
    -------
    columns, offsets : ndarray
        All columns, and where those of each sequence begin.
    """
    best = scores.argmax(axis=1)
    kept = np.append(True, best[1:] != best[:-1])[: best.size]
    kept[offsets[:-1][offsets[:-1] < best.size]] = True  # a sequence repeats nothing of the last
    kept &= best != blank
    return best[kept], np.append(0, np.cumsum(kept))[offsets]


@kernel
def _kept(score, who, label, scores, whose, labels, count):
    """Put a candidate at its place among the best, which fall; return how many there are now.

    Of equal ones the first stays ahead.
    """
    place = count
    while place > 0 and score > scores[place - 1]:
        place -= 1
    if place == scores.size:
        return count
    count = min(count + 1, scores.size)
    for j in range(count - 1, place, -1):
        scores[j], whose[j], labels[j] = scores[j - 1], whose[j - 1], labels[j - 1]
    scores[place], whose[place], labels[place] = score, who, label
    return count


@kernel
def _grow(frame, blank, language, labels, mass, stay, grown):
    """Fill what remains of each prefix after a frame, and what goes to those one label longer.

    `mass` and `stay` are of alignments that end in a blank, and in the last label; `labels` are the
    last labels, k of the empty prefix.
    """
    k = frame.size
    for b in range(labels.size):
        last, total = labels[b], mass[0, b] + mass[1, b]
        stay[0, b] = total * frame[blank]
        stay[1, b] = mass[1, b] * frame[last] if last < k else 0.0
        for c in range(k):
            share = (mass[0, b] if c == last else total) * frame[c]
            grown[b, c] = share if language is None else share * language[last, c]
        grown[b, blank] = 0.0


@kernel
def _join(node, parent, labels, stay, grown):
    """Add what grows to a prefix that is here already to what remains of it."""
    for b in range(node.size):
        for a in range(node.size):
            if parent[node[b]] == node[a]:
                stay[1, b] += grown[a, labels[b]]
                grown[a, labels[b]] = 0.0


@kernel
def _select(stay, grown, scores, whose, added):
    """Fill the best prefixes: whose they were, and the label added (k: none); return how many."""
    size, k = grown.shape
    count = 0
    for b in range(size):
        count = _kept(stay[0, b] + stay[1, b], b, k, scores, whose, added, count)
        for c in range(k):
            if grown[b, c] > 0.0:
                count = _kept(grown[b, c], b, c, scores, whose, added, count)
    return count


@kernel
def _path(node, parent, label, out):
    """Fill the labels of a prefix from the start; return their number."""
    depth, at = 0, node
    while parent[at] != START:
        depth, at = depth + 1, parent[at]
    for place in range(depth - 1, -1, -1):
        out[place] = label[node]
        node = parent[node]
    return depth


@kernel
def _search(p, blank, language, parent, label, node, mass, stay, grown, scores, whose, added):
    """Return the best prefix of a sequence, a node of the tree of `parent` and `label`."""
    k = p.shape[1]
    parent[0], label[0], node[0] = START, k, 0
    mass[0, 0], mass[1, 0] = 1.0, 0.0
    nodes = size = 1
    for t in range(p.shape[0]):
        last = label[node[:size]]
        _grow(p[t], blank, language, last, mass, stay, grown)
        _join(node[:size], parent, last, stay, grown)
        size = _select(stay, grown[:size], scores, whose, added)
        unit = 1.0 / scores[0] if scores[0] > 0.0 else 1.0
        before = node.copy()
        for b in range(size):
            own = whose[b]
            node[b] = before[own]
            if added[b] == k:
                mass[0, b], mass[1, b] = stay[0, own] * unit, stay[1, own] * unit
                continue
            parent[nodes], label[nodes] = before[own], added[b]
            mass[0, b], mass[1, b] = 0.0, grown[own, added[b]] * unit
            node[b] = nodes
            nodes += 1
    best, best_score = 0, -1.0
    for b in range(size):
        end = 1.0 if language is None else language[label[node[b]], k]
        score = (mass[0, b] + mass[1, b]) * end
        if score > best_score:
            best, best_score = node[b], score
    return best


@kernel
def beam(p, offsets, blank, width, language):
    """Return the most likely columns of each sequence, as `greedy` does.

    A prefix has the alignments that end in a blank, and those that end in its last label; the best
    `width` go on at each frame.

    Parameters
    ----------
    p : ndarray of shape (n_frames, k)
        Probabilities.
    offsets, blank
        As of `greedy`.
    width : int
        Number of prefixes.
    language : ndarray of shape (k + 1, k + 1) or None
        What a prefix is multiplied with for a column (the second index) after another; the last row
        is the start, the last column the end.
    """
    k = p.shape[1]
    longest = 0
    for i in range(offsets.size - 1):
        longest = max(longest, offsets[i + 1] - offsets[i])
    # a tree of prefixes: the prefix without its last label, and that label
    parent, label = np.empty((2, longest * width + 1), np.int64)
    node, whose, added = np.empty((3, width), np.int64)
    mass, stay, scores = np.empty((2, width)), np.empty((2, width)), np.empty(width)
    grown = np.empty((width, k))
    out, ends = np.empty(p.shape[0], np.int64), np.zeros(offsets.size, np.int64)
    for i in range(offsets.size - 1):
        own = p[offsets[i] : offsets[i + 1]]
        best = _search(
            own, blank, language, parent, label, node, mass, stay, grown, scores, whose, added
        )
        ends[i + 1] = ends[i] + _path(best, parent, label, out[ends[i] :])
    return out[: ends[-1]], ends


def bigram_counts(labels, offsets, w, n):
    """Return how often a label follows another, of labels from 0 to n − 1.

    Parameters
    ----------
    labels, offsets : ndarray
        All labels, and where those of each sequence begin.
    w : ndarray of shape (n_sequences,)
        Weights.
    n : int
        The number of labels.

    Returns
    -------
    ndarray of shape (n + 1, n + 1)
        Counts of a label (the second index) after another; the last row is the start, the last
        column the end.
    """
    marked = np.insert(labels, offsets, n)  # a mark before each sequence, and one after the last
    counts = np.zeros((n + 1, n + 1))
    np.add.at(counts, (marked[:-1], marked[1:]), np.repeat(w, np.diff(offsets) + 1))
    return counts
