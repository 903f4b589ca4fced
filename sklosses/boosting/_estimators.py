"""`LossBoostingRegressor`, `…Classifier`, `…Ranker`: the boosters of four libraries, any loss."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np

from .._arrays.inputs import DOUBLE, check_domain
from .._bases.loss import Loss
from .._fit.responses import ClassifierOfLoss, RankerOfLoss, RegressorOfLoss
from ._model import BoostedModel


class LossBoostingRegressor(RegressorOfLoss, BoostedModel):
    """Gradient boosting of numbers that minimises any loss, with the booster of your choice.

    The booster of LightGBM, XGBoost, CatBoost or scikit-learn grows the trees; the loss gives it
    gradients and curvatures, the constant to start from, and the metric to stop early by.
    `MultiQuantile` predicts all its quantiles, sorted unless they may cross; `GaussianNLL` a mean
    and, with ``predict(X, return_std=True)``, a standard deviation.

    Parameters
    ----------
    estimator : LGBM*, XGB*, CatBoost* or HistGradientBoosting*
        The booster, with its parameters; regressor or classifier does not matter. It is copied, not
        changed. Its objective and metric are replaced. Parameters can be searched for as
        ``estimator__num_leaves`` and so on.
    loss : str or Loss, default="squared_error"
        The loss, by name or as an object; an object's parameters can be searched for as
        ``loss__delta`` and so on.
    native : bool or "auto", default="auto"
        Whether to use the booster's own objective where it is the same loss. "auto": where it does
        something that no function can, such as setting leaves to medians for `AbsoluteError`; then
        it also starts where that starts. True raises if there is none. See ``objective_``.

    Attributes
    ----------
    estimator_ : estimator
        The fitted booster. Its own predictions are raw ones, without ``baseline_``.
    baseline_ : ndarray of shape (n_raw,)
        What is added to its raw predictions: the best constant, or 0 where they include it.
    objective_ : str or object
        What the booster minimised: the name of its own objective, or the loss as it was passed.
    loss_function_ : Loss
        The loss that was minimised; of quantiles that must not cross, that of quantiles that may,
        before they are sorted.
    n_iter_ : int
        Iterations that predictions use.
    validation_scores_ : list of float or None
        The negated loss on the validation data after each iteration.
    feature_importances_ : ndarray of shape (n_features,)
        Those of the booster, if it has them.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.

    See Also
    --------
    LossBoostingClassifier : The same for classes.
    LossRegressor : Linear models and networks.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.ensemble import HistGradientBoostingRegressor
    >>> X, y = np.arange(100.0)[:, None], np.arange(100.0) ** 2
    >>> model = LossBoostingRegressor(HistGradientBoostingRegressor(), "log_cosh").fit(X, y)
    >>> model.score(X, y) > 0.95
    True
    """

    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None, sample_weight_val=None,
            eval_set=None):  # fmt: skip
        """Fit the booster.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data; NaN is a missing value. A DataFrame reaches the booster as it is, with its names
            and categories.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Targets, in the domain of the loss.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row; 0 is the same as no row.
        X_val, y_val, sample_weight_val : optional
            Data to validate on: fitting stops when the loss on them no longer falls, after as many
            iterations as the booster is told to wait (10 if it is not), and predictions use the
            best iteration.
        eval_set : tuple (X, y) or list of one, default=None
            The same as `X_val` and `y_val`, as boosters call them.

        Returns
        -------
        self
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val), eval_set)


