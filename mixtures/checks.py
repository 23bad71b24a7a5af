"""Arguments checked at the head of a verb, before any work: one check for each kind of argument, one sentence for each mistake.

A check takes the argument's name and value and returns the value in its plain form, or raises what, got, expected. Those in the plural
take several arguments of a kind by name.
"""

import math
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mixtures.errors import ChoiceError, ModelError, in_words
from mixtures.memory import check_memory

MOST = 2**31 - 1
"""The most that may be counted: backends count in 32 bits, and nobody waits for more steps or draws than that."""


def is_number(value: Any) -> bool:
    """Whether a value is one real number that a float holds: Python's or NumPy's (an array without axes too), and no truth value."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return value.dtype.kind in "fiu"
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return False
    return not isinstance(value, int) or abs(value) < sys.float_info.max


def check_count(name: str, value: Any, least: int = 1, most: int = MOST) -> int:
    """An argument that counts something.

    Raises:
        ModelError: not an int, less than `least` or more than `most`.

    Example:
        >>> check_count("draws", 10**30)
        Traceback (most recent call last):
        mixtures.errors.ModelError: draws: got 1000000000000000000000000000000 (int); expected an int from 1 to 2147483647.
    """
    is_whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not is_whole or not least <= value <= most:
        expected = f"an int from {least} to {most}" if is_whole and value > most else f"an int >= {least}"
        raise ModelError(name, got=f"{in_words(value)} ({type(value).__name__})", expected=expected)
    return int(value)


def check_counts(**values: Any) -> None:
    """Several arguments that count something; see `check_count`."""
    for name, value in values.items():
        check_count(name, value)


def check_flags(**values: Any) -> None:
    """Arguments that are True or False.

    Raises:
        ModelError: anything else, 0 and 1 too.
    """
    for name, value in values.items():
        if not isinstance(value, bool | np.bool_):
            raise ModelError(name, got=in_words(value), expected="True or False")


def check_options(**values: Any) -> None:
    """Arguments that are True or False, or None for the verb to decide.

    Raises:
        ModelError: anything else.
    """
    for name, value in values.items():
        if value is not None and not isinstance(value, bool | np.bool_):
            raise ModelError(name, got=in_words(value), expected="True, False or None")


def check_choice(name: str, value: Any, choices: Iterable[str]) -> str:
    """An argument that is one of several words.

    Raises:
        ChoiceError: not one of them, or no text; the error lists them.
    """
    if not isinstance(value, str) or value not in (known := list(choices)):
        raise ChoiceError.of(name, value, choices)
    return known[known.index(value)]


def listed(given: Any) -> list[Any]:
    """One value, or several, as a list; a text is one, and so is what no list can be made of, to be refused as a value.

    Example:
        >>> listed("loc"), listed(("loc", "scale"))
        (['loc'], ['loc', 'scale'])
    """
    is_one = isinstance(given, str | bytes | Mapping) or (isinstance(given, np.ndarray) and given.ndim == 0)
    return list(given) if isinstance(given, Iterable) and not is_one else [given]


def check_share(name: str, value: Any) -> float:
    """An argument that is a share strictly between 0 and 1.

    Raises:
        ModelError: not a number, or outside.
    """
    if not is_number(value) or not 0 < value < 1:
        raise ModelError(name, got=in_words(value), expected="a share between 0 and 1")
    return float(value)


def check_positive(name: str, value: Any, or_zero: bool = False) -> float:
    """An argument that is a positive number (or zero, where that makes sense).

    Raises:
        ModelError: not a number, or not positive and finite.
    """
    if not is_number(value) or not 0 <= value < math.inf or (value == 0 and not or_zero):
        raise ModelError(name, got=in_words(value), expected=f"a {'number >= 0' if or_zero else 'positive number'}")
    return float(value)


def frozen_numbers(name: str, value: Any) -> float | tuple:
    """A number, or an array of them, finite, in the hashable form that a declaration needs: a float, or nested tuples.

    Raises:
        ModelError: no numbers, or text and truth values in their place; empty, of unequal lengths, or not finite.
    """
    try:
        array = np.asarray(value)
    except Exception:  # of unequal lengths, or an array of another library that NumPy cannot read
        array = np.asarray(None)
    if array.dtype.kind not in "fiu" or array.size == 0:
        raise ModelError(name, got=in_words(value), expected="a number or an array of numbers")
    if not np.isfinite(array).all():
        raise ModelError(name, got=in_words(value), expected="finite numbers")
    return _nested(array.astype(np.float64).tolist())


def _nested(value: Any) -> float | tuple:
    return tuple(map(_nested, value)) if isinstance(value, list) else value


def check_path(name: str, value: Any) -> Path:
    """An argument that names a file or folder.

    Raises:
        ModelError: no text and no path, or a text that no file system takes.
    """
    if not isinstance(value, str | os.PathLike) or not os.fspath(value) or "\0" in str(os.fspath(value)):
        raise ModelError(name, got=in_words(value), expected="a path: text, or a pathlib.Path")
    return Path(os.fsdecode(value))


def check_room(**sizes: int) -> None:
    """Check that there is memory for an array of float64 with these axes.

    Raises:
        TooLargeError: there is less.

    Example:
        >>> check_room(restarts=10**9, steps=10**9)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        mixtures.errors.TooLargeError: restarts=1000000000, steps=1000000000: got a need of 8e+06 TB; expected at most the ...
    """
    what = ", ".join(f"{name}={size}" for name, size in sizes.items())
    check_memory(what, 8.0 * math.prod(sizes.values()), "Ask for fewer.")
