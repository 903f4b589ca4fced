"""`LossEmbedder`: metric learning with any embedding loss, linear or with hidden layers."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from math import inf
from typing import Annotated, Any, ClassVar

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.callback import with_callbacks
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, validate_data

from ._bases.loss import Loss
from ._bases.params import Interval
from ._fit.balanced import Labelled, Views
from ._fit.data import Data
from ._fit.estimator import COUNT, LossEstimator
from ._fit.metric_learning import SAMPLE, EmbeddingObjective, nearest_accuracy, unit_rows
from ._fit.solver import hidden_sizes
from .solvers.minibatch import SOLVERS
from .solvers.sgd import LEARNING_RATES

LINEAR_RATE, HIDDEN_RATE = 0.02, 0.005  # of "adam", in margins
STEPS = 10, 25  # of an epoch, at least and at most
MOST = 4000  # rows that validate: each is compared with each


class LossEmbedder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, LossEstimator):
    """Metric learning: a map of the data in which rows of one class are near each other.

    Linear (a learned metric) or a network, that minimises any embedding loss over batches in which
    classes are alike. Columns need no scaling.

    Parameters
    ----------
    loss : str or Loss, default="triplet"
        The loss, by name or as an object; an object's parameters can be searched for as
        ``loss__margin`` and so on.
    n_components : int, default=2
        Dimensions of the map.
    normalize : bool or "auto", default="auto"
        Whether rows of the map are scaled to a length of 1. "auto": if the loss compares angles
        (`NTXent`, `SupervisedContrastive`).
    neighborhood : float, default=0.25
        What a batch takes of a class: rows near to one of them, as the map is, of so many times as
        many that are looked at; in (0, 1]. With less than 1, a class may be made of several
        clusters that stay apart; with 1 a batch takes any of its rows, and they are all pulled
        together.
    augment : callable, default=None
        Returns another view of each row: ``augment(X)``, or ``augment(X, rng)`` with a NumPy
        generator, of some rows of `X`. A batch then has two views of each of its rows. Without `y`
        they are what is alike: self-supervised learning, as of ``loss="nt_xent"``.
    solver : {"auto", "adam", "sgd", "adagrad"}, default="auto"
        The rule of a step along a batch; "sgd" has momentum. "auto" is "adam".
    learning_rate : {"constant", "adaptive", "invscaling"}, default="constant"
        "adaptive" lowers the rate where "constant" stops, and goes on. The map is an average of
        those after each step.
    learning_rate_init : float or None, default=None
        Its initial rate; None: of "adam" 0.02, with hidden layers 0.005, in units of the margin.
    batch_size : int or "auto", default="auto"
        Rows a step, about; "auto": 192. It holds rows of all classes, or four of as many classes as
        fit. An epoch has 10 to 25 batches; of
        `partial_fit`, as many as hold its rows.
    early_stopping : bool or "auto", default="auto"
        Whether the data that judge a map (see ``validation_scores_``) are held out: "auto", if
        `fit` is given `X_val`; True: or else a part of the data; False: they are 1000 of the rows
        that the map is fitted to.
    <parameters>

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        Of linear maps: ``transform(X)`` is ``X @ components_.T + intercept_``, and
        ``components_.T @ components_`` the metric.
    intercept_ : ndarray of shape (n_components,)
        0 where only distances matter.
    coefs_, intercepts_ : list of ndarray
        Of networks.
    validation_scores_ : list of float or None
        The share of rows whose nearest neighbour is of their class, after each epoch. The best map
        is kept, that of the start included. None without labels: the fit then ends when the loss
        no longer falls.
    <attributes>

    See Also
    --------
    sklearn.neighbors.NeighborhoodComponentsAnalysis : All pairs at once, for some thousand rows.
    LossClassifier : Classes directly.

    Notes
    -----
    The start is the better of Fisher's discriminant directions and the principal components, and
    training looks at pairs in batches only: time is linear and memory constant in the rows.

    References
    ----------
    Weinberger, K. Q. and Saul, L. K. (2009). Distance metric learning for large margin nearest
    neighbor classification. https://jmlr.org/papers/v10/weinberger09a.html

    Schroff, F., Kalenichenko, D. and Philbin, J. (2015). FaceNet: a unified embedding for face
    recognition and clustering. doi:10.1109/CVPR.2015.7298682

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> embedder = LossEmbedder(n_components=2, random_state=0).fit(X, y)
    >>> embedder.transform(X).shape, bool(embedder.score(X, y) > 0.95)
    ((150, 2), True)
    """

    tasks: ClassVar[tuple] = ("embedding",)
    score_unit: ClassVar[float] = 1.0  # that of accuracy

    loss: Annotated[str | Loss, (str, Loss)] = "triplet"
    n_components: Annotated[int, COUNT] = 2
    normalize: Annotated[bool | str, (bool, "auto")] = "auto"
    neighborhood: Annotated[float, Interval(0, 1, closed="right")] = 0.25
    augment: Annotated[Any, (Callable, None)] = None
    solver: Annotated[str, ("auto", *SOLVERS)] = "auto"
    learning_rate: Annotated[str, LEARNING_RATES] = "constant"
    learning_rate_init: Annotated[float | None, (Interval(0, inf), None)] = None

    __metadata_request__fit = {
        "X_val": True, "y_val": True, "sample_weight": UNUSED, "sample_weight_val": UNUSED,
    }  # fmt: skip
    __metadata_request__partial_fit = {"sample_weight": UNUSED}
    __metadata_request__score = {"sample_weight": UNUSED}

    @with_callbacks
    def fit(self, X, y=None, X_val=None, y_val=None):
        """Fit the map.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data.
        y : array-like of shape (n_samples,), default=None
            Labels of any kind. None: `augment` says what is alike.
        X_val, y_val : optional
            Data to validate on, with labels.

        Returns
        -------
        self
        """
        return self._fit(X, y, None, (X_val, y_val, None))

    def partial_fit(self, X, y=None):
        """Take one stochastic epoch over some rows, going on from the last call.

        Parameters
        ----------
        X, y
            As in `fit`; labels may be new.

        Returns
        -------
        self
        """
        return self._partial_fit(X, y, None, first=not hasattr(self, "n_iter_"))

    def transform(self, X):
        """Map data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            Places, of which distances mean likeness; or of unit length, see `normalize`.
        """
        z = self._raw(X)
        return unit_rows(z) if self._normalizes() else z

    def score(self, X, y):
        """Return the share of rows whose nearest neighbour, themselves aside, has their label.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data.
        y : array-like of shape (n_samples,)
            Labels.

        Returns
        -------
        float
            Known as precision at 1; 1 is perfect.
        """
        z, y = self.transform(X), column_or_1d(y)
        check_consistent_length(z, y)
        return nearest_accuracy(z, y)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = self.augment is None
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    # ------------------------------------------------------------------ inside

    @property
    def coef_(self):
        """What `components_` are called in other linear models."""
        return self.components_

    @property
    def _n_features_out(self):
        fitted = self.coefs_[-1].T if hasattr(self, "coefs_") else self.components_
        return fitted.shape[0]

    def _normalizes(self):
        wanted = self.normalize
        return self.loss_function_.geometry == "cosine" if wanted == "auto" else wanted

    def _initial_rate(self, solver):
        if self.learning_rate_init is not None or solver != "adam":
            return self.learning_rate_init
        return HIDDEN_RATE if hidden_sizes(self.hidden_layer_sizes) else LINEAR_RATE

    def _objective(self):
        return EmbeddingObjective(
            self.loss_function_, normalize=self._normalizes(), fit_intercept=self.fit_intercept
        )

    def _columns(self, loss, y):
        return self.n_components

    def _check_data(self, X, y, sample_weight, *, reset, fitting=False):
        X = validate_data(
            self, X, "no_validation" if y is None and self.augment is not None else y,
            accept_sparse="csr", dtype=[np.float64, np.float32], reset=reset,
        )  # fmt: skip
        if isinstance(X, tuple):
            X, y = X
            check_classification_targets(y)
            codes = np.unique(y, return_inverse=True)[1]
            if fitting:
                _require_pairs(codes, type(self).__name__)
        else:
            codes = np.arange(X.shape[0])
        labels = Labelled(
            codes.astype(np.int64), self.neighborhood, views=1 if self.augment is None else 2,
            steps=STEPS if fitting else (1, inf),
        )  # fmt: skip
        if self.augment is not None:
            if reset:
                seed = check_random_state(self.random_state).randint(2**31 - 1)
                self._views = np.random.default_rng(seed)
            X = Views(X, self._augmentation())
        return Data(X, labels, np.ones(X.shape[0], X.dtype))

    def _augmentation(self):
        """Return the user's function of rows alone."""
        try:
            parameters = signature(self.augment).parameters.values()
        except ValueError:  # some functions written in C do not say
            return self.augment
        if sum(p.default is p.empty and p.kind < p.VAR_POSITIONAL for p in parameters) < 2:
            return self.augment
        return lambda X: self.augment(X, self._views)

    def _split_validation(self, data, given):
        labelled = data.y.shared
        if given[0] is None and self.early_stopping is True and not labelled:
            raise ValueError("early_stopping without labels needs X_val and y_val.")
        data, validation = super()._split_validation(data, given)
        if validation is None and labelled:
            rng = np.random.default_rng(0)
            validation = data.rows(np.unique(data.y.drawn(SAMPLE, rng)[0]))
        if validation is not None and len(validation.y) > MOST:
            some = np.random.default_rng(0).permutation(len(validation.y))[:MOST]
            validation = validation.rows(some)
        if validation is not None:
            validation.X = getattr(validation.X, "X", validation.X)  # rows, not views
        return data, validation

    def _stratify(self, y):
        return y.codes

    def _validation_score(self, loss, y, raw, weight):
        return loss.accuracy(y.codes, raw)

    def _set_coefficients(self, coefs, intercepts, *, single):
        self._single = False
        self.__dict__.pop("components_", None)
        if coefs is not None:
            turns = self._normalizes() or self.loss_function_.geometry != "distance"
            self.components_ = coefs
            self.intercept_ = intercepts if turns else np.zeros_like(intercepts)


def _require_pairs(codes, owner):
    """Raise unless there are pairs of rows that are alike, and pairs that are not."""
    sizes = np.bincount(codes)
    if sizes.size < 2:
        raise ValueError(f"{owner} needs at least 2 classes in y, but it contains only 1 class.")
    if sizes.max() < 2:
        raise ValueError(f"{owner} needs classes of at least 2 samples; all in y have one.")
