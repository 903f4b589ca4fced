"""scikit-learn's own checks of the generative models, counted so that none is silenced."""

from __future__ import annotations

import pytest
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

import sklosses as sl

# the checks fit a handful of rows, some of pure noise
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

FEW = {"hidden_layer_sizes": (5,), "n_components": 2}
MODELS = [
    sl.VariationalAutoencoder(**FEW, max_iter=30),
    sl.VariationalAutoencoder(sl.ELBO("log_cosh"), hidden_layer_sizes=(), max_iter=30),
    sl.GenerativeAdversarialNetwork(**FEW, max_iter=20),
    sl.GenerativeAdversarialNetwork("hinge_gan", **FEW, critic_layer_sizes=(), max_iter=20),
]
# weights equal repetitions in expectation only: the rows are visited in random order
EXPECTED = {"check_sample_weight_equivalence_on_dense_data": "rows are visited in random order"}
COUNTS = {sl.VariationalAutoencoder: 54, sl.GenerativeAdversarialNetwork: 41}
PEERS = {sl.VariationalAutoencoder: PCA(), sl.GenerativeAdversarialNetwork: GaussianMixture()}
# of estimators that compute with other libraries' arrays
THEIRS_ALONE = {"check_array_api_same_namespace", "check_array_api_mixed_inputs"}


def _names(estimator):
    return sorted(
        getattr(check, "func", check).__name__ for _, check in estimator_checks_generator(estimator)
    )


@parametrize_with_checks(MODELS, expected_failed_checks=lambda _: EXPECTED)
def test_models(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", MODELS, ids=repr)
def test_every_check_is_run(estimator):
    """The same checks as for scikit-learn's own, and those of weights for who takes them."""
    ours, theirs = set(_names(estimator)), set(_names(PEERS[type(estimator)]))
    assert len(_names(estimator)) == COUNTS[type(estimator)]
    assert theirs - ours <= THEIRS_ALONE
