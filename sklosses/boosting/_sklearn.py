"""scikit-learn's histogram gradient boosting, fitted to a loss."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from .._optimum import CLASSES
from ._job import row_numbers
from ._library import Boosted, Library
from .hist_gradient_boosting import hist_gradient_boosting_loss


class _OfAnyLoss:
    """Targets as they are, and as many trees an iteration as the loss has raw columns."""

    n_raw = 1

    def _encode_y(self, y):
        self.n_trees_per_iteration_ = self.n_raw
        return y.astype(np.float64, copy=False)

    _encode_y_val = _encode_y


class LossHistGradientBoostingRegressor(_OfAnyLoss, HistGradientBoostingRegressor):
    """scikit-learn's, of any loss."""


class LossHistGradientBoostingClassifier(_OfAnyLoss, HistGradientBoostingClassifier):
    """scikit-learn's, of any loss."""


OF_ANY_LOSS = {
    HistGradientBoostingRegressor: LossHistGradientBoostingRegressor,
    HistGradientBoostingClassifier: LossHistGradientBoostingClassifier,
}


class HistGradientBoosting(Library):
    """Its predictions include where it started."""

    name = "sklearn"
    sparse = False
    replaced = ("loss", "quantile", "scoring", "class_weight")
    refused = ("class_weight",)

    def patience(self, params):
        return None  # it holds rows out by itself

    def fit(self, estimator, job):
        data, validation = job.data, job.validation
        booster_class, objective, params, labels = self._objective(estimator, job)
        params["scoring"] = "loss"
        if data.groups and not validation:
            params["early_stopping"] = self._without_holdout(estimator)
        fields = {}
        if validation:
            params["early_stopping"] = True
            fields = {
                "X_val": validation.X, "y_val": labels[1], "sample_weight_val": validation.weight,
            }  # fmt: skip
        booster = self.fresh(estimator, booster_class, **params)
        booster.n_raw = job.n_raw
        booster.fit(data.X, labels[0], sample_weight=data.weight, **fields)
        scores = booster.validation_score_[1:].tolist()
        return Boosted(booster, objective, np.zeros(job.n_raw), booster.n_iter_, scores)

    def _objective(self, estimator, job):
        """Return the class to fit, the objective, parameters, and targets of all parts."""
        parts = [part for part in (job.data, job.validation) if part]
        targets = [part.y for part in parts]
        if job.native:
            classes = job.loss.task in CLASSES
            kind = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
            name = job.native.objective
            return kind, name, {"loss": name, **job.native.params}, targets
        kind = next(OF_ANY_LOSS[cls] for cls in type(estimator).__mro__ if cls in OF_ANY_LOSS)
        loss = job.loss
        if not job.plain or loss.groupwise:
            loss = job.bound(*parts)
            targets = [row_numbers(0, job.data.n), row_numbers(job.data.n, parts[-1].n)]
        objective = hist_gradient_boosting_loss(loss)
        return kind, objective, {"loss": objective}, targets

    @staticmethod
    def _without_holdout(estimator):
        if estimator.early_stopping is True:
            raise ValueError(
                "early_stopping=True would hold out rows without regard to queries: pass X_val, "
                "y_val and qid_val to fit."
            )
        return False

    def raw(self, estimator, X):
        raw = estimator._raw_predict(X)
        return raw[:, 0] if raw.shape[1] == 1 else raw
