"""How Numba sees a loss: one type a class and code, cached on disk, never stale."""

import gc
import importlib
import math
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import cloudpickle
import numpy as np
import pytest
from joblib import Parallel, delayed
from numpy.testing import assert_allclose

import sklosses as sl
from sklosses._fingerprint import Fingerprint, _salt
from sklosses._numba import bind

ROOT = Path(sl.__file__).parents[1]
DOUBLE, SINGLE = np.dtype(np.float64), np.dtype(np.float32)


@pytest.fixture
def python(tmp_path):
    """Return a function that runs code in a new interpreter with a Numba cache of its own."""
    (tmp_path / "cache").mkdir()

    def run(code, **variables):
        environment = {
            **os.environ,
            "NUMBA_CACHE_DIR": str(tmp_path / "cache"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
            **variables,
        }
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
            env=environment, cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    return run


def write(folder, **modules):
    for name, code in modules.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(code))


# what the processes below run: the mean of a loss at (y, p) = (0, 2), then cache hits and misses
MEASURE = """
    import sklosses as sl
    from sklosses._kernels.terms import mean_response
    print({loss}([0.0], [2.0]))
    stats = mean_response.dispatcher.stats
    print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))
"""


def measure(python, loss, before=""):
    """Return (value, hits, misses) of one call of `loss` in a new process."""
    value, hits, misses = python(before + textwrap.dedent(MEASURE).format(loss=loss))
    return float(value), int(hits), int(misses)


# ------------------------------------------------------------------ import


def test_import_is_light(python):
    modules = python("import sys, sklosses; print(*sys.modules)")
    assert "sklosses" in modules
    for heavy in ("numba", "llvmlite", "torch", "matplotlib", "lightgbm", "xgboost", "catboost"):
        assert heavy not in modules


def test_nothing_is_compiled_before_it_is_needed(python, tmp_path):
    (loaded,) = python("""
        import sys
        import sklosses as sl
        sl.Huber(2.0).set_params(delta=3.0), sl.catalog(), sl.get_scorer("neg_huber")
        for cls in sl.all_losses():  # the plain Python twins
            if not getattr(cls, "jit", True):
                continue
            if issubclass(cls, sl.PointwiseLoss):
                cls().value(1.0, 0.5), cls().grad_hess(1.0, 0.5), cls().curvature(1.0, 0.5)
            elif cls.task == "overlap":
                for method in {"value", "slopes", "bends"} & set(cls.scalar_methods):
                    getattr(cls(), method)(1.0, 2.0, 3.0)
            elif issubclass(cls, sl.EmbeddingLoss):
                import numpy as np
                cls().anchor(0, 0, 2, np.ones(3), np.empty(3))
            elif issubclass(cls, sl.AdversarialLoss):
                [getattr(cls(), name)(0.5) for name in cls.scalar_methods]
            elif hasattr(cls, "scalar_methods"):
                import numpy as np
                z, g = np.zeros((2, getattr(cls(), "n_raw", None) or 2))
                y = np.array([1.0, 0.0]) if cls.groupwise else 1
                if cls.task == "sequence":
                    y, z, g = [1], np.eye(2), np.zeros((2, 2))
                cls().value(y, z), cls().grad(y, z, g), cls().hess(y, z, g)
        print("numba" in sys.modules)
    """)
    assert loaded == "False"
    assert list((tmp_path / "cache").rglob("*.nb*")) == []


# ------------------------------------------------------------------ the disk cache


def test_second_process_hits_the_cache(python):
    assert measure(python, "sl.Huber(1.0)") == (1.5, 0, 1)
    assert measure(python, "sl.Huber(1.0)") == (1.5, 1, 0)
    # parameters are values, not code
    assert measure(python, "sl.Huber(0.5)") == (0.5 * (2 - 0.25), 1, 0)


def test_threads_may_all_be_the_first(python):
    results = python("""
        from concurrent.futures import ThreadPoolExecutor
        from threading import Barrier
        import numpy as np
        import sklosses as sl

        together = Barrier(6)

        def first(number):
            together.wait()
            if number % 2:
                return sl.CTC().values([[1]], [np.zeros((1, 2))])[0]
            return sl.BinaryCrossEntropy()([1.0], [0.5])

        with ThreadPoolExecutor(6) as pool:
            print(*[round(float(value), 12) for value in pool.map(first, range(6))])
    """)
    assert results == [str(round(math.log(2), 12))] * 6


