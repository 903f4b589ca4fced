"""Generative models: `VariationalAutoencoder` and `GenerativeAdversarialNetwork`."""

from ._gan import GenerativeAdversarialNetwork
from ._vae import VariationalAutoencoder

__all__ = ["GenerativeAdversarialNetwork", "VariationalAutoencoder"]
