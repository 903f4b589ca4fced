"""The libraries of boosters: which one an estimator is of, and what all of them are asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, ClassVar

import numpy as np
from sklearn.base import clone

from ._callback import hint

PATIENCE = 10  # iterations without improvement, where the user leaves it open


@dataclass
class Boosted:
    """A fitted booster, what has to be added to its raw predictions, and how it got there."""

    estimator: Any
    objective: Any
    baseline: np.ndarray
    n_iter: int
    scores: list = field(default_factory=list)


class Library:
    """How the boosters of one library are fitted to a loss."""

    #: its key in ``Loss.native``
    name: ClassVar[str] = ""
    sparse: ClassVar[bool] = True
    #: parameters that the loss decides, in all their spellings
    replaced: ClassVar[tuple] = ()
    #: parameters that would change the loss behind its back
    refused: ClassVar[tuple] = ()
    #: spellings of the number of iterations without improvement to stop after
    rounds: ClassVar[tuple] = ("early_stopping_rounds",)

    def fit(self, estimator, job):
        """Return a fitted booster like `estimator`: a `Boosted`."""
        raise NotImplementedError

    def raw(self, estimator, X):
        """Return what a fitted booster predicts before any link."""
        raise NotImplementedError

    # ------------------------------------------------------------------ what they share

    def check(self, estimator, job):
        """Raise if the estimator and the loss do not go together."""
        params = estimator.get_params()
        for name in self.refused:
            if not _is_neutral(params.get(name)):
                raise ValueError(
                    f"{name}={params[name]!r} of {type(estimator).__name__} would change the loss. "
                    f"Pass class_weight to LossBoostingClassifier, or sample_weight to fit."
                )
        if job.validation is None and self.patience(estimator):
            raise ValueError(
                f"{type(estimator).__name__} is to stop early: pass X_val and y_val to fit, or "
                f"leave {self.rounds[0]} out."
            )

    def patience(self, estimator):
        """Return after how many iterations without improvement the user wants to stop, or None."""
        params = estimator.get_params()
        return next((params[name] for name in self.rounds if params.get(name)), None)

    def fresh(self, estimator, kind=None, /, **changes):
        """Return an unfitted copy of an estimator, of another kind if so, with other parameters."""
        dropped = {*self.replaced, *changes}
        params = {
            name: clone(value, safe=False)
            for name, value in estimator.get_params(deep=False).items()
            if name not in dropped
        }
        return (kind or type(estimator))(**params).set_params(**changes)


def _is_neutral(value):
    """Whether a parameter asks for no weights: None, False, or the number 1."""
    return value is None or value is False or (value is not True and value == 1)


def library_of(estimator):
    """Return the `Library` of an estimator; nothing is imported to find out."""
    from ._catboost import CatBoost
    from ._lightgbm import LightGBM
    from ._sklearn import HistGradientBoosting
    from ._xgboost import XGBoost

    kinds = {kind.name: kind for kind in (LightGBM, XGBoost, CatBoost)}
    if not isinstance(estimator, type):
        for cls in type(estimator).__mro__:
            package = cls.__module__.partition(".")[0]
            if package in kinds:
                return kinds[package]()
            if package == "sklearn" and cls.__name__.startswith("HistGradientBoosting"):
                return HistGradientBoosting()
    raise TypeError(
        "estimator must be a booster, with its parameters: LGBM*, XGB*, CatBoost* or "
        f"HistGradientBoosting*. Got {estimator!r} instead. "
        "The first three: pip install 'sklosses[boosting]'."
    )


def imported(package):
    """Import an optional package, or say how to install it."""
    try:
        return import_module(package)
    except ImportError as error:
        raise ImportError(hint(package)) from error
