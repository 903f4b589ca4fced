"""Interleaved timing, races of fits with the same objective, peak memory and Markdown tables."""

from __future__ import annotations

import statistics
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path

import numpy as np

REPEATS = 5
WARM_ROWS = 1000


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


def race(fits, X, y, objective, *, repeats=REPEATS):
    """Return the median time of each fit, and how far above the best objective it ends, relative.

    Each of `fits` maps X and y to coefficients and intercept, `objective` those to a number. All
    take turns. A fit of more than a second runs three times, one of more than five only once.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for fit in fits.values():
            with suppress(ValueError, ArithmeticError):  # too few rows for it
                fit(X[:WARM_ROWS], y[:WARM_ROWS])  # compile, load
        times, reached = {name: [] for name in fits}, {}
        for turn in range(repeats):
            for name, fit in fits.items():
                first = times[name][0] if turn else 0.0
                if turn >= (1 if first > 5 else 3 if first > 1 else repeats):
                    continue
                start = time.perf_counter()
                solution = fit(X, y)
                times[name].append(time.perf_counter() - start)
                reached[name] = float(objective(*solution))
    best = np.nanmin(list(reached.values()))
    excess = {name: value / best - 1 for name, value in reached.items()}
    return {name: statistics.median(seconds) for name, seconds in times.items()}, excess


def of_model(model):
    """Return the fit of a scikit-learn model, for `race`."""

    def fit(X, y):
        model.fit(X, y)
        return model.coef_, model.intercept_

    return fit


def mean_loss(loss, X, y, alpha=0.0):
    """Return the objective of coefficients and intercept, for `race`."""

    def objective(coef, intercept):
        raw = X @ np.asarray(coef).T + intercept
        if raw.ndim > 1 and raw.shape[1] == 1:
            raw = raw[:, 0]
        if not np.isfinite(raw).all():
            return np.nan
        return loss.values(y, raw).mean() + 0.5 * alpha * np.vdot(coef, coef)

    return objective


def compared(times, excess):
    """Return a peer's name, the ratio of times, its excess and ours, for each peer of "ours"."""
    return [
        (name, times[name] / times["ours"], f"{excess[name]:.1e}", f"{excess['ours']:.1e}")
        for name in times
        if name != "ours"
    ]


def in_fresh_process(function, *arguments):
    """Return what a function of a module returns in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def peak_memory():
    """Return the most memory that this process has held, in GiB (Linux).

    ``ru_maxrss`` would begin with that of the parent process.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 2**20


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
