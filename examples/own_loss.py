"""
Your own loss in ten lines
==========================

A loss is a class with two scalar functions in plain Python. Nothing is registered: the class is a
metric, a scorer, the objective of an estimator and the subject of the contract test at once.
"""

from math import inf
from typing import Annotated, ClassVar

from sklearn.datasets import load_diabetes
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklosses as sl
from sklosses.plot import LossDisplay


# sphinx-start: class
class Asymmetric(sl.PointwiseLoss):
    """Squared error that charges `ratio` times more for under-prediction."""

    ratio: Annotated[float, sl.Interval(0, inf)] = 2.0
    convex: ClassVar = True

    def value(self, y, z):  # one term: target y, prediction z
        return (z - y) ** 2 if z > y else self.ratio * (z - y) ** 2

    def grad_hess(self, y, z):  # first and second derivative in z
        weight = 1.0 if z > y else self.ratio
        return 2.0 * weight * (z - y), 2.0 * weight


# sphinx-end: class

# %%
# As a metric: the mean over rows, weighted if you like.

# sphinx-start: metric
loss = Asymmetric(ratio=3.0)
print(loss([1.0, 2.0], [2.0, 1.0]))  # (1 + 3) / 2
# sphinx-end: metric

# %%
# Certified: derivatives against finite differences, weights, extremes, float32, pickle and more.

# sphinx-start: certify
report = sl.certify(loss)
report.raise_if_failed()
print(report)
# sphinx-end: certify

# %%
# As objective and scorer, with its parameter in the grid. Both sides use the same formula.

# sphinx-start: estimator
X, y = load_diabetes(return_X_y=True)
search = GridSearchCV(
    make_pipeline(StandardScaler(), sl.LossRegressor(loss=Asymmetric())),
    {"lossregressor__loss__ratio": [1.0, 3.0, 10.0]},
    scoring=loss.scorer(),
).fit(X, y)
print(search.best_estimator_[-1].loss, f"{-search.best_score_:.0f}")
# sphinx-end: estimator

# %%
# And as a picture.

# sphinx-start: plot
display = LossDisplay.from_loss(loss)
# sphinx-end: plot
