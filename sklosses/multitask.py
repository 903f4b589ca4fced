"""`MultiTaskEstimator`: one network, a head a task."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import numpy as np
from sklearn.callback import with_callbacks
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils.validation import check_is_fitted, validate_data

from ._fit.data import Data
from ._fit.estimator import SIZES, LossEstimator, checked_weight
from ._fit.responses import BINARY
from .losses.multitask import MultiTask
from .metrics import d2_loss_score

TEMPERATURE = 2.0  # of "dynamic" weights
LEAST_NOISE = 0.1  # of the first loss: a network that knows its rows by heart is not certain


class MultiTaskEstimator(LossEstimator):
    """One network for several targets, each with a loss of its own: shared layers, a head a task.

    Parameters
    ----------
    loss : MultiTask
        The losses by name, and how tasks are weighed; see `MultiTask`.
    <parameters>

    Attributes
    ----------
    classes_ : dict of str to ndarray
        The labels of each classification task.
    log_vars_ : dict of str to float
        Learned log variances, of ``weighting="uncertainty"``.
    task_weights_ : dict of str to float
        Factors of the losses at the end.
    task_loss_curves_ : dict of str to list of float
        The mean loss of each task after each epoch.
    <attributes>

    Examples
    --------
    >>> import pandas as pd
    >>> from sklosses import BinaryCrossEntropy, SquaredError
    >>> X = [[0.0], [1.0], [2.0], [3.0]]
    >>> y = pd.DataFrame({"price": [0.0, 1.0, 2.0, 3.0], "sold": ["no", "no", "yes", "yes"]})
    >>> loss = MultiTask({"price": SquaredError(), "sold": BinaryCrossEntropy()})
    >>> model = MultiTaskEstimator(loss, hidden_layer_sizes=(), random_state=0).fit(X, y)
    >>> model.predict([[5.0]])["sold"].tolist()
    ['yes']
    """

    loss: Annotated[Any, MultiTask]
    hidden_layer_sizes: Annotated[tuple, SIZES] = (64,)

    tasks: ClassVar[tuple] = ("compose",)

    @with_callbacks
    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None, sample_weight_val=None):
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data.
        y : DataFrame
            A column (or columns, of one name) a task; NaN (or None) masks a task in a row.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.
        X_val, y_val, sample_weight_val : optional
            Data to validate on: early stopping is then on by default.

        Returns
        -------
        self
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    def _objective(self):
        return JoinedLoss(self._heads, self.loss_function_)

    def _keep(self, fit, objective, *, single):
        super()._keep(fit, objective, single=single)
        self.log_vars_, self.task_loss_curves_ = objective.log_vars, objective.curves
        self.task_weights_ = {name: objective.factor(name)[0] for name in self._heads}

    def _check_data(self, X, y, sample_weight, *, reset, fitting=False):
        if fitting:
            self._heads = Heads(self.loss_function_, y)
            self.classes_ = self._heads.classes
        X = validate_data(self, X, accept_sparse="csr", dtype=[np.float64, np.float32], reset=reset)
        weight = checked_weight(sample_weight, X)
        targets = self._heads.encode(y, X.dtype)
        if targets.shape[0] != X.shape[0]:
            raise ValueError(
                f"Found input variables with inconsistent numbers of samples: "
                f"{[X.shape[0], targets.shape[0]]}"
            )
        return Data(X, targets, weight)

    # ------------------------------------------------------------------ predicting

    def predict(self, X):
        """Return predictions by task.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data.

        Returns
        -------
        DataFrame
            A column (or columns) a task: numbers or labels.
        """
        import pandas as pd

        check_is_fitted(self)
        raw, parts = np.atleast_2d(self._raw(X)), {}
        for name, head in self._heads.items():
            parts |= head.columns(name, head.predict(raw[:, head.raw]))
        index = X.index if hasattr(X, "columns") else None
        return pd.DataFrame(parts, index=index)

    def predict_proba(self, X):
        """Return the class probabilities of the classification tasks that have them: a dict."""
        check_is_fitted(self)
        raw = self._raw(X)
        return {
            name: head.probabilities(raw[:, head.raw])
            for name, head in self._heads.items()
            if head.classes is not None and head.loss.response_method == "predict_proba"
        }

    def task_scores(self, X, y, sample_weight=None):
        """Return the score of each task, a dict, where its targets are observed.

        R² or accuracy; for several quantiles `d2_loss_score`, as `LossRegressor` does.
        """
        raw, scores = self._raw(X), {}
        for name, head in self._heads.items():
            truth = np.asarray(y[name])
            seen = ~_missing(truth)
            guess = head.predict(raw[seen, head.raw])
            truth = truth[seen] if head.classes is not None else truth[seen].astype(float)
            w = None if sample_weight is None else np.asarray(sample_weight)[seen]
            if head.classes is not None:
                scores[name] = accuracy_score(truth, guess[:, 0], sample_weight=w)
            elif guess.shape[1] != head.width:  # several quantiles
                scores[name] = d2_loss_score(truth, guess, loss=head.loss, sample_weight=w)
            else:
                scores[name] = r2_score(truth.reshape(guess.shape), guess, sample_weight=w)
        return scores

    def score(self, X, y, sample_weight=None):
        """Return the mean of `task_scores`."""
        return float(np.mean(list(self.task_scores(X, y, sample_weight).values())))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = False
        tags.target_tags.required = True
        return tags


# ------------------------------------------------------------------------- heads


class Head:
    """One task: its loss, its labels, its columns among targets and raw predictions."""

    def __init__(self, loss, y):
        y = np.asarray(y)
        self.width = 1 if y.ndim == 1 else y.shape[1]
        self.classes = None
        if loss.task in ("binary", "multiclass"):
            self.classes = np.unique(y[~_missing(y)])
            if self.classes.size < BINARY:
                raise ValueError("A classification task needs samples of at least 2 classes.")
            loss = loss.for_classes(self.classes.size)
        self.loss = loss
        self.rowwise = loss.rowwise
        self.one_vs_rest = (
            self.classes is not None and not self.rowwise and self.classes.size > BINARY
        )
        if self.rowwise:
            self.n_raw = loss.n_raw or (self.width if self.classes is None else self.classes.size)
        else:
            self.n_raw = self.classes.size if self.one_vs_rest else self.width
        self.raw = self.target = slice(0, 0)  # set by `Heads`

    def encode(self, y, dtype):
        """Return targets as floats, labels as their places in `classes`; NaN where missing."""
        y = np.asarray(y)
        missing = _missing(y)
        out = np.full(y.shape, np.nan, dtype)
        if self.classes is None:
            out[~missing] = y[~missing].astype(dtype)
        else:
            unseen = np.setdiff1d(y[~missing], self.classes)
            if unseen.size:
                raise ValueError(f"y contains labels that are not in classes_: {unseen.tolist()}.")
            out[~missing] = np.searchsorted(self.classes, y[~missing])
        return out.reshape(y.shape[0], -1)

    def predict(self, raw):
        """Return what ``predict`` shows of raw columns: numbers, or labels."""
        if self.classes is None:
            response = self.loss.inverse_link(np.ascontiguousarray(raw))
            names = getattr(self.loss, "response_names", ())
            return response[:, [names.index("mean")]] if "mean" in names else response
        best = raw[:, 0] > 0 if self.n_raw == 1 else raw.argmax(axis=1)
        return self.classes[np.asarray(best, np.intp)][:, None]

    def probabilities(self, raw):
        """Return the probability of each class."""
        p = self.loss.inverse_link(np.ascontiguousarray(raw))
        if self.n_raw == 1:
            return np.column_stack((1 - p[:, 0], p[:, 0]))
        return p / p.sum(axis=1, keepdims=True)

    def columns(self, name, values):
        """Return `values` as columns of a table, by their names."""
        if values.shape[1] == 1:
            return {name: values[:, 0]}
        return {f"{name}_{j}": values[:, j] for j in range(values.shape[1])}


class Heads(dict):
    """The heads by name, and where each finds its columns."""

    def __init__(self, loss, y):
        super().__init__()
        self.n_raw = at = 0
        for name, own in loss.losses.items():
            self[name] = head = Head(own, _table(y, name))
            head.raw = slice(self.n_raw, self.n_raw + head.n_raw)
            head.target = slice(at, at + head.width)
            self.n_raw, at = head.raw.stop, head.target.stop
        self.classes = {n: head.classes for n, head in self.items() if head.classes is not None}

    def encode(self, y, dtype):
        """Return all targets side by side; NaN where missing."""
        return np.hstack([head.encode(_table(y, name), dtype) for name, head in self.items()])


class JoinedLoss:
    """The losses of all tasks as one loss of one row of raw columns, as solvers take it.

    Its weights change between epochs, as `MultiTask` says. The log variances are set to what
    minimises the objective given the mean losses of the epoch, s = ln(2 c l), instead of being
    followed by gradient: the same minimum, without a learning rate. They are bounded below, or the
    weight of a task that is learnt by heart would grow without end.
    """

    jit = True
    rowwise, groupwise = True, False
    convex = False  # as far as is known here: heads differ
    task = "compose"

    def __init__(self, heads, loss):
        self.heads, self.loss = heads, loss
        # weights that change are no function that a batch solver could minimise
        self.is_smooth = loss.weighting == "fixed" and all(h.loss.is_smooth for h in heads.values())
        self.log_vars = dict.fromkeys(heads, 0.0)
        self.shares = dict.fromkeys(heads, 1.0)
        self.curves = {name: [] for name in heads}
        self.begin_epoch()

    def factor(self, name):
        """Return the factor of a task's loss and what is added to it."""
        factor, shift = self.loss.factor(name, self.log_vars)
        return factor * self.shares[name], shift

    def columns(self, y):
        """Return the number of raw columns."""
        return self.heads.n_raw

    def _starts(self, y, w, n_raw):
        """Return the best constant of each raw column and what it is measured in."""
        heads = self.heads.values()
        starts = [head.loss._starts(*self._of(head, y, w)[1:], head.n_raw) for head in heads]
        constants, scales = zip(*starts, strict=True)
        return np.concatenate(constants), np.concatenate(scales)

    def values(self, y, raw, w):
        """Return the summed losses, as an array of one entry."""
        raw = np.ascontiguousarray(raw)
        return np.array([self.objective(y, raw, w, np.empty_like(raw))])

    def gradient(self, y, raw):
        """Return the gradient of the summed losses."""
        out = np.empty_like(np.ascontiguousarray(raw))
        self.objective(y, raw, np.ones(raw.shape[0], raw.dtype), out)
        return out

    def gradient_hessian(self, y, raw, w, *, psd):
        """Return the gradient and the diagonal of the Hessian, of all raw columns."""
        gradient, hessian = np.zeros_like(raw), np.zeros_like(raw)
        for name, head in self.heads.items():
            seen, own, weight = self._of(head, y, w)
            z = np.ascontiguousarray(raw[seen, head.raw])
            z = z[:, 0] if own.ndim == 1 and not head.rowwise else z
            pair = head.loss.gradient_hessian(own, z, weight, psd=psd)
            for out, array in zip((gradient, hessian), pair, strict=True):
                out[seen, head.raw] = self.factor(name)[0] * array.reshape(seen.sum(), -1)
        return gradient, hessian

    def objective(self, y, raw, w, out_gradient):
        """Return the sum of ``w * value`` over tasks and rows; fill ``w * gradient``."""
        out_gradient[...] = 0
        total = 0.0
        for name, head in self.heads.items():
            seen, own, weight = self._of(head, y, w)
            if not weight.any():
                continue
            z = np.ascontiguousarray(raw[seen, head.raw])
            gradient = np.empty_like(z)
            value = head.loss.objective(own, z, weight, gradient)
            factor, shift = self.factor(name)
            out_gradient[seen, head.raw] = factor * gradient
            count = float(weight.sum())
            total += factor * value + shift * count
            self._sums[name] += value
            self._counts[name] += count
        return total

    def _of(self, head, y, w):
        """Return which rows observe a task, its targets there as its loss takes them, weights."""
        own = y[:, head.target]
        seen = ~np.isnan(own).any(axis=1)
        own, weight = own[seen], np.ascontiguousarray(w[seen])
        if head.one_vs_rest:
            return seen, (own == np.arange(head.n_raw)).astype(y.dtype), weight
        own = own[:, 0] if head.width == 1 and (head.rowwise or head.n_raw == 1) else own
        if head.rowwise:
            return seen, head.loss._checked_targets(own, head.n_raw, y.dtype), weight
        return seen, np.ascontiguousarray(own), weight

    def begin_epoch(self):
        """Forget the losses seen so far."""
        self._sums, self._counts = dict.fromkeys(self.heads, 0.0), dict.fromkeys(self.heads, 0.0)

    def end_epoch(self):
        """Record the mean loss of each task; weigh the tasks anew."""
        for name in self.heads:
            self.curves[name].append(self._sums[name] / max(self._counts[name], 1e-300))
        if self.loss.weighting == "uncertainty":
            for name in self.heads:
                half = self.loss.factor(name)[0]  # c, at log variance 0
                curve = self.curves[name]
                mean = max(curve[-1], LEAST_NOISE * curve[0], np.finfo(float).tiny)
                self.log_vars[name] = float(np.log(2 * half * mean))
        elif self.loss.weighting == "dynamic" and len(next(iter(self.curves.values()))) > 1:
            ratios = np.array([c[-1] / c[-2] if c[-2] else 1.0 for c in self.curves.values()])
            shares = np.exp(ratios / TEMPERATURE)
            shares *= shares.size / shares.sum()
            self.shares = dict(zip(self.heads, shares.tolist(), strict=True))


def _table(y, name):
    try:
        return y[name]
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError(f"y needs a column of task {name!r}: pass a DataFrame.") from error


def _missing(y):
    """Return which rows miss a target: NaN or None."""
    y = np.asarray(y)
    if y.dtype.kind == "f":
        missing = np.isnan(y)
    elif y.dtype.kind == "O":
        import pandas as pd

        missing = np.asarray(pd.isna(y))
    else:
        missing = np.zeros(y.shape, bool)
    return missing if missing.ndim == 1 else missing.any(axis=1)
