"""`LossClassifier`: linear classification with any pointwise loss of the binary family."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from ._estimator import LossEstimator
from ._loss import Loss

BINARY = 2


def _has_probabilities(estimator):
    """Whether the loss gives probabilities; if not, say so as scikit-learn does."""
    loss = getattr(estimator, "loss_function_", None) or estimator._resolve_loss()
    if loss.response_method != "predict_proba":
        raise AttributeError(f"probability estimates are not available for loss={loss!r}")
    return True


class LossClassifier(ClassifierMixin, LossEstimator):
    """Linear classification that minimises any loss of the binary family.

    Minimises ``sum(w * loss(y, X @ coef + intercept)) / sum(w) + alpha * penalty``.

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
    classes_ : ndarray of shape (2,)
        The class labels; the second is the positive one.
    coef_ : ndarray of shape (1, n_features)
        Coefficients of the positive class.
    intercept_ : ndarray of shape (1,)
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

    tasks: ClassVar[tuple] = ("binary",)

    loss: Annotated[str | Loss, (str, Loss)] = "log_loss"
    class_weight: Annotated[dict | str | None, ("balanced", dict, None)] = None

    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None, sample_weight_val=None):
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data; float32 and float64 are used as they are.
        y : array-like of shape (n_samples,)
            Class labels of any kind.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row; k is the same as the row k times.
        X_val, y_val, sample_weight_val : optional
            Data to validate on: early stopping is then on by default.

        Returns
        -------
        self
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Take one stochastic epoch over some rows, going on from the last call.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`; rows of a stream.
        classes : array-like of shape (2,), default=None
            All labels there can be; required at the first call.

        Returns
        -------
        self
        """
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight 'balanced' is not supported for partial_fit: the class frequencies "
                "of a stream are not known. Pass a dict of weights instead."
            )
        first = not hasattr(self, "coef_")
        if first:
            if classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            self.classes_ = self._check_classes(np.unique(classes))
        elif classes is not None and not np.array_equal(self.classes_, np.unique(classes)):
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call to partial_fit, was: "
                f"{self.classes_!r}"
            )
        return self._partial_fit(X, y, sample_weight, first=first)

    def decision_function(self, X):
        """Return raw scores, positive for ``classes_[1]``: ndarray of shape (n_samples,)."""
        return self._raw(X).ravel()

    @available_if(_has_probabilities)
    def predict_proba(self, X):
        """Return the probability of each class, for losses that have one: shape (n_samples, 2)."""
        check_is_fitted(self)
        positive = self.loss_function_.inverse_link(self.decision_function(X))
        return np.column_stack((1 - positive, positive))

    def predict(self, X):
        """Return the class of each row."""
        check_is_fitted(self)
        return self.classes_[(self.decision_function(X) > 0).astype(np.intp)]

    def _encode(self, y, sample_weight, *, fitting):
        check_classification_targets(y)
        y = column_or_1d(y, warn=True)
        if fitting:
            self.classes_ = self._check_classes(np.unique(y))
        unseen = np.setdiff1d(y, self.classes_)
        if unseen.size:
            raise ValueError(
                f"y contains labels that are not in classes_: {unseen.tolist()}; "
                f"classes_ are {self.classes_.tolist()}."
            )
        codes = np.searchsorted(self.classes_, y)
        if self.class_weight is not None:
            weights = compute_class_weight(
                self.class_weight, classes=self.classes_, y=y, sample_weight=sample_weight
            )
            sample_weight = sample_weight * weights[codes].astype(sample_weight.dtype)
        return codes, sample_weight

    def _check_classes(self, classes):
        if classes.size < BINARY:
            raise ValueError(
                f"{type(self).__name__} needs samples of at least 2 classes in the data, but the "
                f"data contains only one class: {classes[0]!r}"
            )
        if classes.size > BINARY:
            raise ValueError(
                f"Only binary classification is supported. The type of the target is multiclass "
                f"with {classes.size} classes."
            )
        return classes

    def _stratify(self, y):
        return y

    def _set_coefficients(self, coefs, intercepts, *, single):
        self.coef_, self.intercept_ = coefs, intercepts

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags
