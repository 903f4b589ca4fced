"""
Data that do not fit in memory
==============================

``partial_fit`` takes one stochastic epoch over the rows it is given. Here they come from a file
that is mapped into memory, batch by batch: memory stays the same however many rows there are. The
same loop reads Parquet with ``pyarrow.parquet.ParquetFile(path).iter_batches()``.
"""

import tempfile
from pathlib import Path

import numpy as np
from sklearn.datasets import load_diabetes

import sklosses as sl

BATCH, REPEATS = 1000, 40
X, y = load_diabetes(return_X_y=True)
folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "rows.npy"

# %%
# The diabetes data many times over, with a little noise: features, then the target.

rng = np.random.default_rng(0)
shape = REPEATS * len(y), X.shape[1] + 1
rows = np.lib.format.open_memmap(path, mode="w+", dtype=np.float64, shape=shape)
for start in range(0, len(rows), len(y)):
    rows[start : start + len(y), :-1] = X + 1e-3 * rng.normal(size=X.shape)
    rows[start : start + len(y), -1] = y
rows.flush()

# %%
# Three epochs of quantile regression, a batch at a time.

# sphinx-start: stream
rows = np.load(path, mmap_mode="r")
stream = sl.LossRegressor(loss=sl.Pinball(quantile=0.9), random_state=0)
for _ in range(3):  # epochs
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        stream.partial_fit(batch[:, :-1], batch[:, -1])
# sphinx-end: stream

# %%
# These rows do fit in memory, so that the optimum can be had to compare with.

X, y = np.array(rows[:, :-1]), np.array(rows[:, -1])
optimum = sl.LossRegressor(loss=sl.Pinball(quantile=0.9)).fit(X, y)
losses = [sl.Pinball(quantile=0.9)(y, model.predict(X)) for model in (stream, optimum)]
print(f"pinball loss of the stream {losses[0]:.3f}")
print(f"and of the optimum {losses[1]:.3f}, known to {optimum.optimality_gap_:.0e}")
print(f"rows below the streamed quantile: {np.mean(y < stream.predict(X)):.1%}")
del rows, batch
folder.cleanup()
