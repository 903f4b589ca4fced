"""Losses for XGBoost: ``XGBModel(objective=…, eval_metric=…)``, or ``xgboost.train``."""

from __future__ import annotations

from ._callback import Callback, hint


def xgboost_objective(loss, *, qid=None):
    """Return a loss as XGBoost takes an objective.

    Parameters
    ----------
    loss : str, type or Loss
        The loss.
    qid : array-like of shape (n_samples,), default=None
        The group of each training row, for losses of groups: XGBoost does not pass it.

    Returns
    -------
    callable
        ``objective(y_true, y_pred, sample_weight=None)``, returning gradient and Hessian.

    Raises
    ------
    ImportError
        If XGBoost is not installed.

    Notes
    -----
    With a function XGBoost starts from 0.5: set ``base_score`` to ``loss.init_raw(y)`` (0 for
    several columns, with ``base_margin`` in ``fit`` and ``predict``). ``XGBRanker`` refuses
    functions: losses of groups go through ``XGBRegressor`` or ``xgboost.train``.

    Examples
    --------
    >>> import numpy as np
    >>> objective = xgboost_objective("squared_error")
    >>> y_true, y_pred = np.zeros(2, np.float32), np.array([0.5, 2.0], np.float32)
    >>> gradient, hessian = objective(y_true, y_pred)
    >>> gradient.tolist(), hessian.tolist()
    ([1.0, 4.0], [2.0, 2.0])
    """
    _require()
    return _Objective(loss, qid)


def xgboost_metric(loss, *, qid=None, raw=True):
    """Return a loss as XGBoost takes an evaluation metric.

    Parameters
    ----------
    loss : str, type or Loss
        The loss.
    qid : array-like of shape (n_samples,), default=None
        The group of each row evaluated on.
    raw : bool, default=True
        Whether XGBoost passes raw scores, as it does with an objective that is a function.

    Returns
    -------
    callable
        ``metric(y_true, y_pred, sample_weight=None)``, returning the mean loss.

    Raises
    ------
    ImportError
        If XGBoost is not installed.
    """
    _require()
    return _Metric(loss, qid, raw=raw)


def _require():
    try:
        import xgboost  # noqa: F401
    except ImportError as error:
        raise ImportError(hint("xgboost")) from error


# XGBoost looks for a parameter of the name `sample_weight`


class _Objective(Callback):
    def __call__(self, y_true, y_pred, sample_weight=None):
        if hasattr(y_pred, "get_label"):  # (predictions, data matrix), as ``xgboost.train`` calls
            y_true, y_pred, sample_weight = _fields(y_true, y_pred)
        return self.derivatives(y_true, y_pred, sample_weight)


class _Metric(Callback):
    def __init__(self, loss, qid=None, *, raw=True):
        super().__init__(loss, qid)
        self.raw = raw

    def __call__(self, y_true, y_pred, sample_weight=None):
        if hasattr(y_pred, "get_label"):
            y_true, y_pred, sample_weight = _fields(y_true, y_pred)
            return self.__name__, self(y_true, y_pred, sample_weight)
        if self.raw:
            return self.mean(y_true, y_pred, sample_weight)
        return self.loss(y_true, y_pred, sample_weight=sample_weight, qid=self.qid)


def _fields(predictions, data):
    weight = data.get_weight()
    return data.get_label(), predictions, weight if weight.size else None
