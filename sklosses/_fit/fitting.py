"""The ways to fit a model: which solver, from where, watched by what.

Linear models of pointwise losses are fitted an output at a time, by Newton's method, L-BFGS or
stochastic steps along rows; everything else (rows of several raw predictions, hidden layers,
minibatch optimisers) as one network, linear if it has no hidden layers.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from sklearn.utils import check_random_state
from threadpoolctl import threadpool_limits

from .._bases.optimum import CLASSES, best_constant
from .._numba import bind
from .._registry import get_loss
from ..network import Network
from ..solvers.batch import (
    LinearObjective,
    NetworkObjective,
    lbfgs,
    lbfgs_network,
)
from ..solvers.minibatch import SOLVERS as MINIBATCH_SOLVERS
from ..solvers.minibatch import Minibatch
from ..solvers.newton import minimise
from .monitor import Monitor
from .solver import chosen_solver, hidden_sizes, minibatch_options, new_sgd, standardiser

TOL = 1e-4  # of batch solvers, where the user leaves it open
JUDGED_ROWS = 10_000  # rows whose mean loss tells whether "sgd" still improves
WARM_WINDOW = 0.1  # of the first window: a fit that goes on is near its end
START_TOL = 1e-2  # of the fit of another loss that a fit starts from
FLAT = 1e-8  # decrease of a loss that is not convex, relative, that ends its fit
WIDE = 10**6  # multiplications of a batch, from which threads of the BLAS pay
PLATEAU_RATES = (0.2, 0.04)  # factors of the learning rate "adaptive" after a plateau


@dataclass
class Fit:
    """A fitted model (a network, or coefficients and intercepts), and how it got there."""

    model: Network | tuple
    n_iter: int = 1
    loss: float = np.nan
    losses: list = field(default_factory=list)
    scores: list = field(default_factory=list)
    gap: float | None = None  # to the optimum, relative; None if the solver does not tell


class Fitting:
    """One call of ``fit``: the estimator's options, the data, and the choice of a way.

    Parameters
    ----------
    options : LossEstimator
        Where parameters are read; nothing is written.
    loss : Loss
    data, validation : Data, Data or None
    n_raw : int
        Number of raw columns.
    warm : Network or None
        Where to start.
    on_iteration : callable or None
        Called with a network after each iteration; true stops.
    """

    def __init__(self, options, loss, data, validation, *, n_raw, warm, on_iteration):
        self.options, self.loss, self.data, self.validation = options, loss, data, validation
        self.n_raw, self.rowwise, self.warm = n_raw, loss.rowwise, warm
        self.on_iteration = on_iteration
        self.hidden = hidden_sizes(options.hidden_layer_sizes)
        self.sizes = (data.X.shape[1], *self.hidden, n_raw)
        self.l1, self.l2 = options._penalties()
        self.solver = chosen_solver(options, loss, data.X, n_raw)
        self.random_state = check_random_state(options.random_state)
        if warm is not None and warm.sizes != self.sizes:
            raise ValueError(
                f"warm_start goes on with a model of the same layers; the sizes of the fitted one "
                f"are {warm.sizes}, those asked for {self.sizes}."
            )

    @property
    def joint(self):
        """Whether all outputs are fitted together, as one network."""
        minibatch = self.solver in MINIBATCH_SOLVERS and self.solver != "sgd"
        return bool(self.rowwise or self.loss.groupwise or self.hidden or minibatch)

    def run(self):
        """Fit, and return a `Fit`."""
        if not self.joint:
            return self._by_column()
        constant = best_constant(self.loss, self.data.y, self.data.weight, self.n_raw)
        if self.solver not in ("lbfgs", "newton"):
            return self._minibatch(constant)
        return self._batch_network(constant) if self.hidden else self._batch_rows(constant)

    # ------------------------------------------------------------------ watching

    def _monitor(self, reference, *, watch_training, network_of, column=None):
        options = self.options
        epochs = 1 if self.validation or not watch_training else self._epochs_to_judge()
        whole = column is None or self.n_raw == 1
        if self.validation and options.score_unit is not None:
            reference = options.score_unit
        tell = self.on_iteration
        return Monitor(
            tol=None if options.tol is None else options.tol * epochs,
            reference=reference,
            n_iter_no_change=options.n_iter_no_change * epochs,
            validate=self._validator(column, network_of),
            watch_training=watch_training,
            verbose=options.verbose,
            tell=tell and (lambda solution: tell(network_of(solution) if whole else None)),
        )

    def _epochs_to_judge(self):
        """Return how many epochs tell whether the loss still falls: one of few rows says little."""
        options = self.options
        most = max(1, options.max_iter // (5 * options.n_iter_no_change))
        return min(-(-JUDGED_ROWS // self.data.X.shape[0]), most)

    def _validator(self, column, network_of):
        """Return the function that scores a candidate solution, or None."""
        if self.validation is None:
            return None
        y, weight = self.validation.y, self.validation.weight
        if column is not None and y.ndim > 1:
            y = np.ascontiguousarray(y[:, column])

        def validate(solution):
            raw = self.validation.predict(network_of(solution))
            if not np.isfinite(raw).all():
                return -np.inf
            return self.options._validation_score(self.loss, y, raw, weight)

        return validate

    def _linear(self, coef, intercept):
        """Return the network that linear coefficients are."""
        coef = coef[:, None] if coef.ndim == 1 else coef
        network = Network((coef.shape[0], coef.shape[1]), dtype=self.data.X.dtype)
        network.coefs[0][...] = coef
        network.intercepts[0][...] = intercept
        return network

    # ------------------------------------------------------------------ linear, by output

    def _by_column(self):
        X, y, weight = self.data.X, self.data.y, self.data.weight
        solve = {"newton": self._newton, "lbfgs": self._batch}.get(self.solver, self._stochastic)
        columns = [y] if y.ndim == 1 else [np.ascontiguousarray(column) for column in y.T]
        fits = []
        for k, column in enumerate(columns):
            constant = best_constant(self.loss, column, weight, 1)
            if self.warm is not None:
                coef = self.warm.coefs[0][:, k].astype(np.float64)
                start = (coef, float(self.warm.intercepts[0][k]))
            else:
                first = constant.raw[0] if self.options.fit_intercept else 0.0
                start = (np.zeros(X.shape[1]), float(first))
            monitor = self._monitor(
                constant.loss,
                watch_training=self.solver == "sgd",
                network_of=lambda solution: self._linear(*solution),
                column=k,
            )
            fits.append((*solve(X, column, weight, start, monitor, constant), monitor))
        coefs, intercepts, n_iters, values, gaps, monitors = zip(*fits, strict=True)
        scores = [monitor.scores for monitor in monitors]
        return Fit(
            (np.array(coefs), np.array(intercepts)),
            max(*n_iters, 1),
            float(sum(values)),
            summed([monitor.losses for monitor in monitors]),
            summed(scores) if scores[0] else [],
            None if None in gaps else max(gaps),
        )

    def _newton(self, X, y, weight, start, monitor, constant):
        options = self.options
        warm = self.warm is not None
        fit = minimise(
            self.loss, X, y, weight, start,
            window=float(constant.scale[0]) * (WARM_WINDOW if warm else 1.0), near=warm,
            l1=self.l1, l2=self.l2, fit_intercept=options.fit_intercept,
            tol=TOL if options.tol is None else options.tol, max_iter=options.max_iter,
            monitor=lambda coef, intercept, value: monitor((coef, intercept), value),
        )  # fmt: skip
        return self._ended("newton", fit, monitor)

    def _ended(self, solver, fit, monitor):
        """Return what `_by_column` collects of a batch solver's fit; warn if it has no end."""
        if not (fit.converged or monitor.stopped):
            self.options._warn_unconverged(solver, fit.n_iter)
        early = monitor.stopped or monitor.validate is not None  # another solution may be chosen
        gap = None if early else fit.gap
        return *monitor.chosen((fit.coef, fit.intercept)), fit.n_iter, fit.objective, gap

    def _batch(self, X, y, weight, start, monitor, constant):
        options = self.options
        # a likelihood may be negative; the losses of classes are not
        likelihood = self.rowwise and self.loss.task not in CLASSES
        problem = LinearObjective(
            self.loss, X, y, weight,
            l1=self.l1, l2=self.l2, fit_intercept=options.fit_intercept,
            start=constant.raw if self.rowwise else start[1],
            unit=constant.unit if likelihood else None,
        )  # fmt: skip
        fit = lbfgs(
            problem, *start,
            tol=TOL if options.tol is None else options.tol,
            max_iter=options.max_iter,
            monitor=lambda coef, intercept, value: monitor((coef, intercept), value),
            flat=FLAT if self.loss.groupwise else 0.0,
        )  # fmt: skip
        return self._ended("lbfgs", fit, monitor)

    def _stochastic(self, X, y, weight, start, monitor, constant):
        options = self.options
        if not self.loss.jit:
            raise ValueError(
                f"solver='sgd' compiles the loss, and {type(self.loss).__name__} has jit = False."
            )
        random_state = check_random_state(options.random_state)
        weight = weight / weight.mean(dtype=np.float64).astype(weight.dtype)
        bound, sgd = bind(self.loss, X.dtype), new_sgd(options, X, start)
        solution, value = start, np.inf
        for _ in range(options.max_iter):
            value = sgd.run_epoch(bound, X, y, weight, seed=random_state.randint(2**31 - 1))
            if sgd.diverged:
                options._warn_diverged("sgd")
                break
            solution = sgd.coefficients()
            value += self._penalty(solution[0])
            if monitor(solution, value):
                break
        else:
            if options.tol is not None:
                options._warn_unconverged("sgd", options.max_iter)
        return *monitor.chosen(solution), max(len(monitor.losses), 1), value, None

    def _penalty(self, coef):
        return self.l1 * float(np.abs(coef).sum()) + 0.5 * self.l2 * float(np.vdot(coef, coef))

    # ------------------------------------------------------------------ networks

    def _batch_rows(self, constant):
        """Fit a linear map to several raw columns at once."""
        options, data = self.options, self.data
        if self.warm is not None:
            start = (self.warm.coefs[0].astype(float), self.warm.intercepts[0].astype(float))
        else:
            first = constant.raw if options.fit_intercept else np.zeros(self.n_raw)
            start = (np.zeros((data.X.shape[1], self.n_raw)), first)
            if self.loss.groupwise and self.loss.convex_start is not None:
                start = self._convex_start(start)
        monitor = self._monitor(
            constant.loss, watch_training=False,
            network_of=lambda solution: self._linear(*solution),
        )  # fmt: skip
        solve = self._newton if self.solver == "newton" else self._batch
        coef, intercept, n_iter, value, gap = solve(
            data.X, data.y, data.weight, start, monitor, constant
        )
        solution = (coef.T, intercept)
        return Fit(solution, max(n_iter, 1), value, monitor.losses, monitor.scores, gap)

    def _convex_start(self, start):
        """Return about the minimum of a convex loss of the same rows: where others start well."""
        options, data = self.options, self.data
        y = data.y.y
        # of columns a class: the form of several classes, though there be two
        loss = get_loss(self.loss.convex_start).for_classes(
            1 if self.n_raw == 1 else max(self.n_raw, 3)
        )
        constant = best_constant(loss, y, data.weight, self.n_raw)
        first = constant.raw if options.fit_intercept else np.zeros(self.n_raw)
        problem = LinearObjective(
            loss, data.X, y, data.weight, l1=self.l1, l2=self.l2,
            fit_intercept=options.fit_intercept, start=constant.raw if loss.rowwise else first[0],
        )  # fmt: skip
        if not loss.rowwise:
            start = start[0][:, 0], float(first[0])
        fit = lbfgs(problem, *start, tol=START_TOL, max_iter=options.max_iter)
        coef = np.asarray(fit.coef).reshape(-1, self.n_raw)
        return coef, np.atleast_1d(np.asarray(fit.intercept, float))

    def _start(self, constant):
        """Return the network to start from and the coordinates to train it in."""
        (X, weight), dtype = self.data.sample(), self.data.X.dtype
        coordinates = standardiser(X, weight, constant, self.options.fit_intercept)
        if self.warm is not None:
            network = self.warm.copy()
        else:
            network = self.options._new_network(self.sizes, dtype, self.random_state)
            if hasattr(self.loss, "begin"):
                self.loss.begin(network, coordinates, self.data, self.random_state)
        return network, coordinates

    def _batch_network(self, constant):
        options, data = self.options, self.data
        network, coordinates = self._start(constant)
        theta = network.theta
        if self.warm is not None:
            theta = coordinates.inner(network)
        problem = NetworkObjective(
            self.loss, data.X, data.y, data.weight, network, coordinates,
            l2=self.l2, fit_intercept=options.fit_intercept,
        )  # fmt: skip

        def natural(theta):
            return coordinates.outer(network, theta.astype(network.dtype))

        monitor = self._monitor(constant.loss, watch_training=False, network_of=natural)
        with threadpool_limits(self._threads(data.X.shape[0]), user_api="blas"):
            theta, n_iter, value, converged = lbfgs_network(
                problem, theta,
                tol=TOL if options.tol is None else options.tol,
                max_iter=options.max_iter, monitor=monitor,
            )  # fmt: skip
        if not (converged or monitor.stopped):
            options._warn_unconverged("lbfgs", n_iter)
        solution = natural(monitor.chosen(theta))
        return Fit(solution, max(n_iter, 1), value, monitor.losses, monitor.scores)

    def _minibatch(self, constant):
        options, data = self.options, self.data
        network, coordinates = self._start(constant)
        if self.warm is None:
            network = coordinates.outer(network, network.theta)
        trainer = Minibatch(network, coordinates, minibatch_options(options, self.solver))
        monitor = self._monitor(
            constant.loss, watch_training=True, network_of=lambda solution: solution
        )
        weight = data.weight / data.weight.mean(dtype=np.float64).astype(data.weight.dtype)
        rates = list(PLATEAU_RATES) if options.learning_rate == "adaptive" else []
        solution, value = network, np.inf
        if hasattr(self.loss, "begin"):  # a start that is no constant may be the best
            monitor.consider(network)
        with threadpool_limits(self._threads(trainer.batch_size(weight)), user_api="blas"):
            for _ in range(options.max_iter):
                seed = self.random_state.randint(2**31 - 1)
                if hasattr(self.loss, "begin_epoch"):
                    self.loss.begin_epoch()
                value = data.run_epoch(trainer, self.loss, weight, seed)
                if hasattr(self.loss, "end_epoch"):
                    self.loss.end_epoch()
                if trainer.diverged:
                    options._warn_diverged(self.solver)
                    if min(monitor.losses, default=np.inf) > constant.loss:
                        solution = network  # all since was worse
                    break
                solution = trainer.result()
                value += trainer.penalty()
                if monitor(solution, value):
                    if not rates or monitor.told:
                        break
                    trainer.rate = rates.pop(0)
                    monitor.resume()
            else:
                if options.tol is not None:
                    options._warn_unconverged(self.solver, options.max_iter)
        solution = monitor.chosen(solution)
        return Fit(solution, max(len(monitor.losses), 1), value, monitor.losses, monitor.scores)

    def _threads(self, rows):
        """Return the limit of threads of the BLAS: they cost small products more than they save."""
        widest = max(n * m for n, m in zip(self.sizes, self.sizes[1:], strict=False))
        return 1 if rows * widest < WIDE * 10 else None


def summed(curves):
    """Return the sum of curves; one that ended earlier keeps its last value."""
    length = max(len(curve) for curve in curves)
    padded = [curve + curve[-1:] * (length - len(curve)) for curve in curves if curve]
    return np.sum(padded, axis=0).tolist() if padded else []
