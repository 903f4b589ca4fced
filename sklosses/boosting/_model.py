"""`BoostedModel`: what the estimators that drive a booster share."""

from __future__ import annotations

import warnings
from typing import Annotated, Any, ClassVar

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import _safe_indexing, check_consistent_length
from sklearn.utils.validation import _check_sample_weight, _check_y, check_is_fitted, validate_data

from .._arrays.groups import Groups
from .._arrays.inputs import DOUBLE
from .._bases.loss import Loss
from .._bases.native import twin
from .._fit.responses import LossModel
from .._registry import get_loss
from ._callback import of_sizes
from ._job import Data, Job
from ._library import library_of

MANY = 50_000  # rows that tell whether boosting diverged
SLACK = 0.5  # a loss that is not convex, such as one of rankings, may end a little above its start
TINY = 1e-9  # a constant without any loss, as of a single class


class BoostedModel(LossModel):
    """Base of the estimators that drive a booster: parameters, data, fit, raw predictions."""

    _n_positional: ClassVar[float] = 2

    estimator: Any
    loss: Annotated[str | Loss, (str, Loss)] = "squared_error"
    native: Annotated[bool | str, (bool, "auto")] = "auto"

    #: of scikit-learn's validation
    _target_checks: ClassVar[dict] = {"multi_output": True}

    __metadata_request__fit = {
        "sample_weight": True, "X_val": True, "y_val": True, "sample_weight_val": True,
        "eval_set": True,
    }  # fmt: skip
    __metadata_request__score = {"sample_weight": True}

    # ------------------------------------------------------------------ fitting

    def _fit(self, X, y, sample_weight, given, eval_set=None, qid=None, qid_val=None):
        self._validate_params()
        library = library_of(self.estimator)
        self.loss_function_ = self._resolve_loss()
        self._ordered = get_loss(self.loss)._monotone
        data = self._check_data(X, y, sample_weight, qid, fitting=True)
        given = _validation_data(given, eval_set)
        validation = None
        if given is not None:
            validation = self._check_data(*given, qid_val, fitting=False)
        loss = self.loss_function_
        job = Job(loss, self._columns(loss, data.y), data, validation)
        job.native = self._native_of(library, job)
        library.check(self.estimator, job)
        boosted = library.fit(self.estimator, job)
        self.estimator_, self.objective_ = boosted.estimator, boosted.objective
        self.baseline_, self.n_iter_ = boosted.baseline, int(boosted.n_iter)
        self.validation_scores_ = boosted.scores or None
        if not job.native:
            self._warn_if_diverged(job)
        return self

    def _resolve_loss(self):
        return super()._resolve_loss()._for_boosters()

    def _native_of(self, library, job):
        """Return the native objective to use, or None."""
        if self.native is False:
            return None
        own = twin(job.loss, library.name)
        if own is not None and job.data.y.ndim == 1 and (self.native is True or own.refits):
            return own
        if self.native is True:
            raise ValueError(
                f"{type(self.estimator).__name__} has no objective that is {job.loss!r}, for "
                f"these targets: use native='auto'."
            )
        return None

    def _warn_if_diverged(self, job):
        """Say so if training rows, some of many, would be better off without any tree."""
        data = job.data.some(MANY)
        reached = job.mean(self._raw_of(data.X), data)
        constant = job.mean(job.starts(data), data)
        if not reached <= constant + SLACK * max(abs(constant), TINY):
            warnings.warn(
                f"Boosting {job.loss!r} diverged: the mean loss of the training rows is "
                f"{reached:.3g}, that of the best constant {constant:.3g}. Use a smaller "
                "learning_rate, larger leaves, or parameters of the loss in the size of errors.",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _check_data(self, X, y, sample_weight, qid, *, fitting):
        X, y = self._checked(X, y, reset=fitting)
        weight = self._checked_weight(sample_weight, X)
        weighted = sample_weight is not None or getattr(self, "class_weight", None) is not None
        y, weight = self._encode(y, weight, fitting=fitting)
        weight = self._checked_weight(weight, X)  # times the weights of classes, which may be 0
        y = self._targets(np.asarray(y))
        if fitting:
            self._single = y.ndim == 1
        y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y  # one column is one target
        rows, groups = self._rows(weight, qid)
        if rows is not None:
            X, y, weight = _safe_indexing(X, rows), y[rows], weight[rows]
        return Data(X, y, weight if weighted else None, groups)

    def _targets(self, y):
        """Return targets as kernels of the loss take them."""
        loss = self.loss_function_
        return loss._checked_targets(y, self._columns(loss, y), DOUBLE)

    def _rows(self, weight, qid):
        """Return which rows to take, None of all as they are, and their groups if there are any.

        A row without weight is not there; those of a group become neighbours.
        """
        if not self.loss_function_.groupwise:
            return None if weight.all() else np.flatnonzero(weight), None
        groups = Groups.of(qid, weight.size)
        self.loss_function_._weights(weight, groups, DOUBLE)  # which may not differ in a query
        there = groups.sorted(weight) > 0
        if there.all() and groups.order is None:
            return None, groups
        order = np.arange(weight.size) if groups.order is None else groups.order
        sizes = np.add.reduceat(there, groups.offsets[:-1], dtype=np.int64)
        return order[there], of_sizes(sizes[sizes > 0])

    def _checked(self, X, y="no_validation", *, reset):
        """Return data as boosters take them: a table stays one, for its names and categories."""
        table, supervised = hasattr(X, "iloc"), not isinstance(y, str)
        if table:
            validate_data(self, X, y, reset=reset, skip_check_array=True)
            if supervised:
                y = _check_y(y, estimator=self, **self._target_checks)
                check_consistent_length(X, y)
        else:
            found = validate_data(
                self, X, y, reset=reset,
                accept_sparse=["csr", "csc"] if library_of(self.estimator).sparse else False,
                dtype=[np.float64, np.float32], ensure_all_finite="allow-nan",
                ensure_min_samples=2 if reset else 1,
                **(self._target_checks if supervised else {}),
            )  # fmt: skip
            X, y = found if supervised else (found, y)
            X = _matrix(X) if sparse.issparse(X) else X
        if reset:
            self._table = X.columns if table else None
        elif table != (self._table is not None):
            X = self._like_fitted(X)
        return (X, y) if supervised else X

    def _like_fitted(self, X):
        """Return data as a table if those of `fit` were one, else as an array."""
        if self._table is None:
            return np.asarray(X)
        import pandas as pd

        rows = X.toarray() if hasattr(X, "toarray") else X
        return pd.DataFrame(rows, columns=self._table)

    @staticmethod
    def _checked_weight(sample_weight, X):
        return _check_sample_weight(sample_weight, X, dtype=DOUBLE, ensure_non_negative=True)

    # ------------------------------------------------------------------ the model

    @property
    def feature_importances_(self):
        """The booster's own importances of features; of those that have them."""
        check_is_fitted(self)
        return self.estimator_.feature_importances_

    def _raw(self, X):
        """Return raw predictions: (n_samples,) for one output, else (n_samples, n_raw)."""
        check_is_fitted(self)
        raw = self._raw_of(self._checked(X, reset=False))
        if self._single and not self.loss_function_.rowwise:
            return raw
        raw = raw.reshape(len(raw), -1)
        return np.sort(raw, axis=1) if self._ordered else raw

    def _raw_of(self, X):
        """Return raw predictions of checked data: (n_samples,) of one raw column."""
        raw = np.asarray(library_of(self.estimator_).raw(self.estimator_, X), DOUBLE)
        return raw + (self.baseline_[0] if raw.ndim == 1 else self.baseline_)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        try:
            tags.input_tags.sparse = library_of(self.estimator).sparse
        except TypeError:  # of what is no booster, `fit` speaks
            tags.input_tags.sparse = False
        return tags


def _matrix(X):
    """Return a sparse matrix, with indices of 32 bits: not all boosters take arrays, or more."""
    X = X if sparse.isspmatrix(X) else getattr(sparse, f"{X.format}_matrix")(X)
    if X.indices.dtype != np.int32 and X.nnz < np.iinfo(np.int32).max:
        parts = X.data, X.indices.astype(np.int32), X.indptr.astype(np.int32)
        X = type(X)(parts, shape=X.shape)
    return X


def _validation_data(given, eval_set):
    """Return ``(X, y, sample_weight)`` to validate on, or None."""
    X_val, y_val, weight_val = given
    if eval_set is not None:
        if X_val is not None:
            raise ValueError("Pass either X_val and y_val or eval_set, not both.")
        pairs = [eval_set] if isinstance(eval_set, tuple) else list(eval_set)
        if len(pairs) != 1 or len(pairs[0]) != 2:
            raise ValueError("eval_set must be one pair (X, y), or a list of one.")
        X_val, y_val = pairs[0]
    if X_val is None and y_val is None:
        return None
    if X_val is None or y_val is None:
        raise ValueError("X_val and y_val are required together.")
    return X_val, y_val, weight_val
