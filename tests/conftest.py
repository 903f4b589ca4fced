"""Fixtures shared by the tests."""

from __future__ import annotations

import os

# before SciPy loads: scikit-learn's check of array API input is skipped without it
os.environ.setdefault("SCIPY_ARRAY_API", "1")
# processes that run tests side by side share the cores: threads that spin would slow both
if "PYTEST_XDIST_WORKER" in os.environ:
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(variable, "1")

import numpy as np
import pytest


@pytest.fixture
def rng():
    return np.random.default_rng(0)
