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
        value = self.metric(y_true, y_pred, sample_weight)
        self.values.append(value)
        return value / (abs(self.values[0]) or 1.0)


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
        library = imported("xgboost")
        ranker = job.native and job.data.groups  # which passes queries on
        kind = library.XGBRanker if ranker else _kind(estimator, library)
        base = library.XGBRanker if ranker else library.XGBModel
        if ranker and job.validation:
            raise ValueError(
                f"XGBRanker shows a metric query after query, without weights: to validate on "
                f"{job.loss!r}, use native=False, or leave X_val out."
            )
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
        booster = self.fresh(estimator, kind, **params).set_params(objective=objective)
        fields = _queries(job.data) if ranker else {"sample_weight": job.data.weight}
        labels = _labels(job, job.data)
        base.fit(booster, job.data.X, labels, **fields, verbose=False, **evaluation)
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


def _kind(estimator, library):
    """Return the class to fit: a ranker would ask a metric query by query."""
    ranks = isinstance(estimator, library.XGBRanker)
    return library.XGBRegressor if ranks else type(estimator)


def _queries(data):
    """Return the query of each row, and the weight of each query."""
    numbers = np.repeat(np.arange(data.groups.n_groups), data.sizes)
    return {"qid": numbers, "sample_weight": data.groups.weights(data.weight)}


def _labels(job, data):
    """Return targets with a column a raw column: that is how XGBoost knows their number."""
    if job.native or job.plain:
        return data.y
    return np.zeros((data.n, job.n_raw) if job.n_raw > 1 else data.n)
