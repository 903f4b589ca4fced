"""`WeightedSum`, what all sums of losses share, and the operators that make one."""

from __future__ import annotations

from functools import lru_cache
from math import inf, isclose

from sklearn.base import clone
from sklearn.utils._param_validation import InvalidParameterError

from ..._bases.loss import Interval, Loss
from ..._bases.native import multiple

WEIGHT = Interval(0, inf, closed="left")
NUMBERS = ("regression", "generative")  # families whose losses of rows can be added
PROBES = (-1.7, 0.3, 2.1)  # raw predictions at which responses are compared
CLOSED = {
    (False, False): "neither", (True, False): "left", (False, True): "right", (True, True): "both",
}  # fmt: skip


class WeightedSum(Loss):
    """A weighted sum of losses: what ``a + b`` and ``0.5 * a`` make.

    Parameters
    ----------
    **params : Loss and float
        ``term0``, ``weight0``, ``term1``, ``weight1``, …; weights are ≥ 0 and not all 0, by default
        1. A term of weight 0 is not there. In a grid, ``term0__gamma`` is a parameter of a term.

    Notes
    -----
    All terms are of one family and share one response, that is, they read predictions on the same
    scale: `SquaredError` and `Huber` can be added, `SquaredError` and `PoissonDeviance` cannot.
    Domains are what all terms allow; the sum is convex, smooth or compiled if all terms are. Its
    surrogate Hessian is the weighted sum of theirs. Operators copy their terms.

    Examples
    --------
    >>> from sklosses import AbsoluteError, SquaredError
    >>> (SquaredError() + 0.5 * AbsoluteError())([0.0], [2.0])
    5.0
    """

    def __new__(cls, **params):
        """Return a sum of the kind that the terms ask for."""
        return super().__new__(_kind_of(params) if cls is WeightedSum else cls)

    def __init__(self, **params):
        self._n_terms = len([name for name in params if name.startswith("term")])
        known = {name for pair in _names(self._n_terms) for name in pair}
        if not known or not known.issuperset(params):
            raise TypeError(
                f"WeightedSum takes term0, weight0, term1, weight1, … without gaps. "
                f"Got {[*params]} instead."
            )
        for term, weight in _names(self._n_terms):
            setattr(self, term, params[term])
            setattr(self, weight, params.get(weight, 1.0))

    # ------------------------------------------------------------------ parameters

    def get_params(self, deep=True):
        """Return the terms, their weights and, if `deep`, the parameters of the terms."""
        names = [name for pair in _names(self._n_terms) for name in pair]
        params = {name: getattr(self, name) for name in names}
        for name, value in list(params.items()) if deep else ():
            if isinstance(value, Loss):
                nested = value.get_params().items()
                params.update((f"{name}__{key}", inner) for key, inner in nested)
        return params

    def set_params(self, **params):
        """Set terms, weights or, as ``term0__gamma``, parameters of terms."""
        own = self.get_params(deep=False)
        for name in params:
            if name.partition("__")[0] not in own:
                raise ValueError(
                    f"Invalid parameter {name!r} for {self!r}. Valid parameters are: {[*own]!r}."
                )
        super().set_params(**params)
        self.__class__ = _kind_of(self.get_params(deep=False))  # terms may be of another kind now
        return self

    def _key(self):
        return tuple(self.get_params(deep=False).values())

    def _all_parts(self):
        """Return weights and terms."""
        names = _names(self._n_terms)
        return [(getattr(self, weight), getattr(self, term)) for term, weight in names]

    @property
    def _parts(self):
        """The weights that are not 0, and their terms."""
        parts = self._all_parts()
        return [part for part in parts if part[0] != 0] or parts

    @property
    def _terms(self):
        return [term for _, term in self._parts]

    def for_classes(self, n_classes):
        """Return the sum of what the terms are for a number of classes, if it is one family."""
        parts = [(weight, term.for_classes(n_classes)) for weight, term in self._all_parts()]
        alike = len({term.task for _, term in parts}) == 1
        return self if parts == self._all_parts() or not alike else _from_parts(parts)

    def _validate_params(self):
        for names, (weight, term) in zip(_names(self._n_terms), self._all_parts(), strict=True):
            if not isinstance(term, Loss):
                raise InvalidParameterError(_not(names[0], "a Loss", term))
            if weight not in WEIGHT:
                raise InvalidParameterError(_not(names[1], WEIGHT, weight))
            term._validate_params()
        weight, first = self._parts[0]
        if weight == 0:
            raise ValueError("The weights of a WeightedSum must not all be zero.")
        self._check_family(first)
        for term in self._terms:
            self._check_fits(first, term)

    def _check_family(self, first):
        families = NUMBERS if first.task in NUMBERS else (first.task,)
        other = next((term for term in self._terms if term.task not in families), None)
        if other is not None:
            raise ValueError(
                f"Losses of two families cannot be added: {type(first).__name__} is one of "
                f"{first.task!r}, {type(other).__name__} of {other.task!r}."
            )

    def _check_fits(self, first, term):
        if not self._takes(term):
            raise ValueError(
                f"{type(term).__name__} cannot be a term of this sum, which is one of "
                f"{self.of.__name__}: terms are all pointwise or all row-wise losses, or both "
                f"where the targets of all are rows."
            )
        if term is not first and not self._same_response(first, term):
            raise ValueError(
                f"{type(first).__name__} and {type(term).__name__} cannot be added: their "
                f"predictions are on different scales (they have different responses)."
            )

    def _takes(self, term):
        return isinstance(term, self.of)

    def _same_response(self, first, other):
        if not (first._has_response() or other._has_response()):
            return True
        pairs = zip(self._probe(first), self._probe(other), strict=True)
        return all(isclose(a, b, rel_tol=1e-9, abs_tol=1e-12) for a, b in pairs)

    def _has_response(self):
        return self._terms[0]._has_response()

    # ------------------------------------------------------------------ metadata

    @property
    def task(self):
        """The family of the terms."""
        return self._terms[0].task

    @property
    def target(self):
        """What all terms allow."""
        return _intersection([term.target for term in self._terms])

    @property
    def prediction(self):
        """What all terms allow."""
        return _intersection([term.prediction for term in self._terms])

    @property
    def hessian(self):
        """Whether it needs a surrogate, as soon as one term does; constant if all are."""
        kinds = {term.hessian for term in self._terms}
        return "surrogate" if "surrogate" in kinds else "exact" if "exact" in kinds else "constant"

    @property
    def convex(self):
        """Whether all terms are."""
        return all(term.convex for term in self._terms)

    @property
    def smooth(self):
        """Whether all terms are."""
        return all(term.is_smooth for term in self._terms)

    @property
    def jit(self):  # type: ignore[override]
        """Whether all terms are compiled."""
        return all(term.jit for term in self._terms)

    @property
    def native(self):  # type: ignore[override]
        """What it is natively: something if it is a multiple of one loss."""
        parts = self._parts
        return multiple(parts[0][1], parts[0][0]) if len(parts) == 1 else {}

    @property
    def formula(self):
        """Weights and formulas of the terms."""
        parts = [
            rf"\left({term.formula}\right)" if weight == 1 else
            rf"{weight:g} \left({term.formula}\right)"
            for weight, term in self._parts
        ]  # fmt: skip
        return " + ".join(parts)


