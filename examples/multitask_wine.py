"""
Two tasks, one network
======================

The cultivar of a wine (a class) and its alcohol (a number) from the other twelve measurements: one
network with two heads against two networks. A third of the alcohol values is missing in training;
those rows still teach the other task.
"""

import numpy as np
import pandas as pd
from sklearn.datasets import load_wine
from sklearn.model_selection import StratifiedKFold

import sklosses as sl

data = load_wine(as_frame=True)
X = data.data.drop(columns="alcohol")
y = pd.DataFrame({"cultivar": data.target_names[data.target], "alcohol": data.data["alcohol"]})
options = {"hidden_layer_sizes": (64,), "early_stopping": True, "random_state": 0}
tasks = {"cultivar": sl.CategoricalCrossEntropy(), "alcohol": sl.SquaredError()}
folds = list(StratifiedKFold(5, shuffle=True, random_state=0).split(X, y["cultivar"]))

# %%
# Held-out accuracy and R² of joint models, by how the tasks are weighed, and of separate models.

scores = {}
for weighting in ("fixed", "uncertainty", "dynamic"):
    loss = sl.MultiTask(tasks, weighting=weighting)
    by_fold = []
    for train, test in folds:
        model = sl.MultiTaskEstimator(loss, **options).fit(X.iloc[train], y.iloc[train])
        by_fold.append(model.task_scores(X.iloc[test], y.iloc[test]))
    scores[weighting] = pd.DataFrame(by_fold).mean()
    weights = {name: round(weight, 2) for name, weight in model.task_weights_.items()}
    print(f"{weighting}: weights of the last fold {weights}")

by_fold = []
for train, test in folds:
    classifier = sl.LossClassifier(**options).fit(X.iloc[train], y["cultivar"].iloc[train])
    regressor = sl.LossRegressor(**options).fit(X.iloc[train], y["alcohol"].iloc[train])
    by_fold.append(
        {
            "cultivar": classifier.score(X.iloc[test], y["cultivar"].iloc[test]),
            "alcohol": regressor.score(X.iloc[test], y["alcohol"].iloc[test]),
        }
    )
scores["separate"] = pd.DataFrame(by_fold).mean()
table = pd.DataFrame(scores).T
print(table.round(3))

# %%
# Missing targets are masked, a task at a time.

gaps = y.copy()
gaps.loc[gaps.index[::3], "alcohol"] = np.nan
masked = sl.MultiTaskEstimator(sl.MultiTask(tasks), **options).fit(X, gaps)
print(masked.predict(X).head(3))
