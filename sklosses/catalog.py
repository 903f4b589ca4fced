"""The table of losses, derived from the classes."""

from __future__ import annotations

from ._registry import all_losses, example_of

HEADINGS = {
    "en": {
        "name": "Name", "alias": "Alias", "task": "Task", "formula": "Formula",
        "use_case": "Use case", "choose_when": "Choose it when", "domain": "Target",
        "prediction": "Prediction", "convex": "Convex", "smooth": "Smooth", "hessian": "Hessian",
        "reference": "Reference",
    },
    "zh": {
        "name": "名称", "alias": "别名", "task": "任务", "formula": "公式",
        "use_case": "适用场景", "choose_when": "何时选用", "domain": "目标值域",
        "prediction": "预测值域", "convex": "凸", "smooth": "光滑", "hessian": "二阶导数",
        "reference": "文献",
    },
}  # fmt: skip

TASKS_ZH = {
    "regression": "回归", "distributional": "分布预测", "binary": "二分类", "multiclass": "多分类",
    "ranking": "排序", "embedding": "度量学习", "overlap": "重叠", "sequence": "序列",
    "generative": "生成",
}  # fmt: skip
ANY = {"en": "labels", "zh": "标签"}
LABELS = {"en": "labels from 0", "zh": "从 0 起的标签"}
MASKS = {"en": "0 and 1 (or between), or labels from 0", "zh": "0 与 1(或其间),或从 0 起的标签"}
SHARES = {"en": "labels from 0, or class shares", "zh": "从 0 起的标签,或类别占比"}
SEQUENCES = {"en": "sequences of labels", "zh": "标签序列"}


def catalog(task=None, lang="en"):
    r"""Return the table of losses.

    Parameters
    ----------
    task : str or None, default=None
        Only the losses of a family: "regression", "binary", …
    lang : {"en", "zh"}, default="en"
        Language of names, use cases and headings.

    Returns
    -------
    pandas.DataFrame
        One row a loss, indexed by class name: name, alias, task, formula (LaTeX), use case, when
        to choose it, domains of target and prediction, convexity, smoothness, Hessian, reference.

    Examples
    --------
    >>> catalog("binary").loc["Hinge", "Formula"]
    '\\max(0,\\ 1 - (2y - 1) f)'
    """
    import pandas as pd

    if lang not in HEADINGS:
        raise ValueError(
            f"The 'lang' parameter must be one of {sorted(HEADINGS)}. Got {lang!r} instead."
        )
    rows = {cls.__name__: _row(cls, lang) for cls in all_losses(task)}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(HEADINGS[lang]))
    return table.rename(columns=HEADINGS[lang]).rename_axis("Class")


def _row(cls, lang):
    loss = example_of(cls)
    return {
        "name": loss.names[lang],
        "alias": loss.__name__,
        "task": loss.task if lang == "en" else TASKS_ZH[loss.task],
        "formula": loss.formula,
        "use_case": loss.use_case[lang],
        "choose_when": loss.choose_when[lang],
        "domain": _target(loss, lang),
        "prediction": _domain(loss.prediction, lang),
        "convex": loss.convex,
        "smooth": loss.is_smooth,
        "hessian": loss.hessian,
        "reference": loss.reference,
    }


def _target(loss, lang):
    if loss.task == "sequence":
        return SEQUENCES[lang]
    if loss.task == "multiclass":
        return (SHARES if loss.soft_labels else LABELS)[lang]
    if loss.task == "embedding":
        return ANY[lang]
    return MASKS[lang] if loss.task == "overlap" else _domain(loss.target, lang)


def _domain(interval, lang):
    text = str(interval).rpartition("range ")[2]
    integers = {"en": "integers in", "zh": "整数,属于"}[lang]
    return f"{integers} {text}" if interval.integer else text
