"""
Maps of digits
==============

Sixty-four pixels become two numbers, so that images of the same digit are neighbours. A map is
judged by the five nearest neighbours of images it has not seen, and can be looked at.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

import sklosses as sl

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=0)


def accuracy(embedder, n_components):
    """Return how often the neighbours in a map are right; a map is a step of a pipeline."""
    embedder.set_params(n_components=n_components)
    model = make_pipeline(embedder, KNeighborsClassifier())
    return model.fit(X_train, y_train).score(X_test, y_test)


# %%
# Linear maps, and a network. A linear one is a learned metric, ``components_``.

maps = {
    "principal components": PCA(),
    "linear discriminants": LinearDiscriminantAnalysis(),
    "linear, triplets": sl.LossEmbedder("triplet", random_state=0),
    "network, triplets": sl.LossEmbedder("triplet", hidden_layer_sizes=(128, 64), random_state=0),
    "network, angles": sl.LossEmbedder(
        "supervised_contrastive", hidden_layer_sizes=(128, 64), random_state=0
    ),
}
scores = {name: accuracy(embedder, 2) for name, embedder in maps.items()}
for name, score in scores.items():
    print(f"{name:<22} {score:.3f}")

fig, axes = plt.subplots(1, 3, figsize=(10, 3.6), layout="constrained")
for ax, name in zip(axes, ["principal components", "linear, triplets", "network, triplets"],
                    strict=True):  # fmt: skip
    display = sl.EmbeddingDisplay.from_estimator(maps[name], X_test, y_test, ax=ax, s=4)
    ax.set_title(f"{name}: {scores[name]:.1%}")
    ax.get_legend().remove()
fig.legend(*display.ax_.get_legend_handles_labels(), loc="outside right center", fontsize="small")

# %%
# Without labels
# --------------
#
# In photographs a digit is not centred: let each image be moved by up to a pixel, either way. That
# is a lot for pixels, and nothing to a reader, and it is all that is told here: two moved and noisy
# views of an image are alike, those of all others are not. No label is seen.


# sphinx-start: augment
def moved(images, rng):
    """Move each image by up to a pixel, either way."""
    steps = rng.integers(-1, 2, (len(images), 2))
    pairs = zip(images.reshape(-1, 8, 8), steps, strict=True)
    return np.array([np.roll(image, step, (0, 1)).ravel() for image, step in pairs])


def seen_again(images, rng):
    """Return another view of each image."""
    return moved(images, rng) + 2.0 * rng.normal(size=images.shape)


rng = np.random.default_rng(0)
Z_train, Z_test = moved(X_train, rng), moved(X_test, rng)
embedder = sl.LossEmbedder(
    sl.NTXent(temperature=0.2), n_components=16, hidden_layer_sizes=(256, 128),
    augment=seen_again, max_iter=30, tol=None, random_state=0,
).fit(Z_train)  # fmt: skip
# sphinx-end: augment

# %%
# Five labelled images a digit then have to do; a mean over ten draws of them.


def accuracy_of_few(mapped, mapped_test):
    """Return how often the nearest of five labelled images a digit is right."""
    scores = []
    for seed in range(10):
        order = np.random.default_rng(seed).permutation(len(y_train))
        few = np.concatenate([order[y_train[order] == digit][:5] for digit in range(10)])
        model = KNeighborsClassifier(n_neighbors=1).fit(mapped[few], y_train[few])
        scores.append(model.score(mapped_test, y_test))
    return np.mean(scores)


few_labels = {
    "pixels": accuracy_of_few(Z_train, Z_test),
    "self-supervised": accuracy_of_few(embedder.transform(Z_train), embedder.transform(Z_test)),
}
for name, score in few_labels.items():
    print(f"{name:<22} {score:.3f}")
plt.show()
