"""`LossBoostingRegressor`, `…Classifier`, `…Ranker`: the boosters of four libraries, any loss."""

from __future__ import annotations

import warnings
from typing import Annotated, Any, ClassVar

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import _safe_indexing, check_consistent_length
from sklearn.utils.validation import _check_sample_weight, _check_y, check_is_fitted, validate_data

from .._arrays.groups import Groups
from .._arrays.inputs import DOUBLE, check_domain
from .._bases.loss import Loss
from .._bases.native import twin
from .._fit.responses import ClassifierOfLoss, LossModel, RankerOfLoss, RegressorOfLoss
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
        """Return which rows to take, None of all as they are, and their groups if there are any."""
        return None if weight.all() else np.flatnonzero(weight), None  # no weight: no row

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


class LossBoostingRegressor(RegressorOfLoss, BoostedModel):
    """Gradient boosting of numbers that minimises any loss, with the booster of your choice.

    The booster of LightGBM, XGBoost, CatBoost or scikit-learn grows the trees; the loss gives it
    gradients and curvatures, the constant to start from, and the metric to stop early by.
    `MultiQuantile` predicts all its quantiles, sorted unless they may cross; `GaussianNLL` a mean
    and, with ``predict(X, return_std=True)``, a standard deviation.

    Parameters
    ----------
    estimator : LGBM*, XGB*, CatBoost* or HistGradientBoosting*
        The booster, with its parameters; regressor or classifier does not matter. It is copied, not
        changed. Its objective and metric are replaced. Parameters can be searched for as
        ``estimator__num_leaves`` and so on.
    loss : str or Loss, default="squared_error"
        The loss, by name or as an object; an object's parameters can be searched for as
        ``loss__delta`` and so on.
    native : bool or "auto", default="auto"
        Whether to use the booster's own objective where it is the same loss. "auto": where it does
        something that no function can, such as setting leaves to medians for `AbsoluteError`; then
        it also starts where that starts. True raises if there is none. See ``objective_``.

    Attributes
    ----------
    estimator_ : estimator
        The fitted booster. Its own predictions are raw ones, without ``baseline_``.
    baseline_ : ndarray of shape (n_raw,)
        What is added to its raw predictions: the best constant, or 0 where they include it.
    objective_ : str or object
        What the booster minimised: the name of its own objective, or the loss as it was passed.
    loss_function_ : Loss
        The loss that was minimised; of quantiles that must not cross, that of quantiles that may,
        before they are sorted.
    n_iter_ : int
        Iterations that predictions use.
    validation_scores_ : list of float or None
        The negated loss on the validation data after each iteration.
    feature_importances_ : ndarray of shape (n_features,)
        Those of the booster, if it has them.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.

    See Also
    --------
    LossBoostingClassifier : The same for classes.
    LossRegressor : Linear models and networks.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.ensemble import HistGradientBoostingRegressor
    >>> X, y = np.arange(100.0)[:, None], np.arange(100.0) ** 2
    >>> model = LossBoostingRegressor(HistGradientBoostingRegressor(), "log_cosh").fit(X, y)
    >>> model.score(X, y) > 0.95
    True
    """

    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None, sample_weight_val=None,
            eval_set=None):  # fmt: skip
        """Fit the booster.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data; NaN is a missing value. A DataFrame reaches the booster as it is, with its names
            and categories.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Targets, in the domain of the loss.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row; 0 is the same as no row.
        X_val, y_val, sample_weight_val : optional
            Data to validate on: fitting stops when the loss on them no longer falls, after as many
            iterations as the booster is told to wait (10 if it is not), and predictions use the
            best iteration.
        eval_set : tuple (X, y) or list of one, default=None
            The same as `X_val` and `y_val`, as boosters call them.

        Returns
        -------
        self
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val), eval_set)


class LossBoostingClassifier(ClassifierOfLoss, BoostedModel):
    """Gradient boosting of classes that minimises any loss, with the booster of your choice.

    ``"log_loss"`` is binary or categorical cross-entropy by the number of classes, and so is
    `Brier`; other binary losses go one-vs-rest for three and more.

    Parameters
    ----------
    estimator : LGBM*, XGB*, CatBoost* or HistGradientBoosting*
        As in `LossBoostingRegressor`.
    loss : str or Loss, default="log_loss"
        The loss, by name or as an object; an object's parameters can be searched for as
        ``loss__gamma`` and so on.
    native : bool or "auto", default="auto"
        As in `LossBoostingRegressor`.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, multiplied with `sample_weight`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels; of two, the second is the positive one.
    estimator_, baseline_, objective_, loss_function_, n_iter_, validation_scores_
        As in `LossBoostingRegressor`.
    feature_importances_, n_features_in_, feature_names_in_
        As in `LossBoostingRegressor`.

    See Also
    --------
    LossBoostingRegressor : The same for numbers.
    LossClassifier : Linear models and networks.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.ensemble import HistGradientBoostingClassifier
    >>> X, y = np.arange(100.0)[:, None], np.repeat(["no", "yes"], 50)
    >>> model = LossBoostingClassifier(HistGradientBoostingClassifier(), "focal").fit(X, y)
    >>> model.predict([[90.0]])
    array(['yes'], dtype='<U3')
    """

    loss: Annotated[str | Loss, (str, Loss)] = "log_loss"
    class_weight: Annotated[dict | str | None, ("balanced", dict, None)] = None

    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None, sample_weight_val=None,
            eval_set=None):  # fmt: skip
        """Fit the booster.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data; NaN is a missing value. A DataFrame reaches the booster as it is.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Class labels of any kind; or, for losses that take them, rows of class shares (soft
            labels), whose classes are the columns.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row; 0 is the same as no row.
        X_val, y_val, sample_weight_val, eval_set : optional
            As in `LossBoostingRegressor.fit`.

        Returns
        -------
        self
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val), eval_set)


