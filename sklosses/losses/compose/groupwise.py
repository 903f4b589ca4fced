"""Sums with a group-wise loss: terms on rows are averaged within each group first."""

from __future__ import annotations

import numpy as np

from ..._arrays.inputs import DOUBLE, as_floats, require_weight
from ..._bases.groupwise import GroupwiseLoss
from ..._bases.overlap import best_constant_of
from ..._bases.pointwise import PointwiseLoss
from ..._bases.rowwise import RowwiseLoss
from .algebra import PROBES, WeightedSum, _from_parts

RESPONSES = ("y_true", "y_pred")
SEVERAL = 3  # columns: of a form of several classes
ALIKE = {"overlap": ("binary", "multiclass"), "ranking": ("regression", "binary")}


class GroupwiseSum(WeightedSum, GroupwiseLoss):  # type: ignore[override, misc]
    """A sum of group-wise losses, and of losses of rows, of which each group has the mean."""

    of = GroupwiseLoss

    # ------------------------------------------------------------------ the terms

    @property
    def _lead(self):
        """The first group-wise term: it says what targets and weights mean."""
        terms = [term for _, term in self._all_parts() if term.groupwise]
        return next((term for term in self._terms if term.groupwise), terms[0])

    @property
    def _in_rows(self):
        """Whether a term sees a row of several raw columns."""
        return any(isinstance(term, RowwiseLoss) for term in self._terms)

    def _check_family(self, first):
        lead = self._lead
        wanted = (lead.task, *ALIKE.get(lead.task, ()))
        other = next((term for term in self._terms if term.task not in wanted), None)
        if other is not None:
            raise ValueError(
                f"Losses of these families cannot be added: {type(lead).__name__} is one of "
                f"{lead.task!r}, {type(other).__name__} of {other.task!r}."
            )

    def _check_fits(self, first, term):
        if term is not self._lead and not self._same_response(self._lead, term):
            raise ValueError(
                f"{type(self._lead).__name__} and {type(term).__name__} cannot be added: their "
                f"predictions are on different scales (they have different responses)."
            )

    def _probe(self, term):
        return term.inverse_link(np.array([PROBES] if self._in_rows else PROBES)).ravel()

    def for_classes(self, n_classes):
        """Return the sum of what the terms are for a number of classes."""
        parts = [(weight, term.for_classes(n_classes)) for weight, term in self._all_parts()]
        for _, term in parts if n_classes >= SEVERAL else ():
            if isinstance(term, PointwiseLoss) and term._has_response():
                raise ValueError(
                    f"{type(term).__name__} has no form of several classes that could be added to "
                    f"{type(self._lead).__name__}: add a multiclass loss, such as CategoricalFocal."
                )
        return self if parts == self._all_parts() else _from_parts(parts)

    def _for_columns(self, prediction):
        """Return the form for a raw column a class, where there are several."""
        shape = np.shape(prediction)
        several = len(shape) == 2 and shape[1] > 1 and self.task == "overlap"
        return self.for_classes(max(shape[1], SEVERAL)) if several else self

    # ------------------------------------------------------------------ metadata

    @property
    def task(self):
        """The family of the group-wise terms."""
        return self._lead.task

    @property
    def full_batch(self):  # type: ignore[override]
        """Whether linear models are fitted to all groups at once."""
        return self._lead.full_batch

    @property
    def convex_start(self):  # type: ignore[override]
        """Where to start from."""
        return self._lead.convex_start

    @property
    def shared_slope(self):  # type: ignore[override]
        """Whether the more rows a group has, the less each moves."""
        return self._lead.shared_slope

    @property
    def response_method(self):
        """The method of an estimator that returns what the loss is called with."""
        return self._lead.response_method

    # ------------------------------------------------------------------ array methods

    def __call__(self, y_true, y_pred, *, sample_weight=None, qid=None):
        own = self._for_columns(y_pred)
        if own is not self:
            return own(y_true, y_pred, sample_weight=sample_weight, qid=qid)
        arguments = y_true, y_pred, sample_weight, qid, RESPONSES
        y, p, groups, weights = self._prepared(*arguments)
        require_weight(weights.terms.any())
        rows, total = weights.spread(groups.offsets), 0.0
        for weight, term in self._parts:
            if term.groupwise:
                value = term(y_true, y_pred, sample_weight=sample_weight, qid=qid)
            else:
                targets, columns = _targets(term, y, p)
                value = columns * term(targets, p, sample_weight=rows)
            total += weight * value
        return total

    def inverse_link(self, raw_prediction):
        """Return the response that the terms share."""
        self._validate_params()
        return self._lead.inverse_link(raw_prediction)

    def init_raw(self, y_true, sample_weight=None, n_raw=None, *, qid=None):
        """Return the raw constant that minimises the sum: a float, or an array a class."""
        self._validate_params()
        if self.task == "overlap":
            return best_constant_of(self, y_true, sample_weight, n_raw, qid)
        rows = [(weight, term) for weight, term in self._parts if not term.groupwise]
        if not rows:
            return self._lead.init_raw(y_true, sample_weight)
        y = as_floats(y_true, "y_true")  # of differences alone no constant is better than another
        y, _, groups, weights = self._prepared(y, y, sample_weight, qid, RESPONSES)
        return _from_parts(rows).init_raw(y, weights.spread(groups.offsets))

    # ------------------------------------------------------------------ inside

    def _has_response(self):
        return self._lead._has_response()

    def columns(self, y):
        """Return the number of raw columns that targets `y` ask for."""
        return max(int(y.max()) + 1, 2) if self._in_rows else self._lead.columns(y)

    def columns_of(self, n_classes):
        """Return the number of raw columns of a model of so many classes."""
        return n_classes if self._in_rows else self._lead.columns_of(n_classes)

    def _starts(self, y, w, k):
        return self._lead._starts(y, w, k)

    def _checked_targets(self, y, k, dtype):
        return self._lead._checked_targets(y, k, dtype)

    def _arranged(self, y_true, prediction, qid, names, dtype=None):
        return self._lead._arranged(y_true, prediction, qid, names, dtype)

    def _weights(self, sample_weight, groups, dtype):
        return self._lead._weights(sample_weight, groups, dtype)

    def _check(self, suspect, y, z, weights, names):
        self._lead._check(suspect, y, z, weights, names)

    def _fill(self, y_true, raw_prediction, sample_weight, kinds, outs, qid=None):
        own = self._for_columns(raw_prediction)
        if own is not self:
            return own._fill(y_true, raw_prediction, sample_weight, kinds, outs, qid)
        return super()._fill(y_true, raw_prediction, sample_weight, kinds, outs, qid)

    def _run(self, y, z, weights, offsets, *outs):
        outs = (*outs, *(None,) * (4 - len(outs)))
        own = [None if out is None else np.empty_like(out) for out in outs]
        sums = [pair for pair in zip(outs, own, strict=True) if pair[0] is not None]
        rows = weights.spread(offsets).astype(z.dtype)
        suspect = 0.0
        for total, _ in sums:
            total.fill(0.0)
        for weight, term in self._parts:
            if term.groupwise:
                suspect += term._run(y, z, weights, offsets, *own)
            else:
                self._fill_rows(term, y, z, rows, offsets, own)
            for total, addend in sums:
                np.multiply(addend, weight, out=addend)
                np.add(total, addend, out=total)
        return suspect

    @staticmethod
    def _fill_rows(term, y, z, w, offsets, outs):
        """Fill what a loss of rows adds: its mean in each group, with the weights of rows."""
        given = {kind: out for kind, out in zip("vghc", outs, strict=True) if out is not None}
        own = [None if kind == "v" else out for kind, out in given.items()]
        found = term._fill(_targets(term, y, z)[0], z, w, "".join(given), own)
        if "v" in given:
            values = found[0] if found[0].ndim == 1 else found[0].sum(axis=1)
            given["v"][...] = np.add.reduceat(values, offsets[:-1], dtype=DOUBLE)


def _targets(term, y, prediction):
    """Return the targets of a loss of rows, and how many columns each row has of them."""
    if prediction.ndim == 1 or isinstance(term, RowwiseLoss):
        return y, 1
    k = prediction.shape[1]
    return (y[:, None] == np.arange(k)).astype(prediction.dtype), k  # each class against the rest
