"""
What has the model never seen?
==============================

A variational autoencoder learns what handwritten digits look like, and how usual an image is: the
evidence lower bound of a row. Here one digit is left out of the training data, and images with
wrong pixels are mixed in; both should look unusual.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

import sklosses as sl

X, y = load_digits(return_X_y=True)
X /= 16
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)

# %%
# The reconstruction may be any pointwise loss. Squared errors fit grey values, and a small `beta`
# lets the code say more, so that usual images are reconstructed well.

loss = sl.ELBO("squared_error", beta=0.1)
models = {
    "autoencoder": sl.VariationalAutoencoder(loss, random_state=0),
    "PCA": PCA(20, random_state=0),
    "isolation forest": IsolationForest(random_state=0),
}


def auc(model, usual, unusual):
    """Return how well the scores of a model separate two sets of images."""
    scores = np.concatenate([model.score_samples(usual), model.score_samples(unusual)])
    return roc_auc_score(np.r_[np.ones(len(usual)), np.zeros(len(unusual))], scores)


# %%
# Digits that were left out.

left_out = {}
for digit in (0, 8):
    for name, model in models.items():
        model.fit(X_train[y_train != digit])
        left_out[name, digit] = auc(model, X_test[y_test != digit], X[y == digit])
    scores = ", ".join([f"{name} {left_out[name, digit]:.3f}" for name in models])
    print(f"ROC AUC without {digit}: {scores}")

# %%
# Images with wrong pixels: in one of twenty, chance has replaced the grey value.

rng = np.random.default_rng(0)
noisy = np.where(rng.random(X_test.shape) < 0.05, rng.random(X_test.shape), X_test)
corrupted = {name: auc(model.fit(X_train), X_test, noisy) for name, model in models.items()}
print(f"ROC AUC of wrong pixels: {', '.join(f'{n} {a:.3f}' for n, a in corrupted.items())}")

# %%
# The least usual images of the test data, what the model makes of them, and some that it dreams up.

model = models["autoencoder"]
rare = X_test[np.argsort(model.score_samples(X_test))[:12]]
rows = {
    "rare": rare,
    "reconstructed": model.inverse_transform(model.transform(rare)),
    "sampled": model.sample(12),
}
fig, axes = plt.subplots(3, 12, figsize=(8, 2.4), layout="constrained")
for row, (name, images) in zip(axes, rows.items(), strict=True):
    for axis, image in zip(row, images, strict=True):
        axis.imshow(image.reshape(8, 8), cmap="Greys", vmin=0, vmax=1)
        axis.set(xticks=[], yticks=[])
    row[0].set_ylabel(name, rotation=0, ha="right", va="center")
plt.show()
