"""`MultiTask`: several losses over named targets, added up."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np

from .._arrays.inputs import require_weight
from .._bases.loss import Loss

WEIGHTINGS = ("fixed", "uncertainty", "dynamic")
REGRESSION = ("regression", "distributional")


class MultiTask(Loss):
    """Losses of several tasks, by name, added up row by row.

    Parameters
    ----------
    losses : dict of str to Loss
        The loss of each task; the name is that of its column (or columns) in the targets.
    weighting : {"fixed", "uncertainty", "dynamic"}, default="fixed"
        "fixed": the sum, with `weights`. "uncertainty": c·e^(−s)·l + s/2 a task, s its learned log
        variance (`log_vars`), c = ½ for regression and 1 for classification [1]_. "dynamic": the
        estimator weighs tasks by how slowly their losses fall [2]_; as a metric the plain sum.
    weights : dict of str to float, default=None
        Factors of "fixed"; 1 where a task is missing.

    Notes
    -----
    Targets and predictions are DataFrames or dicts, a column (or columns) a task. A NaN target
    masks its task in its row: value 0, gradient 0.

    References
    ----------
    .. [1] Kendall, A., Gal, Y. and Cipolla, R. (2018). Multi-task learning using uncertainty to
       weigh losses. doi:10.1109/CVPR.2018.00781
    .. [2] Liu, S., Johns, E. and Davison, A. J. (2019). End-to-end multi-task learning with
       attention. doi:10.1109/CVPR.2019.00197

    Examples
    --------
    >>> from sklosses import BinaryCrossEntropy, SquaredError
    >>> loss = MultiTask({"price": SquaredError(), "sold": BinaryCrossEntropy()})
    >>> y = {"price": [1.0, 2.0], "sold": [1, 0]}
    >>> round(loss(y, {"price": [1.0, 1.0], "sold": [0.5, 0.5]}), 6)
    1.193147
    """

    losses: Annotated[dict, dict]
    weighting: Annotated[str, WEIGHTINGS] = "fixed"
    weights: Annotated[dict | None, (dict, None)] = None

    task: ClassVar[str] = "compose"
    names: ClassVar[dict] = {"en": "Several tasks", "zh": "多任务"}
    formula: ClassVar[str] = r"\sum_t w_t\, \ell_t(y_t, f_t)"

    # ------------------------------------------------------------------ parameters

    def get_params(self, deep=True):
        """Return the parameters; with `deep` those of the losses too, as ``task__parameter``."""
        params = super().get_params(deep=False)
        if deep:
            for name, loss in self.losses.items():
                params[name] = loss
                params |= {f"{name}__{key}": v for key, v in loss.get_params().items()}
        return params

    def set_params(self, **params):
        """Set parameters, or those of a task's loss, as ``task__parameter``."""
        own = {}
        for key, value in params.items():
            name, _, rest = key.partition("__")
            if name in self.losses and rest:
                self.losses[name].set_params(**{rest: value})
            elif name in self.losses:
                self.losses = {**self.losses, name: value}
            else:
                own[key] = value
        return super().set_params(**own)

    def _validate_params(self):
        super()._validate_params()
        if not self.losses:
            raise ValueError("MultiTask needs at least one loss.")
        for name, loss in self.losses.items():
            if not isinstance(loss, Loss):
                raise TypeError(f"The loss of task {name!r} must be a Loss. Got {loss!r} instead.")
            loss._validate_params()
        unknown = sorted(set(self.weights or {}) - set(self.losses))
        if unknown:
            raise ValueError(f"weights names unknown tasks: {unknown}.")

    # ------------------------------------------------------------------ arrays

    def __call__(self, y_true, y_pred, *, sample_weight=None, log_vars=None, qid=None):
        """Return the weighted mean of the summed losses, predictions on the response scale.

        Parameters
        ----------
        y_true, y_pred : DataFrame or dict of array-like
            Targets and predictions by task.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.
        log_vars : dict of str to float, default=None
            Log variances of "uncertainty"; 0 where a task is missing.
        qid : ignored
            For losses on groups of rows.

        Returns
        -------
        float
        """
        self._validate_params()
        total = weight = 0.0
        for name, loss in self.losses.items():
            y, p, w, seen = _observed(name, y_true, y_pred, sample_weight)
            weight = float(np.sum(w))
            if seen.any():
                mean = loss(y, p, sample_weight=w[seen])
                factor, shift = self.factor(name, log_vars)
                total += (factor * mean + shift) * float(w[seen].sum())
        require_weight(weight)
        return total / weight

    def values(self, y_true, raw_prediction, sample_weight=None, *, log_vars=None):
        """Return the weighted sum of the losses of each row, of shape (n_samples,)."""
        self._validate_params()
        total = 0.0
        for name, loss in self.losses.items():
            y, z, w, seen = _observed(name, y_true, raw_prediction, sample_weight)
            factor, shift = self.factor(name, log_vars)
            values = np.zeros(seen.shape[0])
            if seen.any():
                own = np.asarray(loss.values(y, z), float)
                own = own.sum(axis=1) if own.ndim > 1 else own
                values[seen] = (factor * own + shift) * w[seen]
            total = total + values
        return total

    def gradient(self, y_true, raw_prediction, sample_weight=None, *, log_vars=None):
        """Return the gradient by task, each of the shape of its raw prediction."""
        self._validate_params()
        gradients = {}
        for name, loss in self.losses.items():
            y, z, w, seen = _observed(name, y_true, raw_prediction, sample_weight)
            factor, _ = self.factor(name, log_vars)
            gradients[name] = np.zeros(np.shape(_column(raw_prediction, name)))
            if seen.any():
                gradients[name][seen] = factor * loss.gradient(y, z, w[seen])
        return gradients

    def values_gradient(self, y_true, raw_prediction, sample_weight=None, *, log_vars=None):
        """Return `values` and `gradient`."""
        args = (y_true, raw_prediction, sample_weight)
        return self.values(*args, log_vars=log_vars), self.gradient(*args, log_vars=log_vars)

    def inverse_link(self, raw_prediction):
        """Return the response by task."""
        return {
            name: loss.inverse_link(_column(raw_prediction, name))
            for name, loss in self.losses.items()
        }

    def init_raw(self, y_true, sample_weight=None):
        """Return the best raw constants by task."""
        self._validate_params()
        constants = {}
        for name, loss in self.losses.items():
            y, _, w, seen = _observed(name, y_true, y_true, sample_weight)
            constants[name] = loss.init_raw(y, w[seen])
        return constants

    def factor(self, name, log_vars=None):
        """Return the factor of a task's loss and what is added to it."""
        if self.weighting == "uncertainty":
            s = float((log_vars or {}).get(name, 0.0))
            c = 0.5 if self.losses[name].task in REGRESSION else 1.0
            return c * float(np.exp(-s)), s / 2
        if self.weighting == "fixed":
            return float((self.weights or {}).get(name, 1.0)), 0.0
        return 1.0, 0.0


def _column(table, name):
    try:
        return np.asarray(table[name])
    except (KeyError, IndexError) as error:
        raise ValueError(f"There is no column of task {name!r}.") from error


def _observed(name, y_true, prediction, sample_weight):
    """Return a task's observed targets, predictions there, all weights, and which are observed."""
    y, p = _column(y_true, name), _column(prediction, name)
    missing = np.zeros(y.shape[0], bool)
    if y.dtype.kind == "f":
        missing = np.isnan(y) if y.ndim == 1 else np.isnan(y).any(axis=1)
    seen = ~missing
    w = np.ones(y.shape[0]) if sample_weight is None else np.asarray(sample_weight, float)
    return y[seen], p[seen], w, seen
