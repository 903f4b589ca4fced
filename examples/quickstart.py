"""
Quickstart
==========

The demo of ``python -m sklosses demo``: quantile intervals, robust regression and three
classification losses on data that ships with scikit-learn, each tuned by ``GridSearchCV`` with a
loss as scorer, and compared with scikit-learn's nearest equivalent on the same folds. Its code is
in ``sklosses/_demo.py``; what it does in each part comes down to this.
"""

from sklearn.datasets import load_diabetes
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklosses as sl
from sklosses._demo import demo

X, y = load_diabetes(return_X_y=True)
search = GridSearchCV(
    make_pipeline(StandardScaler(), sl.LossRegressor(loss=sl.Huber())),
    {"lossregressor__loss__delta": [10.0, 30.0, 90.0]},  # the loss's own parameter
    scoring=sl.AbsoluteError().scorer(),  # another loss as scorer
).fit(X, y)
print(f"best: {search.best_estimator_[-1].loss}, mean absolute error {-search.best_score_:.1f}\n")

# %%
# The whole demo. It also saves a picture of the losses in the working directory.

table = demo()
