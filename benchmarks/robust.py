"""Robust and margin losses against solvers of the same objective."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from sklearn.linear_model import HuberRegressor
from sklearn.svm import LinearSVC, LinearSVR

import sklosses as sl

from .harness import compared, mean_loss, of_model, race, table
from .quantile import statsmodels

COLUMNS = 20
SIZES = (100_000, 1_000_000)
ITERATED = 100_000  # rows, of more of which statsmodels takes half a minute
ALPHA = 1e-4  # of the losses of LIBLINEAR, which has no fit without a penalty
EPSILON = 0.5


def data(n):
    """Return rows, targets with t₃ noise, and labels with logistic noise."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, COLUMNS))
    z = X @ rng.standard_normal(COLUMNS)
    return X, z + rng.standard_t(3, n), (z + 2 * rng.logistic(size=n) > 0).astype(float)


def log_cosh(X, y):
    """Return coefficients and intercept by SciPy's L-BFGS and NumPy's formula."""

    def objective(theta):
        r = X @ theta[:-1] + theta[-1] - y
        slopes = np.tanh(r)
        value = np.mean(np.logaddexp(r, -r)) - np.log(2.0)
        return value, np.append(slopes @ X, slopes.sum()) / y.size

    theta = minimize(objective, np.zeros(X.shape[1] + 1), jac=True, method="L-BFGS-B").x
    return theta[:-1], theta[-1]


def cases(n, X, y, labels):
    """Yield losses, targets, penalties and their peers."""
    # it fits the scale, too: ours is given what it found
    huber = HuberRegressor(alpha=0, max_iter=1000)
    scale = huber.fit(X, y).scale_
    yield sl.Huber(delta=huber.epsilon * scale), y, 0.0, {"HuberRegressor": of_model(huber)}
    yield sl.LogCosh(), y, 0.0, {"SciPy's L-BFGS": log_cosh}
    C = 1 / (n * ALPHA)
    if n <= ITERATED:
        yield sl.AbsoluteError(), y, 0.0, {"statsmodels": statsmodels(0.5)}
    tube = LinearSVR(C=C, epsilon=EPSILON, fit_intercept=False)
    yield sl.EpsilonInsensitive(epsilon=EPSILON), y, ALPHA, {"LinearSVR": of_model(tube)}
    hinge = LinearSVC(C=C, loss="hinge", fit_intercept=False)
    yield sl.Hinge(), labels, ALPHA, {"LinearSVC": of_model(hinge)}
    squared = LinearSVC(C=C, dual=False, fit_intercept=False)
    yield sl.SquaredHinge(), labels, ALPHA, {"LinearSVC, primal": of_model(squared)}


def run(sizes=SIZES):
    print(
        f"Linear fits of {COLUMNS} columns, the same objective on both sides, tolerances as they "
        "come: times faster than a peer; excess of both over the lower objective; our "
        "`optimality_gap_`.\n"
    )
    rows = []
    for n in sizes:
        X, y, labels = data(n)
        for loss, target, alpha, peers in cases(n, X, y, labels):
            estimator = sl.LossRegressor if target is y else sl.LossClassifier
            model = estimator(loss, alpha=alpha, fit_intercept=not alpha)
            fits = {"ours": of_model(model)} | peers
            results = race(fits, X, target, mean_loss(loss, X, target, alpha))
            name = type(loss).__name__
            certified = (f"{model.optimality_gap_:.1e}", model.n_iter_)
            rows += [(f"{n:,}", name, *pair, *certified) for pair in compared(*results)]
    table(("rows", "loss", "peer", "×", "its excess", "ours", "our gap", "steps"), rows)
