"""Shapes in signatures are true: the arrays of every call are checked against their annotations while the tests run.

Only annotations with an array in them are checked: what is no array is mypy's work, and bad arguments must reach the errors written for them.
"""

from collections.abc import Callable
from typing import Any, get_args

from beartype import beartype
from jaxtyping import AbstractArray


def arrays(function: Callable) -> Callable:
    """The function, its annotated arrays checked by beartype: a type checker for jaxtyping's import hook."""
    function.__annotations__ = {
        name: hint if _has_array(hint) else Any for name, hint in function.__annotations__.items()
    }
    return beartype(function)


def _has_array(hint: Any) -> bool:
    """Whether a shape is part of an annotation, as in `tuple[Float[np.ndarray, "rows"], int]`."""
    is_array = isinstance(hint, type) and issubclass(hint, AbstractArray)
    return is_array or any(_has_array(part) for part in get_args(hint))
