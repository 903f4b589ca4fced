"""The bridge: how Numba sees a loss, without importing Numba before the first kernel runs.

A loss is a Python object with scalar methods written in plain Python. For Numba it becomes

* a *type*, named after the class, the **fingerprint** of everything its scalar methods execute
  (bytecode, constants, called helpers, global constants; see `_fingerprint`) and the dtype of its
  parameters; and
* a *value*, the struct of the numbers those methods read from ``self``.

The type's name is part of every compiled signature, so Numba's disk cache can neither confuse two
losses nor return the machine code of an older version of one; the type knows nothing of the
class's module, so the cache stays readable when that module has vanished.

What touches Numba's extension API lives in `_numba_types`, imported at the first call.
"""

from __future__ import annotations

import inspect
import types
from functools import lru_cache, update_wrapper
from threading import RLock
from weakref import WeakKeyDictionary, WeakValueDictionary, ref

import numpy as np

from ._fingerprint import PACKAGE, Fingerprint, follows, names_of

FASTMATH = ("contract", "nsz")  # never nnan/ninf (NaN must survive), never reassoc (breaks `exp`)


@lru_cache(maxsize=1)
def _backend():
    from . import _numba_types

    return _numba_types


# --------------------------------------------------------------------------- symbols for kernels


def fadd(a, b):
    """``a + b``; compiled, the addition may be reassociated, so that a sum becomes SIMD."""
    return a + b


def prefetch(array, i):
    """Ask for the cache line of element `i` of a contiguous array; no bounds check, no effect."""


def share(y, j):
    """Return the share of a class in a target of a row-wise loss.

    Parameters
    ----------
    y : int or ndarray of shape (k,)
        A label, or a row of class shares.
    j : int
        The class.

    Returns
    -------
    float
        The element of the row; of a label 1 if it is `j`, else 0.

    Examples
    --------
    >>> share(1, 0), share(1, 1)
    (0.0, 1.0)
    """
    return y[j] if hasattr(y, "__len__") else float(y == j)


# ----------------------------------------------------------------------------- rewriting functions


def _narrow(value):
    """Turn Python floats into float32: one double literal would make a whole formula double."""
    if type(value) is float:
        return np.float32(value)
    if type(value) is tuple:
        return tuple(_narrow(item) for item in value)
    return value


def _narrow_code(code):
    consts = tuple(
        _narrow_code(const) if isinstance(const, types.CodeType) else _narrow(const)
        for const in code.co_consts
    )
    with np.errstate(over="ignore"):
        return code.replace(co_consts=consts)


def rewrite(function, single):
    """Return a copy of `function` whose globals are ready for Numba.

    Plain helpers become dispatchers, lazy kernels theirs, the symbols above intrinsics; with
    `single`, float constants become float32 and helpers their ``float32`` twin where they have one.
    """
    names, attributes = names_of(function.__code__)

    def ready(value):
        if isinstance(value, Kernel):
            return value.dispatcher
        if isinstance(value, types.FunctionType):
            return specialise(value, single)
        if isinstance(value, types.ModuleType) and follows(value):
            proxy = types.ModuleType(value.__name__)
            shared = {name: ready(vars(value)[name]) for name in attributes if name in vars(value)}
            vars(proxy).update(shared)
            return proxy
        return _narrow(value) if single else value

    space = function.__globals__
    code = _narrow_code(function.__code__) if single else function.__code__
    new_space = {name: ready(space[name]) for name in names if name in space}
    new_space["__builtins__"] = space.get("__builtins__", __builtins__)
    cells = tuple(types.CellType(ready(c.cell_contents)) for c in function.__closure__ or ())
    copy = types.FunctionType(code, new_space, function.__name__, function.__defaults__, cells)
    if (function.__module__ or "").partition(".")[0] == PACKAGE:
        module, qualname = function.__module__, function.__qualname__
    else:  # loading cached code imports its module: not one of the user's, which may be gone
        module, qualname = __name__, f"{function.__qualname__}_{Fingerprint([function]).digest}"
    new_space["__name__"] = copy.__module__ = module
    copy.__qualname__ = qualname
    return copy


_specialised: WeakKeyDictionary = WeakKeyDictionary()
_preparing = RLock()  # threads may all be the first to call a kernel


def specialise(function, single=False):
    """Compile the plain `function` (lazily) for float64, or for float32 if `single`."""
    if single:
        function = getattr(function, "float32", function)
    with _preparing:
        variants = _specialised.setdefault(function, {})
        known = variants.get(single)
        if known is None or not known[0].is_current():
            if variants.get("active"):
                raise TypeError(f"{function.__qualname__} calls itself, which cannot be compiled.")
            variants["active"] = True
            try:
                intrinsic = _backend().intrinsics().get(function)
                compiled = intrinsic or _backend().jit(
                    rewrite(function, single), FASTMATH, single=single
                )
            finally:
                del variants["active"]
            variants[single] = known = (Fingerprint([function]), compiled)
        return known[1]