USER = """
    import sklosses as sl
    import helper
    from helper import stretch

    FACTOR = 1.0

    class Mine(sl.PointwiseLoss):
        def value(self, y, z):
            return FACTOR * stretch(z - y)

        def grad_hess(self, y, z):
            return 2.0 * FACTOR * (z - y), 2.0 * FACTOR
"""
HELPER = """
    POWER = 2

    def _square(x):
        return x**POWER

    def stretch(x):
        return _square(x)
"""
BASE = """
    import sklosses as sl

    class Base(sl.PointwiseLoss):
        WEIGHT = 1.0

        def _weight(self, y):
            return 2.0 * self.WEIGHT

        def value(self, y, z):
            return self._weight(y) * (z - y)

        def grad_hess(self, y, z):
            return self._weight(y), 1.0
"""
DERIVED = """
    from base import Base

    class Mine(Base):
        pass
"""
FILES = {"user": USER, "helper": HELPER}
BY_MODULE = {"user": USER.replace("stretch(z - y)", "helper.stretch(z - y)"), "helper": HELPER}
INHERITED = {"user": DERIVED, "base": BASE}


def edited(files, name, old, new):
    assert old in files[name]
    return {**files, name: files[name].replace(old, new)}


# files, their edited version, and whether machine code of the one fits the other
EDITS = {
    "nothing": (FILES, FILES, True),
    "a line number": (FILES, edited(FILES, "user", "import helper\n", "import helper\n\n"), True),
    "a comment": (FILES, edited(FILES, "helper", "return x**", "# why\n        return x**"), True),
    "the value": (FILES, edited(FILES, "user", "return FACTOR *", "return 3.0 *"), False),
    "the gradient": (FILES, edited(FILES, "user", "return 2.0 *", "return 3.0 *"), False),
    "a constant": (FILES, edited(FILES, "user", "FACTOR = 1.0", "FACTOR = 3.0"), False),
    "a helper": (FILES, edited(FILES, "helper", "return _square(x)", "return x"), False),
    "a helper of a helper": (FILES, edited(FILES, "helper", "x**POWER", "x * POWER"), False),
    "its constant": (FILES, edited(FILES, "helper", "POWER = 2", "POWER = 3"), False),
    "a default": (FILES, edited(FILES, "helper", "stretch(x)", "stretch(x, a=1)"), False),
    "module.helper": (BY_MODULE, edited(BY_MODULE, "helper", "_square(x)\n", "x\n"), False),
    "module.helper's": (BY_MODULE, edited(BY_MODULE, "helper", "POWER = 2", "POWER = 3"), False),
    "a base class": (INHERITED, edited(INHERITED, "base", "return 2.0", "return 3.0"), False),
    "a class constant, which is a value": (
        INHERITED,
        edited(INHERITED, "base", "WEIGHT = 1.", "WEIGHT = 2."),
        True,
    ),
}


def load(folder, files, monkeypatch):
    """Import the files afresh; return the loss they define."""
    write(folder, **files)
    for name in files:
        monkeypatch.delitem(sys.modules, name, raising=False)
    importlib.invalidate_caches()
    return importlib.import_module("user").Mine


@pytest.mark.parametrize("edit", list(EDITS))
def test_type_changes_with_the_code(tmp_path, monkeypatch, edit):
    before, after, same = EDITS[edit]
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    for folder in ("before", "after"):
        (tmp_path / folder).mkdir()
    names = []
    for folder, files in (("before", before), ("after", after)):
        with monkeypatch.context() as patch:
            patch.syspath_prepend(tmp_path / folder)
            cls = load(tmp_path / folder, files, patch)
            names.append(numba_type(cls()).name)
    assert (names[0] == names[1]) == same


def test_an_edit_recompiles(python, tmp_path):
    """End to end: an edit in a third file, and its reversal, seen from new processes."""
    edit = edited(FILES, "helper", "POWER = 2", "POWER = 3")
    before = "from user import Mine"
    for files, expected in [(FILES, (4.0, 0, 1)), (edit, (8.0, 0, 1)), (FILES, (4.0, 1, 0))]:
        write(tmp_path, **files)
        assert measure(python, "Mine()", before) == expected


