"""The loss that a booster has natively, and ours: the same trees under the same conditions."""

import ast
import inspect
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_diabetes

import sklosses as sl
from sklosses._bases.native import BOOSTERS, Native, twin
from sklosses.boosting import compare_with_native
from sklosses.boosting._parity import RUNNERS

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # boosters on unused parameters

X, Y = load_diabetes(return_X_y=True)  # whole numbers from 25 to 346
WEIGHT = np.random.default_rng(0).integers(1, 4, Y.size).astype(float)
QID = np.arange(Y.size) // 13
TARGETS = {
    "positive": Y,
    "small": (Y / 100).astype(np.float32).astype(float),
    "with zeros": np.where(Y > 100, Y - 100, 0),
    "binary": (Y > 140).astype(float),
    "classes": np.digitize(Y, [100, 180]).astype(float),
    "grades": np.digitize(Y, [80, 120, 180, 240]).astype(float),
}
CASES = [
    (sl.SquaredError(), "positive"),
    (0.5 * sl.SquaredError(), "positive"),
    (sl.Huber(delta=40.5), "positive"),
    (sl.PseudoHuber(delta=40.0), "positive"),
    (sl.LogCosh(), "positive"),
    (sl.Expectile(level=0.3), "positive"),
    (sl.SquaredLogError(), "small"),
    (sl.PoissonDeviance(), "positive"),
    (sl.GammaDeviance(), "positive"),
    (sl.TweedieDeviance(power=1.3), "with zeros"),
    (sl.BinaryCrossEntropy(), "binary"),
    (sl.Focal(gamma=2.0, alpha=0.3), "binary"),
    (sl.CategoricalCrossEntropy(), "classes"),
    (sl.LambdaRank(), "grades"),
    (sl.LambdaRank(k=5), "grades"),
]
# single precision, of XGBoost's own formulas and of LightGBM's table
COARSE = {("SquaredLogError", "xgboost"): 1e-4, ("LambdaRank", "lightgbm"): 1e-4}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("loss", "target"), CASES, ids=str)
def test_the_same_trees(loss, target, weighted):
    qid = QID if loss.groupwise else None
    weight = WEIGHT if weighted and qid is None else None
    table = compare_with_native(loss, X, TARGETS[target], sample_weight=weight, qid=qid)
    declared = {booster for booster in BOOSTERS if twin(loss, booster) is not None}
    assert set(table["booster"]) == declared
    assert declared
    for _, row in table.iterrows():
        limit = COARSE.get((type(loss).__name__, row["booster"]), 1e-6)
        assert row["equal conditions"] <= limit, row.to_dict()
        # what is the same by declaration is the same without any help
        alike = not row["why"] and not loss.groupwise
        assert not alike or row["by default"] <= 1e-6, row.to_dict()


def test_conditions_matter():
    """Else the test above could not fail: the trees of another Hessian are others."""
    table = compare_with_native(sl.CategoricalCrossEntropy(), X, TARGETS["classes"])
    differ = table.set_index("booster")["by default"]
    assert (differ[["lightgbm", "xgboost"]] > 1e-2).all()
    assert differ["sklearn"] < 1e-6


@pytest.mark.parametrize("loss", [sl.AbsoluteError(), sl.Pinball(quantile=0.8)], ids=str)
def test_leaves_refitted_natively_are_not_better(loss):
    table = compare_with_native(loss, X, Y).set_index("booster")
    assert table["equal conditions"].isna().all()
    ratio = table["loss, by default"] / table["loss, native"]
    assert (ratio <= 1.05).all(), ratio


DECLARED = [cls for cls in sl.all_losses() if cls.native]


@pytest.mark.parametrize("cls", DECLARED, ids=lambda cls: cls.__name__)
def test_declarations_are_complete(cls):
    tested = {type(loss).__name__ for loss, _ in CASES} | {"AbsoluteError", "Pinball"}
    assert cls.__name__ in tested | {"MultiQuantile"}
    assert set(cls.native) <= set(BOOSTERS) == set(RUNNERS)
    for native in cls.native.values():
        names = [*native.params.values(), *native.where]
        assert all(hasattr(cls(), name) for name in names)


def test_parameters_reach_the_booster():
    assert twin(sl.Pinball(quantile=0.9), "lightgbm").constants == {"alpha": 0.9}
    assert twin(sl.TweedieDeviance(power=3.0), "xgboost") is None
    assert twin(sl.BinaryCrossEntropy(label_smoothing=0.1), "lightgbm") is None
    assert twin(sl.Focal(), "catboost") is None
    assert twin(sl.MultiQuantile(), "catboost") is None
    free = twin(sl.MultiQuantile((0.2, 0.8), crossing="free"), "catboost")
    assert free.constants == {"alpha": (0.2, 0.8)}
    assert twin(sl.Hinge(), "lightgbm") is None


def test_multiples_are_native_too():
    half = twin(0.5 * sl.SquaredError(), "lightgbm")
    assert (half.objective, half.scale) == ("regression", 1.0)
    assert (0.5 * sl.SquaredError() + sl.Huber()).native == {}


def test_a_subclass_is_another_loss():
    class Steeper(sl.Pinball):
        def value(self, y, z):
            return 2.0 * (z - y)

    assert twin(Steeper(), "lightgbm") is None


def test_own_declaration():
    class Half(sl.PointwiseLoss):
        native = {"lightgbm": Native("regression"), "sklearn": Native("squared_error")}

        def value(self, y, z):
            return 0.5 * (z - y) ** 2

        def grad_hess(self, y, z):
            return z - y, 1.0

    table = compare_with_native(Half(), X, Y)
    assert list(table["booster"]) == ["lightgbm", "sklearn"]
    assert_allclose(table["equal conditions"], 0, atol=1e-6)


@pytest.mark.parametrize("module", ["lightgbm", "xgboost", "catboost", "hist_gradient_boosting"])
def test_adapters_know_no_loss(module):
    source = inspect.getsource(__import__(f"sklosses.boosting.{module}", fromlist=["_"]))
    names = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    assert not names & {cls.__name__ for cls in sl.all_losses()}


def test_native_is_no_parameter():
    loss = pickle.loads(pickle.dumps(sl.Pinball(0.7)))
    assert "native" not in loss.get_params()
    assert twin(loss, "sklearn").constants == {"quantile": 0.7}
