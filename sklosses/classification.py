"""`LossClassifier`: classification with any loss of classes, linear or with hidden layers."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.callback import with_callbacks
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from ._estimator import LossEstimator
from ._fitting import ByGroup, Data
from ._groups import Groups
from ._loss import Loss
from .metrics import d2_loss_score

BINARY = 2
FEW_OF_A_CLASS = 16  # rows that a batch should hold at least, where a batch is a group


def _has_probabilities(estimator):
    """Whether the loss gives probabilities; if not, say so as scikit-learn does."""
    loss = getattr(estimator, "loss_function_", None) or estimator._resolve_loss()
    if loss.response_method != "predict_proba":
        raise AttributeError(f"probability estimates are not available for loss={loss!r}")
    return True


class LossClassifier(ClassifierMixin, LossEstimator):
    """Classification, linear or with hidden layers, that minimises any loss of classes.

    Minimises ``sum(w * loss(y, f(X))) / sum(w) + alpha * penalty`` where f is linear, or a
    multilayer perceptron with `hidden_layer_sizes`. ``"log_loss"`` is binary or categorical
    cross-entropy by the number of classes, and so is `Brier`; other binary losses go one-vs-rest
    for three and more.

    Parameters
    ----------
    loss : str or Loss, default="log_loss"
        The loss, by name or as an object; an object's parameters can be searched for as
        ``loss__gamma`` and so on.
    <parameters>
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, multiplied with `sample_weight`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels; of two, the second is the positive one.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Coefficients of linear models: of the positive class, or of each.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Intercept.
    <attributes>

    See Also
    --------
    LossRegressor : The same for numbers.
    sklearn.linear_model.LogisticRegression : The optimum of one of the losses.

    Examples
    --------
    >>> import numpy as np
    >>> X, y = np.array([[-2.0], [-1.0], [1.0], [2.0]]), np.array(["no", "no", "yes", "yes"])
    >>> LossClassifier("focal").fit(X, y).predict([[3.0]])
    array(['yes'], dtype='<U3')
    """

    tasks: ClassVar[tuple] = ("binary", "multiclass", "overlap")

    loss: Annotated[str | Loss, (str, Loss)] = "log_loss"
    class_weight: Annotated[dict | str | None, ("balanced", dict, None)] = None

    __metadata_request__fit = {
        "sample_weight": True, "X_val": True, "y_val": True, "sample_weight_val": True,
        "qid": True, "qid_val": True,
    }  # fmt: skip
    __metadata_request__partial_fit = {"sample_weight": True, "qid": True}

    @with_callbacks
    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None, sample_weight_val=None,
            qid=None, qid_val=None):  # fmt: skip
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data; float32 and float64 are used as they are.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Class labels of any kind; or, for losses that take them, rows of class shares (soft
            labels), whose classes are the columns.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row; k is the same as the row k times.
        X_val, y_val, sample_weight_val : optional
            Data to validate on: early stopping is then on by default.
        qid, qid_val : array-like of shape (n_samples,), default=None
            The group of each row, of any type and in any order, for losses with a term a group
            (overlap losses); others ignore it. None: all rows are one group, or those of a batch.

        Returns
        -------
        self
        """
        if X_val is not None and y_val is not None:
            y_val = ByGroup(y_val, qid_val)
        return self._fit(X, ByGroup(y, qid), sample_weight, (X_val, y_val, sample_weight_val))

    def partial_fit(self, X, y, classes=None, sample_weight=None, qid=None):
        """Take one stochastic epoch over some rows, going on from the last call.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`; rows of a stream.
        classes : array-like of shape (n_classes,), default=None
            All labels there can be; required at the first call.
        qid : array-like of shape (n_samples,), default=None
            As in `fit`; whole groups of a stream.

        Returns
        -------
        self
        """
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight 'balanced' is not supported for partial_fit: the class frequencies "
                "of a stream are not known. Pass a dict of weights instead."
            )
        first = not hasattr(self, "n_iter_")
        if first:
            if classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            self.classes_ = self._check_classes(np.unique(classes))
        elif classes is not None and not np.array_equal(self.classes_, np.unique(classes)):
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call to partial_fit, was: "
                f"{self.classes_!r}"
            )
        return self._partial_fit(X, ByGroup(y, qid), sample_weight, first=first)

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
        raw = self._raw(X)
        if raw.ndim == 1 or raw.shape[1] == 1:
            return raw.ravel()
        return raw[:, 1] - raw[:, 0] if raw.shape[1] == BINARY else raw

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
        check_is_fitted(self)
        p = self.loss_function_.inverse_link(self._raw(X))
        if p.ndim == 1 or p.shape[1] == 1:
            return np.column_stack((1 - p.ravel(), p.ravel()))
        if self.loss_function_.task == "binary":
            total = p.sum(axis=1, keepdims=True)
            p = np.divide(p, total, out=np.full_like(p, 1 / p.shape[1]), where=total > 0)
        return p

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
        check_is_fitted(self)
        scores = self.decision_function(X)
        best = scores > 0 if scores.ndim == 1 else scores.argmax(axis=1)
        return self.classes_[best.astype(np.intp)]

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

    def _check_data(self, X, y, sample_weight, *, reset, fitting=False):
        y, qid = (y.y, y.qid) if isinstance(y, ByGroup) else (y, None)
        data = super()._check_data(X, y, sample_weight, reset=reset, fitting=fitting)
        loss = self.loss_function_
        if not loss.groupwise:
            return data
        groups = Groups.of(qid, data.weight.size)
        weights = loss._weights(data.weight, groups, data.weight.dtype)
        rarest = np.bincount(data.y.astype(np.intp), minlength=self.classes_.size).min()
        least = FEW_OF_A_CLASS * data.weight.size // max(rarest, 1)
        whole = qid is not None
        return Data.by_group(data.X, data.y, groups, weights, whole=whole, least=least)

    def _encode(self, y, sample_weight, *, fitting):
        if np.ndim(y) == BINARY and np.shape(y)[1] > 1:
            return self._encode_shares(np.asarray(y), sample_weight, fitting=fitting)
        check_classification_targets(y)
        y = column_or_1d(y, warn=True)
        if fitting:
            self.classes_ = self._check_classes(np.unique(y))
        codes = np.searchsorted(self.classes_, y)
        unseen = self.classes_[np.minimum(codes, self.classes_.size - 1)] != y
        if unseen.any():
            raise ValueError(
                f"y contains labels that are not in classes_: {np.unique(y[unseen]).tolist()}; "
                f"classes_ are {self.classes_.tolist()}."
            )
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
        return self.classes_.size if loss.task == "multiclass" else super()._columns(loss, y)

    def _check_classes(self, classes):
        if classes.size < BINARY:
            raise ValueError(
                f"{type(self).__name__} needs samples of at least 2 classes in the data, but the "
                f"data contains only one class: {classes[0]!r}"
            )
        return classes

    def _stratify(self, y):
        y = getattr(y, "y", y)
        return y if y.ndim == 1 else y.argmax(axis=1)

    def _set_coefficients(self, coefs, intercepts, *, single):
        super()._set_coefficients(coefs, intercepts, single=False)
