"""Losses on arrays against scikit-learn, PyTorch and the memory stream."""

from __future__ import annotations

import numpy as np
import sklearn.metrics as skm
from sklearn._loss import loss as skl

import sklosses as sl
from sklosses._numba import fadd, kernel

from .harness import medians, table, torch_or_none

LARGE, SMALL = 10_000_000, 1000


@kernel
def _read(y, z):
    """What reading two arrays costs."""
    total = 0.0
    for start in range(0, y.size, 1024):
        yb, zb = y[start : start + 1024], z[start : start + 1024]
        block = y.dtype.type(0)
        for i in range(yb.size):
            block = fadd(block, yb[i] + zb[i])
        total += block
    return total


@kernel
def _read_write(y, z, a, b):
    """What reading two arrays and writing two others costs."""
    for i in range(y.size):
        a[i] = y[i] + z[i]
        b[i] = y[i] - z[i]


def data(loss, n, dtype):
    rng = np.random.default_rng(0)
    z = rng.normal(size=n).astype(dtype)
    if loss.task == "binary":
        return rng.integers(0, 2, n).astype(dtype), z
    if loss.target == sl.SquaredError().target:
        return (z + rng.normal(size=n)).astype(dtype), z
    return rng.gamma(2.0, 1.0, n).astype(dtype), np.abs(z)


METRICS = {
    sl.SquaredError(): skm.mean_squared_error,
    sl.AbsoluteError(): skm.mean_absolute_error,
    sl.Pinball(0.9): lambda y, p: skm.mean_pinball_loss(y, p, alpha=0.9),
    sl.PoissonDeviance(): skm.mean_poisson_deviance,
    sl.GammaDeviance(): skm.mean_gamma_deviance,
    sl.BinaryCrossEntropy(): skm.log_loss,
    sl.Brier(): skm.brier_score_loss,
}
GRADIENTS = {
    sl.SquaredError(): skl.HalfSquaredError(),
    sl.AbsoluteError(): skl.AbsoluteError(),
    sl.Huber(1.0): skl.HuberLoss(delta=1.0),
    sl.Pinball(0.9): skl.PinballLoss(quantile=0.9),
    sl.BinaryCrossEntropy(): skl.HalfBinomialLoss(),
    sl.PoissonDeviance(): skl.HalfPoissonLoss(),
}


def run():
    values_large()
    gradients_large()
    transcendental()
    calls_small()


def values_large():
    print(f"Mean loss of {LARGE:,} float64 values: times faster than `sklearn.metrics`; share of "
          "the memory-stream limit reached; float32 against our float64.\n")  # fmt: skip
    rows = []
    for loss, metric in METRICS.items():
        y, z = data(loss, LARGE, np.float64)
        p = np.asarray(loss.inverse_link(z))
        y32, p32 = y.astype(np.float32), p.astype(np.float32)
        times = medians(
            {
                "ours": lambda y=y, p=p, loss=loss: loss(y, p),
                "single": lambda y=y32, p=p32, loss=loss: loss(y, p),
                "limit": lambda y=y, p=p: _read(y, p),
            }
        )
        slow = medians({"peer": lambda y=y, p=p, metric=metric: metric(y, p)}, repeats=3)["peer"]
        ours = times["ours"]
        rows.append((loss, slow / ours, times["limit"] / ours, ours / times["single"]))
    table(("loss", "× sklearn.metrics", "of limit", "float32 ×"), rows)


def gradients_large():
    print(
        f"Values and gradients of {LARGE:,} float64 terms in one pass, new output arrays on both "
        "sides: times faster than `sklearn._loss`, PyTorch autograd; share of the limit.\n"
    )
    torch = torch_or_none()
    rows = []
    for loss, peer in GRADIENTS.items():
        y, z = data(loss, LARGE, np.float64)
        y32, z32 = y.astype(np.float32), z.astype(np.float32)
        outs = np.empty_like(y), np.empty_like(y)
        functions = {
            "ours": lambda y=y, z=z, loss=loss: loss.values_gradient(y, z),
            "out": lambda y=y, z=z, loss=loss, outs=outs: loss.values_gradient(y, z, out=outs),
            "single": lambda y=y32, z=z32, loss=loss: loss.values_gradient(y, z),
            "peer": lambda y=y, z=z, peer=peer: peer.loss_gradient(y, z),
            "limit": lambda y=y, z=z: _read_write(y, z, np.empty_like(y), np.empty_like(y)),
            "limit_out": lambda y=y, z=z, outs=outs: _read_write(y, z, *outs),
        }
        times = medians(functions)
        autograd = "-"
        if torch is not None and type(loss) in TORCH:
            autograd = medians({"torch": _autograd(torch, loss, y, z)}, repeats=3)["torch"]
            autograd = autograd / times["ours"]
        ours = times["ours"]
        rows.append(
            (
                loss,
                times["peer"] / ours,
                autograd,
                times["limit"] / ours,
                times["peer"] / times["out"],
                times["limit_out"] / times["out"],
                ours / times["single"],
            )
        )
    headings = ("loss", "× sklearn._loss", "× torch", "of limit", "× with out=", "of limit, out=",
                "float32 ×")  # fmt: skip
    table(headings, rows)


TORCH = {
    sl.SquaredError: lambda t, y, z: (z - y) ** 2,
    sl.AbsoluteError: lambda t, y, z: (z - y).abs(),
    sl.Huber: lambda t, y, z: t.nn.functional.huber_loss(z, y, reduction="none"),
    sl.Pinball: lambda t, y, z: t.maximum(0.9 * (y - z), -0.1 * (y - z)),
    sl.BinaryCrossEntropy: lambda t, y, z: t.nn.functional.binary_cross_entropy_with_logits(
        z, y, reduction="none"
    ),
    sl.PoissonDeviance: lambda t, y, z: t.nn.functional.poisson_nll_loss(z, y, reduction="none"),
}


def _autograd(torch, loss, y, z):
    target, raw = torch.from_numpy(y), torch.from_numpy(z).requires_grad_()
    formula = TORCH[type(loss)]

    def step():
        raw.grad = None
        formula(torch, target, raw).sum().backward()

    return step


def transcendental():
    n = LARGE // 10
    print(
        f"Values and gradients of {n:,} terms of every pointwise loss: time against our logistic "
        "loss.\n"
    )
    functions = {}
    for cls in sl.all_losses():
        if not issubclass(cls, sl.PointwiseLoss):
            continue
        loss = cls()
        y, z = data(loss, n, np.float64)
        outs = np.empty_like(y), np.empty_like(y)
        functions[cls.__name__] = lambda loss=loss, y=y, z=z, outs=outs: loss.values_gradient(
            y, z, out=outs
        )
    times = medians(functions)
    logistic = times["BinaryCrossEntropy"]
    table(("loss", "time / logistic"), [(name, t / logistic) for name, t in times.items()])


def calls_small():
    print(f"One call on {SMALL:,} float64 values, all checks included: µs, and times faster than "
          "`sklearn.metrics`.\n")  # fmt: skip
    rows = []
    for loss, metric in METRICS.items():
        y, z = data(loss, SMALL, np.float64)
        p = np.asarray(loss.inverse_link(z))
        times = medians({"ours": lambda y=y, p=p, loss=loss: loss(y, p),
                         "peer": lambda y=y, p=p, metric=metric: metric(y, p)})  # fmt: skip
        rows.append((loss, times["ours"] * 1e6, times["peer"] / times["ours"]))
    table(("loss", "µs a call", "× sklearn.metrics"), rows)
