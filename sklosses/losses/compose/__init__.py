"""Sums of losses: what ``a + b`` and ``0.5 * a`` make, of a kind for each class of terms."""

from .algebra import WeightedSum, added, scaled
from .groupwise import GroupwiseSum
from .pointwise import PointwiseSum
from .rowwise import RowwiseSum

__all__ = ["GroupwiseSum", "PointwiseSum", "RowwiseSum", "WeightedSum", "added", "scaled"]

KINDS = (GroupwiseSum, RowwiseSum, PointwiseSum)  # of the first whose class a term has
for _kind in KINDS:
    # which one is made is of no concern to a reader; pickles go by the qualified name
    _kind.__name__ = WeightedSum.__name__  # type: ignore[method-assign]
