"""Blocks of rows: those that are looked at together, and the fingerprint of data, which is made of their blocks'."""

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np

BLOCK = 65_536
"""Rows that are looked at together, where columns are not many. Sums are of such blocks, whatever the chunks, which leaves no digit to these."""

CELLS = 2**21
"""Numbers in a block at the most: 16 MB."""


def rows_at_once(features: int | None) -> int:
    """Rows in a block of so many columns.

    Example:
        >>> rows_at_once(None), rows_at_once(8), rows_at_once(1000)
        (65536, 65536, 2097)
    """
    return min(BLOCK, max(1, CELLS // (features or 1)))


ABREAST = 2048
"""Numbers that NumPy's loops over rows have in a line: of a few columns, a line a row would be a call a row."""


def rows_abreast(x: np.ndarray) -> int:
    """How many of these rows make such a line."""
    return min(len(x), max(1, ABREAST // x[0].size))


def reduced(operation: np.ufunc, x: np.ndarray) -> np.ndarray:
    """`operation.reduce(x, axis=0)`, several rows at a time; of least and greatest values the same.

    Example:
        >>> reduced(np.maximum, np.arange(6.0).reshape(3, 2))
        array([4., 5.])
    """
    side = rows_abreast(x)
    whole = len(x) - len(x) % side
    line = operation.reduce(x[:whole].reshape(whole // side, -1), axis=0).reshape(side, *x.shape[1:])
    return operation.reduce(np.concatenate([line, x[whole:]]), axis=0)


def digest_of(x: np.ndarray) -> bytes:
    """sha256 of the numbers of a block."""
    return hashlib.sha256(np.ascontiguousarray(x).data).digest()


def digests_of(x: np.ndarray) -> Iterable[bytes]:
    """The same of each block of (rows,) or (rows, features)."""
    size = rows_at_once(x.shape[1] if x.ndim == 2 else None)
    return (digest_of(x[begin : begin + size]) for begin in range(0, len(x), size))


def fingerprint_of(shape: tuple[int, ...], names: tuple[str, ...] | None, digests: Iterable[bytes]) -> Any:
    """The beginning of the sha256 of a table: its blocks' digests, which can be found side by side."""
    return hashlib.sha256(repr((shape, names)).encode() + b"".join(digests))
