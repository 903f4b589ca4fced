"""Losses and ranking metrics as scikit-learn scorers: sign, response and labels already right."""

from __future__ import annotations

from functools import partial
from inspect import signature

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.metrics import make_scorer
from sklearn.metrics._scorer import _BaseScorer, _cached_call
from sklearn.utils.validation import _check_response_method

from ._arrays.sequences import Alphabet
from ._bases.loss import Loss, require_prediction
from ._registry import get_loss
from .metrics import label_error_rate
from .metrics._ranking import METRICS, parse

AUTO = "auto"
PREFIX = "neg_"
LABEL_ERROR_RATE = "neg_label_error_rate"
USUAL = ("decision_function", "predict_proba", "predict")  # what ranks, of a classifier
CLASSES = ("binary", "multiclass", "overlap")  # families whose targets are labels
_NESTED = ("best_estimator_", "estimator_", "regressor_", "_final_estimator")


class _QueryScorer(_BaseScorer):
    """A scorer that requests the query of each row."""

    __metadata_request__score = {"qid": True}

    def __call__(self, estimator, X, y_true, *, sample_weight=None, qid=None):
        """Score an estimator; `qid` needs no metadata routing here.

        Parameters
        ----------
        estimator : object
            A fitted ranker, regressor or classifier.
        X : array-like
            What it predicts from.
        y_true : array-like of shape (n_samples,)
            Grades.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, the same within a query.
        qid : array-like of shape (n_samples,), default=None
            Query of each row; None: one query.

        Returns
        -------
        float
            The score.
        """
        return self._score(
            partial(_cached_call, None), estimator, X, y_true, sample_weight=sample_weight, qid=qid
        )

    def set_score_request(self, *, qid=True, sample_weight=None):
        """Say what metadata routing passes; unlike scikit-learn's, keeps the request of `qid`.

        Parameters
        ----------
        qid : bool, str or None, default=True
            Whether, or under which name, the ids of queries are passed.
        sample_weight : bool, str or None, default=None
            The same of the weights.

        Returns
        -------
        _QueryScorer
            Itself.
        """
        return super().set_score_request(qid=qid, sample_weight=sample_weight)


class LossScorer(_BaseScorer):
    """A scorer ``(estimator, X, y) → −loss``; made by `make_loss_scorer`.

    Attributes
    ----------
    loss : Loss or "auto"
        What it measures; "auto" is the loss the estimator was fitted with.
    """

    def __init__(self, loss, response_method, pos_label):
        self.loss = loss
        score_func = Loss() if loss == AUTO else loss
        kwargs = {} if pos_label is None else {"pos_label": pos_label}
        self._wanted_method = response_method
        # what scikit-learn reads to share predictions between scorers
        usual = response_method or getattr(loss, "response_method", "predict")
        super().__init__(score_func, sign=-1, kwargs=kwargs, response_method=usual)

    def __repr__(self):
        shown = [repr(self.loss)]
        if self._wanted_method is not None:
            shown.append(f"response_method={self._wanted_method!r}")
        shown += _assignments(self._kwargs)
        return f"make_loss_scorer({', '.join(shown)})"

    def _get_pos_label(self):
        return self._kwargs.get("pos_label")

    def _accept_sample_weight(self):
        return True

    def _score(self, method_caller, estimator, X, y_true, **metadata):
        loss = _own_loss(estimator) if self.loss == AUTO else self.loss
        require_prediction(loss)
        if hasattr(estimator, "_image_loss") or loss.task == "sequence":
            return -_own_terms(loss, estimator, X, y_true, **metadata)
        if loss.task in CLASSES and is_classifier(estimator):
            return -self._of_classes(loss, method_caller, estimator, X, y_true, **metadata)
        wanted = self._wanted_method or loss.response_method
        if "std" in getattr(loss, "response_names", ()):
            return -loss(y_true, estimator.predict(X, return_std=True), **metadata)
        if wanted == "transform":  # which scikit-learn's scorers do not know
            return -loss(y_true, estimator.transform(X), **metadata)
        method = wanted if is_classifier(estimator) else "predict"
        return -loss(y_true, method_caller(estimator, method, X), **metadata)

    def _of_classes(self, loss, method_caller, estimator, X, y_true, **metadata):
        wanted = self._wanted_method or loss.response_method
        method = _check_response_method(estimator, wanted).__name__
        classes, y_true = estimator.classes_, np.asarray(y_true)
        # rows of class shares are for the form of several classes, though there be two
        loss = loss.for_classes(len(classes) if y_true.ndim == 1 else max(len(classes), 3))
        several = len(classes) > 2
        if loss.task == "multiclass" or (loss.task == "overlap" and several):
            y = _codes(y_true, classes, estimator)
            y_pred = _columns(method_caller(estimator, method, X), len(classes), method)
            return loss(y, y_pred, **metadata)
        if several:  # one-versus-rest, as estimators are fitted
            codes = _codes(y_true, classes, estimator, self._get_pos_label())
            y = (codes[:, None] == np.arange(len(classes))).astype(np.float64)
            return loss(y, method_caller(estimator, method, X), **metadata)
        y, positive = _encode(y_true, classes, self._get_pos_label(), estimator)
        if len(classes) == 1:
            # a classifier that has seen one class is certain of it, and here it is right
            y_pred = np.ones(y.shape)
        else:
            y_pred = method_caller(estimator, method, X, pos_label=positive)
        return loss(y, y_pred, **metadata)


