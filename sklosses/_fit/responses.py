"""What models of a loss show, whatever fits them: coefficients, a network, or a booster.

They need ``_raw(X)``, the raw predictions, and ``loss_function_``.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from .._bases.params import Parametrized
from .._registry import get_loss
from ..metrics import d2_loss_score, ndcg_score

BINARY = 2


class LossModel(Parametrized):
    """A model with a parameter `loss`, by name or as an object."""

    #: the families of losses it takes
    tasks: ClassVar[tuple] = ()

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

    def _resolve_loss(self):
        loss = get_loss(self.loss)
        loss._validate_params()
        if loss.task not in self.tasks:
            raise ValueError(
                f"{type(self).__name__} minimises losses of the families {self.tasks}; "
                f"{type(loss).__name__} is one of {loss.task!r}."
            )
        return loss

    def _columns(self, loss, y):
        """Return the number of raw columns of a model of targets `y`."""
        return loss.columns(y)

    def _encode(self, y, sample_weight, *, fitting):
        """Return targets as a float array of shape (n,) or (n, k), and the weights."""
        return y, sample_weight


class RegressorOfLoss(RegressorMixin):
    """Predictions of numbers."""

    tasks: ClassVar[tuple] = ("regression", "distributional")

    def predict(self, X, return_std=False):
        """Return predictions on the scale of the target: the inverse link of the raw ones.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data.
        return_std : bool, default=False
            Whether to return standard deviations too; for losses that have them.

        Returns
        -------
        ndarray of shape (n_samples,), (n_samples, n_targets) or (n_samples, n_quantiles)
            Predictions; with `return_std` a pair of arrays.
        """
        raw = self._raw(X)
        response = self.loss_function_.inverse_link(raw)
        names = getattr(self.loss_function_, "response_names", ())
        if return_std:
            if "std" not in names:
                raise ValueError(f"{self.loss_function_!r} gives no standard deviations.")
            return response[:, names.index("mean")], response[:, names.index("std")]
        return response[:, names.index("mean")] if "mean" in names else response

    def score(self, X, y, sample_weight=None):
        """Return R² of the predictions; for several quantiles the skill in their loss.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.

        Returns
        -------
        float
            R², or `d2_loss_score` where a prediction is several quantiles: 1 is perfect, 0 no
            better than a constant.
        """
        loss = getattr(self, "loss_function_", None)
        if (getattr(loss, "n_raw", None) or 1) > 1 and "mean" not in loss.response_names:
            return d2_loss_score(y, self.predict(X), loss=loss, sample_weight=sample_weight)
        return super().score(X, y, sample_weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _has_probabilities(estimator):
    """Whether the loss gives probabilities; if not, say so as scikit-learn does."""
    loss = getattr(estimator, "loss_function_", None) or estimator._resolve_loss()
    if loss.response_method != "predict_proba":
        raise AttributeError(f"probability estimates are not available for loss={loss!r}")
    return True


class ClassifierOfLoss(ClassifierMixin):
    """Labels as a loss takes them, and classes from raw predictions."""

    tasks: ClassVar[tuple] = ("binary", "multiclass")

    def decision_function(self, X):
        """Return raw scores: (n_samples,), positive for ``classes_[1]``, or (n_samples, n_classes).

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data.

        Returns
        -------
        ndarray
            Scores; the class of the largest is predicted.
        """
        return self._scores(self._raw(X))

    @available_if(_has_probabilities)
    def predict_proba(self, X):
        """Return the probability of each class, for losses that have one.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities; those of one-vs-rest are divided by their sum.
        """
        return self._probabilities(self._raw(X))

    def predict(self, X):
        """Return the class of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels.
        """
        return self._best(self.decision_function(X))

    def score(self, X, y, sample_weight=None):
        """Return the accuracy; for rows of class shares the skill in the loss.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels, or rows of class shares.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.

        Returns
        -------
        float
            Accuracy, or `d2_loss_score`: 1 is perfect, 0 no better than a constant.
        """
        shape = getattr(y, "shape", None) or np.shape(y)
        if len(shape) == BINARY and shape[1] > 1:
            response, loss = self.predict_proba(X), self.loss_function_
            return d2_loss_score(np.asarray(y), response, loss=loss, sample_weight=sample_weight)
        return super().score(X, y, sample_weight)

    @staticmethod
    def _scores(raw):
        """Return scores of raw predictions: one of two classes, else one a class."""
        if raw.ndim == 1 or raw.shape[1] == 1:
            return raw.ravel()
        return raw[:, 1] - raw[:, 0] if raw.shape[1] == BINARY else raw

    def _probabilities(self, raw):
        p = self.loss_function_.inverse_link(raw)
        if p.ndim == 1 or p.shape[1] == 1:
            return np.column_stack((1 - p.ravel(), p.ravel()))
        if self.loss_function_.task == "binary":
            total = p.sum(axis=1, keepdims=True)
            p = np.divide(p, total, out=np.full_like(p, 1 / p.shape[1]), where=total > 0)
        return p

    def _best(self, scores):
        best = scores > 0 if scores.ndim == 1 else scores.argmax(axis=1)
        return self.classes_[best.astype(np.intp)]

    def _encode(self, y, sample_weight, *, fitting):
        if np.ndim(y) == BINARY and np.shape(y)[1] > 1:
            return self._encode_shares(np.asarray(y), sample_weight, fitting=fitting)
        check_classification_targets(y)
        y = column_or_1d(y, warn=True)
        if fitting:
            self.classes_ = self._check_classes(np.unique(y))
        codes = self._codes(y)
        if self.class_weight is not None:
            if fitting or self.class_weight != "balanced":  # validation data: as in training
                self._class_weights = compute_class_weight(
                    self.class_weight, classes=self.classes_, y=y, sample_weight=sample_weight
                )
            sample_weight = sample_weight * self._class_weights[codes].astype(sample_weight.dtype)
        loss = self._loss_of_classes()
        if loss.task != "binary" or self.classes_.size == BINARY:
            return codes, sample_weight
        return codes[:, None] == np.arange(self.classes_.size), sample_weight  # one-vs-rest

    def _codes(self, y):
        """Return labels as places in ``classes_``."""
        codes = np.searchsorted(self.classes_, y)
        unseen = self.classes_[np.minimum(codes, self.classes_.size - 1)] != y
        if unseen.any():
            raise ValueError(
                f"y contains labels that are not in classes_: {np.unique(y[unseen]).tolist()}; "
                f"classes_ are {self.classes_.tolist()}."
            )
        return codes

    def _encode_shares(self, y, sample_weight, *, fitting):
        if fitting:
            self.classes_ = np.arange(y.shape[1])
        loss = self._loss_of_classes(soft=True)
        if getattr(loss, "soft_labels", False) is False:
            raise ValueError(
                f"y of shape {y.shape} would be class shares (soft labels), which {loss!r} does "
                f"not take. For labels, y should be a 1d array."
            )
        if self.class_weight is not None:
            if self.class_weight == "balanced":
                raise ValueError("class_weight='balanced' needs labels, not class shares.")
            weights = np.array([self.class_weight.get(label, 1.0) for label in self.classes_])
            sample_weight = sample_weight * (y @ weights).astype(sample_weight.dtype)
        return y, sample_weight

    def _loss_of_classes(self, *, soft=False):
        """Return the loss for this number of classes, and remember it as ``loss_function_``."""
        loss, k = self._resolve_loss(), self.classes_.size
        if soft and loss.task == "binary":
            k = max(k, BINARY + 1)  # a column a class, though there be two
        self.loss_function_ = loss = loss.for_classes(k)
        return loss

    def _columns(self, loss, y):
        if loss.groupwise:
            return loss.columns_of(self.classes_.size)
        return self.classes_.size if loss.task == "multiclass" else loss.columns(y)

    def _check_classes(self, classes):
        if classes.size < BINARY:
            raise ValueError(
                f"{type(self).__name__} needs samples of at least 2 classes in the data, but the "
                f"data contains only one class: {classes[0]!r}"
            )
        return classes


class RankerOfLoss:
    """Scores of the documents of queries."""

    tasks: ClassVar[tuple] = ("ranking",)

    def predict(self, X):
        """Return scores: the higher, the earlier in the ranking.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data.

        Returns
        -------
        ndarray of shape (n_samples,)
            Scores, comparable within a query.
        """
        return self._raw(X)

    def score(self, X, y, sample_weight=None, qid=None):
        """Return the mean NDCG of the queries.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data.
        y : array-like of shape (n_samples,)
            Grades of relevance.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, the same in all rows of a query.
        qid : array-like of shape (n_samples,)
            The query of each row.

        Returns
        -------
        float
            NDCG, with gains 2^y − 1; 1 is perfect. Queries without a relevant document are left
            out.
        """
        qid = self._required(qid, "score")
        return ndcg_score(y, self.predict(X), qid=qid, sample_weight=sample_weight)

    def _required(self, qid, method, name="qid"):
        if qid is None:
            raise ValueError(
                f"{type(self).__name__}.{method} needs {name}, the query of each row: "
                f"{method}(X, y, {name}={name}). In cross_validate and searches set "
                "sklearn.set_config(enable_metadata_routing=True) and pass params={'qid': qid} "
                "(or fit(X, y, qid=qid)), with a splitter that keeps queries whole."
            )
        return qid

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.positive_only = True
        return tags
