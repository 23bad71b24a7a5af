"""Scales without ends: where an interval about a bounded value is symmetric, and from where it is mapped back."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit


@dataclass(frozen=True)
class Scale:
    """A function of values that takes them to the whole line.

    Args:
        to_line: the function.
        back: its inverse.
        slope: its derivative.
    """

    to_line: Callable[[np.ndarray], np.ndarray]
    back: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]


CORRELATION = "correlation"
"""What a correlation is called beside the supports of sites, whose factors are not shown."""

LINE = Scale(lambda value: value, lambda line: line, np.ones_like)
LOGIT = Scale(logit, expit, lambda value: 1 / (value * (1 - value)))
SCALES = {
    "positive": Scale(np.log, np.exp, lambda value: 1 / value),
    "unit interval": LOGIT,
    "simplex": LOGIT,
    CORRELATION: Scale(np.arctanh, np.tanh, lambda value: 1 / (1 - value**2)),  # Fisher (1921)
}
"""By support; other values are on the line as they are."""


def scale_of(support: str) -> Scale:
    """The scale of values with this support.

    Example:
        >>> float(scale_of("positive").back(scale_of("positive").to_line(np.array(2.0))).round(6))
        2.0
    """
    return SCALES.get(support, LINE)


def interval(estimate: np.ndarray, error: np.ndarray, supports: np.ndarray, width: float) -> np.ndarray:
    """Intervals estimate -+ width errors, symmetric where values have no ends; lower and upper ends, (2, values).

    Args:
        estimate: values, (values,).
        error: their standard errors, (values,); NaN gives NaN.
        supports: of each.
        width: in standard errors.
    """
    ends = np.full((2, len(estimate)), np.nan)
    for support in set(supports.tolist()):
        own = (supports == support) & ~np.isnan(error)
        scale = scale_of(support)
        line, reach = scale.to_line(estimate[own]), width * error[own] * scale.slope(estimate[own])
        ends[:, own] = scale.back(line - reach), scale.back(line + reach)
    return ends
