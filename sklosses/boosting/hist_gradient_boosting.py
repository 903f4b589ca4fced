"""Losses for scikit-learn's ``HistGradientBoosting*(loss=…)``.

They take a private class; all that is known of it stays here.
"""

from __future__ import annotations

import numpy as np

from ._callback import Callback


def hist_gradient_boosting_loss(loss):
    """Return a loss as ``HistGradientBoostingRegressor`` and ``…Classifier`` take it.

    Parameters
    ----------
    loss : str, type or Loss
        The loss.

    Returns
    -------
    sklearn._loss.loss.BaseLoss
        To be passed as ``loss=``.

    Raises
    ------
    ImportError
        If this version of scikit-learn has no such class.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.ensemble import HistGradientBoostingRegressor
    >>> X, y = np.arange(60.0)[:, None], np.repeat([0.0, 1.0, 5.0], 20)
    >>> loss = hist_gradient_boosting_loss("absolute_error")
    >>> model = HistGradientBoostingRegressor(loss=loss).fit(X, y)
    >>> model.predict([[30.0]]).round(2).tolist()
    [1.0]
    """
    return _loss_class()(loss)


def _loss_class():
    global _class
    if _class is None:
        try:
            from sklearn._loss.link import IdentityLink
            from sklearn._loss.loss import BaseLoss
        except ImportError as error:
            raise ImportError(
                "hist_gradient_boosting_loss needs scikit-learn's private class "
                "sklearn._loss.loss.BaseLoss, which this version does not have."
            ) from error
        _class = _made_of(BaseLoss, IdentityLink)
    return _class


_class = None


def _made_of(BaseLoss, IdentityLink):
    class Link(IdentityLink):
        def __init__(self, loss):
            self.loss = loss

        def inverse(self, raw_prediction, out=None):
            return self.loss.inverse_link(raw_prediction)

    class HistGradientBoostingLoss(BaseLoss):
        """A loss of this library, as histogram gradient boosting calls it."""

        def __init__(self, loss):
            self.callback = Callback(loss)
            super().__init__(closs=None, link=Link(self.callback.loss))

        def __repr__(self):
            return f"<{type(self).__name__} of {self.callback.loss!r}>"

        def __reduce__(self):
            return hist_gradient_boosting_loss, (self.callback.loss,)

        def loss(self, y_true, raw_prediction, sample_weight=None, loss_out=None, n_threads=1):
            loss, raw = self.callback.loss, _column(raw_prediction)
            return loss.values(y_true, raw, sample_weight, out=loss_out)

        def gradient_hessian(
            self, y_true, raw_prediction, sample_weight=None, gradient_out=None,
            hessian_out=None, n_threads=1,
        ):  # fmt: skip
            raw = _column(raw_prediction)
            if gradient_out is None:
                return self.callback.derivatives(y_true, raw, sample_weight)
            outs = _column(gradient_out), _column(hessian_out)
            self.callback.fill(y_true, raw, sample_weight, None, *outs)
            return gradient_out, hessian_out

        def fit_intercept_only(self, y_true, sample_weight=None):
            loss = self.callback.loss
            if loss.task in ("binary", "multiclass"):
                loss = loss.for_classes(int(y_true.max()) + 1)
            raw = np.asarray(loss.init_raw(y_true, sample_weight))
            self.is_multiclass, self.n_classes = raw.size > 1, raw.size  # sizes of what follows
            return raw

        @property
        def predict_proba(self):
            if self.callback.loss.response_method != "predict_proba":
                raise AttributeError("predict_proba")  # whether there is one tells of classes
            return self._predict_proba

        def _predict_proba(self, raw_prediction):
            p = self.callback.loss.inverse_link(_column(raw_prediction))
            return p if p.ndim == 2 else np.column_stack((1 - p, p))

    return HistGradientBoostingLoss


def _column(array):
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
