"""Metrics of rankings, many queries at once."""

from __future__ import annotations

import time
import warnings

import numpy as np
from sklearn import metrics as theirs

from sklosses._groups import Groups
from sklosses.metrics import _ranking as ranking
from sklosses.metrics import ndcg_score

from .harness import medians, table

QUERIES, DOCUMENTS = 10_000, 100
PART = 10  # the loop over queries is timed on one part of so many
ASKED_RANX, ASKED_LOOP = 10, 100
RANX = {"ndcg@10": "ndcg_burges@10", "ndcg": "ndcg_burges"}  # the same gain; others as they are


def run():
    print(
        f"{QUERIES:,} queries of {DOCUMENTS} documents, one thread. Asked of NDCG@10: "
        f"{ASKED_RANX} × ranx (its `evaluate` alone, on its own objects) and {ASKED_LOOP} × a loop "
        f"over `sklearn.metrics.ndcg_score` (timed on one query in {PART}).\n"
    )
    rng = np.random.default_rng(0)
    y = rng.integers(0, 5, (QUERIES, DOCUMENTS))
    s = rng.normal(size=y.shape)
    qid = np.repeat(np.arange(QUERIES), DOCUMENTS)
    ranx = _ranx(y, s)
    rows = []
    for name in ("ndcg@10", "ndcg", "map", "mrr", "err@10", "precision@10", "pairwise_accuracy"):
        metric, _, k = ranking.parse(name)
        functions = {"ours": lambda f=metric, k=k: f(y.ravel(), s.ravel(), qid=qid, k=k)}
        if ranx is not None and name not in ("err@10", "pairwise_accuracy"):
            theirs_name = RANX.get(name, name)
            functions["ranx"] = lambda name=theirs_name: ranx(name)
        times = medians(functions, repeats=3)
        faster = times["ranx"] / times["ours"] if "ranx" in times else "-"
        loop = PART * _loop(y, s, k) / times["ours"] if name.startswith("ndcg") else "-"
        rows.append((name, times["ours"] * 1e3, faster, loop))
    table(("metric", "ours, ms", "× ranx", "× loop over sklearn"), rows)

    shuffled = rng.permutation(qid)
    cases = {"ids together": qid, "anywhere": shuffled, "strings": shuffled.astype(str)}
    functions = {
        name: lambda ids=ids: ndcg_score(y.ravel(), s.ravel(), qid=ids, k=10)
        for name, ids in cases.items()
    } | {
        f"grouping, {name}": lambda ids=ids: Groups.of(ids, ids.size) for name, ids in cases.items()
    }
    table(("NDCG@10 by its ids", "ms"), [(n, t * 1e3) for n, t in medians(functions).items()])


def _loop(y, s, k):
    """Return the seconds of scikit-learn, one query at a time, on a part."""
    start = time.perf_counter()
    for own_y, own_s in zip(2.0 ** y[::PART] - 1, s[::PART], strict=True):
        theirs.ndcg_score([own_y], [own_s], k=k)
    return time.perf_counter() - start


def _ranx(y, s):
    """Return ``ranx.evaluate`` on these queries, or None if it is not installed."""
    try:
        import ranx
    except ImportError:
        print("ranx is not installed.\n")
        return None
    names = [f"d{j}" for j in range(y.shape[1])]
    qrels = {f"q{i}": dict(zip(names, row.tolist(), strict=True)) for i, row in enumerate(y)}
    run = {f"q{i}": dict(zip(names, row.tolist(), strict=True)) for i, row in enumerate(s)}
    qrels, run = ranx.Qrels(qrels), ranx.Run(run)

    def evaluate(metric):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its casts
            return ranx.evaluate(qrels, run, metric)

    return evaluate
