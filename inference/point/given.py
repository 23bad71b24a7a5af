"""Values of sites as a user gives them, checked: numbers, of the site's shape, and within its support."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from inference.backends.sites import Site, Sites
from mixtures.checks import check_choice
from mixtures.errors import ModelError, in_words

ROUNDING = 1e-6
"""How far sums and norms may be from 1: what is left of numbers in single precision."""


def checked_values(what: str, given: Any, sites: Sites, advice: str = "") -> dict[str, np.ndarray]:
    """Values by site, each in its site's shape; a single number stands for all of a site's coordinates.

    Args:
        what: the argument's name.
        given: as the user gives them.
        sites: the program's.
        advice: what to do where numbers are not finite.

    Raises:
        ChoiceError: a site that the program does not have.
        ModelError: not a mapping, not numbers, a wrong shape, or values outside the support.
    """
    if not isinstance(given, Mapping):
        of_fit = f"A fit's are its parameters: {what}=fit.parameters." if hasattr(given, "parameters") else ""
        raise ModelError(what, got=in_words(given), expected="values by site: {site: value}", advice=of_fit)
    known = {site.name: site for site in sites.parameters}
    for name in given:
        check_choice(f"{what}: site", name, known)
    return {name: _checked(f"{what}[{name!r}]", value, known[name], advice) for name, value in given.items()}


def _checked(what: str, value: Any, site: Site, advice: str) -> np.ndarray:
    try:
        array = np.asarray(value)
    except Exception as error:  # of unequal lengths, or of another library
        raise ModelError(what, got=in_words(value), expected=f"an array of shape {site.shape}") from error
    if array.dtype.kind not in "fiu":
        raise ModelError(what, got=in_words(value), expected="numbers")
    if array.shape not in (site.shape, ()):
        raise ModelError(what, got=f"shape {array.shape}", expected=f"shape {site.shape}")
    values = np.broadcast_to(array, site.shape).astype(np.float64)
    if not np.isfinite(values).all():
        raise ModelError(what, got=in_words(value), expected="finite numbers", advice=advice)
    check_support(what, values, site, value)
    return values


def check_support(what: str, values: np.ndarray, site: Site, given: Any) -> None:
    """Check that a site can have these values, which were `given` in other words.

    Raises:
        ModelError: it cannot.
    """
    expected, holds = SUPPORTS.get(site.support, ("", lambda values: True))
    if not holds(values):
        raise ModelError(what, got=in_words(given), expected=expected)


def _is_simplex(values: np.ndarray) -> bool:
    return bool((values >= 0).all() and np.allclose(values.sum(axis=-1), 1.0, rtol=0.0, atol=ROUNDING))


def _is_correlation_cholesky(values: np.ndarray) -> bool:
    is_lower = (values == np.tril(values)).all()
    is_positive = (np.diagonal(values, axis1=-2, axis2=-1) > 0).all()
    # the diagonal of L L' is 1: rows of L have norm 1
    return bool(is_lower and is_positive and np.allclose((values**2).sum(axis=-1), 1.0, rtol=0.0, atol=ROUNDING))


SUPPORTS: dict[str, tuple[str, Callable[[np.ndarray], bool]]] = {
    "positive": ("numbers > 0", lambda values: bool((values > 0).all())),
    "unit interval": ("numbers from 0 to 1", lambda values: bool(((values >= 0) & (values <= 1)).all())),
    "simplex": ("numbers >= 0 that sum to 1 along the last axis", _is_simplex),
    "correlation Cholesky": (
        "lower triangular matrices of positive diagonal, rows of norm 1: the Cholesky factors of correlation matrices",
        _is_correlation_cholesky,
    ),
}
"""What may be asked of values, in words, and whether it holds; other supports are not checked."""
