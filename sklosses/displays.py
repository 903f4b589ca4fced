"""Pictures of fitted models: calibration of quantiles, course of the training, maps."""

from __future__ import annotations

import numpy as np
from sklearn.decomposition import PCA
from sklearn.utils import check_array, check_consistent_length, column_or_1d
from sklearn.utils._plotting import _validate_style_kwargs
from sklearn.utils.validation import check_is_fitted

from .metrics._intervals import _quantiles, _weights
from .plot import _check_matplotlib
from .scoring import fitted_with_loss

DIAGONAL = "Perfectly calibrated"


class QuantileCalibrationDisplay:
    """Share of targets at or below each predicted quantile against the level of the quantile.

    Create it with `from_estimator` or `from_predictions`; all parameters are stored as attributes.

    Parameters
    ----------
    levels : array-like of shape (n_levels,)
        Levels of the quantiles, in (0, 1) and in any order.
    observed : array-like of shape (n_levels,)
        Share of targets at or below each.
    name : str, default=None
        Name in the legend; None: not there.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What was drawn on.
    figure_ : matplotlib Figure
        Its figure.
    line_ : matplotlib Line2D
        The calibration curve.

    References
    ----------
    Gneiting, T., Wolffram, D., Resin, J., Kraus, K., Bracher, J., Dimitriadis, T., Hagenmeyer, V.,
    Jordan, A. I., Lerch, S., Phipps, K. and Schienle, M. (2023). Model diagnostics and forecast
    evaluation for quantiles. doi:10.1146/annurev-statistics-032921-020240

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> display = QuantileCalibrationDisplay.from_predictions(
    ...     [1.0, 2.0], [[0.0, 1.5], [1.0, 2.5]], levels=[0.25, 0.75]
    ... )
    >>> display.observed.tolist()
    [0.0, 1.0]
    >>> plt.close(display.figure_)
    """

    def __init__(self, levels, observed, *, name=None):
        self.levels = levels
        self.observed = observed
        self.name = name

    @classmethod
    def from_estimator(
        cls, estimator, X, y, *, levels=None, sample_weight=None, name=None, ax=None, **kwargs
    ):
        """Predict quantiles, compare them with targets and draw.

        Parameters
        ----------
        estimator : estimator
            A fitted one whose `predict` returns quantiles, of shape (n_samples, n_levels); also a
            pipeline or a search.
        X : array-like of shape (n_samples, n_features)
            Data, preferably not those of the fit.
        y : array-like of shape (n_samples,)
            Targets.
        levels : array-like of shape (n_levels,), default=None
            Levels of the quantiles; None: the ``quantiles`` of the loss that was minimised.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.
        name : str, default=None
            Name in the legend; None: that of the estimator's class.
        ax : matplotlib Axes, default=None
            Where to draw; None: a new figure.
        **kwargs : dict
            Keywords for ``matplotlib.axes.Axes.plot``.

        Returns
        -------
        QuantileCalibrationDisplay
            The display, drawn.
        """
        _check_matplotlib(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        if levels is None:
            loss = _loss_estimator(estimator).loss_function_
            levels = getattr(loss, "quantiles", None)
            if levels is None:
                raise ValueError(f"{loss!r} does not say what was predicted: give levels.")
        return cls.from_predictions(
            y,
            estimator.predict(X),
            levels=levels,
            sample_weight=sample_weight,
            name=type(estimator).__name__ if name is None else name,
            ax=ax,
            **kwargs,
        )

    @classmethod
    def from_predictions(
        cls, y_true, quantiles, *, levels, sample_weight=None, name=None, ax=None, **kwargs
    ):
        """Compare predicted quantiles with targets and draw.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Targets.
        quantiles : array-like of shape (n_samples, n_levels)
            Predicted quantiles.
        levels : array-like of shape (n_levels,)
            Their levels, in (0, 1) and in any order.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.
        name : str, default=None
            Name in the legend; None: not there.
        ax : matplotlib Axes, default=None
            Where to draw; None: a new figure.
        **kwargs : dict
            Keywords for ``matplotlib.axes.Axes.plot``.

        Returns
        -------
        QuantileCalibrationDisplay
            The display, drawn.
        """
        _check_matplotlib(f"{cls.__name__}.from_predictions")
        y, q, levels = _quantiles(y_true, quantiles, levels)
        observed = np.average(y[:, None] <= q, axis=0, weights=_weights(sample_weight, y))
        return cls(levels, observed, name=name).plot(ax=ax, **kwargs)

    def plot(self, ax=None, *, name=None, ref_line=True, **kwargs):
        """Draw the curve.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None: a new figure.
        name : str, default=None
            Name in the legend; None: the ``name`` of the display.
        ref_line : bool, default=True
            Whether to draw the diagonal, unless it is there already.
        **kwargs : dict
            Keywords for ``matplotlib.axes.Axes.plot``.

        Returns
        -------
        QuantileCalibrationDisplay
            Itself.
        """
        self.ax_ = ax = _axes(ax, f"{type(self).__name__}.plot")
        self.figure_ = ax.figure
        if ref_line and DIAGONAL not in ax.get_legend_handles_labels()[1]:
            ax.plot([0, 1], [0, 1], "k:", label=DIAGONAL)
        name = self.name if name is None else name
        style = {"marker": "s", "linestyle": "-"} | ({} if name is None else {"label": name})
        levels, observed = np.asarray(self.levels), np.asarray(self.observed)
        order = np.argsort(levels)
        (self.line_,) = ax.plot(
            levels[order], observed[order], **_validate_style_kwargs(style, kwargs)
        )
        ax.set(xlabel="Level of the quantile", ylabel="Share of targets at or below it")
        _legend(ax)
        return self


class TrainingCurveDisplay:
    """Training loss after each epoch or iteration, with the validation loss where there is one.

    Create it with `from_estimator`; all parameters are stored as attributes.

    Parameters
    ----------
    loss_curve : array-like of shape (n_epochs,)
        The mean training loss after each epoch.
    validation_scores : array-like of shape (n_epochs,), default=None
        The negated mean validation loss after each epoch, as estimators keep it: greater is
        better. It is drawn as a loss. None: there was no validation.
    name : str, default=None
        Name of the model in the legend; None: not there.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What was drawn on.
    figure_ : matplotlib Figure
        Its figure.
    line_ : matplotlib Line2D
        The training loss.
    validation_line_ : matplotlib Line2D or None
        The validation loss.

    Notes
    -----
    The training loss of the linear models includes their penalty, the validation loss does not.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> display = TrainingCurveDisplay([3.0, 2.0], [-4.0, -3.0]).plot()
    >>> display.validation_line_.get_ydata().tolist()
    [4.0, 3.0]
    >>> plt.close(display.figure_)
    """

    def __init__(self, loss_curve, validation_scores=None, *, name=None):
        self.loss_curve = loss_curve
        self.validation_scores = validation_scores
        self.name = name

    @classmethod
    def from_estimator(cls, estimator, *, name=None, ax=None, **kwargs):
        """Draw the course of a fit.

        Parameters
        ----------
        estimator : estimator
            One fitted with a loss of this library; also a pipeline or a search.
        name : str, default=None
            Name of the model in the legend; None: that of the estimator's class.
        ax : matplotlib Axes, default=None
            Where to draw; None: a new figure.
        **kwargs : dict
            Keywords for every ``matplotlib.axes.Axes.plot``.

        Returns
        -------
        TrainingCurveDisplay
            The display, drawn.
        """
        _check_matplotlib(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        fitted = _loss_estimator(estimator)
        if not hasattr(fitted, "loss_curve_"):
            raise ValueError(f"{type(fitted).__name__} keeps no loss_curve_.")
        display = cls(
            fitted.loss_curve_,
            getattr(fitted, "validation_scores_", None),
            name=type(estimator).__name__ if name is None else name,
        )
        return display.plot(ax=ax, **kwargs)

    def plot(self, ax=None, *, name=None, **kwargs):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None: a new figure.
        name : str, default=None
            Name of the model in the legend; None: the ``name`` of the display.
        **kwargs : dict
            Keywords for every ``matplotlib.axes.Axes.plot``.

        Returns
        -------
        TrainingCurveDisplay
            Itself.
        """
        self.ax_ = ax = _axes(ax, f"{type(self).__name__}.plot")
        self.figure_ = ax.figure
        name = self.name if name is None else name
        of_model = "" if name is None else f"{name}, "

        def draw(losses, **style):
            epochs = np.arange(1, losses.size + 1)  # the first value is that after one epoch
            return ax.plot(epochs, losses, **_validate_style_kwargs(style, kwargs))[0]

        self.line_ = draw(np.asarray(self.loss_curve, dtype=float), label=f"{of_model}training")
        self.validation_line_ = None
        if self.validation_scores is not None:
            # the colour tells models apart, the dashes what was measured
            self.validation_line_ = draw(
                -np.asarray(self.validation_scores, dtype=float),
                label=f"{of_model}validation",
                linestyle="--",
                color=self.line_.get_color(),
            )
        ax.set(xlabel="Epoch", ylabel="Loss")
        _legend(ax)
        return self


class EmbeddingDisplay:
    """A map of the data in two dimensions, coloured by label.

    Create it with `from_estimator`; all parameters are stored as attributes.

    Parameters
    ----------
    embedding : array-like of shape (n_samples, n_components)
        Places of the rows. Of more than two components the two principal ones are drawn.
    labels : array-like of shape (n_samples,), default=None
        Labels of the rows; None: all are of one colour.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What was drawn on.
    figure_ : matplotlib Figure
        Its figure.
    scatters_ : list of matplotlib PathCollection
        The rows of each label, in the order of the labels.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> display = EmbeddingDisplay([[0.0, 1.0], [2.0, 1.0]], ["a", "b"]).plot()
    >>> len(display.scatters_)
    2
    >>> plt.close(display.figure_)
    """

    def __init__(self, embedding, labels=None):
        self.embedding = embedding
        self.labels = labels

    @classmethod
    def from_estimator(cls, estimator, X, y=None, *, ax=None, **kwargs):
        """Map data and draw them.

        Parameters
        ----------
        estimator : estimator
            A fitted transformer, such as `LossEmbedder`, or a pipeline that ends with one.
        X : array-like of shape (n_samples, n_features)
            Data, preferably not those of the fit.
        y : array-like of shape (n_samples,), default=None
            Labels.
        ax : matplotlib Axes, default=None
            Where to draw; None: a new figure.
        **kwargs : dict
            Keywords for every ``matplotlib.axes.Axes.scatter``.

        Returns
        -------
        EmbeddingDisplay
            The display, drawn.
        """
        _check_matplotlib(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        return cls(np.asarray(estimator.transform(X)), y).plot(ax=ax, **kwargs)

    def plot(self, ax=None, **kwargs):
        """Draw the map.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None: a new figure.
        **kwargs : dict
            Keywords for every ``matplotlib.axes.Axes.scatter``.

        Returns
        -------
        EmbeddingDisplay
            Itself.
        """
        self.ax_ = ax = _axes(ax, f"{type(self).__name__}.plot")
        self.figure_ = ax.figure
        z = check_array(self.embedding)
        if z.shape[1] > 2:
            z = PCA(2).fit_transform(z)
        y = np.zeros(len(z)) if self.labels is None else column_or_1d(self.labels)
        check_consistent_length(z, y)
        self.scatters_ = []
        for label in np.unique(y):
            own = z[y == label]
            style = {"s": 8, "label": None if self.labels is None else str(label)}
            self.scatters_.append(
                ax.scatter(own[:, 0], own[:, -1], **_validate_style_kwargs(style, kwargs))
            )
        ax.set(xticks=[], yticks=[])
        _legend(ax)
        return self


def _axes(ax, caller):
    _check_matplotlib(caller)
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots()
    return ax


def _legend(ax):
    if ax.get_legend_handles_labels()[1]:  # else matplotlib would warn
        ax.legend(loc="best", fontsize="small")


def _loss_estimator(estimator):
    """Return the estimator itself or the one inside it that was fitted with a loss of ours."""
    fitted = fitted_with_loss(estimator)
    if fitted is None:
        raise ValueError(
            f"{type(estimator).__name__} was not fitted with a loss of sklosses, nor is there "
            f"an estimator inside it that was."
        )
    return fitted
