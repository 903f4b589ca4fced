"""`Native`: how a loss declares which objective of a booster it is."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from ._params import Interval

__all__ = ["Native", "twin"]


@dataclass(frozen=True)
class Native:
    """The objective of a booster that is the same mathematics as a loss.

    A loss declares ``native = {"lightgbm": Native(…), …}``; the keys are "lightgbm", "xgboost",
    "catboost" and "sklearn" (histogram gradient boosting). `twin` returns it with the parameters of
    a loss filled in.

    Parameters
    ----------
    objective : str
        What the booster calls it.
    params : dict
        The booster's parameters: for each the name of an attribute of the loss, or a constant.
    scale : float
        Our loss is so many times the native one, terms that the prediction does not enter aside.
    hessian_factor : float or str
        The native Hessian is so many times the true one: a number; "k/(k-1)" for k classes; or
        "one" where it is 1 (times the weight) instead.
    init : str
        Where the native objective starts: "optimum", `init_raw` of the loss; "mean", of the
        targets; "zero"; or "newton", a step from 0.
    where : dict
        For which parameters of the loss that holds: a value or an `Interval` each.
    refits : bool
        Whether the booster refits the leaves to the loss itself, which no function can ask for.
    """

    objective: str
    params: dict = field(default_factory=dict)
    scale: float = 1.0
    hessian_factor: float | str = 1.0
    init: str = "optimum"
    where: dict = field(default_factory=dict)
    refits: bool = False

    def holds(self, loss):
        """Tell whether the loss, with the parameters it has, is that objective."""
        return all(_fits(getattr(loss, name), domain) for name, domain in self.where.items())

    def of(self, loss):
        """Return this declaration with the parameters of a loss."""
        values = {name: _value(loss, source) for name, source in self.params.items()}
        return replace(self, params=values, where={})


def twin(loss, booster) -> Any:
    """Return the native objective that a loss is, or None.

    Parameters
    ----------
    loss : Loss
    booster : {"lightgbm", "xgboost", "catboost", "sklearn"}

    Returns
    -------
    Native or None
        With the values of its parameters.
    """
    declared = loss.native.get(booster)
    return declared.of(loss) if declared is not None and declared.holds(loss) else None


def _fits(value, domain):
    return value in domain if isinstance(domain, Interval) else value == domain


def _value(loss, source):
    return getattr(loss, source) if isinstance(source, str) else source
