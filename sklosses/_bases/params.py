"""Parameters declared as annotated class attributes: constructor, domain, validation, equality.

``delta: Annotated[float, Interval(0, inf)] = 1.0`` gives the loss a keyword in its constructor, a
check at use, a line in its documentation and the random values of its tests.
"""

from __future__ import annotations

import inspect
import sys
import typing
from dataclasses import dataclass
from itertools import pairwise
from math import inf, isnan
from numbers import Real
from types import MethodType
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import InvalidParameterError

CLOSED = ("neither", "left", "right", "both")


@dataclass(frozen=True)
class Interval:
    """A real interval: the domain of a parameter, a target or a prediction.

    Parameters
    ----------
    low, high : float
        The ends; may be infinite.
    closed : {"neither", "left", "right", "both"}, default="neither"
        Which ends belong to it.
    integer : bool, default=False
        Whether it holds integers only.

    Examples
    --------
    >>> 0.0 in Interval(0, 1), 0.0 in Interval(0, 1, closed="left")
    (False, True)
    """

    low: float
    high: float
    closed: str = "neither"
    integer: bool = False

    def __post_init__(self):
        if self.closed not in CLOSED:
            raise ValueError(f"closed must be one of {CLOSED}. Got {self.closed!r} instead.")

    def __contains__(self, value):
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real) or isnan(value):
            return False
        above = value >= self.low if self.closed in ("left", "both") else value > self.low
        below = value <= self.high if self.closed in ("right", "both") else value < self.high
        return bool(above and below and not (self.integer and value != int(value)))

    def __str__(self):
        left = "[" if self.closed in ("left", "both") else "("
        right = "]" if self.closed in ("right", "both") else ")"
        kind = "an int" if self.integer else "a float"
        return f"{kind} in the range {left}{self.low}, {self.high}{right}"

    def bounds(self, dtype):
        """Return the least and the greatest finite number of `dtype` in the interval."""
        low, high = np.array([self.low, self.high], dtype=dtype)
        biggest = np.finfo(dtype).max
        if self.closed not in ("left", "both"):
            low = np.nextafter(low, dtype.type(inf))
        if self.closed not in ("right", "both"):
            high = np.nextafter(high, dtype.type(-inf))
        return max(low, -biggest), min(high, biggest)


@dataclass(frozen=True)
class Numbers:
    """A sequence of numbers of one domain: that of a parameter such as ``quantiles``.

    Parameters
    ----------
    domain : Interval
        Where each of them lies.
    increasing : bool, default=False
        Whether each must be greater than the one before.
    empty : bool, default=False
        Whether there may be none.
    """

    domain: Interval
    increasing: bool = False
    empty: bool = False

    def __contains__(self, value):
        if not isinstance(value, (tuple, list, np.ndarray)) or np.ndim(value) != 1:
            return False
        rising = all(a < b for a, b in pairwise(value))
        inside = all(number in self.domain for number in value)
        return (len(value) > 0 or self.empty) and inside and (rising or not self.increasing)

    def __str__(self):
        return f"{'an increasing' if self.increasing else 'a'} sequence, each {self.domain}"


REAL = Interval(-inf, inf)


# ------------------------------------------------------------------------- fields of a class


@dataclass(frozen=True)
class Field:
    """One parameter of a class: its name, default (or `inspect.Parameter.empty`) and domains."""

    name: str
    default: Any
    domains: tuple

    @property
    def required(self):
        """Whether there is no default."""
        return self.default is inspect.Parameter.empty


def _resolve(annotation, cls):
    """Evaluate a string annotation; one that cannot be resolved constrains nothing."""
    if not isinstance(annotation, str):
        return annotation
    space = {**vars(typing), "Interval": Interval, "inf": inf}
    space.update(vars(sys.modules.get(cls.__module__, object())) if cls.__module__ else {})
    try:
        return eval(annotation, space)
    except Exception:
        return ClassVar if annotation.startswith(("ClassVar", "typing.ClassVar")) else Any


