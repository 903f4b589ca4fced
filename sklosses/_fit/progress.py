"""`Progress`: what scikit-learn's callbacks are told of a fit."""

from __future__ import annotations

from copy import copy


class Progress:
    """Tells scikit-learn's callbacks what a fit does."""

    def __init__(self, estimator, X, y, sample_weight, iterations=None):
        self.estimator = estimator
        self.shown = estimator._shown(X, y, sample_weight)
        iterations = iterations or estimator.max_iter
        self.context = estimator._init_callback_context(max_subtasks=iterations)
        self.wanted = bool(self.context._callbacks)

    def begin(self, targets, *, joint=False):
        """Report the start, now that the number of outputs is known."""
        self.single = targets.ndim == 1
        if not self.single and not joint:  # at most: one may need fewer iterations than another
            self.context.max_subtasks *= targets.shape[1]
        self.context.call_on_fit_task_begin(estimator=self.estimator, **self.shown)

    def iteration(self, network):
        """Report an iteration (of a part of the model: None); return whether to stop."""
        task = self.context.subcontext(task_name="iteration")
        task.call_on_fit_task_begin(estimator=self.estimator, **self.shown)
        return task.call_on_fit_task_end(
            estimator=self.estimator, **self.shown,
            reconstruction_attributes=lambda: network and self._attributes(network),
        )  # fmt: skip

    def _attributes(self, network):
        fitted = copy(self.estimator)
        before = dict(fitted.__dict__)
        fitted._set_model(network, single=self.single)
        fitted.n_iter_ = 1
        return {
            name: value
            for name, value in fitted.__dict__.items()
            if name not in before or before[name] is not value or name.endswith("_")
        }

    def end(self):
        """Report that the fit is complete."""
        self.context.call_on_fit_task_end(
            estimator=self.estimator, **self.shown, reconstruction_attributes=dict
        )
