"""Rows shared among threads: kernels release the lock of the interpreter."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from sklearn.utils._openmp_helpers import _openmp_effective_n_threads

ROWS = 2**16  # a thread: to hand it fewer takes longer than it saves
ALIGNED = 2**10  # rows, so that no two threads write to the same line of the cache


def total(work, n, *, several=True):
    """Return the sum of ``work(rows)``, a number, over slices that make up `n` rows.

    There are as many as scikit-learn would use threads (``OMP_NUM_THREADS``), and rows for; one
    unless `several`: what is not compiled may not be made for threads.
    """
    workers = min(_openmp_effective_n_threads(), n // ROWS) if several else 1
    if workers < 2:
        return work(slice(0, n))
    step = -(-n // (workers * ALIGNED)) * ALIGNED
    first, *others = [slice(start, min(start + step, n)) for start in range(0, n, step)]
    waiting = [_pool(workers).submit(work, rows) for rows in others]
    return work(first) + sum(future.result() for future in waiting)


@lru_cache(maxsize=1)
def _pool(workers):
    return ThreadPoolExecutor(workers, thread_name_prefix="sklosses")


if hasattr(os, "register_at_fork"):  # a child has the pool, but not its threads
    os.register_at_fork(after_in_child=_pool.cache_clear)
