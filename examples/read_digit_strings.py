"""
Read strings of handwritten digits
==================================

A picture of several digits is a sequence of columns of pixels; what it says is a sequence of
labels. Where one digit ends and the next begins nobody has marked: connectionist temporal
classification sums over all the ways to align them. `LossSequenceLabeler` learns with it, and is
tested on strings none of whose digits it has seen.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split

import sklosses as sl

X, digit = load_digits(return_X_y=True)
images = X.reshape(-1, 8, 8).astype(np.float32)
train, test = train_test_split(np.arange(len(X)), test_size=0.3, stratify=digit, random_state=0)


# sphinx-start: strings
def strings(pool, count, rng):
    """Return pictures of three to eight digits of a pool, as lists of columns, and their text."""
    chosen = [rng.choice(pool, rng.integers(3, 9)) for _ in range(count)]
    frames = [np.concatenate([image.T for image in images[some]]) for some in chosen]
    return frames, ["".join(map(str, digit[some])) for some in chosen]


rng = np.random.default_rng(0)
frames, text = strings(train, 800, rng)
frames_test, text_test = strings(test, 500, rng)

model = sl.LossSequenceLabeler(
    context=4,  # columns on each side that are seen along with one
    hidden_layer_sizes=(64,),
    max_iter=20,
    tol=None,  # all 20 epochs
    random_state=0,
).fit(frames, text)
print(f"label error rate {1 - model.score(frames_test, text_test):.1%}")
# sphinx-end: strings

# %%
# A prefix beam search sums over alignments, where the greedy decoder takes the best one.

greedy = model.predict(frames_test)
beam = model.set_params(decoder="beam").predict(frames_test)
errors = {
    name: sl.metrics.label_error_rate(text_test, found)
    for name, found in (("greedy", greedy), ("beam", beam))
}
print({name: f"{error:.1%}" for name, error in errors.items()})

# %%
# Lists of sequences pass through scikit-learn's searches like any other data: how many columns
# have to be seen at once?

search = GridSearchCV(
    model.set_params(max_iter=5),
    {"context": [0, 2, 4]},
    scoring=sl.get_scorer("neg_label_error_rate"),
    cv=2,
    refit=False,
).fit(frames, text)
for params, score in zip(
    search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
):
    print(f"{params}: {-score:.1%}")

# %%
# Pictures, what was read, and the probabilities behind it: one peak a digit, the blank between.
# In red what was misread.

wrong = [i for i, found in enumerate(beam) if found != text_test[i]]
shown = [0, 1, 2, *wrong[:3]]
probabilities = model.predict_proba([frames_test[i] for i in shown])
fig, axes = plt.subplots(6, 2, figsize=(9, 7), layout="constrained")
for (picture, curve), i, p in zip(axes, shown, probabilities, strict=True):
    picture.imshow(frames_test[i].T, cmap="Greys", aspect="auto")
    found = beam[i]
    picture.set_title(
        found if found == text_test[i] else f"{found}, not {text_test[i]}",
        color="black" if found == text_test[i] else "tab:red",
    )
    picture.set(xticks=[], yticks=[])
    curve.plot(p[:, 0], color="0.8")
    for column, label in enumerate(model.classes_, start=1):
        own = p[:, column]
        curve.plot(own, color=f"C{label}")
        peaks = (own > 0.3) & (own > np.roll(own, 1)) & (own >= np.roll(own, -1))
        for t in np.flatnonzero(peaks):
            curve.text(t, 1.1, label, color=f"C{label}", ha="center")
    curve.set(xlim=(0, len(p) - 1), ylim=(0, 1.4), xticks=[], yticks=[0, 1])
plt.show()
