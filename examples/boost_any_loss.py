"""
One loss, four boosters
=======================

Whatever a unit too few or too many costs, LightGBM, XGBoost, CatBoost and scikit-learn's histogram
gradient boosting minimise it: with weights, early stopping on the same loss, and parameters of both
in one search. Data: the disease progression of 442 patients, and the wines of three growers, one of
them made rare.
"""

from math import inf
from typing import Annotated, ClassVar

import numpy as np
from catboost import CatBoostRegressor
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.datasets import load_diabetes, load_wine
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from xgboost import XGBRegressor

import sklosses as sl


class Newsvendor(sl.PointwiseLoss):
    """A unit missing costs `ratio` times one left over."""

    ratio: Annotated[float, sl.Interval(0, inf)] = 3.0
    convex: ClassVar[bool] = True
    smooth: ClassVar[bool] = False

    def value(self, y, z):
        return self.ratio * (y - z) if y > z else z - y

    def grad_hess(self, y, z):
        return (-self.ratio if y > z else 1.0), 0.0


X, y = load_diabetes(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)
X_fit, X_val, y_fit, y_val = train_test_split(X_train, y_train, test_size=0.25, random_state=0)
loss = Newsvendor()

# %%
# The same loss is minimised, stops the fit and is reported.
boosters = {
    "LightGBM": LGBMRegressor(
        n_estimators=300, learning_rate=0.05, num_leaves=7, n_jobs=1, verbose=-1
    ),
    "XGBoost": XGBRegressor(n_estimators=300, learning_rate=0.05, max_depth=3, n_jobs=1),
    "CatBoost": CatBoostRegressor(
        iterations=300, learning_rate=0.05, depth=3, thread_count=1, verbose=0,
        allow_writing_files=False, random_seed=0,
    ),
    "scikit-learn": HistGradientBoostingRegressor(
        max_iter=300, learning_rate=0.05, max_leaf_nodes=7
    ),
}  # fmt: skip
constant = loss(y_test, np.full(len(y_test), loss.init_raw(y_train)))
costs = {"a constant": constant}
for name, booster in boosters.items():
    model = sl.LossBoostingRegressor(booster, loss).fit(X_fit, y_fit, X_val=X_val, y_val=y_val)
    costs[name] = loss(y_test, model.predict(X_test))
    print(f"{name:<13}{model.n_iter_:>4} trees, cost {costs[name]:6.2f} of {constant:.2f}")

# %%
# Several quantiles from one call; they never cross.
bands = sl.LossBoostingRegressor(boosters["LightGBM"], sl.MultiQuantile((0.1, 0.5, 0.9)))
bands.fit(X_fit, y_fit, X_val=X_val, y_val=y_val)
low, middle, high = bands.predict(X_test).T
inside = sl.metrics.coverage_score(y_test, low, high)
print(f"between the quantiles 0.1 and 0.9: {inside:.0%} of test patients")

# %%
# Parameters of the loss and of the booster, in one search.
data = load_wine()
rng = np.random.default_rng(0)
kept = (data.target != 2) | (rng.random(data.target.size) < 0.3)
wine, grower = data.data[kept], data.target_names[data.target[kept]]
search = GridSearchCV(
    sl.LossBoostingClassifier(
        LGBMClassifier(n_estimators=30, min_child_samples=5, n_jobs=1, verbose=-1),
        sl.CategoricalFocal(),
    ),
    {"loss__gamma": [0.0, 2.0], "estimator__num_leaves": [3, 7]},
    scoring="balanced_accuracy",
).fit(wine, grower)
print(search.best_params_, f"balanced accuracy {search.best_score_:.3f}")

# %%
# scikit-learn's tools see one estimator: its scorer is the loss.
scores = cross_val_score(
    sl.LossBoostingRegressor(boosters["scikit-learn"].set_params(max_iter=60), loss),
    X, y, scoring=loss.scorer(),
)  # fmt: skip
print(f"five folds: {-scores.mean():.2f} ± {scores.std():.2f}")
