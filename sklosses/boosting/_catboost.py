"""CatBoost, fitted to a loss."""

from __future__ import annotations

import warnings

import numpy as np

from ._ahead import objective_and_metric, surveyed
from ._job import row_numbers
from ._library import PATIENCE, Boosted, Library, imported
from .catboost import MODEST, catboost_metric, catboost_objective, leaf_options

MOST_ROWS = 2**24  # numbers of rows are exact in single precision


class CatBoost(Library):
    """Of any class: the fit is that of their base, which takes targets as they are."""

    name = "catboost"
    replaced = (
        "loss_function", "objective", "eval_metric", "custom_metric", "custom_loss",
        "classes_count", "class_names",
    )  # fmt: skip
    refused = ("class_weights", "auto_class_weights", "scale_pos_weight")
    rounds = ("early_stopping_rounds", "od_wait")

    def fit(self, estimator, job):
        base = imported("catboost").CatBoost
        constant = (job.data.y == job.data.y[:1]).all()  # which CatBoost refuses
        direct = job.native or (job.plain and not job.loss.groupwise and not constant)
        objective, params, ahead = (
            self._direct(estimator, job) if direct else self._ahead(estimator, job)
        )
        given = estimator.get_params()
        if job.validation and not (self.patience(estimator) or given.get("od_type") == "IncToDec"):
            params["early_stopping_rounds"] = PATIENCE
        booster = self._fresh(estimator, {"loss_function": objective, **params})
        fields = self._fields(job, job.data, 0, direct=direct)
        if job.validation:
            fields["eval_set"] = self._pool(booster, job, direct=direct)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", MODEST, UserWarning)
            base.fit(booster, job.data.X, **fields)
        if ahead:
            ahead.release()
        scores = []
        if job.validation:
            scores = booster.evals_result_["validation"][type(params["eval_metric"]).__name__]
        scores = [-score for score in scores]
        return Boosted(booster, objective, job.start, booster.tree_count_, scores)

    def _direct(self, estimator, job):
        """Return objective and parameters where targets are numbers, as CatBoost thinks."""
        params = {"eval_metric": catboost_metric(job.loss)} if job.validation else {}
        if job.native:
            if job.loss.task == "multiclass":
                params["classes_count"] = job.n_raw
            own = ";".join(f"{name}={_word(value)}" for name, value in job.native.constants.items())
            return f"{job.native.objective}:{own}".rstrip(":"), params, None
        given = estimator.get_params()
        params |= {name: given.get(name, value) for name, value in leaf_options(job.loss).items()}
        pair = surveyed(job)
        if pair:
            return pair[0], {**params, "eval_metric": pair[1], "metric_period": 1}, pair[1]
        params.setdefault("eval_metric", "RMSE")  # there must be one; this one costs nothing
        return catboost_objective(job.loss), params, None

    def _ahead(self, estimator, job):
        """Return objective and parameters where derivatives are computed ahead."""
        given = estimator.get_params()
        rows = job.data.n + (job.validation.n if job.validation else 0)
        if rows > MOST_ROWS:
            raise ValueError(
                f"CatBoost takes {job.loss!r} of {MOST_ROWS} rows at most. Got {rows}."
            )
        if given.get("boosting_type", "Plain") != "Plain":
            raise ValueError(f"CatBoost takes {job.loss!r} with boosting_type='Plain' only.")
        if given.get("leaf_estimation_iterations", 1) != 1:
            raise ValueError(f"CatBoost takes {job.loss!r} with leaf_estimation_iterations=1 only.")
        objective, metric, ahead = objective_and_metric(job)
        params = {
            "eval_metric": metric, "boosting_type": "Plain", "metric_period": 1,
            "leaf_estimation_method": "Newton", "leaf_estimation_iterations": 1,
        }  # fmt: skip
        return objective, params, ahead

    def _fields(self, job, data, first, *, direct):
        """Return targets and what goes with them, of rows from number `first`."""
        labels = data.y if direct else row_numbers(first, data.n)
        fields = {"y": labels, "sample_weight": data.weight}
        if not direct and job.n_raw > 1:
            fields["y"] = np.repeat(labels[:, None], job.n_raw, axis=1)
        if direct and not job.native:
            fields["baseline"] = job.starts(data)
        if job.native and data.groups:
            fields["group_id"] = np.repeat(np.arange(data.groups.n_groups), data.sizes)
        return fields

    def _pool(self, booster, job, *, direct):
        """Return the validation data, with the kinds of columns that the booster was told."""
        fields = self._fields(job, job.validation, job.data.n, direct=direct)
        names = {"y": "label", "sample_weight": "weight"}
        fields = {names.get(name, name): value for name, value in fields.items()}
        kinds = ("cat_features", "text_features", "embedding_features")
        columns = {kind: booster.get_param(kind) for kind in kinds}
        return imported("catboost").Pool(job.validation.X, **fields, **columns)

    def _fresh(self, estimator, changes):
        params = {**estimator.get_params(), **changes}
        dropped = {*self.replaced} - {*changes}
        if "early_stopping_rounds" in changes:
            dropped.add("od_wait")
        params = {name: value for name, value in params.items() if name not in dropped}
        generic = type(estimator) is imported("catboost").CatBoost  # it takes a dict
        return type(estimator)(params) if generic else type(estimator)(**params)

    def raw(self, estimator, X):
        base = imported("catboost").CatBoost
        return base.predict(estimator, X, prediction_type="RawFormulaVal")


def _word(value):
    return ",".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)