class LossBoostingClassifier(ClassifierOfLoss, BoostedModel):
    """Gradient boosting of classes that minimises any loss, with the booster of your choice.

    ``"log_loss"`` is binary or categorical cross-entropy by the number of classes, and so is
    `Brier`; other binary losses go one-vs-rest for three and more. ``"dice"`` and other losses of
    masks are what F1 and IoU are made of: of all rows, or of groups (`qid`).

    Parameters
    ----------
    estimator : LGBM*, XGB*, CatBoost* or HistGradientBoosting*
        As in `LossBoostingRegressor`.
    loss : str or Loss, default="log_loss"
        The loss, by name or as an object; an object's parameters can be searched for as
        ``loss__gamma`` and so on.
    native : bool or "auto", default="auto"
        As in `LossBoostingRegressor`.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, multiplied with `sample_weight`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels; of two, the second is the positive one.
    estimator_, baseline_, objective_, loss_function_, n_iter_, validation_scores_
        As in `LossBoostingRegressor`.
    feature_importances_, n_features_in_, feature_names_in_
        As in `LossBoostingRegressor`.

    See Also
    --------
    LossBoostingRegressor : The same for numbers.
    LossClassifier : Linear models and networks.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.ensemble import HistGradientBoostingClassifier
    >>> X, y = np.arange(100.0)[:, None], np.repeat(["no", "yes"], 50)
    >>> model = LossBoostingClassifier(HistGradientBoostingClassifier(), "focal").fit(X, y)
    >>> model.predict([[90.0]])
    array(['yes'], dtype='<U3')
    """

    loss: Annotated[str | Loss, (str, Loss)] = "log_loss"
    class_weight: Annotated[dict | str | None, ("balanced", dict, None)] = None

    tasks: ClassVar[tuple] = (*ClassifierOfLoss.tasks, "overlap")

    __metadata_request__fit = {
        "sample_weight": True, "X_val": True, "y_val": True, "sample_weight_val": True,
        "eval_set": True, "qid": True, "qid_val": True,
    }  # fmt: skip

    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None, sample_weight_val=None,
            eval_set=None, qid=None, qid_val=None):  # fmt: skip
        """Fit the booster.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data; NaN is a missing value. A DataFrame reaches the booster as it is.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Class labels of any kind; or, for losses that take them, rows of class shares (soft
            labels), whose classes are the columns.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row; 0 is the same as no row.
        X_val, y_val, sample_weight_val, eval_set : optional
            As in `LossBoostingRegressor.fit`.
        qid, qid_val : array-like of shape (n_samples,), default=None
            The group of each row, of any type and in any order, for losses of masks; None: all rows
            are of one. Other losses ignore it.

        Returns
        -------
        self
        """
        given = X_val, y_val, sample_weight_val
        return self._fit(X, y, sample_weight, given, eval_set, qid, qid_val)


class LossBoostingRanker(RankerOfLoss, BoostedModel):
    """Gradient boosting of rankings that minimises any ranking loss, with any booster.

    Also where the booster has no ranker, or one that takes no function.

    Parameters
    ----------
    estimator : LGBM*, XGB*, CatBoost* or HistGradientBoosting*
        As in `LossBoostingRegressor`; ranker or not does not matter.
    loss : str or Loss, default="lambda_rank"
        The loss, by name or as an object; an object's parameters can be searched for as
        ``loss__k`` and so on.
    native : bool or "auto", default="auto"
        As in `LossBoostingRegressor`.

    Attributes
    ----------
    estimator_, baseline_, objective_, loss_function_, n_iter_, validation_scores_
        As in `LossBoostingRegressor`.
    feature_importances_, n_features_in_, feature_names_in_
        As in `LossBoostingRegressor`.

    See Also
    --------
    LossRanker : Linear models and networks.
    sklosses.metrics.ndcg_score : What `score` returns, by query.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.ensemble import HistGradientBoostingRegressor
    >>> X, y, qid = np.arange(100.0)[:, None], np.tile([0, 1, 2, 3], 25), np.arange(100) // 4
    >>> booster = HistGradientBoostingRegressor(min_samples_leaf=1)
    >>> LossBoostingRanker(booster, "lambda_rank").fit(X, y, qid=qid).score(X, y, qid=qid) > 0.9
    True
    """

    loss: Annotated[str | Loss, (str, Loss)] = "lambda_rank"

    _target_checks: ClassVar[dict] = {"y_numeric": True}

    __metadata_request__fit = {
        "sample_weight": True, "X_val": True, "y_val": True, "sample_weight_val": True,
        "eval_set": True, "qid": True, "qid_val": True,
    }  # fmt: skip
    __metadata_request__score = {"sample_weight": True, "qid": True}

    def fit(self, X, y, sample_weight=None, qid=None, X_val=None, y_val=None,
            sample_weight_val=None, qid_val=None, eval_set=None):  # fmt: skip
        """Fit the booster.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            A row a document (item, candidate) of a query.
        y : array-like of shape (n_samples,)
            Grades of relevance, ≥ 0; clicks of 0 and 1.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, the same in all rows of a query.
        qid : array-like of shape (n_samples,)
            The query of each row, of any type and in any order.
        X_val, y_val, sample_weight_val, qid_val, eval_set : optional
            As in `LossBoostingRegressor.fit`, with the queries of their rows.

        Returns
        -------
        self
        """
        given = X_val, y_val, sample_weight_val
        qid = self._required(qid, "fit")
        if X_val is not None or eval_set is not None:
            qid_val = self._required(qid_val, "fit", "qid_val")
        return self._fit(X, y, sample_weight, given, eval_set, qid, qid_val)

    def _targets(self, y):
        loss, y = self.loss_function_, np.ascontiguousarray(y, DOUBLE)
        check_domain(type(loss).__name__, y, "y", loss.target)
        return y
