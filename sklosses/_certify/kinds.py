"""Which samples `certify` tries a loss on, by its kind."""

from __future__ import annotations

import numpy as np

from .._bases.rowwise import RowwiseLoss
from .._bases.variational import VariationalLoss
from .embeddings import EmbeddingSample
from .groups import ByGroup, GroupSample, masks_of
from .samples import LabelSample, PointSample, RowSample, SoftSample
from .sequences import SequenceSample
from .variational import CodeSample


def samples_of(loss, rng):
    """Return the samples a loss is tried on: classes with hard and, where it may, soft labels."""
    if loss.task == "overlap":
        return masks_of(loss, rng)
    if loss.groupwise or isinstance(loss, VariationalLoss):
        return [_sample_of_many(loss, rng)]
    if not isinstance(loss, RowwiseLoss):
        return [PointSample(loss, rng)]
    if loss.task != "multiclass":
        return [RowSample(loss, rng)]
    if loss.soft_labels is None:  # the loss does not say what it takes
        return [LabelSample(loss, rng)] if _takes_labels(loss) else [SoftSample(loss, rng)]
    soft = [SoftSample(loss, rng)] if loss.soft_labels else []
    return [LabelSample(loss, rng), *soft]


def _sample_of_many(loss, rng):
    """Return the sample of a loss whose terms are of several rows, or several arrays."""
    if loss.task == "embedding":
        return EmbeddingSample(loss, rng)
    if loss.task == "sequence":
        return SequenceSample(loss, rng)
    if loss.groupwise:
        return GroupSample(ByGroup(loss), rng)
    return CodeSample(loss, rng)


def _takes_labels(loss):
    """Whether a loss of classes can be evaluated for a label: otherwise it wants shares."""
    try:
        loss.values(np.array([0]), np.zeros((1, 3)))
    except (TypeError, IndexError):
        return False
    return True
