"""Interleaved timing and Markdown tables."""

from __future__ import annotations

import statistics
import time
from contextlib import suppress

REPEATS = 5


def medians(functions, *, repeats=REPEATS, least=0.02):
    """Return the median time of each function; all take turns, so that noise meets them alike.

    Functions faster than `least` seconds are called several times a turn.
    """
    counts = {}
    for name, function in functions.items():
        function()  # compile, fault in, warm up
        start = time.perf_counter()
        function()
        counts[name] = max(1, int(least / max(time.perf_counter() - start, 1e-9)))
    times = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            start = time.perf_counter()
            for _ in range(counts[name]):
                function()
            times[name].append((time.perf_counter() - start) / counts[name])
    return {name: statistics.median(seconds) for name, seconds in times.items()}


def table(headings, rows):
    """Print a Markdown table."""
    print("| " + " | ".join(headings) + " |")
    print("|" + "---|" * len(headings))
    for row in rows:
        cells = [f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in row]
        print("| " + " | ".join(cells) + " |", flush=True)
    print()


def torch_or_none():
    """Return PyTorch with one thread if it is installed."""
    with suppress(ImportError):
        import torch

        torch.set_num_threads(1)
        return torch
    return None
