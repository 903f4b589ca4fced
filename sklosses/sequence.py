"""`LossSequenceLabeler`: sequences of labels from sequences of frames, linear or a network."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import numpy as np
from sklearn.callback import with_callbacks
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from ._arrays.groups import Groups
from ._arrays.sequences import Alphabet, Frames, classes_of
from ._bases.groupwise import Weights
from ._bases.loss import Loss
from ._bases.params import Interval
from ._bases.sequencewise import SequenceTargets
from ._fit.data import Data
from ._fit.estimator import COUNT, NON_NEGATIVE, LossEstimator
from ._kernels.decoding import beam, bigram_counts, greedy
from .metrics import label_error_rate

CONTEXT = Interval(0, np.inf, closed="left", integer=True)
KINDS = (str, list, tuple)


class LossSequenceLabeler(LossEstimator):
    """Sequences of labels from sequences of frames, without knowing which frame has which label.

    Each frame, together with its neighbours, is mapped to a score for each label and for a blank,
    by a linear map or a multilayer perceptron. Minimises ``sum(w * loss(sequence)) / sum(w) + alpha
    * penalty``; batches hold whole sequences.

    Parameters
    ----------
    loss : str or Loss, default="ctc"
        The loss; as an object, as ``CTC(zero_infinity=True)``, with parameters.
    context : int, default=0
        Frames on each side that are seen along with a frame; beyond the ends, the last one again.
    decoder : {"greedy", "beam"}, default="greedy"
        How `predict` finds labels: those of the most likely alignment, or the most likely labels,
        summed over alignments, by prefix beam search.
    beam_width : int, default=10
        Prefixes that "beam" goes on with at each frame.
    language_model : None, "bigram" or ndarray of shape (n_classes + 1, n_classes + 1), default=None
        Of decoder "beam": the probability of a label after another. "bigram": as in the training
        labels, each pair counted once more than seen. An array: ``[i, j]`` is the probability of
        ``classes_[j]`` after ``classes_[i]``; the last row is the start, the last column the end.
    language_weight : float, default=1.0
        Exponent of the probabilities of `language_model`, relative to those of a uniform one.
    solver : {"auto", "adam", "sgd", "adagrad"}
        The rule of a step along a batch of sequences; "sgd" has momentum. "auto" is "adam".
    learning_rate : {"adaptive", "constant", "invscaling"}, default="adaptive"
        "adaptive" keeps the rate until the loss (or the validation score) no longer gets better,
        and lowers it then.
    batch_size : int or "auto", default="auto"
        Frames a step, about: a batch holds whole sequences. "auto": 200 frames, and 16 sequences of
        usual length at least.
    <parameters>

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels that were seen, in order.
    coef_ : ndarray of shape (n_classes + 1, (2 * context + 1) * n_features)
        Coefficients of linear models: a row for each column of `predict_proba`.
    intercept_ : ndarray of shape (n_classes + 1,)
        Intercepts.
    bigrams_ : ndarray of shape (n_classes + 1, n_classes + 1)
        How often a label follows another in the training labels, as in `language_model`.
    <attributes>

    See Also
    --------
    CTC : The loss.
    sklosses.metrics.label_error_rate : What `score` is 1 less of.

    Notes
    -----
    Data are lists, which `GridSearchCV` and its kin can split. A sequence that is too short for its
    labels raises in `fit`, unless the loss is ``CTC(zero_infinity=True)``.

    Examples
    --------
    >>> import numpy as np
    >>> on, off = [1.0, 0.0], [0.0, 1.0]
    >>> X = [np.array([on, on, off]), np.array([off, on]), np.array([off, off, on, on])]
    >>> model = LossSequenceLabeler(random_state=0).fit(X, ["ab", "ba", "ba"])
    >>> model.predict([np.array([on, on, off, off, on])])
    ['aba']
    """

    tasks: ClassVar[tuple] = ("sequence",)

    loss: Annotated[str | Loss, (str, Loss)] = "ctc"
    context: Annotated[int, CONTEXT] = 0
    decoder: Annotated[str, ("greedy", "beam")] = "greedy"
    beam_width: Annotated[int, COUNT] = 10
    language_model: Annotated[Any, ("bigram", np.ndarray, None)] = None
    language_weight: Annotated[float, NON_NEGATIVE] = 1.0

    @with_callbacks
    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None, sample_weight_val=None):
        """Fit the model.

        Parameters
        ----------
        X : list of array-like of shape (n_frames, n_features)
            The frames of each sequence; or an array of shape (n_sequences, n_frames, n_features).
        y : list of sequences
            The labels of each: a string (of characters), or a list, tuple or array of labels.
        sample_weight : array-like of shape (n_sequences,), default=None
            Weight of each sequence; k is the same as the sequence k times.
        X_val, y_val, sample_weight_val : optional
            Data to validate on: early stopping is then on by default.

        Returns
        -------
        self
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Take one stochastic epoch over some sequences, going on from the last call.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`; sequences of a stream.
        classes : array-like of shape (n_classes,), default=None
            All labels there can be, at the first call; None: those of its `y`.

        Returns
        -------
        self
        """
        first = not hasattr(self, "n_iter_")
        if first:
            self._learn_classes(_sequences(y) if classes is None else [classes])
        elif classes is not None and not np.array_equal(
            self.classes_, classes_of([classes], "classes")
        ):
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call to partial_fit, was: "
                f"{self.classes_!r}"
            )
        self._partial_fit(X, y, sample_weight, first=first)
        counts = self._count_pairs(y, sample_weight)
        self.bigrams_ = counts if first else self.bigrams_ + counts
        return self

    # ------------------------------------------------------------------ predicting

    def predict(self, X):
        """Return the labels of each sequence.

        Parameters
        ----------
        X : list of array-like of shape (n_frames, n_features)
            The frames of each sequence.

        Returns
        -------
        list
            Strings, lists, tuples or arrays of labels, as `y` was in `fit`.
        """
        frames, raw = self._raw_frames(X)
        blank = int(self.loss_function_.blank)
        if self.decoder == "greedy":
            columns, offsets = greedy(raw, frames.offsets, blank)
        else:
            p = np.asarray(self.loss_function_.inverse_link(raw[None])[0], np.float64)
            columns, offsets = beam(p, frames.offsets, blank, int(self.beam_width), self._factors())
        return self._alphabet().decode(columns, offsets, self._kind)

    def predict_proba(self, X):
        """Return the probabilities of each frame.

        Parameters
        ----------
        X : list of array-like of shape (n_frames, n_features)
            The frames of each sequence.

        Returns
        -------
        list of ndarray of shape (n_frames, n_classes + 1)
            Column 0 (or what `blank` of the loss says) is the blank, the others are ``classes_`` in
            order.
        """
        frames, raw = self._raw_frames(X)
        return frames.shaped(self.loss_function_.inverse_link(raw[None])[0])

    def score(self, X, y, sample_weight=None):
        """Return 1 less the label error rate.

        Parameters
        ----------
        X : list of array-like of shape (n_frames, n_features)
            The frames of each sequence.
        y : list of sequences
            Their labels.
        sample_weight : array-like of shape (n_sequences,), default=None
            Weight of each sequence.

        Returns
        -------
        float
            1 is perfect; negative where there are more errors than labels.
        """
        return 1.0 - label_error_rate(y, self.predict(X), sample_weight=sample_weight)

    # ------------------------------------------------------------------ inside

    def _alphabet(self):
        return Alphabet(self.classes_, int(self.loss_function_.blank))

    def _columns(self, loss, y):
        return self.classes_.size + 1

    def _learn_classes(self, y):
        classes = classes_of(y, "y")
        if not classes.size:
            raise ValueError("y has no label: all sequences are empty.")
        before = getattr(self, "classes_", classes)
        if self.warm_start and hasattr(self, "n_iter_") and not np.array_equal(before, classes):
            raise ValueError(
                f"warm_start goes on with a model of the same labels: {before.tolist()}, now "
                f"{classes.tolist()}."
            )
        self.classes_ = classes

    def _frames(self, X, *, reset):
        """Return frames that were checked, and the table the model sees: each with its context."""
        frames = Frames.of(X, "X")
        if not len(frames) or (reset and not frames.offsets[-1]):
            raise ValueError(
                "Found array with 0 sample(s), or no frames, while a minimum of 1 is required."
            )
        if reset:
            self._context = int(self.context)
        frames = frames.whole()
        table = validate_data(
            self, frames.table, dtype=[np.float64, np.float32], reset=reset, ensure_min_samples=0
        )
        return frames, _with_context(table, frames.offsets, self._context)

    def _check_data(self, X, y, sample_weight, *, reset, fitting=False):
        y = _sequences(y)
        frames, table = self._frames(X, reset=reset)
        check_consistent_length(range(len(frames)), y)
        if fitting:
            self._learn_classes(y)
        blank, k = self.loss_function_.blank, self.classes_.size + 1
        if blank >= k:
            raise ValueError(
                f"The blank of {self.loss_function_!r} must be one of the columns, 0 to {k - 1}: "
                f"those of {k - 1} labels and its own."
            )
        labels = self._alphabet().encode(y, "y")
        weights = _check_sample_weight(sample_weight, y, dtype=np.float64, ensure_non_negative=True)
        self._require_alignments(frames.lengths, labels, weights)
        if reset:
            self._kind = next((kind for kind in KINDS if isinstance(y[0], kind)), np.ndarray)
        if fitting:
            self.bigrams_ = self._count_pairs(y, sample_weight)
        codes = np.repeat(np.arange(len(frames)), frames.lengths)
        groups = Groups.of(codes, codes.size)  # those with a frame
        if not weights[groups.names].any():
            raise ValueError("There is no frame in any sequence of positive weight.")
        data = Data.by_group(table, codes, groups, Weights(None, weights[groups.names]))
        data.y = SequenceTargets(labels, codes)
        return data

    def _count_pairs(self, y, sample_weight):
        labels = self._alphabet().encode(_sequences(y), "y")
        weights = (
            np.ones(len(labels)) if sample_weight is None else np.asarray(sample_weight, float)
        )
        places = labels.flat - (labels.flat > self.loss_function_.blank)
        return bigram_counts(places, labels.offsets, weights, self.classes_.size)

    def _require_alignments(self, lengths, labels, weights):
        needed = labels.least_frames()
        short = np.flatnonzero((lengths < needed) & (weights > 0.0))
        if short.size and not self.loss_function_.zero_infinity:
            i = short[0]
            raise ValueError(
                f"{short.size} sequence(s) are too short for their labels, the first at place {i}: "
                f"{lengths[i]} frames, and its labels take {needed[i]}. Leave them out, or use "
                f"loss={type(self.loss_function_).__name__}(zero_infinity=True)."
            )

    def _split_rows(self, data):
        """Keep sequences whole."""
        if data.y.groups.n_groups == 1:
            raise ValueError(
                "early_stopping holds out whole sequences, and there is only one: pass X_val and "
                "y_val, or set early_stopping=False."
            )
        return super()._split_rows(data)

    def _raw_frames(self, X):
        check_is_fitted(self)
        frames, table = self._frames(X, reset=False)
        return frames, self._raw_of_rows(table)

    def _factors(self):
        """Return what the language model multiplies prefixes with, by column; or None."""
        if self.language_model is None:
            return None
        n = self.classes_.size + 1
        if isinstance(self.language_model, str):
            model = (self.bigrams_ + 1.0) / (self.bigrams_.sum(axis=1, keepdims=True) + n)
        else:
            model = np.asarray(self.language_model, np.float64)
            if model.shape != (n, n) or not (model >= 0.0).all():
                raise ValueError(
                    f"language_model must be an array of shape {(n, n)}, one more than there are "
                    f"classes_, of probabilities. Got one of shape {model.shape}."
                )
        places = np.append(self._alphabet().columns, n)  # start and end come last
        factors = np.ones((n + 1, n + 1))
        factors[np.ix_(places, places)] = (n * model) ** self.language_weight
        return factors

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.target_tags.required = True
        tags.target_tags.one_d_labels = False
        return tags


def _sequences(y):
    if y is None:
        raise ValueError("LossSequenceLabeler requires y to be passed, but the target y is None.")
    return list(y)


def _with_context(table, offsets, context):
    """Return frames side by side with their neighbours; at the ends, with the last one again."""
    if context == 0:
        return table
    n, d = table.shape
    lengths = np.diff(offsets)
    first, last = np.repeat(offsets[:-1], lengths), np.repeat(offsets[1:] - 1, lengths)
    out = np.empty((n, (2 * context + 1) * d), table.dtype)
    for place, shift in enumerate(range(-context, context + 1)):
        rows = np.clip(np.arange(n) + shift, first, last)
        out[:, place * d : (place + 1) * d] = table[rows]
    return out
