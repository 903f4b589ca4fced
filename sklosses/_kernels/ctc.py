"""The loops over sequences of connectionist temporal classification, in double precision.

An alignment runs through the states blank, label, blank, label, …, blank. Blanks and labels are
kept apart, so that each sum over neighbouring states is a loop along slices, which becomes SIMD.

The sums of a frame are scaled to `HALF`, and none is left below `FLOOR`, so that none vanishes (nor
is a subnormal number, which is slow). What is computed is thus no less than the truth. What the
floor adds at a frame is at most ``12 * HALF * FLOOR`` (a state has three neighbours), next to what
the sums over the frames so far and those over the frames to come have in common, the sum of their
products. If that is at least `COMMON` at each frame, the floor adds nothing. If it is not, which
takes thousands of frames of a model that knows nothing yet, or predictions that are both certain
and wrong, or if a softmax underflows, the sequence is computed again with logarithms: in ten times
the time.

References
----------
.. [1] A. Graves, S. Fernández, F. Gomez and J. Schmidhuber, "Connectionist temporal
   classification", ICML 2006. doi:10.1145/1143844.1143891
"""

from __future__ import annotations

import numpy as np

from .._numba import fadd, kernel
from .._special import exp, log

HALF = 2.0**500  # half of the range: the product of two sums fits a double
FLOOR = 2.0**-500
COMMON = 2.0**120
SMALL = 2.0**-900  # probabilities from which on underflow is near
LITTLE = 2.0**-100  # products that are put aside before they vanish
NEAR = 30.0  # logits that need no shift


def scratch_size(n_frames, n_labels, n_classes):
    """Return how many doubles `fill` needs for sequences of at most such a size."""
    n = n_labels + 1
    return 3 * n_frames * n + 10 * n + n_classes


@kernel
def fill(blank, z, offsets, y, label_offsets, w, response, scratch, out_value, out_gradient):
    """Fill ``w *`` value and, if it is not None, ``w *`` gradient of each sequence.

    Frames of sequence `i` are the rows ``offsets[i]`` to ``offsets[i + 1]`` of `z`: logits, or
    probabilities if `response` is not None. Without an alignment the value is inf, the gradient 0.
    Returns how many numbers of `z` are not finite.
    """
    suspect = 0.0
    for i in range(w.size):
        frames = z[offsets[i] : offsets[i + 1]]
        own = y[label_offsets[i] : label_offsets[i + 1]]
        gradient = None if out_gradient is None else out_gradient[offsets[i] : offsets[i + 1]]
        if w[i] != 0.0 and 0 < frames.shape[0] >= least_frames(own):
            value, ill = _sequence(frames, own, w[i], blank, response, scratch, gradient)
            out_value[i] = w[i] * value
            suspect += ill
            continue
        certain = w[i] == 0.0 or own.size == 0
        out_value[i] = 0.0 if certain else np.inf
        if gradient is not None:
            gradient[:] = 0.0
        for t in range(frames.shape[0]):
            suspect += _shift(frames[t])[1]
    return suspect


@kernel
def least_frames(y):
    """Return how many frames an alignment needs: a blank stands between equal labels."""
    needed = y.size
    for j in range(1, y.size):
        needed += y[j] == y[j - 1]
    return needed


@kernel
def _sequence(z, y, w, blank, response, scratch, gradient):
    """Return the value of a sequence that has an alignment; fill ``w *`` its gradient.

    The second number returned is that of numbers of `z` that are not finite.
    """
    size, n, k = z.shape[0], y.size + 1, z.shape[1]
    at, end = size * n, size * n + 2 * (size + 1) * n
    emission, alpha = scratch[:at].reshape(size, n), scratch[at:end].reshape(size + 1, 2 * n)
    skip, row, rest = scratch[end : end + n], scratch[end + n : end + n + k], scratch[end + n + k :]
    skip[0] = skip[n - 1] = 0.0
    for j in range(1, y.size):
        skip[j] = 0.0 if y[j] == y[j - 1] else 1.0
    small, ill = _emissions(z, y, blank, response, emission, row, gradient)
    if small == 0.0:
        value = _forward(emission, skip, alpha)
        if _backward(emission, skip, alpha, y, w, blank, row, rest, gradient):
            return -value, ill
        _emissions(z, y, blank, response, emission, row, gradient)
    _log_emissions(z, y, blank, response, emission)
    value = _log_forward(emission, skip, alpha)
    if gradient is not None and value > -np.inf:
        _log_backward(emission, skip, alpha, value, y, w, blank, row, rest, gradient)
    return -value, ill


# ------------------------------------------------------------------------- frames


