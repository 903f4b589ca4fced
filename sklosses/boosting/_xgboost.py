"""XGBoost, fitted to a loss."""

from __future__ import annotations

import numpy as np

from ._job import Bound
from ._library import PATIENCE, Boosted, Library, imported
from .xgboost import xgboost_metric, xgboost_objective


class _Bound(Bound):
    def __call__(self, y_true, y_pred, sample_weight=None):
        return self._called(y_pred, sample_weight)


class _Watched:
    """A metric in units of its first value, and all its values: XGBoost keeps six decimals."""

    def __init__(self, metric):
        self.metric, self.values = metric, []
        self.__name__ = metric.__name__

    def __call__(self, y_true, y_pred, sample_weight=None):
        self.values.append(self.metric(y_true, y_pred, sample_weight))
        return self.values[-1] / (abs(self.values[0]) or 1.0)


class XGBoost(Library):
    """Of any class: the fit is that of their base, which takes functions for rankings as well.

    Predictions include ``base_score``, so that there is nothing to add to them.
    """

    name = "xgboost"
    replaced = (
        "objective", "eval_metric", "base_score", "num_class", "early_stopping_rounds", "callbacks",
    )  # fmt: skip
    refused = ("scale_pos_weight",)

    def fit(self, estimator, job):
        base = imported("xgboost").XGBModel
        objective, params = self._objective(job)
        callbacks = estimator.get_params().get("callbacks")
        metric, evaluation = None, {}
        if job.validation:
            metric = _Watched(self._metric(job))
            params |= {"eval_metric": metric, "disable_default_eval_metric": True}
            params["callbacks"] = [*(callbacks or ()), *self._stop(estimator, callbacks)]
            evaluation = {
                "eval_set": [(job.validation.X, _labels(job, job.validation))],
                "sample_weight_eval_set": [job.validation.weight],
            }
        booster = self.fresh(estimator, **params).set_params(objective=objective)
        labels, weight = _labels(job, job.data), job.data.weight
        base.fit(booster, job.data.X, labels, sample_weight=weight, verbose=False, **evaluation)
        booster.set_params(callbacks=callbacks, eval_metric=metric and metric.metric)
        for callback in (objective, metric and metric.metric):
            if isinstance(callback, Bound):
                callback.release()
        last = booster.get_booster().num_boosted_rounds() - 1
        n_iter = getattr(booster, "best_iteration", last) + 1
        scores = [-value for value in metric.values] if metric else []
        return Boosted(booster, objective, np.zeros(job.n_raw), n_iter, scores)

    def _objective(self, job):
        """Return the objective and its parameters."""
        if job.native:
            params = dict(job.native.constants)
            if job.loss.task == "multiclass":
                params["num_class"] = job.n_raw
            return job.native.objective, params
        start = float(job.start[0]) if job.n_raw == 1 else job.start.tolist()
        objective = xgboost_objective(job.loss, qid=job.data.groups)
        return self._callback(objective, job, job.data), {"base_score": start}

    def _metric(self, job):
        groups = job.validation.groups
        metric = xgboost_metric(job.loss, qid=groups, raw=not job.native)
        return self._callback(metric, job, job.validation)

    def _callback(self, callback, job, data):
        direct = job.native or job.plain  # or the targets are rows
        return callback if direct else _Bound(callback, data.y)

    def _stop(self, estimator, callbacks):
        """Return what stops early, if the user's callbacks are not to."""
        rounds = self.patience(estimator)
        if callbacks and not rounds:
            return []
        # told the direction, or it guesses it from the first letters of the metric's name
        stop = imported("xgboost").callback.EarlyStopping
        return [stop(rounds=rounds or PATIENCE, maximize=False)]

    def raw(self, estimator, X):
        return imported("xgboost").XGBModel.predict(estimator, X, output_margin=True)


def _labels(job, data):
    """Return targets with a column a raw column: that is how XGBoost knows their number."""
    if job.native or job.plain:
        return data.y
    return np.zeros((data.n, job.n_raw) if job.n_raw > 1 else data.n)