def _kind_of(params):
    """Return the class of a sum with these parameters."""
    from ..compose import KINDS, PointwiseSum  # which are made of the class above

    kinds = (kind for kind in KINDS if any(isinstance(p, kind.of) for p in params.values()))
    return next(kinds, PointwiseSum)


@lru_cache
def _names(n):
    """Return the names of n terms and their weights."""
    return tuple([(f"term{i}", f"weight{i}") for i in range(n)])


def _not(name, wanted, value):
    return f"The {name!r} parameter of WeightedSum must be {wanted}. Got {value!r} instead."


def _intersection(intervals):
    if len(set(intervals)) == 1:
        return intervals[0]
    low = max(interval.low for interval in intervals)
    high = min(interval.high for interval in intervals)
    left = all(low > i.low or i.closed in ("left", "both") for i in intervals)
    right = all(high < i.high or i.closed in ("right", "both") for i in intervals)
    integer = any(interval.integer for interval in intervals)
    return Interval(low, high, closed=CLOSED[left, right], integer=integer)


# ------------------------------------------------------------------------------------- operators


def added(first, second):
    """Return the sum of two losses; sums are not nested."""
    return _from_parts(_parts_of(first) + _parts_of(second))


def scaled(loss, factor):
    """Return a loss times a number; that of a sum multiplies its weights."""
    return _from_parts([(factor * weight, term) for weight, term in _parts_of(loss)])


def _parts_of(loss):
    return loss._all_parts() if isinstance(loss, WeightedSum) else [(1.0, loss)]


def _from_parts(parts):
    params = {}
    for i, (weight, term) in enumerate(parts):
        # copies, or setting a parameter of a sum would change the loss it was made of
        params[f"term{i}"], params[f"weight{i}"] = clone(term), weight
    return WeightedSum(**params)
