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

    Notes
    -----
    With an object CatBoost starts from 0: pass ``baseline`` of ``loss.init_raw(y)`` to its
    ``Pool``, and add it to what it predicts. Set ``leaf_estimation_method="Newton"`` and, for
    losses with kinks, ``leaf_estimation_iterations=3``.

    Examples
    --------
    >>> import numpy as np
    >>> objective = catboost_objective("squared_error")
    >>> y_true, y_pred = np.zeros(2, np.float32), np.array([0.5, 2.0])
    >>> objective.calc_ders_range(y_pred, y_true, None).tolist()
    [[-1.0, -2.0], [-4.0, -2.0]]
    """
    _require()
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
    steps = KINKED_STEPS if not loss.groupwise and _has_kinks(loss) else 1
    return {"leaf_estimation_method": "Newton", "leaf_estimation_iterations": steps}


def _has_kinks(loss):
    """Tell whether a loss has kinks, also where a pointwise loss does not say so: most lines."""
    if loss.rowwise or not loss.smooth or loss._has_curvature():
        return not loss.smooth
    z = np.linspace(-10.0, 10.0, 101)
    g, h = loss.gradient_hessian(np.ones_like(z), z)  # 1 is a target of all losses
    return bool((h == 0.0).mean() > 0.5 and g.any())


def _require():
    try:
        import catboost  # noqa: F401
    except ImportError as error:
        raise ImportError(hint("catboost")) from error


class _Own(Callback):
    def __init__(self, loss):
        super().__init__(loss)
        warnings.filterwarnings("ignore", MODEST, UserWarning)


class _Objective(_Own):
    _fill = None

    def calc_ders_range(self, approxes, targets, weights):
        """Return minus gradient and Hessian: CatBoost maximises."""
        out = np.empty((2, len(targets)))
        self.fill(targets, approxes, weights, None, out[0], out[1])
        return np.negative(out, out=out).T

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


class _Metric(_Own):
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
