"""Losses for CatBoost that need to see all rows: of several raw columns, of groups, with kinks.

CatBoost asks for derivatives of some rows at a time, of a single row where there are several raw
columns. But after each iteration it shows its metric the raw predictions of all rows. There the
derivatives for the next iteration are computed, all at once, and later only looked up: what it
takes for targets are numbers of rows. Or, of losses with kinks, all rows tell how far to step.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from .._arrays.inputs import DOUBLE, SINGLE
from ._callback import Callback
from ._derivatives import engine_of
from ._library import imported
from .catboost import _Metric as _CatBoostMetric
from .catboost import _Objective as _CatBoostObjective


class Ahead:
    """Derivatives of all rows of a job, computed ahead.

    Attributes
    ----------
    downhill, bends : ndarray of shape (n_samples, n_raw)
        Minus gradient and Hessian: CatBoost maximises.
    """

    def __init__(self, job):
        self.job, self.callback = job, Callback(job.loss)
        self._look(job.starts(job.data))

    def release(self):
        """Let go of the data."""
        self.job = self.downhill = self.bends = None

    def _look(self, raw):
        data = self.job.data
        raw = self.job.shaped(raw)
        pair = self.callback.derivatives(data.y, raw, data.weight, data.groups)
        self.downhill, self.bends = (-array.astype(DOUBLE) for array in pair)

    def mean(self, approxes, rows):
        """Return the mean loss of all rows of a part; of the first, prepare the next iteration."""
        rows = np.asarray(rows, np.intp)
        first = rows.min()
        part = self.job.parts[int(first > 0)]
        raw = self.job.starts(part)
        raw.reshape(part.n, -1)[rows - first] += np.column_stack(approxes)
        if first == 0:
            self._look(raw)
        return self.job.mean(raw, part)


class Surveyed(_CatBoostObjective):
    """The objective of a loss that bends as all training rows tell."""

    def __init__(self, job):
        super().__init__(job.loss)
        self._engine = engine_of(job.loss)
        self._engine.survey(job.data.y, job.starts(job.data), job.data.weight)

    def __deepcopy__(self, memo):  # CatBoost copies its parameters
        return self


class _Watching(_CatBoostMetric):
    """A metric that looks how the loss bends, when it is shown the training rows."""

    def __init__(self, job, objective):
        super().__init__(job.loss)
        self.y, self.objective = job.data.y.astype(SINGLE), objective

    def __deepcopy__(self, memo):
        return self

    def release(self):
        """Let go of the data."""
        self.y = None

    def evaluate(self, approxes, target, weight):
        if np.array_equal(target, self.y):
            self.objective._engine.survey(target, approxes[0], weight)
        return self.total(target, approxes[0], weight)


def surveyed(job):
    """Return what CatBoost takes as objective and as metric, if all rows have to tell; or None."""
    if engine_of(job.loss).told:
        return None
    objective = Surveyed(job)
    return objective, _Watching(job, objective)


class _Shared:
    """What objectives and metrics have in common."""

    def __init__(self, loss, ahead=None):
        self.loss, self.ahead = loss, ahead

    def __repr__(self):
        return f"<{type(self).__name__.lstrip('_')} of {self.loss!r}>"

    def __deepcopy__(self, memo):  # CatBoost copies its parameters
        return self

    def __reduce__(self):  # in a fitted model there is nothing left to learn
        return _made, (type(self).__name__, self.loss)


class _Objective(_Shared):
    def calc_ders_range(self, approxes, targets, weights):
        rows = np.asarray(targets, np.intp)
        return np.column_stack((self.ahead.downhill[rows], self.ahead.bends[rows]))


class _Metric(_Shared):
    def evaluate(self, approxes, target, weight):
        return self.ahead.mean(approxes, target), 1.0

    def get_final_error(self, error, weight):
        return error

    def is_max_optimal(self):
        return False


@cache
def _classes():
    """Return the classes for one raw column and for several, of which CatBoost has bases."""
    library = imported("catboost")

    class RowObjective(_Shared, library.MultiTargetCustomObjective):
        def calc_ders_multi(self, approxes, targets, weight):
            row = int(targets[0])
            return self.ahead.downhill[row], np.diag(self.ahead.bends[row])

    class RowMetric(_Metric, library.MultiTargetCustomMetric):
        def evaluate(self, approxes, target, weight):
            return self.ahead.mean(approxes, target[0]), 1.0

    own = (_Objective, _Metric, RowObjective, RowMetric)
    return {cls.__name__: cls for cls in own}


def _made(name, *args):
    return _classes()[name](*args)


def objective_and_metric(job):
    """Return what CatBoost takes as objective and as metric, and what they share."""
    ahead, several = Ahead(job), job.n_raw > 1
    names = ("RowObjective", "RowMetric") if several else ("_Objective", "_Metric")
    return *(_made(name, job.loss, ahead) for name in names), ahead