class QueryLossScorer(LossScorer, _QueryScorer):
    """The scorer of a loss with a term a query: ``(estimator, X, y, qid=…) → −loss``."""

    __call__ = _QueryScorer.__call__
    set_score_request = _QueryScorer.set_score_request


def _own_terms(loss, estimator, X, y_true, **metadata):
    """Return the loss of a model of what is no table: images, sequences."""
    if loss.task == "sequence":
        return _loss_of_sequences(loss, estimator, X, y_true, **metadata)
    return estimator._image_loss(loss, X, y_true, metadata.get("sample_weight"))


def _loss_of_sequences(loss, estimator, X, y_true, **metadata):
    """Return the loss of an estimator's probabilities, in whose columns it has put its blank."""
    fitted = fitted_with_loss(estimator)
    if fitted is not None and fitted.loss_function_.task == "sequence":
        loss = clone(loss).set_params(blank=fitted.loss_function_.blank)
    labels = Alphabet(estimator.classes_, int(loss.blank)).encode(y_true, "y_true")
    return loss(labels, estimator.predict_proba(X), **metadata)


def _assignments(params):
    return [f"{name}={value!r}" for name, value in params.items()]


def _columns(scores, n_classes, method):
    """Return one column a class; of two classes, the response may be that of the second."""
    if scores.ndim == 1:
        if method == "predict_proba" and n_classes > 1:
            return np.column_stack((1 - scores, scores))
        return np.column_stack((-scores / 2, scores / 2)) if n_classes > 1 else scores[:, None]
    return scores


def _codes(y_true, classes, estimator, pos_label=None):
    """Return labels as places in `classes`; rows of class shares stay what they are."""
    if pos_label is not None:
        raise ValueError(f"pos_label is for two classes; classes_ are {classes.tolist()}.")
    if y_true.ndim > 1:
        return y_true
    _check_seen(y_true, classes, estimator)
    return np.searchsorted(classes, y_true)


def _check_seen(y_true, classes, estimator):
    unseen = np.setdiff1d(y_true, classes)
    if unseen.size:
        raise ValueError(
            f"y_true contains labels that {type(estimator).__name__} has not seen in fit: "
            f"{unseen.tolist()}; its classes_ are {classes.tolist()}. Use stratified folds, or "
            f"give each class enough rows."
        )


def _encode(y_true, classes, pos_label, estimator):
    """Return targets as 1 for the positive class and 0 for the other, and the positive class."""
    _check_seen(y_true, classes, estimator)
    if pos_label is not None and pos_label not in classes.tolist():
        raise ValueError(
            f"pos_label={pos_label} is not a valid label: It should be one of {classes}"
        )
    positive = classes[-1] if pos_label is None else pos_label
    return (y_true == positive).astype(np.float64), positive


def fitted_with_loss(estimator):
    """Return the estimator, or the one inside it, that was fitted with a loss of ours; or None.

    Others have losses and curves as well (`MLPRegressor`), but of their own.
    """
    while estimator is not None and not isinstance(
        getattr(estimator, "loss_function_", None), Loss
    ):
        inner = (getattr(estimator, name, None) for name in _NESTED)
        estimator = next((found for found in inner if hasattr(found, "get_params")), None)
    return estimator


def _own_loss(estimator):
    """Return the loss a fitted estimator (or the one inside a meta-estimator) minimised."""
    fitted = fitted_with_loss(estimator)
    if fitted is None:
        raise ValueError(
            f'make_loss_scorer("auto") scores estimators that were fitted with a loss of '
            f"sklosses; {type(estimator).__name__} was not. Name the loss instead."
        )
    return fitted.loss_function_


