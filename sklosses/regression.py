"""`LossRegressor`: linear regression with any pointwise loss."""

from __future__ import annotations

from typing import ClassVar

from sklearn.base import RegressorMixin

from ._estimator import LossEstimator


class LossRegressor(RegressorMixin, LossEstimator):
    """Linear regression that minimises any loss of the regression family.

    Minimises ``sum(w * loss(y, X @ coef + intercept)) / sum(w) + alpha * penalty``; several targets
    are fitted as if alone.

    Parameters
    ----------
    loss : str or Loss, default="squared_error"
        The loss, by name or as an object; an object's parameters can be searched for as
        ``loss__delta`` and so on.
    <parameters>

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        Coefficients on the link scale.
    intercept_ : float or ndarray of shape (n_targets,)
        Intercept.
    <attributes>

    See Also
    --------
    LossClassifier : The same for classes.
    sklearn.linear_model.SGDRegressor : Stochastic fits of four losses.

    Examples
    --------
    >>> import numpy as np
    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([1.0, 3.0, 5.0, 7.0])
    >>> model = LossRegressor("squared_error", alpha=0).fit(X, y)
    >>> float(model.predict([[4.0]])[0].round(6))
    9.0
    """

    tasks: ClassVar[tuple] = ("regression",)

    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None, sample_weight_val=None):
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data; float32 and float64 are used as they are.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Targets, in the domain of the loss.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row; k is the same as the row k times.
        X_val, y_val, sample_weight_val : optional
            Data to validate on: early stopping is then on by default.

        Returns
        -------
        self
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    def partial_fit(self, X, y, sample_weight=None):
        """Take one stochastic epoch over some rows, going on from the last call.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`; rows of a stream.

        Returns
        -------
        self
        """
        return self._partial_fit(X, y, sample_weight, first=not hasattr(self, "coef_"))

    def predict(self, X):
        """Return predictions on the scale of the target: the inverse link of ``X @ coef_``."""
        raw = self._raw(X)
        return self.loss_function_.inverse_link(raw)

    def _encode(self, y, sample_weight, *, fitting):
        return y, sample_weight

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
