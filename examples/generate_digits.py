"""
Digits that nobody wrote
========================

A generator and a critic learn from each other what handwritten digits look like. With the
Wasserstein loss all digits appear; with the usual loss the generator may settle on a few.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import SVC

import sklosses as sl

X, y = load_digits(return_X_y=True)

# %%
# Both games. `coverage_` is the share of images near which a sample lies; a fit that reaches few
# warns, and says what helps.

models, messages = {}, {}
for loss in ("wasserstein", "non_saturating"):
    model = sl.GenerativeAdversarialNetwork(loss, max_iter=3000, random_state=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        models[loss] = model.fit(X)
    messages[loss] = [str(warning.message) for warning in caught]
    print(f"{loss}: coverage {model.coverage_:.0%}", *messages[loss])

# %%
# A classifier of real digits reads the samples: how often does each digit occur?

judge = SVC().fit(X, y)
counts = {
    loss: np.bincount(judge.predict(model.sample(1000)), minlength=10)
    for loss, model in models.items()
}
for loss, found in counts.items():
    print(f"{loss:15}", *found)

# %%
# Samples, the data, and the critic's estimate of the distance between the two.

fig = plt.figure(figsize=(8, 5), layout="constrained")
above, below = fig.subfigures(2, 1, height_ratios=[3, 2])
axes = above.subplots(3, 14)
shown = {loss: model.sample(14) for loss, model in models.items()} | {"data": X[:14]}
for row, (name, images) in zip(axes, shown.items(), strict=True):
    for axis, image in zip(row, images, strict=True):
        axis.imshow(image.reshape(8, 8), cmap="Greys", vmin=0, vmax=16)
        axis.set(xticks=[], yticks=[])
    row[0].set_ylabel(name.replace("_", " "), rotation=0, ha="right", va="center")
axis = below.subplots()
steps = 100 * np.arange(1, 1 + len(models["wasserstein"].critic_curve_))
axis.plot(steps, -np.array(models["wasserstein"].critic_curve_))
axis.set(xlabel="steps of the generator", ylabel="estimated distance")
plt.show()
