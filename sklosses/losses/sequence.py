"""Losses of sequences of labels whose places among the frames are not known."""

from __future__ import annotations

from math import inf
from typing import Annotated, ClassVar

import numpy as np

from .._bases.sequencewise import Interval, SequenceLoss
from .._kernels import ctc as ctc_kernels

COLUMN = Interval(0, inf, closed="left", integer=True)


class CTC(SequenceLoss):
    r"""Connectionist temporal classification: −ln of the probability of a sequence of labels.

    The probability is a sum over all alignments: a label or the blank at each frame, such that
    dropping repetitions and then blanks leaves the labels.

    Parameters
    ----------
    blank : int, default=0
        The column of the blank; ≥ 0.
    zero_infinity : bool, default=False
        Whether sequences too short for their labels count as 0. Otherwise their loss is inf, with a
        `RuntimeWarning` that names them, and their gradient 0.

    Notes
    -----
    ``y_true`` is a list of sequences of integers, ``raw_prediction`` a list of arrays of shape
    (n_frames, k) of logits: the softmax is part of the loss. One value a sequence, not divided by
    its length, as ``torch.nn.functional.ctc_loss(reduction="none")`` after ``log_softmax``; its
    ``"mean"`` divides by the number of labels. Gradients are those with respect to the logits.
    Computed in double precision, whatever the input. Not convex; smooth; the Hessian is exact.

    A sequence needs a frame for each label and one for each pair of equal neighbours. No labels at
    all are a fine target: blanks only.

    References
    ----------
    Graves, A., Fernández, S., Gomez, F. and Schmidhuber, J. (2006). Connectionist temporal
    classification: labelling unsegmented sequence data with recurrent neural networks.
    doi:10.1145/1143844.1143891

    Examples
    --------
    Two frames, a blank and one label, all equally likely: of four alignments three have the label.

    >>> import numpy as np
    >>> value = CTC().values([[1]], [np.zeros((2, 2))])
    >>> bool(np.isclose(value[0], -np.log(3 / 4)))
    True
    """

    blank: Annotated[int, COLUMN] = 0
    zero_infinity: Annotated[bool, bool] = False

    aliases: ClassVar = ("ctc_loss",)
    names: ClassVar = {"en": "Connectionist temporal classification", "zh": "连接时序分类(CTC)"}
    formula: ClassVar = (
        r"-\ln \sum_{\pi:\, B(\pi) = y} \prod_t p_t(\pi_t), \quad p_t = \mathrm{softmax}(f_t)"
    )
    use_case: ClassVar = {
        "en": "Speech, handwriting, sensor streams: labels in order, but not where they are.",
        "zh": "语音、手写、传感器序列:已知标签顺序,未知其位置。",
    }
    choose_when: ClassVar = {
        "en": "Inputs are longer than their labels and come in the same order, without marks.",
        "zh": "输入长于标签、顺序一致且没有对齐标注时。",
    }
    reference: ClassVar = "Graves et al. (2006), doi:10.1145/1143844.1143891"

    _scratch_size: ClassVar = staticmethod(ctc_kernels.scratch_size)

    def _compute(self, *arrays):
        return ctc_kernels.fill(int(self.blank), *arrays)

    # the textbook's recursion with logarithms, slow: what the kernels are compared with

    def _states(self, y):
        """Return the columns of blank, label, blank, …, blank."""
        states = np.full(2 * len(y) + 1, int(self.blank))
        states[1::2] = y
        return states

    def _sums(self, lp, states):
        """Return logarithms of sums over the alignments of the frames so far, by state.

        The first row stands before the first frame.
        """
        skips = np.zeros(states.size, bool)
        skips[2:] = states[2:] != states[:-2]
        sums = np.full((len(lp) + 1, states.size + 2), -inf)  # and two states before the first
        sums[0, 2] = 0.0
        for last, here, own in zip(sums, sums[1:], lp, strict=False):
            here[2:] = np.logaddexp(last[2:], last[1:-1])
            here[2:] = np.logaddexp(here[2:], np.where(skips, last[:-2], -inf)) + own[states]
        return sums[:, 2:]

    def value(self, y, z):
        lp = z - np.logaddexp.reduce(z, axis=1, keepdims=True)
        return -np.logaddexp.reduce(self._sums(lp, self._states(y))[-1, -2:])

    def grad(self, y, z, g):
        lp, states = z - np.logaddexp.reduce(z, axis=1, keepdims=True), self._states(y)
        ahead, back = self._sums(lp, states)[1:], self._sums(lp[::-1], states[::-1])[:0:-1, ::-1]
        posterior = np.exp(ahead + back - lp[:, states] + self.value(y, z))
        g[:] = np.exp(lp)
        for s in range(states.size):
            g[:, states[s]] -= posterior[:, s]

    def hess(self, y, z, h):
        self.grad(y, z, h)
        h *= 1.0 + h - 2.0 * np.exp(z - np.logaddexp.reduce(z, axis=1, keepdims=True))
