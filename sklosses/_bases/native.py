"""`Native`: how a loss declares which objective of a booster it is."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from .params import Interval

__all__ = ["BOOSTERS", "Native", "twin"]

BOOSTERS = ("lightgbm", "xgboost", "catboost", "sklearn")


@dataclass(frozen=True)
class Native:
    """The objective of a booster that is the same mathematics as a loss.

    A loss declares ``native = {"lightgbm": Native(…), …}``; the keys are "lightgbm", "xgboost",
    "catboost" and "sklearn" (histogram gradient boosting). `twin` fills in a loss's parameters.

    Parameters
    ----------
    objective : str
        What the booster calls it.
    params : dict
        The booster's parameters: for each the name of an attribute of the loss.
    constants : dict
        Further parameters of the objective, with their values.
    trees : dict
        Parameters of the trees that come with the objective, which a function has to be given too.
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
    note : str
        What else differs.
    """

    objective: str
    params: dict = field(default_factory=dict)
    constants: dict = field(default_factory=dict)
    trees: dict = field(default_factory=dict)
    scale: float = 1.0
    hessian_factor: float | str = 1.0
    init: str = "optimum"
    where: dict = field(default_factory=dict)
    refits: bool = False
    note: str = ""

    def holds(self, loss):
        """Tell whether the loss, with the parameters it has, is that objective."""
        return all(_fits(getattr(loss, name), domain) for name, domain in self.where.items())

    def of(self, loss):
        """Return this declaration with all parameters, as values, in `constants`."""
        values = {name: getattr(loss, source) for name, source in self.params.items()}
        return replace(self, params={}, constants={**self.constants, **values}, where={})

    def hessian_times(self, k=1):
        """Return the factor of the Hessian for `k` raw columns; None if it is 1 instead."""
        if self.hessian_factor == "one":
            return None
        return k / (k - 1) if self.hessian_factor == "k/(k-1)" else self.hessian_factor


def twin(loss, booster):
    """Return the native objective that a loss is.

    Parameters
    ----------
    loss : Loss
    booster : {"lightgbm", "xgboost", "catboost", "sklearn"}

    Returns
    -------
    Native or None
        With the values of all its parameters in `constants`.
    """
    declared = loss.native.get(booster) if _declares(type(loss)) else None
    return declared.of(loss) if declared is not None and declared.holds(loss) else None


def _declares(cls):
    """Tell whether a class says so itself: what inherits from a loss may be another one."""
    owner = next(base for base in cls.__mro__ if "native" in vars(base))
    return owner is cls or isinstance(vars(owner)["native"], property)


def multiple(loss, factor):
    """Return what ``factor * loss`` is natively: a dict as `native`."""
    twins = {booster: twin(loss, booster) for booster in loss.native}
    return {
        booster: replace(native, scale=native.scale * factor)
        for booster, native in twins.items()
        if native is not None
    }


def _fits(value, domain):
    return value in domain if isinstance(domain, Interval) else value == domain
