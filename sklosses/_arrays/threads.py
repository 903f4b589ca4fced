"""Work shared among threads: kernels release the lock of the interpreter."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor, wait
from functools import lru_cache

from sklearn.utils._openmp_helpers import _openmp_effective_n_threads

ALIGNED = 2**10  # rows, so that no two threads write to the same line of the cache


def workers(size, least):
    """Return how many threads share work of a `size`, each at least `least` of it.

    They are no more than scikit-learn would use (``OMP_NUM_THREADS``).
    """
    return max(1, min(_openmp_effective_n_threads(), size // least))


def slices(n, least):
    """Return slices that make up `n` rows, one a thread, each of about `least` rows or more."""
    step = -(-n // (workers(n, least) * ALIGNED)) * ALIGNED
    return [slice(start, min(start + step, n)) for start in range(0, n, step)]


def total(work, parts):
    """Return the sum of ``work(part)`` over the parts, each in a thread; the caller's is one."""
    first, *others = parts
    waiting = [_pool().submit(work, part) for part in others]
    try:
        results = [work(first)]
    finally:
        wait(waiting)  # nobody may go on writing into arrays that are let go of
    return sum(results + [future.result() for future in waiting])


@lru_cache(maxsize=1)
def _pool():
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="sklosses")


if hasattr(os, "register_at_fork"):  # a child has the pool, but not its threads
    os.register_at_fork(after_in_child=_pool.cache_clear)
