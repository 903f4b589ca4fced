"""
A network with the loss of your choice
======================================

Hidden layers, any loss, early stopping that keeps the best weights, and progress that callbacks of
scikit-learn can watch: handwritten digits.
"""

import matplotlib.pyplot as plt
from sklearn.callback import ScoringMonitor
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import sklosses as sl

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=0)

# %%
# The same network with four losses. The columns need no scaling.

accuracy = {}
for loss in ("log_loss", "categorical_focal", "jensen_shannon", "multiclass_hinge"):
    model = sl.LossClassifier(loss, hidden_layer_sizes=(64,), early_stopping=True, random_state=0)
    accuracy[loss] = model.fit(X_train, y_train).score(X_test, y_test)
    print(f"{loss:18} {accuracy[loss]:.2%} after {model.n_iter_} epochs")

# %%
# A callback scores every epoch; it could stop the fit as well.

monitor = ScoringMonitor(scoring="accuracy")
model = sl.LossClassifier(hidden_layer_sizes=(64,), max_iter=20, tol=None, random_state=0)
model.set_callbacks(monitor).fit(X_train, y_train)
log = monitor.get_logs(select="most_recent").data_as_pandas
epochs = log[log["task_name"] == "iteration"]
print(epochs[["task_id", "accuracy"]].tail(3).to_string(index=False))

# %%
# Training and validation loss by epoch.

model = sl.LossClassifier(hidden_layer_sizes=(64,), early_stopping=True, random_state=0)
model.fit(X_train, y_train)
sl.TrainingCurveDisplay.from_estimator(model)
plt.yscale("log")
plt.show()
