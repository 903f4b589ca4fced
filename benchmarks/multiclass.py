"""Softmax losses on arrays, and multinomial linear fits."""

from __future__ import annotations

import numpy as np
from sklearn._loss.loss import HalfMultinomialLoss
from sklearn.linear_model import LogisticRegression

import sklosses as sl

from .harness import medians, table, torch_or_none

ROWS, CLASSES = 1_000_000, 10
FIT_ROWS, FEATURES = 100_000, 50


def run():
    kernels()
    fits()


def kernels():
    print(
        f"Softmax cross-entropy, values and gradient of {ROWS:,} × {CLASSES}, new outputs on all "
        "sides: times faster; time of the other losses against it.\n"
    )
    rng = np.random.default_rng(0)
    torch = torch_or_none()
    rows = []
    for dtype in (np.float64, np.float32):
        z = rng.normal(size=(ROWS, CLASSES)).astype(dtype)
        y = rng.integers(0, CLASSES, ROWS)
        labels, theirs = y.astype(dtype), HalfMultinomialLoss(n_classes=CLASSES)
        functions = {
            "ours": lambda z=z, y=y: sl.CategoricalCrossEntropy().values_gradient(y, z),
            "sklearn": lambda z=z, labels=labels, theirs=theirs: theirs.loss_gradient(labels, z),
            "focal": lambda z=z, y=y: sl.CategoricalFocal().values_gradient(y, z),
            "js": lambda z=z, y=y: sl.JensenShannon().values_gradient(y, z),
        }
        if torch is not None:
            functions["torch"] = _autograd(torch, y, z)
        times = medians(functions)
        ratios = [times[name] / times["ours"] for name in ("sklearn", "torch") if name in times]
        ratios += ["-"] * (2 - len(ratios))
        slower = [times[name] / times["ours"] for name in ("focal", "js")]
        rows.append((np.dtype(dtype).name, *ratios, *slower))
    table(("dtype", "× sklearn._loss", "× torch", "focal / ours", "Jensen–Shannon / ours"), rows)


def _autograd(torch, y, z):
    labels = torch.from_numpy(y)

    def step():
        raw = torch.from_numpy(z).requires_grad_()
        torch.nn.functional.cross_entropy(raw, labels, reduction="sum").backward()

    return step


def fits():
    print(
        f"Multinomial linear fits, {FIT_ROWS:,} × {FEATURES}, {CLASSES} classes, with our "
        "defaults.\n"
    )
    rng = np.random.default_rng(0)
    X = rng.normal(size=(FIT_ROWS, FEATURES))
    y = (X @ rng.normal(size=(FEATURES, CLASSES)) + rng.gumbel(size=(FIT_ROWS, CLASSES))).argmax(1)
    alpha = 1e-4
    ours = sl.LossClassifier(alpha=alpha)
    theirs = LogisticRegression(C=1 / (alpha * FIT_ROWS), tol=1e-4, max_iter=1000)
    times = medians({"ours": lambda: ours.fit(X, y), "theirs": lambda: theirs.fit(X, y)}, repeats=3)
    objective = [_objective(model, X, y, alpha) for model in (ours, theirs)]
    best = min(objective)
    gaps = [f"{value / best - 1:.1e}" for value in objective]
    table(
        ("× LogisticRegression", "our gap", "its gap"), [(times["theirs"] / times["ours"], *gaps)]
    )


def _objective(model, X, y, alpha):
    raw = X @ model.coef_.T + model.intercept_
    loss = sl.CategoricalCrossEntropy().values(y, raw).mean()
    return float(loss + 0.5 * alpha * (model.coef_**2).sum())
