"""What the first result costs: import, first compilation, second process with a warm cache."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile

from .harness import REPEATS, table

FIRST = """
import time, sklearn.linear_model, numpy as np
start = time.process_time()
import sklosses as sl
imported = time.process_time()
loss = sl.{loss}
y, p = np.array({y}), np.array({p})
loss(y, p)
first = time.process_time()
{second}
print(imported - start, first - start, time.process_time() - first)
"""
CASES = {
    "Huber()": ("[1.0, 2.0]", "[1.0, 3.0]"),
    "BinaryCrossEntropy()": ("[1.0, 0.0]", "[0.5, 0.3]"),
    "TweedieDeviance(1.5)": ("[1.0, 0.0]", "[0.5, 0.3]"),
}


def _seconds(loss, cache, second="pass"):
    y, p = CASES[loss]
    code = FIRST.format(loss=loss, y=y, p=p, second=second)
    run = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "NUMBA_CACHE_DIR": cache},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [float(word) for word in run.stdout.split()]


def run():
    print("CPU seconds, in a fresh process, after `import sklearn.linear_model`. Limits: import "
          "0.25, warm first result 1, a further loss cold 1.\n")  # fmt: skip
    rows = []
    for loss in CASES:
        with tempfile.TemporaryDirectory() as cache:
            cold = _seconds(loss, cache)
            warm = [_seconds(loss, cache) for _ in range(REPEATS)]
            medians = [statistics.median(column) for column in zip(*warm, strict=True)]
            # a second loss in the same process, compiled from nothing: Numba itself is loaded
            further = _seconds(loss, cache, "sl.Cauchy()(y, p)")[2]
        rows.append((f"`{loss}`", medians[0], cold[1], medians[1], further))
    headings = (
        "first call of",
        "import sklosses",
        "import to first result, cold",
        "the same, warm",
        "one more loss, cold",
    )
    table(headings, rows)
