"""`LossClassifier`: linear classification with any pointwise loss of the binary family."""

from __future__ import annotations

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from ._estimator import LossEstimator

BINARY = 2


def _has_probabilities(estimator):
    """Whether the loss gives probabilities; if not, say so as scikit-learn does."""
    loss = getattr(estimator, "loss_function_", None) or estimator._resolve_loss()
    if loss.response_method != "predict_proba":
        raise AttributeError(f"probability estimates are not available for loss={loss!r}")
    return True


class LossClassifier(ClassifierMixin, LossEstimator):
    tasks = ("binary",)

    _parameter_constraints = {
        **LossEstimator._parameter_constraints,
        "class_weight": [StrOptions({"balanced"}), dict, None],
    }

    def __init__(
        self,
        loss="log_loss",
        *,
        penalty="l2",
        alpha=1e-4,
        l1_ratio=0.15,
        fit_intercept=True,
        solver="auto",
        learning_rate="adaptive",
        learning_rate_init=None,
        power_t=0.5,
        average=False,
        shuffle=True,
        max_iter=1000,
        tol=1e-4,
        early_stopping="auto",
        validation_fraction=0.1,
        n_iter_no_change=5,
        class_weight=None,
        warm_start=False,
        random_state=None,
        verbose=0,
    ):
        self.loss = loss
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.solver = solver
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.average = average
        self.shuffle = shuffle
        self.max_iter = max_iter
        self.tol = tol
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None, sample_weight_val=None):
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    def decision_function(self, X):
        return self._raw(X).ravel()

    @available_if(_has_probabilities)
    def predict_proba(self, X):
        positive = self.loss_function_.inverse_link(self.decision_function(X))
        return np.column_stack((1 - positive, positive))

    def predict(self, X):
        check_is_fitted(self)
        return self.classes_[(self.decision_function(X) > 0).astype(np.intp)]

    def _encode(self, y, sample_weight, *, reset):
        check_classification_targets(y)
        y = column_or_1d(y, warn=True)
        if reset:
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
