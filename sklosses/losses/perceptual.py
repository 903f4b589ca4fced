"""Losses of what a fitted network sees in targets and predictions, such as images."""

from __future__ import annotations

from math import inf
from typing import Annotated, ClassVar

import numpy as np

from .._bases.rowwise import Interval
from ._features import FeatureLoss

ENTRIES = 2**20  # of Gram matrices at once
FAR = 1e-4  # so that sums of fourth powers are finite too


class Perceptual(FeatureLoss):
    r"""Perceptual loss: the distance of what a fitted network sees in target and prediction.

    .. math:: \sum_{l \in \mathrm{layers}} \sum_j b\bigl(\phi_{lj}(y),\ \phi_{lj}(\hat y)\bigr)

    where φ_l are the outputs of a layer and b is the base loss. A term is a row, such as an image.

    Parameters
    ----------
    network : estimator
        A fitted `LossClassifier` or `LossRegressor` (or scikit-learn's `MLPClassifier`,
        `MLPRegressor`), or a fitted transformer whose output is linear in its input, such as
        `PCA`. It is wrapped in scikit-learn's `FrozenEstimator`, so that `clone` and
        cross-validation keep it fitted.
    layers : sequence of int, int or None, default=None
        Which layers are compared, counted from 0; the last one is the raw output. None: all hidden
        layers, of a linear map its output.
    base : str or PointwiseLoss, default="squared_error"
        What compares the outputs of a unit: a loss of real numbers.

    Notes
    -----
    Domain: rows of as many columns as the network takes. Identity link. Sums over units and
    layers, never means. Convex if the map is linear and the base convex; smooth if base and
    activation are. The Hessian is exact (its diagonal); with ``psd=True`` the Gauss–Newton part of
    it, of as many forward passes as there are columns. For a linear network it is
    ``base(network.transform(y), network.transform(ŷ))``, summed over columns.

    References
    ----------
    Johnson, J., Alahi, A. and Fei-Fei, L. (2016). Perceptual losses for real-time style transfer
    and super-resolution. doi:10.1007/978-3-319-46475-6_43

    Examples
    --------
    >>> from sklearn.decomposition import PCA
    >>> pca = PCA(1).fit([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]])  # sees the first column
    >>> float(Perceptual(pca)([[3.0, 1.0]], [[1.0, 7.0]]))
    4.0
    """

    task: ClassVar = "generative"
    aliases: ClassVar = ("feature_reconstruction", "perceptual_loss")
    names: ClassVar = {"en": "Perceptual loss", "zh": "感知损失"}
    formula: ClassVar = r"\sum_l \sum_j b\left(\phi_{lj}(y),\ \phi_{lj}(\hat y)\right)"
    use_case: ClassVar = {
        "en": "Images, spectra or embeddings that a network should read as the original.",
        "zh": "图像、谱或嵌入的复原,使网络对其的理解与原始数据一致。",
    }
    choose_when: ClassVar = {
        "en": "What matters in the output is what a network sees in it, not every pixel.",
        "zh": "重要的是网络在输出中看到的内容,而非每个像素时。",
    }
    reference: ClassVar = "Johnson et al. (2016), doi:10.1007/978-3-319-46475-6_43"

    @property
    def convex(self):
        """Whether the map is linear and the base convex."""
        net, base = self._net_base()
        return net.linear and base.convex

    @property
    def hessian(self):
        """That of the base, which is constant only through a linear map."""
        net, base = self._net_base()
        return "exact" if base.hessian == "constant" and not net.linear else base.hessian


