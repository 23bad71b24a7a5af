"""The interval that tables, sentences and pictures give of draws, ArviZ's default: one share, everywhere."""

INTERVAL = 0.89
"""The share of the draws within it; of such intervals no number is sacred (McElreath 2020, Statistical Rethinking)."""


def tails(share: float = INTERVAL) -> tuple[float, float]:
    """The quantiles between which this share of the draws lies.

    Example:
        >>> tails(0.5)
        (0.25, 0.75)
    """
    return (1 - share) / 2, (1 + share) / 2
