"""Pictures of losses, in scikit-learn's Display idiom."""

from __future__ import annotations

import numpy as np

from ._bases.params import fields_of
from ._bases.pointwise import PointwiseLoss
from ._registry import get_loss

POINTS = 401  # odd: the target itself, where kinks are, is one of them
REACH = 2.0  # half the width of the picture, in units of the loss's largest parameter
STYLES = {"value": "-", "gradient": "--", "Hessian": ":"}


class LossDisplay:
    """Value, gradient and Hessian of a pointwise loss against the raw prediction.

    Create it with `from_loss`; all parameters are stored as attributes.

    Parameters
    ----------
    loss : PointwiseLoss
        The loss.
    y_true : ndarray of shape (n_targets,)
        The targets, a family of curves each.
    raw_prediction : ndarray of shape (n_points,)
        Where the curves are computed.
    curves : dict of str to ndarray of shape (n_targets, n_points)
        What is drawn: "value" and, with derivatives, "gradient" and "Hessian".

    Attributes
    ----------
    ax_ : matplotlib Axes
        What was drawn on.
    figure_ : matplotlib Figure
        Its figure.
    lines_ : list of matplotlib Line2D
        The curves, those of a target together.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> display = LossDisplay.from_loss("huber")
    >>> [line.get_label() for line in display.lines_]
    ['value', 'gradient', 'Hessian']
    >>> plt.close(display.figure_)
    """

    def __init__(self, *, loss, y_true, raw_prediction, curves):
        self.loss = loss
        self.y_true = y_true
        self.raw_prediction = raw_prediction
        self.curves = curves

    @classmethod
    def from_loss(cls, loss, *, y_true=None, limits=None, derivatives=True, ax=None):
        """Compute the curves of a loss and draw them.

        Parameters
        ----------
        loss : PointwiseLoss, type or str
            The loss, the library's or your own. Nothing is compiled.
        y_true : float or array-like of shape (n_targets,), default=None
            The targets; None: both labels for binary losses, 1 for all others.
        limits : tuple of (float, float), default=None
            Ends of the raw predictions; None: what shows the shape of the loss.
        derivatives : bool, default=True
            Whether to draw gradient and Hessian as well.
        ax : matplotlib Axes, default=None
            Where to draw; None: a new figure.

        Returns
        -------
        LossDisplay
            The display, drawn.
        """
        _check_matplotlib(f"{cls.__name__}.from_loss")
        loss = get_loss(loss)
        if not isinstance(loss, PointwiseLoss):
            raise TypeError(f"{cls.__name__} draws pointwise losses; got {loss!r}.")
        loss._validate_params()
        targets = _targets(loss, y_true)
        raw = np.linspace(*(_limits(loss, targets) if limits is None else limits), POINTS)
        display = cls(
            loss=loss,
            y_true=targets,
            raw_prediction=raw,
            curves=_curves(loss, targets, raw, derivatives),
        )
        return display.plot(ax=ax)

    def plot(self, ax=None, *, line_kw=None):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None: a new figure.
        line_kw : dict, default=None
            Keywords for every ``matplotlib.axes.Axes.plot``.

        Returns
        -------
        LossDisplay
            Itself.
        """
        _check_matplotlib(f"{type(self).__name__}.plot")
        if ax is None:
            import matplotlib.pyplot as plt

            _, ax = plt.subplots()
        self.ax_, self.figure_ = ax, ax.figure
        self.lines_ = [
            ax.plot(
                self.raw_prediction,
                curves[k],
                **{
                    "label": f"{name}, y = {target:g}" if self.y_true.size > 1 else name,
                    "linestyle": STYLES[name],
                    "color": f"C{k if self.y_true.size > 1 else list(STYLES).index(name)}",
                    **(line_kw or {}),
                },
            )[0]
            for k, target in enumerate(self.y_true)
            for name, curves in self.curves.items()
        ]
        ax.axhline(0.0, color="0.8", linewidth=0.8, zorder=0)
        ax.set(title=repr(self.loss), xlabel=_label(self.loss, self.y_true), ylabel="one term")
        ax.set_xlim(self.raw_prediction[0], self.raw_prediction[-1])
        ax.legend(loc="best", fontsize="small")
        return self


def _check_matplotlib(caller):
    from sklearn.utils._optional_dependencies import check_matplotlib_support

    check_matplotlib_support(caller)


def _targets(loss, y_true):
    if y_true is None:
        y_true = [0.0, 1.0] if loss.task == "binary" else [1.0]
    targets = np.atleast_1d(np.asarray(y_true, dtype=float))
    if targets.ndim != 1 or not all(target in loss.target for target in targets.tolist()):
        raise ValueError(
            f"y_true must be one number or several, each {loss.target}. Got {y_true!r} instead."
        )
    return targets


def _has_link(loss):
    return loss._has_response()


def _limits(loss, targets):
    """Return raw predictions on both sides of the targets, wide enough for the parameters."""
    if _has_link(loss) or loss.task == "binary":
        return -3.0, 3.0
    numbers = (getattr(loss, name) for name in fields_of(type(loss)))
    sizes = [abs(number) for number in numbers if isinstance(number, (int, float))]
    reach = REACH * max([1.5, *sizes])
    # at the edge of its domain a loss may have a pole, which would flatten all the rest
    return max(targets.min() - reach, loss.prediction.low + 0.5), targets.max() + reach


def _curves(loss, targets, raw, derivatives):
    """Evaluate the scalar methods as plain Python: a few hundred points need no compiler."""
    y, z = targets[:, None], raw[None, :]
    curves = {"value": np.vectorize(loss.value, otypes=[float])(y, z)}
    if derivatives:
        both = np.vectorize(loss.grad_hess, otypes=[float, float])(y, z)
        curves |= dict(zip(("gradient", "Hessian"), both, strict=True))
    return curves


def _label(loss, targets):
    if loss.task == "binary":
        return "raw prediction (score of class 1)"
    scale = "logarithm of the prediction" if loss.task == "regression" else "raw prediction"
    shown = scale if _has_link(loss) else "prediction"
    return f"{shown}, y = {targets[0]:g}" if targets.size == 1 else shown
