"""Losses by name. The registry is the tree of subclasses: there is nothing to register."""

from __future__ import annotations

from difflib import get_close_matches

import numpy as np

from . import losses
from ._bases.loss import Loss
from ._bases.params import fields_of

FAMILIES = (
    "regression", "distributional", "binary", "multiclass", "overlap", "ranking", "embedding",
    "sequence", "generative", "compose",
)  # fmt: skip


def _descendants(cls):
    for child in cls.__subclasses__():
        yield child
        yield from _descendants(child)


def _concrete():
    """Yield the classes that can be used: public, with a value; the newest of a name last."""
    for cls in _descendants(Loss):
        # a sum is of the family of its terms: its class is of none
        complete = all(hasattr(cls, name) for name in cls.required)
        if complete and not cls.__name__.startswith("_") and type(cls.task) is str:
            yield cls


def all_losses(task=None):
    """Return the library's loss classes.

    Parameters
    ----------
    task : str or None, default=None
        Only those of a family: "regression", "binary", …

    Returns
    -------
    list of type
        Ordered by family, then by name.
    """
    if task is not None and task not in FAMILIES:
        raise ValueError(f"The 'task' parameter must be one of {FAMILIES}. Got {task!r} instead.")
    own = [cls for cls in _concrete() if cls.__module__.startswith(losses.__name__)]
    wanted = [cls for cls in own if task in (None, cls.task)]
    return sorted(wanted, key=lambda cls: (FAMILIES.index(cls.task), cls.__name__))


def _by_name():
    names = {}
    for cls in _concrete():
        names[cls._alias()] = cls
    for cls in all_losses():  # further names never hide an alias, of the user's classes neither
        for alias in cls.aliases:
            names.setdefault(alias, cls)
    return names


def get_loss(loss, **params):
    """Return a loss object from its name, class or an instance.

    Parameters
    ----------
    loss : str, type or Loss
        The snake_case class name ("log_cosh"), a common name from another library ("mse",
        "log_loss", "quantile"), a class, or a loss object.
    **params
        Its parameters, for a name or a class.

    Returns
    -------
    Loss
        A new object; an instance passed in is returned itself.

    Examples
    --------
    >>> get_loss("huber", delta=2.0)
    Huber(delta=2.0)
    """
    if isinstance(loss, Loss):
        if params:
            raise TypeError(f"{loss!r} is a loss object already: set its parameters there.")
        return loss
    if isinstance(loss, type) and issubclass(loss, Loss):
        return loss(**params)
    if not isinstance(loss, str):
        raise TypeError(
            f"loss must be a name, a loss class or a loss object. Got {loss!r} instead."
        )
    known = _by_name()
    if loss not in known:
        near = get_close_matches(loss, known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else f" Known names: {sorted(known)}."
        raise ValueError(f"Unknown loss {loss!r}.{hint}")
    return known[loss](**params)


def example_of(loss):
    """Return a loss of a name, a class or an instance, as `get_loss`, whatever it needs.

    Parameters without a default are drawn from their domains.

    Parameters
    ----------
    loss : str, type or Loss

    Returns
    -------
    Loss
    """
    if isinstance(loss, str) and loss in (known := _by_name()):
        loss = known[loss]
    if not isinstance(loss, type):
        return get_loss(loss)
    rng = np.random.default_rng(0)
    needed = {
        name: field.domains[0].draw(rng)
        for name, field in fields_of(loss).items()
        if field.required
    }
    return get_loss(loss, **needed)
