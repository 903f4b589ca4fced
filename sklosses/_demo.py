"""The demo: ``python -m sklosses demo``. Real data, scikit-learn's own tools, honest numbers."""
# ruff: noqa: T201 -- printing is what a demo is for

from __future__ import annotations

import importlib.util
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import HuberRegressor, LogisticRegression, QuantileRegressor, Ridge
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_limits

from .classification import LossClassifier
from .losses import (
    AbsoluteError,
    BinaryCrossEntropy,
    Brier,
    Focal,
    Hinge,
    Huber,
    Pinball,
    SquaredError,
    SquaredHinge,
)
from .regression import LossRegressor

FOLDS = 5
SEED = 0
PICTURE = "sklosses_demo.png"
FORMATS = {"score ratio": "{:.3f}".format, "time ratio": "{:.1f}".format}
FORMATS |= dict.fromkeys(("sklosses", "scikit-learn"), "{:.4g}".format)
STOCHASTIC = {"random_state": SEED}
ALPHAS = (1e-3, 1e-2)
QUANTILES = (0.05, 0.95)


def demo():
    """Run the demo, print its story, and return its closing table.

    Returns
    -------
    pandas.DataFrame
        One row a comparison: mean held-out score of sklosses and of scikit-learn's nearest
        equivalent on the same folds, and the ratios of scores and of fit times.
    """
    start = time.perf_counter()
    # one thread each: BLAS threads do not help fits of this size, and blur the comparison
    with threadpool_limits(1):
        print("sklosses: one definition of a loss, used as metric, scorer and objective\n")
        print("Compiling the losses of this demo … ", end="", flush=True)
        print(f"{_compile():.1f} s (kept on disk: the next run only loads them)")
        rows = [*quantile_intervals(), *robust_regression(), *classification()]
    table = pd.DataFrame(rows)
    print("\n4. Against scikit-learn on the same folds")
    print("   score: mean over the held-out folds, lower is better; ratio: sklosses / scikit-learn")
    print("   time: mean fit, one thread, losses already compiled; fits of milliseconds are mostly")
    print("   overhead, `make bench` measures speed\n")
    print(table.to_string(index=False, formatters=FORMATS))
    print(f"\n{_picture()}")
    print(f"Done in {time.perf_counter() - start:.1f} s.")
    return table


# --------------------------------------------------------------------------------- the three parts


def quantile_intervals():
    """90 % intervals from two quantile fits, and how often they cover."""
    X, y = load_diabetes(return_X_y=True)
    folds = KFold(FOLDS, shuffle=True, random_state=SEED)
    _heading(f"1. Quantile intervals: load_diabetes, {len(y)} patients, {FOLDS} folds")

    # the l1 penalty of QuantileRegressor, so that both minimise the same objective
    model = LossRegressor(loss=Pinball(), penalty="l1", **STOCHASTIC)
    rows, ours, theirs = [], [], []
    for quantile in QUANTILES:
        scorer = Pinball(quantile=quantile).scorer()
        search = _search(
            _scaled(model),
            {"lossregressor__loss__quantile": [quantile], "lossregressor__alpha": [0, 0.1]},
            scorer, folds, X, y,
        )  # fmt: skip
        peer = _search(
            _scaled(QuantileRegressor(quantile=quantile)),
            {"quantileregressor__alpha": [0, 0.1]},
            scorer, folds, X, y, progress=False,
        )  # fmt: skip
        rows.append(_row(f"{quantile:.0%} quantile", "pinball", search, peer))
        ours.append(cross_val_predict(search.best_estimator_, X, y, cv=folds))
        theirs.append(cross_val_predict(peer.best_estimator_, X, y, cv=folds))

    for name, (lower, upper) in (("sklosses", ours), ("QuantileRegressor", theirs)):
        coverage = np.mean((lower <= y) & (y <= upper))
        width = np.mean(upper - lower)
        print(f"   {name}: the 90% interval covers {coverage:.1%} of held-out patients, "
              f"mean width {width:.0f}")  # fmt: skip
    return rows