# ------------------------------------------------------------------------------------- the kernels


class Kernel:
    """A function compiled at its first call and cached on disk; see `kernel`."""

    def __init__(self, function, fastmath):
        update_wrapper(self, function)
        self.py_func = function
        self._fastmath = fastmath
        self._dispatcher = None

    @property
    def dispatcher(self):
        if self._dispatcher is None:
            with _preparing:
                if self._dispatcher is None:
                    digest = Fingerprint([self.py_func]).digest
                    function = rewrite(self.py_func, single=False)
                    self._dispatcher = _backend().jit(function, self._fastmath, digest)
        return self._dispatcher

    def __call__(self, *args):
        try:
            return self.dispatcher(*args)
        except Exception as error:
            if type(error).__module__.startswith("numba"):
                raise TypeError(
                    "A loss could not be compiled; the reason stands above. Scalar methods may use "
                    "numbers, math.*, np.* and plain helper functions; a loss with jit = False "
                    "stays NumPy and may use anything."
                ) from error
            raise


def kernel(function=None, *, fastmath=()):
    """Decorate a loop over terms: compiled lazily, cached on disk, without the GIL.

    Kernels may call each other, the symbols `fadd` and `prefetch`, and the scalar methods of the
    losses they are given (``loss.value(y, z)``, ``loss.grad_hess(y, z)``, …).
    """
    if function is None:
        return lambda function: Kernel(function, FASTMATH + tuple(fastmath))
    return Kernel(function, FASTMATH)


# ------------------------------------------------------------------------------ losses for kernels


class Spec:
    """What the scalar methods of one loss class are and read: the class as Numba needs it."""

    def __init__(self, cls):
        self.methods: dict[str, types.FunctionType] = {}
        fields: set[str] = set()
        pending = [name for name in cls.scalar_methods if callable(getattr(cls, name, None))]
        while pending:
            name = pending.pop()
            if name in self.methods:
                continue
            self.methods[name] = function = getattr(cls, name)
            for used in names_of(function.__code__)[1]:
                kind = _attribute_kind(cls, used)
                if kind == "method":
                    pending.append(used)
                elif kind == "field":
                    fields.add(used)
        self.fields = tuple(sorted(fields))
        self.fingerprint = Fingerprint([self.methods[name] for name in sorted(self.methods)])
        self.name = f"{cls.__name__}_{self.fingerprint.digest}"
        self._owner = None if cls.__module__.partition(".")[0] == PACKAGE else ref(cls)

    def is_current(self):
        """Whether no method or helper was rebound since; only users' classes can be."""
        if self._owner is None:
            return True
        cls = self._owner()
        bound = all(getattr(cls, name, None) is f for name, f in self.methods.items())
        return bound and self.fingerprint.is_current()


def _attribute_kind(cls, name):
    """Tell what ``self.name`` is for compiled code: "method", "field", or None (not its own)."""
    if name in cls._get_param_names():
        return "field"
    value = inspect.getattr_static(cls, name, None)
    if isinstance(value, types.FunctionType):
        # the array methods of the base class are not callable from a scalar method
        own = name in cls.scalar_methods or not value.__module__.startswith(f"{PACKAGE}._")
        return "method" if own and not name.startswith("__") else None
    if isinstance(value, property):
        own = not (value.fget.__module__ or "").startswith(f"{PACKAGE}._")
        return "field" if own else None
    return "field" if isinstance(value, (bool, int, float)) else None


_specs: WeakKeyDictionary = WeakKeyDictionary()
specs_by_name: WeakValueDictionary = WeakValueDictionary()


def spec_of(cls):
    """Return the (current) `Spec` of a loss class."""
    with _preparing:
        spec = _specs.get(cls)
        if spec is None or not spec.is_current():
            _specs[cls] = spec = Spec(cls)
        # an equal class (a re-run cell) shares the name and, by construction, the code: any will
        # do, while it lives
        specs_by_name.setdefault(spec.name, spec)
    return spec


class Bound:
    """A loss bound to a dtype: the argument that kernels take."""

    __slots__ = ("__weakref__", "_numba_type_", "values")

    def __init__(self, numba_type, values):
        self._numba_type_ = numba_type
        self.values = values


def bind(loss, dtype):
    """Return `loss` as kernels take it, its parameters in `dtype` (float32 or float64)."""
    spec = spec_of(type(loss))
    values = [getattr(loss, name) for name in spec.fields]
    values = [bind(v, dtype) if hasattr(v, "scalar_methods") else v for v in values]
    return _backend().bind(spec, values, np.dtype(dtype).itemsize == 4)
