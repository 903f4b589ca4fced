"""The arrows between modules, the public names, and what an import costs."""

import ast
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import sklosses as sl

PACKAGE = Path(sl.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
NAMES = [".".join(file.relative_to(PACKAGE).with_suffix("").parts) for file in FILES]
MODULES = {name.removesuffix(".__init__") for name in NAMES}


def tree_of(file):
    return ast.parse(file.read_text())


def absolute(node, file):
    """Return the modules an import statement names, absolute."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not node.level:
        return [node.module]
    parts = ["sklosses", *file.relative_to(PACKAGE).parts[:-1]]
    base = parts[: len(parts) - node.level + 1] + ([node.module] if node.module else [])
    named = [".".join([*base, n.name]) for n in node.names]  # which may be modules themselves
    found = [name for name in named if name.removeprefix("sklosses.") in MODULES]
    rest = ".".join(base if node.module else [*base, "__init__"])
    return found + [rest] * (len(found) < len(named))


def imports(file, *, top_only=False):
    """Return the modules a file imports; with `top_only` only those it needs to be imported."""
    tree = tree_of(file)
    nodes = tree.body if top_only else ast.walk(tree)
    found = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
    return {name for node in found for name in absolute(node, file)}


def own(file):
    """Return the modules of the package a file imports, without the package's name."""
    prefix = "sklosses."
    return {name.removeprefix(prefix) for name in imports(file) if name.startswith(prefix)}


def files_in(folder):
    return [file for file in FILES if folder in file.relative_to(PACKAGE).parts[:-1]]


BY_PATH = {"ids": lambda file: str(file.relative_to(PACKAGE))}

# lower layers first; a module imports from layers below its own, or its own
LAYERS = [
    {"_special", "_fingerprint"},
    {"_numba", "_numba_types"},
    {"_kernels"},
    {"_arrays"},
    {"_bases"},
    {"losses", "network"},
    {"_registry"},
    {"metrics", "solvers", "catalog", "certify", "_certify", "pixels", "_warmup"},
    {"scoring", "_fit"},
    {"regression", "classification", "ranking", "embedding", "segmentation", "sequence"}
    | {"generative", "multitask"},
    {"boosting", "plot", "displays", "dask", "sampling"},
    {"__init__", "__main__", "_demo"},
]
LAYER = {module: height for height, layer in enumerate(LAYERS) for module in layer}


def layer_of(name):
    return LAYER[name.partition(".")[0]]


@pytest.mark.parametrize("file", FILES, **BY_PATH)
def test_imports_point_one_way(file):
    name = ".".join(file.relative_to(PACKAGE).with_suffix("").parts)
    allowed_upwards = {
        # `loss.scorer()` is the convenience that closes a circle, at call time
        "_bases.loss": {"scoring", "losses.compose"},  # and `a + b`
        "_bases.variational": {"_registry"},  # a reconstruction by name
        "losses._features": {"_registry"},  # a base loss has a name, as everywhere
    }
    upwards = {
        module
        for module in own(file) - allowed_upwards.get(name, set())
        if layer_of(module) > layer_of(name)
    }
    assert not upwards


@pytest.mark.parametrize("file", FILES, **BY_PATH)
def test_upward_imports_wait_for_a_call(file):
    name = ".".join(file.relative_to(PACKAGE).with_suffix("").parts)
    at_import = {
        module.removeprefix("sklosses.")
        for module in imports(file, top_only=True)
        if module.startswith("sklosses.")
    }
    assert not {module for module in at_import if layer_of(module) > layer_of(name)}


# losses made of losses: their loops run over terms and tasks
COMPOSED = {*files_in("compose"), PACKAGE / "losses" / "multitask.py"}
SIMPLE = [file for file in files_in("losses") if file not in COMPOSED]
GROUPWISE = {
    "_lists.py",
    "pairwise.py",
    "listwise.py",
    "sequence.py",
    "embedding.py",
    "_triplets.py",
}
NETWORKS = {"_features.py", "perceptual.py"}  # losses that look through one, layer by layer


@pytest.mark.parametrize("file", SIMPLE, **BY_PATH)
def test_losses_know_the_contract_and_the_numerics_only(file):
    if file.name == "__init__.py":
        assert all(module.startswith("losses.") for module in own(file))
        return
    family = {"losses.multiclass"} if file.name == "binary.py" else set()  # Brier's other form
    family |= {"losses._lists", "losses._triplets"} if file.name in GROUPWISE else set()
    family |= {"_kernels.ctc"} if file.name == "sequence.py" else set()
    if file.name in NETWORKS:
        family |= {"losses._features", "network", "_registry"}
    assert {name for name in own(file) if not name.startswith("_bases.")} <= {"_special"} | family
    others = {name.partition(".")[0] for name in imports(file)} - {"sklosses"}
    # to sort a query, and for scratch; of an autoencoder, all is arrays
    arrays = {"numpy"} if file.name in GROUPWISE | {"variational.py"} else set()
    arrays |= {"numpy", "numbers", "sklearn"} if file.name in NETWORKS else set()
    assert others <= {"__future__", "itertools", "math", "typing"} | arrays


LOOPS = ast.For | ast.While | ast.comprehension
ROWWISE = {"multiclass.py", "distributional.py"}


@pytest.mark.parametrize("file", SIMPLE, **BY_PATH)
def test_losses_neither_loop_nor_reduce(file):
    """But along a row, a group or layers, inside the methods of losses of these."""
    tree = tree_of(file)
    loops = {node for node in ast.walk(tree) if isinstance(node, LOOPS)}
    if file.name in ROWWISE | GROUPWISE | NETWORKS:
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        loops -= {node for function in functions for node in ast.walk(function)}
    assert not loops, [node.lineno for node in loops if hasattr(node, "lineno")]


@pytest.mark.parametrize("file", files_in("solvers"), **BY_PATH)
def test_solvers_know_no_loss(file):
    allowed = {module for module in own(file) if module.startswith("solvers")} | {"network"}
    assert not {module for module in own(file) if layer_of(module) >= LAYER["losses"]} - allowed
    names = {node.id for node in ast.walk(tree_of(file)) if isinstance(node, ast.Name)}
    assert not names & {cls.__name__ for cls in sl.all_losses()}


@pytest.mark.parametrize("file", FILES, **BY_PATH)
def test_only_the_bridge_touches_numba(file):
    numba = {name for name in imports(file) if re.match(r"(numba|llvmlite)\b", name)}
    if file.name == "_numba_types.py":
        assert {"numba", "numba.extending"} <= numba
    elif file.name == "__main__.py":
        assert numba <= {"numba"}  # to print its version
    else:
        assert not numba


@pytest.mark.parametrize("file", FILES, **BY_PATH)
def test_optional_dependencies_wait(file):
    optional = {
        "matplotlib",
        "skimage",
        "rich",
        "lightgbm",
        "xgboost",
        "catboost",
        "torch",
        "openpyxl",
    }
    heavy = optional | {"pandas", "dask", "llvmlite", "numba"}
    if file.name == "_numba_types.py":
        heavy -= {"numba", "llvmlite"}
    if file.name == "_demo.py":  # itself imported by ``python -m sklosses demo`` only
        heavy -= {"pandas"}
    assert not {name.partition(".")[0] for name in imports(file, top_only=True)} & heavy


@pytest.mark.parametrize("file", FILES, **BY_PATH)
def test_file_is_readable(file):
    assert len(file.read_text().splitlines()) <= 700
    assert ast.get_docstring(tree_of(file)), "a module says what it is for"


@pytest.mark.parametrize("cls", sl.all_losses(), ids=lambda cls: cls.__name__)
def test_a_loss_fits_one_screen(cls):
    """At most 45 lines of code, metadata and docstring aside."""
    source = inspect.getsource(cls)
    methods = [n for n in ast.parse(source).body[0].body if isinstance(n, ast.FunctionDef)]
    lines = [
        line
        for node in methods
        for line in source.splitlines()[node.lineno - 1 : node.end_lineno]
        if line.strip() and not line.strip().startswith("#")
    ]
    assert len(lines) <= 45


# ------------------------------------------------------------------ public names


def in_order(names):
    """Return names as ruff sorts them: those in capitals first."""
    return sorted(names, key=lambda name: (not name.isupper(), name))


def test_all_is_sorted_and_complete():
    assert sl.__all__ == in_order(sl.__all__)
    assert len(set(sl.__all__)) == len(sl.__all__)
    modules = {name for name in vars(sl) if inspect.ismodule(vars(sl)[name])}
    public = {name for name in vars(sl) if not name.startswith("_")} - (modules - {"metrics"})
    assert public == set(sl.__all__)


def test_every_loss_is_exported():
    from sklosses import losses

    names = {cls.__name__ for cls in sl.all_losses()}
    assert names <= set(sl.__all__)
    assert set(losses.__all__) == names | {"WeightedSum"}  # which is made by `a + b`
    assert losses.__all__ == in_order(losses.__all__)
    for name in names:
        assert getattr(sl, name) is getattr(losses, name)


@pytest.mark.parametrize("module", [sl, sl.metrics], ids=lambda module: module.__name__)
def test_public_names_are_documented(module):
    for name in module.__all__:
        item = getattr(module, name)
        assert inspect.getdoc(item), name
        if inspect.isclass(item):
            contract = {*dir(item.__mro__[1]), *getattr(item, "scalar_methods", ())}
            for method in set(vars(item)) - contract:
                public = inspect.isfunction(vars(item)[method]) and not method.startswith("_")
                assert not public or inspect.getdoc(vars(item)[method]), f"{name}.{method}"
        elif inspect.isfunction(item):
            for parameter in inspect.signature(item).parameters:
                assert re.search(rf"^ *\**{parameter}\b.* : |\*\*{parameter}", item.__doc__, re.M)


def test_no_kwargs_in_public_signatures():
    """But where they are the parameters of a loss, and documented as such."""
    allowed = {"get_loss", "get_scorer", "make_loss_scorer", "make_ranking_scorer"}
    for name in sl.__all__:
        item = getattr(sl, name)
        if inspect.isfunction(item) and name not in allowed:
            kinds = {p.kind for p in inspect.signature(item).parameters.values()}
            assert inspect.Parameter.VAR_KEYWORD not in kinds, name


def test_every_module_can_be_imported():
    names = [module.name for module in pkgutil.walk_packages(sl.__path__, "sklosses.")]
    assert "sklosses.losses.regression" in names
    for name in names:
        if not name.endswith("__main__"):
            assert importlib.import_module(name).__doc__


# ------------------------------------------------------------------ import and version


def test_version():
    assert re.fullmatch(r"\d+\.\d+\.\d+([a-z]+\d+)?", sl.__version__)
    try:
        installed = metadata.version("sklosses")
    except metadata.PackageNotFoundError:
        installed = sl.__version__  # run from the sources
    assert installed == sl.__version__


def test_import_is_light():
    code = "import sys, sklosses; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=PACKAGE.parent, capture_output=True, text=True, check=True,
    )  # fmt: skip
    loaded = set(done.stdout.split())
    assert "sklosses.losses" in loaded
    assert not loaded & {"numba", "llvmlite", "matplotlib", "torch", "lightgbm", "xgboost"}
