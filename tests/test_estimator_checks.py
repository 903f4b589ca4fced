"""scikit-learn's own checks, counted so that a tag cannot silence them."""

from __future__ import annotations

import pytest
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

import sklosses as sl

# the checks fit a handful of rows, some of pure noise
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

LAYERS = {"hidden_layer_sizes": (5,)}
# on a flat objective with kinks, rounding decides where lbfgs ends: a penalty and a smooth
# activation make the optimum one, and tol=0 reaches it
ROUND = {**LAYERS, "solver": "lbfgs", "activation": "tanh", "alpha": 0.15, "tol": 0.0}
DETERMINISTIC = [
    sl.LossRegressor(), sl.LossClassifier(),
    sl.LossRegressor(solver="lbfgs"), sl.LossClassifier(solver="lbfgs"),
    # of a loss with kinks the optimum is a corner, or a window away from one
    sl.LossRegressor("absolute_error", tol=1e-9), sl.LossClassifier("hinge", tol=1e-9),
    sl.LossRegressor("pinball", penalty="l1", tol=1e-9), sl.LossClassifier(penalty="elasticnet"),
    sl.LossRegressor(**ROUND), sl.LossClassifier(**ROUND),
    # the rows of a check are one batch
    sl.LossRegressor(solver="adam"), sl.LossClassifier(solver="sgd"),
    sl.LossRegressor(**LAYERS), sl.LossClassifier(**LAYERS),
    sl.LossRegressor(solver="adagrad", max_iter=300),
    sl.LossClassifier(**LAYERS, solver="sgd", max_iter=300),
    sl.LossClassifier("multiclass_hinge", max_iter=300),
    sl.LossClassifier("dice"), sl.LossClassifier("lovasz_hinge", max_iter=300),
    sl.LossClassifier("jaccard", solver="adam"),
    sl.LossClassifier(sl.Dice() + sl.BinaryCrossEntropy()),
    sl.LossClassifier("focal_tversky", **LAYERS, max_iter=300),
]  # fmt: skip
STOCHASTIC = [
    sl.LossRegressor("absolute_error", solver="sgd"), sl.LossClassifier("hinge", solver="sgd"),
    sl.LossRegressor(**LAYERS, batch_size=8, max_iter=100),
    sl.LossClassifier(**LAYERS, batch_size=8, max_iter=100),
]  # fmt: skip
# weights equal repetitions in expectation only, as scikit-learn says of its own SGD
EXPECTED = {
    f"check_sample_weight_equivalence_on_{kind}_data": "rows are visited in random order"
    for kind in ("dense", "sparse")
}
COUNTS = {sl.LossRegressor: 61, sl.LossClassifier: 64}
# what scikit-learn checks of its own linear models alone, by their type
THEIRS_ALONE = {"check_sparsify_coefficients", "check_class_weight_balanced_linear_classifier"}


@parametrize_with_checks(DETERMINISTIC)
def test_deterministic_estimators(estimator, check):
    check(estimator)


@parametrize_with_checks(STOCHASTIC, expected_failed_checks=lambda _: EXPECTED)
def test_stochastic_estimators(estimator, check):
    check(estimator)


def _names(estimator):
    return sorted(
        getattr(check, "func", check).__name__ for _, check in estimator_checks_generator(estimator)
    )


@pytest.mark.parametrize("estimator", [*DETERMINISTIC, *STOCHASTIC], ids=repr)
def test_every_check_is_run(estimator):
    """The same checks as for scikit-learn's SGD, but for those its own tags add or leave out."""
    peer = SGDRegressor() if isinstance(estimator, sl.LossRegressor) else SGDClassifier()
    ours, theirs = set(_names(estimator)), set(_names(peer))
    assert len(_names(estimator)) == COUNTS[type(estimator)]
    assert theirs - ours <= THEIRS_ALONE
