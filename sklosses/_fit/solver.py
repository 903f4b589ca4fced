"""Which solver fits a model, and the options it takes from the estimator."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from ..solvers.curvature import DENSE
from ..solvers.minibatch import SOLVERS as MINIBATCH_SOLVERS
from ..solvers.minibatch import MinibatchOptions, Standardiser
from ..solvers.moments import column_moments
from ..solvers.sgd import SGD, SGDOptions

BATCH_ENTRIES = 10**9  # entries of X up to which solver="auto" prefers the deterministic solver
NEWTON_COLUMNS = 500  # from which L-BFGS fits smooth losses faster


def chosen_solver(options, loss, X, n_raw):
    """Return the name of the solver to use; raise if the one asked for does not apply.

    Parameters
    ----------
    options : LossEstimator
        Where parameters are read.
    loss : Loss
    X : ndarray or CSR of shape (n_samples, n_features)
    n_raw : int
        Number of raw columns.
    """
    wanted, hidden = options.solver, hidden_sizes(options.hidden_layer_sizes)
    if getattr(X, "streamed", False):
        return _streaming_solver(wanted, joint=bool(hidden or loss.rowwise or loss.groupwise))
    newton = _newton_applies(options, loss, X, n_raw)
    if wanted != "auto":
        _require(wanted, options, loss, X, newton=newton)
        return wanted
    if hidden or options.draws or (loss.groupwise and not loss.full_batch):
        return "adam"
    entries = X.nnz if sparse.issparse(X) else X.size
    if entries <= BATCH_ENTRIES or not loss.jit:
        few = X.shape[1] <= NEWTON_COLUMNS or loss.rowwise
        if newton and (few or not loss.is_smooth):
            return "newton"
        if loss.is_smooth:
            return "lbfgs"
    return "adam" if loss.rowwise or loss.groupwise else "sgd"


def _streaming_solver(wanted, *, joint):
    """Return the solver of rows that do not all fit into memory."""
    known = tuple(name for name in MINIBATCH_SOLVERS if joint or name != "sgd")
    if wanted not in ("auto", *known):
        raise ValueError(
            f"The features of all pixels exceed working_memory, and are then computed image by "
            f"image, for which solver must be one of {('auto', *known)}. Got {wanted!r} instead."
        )
    return "adam" if wanted == "auto" else wanted


def _newton_applies(options, loss, X, n_raw):
    if loss.groupwise or hidden_sizes(options.hidden_layer_sizes) or not loss.convex:
        return False
    coefficients, l1 = X.shape[1] * (n_raw if loss.rowwise else 1), options._penalties()[0]
    if loss.rowwise:  # what smooths kinks sees one raw prediction
        return loss.is_smooth and coefficients < DENSE and not l1
    return not l1 or coefficients < DENSE


def _require(wanted, options, loss, X, *, newton):
    """Raise unless the solver that is asked for can fit."""
    name, hidden = type(loss).__name__, hidden_sizes(options.hidden_layer_sizes)
    if loss.groupwise and not loss.full_batch and wanted not in MINIBATCH_SOLVERS:
        raise ValueError(
            f"{name} is fitted by batches of groups: solver must be one of "
            f"{('auto', *MINIBATCH_SOLVERS)}. Got {wanted!r} instead."
        )
    if wanted == "lbfgs" and not loss.is_smooth:
        raise ValueError(
            f"solver='lbfgs' needs a smooth loss, and {name} is not. "
            f"Use solver='newton', 'sgd', 'adam' or 'auto'."
        )
    if wanted == "lbfgs" and hidden and options._penalties()[0]:
        raise ValueError("solver='lbfgs' with hidden layers takes penalty='l2' or None.")
    if wanted == "newton" and not newton:
        raise ValueError(
            f"solver='newton' fits linear models of convex losses; of several raw columns, or "
            f"with an l1 penalty, up to {DENSE} coefficients; of several without kinks and l1. "
            f"Not {name} with hidden_layer_sizes={options.hidden_layer_sizes} and "
            f"{X.shape[1]} features. Use solver='auto'."
        )


def standardiser(X, weight, constant, fit_intercept):
    """Return the coordinates of a network's training."""
    X = getattr(X, "X", X)  # of views, the rows
    centre = fit_intercept and not sparse.issparse(X)
    mean, spread = column_moments(X, weight, centre=centre)
    start = constant.raw if fit_intercept else np.zeros_like(constant.raw)
    return Standardiser(mean, spread, start, constant.scale, X.dtype, constant.unit)


def hidden_sizes(hidden_layer_sizes):
    """Return `hidden_layer_sizes` as a tuple of integers."""
    sizes = hidden_layer_sizes
    return tuple(sizes) if hasattr(sizes, "__len__") else (sizes,)


def new_sgd(options, X, start):
    """Return a stochastic solver of one output."""
    l1, l2 = options._penalties()
    # averaging is free where a step touches all coefficients, and costs where it does not
    average = not sparse.issparse(X) if options.average == "auto" else options.average
    choices = SGDOptions(
        l1=l1, l2=l2, fit_intercept=options.fit_intercept, learning_rate=options.learning_rate,
        learning_rate_init=options.learning_rate_init, power_t=options.power_t,
        average=average, shuffle=options.shuffle,
    )  # fmt: skip
    return SGD(X.shape[1], X.dtype, choices, coef=start[0], intercept=start[1])


def minibatch_options(options, solver):
    """Return the options of a minibatch optimiser."""
    if options.learning_rate == "optimal":
        raise ValueError(
            "learning_rate='optimal' is for linear models of one output with solver='sgd'."
        )
    l1, l2 = options._penalties()
    return MinibatchOptions(
        solver=solver, l1=l1, l2=l2, fit_intercept=options.fit_intercept,
        learning_rate=options.learning_rate, learning_rate_init=options._initial_rate(solver),
        power_t=options.power_t, momentum=options.momentum, beta_1=options.beta_1,
        beta_2=options.beta_2, epsilon=options.epsilon, batch_size=options.batch_size,
        average=options.average == "auto" or bool(options.average), shuffle=options.shuffle,
    )  # fmt: skip
