"""`LossRanker`: learning to rank with any ranking loss, linear or with hidden layers."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from sklearn.callback import with_callbacks
from sklearn.utils.validation import validate_data

from ._arrays.groups import Groups
from ._arrays.inputs import check_domain
from ._bases.loss import Loss
from ._fit.data import ByGroup, Data
from ._fit.estimator import LossEstimator
from ._fit.responses import RankerOfLoss
from .metrics import ndcg_score


class LossRanker(RankerOfLoss, LossEstimator):
    """Ranking, linear or with hidden layers, that minimises any ranking loss.

    Minimises ``sum(w * loss(query)) / sum(w) + alpha * penalty`` over queries. Batches hold whole
    queries. There is no intercept: it would change no ranking.

    Parameters
    ----------
    loss : str or Loss, default="lambda_rank"
        The loss, by name or as an object; an object's parameters can be searched for as
        ``loss__k`` and so on.
    solver : {"auto", "adam", "sgd", "adagrad"}, default="auto"
        The rule of a step along a batch of queries; "sgd" has momentum. "auto" is "adam".
    learning_rate : {"adaptive", "constant", "invscaling"}, default="adaptive"
        "adaptive" keeps the rate until the loss (or the validation score) no longer gets better,
        and lowers it then.
    batch_size : int or "auto", default="auto"
        Rows a step, about: a batch holds whole queries. "auto": 200 rows, and 16 queries of usual
        length at least.
    <parameters>

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,)
        Coefficients of linear models.
    validation_scores_ : list of float or None
        The NDCG of the validation data after each iteration; the best iterate is kept.
    <attributes>

    See Also
    --------
    sklosses.metrics.ndcg_score : What `score` returns, by query.
    LossRegressor : The same for numbers.

    Notes
    -----
    `qid` is requested by `fit` and `score`, so that with metadata routing on it passes through
    pipelines, ``cross_validate(…, params={"qid": qid})`` and searches by itself.

    Examples
    --------
    >>> import numpy as np
    >>> X, y = np.array([[1.0], [2.0], [5.0], [4.0]]), np.array([0, 1, 1, 0])
    >>> model = LossRanker("pairwise_logistic", random_state=0).fit(X, y, qid=["a", "a", "b", "b"])
    >>> bool(model.coef_[0] > 0), float(model.score(X, y, qid=["a", "a", "b", "b"]))
    (True, 1.0)
    """

    # inside, where it centres columns; then dropped
    fit_intercept: ClassVar[bool] = True  # type: ignore[misc]

    loss: Annotated[str | Loss, (str, Loss)] = "lambda_rank"

    score_unit: ClassVar[float] = 1.0  # that of NDCG

    __metadata_request__fit = {
        "sample_weight": True, "X_val": True, "y_val": True, "sample_weight_val": True,
        "qid": True, "qid_val": True,
    }  # fmt: skip
    __metadata_request__partial_fit = {"sample_weight": True, "qid": True}
    __metadata_request__score = {"sample_weight": True, "qid": True}

    @with_callbacks
    def fit(self, X, y, sample_weight=None, qid=None, X_val=None, y_val=None,
            sample_weight_val=None, qid_val=None):  # fmt: skip
        """Fit the model.

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
        X_val, y_val, sample_weight_val, qid_val : optional
            Data to validate on: early stopping, on the NDCG, is then on by default.

        Returns
        -------
        self
        """
        judged = ByGroup(y, self._required(qid, "fit"))
        if X_val is not None and y_val is not None:
            y_val = ByGroup(y_val, self._required(qid_val, "fit", "qid_val"))
        return self._fit(X, judged, sample_weight, (X_val, y_val, sample_weight_val))

    def partial_fit(self, X, y, sample_weight=None, qid=None):
        """Take one stochastic epoch over some queries, going on from the last call.

        Parameters
        ----------
        X, y, sample_weight, qid
            As in `fit`; whole queries of a stream.

        Returns
        -------
        self
        """
        judged = ByGroup(y, self._required(qid, "partial_fit"))
        return self._partial_fit(X, judged, sample_weight, first=not hasattr(self, "n_iter_"))

    # ------------------------------------------------------------------ inside

    def _check_data(self, X, y, sample_weight, *, reset, fitting=False):
        X, targets = validate_data(
            self, X, y.y, accept_sparse="csr", dtype=[np.float64, np.float32], y_numeric=True,
            reset=reset,
        )  # fmt: skip
        groups = Groups.of(y.qid, X.shape[0])
        loss = self.loss_function_
        weights = loss._weights(sample_weight, groups, X.dtype)
        if not weights.terms.any():
            raise ValueError("Sample weights must contain at least one non-zero number.")
        targets = np.ascontiguousarray(targets, X.dtype)
        check_domain(type(loss).__name__, targets, "y", loss.target)
        return Data.by_group(X, targets, groups, weights)

    def _validation_score(self, loss, y, raw, weight):
        lengths = np.diff(y.groups.offsets)
        weights = np.repeat(np.add.reduceat(weight, y.groups.offsets[:-1]), lengths)
        return ndcg_score(y.y, raw[:, 0], qid=y.groups, sample_weight=weights)

    def _set_coefficients(self, coefs, intercepts, *, single):
        super()._set_coefficients(coefs, None if coefs is None else intercepts * 0.0, single=single)
