"""Whose code a program is: what this package's computes is known by its value, what a user's does may change under it."""

from dataclasses import fields, is_dataclass
from typing import Any


def is_from_here(part: Any) -> bool:
    """Whether a program, or a part of one, is all of this package's code: what it computes is then known by its value.

    >>> from mixtures import gaussian_mixture
    >>> is_from_here(gaussian_mixture(2))
    True
    """
    if isinstance(part, tuple | list | frozenset):
        return all(map(is_from_here, part))
    if not is_dataclass(part):
        return not callable(part)
    is_ours = type(part).__module__.split(".")[0] == "mixtures"
    return is_ours and all(is_from_here(getattr(part, field.name)) for field in fields(part))
