"""Images as lists of arrays, and `PixelFeatures`: numbers that tell what is around a pixel."""

from __future__ import annotations

from math import inf
from typing import Annotated

import numpy as np
from scipy import ndimage, sparse
from sklearn.base import TransformerMixin
from sklearn.utils import assert_all_finite
from sklearn.utils.validation import check_is_fitted

from ._bases.params import Interval, Numbers, Parametrized

FLAT, DEEP = 2, 3  # dimensions of an image without and with channels


class PixelFeatures(TransformerMixin, Parametrized):
    """Features of pixels at several scales: brightness, edges, texture, and the patch around.

    Parameters
    ----------
    sigmas : sequence of float, default=(1.0, 2.0, 4.0, 8.0)
        Standard deviations, in pixels, of the Gaussians that everything is seen through; > 0.
    intensity : bool, default=True
        Whether to give the blurred image.
    edges : bool, default=True
        Whether to give the size of its gradient.
    texture : bool, default=True
        Whether to give the two eigenvalues of its Hessian, the larger first: blobs and ridges.
    patch : int, default=0
        How far the square of pixels around each reaches whose values are given as they are; 0 is
        the pixel itself.

    Attributes
    ----------
    n_features_in_ : int
        Channels of the images.

    See Also
    --------
    LossSegmenter : What they are for.
    skimage.feature.multiscale_basic_features : Much the same.

    Notes
    -----
    Every channel by itself, in single precision, through `scipy.ndimage`; at borders images are
    reflected. Nothing is learned from images.

    Examples
    --------
    >>> PixelFeatures(sigmas=(1.0, 4.0)).fit_transform(np.zeros((3, 20, 30)))[0].shape
    (20, 30, 9)
    """

    sigmas: Annotated[tuple, Numbers(Interval(0, inf), empty=True)] = (1.0, 2.0, 4.0, 8.0)
    intensity: Annotated[bool, bool] = True
    edges: Annotated[bool, bool] = True
    texture: Annotated[bool, bool] = True
    patch: Annotated[int, Interval(0, inf, closed="left", integer=True)] = 0

    def fit(self, X, y=None):
        """Remember the number of channels.

        Parameters
        ----------
        X : array of shape (n, h, w) or (n, h, w, channels), or a list of images
            Images; of a list each may have a size of its own.
        y : ignored
            For pipelines.

        Returns
        -------
        self
        """
        self._validate_params()
        self.n_features_in_ = channels_of(as_images(X)[0])
        return self

    def transform(self, X):
        """Return the features of each pixel of each image.

        Parameters
        ----------
        X : array of shape (n, h, w) or (n, h, w, channels), or a list of images
            Images.

        Returns
        -------
        list of ndarray of float32, shape (h, w, n_features)
            An array an image.
        """
        check_is_fitted(self)
        return [self._features(image) for image in as_images(X, self)]

    def get_feature_names_out(self, input_features=None):
        """Return the names of the features.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the channels; None: x0, x1, …

        Returns
        -------
        ndarray of str
            Names.
        """
        check_is_fitted(self)
        if input_features is None:
            input_features = [f"x{i}" for i in range(self.n_features_in_)]
        steps = np.arange(-self.patch, self.patch + 1)
        names = [f"{dy:+d}{dx:+d}" for dy in steps for dx in steps] if self.patch else ["pixel"]
        kinds = ["intensity"] * self.intensity + ["edges"] * self.edges
        kinds += ["texture0", "texture1"] * self.texture
        names += [f"{kind}_{sigma:g}" for sigma in self.sigmas for kind in kinds]
        return np.array([f"{channel}_{name}" for channel in input_features for name in names])

    def _features(self, image):
        image = np.asarray(image, np.float32)
        channels = [image] if image.ndim == FLAT else np.moveaxis(image, -1, 0)
        return np.stack([plane for channel in channels for plane in self._planes(channel)], axis=-1)

    def _planes(self, channel):
        """Return what is computed of a channel, in the order of the names."""
        padded = np.pad(channel, self.patch, mode="symmetric")
        windows = np.lib.stride_tricks.sliding_window_view(padded, channel.shape)
        planes = list(windows.reshape(-1, *channel.shape)) if self.patch else [channel]
        for sigma in self.sigmas:
            if self.intensity:
                planes.append(ndimage.gaussian_filter(channel, sigma))
            if self.edges:
                planes.append(ndimage.gaussian_gradient_magnitude(channel, sigma))
            if self.texture:
                orders = (2, 0), (1, 1), (0, 2)
                a, b, c = (ndimage.gaussian_filter(channel, sigma, order=order) for order in orders)
                mean, radius = (a + c) / 2, np.hypot((a - c) / 2, b)
                planes += [mean + radius, mean - radius]
        return planes

    def __sklearn_tags__(self):
        return with_images(super().__sklearn_tags__())


def with_images(tags):
    """Return the tags of an estimator that takes images, not a table."""
    tags.input_tags.two_d_array = False
    tags.input_tags.three_d_array = True
    tags.input_tags.sparse = False
    return tags


# ------------------------------------------------------------------------- images


def as_images(X, fitted=None):
    """Return images as a list of arrays, views where they can be.

    Parameters
    ----------
    X : array of shape (n, h, w) or (n, h, w, channels), or a sequence of images
        Images of shape (h, w) or (h, w, channels).
    fitted : estimator, default=None
        What was fitted to images of as many channels as these must have; None: as the first has.

    Raises
    ------
    ValueError
        In scikit-learn's words, if they are none, not finite or of differing channels.
    """
    if sparse.issparse(X):
        raise TypeError(
            "Sparse data was passed for X, but dense data is required. Use '.toarray()' to convert "
            "to a dense numpy array."
        )
    images = list(X if isinstance(X, (list, tuple, np.ndarray)) else np.asarray(X))
    if not images:
        raise ValueError("Found array with 0 sample(s) while a minimum of 1 is required.")
    images = [_checked(image) for image in images]
    channels = channels_of(images[0])
    for i, image in enumerate(images):
        if channels_of(image) != channels:
            raise ValueError(
                f"All images must have the same number of channels. Image 0 has {channels}, image "
                f"{i} has {channels_of(image)}."
            )
    if fitted is not None and channels != fitted.n_features_in_:
        raise ValueError(
            f"X has {channels} features, but {type(fitted).__name__} is expecting "
            f"{fitted.n_features_in_} features as input."
        )
    return images


def _checked(image):
    image = np.asarray(image)
    if image.ndim not in (FLAT, DEEP) or not image.size:
        raise ValueError(
            "X must be an array of shape (n, h, w) or (n, h, w, channels), or a list of images of "
            f"shape (h, w) or (h, w, channels). Got an image of shape {image.shape} instead."
        )
    if image.dtype.kind not in "biuf":
        image = image.astype(np.float64)  # of objects: raises what cannot be
    if image.dtype.kind == "f":
        assert_all_finite(image, input_name="X")
    return image


def channels_of(image):
    """Return the number of channels."""
    return 1 if image.ndim == FLAT else image.shape[2]
