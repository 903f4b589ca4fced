"""Generative models: an autoencoder against PyTorch, and how much of a ring of modes is covered."""

from __future__ import annotations

import time
import warnings

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

import sklosses as sl

from .harness import table, torch_or_none

TRAIN, HIDDEN, LATENTS, BATCH, RATE, REPEATS = 1400, 128, 8, 100, 1e-3, 3
EPOCHS = (30, 100)
MODES, RADIUS, SIGMA, SEEDS = 8, 2.0, 0.05, 5


def run():
    with threadpool_limits(1):
        if torch_or_none() is not None:
            autoencoders()
        ring()


# ------------------------------------------------------------------ autoencoder


def autoencoders():
    print(
        f"Digits, {TRAIN} for training; {HIDDEN} hidden units, {LATENTS} latents, batches of "
        f"{BATCH}, Adam at {RATE}, one thread. Bound: of the other digits.\n"
    )
    X = load_digits().data[np.random.default_rng(0).permutation(1797)] / 16
    ours(X[:TRAIN], X[TRAIN:], 1)  # compile
    rows = []
    for dtype in (np.float64, np.float32):
        train, test = X[:TRAIN].astype(dtype), X[TRAIN:].astype(dtype)
        for epochs in EPOCHS:
            pairs = [(ours(train, test, epochs), theirs(train, test, epochs))
                     for _ in range(REPEATS)]  # fmt: skip
            (times, bounds), (their_times, their_bounds) = np.median(pairs, axis=0)
            rows.append((dtype.__name__, epochs, their_times / times, f"{bounds:.2f}",
                         f"{their_bounds:.2f}"))  # fmt: skip
    table(("dtype", "epochs", "time, PyTorch's / ours", "our bound", "PyTorch's"), rows)


def ours(train, test, epochs):
    """Return the time of a fit and the test bound."""
    model = sl.VariationalAutoencoder(
        n_components=LATENTS, hidden_layer_sizes=(HIDDEN,), batch_size=BATCH,
        learning_rate_init=RATE, max_iter=epochs, tol=None, random_state=0,
    )  # fmt: skip
    start = time.perf_counter()
    model.fit(train)
    return time.perf_counter() - start, model.score(test)


def theirs(train, test, epochs):
    """Return the same of PyTorch."""
    import torch

    torch.manual_seed(0)
    Linear, train, test = torch.nn.Linear, torch.from_numpy(train), torch.from_numpy(test)
    d = train.shape[1]
    encoder = torch.nn.Sequential(Linear(d, HIDDEN), torch.nn.ReLU(), Linear(HIDDEN, 2 * LATENTS))
    decoder = torch.nn.Sequential(Linear(LATENTS, HIDDEN), torch.nn.ReLU(), Linear(HIDDEN, d))
    for network in (encoder, decoder):
        network.to(train.dtype)
    optimiser = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=RATE)

    def loss(x):
        mean, log_var = encoder(x).chunk(2, 1)
        raw = decoder(mean + torch.exp(0.5 * log_var) * torch.randn_like(mean))
        fit = torch.nn.functional.binary_cross_entropy_with_logits(raw, x, reduction="sum")
        return (fit + 0.5 * (mean**2 + log_var.exp() - 1 - log_var).sum()) / len(x)

    start = time.perf_counter()
    for _ in range(epochs):
        for rows in torch.randperm(len(train)).split(BATCH):
            optimiser.zero_grad()
            loss(train[rows]).backward()
            optimiser.step()
    seconds = time.perf_counter() - start
    with torch.no_grad():
        return seconds, -float(np.mean([loss(test).item() for _ in range(32)]))


# ------------------------------------------------------------------ ring


def ring():
    print(
        f"A ring of {MODES} normal modes, radius {RADIUS}, σ = {SIGMA}, 2000 rows; defaults, seeds "
        f"0 to {SEEDS - 1}. Near: within 4σ of a mode; a mode counts with 2% of the samples.\n"
    )
    rows = []
    for loss in ("wasserstein", "hinge_gan", "least_squares_gan", "non_saturating", "minimax"):
        near, modes, covered, told, seconds = zip(*[_ring(loss, s) for s in range(SEEDS)],
                                                  strict=True)  # fmt: skip
        rows.append((loss, ", ".join([f"{share:.0%}" for share in near]), _list(modes),
                     ", ".join([f"{share:.0%}" for share in covered]), _list(told),
                     float(np.median(seconds))))  # fmt: skip
    table(("loss", "samples near", "modes", "coverage_", "warned", "seconds a fit"), rows)


def _list(items):
    return ", ".join(map(str, items))


def _ring(loss, seed):
    angles = 2 * np.pi * np.arange(MODES) / MODES
    centres = RADIUS * np.column_stack((np.cos(angles), np.sin(angles)))
    rng = np.random.default_rng(seed)
    X = centres[rng.integers(MODES, size=2000)] + SIGMA * rng.normal(size=(2000, 2))
    start = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        model = sl.GenerativeAdversarialNetwork(loss, random_state=seed).fit(X)
    seconds = time.perf_counter() - start
    distances = np.linalg.norm(model.sample(4000)[:, None] - centres, axis=2)
    near = distances.min(axis=1) < 4 * SIGMA
    modes = (np.bincount(distances.argmin(axis=1)[near], minlength=MODES) >= 80).sum()
    return near.mean(), modes, model.coverage_, "yes" if caught else "no", seconds
