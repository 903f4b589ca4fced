"""What the estimators of a loss share: parameters, validation, the choice of a solver, the fit."""

from __future__ import annotations

import warnings
from math import inf
from typing import Annotated, ClassVar

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from ._docs import ATTRIBUTES, PARAMETERS
from ._loss import Interval, Loss
from ._monitor import Monitor
from ._numba import bind
from ._params import Parametrized
from ._registry import get_loss
from .solvers.batch import LinearObjective, lbfgs
from .solvers.sgd import LEARNING_RATES, SGD, SGDOptions

NON_NEGATIVE = Interval(0, inf, closed="left")
COUNT = Interval(1, inf, closed="left", integer=True)
JUDGED_ROWS = 10_000  # rows whose mean loss tells whether "sgd" still improves
CONSTANT_ROWS = 50_000  # rows that tell where to start
BATCH_ENTRIES = 10**8  # entries of X up to which solver="auto" prefers the deterministic solver


class LossEstimator(Parametrized):
    """Base of the estimators that minimise a loss: parameters, data, solver, fit."""

    tasks: ClassVar[tuple] = ()
    _n_positional: ClassVar[float] = 1

    loss: Annotated[str | Loss, (str, Loss)] = "squared_error"
    penalty: Annotated[str | None, ("l2", "l1", "elasticnet", None)] = "l2"
    alpha: Annotated[float, NON_NEGATIVE] = 1e-4
    l1_ratio: Annotated[float, Interval(0, 1, closed="both")] = 0.15
    fit_intercept: Annotated[bool, bool] = True
    solver: Annotated[str, ("auto", "lbfgs", "sgd")] = "auto"
    learning_rate: Annotated[str, LEARNING_RATES] = "adaptive"
    learning_rate_init: Annotated[float | None, (Interval(0, inf), None)] = None
    power_t: Annotated[float, NON_NEGATIVE] = 0.5
    average: Annotated[bool | int | str, (bool, COUNT, "auto")] = "auto"
    shuffle: Annotated[bool, bool] = True
    max_iter: Annotated[int, COUNT] = 1000
    tol: Annotated[float | None, (NON_NEGATIVE, None)] = 1e-4
    early_stopping: Annotated[bool | str, (bool, "auto")] = "auto"
    validation_fraction: Annotated[float, Interval(0, 1)] = 0.1
    n_iter_no_change: Annotated[int, COUNT] = 5
    warm_start: Annotated[bool, bool] = False
    random_state: int | None = None
    verbose: Annotated[int | bool, (bool, Interval(0, inf, closed="left", integer=True))] = 0

    # all metadata of fit are requested, so that Pipeline(transform_input=["X_val"]) just works
    __metadata_request__fit = {
        "sample_weight": True, "X_val": True, "y_val": True, "sample_weight_val": True,
    }  # fmt: skip
    __metadata_request__partial_fit = {"sample_weight": True}
    __metadata_request__score = {"sample_weight": True}

    def __init_subclass__(cls, **kwargs):
        """Complete the docstring: what is common is written once, above."""
        super().__init_subclass__(**kwargs)
        common = {"<parameters>": PARAMETERS, "<attributes>": ATTRIBUTES}
        for mark, text in common.items():
            cls.__doc__ = (cls.__doc__ or "").replace(mark, text)

    # ------------------------------------------------------------------ for subclasses

    def _encode(self, y, sample_weight, *, fitting):
        """Return targets as a float array of shape (n,) or (n, k), and the weights."""
        raise NotImplementedError

    def _stratify(self, y):
        return None

    # ------------------------------------------------------------------ scikit-learn's interface

    def set_params(self, **params):
        try:
            return super().set_params(**params)
        except AttributeError:
            nested = [name for name in params if name.startswith("loss__")]
            if not nested or not isinstance(self.loss, str):
                raise
            example = type(get_loss(self.loss)).__name__
            raise ValueError(
                f"{nested[0]!r} needs a loss object, but loss={self.loss!r} is a name: pass "
                f"loss={example}() to {type(self).__name__} to set the loss's parameters."
            ) from None

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    # ------------------------------------------------------------------ fitting

    def _resolve_loss(self):
        loss = get_loss(self.loss)
        loss._validate_params()
        if loss.task not in self.tasks:
            raise ValueError(
                f"{type(self).__name__} minimises losses of the families {self.tasks}; "
                f"{type(loss).__name__} is one of {loss.task!r}."
            )
        return loss

    def _penalties(self):
        """Return the strengths of the l1 and the l2 term."""
        share = {None: (0.0, 0.0), "l1": (1.0, 0.0), "l2": (0.0, 1.0)}.get(
            self.penalty, (self.l1_ratio, 1.0 - self.l1_ratio)
        )
        return self.alpha * share[0], self.alpha * share[1]

    def _choose_solver(self, loss, X):
        entries = X.nnz if sparse.issparse(X) else X.size
        if self.solver == "lbfgs" and not loss.smooth:
            raise ValueError(
                f"solver='lbfgs' needs a smooth loss, and {type(loss).__name__} is not. "
                f"Use solver='sgd' or 'auto'."
            )
        if self.solver != "auto":
            return self.solver
        batch = loss.smooth and (entries <= BATCH_ENTRIES or not loss.jit)
        return "lbfgs" if batch else "sgd"

    def _check_data(self, X, y, sample_weight, *, reset, fitting=False):
        X, y = validate_data(
            self, X, y,
            accept_sparse="csr", dtype=[np.float64, np.float32], multi_output=True, reset=reset,
        )  # fmt: skip
        weight = _check_sample_weight(sample_weight, X, dtype=X.dtype, ensure_non_negative=True)
        y, weight = self._encode(y, weight, fitting=fitting)
        if not weight.any():
            raise ValueError("Sample weights must contain at least one non-zero number.")
        return X, np.asarray(y, dtype=X.dtype), weight

    def _split_validation(self, X, y, weight, given):
        """Return training and validation data; the latter None without early stopping."""
        wanted = self.early_stopping is True or (
            self.early_stopping == "auto" and given[0] is not None
        )
        if not wanted:
            return (X, y, weight), None
        X_val, y_val, weight_val = given
        if X_val is not None:
            if y_val is None:
                raise ValueError("y_val is required when X_val is given.")
            return (X, y, weight), self._check_data(X_val, y_val, weight_val, reset=False)
        train, test = train_test_split(
            np.arange(X.shape[0]),
            test_size=self.validation_fraction,
            random_state=check_random_state(self.random_state),
            stratify=self._stratify(y),
        )
        if not weight[train].any() or not weight[test].any():
            raise ValueError(
                "The sample weights of the training or of the validation part are all zero: "
                "pass X_val and y_val, or set early_stopping=False."
            )
        return tuple((X[rows], y[rows], weight[rows]) for rows in (train, test))

    def _validator(self, loss, validation, column):
        """Return the function that scores a candidate solution of one output, or None."""
        if validation is None:
            return None
        X, y, weight = validation
        target = y if y.ndim == 1 else np.ascontiguousarray(y[:, column])

        def validate(solution):
            coef, intercept = solution
            raw = (X @ coef.astype(X.dtype, copy=False)) + X.dtype.type(intercept)
            if not np.isfinite(raw).all():
                return -np.inf
            return -float(loss.values(target, raw, weight).sum() / weight.sum())

        return validate

    def _fit(self, X, y, sample_weight, given):
        self._validate_params()
        loss = self._resolve_loss()
        warm = self.warm_start and hasattr(self, "coef_")
        X, y, weight = self._check_data(X, y, sample_weight, reset=True, fitting=True)
        self.__dict__.pop("_sgds", None)  # what partial_fit goes on from
        (X, y, weight), validation = self._split_validation(X, y, weight, given)
        self.loss_function_ = loss
        self.solver_ = self._choose_solver(loss, X)
        self._check_targets(loss, y, weight)
        columns = [y] if y.ndim == 1 else [np.ascontiguousarray(column) for column in y.T]
        constants = [best_constant(loss, column, weight) for column in columns]
        starts = self._starts(constants, X.shape[1], warm)
        solve = self._solve_batch if self.solver_ == "lbfgs" else self._solve_stochastic
        fits = []
        for k, (column, start, constant) in enumerate(zip(columns, starts, constants, strict=True)):
            epochs = 1 if validation else self._epochs_to_judge(X.shape[0])
            monitor = Monitor(
                tol=None if self.tol is None else self.tol * epochs,
                reference=constant[1],
                n_iter_no_change=self.n_iter_no_change * epochs,
                validate=self._validator(loss, validation, k),
                watch_training=self.solver_ == "sgd",
                verbose=self.verbose,
            )
            fits.append((*solve(loss, X, column, weight, start, monitor), monitor))
        self._store(fits, single=y.ndim == 1)
        return self

    def _starts(self, constants, n_features, warm):
        if warm:
            coefs = self.coef_.reshape(len(constants), n_features)
            return list(zip(coefs, np.ravel(self.intercept_), strict=True))
        if not self.fit_intercept:
            return [(np.zeros(n_features), 0.0) for _ in constants]
        return [(np.zeros(n_features), raw) for raw, _ in constants]

    def _solve_batch(self, loss, X, y, weight, start, monitor):
        l1, l2 = self._penalties()
        problem = LinearObjective(
            loss, X, y, weight, l1=l1, l2=l2, fit_intercept=self.fit_intercept, start=start[1]
        )
        fit = lbfgs(
            problem, *start,
            tol=1e-4 if self.tol is None else self.tol,
            max_iter=self.max_iter,
            monitor=lambda coef, intercept, value: monitor((coef, intercept), value),
        )  # fmt: skip
        if not (fit.converged or monitor.stopped):
            self._warn_unconverged("lbfgs", fit.n_iter)
        solution = (fit.coef, fit.intercept)
        if monitor.validate is not None and monitor.best is not None:
            solution = monitor.best
        return *solution, fit.n_iter, fit.objective

    def _new_sgd(self, X, start):
        l1, l2 = self._penalties()
        # averaging is free where a step touches all coefficients, and costs where it does not
        average = not sparse.issparse(X) if self.average == "auto" else self.average
        options = SGDOptions(
            l1=l1, l2=l2, fit_intercept=self.fit_intercept, learning_rate=self.learning_rate,
            learning_rate_init=self.learning_rate_init, power_t=self.power_t,
            average=average, shuffle=self.shuffle,
        )  # fmt: skip
        return SGD(X.shape[1], X.dtype, options, coef=start[0], intercept=start[1])

    def _solve_stochastic(self, loss, X, y, weight, start, monitor):
        if not loss.jit:
            raise ValueError(
                f"solver='sgd' compiles the loss, and {type(loss).__name__} has jit = False."
            )
        random_state = check_random_state(self.random_state)
        weight = weight / weight.mean(dtype=np.float64).astype(weight.dtype)
        bound, sgd = bind(loss, X.dtype), self._new_sgd(X, start)
        solution, value = start, np.inf
        for _ in range(self.max_iter):
            value = sgd.run_epoch(bound, X, y, weight, seed=random_state.randint(2**31 - 1))
            if sgd.diverged:
                self._warn_diverged()
                break
            solution = sgd.coefficients()
            value += self._penalty(solution[0])
            if monitor(solution, value):
                break
        else:
            if self.tol is not None:
                self._warn_unconverged("sgd", self.max_iter)
        if monitor.validate is not None and monitor.best is not None:
            solution = monitor.best
        return *solution, len(monitor.losses), value

    def _epochs_to_judge(self, n_samples):
        """Return how many epochs tell whether the loss still falls: one of few rows says little."""
        most = max(1, self.max_iter // (5 * self.n_iter_no_change))
        return min(-(-JUDGED_ROWS // n_samples), most)

    def _penalty(self, coef):
        l1, l2 = self._penalties()
        return l1 * float(np.abs(coef).sum()) + 0.5 * l2 * float(coef @ coef)

    def _partial_fit(self, X, y, sample_weight, *, first):
        """Take one epoch over some rows, from where the last call ended."""
        self._validate_params()
        loss = self._resolve_loss()
        X, y, weight = self._check_data(X, y, sample_weight, reset=first)
        self._check_targets(loss, y, weight)
        columns = [y] if y.ndim == 1 else [np.ascontiguousarray(column) for column in y.T]
        if first:
            self.n_iter_, self.loss_curve_, self.validation_scores_ = 0, [], None
        if not hasattr(self, "_sgds"):  # the first call, or the first after fit
            self.loss_function_, self.solver_ = loss, "sgd"
            constants = [best_constant(loss, column, weight) for column in columns]
            starts = self._starts(constants, X.shape[1], warm=not first)
            self._sgds = [self._new_sgd(X, start) for start in starts]
            self._random = np.random.RandomState(
                check_random_state(self.random_state).randint(2**31 - 1)
            )
        bound, seed = bind(loss, X.dtype), self._random.randint(2**31 - 1)
        values = [
            sgd.run_epoch(bound, X, column, weight, seed=seed)
            for sgd, column in zip(self._sgds, columns, strict=True)
        ]
        if any(sgd.diverged for sgd in self._sgds):
            self._warn_diverged()
        self.n_iter_ += 1
        self.loss_ = float(sum(values))
        self.loss_curve_.append(self.loss_)
        coefs, intercepts = zip(*(sgd.coefficients() for sgd in self._sgds), strict=True)
        self._set_coefficients(np.array(coefs), np.array(intercepts), single=y.ndim == 1)
        return self

    def _check_targets(self, loss, y, weight):
        loss._check(y.reshape(-1), y[:0].reshape(-1), weight, ("y", ""), loss.prediction)

    def _warn_diverged(self):
        warnings.warn(
            "sgd diverged and stopped at its last finite coefficients. Scale the data, use a "
            "smaller learning_rate_init, or learning_rate='adaptive'.",
            ConvergenceWarning,
            stacklevel=4,
        )

    def _warn_unconverged(self, solver, n_iter):
        warnings.warn(
            f"{solver} failed to converge after {n_iter} iteration(s). Increase max_iter "
            f"(now {self.max_iter}) or tol, or scale the data as shown in "
            f"https://scikit-learn.org/stable/modules/preprocessing.html",
            ConvergenceWarning,
            stacklevel=4,
        )

    def _store(self, fits, *, single):
        coefs, intercepts, n_iters, values, monitors = zip(*fits, strict=True)
        self.n_iter_ = max(*n_iters, 1)
        self.loss_ = float(sum(values))
        self.loss_curve_ = _summed([monitor.losses for monitor in monitors])
        scores = [monitor.scores for monitor in monitors]
        self.validation_scores_ = _summed(scores) if scores[0] else None
        self._set_coefficients(np.array(coefs), np.array(intercepts), single=single)

    def _set_coefficients(self, coefs, intercepts, *, single):
        self.coef_ = coefs[0] if single else coefs
        self.intercept_ = float(intercepts[0]) if single else intercepts

    # ------------------------------------------------------------------ predicting

    def _raw(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=[np.float64, np.float32], reset=False)
        coef = self.coef_.T.astype(X.dtype, copy=False)
        raw = safe_sparse_dot(X, coef, dense_output=True)
        return raw + np.asarray(self.intercept_, dtype=X.dtype)


def best_constant(loss, y, weight):
    """Return about the best raw constant and its mean loss; of many rows, some tell."""
    rows = slice(None, None, max(1, y.size // CONSTANT_ROWS))
    if weight[rows].any():
        y, weight = y[rows], weight[rows]
    raw = loss.init_raw(y, weight)
    values = loss.values(y, np.full_like(y, raw), weight)
    return raw, abs(float(values.sum(dtype=np.float64) / weight.sum(dtype=np.float64)))


def _summed(curves):
    """Return the sum of curves; one that ended earlier keeps its last value."""
    length = max(len(curve) for curve in curves)
    padded = [curve + curve[-1:] * (length - len(curve)) for curve in curves if curve]
    return np.sum(padded, axis=0).tolist() if padded else []
