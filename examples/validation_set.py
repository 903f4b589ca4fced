"""
Early stopping on your own validation set
=========================================

Inside a pipeline a validation set has to pass through the same transformers as the training data.
scikit-learn's metadata routing takes care of it.
"""

import sklearn
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

import sklosses as sl

X, y = load_diabetes(return_X_y=True)
X_train, X_val, y_train, y_val = train_test_split(X, y, random_state=0)

# sphinx-start: pipeline
with sklearn.config_context(enable_metadata_routing=True):
    model = Pipeline(
        [("scale", StandardScaler()), ("fit", sl.LossRegressor(loss=sl.Huber(delta=30.0)))],
        transform_input=["X_val"],
    )
    model.fit(X_train, y_train, X_val=X_val, y_val=y_val)
# sphinx-end: pipeline

# %%
# The score is the negated loss on the validation set; the best iteration is the one that is kept.

best = max(model[-1].validation_scores_)
print(f"{model[-1].n_iter_} iterations, validation loss {-best:.1f}")
kept = sl.Huber(delta=30.0)(y_val, model.predict(X_val))
print(f"loss of the kept model on the validation set: {kept:.1f}")
