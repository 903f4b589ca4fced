"""What happens after each iteration of a fit: record, report, compare, decide whether to stop."""

from __future__ import annotations

import numpy as np


class Monitor:
    """Keeps the loss curve and the validation scores, and tells a solver when to stop.

    Parameters
    ----------
    tol : float or None
        Smallest improvement that counts, relative to `reference`; None never stops.
    reference : float
        The loss of the best constant. The loss reached would not do: on separable data it goes to
        0, ever more slowly.
    n_iter_no_change : int
        Iterations without one after which the fit stops.
    validate : callable or None
        Returns the validation score (higher is better) of a candidate solution; the best
        solution is then kept in ``best``.
    watch_training : bool
        Whether a training loss that no longer improves stops the fit (stochastic solvers; batch
        solvers know better when they are done).
    verbose : int
        Prints a line an iteration if positive.
    tell : callable or None
        Called with each solution; true stops the fit for good (``told``).
    """

    def __init__(
        self, *, tol, reference, n_iter_no_change, validate=None, watch_training, verbose=0,
        tell=None,
    ):  # fmt: skip
        self.tol = -np.inf if tol is None else tol
        self.reference = reference
        self.patience = n_iter_no_change
        self.validate = validate
        self.watch_training = watch_training
        self.verbose = verbose
        self.losses: list[float] = []
        self.scores: list[float] = []
        self.best = None
        self._best_score = -np.inf
        self._waited = 0
        self.stopped = self.told = False
        self.latest = False
        self.tell = tell

    def chosen(self, last):
        """Return the solution of the best validation score, or the last without validation."""
        return last if self.validate is None or self.best is None else self.best

    def consider(self, start):
        """Take a solution to start from into account; of equal scores the latest is kept then."""
        if self.validate is not None:
            self._best_score, self.best, self.latest = float(self.validate(start)), start, True

    def resume(self):
        """Go on after a stop, as with a lower learning rate."""
        self._waited, self.stopped = 0, False

    def __call__(self, solution, loss):
        """Record an iteration; return whether to stop."""
        self.losses.append(float(loss))
        if self.validate is not None:
            self.scores.append(float(self.validate(solution)))
        if self.verbose:
            score = f", validation score = {self.scores[-1]:.6g}" if self.scores else ""
            print(f"Iteration {len(self.losses)}, loss = {loss:.6g}{score}")  # noqa: T201
        if self.tell is not None and self.tell(solution):
            self.stopped = self.told = True
        if self.validate is None and not self.watch_training:
            return self.stopped
        score = self.scores[-1] if self.scores else -loss
        enough = self.tol * self.reference
        self._waited = 0 if score > self._best_score + enough else self._waited + 1
        if score > self._best_score or (self.latest and score == self._best_score):
            self._best_score = score
            self.best = solution
        self.stopped = self.told or self._waited >= self.patience
        return self.stopped
