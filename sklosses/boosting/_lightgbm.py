"""LightGBM, fitted to a loss."""

from __future__ import annotations

from inspect import signature

import numpy as np

from ._job import Bound
from ._library import PATIENCE, Boosted, Library, imported
from .lightgbm import lightgbm_metric, lightgbm_objective


class _Bound(Bound):
    def __call__(self, y_true, y_pred, weight, group):
        return self._called(y_pred, weight, group)


class LightGBM(Library):
    """Of any class: the fit is that of their base, which takes targets as they are."""

    name = "lightgbm"
    replaced = (
        "objective", "objective_type", "app", "application", "loss",
        "metric", "metrics", "metric_types", "num_class", "num_classes",
    )  # fmt: skip
    refused = ("class_weight", "is_unbalance", "unbalance", "unbalanced_sets", "scale_pos_weight")
    rounds = (
        "early_stopping_rounds", "early_stopping_round", "early_stopping", "n_iter_no_change",
    )  # fmt: skip

    def fit(self, estimator, job):
        base = imported("lightgbm").LGBMModel
        objective, params = job.native and job.native.objective, {"metric": "None"}
        if job.native:
            params |= job.native.constants
        else:
            objective = self._callback(lightgbm_objective(job.loss), job, job.data)
        if job.n_raw > 1:
            params["num_class"] = job.n_raw
        booster = self.fresh(estimator, objective=objective, **params)
        evaluation = self._evaluation(base, booster, job) if job.validation else {}
        labels, fields = self._fields(job, job.data)
        base.fit(booster, job.data.X, labels, **fields, **evaluation)
        for callback in (objective, evaluation.get("eval_metric")):
            if isinstance(callback, Bound):
                callback.release()
        scores = booster.evals_result_.get("valid_0", {}).get(job.loss.__name__, [])
        n_iter = booster.best_iteration_ or booster.booster_.current_iteration()
        return Boosted(booster, objective, job.start, n_iter, [-score for score in scores])

    def _callback(self, callback, job, data):
        direct = job.native or job.plain  # or the targets are rows
        return callback if direct else _Bound(callback, data.y)

    def _fields(self, job, data):
        """Return targets as LightGBM takes them, and what goes with them."""
        fields = {"sample_weight": data.weight, "group": data.sizes}
        if not job.native:
            fields["init_score"] = job.starts(data)
        labels = data.y if data.y.ndim == 1 else np.zeros(data.n)
        return labels, {name: value for name, value in fields.items() if value is not None}

    def _evaluation(self, base, booster, job):
        labels, fields = self._fields(job, job.validation)
        pair = {"eval_X": (job.validation.X,), "eval_y": (labels,)}
        if "eval_X" not in signature(base.fit).parameters:  # before version 4.7
            pair = {"eval_set": [(job.validation.X, labels)]}
        stop = []
        if not self.patience(booster):
            stop = [imported("lightgbm").early_stopping(PATIENCE, verbose=False)]
        metric = lightgbm_metric(job.loss, raw=not job.native)
        return {
            **pair,
            **{f"eval_{name}": [value] for name, value in fields.items()},
            "eval_metric": self._callback(metric, job, job.validation),
            "callbacks": stop,
        }

    def raw(self, estimator, X):
        return imported("lightgbm").LGBMModel.predict(estimator, X, raw_score=True)
