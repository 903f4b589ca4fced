"""Losses for CatBoost: ``CatBoost*(loss_function=…, eval_metric=…)``."""

from __future__ import annotations

import warnings

import numpy as np

from ._callback import Callback

# CatBoost tries to compile methods on its own, and says so when it cannot
warnings.filterwarnings("ignore", "Can't optimze method .* because self argument", UserWarning)


def catboost_objective(loss):
    """Return a loss as CatBoost takes an objective.

    Parameters
    ----------
    loss : str, type or Loss
        The loss.

    Returns
    -------
    object
        With the method ``calc_ders_range`` or, for several raw columns, ``calc_ders_multi``.
    """
    callback = Callback(loss)
    return (_RowObjective if callback.loss.rowwise else _Objective)(callback.loss)


def catboost_metric(loss):
    """Return a loss as CatBoost takes an evaluation metric.

    Parameters
    ----------
    loss : str, type or Loss
        The loss.

    Returns
    -------
    object
        With the methods ``evaluate``, ``get_final_error`` and ``is_max_optimal``.
    """
    callback = _Metric(loss)
    callback.__class__ = type(callback.__name__, (_Metric,), {})  # CatBoost calls it by its class
    return callback


class _Objective(Callback):
    def calc_ders_range(self, approxes, targets, weights):
        """Return minus gradient and Hessian: CatBoost maximises."""
        out = np.empty((len(targets), 2))
        g, h = self.derivatives(targets, approxes, weights)
        np.negative(g, out=out[:, 0])
        np.negative(h, out=out[:, 1])
        return out


class _RowObjective(Callback):
    def calc_ders_multi(self, approxes, target, weight):
        """Return minus gradient and Hessian, a matrix, of one row."""
        g, h = self.derivatives(np.array([target]), approxes[None], np.array([weight]))
        return -g[0], np.diag(-h[0])


class _Metric(Callback):
    def __reduce__(self):
        return catboost_metric, (self.loss,)

    def evaluate(self, approxes, target, weight):
        """Return the sum of the loss and of the weights."""
        raw = approxes[0] if len(approxes) == 1 else np.column_stack(approxes)
        return self.total(target, raw, weight)

    def get_final_error(self, error, weight):
        """Return the mean."""
        return error / weight

    def is_max_optimal(self):
        """Return that less is better."""
        return False
