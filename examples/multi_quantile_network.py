"""
Quantiles that never cross, from one network
============================================

One fit gives three quantiles, monotone by construction. A small network with early stopping is
compared with the linear model and with three separate quantile fits.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import KFold, cross_val_predict

import sklosses as sl

X, y = load_diabetes(return_X_y=True)
folds = KFold(5, shuffle=True, random_state=0)
levels = (0.05, 0.5, 0.95)
loss = sl.MultiQuantile(levels)

# %%
# Held-out quantiles of each model: in how many rows they cross, how many targets the 90 % band
# covers, and the loss itself, which is half the weighted interval score.

models = {
    "linear": sl.LossRegressor(loss, alpha=1e-6, random_state=0),
    "network": sl.LossRegressor(
        loss, hidden_layer_sizes=(32,), alpha=1e-3, early_stopping=True, random_state=0
    ),
}
predicted = {name: cross_val_predict(model, X, y, cv=folds) for name, model in models.items()}
separate = [sl.LossRegressor(sl.Pinball(q), alpha=1e-6, random_state=0) for q in levels]
predicted["three fits"] = np.column_stack(
    [cross_val_predict(model, X, y, cv=folds) for model in separate]
)

results = {}
for name, quantiles in predicted.items():
    lower, upper = quantiles[:, 0], quantiles[:, -1]
    results[name] = {
        "crossing rows": int((np.diff(quantiles, axis=1) < 0).any(axis=1).sum()),
        "coverage": sl.metrics.coverage_score(y, lower, upper),
        "loss": loss(y, quantiles),
        "WIS": sl.metrics.weighted_interval_score(y, quantiles, levels=levels),
    }
    print(name, {key: round(value, 3) for key, value in results[name].items()})

# %%
# Are the quantiles what they claim to be?

fig, ax = plt.subplots(layout="constrained")
for name, quantiles in predicted.items():
    sl.QuantileCalibrationDisplay.from_predictions(y, quantiles, levels=levels, name=name, ax=ax)
plt.show()
