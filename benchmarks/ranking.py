"""Losses and metrics of rankings, many queries at once."""

from __future__ import annotations

import time
import warnings
from functools import partial

import numpy as np
from sklearn import metrics as theirs

import sklosses as sl
from sklosses._arrays.groups import Groups
from sklosses.metrics import _ranking as ranking
from sklosses.metrics import ndcg_score

from .harness import in_fresh_process, medians, peak_memory, table, torch_or_none

QUERIES, DOCUMENTS = 10_000, 100
PART = 10  # the loop over queries is timed on one part of so many
ASKED_RANX, ASKED_LOOP = 10, 100
LOSS_QUERIES, LONG = 2000, 50_000
TOGETHER = 20  # queries in one matrix of pairs for PyTorch: more leave the cache
ASKED_TORCH = {"PairwiseLogistic": 3, "ListNet": 1}
TRUNCATION = 30  # LightGBM's default
RANX = {"ndcg@10": "ndcg_burges@10", "ndcg": "ndcg_burges"}  # the same gain; others as they are


def run():
    against_torch()
    against_lightgbm()
    one_query()
    metrics()


def _data(queries, documents):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 5, (queries, documents)).astype(float)
    return y, rng.normal(size=y.shape), np.repeat(np.arange(queries), documents)


# ------------------------------------------------------------------ losses


def against_torch():
    print(
        f"Values and gradients of {LOSS_QUERIES:,} queries of {DOCUMENTS} documents, one thread. "
        f"PyTorch: autograd on {TOGETHER} queries at a time, of pairs by their matrix. Asked: "
        f"{ASKED_TORCH}.\n"
    )
    torch = torch_or_none()
    y, s, qid = _data(LOSS_QUERIES, DOCUMENTS)
    rows = []
    for cls in sl.all_losses("ranking"):
        name, loss = cls.__name__, cls()
        data = (y > 3.0 if cls is sl.BPR else y).ravel(), s.ravel()
        functions = {
            "ours": partial(loss.values_gradient, *data, qid=qid),
            "gradient": partial(loss.gradient, *data, qid=qid),
            "boosters": partial(loss.gradient_hessian, *data, qid=qid, psd=True),
        }
        if torch is not None and name in ASKED_TORCH:
            functions["torch"] = _autograd(torch, name, y, s)
        times = medians(functions)
        faster = times["torch"] / times["ours"] if "torch" in times else "-"
        milliseconds = [times[key] * 1e3 for key in ("ours", "gradient", "boosters")]
        rows.append((loss, *milliseconds, faster))
    headings = "values and gradient, ms", "gradient, ms", "gradient and surrogate, ms"
    table(("loss", *headings, "× torch autograd"), rows)


def _autograd(torch, name, y, s):
    targets, scores = torch.tensor(y), torch.tensor(s)

    def pairwise(y, raw):
        valid = y[:, :, None] > y[:, None, :]
        costs = torch.nn.functional.softplus(raw[:, None, :] - raw[:, :, None]) * valid
        return costs.sum((1, 2)) / valid.sum((1, 2))

    def listwise(y, raw):
        return -(torch.softmax(y, 1) * torch.log_softmax(raw, 1)).sum(1)

    formula = pairwise if name == "PairwiseLogistic" else listwise

    def derivatives():
        for part in range(0, len(y), TOGETHER):
            raw = scores[part : part + TOGETHER].clone().requires_grad_()
            values = formula(targets[part : part + TOGETHER], raw)
            torch.autograd.grad(values.sum(), raw)

    return derivatives


def against_lightgbm():
    print(
        f"Gradient and Hessian of LambdaRank(k={TRUNCATION}) on the same queries, against what a "
        "round of LightGBM's `lambdarank` takes longer than one of its `regression`, both with "
        "single-threaded trees of 2 leaves on one column. Asked: no longer.\n"
    )
    try:
        import lightgbm
    except ImportError:
        print("LightGBM is not installed.\n")
        return
    y, s, qid = _data(LOSS_QUERIES, DOCUMENTS)
    loss = sl.LambdaRank(k=TRUNCATION)
    params = {
        "lambdarank_truncation_level": TRUNCATION, "lambdarank_norm": False, "num_leaves": 2,
        "num_threads": 1, "verbosity": -1,
    }  # fmt: skip

    def booster(objective):
        data = lightgbm.Dataset(
            s.reshape(-1, 1), y.ravel(), group=np.full(len(y), y.shape[1]), params=params,
            init_score=s.ravel(),
        )  # fmt: skip
        return lightgbm.Booster(params | {"objective": objective}, data)

    rankers, regressors = booster("lambdarank"), booster("regression")
    groups = Groups.of(qid, qid.size)
    times = medians(
        {
            "ours": lambda: loss.gradient_hessian(y.ravel(), s.ravel(), qid=groups, psd=True),
            "ours, by ids": lambda: loss.gradient_hessian(y.ravel(), s.ravel(), qid=qid, psd=True),
            "lambdarank": rankers.update,
            "regression": regressors.update,
        },
        repeats=11,
    )
    theirs = times["lambdarank"] - times["regression"]
    rows = [(name, times[name] * 1e3, theirs / times[name]) for name in ("ours", "ours, by ids")]
    table(("", "ms", f"× LightGBM ({theirs * 1e3:.1f} ms)"), rows)


def one_query():
    print(f"One query of {LONG:,} documents, each loss in a process of its own.\n")
    rows = []
    for name in [*map(repr, (cls() for cls in sl.all_losses("ranking"))), "LambdaRank(k=30)"]:
        before, value, gradient, after = in_fresh_process(_long, name)
        rows.append((name, value, gradient, (after - before) * 1024))
    table(("loss", "value, s", "gradient, s", "memory, MiB"), rows)


def _long(name):
    """Return the peak memory before, the seconds of value and gradient, and the peak after."""
    loss = eval(name, {**vars(sl)})
    y, s, _ = _data(1, LONG)
    y = y.ravel() > 3.0 if name == "BPR()" else y.ravel()
    loss.values(y[:9], s.ravel()[:9])
    loss.gradient(y[:9], s.ravel()[:9])
    before, start = peak_memory(), time.perf_counter()
    loss.values(y, s.ravel())
    value = time.perf_counter() - start
    loss.gradient(y, s.ravel())
    return before, value, time.perf_counter() - start - value, peak_memory()


# ------------------------------------------------------------------ metrics


def metrics():
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
