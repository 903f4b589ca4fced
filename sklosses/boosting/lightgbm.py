"""Losses for LightGBM: ``LGBMModel(objective=…)`` and ``fit(eval_metric=…)``, or ``lgb.train``."""

from __future__ import annotations

from ._callback import Callback, hint, of_sizes


def lightgbm_objective(loss):
    """Return a loss as LightGBM takes an objective.

    Parameters
    ----------
    loss : str, type or Loss
        The loss.

    Returns
    -------
    callable
        ``objective(y_true, y_pred, weight, group)``, returning gradient and Hessian.

    Raises
    ------
    ImportError
        If LightGBM is not installed.

    Notes
    -----
    With a function LightGBM starts from 0: pass ``init_score`` of ``loss.init_raw(y)`` to ``fit``,
    and add it to what it predicts. Predictions are raw. See the user guide for what the Hessian is.

    Examples
    --------
    >>> import numpy as np
    >>> objective = lightgbm_objective("squared_error")
    >>> y_true, y_pred = np.zeros(2, np.float32), np.array([0.5, 2.0])
    >>> gradient, hessian = objective(y_true, y_pred, None, None)
    >>> gradient.tolist(), hessian.tolist()
    ([1.0, 4.0], [2.0, 2.0])
    """
    _require()
    return _Objective(loss)


def lightgbm_metric(loss, *, raw=True):
    """Return a loss as LightGBM takes an evaluation metric.

    Parameters
    ----------
    loss : str, type or Loss
        The loss.
    raw : bool, default=True
        Whether LightGBM passes raw scores, as it does with an objective that is a function.

    Returns
    -------
    callable
        ``metric(y_true, y_pred, weight, group)``, returning name, mean loss, and that less is
        better.

    Raises
    ------
    ImportError
        If LightGBM is not installed.
    """
    _require()
    return _Metric(loss, raw=raw)


def _require():
    try:
        import lightgbm  # noqa: F401
    except ImportError as error:
        raise ImportError(hint("lightgbm")) from error


# LightGBM counts parameters: these four, or weights or groups are dropped without a word


class _Objective(Callback):
    def __call__(self, y_true, y_pred, weight=None, group=None):
        y_true, weight, group = _fields(y_true, y_pred, weight, group)
        return self.derivatives(*y_true, weight, _groups(group))


class _Metric(Callback):
    def __init__(self, loss, *, raw=True):
        super().__init__(loss)
        self.raw = raw

    def __call__(self, y_true, y_pred, weight=None, group=None):
        y_true, weight, group = _fields(y_true, y_pred, weight, group)
        if self.raw:
            value = self.mean(*y_true, weight, _groups(group))
        else:
            value = self.loss(*y_true, sample_weight=weight, qid=_groups(group))
        return self.__name__, value, False


def _groups(sizes):
    return None if sizes is None else of_sizes(sizes)


def _fields(y_true, y_pred, weight, group):
    """Return ``(targets, predictions)``, weights and groups, also of ``lgb.train``'s arguments."""
    if hasattr(y_pred, "get_label"):  # (predictions, data set)
        data = y_pred
        return (data.get_label(), y_true), data.get_weight(), data.get_group()
    return (y_true, y_pred), weight, group
