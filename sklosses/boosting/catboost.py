"""Losses for CatBoost: ``CatBoost*(loss_function=…, eval_metric=…)``."""

from __future__ import annotations

import warnings

import numpy as np

from ._callback import Callback, hint

KINKED_STEPS = 3
MODEST = "Can't optimze method .* because self argument is used"  # CatBoost would compile it itself


def catboost_objective(loss):
    """Return a loss as CatBoost takes an objective.

    Parameters
    ----------
    loss : str, type or Loss
        The loss.

    Returns
    -------
    object
        With the methods ``calc_ders_range`` and, for several raw columns, ``calc_ders_multi``.

    Raises
    ------
    ImportError
        If CatBoost is not installed.
    """
    _require()
    warnings.filterwarnings("ignore", MODEST, UserWarning)
    return _Objective(loss)


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

    Raises
    ------
    ImportError
        If CatBoost is not installed.
    """
    _require()
    warnings.filterwarnings("ignore", MODEST, UserWarning)
    callback = _Metric(loss)
    callback.__class__ = type(callback.__name__, (_Metric,), {})  # CatBoost calls it by its class
    return callback


def leaf_options(loss):
    """Return the parameters with which CatBoost makes the most of an objective of ours.

    It would take steps of a constant length otherwise. Losses with kinks bend more than their
    curvature at one point tells, so that a few steps help.

    Parameters
    ----------
    loss : Loss

    Returns
    -------
    dict
        ``leaf_estimation_method`` and ``leaf_estimation_iterations``.
    """
    steps = 1 if loss.smooth or loss.groupwise else KINKED_STEPS
    return {"leaf_estimation_method": "Newton", "leaf_estimation_iterations": steps}


def _require():
    try:
        import catboost  # noqa: F401
    except ImportError as error:
        raise ImportError(hint("catboost")) from error


class _Objective(Callback):
    _fill = None

    def calc_ders_range(self, approxes, targets, weights):
        """Return minus gradient and Hessian: CatBoost maximises."""
        out = np.empty((len(targets), 2))
        g, h = self.derivatives(targets, approxes, weights)
        np.negative(g, out=out[:, 0])
        np.negative(h, out=out[:, 1])
        return out

    def calc_ders_multi(self, approxes, target, weight):
        """Return minus gradient and Hessian, a matrix, of one row: CatBoost asks row by row."""
        k = approxes.size
        if self._fill is None:
            self.loss._validate_params()
            self._fill = self.loss.for_classes(k)._row_filler()
        y = np.array([target], float)
        if y.ndim == 1 and self.loss.task in ("binary", "multiclass"):
            if not (0 <= target < k and target == int(target)):
                raise ValueError(f"Classes must be 0 to {k - 1}. Got {target} instead.")
            y = y.astype(np.int64)
        out = np.empty((2, 1, k))
        self._fill(y, approxes[None], np.array([weight]), None, out[0], None, out[1])
        np.negative(out, out=out)
        return out[0, 0], np.diag(out[1, 0])

    def __reduce__(self):
        return catboost_objective, (self.loss,)


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