def _domains(annotation):
    if typing.get_origin(annotation) is not typing.Annotated:
        return ()
    domains = []
    for item in annotation.__metadata__:
        domains.extend(item if isinstance(item, tuple) else (item,))
    return tuple(domains)


_fields_cache: WeakKeyDictionary = WeakKeyDictionary()


def fields_of(cls):
    """Return the parameters of `cls` (a dict name → `Field`), bases first."""
    if cls not in _fields_cache:
        fields = {}
        for base in reversed(cls.__mro__):
            for name, annotation in inspect.get_annotations(base).items():
                kind = _resolve(annotation, base)
                is_class_var = kind is ClassVar or typing.get_origin(kind) is ClassVar
                if is_class_var:  # also where a base has a parameter of that name
                    fields.pop(name, None)
                elif not name.startswith("_"):
                    default = getattr(cls, name, inspect.Parameter.empty)
                    fields[name] = Field(name, default, _domains(kind))
        _fields_cache[cls] = fields
    return _fields_cache[cls]


def _make_init(cls):
    both, keyword = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter("self", both)]
    for position, field in enumerate(fields_of(cls).values()):
        kind = both if position < cls._n_positional else keyword
        parameters.append(inspect.Parameter(field.name, kind, default=field.default))
    signature = inspect.Signature(parameters)

    def __init__(*args, **kwargs):  # noqa: N807 - becomes the method of that name
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        self = bound.arguments.pop("self")
        for name, value in bound.arguments.items():
            setattr(self, name, value)

    __init__.__signature__ = signature  # type: ignore[attr-defined]
    __init__.__qualname__ = f"{cls.__qualname__}.__init__"
    __init__.__module__ = cls.__module__
    return __init__


class _GeneratedInit:
    """``__init__`` made from the fields when first asked for.

    Lazily, because cloudpickle creates a class before it fills its body.
    """

    def __init__(self):
        self._known: WeakKeyDictionary = WeakKeyDictionary()

    def __get__(self, instance, cls):
        if cls not in self._known:
            self._known[cls] = _make_init(cls)
        init = self._known[cls]
        return init if instance is None else MethodType(init, instance)


@typing.dataclass_transform()
class Parametrized(BaseEstimator):
    """A scikit-learn parameter object whose constructor follows from its annotated attributes."""

    _n_positional: ClassVar[float] = inf  # parameters after these are keyword-only

    __init__ = _GeneratedInit()  # type: ignore[assignment]

    def _validate_params(self):
        """Raise scikit-learn's `InvalidParameterError` unless each parameter is in its domain."""
        for field in fields_of(type(self)).values():
            value = getattr(self, field.name)
            if field.domains and not any(_holds(domain, value) for domain in field.domains):
                raise InvalidParameterError(
                    f"The {field.name!r} parameter of {type(self).__name__} must be "
                    f"{_describe(field.domains)}. Got {value!r} instead."
                )


def _is_range(domain):
    return isinstance(domain, Interval | Numbers) or hasattr(domain, "draw")


def _holds(domain, value):
    if _is_range(domain):
        return value in domain
    if isinstance(domain, type):
        return isinstance(value, (bool, np.bool_) if domain is bool else domain)
    return value is None if domain is None else isinstance(value, str) and value == domain


def _describe(domains):
    words = [
        str(domain) if _is_range(domain) else getattr(domain, "__name__", repr(domain))
        for domain in domains
    ]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def frozen(value):
    """Return something hashable that is equal just when the parameter values are."""
    if isinstance(value, np.ndarray):
        return (value.shape, value.dtype.kind, tuple(value.ravel().tolist()))
    if isinstance(value, dict):
        return tuple((key, frozen(item)) for key, item in sorted(value.items()))
    if isinstance(value, (list, tuple)):
        return tuple(frozen(item) for item in value)
    return value