def test_vanished_module_harms_nobody(python, tmp_path):
    write(tmp_path, user=USER, helper=HELPER)
    python("import sklosses as sl, user; user.Mine()([0.0], [2.0]); sl.Huber()([0.0], [2.0])")
    (tmp_path / "user.py").unlink()
    (tmp_path / "helper.py").unlink()
    assert measure(python, "sl.Huber()") == (1.5, 1, 0)


def test_no_writable_place_compiles_uncached(python, tmp_path):
    """A read-only install in a container: no place beside the sources, none at home, none named."""
    site = tmp_path / "site"
    shutil.copytree(
        ROOT / "sklosses", site / "sklosses", ignore=shutil.ignore_patterns("__pycache__")
    )
    for folder in (site / "sklosses").rglob("*/"):
        (folder / "__pycache__").write_text("a file, where a directory should go")
    (site / "sklosses" / "__pycache__").write_text("a file, where a directory should go")
    nowhere = str(site / "sklosses" / "__pycache__" / "below a file")
    code = MEASURE.format(loss="sl.Huber()") + "\n    print(sl.__file__)"
    value, hits, misses, file = python(
        code,
        PYTHONPATH=str(site), NUMBA_CACHE_DIR=nowhere, HOME=nowhere, XDG_CACHE_HOME=nowhere,
    )  # fmt: skip
    assert file.startswith(str(site))
    assert (float(value), int(hits)) == (1.5, 0)
    assert int(misses) <= 1


def test_full_disk_costs_nothing_but_the_cache(python):
    (value,) = python("""
        from numba.core import caching

        def full(*args, **kwargs):
            raise OSError(28, "No space left on device")

        caching.IndexDataCacheFile._save_data = full
        import sklosses as sl
        print(sl.Huber()([0.0], [2.0]))
    """)
    assert float(value) == 1.5


def test_unreadable_cache_is_renewed(python, tmp_path):
    """Of a version whose modules had other names, or damaged: a compilation, not an error."""
    assert measure(python, "sl.Huber()") == (1.5, 0, 1)
    for file in (tmp_path / "cache").rglob("*.nbc"):
        content = file.read_bytes()
        assert b"_numba_types" in content
        file.write_bytes(content.replace(b"_numba_types", b"_numba_typed"))
    assert measure(python, "sl.Huber()") == (1.5, 0, 1)
    assert measure(python, "sl.Huber()") == (1.5, 1, 0)


def test_two_processes_may_save_at_once(python, tmp_path):
    """One that does not see what the other saves must not take its place."""
    code = """
        import sklosses._numba_types as types
        files = types._FilesByKey({path!r}, "kernel-1.py", "stamp")
        {before}
        files.save({key!r}, {key!r} + "-code")
        other = types._FilesByKey({path!r}, "kernel-1.py", "stamp")
        print(*[other.load(key) for key in ("one", "two", "three")], sep="|")
    """
    path = str(tmp_path)
    # as if the first had looked before the second saved
    blind = "files._load_index = dict"
    assert python(code.format(path=path, key="one", before=blind)) == ["one-code|None|None"]
    assert python(code.format(path=path, key="two", before=blind)) == ["one-code|two-code|None"]
    assert not list(tmp_path.glob("*.nbi"))


# ------------------------------------------------------------------ types


def numba_type(loss, dtype=DOUBLE):
    return bind(loss, dtype)._numba_type_


def test_type_is_of_class_not_of_parameters():
    assert numba_type(sl.Huber(1.0)) is numba_type(sl.Huber(2.0))
    assert numba_type(sl.Huber(1.0)) != numba_type(sl.Cauchy(1.0))
    assert numba_type(sl.Huber(1.0)) != numba_type(sl.PseudoHuber(1.0))
    assert numba_type(sl.Huber(), DOUBLE) != numba_type(sl.Huber(), SINGLE)


def test_types_of_all_losses_differ():
    losses = [cls() for cls in sl.all_losses() if getattr(cls, "jit", True)]
    compiled = [loss for loss in losses if hasattr(loss, "scalar_methods")]
    names = [numba_type(loss, dtype).name for loss in compiled for dtype in (DOUBLE, SINGLE)]
    assert len(set(names)) == len(names)


