"""Seeds are arguments: one int in [0, 2**32), the same for every backend, never a global state."""

import numbers

from mixtures.errors import SeedError, in_words


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
