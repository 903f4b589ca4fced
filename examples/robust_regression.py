"""
Robust regression
=================

Disease progression against body-mass index, after a tenth of the training targets has slipped a
decimal point. Squared error follows the slips; Huber bounds their pull; Tukey ignores them.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklosses as sl

X, y = load_diabetes(return_X_y=True)
bmi = X[:, [2]]
X_train, X_test, y_train, y_test = train_test_split(bmi, y, random_state=0)

rng = np.random.default_rng(0)
wrong = rng.choice(y_train.size, y_train.size // 10, replace=False)
recorded = y_train.copy()
recorded[wrong] *= 10

# %%
# The scale of a loss is in units of the target, here about one standard deviation of honest errors.
# Tukey's loss is not convex: compare its fit with Huber's before trusting it.

losses = [sl.SquaredError(), sl.Huber(delta=50.0), sl.Tukey(c=250.0)]
errors, fits = {}, {}
for loss in losses:
    model = make_pipeline(StandardScaler(), sl.LossRegressor(loss=loss)).fit(X_train, recorded)
    fits[repr(loss)] = model
    errors[repr(loss)] = sl.AbsoluteError()(y_test, model.predict(X_test))
    print(f"{loss!r:20} mean absolute error on clean test data: {errors[repr(loss)]:5.1f}")

# %%

fig, ax = plt.subplots(layout="constrained")
ax.plot(X_train, y_train, ".", color="0.7", label="training targets before the slips")
line = np.linspace(bmi.min(), bmi.max(), 2)[:, None]
for name, model in fits.items():
    ax.plot(line, model.predict(line), label=name)
ax.set(xlabel="body-mass index (standardised)", ylabel="disease progression")
ax.legend()
plt.show()
