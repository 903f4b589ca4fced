"""`LossClassifier`: classification with any loss of classes, linear or with hidden layers."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from sklearn.callback import with_callbacks

from ._arrays.groups import Groups
from ._bases.loss import Loss
from ._fit.data import ByGroup, Data
from ._fit.estimator import LossEstimator
from ._fit.responses import ClassifierOfLoss

FEW_OF_A_CLASS = 16  # rows that a batch should hold at least, where a batch is a group


class LossClassifier(ClassifierOfLoss, LossEstimator):
    """Classification, linear or with hidden layers, that minimises any loss of classes.

    Minimises ``sum(w * loss(y, f(X))) / sum(w) + alpha * penalty`` where f is linear, or a
    multilayer perceptron with `hidden_layer_sizes`. ``"log_loss"`` is binary or categorical
    cross-entropy by the number of classes, and so is `Brier`; other binary losses go one-vs-rest
    for three and more. Of overlap losses (`Dice`, …) it is the mean over groups, `qid`: soft-F1
    training for rare classes.

    Parameters
    ----------
    loss : str or Loss, default="log_loss"
        The loss, by name or as an object; an object's parameters can be searched for as
        ``loss__gamma`` and so on.
    <parameters>
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, multiplied with `sample_weight`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels; of two, the second is the positive one.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Coefficients of linear models: of the positive class, or of each.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Intercept.
    <attributes>

    See Also
    --------
    LossRegressor : The same for numbers.
    sklearn.linear_model.LogisticRegression : The optimum of one of the losses.

    Examples
    --------
    >>> import numpy as np
    >>> X, y = np.array([[-2.0], [-1.0], [1.0], [2.0]]), np.array(["no", "no", "yes", "yes"])
    >>> LossClassifier("focal").fit(X, y).predict([[3.0]])
    array(['yes'], dtype='<U3')
    """

    tasks: ClassVar[tuple] = (*ClassifierOfLoss.tasks, "overlap")

    loss: Annotated[str | Loss, (str, Loss)] = "log_loss"
    class_weight: Annotated[dict | str | None, ("balanced", dict, None)] = None

    __metadata_request__fit = {
        "sample_weight": True, "X_val": True, "y_val": True, "sample_weight_val": True,
        "qid": True, "qid_val": True,
    }  # fmt: skip
    __metadata_request__partial_fit = {"sample_weight": True, "qid": True}

    @with_callbacks
    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None, sample_weight_val=None,
            qid=None, qid_val=None):  # fmt: skip
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data; float32 and float64 are used as they are.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Class labels of any kind; or, for losses that take them, rows of class shares (soft
            labels), whose classes are the columns.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row; k is the same as the row k times.
        X_val, y_val, sample_weight_val : optional
            Data to validate on: early stopping is then on by default.
        qid, qid_val : array-like of shape (n_samples,), default=None
            The group of each row, of any type and in any order, for losses with a term a group
            (overlap losses); others ignore it. None: all rows are one group, or those of a batch.

        Returns
        -------
        self
        """
        if X_val is not None and y_val is not None:
            y_val = ByGroup(y_val, qid_val)
        return self._fit(X, ByGroup(y, qid), sample_weight, (X_val, y_val, sample_weight_val))

    def partial_fit(self, X, y, classes=None, sample_weight=None, qid=None):
        """Take one stochastic epoch over some rows, going on from the last call.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`; rows of a stream.
        classes : array-like of shape (n_classes,), default=None
            All labels there can be; required at the first call.
        qid : array-like of shape (n_samples,), default=None
            As in `fit`; whole groups of a stream.

        Returns
        -------
        self
        """
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight 'balanced' is not supported for partial_fit: the class frequencies "
                "of a stream are not known. Pass a dict of weights instead."
            )
        first = not hasattr(self, "n_iter_")
        if first:
            if classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            self.classes_ = self._check_classes(np.unique(classes))
        elif classes is not None and not np.array_equal(self.classes_, np.unique(classes)):
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call to partial_fit, was: "
                f"{self.classes_!r}"
            )
        return self._partial_fit(X, ByGroup(y, qid), sample_weight, first=first)

    def _check_data(self, X, y, sample_weight, *, reset, fitting=False):
        y, qid = (y.y, y.qid) if isinstance(y, ByGroup) else (y, None)
        data = super()._check_data(X, y, sample_weight, reset=reset, fitting=fitting)
        loss = self.loss_function_
        if not loss.groupwise:
            return data
        groups = Groups.of(qid, data.weight.size)
        weights = loss._weights(data.weight, groups, data.weight.dtype)
        rarest = np.bincount(data.y.astype(np.intp), minlength=self.classes_.size).min()
        least = FEW_OF_A_CLASS * data.weight.size // max(rarest, 1)
        whole = qid is not None
        return Data.by_group(data.X, data.y, groups, weights, whole=whole, least=least)

    def _stratify(self, y):
        y = getattr(y, "y", y)
        return y if y.ndim == 1 else y.argmax(axis=1)

    def _set_coefficients(self, coefs, intercepts, *, single):
        super()._set_coefficients(coefs, intercepts, single=False)
