"""`VariationalAutoencoder`: codes, new samples and likelihoods, with any reconstruction loss."""

from __future__ import annotations

from math import log
from typing import Annotated, ClassVar

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.callback import with_callbacks
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from .._bases.loss import Loss
from .._fit.data import Data
from .._fit.estimator import COUNT, SIZES, LossEstimator, checked_weight
from .._fit.solver import hidden_sizes
from .._registry import get_loss
from ..losses import ELBO
from ._network import VariationalNetwork

DRAWS = 32  # of the code of a row, for the expected reconstruction
TABLE = 12  # bits: the logarithm of the length of a table of noise
STRIDE = 127  # from one draw of a row to its next in the table
UNIT = (0.0, 1.0)  # what cross-entropy takes


class VariationalAutoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, LossEstimator):
    """Variational autoencoder with any reconstruction loss.

    An encoder maps a row to a normal distribution of codes, a decoder maps codes to rows. Both are
    networks, fitted to maximise the evidence lower bound: `ELBO` is the loss of a row.

    Parameters
    ----------
    loss : str or Loss, default="elbo"
        An `ELBO`: its `reconstruction` is the loss of each feature, its `beta` the weight of the
        divergence from the prior. The name "elbo" means cross-entropy for data in [0, 1], and the
        squared error for others.
    n_components : int, default=8
        Number of latents: the length of a code.
    hidden_layer_sizes : tuple of int, default=(128,)
        Units of each hidden layer of the encoder.
    decoder_layer_sizes : tuple of int, default=None
        The same of the decoder; None: those of the encoder, reversed.
    solver : {"auto", "adam", "sgd", "adagrad"}, default="auto"
        The rule of a step along a batch of rows; "sgd" has momentum. "auto" is "adam".
    learning_rate : {"adaptive", "constant", "invscaling"}, default="adaptive"
        "adaptive" keeps the rate until the loss (or the validation score) no longer gets better,
        and lowers it then.
    average : bool or "auto", default="auto"
        Whether the result is an average of the iterates that forgets the early ones; "auto": yes.
    tol : float or None, default=1e-4
        The improvement of the loss, relative to that of the best constant, that counts as one; None
        never stops early.
    <parameters>

    Attributes
    ----------
    encoder_ : Network
        Its outputs are means and log-variances of codes, side by side.
    decoder_ : Network
        Its outputs are raw reconstructions: `inverse_transform` returns their inverse link.
    <attributes>

    See Also
    --------
    GenerativeAdversarialNetwork : Sharper samples, but neither codes nor likelihoods.
    sklearn.decomposition.PCA : Linear codes.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X = load_digits().data / 16
    >>> model = VariationalAutoencoder(n_components=2, max_iter=5, tol=None, random_state=0).fit(X)
    >>> model.transform(X).shape, model.sample(3).shape
    ((1797, 2), (3, 64))
    """

    tasks: ClassVar[tuple] = ("generative",)
    draws: ClassVar[bool] = True
    fit_intercept: ClassVar[bool] = True  # type: ignore[misc]

    loss: Annotated[str | Loss, (str, Loss)] = "elbo"
    n_components: Annotated[int, COUNT] = 8
    hidden_layer_sizes: Annotated[tuple, SIZES] = (128,)
    decoder_layer_sizes: Annotated[tuple | None, (*SIZES, None)] = None
    solver: Annotated[str, ("auto", "sgd", "adam", "adagrad")] = "auto"
    learning_rate: Annotated[str, ("adaptive", "constant", "invscaling")] = "adaptive"

    __metadata_request__fit = {"sample_weight": True, "X_val": True, "sample_weight_val": True}

    @with_callbacks
    def fit(self, X, y=None, sample_weight=None, X_val=None, sample_weight_val=None):
        """Fit the model.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Data, in the domain of the reconstruction loss.
        y : ignored
            For pipelines.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.
        X_val, sample_weight_val : optional
            Data to validate on: early stopping is then on by default.

        Returns
        -------
        self
        """
        return self._fit(X, y, sample_weight, (X_val, X_val, sample_weight_val))

    def partial_fit(self, X, y=None, sample_weight=None):
        """Take one stochastic epoch over some rows, going on from the last call.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`; rows of a stream.

        Returns
        -------
        self
        """
        return self._partial_fit(X, y, sample_weight, first=not hasattr(self, "n_iter_"))

    # ------------------------------------------------------------------ codes

    def transform(self, X):
        """Return the means of the codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Data.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            Codes.
        """
        return self._encode_rows(X)[1]

    def inverse_transform(self, Z):
        """Return the rows that codes stand for.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_components)
            Codes.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Expected rows, on the scale of the data.
        """
        check_is_fitted(self)
        Z = np.asarray(Z, dtype=self.decoder_.dtype)
        return self.loss_function_.reconstructed(self.decoder_.predict(Z))

    def sample(self, n_samples=1, random_state=None):
        """Draw codes from the prior, and return the rows they stand for.

        Parameters
        ----------
        n_samples : int, default=1
            How many.
        random_state : int, RandomState or None, default=None
            Seed; None: that of the estimator.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Expected rows of the codes: noise of the features is not added.
        """
        check_is_fitted(self)
        seed = self.random_state if random_state is None else random_state
        codes = check_random_state(seed).standard_normal((n_samples, self._n_features_out))
        return self.inverse_transform(codes)

    # ------------------------------------------------------------------ likelihoods

    def score_samples(self, X, *, n_importance=None):
        """Return the evidence lower bound of each row: the higher, the more usual.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Data.
        n_importance : int, default=None
            None: the bound that was maximised, the negated loss. A number: the importance-weighted
            bound from so many codes a row [1]_, which is nearer to the log-likelihood the more
            there are.

        Returns
        -------
        ndarray of shape (n_samples,)
            The bounds, without constants that the loss leaves out. The noise of a code depends on
            the row alone: a row has the same score at each call, and in any company.

        References
        ----------
        .. [1] Burda, Y., Grosse, R. and Salakhutdinov, R. (2016). Importance weighted
           autoencoders. ICLR. doi:10.48550/arXiv.1509.00519
        """
        if n_importance is not None and n_importance not in COUNT:
            raise ValueError(f"n_importance must be {COUNT} or None. Got {n_importance!r} instead.")
        X, mean, log_var = self._encode_rows(X)
        loss, spread, bounds = self.loss_function_, np.exp(0.5 * log_var), []
        for noise in _noise(X, n_importance, mean):
            code = mean + spread * noise
            raw = self.decoder_.predict(code)
            if n_importance is None:
                bounds.append(-loss.values(X, (raw, mean, log_var)))
            else:
                # ln q(code | x) − ln p(code); constants cancel
                excess = 0.5 * (code * code - noise * noise - log_var).sum(axis=1)
                bounds.append(-loss.inner.values(X, raw).sum(axis=1) - loss.beta * excess)
        if n_importance is None:
            return np.mean(bounds, axis=0)
        return np.logaddexp.reduce(bounds, axis=0) - log(n_importance)

    def score(self, X, y=None, sample_weight=None):
        """Return the mean of `score_samples`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Data.
        y : ignored
            For pipelines.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.

        Returns
        -------
        float
        """
        return float(np.average(self.score_samples(X), weights=sample_weight))

    # ------------------------------------------------------------------ inside

    @property
    def _n_features_out(self):
        return self.decoder_.sizes[0]

    def _encode_rows(self, X):
        """Return checked rows, and means and log-variances of their codes."""
        check_is_fitted(self)
        X = self._checked(X, reset=False)
        return X, *np.split(self.encoder_.predict(X), 2, axis=1)

    def _checked(self, X, *, reset):
        return validate_data(self, X, dtype=[np.float64, np.float32], reset=reset)

    def _resolve_loss(self):
        loss = get_loss(self.loss)
        loss._validate_params()
        if not isinstance(loss, ELBO):
            raise ValueError(f"{type(self).__name__} minimises an ELBO. Got {loss!r} instead.")
        return ELBO(loss.inner, loss.beta)  # which nothing need look up again

    def _check_data(self, X, y, sample_weight, *, reset, fitting=False):
        X = self._checked(X, reset=reset)
        if reset and isinstance(self.loss, str) and not UNIT[0] <= X.min() <= X.max() <= UNIT[1]:
            self.loss_function_ = ELBO(get_loss("squared_error"))
        loss = self.loss_function_.inner
        return Data(
            X, loss._checked_targets(X, X.shape[1], X.dtype), checked_weight(sample_weight, X)
        )

    def _columns(self, loss, y):
        return y.shape[1] + 2 * self.n_components

    def _new_network(self, sizes, dtype, rng):
        network = VariationalNetwork(
            self._hidden, sizes[0], self.n_components, self.activation, dtype
        )
        return network.initialise(rng)

    @property
    def _hidden(self):
        """The hidden layers of encoder and decoder."""
        encoder, decoder = hidden_sizes(self.hidden_layer_sizes), self.decoder_layer_sizes
        return encoder, encoder[::-1] if decoder is None else hidden_sizes(decoder)

    def _set_model(self, model, *, single):
        self.encoder_, self.decoder_ = model.encoder, model.decoder

    def _network(self, dtype=None):
        parts = self.encoder_, self.decoder_
        if self.decoder_.sizes[1:-1] != self._hidden[1]:
            raise ValueError(
                f"warm_start goes on with a model of the same layers; the sizes of the fitted "
                f"decoder are {self.decoder_.sizes}, its hidden ones asked for {self._hidden[1]}."
            )
        return VariationalNetwork(
            [part.sizes[1:-1] for part in parts], parts[0].sizes[0], parts[1].sizes[0],
            self.encoder_.activation, self.encoder_.dtype,
            np.concatenate([part.theta for part in parts]),
        )  # fmt: skip

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        return tags


def _noise(X, n_draws, like):
    """Yield arrays of noise of the shape of `like`, which depend on each row of `X` alone.

    Without `n_draws` it is `DRAWS` arrays, each followed by its opposite.
    """
    rng, draws = np.random.default_rng(0), n_draws or DRAWS // 2
    bits = max(TABLE, draws.bit_length())
    table = rng.standard_normal((2**bits, like.shape[1]), like.dtype)
    odd = rng.integers(2**63, size=X.shape[1], dtype=np.uint64) * 2 + 1
    words = np.ascontiguousarray(X, np.float64).view(np.uint64)
    place = ((words * odd).sum(axis=1) >> np.uint64(64 - bits)).astype(np.intp)
    for draw in range(draws):
        noise = table[(place + draw * STRIDE) % 2**bits]
        yield noise
        if n_draws is None:
            yield -noise
