"""Losses of masks: speed against PyTorch's autograd, and what they are worth on real images."""

from __future__ import annotations

import warnings
from functools import partial

import numpy as np

import sklosses as sl
from sklosses.metrics import iou_score

from .harness import medians, table, torch_or_none

IMAGES, SIDE, CLASSES = 16, 256, 5
SMOOTH = 1.0
TILES = 4  # a side


def run():
    speed()
    segmentation()


# ------------------------------------------------------------------ speed


def speed():
    print(
        f"Values and gradients of {IMAGES} images of {SIDE} × {SIDE} pixels, and of as many of "
        f"half the side in {CLASSES} classes; one thread. PyTorch: autograd of the textbook "
        "formula on images as rows of a matrix.\n"
    )
    torch = torch_or_none()
    rows = [
        (name, np.dtype(dtype).name, *_times(torch, name, dtype))
        for dtype in (np.float64, np.float32)
        for name in ("Dice", "Jaccard", "LovaszHinge", "Dice of classes")
    ]
    headings = "values and gradient, ms", "gradient and surrogate, ms", "PyTorch, ms", "×"
    table(("loss", "", *headings), rows)


def _times(torch, name, dtype):
    rng = np.random.default_rng(0)
    k, side = (CLASSES, SIDE // 2) if "classes" in name else (1, SIDE)
    n = IMAGES * side**2
    y = rng.integers(0, k, n) if k > 1 else (rng.uniform(size=n) < 0.1).astype(dtype)
    z = rng.normal(size=(n, k) if k > 1 else n).astype(dtype)
    loss, qid = getattr(sl, name.partition(" ")[0])(), np.repeat(np.arange(IMAGES), side**2)
    functions = {
        "ours": partial(loss.values_gradient, y, z, qid=qid),
        "boosters": partial(loss.gradient_hessian, y, z, qid=qid, psd=True),
    }
    if torch is not None:
        functions["torch"] = _autograd(torch, name, y, z, k)
    times = medians(functions)
    milliseconds = [times[key] * 1e3 for key in ("ours", "boosters")]
    if torch is None:
        return *milliseconds, "-", "-"
    return *milliseconds, times["torch"] * 1e3, times["torch"] / times["ours"]


def _autograd(torch, name, y, z, k):
    scores, targets = torch.tensor(z).reshape(IMAGES, -1, k), torch.tensor(y).reshape(IMAGES, -1)
    if k > 1:
        one_hot = torch.nn.functional.one_hot(targets, k).to(scores.dtype)
    else:
        one_hot = targets[..., None]

    def overlap(raw):
        p = torch.softmax(raw, 2) if k > 1 else torch.sigmoid(raw)
        both, total = (p * one_hot).sum(1), p.sum(1) + one_hot.sum(1)
        if name == "Jaccard":
            return (1 - (both + SMOOTH) / (total - both + SMOOTH)).mean(1)
        return (1 - (2 * both + SMOOTH) / (total + SMOOTH)).mean(1)

    def lovasz(raw):  # the authors' code, all images at once
        labels = one_hot[..., 0]
        errors, order = torch.sort(1 - raw[..., 0] * (2 * labels - 1), descending=True)
        labels = labels.gather(1, order)
        total = labels.sum(1, keepdim=True)
        jaccard = 1 - (total - labels.cumsum(1)) / (total + (1 - labels).cumsum(1))
        steps = torch.cat((jaccard[:, :1], jaccard[:, 1:] - jaccard[:, :-1]), 1)
        return (torch.relu(errors) * steps).sum(1)

    formula = lovasz if name == "LovaszHinge" else overlap

    def derivatives():
        raw = scores.clone().requires_grad_()
        torch.autograd.grad(formula(raw).sum(), raw)

    return derivatives


# ------------------------------------------------------------------ real images


def segmentation():
    try:
        import skimage  # noqa: F401
    except ImportError:
        print("scikit-image is not installed.\n")
        return
    print(
        "IoU on unseen tiles (a chessboard of 16) of linear models of pixel features, on images of "
        "scikit-image with masks by its recipes. The fourth column is cross-entropy at the "
        "threshold that is best on the training tiles.\n"
    )
    kinds = {
        "all": sl.PixelFeatures(),
        "brightness": sl.PixelFeatures(sigmas=(2.0, 8.0), edges=False, texture=False),
    }
    rows = []
    for name, (image, mask) in _scenes().items():
        for kind, features in kinds.items():
            found = _scores(image, mask, features)
            rows.append((name, f"{mask.mean():.1%}", kind, *(f"{score:.3f}" for score in found)))
    losses = "cross-entropy", "best threshold", "Dice", "Jaccard", "Dice + cross-entropy"
    table(("image", "foreground", "features", *losses), rows)


def _scenes():
    from scipy import ndimage
    from skimage import color, data, filters, morphology
    from skimage import segmentation as recipes

    coins = data.coins()
    markers = np.where(coins < 30, 1, np.where(coins > 150, 2, 0))
    mask = ndimage.binary_fill_holes(recipes.watershed(filters.sobel(coins), markers) == 2)
    retina = data.retina()[300:1100, 300:1100]
    vessels = filters.sato(retina[..., 1] / 255.0, sigmas=[3, 5], black_ridges=True)
    hubble = data.hubble_deep_field()[:600, :600]
    light = color.rgb2gray(hubble)
    stars = light > filters.threshold_otsu(filters.gaussian(light, 1))
    spots, page = data.microaneurysms(), data.page()
    return {
        "coins": (coins, mask),
        "coins, outlines": (coins, recipes.find_boundaries(mask)),
        "retina, vessels": (retina[::2, ::2], (vessels > np.percentile(vessels, 92))[::2, ::2]),
        "microaneurysms": (spots, spots < filters.threshold_local(spots, 31, offset=10)),
        "hubble, galaxies": (hubble, morphology.remove_small_objects(stars, max_size=20)),
        "page, text": (page, page < filters.threshold_local(page, 35, offset=10)),
    }


def _scores(image, mask, features):
    images, masks = _tiles(image), _tiles(mask)
    half = TILES**2 // 2
    train, test = (images[:half], masks[:half]), (images[half:], masks[half:])
    losses = sl.BinaryCrossEntropy(), sl.Dice(), sl.Jaccard(), sl.Dice() + sl.BinaryCrossEntropy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        models = [sl.LossSegmenter(loss, features=features).fit(*train) for loss in losses]
    entropy, *others = models
    thresholds = np.linspace(0.05, 0.95, 37)
    best = thresholds[np.argmax([_iou_at(entropy, *train, t) for t in thresholds])]
    scores = [model.score(*test) for model in others]
    return entropy.score(*test), _iou_at(entropy, *test, best), *scores


def _iou_at(model, images, masks, threshold):
    found = [p[..., 1] > threshold for p in model.predict_proba(images)]
    return np.mean([iou_score(a, b) for a, b in zip(masks, found, strict=True)])


def _tiles(image):
    parts = [np.array_split(strip, TILES, axis=1) for strip in np.array_split(image, TILES)]
    places = [
        (i, j) for c in (0, 1) for i in range(TILES) for j in range(TILES) if (i + j) % 2 == c
    ]
    return [parts[i][j] for i, j in places]
