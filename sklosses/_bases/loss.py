"""The contract of a loss: `Loss`, what every one is, and `TermLoss`, a sum over terms."""

from __future__ import annotations

import re
from numbers import Real
from typing import TYPE_CHECKING, ClassVar

from .params import REAL, Interval, Parametrized, fields_of, frozen

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["REAL", "Interval", "Loss", "TermLoss"]

_WORD_ENDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class Loss(Parametrized):
    """What is common to all losses: parameters, name, metadata.

    Parameters are annotated class attributes; metadata are `ClassVar` attributes.

    Attributes
    ----------
    task : str
        The family: "regression", "binary", …
    target : Interval
        The domain of the target.
    prediction : Interval
        The domain of the prediction on the response scale.
    hessian : {"exact", "surrogate", "constant"}
        What `gradient_hessian` is good for: the true second derivative, one that vanishes where it
        exists (boosters then use the surrogate), or a constant.
    rowwise : bool
        Whether a term sees a row of raw predictions, not one.
    groupwise : bool
        Whether a term sees the rows of a group, such as a query.
    convex, smooth : bool
        In the raw prediction; smooth means continuously differentiable. Of losses with a parameter
        `smooth` that name is the parameter's, and they are; see `is_smooth`.
    formula : str
        LaTeX.
    use_case : dict
        Where to use it, by language ("en", "zh").
    reference : str
        Source, with its DOI where it has one.
    native : dict
        Which objective of a booster it is: `Native` by booster.
    """

    task: ClassVar[str] = "regression"
    required: ClassVar[tuple] = ("value",)  # what a class must have to be used
    rowwise: ClassVar[bool] = False
    groupwise: ClassVar[bool] = False
    shared_slope: ClassVar[bool] = False  # whether rows of a group move the less the more there are
    prediction: ClassVar[Interval] = REAL
    hessian: ClassVar[str] = "exact"
    convex: ClassVar[bool] = False
    smooth: ClassVar[bool] = True
    formula: ClassVar[str] = ""
    names: ClassVar[dict] = {}
    use_case: ClassVar[dict] = {}
    choose_when: ClassVar[dict] = {}
    reference: ClassVar[str] = ""
    aliases: ClassVar[tuple] = ()
    native: ClassVar[dict] = {}

    @property
    def is_smooth(self):
        """Whether the loss is continuously differentiable in the raw prediction."""
        return "smooth" in fields_of(type(self)) or self.smooth

    @classmethod
    def _alias(cls):
        return _WORD_ENDS.sub("_", cls.__name__).lower()

    @property
    def __name__(self):
        """The alias: functions have a name, and `make_scorer` shows it."""
        return self._alias()

    def _key(self):
        return tuple(frozen(getattr(self, name)) for name in fields_of(type(self)))

    def __eq__(self, other):
        if type(self) is not type(other):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self):
        try:
            return hash((type(self).__qualname__, self._key()))
        except TypeError:  # a parameter that cannot be hashed, such as a fitted network
            return hash(type(self).__qualname__)

    # tables of search results sort what they group by: losses among each other and among names

    def __lt__(self, other):
        return repr(self) < str(other) if isinstance(other, (Loss, str)) else NotImplemented

    def __gt__(self, other):
        return repr(self) > str(other) if isinstance(other, (Loss, str)) else NotImplemented

    def for_classes(self, n_classes):
        """Return the loss to use for a number of classes: itself, unless it has a form of several.

        Parameters
        ----------
        n_classes : int
            The number of classes.

        Returns
        -------
        Loss
            This loss, or its form for so many classes.
        """
        return self

    #: whether the columns of its response never fall
    _monotone = False

    def _for_boosters(self):
        """Return the loss for trees to minimise: itself, unless its raw columns move each other."""
        return self

    # the algebra of losses; what cannot be added says so when it is used

    def __add__(self, other):
        if not isinstance(other, Loss):
            return NotImplemented
        from ..losses.compose import added

        return added(self, other)

    def __radd__(self, other):
        return self if isinstance(other, Real) and other == 0 else NotImplemented  # as `sum` starts

    def __mul__(self, factor):
        if isinstance(factor, bool) or not isinstance(factor, Real):
            return NotImplemented
        from ..losses.compose import scaled

        return scaled(self, factor)

    __rmul__ = __mul__

    def scorer(self, **kwargs):
        """Return a scorer of this loss: negated, with the right response method and labels.

        Parameters
        ----------
        **kwargs
            As in `make_loss_scorer`.

        Returns
        -------
        LossScorer
            To be passed as ``scoring=`` or called with ``(estimator, X, y)``.
        """
        from ..scoring import make_loss_scorer

        return make_loss_scorer(self, **kwargs)


def require_prediction(loss):
    """Raise unless the loss compares targets with what a method of an estimator returns."""
    if getattr(loss, "response_method", "predict") is None:
        raise TypeError(
            f"{type(loss).__name__} does not compare targets with predictions, so it scores no "
            "estimator. Generative models have a score of their own: scoring=None."
        )


class TermLoss(Loss):
    """A loss that is a weighted sum over terms: the array methods, in terms of `_fill`.

    `qid`, the group of each row, is for losses with a term a group of rows; others ignore it.
    """

    def values(
        self,
        y_true: ArrayLike,
        raw_prediction: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        qid: ArrayLike | None = None,
        out: NDArray | None = None,
    ) -> NDArray:
        """Return the weighted loss of each term, of the shape of `raw_prediction`."""
        return self._fill(y_true, raw_prediction, sample_weight, "v", (out,), qid)[0]

    def gradient(
        self,
        y_true: ArrayLike,
        raw_prediction: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        qid: ArrayLike | None = None,
        out: NDArray | None = None,
    ) -> NDArray:
        """Return the derivative of the weighted sum in each raw prediction."""
        return self._fill(y_true, raw_prediction, sample_weight, "g", (out,), qid)[0]

    def values_gradient(
        self,
        y_true: ArrayLike,
        raw_prediction: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        qid: ArrayLike | None = None,
        out: tuple[NDArray, NDArray] | None = None,
    ) -> tuple[NDArray, NDArray]:
        """Return `values` and `gradient`, computed in one pass."""
        return self._fill(y_true, raw_prediction, sample_weight, "vg", out or (None, None), qid)

    def gradient_hessian(
        self,
        y_true: ArrayLike,
        raw_prediction: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        qid: ArrayLike | None = None,
        psd: bool = False,
        out: tuple[NDArray, NDArray] | None = None,
    ) -> tuple[NDArray, NDArray]:
        """Return the gradient and the diagonal of the Hessian.

        With ``psd=True`` the second is a positive surrogate, as boosters need it; otherwise the
        true second derivative, which may be negative, and is 0 on linear pieces.
        """
        kinds = "gc" if psd else "gh"
        return self._fill(y_true, raw_prediction, sample_weight, kinds, out or (None, None), qid)

    def _fill(self, y_true, raw_prediction, sample_weight, kinds, outs, qid=None):
        """Return the arrays of `kinds`: "v" values, "g" gradient, "h" Hessian, "c" surrogate."""
        raise NotImplementedError
