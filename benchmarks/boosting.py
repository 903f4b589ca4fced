"""Objectives of gradient boosters: the callback, an iteration, and how far twenty of them get."""

from __future__ import annotations

import os
import time

import numpy as np
from threadpoolctl import threadpool_limits

import sklosses as sl
from sklosses._numba import kernel

from .harness import medians, table

ROWS, COLUMNS = 1_000_000, 10
ITERATIONS = 10
STEPS = 20


class Newsvendor(sl.PointwiseLoss):
    """A loss of a user's: a unit missing costs three times one left over."""

    def value(self, y, z):
        """Return the cost of a prediction."""
        return 3.0 * (y - z) if y > z else z - y

    def grad_hess(self, y, z):
        """Return its derivatives."""
        return (-3.0 if y > z else 1.0), 0.0


@kernel
def _read_write(y, z, a, b):
    """What reading targets and predictions and writing two arrays costs."""
    for i in range(y.size):
        a[i] = y[i] + z[i]
        b[i] = y[i] - z[i]


# ------------------------------------------------------------- what users write: NumPy callables


def squared(y, z):
    return z - y, np.ones_like(z)


def pinball(y, z, q=0.9):
    r = y - z
    return np.where(r > 0, -q, 1 - q), np.ones_like(z)


def absolute(y, z):
    return np.sign(z - y), np.ones_like(z)


def huber(y, z, delta=1.0):
    r = z - y
    inside = np.abs(r) <= delta
    return np.where(inside, r, delta * np.sign(r)), np.where(inside, 1.0, 0.0)


def logistic(y, z):
    p = 1.0 / (1.0 + np.exp(-z))
    return p - y, p * (1.0 - p)


def focal(y, z, gamma=2.0):
    p = 1.0 / (1.0 + np.exp(-z))
    q = np.where(y == 1, p, 1.0 - p)
    s = np.where(y == 1, 1.0, -1.0)
    u, log_q = 1.0 - q, np.log(q)
    g = s * u**gamma * (gamma * q * log_q - u)
    first = gamma * q * log_q * (u - gamma * q) + gamma * q * u
    h = q * u**gamma * (first / q + u + gamma * u)
    return g, np.abs(h)


PEERS = {
    0.5 * sl.SquaredError(): squared,
    sl.Pinball(0.9): pinball,
    sl.AbsoluteError(): absolute,
    sl.Huber(): huber,
    sl.BinaryCrossEntropy(): logistic,
    sl.Focal(): focal,
}


def run():
    callbacks()
    iterations()
    quality()
    estimators()


def callbacks():
    print(
        f"The callback alone, {ROWS:,} rows as LightGBM (float64 predictions) and XGBoost (float32)"
        " pass them: ms; times faster than a NumPy callable, with the conversion to float32 that"
        " LightGBM makes of its results; share of the limit, reading targets and predictions and"
        f" writing both results. The same with {os.cpu_count()} threads.\n"
    )
    rng = np.random.default_rng(0)
    z = rng.normal(size=ROWS)
    numbers = (z + rng.normal(size=ROWS)).astype(np.float32)
    labels = rng.integers(0, 2, ROWS).astype(np.float32)
    rows = []
    for library, raw in (("LightGBM", z), ("XGBoost", z.astype(np.float32))):
        for loss, peer in PEERS.items():
            y = labels if loss.task == "binary" else numbers
            functions = {
                "ours": _ours(library, loss, y, raw),
                "numpy": lambda y=y, raw=raw, peer=peer: [
                    array.astype(np.float32, copy=False) for array in peer(y, raw)
                ],
                "limit": lambda y=y, raw=raw: _read_write(
                    y, raw, np.empty(ROWS, np.float32), np.empty(ROWS, np.float32)
                ),
            }
            with threadpool_limits(1):
                times = medians(functions)
            with threadpool_limits(os.cpu_count()):  # all benchmarks are told to use one
                several = medians({name: functions[name] for name in ("ours", "numpy")})
            ours, numpy, limit = times["ours"], times["numpy"], times["limit"]
            threads = several["numpy"] / several["ours"]
            rows.append((library, loss, ours * 1e3, numpy / ours, limit / ours, threads))
    table(("as", "loss", "ms", "× NumPy", "of limit", "× NumPy, threads"), rows)


def _ours(library, loss, y, raw):
    if library == "XGBoost":
        own = sl.xgboost_objective(loss)
        return lambda: own(y, raw, sample_weight=None)
    own = sl.lightgbm_objective(loss)
    return lambda: own(y, raw, None, None)


def iterations():
    print(
        f"One iteration, {ROWS:,} × {COLUMNS}, 31 leaves (CatBoost: depth 5), one thread, logistic"
        " loss: seconds natively, and with ours times that.\n"
    )
    rng = np.random.default_rng(0)
    X = rng.normal(size=(ROWS, COLUMNS)).astype(np.float32)
    y = (X[:, 0] + rng.normal(size=ROWS) > 0).astype(np.float32)
    rows = []
    for library, fits in {
        "LightGBM": _lightgbm,
        "XGBoost": _xgboost,
        "CatBoost": _catboost,
    }.items():
        native, ours = fits(X, y)
        times = {"native": [], "ours": []}
        native(), ours()
        for _ in range(3):
            for name, fit in (("native", native), ("ours", ours)):
                start = time.perf_counter()
                fit()
                times[name].append(time.perf_counter() - start)
        best = {name: min(seconds) / ITERATIONS for name, seconds in times.items()}
        rows.append((library, best["native"], best["ours"] / best["native"]))
    table(("booster", "s, native", "ours / native"), rows)