@kernel
def _shift(row):
    """Return what to take from logits so that their exponentials neither overflow nor vanish.

    The second number returned is that of logits that are not finite.
    """
    far = 0.0
    for c in range(row.size):
        far = fadd(far, 0.0 if abs(row[c]) < NEAR else 1.0)
    if far == 0.0:  # a maximum is no SIMD
        return 0.0, 0.0
    top, ill = row[0], 0.0
    for c in range(row.size):
        top = max(top, row[c])
        ill += 0.0 if row[c] - row[c] == 0.0 else 1.0
    return float(top), ill


@kernel
def _emissions(z, y, blank, response, emission, row, gradient):
    """Fill the probabilities of the labels and, last, of the blank; `gradient` with those of all.

    Return how many of the former are near underflow, and how many of `z` are not finite.
    """
    small, all_ill, m = 0.0, 0.0, y.size
    for t in range(z.shape[0]):
        frame, own = z[t], emission[t]
        shift, ill = _shift(frame)
        all_ill += ill
        if response is not None:
            for c in range(row.size):
                row[c] = frame[c]
        else:
            norm = 0.0
            for c in range(row.size):
                row[c] = exp(float(frame[c]) - shift)
                norm = fadd(norm, row[c])
            norm = 1.0 / norm
            for c in range(row.size):
                row[c] *= norm
        if gradient is not None:
            out = gradient[t]
            for c in range(row.size):
                out[c] = row[c]
        for j in range(m):
            own[j] = row[y[j]]
        own[m] = row[blank]
        for j in range(own.size):
            small = fadd(small, 0.0 if own[j] >= SMALL else 1.0)
    return small, all_ill


@kernel
def _finish(alpha, beta, scale, of_blank, y, w, blank, row, gradient):
    """Turn a frame's probabilities into ``w *`` (probabilities less posteriors)."""
    row[:] = 1.0  # nothing: the scale is 2**-120 or less, and the product is no subnormal number
    row[blank] = of_blank
    for j in range(y.size):
        row[y[j]] += alpha[j] * beta[j]
    for c in range(row.size):
        gradient[c] = w * (gradient[c] - row[c] * scale)


# ------------------------------------------------------------------------- scaled sums


@kernel
def _blanks(blanks, before, emission, out):
    """Fill the sums of blanks: from themselves, and from the labels before them."""
    total = 0.0
    for j in range(out.size):
        x = max((blanks[j] + before[j]) * emission, FLOOR)
        out[j] = x
        total = fadd(total, x)
    return total


@kernel
def _labels(labels, blanks, before, skip, emission, scale, out):
    """Fill the sums of labels: from themselves, the blanks before them, the labels before those."""
    total = 0.0
    for j in range(out.size):
        x = max((labels[j] + blanks[j] + skip[j] * before[j]) * (emission[j] * scale), FLOOR)
        out[j] = x
        total = fadd(total, x)
    return total


@kernel
def _forward(emission, skip, alpha):
    """Fill the sums over the frames so far; return the logarithm of the sum over alignments.

    A row of `alpha` holds blanks, a 0 for the label before the first, and labels; the first row
    stands before the first frame.
    """
    n = emission.shape[1]
    alpha[0] = FLOOR
    alpha[:, n] = 0.0
    alpha[0, 0] = total = HALF
    value, product = 0.0, 1.0
    for t in range(emission.shape[0]):
        last, here, own, scale = alpha[t], alpha[t + 1], emission[t], HALF / total
        total = _blanks(last, last[n:], own[n - 1] * scale, here[:n])
        total += _labels(last[n + 1 :], last, last[n:], skip, own, scale, here[n + 1 :])
        product *= total / HALF
        if product < LITTLE:
            value += log(product)
            product = 1.0
    end = alpha[-1]
    return value + log(product) + log((end[n - 1] + end[2 * n - 1]) / total)


@kernel
def _back_blanks(blanks, labels, alpha, out):
    """Fill the sums of blanks; return their total, and that of their products with `alpha`."""
    total, common = 0.0, 0.0
    for j in range(out.size):
        x = blanks[j] + labels[j]
        out[j] = x
        total = fadd(total, x)
        common = fadd(common, x * alpha[j])
    return total, common


@kernel
def _back_labels(labels, blanks, after, skip, alpha, out):
    total, common = 0.0, 0.0
    for j in range(out.size):
        x = labels[j] + blanks[j] + skip[j] * after[j]
        out[j] = x
        total = fadd(total, x)
        common = fadd(common, x * alpha[j])
    return total, common


@kernel
def _emitted(blank_beta, beta, emission, scale, blanks, labels):
    """Fill the sums with the emission of a frame from those without it."""
    of_blank = emission[beta.size] * scale
    for j in range(blank_beta.size):
        blanks[j] = max(blank_beta[j] * of_blank, FLOOR)
    for j in range(beta.size):
        labels[j] = max(beta[j] * (emission[j] * scale), FLOOR)