class LossBoostingRanker(RankerOfLoss, BoostedModel):
    """Gradient boosting of rankings that minimises any ranking loss, with any booster.

    Also where the booster has no ranker, or one that takes no function.

    Parameters
    ----------
    estimator : LGBM*, XGB*, CatBoost* or HistGradientBoosting*
        As in `LossBoostingRegressor`; ranker or not does not matter.
    loss : str or Loss, default="lambda_rank"
        The loss, by name or as an object; an object's parameters can be searched for as
        ``loss__k`` and so on.
    native : bool or "auto", default="auto"
        As in `LossBoostingRegressor`.

    Attributes
    ----------
    estimator_, baseline_, objective_, loss_function_, n_iter_, validation_scores_
        As in `LossBoostingRegressor`.
    feature_importances_, n_features_in_, feature_names_in_
        As in `LossBoostingRegressor`.

    See Also
    --------
    LossRanker : Linear models and networks.
    sklosses.metrics.ndcg_score : What `score` returns, by query.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.ensemble import HistGradientBoostingRegressor
    >>> X, y, qid = np.arange(100.0)[:, None], np.tile([0, 1, 2, 3], 25), np.arange(100) // 4
    >>> booster = HistGradientBoostingRegressor(min_samples_leaf=1)
    >>> LossBoostingRanker(booster, "lambda_rank").fit(X, y, qid=qid).score(X, y, qid=qid) > 0.9
    True
    """

    loss: Annotated[str | Loss, (str, Loss)] = "lambda_rank"

    _target_checks: ClassVar[dict] = {"y_numeric": True}

    __metadata_request__fit = {
        "sample_weight": True, "X_val": True, "y_val": True, "sample_weight_val": True,
        "eval_set": True, "qid": True, "qid_val": True,
    }  # fmt: skip
    __metadata_request__score = {"sample_weight": True, "qid": True}

    def fit(self, X, y, sample_weight=None, qid=None, X_val=None, y_val=None,
            sample_weight_val=None, qid_val=None, eval_set=None):  # fmt: skip
        """Fit the booster.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            A row a document (item, candidate) of a query.
        y : array-like of shape (n_samples,)
            Grades of relevance, ≥ 0; clicks of 0 and 1.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, the same in all rows of a query.
        qid : array-like of shape (n_samples,)
            The query of each row, of any type and in any order.
        X_val, y_val, sample_weight_val, qid_val, eval_set : optional
            As in `LossBoostingRegressor.fit`, with the queries of their rows.

        Returns
        -------
        self
        """
        given = X_val, y_val, sample_weight_val
        qid = self._required(qid, "fit")
        if X_val is not None or eval_set is not None:
            qid_val = self._required(qid_val, "fit", "qid_val")
        return self._fit(X, y, sample_weight, given, eval_set, qid, qid_val)

    def _targets(self, y):
        loss, y = self.loss_function_, np.ascontiguousarray(y, DOUBLE)
        check_domain(type(loss).__name__, y, "y", loss.target)
        return y

    def _rows(self, weight, qid):
        """Return rows by query, and the queries; but for those without weight."""
        groups = Groups.of(qid, weight.size)
        kept = np.flatnonzero(groups.weights(weight))
        sizes = np.diff(groups.offsets)
        if kept.size < groups.n_groups or groups.order is not None:
            order = np.arange(weight.size) if groups.order is None else groups.order
            return order[np.repeat(groups.weights(weight) > 0, sizes)], of_sizes(sizes[kept])
        return None, groups
