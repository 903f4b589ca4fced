"""What the estimators of a loss share: parameters, validation, the choice of a solver, the fit."""

from __future__ import annotations

import inspect
import warnings
from copy import deepcopy
from math import inf
from typing import Annotated, ClassVar

import numpy as np
from sklearn.base import clone
from sklearn.callback import CallbackSupportMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from .._bases.loss import Loss
from .._bases.optimum import best_constant
from .._bases.params import Interval, Numbers
from .._numba import bind
from ..network import ACTIVATIONS, Network, network_of
from ..solvers.minibatch import SOLVERS as MINIBATCH_SOLVERS
from ..solvers.minibatch import Minibatch
from ..solvers.sgd import LEARNING_RATES
from .data import ByGroup, Data
from .docs import ATTRIBUTES, PARAMETERS, shared
from .fitting import Fitting
from .progress import Progress
from .responses import LossModel
from .solver import hidden_sizes, minibatch_options, new_sgd
from .solver import standardiser as coordinates_of

NON_NEGATIVE = Interval(0, inf, closed="left")
COUNT = Interval(1, inf, closed="left", integer=True)
SIZES = (Numbers(COUNT, empty=True), COUNT)
OPEN_UNIT = Interval(0, 1, closed="left")


class LossHolder(CallbackSupportMixin, LossModel):
    """Base of all estimators with a parameter `loss`: what callbacks are shown."""

    _n_positional: ClassVar[float] = 1

    def _shown(self, X, y, sample_weight):
        """Return what callbacks are shown of the data."""
        metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
        if isinstance(y, ByGroup):
            metadata |= {} if y.qid is None else {"qid": y.qid}
            y = y.y
        return {"X": X, "y": y, "metadata": metadata}


