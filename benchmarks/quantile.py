"""Linear quantile regression against linear programs, IRLS and smoothing, up to 10⁷ rows."""

from __future__ import annotations

import statistics
import time
from contextlib import suppress

import numpy as np
from sklearn.linear_model import QuantileRegressor

import sklosses as sl

from .harness import compared, in_fresh_process, mean_loss, of_model, peak_memory, race, table

COLUMNS = 20
QUANTILES = (0.01, 0.5, 0.9, 0.99)
TOL = 2e-4  # the solver aims at a twentieth: a gap of 1e-5
SIZES = (1_000, 10_000, 100_000, 1_000_000)
LARGE = 10_000_000  # rows in float32
PROGRAMS = {1_000: ("highs",), 10_000: ("highs", "highs-ipm")}  # more rows take minutes
PATIENT = 1_000_000  # rows from which slow peers fit some quantiles only
FEW = (0.5, 0.9)


def data(n, dtype=np.float64):
    """Return rows with heavy-tailed noise: Student's t with two degrees of freedom."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, COLUMNS), dtype)
    y = X @ rng.standard_normal(COLUMNS, dtype)
    y += rng.standard_t(2, n)
    return X, y


def statsmodels(quantile):
    from statsmodels.regression.quantile_regression import QuantReg

    def fit(X, y):
        design = np.column_stack((np.ones(len(X)), X))
        params = QuantReg(y, design).fit(q=quantile).params
        return params[1:], params[0]

    return fit


def conquer(quantile):
    from quantes.linear import low_dim

    def fit(X, y):
        beta = low_dim(X, y).fit(tau=quantile)["beta"]
        return beta[1:], beta[0]

    return fit


def peers(n, quantile):
    fits = {
        f"QuantileRegressor, {solver}": of_model(
            QuantileRegressor(quantile=quantile, alpha=0, solver=solver)
        )
        for solver in PROGRAMS.get(n, ())
    }
    if n < PATIENT or quantile in FEW:
        with suppress(ImportError):
            if n not in PROGRAMS:
                fits["statsmodels"] = statsmodels(quantile)
        with suppress(ImportError):
            fits["conquer"] = conquer(quantile)
    return fits


def run(sizes=SIZES, large=LARGE):
    against_peers(sizes)
    if large:
        of_many_rows(large)


def against_peers(sizes):
    print(
        f"Pinball loss, {COLUMNS} columns, t₂ noise, no penalty: times faster than a peer; "
        "excess of both over the lowest objective found; our `optimality_gap_`. "
        "QuantileRegressor solves the linear program, statsmodels iterates reweighted least "
        "squares, conquer smooths.\n"
    )
    for n in sizes:
        rows, (X, y) = [], data(n)
        for quantile in QUANTILES:
            loss = sl.Pinball(quantile)
            model = sl.LossRegressor(loss, alpha=0, tol=TOL)
            fits = {"ours": of_model(model)} | peers(n, quantile)
            times, excess = race(fits, X, y, mean_loss(loss, X, y))
            case = (f"{n:,}", str(quantile))
            certified = (f"{model.optimality_gap_:.1e}", model.n_iter_)
            pairs = compared(times, excess) or [("-",) * 4]
            rows += [(*case, *pair, *certified) for pair in pairs]
        table(("rows", "quantile", "peer", "×", "its excess", "ours", "our gap", "steps"), rows)


def of_many_rows(n):
    print(f"The same in float32, {n:,} rows against {n // 10:,}: seconds a row, and memory beyond "
          "X and y.\n")  # fmt: skip
    rows = []
    for quantile in QUANTILES:
        few, _, _ = in_fresh_process(seconds_and_memory, n // 10, quantile)
        many, beyond, gap = in_fresh_process(seconds_and_memory, n, quantile)
        rows.append((str(quantile), many / few / 10, f"{beyond:.2f}", f"{gap:.1e}"))
    table(("quantile", "seconds a row, ratio", "GiB beyond X", "our gap"), rows)


def seconds_and_memory(n, quantile):
    """Return the seconds of a fit, the memory it takes beyond the data, and its gap."""
    model = sl.LossRegressor(sl.Pinball(quantile), alpha=0, tol=TOL)
    model.fit(*data(1000, np.float32))
    before = peak_memory()
    X, y = data(n, np.float32)
    before += (X.nbytes + y.nbytes) / 2**30
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        model.fit(X, y)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), peak_memory() - before, model.optimality_gap_
