"""What boosters get for a second derivative: itself, or a stand-in where it is not positive."""

from __future__ import annotations

import numpy as np

LONGEST_STEP = 1e6  # that a curvature may ask for: no prediction moves so far in sensible units


def curvature_of(g, h):
    """Return the second derivative, or the size of the slope where that is not positive.

    There is no jump between: what is far too small for the slope, as that of a saturated logit
    before it underflows, is made up for gradually.
    """
    h = h if h > 0.0 else 0.0
    missing = abs(g) - LONGEST_STEP * h
    return h + (missing if missing > 0.0 else 0.0)


def curvatures_of(g, h):
    """Return `curvature_of` the elements of arrays."""
    h = np.where(h > 0, h, 0)
    missing = np.abs(g) - LONGEST_STEP * h
    return h + np.where(missing > 0, missing, 0)
