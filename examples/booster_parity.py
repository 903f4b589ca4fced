"""
The loss that a booster has natively, and ours: the same trees
==============================================================

Every loss says which native objectives it is; this trains LightGBM, XGBoost, CatBoost and
scikit-learn's histogram gradient boosting both ways, on the disease progression of 442 patients.
Under equal conditions, from the start and with the Hessian that the native objective has,
predictions are the same. What the native deviations come to by default stands beside. Then a loss
that no booster has.
"""

import numpy as np
import pandas as pd
from lightgbm import LGBMRegressor
from sklearn.datasets import load_diabetes
from sklearn.ensemble import HistGradientBoostingRegressor

import sklosses as sl
from sklosses.boosting import compare_with_native

X, y = load_diabetes(return_X_y=True)
cases = {
    sl.SquaredError(): y,
    sl.BinaryCrossEntropy(): (y > 140).astype(float),
    sl.CategoricalCrossEntropy(): np.digitize(y, [100, 180]).astype(float),
    sl.PoissonDeviance(): y,
    sl.GammaDeviance(): y,
    sl.TweedieDeviance(power=1.3): np.where(y > 100, y - 100, 0),
    sl.Huber(delta=40.5): y,
    sl.PseudoHuber(delta=40.0): y,
    sl.LogCosh(): y,
    sl.Expectile(level=0.8): y,
    sl.AbsoluteError(): y,
    sl.Pinball(quantile=0.9): y,
    sl.LambdaRank(): np.digitize(y, [80, 120, 180, 240]).astype(float),
}
tables = []
for loss, target in cases.items():
    qid = np.arange(len(y)) // 13 if isinstance(loss, sl.LambdaRank) else None
    tables.append(compare_with_native(loss, X, target, qid=qid).assign(loss=repr(loss)))
parity = pd.concat(tables).set_index(["loss", "booster"]).drop(columns="objective")
print(parity.to_string(float_format="{:.2g}".format))

# %%
# A loss of our own, in the units of the target: missing a unit costs three times one too many. It
# drives the same trees; the raw predictions that a function starts from are its to give.


class Newsvendor(sl.PointwiseLoss):
    """What a unit missing, and one left over, costs."""

    shortage: float = 3.0

    def value(self, y, z):
        return self.shortage * (y - z) if y > z else z - y

    def grad_hess(self, y, z):
        return (-self.shortage if y > z else 1.0), 0.0


loss = Newsvendor(shortage=3.0)
start = loss.init_raw(y)
boosted = LGBMRegressor(objective=sl.lightgbm_objective(loss), n_estimators=20, verbose=-1)
boosted.fit(X, y, init_score=np.full(len(y), start))
trees = HistGradientBoostingRegressor(loss=sl.hist_gradient_boosting_loss(loss), max_iter=20)
natively = LGBMRegressor(objective="quantile", alpha=0.75, n_estimators=20, verbose=-1).fit(X, y)
costs = {
    "a constant": loss(y, np.full(len(y), start)),
    "LightGBM": loss(y, boosted.predict(X) + start),
    "scikit-learn": loss(y, trees.fit(X, y).predict(X)),
    "LightGBM, the same as a quantile": loss(y, natively.predict(X)),
}
print(pd.Series(costs, name="cost").round(2).to_string())
