"""Shapes in signatures are true: the arrays of every call are checked against their annotations while the tests run.

Only annotations with an array in them are checked: what is no array is mypy's work, and bad arguments must reach the errors written for them.
"""

from collections.abc import Callable
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import numpy as np
from beartype import beartype
from jaxtyping import AbstractArray

PLAIN = (bool, float, int, str, NoneType, np.ndarray)
"""Classes that may stand beside an array."""


def arrays(function: Callable) -> Callable:
    """The function, its annotated arrays checked by beartype: a type checker for jaxtyping's import hook."""
    function.__annotations__ = {
        name: hint if _has_array(hint) and _is_certain(hint) else Any for name, hint in function.__annotations__.items()
    }
    return beartype(function)


def _is_array(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, AbstractArray)


def _has_array(hint: Any) -> bool:
    """Whether a shape is part of an annotation, as in `tuple[Float[np.ndarray, "rows"], int]`."""
    return _is_array(hint) or any(map(_has_array, get_args(hint)))


def _is_certain(hint: Any) -> bool:
    """Whether beartype looks at all of a value: of a list or a mapping at one item, drawn with random numbers that are the caller's."""
    is_fixed = get_origin(hint) in (Union, UnionType, tuple) and ... not in get_args(hint)
    return _is_array(hint) or hint in PLAIN or (is_fixed and all(map(_is_certain, get_args(hint))))