def test_equal_parameters_are_not_confused():
    y, z = np.zeros(3), np.array([0.5, 2.0, 4.0])
    for _ in range(2):  # alternating: no cache on the way remembers the wrong one
        assert_allclose(sl.Huber(1.0).values(y, z), [0.125, 1.5, 3.5])
        assert_allclose(sl.Cauchy(1.0).values(y, z), 0.5 * np.log1p(z**2))


def test_an_equal_class_may_vanish():
    """Both have one name for Numba: what is left of them is still found by it."""

    class Vanishing(sl.PointwiseLoss):
        def value(self, y, z):
            return (z - y) ** 4

        def grad_hess(self, y, z):
            return 4.0 * (z - y) ** 3, 12.0 * (z - y) ** 2

    loss, one = Vanishing(), np.ones(1)
    assert loss.values(one, 2 * one) == 1
    twin = type("Vanishing", (Vanishing,), {})
    assert numba_type(twin()) == numba_type(loss)
    del twin
    gc.collect()
    assert loss.gradient(one, 2 * one) == 4


@pytest.mark.parametrize("dtype", [DOUBLE, SINGLE])
def test_dtype_is_kept(dtype):
    y, z = np.zeros(3, dtype), np.array([0.5, 2.0, 4.0], dtype)
    loss = sl.Huber(1.0)
    for array in (loss.values(y, z), loss.gradient(y, z), *loss.gradient_hessian(y, z)):
        assert array.dtype == dtype
    assert_allclose(loss.values(y, z), [0.125, 1.5, 3.5], rtol=10 * np.finfo(dtype).eps)


def test_float32_computes_in_float32():
    # 1 + 1e-9 is 1 in single precision: the difference is 0 there, 1e-9 in double
    y, z = np.array([1.0]), np.array([1.0 + 1e-9])
    loss = sl.AbsoluteError()
    assert_allclose(loss.values(y, z), [z[0] - y[0]])
    assert loss.values(y.astype("f4"), z.astype("f4"))[0] == 0
    # parameters are narrowed too
    assert_allclose(sl.Huber(0.1).gradient(y.astype("f4"), 9 * z.astype("f4"))[0], np.float32(0.1))


def test_parameters_may_be_any_number():
    z = np.array([4.0])
    for delta in (2, 2.0, np.float32(2), np.int64(2), np.float64(2)):
        assert_allclose(sl.Huber(delta).values([0.0], z), 2 * (4 - 1))


def test_fingerprint_reads_what_is_executed():
    def of(code, **space):
        exec(code, space)
        return Fingerprint([space["f"]]).digest

    plain = "def f(x):\n    return x + C\n"
    assert of(plain, C=1.0) == of("\n\n# moved\n" + plain, C=1.0)
    others = [
        of(plain, C=2.0),
        of(plain, C=1),
        of(plain, C=np.array([1.0])),
        of(plain, C=np.array([2.0])),
        of(plain, C=np.array([1.0], "f4")),
        of(plain.replace("+", "-"), C=1.0),
        of(plain.replace("f(x)", "f(x, a=1)"), C=1.0),
        of("def f(x):\n    return (lambda t: t + C)(x)\n", C=1.0),
    ]
    assert len({of(plain, C=1.0), *others}) == 1 + len(others)


def test_fingerprint_terminates_on_recursion():
    space = {}
    exec("def f(x):\n    return g(x)\ndef g(x):\n    return f(x) if x else 0\n", space)
    assert Fingerprint([space["f"]]).digest != Fingerprint([space["g"]]).digest


def test_fingerprint_knows_the_bridge():
    """Or a change of how code is compiled would meet machine code of before."""
    package = Path(sl.__file__).parent
    for name in ("_fingerprint.py", "_numba.py", "_numba_types.py"):
        assert (package / name).read_bytes() in _salt()


# ------------------------------------------------------------------ notebooks


CELL = """
def stretch(x):
    return FACTOR * x * x

class Cell(sl.PointwiseLoss):
    def value(self, y, z):
        return stretch(z - y)

    def grad_hess(self, y, z):
        return 2.0 * FACTOR * (z - y), 2.0 * FACTOR
"""


