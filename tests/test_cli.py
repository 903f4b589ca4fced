"""``python -m sklosses``: what it prints, what it returns, what it writes."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import sklosses as sl
from sklosses.__main__ import main

ROOT = Path(sl.__file__).parents[1]
WRONG_LOSS = '''
import sklosses as sl

class Wrong(sl.PointwiseLoss):
    """Half the gradient is missing."""

    def value(self, y, z):
        return (z - y) ** 2

    def grad_hess(self, y, z):
        return z - y, 2.0
'''


def test_module_runs_as_a_command():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "sklosses", "info"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert f"{sl.__version__}, {len(sl.all_losses())} losses" in done.stdout


def test_info_names_versions_and_cache(capsys):
    assert main(["info"]) == 0
    shown = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert shown["numpy"] == __import__("numpy").__version__
    assert shown["scikit-learn"] == __import__("sklearn").__version__
    assert {"numba", "cache", "[plot]", "[progress]", "[excel]"} <= shown.keys()


def test_info_without_optional_packages_and_without_a_cache(capsys, monkeypatch):
    from sklosses import __main__

    monkeypatch.setitem(__main__.OPTIONAL, "plot", ("no-such-package",))
    monkeypatch.setattr(__main__, "_cache_directory", lambda: None)
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    assert "no-such-package not installed" in out
    assert "compiled in every process" in out


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_catalog_text_has_a_line_a_loss(capsys, lang):
    assert main(["catalog", "--lang", lang, "--task", "binary"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(sl.catalog("binary").index)


def test_catalog_csv_is_the_whole_table(capsys):
    assert main(["catalog", "--format", "csv"]) == 0
    read = pd.read_csv(io.StringIO(capsys.readouterr().out), index_col="Class")
    pd.testing.assert_frame_equal(read, sl.catalog(), check_dtype=False)


def test_catalog_excel_is_the_whole_table(tmp_path):
    pytest.importorskip("openpyxl")
    path = tmp_path / "losses.xlsx"
    assert main(["catalog", "--format", "excel", "--output", str(path)]) == 0
    pd.testing.assert_frame_equal(
        pd.read_excel(path, index_col="Class"), sl.catalog(), check_dtype=False
    )


def test_catalog_excel_asks_where(capsys):
    assert main(["catalog", "--format", "excel"]) == 2
    assert "--output" in capsys.readouterr().err


def test_catalog_file_and_screen_agree(capsys, tmp_path):
    path = tmp_path / "losses.md"
    assert main(["catalog", "--format", "markdown", "--lang", "zh", "--output", str(path)]) == 0
    assert main(["catalog", "--format", "markdown", "--lang", "zh"]) == 0
    assert path.read_text(encoding="utf-8") == capsys.readouterr().out


def test_readme_holds_the_current_table(capsys):
    main(["catalog", "--format", "markdown"])
    readme = ROOT / "README.md"
    if not readme.exists():
        pytest.skip("installed without its sources")
    assert capsys.readouterr().out in readme.read_text(encoding="utf-8")


def test_certify_passes(capsys):
    assert main(["certify", "squared_error"]) == 0
    assert capsys.readouterr().out.startswith("ok  SquaredError()")


def test_certify_own_loss_that_is_wrong(capsys, tmp_path, monkeypatch):
    (tmp_path / "own_wrong_loss.py").write_text(WRONG_LOSS)
    monkeypatch.syspath_prepend(tmp_path)
    assert main(["certify", "--verbose", "own_wrong_loss:Wrong"]) == 1
    out = capsys.readouterr().out
    assert "FAILED gradient is the derivative of the value" in out
    assert out.endswith("FAILED: wrong\n")


def test_warmup_reports_the_time(capsys):
    assert main(["warmup", "squared_error"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == [lines[0].split()[0], "s", "SquaredError()"]
    assert "in all" in lines[-1]


@pytest.mark.parametrize(
    "arguments", [["certify", "hubber"], ["catalog", "--task", "nonsense"], ["warmup", "no_mod:X"]]
)
def test_mistakes_are_told_in_one_line(capsys, arguments):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1


def test_help_and_unknown_commands(capsys):
    for arguments, code in ([["--help"], 0], [[], 2], [["nonsense"], 2]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == code
    assert "certify" in capsys.readouterr().err
