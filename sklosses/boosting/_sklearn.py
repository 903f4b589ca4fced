"""scikit-learn's histogram gradient boosting, fitted to a loss."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from .._arrays.inputs import DOUBLE
from .._bases.loss import TermLoss
from .._bases.optimum import CLASSES
from ._callback import Callback
from ._job import Data, best_constant, row_numbers
from ._library import Boosted, Library
from .hist_gradient_boosting import hist_gradient_boosting_loss


class BoundLoss(TermLoss):
    """A loss that takes numbers of rows for targets, and knows the targets and groups of rows.

    A booster passes one number a row, for all rows of a part of the data or for some.

    Parameters
    ----------
    loss : TermLoss
    n_raw : int
        Number of raw columns.
    parts : tuple of Data
        Numbers go on from one to the next.
    """

    groupwise: ClassVar[bool] = True  # its terms are none of rows
    response_method: ClassVar[str] = "predict"

    def __init__(self, loss, n_raw, parts):
        self.loss, self.n_raw, self.parts = loss, n_raw, parts
        self.callback = Callback(loss)

    def __sklearn_clone__(self):
        return self

    __copy__ = __sklearn_clone__

    def __deepcopy__(self, memo):  # data are large
        return self

    def __reduce__(self):  # in a fitted model there is nothing left to learn
        return BoundLoss, (self.loss, self.n_raw, ())

    def __repr__(self):
        return repr(self.loss)

    @property
    def __name__(self):
        return self.loss.__name__

    def init_raw(self, rows, sample_weight=None):
        return best_constant(self.loss, self._of(rows).y, sample_weight, self.n_raw)

    def inverse_link(self, raw):
        return self.loss.inverse_link(raw)

    def values(self, rows, raw, sample_weight=None, *, qid=None, out=None):
        """Return one number a row, with the same weighted mean: terms may be columns or groups."""
        part = self._of(rows)
        raw = self._shaped(raw, part)
        if part.groups is None:
            values = self.loss.values(part.y, raw, sample_weight)
            return values if values.ndim == 1 else values.sum(axis=1)
        values = self.loss.values(part.y, raw, part.weight, qid=part.groups)
        weights = np.ones(part.n) if part.weight is None else part.weight
        terms = self.loss._weights(part.weight, part.groups, DOUBLE).terms
        values *= weights.sum() / terms.sum()
        values /= np.add.reduceat(weights, part.groups.offsets[:-1])
        values = np.repeat(values, part.sizes)
        return values if sample_weight is None else values * weights

    def gradient_hessian(self, rows, raw, sample_weight=None, *, qid=None, psd=True, out=None):
        part = self._of(rows)
        raw = self._shaped(raw, part)
        pair = self.callback.derivatives(part.y, raw, sample_weight, part.groups)
        for array, own in zip(out, pair, strict=True):
            array[...] = own.reshape(array.shape)
        return out

    def _of(self, rows):
        """Return the rows of a part of the data; of some there are no groups."""
        part, before = self.parts[0], 0
        if rows[0] >= part.n and len(self.parts) > 1:
            part, before = self.parts[1], part.n
        if len(rows) == part.n:
            return part
        return Data(None, part.y[rows.astype(np.intp) - before])

    def _shaped(self, raw, part):
        """Return raw predictions in the shape that the loss takes them."""
        several = self.loss.rowwise or self.n_raw > 1
        return raw.reshape(part.n, -1) if several else raw.reshape(part.y.shape)


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

    def patience(self, estimator):
        return None  # it holds rows out by itself

    def fit(self, estimator, job):
        kind, objective, params, targets = self._objective(estimator, job)
        params |= {"loss": objective, "scoring": "loss"}
        validation, fields = job.validation, {}
        if validation:
            params["early_stopping"] = True
            fields = {
                "X_val": validation.X, "y_val": targets[1], "sample_weight_val": validation.weight,
            }  # fmt: skip
        elif job.data.groups:
            params["early_stopping"] = self._without_holdout(estimator)
        booster = self.fresh(estimator, kind, **params)
        booster.n_raw = job.n_raw
        booster.fit(job.data.X, targets[0], sample_weight=job.data.weight, **fields)
        if not job.native and isinstance(objective.callback.loss, BoundLoss):
            objective.callback.loss.parts = ()
        scores = booster.validation_score_[1:].tolist()
        return Boosted(booster, objective, np.zeros(job.n_raw), booster.n_iter_, scores)

    def _objective(self, estimator, job):
        """Return the class to fit, the objective, parameters, and targets of all parts."""
        targets = [part.y for part in job.parts]
        if job.native:
            classes = job.loss.task in CLASSES
            kind = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
            return kind, job.native.objective, dict(job.native.constants), targets
        kind = next(OF_ANY_LOSS[cls] for cls in type(estimator).__mro__ if cls in OF_ANY_LOSS)
        loss = job.loss
        if not job.plain or loss.groupwise:
            loss = BoundLoss(loss, job.n_raw, job.parts)
            firsts = (0, job.data.n)
            targets = [row_numbers(n, part.n) for n, part in zip(firsts, job.parts, strict=False)]
        return kind, hist_gradient_boosting_loss(loss), {}, targets

    @staticmethod
    def _without_holdout(estimator):
        if estimator.early_stopping is True:
            raise ValueError(
                "early_stopping=True would hold out rows without regard to their groups: pass "
                "X_val, y_val and qid_val to fit."
            )
        return False

    def raw(self, estimator, X):
        raw = estimator._raw_predict(X)
        return raw[:, 0] if raw.shape[1] == 1 else raw
