"""Losses of two networks that play against each other: a generator, and a critic of its samples.

With D = expit(z), the critic's output z is the logit of being real.
"""

from __future__ import annotations

from math import inf
from typing import Annotated, ClassVar

from .._bases.adversarial import AdversarialLoss, Interval, norm_penalty
from .._special import expit, log1pexp


def _certainly_real(z):
    """Return −ln D and its derivative."""
    return log1pexp(-z), -expit(-z)


def _certainly_fake(z):
    """Return −ln(1 − D) and its derivative."""
    return log1pexp(z), expit(z)


class Minimax(AdversarialLoss):
    """The original game: the critic minimises cross-entropy, the generator maximises it.

    The generator's loss is ``mean(ln(1 − D))``; it vanishes with its gradient where the critic
    sees through every sample: `NonSaturating` has the same optimum without that.

    Notes
    -----
    Domain: all reals. The critic's part is convex and equals
    ``torch.nn.BCEWithLogitsLoss``, means over both kinds added.

    References
    ----------
    Goodfellow, I. et al. (2014). Generative adversarial nets. doi:10.48550/arXiv.1406.2661

    Examples
    --------
    >>> value, *gradients = Minimax().discriminator([0.0], [0.0])
    >>> round(value, 6), [gradient.tolist() for gradient in gradients]
    (1.386294, [[-0.5], [0.5]])
    """

    names: ClassVar = {"en": "Minimax GAN loss", "zh": "极小极大 GAN 损失"}
    aliases: ClassVar = ("gan",)
    formula: ClassVar = r"\min_G \max_D\ E \ln D(x) + E \ln(1 - D(G(z)))"
    use_case: ClassVar = {
        "en": "The game as it was first written: for theory and comparison.",
        "zh": "最初形式的博弈:用于理论研究与对比。",
    }
    choose_when: ClassVar = {
        "en": "The textbook's game is wanted; in practice its generator learns slowly.",
        "zh": "需要教科书中的博弈时;实践中其生成器学得较慢。",
    }
    reference: ClassVar = "Goodfellow et al. (2014), doi:10.48550/arXiv.1406.2661"

    def real(self, z):
        return _certainly_real(z)

    def fake(self, z):
        return _certainly_fake(z)

    def fooled(self, z):
        return -log1pexp(z), -expit(z)


class NonSaturating(Minimax):
    """The usual game: the generator minimises ``−mean(ln D)``, whose gradient does not vanish.

    Notes
    -----
    Domain: all reals. Both parts are convex in the critic's outputs and equal
    ``torch.nn.BCEWithLogitsLoss``, the critic's means over both kinds added.

    References
    ----------
    Goodfellow, I. et al. (2014). Generative adversarial nets. doi:10.48550/arXiv.1406.2661

    Examples
    --------
    >>> value, gradient = NonSaturating().generator([0.0])
    >>> round(value, 6), gradient.tolist()
    (0.693147, [-0.5])
    """

    convex: ClassVar = True
    names: ClassVar = {"en": "Non-saturating GAN loss", "zh": "非饱和 GAN 损失"}
    aliases: ClassVar = ("ns_gan",)
    formula: ClassVar = r"D:\ -E \ln D(x) - E \ln(1 - D(G(z))),\quad G:\ -E \ln D(G(z))"
    use_case: ClassVar = {
        "en": "Samples that look real, from a critic that is a classifier.",
        "zh": "以分类器作为判别器,生成逼真的样本。",
    }
    choose_when: ClassVar = {
        "en": "Quick training counts more than covering all of the data.",
        "zh": "训练速度比覆盖全部数据更重要时。",
    }

    def fooled(self, z):
        return _certainly_real(z)


class LeastSquaresGAN(AdversarialLoss):
    """Squared distances of the critic's outputs from 1 (real) and 0 (fake), halved.

    Notes
    -----
    Domain: all reals. Convex, smooth. Half of ``torch.nn.MSELoss``, the critic's means over both
    kinds added.

    References
    ----------
    Mao, X. et al. (2017). Least squares generative adversarial networks.
    doi:10.1109/ICCV.2017.304

    Examples
    --------
    >>> LeastSquaresGAN().discriminator([1.0], [2.0])[0]
    2.0
    """

    convex: ClassVar = True
    names: ClassVar = {"en": "Least-squares GAN loss", "zh": "最小二乘 GAN 损失"}
    aliases: ClassVar = ("lsgan",)
    formula: ClassVar = (
        r"D:\ \tfrac12 E (D(x) - 1)^2 + \tfrac12 E D(G(z))^2,\quad G:\ \tfrac12 E (D(G(z)) - 1)^2"
    )
    use_case: ClassVar = {
        "en": "Samples that look real, with gradients also for those a critic is sure of.",
        "zh": "生成逼真的样本,判别器已确信的样本也有梯度。",
    }
    choose_when: ClassVar = {
        "en": "A classifier as critic saturates, and a gradient penalty is too slow.",
        "zh": "分类器式判别器饱和,而梯度惩罚又太慢时。",
    }
    reference: ClassVar = "Mao et al. (2017), doi:10.1109/ICCV.2017.304"

    def real(self, z):
        return 0.5 * (z - 1.0) * (z - 1.0), z - 1.0

    def fake(self, z):
        return 0.5 * z * z, z

    def fooled(self, z):
        return self.real(z)


