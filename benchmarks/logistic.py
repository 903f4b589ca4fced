"""Smooth linear models against scikit-learn's solvers, to about the same gap."""

from __future__ import annotations

import warnings
from functools import partial

import numpy as np
from scipy.signal import lfilter
from sklearn.linear_model import (
    GammaRegressor,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    TweedieRegressor,
)

import sklosses as sl

from .harness import compared, mean_loss, of_model, race, table

ALPHA = 1e-4
CLASSES = 10
CORRELATION = 0.8  # of a column with the next
SHAPES = ((100_000, 20), (100_000, 100), (1_000_000, 20))
GAP = 1e-6
TUNED = 10_000  # rows on which tolerances are chosen
SOLVERS = ("lbfgs", "newton-cholesky")
HEADINGS = ("rows", "columns", "loss", "peer", "×", "its excess", "ours", "steps")


def data(n, d):
    """Return correlated columns and linear predictors of standard deviation 1."""
    rng = np.random.default_rng(0)
    X = lfilter([np.sqrt(1 - CORRELATION**2)], [1, -CORRELATION], rng.standard_normal((n, d)))
    Z = X @ rng.standard_normal((d, CLASSES))
    return X, Z / Z.std(axis=0)


def targets(loss, Z):
    rng = np.random.default_rng(1)
    z = Z[:, 0]
    if loss.task == "multiclass":
        return (2 * Z + rng.gumbel(size=Z.shape)).argmax(1)
    if loss.task == "binary":
        return (2 * z + rng.logistic(size=z.size) > 0).astype(float)
    if isinstance(loss, sl.SquaredError):
        return z + rng.standard_normal(z.size)
    counts = rng.poisson(np.exp(z)).astype(float)
    if isinstance(loss, sl.PoissonDeviance):
        return counts
    if isinstance(loss, sl.GammaDeviance):
        return np.exp(z) * rng.gamma(2.0, 0.5, z.size)
    return rng.gamma(np.maximum(counts, 1e-300)) * (counts > 0)  # compound Poisson–gamma


def log_regression(n, **options):
    return LogisticRegression(C=1 / (ALPHA * n), **options)


def glm(make, n, **options):
    return make(alpha=0.5 * ALPHA, **options)  # of half the deviance


CASES = {
    sl.BinaryCrossEntropy(): log_regression,
    sl.CategoricalCrossEntropy(): log_regression,
    sl.PoissonDeviance(): partial(glm, PoissonRegressor),
    sl.GammaDeviance(): partial(glm, GammaRegressor),
    sl.TweedieDeviance(1.5): partial(glm, partial(TweedieRegressor, power=1.5, link="log")),
}


def loosest(make, X, y, objective, best):
    """Return the loosest tolerance, a power of ten, that reaches the gap on some rows."""
    for exponent in range(1, 12):
        model = make(tol=10.0**-exponent, max_iter=10_000).fit(X, y)
        if objective(model.coef_, model.intercept_) <= best * (1 + GAP):
            break
    return 10.0**-exponent


def tolerances(loss, make, X, y):
    """Return those of scikit-learn's solvers."""
    objective = mean_loss(loss, X, y, ALPHA)
    make = partial(make, n=len(y))
    exact = make(solver="newton-cholesky", tol=1e-12, max_iter=100).fit(X, y)
    best = objective(exact.coef_, exact.intercept_)
    return {s: loosest(partial(make, solver=s), X, y, objective, best) for s in SOLVERS}


def run(shapes=SHAPES):
    print(
        f"Linear fits of columns correlated by {CORRELATION} with the next, L2 penalty {ALPHA}: "
        "times faster than a peer; excess of both over the lowest objective found. Ours has its "
        f"default tolerance, a peer the loosest 10⁻ᵏ that reaches a gap of {GAP} on {TUNED:,} of "
        "the rows.\n"
    )
    warnings.simplefilter("ignore")
    known = {}
    for n, d in shapes:
        rows, (X, Z) = [], data(n, d)
        for loss, make in CASES.items():
            y = targets(loss, Z)
            if (loss, d) not in known:
                known[loss, d] = tolerances(loss, make, X[:TUNED], y[:TUNED])
            tols = known[loss, d]
            peers = {
                f"{solver}, tol={tols[solver]:.0e}": make(
                    n=n, solver=solver, tol=tols[solver], max_iter=10_000
                )
                for solver in SOLVERS
            }
            rows += rows_of(loss, X, y, ALPHA, peers)
        y = targets(sl.SquaredError(), Z)
        rows += rows_of(sl.SquaredError(), X, y, ALPHA, {"Ridge": Ridge(alpha=0.5 * ALPHA * n)})
        rows += rows_of(sl.SquaredError(), X, y, 0.0, {"LinearRegression": LinearRegression()})
        table(HEADINGS, rows)


def rows_of(loss, X, y, alpha, peers):
    """Return rows of the table for one loss on one set of data."""
    estimator = sl.LossRegressor if loss.task == "regression" else sl.LossClassifier
    model = estimator(loss, alpha=alpha)
    fits = {name: of_model(peer) for name, peer in ({"ours": model} | peers).items()}
    results = race(fits, X, y, mean_loss(loss, X, y, alpha))
    case = (f"{X.shape[0]:,}", X.shape[1], type(loss).__name__)
    return [(*case, *pair, model.n_iter_) for pair in compared(*results)]
