"""Fixtures shared by the tests."""

from __future__ import annotations

import os

# before SciPy loads: scikit-learn's check of array API input is skipped without it
os.environ.setdefault("SCIPY_ARRAY_API", "1")

import numpy as np
import pytest


@pytest.fixture
def rng():
    return np.random.default_rng(0)
