"""Numba's side of the bridge: the only file that touches ``numba.core`` and ``numba.extending``.

Imported by `_numba` at the first compiled call.
"""

from __future__ import annotations

import contextlib
from functools import cache, lru_cache
from hashlib import sha256

import llvmlite.ir as ll
import numba
import numpy as np
from numba import types
from numba.core import cgutils
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.typing.templates import AbstractTemplate, AttributeTemplate
from numba.extending import (
    NativeValue,
    infer_getattr,
    intrinsic,
    lower_builtin,
    lower_getattr_generic,
    models,
    register_model,
    unbox,
)

from . import _numba, _special

# ---------------------------------------------------------------------------------- compiling


class _FilesByKey(IndexDataCacheFile):
    """Compiled code in files named after what it is for: an index would be one for all.

    Numba's own numbers its files as they come, by an index that every process rewrites: of two
    that save at once, one may later load the code of the other, for other arguments.
    """

    def _name(self, key):
        whole = repr((self._version, self._source_stamp, key))
        return self._data_name(int(sha256(whole.encode()).hexdigest()[:32], 16))

    def save(self, key, data):
        self._save_data(self._name(key), data)

    def load(self, key):
        try:
            return self._load_data(self._name(key))
        except OSError:
            return None

    def flush(self):
        """Do nothing: what cannot be loaded is compiled again, and overwritten."""


class _FingerprintedCache(FunctionCache):
    """Numba's disk cache, keyed by the fingerprint of the code, silent when it cannot be used."""

    def __init__(self, py_func, digest):
        super().__init__(py_func)
        self._digest = digest
        self._cache_file = _FilesByKey(
            self._cache_path, self._impl.filename_base, self._impl.locator.get_source_stamp()
        )

    def _index_key(self, sig, codegen):
        return (sig, codegen.magic_tuple(), self._digest)

    def load_overload(self, sig, target_context):
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # a truncated file, one of another version: anything pickle can raise
            return None

    def save_overload(self, sig, data):
        # a full or read-only disk costs the next process a compilation, never this one its result
        with contextlib.suppress(OSError):
            super().save_overload(sig, data)


