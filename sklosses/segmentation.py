"""`LossSegmenter`: masks of images by any loss of masks or classes, a model of pixels."""

from __future__ import annotations

from math import inf
from typing import Annotated, Any

import numpy as np
import sklearn
from sklearn.base import clone
from sklearn.callback import with_callbacks
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from ._arrays.groups import Groups
from ._bases.groupwise import GroupedTargets, Weights
from ._bases.loss import Loss
from ._bases.params import Interval
from ._fit.data import ByGroup
from ._fit.pixel_data import SINGLE, Masks, PixelData, PixelStream, rows_of
from ._fit.responses import BINARY, _has_probabilities
from .classification import FEW_OF_A_CLASS, LossClassifier
from .losses.overlap import Jaccard
from .metrics._overlap import averaged, overlap_sums
from .pixels import PixelFeatures, as_images, channels_of, with_images

MIB = 2**20
PART = 1024  # pixels of an image in a batch


class LossSegmenter(LossClassifier):
    """Segmentation of images by a linear model, or a network, of features of their pixels.

    Minimises the mean over images of any overlap loss (`Dice`, …) or of their pixels' mean of a
    loss of classes, and of sums of both, plus ``alpha * penalty``.

    Parameters
    ----------
    loss : str or Loss, default="dice"
        The loss, by name or as an object; an object's parameters can be searched for as
        ``loss__smooth`` and so on. An image is a group.
    features : transformer, "auto" or None, default="auto"
        What makes rows of features of pixels: ``transform`` of a list of images gives a list of
        arrays (h, w, n_features). It is cloned and fitted to the images. "auto":
        ``PixelFeatures()``; None: the channels as they are.
    working_memory : float, default=None
        MiB that the features of all images may take, in single precision. If they would take more
        they are computed anew, a few images at a time, in each epoch of a stochastic solver. None:
        ``sklearn.get_config()["working_memory"]``, usually 1024.
    solver : {"auto", "newton", "lbfgs", "sgd", "adam", "adagrad"}, default="auto"
        As in `LossClassifier`; "auto" is "adam" where features exceed `working_memory`.
    batch_size : int or "auto", default="auto"
        Pixels a step of the solvers by batches: of larger images random parts, which are groups
        then; "auto": 1024, or more to have some of the rarest class.
    <parameters>
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, multiplied with those of pixels.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels in the masks; of two, the second is the foreground.
    features_ : transformer or None
        The fitted transformer.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Coefficients of linear models: of the foreground, or of each class.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Intercept.
    n_features_in_ : int
        Channels of the images.
    <attributes>

    See Also
    --------
    PixelFeatures : The features.
    sklosses.metrics.iou_score : What `score` returns.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> images = rng.normal(size=(4, 16, 16))
    >>> images[:, 4:10, 5:12] += 3.0
    >>> masks = np.zeros(images.shape, int)
    >>> masks[:, 4:10, 5:12] = 1
    >>> model = LossSegmenter("dice").fit(images[:3], masks[:3])
    >>> bool(model.score(images[3:], masks[3:]) > 0.8), model.predict(images[3:]).shape
    (True, (1, 16, 16))
    """

    loss: Annotated[str | Loss, (str, Loss)] = "dice"
    features: Any = "auto"
    working_memory: Annotated[float | None, (Interval(0, inf), None)] = None

    __metadata_request__fit = {"qid": UNUSED, "qid_val": UNUSED}
    __metadata_request__partial_fit = {"qid": UNUSED}

    @with_callbacks
    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None, sample_weight_val=None):
        """Fit the model.

        Parameters
        ----------
        X : array of shape (n, h, w) or (n, h, w, channels), or a list of images
            Images; of a list each may have a size of its own.
        y : array of shape (n, h, w), or a list of masks
            A label of any kind a pixel.
        sample_weight : array-like of shape (n,), or weights of the shape of the masks, default=None
            Weights of images, or of pixels inside their images' losses: 0 leaves a pixel out.
        X_val, y_val, sample_weight_val : optional
            Images to validate on: early stopping is then on by default.

        Returns
        -------
        self
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Take one stochastic epoch over some images, going on from the last call.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`; images of a stream.
        classes : array-like of shape (n_classes,), default=None
            All labels there can be; required at the first call.

        Returns
        -------
        self
        """
        return super().partial_fit(X, y, classes, sample_weight)

    def decision_function(self, X):
        """Return raw scores, positive for the foreground; of more than two classes one each.

        Parameters
        ----------
        X : array of shape (n, h, w) or (n, h, w, channels), or a list of images
            Images.

        Returns
        -------
        ndarray of shape (n, h, w) or (n, h, w, n_classes), or a list of arrays
            As the images were given.
        """
        return self._by_image(X, self._scores)

    @available_if(_has_probabilities)
    def predict_proba(self, X):
        """Return the probability of each class, for losses that have one.

        Parameters
        ----------
        X : array of shape (n, h, w) or (n, h, w, channels), or a list of images
            Images.

        Returns
        -------
        ndarray of shape (n, h, w, n_classes), or a list of arrays
            As the images were given.
        """
        return self._by_image(X, self._probabilities)

    def predict(self, X):
        """Return the masks.

        Parameters
        ----------
        X : array of shape (n, h, w) or (n, h, w, channels), or a list of images
            Images.

        Returns
        -------
        ndarray of shape (n, h, w), or a list of masks
            Labels, as the images were given.
        """
        return self._by_image(X, lambda raw: self._best(self._scores(raw)))

    def score(self, X, y, sample_weight=None):
        """Return the mean over images of the intersection over union.

        Parameters
        ----------
        X : array of shape (n, h, w) or (n, h, w, channels), or a list of images
            Images.
        y : array of shape (n, h, w), or a list of masks
            True labels.
        sample_weight : array-like of shape (n,), or weights of the shape of the masks, default=None
            Weights of images or of pixels.

        Returns
        -------
        float
            Of two classes that of the foreground, of more the mean over all; where a class is
            neither in mask nor prediction it is 1.
        """
        masks = Masks(as_images(X), y, sample_weight)
        predicted = np.concatenate([mask.ravel() for mask in self.predict(X)])
        true, predicted = self._codes(masks.labels), self._codes(predicted)
        sums, there = overlap_sums(
            true, predicted, self.classes_.size, masks.groups, masks.pixel_weights
        )
        sums = sums[:, 1:] if self.classes_.size == BINARY else sums
        weights = masks.image_weights * there
        scores = [averaged(Jaccard(smooth=0.0), own[None]) for own in sums]
        return float(np.average(scores, weights=weights))

    # ------------------------------------------------------------------ inside

    def _image_loss(self, loss, X, y, sample_weight=None):
        """Return the mean over images of a loss: what scorers negate."""
        images, k = as_images(X, self), self.classes_.size
        masks, loss = Masks(images, y, sample_weight), loss.for_classes(k)
        true, ends = self._codes(masks.labels), masks.groups.offsets[1:-1]
        if loss.task == "binary" and k > BINARY:
            true = true[:, None] == np.arange(k)  # one-versus-rest, as it is fitted
        weights = masks.pixel_weights
        weights = [None] * len(images) if weights is None else np.split(weights, ends)
        values = []
        for image, labels, w in zip(images, np.split(true, ends), weights, strict=True):
            raw = self._raw_of_rows(rows_of(self.features_, image))
            shown = self._scores(raw)
            if loss.response_method == "predict_proba":
                shown = self._probabilities(raw)
                shown = shown[:, 1] if k == BINARY else shown
            there = w is None or w.any()
            values.append(loss(labels, shown, sample_weight=w) if there else 0.0)
            masks.image_weights[len(values) - 1] *= there
        return float(np.average(values, weights=masks.image_weights))

    def _by_image(self, X, of_raw):
        """Return a function of the raw predictions of each image, in its shape."""
        check_is_fitted(self)
        found = []
        for image in as_images(X, self):
            made = of_raw(self._raw_of_rows(rows_of(self.features_, image)))
            found.append(made.reshape(*image.shape[:2], *made.shape[1:]))
        return np.stack(found) if isinstance(X, np.ndarray) and X.dtype != object else found

    def _fit_features(self, images):
        if self.features is not None and not hasattr(self.features, "transform"):
            if self.features != "auto":
                raise ValueError(
                    f"features must be a transformer of images, 'auto' or None. Got "
                    f"{self.features!r} instead."
                )
            return PixelFeatures().fit(images)
        return None if self.features is None else clone(self.features).fit(images)

    def _check_data(self, X, y, sample_weight, *, reset, fitting=False):
        images = as_images(X, None if reset else self)
        masks = Masks(images, y.y if isinstance(y, ByGroup) else y, sample_weight)
        if reset:
            self.n_features_in_ = channels_of(images[0])
            self.features_ = self._fit_features(images)
        weights = masks.pixel_weights
        weights = np.ones(masks.labels.size, SINGLE) if weights is None else weights.astype(SINGLE)
        targets, weights = self._encode(masks.labels, weights, fitting=fitting)
        loss, groups = self.loss_function_, masks.groups
        targets = loss._checked_targets(targets, self._columns(loss, targets), SINGLE)
        rows = (weights > 0) & (masks.image_weights > 0)[groups.codes]
        kept = None if rows.all() else np.split(rows, groups.offsets[1:-1])
        if kept:
            seen = [i for i, own in enumerate(kept) if own.any()]
            images, kept = [images[i] for i in seen], [kept[i] for i in seen]
            offsets = np.cumsum([0, *(own.sum() for own in kept)])
            masks.image_weights = masks.image_weights[seen]
            targets, weights, groups = targets[rows], weights[rows], Groups(offsets, None, seen)
        return self._data(images, kept, targets, Weights(weights, masks.image_weights), groups)

    def _data(self, images, kept, y, weights, groups):
        """Return rows of pixels, in memory if they may take it."""
        loss, budget = self.loss_function_, self.working_memory
        budget = MIB * (sklearn.get_config()["working_memory"] if budget is None else budget)
        width = rows_of(self.features_, images[0]).shape[1]
        X = PixelStream(self.features_, images, kept, width)
        X = X.load() if X.shape[0] * width * SINGLE.itemsize <= budget else X
        if loss.groupwise:
            rarest = np.bincount(y.astype(np.intp), minlength=self.classes_.size).min()
            most = max(PART, FEW_OF_A_CLASS * y.size // max(rarest, 1))
            most = most if self.batch_size == "auto" else self.batch_size
            y = GroupedTargets(y, groups.codes, weights.rows, most=most)
        usual = np.diff(groups.offsets).mean()
        weight = (usual * weights.spread(groups.offsets)).astype(SINGLE)
        return PixelData(X, y, weight, groups.offsets, budget)

    def _split_validation(self, data, given):
        if given[0] is not None or self.early_stopping is not True:
            return super()._split_validation(data, given)
        if data.n_images == 1:
            raise ValueError(
                "early_stopping holds out whole images, and there is only one: pass X_val and "
                "y_val, or set early_stopping=False."
            )
        parts = train_test_split(
            np.arange(data.n_images), test_size=self.validation_fraction,
            random_state=check_random_state(self.random_state),
        )  # fmt: skip
        train, test = (data.select(np.sort(part)) for part in parts)
        return train, test

    def __sklearn_tags__(self):
        tags = with_images(super().__sklearn_tags__())
        # masks cannot be stratified: to scikit-learn this is no classifier
        tags.estimator_type, tags.classifier_tags = None, None
        return tags
