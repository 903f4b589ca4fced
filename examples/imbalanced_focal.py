"""
Focal loss on an imbalanced problem
===================================

Is this digit an 8? One image in ten is. Focal loss turns down the many easy negatives; whether that
helps is a question for cross-validation, with the loss's own parameter in the grid.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import average_precision_score, make_scorer
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklosses as sl
from sklosses.plot import LossDisplay

X, digit = load_digits(return_X_y=True)
y = np.where(digit == 8, "eight", "other")
print(f"{np.mean(y == 'eight'):.1%} of {y.size} images are eights")

# %%
# gamma = 0 is cross-entropy. Average precision says how well eights are ranked before the rest, the
# Brier score how good the probabilities are: focal loss is not made for those. Labels are strings;
# the scorer of a loss encodes them, and ``pos_label`` says which one is 1.

model = make_pipeline(StandardScaler(), sl.LossClassifier(loss=sl.Focal(), alpha=1e-2))
gammas = [0.0, 1.0, 2.0, 4.0]
scorers = {
    "average precision": make_scorer(
        average_precision_score, response_method="predict_proba", pos_label="eight"
    ),
    "negative Brier score": sl.Brier().scorer(pos_label="eight"),
}
searches = {}
for name, scorer in scorers.items():
    search = GridSearchCV(
        model,
        {"lossclassifier__loss__gamma": gammas},
        scoring=scorer,
        cv=StratifiedKFold(5, shuffle=True, random_state=0),
    )
    searches[name] = search.fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    shown = ", ".join(f"{score:.4f}" for score in scores)
    print(f"{name:20} at gamma = 0, 1, 2, 4: {shown}; best {search.best_estimator_[-1].loss}")

# %%
# Here focal loss ranks a little better, by less than folds differ, and costs calibration. What
# gamma does: the larger it is, the less a well classified row weighs, right of 0 for y = 1.

fig, ax = plt.subplots(layout="constrained")
for gamma in (0.0, 1.0, 4.0):
    display = LossDisplay.from_loss(sl.Focal(gamma=gamma), y_true=1, derivatives=False, ax=ax)
    display.lines_[0].set(label=f"gamma = {gamma:g}", color=f"C{int(gamma)}")
ax.set_title("Focal loss of a positive")
ax.legend()
plt.show()