class LossEstimator(LossHolder):
    """Base of the estimators that minimise a loss: parameters, data, solver, fit."""

    #: whether predictions hold random numbers, so that no batch solver can fit the model
    draws: ClassVar[bool] = False
    #: the size of validation scores that are not the loss, for `tol`
    score_unit: ClassVar[float | None] = None

    loss: Annotated[str | Loss, (str, Loss)] = "squared_error"
    penalty: Annotated[str | None, ("l2", "l1", "elasticnet", None)] = "l2"
    alpha: Annotated[float, NON_NEGATIVE] = 1e-4
    l1_ratio: Annotated[float, Interval(0, 1, closed="both")] = 0.15
    fit_intercept: Annotated[bool, bool] = True
    hidden_layer_sizes: Annotated[tuple, SIZES] = ()
    activation: Annotated[str, tuple(ACTIVATIONS)] = "relu"
    solver: Annotated[str, ("auto", "newton", "lbfgs", "sgd", "adam", "adagrad")] = "auto"
    learning_rate: Annotated[str, LEARNING_RATES] = "adaptive"
    learning_rate_init: Annotated[float | None, (Interval(0, inf), None)] = None
    power_t: Annotated[float, NON_NEGATIVE] = 0.5
    batch_size: Annotated[int | str, (COUNT, "auto")] = "auto"
    momentum: Annotated[float, OPEN_UNIT] = 0.9
    beta_1: Annotated[float, OPEN_UNIT] = 0.9
    beta_2: Annotated[float, OPEN_UNIT] = 0.999
    epsilon: Annotated[float, Interval(0, inf)] = 1e-8
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
        fixed = [
            name for name, kind in inspect.get_annotations(cls).items() if "ClassVar" in str(kind)
        ]
        doc = cls.__doc__ or ""
        for mark, text in {"<parameters>": PARAMETERS, "<attributes>": ATTRIBUTES}.items():
            doc = doc.replace(mark, shared(text, doc, without=fixed))
        cls.__doc__ = doc

    # ------------------------------------------------------------------ for subclasses

    def _stratify(self, y):
        return None

    def _validation_score(self, loss, y, raw, weight):
        """Return what early stopping looks at; higher is better."""
        return -loss.objective(y, raw, weight, np.empty_like(raw)) / float(weight.sum())

    def _split_rows(self, data):
        """Return the rows to train on and those to validate on; whole groups, if there are any."""
        groups = data.y.groups if getattr(data.y, "whole", False) else None
        if groups is not None and groups.n_groups == 1:
            raise ValueError(
                "early_stopping holds out whole queries, and there is only one: pass X_val, y_val "
                "and qid_val, or set early_stopping=False."
            )
        parts = train_test_split(
            np.arange(data.X.shape[0] if groups is None else groups.n_groups),
            test_size=self.validation_fraction,
            random_state=check_random_state(self.random_state),
            stratify=self._stratify(data.y) if groups is None else None,
        )
        if groups is None:
            return parts
        return [np.flatnonzero(np.isin(groups.codes, part)) for part in parts]

    def _objective(self):
        """Return what solvers minimise."""
        return self.loss_function_

    def _initial_rate(self, solver):
        """Return the learning rate of minibatch solvers; None is their own."""
        return self.learning_rate_init

    def _keep(self, fit, objective, *, single):
        """Store what a fit found, and how it got there."""
        self._set_model(fit.model, single=single)
        self.n_iter_, self.loss_, self.loss_curve_ = fit.n_iter, fit.loss, fit.losses
        self.optimality_gap_ = fit.gap
        self.validation_scores_ = fit.scores or None

    # ------------------------------------------------------------------ scikit-learn's interface

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    # ------------------------------------------------------------------ fitting

    def _penalties(self):
        """Return the strengths of the l1 and the l2 term."""
        share = {None: (0.0, 0.0), "l1": (1.0, 0.0), "l2": (0.0, 1.0)}.get(
            self.penalty, (self.l1_ratio, 1.0 - self.l1_ratio)
        )
        return self.alpha * share[0], self.alpha * share[1]

    def _check_data(self, X, y, sample_weight, *, reset, fitting=False):
        X, y = validate_data(
            self, X, y,
            accept_sparse="csr", dtype=[np.float64, np.float32], multi_output=True, reset=reset,
        )  # fmt: skip
        weight = checked_weight(sample_weight, X)
        y, weight = self._encode(y, weight, fitting=fitting)
        weight = checked_weight(weight, X)  # times the weights of classes, which may be anything
        loss = self.loss_function_
        return Data(X, loss._checked_targets(y, self._columns(loss, y), X.dtype), weight)

    def _split_validation(self, data, given):
        """Return training and validation data; the latter None without early stopping."""
        wanted = self.early_stopping is True or (
            self.early_stopping == "auto" and given[0] is not None
        )
        if not wanted:
            return data, None
        X_val, y_val, weight_val = given
        if X_val is not None:
            if y_val is None:
                raise ValueError("y_val is required when X_val is given.")
            return data, self._check_data(X_val, y_val, weight_val, reset=False)
        train, test = self._split_rows(data)
        if not data.weight[train].any() or not data.weight[test].any():
            raise ValueError(
                "The sample weights of the training or of the validation part are all zero: "
                "pass X_val and y_val, or set early_stopping=False."
            )
        return data.rows(train), data.rows(test)

    def _fit(self, X, y, sample_weight, given):
        self._validate_params()
        loss = self._resolve_loss()
        warm = self._network() if self.warm_start and hasattr(self, "n_iter_") else None
        progress = Progress(self, X, y, sample_weight)
        self.loss_function_ = loss
        data = self._check_data(X, y, sample_weight, reset=True, fitting=True)
        self.__dict__.pop("_trainers", None)  # what partial_fit goes on from
        if not data.weight.all():  # no weight: no row
            data = data.rows(np.flatnonzero(data.weight))
        data, validation = self._split_validation(data, given)
        objective = self._objective()
        fitting = Fitting(
            self, objective, data, validation, n_raw=self._columns(objective, data.y), warm=warm,
            on_iteration=progress.iteration if progress.wanted else None,
        )  # fmt: skip
        self.solver_ = fitting.solver
        progress.begin(data.y, joint=fitting.joint)
        for name in ("coef_", "intercept_", "coefs_", "intercepts_"):  # there may be other layers
            self.__dict__.pop(name, None)
        self._keep(fitting.run(), objective, single=data.y.ndim == 1)
        progress.end()
        return self

    def path(self, X, y, parameter, values, **fit_params):
        """Return a model for each value of a parameter, each fitted from where the last one ended.

        Parameters
        ----------
        X, y
            As in `fit`.
        parameter : str
            Its name, as `set_params` takes it: ``"alpha"``, ``"loss__quantile"``, …
        values : iterable
            The values, in an order in which neighbours are alike.
        **fit_params
            Passed to `fit`.

        Returns
        -------
        list
            Fitted models, in the order of the values; this one is left as it is.
        """
        model, models = clone(self).set_params(warm_start=True), []
        for value in values:
            model.set_params(**{parameter: value}).fit(X, y, **fit_params)
            models.append(deepcopy(model).set_params(warm_start=self.warm_start))
        return models

    # ------------------------------------------------------------------ the model

    def _set_model(self, model, *, single):
        """Store a network, or coefficients ``(n_raw, n_features)`` and intercepts."""
        if hidden_sizes(self.hidden_layer_sizes):
            self.coefs_, self.intercepts_ = model.coefs, model.intercepts
            self._set_coefficients(None, None, single=single)
            return
        if isinstance(model, Network):
            model = (
                model.coefs[0].T.astype(np.float64),
                model.intercepts[0].astype(np.float64),
            )
        single = single and model[0].shape[0] == 1
        self._set_coefficients(*model, single=single)

    def _set_coefficients(self, coefs, intercepts, *, single):
        if coefs is not None:
            self.coef_ = coefs[0] if single else coefs
            self.intercept_ = float(intercepts[0]) if single else intercepts
        self._single = single

    def _new_network(self, sizes, dtype, rng):
        """Return a network to start from."""
        return Network(sizes, self.activation, dtype).initialise(rng)

    def _network(self, dtype=None):
        """Return the fitted model as a network."""
        return network_of(self, dtype)

    # ------------------------------------------------------------------ streams

    def _partial_fit(self, X, y, sample_weight, *, first):
        """Take one epoch over some rows, from where the last call ended."""
        self._validate_params()
        if first:
            self.loss_function_ = self._resolve_loss()
        data = self._check_data(X, y, sample_weight, reset=first)
        if not hasattr(self, "_trainers"):  # the first call, or the first after fit
            self._begin_stream(data, first=first)
        if first:
            self.n_iter_, self.loss_curve_, self.validation_scores_ = 0, [], None
        loss, seed = self._objective(), self._random.randint(2**31 - 1)
        single = data.y.ndim == 1
        if isinstance(self._trainers, Minibatch):
            trainer = self._trainers
            value = data.run_epoch(trainer, loss, data.weight, seed)
            diverged, model = trainer.diverged, trainer.result()
        else:
            columns = [data.y] if single else [np.ascontiguousarray(c) for c in data.y.T]
            bound = bind(loss, data.X.dtype)
            pairs = list(zip(self._trainers, columns, strict=True))
            value = sum(sgd.run_epoch(bound, data.X, c, data.weight, seed=seed) for sgd, c in pairs)
            diverged = any(sgd.diverged for sgd in self._trainers)
            coefs, intercepts = zip(*(sgd.coefficients() for sgd in self._trainers), strict=True)
            model = np.array(coefs), np.array(intercepts)
        if diverged:
            self._warn_diverged(self.solver_)
        self.n_iter_ += 1
        self.loss_ = float(value)
        self.loss_curve_.append(self.loss_)
        self._set_model(model, single=single)
        return self

    def _begin_stream(self, data, *, first):
        """Make the solver that further calls of partial_fit go on with."""
        loss = self._objective()
        n_raw = self._columns(loss, data.y)
        hidden = hidden_sizes(self.hidden_layer_sizes)
        constant = best_constant(loss, data.y, data.weight, n_raw)
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        self._random = np.random.RandomState(seed)
        network = None if first else self._network(data.X.dtype)
        grouped = loss.rowwise or loss.groupwise
        minibatch = hidden or grouped or self.solver in ("adam", "adagrad")
        if not minibatch:
            self.solver_ = "sgd"
            if network is None:
                raw = constant.raw if self.fit_intercept else np.zeros(n_raw)
                starts = [(np.zeros(data.X.shape[1]), float(value)) for value in raw]
            else:
                pairs = zip(network.coefs[0].T, network.intercepts[0], strict=True)
                starts = [(coef.astype(float), float(value)) for coef, value in pairs]
            self._trainers = [new_sgd(self, data.X, start) for start in starts]
            return
        self.solver_ = self.solver if self.solver in MINIBATCH_SOLVERS else "adam"
        coordinates = coordinates_of(*data.sample(), constant, self.fit_intercept)
        coordinates.fill_gaps()
        if network is None:
            sizes = (data.X.shape[1], *hidden, n_raw)
            network = self._new_network(sizes, data.X.dtype, self._random)
            if hasattr(loss, "begin"):
                loss.begin(network, coordinates, data, self._random)
            network = coordinates.outer(network, network.theta)
        self._trainers = Minibatch(network, coordinates, minibatch_options(self, self.solver_))

    def _warn_diverged(self, solver):
        warnings.warn(
            f"{solver} diverged and stopped at its last finite coefficients. Scale the data, use a "
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

    # ------------------------------------------------------------------ predicting

    def _raw(self, X):
        """Return raw predictions: (n_samples,) for one output, else (n_samples, n_raw)."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=[np.float64, np.float32], reset=False)
        return self._raw_of_rows(X)

    def _raw_of_rows(self, X):
        """Return raw predictions of what the model sees."""
        if hasattr(self, "coefs_"):
            raw = self._network(X.dtype).predict(X)
            return raw[:, 0] if self._single and raw.shape[1] == 1 else raw
        coef = self.coef_.T.astype(X.dtype, copy=False)
        raw = safe_sparse_dot(X, coef, dense_output=True)
        return raw + np.asarray(self.intercept_, dtype=X.dtype)


def checked_weight(sample_weight, X):
    """Return the weight of each row, of the dtype of `X`: finite, not negative, not all 0."""
    return _check_sample_weight(sample_weight, X, dtype=X.dtype, ensure_non_negative=True)