def jit(function, fastmath, digest=None, *, single=False):
    """Compile `function` lazily: a scalar function, or with `digest` a kernel cached on disk.

    Scalar functions are always inlined: one call left in a loop keeps all of it from SIMD. In those
    with `single` constants, expressions of arrays are computed one by one: what Numba makes of them
    otherwise takes no constant of float32.
    """
    scalar = digest is None
    options: dict = {"nogil": True, "error_model": "numpy", "fastmath": set(fastmath)}
    if scalar:
        options |= {"forceinline": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
        options["no_rewrites"] = single
    dispatcher = numba.njit(**options)(function)
    if not scalar:
        with contextlib.suppress(RuntimeError, OSError):  # "no locator available": uncached
            dispatcher._cache = _FingerprintedCache(function, digest)
    return dispatcher


# ---------------------------------------------------------------------------------- the loss type


class LossType(types.Type):
    """A loss class at a dtype: `fields` live in the struct, `flags` are compile-time constants.

    A field is a pair of a name and a type: a number, a tuple of them, or another loss.
    Holds no reference to the class: cached signatures are unpickled without its module.
    """

    def __init__(self, spec_name, fields, flags, single):
        self.spec_name = spec_name
        self.fields = fields
        self.flags = flags
        self.single = single
        shown = ", ".join([f"{name}: {kind.name}" for name, kind in fields])
        flagged = ", ".join([f"{name}={value}" for name, value in flags])
        dtype = "float32" if single else "float64"
        super().__init__(name=f"{spec_name}({shown}; {flagged})[{dtype}]")

    def method(self, name):
        """Return the dispatcher of a scalar method, or None."""
        function = _numba.specs_by_name[self.spec_name].methods.get(name)
        return None if function is None else _numba.specialise(function, self.single)


def _member(name):
    """Return the struct member of a field; Numba hides members with a leading underscore."""
    return f"field{name}"


@register_model(LossType)
class _LossModel(models.StructModel):
    def __init__(self, dmm, fe_type):
        members = [(_member(name), kind) for name, kind in fe_type.fields]
        super().__init__(dmm, fe_type, members)


_loss_type = lru_cache(maxsize=1024)(LossType)


def bind(spec, values, single):
    """Return the `Bound` argument of a loss with the given `Spec` and values of its fields."""
    real = types.float32 if single else types.float64
    fields, flags, members = [], [], []
    for name, value in zip(spec.fields, values, strict=True):
        if isinstance(value, bool):
            flags.append((name, value))
        elif isinstance(value, _numba.Bound):
            fields.append((name, value._numba_type_))
            members.append(value)
        elif isinstance(value, (tuple, list, np.ndarray)):
            numbers = tuple([float(number) for number in value])
            fields.append((name, types.UniTuple(real, len(numbers))))
            members.append(numbers)
        elif value is not None and not isinstance(value, str):
            fields.append((name, real))
            members.append(float(value))
    numba_type = _loss_type(spec.name, tuple(fields), tuple(flags), single)
    return _numba.Bound(numba_type, tuple(members))


@unbox(LossType)
def _unbox_loss(typ, obj, c):
    loss = cgutils.create_struct_proxy(typ)(c.context, c.builder)
    values = c.pyapi.object_getattr_string(obj, "values")
    for i, (name, kind) in enumerate(typ.fields):
        setattr(loss, _member(name), c.unbox(kind, c.pyapi.tuple_getitem(values, i)).value)
    c.pyapi.decref(values)
    failed = cgutils.is_not_null(c.builder, c.pyapi.err_occurred())
    return NativeValue(loss._getvalue(), is_error=failed)


@infer_getattr
class _LossAttributes(AttributeTemplate):
    """``self.delta`` is a member of the struct, ``self.value(y, z)`` a scalar method."""

    key = LossType

    def generic_resolve(self, typ, attr):
        fields = dict(typ.fields)
        if attr in fields:
            return fields[attr]
        if attr in dict(typ.flags):
            return types.boolean
        dispatcher = typ.method(attr)
        if dispatcher is None:
            return None
        _lower_method(attr)

        class Method(AbstractTemplate):
            key = (LossType, attr)

            def generic(self, args, kws):
                function = types.Dispatcher(dispatcher)
                sig = function.get_call_type(self.context, (typ, *args), kws)
                return sig.as_method()

        return types.BoundFunction(Method, typ)


@cache
def _lower_method(attr):
    @lower_builtin((LossType, attr), LossType, types.VarArg(types.Any))
    def call_method(context, builder, sig, args):
        function = types.Dispatcher(sig.args[0].method(attr))
        context.typing_context.resolve_function_type(function, sig.args, {})
        call = context.get_function(
            function, function.get_call_type(context.typing_context, sig.args, {})
        )
        context.add_linking_libs(getattr(call, "libs", ()))
        return call(builder, args)


@lower_getattr_generic(LossType)
def _lower_attribute(context, builder, typ, value, attr):
    flags = dict(typ.flags)
    if attr in flags:
        return context.get_constant(types.boolean, flags[attr])
    loss = cgutils.create_struct_proxy(typ)(context, builder, value=value)
    return getattr(loss, _member(attr))


# ---------------------------------------------------------------------------------- intrinsics


@intrinsic
def _fadd(typingctx, a, b):
    real = typingctx.unify_types(a, b)

    def codegen(context, builder, sig, args):
        a, b = (context.cast(builder, x, t, real) for x, t in zip(args, sig.args, strict=True))
        return builder.fadd(a, b, flags=("reassoc", "contract", "nsz"))

    return real(a, b), codegen


@intrinsic
def _prefetch(typingctx, array, index):
    def codegen(context, builder, sig, args):
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        pointer = builder.bitcast(builder.gep(data, [args[1]]), ll.IntType(8).as_pointer())
        i32 = ll.IntType(32)
        kind = ll.FunctionType(ll.VoidType(), [pointer.type, i32, i32, i32])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        read, keep, data_cache = i32(0), i32(3), i32(1)
        builder.call(function, [pointer, read, keep, data_cache])
        return context.get_dummy_value()

    return types.void(array, types.intp), codegen


@intrinsic
def _share(typingctx, y, j):
    """`share`: the element of a row of shares, or whether a label is j."""
    if isinstance(y, types.Array):
        sig, read = y.dtype(y, j), lambda y, j: y[j]
    else:
        sig, read = types.float64(y, j), lambda y, j: 1.0 if y == j else 0.0

    def codegen(context, builder, sig, args):
        return context.compile_internal(builder, read, sig, args)

    return sig, codegen


def _bitcast(source, target):
    """Return an intrinsic that reinterprets the bits of a `source` as a `target`."""

    @intrinsic
    def reinterpret(typingctx, x):
        def codegen(context, builder, sig, args):
            x = context.cast(builder, args[0], sig.args[0], source)
            return builder.bitcast(x, context.get_value_type(target))

        return target(x), codegen

    return reinterpret


@lru_cache(maxsize=1)
def intrinsics():
    """Map the plain-Python symbols to what replaces them in compiled code."""
    return {
        _numba.fadd: _fadd,
        _numba.prefetch: _prefetch,
        _numba.share: _share,
        _special.to_bits: _bitcast(types.float64, types.int64),
        _special.from_bits: _bitcast(types.int64, types.float64),
        _special.to_bits32: _bitcast(types.float32, types.int32),
        _special.from_bits32: _bitcast(types.int32, types.float32),
    }
