"""``python -m sklosses``: the demo, the table of losses, and what keeps an installation honest."""
# ruff: noqa: T201 -- a command line talks by printing

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from unicodedata import east_asian_width

DESCRIPTION = "Losses for scikit-learn: a demo, the table of losses, checks and maintenance."
REQUIRED = ("numpy", "scipy", "scikit-learn", "numba", "pandas")
OPTIONAL = {
    "plot": ("matplotlib",),
    "progress": ("rich",),
    "excel": ("openpyxl",),
}
# what fits a line; csv and excel hold every column
SHORT = {
    "text": ("alias", "task", "domain", "convex", "smooth", "use_case"),
    "markdown": ("task", "domain", "convex", "smooth", "choose_when"),
}


def main(arguments=None):
    """Run a command; return the exit code."""
    chosen = _parser().parse_args(arguments)
    try:
        return chosen.run(chosen) or 0
    except BrokenPipeError:  # | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ImportError, OSError, TypeError, ValueError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2


def _parser():
    parser = argparse.ArgumentParser("python -m sklosses", description=DESCRIPTION)
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(run, **options):
        added = commands.add_parser(run.__name__, help=run.__doc__, description=run.__doc__)
        for name, option in options.items():
            added.add_argument(name if name == "losses" else f"--{name}", **option)
        added.set_defaults(run=run)

    losses = {
        "nargs": "*",
        "metavar": "LOSS",
        "help": "name or module:Class; default: all of the library's",
    }
    command(demo)
    command(
        catalog,
        task={"help": "only one family: regression, binary, …"},
        lang={"choices": ("en", "zh"), "default": "en"},
        format={"choices": ("text", "csv", "markdown", "excel"), "default": "text"},
        output={"type": Path, "metavar": "FILE", "help": "write there instead of printing"},
    )
    command(
        certify,
        losses=losses,
        verbose={"action": "store_true", "help": "show every check, not only what failed"},
    )
    command(warmup, losses=losses)
    command(info)
    return parser


# ---------------------------------------------------------------------------------------- commands


def demo(chosen):
    """Compare losses on real data, and with scikit-learn (under a minute)."""
    from ._demo import demo

    demo()


def catalog(chosen):
    """Print or save the table of losses."""
    if chosen.format == "excel":
        if chosen.output is None:
            raise ValueError("An Excel file cannot be printed: say where with --output FILE.")
        if find_spec("openpyxl") is None:
            raise ImportError('Excel files need openpyxl: pip install "sklosses[excel]".')
        _table(chosen).to_excel(chosen.output)
        return
    text = _WRITERS[chosen.format](_table(chosen))
    if chosen.output is None:
        print(text, end="")
    else:
        chosen.output.write_text(text, encoding="utf-8")


def certify(chosen):
    """Test numerically that losses keep their contract; exit code 1 if one does not."""
    from .certify import certify

    failed = []
    for loss in _losses(chosen.losses):
        report, seconds = _timed(certify, loss)
        if not report.passed:
            failed.append(loss.__name__)
        if chosen.verbose or not report.passed:
            print(report, flush=True)
        else:
            held = f"{len(report.checks)} checks"
            print(f"ok  {loss!r}  ({held}, {seconds:.1f} s)", flush=True)
    if failed:
        print(f"FAILED: {', '.join(failed)}")
    return 1 if failed else 0


def warmup(chosen):
    """Compile losses ahead of time and keep them in the disk cache."""
    from ._warmup import warmup

    total = 0.0
    for loss in _losses(chosen.losses):
        _, seconds = _timed(warmup, [loss])
        total += seconds
        print(f"{seconds:6.2f} s  {loss!r}", flush=True)
    print(f"{total:6.2f} s  in all; kept in {_cache_directory() or 'memory only'}")


def info(chosen):
    """Show versions, the cache directory and optional extras: what a bug report needs."""
    from . import __version__, all_losses

    directory = _cache_directory()
    if directory is None:
        cache = "none: no writable place, losses are compiled in every process"
    else:
        cache = f"{directory} ({'writable' if _writable(directory) else 'read-only'})"
    rows = [
        ("sklosses", f"{__version__}, {len(all_losses())} losses"),
        ("python", f"{platform.python_version()}, {platform.platform()}"),
        *((name, version(name)) for name in REQUIRED),
        ("cache", cache),
        ("NUMBA_CACHE_DIR", os.environ.get("NUMBA_CACHE_DIR", "not set")),
    ]
    for extra, names in OPTIONAL.items():
        found = ", ".join(f"{name} {_version(name)}" for name in names)
        rows.append((f"[{extra}]", found))
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f"{name:<{width}}  {value}")


# ------------------------------------------------------------------------------------------ helpers


def _table(chosen):
    """Return the catalogue, restricted to what the format can show."""
    from .catalog import HEADINGS, catalog

    table = catalog(chosen.task, chosen.lang)
    short = SHORT.get(chosen.format)
    return table if short is None else table[[HEADINGS[chosen.lang][key] for key in short]]


def _text(table):
    rows = [["", *table.columns], *(map(_shown, row) for row in table.itertuples())]
    rows = [list(row) for row in rows]
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(
            cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)
        )
        for row in rows
    )
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _shown(cell):
    return {True: "✓", False: "–"}.get(cell, cell)


def _width(text):
    """Return the columns a terminal needs: two for a Chinese character."""
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


def _markdown(table):
    """Return a GitHub table; losses appear as the constructor one would write."""
    from ._registry import all_losses

    calls = {cls.__name__: f"`{cls.__name__}{signature(cls)}`" for cls in all_losses()}
    lines = [["Loss", *table.columns], ["---"] * (table.shape[1] + 1)]
    for name, *cells in table.itertuples():
        lines.append([calls[name], *map(_shown, cells)])
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


_WRITERS = {"text": _text, "markdown": _markdown, "csv": lambda table: table.to_csv()}


def _losses(names):
    """Return loss objects of names; ``module:Class`` finds your own, from where you stand."""
    from ._registry import all_losses, example_of

    found = []
    for name in names:
        module, colon, attribute = name.rpartition(":")
        found.append(getattr(importlib.import_module(module), attribute) if colon else name)
    return [example_of(loss) for loss in found or all_losses()]


def _timed(function, argument):
    start = time.perf_counter()
    result = function(argument)
    return result, time.perf_counter() - start


def _cache_directory():
    """Return where Numba keeps the kernels; None if nowhere."""
    from ._kernels.terms import fill

    return getattr(fill.dispatcher._cache, "cache_path", None)


def _writable(directory):
    """Whether files can be made there; the directory itself may still have to be."""
    existing = next(path for path in (Path(directory), *Path(directory).parents) if path.exists())
    return os.access(existing, os.W_OK)


def _version(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


if __name__ == "__main__":
    sys.exit(main())