class Style(FeatureLoss):
    r"""Style loss: the distance of the Gram matrices of what a fitted network sees.

    .. math:: \sum_{l \in \mathrm{layers}} \sum_{jk} b\bigl(G_{ljk}(y),\ G_{ljk}(\hat y)\bigr),
       \qquad G_{ljk}(x) = \frac1P \sum_{p=1}^P \phi_{lj}(x_p)\, \phi_{lk}(x_p)

    A row is a sequence of P patches, each of which the network sees. The Gram matrix tells which
    units are active together, not in which patch: the texture of an image, not its content.

    Parameters
    ----------
    network : estimator
        As in `Perceptual`; it takes a patch.
    layers : sequence of int, int or None, default=None
        As in `Perceptual`.
    base : str or PointwiseLoss, default="squared_error"
        What compares entries of the matrices.
    patches : int, default=1
        P, the number of patches of a row.

    Notes
    -----
    Domain: rows of `patches` times as many columns as the network takes. Identity link. Sums over
    layers and entries of the matrix; the mean over patches. Not convex. The Hessian is exact (its
    diagonal); with ``psd=True`` the Gauss–Newton part of it.

    References
    ----------
    Gatys, L. A., Ecker, A. S. and Bethge, M. (2016). Image style transfer using convolutional
    neural networks. doi:10.1109/CVPR.2016.265

    Examples
    --------
    >>> from sklearn.decomposition import PCA
    >>> pca = PCA(1).fit([[-1.0], [1.0]])  # sees the column as it is, but for the sign
    >>> loss = Style(pca, patches=2)
    >>> float(loss([[3.0, 1.0]], [[-1.0, 3.0]])), float(loss([[3.0, 1.0]], [[1.0, 1.0]]))
    (0.0, 16.0)
    """

    patches: Annotated[int, Interval(1, inf, closed="left", integer=True)] = 1

    task: ClassVar = "generative"
    aliases: ClassVar = ("gram", "style_reconstruction")
    names: ClassVar = {"en": "Style loss", "zh": "风格损失"}
    formula: ClassVar = (
        r"\sum_l \sum_{jk} b\left(G_{ljk}(y),\ G_{ljk}(\hat y)\right),\quad"
        r" G_{ljk}(x) = \tfrac1P \sum_p \phi_{lj}(x_p) \phi_{lk}(x_p)"
    )
    use_case: ClassVar = {
        "en": "Textures and other signals whose local statistics matter, not their places.",
        "zh": "注重局部统计特征而非具体位置的纹理及其他信号。",
    }
    choose_when: ClassVar = {
        "en": "The output should have the texture of the target, wherever it lies.",
        "zh": "输出应具有目标的纹理,而不论其位置时。",
    }
    reference: ClassVar = "Gatys et al. (2016), doi:10.1109/CVPR.2016.265"

    @property
    def parts(self):
        return int(self.patches)

    @property
    def hessian(self):
        """That of the base, but never constant."""
        own = self._net_base()[1].hessian
        return "exact" if own == "constant" else own

    @property
    def block(self):
        """The rows that are computed at once: Gram matrices are large."""
        return max(1, ENTRIES // max(self._net_base()[0].sizes) ** 2)

    def _patches(self, h):
        """Return the outputs of a layer by row; so large ones only as keep fourth powers finite."""
        limit = np.finfo(h.dtype).max ** 0.25 * FAR
        return np.clip(h, -limit, limit).reshape(-1, self.parts, h.shape[1])

    def features(self, h):
        h = self._patches(h)
        return h.transpose(0, 2, 1) @ h / h.dtype.type(self.parts)

    def pull(self, h, delta):
        both = (delta + delta.transpose(0, 2, 1)) / h.dtype.type(self.parts)
        return (self._patches(h) @ both).reshape(h.shape)

    def push(self, h, first, second):
        rows = zip(*(self._patches(a).transpose(1, 0, 2) for a in (h, first, second)), strict=True)
        for patch, d, dd in rows:
            slope = patch[:, :, None] * d[:, None]
            bend = patch[:, :, None] * dd[:, None] + d[:, :, None] * d[:, None]
            yield tuple(
                (a + a.transpose(0, 2, 1)) / h.dtype.type(self.parts) for a in (slope, bend)
            )
