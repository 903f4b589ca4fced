"""Networks: time an epoch, and quality at equal time, against scikit-learn and PyTorch."""

from __future__ import annotations

import time
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from threadpoolctl import threadpool_limits

import sklosses as sl

from .harness import table, torch_or_none

TRAIN, TEST, FEATURES, HIDDEN, BATCH, CLASSES, EPOCHS = 90_000, 10_000, 50, 100, 200, 5, 10
REPEATS = 3


def data():
    """Return inputs, a noisy function of them, labels, and the function without noise."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(TRAIN + TEST, FEATURES))
    inner = np.tanh(2 * X @ rng.normal(size=(FEATURES, 20)) / np.sqrt(FEATURES))
    f = (inner @ rng.normal(size=(20, 1))).ravel()
    f /= f.std()
    scores = inner @ rng.normal(size=(20, CLASSES))
    labels = (scores + rng.gumbel(size=scores.shape)).argmax(axis=1)
    return X, f + 0.3 * rng.normal(size=f.size), labels, f


def run():
    print(
        f"{TRAIN:,} × {FEATURES}, one hidden layer of {HIDDEN}, batches of {BATCH}, Adam, "
        f"defaults otherwise, one thread. Quality after {EPOCHS} epochs: squared error against the "
        "noiseless function, or accuracy; and after as many epochs as fit into our time.\n"
    )
    warnings.simplefilter("ignore", ConvergenceWarning)
    X, y, labels, f = data()
    rows = []
    with threadpool_limits(1):
        for task in ("regression", "classification"):
            for dtype in (np.float64, np.float32):
                rows += compare(task, X.astype(dtype), y, labels, f)
    headings = ("task", "dtype", "peer", "time an epoch, theirs / ours", "our quality", "theirs",
                "theirs at our time")  # fmt: skip
    table(headings, rows)


def compare(task, X, y, labels, f):
    train, test = X[:TRAIN], X[TRAIN:]
    regression = task == "regression"
    target = y[:TRAIN] if regression else labels[:TRAIN]

    def quality(predicted):
        if regression:
            return float(np.mean((predicted - f[TRAIN:]) ** 2))
        return float(np.mean(predicted == labels[TRAIN:]))

    def ours(epochs):
        cls = sl.LossRegressor if regression else sl.LossClassifier
        model = cls(hidden_layer_sizes=(HIDDEN,), batch_size=BATCH, solver="adam", tol=None,
                    max_iter=epochs, random_state=0)  # fmt: skip
        return lambda: quality(model.fit(train, target).predict(test))

    def theirs(epochs):
        cls = MLPRegressor if regression else MLPClassifier
        model = cls(hidden_layer_sizes=(HIDDEN,), batch_size=BATCH, max_iter=epochs, tol=0,
                    n_iter_no_change=1000, random_state=0)  # fmt: skip
        return lambda: quality(model.fit(train, target).predict(test))

    peers = {"scikit-learn": theirs}
    if torch_or_none() is not None:
        peers["PyTorch"] = lambda epochs: (
            lambda: quality(_torch_fit(train, target, test, epochs, regression))
        )
    ours(1)()
    seconds, mine = _timed(ours(EPOCHS))
    rows = []
    for name, peer in peers.items():
        their_seconds, full = _timed(peer(EPOCHS))
        epochs = max(1, int(EPOCHS * seconds / their_seconds))
        equal = peer(epochs)()
        rows.append((task, X.dtype.name, name, their_seconds / seconds, f"{mine:.4f}",
                     f"{full:.4f}", f"{equal:.4f} ({epochs} epochs)"))  # fmt: skip
    return rows


def _timed(function):
    """Return the median time and the result."""
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        result = function()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds)), result


def _torch_fit(train, target, test, epochs, regression):
    import torch

    torch.manual_seed(0)
    X, real = torch.from_numpy(train), torch.from_numpy(train).dtype
    y = torch.from_numpy(target).to(real) if regression else torch.from_numpy(target)
    net = torch.nn.Sequential(
        torch.nn.Linear(FEATURES, HIDDEN), torch.nn.ReLU(),
        torch.nn.Linear(HIDDEN, 1 if regression else CLASSES),
    ).to(real)  # fmt: skip
    optimiser = torch.optim.Adam(net.parameters())
    for _ in range(epochs):
        order = torch.randperm(TRAIN)
        for start in range(0, TRAIN, BATCH):
            batch = order[start : start + BATCH]
            optimiser.zero_grad()
            raw = net(X[batch])
            if regression:
                loss = torch.nn.functional.mse_loss(raw[:, 0], y[batch])
            else:
                loss = torch.nn.functional.cross_entropy(raw, y[batch])
            loss.backward()
            optimiser.step()
    with torch.no_grad():
        raw = net(torch.from_numpy(test)).numpy()
    return raw[:, 0] if regression else raw.argmax(axis=1)
