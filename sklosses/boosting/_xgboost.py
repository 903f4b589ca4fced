"""XGBoost, fitted to a loss."""

from __future__ import annotations

import numpy as np

from ._library import PATIENCE, Boosted, Library, imported
from .xgboost import xgboost_metric, xgboost_objective


class Watched:
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
        objective, params, labels = self._objective(job)
        callbacks, evaluation = estimator.get_params().get("callbacks"), {}
        if job.validation:
            metric = Watched(self._metric(job))
            params |= {"eval_metric": metric, "disable_default_eval_metric": True}
            params["callbacks"] = [*(callbacks or ()), *self._stop(estimator, callbacks)]
            evaluation = {
                "eval_set": [(job.validation.X, self._labels(job, job.validation))],
                "sample_weight_eval_set": [job.validation.weight],
            }
        booster = self.fresh(estimator, **params).set_params(objective=objective)
        weight = job.data.weight
        base.fit(booster, job.data.X, labels, sample_weight=weight, verbose=False, **evaluation)
        booster.set_params(callbacks=callbacks)
        last = booster.get_booster().num_boosted_rounds() - 1
        n_iter = getattr(booster, "best_iteration", last) + 1
        scores = [-value for value in metric.values] if job.validation else []
        return Boosted(booster, objective, np.zeros(job.n_raw), n_iter, scores)

    def _objective(self, job):
        """Return the objective, its parameters, and targets."""
        if job.native:
            params = dict(job.native.params)
            if job.n_raw > 1:
                params["num_class"] = job.n_raw
            return job.native.objective, params, job.data.y
        loss, _ = job.view(job.data)
        start = job.start[0] if job.n_raw == 1 else job.start.tolist()
        objective = xgboost_objective(loss, qid=job.data.groups)
        return objective, {"base_score": start}, self._labels(job, job.data)

    def _labels(self, job, data):
        """Return targets, of a column a raw column: that is how XGBoost knows their number."""
        _, labels = job.view(data)
        if job.native or job.n_raw == 1:
            return labels
        return np.repeat(labels[:, None], job.n_raw, axis=1)

    def _metric(self, job):
        loss, _ = job.view(job.validation)
        return xgboost_metric(loss, qid=job.validation.groups, raw=not job.native)

    def _stop(self, estimator, callbacks):
        """Return what stops early, if the user's callbacks are not to."""
        rounds = self.patience(estimator.get_params())
        if callbacks and not rounds:
            return []
        # told the direction, or it guesses it from the first letters of the metric's name
        stop = imported("xgboost").callback.EarlyStopping
        return [stop(rounds=rounds or PATIENCE, maximize=False)]

    def raw(self, estimator, X):
        return imported("xgboost").XGBModel.predict(estimator, X, output_margin=True)
