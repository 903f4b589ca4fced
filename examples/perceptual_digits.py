"""
Super-resolution that keeps digits readable
===========================================

From images of 4×4 pixels to those of 8×8: squared error alone gives the mean of all images that the
pixels allow, which is blurred. A perceptual term asks that a fitted network sees in it what it sees
in the original. Do others read it better as well?
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

import sklosses as sl

X, y = load_digits(return_X_y=True)
X /= 16
small = X.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(-1, 16)

# %%
# Judges have learned from real images of the training half, and know nothing of the network of the
# loss: another network (of other layers, another activation, another seed), and two that are none.


def judges(seed):
    network = sl.LossClassifier(hidden_layer_sizes=(100,), random_state=100 + seed)
    return {"network": network, "SVC": SVC(C=10), "neighbours": KNeighborsClassifier(3)}


def compare(seed):
    """Return the accuracy of judges on images of the other half, and the images."""
    halves = train_test_split(X, small, y, test_size=0.5, stratify=y, random_state=seed)
    X_train, X_test, small_train, small_test, y_train, y_test = halves
    seen_by = sl.LossClassifier(
        hidden_layer_sizes=(100, 50), activation="tanh", random_state=seed
    ).fit(X_train, y_train)
    losses = {
        "squared error": sl.SquaredError(),
        "+ perceptual": sl.SquaredError() + 0.05 * sl.Perceptual(seen_by),
    }
    images = {"original": X_test}
    for name, loss in losses.items():
        restore = sl.LossRegressor(loss, hidden_layer_sizes=(64,), random_state=seed)
        images[name] = restore.fit(small_train, X_train).predict(small_test)
    readers = {name: judge.fit(X_train, y_train) for name, judge in judges(seed).items()}
    rows = {
        image: {name: judge.score(shown, y_test) for name, judge in readers.items()}
        | {"mean squared error": np.mean((shown - X_test) ** 2)}
        for image, shown in images.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index"), images, small_test


# %%
# The mean over three splits into halves.

results = [compare(seed) for seed in range(3)]
table = sum(accuracy for accuracy, *_ in results) / len(results)
print(table.round(4).to_string())
gain = [a.loc["+ perceptual", "network"] - a.loc["squared error", "network"] for a, *_ in results]
print("gain, as another network reads:", ", ".join(f"{g:+.1%}" for g in gain))

# %%
# Some of the images of the last split.

_, images, small_test = results[-1]
rows = {"4×4": small_test.reshape(-1, 4, 4)}
rows |= {name: shown.reshape(-1, 8, 8) for name, shown in images.items()}
figure, axes = plt.subplots(len(rows), 8, figsize=(8, 4.4))
for line, (name, shown) in zip(axes, rows.items(), strict=True):
    for axis, image in zip(line, shown, strict=False):
        axis.imshow(image, cmap="gray_r", vmin=0, vmax=1)
        axis.set_xticks([])
        axis.set_yticks([])
    line[0].set_ylabel(name, rotation=0, ha="right", va="center")
figure.tight_layout()
plt.show()
