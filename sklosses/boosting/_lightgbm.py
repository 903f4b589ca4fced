"""LightGBM, fitted to a loss."""

from __future__ import annotations

from inspect import signature

from ._library import PATIENCE, Boosted, Library, imported
from .lightgbm import lightgbm_metric, lightgbm_objective


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
        loss, labels = job.view(job.data)
        objective, params = lightgbm_objective(loss), {}
        if job.native:
            objective, params = job.native.objective, dict(job.native.params)
        if job.n_raw > 1:
            params["num_class"] = job.n_raw
        booster = self.fresh(estimator, objective=objective, metric="None", **params)
        fields = self._fields(job, job.data)
        evaluation = self._evaluation(base, booster, job) if job.validation else {}
        base.fit(booster, job.data.X, labels, **fields, **evaluation)
        scores = booster.evals_result_.get("valid_0", {}).get(job.loss.__name__, [])
        n_iter = booster.best_iteration_ or booster.booster_.current_iteration()
        return Boosted(booster, objective, job.start, n_iter, [-score for score in scores])

    def _fields(self, job, data):
        fields = {"sample_weight": data.weight, "group": data.sizes}
        if not job.native:
            fields["init_score"] = job.starts(data)
        return {name: value for name, value in fields.items() if value is not None}

    def _evaluation(self, base, booster, job):
        X, fields = job.validation.X, self._fields(job, job.validation)
        loss, labels = job.view(job.validation)
        pair = {"eval_X": (X,), "eval_y": (labels,)}
        if "eval_X" not in signature(base.fit).parameters:  # before version 4.7
            pair = {"eval_set": [(X, labels)]}
        stop = []
        if not self.patience(booster.get_params()):
            stop = [imported("lightgbm").early_stopping(PATIENCE, verbose=False)]
        return {
            **pair,
            **{f"eval_{name}": [value] for name, value in fields.items()},
            "eval_metric": lightgbm_metric(loss, raw=not job.native),
            "callbacks": stop,
        }

    def raw(self, estimator, X):
        return imported("lightgbm").LGBMModel.predict(estimator, X, raw_score=True)