def _lightgbm(X, y):
    import lightgbm

    params = {"verbose": -1, "num_threads": 1, "num_leaves": 31, "metric": "None"}
    data = [lightgbm.Dataset(X, y, free_raw_data=False).construct() for _ in range(2)]
    own = sl.lightgbm_objective("log_loss")
    return (
        lambda: lightgbm.train({**params, "objective": "binary"}, data[0], ITERATIONS),
        lambda: lightgbm.train({**params, "objective": own}, data[1], ITERATIONS),
    )


def _xgboost(X, y):
    import xgboost

    params = {"nthread": 1, "max_leaves": 31, "max_depth": 0, "grow_policy": "lossguide"}
    data, own = xgboost.QuantileDMatrix(X, y), sl.xgboost_objective("log_loss")
    native = {**params, "objective": "binary:logistic", "base_score": 0.5}
    return (
        lambda: xgboost.train(native, data, ITERATIONS),
        lambda: xgboost.train({**params, "base_score": 0.0}, data, ITERATIONS, obj=own),
    )


def _catboost(X, y):
    import catboost

    params = {
        "iterations": ITERATIONS, "verbose": 0, "allow_writing_files": False, "thread_count": 1,
        "depth": 5, "metric_period": ITERATIONS, "bootstrap_type": "No", "eval_metric": "Logloss",
        "leaf_estimation_method": "Newton", "leaf_estimation_iterations": 1,
    }  # fmt: skip
    pool, own = catboost.Pool(X, y), sl.catboost_objective("log_loss")
    return (
        lambda: catboost.CatBoost({**params, "loss_function": "Logloss"}).fit(pool),
        lambda: catboost.CatBoost({**params, "loss_function": own}).fit(pool),
    )


QUANTILES = {  # and which quantile minimises them
    sl.AbsoluteError(): 0.5,
    sl.Pinball(0.9): 0.9,
    sl.Pinball(0.99): 0.99,
    Newsvendor(): 0.75,
}


def _targets(n):
    """Return rows, and targets of three kinds."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2 * n, COLUMNS))
    signal = 2 * X[:, 0] + 2 * np.sin(2 * X[:, 1]) + X[:, 2] * X[:, 3]
    return X, {
        "normal": signal + rng.normal(size=2 * n),
        "heavy tails": signal + rng.standard_t(2, size=2 * n),
        "prices": np.exp(11 + 0.3 * signal + 0.3 * rng.normal(size=2 * n)),
    }


def estimators():
    n = 20_000
    print(
        f"The same with `LossBoostingRegressor` and each booster: training loss after {STEPS}"
        " iterations with native=False, over that with the native objective.\n"
    )
    from catboost import CatBoostRegressor
    from lightgbm import LGBMRegressor
    from sklearn.ensemble import HistGradientBoostingRegressor
    from xgboost import XGBRegressor

    boosters = {
        "LightGBM": LGBMRegressor(n_estimators=STEPS, verbose=-1, n_jobs=1),
        "XGBoost": XGBRegressor(n_estimators=STEPS, learning_rate=0.1, n_jobs=1),
        "CatBoost": CatBoostRegressor(
            iterations=STEPS, learning_rate=0.1, verbose=0, allow_writing_files=False,
            thread_count=1,
        ),
        "scikit-learn": HistGradientBoostingRegressor(max_iter=STEPS, early_stopping=False),
    }  # fmt: skip
    X, targets = _targets(n)
    rows = []
    for name, y in targets.items():
        for loss, quantile in QUANTILES.items():
            ratios = []
            for booster in boosters.values():
                native = sl.LossBoostingRegressor(booster, sl.Pinball(quantile), native=True)
                models = native, sl.LossBoostingRegressor(booster, loss, native=False)
                lost = [loss(y[:n], model.fit(X[:n], y[:n]).predict(X[:n])) for model in models]
                ratios.append(lost[1] / lost[0])
            rows.append((name, loss, *ratios))
    table(("targets", "loss", *boosters), rows)


def quality():
    n = 20_000
    print(
        f"Training loss after {STEPS} iterations of LightGBM, {n:,} rows, and on as many new ones:"
        " over that of the native objective, which refits its leaves; with a Hessian of 1, as"
        " usual, and with ours.\n"
    )
    import lightgbm

    X, targets = _targets(n)
    rows = []
    for name, y in targets.items():
        for loss, quantile in QUANTILES.items():
            start = np.full(n, loss.init_raw(y[:n]))
            own = sl.lightgbm_objective(loss)

            def usual(raw, data, loss=loss):
                return loss.gradient(data.get_label(), raw), np.ones_like(raw)

            lost = {}
            for way, objective in (("native", "quantile"), ("usual", usual), ("ours", own)):
                params = {"verbose": -1, "objective": objective, "alpha": quantile}
                given = None if way == "native" else start
                data = lightgbm.Dataset(X[:n], y[:n], init_score=given)
                model = lightgbm.train({**params, "num_threads": 1}, data, STEPS)
                p = model.predict(X) + (0.0 if given is None else start[0])
                values = loss.values(y, p)
                lost[way] = values[:n].mean(), values[n:].mean()
            rows.append(
                (
                    name,
                    loss,
                    lost["usual"][0] / lost["native"][0],
                    lost["ours"][0] / lost["native"][0],
                    lost["ours"][1] / lost["native"][1],
                )
            )
    table(("targets", "loss", "Hessian 1", "ours", "ours, new rows"), rows)
