"""Metric learning: nearest-neighbour accuracy and time against scikit-learn and PyTorch."""

from __future__ import annotations

import time
from functools import partial

import numpy as np
from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier, NeighborhoodComponentsAnalysis

import sklosses as sl

from .harness import in_fresh_process, medians, peak_memory, table, torch_or_none

SPLITS = 5  # of the digits
ASKED_DIGITS, ASKED_TORCH = 2, 3  # times faster
ROWS, COLUMNS, CLASSES, INFORMATIVE, COMPONENTS = 16_000, 64, 20, 10, 16
MANY = 100_000
BATCH, EPOCHS = 256, 10  # of PyTorch
SIZES = [(256, 16, 10), (1000, 64, 20)]  # of batches, components, classes


def run():
    digits()
    clusters()
    many_rows()
    losses()


def _accuracy(model, train, test, y_train, y_test):
    """Return the held-out accuracy of 5 nearest neighbours in the map of a fitted model."""
    neighbours = KNeighborsClassifier().fit(model.transform(train), y_train)
    return neighbours.score(model.transform(test), y_test)


def _race(models, split):
    """Return the median time of a fit, and the accuracy, of each model."""
    fits = {name: partial(model.fit, split[0], split[2]) for name, model in models.items()}
    times = medians(fits, repeats=3)
    return times, {name: _accuracy(model, *split) for name, model in models.items()}


def digits():
    print(
        f"Digits, means of {SPLITS} splits, defaults. Asked: an accuracy of the peer's or more, "
        f"{ASKED_DIGITS} times faster.\n"
    )
    X, y = load_digits(return_X_y=True)
    rows = []
    for k in (2, 16):
        results = []
        for seed in range(SPLITS):
            split = train_test_split(X, y, test_size=0.3, stratify=y, random_state=seed)
            models = [
                sl.LossEmbedder(n_components=k, random_state=seed),
                NeighborhoodComponentsAnalysis(k, random_state=seed),
            ]
            if not seed:
                models[0].fit(split[0], split[2])  # compile
            results.append([_timed(model, split) for model in models])
        (mine, accuracy), (seconds, their_accuracy) = np.mean(results, axis=0)
        rows.append((k, f"{accuracy:.4f}", f"{their_accuracy:.4f}", mine, seconds / mine))
    table(("components", "ours", "NCA", "seconds", "× NCA"), rows)


def _timed(model, split):
    """Return the seconds of one fit, and the accuracy."""
    start = time.perf_counter()
    model.fit(split[0], split[2])
    return time.perf_counter() - start, _accuracy(model, *split)


# ------------------------------------------------------------------ clusters among nuisance


def _data(n, clusters, seed=0):
    """Return rows of classes of some Gaussian clusters, with columns of noise, all mixed."""
    rng = np.random.default_rng(seed)
    y, cluster = rng.integers(0, CLASSES, n), rng.integers(0, clusters, n)
    centres = 1.3 * rng.normal(size=(CLASSES, clusters, INFORMATIVE))
    signal = centres[y, cluster] + rng.normal(size=(n, INFORMATIVE))
    noise = 3.0 * rng.normal(size=(n, COLUMNS - INFORMATIVE))
    mixing = np.linalg.qr(rng.normal(size=(COLUMNS, COLUMNS)))[0]
    return np.hstack((signal, noise)) @ mixing, y


def clusters():
    print(
        f"{ROWS:,} × {COLUMNS}, {CLASSES} classes in {INFORMATIVE} dimensions, the others noise of "
        f"3 times the spread, all rotated; {COMPONENTS} components. PyTorch: a linear map, "
        f"batch-hard triplets of {BATCH} rows, {EPOCHS} epochs of Adam. Asked: with one cluster a "
        "class the accuracy of discriminant analysis − 0.01, with two clearly more, "
        f"{ASKED_TORCH} times faster than PyTorch.\n"
    )
    rows = []
    for number in (1, 2):
        X, y = _data(ROWS, number)
        split = train_test_split(X, y, test_size=0.25, stratify=y, random_state=0)
        models = {"ours": sl.LossEmbedder(n_components=COMPONENTS, random_state=0)}
        if torch_or_none() is not None:
            models["PyTorch"] = _TorchTriplets()
        times, accuracy = _race(models, split)
        peers = [
            LinearDiscriminantAnalysis(n_components=k).fit(split[0], split[2])
            for k in (INFORMATIVE, COMPONENTS, CLASSES - 1)
        ]
        best = max(_accuracy(peer, *split) for peer in peers)
        itself = peers[0].score(split[1], split[3])
        reached = f"{accuracy['PyTorch']:.4f}" if "PyTorch" in accuracy else "-"
        faster = times["PyTorch"] / times["ours"] if "PyTorch" in times else "-"
        rows.append((number, f"{accuracy['ours']:.4f}", f"{best:.4f}", f"{itself:.4f}", reached,
                     times["ours"], faster))  # fmt: skip
    headings = ("clusters", "ours", "LDA, neighbours, best of 10, 16, 19 components",
                "LDA itself", "PyTorch", "seconds", "× PyTorch")  # fmt: skip
    table(headings, rows)


