"""`LossRegressor`: regression with any loss of numbers, linear or with hidden layers."""

from __future__ import annotations

from typing import ClassVar

from sklearn.callback import with_callbacks

from ._bases.loss import TermLoss
from ._fit.estimator import LossEstimator
from ._fit.responses import RegressorOfLoss


class LossRegressor(RegressorOfLoss, LossEstimator):
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

    tasks: ClassVar[tuple] = (*RegressorOfLoss.tasks, "generative")

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

    def _resolve_loss(self):
        loss = super()._resolve_loss()
        if not isinstance(loss, TermLoss):  # of the generative family, some are games
            raise ValueError(
                f"{type(loss).__name__} does not compare predictions with targets: "
                f"{type(self).__name__} cannot minimise it."
            )
        return loss
