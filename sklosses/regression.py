"""`LossRegressor`: regression with any loss of numbers, linear or with hidden layers."""

from __future__ import annotations

from typing import ClassVar

from sklearn.base import RegressorMixin
from sklearn.callback import with_callbacks

from ._estimator import LossEstimator
from ._loss import TermLoss
from .metrics import d2_loss_score


class LossRegressor(RegressorMixin, LossEstimator):
    """Regression, linear or with hidden layers, that minimises any loss of numbers.

    Minimises ``sum(w * loss(y, f(X))) / sum(w) + alpha * penalty`` where f is linear, or a
    multilayer perceptron with `hidden_layer_sizes`. Linear models of several targets are fitted as
    if each were alone. `MultiQuantile` predicts all its quantiles, `GaussianNLL` a mean and, with
    ``predict(X, return_std=True)``, a standard deviation.

    Parameters
    ----------
    loss : str or Loss, default="squared_error"
        The loss, by name or as an object; an object's parameters can be searched for as
        ``loss__delta`` and so on.
    <parameters>

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_raw, n_features)
        Coefficients on the link scale, of linear models; a row a target, or a raw column.
    intercept_ : float or ndarray of shape (n_raw,)
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

    tasks: ClassVar[tuple] = ("regression", "distributional", "generative")

    @with_callbacks
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
        return self._partial_fit(X, y, sample_weight, first=not hasattr(self, "n_iter_"))

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

    def _resolve_loss(self):
        loss = super()._resolve_loss()
        if not isinstance(loss, TermLoss):  # of the generative family, some are games
            raise ValueError(
                f"{type(loss).__name__} does not compare predictions with targets: "
                f"{type(self).__name__} cannot minimise it."
            )
        return loss

    def _encode(self, y, sample_weight, *, fitting):
        return y, sample_weight

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
