"""
Prediction intervals from two quantile fits
===========================================

A 90 % interval is two quantile regressions: one for the 5 % and one for the 95 % quantile. How
often it covers is checked on patients that neither fit has seen.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import KFold, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklosses as sl

X, y = load_diabetes(return_X_y=True)
folds = KFold(5, shuffle=True, random_state=0)


def quantile_regression(quantile):
    loss = sl.Pinball(quantile=quantile)
    model = sl.LossRegressor(loss=loss, random_state=0)
    return make_pipeline(StandardScaler(), model)


# %%
# Held-out predictions of both quantiles, the coverage of the interval between them, and the pinball
# loss of each: the loss itself is the scorer.

lower, upper = (cross_val_predict(quantile_regression(q), X, y, cv=folds) for q in (0.05, 0.95))
coverage = np.mean((lower <= y) & (y <= upper))
print(f"coverage {coverage:.1%} (90% wanted), mean width {np.mean(upper - lower):.0f}")

for quantile in (0.05, 0.95):
    scorer = sl.Pinball(quantile=quantile).scorer()
    scores = -cross_val_score(quantile_regression(quantile), X, y, cv=folds, scoring=scorer)
    constant = sl.Pinball(quantile=quantile)(y, np.full_like(y, np.quantile(y, quantile)))
    print(f"pinball loss at {quantile:.0%}: {scores.mean():.2f}, of a constant {constant:.2f}")

# %%
# Patients ordered by the middle of their interval.

order = np.argsort(lower + upper)
fig, ax = plt.subplots(figsize=(8, 4), layout="constrained")
ax.fill_between(range(y.size), lower[order], upper[order], alpha=0.3, label="90% interval")
ax.plot(y[order], ".", markersize=3, color="black", label="target")
ax.set(xlabel="patient", ylabel="disease progression", title=f"Coverage {coverage:.1%}")
ax.legend()
plt.show()
