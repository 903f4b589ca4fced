"""CTC against PyTorch, and strings of handwritten digits: errors by time."""

from __future__ import annotations

import time
import warnings
from functools import partial

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

import sklosses as sl
from sklosses.metrics import label_error_rate

from .harness import medians, table, torch_or_none

# frames, sequences, classes, labels
SIZES = ((200, 32, 30, 30), (1000, 64, 80, 100))
ASKED = {"float32": 4, "float64": 6}
ASKED_ERRORS, ASKED_SECONDS = 0.08, 120
STRINGS, TEST_STRINGS = 1000, 1000


def run():
    against_torch()
    digit_strings()


def _data(size, dtype):
    n_frames, n_sequences, k, n_labels = size
    rng = np.random.default_rng(0)
    z = rng.normal(size=(n_sequences, n_frames, k)).astype(dtype)
    return z, rng.integers(1, k, (n_sequences, n_labels))


def against_torch():
    print(
        "Value and gradient of `CTC` by the logits, one thread, against `log_softmax`, `ctc_loss` "
        "and backward of PyTorch (one thread): times faster, and the largest error of a gradient "
        f"against that of PyTorch in float64. Asked: {ASKED}.\n"
    )
    torch = torch_or_none()
    loss, rows = sl.CTC(), []
    for size in SIZES:
        for dtype in ASKED:
            z, y = _data(size, dtype)
            functions = {
                "array": partial(loss.values_gradient, y, z),
                "list": partial(loss.values_gradient, list(y), list(z)),
                "values": partial(loss.values, y, z),
            }
            if torch is not None:
                functions["torch"] = partial(_autograd, torch, y, z)
            times = medians(functions)
            errors = _errors(torch, y, z) if torch is not None else ("-", "-")
            faster = [times.get("torch", np.nan) / times[name] for name in ("array", "list")]
            shown = f"T={size[0]}, N={size[1]}, C={size[2]}, S={size[3]}"
            milliseconds = times["array"] * 1e3, times["values"] * 1e3
            rows.append((shown, dtype, *milliseconds, *faster, *errors))
    headings = (
        "size", "dtype", "ms", "ms, values alone", "× torch", "× torch, from a list", "our error",
        "theirs",
    )  # fmt: skip
    table(headings, rows)


def _autograd(torch, y, z):
    """Return values and gradient of PyTorch, whose arrays are (time, sequence, class)."""
    raw = torch.from_numpy(z).transpose(0, 1).contiguous().requires_grad_()
    values = torch.nn.functional.ctc_loss(
        raw.log_softmax(-1), torch.from_numpy(y), torch.full((len(z),), z.shape[1]),
        torch.full((len(y),), y.shape[1]), reduction="none",
    )  # fmt: skip
    values.sum().backward()
    return values.detach().numpy(), raw.grad.transpose(0, 1).numpy()


def _errors(torch, y, z):
    exact = _autograd(torch, y, z.astype(np.float64))[1]
    ours, theirs = sl.CTC().gradient(y, z), _autograd(torch, y, z)[1]
    return [f"{np.abs(gradient - exact).max():.0e}" for gradient in (ours, theirs)]


# ------------------------------------------------------------------ digits


def strings(images, digits, pool, count, rng):
    """Return strings of 3 to 8 of the images of a pool, columns as frames, and their digits."""
    some = [rng.choice(pool, rng.integers(3, 9)) for _ in range(count)]
    frames = [np.concatenate([image.T for image in images[which]]) for which in some]
    return frames, ["".join(map(str, digits[which])) for which in some]


def digit_strings():
    print(
        f"Strings of 3 to 8 handwritten digits, {STRINGS} to learn from, and {TEST_STRINGS} of "
        "images that were never seen; four columns of pixels on each side are seen along with one; "
        f"64 hidden units. Asked: a label error rate of {ASKED_ERRORS:.0%} in {ASKED_SECONDS} s.\n"
    )
    warnings.simplefilter("ignore", ConvergenceWarning)
    X, digits = load_digits(return_X_y=True)
    images = X.reshape(-1, 8, 8).astype(np.float32)
    train, test = train_test_split(
        np.arange(len(X)), test_size=0.3, stratify=digits, random_state=0
    )
    rng, rows = np.random.default_rng(0), []
    learn = strings(images, digits, train, STRINGS, rng)
    frames, truth = strings(images, digits, test, TEST_STRINGS, rng)
    with threadpool_limits(1):
        sl.LossSequenceLabeler(context=4, hidden_layer_sizes=(64,), max_iter=1).fit(*learn)
        for epochs in (5, 10, 20, 40):
            model = sl.LossSequenceLabeler(
                context=4, hidden_layer_sizes=(64,), max_iter=epochs, random_state=0
            )
            start = time.perf_counter()
            model.fit(*learn)
            seconds, rates = time.perf_counter() - start, []
            for settings in (
                {}, {"decoder": "beam"}, {"decoder": "beam", "language_model": "bigram"},
            ):  # fmt: skip
                predicted = model.set_params(**settings).predict(frames)
                rates.append(f"{label_error_rate(truth, predicted):.1%}")
            rows.append((epochs, seconds, *rates))
    table(("epochs", "seconds", "greedy", "beam", "beam and bigrams"), rows)