@pytest.fixture
def notebook():
    """Return a namespace like that of a notebook, and a function that runs a cell in it."""
    space = {"__name__": "__main__", "sl": sl, "np": np, "FACTOR": 1.0}

    def run(code):
        exec(compile(textwrap.dedent(code), "<cell>", "exec"), space)
        return space

    return run


def at_two(loss, dtype=DOUBLE):
    y, z = np.zeros(1, dtype), np.full(1, 2.0, dtype)
    return float(loss.values(y, z)[0])


def test_cell_is_run_again(notebook):
    assert at_two(notebook(CELL)["Cell"]()) == 4
    assert at_two(notebook(CELL)["Cell"]()) == 4
    assert at_two(notebook(CELL.replace("return stretch", "return 3 * stretch"))["Cell"]()) == 12


def test_old_object_survives_a_new_class(notebook):
    old = notebook(CELL)["Cell"]()
    assert at_two(old) == 4
    new = notebook(CELL.replace("return stretch", "return 3 * stretch"))["Cell"]()
    assert [at_two(old), at_two(new), at_two(old)] == [4, 12, 4]


@pytest.mark.parametrize("dtype", [DOUBLE, SINGLE])
def test_helper_is_redefined(notebook, dtype):
    loss = notebook(CELL)["Cell"]()
    assert at_two(loss, dtype) == 4
    notebook("def stretch(x):\n    return 5 * FACTOR * x * x")
    assert at_two(loss, dtype) == 20
    notebook("def stretch(x):\n    return FACTOR * x * x")
    assert at_two(loss, dtype) == 4


@pytest.mark.parametrize("dtype", [DOUBLE, SINGLE])
def test_global_constant_is_rebound(notebook, dtype):
    loss = notebook(CELL)["Cell"]()
    assert at_two(loss, dtype) == 4
    notebook("FACTOR = 2.5")
    assert at_two(loss, dtype) == 10
    assert_allclose(loss.gradient([0.0], [2.0]), 2 * 2.5 * 2)
    notebook("FACTOR = 1.0")
    assert at_two(loss, dtype) == 4


def test_helper_of_a_helper_is_redefined(notebook):
    notebook("def square(x):\n    return x * x")
    loss = notebook(CELL.replace("FACTOR * x * x", "square(x)"))["Cell"]()
    assert at_two(loss) == loss([0.0], [2.0]) == 4
    notebook("def square(x):\n    return x * x * x")
    assert at_two(loss) == loss([0.0], [2.0]) == 8


def test_constant_of_a_helper_is_rebound(notebook):
    notebook("POWER = 2\ndef square(x):\n    return x**POWER")
    loss = notebook(CELL.replace("FACTOR * x * x", "square(x)"))["Cell"]()
    assert at_two(loss) == 4
    notebook("POWER = 3")
    assert at_two(loss) == 8


def test_array_constant_is_rebound(notebook):
    notebook("FACTORS = np.array([1.0, 2.0])")
    loss = notebook(CELL.replace("FACTOR * x * x", "FACTORS[1] * x * x"))["Cell"]()
    assert at_two(loss) == 8
    notebook("FACTORS = np.array([1.0, 3.0])")
    assert at_two(loss) == 12


def test_array_constant_is_changed_in_place(notebook):
    notebook("FACTORS = np.array([1.0, 2.0])")
    loss = notebook(CELL.replace("FACTOR * x * x", "FACTORS[1] * x * x"))["Cell"]()
    assert at_two(loss) == 8
    notebook("FACTORS[1] = 3.0")
    assert at_two(loss) == 12


def test_method_is_patched(notebook):
    space = notebook(CELL)
    loss = space["Cell"]()
    assert at_two(loss) == 4
    notebook("Cell.value = lambda self, y, z: 7.0 * stretch(z - y)")
    assert at_two(loss) == 28


def test_missing_helper_is_defined_later(notebook):
    notebook(CELL.replace("return stretch", "return later"))
    loss = notebook("")["Cell"]()
    notebook("def later(x):\n    return 9.0 * x")
    assert at_two(loss) == 18


