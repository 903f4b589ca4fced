"""`SequenceLoss`: a loss with a term a sequence of frames, as CTC; sequences come as lists."""

from __future__ import annotations

import warnings
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from scipy.optimize import minimize
from sklearn.utils import assert_all_finite, check_consistent_length
from sklearn.utils.validation import check_non_negative

from .._arrays import threads
from .._arrays.inputs import DOUBLE, as_weights, require_rows, require_weight
from .._arrays.outputs import check_output, new_array
from .._arrays.sequences import Frames, Labels
from .._kernels import rows as row_kernels
from .groupwise import GroupedTargets, GroupwiseLoss
from .params import Interval

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Interval", "SequenceLoss", "SequenceTargets"]

COLUMN = Interval(0, np.inf, closed="left", integer=True)
PART = 2**15  # numbers, about, of frames that are worked on at a time
LARGE = 10**6  # sums over states a thread, from which on threads pay
SOME_FRAMES = 5000  # that tell where to start
LEAST = 1e-6  # probability of a class that is in no sequence
SHOWN = 5


class SequenceLoss(GroupwiseLoss):
    """A loss that is a sum over sequences, each a function of its labels and its frames.

    Subclasses define, in plain Python, with `y` the labels of a sequence and `z` its frames of raw
    predictions, of shape (n_frames, k):

    ===========================  =================================================================
    ``value(self, y, z)``        the loss of one sequence
    ``grad(self, y, z, g)``      writes its derivatives into `g`
    ``hess(self, y, z, h)``      writes its second derivatives, the diagonal, into `h`
    ``_compute(self, *arrays)``  values and gradients of many, compiled: ``fill`` in `_kernels.ctc`
    ``_scratch_size(…)``         the doubles it needs for that
    ===========================  =================================================================

    and ``zero_infinity``, whether sequences that no alignment fits count as 0. The softmax is part
    of the loss: the response are the probabilities of each frame.

    The array methods are those of `PointwiseLoss`, with these differences:

    * `y_true` : list of sequences of integers, the labels: columns of `raw_prediction`.
    * `raw_prediction` : list of arrays of shape (n_frames, k), each of its own length; or one array
      of shape (n_sequences, n_frames, k). Gradients come in the same form.
    * `sample_weight` is one a sequence, and so are values.
    """

    task: ClassVar[str] = "sequence"
    rowwise: ClassVar[bool] = True
    response_method: ClassVar[str] = "predict_proba"
    target: ClassVar[Interval] = COLUMN
    curvature_floor: ClassVar[float] = 1e-6
    scalar_methods: ClassVar[tuple] = ("value", "grad", "hess")

    # ------------------------------------------------------------------ array methods

    def __call__(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        qid: ArrayLike | None = None,
    ) -> float:
        """Return the weighted mean loss of the sequences.

        Parameters
        ----------
        y_true : list of sequences of int
            Labels: columns of `y_pred`.
        y_pred : list of array-like of shape (n_frames, k)
            Probabilities, as ``predict_proba`` returns them.
        sample_weight : array-like of shape (n_sequences,), default=None
            Weight of each sequence.
        qid : ignored
            For losses on groups of rows.

        Returns
        -------
        float
            ``sum(w * loss) / sum(w)``.
        """
        frames, labels, w = self._checked(y_true, y_pred, sample_weight, "y_pred")
        require_rows(w)
        require_weight(w.any())
        values, suspect = self._run(frames, labels, w, response=True)
        if suspect:
            _require_finite(frames, "y_pred")
        if any((table < 0).any() or (table > 1).any() for table in frames.tables):
            raise ValueError(f"{type(self).__name__} needs probabilities as y_pred, from 0 to 1.")
        return float(self._settled(values, frames, labels).sum() / w.sum())

    def inverse_link(self, raw_prediction: ArrayLike) -> NDArray | list[NDArray]:
        """Return the probabilities of each frame, in the form in which raw predictions come."""
        self._validate_params()
        frames = Frames.of(raw_prediction, "raw_prediction")
        return frames.shaped(_softmax(frames))

    def init_raw(
        self,
        y_true: ArrayLike,
        sample_weight: ArrayLike | None = None,
        n_raw: int | None = None,
        n_frames: ArrayLike | None = None,
    ) -> NDArray:
        """Return the raw constants that minimise the loss if all frames have them: of shape (k,).

        `n_raw` is their number (by default, what the labels and the blank need), `n_frames` the
        length of each sequence (by default, one a state: of each label, and a blank around each).
        """
        self._validate_params()
        labels = Labels.of(y_true, "y_true")
        n = len(labels)
        require_rows(labels.offsets[1:])
        k = int(max(labels.flat.max(initial=0), self.blank) + 1) if n_raw is None else n_raw
        labels.check(type(self).__name__, k, int(self.blank))
        lengths = 2 * np.diff(labels.offsets) + 1 if n_frames is None else np.asarray(n_frames)
        w = _weights(sample_weight, n)
        require_weight(w.any())
        return self._constant(labels, lengths, w, k)

    # ------------------------------------------------------------------ for solvers

    def objective(self, y, raw, w, out_gradient):
        """Return the sum of ``w * value`` and fill ``w * gradient``.

        Parameters
        ----------
        y : SequenceTargets
            Frames of a sequence are neighbours.
        raw, w, out_gradient : ndarray
            Of as many rows; a sequence's weight is the sum of those of its frames.
        """
        labels, offsets, weights = y.parts(w)
        frames = Frames(offsets, raw.shape[1], raw.dtype, table=raw)
        values, _ = self._run(frames, labels, weights, gradient=out_gradient)
        if self.zero_infinity:
            values[np.isinf(values)] = 0.0
        return float(values.sum())

    def _starts(self, y, w, k):
        """Return the best constant of each of `k` raw columns and what it is measured in."""
        labels, offsets, weights = y.parts(w)
        return self._constant(labels, np.diff(offsets), weights, k), np.ones(k)

    # ------------------------------------------------------------------ inside

    def _checked(self, y_true, prediction, sample_weight, name):
        """Return frames, labels and weights, of matching numbers."""
        self._validate_params()
        frames, labels = Frames.of(prediction, name), Labels.of(y_true, "y_true")
        check_consistent_length(range(len(labels)), range(len(frames)))
        if len(frames) and self.blank >= frames.k:
            raise ValueError(
                f"The blank of {self!r} must be a column of {name}, which has {frames.k}."
            )
        labels.check(type(self).__name__, frames.k, int(self.blank))
        return frames, labels, _weights(sample_weight, len(frames))

    def _fill(self, y_true, raw_prediction, sample_weight, kinds, outs, qid=None):
        frames, labels, w = self._checked(y_true, raw_prediction, sample_weight, "raw_prediction")
        table = None
        if kinds != "v":
            table = new_array((int(frames.offsets[-1]), frames.k), frames.dtype)
        second = kinds[-1] in "hc"  # of each term, before it is weighted
        own = (w > 0).astype(DOUBLE) if second else w
        values, suspect = self._run(frames, labels, own, gradient=table)
        if suspect:
            _require_finite(frames, "raw_prediction")
        values = self._settled(values, frames, labels).astype(frames.dtype)
        arrays = {"v": values, "g": table}
        if second:
            arrays["g"], arrays[kinds[-1]] = self._second(frames, table, w, kinds[-1])
        return tuple(
            _delivered(arrays[kind], None if kind == "v" else frames, out)
            for kind, out in zip(kinds, outs, strict=True)
        )

    def _second(self, frames, gradient, w, kind):
        """Return gradient and diagonal of the Hessian (or the surrogate), weighted.

        The second derivative of ln Σ over alignments is the variance of being at a class, q (1 − q)
        for the posterior q = p − g; of the logarithm of the frame's norm p (1 − p), the surrogate.
        """
        p = _softmax(frames)
        if kind == "h":
            h = gradient * (1 + gradient - 2 * p)
        else:
            h = np.maximum(p * (1 - p), self.curvature_floor)
        weight = np.repeat(w, frames.lengths)[:, None].astype(frames.dtype)
        return gradient * weight, h * weight

    def _run(self, frames, labels, w, *, response=None, gradient=None):
        """Return the value of each sequence and how many predictions are not finite."""
        values = np.empty(len(frames))
        sizes = np.diff(labels.offsets)
        scratch_size = int(self._scratch_size(frames.lengths, sizes, frames.k).max(initial=0))

        def work(parts):
            scratch, suspect = np.empty(scratch_size), 0.0
            for first, last in parts:
                start, stop = frames.offsets[[first, last]]
                suspect += self._compute(
                    frames.part(first, last), frames.offsets[first : last + 1] - start,
                    labels.flat, labels.offsets[first : last + 1], w[first:last], response,
                    scratch, values[first:last], None if gradient is None else gradient[start:stop],
                )  # fmt: skip
            return suspect

        steps = int((frames.lengths * (frames.k + 4 * sizes)).sum())
        parts = _parts(frames)
        k = max(1, min(threads.workers(steps, LARGE), len(parts)))
        return values, threads.total(work, [parts[i::k] for i in range(k)])

    def _settled(self, values, frames, labels):
        """Return values, those without an alignment as `zero_infinity` says, with a warning."""
        rows = np.flatnonzero(np.isinf(values))
        if rows.size and self.zero_infinity:
            values[rows] = 0.0
            return values
        needed = labels.least_frames()
        rows = rows[frames.lengths[rows] < needed[rows]]
        if rows.size:
            i, more = rows[0], ", …" if rows.size > SHOWN else ""
            warnings.warn(
                f"{type(self).__name__} finds no alignment for {rows.size} of {len(values)} "
                f"sequences: {', '.join(map(str, rows[:SHOWN]))}{more}. Sequence {i} has "
                f"{frames.lengths[i]} frames, and its labels take {needed[i]} (one each, and a "
                "blank between equal ones). The loss is inf and its gradient 0; with "
                "zero_infinity=True both are 0.",
                RuntimeWarning,
                stacklevel=4,
            )
        return values

    def _constant(self, labels, lengths, w, k):
        """Return the best constant raw predictions, of some of the sequences."""
        use = np.flatnonzero((w > 0) & (lengths >= labels.least_frames()) & (lengths > 0))
        use = use[:: max(1, int(lengths[use].sum()) // SOME_FRAMES)]
        if not use.size:
            return np.zeros(k)
        labels, lengths, w = labels.taken(use), lengths[use], w[use]
        counts = np.bincount(labels.flat, np.repeat(w, np.diff(labels.offsets)), minlength=k)
        total = float(w @ lengths)
        counts[int(self.blank)] = max(total - counts.sum(), 0.05 * total)
        start = np.log(np.maximum(counts / counts.sum(), LEAST))
        seen = counts > 0
        offsets = np.append(0, np.cumsum(lengths))
        table = np.empty((offsets[-1], k))
        gradient = np.empty_like(table)

        def mean(z):
            table[:] = start
            table[:, seen] = z
            frames = Frames(offsets, k, DOUBLE, table=table)
            values, _ = self._run(frames, labels, w, gradient=gradient)
            return values.sum() / w.sum(), gradient.sum(axis=0)[seen] / w.sum()

        options = {"ftol": 1e-14, "gtol": 1e-9, "maxiter": 200}
        start[seen] = minimize(mean, start[seen], jac=True, method="L-BFGS-B", options=options).x
        return start - start.max()


class SequenceTargets(GroupedTargets):
    """The labels of sequences whose frames are neighbours, as solvers pass them to `objective`.

    Parameters
    ----------
    labels : Labels
        Of all sequences.
    codes : ndarray of shape (n_frames,)
        The sequence of each frame.
    """

    def __init__(self, labels, codes):
        super().__init__(codes, codes)
        self.labels = labels

    def __getitem__(self, rows):
        return SequenceTargets(self.labels, self.codes[rows])

    def parts(self, w):
        """Return the labels of the sequences here, the offsets of their frames, their weights."""
        labels = self.labels.taken(self.groups.names)
        return labels, self.groups.offsets, self.weights(w).terms


def _weights(sample_weight, n):
    if sample_weight is None:
        return np.ones(n)
    w = as_weights(sample_weight, (n,), DOUBLE)
    assert_all_finite(w, input_name="sample_weight")
    check_non_negative(w, "`sample_weight`")
    return w


def _parts(frames):
    """Return ranges of sequences, of about `PART` numbers or of one sequence."""
    numbers = frames.offsets[:-1] * frames.k // PART
    cuts = np.flatnonzero(np.diff(numbers)) + 1
    return list(pairwise([0, *cuts.tolist(), len(frames)])) if len(frames) else []


def _softmax(frames):
    """Return the probabilities of all frames, a table."""
    out = np.empty((int(frames.offsets[-1]), frames.k), frames.dtype)
    for first, last in _parts(frames):
        rows = out[frames.offsets[first] : frames.offsets[last]]
        row_kernels.softmax_response(
            frames.part(first, last).reshape(-1), frames.k, rows.reshape(-1)
        )
    return out


def _require_finite(frames, name):
    for table in frames.tables:
        assert_all_finite(table, input_name=name)


def _delivered(array, frames, out):
    """Return values, or a table of frames in the form they came in; in `out` if it is given."""
    result = array if frames is None else frames.shaped(array)
    if out is None:
        return result
    pairs = zip(out, result, strict=True) if isinstance(result, list) else [(out, result)]
    for target, part in pairs:
        check_output(target, part.shape)
        target[...] = part
    return out