def make_loss_scorer(loss=AUTO, *, response_method=None, pos_label=None, **params):
    """Make a scorer from a loss.

    Parameters
    ----------
    loss : Loss, str or "auto", default="auto"
        A loss object, its name, or "auto": the loss that the estimator was fitted with (also
        inside a pipeline or a search).
    response_method : str or None, default=None
        What to call on classifiers; None: what the loss needs ("predict", "predict_proba" or
        "decision_function").
    pos_label : int, float, bool or str, default=None
        The positive class of binary losses; None: the last of ``classes_``.
    **params
        Parameters of the loss, if it is named.

    Returns
    -------
    LossScorer
        A scorer that returns the negated loss. Targets are encoded through the estimator's
        ``classes_``, so that a class missing from a fold is no problem; a label the estimator has
        never seen raises a `ValueError` that says so. That of a ranking loss requests `qid`.

    Examples
    --------
    >>> make_loss_scorer("pinball", quantile=0.9)
    make_loss_scorer(Pinball(quantile=0.9))
    """
    if isinstance(loss, str) and loss == AUTO:
        if params:
            raise TypeError(f'The loss is not named: {sorted(params)} cannot apply to "auto".')
    else:
        loss = get_loss(loss, **params)
        require_prediction(loss)
    by_query = getattr(loss, "groupwise", False) and loss.task != "sequence"
    kind = QueryLossScorer if by_query else LossScorer
    return kind(loss, response_method, pos_label)


class RankingScorer(_QueryScorer):
    """A scorer of rankings ``(estimator, X, y, qid=…) → metric``; made by `make_ranking_scorer`.

    Attributes
    ----------
    metric : str
        Its name.
    """

    def __init__(self, metric, kwargs, response_method):
        self.metric = metric
        self._wanted_method = response_method
        score_func, _, k = parse(metric)
        super().__init__(
            score_func, sign=1, kwargs={**kwargs, "k": k}, response_method=response_method or USUAL
        )

    def __repr__(self):
        shown = {name: value for name, value in self._kwargs.items() if name != "k"}
        if self._wanted_method is not None:
            shown["response_method"] = self._wanted_method
        return f"make_ranking_scorer({', '.join([repr(self.metric), *_assignments(shown)])})"

    def _score(self, method_caller, estimator, X, y_true, **metadata):
        method = self._response_method if is_classifier(estimator) else "predict"
        name = _check_response_method(estimator, method).__name__
        y_score = method_caller(estimator, name, X)
        return self._score_func(y_true, y_score, **{**self._kwargs, **metadata})


def make_ranking_scorer(metric="ndcg", *, response_method=None, **params):
    """Make a scorer from a metric of rankings.

    Parameters
    ----------
    metric : str, default="ndcg"
        "ndcg", "map", "mrr", "err", "precision", "recall", "hit_rate" or "pairwise_accuracy", with
        "@k" for the first k places.
    response_method : str or None, default=None
        What to call on classifiers; None: ``decision_function``, or else ``predict_proba``.
    **params
        Parameters of the metric, such as `empty_query`; of NDCG `gain` and `ties`.

    Returns
    -------
    RankingScorer
        A scorer that requests `qid`: with metadata routing on, pass it once, as in
        ``cross_validate(model, X, y, scoring=scorer, params={"qid": qid})``. Without `qid` all rows
        are one query.

    Examples
    --------
    >>> make_ranking_scorer("ndcg@10", gain="linear")
    make_ranking_scorer('ndcg@10', gain='linear')
    """
    known = set(signature(parse(metric)[0]).parameters) - {"y_true", "y_score", "k"}
    unknown = sorted(set(params) - known)
    if unknown:
        raise TypeError(f"{metric!r} takes the parameters {sorted(known)}. Got {unknown} instead.")
    return RankingScorer(metric, params, response_method)


def get_scorer(name, **params):
    """Return the scorer of a loss, called ``neg_`` and its name, or of a metric of rankings.

    Parameters
    ----------
    name : str
        "neg_huber", "neg_log_loss", …, or "ndcg", "ndcg@10", "map", …, or
        "neg_label_error_rate".
    **params
        Parameters of the loss or the metric.

    Returns
    -------
    LossScorer or RankingScorer
        See `make_loss_scorer` and `make_ranking_scorer`.

    Examples
    --------
    >>> get_scorer("neg_huber", delta=2.0)
    make_loss_scorer(Huber(delta=2.0))
    >>> get_scorer("mrr@10")
    make_ranking_scorer('mrr@10')
    """
    if isinstance(name, str) and name.partition("@")[0] in METRICS:
        return make_ranking_scorer(name, **params)
    if name == LABEL_ERROR_RATE:
        return make_scorer(label_error_rate, greater_is_better=False, **params)
    if not isinstance(name, str) or not name.startswith(PREFIX):
        raise ValueError(
            f"Scorers of losses are called {PREFIX!r} and the name of the loss, such as "
            f"'neg_huber', those of rankings {list(METRICS)}, that of sequences "
            f"{LABEL_ERROR_RATE!r}. Got {name!r} instead."
        )
    return make_loss_scorer(name.removeprefix(PREFIX), **params)