class _TorchTriplets:
    """A linear map by batch-hard triplets, as one writes it in PyTorch."""

    def fit(self, X, y):
        import torch

        torch.manual_seed(0)
        X, y = torch.from_numpy(X), torch.from_numpy(y)
        self.map = torch.nn.Linear(X.shape[1], COMPONENTS, dtype=X.dtype)
        optimiser = torch.optim.Adam(self.map.parameters(), lr=0.01)
        for _ in range(EPOCHS):
            order = torch.randperm(len(X))
            for start in range(0, len(X), BATCH):
                batch = order[start : start + BATCH]
                optimiser.zero_grad()
                hard_triplets(torch, y[batch], self.map(X[batch])).backward()
                optimiser.step()
        return self

    def transform(self, X):
        import torch

        with torch.no_grad():
            return self.map(torch.from_numpy(X)).numpy()


def hard_triplets(torch, y, z):
    """Return the batch-hard triplet loss."""
    d = torch.cdist(z, z)
    same = y[:, None] == y
    far = torch.where(same, d, 0.0).amax(1)
    near = torch.where(same, torch.inf, d).amin(1)
    return torch.relu(far - near + 1.0).mean()


def many_rows():
    print(f"{MANY:,} × {COLUMNS}, two clusters a class, in a process of its own.\n")
    seconds, accuracy, data, peak = in_fresh_process(_many)
    headings = ("seconds", "accuracy of the nearest neighbour, of 4,000 rows", "memory, MiB",
                "of which data")  # fmt: skip
    table(headings, [(seconds, accuracy, (peak - data[0]) * 1024, data[1])])


def _many():
    X, y = _data(MANY, 2)
    model = sl.LossEmbedder(n_components=COMPONENTS, random_state=0).fit(X[:1000], y[:1000])
    before, start = peak_memory(), time.perf_counter()
    model.fit(X, y)
    seconds = time.perf_counter() - start
    return seconds, model.score(X[:4000], y[:4000]), (before, X.nbytes / 2**20), peak_memory()


# ------------------------------------------------------------------ losses


def losses():
    print("Values and gradients of one batch against autograd, distances there by `cdist`.\n")
    torch = torch_or_none()
    rng, rows = np.random.default_rng(0), []
    for n, k, classes in SIZES:
        y, z = rng.integers(0, classes, n), rng.normal(size=(n, k))
        for loss in (*(cls() for cls in sl.all_losses("embedding")), sl.Triplet(mining="hard")):
            functions = {"ours": lambda y=y, z=z, loss=loss: loss.values_gradient(y, z)}
            if torch is not None and loss in FORMULAS:
                functions["torch"] = _autograd(torch, FORMULAS[loss], y, z)
            times = medians(functions)
            faster = times["torch"] / times["ours"] if "torch" in times else "-"
            rows.append((f"{n} × {k}", loss, times["ours"] * 1e3, faster))
    table(("batch", "loss", "ms", "× torch autograd"), rows)


def _supervised(torch, y, z):
    unit = torch.nn.functional.normalize(z, dim=1)
    s = unit @ unit.T / 0.1
    s = s.masked_fill(torch.eye(len(y), dtype=torch.bool), -1e9)
    same = (y[:, None] == y).fill_diagonal_(False)
    logs = torch.log_softmax(s, 1)
    return -((logs * same).sum(1) / same.sum(1).clamp(min=1)).mean()


def _contrastive(torch, y, z):
    d = torch.cdist(z, z)
    same = y[:, None] == y
    return torch.where(same, d**2, torch.relu(1.0 - d) ** 2).sum() / (len(y) * (len(y) - 1))


FORMULAS = {
    sl.Triplet(mining="hard"): hard_triplets,
    sl.SupervisedContrastive(): _supervised,
    sl.Contrastive(): _contrastive,
}


def _autograd(torch, formula, y, z):
    labels, raw = torch.from_numpy(y), torch.from_numpy(z).requires_grad_()
    return lambda: torch.autograd.grad(formula(torch, labels, raw), raw)
