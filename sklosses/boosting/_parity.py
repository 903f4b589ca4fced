"""How a loss compares with the native objectives that it declares to be."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from .._arrays.groups import Groups
from .._arrays.inputs import SINGLE
from .._bases.native import twin
from .._registry import get_loss
from ._callback import Callback
from .catboost import _Objective, leaf_options
from .hist_gradient_boosting import hist_gradient_boosting_loss

SMALLEST = 1e-16  # Hessian: boosters allow no 0
SHRINKAGE, LEAVES, DEPTH = 0.1, 15, 4


def compare_with_native(loss, X, y, *, sample_weight=None, qid=None, n_iterations=20):
    """Compare a loss with the native objectives that it declares to be.

    Each installed booster is trained twice on the same data, by its native objective and by the
    loss: once from the start and with the Hessian that the native objective has, where both should
    be the same, and once as the loss has them, which shows what the native deviations come to.

    Parameters
    ----------
    loss : str, type or Loss
        A loss whose ``native`` names objectives; also one of your own.
    X : ndarray of shape (n_samples, n_features)
        Features.
    y : ndarray of shape (n_samples,)
        Targets; labels from 0.
    sample_weight : ndarray of shape (n_samples,), default=None
        Weights.
    qid : ndarray of shape (n_samples,), default=None
        The query of each row, queries one after the other, for losses of groups.
    n_iterations : int, default=20
        Trees, of each class.

    Returns
    -------
    pandas.DataFrame
        A row a booster: its objective; the largest relative difference of raw predictions under
        equal conditions and, of responses, by default; the mean loss natively and by default; and
        why they differ. Objectives that refit their leaves have no equal conditions.

    Examples
    --------
    >>> import numpy as np
    >>> from sklosses.boosting import compare_with_native
    >>> X = np.arange(80.0)[:, None]
    >>> table = compare_with_native("squared_error", X, np.sin(X[:, 0]))
    >>> bool((table["equal conditions"] < 1e-6).all())
    True
    """
    import pandas as pd

    loss = get_loss(loss)
    data = _Data(X, y, sample_weight, qid, n_iterations)
    if loss.task in ("binary", "multiclass"):
        loss = loss.for_classes(int(y.max()) + 1)
    data.k = np.size(loss.init_raw(y, sample_weight))
    rows = []
    for booster, runner in RUNNERS.items():
        native = twin(loss, booster)
        if native is not None:
            try:
                rows.append({"booster": booster, **_compared(data, loss, native, runner)})
            except ImportError:
                continue
    return pd.DataFrame(rows)


def _compared(data, loss, native, runner):
    optimum = np.atleast_1d(loss.init_raw(data.y, data.w))
    mean = np.average(data.y, weights=data.w)
    starts = {"zero": np.zeros(data.k), "mean": np.array([mean])}
    start = starts.get(native.init, optimum)
    theirs = runner(data, native)
    equal = None
    if not native.refits:
        # a start that cannot be told is given to both
        same = runner(data, native, start=start) if native.init == "newton" else theirs
        ours = runner(data, native, _Matched(loss, native, data.k, data.groups), start)
        equal = _difference(_centred(same, loss), _centred(ours, loss))
    ours = runner(data, native, _Own(loss, native, data.groups), optimum)
    responses = [np.asarray(loss.inverse_link(raw)) for raw in (theirs, ours)]
    means = [loss(data.y, p, sample_weight=data.w, qid=data.groups) for p in responses]
    return {
        "objective": native.objective,
        "equal conditions": equal,
        "by default": _difference(*responses),
        "loss, native": means[0],
        "loss, by default": means[1],
        "why": _reason(native),
    }


def _difference(a, b):
    return float(np.abs(a - b).max() / np.abs(a).max())


def _centred(raw, loss):
    """Return raw predictions without the constant that a softmax does not see."""
    return raw - raw.mean(axis=1, keepdims=True) if loss.task == "multiclass" else raw


def _reason(native):
    reasons = []
    if native.init != "optimum":
        starts = {"mean": "the mean", "zero": "0", "newton": "a Newton step from 0"}
        reasons.append(f"starts from {starts[native.init]}")
    if native.refits:
        reasons.append("refits its leaves")
    elif native.hessian_factor == "one":
        reasons.append("its Hessian is 1 everywhere")
    elif native.hessian_factor != 1.0:
        factor = native.hessian_factor
        shown = factor if isinstance(factor, str) else f"{factor:.3g}"
        reasons.append(f"its Hessian is {shown} times the true one")
    return "; ".join([*reasons, native.note] if native.note else reasons)


class _Data(SimpleNamespace):
    def __init__(self, X, y, w, qid, iterations):
        groups = None if qid is None else Groups.of(qid, len(y))
        super().__init__(X=X, y=y, w=w, groups=groups, iterations=iterations, k=1)
        self.sizes = None if groups is None else np.diff(groups.offsets)

    def repeated(self, start):
        """Return a start for each row."""
        return np.tile(start, (len(self.y), 1)) if self.k > 1 else np.full(len(self.y), start[0])


class _Own(Callback):
    """A loss as large as the native one, with its own Hessian."""

    def __init__(self, loss, native, groups):
        super().__init__(loss if native.scale == 1.0 else (1.0 / native.scale) * loss, groups)

    def pair(self, y, raw, weight):
        """Return gradient and Hessian."""
        return self.derivatives(y, raw, weight)


class _Matched(_Own):
    """A loss as large as the native one, with the Hessian that this has."""

    def __init__(self, loss, native, k, groups):
        super().__init__(loss, native, groups)
        self.factor = native.hessian_times(k)

    def pair(self, y, raw, weight):
        """Return gradient and the Hessian of the native objective."""
        g, h = self.loss.gradient_hessian(y, raw, weight, qid=self.qid)
        if self.factor is None:
            h = np.ones_like(h) if weight is None else np.asarray(weight, h.dtype)
        else:
            h = np.maximum(self.factor * h, SMALLEST)
        return g.astype(SINGLE), h.astype(SINGLE)


# ------------------------------------------------------------------- one fit: raw predictions


def _lightgbm(data, native, own=None, start=None):
    import lightgbm

    params = {
        "learning_rate": SHRINKAGE, "num_leaves": LEAVES, "verbose": -1, "num_threads": 1,
        "deterministic": True,
    }  # fmt: skip
    params |= {"num_class": data.k} if data.k > 1 else {}
    set_ = lightgbm.Dataset(data.X, data.y, weight=data.w, group=data.sizes)
    if own is None:
        params |= {"objective": native.objective, **native.constants}
    else:
        params["objective"] = lambda raw, set_: own.pair(set_.get_label(), raw, set_.get_weight())
    if start is not None:
        set_.set_init_score(data.repeated(start).ravel(order="F"))
    raw = lightgbm.train(params, set_, data.iterations).predict(data.X, raw_score=True)
    return raw if start is None else raw + data.repeated(start)


def _xgboost(data, native, own=None, start=None):
    import xgboost

    params = {"learning_rate": SHRINKAGE, "max_depth": DEPTH, "nthread": 1}
    params |= {"num_class": data.k} if data.k > 1 else {}
    matrix = xgboost.DMatrix(data.X, data.y, weight=data.w)
    if data.sizes is not None:
        matrix.set_group(data.sizes)
        params["min_child_weight"] = 1e-3  # Hessians of documents are small
    objective = None
    if own is None:
        params |= {"objective": native.objective, **native.constants, **native.trees}
    else:
        params |= {"base_score": 0.0}
        params |= native.trees if isinstance(own, _Matched) else {}

        def objective(raw, matrix):
            weight = matrix.get_weight()
            return own.pair(matrix.get_label(), raw, weight if weight.size else None)

    if start is not None:
        matrix.set_base_margin(data.repeated(start).astype(SINGLE))
    model = xgboost.train(params, matrix, data.iterations, obj=objective)
    return model.predict(matrix, output_margin=True)


def _catboost(data, native, own=None, start=None):
    import catboost

    options = {
        "iterations": data.iterations, "learning_rate": SHRINKAGE, "depth": DEPTH,
        "thread_count": 1, "verbose": 0, "allow_writing_files": False, "bootstrap_type": "No",
    }  # fmt: skip
    if native.refits:
        options |= leaf_options(own.loss) if own is not None else {}
    else:
        # its Hessian of several classes is a full matrix, ours the diagonal
        method = "Newton" if data.k == 1 else "Gradient"
        options |= {"leaf_estimation_method": method, "leaf_estimation_iterations": 1}
    if own is None:
        words = [f"{name}={_word(value)}" for name, value in native.constants.items()]
        options["loss_function"] = ":".join([native.objective, ";".join(words)]).rstrip(":")
    else:
        options["loss_function"] = _ForCatBoost(own)
        options["eval_metric"] = "RMSE" if data.k == 1 else "MultiClass"
    baseline = None if start is None else data.repeated(start)
    if start is not None:
        options["boost_from_average"] = False
    pool = catboost.Pool(data.X, data.y, weight=data.w, baseline=baseline)
    model = catboost.CatBoost(options).fit(pool)
    raw = model.predict(data.X, prediction_type="RawFormulaVal")
    return raw if start is None else raw + baseline


class _ForCatBoost(_Objective):
    """The objective with derivatives of another; CatBoost copies it."""

    def __init__(self, own):
        super().__init__(own.loss)
        self.own = own

    def fill(self, y, raw, weight, groups, g, c):
        g[:], c[:] = self.own.pair(y, raw, weight)

    def __reduce__(self):
        return _ForCatBoost, (self.own,)


def _word(value):
    return ",".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)


def _sklearn(data, native, own=None, start=None):
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    classes = native.objective == "log_loss"
    kind = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    loss = native.objective if own is None else hist_gradient_boosting_loss(own.loss)
    model = kind(
        loss=loss, max_iter=data.iterations, learning_rate=SHRINKAGE, max_leaf_nodes=LEAVES,
        early_stopping=False, **(native.constants if own is None else {}),
    )  # fmt: skip
    model.fit(data.X, data.y, sample_weight=data.w)
    raw = model._raw_predict(data.X)
    return raw if data.k > 1 else raw[:, 0]


RUNNERS = {"lightgbm": _lightgbm, "xgboost": _xgboost, "catboost": _catboost, "sklearn": _sklearn}