def robust_regression():
    """Huber against squared error when a tenth of the training targets is wrong."""
    X, y = load_diabetes(return_X_y=True)
    rng = np.random.default_rng(SEED)
    wrong = rng.choice(y.size, y.size // 10, replace=False)
    recorded = y.copy()
    recorded[wrong] *= 10  # a slipped decimal point
    _heading("2. Robust regression: a tenth of the training targets is ten times too large")

    # train on what was recorded, score on what is true: both halves in one search
    folds = KFold(FOLDS, shuffle=True, random_state=SEED)
    folds = [(train, y.size + test) for train, test in folds.split(X)]
    data = np.vstack((X, X)), np.concatenate((recorded, y))
    n_train = len(folds[0][0])
    scorer = AbsoluteError().scorer()
    squared = _search(
        _scaled(LossRegressor(loss=SquaredError())), {"lossregressor__alpha": [1e-2, 1e-1, 1.0]},
        scorer, folds, *data, refit=False,
    )  # fmt: skip
    ridge = _search(
        _scaled(Ridge()), {"ridge__alpha": [n_train * alpha / 2 for alpha in (1e-2, 1e-1, 1.0)]},
        scorer, folds, *data, refit=False, progress=False,
    )  # fmt: skip
    huber = _search(
        _scaled(LossRegressor(loss=Huber())), {"lossregressor__loss__delta": [10.0, 30.0, 90.0]},
        scorer, folds, *data, refit=False,
    )  # fmt: skip
    peer = _search(
        _scaled(HuberRegressor(max_iter=1000)), {"huberregressor__epsilon": [1.1, 1.35, 2.0]},
        scorer, folds, *data, refit=False, progress=False,
    )  # fmt: skip
    delta = huber.best_params_["lossregressor__loss__delta"]
    print("   mean absolute error on clean held-out targets: "
          f"squared error {-squared.best_score_:.1f}, "
          f"Huber(delta={delta:g}) {-huber.best_score_:.1f}")  # fmt: skip
    return [
        _row("contaminated", "absolute error", squared, ridge),
        _row("contaminated", "absolute error", huber, peer),
    ]


def classification():
    """Focal and hinge loss against cross-entropy, each scored by itself or a proper score."""
    X, y = load_breast_cancer(return_X_y=True)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED)
    _heading(f"3. Classification: load_breast_cancer, {len(y)} tumours, {FOLDS} folds")

    n_train = len(y) * (FOLDS - 1) // FOLDS
    alphas = {"lossclassifier__alpha": ALPHAS}
    strengths = [1 / (n_train * alpha) for alpha in ALPHAS]  # C of the same objective
    contenders = {
        "cross-entropy": (
            BinaryCrossEntropy(), {"lossclassifier__loss__label_smoothing": [0.0, 0.01]},
            "log loss", BinaryCrossEntropy().scorer(),
            LogisticRegression(max_iter=1000), "logisticregression__C",
        ),
        "focal": (
            Focal(), {"lossclassifier__loss__gamma": [0.5, 2.0]},
            "Brier score", Brier().scorer(),
            LogisticRegression(max_iter=1000), "logisticregression__C",
        ),
        "hinge": (
            Hinge(), {"lossclassifier__loss": [Hinge(), SquaredHinge()]},
            "hinge loss", Hinge().scorer(),
            LinearSVC(loss="hinge", max_iter=100_000, random_state=SEED), "linearsvc__C",
        ),
    }  # fmt: skip
    rows, accuracies = [], []
    for name, (loss, grid, metric, scorer, rival, strength) in contenders.items():
        scoring = {"loss": scorer, "accuracy": "accuracy"}
        model = _scaled(LossClassifier(loss=loss, **STOCHASTIC))
        search = _search(model, {**grid, **alphas}, scoring, folds, X, y, refit="loss")
        peer = _search(
            _scaled(rival), {strength: strengths}, scoring, folds, X, y,
            refit="loss", progress=False,
        )  # fmt: skip
        rows.append(_row(name, metric, search, peer))
        accuracy = search.cv_results_["mean_test_accuracy"][search.best_index_]
        accuracies.append(f"{search.best_estimator_[-1].loss} {accuracy:.1%}")
    print(f"   held-out accuracy: {', '.join(accuracies)}")
    print("   (focal loss attends to hard rows at the price of calibration)")
    return rows


# ------------------------------------------------------------------------------------------ helpers


def _heading(text):
    print(f"\n{text}")


def _scaled(model):
    return make_pipeline(StandardScaler(), model)


def _search(model, grid, scoring, cv, X, y, *, refit=True, progress=True):
    search = GridSearchCV(model, grid, scoring=scoring, cv=cv, refit=refit)
    if progress and importlib.util.find_spec("rich"):
        from sklearn.callback import ProgressBar

        search.set_callbacks(ProgressBar(max_propagation_depth=0))
    return search.fit(X, y)


def _row(task, metric, search, peer):
    ours, theirs = -search.best_score_, -peer.best_score_
    best = clone(search.estimator).set_params(**search.best_params_)[-1]
    times = [found.cv_results_["mean_fit_time"].mean() for found in (search, peer)]
    return {
        "task": task,
        "scored by": metric,
        "loss": repr(best.loss),
        "sklosses": ours,
        "scikit-learn": theirs,
        "its model": type(peer.estimator[-1]).__name__,
        "score ratio": ours / theirs,
        "time ratio": times[0] / times[1],
    }


def _compile():
    """Fit and score once with each loss; return the seconds that took."""
    start = time.perf_counter()
    X, y = load_diabetes(return_X_y=True)
    label = y > np.median(y)
    for loss in (Pinball(), SquaredError(), Huber()):
        LossRegressor(loss=loss, random_state=SEED).fit(X, y)
    for loss in (BinaryCrossEntropy(), Focal(), Hinge(), SquaredHinge()):
        LossClassifier(loss=loss, random_state=SEED).fit(X, label)
    for loss in (Pinball(), AbsoluteError(), BinaryCrossEntropy(), Brier(), Hinge()):
        loss([1.0, 0.0], [0.5, 0.5])
    return time.perf_counter() - start


def _picture():
    """Draw the losses of the demo; return the sentence that says where."""
    if not importlib.util.find_spec("matplotlib"):
        return "No picture of the losses: matplotlib is not installed."
    from matplotlib.figure import Figure

    from .plot import LossDisplay

    shown = (
        Pinball(quantile=0.95),
        Huber(),
        SquaredError(),
        BinaryCrossEntropy(),
        Focal(),
        Hinge(),
    )
    figure = Figure(figsize=(13, 7), layout="tight")  # no pyplot: needs no display
    for ax, loss in zip(figure.subplots(2, 3).flat, shown, strict=True):
        LossDisplay.from_loss(loss, ax=ax)
    path = Path.cwd() / PICTURE
    figure.savefig(path, dpi=100)
    return f"Picture of the losses (value, gradient, Hessian): {path}"
