"""Stochastic linear fits against scikit-learn's SGD and one pass of Vowpal Wabbit."""

from __future__ import annotations

import warnings
from contextlib import suppress

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import SGDClassifier, SGDRegressor

import sklosses as sl

from .harness import medians, table

EPOCHS = 5
TEST = 20_000
LOSSES = {
    "squared": sl.SquaredError(),
    "huber": sl.Huber(),
    "logistic": sl.BinaryCrossEntropy(),
    "hinge": sl.Hinge(),
}
THEIR_NAMES = {
    "squared": "squared_error", "huber": "huber", "logistic": "log_loss", "hinge": "hinge",
}  # fmt: skip
VW_NAMES = {"squared": "squared", "logistic": "logistic", "hinge": "hinge"}


def dense(n, d):
    return np.random.default_rng(0).standard_normal((n + TEST, d))


def thin(n, d, entries=50):
    rng = np.random.default_rng(0)
    rows = n + TEST
    columns = rng.integers(0, d, size=rows * entries, dtype=np.int32)
    starts = np.arange(0, rows * entries + 1, entries, dtype=np.int32)
    X = sparse.csr_matrix((rng.standard_normal(rows * entries), columns, starts), shape=(rows, d))
    X.sum_duplicates()
    return X


CASES = {
    "dense 10⁶×50": (dense, 1_000_000, 50),
    "dense 10⁵×500": (dense, 100_000, 500),
    "CSR 2·10⁵×10⁵": (thin, 200_000, 100_000),
}


def targets(X, task):
    rng = np.random.default_rng(1)
    z = X @ rng.standard_normal(X.shape[1])
    z /= z.std()
    if task == "binary":
        return (rng.random(z.size) < 1 / (1 + np.exp(-2 * z))).astype(float)
    return z + 0.5 * rng.standard_normal(z.size)


def models(name, epochs, alpha=1e-6):
    """Return our estimator and scikit-learn's, both shuffling, both with the same penalty."""
    loss = LOSSES[name]
    shared = {"alpha": alpha, "max_iter": epochs, "tol": None, "random_state": 0}
    if loss.task == "binary":
        return (
            sl.LossClassifier(loss, solver="sgd", **shared),
            SGDClassifier(loss=THEIR_NAMES[name], **shared),
        )
    return (
        sl.LossRegressor(loss, solver="sgd", **shared),
        SGDRegressor(loss=THEIR_NAMES[name], epsilon=1.0, **shared),
    )


def test_loss(name, model, X, y):
    raw = X @ np.ravel(model.coef_) + np.ravel(model.intercept_)[0]
    return float(LOSSES[name].values(y, raw).mean())


def vw_one_pass(name, X, y, X_test, y_test):
    """Return the test loss of Vowpal Wabbit's defaults after one pass, or "-"."""
    with suppress(ImportError):
        import vowpalwabbit

        if name not in VW_NAMES:
            return "-"
        labels = 2 * y - 1 if LOSSES[name].task == "binary" else y
        wide = "--min_prediction -1e9 --max_prediction 1e9 --bit_precision 20"
        vw = vowpalwabbit.Workspace(f"--quiet --loss_function {VW_NAMES[name]} {wide}")
        for label, features in zip(labels, _lines(X), strict=True):
            vw.learn(f"{label:.9g} | {features}")
        raw = np.array([vw.predict(f"| {features}") for features in _lines(X_test)])
        vw.finish()
        return float(LOSSES[name].values(y_test, raw).mean())
    return "-"


def _lines(X):
    X = sparse.csr_matrix(X)
    for i in range(X.shape[0]):
        row = slice(X.indptr[i], X.indptr[i + 1])
        pairs = zip(X.indices[row].tolist(), X.data[row].tolist(), strict=True)
        yield " ".join(f"{j}:{x:.9g}" for j, x in pairs)


def run(cases=None, vw_rows=100_000):
    print(
        f"{EPOCHS} epochs of SGD with shuffling, alpha=1e-6, float64: times faster than "
        "scikit-learn, by epoch (the first left out) and by whole fit; mean test loss after 1 and "
        f"{EPOCHS} epochs. Vowpal Wabbit: one pass over the first {vw_rows:,} rows with its "
        "defaults, against our one epoch on the same rows with ours.\n"
    )
    warnings.simplefilter("ignore", ConvergenceWarning)
    rows = []
    for case, (make, n, d) in (cases or CASES).items():
        X = make(n, d)
        for name, loss in LOSSES.items():
            y = targets(X, loss.task)
            train, test = (X[:n], y[:n]), (X[n:], y[n:])
            fits = {
                (who, epochs): lambda model=model, train=train: model.fit(*train)
                for epochs in (1, EPOCHS)
                for who, model in zip(("ours", "theirs"), models(name, epochs), strict=True)
            }
            times = medians(fits)
            losses = [f"{test_loss(name, fit(), *test):.4f}" for fit in fits.values()]
            epoch = [times[who, EPOCHS] - times[who, 1] for who in ("theirs", "ours")]
            whole = times["theirs", EPOCHS] / times["ours", EPOCHS]
            few = (X[:vw_rows], y[:vw_rows])
            pair = ["-", "-"]
            if (vw := vw_one_pass(name, *few, *test)) != "-":
                ours = models(name, 1, alpha=1e-4)[0].fit(*few)
                pair = [f"{v:.4f}" for v in (test_loss(name, ours, *test), vw)]
            rows.append((case, name, epoch[0] / epoch[1], whole, *losses, *pair))
    headings = ("data", "loss", "× an epoch", "× a fit", "1 epoch", "theirs", f"{EPOCHS} epochs",
                "theirs", "1 epoch, few rows", "VW, the same")  # fmt: skip
    table(headings, rows)
