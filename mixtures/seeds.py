"""Seeds are arguments: one int in [0, 2**32), the same for every backend, never a global state.

A seed becomes random numbers here and nowhere else, always together with what they are for. A seed that is handed to a generator as it
is, or with the number of a chain added, gives the same numbers to verbs that should know nothing of each other, and to seeds that are
neighbours. NumPy's `SeedSequence` mixes seed and purpose, so that streams are independent if either differs.
"""

import numbers
import zlib
from typing import Any

import numpy as np

from mixtures.errors import SeedError, in_words

Purpose = str | int
"""A word for what random numbers are for, such as the verb, or the number of a chain, a restart, a block."""


class _Needed:
    """The place of a seed that must be said."""

    def __repr__(self) -> str:
        return "<needed>"


NEEDED: Any = _Needed()
"""In a signature: there is no seed but the caller's; `check_seed` says so in a sentence."""


def sequence(seed: int, *purpose: Purpose) -> np.random.SeedSequence:
    """The source of random numbers for one purpose: independent of those of other seeds and of other purposes."""
    # words as numbers by their CRC-32: Python's own hash differs from process to process
    key = [zlib.crc32(part.encode()) if isinstance(part, str) else part for part in purpose]
    return np.random.SeedSequence(seed, spawn_key=key)


def generator(seed: int, *purpose: Purpose) -> np.random.Generator:
    """NumPy's generator for one purpose.

    Example:
        >>> chains = [generator(0, "chain", 0), generator(0, "chain", 1), generator(1, "chain", 0)]
        >>> len({int(each.integers(2**32)) for each in chains})
        3
    """
    return np.random.default_rng(sequence(seed, *purpose))


def derived(seed: int, *purpose: Purpose) -> int:
    """A seed for one purpose, in [0, 2**32): what backends are seeded with.

    Example:
        >>> derived(0, "chain", 1) == derived(1, "chain", 0)
        False
    """
    return int(sequence(seed, *purpose).generate_state(1)[0])


def restart_seeds(seed: int, restarts: int) -> np.ndarray:
    """The seed of each restart, the same whatever their number; see `restart_seed`."""
    return np.array([restart_seed(seed, index) for index in range(restarts)], dtype=np.int64)


def restart_seed(seed: int, index: int) -> int:
    """The seed of one restart: the first has the run's own, so that any restart is the first one of its own seed."""
    return derived(seed, "restart", index) if index else seed


def check_seed(seed: object) -> int:
    """The seed as a Python int in [0, 2**32).

    The bound is the widest range that NumPy, torch and JAX all take as it is (without 64-bit mode JAX would silently
    fold larger seeds together).

    Raises:
        SeedError: `seed` is not an integer, or lies outside the range.

    Example:
        >>> check_seed(7)
        7
    """
    if seed is NEEDED:
        advice = "Pass seed=0, say: the same seed gives the same results."
        raise SeedError("seed", got="none", expected="an int in [0, 2**32)", advice=advice)
    if isinstance(seed, bool) or not isinstance(seed, numbers.Integral):
        raise SeedError(
            "seed",
            got=f"{in_words(seed)} ({type(seed).__name__})",
            expected="an int in [0, 2**32)",
            advice="Pass seed=0, say.",
        )
    if not 0 <= int(seed) < 2**32:
        raise SeedError("seed", got=in_words(seed), expected="an int in [0, 2**32)", advice="Pass seed=0, say.")
    return int(seed)
