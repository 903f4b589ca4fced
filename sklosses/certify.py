"""The contract test of a loss: the library's own losses and the user's pass the same one."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ._bases.adversarial import AdversarialLoss
from ._certify.adversarial import CHECKS as ADVERSARIAL_CHECKS
from ._certify.adversarial import outputs_of
from ._certify.checks import CHECKS, DoesNotApplyError
from ._certify.kinds import samples_of
from ._certify.samples import random_parameters
from ._registry import example_of

__all__ = ["CertificationReport", "Check", "certify", "check_loss", "random_parameters"]


@dataclass
class Check:
    """One line of a report: what was checked, whether it held, and what was seen."""

    name: str
    passed: bool
    detail: str = ""


@dataclass(repr=False)
class CertificationReport:
    """What `certify` found.

    Attributes
    ----------
    loss : Loss
        The loss.
    checks : list of Check
        One entry a property.
    """

    loss: object
    checks: list[Check] = field(default_factory=list)

    @property
    def passed(self):
        """Whether every check held."""
        return all(check.passed for check in self.checks)

    def to_frame(self):
        """Return the checks as a DataFrame with columns check, passed, detail."""
        import pandas as pd

        rows = [(check.name, check.passed, check.detail) for check in self.checks]
        return pd.DataFrame(rows, columns=["check", "passed", "detail"])

    def raise_if_failed(self):
        """Raise `AssertionError` naming what failed."""
        if not self.passed:
            raise AssertionError(repr(self))

    def __repr__(self):
        verdict = "passed" if self.passed else "FAILED"
        lines = [f"{self.loss!r}: {verdict}"]
        width = max((len(check.name) for check in self.checks), default=0)
        for check in self.checks:
            mark = "ok    " if check.passed else "FAILED"
            lines.append(f"  {mark} {check.name:<{width}}  {check.detail}".rstrip())
        return "\n".join(lines)


def certify(loss, *, random_state=0):
    """Test that a loss keeps its contract, numerically.

    Parameters
    ----------
    loss : Loss, type or str
        The loss, the library's or your own.
    random_state : int, default=0
        Seed of the targets and predictions it is tried on.

    Returns
    -------
    CertificationReport
        ``passed``, ``to_frame()``, ``raise_if_failed()``.

    Examples
    --------
    >>> certify("huber").passed
    True
    """
    loss = example_of(loss)
    rng = np.random.default_rng(random_state)
    if isinstance(loss, AdversarialLoss):
        checks, samples = ADVERSARIAL_CHECKS, [outputs_of(loss, rng)]
    else:
        checks, samples = CHECKS, samples_of(loss, rng)
    runs = [_run(name, check, loss, samples) for name, check in checks.items()]
    return CertificationReport(loss, runs)


def _run(name, check, loss, samples):
    """Return a `Check`: passed if it held on all samples."""
    details = []
    for data in samples:
        where = f"{data.name}: " if data.name else ""
        try:
            with np.errstate(all="ignore"):
                details.append(check(data.view(loss), data) or "")
        except DoesNotApplyError as reason:
            return Check(name, True, f"does not apply: {reason}")
        except Exception as error:
            text = str(error) if isinstance(error, AssertionError) else repr(error)
            return Check(name, False, where + text)
        details[-1] = where + details[-1] if details[-1] else ""
    return Check(name, True, "; ".join(filter(None, details)))


def check_loss(loss, *, random_state=0):
    """Raise `AssertionError` unless `certify` passes: for the test suite of your own loss.

    Parameters
    ----------
    loss : Loss, type or str
        The loss.
    random_state : int, default=0
        Seed, as in `certify`.
    """
    certify(loss, random_state=random_state).raise_if_failed()
