"""Run benchmark groups: ``python -m benchmarks [group …]``."""

from __future__ import annotations

import os
import sys

# one thread on each side, set before anything loads a BLAS
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import importlib  # noqa: E402

GROUPS = (
    "kernels", "multiclass", "linear", "mlp", "quantile", "robust", "logistic", "outofcore",
    "ranking", "boosting", "overlap", "sequence", "embedding", "generative", "coldstart",
)  # fmt: skip


def main(groups):
    unknown = set(groups) - set(GROUPS)
    if unknown:
        raise SystemExit(f"unknown groups {sorted(unknown)}; there are {GROUPS}")
    for group in groups or GROUPS:
        print(f"\n## {group}\n", flush=True)
        importlib.import_module(f".{group}", __package__).run()


if __name__ == "__main__":
    main(sys.argv[1:])