class HingeGAN(AdversarialLoss):
    """Hinge losses of the critic; the generator raises the critic's mean output.

    Notes
    -----
    Domain: all reals. Convex, not smooth.

    References
    ----------
    Miyato, T. et al. (2018). Spectral normalization for generative adversarial networks. ICLR.
    doi:10.48550/arXiv.1802.05957

    Examples
    --------
    >>> HingeGAN().discriminator([0.5, 2.0], [-2.0, 1.0])[0]
    1.25
    """

    convex: ClassVar = True
    smooth: ClassVar = False
    names: ClassVar = {"en": "Hinge GAN loss", "zh": "合页 GAN 损失"}
    formula: ClassVar = r"D:\ E \max(0, 1 - D(x)) + E \max(0, 1 + D(G(z))),\quad G:\ -E D(G(z))"
    use_case: ClassVar = {
        "en": "Samples that look real, from a critic that leaves clear cases alone.",
        "zh": "生成逼真的样本,判别器不理会已明确的样本。",
    }
    choose_when: ClassVar = {
        "en": "The critic is strong and should not push what it tells apart already.",
        "zh": "判别器很强,不应再推动已能区分的样本时。",
    }
    reference: ClassVar = "Miyato et al. (2018), doi:10.48550/arXiv.1802.05957"

    def real(self, z):
        return (1.0 - z, -1.0) if z < 1.0 else (0.0, 0.0)

    def fake(self, z):
        return (1.0 + z, 1.0) if z > -1.0 else (0.0, 0.0)

    def fooled(self, z):
        return -z, -1.0


class Wasserstein(AdversarialLoss):
    """Difference of the critic's mean outputs, for a critic of bounded slope.

    Its extreme is a distance of the two distributions: how far their mass would have to move.

    Parameters
    ----------
    gradient_penalty : float, default=10.0
        Factor of the penalty on slopes of the critic that are not 1 [2]_, ≥ 0; see `penalty`.
    clip : float, default=None
        Bound of the critic's parameters, > 0, as in [1]_: it then replaces the penalty.

    Notes
    -----
    Domain: all reals. Linear, so convex and smooth. The negated discriminator loss estimates the
    Wasserstein-1 distance.

    References
    ----------
    .. [1] Arjovsky, M., Chintala, S. and Bottou, L. (2017). Wasserstein GAN.
       doi:10.48550/arXiv.1701.07875
    .. [2] Gulrajani, I. et al. (2017). Improved training of Wasserstein GANs.
       doi:10.48550/arXiv.1704.00028

    Examples
    --------
    >>> Wasserstein().discriminator([1.0, 3.0], [0.0])[0]
    -2.0
    >>> value, gradient = Wasserstein(gradient_penalty=10.0).penalty([[3.0, 0.0]])
    >>> value, gradient.tolist()
    (40.0, [[40.0, 0.0]])
    """

    gradient_penalty: Annotated[  # type: ignore[misc]
        float, Interval(0, inf, closed="left")
    ] = 10.0
    clip: Annotated[float | None, (Interval(0, inf), None)] = None  # type: ignore[misc]

    convex: ClassVar = True
    names: ClassVar = {"en": "Wasserstein GAN loss", "zh": "Wasserstein GAN 损失"}
    aliases: ClassVar = ("wgan", "wgan_gp")
    formula: ClassVar = (
        r"D:\ E D(G(z)) - E D(x) + \lambda E (\|\nabla D(\hat x)\| - 1)^2,\quad G:\ -E D(G(z))"
    )
    use_case: ClassVar = {
        "en": "Samples that cover all of the data, and a loss that tells how near they are.",
        "zh": "生成覆盖全部数据的样本,且损失值可反映接近程度。",
    }
    choose_when: ClassVar = {
        "en": "Training must be stable and no mode may be missed; the default.",
        "zh": "训练须稳定且不可漏掉任何模式时;默认选择。",
    }
    reference: ClassVar = "Gulrajani et al. (2017), doi:10.48550/arXiv.1704.00028"

    def real(self, z):
        return -z, -1.0

    def fake(self, z):
        return z, 1.0

    def fooled(self, z):
        return -z, -1.0

    def penalty(self, input_gradients):
        """Return the penalty on the critic's slopes, and its derivatives.

        Parameters
        ----------
        input_gradients : array-like of shape (n_samples, n_features)
            Derivatives of the critic's output in each row of its inputs.

        Returns
        -------
        value : float
            ``gradient_penalty * mean((‖g‖ − 1)**2)``.
        gradient : ndarray of shape (n_samples, n_features)
            Its derivatives in `input_gradients`; 0 where those are all 0.
        """
        return norm_penalty(
            self._checked(input_gradients, "input_gradients"), self.gradient_penalty
        )