def test_class_constant_is_rebound(notebook):
    code = CELL.replace("def value", "WEIGHT = 1.0\n\n    def value")
    cls = notebook(code.replace("return stretch", "return self.WEIGHT * stretch"))["Cell"]
    assert at_two(cls()) == 4
    cls.WEIGHT = 2.0
    assert at_two(cls()) == 8


def test_loss_of_a_script(tmp_path):
    script = """
        from math import cosh, inf
        from typing import Annotated
        import sklosses as sl

        def half(x):
            return 0.5 * x

        class Scripted(sl.PointwiseLoss):
            scale: Annotated[float, sl.Interval(0, inf)] = 2.0

            def value(self, y, z):
                return self.scale * half(z - y)

            def grad_hess(self, y, z):
                return self.scale * half(1.0), 0.0

        if __name__ == "__main__":
            print(Scripted(3.0)([0.0], [2.0]))
    """
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(script))
    done = subprocess.run(
        [sys.executable, str(path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == 3 * 0.5 * 2


# ------------------------------------------------------------------ what scalar methods may use


def loss_with(value, /, **space):
    """Return a loss whose value is the expression `value` of y, z and self."""
    code = f"""
    class Expression(sl.PointwiseLoss):
        shift: float = 0.0
        FIXED = 7.0

        def value(self, y, z):
            return {value}

        def grad_hess(self, y, z):
            return 0.0 * z, 1.0
    """
    space = {"__name__": "__main__", "sl": sl, **space}
    exec(textwrap.dedent(code), space)
    return space["Expression"]


def closure(factor):
    class Closed(sl.PointwiseLoss):
        def value(self, y, z):
            return factor * abs(z - y)

        def grad_hess(self, y, z):
            return (factor if z > y else -factor), 0.0

    return Closed()


def test_closure():
    # one class each, equal but for the value in the cell
    assert [at_two(closure(k)) for k in (1.0, 5.0, 1.0)] == [2, 10, 2]


def test_closure_over_a_function():
    def build(function):
        class Closed(sl.PointwiseLoss):
            def value(self, y, z):
                return function(z - y)

            def grad_hess(self, y, z):
                return 0.0 * z, 1.0

        return Closed()

    assert at_two(build(lambda x: x * x)) == 4
    assert at_two(build(lambda x: x * x * x)) == 8


EXPRESSIONS = {
    "np.exp(z - y)": np.exp(2.0),
    "np.log1p(np.abs(z - y))": np.log1p(2.0),
    "np.maximum(z - y, 0.0)": 2.0,
    "np.sqrt(1.0 + z * z)": np.sqrt(5.0),
    "math.exp(z - y)": np.exp(2.0),
    "math.erf(z - y)": 0.9953222650189527,
    "math.lgamma(z + 1.0)": np.log(2.0),
    "math.pi * z": 2 * np.pi,
    "math.fabs(y - z)": 2.0,
    "max(0.0, z - y)": 2.0,
    "abs(y - z)": 2.0,
    "z**2": 4.0,
    "sum((z, y, 1.0))": 3.0,
    "self.FIXED + self.shift": 7.0,
}


@pytest.mark.parametrize("expression", list(EXPRESSIONS))
def test_expression(expression):
    import math

    cls = loss_with(expression, np=np, math=math)
    assert_allclose(at_two(cls()), EXPRESSIONS[expression], rtol=1e-14)
    assert_allclose(cls().value(0.0, 2.0), EXPRESSIONS[expression], rtol=1e-14)


def test_names_imported_from_math():
    from math import erfc, inf, log2

    assert_allclose(at_two(loss_with("log2(z)", log2=log2)()), 1)
    assert_allclose(at_two(loss_with("erfc(-z) + 1 / inf", erfc=erfc, inf=inf)()), 1.99532226501895)


def test_module_helper(tmp_path, monkeypatch):
    write(tmp_path, helpers_of_a_test="C = 3.0\n\ndef f(x):\n    return C * x\n")
    monkeypatch.syspath_prepend(tmp_path)
    import helpers_of_a_test as helpers

    loss = loss_with("helpers.f(z - y) + helpers.C", helpers=helpers)()
    assert at_two(loss) == 3 * 2 + 3
    monkeypatch.setattr(helpers, "C", 4.0)
    assert at_two(loss) == 4 * 2 + 4
    monkeypatch.setattr(helpers, "f", lambda x: x)
    assert at_two(loss) == 2 + 4


def test_helpers_of_the_library():
    from sklosses import _special
    from sklosses._special import log1pexp

    assert_allclose(at_two(loss_with("log1pexp(z)", log1pexp=log1pexp)()), np.log1p(np.exp(2.0)))
    assert_allclose(at_two(loss_with("special.exp(z)", special=_special)()), np.exp(2.0))


def test_jitted_helper():
    numba = pytest.importorskip("numba")
    helper = numba.njit(lambda x: 3.0 * x)
    assert at_two(loss_with("helper(z - y)", helper=helper)()) == 6
    other = numba.njit(lambda x: 4.0 * x)
    assert at_two(loss_with("helper(z - y)", helper=other)()) == 8


def test_helper_with_default_and_tuple():
    space = {"__name__": "__main__"}
    exec("WEIGHTS = (0.25, 0.75)\ndef f(x, k=1):\n    return WEIGHTS[k] * x\n", space)
    assert at_two(loss_with("f(z) + f(z, 0)", **space)()) == 2


def test_parameter_that_is_a_flag_or_a_name():
    class Optional(sl.PointwiseLoss):
        squared: bool = True
        bound: float | None = None

        def value(self, y, z):
            r = abs(z - y)
            return r * r * r if self.squared else r

        def grad_hess(self, y, z):
            return 0.0 * z, 1.0

    assert [at_two(Optional(squared=flag)) for flag in (True, False, True)] == [8, 2, 8]


def test_method_that_calls_methods():
    class Layered(sl.PointwiseLoss):
        factor: float = 2.0

        def _inner(self, r):
            return self.factor * r

        def _outer(self, r):
            return self._inner(r) + 1.0

        @property
        def _double(self):
            return 2.0 * self.factor

        def value(self, y, z):
            return self._outer(z - y) + self._double

        def grad_hess(self, y, z):
            return self.factor, 0.0

    assert at_two(Layered()) == 2 * 2 + 1 + 4
    assert at_two(Layered(5.0)) == 5 * 2 + 1 + 10


def test_super_in_a_numpy_loss_only():
    class Doubled(sl.SquaredError):
        def value(self, y, z):
            return 2.0 * sl.SquaredError.value(self, y, z)

    Doubled.jit = False
    assert_allclose(Doubled().values([0.0], [2.0]), 8)


# ------------------------------------------------------------------ other processes


def test_cloudpickle_of_a_notebook_loss(notebook):
    cls = notebook(CELL)["Cell"]
    loss = cls()
    copy = cloudpickle.loads(cloudpickle.dumps(loss))
    assert at_two(copy) == at_two(loss) == 4


def test_cloudpickle_of_a_closure():
    loss = closure(3.0)
    copy = cloudpickle.loads(cloudpickle.dumps(loss))
    assert at_two(copy) == 6
    assert repr(copy) == repr(loss)


def test_cloudpickle_into_a_new_process(python, notebook, tmp_path):
    loss = notebook(CELL)["Cell"]()
    (tmp_path / "loss.pickle").write_bytes(cloudpickle.dumps(loss))
    values = python("""
        import pickle
        from pathlib import Path
        loss = pickle.loads(Path("loss.pickle").read_bytes())
        print(loss([0.0], [2.0]), loss.get_params(), loss.__name__)
    """)
    assert values == ["4.0", "{}", "cell"]


WEIGHTED_CELL = """
def stretch(x, w):
    return w * x * x

class Cell(sl.PointwiseLoss):
    weight: float = 1.0

    def value(self, y, z):
        return stretch(z - y, self.weight)

    def grad_hess(self, y, z):
        return 2.0 * self.weight * (z - y), 2.0 * self.weight

def call(loss):
    return loss([0.0], [2.0])
"""


def test_loky_workers(notebook):
    space = notebook(WEIGHTED_CELL)
    losses = [space["Cell"](weight) for weight in (1.0, 2.0, 3.0)]
    results = Parallel(n_jobs=2)(delayed(space["call"])(loss) for loss in losses)
    assert_allclose(results, [4.0, 8.0, 12.0])