@kernel
def _backward(emission, skip, alpha, y, w, blank, row, scratch, gradient):
    """Sum over the frames to come; fill the gradient. Return whether the floor had no share.

    `blanks` and `labels` are the sums with the emission of the next frame, which after the last is
    that of a blank; those without it are `blank_beta` and `beta`.
    """
    n, m = y.size + 1, y.size
    # slices: rows that a table is unpacked to have no known stride, and loops no SIMD
    blanks, labels = scratch[:n], scratch[n : 2 * n]
    blank_beta, beta = scratch[2 * n : 3 * n], scratch[3 * n : 3 * n + m]
    blanks[:] = FLOOR
    labels[:] = FLOOR
    blanks[m], labels[m] = HALF, 0.0
    for t in range(emission.shape[0] - 1, -1, -1):
        here, own = alpha[t + 1], emission[t]
        of_label = here[n + 1 :]
        total, of_blanks = _back_blanks(blanks, labels, here, blank_beta)
        of_labels, common = _back_labels(labels, blanks[1:], labels[1:], skip[1:], of_label, beta)
        common += of_blanks
        if not common >= COMMON:
            return False
        _emitted(blank_beta, beta, own, HALF / (total + of_labels), blanks, labels)
        if gradient is not None:
            _finish(of_label, beta, 1.0 / common, of_blanks, y, w, blank, row, gradient[t])
    return True


# ------------------------------------------------------------------------- logarithms


@kernel
def _log_sum(a, b, c, out):
    """Fill ``ln(e**a + e**b + e**c)``."""
    for j in range(out.size):
        top = max(a[j], b[j], c[j])
        top = top if top > -np.inf else 0.0
        out[j] = top + log(exp(a[j] - top) + exp(b[j] - top) + exp(c[j] - top))


@kernel
def _log_emissions(z, y, blank, response, emission):
    """Fill the logarithms of the emissions."""
    for t in range(z.shape[0]):
        frame, own = z[t], emission[t]
        shift, norm = 0.0, 0.0
        if response is None:
            shift = _shift(frame)[0]
            for c in range(frame.size):
                norm += exp(float(frame[c]) - shift)
            shift += log(norm)
        for j in range(y.size + 1):
            x = float(frame[y[j] if j < y.size else blank])
            own[j] = log(x) if response is not None else x - shift


@kernel
def _log_forward(emission, skip, alpha):
    """As `_forward`, with logarithms."""
    n = emission.shape[1]
    none = np.full(n, -np.inf)
    skipped = np.empty(n - 1)
    alpha[0] = -np.inf
    alpha[:, n] = -np.inf
    alpha[0, 0] = 0.0
    for t in range(emission.shape[0]):
        last, here, own = alpha[t], alpha[t + 1], emission[t]
        for j in range(n - 1):
            skipped[j] = last[n + j] if skip[j] > 0.0 else -np.inf
        _log_sum(last[:n], last[n:], none, here[:n])
        _log_sum(last[n + 1 :], last, skipped, here[n + 1 :])
        for j in range(n):
            here[j] += own[n - 1]
        for j in range(n - 1):
            here[n + 1 + j] += own[j]
    end = alpha[-1, n - 1 : n].copy()
    _log_sum(alpha[-1, n - 1 : n], alpha[-1, 2 * n - 1 :], none, end)
    return end[0]


@kernel
def _log_backward(emission, skip, alpha, value, y, w, blank, row, scratch, gradient):
    """As `_backward`, with logarithms."""
    n, m = y.size + 1, y.size
    blanks, labels, none = scratch[:n], scratch[n : 2 * n], scratch[2 * n : 3 * n]
    blank_beta, beta = scratch[3 * n : 4 * n], scratch[4 * n : 4 * n + m]
    shares, skipped = scratch[5 * n : 5 * n + m], scratch[6 * n : 6 * n + m]
    blanks[:] = -np.inf
    labels[:] = -np.inf
    none[:] = -np.inf
    scaled = np.full(m, HALF)  # as `_finish` expects
    blanks[m] = 0.0
    for t in range(emission.shape[0] - 1, -1, -1):
        here, own = alpha[t + 1], emission[t]
        for j in range(m):
            skipped[j] = labels[j + 1] if skip[j + 1] > 0.0 else -np.inf
        _log_sum(blanks, labels, none, blank_beta)
        _log_sum(labels, blanks[1:], skipped, beta)
        of_blanks = 0.0
        for j in range(n):
            of_blanks += exp(blank_beta[j] + here[j] - value)
            blanks[j] = blank_beta[j] + own[m]
        for j in range(m):
            shares[j] = exp(beta[j] + here[n + 1 + j] - value)
            labels[j] = beta[j] + own[j]
        _finish(shares, scaled, 1.0 / HALF, of_blanks * HALF, y, w, blank, row, gradient[t])
