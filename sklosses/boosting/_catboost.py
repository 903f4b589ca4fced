"""CatBoost, fitted to a loss."""

from __future__ import annotations

from ._library import Library


class CatBoost(Library):
    """Of any class."""

    name = "catboost"
