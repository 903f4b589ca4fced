"""The fingerprint of code: a digest of everything that a function executes.

Machine code on disk goes by it, so that the code of an older version is never returned.
"""

from __future__ import annotations

import dis
import hashlib
import types
from functools import lru_cache
from pathlib import Path

import numpy as np

PACKAGE = __name__.partition(".")[0]
# a change in any of these must not meet old machine code either
BRIDGE = ("_fingerprint.py", "_numba.py", "_numba_types.py")


def _codes(code):
    """Yield `code` and the code objects nested in it (comprehensions, inner functions)."""
    yield code
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from _codes(const)


@lru_cache(maxsize=4096)
def names_of(code):
    """Return the names that `code` looks up as globals, and as attributes of something."""
    by_kind = {True: set(), False: set()}
    for part in _codes(code):
        for step in dis.get_instructions(part):
            if step.opcode in dis.hasname:
                by_kind[step.opname in ("LOAD_GLOBAL", "LOAD_NAME")].add(step.argval)
    return tuple(sorted(by_kind[True])), tuple(sorted(by_kind[False]))


def follows(module):
    """Whether to look inside `module` for helpers: not in the two Numba knows by itself."""
    return module.__name__.partition(".")[0] not in ("math", "numpy")


def _references(function):
    """Yield ``(namespace, name, value)`` for each global and closure value `function` reads."""
    space = function.__globals__
    names, attributes = names_of(function.__code__)
    for name in names:
        if name in space:
            value = space[name]
            yield space, name, value
            if isinstance(value, types.ModuleType) and follows(value):
                for attribute in attributes:
                    if attribute in vars(value):
                        yield vars(value), attribute, vars(value)[attribute]
    closure = function.__closure__ or ()
    for name, cell in zip(function.__code__.co_freevars, closure, strict=True):
        yield {name: cell.cell_contents}, name, cell.cell_contents


def _plain(value):
    """Return the Python function behind a function, a lazy kernel or a Numba dispatcher."""
    value = getattr(value, "py_func", value)
    return value if isinstance(value, types.FunctionType) else None


class Fingerprint:
    """Digest of all code and constants that a set of functions executes.

    Walks calls transitively. `dependencies` keeps what was read and may be rebound while the
    process lives (a helper redefined in a notebook cell), so that `is_current` is cheap.
    """

    def __init__(self, functions):
        self._hash = hashlib.sha256(_salt())
        self._seen: dict[int, int] = {}
        self._keep = []  # ids are only unique while their objects live
        self.dependencies = []
        self._arrays = []  # global arrays and what they held: they may be changed in place
        for function in functions:
            self._function(function)
        self.digest = self._hash.hexdigest()[:20]

    def is_current(self):
        bound = all(space.get(name) is value for space, name, value in self.dependencies)
        return bound and all(np.array_equal(array, held) for array, held in self._arrays)

    def _update(self, text):
        self._hash.update(text.encode() + b"\0")

    def _function(self, function):
        if id(function) in self._seen:
            self._update(f"seen {self._seen[id(function)]}")
            return
        self._seen[id(function)] = len(self._seen)
        self._keep.append(function)
        for code in _codes(function.__code__):
            self._hash.update(code.co_code)
            self._update(repr((code.co_names, code.co_varnames, code.co_freevars)))
            self._update(code.co_exceptiontable.hex())
            for const in code.co_consts:
                self._constant(const)
        self._update(repr(function.__defaults__))
        own = (function.__module__ or "").partition(".")[0] == PACKAGE
        for space, name, value in _references(function):
            if not own:
                self.dependencies.append((space, name, value))
            self._update(name)
            self._value(value)
        twin = getattr(function, "float32", None)
        if twin is not None:
            self._function(twin)

    def _constant(self, const):
        if isinstance(const, types.CodeType):
            return
        if isinstance(const, frozenset):  # its order changes from process to process
            const = sorted(const, key=repr)
        self._update(repr(const))

    def _value(self, value):
        function = _plain(value)
        if function is not None:
            self._function(function)
        elif isinstance(value, np.ndarray):
            self._arrays.append((value, value.copy()))
            self._update(f"{value.dtype.str}{value.shape}")
            self._hash.update(np.ascontiguousarray(value).tobytes())
        elif isinstance(value, types.ModuleType):
            self._update(value.__name__)
        elif hasattr(value, "__qualname__"):
            self._update(f"{getattr(value, '__module__', '')}.{value.__qualname__}")
        else:
            self._update(repr(value))


@lru_cache(maxsize=1)
def _salt():
    """Return the bridge's own source."""
    files = (Path(__file__).with_name(name) for name in BRIDGE)
    return b"".join(path.read_bytes() for path in files if path.exists())
