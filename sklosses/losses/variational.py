"""Losses of variational autoencoders: a reconstruction, and how far a code is from its prior."""

from __future__ import annotations

from math import inf
from typing import Annotated, ClassVar

import numpy as np

from .._bases.variational import Interval, Loss, ReconstructionLoss, VariationalLoss


class GaussianKL(VariationalLoss):
    r"""Kullback–Leibler divergence of normal distributions from a prior, summed over latents.

    ``values(prior, (mean, log_var))``: the prior is None, the standard normal distribution, or a
    pair ``(mean, log_var)`` of arrays that broadcast; all covariances are diagonal.

    Notes
    -----
    Domain: all reals. Convex, smooth, exact Hessian. Equals the sum over latents of
    ``torch.distributions.kl_divergence``, with ``log_var`` twice the logarithm of its scale.

    References
    ----------
    Kingma, D. P. and Welling, M. (2014). Auto-encoding variational Bayes.
    doi:10.48550/arXiv.1312.6114

    Examples
    --------
    >>> GaussianKL().values(None, ([[1.0, 0.0]], [[0.0, 0.0]])).tolist()
    [0.5]
    """

    convex: ClassVar = True
    names: ClassVar = {"en": "Gaussian KL divergence", "zh": "高斯 KL 散度"}
    formula: ClassVar = (
        r"\tfrac12 \sum_j \left(\frac{(\mu_j - m_j)^2 + \sigma_j^2}{s_j^2} - 1"
        r" - \ln \frac{\sigma_j^2}{s_j^2}\right)"
    )
    use_case: ClassVar = {
        "en": "Keeps the codes of a variational model near a prior that can be sampled from.",
        "zh": "使变分模型的编码贴近可供采样的先验分布。",
    }
    choose_when: ClassVar = {
        "en": "A model gives means and variances that should not stray from a prior.",
        "zh": "模型给出均值与方差,且不应偏离先验时。",
    }
    reference: ClassVar = "Kingma & Welling (2014), doi:10.48550/arXiv.1312.6114"

    def split(self, y, z):
        """Return means and log-variances."""
        return tuple(np.split(z, 2, axis=1))

    def target_rows(self, y, z):
        """Return the prior's means and log-variances, or None."""
        if y is None:
            return None
        given = isinstance(y, (tuple, list))
        mean, log_var = y if given else self.split(None, np.atleast_2d(y))
        return np.asarray(mean, z[0].dtype), np.asarray(log_var, z[0].dtype)

    def _standardised(self, y, z):
        """Return means and log-variances as those from a standard normal prior."""
        mean, log_var = z
        if y is None:
            return mean, log_var, np.ones_like(mean)
        inverse = np.exp(-0.5 * y[1])
        return (mean - y[0]) * inverse, log_var - y[1], inverse

    def value(self, y, z):
        """Return the divergence of each row."""
        mean, log_var, _ = self._standardised(y, z)
        return 0.5 * (mean * mean + np.expm1(log_var) - log_var).sum(axis=1)

    def grad(self, y, z):
        """Return its derivatives in means and log-variances."""
        mean, log_var, inverse = self._standardised(y, z)
        return mean * inverse, 0.5 * np.expm1(log_var)

    def hess(self, y, z, *, psd=False):
        """Return its second derivatives, which are positive."""
        _, log_var, inverse = self._standardised(y, z)
        return np.broadcast_to(inverse * inverse, log_var.shape), 0.5 * np.exp(log_var)

    def init_raw(self, y_true, sample_weight=None):
        """Return the best constants: means and log-variances of the codes."""
        if y_true is None:
            return 0.0, 0.0
        mean, log_var = self.target_rows(y_true, (np.empty(0),))
        precision = np.exp(-log_var)
        w = None if sample_weight is None else np.asarray(sample_weight)
        mean = np.average(precision * mean, axis=0, weights=w)
        precision = np.average(precision, axis=0, weights=w)
        return mean / precision, -np.log(precision)


class ELBO(ReconstructionLoss):
    r"""Negative evidence lower bound of a variational autoencoder.

    ``values(x, (raw, mean, log_var))``: the reconstruction loss of the decoder's raw outputs, of
    the shape of `x`, summed over features, plus `beta` times the divergence of the code's
    distribution from the standard normal one.

    Parameters
    ----------
    reconstruction : str or Loss, default="binary_cross_entropy"
        A pointwise loss of each feature, by name or as an object.
    beta : float, default=1.0
        Weight of the divergence, ≥ 0. More than 1 asks for codes that are independent of each
        other [2]_, less for better reconstructions.

    Notes
    -----
    Domain: that of the reconstruction. In the raw outputs convex, smooth and so on as the
    reconstruction is; derivatives hold the sample of the code fixed. `SquaredError` is, but for a
    constant, the likelihood of noise of variance ½; ``0.5 * SquaredError()`` of variance 1.

    References
    ----------
    .. [1] Kingma, D. P. and Welling, M. (2014). Auto-encoding variational Bayes.
       doi:10.48550/arXiv.1312.6114
    .. [2] Higgins, I. et al. (2017). beta-VAE: learning basic visual concepts with a constrained
       variational framework. ICLR.

    Examples
    --------
    >>> x, raw = [[1.0, 3.0]], [[1.0, 1.0]]
    >>> ELBO("squared_error", beta=2.0).values(x, (raw, [[1.0]], [[0.0]])).tolist()
    [5.0]
    """

    reconstruction: Annotated[str | Loss, (str, Loss)] = "binary_cross_entropy"
    beta: Annotated[float, Interval(0, inf, closed="left")] = 1.0

    divergence: ClassVar = GaussianKL()
    names: ClassVar = {"en": "Negative evidence lower bound", "zh": "负证据下界"}
    formula: ClassVar = (
        r"\sum_j \ell(x_j, f_j) + \beta\, \mathrm{KL}"
        r"\left(N(\mu, \sigma^2)\,\|\,N(0, 1)\right)"
    )
    use_case: ClassVar = {
        "en": "Variational autoencoders: codes, new samples, and how usual a row is.",
        "zh": "变分自编码器:编码、生成新样本,并衡量一行数据的寻常程度。",
    }
    choose_when: ClassVar = {
        "en": "A likelihood of the data is wanted together with a smooth code.",
        "zh": "既需要数据的似然,又需要平滑的编码时。",
    }
    reference: ClassVar = "Kingma & Welling (2014), doi:10.48550/arXiv.1312.6114"
