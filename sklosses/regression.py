"""`LossRegressor`: linear regression with any pointwise loss."""

from __future__ import annotations

from sklearn.base import RegressorMixin

from ._estimator import LossEstimator


class LossRegressor(RegressorMixin, LossEstimator):
    tasks = ("regression",)

    def __init__(
        self,
        loss="squared_error",
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
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None, sample_weight_val=None):
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    def predict(self, X):
        raw = self._raw(X)
        return self.loss_function_.inverse_link(raw)

    def _encode(self, y, sample_weight, *, reset):
        return y, sample_weight

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
