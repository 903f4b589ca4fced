"""
Coins and their outlines
========================

A photograph of coins, cut into tiles: a linear model of what is around each pixel learns from half
of the tiles to find coins in the others. A third of the pixels are coins, and any loss will do.
Their outlines are one pixel in twenty, and there it matters what is minimised: cross-entropy counts
pixels, of which nearly all are none, `Dice` the overlap with what is to be found.

The masks are those of scikit-image's own tutorial: a watershed from what is certainly coin and
certainly ground.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy import ndimage
from skimage import data, filters, segmentation

import sklosses as sl

coins = data.coins()
markers = np.where(coins < 30, 1, np.where(coins > 150, 2, 0))
watershed = segmentation.watershed(filters.sobel(coins), markers)
masks = {"coins": ndimage.binary_fill_holes(watershed == 2)}
masks["outlines"] = segmentation.find_boundaries(masks["coins"])


def tiles(image, rows=4, columns=4):
    """Return the tiles of an image, those of the white squares of a chessboard first."""
    parts = [np.array_split(strip, columns, axis=1) for strip in np.array_split(image, rows)]
    places = sorted(np.ndindex(rows, columns), key=lambda place: sum(place) % 2)
    return [parts[i][j] for i, j in places]


images = tiles(coins)
train, test = slice(0, 8), slice(8, 16)

# %%
# One model a loss. Each tile is a group: the loss is the mean over tiles, and so is the score, the
# intersection over union (IoU) on tiles that were not seen.

models, iou = {}, pd.DataFrame()
for target, mask in masks.items():
    truth = tiles(mask)
    for name, loss in {
        "cross-entropy": sl.BinaryCrossEntropy(),
        "Dice": sl.Dice(),
        "Dice + cross-entropy": sl.Dice() + sl.BinaryCrossEntropy(),
        "Jaccard": sl.Jaccard(),
    }.items():
        model = sl.LossSegmenter(loss).fit(images[train], truth[train])
        iou.loc[name, target] = model.score(images[test], truth[test])
        models[target, name] = model

# %%
# Is it only the threshold? A probability of ½ is no good one for what is rare. The best threshold
# of cross-entropy, as the training tiles tell, gets a part of the way.


def iou_at(threshold, model, images, truth):
    shown = [p[..., 1] > threshold for p in model.predict_proba(images)]
    pairs = zip(truth, shown, strict=True)
    return np.mean([sl.metrics.iou_score(mask, found) for mask, found in pairs])


thresholds = np.linspace(0.05, 0.95, 19)
for target, mask in masks.items():
    model, truth = models[target, "cross-entropy"], tiles(mask)
    seen = [iou_at(t, model, images[train], truth[train]) for t in thresholds]
    best = thresholds[np.argmax(seen)]
    iou.loc["cross-entropy, best threshold", target] = iou_at(
        best, model, images[test], truth[test]
    )
print(f"foreground: coins {masks['coins'].mean():.0%}, outlines {masks['outlines'].mean():.0%}")
print(iou.round(3).to_string())

# %%
# Outlines in three unseen tiles: right in green, missed in red, wrongly found in blue.

fig, axes = plt.subplots(2, 3, figsize=(7, 5), layout="constrained")
for row, name in zip(axes, ["cross-entropy", "Dice"], strict=True):
    shown = zip(row, images[test][2:5], tiles(masks["outlines"])[test][2:5], strict=True)
    for axis, image, mask in shown:
        found = models["outlines", name].predict([image])[0]
        overlay = np.repeat(image[..., None] / 255, 3, axis=2)
        overlay[mask & found] = 0.1, 0.8, 0.2
        overlay[mask & ~found] = 0.9, 0.1, 0.1
        overlay[~mask & found] = 0.2, 0.4, 1.0
        axis.imshow(overlay)
        axis.set(xticks=[], yticks=[])
    row[0].set_ylabel(name)
plt.show()
