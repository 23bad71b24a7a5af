"""What correlations and their Cholesky factors are called. Apart from `factors`, so that a point fit needs no xarray."""

import re

FACTOR, SHOWN = "correlation_cholesky", "correlation"
"""What a site of factors is called, and what stands in its place."""

NAME = re.compile(rf"(?:.+_)?{FACTOR}(?:_\d+)?")
"""A word may stand before it, and after it the number of a component that has a family of its own."""


def is_factor(name: object) -> bool:
    """Whether a variable is a Cholesky factor of correlations.

    Example:
        >>> is_factor("correlation_cholesky"), is_factor("correlation_cholesky_0"), is_factor("correlation")
        (True, True, False)
    """
    return NAME.fullmatch(str(name)) is not None


def shown_name(name: str) -> str:
    """What stands in the place of a variable: its own name, unless it is a factor.

    Example:
        >>> shown_name("correlation_cholesky_0"), shown_name("loc_0")
        ('correlation_0', 'loc_0')
    """
    return SHOWN.join(name.rsplit(FACTOR, 1)) if is_factor(name) else name
