"""What the docstrings of the estimators share."""

from __future__ import annotations

import re

PARAMETERS = """penalty : {"l2", "l1", "elasticnet"} or None, default="l2"
        What is added to the mean loss, times `alpha`: ½‖w‖², ‖w‖₁ or
        ``l1_ratio * ‖w‖₁ + (1 − l1_ratio) * ½‖w‖²``. The intercept is not penalised.
    alpha : float, default=1e-4
        Strength of the penalty; ≥ 0. With hidden layers relative to the size of the slopes of
        the loss at the best constant, so that the units of targets do not matter.
    l1_ratio : float, default=0.15
        Share of the l1 norm in "elasticnet", in [0, 1].
    fit_intercept : bool, default=True
        Whether there is an intercept.
    hidden_layer_sizes : tuple of int, default=()
        Units of each hidden layer; none means a linear model.
    activation : {"relu", "tanh", "logistic", "softplus", "identity"}, default="relu"
        Of the hidden layers.
    solver : {"auto", "newton", "lbfgs", "sgd", "adam", "adagrad"}, default="auto"
        "newton" and "lbfgs" are full-batch fits of linear models to a given optimality gap:
        "newton" of convex losses, with kinks or without, "lbfgs" of smooth ones; "sgd" is a
        stochastic fit, row by row for linear models of one output, else by batches, as "adam" and
        "adagrad" are. "auto": for linear models "newton" where it can (smooth losses: up to 500
        columns), else "lbfgs" where that can, else "sgd", or "adam" for rows of raw predictions;
        for networks "adam". The choice never changes what is minimised; see ``solver_``.
    learning_rate : {"adaptive", "constant", "invscaling", "optimal"}, default="adaptive"
        Step schedule of stochastic solvers. "adaptive" row by row scales itself to the columns,
        the loss and the target; by batches it keeps the rate until the loss no longer falls, and
        lowers it then.
    learning_rate_init : float or None, default=None
        Its initial rate; None: the schedule's own.
    power_t : float, default=0.5
        Exponent of the decay of the rate with time.
    batch_size : int or "auto", default="auto"
        Rows a step of the solvers by batches; "auto": 200, or all if there are fewer.
    momentum, beta_1, beta_2, epsilon : float, default=0.9, 0.9, 0.999, 1e-8
        Nesterov's momentum of "sgd" by batches; the decays and the floor of "adam".
    average : bool, int or "auto", default="auto"
        Whether "sgd" returns the average of its path, which remembers the last part most; an int:
        from that step on; "auto": for dense data, where it is free.
    shuffle : bool, default=True
        Whether "sgd" visits rows in random order.
    max_iter : int, default=1000
        Iterations or epochs at most.
    tol : float or None, default=1e-4
        "newton" and "lbfgs": the relative optimality gap to reach (they aim at less); see
        ``optimality_gap_``. Stochastic solvers: the improvement of the loss, relative
        to that of the best constant, that counts as one; None never stops early.
    early_stopping : bool or "auto", default="auto"
        Whether to watch a validation score and keep the best solution. "auto": if `fit` is given
        `X_val`. Without `X_val`, a part of the data is held out.
    validation_fraction : float, default=0.1
        That part, in (0, 1).
    n_iter_no_change : int, default=5
        Epochs without improvement after which to stop.
    warm_start : bool, default=False
        Whether `fit` starts from the previous solution.
    random_state : int, RandomState or None, default=None
        Seed of the shuffling and of the held-out part.
    verbose : int, default=0
        Prints a line an iteration if positive."""

ATTRIBUTES = """n_iter_ : int
        Iterations or epochs taken.
    loss_ : float
        The final mean loss, penalty included, or that of the last epoch of stochastic solvers.
    optimality_gap_ : float or None
        How far ``loss_`` is above the least possible, as a part of it. Of "newton" for losses with
        kinks a bound by duality, infinite if none was found; else an estimate: what the last Newton
        step promised, or of "lbfgs" the squared gradient in its coordinates. None of stochastic
        solvers, and of fits that validation or a callback ended.
    loss_curve_ : list of float
        The same after each iteration.
    validation_scores_ : list of float or None
        The negated loss on the validation data after each iteration.
    solver_ : str
        The solver that was used.
    loss_function_ : Loss
        The loss that was minimised.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn."""


_ENTRY = re.compile(r"^(?=\S)|\n    (?=\S)")


def shared(text, doc, without=()):
    """Return the entries of `text` that `doc` does not have itself, but for those `without`.

    Parameters
    ----------
    text : str
        `PARAMETERS` or `ATTRIBUTES`.
    doc : str
        The docstring they are for.
    without : container of str
        Names that are no parameters here.
    """
    kept = []
    for entry in filter(None, _ENTRY.split(text)):
        name = re.match(r"[\w, ]+", entry)[0].strip()
        if name not in without and not re.search(rf"^ *{name} :", doc, re.MULTILINE):
            kept.append(entry)
    return "\n    ".join(kept)
