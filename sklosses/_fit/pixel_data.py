"""Pixels of images as rows: all in memory, or computed a few images at a time."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
from sklearn.utils import assert_all_finite, check_consistent_length
from sklearn.utils.validation import check_non_negative

from .._arrays.groups import Groups
from .data import Data

SINGLE = np.dtype(np.float32)


class Masks:
    """The labels of all pixels, flat, and their weights.

    Parameters
    ----------
    images : list of ndarray
        What they are of.
    masks : array of shape (n, h, w), or a sequence of arrays of shape (h, w)
        A label a pixel.
    sample_weight : array-like of shape (n,), arrays of the shapes of the masks, or None
        Weights of images or of pixels.

    Attributes
    ----------
    labels : ndarray of shape (n_pixels,)
    pixel_weights : ndarray of shape (n_pixels,) or None
    image_weights : ndarray of shape (n,)
    groups : Groups
        The images.
    """

    def __init__(self, images, masks, sample_weight=None):
        if masks is None:
            raise ValueError(
                "This estimator requires y to be passed, but the target y is None: a mask an image."
            )
        check_consistent_length(images, masks)
        self.labels = np.concatenate(
            [_of_shape(mask, image, "y") for mask, image in zip(masks, images, strict=True)]
        )
        if self.labels.dtype.kind == "f":
            assert_all_finite(self.labels, input_name="y")
        sizes = [image.shape[0] * image.shape[1] for image in images]
        self.groups = Groups(np.cumsum([0, *sizes]), None, np.arange(len(sizes)))
        self.pixel_weights, self.image_weights = None, np.ones(len(sizes))
        if sample_weight is None:
            return
        check_consistent_length(images, sample_weight)
        if np.ndim(sample_weight[0]) == 0:
            self.image_weights = _checked_weights(sample_weight)
            return
        pairs = zip(sample_weight, images, strict=True)
        flat = [_of_shape(weights, image, "sample_weight") for weights, image in pairs]
        self.pixel_weights = _checked_weights(np.concatenate(flat))


def _checked_weights(weights):
    weights = np.asarray(weights, np.float64)
    assert_all_finite(weights, input_name="sample_weight")
    check_non_negative(weights, "`sample_weight`")
    if not weights.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return weights


def _of_shape(array, image, name):
    """Return what belongs to the pixels of an image, flat."""
    array = np.asarray(array)
    if array.shape != image.shape[:2]:
        raise ValueError(
            f"{name} must have a number a pixel: an image of shape {image.shape} needs "
            f"{image.shape[:2]}. Got {array.shape} instead."
        )
    return array.ravel()


def rows_of(features, image):
    """Return the features of the pixels of an image, a row a pixel, in single precision."""
    made = image if features is None else features.transform([image])[0]
    pixels = image.shape[0] * image.shape[1]
    rows = np.asarray(made, SINGLE).reshape(pixels, -1)
    if features is not None:
        assert_all_finite(rows, input_name="features")
    return rows


class PixelStream:
    """Features of the pixels of images, computed when they are asked for.

    Parameters
    ----------
    features : transformer or None
    images : list of ndarray
    kept : list of ndarray of bool, or None
        Which pixels of each image are rows; None: all.
    n_columns : int
    """

    streamed = True
    dtype = SINGLE
    size = inf  # as solvers see it that would hold all of them

    def __init__(self, features, images, kept, n_columns):
        self.features, self.images, self.kept = features, images, kept
        count = (
            sum(own.sum() for own in kept) if kept else sum(i.shape[0] * i.shape[1] for i in images)
        )
        self.shape = (int(count), n_columns)

    def select(self, ids):
        """Return the stream of some images."""
        kept = self.kept and [self.kept[i] for i in ids]
        return PixelStream(self.features, [self.images[i] for i in ids], kept, self.shape[1])

    def load(self):
        """Return all rows, as an array."""
        out, at = np.empty(self.shape, SINGLE), 0
        for i, image in enumerate(self.images):
            rows = rows_of(self.features, image)
            rows = rows[self.kept[i]] if self.kept else rows
            out[at : at + rows.shape[0]] = rows
            at += rows.shape[0]
        return out


@dataclass
class PixelData(Data):
    """Rows that are the pixels of images, where each image begins, and what rows of X may take."""

    offsets: np.ndarray
    budget: float

    @property
    def n_images(self):
        return self.offsets.size - 1

    def select(self, ids):
        """Return some of the images."""
        lengths = np.diff(self.offsets)[ids]
        rows = np.concatenate([np.arange(self.offsets[i], self.offsets[i + 1]) for i in ids])
        X = self.X.select(ids) if isinstance(self.X, PixelStream) else self.X[rows]
        offsets = np.cumsum([0, *lengths])
        return PixelData(X, self.y[rows], self.weight[rows], offsets, self.budget)

    def chunks(self, seed):
        """Yield the images in random order, as many at a time as the budget allows, and which."""
        order = np.random.default_rng(seed).permutation(self.n_images)
        row = self.X.shape[1] * SINGLE.itemsize
        ends = np.cumsum(np.diff(self.offsets)[order] * row)
        start = 0
        while start < order.size:
            before = ends[start - 1] if start else 0
            stop = max(int(np.searchsorted(ends, before + self.budget, side="right")), start + 1)
            part = self.select(order[start:stop])
            part.X = part.X.load()
            yield part, order[start:stop]
            start = stop

    def sample(self):
        if not isinstance(self.X, PixelStream):
            return super().sample()
        part, _ = next(self.chunks(0))
        return part.X, part.weight

    def predict(self, network):
        if not isinstance(self.X, PixelStream):
            return super().predict(network)
        images = (self.X.select([i]).load() for i in range(self.n_images))
        return np.concatenate([network.predict(rows) for rows in images])

    def run_epoch(self, trainer, loss, weight, seed):
        if not isinstance(self.X, PixelStream):
            return super().run_epoch(trainer, loss, weight, seed)
        factor = weight.sum(dtype=np.float64) / self.weight.sum(dtype=np.float64)
        value = total = 0.0
        for part, _ in self.chunks(seed):
            own = part.weight * weight.dtype.type(factor)
            share = float(own.sum(dtype=np.float64))
            value += share * trainer.run_epoch(loss, part.X, part.y, own, seed)
            total += share
            if trainer.diverged:
                break
        return value / total
