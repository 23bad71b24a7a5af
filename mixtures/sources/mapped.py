"""Arrays that are mapped from a file: another process maps the file for itself, when it reads there, and is sent no rows."""

import os
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mixtures.errors import DataError


class Mapped:
    """Some numbers of a file, as an array that is sliced as it is read.

    Args:
        array: they, which this process goes on reading.
        path: of the file.
        first: the byte where the array begins.
    """

    def __init__(self, array: np.ndarray, path: Path, first: int):
        self._array = array  # found already
        self.shape, self.dtype, self._strides = array.shape, array.dtype, array.strides
        self._path, self._first = path, first

    @cached_property
    def _array(self) -> np.ndarray:
        try:
            file = np.memmap(self._path, np.uint8, mode="r")
            return np.ndarray(self.shape, self.dtype, file, self._first, self._strides)
        except (OSError, ValueError, TypeError) as error:  # the last: a file that has become too short
            raise DataError(
                self._path.name,
                got=f"no such numbers at {self._path} ({error})",
                expected="the same file wherever rows are read",
                advice="Put it on a disk that all workers see, under the same path.",
            ) from error

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self._array

    def __getitem__(self, rows: slice) -> np.ndarray:
        return self._array[rows]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_array"}


def mapped(array: Any) -> Any:
    """The same array, known by its place in a file, where it is mapped from one that is still there; else itself.

    Example:
        >>> mapped(np.zeros(3))
        array([0., 0., 0.])
    """
    whole = array
    while isinstance(whole, np.ndarray) and isinstance(whole.base, np.ndarray):
        whole = whole.base
    if not isinstance(whole, np.memmap) or whole.filename is None or not os.path.exists(whole.filename):
        return array
    if whole.mode == "c":  # what is changed in it is not in the file
        return array
    first = whole.offset + array.ctypes.data - whole.ctypes.data
    return Mapped(array, Path(whole.filename), first)
