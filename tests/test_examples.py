"""The examples run without a warning and say what they promise; so does the demo."""

from __future__ import annotations

import doctest
import importlib.util
import re
import sys
import types
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sklosses import _demo

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

from matplotlib import pyplot  # noqa: E402 -- after the backend is chosen

ROOT = Path(__file__).parents[1]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that runs an example as a module of its own, in an empty directory."""
    monkeypatch.chdir(tmp_path)
    yield lambda name: _load(name, monkeypatch)
    pyplot.close("all")


def _load(name, monkeypatch):
    spec = importlib.util.spec_from_file_location(
        f"example_{name}", ROOT / "examples" / f"{name}.py"
    )
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)  # pickle looks classes up there
    spec.loader.exec_module(module)
    return module


def test_booster_parity(run):
    module = run("booster_parity")
    equal = module.parity["equal conditions"].dropna().astype(float)
    table = equal.index.to_frame()["loss"] == "LambdaRank()"
    assert (equal[~table] < 1e-6).all()
    assert (equal[table] < 1e-4).all()  # LightGBM's logistic function is a table
    costs = module.costs
    assert costs["LightGBM"] < 1.05 * costs["LightGBM, the same as a quantile"]
    assert costs["scikit-learn"] < 1.1 * costs["LightGBM, the same as a quantile"]
    assert costs["LightGBM, the same as a quantile"] < 0.8 * costs["a constant"]


def test_quickstart_is_the_demo(run, tmp_path, capsys):
    table = run("quickstart").table

    _check_demo(table, capsys.readouterr().out)
    assert (tmp_path / _demo.PICTURE).stat().st_size > 10_000


def _check_demo(table, printed):
    assert {"Ridge", "HuberRegressor", "QuantileRegressor", "LogisticRegression", "LinearSVC"} == {
        *table["its model"]
    }
    assert np.isfinite(table.select_dtypes("number").to_numpy()).all()
    np.testing.assert_allclose(table["score ratio"], table["sklosses"] / table["scikit-learn"])
    # the same objectives on the same folds: no worse than scikit-learn; focal loss is not made for
    # the score it is compared by
    assert (table.set_index("task").drop(index="focal")["score ratio"] < 1.02).all()
    assert table.set_index("loss")["sklosses"].filter(like="Huber").item() < 50
    coverage = float(re.search(r"sklosses: the 90% interval covers ([\d.]+)%", printed)[1])
    assert 84 < coverage < 95
    assert "score ratio" in printed


def test_demo_without_optional_packages(tmp_path, monkeypatch, capsys):
    """Neither rich nor matplotlib: the demo says so, or nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(_demo.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(_demo, "quantile_intervals", list)
    monkeypatch.setattr(_demo, "classification", list)
    table = _demo.demo()

    assert isinstance(table, pd.DataFrame)
    printed = capsys.readouterr().out
    assert "matplotlib is not installed" in printed
    assert "GridSearchCV" not in printed
    assert not list(tmp_path.iterdir())


def test_quantile_intervals(run, capsys):
    module = run("quantile_intervals")
    assert 0.84 < module.coverage < 0.95
    assert capsys.readouterr().out.startswith(f"coverage {module.coverage:.1%}")


def test_own_loss(run, capsys):
    module = run("own_loss")
    assert module.report.passed
    assert module.loss([1.0, 2.0], [2.0, 1.0]) == (1 + 3) / 2
    # under-prediction was made expensive: the prediction moves up
    assert module.search.best_params_["lossregressor__loss__ratio"] > 1
    assert "Asymmetric(ratio=3.0): passed" in capsys.readouterr().out


def test_readme_shows_the_own_loss_of_the_example():
    example = (ROOT / "examples" / "own_loss.py").read_text(encoding="utf-8")
    shown = example.partition("# sphinx-start: class\n")[2].partition("\n\n\n# sphinx-end: class")[
        0
    ]
    assert shown.startswith("class Asymmetric")
    assert shown in (ROOT / "README.md").read_text(encoding="utf-8")


def test_code_of_the_readme_runs(monkeypatch, capsys):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    module = types.ModuleType("readme")
    monkeypatch.setitem(sys.modules, "readme", module)  # pickle looks classes up there
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(block, vars(module))
    printed = capsys.readouterr().out
    assert "lossregressor__loss__quantile" in printed
    assert "Asymmetric(ratio=3.0): passed" in printed


@pytest.mark.parametrize("page", ["getting_started", "generative"])
def test_pages_say_the_truth(page):
    failed, tried = doctest.testfile(str(ROOT / "docs" / f"{page}.rst"), module_relative=False)
    assert tried > 5
    assert failed == 0


def test_validation_set(run, capsys):
    module = run("validation_set")
    best = -max(module.model[-1].validation_scores_)
    np.testing.assert_allclose(module.kept, best, rtol=1e-9)  # the best iteration was kept
    assert f"validation loss {best:.1f}" in capsys.readouterr().out


def test_robust_regression(run):
    errors = run("robust_regression").errors
    squared = errors.pop("SquaredError()")
    assert max(errors.values()) < squared / 2


def test_engel_quantiles(run):
    pytest.importorskip("statsmodels")
    module = run("engel_quantiles")
    for column in ("intercept", "slope"):
        table = module.quantiles
        np.testing.assert_allclose(table[column], table[f"published {column}"], atol=1e-4)
    assert (module.quantiles["gap"] <= 1e-8).all()
    ours = module.stackloss["sklosses"]
    np.testing.assert_allclose(ours, module.stackloss["published"], atol=1e-4)
    np.testing.assert_allclose(ours, module.stackloss["statsmodels"], rtol=1e-6)


def test_imbalanced_focal(run, capsys):
    searches = run("imbalanced_focal").searches
    assert set(searches) == {"average precision", "negative Brier score"}
    # cross-entropy, gamma = 0, is made for probabilities; focal loss is not
    best = searches["negative Brier score"].best_params_
    assert best == {"lossclassifier__loss__gamma": 0.0}
    assert "9.7% of 1797" in capsys.readouterr().out


def test_multi_quantile_network(run):
    results = run("multi_quantile_network").results
    for name in ("linear", "network"):
        assert results[name]["crossing rows"] == 0
        assert 0.85 < results[name]["coverage"] < 0.95
    assert results["linear"]["loss"] < 1.01 * results["three fits"]["loss"]


def test_digits_network(run):
    module = run("digits_network")
    assert max(module.accuracy.values()) > 0.97
    assert min(module.accuracy.values()) > 0.96
    assert len(module.epochs) == 20
    assert module.epochs["accuracy"].iloc[-1] > module.epochs["accuracy"].iloc[0]


def test_multitask_wine(run):
    module = run("multitask_wine")
    separate = module.scores["separate"]
    for weighting in ("fixed", "uncertainty", "dynamic"):
        assert module.scores[weighting]["cultivar"] > separate["cultivar"] - 0.012  # two wines
        assert module.scores[weighting]["alcohol"] > separate["alcohol"] - 0.03
    assert module.masked.predict(module.X).notna().all(axis=None)


def test_rank_digits(run, capsys):
    module = run("rank_digits")
    table = module.table["map"]
    # weights that are learned rank unseen images better than a distance
    for name in ("LambdaRank", "ListNet"):
        assert table.loc[name, "score"] > table.loc["distance", "score"] + 0.01
        assert table.loc[name, "mark"] == "▲***"
    assert not set(module.train) & {*module.qid, *module.document}
    assert "LambdaRank" in capsys.readouterr().out


def test_boost_any_loss(run, capsys):
    for library in ("lightgbm", "xgboost", "catboost"):
        pytest.importorskip(library)
    module = run("boost_any_loss")
    assert len(module.costs) == 5
    assert max(list(module.costs.values())[1:]) < 0.85 * module.constant
    assert (module.low <= module.middle).all()
    assert (module.middle <= module.high).all()
    assert module.search.best_score_ > 0.85
    assert "cost" in capsys.readouterr().out


def test_segment_coins(run, capsys):
    pytest.importorskip("skimage")
    iou = run("segment_coins").iou
    assert (iou["coins"] > 0.9).all()
    # what is rare: better than cross-entropy, and than cross-entropy at its best threshold
    outlines = iou["outlines"]
    assert outlines["Dice"] > outlines["cross-entropy"] + 0.01
    assert outlines["Dice"] > outlines["cross-entropy, best threshold"]
    assert "outlines 5%" in capsys.readouterr().out


def test_read_digit_strings(run, capsys):
    module = run("read_digit_strings")
    assert not set(module.train) & set(module.test)
    assert max(module.errors.values()) <= 0.08
    assert module.errors["beam"] <= module.errors["greedy"]
    by_context = -module.search.cv_results_["mean_test_score"]
    assert by_context[0] > 0.4
    assert 0.1 > by_context[1] > by_context[2]
    assert "label error rate" in capsys.readouterr().out


def test_out_of_core(run, capsys):
    module = run("out_of_core")
    assert module.losses[1] <= module.losses[0] < 1.02 * module.losses[1]
    assert module.optimum.optimality_gap_ < 1e-5
    assert not module.path.exists()
    assert "rows below the streamed quantile" in capsys.readouterr().out


def test_embed_digits(run, capsys):
    module = run("embed_digits")
    scores = module.scores
    assert scores["linear, triplets"] > scores["linear discriminants"] + 0.02
    for name in ("network, triplets", "network, angles"):
        assert scores[name] > scores["linear, triplets"] + 0.1
    assert module.few_labels["self-supervised"] > module.few_labels["pixels"] + 0.1
    assert "self-supervised" in capsys.readouterr().out


def test_perceptual_digits(run, capsys):
    module = run("perceptual_digits")
    table = module.table
    for judge in ("network", "SVC", "neighbours"):
        assert table.loc["+ perceptual", judge] > table.loc["squared error", judge]
    assert min(module.gain) > 0
    assert "gain" in capsys.readouterr().out


def test_vae_anomalies(run, capsys):
    module = run("vae_anomalies")
    for (name, digit), score in module.left_out.items():
        assert score > 0.9 or name != "autoencoder"
        assert score <= module.left_out["autoencoder", digit]
    assert module.corrupted["autoencoder"] == max(module.corrupted.values())
    assert "ROC AUC without 0: autoencoder 0.9" in capsys.readouterr().out


def test_generate_digits(run, capsys):
    module = run("generate_digits")
    assert module.models["wasserstein"].coverage_ > 0.9
    assert not module.messages["wasserstein"]
    # every digit occurs, no one much too often; the usual game is less even
    assert module.counts["wasserstein"].min() > 30
    assert module.counts["wasserstein"].std() < module.counts["non_saturating"].std()
    assert "wasserstein: coverage" in capsys.readouterr().out
